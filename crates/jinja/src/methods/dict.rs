//! Methods of `dict`; Python 2's `iteritems` and the like are still found in templates.

use std::rc::Rc;

use super::{Table, wrong_receiver};
use crate::error::{Error, ErrorKind, Result};
use crate::eval::Machine;
use crate::value::{Args, Dict, Key, Value, View, ViewKind};

pub(super) const METHODS: Table = &[
    ("clear", |_, value, args| {
        let [] = args.exactly("clear")?;
        let old = std::mem::take(&mut *this(value)?.borrow_mut());
        drop(old);
        Ok(Value::None)
    }),
    ("copy", |_, value, args| {
        let [] = args.exactly("copy")?;
        let entries = this(value)?.borrow().clone();
        Ok(Value::Dict(Dict::new(entries)))
    }),
    ("fromkeys", fromkeys),
    ("get", |_, value, args| {
        let [key, default] = args.bind("get", ["key", "default"])?;
        let key = super::required("get", "key", key)?;
        Ok(this(value)?.get_value(&key)?.or(default).unwrap_or(Value::None))
    }),
    ("has_key", |_, value, args| {
        let [key] = args.exactly("has_key")?;
        Ok(Value::Bool(this(value)?.get_value(&key)?.is_some()))
    }),
    ("items", |_, value, args| view(value, args, ViewKind::Items)),
    ("iteritems", |_, value, args| view(value, args, ViewKind::Items)),
    ("iterkeys", |_, value, args| view(value, args, ViewKind::Keys)),
    ("itervalues", |_, value, args| view(value, args, ViewKind::Values)),
    ("keys", |_, value, args| view(value, args, ViewKind::Keys)),
    ("pop", pop),
    ("popitem", |_, value, args| {
        let [] = args.exactly("popitem")?;
        let last = this(value)?.borrow_mut().pop();
        match last {
            Some((key, value)) => Ok(Value::tuple(vec![key.value().clone(), value])),
            None => Err(Error::new(ErrorKind::Key, "popitem(): dictionary is empty")),
        }
    }),
    ("setdefault", |_, value, args| {
        let [key, default] = args.bind("setdefault", ["key", "default"])?;
        let key = super::required("setdefault", "key", key)?;
        let dict = this(value)?;
        if let Some(found) = dict.get_value(&key)? {
            return Ok(found);
        }
        let default = default.unwrap_or(Value::None);
        dict.insert(key, default.clone())?;
        Ok(default)
    }),
    ("update", |_, value, args| {
        update(&this(value)?, args)?;
        Ok(Value::None)
    }),
    ("values", |_, value, args| view(value, args, ViewKind::Values)),
    ("__setitem__", |_, value, args| {
        let [key, item] = args.exactly("__setitem__")?;
        this(value)?.insert(key, item)?;
        Ok(Value::None)
    }),
    ("__delitem__", |machine, value, args| {
        let [key] = args.exactly("__delitem__")?;
        pop(machine, value, Args { positional: vec![key], named: Vec::new() })?;
        Ok(Value::None)
    }),
];

/// Methods of the class itself: `dict.fromkeys(...)`.
pub(super) const CLASS_METHODS: Table = &[("fromkeys", fromkeys)];

fn this(value: &Value) -> Result<Dict> {
    match value {
        Value::Dict(dict) => Ok(dict.clone()),
        other => Err(wrong_receiver(other)),
    }
}

fn view(value: &Value, args: Args, kind: ViewKind) -> Result<Value> {
    let [] = args.exactly("this method")?;
    Ok(Value::View(Rc::new(View { dict: this(value)?, kind })))
}

fn fromkeys(_: &mut Machine<'_>, _: &Value, args: Args) -> Result<Value> {
    let [keys, value] = args.bind("fromkeys", ["iterable", "value"])?;
    let keys = super::required("fromkeys", "iterable", keys)?;
    let value = value.unwrap_or(Value::None);
    let dict = Dict::default();
    for key in keys.to_vec()? {
        dict.insert(key, value.clone())?;
    }
    Ok(Value::Dict(dict))
}

fn pop(machine: &mut Machine<'_>, value: &Value, args: Args) -> Result<Value> {
    let [key, default] = args.bind("pop", ["key", "default"])?;
    let key = super::required("pop", "key", key)?;
    let dict = this(value)?;
    machine.step(dict.borrow().len() / 16)?;
    // Of an empty one Python does not even ask whether the key can be one.
    let empty = dict.borrow().is_empty();
    let found = match empty {
        true => None,
        false => dict.borrow_mut().shift_remove(&Key::new(key.clone())?),
    };
    match found.or(default) {
        Some(value) => Ok(value),
        None => Err(missing(&dict, &key)),
    }
}

fn missing(dict: &Dict, key: &Value) -> Error {
    let shown = key.repr().unwrap_or_default();
    let error = Error::new(ErrorKind::Key, format!("the dictionary has no key {shown}"));
    let entries = dict.borrow();
    let known = entries.keys().filter_map(|key| key.value().as_str());
    match key.as_str().and_then(|wrong| slapos_nearest::nearest(wrong, known)) {
        Some(known) => error.with_hint(format!("did you mean `{known}`?")),
        None => error,
    }
}

/// `dict.update(other, **named)`, also what `dict(other, **named)` does.
pub(crate) fn update(dict: &Dict, args: Args) -> Result<()> {
    let Args { positional, named } = args;
    if positional.len() > 1 {
        let given = positional.len();
        return Err(Error::type_error(format!("update expected at most 1 argument, got {given}")));
    }
    match positional.into_iter().next() {
        None => {}
        Some(Value::Dict(other)) => {
            let entries = other.borrow().clone();
            for (key, value) in entries {
                let old = dict.borrow_mut().insert(key, value);
                drop(old);
            }
        }
        Some(pairs) => {
            for (at, pair) in pairs.to_vec()?.into_iter().enumerate() {
                let Ok(pair) = pair.to_vec() else {
                    let message = format!(
                        "cannot convert dictionary update sequence element #{at} to a sequence"
                    );
                    return Err(Error::type_error(message));
                };
                let length = pair.len();
                let Ok([key, value]) = <[Value; 2]>::try_from(pair) else {
                    let message = format!(
                        "dictionary update sequence element #{at} has length {length}; 2 is required"
                    );
                    return Err(Error::value_error(message));
                };
                dict.insert(key, value)?;
            }
        }
    }
    for (name, value) in named {
        dict.set(&name, value);
    }
    Ok(())
}
