//! Errors of the JSON-RPC face: what is unknown or not permitted is 403, never 404.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::json;
use slapos_core::refusal::{Refusal, RefusalKind};
use slapos_wire::classic::authorization::BadClaim;

use crate::service::ServiceError;

/// Why a call was not answered as asked.
#[derive(Debug, thiserror::Error)]
pub(super) enum RpcError {
    /// There is no such method.
    #[error("there is no such method")]
    NoSuchMethod,
    /// Methods are called with POST.
    #[error("methods are called with POST")]
    NotPost,
    /// The body is not said to be JSON.
    #[error("header Content-Type: methods take application/json")]
    NotJson,
    /// The caller does not take JSON.
    #[error("header Accept: methods answer with application/json")]
    NotAccepted,
    /// The body is too large.
    #[error("the body is too large")]
    BodyTooLarge,
    /// The input is not what the method takes.
    #[error("{0}")]
    Input(String),
    /// The header that names a partition is wrong.
    #[error(transparent)]
    Claim(#[from] BadClaim),
    /// No instance has this name.
    #[error("instance `{0}` is unknown")]
    NoInstance(String),
    /// The caller does not say under which name it knows this master.
    #[error("header Host: it is missing")]
    NoHost,
    /// The service has no result.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// A defect: the output is not what the method promises.
    #[error("the output of {0} is not as promised: {1}; please report this")]
    Output(String, String),
}

impl RpcError {
    fn status_and_kind(&self) -> (StatusCode, String) {
        let (status, kind) = match self {
            Self::NoSuchMethod => (StatusCode::NOT_FOUND, "METHOD-NOT-FOUND"),
            Self::NotPost => (StatusCode::METHOD_NOT_ALLOWED, "METHOD-NOT-ALLOWED"),
            Self::NotJson => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "UNSUPPORTED-MEDIA-TYPE"),
            Self::NotAccepted => (StatusCode::NOT_ACCEPTABLE, "NOT-ACCEPTABLE"),
            Self::BodyTooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "BODY-TOO-LARGE"),
            Self::Input(_) | Self::Claim(_) | Self::NoHost => {
                (StatusCode::BAD_REQUEST, "BAD-REQUEST")
            }
            Self::NoInstance(_) => (StatusCode::FORBIDDEN, "SOFTWARE-INSTANCE-NOT-FOUND"),
            Self::Service(ServiceError::Refused(refusal)) => return refused(refusal),
            Self::Service(_) => (StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE"),
            Self::Output(..) => (StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL-SERVER-ERROR"),
        };
        (status, kind.to_owned())
    }
}

/// What clients know by name is called so; all else by our own code.
fn refused(refusal: &Refusal) -> (StatusCode, String) {
    let status = match refusal.kind() {
        RefusalKind::Invalid => StatusCode::BAD_REQUEST,
        RefusalKind::Unknown | RefusalKind::Forbidden | RefusalKind::Conflict => {
            StatusCode::FORBIDDEN
        }
    };
    let kind = match refusal {
        Refusal::UnknownComputer { .. } => "COMPUTE-NODE-NOT-FOUND".to_owned(),
        Refusal::UnknownInstance(_)
        | Refusal::UnknownPartition { .. }
        | Refusal::EmptyPartition { .. } => "SOFTWARE-INSTANCE-NOT-FOUND".to_owned(),
        Refusal::UnknownTree(_) => "INSTANCE-TREE-NOT-FOUND".to_owned(),
        Refusal::UnknownSupply { .. } => "SOFTWARE-INSTALLATION-NOT-FOUND".to_owned(),
        Refusal::ReleaseInUse { .. } => "SUPPLY-FAILED".to_owned(),
        other => other.code().to_ascii_uppercase(),
    };
    (status, kind)
}

impl IntoResponse for RpcError {
    fn into_response(self) -> Response {
        let (status, kind) = self.status_and_kind();
        match self {
            Self::Output(..) => tracing::error!("{self}"),
            _ => tracing::debug!(status = status.as_u16(), "{self}"),
        }
        let mut body = json!({"status": status.as_u16(), "type": kind, "title": self.to_string()});
        if let Self::Service(ServiceError::Refused(refusal)) = &self
            && let Some(hint) = refusal.hint()
        {
            body["detail"] = hint.into();
        }
        let mut response = (status, Json(body)).into_response();
        let headers = response.headers_mut();
        if status == StatusCode::METHOD_NOT_ALLOWED {
            headers.insert(header::ALLOW, HeaderValue::from_static("POST"));
        }
        if status == StatusCode::SERVICE_UNAVAILABLE {
            let again = match &self {
                Self::Service(error) => error.retry_after(),
                _ => "1",
            };
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static(again));
        }
        response
    }
}
