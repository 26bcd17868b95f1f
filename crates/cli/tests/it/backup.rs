//! Backup, restore and check of a master's state, with the real binary: while it runs, on damage,
//! broken off.

use std::{
    collections::BTreeSet,
    fs,
    io::Write,
    os::unix::{fs::PermissionsExt, process::ExitStatusExt},
    sync::atomic::{AtomicBool, Ordering},
};

use camino::{Utf8Path, Utf8PathBuf};
use slapos_master::store::{Store, StoreError};
use slapos_wire::v1::HistoryAsk;

use crate::{
    cloud::{Said, slapos},
    master::{Master, request, titles},
};

/// A directory with the state of a master in `data` that has some instances.
struct Place {
    directory: tempfile::TempDir,
}

impl Place {
    fn new(count: usize) -> Self {
        let directory = tempfile::Builder::new().prefix("slapos-test-").tempdir_in("/tmp").unwrap();
        let place = Self { directory };
        let master = Master::on(&place.data());
        for number in 0..count {
            request(&master.client(), &format!("app-{number}"), 100).unwrap();
        }
        master.kill();
        place
    }

    fn at(&self, name: &str) -> Utf8PathBuf {
        Utf8PathBuf::from_path_buf(self.directory.path().join(name)).unwrap()
    }

    fn data(&self) -> Utf8PathBuf {
        self.at("data")
    }

    fn database(&self) -> Utf8PathBuf {
        self.data().join("master.sqlite")
    }
}

fn run(arguments: &[&str]) -> Said {
    slapos().arg("master").args(arguments).output().unwrap().into()
}

fn must(arguments: &[&str], code: i32) -> Said {
    let said = run(arguments);
    assert_eq!(said.code, code, "{arguments:?}: {said:?}");
    said
}

fn must_or(arguments: &[&str], codes: &[i32]) -> Said {
    let said = run(arguments);
    assert!(codes.contains(&said.code), "{arguments:?}: {said:?}");
    said
}

fn titles_in(data: &Utf8Path) -> Vec<String> {
    titles(&Master::on(data).client())
}

/// Changes one bit of what the journal says about an instance, wherever the file says it (also
/// where the page was before), in a database without a log.
fn damage(database: &Utf8Path, title: &str) {
    let mut bytes = fs::read(database).unwrap();
    let text = format!("\"title\":\"{title}\"");
    for at in 0..bytes.len() - text.len() {
        if bytes[at..].starts_with(text.as_bytes()) {
            bytes[at + text.len() - 2] ^= 1;
        }
    }
    fs::File::create(database).unwrap().write_all(&bytes).unwrap();
}

#[test]
fn a_backup_of_a_running_master_is_one_moment_of_it_and_does_not_hold_it_up() {
    let place = Place::new(0);
    let master = Master::on(&place.data());
    let backups = place.at("backups");
    fs::create_dir(&backups).unwrap();
    let stop = AtomicBool::new(false);
    let made = std::thread::scope(|scope| {
        for worker in 0..4 {
            let (client, stop) = (master.client(), &stop);
            scope.spawn(move || {
                for number in 0.. {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    request(&client, &format!("{worker}-{number:06}"), 1000).unwrap();
                }
            });
        }
        let made: Vec<_> = (0..8)
            .map(|number| {
                let before = titles(&master.client());
                let file = backups.join(format!("{number}.sqlite"));
                let said =
                    must(&["backup", "--json", place.data().as_str(), file.as_str()], 0).json();
                (before, file, said["revision"].as_u64().unwrap())
            })
            .collect();
        stop.store(true, Ordering::Relaxed);
        made
    });
    assert!(made[0].2 < made[7].2, "it went on meanwhile");
    must(&["check", place.data().as_str()], 0);
    for (before, file, revision) in made {
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        let checked = must(&["check", "--json", file.as_str()], 0).json();
        assert_eq!(checked["revision"], revision);
        let data = place.at(&format!("restored-{revision}"));
        must(&["restore", file.as_str(), data.as_str()], 0);
        let restored = titles_in(&data);
        assert!(before.iter().all(|title| restored.contains(title)), "at least what was before");
        for worker in 0..4 {
            let of_worker =
                restored.iter().filter(|title| title.starts_with(&format!("{worker}-")));
            for (number, title) in of_worker.enumerate() {
                assert_eq!(*title, format!("{worker}-{number:06}"), "without a hole");
            }
        }
    }
    let left: Vec<_> =
        backups.read_dir_utf8().unwrap().map(|it| it.unwrap().file_name().to_owned()).collect();
    assert_eq!(left.len(), 8, "nothing half done is left: {left:?}");
}

#[test]
fn a_backup_replaces_only_what_it_is_told_to_and_is_named_after_the_time() {
    let place = Place::new(3);
    let (data, file) = (place.data(), place.at("backup.sqlite"));
    must(&["backup", data.as_str(), file.as_str()], 0);
    let first = fs::read(&file).unwrap();
    let said = must(&["backup", data.as_str(), file.as_str()], 1);
    assert!(said.err.contains("exists already") && said.err.contains("--replace"), "{said:?}");
    assert_eq!(fs::read(&file).unwrap(), first);
    must(&["backup", "--replace", data.as_str(), file.as_str()], 0);
    let said = must(&["backup", data.as_str(), place.directory.path().to_str().unwrap()], 0);
    let named = Utf8PathBuf::from(said.out.trim());
    assert!(named.file_name().unwrap().starts_with("master-2"), "{said:?}");
    must(&["check", named.as_str()], 0);

    let said = must(&["backup", place.at("nothing").as_str(), file.as_str()], 1);
    assert!(said.err.contains("holds no state of a master"), "{said:?}");
    assert!(!place.at("nothing").exists());
    let said = must(&["backup", data.as_str(), place.at("no/such/place").as_str()], 1);
    assert!(said.err.contains("no/such"), "{said:?}");
}

#[test]
fn a_restore_keeps_what_was_there_and_shuts_out_who_worked_with_it() {
    let place = Place::new(3);
    let (data, file) = (place.data(), place.at("backup.sqlite"));
    must(&["backup", data.as_str(), file.as_str()], 0);
    let kept = titles_in(&data);
    let master = Master::on(&data);
    request(&master.client(), "later", 1).unwrap();

    let said = must(&["restore", "--replace", file.as_str(), data.as_str()], 1);
    assert!(said.err.contains("another master already uses"), "{said:?}");
    master.kill();
    let said = must(&["restore", file.as_str(), data.as_str()], 1);
    assert!(said.err.contains("exists already") && said.err.contains("--replace"), "{said:?}");

    // one who does not heed the lock of the directory
    let (mut old, loaded) = Store::open(place.database().as_std_path()).unwrap();
    let epoch = must(&["check", "--json", data.as_str()], 0).json()["epoch"].as_u64().unwrap();
    let said = must(&["restore", "--json", "--replace", file.as_str(), data.as_str()], 0).json();
    assert!(said["epoch"].as_u64().unwrap() > epoch, "{said}");
    let before = said["before"].as_str().unwrap();
    assert!(matches!(old.commit(&[next(&loaded.world)]), Err(StoreError::Deposed)));
    drop(old);

    assert_eq!(titles_in(&data), kept);
    let old = titles_in(Utf8Path::new(before));
    assert!(old.contains(&"later".to_owned()), "{old:?}");
}

#[test]
fn nothing_that_is_new_after_a_restore_is_taken_for_what_was_new_before_it() {
    let place = Place::new(3);
    let (data, file) = (place.data(), place.at("backup.sqlite"));
    must(&["backup", data.as_str(), file.as_str()], 0);
    // each line of history goes on from the backup: its numbers must be others than those before
    let (mut ids, mut generations) = (BTreeSet::new(), BTreeSet::new());
    let mut newest = 0;
    let elsewhere = place.at("elsewhere");
    for (round, at) in [&data, &data, &data, &elsewhere].into_iter().enumerate() {
        if round > 0 {
            must(&["restore", "--replace", file.as_str(), at.as_str()], 0);
        }
        let master = Master::on(at);
        let client = master.client();
        if round > 0 {
            let revision = client.health().unwrap().revision.0;
            assert!(revision > newest, "{revision} was given in round {}", round - 1);
        }
        let other = request(&client, "other", round).unwrap();
        assert!(ids.insert(other.id), "{} once more", other.id);
        let changed = request(&client, "app-1", 20 + round).unwrap();
        assert!(generations.insert(changed.generation), "{changed:?}");
        newest = client.health().unwrap().revision.0;
        let told = client.history_of(&HistoryAsk::default(), 100).unwrap();
        let verbs: Vec<_> = told.iter().map(|it| it.change.verb.as_str()).collect();
        let restores = verbs.iter().filter(|verb| **verb == "restore").count();
        assert_eq!(
            (verbs.len(), restores),
            (5 + usize::from(round > 0), round.min(1)),
            "{verbs:?}"
        );
        master.kill();
        let checked = must(&["check", "--json", at.as_str()], 0).json();
        assert_eq!(checked["entries"], verbs.len());
        drop(Master::on(at)); // and it starts again
    }
}

/// An entry that may follow.
fn next(world: &slapos_core::world::World) -> slapos_core::write::Entry {
    use slapos_core::{
        actor::Actor,
        decide::{Ask, Format, decide},
        names::Timestamp,
    };
    let mut world = world.clone();
    let format = Format { computer: "COMP-9".try_into().unwrap(), partitions: vec![] };
    let node = Actor::Computer(format.computer.clone());
    decide(&mut world, &Ask::Format(format), &node, "test", Timestamp(1)).unwrap().1.unwrap()
}

#[test]
fn damage_is_found_by_check_and_neither_backed_up_nor_restored() {
    let place = Place::new(9);
    let (data, file) = (place.data(), place.at("backup.sqlite"));
    must(&["backup", data.as_str(), file.as_str()], 0);
    let bad = place.at("bad.sqlite");
    fs::copy(&file, &bad).unwrap();
    damage(&bad, "app-3");
    let said = must(&["check", bad.as_str()], 4);
    assert!(
        said.out.contains("damaged: the journal is damaged at entry 4, and 5 whole"),
        "{said:?}"
    );
    let said = must(&["check", "--json", bad.as_str()], 4);
    assert_eq!(said.json()["damage"].as_array().unwrap().len(), 1, "{said:?}");
    let said = must(&["restore", "--replace", bad.as_str(), data.as_str()], 4);
    assert!(said.err.contains("damaged"), "{said:?}");
    assert_eq!(titles_in(&data).len(), 9, "the state is still there");

    must(&["restore", "--replace", file.as_str(), data.as_str()], 0);
    damage(&place.database(), "app-5");
    let said = must(&["backup", "--replace", data.as_str(), file.as_str()], 4);
    assert!(said.err.contains("entry 6"), "{said:?}");
    must(&["check", file.as_str()], 0); // the good backup was not replaced
    let said: Said = slapos()
        .args(["master", "serve", "--open", "--listen", "127.0.0.1:0", "--data", data.as_str()])
        .output()
        .unwrap()
        .into();
    assert_eq!(said.code, 1, "{said:?}");
    for text in
        ["row SOFTINST-6 of instances does not fit", "slapos master check", "slapos master restore"]
    {
        assert!(said.err.contains(text), "{text}: {said:?}");
    }
    must(&["check", data.as_str()], 4);
    must(&["restore", "--replace", file.as_str(), data.as_str()], 0);
    assert_eq!(titles_in(&data).len(), 9);
}

#[test]
fn check_compares_the_rows_with_the_journal() {
    let table = [
        (
            "DELETE FROM instances WHERE key = 'SOFTINST-2'",
            "row SOFTINST-2 of instances is missing",
        ),
        (
            "UPDATE instances SET row = replace(row, 'app-2', 'app-x') WHERE key = 'SOFTINST-3'",
            "row SOFTINST-3 of instances",
        ),
        ("UPDATE head SET folded = folded - 1", "of instances is not what the journal says"),
        ("UPDATE head SET revision = revision + 2", "journal is damaged at entry 5"),
        ("UPDATE head SET revision = revision - 1", "its head says"),
    ];
    for (statement, expected) in table {
        let place = Place::new(4);
        drop(Master::on(&place.data())); // whoever starts again begins with an empty log
        let mut store = Store::open(place.database().as_std_path()).unwrap().0;
        store.fold(100).unwrap();
        drop(store);
        must(&["check", place.data().as_str()], 0);
        let connection = rusqlite::Connection::open(place.database()).unwrap();
        assert_eq!(connection.execute(statement, []).unwrap(), 1);
        drop(connection);
        let said = must(&["check", place.data().as_str()], 4);
        assert!(said.out.contains(expected), "{statement}: {said:?}");
    }
}

#[test]
fn a_restore_that_was_broken_off_lets_no_master_start_and_can_be_done_again() {
    let place = Place::new(3);
    let (data, file) = (place.data(), place.at("backup.sqlite"));
    must(&["backup", data.as_str(), file.as_str()], 0);
    // just before the last step
    fs::copy(&file, data.join("master.restoring")).unwrap();
    fs::remove_file(place.database()).unwrap();
    let log = place.at("log");
    let command = crate::master::serve(slapos(), &data);
    let Err(said) = Master::try_start(command, &log) else { panic!("it serves") };
    assert!(said.contains("a restore was broken off here"), "{said}");
    assert!(said.contains("slapos master restore --replace"), "{said}");
    assert!(!place.database().exists(), "no empty state was made");
    must(&["restore", "--replace", file.as_str(), data.as_str()], 0);
    assert_eq!(titles_in(&data).len(), 3);
}

/// Restores with the `when`th of the calls that change names or sync being the end of it; true
/// when it came that far. The error: why nothing can be ended so.
fn restore_killed(file: &Utf8Path, data: &Utf8Path, when: usize) -> Result<bool, String> {
    let calls = "mkdir,rename,renameat,renameat2,unlink,unlinkat,fsync,fdatasync";
    let mut strace = std::process::Command::new("strace");
    strace.args(["-f", "-qq", "-o", "/dev/null", "-e", &format!("trace={calls}")]);
    strace.args(["-e", &format!("inject={calls}:signal=KILL:when={when}")]);
    strace.arg(slapos().get_program()).args(["master", "restore", "--replace"]);
    let said = strace.args([file, data]).output().map_err(|error| format!("strace: {error}"))?;
    match (said.status.code(), said.status.signal()) {
        (Some(0), _) => Ok(false),
        (_, Some(9)) => Ok(true),
        _ => Err(format!("{:?}", Said::from(said))),
    }
}

#[test]
fn a_restore_that_is_killed_at_any_step_is_done_again_and_ends_right() {
    let place = Place::new(3);
    let (data, file) = (place.data(), place.at("backup.sqlite"));
    must(&["backup", data.as_str(), file.as_str()], 0);
    let master = Master::on(&data);
    request(&master.client(), "later", 1).unwrap();
    master.kill();
    // far beyond what a restore of the backup alone would make of its numbers
    let sql = "UPDATE head SET epoch = epoch + 1000";
    rusqlite::Connection::open(place.database()).unwrap().execute(sql, []).unwrap();
    let old = must(&["check", "--json", data.as_str()], 0).json();
    let (mut refused, mut steps) = (0, 0);
    for when in 1.. {
        let at = place.at(&format!("killed-{when}"));
        fs::create_dir(&at).unwrap();
        for name in ["master.sqlite", "authority.key"] {
            fs::copy(data.join(name), at.join(name)).unwrap();
        }
        fs::copy(place.database(), at.join("master.sqlite")).unwrap();
        match restore_killed(&file, &at, when) {
            Ok(true) => steps += 1,
            Ok(false) => break,
            Err(why) => return crate::skip::skip(why),
        }
        // one who does not do it again: the old state, or none, never an empty one
        let half = must_or(&["check", "--json", at.as_str()], &[0, 1]);
        if half.code == 0 {
            assert!(
                half.json()["revision"].as_u64() >= old["revision"].as_u64(),
                "{when}: {half:?}"
            );
        } else {
            refused += 1;
        }
        let said = must(&["restore", "--json", "--replace", file.as_str(), at.as_str()], 0).json();
        for (what, of) in [("epoch", &old["epoch"]), ("revision", &old["revision"])] {
            let now = must(&["check", "--json", at.as_str()], 0).json();
            assert!(now[what].as_u64() > of.as_u64(), "{when}: {what} of {now} after {old}");
        }
        let before = Utf8Path::new(said["before"].as_str().unwrap());
        let kept = must(&["check", "--json", before.as_str()], 0).json();
        assert!(kept["revision"].as_u64() >= old["revision"].as_u64(), "{when}: {kept}");
        let left = at.read_dir_utf8().unwrap().map(|it| it.unwrap().file_name().to_owned());
        let left: Vec<_> = left.filter(|name| name.contains("restoring")).collect();
        assert!(left.is_empty(), "{when}: {left:?}");
        assert_eq!(titles_in(&at).len(), 3, "{when}");
    }
    assert!(steps > 10 && refused > 0, "{steps} steps, {refused} without a state");
}
