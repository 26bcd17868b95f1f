//! Software releases: each has a task that brings it to what the master wishes.
//!
//! A release is complete when its `.completed` file is there, and that is written last: an
//! installation that was interrupted at any moment is taken up again, never used.

pub(crate) mod environments;
mod task;

use std::{fs, io};

use camino::{Utf8Path, Utf8PathBuf};
use data_encoding::HEXLOWER;
use md5::{Digest, Md5};
use serde::{Deserialize, Serialize};
use slapos_core::names::Generation;
use slapos_profile::Input;

use crate::files::{read_below, remove_below, write_below};

pub(crate) use task::{Release, chain, is_same, run};

/// What the engine remembers of a release, in its directory.
pub(crate) const STATE: &str = ".installed.json";
/// The logs of a release's parts, in its directory: they are written by the user that installs it.
pub(crate) const PART_LOGS: &str = ".log";
/// A longer mark is not ours.
const MARK_BYTES_MAX: usize = 16 << 20;

/// What `.completed` says.
///
/// The directories of releases belong to the user that installs them, so no link in them is
/// followed, nor one in the place of such a directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Completed {
    /// The release.
    url: String,
    /// Names this very installation: another one has another name.
    pub(crate) installation: String,
    /// The files that it was made from, and how they looked.
    read: Vec<Input>,
    /// The last wish to install it again that this one has fulfilled.
    #[serde(default)]
    pub(crate) again: Generation,
}

impl Completed {
    /// A release that has just been installed from these files.
    pub(crate) fn new(url: &str, read: Vec<Input>, again: Generation) -> Self {
        let what = format!("{url}\n{read:?}\n{}", again.0);
        let installation = HEXLOWER.encode(&Md5::digest(what));
        Self { url: url.to_owned(), installation, read, again }
    }

    /// Reads the mark of a release; `None` when the release is not complete, or when the files
    /// that it was made from have changed since.
    pub(crate) fn of(directory: &Utf8Path) -> Option<Self> {
        let (root, mark) = mark_of(directory).ok()?;
        let bytes = read_below(root, &mark, MARK_BYTES_MAX).ok()?;
        let completed: Self = serde_json::from_slice(&bytes).ok()?;
        slapos_profile::unchanged(&completed.read).then_some(completed)
    }

    /// Writes the mark, when all that it vouches for is on the disk: commands and programs of
    /// others wrote it, which rarely see to that.
    pub(crate) fn write(&self, directory: &Utf8Path) -> io::Result<()> {
        let (root, mark) = mark_of(directory)?;
        rustix::fs::syncfs(fs::File::open(root)?)?;
        write_below(root, &mark, &serde_json::to_vec(self)?, 0o644)
    }

    /// Removes the mark, if it is there.
    pub(crate) fn erase(directory: &Utf8Path) -> io::Result<()> {
        let (root, mark) = mark_of(directory)?;
        remove_below(root, &mark)
    }
}

/// An error about a file that was generated when a release was installed, with the name of its
/// template in front: that is the file which its author knows.
pub(crate) fn name_template(directory: &Utf8Path, error: String) -> String {
    let place = error.lines().next().and_then(|line| line.split_once(".cfg:"));
    let generated = place.map(|(path, _)| format!("{path}.cfg"));
    let generated = generated.filter(|path| path.starts_with(directory.as_str()));
    let state = || {
        let name = directory.file_name()?;
        let state = Utf8Path::new(name).join(STATE);
        read_below(directory.parent()?, &state, MARK_BYTES_MAX).ok()
    };
    let template = generated.and_then(|path| slapos_profile::template_of(&state()?, &path));
    match template {
        Some(template) => format!("{template}, rendered as {error}"),
        None => error,
    }
}

/// The software root, and the mark of the release in `directory` below it.
fn mark_of(directory: &Utf8Path) -> io::Result<(&Utf8Path, Utf8PathBuf)> {
    let parts = directory.parent().zip(directory.file_name());
    let (root, name) = parts.ok_or(io::ErrorKind::InvalidInput)?;
    Ok((root, Utf8Path::new(name).join(".completed")))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use slapos_profile::Look;

    use super::*;

    #[test]
    fn a_release_is_complete_until_its_mark_or_its_sources_change() {
        let directory = tempfile::tempdir().unwrap();
        let directory = Utf8Path::from_path(directory.path()).unwrap();
        let source = directory.join("software.cfg");
        fs::File::create(&source).unwrap();
        assert_eq!(Completed::of(directory), None);
        let read = vec![Input { seen: Look::at(&source), path: source.clone() }];
        let completed = Completed::new("software/x", read, Generation(0));
        completed.write(directory).unwrap();
        assert_eq!(Completed::of(directory), Some(completed));
        io::Write::write_all(&mut fs::File::create(&source).unwrap(), b"[buildout]").unwrap();
        assert_eq!(Completed::of(directory), None);
        Completed::erase(directory).unwrap();
        Completed::erase(directory).unwrap();
    }

    #[test]
    fn a_mark_is_written_when_the_files_that_it_vouches_for_are_on_the_disk() {
        let test = "software::tests::a_release_is_complete_until_its_mark_or_its_sources_change";
        let Some(calls) = crate::traced::calls(test) else { return };
        assert!(crate::traced::followed(&calls, ["syncfs", ""], "renameat("), "{calls:#?}");
    }

    #[test]
    fn a_mark_that_leads_elsewhere_is_none() {
        let root = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(root.path()).unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        let elsewhere = Utf8Path::from_path(elsewhere.path()).unwrap();
        let completed = Completed::new("software/x", Vec::new(), Generation(0));
        completed.write(elsewhere).unwrap();

        symlink(elsewhere, root.join("release")).unwrap();
        assert_eq!(Completed::of(&root.join("release")), None);
        assert!(completed.write(&root.join("release")).is_err());
        assert!(Completed::erase(&root.join("release")).is_err());

        fs::create_dir(root.join("other")).unwrap();
        symlink(elsewhere.join(".completed"), root.join("other/.completed")).unwrap();
        assert_eq!(Completed::of(&root.join("other")), None);
        Completed::erase(&root.join("other")).unwrap();
        assert_eq!(Completed::of(elsewhere), Some(completed));
    }
}
