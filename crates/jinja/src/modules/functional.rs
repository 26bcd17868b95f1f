//! Python's `functools` and `operator`, as far as they make functions of functions.

use super::functions;
use crate::error::{Error, Result};
use crate::eval::Machine;
use crate::functions::{builtin, closure};
use crate::value::{Args, Value};

pub(super) fn functools() -> Value {
    functions(
        "functools",
        [("partial", builtin("partial", partial)), ("reduce", builtin("reduce", reduce))],
    )
}

pub(super) fn operator() -> Value {
    functions("operator", [("itemgetter", builtin("itemgetter", itemgetter))])
}

/// A function with its first arguments.
fn partial(_: &mut Machine<'_>, args: Args) -> Result<Value> {
    let Args { mut positional, named } = args;
    if positional.is_empty() {
        return Err(Error::type_error("partial() needs a function"));
    }
    let function = positional.remove(0);
    Ok(closure("partial", move |machine, args| {
        let mut all = Args { positional: positional.clone(), named: named.clone() };
        all.positional.extend(args.positional);
        for (name, value) in args.named {
            all.named.retain(|(known, _)| *known != name);
            all.named.push((name, value));
        }
        machine.call(&function, all)
    }))
}

fn reduce(machine: &mut Machine<'_>, args: Args) -> Result<Value> {
    let mut positional = args.positional.into_iter();
    let (Some(function), Some(items), first, None) =
        (positional.next(), positional.next(), positional.next(), positional.next())
    else {
        return Err(Error::type_error(
            "reduce() takes a function, an iterable and perhaps a first value",
        ));
    };
    let mut items = items.to_vec()?.into_iter();
    let Some(mut total) = first.or_else(|| items.next()) else {
        return Err(Error::type_error("reduce() of empty iterable with no initial value"));
    };
    for item in items {
        machine.step(1)?;
        total =
            machine.call(&function, Args { positional: vec![total, item], named: Vec::new() })?;
    }
    Ok(total)
}

/// A function that takes an item, or a tuple of items, of its argument.
fn itemgetter(_: &mut Machine<'_>, args: Args) -> Result<Value> {
    let keys = args.positional;
    if keys.is_empty() || !args.named.is_empty() {
        return Err(Error::type_error("itemgetter() needs the key of an item"));
    }
    Ok(closure("itemgetter", move |machine, args| {
        let [value] = args.exactly("itemgetter")?;
        let mut items = Vec::new();
        for key in &keys {
            items.push(machine.item(&value, key)?.defined()?);
        }
        Ok(match <[Value; 1]>::try_from(items) {
            Ok([item]) => item,
            Err(items) => Value::tuple(items),
        })
    }))
}
