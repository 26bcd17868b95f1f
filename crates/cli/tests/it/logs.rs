//! What master, nodes and supervisors write while they run.

use std::fs;

use camino::{Utf8Path, Utf8PathBuf};

use crate::{
    cloud::{Cloud, release, slapos, write_file},
    master::{Master, serve},
};

/// The warnings of a cloud in which nothing goes wrong.
const EXPECTED: [&str; 1] = [
    "whoever reaches this address may do everything", // the tests serve openly, for nodes have other addresses
];

/// The lines of a log that somebody must look at.
fn alarming(log: &Utf8Path) -> Vec<String> {
    let text = fs::read_to_string(log).unwrap();
    assert!(!text.is_empty(), "{log} is empty: something else is looked at");
    let alarms = text.lines().filter(|line| {
        let mut words = line.split_whitespace().skip(1); // after the time
        let is_alarm = words.next().is_some_and(|level| ["WARN", "ERROR"].contains(&level));
        (is_alarm || line.contains("panicked")) && !EXPECTED.iter().any(|it| line.contains(it))
    });
    alarms.map(|line| format!("{log}: {line}")).collect()
}

/// What runs on a cloud in which nothing goes wrong has nothing to say that somebody must look at.
pub(crate) fn assert_calm(logs: &[Utf8PathBuf]) {
    let alarms: Vec<_> = logs.iter().flat_map(|log| alarming(log)).collect();
    assert!(alarms.is_empty(), "{}", alarms.join("\n"));
}

#[test]
fn a_healthy_cloud_warns_of_nothing() {
    let cloud = Cloud::with_releases();
    cloud.connected();
    cloud.must(&["request", "web", &release("web"), "--parameters", "name=other", "--wait"], 0);
    for state in ["stopped", "started"] {
        cloud.must(&["request", "web", &release("web"), "--state", state, "--wait"], 0);
    }
    cloud.must(&["service", "bang", "web"], 0);
    cloud.must(&["service", "destroy", "web"], 0);
    cloud.until("everything is gone", |client| client.instances(None).unwrap().is_empty());
    for computer in ["COMP-1", "COMP-2"] {
        cloud.must(&["--cfg", cloud.node_cfg(computer).as_str(), "node", "stop"], 0);
    }
    let mut logs = vec![cloud.path().join("master.log")];
    for computer in ["COMP-1", "COMP-2"] {
        logs.push(cloud.path().join(format!("{computer}.log")));
        logs.push(cloud.path().join(computer).join("var/log/supervisor.log"));
    }
    assert_calm(&logs);
}

#[test]
fn a_line_of_a_node_says_where_and_of_what() {
    let cloud = Cloud::start();
    let faulty = cloud.path().join("faulty");
    fs::create_dir(&faulty).unwrap();
    let profile = "[buildout]\nparts = instance.cfg\n[instance.cfg]\n\
                   recipe = slapos.recipe.template:jinja2\ninline =\n  [buildout]\n  parts = none\n\
                   output = ${buildout:directory}/instance.cfg\n";
    write_file(&faulty.join("software.cfg"), profile);
    let url = faulty.join("software.cfg");
    cloud.supply_url(url.as_str(), "COMP-1");
    cloud.run(&["request", "faulty", url.as_str()]);
    cloud.until("the error is told", |_| cloud.instance("faulty").state == "error");
    let it = cloud.instance("faulty");
    let log = fs::read_to_string(cloud.path().join("COMP-1.log")).unwrap();
    let line = log.lines().find(|line| line.contains("pass failed")).expect(&log);
    let place = "at{computer=COMP-1 partition=slappart0}";
    let whom = format!("pass{{instance={} title=faulty}}", it.id);
    assert!(line.contains(&format!(" ERROR {place}:{whom}: ")), "{line}");
    let line = log.lines().find(|line| line.contains(" installed ")).expect(&log);
    assert!(line.contains(&format!(" INFO at{{computer=COMP-1 release={url}}}: ")), "{line}");
}

#[test]
fn a_line_of_a_master_says_of_which_call() {
    let directory = tempfile::tempdir().unwrap();
    let path = Utf8Path::from_path(directory.path()).unwrap();
    let mut command = serve(slapos(), &path.join("data"));
    command.env("SLAPOS_LOG", "debug");
    let master = Master::start(command, &path.join("log"));
    let agent = ureq::Agent::from(
        ureq::Agent::config_builder().http_status_as_error(false).proxy(None).build(),
    );
    for path in ["v1/nothing?secret=word", "below/getFullComputerInformation?computer_id=COMP-9"] {
        assert_eq!(agent.get(format!("{}/{path}", master.url)).call().unwrap().status(), 404);
    }
    let supply = [("url", "a b"), ("computer_id", "COMP-9"), ("state", "available")];
    let answer = agent.post(format!("{}/supplySupply", master.url)).send_form(supply).unwrap();
    assert_eq!(answer.status(), 400);
    let log = master.log();
    for (call, said) in [
        ("method=GET path=\"/v1/nothing\"", "unknown-path"),
        ("method=GET path=\"/below/getFullComputerInformation\"", "status=404"),
        ("method=POST path=\"/supplySupply\"", "status=400"),
    ] {
        let line = log.lines().find(|line| line.contains(call)).expect(&log);
        assert!(line.contains("call{number=") && line.contains("from=127.0.0.1:"), "{line}");
        assert!(line.contains(said), "{line}");
    }
    assert!(!log.contains("word"), "a query may hold a secret: {log}");
}
