//! Debs and reduced indexes, each under the SHA256 of what it came from.
//!
//! Many processes may use one cache at the same time: files arrive under a temporary name and are
//! renamed. A deb is hashed again whenever it is used, so a damaged file costs a download, never a
//! broken tree; therefore debs need no fsync.

use std::fs::File;
use std::io::{Read, Write as _};
use std::time::{Duration, SystemTime};

use camino::{Utf8Path, Utf8PathBuf};
use data_encoding::HEXLOWER;
use sha2::{Digest as _, Sha256};
use tempfile::NamedTempFile;

use crate::Error;
use crate::lock::Deb;

/// What a killed process left behind is removed after this time.
const ABANDONED_AFTER: Duration = Duration::from_secs(24 * 3600);

/// Changes with the form of reduced indexes.
const INDEX_FORM: &str = "1";

/// A directory of debs and indexes.
#[derive(Debug, Clone)]
pub struct Cache {
    root: Utf8PathBuf,
}

impl Cache {
    /// Opens, and if need be creates, the cache in `root`.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::DiskFull`].
    pub fn open(root: &Utf8Path, now: SystemTime) -> Result<Self, Error> {
        let cache = Self { root: root.to_owned() };
        for directory in ["debs", "indexes", "incoming", "trees"] {
            let path = root.join(directory);
            std::fs::create_dir_all(&path).map_err(|error| Error::io("create", &path, error))?;
        }
        cache.remove_abandoned(now);
        Ok(cache)
    }

    /// The verified file of a deb, at its beginning; `None` if it is not here, or damaged.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn deb(&self, deb: &Deb) -> Result<Option<File>, Error> {
        let path = self.deb_path(deb);
        let mut file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::io("open", &path, error)),
        };
        let (size, sha256) = hash(&mut file).map_err(|error| Error::io("read", &path, error))?;
        if (size, sha256.as_str()) != (deb.size, deb.sha256.as_str()) {
            tracing::warn!(%path, "a damaged file in the cache will be replaced");
            return Ok(None);
        }
        std::io::Seek::rewind(&mut file).map_err(|error| Error::io("read", &path, error))?;
        Ok(Some(file))
    }

    /// Where the file of a deb lies, or would lie.
    pub fn deb_path(&self, deb: &Deb) -> Utf8PathBuf {
        self.root.join("debs").join(&deb.sha256)
    }

    /// A file to write to, removed again unless it is kept.
    pub(crate) fn incoming(&self) -> Result<NamedTempFile, Error> {
        let directory = self.root.join("incoming");
        NamedTempFile::new_in(&directory).map_err(|error| Error::io("write in", &directory, error))
    }

    /// Keeps a file that was verified as `deb`.
    pub(crate) fn keep_deb(&self, file: NamedTempFile, deb: &Deb) -> Result<(), Error> {
        keep(file, &self.deb_path(deb))
    }

    /// The reduced index that came from the file with this hash.
    pub(crate) fn index(&self, sha256: &str) -> Result<Option<String>, Error> {
        crate::sources::read_text(&self.index_path(sha256))
    }

    pub(crate) fn put_index(&self, sha256: &str, text: &str) -> Result<(), Error> {
        let path = self.index_path(sha256);
        let mut file = self.incoming()?;
        let written = file.write_all(text.as_bytes()).and_then(|()| file.as_file().sync_all());
        written.map_err(|error| Error::io("write", &path, error))?;
        keep(file, &path)
    }

    /// Waits until no other process builds `tree`; the right lasts as long as the file.
    pub(crate) fn claim_tree(&self, tree: &Utf8Path) -> Result<File, Error> {
        let name = HEXLOWER.encode(&Sha256::digest(tree.as_str()));
        let path = self.root.join("trees").join(name);
        let file = File::create(&path).and_then(|file| file.lock().map(|()| file));
        file.map_err(|error| Error::io("lock", &path, error))
    }

    fn index_path(&self, sha256: &str) -> Utf8PathBuf {
        self.root.join("indexes").join(format!("{sha256}.{INDEX_FORM}"))
    }

    /// Best effort: what cannot be removed now is tried again by the next one.
    fn remove_abandoned(&self, now: SystemTime) {
        let Ok(entries) = self.root.join("incoming").read_dir() else {
            return;
        };
        for entry in entries.flatten() {
            let modified = entry.metadata().and_then(|metadata| metadata.modified());
            let age = modified.ok().and_then(|modified| now.duration_since(modified).ok());
            if age.is_some_and(|age| age > ABANDONED_AFTER) {
                drop(std::fs::remove_file(entry.path()));
            }
        }
    }
}

fn keep(file: NamedTempFile, path: &Utf8Path) -> Result<(), Error> {
    file.persist(path).map(drop).map_err(|error| Error::io("rename to", path, error.error))
}

/// Size and SHA256 of all that `reader` gives.
pub(crate) fn hash(reader: &mut impl Read) -> std::io::Result<(u64, String)> {
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 256 << 10];
    let mut size = 0;
    loop {
        let read = reader.read(&mut buffer)?;
        if read == 0 {
            return Ok((size, HEXLOWER.encode(&hasher.finalize())));
        }
        hasher.update(&buffer[..read]);
        size += read as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_whole_is_found() {
        let directory = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(directory.path()).unwrap();
        let cache = Cache::open(root, SystemTime::UNIX_EPOCH).unwrap();
        let deb = Deb {
            name: "a".to_owned(),
            version: "1".to_owned(),
            architecture: "all".to_owned(),
            path: "pool/a.deb".to_owned(),
            size: 5,
            sha256: "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824".to_owned(), // "hello"
            suite: "sid".to_owned(),
        };
        assert!(cache.deb(&deb).unwrap().is_none());
        for (content, wished) in
            [("hello", true), ("hell", false), ("hallo", false), ("hello!", false)]
        {
            let mut file = cache.incoming().unwrap();
            file.write_all(content.as_bytes()).unwrap();
            cache.keep_deb(file, &deb).unwrap();
            assert_eq!(cache.deb(&deb).unwrap().is_some(), wished, "{content}");
        }
        drop(cache.incoming().unwrap());
        assert_eq!(root.join("incoming").read_dir().unwrap().count(), 0);
    }

    #[test]
    fn what_a_killed_process_left_is_removed_after_a_day() {
        let directory = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(directory.path()).unwrap();
        let cache = Cache::open(root, SystemTime::UNIX_EPOCH).unwrap();
        let (file, path) = cache.incoming().unwrap().keep().unwrap();
        let written = file.metadata().unwrap().modified().unwrap();
        for (hours, wished) in [(1, true), (25, false)] {
            Cache::open(root, written + Duration::from_secs(hours * 3600)).unwrap();
            assert_eq!(path.exists(), wished, "after {hours} hours");
        }
    }
}
