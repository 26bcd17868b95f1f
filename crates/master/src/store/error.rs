//! What can go wrong with a store.

use std::{io, path::PathBuf};

use slapos_core::{names::Revision, world::ApplyError};

use super::room::{MAKE_ROOM, is_lacking};

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
    /// A file cannot be read.
    #[error("read {}", path.display())]
    Read {
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
    /// An entry is missing, or not what was written, and that is not just a torn end.
    #[error("the journal is damaged at entry {}{}", entry.0, follow(*.later))]
    Broken {
        /// The first such entry.
        entry: Revision,
        /// How many whole entries follow it.
        later: u64,
    },
    /// The write-ahead log is not what was written, and that is not just a torn end.
    #[error("the write-ahead log is damaged at byte {at}, and commits follow")]
    BrokenLog {
        /// Where in the file.
        at: u64,
    },
    /// A row is not what was written.
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
    /// A backup was being put in its place.
    #[error("a restore was broken off here")]
    HalfRestored,
    /// The entries contradict each other.
    #[error("the journal contradicts itself")]
    Contradiction(#[from] ApplyError),
}

/// What to do about damage.
const DAMAGED: &str = "nothing was cut: `slapos master check DATA` tells what is damaged, \
                       `slapos master restore FILE DATA` puts a backup in its place";

impl StoreError {
    /// What the operator can do.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Engine { source, .. } => match source.sqlite_error_code() {
                Some(rusqlite::ErrorCode::DiskFull) => MAKE_ROOM,
                Some(rusqlite::ErrorCode::DatabaseBusy) => {
                    "another program has the database open for writing: close it"
                }
                Some(rusqlite::ErrorCode::DatabaseCorrupt | rusqlite::ErrorCode::NotADatabase) => {
                    DAMAGED
                }
                _ => "look at the disk of the data directory, then start the master again",
            },
            Self::Create { source, .. } if is_lacking(source) => MAKE_ROOM,
            Self::Create { .. } => "choose a place that you may write",
            Self::Format { .. } => "use the version of slapos that wrote it, or a newer one",
            Self::HalfRestored => "do it again: `slapos master restore --replace FILE DATA`",
            Self::Deposed => "use the other master, or stop it and start this one again",
            Self::Read { .. } => "run it as the user whom the data directory belongs to",
            Self::Broken { .. }
            | Self::BrokenLog { .. }
            | Self::Damaged { .. }
            | Self::Incomplete { .. }
            | Self::Unreadable { .. }
            | Self::Contradiction(_) => DAMAGED,
        };
        Some(hint.to_owned())
    }

    /// True when what was read is not what was written.
    pub fn is_damage(&self) -> bool {
        match self {
            Self::Engine { source, .. } => matches!(
                source.sqlite_error_code(),
                Some(rusqlite::ErrorCode::DatabaseCorrupt | rusqlite::ErrorCode::NotADatabase)
            ),
            Self::Broken { .. }
            | Self::BrokenLog { .. }
            | Self::Damaged { .. }
            | Self::Incomplete { .. }
            | Self::Unreadable { .. }
            | Self::Contradiction(_) => true,
            Self::Create { .. }
            | Self::Read { .. }
            | Self::Format { .. }
            | Self::HalfRestored
            | Self::Deposed => false,
        }
    }

    /// True when there was no room: the transaction has been taken back before anything of it was
    /// synced, and the store can be used again. A sync that fails for lack of room is not such.
    pub(crate) fn is_disk_full(&self) -> bool {
        match self {
            Self::Engine { source, .. } => {
                source.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull)
            }
            _ => false,
        }
    }

    /// True when a write failed, and not a sync: `SQLite` has taken the transaction back as when
    /// the disk is full. It calls a quota that is used up by this name, and a broken disk too.
    pub(crate) fn is_failed_write(&self) -> bool {
        match self {
            Self::Engine { source: rusqlite::Error::SqliteFailure(error, _), .. } => {
                error.extended_code == rusqlite::ffi::SQLITE_IOERR_WRITE
            }
            _ => false,
        }
    }

    /// Names the step in which the engine failed.
    pub(super) fn at(step: &'static str) -> impl Fn(rusqlite::Error) -> Self {
        move |source| Self::Engine { step, source }
    }
}

fn follow(later: u64) -> String {
    if later == 0 { String::new() } else { format!(", and {later} whole entries follow it") }
}
