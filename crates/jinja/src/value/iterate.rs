//! Python's iteration: iterators, ranges and the views of dictionaries.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;

use super::{Dict, MAX_ITEMS, Value};
use crate::error::{Error, ErrorKind, Result};
use crate::work;

/// Elements that are copied in one step.
const COPIED: usize = 8;

/// An iterator; clones share its position.
#[derive(Clone)]
pub struct Iter(Rc<RefCell<Source>>);

enum Source {
    Values(std::vec::IntoIter<Value>),
    /// A list is read as it is when reached, also when it grows meanwhile.
    List(super::List, usize),
    Tuple(super::Tuple, usize),
    Range(Rc<Range>, usize),
    Entries {
        view: View,
        at: usize,
        length: usize,
    },
    Lazy(Box<dyn FnMut() -> Result<Option<Value>>>),
}

impl Iter {
    pub(crate) fn of(items: Vec<Value>) -> Self {
        Self(Rc::new(RefCell::new(Source::Values(items.into_iter()))))
    }

    /// An iterator of the embedding program; `None` ends it.
    pub fn lazy(next: impl FnMut() -> Result<Option<Value>> + 'static) -> Self {
        Self(Rc::new(RefCell::new(Source::Lazy(Box::new(next)))))
    }

    pub(crate) fn is(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }

    /// The next value; `None` at the end.
    pub fn next_value(&mut self) -> Result<Option<Value>> {
        let Ok(mut source) = self.0.try_borrow_mut() else {
            return Err(Error::value_error("generator already executing"));
        };
        match &mut *source {
            Source::Values(items) => Ok(items.next()),
            Source::List(list, at) => {
                let item = list.borrow().get(*at).cloned();
                *at += 1;
                Ok(item)
            }
            Source::Tuple(items, at) => {
                let item = items.get(*at).cloned();
                *at += 1;
                Ok(item)
            }
            Source::Range(range, at) => {
                let item = range.get(*at);
                *at += 1;
                Ok(item)
            }
            Source::Entries { view, at, length } => {
                if view.dict.borrow().len() != *length {
                    let message = "dictionary changed size during iteration";
                    return Err(Error::new(ErrorKind::Runtime, message)
                        .with_hint("walk through a copy: `list(dictionary)`"));
                }
                let item = view.get(*at);
                *at += 1;
                Ok(item)
            }
            Source::Lazy(next) => next(),
        }
    }

    /// All remaining values; fails beyond the limit on lists.
    pub(crate) fn collect(&mut self) -> Result<Vec<Value>> {
        let mut items = Vec::new();
        while let Some(item) = self.next_value()? {
            items.push(item);
            if items.len() > MAX_ITEMS {
                return Err(Error::limit("an iteration has too many elements"));
            }
        }
        Ok(items)
    }
}

/// Python's `range`.
#[derive(Debug, Clone, Copy)]
pub struct Range {
    start: i64,
    stop: i64,
    step: i64,
}

impl Range {
    pub(crate) fn new(start: i64, stop: i64, step: i64) -> Result<Self> {
        if step == 0 {
            return Err(Error::value_error("range() arg 3 must not be zero"));
        }
        let range = Self { start, stop, step };
        let wide =
            (i128::from(stop) - i128::from(start)).unsigned_abs() / u128::from(step.unsigned_abs());
        if wide > u128::from(u64::MAX >> 1) {
            return Err(Error::limit("a range is too long"));
        }
        Ok(range)
    }

    pub(crate) fn length(&self) -> usize {
        let (start, stop, step) =
            (i128::from(self.start), i128::from(self.stop), i128::from(self.step));
        let count = if step > 0 {
            (stop - start + step - 1) / step
        } else {
            (start - stop - step - 1) / -step
        };
        usize::try_from(count).unwrap_or(0)
    }

    pub(crate) fn get(&self, at: usize) -> Option<Value> {
        if at >= self.length() {
            return None;
        }
        Some(Value::Int(self.start + i64::try_from(at).ok()? * self.step))
    }

    /// Equal when they give the same numbers.
    pub(super) fn same(&self, other: &Self) -> bool {
        let length = self.length();
        length == other.length()
            && (length == 0 || self.start == other.start)
            && (length < 2 || self.step == other.step)
    }

    /// `range(0, 3)`, with the step only if it is not 1.
    pub(super) fn text(&self) -> String {
        let Self { start, stop, step } = self;
        if *step == 1 {
            format!("range({start}, {stop})")
        } else {
            format!("range({start}, {stop}, {step})")
        }
    }
}

/// Which part of a dictionary a [`View`] shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ViewKind {
    Keys,
    Values,
    Items,
}

/// Python's `dict.keys()`, `.values()` or `.items()`: shows the dictionary as it is now.
#[derive(Debug, Clone)]
pub struct View {
    pub(crate) dict: Dict,
    pub(crate) kind: ViewKind,
}

impl View {
    pub(super) fn type_name(&self) -> &'static str {
        match self.kind {
            ViewKind::Keys => "dict_keys",
            ViewKind::Values => "dict_values",
            ViewKind::Items => "dict_items",
        }
    }

    pub(super) fn is_set_like(&self) -> bool {
        self.kind != ViewKind::Values
    }

    fn get(&self, at: usize) -> Option<Value> {
        let entries = self.dict.borrow();
        let (key, value) = entries.get_index(at)?;
        Some(match self.kind {
            ViewKind::Keys => key.value().clone(),
            ViewKind::Values => value.clone(),
            ViewKind::Items => Value::tuple(vec![key.value().clone(), value.clone()]),
        })
    }

    pub(crate) fn items(&self) -> Vec<Value> {
        (0..self.dict.borrow().len()).filter_map(|at| self.get(at)).collect()
    }
}

impl Value {
    /// Python's `iter(value)`.
    pub fn iterate(&self) -> Result<Iter> {
        let source = match self {
            Self::Iter(iter) => return Ok(iter.clone()),
            Self::List(list) => Source::List(list.clone(), 0),
            Self::Range(range) => Source::Range(range.clone(), 0),
            Self::Dict(dict) => entries(View { dict: dict.clone(), kind: ViewKind::Keys }),
            Self::View(view) => entries((**view).clone()),
            Self::Tuple(items) => Source::Tuple(items.clone(), 0),
            Self::Set(set) => Source::Values(set.sorted().into_iter()),
            Self::Str(text) | Self::Markup(text) => {
                work::spend(text.len())?;
                let letters: Vec<Self> = text.chars().map(letter).collect();
                Source::Values(letters.into_iter())
            }
            Self::Bytes(bytes) => {
                work::spend(bytes.len())?;
                let items: Vec<Self> =
                    bytes.iter().map(|byte| Self::Int(i64::from(*byte))).collect();
                Source::Values(items.into_iter())
            }
            Self::Undefined(missing) if missing.empty => Source::Values(Vec::new().into_iter()),
            Self::Undefined(missing) => return Err(missing.error()),
            other => {
                return Err(Error::type_error(format!(
                    "'{}' object is not iterable",
                    other.type_name()
                )));
            }
        };
        Ok(Iter(Rc::new(RefCell::new(source))))
    }

    /// All elements that iteration gives.
    pub fn to_vec(&self) -> Result<Vec<Self>> {
        match self {
            Self::List(list) => {
                work::spend(list.borrow().len() / COPIED)?;
                Ok(list.borrow().clone())
            }
            Self::Tuple(items) => {
                work::spend(items.len() / COPIED)?;
                Ok(items.to_vec())
            }
            other => other.iterate()?.collect(),
        }
    }
}

fn entries(view: View) -> Source {
    let length = view.dict.borrow().len();
    Source::Entries { view, at: 0, length }
}

/// One character as text.
pub(crate) fn letter(c: char) -> Value {
    Value::Str(c.encode_utf8(&mut [0; 4]).into())
}

impl fmt::Debug for Iter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<iterator>")
    }
}
