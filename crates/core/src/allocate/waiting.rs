//! Who is next: the oldest waiting instance that a computer could take.
//!
//! Instances wait in classes that take exactly the same places, so only the head of each class
//! that the computer serves is looked at.

use super::placement::Class;
use crate::{
    names::{ComputerId, InstanceId, SoftwareUrl},
    world::World,
};

/// The oldest instance that waits for what a computer offers (of one release, or of any).
pub(crate) fn next(
    world: &World,
    computer: &ComputerId,
    release: Option<&SoftwareUrl>,
) -> Option<InstanceId> {
    let offers = world.offers.of(computer).filter(|offer| release.is_none_or(|it| offer.0 == *it));
    let classes = offers.flat_map(|(release, capability)| {
        [None, Some(computer.clone())].map(|computer| Class {
            release: release.clone(),
            computer,
            capability: capability.clone(),
        })
    });
    classes.filter_map(|class| world.instances.waiting.of(&class).next().copied()).min()
}
