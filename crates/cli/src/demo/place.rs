//! The directory of the demo: one that the person names and keeps, or one that goes away with it.

use std::{
    fs::{self, File, TryLockError},
    io,
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    thread,
    time::{Duration, Instant},
};

use camino::{Utf8Path, Utf8PathBuf};
use tempfile::TempDir;

use crate::error::{Exit, Failure, Step};

/// How long the last killed process may take until it writes nothing more.
const REMOVAL_LIMIT: Duration = Duration::from_secs(10);

/// True when the demo runs as root.
pub(super) fn is_root() -> bool {
    slapos_node::sys::whoami() == 0
}

/// The directory that a person named.
pub(super) fn absolute(path: &Utf8Path) -> Result<Utf8PathBuf, Failure> {
    if path.as_str().is_empty() {
        return Err(Failure::new(Exit::Usage, "--dir names no directory")
            .hint("give one, or leave --dir out: then a temporary one is used"));
    }
    let path = camino::absolute_utf8(path).step(|| format!("cannot find {path}"))?;
    if let Some(file) = path.ancestors().find(|above| above.exists() && !above.is_dir()) {
        return Err(Failure::new(Exit::Failed, format!("{file} is a file, not a directory"))
            .hint("name a directory with --dir, new or of an earlier demo"));
    }
    Ok(path)
}

/// Makes the directory, or finds it. What was made is removed again when that fails half-way.
pub(super) fn make(directory: &Utf8Path) -> Result<(), Failure> {
    let etc = directory.join("etc");
    let missing = etc.ancestors().take_while(|above| !above.exists()).last();
    let mode = if is_root() { 0o755 } else { 0o700 };
    let made = fs::DirBuilder::new().recursive(true).mode(mode).create(&etc);
    let writable = made.and_then(|()| tempfile::tempfile_in(&etc).map(drop));
    writable.map_err(|error| {
        if let Some(missing) = missing {
            // Only what is empty: nobody else's files.
            let _kept = fs::remove_dir(&etc).and_then(|()| fs::remove_dir(missing));
        }
        let special = ["/proc", "/sys", "/dev"].iter().any(|top| directory.starts_with(top));
        let hint = match error.kind() {
            _ if special => "that is no place for files; name a directory on a disk with --dir",
            io::ErrorKind::PermissionDenied => {
                "name a directory with --dir where you may write, or leave it out"
            }
            io::ErrorKind::ReadOnlyFilesystem => "name a directory that can be written with --dir",
            _ => "name another directory with --dir",
        };
        let chain = vec![format!("cannot make {etc}"), error.to_string()];
        Failure { exit: Exit::Failed, chain, hint: None }.hint(hint)
    })
}

/// Makes a directory that nobody had before: in a place where everybody may write, a name that can
/// be guessed would let another user prepare what the demo, perhaps root, then uses. It is removed
/// when the second value is dropped.
pub(super) fn make_temporary() -> Result<(Utf8PathBuf, TempDir), Failure> {
    let made = tempfile::Builder::new()
        .prefix("slapos-demo-")
        .tempdir()
        .step(|| "cannot make a temporary directory".into())
        .map_err(|failure| {
            failure.hint("set TMPDIR to a directory that can be written, or name one with --dir")
        })?;
    let path = Utf8PathBuf::try_from(made.path().to_owned())
        .map_err(|_| Failure::new(Exit::Failed, "the temporary directory has no UTF-8 name"))?;
    if is_root() {
        // The users of the partitions pass through it.
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755))
            .step(|| format!("cannot open {path} to the users of partitions"))?;
    }
    Ok((path, made))
}

/// Removes the temporary directory with all that is in it. What was killed a moment ago may still
/// have made a file meanwhile: then it is done again.
pub(super) fn remove(temporary: TempDir) -> Result<(), Failure> {
    let path = temporary.keep();
    let deadline = Instant::now() + REMOVAL_LIMIT;
    loop {
        match fs::remove_dir_all(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error)
                if error.kind() == io::ErrorKind::DirectoryNotEmpty
                    && Instant::now() < deadline =>
            {
                thread::sleep(Duration::from_millis(20));
            }
            removed => return removed.step(|| format!("cannot remove {}", path.display())),
        }
    }
}

/// One demo a directory.
pub(super) fn lock(directory: &Utf8Path) -> Result<File, Failure> {
    let path = directory.join("demo.lock");
    let file = File::options()
        .create(true)
        .append(true)
        .open(&path)
        .step(|| format!("cannot open {path}"))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            Err(Failure::new(Exit::Failed, format!("a demo is already running in {directory}"))
                .hint("use it, stop it with Ctrl-C, or choose another directory with --dir"))
        }
        Err(TryLockError::Error(error)) => Err(Failure::from(error)),
    }
}
