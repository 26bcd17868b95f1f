//! A master whose disk fails it: full, and then not; a sync that fails, once or for good.

use std::{
    fs,
    io::{self, Write},
    process::Command,
    sync::Mutex,
};

use camino::{Utf8Path, Utf8PathBuf};
use slapos_wire::client::ClientError;

use crate::skip::skip;
use crate::{
    cloud::{Said, eventually, slapos},
    disk::Disk,
    master::{Master, request, serve, titles},
};

fn directory() -> tempfile::TempDir {
    tempfile::Builder::new().prefix("slapos-test-").tempdir_in("/tmp").unwrap()
}

fn path(directory: &tempfile::TempDir) -> Utf8PathBuf {
    Utf8PathBuf::from_path_buf(directory.path().to_owned()).unwrap()
}

/// A directory, and in it a disk of its own, of this size; the error says why that cannot be.
fn on_disk(size: &str) -> Result<(tempfile::TempDir, Utf8PathBuf, Disk), String> {
    let directory = directory();
    let at = path(&directory).join("disk");
    fs::create_dir(&at).unwrap();
    let disk = Disk::mount(&at, size)?;
    Ok((directory, at, disk))
}

/// Calls without a client of the master: an answer is one whatever its status.
fn agent() -> ureq::Agent {
    ureq::Agent::config_builder().http_status_as_error(false).build().into()
}

fn code(error: &ClientError) -> &str {
    match error {
        ClientError::Refused(problem) => &problem.code,
        ClientError::NoAnswer { .. } => "no-answer",
        ClientError::Strange { .. } => panic!("{error:?}"),
    }
}

/// Writes a file until there is only so much room.
fn fill(path: &Utf8Path, room: u64) {
    let mut file = fs::File::options().append(true).create(true).open(path).unwrap();
    for bytes in [1 << 16, 1 << 12, 1] {
        loop {
            match file.write_all(&vec![7; bytes]) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::StorageFull => break,
                Err(error) => panic!("{error}"),
            }
        }
    }
    let length = file.metadata().unwrap().len();
    file.set_len(length - room).unwrap();
}

/// Requests from several connections until each was refused; the titles that were acknowledged
/// and those that were refused, sorted.
fn request_until_full(master: &Master, round: &str) -> (Vec<String>, Vec<String>) {
    let (acknowledged, refused) = (Mutex::new(Vec::new()), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for worker in 0..8 {
            let (acknowledged, refused) = (&acknowledged, &refused);
            scope.spawn(move || {
                let client = master.client();
                for number in 0.. {
                    let title = format!("{round}-{worker}-{number}");
                    match request(&client, &title, 20_000) {
                        Ok(_) => acknowledged.lock().unwrap().push(title),
                        Err(error) => {
                            assert_eq!(code(&error), "disk-full", "{error:?}");
                            refused.lock().unwrap().push(title);
                            break;
                        }
                    }
                }
            });
        }
    });
    let sorted = |titles: Mutex<Vec<String>>| {
        let mut titles = titles.into_inner().unwrap();
        titles.sort();
        titles
    };
    (sorted(acknowledged), sorted(refused))
}

#[test]
fn a_full_disk_refuses_changes_keeps_reading_and_is_over_when_there_is_room() {
    let (directory, at, disk) = match on_disk("24m") {
        Ok(made) => made,
        Err(why) => return skip(why),
    };
    let (data, log) = (at.join("data"), path(&directory).join("log"));
    let filling = disk.seen(&at.join("filling"));
    let master = Master::start(serve(disk.slapos(), &data), &log);
    let client = master.client();
    let mut kept = Vec::new();
    for (round, room) in [("a", 1 << 20), ("b", 0), ("c", 300_000), ("d", 2 << 20)] {
        fill(&filling, room);
        let (acknowledged, refused) = request_until_full(&master, round);
        assert_eq!(refused.len(), 8);
        kept.extend(acknowledged);
        kept.sort();
        // what was refused never shows, however often one looks
        for _ in 0..20 {
            assert_eq!(titles(&client), kept, "what is acknowledged is there, and nothing else");
        }
        let health = client.health().unwrap();
        assert_eq!(code(&request(&client, "late", 1).unwrap_err()), "disk-full");
        assert_eq!(client.health().unwrap().revision, health.revision);
        fs::remove_file(&filling).unwrap();
        let title = format!("{round}-after");
        eventually("changes are taken again", || request(&client, &title, 1).is_ok());
        kept.push(title);
        kept.sort();
        assert_eq!(titles(&client), kept);
    }
    assert!(kept.len() > 10, "{kept:?}");
    assert!(master.log().contains("the disk is full; no change is taken until it has room"));
    drop((client, master));
    let again = Master::start(serve(disk.slapos(), &data), &log);
    assert_eq!(titles(&again.client()), kept, "and it is durable");
}

#[test]
fn the_refusal_of_a_full_disk_tells_when_to_come_again() {
    let (directory, at, disk) = match on_disk("8m") {
        Ok(made) => made,
        Err(why) => return skip(why),
    };
    let log = path(&directory).join("log");
    let master = Master::start(serve(disk.slapos(), &at.join("data")), &log);
    fill(&disk.seen(&at.join("filling")), 0);
    request_until_full(&master, "a");
    let mut answer = agent()
        .post(format!("{}/v1/instances", master.url))
        .header("content-type", "application/json")
        .send(r#"{"title": "b", "software_release": "software/hello"}"#)
        .unwrap();
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["retry-after"]),
        (503, &"10".parse().unwrap())
    );
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
    let text = answer.body_mut().read_to_string().unwrap();
    assert!(text.contains("disk-full") && text.contains("make room"), "{text}");
    let answer = agent()
        .post(format!("{}/supplySupply", master.url))
        .send_form([("computer_id", "COMP-1"), ("url", "software/hello"), ("state", "available")])
        .unwrap();
    let seen = (answer.status().as_u16(), &answer.headers()["retry-after"]);
    assert_eq!(seen, (503, &"10".parse().unwrap()), "old clients are told the same");
}

#[test]
fn what_others_upload_leaves_the_journal_a_part_of_the_disk() {
    let (directory, at, disk) = match on_disk("32m") {
        Ok(made) => made,
        Err(why) => return skip(why),
    };
    let log = path(&directory).join("log");
    let master = Master::start(serve(disk.slapos(), &at.join("data")), &log);
    let agent = agent();
    let upload = |byte: u8| {
        let url = format!("{}/shacache/cache", master.url);
        let mut answer = agent.post(url).send(&vec![byte; 4 << 20][..]).unwrap();
        (answer.status().as_u16(), answer.body_mut().read_to_string().unwrap())
    };
    let refused = (0..9).map(upload).find(|(status, _)| *status != 201);
    let (status, why) = refused.expect("36 MiB are more than there is");
    assert_eq!(status, 507, "{why}");
    assert!(why.contains("kept for the master's journal"), "{why}");
    let client = master.client();
    request(&client, "app", 100_000).unwrap();
    assert_eq!(titles(&client), ["app"], "changes are taken as ever");
}

#[test]
fn a_master_that_starts_on_a_full_disk_says_so_and_what_to_do() {
    let (directory, at, disk) = match on_disk("8m") {
        Ok(made) => made,
        Err(why) => return skip(why),
    };
    let log = path(&directory).join("log");
    let (known, new) = (at.join("known"), at.join("new"));
    let master = Master::start(serve(disk.slapos(), &known), &log);
    request(&master.client(), "a", 1).unwrap();
    master.kill();
    let filling = disk.seen(&at.join("filling"));
    fill(&filling, 0);
    for data in [&known, &new] {
        let Err(said) = Master::try_start(serve(disk.slapos(), data), &log) else {
            panic!("it serves")
        };
        assert!(said.contains("make room on the disk of the data directory"), "{said}");
    }
    fs::remove_file(&filling).unwrap();
    for (data, expected) in [(&known, &["a"][..]), (&new, &[])] {
        let master = Master::start(serve(disk.slapos(), data), &log);
        assert_eq!(titles(&master.client()), expected, "nothing was spoilt");
    }
}

#[test]
fn a_quota_that_is_used_up_is_a_full_disk() {
    let directory = directory();
    let (data, trace) = (path(&directory).join("data"), path(&directory).join("trace"));
    let log = path(&directory).join("log");
    // a write of SQLite's, and the next looks whether there is room
    let faults = ["pwrite64:error=EDQUOT:when=20", "write:error=EDQUOT:when=1..3"];
    let mut command = match traced("pwrite64,write", &faults, &trace) {
        Ok(command) => command,
        Err(why) => return skip(why),
    };
    // only these, so that what the master says to its log is not lost
    for file in ["master.sqlite-wal", "room"] {
        command.args(["-P", data.join(file).as_str()]);
    }
    command.arg(slapos().get_program());
    let master = Master::start(serve(command, &data), &log);
    let client = master.client();
    let (mut kept, mut refused) = (Vec::new(), 0);
    eventually("the quota is used up, and is over", || {
        let title = format!("a-{:03}", kept.len());
        match request(&client, &title, 1) {
            Ok(_) => kept.push(title),
            Err(error) => {
                assert_eq!(code(&error), "disk-full", "{error:?}");
                assert_eq!(titles(&client), kept, "what was refused never shows");
                refused += 1;
            }
        }
        refused > 0 && request(&client, "after", 1).is_ok()
    });
    let trace = fs::read_to_string(&trace).unwrap();
    assert!(trace.contains("EDQUOT (Disk quota exceeded) (INJECTED)"), "{trace}");
    assert!(master.log().contains("the disk has room again"), "{}", master.log());
    kept.push("after".into());
    drop((client, master));
    assert_eq!(titles(&Master::on(&data).client()), kept, "and it is durable");
}

#[test]
fn a_master_may_have_as_many_files_open_as_it_may_be_allowed() {
    let directory = directory();
    let mut shell = Command::new("sh");
    shell.args(["-c", "ulimit -S -n 256 && exec \"$@\"", "sh"]).arg(slapos().get_program());
    let log = path(&directory).join("log");
    let master = Master::start(serve(shell, &path(&directory).join("data")), &log);
    let limits = fs::read_to_string(format!("/proc/{}/limits", master.pid())).unwrap();
    let line = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    let words: Vec<_> = line.split_whitespace().collect();
    assert_eq!(words[3], words[4], "{line}");
    assert_ne!(words[3], "256", "{line}");
}

/// `strace` with some faults of system calls; the program is missing.
fn traced(calls: &str, faults: &[&str], trace: &Utf8Path) -> Result<Command, String> {
    let mut strace = Command::new("strace");
    // as the child of its tracee, so that what we start is the master
    strace.args(["-D", "-f", "-qq", "-o", trace.as_str(), "-e", &format!("trace={calls}")]);
    for fault in faults {
        strace.args(["-e", &format!("inject={fault}")]);
    }
    let probe = Command::new("strace").args(["-f", "-qq", "-o", "/dev/null", "true"]).output();
    match probe {
        Err(error) => Err(format!("strace: {error}")),
        Ok(said) if !said.status.success() => Err(format!("{:?}", Said::from(said))),
        Ok(_) => Ok(strace),
    }
}

/// The program, some of whose system calls fail.
fn failing(calls: &str, when: &str, trace: &Utf8Path) -> Result<Command, String> {
    let fault = format!("{calls}:error=EIO:when={when}");
    let mut strace = traced(calls, &[&fault], trace)?;
    strace.arg(slapos().get_program());
    Ok(strace)
}

#[test]
fn a_sync_or_write_that_fails_ends_the_master_and_nothing_acknowledged_is_lost() {
    // once: the next sync would succeed, and lie. For good. At several moments.
    let mut count = 0;
    let syncs = ["12", "13", "14", "15", "40", "12+", "31+"].map(|when| ("fsync,fdatasync", when));
    let writes = [("pwrite64", "60"), ("pwrite64", "90+")];
    for (calls, when) in syncs.into_iter().chain(writes) {
        let directory = directory();
        let (data, trace) = (path(&directory).join("data"), path(&directory).join("trace"));
        Master::on(&data).kill(); // the directory is there, so that no sync is spent on making it
        let log = path(&directory).join("log");
        let command = match failing(calls, when, &trace) {
            Ok(command) => command,
            Err(why) => return skip(why),
        };
        let mut master = Master::start(serve(command, &data), &log);
        let (acknowledged, unknown) = request_until_gone(&master);
        assert!(!master.ended().success(), "{when}: {}", master.log());
        assert!(master.log().contains("the master had to end"), "{when}: {}", master.log());
        let trace = fs::read_to_string(&trace).unwrap();
        assert!(trace.contains("EIO (Input/output error) (INJECTED)"), "{when}: {trace}");
        drop(master);

        let again = Master::on(&data);
        let found = titles(&again.client());
        for title in &acknowledged {
            assert!(found.contains(title), "{when}: {title} was acknowledged");
        }
        for title in &found {
            let asked = acknowledged.contains(title) || unknown.contains(title);
            assert!(asked, "{when}: {title} was never asked for");
        }
        request(&again.client(), "after", 1).unwrap();
        count += acknowledged.len();
    }
    assert!(count > 0, "something was acknowledged before");
}

/// Requests from several connections until nobody answers; what was acknowledged, and what was
/// not.
fn request_until_gone(master: &Master) -> (Vec<String>, Vec<String>) {
    let (acknowledged, unknown) = (Mutex::new(Vec::new()), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for worker in 0..4 {
            let (acknowledged, unknown) = (&acknowledged, &unknown);
            scope.spawn(move || {
                let client = master.client();
                for number in 0.. {
                    let title = format!("{worker}-{number}");
                    match request(&client, &title, 100) {
                        Ok(_) => acknowledged.lock().unwrap().push(title),
                        Err(error) => {
                            let ends = ["no-answer", "master-ending"].contains(&code(&error));
                            assert!(ends, "{error:?}");
                            unknown.lock().unwrap().push(title);
                            break;
                        }
                    }
                }
            });
        }
    });
    (acknowledged.into_inner().unwrap(), unknown.into_inner().unwrap())
}
