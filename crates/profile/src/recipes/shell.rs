//! `slapos.cookbook:shell`: a script that starts a shell with its environment.
//!
//! In: `wrapper`, `shell`, `home`, `path` (one folder a line), `ps1` (a text in JSON).

use super::script::Script;
use super::{Kind, Recipe, WriteFile};
use crate::engine::{Scope, Stop};
use crate::error::{Code, Result};
use crate::files::Mode;

pub(super) static KINDS: [Kind; 1] = [Kind::pure(&["slapos.cookbook:shell"], make)];

fn make(scope: &mut Scope<'_, '_>) -> Result<Box<dyn Recipe>, Stop> {
    let wrapper = scope.required("wrapper")?;
    let shell = scope.required("shell")?.trim().to_owned();
    let prompt: String = match scope.text("ps1")? {
        None => "> ".to_owned(),
        Some(json) => serde_json::from_str(&json).map_err(|error| {
            scope.fault("ps1", Code::BadOption, format!("it is no text in JSON: {error}"))
        })?,
    };
    let environment = [
        ("HOME", scope.required("home")?.trim().to_owned()),
        ("PATH", scope.lines("path")?.join(":")),
        ("PS1", prompt),
        ("SHELL", shell.clone()),
    ];
    let environment = environment.map(|(name, value)| (name.to_owned(), value)).into();
    let script = Script { environment, ..Script::of([shell]) };
    WriteFile::boxed(scope.path(&wrapper), script.text(), Mode::Exact(0o700))
}
