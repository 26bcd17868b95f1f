//! The supervisor with real processes.

use slapos_node::supervise::{
    Client, ClientError, Event, Kind, ProgramState, Request, ensure_running, protocol::Exit,
};
use tokio::io::AsyncWriteExt;

use crate::bench::{Bench, GROUP, helper, is_alive, kill, read, until};

const FOREVER: &str = "exec sleep 100000";

#[tokio::test]
async fn a_set_is_started_once_and_stopped_as_a_whole() {
    let bench = Bench::new().await;
    let set = || vec![bench.script("one", FOREVER), bench.script("two", FOREVER)];
    bench.client.apply(GROUP, set()).await.unwrap();
    let pids = [bench.pid("one").await, bench.pid("two").await];
    bench.client.apply(GROUP, set()).await.unwrap();
    assert_eq!(pids, [bench.pid("one").await, bench.pid("two").await], "idempotent");

    bench.client.apply("slappart1", vec![bench.script("other", FOREVER)]).await.unwrap();
    bench.client.stop(GROUP).await.unwrap();
    assert_eq!(pids.map(is_alive), [false, false]);
    bench.client.stop(GROUP).await.unwrap();
    assert!(is_alive(bench.pid("other").await), "another group is not touched");
}

#[tokio::test]
async fn only_what_changed_is_replaced_and_the_old_one_ends_first() {
    const OLD: &str = "web-0123456789abcdef0123456789abcdef";
    const NEW: &str = "web-fedcba9876543210fedcba9876543210";
    let bench = Bench::new().await;
    let set = |name| vec![bench.script("same", FOREVER), bench.script(name, FOREVER)];
    bench.client.apply(GROUP, set(OLD)).await.unwrap();
    let (same, old) = (bench.pid("same").await, bench.pid(OLD).await);
    let mut events = bench.client.subscribe().await.unwrap();
    bench.client.apply(GROUP, set(NEW)).await.unwrap();
    assert_eq!(bench.pid("same").await, same);
    let first = events.next().await.unwrap().unwrap();
    let Event::Exited { pid, expected, .. } = first else { panic!("{first:?}") };
    assert_eq!((pid, expected), (old, true));
    let second = events.next().await.unwrap().unwrap();
    assert!(matches!(&second, Event::Started { program, .. } if program == NEW), "{second:?}");
    assert_eq!(bench.client.status().await.unwrap().len(), 2);

    let mut changed = set(NEW);
    changed[1].environment.set("ANOTHER", "value");
    let before = bench.pid(NEW).await;
    bench.client.apply(GROUP, changed).await.unwrap();
    assert_ne!(bench.pid(NEW).await, before);
}

#[tokio::test]
async fn a_killed_program_is_back_and_a_crash_loop_is_slowed() {
    let bench = Bench::new().await;
    let mut events = bench.client.subscribe().await.unwrap();
    bench.client.apply(GROUP, vec![bench.script("p", FOREVER)]).await.unwrap();
    let first = bench.pid("p").await;
    kill(first).await;
    let exit = until(&mut events, |event| match event {
        Event::Exited { pid, exit, expected: false, .. } if pid == first => Some(exit),
        _ => None,
    });
    assert_eq!(exit.await, Exit { code: None, signal: Some(9) });
    let delay = until(&mut events, |event| match event {
        Event::Restarting { delay_ms, failures, .. } => Some((delay_ms, failures)),
        _ => None,
    });
    assert_eq!(delay.await, (0, 1), "at once");
    let second = until(&mut events, |event| match event {
        Event::Started { pid, .. } => Some(pid),
        _ => None,
    });
    assert_ne!(second.await, first);

    bench.client.apply(GROUP, vec![bench.script("p", "exit 3")]).await.unwrap();
    let mut delays = Vec::new();
    while delays.len() < 2 {
        delays.push(
            until(&mut events, |event| match event {
                Event::Restarting { delay_ms, failures, .. } => Some((delay_ms, failures)),
                _ => None,
            })
            .await,
        );
    }
    assert_eq!(delays, [(0, 1), (500, 2)]);
    let status = bench.one("p").await;
    assert_eq!(status.last_exit, Some(Exit { code: Some(3), signal: None }));
    assert!(status.failures >= 2, "{status:?}");
}

#[tokio::test]
async fn a_program_that_cannot_be_started_says_why() {
    let bench = Bench::new().await;
    let mut missing = bench.script("missing", "");
    missing.command = vec!["/missing/program".into()];
    let mut unlogged = bench.script("unlogged", FOREVER);
    unlogged.log = bench.place("no/such/directory.log");
    let mut events = bench.client.subscribe().await.unwrap();
    bench.client.apply(GROUP, vec![missing, unlogged]).await.unwrap();
    let mut reasons = Vec::new();
    while reasons.len() < 2 {
        let fatal = until(&mut events, |event| match event {
            Event::Fatal { program, reason, .. } => Some((program, reason)),
            _ => None,
        });
        reasons.push(fatal.await);
    }
    reasons.sort();
    let [(_, missing), (_, unlogged)] = reasons.try_into().unwrap();
    assert!(missing.contains("execute /missing/program: No such file"), "{missing}");
    assert!(unlogged.contains("open log "), "{unlogged}");
}

#[tokio::test]
async fn a_killed_supervisor_finds_its_processes_again() {
    let bench = Bench::new().await;
    let mut once = bench.script("once", "echo ran >> once.txt");
    once.kind = Kind::Once;
    let mut secret = bench.script("secret", FOREVER);
    secret.environment.set("PASSWORD", "insecure-value");
    let set = vec![bench.script("p", FOREVER), secret, once];
    let mut events = bench.client.subscribe().await.unwrap();
    bench.client.apply(GROUP, set.clone()).await.unwrap();
    let exited = until(&mut events, |event| match event {
        Event::Exited { program, expected: true, .. } => Some(program),
        _ => None,
    });
    assert_eq!(exited.await, "once");
    let pids = [bench.pid("p").await, bench.pid("secret").await];

    // An answer that takes the supervisor's lock on the board follows every earlier change.
    bench.client.status().await.unwrap();
    bench.kill_supervisor().await;
    assert!(matches!(bench.client.status().await, Err(ClientError::Absent { .. })));
    ensure_running(helper(), &bench.base).await.unwrap();
    bench.client.apply(GROUP, set).await.unwrap();
    assert_eq!([bench.pid("p").await, bench.pid("secret").await], pids);
    assert_eq!(bench.one("once").await.state, ProgramState::Finished);
    assert_eq!(std::fs::read_to_string(bench.place("once.txt")).unwrap(), "ran\n");

    let mut events = bench.client.subscribe().await.unwrap();
    kill(pids[0]).await;
    let again = until(&mut events, |event| match event {
        Event::Started { program, pid, .. } => Some((program, pid)),
        _ => None,
    });
    let (program, pid) = again.await;
    assert_eq!(program, "p");
    assert_ne!(pid, pids[0]);
    bench.client.stop(GROUP).await.unwrap();
    assert!(!is_alive(pids[1]) && !is_alive(pid));

    let log = std::fs::read_to_string(slapos_node::supervise::client::log_path(&bench.base));
    assert!(!log.unwrap().contains("insecure-value"));
}

#[tokio::test]
async fn what_ran_runs_again_without_anyone_asking() {
    let bench = Bench::new().await;
    bench.client.apply(GROUP, vec![bench.script("p", FOREVER)]).await.unwrap();
    bench.client.apply("slappart1", vec![bench.script("stopped", FOREVER)]).await.unwrap();
    bench.client.stop("slappart1").await.unwrap();
    let before = bench.pid("p").await;
    bench.client.shutdown().await.unwrap();
    assert!(!is_alive(before));
    bench.client.shutdown().await.unwrap();

    ensure_running(helper(), &bench.base).await.unwrap();
    let runs = async || matches!(bench.one("p").await.state, ProgramState::Running { .. });
    while !runs().await {}
    assert_ne!(bench.pid("p").await, before);
    assert_eq!(bench.client.status().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_program_that_ignores_the_polite_signal_is_killed_after_its_grace() {
    let bench = Bench::new().await;
    let pipe = bench.pipe("ready");
    let mut deaf = bench.script("deaf", "trap '' TERM; echo up > ready; while :; do sleep 1; done");
    deaf.grace_ms = 50;
    bench.client.apply(GROUP, vec![deaf]).await.unwrap();
    assert_eq!(read(&pipe).await, "up");
    let pid = bench.pid("deaf").await;
    bench.client.stop(GROUP).await.unwrap();
    assert!(!is_alive(pid));
}

#[tokio::test]
async fn grandchildren_end_too_even_in_a_session_of_their_own() {
    let bench = Bench::new().await;
    let pipe = bench.pipe("pids");
    let script = "sh -c 'sleep 100000 & echo $! > inner; wait' & \
                  setsid sleep 100000 & \
                  until [ -s inner ]; do sleep 0.01; done; echo $(cat inner) $! > pids; wait";
    bench.client.apply(GROUP, vec![bench.script("family", script)]).await.unwrap();
    let pids: Vec<u32> = read(&pipe).await.split(' ').map(|pid| pid.parse().unwrap()).collect();
    assert!(pids.len() == 2 && pids.iter().copied().all(is_alive), "{pids:?}");
    bench.client.stop(GROUP).await.unwrap();
    assert!(!pids.iter().copied().any(is_alive), "{pids:?}");
}

#[tokio::test]
async fn orphans_of_a_crashed_program_are_gone_before_it_starts_again() {
    let bench = Bench::new().await;
    let pipe = bench.pipe("pids");
    let mut events = bench.client.subscribe().await.unwrap();
    let script = "sleep 100000 & echo $! > pids; kill -9 $$";
    bench.client.apply(GROUP, vec![bench.script("p", script)]).await.unwrap();
    let orphan: u32 = read(&pipe).await.parse().unwrap();
    let restarting = until(&mut events, |event| match event {
        Event::Restarting { failures, .. } => Some(failures),
        _ => None,
    });
    restarting.await;
    assert!(!is_alive(orphan));
}

#[tokio::test]
async fn a_program_writes_its_own_log_with_the_environment_it_was_given() {
    let bench = Bench::new().await;
    let pipe = bench.pipe("done");
    let mut program = bench.script("p", "env; echo to-error >&2; pwd; echo x > done");
    program.kind = Kind::Once;
    program.environment.set("GREETING", "hello");
    bench.client.apply(GROUP, vec![program]).await.unwrap();
    assert_eq!(read(&pipe).await, "x");
    let log = bench.log("p");
    for line in ["GREETING=hello", "to-error", bench.place("").as_str().trim_end_matches('/')] {
        assert!(log.lines().any(|one| one == line), "{log} lacks {line}");
    }
    assert!(!log.contains("CARGO"), "nothing is inherited: {log}");
}

#[tokio::test]
async fn a_client_that_goes_away_changes_nothing() {
    let bench = Bench::new().await;
    let mut events = bench.client.subscribe().await.unwrap();
    let path = bench.base.join("run/supervisor.sock");
    let programs = vec![bench.script("p", FOREVER)];
    let request = Request::Apply { group: GROUP.into(), programs };
    let mut stream = tokio::net::UnixStream::connect(&path).await.unwrap();
    let line = format!("{}\n", serde_json::to_string(&request).unwrap());
    stream.write_all(line.as_bytes()).await.unwrap();
    drop(stream);
    let started = until(&mut events, |event| match event {
        Event::Started { pid, .. } => Some(pid),
        _ => None,
    });
    let pid = started.await;
    assert_eq!(bench.pid("p").await, pid);

    for bad in ["not json\n", "{\"ask\":\"dance\"}\n", "{\"ask\":\"status\""] {
        let mut stream = tokio::net::UnixStream::connect(&path).await.unwrap();
        stream.write_all(bad.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = String::new();
        tokio::io::AsyncReadExt::read_to_string(&mut stream, &mut answer).await.unwrap();
        assert!(answer.contains("cannot be read"), "{bad:?}: {answer}");
    }
    assert!(is_alive(pid));
}

#[tokio::test]
async fn a_set_that_makes_no_sense_is_refused_and_changes_nothing() {
    let bench = Bench::new().await;
    bench.client.apply(GROUP, vec![bench.script("p", FOREVER)]).await.unwrap();
    let twice = vec![bench.script("q", FOREVER), bench.script("q", FOREVER)];
    let refused = bench.client.apply(GROUP, twice).await;
    assert!(matches!(&refused, Err(ClientError::Refused(why)) if why.contains("twice")));
    assert!(is_alive(bench.pid("p").await));
}

#[tokio::test]
async fn there_is_one_supervisor_however_long_the_path_and_many_the_starters() {
    let bench = Bench::below(&"a-rather-long-name/".repeat(8)).await;
    let first = bench.client.supervisor_pid().await.unwrap();
    bench.kill_supervisor().await;
    let starters = (0..4).map(|_| {
        let base = bench.base.clone();
        tokio::spawn(async move { ensure_running(helper(), &base).await.unwrap() })
    });
    let clients: Vec<Client> =
        tokio::task::JoinSet::from_iter(starters.map(|one| async { one.await.unwrap() }))
            .join_all()
            .await;
    let mut pids = Vec::new();
    for client in clients {
        pids.push(client.supervisor_pid().await.unwrap());
    }
    pids.dedup();
    assert!(pids.len() == 1 && pids[0] != first, "{pids:?}");

    let second = std::process::Command::new(helper())
        .args(["node", "supervisor", "--base", bench.base.as_str()])
        .output()
        .unwrap();
    assert!(!second.status.success());
    assert!(String::from_utf8_lossy(&second.stderr).contains("another supervisor runs"));
}

#[tokio::test]
async fn a_supervisor_that_cannot_start_says_why() {
    let directory = tempfile::tempdir().unwrap();
    let base = camino::Utf8Path::from_path(directory.path()).unwrap();
    std::fs::create_dir_all(base.join("lib/supervisor")).unwrap();
    std::fs::File::create(base.join("lib/supervisor/wished.json")).unwrap();
    let error = ensure_running(helper(), base).await.unwrap_err();
    assert!(error.to_string().contains("wished.json"), "{error}");
    assert!(error.hint().unwrap().contains("supervisor.log"));
}

#[tokio::test]
async fn clients_without_number_are_refused_by_name_and_no_service_notices() {
    let bench = Bench::new().await;
    let mut events = bench.client.subscribe().await.unwrap();
    let web = bench.script("web", "exec sleep 100000");
    bench.client.apply(GROUP, vec![web]).await.unwrap();
    let socket = bench.base.join("run/supervisor.sock");
    let silent: Vec<_> =
        (0..300).map(|_| std::os::unix::net::UnixStream::connect(&socket).unwrap()).collect();
    let refused = loop {
        // The last of them may not have been taken notice of yet.
        if let Err(error) = bench.client.status().await {
            break error.to_string();
        }
    };
    assert!(refused.contains("serves 256 clients already"), "{refused}");
    let killed = bench.pid_of_event(&mut events, "web").await;
    kill(killed).await;
    let again = bench.pid_of_event(&mut events, "web").await;
    assert!(is_alive(again) && again != killed);
    drop(silent);
    while bench.client.status().await.is_err() {}
    assert_eq!(bench.pid("web").await, again);
}
