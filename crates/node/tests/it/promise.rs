//! Promises of a partition, with real commands.

use std::{fs, io::Write, os::unix::fs::OpenOptionsExt, time::Duration};

use camino::{Utf8Path, Utf8PathBuf};
use slapos_node::{
    agent::BLOCKING_THREADS,
    promise::{PromiseContext, PromiseResult, run_all, until_green},
    sandbox::Sandbox,
    supervise::Environment,
};
use tempfile::TempDir;
use tokio::{
    task::spawn_blocking,
    time::{Instant, timeout},
};

use crate::bench::{helper, is_alive};

struct Partition {
    context: PromiseContext,
    _directory: TempDir,
}

impl Partition {
    fn new() -> Self {
        let kept = tempfile::tempdir().unwrap();
        let directory = Utf8PathBuf::from_path_buf(kept.path().to_owned()).unwrap();
        fs::create_dir_all(directory.join("etc/promise")).unwrap();
        fs::create_dir_all(directory.join("etc/plugin")).unwrap();
        let context = PromiseContext {
            program: helper().to_owned(),
            environment: Environment::from_iter([("PATH".to_owned(), "/usr/bin:/bin".to_owned())]),
            user: None,
            sandbox: Some(Sandbox { write: vec![directory.clone()], ..Sandbox::default() }),
            python: None,
            facts: [("partition-id".to_owned(), "slappart0".to_owned())].into(),
            directory,
        };
        Self { context, _directory: kept }
    }

    fn file(&self, path: &str, text: &str) {
        let mut options = fs::OpenOptions::new();
        let path = self.context.directory.join(path);
        let mut file =
            options.write(true).create(true).truncate(true).mode(0o755).open(path).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    fn native(&self, name: &str, module: &str, config: &serde_json::Value) {
        let module = format!("slapos.promise.plugin.{module}");
        let text = serde_json::json!({ "module": module, "class": "RunPromise", "config": config });
        self.file(&format!("etc/plugin/{name}.json"), &text.to_string());
    }

    async fn run(&self) -> Vec<(String, bool, String)> {
        let results = run_all(&self.context).await;
        results.into_iter().map(|one| (one.name, one.ok, one.message)).collect()
    }
}

#[tokio::test]
async fn every_promise_is_reported_by_name() {
    let partition = Partition::new();
    assert_eq!(partition.run().await, []);
    partition.file("etc/promise/b-good", "#!/bin/sh\necho fine; pwd > where\n");
    partition.file("etc/promise/c-bad", "#!/bin/sh\necho so; echo bad >&2; exit 1\n");
    partition.file("etc/promise/d-mute", "#!/bin/sh\nexit 7\n");
    partition.file("etc/promise/.being-written", "");
    partition.file("etc/plugin/e-native.py", "# beside its description\n");
    partition.file("etc/plugin/f-python.py", "class RunPromise: pass\n");
    partition.native(
        "e-native",
        "check_command_execute",
        &serde_json::json!({"command": "test -s where"}),
    );
    partition.native(
        "a-file",
        "check_file_state",
        &serde_json::json!({"filename": "/missing/file"}),
    );
    partition.run().await; // now `where` is there
    let results = partition.run().await;
    let seen: Vec<(&str, bool)> =
        results.iter().map(|(name, ok, _)| (name.as_str(), *ok)).collect();
    let wanted = [
        ("a-file", false),
        ("b-good", true),
        ("c-bad", false),
        ("d-mute", false),
        ("e-native", true),
        ("f-python", false),
    ];
    assert_eq!(seen, wanted);
    assert_eq!(results[1].2, "fine");
    assert_eq!(results[2].2, "so\nbad");
    assert!(results[3].2.contains("exit status: 7"), "{}", results[3].2);
    assert!(results[5].2.contains("neither the release nor this node has one"), "{}", results[5].2);

    let recorded = partition.context.directory.join(".slapgrid/promise/result/c-bad.status.json");
    let recorded: serde_json::Value = serde_json::from_slice(&fs::read(recorded).unwrap()).unwrap();
    assert_eq!(recorded["result"]["failed"], true);
    assert_eq!(recorded["title"], "c-bad");
}

const PLUGIN: &str = "
import os
extra_config_dict = {'limit': 3}
class Result:
  def __init__(self, failed, message):
    self.item = self
    self.message = message
    self.hasFailed = lambda: failed
class RunPromise:
  def __init__(self, config):
    self.config = config
  def run(self, check_anomaly, can_bang):
    said = '%(partition-id)s %(name)s %(limit)s' % self.config
    here = self.config['partition-folder'] == os.getcwd()
    self.config['queue'].put(Result(FAILED, said + ' %s' % here))
";

#[tokio::test]
async fn a_promise_in_python_gets_its_configuration_and_is_heard() {
    let python = Utf8Path::new("/usr/bin/python3");
    if !python.exists() {
        return println!("skipped: there is no {python}");
    }
    let mut partition = Partition::new();
    partition.context.python = Some(python.to_owned());
    partition.file("etc/plugin/good.py", &PLUGIN.replace("FAILED", "False"));
    partition.file("etc/plugin/red.py", &PLUGIN.replace("FAILED", "True"));
    partition.file("etc/plugin/wrong.py", "import no_such_module\n");
    let results = partition.run().await;
    let seen: Vec<_> = results.iter().map(|(_, ok, said)| (*ok, said.as_str())).collect();
    assert_eq!(seen[..2], [(true, "slappart0 good.py 3 True"), (false, "slappart0 red.py 3 True")]);
    assert!(!seen[2].0 && seen[2].1.contains("no_such_module"), "{seen:?}");
}

#[tokio::test]
async fn a_command_is_in_no_list_of_processes_and_in_no_environment() {
    let partition = Partition::new();
    let command = "tr '\\0' ' ' < /proc/$$/cmdline; env; : s3cret";
    partition.native("p", "check_command_execute", &serde_json::json!({ "command": command }));
    let results = partition.run().await;
    let (_, green, said) = &results[0];
    assert!(*green && said.contains("sh -c") && said.contains("PATH="), "{said}");
    assert!(!said.contains("s3cret"), "{said}");
}

#[tokio::test]
async fn what_a_promise_left_behind_is_ended() {
    let partition = Partition::new();
    partition.file("etc/promise/leaves", "#!/bin/sh\nsleep 100000 &\necho $! > pid\n");
    assert!(partition.run().await[0].1);
    let pid = fs::read_to_string(partition.context.directory.join("pid")).unwrap();
    let pid: u32 = pid.trim().parse().unwrap();
    if let Ok(handle) = slapos_node::sys::ProcessHandle::open(pid, None) {
        handle.ended().await; // killed already, perhaps not yet gone
    }
    assert!(!is_alive(pid));
}

#[tokio::test]
async fn red_promises_are_tried_until_they_are_green() {
    let partition = Partition::new();
    let directory = partition.context.directory.clone();
    partition.file("etc/promise/counts", "#!/bin/sh\necho x >> runs\n");
    partition.native(
        "later",
        "check_file_state",
        &serde_json::json!({"filename": directory.join("up")}),
    );
    let mut told = Vec::new();
    let mut on_red = |red: &[PromiseResult]| {
        told.extend(red.iter().map(|one| (one.name.clone(), one.ok)));
        write(&directory.join("up")); // this is what the promise waits for
    };
    let deadline = Instant::now() + Duration::from_secs(60);
    let results = until_green(&partition.context, deadline, Duration::ZERO, &mut on_red).await;
    assert!(results.len() == 2 && results.iter().all(|one| one.ok), "{results:?}");
    assert_eq!(told, [("counts".to_owned(), true), ("later".to_owned(), false)]);
    let runs = fs::read_to_string(directory.join("runs")).unwrap();
    assert_eq!(runs, "x\n", "a green one is not run again");
}

#[tokio::test]
async fn a_deadline_ends_the_waiting() {
    let partition = Partition::new();
    partition.file("etc/promise/red", "#!/bin/sh\nexit 1\n");
    let results =
        until_green(&partition.context, Instant::now(), Duration::ZERO, &mut |_| ()).await;
    assert!(!results[0].ok);
}

#[tokio::test]
async fn a_description_that_is_not_a_short_plain_file_is_red_at_once() {
    let partition = Partition::new();
    let plugins = partition.context.directory.join("etc/plugin");
    partition.native(
        "good",
        "check_file_state",
        &serde_json::json!({"filename": "etc", "state": "not-empty"}),
    );
    assert!(partition.run().await[0].1);
    std::os::unix::fs::symlink(plugins.join("good.json"), plugins.join("link.json")).unwrap();
    let made = std::process::Command::new("mkfifo").arg(plugins.join("pipe.json")).status();
    assert!(made.unwrap().success());
    partition.file("etc/plugin/long.json", &" ".repeat((64 << 10) + 1));
    fs::create_dir(plugins.join("tree.json")).unwrap();
    let results = partition.run().await;
    let seen: Vec<(&str, bool)> =
        results.iter().map(|(name, ok, _)| (name.as_str(), *ok)).collect();
    let wanted =
        [("good", true), ("link", false), ("long", false), ("pipe", false), ("tree", false)];
    assert_eq!(seen, wanted);
    assert!(results[3].2.contains("not a plain file"), "{}", results[3].2);

    fs::rename(&plugins, partition.context.directory.join("plugin")).unwrap();
    std::os::unix::fs::symlink("../plugin", &plugins).unwrap();
    let results = partition.run().await;
    assert!(results.len() == 1 && !results[0].1, "a directory that leads elsewhere: {results:?}");
}

fn write(path: &Utf8Path) {
    fs::File::create(path).unwrap().write_all(b"x").unwrap();
}

/// Takes connections and never says anything.
fn mute_server() -> (String, std::sync::mpsc::Receiver<std::net::TcpStream>) {
    let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", server.local_addr().unwrap());
    let (taken, connections) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for stream in server.incoming().map_while(Result::ok) {
            let _test_ended = taken.send(stream);
        }
    });
    (url, connections)
}

#[test]
fn urls_that_do_not_answer_leave_threads_for_the_calls_of_the_master() {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.worker_threads(2).max_blocking_threads(BLOCKING_THREADS).enable_all();
    let runtime = runtime.build().unwrap();
    let (url, connections) = mute_server();
    let partitions = [(); 6].map(|()| Partition::new());
    for partition in &partitions {
        for number in 0..8 {
            let config = serde_json::json!({ "url": url, "timeout": 100 });
            partition.native(&format!("url-{number}"), "check_url_available", &config);
        }
        let context = partition.context.clone();
        runtime.spawn(async move { run_all(&context).await });
    }
    let mut hanging = Vec::new();
    for _ in 0..200 {
        hanging.extend(connections.recv_timeout(Duration::from_millis(5)));
        let call = async { timeout(Duration::from_secs(20), spawn_blocking(|| ())).await };
        runtime.block_on(call).expect("no thread is left for a call").unwrap();
    }
    assert!(hanging.len() >= 8, "the checks have not begun");
    runtime.shutdown_background();
}
