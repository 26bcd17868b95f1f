//! The faces of old clients besides the classic endpoints, served at the root and below any prefix: they know a master by a URL
//! that may have a path. The end of the path tells which face is meant.

use std::sync::Arc;

use axum::{
    Router,
    extract::{Request, State},
    response::{IntoResponse, Response},
};

use super::{classic, error::ApiError, extract::Person, hateoas, jsonrpc};
use crate::{
    authority::Authority,
    service::{Origin, Service},
};

/// Below this the Python slapproxy shows pages of other servers.
const ELSEWHERE: &str = "/http_proxy/";

/// What these faces need.
#[derive(Debug, Clone)]
struct Faces {
    service: Service,
    authority: Arc<Authority>,
    classic: classic::Face,
}

/// Serves the paths that no other router has and that name no classic endpoint.
pub(super) fn router<S>(
    service: Service,
    authority: Arc<Authority>,
    classic: classic::Face,
) -> Router<S> {
    Router::new().fallback(serve).with_state(Faces { service, authority, classic })
}

async fn serve(
    State(faces): State<Faces>,
    origin: Origin,
    person: Person,
    request: Request,
) -> Response {
    if hateoas::is_here(request.uri().path()) {
        let (parts, _) = request.into_parts();
        let shown = hateoas::show(&faces.service, origin, &person, &parts).await;
        return shown.unwrap_or_else(ApiError::into_response);
    }
    if jsonrpc::is_here(request.uri().path()) {
        return jsonrpc::serve(&faces.service, &faces.authority, origin, request).await;
    }
    if request.uri().path().contains(ELSEWHERE) {
        return ApiError::FetchesNothing.into_response();
    }
    faces.classic.serve_other(&request)
}
