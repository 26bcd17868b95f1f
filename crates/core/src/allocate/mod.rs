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
pub(crate) mod host;
pub(crate) mod placement;
pub(crate) mod score;
pub(crate) mod waiting;

use std::collections::BTreeSet;

use self::placement::{Class, NETWORK};
pub use self::placement::{Placement, TRAITS, Traits, known_keys};
use crate::{
    names::{ComputerId, InstanceId},
    world::{Place, World},
};

/// The best place for a class of requests; `None` when there is none now.
pub(crate) fn choose(world: &World, class: &Class) -> Option<Place> {
    match &class.computer {
        Some(computer) => choose_on(world, class, computer),
        None => {
            let taken = class.apart.map(|root| networks_of(world, root));
            let mut computers = world.offers.best(&world.policy, class);
            let computer = computers.find(|it| is_apart(world, it, taken.as_ref()))?;
            free_partition(world, class, computer)
        }
    }
}

/// The best place for a class of requests on one computer.
pub(crate) fn choose_on(world: &World, class: &Class, computer: &ComputerId) -> Option<Place> {
    let site = world.sites.get(computer)?;
    let taken = class.apart.map(|root| networks_of(world, root));
    let fits = world.is_offered(site, class) && is_apart(world, computer, taken.as_ref());
    fits.then(|| free_partition(world, class, computer)).flatten()
}

fn free_partition(world: &World, class: &Class, computer: &ComputerId) -> Option<Place> {
    let partition = world.sites.get(computer)?.slots.free.of(&class.capability).next()?;
    Some(Place { computer: computer.clone(), partition: partition.clone() })
}

/// The networks in which something of a tree lives.
fn networks_of(world: &World, root: InstanceId) -> BTreeSet<&str> {
    let places = world.tree(root).filter_map(|it| it.place.as_ref());
    places.filter_map(|place| network(world, &place.computer)).collect()
}

fn network<'w>(world: &'w World, computer: &ComputerId) -> Option<&'w str> {
    world.sites.get(computer)?.computer.traits.get(NETWORK).map(String::as_str)
}

/// True when a computer is in a network, and in none of those that are taken.
fn is_apart(world: &World, computer: &ComputerId, taken: Option<&BTreeSet<&str>>) -> bool {
    taken.is_none_or(|taken| network(world, computer).is_some_and(|it| !taken.contains(it)))
}

#[cfg(test)]
mod tests {
    use crate::{
        decide::{Request, Requester},
        names::{SupplyState, SupplyWish},
        testing::*,
    };

    #[test]
    fn the_place_depends_on_release_room_and_load() {
        // what happens before, the placement, where the instance lands
        type Row<'a> = (&'a [&'a str], &'a [(&'a str, &'a str)], Option<&'a str>);
        let table: [Row<'_>; 9] = [
            (&[], &[], None),
            (&["install 2"], &[], Some("slappart0 of COMP-2")),
            (&["wish 1", "install 2"], &[], Some("slappart0 of COMP-2")),
            (&["install 1", "install 2"], &[], Some("slappart0 of COMP-1")),
            (&["install 1", "install 2", "fill"], &[], Some("slappart0 of COMP-2")),
            (&["install 1", "install 2", "fill", "fill", "fill"], &[], Some("slappart1 of COMP-2")),
            (
                &["install 1", "install 2"],
                &[("computer_guid", "COMP-2")],
                Some("slappart0 of COMP-2"),
            ),
            (&["install 1", "install 2"], &[("capability", "gpu")], Some("special of COMP-2")),
            (&["install 1"], &[("capability", "gpu")], None),
        ];
        for (before, placement, expected) in table {
            let mut cloud = Cloud::default();
            cloud.format("COMP-1", 2);
            cloud.format_as(
                "COMP-2",
                &[("slappart0", None), ("slappart1", None), ("special", Some("gpu"))],
            );
            for (number, step) in before.iter().enumerate() {
                match *step {
                    "install 1" => cloud.install("software/db", "COMP-1"),
                    "install 2" => cloud.install("software/db", "COMP-2"),
                    "wish 1" => {
                        cloud.supply("software/db", "COMP-1", SupplyWish::Available).unwrap();
                        cloud.supply_is("software/db", "COMP-1", SupplyState::Building, "");
                    }
                    _ => drop(cloud.root(&format!("other{number}"), "software/db")),
                }
            }
            let request = wanted(Requester::Person(admin()), "db", "software/db");
            let request = Request { placement: texts(placement), ..request };
            let id = cloud.request(request).unwrap().unwrap();
            assert_eq!(cloud.place(id).as_deref(), expected, "{before:?} {placement:?}");
        }
    }

    #[test]
    fn whoever_waits_is_placed_as_soon_as_there_is_room_oldest_first() {
        let mut cloud = Cloud::default();
        cloud.format("COMP-1", 1);
        let ids = ["a", "b", "c"].map(|name| cloud.root(name, "software/db"));
        cloud.install("software/db", "COMP-1");
        assert_eq!(ids.map(|id| cloud.place(id).is_some()), [true, false, false]);
        cloud.format("COMP-1", 2);
        assert_eq!(ids.map(|id| cloud.place(id).is_some()), [true, true, false]);
        cloud.wish(ids[0], crate::names::WishedState::Destroyed).unwrap();
        cloud.gone(ids[0]);
        assert_eq!(cloud.place(ids[2]).as_deref(), Some("slappart0 of COMP-1"));
    }

    #[test]
    fn the_oldest_comes_first_whatever_its_conditions() {
        let mut cloud = Cloud::default();
        cloud.format("COMP-1", 1);
        let request = wanted(Requester::Person(admin()), "older", "software/db");
        let placement = texts(&[("computer_guid", "COMP-1")]);
        let older = cloud.request(Request { placement, ..request }).unwrap().unwrap();
        let younger = cloud.root("younger", "software/db");
        cloud.install("software/db", "COMP-1");
        assert_eq!([older, younger].map(|id| cloud.place(id).is_some()), [true, false]);
    }
}
