//! Attributes, items and slices.
//!
//! As in Jinja2, `a.b` looks for an attribute first and an item second, `a['b']` the other way round; what is not
//! there is undefined, and only its use is an error.

use std::rc::Rc;

use num_bigint::BigInt;

use super::{Frame, Machine, looping};
use crate::ast::Expr;
use crate::error::{Error, Result};
use crate::methods;
use crate::value::{Callable, Dict, Function, Missing, Num, Value};

impl Machine<'_> {
    /// `value.name`
    pub(crate) fn attribute(&mut self, value: &Value, name: &Rc<str>) -> Result<Value> {
        if let Some(found) = self.own_attribute(value, name)? {
            return Ok(found);
        }
        if let Value::Dict(dict) = value {
            return Ok(dict
                .get(name)
                .unwrap_or_else(|| missing_key(dict, &Value::Str(name.clone()))));
        }
        Ok(missing_attribute(value, name))
    }

    /// The attribute without looking for an item: the filter `attr`.
    pub(crate) fn only_attribute(&mut self, value: &Value, name: &Rc<str>) -> Result<Value> {
        Ok(self.own_attribute(value, name)?.unwrap_or_else(|| missing_attribute(value, name)))
    }

    fn own_attribute(&mut self, value: &Value, name: &str) -> Result<Option<Value>> {
        match value {
            Value::Undefined(missing) => return Err(missing.error()),
            Value::Object(object) => return object.attribute(name),
            Value::Loop(state) => {
                if let Some(found) = state.attribute(self, name)? {
                    return Ok(Some(found));
                }
            }
            _ => {}
        }
        if let Some(method) = methods::find(value, name)? {
            return Ok(Some(Value::Function(Rc::new(Function(Callable::Bound {
                receiver: value.clone(),
                method,
            })))));
        }
        Ok(None)
    }

    /// `value[key]`
    pub(crate) fn item(&mut self, value: &Value, key: &Value) -> Result<Value> {
        if let Value::Undefined(missing) = value {
            return Err(missing.error());
        }
        if let Value::Undefined(missing) = key
            && matches!(value, Value::Dict(_))
        {
            return Err(missing.error());
        }
        if let Some(found) = plain_item(value, key) {
            return Ok(found);
        }
        if let Value::Object(object) = value
            && let Some(found) = object.item(key)
        {
            return found;
        }
        if let Value::Str(name) = key
            && let Some(found) = self.own_attribute(value, name)?
        {
            return Ok(found);
        }
        if let Value::Dict(dict) = value {
            return Ok(missing_key(dict, key));
        }
        match key {
            Value::Str(name) => Ok(missing_attribute(value, name)),
            other => {
                let key = other.repr().unwrap_or_default();
                Ok(Missing::named(
                    format!("a value of type {} has no item {key}", value.type_name()),
                    "",
                    [],
                ))
            }
        }
    }

    /// `value[start:stop:step]`
    pub(super) fn slice(
        &mut self,
        frame: &Frame,
        value: &Expr,
        parts: &[Option<Expr>; 3],
    ) -> Result<Value> {
        let value = self.eval(frame, value)?.defined()?;
        let mut bounds = [None, None, None];
        for (bound, part) in bounds.iter_mut().zip(parts) {
            if let Some(part) = part {
                *bound = slice_bound(&self.eval(frame, part)?)?;
            }
        }
        let result = slice(&value, bounds)?;
        self.charge(&result)?;
        Ok(result)
    }
}

fn missing_attribute(value: &Value, name: &str) -> Value {
    let kind = value.type_name();
    let message = format!("a value of type {kind} has no attribute `{name}`");
    match value {
        Value::Object(object) => {
            let names = object.names();
            Missing::named(message, name, names.iter().map(|name| &**name))
        }
        Value::Loop(_) => Missing::named(message, name, looping::ATTRIBUTES),
        other => Missing::named(message, name, methods::names(other)),
    }
}

/// Names the key and the nearest one that the dictionary has.
fn missing_key(dict: &Dict, key: &Value) -> Value {
    let entries = dict.borrow();
    let shown = key.repr().unwrap_or_default();
    let message = format!("the dictionary has no key {shown}");
    match key {
        Value::Str(wrong) => {
            Missing::named(message, wrong, entries.keys().filter_map(|key| key.value().as_str()))
        }
        _ => Missing::named(message, "", []),
    }
}

/// The position that an index means in a sequence, if it has one there.
pub(crate) fn position(index: i64, length: usize) -> Option<usize> {
    let length_signed = i64::try_from(length).ok()?;
    let from_start = if index < 0 { index.checked_add(length_signed)? } else { index };
    usize::try_from(from_start).ok().filter(|at| *at < length)
}

/// The item, as Python's `value[key]` gives it; `None` where Python fails.
pub(crate) fn plain_item(value: &Value, key: &Value) -> Option<Value> {
    if let Value::Dict(dict) = value {
        return dict.get_value(key).ok().flatten();
    }
    let index = match key {
        Value::Int(index) => *index,
        Value::Bool(index) => i64::from(*index),
        _ => return None,
    };
    match value {
        Value::List(list) => {
            let items = list.borrow();
            position(index, items.len()).map(|at| items[at].clone())
        }
        Value::Tuple(items) => position(index, items.len()).map(|at| items[at].clone()),
        Value::Str(text) => {
            let at = position(index, text.chars().count())?;
            text.chars().nth(at).map(crate::value::letter)
        }
        Value::Markup(text) => {
            let at = position(index, text.chars().count())?;
            text.chars().nth(at).map(|c| Value::Markup(c.to_string().into()))
        }
        Value::Bytes(bytes) => {
            position(index, bytes.len()).map(|at| Value::Int(i64::from(bytes[at])))
        }
        Value::Range(range) => range.get(position(index, range.length())?),
        _ => None,
    }
}

fn slice_bound(value: &Value) -> Result<Option<i64>> {
    match value {
        Value::None => Ok(None),
        Value::Undefined(missing) => Err(missing.error()),
        other => match Num::of(other) {
            Some(Num::Small(number)) => Ok(Some(number)),
            Some(Num::Large(number)) => {
                Ok(Some(if *number < BigInt::from(0) { i64::MIN } else { i64::MAX }))
            }
            _ => Err(Error::type_error(
                "slice indices must be integers or None or have an __index__ method",
            )),
        },
    }
}

/// The positions that a slice takes from a sequence.
pub(crate) fn slice_positions(
    [start, stop, step]: [Option<i64>; 3],
    length: usize,
) -> Result<Vec<usize>> {
    let step = i128::from(step.unwrap_or(1));
    if step == 0 {
        return Err(Error::value_error("slice step cannot be zero"));
    }
    let length = i128::try_from(length).unwrap_or(i128::MAX);
    let (low, high) = if step > 0 { (0, length) } else { (-1, length - 1) };
    let clamp = |bound: Option<i64>, default: i128| match bound {
        Some(bound) if bound < 0 => (i128::from(bound) + length).max(low),
        Some(bound) => i128::from(bound).min(high),
        None => default,
    };
    let (mut at, stop) = if step > 0 {
        (clamp(start, low), clamp(stop, high))
    } else {
        (clamp(start, high), clamp(stop, low))
    };
    let mut positions = Vec::new();
    while (step > 0 && at < stop) || (step < 0 && at > stop) {
        positions.extend(usize::try_from(at));
        at += step;
    }
    Ok(positions)
}

fn slice(value: &Value, bounds: [Option<i64>; 3]) -> Result<Value> {
    let positions = |length| slice_positions(bounds, length);
    Ok(match value {
        Value::List(list) => {
            let items = list.borrow();
            Value::list(positions(items.len())?.into_iter().map(|at| items[at].clone()).collect())
        }
        Value::Tuple(items) => {
            Value::tuple(positions(items.len())?.into_iter().map(|at| items[at].clone()).collect())
        }
        Value::Str(text) | Value::Markup(text) => {
            let letters: Vec<char> = text.chars().collect();
            let part: String =
                positions(letters.len())?.into_iter().map(|at| letters[at]).collect();
            if matches!(value, Value::Str(_)) {
                Value::from(part)
            } else {
                Value::Markup(part.into())
            }
        }
        Value::Bytes(bytes) => Value::Bytes(
            positions(bytes.len())?.into_iter().map(|at| bytes[at]).collect::<Vec<u8>>().into(),
        ),
        Value::Range(range) => {
            return Err(Error::unsupported("a slice of a range is not supported").with_hint(
                format!("make a list of it first: `list(range(...))`, {} items", range.length()),
            ));
        }
        Value::Dict(_) => return Err(Error::type_error("unhashable type: 'slice'")),
        other => {
            return Err(Error::type_error(format!(
                "'{}' object is not subscriptable",
                other.type_name()
            )));
        }
    })
}
