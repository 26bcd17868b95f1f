//! `slapos.recipe.build:download`: a checked copy of a file.
//!
//! In: `url` (a path or URL), `md5sum`, `filename` or `destination`, `mode`. Out: `location` (folder), `target` (file).

use camino::{Utf8Path, Utf8PathBuf};
use data_encoding::HEXLOWER;
use md5::{Digest, Md5};

use super::{Kind, Recipe};
use crate::engine::{Scope, Stop, Work};
use crate::error::{Code, Error, Result};
use crate::files::Mode;

pub(super) static KINDS: [Kind; 1] = [Kind::new(&["slapos.recipe.build:download"], make)];

struct Copy {
    content: Vec<u8>,
    target: Utf8PathBuf,
    mode: Mode,
}

fn make(scope: &mut Scope<'_, '_>) -> Result<Box<dyn Recipe>, Stop> {
    scope.refuse(&["shared", "alternate-url"])?;
    let url = scope.required("url")?;
    let place = scope.location(&url);
    let location = location(scope)?;
    let target = match (scope.text("destination")?, scope.text("filename")?) {
        (Some(destination), _) => scope.path(&destination),
        (None, Some(name)) => location.join(name.trim()),
        (None, None) => location.join(place.rsplit('/').next().unwrap_or(&place)),
    };
    let mode = scope.mode("mode")?.unwrap_or(Mode::Plain);
    let content = scope.read(&place).map_err(|error| scope.place(error, "url"))?;
    if let Some(wanted) = scope.text("md5sum")? {
        check_md5(&place, &content, &wanted).map_err(|error| scope.place(error, "md5sum"))?;
    }
    scope.set_open("location", target.parent().unwrap_or(&location).as_str());
    scope.set_open("target", target.as_str());
    Ok(Box::new(Copy { content, target, mode }))
}

/// Where a part lives: its option `location`, else `parts/<name>`.
pub(super) fn location(scope: &mut Scope<'_, '_>) -> Result<Utf8PathBuf, Stop> {
    if let Some(text) = scope.text("location")? {
        return Ok(scope.path(&text));
    }
    let parts = scope.reference("buildout:parts-directory")?;
    Ok(Utf8Path::new(parts.as_str().unwrap_or_default()).join(scope.name()))
}

/// Compares the MD5 of a content with what the profile says.
pub(super) fn check_md5(place: &str, content: &[u8], wanted: &str) -> Result<()> {
    let (found, wanted) = (HEXLOWER.encode(&Md5::digest(content)), wanted.trim());
    if found.eq_ignore_ascii_case(wanted) {
        return Ok(());
    }
    Err(Error::new(
        Code::Checksum,
        format!("{place} has md5sum {found}, the profile wants {wanted}"),
    ))
}

impl Recipe for Copy {
    fn install(&mut self, work: &mut Work<'_>) -> Result<()> {
        work.write(&self.target, &self.content, self.mode)
    }
}
