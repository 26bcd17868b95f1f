//! The page: the cloud as a person sees it, drawn by the master, live by server-sent events.
//!
//! No build step, no outside asset; reads without JavaScript. Shows the names of what instances
//! publish, never the values, but for an address to click.

mod drawing;
mod view;

use std::{convert::Infallible, sync::Arc, time::Instant};

use askama::Template;
use axum::{
    Extension, Router,
    extract::{Request, State},
    http::{Method, StatusCode, header},
    middleware::Next,
    response::{
        Html, IntoResponse, Redirect, Response, Sse,
        sse::{self, KeepAlive},
    },
    routing::get,
};
use futures_util::{Stream, stream::unfold};

use self::{
    drawing::Drawing,
    view::{Live, NotFound, Page},
};
use crate::{
    http::limits,
    service::{Service, ServiceError, Viewer},
};

/// How many of the newest changes are shown.
const CHANGES_SHOWN: usize = 20;

/// What the browser may load: our own files; what an instance publishes is a text.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The routes of the page.
pub(crate) fn router() -> Router<Service> {
    let quick = Router::new()
        .route("/", get(page))
        .route("/panel/", get(|| async { Redirect::to("../") })) // where a slapproxy has its page
        .route("/page/style.css", get(|| asset("text/css", include_str!("style.css"))))
        .route("/page/live.js", get(|| asset("text/javascript", include_str!("live.js"))));
    let drawing = Arc::new(Drawing::default());
    let waiting = Router::new().route("/page/events", get(events)).layer(Extension(drawing));
    limits::quick(quick).merge(limits::waiting(waiting))
}

/// `GET /`
async fn page(State(service): State<Service>) -> Response {
    match draw(&service).await {
        Ok(live) => render(&Page { live }),
        Err(error) => unavailable(&error),
    }
}

/// `GET /page/events`: the live part, drawn again after each change and each sample.
async fn events(
    State(service): State<Service>,
    Extension(drawing): Extension<Arc<Drawing>>,
) -> Sse<impl Stream<Item = Result<sse::Event, Infallible>>> {
    let viewer = service.look();
    let reader = Reader { service, drawing, viewer, first: true };
    Sse::new(unfold(reader, next)).keep_alive(KeepAlive::default())
}

struct Reader {
    service: Service,
    drawing: Arc<Drawing>,
    viewer: Viewer,
    first: bool,
}

async fn next(mut reader: Reader) -> Option<(Result<sse::Event, Infallible>, Reader)> {
    if !reader.first {
        tokio::select! {
            event = reader.viewer.next() => drop(event?),
            () = reader.service.stopping() => return None,
        }
        let gathered = async { while reader.viewer.next().await.is_some() {} };
        // The time that is over is what ends the gathering.
        let _over = tokio::time::timeout(reader.drawing.pause().await, gathered).await;
    }
    reader.first = false;
    let drawn = reader.drawing.since(&reader.service, Instant::now()).await?;
    Some((Ok(sse::Event::default().data(drawn)), reader))
}

/// Draws one revision; nothing here waits for a disk.
async fn draw(service: &Service) -> Result<Live, ServiceError> {
    Ok(Live::new(&service.picture(CHANGES_SHOWN).await?))
}

/// A browser that asks for what is not here is told so in its own language.
pub(crate) async fn not_found(request: Request, next: Next) -> Response {
    let accepted = request.headers().get_all(header::ACCEPT).iter();
    let browser = request.method() == Method::GET
        && accepted.filter_map(|it| it.to_str().ok()).any(|it| it.contains("text/html"));
    let path = browser.then(|| request.uri().path().to_owned());
    let response = next.run(request).await;
    match path {
        Some(path) if response.status() == StatusCode::NOT_FOUND => {
            (StatusCode::NOT_FOUND, render(&NotFound { path })).into_response()
        }
        _ => response,
    }
}

fn render(page: &impl Template) -> Response {
    match page.render() {
        Ok(html) => ([(header::CONTENT_SECURITY_POLICY, POLICY)], Html(html)).into_response(),
        Err(error) => {
            tracing::error!(%error, "the page cannot be drawn");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

fn unavailable(error: &ServiceError) -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, error.to_string()).into_response()
}

async fn asset(kind: &'static str, content: &'static str) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "max-age=300")], content)
}
