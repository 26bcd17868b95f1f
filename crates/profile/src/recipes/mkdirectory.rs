//! `slapos.cookbook:mkdirectory`: folders that nobody removes.
//!
//! In: every option but `recipe` and `mode` (0777, less the umask) is a path.

use camino::Utf8PathBuf;

use super::{Kind, Recipe};
use crate::engine::{Scope, Stop, Work};
use crate::error::Result;
use crate::files::Mode;

pub(super) static KINDS: [Kind; 1] =
    [Kind::new(&["slapos.cookbook:mkdirectory", "slapos.recipe.build:mkdirectory"], make)];

struct Folders {
    paths: Vec<Utf8PathBuf>,
    mode: u32,
}

fn make(scope: &mut Scope<'_, '_>) -> Result<Box<dyn Recipe>, Stop> {
    let mode = match scope.mode("mode")? {
        Some(Mode::Exact(mode)) => mode,
        _ => 0o777,
    };
    let mut paths = Vec::new();
    for option in scope.option_names() {
        if option != "mode"
            && let Some(text) = scope.text(&option)?
        {
            paths.push(scope.path(&text));
        }
    }
    paths.sort();
    Ok(Box::new(Folders { paths, mode }))
}

impl Recipe for Folders {
    fn install(&mut self, work: &mut Work<'_>) -> Result<()> {
        for path in &self.paths {
            work.folder(path, self.mode)?;
        }
        Ok(())
    }
}
