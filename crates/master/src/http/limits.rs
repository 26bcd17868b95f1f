//! Limits on calls: how many at once, and how long each may take.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{Request, State},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
};
use tokio::{sync::Semaphore, time::timeout};

use super::error::ApiError;
use crate::service::Service;

/// Ordinary calls at once.
const QUICK_MAX: usize = 1024;
/// How long an ordinary call may take.
const QUICK_TIMEOUT: Duration = Duration::from_secs(30);
/// Calls at once that wait for something to happen.
const WAITING_MAX: usize = 20_000;

/// Limits the number of calls, and the time of each.
pub(super) fn quick(router: Router<Service>) -> Router<Service> {
    router.layer(from_fn_with_state(Arc::new(Semaphore::new(QUICK_MAX)), hurry))
}

/// Limits the number of calls that may wait as long as they asked for.
pub(super) fn waiting(router: Router<Service>) -> Router<Service> {
    router.layer(from_fn_with_state(Arc::new(Semaphore::new(WAITING_MAX)), count))
}

async fn hurry(State(places): State<Arc<Semaphore>>, request: Request, next: Next) -> Response {
    let answer = timeout(QUICK_TIMEOUT, count(State(places), request, next)).await;
    answer.unwrap_or_else(|_| ApiError::TooSlow.into_response())
}

async fn count(State(places): State<Arc<Semaphore>>, request: Request, next: Next) -> Response {
    match places.try_acquire() {
        Ok(_place) => next.run(request).await,
        Err(_) => ApiError::TooMany.into_response(),
    }
}
