//! The documents of the `v1` face, made from the world. Pure.

use std::time::Duration;

use slapos_core::{
    explain::{explain, state_word},
    names::{ComputerId, InstanceId, PartitionId, ReportedState, Revision, SupplyState},
    world::{Instance, Place, Promise, Report, Site, Supply, World},
    write::{Entry, Write},
};
use slapos_wire::v1;

pub(crate) fn computer(world: &World, site: &Site) -> v1::Computer {
    let partitions = site.partitions().map(|(row, occupant)| v1::ComputerPartition {
        name: row.place.partition.clone(),
        addresses: row.addresses.clone(),
        capabilities: row.capabilities.iter().cloned().collect(),
        instance: occupant.and_then(|id| world.instance(id)).map(name),
    });
    v1::Computer {
        computer: site.computer().id.clone(),
        title: site.computer().title.clone(),
        allocation: site.computer().allocation,
        capacity: site.computer().capacity,
        traits: site.computer().traits.clone(),
        seen_at: None,
        partitions: partitions.collect(),
        supplies: site.supplies().map(supply).collect(),
    }
}

pub(crate) fn supply(row: &Supply) -> v1::Supply {
    v1::Supply {
        software_release: row.release.clone(),
        wished: row.wished,
        state: row.state,
        generation: row.generation,
        text: row.text.clone(),
        percent: row.percent,
        changed_at: row.changed_at,
        again: row.again,
    }
}

pub(crate) fn name(it: &Instance) -> v1::InstanceName {
    v1::InstanceName { id: it.id, title: it.title.clone() }
}

/// For how long the node of a computer has not been heard of, if that is long.
pub(crate) type Silence<'a> = dyn Fn(&ComputerId) -> Option<Duration> + 'a;

/// Of the past nobody knows who was heard of.
pub(crate) fn unheard(_: &ComputerId) -> Option<Duration> {
    None
}

pub(crate) fn instance(world: &World, it: &Instance, silence: &Silence<'_>) -> v1::Instance {
    let cause = explain(world, it).map(|cause| match cause.awaits.as_ref().and_then(silence) {
        Some(long) => cause.with_silence(long),
        None => cause,
    });
    let (waiting_for, waiting_code, hint) = match cause {
        Some(cause) => (Some(cause.sentence), Some(cause.code.to_owned()), cause.hint),
        None => (None, None, None),
    };
    let place = world.place_of(it);
    let report = it.report.as_ref();
    v1::Instance {
        id: it.id,
        title: it.title.clone(),
        root: world.instance(it.root).map_or_else(|| name(it), name),
        requested_by: it.requester.and_then(|id| world.instance(id)).map(name),
        person: it.person.clone(),
        wished: it.wished,
        reported: it.current_report().map(|report| report.state),
        state: state_word(world, it).to_owned(),
        software_release: it.release.clone(),
        software_type: it.software_type.clone(),
        shared: it.shared,
        host: it.host.and_then(|id| world.instance(id)).map(name),
        serves: world.guests(it.id).map(name).collect(),
        unrequested: it.unrequested,
        computer: place.map(|place| place.computer.clone()),
        partition: place.map(|place| place.partition.clone()),
        addresses: place.map(|place| addresses(world, place)).unwrap_or_default(),
        parameters: (*it.parameters).clone(),
        placement: it.placement.to_dictionary(),
        connection: (*it.connection).clone(),
        published_at: Some(it.published_at).filter(|at| at.0 > 0),
        waiting_for,
        waiting_code,
        hint,
        promises: report.map(|it| it.promises.iter().map(promise).collect()).unwrap_or_default(),
        error: it.error.as_deref().map(str::to_owned),
        generation: it.generation,
        revision: it.revision,
        created_at: it.created_at,
        changed_at: it.changed_at,
    }
}

fn addresses(world: &World, place: &Place) -> Vec<std::net::IpAddr> {
    world.partition(place).map(|(row, _)| row.addresses.clone()).unwrap_or_default()
}

fn promise(it: &Promise) -> v1::Promise {
    v1::Promise { name: it.name.clone(), ok: it.ok, message: it.message.clone() }
}

/// The instances below one, itself first, requesters before what they requested.
pub(crate) fn descend(world: &World, top: &Instance, silence: &Silence<'_>) -> Vec<v1::Instance> {
    let (mut documents, mut next) = (Vec::new(), vec![top]);
    while let Some(it) = next.pop() {
        documents.push(instance(world, it, silence));
        let children: Vec<_> = world.children(it.id).collect();
        next.extend(children.into_iter().rev());
    }
    documents
}

/// What the node of a computer must hear that is newer than a revision; everything, when that
/// revision is none of ours.
pub fn watch(world: &World, site: &Site, since: Revision, observed: bool) -> v1::Watch {
    let complete = since == Revision(0) || since > world.revision();
    let wish = |name: &PartitionId| partition_wish(world, site, name);
    let (partitions, supplies) = if complete {
        let names = site.partitions().map(|(row, _)| &row.place.partition);
        (names.map(wish).collect(), site.supplies().map(supply).collect())
    } else {
        let partitions = site.changed_partitions(since).map(wish).collect();
        (partitions, site.changed_supplies(since).map(supply).collect())
    };
    v1::Watch { revision: world.revision(), complete, observed, partitions, supplies }
}

fn partition_wish(world: &World, site: &Site, name: &PartitionId) -> v1::PartitionWish {
    let occupant = site.partition(name).and_then(|(_, occupant)| occupant);
    v1::PartitionWish {
        partition: name.clone(),
        instance: occupant.and_then(|id| instance_wish(world, id)),
    }
}

fn instance_wish(world: &World, id: InstanceId) -> Option<v1::InstanceWish> {
    let it = world.instance(id)?;
    Some(v1::InstanceWish {
        id,
        title: it.title.clone(),
        root_title: world.instance(it.root).map_or_else(|| it.title.clone(), |r| r.title.clone()),
        root: it.root,
        software_release: it.release.clone(),
        software_type: it.software_type.clone(),
        state: it.wished,
        generation: it.generation,
        parameters: (*it.parameters).clone(),
        news: it.news,
        shared: world.served(id).map(shared).collect(),
        connection: (**it.unproven.as_ref().unwrap_or(&it.connection)).clone(),
    })
}

fn shared(guest: &Instance) -> v1::SharedWish {
    v1::SharedWish {
        id: guest.id,
        title: guest.title.clone(),
        software_type: guest.software_type.clone(),
        parameters: (*guest.parameters).clone(),
    }
}

pub(crate) fn change(entry: &Entry) -> v1::Change {
    let instance = entry.note.instance.clone();
    v1::Change {
        revision: entry.revision,
        at: entry.at,
        verb: entry.note.verb.clone(),
        what: entry.note.what.clone(),
        instance: instance.map(|(id, title)| v1::InstanceName { id, title }),
        computer: entry.note.computer.clone(),
    }
}

pub(crate) fn history(entry: &Entry) -> v1::HistoryEntry {
    v1::HistoryEntry {
        change: change(entry),
        who: entry.actor.to_string(),
        origin: entry.origin.clone(),
        error: told_error(entry).map(str::to_owned),
    }
}

/// The text of the error that a node told with an entry, if it told one.
pub(crate) fn told_error(entry: &Entry) -> Option<&str> {
    let about = entry.note.instance.as_ref().map(|(id, _)| *id);
    entry.writes.iter().find_map(|write| match (entry.note.verb.as_str(), write) {
        ("report", Write::PutInstance(row)) if Some(row.id) == about => {
            failure(row.report.as_ref())
        }
        ("report", Write::PutOutcome(it)) if Some(it.id) == about => failure(it.report.as_ref()),
        ("supply-report", Write::PutSupply(row)) => {
            let failed = row.state == SupplyState::Error;
            failed.then(|| row.text.as_deref().unwrap_or_default())
        }
        _ => None,
    })
}

fn failure(report: Option<&Report>) -> Option<&str> {
    let failed = report.filter(|report| report.state == ReportedState::Error)?;
    Some(failed.text.as_deref().unwrap_or_default())
}
