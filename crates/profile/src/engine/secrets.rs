//! The secrets of an evaluation, to be kept out of texts for people: what a command said, errors, plans.

use slapos_jinja::Value;

use super::Engine;
use crate::error::Error;
use crate::value::{Cell, Datum, unescape};

/// What stands in the place of a secret.
pub(super) const HIDDEN: &str = "(hidden)";
/// Shorter ones are not looked for: they stand in many a text that is none, such as `true`.
const BYTES_MIN: usize = 6;

/// Texts that are not for people, longer ones first.
pub(super) struct Secrets(Vec<String>);

impl Engine<'_> {
    /// Those that are known by now.
    pub(super) fn secrets(&self) -> Secrets {
        let mut texts = Vec::new();
        for slot in self.slots.values() {
            // A text that is put together of others' values holds a secret, and more that is none.
            let composed =
                |option: &str| slot.raw.get(option).is_some_and(|raw| raw.text().contains("${"));
            let secret =
                slot.cells.iter().filter(|(option, cell)| cell.secret && !composed(option));
            secret.for_each(|(_, cell)| collect(cell, &mut texts));
        }
        texts.retain(|text| text.len() >= BYTES_MIN);
        Secrets::of(texts)
    }
}

impl Secrets {
    pub(super) fn of(mut texts: Vec<String>) -> Self {
        texts.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b))); // one may hold another
        texts.dedup();
        Self(texts)
    }

    pub(super) fn hide(&self, text: &mut String) {
        for secret in &self.0 {
            if text.contains(secret.as_str()) {
                *text = text.replace(secret.as_str(), HIDDEN);
            }
        }
    }

    /// An error without them.
    pub(super) fn hidden(&self, error: Error) -> Error {
        error.with_texts(&|text| self.hide(text))
    }
}

fn collect(cell: &Cell, into: &mut Vec<String>) {
    match &cell.datum {
        Datum::Text(text) => into.push(unescape(text).trim().to_owned()),
        Datum::Typed(value) => leaves(value, into),
        Datum::Waiting(_) => {}
    }
}

/// The texts in a value; names of entries are no secrets.
fn leaves(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::List(items) => items.borrow().iter().for_each(|item| leaves(item, into)),
        Value::Tuple(items) => items.iter().for_each(|item| leaves(item, into)),
        Value::Dict(entries) => entries.borrow().iter().for_each(|(_, item)| leaves(item, into)),
        other => into.extend(other.as_str().map(ToOwned::to_owned)),
    }
}
