//! Functions that every template has, as in Jinja2: `range`, `dict`, `namespace`, `cycler`, `joiner`.

use std::cell::Cell;
use std::rc::Rc;

use crate::builtins;
use crate::error::{Error, Result};
use crate::eval::Machine;
use crate::methods;
use crate::value::{self, Args, Callable, Dict, Function, Namespace, Object, Type, Value};

/// Names of the global functions.
pub(crate) const NAMES: [&str; 5] = ["cycler", "dict", "joiner", "namespace", "range"];

/// The global function of this name.
pub(crate) fn global(name: &str) -> Option<Value> {
    Some(match name {
        "range" => builtin("range", |_, args| builtins::range(&args)),
        "dict" => Value::Type(Type::Dict),
        "namespace" => builtin("namespace", namespace),
        "cycler" => builtin("cycler", |_, args| Cycler::value(args)),
        "joiner" => builtin("joiner", joiner),
        "lipsum" => builtin("lipsum", |_, _| {
            Err(Error::unsupported("`lipsum` is not supported: its text is random"))
        }),
        _ => return None,
    })
}

pub(crate) fn builtin(
    name: &'static str,
    run: fn(&mut Machine<'_>, Args) -> Result<Value>,
) -> Value {
    Value::Function(Rc::new(Function(Callable::Builtin { name, run })))
}

/// A function that remembers values.
pub(crate) fn closure(
    name: &'static str,
    run: impl Fn(&mut Machine<'_>, Args) -> Result<Value> + 'static,
) -> Value {
    Value::Function(Rc::new(Function(Callable::Closure { name, run: Box::new(run) })))
}

fn namespace(_: &mut Machine<'_>, args: Args) -> Result<Value> {
    let dict = Dict::default();
    methods::update_dict(&dict, args)?;
    let namespace = Namespace::default();
    for (key, value) in dict.borrow().iter() {
        match key.value() {
            Value::Str(name) => namespace.set(name, value.clone()),
            other => {
                let message =
                    format!("the name of an attribute is a text, not {}", other.type_name());
                return Err(Error::type_error(message));
            }
        }
    }
    Ok(Value::Object(Rc::new(namespace)))
}

/// A function that gives nothing the first time, then the separator.
fn joiner(_: &mut Machine<'_>, args: Args) -> Result<Value> {
    let [separator] = args.bind("joiner", ["sep"])?;
    let separator = separator.unwrap_or_else(|| Value::from(", "));
    let used = Cell::new(false);
    Ok(Value::function("joiner", move |_, _| {
        Ok(if used.replace(true) { separator.clone() } else { Value::from("") })
    }))
}

/// Gives its values in turn.
struct Cycler {
    values: Rc<[Value]>,
    at: Rc<Cell<usize>>,
}

impl Cycler {
    fn value(args: Args) -> Result<Value> {
        if args.positional.is_empty() || !args.named.is_empty() {
            return Err(Error::type_error(
                "cycler() needs at least one item, and no keyword argument",
            ));
        }
        Ok(Value::Object(Rc::new(Self { values: args.positional.into(), at: Rc::default() })))
    }
}

impl Object for Cycler {
    fn type_name(&self) -> &str {
        "Cycler"
    }

    fn attribute(&self, name: &str) -> Result<Option<Value>> {
        let (values, at) = (self.values.clone(), self.at.clone());
        Ok(Some(match name {
            "current" => values[at.get()].clone(),
            "next" => Value::function("next", move |_, _| {
                let current = at.get();
                at.set((current + 1) % values.len());
                Ok(values[current].clone())
            }),
            "reset" => Value::function("reset", move |_, _| {
                at.set(0);
                Ok(Value::None)
            }),
            _ => return Ok(None),
        }))
    }

    fn names(&self) -> Vec<Rc<str>> {
        ["current", "next", "reset"].map(Rc::from).to_vec()
    }
}

/// Sorts by the arguments `key` and `reverse`, as `list.sort` and `sorted` do.
pub(crate) fn sort_values(
    machine: &mut Machine<'_>,
    items: Vec<Value>,
    args: Args,
    name: &str,
) -> Result<Vec<Value>> {
    let named = Args { positional: Vec::new(), named: args.named };
    let [key, reverse] = named.bind(name, ["key", "reverse"])?;
    let reverse = reverse.map_or(Ok(false), |reverse| reverse.truth())?;
    let keys = keys_of(machine, &items, key.as_ref())?;
    sort_keyed(keys.into_iter().zip(items).collect(), reverse)
}

/// What `key` gives for each item; the items themselves without `key`.
pub(crate) fn keys_of(
    machine: &mut Machine<'_>,
    items: &[Value],
    key: Option<&Value>,
) -> Result<Vec<Value>> {
    machine.step(items.len())?;
    match key {
        None | Some(Value::None) => Ok(items.to_vec()),
        Some(key) => {
            let call = |item: &Value| {
                machine.call(key, Args { positional: vec![item.clone()], named: Vec::new() })
            };
            items.iter().map(call).collect()
        }
    }
}

/// Sorts items by their keys; equal ones keep their order, also when reversed.
pub(crate) fn sort_keyed(pairs: Vec<(Value, Value)>, reverse: bool) -> Result<Vec<Value>> {
    let sorted = value::sort_by(pairs, &mut |a, b| {
        if reverse { value::compare_less(&b.0, &a.0) } else { value::compare_less(&a.0, &b.0) }
    })?;
    Ok(sorted.into_iter().map(|(_, item)| item).collect())
}
