//! The calls by which nodes report and people order (protocol, section 8.4). Reports of this
//! protocol name no wish: they are taken to be about the present one.

use std::collections::BTreeMap;

use axum::response::{IntoResponse, Response};
use slapos_core::{
    actor::Actor,
    decide::{
        Ask, Bang, Format, FormatPartition, InstanceReport, Publish, Rename, Requested, SupplyAsk,
        SupplyReport, Target,
    },
    names::ReportedState,
    policy::OldBang,
    refusal::Refusal,
    world::{Place, Route, World},
};
use slapos_wire::classic::{
    call::{Call, Configuration, PartitionConfiguration},
    usage,
};

use super::{error::ClassicError, old_names};
use crate::{
    http::extract::Person,
    service::{Origin, Service},
};

/// Does what a call reports or orders, and says so.
pub(super) async fn report(
    service: &Service,
    origin: Origin,
    call: Call,
) -> Result<Response, ClassicError> {
    if let Call::Usage { report, .. } = &call {
        usage::kind(report).map_err(ClassicError::Usage)?;
        return Ok("OK".into_response());
    }
    service.act(origin, |world| asked(world, call), |_, _| ()).await?;
    Ok("done".into_response())
}

/// What a call asks, and as whom.
pub(in crate::http) fn asked(world: &World, call: Call) -> Result<(Ask, Actor), Refusal> {
    Ok(match call {
        Call::Format(configuration) => format(*configuration),
        Call::Supply { computer, software_release: release, wished: wish } => (
            Ask::Supply(SupplyAsk { computer, release, wish, again: false }),
            Person::default().actor(),
        ),
        Call::SupplyReport { computer, software_release: release, state, text } => {
            let supply = world.site(&computer)?.supply(&release);
            let generation = supply.map(|supply| supply.generation).unwrap_or_default();
            let actor = Actor::Computer(computer.clone());
            (
                Ask::SupplyReport(SupplyReport {
                    computer,
                    release,
                    generation,
                    follows: None,
                    state,
                    text,
                    percent: None,
                }),
                actor,
            )
        }
        Call::Publish { place, connection, shared } => {
            let shared = shared.map(|it| old_names::guest(world, &place, &it)).transpose()?;
            let actor = Actor::Computer(place.computer.clone());
            (Ask::Publish(Publish { place, shared, connection: connection.into() }), actor)
        }
        Call::RelatedInstances { place, titles } => {
            let actor = Actor::Computer(place.computer.clone());
            (Ask::Requested(Requested { place, titles }), actor)
        }
        Call::InstanceReport { place, state, text, .. } => said(world, place, state, text)?,
        Call::InstanceBang { place, message } => {
            let id = world.occupant(&place)?.id;
            let actor = Actor::Computer(place.computer);
            let target = match world.policy().old_bang {
                OldBang::Requesters => Target::Requesters(id),
                OldBang::Tree => Target::Tree(id),
            };
            bang(target, message, actor)
        }
        Call::Rename { place, title, shared } => {
            let publisher = world.occupant(&place)?.id;
            let shared = shared.map(|it| old_names::guest(world, &place, &it)).transpose()?;
            let id = shared.unwrap_or(publisher);
            (Ask::Rename(Rename { id, title }), Person::default().actor())
        }
        Call::ComputerBang { computer, message } => {
            let actor = Actor::Computer(computer.clone());
            bang(Target::Computer(computer), message, actor)
        }
        _ => unreachable!("only reports come here"),
    })
}

fn bang(target: Target, message: Option<String>, actor: Actor) -> (Ask, Actor) {
    (Ask::Bang(Bang { target, message: message.unwrap_or_default() }), actor)
}

fn said(
    world: &World,
    place: Place,
    state: ReportedState,
    text: Option<String>,
) -> Result<(Ask, Actor), Refusal> {
    let it = world.occupant(&place)?;
    let actor = Actor::Computer(place.computer.clone());
    let report = InstanceReport {
        id: it.id,
        generation: it.generation,
        follows: None,
        place,
        state,
        text,
        connection: None,
        shared: BTreeMap::new(),
        requested: None,
        promises: Vec::new(),
    };
    Ok((Ask::Report(report), actor))
}

fn format(configuration: Configuration) -> (Ask, Actor) {
    let computer = configuration.computer;
    let partitions = configuration.partitions.into_iter().map(partition).collect();
    let actor = Actor::Computer(computer.clone());
    (Ask::Format(Format { computer, partitions }), actor)
}

fn partition(it: PartitionConfiguration) -> FormatPartition {
    let interface = Some(it.interface().to_owned());
    let route = it.route().and_then(|route| {
        Some(Route {
            address: route.address.parse().ok()?,
            gateway: route.gateway,
            netmask: route.netmask,
            network: route.network,
        })
    });
    let (name, addresses, capabilities) = (it.partition, it.addresses, it.capabilities);
    FormatPartition { name, addresses, interface, route, capabilities }
}
