//! `slapos.cookbook:generate.password`: a random password, made once and kept in a file.
//!
//! In: `bytes` (16 letters and digits), `storage-path` (default `parts/<name>`; empty: not stored), `create-once`
//! (true: the file outlives the part), `passwd` (use this one). Out: `passwd`, a secret.

use camino::Utf8PathBuf;
use rand::Rng as _;
use rand::distr::Alphanumeric;

use super::{Kind, Recipe};
use crate::engine::{Scope, Stop, Work};
use crate::error::{Code, Result};
use crate::files::{Keep, Mode};

pub(super) static KINDS: [Kind; 1] = [Kind::new(&["slapos.cookbook:generate.password"], make)];

struct Password {
    stored: Option<(Utf8PathBuf, String)>,
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
    let stored = path.as_ref().and_then(|path| std::fs::read_to_string(path).ok());
    let password =
        given.or_else(|| stored.as_deref().and_then(parse)).unwrap_or_else(|| generate(length));
    scope.set_secret("passwd", password.as_str());
    let create_once = scope.flag("create-once", true)?;
    Ok(Box::new(Password { stored: path.map(|path| (path, password)), create_once }))
}

fn generate(length: usize) -> String {
    rand::rng().sample_iter(Alphanumeric).take(length).map(char::from).collect()
}

/// The plain password of a file: JSON of all forms under their names, or, from old times, nothing but the text.
fn parse(text: &str) -> Option<String> {
    if text.starts_with('{') {
        let forms: std::collections::BTreeMap<String, String> = serde_json::from_str(text).ok()?;
        return forms.get("").cloned();
    }
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

impl Recipe for Password {
    fn install(&mut self, work: &mut Work<'_>) -> Result<()> {
        let Some((path, password)) = &self.stored else {
            return Ok(());
        };
        let text = serde_json::json!({ "": password }).to_string();
        if !self.create_once {
            work.record(path);
        }
        work.write_unrecorded(path, text.as_bytes(), Mode::Exact(0o600), Keep::Durable)
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
            ("", None),
            ("{bad", None),
        ];
        for (text, expected) in table {
            assert_eq!(parse(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn passwords_are_letters_and_digits_and_differ() {
        let (one, two) = (generate(40), generate(40));
        assert!(one.len() == 40 && one.chars().all(|c| c.is_ascii_alphanumeric()));
        assert_ne!(one, two);
    }
}
