//! Runs programs of others that make something: without input, within a time, and what they say goes into the log.

use std::io::{self, Read as _};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use camino::Utf8Path;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::engine::Teller;
use crate::error::{Code, Error, Result};

/// Of what a program says so much is kept, to be told if it fails: the end.
const KEPT_BYTES: usize = 4000;

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

/// Runs a program until it and whatever holds its output have ended.
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
    let mut part = [0; 4096];
    let ended = loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let read = wait_for(&output, left).and_then(|()| output.read(&mut part));
        match read {
            Ok(0) => break Ok(()),
            Ok(length) => {
                teller.say(&part[..length]);
                kept.extend_from_slice(&part[..length]);
                kept.drain(..kept.len().saturating_sub(KEPT_BYTES));
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => break Err(error),
        }
    };
    if ended.is_err() {
        child.kill()?;
    }
    let status = child.wait()?;
    ended?;
    Ok(Ended { status, said: String::from_utf8_lossy(&kept).into_owned() })
}

fn wait_for(output: &io::PipeReader, left: Duration) -> io::Result<()> {
    let left = Timespec::try_from(left).map_err(io::Error::other)?;
    match poll(&mut [PollFd::new(output, PollFlags::IN)], Some(&left))? {
        0 => Err(io::Error::new(io::ErrorKind::TimedOut, "it took too long and was killed")),
        _ => Ok(()),
    }
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
    fn what_does_not_end_is_killed() {
        let error = shell("exec sleep 1000", Duration::from_millis(1)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}
