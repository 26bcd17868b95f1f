//! Instances: what was requested, where it lives, what its node says, what it published.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};

use super::{Dictionary, Place};
use crate::{
    allocate::placement::{Class, Placement},
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
    /// Counts the wishes: release, type, parameters, state.
    pub generation: Generation,
    /// Counts what happened to what it requested, and bangs.
    pub news: u64,
    /// The revision of the newest thing that its node must hear.
    pub wished_at: Revision,
    /// Where it lives, from the moment it got a partition until its node confirmed its removal.
    pub place: Option<Place>,
    /// What its node last said.
    pub report: Option<Report>,
    /// The last error's text, until it is up or stopped again.
    pub error: Option<Arc<str>>,
    /// What came out, as its requester sees it: published by a pass whose promises were green.
    pub connection: Arc<Dictionary>,
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

impl Instance {
    /// True for the instance at the top of its tree.
    pub fn is_root(&self) -> bool {
        self.id == self.root
    }

    /// What its node said about the present wish; `None` before it said anything about it.
    pub fn current_report(&self) -> Option<&Report> {
        self.report.as_ref().filter(|report| report.generation == self.generation)
    }

    /// True when it waits for a partition.
    pub fn waits(&self) -> bool {
        self.place.is_none() && self.wished != WishedState::Destroyed
    }

    /// The requests that any partition that serves this one serves too.
    pub(crate) fn class(&self) -> Class {
        Class {
            release: self.release.clone(),
            computer: self.placement.computer.clone(),
            capability: self.placement.capability.clone(),
        }
    }
}

/// All instances, with their indexes.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Instances {
    pub(crate) rows: BTreeMap<InstanceId, Instance>,
    pub(crate) roots: BTreeMap<(PersonId, Title), InstanceId>,
    pub(crate) trees: BTreeMap<InstanceId, BTreeMap<Title, InstanceId>>,
    pub(crate) children: SetMap<InstanceId, InstanceId>,
    pub(crate) titles: SetMap<Title, InstanceId>,
    /// Those without a partition, oldest first in each class.
    pub(crate) waiting: SetMap<Class, InstanceId>,
}

impl Instances {
    pub(crate) fn remove(&mut self, id: InstanceId) -> Option<Instance> {
        let old = self.rows.remove(&id)?;
        if old.is_root() {
            self.roots.remove(&(old.person.clone(), old.title.clone()));
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
        if old.waits() {
            self.waiting.remove(&old.class(), &id);
        }
        Some(old)
    }

    pub(crate) fn insert(&mut self, new: Instance) {
        let id = new.id;
        if new.is_root() {
            self.roots.insert((new.person.clone(), new.title.clone()), id);
        }
        self.trees.entry(new.root).or_default().insert(new.title.clone(), id);
        if let Some(requester) = new.requester {
            self.children.insert(requester, id);
        }
        self.titles.insert(new.title.clone(), id);
        if new.waits() {
            self.waiting.insert(new.class(), id);
        }
        self.rows.insert(id, new);
    }
}
