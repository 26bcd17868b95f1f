//! Drives a scenario over some connections and turns what happened into a report.
//!
//! [`measure`] runs a warm-up and the measured phases; a phase ([`phase`]) starts one worker for
//! each connection; a worker takes the next index and calls [`Scenario::operate`] until the
//! phase's limit. An operation that fails ends the run, unless the caller allows some to fail.

mod measure;
mod phase;
mod recorder;
mod report;
mod session;

use std::time::Duration;

use anyhow::Result;

pub(crate) use self::{
    measure::{Plan, measure},
    recorder::histogram,
    report::{Report, latency},
    session::{Session, alone, computer_path},
};
use crate::{fleet::Placement, http::Target};

/// One kind of operation.
pub(crate) trait Scenario: Send + Sync + 'static {
    /// Does the operation of this index and checks what comes back.
    ///
    /// # Errors
    /// When anything is not as it should be.
    async fn operate(&self, session: &mut Session, index: u64) -> Result<()>;
}

/// How a scenario is driven.
#[derive(Clone, Debug)]
pub(crate) struct Load {
    pub(crate) target: Target,
    pub(crate) url: String,
    pub(crate) connections: usize,
    pub(crate) threads: usize,
    pub(crate) keepalive: bool,
    /// For one operation.
    pub(crate) timeout: Duration,
    /// Operations a second are started, whatever the answers; `None`: as fast as they come.
    pub(crate) rate: Option<f64>,
    /// So many operations may fail.
    pub(crate) errors_max: u64,
    /// A status of 408 means "later": pause so long and ask again.
    pub(crate) retry_408: Option<Duration>,
    /// Processes of the master.
    pub(crate) pids: Vec<u32>,
    pub(crate) seed: u64,
    pub(crate) computers: u64,
    /// Partitions of each computer.
    pub(crate) partitions: u64,
    pub(crate) placement: Placement,
    /// Measured phases.
    pub(crate) repeat: u32,
    pub(crate) warmup: Duration,
}

/// A phase ends when so many operations were started, or so many seconds are over.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limit {
    pub(crate) count: u64,
    pub(crate) seconds: f64,
}

impl Limit {
    pub(crate) fn count(count: u64) -> Self {
        Self { count, seconds: f64::INFINITY }
    }

    pub(crate) fn seconds(seconds: f64) -> Self {
        Self { count: u64::MAX, seconds }
    }
}

/// Nanoseconds of a duration; enough for five centuries.
fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
