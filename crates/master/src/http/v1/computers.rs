//! `/v1/computers`: what a computer is, its format, what its node must hear, what runs there.

use std::{num::NonZeroUsize, time::Duration};

use axum::{
    extract::{RawQuery, State},
    response::Response,
};
use serde::Deserialize;
use slapos_core::{
    actor::Actor,
    decide::{Ask, Format, FormatPartition, Govern},
    names::{ComputerId, Revision},
};
use slapos_wire::v1;

use super::{
    super::{
        error::ApiError,
        extract::{Json, Path, Person, Query},
    },
    list,
};
use crate::service::{Origin, Service, ServiceError};

/// The query of what may be asked of the past.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AtQuery {
    at: Option<v1::At>,
}

/// The query of a list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    after: Option<ComputerId>,
    limit: Option<NonZeroUsize>,
    at: Option<v1::At>,
}

/// `GET /v1/computers`
pub(super) async fn list(
    State(service): State<Service>,
    Query(query): Query<ListQuery>,
    asked: RawQuery,
) -> Result<Response, ApiError> {
    let ListQuery { after, limit, at } = query;
    let piece = list::piece(after, limit);
    let found = match at {
        Some(at) => service.computers_at(piece, at).await?,
        None => service.computers(&piece).await?,
    };
    Ok(list::answer(found, &asked, |it| it.computer.clone()))
}

/// `GET /v1/computers/{computer}`
pub(super) async fn info(
    State(service): State<Service>,
    Path(computer): Path<ComputerId>,
    Query(query): Query<AtQuery>,
) -> Result<Json<v1::Computer>, ApiError> {
    Ok(Json(match query.at {
        Some(at) => service.computer_at(computer, at).await?,
        None => service.computer(&computer).await?,
    }))
}

/// `PUT /v1/computers/{computer}`
pub(super) async fn govern(
    State(service): State<Service>,
    origin: Origin,
    person: Person,
    Path(computer): Path<ComputerId>,
    Json(body): Json<v1::ComputerAsk>,
) -> Result<Json<v1::Computer>, ApiError> {
    let ask = Ask::Govern(Govern {
        computer: computer.clone(),
        allocation: body.allocation,
        capacity: body.capacity,
        traits: body.traits,
    });
    let show = service.act(
        origin,
        |_| Ok((ask, person.actor())),
        |world, _| world.site(&computer).map(|site| service.show_computer(world, site)),
    );
    Ok(Json(show.await?.map_err(ServiceError::from)?))
}

/// `PUT /v1/computers/{computer}/format`
pub(super) async fn format(
    State(service): State<Service>,
    origin: Origin,
    Path(computer): Path<ComputerId>,
    Json(body): Json<v1::Format>,
) -> Result<Json<v1::Computer>, ApiError> {
    let partitions = body.partitions.into_iter().map(|it| FormatPartition {
        name: it.name,
        addresses: it.addresses,
        interface: None,
        route: None,
        capabilities: it.capabilities,
    });
    let ask = Ask::Format(Format { computer: computer.clone(), partitions: partitions.collect() });
    let actor = Actor::Computer(computer.clone());
    let show = service.act(
        origin,
        |_| Ok((ask, actor)),
        |world, _| world.site(&computer).map(|site| service.show_computer(world, site)),
    );
    let document = show.await?.map_err(ServiceError::from)?;
    service.heard_from(&computer);
    Ok(Json(document))
}

/// The query of a watch.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WatchQuery {
    #[serde(default)]
    since: u64,
    #[serde(default)]
    wait: u64,
}

/// `GET /v1/computers/{computer}/watch`
pub(super) async fn watch(
    State(service): State<Service>,
    Path(computer): Path<ComputerId>,
    Query(query): Query<WatchQuery>,
) -> Result<Json<v1::Watch>, ApiError> {
    let actor = Actor::Computer(computer.clone());
    let (since, wait) = (Revision(query.since), Duration::from_secs(query.wait));
    Ok(Json(service.watch(&actor, &computer, since, wait).await?))
}

/// `PUT /v1/computers/{computer}/usage`
pub(super) async fn usage(
    State(service): State<Service>,
    Path(computer): Path<ComputerId>,
    Json(body): Json<v1::Usage>,
) -> Result<Json<v1::Accepted>, ApiError> {
    let actor = Actor::Computer(computer.clone());
    Ok(Json(service.keep_usage(&actor, &computer, body).await?))
}
