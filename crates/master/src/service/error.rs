//! Why a call has no result, and why the master has to end.

use slapos_core::{refusal::Refusal, world::ApplyError};

use super::PastError;
use crate::store::StoreError;

/// Why the master has to end.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// What was decided could not be made durable.
    #[error("the store failed")]
    Store(#[source] StoreError),
    /// A defect of a decision.
    #[error("a decision contradicts the state; please report this")]
    Broken(#[source] ApplyError),
    /// A defect elsewhere ended a thread in the middle of a change.
    #[error("a change was left half done; please report this")]
    HalfDone,
    /// It was asked to end.
    #[error("the master is stopping")]
    Stopping,
}

/// Why a call has no result.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// Refused; nothing has changed.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The disk is full. Nothing has changed.
    #[error("the disk of the master is full: no change is taken until there is room")]
    DiskFull,
    /// Too much waits for the disk.
    #[error("the master is busy: too many changes wait for the disk")]
    Busy,
    /// The master is ending. Whether the change took effect is known after its next start.
    #[error("the master is ending")]
    Ending,
    /// The journal cannot be read.
    #[error("the journal cannot be read")]
    Journal(#[source] StoreError),
    /// The past cannot be shown.
    #[error(transparent)]
    Past(#[from] PastError),
}

impl ServiceError {
    /// In how many seconds to come again, of what passes: nobody makes room on a disk in one.
    pub(crate) fn retry_after(&self) -> &'static str {
        if matches!(self, Self::DiskFull) { "10" } else { "1" }
    }
}
