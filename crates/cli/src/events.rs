//! Waits on the master's events.

use std::time::{Duration, Instant};

use slapos_wire::client::{Client, Events};

use crate::error::{Exit, Failure};

/// Repeats `look` after each event of the master until it finds what it looks for.
pub(crate) fn until<T>(
    client: &Client,
    what: &str,
    look: impl FnMut(&Client) -> Result<Option<T>, Failure>,
) -> Result<T, Failure> {
    find(client, client.events()?, what, look)
}

/// The same, at most for so long; `None` when it has not found it by then.
pub(crate) fn within<T>(
    limit: Duration,
    client: &Client,
    what: &str,
    look: impl FnMut(&Client) -> Result<Option<T>, Failure>,
) -> Result<Option<T>, Failure> {
    let began = Instant::now();
    match find(client, client.events_within(limit)?, what, look) {
        Err(failure) if failure.exit == Exit::NoAnswer && began.elapsed() >= limit => Ok(None),
        found => found.map(Some),
    }
}

/// `events` began before the first look: nothing is missed in between.
fn find<T>(
    client: &Client,
    mut events: Events,
    what: &str,
    mut look: impl FnMut(&Client) -> Result<Option<T>, Failure>,
) -> Result<T, Failure> {
    loop {
        if let Some(found) = look(client)? {
            return Ok(found);
        }
        match events.next() {
            Some(event) => drop(event?),
            None => {
                return Err(Failure::new(
                    Exit::NoAnswer,
                    format!("the master ended before {what}"),
                ));
            }
        }
    }
}
