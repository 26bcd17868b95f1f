//! `report`: a node says what became of the instance of a partition. State, promises and
//! connection come together, so nobody is handed values of a service that is not up.
//!
//! A report about an older wish, or about an instance that does not live there (any more),
//! changes nothing.

use std::{collections::BTreeSet, sync::Arc};

use super::{Answer, Decision};
use crate::{
    actor::{Actor, Deed, permit},
    names::{Generation, InstanceId, ReportedState, Timestamp, Title, WishedState},
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
    /// What it is now.
    pub state: ReportedState,
    /// One sentence: what it waits for, or the error.
    pub text: Option<String>,
    /// The values that it published, whole; `None`: as before.
    pub connection: Option<Dictionary>,
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
    let known = world
        .instance(ask.id)
        .filter(|it| it.place.as_ref() == Some(&ask.place));
    let Some(known) = known.filter(|it| it.generation == ask.generation) else {
        return Ok(Decision::unchanged(Answer::Stale));
    };
    permit(world, actor, Deed::Host(known.id))?;
    let mut new = known.clone();
    hear(&mut new, ask);
    let mut writes = Vec::new();
    if new != *known {
        writes.push(change(world, &new, now, |_| ()));
    }
    writes.extend(forgotten(world, known, ask, now));
    let published = new.connection != known.connection;
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
    Ok(Decision {
        answer: Answer::Done,
        writes,
        note,
    })
}

fn hear(row: &mut Instance, ask: &InstanceReport) {
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
    });
    if ask.state == ReportedState::Destroyed && row.wished == WishedState::Destroyed {
        row.place = None;
        return;
    }
    if let Some(connection) = &ask.connection {
        let same = *connection == *row.connection;
        row.unproven = if same {
            None
        } else {
            Some(Arc::new(connection.clone()))
        };
    }
    let green = ask.state == ReportedState::Started && ask.promises.iter().all(|it| it.ok);
    if green && let Some(proven) = row.unproven.take() {
        row.connection = proven;
    }
}

/// Children that a complete pass no longer asked for shall go.
fn forgotten(
    world: &World,
    requester: &Instance,
    ask: &InstanceReport,
    now: Timestamp,
) -> Vec<Write> {
    let Some(requested) = &ask.requested else {
        return vec![];
    };
    let requested: BTreeSet<_> = requested.iter().collect();
    let children = world.children(requester.id);
    let forgotten =
        children.filter(|it| it.wished != WishedState::Destroyed && !requested.contains(&it.title));
    let destroy = |it| super::wish::destroyed(world, it, now);
    forgotten.map(destroy).collect()
}
