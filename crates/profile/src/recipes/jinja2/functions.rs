//! What every template can name: Python's built-in functions, `assert`, `dumps`, `six`; and the modules that a context may import.

use std::cell::RefCell;
use std::rc::Rc;

use camino::{Utf8Path, Utf8PathBuf};
use slapos_jinja::{Context, Error, ErrorKind, Module, Result, Value, builtins, modules};

use crate::recipes::userinfo;

/// The one module that no context needs to import.
const SIX: &str = "six";

/// Adds the functions that the recipe gives to every template.
pub(super) fn define(context: &mut Context) {
    for name in builtins::NAMES {
        if let Some(value) = builtins::value(name) {
            context.set_global(name, value);
        }
    }
    if let Some(six) = modules::module(SIX) {
        context.set_global(SIX, six);
    }
}

/// Whether every template has a function of this name; no context may hide it.
pub(super) fn is_default(name: &str) -> bool {
    name == SIX || builtins::NAMES.contains(&name)
}

/// Paths of which a template asked whether they are there.
pub(super) type LookedAt = Rc<RefCell<Vec<Utf8PathBuf>>>;

/// The Python module of that name: those of templates, and those that ask the machine.
pub(super) fn module(name: &str, looked_at: &LookedAt) -> Option<Value> {
    match name {
        "os" => Some(os(looked_at)),
        "os.path" => Some(path(looked_at)),
        "pwd" => {
            let entry = one("getpwuid", |uid| {
                let Value::Int(uid) = uid else {
                    return Err(Error::new(ErrorKind::Type, "getpwuid() takes a number"));
                };
                user(*uid)
            });
            Some(Module::value("pwd", [("getpwuid", entry)]))
        }
        name => modules::module(name),
    }
}

/// Names of all modules.
pub(super) fn module_names() -> impl Iterator<Item = &'static str> {
    modules::NAMES.into_iter().chain(["os", "pwd"])
}

fn os(looked_at: &LookedAt) -> Value {
    let uid = Value::Int(rustix::process::getuid().as_raw().into());
    let effective = Value::Int(rustix::process::geteuid().as_raw().into());
    Module::value(
        "os",
        [
            ("geteuid", Value::function("geteuid", move |_, _| Ok(effective.clone()))),
            ("getuid", Value::function("getuid", move |_, _| Ok(uid.clone()))),
            ("path", path(looked_at)),
            ("sep", Value::from("/")),
        ],
    )
}

fn path(looked_at: &LookedAt) -> Value {
    let mut attributes: Vec<(&str, Value)> = modules::path_functions().into_iter().collect();
    type Look = fn(&Utf8Path) -> bool;
    let looks: [(&str, Look); 3] =
        [("exists", Utf8Path::exists), ("isdir", Utf8Path::is_dir), ("isfile", Utf8Path::is_file)];
    for (name, look) in looks {
        let looked_at = Rc::clone(looked_at);
        let run = move |value: &Value| match value.as_str() {
            Some(path) => {
                looked_at.borrow_mut().extend(camino::absolute_utf8(path));
                Ok(Value::Bool(look(Utf8Path::new(path))))
            }
            None => Err(Error::new(ErrorKind::Type, format!("{name}() takes a text"))),
        };
        attributes.push((name, one(name, run)));
    }
    Module::value("os.path", attributes)
}

/// A function of one argument.
fn one(name: &'static str, run: impl Fn(&Value) -> Result<Value> + 'static) -> Value {
    Value::function(name, move |arguments, named| match (arguments, named) {
        ([value], []) => run(value),
        _ => Err(Error::new(ErrorKind::Type, format!("{name}() takes one argument"))),
    })
}

/// The entry of a user, as Python has it.
fn user(uid: i64) -> Result<Value> {
    let text = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let entry = u32::try_from(uid).ok().and_then(|uid| userinfo::entry(&text, uid));
    let Some(entry) = entry else {
        return Err(Error::new(ErrorKind::Key, format!("getpwuid(): uid not found: {uid}")));
    };
    let number = |text: &str| text.parse::<i64>().map_or_else(|_| Value::from(text), Value::Int);
    let fields = entry.iter().enumerate().map(|(at, field)| match at {
        2 | 3 => number(field),
        _ => Value::from(field.as_str()),
    });
    Ok(Value::tuple(fields.collect()))
}
