//! Who acts, and what each may do. Default deny: what is not listed here is refused.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    names::{ComputerId, InstanceId, PersonId},
    refusal::Refusal,
    world::World,
};

/// Who asks for a decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Actor {
    /// A person on a master without identities (`--open`): may act on every tree and computer.
    Operator(PersonId),
    /// A person: may act on own trees.
    Person(PersonId),
    /// The node of a computer: may speak for that computer and the partitions on it.
    Computer(ComputerId),
    /// A running instance: may request inside its tree.
    Instance(InstanceId),
    /// Somebody who is not known: may do nothing but show a token.
    Nobody,
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Operator(person) | Self::Person(person) => write!(f, "person {person}"),
            Self::Computer(computer) => write!(f, "computer {computer}"),
            Self::Instance(instance) => write!(f, "instance {instance}"),
            Self::Nobody => f.write_str("nobody known"),
        }
    }
}

/// What somebody wants to do, as far as permission is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed<'a> {
    /// Speak as the node of a computer: format it, watch it, report its releases.
    SpeakFor(&'a ComputerId),
    /// Speak as the node that hosts an instance: report it.
    Host(InstanceId),
    /// Wish a release on a computer.
    Supply(&'a ComputerId),
    /// Say what a computer is for: allocation, capacity, traits.
    Govern(&'a ComputerId),
    /// Give a computer a certificate, or take it away.
    Certify(&'a ComputerId),
    /// Let a computer join, in the name of a person.
    Invite(&'a PersonId),
    /// Publish the connection of an instance, or of one that it serves.
    Publish(InstanceId),
    /// Request a root in the name of a person.
    RequestRoot(&'a PersonId),
    /// Request a child in the name of an instance.
    RequestChild(InstanceId),
    /// Ask that an instance is processed again.
    Bang(InstanceId),
    /// Wish another state or release for an instance.
    Wish(InstanceId),
    /// Give an instance another title.
    Rename(InstanceId),
}

impl fmt::Display for Deed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SpeakFor(computer) => write!(f, "speak for computer {computer}"),
            Self::Host(instance) => write!(f, "report on {instance}"),
            Self::Supply(computer) => write!(f, "supply a release to {computer}"),
            Self::Govern(computer) => write!(f, "govern computer {computer}"),
            Self::Certify(computer) => write!(f, "change the certificate of {computer}"),
            Self::Invite(person) => write!(f, "let a computer join in the name of person {person}"),
            Self::Publish(instance) => write!(f, "publish for {instance}"),
            Self::RequestRoot(person) => write!(f, "request in the name of person {person}"),
            Self::RequestChild(instance) => write!(f, "request in the name of {instance}"),
            Self::Bang(instance) => write!(f, "bang {instance}"),
            Self::Wish(instance) => write!(f, "change the wish for {instance}"),
            Self::Rename(instance) => write!(f, "rename {instance}"),
        }
    }
}

/// May the actor do this? The one place where the answer is given.
pub fn permit(world: &World, actor: &Actor, deed: Deed<'_>) -> Result<(), Refusal> {
    let owns = |id, person: &PersonId| world.instance(id).is_some_and(|it| it.person == *person);
    let hosts = |id, computer: &ComputerId| {
        world
            .instance(id)
            .and_then(|it| it.place.as_ref())
            .is_some_and(|it| it.computer == *computer)
    };
    let permitted = match (actor, deed) {
        (Actor::Operator(who), Deed::RequestRoot(person) | Deed::Invite(person))
        | (Actor::Person(who), Deed::RequestRoot(person)) => who == person,
        (
            Actor::Operator(_),
            Deed::Supply(_)
            | Deed::Govern(_)
            | Deed::Certify(_)
            | Deed::Bang(_)
            | Deed::Wish(_)
            | Deed::Rename(_),
        ) => true,
        (Actor::Person(who), Deed::Bang(id) | Deed::Wish(id) | Deed::Rename(id)) => owns(id, who),
        (Actor::Computer(who), Deed::SpeakFor(computer)) => who == computer,
        (Actor::Computer(who), Deed::Host(id) | Deed::Publish(id) | Deed::Bang(id)) => {
            hosts(id, who)
        }
        (
            Actor::Instance(who),
            Deed::RequestChild(id) | Deed::Publish(id) | Deed::Bang(id) | Deed::Rename(id),
        ) => *who == id,
        _ => false,
    };
    if permitted {
        Ok(())
    } else {
        Err(Refusal::NotPermitted { who: actor.to_string(), deed: deed.to_string() })
    }
}
