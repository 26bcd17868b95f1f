//! Filters that choose or change the elements of a sequence: `map`, `select`, `sort`, `groupby` and the like.

use super::{Table, find_by_value, flag};
use crate::error::{Error, Result};
use crate::eval::Machine;
use crate::functions::sort_keyed;
use crate::predicates;
use crate::value::{Args, Iter, Key, Missing, Value, equal};

pub(super) const FILTERS: Table = &[
    ("dictsort", dictsort),
    ("groupby", groupby),
    ("map", map),
    ("max", |machine, value, args| extreme(machine, value, args, true)),
    ("min", |machine, value, args| extreme(machine, value, args, false)),
    ("reject", |machine, value, args| select(machine, value, args, false, false)),
    ("rejectattr", |machine, value, args| select(machine, value, args, false, true)),
    ("select", |machine, value, args| select(machine, value, args, true, false)),
    ("selectattr", |machine, value, args| select(machine, value, args, true, true)),
    ("sort", sort),
    ("unique", unique),
];

/// What `attribute='a.b'` means: items one below the other.
pub(super) fn attribute_of(
    machine: &mut Machine<'_>,
    item: &Value,
    attribute: &Value,
) -> Result<Value> {
    let path = match attribute {
        Value::None => return Ok(item.clone()),
        Value::Str(path) => path.clone(),
        other => return machine.item(item, other),
    };
    let mut found = item.clone();
    for part in path.split('.') {
        let digits = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        let key = match part.parse::<i64>() {
            Ok(index) if digits => Value::Int(index),
            _ => Value::from(part),
        };
        found = machine.item(&found, &key)?;
    }
    Ok(found)
}

/// Texts in small letters, so that their case does not count.
fn fold(value: Value, case_sensitive: bool) -> Value {
    match value {
        Value::Str(text) | Value::Markup(text) if !case_sensitive => {
            Value::from(text.to_lowercase())
        }
        _ => value,
    }
}

fn map(machine: &mut Machine<'_>, value: &Value, mut args: Args) -> Result<Value> {
    if !value.truth()? {
        return Ok(Value::Iter(Iter::of(Vec::new())));
    }
    let items = value.to_vec()?;
    machine.step(items.len())?;
    let mut mapped = Vec::with_capacity(items.len());
    if args.positional.is_empty() {
        let [attribute, default] = args.bind("map", ["attribute", "default"])?;
        let attribute =
            attribute.ok_or_else(|| Error::type_error("the filter `map` needs a filter's name"))?;
        for item in items {
            let found = attribute_of(machine, &item, &attribute)?;
            let default = default
                .clone()
                .filter(|default| found.is_undefined() && !matches!(default, Value::None));
            mapped.push(default.unwrap_or(found));
        }
    } else {
        let filter = find_by_value(&args.positional.remove(0))?;
        for item in items {
            mapped.push((filter.run)(machine, &item, args.clone())?);
        }
    }
    Ok(Value::Iter(Iter::of(mapped)))
}

fn select(
    machine: &mut Machine<'_>,
    value: &Value,
    mut args: Args,
    wanted: bool,
    by_attribute: bool,
) -> Result<Value> {
    if !value.truth()? {
        return Ok(Value::Iter(Iter::of(Vec::new())));
    }
    let mut attribute = Value::None;
    if by_attribute {
        if args.positional.is_empty() {
            return Err(Error::type_error("the name of the attribute is missing"));
        }
        attribute = args.positional.remove(0);
    }
    let predicate = if args.positional.is_empty() {
        None
    } else {
        let name = args.positional.remove(0).text()?;
        let found = predicates::find(&name);
        Some(found.ok_or_else(|| Error::value_error(format!("unknown test `{name}`")))?)
    };
    let items = value.to_vec()?;
    machine.step(items.len())?;
    let mut chosen = Vec::new();
    for item in items {
        let subject = attribute_of(machine, &item, &attribute)?;
        let passes = match &predicate {
            Some(predicate) => (predicate.run)(machine, &subject, args.clone())?,
            None => subject.truth()?,
        };
        if passes == wanted {
            chosen.push(item);
        }
    }
    Ok(Value::Iter(Iter::of(chosen)))
}

fn sort(machine: &mut Machine<'_>, value: &Value, args: Args) -> Result<Value> {
    let [reverse, case_sensitive, attribute] =
        args.bind("sort", ["reverse", "case_sensitive", "attribute"])?;
    let (reverse, case_sensitive) = (flag(reverse)?, flag(case_sensitive)?);
    let attributes = match attribute {
        None => vec![Value::None],
        Some(Value::Str(names)) => names.split(',').map(Value::from).collect(),
        Some(other) => vec![other],
    };
    let mut pairs = Vec::new();
    for item in value.to_vec()? {
        let mut key = Vec::with_capacity(attributes.len());
        for attribute in &attributes {
            key.push(fold(attribute_of(machine, &item, attribute)?, case_sensitive));
        }
        pairs.push((Value::list(key), item));
    }
    machine.step(pairs.len())?;
    Ok(Value::list(sort_keyed(pairs, reverse)?))
}

fn dictsort(machine: &mut Machine<'_>, value: &Value, args: Args) -> Result<Value> {
    let [case_sensitive, by, reverse] =
        args.bind("dictsort", ["case_sensitive", "by", "reverse"])?;
    let (case_sensitive, reverse) = (flag(case_sensitive)?, flag(reverse)?);
    let by = by.map_or_else(|| Ok("key".into()), |by| by.text())?;
    let Value::Dict(dict) = value.clone().defined()? else {
        return Err(Error::type_error("the filter `dictsort` needs a dictionary"));
    };
    let mut pairs = Vec::new();
    for (key, value) in dict.borrow().iter() {
        let key = key.value().clone();
        let sorted_by = match &*by {
            "key" => key.clone(),
            "value" => value.clone(),
            _ => {
                return Err(Error::value_error("You can only sort by either \"key\" or \"value\""));
            }
        };
        pairs.push((fold(sorted_by, case_sensitive), Value::tuple(vec![key, value.clone()])));
    }
    machine.step(pairs.len())?;
    Ok(Value::list(sort_keyed(pairs, reverse)?))
}

fn unique(machine: &mut Machine<'_>, value: &Value, args: Args) -> Result<Value> {
    let [case_sensitive, attribute] = args.bind("unique", ["case_sensitive", "attribute"])?;
    let (case_sensitive, attribute) = (flag(case_sensitive)?, attribute.unwrap_or(Value::None));
    let mut seen = indexmap::IndexSet::new();
    let mut found = Vec::new();
    for item in value.to_vec()? {
        machine.step(1)?;
        let key = fold(attribute_of(machine, &item, &attribute)?, case_sensitive);
        if seen.insert(Key::new(key)?) {
            found.push(item);
        }
    }
    Ok(Value::Iter(Iter::of(found)))
}

fn extreme(machine: &mut Machine<'_>, value: &Value, args: Args, greatest: bool) -> Result<Value> {
    let [case_sensitive, attribute] = args.bind("this filter", ["case_sensitive", "attribute"])?;
    let (case_sensitive, attribute) = (flag(case_sensitive)?, attribute.unwrap_or(Value::None));
    let mut best: Option<(Value, Value)> = None;
    for item in value.to_vec()? {
        machine.step(1)?;
        let key = fold(attribute_of(machine, &item, &attribute)?, case_sensitive);
        let better = match &best {
            None => true,
            Some((known, _)) if greatest => crate::value::compare_less(known, &key)?,
            Some((known, _)) => crate::value::compare_less(&key, known)?,
        };
        if better {
            best = Some((key, item));
        }
    }
    let empty = || Missing::named("the sequence is empty".into(), "", []);
    Ok(best.map_or_else(empty, |(_, item)| item))
}

/// Groups as pairs of the common value and the list of items.
fn groupby(machine: &mut Machine<'_>, value: &Value, args: Args) -> Result<Value> {
    let [attribute, default, case_sensitive] =
        args.bind("groupby", ["attribute", "default", "case_sensitive"])?;
    let attribute =
        attribute.ok_or_else(|| Error::type_error("the filter `groupby` needs an attribute"))?;
    let case_sensitive = flag(case_sensitive)?;
    let mut pairs = Vec::new();
    for item in value.to_vec()? {
        machine.step(1)?;
        let found = attribute_of(machine, &item, &attribute)?;
        let default = default
            .clone()
            .filter(|default| found.is_undefined() && !matches!(default, Value::None));
        let label = default.unwrap_or(found);
        let key = fold(label.clone(), case_sensitive);
        pairs.push((key.clone(), Value::tuple(vec![key, label, item])));
    }
    let mut groups: Vec<(Value, Value, Vec<Value>)> = Vec::new();
    for row in sort_keyed(pairs, false)? {
        let Ok([key, label, item]) = <[Value; 3]>::try_from(row.to_vec()?) else {
            continue;
        };
        match groups.last_mut() {
            Some((known, _, items)) if equal(known, &key)? => items.push(item),
            _ => groups.push((key, label, vec![item])),
        }
    }
    let group = |(_, label, items)| Value::tuple(vec![label, Value::list(items)]);
    Ok(Value::list(groups.into_iter().map(group).collect()))
}
