//! Partitions: slots on a computer, each holding at most one instance.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    net::IpAddr,
};

use serde::{Deserialize, Serialize};

use crate::{
    index::SetMap,
    names::{ComputerId, InstanceId, PartitionId, Revision},
};

/// Names one partition of one computer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Place {
    /// The computer.
    pub computer: ComputerId,
    /// The partition.
    pub partition: PartitionId,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.partition, self.computer)
    }
}

/// One partition: the row. Who lives there is known from the instances.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Partition {
    /// Where it is.
    pub place: Place,
    /// Addresses that its services may bind.
    pub addresses: Vec<IpAddr>,
    /// The network interface that carries them; `None`: not told, its services need no name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interface: Option<String>,
    /// A further address with its own route.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route: Option<Route>,
    /// A partition that has any serves only requests that name one of them.
    pub capabilities: BTreeSet<String>,
    /// Its node no longer formats it: it goes as soon as it is free, and is never given again.
    pub retired: bool,
    /// The revision at which the row, or the fact that somebody lives there, last changed.
    pub changed: Revision,
}

/// An address of a partition that is reached through a gateway of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// The address.
    pub address: IpAddr,
    /// The gateway.
    pub gateway: String,
    /// The netmask.
    pub netmask: String,
    /// The network.
    pub network: String,
}

/// A partition with who lives there.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Slot {
    pub(crate) row: Partition,
    pub(crate) occupant: Option<InstanceId>,
    /// The revision of the newest thing that the node must hear about it.
    pub(crate) news_at: Revision,
}

/// The partitions of one computer, with their indexes.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Slots {
    pub(crate) rows: BTreeMap<PartitionId, Slot>,
    /// Free ones by the capability that they serve; `None`: requests that name none.
    pub(crate) free: SetMap<Option<String>, PartitionId>,
    pub(crate) busy: usize,
    pub(crate) changes: BTreeSet<(Revision, PartitionId)>,
}

impl Slots {
    /// Replaces a partition and keeps the indexes true.
    pub(crate) fn put(&mut self, name: &PartitionId, slot: Option<Slot>) {
        self.unfile(name);
        match slot {
            Some(new) => self.rows.insert(name.clone(), new),
            None => self.rows.remove(name),
        };
        self.file(name);
    }

    /// Replaces who lives in a partition, and keeps the indexes true. False: there is none.
    pub(crate) fn occupy(
        &mut self,
        name: &PartitionId,
        occupant: Option<(InstanceId, Revision)>,
    ) -> bool {
        self.unfile(name);
        let Some(slot) = self.rows.get_mut(name) else {
            return false;
        };
        slot.occupant = occupant.map(|(id, _)| id);
        slot.news_at = slot.row.changed.max(occupant.map(|it| it.1).unwrap_or_default());
        self.file(name);
        true
    }

    fn file(&mut self, name: &PartitionId) {
        let Some(slot) = self.rows.get(name) else { return };
        for capability in served(slot) {
            self.free.insert(capability, name.clone());
        }
        self.busy += usize::from(slot.occupant.is_some());
        self.changes.insert((slot.news_at, name.clone()));
    }

    fn unfile(&mut self, name: &PartitionId) {
        let Some(slot) = self.rows.get(name) else { return };
        for capability in served(slot) {
            self.free.remove(&capability, name);
        }
        self.busy -= usize::from(slot.occupant.is_some());
        self.changes.remove(&(slot.news_at, name.clone()));
    }
}

/// The kinds of requests that a partition can serve now.
fn served(slot: &Slot) -> Vec<Option<String>> {
    if slot.occupant.is_some() || slot.row.retired {
        return vec![];
    }
    if slot.row.capabilities.is_empty() {
        return vec![None];
    }
    slot.row.capabilities.iter().cloned().map(Some).collect()
}
