//! The calls about certificates, and those by which computers and persons join (protocol, sections 8.2 and 12).

use axum::{
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use serde_json::json;
use slapos_core::refusal::Refusal;
use slapos_wire::classic::{
    call::Call,
    document::{Certificate, encode_new_computer},
};

use super::{Face, error::ClassicError, xml};
use crate::{
    http::{extract::Person, joining},
    service::{Origin, ServiceError},
};

/// The header with the secret of a token.
const TOKEN_HEADER: &str = "x-access-token";

/// Answers one of these calls.
pub(super) async fn answer(
    face: &Face,
    origin: Origin,
    headers: &HeaderMap,
    call: Call,
) -> Result<Response, ClassicError> {
    let (service, authority) = (&face.service, &face.authority);
    let person = Person::default();
    let token = headers.get(TOKEN_HEADER).and_then(|it| it.to_str().ok()).unwrap_or_default();
    match call {
        Call::PartitionCertificate(place) => {
            let id = service.read(|world| Ok(world.occupant(&place)?.id)).await?;
            xml(authority.of_instance(id).encode())
        }
        Call::IssueComputerCertificate(computer) => {
            let made = joining::certify(service, authority, origin, &person, &computer).await;
            let made = made.map_err(active)?;
            xml(Certificate { certificate: made.certificate, key: made.key }.encode())
        }
        Call::RevokeComputerCertificate(computer) => {
            joining::revoke(service, origin, &person, &computer).await?;
            Ok("done".into_response())
        }
        Call::RequestComputer(title) => {
            let computer = joining::add(service, origin, &person, title).await?;
            xml(encode_new_computer(&computer))
        }
        Call::RegisterComputer(title) => {
            let made = joining::register(service, authority, origin, token, title).await;
            let made = made.map_err(active)?;
            let document = json!({
                "reference": made.computer,
                "certificate": made.certificate,
                "key": made.key,
            });
            Ok(axum::Json(document).into_response())
        }
        Call::PersonCertificate => {
            let made = joining::introduce(service, authority, origin, token).await?;
            let document = json!({"certificate": made.certificate, "key": made.key});
            Ok(axum::Json(document).into_response())
        }
        _ => unreachable!("only these calls come here"),
    }
}

/// Old clients know by a sentence that the name or the certificate is in use.
fn active(error: ServiceError) -> ClassicError {
    match error {
        ServiceError::Refused(
            refusal @ (Refusal::ComputerTitleTaken(_) | Refusal::CertificateActive(_)),
        ) => ClassicError::CertificateActive(refusal),
        other => other.into(),
    }
}
