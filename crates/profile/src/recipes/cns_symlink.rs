//! `cns.recipe.symlink`: links, where nothing is yet.
//!
//! In: `symlink`, lines `source = link`; without link, or where the link is a folder for a source below
//! `symlink_base`, the link has the name of the source in `symlink_target`. A source that is missing is left out.

use camino::{Utf8Path, Utf8PathBuf};

use super::{Kind, Recipe};
use crate::engine::{Scope, Stop, Work};
use crate::error::{Code, Result};

pub(super) static KINDS: [Kind; 1] =
    [Kind::new(&["cns.recipe.symlink", "cns.recipe.symlink:default"], make)];

/// Source and link.
struct Links(Vec<(Utf8PathBuf, Utf8PathBuf)>);

fn make(scope: &mut Scope<'_, '_>) -> Result<Box<dyn Recipe>, Stop> {
    scope.refuse(&["eggs", "develop", "bulk", "ignore", "autocreate"])?;
    let folder = scope.text("symlink_target")?.map(|text| scope.path(&text));
    let base = scope.text("symlink_base")?.map(|text| scope.path(&text));
    let mut links = Vec::new();
    for line in scope.lines("symlink")? {
        let (source, link) = line.split_once('=').unwrap_or((&line, ""));
        let (source, link) = (source.trim(), link.trim());
        let below = base.as_ref().filter(|_| !Utf8Path::new(source).is_absolute());
        let link = if link.is_empty() { folder.clone() } else { Some(scope.path(link)) };
        let source = below.map_or_else(|| scope.path(source), |base| base.join(source));
        let (Some(mut link), Some(name)) = (link, source.file_name()) else {
            let message =
                format!("`{line}` is not `source = link`, and there is no `symlink_target`");
            return Err(scope.fault("symlink", Code::BadOption, message).into());
        };
        if below.is_some() && link.is_dir() {
            link.push(name);
        }
        links.push((source, link));
    }
    Ok(Box::new(Links(links)))
}

impl Recipe for Links {
    fn install(&mut self, work: &mut Work<'_>) -> Result<()> {
        for (source, link) in &self.0 {
            work.depends_on(source);
            match (link.exists(), source.exists()) {
                (false, false) => {}
                (false, true) => work.link(link, source)?,
                // What was there before and is no link is somebody's; it stays when the part goes.
                (true, _) if link.is_symlink() => work.record(link)?,
                (true, _) => {}
            }
        }
        Ok(())
    }
}
