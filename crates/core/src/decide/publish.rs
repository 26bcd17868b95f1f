//! `publish`: these values came out of an instance, or out of it for one that it serves.
//!
//! For nodes that tell values and promises in separate calls: what they publish counts at once.
//! A node of ours publishes in its report, where values wait for green promises.

use std::sync::Arc;

use super::{Answer, Decision};
use crate::{
    actor::{Actor, Deed, permit},
    names::{InstanceId, Timestamp},
    refusal::Refusal,
    world::{Dictionary, Instance, Outcome, Place, World},
    write::{Note, Write},
};

/// These values came out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publish {
    /// The partition of the instance that publishes.
    pub place: Place,
    /// The shared instance that they are for; `None`: they are its own.
    pub shared: Option<InstanceId>,
    /// The values, whole.
    pub connection: Arc<Dictionary>,
}

pub(super) fn publish(
    world: &World,
    ask: &Publish,
    actor: &Actor,
    now: Timestamp,
) -> Result<Decision, Refusal> {
    let publisher = world.occupant(&ask.place)?;
    permit(world, actor, Deed::Publish(publisher.id))?;
    let (about, write) = match ask.shared {
        None => (publisher, published(world, publisher, &ask.connection, now)),
        Some(id) => {
            let guest = world.instance(id).filter(|it| it.host == Some(publisher.id));
            let host = || publisher.title.clone();
            let guest =
                guest.ok_or_else(|| Refusal::NotServed { host: host(), guest: id.to_string() })?;
            (guest, published(world, guest, &ask.connection, now))
        }
    };
    let note = Note {
        verb: "publish".into(),
        what: format!("`{}` publishes its connection", about.title),
        instance: Some((about.id, about.title.clone())),
        computer: Some(ask.place.computer.clone()),
    };
    Ok(Decision { answer: Answer::Done, writes: write.into_iter().collect(), note })
}

/// The outcome of an instance that these values came out of; `None` when nothing is new.
pub(super) fn published(
    world: &World,
    it: &Instance,
    connection: &Arc<Dictionary>,
    now: Timestamp,
) -> Option<Write> {
    let same = it.connection == *connection;
    (!same || it.unproven.is_some()).then(|| {
        Write::PutOutcome(Box::new(Outcome {
            connection: Arc::clone(connection),
            published_at: if same { it.published_at } else { now },
            unproven: None,
            changed_at: now,
            revision: world.next_revision(),
            ..it.outcome()
        }))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{decide::Ask, testing::*};

    #[test]
    fn values_count_at_once_and_wake_who_asked_for_them() {
        let mut cloud = Cloud::default();
        cloud.format("COMP-1", 3);
        for url in ["software/db", "software/php"] {
            cloud.install(url, "COMP-1");
        }
        let app = cloud.root("app", "software/php");
        let db = cloud.child(app, "db", "software/db");
        let guest = cloud.shared(app, "tenant", "software/db");
        let other = cloud.root("other", "software/db");
        let place = |cloud: &Cloud, id| cloud.it(id).place.clone().unwrap();
        assert_eq!(cloud.it(guest).host, Some(db));
        // who publishes from where, for whom, the value; the outcome, whether `app` is woken
        let computer1 = || Actor::Computer(computer("COMP-1"));
        let table = [
            (computer1(), db, None, "1", "done", true),
            (computer1(), db, None, "1", "done", false),
            (Actor::Instance(db), db, None, "2", "done", true),
            (Actor::Instance(db), db, Some(guest), "3", "done", true),
            (Actor::Instance(db), db, Some(other), "3", "not-served", false),
            (Actor::Instance(other), db, None, "4", "not-permitted", false),
            (operator(), db, None, "4", "not-permitted", false),
        ];
        for (actor, from, shared, url, expected, woken) in table {
            let told = cloud.it(app).told_at;
            let place = place(&cloud, from);
            let publish = Publish { place, shared, connection: Arc::new(texts(&[("url", url)])) };
            let outcome = match cloud.ask(&Ask::Publish(publish), &actor) {
                Ok(_) => "done",
                Err(refusal) => refusal.code(),
            };
            assert_eq!(outcome, expected, "{actor} {shared:?} {url}");
            assert_eq!(cloud.it(app).told_at > told, woken, "{actor} {shared:?} {url}");
        }
        let given = [db, guest].map(|id| cloud.it(id).connection["url"].clone());
        assert_eq!(given, ["2", "3"]);
    }
}
