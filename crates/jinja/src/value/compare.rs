//! Python's equality, identity, order and hash.
//!
//! Comparing walks at most [`Walk::DEPTH`] levels and a fixed number of elements, so it ends for any value.

use std::cmp::Ordering;
use std::hash::{BuildHasher, RandomState};
use std::rc::Rc;
use std::sync::OnceLock;

use super::number::Num;
use super::{Dict, Key, Set, Value, ViewKind};
use crate::error::{Error, Result};
use crate::work;

/// What is left of the budget of one walk through a value.
#[derive(Debug)]
pub(crate) struct Walk {
    depth: usize,
    steps: usize,
}

impl Walk {
    pub(crate) const DEPTH: usize = 200;

    pub(crate) fn new() -> Self {
        Self { depth: 0, steps: 0 }
    }

    /// Enters one level; the caller leaves it with [`Walk::leave`].
    pub(crate) fn enter(&mut self) -> Result<()> {
        self.step()?;
        self.depth += 1;
        if self.depth > Self::DEPTH {
            return Err(Error::limit("values are nested too deeply, or contain themselves"));
        }
        Ok(())
    }

    pub(crate) fn leave(&mut self) {
        self.depth -= 1;
    }

    pub(crate) fn step(&mut self) -> Result<()> {
        self.steps += 1;
        if self.steps > 10_000_000 {
            return Err(Error::limit("a value has too many elements to be walked through"));
        }
        work::spend(1)
    }
}

/// Equality for Rust code: an error counts as different.
pub(super) fn same(a: &Value, b: &Value) -> bool {
    equal(a, b).unwrap_or(false)
}

/// Python's `a == b`.
pub(crate) fn equal(a: &Value, b: &Value) -> Result<bool> {
    equal_in(a, b, &mut Walk::new())
}

fn equal_in(a: &Value, b: &Value, walk: &mut Walk) -> Result<bool> {
    walk.step()?;
    if let (Some(x), Some(y)) = (Num::of(a), Num::of(b)) {
        return Ok(x.compare(&y) == Some(Ordering::Equal));
    }
    Ok(match (a, b) {
        (Value::Undefined(missing), _) | (_, Value::Undefined(missing)) if !missing.empty => {
            return Err(missing.error());
        }
        (Value::Undefined(_), Value::Undefined(_)) => true,
        (Value::None, Value::None) => true,
        (Value::Str(x) | Value::Markup(x), Value::Str(y) | Value::Markup(y)) => {
            same_bytes(x.as_bytes(), y.as_bytes())
        }
        (Value::Bytes(x), Value::Bytes(y)) => same_bytes(x, y),
        (Value::List(x), Value::List(y)) => {
            x.is(y) || {
                let (x, y) = (x.borrow().clone(), y.borrow().clone());
                equal_items(&x, &y, walk)?
            }
        }
        (Value::Tuple(x), Value::Tuple(y)) => x.is(y) || equal_items(x, y, walk)?,
        (Value::Dict(x), Value::Dict(y)) => x.is(y) || equal_dicts(x, y, walk)?,
        (Value::Set(x), Value::Set(y)) => {
            work::spend(x.borrow().len())?;
            x.is(y) || *x.borrow() == *y.borrow()
        }
        (Value::Range(x), Value::Range(y)) => x.same(y),
        (Value::View(_), _) | (_, Value::View(_)) => equal_views(a, b, walk)?,
        (Value::Type(x), Value::Type(y)) => x == y,
        _ => identical(a, b),
    })
}

/// Counts the work; the next step of the walk, or of the interpreter, tells when it was too much.
fn same_bytes(x: &[u8], y: &[u8]) -> bool {
    if x.len() != y.len() {
        return false;
    }
    if !std::ptr::eq(x, y) {
        work::note(x.len() / work::BYTES);
    }
    x == y
}

fn equal_items(a: &[Value], b: &[Value], walk: &mut Walk) -> Result<bool> {
    if a.len() != b.len() {
        return Ok(false);
    }
    walk.enter()?;
    for (x, y) in a.iter().zip(b) {
        walk.step()?;
        if !identical(x, y) && !equal_in(x, y, walk)? {
            walk.leave();
            return Ok(false);
        }
    }
    walk.leave();
    Ok(true)
}

fn equal_dicts(a: &Dict, b: &Dict, walk: &mut Walk) -> Result<bool> {
    let (a, b) = (a.borrow().clone(), b.borrow().clone());
    if a.len() != b.len() {
        return Ok(false);
    }
    walk.enter()?;
    for (key, x) in &a {
        walk.step()?;
        let alike = match b.get(key) {
            Some(y) => identical(x, y) || equal_in(x, y, walk)?,
            None => false,
        };
        if !alike {
            walk.leave();
            return Ok(false);
        }
    }
    walk.leave();
    Ok(true)
}

/// Views of keys and items compare as sets; those of items may hold values that no set can.
fn equal_views(a: &Value, b: &Value, walk: &mut Walk) -> Result<bool> {
    match (a, b) {
        (Value::View(x), Value::View(y))
            if x.kind == ViewKind::Items && y.kind == ViewKind::Items =>
        {
            equal_dicts(&x.dict, &y.dict, walk)
        }
        _ if identical(a, b) => Ok(true),
        (Value::View(_) | Value::Set(_), Value::View(_) | Value::Set(_)) => {
            match (as_set(a)?, as_set(b)?) {
                (Some(x), Some(y)) => Ok(*x.borrow() == *y.borrow()),
                _ => Ok(false),
            }
        }
        _ => Ok(false),
    }
}

/// The value as set, if it is a set or a view that acts like one.
pub(crate) fn as_set(value: &Value) -> Result<Option<Set>> {
    match value {
        Value::Set(set) => {
            work::spend(set.borrow().len())?;
            Ok(Some(set.clone()))
        }
        Value::View(view) if view.is_set_like() => Ok(Some(Set::of(view.items())?)),
        _ => Ok(None),
    }
}

/// Python's `a is b`, where equal small immutable values count as one.
pub(crate) fn identical(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::None, Value::None) => true,
        (Value::Bool(x), Value::Bool(y)) => x == y,
        (Value::Int(x), Value::Int(y)) => x == y,
        (Value::Float(x), Value::Float(y)) => x.to_bits() == y.to_bits(),
        (Value::Big(x), Value::Big(y)) => x == y,
        (Value::Str(x), Value::Str(y)) | (Value::Markup(x), Value::Markup(y)) => {
            same_bytes(x.as_bytes(), y.as_bytes())
        }
        (Value::Bytes(x), Value::Bytes(y)) => same_bytes(x, y),
        (Value::List(x), Value::List(y)) => x.is(y),
        (Value::Tuple(x), Value::Tuple(y)) => x.is(y) || x.is_empty() && y.is_empty(),
        (Value::Dict(x), Value::Dict(y)) => x.is(y),
        (Value::Set(x), Value::Set(y)) => x.is(y),
        (Value::Range(x), Value::Range(y)) => Rc::ptr_eq(x, y),
        (Value::View(x), Value::View(y)) => Rc::ptr_eq(x, y),
        (Value::Iter(x), Value::Iter(y)) => x.is(y),
        (Value::Function(x), Value::Function(y)) => Rc::ptr_eq(x, y),
        (Value::Type(x), Value::Type(y)) => x == y,
        (Value::Object(x), Value::Object(y)) => std::ptr::addr_eq(Rc::as_ptr(x), Rc::as_ptr(y)),
        (Value::Loop(x), Value::Loop(y)) => Rc::ptr_eq(x, y),
        (Value::Undefined(x), Value::Undefined(y)) => Rc::ptr_eq(x, y),
        _ => false,
    }
}

/// Python's `a < b`; `sign` is the operator that a message shows.
pub(crate) fn compare_less(a: &Value, b: &Value) -> Result<bool> {
    Ok(order(a, b, "<")? == Some(Ordering::Less))
}

/// The order of two values; `None` when neither comes first (NaN, sets). Fails if they have none.
pub(crate) fn order(a: &Value, b: &Value, sign: &str) -> Result<Option<Ordering>> {
    order_in(a, b, sign, &mut Walk::new())
}

fn order_in(a: &Value, b: &Value, sign: &str, walk: &mut Walk) -> Result<Option<Ordering>> {
    walk.step()?;
    if let (Some(x), Some(y)) = (Num::of(a), Num::of(b)) {
        return Ok(x.compare(&y));
    }
    match (a, b) {
        (Value::Undefined(missing), _) | (_, Value::Undefined(missing)) => Err(missing.error()),
        (Value::Str(x) | Value::Markup(x), Value::Str(y) | Value::Markup(y)) => {
            work::spend(x.len().min(y.len()) / work::BYTES)?;
            Ok(Some(x.cmp(y)))
        }
        (Value::Bytes(x), Value::Bytes(y)) => {
            work::spend(x.len().min(y.len()) / work::BYTES)?;
            Ok(Some(x.cmp(y)))
        }
        (Value::List(x), Value::List(y)) => {
            let (x, y) = (x.borrow().clone(), y.borrow().clone());
            order_items(&x, &y, sign, walk)
        }
        (Value::Tuple(x), Value::Tuple(y)) => order_items(x, y, sign, walk),
        (Value::Set(_) | Value::View(_), Value::Set(_) | Value::View(_)) => {
            match (as_set(a)?, as_set(b)?) {
                (Some(x), Some(y)) => Ok(order_sets(&x, &y)),
                _ => Err(unordered(a, b, sign)),
            }
        }
        _ => Err(unordered(a, b, sign)),
    }
}

fn unordered(a: &Value, b: &Value, sign: &str) -> Error {
    let (a, b) = (a.type_name(), b.type_name());
    Error::type_error(format!("'{sign}' not supported between instances of '{a}' and '{b}'"))
}

fn order_items(a: &[Value], b: &[Value], sign: &str, walk: &mut Walk) -> Result<Option<Ordering>> {
    walk.enter()?;
    for (x, y) in a.iter().zip(b) {
        walk.step()?;
        if !identical(x, y) && !equal_in(x, y, walk)? {
            let found = order_in(x, y, sign, walk)?;
            walk.leave();
            return Ok(found);
        }
    }
    walk.leave();
    Ok(Some(a.len().cmp(&b.len())))
}

/// A subset is less.
fn order_sets(a: &Set, b: &Set) -> Option<Ordering> {
    let (a, b) = (a.borrow(), b.borrow());
    match (a.is_subset(&b), b.is_subset(&a)) {
        (true, true) => Some(Ordering::Equal),
        (true, false) => Some(Ordering::Less),
        (false, true) => Some(Ordering::Greater),
        (false, false) => None,
    }
}

/// Python's `item in container`.
pub(crate) fn contains(container: &Value, item: &Value) -> Result<bool> {
    match container {
        Value::Str(text) | Value::Markup(text) => match item {
            Value::Str(part) | Value::Markup(part) => {
                work::spend((text.len() + part.len()) / work::BYTES)?;
                Ok(text.contains(&**part))
            }
            Value::Undefined(missing) => Err(missing.error()),
            other => Err(Error::type_error(format!(
                "'in <string>' requires string as left operand, not {}",
                other.type_name()
            ))),
        },
        Value::Bytes(bytes) => bytes_contain(bytes, item),
        Value::Dict(dict) => Ok(dict.get_value(item)?.is_some()),
        Value::View(view) if view.kind == ViewKind::Keys => {
            Ok(view.dict.get_value(item)?.is_some())
        }
        Value::Set(set) => Ok(set.borrow().contains(&Key::new(item.clone())?)),
        other => {
            let mut items = other.iterate()?;
            while let Some(value) = items.next_value()? {
                work::spend(1)?;
                if identical(&value, item) || equal(&value, item)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
    }
}

fn bytes_contain(bytes: &[u8], item: &Value) -> Result<bool> {
    match item {
        Value::Bytes(part) => {
            work::spend(bytes.len().saturating_mul(part.len()) / work::BYTES)?;
            Ok(part.is_empty() || bytes.windows(part.len()).any(|window| window == &**part))
        }
        Value::Int(byte) => match u8::try_from(*byte) {
            Ok(byte) => {
                work::spend(bytes.len() / work::BYTES)?;
                Ok(bytes.contains(&byte))
            }
            Err(_) => Err(Error::value_error("byte must be in range(0, 256)")),
        },
        Value::Undefined(missing) => Err(missing.error()),
        other => Err(Error::type_error(format!(
            "a bytes-like object is required, not '{}'",
            other.type_name()
        ))),
    }
}

fn hasher() -> &'static RandomState {
    static STATE: OnceLock<RandomState> = OnceLock::new();
    STATE.get_or_init(RandomState::new)
}

pub(super) fn hash_text(text: &str) -> u64 {
    work::note(text.len() / work::BYTES);
    hasher().hash_one(text)
}

/// Equal values have equal hashes; fails for values that can change.
pub(super) fn hash_value(value: &Value) -> Result<u64> {
    hash_in(value, &mut Walk::new())
}

fn hash_in(value: &Value, walk: &mut Walk) -> Result<u64> {
    if let Some(number) = Num::of(value) {
        return Ok(match number.to_integral() {
            Some(Num::Small(value)) => hasher().hash_one(value),
            Some(Num::Large(value)) => hasher().hash_one(&*value),
            Some(Num::Float(value)) => hasher().hash_one(value.to_bits()),
            None => hasher().hash_one(number.to_f64().to_bits()),
        });
    }
    Ok(match value {
        Value::None => 1,
        Value::Str(text) | Value::Markup(text) => hash_text(text),
        Value::Bytes(bytes) => hasher().hash_one(&**bytes),
        Value::Tuple(items) => {
            walk.enter()?;
            let hashes =
                items.iter().map(|item| hash_in(item, walk)).collect::<Result<Vec<_>>>()?;
            walk.leave();
            hasher().hash_one(hashes)
        }
        Value::Function(function) => hasher().hash_one(Rc::as_ptr(function).addr()),
        Value::Object(object) => hasher().hash_one(Rc::as_ptr(object).addr()),
        Value::View(view) if !view.is_set_like() => hasher().hash_one(Rc::as_ptr(view).addr()),
        Value::Type(kind) => hasher().hash_one(kind),
        // Jinja2 hashes all of these alike.
        Value::Undefined(missing) if missing.empty => 2,
        Value::Undefined(missing) => return Err(missing.error()),
        Value::Range(_) => return Err(Error::unsupported("a range as a key is not supported")),
        other => {
            return Err(Error::type_error(format!("unhashable type: '{}'", other.type_name())));
        }
    })
}
