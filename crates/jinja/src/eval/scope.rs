//! Names and their values, scope within scope.

use std::cell::RefCell;
use std::rc::Rc;

use super::{Frame, Machine};
use crate::functions;
use crate::value::{Missing, Value};

/// The names set in one block. Scopes are small, so a list is faster than a table.
#[derive(Debug)]
pub(crate) struct Scope {
    names: RefCell<Vec<(Rc<str>, Value)>>,
    /// Names at the top of a template that it does not export.
    imported: RefCell<Vec<Rc<str>>>,
    parent: Parent,
}

/// Where names are looked up that a scope does not have.
#[derive(Debug)]
enum Parent {
    Scope(Rc<Scope>),
    /// The variables of the context, then the global ones.
    Context,
    /// The global names only: an imported template.
    Globals,
}

impl Scope {
    fn new(parent: Parent) -> Rc<Self> {
        Rc::new(Self { names: RefCell::default(), imported: RefCell::default(), parent })
    }

    pub(super) fn inside(parent: &Rc<Self>) -> Rc<Self> {
        Self::new(Parent::Scope(parent.clone()))
    }

    pub(super) fn with_context() -> Rc<Self> {
        Self::new(Parent::Context)
    }

    pub(super) fn without_context() -> Rc<Self> {
        Self::new(Parent::Globals)
    }

    pub(super) fn set(&self, name: &Rc<str>, value: Value) {
        let mut names = self.names.borrow_mut();
        match names.iter_mut().find(|(known, _)| known == name) {
            Some((_, old)) => {
                let old = std::mem::replace(old, value);
                drop(names);
                drop(old);
            }
            None => names.push((name.clone(), value)),
        }
    }

    /// Sets a name that an importing template does not see.
    pub(super) fn set_imported(&self, name: &Rc<str>, value: Value) {
        self.imported.borrow_mut().push(name.clone());
        self.set(name, value);
    }

    /// The names that a template offers to those that import it.
    pub(super) fn exports(&self) -> Vec<(Rc<str>, Value)> {
        let imported = self.imported.borrow();
        let names = self.names.borrow();
        names
            .iter()
            .filter(|(name, _)| !name.starts_with('_') && !imported.contains(name))
            .cloned()
            .collect()
    }

    pub(super) fn clear(&self) {
        let names = std::mem::take(&mut *self.names.borrow_mut());
        drop(names);
    }

    fn own(&self, name: &str) -> Option<Value> {
        self.names
            .borrow()
            .iter()
            .find(|(known, _)| **known == *name)
            .map(|(_, value)| value.clone())
    }
}

impl Machine<'_> {
    /// The value of a name; undefined, with a hint, if there is none.
    pub(super) fn lookup(&self, frame: &Frame, name: &str) -> Value {
        let mut scope = &frame.scope;
        loop {
            if let Some(value) = scope.own(name) {
                return value;
            }
            match &scope.parent {
                Parent::Scope(parent) => scope = parent,
                Parent::Context => {
                    if let Some(value) = self.context.variables.get(name) {
                        return value.clone();
                    }
                    break;
                }
                Parent::Globals => break,
            }
        }
        if let Some(value) =
            self.context.globals.get(name).cloned().or_else(|| functions::global(name))
        {
            return value;
        }
        self.unknown_name(frame, name)
    }

    fn unknown_name(&self, frame: &Frame, name: &str) -> Value {
        let mut known: Vec<Rc<str>> = self.context.globals.keys().cloned().collect();
        let mut scope = &frame.scope;
        loop {
            known.extend(scope.names.borrow().iter().map(|(name, _)| name.clone()));
            match &scope.parent {
                Parent::Scope(parent) => scope = parent,
                Parent::Context => {
                    known.extend(self.context.variables.keys().cloned());
                    break;
                }
                Parent::Globals => break,
            }
        }
        let known = known.iter().map(|name| &**name).chain(functions::NAMES);
        Value::Undefined(Rc::new(Missing::unknown(name, known)))
    }
}
