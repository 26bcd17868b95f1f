//! Files of a directory that is laid out: compared, written atomically, removed only inside.

use std::fmt::Display;
use std::fs::{self, DirBuilder, File};
use std::io::{ErrorKind, Read as _};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};

use camino::{Utf8Path, Utf8PathBuf};
pub(crate) use slapos_atomic::Keep;

use crate::error::{Code, Error, Result};
use crate::location::normal;

/// Permissions of a written file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// 0666 less the umask.
    Plain,
    /// 0777 less the umask.
    Runnable,
    /// As given.
    Exact(u32),
}

impl Mode {
    /// An octal text such as `0600`, as options give it.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let digits = text.trim().trim_start_matches("0o");
        u32::from_str_radix(digits, 8).ok().filter(|mode| *mode <= 0o7777).map(Self::Exact)
    }

    /// Whether a file that has `mode` may keep it.
    fn fits(self, mode: u32) -> bool {
        match self {
            Self::Plain => mode & 0o111 == 0,
            Self::Runnable => mode & 0o100 != 0,
            Self::Exact(wanted) => mode & 0o7777 == wanted,
        }
    }
}

/// Makes the file say `content`, with its parent folders. Writes, and returns true, only if it is different.
pub(crate) fn put(path: &Utf8Path, content: &[u8], mode: Mode, keep: Keep) -> Result<bool> {
    if !differs(path, content, mode) {
        return Ok(false);
    }
    let folder = path.parent().unwrap_or(Utf8Path::new("/"));
    fs::create_dir_all(folder).map_err(|source| Error::io("make the folder", folder, &source))?;
    let mode = match mode {
        Mode::Plain => slapos_atomic::Mode::LessUmask(0o666),
        Mode::Runnable => slapos_atomic::Mode::LessUmask(0o777),
        Mode::Exact(mode) => slapos_atomic::Mode::Exact(mode),
    };
    let written = slapos_atomic::write_as(path, content, mode, keep);
    written.map_err(|source| Error::io("write", path, &source))?;
    Ok(true)
}

/// Returns when all that was written to the file system of that folder is on the disk, whoever wrote it.
pub(crate) fn settle(folder: &Utf8Path) -> Result<()> {
    let settled = File::open(folder).and_then(|folder| Ok(rustix::fs::syncfs(folder)?));
    settled.map_err(|source| Error::io("write to the disk what is in", folder, &source))
}

/// Whether the file says something else, or has other permissions, or is not there.
pub(crate) fn differs(path: &Utf8Path, content: &[u8], mode: Mode) -> bool {
    !fs::symlink_metadata(path).is_ok_and(|meta| {
        meta.is_file()
            && usize::try_from(meta.len()) == Ok(content.len())
            && mode.fits(meta.permissions().mode())
            && fs::read(path).is_ok_and(|found| found == content)
    })
}

/// Makes a folder and its parents, `mode` less the umask for those that are new. True if it was not there.
pub(crate) fn make_folder(path: &Utf8Path, mode: u32) -> Result<bool> {
    if path.is_dir() {
        return Ok(false);
    }
    let made = DirBuilder::new().recursive(true).mode(mode).create(path);
    made.map_err(|source| Error::io("make the folder", path, &source))?;
    Ok(true)
}

/// Refuses a place where something is that is no link.
pub(crate) fn only_a_link(link: &Utf8Path) -> Result<()> {
    if !fs::symlink_metadata(link).is_ok_and(|meta| !meta.is_symlink()) {
        return Ok(());
    }
    let source =
        std::io::Error::new(ErrorKind::AlreadyExists, "something that is no link is there");
    Err(Error::io("make the link", link, &source).with_hint("remove it if it is not needed"))
}

/// Makes `link` point to `target`; replaces only links. True if it was different.
pub(crate) fn put_link(link: &Utf8Path, target: &Utf8Path) -> Result<bool> {
    only_a_link(link)?;
    match fs::symlink_metadata(link) {
        Ok(_) if fs::read_link(link).is_ok_and(|found| found == target.as_std_path()) => {
            return Ok(false);
        }
        Ok(_) => {
            fs::remove_file(link).map_err(|source| Error::io("replace the link", link, &source))?;
        }
        Err(_) => {
            make_folder(link.parent().unwrap_or(Utf8Path::new("/")), 0o777)?;
        }
    }
    std::os::unix::fs::symlink(target, link)
        .map_err(|source| Error::io("make the link", link, &source))?;
    Ok(true)
}

/// Removes a file, link or whole folder that lies inside `directory`; whatever lies elsewhere, or is `directory`
/// itself, is left alone. True if something was removed.
pub(crate) fn remove_inside(directory: &Utf8Path, path: &Utf8Path) -> Result<bool> {
    let path = normal(path);
    let Ok(meta) = fs::symlink_metadata(&path) else {
        return Ok(false);
    };
    if !is_inside(directory, &path) {
        return Ok(false);
    }
    let removed = if meta.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
    removed.map_err(|source| Error::io("remove", &path, &source))?;
    Ok(true)
}

/// Refuses a path outside of `directory`, also where a link or a `..` leads there: nobody could remove it again.
pub(crate) fn insist_inside(directory: &Utf8Path, path: &Utf8Path) -> Result<()> {
    let folders = normal(path);
    let mut folders = folders.ancestors().skip(1);
    let real = folders.find_map(|folder| folder.canonicalize_utf8().ok());
    match (directory.canonicalize_utf8(), real) {
        (Ok(directory), Some(real)) if !real.starts_with(&directory) => {
            let message = format!(
                "{path} lies outside of {directory}, which is all that the profile may lay out"
            );
            let hint =
                "let the path begin with `${buildout:directory}`, and let no link lead elsewhere";
            Err(Error::new(Code::BadOption, message).with_hint(hint))
        }
        _ => Ok(()),
    }
}

/// By the real folders, so that no link leads outside.
pub(crate) fn is_inside(directory: &Utf8Path, path: &Utf8Path) -> bool {
    let parent = path.parent().and_then(|parent| parent.canonicalize_utf8().ok());
    match (directory.canonicalize_utf8(), parent) {
        (Ok(directory), Some(parent)) => parent.starts_with(&directory),
        _ => false,
    }
}

/// The longest file that is read, in bytes.
const BYTES_MAX: u64 = 64 << 20;

/// Reads a whole file; devices and pipes, which may have no end, are refused.
pub(crate) fn read(path: &Utf8Path) -> Result<Vec<u8>> {
    read_plain(path).map_err(|source| {
        let mut error = Error::io("read", path, &source);
        if source.kind() == ErrorKind::NotFound
            && let Some(name) = path.file_name()
        {
            let names = siblings(path);
            error = error.with_nearest(name, names.iter().map(String::as_str));
        }
        error
    })
}

/// Reads a whole file, as [`read`] does; `None` if it is not there.
pub(crate) fn read_if_there(path: &Utf8Path) -> Result<Option<Vec<u8>>> {
    match read_plain(path) {
        Ok(content) => Ok(Some(content)),
        Err(source) if source.kind() == ErrorKind::NotFound => Ok(None),
        Err(source) => Err(Error::io("read", path, &source)),
    }
}

/// The text that an earlier run kept in a file; `None` if there is no file, or an empty one.
pub(crate) fn kept(path: &Utf8Path) -> Result<Option<String>> {
    let content = match read_plain(path) {
        Ok(content) => content,
        Err(source) if source.kind() == ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(damaged(path, source)),
    };
    let text = String::from_utf8(content).map_err(|_| damaged(path, "it is no text"))?;
    Ok(Some(text).filter(|text| !text.trim().is_empty()))
}

/// The error for a kept file that cannot be used. Nothing new takes its place: others rely on what it held.
pub(crate) fn damaged(path: &Utf8Path, problem: impl Display) -> Error {
    Error::new(Code::BadState, format!("{path} cannot be used: {problem}"))
        .with_hint("restore the file, or remove it to get another value")
}

/// The text of a file that need not be there; what cannot be read, or is no text, is not there.
pub(crate) fn text_of(path: &Utf8Path) -> Option<String> {
    String::from_utf8(read_plain(path).ok()?).ok()
}

fn read_plain(path: &Utf8Path) -> std::io::Result<Vec<u8>> {
    let refused = |why| Err(std::io::Error::new(ErrorKind::InvalidInput, why));
    if !fs::metadata(path)?.is_file() {
        return refused("it is no plain file");
    }
    let mut content = Vec::new();
    File::open(path)?.take(BYTES_MAX + 1).read_to_end(&mut content)?;
    if content.len() as u64 > BYTES_MAX {
        return refused("it is too long");
    }
    Ok(content)
}

/// What is in a folder, in no order.
pub(crate) fn entries(folder: &Utf8Path) -> Result<Vec<Utf8PathBuf>> {
    let failed = |source: std::io::Error| Error::io("list", folder, &source);
    let entries = folder.read_dir_utf8().map_err(failed)?;
    entries.map(|entry| Ok(entry.map_err(failed)?.into_path())).collect()
}

fn siblings(path: &Utf8Path) -> Vec<String> {
    let entries = path.parent().and_then(|folder| folder.read_dir_utf8().ok());
    entries
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.file_name().to_owned())
        .take(1000)
        .collect()
}

/// The path that a text means in `directory`.
pub(crate) fn in_directory(directory: &Utf8Path, text: &str) -> Utf8PathBuf {
    normal(&directory.join(text.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scratch() -> (tempfile::TempDir, Utf8PathBuf) {
        let keeper = tempfile::tempdir().unwrap();
        let path = Utf8PathBuf::from_path_buf(keeper.path().canonicalize().unwrap()).unwrap();
        (keeper, path)
    }

    #[test]
    fn a_file_is_written_only_when_it_differs() {
        let (_keeper, dir) = scratch();
        let path = dir.join("a/b/file");
        let table = [
            ("one", Mode::Plain, true),
            ("one", Mode::Plain, false),
            ("one", Mode::Runnable, true),
            ("one", Mode::Exact(0o600), true),
            ("one", Mode::Exact(0o600), false),
            ("two", Mode::Exact(0o600), true),
        ];
        for (content, mode, written) in table {
            assert_eq!(
                put(&path, content.as_bytes(), mode, Keep::Renewable).unwrap(),
                written,
                "{content} {mode:?}"
            );
            assert_eq!(fs::read_to_string(&path).unwrap(), content);
        }
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(
            fs::read_dir(path.parent().unwrap()).unwrap().count(),
            1,
            "no temporary file stays"
        );
    }

    #[test]
    fn only_what_lies_inside_is_removed() {
        let (_keeper, dir) = scratch();
        let (inside, outside) = (dir.join("inside"), dir.join("outside"));
        for folder in [&inside, &outside] {
            fs::create_dir_all(folder.join("sub")).unwrap();
            File::create(folder.join("sub/file")).unwrap();
        }
        std::os::unix::fs::symlink(&outside, inside.join("way-out")).unwrap();
        let table = [
            ("sub/file", true),
            ("sub/file", false),
            ("sub", true),
            ("way-out/sub/file", false),
            ("../outside/sub", false),
            (".", false),
            ("way-out", true),
        ];
        for (path, removed) in table {
            assert_eq!(remove_inside(&inside, &inside.join(path)).unwrap(), removed, "{path}");
        }
        assert!(outside.join("sub/file").exists() && inside.is_dir());
    }

    #[test]
    fn a_link_never_replaces_a_file() {
        let (_keeper, dir) = scratch();
        let link = dir.join("bin/link");
        assert!(put_link(&link, Utf8Path::new("/one")).unwrap());
        assert!(!put_link(&link, Utf8Path::new("/one")).unwrap());
        assert!(put_link(&link, Utf8Path::new("/two")).unwrap());
        fs::remove_file(&link).unwrap();
        File::create(&link).unwrap();
        assert!(put_link(&link, Utf8Path::new("/one")).is_err());
    }
}
