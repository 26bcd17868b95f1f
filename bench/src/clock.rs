//! The one place that reads the wall clock.

use std::time::{SystemTime, UNIX_EPOCH};

/// Microseconds since 1970: makes the values of separate runs differ.
#[expect(clippy::disallowed_methods, reason = "the edge: time goes on from here as a value")]
pub(crate) fn epoch_us() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(0)
}
