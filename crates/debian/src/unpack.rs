//! Opens a deb: its files under numbers, and a list that says what each of them is.
//!
//! The archive's names are data here; none of them touches the file system. [`crate::tree`] gives
//! the files their names afterwards, so that no archive can write outside the tree, however its
//! names and links are made. Maintainer scripts are not even read.
//!
//! # Refused
//! Absolute names, `..`, names that are not UTF-8, devices, pipes, sockets, more bytes or entries
//! than the limits allow, archives that are cut off. Setuid, setgid and sticky bits, owners and
//! write permission for others are dropped.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, SystemTime};

use camino::{Utf8Path, Utf8PathBuf};
use tar::EntryType;

use crate::{Error, Limits};

/// Unpacked bytes may exceed packed ones by this factor, beyond [`FREE_BYTES`].
const RATIO: u64 = 1000;
const FREE_BYTES: u64 = 64 << 20;
/// Memory that decompression may take: xz's strongest level needs 65 MiB.
const XZ_MEMORY_BYTES: u64 = 256 << 20;

/// One entry of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Path in the tree, without leading slash; all parts are plain names.
    pub path: String,
    /// What lies there.
    pub kind: Kind,
}

/// What an entry is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A directory.
    Directory,
    /// A file, lying under a number for now.
    File {
        /// Where it was unpacked to.
        staged: Utf8PathBuf,
        /// Whether it is an executable in ELF form.
        program: bool,
    },
    /// A symbolic link with its target as in the archive.
    Symlink(String),
    /// Another name for a file of the same package.
    Hardlink(String),
}

/// Unpacks the open `deb` of `package` into numbered files, whose names begin with `stage`.
///
/// # Errors
/// [`Error::Archive`] when it is broken or hostile, [`Error::Io`], [`Error::DiskFull`].
pub fn unpack(
    deb: &File,
    package: &str,
    stage: &Utf8Path,
    limits: &Limits,
) -> Result<Vec<Entry>, Error> {
    let refuse = |problem: String| Error::Archive { package: package.to_owned(), problem };
    let packed = deb.metadata().map_err(|error| Error::io("read", stage, error))?.len();
    let most = limits.unpacked_bytes.min(packed.saturating_mul(RATIO).saturating_add(FREE_BYTES));
    let mut archive = ar::Archive::new(BufReader::with_capacity(128 << 10, deb));
    let mut is_debian = false;
    while let Some(member) = archive.next_entry() {
        let member = member.map_err(|error| refuse(format!("it is not a deb: {error}")))?;
        match member.header().identifier() {
            b"debian-binary" => {
                let mut version = String::new();
                let read = member.take(16).read_to_string(&mut version);
                read.map_err(|error| refuse(format!("it is not a deb: {error}")))?;
                is_debian = version.starts_with("2.");
            }
            name if name.starts_with(b"data.tar") && is_debian => {
                let name = String::from_utf8_lossy(name).into_owned();
                let data = decompressor(&name, member).map_err(refuse)?;
                return read_tar(data, package, stage, limits.entries, most);
            }
            _ => (),
        }
    }
    Err(refuse("it is not a deb: it has no data".to_owned()))
}

fn decompressor<'r>(name: &str, member: impl Read + 'r) -> Result<Box<dyn Read + 'r>, String> {
    let stream = |made: Result<liblzma::stream::Stream, _>| {
        made.map_err(|error: liblzma::stream::Error| error.to_string())
    };
    Ok(match name.strip_prefix("data.tar").unwrap_or_default().trim_end_matches('/') {
        "" => Box::new(member),
        ".xz" => {
            let decoder = liblzma::stream::Stream::new_stream_decoder(
                XZ_MEMORY_BYTES,
                liblzma::stream::CONCATENATED,
            );
            Box::new(liblzma::read::XzDecoder::new_stream(member, stream(decoder)?))
        }
        ".lzma" => {
            let decoder = liblzma::stream::Stream::new_lzma_decoder(XZ_MEMORY_BYTES);
            Box::new(liblzma::read::XzDecoder::new_stream(member, stream(decoder)?))
        }
        ".gz" => Box::new(flate2::read::MultiGzDecoder::new(member)),
        ".zst" => Box::new(
            ruzstd::decoding::StreamingDecoder::new(member).map_err(|error| error.to_string())?,
        ),
        other => {
            return Err(format!("its data is compressed in a way that is not known: `{other}`"));
        }
    })
}

fn read_tar(
    data: Box<dyn Read + '_>,
    package: &str,
    stage: &Utf8Path,
    most_entries: usize,
    most: u64,
) -> Result<Vec<Entry>, Error> {
    let refuse = |problem: String| Error::Archive { package: package.to_owned(), problem };
    let broken = |error: std::io::Error| refuse(format!("its data is broken: {error}"));
    // One byte more than allowed ends the stream, and so the archive is cut off.
    let mut archive = tar::Archive::new(BufReader::with_capacity(
        128 << 10,
        data.take(most.saturating_add(1 << 20)),
    ));
    let mut entries = Vec::new();
    let mut bytes = 0_u64;
    for (number, entry) in archive.entries().map_err(broken)?.enumerate() {
        let mut entry = entry.map_err(broken)?;
        bytes = bytes.saturating_add(entry.size());
        if number >= most_entries || bytes > most {
            return Err(refuse(format!(
                "it is too large: more than {most_entries} entries or {most} bytes"
            )));
        }
        if entry.header().entry_type() == EntryType::XGlobalHeader {
            continue;
        }
        let path = inner_path(&entry.path_bytes()).map_err(refuse)?;
        let link = match entry.link_name_bytes() {
            Some(bytes) => String::from_utf8(bytes.into_owned())
                .map_err(|_| refuse(format!("the link {path} is not UTF-8")))?,
            None => String::new(),
        };
        let kind = match entry.header().entry_type() {
            EntryType::Directory => Kind::Directory,
            EntryType::Symlink => Kind::Symlink(link),
            EntryType::Link => Kind::Hardlink(inner_path(link.as_bytes()).map_err(refuse)?),
            EntryType::Regular | EntryType::Continuous if !is_wanted(&path) => continue,
            EntryType::Regular | EntryType::Continuous => {
                let staged = Utf8PathBuf::from(format!("{stage}-{number}"));
                let program = write_file(&mut entry, &staged, &broken)?;
                Kind::File { staged, program }
            }
            other => {
                return Err(refuse(format!(
                    "{path} is of a kind that no package needs: {other:?}"
                )));
            }
        };
        if !path.is_empty() && is_wanted(&path) {
            entries.push(Entry { path, kind });
        }
    }
    Ok(entries)
}

/// Writes one file and answers whether it is a program.
fn write_file(
    entry: &mut tar::Entry<'_, impl Read>,
    staged: &Utf8Path,
    broken: &dyn Fn(std::io::Error) -> Error,
) -> Result<bool, Error> {
    let io = |error| Error::io("write", staged, error);
    let mode = entry.header().mode().map_err(broken)? & 0o755 | 0o600;
    let modified = entry.header().mtime().unwrap_or_default();
    let size = entry.size();
    let file = File::create_new(staged).map_err(io)?;
    let mut writer = BufWriter::with_capacity(128 << 10, file);
    let mut buffer = vec![0; usize::try_from(size.min(128 << 10)).unwrap_or(0).max(4)];
    let mut written = 0;
    let mut is_elf = false;
    loop {
        let read = entry.read(&mut buffer).map_err(broken)?;
        if read == 0 {
            break;
        }
        is_elf |= written == 0 && buffer[..read].starts_with(b"\x7fELF");
        writer.write_all(&buffer[..read]).map_err(io)?;
        written += read as u64;
    }
    if written != size {
        return Err(broken(std::io::ErrorKind::UnexpectedEof.into()));
    }
    let file = writer.into_inner().map_err(|error| io(error.into_error()))?;
    file.set_permissions(std::fs::Permissions::from_mode(mode)).map_err(io)?;
    let modified = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(modified));
    file.set_modified(modified.unwrap_or(SystemTime::UNIX_EPOCH)).map_err(io)?;
    Ok(is_elf && mode & 0o111 != 0)
}

/// The path of an entry without `./`; an error says why it is refused.
fn inner_path(bytes: &[u8]) -> Result<String, String> {
    let path = std::str::from_utf8(bytes)
        .map_err(|_| format!("the name {:?} is not UTF-8", String::from_utf8_lossy(bytes)))?;
    if path.starts_with('/') {
        return Err(format!("the name {path} is absolute"));
    }
    let parts: Vec<&str> = path.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    if parts.contains(&"..") {
        return Err(format!("the name {path} leads out"));
    }
    Ok(parts.join("/"))
}

/// Leaves out what no program needs to run; licences are kept.
fn is_wanted(path: &str) -> bool {
    let Some(shared) = path.strip_prefix("usr/share/") else {
        return true;
    };
    match shared.split('/').next().unwrap_or_default() {
        "doc" => path.ends_with("/copyright"),
        "man" | "locale" | "lintian" => false,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_lead_out_are_refused() {
        let table = [
            ("./usr/bin/x", Some("usr/bin/x")),
            ("usr//lib/./x/", Some("usr/lib/x")),
            ("./", Some("")),
            ("/etc/passwd", None),
            ("usr/../../x", None),
            ("..", None),
        ];
        for (name, wished) in table {
            assert_eq!(inner_path(name.as_bytes()).ok().as_deref(), wished, "{name}");
        }
        assert!(inner_path(b"\xff").is_err());
    }

    #[test]
    fn manuals_are_left_out_and_licences_kept() {
        let table = [
            ("usr/share/doc/a/copyright", true),
            ("usr/share/doc/a/README", false),
            ("usr/share/man/man1/a.1.gz", false),
            ("usr/share/locale/fr/LC_MESSAGES/a.mo", false),
            ("usr/share/mysql/english/errmsg.sys", true),
            ("usr/share/manual/x", true),
            ("usr/bin/man", true),
        ];
        for (path, wished) in table {
            assert_eq!(is_wanted(path), wished, "{path}");
        }
    }
}
