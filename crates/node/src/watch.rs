//! Listens to the master: what has changed for this computer, as soon as it has.
//!
//! A thread of its own that is nearly always blocked in one long poll. Without an answer it asks
//! again, first at once, then more and more slowly; the node goes on with what it knows.

use std::{thread, time::Duration};

use slapos_core::names::{ComputerId, Revision};
use slapos_wire::{
    client::{Client, ClientError},
    v1::{Format, Watch},
};
use tokio::sync::mpsc;

/// How long one poll stays open, in seconds.
const POLL_SECONDS: u64 = 55;
/// The longest pause between attempts to reach the master.
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// Follows the wishes for `computer` and hands each change to `wishes`; ends when nobody listens
/// there any more. Whenever the master had been away or does not know the computer, `declared` is
/// told anew, as at the start: a master that came back may be another one, or put back from a backup.
pub(crate) fn follow(
    client: Client,
    computer: ComputerId,
    declared: Format,
    wishes: mpsc::Sender<Watch>,
) -> std::io::Result<()> {
    thread::Builder::new().name("watch".into()).spawn(move || {
        let mut since = Some(Revision(0));
        let mut pause = Duration::ZERO;
        while !wishes.is_closed() {
            match ask(&client, &computer, &declared, since) {
                Ok(watch) => {
                    pause = Duration::ZERO;
                    since = Some(watch.revision);
                    if wishes.blocking_send(watch).is_err() {
                        return;
                    }
                }
                Err(error) => {
                    if pause.is_zero() {
                        tracing::warn!(%error, "the master does not say what it wishes; services go on, registering again");
                    }
                    since = None;
                    pause = (pause * 2).clamp(Duration::from_millis(20), PAUSE_MAX);
                    thread::sleep(pause);
                }
            }
        }
    })?;
    Ok(())
}

/// One poll; without a revision, registers and asks for everything.
fn ask(
    client: &Client,
    computer: &ComputerId,
    declared: &Format,
    since: Option<Revision>,
) -> Result<Watch, ClientError> {
    if since.is_none() {
        client.format(computer, declared)?;
    }
    client.watch(computer, since.unwrap_or(Revision(0)), POLL_SECONDS)
}
