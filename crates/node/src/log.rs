//! Log files: of supervised programs, of evaluations and installations, of the supervisor itself.
//!
//! Who writes has the file itself, opened for appending: a supervisor or an agent that is killed
//! takes no pipe with it. So rotation copies the file's end to the one backup beside it (`.1`) and
//! truncates the file while its writer goes on; lines written in between may be lost.
//!
//! The directory may belong to the program's user, who must not lead us, perhaps root, elsewhere:
//! no link is followed below the trusted directory, and the file must be a plain one.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    os::unix::fs::{MetadataExt, fchown},
};

use camino::{Utf8Path, Utf8PathBuf};
use rustix::fs::OFlags;

use crate::{files::open_below, sandbox::User};

/// A longer file is rotated.
const BYTES_MAX: u64 = 1 << 20;
const MODE: u32 = 0o640;
const LAST_LINE_BYTES: u64 = 2048;

/// One log file; it takes at most twice 1 MiB, and what is written between two rotations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// A directory that nobody but the node can change.
    root: Utf8PathBuf,
    below: Utf8PathBuf,
    owner: Option<User>,
}

impl Log {
    /// A log of the node's own, in a directory of its own.
    pub fn of_node(path: &Utf8Path) -> Self {
        let root = path.parent().unwrap_or("/".into()).to_owned();
        Self { root, below: path.file_name().unwrap_or_default().into(), owner: None }
    }

    /// The log of a program that lives in `home`, perhaps below that; the file shall belong to
    /// `owner`, which only root can see to.
    pub(crate) fn of_program(path: &Utf8Path, home: &Utf8Path, owner: Option<User>) -> Self {
        match path.strip_prefix(home) {
            Ok(below) => Self { root: home.to_owned(), below: below.to_owned(), owner },
            Err(_) => Self { owner, ..Self::of_node(path) },
        }
    }

    /// Opens it for appending, and makes it when it is missing.
    pub(crate) fn open(&self) -> io::Result<File> {
        self.open_named(&self.below, OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE)
    }

    /// Moves the end of a log that has become too long into its backup. A missing log is fine.
    pub fn rotate(&self) -> io::Result<bool> {
        self.rotate_longer_than(BYTES_MAX)
    }

    fn rotate_longer_than(&self, bytes_max: u64) -> io::Result<bool> {
        let path = self.root.join(&self.below);
        let length = match std::fs::symlink_metadata(path) {
            Ok(seen) => seen.len(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error),
        };
        if length <= bytes_max {
            return Ok(false);
        }
        let mut log = self.open_named(&self.below, OFlags::RDWR)?;
        let backup = Utf8PathBuf::from(format!("{}.1", self.below));
        let flags = OFlags::WRONLY | OFlags::TRUNC | OFlags::CREATE;
        let mut backup = self.open_named(&backup, flags)?;
        log.seek(SeekFrom::Start(length - bytes_max))?;
        io::copy(&mut (&mut log).take(bytes_max), &mut backup)?;
        log.set_len(0)?;
        Ok(true)
    }

    /// The last line, for a person; `None` when there is none.
    pub(crate) fn last_line(&self) -> Option<String> {
        let mut log = self.open_named(&self.below, OFlags::RDONLY).ok()?;
        let length = log.metadata().ok()?.len();
        log.seek(SeekFrom::Start(length.saturating_sub(LAST_LINE_BYTES))).ok()?;
        let mut end = Vec::new();
        log.take(LAST_LINE_BYTES).read_to_end(&mut end).ok()?;
        let text = String::from_utf8_lossy(&end);
        text.lines().rev().find(|line| !line.trim().is_empty()).map(str::to_owned)
    }

    fn open_named(&self, below: &Utf8Path, flags: OFlags) -> io::Result<File> {
        let named = |error: io::Error| {
            io::Error::new(error.kind(), format!("open log {}: {error}", self.root.join(below)))
        };
        let file = open_below(&self.root, below, flags, MODE).map_err(named)?;
        let seen = file.metadata()?;
        if let Some(user) = self.owner
            && (seen.uid(), seen.gid()) != (user.uid, user.gid)
            && crate::sys::whoami() == 0
        {
            fchown(&file, Some(user.uid), Some(user.gid))?;
        }
        Ok(file)
    }
}

/// Removes a log of the node's own, with its backup. A missing one is fine.
pub(crate) fn remove(path: &Utf8Path) -> io::Result<()> {
    for path in [path.to_owned(), Utf8PathBuf::from(format!("{path}.1"))] {
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::{fs, io::Write, os::unix::fs::symlink};

    use super::*;

    fn path(directory: &tempfile::TempDir) -> &Utf8Path {
        Utf8Path::from_path(directory.path()).unwrap()
    }

    #[test]
    fn a_long_log_moves_to_its_backup_and_the_writer_goes_on() {
        let directory = tempfile::tempdir().unwrap();
        for (name, home) in [("inside.log", path(&directory)), ("outside.log", "/usr".into())] {
            let file = path(&directory).join(name);
            let log = Log::of_program(&file, home, None);
            assert!(!log.rotate_longer_than(10).unwrap() && !file.exists());
            let mut writer = log.open().unwrap();
            writer.write_all(b"0123456789").unwrap();
            assert!(!log.rotate_longer_than(10).unwrap());
            writer.write_all(b"ab\n").unwrap();
            assert!(log.rotate_longer_than(10).unwrap());
            writer.write_all(b"new\n").unwrap();
            assert_eq!(fs::read(&file).unwrap(), b"new\n");
            assert_eq!(fs::read(format!("{file}.1")).unwrap(), b"3456789ab\n");
            assert_eq!(fs::metadata(&file).unwrap().mode() & 0o777, 0o640);
            assert_eq!(log.last_line().as_deref(), Some("new"));
            remove(&file).unwrap();
            remove(&file).unwrap();
        }
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    }

    #[test]
    fn however_much_is_written_two_files_of_a_known_size_are_left() {
        let directory = tempfile::tempdir().unwrap();
        let file = path(&directory).join("p.log");
        let log = Log::of_node(&file);
        let mut writer = log.open().unwrap();
        for _ in 0..9 {
            writer.write_all(&vec![b'x'; 700_000]).unwrap();
            log.rotate().unwrap();
        }
        let length = |path: &str| fs::metadata(path).unwrap().len();
        assert!(length(file.as_str()) <= BYTES_MAX);
        assert_eq!(length(&format!("{file}.1")), BYTES_MAX);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 2);
    }

    #[test]
    fn a_log_that_leads_elsewhere_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let victim = tempfile::NamedTempFile::new().unwrap();
        let home = path(&directory);
        let open = |name: &str| Log::of_program(&home.join(name), home, None).open();
        symlink(victim.path(), home.join("link.log")).unwrap();
        assert!(open("link.log").is_err(), "a link");
        symlink(victim.path().parent().unwrap(), home.join("logs")).unwrap();
        assert!(open("logs/p.log").is_err(), "a link on the way");
        open("once.log").unwrap();
        fs::hard_link(home.join("once.log"), home.join("twice.log")).unwrap();
        assert!(open("twice.log").is_err(), "a file with two names");
        assert_eq!(fs::metadata(victim.path()).unwrap().len(), 0);
    }
}
