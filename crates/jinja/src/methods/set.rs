//! Methods of `set`.

use indexmap::IndexSet;

use super::{Table, wrong_receiver};
use crate::error::{Error, ErrorKind, Result};
use crate::value::{Args, Key, Set, Value};

pub(super) const METHODS: Table = &[
    ("add", |_, value, args| {
        let [item] = args.exactly("add")?;
        this(value)?.borrow_mut().insert(Key::new(item)?);
        Ok(Value::None)
    }),
    ("clear", |_, value, args| {
        let [] = args.exactly("clear")?;
        this(value)?.borrow_mut().clear();
        Ok(Value::None)
    }),
    ("copy", |_, value, args| {
        let [] = args.exactly("copy")?;
        Ok(Value::Set(Set::new(this(value)?.borrow().clone())))
    }),
    ("difference", |_, value, args| combined(value, &args, without)),
    ("difference_update", |_, value, args| updated(value, &args, without)),
    ("discard", |_, value, args| {
        let [item] = args.exactly("discard")?;
        this(value)?.borrow_mut().shift_remove(&Key::new(item)?);
        Ok(Value::None)
    }),
    ("intersection", |_, value, args| combined(value, &args, within)),
    ("intersection_update", |_, value, args| updated(value, &args, within)),
    ("isdisjoint", |_, value, args| {
        let [other] = args.exactly("isdisjoint")?;
        let other = elements(&other)?;
        Ok(Value::Bool(this(value)?.borrow().is_disjoint(&other)))
    }),
    ("issubset", |_, value, args| {
        let [other] = args.exactly("issubset")?;
        let other = elements(&other)?;
        Ok(Value::Bool(this(value)?.borrow().is_subset(&other)))
    }),
    ("issuperset", |_, value, args| {
        let [other] = args.exactly("issuperset")?;
        let other = elements(&other)?;
        Ok(Value::Bool(this(value)?.borrow().is_superset(&other)))
    }),
    ("pop", |_, value, args| {
        let [] = args.exactly("pop")?;
        let set = this(value)?;
        let Some(first) = set.sorted().into_iter().next() else {
            return Err(Error::new(ErrorKind::Key, "pop from an empty set"));
        };
        set.borrow_mut().shift_remove(&Key::new(first.clone())?);
        Ok(first)
    }),
    ("remove", |_, value, args| {
        let [item] = args.exactly("remove")?;
        let shown = item.repr()?;
        if this(value)?.borrow_mut().shift_remove(&Key::new(item)?) {
            Ok(Value::None)
        } else {
            Err(Error::new(ErrorKind::Key, format!("the set has no element {shown}")))
        }
    }),
    ("symmetric_difference", |_, value, args| combined(value, &args, either)),
    ("symmetric_difference_update", |_, value, args| updated(value, &args, either)),
    ("union", |_, value, args| combined(value, &args, both)),
    ("update", |_, value, args| updated(value, &args, both)),
];

type Elements = IndexSet<Key>;

fn this(value: &Value) -> Result<Set> {
    match value {
        Value::Set(set) => Ok(set.clone()),
        other => Err(wrong_receiver(other)),
    }
}

fn elements(value: &Value) -> Result<Elements> {
    value.to_vec()?.into_iter().map(Key::new).collect()
}

fn without(a: &Elements, b: &Elements) -> Elements {
    a.difference(b).cloned().collect()
}

fn within(a: &Elements, b: &Elements) -> Elements {
    a.intersection(b).cloned().collect()
}

fn either(a: &Elements, b: &Elements) -> Elements {
    a.symmetric_difference(b).cloned().collect()
}

fn both(a: &Elements, b: &Elements) -> Elements {
    a.union(b).cloned().collect()
}

/// The set after the operation with each of the arguments in turn.
fn result(
    value: &Value,
    args: &Args,
    operation: fn(&Elements, &Elements) -> Elements,
) -> Result<Elements> {
    if !args.named.is_empty() {
        return Err(Error::type_error("methods of sets take no keyword arguments"));
    }
    let mut found = this(value)?.borrow().clone();
    for other in &args.positional {
        found = operation(&found, &elements(other)?);
    }
    Ok(found)
}

fn combined(
    value: &Value,
    args: &Args,
    operation: fn(&Elements, &Elements) -> Elements,
) -> Result<Value> {
    Ok(Value::Set(Set::new(result(value, args, operation)?)))
}

fn updated(
    value: &Value,
    args: &Args,
    operation: fn(&Elements, &Elements) -> Elements,
) -> Result<Value> {
    let found = result(value, args, operation)?;
    *this(value)?.borrow_mut() = found;
    Ok(Value::None)
}
