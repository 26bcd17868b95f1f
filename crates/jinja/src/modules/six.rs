//! `six`: what profiles use to be read by Python 2 and 3.

use super::{functions, text_of, urllib};
use crate::error::Result;
use crate::functions::builtin;
use crate::value::{Args, Value};

pub(super) fn module() -> Value {
    functions(
        "six",
        [
            ("iteritems", builtin("iteritems", |machine, args| view(machine, args, "items"))),
            ("iterkeys", builtin("iterkeys", |machine, args| view(machine, args, "keys"))),
            ("itervalues", builtin("itervalues", |machine, args| view(machine, args, "values"))),
            ("moves", moves()),
        ],
    )
}

pub(super) fn moves() -> Value {
    functions(
        "six.moves",
        [
            (
                "shlex_quote",
                builtin("shlex_quote", |_, args| {
                    let [text] = args.exactly("shlex_quote")?;
                    Ok(Value::from(shell_quote(text_of(&text, "shlex_quote")?)))
                }),
            ),
            ("urllib", urllib::package()),
        ],
    )
}

fn view(machine: &mut crate::eval::Machine<'_>, args: Args, method: &str) -> Result<Value> {
    let [value] = args.exactly(method)?;
    let method = machine.attribute(&value, &method.into())?.defined()?;
    let items = machine.call(&method, Args::default())?;
    Ok(Value::Iter(items.iterate()?))
}

/// The text as a shell reads it.
fn shell_quote(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_@%+=:,./-".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\"'\"'"))
    }
}
