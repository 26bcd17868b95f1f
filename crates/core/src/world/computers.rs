//! A computer and everything on it: its partitions, its releases, and what its node must hear.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{
    Partition, Supply,
    partitions::{Slot, Slots},
};
use crate::{
    allocate::placement::Traits,
    index::SetMap,
    names::{ComputerId, InstanceId, PartitionId, Revision, SoftwareUrl, Title},
};

/// Whether a computer takes new instances.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AllocationScope {
    /// It does.
    #[default]
    Open,
    /// It does not; what is there stays.
    Closed,
    /// It does not, and its operator wants it empty.
    Draining,
}

impl AllocationScope {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closed => "closed",
            Self::Draining => "draining",
        }
    }
}

impl std::fmt::Display for AllocationScope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// One computer: the row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Computer {
    /// Its name.
    pub id: ComputerId,
    /// What people call it, if it joined by a token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<Title>,
    /// The revision that gave it the certificate that counts, which is the number of that
    /// certificate; `None`: none does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<Revision>,
    /// Whether it takes new instances.
    pub allocation: AllocationScope,
    /// At most so many of its partitions are given away; `None`: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<u32>,
    /// What requests can choose it by, e.g. `region`: `europe/west`.
    #[serde(default, skip_serializing_if = "Traits::is_empty")]
    pub traits: Traits,
}

impl Computer {
    /// A computer as it is when its node first speaks.
    pub(crate) fn new(id: ComputerId) -> Self {
        let allocation = AllocationScope::default();
        Self {
            id,
            title: None,
            certificate: None,
            allocation,
            capacity: None,
            traits: Traits::new(),
        }
    }
}

/// A computer with what is on it.
#[derive(Debug, Clone, PartialEq)]
pub struct Site {
    pub(crate) computer: Computer,
    pub(crate) slots: Slots,
    pub(crate) supplies: BTreeMap<SoftwareUrl, Supply>,
    /// Releases by the revision of their last wish.
    pub(crate) supply_changes: BTreeSet<(Revision, SoftwareUrl)>,
    /// Instances here by release.
    pub(crate) uses: SetMap<SoftwareUrl, InstanceId>,
}

impl Site {
    pub(crate) fn new(computer: Computer) -> Self {
        Self {
            computer,
            slots: Slots::default(),
            supplies: BTreeMap::new(),
            supply_changes: BTreeSet::new(),
            uses: SetMap::default(),
        }
    }

    /// The computer itself.
    pub fn computer(&self) -> &Computer {
        &self.computer
    }

    /// Its partitions with who lives there, in order of name.
    pub fn partitions(&self) -> impl Iterator<Item = (&Partition, Option<InstanceId>)> {
        self.slots.rows.values().map(|slot| (&slot.row, slot.occupant))
    }

    /// How many of its partitions hold an instance, and how many there are.
    pub fn busy(&self) -> (usize, usize) {
        (self.slots.busy, self.slots.rows.len())
    }

    /// One partition with who lives there.
    pub fn partition(&self, name: &PartitionId) -> Option<(&Partition, Option<InstanceId>)> {
        self.slot(name).map(|slot| (&slot.row, slot.occupant))
    }

    /// Its releases, in order of URL.
    pub fn supplies(&self) -> impl Iterator<Item = &Supply> {
        self.supplies.values()
    }

    /// True when it would take one more instance, if a partition is free.
    pub(crate) fn takes_more(&self) -> bool {
        let room = |capacity: u32| self.slots.busy < capacity as usize;
        self.computer.allocation == AllocationScope::Open && self.computer.capacity.is_none_or(room)
    }

    /// One release on it.
    pub fn supply(&self, release: &SoftwareUrl) -> Option<&Supply> {
        self.supplies.get(release)
    }

    /// The instances here that use a release, oldest first.
    pub fn users_of(&self, release: &SoftwareUrl) -> impl Iterator<Item = InstanceId> {
        self.uses.of(release).copied()
    }

    /// Partitions about which the node must hear something newer than a revision.
    pub fn changed_partitions(&self, since: Revision) -> impl Iterator<Item = &PartitionId> {
        let newest_first = self.slots.changes.iter().rev();
        newest_first.take_while(move |(revision, _)| *revision > since).map(|(_, name)| name)
    }

    /// Releases whose wish is newer than a revision.
    pub fn changed_supplies(&self, since: Revision) -> impl Iterator<Item = &Supply> {
        let newest_first = self.supply_changes.iter().rev();
        let changed = newest_first.take_while(move |(revision, _)| *revision > since);
        changed.filter_map(|(_, release)| self.supplies.get(release))
    }

    pub(crate) fn slot(&self, name: &PartitionId) -> Option<&Slot> {
        self.slots.rows.get(name)
    }
}
