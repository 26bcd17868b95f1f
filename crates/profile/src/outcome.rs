//! What came of a run.

use std::collections::BTreeMap;
use std::fs::{self, Metadata};
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
        /// Permissions; zero in records of old.
        #[serde(default)]
        mode: u32,
    },
    /// A directory; its content does not count.
    Present,
    /// A link of our own: what it leads to is another's business.
    Link {
        /// What it says.
        to: Utf8PathBuf,
    },
    /// A link that was followed.
    Followed {
        /// What it says.
        to: Utf8PathBuf,
        /// What is at its end.
        end: Box<Self>,
    },
}

impl Look {
    /// How the path looks now to whoever reads it; what cannot be examined is absent.
    pub fn at(path: &Utf8Path) -> Self {
        match Self::of_own(path) {
            Self::Link { to } => {
                let end = fs::metadata(path).map_or(Self::Absent, |meta| Self::of(&meta));
                Self::Followed { to, end: Box::new(end) }
            }
            other => other,
        }
    }

    /// How the path looks now to whoever made it: a link is what it says.
    pub fn of_own(path: &Utf8Path) -> Self {
        match fs::symlink_metadata(path) {
            Err(_) => Self::Absent,
            Ok(meta) if meta.is_symlink() => {
                path.read_link_utf8().map_or(Self::Present, |to| Self::Link { to })
            }
            Ok(meta) => Self::of(&meta),
        }
    }

    fn of(meta: &Metadata) -> Self {
        if !meta.is_file() {
            return Self::Present;
        }
        let modified_ns = i128::from(meta.mtime()) * 1_000_000_000 + i128::from(meta.mtime_nsec());
        Self::File { size: meta.len(), modified_ns, mode: meta.mode() & 0o7777 }
    }

    /// Whether something is there, at the end of a link too.
    pub(crate) fn is_there(&self) -> bool {
        match self {
            Self::Absent => false,
            Self::Followed { end, .. } => end.is_there(),
            Self::File { .. } | Self::Present | Self::Link { .. } => true,
        }
    }
}

/// Whether everything looks as it did: then another run with the same job and the same answers changes nothing.
pub fn unchanged(inputs: &[Input]) -> bool {
    inputs.iter().all(|Input { path, seen }| match seen {
        Look::Link { .. } => Look::of_own(path) == *seen,
        _ => Look::at(path) == *seen,
    })
}
