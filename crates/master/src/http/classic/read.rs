//! The reading calls (protocol, section 8.2).

use slapos_core::{
    names::{ComputerId, SoftwareUrl},
    refusal::Refusal,
    world::{Place, World},
};
use slapos_wire::classic::{
    document::{Certificate, Status, Subject, encode_addresses, encode_no_status},
    marshal::Unwritable,
};

use super::{error::ClassicError, partition as documents};
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
        let site = world.site(&place.computer)?;
        let found = site.partition(&place.partition);
        let (row, occupant) = found.ok_or_else(|| Refusal::UnknownPartition {
            computer: place.computer.clone(),
            partition: place.partition.clone(),
        })?;
        let instance = occupant.and_then(|id| world.instance(id));
        Ok(documents::partition(world, row, instance).encode())
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
        let rows = places.filter_map(|place| {
            Some(world.site(&place.computer).ok()?.partition(&place.partition)?.0)
        });
        Ok(encode_addresses(&rows.flat_map(documents::addresses).collect::<Vec<_>>()))
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
        subject: Subject::Computer,
        reference: computer.to_string(),
        user: computer.to_string(),
        text: format!("#access {computer}"),
        state: String::new(),
        created_at: seen_at,
        since: seen_at,
        is_silent_for_5_minutes: silent_for(seen_at, 5),
        is_silent_for_15_minutes: silent_for(seen_at, 15),
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
        let status = Status {
            subject: Subject::Instance,
            reference: it.id.to_string(),
            user: place.computer.to_string(),
            text: documents::status(it),
            state: format!("{:?}", report.state).to_lowercase(),
            created_at: it.changed_at,
            since: it.changed_at,
            is_silent_for_5_minutes: false,
            is_silent_for_15_minutes: false,
        };
        Ok(status.encode())
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
        let status = Status {
            subject: Subject::Supply,
            reference: release.to_string(),
            user: computer.to_string(),
            text: documents::supply_status(supply),
            state: String::new(),
            created_at: supply.changed_at,
            since: supply.changed_at,
            is_silent_for_5_minutes: false,
            is_silent_for_15_minutes: false,
        };
        Ok(status.encode())
    };
    Ok(service.read(show).await?)
}

fn silent_for(seen_at: slapos_core::names::Timestamp, minutes: u64) -> bool {
    crate::clock::now().0.saturating_sub(seen_at.0) > minutes * 60 * 1_000_000
}
