//! What confines a program of a partition, and the launcher that puts it in force.
//!
//! Every program of a partition is started through the hidden subcommand `slapos node launch`:
//! a fresh process that restricts itself, drops to the partition's user and becomes the program.
//! So nothing between fork and exec has to be unsafe, and supervisor and agent stay unrestricted.
//!
//! # Invariants
//! - The specification travels on the launcher's standard input, before what belongs to the
//!   program: environment values never appear on a command line or in a file.
//! - A launcher whose starter died before the specification was complete starts nothing.
//!
//! Start at [`launch`].

mod landlock;
mod launch;
mod layers;
mod run;

use camino::Utf8PathBuf;
use serde::{Deserialize, Serialize};

pub(crate) use launch::spawn_launcher;
pub use launch::{LAUNCH_FAILED, LaunchError, hand_over, launch, launch_from_stdin, start};
pub use layers::{CgroupLayer, LandlockLayer, Layers, report};
pub(crate) use run::run;

use crate::supervise::Environment;

/// A user and group by number; they need no entry in `/etc/passwd`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Number of the user.
    pub uid: u32,
    /// Number of the group.
    pub gid: u32,
}

/// What a program may touch, besides the shared files of the system that every program needs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sandbox {
    /// Directories or files that may be read, written and executed: the partition. They must exist.
    pub write: Vec<Utf8PathBuf>,
    /// Directories or files that may be read and executed: the release. Missing ones are skipped.
    pub read: Vec<Utf8PathBuf>,
    /// `/tmp`, `/var/tmp` and `/dev/shm` may be used.
    #[serde(default)]
    pub shared_tmp: bool,
    /// TCP ports that may be bound; `None`: any. Connecting is never restricted.
    #[serde(default)]
    pub bind_ports: Option<Vec<u16>>,
}

/// One program to start, with all that confines it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LaunchSpec {
    /// The program's path (or its name, looked up in the given `PATH`) and its arguments.
    pub command: Vec<String>,
    /// Where it starts.
    pub directory: Utf8PathBuf,
    /// Its whole environment: nothing is inherited.
    pub environment: Environment,
    /// The user that it runs as; only root may name another than itself.
    pub user: Option<User>,
    /// What it may touch; `None`: whatever its user may.
    pub sandbox: Option<Sandbox>,
    /// Keep standard input for the program; else it reads nothing (`/dev/null`).
    pub keep_stdin: bool,
    /// The launcher stays as its parent and ends the whole group when nobody reads its output any more: a starter
    /// that was killed can end nobody. Else the launcher becomes the program, which outlives its starter.
    #[serde(default)]
    pub guarded: bool,
}
