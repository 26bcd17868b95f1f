//! The methods about instances.

use axum::http::header;
use serde_json::{Value, json};
use slapos_core::{
    decide::{Answer, Ask, Request},
    names::{InstanceId, ReportedState, WishedState},
    refusal::Refusal,
    world::{Instance, Place, World},
};
use slapos_wire::classic::{self as wire, authorization::claimed_place};

use super::{Call, documents, error::RpcError, guid, list, show};
use crate::{
    http::{
        classic,
        extract::{Person, requester},
        hateoas,
        seen_url::SeenUrl,
    },
    service::{ServiceError, titled_root},
};

pub(super) async fn answer(call: &Call<'_>) -> Result<Value, RpcError> {
    match call.method {
        "slapos.post.v0.software_instance" => request(call).await,
        "slapos.get.v0.software_instance" => {
            let id = meant(call).await?;
            let look = |world: &World| {
                let it = world.known_instance(id)?;
                let computer = world.place_of(it).map(|place| place.computer.clone());
                Ok((world.revision(), computer, documents::instance(world, it)))
            };
            let (revision, computer, shown) = call.service.read(look).await?;
            // its node may ask for one after the other of those that were listed
            computer.iter().for_each(|computer| call.service.give(computer, revision));
            Ok(shown)
        }
        "slapos.get.v0.instance_tree" => {
            let (person, title) = (Person::default().0, call.input.name("title")?);
            show(call, |world| Ok(documents::instance(world, titled_root(world, &person, &title)?)))
                .await
        }
        "slapos.get.v0.software_instance_certificate" => {
            let made = call.authority.of_instance(meant(call).await?);
            Ok(json!({"key": made.key, "certificate": made.certificate}))
        }
        "slapos.get.v0.hateoas_url" => {
            let seen = SeenUrl::of(call.parts, call.method).ok_or(RpcError::NoHost)?;
            Ok(json!({"hateoas_url": seen.join(hateoas::PATH)}))
        }
        "slapos.allDocs.v0.instance_tree_list" => {
            let lives = |it: &&Instance| it.is_root() && it.wished != WishedState::Destroyed;
            show(call, |world| {
                let roots = world.instances().filter(lives);
                Ok(list(roots.map(|it| json!({"title": it.title}))))
            })
            .await
        }
        "slapos.allDocs.v0.instance_node_instance_list" => {
            let id = meant(call).await?;
            show(call, |world| {
                let host = world.known_instance(id)?;
                Ok(list(world.guests(host.id).map(|it| documents::served(world, it))))
            })
            .await
        }
        _ => change(call).await,
    }
}

/// The methods by which an instance, its node or its person changes it.
async fn change(call: &Call<'_>) -> Result<Value, RpcError> {
    let id = meant(call).await?;
    let message = || Some(call.input.text("message").to_owned());
    let said =
        |place, state, text| wire::call::Call::InstanceReport { place, state, text, shared: None };
    match call.method {
        "slapos.put.v0.software_instance_connection_parameter" => {
            let connection = call.input.texts("connection_parameter_dict")?;
            tell(call, id, |place, shared| wire::call::Call::Publish { place, connection, shared })
                .await?;
            Ok(documents::ok("Updated"))
        }
        "slapos.put.v0.software_instance_reported_state" => {
            let state = match call.input.text("reported_state") {
                "started" => ReportedState::Started,
                "stopped" => ReportedState::Stopped,
                _ => ReportedState::Destroyed,
            };
            tell_own(call, id, |place| said(place, state, None)).await?;
            Ok(documents::ok("Reported"))
        }
        "slapos.put.v0.software_instance_error" => {
            tell_own(call, id, |place| said(place, ReportedState::Error, message())).await?;
            Ok(documents::ok("Reported"))
        }
        "slapos.put.v0.software_instance_bang" => {
            let message = message();
            tell(call, id, |place, _| wire::call::Call::InstanceBang { place, message }).await?;
            Ok(documents::ok("Bang handled"))
        }
        "slapos.put.v0.software_instance_title" => {
            let title = call.input.name("title")?;
            tell(call, id, |place, shared| wire::call::Call::Rename { place, title, shared })
                .await?;
            Ok(documents::ok("Renamed"))
        }
        _ => Err(RpcError::NoSuchMethod),
    }
}

/// Does what the classic face does for a call about the place of an instance. A shared one is named
/// beside the place of its host.
async fn tell(
    call: &Call<'_>,
    id: InstanceId,
    about: impl FnOnce(Place, Option<String>) -> wire::call::Call,
) -> Result<(), RpcError> {
    let ask = |world: &World| {
        let it = world.known_instance(id)?;
        let place = world.place_of(it).ok_or(Refusal::UnknownInstance(id))?.clone();
        classic::asked(call.service, world, about(place, it.shared.then(|| id.to_string())))
    };
    Ok(call.service.act(call.origin, ask, |_, _| ()).await?)
}

/// The same for what a node says; it has nothing to say of an instance without a partition.
async fn tell_own(
    call: &Call<'_>,
    id: InstanceId,
    about: impl FnOnce(Place) -> wire::call::Call,
) -> Result<(), RpcError> {
    let shared = call.service.read(|world| Ok(world.known_instance(id)?.shared)).await?;
    if shared { Ok(()) } else { tell(call, id, |place, _| about(place)).await }
}

/// `slapos.post.v0.software_instance`: by a person, or by the instance in the partition that the
/// header names.
async fn request(call: &Call<'_>) -> Result<Value, RpcError> {
    let input = &call.input;
    let header = call.parts.headers.get(header::AUTHORIZATION).and_then(|it| it.to_str().ok());
    let claimed = header.map(claimed_place).transpose()?.flatten();
    let (title, release) = (input.name("title")?, input.name("software_release_uri")?);
    let (software_type, placement) = (input.name("software_type")?, input.texts("sla_parameters")?);
    let parameters = input.texts("parameters")?;
    let state = match input.optional("state") {
        Some("stopped") => WishedState::Stopped,
        Some("destroyed") => WishedState::Destroyed,
        _ => WishedState::Started,
    };
    let shared = input.0["shared"].as_bool().unwrap_or_default();
    let ask = |world: &World| {
        let (requester, actor) = requester(world, claimed.as_ref())?;
        let request = Request {
            requester,
            title,
            release,
            software_type,
            parameters: Some(parameters),
            placement: classic::placement(world, placement),
            shared,
            state: Some(state),
        };
        Ok((Ask::Request(request), actor))
    };
    let show = |world: &World, answer: &Answer| match answer {
        Answer::Instance(id) => world
            .instance(*id)
            .filter(|it| world.place_of(it).is_some())
            .map(|it| documents::instance(world, it)),
        _ => None,
    };
    match call.service.act(call.origin, ask, show).await {
        Err(ServiceError::Refused(Refusal::UnknownPartition { computer, partition }))
            if claimed.is_some() =>
        {
            let why = format!("header Authorization: there is no {partition} of {computer}");
            Err(RpcError::Input(why))
        }
        shown => Ok(shown?.unwrap_or_else(documents::not_ready)),
    }
}

/// The instance that the input names.
async fn meant(call: &Call<'_>) -> Result<InstanceId, RpcError> {
    let name = call.input.text("instance_guid");
    let found = call.service.read(|world| Ok(guid::find(world, name))).await?;
    found.ok_or_else(|| RpcError::NoInstance(name.chars().take(80).collect()))
}
