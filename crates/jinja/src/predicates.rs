//! Tests: what stands behind `is` in `{% if value is string %}`.

use crate::ast::{Comparison, Named};
use crate::error::{Error, Result};
use crate::eval::{Machine, compare};
use crate::filters;
use crate::format::percent;
use crate::methods::{is_lower, is_upper};
use crate::value::{self, Args, Key, Value};

/// The body of a test.
pub(crate) type Predicate = fn(&mut Machine<'_>, &Value, Args) -> Result<bool>;

/// The test of this name.
pub(crate) fn find(name: &str) -> Option<Named<Predicate>> {
    let (name, run) = PREDICATES.iter().find(|(known, _)| *known == name)?;
    Some(Named { name, run: *run })
}

/// Names of all tests.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    PREDICATES.iter().map(|(name, _)| *name)
}

const PREDICATES: &[(&str, Predicate)] = &[
    ("boolean", |_, value, args| none(args, matches!(value, Value::Bool(_)))),
    ("callable", |_, value, args| none(args, is_callable(value))),
    ("defined", |_, value, args| none(args, !value.is_undefined())),
    ("divisibleby", |_, value, args| leaves(value, &args.exactly::<1>("divisibleby")?[0], 0)),
    ("eq", |_, value, args| relation(Comparison::Equal, value, args)),
    ("equalto", |_, value, args| relation(Comparison::Equal, value, args)),
    ("escaped", |_, value, args| none(args, matches!(value, Value::Markup(_)))),
    ("even", |_, value, args| none(args, leaves(value, &Value::Int(2), 0)?)),
    ("false", |_, value, args| none(args, matches!(value, Value::Bool(false)))),
    ("filter", |_, value, args| none(args, is_name(value, |name| filters::find(name).is_some())?)),
    ("float", |_, value, args| none(args, matches!(value, Value::Float(_)))),
    ("ge", |_, value, args| relation(Comparison::GreaterOrEqual, value, args)),
    ("greaterthan", |_, value, args| relation(Comparison::Greater, value, args)),
    ("gt", |_, value, args| relation(Comparison::Greater, value, args)),
    ("in", |_, value, args| relation(Comparison::In, value, args)),
    ("integer", |_, value, args| none(args, matches!(value, Value::Int(_) | Value::Big(_)))),
    ("iterable", |_, value, args| none(args, is_iterable(value)?)),
    ("le", |_, value, args| relation(Comparison::LessOrEqual, value, args)),
    ("lessthan", |_, value, args| relation(Comparison::Less, value, args)),
    ("lower", |_, value, args| none(args, is_lower(&value.text()?))),
    ("lt", |_, value, args| relation(Comparison::Less, value, args)),
    ("mapping", |_, value, args| none(args, matches!(value, Value::Dict(_)))),
    ("ne", |_, value, args| relation(Comparison::NotEqual, value, args)),
    ("none", |_, value, args| none(args, matches!(value, Value::None))),
    ("number", |_, value, args| {
        none(
            args,
            matches!(value, Value::Int(_) | Value::Big(_) | Value::Float(_) | Value::Bool(_)),
        )
    }),
    ("odd", |_, value, args| none(args, leaves(value, &Value::Int(2), 1)?)),
    ("sameas", |_, value, args| Ok(value::identical(value, &args.exactly::<1>("sameas")?[0]))),
    ("sequence", |_, value, args| none(args, is_sequence(value))),
    ("string", |_, value, args| none(args, matches!(value, Value::Str(_) | Value::Markup(_)))),
    ("test", |_, value, args| none(args, is_name(value, |name| find(name).is_some())?)),
    ("true", |_, value, args| none(args, matches!(value, Value::Bool(true)))),
    ("undefined", |_, value, args| none(args, value.is_undefined())),
    ("upper", |_, value, args| none(args, is_upper(&value.text()?))),
    ("==", |_, value, args| relation(Comparison::Equal, value, args)),
    ("!=", |_, value, args| relation(Comparison::NotEqual, value, args)),
    ("<", |_, value, args| relation(Comparison::Less, value, args)),
    ("<=", |_, value, args| relation(Comparison::LessOrEqual, value, args)),
    (">", |_, value, args| relation(Comparison::Greater, value, args)),
    (">=", |_, value, args| relation(Comparison::GreaterOrEqual, value, args)),
];

/// Whether a value is a name of a table: whatever could be one, is looked up.
fn is_name(value: &Value, known: impl Fn(&str) -> bool) -> Result<bool> {
    Key::new(value.clone())?;
    Ok(value.as_str().is_some_and(known))
}

/// The answer of a test without arguments.
fn none(args: Args, answer: bool) -> Result<bool> {
    let [] = args.exactly("this test")?;
    Ok(answer)
}

fn relation(comparison: Comparison, value: &Value, args: Args) -> Result<bool> {
    let [other] = args.exactly("this test")?;
    compare(comparison, value, &other)
}

/// Whether `value % divisor` is this number; of a text `%` makes another text.
fn leaves(value: &Value, divisor: &Value, rest: i64) -> Result<bool> {
    match value {
        Value::Str(format) => percent::format(format, divisor).map(|_| false),
        Value::Markup(_) => {
            Err(Error::unsupported("`%` on a value of type Markup is not supported"))
        }
        number => value::equal(&value::remainder(number, divisor)?, &Value::Int(rest)),
    }
}

pub(crate) fn is_callable(value: &Value) -> bool {
    match value {
        Value::Object(object) => object.call(Args::default()).is_some(),
        other => matches!(
            other,
            Value::Function(_) | Value::Type(_) | Value::Loop(_) | Value::Undefined(_)
        ),
    }
}

fn is_iterable(value: &Value) -> Result<bool> {
    match value {
        Value::Undefined(missing) => Err(missing.error()),
        Value::Markup(_) => Ok(true),
        other => Ok(other.iterate().is_ok()),
    }
}

fn is_sequence(value: &Value) -> bool {
    matches!(
        value,
        Value::Str(_)
            | Value::Markup(_)
            | Value::Bytes(_)
            | Value::List(_)
            | Value::Tuple(_)
            | Value::Dict(_)
            | Value::Range(_)
    )
}
