//! By what old clients know instances, as the rules have it: by their identity, or as the
//! single-node proxy calls them (protocol, section 15).

use slapos_core::{
    names::{InstanceId, Title},
    policy::OldNames,
    refusal::Refusal,
    world::{Dictionary, Instance, Place, World},
};

/// What an old client calls an instance.
pub(super) fn name(world: &World, it: &Instance) -> String {
    match (world.policy().old_names, &it.place) {
        (OldNames::Place, Some(place)) => format!("{}-{}", place.computer, place.partition),
        _ => it.id.to_string(),
    }
}

/// The title and the reference by which a host knows a shared instance.
pub(super) fn guest_names(world: &World, guest: &Instance) -> (Title, String) {
    let proxy = || {
        let text = in_tree(world, guest);
        Some((Title::try_from(text.as_str()).ok()?, text))
    };
    let as_by_proxy = match world.policy().old_names {
        OldNames::Place => proxy(),
        OldNames::Identity => None,
    };
    as_by_proxy.unwrap_or_else(|| (guest.title.clone(), guest.id.to_string()))
}

/// The shared instance that a host calls so.
pub(super) fn guest(world: &World, place: &Place, reference: &str) -> Result<InstanceId, Refusal> {
    let host = world.occupant(place)?;
    if let Ok(id) = InstanceId::try_from(reference) {
        return Ok(id);
    }
    let mut guests = world.guests(host.id);
    let found = guests.find(|guest| guest_names(world, guest).1 == reference);
    found.map(|guest| guest.id).ok_or_else(|| Refusal::NotServed {
        host: host.title.clone(),
        guest: reference.chars().take(80).collect(),
    })
}

/// The conditions of a request with a host that is named by where it lives named by its identity.
pub(in crate::http) fn placement(world: &World, mut placement: Dictionary) -> Dictionary {
    let named_by_place = world.policy().old_names == OldNames::Place;
    let Some(host) = placement.get_mut("instance_guid").filter(|_| named_by_place) else {
        return placement;
    };
    let default = world.policy().default_computer.iter();
    let computers = default.chain(world.sites().map(|site| &site.computer().id));
    let mut places = computers.filter_map(|computer| {
        let rest = host.strip_prefix(computer.as_str());
        let partition = rest.and_then(|rest| rest.strip_prefix('-')).unwrap_or(host);
        Some(Place { computer: computer.clone(), partition: partition.try_into().ok()? })
    });
    if let Some(occupant) = places.find_map(|place| world.occupant(&place).ok()) {
        *host = occupant.id.to_string();
    }
    placement
}

/// Root and title in one text, as the proxy has them; the root is empty for a root.
fn in_tree(world: &World, it: &Instance) -> String {
    let root = world.instance(it.root).filter(|_| !it.is_root());
    format!("{}_{}", root.map_or("", |root| root.title.as_str()), it.title)
}
