//! The classic SLAP face, which the unmodified Python `slapos.core` speaks (protocol text).
//!
//! An endpoint is found by the last segment of the path, so it is served at the root and below
//! any prefix. This master has no identities: what a node reports acts as its computer, a request
//! from a partition as the instance in it, any other call as the operator.

mod certify;
mod documents;
mod elsewhere;
mod error;
mod frontend;
mod old_names;
mod read;
mod report;
mod request;

use std::{
    hash::{BuildHasher, RandomState},
    sync::Arc,
};

use axum::{
    body::{Body, Bytes},
    extract::Request,
    http::{HeaderValue, Method, header, request::Parts},
    response::{IntoResponse, Response},
};
use slapos_wire::classic::{
    call::{Call, Endpoint, Form, Method as WireMethod, ReleasesOf},
    document::encode_releases,
    marshal::Unwritable,
};

use self::error::ClassicError;
pub(super) use self::{
    documents::{addresses, route},
    old_names::placement,
    report::asked,
};
use super::{FaceSettings, error::ApiError, hateoas, limits, seen_url::SeenUrl};
use crate::{
    authority::Authority,
    service::{Origin, Service},
};

/// What tells masters apart: another one, when it forwards to this one, asks whether that is itself.
const RUN_ID: &str = "getRunId";

/// This face. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Face {
    service: Service,
    authority: Arc<Authority>,
    settings: Arc<FaceSettings>,
    /// Another one at each start.
    run_id: Arc<str>,
}

/// The endpoint that a path names: by its last segment, below whatever prefix.
pub(super) fn endpoint(path: &str) -> Option<Endpoint> {
    let (_, name) = path.rsplit_once('/')?;
    Endpoint::of_name(name)
}

impl Face {
    /// The face of a master that has just started.
    pub(super) fn new(service: Service, authority: Arc<Authority>, settings: FaceSettings) -> Self {
        let random = || RandomState::new().hash_one(());
        let run_id = format!("{:016x}{:016x}", random(), random()).into();
        Self { service, authority, settings: settings.into(), run_id }
    }

    /// Answers the call of an endpoint.
    pub(super) async fn serve(
        &self,
        origin: Origin,
        endpoint: Endpoint,
        request: Request,
    ) -> Response {
        let called = call(self, origin, endpoint, request).await;
        called.unwrap_or_else(IntoResponse::into_response)
    }

    /// Answers a call that is of no endpoint and of no other face.
    pub(super) fn serve_other(&self, request: &Request) -> Response {
        match request.uri().path().rsplit_once('/') {
            Some((_, RUN_ID)) if request.method() == Method::GET => {
                self.run_id.to_string().into_response()
            }
            _ => ApiError::NoSuchPath.into_response(),
        }
    }
}

async fn call(
    face: &Face,
    origin: Origin,
    endpoint: Endpoint,
    request: Request,
) -> Result<Response, ClassicError> {
    let (parts, body) = request.into_parts();
    let bytes = match (&parts.method, endpoint.method()) {
        (&Method::GET, WireMethod::Get) => {
            Bytes::from(parts.uri.query().unwrap_or_default().to_owned())
        }
        (&Method::POST, WireMethod::Post) => axum::body::to_bytes(body, limits::BODY_MAX)
            .await
            .map_err(|_| ClassicError::BodyTooLarge)?,
        _ => return Err(ClassicError::WrongMethod(endpoint)),
    };
    let call = Call::parse(endpoint, &Form::decode(&bytes))?;
    answer(face, origin, &parts, endpoint, call).await
}

/// What a call is answered: each kind of call in the file of its kind.
async fn answer(
    face: &Face,
    origin: Origin,
    parts: &Parts,
    endpoint: Endpoint,
    call: Call,
) -> Result<Response, ClassicError> {
    let service = &face.service;
    match call {
        Call::Computer(computer) => read::computer(service, &parts.headers, &computer).await,
        Call::Partition(place) => xml(read::partition(service, &place).await?),
        Call::TreeAddresses(place) => xml(read::tree_addresses(service, &place).await?),
        Call::ComputerStatus(computer) => xml(read::computer_status(service, &computer).await?),
        Call::PartitionStatus(place) => xml(read::partition_status(service, &place).await?),
        Call::SupplyStatus { computer, software_release } => {
            xml(read::supply_status(service, &computer, &software_release).await?)
        }
        Call::Releases(of) => xml(releases(&face.settings, &of)),
        Call::Request(ask) => request::request(face, origin, parts, *ask).await,
        Call::Format(_)
        | Call::Supply { .. }
        | Call::SupplyReport { .. }
        | Call::Publish { .. }
        | Call::RelatedInstances { .. }
        | Call::InstanceReport { .. }
        | Call::InstanceBang { .. }
        | Call::Rename { .. }
        | Call::Usage { .. }
        | Call::ComputerBang { .. } => report::report(service, origin, call).await,
        Call::HateoasUrl => {
            let seen = SeenUrl::of(parts, endpoint.name()).ok_or(ClassicError::NoHost)?;
            Ok(hateoas_url(&seen))
        }
        Call::PartitionCertificate(_)
        | Call::IssueComputerCertificate(_)
        | Call::RevokeComputerCertificate(_)
        | Call::RequestComputer(_)
        | Call::RegisterComputer(_)
        | Call::PersonCertificate => certify::answer(face, origin, &parts.headers, call).await,
    }
}

/// `getHateoasUrl`: nearly every process of old clients asks it first, so caches may keep it.
fn hateoas_url(seen: &SeenUrl) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/plain; charset=utf-8"),
        (header::CACHE_CONTROL, "public, max-age=3600, stale-if-error=604800"),
    ];
    (headers, seen.join(hateoas::PATH)).into_response()
}

/// The releases of a product, or of the product that has a release: the one that is set.
fn releases(settings: &FaceSettings, of: &ReleasesOf) -> Result<String, Unwritable> {
    let found = match of {
        ReleasesOf::Product(product) => settings.products.get(product),
        ReleasesOf::Release(release) => settings.products.values().find(|it| *it == release),
    };
    encode_releases(found.map(std::slice::from_ref).unwrap_or_default())
}

/// A marshalled document. The client needs the character set: without it, it reads Latin-1.
fn xml(document: Result<impl Into<Body>, Unwritable>) -> Result<Response, ClassicError> {
    let mut response = Response::new(document?.into());
    let kind = HeaderValue::from_static("text/xml; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    Ok(response)
}
