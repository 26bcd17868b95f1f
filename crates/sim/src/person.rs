//! A person: asks for this and that, and again when no answer comes.

use slapos_core::{
    actor::Actor,
    decide::{Ask, Bang, Govern, Request, Requester, SupplyAsk, Target, Wish},
    names::{InstanceId, PersonId, SoftwareType, SupplyWish, WishedState},
    world::{AllocationScope, Dictionary},
};

use crate::{
    network::{Call, Dice, Reply},
    node::computer,
};

const TITLES: [&str; 4] = ["shop", "blog", "wiki", "mail"];
/// Every release is the same model; only their names differ.
pub(crate) const RELEASES: [&str; 3] = ["software/a", "software/b", "software/c"];

/// A person.
#[derive(Debug)]
pub(crate) struct Person {
    id: PersonId,
    computers: usize,
    /// Roots that exist, as far as this person was told.
    known: Vec<InstanceId>,
    /// What remains to be asked once the faults are over.
    farewell: Option<Vec<Ask>>,
}

impl Person {
    pub(crate) fn new(number: usize, computers: usize) -> Self {
        let id = format!("person-{number}").try_into().expect("a good name");
        Self { id, computers, known: vec![], farewell: None }
    }

    /// The next thing to ask; `None` when there is nothing any more.
    pub(crate) fn next(&mut self, dice: &mut Dice, over: bool) -> Option<Call> {
        let ask = if over {
            let computers = self.computers;
            let last = self.farewell.get_or_insert_with(|| tidy(computers));
            last.pop()?
        } else {
            self.something(dice)
        };
        Some(Call::Ask(Box::new(ask), Actor::Operator(self.id.clone())))
    }

    /// An answer came.
    pub(crate) fn answered(&mut self, reply: &Reply) {
        if let Reply::Instance(id, _) = reply
            && !self.known.contains(id)
        {
            self.known.push(*id);
        }
    }

    fn something(&self, dice: &mut Dice) -> Ask {
        use WishedState::{Destroyed, Started, Stopped};
        let state = dice.pick(&[Started, Started, Started, Stopped, Destroyed]);
        match (dice.between(0, 9), self.known.is_empty()) {
            (0..=1, _) => supply(dice.pick(&RELEASES), number(dice, self.computers)),
            (2, _) => {
                let scope = dice.pick(&[AllocationScope::Open, AllocationScope::Closed]);
                govern(number(dice, self.computers), scope)
            }
            (3, false) => Ask::Wish(Wish { id: dice.pick(&self.known), state }),
            (4, false) => Ask::Bang(Bang {
                target: Target::Instance(dice.pick(&self.known)),
                message: "again".into(),
            }),
            _ => {
                let sizes =
                    ["depth", "width"].map(|it| (it.to_owned(), dice.between(0, 3).to_string()));
                Ask::Request(Request {
                    requester: Requester::Person(self.id.clone()),
                    title: dice.pick(&TITLES).try_into().expect("a good title"),
                    release: RELEASES[0].try_into().expect("a good name"),
                    software_type: SoftwareType::default_type(),
                    parameters: Some(sizes.into()),
                    placement: Dictionary::new(),
                    shared: false,
                    state: Some(state),
                })
            }
        }
    }
}

/// Opens every computer and wishes every release everywhere, again where it failed.
fn tidy(computers: usize) -> Vec<Ask> {
    let numbers = 0..computers;
    let open = numbers.clone().map(|it| govern(it, AllocationScope::Open));
    let supplies = numbers.flat_map(|it| RELEASES.map(|release| supply(release, it)));
    open.chain(supplies).collect()
}

fn number(dice: &mut Dice, computers: usize) -> usize {
    dice.pick(&(0..computers).collect::<Vec<_>>())
}

fn supply(release: &str, number: usize) -> Ask {
    Ask::Supply(SupplyAsk {
        computer: computer(number),
        release: release.try_into().expect("a good name"),
        wish: SupplyWish::Available,
        again: false,
    })
}

fn govern(number: usize, scope: AllocationScope) -> Ask {
    Ask::Govern(Govern {
        computer: computer(number),
        allocation: Some(scope),
        capacity: None,
        traits: None,
    })
}
