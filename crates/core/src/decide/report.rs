//! `report`: a node says what became of the instance of a partition. State, promises and
//! connection come together, so nobody is handed values of a service that is not up.
//!
//! A report about an older wish, or about an instance that does not live there (any more),
//! changes nothing.

use std::{collections::BTreeMap, sync::Arc};

use super::{Answer, Decision, publish::published, requested::unrequested};
use crate::{
    actor::{Actor, Deed, permit},
    names::{Generation, InstanceId, ReportedState, Revision, Timestamp, Title, WishedState},
    refusal::Refusal,
    settle::{change, tail},
    world::{Dictionary, Instance, Place, Promise, Report, World},
    write::{Note, Write},
};

/// What became of a wish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceReport {
    /// Where.
    pub place: Place,
    /// The instance that it is about.
    pub id: InstanceId,
    /// The generation of the wish that it is about.
    pub generation: Generation,
    /// The revision that its sender had heard when it sent this, so that a report which was long
    /// under way does not undo a later one; `None` where that is not told (old protocols).
    pub follows: Option<Revision>,
    /// What it is now.
    pub state: ReportedState,
    /// One sentence: what it waits for, or the error.
    pub text: Option<String>,
    /// The values that it published, whole; `None`: as before.
    pub connection: Option<Dictionary>,
    /// The values that it published for the shared instances that it serves, whole each.
    pub shared: BTreeMap<InstanceId, Dictionary>,
    /// Titles of what it requested in a complete pass; children that are not named go.
    pub requested: Option<Vec<Title>>,
    /// Its promises, all of them.
    pub promises: Vec<Promise>,
}

pub(super) fn report(
    world: &World,
    ask: &InstanceReport,
    actor: &Actor,
    now: Timestamp,
) -> Result<Decision, Refusal> {
    permit(world, actor, Deed::SpeakFor(&ask.place.computer))?;
    world.site(&ask.place.computer)?;
    let known = world.instance(ask.id).filter(|it| it.place.as_ref() == Some(&ask.place));
    let Some(known) = known.filter(|it| it.generation == ask.generation) else {
        return Ok(Decision::unchanged(Answer::Stale));
    };
    permit(world, actor, Deed::Host(known.id))?;
    let taken_in = known.report.as_ref().map(|it| it.taken_in).unwrap_or_default();
    if ask.follows.is_some_and(|it| it < taken_in) {
        return Ok(Decision::unchanged(Answer::Overtaken));
    }
    let mut new = known.clone();
    hear(&mut new, ask, taken_in);
    let mut writes = Vec::new();
    if let Some(requested) = &ask.requested {
        writes.extend(unrequested(world, known, requested, now));
    }
    if is_green(ask) {
        let touched: Vec<_> = writes.iter().filter_map(Write::instance).collect();
        let served = ask.shared.iter().filter(|(guest, _)| !touched.contains(guest));
        let values = served.filter_map(|(guest, connection)| {
            let guest = world.instance(*guest).filter(|it| it.host == Some(known.id))?;
            published(world, guest, &Arc::new(connection.clone()), now)
        });
        writes.extend(values.collect::<Vec<_>>());
    }
    let published = new.connection != known.connection;
    if new != *known || !writes.is_empty() {
        let taken = change(world, &new, now, |it| {
            it.report.iter_mut().for_each(|report| report.taken_in = world.next_revision());
        });
        writes.insert(0, taken);
    }
    let what = match ask.state {
        ReportedState::Starting => "is starting",
        ReportedState::Waiting => "waits for another instance",
        ReportedState::Started if published => "publishes its connection",
        ReportedState::Started => "is up",
        ReportedState::Stopped => "is stopped",
        ReportedState::Destroyed => "is destroyed",
        ReportedState::Error => "failed",
    };
    let note = Note {
        verb: if published { "publish" } else { "report" }.into(),
        what: format!("`{}` {what}", known.title),
        instance: Some((known.id, known.title.clone())),
        computer: Some(ask.place.computer.clone()),
    };
    Ok(Decision { answer: Answer::Done, writes, note })
}

fn hear(row: &mut Instance, ask: &InstanceReport, taken_in: Revision) {
    let text = ask.text.as_deref().map(tail);
    row.error = match ask.state {
        ReportedState::Error => text.clone(),
        ReportedState::Starting | ReportedState::Waiting => row.error.take(),
        ReportedState::Started | ReportedState::Stopped | ReportedState::Destroyed => None,
    };
    row.report = Some(Report {
        generation: ask.generation,
        state: ask.state,
        text,
        promises: ask.promises.clone(),
        taken_in,
    });
    if ask.state == ReportedState::Destroyed && row.wished == WishedState::Destroyed {
        row.place = None;
        return;
    }
    if let Some(connection) = &ask.connection {
        let same = *connection == *row.connection;
        row.unproven = if same { None } else { Some(Arc::new(connection.clone())) };
    }
    if is_green(ask)
        && let Some(proven) = row.unproven.take()
    {
        row.connection = proven;
    }
}

fn is_green(ask: &InstanceReport) -> bool {
    ask.state == ReportedState::Started && ask.promises.iter().all(|it| it.ok)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{decide::Ask, names::ReportedState::*, testing::*};

    /// PHP on COMP-1 has asked for a database on COMP-2.
    fn story() -> (Cloud, InstanceId, InstanceId) {
        let mut cloud = Cloud::default();
        cloud.format("COMP-1", 2);
        cloud.format("COMP-2", 2);
        cloud.install("software/php", "COMP-1");
        cloud.install("software/db", "COMP-2");
        let app = cloud.root("app", "software/php");
        let db = cloud.child(app, "db", "software/db");
        (cloud, app, db)
    }

    #[test]
    fn a_connection_is_given_once_promises_are_green() {
        let (mut cloud, app, db) = story();
        // state, green, published; what the requester sees then, whether it is woken
        let table = [
            (Starting, true, "1", None, false),
            (Started, false, "1", None, false),
            (Started, true, "1", Some("1"), true),
            (Started, true, "1", Some("1"), false),
            (Error, false, "1", Some("1"), false), // turned red: what was given stays
            (Starting, false, "2", Some("1"), false),
            (Error, false, "1", Some("1"), false), // and back to what it was
            (Started, true, "3", Some("3"), true),
        ];
        for (state, green, url, seen, woken) in table {
            let news = cloud.it(app).news;
            cloud.report(db, state, |it| {
                it.connection = Some(texts(&[("url", url)]));
                it.promises = vec![promise("listens", green)];
            });
            let what = format!("{state:?} {green} {url}");
            let given = cloud.it(db).connection.get("url").map(String::as_str);
            assert_eq!(given, seen, "{what}");
            assert_eq!(cloud.it(app).news > news, woken, "{what}");
            if woken {
                assert_eq!(cloud.it(app).told_in, cloud.world.revision(), "{what}");
            }
        }
        cloud.report(db, Error, |it| {
            it.promises = vec![promise("listens", false)];
        });
        let why = cloud.why(db).unwrap();
        assert_eq!(
            (why.code, why.sentence.as_str()),
            ("promise-red", "promise listens is red: connection refused")
        );
        assert!(!cloud.it(db).connection.is_empty());
    }

    #[test]
    fn a_report_about_an_older_wish_or_another_place_changes_nothing() {
        let (mut cloud, app, db) = story();
        let elsewhere = cloud.it(app).place.clone().unwrap();
        type Edit<'a> = &'a dyn Fn(&mut InstanceReport);
        let edits: [(&str, Edit<'_>); 3] = [
            ("older", &|it| it.generation = Generation(0)),
            ("newer", &|it| it.generation = Generation(99)),
            ("elsewhere", &|it| it.place = elsewhere.clone()),
        ];
        for (what, edit) in edits {
            let (answer, entry) = cloud.report(db, Started, edit);
            assert_eq!((answer, entry.is_none()), (Answer::Stale, true), "{what}");
        }
    }

    #[test]
    fn a_report_that_was_overtaken_on_its_way_changes_nothing() {
        let (mut cloud, _, db) = story();
        let began = cloud.world.revision();
        cloud.report(db, Waiting, |it| it.follows = Some(began));
        let first = cloud.world.revision();
        cloud.report(db, Started, |it| it.follows = Some(first));
        let second = cloud.world.revision();
        // what it is, what its sender had heard, the answer
        let table = [
            (Waiting, began, Answer::Overtaken),
            (Error, first, Answer::Overtaken),
            (Started, second, Answer::Done),
            (Error, second, Answer::Done),
        ];
        for (state, heard, expected) in table {
            let before = cloud.world.clone();
            let (answer, _) = cloud.report(db, state, |it| it.follows = Some(heard));
            assert_eq!(answer, expected, "{state:?} after {heard:?}");
            let changed = cloud.world != before;
            assert_eq!(changed, state == Error && expected == Answer::Done, "{state:?}");
        }
    }

    #[test]
    fn repeating_a_report_writes_nothing() {
        let (mut cloud, _, db) = story();
        assert!(cloud.up(db, &[("url", "1")]).is_some());
        assert!(cloud.up(db, &[("url", "1")]).is_none());
    }

    #[test]
    fn a_complete_pass_drops_the_children_that_it_did_not_ask_for() {
        let (mut cloud, app, db) = story();
        let cache = cloud.child(app, "cache", "software/db");
        let waiting = cloud.child(app, "waiting", "software/none");
        cloud.report(app, Waiting, |_| ());
        assert_eq!(cloud.it(cache).wished, WishedState::Started, "an incomplete pass drops none");
        cloud.report(app, Started, |it| it.requested = Some(vec![title("db")]));
        assert_eq!(cloud.it(db).wished, WishedState::Started);
        assert_eq!(cloud.it(cache).wished, WishedState::Destroyed);
        assert!(cloud.world.instance(waiting).is_none(), "what has no partition goes at once");
    }

    #[test]
    fn a_partition_is_free_only_when_its_node_says_so() {
        let (mut cloud, app, db) = story();
        let other = cloud.root("other", "software/db");
        let third = cloud.root("third", "software/db");
        assert_eq!(cloud.place(other).as_deref(), Some("slappart1 of COMP-2"));
        assert_eq!(cloud.code(third), Some("no-free-partition"));
        cloud.wish(app, WishedState::Destroyed).unwrap();
        assert_eq!(cloud.it(db).wished, WishedState::Destroyed, "the tree follows its root");
        assert_eq!(cloud.place(third), None);
        cloud.gone(app);
        assert!(cloud.world.instance(app).is_some(), "a requester is kept until its children go");
        cloud.report(db, Destroyed, |_| ());
        assert_eq!(cloud.place(third).as_deref(), Some("slappart0 of COMP-2"));
        assert!(cloud.world.instance(app).is_none() && cloud.world.instance(db).is_none());
    }

    #[test]
    fn only_the_host_reports() {
        let (mut cloud, _, db) = story();
        let place = cloud.it(db).place.clone().unwrap();
        let report = InstanceReport {
            place,
            id: db,
            generation: cloud.it(db).generation,
            follows: None,
            state: Started,
            text: None,
            connection: None,
            shared: BTreeMap::new(),
            requested: None,
            promises: vec![],
        };
        let ask = Ask::Report(report);
        for actor in [Actor::Computer(computer("COMP-1")), operator(), Actor::Instance(db)] {
            assert_eq!(cloud.ask(&ask, &actor).unwrap_err().code(), "not-permitted", "{actor}");
        }
    }
}
