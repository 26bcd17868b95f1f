//! Python's modules, for embedding programs whose templates import them: the functions that templates use.
//!
//! Nothing here is known to a template unless it is put into its context. Functions without effects only: what asks
//! the machine (`os`, `pwd`, `subprocess`) belongs to the embedding program. A function that a module of Python has
//! and this one has not is an error when it is used, with the names of those that are there.

mod base64;
mod functional;
mod hashlib;
mod itertools;
mod json;
mod netaddr;
mod path;
mod re;
mod six;
mod url;
mod urllib;

use std::rc::Rc;

pub use path::attributes as path_functions;
pub use url::{UrlParts, quote};

use crate::error::{Error, Result};
use crate::value::{Object, Value};

/// Names that [`module`] knows.
pub const NAMES: [&str; 14] = [
    "base64",
    "functools",
    "hashlib",
    "itertools",
    "json",
    "netaddr",
    "operator",
    "os.path",
    "posixpath",
    "re",
    "six",
    "six.moves",
    "six.moves.urllib.parse",
    "urllib.parse",
];

/// The module of Python of this name, or of a package around one of [`NAMES`].
pub fn module(name: &str) -> Option<Value> {
    Some(match name {
        "base64" => base64::module(),
        "functools" => functional::functools(),
        "hashlib" => hashlib::module(),
        "itertools" => itertools::module(),
        "json" => json::module(),
        "netaddr" => netaddr::module(),
        "operator" => functional::operator(),
        "os.path" | "posixpath" => path::module(),
        "re" => re::module(),
        "six" => six::module(),
        "six.moves" => six::moves(),
        "urllib" | "six.moves.urllib" => urllib::package(),
        "urllib.parse" | "six.moves.urllib.parse" => urllib::module(),
        _ => return None,
    })
}

/// A module: its functions, and a name that it has not is an error that says which there are.
struct Functions {
    name: &'static str,
    attributes: Vec<(&'static str, Value)>,
}

/// A module as value.
fn functions(
    name: &'static str,
    attributes: impl IntoIterator<Item = (&'static str, Value)>,
) -> Value {
    Value::Object(Rc::new(Functions { name, attributes: attributes.into_iter().collect() }))
}

impl Object for Functions {
    fn type_name(&self) -> &str {
        "module"
    }

    fn attribute(&self, name: &str) -> Result<Option<Value>> {
        if let Some((_, value)) = self.attributes.iter().find(|(known, _)| *known == name) {
            return Ok(Some(value.clone()));
        }
        let known = self.attributes.iter().map(|(known, _)| *known);
        let error = Error::unsupported(format!("`{}.{name}` is not supported", self.name));
        let hint = match slapos_nearest::nearest(name, known.clone()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => {
                format!("of `{}` there are {}", self.name, known.collect::<Vec<_>>().join(", "))
            }
        };
        Err(error.with_hint(hint))
    }

    fn names(&self) -> Vec<Rc<str>> {
        self.attributes.iter().map(|(name, _)| Rc::from(*name)).collect()
    }
}

/// The bytes of an argument; text has none by itself.
fn bytes_of(value: &Value, function: &str) -> Result<Rc<[u8]>> {
    match value {
        Value::Bytes(bytes) => Ok(Rc::clone(bytes)),
        Value::Undefined(missing) => Err(missing.error()),
        other => {
            let message = format!("{function}() needs bytes, not '{}'", other.type_name());
            Err(Error::type_error(message).with_hint("`text.encode()` gives the bytes of a text"))
        }
    }
}

/// The text of an argument.
fn text_of<'v>(value: &'v Value, function: &str) -> Result<&'v str> {
    match value {
        Value::Undefined(missing) => Err(missing.error()),
        other => other.as_str().ok_or_else(|| {
            Error::type_error(format!("{function}() needs a text, not '{}'", other.type_name()))
        }),
    }
}

/// An optional argument as truth.
fn flag(value: Option<Value>, otherwise: bool) -> Result<bool> {
    value.map_or(Ok(otherwise), |value| value.truth())
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_name_is_a_module() {
        for name in super::NAMES {
            assert!(super::module(name).is_some(), "{name}");
        }
    }
}
