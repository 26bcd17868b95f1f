//! Computers: what they are told to install and to run, and what they make of it.

use std::{
    collections::BTreeSet,
    fs,
    io::{BufRead, BufReader},
    os::unix::fs::MetadataExt,
    process::{Command, Stdio},
    sync::mpsc,
    thread,
};

use slapos_wire::v1::RequestAsk;

use super::{ask, pid_of, pids};
use crate::cloud::{Cloud, eventually, release};

#[test]
fn s5_each_computer_is_told_which_software_to_install() {
    let cloud = Cloud::start();
    cloud.supply("idle", "COMP-2");
    let history = cloud.client().history(None).unwrap();
    let told = history.iter().filter(|entry| entry.change.verb.starts_with("supply"));
    let told: Vec<_> = told.map(|entry| entry.change.what.clone()).collect();
    let idle = release("idle");
    let life = [
        format!("COMP-2 shall have {idle}"),
        format!("{idle} on COMP-2: building"),
        format!("{idle} on COMP-2: available"),
    ];
    assert_eq!(told, life, "wished, then begun, then there");

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

    // Followed, it goes on to tell: the service is killed, and the next one says its line.
    let mut tail = Command::new("tail");
    tail.args(["--follow=name", "--lines=0", "--pid", &std::process::id().to_string()]);
    let mut follower = tail.arg(&log).stdout(Stdio::piped()).spawn().unwrap();
    let (teller, told) = mpsc::channel();
    let lines = BufReader::new(follower.stdout.take().unwrap()).lines();
    thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| teller.send(line)));
    eventually("the log is being followed", || {
        let open = fs::read_dir(format!("/proc/{}/fd", follower.id())).unwrap().flatten();
        open.into_iter().any(|file| fs::read_link(file.path()).is_ok_and(|to| to == log))
    });
    let killed = pid_of(&cloud, "COMP-1", "web").unwrap().to_string();
    assert!(Command::new("kill").args(["-9", &killed]).status().unwrap().success());
    let mut line = String::new();
    eventually("the next one has said its line", || told.try_recv().map(|it| line = it).is_ok());
    assert!(line.contains("serving"), "{line}");
    follower.kill().unwrap();
    follower.wait().unwrap();
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
