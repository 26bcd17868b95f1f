//! Shared instances: one instance serves those of several trees, and of a person.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    os::unix::fs::MetadataExt,
};

use camino::Utf8Path;
use slapos_core::names::{SoftwareType, WishedState};
use slapos_wire::v1::{Instance, RequestAsk};

use crate::cloud::{Cloud, release};

/// A cloud whose `host`, on COMP-2, serves `mine`, which a person requested, and `place-of-one` and
/// `place-of-two`, which the instances `one` and `two` on COMP-1 requested.
fn cloud() -> Cloud {
    let cloud = Cloud::start();
    cloud.supply("guest", "COMP-1");
    // Nobody serves them yet: they wait and say for what.
    request(&cloud, "one", "guest", "eins", 2);
    cloud.until("the reason has arrived", |_| {
        cloud.find("one").is_some_and(|one| one.waiting_code.as_deref() == Some("no-host"))
    });
    cloud.supply("host", "COMP-2");
    cloud.must(&["request", "host", &release("host"), "--wait", "--timeout", "90"], 0);
    for (title, word) in [("one", "eins"), ("two", "zwei")] {
        let release = release("guest");
        let word = format!("word={word}");
        cloud.must(&["request", title, &release, "--parameters", &word, "--wait"], 0);
    }
    let host = release("host");
    cloud.must(&["request", "mine", &host, "--shared", "--parameters", "word=drei", "--wait"], 0);
    cloud
}

fn request(cloud: &Cloud, title: &str, name: &str, word: &str, code: i32) {
    let word = format!("word={word}");
    cloud.must(&["request", title, &release(name), "--parameters", &word], code);
}

fn values(host: &str, word: &str) -> BTreeMap<String, String> {
    [("host", host), ("word", word)].map(|(key, text)| (key.to_owned(), text.to_owned())).into()
}

/// The files of a host, one for each that it serves: content by name.
fn served(host: &Utf8Path) -> BTreeMap<String, String> {
    let entries = host.join("etc/guests").read_dir_utf8().unwrap();
    let read = entries.map(|entry| {
        let entry = entry.unwrap();
        (entry.file_name().to_owned(), fs::read_to_string(entry.path()).unwrap_or_default())
    });
    read.collect()
}

/// Tells whether a file was written again.
fn written(file: &Utf8Path) -> (u64, i64, i64) {
    let facts = fs::metadata(file).unwrap();
    (facts.ino(), facts.mtime(), facts.mtime_nsec())
}

/// The page of an application that asked for a shared instance.
fn page(cloud: &Cloud, title: &str) -> String {
    let file = cloud.partition(&cloud.instance(title)).join("etc/page");
    fs::read_to_string(file).unwrap_or_default()
}

/// Process of the only service of an instance that has a partition.
fn process(cloud: &Cloud, it: &Instance) -> Option<u64> {
    let cfg = cloud.node_cfg(it.computer.as_ref().unwrap().as_str());
    let status = cloud.must(&["--cfg", cfg.as_str(), "node", "status", "--json"], 0).json();
    let partition = it.partition.as_ref().unwrap().as_str();
    let mut processes = status["processes"].as_array().unwrap().iter();
    processes.find(|process| process["partition"] == partition)?["pid"].as_u64()
}

#[test]
fn each_has_its_own_values_and_a_change_of_one_touches_only_one() {
    let cloud = cloud();
    let (host, one, two) = (cloud.instance("host"), cloud.instance("one"), cloud.instance("two"));
    let titles: Vec<_> = host.serves.iter().map(|guest| guest.title.to_string()).collect();
    assert_eq!(titles, ["place-of-one", "place-of-two", "mine"]);
    let table = [("place-of-one", "eins"), ("place-of-two", "zwei"), ("mine", "drei")];
    let ids = table.map(|(title, word)| {
        let guest = cloud.instance(title);
        assert_eq!(guest.connection, values("host", word), "{title}");
        assert_eq!(guest.host.unwrap().id, host.id);
        guest.id.to_string()
    });
    assert!(!host.connection.contains_key("word"), "theirs are not its own");
    assert_eq!(
        (page(&cloud, "one"), page(&cloud, "two")),
        ("eins from host".into(), "zwei from host".into())
    );
    let home = cloud.partition(&host);
    let expected = table.map(|(title, word)| format!("{title}: {word}"));
    assert_eq!(served(&home), ids.clone().into_iter().zip(expected).collect());

    let file = |place: usize| home.join("etc/guests").join(&ids[place]);
    let files =
        || (written(&file(1)), written(&file(2)), written(&cloud.partition(&two).join("etc/page")));
    let processes = || (process(&cloud, &host), process(&cloud, &two));
    let revisions = || (cloud.instance("place-of-two").revision, cloud.instance("mine").revision);
    let before = (files(), processes(), revisions());
    let restarted = process(&cloud, &one);
    request(&cloud, "one", "guest", "uno", 2);
    cloud.until("the new word has arrived", |_| {
        page(&cloud, "one") == "uno from host"
            && cloud.instance("one").state == "started"
            && process(&cloud, &one).is_some_and(|pid| Some(pid) != restarted)
    });
    assert_eq!(cloud.instance("place-of-one").connection, values("host", "uno"));
    assert_eq!(fs::read_to_string(file(0)).unwrap(), "place-of-one: uno");
    assert_eq!((files(), processes(), revisions()), before, "nothing else was touched");
}

#[test]
fn who_stops_or_goes_leaves_the_list_of_its_host() {
    let cloud = cloud();
    let host = cloud.instance("host");
    let home = cloud.partition(&host);
    let before = process(&cloud, &host);
    let (mine, theirs) = (cloud.instance("mine"), cloud.instance("place-of-one"));
    let is_served = |it: &Instance| served(&home).contains_key(&it.id.to_string());

    cloud.must(
        &["request", "mine", &release("host"), "--shared", "--state", "stopped", "--wait"],
        0,
    );
    cloud.until("its host has dropped it", |_| !is_served(&mine));
    let again = ["request", "mine", &release("host"), "--shared", "--state", "started", "--wait"];
    cloud.must(&again, 0);
    cloud.until("its host serves it again", |_| is_served(&mine));
    assert_eq!(cloud.instance("mine").connection, values("host", "drei"));

    cloud.must(&["service", "destroy", "mine"], 0);
    let said = cloud.must(&["service", "destroy", "two"], 0).err;
    assert!(said.contains("with it goes what it requested: place-of-two"), "{said}");
    cloud.until("its host serves only one", |_| served(&home).len() == 1);
    assert!(is_served(&theirs));
    cloud.until("they are gone", |_| {
        ["mine", "two", "place-of-two"].iter().all(|title| cloud.find(title).is_none())
    });
    let (left, host) = (cloud.instance("place-of-one"), cloud.instance("host"));
    assert_eq!(left.connection, theirs.connection);
    assert_eq!(host.serves.iter().map(|guest| guest.id).collect::<Vec<_>>(), [left.id]);
    assert_eq!(process(&cloud, &host), before, "its service went on");
}

#[test]
fn those_of_a_destroyed_host_wait_for_another_and_say_so() {
    let cloud = cloud();
    let home = cloud.partition(&cloud.instance("host"));
    let said = cloud.must(&["service", "destroy", "host"], 0).err;
    assert!(said.contains("it served place-of-one, place-of-two, mine, which wait"), "{said}");
    cloud.until("the host is gone", |_| cloud.find("host").is_none());
    assert_eq!(fs::read_dir(home).unwrap().count(), 0);
    for title in ["mine", "place-of-one", "place-of-two"] {
        let guest = cloud.instance(title);
        assert_eq!((guest.host, guest.connection.len()), (None, 0), "{title}");
        assert_eq!(guest.waiting_code.as_deref(), Some("no-host"), "{title}");
        let said = cloud.must(&["service", "info", title], 0);
        for text in ["waiting", "no running instance of", "can host it", "slapos request TITLE"] {
            assert!(said.out.contains(text), "{text} in {said:?}");
        }
    }
    cloud.until("an application waits for the same", |_| {
        let reason = cloud.instance("one").waiting_for.unwrap_or_default();
        reason.contains("place-of-one") && reason.contains("can host it")
    });
    assert_eq!(page(&cloud, "one"), "eins from host", "what it has stays until there is more");

    cloud.must(&["request", "other", &release("host"), "--wait", "--timeout", "90"], 0);
    let connected = |title| page(&cloud, title).ends_with(" from other");
    cloud.until("all are served by another", |_| {
        cloud.instance("mine").connection == values("other", "drei")
            && connected("one")
            && connected("two")
    });
}

#[test]
fn what_changed_while_the_hosts_node_was_away_is_caught_up() {
    let mut cloud = cloud();
    let host = cloud.instance("host");
    let before = process(&cloud, &host);
    cloud.kill_node("COMP-2");
    cloud.must(&["service", "destroy", "two"], 0);
    request(&cloud, "one", "guest", "uno", 2);
    cloud.kill_master();
    cloud.start_master();
    assert_eq!(cloud.instance("mine").connection, values("host", "drei"));
    cloud.restart_node("COMP-2");
    cloud.until("the change has arrived", |_| page(&cloud, "one") == "uno from host");
    let home = cloud.partition(&host);
    let texts: BTreeSet<_> = served(&home).into_values().collect();
    assert_eq!(texts, ["mine: drei", "place-of-one: uno"].map(String::from).into());
    assert_eq!(process(&cloud, &host), before, "its service went on");
}

#[test]
fn wrong_parameters_of_a_shared_instance_are_held_to_its_schema_by_the_host_and_told_to_it_alone() {
    let cloud = Cloud::start();
    let picky = release("picky");
    cloud.supply("picky", "COMP-1");
    cloud.must(&["request", "host", &picky, "--wait", "--timeout", "90"], 0);
    // As any program may ask, which no command line checks before.
    let ask = |title: &str, key: &str| RequestAsk {
        title: title.try_into().unwrap(),
        software_release: picky.as_str().try_into().unwrap(),
        software_type: SoftwareType::default_type(),
        parameters: Some([(key.to_owned(), "s3cret".to_owned())].into()),
        placement: [].into(),
        shared: true,
        state: Some(WishedState::Started),
    };
    for (title, key) in [("right", "word"), ("wrong", "wrod")] {
        cloud.client().request(&ask(title, key)).unwrap();
        cloud.until("the host has told something", |_| {
            cloud.find(title).is_some_and(|it| !it.connection.is_empty())
        });
    }
    assert_eq!(cloud.instance("right").connection["word"], "s3cret");
    let said = cloud.must(&["service", "info", "wrong"], 0).out;
    assert!(said.contains("no parameter `wrod` (did you mean `word`?)"), "{said}");
    assert_eq!(cloud.instance("wrong").connection.len(), 1, "it is not served");
    assert!(!cloud.logs().contains("s3cret"));
    assert_eq!(cloud.instance("host").state, "started", "the others' mistakes are not its own");

    // Mended, it is served.
    cloud.client().request(&ask("wrong", "word")).unwrap();
    cloud.until("it is served", |_| cloud.instance("wrong").connection.contains_key("word"));
}
