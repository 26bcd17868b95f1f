//! Signed entries by key. A key has a list of them, the newest first.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use data_encoding::HEXLOWER;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::{data_dir::keep, store::beyond_reserve};

/// Entries of one key; older ones give way.
const ENTRIES_MAX: usize = 100;

/// An entry, a JSON object as text, with its signature.
type Entry = (String, String);

/// Why an entry cannot be taken.
#[derive(Debug, thiserror::Error)]
pub(super) enum EntryError {
    /// It is none.
    #[error(
        "an entry is a pair of texts, [entry, signature], and the entry a JSON object with `sha512`"
    )]
    Bad,
    /// There are so many keys that no other one is taken.
    #[error(
        "the networkcache has {0} keys, which is its limit: raise it (`slapos master serve \
         --networkcache-keys`), or remove old files of `networkcache/dir` in the data directory"
    )]
    TooManyKeys(usize),
    /// The disk does not do what it should.
    #[error("the master's disk: {0}")]
    Disk(#[from] io::Error),
}

/// Reads an entry with its signature.
pub(super) fn parse(body: &[u8]) -> Result<Entry, EntryError> {
    let entry: Entry = serde_json::from_slice(body).map_err(|_| EntryError::Bad)?;
    let content: Value = serde_json::from_str(&entry.0).map_err(|_| EntryError::Bad)?;
    if content["sha512"].is_string() { Ok(entry) } else { Err(EntryError::Bad) }
}

/// The entries of the cache.
#[derive(Debug)]
pub(super) struct Directory {
    path: PathBuf,
    keys_max: usize,
    /// How many keys there are. One changes at a time.
    keys: Mutex<usize>,
}

impl Directory {
    /// The entries that are kept in a directory, which take at most so many keys.
    pub(super) fn open(path: PathBuf, keys_max: usize) -> io::Result<Self> {
        fs::create_dir_all(&path)?;
        let keys = Mutex::new(count(&path)?);
        Ok(Self { path, keys_max, keys })
    }

    /// The list of a key as JSON. Blocks on the disk.
    pub(super) fn read(&self, key: &str) -> io::Result<Option<String>> {
        match fs::read_to_string(self.at(key)) {
            Ok(list) => Ok(Some(list)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Adds an entry to a key; one that is there becomes the newest. Blocks on the disk.
    pub(super) fn add(&self, key: &str, entry: Entry) -> Result<(), EntryError> {
        if !beyond_reserve(&self.path)? {
            return Err(io::Error::from(io::ErrorKind::StorageFull).into());
        }
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        let known = self.read(key)?;
        let is_new = known.is_none();
        if is_new && *keys >= self.keys_max {
            *keys = count(&self.path)?; // somebody may have removed some
            if *keys >= self.keys_max {
                return Err(EntryError::TooManyKeys(*keys));
            }
        }
        let known = known.map(|list| serde_json::from_str(&list)).transpose();
        let mut list: Vec<Entry> = known.map_err(io::Error::from)?.unwrap_or_default();
        list.retain(|it| *it != entry);
        list.insert(0, entry); // clients take the first that suits them
        list.truncate(ENTRIES_MAX);
        let list = serde_json::to_string(&list).map_err(io::Error::from)?;
        keep(&self.at(key), &list)?;
        *keys += usize::from(is_new);
        Ok(())
    }

    /// Keys are texts of any kind: the hash of one is its file's name.
    fn at(&self, key: &str) -> PathBuf {
        self.path.join(HEXLOWER.encode(&Sha256::digest(key)))
    }
}

fn count(path: &Path) -> io::Result<usize> {
    Ok(fs::read_dir(path)?.count())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_keys_are_taken_and_those_that_are_known_go_on() {
        let data = tempfile::TempDir::new().unwrap();
        let open = || Directory::open(data.path().join("dir"), 2).unwrap();
        let entry = |number: u32| (format!("{number}"), String::new());
        let directory = open();
        for key in ["a", "b", "a"] {
            directory.add(key, entry(1)).unwrap();
        }
        for directory in [directory, open()] {
            let refused = directory.add("c", entry(1)).unwrap_err();
            assert!(matches!(refused, EntryError::TooManyKeys(2)), "{refused}");
            assert!(refused.to_string().contains("--networkcache-keys"), "{refused}");
            directory.add("b", entry(2)).unwrap();
            assert_eq!(directory.read("c").unwrap(), None);
        }
        let directory = open();
        fs::remove_file(directory.at("a")).unwrap();
        directory.add("c", entry(1)).unwrap();
    }
}
