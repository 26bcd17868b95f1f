//! Who is next: the oldest waiting instance that a computer could take.
//!
//! Instances wait in classes that take exactly the same places, so only the head of each class
//! is looked at.

use super::{choose_on, placement::Class};
use crate::{
    names::{ComputerId, InstanceId, SoftwareUrl},
    world::{Instance, World},
};

/// The oldest instance that waits for what a computer offers (of one release, or of any).
pub(crate) fn next(
    world: &World,
    computer: &ComputerId,
    release: Option<&SoftwareUrl>,
) -> Option<InstanceId> {
    let supplies = world.sites.get(computer)?.supplies.values().filter(|it| it.is_promising());
    let releases = supplies.map(|supply| &supply.release);
    let offered = releases.filter(|it| release.is_none_or(|wanted| wanted == *it));
    let classes = offered.flat_map(|release| {
        [None, Some(computer)].into_iter().flat_map(move |on| waiting_for(world, release, on))
    });
    let served = classes.filter(|(class, _)| choose_on(world, class, computer).is_some());
    served.map(|(_, id)| *id).min()
}

/// The classes that wait for a release on one computer, or on any, each with its oldest instance.
fn waiting_for<'w>(
    world: &'w World,
    release: &'w SoftwareUrl,
    computer: Option<&'w ComputerId>,
) -> impl Iterator<Item = (&'w Class, &'w InstanceId)> {
    let first = Class::first(release.clone(), computer.cloned());
    let from_first = world.instances.waiting.heads_from(&first);
    from_first.take_while(move |(class, _)| {
        class.release == *release && class.computer.as_ref() == computer
    })
}

/// The oldest shared instance that waits for a host like this one.
pub(crate) fn next_guest(world: &World, host: &Instance) -> Option<InstanceId> {
    let seeking = world.instances.seeking.of(&host.service());
    let mut guests = seeking.filter_map(|id| world.instance(*id));
    guests.find(|guest| super::host::serves(world, host, guest)).map(|guest| guest.id)
}
