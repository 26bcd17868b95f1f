//! The write-ahead log of `SQLite` as a file, looked at before `SQLite` takes what it can of it.
//!
//! `SQLite` reads the log up to the first frame that does not fit its checksum and forgets the
//! rest without a word. After a power cut that is right: nothing of the rest had been synced. But
//! each commit is synced before the next begins; so when another commit follows a frame that does
//! not fit, that frame had been durable, and forgetting it would lose acknowledged entries.

use std::{
    fs::{self, DirEntry, File},
    io::{self, BufReader, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use super::StoreError;

/// What follows the name of the database in the names of copies of torn ends.
const COPIES: &str = "cut-log";
/// So many copies are kept: a disk that tears the log at each start must not be filled by them.
const COPIES_MAX: usize = 8;
const HEADER_BYTES: usize = 32;
const FRAME_HEADER_BYTES: usize = 24;
/// Checksums are over big-endian words when the last bit of the magic number is set.
const MAGIC: u32 = 0x377f_0682;

/// How a log ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// After a whole commit, or in one that was never finished.
    Clean,
    /// Somewhere in the bytes from the first number to the second, which follow the last whole
    /// commit.
    Torn(u64, u64),
    /// The frame at this byte does not fit, and commits follow it.
    Broken(u64),
}

/// What was cut off the end of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogCut {
    /// How many bytes stay.
    pub kept: u64,
    /// How many bytes were cut.
    pub bytes: u64,
    /// Where these are kept.
    pub copy: PathBuf,
}

/// The log of a database.
pub(super) fn path(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push("-wal");
    name.into()
}

/// Looks at the log of a database that nobody has open. A torn end, which `SQLite` will not use,
/// is copied to a file beside; damage before the end is refused.
pub(super) fn secure(database: &Path) -> Result<Option<LogCut>, StoreError> {
    let (kept, end) = match end(&path(database))? {
        End::Clean => return Ok(None),
        End::Torn(kept, end) => (kept, end),
        End::Broken(at) => return Err(StoreError::BrokenLog { at }),
    };
    let bytes = end - kept;
    let copied = keep(database, kept, bytes);
    let copy = copied.map_err(|source| StoreError::Read { path: path(database), source })?;
    Ok(Some(LogCut { kept, bytes, copy }))
}

/// Copies the torn end to a file beside, which is named after what is in it: a start that is
/// broken off and done again makes no second one. Of other copies the newest stay.
fn keep(database: &Path, kept: u64, bytes: u64) -> io::Result<PathBuf> {
    let mut log = File::open(path(database))?;
    log.seek(SeekFrom::Start(kept))?;
    let mut torn = Vec::new();
    log.take(bytes).read_to_end(&mut torn)?;
    let digest = HEXLOWER.encode(&Sha256::digest(&torn)[..8]);
    let copy = database.with_extension(format!("{COPIES}-{digest}"));
    if !copy.exists() {
        forget_old_copies(database)?;
        slapos_atomic::write(&copy, &torn, 0o600)?;
    }
    slapos_atomic::sync_directory(&copy)?; // it may be of a start that was broken off before that
    Ok(copy)
}

/// Removes the oldest copies of torn ends, so that there is room for one more.
fn forget_old_copies(database: &Path) -> io::Result<()> {
    let first = database.with_extension(COPIES);
    let (Some(directory), Some(name)) = (first.parent(), first.file_name()) else { return Ok(()) };
    let is_copy =
        |file: &DirEntry| file.file_name().as_encoded_bytes().starts_with(name.as_encoded_bytes());
    let mut copies = Vec::new();
    for file in fs::read_dir(directory)? {
        let file = file?;
        if is_copy(&file) {
            copies.push((file.metadata()?.modified()?, file.path()));
        }
    }
    copies.sort();
    let surplus = (copies.len() + 1).saturating_sub(COPIES_MAX);
    copies.iter().take(surplus).try_for_each(|(_, path)| fs::remove_file(path))
}

/// Refuses the log of a database that nobody has open, when it is damaged before its end.
pub(crate) fn check_log(database: &Path) -> Result<(), StoreError> {
    match end(&path(database))? {
        End::Clean | End::Torn(..) => Ok(()),
        End::Broken(at) => Err(StoreError::BrokenLog { at }),
    }
}

/// How the log in a file ends.
pub(super) fn end(path: &Path) -> Result<End, StoreError> {
    let read = || match File::open(path) {
        Ok(file) => scan(BufReader::with_capacity(1 << 20, file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(End::Clean),
        Err(error) => Err(error),
    };
    read().map_err(|source| StoreError::Read { path: path.to_owned(), source })
}

fn scan(mut log: impl Read) -> io::Result<End> {
    let mut header = [0; HEADER_BYTES];
    if fill(&mut log, &mut header)? < HEADER_BYTES {
        return Ok(End::Clean); // nothing was ever committed to it
    }
    let big_endian = word(&header, 0) & 1 == 1;
    let page_bytes = word(&header, 8) as usize;
    let mut sum = checksum(big_endian, (0, 0), &header[..24]);
    let known = word(&header, 0) & !1 == MAGIC && (512..=65536).contains(&page_bytes);
    if !known || sum != (word(&header, 24), word(&header, 28)) {
        // Without a header nothing tells what was in it; whatever it was, it is not clean.
        let rest = io::copy(&mut log, &mut io::sink())?;
        return Ok(if rest == 0 { End::Torn(0, HEADER_BYTES as u64) } else { End::Broken(0) });
    }
    let salt = header[16..24].to_vec();
    let mut frame = vec![0; FRAME_HEADER_BYTES + page_bytes];
    let mut at = HEADER_BYTES as u64;
    let mut whole_until = at; // the end of the last whole commit
    let mut torn = None; // the first frame that does not fit
    let mut committed_after = false; // a commit ends after that
    let mut strange_commit = false; // or does so if that frame, of another round, is ours
    let mut ours_until = at; // the end of the last frame of this round
    loop {
        let got = fill(&mut log, &mut frame)?;
        if got == 0 {
            break;
        }
        let ours = got >= FRAME_HEADER_BYTES && frame[8..16] == salt[..];
        let fits = got == frame.len() && ours && {
            sum = checksum(big_endian, sum, &frame[..8]);
            sum = checksum(big_endian, sum, &frame[FRAME_HEADER_BYTES..]);
            sum == (word(&frame, 16), word(&frame, 20))
        };
        let commits = word(&frame, 4) != 0;
        committed_after |= ours && strange_commit; // those of other rounds come after all of ours
        if fits && committed_after {
            return Ok(End::Broken(torn.unwrap_or(at)));
        }
        if !fits {
            torn.get_or_insert(at);
        }
        if commits {
            strange_commit = !ours;
            committed_after |= ours && torn.is_some();
        }
        at += got as u64;
        if ours {
            ours_until = at;
        }
        if fits && commits && torn.is_none() {
            whole_until = at;
        }
        // the next frame fits this one's checksum, as it stands, if that one was not damaged
        sum = (word(&frame, 16), word(&frame, 20));
    }
    let torn = torn.is_some_and(|torn| torn < ours_until);
    Ok(if torn { End::Torn(whole_until, ours_until) } else { End::Clean })
}

/// Reads until the buffer is full or the log ends; how much there was.
fn fill(log: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut got = 0;
    while got < buffer.len() {
        match log.read(&mut buffer[got..])? {
            0 => break,
            more => got += more,
        }
    }
    Ok(got)
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

/// The checksum of `SQLite`'s log, continued over more bytes.
fn checksum(big_endian: bool, start: (u32, u32), bytes: &[u8]) -> (u32, u32) {
    let read = if big_endian { u32::from_be_bytes } else { u32::from_le_bytes };
    bytes.chunks_exact(8).fold(start, |(one, two), it| {
        let one = one.wrapping_add(read([it[0], it[1], it[2], it[3]])).wrapping_add(two);
        let two = two.wrapping_add(read([it[4], it[5], it[6], it[7]])).wrapping_add(one);
        (one, two)
    })
}
