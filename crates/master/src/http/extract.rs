//! What a call says: its body, its path, its query, who acts and from where.
//!
//! This master has no identities: whoever calls is believed. Calls about a computer act as its
//! node; others act as the person of the header `X-Slapos-Person`, or `admin`.

use std::convert::Infallible;

use axum::{
    extract::{ConnectInfo, FromRequest, FromRequestParts, Request},
    http::request::Parts,
};
use serde::{Serialize, de::DeserializeOwned};
use slapos_core::{
    actor::Actor,
    decide::Requester,
    names::PersonId,
    refusal::Refusal,
    world::{Place, World},
};

use super::{connections::Peer, error::ApiError};
use crate::service::Origin;

const PERSON_HEADER: &str = "x-slapos-person";

/// A JSON body, in and out.
pub(super) struct Json<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let body = axum::Json::from_request(request, state).await.map_err(ApiError::Body)?;
        Ok(Self(body.0))
    }
}

impl<T: Serialize> axum::response::IntoResponse for Json<T> {
    fn into_response(self) -> axum::response::Response {
        axum::Json(self.0).into_response()
    }
}

/// The names in the path.
pub(super) struct Path<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let path = axum::extract::Path::from_request_parts(parts, state).await;
        Ok(Self(path.map_err(ApiError::Path)?.0))
    }
}

/// The query.
pub(super) struct Query<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let query = axum::extract::Query::from_request_parts(parts, state).await;
        Ok(Self(query.map_err(ApiError::Query)?.0))
    }
}

/// The person who calls.
pub(super) struct Person(pub(super) PersonId);

impl Default for Person {
    /// The one who is meant when a call names nobody.
    fn default() -> Self {
        Self(PersonId::admin())
    }
}

impl Person {
    /// The person as one who acts on a master without identities.
    pub(super) fn actor(&self) -> Actor {
        Actor::Operator(self.0.clone())
    }
}

/// Who requests by an old protocol: the instance in the partition that a call names, or who is meant when it names
/// nobody.
pub(super) fn requester(
    world: &World,
    named: Option<&Place>,
) -> Result<(Requester, Actor), Refusal> {
    Ok(match named {
        Some(place) => {
            let id = world.occupant(place)?.id;
            (Requester::Instance(id), Actor::Instance(id))
        }
        None => {
            let person = Person::default();
            (Requester::Person(person.0.clone()), person.actor())
        }
    })
}

impl<S: Send + Sync> FromRequestParts<S> for Person {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let Some(value) = parts.headers.get(PERSON_HEADER) else { return Ok(Self::default()) };
        let name = value.to_str().map_err(|_| bad("it is not plain text".into()))?;
        PersonId::try_from(name).map(Self).map_err(|error| bad(error.to_string()))
    }
}

fn bad(why: String) -> ApiError {
    ApiError::Header("X-Slapos-Person", why)
}

impl<S: Send + Sync> FromRequestParts<S> for Origin {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let address = parts.extensions.get::<ConnectInfo<Peer>>();
        Ok(address.map_or(Self::Inside, |peer| Self::Address(peer.0.address)))
    }
}
