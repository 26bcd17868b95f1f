//! `slapos.cookbook:jsondump`: the options of the part as JSON. In: `json-output`, and whatever shall be in it.

use slapos_jinja::Value;

use super::{Kind, Recipe, WriteFile};
use crate::engine::{Scope, Stop};
use crate::error::{Code, Error, Result};
use crate::files::Mode;

pub(super) static KINDS: [Kind; 1] = [Kind::pure(&["slapos.cookbook:jsondump"], make)];

fn make(scope: &mut Scope<'_, '_>) -> Result<Box<dyn Recipe>, Stop> {
    let path = scope.required("json-output")?;
    let mut options = Vec::new();
    for name in scope.option_names() {
        if name != "json-output"
            && let Some(value) = scope.option(&name)?
        {
            options.push((name, value));
        }
    }
    let json = Value::dict(options)
        .to_json()
        .map_err(|error| Error::new(Code::BadOption, error.message()))?;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap_or_default();
    WriteFile::boxed(scope.path(&path), format!("{json:#}"), Mode::Exact(0o600))
}
