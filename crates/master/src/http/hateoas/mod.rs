//! The HATEOAS documents of ERP5, as far as the Python client walks them (protocol, section 11):
//! `slapos service list|info` and `computer list|info|token`.
//!
//! All documents are at one path, told apart by the query; the root document has the templates.

mod documents;
mod search;

use std::borrow::Cow;

use axum::{
    Json,
    http::{Method, request::Parts},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use slapos_core::{
    names::{ComputerId, InstanceId, PersonId, Title, WishedState},
    refusal::Refusal,
    world::{Computer, Instance, Site, Supply, World},
};

pub(super) use self::search::BadSearch;
use self::{
    documents::Row,
    search::{Search, Sought},
};
use super::{error::ApiError, extract::Person, joining, seen_url::SeenUrl};
use crate::service::{Origin, Service, titled_root};

/// Where the documents are, below whatever prefix.
pub(super) const PATH: &str = "/hateoas";
/// The same, with the name that ERP5 gives it.
const ERP5_PATH: &str = "/hateoas/ERP5Document_getHateoas";

/// Below [`PATH`]: hands out a token, for `slapos computer token`.
const TOKEN: &str = "/computer_module/Base_getComputerToken";

/// Whether the documents are at this path.
pub(super) fn is_here(path: &str) -> bool {
    let path = path.trim_end_matches('/');
    let path = path.strip_suffix(TOKEN).unwrap_or(path);
    path.ends_with(PATH) || path.ends_with(ERP5_PATH)
}

/// Answers a call to a path where the documents are.
pub(super) async fn show(
    service: &Service,
    origin: Origin,
    who: &Person,
    parts: &Parts,
) -> Result<Response, ApiError> {
    let person = &who.0;
    if parts.method != Method::GET {
        return Err(ApiError::NoSuchMethod);
    }
    if parts.uri.path().ends_with(TOKEN) {
        let token = joining::issue_token(service, origin, who).await?.token;
        return Ok(Json(json!({"access_token": token})).into_response());
    }
    let query = parts.uri.query().unwrap_or_default();
    let fields: Vec<_> = form_urlencoded::parse(query.as_bytes()).collect();
    let document = match field(&fields, "mode") {
        None => {
            let below = parts.uri.path().rsplit_once(PATH).map_or("", |(_, rest)| rest);
            let seen = SeenUrl::of(parts, &format!("{PATH}{below}")).ok_or(ApiError::NoHost)?;
            documents::root(&seen.join(PATH), person)
        }
        Some("search") => {
            let search = Search::read(&fields).map_err(ApiError::Search)?;
            let rows = service.read(|world| Ok(rows(world, person, &search))).await?;
            documents::found(rows, &search.wanted)
        }
        Some("traverse") => {
            let address = field(&fields, "relative_url").unwrap_or_default();
            traverse(service, person, address).await?
        }
        Some(_) => return Err(ApiError::NoSuchPath),
    };
    Ok(Json(document).into_response())
}

fn field<'f>(fields: &'f [(Cow<'_, str>, Cow<'_, str>)], name: &str) -> Option<&'f str> {
    fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_ref())
}

/// What a search finds, in the order of the world.
fn rows(world: &World, person: &PersonId, search: &Search<'_>) -> Vec<Row> {
    let lives = |it: &&Instance| it.wished != WishedState::Destroyed;
    let root = |title: &str| titled_root(world, person, &Title::try_from(title).ok()?).ok();
    match search.sought {
        Sought::Trees { title: Some(title) } => {
            root(title).filter(lives).map(Row::tree).into_iter().collect()
        }
        Sought::Trees { title: None } => {
            let roots = world.instances().filter(|it| it.is_root()).filter(lives);
            roots.take(search.limit).map(Row::tree).collect()
        }
        Sought::Computers { title, name } => {
            let named = |it: &Computer| name.is_none_or(|name| it.id.as_str() == name);
            let titled = |it: &Computer| title.is_none_or(|title| documents::title(it) == title);
            let computers = world.sites().map(Site::computer);
            let meant = computers.filter(|it| named(it) && titled(it));
            meant.take(search.limit).map(Row::computer).collect()
        }
        Sought::Instances { root: title } => {
            let root = title.and_then(root);
            let meant = |it: &&Instance| title.is_none() || root.is_some_and(|of| it.root == of.id);
            let instances = world.instances().filter(meant).filter(lives);
            instances.take(search.limit).map(|it| Row::instance(world, it)).collect()
        }
        Sought::Supplies { computer } => {
            let meant = |it: &&Supply| computer.is_none_or(|name| it.computer.as_str() == name);
            let supplies = world.sites().flat_map(Site::supplies).filter(meant);
            supplies.take(search.limit).map(Row::supply).collect()
        }
    }
}

/// The document at an address that a search gave.
async fn traverse(service: &Service, person: &PersonId, address: &str) -> Result<Value, ApiError> {
    let Some((module, name)) = address.split_once('/') else { return Err(ApiError::NoSuchPath) };
    let instance = |name: &str| InstanceId::try_from(name);
    let show = |world: &World| match module {
        "instance_tree_module" => {
            let root = instance(name).ok().and_then(|id| world.instance(id));
            let root = root.filter(|it| it.is_root());
            Ok(root.map(|root| documents::tree(world, root)))
        }
        "software_instance_module" => {
            let it = instance(name).ok().and_then(|id| world.instance(id));
            Ok(it.map(|it| documents::instance(world, it)))
        }
        "compute_node_module" => {
            let site = ComputerId::try_from(name).ok().and_then(|id| world.site(&id).ok());
            let seen = |id| service.seen_at(id);
            Ok(site.map(|site| documents::computer(world, site, seen(&site.computer().id))))
        }
        "person_module" => Ok((name == person.as_str()).then(|| documents::person(person))),
        _ => Ok::<_, Refusal>(None),
    };
    service.read(show).await?.ok_or(ApiError::NoSuchPath)
}
