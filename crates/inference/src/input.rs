use std::sync::Arc;

/// What one inference is run on: the bytes of a file, whatever it holds. Shared, because an
/// application that reads a long recording piece by piece keeps hold of it.
#[derive(Debug, Clone)]
pub struct Input {
    /// What the user calls it, for messages.
    pub name: String,
    /// The file's bytes.
    pub bytes: Arc<[u8]>,
}

impl Input {
    /// An input of this name.
    #[must_use]
    pub fn new(name: impl Into<String>, bytes: impl Into<Arc<[u8]>>) -> Self {
        Self { name: name.into(), bytes: bytes.into() }
    }
}
