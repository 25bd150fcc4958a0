//! A list that does not grow in memory: its first items are kept, the rest goes to a file
//! without a name. A bill with ten million lines of tax is checked in the same memory as one
//! with ten.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Seek, SeekFrom, Write};

use serde::de::DeserializeOwned;
use serde::ser::{Error as _, SerializeSeq as _};
use serde::{Serialize, Serializer};

/// Items that stay in memory.
const KEPT: usize = 4096;

pub(super) struct Spool<T> {
    first: Vec<T>,
    rest: Option<BufWriter<File>>,
}

impl<T> Default for Spool<T> {
    fn default() -> Self {
        Self { first: Vec::new(), rest: None }
    }
}

impl<T: Serialize> Spool<T> {
    pub(super) fn push(&mut self, item: T) -> io::Result<()> {
        if self.first.len() < KEPT {
            self.first.push(item);
            return Ok(());
        }
        let file = match &mut self.rest {
            Some(file) => file,
            rest => rest.insert(BufWriter::new(tempfile::tempfile()?)),
        };
        serde_json::to_writer(&mut *file, &item)?;
        file.write_all(b"\n")
    }

    /// Takes an item only where it stays in memory: a person reads no more.
    pub(super) fn push_first(&mut self, item: T, most: usize) {
        if self.first.len() < most {
            self.first.push(item);
        }
    }

    /// The items in memory.
    pub(super) fn first(&self) -> &[T] {
        &self.first
    }

    /// Brings everything to where it can be read back. Nothing is added after this.
    pub(super) fn seal(&mut self) -> io::Result<()> {
        match &mut self.rest {
            Some(file) => file.flush().and_then(|()| file.seek(SeekFrom::Start(0)).map(drop)),
            None => Ok(()),
        }
    }
}

impl<T: Serialize + DeserializeOwned> Serialize for Spool<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(None)?;
        for item in &self.first {
            list.serialize_element(item)?;
        }
        if let Some(file) = &self.rest {
            for line in BufReader::new(file.get_ref()).lines() {
                let line = line.map_err(S::Error::custom)?;
                let item: T = serde_json::from_str(&line).map_err(S::Error::custom)?;
                list.serialize_element(&item)?;
            }
        }
        list.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_in_the_file_comes_back_in_order() {
        for count in [0, 1, KEPT, KEPT + 1, 3 * KEPT] {
            let mut spool = Spool::default();
            let items: Vec<String> = (0..count).map(|index| format!("\"{index}\n")).collect();
            for item in &items {
                spool.push(item.clone()).expect("kept");
            }
            spool.seal().expect("flushed");
            assert_eq!(spool.rest.is_some(), count > KEPT);
            let text = serde_json::to_string(&spool).expect("JSON");
            assert_eq!(serde_json::from_str::<Vec<String>>(&text).expect("a list"), items);
        }
    }
}
