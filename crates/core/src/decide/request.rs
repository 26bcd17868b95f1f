//! `request`: find or create the instance (tree, title) and bring it to the wished state.
//!
//! A person requests roots, a running instance requests children in its own tree. Asking the
//! same again changes nothing. An instance keeps its place whatever is asked later, and
//! a shared one its host: its data lives there, also while host and guest change their release
//! one after the other.

use std::sync::Arc;

use super::{Answer, Decision};
use crate::{
    actor::{Actor, Deed, permit},
    allocate::{Placement, choose, host::choose_host},
    explain::explain,
    names::{InstanceId, PersonId, SoftwareType, SoftwareUrl, Timestamp, Title, WishedState},
    policy::{Places, RootRelease},
    refusal::{CHILDREN_MAX, Refusal},
    settle::effective_wish,
    world::{Dictionary, Instance, World},
    write::{Note, Write},
};

/// Who requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Requester {
    /// A person: the instance is the root of a tree.
    Person(PersonId),
    /// An instance: the other is its child, in the same tree.
    Instance(InstanceId),
}

/// What is requested.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Who requests.
    pub requester: Requester,
    /// The title.
    pub title: Title,
    /// The release.
    pub release: SoftwareUrl,
    /// The entry of the release.
    pub software_type: SoftwareType,
    /// What goes in. `None`: as before, empty for a new instance.
    pub parameters: Option<Dictionary>,
    /// Conditions on where.
    pub placement: Dictionary,
    /// Served by another instance instead of having its own partition.
    pub shared: bool,
    /// What is wished. `None`: as before, started for a new instance.
    pub state: Option<WishedState>,
}

/// Where in which tree the instance shall be.
pub(super) struct Position {
    pub(super) person: PersonId,
    /// `None`: a new tree.
    pub(super) root: Option<InstanceId>,
    pub(super) requester: Option<InstanceId>,
}

pub(super) fn request(
    world: &World,
    ask: &Request,
    actor: &Actor,
    now: Timestamp,
) -> Result<Decision, Refusal> {
    let mut placement = Placement::parse(&ask.placement, world.policy.conditions)?;
    if placement.computer.is_none() {
        placement.computer.clone_from(&world.policy.default_computer);
    }
    let (position, known) = match &ask.requester {
        Requester::Person(person) => {
            permit(world, actor, Deed::RequestRoot(person))?;
            let known = world.root(person, &ask.title);
            let position = Position { person: person.clone(), root: None, requester: None };
            (position, known)
        }
        Requester::Instance(id) => {
            permit(world, actor, Deed::RequestChild(*id))?;
            find_child(world, ask, *id)?
        }
    };
    match known {
        None if ask.state == Some(WishedState::Destroyed) => {
            Ok(Decision::unchanged(Answer::Absent))
        }
        None => create(world, ask, placement, position, now),
        Some(known) => change(world, ask, placement, &position, known, now),
    }
}

fn find_child<'w>(
    world: &'w World,
    ask: &Request,
    requester: InstanceId,
) -> Result<(Position, Option<&'w Instance>), Refusal> {
    let asking = world.known_instance(requester)?;
    if asking.wished == WishedState::Destroyed {
        return Err(Refusal::RequesterLeaves(asking.title.clone()));
    }
    let known = world.in_tree(asking.root, &ask.title);
    if let Some(known) = known {
        if known.is_root() {
            return Err(Refusal::RootRequested(known.title.clone()));
        }
        if known.id == requester || world.ancestors(requester).any(|above| above.id == known.id) {
            let (title, requester) = (known.title.clone(), asking.title.clone());
            return Err(Refusal::Cycle { title, requester });
        }
    }
    let joins = known.is_none_or(|known| known.requester != Some(requester));
    if joins && world.instances.children.count(&requester) >= CHILDREN_MAX {
        return Err(Refusal::TooManyChildren { title: asking.title.clone() });
    }
    let (person, root) = (asking.person.clone(), Some(asking.root));
    Ok((Position { person, root, requester: Some(requester) }, known))
}

fn create(
    world: &World,
    ask: &Request,
    placement: Placement,
    position: Position,
    now: Timestamp,
) -> Result<Decision, Refusal> {
    let row = new_row(world, ask, placement, position, now);
    if world.policy.places == Places::Anywhere {
        refuse_without_place(world, &row)?;
    }
    let id = row.id;
    let note = note(world, ask, id, "is requested");
    let writes = vec![Write::PutInstance(Box::new(row))];
    Ok(Decision { answer: Answer::Instance(id), writes, note })
}

/// The row of a new instance, still without a place.
pub(super) fn new_row(
    world: &World,
    ask: &Request,
    placement: Placement,
    position: Position,
    now: Timestamp,
) -> Instance {
    let revision = world.next_revision();
    let id = InstanceId(revision.0);
    let root = position.root.unwrap_or(id);
    let asked = ask.state.unwrap_or(WishedState::Started);
    let mut row = Instance {
        id,
        title: ask.title.clone(),
        root,
        requester: position.requester,
        person: position.person,
        release: ask.release.clone(),
        software_type: ask.software_type.clone(),
        shared: ask.shared,
        parameters: Arc::new(ask.parameters.clone().unwrap_or_default()),
        placement,
        asked,
        held: false,
        wished: asked,
        generation: revision.into(),
        news: 0,
        told_in: revision,
        told_at: now,
        place: None,
        host: None,
        unrequested: false,
        report: None,
        error: None,
        connection: Arc::default(),
        published_at: Timestamp::default(),
        unproven: None,
        created_at: now,
        changed_at: now,
        revision,
    };
    row.wished = effective_wish(world, &row);
    row
}

fn refuse_without_place(world: &World, it: &Instance) -> Result<(), Refusal> {
    let found = match it.shared {
        true => choose_host(world, it).is_some(),
        false => choose(world, &it.class()).is_some(),
    };
    if found || it.wished == WishedState::Destroyed {
        return Ok(());
    }
    let cause = explain(world, it).map_or_else(String::new, |cause| cause.sentence);
    Err(Refusal::NoPlace { title: it.title.clone(), cause })
}

fn change(
    world: &World,
    ask: &Request,
    placement: Placement,
    position: &Position,
    known: &Instance,
    now: Timestamp,
) -> Result<Decision, Refusal> {
    let answer = Answer::Instance(known.id);
    let leaves = known.wished == WishedState::Destroyed;
    let asked = ask.state.unwrap_or(known.asked);
    if asked != WishedState::Destroyed && !leaves {
        refuse_change(world, ask, known)?;
    }
    let mut new = known.clone();
    new.requester = position.requester;
    new.unrequested = false;
    if !leaves {
        new.asked = asked;
        new.wished = effective_wish(world, &new);
    }
    if new.wished != WishedState::Destroyed {
        new.release = ask.release.clone();
        new.software_type = ask.software_type.clone();
        new.placement = placement;
        if let Some(parameters) = &ask.parameters
            && *parameters != *new.parameters
        {
            new.parameters = Arc::new(parameters.clone());
        }
    }
    if new == *known {
        return Ok(Decision::unchanged(answer));
    }
    new.revision = world.next_revision();
    new.changed_at = now;
    let same_wish = new.wished == known.wished
        && new.release == known.release
        && new.software_type == known.software_type
        && new.parameters == known.parameters;
    if !same_wish {
        new.renew(new.revision, now);
    }
    let what = if new.requester != known.requester {
        "is taken over"
    } else if new.wished != known.wished {
        match new.wished {
            WishedState::Started => "shall run",
            WishedState::Stopped => "shall stop",
            WishedState::Destroyed => "shall be destroyed",
        }
    } else {
        "is requested otherwise"
    };
    let note = note(world, ask, known.id, what);
    Ok(Decision { answer, writes: vec![Write::PutInstance(Box::new(new))], note })
}

/// What a request cannot change: whether it is shared and, by the rules of production, what a
/// root runs.
fn refuse_change(world: &World, ask: &Request, known: &Instance) -> Result<(), Refusal> {
    let title = known.title.clone();
    if ask.shared != known.shared {
        return Err(Refusal::SharedChange { title, shared: known.shared });
    }
    let upgraded = world.policy.root_release == RootRelease::Upgraded;
    if known.is_root() && upgraded && ask.release != known.release {
        let (from, to) = (known.release.clone(), ask.release.clone());
        return Err(Refusal::ReleaseChange { title, from, to });
    }
    Ok(())
}

fn note(world: &World, ask: &Request, id: InstanceId, what: &str) -> Note {
    let by = match &ask.requester {
        Requester::Person(person) => person.to_string(),
        Requester::Instance(id) => {
            world.instance(*id).map_or_else(|| id.to_string(), |it| format!("`{}`", it.title))
        }
    };
    Note {
        verb: "request".into(),
        what: format!("`{}` {what} by {by}", ask.title),
        instance: Some((id, ask.title.clone())),
        computer: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{names::WishedState::*, testing::*};

    fn by_admin(title: &str, release: &str) -> Request {
        wanted(Requester::Person(admin()), title, release)
    }

    #[test]
    fn asking_twice_writes_once() {
        let mut cloud = Cloud::default();
        let id = cloud.root("app", "software/php");
        let revision = cloud.world.revision();
        assert_eq!(cloud.root("app", "software/php"), id);
        assert_eq!(cloud.world.revision(), revision);
    }

    #[test]
    fn only_a_changed_wish_is_a_new_generation() {
        type Edit = fn(&mut Request);
        let edits: [(&str, Edit, bool); 8] = [
            ("nothing", |_| (), false),
            ("same parameters", |it| it.parameters = Some(texts(&[("a", "1")])), false),
            ("no parameters said", |it| it.parameters = None, false),
            ("other parameters", |it| it.parameters = Some(texts(&[])), true),
            ("other type", |it| it.software_type = "small".try_into().unwrap(), true),
            ("other state", |it| it.state = Some(Stopped), true),
            ("no state said", |it| it.state = None, false),
            ("placement", |it| it.placement = texts(&[("computer_guid", "COMP-1")]), false),
        ];
        for (what, edit, renewed) in edits {
            let mut cloud = Cloud::default();
            cloud.format("COMP-1", 1);
            cloud.install("software/php", "COMP-1");
            let first = Request {
                parameters: Some(texts(&[("a", "1")])),
                ..by_admin("app", "software/php")
            };
            let id = cloud.request(first.clone()).unwrap().unwrap();
            let (place, generation) = (cloud.place(id), cloud.it(id).generation);
            let mut again = first;
            edit(&mut again);
            assert_eq!(cloud.request(again), Ok(Some(id)), "{what}");
            assert_eq!(cloud.it(id).generation != generation, renewed, "{what}");
            assert_eq!(cloud.place(id), place, "{what}: an instance keeps its place");
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let mut cloud = Cloud::default();
        cloud.format("COMP-1", 2);
        cloud.install("software/db", "COMP-1");
        let app = cloud.root("app", "software/php");
        let db = cloud.child(app, "db", "software/db");
        let disk = cloud.child(db, "disk", "software/disk");
        let leaving = cloud.root("leaving", "software/db");
        cloud.wish(leaving, Destroyed).unwrap();
        let by = Requester::Instance;
        let placed = |key: &str| Request {
            placement: texts(&[(key, "COMP-1")]),
            ..by_admin("new", "software/php")
        };
        let table = [
            (wanted(by(db), "app", "software/php"), "root-requested"),
            (wanted(by(disk), "db", "software/db"), "request-cycle"),
            (wanted(by(db), "db", "software/db"), "request-cycle"),
            (wanted(by(leaving), "more", "software/db"), "requester-being-destroyed"),
            (wanted(by(InstanceId(99)), "more", "software/db"), "unknown-instance"),
            (by_admin("app", "software/php2"), "release-change"),
            (Request { shared: true, ..by_admin("app", "software/php") }, "shared-change"),
            (placed("computer_gid"), "unknown-placement-key"),
            (placed("mode"), "bad-placement-value"),
        ];
        for (request, code) in table {
            let what = format!("{request:?}");
            assert_eq!(cloud.request(request).unwrap_err().code(), code, "{what}");
        }
        let eve = Actor::Person("eve".try_into().unwrap());
        let refusal = cloud.ask(&super::super::Ask::Request(by_admin("x", "software/db")), &eve);
        assert_eq!(refusal.unwrap_err().code(), "not-permitted");
        // what a child runs is decided by its requester
        assert_eq!(cloud.child(app, "db", "software/db2"), db);
        assert_eq!(cloud.it(db).release, release("software/db2"));
    }

    #[test]
    fn a_child_can_be_taken_over_inside_its_tree() {
        let mut cloud = Cloud::default();
        let app = cloud.root("app", "software/php");
        let web = cloud.child(app, "web", "software/web");
        let db = cloud.child(app, "db", "software/db");
        assert_eq!(cloud.child(web, "db", "software/db"), db);
        assert_eq!(cloud.it(db).requester, Some(web));
        let other = cloud.root("other", "software/php");
        assert_ne!(cloud.child(other, "db", "software/db"), db, "another tree, another instance");
    }

    #[test]
    fn destroyed_for_an_unknown_title_is_absent_and_creates_nothing() {
        let mut cloud = Cloud::default();
        let request = Request { state: Some(Destroyed), ..by_admin("app", "software/php") };
        assert_eq!(cloud.request(request), Ok(None));
        assert_eq!(cloud.world.instances().count(), 0);
    }

    #[test]
    fn what_was_destroyed_comes_back_as_another_once_it_is_gone() {
        let mut cloud = Cloud::default();
        cloud.format("COMP-1", 2);
        cloud.install("software/php", "COMP-1");
        cloud.install("software/db", "COMP-1");
        let app = cloud.root("app", "software/php");
        let db = cloud.child(app, "db", "software/db");
        cloud.up(db, &[("url", "old")]);
        cloud.wish(db, Destroyed).unwrap();
        assert_eq!(cloud.child(app, "db", "software/db"), db, "still on its way out");
        assert_eq!(cloud.code(db), Some("being-destroyed"));
        let news = cloud.it(app).news;
        cloud.gone(db);
        assert!(cloud.it(app).news > news, "its requester is woken");
        assert_ne!(cloud.child(app, "db", "software/db"), db);
    }
}
