//! Python's `itertools`: iterators that go on for ever, or through several others.

use std::rc::Rc;

use super::functions;
use crate::error::{Error, Result};
use crate::eval::Machine;
use crate::functions::builtin;
use crate::methods::integer;
use crate::value::{self, Args, Iter, Object, Value};

pub(super) fn module() -> Value {
    functions(
        "itertools",
        [
            ("chain", Value::Object(Rc::new(Chain))),
            ("count", builtin("count", count)),
            ("islice", builtin("islice", |_, args| islice(&args))),
            ("repeat", builtin("repeat", repeat)),
        ],
    )
}

fn count(_: &mut Machine<'_>, args: Args) -> Result<Value> {
    let [start, step] = args.bind("count", ["start", "step"])?;
    let mut at = start.unwrap_or(Value::Int(0)).defined()?;
    let step = step.unwrap_or(Value::Int(1)).defined()?;
    value::add(&at, &step)?; // two numbers, or an error now
    Ok(Value::Iter(Iter::lazy(move || {
        let next = value::add(&at, &step)?;
        Ok(Some(std::mem::replace(&mut at, next)))
    })))
}

fn repeat(_: &mut Machine<'_>, args: Args) -> Result<Value> {
    let [item, times] = args.bind("repeat", ["object", "times"])?;
    let item = item.unwrap_or(Value::None);
    let mut left = times.map(|times| integer(&times)).transpose()?;
    Ok(Value::Iter(Iter::lazy(move || match &mut left {
        None => Ok(Some(item.clone())),
        Some(left) if *left > 0 => {
            *left -= 1;
            Ok(Some(item.clone()))
        }
        Some(_) => Ok(None),
    })))
}

fn islice(args: &Args) -> Result<Value> {
    let bound = |value: &Value| match value {
        Value::None => Ok(None),
        other => usize::try_from(integer(other)?)
            .map(Some)
            .map_err(|_| Error::value_error("indices of islice() must not be negative")),
    };
    let bounds: Vec<Option<usize>> =
        args.positional.iter().skip(1).map(bound).collect::<Result<_>>()?;
    let (start, stop, step) = match bounds[..] {
        [stop] => (0, stop, 1),
        [start, stop] => (start.unwrap_or(0), stop, 1),
        [start, stop, step] => (start.unwrap_or(0), stop, step.unwrap_or(1)),
        _ => return Err(Error::type_error("islice() takes an iterable and one to three bounds")),
    };
    if step == 0 {
        return Err(Error::value_error("the step of islice() must not be 0"));
    }
    let mut items = args.positional[0].iterate()?;
    let (mut at, mut wanted) = (0, start);
    Ok(Value::Iter(Iter::lazy(move || {
        loop {
            if stop.is_some_and(|stop| wanted >= stop) {
                return Ok(None);
            }
            let Some(item) = items.next_value()? else {
                return Ok(None);
            };
            at += 1;
            if at > wanted {
                wanted += step;
                return Ok(Some(item));
            }
        }
    })))
}

/// `chain(a, b)`, and `chain.from_iterable`.
struct Chain;

impl Object for Chain {
    fn type_name(&self) -> &str {
        "type"
    }

    fn attribute(&self, name: &str) -> Result<Option<Value>> {
        let from_iterable = || {
            builtin("from_iterable", |_, args| {
                let [sources] = args.exactly("from_iterable")?;
                Ok(chained(sources.iterate()?))
            })
        };
        Ok((name == "from_iterable").then(from_iterable))
    }

    fn names(&self) -> Vec<Rc<str>> {
        vec!["from_iterable".into()]
    }

    fn call(&self, arguments: Args) -> Option<Result<Value>> {
        Some(Value::tuple(arguments.positional).iterate().map(chained))
    }
}

fn chained(mut sources: Iter) -> Value {
    let mut open: Option<Iter> = None;
    Value::Iter(Iter::lazy(move || {
        loop {
            if let Some(source) = &mut open
                && let Some(item) = source.next_value()?
            {
                return Ok(Some(item));
            }
            match sources.next_value()? {
                None => return Ok(None),
                Some(source) => open = Some(source.iterate()?),
            }
        }
    }))
}
