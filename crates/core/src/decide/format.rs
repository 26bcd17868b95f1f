//! `format`: a node says which partitions its computer has.
//!
//! A computer becomes known by its first format. A partition that is no longer named goes, unless
//! somebody lives there: then it goes as soon as it is free.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use super::{Answer, Decision};
use crate::{
    actor::{Actor, Deed, permit},
    names::{ComputerId, PartitionId, Timestamp},
    policy::Conditions,
    refusal::Refusal,
    settle::wake,
    world::{Computer, Partition, Place, Route, World},
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
    /// The network interface that carries them.
    pub interface: Option<String>,
    /// A further address with its own route.
    pub route: Option<Route>,
    /// A partition that has any serves only requests that name one of them.
    pub capabilities: Vec<String>,
}

pub(super) fn format(
    world: &World,
    ask: &Format,
    actor: &Actor,
    now: Timestamp,
) -> Result<Decision, Refusal> {
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
        writes.push(Write::PutComputer(Computer::new(ask.computer.clone())));
    }
    for partition in named.values() {
        let slot = site.and_then(|site| site.partition(&partition.name));
        let (known, occupant) = slot.map_or((None, None), |(row, occupant)| (Some(row), occupant));
        let mut row = Partition {
            place: Place { computer: ask.computer.clone(), partition: partition.name.clone() },
            addresses: partition.addresses.clone(),
            interface: partition.interface.clone(),
            route: partition.route.clone(),
            capabilities: match world.policy.conditions {
                Conditions::All => partition.capabilities.iter().cloned().collect(),
                Conditions::Named => BTreeSet::new(),
            },
            retired: false,
            changed: known.map(|known| known.changed).unwrap_or_default(),
        };
        if known != Some(&row) {
            row.changed = world.next_revision();
            writes.push(Write::PutPartition(row));
            writes.extend(occupant.and_then(|id| wake(world, id, now)));
        }
    }
    for (known, occupant) in site.into_iter().flat_map(|site| site.partitions()) {
        if named.contains_key(&known.place.partition) || known.retired {
            continue;
        }
        writes.push(if occupant.is_none() {
            Write::RemovePartition(known.place.clone())
        } else {
            Write::PutPartition(Partition { retired: true, ..known.clone() })
        });
    }
    let count = named.len();
    let note = Note {
        verb: "format".into(),
        what: format!("{} has {count} partitions", ask.computer),
        instance: None,
        computer: Some(ask.computer.clone()),
    };
    Ok(Decision { answer: Answer::Done, writes, note })
}

#[cfg(test)]
mod tests {
    use crate::{actor::Actor, decide::Ask, testing::*};

    fn names(cloud: &Cloud) -> Vec<String> {
        let site = cloud.world.site(&computer("COMP-1")).unwrap();
        let show = |(row, occupant): (&crate::world::Partition, Option<_>)| {
            let mark = if row.retired { "-" } else { "" };
            format!("{mark}{}{}", row.place.partition, if occupant.is_some() { "*" } else { "" })
        };
        site.partitions().map(show).collect()
    }

    #[test]
    fn shrinking_never_removes_a_busy_partition() {
        let mut cloud = Cloud::default();
        cloud.format("COMP-1", 3);
        cloud.install("software/db", "COMP-1");
        let id = cloud.root("db", "software/db");
        type Row<'a> = (&'a [(&'a str, Option<&'a str>)], &'a [&'a str]);
        let table: [Row<'_>; 4] = [
            (&[("slappart0", None), ("slappart1", None)], &["slappart0*", "slappart1"]),
            (&[("slappart1", None)], &["-slappart0*", "slappart1"]),
            (&[("slappart0", None)], &["slappart0*"]),
            (&[], &["-slappart0*"]),
        ];
        for (formatted, expected) in table {
            cloud.format_as("COMP-1", formatted);
            assert_eq!(names(&cloud), expected, "{formatted:?}");
        }
        cloud.wish(id, crate::names::WishedState::Destroyed).unwrap();
        cloud.gone(id);
        assert_eq!(names(&cloud), [""; 0], "a retired partition goes once it is free");
    }

    #[test]
    fn formatting_the_same_writes_nothing() {
        let mut cloud = Cloud::default();
        cloud.format("COMP-1", 3);
        let revision = cloud.world.revision();
        cloud.format("COMP-1", 3);
        assert_eq!(cloud.world.revision(), revision);
    }

    #[test]
    fn bad_formats_are_refused() {
        let mut cloud = Cloud::default();
        let one = |name: &str| super::FormatPartition {
            name: name.try_into().unwrap(),
            addresses: vec![],
            interface: None,
            route: None,
            capabilities: vec![],
        };
        let format =
            |partitions| Ask::Format(super::Format { computer: computer("COMP-1"), partitions });
        let twice = format(vec![one("a"), one("a")]);
        let fine = format(vec![one("a")]);
        let table = [
            (&twice, Actor::Computer(computer("COMP-1")), "partition-named-twice"),
            (&fine, Actor::Computer(computer("COMP-2")), "not-permitted"),
            (&fine, operator(), "not-permitted"),
        ];
        for (ask, actor, code) in table {
            assert_eq!(cloud.ask(ask, &actor).unwrap_err().code(), code);
        }
    }
}
