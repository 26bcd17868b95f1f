//! Takes decoded values apart, and says where one does not have the shape that was expected.

use std::collections::BTreeMap;

use slapos_core::names::BadName;

use super::marshal::Value;
use crate::v1::Dictionary;

/// A value that does not have the shape that was expected. It repeats no texts that may be
/// secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{problem}", place(.path))]
pub struct Misfit {
    /// Where it is: keys, from the outermost on, with dots between them; empty for the whole.
    pub path: String,
    /// What is wrong with it.
    pub problem: String,
}

fn place(path: &str) -> String {
    if path.is_empty() { String::new() } else { format!("`{path}`: ") }
}

impl Misfit {
    pub(super) fn new(problem: impl Into<String>) -> Self {
        Self { path: String::new(), problem: problem.into() }
    }

    pub(super) fn kind(wanted: &str, found: &Value) -> Self {
        Self::new(format!("is {}, {wanted} was expected", found.kind()))
    }

    /// The same, seen from one step further out.
    pub(super) fn within(self, key: &str) -> Self {
        let path = match self.path.as_str() {
            "" => key.to_owned(),
            inner => format!("{key}.{inner}"),
        };
        Self { path, ..self }
    }
}

/// The members of a dictionary, each taken out once. What nobody takes is passed over: other
/// programs may send more.
pub(super) struct Fields(BTreeMap<String, Value>);

impl Fields {
    pub(super) fn new(value: Value) -> Result<Self, Misfit> {
        match value {
            Value::Dictionary(members) => Self::of(members),
            other => Err(Misfit::kind("a dictionary", &other)),
        }
    }

    pub(super) fn of(members: Vec<(Value, Value)>) -> Result<Self, Misfit> {
        let named = |(key, value)| match key {
            Value::Text(key) => Ok((key, value)),
            other => Err(Misfit::kind("a text as key", &other)),
        };
        members.into_iter().map(named).collect::<Result<_, _>>().map(Self)
    }

    /// The value of a key; what is missing is none.
    pub(super) fn value(&mut self, key: &str) -> Value {
        self.0.remove(key).unwrap_or(Value::None)
    }

    /// A text, which may be missing or none.
    pub(super) fn optional_text(&mut self, key: &str) -> Result<Option<String>, Misfit> {
        match self.value(key) {
            Value::None => Ok(None),
            value => text(value).map(Some).map_err(|misfit| misfit.within(key)),
        }
    }

    /// A name, which may be missing or none.
    pub(super) fn optional_name<T>(&mut self, key: &str) -> Result<Option<T>, Misfit>
    where
        T: TryFrom<String, Error = BadName>,
    {
        match self.value(key) {
            Value::None => Ok(None),
            value => name(value).map(Some).map_err(|misfit| misfit.within(key)),
        }
    }

    /// A name, which must be there.
    pub(super) fn name<T>(&mut self, key: &str) -> Result<T, Misfit>
    where
        T: TryFrom<String, Error = BadName>,
    {
        name(self.value(key)).map_err(|misfit| misfit.within(key))
    }

    /// A list, which is empty when it is missing, each item read by `item`.
    pub(super) fn list<T>(
        &mut self,
        key: &str,
        item: impl FnMut(Value) -> Result<T, Misfit>,
    ) -> Result<Vec<T>, Misfit> {
        list(self.value(key), item).map_err(|misfit| misfit.within(key))
    }

    /// A dictionary of texts, which is empty when it is missing.
    pub(super) fn texts(&mut self, key: &str) -> Result<Dictionary, Misfit> {
        match self.value(key) {
            Value::None => Ok(Dictionary::new()),
            value => texts(value).map_err(|misfit| misfit.within(key)),
        }
    }

    /// What nobody took, as texts.
    pub(super) fn rest(self) -> Dictionary {
        self.0.into_iter().map(|(key, value)| (key, text_or_empty(value))).collect()
    }
}

/// A text.
pub(super) fn text(value: Value) -> Result<String, Misfit> {
    match value {
        Value::Text(text) => Ok(text),
        other => Err(Misfit::kind("a text", &other)),
    }
}

/// A name.
pub(super) fn name<T: TryFrom<String, Error = BadName>>(value: Value) -> Result<T, Misfit> {
    T::try_from(text(value)?).map_err(|error| Misfit::new(error.to_string()))
}

/// The items of a list or tuple; none is empty.
pub(super) fn list<T>(
    value: Value,
    mut item: impl FnMut(Value) -> Result<T, Misfit>,
) -> Result<Vec<T>, Misfit> {
    let items = match value {
        Value::List(items) | Value::Tuple(items) => items,
        Value::None => Vec::new(),
        other => return Err(Misfit::kind("a list", &other)),
    };
    let read = |(number, value)| item(value).map_err(|misfit| misfit.within(&format!("{number}")));
    items.into_iter().enumerate().map(read).collect()
}

/// A dictionary of texts. Other values become what Python's `str()` makes of them; none is the
/// empty text, as which masters read it back.
pub(super) fn texts(value: Value) -> Result<Dictionary, Misfit> {
    Fields::new(value).map(Fields::rest)
}

fn text_or_empty(value: Value) -> String {
    match value {
        Value::None => String::new(),
        other => other.into_text(),
    }
}
