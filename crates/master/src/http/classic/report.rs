//! The calls by which nodes report and people order (protocol, section 8.4).
//!
//! Reports of this protocol name no wish. What a node says of an instance is about the wish that
//! it was given last, in the document of its computer; so a report that was under way while the
//! wish changed is about an older one, and changes nothing. Of a computer that was given none
//! since the master began, a report is taken to be about the present wish.
//! What a node says of a release is about what lies on its disk, whatever was wished meanwhile
//! (`docs/decisions/0011-reports-that-name-no-wish.md`).

use std::collections::BTreeMap;

use axum::response::{IntoResponse, Response};
use slapos_core::{
    actor::Actor,
    decide::{
        Ask, Bang, Format, FormatPartition, InstanceReport, Publish, Rename, Requested, SupplyAsk,
        SupplyReport, Target,
    },
    names::{Generation, ReportedState, WishedState},
    policy::OldBang,
    refusal::Refusal,
    world::{Instance, Place, Route, World},
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
    service.act(origin, |world| asked(service, world, call), |_, _| ()).await?;
    Ok("done".into_response())
}

/// What a call asks, and as whom.
pub(in crate::http) fn asked(
    service: &Service,
    world: &World,
    call: Call,
) -> Result<(Ask, Actor), Refusal> {
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
            let generation = given(service, world.occupant(&place)?, &place);
            (Ask::Requested(Requested { place, generation, titles }), actor)
        }
        Call::InstanceReport { place, state, text, .. } => {
            said(service, world, place, state, text)?
        }
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

/// The wish about an instance that its computer was given: the present one, or an older one.
fn given(service: &Service, it: &Instance, place: &Place) -> Generation {
    let given = service.given(&place.computer).map(Generation::from);
    given.map_or(it.generation, |given| it.generation.min(given))
}

fn said(
    service: &Service,
    world: &World,
    place: Place,
    state: ReportedState,
    text: Option<String>,
) -> Result<(Ask, Actor), Refusal> {
    let it = world.occupant(&place)?;
    let actor = Actor::Computer(place.computer.clone());
    // nobody removes an instance who was not given that wish, after which there is no other
    let is_end = state == ReportedState::Destroyed && it.wished == WishedState::Destroyed;
    let generation = if is_end { it.generation } else { given(service, it, &place) };
    let report = InstanceReport {
        id: it.id,
        generation,
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
