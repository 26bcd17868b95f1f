//! The service: decides, waits until it is durable, answers. The one writer of the world.
//!
//! # Invariants
//! - An answer, a reading too, leaves only when the revision that it is based on is durable.
//! - The lock of the world is held while deciding and rendering, never while waiting.
//! - After a failure nothing is answered any more.
//!
//! Faces use [`Service::act`] for what may change something and the functions of `read.rs` for
//! the rest; [`Service::look`] is the stream of what happens.

mod history;
mod read;

use std::{
    net::SocketAddr,
    path::Path,
    sync::{Arc, Mutex, PoisonError, RwLock, mpsc},
    thread::JoinHandle,
};

use slapos_core::{
    actor::Actor,
    decide::{Answer, Ask, DecideError, decide},
    names::Revision,
    refusal::Refusal,
    world::{ApplyError, World},
};
use tokio::sync::watch;

pub use self::history::PastError;
pub use crate::hub::{Event, Viewer};
use crate::{
    clock::now,
    committer::{self, Job, Progress},
    hub::Hub,
    live::Live,
    store::{Journal, Loaded, Store, StoreError},
};

/// Decisions that may wait for the disk; beyond that, callers are asked to come again.
const BACKLOG_MAX: u64 = 10_000;

/// Why the master has to end.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// What was decided could not be made durable.
    #[error("the store failed")]
    Store(#[source] StoreError),
    /// A defect of a decision.
    #[error("a decision contradicts the state; please report this")]
    Broken(#[source] ApplyError),
    /// A defect elsewhere ended a thread in the middle of a change.
    #[error("a change was left half done; please report this")]
    HalfDone,
    /// It was asked to end.
    #[error("the master is stopping")]
    Stopping,
}

/// Why a call has no result.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// Refused; nothing has changed.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Too much waits for the disk.
    #[error("the master is busy: too many changes wait for the disk")]
    Busy,
    /// The master is ending. Whether the change took effect is known after its next start.
    #[error("the master is ending")]
    Ending,
    /// The journal cannot be read.
    #[error("the journal cannot be read")]
    Journal(#[source] StoreError),
    /// The past cannot be shown.
    #[error(transparent)]
    Past(#[from] PastError),
}

/// From where a call came, for the history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Over the network.
    Address(SocketAddr),
    /// From within the process.
    Inside,
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Inside => f.write_str("inside"),
        }
    }
}

/// The service. Cheap to clone; all clones are the same master.
#[derive(Debug, Clone)]
pub struct Service {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    world: RwLock<World>,
    jobs: Mutex<mpsc::Sender<Job>>,
    progress: Arc<watch::Sender<Progress>>,
    hub: Arc<Hub>,
    live: Live,
    journal: Journal,
    turns: history::Turns,
    thread: Mutex<Option<JoinHandle<()>>>,
    closing: watch::Sender<bool>,
}

impl Service {
    /// Opens the store in a database file and starts from what it holds. Blocks on the disk.
    pub fn open(database: &Path) -> Result<Self, StoreError> {
        let (store, Loaded { world, replayed, cut, log_cut }) = Store::open(database)?;
        let revision = world.revision();
        if let Some(cut) = log_cut {
            tracing::error!(
                kept_bytes = cut.kept,
                cut_bytes = cut.bytes,
                copy = %cut.copy.display(),
                "the write-ahead log had a torn end, which was cut off"
            );
        }
        if let Some(cut) = cut {
            tracing::error!(
                first_cut = cut.kept.0 + 1,
                head = cut.head.0,
                entries = cut.entries,
                kept = cut.kept.0,
                copy = cut.copy.map(|copy| copy.display().to_string()),
                "the journal had a torn end, which was cut off"
            );
        }
        tracing::info!(revision = revision.0, replayed, "the store is open");
        let journal = store.journal();
        let hub = Arc::new(Hub::new());
        let progress = Progress { durable: revision, failure: None };
        let progress = Arc::new(watch::Sender::new(progress));
        let (jobs, thread) = committer::start(store, Arc::clone(&hub), Arc::clone(&progress))
            .map_err(|source| StoreError::Create { path: database.to_owned(), source })?;
        let inner = Inner {
            world: RwLock::new(world),
            jobs: Mutex::new(jobs),
            progress,
            hub,
            live: Live::default(),
            journal,
            turns: history::Turns::default(),
            thread: Mutex::new(Some(thread)),
            closing: watch::Sender::new(false),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Decides what `ask` makes of the world, and shows the result once it is durable. `show`
    /// sees the world right after the decision; both closures must be quick.
    pub async fn act<T>(
        &self,
        origin: Origin,
        ask: impl FnOnce(&World) -> Result<(Ask, Actor), Refusal>,
        show: impl FnOnce(&World, Answer) -> T,
    ) -> Result<T, ServiceError> {
        let (shown, revision) = self.decide(origin, ask, show)?;
        self.durable(revision).await?;
        Ok(shown)
    }

    fn decide<T>(
        &self,
        origin: Origin,
        ask: impl FnOnce(&World) -> Result<(Ask, Actor), Refusal>,
        show: impl FnOnce(&World, Answer) -> T,
    ) -> Result<(T, Revision), ServiceError> {
        let mut world = self.inner.world.write().map_err(|_| self.fail(Failure::HalfDone))?;
        let durable = self.inner.progress.borrow().durable;
        if world.revision().0 - durable.0 >= BACKLOG_MAX {
            return Err(ServiceError::Busy);
        }
        let (ask, actor) = ask(&world)?;
        let (answer, entry) = match decide(&mut world, &ask, &actor, &origin.to_string(), now()) {
            Ok(decided) => decided,
            Err(DecideError::Refused(refusal)) => return Err(refusal.into()),
            Err(DecideError::Broken(error)) => return Err(self.fail(Failure::Broken(error))),
        };
        if let Some(entry) = entry {
            tracing::info!(
                revision = entry.revision.0,
                verb = entry.note.verb,
                who = %entry.actor,
                "{}",
                entry.note.what
            );
            // still under the lock of the world: entries are sent in the order of revisions
            let jobs = self.inner.jobs.lock().unwrap_or_else(PoisonError::into_inner);
            jobs.send(Job::Commit(Box::new(entry))).map_err(|_| ServiceError::Ending)?;
        }
        Ok((show(&world, answer), world.revision()))
    }

    /// Shows something of the world, once that is durable. `show` must be quick.
    async fn read<T>(
        &self,
        show: impl FnOnce(&World) -> Result<T, Refusal>,
    ) -> Result<T, ServiceError> {
        let (shown, revision) = {
            let world = self.inner.world.read().map_err(|_| self.fail(Failure::HalfDone))?;
            (show(&world)?, world.revision())
        };
        self.durable(revision).await?;
        Ok(shown)
    }

    async fn durable(&self, revision: Revision) -> Result<(), ServiceError> {
        let mut progress = self.inner.progress.subscribe();
        let enough = |it: &Progress| it.durable >= revision || it.failure.is_some();
        let progress = progress.wait_for(enough).await.map_err(|_| ServiceError::Ending)?;
        if progress.durable >= revision && progress.failure.is_none() {
            Ok(())
        } else {
            Err(ServiceError::Ending)
        }
    }

    fn fail(&self, failure: Failure) -> ServiceError {
        self.inner.progress.send_modify(|progress| {
            progress.failure.get_or_insert_with(|| Arc::new(failure));
        });
        ServiceError::Ending
    }

    /// Waits until the master has to end, and says why.
    pub async fn failed(&self) -> Arc<Failure> {
        let mut progress = self.inner.progress.subscribe();
        loop {
            if let Some(failure) = &progress.borrow_and_update().failure {
                return Arc::clone(failure);
            }
            if progress.changed().await.is_err() {
                return Arc::new(Failure::Stopping);
            }
        }
    }

    /// Looks from now on at what happens.
    pub fn look(&self) -> Viewer {
        self.inner.hub.look()
    }

    /// Ends whoever waits for something to happen; further waiting returns at once.
    pub fn stop_waiting(&self) {
        self.inner.closing.send_replace(true);
    }

    /// Resolves when waiting shall end ([`Service::stop_waiting`]).
    pub async fn stopping(&self) {
        let mut closing = self.inner.closing.subscribe();
        drop(closing.wait_for(|closing| *closing).await);
    }

    /// Makes durable what was decided and closes the store. Later decisions fail. Blocks on the
    /// disk.
    pub fn close(&self) {
        self.stop_waiting();
        let jobs = self.inner.jobs.lock().unwrap_or_else(PoisonError::into_inner).clone();
        drop(jobs.send(Job::Close)); // fails when the thread has ended by itself
        let mut thread = self.inner.thread.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(thread) = thread.take()
            && thread.join().is_err()
        {
            self.fail(Failure::HalfDone);
        }
        self.fail(Failure::Stopping);
    }
}
