//! Documents of the classic face, made from the world. Pure.

use std::sync::Arc;

use slapos_core::{
    names::{ComputerId, WishedState},
    world::{Dictionary, Instance, Partition, Place, Site, World},
};
use slapos_wire::classic::{call::Request, document};

use super::old_names;
use crate::http::status;

/// What a node's computer has to do: every partition, free ones too.
pub(super) fn computer(world: &World, site: &Site) -> document::Computer {
    let partitions = site.partitions().filter(|(row, occupant)| !row.retired || occupant.is_some());
    let partitions = partitions.map(|(row, occupant)| {
        let instance = occupant.and_then(|id| world.instance(id));
        document::Partition {
            status: instance.map(status::instance_text),
            is_synced: false,
            ..partition(world, row, instance)
        }
    });
    let supplies = site
        .supplies()
        .map(|row| document::Supply { software_release: row.release.clone(), wished: row.wished });
    document::Computer {
        computer: site.computer().id.clone(),
        partitions: partitions.collect(),
        supplies: supplies.collect(),
    }
}

/// One partition, as an instance in it asks for it.
pub(super) fn partition(
    world: &World,
    row: &Partition,
    occupant: Option<&Instance>,
) -> document::Partition {
    document::Partition {
        place: row.place.clone(),
        instance: occupant.map(|it| instance(world, it, row)),
        status: None,
        is_synced: true,
    }
}

/// The answer to a request; `None` while the instance has no place.
pub(super) fn answer(world: &World, it: &Instance) -> Option<document::Answer> {
    let place = world.place_of(it)?;
    let (row, _) = world.site(&place.computer).ok()?.partition(&place.partition)?;
    Some(document::Answer { place: place.clone(), instance: instance(world, it, row) })
}

/// The answer to a request for a frontend that is only said to be there.
pub(super) fn frontend(
    computer: ComputerId,
    ask: Request,
    connection: Dictionary,
) -> document::Answer {
    let partition = "frontend".try_into().expect("it is a name");
    let instance = document::Instance {
        id: Some(format!("{computer}-frontend")),
        wished: Some(WishedState::Started),
        software_release: ask.software_release,
        software_type: ask.software_type,
        title: Some(ask.title.clone()),
        root_title: Some(ask.title),
        root_short_title: String::new(),
        parameters: ask.parameters.into(),
        connection: connection.into(),
        placement: Dictionary::new(),
        addresses: vec![],
        routes: vec![],
        shared: vec![],
        timestamp: None,
    };
    document::Answer { place: Place { computer, partition }, instance }
}

fn instance(world: &World, it: &Instance, row: &Partition) -> document::Instance {
    let root = world.instance(it.root);
    document::Instance {
        id: Some(old_names::name(world, it)),
        wished: Some(it.wished),
        software_release: it.release.clone(),
        software_type: it.software_type.clone(),
        title: Some(it.title.clone()),
        root_title: root.map(|root| root.title.clone()),
        root_short_title: String::new(),
        parameters: Arc::clone(&it.parameters),
        connection: Arc::clone(&it.connection),
        placement: it.placement.to_dictionary(),
        addresses: addresses(row),
        routes: route(row).into_iter().collect(),
        shared: world.served(it.id).map(|guest| shared(world, guest)).collect(),
        timestamp: Some(it.told_at),
    }
}

fn shared(world: &World, guest: &Instance) -> document::SharedInstance {
    let mut values: Dictionary = (*guest.connection).clone();
    values.extend(guest.parameters.iter().map(|(key, value)| (key.clone(), value.clone())));
    let (title, id) = old_names::guest_names(world, guest);
    document::SharedInstance {
        id,
        title,
        software_type: guest.software_type.clone(),
        timestamp: Some(guest.changed_at),
        values,
    }
}

/// The addresses of a partition with the name of their interface.
pub(in crate::http) fn addresses(row: &Partition) -> Vec<document::Address> {
    let interface = row.interface.clone().unwrap_or_else(|| row.place.partition.to_string());
    let addresses = row.addresses.iter().map(|address| document::Address {
        interface: interface.clone(),
        address: address.to_string(),
    });
    addresses.collect()
}

/// The further address of a partition with its own route.
pub(in crate::http) fn route(row: &Partition) -> Option<document::Route> {
    let route = row.route.as_ref()?;
    Some(document::Route {
        interface: format!("route_{}", row.interface.as_deref().unwrap_or_default()),
        address: route.address.to_string(),
        gateway: route.gateway.clone(),
        netmask: route.netmask.clone(),
        network: route.network.clone(),
    })
}
