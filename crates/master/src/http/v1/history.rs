//! `/v1/history`: what happened.

use axum::extract::State;
use serde::Deserialize;
use slapos_core::names::Title;
use slapos_wire::v1;

use super::super::{
    error::ApiError,
    extract::{Json, Query},
};
use crate::service::Service;

/// The most entries in one answer.
const ENTRIES_MAX: usize = 10_000;

/// The query of a history.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HistoryQuery {
    title: Option<Title>,
}

/// `GET /v1/history`
pub(super) async fn list(
    State(service): State<Service>,
    Query(query): Query<HistoryQuery>,
) -> Result<Json<Vec<v1::HistoryEntry>>, ApiError> {
    Ok(Json(service.history(query.title, ENTRIES_MAX).await?))
}
