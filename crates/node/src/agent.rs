//! The agent: connects the master's wishes with the tasks of partitions and releases.
//!
//! ```text
//!   watch (thread, long poll) ──▶ agent ──▶ one task per release, one task per partition
//!   supervisor's events       ──▶ agent ──▶ nudge of the partition
//! ```
//!
//! Owns no state of partitions or releases: their tasks do. It may end at any moment; services
//! belong to the supervisor and go on.

use std::{
    collections::BTreeMap,
    fs::{self, File, TryLockError},
    future::Future,
    sync::{Arc, Mutex, PoisonError},
};

use camino::Utf8PathBuf;
use slapos_core::names::{PartitionId, Revision, SoftwareUrl};
use slapos_wire::{
    client::{Client, ClientError},
    v1::{Format, InstanceWish, PartitionWish, Supply, Watch},
};
use tokio::{
    sync::{Notify, Semaphore, mpsc, watch},
    task::JoinSet,
};
use tracing::Instrument;

use crate::{
    calls,
    format::{self, FormatError},
    instance::{self, Nudge, Partition},
    live,
    settings::Settings,
    software::{self, Release},
    supervise,
};

/// So many threads the runtime of an agent needs for what waits: calls of the master, the disk, and
/// URLs that promises ask.
pub const BLOCKING_THREADS: usize = 32;

/// Why the agent cannot run.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// Directories are not as they must be.
    #[error("prepare the computer")]
    Format(#[from] FormatError),
    /// Another agent of the same computer runs.
    #[error("another node runs with {path}")]
    Running {
        /// The lock.
        path: Utf8PathBuf,
    },
    /// A file or thread could not be made.
    #[error("{what}")]
    Io {
        /// The step.
        what: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The supervisor does not start.
    #[error("start the supervisor")]
    Supervisor(#[from] supervise::ClientError),
    /// The master does not want this computer.
    #[error("the master refuses computer {computer}")]
    Refused {
        /// The computer.
        computer: String,
        /// What it said.
        #[source]
        source: ClientError,
    },
}

impl AgentError {
    /// What the operator can do.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Format(error) => error.hint(),
            Self::Running { .. } => Some(
                "one node a computer: stop the other one first, with `slapos node stop`".into(),
            ),
            Self::Refused { source, .. } => source.hint(),
            Self::Io { .. } | Self::Supervisor(_) => None,
        }
    }
}

/// What every task of the node shares.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) settings: Settings,
    pub(crate) client: Client,
    pub(crate) supervisor: supervise::Client,
    /// Limits the evaluations of instances that run at the same time.
    pub(crate) evaluations: Semaphore,
    /// Limits the installations of releases that run at the same time.
    pub(crate) installations: Semaphore,
    /// Held by whoever makes, gives to a release or removes a Python environment.
    pub(crate) environments: tokio::sync::Mutex<()>,
    /// Told when a release became complete.
    pub(crate) releases_complete: watch::Sender<()>,
    /// Some process started or ended: whoever looks at processes shall see it at once.
    pub(crate) processes_changed: Notify,
    nudges: Mutex<BTreeMap<PartitionId, Arc<Nudge>>>,
}

impl Node {
    pub(crate) fn new(settings: Settings) -> Self {
        Self {
            client: Client::new(&settings.master_url),
            supervisor: supervise::Client::new(&settings.var_root),
            evaluations: Semaphore::new(settings.evaluations_max),
            installations: Semaphore::new(settings.installations_max),
            environments: tokio::sync::Mutex::default(),
            releases_complete: watch::Sender::new(()),
            processes_changed: Notify::new(),
            nudges: Mutex::default(),
            settings,
        }
    }

    /// A release became complete: partitions that wait for it look again.
    pub(crate) fn release_ready(&self, release: &SoftwareUrl) {
        tracing::debug!(%release, "ready");
        self.releases_complete.send_replace(());
        for nudge in self.nudges().values() {
            nudge.look_again();
        }
    }

    /// A process of a partition ended by itself.
    pub(crate) fn process_ended(&self, partition: &str) {
        let nudges = self.nudges();
        if let Some((_, nudge)) = nudges.iter().find(|(name, _)| name.as_str() == partition) {
            nudge.check();
        }
    }

    /// Nobody knows what was missed: every partition checks what it runs and reports it.
    pub(crate) fn check_all(&self) {
        for nudge in self.nudges().values() {
            nudge.check();
        }
    }

    fn nudges(&self) -> std::sync::MutexGuard<'_, BTreeMap<PartitionId, Arc<Nudge>>> {
        self.nudges.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs the agent until `end` is ready. Services that run stay as they are. Must be called inside
/// a tokio runtime of several threads, for some of its work waits for the disk.
pub async fn run(settings: Settings, end: impl Future<Output = ()>) -> Result<(), AgentError> {
    let declared = format::format(&settings)?;
    let _lock = lock(&settings)?;
    supervise::ensure_running(&settings.program, &settings.var_root).await?;
    let node = Arc::new(Node::new(settings));
    let mut tasks = JoinSet::new();
    let work = async {
        let (computer, format) = (node.settings.computer.clone(), declared.clone());
        let formatted =
            calls::patiently(&node.client, move |client| client.format(&computer, &format));
        let refused =
            |source| AgentError::Refused { computer: node.settings.computer.to_string(), source };
        formatted.await.map_err(refused)?;
        tracing::info!(computer = %node.settings.computer, master = node.client.url(), "ready");
        follow(&node, declared, &mut tasks).await
    };
    let result = tokio::select! {
        result = work => result,
        () = end => Ok(()),
    };
    // A task that is dropped kills what it started: an installation, an evaluation, a check.
    tasks.shutdown().await;
    result
}

fn lock(settings: &Settings) -> Result<File, AgentError> {
    let path = crate::stop::lock_path(settings);
    let failed = |source| AgentError::Io { what: format!("lock {path}"), source };
    fs::create_dir_all(settings.var_root.join("lock")).map_err(failed)?;
    let file = File::options().create(true).append(true).open(&path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => {
            crate::stop::leave_name(&file).map_err(failed)?;
            Ok(file)
        }
        Err(TryLockError::WouldBlock) => Err(AgentError::Running { path }),
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}

/// Hands what the master wishes to the tasks, for ever.
async fn follow(
    node: &Arc<Node>,
    declared: Format,
    running: &mut JoinSet<()>,
) -> Result<(), AgentError> {
    let (sender, mut wishes) = mpsc::channel(8);
    let computer = node.settings.computer.clone();
    let thread = crate::watch::follow(node.client.clone(), computer, declared, sender);
    thread.map_err(|source| AgentError::Io {
        what: "start the watch of the master".into(),
        source,
    })?;
    let mut tasks = Tasks::new(Arc::clone(node), running);
    let (observed, observers) = watch::channel(false);
    tasks.running.spawn(live::follow_events(Arc::clone(node)));
    tasks.running.spawn(live::show_processes(Arc::clone(node), observers));
    loop {
        tokio::select! {
            watch = wishes.recv() => match watch {
                Some(watch) => {
                    observed.send_if_modified(|old| std::mem::replace(old, watch.observed) != watch.observed);
                    tasks.hand_out(watch);
                }
                None => return Ok(()),
            },
            Some(ended) = tasks.running.join_next() => {
                if let Err(error) = ended && error.is_panic() {
                    std::panic::resume_unwind(error.into_panic());
                }
            }
        }
    }
}

/// The tasks and the channels to them.
struct Tasks<'a> {
    node: Arc<Node>,
    partitions: BTreeMap<PartitionId, watch::Sender<Option<InstanceWish>>>,
    releases: BTreeMap<SoftwareUrl, watch::Sender<Supply>>,
    /// Each is closed when the newest task of its release has ended.
    ends: BTreeMap<SoftwareUrl, watch::Receiver<()>>,
    running: &'a mut JoinSet<()>,
}

impl<'a> Tasks<'a> {
    fn new(node: Arc<Node>, running: &'a mut JoinSet<()>) -> Self {
        let (partitions, releases) = (BTreeMap::new(), BTreeMap::new());
        Self { node, partitions, releases, ends: BTreeMap::new(), running }
    }

    fn hand_out(&mut self, watch: Watch) {
        if watch.complete {
            let wished: Vec<_> =
                watch.supplies.iter().map(|supply| &supply.software_release).collect();
            self.releases.retain(|url, _| wished.contains(&url));
            self.ends.retain(|_, end| end.has_changed().is_ok());
            // The master, perhaps put back from a backup, may not know what it was told before.
            self.node.check_all();
        }
        for supply in watch.supplies {
            self.hand_to_release(supply, watch.complete, watch.revision);
        }
        for wish in watch.partitions {
            self.hand_to_partition(wish, watch.revision);
        }
    }

    fn hand_to_release(&mut self, supply: Supply, complete: bool, heard: Revision) {
        let url = supply.software_release.clone();
        match self.releases.get(&url) {
            // What the node itself reported comes back here; only another wish is news.
            Some(known) if !complete && software::is_same(&known.borrow(), &supply) => {}
            Some(known) => {
                known.send_replace(supply);
            }
            None => {
                let (sender, receiver) = watch::channel(supply);
                self.releases.insert(url.clone(), sender);
                let (alive, end) = watch::channel(());
                let before = self.ends.insert(url.clone(), end);
                let (computer, node) = (&self.node.settings.computer, Arc::clone(&self.node));
                let span = tracing::info_span!("at", %computer, release = %url);
                let release = span.in_scope(|| Release::new(node, url, receiver, heard));
                let task = after(before, alive, software::run(release));
                self.running.spawn(task.instrument(span));
            }
        }
    }

    fn hand_to_partition(&mut self, wish: PartitionWish, heard: Revision) {
        let name = wish.partition;
        if let Some(known) = self.partitions.get(&name) {
            known.send_if_modified(|old| {
                let changed = *old != wish.instance;
                *old = wish.instance;
                changed
            });
            return;
        }
        if !self.node.settings.partitions.iter().any(|known| known.name == name) {
            tracing::warn!(partition = %name, "the master speaks of a partition that is not configured");
            return;
        }
        let (sender, receiver) = watch::channel(wish.instance);
        let nudge = Arc::new(Nudge::default());
        self.node.nudges().insert(name.clone(), Arc::clone(&nudge));
        self.partitions.insert(name.clone(), sender);
        let (computer, node) = (&self.node.settings.computer, Arc::clone(&self.node));
        let span = tracing::info_span!("at", %computer, partition = %name);
        let partition = span.in_scope(|| Partition::new(node, name, receiver, nudge, heard));
        self.running.spawn(instance::run(partition).instrument(span));
    }
}

/// Runs a task, `alive` meanwhile, once the one before it has ended: that may be in the middle of
/// what cannot be left, as a removal, when its release is wished again.
async fn after(
    before: Option<watch::Receiver<()>>,
    alive: watch::Sender<()>,
    task: impl Future<Output = ()>,
) {
    if let Some(mut before) = before {
        let _ended = before.changed().await; // nothing is ever sent
    }
    task.await;
    drop(alive);
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn a_release_that_is_wished_again_waits_for_the_end_of_its_former_task() {
        let order = Arc::new(Mutex::new(Vec::new()));
        let (removed, removal) = oneshot::channel::<()>();
        let note = |what| {
            let order = Arc::clone(&order);
            move || order.lock().unwrap().push(what)
        };
        let (first, second) = (note("removed"), note("installed"));
        let (alive, end) = watch::channel(());
        let former = tokio::spawn(after(None, alive, async move {
            removal.await.unwrap();
            first();
        }));
        let (alive, _end) = watch::channel(());
        let again = tokio::spawn(after(Some(end), alive, async move { second() }));
        tokio::task::yield_now().await;
        removed.send(()).unwrap();
        former.await.unwrap();
        again.await.unwrap();
        assert_eq!(*order.lock().unwrap(), ["removed", "installed"]);
    }
}
