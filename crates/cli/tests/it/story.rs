//! The founding tutorial, sentence by sentence; the numbers are those of its sentences.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    os::unix::fs::MetadataExt,
    sync::mpsc,
    thread,
};

use camino::{Utf8Path, Utf8PathBuf};

use serde_json::json;
use slapos_core::names::WishedState;
use slapos_wire::v1::{Instance, RequestAsk, StateAsk};

use crate::{
    classic::{Ask, Classic},
    cloud::{Cloud, eventually, release},
};

fn ask(title: &str, name: &str) -> RequestAsk {
    RequestAsk {
        title: title.try_into().unwrap(),
        software_release: release(name).as_str().try_into().unwrap(),
        software_type: slapos_core::names::SoftwareType::default_type(),
        parameters: None,
        placement: [].into(),
        shared: false,
        state: Some(WishedState::Started),
    }
}

/// Processes that run the services of a computer's partition, by program name.
fn pids(cloud: &Cloud, computer: &str) -> Vec<(String, u64)> {
    let cfg = cloud.node_cfg(computer);
    let status = cloud.must(&["--cfg", cfg.as_str(), "node", "status", "--json"], 0).json();
    let processes = status["processes"].as_array().unwrap().iter();
    processes
        .filter_map(|process| {
            Some((process["service"].as_str()?.to_owned(), process["pid"].as_u64()?))
        })
        .collect()
}

fn pid_of(cloud: &Cloud, computer: &str, service: &str) -> Option<u64> {
    pids(cloud, computer).into_iter().find(|(name, _)| name == service).map(|(_, pid)| pid)
}

/// The order of what happened to the named instances, as the journal tells it.
fn verbs(cloud: &Cloud) -> Vec<String> {
    let history = cloud.client().history(None).unwrap();
    let told = history.into_iter().filter_map(|entry| {
        let title = entry.change.instance?.title;
        Some(format!("{} {title}", entry.change.verb))
    });
    told.collect()
}

fn place(order: &[String], what: &str) -> usize {
    order
        .iter()
        .position(|known| known == what)
        .unwrap_or_else(|| panic!("no {what} in {order:#?}"))
}

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
fn s5_each_computer_is_told_which_software_to_install() {
    let cloud = Cloud::start();
    cloud.supply("idle", "COMP-2");
    let states: Vec<_> = cloud
        .client()
        .history(None)
        .unwrap()
        .into_iter()
        .filter(|entry| entry.change.verb.starts_with("supply"))
        .map(|entry| entry.change.what)
        .collect();
    let told = states.join("\n");
    assert!(told.contains("building") && told.contains("available"), "{told}");

    let directory = cloud.path().join("broken");
    fs::create_dir(&directory).unwrap();
    let profile = directory.join("software.cfg");
    let text = "[buildout]\nparts = a\n[a]\nrecipe = plone.recipe.command\nstop-on-error = true\n\
                command = echo the last words; exit 7\n";
    slapos_atomic::write(&profile, text.as_bytes(), 0o644).unwrap();
    cloud.must(&["supply", profile.as_str(), "COMP-2"], 0);
    cloud.until("the failure is told", |client| {
        let computer = client.computer(&"COMP-2".try_into().unwrap()).unwrap();
        let supply = computer
            .supplies
            .iter()
            .find(|supply| supply.software_release.as_str() == profile)
            .unwrap();
        supply.state == slapos_core::names::SupplyState::Error
            && supply.text.as_deref().is_some_and(|text| text.contains("the last words"))
    });
    let said = cloud.must(&["computer", "info", "COMP-2"], 0);
    assert!(said.out.contains("the last words"), "{said:?}");
}

#[test]
fn s6_partitions_are_started_and_stopped_as_told() {
    let cloud = Cloud::start();
    cloud.supply("idle", "COMP-1");
    let idle = release("idle");
    cloud.must(&["request", "one", &idle, "--wait", "--timeout", "90"], 0);
    assert!(pid_of(&cloud, "COMP-1", "idle").is_some());
    let said = cloud.must(&["request", "one", &idle, "--state", "stopped", "--wait", "--json"], 0);
    assert_eq!(said.json()["state"], "stopped");
    assert_eq!(pid_of(&cloud, "COMP-1", "idle"), None);
    let said = cloud.must(&["request", "one", &idle, "--wait", "--json"], 0);
    assert_eq!(said.json()["state"], "stopped", "whoever names no state leaves it");
    let started = ["request", "one", &idle, "--state", "started", "--wait", "--json"];
    assert_eq!(cloud.must(&started, 0).json()["state"], "started");
    assert!(pid_of(&cloud, "COMP-1", "idle").is_some());
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
fn s11_two_computers_with_some_partitions_share_a_master() {
    let cloud = Cloud::start();
    let list = cloud.must(&["computer", "list", "--json"], 0).json();
    let seen: Vec<_> = list
        .as_array()
        .unwrap()
        .iter()
        .map(|computer| {
            (
                computer["computer"].as_str().unwrap(),
                computer["partitions"].as_array().unwrap().len(),
            )
        })
        .collect();
    assert_eq!(seen, [("COMP-1", 3), ("COMP-2", 3)]);
    let addresses: BTreeSet<_> = list
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|computer| computer["partitions"].as_array().unwrap())
        .map(|partition| partition["addresses"][0].as_str().unwrap())
        .collect();
    assert_eq!(addresses.len(), 6, "each partition has its own address");
    assert_eq!(free(&cloud), [("COMP-1".into(), "3".into()), ("COMP-2".into(), "3".into())]);
    cloud.supply("idle", "COMP-2");
    cloud.must(&["request", "one", &release("idle")], 2);
    assert_eq!(free(&cloud), [("COMP-1".into(), "3".into()), ("COMP-2".into(), "2".into())]);
}

/// Each computer with its free partitions, as a person reads them.
fn free(cloud: &Cloud) -> Vec<(String, String)> {
    let table = cloud.must(&["computer", "list"], 0).out;
    let mut rows = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let head = rows.next().unwrap();
    assert_eq!(head[..5], ["COMPUTER", "ALLOCATION", "CAPACITY", "FREE", "PARTITIONS"], "{table}");
    rows.map(|row| (row[0].to_owned(), row[3].to_owned())).collect()
}

#[test]
fn s12_the_application_has_its_files_its_process_and_its_log() {
    let cloud = Cloud::with_releases();
    let (web, _) = cloud.connected();
    let partition = cloud.partition(&web);
    assert!(partition.join("etc/page").exists());
    assert_eq!(fs::metadata(&partition).unwrap().mode() & 0o7777, 0o750);
    assert!(pid_of(&cloud, "COMP-1", "web").is_some());
    let log =
        cloud.path().join("COMP-1/var/log").join(web.partition.unwrap().as_str()).join("web.log");
    eventually("the service has written to its log", || {
        fs::read_to_string(&log).is_ok_and(|text| text.contains("serving"))
    });
}

#[test]
fn s13_the_recipe_requests_its_database_in_at_most_six_lines() {
    let profile = concat!(env!("CARGO_MANIFEST_DIR"), "/../../software/phpmyadmin/instance.cfg.in");
    let text = fs::read_to_string(profile).unwrap();
    let section: Vec<_> = text
        .lines()
        .skip_while(|line| *line != "[database]")
        .take_while(|line| !line.is_empty())
        .collect();
    assert!(section.contains(&"recipe = slapos.cookbook:request"), "{section:?}");
    assert!(section.len() <= 6, "{section:?}");

    let cloud = Cloud::with_releases();
    let (web, database) = cloud.connected();
    assert_eq!(database.requested_by.unwrap().id, web.id);
    assert_eq!(database.root.id, web.id);
}

#[test]
fn s13_a_schema_checks_parameters_before_deployment() {
    let cloud = Cloud::start();
    cloud.supply("strict", "COMP-1");
    // As any program may ask, which no command line checks before.
    let wrong = [("nmae".to_owned(), "s3cret".to_owned())].into();
    cloud.client().request(&RequestAsk { parameters: Some(wrong), ..ask("it", "strict") }).unwrap();
    cloud.until("the parameter is refused", |_| cloud.instance("it").state == "error");
    let said = cloud.must(&["service", "explain", "it"], 2);
    assert!(said.out.contains("no parameter `nmae` (did you mean `name`?)"), "{said:?}");
    assert!(!cloud.logs().contains("s3cret"));
    assert_eq!(pids(&cloud, "COMP-1"), [], "nothing is deployed");

    let right =
        ["request", "it", &release("strict"), "--parameters", "name=Ada", "--wait", "--json"];
    assert_eq!(cloud.must(&right, 0).json()["connection"]["name"], "Ada");
    let none = ["request", "other", &release("strict"), "--wait", "--json"];
    assert_eq!(cloud.must(&none, 0).json()["connection"]["name"], "world");
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

/// The revision since which a call asks for changes, if it is one that waits for them.
fn since(call: &str) -> Option<u64> {
    call.split_once("/watch?since=")?.1.split('&').next()?.parse().ok()
}

#[test]
fn s18_the_node_is_woken_and_asks_for_nothing_in_between() {
    let (cloud, recorder) = Cloud::recorded();
    cloud.supply("idle", "COMP-1");
    // What the node itself said is no news to it: the watch that was open then still is.
    let before = recorder.calls();
    let waits = before.iter().rev().find_map(|call| since(call)).unwrap();
    let asked = cloud.must(&["request", "waker", &release("idle"), "--wait", "--timeout", "90"], 0);
    let calls = recorder.calls().split_off(before.len());
    assert!(
        calls.iter().filter_map(|call| since(call)).all(|known| known > waits),
        "it was woken by the call that it had made before, and not by another: {calls:#?}"
    );
    let told = |call: &&String| call.starts_with("POST") && call.ends_with("/report");
    assert!(calls.iter().any(|call| told(&call)), "{calls:#?}\n{asked:?}");
    let others: Vec<_> = calls.iter().filter(|call| since(call).is_none() && !told(call)).collect();
    assert!(others.is_empty(), "{others:#?}");
}

#[test]
fn s19_the_connection_is_published_and_kept() {
    let mut cloud = Cloud::with_releases();
    cloud.connected();
    let said = cloud.must(&["service", "info", "database", "--json"], 0).json();
    for key in [
        "title",
        "state",
        "software_release",
        "software_type",
        "computer",
        "partition",
        "parameters",
        "connection",
        "waiting_for",
    ] {
        assert!(said.get(key).is_some(), "{key} in {said}");
    }
    assert_eq!(said["connection"]["password"], "first");
    // On a terminal, whoever looks over the shoulder sees no password, unless it is asked for.
    let info = cloud.must(&["service", "info", "database"], 0);
    assert!(info.out.contains("connection   password = (hidden)"), "{info:?}");
    assert!(info.out.contains("connection   host = 127."), "{info:?}");
    assert!(!info.out.contains("first") && info.err.contains("--show-secrets"), "{info:?}");
    // Who is handed them, and when they changed: a report that brings nothing new is no change.
    assert!(said["published_at"].as_str().unwrap().starts_with('2'), "{said}");
    assert!(
        info.out.contains("published    2") && info.out.contains(", to admin, web"),
        "{info:?}"
    );
    let asked = cloud.must(&["service", "info", "database", "--show-secrets"], 0);
    assert!(asked.out.contains("connection   password = first"), "{asked:?}");
    cloud.kill_master();
    cloud.start_master();
    let again = cloud.must(&["service", "info", "database", "--json"], 0).json();
    assert_eq!(said["connection"], again["connection"]);
    assert_eq!(said["published_at"], again["published_at"]);
}

#[test]
fn s20_ask_wait_event_ask_answer() {
    let (cloud, recorder) = Cloud::recorded();
    cloud.supply("web", "COMP-1");
    cloud.supply("db", "COMP-2");
    let before = recorder.calls().len();
    cloud.connected();
    let order = verbs(&cloud);
    let asked = place(&order, "request database");
    let published = place(&order, "publish database");
    let connected = place(&order, "publish web");
    assert!(
        place(&order, "request web") < asked && asked < published && published < connected,
        "{order:#?}"
    );
    // What the node of the one that asks said and heard, in its own words.
    let calls = recorder.calls().split_off(before);
    let asks: Vec<_> =
        (0..calls.len()).filter(|place| calls[*place].ends_with("/request")).collect();
    assert_eq!(asks.len(), 2, "it asks, and asks again when there is news: {calls:#?}");
    let between = &calls[asks[0]..asks[1]];
    let told = between.iter().filter(|call| call.ends_with("/report")).count();
    let woken = between.iter().filter(|call| since(call).is_some()).count();
    assert!(told >= 1 && woken >= 1, "it says that it waits, and is woken: {calls:#?}");
    assert!(calls.last().is_some_and(|call| !call.ends_with("/request")));
}

#[test]
fn s20_a_lost_wake_up_is_made_good() {
    let (cloud, recorder) = Cloud::recorded();
    cloud.supply("idle", "COMP-1");
    recorder.lose_next_wake_up();
    let before = recorder.calls().len();
    cloud.must(&["request", "late", &release("idle"), "--wait", "--timeout", "90"], 0);
    assert!(!recorder.still_loses());
    let calls = recorder.calls().split_off(before);
    let asks_for_all = calls.iter().any(|call| since(call) == Some(0));
    assert!(asks_for_all, "it cannot know what it missed: {calls:#?}");
}

#[test]
fn s21_a_database_whose_promise_is_red_is_not_handed_out() {
    let cloud = Cloud::with_releases();
    let said = cloud.must(&["request", "web", &release("web"), "--parameters", "ready=no"], 2);
    assert_eq!(said.code, 2);
    cloud.until("the red promise is told", |_| {
        cloud
            .find("web")
            .and_then(|web| web.waiting_for)
            .is_some_and(|reason| reason.contains("db-is-ready"))
    });
    let web = cloud.instance("web");
    assert!(web.connection.is_empty());
    assert!(cloud.instance("database").connection.is_empty(), "not handed out");
    let said = cloud.must(&["service", "explain", "web"], 2);
    assert!(said.out.contains("database") && said.out.contains("db-is-ready"), "{said:?}");
    // The database becomes ready: everything follows by itself.
    let partition = cloud.partition(&cloud.instance("database"));
    slapos_atomic::write(partition.join("var/run/ready"), b"", 0o644).unwrap();
    cloud.until("it is handed out", |_| cloud.instance("web").state == "started");
    assert_eq!(cloud.instance("database").connection["password"], "first");
}

#[test]
fn s22_the_dictionary_reaches_the_template() {
    let cloud = Cloud::with_releases();
    let (web, database) = cloud.connected();
    let page = fs::read_to_string(cloud.partition(&web).join("etc/page")).unwrap();
    let host = &database.connection["host"];
    assert_eq!(
        page,
        format!("greeting for world\nhost={host}\nport=5432\nuser=web\npassword=first")
    );
}

#[test]
fn s23_a_new_password_rewrites_one_file_and_restarts_one_service() {
    let cloud = Cloud::with_releases();
    let (web, _) = cloud.connected();
    let partition = cloud.partition(&web);
    let facts = |name: &str| {
        let facts = fs::metadata(partition.join(name)).unwrap();
        (facts.ino(), facts.mtime(), facts.mtime_nsec())
    };
    let (untouched, rewritten) = (facts("etc/service/static"), facts("etc/page"));
    cloud.supply("idle", "COMP-1");
    cloud.must(&["request", "bystander", &release("idle"), "--wait", "--timeout", "90"], 0);
    let neighbour = cloud.partition(&cloud.instance("bystander"));
    let neighbours = everything_below(&neighbour);
    assert!(neighbours.contains_key(&neighbour.join("etc/service/idle")), "{neighbours:#?}");
    let before = (pid_of(&cloud, "COMP-1", "static"), pid_of(&cloud, "COMP-1", "web"));
    let changed = ["request", "web", &release("web"), "--parameters", "password=second", "--wait"];
    cloud.must(&changed, 0);
    cloud.until("the page has the new password", |_| {
        fs::read_to_string(partition.join("etc/page"))
            .is_ok_and(|page| page.contains("password=second"))
    });
    cloud.until("the service whose file changed is another process", |_| {
        pid_of(&cloud, "COMP-1", "web").is_some_and(|pid| Some(pid) != before.1)
    });
    cloud.until("everything has settled", |_| cloud.instance("web").state == "started");
    assert_eq!(facts("etc/service/static"), untouched);
    assert_ne!(facts("etc/page"), rewritten);
    assert_eq!(everything_below(&neighbour), neighbours, "another partition is left alone");
    let after = pid_of(&cloud, "COMP-1", "static");
    assert_eq!(before.0, after, "the other service keeps its process");
    assert_eq!(cloud.instance("database").connection["password"], "second");
}

/// Number and time of all files and directories below one.
fn everything_below(directory: &Utf8Path) -> BTreeMap<Utf8PathBuf, (u64, i64, i64)> {
    let mut found = BTreeMap::new();
    for entry in directory.read_dir_utf8().unwrap() {
        let entry = entry.unwrap();
        let facts = fs::symlink_metadata(entry.path()).unwrap();
        found.insert(entry.path().into(), (facts.ino(), facts.mtime(), facts.mtime_nsec()));
        if facts.is_dir() {
            found.extend(everything_below(entry.path()));
        }
    }
    found
}

#[test]
fn s24_the_page_shows_instances_their_link_and_their_processes() {
    let cloud = Cloud::with_releases();
    let (_, database) = cloud.connected();
    let _looking = cloud.client().events().unwrap(); // nodes send samples while somebody looks
    let page = || {
        ureq::get(&format!("{}/", cloud.url)).call().unwrap().body_mut().read_to_string().unwrap()
    };
    cloud.until("the page shows the processes", |_| page().matches("<td>sh</td>").count() >= 3);
    let shown = page();
    let pid = pid_of(&cloud, "COMP-2", "db").unwrap();
    let row = shown.split("<tr>").find(|row| row.contains(&format!("<td>{pid}</td>"))).unwrap();
    let cells: Vec<_> =
        row.split("<td>").skip(1).filter_map(|cell| cell.split('<').next()).collect();
    let number = |cell: &str, unit: &str| cell.strip_suffix(unit).unwrap().parse::<f64>().unwrap();
    assert_eq!((cells[0], cells[1]), ("sh", pid.to_string().as_str()), "{row}");
    assert!(number(cells[2], " %") >= 0.0 && number(cells[3], " MiB") >= 0.0, "{row}");
    let green = "<li class=\"green\">db-is-ready</li>";
    for text in ["web", "database", "host, password, port, user", "COMP-2", "started", green] {
        assert!(shown.contains(text), "{text} in {shown}");
    }
    assert!(!shown.contains("first"), "no secret on the page: {shown}");
    // Kill the database's process: it is back, with its files.
    let killed = pid_of(&cloud, "COMP-2", "db").unwrap();
    let status =
        std::process::Command::new("kill").args(["-9", &killed.to_string()]).status().unwrap();
    assert!(status.success());
    cloud.until("the process is back", |_| {
        pid_of(&cloud, "COMP-2", "db").is_some_and(|pid| pid != killed)
    });
    cloud.until("the page shows the new process", |_| {
        let pid = pid_of(&cloud, "COMP-2", "db").unwrap();
        page().contains(&format!("<td>{pid}</td>"))
    });
    assert_eq!(cloud.instance("database").connection, database.connection);
    // A promise that turns red is red on the page, and says why.
    cloud.run(&["request", "web", &release("web"), "--parameters", "ready=no"]);
    cloud.until("the page shows the red promise", |_| {
        page().contains("<li class=\"red\">db-is-ready: ")
    });
}

#[test]
fn a_destroyed_database_comes_back_elsewhere_and_the_application_follows() {
    let cloud = Cloud::with_releases();
    let (web, database) = cloud.connected();
    let old = cloud.partition(&database);
    cloud.supply("db", "COMP-1");
    let state = StateAsk { id: database.id, state: WishedState::Destroyed };
    cloud.client().wish_state(&state).unwrap();
    cloud.until("there is another database", |_| {
        cloud
            .find("database")
            .is_some_and(|found| found.id != database.id && found.state == "started")
    });
    cloud.until("the application is connected to it", |_| {
        let fresh = cloud.instance("database");
        let page = fs::read_to_string(cloud.partition(&web).join("etc/page")).unwrap_or_default();
        fresh.connection.get("host").is_some_and(|host| page.contains(host))
            && cloud.instance("web").state == "started"
    });
    let left = fs::read_dir(&old).unwrap().count();
    let moved = cloud.partition(&cloud.instance("database")) != old;
    assert!(moved == (left == 0), "the old partition is empty unless it was taken again");
}

#[test]
fn services_survive_the_agent_and_what_changed_meanwhile_is_caught_up() {
    let mut cloud = Cloud::with_releases();
    let (web, _) = cloud.connected();
    let before = (pid_of(&cloud, "COMP-1", "web"), pid_of(&cloud, "COMP-2", "db"));
    cloud.kill_node("COMP-1");
    cloud.kill_node("COMP-2");
    assert_eq!((pid_of(&cloud, "COMP-1", "web"), pid_of(&cloud, "COMP-2", "db")), before);
    cloud.run(&["request", "web", &release("web"), "--parameters", "name=Ada"]);
    cloud.restart_node("COMP-1");
    cloud.restart_node("COMP-2");
    cloud.until("the change of meanwhile has arrived", |_| {
        fs::read_to_string(cloud.partition(&web).join("etc/page"))
            .is_ok_and(|page| page.contains("for Ada"))
    });
    assert_eq!(
        pid_of(&cloud, "COMP-2", "db"),
        before.1,
        "an untouched service is the same process"
    );
}
