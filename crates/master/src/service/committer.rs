//! The thread that makes entries durable. While one sync runs, the next batch gathers.
//!
//! Between batches it folds the journal into rows: when nothing is to commit, or when so much is
//! unfolded that it must. When the disk is full (or a quota is), `SQLite` has taken back the commit
//! before anything was synced: the thread gives up what is not durable, and waits for room. After
//! any other failure it says so and does nothing more: the process ends.

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
    sync::{
        Arc, PoisonError, RwLock,
        mpsc::{self, RecvTimeoutError, TryRecvError},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use slapos_core::write::Entry;
use tokio::sync::{oneshot, watch};

use super::{
    Failure,
    backlog::Waiting,
    present::{Present, Progress},
};
use crate::{
    hub::Hub,
    store::{Store, StoreError, there_is_room},
};

/// The most entries in one commit.
const BATCH_MAX: usize = 1024;
/// Entries folded in one transaction.
const FOLD_BATCH: usize = 2000;
/// Beyond this many unfolded entries, folding goes before committing.
const UNFOLDED_MAX: u64 = 50_000;
/// How long nothing must happen before the thread begins to fold.
const IDLE: Duration = Duration::from_millis(200);
/// How often a full disk is looked at again.
const LOOK_FOR_ROOM: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(crate) enum Job {
    /// Make this durable, and say so. When it will not be, the term says why, and nothing comes.
    Commit(Box<Entry>, oneshot::Sender<()>, Waiting),
    /// Finish what was sent before, and end.
    Close,
}

/// Starts the thread. Entries must be sent in the order of their revisions, under the lock of the
/// present.
pub(crate) fn start(
    store: Store,
    hub: Arc<Hub>,
    present: Arc<RwLock<Present>>,
    failure: Arc<watch::Sender<Option<Arc<Failure>>>>,
) -> io::Result<(mpsc::Sender<Job>, JoinHandle<()>)> {
    let (sender, jobs) = mpsc::channel();
    let directory = store.directory();
    let term = present.read().unwrap_or_else(PoisonError::into_inner).term.clone();
    let mut committer =
        Committer { store, hub, present, term, jobs, directory, patience: IDLE, closing: false };
    let work = move || {
        let why = match catch_unwind(AssertUnwindSafe(|| committer.run())) {
            Ok(Ok(())) => return,
            Ok(Err(error)) => Failure::Store(error),
            Err(_) => Failure::HalfDone,
        };
        failure.send_modify(|failure| {
            failure.get_or_insert_with(|| Arc::new(why));
        });
        committer.term.send_modify(|term| term.over = true);
    };
    let thread = thread::Builder::new().name("committer".into()).spawn(work)?;
    Ok((sender, thread))
}

struct Committer {
    store: Store,
    hub: Arc<Hub>,
    present: Arc<RwLock<Present>>,
    /// That of the present, to be told without its lock.
    term: watch::Sender<Progress>,
    jobs: mpsc::Receiver<Job>,
    directory: PathBuf,
    /// How long nothing must happen before the thread folds.
    patience: Duration,
    closing: bool,
}

impl Committer {
    fn run(&mut self) -> Result<(), StoreError> {
        while !self.closing {
            match self.work() {
                Err(error) if self.lacks_room(&error)? => self.wait_for_room(&error)?,
                other => other?,
            }
        }
        while self.store.unfolded() > 0 {
            match self.store.fold(FOLD_BATCH) {
                // the next start reads what is not folded
                Err(error) if error.is_disk_full() => break,
                other => other?,
            };
        }
        Ok(())
    }

    /// Commits what there is, or folds when there is nothing.
    fn work(&mut self) -> Result<(), StoreError> {
        let mut batch = Vec::new();
        match self.receive() {
            Ok(Job::Commit(entry, durable, waits)) => batch.push((*entry, (durable, waits))),
            Ok(Job::Close) | Err(RecvTimeoutError::Disconnected) => self.closing = true,
            Err(RecvTimeoutError::Timeout) => {
                self.store.fold(FOLD_BATCH)?;
                self.patience = Duration::ZERO; // still nothing happens: the rest, too
            }
        }
        while !self.closing && !batch.is_empty() && batch.len() < BATCH_MAX {
            match self.jobs.try_recv() {
                Ok(Job::Commit(entry, durable, waits)) => batch.push((*entry, (durable, waits))),
                Ok(Job::Close) => self.closing = true,
                Err(_) => break,
            }
        }
        let (entries, waiting): (Vec<Entry>, Vec<_>) = batch.into_iter().unzip();
        if let Some(last) = entries.last().map(|entry| entry.revision) {
            self.patience = IDLE;
            self.store.commit(&entries)?;
            self.hub.keep(&entries);
            self.term.send_modify(|term| term.durable = last);
            for (durable, _over) in waiting {
                let _gone = durable.send(()); // whoever asked may be gone
            }
            entries.iter().for_each(|entry| self.hub.publish(entry));
        }
        while self.store.unfolded() > UNFOLDED_MAX {
            self.store.fold(FOLD_BATCH)?;
        }
        Ok(())
    }

    fn receive(&self) -> Result<Job, RecvTimeoutError> {
        if self.store.unfolded() == 0 {
            return self.jobs.recv().map_err(|_| RecvTimeoutError::Disconnected);
        }
        self.jobs.recv_timeout(self.patience)
    }

    /// True when it was for lack of room that a commit or a fold failed.
    fn lacks_room(&self, error: &StoreError) -> Result<bool, StoreError> {
        let unclear = error.is_failed_write();
        Ok(error.is_disk_full() || unclear && !there_is_room(&self.directory)?)
    }

    /// Gives up what is not durable, and returns when there is room again.
    fn wait_for_room(&mut self, error: &StoreError) -> Result<(), StoreError> {
        self.term.send_modify(|term| term.full = true); // from here on nothing is decided
        self.give_up()?;
        let revision = self.store.revision().0;
        tracing::error!(
            revision,
            "{error}: the disk is full; no change is taken until it has room"
        );
        while !self.closing {
            match self.jobs.recv_timeout(LOOK_FOR_ROOM) {
                Ok(Job::Commit(..)) => {} // nothing is decided in this state
                Ok(Job::Close) | Err(RecvTimeoutError::Disconnected) => self.closing = true,
                Err(RecvTimeoutError::Timeout) => {
                    if there_is_room(&self.directory)? && self.store.make_room()? {
                        self.term.send_modify(|term| term.full = false);
                        tracing::info!(revision, "the disk has room again; changes are taken");
                        break;
                    }
                }
            }
        }
        Ok(())
    }

    /// Brings the present back to what is durable.
    fn give_up(&mut self) -> Result<(), StoreError> {
        let is_ahead = self.present.read().unwrap_or_else(PoisonError::into_inner).is_ahead();
        if !is_ahead {
            return Ok(());
        }
        let durable = self.store.load()?; // takes long with much in it, so not under the lock
        let mut present = self.present.write().unwrap_or_else(PoisonError::into_inner);
        loop {
            match self.jobs.try_recv() {
                Ok(Job::Commit(..)) => {}
                Ok(Job::Close) | Err(TryRecvError::Disconnected) => {
                    self.closing = true;
                    break;
                }
                Err(TryRecvError::Empty) => break,
            }
        }
        present.go_back(durable);
        self.term = present.term.clone();
        Ok(())
    }
}
