//! `supply-report`: a node says how far a release is.

use super::{Answer, Decision};
use crate::{
    actor::{Actor, Deed, permit},
    names::{ComputerId, Generation, SoftwareUrl, SupplyState, SupplyWish, Timestamp},
    refusal::Refusal,
    settle::tail,
    world::{Supply, World},
    write::{Note, Write},
};

/// How far a release is on a computer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SupplyReport {
    /// The computer.
    pub computer: ComputerId,
    /// The release.
    pub release: SoftwareUrl,
    /// The generation of the wish that it is about.
    pub generation: Generation,
    /// How far it is.
    pub state: SupplyState,
    /// The error's text or the step that runs.
    pub text: Option<String>,
}

pub(super) fn supply_report(
    world: &World,
    ask: &SupplyReport,
    actor: &Actor,
    now: Timestamp,
) -> Result<Decision, Refusal> {
    permit(world, actor, Deed::SpeakFor(&ask.computer))?;
    let Some(known) = world.site(&ask.computer)?.supply(&ask.release) else {
        return Ok(Decision::unchanged(Answer::Stale)); // removed meanwhile, as it was reported
    };
    if known.generation != ask.generation {
        return Ok(Decision::unchanged(Answer::Stale));
    }
    let computer = Some(ask.computer.clone());
    let what = format!("{} on {}: {}", ask.release, ask.computer, word(ask.state));
    let note = Note {
        verb: "supply-report".into(),
        what,
        instance: None,
        computer,
    };
    if ask.state == SupplyState::Destroyed && known.wished == SupplyWish::Destroyed {
        let (computer, release) = (ask.computer.clone(), ask.release.clone());
        let writes = vec![Write::RemoveSupply { computer, release }];
        return Ok(Decision {
            answer: Answer::Done,
            writes,
            note,
        });
    }
    let text = ask.text.as_deref().map(|text| tail(text).to_string());
    let changed_at = if known.state == ask.state {
        known.changed_at
    } else {
        now
    };
    let row = Supply {
        state: ask.state,
        text,
        changed_at,
        ..known.clone()
    };
    let writes = if row == *known {
        vec![]
    } else {
        vec![Write::PutSupply(row)]
    };
    Ok(Decision {
        answer: Answer::Done,
        writes,
        note,
    })
}

fn word(state: SupplyState) -> &'static str {
    match state {
        SupplyState::Requested => "requested",
        SupplyState::Building => "building",
        SupplyState::Available => "available",
        SupplyState::Error => "failed",
        SupplyState::Destroyed => "removed",
    }
}
