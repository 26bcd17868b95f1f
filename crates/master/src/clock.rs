//! The only place of the master that reads the time of day.

use std::time::{SystemTime, UNIX_EPOCH};

use slapos_core::names::Timestamp;

/// The present.
#[expect(clippy::disallowed_methods, reason = "the edge where time comes in")]
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(u64::try_from(since.as_micros()).unwrap_or(u64::MAX))
}
