//! Limits on calls: how many at once, and how long each may take.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::{Body, HttpBody},
    extract::{Request, State},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
};
use futures_util::StreamExt;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use super::error::ApiError;

/// Ordinary calls at once, for each group of paths: as many as one commit makes durable. Each may
/// hold a body of some MiB, so that more could fill the memory.
pub(super) const QUICK_MAX: usize = 1024;
/// How long an ordinary call may take.
const QUICK_TIMEOUT: Duration = Duration::from_secs(30);
/// Calls at once that wait for something to happen: a node each, and people who look.
pub(super) const WAITING_MAX: usize = 20_000;

/// Large files on their way at once.
const TRANSFERS_MAX: usize = 128;

/// Limits the number of calls, and the time of each.
pub(crate) fn quick<S: Clone + Send + Sync + 'static>(router: Router<S>) -> Router<S> {
    let hurry = async |State(quick): State<Quick>, request: Request, next: Next| {
        quick.run(next.run(request)).await
    };
    router.layer(from_fn_with_state(Quick::default(), hurry))
}

/// Limits the number of calls that may wait as long as they asked for, streams among them.
pub(crate) fn waiting<S: Clone + Send + Sync + 'static>(router: Router<S>) -> Router<S> {
    at_most(WAITING_MAX, router)
}

/// Limits the number of large files on their way.
pub(crate) fn transfers<S: Clone + Send + Sync + 'static>(router: Router<S>) -> Router<S> {
    at_most(TRANSFERS_MAX, router)
}

fn at_most<S: Clone + Send + Sync + 'static>(max: usize, router: Router<S>) -> Router<S> {
    router.layer(from_fn_with_state(Arc::new(Semaphore::new(max)), stay))
}

/// The places of ordinary calls.
#[derive(Debug, Clone)]
pub(super) struct Quick(Arc<Semaphore>);

impl Default for Quick {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(QUICK_MAX)))
    }
}

impl Quick {
    /// Runs a call if there is a place, and as long as it may take.
    pub(super) async fn run(&self, call: impl Future<Output = Response>) -> Response {
        let Ok(_place) = self.0.try_acquire() else { return ApiError::TooMany.into_response() };
        let answer = timeout(QUICK_TIMEOUT, call).await;
        answer.unwrap_or_else(|_| ApiError::TooSlow.into_response())
    }
}

async fn stay(State(places): State<Arc<Semaphore>>, request: Request, next: Next) -> Response {
    let Ok(place) = places.try_acquire_owned() else { return ApiError::TooMany.into_response() };
    next.run(request).await.map(|body| keep(body, place))
}

/// A stream keeps its place until it ends.
fn keep(body: Body, place: OwnedSemaphorePermit) -> Body {
    if body.size_hint().exact().is_some() {
        return body; // it is there already
    }
    Body::from_stream(body.into_data_stream().inspect(move |_| {
        let _place = &place;
    }))
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use axum::{http::StatusCode, routing::get};
    use futures_util::stream;
    use tower::ServiceExt;

    use super::*;

    #[tokio::test]
    async fn a_stream_takes_a_place_until_it_ends_and_others_are_asked_to_come_again() {
        let endless = async || Body::from_stream(stream::repeat_with(|| Ok::<_, Infallible>("x")));
        let router =
            Router::new().route("/stream", get(endless)).route("/answer", get(async || "answer"));
        let router: Router = at_most(1, router);
        let call = async |path: &str| {
            let request = Request::get(path).body(Body::empty()).unwrap();
            router.clone().oneshot(request).await.unwrap()
        };
        for path in ["/answer", "/answer", "/stream"] {
            assert_eq!(call(path).await.status(), StatusCode::OK, "{path}");
        }
        let stream = call("/stream").await;
        let refused = call("/answer").await;
        assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(refused.headers()["retry-after"], "1");
        drop(stream);
        assert_eq!(call("/answer").await.status(), StatusCode::OK);
    }
}
