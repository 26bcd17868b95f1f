//! Lists, a piece at a time: `limit` and `after` in the query, and in the answer the header `Link`
//! with the query of the next piece, where there is one (RFC 8288).

use std::{fmt::Display, num::NonZeroUsize};

use axum::{
    extract::RawQuery,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;

use super::super::extract::Json;
use crate::service::{List, Piece};

/// The most that one answer lists; so many, if the caller names no limit.
const LIMIT_MAX: usize = 1000;

/// The piece that a query asks for.
pub(super) fn piece<K>(after: Option<K>, limit: Option<NonZeroUsize>) -> Piece<K> {
    Piece { after, limit: limit.map_or(LIMIT_MAX, NonZeroUsize::get).min(LIMIT_MAX) }
}

/// The answer: the piece, and how to ask for the next. `name` is what `after` takes of an item.
pub(super) fn answer<T: Serialize, K: Display>(
    list: List<T>,
    RawQuery(query): &RawQuery,
    name: impl Fn(&T) -> K,
) -> Response {
    let last = list.items.last().filter(|_| list.goes_on).map(name);
    let next = last.map(|last| {
        let asked = query.as_deref().unwrap_or_default();
        let same = form_urlencoded::parse(asked.as_bytes()).filter(|(name, _)| name != "after");
        let mut next = form_urlencoded::Serializer::new(String::from("?"));
        next.extend_pairs(same).append_pair("after", &last.to_string());
        format!("<{}>; rel=\"next\"", next.finish())
    });
    let mut answer = Json(list.items).into_response();
    if let Some(next) = next {
        let next = HeaderValue::try_from(next).expect("an encoded query can be in a header");
        answer.headers_mut().insert(header::LINK, next);
    }
    answer
}
