//! The one place of this crate that reads the clock of the day.

use std::time::{SystemTime, UNIX_EPOCH};

/// Seconds since 1970; 0 for a clock that is set before.
#[expect(clippy::disallowed_methods, reason = "the edge where time comes in")]
pub(crate) fn now_unix_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
