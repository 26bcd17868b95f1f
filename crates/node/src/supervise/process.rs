//! One process and its group: waiting for its end, and ending all of it in order.

use std::{io, os::unix::process::ExitStatusExt, process::ExitStatus, time::Duration};

use tokio::{
    process::Child,
    time::{Instant, sleep, timeout_at},
};

use super::{Program, protocol::Exit};
use crate::{
    sys::{self, ProcessHandle},
    usage::{families, read_processes},
};

/// How long a killed process may take to disappear before we look again.
const KILL_PATIENCE: Duration = Duration::from_secs(1);
/// Pause when processes are seen but cannot be opened, e.g. too many open files.
const RETRY: Duration = Duration::from_millis(100);

/// A process that leads the group of the same number.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) pid: u32,
    /// In clock ticks since boot.
    pub(super) started: u64,
    bond: Bond,
}

#[derive(Debug)]
enum Bond {
    /// We started it and learn how it ends.
    Child(Box<Child>),
    /// A supervisor before us started it: we learn only that it ends.
    Adopted(ProcessHandle),
}

impl Process {
    /// Takes over a launcher that has just been started.
    pub(super) fn of_child(child: Child) -> io::Result<Self> {
        let pid = child.id().ok_or(io::ErrorKind::NotFound)?;
        Ok(Self { pid, started: sys::start_time(pid)?, bond: Bond::Child(Box::new(child)) })
    }

    /// Finds a process again. `NotFound` when it has ended, even if its number is in use again.
    pub(super) fn adopt(pid: u32, started: u64) -> io::Result<Self> {
        let handle = ProcessHandle::open(pid, Some(started))?;
        Ok(Self { pid, started, bond: Bond::Adopted(handle) })
    }

    /// Returns when the leader has ended; others of its group may still live. May be dropped and
    /// called again.
    pub(super) async fn exited(&mut self) -> Exit {
        match &mut self.bond {
            Bond::Child(child) => child.wait().await.map(exit_of).unwrap_or_default(),
            Bond::Adopted(handle) => {
                handle.ended().await;
                Exit::default()
            }
        }
    }

    /// Ends the whole group in order: polite signal, grace, kill. Returns when all are gone.
    pub(super) async fn end(&mut self, program: &Program) -> Exit {
        let (pid, started) = (self.pid, self.started);
        let (exit, ()) = tokio::join!(self.exited(), end_family(pid, started, program));
        exit
    }
}

/// A program that is asked to end while it starts may not hear it: it is asked again so often.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// Ends everything of the process group `leader`, which was started at `started`, and whatever
/// descends from it, as `program` asks to be ended. The leader itself may be gone already.
pub(super) async fn end_family(leader: u32, started: u64, program: &Program) {
    let deadline = Instant::now() + Duration::from_millis(program.grace_ms);
    let mut polite = true;
    let mut known = Family::default();
    while known.look(leader, started) {
        if polite {
            known.signal(leader, program);
        } else {
            known.kill(leader);
        }
        let patience = if polite { ASK_AGAIN } else { KILL_PATIENCE };
        let until = Instant::now() + patience;
        let until = if polite { until.min(deadline) } else { until };
        let all_gone = timeout_at(until, known.ended()).await.is_ok();
        polite = polite && (all_gone || Instant::now() < deadline);
        if known.handles.is_empty() {
            sleep(RETRY).await;
        }
    }
}

/// The living members of a group and their descendants.
#[derive(Debug, Default)]
struct Family {
    handles: Vec<(ProcessHandle, InGroup)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum InGroup {
    Yes,
    /// It made a group of its own, so a signal to the leader's group does not reach it.
    No,
}

impl Family {
    /// Looks for members that live. Those seen before that left the family's tree by losing their
    /// parent are kept. `false`: nobody lives.
    fn look(&mut self, leader: u32, started: u64) -> bool {
        let processes = read_processes().unwrap_or_default();
        let alive = |pid: u32| processes.iter().find(|one| one.pid == pid && !one.is_zombie());
        self.handles.retain(|(handle, _)| alive(handle.pid).is_some() && !handle.has_ended());
        if processes.iter().any(|one| one.pid == leader && one.started != started) {
            return !self.handles.is_empty(); // the number belongs to a stranger: the group is gone
        }
        let members: Vec<_> = families(&processes, &[leader])
            .into_keys()
            .filter_map(alive)
            .filter(|one| self.handles.iter().all(|(handle, _)| handle.pid != one.pid))
            .collect();
        let found = !members.is_empty();
        self.handles.extend(members.into_iter().filter_map(|one| {
            let place = if one.group == leader { InGroup::Yes } else { InGroup::No };
            Some((ProcessHandle::open(one.pid, Some(one.started)).ok()?, place))
        }));
        found || !self.handles.is_empty()
    }

    fn signal(&self, leader: u32, program: &Program) {
        let outside = self.handles.iter().filter(|(_, place)| *place == InGroup::No);
        let results = std::iter::once(sys::signal_group(leader, program.stop_signal))
            .chain(outside.map(|(handle, _)| handle.signal(program.stop_signal)));
        warn_of(results);
    }

    fn kill(&self, leader: u32) {
        let each = self.handles.iter().map(|(handle, _)| handle.kill());
        warn_of(std::iter::once(sys::kill_group(leader)).chain(each));
    }

    async fn ended(&self) {
        for (handle, _) in &self.handles {
            handle.ended().await;
        }
    }
}

fn warn_of(results: impl Iterator<Item = io::Result<()>>) {
    for error in results.filter_map(Result::err) {
        tracing::warn!(%error, "a process could not be signalled");
    }
}

fn exit_of(status: ExitStatus) -> Exit {
    Exit { code: status.code(), signal: status.signal() }
}
