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
    world::World,
    write::{Entry, Note},
};
use slapos_master::{store::Store, upkeep};
use tempfile::TempDir;

/// A database with some commits, a restore among them, as a power cut leaves it: database and log.
static GOOD: LazyLock<[Vec<u8>; 2]> = LazyLock::new(|| {
    let folder = place();
    let [before, backup, after] =
        ["before", "backup", "after"].map(|name| folder.path().join(name));
    fs::create_dir(&before).expect("a folder can be made");
    drop(grown(&before));
    upkeep::backup(&before, &backup, false).expect("it can be backed up");
    upkeep::restore(&backup, &after, false).expect("the backup can be restored");
    let open = grown(&after); // so that the log is not taken into the database
    let files = ["master.sqlite", "master.sqlite-wal"]
        .map(|name| fs::read(after.join(name)).unwrap_or_default());
    drop(open);
    files
});

/// The store in a data directory, after some more commits.
fn grown(data: &Path) -> Store {
    let (mut store, _) = Store::open(&data.join("master.sqlite")).expect("it opens");
    for _ in 0..4 {
        store.commit(&[commit(store.revision().0 + 1)]).expect("a commit is taken");
    }
    store
}

/// An entry that changes nothing.
fn commit(number: u64) -> Entry {
    let what = format!("commit {number}");
    Entry {
        revision: Revision(number),
        at: Timestamp(number),
        actor: Actor::Nobody,
        origin: "fuzz".into(),
        note: Note { verb: "test".into(), what, instance: None, computer: None },
        writes: Vec::new(),
    }
}

/// In memory: a case must not wait for a disk.
fn place() -> TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { TempDir::new_in(memory) } else { TempDir::new() }
        .expect("a folder can be made")
}

fuzz_target!(|data: &[u8]| {
    if let Ok(entry) = serde_json::from_slice::<Entry>(data) {
        let written = serde_json::to_vec(&entry).expect("an entry can be written");
        let again: Entry = serde_json::from_slice(&written).expect("what is written can be read");
        assert_eq!(again, entry);
        drop(World::default().commit(&entry)); // that of a state which it does not fit is refused
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
