//! Who must hear of what, once it is durable: nodes that watch, people who look.
//!
//! Holds no state of the cloud: a wake-up only says "look again". It keeps the newest changes for
//! who comes to look.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use slapos_core::{
    names::{ComputerId, InstanceId, Revision},
    write::{Entry, Write},
};
use slapos_wire::v1;
use tokio::sync::{Notify, broadcast, watch};

/// Changes that one slow viewer may lag behind before it has to start again.
const CHANGES_KEPT: usize = 1024;
/// The newest changes that are kept for who comes to look.
pub(crate) const RECENT_MAX: usize = 64;

/// Something that a viewer hears.
#[derive(Debug, Clone)]
pub enum Event {
    /// A durable revision changed something.
    Change(Arc<v1::Change>),
    /// A computer sent a new sample of its processes.
    Usage(ComputerId),
}

/// The one place where wake-ups are given and taken.
#[derive(Debug)]
pub(crate) struct Hub {
    nodes: Mutex<BTreeMap<ComputerId, watch::Sender<Revision>>>,
    waiters: Mutex<Waiters>,
    next_waiter: AtomicU64,
    events: broadcast::Sender<Event>,
    viewers: watch::Sender<usize>,
    /// The newest last.
    recent: Mutex<VecDeque<Arc<v1::Change>>>,
}

impl Hub {
    pub(crate) fn new() -> Self {
        Self {
            nodes: Mutex::default(),
            waiters: Mutex::default(),
            next_waiter: AtomicU64::new(0),
            recent: Mutex::default(),
            events: broadcast::Sender::new(CHANGES_KEPT),
            viewers: watch::Sender::new(0),
        }
    }

    /// Keeps what these entries, which are durable, oldest first, did: before anybody hears that
    /// they are, so that whoever reads a revision finds its change too.
    pub(crate) fn keep(&self, entries: &[Entry]) {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let newest = &entries[entries.len().saturating_sub(RECENT_MAX)..];
        recent.extend(newest.iter().map(|entry| Arc::new(crate::documents::change(entry))));
        let surplus = recent.len().saturating_sub(RECENT_MAX);
        recent.drain(..surplus);
    }

    /// The newest changes up to a revision, newest first; at most `limit` of those that are kept.
    pub(crate) fn recent(&self, up_to: Revision, limit: usize) -> Vec<Arc<v1::Change>> {
        let recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = recent.iter().rev().filter(|change| change.revision <= up_to);
        seen.take(limit).cloned().collect()
    }

    /// Tells whoever is concerned by an entry that is durable now.
    pub(crate) fn publish(&self, entry: &Entry) {
        {
            let nodes = self.nodes.lock().unwrap_or_else(PoisonError::into_inner);
            for computer in concerned(entry) {
                if let Some(node) = nodes.get(computer) {
                    node.send_replace(entry.revision);
                }
            }
        }
        {
            let waiters = self.waiters();
            for id in entry.writes.iter().filter_map(changed_instance) {
                waiters.range((id, 0)..=(id, u64::MAX)).for_each(|(_, told)| told.notify_one());
            }
        }
        if self.events.receiver_count() > 0 {
            let change = Arc::new(crate::documents::change(entry));
            drop(self.events.send(Event::Change(change))); // fails when nobody looks any more
        }
    }

    /// Tells viewers of a new sample.
    pub(crate) fn publish_usage(&self, computer: &ComputerId) {
        drop(self.events.send(Event::Usage(computer.clone()))); // fails when nobody looks
    }

    /// Hears from now on when a computer must look again. The computer must exist.
    pub(crate) fn node(&self, computer: &ComputerId) -> watch::Receiver<Revision> {
        let mut nodes = self.nodes.lock().unwrap_or_else(PoisonError::into_inner);
        nodes.entry(computer.clone()).or_insert_with(|| watch::Sender::new(Revision(0))).subscribe()
    }

    /// Hears from now on when an instance changes, or is gone.
    pub(crate) fn wait_for(self: &Arc<Self>, id: InstanceId) -> Waiter {
        let place = (id, self.next_waiter.fetch_add(1, Ordering::Relaxed));
        let told = Arc::new(Notify::new());
        self.waiters().insert(place, Arc::clone(&told));
        Waiter { place, told, hub: Arc::clone(self) }
    }

    fn waiters(&self) -> MutexGuard<'_, Waiters> {
        self.waiters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many look now.
    pub(crate) fn viewers(&self) -> watch::Receiver<usize> {
        self.viewers.subscribe()
    }

    /// Looks from now on; nodes are asked for samples while the viewer lives.
    pub(crate) fn look(self: &Arc<Self>) -> Viewer {
        self.viewers.send_modify(|count| *count += 1);
        Viewer { events: self.events.subscribe(), hub: Arc::clone(self) }
    }
}

/// One who looks. Nodes send samples of their processes as long as one of these lives.
#[derive(Debug)]
pub struct Viewer {
    events: broadcast::Receiver<Event>,
    hub: Arc<Hub>,
}

impl Viewer {
    /// The next thing that happens; `None` when the master stops or this viewer lags so far
    /// behind that it has to look at everything again.
    pub async fn next(&mut self) -> Option<Event> {
        self.events.recv().await.ok()
    }
}

impl Drop for Viewer {
    fn drop(&mut self) {
        self.hub.viewers.send_modify(|count| *count -= 1);
    }
}

/// Those who wait for a change, by the instance that they wait for and the number of each.
type Waiters = BTreeMap<(InstanceId, u64), Arc<Notify>>;

/// One who waits for a change of one instance, and is told of no other.
#[derive(Debug)]
pub(crate) struct Waiter {
    place: (InstanceId, u64),
    told: Arc<Notify>,
    hub: Arc<Hub>,
}

impl Waiter {
    /// Resolves when the instance has changed since this was last asked, or since the waiter is.
    pub(crate) async fn changed(&self) {
        self.told.notified().await;
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        self.hub.waiters().remove(&self.place);
    }
}

fn changed_instance(write: &Write) -> Option<InstanceId> {
    match write {
        Write::RemoveInstance(id) => Some(*id),
        other => other.instance(),
    }
}

/// The computers whose node must hear something of an entry.
fn concerned(entry: &Entry) -> BTreeSet<&ComputerId> {
    entry.writes.iter().filter_map(|write| hears(write, entry.revision)).collect()
}

fn hears(write: &Write, revision: Revision) -> Option<&ComputerId> {
    match write {
        Write::PutInstance(row) if row.told_in == revision => {
            row.place.as_ref().map(|place| &place.computer)
        }
        Write::PutPartition(row) if row.changed == revision => Some(&row.place.computer),
        Write::PutSupply(row) if row.wished_at == revision => Some(&row.computer),
        _ => None,
    }
}
