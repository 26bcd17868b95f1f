//! The JSON-RPC face, version 0 (protocol, section 13): `POST .../slapos.VERB.v0.NOUN`.
//!
//! Input and output of every method are checked against its schemas. What a method does is what the
//! other faces do; who calls is known as in the classic face.

mod computers;
mod documents;
mod error;
mod guid;
mod input;
mod instances;
mod methods;

use std::sync::Arc;

use axum::{
    Json,
    extract::Request,
    http::{HeaderMap, Method, header, request::Parts},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use slapos_core::{refusal::Refusal, world::World};

use self::{error::RpcError, input::Input, methods::About};
use super::limits::BODY_MAX;
use crate::{
    authority::Authority,
    service::{Origin, Service},
};

/// Whether a path is that of a method, or of what could be one.
pub(super) fn is_here(path: &str) -> bool {
    name(path).starts_with("slapos.")
}

fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

/// One call.
struct Call<'c> {
    service: &'c Service,
    authority: &'c Authority,
    origin: Origin,
    parts: &'c Parts,
    method: &'c str,
    input: Input,
}

/// Answers a call that only looks.
async fn show(
    call: &Call<'_>,
    show: impl Fn(&World) -> Result<Value, Refusal>,
) -> Result<Value, RpcError> {
    Ok(call.service.read(show).await?)
}

fn list(items: impl Iterator<Item = Value>) -> Value {
    json!({"result_list": items.collect::<Vec<_>>()})
}

/// Answers a call of a method.
pub(super) async fn serve(
    service: &Service,
    authority: &Arc<Authority>,
    origin: Origin,
    request: Request,
) -> Response {
    let answered = answer(service, authority, origin, request).await;
    answered.map_or_else(RpcError::into_response, |output| Json(output).into_response())
}

async fn answer(
    service: &Service,
    authority: &Authority,
    origin: Origin,
    request: Request,
) -> Result<Value, RpcError> {
    let (parts, body) = request.into_parts();
    let method = name(parts.uri.path());
    let schemas = methods::of(method).ok_or(RpcError::NoSuchMethod)?;
    if parts.method != Method::POST {
        return Err(RpcError::NotPost);
    }
    if !says(&parts.headers, header::CONTENT_TYPE, &["application/json"]).unwrap_or(false) {
        return Err(RpcError::NotJson);
    }
    if !says(&parts.headers, header::ACCEPT, &["application/json", "application/*", "*/*"])
        .unwrap_or(true)
    {
        return Err(RpcError::NotAccepted);
    }
    let bytes = axum::body::to_bytes(body, BODY_MAX).await;
    let bytes = bytes.map_err(|_| RpcError::BodyTooLarge)?;
    let value: Value = serde_json::from_slice(&bytes)
        .map_err(|error| RpcError::Input(format!("the body is not JSON: {error}")))?;
    methods::check(&value, &schemas.input).map_err(RpcError::Input)?;
    let call = Call { service, authority, origin, parts: &parts, method, input: Input(value) };
    let output = match schemas.about {
        About::Computers => computers::answer(&call).await?,
        About::Instances => instances::answer(&call).await?,
    };
    match methods::check(&output, &schemas.output) {
        Ok(()) => Ok(output),
        Err(why) => Err(RpcError::Output(method.to_owned(), why)),
    }
}

/// Whether a header says one of these; `None` when it is not there.
fn says(headers: &HeaderMap, name: header::HeaderName, accepted: &[&str]) -> Option<bool> {
    let text = headers.get(name)?.to_str().unwrap_or_default();
    let mut kinds = text.split(',').map(|kind| kind.split(';').next().unwrap_or_default().trim());
    Some(kinds.any(|kind| accepted.contains(&kind)))
}
