//! Methods of `list`, `tuple` and `range`.

use super::{Table, integer, wrong_receiver};
use crate::error::{Error, ErrorKind, Result};
use crate::eval::{Machine, position};
use crate::functions::sort_values;
use crate::value::{Args, List, MAX_ITEMS, Value, equal, identical};

pub(super) const METHODS: Table = &[
    ("append", |_, value, args| {
        let [item] = args.exactly("append")?;
        grow(&this(value)?, vec![item])
    }),
    ("clear", |_, value, args| {
        let [] = args.exactly("clear")?;
        let old = std::mem::take(&mut *this(value)?.borrow_mut());
        drop(old);
        Ok(Value::None)
    }),
    ("copy", |_, value, args| {
        let [] = args.exactly("copy")?;
        Ok(Value::list(value.to_vec()?))
    }),
    ("count", count),
    ("extend", |_, value, args| {
        let [items] = args.exactly("extend")?;
        grow(&this(value)?, items.to_vec()?)
    }),
    ("index", index),
    ("insert", insert),
    ("pop", pop),
    ("remove", remove),
    ("reverse", |_, value, args| {
        let [] = args.exactly("reverse")?;
        this(value)?.borrow_mut().reverse();
        Ok(Value::None)
    }),
    ("sort", sort),
    ("__setitem__", |_, value, args| {
        let [index, item] = args.exactly("__setitem__")?;
        let list = this(value)?;
        let length = list.borrow().len();
        let at = position(integer(&index)?, length);
        let at =
            at.ok_or_else(|| Error::new(ErrorKind::Index, "list assignment index out of range"))?;
        let old = std::mem::replace(&mut list.borrow_mut()[at], item);
        drop(old);
        Ok(Value::None)
    }),
    ("__delitem__", |_, value, args| {
        let [index] = args.exactly("__delitem__")?;
        let list = this(value)?;
        let length = list.borrow().len();
        let at = position(integer(&index)?, length);
        let at =
            at.ok_or_else(|| Error::new(ErrorKind::Index, "list assignment index out of range"))?;
        let old = list.borrow_mut().remove(at);
        drop(old);
        Ok(Value::None)
    }),
];

pub(super) const TUPLE_METHODS: Table = &[("count", count), ("index", index)];

fn this(value: &Value) -> Result<List> {
    match value {
        Value::List(list) => Ok(list.clone()),
        other => Err(wrong_receiver(other)),
    }
}

fn grow(list: &List, items: Vec<Value>) -> Result<Value> {
    if list.borrow().len() + items.len() > MAX_ITEMS {
        return Err(Error::limit(format!("a list has too many elements; {MAX_ITEMS} are allowed")));
    }
    list.borrow_mut().extend(items);
    Ok(Value::None)
}

fn count(machine: &mut Machine<'_>, value: &Value, args: Args) -> Result<Value> {
    let [wanted] = args.exactly("count")?;
    let items = value.to_vec()?;
    machine.step(items.len())?;
    let mut found = 0;
    for item in items {
        found += usize::from(identical(&item, &wanted) || equal(&item, &wanted)?);
    }
    Ok(Value::from(found))
}

fn find(machine: &mut Machine<'_>, items: &[Value], wanted: &Value) -> Result<Option<usize>> {
    machine.step(items.len())?;
    for (at, item) in items.iter().enumerate() {
        if identical(item, wanted) || equal(item, wanted)? {
            return Ok(Some(at));
        }
    }
    Ok(None)
}

fn index(machine: &mut Machine<'_>, value: &Value, args: Args) -> Result<Value> {
    let [wanted, start, end] = args.bind("index", ["value", "start", "end"])?;
    let wanted = super::required("index", "value", wanted)?;
    let items = value.to_vec()?;
    let bounds =
        [start.as_ref().map(integer).transpose()?, end.as_ref().map(integer).transpose()?, None];
    let positions = crate::eval::slice_positions(bounds, items.len())?;
    let (start, window) = match (positions.first(), positions.last()) {
        (Some(first), Some(last)) => (*first, &items[*first..=*last]),
        _ => (0, &items[..0]),
    };
    let found = find(machine, window, &wanted)?;
    found
        .map(|at| Value::from(at + start))
        .ok_or_else(|| Error::value_error("the value is not in the list"))
}

fn insert(machine: &mut Machine<'_>, value: &Value, args: Args) -> Result<Value> {
    let [index, item] = args.exactly("insert")?;
    let (list, index) = (this(value)?, integer(&index)?);
    let length = list.borrow().len();
    machine.step(length / 16)?;
    let distance = usize::try_from(index.unsigned_abs()).unwrap_or(usize::MAX);
    let at = if index < 0 { length.saturating_sub(distance) } else { distance.min(length) };
    list.borrow_mut().insert(at, item);
    Ok(Value::None)
}

fn pop(machine: &mut Machine<'_>, value: &Value, args: Args) -> Result<Value> {
    let [index] = args.bind("pop", ["index"])?;
    let list = this(value)?;
    let length = list.borrow().len();
    machine.step(length / 16)?;
    if length == 0 {
        return Err(Error::new(ErrorKind::Index, "pop from empty list"));
    }
    let at = position(index.as_ref().map_or(Ok(-1), integer)?, length);
    let at = at.ok_or_else(|| Error::new(ErrorKind::Index, "pop index out of range"))?;
    let item = list.borrow_mut().remove(at);
    Ok(item)
}

fn remove(machine: &mut Machine<'_>, value: &Value, args: Args) -> Result<Value> {
    let [wanted] = args.exactly("remove")?;
    let (list, items) = (this(value)?, value.to_vec()?);
    let Some(at) = find(machine, &items, &wanted)? else {
        return Err(Error::value_error("list.remove(x): x not in list"));
    };
    let old = list.borrow_mut().remove(at);
    drop(old);
    Ok(Value::None)
}

fn sort(machine: &mut Machine<'_>, value: &Value, args: Args) -> Result<Value> {
    if !args.positional.is_empty() {
        return Err(Error::type_error("sort() takes no positional arguments"));
    }
    let items = value.to_vec()?;
    let sorted = sort_values(machine, items, args, "sort")?;
    let old = std::mem::replace(&mut *this(value)?.borrow_mut(), sorted);
    drop(old);
    Ok(Value::None)
}
