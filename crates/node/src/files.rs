//! Files in directories that belong to another user, such as a partition: reached without following
//! any link.
//!
//! `root` itself is trusted, nothing below it is. The functions go down one directory at a time,
//! from open directory to open directory.

use std::{
    ffi::OsString,
    fs::{self, File, Metadata, Permissions},
    io::{self, Read},
    os::{
        fd::{AsFd, AsRawFd},
        unix::{
            ffi::OsStringExt,
            fs::{MetadataExt, PermissionsExt},
        },
    },
};

use camino::{Utf8Component, Utf8Path};
use rustix::{
    fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, mkdirat, openat, unlinkat},
    path::Arg,
};

/// Directories that are made on the way.
const DIRECTORY_MODE: u32 = 0o755;

/// Writes the file `root/below`, durable; directories between them are made.
pub(crate) fn write_below(
    root: &Utf8Path,
    below: &Utf8Path,
    content: &[u8],
    mode: u32,
) -> io::Result<()> {
    let directory = match below.parent() {
        Some(above) => make_below(root, above, DIRECTORY_MODE)?,
        None => File::open(root)?,
    };
    slapos_atomic::write_into(
        &directory,
        name_of(below)?,
        content,
        slapos_atomic::Mode::Exact(mode),
        slapos_atomic::Keep::Durable,
    )
}

/// Reads the plain file `root/below`; one with another name elsewhere, or with more than
/// `bytes_max` bytes, is refused. Never waits, whatever is there.
pub fn read_below(root: &Utf8Path, below: &Utf8Path, bytes_max: usize) -> io::Result<Vec<u8>> {
    let file = open_below(root, below, OFlags::RDONLY, 0)?;
    let mut content = Vec::new();
    file.take(bytes_max as u64 + 1).read_to_end(&mut content)?;
    if content.len() > bytes_max {
        return Err(refused(&format!("it is longer than {bytes_max} bytes")));
    }
    Ok(content)
}

/// Opens the plain file `root/below`; one with another name elsewhere is refused. Of `flags` those
/// of `open` that say what for; `mode` is for a file that is made. Never waits.
pub(crate) fn open_below(
    root: &Utf8Path,
    below: &Utf8Path,
    flags: OFlags,
    mode: u32,
) -> io::Result<File> {
    let directory = enter_below(root, below.parent().unwrap_or("".into()))?;
    let careful = flags | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let mode = Mode::from_raw_mode(mode);
    let file = File::from(openat(&directory, name_of(below)?, careful, mode)?);
    let seen = file.metadata()?;
    if !seen.is_file() || seen.nlink() != 1 {
        return Err(refused("it is not a plain file with one name; remove it"));
    }
    // Whoever gets the file shall find it as usual.
    rustix::fs::fcntl_setfl(&file, flags & OFlags::APPEND)?;
    Ok(file)
}

/// What `root/below` is, not followed if it is a link; `None` when it is missing.
pub fn look_below(root: &Utf8Path, below: &Utf8Path) -> io::Result<Option<Metadata>> {
    match open_place(root, below) {
        Ok(place) => place.metadata().map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Opens `root/below`, whatever it is, only as a place: it can be looked at and reached by its
/// descriptor, not read. A link is opened itself.
pub(crate) fn open_place(root: &Utf8Path, below: &Utf8Path) -> io::Result<File> {
    let directory = enter_below(root, below.parent().unwrap_or("".into()))?;
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(File::from(openat(&directory, name_of(below)?, flags, Mode::empty())?))
}

/// Removes the file `root/below`; that it is missing is fine.
pub(crate) fn remove_below(root: &Utf8Path, below: &Utf8Path) -> io::Result<()> {
    let removed = enter_below(root, below.parent().unwrap_or("".into()))
        .and_then(|directory| Ok(unlinkat(&directory, name_of(below)?, AtFlags::empty())?));
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Does `remove`, which removes what is below `root`. When that is not allowed, the directories there
/// are opened for their owner first: whoever is not root needs that in order to remove what is in
/// them.
pub(crate) fn insist(root: &Utf8Path, remove: impl Fn() -> io::Result<()>) -> io::Result<()> {
    match remove() {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            open_up(&CWD, root.as_str())?;
            remove()
        }
        other => other,
    }
}

/// Lets the owner of a directory into it and all directories below it, and change them.
fn open_up(above: &impl AsFd, name: impl Arg) -> io::Result<()> {
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let place = File::from(openat(above, name, flags | OFlags::PATH, Mode::empty())?);
    let mode = place.metadata()?.mode() | 0o700;
    // By its descriptor: whatever is put in its place meanwhile is not reached.
    let reached = format!("/proc/self/fd/{}", place.as_raw_fd());
    fs::set_permissions(reached, Permissions::from_mode(mode & 0o7777))?;
    let directory = openat(&place, ".", flags | OFlags::RDONLY, Mode::empty())?;
    for entry in Dir::read_from(&directory)? {
        let entry = entry?;
        let inside = !matches!(entry.file_name().to_bytes(), b"." | b"..");
        if inside && entry.file_type() == FileType::Directory {
            open_up(&directory, entry.file_name())?;
        }
    }
    Ok(())
}

/// The names in the directory `root/below`, in no order; none when it is missing.
pub fn names_below(root: &Utf8Path, below: &Utf8Path) -> io::Result<Vec<OsString>> {
    let directory = match enter_below(root, below) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other?,
    };
    let mut names = Vec::new();
    for entry in Dir::read_from(&directory)? {
        let name = OsString::from_vec(entry?.file_name().to_bytes().to_vec());
        if name != "." && name != ".." {
            names.push(name);
        }
    }
    Ok(names)
}

/// Opens the directory `root/below`, and makes what is missing of it with `mode` (less the umask).
pub(crate) fn make_below(root: &Utf8Path, below: &Utf8Path, mode: u32) -> io::Result<File> {
    descend(root, below, |above, name| match mkdirat(above, name, Mode::from_raw_mode(mode)) {
        Err(error) if error != rustix::io::Errno::EXIST => Err(error.into()),
        _ => Ok(()),
    })
}

/// Opens the directory `root/below`.
pub(crate) fn enter_below(root: &Utf8Path, below: &Utf8Path) -> io::Result<File> {
    descend(root, below, |_, _| Ok(()))
}

/// Goes down to `root/below`; `prepare` is called before each step with where it starts and the
/// name of the next directory.
fn descend(
    root: &Utf8Path,
    below: &Utf8Path,
    prepare: impl Fn(&File, &str) -> io::Result<()>,
) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut directory = File::open(root)?;
    for component in below.components() {
        let Utf8Component::Normal(name) = component else {
            return Err(refused("its path leads out of its directory"));
        };
        prepare(&directory, name)?;
        directory = File::from(openat(&directory, name, flags, Mode::empty())?);
    }
    Ok(directory)
}

fn name_of(path: &Utf8Path) -> io::Result<&str> {
    path.file_name().ok_or_else(|| io::ErrorKind::InvalidInput.into())
}

fn refused(reason: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, reason)
}

#[cfg(test)]
mod tests {
    use std::{fs, io::Write, os::unix::fs::symlink};

    use super::*;

    #[test]
    fn what_leads_elsewhere_is_not_followed() {
        let directory = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(directory.path()).unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        let victim = elsewhere.path().join("file");
        fs::File::create(&victim).unwrap().write_all(b"mine").unwrap();
        symlink(elsewhere.path(), root.join("way")).unwrap();
        for below in ["way/file", "way/new/file", "../file", "/file"] {
            let below = Utf8Path::new(below);
            assert!(write_below(root, below, b"x", 0o600).is_err(), "write {below}");
            assert!(read_below(root, below, 9).is_err(), "read {below}");
            let removed = remove_below(root, below);
            assert!(removed.is_err() || fs::exists(&victim).unwrap(), "remove {below}");
        }
        assert!(names_below(root, "way".into()).is_err());

        symlink(&victim, root.join("link")).unwrap();
        assert!(read_below(root, "link".into(), 9).is_err());
        write_below(root, "link".into(), b"x", 0o600).unwrap();
        assert_eq!(read_below(root, "link".into(), 9).unwrap(), b"x");
        assert_eq!(fs::read(&victim).unwrap(), b"mine");
        assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 1);
    }

    #[test]
    fn only_a_short_plain_file_is_read() {
        let directory = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(directory.path()).unwrap();
        write_below(root, "a/b/file".into(), b"12345", 0o600).unwrap();
        assert_eq!(read_below(root, "a/b/file".into(), 5).unwrap(), b"12345");
        assert!(read_below(root, "a/b/file".into(), 4).is_err(), "too long");
        assert!(read_below(root, "a/b".into(), 9).is_err(), "a directory");
        fs::hard_link(root.join("a/b/file"), root.join("twice")).unwrap();
        assert!(read_below(root, "twice".into(), 9).is_err(), "two names");
        let fifo = rustix::fs::FileType::Fifo;
        let mode = Mode::from_raw_mode(0o600);
        rustix::fs::mknodat(rustix::fs::CWD, root.join("fifo").as_std_path(), fifo, mode, 0)
            .unwrap();
        assert!(read_below(root, "fifo".into(), 9).is_err(), "a pipe, and nobody waits for it");
    }

    #[test]
    fn names_are_listed_and_files_removed_once() {
        let directory = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(directory.path()).unwrap();
        assert!(names_below(root, "a/b".into()).unwrap().is_empty());
        write_below(root, "a/b/file".into(), b"", 0o600).unwrap();
        assert_eq!(names_below(root, "a/b".into()).unwrap(), ["file"]);
        for _ in 0..2 {
            remove_below(root, "a/b/file".into()).unwrap();
        }
        assert!(names_below(root, "a/b".into()).unwrap().is_empty());
    }
    /// Root may do everything, unless it gives that up, as this thread does.
    fn as_anybody<T: Send>(work: impl FnOnce() -> T + Send) -> T {
        std::thread::scope(|threads| {
            let working = threads.spawn(|| {
                let none = rustix::thread::CapabilitySet::empty();
                let (effective, permitted, inheritable) = (none, none, none);
                let sets = rustix::thread::CapabilitySets { effective, permitted, inheritable };
                rustix::thread::set_capabilities(None, sets).unwrap();
                work()
            });
            working.join().unwrap()
        })
    }

    #[test]
    fn directories_that_their_owner_closed_are_removed_and_links_are_not_followed() {
        let elsewhere = tempfile::tempdir().unwrap();
        fs::set_permissions(elsewhere.path(), Permissions::from_mode(0o500)).unwrap();
        let closed = |path: &Utf8Path, mode| {
            fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
        };
        for mode in [0o500, 0o000] {
            let root = tempfile::tempdir().unwrap();
            let root = Utf8Path::from_path(root.path()).unwrap().join("partition");
            write_below(root.parent().unwrap(), "partition/a/b/file".into(), b"", 0o400).unwrap();
            symlink(elsewhere.path(), root.join("a/link")).unwrap();
            for below in ["a/b", "a", ""] {
                closed(&root.join(below), mode);
            }
            let remove = || fs::remove_dir_all(&root);
            assert!(as_anybody(remove).is_err(), "{mode:o}");
            as_anybody(|| insist(&root, remove)).unwrap();
            assert!(!root.exists());
        }
        assert_eq!(fs::metadata(elsewhere.path()).unwrap().mode() & 0o777, 0o500);
    }
}
