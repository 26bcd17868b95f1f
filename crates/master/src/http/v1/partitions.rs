//! `/v1/computers/{computer}/partitions/{partition}`: what the instance that lives there says,
//! through its node, and asks.

use axum::extract::State;
use slapos_core::{
    actor::Actor,
    decide::{Answer, Ask, Bang, InstanceReport, Requester, Target},
    names::{ComputerId, PartitionId},
    world::{Dictionary, Place, Promise, World},
};
use slapos_wire::v1;

use super::{
    super::{
        error::ApiError,
        extract::{Json, Path},
        texts,
    },
    instances::{requested, show_requested},
};
use crate::service::{Origin, Service};

/// `POST /v1/computers/{computer}/partitions/{partition}/report`
pub(super) async fn report(
    State(service): State<Service>,
    origin: Origin,
    Path((computer, partition)): Path<(ComputerId, PartitionId)>,
    Json(body): Json<v1::InstanceReport>,
) -> Result<Json<v1::Accepted>, ApiError> {
    for connection in body.connection.iter().chain(body.shared.values()) {
        texts::check("connection", connection)?;
    }
    let promises = body.promises.into_iter().map(|it| Promise {
        name: it.name,
        ok: it.ok,
        message: it.message,
    });
    let actor = Actor::Computer(computer.clone());
    let ask = Ask::Report(InstanceReport {
        place: Place { computer: computer.clone(), partition },
        id: body.id,
        generation: body.generation,
        follows: body.follows,
        state: body.state,
        text: body.text,
        connection: body.connection,
        shared: body.shared,
        requested: body.requested,
        promises: promises.collect(),
    });
    let accepted = service.act(origin, |_| Ok((ask, actor)), accepted).await?;
    service.heard_from(&computer);
    Ok(Json(accepted))
}

/// `POST /v1/computers/{computer}/partitions/{partition}/request`
pub(super) async fn request(
    State(service): State<Service>,
    origin: Origin,
    Path((computer, partition)): Path<(ComputerId, PartitionId)>,
    Json(body): Json<v1::RequestAsk>,
) -> Result<Json<v1::Instance>, ApiError> {
    texts::check("parameters", body.parameters.as_ref().unwrap_or(&Dictionary::new()))?;
    let place = Place { computer, partition };
    let title = body.title.clone();
    let ask = |world: &World| {
        let requester = world.occupant(&place)?.id;
        let ask = Ask::Request(requested(body, Requester::Instance(requester)));
        Ok((ask, Actor::Instance(requester)))
    };
    let shown =
        service.act(origin, ask, |world, answer| show_requested(&service, world, answer)).await?;
    shown.map(Json).ok_or(ApiError::Absent(title))
}

/// `POST /v1/computers/{computer}/partitions/{partition}/bang`
pub(super) async fn bang(
    State(service): State<Service>,
    origin: Origin,
    Path((computer, partition)): Path<(ComputerId, PartitionId)>,
    Json(body): Json<v1::BangAsk>,
) -> Result<Json<v1::Accepted>, ApiError> {
    let place = Place { computer, partition };
    let ask = |world: &World| {
        let id = world.occupant(&place)?.id;
        let actor = Actor::Computer(place.computer.clone());
        Ok((Ask::Bang(Bang { target: Target::Instance(id), message: body.message }), actor))
    };
    Ok(Json(service.act(origin, ask, accepted).await?))
}

pub(super) fn accepted(world: &World, answer: &Answer) -> v1::Accepted {
    v1::Accepted {
        revision: world.revision(),
        current: *answer != Answer::Stale,
        overtaken: *answer == Answer::Overtaken,
    }
}
