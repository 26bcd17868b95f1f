//! Requests: the same call for everybody, answered at once, never lost, served where there is room.

use std::{collections::BTreeSet, sync::mpsc, thread};

use serde_json::json;
use slapos_wire::v1::Instance;

use super::{ask, pid_of, verbs};
use crate::{
    classic::{Ask, Classic},
    cloud::{Cloud, release},
};

#[test]
fn s3_the_same_request_a_thousand_times_is_one_instance() {
    let cloud = Cloud::start();
    cloud.supply("idle", "COMP-1");
    let before = cloud.client().health().unwrap().revision;
    let ids: BTreeSet<_> = thread::scope(|scope| {
        let clients: Vec<_> = (0..50)
            .map(|_| {
                scope.spawn(|| {
                    let client = cloud.client();
                    let answers = (0..20).map(|_| client.request(&ask("same", "idle")).unwrap().id);
                    answers.collect::<BTreeSet<_>>()
                })
            })
            .collect();
        clients.into_iter().flat_map(|client| client.join().unwrap()).collect()
    });
    assert_eq!(ids.len(), 1);
    let requests = verbs(&cloud).into_iter().filter(|verb| verb == "request same").count();
    assert_eq!(requests, 1, "asking again writes nothing");
    assert!(cloud.client().health().unwrap().revision > before);

    let idle = release("idle");
    let said =
        cloud.must(&["request", "same", &idle, "--parameters", "name=Ada", "--wait", "--json"], 0);
    assert_eq!(said.json()["connection"]["name"], "Ada");
    let said = cloud.run(&["request", "same", &idle, "--state", "destroyed"]);
    assert_eq!(said.code, 2, "{said:?}");
    cloud.until("it is gone", |_| cloud.find("same").is_none());
    cloud.must(&["request", "same", &idle, "--state", "destroyed"], 0);
    assert!(cloud.find("same").is_none(), "asking to destroy what is not there makes nothing");
}

#[test]
fn s4_the_master_knows_everything_and_forgets_nothing_when_killed() {
    let mut cloud = Cloud::with_releases();
    let (web, database) = cloud.connected();
    let pids = |cloud: &Cloud| [pid_of(cloud, "COMP-1", "web"), pid_of(cloud, "COMP-2", "db")];
    let before = pids(&cloud);
    let mut known = 2;
    for round in 0..5 {
        let answers = requests_until_killed(&mut cloud, round);
        cloud.start_master();
        for answer in &answers {
            let found = cloud.instance(answer.title.as_str());
            assert_eq!((found.id, found.generation), (answer.id, answer.generation));
        }
        known += answers.len();
        // The one that was never answered may have been taken, or not, but not more than that.
        let all = cloud.client().instances(None).unwrap().len();
        assert!(all == known || all == known + 1, "{all} of {known}");
        known = all;
    }
    assert_eq!(cloud.instance("web").connection, web.connection);
    assert_eq!(cloud.instance("database").connection, database.connection);
    assert!(before.iter().all(Option::is_some), "{before:?}");
    assert_eq!(pids(&cloud), before, "services never notice");
    let list = cloud.must(&["service", "list", "--json"], 0).json();
    assert_eq!(list.as_array().unwrap().len(), known);
    // The nodes have come back by themselves: a new wish still reaches them.
    cloud.supply("idle", "COMP-1");
    cloud.until("the waiting requests are served", |client| {
        let instances = client.instances(None).unwrap();
        let started = instances.iter().filter(|instance| instance.state == "started");
        started.count() == 2 + 2 // COMP-1 has two partitions left
    });
}

/// Requests one instance after the other while the master is killed; what was acknowledged.
fn requests_until_killed(cloud: &mut Cloud, round: usize) -> Vec<Instance> {
    let (client, (acknowledged, heard)) = (cloud.client(), mpsc::channel());
    let asking = thread::spawn(move || {
        for number in 0.. {
            let Ok(answer) = client.request(&ask(&format!("kept-{round}-{number}"), "idle")) else {
                return;
            };
            acknowledged.send(answer).unwrap();
        }
    });
    let mut answers: Vec<_> = heard.iter().take(3 + round).collect();
    cloud.kill_master(); // in the middle of the next one
    answers.extend(heard.iter());
    asking.join().unwrap();
    answers
}

#[test]
fn s7_every_request_ends_or_says_why_not() {
    let cloud = Cloud::start();
    cloud.supply("idle", "COMP-1");
    let table = [
        ("fulfilled", vec!["--wait", "--timeout", "90"], 0, "started"),
        ("refused", vec!["--node", "computer_gid=COMP-1"], 3, "did you mean `computer_guid`"),
        ("elsewhere", vec!["--node", "computer_guid=COMP-2"], 2, "please wait"),
    ];
    for (title, options, code, text) in table {
        let idle = release("idle");
        let arguments = [vec!["request", title, &idle], options].concat();
        let said = cloud.must(&arguments, code);
        assert!(said.out.contains(text) || said.err.contains(text), "{said:?}");
    }
    cloud.must(&["request", "nowhere", "software/unknown"], 64);
    let said = cloud.must(&["request", "nowhere", "software/hello"], 2);
    assert!(said.out.contains("slapos supply software/hello COMPUTER"), "{said:?}");
    let said = cloud.must(&["service", "explain", "nowhere"], 2);
    assert!(said.out.contains("software/hello"), "{said:?}");
}

#[test]
fn s15_the_first_answer_is_please_wait_with_a_reason() {
    let cloud = Cloud::with_releases();
    let said = cloud.must(&["request", "web", &release("web"), "--json"], 2);
    let answer = said.json();
    assert!(answer["waiting_for"].as_str().is_some_and(|reason| !reason.is_empty()), "{answer}");
    assert!(answer["waiting_code"].is_string());
    assert_eq!(answer["connection"], serde_json::json!({}));
    // The same in the two old protocols: no error, and nothing yet.
    let idle = release("idle"); // which no computer has
    let old = Classic::new(&cloud.url);
    assert_eq!(old.answered(&Ask::new("old", &idle)).0, 408);
    let asked = json!({"title": "older", "software_release_uri": idle, "software_type": "default"});
    let (status, answer) = old.json_rpc("post.v0.software_instance", &asked);
    assert_eq!((status, &answer["status"]), (200, &json!(102)), "{answer}");
    cloud.connected();
    let history = cloud.client().history(Some(&"database".try_into().unwrap())).unwrap();
    assert_eq!(history[0].change.verb, "request");
    assert!(history[0].who.contains("instance"), "{:?}", history[0]);
}

#[test]
fn s17_a_free_partition_where_the_software_is_and_never_the_same_twice() {
    let cloud = Cloud::start();
    let idle = release("idle");
    let said = cloud.must(&["request", "early", &idle], 2);
    assert!(said.out.contains("not available on any computer"), "{said:?}");
    cloud.supply("idle", "COMP-2");
    cloud.until("the waiting request is served", |_| cloud.instance("early").state == "started");
    assert_eq!(cloud.instance("early").computer.unwrap().as_str(), "COMP-2");
    // Ten race for the two partitions that are left there.
    thread::scope(|scope| {
        for racer in 0..10 {
            let cloud = &cloud;
            scope.spawn(move || {
                cloud.client().request(&ask(&format!("racer-{racer}"), "idle")).unwrap()
            });
        }
    });
    let instances = cloud.client().instances(None).unwrap();
    let places: Vec<_> = instances
        .iter()
        .filter_map(|instance| Some((instance.computer.clone()?, instance.partition.clone()?)))
        .collect();
    assert_eq!(places.len(), 3);
    assert_eq!(places.iter().collect::<BTreeSet<_>>().len(), 3);
    let waiting = instances.iter().find(|instance| instance.computer.is_none()).unwrap();
    assert_eq!(waiting.waiting_code.as_deref(), Some("no-free-partition"));
    let why = cloud.must(&["service", "explain", waiting.title.as_str()], 2);
    assert!(why.out.contains("no free partition: all 3 are busy on COMP-2"), "{why:?}");
    assert!(why.out.contains("\nsince 2"), "since when it waits: {why:?}");
    // One leaves: who waited longest is served, without asking again.
    cloud.must(&["service", "destroy", "early"], 0);
    cloud.until("the freed partition is taken", |client| {
        let instances = client.instances(None).unwrap();
        instances
            .iter()
            .filter(|instance| {
                instance.title.as_str().starts_with("racer") && instance.computer.is_some()
            })
            .count()
            == 3
    });
}
