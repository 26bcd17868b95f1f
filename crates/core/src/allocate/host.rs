//! Picks a host for a shared instance: a running instance of the same release and type that
//! belongs to the same person; one that a person requested before one that an instance requested
//! for itself, then the one that serves fewest.

use crate::{
    names::InstanceId,
    world::{Instance, World},
};

/// The best host for a shared instance; `None` when there is none now.
pub(crate) fn choose_host(world: &World, guest: &Instance) -> Option<InstanceId> {
    let hosts = world.instances.hosts.of(&guest.service());
    let mut hosts = hosts.filter_map(|host| world.instance(host.id));
    hosts.find(|host| serves(world, host, guest)).map(|host| host.id)
}

/// True when the placement of a shared instance allows this host.
pub(crate) fn serves(world: &World, host: &Instance, guest: &Instance) -> bool {
    let site = host.place.as_ref().and_then(|place| world.sites.get(&place.computer));
    host.id != guest.id
        && guest.placement.host.is_none_or(|id| id == host.id)
        && site.is_some_and(|site| guest.placement.allows(site))
}
