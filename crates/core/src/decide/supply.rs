//! `supply`: a release shall be available on a computer, or shall be removed from it.

use super::{Answer, Decision};
use crate::{
    actor::{Actor, Deed, permit},
    names::{ComputerId, Generation, SoftwareUrl, SupplyState, SupplyWish, Timestamp},
    refusal::Refusal,
    world::{Supply, World},
    write::{Note, Write},
};

/// A wish about a release on a computer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SupplyAsk {
    /// The computer.
    pub computer: ComputerId,
    /// The release.
    pub release: SoftwareUrl,
    /// What is wished.
    pub wish: SupplyWish,
}

/// Asking again for what failed is a new wish, so that its node tries again.
pub(super) fn supply(
    world: &World,
    ask: &SupplyAsk,
    actor: &Actor,
    now: Timestamp,
) -> Result<Decision, Refusal> {
    permit(world, actor, Deed::Supply(&ask.computer))?;
    let site = world.site(&ask.computer)?;
    let known = site.supply(&ask.release);
    let verb = match (ask.wish, known) {
        (SupplyWish::Destroyed, None) => return Ok(Decision::unchanged(Answer::Absent)),
        (wish, Some(known)) if wish == known.wished && known.state != SupplyState::Error => {
            return Ok(Decision::unchanged(Answer::Done));
        }
        (SupplyWish::Available, _) => "supply",
        (SupplyWish::Destroyed, Some(_)) => "remove",
    };
    if ask.wish == SupplyWish::Destroyed {
        let users = site
            .users_of(&ask.release)
            .filter_map(|id| world.instance(id));
        let titles: Vec<_> = users.map(|it| it.title.clone()).collect();
        if !titles.is_empty() {
            let (computer, release) = (ask.computer.clone(), ask.release.clone());
            return Err(Refusal::ReleaseInUse {
                computer,
                release,
                titles,
            });
        }
    }
    let revision = world.next_revision();
    let row = Supply {
        computer: ask.computer.clone(),
        release: ask.release.clone(),
        wished: ask.wish,
        generation: Generation(revision.0),
        state: SupplyState::Requested,
        text: None,
        changed_at: now,
        wished_at: revision,
    };
    let what = match ask.wish {
        SupplyWish::Available => format!("{} shall have {}", ask.computer, ask.release),
        SupplyWish::Destroyed => format!("{} shall lose {}", ask.computer, ask.release),
    };
    let computer = Some(ask.computer.clone());
    let note = Note {
        verb: verb.into(),
        what,
        instance: None,
        computer,
    };
    Ok(Decision {
        answer: Answer::Done,
        writes: vec![Write::PutSupply(row)],
        note,
    })
}
