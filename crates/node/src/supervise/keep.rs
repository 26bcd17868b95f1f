//! Keeps one program running: one task per program, which owns its process.
//!
//! The task is told when to stop and tells by its row of the [`Board`]. It ends only when it is
//! wished to stop and everything of its process group is gone.

use std::{io, sync::Arc, time::Duration};

use camino::Utf8PathBuf;
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};

use super::{
    Kind, Program,
    backoff::{Backoff, CRASH_LOOP, STEADY_AFTER},
    board::{Board, Key, Row},
    process::{Process, end_family},
    protocol::{Event, Exit, ProgramState},
};
use crate::{
    sandbox::{LAUNCH_FAILED, hand_over, spawn_launcher},
    usage::age_seconds,
};

/// A launcher reads its specification at once; a hung one is killed.
const HAND_OVER: Duration = Duration::from_secs(10);

/// What was there of the program when this supervisor began.
#[derive(Debug)]
pub(super) enum Found {
    /// Nothing.
    Nothing,
    /// A process that ran last time we looked.
    Process { pid: u32, started: u64, failures: u32 },
    /// It is of kind once and ended in this boot.
    Finished(Exit),
}

/// The end of a keeper, for those who wait for it.
#[derive(Debug, Clone)]
pub(super) struct Gone(watch::Receiver<()>);

impl Gone {
    pub(super) async fn wait(mut self) {
        while self.0.changed().await.is_ok() {} // an error: the keeper dropped its side
    }
}

/// The supervisor's hold on a keeper.
#[derive(Debug)]
pub(super) struct Unit {
    pub(super) program: Program,
    stop: watch::Sender<bool>,
    starts: watch::Receiver<u64>,
    gone: Gone,
}

impl Unit {
    /// Begins to keep a program as soon as its predecessors are gone.
    pub(super) fn begin(
        board: &Arc<Board>,
        launcher: Utf8PathBuf,
        group: &str,
        program: Program,
        after: Vec<Gone>,
        found: Found,
    ) -> Self {
        let (stop, stop_seen) = watch::channel(false);
        let (starts, starts_seen) = watch::channel(0);
        let (gone_when_dropped, gone) = watch::channel(());
        let keeper = Keeper {
            key: (group.to_owned(), program.name.clone()),
            program: program.clone(),
            board: Arc::clone(board),
            launcher,
            stop: stop_seen,
            starts,
            backoff: Backoff::default(),
            told_fatal: false,
        };
        tokio::spawn(async move {
            for predecessor in after {
                predecessor.wait().await;
            }
            keeper.run(found).await;
            drop(gone_when_dropped);
        });
        Self { program, stop, starts: starts_seen, gone: Gone(gone) }
    }

    /// Asks the keeper to end its program.
    pub(super) fn stop(&self) -> Gone {
        self.stop.send_replace(true);
        self.gone.clone()
    }

    /// Resolved by [`started`] when the program has been tried to start for the first time.
    pub(super) fn first_start(&self) -> watch::Receiver<u64> {
        let mut starts = self.starts.clone();
        if *starts.borrow() > 0 {
            starts.mark_changed();
        }
        starts
    }
}

/// Waits for the next attempt to start; also returns when the keeper has left.
pub(super) async fn started(mut starts: watch::Receiver<u64>) {
    // An error: the keeper has left, which is an answer too.
    let _left = starts.changed().await;
}

struct Keeper {
    key: Key,
    program: Program,
    board: Arc<Board>,
    launcher: Utf8PathBuf,
    stop: watch::Receiver<bool>,
    starts: watch::Sender<u64>,
    backoff: Backoff,
    told_fatal: bool,
}

enum Next {
    Start,
    Watch(Process),
    Rest,
    Leave,
}

impl Keeper {
    async fn run(mut self, found: Found) {
        let mut next = self.take_over(found).await;
        loop {
            next = match next {
                Next::Start => self.start().await,
                Next::Watch(process) => self.watch(process).await,
                Next::Rest => self.rest().await,
                Next::Leave => break,
            };
        }
        self.board.remove(&self.key);
    }

    async fn take_over(&mut self, found: Found) -> Next {
        let mut row = Row::new(self.program.clone());
        match found {
            Found::Nothing => {
                self.board.insert(self.key.clone(), row);
                Next::Start
            }
            Found::Finished(exit) => {
                row.state = ProgramState::Finished;
                row.last_exit = Some(exit);
                self.board.insert(self.key.clone(), row);
                Next::Rest
            }
            Found::Process { pid, started, failures } => {
                self.backoff.failures = failures;
                row.failures = failures;
                row.process = Some((pid, started)); // until its family is known to be gone
                self.board.insert(self.key.clone(), row);
                match Process::adopt(pid, started) {
                    Ok(process) => self.adopted(process),
                    Err(_) => self.ended(pid, started, Exit::default()).await,
                }
            }
        }
    }

    fn adopted(&mut self, process: Process) -> Next {
        tracing::info!(group = self.key.0, program = self.key.1, pid = process.pid, "adopted");
        let (pid, started) = (process.pid, process.started);
        self.board.change(&self.key, |row| row.state = ProgramState::Running { pid, started });
        self.starts.send_modify(|starts| *starts += 1);
        Next::Watch(process)
    }

    async fn start(&mut self) -> Next {
        if *self.stop.borrow() {
            return Next::Leave;
        }
        self.board.change(&self.key, |row| row.state = ProgramState::Starting);
        let outcome = self.launch().await;
        self.starts.send_modify(|starts| *starts += 1);
        match outcome {
            Ok(process) => {
                let (group, program) = self.key.clone();
                self.board.tell(Event::Started { group, program, pid: process.pid });
                Next::Watch(process)
            }
            Err(error) => {
                self.fatal(format!("cannot be started: {error}"));
                self.pause(Duration::ZERO).await
            }
        }
    }

    /// Starts a launcher, records it, and only then lets it become the program.
    async fn launch(&self) -> io::Result<Process> {
        let log = self.program.log_file().open()?;
        let mut child = spawn_launcher(&self.launcher, log.try_clone()?.into(), log.into())?;
        let mut stdin = child.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?;
        let mut process = Process::of_child(child)?;
        let (pid, started) = (process.pid, process.started);
        self.board.change(&self.key, |row| {
            row.process = Some((pid, started));
            row.state = ProgramState::Running { pid, started };
        });
        let handed = timeout(HAND_OVER, hand_over(&mut stdin, &self.program.launch_spec())).await;
        if let Err(error) = handed.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
            drop(stdin);
            process.end(&self.program).await;
            self.board.change(&self.key, |row| row.process = None);
            return Err(error);
        }
        Ok(process)
    }

    async fn watch(&mut self, mut process: Process) -> Next {
        let (pid, started) = (process.pid, process.started);
        let exit = tokio::select! {
            exit = process.exited() => exit,
            () = wished(&mut self.stop) => return self.end(process).await,
        };
        self.ended(pid, started, exit).await
    }

    /// The program was wished to end.
    async fn end(&mut self, mut process: Process) -> Next {
        self.board.change(&self.key, |row| row.state = ProgramState::Stopping);
        let exit = process.end(&self.program).await;
        self.board.change(&self.key, |row| row.process = None);
        self.tell_exit(process.pid, exit, true);
        Next::Leave
    }

    /// The program ended by itself.
    async fn ended(&mut self, pid: u32, started: u64, exit: Exit) -> Next {
        let lived = Duration::try_from_secs_f64(age_seconds(started).unwrap_or_default());
        let lived = lived.unwrap_or_default();
        let once = self.program.kind == Kind::Once;
        self.tell_exit(pid, exit, once);
        // What it left behind would hold the ports and files of its successor.
        end_family(pid, started, &self.program).await;
        if once {
            self.tell_launch_failure(exit);
            self.board.change(&self.key, |row| {
                row.process = None;
                row.last_exit = Some(exit);
                row.state = ProgramState::Finished;
            });
            return Next::Rest;
        }
        let steady = lived >= STEADY_AFTER;
        if steady {
            self.told_fatal = false;
        }
        self.board.change(&self.key, |row| {
            row.process = None;
            row.last_exit = Some(exit);
            if steady {
                row.fault = None;
            }
        });
        self.tell_launch_failure(exit);
        self.pause(lived).await
    }

    /// Waits before the next start.
    async fn pause(&mut self, lived: Duration) -> Next {
        let delay = self.backoff.ended(lived);
        let failures = self.backoff.failures;
        let delay_ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
        if failures >= CRASH_LOOP {
            self.fatal(format!("ended {failures} times in a row within a minute of its start"));
        }
        self.board.change(&self.key, |row| {
            row.failures = failures;
            row.state = ProgramState::Waiting { delay_ms };
        });
        let (group, program) = self.key.clone();
        self.board.tell(Event::Restarting { group, program, delay_ms, failures });
        tokio::select! {
            biased;
            () = wished(&mut self.stop) => Next::Leave,
            () = sleep(delay) => Next::Start,
        }
    }

    /// Nothing to do until it is wished to stop.
    async fn rest(&mut self) -> Next {
        self.starts.send_if_modified(|starts| std::mem::replace(starts, 1) == 0);
        wished(&mut self.stop).await;
        Next::Leave
    }

    fn tell_exit(&self, pid: u32, exit: Exit, expected: bool) {
        let (group, program) = self.key.clone();
        self.board.tell(Event::Exited { group, program, pid, exit, expected });
    }

    /// The launcher's own words, which are the last line of the log, and nothing that the program
    /// wrote: that might be a secret.
    fn tell_launch_failure(&mut self, exit: Exit) {
        if exit.code != Some(LAUNCH_FAILED) {
            return;
        }
        let line = self.program.log_file().last_line().filter(|line| line.starts_with("launch: "));
        if let Some(line) = line {
            self.fatal(format!("cannot be started: {line}"));
        }
    }

    fn fatal(&mut self, reason: String) {
        if !std::mem::replace(&mut self.told_fatal, true) {
            let (group, program) = self.key.clone();
            self.board.change(&self.key, |row| row.fault = Some(reason.clone()));
            self.board.tell(Event::Fatal { group, program, reason });
        }
    }
}

/// Waits until it is so. A supervisor that dropped its side will not wish anything any more.
async fn wished(stop: &mut watch::Receiver<bool>) {
    if stop.wait_for(|stop| *stop).await.is_err() {
        std::future::pending::<()>().await;
    }
}
