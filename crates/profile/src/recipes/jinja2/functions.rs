//! What every template can name: Python's built-in functions, `dumps`, and the modules that a context may import.

use std::rc::Rc;

use slapos_jinja::{Context, Error, ErrorKind, Module, Result, Value, builtins};

/// Modules that a context line `import` may name.
pub(super) const MODULES: [&str; 3] = ["json", "os", "os.path"];

/// Adds the functions that the recipe gives to every template.
pub(super) fn define(context: &mut Context) {
    for name in builtins::NAMES {
        if let Some(value) = builtins::value(name) {
            context.set_global(name, value);
        }
    }
    // Templates print what this one gives, so it gives nothing to see.
    let assert = Value::function("assert", |arguments, _| match arguments {
        [truth] | [truth, _] if truth.truth()? => Ok(Value::from("")),
        [_] => Err(Error::new(ErrorKind::Assertion, "an assertion of the template does not hold")),
        [_, message] => Err(Error::new(ErrorKind::Assertion, message.text()?.to_string())),
        _ => Err(Error::new(ErrorKind::Type, "assert() takes a value and perhaps a message")),
    });
    context.set_global("assert", assert);
}

/// Whether every template has a function of this name; no context may hide it.
pub(super) fn is_default(name: &str) -> bool {
    builtins::NAMES.contains(&name)
}

/// The Python module of that name.
pub(super) fn module(name: &str) -> Option<Value> {
    match name {
        "json" => Some(json()),
        "os" => Some(Module::value("os", [("path", path())])),
        "os.path" => Some(path()),
        _ => None,
    }
}

fn json() -> Value {
    let loads = one("loads", |value| {
        let text =
            value.as_str().ok_or_else(|| Error::new(ErrorKind::Type, "loads() takes a text"))?;
        Value::from_json(text).map_err(|error| Error::new(ErrorKind::Value, error.message))
    });
    Module::value(
        "json",
        [("dumps", one("dumps", |value| value.to_json().map(Value::from))), ("loads", loads)],
    )
}

fn path() -> Value {
    let join = Value::function("join", |arguments, _| {
        let mut whole = String::new();
        for argument in arguments {
            let part = text(argument)?;
            if part.starts_with('/') {
                whole.clear();
            } else if !whole.is_empty() && !whole.ends_with('/') {
                whole.push('/');
            }
            whole.push_str(&part);
        }
        Ok(Value::from(whole))
    });
    let basename = one("basename", |value| Ok(Value::from(split(&text(value)?).1)));
    let dirname = one("dirname", |value| Ok(Value::from(split(&text(value)?).0)));
    Module::value("os.path", [("join", join), ("basename", basename), ("dirname", dirname)])
}

/// A function of one argument.
fn one(name: &'static str, run: impl Fn(&Value) -> Result<Value> + 'static) -> Value {
    Value::function(name, move |arguments, named| match (arguments, named) {
        ([value], []) => run(value),
        ([_], [(option, _), ..]) => Err(Error::new(
            ErrorKind::Unsupported,
            format!("{name}() is not offered with `{option}`"),
        )),
        _ => Err(Error::new(ErrorKind::Type, format!("{name}() takes one argument"))),
    })
}

fn text(value: &Value) -> Result<Rc<str>> {
    value.as_str().map(Rc::from).ok_or_else(|| {
        Error::new(ErrorKind::Type, format!("a path is a text, not {}", value.type_name()))
    })
}

/// Folder and name, as Python splits a path.
fn split(path: &str) -> (&str, &str) {
    match path.rfind('/') {
        None => ("", path),
        Some(at) => {
            let head = path[..at].trim_end_matches('/');
            (if head.is_empty() { &path[..=at] } else { head }, &path[at + 1..])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_split_as_in_python() {
        let table = [
            ("/a/b", ("/a", "b")),
            ("b", ("", "b")),
            ("/b", ("/", "b")),
            ("/a/", ("/a", "")),
            ("a//b", ("a", "b")),
        ];
        for (path, expected) in table {
            assert_eq!(split(path), expected, "{path}");
        }
    }
}
