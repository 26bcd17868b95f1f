//! Damage to the files of the store: a torn end is cut, kept beside and told; all else is refused.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use slapos_core::{names::Revision, world::World};
use slapos_master::store::{Loaded, Store, StoreError};
use tempfile::TempDir;

use crate::store::{entries, filled, put};

fn database(directory: &TempDir) -> PathBuf {
    directory.path().join("master.sqlite")
}

fn sql(path: &Path, statement: &str) {
    let connection = rusqlite::Connection::open(path).unwrap();
    assert!(connection.execute(statement, []).unwrap() > 0, "{statement}");
}

/// Flips one bit of the file, within the only place where it says `text`.
fn flip(path: &Path, text: &str) {
    let mut bytes = fs::read(path).unwrap();
    let places: Vec<_> =
        (0..bytes.len()).filter(|at| bytes[*at..].starts_with(text.as_bytes())).collect();
    assert_eq!(places.len(), 1, "{text} is once in {}", path.display());
    bytes[places[0] + text.len() - 2] ^= 1;
    put(path, &bytes);
}

fn refused(path: &Path, what: &str) -> StoreError {
    let error = Store::open(path).unwrap_err();
    let hint = error.hint().unwrap();
    assert!(hint.contains("slapos master check"), "{what}: {hint}");
    assert!(hint.contains("slapos master restore"), "{what}: {hint}");
    error
}

/// The worlds after each of the first `count` entries that [`filled`] makes.
fn worlds(count: usize) -> Vec<World> {
    let mut worlds = vec![World::default()];
    for _ in 0..count {
        let mut world = worlds.last().unwrap().clone();
        entries(&mut world, 1);
        worlds.push(world);
    }
    worlds
}

#[test]
fn damage_with_whole_entries_after_it_is_refused() {
    let swap = "UPDATE journal SET body = CAST(replace(body, 'app-15', 'app-16') AS BLOB) WHERE revision = 16";
    let table = [
        (swap, 0, "entry 16, and 4 whole entries follow"),
        (swap, 7, "entry 16, and 4 whole entries follow"),
        ("DELETE FROM journal WHERE revision = 12", 0, "entry 12, and 8 whole entries follow"),
        ("UPDATE journal SET body = x'00' WHERE revision IN (18, 19)", 0, "entry 18, and 1 whole"),
        ("UPDATE journal SET chain = zeroblob(32) WHERE revision = 19", 0, "entry 19, and 1 whole"),
        (
            "UPDATE instances SET row = replace(row, 'app-2', 'app-3') WHERE key = 'SOFTINST-3'",
            7,
            "row SOFTINST-3 of instances",
        ),
        ("UPDATE head SET revision = 19", 0, "ends at revision 20, its head says 19"),
        // what is folded cannot be cut any more
        ("DELETE FROM journal WHERE revision = 20", 20, "entry 20"),
        ("UPDATE journal SET body = x'00' WHERE revision = 20", 20, "entry 20"),
    ];
    for (damage, folded, expected) in table {
        let directory = TempDir::new().unwrap();
        let path = database(&directory);
        filled(&path, folded);
        sql(&path, damage);
        for _ in 0..2 {
            let error = refused(&path, damage);
            assert!(error.to_string().contains(expected), "{damage}: {error}");
        }
    }
}

#[test]
fn a_torn_end_is_cut_at_the_last_whole_entry_kept_beside_and_told() {
    let table = [
        ("UPDATE journal SET body = x'00' WHERE revision = 20", 0, 19, 1),
        ("UPDATE journal SET chain = zeroblob(32) WHERE revision = 20", 7, 19, 1),
        ("UPDATE journal SET body = zeroblob(9), chain = x'' WHERE revision > 16", 16, 16, 4),
        ("UPDATE journal SET body = x'00' WHERE revision > 0", 0, 0, 20),
        ("DELETE FROM journal WHERE revision = 20", 0, 19, 0),
        ("DELETE FROM journal WHERE revision > 11", 7, 11, 0),
        ("UPDATE head SET revision = 24", 0, 20, 0),
    ];
    for (damage, folded, kept, count) in table {
        let directory = TempDir::new().unwrap();
        let path = database(&directory);
        filled(&path, folded);
        sql(&path, damage);
        let Loaded { world, cut, .. } = Store::open(&path).unwrap().1;
        assert_eq!(world, worlds(kept)[kept], "{damage}");
        let cut = cut.unwrap();
        assert_eq!((cut.kept, cut.entries), (Revision(kept as u64), count), "{damage}");
        if let Some(copy) = cut.copy {
            let mode = fs::metadata(&copy).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{damage}");
            let copy = rusqlite::Connection::open(copy).unwrap();
            let count_sql = "SELECT count(*) FROM journal";
            let kept: u32 = copy.query_one(count_sql, [], |row| row.get(0)).unwrap();
            assert_eq!(u64::from(kept), count, "{damage}");
        } else {
            assert_eq!(count, 0, "{damage}");
        }
        let (mut store, loaded) = Store::open(&path).unwrap();
        assert_eq!((&loaded.world, loaded.cut), (&world, None), "{damage}: cut once");
        let mut world = loaded.world;
        store.commit(&entries(&mut world, 3)).unwrap();
        drop(store);
        assert_eq!(Store::open(&path).unwrap().1.world, world, "{damage}: it goes on");
    }
}

#[test]
fn a_bit_that_flips_in_the_file_is_found() {
    for (text, kept) in [("\"title\":\"app-19\"", Some(19)), ("\"title\":\"app-11\"", None)] {
        let directory = TempDir::new().unwrap();
        let path = database(&directory);
        filled(&path, 0);
        flip(&path, text);
        match kept {
            Some(kept) => {
                let loaded = Store::open(&path).unwrap().1;
                assert_eq!(loaded.cut.unwrap().kept, Revision(kept));
            }
            None => {
                let error = refused(&path, text);
                assert!(error.to_string().contains("entry 12, and 8 whole"), "{error}");
            }
        }
    }
}

#[test]
fn a_database_that_lost_its_end_is_refused() {
    for lost in [1, 4096, 20_000] {
        let directory = TempDir::new().unwrap();
        let path = database(&directory);
        filled(&path, 7);
        let bytes = fs::read(&path).unwrap();
        put(&path, &bytes[..bytes.len() - lost]);
        refused(&path, "truncated");
    }
}

/// A database with its log as a power cut leaves them: six commits of three entries.
fn running() -> (Vec<u8>, Vec<u8>, Vec<World>) {
    let directory = TempDir::new().unwrap();
    let path = database(&directory);
    let (mut store, loaded) = Store::open(&path).unwrap();
    let mut worlds = vec![loaded.world];
    for _ in 0..6 {
        let mut world = worlds.last().unwrap().clone();
        store.commit(&entries(&mut world, 3)).unwrap();
        worlds.push(world);
    }
    let log = fs::read(path.with_extension("sqlite-wal")).unwrap();
    assert!(log.len() > 20_000, "the log holds the commits");
    (fs::read(&path).unwrap(), log, worlds)
}

fn laid_out(main: &[u8], log: &[u8]) -> TempDir {
    let directory = TempDir::new().unwrap();
    put(&database(&directory), main);
    put(&database(&directory).with_extension("sqlite-wal"), log);
    directory
}

#[test]
fn a_log_that_was_cut_short_ends_at_a_whole_commit() {
    let (main, log, worlds) = running();
    let mut found = BTreeSet::new();
    for cut in (0..=log.len()).rev().step_by(3_001) {
        let copy = laid_out(&main, &log[..cut]);
        let loaded = Store::open(&database(&copy)).unwrap().1;
        let world = loaded.world;
        assert!(worlds.contains(&world), "cut at {cut} gives the state after a whole commit");
        if let Some(told) = loaded.log_cut {
            assert_eq!(told.kept + told.bytes, cut as u64);
            let kept = usize::try_from(told.kept).unwrap();
            assert_eq!(fs::read(told.copy).unwrap(), log[kept..cut]);
        }
        found.insert(world.revision());
    }
    assert!(found.len() > 3, "the cuts fell between different commits: {found:?}");
}

#[test]
fn a_torn_end_of_the_log_is_kept_once_and_only_so_many_are() {
    let (main, log, _) = running();
    let directory = laid_out(&main, &log);
    let copies = || {
        let names = fs::read_dir(directory.path()).unwrap().map(|it| it.unwrap().file_name());
        let names = names.map(|name| name.into_string().unwrap());
        names.filter(|name| name.starts_with("master.cut-log")).collect::<BTreeSet<_>>()
    };
    let mut newest = String::new();
    for lost in 1..12 {
        for _ in 0..3 {
            // as after a start that was broken off before it emptied the log
            put(&database(&directory), &main);
            let log_path = database(&directory).with_extension("sqlite-wal");
            put(&log_path, &log[..log.len() - lost]);
            let cut = Store::open(&database(&directory)).unwrap().1.log_cut.unwrap();
            newest = cut.copy.file_name().unwrap().to_str().unwrap().to_owned();
        }
        assert_eq!(copies().len(), lost.min(8), "one for each torn end, the newest only");
        assert!(copies().contains(&newest), "that of this one is there");
    }
}

#[test]
fn a_flipped_bit_in_the_log_is_cut_in_the_last_commit_and_refused_before() {
    let (main, log, worlds) = running();
    let (mut cut, mut broken) = (0, 0);
    for at in (32..log.len()).step_by(997) {
        let mut flipped = log.clone();
        flipped[at] ^= 4;
        let copy = laid_out(&main, &flipped);
        match Store::open(&database(&copy)) {
            Ok((_, loaded)) => {
                assert_eq!(loaded.world, worlds[5], "byte {at}: only the last commit can go");
                assert!(loaded.log_cut.is_some(), "byte {at}: it is told");
                cut += 1;
            }
            Err(StoreError::BrokenLog { .. }) => {
                let kept = fs::read(database(&copy).with_extension("sqlite-wal")).unwrap();
                assert_eq!(kept, flipped, "byte {at}: nothing was touched");
                broken += 1;
            }
            Err(error) => panic!("byte {at}: {error:?}"),
        }
    }
    assert!(cut > 0 && broken > cut, "{cut} cut, {broken} refused");
}

#[test]
fn what_an_earlier_round_left_in_the_log_is_no_damage() {
    let (main, log, worlds) = running();
    // an unfinished commit: whole frames, no end
    let page = 4096 + 24;
    let copy = laid_out(&main, &log[..log.len() - page]);
    let loaded = Store::open(&database(&copy)).unwrap().1;
    assert_eq!((&loaded.world, loaded.log_cut), (&worlds[5], None));
    // frames that another round wrote
    let mut older = log.clone();
    older.extend(&log[32..32 + 2 * page]);
    let end = older.len();
    for frame in [end - 2 * page, end - page] {
        older[frame + 8] ^= 1;
    }
    let copy = laid_out(&main, &older);
    let loaded = Store::open(&database(&copy)).unwrap().1;
    assert_eq!((&loaded.world, loaded.log_cut), (&worlds[6], None));
}
