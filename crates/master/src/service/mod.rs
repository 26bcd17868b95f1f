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
mod history;
mod kept;
mod piece;
mod present;
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
    names::{ComputerId, Revision},
    policy::Policy,
    refusal::Refusal,
    world::{ApplyError, Site, World},
};
use tokio::sync::{oneshot, watch};

use self::{
    backlog::Backlog,
    committer::Job,
    present::{Present, Progress},
};
pub use self::{
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
    /// The disk is full. Nothing has changed.
    #[error("the disk of the master is full: no change is taken until there is room")]
    DiskFull,
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

impl ServiceError {
    /// In how many seconds to come again, of what passes: nobody makes room on a disk in one.
    pub(crate) fn retry_after(&self) -> &'static str {
        if matches!(self, Self::DiskFull) { "10" } else { "1" }
    }
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

#[cfg(test)]
mod tests {
    use std::{
        task::{Context, Poll, Waker},
        time::Duration,
    };

    use slapos_core::{
        decide::{Format, Request, Requester},
        names::{ComputerId, PersonId},
    };
    use tower::ServiceExt;

    use super::*;

    async fn format(service: &Service, number: u64) -> Result<(), ServiceError> {
        let computer: ComputerId = format!("COMP-{number}").try_into().unwrap();
        let actor = Actor::Computer(computer.clone());
        let ask = Ask::Format(Format { computer, partitions: vec![] });
        service.act(Origin::Inside, |_| Ok((ask, actor)), |_, _| ()).await
    }

    async fn request(service: &Service, number: u64, bytes: usize) -> Result<(), ServiceError> {
        let ask = Ask::Request(Request {
            requester: Requester::Person(PersonId::admin()),
            title: format!("app-{number}").try_into().unwrap(),
            release: "software/db".try_into().unwrap(),
            software_type: "default".try_into().unwrap(),
            parameters: Some([("filling".to_owned(), "x".repeat(bytes))].into()),
            placement: [].into(),
            shared: false,
            state: None,
        });
        let actor = Actor::Operator(PersonId::admin());
        service.act(Origin::Inside, |_| Ok((ask, actor)), |_, _| ()).await
    }

    #[tokio::test]
    async fn large_changes_whose_callers_are_gone_are_not_gathered_without_end() {
        let data = tempfile::TempDir::new().unwrap();
        let database = data.path().join("master.sqlite");
        let service = Service::open(&database, Policy::default()).unwrap();
        let other = rusqlite::Connection::open(&database).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        let size = BACKLOG_BYTES_MAX / 8;
        let mut context = Context::from_waker(Waker::noop());
        let mut refused = None;
        for number in 0..10 {
            let mut call = Box::pin(request(&service, number, size));
            if let Poll::Ready(answer) = call.as_mut().poll(&mut context) {
                refused = Some((number, answer));
                break;
            }
            drop(call); // its caller hangs up
        }
        let Some((8, Err(ServiceError::Busy))) = refused else { panic!("{refused:?}") };
        other.execute_batch("ROLLBACK").unwrap();
        while service.inner.backlog.bytes() > 0 {
            tokio::task::yield_now().await;
        }
        request(&service, 9, size).await.unwrap();
        let found = service.instances(None, None, &Piece::whole()).await.unwrap().items;
        assert_eq!(found.len(), 9, "what was decided is kept, whoever hung up");
    }

    /// Each process of old clients begins with this call: nothing that goes on here may delay it.
    #[test]
    fn where_the_hateoas_documents_are_is_answered_whatever_the_world_is_busy_with() {
        let data = tempfile::TempDir::new().unwrap();
        let service = Service::open(&data.path().join("master.sqlite"), Policy::default()).unwrap();
        let authority = crate::Authority::open(data.path()).unwrap();
        let router =
            crate::router(service.clone(), authority, crate::FaceSettings::default()).unwrap();
        let call = |path: &'static str| {
            let (router, (say, said)) = (router.clone(), mpsc::channel());
            std::thread::spawn(move || {
                let request = axum::http::Request::get(path).header("host", "master:5000");
                let request = request.body(axum::body::Body::empty()).unwrap();
                let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
                let answer = runtime.unwrap().block_on(router.oneshot(request));
                say.send(answer.unwrap().status()).unwrap();
            });
            said
        };
        let busy = service.inner.present.write().unwrap();
        let other = call("/v1/health");
        let status = call("/getHateoasUrl").recv_timeout(Duration::from_secs(60));
        assert_eq!(status.unwrap(), 200);
        assert!(other.try_recv().is_err(), "the world is busy");
        drop(busy);
        assert_eq!(other.recv_timeout(Duration::from_secs(60)).unwrap(), 200);
        service.close();
        let status = call("/getHateoasUrl").recv_timeout(Duration::from_secs(60));
        assert_eq!(status.unwrap(), 200, "the one writer is gone");
        let status = call("/v1/health").recv_timeout(Duration::from_secs(60));
        assert_eq!(status.unwrap(), 503);
    }

    #[tokio::test]
    async fn when_too_much_waits_for_the_disk_callers_are_asked_to_come_again() {
        let data = tempfile::TempDir::new().unwrap();
        let database = data.path().join("master.sqlite");
        let service = Service::open(&database, Policy::default()).unwrap();
        // another writer holds the disk up
        let other = rusqlite::Connection::open(&database).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        let mut context = Context::from_waker(Waker::noop());
        let mut waiting: Vec<_> =
            (0..BACKLOG_MAX).map(|number| Box::pin(format(&service, number))).collect();
        for call in &mut waiting {
            assert!(call.as_mut().poll(&mut context).is_pending());
        }
        let refused = format(&service, BACKLOG_MAX).await;
        assert!(matches!(refused, Err(ServiceError::Busy)), "{refused:?}");
        other.execute_batch("ROLLBACK").unwrap();
        for call in waiting {
            call.await.unwrap();
        }
        format(&service, BACKLOG_MAX).await.unwrap();
        assert_eq!(
            service.computers(&Piece::whole()).await.unwrap().items.len() as u64,
            BACKLOG_MAX + 1
        );
    }
}
