//! How a demo ends: told to in any phase, or because one of its processes has ended.

use std::{fs, path::Path, process::Command};

use super::{Demo, directory};
use crate::{
    cloud::{Said, eventually, slapos},
    processes::{assert_none_below, below},
};

/// How many packages have been downloaded to a demo's directory.
fn packages(directory: &Path) -> usize {
    fs::read_dir(directory.join("cache/debs")).map_or(0, Iterator::count)
}

#[test]
fn ctrl_c_in_every_phase_leaves_no_process() {
    let directory = directory();
    let phases: &[fn(&mut Demo, &Path)] = &[
        |_, _| {},
        |demo, _| drop(demo.read_until("1. A master")),
        |demo, _| drop(demo.read_until("2. The master tells")),
        |demo, directory| {
            demo.read_until("2. The master tells");
            // Somewhere in downloading or unpacking.
            eventually("a package has arrived", || packages(directory) > 0);
        },
        |demo, _| drop(demo.read_until("3. A person requests")),
        |demo, _| drop(demo.read_until("4. PHP asks")),
    ];
    for (phase, reach) in phases.iter().enumerate() {
        let mut demo = Demo::start(directory.path(), &[]);
        reach(&mut demo, directory.path());
        let code = demo.interrupt();
        assert_ne!(code, 0, "phase {phase}: interrupted is not done");
        eventually("all processes have gone", || below(directory.path()).is_empty());
    }
    // Whatever was left half-way is taken up.
    let dir = directory.path().to_str().unwrap();
    let said: Said = slapos().args(["demo", "--exit", "--dir", dir]).output().unwrap().into();
    assert_eq!(said.code, 0, "{said:?}");
    assert_none_below(directory.path());
}

#[test]
fn ended_in_any_phase_a_demo_without_a_directory_leaves_no_trace() {
    let directory = directory();
    // up to where, with what options, and which signals end it
    let table: &[(&str, &[&str], &[&str])] = &[
        ("1. A master", &[], &["-TERM"]),
        ("knows what is going on", &["--slow"], &["-INT"]), // it waits for Enter
        ("2. The master tells", &[], &["-HUP"]),            // it installs
        ("4. PHP asks", &[], &["-INT"]),                    // it evaluates
        ("Ctrl-C stops everything", &[], &["-INT", "-INT", "-TERM"]), // impatiently
    ];
    for (phase, options, signals) in table {
        let mut demo = Demo::temporary(directory.path(), options);
        demo.read_until(phase);
        if phase.starts_with("2.") {
            eventually("a release is being installed", || {
                below(directory.path()).iter().any(|(_, line)| line.contains("node evaluate"))
            });
        }
        for signal in *signals {
            demo.signal(signal);
        }
        let (words, _) = demo.ended();
        assert!(!words.contains("error"), "{phase}: {words}");
        let left: Vec<_> = fs::read_dir(directory.path()).unwrap().collect();
        assert!(left.is_empty(), "{phase}: {left:?} and {:?}", below(directory.path()));
        assert_none_below(directory.path());
    }
}

#[test]
fn a_demo_whose_node_or_master_dies_says_so_and_ends() {
    let directory = directory();
    for (process, told) in [
        ("etc/COMP-2.cfg node run", "the node of COMP-2 has ended"),
        ("master serve", "the master has ended"),
    ] {
        let mut demo = Demo::start(directory.path(), &[]);
        demo.read_until("2. The master tells");
        let running = below(directory.path());
        let found = running.iter().find(|(_, line)| line.contains(process));
        let (pid, _) = found.unwrap_or_else(|| panic!("no {process} in {running:?}"));
        assert!(Command::new("kill").args(["-9", &pid.to_string()]).status().unwrap().success());
        let (words, code) = demo.ended();
        assert_eq!(code, 1, "{words}");
        assert!(words.contains(told) && words.contains("/log/"), "{words}");
        assert_none_below(directory.path());
    }
}

#[test]
fn ctrl_c_while_mariadb_is_deployed_or_the_log_in_is_verified_stops_all_in_order() {
    let directory = directory();
    let mut demo = Demo::start(directory.path(), &["--exit"]);
    demo.read_until("`database` is starting");
    let mariadb = || {
        let running = below(directory.path()).into_iter();
        let found = running.filter(|(_, line)| line.contains("mariadbd"));
        found.map(|(pid, _)| pid.to_string()).next()
    };
    eventually("MariaDB makes its data", || mariadb().is_some());
    demo.signal("-INT");
    ended_in_order(directory.path(), demo);

    let mut demo = Demo::start(directory.path(), &["--exit"]);
    demo.read_until("9. Connected");
    let pid = mariadb().unwrap();
    demo.read_until("   connected");
    let kill = |signal| {
        assert!(Command::new("kill").args([signal, pid.as_str()]).status().unwrap().success());
    };
    kill("-STOP"); // so that the log-in lasts
    demo.read_until("10. Verify");
    demo.signal("-INT");
    demo.read_until("Stopping ...");
    kill("-CONT");
    let services = ended_in_order(directory.path(), demo);
    for service in ["nginx", "php-fpm", "mariadb"] {
        assert!(services.contains(service), "{service} in {services}");
    }
}

/// An interrupted demo says in what order it stops everything, and the logs of the processes tell
/// the same: first the agents, so that nothing is started again; then all services of a node; then
/// their supervisor; last the master. What the supervisors said of their services meanwhile.
fn ended_in_order(directory: &Path, demo: Demo) -> String {
    let (words, code) = demo.ended();
    assert_eq!(code, 1, "interrupted is not done: {words}");
    let order = [
        "the node of COMP-1 has ended",
        "the node of COMP-2 has ended",
        "the services of COMP-1 and their supervisor have ended",
        "the services of COMP-2 and their supervisor have ended",
        "the master has ended",
    ];
    let places = order.map(|line| words.find(line).unwrap_or_else(|| panic!("{line} in {words}")));
    assert!(places.is_sorted(), "{words}");
    assert_none_below(directory);

    let log = |name: &str| fs::read_to_string(directory.join(name)).unwrap();
    let last = |name: &str| log(name).lines().last().unwrap().to_owned();
    let master = last("log/master.log");
    assert!(master.ends_with("ended"), "{master}");
    let mut services = String::new();
    for computer in ["COMP-1", "COMP-2"] {
        let agent = last(&format!("log/{computer}.log"));
        assert!(agent.ends_with("ended; services go on"), "{agent}");
        // Lines begin with their time, always as long.
        let supervisor = log(&format!("{computer}/var/log/supervisor.log"));
        let mut later: Vec<_> = supervisor.lines().filter(|line| *line > agent.as_str()).collect();
        let end = later.pop().unwrap();
        assert!(
            end.ends_with("ended, after all services") && end < master.as_str(),
            "{supervisor}"
        );
        for line in later {
            assert!(line.contains("Exited") && line.contains("expected: true"), "{line}");
            services.push_str(line);
        }
    }
    services
}
