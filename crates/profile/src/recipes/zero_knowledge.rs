//! `slapos.cookbook:zero-knowledge.read` and `.write`: options that live in a file of the partition, which people
//! may edit and the master never sees.
//!
//! In: `filename` (in the directory) or `file-path`. Reading: every option of the file becomes an option. Writing:
//! options that the file does not have yet are added to the section of the part's name; the file outlives the part.

use camino::{Utf8Path, Utf8PathBuf};
use ini::{EscapePolicy, Ini, LineSeparator, ParseOption, WriteOption};

use super::{Kind, OptionsOnly, Recipe};
use crate::engine::{Scope, Stop, Work};
use crate::error::{Code, Error, Result};
use crate::files::{self, Keep, Mode};

pub(super) static KINDS: [Kind; 2] = [
    Kind::new(&["slapos.cookbook:zero-knowledge.read"], read),
    Kind::new(&["slapos.cookbook:zero-knowledge.write"], write),
];

/// The options that say where the file is.
const PLACES: [&str; 2] = ["filename", "file-path"];

fn path(scope: &mut Scope<'_, '_>) -> Result<Utf8PathBuf, Stop> {
    let text = match scope.text("filename")? {
        Some(text) => text,
        None => scope.required("file-path")?,
    };
    Ok(scope.path(&text))
}

fn load(path: &Utf8Path) -> Result<Ini> {
    if !path.exists() {
        return Ok(Ini::new());
    }
    let text = String::from_utf8(files::read(path)?)
        .map_err(|_| Error::new(Code::Unreadable, format!("{path} is not UTF-8 text")))?;
    let python = ParseOption {
        enabled_quote: false,
        enabled_escape: false,
        enabled_indented_mutiline_value: true,
        ..ParseOption::default()
    };
    Ini::load_from_str_opt(&text, python).map_err(|error| {
        Error::new(
            Code::Unreadable,
            format!("{path} is not `[section]` and `option = value`: {error}"),
        )
    })
}

fn read(scope: &mut Scope<'_, '_>) -> Result<Box<dyn Recipe>, Stop> {
    let path = path(scope)?;
    if scope.exists(&path) {
        scope.read(path.as_str())?; // a change of it is a change of the part
    }
    for (_, options) in &load(&path)? {
        for (option, text) in options {
            scope.set_secret(&option.to_lowercase(), text);
        }
    }
    Ok(Box::new(OptionsOnly))
}

struct Write {
    path: Utf8PathBuf,
    section: String,
    options: Vec<(String, String)>,
}

fn write(scope: &mut Scope<'_, '_>) -> Result<Box<dyn Recipe>, Stop> {
    let path = path(scope)?;
    let mut options = Vec::new();
    for option in scope.option_names() {
        if !PLACES.contains(&option.as_str()) {
            options.push((option.to_lowercase(), scope.text(&option)?.unwrap_or_default()));
        }
    }
    Ok(Box::new(Write { path, section: scope.name().to_owned(), options }))
}

impl Recipe for Write {
    fn install(&mut self, work: &mut Work<'_>) -> Result<()> {
        work.depends_on(&self.path);
        let mut ini = load(&self.path)?;
        let section = ini.entry(Some(self.section.clone())).or_insert_with(Default::default);
        for (option, text) in &self.options {
            if !section.contains_key(option) {
                section.append(option, text.replace('\n', "\n\t"));
            }
        }
        let mut text = Vec::new();
        let python = WriteOption {
            escape_policy: EscapePolicy::Nothing,
            line_separator: LineSeparator::CR,
            kv_separator: " = ",
        };
        ini.write_to_opt(&mut text, python)
            .map_err(|source| Error::io("write", &self.path, &source))?;
        work.write_unrecorded(&self.path, &text, Mode::Exact(0o600), Keep::Durable)
    }
}
