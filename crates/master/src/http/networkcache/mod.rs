//! The networkcache: files by their hash (shacache), and signed entries that lead to them by a key
//! (shadir), for software releases that were built elsewhere (protocol, section 14).
//!
//! Signatures are kept and given out; whom to believe is for the clients to know. Clients drop their
//! connection before they read, so every answer says that it ends here.

mod directory;
mod files;
mod range;

use std::{io, path::Path, sync::Arc};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{DefaultBodyLimit, Path as Named, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    middleware::map_response,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use tokio::task::spawn_blocking;

use self::{
    directory::{Directory, EntryError},
    files::{Digest, Files, UploadError},
};
use super::limits;
use crate::store::is_lacking;

/// The largest entry with its signature, in bytes.
const ENTRY_BYTES_MAX: usize = 64 << 10;

/// The networkcache of one master: a directory.
#[derive(Debug)]
struct Cache {
    files: Files,
    directory: Directory,
}

/// Serves the networkcache that is kept in a directory, which is made if it is missing. It takes
/// entries of at most so many keys.
///
/// # Errors
/// When the directory cannot be made or read.
pub(super) fn router<S>(root: &Path, keys_max: usize) -> io::Result<Router<S>> {
    let cache = Cache {
        files: Files::open(root.join("cache"))?,
        directory: Directory::open(root.join("dir"), keys_max)?,
    };
    let routes = Router::new()
        .route("/shacache/cache", post(upload))
        .route("/shacache/cache/{sha512}", get(download).put(upload_as))
        .route("/shacache/dir/{key}", get(look_up).put(enter))
        .layer(DefaultBodyLimit::max(ENTRY_BYTES_MAX))
        .layer(map_response(last));
    Ok(limits::transfers(routes).with_state(Arc::new(cache)))
}

/// Says that the connection ends with this answer.
async fn last(mut response: Response) -> Response {
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

/// Why a call was not answered as asked.
#[derive(Debug, thiserror::Error)]
enum CacheError {
    /// The name in the path is no hash.
    #[error("`{0}` is not a SHA-512, of 128 hexadecimal digits")]
    NotADigest(String),
    /// Nothing is here.
    #[error("not found")]
    Absent,
    /// The upload cannot be taken.
    #[error(transparent)]
    Upload(#[from] UploadError),
    /// The entry cannot be taken.
    #[error(transparent)]
    Entry(#[from] EntryError),
    /// The disk does not do what it should.
    #[error("the master's disk: {0}")]
    Disk(#[from] io::Error),
}

impl IntoResponse for CacheError {
    fn into_response(self) -> Response {
        let status = match &self {
            Self::Absent => StatusCode::NOT_FOUND,
            Self::NotADigest(_) | Self::Entry(EntryError::Bad) => StatusCode::BAD_REQUEST,
            Self::Upload(UploadError::TooLarge) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Upload(UploadError::NoRoom | UploadError::Reserved) => {
                StatusCode::INSUFFICIENT_STORAGE
            }
            Self::Entry(EntryError::TooManyKeys(_)) => StatusCode::INSUFFICIENT_STORAGE,
            Self::Upload(UploadError::Disk(error))
            | Self::Entry(EntryError::Disk(error))
            | Self::Disk(error)
                if is_lacking(error) =>
            {
                StatusCode::INSUFFICIENT_STORAGE
            }
            Self::Upload(UploadError::Disk(_))
            | Self::Entry(EntryError::Disk(_))
            | Self::Disk(_) => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Upload(UploadError::Stalled) => StatusCode::REQUEST_TIMEOUT,
            Self::Upload(UploadError::BrokenOff | UploadError::OtherDigest) => {
                StatusCode::BAD_REQUEST
            }
        };
        if status == StatusCode::INTERNAL_SERVER_ERROR {
            tracing::error!("networkcache: {self}");
        }
        (status, format!("{self}\n")).into_response()
    }
}

/// `POST /shacache/cache`
async fn upload(State(cache): State<Arc<Cache>>, body: Body) -> Result<Response, CacheError> {
    let digest = cache.files.take(body, None).await?;
    Ok((StatusCode::CREATED, digest.to_string()).into_response())
}

/// `PUT /shacache/cache/{sha512}`
async fn upload_as(
    State(cache): State<Arc<Cache>>,
    Named(name): Named<String>,
    body: Body,
) -> Result<Response, CacheError> {
    let digest = cache.files.take(body, Some(named(&name)?)).await?;
    Ok((StatusCode::CREATED, digest.to_string()).into_response())
}

/// `GET /shacache/cache/{sha512}`, whole or from somewhere on.
async fn download(
    State(cache): State<Arc<Cache>>,
    Named(name): Named<String>,
    headers: HeaderMap,
) -> Result<Response, CacheError> {
    let file = cache.files.find(&named(&name)?).await?.ok_or(CacheError::Absent)?;
    Ok(range::answer(file, headers.get(header::RANGE)).await?)
}

/// `GET /shacache/dir/{key}`
async fn look_up(
    State(cache): State<Arc<Cache>>,
    Named(key): Named<String>,
) -> Result<Response, CacheError> {
    let look = move || cache.directory.read(&key);
    let list = spawn_blocking(look).await.map_err(io::Error::from)??.ok_or(CacheError::Absent)?;
    Ok(([(header::CONTENT_TYPE, "application/json")], list).into_response())
}

/// `PUT /shacache/dir/{key}`
async fn enter(
    State(cache): State<Arc<Cache>>,
    Named(key): Named<String>,
    body: Bytes,
) -> Result<StatusCode, CacheError> {
    let entry = directory::parse(&body)?;
    let add = move || cache.directory.add(&key, entry);
    spawn_blocking(add).await.map_err(io::Error::from)??;
    Ok(StatusCode::CREATED)
}

fn named(name: &str) -> Result<Digest, CacheError> {
    Digest::of_name(name).ok_or_else(|| CacheError::NotADigest(name.chars().take(140).collect()))
}
