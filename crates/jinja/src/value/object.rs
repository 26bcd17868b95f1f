//! Values with attributes: namespaces, imported templates, modules of the embedding program.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;

use indexmap::IndexMap;

use super::{Args, Value};
use crate::error::Result;

/// A value that is known by its attributes.
pub trait Object {
    /// Python's class name, for messages.
    fn type_name(&self) -> &str;

    /// The attribute; `None` if there is none.
    fn attribute(&self, name: &str) -> Result<Option<Value>>;

    /// Names of attributes, for hints.
    fn names(&self) -> Vec<Rc<str>>;

    /// The text that `{{ object }}` prints; `None` if it has none worth printing.
    fn text(&self) -> Option<Result<String>> {
        None
    }

    /// What `object[key]` gives; `None` if it has no items.
    fn item(&self, _key: &Value) -> Option<Result<Value>> {
        None
    }

    /// What a call of the object gives; `None` if it cannot be called.
    fn call(&self, _arguments: Args) -> Option<Result<Value>> {
        None
    }

    /// The namespace behind the object, if its attributes can be set.
    fn namespace(&self) -> Option<&Namespace> {
        None
    }
}

/// What `namespace()` makes: attributes that `set` can change.
#[derive(Default)]
pub struct Namespace(RefCell<IndexMap<Rc<str>, Value>>);

impl Namespace {
    pub fn new(attributes: impl IntoIterator<Item = (Rc<str>, Value)>) -> Self {
        Self(RefCell::new(attributes.into_iter().collect()))
    }

    pub fn set(&self, name: &str, value: Value) {
        let old = self.0.borrow_mut().insert(name.into(), value);
        drop(old);
    }
}

impl Object for Namespace {
    fn type_name(&self) -> &str {
        "Namespace"
    }

    fn attribute(&self, name: &str) -> Result<Option<Value>> {
        Ok(self.0.borrow().get(name).cloned())
    }

    fn names(&self) -> Vec<Rc<str>> {
        self.0.borrow().keys().cloned().collect()
    }

    fn namespace(&self) -> Option<&Namespace> {
        Some(self)
    }
}

/// A named, fixed set of attributes, such as Python's module `json`.
pub struct Module {
    name: Rc<str>,
    attributes: IndexMap<Rc<str>, Value>,
}

impl Module {
    /// A module as value.
    pub fn value<K: Into<Rc<str>>>(
        name: &str,
        attributes: impl IntoIterator<Item = (K, Value)>,
    ) -> Value {
        let attributes = attributes.into_iter().map(|(name, value)| (name.into(), value)).collect();
        Value::Object(Rc::new(Self { name: name.into(), attributes }))
    }
}

impl Object for Module {
    fn type_name(&self) -> &str {
        &self.name
    }

    fn attribute(&self, name: &str) -> Result<Option<Value>> {
        Ok(self.attributes.get(name).cloned())
    }

    fn names(&self) -> Vec<Rc<str>> {
        self.attributes.keys().cloned().collect()
    }
}

impl fmt::Debug for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Namespace").finish_non_exhaustive()
    }
}

impl fmt::Debug for Module {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Module").field("name", &self.name).finish_non_exhaustive()
    }
}
