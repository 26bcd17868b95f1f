//! Everything that the master knows, as typed rows with the indexes that decisions need.
//!
//! Changed only by [`World::commit`], one [`Entry`](crate::write::Entry) at a time. Never reads a
//! clock or a disk.
//!
//! # Invariants
//! - A partition holds at most one instance; an instance is in at most one partition.
//! - Each index equals what a rebuild from the rows would give.
//! - Revisions have no repeat, and no gap but where a backup was put back ([`Entry::of_restore`]).

mod apply;
mod computers;
mod instances;
mod partitions;
mod supplies;
mod tokens;

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
};

pub use self::{
    apply::ApplyError,
    computers::{AllocationScope, Computer, Site},
    instances::{Instance, Outcome, Promise, Report},
    partitions::{Partition, Place, Route},
    supplies::Supply,
    tokens::{Token, TokenDigest},
};
pub(crate) use self::{apply::Effect, instances::Instances};
use crate::{
    allocate::candidates::Offers,
    names::{ComputerId, InstanceId, PersonId, Revision, SoftwareUrl, Title, WishedState},
    policy::Policy,
    refusal::Refusal,
    write::{Entry, Write},
};

/// Texts by name, in order of name: parameters or connection values.
pub type Dictionary = BTreeMap<String, String>;

/// The whole state at one revision.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct World {
    /// The rules; not part of the journal.
    pub(crate) policy: Policy,
    pub(crate) revision: Revision,
    pub(crate) sites: BTreeMap<ComputerId, Site>,
    /// Computers that were asked to have a release, whatever became of it.
    pub(crate) supplied: BTreeMap<SoftwareUrl, BTreeSet<ComputerId>>,
    pub(crate) instances: Instances,
    pub(crate) offers: Offers,
    pub(crate) tokens: BTreeMap<TokenDigest, Token>,
}

impl World {
    /// This world under other rules.
    pub fn with_policy(mut self, policy: Policy) -> Self {
        let same_places = self.policy.places == policy.places;
        self.policy = policy;
        if !same_places {
            self.renew_offers();
        }
        self
    }

    /// The rules.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The revision of this state; 0 when nothing was ever committed.
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// The revision that the next commit will have.
    pub fn next_revision(&self) -> Revision {
        Revision(self.revision.0 + 1)
    }

    /// All computers with what is on them, in order of name.
    pub fn sites(&self) -> impl Iterator<Item = &Site> {
        self.sites.values()
    }

    /// The computers whose names follow one, which may be unknown, in order of name.
    pub fn sites_beyond<'w>(
        &'w self,
        after: &ComputerId,
    ) -> impl Iterator<Item = &'w Site> + use<'w> {
        self.sites.range((Bound::Excluded(after), Bound::Unbounded)).map(|it| it.1)
    }

    /// One computer with what is on it.
    pub fn site(&self, computer: &ComputerId) -> Result<&Site, Refusal> {
        self.sites.get(computer).ok_or_else(|| {
            let known = self.sites.keys().map(ComputerId::as_str);
            let nearest = slapos_nearest::nearest(computer.as_str(), known)
                .and_then(|name| name.try_into().ok());
            Refusal::UnknownComputer { computer: computer.clone(), nearest }
        })
    }

    /// The computers that were asked to have a release, with what became of it.
    pub fn supplies_of(&self, release: &SoftwareUrl) -> impl Iterator<Item = (&Site, &Supply)> {
        self.supplied.get(release).into_iter().flatten().filter_map(|computer| {
            let site = self.sites.get(computer)?;
            Some((site, site.supply(release)?))
        })
    }

    /// One instance.
    pub fn instance(&self, id: InstanceId) -> Option<&Instance> {
        self.instances.rows.get(&id)
    }

    /// One instance, or the refusal that says it is unknown.
    pub fn known_instance(&self, id: InstanceId) -> Result<&Instance, Refusal> {
        self.instance(id).ok_or(Refusal::UnknownInstance(id))
    }

    /// All instances, oldest first.
    pub fn instances(&self) -> impl Iterator<Item = &Instance> {
        self.instances.rows.values()
    }

    /// The instances that are younger than one, which may be gone; oldest first.
    pub fn instances_beyond(&self, after: InstanceId) -> impl Iterator<Item = &Instance> {
        self.instances.rows.range((Bound::Excluded(after), Bound::Unbounded)).map(|it| it.1)
    }

    /// The instances of a title, in whatever tree, oldest first.
    pub fn titled(&self, title: &Title) -> impl Iterator<Item = &Instance> {
        self.instances.titles.of(title).filter_map(|id| self.instance(*id))
    }

    /// The root that a person requested under a title.
    pub fn root(&self, person: &PersonId, title: &Title) -> Option<&Instance> {
        let id = self.instances.roots.get(person)?.get(title)?;
        self.instance(*id)
    }

    /// The instance of a title in the tree of a root (the root included).
    pub fn in_tree(&self, root: InstanceId, title: &Title) -> Option<&Instance> {
        let id = self.instances.trees.get(&root)?.get(title)?;
        self.instance(*id)
    }

    /// All instances of a tree, in order of title.
    pub fn tree(&self, root: InstanceId) -> impl Iterator<Item = &Instance> {
        let titles = self.instances.trees.get(&root).into_iter();
        titles.flat_map(BTreeMap::values).filter_map(|id| self.instance(*id))
    }

    /// What an instance requested, oldest first.
    pub fn children(&self, id: InstanceId) -> impl Iterator<Item = &Instance> {
        self.instances.children.of(&id).filter_map(|child| self.instance(*child))
    }

    /// The shared instances that an instance serves, oldest first.
    pub fn guests(&self, id: InstanceId) -> impl Iterator<Item = &Instance> {
        self.instances.guests.of(&id).filter_map(|guest| self.instance(*guest))
    }

    /// Those of them that shall run: what the instance's node must know of.
    pub fn served(&self, id: InstanceId) -> impl Iterator<Item = &Instance> {
        self.guests(id).filter(|guest| guest.wished == WishedState::Started)
    }

    /// Where an instance lives: in its partition, or a shared one in that of its host.
    pub fn place_of<'w>(&'w self, it: &'w Instance) -> Option<&'w Place> {
        match it.host {
            Some(host) => self.instance(host)?.place.as_ref(),
            None => it.place.as_ref(),
        }
    }

    /// The computers on which an entry, the last one of this world, changed anything: a partition,
    /// who lives there or is served from there, a release.
    pub fn touched<'w>(&'w self, entry: &'w Entry) -> impl Iterator<Item = &'w ComputerId> {
        entry.writes.iter().filter_map(|write| match write {
            Write::PutComputer(row) => Some(&row.id),
            Write::PutPartition(row) => Some(&row.place.computer),
            Write::RemovePartition(place) => Some(&place.computer),
            Write::PutSupply(row) => Some(&row.computer),
            Write::RemoveSupply { computer, .. } => Some(computer),
            Write::PutInstance(row) => self.place_of(row).map(|place| &place.computer),
            Write::PutOutcome(outcome) => {
                self.instance(outcome.id).and_then(|it| self.place_of(it)).map(|it| &it.computer)
            }
            // whoever leaves a place or a host changes that, too
            Write::RemoveInstance(_)
            | Write::PutToken(_)
            | Write::RemoveToken(_)
            | Write::SkipRevisions { .. } => None,
        })
    }

    /// The requesters of an instance, nearest first, up to the root.
    pub fn ancestors(&self, id: InstanceId) -> impl Iterator<Item = &Instance> {
        let above = |it: &Instance| it.requester.and_then(|id| self.instance(id));
        std::iter::successors(self.instance(id).and_then(above), move |it| above(it))
    }

    /// A partition with the instance that lives there, or the refusal that says what is unknown.
    pub fn partition(&self, place: &Place) -> Result<(&Partition, Option<&Instance>), Refusal> {
        let unknown = || Refusal::UnknownPartition {
            computer: place.computer.clone(),
            partition: place.partition.clone(),
        };
        let slot = self.site(&place.computer)?.slot(&place.partition).ok_or_else(unknown)?;
        Ok((&slot.row, slot.occupant.and_then(|id| self.instance(id))))
    }

    /// The instance that lives in a partition, or the refusal that says why there is none.
    pub fn occupant(&self, place: &Place) -> Result<&Instance, Refusal> {
        let empty = || Refusal::EmptyPartition {
            computer: place.computer.clone(),
            partition: place.partition.clone(),
        };
        self.partition(place)?.1.ok_or_else(empty)
    }
}
