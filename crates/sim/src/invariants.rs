//! What must be true after every event, and what must be true when the cloud has come to rest.
//!
//! That a partition holds at most one instance, and that revisions have no gap, [`World`] refuses to
//! break; here is what can be broken between a world, a disk, a message and a node.

use std::collections::{BTreeMap, BTreeSet};

use slapos_core::{
    explain::explain,
    names::{InstanceId, Revision, Timestamp},
    world::{Place, World},
};

use crate::{
    master::Master,
    network::Reply,
    node::{Node, count},
};

/// A rule that does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{rule}: {what}")]
pub struct Violation {
    /// The rule.
    pub rule: &'static str,
    /// How it is broken.
    pub what: String,
}

fn broken(rule: &'static str, what: impl Into<String>) -> Violation {
    Violation { rule, what: what.into() }
}

/// What was seen so far, as far as later events must agree with it.
#[derive(Debug, Default)]
pub(crate) struct Witness {
    /// The newest revision that an answer was based on which somebody got.
    acknowledged: Revision,
    /// Instances that are durably gone.
    gone: BTreeSet<InstanceId>,
    /// Where each instance was, durably.
    places: BTreeMap<InstanceId, Place>,
    /// The newest that was given out by each instance.
    counts: BTreeMap<InstanceId, u64>,
    told_at: BTreeMap<InstanceId, Timestamp>,
}

impl Witness {
    /// An answer leaves the master.
    pub(crate) fn answer(
        &mut self,
        reply: &Reply,
        revision: Revision,
        world: &World,
    ) -> Result<(), Violation> {
        self.acknowledged = self.acknowledged.max(revision);
        // What comes out of a shared instance is another host's, once it has another host.
        if let Reply::Instance(id, connection) = reply
            && world.instance(*id).is_some_and(|it| !it.shared)
        {
            let (now, before) = (count(connection), self.counts.entry(*id).or_default());
            if now < *before {
                let what = format!("{id} gave {now} after {before}");
                return Err(broken("published values never go back", what));
            }
            *before = now;
        }
        Ok(())
    }

    /// The master came back.
    pub(crate) fn restart(&self, master: &Master) -> Result<(), Violation> {
        let (now, before) = (master.durable(), self.acknowledged);
        if now < before {
            let what = format!("revision {} was answered, {} is left", before.0, now.0);
            return Err(broken("what was acknowledged is kept", what));
        }
        Ok(())
    }

    /// After every event.
    pub(crate) fn look(&mut self, master: &Master, nodes: &[Node]) -> Result<(), Violation> {
        if !master.up {
            return Ok(());
        }
        if let Some(what) = &master.contradiction {
            return Err(broken("what is not there is called absent", what.clone()));
        }
        let world = &master.world;
        self.look_at_world(world, master.unwritten() == 0)?;
        for node in nodes {
            if let Some(what) = &node.contradiction {
                return Err(broken("a node's news only goes forward", what.clone()));
            }
            for (partition, files) in &node.disk {
                let there = world.instance(files.id).and_then(|it| it.place.as_ref());
                if there.is_none_or(|it| it.computer != node.computer || it.partition != *partition)
                {
                    let what = format!("{} is in {partition} of {}", files.id, node.computer);
                    return Err(broken("a partition is free only when it is empty", what));
                }
            }
        }
        Ok(())
    }

    fn look_at_world(&mut self, world: &World, durable: bool) -> Result<(), Violation> {
        for site in world.sites() {
            let busy = site.partitions().filter(|(_, occupant)| occupant.is_some()).count();
            if site.busy() != (busy, site.partitions().count()) {
                let what = format!("{}: {:?}, not {busy}", site.computer().id, site.busy());
                return Err(broken("counts agree", what));
            }
        }
        if !durable {
            return Ok(()); // what nobody was told of may be lost, and its numbers given again
        }
        for it in world.instances() {
            if self.gone.contains(&it.id) {
                return Err(broken("what is gone does not come back", it.id.to_string()));
            }
            let before = self.told_at.insert(it.id, it.told_at);
            if before.is_some_and(|before| it.told_at < before) {
                let what = format!("{}: {:?} after {before:?}", it.id, it.told_at);
                return Err(broken("what old nodes compare only grows", what));
            }
            if let Some(place) = &it.place
                && self.places.entry(it.id).or_insert_with(|| place.clone()) != place
            {
                return Err(broken("an instance stays where it is", it.id.to_string()));
            }
        }
        let gone = self.told_at.extract_if(.., |id, _| world.instance(*id).is_none());
        self.gone.extend(gone.map(|(id, _)| id));
        Ok(())
    }
}

/// Causes that only people can do something about: there is not room for everybody, or they
/// stopped what another one is served by.
const FOR_PEOPLE: [&str; 3] = ["no-free-partition", "no-host", "host-stopped"];

/// Once faults are over and nothing happens any more.
pub(crate) fn at_rest(master: &Master, nodes: &[Node]) -> Result<(), Violation> {
    let world = &master.world;
    let replayed =
        master.replayed().map_err(|why| broken("the journal is whole", why.to_string()))?;
    if replayed != *world {
        return Err(broken("replay gives the same world", format!("{:?}", world.revision())));
    }
    for node in nodes {
        if let Some(left) = node.unfinished() {
            let what = format!("{}: {left}", node.computer);
            return Err(broken("the cloud comes to rest", what));
        }
    }
    for it in world.instances() {
        if let Some(cause) = explain(world, it)
            && !FOR_PEOPLE.contains(&cause.code)
        {
            let what = format!("`{}` ({}): {}", it.title, it.id, cause.sentence);
            return Err(broken("everything comes to what was wished", what));
        }
    }
    for node in nodes {
        for files in node.disk.values() {
            for (id, given) in node.given(files) {
                let now = world.instance(id).map(|it| (*it.connection).clone());
                if now.is_some_and(|now| now != given) {
                    let what = format!("{} has old values of {id}", files.id);
                    return Err(broken("every requester has the newest values", what));
                }
            }
        }
    }
    Ok(())
}
