//! Methods of Python's classes.
//!
//! A method that Python has and this crate has not is an error, never "undefined": `is defined` must not lie.

mod bytes;
mod dict;
mod list;
mod number;
mod set;
mod text;
mod text_case;
mod text_split;

use std::rc::Rc;

pub(crate) use dict::update as update_dict;
pub(crate) use text::replaced;
pub(crate) use text_case::{capitalized, is_lower, is_upper};
pub(crate) use text_split::lines;

use crate::ast::Named;
use crate::error::{Error, Result};
use crate::eval::{Loop, Machine};
use crate::value::{Args, Type, Value};

/// The body of a method: the object, then the arguments.
pub(crate) type Method = fn(&mut Machine<'_>, &Value, Args) -> Result<Value>;

/// Methods of one class by name.
type Table = &'static [(&'static str, Method)];

fn table(value: &Value) -> Table {
    match value {
        Value::Str(_) => text::METHODS,
        Value::Bytes(_) => bytes::METHODS,
        Value::List(_) => list::METHODS,
        Value::Tuple(_) | Value::Range(_) => list::TUPLE_METHODS,
        Value::Dict(_) => dict::METHODS,
        Value::Set(_) => set::METHODS,
        Value::Int(_) | Value::Big(_) | Value::Bool(_) => number::INT_METHODS,
        Value::Float(_) => number::FLOAT_METHODS,
        Value::Loop(_) => LOOP_METHODS,
        Value::Iter(_) => ITER_METHODS,
        Value::Type(Type::Dict) => dict::CLASS_METHODS,
        _ => &[],
    }
}

/// Names that Python has on these values beside our tables.
fn refused(value: &Value) -> &'static [&'static str] {
    match value {
        Value::Str(_) => &["format_map", "isidentifier", "maketrans", "translate"],
        Value::Bytes(_) => bytes::REFUSED,
        Value::Int(_) | Value::Big(_) | Value::Bool(_) => &[
            "as_integer_ratio",
            "conjugate",
            "denominator",
            "from_bytes",
            "imag",
            "numerator",
            "real",
            "to_bytes",
        ],
        Value::Float(_) => &["as_integer_ratio", "conjugate", "fromhex", "hex", "imag", "real"],
        Value::Range(_) => &["start", "stop", "step"],
        Value::View(_) => &["isdisjoint", "mapping"],
        _ => &[],
    }
}

/// The method of a value; fails for one that only Python has.
pub(crate) fn find(value: &Value, name: &str) -> Result<Option<Named<Method>>> {
    if let Some((name, run)) = table(value).iter().chain(GENERAL).find(|(known, _)| *known == name)
    {
        return Ok(Some(Named { name, run: *run }));
    }
    let special = name.starts_with("__") && name.ends_with("__");
    let whole_class =
        matches!(value, Value::Markup(_) | Value::Type(_) | Value::Function(_) | Value::Iter(_));
    if special || refused(value).contains(&name) || whole_class {
        let kind = value.type_name();
        return Err(Error::unsupported(format!(
            "`{name}` of a value of type {kind} is not supported"
        )));
    }
    Ok(None)
}

/// Names of the methods of a value, for hints.
pub(crate) fn names(value: &Value) -> impl Iterator<Item = &'static str> {
    table(value).iter().map(|(name, _)| *name)
}

/// Methods that many classes share.
const GENERAL: Table = &[
    ("__contains__", |_, value, args| {
        let [item] = args.exactly("__contains__")?;
        Ok(Value::Bool(crate::value::contains(value, &item)?))
    }),
    ("__getitem__", |machine, value, args| {
        let [key] = args.exactly("__getitem__")?;
        machine.item(value, &key)?.defined()
    }),
    ("__len__", |_, value, args| {
        let [] = args.exactly("__len__")?;
        Ok(Value::from(value.length()?))
    }),
];

const ITER_METHODS: Table = &[("__next__", |_, value, args| {
    let [] = args.exactly("__next__")?;
    let Value::Iter(iter) = value else {
        return Err(wrong_receiver(value));
    };
    iter.clone().next_value()?.ok_or_else(exhausted)
})];

/// The error of an iterator that is at its end.
pub(crate) fn exhausted() -> Error {
    Error::new(crate::ErrorKind::Exhausted, "the iterator has no more items")
}

const LOOP_METHODS: Table = &[
    ("cycle", |_, value, args| this_loop(value)?.cycle(&args.positional)),
    ("changed", |_, value, args| Ok(Value::Bool(this_loop(value)?.changed(args.positional)?))),
];

fn this_loop(value: &Value) -> Result<Rc<Loop>> {
    match value {
        Value::Loop(state) => Ok(state.clone()),
        other => Err(wrong_receiver(other)),
    }
}

/// A method was taken from one class and called on another: cannot happen, since methods are bound.
fn wrong_receiver(value: &Value) -> Error {
    Error::type_error(format!(
        "this method does not belong to a value of type {}",
        value.type_name()
    ))
}

/// An argument as integer.
pub(crate) fn integer(value: &Value) -> Result<i64> {
    match value {
        Value::Int(value) => Ok(*value),
        Value::Bool(value) => Ok(i64::from(*value)),
        Value::Big(_) => Err(Error::new(
            crate::ErrorKind::Overflow,
            "Python int too large to convert to C ssize_t",
        )),
        Value::Undefined(missing) => Err(missing.error()),
        other => {
            let name = other.type_name();
            Err(Error::type_error(format!("'{name}' object cannot be interpreted as an integer")))
        }
    }
}

/// An argument as the place in a sequence: beyond all sequences it does not matter how far.
fn clamped(value: &Value) -> Result<i64> {
    match value {
        Value::Big(number) if number.sign() == num_bigint::Sign::Minus => Ok(i64::MIN),
        Value::Big(_) => Ok(i64::MAX),
        other => integer(other),
    }
}

/// An argument that must be there.
fn required(function: &str, name: &str, value: Option<Value>) -> Result<Value> {
    value
        .ok_or_else(|| {
            Error::type_error(format!("{function}() missing required argument '{name}'"))
        })
        .and_then(|value| match value {
            Value::Undefined(missing) if !missing.empty => Err(missing.error()),
            value => Ok(value),
        })
}
