//! Runs programs of others that make something: without input, within a time, and what they say goes into the log.

use std::io::{self, Read as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use camino::Utf8Path;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use crate::engine::Teller;
use crate::error::{Code, Error, Result};

/// Of what a program says so much is kept, to be told if it fails: the end.
const KEPT_BYTES: usize = 4000;
/// The longest that anybody but root makes a pipe.
const PIPE_BYTES_MAX: usize = 1 << 20;

/// The file of the authorities that the host trusts, if it has one: an operator may have added some, and not every program
/// looks there.
pub(crate) fn authorities() -> Option<&'static str> {
    Some("/etc/ssl/certs/ca-certificates.crt").filter(|path| Utf8Path::new(path).exists())
}

/// How a program ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    /// The end of what it said.
    pub(crate) said: String,
}

impl Ended {
    /// As an error, if it has failed: `what` is the subject of the sentence.
    pub(crate) fn insist(self, what: &str) -> Result<()> {
        if self.status.success() {
            return Ok(());
        }
        let said = self.said.trim();
        let said = if said.is_empty() { "it said nothing" } else { said };
        Err(Error::new(Code::Command, format!("{what} failed ({}): {said}", self.status)))
    }
}

/// Runs a program to its end. What it leaves in the background is not waited for: it may be a service, that never ends.
///
/// It stays in our process group, so that whoever ends us ends what it left too, as a node does after each evaluation.
///
/// # Errors
/// It cannot be started, or has not ended after `limit`; then it is killed.
pub(crate) fn run(
    command: &mut Command,
    limit: Duration,
    teller: &mut Teller<'_>,
) -> io::Result<Ended> {
    let deadline = Instant::now() + limit;
    let (mut output, speaking) = io::pipe()?;
    command.stdin(Stdio::null()).stdout(speaking.try_clone()?).stderr(speaking);
    let child = command.spawn();
    command.stdout(Stdio::null()).stderr(Stdio::null()); // our own ends of the pipe go away here
    let mut child = child?;
    let mut kept = Vec::new();
    let mut hear = |output: &mut io::PipeReader| -> io::Result<usize> {
        let mut part = [0; 4096];
        let length = loop {
            match output.read(&mut part) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read?,
            }
        };
        teller.say(&part[..length]);
        kept.extend_from_slice(&part[..length]);
        kept.drain(..kept.len().saturating_sub(KEPT_BYTES));
        Ok(length)
    };
    let heard = listen(&child, &mut output, deadline, &mut hear);
    if heard.is_err() {
        child.kill()?;
    }
    let status = child.wait()?;
    heard?;
    Ok(Ended { status, said: String::from_utf8_lossy(&kept).into_owned() })
}

/// Hears a program until it has ended, and what it had said by then.
fn listen(
    child: &Child,
    output: &mut io::PipeReader,
    deadline: Instant,
    hear: &mut dyn FnMut(&mut io::PipeReader) -> io::Result<usize>,
) -> io::Result<()> {
    let process = pidfd_open(Pid::from_child(child), PidfdFlags::empty())?;
    let mut silent = false;
    loop {
        let left = Timespec::try_from(deadline.saturating_duration_since(Instant::now()));
        let mut either =
            [PollFd::new(&process, PollFlags::IN), PollFd::new(&*output, PollFlags::IN)];
        let awaited = if silent { &mut either[..1] } else { &mut either[..] };
        match poll(awaited, Some(&left.map_err(io::Error::other)?)) {
            Err(Errno::INTR) => continue,
            Err(error) => return Err(error.into()),
            Ok(0) => {
                let why = "it took too long and was killed";
                return Err(io::Error::new(io::ErrorKind::TimedOut, why));
            }
            Ok(_) => {}
        }
        let (ended, speaks) = (!either[0].revents().is_empty(), !either[1].revents().is_empty());
        if ended {
            break;
        }
        silent |= speaks && hear(output)? == 0;
    }
    // What it has said is all in the pipe. Others may go on speaking, so there is a bound.
    for _page in 0..PIPE_BYTES_MAX / 4096 {
        let mut waits = [PollFd::new(&*output, PollFlags::IN)];
        if poll(&mut waits, Some(&Timespec::default()))? == 0 || hear(output)? == 0 {
            break;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(text: &str, limit: Duration) -> io::Result<Ended> {
        run(Command::new("/bin/sh").args(["-c", text]), limit, &mut Teller::default())
    }

    #[test]
    fn only_the_end_of_a_long_output_is_kept() {
        let ended = shell("seq 100000", Duration::from_secs(60)).unwrap();
        assert_eq!(ended.said.len(), KEPT_BYTES);
        assert!(ended.said.ends_with("\n99999\n100000\n"));
    }

    #[test]
    fn a_failure_is_told_with_what_was_said() {
        let ended = shell("echo out; echo err >&2; exit 3", Duration::from_secs(60)).unwrap();
        let error = ended.insist("the test").unwrap_err().to_string();
        assert!(error.contains("the test failed (exit status: 3): out\nerr"), "{error}");
        shell("true", Duration::from_secs(60)).unwrap().insist("it").unwrap();
    }

    #[test]
    fn what_is_left_in_the_background_is_not_waited_for() {
        let ended = shell("sleep 100000 & seq 9999; echo $!", Duration::from_secs(60)).unwrap();
        let left = ended.said.trim_end().rsplit('\n').next().unwrap();
        assert!(Command::new("kill").arg(left).status().unwrap().success(), "{}", ended.said);
        assert!(ended.said.contains("\n9999\n"), "what it said is heard: {}", ended.said);
    }

    #[test]
    fn what_does_not_end_is_killed() {
        let error = shell("exec sleep 1000", Duration::from_millis(1)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}
