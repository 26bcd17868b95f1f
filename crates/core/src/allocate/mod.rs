//! Picks a partition for an instance: a free one on a computer where its release is available.
//!
//! Reads the world and returns a place. Never changes anything, never moves a placed instance.
//!
//! # Invariants
//! - A busy or retired partition is never offered.
//! - Same world, same place.
//! - Costs look-ups in ordered indexes, however many computers there are.
//!
//! Start at [`choose`].

pub(crate) mod candidates;
pub(crate) mod placement;
pub(crate) mod score;
pub(crate) mod waiting;

use self::placement::Class;
pub use self::placement::Placement;
use crate::world::{Place, World};

/// The best place for a class of requests; `None` when there is none now.
pub(crate) fn choose(world: &World, class: &Class) -> Option<Place> {
    let computer = match &class.computer {
        Some(computer) => world.offers.by_computer(class, computer)?,
        None => world.offers.best(class)?,
    };
    let partition = world
        .sites
        .get(computer)?
        .slots
        .free
        .of(&class.capability)
        .next()?;
    Some(Place {
        computer: computer.clone(),
        partition: partition.clone(),
    })
}
