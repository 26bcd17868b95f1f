//! `supply-report`: a node says how far a release is.

use super::{Answer, Decision};
use crate::{
    actor::{Actor, Deed, permit},
    names::{ComputerId, Generation, Revision, SoftwareUrl, SupplyState, SupplyWish, Timestamp},
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
    /// As in [`InstanceReport`](super::InstanceReport).
    pub follows: Option<Revision>,
    /// How far it is.
    pub state: SupplyState,
    /// The error's text or the step that runs.
    pub text: Option<String>,
    /// How much of that step is done, 0 to 100, when that is known.
    pub percent: Option<u8>,
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
    if ask.follows.is_some_and(|it| it < known.taken_in) {
        return Ok(Decision::unchanged(Answer::Overtaken));
    }
    let computer = Some(ask.computer.clone());
    let what = format!("{} on {}: {}", ask.release, ask.computer, word(ask.state));
    let note = Note { verb: "supply-report".into(), what, instance: None, computer };
    if ask.state == SupplyState::Destroyed && known.wished == SupplyWish::Destroyed {
        let (computer, release) = (ask.computer.clone(), ask.release.clone());
        let writes = vec![Write::RemoveSupply { computer, release }];
        return Ok(Decision { answer: Answer::Done, writes, note });
    }
    let text = ask.text.as_deref().map(|text| tail(text).to_string());
    let changed_at = if known.state == ask.state { known.changed_at } else { now };
    let percent = ask.percent.filter(|_| ask.state == SupplyState::Building).map(|it| it.min(100));
    let row = Supply { state: ask.state, text, percent, changed_at, ..known.clone() };
    if row == *known {
        return Ok(Decision::unchanged(Answer::Done));
    }
    let writes = vec![Write::PutSupply(Supply { taken_in: world.next_revision(), ..row })];
    Ok(Decision { answer: Answer::Done, writes, note })
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::*;

    fn report(generation: u64, state: SupplyState) -> Ask {
        Ask::SupplyReport(SupplyReport {
            computer: computer("COMP-1"),
            release: release("software/db"),
            generation: Generation(generation),
            follows: None,
            state,
            text: None,
            percent: None,
        })
    }
    use crate::decide::Ask;

    #[test]
    fn a_report_about_an_older_wish_changes_nothing() {
        let mut cloud = Cloud::default();
        cloud.format("COMP-1", 1);
        let actor = Actor::Computer(computer("COMP-1"));
        cloud.supply("software/db", "COMP-1", SupplyWish::Available).unwrap(); // revision 2
        cloud.supply("software/db", "COMP-1", SupplyWish::Destroyed).unwrap(); // revision 3
        let table = [
            (2, SupplyState::Available, Answer::Stale),
            (4, SupplyState::Available, Answer::Stale),
            (3, SupplyState::Building, Answer::Done),
            (3, SupplyState::Destroyed, Answer::Done), // removes the row
            (3, SupplyState::Destroyed, Answer::Stale),
        ];
        for (generation, state, expected) in table {
            let answer = cloud.ask(&report(generation, state), &actor).unwrap().0;
            assert_eq!(answer, expected, "{state:?} about {generation}");
        }
        cloud.supply("software/db", "COMP-1", SupplyWish::Available).unwrap();
        let late = cloud.ask(&report(3, SupplyState::Available), &actor).unwrap().0;
        assert_eq!(late, Answer::Stale, "a new wish never repeats a generation");
    }

    #[test]
    fn repeating_a_report_writes_nothing() {
        let mut cloud = Cloud::default();
        cloud.format("COMP-1", 1);
        cloud.install("software/db", "COMP-1");
        let revision = cloud.world.revision();
        cloud.supply_is("software/db", "COMP-1", SupplyState::Available, "");
        assert_eq!(cloud.world.revision(), revision);
    }

    #[test]
    fn only_the_end_of_a_long_text_is_kept() {
        let long = "é".repeat(40 << 10); // 80 KiB
        let kept = tail(&long);
        assert!(kept.len() <= 64 << 10 && long.ends_with(&*kept));
    }
}
