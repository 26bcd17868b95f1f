//! The reading calls (protocol, section 8.2).

use slapos_core::{
    names::{ComputerId, SoftwareUrl, Timestamp},
    refusal::Refusal,
    world::{Place, World},
};
use slapos_wire::classic::{
    document::{Certificate, Status, Subject, encode_addresses, encode_no_status},
    marshal::Unwritable,
};

use super::{documents, error::ClassicError};
use crate::service::Service;

type Document = Result<String, Unwritable>;

/// `getFullComputerInformation`. That its node asks is the sign that it lives.
pub(super) async fn computer(
    service: &Service,
    computer: &ComputerId,
) -> Result<Document, ClassicError> {
    let document = service
        .read(|world| Ok(documents::computer(world, world.site(computer)?).encode()))
        .await?;
    service.heard_from(computer);
    Ok(document)
}

/// `registerComputerPartition`
pub(super) async fn partition(service: &Service, place: &Place) -> Result<Document, ClassicError> {
    let show = |world: &World| {
        let (row, occupant) = world.partition(place)?;
        Ok(documents::partition(world, row, occupant).encode())
    };
    Ok(service.read(show).await?)
}

/// `getComputerPartitionCertificate`: a master without identities has none to give.
pub(super) async fn certificate(
    service: &Service,
    place: &Place,
) -> Result<Document, ClassicError> {
    service.read(|world| world.occupant(place).map(|_| ())).await?;
    Ok(Certificate { certificate: String::new(), key: String::new() }.encode())
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
    let Some(seen_at) = service.seen_at(computer) else {
        return Ok(encode_no_status(computer.as_str()));
    };
    let status = Status {
        text: format!("#access {computer}"),
        is_silent_for_5_minutes: silent_for(seen_at, 5),
        is_silent_for_15_minutes: silent_for(seen_at, 15),
        ..said(Subject::Computer, computer.to_string(), computer, seen_at)
    };
    Ok(status.encode())
}

/// `getComputerPartitionStatus`
pub(super) async fn partition_status(
    service: &Service,
    place: &Place,
) -> Result<Document, ClassicError> {
    let show = |world: &World| {
        let it = world.occupant(place)?;
        let Some(report) = it.current_report() else {
            return Ok(encode_no_status(&it.id.to_string()));
        };
        let said = said(Subject::Instance, it.id.to_string(), &place.computer, it.changed_at);
        let (text, state) = (documents::status(it), report.state.as_str().to_owned());
        Ok(Status { text, state, ..said }.encode())
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
        let said = said(Subject::Supply, release.to_string(), computer, supply.changed_at);
        Ok(Status { text: documents::supply_status(supply), ..said }.encode())
    };
    Ok(service.read(show).await?)
}

/// What the node of a computer said at a time, still without a word.
fn said(subject: Subject, reference: String, by: &ComputerId, at: Timestamp) -> Status {
    Status {
        subject,
        reference,
        user: by.to_string(),
        text: String::new(),
        state: String::new(),
        created_at: at,
        since: at,
        is_silent_for_5_minutes: false,
        is_silent_for_15_minutes: false,
    }
}

fn silent_for(seen_at: Timestamp, minutes: u64) -> bool {
    crate::clock::now().0.saturating_sub(seen_at.0) > minutes * 60 * 1_000_000
}
