//! What came of a run.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;

use camino::{Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Serialize};

/// What came of a run that went through; parts that wait are part of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// The parts in the order of their installation, removed ones first.
    pub parts: Vec<PartReport>,
    /// What the instance publishes; `None` while `publish` waits, or if the profile has none.
    pub connection: Option<BTreeMap<String, String>>,
    /// What it publishes for shared instances that it serves, by their reference.
    pub shared: BTreeMap<String, BTreeMap<String, String>>,
    /// Titles of all requests of the profile, also of those that could not be made yet.
    pub requested: Vec<String>,
    /// The requests that have no answer yet: the causes of all waiting.
    pub waiting: Vec<Waiting>,
    /// Files written or removed, absolute.
    pub changed: Vec<Utf8PathBuf>,
    /// Paths that the installed parts own, absolute.
    pub recorded: Vec<Utf8PathBuf>,
    /// What the run depended on, for [`unchanged`].
    pub inputs: Vec<Input>,
}

/// One part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartReport {
    /// Section name; parts of a profile that was switched to have its part's name and `/` before theirs.
    pub name: String,
    /// Recipe, such as `slapos.cookbook:wrapper`.
    pub recipe: String,
    /// What happened to it.
    pub action: Action,
}

/// What a run did with a part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    /// It was not there before.
    Installed,
    /// It was there and has changed.
    Updated,
    /// It is as it was.
    Unchanged,
    /// It is no longer wanted.
    Removed,
    /// It is left as it is until a request is answered.
    Waiting(Waiting),
}

/// Why a part waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// The part that requests.
    pub part: String,
    /// Title of the requested instance.
    pub title: String,
    /// A sentence for people.
    pub reason: String,
}

/// A path that a run depended on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    /// Absolute path.
    pub path: Utf8PathBuf,
    /// How it looked.
    pub seen: Look,
}

/// How a path looks, cheaply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Look {
    /// Nothing is there.
    Absent,
    /// A file.
    File {
        /// Bytes.
        size: u64,
        /// Nanoseconds since 1970.
        modified_ns: i128,
    },
    /// A directory or link; its content does not count.
    Present,
}

impl Look {
    /// How the path looks now; what cannot be examined is absent.
    pub fn at(path: &Utf8Path) -> Self {
        match fs::symlink_metadata(path) {
            Err(_) => Self::Absent,
            Ok(meta) if meta.is_file() => Self::File {
                size: meta.len(),
                modified_ns: i128::from(meta.mtime()) * 1_000_000_000
                    + i128::from(meta.mtime_nsec()),
            },
            Ok(_) => Self::Present,
        }
    }
}

/// Whether everything looks as it did: then another run with the same job and the same answers changes nothing.
pub fn unchanged(inputs: &[Input]) -> bool {
    inputs.iter().all(|input| Look::at(&input.path) == input.seen)
}
