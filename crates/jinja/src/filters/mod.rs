//! Filters: `{{ value | name(arguments) }}`.

mod markup;
mod number;
mod select;
mod sequence;
mod text;

use crate::ast::Named;
use crate::error::{Error, Result};
use crate::eval::Machine;
use crate::value::{Args, Value};

/// The body of a filter.
pub(crate) type Filter = fn(&mut Machine<'_>, &Value, Args) -> Result<Value>;

/// Filters of one file by name.
type Table = &'static [(&'static str, Filter)];

const TABLES: [Table; 5] =
    [markup::FILTERS, number::FILTERS, select::FILTERS, sequence::FILTERS, text::FILTERS];

/// Filters of Jinja2 that are not offered: random, or laid out by rules that are not worth their code.
pub(crate) const REFUSED: [&str; 5] = ["pprint", "random", "striptags", "urlize", "wordwrap"];

/// The filter of this name.
pub(crate) fn find(name: &str) -> Option<Named<Filter>> {
    let (name, run) = TABLES.iter().copied().flatten().find(|(known, _)| *known == name)?;
    Some(Named { name, run: *run })
}

/// Names of all filters.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    TABLES.iter().copied().flatten().map(|(name, _)| *name)
}

/// A filter named by a template's value, as `map('upper')` does.
fn find_by_value(name: &Value) -> Result<Named<Filter>> {
    let name = name.text()?;
    find(&name).ok_or_else(|| Error::value_error(format!("unknown filter `{name}`")))
}

/// An optional argument as truth.
fn flag(value: Option<Value>) -> Result<bool> {
    value.map_or(Ok(false), |value| value.truth())
}

/// An optional argument as a number that is not negative.
fn size(value: Option<Value>, default: usize) -> Result<usize> {
    match value {
        None => Ok(default),
        Some(value) => {
            let number = crate::methods::integer(&value)?;
            usize::try_from(number).map_err(|_| Error::value_error(format!("{number} is negative")))
        }
    }
}
