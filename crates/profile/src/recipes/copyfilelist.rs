//! `slapos.cookbook:copyfilelist`: copies of files in a folder.
//!
//! In: `target-directory`, `file-list` (paths). A copy has the permissions of its original.

use std::os::unix::fs::PermissionsExt;

use camino::Utf8PathBuf;

use super::{Kind, Recipe};
use crate::engine::{Scope, Stop, Work};
use crate::error::{Code, Error, Result};
use crate::files::Mode;

pub(super) static KINDS: [Kind; 1] = [Kind::new(&["slapos.cookbook:copyfilelist"], make)];

/// Original and copy.
struct Copies(Vec<(Utf8PathBuf, Utf8PathBuf)>);

fn make(scope: &mut Scope<'_, '_>) -> Result<Box<dyn Recipe>, Stop> {
    let folder = scope.required("target-directory")?;
    let folder = scope.path(&folder);
    let mut copies = Vec::new();
    for text in scope.words("file-list")? {
        let original = scope.path(&text);
        let Some(name) = original.file_name() else {
            let message = format!("`{text}` names no file");
            return Err(scope.fault("file-list", Code::BadOption, message).into());
        };
        copies.push((original.clone(), folder.join(name)));
    }
    Ok(Box::new(Copies(copies)))
}

impl Recipe for Copies {
    fn install(&mut self, work: &mut Work<'_>) -> Result<()> {
        for (original, copy) in &self.0 {
            let content = work.read(original.as_str())?;
            let mode = std::fs::metadata(original)
                .map_err(|source| Error::io("read", original, &source))?
                .permissions()
                .mode();
            work.write(copy, &content, Mode::Exact(mode & 0o7777))?;
        }
        Ok(())
    }
}
