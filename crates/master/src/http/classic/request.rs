//! `requestComputerPartition` (protocol, section 8.3).

use axum::{
    http::{header, request::Parts},
    response::Response,
};
use slapos_core::{
    actor::Actor,
    decide::{Answer, Ask, Request},
    explain::explain,
    refusal::Refusal,
    world::{Place, World},
};
use slapos_wire::classic::{
    authorization::claimed_place,
    call::{self, Endpoint},
};

use super::{Face, documents, elsewhere, error::ClassicError, frontend, old_names, xml};
use crate::{
    http::{extract::requester, seen_url::SeenUrl},
    service::{Origin, ServiceError},
};

/// What a request is answered while there is no document for it.
const ABSENT: &str = "it does not exist, and nothing was created";

/// A request by a person or by the instance that lives in a partition. 408 while it has no place,
/// and for what shall be destroyed and does not exist: clients take that for "later", and anything
/// else for a failure.
pub(super) async fn request(
    face: &Face,
    origin: Origin,
    parts: &Parts,
    ask: call::Request,
) -> Result<Response, ClassicError> {
    let service = &face.service;
    let header = parts.headers.get(header::AUTHORIZATION).and_then(|it| it.to_str().ok());
    let claimed = header.map(claimed_place).transpose()?.flatten();
    let requester = claimed.clone().or_else(|| ask.requester.clone());
    if let Some(computer) = service.policy().default_computer.clone() {
        let seen = SeenUrl::of(parts, Endpoint::Request.name());
        if let Some(answer) = elsewhere::ask(face, &ask, requester.as_ref(), seen.as_ref()).await? {
            return xml(answer.encode());
        }
        if let Some(connection) = frontend::connection(&ask, seen.as_ref()) {
            return xml(documents::frontend(computer, ask, connection).encode());
        }
    }
    let ask = |world: &World| asked(world, ask, requester.as_ref());
    let show = |world: &World, answer: &Answer| {
        let Answer::Instance(id) = answer else {
            return Err(ABSENT.to_owned());
        };
        let it = world.instance(*id).ok_or_else(|| ABSENT.to_owned())?;
        let why = || explain(world, it).map_or_else(String::new, |cause| cause.sentence);
        documents::answer(world, it).ok_or_else(why)
    };
    let shown = match (service.act(origin, ask, show).await, claimed) {
        (Err(ServiceError::Refused(Refusal::UnknownPartition { .. })), Some(place)) => {
            return Err(ClassicError::UnknownClaim(place));
        }
        (shown, _) => shown?,
    };
    xml(shown.map_err(ClassicError::PleaseWait)?.encode())
}

fn asked(
    world: &World,
    ask: call::Request,
    named: Option<&Place>,
) -> Result<(Ask, Actor), Refusal> {
    let (requester, actor) = requester(world, named)?;
    let request = Request {
        requester,
        title: ask.title,
        release: ask.software_release,
        software_type: ask.software_type,
        parameters: Some(ask.parameters),
        placement: old_names::placement(world, ask.placement),
        shared: ask.is_shared,
        state: ask.wished,
    };
    Ok((Ask::Request(request), actor))
}
