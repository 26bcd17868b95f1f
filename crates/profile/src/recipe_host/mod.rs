//! The recipe host: a Python process that runs the recipes which only exist in Python.
//!
//! A child of the evaluation: it has the same user and the same sandbox, and ends with it. Started when the first
//! part needs it. Orders and answers are lines of JSON (see `host.py`); the program itself comes first over the pipe.
//!
//! Values travel as Python literals: both ends have Python's values, JSON has not.

use std::{
    cell::RefCell,
    io::{self, Read, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};

use camino::Utf8Path;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde_json::Value as Json;

use crate::error::{Code, Error, Result};

const PROGRAM: &str = include_str!("host.py");
/// Reads its program from standard input, where orders come from then.
const READ_PROGRAM: &str = "import os,sys\nleft=int(sys.argv[1]);text=b''\n\
    while left>len(text): text+=os.read(0,left-len(text))\n\
    exec(compile(text,'recipe_host.py','exec'))";
/// The longest that one step of a part may take: a lasting silence is taken for a fault.
const STEP_LIMIT: Duration = Duration::from_secs(30 * 60);
/// The longest line that is taken.
const LINE_BYTES_MAX: usize = 64 << 20;

/// The process, and the pipes to it.
#[derive(Debug)]
pub(crate) struct RecipeHost {
    pipes: RefCell<Pipes>,
}

#[derive(Debug)]
struct Pipes {
    child: Child,
    orders: ChildStdin,
    answers: ChildStdout,
    /// What came after the last whole line.
    rest: Vec<u8>,
}

impl RecipeHost {
    /// Starts the process in `directory`.
    pub(crate) fn start(python: &Utf8Path, directory: &Utf8Path) -> Result<Self> {
        let mut child = Command::new(python)
            .args(["-I", "-u", "-c", READ_PROGRAM, &PROGRAM.len().to_string()])
            .current_dir(directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|source| Error::io("run", python, &source))?;
        let (Some(mut orders), Some(answers)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(Error::new(Code::Host, "the recipe host has no pipes"));
        };
        orders.write_all(PROGRAM.as_bytes()).map_err(|source| broken(&source))?;
        let pipes = Pipes { child, orders, answers, rest: Vec::new() };
        Ok(Self { pipes: RefCell::new(pipes) })
    }

    /// Sends one line.
    pub(crate) fn tell(&self, message: &Json) -> Result<()> {
        let line = format!("{message}\n");
        let mut pipes = self.pipes.borrow_mut();
        pipes.orders.write_all(line.as_bytes()).map_err(|source| broken(&source))
    }

    /// Waits for the next line.
    pub(crate) fn hear(&self) -> Result<Json> {
        let line = self.pipes.borrow_mut().line().map_err(|source| broken(&source))?;
        serde_json::from_slice(&line).map_err(|error| {
            Error::new(Code::Host, format!("the recipe host speaks strangely: {error}"))
        })
    }
}

impl Pipes {
    fn line(&mut self) -> io::Result<Vec<u8>> {
        let deadline = Instant::now() + STEP_LIMIT;
        let mut searched = 0;
        loop {
            if let Some(end) = self.rest[searched..].iter().position(|byte| *byte == b'\n') {
                let after = self.rest.split_off(searched + end + 1);
                return Ok(std::mem::replace(&mut self.rest, after));
            }
            searched = self.rest.len();
            if searched > LINE_BYTES_MAX {
                return Err(io::Error::other("it says more than can be taken"));
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let left = Timespec::try_from(left).map_err(io::Error::other)?;
            let mut ready = [PollFd::new(&self.answers, PollFlags::IN)];
            if poll(&mut ready, Some(&left))? == 0 {
                let minutes = STEP_LIMIT.as_secs() / 60;
                let message = format!("it gave no sign of life for {minutes} minutes");
                return Err(io::Error::new(io::ErrorKind::TimedOut, message));
            }
            let mut part = [0; 1 << 16];
            match self.answers.read(&mut part) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(length) => self.rest.extend_from_slice(&part[..length]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

impl Drop for Pipes {
    fn drop(&mut self) {
        // It may be in the middle of something that nobody waits for any more.
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}

fn broken(source: &io::Error) -> Error {
    Error::new(
        Code::Host,
        format!("the recipe host, which runs recipes written in Python, broke off: {source}"),
    )
    .with_hint("its last words are in the log of this evaluation")
}
