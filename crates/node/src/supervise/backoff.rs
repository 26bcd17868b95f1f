//! How long a program that ended waits before it is started again. Pure.

use std::time::Duration;

/// A program that lived so long has not failed to start: its next end begins a new count.
pub(crate) const STEADY_AFTER: Duration = Duration::from_secs(60);
/// So many failures in a row are reported as a crash loop.
pub(super) const CRASH_LOOP: u32 = 5;
const DELAY_MAX: Duration = Duration::from_secs(30);

/// Counts how often in a row a program failed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Backoff {
    pub(super) failures: u32,
}

impl Backoff {
    /// Notes an end after `lived` and says how long to wait: nothing at first, then half a
    /// second, doubled each time up to half a minute.
    pub(super) fn ended(&mut self, lived: Duration) -> Duration {
        if lived >= STEADY_AFTER {
            self.failures = 0;
        }
        self.failures = self.failures.saturating_add(1);
        delay(self.failures)
    }
}

fn delay(failures: u32) -> Duration {
    match failures {
        0 | 1 => Duration::ZERO,
        _ => Duration::from_millis(500 << (failures - 2).min(16)).min(DELAY_MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_delay_doubles_up_to_half_a_minute_and_a_steady_life_forgives() {
        let mut backoff = Backoff::default();
        let second = Duration::from_secs(1);
        let table: &[(Duration, u64)] = &[
            (second, 0),
            (second, 500),
            (second, 1_000),
            (second, 2_000),
            (second, 4_000),
            (second, 8_000),
            (second, 16_000),
            (second, 30_000),
            (second, 30_000),
            (STEADY_AFTER, 0),
            (second, 500),
        ];
        for (lived, wanted) in table {
            assert_eq!(backoff.ended(*lived).as_millis(), u128::from(*wanted));
        }
        backoff.failures = u32::MAX;
        assert_eq!(backoff.ended(second), DELAY_MAX);
    }
}
