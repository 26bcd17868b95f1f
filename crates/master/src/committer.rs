//! The thread that makes entries durable. While one sync runs, the next batch gathers.
//!
//! Between batches it folds the journal into rows: when nothing is to commit, or when so much is
//! unfolded that it must. After a failure it says so and does nothing more: the process ends.

use std::{
    sync::{
        Arc,
        mpsc::{self, RecvTimeoutError},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use slapos_core::{names::Revision, write::Entry};
use tokio::sync::watch;

use crate::{
    hub::Hub,
    service::Failure,
    store::{Store, StoreError},
};

/// The most entries in one commit.
const BATCH_MAX: usize = 1024;
/// Entries folded in one transaction.
const FOLD_BATCH: usize = 2000;
/// Beyond this many unfolded entries, folding goes before committing.
const UNFOLDED_MAX: u64 = 50_000;
/// How long nothing must happen before the thread folds.
const IDLE: Duration = Duration::from_millis(200);

/// How far the store is.
#[derive(Debug, Clone)]
pub(crate) struct Progress {
    /// The last durable revision.
    pub(crate) durable: Revision,
    /// Why nothing can become durable any more.
    pub(crate) failure: Option<Arc<Failure>>,
}

#[derive(Debug)]
pub(crate) enum Job {
    /// Make this durable.
    Commit(Box<Entry>),
    /// Finish what was sent before, and end.
    Close,
}

/// Starts the thread. Entries must be sent in the order of their revisions.
pub(crate) fn start(
    store: Store,
    hub: Arc<Hub>,
    progress: Arc<watch::Sender<Progress>>,
) -> std::io::Result<(mpsc::Sender<Job>, JoinHandle<()>)> {
    let (sender, jobs) = mpsc::channel();
    let work = move || {
        if let Err(error) = run(store, &jobs, &hub, &progress) {
            let failure = Some(Arc::new(Failure::Store(error)));
            progress.send_modify(|progress| progress.failure = failure);
        }
    };
    let thread = thread::Builder::new().name("committer".into()).spawn(work)?;
    Ok((sender, thread))
}

fn run(
    mut store: Store,
    jobs: &mpsc::Receiver<Job>,
    hub: &Hub,
    progress: &watch::Sender<Progress>,
) -> Result<(), StoreError> {
    let mut closing = false;
    while !closing {
        let wait = if store.unfolded() == 0 { Duration::MAX } else { IDLE };
        let mut batch = Vec::new();
        match receive(jobs, wait) {
            Ok(Job::Commit(entry)) => batch.push(*entry),
            Ok(Job::Close) | Err(RecvTimeoutError::Disconnected) => closing = true,
            Err(RecvTimeoutError::Timeout) => {
                store.fold(FOLD_BATCH)?;
            }
        }
        while !closing && !batch.is_empty() && batch.len() < BATCH_MAX {
            match jobs.try_recv() {
                Ok(Job::Commit(entry)) => batch.push(*entry),
                Ok(Job::Close) => closing = true,
                Err(_) => break,
            }
        }
        if let Some(last) = batch.last().map(|entry| entry.revision) {
            store.commit(&batch)?;
            progress.send_modify(|progress| progress.durable = last);
            batch.iter().for_each(|entry| hub.publish(entry));
        }
        while store.unfolded() > UNFOLDED_MAX {
            store.fold(FOLD_BATCH)?;
        }
    }
    while store.unfolded() > 0 {
        store.fold(FOLD_BATCH)?;
    }
    Ok(())
}

fn receive(jobs: &mpsc::Receiver<Job>, wait: Duration) -> Result<Job, RecvTimeoutError> {
    if wait == Duration::MAX {
        return jobs.recv().map_err(|_| RecvTimeoutError::Disconnected);
    }
    jobs.recv_timeout(wait)
}
