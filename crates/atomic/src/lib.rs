//! Files that are there whole or not at all.
//!
//! A file is written under a name that nobody can guess, and renamed into place: a reader sees the
//! old content or the new one. A link in place of the file is replaced, not followed.

use std::{
    ffi::OsStr,
    fs::{self, File, Permissions},
    hash::{BuildHasher, RandomState},
    io::{self, Write},
    os::unix::fs::PermissionsExt,
    path::Path,
};

use rustix::fs::{AtFlags, OFlags, openat, renameat, unlinkat};

/// Permissions of a written file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Less the umask, as programs make files.
    LessUmask(u32),
    /// As given.
    Exact(u32),
}

/// Whether a file must outlive a power failure right after the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// It can be made again.
    Renewable,
    /// Secrets and state.
    Durable,
}

/// Writes a file that matters: durable, with exactly these permissions.
///
/// # Errors
/// When it cannot be written; then the old one is there, if there was one.
pub fn write(path: impl AsRef<Path>, content: &[u8], mode: u32) -> io::Result<()> {
    write_as(path, content, Mode::Exact(mode), Keep::Durable)
}

/// Writes a file.
///
/// # Errors
/// As of [`write`].
pub fn write_as(path: impl AsRef<Path>, content: &[u8], mode: Mode, keep: Keep) -> io::Result<()> {
    let path = path.as_ref();
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    write_into(&directory_of(path)?, name, content, mode, keep)
}

/// Writes a file into an open directory.
///
/// # Errors
/// As of [`write`].
pub fn write_into(
    directory: &File,
    name: impl AsRef<OsStr>,
    content: &[u8],
    mode: Mode,
    keep: Keep,
) -> io::Result<()> {
    let name = name.as_ref();
    // Nobody can guess the name and be there first.
    let fresh = format!(".new-{:016x}", RandomState::new().hash_one(name));
    let (Mode::LessUmask(born) | Mode::Exact(born)) = mode;
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let born = rustix::fs::Mode::from_raw_mode(born);
    let mut file = File::from(openat(directory, &fresh, flags, born)?);
    let written = (|| {
        if let Mode::Exact(mode) = mode {
            file.set_permissions(Permissions::from_mode(mode))?;
        }
        file.write_all(content)?;
        if keep == Keep::Durable {
            file.sync_all()?;
        }
        renameat(directory, &fresh, directory, name)?;
        match keep {
            Keep::Durable => directory.sync_all(),
            Keep::Renewable => Ok(()),
        }
    })();
    if written.is_err() {
        // The error that counts is the first one.
        let _ignored = unlinkat(directory, &fresh, AtFlags::empty());
    }
    written
}

/// Removes a file, durable: a power failure does not bring it back. That it is missing is fine.
///
/// # Errors
/// When it may still be there, perhaps only after a power failure.
pub fn remove(path: impl AsRef<Path>) -> io::Result<()> {
    let path = path.as_ref();
    let missing_is_fine = |removed: io::Result<()>| match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    };
    missing_is_fine(fs::remove_file(path))?;
    // When it was missing, too: whoever removed it may have come no further.
    missing_is_fine(sync_directory(path))
}

/// Makes the name of a file durable, or that it has none any more.
///
/// # Errors
/// When its directory cannot be opened or synced.
pub fn sync_directory(of: impl AsRef<Path>) -> io::Result<()> {
    directory_of(of.as_ref())?.sync_all()
}

fn directory_of(path: &Path) -> io::Result<File> {
    let directory = path.parent().filter(|above| !above.as_os_str().is_empty());
    File::open(directory.unwrap_or(Path::new(".")))
}

#[cfg(test)]
mod tests {
    use std::{
        collections::BTreeSet,
        fs::{create_dir, metadata, read, read_dir},
        os::unix::fs::symlink,
    };

    use super::*;

    #[test]
    fn a_file_is_replaced_with_its_mode_and_nothing_is_left_beside_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("n".repeat(255)); // the longest there is
        // of this process alone: each test has one of its own, or none that minds
        let umask = rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o027));
        let table = [
            (Mode::Exact(0o600), 0o600),
            (Mode::Exact(0o666), 0o666),
            (Mode::LessUmask(0o666), 0o640),
            (Mode::LessUmask(0o777), 0o750),
        ];
        for (number, (mode, expected)) in table.into_iter().enumerate() {
            for keep in [Keep::Durable, Keep::Renewable] {
                let content = format!("{number} {keep:?}");
                write_as(&path, content.as_bytes(), mode, keep).unwrap();
                assert_eq!(read(&path).unwrap(), content.as_bytes());
                assert_eq!(metadata(&path).unwrap().permissions().mode() & 0o7777, expected);
            }
        }
        rustix::process::umask(umask);
        assert_eq!(read_dir(&directory).unwrap().count(), 1);
    }

    #[test]
    fn a_reader_sees_the_old_content_or_the_new_one_and_never_a_part() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        let contents = [vec![b'a'; 300_000], vec![b'b'; 200_000]];
        write(&path, &contents[0], 0o600).unwrap();
        let mut seen = BTreeSet::new();
        std::thread::scope(|scope| {
            let writing = scope.spawn(|| {
                for turn in 1..100 {
                    write(&path, &contents[turn % 2], 0o600).unwrap();
                }
            });
            while !writing.is_finished() {
                let found = read(&path).unwrap();
                assert!(contents.contains(&found), "{} bytes", found.len());
                seen.insert(found.len());
            }
        });
        assert!(!seen.is_empty());
    }

    #[test]
    fn a_failed_write_leaves_nothing_but_what_was_there() {
        let directory = tempfile::tempdir().unwrap();
        let taken = directory.path().join("taken");
        create_dir(&taken).unwrap();
        write(taken.join("kept"), b"old", 0o600).unwrap();
        for path in ["missing/file", "taken", "", ".."] {
            assert!(write(directory.path().join(path), b"x", 0o600).is_err(), "{path}");
        }
        assert_eq!(read(taken.join("kept")).unwrap(), b"old");
        assert_eq!(read_dir(&directory).unwrap().count(), 1);
    }

    #[test]
    fn a_file_is_removed_and_what_is_missing_is_no_error() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        write(&path, b"x", 0o600).unwrap();
        for _ in 0..2 {
            remove(&path).unwrap();
            assert!(!path.exists());
        }
        remove(directory.path().join("missing/file")).unwrap();
        assert!(remove(directory.path()).is_err(), "a directory");
    }

    #[test]
    fn a_link_is_replaced_and_not_followed() {
        let directory = tempfile::tempdir().unwrap();
        let (mine, link) = (directory.path().join("mine"), directory.path().join("link"));
        write(&mine, b"mine", 0o600).unwrap();
        symlink(&mine, &link).unwrap();
        write(&link, b"x", 0o600).unwrap();
        assert_eq!((read(&mine).unwrap(), read(&link).unwrap()), (b"mine".to_vec(), b"x".to_vec()));
    }
}
