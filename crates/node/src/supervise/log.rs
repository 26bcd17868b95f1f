//! The log files of programs.
//!
//! A program writes straight to its file, opened for appending: a supervisor that is killed takes
//! no pipe with it. So rotation copies the file's end to the backup and truncates the file; lines
//! written in between may be lost.
//!
//! The directory may belong to the program's user, who must not lead us, perhaps root, elsewhere:
//! no symbolic link is followed below the program's directory, and the file must be a plain one.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Seek, SeekFrom},
    os::unix::fs::{MetadataExt, OpenOptionsExt, fchown},
};

use rustix::fs::{Mode, OFlags, ResolveFlags};

use super::Program;
use crate::files::plain;

/// A longer file is rotated.
pub(super) const LOG_BYTES_MAX: u64 = 1 << 20;
const LOG_MODE: u32 = 0o640;
const LAST_LINE_BYTES: u64 = 2048;

/// Opens the log of a program for appending, and makes it when it is missing.
pub(super) fn open(program: &Program) -> io::Result<File> {
    open_named(program, program.log.as_str(), OFlags::WRONLY | OFlags::APPEND)
}

/// Moves the end of a log that has become too long into its backup. A missing log is fine.
pub(super) fn rotate(program: &Program) -> io::Result<bool> {
    rotate_longer_than(program, LOG_BYTES_MAX)
}

fn rotate_longer_than(program: &Program, bytes_max: u64) -> io::Result<bool> {
    let length = match std::fs::symlink_metadata(&program.log) {
        Ok(seen) => seen.len(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    if length <= bytes_max {
        return Ok(false);
    }
    let mut log = open_named(program, program.log.as_str(), OFlags::RDWR)?;
    let backup = format!("{}.1", program.log);
    let mut backup = open_named(program, &backup, OFlags::WRONLY | OFlags::TRUNC)?;
    log.seek(SeekFrom::Start(length - bytes_max))?;
    io::copy(&mut (&mut log).take(bytes_max), &mut backup)?;
    log.set_len(0)?;
    Ok(true)
}

/// The last line of a log, for a person; `None` when there is none.
pub(super) fn last_line(program: &Program) -> Option<String> {
    let mut log = open_named(program, program.log.as_str(), OFlags::RDONLY).ok()?;
    let length = log.metadata().ok()?.len();
    log.seek(SeekFrom::Start(length.saturating_sub(LAST_LINE_BYTES))).ok()?;
    let mut end = Vec::new();
    log.take(LAST_LINE_BYTES).read_to_end(&mut end).ok()?;
    let text = String::from_utf8_lossy(&end);
    text.lines().rev().find(|line| !line.trim().is_empty()).map(str::to_owned)
}

fn open_named(program: &Program, path: &str, flags: OFlags) -> io::Result<File> {
    let flags = flags | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let file = match camino::Utf8Path::new(path).strip_prefix(&program.directory) {
        Ok(below) => {
            let directory = File::open(&program.directory)?;
            let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
            let mode = Mode::from_raw_mode(LOG_MODE);
            File::from(rustix::fs::openat2(&directory, below.as_std_path(), flags, mode, resolve)?)
        }
        Err(_) => open_outside(path, flags)?,
    };
    let named = |error: io::Error| io::Error::new(error.kind(), format!("log {path}: {error}"));
    let seen = plain(&file).map_err(named)?;
    if let Some(user) = program.user
        && (seen.uid(), seen.gid()) != (user.uid, user.gid)
        && crate::sys::whoami() == 0
    {
        fchown(&file, Some(user.uid), Some(user.gid))?;
    }
    rustix::fs::fcntl_setfl(&file, flags & OFlags::APPEND)?; // blocking again for the program
    Ok(file)
}

/// The node itself chose this path; only its last part may not be a link.
fn open_outside(path: &str, flags: OFlags) -> io::Result<File> {
    let wished = flags & OFlags::RWMODE;
    OpenOptions::new()
        .read(wished != OFlags::WRONLY)
        .write(wished != OFlags::RDONLY)
        .create(wished != OFlags::RDONLY)
        .mode(LOG_MODE)
        .custom_flags(i32::try_from((flags - OFlags::RWMODE - OFlags::CREATE).bits()).unwrap_or(0))
        .open(path)
}

#[cfg(test)]
mod tests {
    use std::{fs, io::Write, os::unix::fs::symlink};

    use super::*;

    fn program(directory: &tempfile::TempDir) -> Program {
        let directory = camino::Utf8Path::from_path(directory.path()).unwrap();
        Program::new("p", vec!["/bin/p".into()], directory, directory.join("p.log"))
    }

    #[test]
    fn a_long_log_moves_to_its_backup_and_the_writer_goes_on() {
        let directory = tempfile::tempdir().unwrap();
        for outside in [false, true] {
            let mut program = program(&directory);
            if outside {
                program.directory = "/usr".into();
                program.log = format!("{}.outside", program.log).into();
            }
            let mut writer = open(&program).unwrap();
            writer.write_all(b"0123456789").unwrap();
            assert!(!rotate_longer_than(&program, 10).unwrap());
            writer.write_all(b"ab\n").unwrap();
            assert!(rotate_longer_than(&program, 10).unwrap());
            writer.write_all(b"new\n").unwrap();
            assert_eq!(fs::read(&program.log).unwrap(), b"new\n");
            assert_eq!(fs::read(format!("{}.1", program.log)).unwrap(), b"3456789ab\n");
            assert_eq!(fs::metadata(&program.log).unwrap().mode() & 0o777, 0o640);
            assert_eq!(last_line(&program).as_deref(), Some("new"));
        }
    }

    #[test]
    fn a_log_that_leads_elsewhere_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let victim = tempfile::NamedTempFile::new().unwrap();
        let mut program = program(&directory);
        symlink(victim.path(), &program.log).unwrap();
        assert!(open(&program).is_err(), "a link");
        fs::remove_file(&program.log).unwrap();

        symlink(victim.path().parent().unwrap(), program.directory.join("logs")).unwrap();
        program.log = program.directory.join("logs/p.log");
        assert!(open(&program).is_err(), "a link on the way");

        program.log = program.directory.join("twice.log");
        fs::hard_link(victim.path(), &program.log)
            .or_else(|_| {
                fs::File::create(program.directory.join("once.log"))?;
                fs::hard_link(program.directory.join("once.log"), &program.log)
            })
            .unwrap();
        assert!(open(&program).is_err(), "a file with two names");
        assert_eq!(fs::metadata(victim.path()).unwrap().len(), 0);
    }
}
