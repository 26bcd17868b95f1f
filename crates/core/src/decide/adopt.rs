//! `adopt`: an instance that already lives somewhere, as another master knew it.

use std::sync::Arc;

use super::{
    Answer, Decision,
    request::{Position, Request, Requester, new_row},
};
use crate::{
    actor::{Actor, Deed, permit},
    allocate::Placement,
    names::{InstanceId, Timestamp},
    refusal::Refusal,
    world::{Dictionary, Place, World},
    write::{Note, Write},
};

/// An instance with what another master knew of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adopt {
    /// What was requested, and by whom.
    pub request: Request,
    /// The partition where it lives; of a shared one, where its host does.
    pub place: Place,
    /// What it published.
    pub connection: Dictionary,
}

pub(super) fn adopt(
    world: &World,
    ask: &Adopt,
    actor: &Actor,
    now: Timestamp,
) -> Result<Decision, Refusal> {
    let title = ask.request.title.clone();
    let position = match &ask.request.requester {
        Requester::Person(person) => {
            Position { person: person.clone(), root: None, requester: None }
        }
        Requester::Instance(id) => {
            let it = world.known_instance(*id)?;
            Position { person: it.person.clone(), root: Some(it.root), requester: Some(*id) }
        }
    };
    permit(world, actor, Deed::RequestRoot(&position.person))?;
    let taken = match position.root {
        Some(root) => world.in_tree(root, &title).is_some(),
        None => world.root(&position.person, &title).is_some(),
    };
    if taken {
        return Err(Refusal::TitleTaken(title));
    }
    let placement = Placement::parse(&ask.request.placement, world.policy.conditions)?;
    let mut row = new_row(world, &ask.request, placement, position, now);
    if ask.request.shared {
        row.host = Some(world.occupant(&ask.place)?.id);
    } else if let (_, Some(other)) = world.partition(&ask.place)? {
        let (place, other) = (ask.place.clone(), other.title.clone());
        return Err(Refusal::BusyPartition { place, other });
    } else {
        row.place = Some(ask.place.clone());
    }
    row.connection = Arc::new(ask.connection.clone());
    let id: InstanceId = row.id;
    let note = Note {
        verb: "adopt".into(),
        what: format!("`{title}` was known to another master"),
        instance: Some((id, title)),
        computer: Some(ask.place.computer.clone()),
    };
    let writes = vec![Write::PutInstance(Box::new(row))];
    Ok(Decision { answer: Answer::Instance(id), writes, note })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{decide::Ask, testing::*};

    fn place(partition: &str) -> Place {
        Place { computer: computer("COMP-1"), partition: partition.try_into().unwrap() }
    }

    #[test]
    fn an_instance_keeps_its_place_its_tree_and_what_it_published() {
        let mut cloud = Cloud::default();
        cloud.format("COMP-1", 3);
        let mut adopt = |requester, title, shared, partition| {
            let request = Request { shared, ..wanted(requester, title, "software/db") };
            let connection = texts(&[("url", title)]);
            let ask = Ask::Adopt(Adopt { request, place: place(partition), connection });
            match cloud.ask(&ask, &operator()) {
                Ok((Answer::Instance(id), _)) => Ok(id),
                other => Err(other.unwrap_err().code()),
            }
        };
        let person = || Requester::Person(admin());
        let root = adopt(person(), "root", false, "slappart2").unwrap();
        let child = adopt(Requester::Instance(root), "child", false, "slappart0").unwrap();
        let tenant = adopt(Requester::Instance(child), "tenant", true, "slappart0").unwrap();
        let table = [
            (adopt(person(), "root", false, "slappart1"), "title-taken"),
            (adopt(person(), "other", false, "slappart2"), "busy-partition"),
            (adopt(person(), "other", false, "slappart9"), "unknown-partition"),
            (adopt(person(), "other", true, "slappart1"), "empty-partition"),
            (
                adopt(Requester::Instance(InstanceId(99)), "x", false, "slappart1"),
                "unknown-instance",
            ),
        ];
        for (found, code) in table {
            assert_eq!(found, Err(code));
        }
        assert_eq!(cloud.place(root).as_deref(), Some("slappart2 of COMP-1"));
        assert_eq!(cloud.place(child).as_deref(), Some("slappart0 of COMP-1"));
        let it = cloud.it(tenant);
        assert_eq!((it.host, it.root, it.requester), (Some(child), root, Some(child)));
        assert_eq!(*it.connection, texts(&[("url", "tenant")]));
    }
}
