//! What follows from what happened, in the same commit: waiting instances are placed, children
//! whose requester goes are collected, a root's stop reaches its tree, requesters are woken.
//!
//! Each rule looks at the world after the writes so far and returns further writes. Rules are
//! repeated until nothing follows; each one moves towards an end (wishes only get stronger while
//! they spread down a tree, rows go, places fill), so that it comes.

use std::{collections::BTreeSet, sync::Arc};

use crate::{
    allocate::{choose, host::choose_host, waiting},
    names::{ComputerId, InstanceId, SoftwareUrl, Timestamp, WishedState},
    world::{ApplyError, Effect, Instance, Place, World},
    write::Write,
};

/// Applies the writes of a decision and everything that follows from them to `world`; returns
/// all writes, in order, without those that the very next one makes void.
pub(crate) fn settle(
    world: &mut World,
    decided: Vec<Write>,
    now: Timestamp,
) -> Result<Vec<Write>, ApplyError> {
    let mut effects = BTreeSet::new();
    let mut all = Vec::with_capacity(decided.len());
    let mut next = decided;
    loop {
        for write in next {
            effects.extend(world.apply(&write)?);
            match all.last_mut() {
                // nothing happened in between: the row as it was then says nothing
                Some(last) if write.supersedes(last) => *last = write,
                _ => all.push(write),
            }
        }
        let Some(effect) = effects.pop_first() else {
            return Ok(all);
        };
        next = follow(world, &effect, now);
        let again = matches!(effect, Effect::Promised(..) | Effect::Room(_) | Effect::Hosts(_));
        if again && !next.is_empty() {
            effects.insert(effect); // there may be room for one more
        }
    }
}

fn follow(world: &World, effect: &Effect, now: Timestamp) -> Vec<Write> {
    match effect {
        Effect::Wished(id) => spread_wish(world, *id, now),
        Effect::Leaves(id) => turn_out(world, *id, now),
        Effect::Unplaced(id) => collect(world, *id).into_iter().collect(),
        Effect::Removed(_, Some(requester)) => {
            let woken = wake(world, *requester, now);
            woken.into_iter().chain(collect(world, *requester)).collect()
        }
        Effect::Removed(_, None) => vec![],
        Effect::Published(id) => {
            let requester = world.instance(*id).and_then(|it| it.requester);
            requester.and_then(|it| wake(world, it, now)).into_iter().collect()
        }
        Effect::Freed(place) => free(world, place).into_iter().collect(),
        Effect::Waits(id) => place(world, *id, now).into_iter().collect(),
        Effect::Hosts(id) => host_next(world, *id, now).into_iter().collect(),
        Effect::Burdened(id) => wake(world, *id, now).into_iter().collect(),
        Effect::Promised(computer, release) => place_next(world, computer, Some(release), now),
        Effect::Room(computer) => place_next(world, computer, None, now),
    }
}

/// What is wished for an instance, given what was asked and how its tree stands.
pub(crate) fn effective_wish(world: &World, it: &Instance) -> WishedState {
    let Some(requester) = it.requester else {
        return it.asked;
    };
    let leaves = |it: &Instance| it.wished == WishedState::Destroyed;
    if world.instance(requester).is_none_or(leaves) {
        return WishedState::Destroyed;
    }
    let stopped = |it: &Instance| it.wished == WishedState::Stopped;
    let held = it.held || world.instance(it.root).is_some_and(stopped);
    match it.asked {
        WishedState::Started if held => WishedState::Stopped,
        asked => asked,
    }
}

/// A change of the root concerns its whole tree; that of another instance, what it requested.
fn spread_wish(world: &World, id: InstanceId, now: Timestamp) -> Vec<Write> {
    let Some(changed) = world.instance(id) else {
        return vec![];
    };
    let concerned: Vec<&Instance> =
        if changed.is_root() { world.tree(id).collect() } else { world.children(id).collect() };
    let mut writes = Vec::new();
    for it in concerned {
        let wished = effective_wish(world, it);
        if it.wished != WishedState::Destroyed && it.wished != wished {
            writes.push(change(world, it, now, |new| {
                new.wished = wished;
                new.renew(world.next_revision(), now);
            }));
        }
    }
    writes
}

/// Shared instances leave a host that goes, and look for another.
fn turn_out(world: &World, id: InstanceId, now: Timestamp) -> Vec<Write> {
    let without_host = |guest| {
        change(world, guest, now, |new| {
            new.host = None;
            new.connection = Arc::default();
        })
    };
    world.guests(id).map(without_host).collect()
}

/// Removes an instance that shall go, once it has no partition and nothing that it requested.
fn collect(world: &World, id: InstanceId) -> Option<Write> {
    let it = world.instance(id)?;
    let done = it.wished == WishedState::Destroyed
        && it.place.is_none()
        && world.children(id).next().is_none();
    done.then_some(Write::RemoveInstance(id))
}

/// Makes an instance ask again for what it requested.
pub(crate) fn wake(world: &World, id: InstanceId, now: Timestamp) -> Option<Write> {
    let it = world.instance(id).filter(|it| it.wished != WishedState::Destroyed)?;
    Some(change(world, it, now, |new| {
        new.news = world.next_revision().0;
        new.tell(world.next_revision(), now);
    }))
}

/// A partition without occupant is told to its node, or goes if its node retired it.
fn free(world: &World, place: &Place) -> Option<Write> {
    let (partition, occupant) = world.sites.get(&place.computer)?.partition(&place.partition)?;
    if occupant.is_some() {
        return None;
    }
    if partition.retired {
        return Some(Write::RemovePartition(place.clone()));
    }
    let mut partition = partition.clone();
    partition.changed = world.next_revision();
    Some(Write::PutPartition(partition))
}

fn place(world: &World, id: InstanceId, now: Timestamp) -> Option<Write> {
    let it = world.instance(id).filter(|it| it.waits())?;
    if it.shared {
        let host = choose_host(world, it)?;
        return Some(change(world, it, now, |new| new.host = Some(host)));
    }
    let place = choose(world, &it.class())?;
    Some(change(world, it, now, |new| {
        new.place = Some(place);
        new.tell(world.next_revision(), now);
    }))
}

fn host_next(world: &World, host: InstanceId, now: Timestamp) -> Option<Write> {
    let host = world.instance(host).filter(|it| it.hosts())?;
    place(world, waiting::next_guest(world, host)?, now)
}

fn place_next(
    world: &World,
    computer: &ComputerId,
    release: Option<&SoftwareUrl>,
    now: Timestamp,
) -> Vec<Write> {
    let next = waiting::next(world, computer, release);
    next.and_then(|id| place(world, id, now)).into_iter().collect()
}

/// An instance after an edit, with the marks of the change: its row, or the outcome if nothing else
/// changed.
pub(crate) fn change(
    world: &World,
    it: &Instance,
    now: Timestamp,
    edit: impl FnOnce(&mut Instance),
) -> Write {
    let mut new = it.clone();
    edit(&mut new);
    new.revision = world.next_revision();
    new.changed_at = now;
    let before = world.instance(it.id);
    if before.is_some_and(|before| before.connection != new.connection) {
        new.published_at = now;
    }
    if before.is_some_and(|before| new.differs_in_outcome_only(before)) {
        return Write::PutOutcome(Box::new(new.outcome()));
    }
    Write::PutInstance(Box::new(new))
}

/// The last 64 KiB of a text, cut at a letter.
pub(crate) fn tail(text: &str) -> Arc<str> {
    const BYTES_MAX: usize = 64 << 10;
    let mut start = text.len().saturating_sub(BYTES_MAX);
    while !text.is_char_boundary(start) {
        start += 1;
    }
    text[start..].into()
}
