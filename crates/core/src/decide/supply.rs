//! `supply`: a release shall be available on a computer, or shall be removed from it.

use super::{Answer, Decision};
use crate::{
    actor::{Actor, Deed, permit},
    names::{ComputerId, SoftwareUrl, SupplyState, SupplyWish, Timestamp},
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
    /// Install it again, even where it is available: its sources have changed.
    pub again: bool,
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
        (wish, Some(known))
            if wish == known.wished && known.state != SupplyState::Error && !ask.again =>
        {
            return Ok(Decision::unchanged(Answer::Done));
        }
        (SupplyWish::Available, _) => "supply",
        (SupplyWish::Destroyed, Some(_)) => "remove",
    };
    if ask.wish == SupplyWish::Destroyed {
        let users = site.users_of(&ask.release).filter_map(|id| world.instance(id));
        let titles: Vec<_> = users.map(|it| it.title.clone()).collect();
        if !titles.is_empty() {
            let (computer, release) = (ask.computer.clone(), ask.release.clone());
            return Err(Refusal::ReleaseInUse { computer, release, titles });
        }
    }
    let revision = world.next_revision();
    let row = Supply {
        computer: ask.computer.clone(),
        release: ask.release.clone(),
        wished: ask.wish,
        generation: revision.into(),
        state: SupplyState::Requested,
        text: None,
        percent: None,
        changed_at: now,
        wished_at: revision,
        again: if ask.again {
            revision.into()
        } else {
            known.map(|it| it.again).unwrap_or_default()
        },
        taken_in: known.map(|it| it.taken_in).unwrap_or_default(),
    };
    let what = match ask.wish {
        SupplyWish::Available if ask.again => {
            format!("{} shall have {} again", ask.computer, ask.release)
        }
        SupplyWish::Available => format!("{} shall have {}", ask.computer, ask.release),
        SupplyWish::Destroyed => format!("{} shall lose {}", ask.computer, ask.release),
    };
    let computer = Some(ask.computer.clone());
    let note = Note { verb: verb.into(), what, instance: None, computer };
    Ok(Decision { answer: Answer::Done, writes: vec![Write::PutSupply(row)], note })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::*;

    #[test]
    fn a_supply_depends_on_what_is_there() {
        use SupplyWish::{Available, Destroyed};
        // what happened before, the wish, the answer, whether a new wish was made
        let table = [
            ("nothing", Available, "done", true),
            ("nothing", Destroyed, "absent", false),
            ("wished", Available, "done", false),
            ("wished", Destroyed, "done", true),
            ("failed", Available, "done", true),
            ("installed", Available, "done", false),
            ("installed", Destroyed, "done", true),
            ("used", Destroyed, "release-in-use", false),
        ];
        for (before, wish, expected, renewed) in table {
            let mut cloud = Cloud::default();
            cloud.format("COMP-1", 1);
            if before != "nothing" {
                cloud.supply("software/db", "COMP-1", Available).unwrap();
            }
            match before {
                "failed" => {
                    cloud.supply_is("software/db", "COMP-1", SupplyState::Error, "no");
                }
                "installed" | "used" => cloud.install("software/db", "COMP-1"),
                _ => {}
            }
            if before == "used" {
                cloud.root("db", "software/db");
            }
            let revision = cloud.world.revision();
            let answer = match cloud.supply("software/db", "COMP-1", wish) {
                Ok(Answer::Done) => "done",
                Ok(Answer::Absent) => "absent",
                Ok(other) => panic!("{other:?}"),
                Err(refusal) => refusal.code(),
            };
            assert_eq!(answer, expected, "{wish:?} when {before}");
            assert_eq!(cloud.world.revision() != revision, renewed, "{wish:?} when {before}");
        }
    }

    #[test]
    fn asked_again_what_is_installed_is_wished_anew() {
        let mut cloud = Cloud::default();
        cloud.format("COMP-1", 1);
        cloud.install("software/db", "COMP-1");
        let known = |cloud: &Cloud| {
            let site = cloud.world.site(&computer("COMP-1")).unwrap();
            site.supply(&release("software/db")).unwrap().clone()
        };
        assert_eq!(known(&cloud).again.0, 0);
        let ask = SupplyAsk {
            computer: computer("COMP-1"),
            release: release("software/db"),
            wish: SupplyWish::Available,
            again: true,
        };
        cloud.ask(&crate::decide::Ask::Supply(ask), &operator()).unwrap();
        let renewed = known(&cloud);
        assert_eq!((renewed.state, renewed.again), (SupplyState::Requested, renewed.generation));
        // an ordinary wish afterwards keeps what was asked
        cloud.supply_is("software/db", "COMP-1", SupplyState::Error, "no");
        cloud.supply("software/db", "COMP-1", SupplyWish::Available).unwrap();
        assert_eq!(known(&cloud).again, renewed.again);
    }

    #[test]
    fn an_unknown_computer_is_refused_with_the_nearest_name() {
        let mut cloud = Cloud::default();
        cloud.format("COMP-1", 1);
        let refusal = cloud.supply("software/db", "COMP-2", SupplyWish::Available).unwrap_err();
        assert_eq!(refusal.code(), "unknown-computer");
        assert_eq!(refusal.hint().as_deref(), Some("did you mean `COMP-1`?"));
    }

    #[test]
    fn who_uses_a_release_is_named() {
        let mut cloud = Cloud::default();
        cloud.format("COMP-1", 1);
        cloud.install("software/db", "COMP-1");
        cloud.root("my db", "software/db");
        let refusal = cloud.supply("software/db", "COMP-1", SupplyWish::Destroyed).unwrap_err();
        assert_eq!(refusal.to_string(), "`software/db` is used on COMP-1 by `my db`");
    }
}
