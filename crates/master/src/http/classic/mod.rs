//! The classic SLAP face, which the unmodified Python `slapos.core` speaks (protocol text).
//!
//! An endpoint is found by the last segment of the path, so it is served at the root and below
//! any prefix. This master has no identities: what a node reports acts as its computer, a request
//! from a partition as the instance in it, any other call as the operator.

mod documents;
mod error;
mod read;
mod report;
mod request;

use axum::{
    body::Bytes,
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use slapos_wire::classic::{
    call::{Call, Endpoint, Form, Method as WireMethod},
    marshal::Unwritable,
};

use self::error::ClassicError;
use super::error::ApiError;
use crate::service::{Origin, Service};

/// The largest body of a call, in bytes: a large computer's format has a megabyte.
const BODY_BYTES_MAX: usize = 8 << 20;

/// Serves a path that no other face has: an endpoint of the classic protocol, or nothing.
pub(super) async fn serve(
    State(service): State<Service>,
    origin: Origin,
    request: Request,
) -> Response {
    let name = request.uri().path().rsplit('/').next().unwrap_or_default();
    let Some(endpoint) = Endpoint::of_name(name) else {
        return ApiError::NoSuchPath.into_response();
    };
    let called = call(&service, origin, endpoint, request).await;
    called.unwrap_or_else(IntoResponse::into_response)
}

async fn call(
    service: &Service,
    origin: Origin,
    endpoint: Endpoint,
    request: Request,
) -> Result<Response, ClassicError> {
    let (parts, body) = request.into_parts();
    let bytes = match (&parts.method, endpoint.method()) {
        (&Method::GET, WireMethod::Get) => {
            Bytes::from(parts.uri.query().unwrap_or_default().to_owned())
        }
        (&Method::POST, WireMethod::Post) => axum::body::to_bytes(body, BODY_BYTES_MAX)
            .await
            .map_err(|_| ClassicError::BodyTooLarge)?,
        _ => return Err(ClassicError::WrongMethod(endpoint)),
    };
    let call = Call::parse(endpoint, &Form::decode(&bytes))?;
    answer(service, origin, &parts.headers, endpoint, call).await
}

/// What a call is answered: each kind of call in the file of its kind.
async fn answer(
    service: &Service,
    origin: Origin,
    headers: &HeaderMap,
    endpoint: Endpoint,
    call: Call,
) -> Result<Response, ClassicError> {
    match call {
        Call::Computer(computer) => xml(read::computer(service, &computer).await?),
        Call::Partition(place) => xml(read::partition(service, &place).await?),
        Call::PartitionCertificate(place) => xml(read::certificate(service, &place).await?),
        Call::TreeAddresses(place) => xml(read::tree_addresses(service, &place).await?),
        Call::ComputerStatus(computer) => xml(read::computer_status(service, &computer).await?),
        Call::PartitionStatus(place) => xml(read::partition_status(service, &place).await?),
        Call::SupplyStatus { computer, software_release } => {
            xml(read::supply_status(service, &computer, &software_release).await?)
        }
        Call::Releases(_) => xml(slapos_wire::classic::document::encode_releases(&[])),
        Call::Request(ask) => request::request(service, origin, headers, *ask).await,
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
        Call::HateoasUrl
        | Call::IssueComputerCertificate(_)
        | Call::RevokeComputerCertificate(_)
        | Call::RequestComputer(_)
        | Call::RegisterComputer(_)
        | Call::PersonCertificate => Err(ClassicError::NotOffered(endpoint)),
    }
}

/// A marshalled document. The client needs the character set: without it, it reads Latin-1.
fn xml(document: Result<String, Unwritable>) -> Result<Response, ClassicError> {
    let document = document?;
    let mut response = (StatusCode::OK, document).into_response();
    let kind = HeaderValue::from_static("text/xml; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    Ok(response)
}
