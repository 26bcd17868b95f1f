//! The launcher and what confines.

use std::{os::unix::process::ExitStatusExt, process::Stdio};

use camino::Utf8Path;
use slapos_node::{
    sandbox::{LAUNCH_FAILED, LandlockLayer, LaunchSpec, Sandbox, User, report, start},
    supervise::Environment,
};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

use crate::bench::{helper, is_alive};
use crate::skip::skip;

fn spec(directory: &Utf8Path, command: &[&str]) -> LaunchSpec {
    LaunchSpec {
        command: command.iter().map(ToString::to_string).collect(),
        directory: directory.to_owned(),
        environment: Environment::from_iter([("PATH".to_owned(), "/usr/bin:/bin".to_owned())]),
        user: None,
        sandbox: Some(Sandbox { write: vec![directory.to_owned()], ..Sandbox::default() }),
        keep_stdin: false,
        guarded: false,
    }
}

/// Exit code and both outputs.
async fn run(spec: &LaunchSpec) -> (Option<i32>, String) {
    let child = start(helper(), spec, Stdio::piped(), Stdio::piped()).await.unwrap();
    let output = child.wait_with_output().await.unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&said).into_owned())
}

#[tokio::test]
async fn a_program_gets_its_environment_its_input_and_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let directory = Utf8Path::from_path(directory.path()).unwrap();
    let (code, said) = run(&spec(directory, &["/usr/bin/env"])).await;
    assert_eq!((code, said.as_str()), (Some(0), "PATH=/usr/bin:/bin\n"));
    let (code, said) = run(&spec(directory, &["cat"])).await;
    assert_eq!((code, said.as_str()), (Some(0), ""), "reads nothing");

    let keeping = LaunchSpec { keep_stdin: true, ..spec(directory, &["cat"]) };
    let mut child = start(helper(), &keeping, Stdio::piped(), Stdio::piped()).await.unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"for the program").await.unwrap();
    drop(stdin);
    assert_eq!(child.wait_with_output().await.unwrap().stdout, b"for the program");

    let (code, said) = run(&spec(directory, &["/missing/program"])).await;
    assert_eq!(code, Some(LAUNCH_FAILED));
    assert!(said.starts_with("launch: execute /missing/program: "), "{said}");
}

#[tokio::test]
async fn a_guarded_program_ends_with_its_reader() {
    let directory = tempfile::tempdir().unwrap();
    let directory = Utf8Path::from_path(directory.path()).unwrap();
    let guarded = |script| LaunchSpec { guarded: true, ..spec(directory, &["sh", "-c", script]) };
    assert_eq!(run(&guarded("echo out; exit 7")).await, (Some(7), "out\n".into()));
    assert_eq!(run(&guarded("kill -9 $$")).await.0, Some(128 + 9));
    let nothing = LaunchSpec { guarded: true, ..spec(directory, &["/missing/program"]) };
    assert_eq!(run(&nothing).await.0, Some(LAUNCH_FAILED));

    let script = guarded("sleep 600 & echo $!; wait");
    let mut child = start(helper(), &script, Stdio::piped(), Stdio::null()).await.unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap()).lines();
    let sleeper = out.next_line().await.unwrap().unwrap().parse().unwrap();
    assert!(is_alive(sleeper));
    drop(out); // as when whoever reads is killed
    assert_eq!(child.wait().await.unwrap().signal(), Some(9));
    while is_alive(sleeper) {} // whoever waits for it may come later
}

#[tokio::test]
async fn landlock_refuses_what_lies_outside() {
    if report().landlock == LandlockLayer::Absent {
        skip("this kernel has no Landlock");
        return;
    }
    let inside = tempfile::tempdir().unwrap();
    let outside = tempfile::tempdir().unwrap();
    let inside = Utf8Path::from_path(inside.path()).unwrap();
    let outside = Utf8Path::from_path(outside.path()).unwrap();
    std::fs::File::create(outside.join("secret")).unwrap();
    let read = format!("cat {outside}/secret");
    let write = format!("echo x > {outside}/new");
    let table: &[(&str, &[&Utf8Path], bool)] = &[
        ("echo x > own && cat own && mkdir d && mv own d/ && rm -r d", &[], true),
        ("ls /usr/bin > /dev/null && head -c 1 /dev/urandom > /dev/null", &[], true),
        ("cat /etc/hosts /etc/passwd > /dev/null", &[], true),
        ("cat /etc/shadow", &[], false),
        ("ls /tmp", &[], false),
        (&read, &[], false),
        (&read, &[outside], true),
        (&write, &[outside], false),
    ];
    for (script, readable, allowed) in table {
        let mut spec = spec(inside, &["sh", "-c", script]);
        if let Some(sandbox) = &mut spec.sandbox {
            sandbox.read = readable.iter().map(|path| (*path).to_owned()).collect();
        }
        let (code, said) = run(&spec).await;
        assert_eq!(code == Some(0), *allowed, "{script}: {said}");
    }
    let free = LaunchSpec { sandbox: None, ..spec(inside, &["sh", "-c", &read]) };
    assert_eq!(run(&free).await.0, Some(0), "it is the sandbox that refuses");

    let mut nowhere = spec(inside, &["true"]);
    nowhere.sandbox = Some(Sandbox { write: vec!["/missing/place".into()], ..Sandbox::default() });
    let (code, said) = run(&nowhere).await;
    assert_eq!(code, Some(LAUNCH_FAILED), "{said}");
    assert!(said.contains("/missing/place"), "{said}");
}

#[tokio::test]
async fn landlock_refuses_other_ports() {
    if !matches!(report().landlock, LandlockLayer::FilesAndPorts { .. }) {
        skip("this kernel's Landlock knows no ports");
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let directory = Utf8Path::from_path(directory.path()).unwrap();
    let port = {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        free.local_addr().unwrap().port()
    };
    let address = format!("127.0.0.1:{port}");
    let table = [(None, true), (Some(vec![port]), true), (Some(vec![port ^ 1]), false)];
    for (bind_ports, allowed) in table {
        let mut spec = spec(directory, &[helper().as_str(), "bind", &address]);
        if let Some(sandbox) = &mut spec.sandbox {
            sandbox.read.push(helper().to_owned());
            sandbox.bind_ports.clone_from(&bind_ports);
        }
        let (code, said) = run(&spec).await;
        assert_eq!(code == Some(0), allowed, "{bind_ports:?}: {said}");
    }
}

#[tokio::test]
async fn a_program_runs_as_the_user_that_was_asked_for_or_not_at_all() {
    let directory = tempfile::tempdir().unwrap();
    let directory = Utf8Path::from_path(directory.path()).unwrap();
    let user = User { uid: 54_321, gid: 54_322 };
    let script = "echo $(id -u) $(id -g) $(id -G) $(grep NoNewPrivs /proc/self/status)";
    let spec =
        LaunchSpec { user: Some(user), sandbox: None, ..spec("/".into(), &["sh", "-c", script]) };
    let (code, said) = run(&spec).await;
    if report().users {
        std::os::unix::fs::chown(directory, Some(user.uid), Some(user.gid)).unwrap();
        assert_eq!((code, said.trim()), (Some(0), "54321 54322 54322 NoNewPrivs: 1"));
    } else {
        assert_eq!(code, Some(LAUNCH_FAILED), "{said}");
        assert!(said.contains("run as user 54321"), "{said}");
    }
}
