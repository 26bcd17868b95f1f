//! Outputs of the JSON-RPC face, made from the world. Pure.

use serde_json::{Value, json};
use slapos_core::world::{Instance, World};

use super::guid;
use crate::http::{classic, status};

/// It is done.
pub(super) fn ok(title: &str) -> Value {
    json!({"type": "success", "title": title})
}

/// An instance that exists, with or without a place.
pub(super) fn instance(world: &World, it: &Instance) -> Value {
    let place = world.place_of(it);
    let row = place.and_then(|place| world.partition(place).ok()).map(|(row, _)| row);
    let addresses = row.into_iter().flat_map(classic::addresses);
    let addresses: Vec<_> = addresses.map(|it| [it.interface, it.address]).collect();
    let routes = row.and_then(classic::route).into_iter();
    let routes: Vec<_> =
        routes.map(|it| [it.interface, it.address, it.gateway, it.netmask, it.network]).collect();
    json!({
        "title": it.title,
        "instance_guid": guid::of(world, it),
        "software_release_uri": it.release,
        "software_type": it.software_type,
        "state": it.wished,
        "connection_parameters": *it.connection,
        "parameters": *it.parameters,
        "shared": it.shared,
        "root_instance_title": world.instance(it.root).map_or(&it.title, |root| &root.title),
        "ip_list": addresses,
        "full_ip_list": routes,
        "sla_parameters": it.placement.to_dictionary(),
        "computer_guid": place.map_or("", |place| place.computer.as_str()),
        "compute_partition_id": place.map_or("", |place| place.partition.as_str()),
        "processing_timestamp": it.told_at,
        "access_status_message": status::instance_text(it),
    })
}

/// The request is accepted; ask again until there is more to say.
pub(super) fn not_ready() -> Value {
    json!({
        "message": "Software Instance Not Ready",
        "name": "SoftwareInstanceNotReady",
        "status": 102,
    })
}

/// An instance in the list of its computer.
pub(super) fn listed(world: &World, it: &Instance) -> Value {
    json!({
        "instance_guid": guid::of(world, it),
        "title": it.title,
        "state": it.wished,
        "compute_partition_id": world.place_of(it).map_or("", |place| place.partition.as_str()),
        "software_release_uri": it.release,
    })
}

/// A shared instance in the list of its host.
pub(super) fn served(world: &World, it: &Instance) -> Value {
    let mut shown = listed(world, it);
    shown["software_type"] = json!(it.software_type);
    shown["parameters"] = json!(*it.parameters);
    shown
}
