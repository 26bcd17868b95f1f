//! `format`: a node says which partitions its computer has.
//!
//! A computer becomes known by its first format. A partition that is no longer named goes, unless
//! somebody lives there: then it goes as soon as it is free.

use std::{collections::BTreeMap, net::IpAddr};

use super::{Answer, Decision};
use crate::{
    actor::{Actor, Deed, permit},
    names::{ComputerId, PartitionId},
    refusal::Refusal,
    world::{AllocationScope, Computer, Partition, Place, World},
    write::{Note, Write},
};

/// These are the partitions of a computer, all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Format {
    /// The computer.
    pub computer: ComputerId,
    /// Its partitions.
    pub partitions: Vec<FormatPartition>,
}

/// One partition as its node formatted it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormatPartition {
    /// Its name.
    pub name: PartitionId,
    /// Addresses that its services may bind.
    pub addresses: Vec<IpAddr>,
    /// A partition that has any serves only requests that name one of them.
    pub capabilities: Vec<String>,
}

pub(super) fn format(world: &World, ask: &Format, actor: &Actor) -> Result<Decision, Refusal> {
    permit(world, actor, Deed::SpeakFor(&ask.computer))?;
    let mut named = BTreeMap::new();
    for partition in &ask.partitions {
        if named.insert(&partition.name, partition).is_some() {
            return Err(Refusal::PartitionTwice(partition.name.clone()));
        }
    }
    let site = world.sites.get(&ask.computer);
    let mut writes = Vec::new();
    if site.is_none() {
        let allocation = AllocationScope::default();
        writes.push(Write::PutComputer(Computer {
            id: ask.computer.clone(),
            allocation,
        }));
    }
    for partition in named.values() {
        let known = site
            .and_then(|site| site.partition(&partition.name))
            .map(|it| it.0);
        let mut row = Partition {
            place: Place {
                computer: ask.computer.clone(),
                partition: partition.name.clone(),
            },
            addresses: partition.addresses.clone(),
            capabilities: partition.capabilities.iter().cloned().collect(),
            retired: false,
            changed: known.map(|known| known.changed).unwrap_or_default(),
        };
        if known != Some(&row) {
            row.changed = world.next_revision();
            writes.push(Write::PutPartition(row));
        }
    }
    for (known, occupant) in site.into_iter().flat_map(|site| site.partitions()) {
        if named.contains_key(&known.place.partition) || known.retired {
            continue;
        }
        writes.push(if occupant.is_none() {
            Write::RemovePartition(known.place.clone())
        } else {
            Write::PutPartition(Partition {
                retired: true,
                ..known.clone()
            })
        });
    }
    let count = named.len();
    let note = Note {
        verb: "format".into(),
        what: format!("{} has {count} partitions", ask.computer),
        instance: None,
        computer: Some(ask.computer.clone()),
    };
    Ok(Decision {
        answer: Answer::Done,
        writes,
        note,
    })
}
