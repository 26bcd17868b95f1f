//! How computers join: `/v1/tokens`, `POST /v1/computers`, `/v1/computers/{computer}/certificate`.

use std::sync::Arc;

use axum::{Extension, extract::State};
use slapos_core::names::ComputerId;
use slapos_wire::v1;

use super::super::{
    error::ApiError,
    extract::{Json, Path, Person},
    joining,
};
use crate::{
    authority::Authority,
    service::{Origin, Service},
};

/// `POST /v1/tokens`
pub(super) async fn token(
    State(service): State<Service>,
    origin: Origin,
    person: Person,
) -> Result<Json<v1::IssuedToken>, ApiError> {
    Ok(Json(joining::issue_token(&service, origin, &person).await?))
}

/// `POST /v1/computers`
pub(super) async fn register(
    State(service): State<Service>,
    Extension(authority): Extension<Arc<Authority>>,
    origin: Origin,
    Json(body): Json<v1::RegisterAsk>,
) -> Result<Json<v1::Registered>, ApiError> {
    let v1::RegisterAsk { token, title } = body;
    Ok(Json(joining::register(&service, &authority, origin, &token, title).await?))
}

/// `POST /v1/computers/{computer}/certificate`
pub(super) async fn certify(
    State(service): State<Service>,
    Extension(authority): Extension<Arc<Authority>>,
    origin: Origin,
    person: Person,
    Path(computer): Path<ComputerId>,
) -> Result<Json<v1::Registered>, ApiError> {
    Ok(Json(joining::certify(&service, &authority, origin, &person, &computer).await?))
}

/// `DELETE /v1/computers/{computer}/certificate`
pub(super) async fn revoke(
    State(service): State<Service>,
    origin: Origin,
    person: Person,
    Path(computer): Path<ComputerId>,
) -> Result<Json<v1::Computer>, ApiError> {
    Ok(Json(joining::revoke(&service, origin, &person, &computer).await?))
}
