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

/// Ordinary calls at once, for each group of paths: as many as one commit makes durable.
pub(super) const QUICK_MAX: usize = 1024;
/// The largest body of a call, in bytes: a large computer's format has a megabyte.
pub(super) const BODY_MAX: usize = 8 << 20;
/// Bodies up to this are not counted.
const SMALL_BODY: u64 = 64 << 10;
/// Bytes of larger bodies that calls may hold at once, for each group of paths: if each call had the
/// largest, they could fill the memory.
const BODIES_MAX: usize = 128 << 20;
/// How long an ordinary call may take.
const QUICK_TIMEOUT: Duration = Duration::from_secs(30);
/// Calls at once that wait for something to happen: a node each, and people who look.
pub(super) const WAITING_MAX: usize = 20_000;

/// Large files on their way at once.
const TRANSFERS_MAX: usize = 128;

/// Limits the number of calls, and the time of each.
pub(crate) fn quick<S: Clone + Send + Sync + 'static>(router: Router<S>) -> Router<S> {
    let hurry = async |State(quick): State<Quick>, request: Request, next: Next| {
        quick.run(request, |request| next.run(request)).await
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

/// The places of ordinary calls, and room for their bodies. A call gives back what it took when its
/// caller hangs up.
#[derive(Debug, Clone)]
pub(super) struct Quick {
    places: Arc<Semaphore>,
    /// In KiB.
    bodies: Arc<Semaphore>,
}

impl Default for Quick {
    fn default() -> Self {
        let semaphore = |permits| Arc::new(Semaphore::new(permits));
        Self { places: semaphore(QUICK_MAX), bodies: semaphore(BODIES_MAX >> 10) }
    }
}

impl Quick {
    /// Runs a call if there is a place, and room for its body, and as long as it may take.
    pub(super) async fn run<C: Future<Output = Response>>(
        &self,
        request: Request,
        call: impl FnOnce(Request) -> C,
    ) -> Response {
        let bytes = request.body().size_hint().upper().unwrap_or(BODY_MAX as u64);
        let counted = if bytes > SMALL_BODY { bytes.min(BODY_MAX as u64) } else { 0 };
        let kib = u32::try_from(counted.div_ceil(1 << 10)).unwrap_or(u32::MAX);
        let (Ok(_place), Ok(_body)) =
            (self.places.try_acquire(), self.bodies.try_acquire_many(kib))
        else {
            return ApiError::TooMany.into_response();
        };
        let answer = timeout(QUICK_TIMEOUT, call(request)).await;
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
    use std::{convert::Infallible, future::pending};

    use axum::{http::StatusCode, routing::get};
    use futures_util::{future::poll_immediate, stream};
    use tower::ServiceExt;

    use super::*;

    #[tokio::test]
    async fn large_bodies_have_a_bound_together_until_their_callers_are_answered_or_gone() {
        let room = 20 << 10; // KiB: for two of the largest
        let bodies = Arc::new(Semaphore::new(room));
        let quick = Quick { bodies: Arc::clone(&bodies), ..Quick::default() };
        let call = |body: Body| {
            let request = Request::post("/").body(body).unwrap();
            Box::pin(quick.run(request, |_| pending::<Response>()))
        };
        let status = async |call: &mut (dyn Future<Output = Response> + Unpin)| {
            poll_immediate(call).await.map(|it| it.status())
        };
        let unknown = || Body::from_stream(stream::pending::<Result<String, Infallible>>());
        let mut held = Vec::new();
        for body in [Body::from(vec![0; 8 << 20]), unknown()] {
            let mut large = call(body);
            assert_eq!(status(&mut large).await, None, "it runs");
            held.push(large);
        }
        for _ in 0..100 {
            let mut small = call(Body::from(vec![0; 64 << 10]));
            assert_eq!(status(&mut small).await, None, "small ones always may");
            held.push(small);
        }
        let refused = poll_immediate(call(unknown())).await.unwrap();
        assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(refused.headers()["retry-after"], "1");
        drop(held); // they hang up
        assert_eq!(bodies.available_permits(), room);
        assert_eq!(status(&mut call(unknown())).await, None);
    }

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
