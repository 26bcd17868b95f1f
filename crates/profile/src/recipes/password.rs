//! `slapos.cookbook:generate.password`: a random password, made once and kept in a file.
//!
//! In: `bytes` (16 letters and digits), `storage-path` (default `parts/<name>`; empty: not stored), `create-once`
//! (true: the file outlives the part), `passwd` (use this one). Out: `passwd`, and whoever asks for it
//! `passwd-<scheme>`, its hash, which is kept with it; all are secrets.

mod scheme;

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use rand::Rng as _;
use rand::distr::Alphanumeric;
use slapos_jinja::Value;

use super::{Kind, Recipe};
use crate::engine::{Scope, Stop, Work};
use crate::error::{Code, Error, Result};
use crate::files::{self, Keep, Mode};

pub(super) static KINDS: [Kind; 1] = [Kind::new(&["slapos.cookbook:generate.password"], make)];

/// The password under the empty name, and its hashes under `passwd-<scheme>`.
type Forms = BTreeMap<String, String>;

struct Password {
    path: Option<Utf8PathBuf>,
    forms: Forms,
    create_once: bool,
}

fn make(scope: &mut Scope<'_, '_>) -> Result<Box<dyn Recipe>, Stop> {
    let path = match scope.option("storage-path")? {
        Some(_) => scope.text("storage-path")?.map(|text| scope.path(&text)),
        None => {
            let parts = scope.reference("buildout:parts-directory")?;
            Some(scope.path(parts.as_str().unwrap_or_default()).join(scope.name()))
        }
    };
    let length: usize = match scope.text("bytes")?.map(|text| text.trim().parse()) {
        None => 16,
        Some(Ok(length @ 1..=1024)) => length,
        Some(_) => {
            return Err(scope
                .fault("bytes", Code::BadOption, "`bytes` must be a number from 1 to 1024")
                .into());
        }
    };
    let given = scope.text("passwd")?;
    let stored = path.as_deref().filter(|path| scope.exists(path)).map_or(Ok(None), read);
    let stored = stored.map_err(|error| scope.place(error, "storage-path"))?;
    let fresh = |password: String| Forms::from([(String::new(), password)]);
    let forms = match (given, stored) {
        (Some(given), Some(forms)) if forms[""] == given => forms,
        (Some(given), _) => fresh(given),
        (None, Some(forms)) => forms,
        (None, None) => fresh(generate(length)),
    };
    scope.set_secret("passwd", forms[""].as_str());
    let create_once = scope.flag("create-once", true)?;
    Ok(Box::new(Password { path, forms, create_once }))
}

fn generate(length: usize) -> String {
    rand::rng().sample_iter(Alphanumeric).take(length).map(char::from).collect()
}

/// What was kept: JSON of all forms under their names, or, from old times, nothing but the password.
fn read(path: &Utf8Path) -> Result<Option<Forms>> {
    let Some(text) = files::kept(path)? else {
        return Ok(None);
    };
    let forms = parse(&text).ok_or_else(|| files::damaged(path, "it holds no password"))?;
    Ok(Some(forms))
}

fn parse(text: &str) -> Option<Forms> {
    if text.starts_with('{') {
        let forms: Forms = serde_json::from_str(text).ok()?;
        return forms.get("").is_some_and(|password| !password.is_empty()).then_some(forms);
    }
    Some(Forms::from([(String::new(), text.trim().to_owned())]))
}

impl Recipe for Password {
    fn install(&mut self, work: &mut Work<'_>) -> Result<()> {
        let Some(path) = &self.path else {
            return Ok(());
        };
        let text = serde_json::json!(self.forms).to_string();
        if !self.create_once {
            work.record(path)?;
        }
        work.write_unrecorded(path, text.as_bytes(), Mode::Exact(0o600), Keep::Durable)
    }

    fn option_on_demand(&mut self, option: &str) -> Result<Option<Value>> {
        let Some(scheme) = option.strip_prefix("passwd-") else {
            return Ok(None);
        };
        if let Some(known) = self.forms.get(option) {
            return Ok(Some(Value::from(known.as_str())));
        }
        let Some(hash) = scheme::hash(scheme, &self.forms[""]) else {
            let message = format!("a password cannot be hashed with `{scheme}`");
            return Err(Error::new(Code::Unsupported, message)
                .with_hint(format!("known are {}", scheme::SCHEMES.join(", ")))
                .with_nearest(scheme, scheme::SCHEMES));
        };
        self.forms.insert(option.to_owned(), hash.clone());
        Ok(Some(Value::from(hash)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_the_file_are_read() {
        let table = [
            ("{\"\": \"secret\"}", Some("secret")),
            ("old one\n", Some("old one")),
            ("{bad", None),
            ("{\"\": \"\"}", None),
        ];
        for (text, expected) in table {
            assert_eq!(parse(text).map(|forms| forms[""].clone()).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn passwords_are_letters_and_digits_and_differ() {
        let (one, two) = (generate(40), generate(40));
        assert!(one.len() == 40 && one.chars().all(|c| c.is_ascii_alphanumeric()));
        assert_ne!(one, two);
    }
}
