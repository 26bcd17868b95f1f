//! Files by their SHA-512. One that is there is whole: it gets its name once its content is hashed
//! and on the disk.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use axum::body::{Body, BodyDataStream};
use data_encoding::HEXLOWER;
use futures_util::StreamExt;
use sha2::{Digest as _, Sha512};
use slapos_atomic::sync_directory;
use tempfile::{Builder, NamedTempFile};
use tokio::{fs::File, io::AsyncWriteExt, task::spawn_blocking, time::timeout};

use crate::store::beyond_reserve;

/// The largest file, in bytes.
const FILE_BYTES_MAX: u64 = 4 << 30;
/// The most that all files may have together, in bytes: they share the disk with the journal.
const ALL_BYTES_MAX: u64 = 64 << 30;
/// How long a client may send nothing.
const SILENCE_MAX: Duration = Duration::from_secs(60);
/// How the files of unfinished uploads begin.
const UNFINISHED: &str = "upload-";

/// Bytes of a refused body that are taken all the same.
const DRAINED_MAX: usize = 64 << 20;

/// A SHA-512, as 128 hexadecimal digits in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Digest(String);

impl Digest {
    /// The digest that a name is.
    pub(super) fn of_name(name: &str) -> Option<Self> {
        let is_digest = name.len() == 128 && name.bytes().all(|it| it.is_ascii_hexdigit());
        is_digest.then(|| Self(name.to_ascii_lowercase()))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why an upload was not taken.
#[derive(Debug, thiserror::Error)]
pub(super) enum UploadError {
    /// The file is too large.
    #[error("the file is larger than {FILE_BYTES_MAX} bytes")]
    TooLarge,
    /// The cache is full.
    #[error("the cache has {ALL_BYTES_MAX} bytes and takes no more: remove files from it")]
    NoRoom,
    /// The rest of the disk is the journal's.
    #[error("the disk has no room but what is kept for the master's journal")]
    Reserved,
    /// The client sent nothing for too long.
    #[error("nothing came for {} seconds", SILENCE_MAX.as_secs())]
    Stalled,
    /// The body broke off.
    #[error("the body broke off")]
    BrokenOff,
    /// The content has another hash than it was said to have.
    #[error("the content has another SHA-512")]
    OtherDigest,
    /// The disk does not do what it should.
    #[error("the master's disk: {0}")]
    Disk(#[from] io::Error),
}

/// The files of the cache.
#[derive(Debug)]
pub(super) struct Files {
    path: PathBuf,
    /// What all files have together, and unfinished uploads as far as they are.
    bytes: AtomicU64,
}

impl Files {
    /// Opens the directory of the files, and removes what was not finished.
    pub(super) fn open(path: PathBuf) -> io::Result<Self> {
        fs::create_dir_all(&path)?;
        let mut bytes = 0;
        for entry in fs::read_dir(&path)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
                fs::remove_file(entry.path())?;
            } else {
                bytes += entry.metadata()?.len();
            }
        }
        Ok(Self { path, bytes: bytes.into() })
    }

    /// The file of a digest, open.
    pub(super) async fn find(&self, digest: &Digest) -> io::Result<Option<File>> {
        match File::open(self.at(digest)).await {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Takes a file as it comes; `wanted` is the digest that it shall have.
    pub(super) async fn take(
        &self,
        body: Body,
        wanted: Option<Digest>,
    ) -> Result<Digest, UploadError> {
        let unfinished = Builder::new().prefix(UNFINISHED).tempfile_in(&self.path)?;
        let mut taken = Taken { all: &self.bytes, path: &self.path, bytes: 0, keep: false };
        let mut pieces = body.into_data_stream();
        let received = receive(&mut pieces, &unfinished, &mut taken).await;
        if received.is_err() {
            drain(&mut pieces).await;
        }
        let digest = received?;
        if wanted.is_some_and(|wanted| wanted != digest) {
            return Err(UploadError::OtherDigest);
        }
        let to = self.at(&digest);
        taken.keep =
            spawn_blocking(move || finish(unfinished, &to)).await.map_err(io::Error::from)??;
        Ok(digest)
    }

    fn at(&self, digest: &Digest) -> PathBuf {
        self.path.join(&digest.0)
    }
}

/// Takes what still comes of a body that is refused, within a bound: a client that sends all before
/// it reads would hear of a broken connection instead of why.
async fn drain(pieces: &mut BodyDataStream) {
    let mut left = DRAINED_MAX;
    while let Ok(Some(Ok(piece))) = timeout(SILENCE_MAX, pieces.next()).await {
        left = left.saturating_sub(piece.len());
        if left == 0 {
            break;
        }
    }
}

/// Writes a body to a file, and hashes it on the way.
async fn receive(
    pieces: &mut BodyDataStream,
    unfinished: &NamedTempFile,
    taken: &mut Taken<'_>,
) -> Result<Digest, UploadError> {
    let mut file = File::from_std(unfinished.reopen()?);
    let mut hash = Sha512::new();
    while let Some(piece) =
        timeout(SILENCE_MAX, pieces.next()).await.map_err(|_| UploadError::Stalled)?
    {
        let piece = piece.map_err(|_| UploadError::BrokenOff)?;
        taken.more(piece.len() as u64)?;
        hash.update(&piece);
        file.write_all(&piece).await?;
    }
    file.sync_all().await?;
    Ok(Digest(HEXLOWER.encode(&hash.finalize())))
}

/// Gives a file its name; false when one of this content is there.
fn finish(unfinished: NamedTempFile, to: &Path) -> io::Result<bool> {
    match unfinished.persist_noclobber(to) {
        Ok(_) => sync_directory(to).map(|()| true),
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error.error),
    }
}

/// What an upload took of the room, and gives back unless it is kept.
struct Taken<'f> {
    all: &'f AtomicU64,
    path: &'f Path,
    bytes: u64,
    keep: bool,
}

impl Taken<'_> {
    fn more(&mut self, bytes: u64) -> Result<(), UploadError> {
        self.bytes += bytes;
        let all = self.all.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if self.bytes > FILE_BYTES_MAX {
            return Err(UploadError::TooLarge);
        }
        if all > ALL_BYTES_MAX {
            return Err(UploadError::NoRoom);
        }
        if beyond_reserve(self.path)? { Ok(()) } else { Err(UploadError::Reserved) }
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        if !self.keep {
            self.all.fetch_sub(self.bytes, Ordering::Relaxed);
        }
    }
}
