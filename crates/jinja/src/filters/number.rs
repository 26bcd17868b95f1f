//! Filters on numbers.

use super::{Table, flag};
use crate::builtins::{absolute, int_of_base, rounded, to_float, to_int};
use crate::error::{Error, ErrorKind, Result};
use crate::eval::Machine;
use crate::format::fixed;
use crate::methods::integer;
use crate::value::{self, Args, Value};

pub(super) const FILTERS: Table = &[
    ("abs", |_, value, args| {
        let [] = args.exactly("abs")?;
        absolute(value)
    }),
    ("filesizeformat", filesizeformat),
    ("float", |_, value, args| {
        let [default] = args.bind("float", ["default"])?;
        let value = value.clone().defined()?;
        recover(to_float(&value).map(Value::Float), default.unwrap_or(Value::Float(0.0)), false)
    }),
    ("int", int),
    ("round", round),
];

/// The default instead of an error about type or value; overflow too if `overflow` says so.
fn recover(result: Result<Value>, default: Value, overflow: bool) -> Result<Value> {
    match result {
        Err(error) if matches!(error.kind(), ErrorKind::Type | ErrorKind::Value) => Ok(default),
        Err(error) if overflow && error.kind() == ErrorKind::Overflow => Ok(default),
        other => other,
    }
}

fn int(_: &mut Machine<'_>, value: &Value, args: Args) -> Result<Value> {
    let [default, base] = args.bind("int", ["default", "base"])?;
    let (value, default) = (&value.clone().defined()?, default.unwrap_or(Value::Int(0)));
    let first = match value {
        Value::Str(_) | Value::Markup(_) => int_of_base(value, &base.unwrap_or(Value::Int(10))),
        other => to_int(other),
    };
    match first {
        Err(error) if matches!(error.kind(), ErrorKind::Type | ErrorKind::Value) => {
            recover(to_float(value).and_then(value::int_from_float), default, true)
        }
        other => other,
    }
}

fn round(_: &mut Machine<'_>, value: &Value, args: Args) -> Result<Value> {
    let [precision, method] = args.bind("round", ["precision", "method"])?;
    let precision = precision.as_ref().map_or(Ok(0), integer)?;
    let method = method.map_or_else(|| Ok("common".into()), |method| method.text())?;
    match &*method {
        "common" => rounded(value, Some(precision)),
        "ceil" | "floor" => {
            let power = value::power(&Value::Int(10), &Value::Int(precision))?;
            let scaled = match value::multiply(value, &power)? {
                Value::Float(number) => value::int_from_float(if &*method == "ceil" {
                    number.ceil()
                } else {
                    number.floor()
                })?,
                whole => whole,
            };
            value::divide(&scaled, &power)
        }
        other => {
            Err(Error::value_error(format!("method must be common, ceil or floor, not {other}")))
        }
    }
}

fn filesizeformat(_: &mut Machine<'_>, value: &Value, args: Args) -> Result<Value> {
    let [binary] = args.bind("filesizeformat", ["binary"])?;
    let bytes = to_float(value)?;
    let (base, units) = if flag(binary)? {
        (1024.0_f64, ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB"])
    } else {
        (1000.0_f64, ["kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"])
    };
    if bytes.to_bits() == 1.0_f64.to_bits() {
        return Ok(Value::from("1 Byte"));
    }
    if bytes < base {
        return Ok(Value::from(format!("{} Bytes", value::int_from_float(bytes)?.repr()?)));
    }
    let mut unit = base;
    for (at, name) in units.iter().enumerate() {
        unit *= base;
        if bytes < unit || at + 1 == units.len() {
            return Ok(Value::from(format!("{} {name}", fixed(base * bytes / unit, 1))));
        }
    }
    Ok(value.clone())
}
