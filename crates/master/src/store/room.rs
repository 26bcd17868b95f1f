//! Is there room on the disk? Asked with a file of its own, never with the database.

use std::{
    fs::{self, File},
    io::{self, ErrorKind, Write},
    path::Path,
};

use super::StoreError;

/// What an operator does about a full disk before the master is started.
pub(crate) const MAKE_ROOM: &str =
    "make room on the disk of the data directory, then start the master again";

/// True when the disk is full, or the quota of whoever writes is used up.
pub(crate) fn is_lacking(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
}

/// So much must fit: some thousand entries, so that a disk with a few free blocks does not make
/// the master change its mind with every call.
const ROOM_BYTES: usize = 4 << 20;

/// True when some megabytes can be written in a directory and synced.
pub(crate) fn there_is(directory: &Path) -> Result<bool, StoreError> {
    let path = directory.join("room");
    let tried = write(&path);
    let removed = fs::remove_file(&path);
    match tried.and(removed) {
        Ok(()) => Ok(true),
        Err(error) if is_lacking(&error) => Ok(false),
        Err(source) => Err(StoreError::Create { path, source }),
    }
}

/// So many bytes of the disk, or a tenth of a small one, are for the journal alone.
const RESERVE_BYTES: u64 = 1 << 30;

/// True when the disk of a directory has room besides what it keeps for the journal.
pub(crate) fn beyond_reserve(directory: &Path) -> io::Result<bool> {
    let disk = rustix::fs::statvfs(directory)?;
    let reserve = RESERVE_BYTES.min(disk.f_blocks * disk.f_frsize / 10);
    Ok(disk.f_bavail * disk.f_frsize > reserve)
}

fn write(path: &Path) -> io::Result<()> {
    let mut file = File::create(path)?;
    let block = vec![0x5a; 1 << 16];
    for _ in 0..ROOM_BYTES / block.len() {
        file.write_all(&block)?;
    }
    file.sync_all()
}
