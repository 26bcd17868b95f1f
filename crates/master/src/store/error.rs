//! What can go wrong with a store.

use std::{io, path::PathBuf};

use slapos_core::{names::Revision, world::ApplyError};

/// Why the store cannot do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database engine failed.
    #[error("{step}")]
    Engine {
        /// What was being done.
        step: &'static str,
        /// What the engine said.
        #[source]
        source: rusqlite::Error,
    },
    /// The file system failed.
    #[error("create the database {}", path.display())]
    Create {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The file was written by a version that this one does not know.
    #[error("the database has format {found}, this version knows {known}")]
    Format {
        /// What the file says.
        found: i64,
        /// What we can read.
        known: i64,
    },
    /// Another master has taken the store over, or wrote past us.
    #[error("another master has taken this store over; this one may not write any more")]
    Deposed,
    /// An entry or a row is not what was written.
    #[error("the store is damaged: {what} does not fit its digest")]
    Damaged {
        /// Which part.
        what: String,
    },
    /// The journal is shorter or longer than its head says.
    #[error("the journal ends at revision {found}, its head says {head}", found = found.0, head = head.0)]
    Incomplete {
        /// What the head says.
        head: Revision,
        /// The last entry there is.
        found: Revision,
    },
    /// An entry cannot be read or written as JSON.
    #[error("{what} cannot be read")]
    Unreadable {
        /// Which part.
        what: String,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// The entries contradict each other.
    #[error("the journal contradicts itself")]
    Contradiction(#[from] ApplyError),
}

impl StoreError {
    /// What the operator can do.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Engine { source, .. } => match source.sqlite_error_code() {
                Some(rusqlite::ErrorCode::DiskFull) => {
                    "make room on the disk of the data directory, then start the master again"
                }
                Some(rusqlite::ErrorCode::DatabaseBusy) => {
                    "another program has the database open for writing: close it"
                }
                _ => "look at the disk of the data directory, then start the master again",
            },
            Self::Create { .. } => "choose a directory that you may write, with --data",
            Self::Format { .. } => "use the version of slapos that wrote it, or a newer one",
            Self::Deposed => "use the other master, or stop it and start this one again",
            Self::Damaged { .. }
            | Self::Incomplete { .. }
            | Self::Unreadable { .. }
            | Self::Contradiction(_) => {
                "keep a copy of the data directory and restore the last backup"
            }
        };
        Some(hint.to_owned())
    }

    /// Names the step in which the engine failed.
    pub(super) fn at(step: &'static str) -> impl Fn(rusqlite::Error) -> Self {
        move |source| Self::Engine { step, source }
    }
}
