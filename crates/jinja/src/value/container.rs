//! Shared, mutable containers with Python's identity: two names can hold the same list.
//!
//! # Invariants
//! - Keys are hashable values; equal keys (`1`, `1.0`, `True`) are one key.
//! - Dropping a value nested a million levels deep uses constant stack: contents are queued, not dropped in place.

use std::cell::{Ref, RefCell, RefMut};
use std::fmt;
use std::hash::{Hash, Hasher};
use std::mem::take;
use std::ops::Deref;
use std::rc::Rc;

use indexmap::{Equivalent, IndexMap, IndexSet};

use super::Value;
use super::compare::{hash_text, hash_value, same};
use crate::error::Result;

/// A hashable value with its hash, as Python's dictionaries and sets hold it.
#[derive(Clone)]
pub struct Key {
    value: Value,
    hash: u64,
}

impl Key {
    /// Fails with a `TypeError` for lists, dictionaries and sets.
    pub fn new(value: Value) -> Result<Self> {
        let hash = hash_value(&value)?;
        Ok(Self { value, hash })
    }

    pub fn value(&self) -> &Value {
        &self.value
    }
}

impl From<&str> for Key {
    fn from(text: &str) -> Self {
        Self { hash: hash_text(text), value: Value::from(text) }
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.hash == other.hash && same(&self.value, &other.value)
    }
}

impl Eq for Key {}

/// A text to look up without making a [`Key`] of it.
struct TextKey<'a>(&'a str);

impl Hash for TextKey<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(hash_text(self.0));
    }
}

impl Equivalent<Key> for TextKey<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        key.value.as_str() == Some(self.0)
    }
}

/// The entries of a dictionary, in order of insertion.
pub type Entries = IndexMap<Key, Value>;

/// A Python list; clones share the elements.
#[derive(Clone, Default)]
pub struct List(Rc<ListCell>);

/// A Python tuple.
#[derive(Clone)]
pub struct Tuple(Rc<TupleCell>);

/// A Python dictionary; clones share the entries.
#[derive(Clone, Default)]
pub struct Dict(Rc<DictCell>);

/// A Python set; clones share the elements.
#[derive(Clone, Default)]
pub struct Set(Rc<RefCell<IndexSet<Key>>>);

#[derive(Default)]
struct ListCell(RefCell<Vec<Value>>);

struct TupleCell(Vec<Value>);

#[derive(Default)]
struct DictCell(RefCell<Entries>);

impl List {
    pub fn new(items: Vec<Value>) -> Self {
        Self(Rc::new(ListCell(RefCell::new(items))))
    }

    /// Panics if the list is being changed, which only code inside [`List::borrow_mut`] can see.
    pub fn borrow(&self) -> Ref<'_, Vec<Value>> {
        self.0.0.borrow()
    }

    pub fn borrow_mut(&self) -> RefMut<'_, Vec<Value>> {
        self.0.0.borrow_mut()
    }

    pub(crate) fn is(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }

    pub(crate) fn address(&self) -> usize {
        Rc::as_ptr(&self.0).addr()
    }
}

impl Tuple {
    pub fn new(items: Vec<Value>) -> Self {
        Self(Rc::new(TupleCell(items)))
    }

    pub(crate) fn is(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }

    pub(crate) fn address(&self) -> usize {
        Rc::as_ptr(&self.0).addr()
    }
}

impl Deref for Tuple {
    type Target = [Value];

    fn deref(&self) -> &[Value] {
        &self.0.0
    }
}

impl Dict {
    pub fn new(entries: Entries) -> Self {
        Self(Rc::new(DictCell(RefCell::new(entries))))
    }

    /// Panics if the dictionary is being changed, which only code inside [`Dict::borrow_mut`] can see.
    pub fn borrow(&self) -> Ref<'_, Entries> {
        self.0.0.borrow()
    }

    pub fn borrow_mut(&self) -> RefMut<'_, Entries> {
        self.0.0.borrow_mut()
    }

    /// The value of a text key.
    pub fn get(&self, key: &str) -> Option<Value> {
        self.borrow().get(&TextKey(key)).cloned()
    }

    /// The value of any key; fails if the key is not hashable.
    pub fn get_value(&self, key: &Value) -> Result<Option<Value>> {
        match key {
            Value::Str(text) => Ok(self.get(text)),
            other => Ok(self.borrow().get(&Key::new(other.clone())?).cloned()),
        }
    }

    /// Adds or replaces an entry; fails if the key is not hashable.
    pub fn insert(&self, key: Value, value: Value) -> Result<()> {
        let key = Key::new(key)?;
        let old = self.borrow_mut().insert(key, value);
        drop(old);
        Ok(())
    }

    /// Adds or replaces the entry of a text key.
    pub fn set(&self, key: &str, value: Value) {
        let old = self.borrow_mut().insert(Key::from(key), value);
        drop(old);
    }

    pub(crate) fn is(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }

    pub(crate) fn address(&self) -> usize {
        Rc::as_ptr(&self.0).addr()
    }
}

impl Set {
    pub fn new(items: IndexSet<Key>) -> Self {
        Self(Rc::new(RefCell::new(items)))
    }

    /// The elements; equal ones fall together, an unhashable one is an error.
    pub fn of(items: impl IntoIterator<Item = Value>) -> Result<Self> {
        Ok(Self::new(items.into_iter().map(Key::new).collect::<Result<_>>()?))
    }

    pub fn borrow(&self) -> Ref<'_, IndexSet<Key>> {
        self.0.borrow()
    }

    pub fn borrow_mut(&self) -> RefMut<'_, IndexSet<Key>> {
        self.0.borrow_mut()
    }

    /// The elements in order if they have one, else as inserted. (Python promises no order.)
    pub fn sorted(&self) -> Vec<Value> {
        let items: Vec<Value> = self.borrow().iter().map(|key| key.value().clone()).collect();
        super::sort::sorted(items.clone()).unwrap_or(items)
    }

    pub(crate) fn is(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

thread_local! {
    /// Contents of dropped containers that wait to be dropped; `None` when nobody drains.
    static PENDING: RefCell<Option<Vec<Value>>> = const { RefCell::new(None) };
}

/// Drops `items` without recursion, however deep they are nested.
fn drop_flat(items: impl Iterator<Item = Value>) {
    let mut own = Some(items);
    let queued = PENDING.try_with(|pending| match pending.borrow_mut().as_mut() {
        Some(queue) => {
            queue.extend(own.take().into_iter().flatten());
            true
        }
        None => false,
    });
    if queued != Ok(false) {
        return;
    }
    let first: Vec<Value> = own.into_iter().flatten().collect();
    PENDING.with(|pending| *pending.borrow_mut() = Some(first));
    while let Some(value) = PENDING.with(|pending| pending.borrow_mut().as_mut().and_then(Vec::pop))
    {
        drop(value);
    }
    PENDING.with(|pending| *pending.borrow_mut() = None);
}

impl Drop for ListCell {
    fn drop(&mut self) {
        let items = take(self.0.get_mut());
        if items.iter().any(Value::is_nested) {
            drop_flat(items.into_iter());
        }
    }
}

impl Drop for TupleCell {
    fn drop(&mut self) {
        let items = take(&mut self.0);
        if items.iter().any(Value::is_nested) {
            drop_flat(items.into_iter());
        }
    }
}

impl Drop for DictCell {
    fn drop(&mut self) {
        let entries = take(self.0.get_mut());
        if entries.iter().any(|(key, value)| key.value.is_nested() || value.is_nested()) {
            drop_flat(entries.into_iter().flat_map(|(key, value)| [key.value, value]));
        }
    }
}

macro_rules! shows_as_value {
    ($($kind:ident),*) => {$(
        impl fmt::Debug for $kind {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&Value::$kind(self.clone()), f)
            }
        }
    )*};
}

shows_as_value!(List, Tuple, Dict, Set);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}
