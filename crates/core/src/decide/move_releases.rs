//! `move-releases`: releases are at other paths now, because the directory that holds them moved.
//!
//! For a node a release at another path is another release: it is installed there, and what uses
//! it makes a new pass.

use std::collections::BTreeMap;

use super::{Answer, Decision};
use crate::{
    actor::{Actor, Deed, permit},
    names::{SoftwareUrl, SupplyState, Timestamp},
    refusal::Refusal,
    settle::change,
    world::{Supply, World},
    write::{Note, Write},
};

/// These releases are elsewhere now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MoveReleases {
    /// Where each was, and where it is.
    pub moved: BTreeMap<SoftwareUrl, SoftwareUrl>,
}

pub(super) fn move_releases(
    world: &World,
    ask: &MoveReleases,
    actor: &Actor,
    now: Timestamp,
) -> Result<Decision, Refusal> {
    let revision = world.next_revision();
    let mut writes = Vec::new();
    for (from, to) in &ask.moved {
        for (site, supply) in world.supplies_of(from) {
            let computer = site.computer.id.clone();
            permit(world, actor, Deed::Supply(&computer))?;
            writes.push(Write::RemoveSupply { computer, release: from.clone() });
            if site.supply(to).is_none() {
                writes.push(Write::PutSupply(Supply {
                    release: to.clone(),
                    generation: revision.into(),
                    state: SupplyState::Requested,
                    text: None,
                    changed_at: now,
                    wished_at: revision,
                    ..supply.clone()
                }));
            }
        }
    }
    for it in world.instances() {
        if let Some(to) = ask.moved.get(&it.release) {
            permit(world, actor, Deed::Wish(it.id))?;
            writes.push(change(world, it, now, |new| {
                new.release = to.clone();
                new.renew(revision, now);
            }));
        }
    }
    let note = Note {
        verb: "move-releases".into(),
        what: format!("{} releases are at other paths now", ask.moved.len()),
        instance: None,
        computer: None,
    };
    Ok(Decision { answer: Answer::Done, writes, note })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{decide::Ask, names::SupplyWish, testing::*};

    #[test]
    fn what_is_supplied_and_what_runs_follows_and_the_rest_stays() {
        let mut cloud = Cloud::default();
        cloud.format("COMP-1", 3);
        for path in ["/old/db", "/old/web", "/new/web", "/other/web"] {
            cloud.install(path, "COMP-1");
        }
        let db = cloud.root("db", "/old/db");
        let other = cloud.root("other", "/other/web");
        let before = (cloud.it(db).clone(), cloud.it(other).clone());
        let moved = [("/old/db", "/new/db"), ("/old/web", "/new/web"), ("/old/none", "/new/none")];
        let moved = moved.map(|(from, to)| (release(from), release(to))).into();
        let ask = Ask::MoveReleases(MoveReleases { moved });
        assert!(cloud.ask(&ask, &operator()).unwrap().1.is_some());
        assert!(cloud.ask(&ask, &operator()).unwrap().1.is_none(), "once is enough");

        let it = cloud.it(db);
        assert_eq!((&it.release, &it.place), (&release("/new/db"), &before.0.place));
        assert!(it.generation > before.0.generation && it.told_at > before.0.told_at);
        assert_eq!(*cloud.it(other), before.1);
        let supplies = cloud.world.site(&computer("COMP-1")).unwrap().supplies();
        let supplies: Vec<_> =
            supplies.map(|it| (it.release.as_str(), it.wished, it.state)).collect();
        let wish = SupplyWish::Available;
        assert_eq!(
            supplies,
            [
                ("/new/db", wish, SupplyState::Requested),
                ("/new/web", wish, SupplyState::Available),
                ("/other/web", wish, SupplyState::Available),
            ]
        );
    }
}
