//! What goes over the supervisor's socket: one JSON document per line, one request per
//! connection, one answer; `subscribe` answers with events until either side goes.

use camino::Utf8PathBuf;
use serde::{Deserialize, Serialize};

use super::Environment;
use crate::{
    log::Log,
    sandbox::{LaunchSpec, Sandbox, User},
    sys::StopSignal,
};

/// The longest line in bytes, either way.
pub const LINE_BYTES_MAX: u64 = 4 << 20;

/// What SlapOS gives a program to end by itself.
const GRACE_MS: u64 = 60_000;

/// One program that shall run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Program {
    /// Its name, unique in its group. A suffix `-<hash of its configuration>` makes a changed
    /// configuration another program, which starts when the old one has gone.
    pub name: String,
    /// The program's path and its arguments.
    pub command: Vec<String>,
    /// Where it starts.
    pub directory: Utf8PathBuf,
    /// Its whole environment: nothing is inherited.
    #[serde(default)]
    pub environment: Environment,
    /// The user that it runs as; only for a supervisor that is root.
    #[serde(default)]
    pub user: Option<User>,
    /// What it may touch; `None`: whatever its user may.
    #[serde(default)]
    pub sandbox: Option<Sandbox>,
    /// Where its output goes; rotated at 1 MiB with one backup beside it (`.1`). The directory
    /// must exist.
    pub log: Utf8PathBuf,
    /// Whether it is started again when it ends.
    pub kind: Kind,
    /// How it is asked to end; the whole process group gets it.
    #[serde(default)]
    pub stop_signal: StopSignal,
    /// Milliseconds that it has to end by itself before its whole group is killed.
    #[serde(default = "default_grace")]
    pub grace_ms: u64,
}

fn default_grace() -> u64 {
    GRACE_MS
}

impl Program {
    /// A program with SlapOS's stop signal and grace, an empty environment and no confinement.
    pub fn new(
        name: impl Into<String>,
        command: Vec<String>,
        directory: impl Into<Utf8PathBuf>,
        log: impl Into<Utf8PathBuf>,
    ) -> Self {
        Self {
            name: name.into(),
            command,
            directory: directory.into(),
            environment: Environment::default(),
            user: None,
            sandbox: None,
            log: log.into(),
            kind: Kind::Watched,
            stop_signal: StopSignal::Term,
            grace_ms: GRACE_MS,
        }
    }

    pub(super) fn log_file(&self) -> Log {
        Log::of_program(&self.log, &self.directory, self.user)
    }

    pub(super) fn launch_spec(&self) -> LaunchSpec {
        LaunchSpec {
            command: self.command.clone(),
            directory: self.directory.clone(),
            environment: self.environment.clone(),
            user: self.user,
            sandbox: self.sandbox.clone(),
            keep_stdin: false,
            guarded: false,
        }
    }
}

/// Whether a program is started again when it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A service: its exit is unexpected and it is started again.
    Watched,
    /// Started once per boot; its exit is what it is for.
    Once,
}

/// What a client asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// These and only these programs shall run in the group. Answered when that is so.
    Apply {
        /// The group: a partition.
        group: String,
        /// The whole set.
        programs: Vec<Program>,
    },
    /// The group shall run nothing. Answered when all its processes are gone.
    Stop {
        /// The group.
        group: String,
    },
    /// What runs.
    Status,
    /// Ends every process and then the supervisor. The sets stay known: the next start of the
    /// supervisor runs them again.
    Shutdown,
    /// Events from now on.
    Subscribe,
}

/// What the supervisor answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Response {
    /// It is so.
    Done,
    /// What runs, by group and name.
    Status {
        /// All programs that are known.
        programs: Vec<ProgramStatus>,
        /// The supervisor's own process.
        supervisor: u32,
    },
    /// From now on each line is an [`Event`].
    Subscribed,
    /// It could not be done; what was before is still so.
    Failed {
        /// For a person: place, cause, way out.
        message: String,
    },
}

/// How one program is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProgramStatus {
    /// Its group.
    pub group: String,
    /// Its name.
    pub name: String,
    /// Whether it is watched.
    pub kind: Kind,
    /// What it does.
    pub state: ProgramState,
    /// How often in a row it ended without having lived for a minute.
    pub failures: u32,
    /// How it last ended, if it did.
    pub last_exit: Option<Exit>,
    /// Why it does not stay up, as [`Event::Fatal`] told; until it ends after a minute or is ended.
    #[serde(default)]
    pub fault: Option<String>,
}

/// What a program does.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum ProgramState {
    /// Is about to be started.
    Starting,
    /// Runs.
    Running {
        /// The process, which leads the group of the same number.
        pid: u32,
        /// When it was started, in clock ticks since boot.
        started: u64,
    },
    /// Ended unexpectedly and is started again after a delay.
    Waiting {
        /// The whole delay in milliseconds.
        delay_ms: u64,
    },
    /// Is being ended.
    Stopping,
    /// Of kind once, and has ended.
    Finished,
}

/// How a process ended. Both `None`: not known, as it was adopted and not our child.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Exit {
    /// Its exit code.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
}

/// What happens, as it happens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A process was started.
    Started {
        /// Its group.
        group: String,
        /// Its name.
        program: String,
        /// Its number.
        pid: u32,
    },
    /// A process ended.
    Exited {
        /// Its group.
        group: String,
        /// Its name.
        program: String,
        /// Its number.
        pid: u32,
        /// How.
        exit: Exit,
        /// We ended it ourselves, or it is of kind once.
        expected: bool,
    },
    /// A program will be started again.
    Restarting {
        /// Its group.
        group: String,
        /// Its name.
        program: String,
        /// After so many milliseconds.
        delay_ms: u64,
        /// How often in a row it failed.
        failures: u32,
    },
    /// A program cannot be started, or fails again and again. It is still tried, slowly. Told
    /// once until it has lived for a minute.
    Fatal {
        /// Its group.
        group: String,
        /// Its name.
        program: String,
        /// For a person.
        reason: String,
    },
    /// The subscriber was too slow: so many events were dropped. Ask for the status.
    Missed {
        /// How many.
        count: u64,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_look_as_documented() {
        let text = r#"{"ask":"apply","group":"slappart0","programs":[{"name":"web","command":["/bin/web"],
            "directory":"/srv","log":"/srv/.web.log","kind":"watched"}]}"#;
        let request: Request = serde_json::from_str(text).unwrap();
        let Request::Apply { programs, .. } = request else { panic!("{request:?}") };
        assert_eq!(
            programs[0],
            Program::new("web", vec!["/bin/web".into()], "/srv", "/srv/.web.log")
        );
        assert_eq!(programs[0].grace_ms, 60_000);
        for bad in ["{}", r#"{"ask":"dance"}"#, r#"{"ask":"stop"}"#, "[1]"] {
            assert!(serde_json::from_str::<Request>(bad).is_err(), "{bad}");
        }
    }
}
