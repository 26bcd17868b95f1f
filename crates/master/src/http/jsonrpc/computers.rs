//! The methods about computers, their partitions and their releases.

use std::net::IpAddr;

use serde_json::{Value, json};
use slapos_core::{
    actor::Actor,
    decide::{Ask, Format, FormatPartition},
    names::{ComputerId, SupplyState, SupplyWish},
    world::{Place, Route, World},
};
use slapos_wire::classic::{call::Call as Old, document::no_status_to_json, usage};

use super::{
    Call, documents,
    error::RpcError,
    input::{Input, name},
    list, show,
};
use crate::http::{classic, extract::Person, joining, status};

pub(super) async fn answer(call: &Call<'_>) -> Result<Value, RpcError> {
    let (service, input) = (call.service, &call.input);
    if call.method == "slapos.allDocs.WIP.compute_node_list" {
        let row = |computer: &ComputerId| json!({"computer_guid": computer});
        return show(call, |world| Ok(list(world.sites().map(|site| row(&site.computer().id)))))
            .await;
    }
    let computer: ComputerId = input.name("computer_guid")?;
    match call.method {
        "slapos.get.v0.compute_partition" => {
            let place = Place { computer, partition: input.name("compute_partition_id")? };
            show(call, |world| Ok(documents::instance(world, world.occupant(&place)?))).await
        }
        "slapos.get.v0.compute_node_status" => {
            service.read(|world| world.site(&computer).map(|_| ())).await?;
            let seen_at = service.seen_at(&computer);
            let nothing = || no_status_to_json(computer.as_str());
            Ok(seen_at.map_or_else(nothing, |at| status::computer(&computer, at).to_json()))
        }
        "slapos.allDocs.v0.compute_node_instance_list" => {
            let look = |world: &World| {
                let occupants = world.site(&computer)?.partitions().filter_map(|(_, id)| id);
                let instances = occupants.filter_map(|id| world.instance(id));
                let listed = list(instances.map(|it| documents::listed(world, it)));
                Ok((world.revision(), listed))
            };
            let (revision, shown) = service.read(look).await?;
            service.heard_from(&computer);
            service.give(&computer, revision);
            Ok(shown)
        }
        "slapos.allDocs.v0.compute_node_software_installation_list" => {
            let shown = show(call, |world| {
                let supplies = world.site(&computer)?.supplies();
                Ok(list(
                    supplies
                        .map(|it| json!({"software_release_uri": it.release, "state": it.wished})),
                ))
            });
            let shown = shown.await?;
            service.heard_from(&computer);
            Ok(shown)
        }
        "slapos.post.v0.compute_node_certificate" => {
            let (authority, person) = (call.authority, Person::default());
            let made =
                joining::certify(service, authority, call.origin, &person, &computer).await?;
            Ok(json!({"key": made.key, "certificate": made.certificate}))
        }
        "slapos.remove.v0.compute_node_certificate" => {
            joining::revoke(service, call.origin, &Person::default(), &computer).await?;
            Ok(documents::ok("Certificate revoked"))
        }
        "slapos.post.v0.compute_node_usage" => {
            let kind = usage::kind(input.text("tioxml"));
            kind.map_err(|error| RpcError::Input(format!("tioxml: {error}")))?;
            Ok(documents::ok("Reported"))
        }
        "slapos.put.v0.compute_node_format" => {
            let partitions = input.0["compute_partition_list"].as_array().into_iter().flatten();
            let partitions = partitions.map(partition).collect::<Result<_, _>>()?;
            let actor = Actor::Computer(computer.clone());
            let ask = Ask::Format(Format { computer, partitions });
            service.act(call.origin, |_| Ok((ask, actor)), |_, _| ()).await?;
            Ok(documents::ok("Formatted"))
        }
        _ => order(call, computer).await,
    }
}

/// What is wished of a computer or said of it, as in the classic face.
async fn order(call: &Call<'_>, computer: ComputerId) -> Result<Value, RpcError> {
    let (service, input) = (call.service, &call.input);
    let message = || Some(input.text("message").to_owned());
    let said = |computer, state, text| {
        let software_release = input.name("software_release_uri")?;
        Ok::<_, RpcError>(Old::SupplyReport { computer, software_release, state, text })
    };
    let (order, done) = match call.method {
        "slapos.post.v0.software_installation" => {
            let software_release = input.name("software_release_uri")?;
            let (wished, word) = match input.optional("state") {
                Some("destroyed") => (SupplyWish::Destroyed, "destroyed"),
                _ => (SupplyWish::Available, "available"),
            };
            let done = format!("Supplied {software_release} to be {word}");
            (Old::Supply { computer, software_release, wished }, done)
        }
        "slapos.put.v0.software_installation_reported_state" => {
            let state = match input.text("reported_state") {
                "available" => SupplyState::Available,
                "building" => SupplyState::Building,
                _ => SupplyState::Destroyed,
            };
            (said(computer, state, None)?, "Reported".to_owned())
        }
        "slapos.put.v0.software_installation_error" => {
            (said(computer, SupplyState::Error, message())?, "Reported".to_owned())
        }
        "slapos.put.v0.compute_node_bang" => {
            (Old::ComputerBang { computer, message: message() }, "Bang handled".to_owned())
        }
        _ => return Err(RpcError::NoSuchMethod),
    };
    let ask = |world: &World| classic::asked(service, world, order);
    service.act(call.origin, ask, |_, _| ()).await?;
    Ok(documents::ok(&done))
}

/// One partition of a format.
fn partition(value: &Value) -> Result<FormatPartition, RpcError> {
    let all: Vec<Input> =
        value["ip_list"].as_array().into_iter().flatten().map(|it| Input(it.clone())).collect();
    let address = |it: &Input| {
        let text = it.text("ip-address");
        text.parse::<IpAddr>()
            .map_err(|_| RpcError::Input(format!("ip-address: `{text}` is not an address")))
    };
    let (routed, plain): (Vec<_>, Vec<_>) = all
        .iter()
        .partition(|it| it.optional("gateway-ip-address").is_some_and(|it| !it.is_empty()));
    let route = routed.first().map(|it| {
        Ok::<_, RpcError>(Route {
            address: address(it)?,
            gateway: it.text("gateway-ip-address").to_owned(),
            netmask: it.text("netmask").to_owned(),
            network: it.text("network-address").to_owned(),
        })
    });
    let capabilities = value["capability_list"].as_array().into_iter().flatten();
    let interface = plain.iter().find_map(|it| it.optional("network-interface"));
    Ok(FormatPartition {
        name: name("partition_id", value["partition_id"].as_str().unwrap_or_default())?,
        addresses: plain.iter().map(|it| address(it)).collect::<Result<_, _>>()?,
        interface: interface.map(str::to_owned),
        route: route.transpose()?,
        capabilities: capabilities.filter_map(Value::as_str).map(str::to_owned).collect(),
    })
}
