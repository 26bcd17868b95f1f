//! `govern`: what a computer is for: whether it takes new instances, how many, and the traits by
//! which requests choose it.

use super::{Answer, Decision};
use crate::{
    actor::{Actor, Deed, permit},
    allocate::{TRAITS, Traits},
    names::ComputerId,
    refusal::Refusal,
    world::{AllocationScope, World},
    write::{Note, Write},
};

/// What changes about a computer; `None`: as before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Govern {
    /// The computer.
    pub computer: ComputerId,
    /// Whether it takes new instances.
    pub allocation: Option<AllocationScope>,
    /// At most so many instances; `Some(None)`: as many as it has partitions.
    pub capacity: Option<Option<u32>>,
    /// Its traits, all of them.
    pub traits: Option<Traits>,
}

pub(super) fn govern(world: &World, ask: &Govern, actor: &Actor) -> Result<Decision, Refusal> {
    permit(world, actor, Deed::Govern(&ask.computer))?;
    let known = world.site(&ask.computer)?.computer();
    for key in ask.traits.iter().flat_map(Traits::keys) {
        if !TRAITS.contains(&key.as_str()) {
            let nearest = slapos_nearest::nearest(key, TRAITS);
            let key = key.chars().take(80).collect();
            return Err(Refusal::UnknownTrait { key, nearest });
        }
    }
    let mut row = known.clone();
    row.allocation = ask.allocation.unwrap_or(row.allocation);
    row.capacity = ask.capacity.unwrap_or(row.capacity);
    if let Some(traits) = &ask.traits {
        row.traits = traits.clone();
    }
    if row == *known {
        return Ok(Decision::unchanged(Answer::Done));
    }
    let what = match (row.allocation == known.allocation, row.allocation) {
        (true, _) => format!("{} is described otherwise", row.id),
        (false, AllocationScope::Open) => format!("{} is open for new instances", row.id),
        (false, AllocationScope::Closed) => format!("{} takes no new instances", row.id),
        (false, AllocationScope::Draining) => format!("{} shall become empty", row.id),
    };
    let note = Note { verb: "govern".into(), what, instance: None, computer: Some(row.id.clone()) };
    Ok(Decision { answer: Answer::Done, writes: vec![Write::PutComputer(row)], note })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{decide::Ask, testing::*};

    fn edit(edit: impl FnOnce(&mut Govern)) -> Ask {
        let computer = computer("COMP-1");
        let mut govern = Govern { computer, allocation: None, capacity: None, traits: None };
        edit(&mut govern);
        Ask::Govern(govern)
    }

    #[test]
    fn who_waits_is_placed_when_a_computer_opens_gets_room_or_a_trait() {
        let europe = || Traits::from([("region".to_owned(), "europe".to_owned())]);
        type Edit = Box<dyn Fn(&mut Govern)>;
        let table: [(&str, Edit, Edit); 4] = [
            (
                "closed",
                Box::new(|it| it.allocation = Some(AllocationScope::Closed)),
                Box::new(|it| it.allocation = Some(AllocationScope::Open)),
            ),
            (
                "draining",
                Box::new(|it| it.allocation = Some(AllocationScope::Draining)),
                Box::new(|it| it.allocation = Some(AllocationScope::Open)),
            ),
            (
                "capacity",
                Box::new(|it| it.capacity = Some(Some(0))),
                Box::new(|it| it.capacity = Some(None)),
            ),
            ("traits", Box::new(|_| ()), Box::new(move |it| it.traits = Some(europe()))),
        ];
        for (what, before, after) in table {
            let mut cloud = Cloud::default();
            cloud.format("COMP-1", 2);
            cloud.install("software/db", "COMP-1");
            cloud.ask(&edit(before), &operator()).unwrap();
            let mut request =
                wanted(crate::decide::Requester::Person(admin()), "db", "software/db");
            if what == "traits" {
                request.placement = texts(&[("region", "europe")]);
            }
            let id = cloud.request(request).unwrap().unwrap();
            assert_eq!(cloud.place(id), None, "{what}");
            cloud.ask(&edit(after), &operator()).unwrap();
            assert_eq!(cloud.place(id).as_deref(), Some("slappart0 of COMP-1"), "{what}");
        }
    }

    #[test]
    fn a_mistake_is_refused() {
        let mut cloud = Cloud::default();
        cloud.format("COMP-1", 1);
        let rgion = || edit(|it| it.traits = Some(texts(&[("rgion", "europe")])));
        let node = Actor::Computer(computer("COMP-1"));
        let refusal = cloud.ask(&rgion(), &operator()).unwrap_err();
        assert_eq!(refusal.code(), "unknown-trait");
        assert_eq!(refusal.hint().as_deref(), Some("did you mean `region`?"));
        assert_eq!(cloud.ask(&edit(|_| ()), &node).unwrap_err().code(), "not-permitted");
    }
}
