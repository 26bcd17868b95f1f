//! `slapos.recipe.template`: a file whose `${section:option}` are filled by this profile; `$$` becomes `$`.
//!
//! In: `url` or `inline`, `output`, `mode`, `md5sum`. What the text refers to comes before this part.

use camino::{Utf8Path, Utf8PathBuf};
use rustix::fs::Access;

use super::download::check_md5;
use super::{Kind, Recipe};
use crate::engine::{Scope, Stop, Work};
use crate::error::{Code, Error, Result};
use crate::files::Mode;

pub(super) static KINDS: [Kind; 1] =
    [Kind::pure(&["slapos.recipe.template", "slapos.recipe.template:default"], make)];

struct Template {
    text: String,
    output: Utf8PathBuf,
    mode: Option<Mode>,
}

fn make(scope: &mut Scope<'_, '_>) -> Result<Box<dyn Recipe>, Stop> {
    let (file, text) = source(scope)?;
    let output = output(scope)?;
    let mode = scope.mode("mode")?;
    let text = scope.substitute(&file, &text)?;
    Ok(Box::new(Template { text, output, mode }))
}

/// The name and text of the template that a part names.
pub(super) fn source(scope: &mut Scope<'_, '_>) -> Result<(String, String), Stop> {
    if let Some(inline) = scope.option("inline")?.filter(|value| value.as_str() != Some("")) {
        let text = inline.text();
        let text = text.map_err(|error| scope.fault("inline", Code::BadOption, error.message()))?;
        return Ok((format!("[{}] inline", scope.name()), text.to_string())); // perhaps nothing but a blank
    }
    let option = if scope.option("url")?.is_none() && scope.option("template")?.is_some() {
        "template"
    } else {
        "url"
    };
    let url = scope.required(option)?;
    if let Some(inline) = url.trim_start().strip_prefix("inline:") {
        return Ok((
            format!("[{}] {option}", scope.name()),
            inline.trim_start_matches('\n').to_owned(),
        ));
    }
    let place = scope.location(&url);
    let bytes = scope.read(&place).map_err(|error| scope.place(error, option))?;
    if let Some(wanted) = scope.text("md5sum")? {
        check_md5(&place, &bytes, &wanted).map_err(|error| scope.place(error, "md5sum"))?;
    }
    let text = String::from_utf8(bytes).map_err(|_| {
        scope.place(Error::new(Code::Unreadable, format!("{place} is not UTF-8 text")), option)
    })?;
    Ok((place, text))
}

/// The file that a part writes. Its option stays as it is written, but a relative path becomes absolute.
pub(super) fn output(scope: &mut Scope<'_, '_>) -> Result<Utf8PathBuf, Stop> {
    let option = if scope.option("output")?.is_none() && scope.option("rendered")?.is_some() {
        "rendered"
    } else {
        "output"
    };
    let text = scope.required(option)?;
    let path = scope.path(&text);
    if !text.starts_with('/') {
        scope.set_open(option, path.as_str());
    }
    Ok(path)
}

/// Permissions of a rendered file: executable if it names its interpreter, and that can be run.
pub(super) fn mode_for(text: &str, mode: Option<Mode>) -> Mode {
    let runs = |path: &Utf8Path| {
        path.is_absolute() && rustix::fs::access(path.as_std_path(), Access::EXEC_OK).is_ok()
    };
    mode.unwrap_or_else(|| match interpreter(text) {
        Some(path) if runs(path) => Mode::Runnable,
        _ => Mode::Plain,
    })
}

/// The interpreter that a script names in its first line.
fn interpreter(text: &str) -> Option<&Utf8Path> {
    let line = text.strip_prefix("#!")?.lines().next()?;
    line.split_whitespace().next().map(Utf8Path::new)
}

/// As [`Work::write`], with the permissions of a rendered file.
pub(super) fn write_rendered(
    work: &mut Work<'_>,
    output: &Utf8Path,
    text: &str,
    mode: Option<Mode>,
) -> Result<()> {
    if let (None, Some(interpreter)) = (mode, interpreter(text)) {
        work.depends_on(interpreter);
    }
    work.write(output, text.as_bytes(), mode_for(text, mode))
}

impl Recipe for Template {
    fn install(&mut self, work: &mut Work<'_>) -> Result<()> {
        write_rendered(work, &self.output, &self.text, self.mode)
    }
}
