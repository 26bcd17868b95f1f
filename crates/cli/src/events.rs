//! Waits on the master's events.

use slapos_wire::client::Client;

use crate::error::{Exit, Failure};

/// Repeats `look` after each event of the master until it finds what it looks for.
pub(crate) fn until<T>(
    client: &Client,
    what: &str,
    mut look: impl FnMut(&Client) -> Result<Option<T>, Failure>,
) -> Result<T, Failure> {
    let mut events = client.events()?; // before the first look: nothing is missed in between
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
