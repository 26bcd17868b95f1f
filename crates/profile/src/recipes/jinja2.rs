//! `slapos.recipe.template:jinja2`: a file rendered by Jinja2.
//!
//! In: `output` (old: `rendered`), `url` (old: `template`) or `inline`, `context` (lines *type name expression*),
//! `import-list` (lines *kind alias place*), `import-delimiter`, `extensions`, `mode`, `md5sum`, `once`,
//! `encoding` (only UTF-8).
//! The context is read by the constructor, so what it names comes first; the template when it is installed, since
//! another part may make it. The file is written only when it differs.

use std::cell::RefCell;
use std::rc::Rc;

use camino::{Utf8Path, Utf8PathBuf};
use slapos_jinja::{Context, Options, Template, Value};

use super::download::check_md5;
use super::template::{mode_for, output, write_rendered};
use super::{Kind, Recipe};
use crate::engine::{Scope, Stop, Work};
use crate::error::{Code, Error, Place, Result};
use crate::files::{self, Keep, Mode};

mod functions;
mod imports;

pub(super) static KINDS: [Kind; 1] = [Kind::pure(&["slapos.recipe.template:jinja2"], make)];

struct Jinja2 {
    text: Text,
    md5sum: Option<String>,
    output: Utf8PathBuf,
    mode: Option<Mode>,
    once: Option<Utf8PathBuf>,
    options: Options,
    variables: Vec<(String, Value)>,
    imports: Vec<imports::Import>,
    looked_at: functions::LookedAt,
}

/// Where the template is.
enum Text {
    Inline(String),
    At(String),
}

fn make(scope: &mut Scope<'_, '_>) -> Result<Box<dyn Recipe>, Stop> {
    only_utf8(scope)?;
    let text = text(scope)?;
    let output = output(scope)?;
    let mut options = Options::default();
    for extension in scope.words("extensions")? {
        options
            .enable(&extension)
            .map_err(|error| scope.place_of(template_error(&error), "extensions", &extension))?;
    }
    let mut variables: Vec<(String, Value)> = Vec::new();
    let looked_at = functions::LookedAt::default();
    for line in scope.lines("context")? {
        let (name, value) = variable(scope, &line, &looked_at).map_err(|stop| match stop {
            Stop::Error(error) => Stop::Error(scope.place_of(error, "context", &line)),
            waiting @ Stop::Waiting(_) => waiting,
        })?;
        let taken = match functions::is_default(&name) {
            true => Some("is a function that every template has"),
            false => variables.iter().any(|(known, _)| *known == name).then_some("is given twice"),
        };
        if let Some(taken) = taken {
            let error = Error::new(Code::BadOption, format!("`{name}` of the context {taken}"));
            return Err(scope.place_of(error, "context", &line).into());
        }
        variables.push((name, value));
    }
    Ok(Box::new(Jinja2 {
        text,
        md5sum: scope.text("md5sum")?,
        output,
        mode: scope.mode("mode")?,
        once: scope.text("once")?.map(|text| scope.path(&text)),
        options,
        variables,
        imports: imports::read(scope)?,
        looked_at,
    }))
}

/// Refuses other encodings of template and output than UTF-8, the usual one.
fn only_utf8(scope: &mut Scope<'_, '_>) -> Result<(), Stop> {
    let Some(encoding) = scope.text("encoding")? else {
        return Ok(());
    };
    let encoding = encoding.trim();
    if ["utf-8", "utf8", "utf_8"].iter().any(|name| encoding.eq_ignore_ascii_case(name)) {
        return Ok(());
    }
    let message = format!("templates are UTF-8, not `{encoding}`");
    let error = scope.fault("encoding", Code::Unsupported, message);
    Err(error.with_hint("convert the template, and what reads its result").into())
}

fn text(scope: &mut Scope<'_, '_>) -> Result<Text, Stop> {
    if let Some(inline) = scope.text("inline")? {
        return Ok(Text::Inline(inline));
    }
    let option = if scope.option("url")?.is_none() && scope.option("template")?.is_some() {
        "template"
    } else {
        "url"
    };
    let url = scope.required(option)?;
    Ok(match url.trim_start().strip_prefix("inline:") {
        Some(inline) => Text::Inline(inline.trim_start_matches('\n').to_owned()),
        None => Text::At(scope.location(&url)),
    })
}

/// The first word, and what follows it.
fn word(text: &str) -> (&str, &str) {
    let text = text.trim();
    let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    (word, rest.trim())
}

/// One line of the context: its name and value.
fn variable(
    scope: &mut Scope<'_, '_>,
    line: &str,
    looked_at: &functions::LookedAt,
) -> Result<(String, Value), Stop> {
    let (kind, rest) = word(line);
    let (name, expression) = word(rest);
    if name.is_empty() {
        let error = Error::new(Code::BadOption, format!("`{line}` is not `type name expression`"));
        return Err(error.into());
    }
    let json = |text: &str| {
        Value::from_json(text).map_err(|error| {
            Error::new(Code::BadOption, format!("`{name}` is not JSON: {}", error.message))
        })
    };
    let value = match kind {
        "raw" => Value::from(expression),
        "key" => scope.reference(expression)?,
        "section" => Value::dict(scope.section(expression)?),
        "json" => json(expression)?,
        "jsonkey" => json(scope.reference(expression)?.as_str().unwrap_or_default())?,
        "import" => functions::module(expression, looked_at).ok_or_else(|| {
            Error::new(
                Code::Unsupported,
                format!("the Python module `{expression}` is not offered to templates"),
            )
            .with_hint(format!("{} are", functions::module_names().collect::<Vec<_>>().join(", ")))
        })?,
        other => {
            let kinds = ["raw", "key", "section", "json", "jsonkey", "import"];
            let error =
                Error::new(Code::BadOption, format!("`{other}` is no type of a context line"));
            return Err(match slapos_nearest::nearest(other, kinds) {
                Some(name) => error.with_hint(format!("did you mean `{name}`?")),
                None => error.with_hint(format!("known are {}", kinds.join(", "))),
            }
            .into());
        }
    };
    Ok((name.to_owned(), value))
}

impl Recipe for Jinja2 {
    fn check(&self, work: &mut Work<'_>) -> Result<()> {
        let (name, source) = self.source(work)?;
        let template = Template::compile(&name, &source, self.options)
            .map_err(|error| template_error(&error))?;
        let undefined = template.undefined_names(&self.context());
        match Error::of(undefined.iter().map(template_error).collect()) {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    fn install(&mut self, work: &mut Work<'_>) -> Result<()> {
        if let Some(marker) = &self.once
            && work.exists(marker)
        {
            return Ok(());
        }
        let (name, source) = self.source(work)?;
        let text = self.render(work, &name, &source)?;
        match &self.once {
            None => write_rendered(work, &self.output, &text, self.mode),
            Some(marker) => {
                let mode = mode_for(&text, self.mode);
                work.write_unrecorded(&self.output, text.as_bytes(), mode, Keep::Durable)?;
                work.write_unrecorded(marker, b"", Mode::Plain, Keep::Durable)
            }
        }
    }
}

impl Jinja2 {
    fn source(&self, work: &mut Work<'_>) -> Result<(String, String)> {
        let place = match &self.text {
            Text::Inline(text) => return Ok((format!("[{}] inline", work.part), text.clone())),
            Text::At(place) => place,
        };
        let bytes = work.read(place)?;
        if let Some(wanted) = &self.md5sum {
            check_md5(place, &bytes, wanted)?;
        }
        let text = String::from_utf8(bytes)
            .map_err(|_| Error::new(Code::Unreadable, format!("{place} is not UTF-8 text")))?;
        Ok((place.clone(), text))
    }

    /// All that the template can name.
    fn context(&self) -> Context {
        let mut context = Context::new();
        functions::define(&mut context);
        for (name, value) in &self.variables {
            context.set(name, value.clone());
        }
        context
    }

    fn render(&self, work: &mut Work<'_>, name: &str, source: &str) -> Result<String> {
        let template = Template::compile(name, source, self.options)
            .map_err(|error| template_error(&error))?;
        let mut context = self.context();
        let read: Rc<RefCell<Vec<Utf8PathBuf>>> = Rc::default();
        let (imports, log) = (self.imports.clone(), Rc::clone(&read));
        context.set_loader(move |name| {
            let Some(path) = imports.iter().find_map(|import| import.path(name)) else {
                return Ok(None);
            };
            log.borrow_mut().push(path.clone());
            load(&path)
        });
        let text = template.render(&context);
        let read = read.take();
        for path in read.iter().chain(self.looked_at.borrow().iter()) {
            work.depends_on(path);
        }
        text.map_err(|error| {
            if error.kind() == slapos_jinja::ErrorKind::NoTemplate
                && let Some(absent) = read.last().filter(|path| !path.exists())
            {
                return template_error(&error).with_hint(format!("{absent} is not there"));
            }
            let alias = error.place().map(|place| place.template.clone());
            let path = alias.and_then(|alias| self.imports.iter().find_map(|i| i.path(&alias)));
            match path {
                Some(path) => template_error(&error).in_file(path.as_str()),
                None => template_error(&error),
            }
        })
    }
}

/// The text of an imported file; `None` if it is not there, which a template may ignore.
fn load(path: &Utf8Path) -> slapos_jinja::Result<Option<String>> {
    let host = |message: String| slapos_jinja::Error::new(slapos_jinja::ErrorKind::Host, message);
    let bytes = files::read_if_there(path).map_err(|error| host(error.to_string()))?;
    let text = bytes.map(String::from_utf8).transpose();
    text.map_err(|_| host(format!("{path} is not UTF-8 text")))
}

/// An error of a template as one of the profile.
fn template_error(error: &slapos_jinja::Error) -> Error {
    let mut told = Error::new(Code::Template, error.message());
    if let Some(hint) = error.hint() {
        told = told.with_hint(hint);
    }
    match error.place() {
        Some(place) => told.at(|| Place {
            file: place.template.clone(),
            line: place.line,
            column: place.column,
            text: place.text.clone(),
        }),
        None => told,
    }
}
