//! By what clients of this face know instances: by their identity, or as the single-node proxy calls
//! them here, `TITLE___ROOT___0` (1 for a shared one; no ROOT for a root itself).

use slapos_core::{
    names::{InstanceId, Title},
    policy::OldNames,
    world::{Instance, World},
};

const BETWEEN: &str = "___";

/// What clients call an instance.
pub(super) fn of(world: &World, it: &Instance) -> String {
    match world.policy().old_names {
        OldNames::Identity => it.id.to_string(),
        OldNames::Place => {
            let shared = u8::from(it.shared);
            format!("{}{BETWEEN}{}{BETWEEN}{shared}", it.title, root_title(world, it))
        }
    }
}

fn root_title<'w>(world: &'w World, it: &Instance) -> &'w str {
    let root = world.instance(it.root).filter(|_| !it.is_root());
    root.map_or("", |root| root.title.as_str())
}

/// The instance that clients call so.
pub(super) fn find(world: &World, guid: &str) -> Option<InstanceId> {
    if let Ok(id) = InstanceId::try_from(guid) {
        return world.instance(id).map(|it| it.id);
    }
    // a title may hold what is between
    let mut ends = guid.match_indices(BETWEEN).map(|(at, _)| &guid[..at]);
    ends.find_map(|title| {
        let title = Title::try_from(title).ok()?;
        world.titled(&title).find(|it| of(world, it) == guid).map(|it| it.id)
    })
}
