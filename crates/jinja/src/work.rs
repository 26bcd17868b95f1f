//! Counts the work of a rendering also where no interpreter is at hand, such as in a comparison deep inside of a sort.
//!
//! A thread renders one template at a time; outside of a rendering nothing is counted.

use std::cell::Cell;

use crate::error::{Error, Result};

/// Bytes that are read, compared or copied in one step.
pub(crate) const BYTES: usize = 32;

thread_local! {
    static METER: Cell<Meter> = const { Cell::new(Meter { spent: 0, limit: u64::MAX }) };
}

#[derive(Clone, Copy)]
struct Meter {
    spent: u64,
    limit: u64,
}

/// While it lives, work is counted and has this limit.
pub(crate) struct Metered {
    before: Meter,
}

impl Metered {
    pub(crate) fn start(limit: u64) -> Self {
        Self { before: METER.replace(Meter { spent: 0, limit }) }
    }
}

impl Drop for Metered {
    fn drop(&mut self) {
        METER.set(self.before);
    }
}

/// Counts steps; who spends next fails if they were too many. For work of bounded size whose answer cannot be an
/// error.
pub(crate) fn note(steps: usize) {
    let meter = METER.get();
    let spent = meter.spent.saturating_add(u64::try_from(steps).unwrap_or(u64::MAX));
    METER.set(Meter { spent, ..meter });
}

/// Counts steps; fails beyond the limit.
pub(crate) fn spend(steps: usize) -> Result<()> {
    note(steps);
    let Meter { spent, limit } = METER.get();
    if spent > limit {
        let message = format!("the template runs too long; {limit} steps are allowed");
        return Err(Error::limit(message));
    }
    Ok(())
}
