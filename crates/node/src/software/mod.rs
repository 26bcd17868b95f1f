//! Software releases: each has a task that brings it to what the master wishes.
//!
//! A release is complete when its `.completed` file is there, and that is written last: an
//! installation that was interrupted at any moment is taken up again, never used.

mod task;

use std::{fs, io};

use camino::Utf8Path;
use md5::{Digest, Md5};
use serde::{Deserialize, Serialize};
use slapos_profile::Input;

use crate::{files::write_atomically, settings::hexadecimal};

pub(crate) use task::{Release, chain, run};

/// What `.completed` says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Completed {
    /// The release.
    url: String,
    /// Names this very installation: another one has another name.
    pub(crate) installation: String,
    /// The files that it was made from, and how they looked.
    read: Vec<Input>,
}

impl Completed {
    /// A release that has just been installed from these files.
    pub(crate) fn new(url: &str, read: Vec<Input>) -> Self {
        let installation = hexadecimal(&Md5::digest(format!("{url}\n{read:?}")));
        Self { url: url.to_owned(), installation, read }
    }

    /// Reads the mark of a release; `None` when the release is not complete, or when the files
    /// that it was made from have changed since.
    pub(crate) fn of(directory: &Utf8Path) -> Option<Self> {
        let bytes = fs::read(directory.join(".completed")).ok()?;
        let completed: Self = serde_json::from_slice(&bytes).ok()?;
        slapos_profile::unchanged(&completed.read).then_some(completed)
    }

    /// Writes the mark.
    pub(crate) fn write(&self, directory: &Utf8Path) -> io::Result<()> {
        write_atomically(&directory.join(".completed"), &serde_json::to_vec(self)?, 0o644)
    }

    /// Removes the mark, if it is there.
    pub(crate) fn erase(directory: &Utf8Path) -> io::Result<()> {
        match fs::remove_file(directory.join(".completed")) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use slapos_profile::Look;

    use super::*;

    #[test]
    fn a_release_is_complete_until_its_mark_or_its_sources_change() {
        let directory = tempfile::tempdir().unwrap();
        let directory = Utf8Path::from_path(directory.path()).unwrap();
        let source = directory.join("software.cfg");
        fs::File::create(&source).unwrap();
        assert_eq!(Completed::of(directory), None);
        let completed = Completed::new(
            "software/x",
            vec![Input { seen: Look::at(&source), path: source.clone() }],
        );
        completed.write(directory).unwrap();
        assert_eq!(Completed::of(directory), Some(completed));
        io::Write::write_all(&mut fs::File::create(&source).unwrap(), b"[buildout]").unwrap();
        assert_eq!(Completed::of(directory), None);
        Completed::erase(directory).unwrap();
        Completed::erase(directory).unwrap();
    }
}
