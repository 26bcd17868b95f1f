//! The `v1` face: REST and JSON. Its documents and the table of its paths: `slapos_wire::v1`.

mod computers;
mod events;
mod history;
mod instances;
mod joining;
mod list;
mod openapi;
mod partitions;
mod supplies;

use axum::{
    Router,
    extract::State,
    routing::{get, post, put},
};
use slapos_wire::v1;

use super::{error::ApiError, extract::Json, limits};
use crate::service::Service;

/// All paths below `/v1`.
pub(super) fn router() -> Router<Service> {
    let quick = Router::new()
        .route("/health", get(health))
        .route("/openapi.json", get(openapi::document))
        .route("/computers", get(computers::list).post(joining::register))
        .route("/computers/{computer}", get(computers::info).put(computers::govern))
        .route("/computers/{computer}/certificate", post(joining::certify).delete(joining::revoke))
        .route("/tokens", post(joining::token))
        .route("/computers/{computer}/format", put(computers::format))
        .route("/computers/{computer}/usage", put(computers::usage))
        .route("/computers/{computer}/supplies", put(supplies::wish))
        .route("/computers/{computer}/supplies/report", post(supplies::report))
        .route("/computers/{computer}/partitions/{partition}/report", post(partitions::report))
        .route("/computers/{computer}/partitions/{partition}/request", post(partitions::request))
        .route("/computers/{computer}/partitions/{partition}/bang", post(partitions::bang))
        .route("/instances", get(instances::list).post(instances::request))
        .route("/instances/state", post(instances::state))
        .route("/instances/bang", post(instances::bang))
        .route("/instances/rename", post(instances::rename))
        .route("/instances/upgrade", post(instances::upgrade))
        .route("/instances/tree", get(instances::tree))
        .route("/history", get(history::list));
    let waiting = Router::new()
        .route("/computers/{computer}/watch", get(computers::watch))
        .route("/instances/wait", get(instances::wait))
        .route("/events", get(events::stream));
    limits::quick(quick).merge(limits::waiting(waiting))
}

/// `GET /v1/health`
async fn health(State(service): State<Service>) -> Result<Json<v1::Health>, ApiError> {
    Ok(Json(service.health().await?))
}
