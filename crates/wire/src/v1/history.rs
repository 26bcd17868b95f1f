//! What changed, when, and moments to look back to.

use std::fmt;

use serde::{Deserialize, Serialize};
use slapos_core::names::{ComputerId, Revision, Timestamp, Title};

use super::InstanceName;

/// Something changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The revision that changed it.
    pub revision: Revision,
    /// When.
    pub at: Timestamp,
    /// Verb, e.g. `request`, `publish`, `supply-report`.
    pub verb: String,
    /// One sentence for a person.
    pub what: String,
    /// The instance, when it is about one.
    pub instance: Option<InstanceName>,
    /// The computer, when it is about one.
    pub computer: Option<ComputerId>,
}

/// A moment of the past: microseconds since 1970 in UTC, or `rev:N`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum At {
    /// Before the first entry that is later than this.
    Time(Timestamp),
    /// After this entry.
    Revision(Revision),
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Time(time) => write!(f, "{}", time.0),
            Self::Revision(revision) => write!(f, "rev:{}", revision.0),
        }
    }
}

impl From<At> for String {
    fn from(at: At) -> Self {
        at.to_string()
    }
}

impl TryFrom<String> for At {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let at = match text.strip_prefix("rev:") {
            Some(revision) => revision.parse().map(|number| Self::Revision(Revision(number))),
            None => text.parse().map(|number| Self::Time(Timestamp(number))),
        };
        at.map_err(|_| "`at` is microseconds since 1970, or rev: and a revision")
    }
}

/// Which entries of the history. An answer can hold fewer than `limit`, for it is bounded in
/// bytes too: the entries before it follow with its first revision as `before`, until there are
/// none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HistoryAsk {
    /// About instances that had this title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<Title>,
    /// About this computer: itself, its releases, what its node said of its instances.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub computer: Option<ComputerId>,
    /// Only those that told an error.
    #[serde(default)]
    pub errors: bool,
    /// At most so many, the newest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// Older than this revision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Revision>,
}

/// One entry of the journal, for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryEntry {
    /// What changed.
    pub change: Change,
    /// Who did it, e.g. `person admin`, `computer COMP-1`, `instance SOFTINST-2`.
    pub who: String,
    /// From where the call came.
    pub origin: String,
    /// The text of the error that it told, whole (the master keeps the last 64 KiB).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}
