//! The state of a `for` loop, which templates see as `loop`.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;

use super::{Frame, Machine};
use crate::ast::For;
use crate::error::{Error, Result};
use crate::value::{Iter, Missing, Value};

/// One running `for` loop. Values are fetched one by one, when they are reached or looked ahead at.
pub struct Loop {
    statement: Rc<For>,
    /// Where the loop stands; its filter runs there.
    frame: Frame,
    iterable: Value,
    iter: RefCell<Iter>,
    /// Values fetched ahead of the loop, the next one first.
    ahead: RefCell<Vec<Value>>,
    ended: Cell<bool>,
    count: Cell<usize>,
    previous: RefCell<Option<Value>>,
    current: RefCell<Option<Value>>,
    changed: RefCell<Option<Vec<Value>>>,
}

impl fmt::Debug for Loop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loop").field("count", &self.count).finish_non_exhaustive()
    }
}

impl Loop {
    pub(super) fn new(statement: &Rc<For>, frame: &Frame, iterable: Value) -> Result<Self> {
        Ok(Self {
            statement: statement.clone(),
            frame: frame.clone(),
            iter: RefCell::new(iterable.iterate()?),
            iterable,
            ahead: RefCell::default(),
            ended: Cell::new(false),
            count: Cell::new(0),
            previous: RefCell::default(),
            current: RefCell::default(),
            changed: RefCell::default(),
        })
    }

    /// Moves to the next value.
    pub(super) fn advance(&self, machine: &mut Machine<'_>) -> Result<Option<Value>> {
        let next = if self.ahead.borrow().is_empty() {
            self.fetch(machine)?
        } else {
            Some(self.ahead.borrow_mut().remove(0))
        };
        if next.is_some() {
            self.count.set(self.count.get() + 1);
            let old = self.current.replace(next.clone());
            drop(self.previous.replace(old));
        }
        Ok(next)
    }

    /// The next value that passes the filter.
    fn fetch(&self, machine: &mut Machine<'_>) -> Result<Option<Value>> {
        while !self.ended.get() {
            machine.step(1)?;
            let next = self.iter.borrow_mut().next_value()?;
            let Some(value) = next else {
                self.ended.set(true);
                break;
            };
            let Some(filter) = &self.statement.filter else {
                return Ok(Some(value));
            };
            let inner = self.frame.inner();
            machine.assign(&inner, &self.statement.target, value.clone(), self.statement.at)?;
            if machine.eval(&inner, filter)?.truth()? {
                return Ok(Some(value));
            }
        }
        Ok(None)
    }

    fn peek(&self, machine: &mut Machine<'_>) -> Result<Option<Value>> {
        if self.ahead.borrow().is_empty() {
            let next = self.fetch(machine)?;
            self.ahead.borrow_mut().extend(next);
        }
        Ok(self.ahead.borrow().first().cloned())
    }

    fn length(&self, machine: &mut Machine<'_>) -> Result<usize> {
        if self.statement.filter.is_none()
            && let Ok(length) = self.iterable.length()
        {
            return Ok(length);
        }
        while let Some(value) = self.fetch(machine)? {
            self.ahead.borrow_mut().push(value);
        }
        Ok(self.count.get() + self.ahead.borrow().len())
    }

    /// The attribute `loop.name`; `None` if there is none.
    pub(super) fn attribute(&self, machine: &mut Machine<'_>, name: &str) -> Result<Option<Value>> {
        let index = Value::from(self.count.get());
        let missing = |which| Missing::named(format!("there is no {which} item"), "", []);
        Ok(Some(match name {
            "index" => index,
            "index0" => Value::from(self.count.get() - 1),
            "first" => Value::Bool(self.count.get() == 1),
            "last" => Value::Bool(self.peek(machine)?.is_none()),
            "length" => Value::from(self.length(machine)?),
            "revindex" => crate::value::subtract(&Value::from(self.length(machine)? + 1), &index)?,
            "revindex0" => crate::value::subtract(&Value::from(self.length(machine)?), &index)?,
            "previtem" => self.previous.borrow().clone().unwrap_or_else(|| missing("previous")),
            "nextitem" => self.peek(machine)?.unwrap_or_else(|| missing("next")),
            "depth" => Value::Int(1),
            "depth0" => Value::Int(0),
            _ => return Ok(None),
        }))
    }

    /// `loop.cycle(a, b, ...)`: one of the values, in turn.
    pub(crate) fn cycle(&self, values: &[Value]) -> Result<Value> {
        if values.is_empty() {
            return Err(Error::type_error("no items for cycling given"));
        }
        Ok(values[(self.count.get() - 1) % values.len()].clone())
    }

    /// `loop.changed(values...)`: whether the values differ from those of the last call.
    pub(crate) fn changed(&self, values: Vec<Value>) -> Result<bool> {
        let old = self.changed.replace(Some(values.clone()));
        Ok(match old {
            Some(old) => !crate::value::equal(&Value::tuple(old), &Value::tuple(values))?,
            None => true,
        })
    }
}

/// Names of the attributes of `loop`, for hints.
pub(super) const ATTRIBUTES: [&str; 13] = [
    "index",
    "index0",
    "first",
    "last",
    "length",
    "revindex",
    "revindex0",
    "previtem",
    "nextitem",
    "depth",
    "depth0",
    "cycle",
    "changed",
];
