//! `slapos.cookbook:publish-early`: values that are made once and published before anything is requested.
//!
//! In: `-init`, lines *name section:option*; an own option of that name is used instead. A section makes its option
//! anew only when nothing was published under the name yet; then the value belongs to this part alone. Out: the
//! names, secrets, and `-publish` for a `publish` that extends this part. What was published lies in
//! `parts/<name>`, for the partition's user only; if that file is lost, the master still knows it.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use slapos_jinja::Value;

use super::publish::from_json;
use super::{Kind, Recipe};
use crate::engine::{Scope, Stop, Work};
use crate::error::{Code, Error, Result};
use crate::files::{self, Keep, Mode};
use crate::job::Options;

pub(super) static KINDS: [Kind; 1] = [Kind::new(&["slapos.cookbook:publish-early"], make)];

struct Early {
    stored: Utf8PathBuf,
    /// JSON of the values; `None` when the file has them.
    unstored: Option<String>,
    /// The values; `None` when they are published.
    news: Option<BTreeMap<String, String>>,
}

fn make(scope: &mut Scope<'_, '_>) -> Result<Box<dyn Recipe>, Stop> {
    let parts = scope.reference("buildout:parts-directory")?;
    let stored = scope.path(parts.as_str().unwrap_or_default()).join(scope.name());
    let kept = if scope.exists(&stored) { read(&stored)? } else { None };
    let before = match &kept {
        Some(kept) => kept.clone(),
        None => published(&scope.facts()?.connection)?,
    };
    let mut values = BTreeMap::new();
    for (section, wanted) in wanted(scope)? {
        scope.unused(&section)?;
        for (name, option) in &wanted {
            if let Some(value) = before.get(name) {
                scope.preset(&section, option, value)?;
            }
        }
        for (name, option) in wanted {
            let value = scope.take(&section, &option)?;
            scope.set_secret(&name, value.clone());
            values.insert(name, value);
        }
    }
    let names = scope.option_names().into_iter().filter(|name| !name.starts_with('-'));
    let names = names.collect::<Vec<_>>().join(" ");
    scope.set_open("-publish", names);
    let unstored = values != kept.unwrap_or_default();
    let unstored = unstored.then(|| json(&values)).transpose()?;
    let new = values.iter().any(|(name, value)| before.get(name) != Some(value));
    let texts = values.iter().map(|(name, value)| Ok((name.clone(), text(value)?)));
    let news = new.then(|| texts.collect::<Result<_>>()).transpose()?;
    Ok(Box::new(Early { stored, unstored, news }))
}

/// Published names with the options that they come from.
type Names = Vec<(String, String)>;

/// Sections in the order of their first appearance, each with names and options.
fn wanted(scope: &mut Scope<'_, '_>) -> Result<Vec<(String, Names)>, Stop> {
    let mut found: Vec<(String, Names)> = Vec::new();
    for line in scope.lines("-init")? {
        let place = line.split_once(char::is_whitespace);
        let place = place.and_then(|(name, place)| Some((name, place.trim().split_once(':')?)));
        let Some((name, (section, option))) = place else {
            let error =
                Error::new(Code::BadOption, format!("`{line}` is not `name section:option`"));
            return Err(scope.place_of(error, "-init", &line).into());
        };
        if scope.option(name)?.is_some() {
            continue;
        }
        let entry = (name.to_owned(), option.to_owned());
        match found.iter_mut().find(|(known, _)| known == section) {
            Some((_, entries)) => entries.push(entry),
            None => found.push((section.to_owned(), vec![entry])),
        }
    }
    Ok(found)
}

/// What the instance published, plainly or serialised.
fn published(connection: &Options) -> Result<BTreeMap<String, Value>> {
    if let Some(json) = connection.get("_")
        && let Some(values) = by_name(&from_json(json)?)
    {
        return Ok(values);
    }
    let texts = connection.iter();
    Ok(texts.map(|(name, text)| (name.clone(), Value::from(text.as_str()))).collect())
}

/// What was kept; `None` if there is no file.
fn read(stored: &Utf8Path) -> Result<Option<BTreeMap<String, Value>>> {
    let Some(text) = files::kept(stored)? else {
        return Ok(None);
    };
    let values = Value::from_json(&text).ok().and_then(|values| by_name(&values));
    let values = values.ok_or_else(|| files::damaged(stored, "it holds no dictionary in JSON"))?;
    Ok(Some(values))
}

/// The entries of a dictionary.
fn by_name(values: &Value) -> Option<BTreeMap<String, Value>> {
    let Value::Dict(values) = values else {
        return None;
    };
    let values = values.borrow();
    let entries = values
        .iter()
        .filter_map(|(key, value)| Some((key.value().as_str()?.to_owned(), value.clone())));
    Some(entries.collect())
}

fn json(values: &BTreeMap<String, Value>) -> Result<String> {
    Value::dict(values.iter().map(|(name, value)| (name, value.clone())))
        .to_json()
        .map_err(|error| Error::new(Code::BadOption, error.message()))
}

fn text(value: &Value) -> Result<String> {
    let text = value.text().map_err(|error| Error::new(Code::BadOption, error.message()))?;
    Ok(text.to_string())
}

impl Recipe for Early {
    fn install(&mut self, work: &mut Work<'_>) -> Result<()> {
        if let Some(text) = &self.unstored {
            work.write_unrecorded(
                &self.stored,
                text.as_bytes(),
                Mode::Exact(0o600),
                Keep::Durable,
            )?;
        }
        if let Some(news) = &self.news {
            work.publish(news.clone());
        }
        Ok(())
    }
}
