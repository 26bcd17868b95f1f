//! Python's built-in functions, for embedding programs whose templates expect them.
//!
//! Nothing here is known to a template unless it is put into its context: see [`value`].

mod convert;
mod number;

use std::rc::Rc;

pub(crate) use convert::{absolute, construct, int_of_base, to_float, to_int};
pub(crate) use number::rounded;

use crate::error::{Error, ErrorKind, Result};
use crate::eval::Machine;
use crate::format::format_spec;
use crate::functions::{builtin, keys_of, sort_values};
use crate::methods;
use crate::predicates::is_callable;
use crate::value::{self, Args, Iter, MAX_ITEMS, Range, Type, Value};

/// Names that [`value`] knows.
pub const NAMES: [&str; 41] = [
    "abs",
    "all",
    "any",
    "assert",
    "bin",
    "bool",
    "bytes",
    "callable",
    "chr",
    "complex",
    "dict",
    "divmod",
    "dumps",
    "enumerate",
    "filter",
    "float",
    "format",
    "frozenset",
    "hex",
    "int",
    "isinstance",
    "iter",
    "len",
    "list",
    "map",
    "max",
    "min",
    "next",
    "oct",
    "ord",
    "pow",
    "range",
    "repr",
    "reversed",
    "round",
    "set",
    "sorted",
    "str",
    "sum",
    "tuple",
    "zip",
];

/// Python's function or class of this name; also `dumps` (a typed value of SlapOS's profiles: `!py!` and its
/// literal) and `assert` (fails unless its argument is true, else gives nothing to see, since templates print it).
///
/// `complex` and `frozenset` are there, since templates may ask for them, and are refused when they are used.
pub fn value(name: &str) -> Option<Value> {
    if let Some(kind) = Type::ALL.into_iter().find(|kind| kind.name() == name) {
        return Some(Value::Type(kind));
    }
    Some(match name {
        "abs" => builtin("abs", abs),
        "all" => builtin("all", |_, args| quantify(args, "all", false)),
        "any" => builtin("any", |_, args| quantify(args, "any", true)),
        "assert" => builtin("assert", assert),
        "bin" => builtin("bin", |_, args| number::based(args, "bin", "0b", 2)),
        "callable" => builtin("callable", |_, args| {
            let [value] = args.exactly("callable")?;
            Ok(Value::Bool(is_callable(&value)))
        }),
        "chr" => builtin("chr", chr),
        "complex" => {
            builtin("complex", |_, _| Err(Error::unsupported("complex numbers are not supported")))
        }
        "divmod" => builtin("divmod", number::divmod),
        "dumps" => builtin("dumps", dumps),
        "enumerate" => builtin("enumerate", enumerate),
        "filter" => builtin("filter", filter),
        "format" => builtin("format", format),
        "frozenset" => builtin("frozenset", |_, _| {
            let error = Error::unsupported("sets that cannot change are not supported");
            Err(error.with_hint("use `set`, or a tuple where a key is wanted"))
        }),
        "hex" => builtin("hex", |_, args| number::based(args, "hex", "0x", 16)),
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
        "oct" => builtin("oct", |_, args| number::based(args, "oct", "0o", 8)),
        "ord" => builtin("ord", ord),
        "pow" => builtin("pow", number::pow),
        "range" => builtin("range", |_, args| range(&args)),
        "repr" => builtin("repr", |_, args| {
            let [item] = args.exactly("repr")?;
            Ok(Value::from(item.repr()?))
        }),
        "reversed" => builtin("reversed", reversed),
        "round" => builtin("round", number::round),
        "sorted" => builtin("sorted", sorted),
        "sum" => builtin("sum", sum),
        "zip" => builtin("zip", zip),
        _ => return None,
    })
}

fn abs(_: &mut Machine<'_>, args: Args) -> Result<Value> {
    let [number] = args.exactly("abs")?;
    absolute(&number)
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
    let Args { positional, named } = args;
    let (Some((condition, message)), []) = (positional.split_first(), &named[..]) else {
        return Err(Error::type_error("assert() takes a value and perhaps a message"));
    };
    if condition.truth()? {
        return Ok(Value::from(""));
    }
    let message = match message {
        [] => "an assertion of the template does not hold".into(),
        [message] => message.text()?,
        messages => Value::tuple(messages.to_vec()).text()?,
    };
    Err(Error::new(ErrorKind::Assertion, &*message))
}

fn chr(_: &mut Machine<'_>, args: Args) -> Result<Value> {
    let [code] = args.exactly("chr")?;
    let c = match code {
        Value::Int(code) => u32::try_from(code).ok().and_then(char::from_u32),
        Value::Bool(code) => char::from_u32(code.into()),
        other => {
            return Err(Error::type_error(format!(
                "chr() needs an integer, not '{}'",
                other.type_name()
            )));
        }
    };
    c.map(value::letter).ok_or_else(|| Error::value_error("chr() arg not in range(0x110000)"))
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
    let mut at = match start.unwrap_or(Value::Int(0)) {
        number @ Value::Big(_) => number,
        other => Value::Int(methods::integer(&other)?),
    };
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
    let kinds = match &kinds {
        Value::Tuple(kinds) => kinds.to_vec(),
        other => vec![other.clone()],
    };
    for kind in kinds {
        let Value::Type(kind) = kind else {
            return Err(Error::type_error("isinstance() arg 2 must be a type or a tuple of types"));
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

fn filter(machine: &mut Machine<'_>, args: Args) -> Result<Value> {
    let [function, items] = args.exactly("filter")?;
    let items = items.to_vec()?;
    let verdicts = keys_of(machine, &items, Some(&function))?;
    let mut kept = Vec::new();
    for (item, verdict) in items.into_iter().zip(verdicts) {
        if verdict.truth()? {
            kept.push(item);
        }
    }
    Ok(Value::Iter(Iter::of(kept)))
}

fn format(_: &mut Machine<'_>, args: Args) -> Result<Value> {
    let Args { mut positional, named } = args;
    if positional.len() == 1 {
        positional.push(Value::from(""));
    }
    let [value, spec] = Args { positional, named }.exactly("format")?;
    let Some(spec) = spec.as_str() else {
        let name = spec.defined()?.type_name().to_owned();
        return Err(Error::type_error(format!("format() argument 2 must be str, not {name}")));
    };
    Ok(Value::from(format_spec(&value, spec)?))
}

fn map(machine: &mut Machine<'_>, args: Args) -> Result<Value> {
    let [function, items] = args.exactly("map")?;
    let items = items.to_vec()?;
    let mapped = keys_of(machine, &items, Some(&function))?;
    Ok(Value::Iter(Iter::of(mapped)))
}

fn extreme(machine: &mut Machine<'_>, args: Args, name: &str) -> Result<Value> {
    let Args { positional, named } = args;
    let [key, default] = Args { positional: Vec::new(), named }.bind(name, ["key", "default"])?;
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
        None => Err(Error::value_error(format!("{name}() iterable argument is empty"))),
    }
}

fn next(_: &mut Machine<'_>, args: Args) -> Result<Value> {
    let [iter, default] = args.bind("next", ["iterator", "default"])?;
    let Some(Value::Iter(mut iter)) = iter else {
        let name = iter.unwrap_or(Value::None).defined()?.type_name().to_string();
        return Err(Error::type_error(format!("'{name}' object is not an iterator")));
    };
    match iter.next_value()?.or(default) {
        Some(item) => Ok(item),
        None => Err(methods::exhausted()),
    }
}

/// Python's `range`.
pub(crate) fn range(args: &Args) -> Result<Value> {
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
        _ => {
            Err(Error::type_error(format!("range expected 1 to 3 arguments, got {}", bounds.len())))
        }
    };
    Ok(Value::Range(Rc::new(range?)))
}

fn reversed(_: &mut Machine<'_>, args: Args) -> Result<Value> {
    let [items] = args.exactly("reversed")?;
    if matches!(items, Value::Set(_) | Value::Iter(_)) {
        return Err(Error::type_error(format!("'{}' object is not reversible", items.type_name())));
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
    let sorted = sort_values(machine, items, Args { positional: Vec::new(), named }, "sorted")?;
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
    let [strict] = Args { positional: Vec::new(), named: args.named }.bind("zip", ["strict"])?;
    if strict.is_some() {
        return Err(Error::unsupported("`strict` of zip() is not supported"));
    }
    let mut sources = args.positional.iter().map(Value::iterate).collect::<Result<Vec<_>>>()?;
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
