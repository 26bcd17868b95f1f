//! A base directory with a supervisor of its own, which is ended with all it runs when the test
//! ends, however it ends.

use std::{
    fs::File,
    io::{BufRead, BufReader, Write},
    os::{fd::AsRawFd, unix::net::UnixStream},
};

use camino::{Utf8Path, Utf8PathBuf};
use slapos_node::supervise::{
    Client, Event, Events, Program, ProgramState, ProgramStatus, ensure_running,
};
use tempfile::TempDir;

pub(crate) const GROUP: &str = "slappart0";

/// The program that has the hidden subcommands.
pub(crate) fn helper() -> &'static Utf8Path {
    Utf8Path::new(env!("CARGO_BIN_EXE_node-test-helper"))
}

pub(crate) struct Bench {
    pub(crate) client: Client,
    pub(crate) base: Utf8PathBuf,
    directory: TempDir,
}

impl Bench {
    pub(crate) async fn new() -> Self {
        Self::below("").await
    }

    /// With the base directory so far below the temporary one.
    pub(crate) async fn below(way: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let base = Utf8Path::from_path(directory.path()).unwrap().join(way);
        std::fs::create_dir_all(&base).unwrap();
        let client = ensure_running(helper(), &base).await.unwrap();
        Self { client, base, directory }
    }

    /// A place for files of the test.
    pub(crate) fn place(&self, name: &str) -> Utf8PathBuf {
        Utf8Path::from_path(self.directory.path()).unwrap().join(name)
    }

    /// A program that is a script of the shell.
    pub(crate) fn script(&self, name: &str, script: &str) -> Program {
        let command = ["/bin/sh", "-c", script].map(str::to_owned).into();
        let log = self.place(&format!("{name}.log"));
        let mut program = Program::new(name, command, self.place(""), log);
        program.environment.set("PATH", "/usr/bin:/bin");
        program
    }

    pub(crate) fn log(&self, name: &str) -> String {
        std::fs::read_to_string(self.place(&format!("{name}.log"))).unwrap()
    }

    /// A named pipe: opening it for reading waits for the program that writes.
    pub(crate) fn pipe(&self, name: &str) -> Utf8PathBuf {
        let path = self.place(name);
        let made = std::process::Command::new("mkfifo").arg(&path).status().unwrap();
        assert!(made.success());
        path
    }

    pub(crate) async fn one(&self, name: &str) -> ProgramStatus {
        let status = self.client.status().await.unwrap();
        status.into_iter().find(|program| program.name == name).unwrap()
    }

    pub(crate) async fn pid(&self, name: &str) -> u32 {
        let status = self.one(name).await;
        let ProgramState::Running { pid, .. } = status.state else { panic!("{status:?}") };
        pid
    }

    /// The process that is told to have been started next.
    pub(crate) async fn pid_of_event(&self, events: &mut Events, name: &str) -> u32 {
        until(events, |event| match event {
            Event::Started { program, pid, .. } if program == name => Some(pid),
            _ => None,
        })
        .await
    }

    pub(crate) async fn kill_supervisor(&self) {
        let pid = self.client.supervisor_pid().await.unwrap();
        kill(pid).await;
    }
}

/// Kills one process and waits for its end.
pub(crate) async fn kill(pid: u32) {
    let handle = slapos_node::sys::ProcessHandle::open(pid, None).unwrap();
    handle.kill().unwrap();
    handle.ended().await;
}

/// What the program writes into the pipe, without surrounding space.
pub(crate) async fn read(pipe: &Utf8Path) -> String {
    let pipe = pipe.to_owned();
    let read = tokio::task::spawn_blocking(move || std::fs::read_to_string(pipe).unwrap());
    read.await.unwrap().trim().to_owned()
}

/// The next event that `pick` takes.
pub(crate) async fn until<T>(events: &mut Events, mut pick: impl FnMut(Event) -> Option<T>) -> T {
    loop {
        let event = events.next().await.unwrap().expect("the supervisor runs");
        if let Some(picked) = pick(event) {
            return picked;
        }
    }
}

pub(crate) fn is_alive(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    slapos_node::usage::parse_stat(&stat).is_some_and(|stat| !stat.is_zombie())
}

impl Drop for Bench {
    fn drop(&mut self) {
        let Ok(directory) = File::open(self.base.join("run")) else {
            return;
        };
        let path = format!("/proc/self/fd/{}/supervisor.sock", directory.as_raw_fd());
        let Ok(mut stream) = UnixStream::connect(path) else {
            return;
        };
        let mut answer = String::new();
        if stream.write_all(b"{\"ask\":\"shutdown\"}\n").is_ok() {
            let _answer = BufReader::new(stream).read_line(&mut answer);
        }
    }
}
