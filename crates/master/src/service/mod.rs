//! The service: decides, waits until it is durable, answers. The one writer of the world.
//!
//! # Invariants
//! - An answer, a reading too, leaves only when the revision that it is based on is durable.
//! - The lock of the world is held while deciding and rendering, never while waiting.
//! - After a failure nothing is answered any more. A full disk is none: then changes are refused,
//!   and readings show what is durable.
//!
//! Faces use [`Service::act`] for what may change something and the functions of `read.rs` for
//! the rest; [`Service::look`] is the stream of what happens.

mod backlog;
mod committer;
mod error;
mod history;
mod kept;
mod piece;
mod present;
mod read;
#[cfg(test)]
mod tests;

use std::{
    net::SocketAddr,
    path::Path,
    sync::{Arc, Mutex, PoisonError, RwLock, mpsc},
    thread::JoinHandle,
};

use slapos_core::{
    actor::Actor,
    decide::{Answer, Ask, DecideError, decide},
    names::{ComputerId, Revision},
    policy::Policy,
    refusal::Refusal,
    world::{Site, World},
};
use tokio::sync::{oneshot, watch};

use self::{
    backlog::Backlog,
    committer::Job,
    present::{Present, Progress},
};
pub use self::{
    error::{Failure, ServiceError},
    history::PastError,
    piece::{List, Piece},
};
pub(crate) use self::{
    kept::Rendered,
    read::{Picture, titled_root},
};
pub use crate::hub::{Event, Viewer};
use crate::{
    clock::now,
    hub::{Hub, RECENT_MAX},
    live::Live,
    store::{Journal, Loaded, Store, StoreError},
};

/// Decisions that may wait for the disk; beyond that, callers are asked to come again. About what
/// a good disk makes durable within a second: who waits longer is told so.
const BACKLOG_MAX: u64 = if cfg!(test) { 100 } else { 10_000 };

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

/// What a reading or a decision saw of the present.
#[derive(Debug)]
struct Observed {
    revision: Revision,
    /// `None` when the revision is durable already.
    term: Option<watch::Receiver<Progress>>,
    /// Comes when the revision is durable, to the one who made it: everybody else is woken by
    /// every commit, and looks whether it is far enough.
    made: Option<oneshot::Receiver<()>>,
}

impl Observed {
    fn of(present: &Present) -> Self {
        let revision = present.world.revision();
        let is_durable = present.term.borrow().durable >= revision;
        let term = (!is_durable).then(|| present.term.subscribe());
        Self { revision, term, made: None }
    }
}

/// Bytes of decisions that may wait for the disk, for each may have some MiB of texts.
const BACKLOG_BYTES_MAX: usize = if cfg!(test) { 1 << 20 } else { 256 << 20 };

/// The service. Cheap to clone; all clones are the same master.
#[derive(Debug, Clone)]
pub struct Service {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    present: Arc<RwLock<Present>>,
    jobs: Mutex<mpsc::Sender<Job>>,
    backlog: Backlog,
    failure: Arc<watch::Sender<Option<Arc<Failure>>>>,
    hub: Arc<Hub>,
    live: Live,
    journal: Journal,
    turns: history::Turns,
    thread: Mutex<Option<JoinHandle<()>>>,
    closing: watch::Sender<bool>,
    policy: Policy,
}

impl Service {
    /// Opens the store in a database file and starts from what it holds, under these rules. Blocks
    /// on the disk.
    pub fn open(database: &Path, policy: Policy) -> Result<Self, StoreError> {
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
        hub.keep(&journal.history(None, RECENT_MAX)?);
        let present = Arc::new(RwLock::new(Present::new(world.with_policy(policy.clone()))));
        let failure = Arc::new(watch::Sender::new(None));
        let (shared, failed) = (Arc::clone(&present), Arc::clone(&failure));
        let (jobs, thread) = committer::start(store, Arc::clone(&hub), shared, failed)
            .map_err(|source| StoreError::Create { path: database.to_owned(), source })?;
        let inner = Inner {
            present,
            jobs: Mutex::new(jobs),
            backlog: Backlog::default(),
            failure,
            hub,
            live: Live::new(),
            journal,
            turns: history::Turns::default(),
            thread: Mutex::new(Some(thread)),
            closing: watch::Sender::new(false),
            policy,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The rules, which never change.
    pub fn policy(&self) -> &Policy {
        &self.inner.policy
    }

    /// Decides what `ask` makes of the world, and shows the result, a refusal too, once what it is
    /// based on is durable. `show` sees the world right after the decision; both closures must be
    /// quick.
    pub async fn act<T>(
        &self,
        origin: Origin,
        ask: impl FnOnce(&World) -> Result<(Ask, Actor), Refusal>,
        show: impl FnOnce(&World, &Answer) -> T,
    ) -> Result<T, ServiceError> {
        let (shown, observed) = self.decide(origin, ask, show)?;
        if self.durable(observed).await? { Ok(shown?) } else { Err(ServiceError::DiskFull) }
    }

    fn decide<T>(
        &self,
        origin: Origin,
        ask: impl FnOnce(&World) -> Result<(Ask, Actor), Refusal>,
        show: impl FnOnce(&World, &Answer) -> T,
    ) -> Result<(Result<T, Refusal>, Observed), ServiceError> {
        let mut present = self.inner.present.write().map_err(|_| self.fail(Failure::HalfDone))?;
        if self.inner.failure.borrow().is_some() {
            return Err(ServiceError::Ending); // the world may be half changed
        }
        let progress = *present.term.borrow();
        let world = &mut present.world;
        if progress.full {
            return Err(ServiceError::DiskFull);
        }
        let waiting = world.revision().0 - progress.durable.0;
        if waiting >= BACKLOG_MAX || self.inner.backlog.bytes() >= BACKLOG_BYTES_MAX {
            return Err(ServiceError::Busy);
        }
        let decided = ask(world)
            .map_err(DecideError::Refused)
            .and_then(|(ask, actor)| decide(world, &ask, &actor, origin, now()));
        let (answer, entry) = match decided {
            Ok(decided) => decided,
            Err(DecideError::Refused(refusal)) => {
                return Ok((Err(refusal), Observed::of(&present)));
            }
            Err(DecideError::Broken(error)) => return Err(self.fail(Failure::Broken(error))),
        };
        let mut made = None;
        if let Some(entry) = entry {
            tracing::debug!(
                revision = entry.revision.0,
                verb = entry.note.verb,
                who = %entry.actor,
                "{}",
                entry.note.what
            );
            // still under the lock of the present: entries are sent in the order of revisions
            let jobs = self.inner.jobs.lock().unwrap_or_else(PoisonError::into_inner);
            let (durable, waiting) = oneshot::channel();
            present.forget(&entry);
            let waits = self.inner.backlog.add(entry.bytes());
            jobs.send(Job::Commit(Box::new(entry), durable, waits))
                .map_err(|_| ServiceError::Ending)?;
            made = Some(waiting);
        }
        Ok((Ok(show(&present.world, &answer)), Observed { made, ..Observed::of(&present) }))
    }

    /// Shows something of the world, once that is durable. `show` must be quick; it looks again
    /// when what it saw was given up.
    pub(crate) async fn read<T>(
        &self,
        show: impl Fn(&World) -> Result<T, Refusal>,
    ) -> Result<T, ServiceError> {
        self.look_at(|present| show(&present.world)).await
    }

    /// The document of all that a computer has to do, for a caller who has the one with the tag
    /// `known`: the kept one, or what `render` makes of it now. What that computer reports from
    /// then on is taken to be about what it was given here: see [`Service::given`].
    pub(crate) async fn document<E>(
        &self,
        computer: &ComputerId,
        known: Option<&str>,
        render: impl Fn(&World, &Site) -> Result<String, E>,
    ) -> Result<Result<Rendered, E>, ServiceError> {
        let look = |present: &Present| {
            let document = present.document(computer, known, &render)?;
            Ok((present.world.revision(), document))
        };
        let (revision, document) = self.look_at(look).await?;
        self.give(computer, revision);
        Ok(document)
    }

    async fn look_at<T>(
        &self,
        show: impl Fn(&Present) -> Result<T, Refusal>,
    ) -> Result<T, ServiceError> {
        loop {
            let (shown, observed) = {
                let present = self.inner.present.read();
                let present = present.map_err(|_| self.fail(Failure::HalfDone))?;
                (show(&present), Observed::of(&present))
            };
            if self.durable(observed).await? {
                return Ok(shown?);
            }
        }
    }

    /// Waits until what was observed is durable; false when it was given up.
    async fn durable(&self, observed: Observed) -> Result<bool, ServiceError> {
        let Observed { revision, term, made } = observed;
        if let Some(made) = made {
            let _said = made.await; // the term says the rest
        }
        let mut durable = true;
        if let Some(mut term) = term {
            let settled = |term: &Progress| term.durable >= revision || term.over;
            let waited = term.wait_for(settled).await;
            durable = waited.map_err(|_| ServiceError::Ending)?.durable >= revision;
        }
        if self.inner.failure.borrow().is_some() { Err(ServiceError::Ending) } else { Ok(durable) }
    }

    fn fail(&self, failure: Failure) -> ServiceError {
        self.inner.failure.send_modify(|known| {
            known.get_or_insert_with(|| Arc::new(failure));
        });
        ServiceError::Ending
    }

    /// Waits until the master has to end, and says why.
    pub async fn failed(&self) -> Arc<Failure> {
        let mut failure = self.inner.failure.subscribe();
        let failed = failure.wait_for(Option::is_some).await;
        let known = failed.ok().and_then(|failure| failure.clone());
        known.unwrap_or_else(|| Arc::new(Failure::Stopping))
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
        let present = self.inner.present.read().unwrap_or_else(PoisonError::into_inner);
        present.term.send_modify(|term| term.over = true); // for what was decided after the end
    }
}
