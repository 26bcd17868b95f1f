//! `slapos.cookbook:readline`: the first line of a file as option.
//!
//! In: `storage-path`, `when-absent`. Out: `readline`, with the end of the line.

use camino::Utf8PathBuf;

use super::{Kind, OptionsOnly, Recipe};
use crate::engine::{Scope, Stop, Work};
use crate::error::{Code, Error, Result};

pub(super) static KINDS: [Kind; 1] = [Kind::new(&["slapos.cookbook:readline"], make)];

/// The file is not there, and nothing stands for it.
struct Missing(Utf8PathBuf);

fn make(scope: &mut Scope<'_, '_>) -> Result<Box<dyn Recipe>, Stop> {
    let path = scope.required("storage-path")?;
    let path = scope.path(&path);
    if scope.exists(&path) {
        let bytes =
            scope.read(path.as_str()).map_err(|error| scope.place(error, "storage-path"))?;
        let text = String::from_utf8_lossy(&bytes);
        scope.set_secret("readline", text.split_inclusive('\n').next().unwrap_or_default());
        return Ok(Box::new(OptionsOnly));
    }
    match scope.option("when-absent")? {
        Some(text) => {
            scope.set("readline", text);
            Ok(Box::new(OptionsOnly))
        }
        None => {
            scope.set("readline", slapos_jinja::Value::None);
            Ok(Box::new(Missing(path)))
        }
    }
}

impl Recipe for Missing {
    fn install(&mut self, work: &mut Work<'_>) -> Result<()> {
        work.depends_on(&self.0);
        let message = format!("{} is not there to be read", self.0);
        Err(Error::new(Code::File, message)
            .with_hint("give `when-absent`, or let a part before this one make the file"))
    }
}
