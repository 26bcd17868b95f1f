//! `upgrade`: another release, and if wished another software type, for an existing root. An
//! ordinary request never changes what a root runs, so that a typing mistake cannot.

use super::{Answer, Decision};
use crate::{
    actor::{Actor, Deed, permit},
    names::{InstanceId, SoftwareType, SoftwareUrl, Timestamp, WishedState},
    refusal::Refusal,
    settle::change,
    world::World,
    write::Note,
};

/// Another release for this instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upgrade {
    /// The instance.
    pub id: InstanceId,
    /// The release.
    pub release: SoftwareUrl,
    /// The entry of the release; `None`: as before.
    pub software_type: Option<SoftwareType>,
}

/// An instance stays where it is: its computer must have been asked to have the release.
pub(super) fn upgrade(
    world: &World,
    ask: &Upgrade,
    actor: &Actor,
    now: Timestamp,
) -> Result<Decision, Refusal> {
    permit(world, actor, Deed::Wish(ask.id))?;
    let it = world.known_instance(ask.id)?;
    if it.wished == WishedState::Destroyed {
        return Err(Refusal::Leaves(it.title.clone()));
    }
    if !it.is_root() {
        return Err(Refusal::NotARoot(it.title.clone()));
    }
    if let Some(place) = &it.place {
        let (computer, release) = (place.computer.clone(), ask.release.clone());
        let supply = world.site(&computer)?.supply(&release);
        if !supply.is_some_and(|supply| supply.is_promising()) {
            return Err(Refusal::UnknownSupply { computer, release });
        }
    }
    let software_type = ask.software_type.as_ref().unwrap_or(&it.software_type);
    if it.release == ask.release && it.software_type == *software_type {
        return Ok(Decision::unchanged(Answer::Instance(it.id)));
    }
    let write = change(world, it, now, |new| {
        new.release = ask.release.clone();
        new.software_type = software_type.clone();
        new.renew(world.next_revision(), now);
    });
    let note = Note {
        verb: "upgrade".into(),
        what: format!("`{}` shall run {} instead of {}", it.title, ask.release, it.release),
        instance: Some((it.id, it.title.clone())),
        computer: None,
    };
    Ok(Decision { answer: Answer::Instance(it.id), writes: vec![write], note })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{decide::Ask, testing::*};

    #[test]
    fn only_a_root_is_upgraded_and_only_to_what_its_computer_has() {
        let mut cloud = Cloud::default();
        cloud.format("COMP-1", 2);
        cloud.install("software/php", "COMP-1");
        let app = cloud.root("app", "software/php");
        let db = cloud.child(app, "db", "software/php");
        let unplaced = cloud.root("unplaced", "software/none");
        let to = |id, url: &str| {
            Ask::Upgrade(Upgrade { id, release: release(url), software_type: None })
        };
        let eve = Actor::Person("eve".try_into().unwrap());
        assert_eq!(
            cloud.ask(&to(app, "software/php2"), &operator()).unwrap_err().code(),
            "unknown-supply"
        );
        cloud.install("software/php2", "COMP-1");
        assert_eq!(cloud.ask(&to(app, "software/php2"), &eve).unwrap_err().code(), "not-permitted");
        assert_eq!(
            cloud.ask(&to(db, "software/php2"), &operator()).unwrap_err().code(),
            "not-a-root"
        );
        let (place, generation) = (cloud.place(app), cloud.it(app).generation);
        for id in [app, unplaced] {
            cloud.ask(&to(id, "software/php2"), &operator()).unwrap();
            assert_eq!(cloud.it(id).release, release("software/php2"));
        }
        assert_eq!(cloud.place(app), place);
        assert!(cloud.it(app).generation > generation);
    }
}
