//! `slapos.cookbook:symbolic.link`: links, by base name, in one folder.
//!
//! In: `target-directory`, `link-binary` (paths). Replaces only links.

use camino::Utf8PathBuf;

use super::{Kind, Recipe};
use crate::engine::{Scope, Stop, Work};
use crate::error::{Code, Result};

pub(super) static KINDS: [Kind; 1] = [Kind::new(&["slapos.cookbook:symbolic.link"], make)];

struct Links(Vec<(Utf8PathBuf, Utf8PathBuf)>);

fn make(scope: &mut Scope<'_, '_>) -> Result<Box<dyn Recipe>, Stop> {
    let folder = scope.required("target-directory")?;
    let folder = scope.path(&folder);
    let mut links = Vec::new();
    for target in scope.words("link-binary")? {
        let target = scope.path(&target);
        let Some(name) = target.file_name() else {
            return Err(scope
                .fault("link-binary", Code::BadOption, format!("`{target}` names no file"))
                .into());
        };
        links.push((folder.join(name), target.clone()));
    }
    Ok(Box::new(Links(links)))
}

impl Recipe for Links {
    fn install(&mut self, work: &mut Work<'_>) -> Result<()> {
        for (link, target) in &self.0 {
            work.link(link, target)?;
        }
        Ok(())
    }
}
