//! The HTTP faces over the service. Handlers parse, call the service, render; they hold no policy.
//!
//! The one place where faces are composed: [`router`].

mod anywhere;
mod browser;
mod classic;
pub(crate) mod connections;
mod error;
mod extract;
mod hateoas;
mod joining;
mod jsonrpc;
pub(crate) mod limits;
mod networkcache;
mod schema;
mod seen_url;
mod status;
mod texts;
mod v1;

use std::{
    collections::BTreeMap,
    io,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use axum::{
    Extension, Router,
    extract::{DefaultBodyLimit, Request, State},
    middleware::from_fn,
    response::{IntoResponse, Response},
};
use slapos_core::names::SoftwareUrl;
use tower::Service as _;
use tracing::{Instrument, Span};

use self::{browser::Foreign, connections::Running, error::ApiError, limits::Quick};
use crate::{
    authority::Authority,
    forward::OtherMaster,
    service::{Origin, Service},
};

/// The largest body of a call, in bytes.
const BODY_BYTES_MAX: usize = 1 << 20;

/// The keys that a networkcache may have when nothing else is set: a key for each release and for
/// each file of it that somebody downloaded.
pub const NETWORKCACHE_KEYS: usize = 100_000;

/// What the faces offer besides what the service knows.
#[derive(Debug, Clone)]
pub struct FaceSettings {
    /// The release of each software product, by the product's name.
    pub products: BTreeMap<String, SoftwareUrl>,
    /// The masters to which requests are passed on.
    pub masters: Vec<OtherMaster>,
    /// The directory of the networkcache; `None`: in the data directory, when it is served.
    pub networkcache: Option<PathBuf>,
    /// So many keys its entries may have: each is a file.
    pub networkcache_keys: usize,
    /// The names under which it may be called, besides those of this machine. `None`: any, since
    /// whoever reaches its address may call.
    pub hosts: Option<Vec<String>>,
}

impl Default for FaceSettings {
    fn default() -> Self {
        Self {
            products: BTreeMap::new(),
            masters: Vec::new(),
            networkcache: None,
            networkcache_keys: NETWORKCACHE_KEYS,
            hosts: None,
        }
    }
}

/// Everything that the master serves. Identities are not checked: for a master on loopback only.
///
/// # Errors
/// When the directory of the networkcache cannot be used.
pub fn router(
    service: Service,
    authority: Authority,
    settings: FaceSettings,
) -> io::Result<Router> {
    let networkcache = settings
        .networkcache
        .as_deref()
        .map(|root| networkcache::router(root, settings.networkcache_keys))
        .transpose()?;
    let authority = Arc::new(authority);
    let hosts = settings.hosts.clone().map(Arc::from);
    let classic = classic::Face::new(service.clone(), authority.clone(), settings);
    let anywhere = anywhere::router(service.clone(), authority.clone(), classic.clone());
    let others = Router::new()
        .nest("/v1", v1::router())
        .merge(crate::page::router())
        .merge(networkcache.unwrap_or_default())
        .merge(limits::quick(anywhere))
        .method_not_allowed_fallback(|| async { ApiError::NoSuchMethod })
        .layer(Extension(authority))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(from_fn(crate::page::not_found))
        .with_state(service);
    let faces = Faces { hosts, classic, quick: Quick::default(), others };
    Ok(Router::new().fallback(serve).with_state(faces))
}

/// The classic face beside all others. Its endpoints are looked for first: they are what a large
/// fleet calls, and each layer of a router costs.
#[derive(Clone)]
struct Faces {
    hosts: Option<Arc<[String]>>,
    classic: classic::Face,
    quick: Quick,
    others: Router,
}

async fn serve(State(faces): State<Faces>, origin: Origin, request: Request) -> Response {
    let _running = Running::new(&request);
    let span = span(origin, &request);
    answer(faces, origin, request).instrument(span).await
}

fn check_browser(faces: &Faces, request: &Request) -> Result<(), Foreign> {
    faces.hosts.as_ref().map_or(Ok(()), |hosts| browser::refuse_unknown_host(request, hosts))?;
    browser::refuse_foreign(request)
}

/// Says in the log of which call a line is. Only where that log tells of calls at all: it costs.
fn span(origin: Origin, request: &Request) -> Span {
    static CALLS: AtomicU64 = AtomicU64::new(1);
    let (method, path) = (request.method(), request.uri().path()); // a query may hold a secret
    let number = || CALLS.fetch_add(1, Ordering::Relaxed);
    tracing::debug_span!("call", number = number(), %method, path, from = %origin)
}

async fn answer(mut faces: Faces, origin: Origin, request: Request) -> Response {
    if let Err(refused) = check_browser(&faces, &request) {
        return ApiError::from(refused).into_response();
    }
    match classic::endpoint(request.uri().path()) {
        Some(endpoint) => {
            let call = |request| faces.classic.serve(origin, endpoint, request);
            faces.quick.run(request, call).await
        }
        None => {
            let Ok(answer) = faces.others.call(request).await;
            answer
        }
    }
}
