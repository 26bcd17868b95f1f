//! Python's built-in functions, for embedding programs whose templates expect them.
//!
//! Nothing here is known to a template unless it is put into its context: see [`value`].

use std::rc::Rc;

use num_bigint::BigInt;

use crate::error::{Error, ErrorKind, Result};
use crate::eval::Machine;
use crate::functions::{builtin, keys_of, sort_values};
use crate::methods;
use crate::value::{self, Args, Dict, Iter, MAX_ITEMS, Num, Range, Set, Type, Value};

/// Names that [`value`] knows.
pub const NAMES: [&str; 30] = [
    "abs",
    "all",
    "any",
    "assert",
    "bool",
    "bytes",
    "chr",
    "dict",
    "dumps",
    "enumerate",
    "float",
    "int",
    "isinstance",
    "iter",
    "len",
    "list",
    "map",
    "max",
    "min",
    "next",
    "ord",
    "range",
    "repr",
    "reversed",
    "set",
    "sorted",
    "str",
    "sum",
    "tuple",
    "zip",
];

/// Python's function or class of this name; also `dumps` (a typed value of SlapOS's profiles: `!py!` and its
/// literal) and `assert` (a function that fails unless its argument is true).
pub fn value(name: &str) -> Option<Value> {
    if let Some(kind) = Type::ALL.into_iter().find(|kind| kind.name() == name) {
        return Some(Value::Type(kind));
    }
    Some(match name {
        "abs" => builtin("abs", abs),
        "all" => builtin("all", |_, args| quantify(args, "all", false)),
        "any" => builtin("any", |_, args| quantify(args, "any", true)),
        "assert" => builtin("assert", assert),
        "chr" => builtin("chr", chr),
        "dumps" => builtin("dumps", dumps),
        "enumerate" => builtin("enumerate", enumerate),
        "isinstance" => builtin("isinstance", isinstance),
        "iter" => builtin("iter", |_, args| {
            let [items] = args.exactly("iter")?;
            Ok(Value::Iter(items.iterate()?))
        }),
        "len" => builtin("len", |_, args| {
            let [items] = args.exactly("len")?;
            Ok(Value::from(items.length()?))
        }),
        "map" => builtin("map", map),
        "max" => builtin("max", |machine, args| extreme(machine, args, "max")),
        "min" => builtin("min", |machine, args| extreme(machine, args, "min")),
        "next" => builtin("next", next),
        "ord" => builtin("ord", ord),
        "range" => builtin("range", range),
        "repr" => builtin("repr", |_, args| {
            let [item] = args.exactly("repr")?;
            Ok(Value::from(item.repr()?))
        }),
        "reversed" => builtin("reversed", reversed),
        "sorted" => builtin("sorted", sorted),
        "sum" => builtin("sum", sum),
        "zip" => builtin("zip", zip),
        _ => return None,
    })
}

/// Calls a class.
pub(crate) fn construct(machine: &mut Machine<'_>, kind: Type, args: Args) -> Result<Value> {
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
        Type::Int | Type::Dict => {
            return construct(
                machine,
                kind,
                Args {
                    positional: vec![value],
                    named: vec![],
                },
            );
        }
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
            return Err(Error::type_error(
                "int() can't convert non-string with explicit base",
            ));
        }
    };
    let Value::Int(base) = base else {
        return Err(Error::type_error("the base of int() is an integer"));
    };
    let invalid = || {
        let shown = value.repr().unwrap_or_default();
        Error::value_error(format!(
            "invalid literal for int() with base {base}: {shown}"
        ))
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
            return Err(Error::unsupported(format!(
                "int() with base {base} is not supported"
            )));
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
            at.and_then(|at| bare.as_bytes().get(at))
                .is_some_and(u8::is_ascii_alphanumeric)
        };
        letter(at.checked_sub(1)) && letter(Some(at + 1))
    };
    let marks_fit = bare
        .bytes()
        .enumerate()
        .all(|(at, byte)| byte != b'_' || between(at));
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

/// Python's `float(value)`.
pub(crate) fn to_float(value: &Value) -> Result<f64> {
    if let Some(number) = Num::of(value) {
        return number.float();
    }
    match value {
        Value::Str(text) | Value::Markup(text) => {
            let digits = text.trim_matches(crate::lex::is_space).to_ascii_lowercase();
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
                other => Err(Error::type_error(format!(
                    "'{}' is not an integer",
                    other.type_name()
                ))),
            };
            let bytes = other
                .to_vec()?
                .into_iter()
                .map(byte)
                .collect::<Result<Vec<u8>>>()?;
            Ok(Value::Bytes(bytes.into()))
        }
    }
}

fn abs(_: &mut Machine<'_>, args: Args) -> Result<Value> {
    let [number] = args.exactly("abs")?;
    absolute(&number)
}

/// Python's `abs(number)`.
pub(crate) fn absolute(number: &Value) -> Result<Value> {
    match Num::of(number) {
        Some(Num::Float(value)) => Ok(Value::Float(value.abs())),
        Some(_) if value::compare_less(number, &Value::Int(0))? => value::negate(number),
        Some(_) => value::positive(number),
        None => {
            let number = number.clone().defined()?;
            Err(Error::type_error(format!(
                "bad operand type for abs(): '{}'",
                number.type_name()
            )))
        }
    }
}

fn quantify(args: Args, name: &str, wanted: bool) -> Result<Value> {
    let [items] = args.exactly(name)?;
    let mut items = items.iterate()?;
    while let Some(item) = items.next_value()? {
        if item.truth()? == wanted {
            return Ok(Value::Bool(wanted));
        }
    }
    Ok(Value::Bool(!wanted))
}

fn assert(_: &mut Machine<'_>, args: Args) -> Result<Value> {
    let [condition, message] = args.bind("assert", ["condition", "message"])?;
    if condition.unwrap_or(Value::None).truth()? {
        return Ok(Value::None);
    }
    let message = message.map_or_else(
        || Ok("the condition of `assert` is false".into()),
        |message| message.text(),
    )?;
    Err(Error::new(ErrorKind::Assertion, &*message))
}

fn chr(_: &mut Machine<'_>, args: Args) -> Result<Value> {
    let [code] = args.exactly("chr")?;
    let c = match code {
        Value::Int(code) => u32::try_from(code).ok().and_then(char::from_u32),
        other => {
            return Err(Error::type_error(format!(
                "chr() needs an integer, not '{}'",
                other.type_name()
            )));
        }
    };
    c.map(value::letter)
        .ok_or_else(|| Error::value_error("chr() arg not in range(0x110000)"))
}

fn ord(_: &mut Machine<'_>, args: Args) -> Result<Value> {
    let [text] = args.exactly("ord")?;
    let mut letters = text.as_str().unwrap_or_default().chars();
    match (letters.next(), letters.next()) {
        (Some(c), None) => Ok(Value::Int(i64::from(u32::from(c)))),
        _ => Err(Error::type_error("ord() expected a character")),
    }
}

fn dumps(_: &mut Machine<'_>, args: Args) -> Result<Value> {
    let [value] = args.exactly("dumps")?;
    Ok(Value::from(format!("!py!{}", value.repr()?)))
}

fn enumerate(_: &mut Machine<'_>, args: Args) -> Result<Value> {
    let [items, start] = args.bind("enumerate", ["iterable", "start"])?;
    let mut items = items.unwrap_or(Value::None).iterate()?;
    let mut at = start.unwrap_or(Value::Int(0));
    Ok(Value::Iter(Iter::lazy(move || {
        let Some(item) = items.next_value()? else {
            return Ok(None);
        };
        let next = value::add(&at, &Value::Int(1))?;
        let pair = Value::tuple(vec![std::mem::replace(&mut at, next), item]);
        Ok(Some(pair))
    })))
}

fn isinstance(_: &mut Machine<'_>, args: Args) -> Result<Value> {
    let [value, kinds] = args.exactly("isinstance")?;
    let value = value.defined()?;
    let kinds = match &kinds {
        Value::Tuple(kinds) => kinds.to_vec(),
        other => vec![other.clone()],
    };
    for kind in kinds {
        let Value::Type(kind) = kind else {
            return Err(Error::type_error(
                "isinstance() arg 2 must be a type or a tuple of types",
            ));
        };
        if is_instance(&value, kind) {
            return Ok(Value::Bool(true));
        }
    }
    Ok(Value::Bool(false))
}

fn is_instance(value: &Value, kind: Type) -> bool {
    match kind {
        Type::Bool => matches!(value, Value::Bool(_)),
        Type::Int => matches!(value, Value::Int(_) | Value::Big(_) | Value::Bool(_)),
        Type::Float => matches!(value, Value::Float(_)),
        Type::Str => matches!(value, Value::Str(_) | Value::Markup(_)),
        Type::Bytes => matches!(value, Value::Bytes(_)),
        Type::List => matches!(value, Value::List(_)),
        Type::Tuple => matches!(value, Value::Tuple(_)),
        Type::Dict => matches!(value, Value::Dict(_)),
        Type::Set => matches!(value, Value::Set(_)),
    }
}

fn map(machine: &mut Machine<'_>, args: Args) -> Result<Value> {
    let [function, items] = args.exactly("map")?;
    let items = items.to_vec()?;
    let mapped = keys_of(machine, &items, Some(&function))?;
    Ok(Value::Iter(Iter::of(mapped)))
}

fn extreme(machine: &mut Machine<'_>, args: Args, name: &str) -> Result<Value> {
    let Args { positional, named } = args;
    let [key, default] = Args {
        positional: Vec::new(),
        named,
    }
    .bind(name, ["key", "default"])?;
    let items = match <[Value; 1]>::try_from(positional) {
        Ok([items]) => items.to_vec()?,
        Err(items) => items,
    };
    let keys = keys_of(machine, &items, key.as_ref())?;
    let mut best: Option<(Value, Value)> = None;
    for (key, item) in keys.into_iter().zip(items) {
        let better = match &best {
            None => true,
            Some((known, _)) if name == "max" => value::compare_less(known, &key)?,
            Some((known, _)) => value::compare_less(&key, known)?,
        };
        if better {
            best = Some((key, item));
        }
    }
    match best.map(|(_, item)| item).or(default) {
        Some(item) => Ok(item),
        None => Err(Error::value_error(format!(
            "{name}() iterable argument is empty"
        ))),
    }
}

fn next(_: &mut Machine<'_>, args: Args) -> Result<Value> {
    let [iter, default] = args.bind("next", ["iterator", "default"])?;
    let Some(Value::Iter(mut iter)) = iter else {
        let name = iter
            .unwrap_or(Value::None)
            .defined()?
            .type_name()
            .to_string();
        return Err(Error::type_error(format!(
            "'{name}' object is not an iterator"
        )));
    };
    match iter.next_value()?.or(default) {
        Some(item) => Ok(item),
        None => Err(Error::new(
            ErrorKind::Exhausted,
            "the iterator has no more items",
        )),
    }
}

/// Python's `range`.
pub(crate) fn range(_: &mut Machine<'_>, args: Args) -> Result<Value> {
    if !args.named.is_empty() {
        return Err(Error::type_error("range() takes no keyword arguments"));
    }
    let mut bounds = Vec::new();
    for bound in &args.positional {
        bounds.push(methods::integer(bound)?);
    }
    let range = match bounds[..] {
        [stop] => Range::new(0, stop, 1),
        [start, stop] => Range::new(start, stop, 1),
        [start, stop, step] => Range::new(start, stop, step),
        _ => Err(Error::type_error(format!(
            "range expected 1 to 3 arguments, got {}",
            bounds.len()
        ))),
    };
    Ok(Value::Range(Rc::new(range?)))
}

fn reversed(_: &mut Machine<'_>, args: Args) -> Result<Value> {
    let [items] = args.exactly("reversed")?;
    if matches!(items, Value::Set(_) | Value::Iter(_)) {
        return Err(Error::type_error(format!(
            "'{}' object is not reversible",
            items.type_name()
        )));
    }
    let mut items = items.to_vec()?;
    items.reverse();
    Ok(Value::Iter(Iter::of(items)))
}

fn sorted(machine: &mut Machine<'_>, args: Args) -> Result<Value> {
    let Args { positional, named } = args;
    let Ok([items]) = <[Value; 1]>::try_from(positional) else {
        return Err(Error::type_error("sorted expected 1 argument"));
    };
    let items = items.to_vec()?;
    let sorted = sort_values(
        machine,
        items,
        Args {
            positional: Vec::new(),
            named,
        },
        "sorted",
    )?;
    Ok(Value::list(sorted))
}

fn sum(_: &mut Machine<'_>, args: Args) -> Result<Value> {
    let [items, start] = args.bind("sum", ["iterable", "start"])?;
    let mut total = start.unwrap_or(Value::Int(0));
    if matches!(total, Value::Str(_) | Value::Bytes(_)) {
        return Err(
            Error::type_error("sum() can't sum strings or bytes").with_hint("use `''.join(...)`")
        );
    }
    for item in items.unwrap_or(Value::None).to_vec()? {
        total = value::add(&total, &item)?;
    }
    Ok(total)
}

fn zip(_: &mut Machine<'_>, args: Args) -> Result<Value> {
    let [strict] = Args {
        positional: Vec::new(),
        named: args.named,
    }
    .bind("zip", ["strict"])?;
    if strict.is_some() {
        return Err(Error::unsupported("`strict` of zip() is not supported"));
    }
    let mut sources = args
        .positional
        .iter()
        .map(Value::iterate)
        .collect::<Result<Vec<_>>>()?;
    let mut rows = Vec::new();
    'rows: while !sources.is_empty() {
        let mut row = Vec::with_capacity(sources.len());
        for source in &mut sources {
            match source.next_value()? {
                Some(item) => row.push(item),
                None => break 'rows,
            }
        }
        rows.push(Value::tuple(row));
        if rows.len() > MAX_ITEMS {
            return Err(Error::limit("zip() gives too many rows"));
        }
    }
    Ok(Value::Iter(Iter::of(rows)))
}
