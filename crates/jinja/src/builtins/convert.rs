//! Python's classes as functions: `int(x)`, `list(x)`, `str(x)` and the like.

use num_bigint::BigInt;

use crate::error::{Error, Result};
use crate::methods;
use crate::value::{self, Args, Dict, Num, Set, Type, Value};

/// Calls a class.
pub(crate) fn construct(kind: Type, args: Args) -> Result<Value> {
    if kind == Type::Dict {
        let dict = Dict::default();
        methods::update_dict(&dict, args)?;
        return Ok(Value::Dict(dict));
    }
    if kind == Type::Int {
        let [value, base] = args.bind("int", ["x", "base"])?;
        let value = value.unwrap_or(Value::Int(0)).defined()?;
        return match base {
            Some(base) => int_of_base(&value, &base),
            None => to_int(&value),
        };
    }
    let name = kind.name();
    if args.positional.len() + args.named.len() > 1 || !args.named.is_empty() {
        let message =
            format!("{name}() with more than one argument, or with named ones, is not supported");
        return Err(Error::unsupported(message));
    }
    let Some(value) = args.positional.into_iter().next() else {
        return Ok(empty(kind));
    };
    let items = |value: &Value| value.to_vec();
    Ok(match kind {
        Type::Bool => Value::Bool(value.truth()?),
        Type::Float => Value::Float(to_float(&value)?),
        Type::Str => Value::Str(value.text()?),
        Type::Bytes => bytes(&value)?,
        Type::List => Value::list(items(&value)?),
        Type::Tuple if matches!(value, Value::Tuple(_)) => value,
        Type::Tuple => Value::tuple(items(&value)?),
        Type::Set => Value::Set(Set::of(items(&value)?)?),
        Type::Int => to_int(&value)?,
        Type::Dict => Value::Dict(Dict::default()),
    })
}

fn empty(kind: Type) -> Value {
    match kind {
        Type::Bool => Value::Bool(false),
        Type::Int => Value::Int(0),
        Type::Float => Value::Float(0.0),
        Type::Str => Value::from(""),
        Type::Bytes => Value::from(&b""[..]),
        Type::List => Value::list(Vec::new()),
        Type::Tuple => Value::tuple(Vec::new()),
        Type::Dict => Value::Dict(Dict::default()),
        Type::Set => Value::Set(Set::default()),
    }
}

/// Python's `int(value)`.
pub(crate) fn to_int(value: &Value) -> Result<Value> {
    match Num::of(value) {
        Some(Num::Float(number)) => return value::int_from_float(number),
        Some(Num::Small(number)) => return Ok(Value::Int(number)),
        Some(Num::Large(_)) => return Ok(value.clone()),
        None => {}
    }
    match value {
        Value::Str(_) | Value::Markup(_) | Value::Bytes(_) => int_of_base(value, &Value::Int(10)),
        Value::Undefined(missing) => Err(missing.error()),
        other => {
            let name = other.type_name();
            let message =
                "int() argument must be a string, a bytes-like object or a real number, not";
            Err(Error::type_error(format!("{message} '{name}'")))
        }
    }
}

/// Python's `int(text, base)`.
pub(crate) fn int_of_base(value: &Value, base: &Value) -> Result<Value> {
    let text = match value {
        Value::Str(text) | Value::Markup(text) => text.to_string(),
        Value::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Value::Undefined(missing) => return Err(missing.error()),
        _ => {
            return Err(Error::type_error("int() can't convert non-string with explicit base"));
        }
    };
    let Value::Int(base) = base else {
        return Err(Error::type_error("the base of int() is an integer"));
    };
    let invalid = || {
        let shown = value.repr().unwrap_or_default();
        Error::value_error(format!("invalid literal for int() with base {base}: {shown}"))
    };
    let Ok(base_number) = u32::try_from(*base) else {
        return Err(invalid());
    };
    let trimmed = text.trim_matches(crate::lex::is_space).to_ascii_lowercase();
    let (negative, digits) = match trimmed.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, trimmed.strip_prefix('+').unwrap_or(&trimmed)),
    };
    let prefix = match base_number {
        16 => "0x",
        8 => "0o",
        2 => "0b",
        10 => "",
        _ => {
            return Err(Error::unsupported(format!("int() with base {base} is not supported")));
        }
    };
    let bare = digits.strip_prefix(prefix).unwrap_or(digits);
    let bare = if prefix.is_empty() || bare.len() == digits.len() {
        bare
    } else {
        bare.strip_prefix('_').unwrap_or(bare)
    };
    let between = |at: usize| {
        let letter = |at: Option<usize>| {
            at.and_then(|at| bare.as_bytes().get(at)).is_some_and(u8::is_ascii_alphanumeric)
        };
        letter(at.checked_sub(1)) && letter(Some(at + 1))
    };
    let marks_fit = bare.bytes().enumerate().all(|(at, byte)| byte != b'_' || between(at));
    let plain = bare.replace('_', "");
    if plain.is_empty()
        || plain.len() > 4300
        || !marks_fit
        || !plain.chars().all(|c| c.is_digit(base_number))
    {
        return Err(invalid());
    }
    let number = BigInt::parse_bytes(plain.as_bytes(), base_number).ok_or_else(invalid)?;
    value::big(if negative { -number } else { number })
}

/// Python lets an underscore stand between two digits; elsewhere it stays, and fails.
fn without_underscores(text: String) -> String {
    let digit = |at: usize| text.as_bytes().get(at).is_some_and(u8::is_ascii_digit);
    let fits = |(at, _): (usize, &str)| at > 0 && digit(at - 1) && digit(at + 1);
    if text.match_indices('_').all(fits) { text.replace('_', "") } else { text }
}

/// Python's `float(value)`.
pub(crate) fn to_float(value: &Value) -> Result<f64> {
    if let Some(number) = Num::of(value) {
        return number.float();
    }
    match value {
        Value::Str(text) | Value::Markup(text) => {
            let digits = text.trim_matches(crate::lex::is_space).to_ascii_lowercase();
            let digits = without_underscores(digits);
            let bare = digits.trim_start_matches(['+', '-']);
            let special =
                matches!(bare, "inf" | "infinity" | "nan") && digits.len() - bare.len() <= 1;
            let plain = bare.starts_with(|c: char| c.is_ascii_digit() || c == '.');
            let number = digits.parse().ok().filter(|_| special || plain);
            number.ok_or_else(|| {
                let shown = value.repr().unwrap_or_default();
                Error::value_error(format!("could not convert string to float: {shown}"))
            })
        }
        Value::Bytes(text) => match str::from_utf8(text) {
            Ok(text) => to_float(&Value::str(text)),
            Err(_) => Err(Error::value_error("could not convert bytes to float")),
        },
        Value::Undefined(missing) => Err(missing.error()),
        other => {
            let name = other.type_name();
            Err(Error::type_error(format!(
                "float() argument must be a string or a real number, not '{name}'"
            )))
        }
    }
}

fn bytes(value: &Value) -> Result<Value> {
    match value {
        Value::Bytes(_) => Ok(value.clone()),
        Value::Str(_) => Err(Error::type_error("string argument without an encoding")),
        Value::Int(_) | Value::Bool(_) | Value::Big(_) => {
            Err(Error::unsupported("bytes() of a number is not supported"))
        }
        other => {
            let byte = |item: Value| match item {
                Value::Int(byte) => u8::try_from(byte)
                    .map_err(|_| Error::value_error("bytes must be in range(0, 256)")),
                other => {
                    Err(Error::type_error(format!("'{}' is not an integer", other.type_name())))
                }
            };
            let bytes = other.to_vec()?.into_iter().map(byte).collect::<Result<Vec<u8>>>()?;
            Ok(Value::Bytes(bytes.into()))
        }
    }
}

/// Python's `abs(number)`.
pub(crate) fn absolute(number: &Value) -> Result<Value> {
    match Num::of(number) {
        Some(Num::Float(value)) => Ok(Value::Float(value.abs())),
        Some(_) if value::compare_less(number, &Value::Int(0))? => value::negate(number),
        Some(_) => value::positive(number),
        None => {
            let number = number.clone().defined()?;
            Err(Error::type_error(format!("bad operand type for abs(): '{}'", number.type_name())))
        }
    }
}
