//! Instances: what was requested, where it lives, what its node says, what it published.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use serde::{Deserialize, Serialize};

use super::{Dictionary, Place};
use crate::{
    allocate::placement::{Class, Placement, Traits},
    index::SetMap,
    names::{
        Generation, InstanceId, PersonId, ReportedState, Revision, SoftwareType, SoftwareUrl,
        Timestamp, Title, WishedState,
    },
};

/// One instance: the row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instance {
    /// Its identity: the number of the revision that created it, so never given twice.
    pub id: InstanceId,
    /// Its title, unique in its tree.
    pub title: Title,
    /// The root of its tree; itself for a root.
    pub root: InstanceId,
    /// The instance that asked for it last; `None` for a root.
    pub requester: Option<InstanceId>,
    /// The person whose tree it is.
    pub person: PersonId,
    /// The release.
    pub release: SoftwareUrl,
    /// The entry of the release.
    pub software_type: SoftwareType,
    /// True when it has no partition of its own and is served by another instance, its host.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub shared: bool,
    /// What went in.
    pub parameters: Arc<Dictionary>,
    /// Conditions on where.
    pub placement: Placement,
    /// What its requester asked for.
    pub asked: WishedState,
    /// A person stopped it, whatever its requester asks. Never true for a root.
    pub held: bool,
    /// What its node shall do: what was asked, unless it or its tree is stopped or the requester
    /// goes.
    pub wished: WishedState,
    /// Tells wishes apart: title, release, type, parameters, state.
    pub generation: Generation,
    /// Counts what happened to what it requested or hosts, and bangs.
    pub news: u64,
    /// The revision of the newest thing that its node must hear.
    pub told_in: Revision,
    /// The same as a time that only grows: what old nodes compare (protocol, section 6).
    pub told_at: Timestamp,
    /// Where it lives, from the moment it got a partition until its node confirmed its removal.
    pub place: Option<Place>,
    /// The instance that serves it, if it is a shared one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<InstanceId>,
    /// Its requester did not ask for it in its last complete pass.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unrequested: bool,
    /// What its node last said.
    pub report: Option<Report>,
    /// The last error's text, until it is up or stopped again.
    pub error: Option<Arc<str>>,
    /// What came out, as its requester sees it: published by a pass whose promises were green.
    pub connection: Arc<Dictionary>,
    /// When that last changed; 0 when nothing came out yet.
    #[serde(default)]
    pub published_at: Timestamp,
    /// What came out of a pass whose promises are not green yet.
    pub unproven: Option<Arc<Dictionary>>,
    /// When it was first requested.
    pub created_at: Timestamp,
    /// When the row last changed.
    pub changed_at: Timestamp,
    /// The revision of the last change of the row.
    pub revision: Revision,
}

/// What a node said of an instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The generation of the wish that it is about.
    pub generation: Generation,
    /// What it is.
    pub state: ReportedState,
    /// One sentence: what it waits for, or the error (its last 64 KiB).
    pub text: Option<Arc<str>>,
    /// Its promises, all of them.
    pub promises: Vec<Promise>,
    /// The revision that took it in.
    #[serde(default)]
    pub taken_in: Revision,
}

/// A check of an instance and its last result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promise {
    /// Its name.
    pub name: String,
    /// True when green.
    pub ok: bool,
    /// What the check said.
    pub message: String,
}

/// What came out of an instance: what its node says, and what it published. Kept apart in the
/// journal, since that changes far more often than all else of the row, and is a small part of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// The instance.
    pub id: InstanceId,
    /// What its node last said.
    pub report: Option<Report>,
    /// See [`Instance::error`].
    pub error: Option<Arc<str>>,
    /// See [`Instance::connection`].
    pub connection: Arc<Dictionary>,
    /// When that last changed; 0 when nothing came out yet.
    pub published_at: Timestamp,
    /// See [`Instance::unproven`].
    pub unproven: Option<Arc<Dictionary>>,
    /// When the row last changed.
    pub changed_at: Timestamp,
    /// The revision of the last change of the row.
    pub revision: Revision,
}

impl Instance {
    /// What came out of it.
    pub fn outcome(&self) -> Outcome {
        Outcome {
            id: self.id,
            report: self.report.clone(),
            error: self.error.clone(),
            connection: Arc::clone(&self.connection),
            published_at: self.published_at,
            unproven: self.unproven.clone(),
            changed_at: self.changed_at,
            revision: self.revision,
        }
    }

    /// Takes what came out of it.
    pub fn take(&mut self, outcome: Outcome) {
        let Outcome { id: _, report, error, connection, .. } = outcome;
        let Outcome { published_at, unproven, changed_at, revision, .. } = outcome;
        (self.report, self.error, self.connection) = (report, error, connection);
        (self.published_at, self.unproven) = (published_at, unproven);
        (self.changed_at, self.revision) = (changed_at, revision);
    }

    /// True when nothing differs from another row of this instance but what came out.
    pub(crate) fn differs_in_outcome_only(&self, other: &Self) -> bool {
        let mut same = other.clone();
        same.take(self.outcome());
        same == *self
    }

    /// True for the instance at the top of its tree.
    pub fn is_root(&self) -> bool {
        self.id == self.root
    }

    /// What its node said about the present wish; `None` before it said anything about it.
    pub fn current_report(&self) -> Option<&Report> {
        self.report.as_ref().filter(|report| report.generation == self.generation)
    }

    /// True when it waits for a partition, or for a host if it is a shared one.
    pub fn waits(&self) -> bool {
        self.place.is_none() && self.host.is_none() && self.wished != WishedState::Destroyed
    }

    /// True when it can serve shared instances.
    pub fn hosts(&self) -> bool {
        !self.shared && self.place.is_some() && self.wished == WishedState::Started
    }

    /// True when every index has the same of both rows.
    fn is_filed_as(&self, other: &Self) -> bool {
        let states =
            |it: &Self| (it.root, it.requester, it.host, it.shared, it.waits(), it.hosts());
        states(self) == states(other)
            && self.title == other.title
            && self.person == other.person
            && self.release == other.release
            && self.software_type == other.software_type
            && self.placement == other.placement
    }

    /// The requests that any partition that serves this one serves too.
    pub(crate) fn class(&self) -> Class {
        Class {
            release: self.release.clone(),
            computer: self.placement.computer.clone(),
            capability: self.placement.capability.clone(),
            traits: self.placement.traits.clone(),
            apart: self.placement.unique_by_network.then_some(self.root),
        }
    }

    /// What a host and whom it serves have in common.
    pub(crate) fn service(&self) -> Service {
        Service {
            person: self.person.clone(),
            release: self.release.clone(),
            software_type: self.software_type.clone(),
        }
    }

    /// Marks that its node must hear of it: in this revision, at this time.
    pub(crate) fn tell(&mut self, revision: Revision, now: Timestamp) {
        self.told_in = revision;
        self.told_at = now.max(Timestamp(self.told_at.0 + 1));
    }

    /// Marks another wish for its node.
    pub(crate) fn renew(&mut self, revision: Revision, now: Timestamp) {
        self.generation = revision.into();
        self.tell(revision, now);
    }
}

/// What a host and whom it serves have in common. Only a person's own instances serve that
/// person's shared instances.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Service {
    pub(crate) person: PersonId,
    pub(crate) release: SoftwareUrl,
    pub(crate) software_type: SoftwareType,
}

/// All instances, with their indexes.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Instances {
    pub(crate) rows: BTreeMap<InstanceId, Instance>,
    /// Without order, since every request looks here.
    pub(crate) roots: HashMap<PersonId, HashMap<Title, InstanceId>>,
    pub(crate) trees: BTreeMap<InstanceId, BTreeMap<Title, InstanceId>>,
    pub(crate) children: SetMap<InstanceId, InstanceId>,
    pub(crate) titles: SetMap<Title, InstanceId>,
    /// Those without a partition, oldest first in each class.
    pub(crate) waiting: SetMap<Class, InstanceId>,
    /// Shared ones without a host, oldest first.
    pub(crate) seeking: SetMap<Service, InstanceId>,
    /// Those that can host shared ones, the best first.
    pub(crate) hosts: SetMap<Service, Host>,
    /// Shared ones by host.
    pub(crate) guests: SetMap<InstanceId, InstanceId>,
    /// Those whose placement names traits.
    pub(crate) choosy: SetMap<Traits, InstanceId>,
}

impl Instances {
    /// Puts a row in, and returns the one that was there. Indexes are left alone when nothing in
    /// them would differ, as when it publishes or reports: that is most of what happens.
    pub(crate) fn put(&mut self, new: Instance) -> Option<Instance> {
        match self.rows.get_mut(&new.id) {
            Some(old) if old.is_filed_as(&new) => Some(std::mem::replace(old, new)),
            _ => {
                let old = self.remove(new.id);
                self.insert(new);
                old
            }
        }
    }

    pub(crate) fn remove(&mut self, id: InstanceId) -> Option<Instance> {
        let old = self.rows.remove(&id)?;
        if old.is_root()
            && let Some(roots) = self.roots.get_mut(&old.person)
        {
            roots.remove(&old.title);
            if roots.is_empty() {
                self.roots.remove(&old.person);
            }
        }
        if let Some(tree) = self.trees.get_mut(&old.root) {
            tree.remove(&old.title);
            if tree.is_empty() {
                self.trees.remove(&old.root);
            }
        }
        if let Some(requester) = old.requester {
            self.children.remove(&requester, &id);
        }
        self.titles.remove(&old.title, &id);
        self.file(&old, Filing::Remove);
        Some(old)
    }

    fn insert(&mut self, new: Instance) {
        let id = new.id;
        if new.is_root() {
            self.roots.entry(new.person.clone()).or_default().insert(new.title.clone(), id);
        }
        self.trees.entry(new.root).or_default().insert(new.title.clone(), id);
        if let Some(requester) = new.requester {
            self.children.insert(requester, id);
        }
        self.titles.insert(new.title.clone(), id);
        self.file(&new, Filing::Insert);
        self.rows.insert(id, new);
    }

    /// Keeps the indexes of allocation.
    fn file(&mut self, it: &Instance, filing: Filing) {
        if it.waits() && it.shared {
            filing.apply(&mut self.seeking, it.service(), it.id);
        } else if it.waits() {
            filing.apply(&mut self.waiting, it.class(), it.id);
        }
        if !it.placement.traits.is_empty() {
            filing.apply(&mut self.choosy, it.placement.traits.clone(), it.id);
        }
        if it.hosts() {
            let burden = self.guests.count(&it.id);
            filing.apply(&mut self.hosts, it.service(), Host::new(it, burden));
        }
        if let Some(host) = it.host {
            self.move_guest(host, it.id, filing);
        }
    }

    /// A host serves one more or one fewer.
    fn move_guest(&mut self, host: InstanceId, guest: InstanceId, filing: Filing) {
        let before = self.guests.count(&host);
        filing.apply(&mut self.guests, host, guest);
        let after = self.guests.count(&host);
        if let Some(it) = self.rows.get(&host).filter(|it| it.hosts()) {
            self.hosts.remove(&it.service(), &Host::new(it, before));
            self.hosts.insert(it.service(), Host::new(it, after));
        }
    }
}

/// How good a host is. Smaller is better: the order of the fields is the policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Host {
    /// Another instance requested it for itself, and may do away with it: prefer what a person
    /// requested.
    requested_by_instance: bool,
    /// So many it serves already.
    serves: usize,
    /// Then the oldest.
    pub(crate) id: InstanceId,
}

impl Host {
    fn new(it: &Instance, serves: usize) -> Self {
        Self { requested_by_instance: !it.is_root(), serves, id: it.id }
    }
}

/// Into an index, or out of it.
#[derive(Debug, Clone, Copy)]
enum Filing {
    Insert,
    Remove,
}

impl Filing {
    fn apply<K: Ord, V: Ord>(self, index: &mut SetMap<K, V>, key: K, value: V) {
        match self {
            Self::Insert => index.insert(key, value),
            Self::Remove => index.remove(&key, &value),
        }
    }
}
