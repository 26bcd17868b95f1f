//! `/v1/history`: what happened.

use axum::extract::State;
use slapos_wire::v1;

use super::super::{
    error::ApiError,
    extract::{Json, Query},
};
use crate::service::Service;

/// `GET /v1/history`
pub(super) async fn list(
    State(service): State<Service>,
    Query(ask): Query<v1::HistoryAsk>,
) -> Result<Json<Vec<v1::HistoryEntry>>, ApiError> {
    Ok(Json(service.history(ask).await?))
}
