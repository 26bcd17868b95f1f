//! Filters on whole sequences, and `default` and `attr`.

use std::mem::take;
use std::rc::Rc;

use super::select::attribute_of;
use super::{Table, flag, size};
use crate::error::{Error, Result};
use crate::eval::Machine;
use crate::value::{self, Args, Iter, Missing, Value, ViewKind, check_size};

pub(super) const FILTERS: Table = &[
    ("attr", |machine, value, args| {
        let [name] = args.exactly("attr")?;
        machine.only_attribute(value, &Rc::from(&*name.text()?))
    }),
    ("batch", batch),
    ("count", length),
    ("d", default),
    ("default", default),
    ("first", |_, value, args| {
        let [] = args.exactly("first")?;
        let first = value.iterate()?.next_value()?;
        Ok(first.unwrap_or_else(|| {
            Missing::named("there is no first item: the sequence is empty".into(), "", [])
        }))
    }),
    ("items", |_, value, args| {
        let [] = args.exactly("items")?;
        match value {
            Value::Undefined(_) => Ok(Value::Iter(Iter::of(Vec::new()))),
            Value::Dict(dict) => {
                let dict = dict.clone();
                let view = value::View { dict, kind: ViewKind::Items };
                Ok(Value::Iter(Value::View(Rc::new(view)).iterate()?))
            }
            _ => Err(Error::type_error("Can only get item pairs from a mapping.")),
        }
    }),
    ("join", join),
    ("last", last),
    ("length", length),
    ("list", |_, value, args| {
        let [] = args.exactly("list")?;
        Ok(Value::list(value.to_vec()?))
    }),
    ("reverse", reverse),
    ("slice", slice),
    ("sum", |machine, value, args| {
        let [attribute, start] = args.bind("sum", ["attribute", "start"])?;
        let attribute = attribute.unwrap_or(Value::None);
        let mut total = start.unwrap_or(Value::Int(0));
        if total.as_str().is_some() {
            return Err(Error::type_error("sum() can't sum strings [use ''.join(seq) instead]"));
        }
        for item in value.to_vec()? {
            machine.step(1)?;
            total = value::add(&total, &attribute_of(machine, &item, &attribute)?)?;
        }
        Ok(total)
    }),
];

fn default(_: &mut Machine<'_>, value: &Value, args: Args) -> Result<Value> {
    let [default, boolean] = args.bind("default", ["default_value", "boolean"])?;
    let replace = value.is_undefined() || flag(boolean)? && !value.truth()?;
    Ok(if replace { default.unwrap_or_else(|| Value::from("")) } else { value.clone() })
}

fn length(_: &mut Machine<'_>, value: &Value, args: Args) -> Result<Value> {
    let [] = args.exactly("length")?;
    Ok(Value::from(value.length()?))
}

fn join(machine: &mut Machine<'_>, value: &Value, args: Args) -> Result<Value> {
    let [separator, attribute] = args.bind("join", ["d", "attribute"])?;
    let separator = separator.map_or_else(|| Ok("".into()), |separator| separator.text())?;
    let attribute = attribute.unwrap_or(Value::None);
    let mut out = String::new();
    for (at, item) in value.to_vec()?.iter().enumerate() {
        machine.step(1)?;
        if at > 0 {
            out.push_str(&separator);
        }
        out.push_str(&attribute_of(machine, item, &attribute)?.text()?);
        check_size(out.len())?;
    }
    Ok(Value::from(out))
}

fn last(_: &mut Machine<'_>, value: &Value, args: Args) -> Result<Value> {
    let [] = args.exactly("last")?;
    if matches!(value, Value::Set(_) | Value::Iter(_)) {
        return Err(Error::type_error(format!("'{}' object is not reversible", value.type_name())));
    }
    let last = value.to_vec()?.pop();
    Ok(last.unwrap_or_else(|| {
        Missing::named("there is no last item: the sequence is empty".into(), "", [])
    }))
}

fn reverse(_: &mut Machine<'_>, value: &Value, args: Args) -> Result<Value> {
    let [] = args.exactly("reverse")?;
    match value {
        Value::Str(text) => Ok(Value::from(text.chars().rev().collect::<String>())),
        Value::Markup(text) => Ok(Value::Markup(text.chars().rev().collect::<String>().into())),
        Value::Set(_) | Value::Iter(_) => {
            let mut items = value.to_vec()?;
            items.reverse();
            Ok(Value::list(items))
        }
        other => {
            let mut items = other.to_vec()?;
            items.reverse();
            Ok(Value::Iter(Iter::of(items)))
        }
    }
}

fn batch(_: &mut Machine<'_>, value: &Value, args: Args) -> Result<Value> {
    let [count, fill] = args.bind("batch", ["linecount", "fill_with"])?;
    let count = count.ok_or_else(|| Error::type_error("batch needs `linecount`"))?;
    let (mut rows, mut row) = (Vec::new(), Vec::new());
    for item in value.to_vec()? {
        if value::equal(&Value::from(row.len()), &count)? {
            rows.push(Value::list(take(&mut row)));
        }
        row.push(item);
    }
    if !row.is_empty() {
        let fill = fill.filter(|fill| !matches!(fill, Value::None));
        if let Some(fill) = fill
            && value::compare_less(&Value::from(row.len()), &count)?
        {
            let wanted = usize::try_from(crate::methods::integer(&count)?).unwrap_or(0);
            check_size(wanted)?;
            row.resize(wanted, fill);
        }
        rows.push(Value::list(row));
    }
    Ok(Value::Iter(Iter::of(rows)))
}

fn slice(_: &mut Machine<'_>, value: &Value, args: Args) -> Result<Value> {
    let [count, fill] = args.bind("slice", ["slices", "fill_with"])?;
    let (items, count) = (value.to_vec()?, size(count, 0)?);
    check_size(count)?;
    if count == 0 {
        return Err(Error::unsupported("the filter `slice` needs a positive number of slices"));
    }
    let (each, extra) = (items.len() / count, items.len() % count);
    let fill = fill.filter(|fill| !matches!(fill, Value::None));
    let (mut rows, mut rest) = (Vec::with_capacity(count), &items[..]);
    for number in 0..count {
        let (row, after) = rest.split_at(each + usize::from(number < extra));
        let mut row = row.to_vec();
        if number >= extra {
            row.extend(fill.clone());
        }
        rows.push(Value::list(row));
        rest = after;
    }
    Ok(Value::Iter(Iter::of(rows)))
}
