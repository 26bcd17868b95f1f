//! Properties over generated histories: whatever is asked in whatever order, the rules hold.
//!
//! [`Cloud::ask`] itself checks after each ask that replay and rebuild agree with the world and
//! that a partition holds at most one instance.

use std::collections::BTreeSet;

use proptest::{collection::vec, prelude::*};

use crate::{
    actor::Actor,
    allocate::{
        choose,
        placement::{Class, NETWORK},
    },
    decide::{
        Ask, Bang, Format, FormatPartition, Govern, InstanceReport, Rename, Requester, SupplyAsk,
        SupplyReport, Target, Wish,
    },
    explain::explain,
    names::{InstanceId, ReportedState, SupplyState, SupplyWish, WishedState},
    testing::*,
    world::{AllocationScope, Dictionary, Instance, Place, Site, World},
};

const COMPUTERS: [&str; 3] = ["COMP-1", "COMP-2", "COMP-3"];
const RELEASES: [&str; 3] = ["software/a", "software/b", "software/c"];
const TITLES: [&str; 4] = ["app", "db", "cache", "web"];
const STATES: [WishedState; 3] =
    [WishedState::Started, WishedState::Stopped, WishedState::Destroyed];

/// A step of a history: small numbers, read against the world as it is then.
type Step = (u8, usize, usize, usize, bool);

fn steps() -> impl Strategy<Value = Vec<Step>> {
    vec((0..14_u8, 0..12_usize, 0..12_usize, 0..12_usize, any::<bool>()), 1..80)
}

fn pick<T: Copy>(from: &[T], number: usize) -> Option<T> {
    (!from.is_empty()).then(|| from[number % from.len()])
}

/// What a step asks, and who; `None` when there is nothing that it could be about.
fn ask(step: Step, world: &World) -> Option<(Ask, Actor)> {
    let (kind, a, b, ..) = step;
    let ids: Vec<InstanceId> = world.instances().map(|it| it.id).collect();
    let some = pick(&ids, a);
    Some(match kind {
        0 => format(step)?,
        1 => supply(step)?,
        2 => supply_report(step, world)?,
        3 => request(step, None)?,
        4 => request(step, some)?,
        5 => (Ask::Wish(Wish { id: some?, state: STATES[b % 3] }), operator()),
        6 => (
            Ask::Bang(Bang { target: Target::Instance(some?), message: "again".into() }),
            operator(),
        ),
        7 => govern(step)?,
        8 => rename(step, some?),
        _ => report(step, world, some?)?,
    })
}

fn format((_, a, _, c, flag): Step) -> Option<(Ask, Actor)> {
    let on = computer(pick(&COMPUTERS, a)?);
    let partitions = (0..c % 4).map(|number| FormatPartition {
        name: format!("slappart{number}").try_into().unwrap(),
        addresses: vec![],
        interface: None,
        route: None,
        capabilities: if flag && number == 0 { vec!["gpu".into()] } else { vec![] },
    });
    let partitions = partitions.collect();
    Some((Ask::Format(Format { computer: on.clone(), partitions }), Actor::Computer(on)))
}

fn supply((_, a, b, c, _): Step) -> Option<(Ask, Actor)> {
    let wish = if c < 9 { SupplyWish::Available } else { SupplyWish::Destroyed };
    let (computer, release) = (computer(pick(&COMPUTERS, a)?), release(pick(&RELEASES, b)?));
    Some((Ask::Supply(SupplyAsk { computer, release, wish, again: false }), operator()))
}

fn supply_report((_, a, b, c, _): Step, world: &World) -> Option<(Ask, Actor)> {
    use SupplyState::{Available, Building, Destroyed, Error};
    let (on, url) = (computer(pick(&COMPUTERS, a)?), release(pick(&RELEASES, b)?));
    let supply = world.site(&on).ok()?.supply(&url)?;
    let report = SupplyReport {
        computer: on.clone(),
        release: url,
        generation: supply.generation,
        follows: None,
        state: pick(&[Available, Available, Building, Error, Destroyed], c)?,
        text: None,
        percent: None,
    };
    Some((Ask::SupplyReport(report), Actor::Computer(on)))
}

fn request((_, a, b, c, flag): Step, by: Option<InstanceId>) -> Option<(Ask, Actor)> {
    let actor = by.map_or_else(operator, Actor::Instance);
    let requester = by.map_or(Requester::Person(admin()), Requester::Instance);
    let mut request = wanted(requester, pick(&TITLES, c)?, pick(&RELEASES, b)?);
    request.placement = match a {
        0 => texts(&[("computer_guid", "COMP-2")]),
        1 => texts(&[("capability", "gpu")]),
        2 => texts(&[("region", "north")]),
        3 => texts(&[("mode", "unique_by_network")]),
        4 => texts(&[("network_guid", "NET-1"), ("computer_guid", "COMP-1")]),
        _ => Dictionary::new(),
    };
    request.shared = b % 4 == 3;
    request.state = if flag { Some(STATES[b % 3]) } else { Some(WishedState::Started) };
    Some((Ask::Request(request), actor))
}

fn report((_, _, b, c, flag): Step, world: &World, id: InstanceId) -> Option<(Ask, Actor)> {
    use ReportedState::{Destroyed, Error, Started, Starting, Stopped, Waiting};
    let it = world.instance(id)?;
    let place = it.place.clone()?;
    let actor = Actor::Computer(place.computer.clone());
    let going = it.wished == WishedState::Destroyed;
    let state = pick(&[Starting, Waiting, Started, Error, Stopped], b)?;
    let report = InstanceReport {
        place,
        id,
        generation: it.generation,
        follows: None,
        state: if going { Destroyed } else { state },
        text: None,
        connection: (c < 6).then(|| texts(&[("url", &c.to_string())])),
        shared: world
            .guests(id)
            .map(|guest| (guest.id, texts(&[("url", "x")])))
            .take(c % 3)
            .collect(),
        requested: (c > 8).then(|| vec![title(TITLES[1]), title(TITLES[2])]),
        promises: vec![promise("listens", flag)],
    };
    Some((Ask::Report(report), actor))
}

fn govern((_, a, b, c, flag): Step) -> Option<(Ask, Actor)> {
    use AllocationScope::{Closed, Open};
    let traits = [texts(&[]), texts(&[("region", "north")]), network(b)];
    let traits = traits[c % 3].clone();
    let govern = Govern {
        computer: computer(pick(&COMPUTERS, a)?),
        allocation: Some(if b < 10 { Open } else { Closed }),
        capacity: Some(flag.then_some(u32::try_from(c % 4).ok()?)),
        traits: Some(traits),
    };
    Some((Ask::Govern(govern), operator()))
}

fn network(number: usize) -> Dictionary {
    texts(&[("network_guid", ["NET-1", "NET-2"][number % 2]), ("region", "north")])
}

fn rename((_, _, b, ..): Step, id: InstanceId) -> (Ask, Actor) {
    (Ask::Rename(Rename { id, title: title(TITLES[b % 4]) }), operator())
}

/// The allocator, slowly: looks at every partition of every computer.
fn choose_slowly(world: &World, class: &Class) -> Option<Place> {
    let taken: Option<Vec<_>> = class.apart.map(|root| {
        let places = world.tree(root).filter_map(|it| it.place.as_ref());
        places
            .filter_map(|it| world.site(&it.computer).ok()?.computer().traits.get(NETWORK))
            .collect()
    });
    let busy = |site: &Site| site.partitions().filter(|(_, occupant)| occupant.is_some()).count();
    let sites = world.sites().filter(|site| {
        let row = site.computer();
        let wished = class.computer.as_ref().is_none_or(|it| *it == row.id);
        let room = row.capacity.is_none_or(|it| busy(site) < it as usize);
        let traits = class.traits.iter().all(|(key, value)| row.traits.get(key) == Some(value));
        let apart = taken.as_ref().is_none_or(|taken| {
            row.traits.get(NETWORK).is_some_and(|network| !taken.contains(&network))
        });
        row.allocation == AllocationScope::Open && wished && room && traits && apart
    });
    let sites = sites.filter_map(|site| {
        let supply = site.supply(&class.release)?;
        let wanted = supply.wished == SupplyWish::Available && supply.state != SupplyState::Error;
        wanted.then_some((site, supply.state != SupplyState::Available))
    });
    let places = sites.flat_map(|(site, building)| {
        let busy = busy(site);
        let free = site.partitions().filter(|(row, occupant)| {
            let serves = match &class.capability {
                Some(capability) => row.capabilities.contains(capability),
                None => row.capabilities.is_empty(),
            };
            occupant.is_none() && !row.retired && serves
        });
        free.map(move |(row, _)| (building, busy, row.place.clone())).collect::<Vec<_>>()
    });
    places.min().map(|(.., place)| place)
}

/// The classes of all instances that need a partition.
fn classes(world: &World) -> impl Iterator<Item = Class> {
    world.instances().filter(|it| !it.shared).map(Instance::class)
}

/// The allocator of shared instances, slowly.
fn choose_host_slowly(world: &World, guest: &Instance) -> Option<InstanceId> {
    let hosts = world.instances().filter(|host| {
        let alike = host.person == guest.person
            && host.release == guest.release
            && host.software_type == guest.software_type;
        let runs = !host.shared && host.wished == WishedState::Started;
        let site = host.place.as_ref().and_then(|place| world.site(&place.computer).ok());
        let allowed = site.is_some_and(|site| {
            let traits = &site.computer().traits;
            guest.placement.computer.as_ref().is_none_or(|it| *it == site.computer().id)
                && guest.placement.traits.iter().all(|(key, value)| traits.get(key) == Some(value))
        });
        alike && runs && allowed
    });
    let burden = |host: &Instance| world.instances().filter(|it| it.host == Some(host.id)).count();
    hosts.map(|host| (!host.is_root(), burden(host), host.id)).min().map(|it| it.2)
}

/// True when an instance is as it is wished, straight from the rows.
fn is_ready(world: &World, id: InstanceId) -> bool {
    let it = world.instance(id).unwrap();
    if it.shared {
        return match (it.wished, it.host) {
            (WishedState::Started, Some(host)) => {
                world.instance(host).is_some_and(Instance::hosts)
                    && is_ready(world, host)
                    && !it.connection.is_empty()
            }
            (WishedState::Stopped, Some(_)) => true,
            _ => false,
        };
    }
    let report = it.report.as_ref().filter(|report| report.generation == it.generation);
    let green = |report: &crate::world::Report| report.promises.iter().all(|promise| promise.ok);
    let reported = |state| report.filter(|report| report.state == state);
    it.place.is_some()
        && match it.wished {
            WishedState::Started => reported(ReportedState::Started).is_some_and(green),
            WishedState::Stopped => reported(ReportedState::Stopped).is_some(),
            WishedState::Destroyed => false,
        }
}

fn waiting(world: &World) -> BTreeSet<InstanceId> {
    world.instances().filter(|it| it.waits()).map(|it| it.id).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn the_rules_hold_in_every_history(steps in steps()) {
        let mut cloud = Cloud::default();
        for step in steps {
            let Some((asked, actor)) = ask(step, &cloud.world) else { continue };
            let before = waiting(&cloud.world);
            let places: Vec<_> =
                cloud.world.instances().filter_map(|it| Some((it.id, it.place.clone()?))).collect();
            if cloud.ask(&asked, &actor).is_err() {
                continue;
            }
            let world = &cloud.world;
            for class in classes(world) {
                prop_assert_eq!(choose(world, &class), choose_slowly(world, &class));
            }
            let after = waiting(world);
            for id in &after {
                let it = world.instance(*id).unwrap();
                if it.shared {
                    prop_assert_eq!(choose_host_slowly(world, it), None, "{} waits for nothing", id);
                    continue;
                }
                prop_assert_eq!(choose_slowly(world, &it.class()), None, "{} waits for nothing", id);
                // whoever waited longer in the same class was served first
                let younger = before.iter().filter(|other| *other > id && !after.contains(other));
                for other in younger.filter_map(|other| world.instance(*other)) {
                    let served = other.place.is_some();
                    prop_assert!(!served || other.class() != it.class());
                }
            }
            for (id, place) in places {
                let now = world.instance(id).and_then(|it| it.place.clone());
                prop_assert!(now.is_none_or(|now| now == place), "{} moved", id);
            }
            if !matches!(asked, Ask::Bang(_)) {
                let again = cloud.ask(&asked, &actor);
                let wrote = again.is_ok_and(|(_, entry)| entry.is_some());
                prop_assert!(!wrote, "asked again, written again: {:?}", asked);
            }
        }
    }

    /// Whatever is asked is refused with a code and a sentence, or as it was wished, or explained by
    /// a code and a sentence: no instance is in a state for which there are no words.
    #[test]
    fn s7_a_request_is_fulfilled_or_refused_with_a_reason_or_waits_with_one(steps in steps()) {
        let mut cloud = Cloud::default();
        for step in steps {
            let Some((asked, actor)) = ask(step, &cloud.world) else { continue };
            if let Err(refusal) = cloud.ask(&asked, &actor) {
                prop_assert!(!refusal.code().is_empty() && !refusal.to_string().is_empty());
                continue;
            }
            for it in cloud.world.instances() {
                let cause = explain(&cloud.world, it);
                prop_assert_eq!(cause.is_none(), is_ready(&cloud.world, it.id), "{:?}", it);
                if let Some(cause) = cause {
                    prop_assert!(!cause.code.is_empty() && !cause.sentence.is_empty(), "{:?}", it);
                }
            }
        }
    }

    /// When every node does its work, everything that was to go is gone.
    #[test]
    fn what_is_destroyed_ends(steps in steps()) {
        let mut cloud = Cloud::default();
        for step in steps {
            if let Some((asked, actor)) = ask(step, &cloud.world) {
                drop(cloud.ask(&asked, &actor));
            }
        }
        let roots: Vec<_> =
            cloud.world.instances().filter(|it| it.is_root()).map(|it| it.id).collect();
        for root in roots {
            cloud.wish(root, WishedState::Destroyed).unwrap();
        }
        let placed: Vec<_> = cloud
            .world
            .instances()
            .filter(|it| it.place.is_some())
            .map(|it| it.id)
            .collect();
        for id in placed {
            cloud.gone(id);
        }
        prop_assert_eq!(cloud.world.instances().count(), 0);
        for site in cloud.world.sites() {
            prop_assert_eq!(site.busy().0, 0);
        }
    }
}
