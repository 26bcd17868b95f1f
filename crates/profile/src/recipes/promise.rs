//! `slapos.cookbook:promise.plugin`: a promise of the instance.
//!
//! In: `module` or `file`, `class` (`RunPromise`), `output`, `mode` (0644), `eggs`, `config-*`. Writes the Python
//! launcher that SlapOS's promise runner loads, and for checks that need no Python a description beside it,
//! `<output without .py>.json`: `{"module", "class", "config"}`.

use std::fmt::Write as _;

use camino::{Utf8Path, Utf8PathBuf};
use serde_json::json;
use slapos_jinja::Value;

use super::{Kind, Recipe};
use crate::engine::{Scope, Stop, Work};
use crate::error::{Code, Error, Result};
use crate::files::Mode;

pub(super) static KINDS: [Kind; 1] =
    [Kind { version: 3, ..Kind::pure(&["slapos.cookbook:promise.plugin"], make) }];

/// Folder of the checks that need no Python.
const PACKAGE: &str = "slapos.promise.plugin.";
const NATIVE: [&str; 6] = [
    "check_certificate",
    "check_command_execute",
    "check_file_state",
    "check_free_disk_space",
    "check_socket_listening",
    "check_url_available",
];

struct Promise {
    output: Utf8PathBuf,
    mode: Mode,
    launcher: String,
    description: Option<String>,
}

fn make(scope: &mut Scope<'_, '_>) -> Result<Box<dyn Recipe>, Stop> {
    let output = super::template::output(scope)?;
    let mode = scope.mode("mode")?.unwrap_or(Mode::Exact(0o644));
    let class = scope.text("class")?.unwrap_or_else(|| "RunPromise".to_owned());
    let class = class.trim();
    let file = scope.text("file")?;
    let module =
        if file.is_some() { None } else { Some(scope.required("module")?.trim().to_owned()) };
    let identifier = |name: &str| name.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '.');
    if let Some(bad) =
        module.iter().map(String::as_str).chain([class]).find(|name| !identifier(name))
    {
        return Err(Error::new(
            Code::BadOption,
            format!("`{bad}` cannot name a Python module or class"),
        )
        .into());
    }
    let mut config = Vec::new();
    for option in scope.option_names() {
        if let Some(name) = option.strip_prefix("config-")
            && let Some(value) = scope.option(&option)?
        {
            config.push((name.to_owned(), value));
        }
    }
    let bad = |error: slapos_jinja::Error| Error::new(Code::BadOption, error.message());
    let native = module
        .as_deref()
        .filter(|module| module.strip_prefix(PACKAGE).is_some_and(|name| NATIVE.contains(&name)));
    let config = Value::dict(config);
    let description = native.map(|module| {
        let config = config.to_json().map_err(bad)?;
        let config: serde_json::Value = serde_json::from_str(&config).unwrap_or_default();
        Ok::<_, Error>(format!(
            "{:#}\n",
            json!({ "module": module, "class": class, "config": config })
        ))
    });
    let origin = match (&module, &file) {
        (Some(module), _) => Origin::Module(module),
        (None, Some(file)) => Origin::File(file.trim()),
        (None, None) => Origin::File(""),
    };
    let launcher = launcher(origin, class, &config.repr().map_err(bad)?);
    Ok(Box::new(Promise { output, mode, launcher, description: description.transpose()? }))
}

/// Where a promise class comes from.
#[derive(Clone, Copy)]
enum Origin<'a> {
    Module(&'a str),
    File(&'a str),
}

/// The Python file that defines `RunPromise` and `extra_config_dict`.
fn launcher(origin: Origin<'_>, class: &str, config: &str) -> String {
    let mut text = format!(
        "# Made from a profile; changes here do not last.\nimport sys\n\nextra_config_dict = {config}\n\n"
    );
    text.push_str(
        "for name in [name for name in sys.modules if name == 'slapos' or name.startswith('slapos.')]:\n  \
         if not name.startswith('slapos.grid'):\n    del sys.modules[name]\n\n",
    );
    let _infallible = match origin {
        Origin::Module(module) => writeln!(text, "from {module} import {class} as RunPromise"),
        Origin::File(file) => {
            let file = Value::from(file).repr().unwrap_or_default();
            writeln!(
                text,
                "import importlib.machinery, importlib.util\nloader = importlib.machinery.SourceFileLoader('promise_file', {file})\n\
                 spec = importlib.util.spec_from_loader('promise_file', loader)\n\
                 module = importlib.util.module_from_spec(spec)\nloader.exec_module(module)\n\
                 RunPromise = module.{class}"
            )
        }
    };
    text
}

/// Where the description lies; only `.py` goes, for `p-1.2` and `p-1.3` are two promises.
fn description_beside(output: &Utf8Path) -> Utf8PathBuf {
    let stem = output.as_str();
    Utf8PathBuf::from(format!("{}.json", stem.strip_suffix(".py").unwrap_or(stem)))
}

impl Recipe for Promise {
    fn install(&mut self, work: &mut Work<'_>) -> Result<()> {
        work.write(&self.output, self.launcher.as_bytes(), self.mode)?;
        match &self.description {
            Some(text) => work.write(&description_beside(&self.output), text.as_bytes(), self.mode),
            None => Ok(()),
        }
    }
}
