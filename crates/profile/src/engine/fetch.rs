//! Files of URLs that a profile extends, with their copies in `extends-cache`.

use camino::Utf8PathBuf;
use data_encoding::HEXLOWER;
use md5::{Digest, Md5};

use super::{Inputs, read_location};
use crate::error::{Code, Error, Result};
use crate::extends::Remote;
use crate::files::{self, Keep, Mode};
use crate::host::Host;
use crate::location::is_url;

/// The text of a file that is extended.
///
/// A copy serves without a fetch when the profile wants nothing newest, and in place of one that fails; it is named
/// by the MD5 of its URL, so that copies made by zc.buildout serve too.
pub(super) fn extended(
    host: &mut dyn Host,
    inputs: &mut Inputs,
    place: &str,
    remote: &Remote,
) -> Result<String> {
    let url = Some(place).filter(|place| is_url(place) && !place.starts_with("file://"));
    let copy = url.zip(remote.cache.as_ref());
    let copy = copy.map(|(url, cache)| cache.join(HEXLOWER.encode(&Md5::digest(url.as_bytes()))));
    let kept = copy.as_ref().filter(|copy| copy.is_file());
    let bytes = match kept {
        Some(copy) if remote.offline || !remote.newest => files::read(copy)?,
        None if remote.offline && url.is_some() => return Err(offline(place)),
        _ => match (read_location(host, inputs, place), kept) {
            (Ok(bytes), _) => {
                let has_place = |cache: &Utf8PathBuf| cache.parent().is_some_and(|at| at.is_dir());
                if let Some(copy) = copy.filter(|_| remote.cache.as_ref().is_some_and(has_place)) {
                    files::put(&copy, &bytes, Mode::Plain, Keep::Renewable)?;
                }
                bytes
            }
            (Err(_), Some(copy)) => files::read(copy)?,
            (Err(error), None) => return Err(error),
        },
    };
    String::from_utf8(bytes)
        .map_err(|_| Error::new(Code::Unreadable, format!("{place} is not UTF-8 text")))
}

fn offline(url: &str) -> Error {
    Error::new(Code::Offline, format!("the profile is offline, and there is no copy of {url}"))
        .with_hint("run it once with `offline = false`, with an `extends-cache`")
}
