//! The store as files: reopening, folding, two masters on one file.

use std::{fs, io::Write, path::Path};

use slapos_core::{
    actor::Actor,
    decide::{Ask, Format, Request, Requester, decide},
    names::{InstanceId, Revision, Timestamp, WishedState},
    world::{Dictionary, World},
    write::{Entry, Write as Change},
};
use slapos_master::{
    store::{Store, StoreError},
    upkeep::check,
};
use tempfile::TempDir;

use crate::past::long_story;

/// `count` requests by a person, decided on `world`.
pub(crate) fn entries(world: &mut World, count: usize) -> Vec<Entry> {
    let person = || "admin".try_into().unwrap();
    let ask = |number| {
        Ask::Request(Request {
            requester: Requester::Person(person()),
            title: format!("app-{number}").as_str().try_into().unwrap(),
            release: "software/hello".try_into().unwrap(),
            software_type: "default".try_into().unwrap(),
            parameters: Some(Dictionary::from([("name".into(), "world".repeat(20))])),
            placement: Dictionary::new(),
            shared: false,
            state: Some(WishedState::Started),
        })
    };
    let start = world.revision().0;
    (start..start + count as u64)
        .map(|number| {
            let actor = Actor::Operator(person());
            let at = Timestamp(number);
            decide(world, &ask(number), &actor, "test", at).unwrap().1.unwrap()
        })
        .collect()
}

/// A closed store with 20 entries, of which `folded` are folded; the world that it must give.
pub(crate) fn filled(path: &Path, folded: usize) -> World {
    let (mut store, loaded) = Store::open(path).unwrap();
    let mut world = loaded.world;
    for _ in 0..4 {
        store.commit(&entries(&mut world, 5)).unwrap();
    }
    if folded > 0 {
        store.fold(folded).unwrap();
    }
    world
}

pub(crate) fn put(path: &Path, bytes: &[u8]) {
    fs::File::create(path).and_then(|mut file| file.write_all(bytes)).unwrap();
}

#[test]
fn a_reopened_store_gives_the_same_world() {
    for folded in [0, 7, 20] {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("master.sqlite");
        let world = filled(&path, folded);
        for _ in 0..2 {
            let (store, loaded) = Store::open(&path).unwrap();
            assert_eq!(loaded.world, world, "{folded} folded");
            assert_eq!(loaded.replayed, 20 - folded as u64);
            assert_eq!(store.revision(), Revision(20));
        }
    }
}

#[test]
fn a_fold_changes_nothing_but_the_start() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("master.sqlite");
    let (mut store, loaded) = Store::open(&path).unwrap();
    let mut world = loaded.world;
    let format = Format { computer: "COMP-1".try_into().unwrap(), partitions: vec![] };
    let node = Actor::Computer(format.computer.clone());
    let made = decide(&mut world, &Ask::Format(format), &node, "test", Timestamp(1)).unwrap();
    store.commit(&[made.1.unwrap()]).unwrap();
    store.commit(&entries(&mut world, 5)).unwrap();
    while store.fold(2).unwrap() > 0 {}
    store.commit(&entries(&mut world, 1)).unwrap();
    let journal = store.journal();
    assert_eq!(journal.tail(Revision(4), 100).unwrap().len(), 3);
    assert_eq!(journal.history(None, 2).unwrap().len(), 2);
    let title = world.instance(InstanceId(3)).unwrap().title.clone();
    assert_eq!(journal.history(Some(&title), 100).unwrap()[0].revision, Revision(3));
    drop(store);
    assert_eq!(Store::open(&path).unwrap().1.world, world);
}

#[test]
fn an_outcome_is_folded_into_the_row_of_its_instance() {
    let data = long_story(); // of reports, which are outcomes
    let path = data.path().join("master.sqlite");
    let (mut store, loaded) = Store::open(&path).unwrap();
    let [.., last] = &store.journal().history(None, 1).unwrap()[..] else { panic!() };
    assert!(matches!(last.writes[..], [Change::PutOutcome(_)]), "{:?}", last.writes);
    while store.fold(100).unwrap() > 0 {}
    drop(store);
    assert_eq!(check(&path).unwrap().damage, [""; 0]);
    let again = Store::open(&path).unwrap().1;
    assert_eq!((again.world, again.replayed), (loaded.world, 0));
}

#[test]
fn a_store_of_the_former_format_becomes_one_of_the_present() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("master.sqlite");
    let world = filled(&path, 7);
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.execute_batch("PRAGMA user_version = 3").unwrap();
    assert_eq!(Store::open(&path).unwrap().1.world, world);
    let version = connection.query_one("PRAGMA user_version", [], |row| row.get::<_, i64>(0));
    assert_eq!(version, Ok(4), "so that an older program leaves it alone");
}

#[test]
fn whoever_opened_the_store_before_can_commit_nothing_more() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("master.sqlite");
    let (mut old, loaded) = Store::open(&path).unwrap();
    let mut old_world = loaded.world;
    old.commit(&entries(&mut old_world, 1)).unwrap();
    let (mut new, loaded) = Store::open(&path).unwrap();
    let mut new_world = loaded.world;
    let refused = old.commit(&entries(&mut old_world, 1));
    assert!(matches!(refused, Err(StoreError::Deposed)), "{refused:?}");
    let refused = old.fold(100);
    assert!(matches!(refused, Err(StoreError::Deposed)), "nor move the rows: {refused:?}");
    new.commit(&entries(&mut new_world, 1)).unwrap();
    drop((old, new));
    assert_eq!(Store::open(&path).unwrap().1.world, new_world);
}

#[test]
fn an_unfinished_creation_is_made_anew_and_another_format_refused() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("master.sqlite");
    put(&path.with_extension("new"), b"half a database");
    assert_eq!(Store::open(&path).unwrap().1.world, World::default());
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.execute_batch("PRAGMA user_version = 99").unwrap();
    let error = Store::open(&path).unwrap_err();
    assert!(matches!(error, StoreError::Format { found: 99, .. }), "{error:?}");
}
