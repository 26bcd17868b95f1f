//! The yardstick itself: it counts what it should, and fails loudly when it should.

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Output, Stdio},
};

use serde_json::Value as Json;

/// A null server; ends with the test.
struct Server {
    process: Child,
    url: String,
}

impl Server {
    fn start(options: &[&str]) -> Self {
        let mut process = slapload()
            .args(["null-server", "--listen", "127.0.0.1:0"])
            .args(options)
            .stderr(Stdio::piped())
            .spawn()
            .expect("start the null server");
        let mut line = String::new();
        let stderr = process.stderr.as_mut().expect("a pipe");
        BufReader::new(stderr).read_line(&mut line).expect("it says where it listens");
        let url = line.split_whitespace().find(|word| word.starts_with("http://"));
        let url = url.expect("a URL").to_owned();
        Self { process, url }
    }

    fn load(&self, options: &[&str]) -> Output {
        let mut command = slapload();
        command.args(options).args(["--url", &self.url, "-C", "4", "-P", "5"]);
        command.output().expect("run the generator")
    }

    fn report(&self, options: &[&str]) -> Json {
        let output = self.load(&[options, &["--json"]].concat());
        assert!(output.status.success(), "{}", stderr(&output));
        serde_json::from_slice(&output.stdout).expect("a report")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.kill().expect("it is ours");
        self.process.wait().expect("it is ours");
    }
}

fn slapload() -> Command {
    Command::new(env!("CARGO_BIN_EXE_slapload"))
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a plain path")
}

#[test]
fn it_counts_operations_connections_and_repeats() {
    let server = Server::start(&["--work", "parse"]);
    let report = server.report(&["allocate", "-n", "2000", "-K", "7", "--repeat", "3"]);
    assert_eq!(report["operations"], 6000);
    assert_eq!(report["errors"], 0);
    assert_eq!(report["checks"]["partitions_given_twice"], 0);
    assert_eq!(report["connections_opened"], 21);
    assert_eq!(report["rates_per_s"].as_array().unwrap().len(), 3);
    let latency = &report["latency_us"];
    assert!(latency["p50"].as_f64().unwrap() <= latency["max"].as_f64().unwrap());
}

#[test]
fn without_keepalive_each_request_has_a_connection() {
    let server = Server::start(&["--work", "parse"]);
    let report = server.report(&["allocate", "-n", "50", "-K", "2", "--no-keepalive"]);
    assert_eq!(report["connections_opened"], 50);
}

#[test]
fn a_null_server_with_a_log_answers_and_writes() {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("log");
    let server = Server::start(&["--wal", text(&log), "--wal-megabytes", "0"]);
    let report = server.report(&["allocate", "-n", "40", "-K", "4", "--placement", "any"]);
    assert_eq!(report["operations"], 40);
    let sent = report["bytes_sent_per_request"].as_u64().unwrap();
    assert!(std::fs::metadata(log).unwrap().len() > sent * 40 / 2);
}

#[test]
fn wrong_content_ends_the_run() {
    let server = Server::start(&[]);
    for (options, reason) in [
        (&["poll", "-n", "10"][..], "asked for SLCOMP"),
        (&["poll", "-n", "10", "--etag", "--check-every", "0"], "never answered 304"),
        (&["allocate", "-n", "10"], "asked for SLCOMP"),
        (&["reask", "-n", "200", "--instances", "3"], "moved to"),
        (&["info", "-n", "1", "--sample", "1"], "got \"slappart0\""),
        (&["publish", "-n", "1", "--sample", "1"], "is not what its requester reads"),
    ] {
        let output = server.load(options);
        assert_eq!(output.status.code(), Some(1), "{options:?}");
        assert!(stderr(&output).contains(reason), "{options:?}: {}", stderr(&output));
    }
}

#[test]
fn where_nobody_answers_the_run_ends() {
    let output = slapload().args(["allocate", "-n", "1", "--url", "http://127.0.0.1:9"]).output();
    let output = output.unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("connect to 127.0.0.1:9"), "{}", stderr(&output));
}

#[test]
fn the_same_seed_sends_the_same_bytes() {
    let sent = || {
        let server = Server::start(&["--work", "parse"]);
        let report = server.report(&["allocate", "-n", "100", "--seed", "5"]);
        report["bytes_sent_per_request"].as_u64().unwrap()
    };
    assert_eq!(sent(), sent());
}

#[test]
fn an_open_loop_never_runs_ahead_of_its_rate() {
    let server = Server::start(&["--work", "parse"]);
    let report = server.report(&["allocate", "-n", "100", "-K", "8", "--rate", "200"]);
    assert_eq!(report["open_loop_rate"], 200.0);
    // the last one is due 99 / 200 of a second after the first
    assert!(report["elapsed_s"].as_f64().unwrap() >= 0.495, "{report}");
}

#[test]
fn time_ends_a_phase_before_its_count() {
    let server = Server::start(&["--work", "parse"]);
    let endless = "1000000000";
    let report = server.report(&["allocate", "-n", endless, "-s", "0.2", "-K", "3"]);
    let operations = report["operations"].as_u64().unwrap();
    assert!(operations > 0 && operations < 1_000_000_000, "{operations}");
}

#[test]
fn a_master_that_dies_leaves_a_record_of_what_it_acknowledged() {
    let directory = tempfile::tempdir().unwrap();
    let record = directory.path().join("record");
    let log = directory.path().join("log");
    let server = Server::start(&["--work", "parse", "--wal", text(&log), "--wal-megabytes", "0"]);
    let load = slapload()
        .args(["allocate", "-n", "1000000000", "-K", "4", "--url", &server.url])
        .args(["--record", text(&record)])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    while std::fs::metadata(&log).unwrap().len() < 100_000 {
        std::thread::yield_now();
    }
    drop(server);
    let output = load.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let lines = std::fs::read_to_string(&record).unwrap();
    assert!(lines.lines().count() > 0);
    assert!(lines.lines().all(|line| serde_json::from_str::<[String; 3]>(line).is_ok()));
}

#[test]
fn watchers_are_woken_by_each_change() {
    let server = Server::start(&["--work", "parse"]);
    let report = server.report(&["watch", "-n", "100", "--rate", "400", "--idle", "0.1"]);
    assert_eq!(report["operations"], 100);
    assert_eq!(report["checks"]["watchers"], 4);
    assert!(report["checks"]["woken"].as_u64().unwrap() > 0, "{report}");
}

#[test]
fn a_change_that_wakes_nobody_ends_the_run() {
    let server = Server::start(&["--work", "none"]); // does not see who is asked for
    let options = ["watch", "-n", "1", "--idle", "0.1", "--placement", "any", "--timeout", "0.5"];
    let output = server.load(&options);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("woke nobody"), "{}", stderr(&output));
}

#[test]
fn two_reports_are_compared_when_they_are_about_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(&["--work", "parse"]);
    let file = |name: &str| directory.path().join(name);
    let (base, new, other) = (file("base.json"), file("new.json"), file("other.json"));
    server.report(&["allocate", "-n", "100", "--out", text(&base)]);
    server.report(&["allocate", "-n", "100", "-K", "2", "--out", text(&new)]);
    server.report(&["reask", "-n", "100", "--no-verify", "--out", text(&other)]);
    let compare = |a: &Path, b: &Path| slapload().arg("compare").args([a, b]).output().unwrap();
    let said = String::from_utf8(compare(&base, &new).stdout).unwrap();
    assert!(said.contains("rate /s"), "{said}");
    assert!(said.contains("note: connections differs: 1 and 2"), "{said}");
    assert!(stderr(&compare(&base, &other)).contains("different scenarios"));
}
