use std::path::Path;

use crate::RegistryError;

// Primary result codes, https://www.sqlite.org/rescode.html. The lowest byte of an extended
// code is its primary code.
const PERMISSION: i32 = 3;
const BUSY: i32 = 5;
const LOCKED: i32 = 6;
const READ_ONLY: i32 = 8;
const CORRUPT: i32 = 11;
const FULL: i32 = 13;
const CANNOT_OPEN: i32 = 14;
const NOT_A_DATABASE: i32 = 26;
/// `SQLITE_IOERR_SHMSIZE`: a full disk shows first where the shared memory of the
/// write-ahead log cannot grow.
const SHARED_MEMORY_SIZE: i32 = 10 | (19 << 8);

/// The error that a user can act on, for what SQLite said while `step` was tried.
pub(super) fn of(source: sqlx::Error, step: &'static str, path: &Path) -> RegistryError {
    let path = path.to_owned();
    let Some(code) = code(&source) else {
        return RegistryError::Query { step, path, source };
    };
    if code == SHARED_MEMORY_SIZE {
        return RegistryError::Full { path, source };
    }
    match code & 0xff {
        FULL => RegistryError::Full { path, source },
        BUSY | LOCKED => RegistryError::Busy { path, source },
        CANNOT_OPEN if path.is_dir() => {
            RegistryError::NotARegistry { path, reason: "it is a directory".to_owned() }
        }
        READ_ONLY | PERMISSION | CANNOT_OPEN => RegistryError::ReadOnly { path, source },
        NOT_A_DATABASE => {
            RegistryError::NotARegistry { path, reason: "it is not a SQLite database".to_owned() }
        }
        CORRUPT => {
            RegistryError::NotARegistry { path, reason: "the database is damaged".to_owned() }
        }
        _ => RegistryError::Query { step, path, source },
    }
}

/// Whether another process had the database locked.
pub(super) fn is_busy(error: &RegistryError) -> bool {
    matches!(error, RegistryError::Busy { .. })
}

fn code(error: &sqlx::Error) -> Option<i32> {
    error.as_database_error()?.code()?.parse().ok()
}
