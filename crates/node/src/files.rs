//! Files that matter: written whole or not at all.

use std::{
    fs::{self, File, OpenOptions, Permissions},
    io::{self, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
};

use camino::Utf8Path;

/// Writes a file under a temporary name, makes it durable and renames it into place. A reader
/// sees the old content or the new one, also after a power cut. `mode` is exact (no umask).
pub fn write_atomically(path: &Utf8Path, content: &[u8], mode: u32) -> io::Result<()> {
    let directory = path.parent().filter(|above| !above.as_str().is_empty()).unwrap_or(".".into());
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let fresh = directory.join(format!(".{name}.{}.new", std::process::id()));
    let written = (|| {
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(&fresh)?;
        file.set_permissions(Permissions::from_mode(mode))?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&fresh, path)?;
        File::open(directory)?.sync_all()
    })();
    if written.is_err() {
        // The error that counts is the first one; a left-over is overwritten next time.
        let _ignored = fs::remove_file(&fresh);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_with_its_exact_mode_and_nothing_is_left_beside_it() {
        let directory = tempfile::tempdir().unwrap();
        let directory = Utf8Path::from_path(directory.path()).unwrap();
        let path = directory.join("secret");
        write_atomically(&path, b"one", 0o600).unwrap();
        write_atomically(&path, b"two", 0o600).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
        assert_eq!(fs::read_dir(directory).unwrap().count(), 1);
    }

    #[test]
    fn a_failed_write_leaves_the_old_content() {
        let directory = tempfile::tempdir().unwrap();
        let path = Utf8Path::from_path(directory.path()).unwrap().join("missing/file");
        assert!(write_atomically(&path, b"x", 0o600).is_err());
    }
}
