//! Errors on the wire: one table from what went wrong to a status and a problem document.

use axum::{
    extract::rejection::{JsonRejection, PathRejection, QueryRejection},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use slapos_core::{names::Title, refusal::RefusalKind};
use slapos_wire::v1::Problem;

use super::{browser::Foreign, hateoas::BadSearch, texts::Unwritable};
use crate::service::{PastError, ServiceError};

/// Why a call was not answered as asked.
#[derive(Debug)]
pub(crate) enum ApiError {
    /// The service has no result.
    Service(ServiceError),
    /// What shall be destroyed does not exist; nothing was created.
    Absent(Title),
    /// The body is not the document that the call takes.
    Body(JsonRejection),
    /// A name in the path is none.
    Path(PathRejection),
    /// The query is not what the call takes.
    Query(QueryRejection),
    /// A header is not what the call takes.
    Header(&'static str, String),
    /// A text cannot be told to old clients.
    Unwritable(Unwritable),
    /// A search of the HATEOAS face is none that clients make.
    Search(BadSearch),
    /// A browser calls for the page of another site.
    Foreign(Foreign),
    /// The caller does not say under which name it knows this master.
    NoHost,
    /// Nothing is here.
    NoSuchPath,
    /// Something is here, but not for this method.
    NoSuchMethod,
    /// A page is wanted that this master would have to fetch from elsewhere.
    FetchesNothing,
    /// The call took too long.
    TooSlow,
    /// Too many calls run.
    TooMany,
}

impl From<ServiceError> for ApiError {
    fn from(error: ServiceError) -> Self {
        Self::Service(error)
    }
}

impl From<Foreign> for ApiError {
    fn from(error: Foreign) -> Self {
        Self::Foreign(error)
    }
}

impl From<Unwritable> for ApiError {
    fn from(error: Unwritable) -> Self {
        Self::Unwritable(error)
    }
}

impl ApiError {
    fn problem(&self) -> Problem {
        let say = |status: StatusCode, code: &str, title: String, hint: Option<String>| Problem {
            code: code.to_owned(),
            title,
            status: status.as_u16(),
            hint,
        };
        match self {
            Self::Service(error) => service_problem(error, say),
            Self::Absent(title) => {
                say(StatusCode::NOT_FOUND, "absent", format!("`{title}` does not exist"), None)
            }
            Self::Body(error) => {
                let too_large = error.status() == StatusCode::PAYLOAD_TOO_LARGE;
                let code = if too_large { "body-too-large" } else { "bad-body" };
                let hint = too_large.then(|| "a body may have 1 MiB".to_owned());
                say(error.status(), code, error.body_text(), hint)
            }
            Self::Path(error) => say(error.status(), "bad-path", error.body_text(), None),
            Self::Query(error) => say(error.status(), "bad-query", error.body_text(), None),
            Self::Header(name, why) => {
                say(StatusCode::BAD_REQUEST, "bad-header", format!("header {name}: {why}"), None)
            }
            Self::Unwritable(error) => say(
                StatusCode::UNPROCESSABLE_ENTITY,
                "unwritable-text",
                error.to_string(),
                Some(Unwritable::HINT.into()),
            ),
            Self::Search(error) => {
                say(StatusCode::BAD_REQUEST, "bad-query", error.to_string(), None)
            }
            Self::NoHost => say(
                StatusCode::BAD_REQUEST,
                "bad-header",
                "header Host: it is missing".into(),
                None,
            ),
            Self::Foreign(error) => {
                say(error.status(), error.code(), error.to_string(), Some(error.hint().into()))
            }
            Self::NoSuchPath => {
                say(StatusCode::NOT_FOUND, "unknown-path", "nothing is at this path".into(), None)
            }
            Self::NoSuchMethod => say(
                StatusCode::METHOD_NOT_ALLOWED,
                "wrong-method",
                "this path does not take this method".into(),
                None,
            ),
            Self::FetchesNothing => say(
                StatusCode::NOT_IMPLEMENTED,
                "fetches-nothing",
                "this master fetches no page for others: the address could be that of anything \
                 that it alone reaches"
                    .into(),
                Some("let the server in front of it lead to the service".into()),
            ),
            Self::TooSlow => say(
                StatusCode::GATEWAY_TIMEOUT,
                "too-slow",
                "the call took too long".into(),
                Some("ask again: a change that was decided is not lost".into()),
            ),
            Self::TooMany => say(
                StatusCode::SERVICE_UNAVAILABLE,
                "too-many-calls",
                "too many calls run".into(),
                Some("ask again in a second".into()),
            ),
        }
    }
}

fn service_problem(
    error: &ServiceError,
    say: impl Fn(StatusCode, &str, String, Option<String>) -> Problem,
) -> Problem {
    let title = error.to_string();
    match error {
        ServiceError::Refused(refusal) => {
            let status = match refusal.kind() {
                RefusalKind::Unknown => StatusCode::NOT_FOUND,
                RefusalKind::Forbidden => StatusCode::FORBIDDEN,
                RefusalKind::Invalid => StatusCode::UNPROCESSABLE_ENTITY,
                RefusalKind::Conflict => StatusCode::CONFLICT,
            };
            say(status, refusal.code(), title, refusal.hint())
        }
        ServiceError::Busy => {
            let hint = Some("ask again in a second".into());
            say(StatusCode::SERVICE_UNAVAILABLE, "busy", title, hint)
        }
        // Not 507: programs and proxies know 503 as what passes, and that it tells when to come again.
        ServiceError::DiskFull => {
            let hint = Some(
                "make room on the disk of the master's data directory: it goes on by itself".into(),
            );
            say(StatusCode::SERVICE_UNAVAILABLE, "disk-full", title, hint)
        }
        ServiceError::Ending => {
            let hint = Some("start it again, then ask again".into());
            say(StatusCode::SERVICE_UNAVAILABLE, "master-ending", title, hint)
        }
        ServiceError::Past(error) => {
            let status = match error {
                PastError::BeforeJournal(_) | PastError::NotYet(_) => StatusCode::NOT_FOUND,
                PastError::TooFar(_) => StatusCode::GATEWAY_TIMEOUT,
            };
            say(status, error.code(), title, Some(error.hint()))
        }
        ServiceError::Journal(cause) => {
            say(StatusCode::INTERNAL_SERVER_ERROR, "journal-unreadable", title, cause.hint())
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let problem = self.problem();
        let status =
            StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        tracing::debug!(code = problem.code, status = problem.status, "{}", problem.title);
        let again = match &self {
            Self::Service(error) => error.retry_after(),
            _ => "1",
        };
        let mut response = (status, axum::Json(problem)).into_response();
        let headers = response.headers_mut();
        let kind = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, kind);
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static(again));
        }
        response
    }
}
