//! The HTTP faces over the service. Handlers parse, call the service, render; they hold no policy.
//!
//! The one place where faces are composed: [`router`].

mod classic;
pub(crate) mod connections;
mod error;
mod extract;
pub(crate) mod limits;
mod v1;

use axum::{Router, extract::DefaultBodyLimit, middleware::from_fn};

use self::error::ApiError;
use crate::service::Service;

/// The largest body of a call, in bytes.
const BODY_BYTES_MAX: usize = 1 << 20;

/// Everything that the master serves. Identities are not checked: for a master on loopback only.
pub fn router(service: Service) -> Router {
    Router::new()
        .nest("/v1", v1::router())
        .merge(crate::page::router())
        .merge(limits::quick(Router::new().fallback(classic::serve)))
        .method_not_allowed_fallback(|| async { ApiError::NoSuchMethod })
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(from_fn(connections::in_call))
        .with_state(service)
}
