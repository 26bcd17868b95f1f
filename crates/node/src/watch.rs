//! Listens to the master: what has changed for this computer, as soon as it has.
//!
//! A thread of its own that is nearly always blocked in one long poll. Without an answer it asks
//! again, first at once, then more and more slowly; the node goes on with what it knows.

use std::{thread, time::Duration};

use slapos_core::names::{ComputerId, Revision};
use slapos_wire::{client::Client, v1::Watch};
use tokio::sync::mpsc;

/// How long one poll stays open, in seconds.
const POLL_SECONDS: u64 = 55;
/// The longest pause between attempts to reach the master.
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// Follows the wishes for `computer` and hands each change to `wishes`; ends when nobody listens
/// there any more.
pub(crate) fn follow(
    client: Client,
    computer: ComputerId,
    wishes: mpsc::Sender<Watch>,
) -> std::io::Result<()> {
    thread::Builder::new().name("watch".into()).spawn(move || {
        let mut since = Revision(0);
        let mut pause = Duration::ZERO;
        while !wishes.is_closed() {
            match client.watch(&computer, since, POLL_SECONDS) {
                Ok(watch) => {
                    pause = Duration::ZERO;
                    since = watch.revision;
                    if wishes.blocking_send(watch).is_err() {
                        return;
                    }
                }
                Err(error) => {
                    if pause.is_zero() {
                        tracing::warn!(%error, "the master does not answer; services go on, asking again");
                    }
                    // A master that came back may be another one, restored from a backup.
                    since = Revision(0);
                    pause = (pause * 2).clamp(Duration::from_millis(20), PAUSE_MAX);
                    thread::sleep(pause);
                }
            }
        }
    })?;
    Ok(())
}
