//! The reading calls (protocol, section 8.2).

use axum::{
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use slapos_core::{
    names::{ComputerId, SoftwareUrl},
    refusal::Refusal,
    world::{Place, Site, World},
};
use slapos_wire::classic::{
    document::{encode_addresses, encode_no_status},
    marshal::Unwritable,
};

use super::{documents, error::ClassicError, xml};
use crate::{
    http::status,
    service::{Rendered, Service},
};

type Document = Result<String, Unwritable>;

/// `getFullComputerInformation`; nothing, when it is as the caller says that it knows it. That its
/// node asks is the sign that it lives.
pub(super) async fn computer(
    service: &Service,
    headers: &HeaderMap,
    computer: &ComputerId,
) -> Result<Response, ClassicError> {
    let render = |world: &World, site: &Site| documents::computer(world, site).encode();
    let known = headers.get(header::IF_NONE_MATCH).and_then(|known| known.to_str().ok());
    let Rendered { text, tag } = service.document(computer, known, render).await??;
    service.heard_from(computer);
    let tag = HeaderValue::try_from(tag).expect("a number in quotes can be in a header");
    let tagged = |answer: Response| ([(header::ETAG, tag)], answer).into_response();
    Ok(tagged(match text {
        None => StatusCode::NOT_MODIFIED.into_response(),
        Some(text) => xml(Ok(text))?,
    }))
}

/// `registerComputerPartition`
pub(super) async fn partition(service: &Service, place: &Place) -> Result<Document, ClassicError> {
    let show = |world: &World| {
        let (row, occupant) = world.partition(place)?;
        Ok(documents::partition(world, row, occupant).encode())
    };
    Ok(service.read(show).await?)
}

/// `getHostingSubscriptionIpList`
pub(super) async fn tree_addresses(
    service: &Service,
    place: &Place,
) -> Result<Document, ClassicError> {
    let show = |world: &World| {
        let root = world.occupant(place)?.root;
        let places = world.tree(root).filter_map(|it| it.place.as_ref());
        let rows = places.filter_map(|place| world.partition(place).ok());
        let addresses = rows.flat_map(|(row, _)| documents::addresses(row));
        Ok(encode_addresses(&addresses.collect::<Vec<_>>()))
    };
    Ok(service.read(show).await?)
}

/// `getComputerStatus`
pub(super) async fn computer_status(
    service: &Service,
    computer: &ComputerId,
) -> Result<Document, ClassicError> {
    service.read(|world| world.site(computer).map(|_| ())).await?;
    Ok(match service.seen_at(computer) {
        Some(seen_at) => status::computer(computer, seen_at).encode(),
        None => encode_no_status(computer.as_str()),
    })
}

/// `getComputerPartitionStatus`
pub(super) async fn partition_status(
    service: &Service,
    place: &Place,
) -> Result<Document, ClassicError> {
    let show = |world: &World| {
        let it = world.occupant(place)?;
        let status = status::instance(it, place);
        Ok(status.map_or_else(|| encode_no_status(&it.id.to_string()), |status| status.encode()))
    };
    Ok(service.read(show).await?)
}

/// `getSoftwareInstallationStatus`
pub(super) async fn supply_status(
    service: &Service,
    computer: &ComputerId,
    release: &SoftwareUrl,
) -> Result<Document, ClassicError> {
    let show = |world: &World| {
        let supply = world.site(computer)?.supply(release);
        let supply = supply.ok_or_else(|| Refusal::UnknownSupply {
            computer: computer.clone(),
            release: release.clone(),
        })?;
        Ok(status::supply(supply).encode())
    };
    Ok(service.read(show).await?)
}
