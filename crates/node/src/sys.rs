//! Thin, safe wrappers around the system calls that this crate needs.
//!
//! No policy here: who is killed and when is decided by the callers. No `unsafe`.

use std::{
    fs, io,
    os::fd::{AsFd, OwnedFd},
    path::Path,
};

use camino::Utf8Path;
use rustix::process::{Pid, PidfdFlags, Signal};
use tokio::io::{Interest, unix::AsyncFd};

/// A handle on one process that stays true when its number is used again.
#[derive(Debug)]
pub struct ProcessHandle {
    /// Its number.
    pub pid: u32,
    descriptor: AsyncFd<OwnedFd>,
}

impl ProcessHandle {
    /// Opens the process `pid`. With `started` (clock ticks since boot, see [`start_time`]) the
    /// process must be that very one: another that got its number afterwards is `NotFound`.
    /// Must be called inside a tokio runtime.
    pub fn open(pid: u32, started: Option<u64>) -> io::Result<Self> {
        let descriptor = rustix::process::pidfd_open(number(pid)?, PidfdFlags::NONBLOCK)?;
        if let Some(started) = started
            && start_time(pid)? != started
        {
            return Err(io::ErrorKind::NotFound.into());
        }
        Ok(Self { pid, descriptor: watched(descriptor)? })
    }

    /// Returns when the process has ended (it may still be a zombie).
    pub async fn ended(&self) {
        // An error could only come from a runtime that is shutting down: nothing left to wait for.
        let _ready = self.descriptor.readable().await;
    }

    /// Whether the process has ended already.
    pub fn has_ended(&self) -> bool {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        let mut look = [PollFd::new(&self.descriptor, PollFlags::IN)];
        poll(&mut look, Some(&Timespec::default())).is_ok_and(|ready| ready > 0)
    }

    /// Asks exactly this process to end. That it is gone already is no error.
    pub fn signal(&self, signal: StopSignal) -> io::Result<()> {
        gone_is_fine(rustix::process::pidfd_send_signal(self.descriptor.as_fd(), signal.raw()))
    }

    /// Kills exactly this process. That it is gone already is no error.
    pub fn kill(&self) -> io::Result<()> {
        gone_is_fine(rustix::process::pidfd_send_signal(self.descriptor.as_fd(), Signal::KILL))
    }
}

#[expect(
    deprecated,
    reason = "the successor is unsafe, to exclude owners that swap their file; OwnedFd cannot"
)]
fn watched(descriptor: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    AsyncFd::with_interest(descriptor, Interest::READABLE)
}

/// The polite signals that a program may ask to be stopped with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub enum StopSignal {
    /// What nearly everything understands.
    #[default]
    #[serde(rename = "TERM")]
    Term,
    /// Stops PostgreSQL fast.
    #[serde(rename = "INT")]
    Int,
    /// Stops nginx and PHP-FPM when their clients are served.
    #[serde(rename = "QUIT")]
    Quit,
    /// Some shells and terminals.
    #[serde(rename = "HUP")]
    Hup,
}

/// Sends the polite signal to a whole process group. That it is gone already is no error.
pub fn signal_group(group: u32, signal: StopSignal) -> io::Result<()> {
    gone_is_fine(rustix::process::kill_process_group(number(group)?, signal.raw()))
}

impl StopSignal {
    fn raw(self) -> Signal {
        match self {
            Self::Term => Signal::TERM,
            Self::Int => Signal::INT,
            Self::Quit => Signal::QUIT,
            Self::Hup => Signal::HUP,
        }
    }
}

/// Kills a whole process group. That it is gone already is no error.
pub fn kill_group(group: u32) -> io::Result<()> {
    gone_is_fine(rustix::process::kill_process_group(number(group)?, Signal::KILL))
}

/// Waits until nobody holds the other end of the pipe any more.
fn until_nobody_reads(pipe: &impl AsFd) -> io::Result<()> {
    use rustix::event::{PollFd, PollFlags, poll};
    let gone = PollFlags::ERR | PollFlags::HUP | PollFlags::NVAL;
    loop {
        let mut look = [PollFd::new(pipe, PollFlags::empty())];
        match poll(&mut look, None) {
            Ok(_) if look[0].revents().intersects(gone) => return Ok(()),
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Blocks until nobody reads the pipe any more, then kills this process with its whole group, if it leads one.
pub(crate) fn end_with_reader(pipe: &impl AsFd) {
    let ended = until_nobody_reads(pipe).and_then(|()| kill_group(std::process::id()));
    if let Err(error) = ended {
        tracing::warn!(%error, "this process does not end with its starter");
    }
}

/// When a process was started, in clock ticks since boot. With the number of the process it
/// names the process once and for all, until the next boot.
pub fn start_time(pid: u32) -> io::Result<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    crate::usage::parse_stat(&text)
        .map(|stat| stat.started)
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "unreadable /proc/PID/stat"))
}

/// Names this boot of the machine; process numbers and start times of another boot mean nothing.
pub fn boot_id() -> io::Result<String> {
    Ok(fs::read_to_string("/proc/sys/kernel/random/boot_id")?.trim().to_owned())
}

/// Blocks until a child of this process has ended, and leaves its exit status to whoever waits for
/// it. Fails when there is no such child, e.g. because its status was taken before.
pub fn wait_for_end_of_child(pid: u32) -> io::Result<()> {
    use rustix::process::{WaitId, WaitIdOptions, waitid};
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
    loop {
        match waitid(WaitId::Pid(number(pid)?), options) {
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
            Ok(_) => return Ok(()),
        }
    }
}

/// The user number that this process acts as; 0 is root.
pub fn whoami() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// Raises the number of files that this process may have open, sockets among them, to the most
/// that it may raise it to; returns it. `None`: there is no limit.
pub fn raise_open_files_limit() -> io::Result<Option<u64>> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let most = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: most, maximum: most })?;
    Ok(most)
}

/// Bytes that an ordinary user may still write on the file system of `path`.
pub fn free_disk_space(path: &Utf8Path) -> io::Result<u64> {
    let seen = rustix::fs::statvfs(path.as_std_path())?;
    Ok(seen.f_bavail.saturating_mul(seen.f_frsize))
}

/// Leaves the terminal and the session of the caller. Fails when this process leads a group, as
/// one started from an interactive shell does.
pub fn leave_session() -> io::Result<()> {
    rustix::process::setsid()?;
    Ok(())
}

/// A path below an open directory that is short however long the directory's own path is: the
/// addresses of Unix sockets have room for 107 bytes only.
pub(crate) fn short_path(directory: &impl AsFd, name: &str) -> std::path::PathBuf {
    use std::os::fd::AsRawFd;
    Path::new("/proc/self/fd").join(directory.as_fd().as_raw_fd().to_string()).join(name)
}

fn number(pid: u32) -> io::Result<Pid> {
    // 0 and 1 as a group would mean "my own" and "everyone": never what the callers mean.
    i32::try_from(pid)
        .ok()
        .filter(|raw| *raw > 1)
        .and_then(Pid::from_raw)
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, format!("no process {pid}")))
}

fn gone_is_fine(result: rustix::io::Result<()>) -> io::Result<()> {
    match result {
        Err(rustix::io::Errno::SRCH) | Ok(()) => Ok(()),
        Err(other) => Err(other.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_would_hit_everyone_are_refused() {
        for pid in [0, 1, u32::MAX] {
            assert!(kill_group(pid).is_err(), "{pid}");
        }
    }

    #[tokio::test]
    async fn a_handle_sees_the_end_and_refuses_a_stranger() {
        let mut child = std::process::Command::new("sleep").arg("600").spawn().unwrap();
        let started = start_time(child.id()).unwrap();
        assert!(ProcessHandle::open(child.id(), Some(started + 1)).is_err());
        let handle = ProcessHandle::open(child.id(), Some(started)).unwrap();
        assert!(!handle.has_ended());
        handle.kill().unwrap();
        handle.ended().await;
        assert!(handle.has_ended());
        assert!(!child.wait().unwrap().success());
        handle.kill().unwrap(); // gone is fine
    }

    #[test]
    fn the_root_file_system_has_a_size() {
        assert!(free_disk_space("/".into()).is_ok());
        assert!(free_disk_space("/missing/place".into()).is_err());
    }
}
