//! Requests for what is with another master: that the request names, or that is listed for the
//! release (protocol, section 15).

use slapos_core::{
    names::{Title, WishedState},
    refusal::Refusal,
    world::{Place, World},
};
use slapos_wire::classic::{
    call::{BadCall, Endpoint, Fault, Request},
    document::Answer,
};

use super::{Face, error::ClassicError};
use crate::{
    forward::{ForwardError, OtherMaster},
    http::{extract::Person, seen_url::SeenUrl},
};

/// The key of a placement that names a master.
const MASTER: &str = "master_url";

/// What another master answers; `None` when the request is for this one: it says so, or the
/// instance is here already.
pub(super) async fn ask(
    face: &Face,
    ask: &Request,
    requester: Option<&Place>,
    seen: Option<&SeenUrl>,
) -> Result<Option<Answer>, ClassicError> {
    let Some(master) = master(&face.settings.masters, ask, seen)? else {
        return Ok(None);
    };
    if face.service.read(|world| is_here(world, ask, requester)).await? {
        return Ok(None);
    }
    let request = Request { title: title(ask, requester)?, ..ask.clone() };
    Ok(master.ask(request, face.run_id.clone()).await?)
}

/// The master that a request is for, if it is not this one.
fn master<'m>(
    masters: &'m [OtherMaster],
    ask: &Request,
    seen: Option<&SeenUrl>,
) -> Result<Option<&'m OtherMaster>, ForwardError> {
    let named = ask.placement.get(MASTER).filter(|url| !url.is_empty());
    let ours = |url: &&String| seen.is_some_and(|seen| seen.join("") == url.trim_end_matches('/'));
    match named.filter(|url| !ours(url)) {
        Some(url) => match masters.iter().find(|master| master.is_named(url)) {
            Some(master) => Ok(Some(master)),
            None => Err(ForwardError::Unlisted(url.chars().take(200).collect())),
        },
        None if named.is_some() => Ok(None),
        None => Ok(masters.iter().find(|master| master.has(&ask.software_release))),
    }
}

/// Whether the instance that is asked for is here already.
fn is_here(world: &World, ask: &Request, requester: Option<&Place>) -> Result<bool, Refusal> {
    let known = match requester {
        Some(place) => world.in_tree(world.occupant(place)?.root, &ask.title),
        None => world.root(&Person::default().0, &ask.title),
    };
    Ok(known.is_some_and(|it| it.wished != WishedState::Destroyed))
}

/// The title there: with who asks here before it, so that the instances of two of them are two.
fn title(ask: &Request, requester: Option<&Place>) -> Result<Title, ClassicError> {
    let who = requester.map_or("user", |place| place.partition.as_str());
    let title = Title::try_from(format!("{who}_{}", ask.title));
    title.map_err(|error| {
        let (endpoint, field) = (Endpoint::Request, "partition_reference");
        BadCall { endpoint, field, fault: Fault::Name(error) }.into()
    })
}
