//! Errors of the classic face: what the Python client makes of a status decides which one it is
//! (protocol, section 3); the text says what and what to do.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use slapos_core::{
    refusal::{Refusal, RefusalKind},
    world::Place,
};
use slapos_wire::classic::{
    authorization::BadClaim,
    call::{BadCall, Endpoint},
    marshal::Unwritable,
};

use crate::{forward::ForwardError, service::ServiceError};

/// Why a call of the classic protocol was not answered as asked.
#[derive(Debug, thiserror::Error)]
pub(super) enum ClassicError {
    /// A field is missing or wrong.
    #[error("{call}: {fault}", call = .0, fault = .0.fault)]
    Call(#[from] BadCall),
    /// The header that names a partition is wrong.
    #[error(transparent)]
    Claim(#[from] BadClaim),
    /// The header names a partition that does not exist.
    #[error("no partition matches the authorization header: there is no {0}")]
    UnknownClaim(Place),
    /// Another master has no answer.
    #[error(transparent)]
    Forward(#[from] ForwardError),
    /// The service has no result.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// The computer, or the title, has a certificate. Old clients look for the first sentence.
    #[error("Certificate still active. {0}")]
    CertificateActive(Refusal),
    /// A text in the answer cannot be written as XML.
    #[error("the answer holds a text that XML cannot hold")]
    Unwritable(#[from] Unwritable),
    /// The endpoint takes the other method.
    #[error("`{endpoint}` is asked with {method}", endpoint = .0, method = .0.method().as_str())]
    WrongMethod(Endpoint),
    /// The caller does not say under which name it knows this master.
    #[error("the call has no header `Host`")]
    NoHost,
    /// The body is larger than any call is.
    #[error("the body is too large")]
    BodyTooLarge,
    /// The request is accepted; ask again until the instance has a place.
    #[error("please wait: {0}")]
    PleaseWait(String),
    /// A usage report is not one.
    #[error("the usage report is not readable: {0}")]
    Usage(slapos_wire::BadXml),
}

impl From<Refusal> for ClassicError {
    fn from(refusal: Refusal) -> Self {
        Self::Service(refusal.into())
    }
}

impl ClassicError {
    fn status(&self) -> StatusCode {
        match self {
            Self::Forward(error) => forward_status(error),
            Self::Call(_)
            | Self::Claim(_)
            | Self::UnknownClaim(_)
            | Self::NoHost
            | Self::Usage(_) => StatusCode::BAD_REQUEST,
            Self::Service(ServiceError::Refused(refusal)) => match refusal.kind() {
                RefusalKind::Unknown => StatusCode::NOT_FOUND,
                RefusalKind::Forbidden => StatusCode::FORBIDDEN,
                RefusalKind::Invalid => StatusCode::BAD_REQUEST,
                RefusalKind::Conflict => match refusal {
                    Refusal::EmptyPartition { .. } => StatusCode::NOT_FOUND,
                    _ => StatusCode::CONFLICT,
                },
            },
            Self::CertificateActive(_) => StatusCode::CONFLICT,
            Self::Service(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Unwritable(_) => StatusCode::INTERNAL_SERVER_ERROR,
            Self::WrongMethod(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::PleaseWait(_) => StatusCode::REQUEST_TIMEOUT,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Call(error) => Some(error.hint().to_owned()),
            Self::Service(ServiceError::Refused(refusal)) | Self::CertificateActive(refusal) => {
                refusal.hint()
            }
            Self::Forward(ForwardError::Unlisted(url)) => {
                Some(format!("list it in a section [multimaster/{url}] of the configuration"))
            }
            _ => None,
        }
    }
}

/// What a client shall make of the failure of another master: to come again, or that there is none.
fn forward_status(error: &ForwardError) -> StatusCode {
    /// Statuses that proxies use beyond the standard, and that the client knows.
    fn beyond(status: u16) -> StatusCode {
        StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY)
    }
    match error {
        ForwardError::Unlisted(_) | ForwardError::NotFound(..) => StatusCode::NOT_FOUND,
        ForwardError::PleaseWait(..) => StatusCode::REQUEST_TIMEOUT,
        ForwardError::Down(..) => beyond(523),
        ForwardError::Slow(_) => beyond(524),
        ForwardError::Busy(_) => StatusCode::SERVICE_UNAVAILABLE,
        ForwardError::Refused { .. } | ForwardError::Strange(..) => StatusCode::BAD_GATEWAY,
        ForwardError::Unwritable(_) => StatusCode::BAD_REQUEST,
    }
}

impl IntoResponse for ClassicError {
    fn into_response(self) -> Response {
        let status = self.status();
        tracing::debug!(status = status.as_u16(), "{self}");
        let hint = self.hint().map(|hint| format!(" ({hint})")).unwrap_or_default();
        let mut response = (status, format!("{self}{hint}\n")).into_response();
        let headers = response.headers_mut();
        match &self {
            Self::WrongMethod(endpoint) => {
                let allowed = HeaderValue::from_static(endpoint.method().as_str());
                headers.insert(header::ALLOW, allowed);
            }
            Self::PleaseWait(_) => {
                headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private"));
            }
            Self::Service(error) if status == StatusCode::SERVICE_UNAVAILABLE => {
                let again = HeaderValue::from_static(error.retry_after());
                headers.insert(header::RETRY_AFTER, again);
            }
            _ if status == StatusCode::SERVICE_UNAVAILABLE => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
            }
            _ => {}
        }
        response
    }
}
