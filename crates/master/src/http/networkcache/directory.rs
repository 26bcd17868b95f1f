//! Signed entries by key. A key has a list of them, the newest first.

use std::{
    fs, io,
    path::PathBuf,
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

/// An entry that cannot be taken.
#[derive(Debug, thiserror::Error)]
#[error(
    "an entry is a pair of texts, [entry, signature], and the entry a JSON object with `sha512`"
)]
pub(super) struct BadEntry;

/// Reads an entry with its signature.
pub(super) fn parse(body: &[u8]) -> Result<Entry, BadEntry> {
    let entry: Entry = serde_json::from_slice(body).map_err(|_| BadEntry)?;
    let content: Value = serde_json::from_str(&entry.0).map_err(|_| BadEntry)?;
    if content["sha512"].is_string() { Ok(entry) } else { Err(BadEntry) }
}

/// The entries of the cache.
#[derive(Debug)]
pub(super) struct Directory {
    path: PathBuf,
    /// One changes at a time.
    turn: Mutex<()>,
}

impl Directory {
    pub(super) fn open(path: PathBuf) -> io::Result<Self> {
        fs::create_dir_all(&path)?;
        Ok(Self { path, turn: Mutex::default() })
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
    pub(super) fn add(&self, key: &str, entry: Entry) -> io::Result<()> {
        if !beyond_reserve(&self.path)? {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let known = self.read(key)?.map(|list| serde_json::from_str(&list)).transpose();
        let mut list: Vec<Entry> = known.map_err(io::Error::from)?.unwrap_or_default();
        list.retain(|it| *it != entry);
        list.insert(0, entry); // clients take the first that suits them
        list.truncate(ENTRIES_MAX);
        keep(&self.at(key), &serde_json::to_string(&list)?)
    }

    /// Keys are texts of any kind: the hash of one is its file's name.
    fn at(&self, key: &str) -> PathBuf {
        self.path.join(HEXLOWER.encode(&Sha256::digest(key)))
    }
}
