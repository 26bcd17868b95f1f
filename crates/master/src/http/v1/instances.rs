//! `/v1/instances`: what persons request, and how it is.

use std::{num::NonZeroUsize, time::Duration};

use axum::{
    extract::{RawQuery, State},
    response::Response,
};
use serde::Deserialize;
use slapos_core::{
    decide::{Answer, Ask, Bang, Rename, Request, Requester, Target, Upgrade, Wish},
    names::{InstanceId, Revision, Title},
    refusal::Refusal,
    world::{Dictionary, World},
};
use slapos_wire::v1;

use super::{
    super::{
        error::ApiError,
        extract::{Json, Person, Query},
        texts,
    },
    list,
};
use crate::service::{Origin, Service, ServiceError};

/// The query of a list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    title: Option<Title>,
    id: Option<InstanceId>,
    after: Option<InstanceId>,
    limit: Option<NonZeroUsize>,
    at: Option<v1::At>,
}

/// `GET /v1/instances`
pub(super) async fn list(
    State(service): State<Service>,
    Query(query): Query<ListQuery>,
    asked: RawQuery,
) -> Result<Response, ApiError> {
    let ListQuery { title, id, after, limit, at } = query;
    let piece = list::piece(after, limit);
    let found = match at {
        Some(at) => service.instances_at(title, id, piece, at).await?,
        None => service.instances(title.as_ref(), id, &piece).await?,
    };
    Ok(list::answer(found, &asked, |it| it.id))
}

/// `POST /v1/instances`
pub(super) async fn request(
    State(service): State<Service>,
    origin: Origin,
    person: Person,
    Json(body): Json<v1::RequestAsk>,
) -> Result<Json<v1::Instance>, ApiError> {
    texts::check("parameters", body.parameters.as_ref().unwrap_or(&Dictionary::new()))?;
    let title = body.title.clone();
    let requester = Requester::Person(person.0.clone());
    let ask = |_: &World| Ok((Ask::Request(requested(body, requester)), person.actor()));
    let shown =
        service.act(origin, ask, |world, answer| show_requested(&service, world, answer)).await?;
    shown.map(Json).ok_or(ApiError::Absent(title))
}

/// `POST /v1/instances/state`
pub(super) async fn state(
    State(service): State<Service>,
    origin: Origin,
    person: Person,
    Json(body): Json<v1::StateAsk>,
) -> Result<Json<v1::Instance>, ApiError> {
    let ask = Ask::Wish(Wish { id: body.id, state: body.state });
    change(&service, origin, &person, body.id, ask).await
}

/// `POST /v1/instances/bang`
pub(super) async fn bang(
    State(service): State<Service>,
    origin: Origin,
    person: Person,
    Json(body): Json<v1::InstanceBangAsk>,
) -> Result<Json<v1::Instance>, ApiError> {
    let target = if body.tree { Target::Tree(body.id) } else { Target::Instance(body.id) };
    let ask = Ask::Bang(Bang { target, message: body.message });
    change(&service, origin, &person, body.id, ask).await
}

/// `POST /v1/instances/rename`
pub(super) async fn rename(
    State(service): State<Service>,
    origin: Origin,
    person: Person,
    Json(body): Json<v1::RenameAsk>,
) -> Result<Json<v1::Instance>, ApiError> {
    let ask = Ask::Rename(Rename { id: body.id, title: body.title });
    change(&service, origin, &person, body.id, ask).await
}

/// `POST /v1/instances/upgrade`
pub(super) async fn upgrade(
    State(service): State<Service>,
    origin: Origin,
    person: Person,
    Json(body): Json<v1::UpgradeAsk>,
) -> Result<Json<v1::Instance>, ApiError> {
    let (id, release) = (body.id, body.software_release);
    let ask = Ask::Upgrade(Upgrade { id, release, software_type: body.software_type });
    change(&service, origin, &person, body.id, ask).await
}

/// Does what a person asks for one instance, and shows it.
async fn change(
    service: &Service,
    origin: Origin,
    person: &Person,
    id: InstanceId,
    ask: Ask,
) -> Result<Json<v1::Instance>, ApiError> {
    let show =
        |world: &World, _: &Answer| world.instance(id).map(|it| service.show_instance(world, it));
    let shown = service.act(origin, |_| Ok((ask, person.actor())), show).await?;
    let unknown = || ServiceError::from(Refusal::UnknownInstance(id));
    Ok(Json(shown.ok_or_else(unknown)?))
}

/// The query of a tree.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TreeQuery {
    title: Title,
    at: Option<v1::At>,
}

/// `GET /v1/instances/tree`
pub(super) async fn tree(
    State(service): State<Service>,
    person: Person,
    Query(query): Query<TreeQuery>,
) -> Result<Json<v1::Tree>, ApiError> {
    Ok(Json(match query.at {
        Some(at) => service.tree_at(person.0, query.title, at).await?,
        None => service.tree(&person.0, &query.title).await?,
    }))
}

/// The query of a wait.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WaitQuery {
    id: InstanceId,
    #[serde(default)]
    since: u64,
    #[serde(default)]
    wait: u64,
}

/// `GET /v1/instances/wait`
pub(super) async fn wait(
    State(service): State<Service>,
    Query(query): Query<WaitQuery>,
) -> Result<Json<v1::Instance>, ApiError> {
    let (since, wait) = (Revision(query.since), Duration::from_secs(query.wait));
    Ok(Json(service.wait_instance(query.id, since, wait).await?))
}

/// What a body requests.
pub(super) fn requested(body: v1::RequestAsk, requester: Requester) -> Request {
    Request {
        requester,
        title: body.title,
        release: body.software_release,
        software_type: body.software_type,
        parameters: body.parameters,
        placement: body.placement,
        shared: body.shared,
        state: body.state,
    }
}

/// The instance that an answer means; `None` when it does not exist (any more).
pub(super) fn show_requested(
    service: &Service,
    world: &World,
    answer: &Answer,
) -> Option<v1::Instance> {
    match answer {
        Answer::Instance(id) => world.instance(*id).map(|it| service.show_instance(world, it)),
        Answer::Done
        | Answer::Stale
        | Answer::Overtaken
        | Answer::Absent
        | Answer::Computer(_)
        | Answer::Person(_) => None,
    }
}
