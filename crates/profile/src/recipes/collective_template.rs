//! `collective.recipe.template`: a file whose `${section:option}` are filled; `${option}` is an own one.
//!
//! In: `input` (a path, or text after `inline:`), `inline` or `url`, `output`, `mode` (else that of the input),
//! `overwrite` (true; otherwise a file that is there stays, and outlives the part).

use std::os::unix::fs::PermissionsExt;

use camino::Utf8PathBuf;

use super::template::{mode_for, output};
use super::{Kind, Recipe};
use crate::engine::{Scope, Stop, Work};
use crate::error::{Code, Error, Result};
use crate::files::{Keep, Mode};

pub(super) static KINDS: [Kind; 1] =
    [Kind::new(&["collective.recipe.template", "collective.recipe.template:default"], make)];

struct Template {
    text: String,
    output: Utf8PathBuf,
    mode: Mode,
    overwrite: bool,
}

fn make(scope: &mut Scope<'_, '_>) -> Result<Box<dyn Recipe>, Stop> {
    let (file, text, born) = source(scope)?;
    let output = output(scope)?;
    let mode = scope.mode("mode")?.or(born);
    let text = own_references(&text, scope.name());
    let text = scope.substitute(&file, &text)?;
    let mode = mode_for(&text, mode);
    let overwrite = scope.flag("overwrite", true)?;
    Ok(Box::new(Template { text, output, mode, overwrite }))
}

/// Name, text and permissions of the template.
fn source(scope: &mut Scope<'_, '_>) -> Result<(String, String, Option<Mode>), Stop> {
    let (inline, input) = (scope.text("inline")?, scope.text("input")?);
    let inside = |option: &str| format!("[{}] {option}", scope.name());
    match (inline, input) {
        (Some(_), Some(_)) => {
            let message = "`inline` and `input` cannot both be the template";
            Err(scope.fault("inline", Code::BadOption, message).into())
        }
        (Some(text), None) => Ok((inside("inline"), text.trim_start().to_owned(), None)),
        (None, Some(input)) => match input.trim_start().strip_prefix("inline:") {
            Some(text) => Ok((inside("input"), text.trim_start().to_owned(), None)),
            None => read(scope, &input, "input"),
        },
        (None, None) => {
            let url = scope.required("url")?;
            read(scope, &url, "url")
        }
    }
}

fn read(
    scope: &mut Scope<'_, '_>,
    place: &str,
    option: &str,
) -> Result<(String, String, Option<Mode>), Stop> {
    let place = scope.location(place);
    let bytes = scope.read(&place).map_err(|error| scope.place(error, option))?;
    let text = String::from_utf8(bytes).map_err(|_| {
        scope.place(Error::new(Code::Unreadable, format!("{place} is not UTF-8 text")), option)
    })?;
    let mode = std::fs::metadata(&place).ok().filter(|_| option == "input");
    let mode = mode.map(|meta| Mode::Exact(meta.permissions().mode() & 0o7777));
    Ok((place, text, mode))
}

/// `${option}` as `${section:option}`; the references keep their lines.
fn own_references(text: &str, section: &str) -> String {
    let (mut whole, mut rest) = (String::new(), text);
    while let Some(start) = rest.find("${") {
        let (before, from) = rest.split_at(start);
        whole.push_str(before);
        let inside = from.find('}').map(|end| &from[2..end]);
        match inside {
            Some(name) if !name.is_empty() && !name.contains(':') => {
                whole.push_str(&format!("${{{section}:{name}}}"));
                rest = &from[name.len() + 3..];
            }
            _ => {
                whole.push_str("${");
                rest = &from[2..];
            }
        }
    }
    whole.push_str(rest);
    whole
}

impl Recipe for Template {
    fn install(&mut self, work: &mut Work<'_>) -> Result<()> {
        let text = self.text.as_bytes();
        match (self.overwrite, work.exists(&self.output)) {
            (true, _) => work.write(&self.output, text, self.mode),
            (false, true) => Ok(()),
            (false, false) => work.write_unrecorded(&self.output, text, self.mode, Keep::Renewable),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::own_references;

    #[test]
    fn a_name_without_section_is_an_own_option() {
        let table = [
            ("${a} ${b:c}", "${s:a} ${b:c}"),
            ("$ {a} ${} ${", "$ {a} ${} ${"),
            ("${a-b.c}${:d}", "${s:a-b.c}${:d}"),
        ];
        for (text, expected) in table {
            assert_eq!(own_references(text, "s"), expected, "{text}");
        }
    }
}
