//! A master's database after an accident: some bytes of a real one, of its write-ahead log or of both, are others.
//! Opening it ends with the state or an error, and what could be opened can be read to the end.

#![no_main]

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use slapos_core::{
    actor::Actor,
    names::{Revision, Timestamp},
    write::{Entry, Note},
};
use slapos_master::store::Store;
use tempfile::TempDir;

/// A database with some commits, as a power cut leaves it: database and log.
static GOOD: LazyLock<[Vec<u8>; 2]> = LazyLock::new(|| {
    let folder = place();
    let path = folder.path().join("master.sqlite");
    let (mut store, _) = Store::open(&path).expect("a new database opens");
    for number in 1..=8 {
        let note = Note {
            verb: "test".into(),
            what: format!("commit {number}"),
            instance: None,
            computer: None,
        };
        let entry = Entry {
            revision: Revision(number),
            at: Timestamp(number),
            actor: Actor::Nobody,
            origin: "fuzz".into(),
            note,
            writes: Vec::new(),
        };
        store.commit(&[entry]).expect("a commit is taken");
    }
    ["master.sqlite", "master.sqlite-wal"].map(|name| fs::read(folder.path().join(name)).unwrap_or_default())
});

/// In memory: a case must not wait for a disk.
fn place() -> TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { TempDir::new_in(memory) } else { TempDir::new() }.expect("a folder can be made")
}

fuzz_target!(|data: &[u8]| {
    if let Ok(entry) = serde_json::from_slice::<Entry>(data) {
        let written = serde_json::to_vec(&entry).expect("an entry can be written");
        let again: Entry = serde_json::from_slice(&written).expect("what is written can be read");
        assert_eq!(again, entry);
    }
    let [mut database, mut log] = GOOD.clone();
    // Each five bytes: which file, where, and the other byte. The last may cut the log.
    for change in data.chunks_exact(5) {
        let at = u32::from_le_bytes([change[1], change[2], change[3], 0]) as usize;
        match change[0] % 3 {
            0 if !database.is_empty() => {
                let at = at % database.len();
                database[at] ^= change[4];
            }
            1 if !log.is_empty() => {
                let at = at % log.len();
                log[at] ^= change[4];
            }
            _ => log.truncate(at % (log.len() + 1)),
        }
    }
    let folder = place();
    let path = folder.path().join("master.sqlite");
    fs::write(&path, database).expect("there is room");
    fs::write(folder.path().join("master.sqlite-wal"), log).expect("there is room");
    if let Ok((store, _)) = Store::open(&path) {
        drop(store.journal().history(None, 100));
        drop(store.journal().tail(Revision(0), 100));
    }
});
