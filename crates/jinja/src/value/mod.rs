//! Python's values as templates see them.
//!
//! Knows nothing of templates. Lists, dictionaries and sets are shared and mutable; everything else is immutable.
//! Start at [`Value`].

mod compare;
mod container;
mod convert;
mod function;
mod iterate;
mod json;
mod literal;
mod number;
mod object;
mod operate;
mod sort;
mod text;

use std::fmt;
use std::rc::Rc;

use num_bigint::BigInt;

pub use container::{Dict, Entries, Key, List, Set, Tuple};
pub(crate) use function::Callable;
pub use function::{Args, Function};
pub use iterate::Iter;
pub use json::JsonError;
pub use literal::LiteralError;
pub use object::{Module, Namespace, Object};

pub(crate) use compare::{compare_less, contains, equal, identical, order};
pub(crate) use iterate::{Range, View, ViewKind, letter};
pub(crate) use json::JsonStyle;
pub(crate) use literal::number;
pub(crate) use number::{Num, big, float_text, int_from_float};
pub(crate) use operate::{
    add, check_size, divide, floor_divide, multiply, negate, positive, power, remainder, subtract,
};
pub(crate) use sort::sort_by;
pub(crate) use text::{escape_char, escape_html, is_printable, string_of};

use crate::error::{Error, ErrorKind, Result};
use crate::eval::Loop;

/// No single text may be longer than this many bytes.
pub(crate) const MAX_SIZE: usize = 32 << 20;
/// No list may have more elements than this.
pub(crate) const MAX_ITEMS: usize = 2 << 20;

/// A Python value.
#[derive(Clone)]
pub enum Value {
    None,
    Bool(bool),
    Int(i64),
    /// An integer outside of `i64`; never one inside.
    Big(Rc<BigInt>),
    Float(f64),
    Str(Rc<str>),
    /// Text that is already HTML, as `escape` and `tojson` give it.
    Markup(Rc<str>),
    Bytes(Rc<[u8]>),
    List(List),
    Tuple(Tuple),
    Dict(Dict),
    Set(Set),
    Range(Rc<Range>),
    /// `dict.keys()`, `.values()`, `.items()`.
    View(Rc<View>),
    Iter(Iter),
    Function(Rc<Function>),
    /// A class such as `str`, for calls and `isinstance`.
    Type(Type),
    Object(Rc<dyn Object>),
    /// The `loop` of a running `for`.
    Loop(Rc<Loop>),
    /// What a wrong name gives; nearly every use is an error.
    Undefined(Rc<Missing>),
}

/// The classes that templates can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Type {
    Bool,
    Int,
    Float,
    Str,
    Bytes,
    List,
    Tuple,
    Dict,
    Set,
}

impl Type {
    pub(crate) const ALL: [Self; 9] = [
        Self::Bool,
        Self::Int,
        Self::Float,
        Self::Str,
        Self::Bytes,
        Self::List,
        Self::Tuple,
        Self::Dict,
        Self::Set,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Float => "float",
            Self::Str => "str",
            Self::Bytes => "bytes",
            Self::List => "list",
            Self::Tuple => "tuple",
            Self::Dict => "dict",
            Self::Set => "set",
        }
    }
}

/// Why a name has no value: the message and hint of the error that its use raises.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    message: String,
    hint: Option<String>,
    /// Counts as empty text, as in Jinja2 the value of a condition that is false and has no `else`.
    pub(crate) empty: bool,
}

impl Missing {
    /// `message`, with the nearest of `known` names as hint.
    pub(crate) fn named<'a>(
        message: String,
        wrong: &str,
        known: impl IntoIterator<Item = &'a str>,
    ) -> Value {
        Value::Undefined(Rc::new(Self::near(message, wrong, known)))
    }

    fn near<'a>(message: String, wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        let hint =
            slapos_nearest::nearest(wrong, known).map(|name| format!("did you mean `{name}`?"));
        Self { message, hint, empty: false }
    }

    /// Why a name that is none of `known` has no value.
    pub(crate) fn unknown<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        Self::near(format!("`{name}` is undefined"), name, known)
    }

    /// What `a if b` gives when `b` is false.
    pub(crate) fn no_else() -> Value {
        let message = "the condition is false and there is no `else`".into();
        Value::Undefined(Rc::new(Self { message, hint: None, empty: true }))
    }

    /// The error of using the missing value.
    pub(crate) fn error(&self) -> Error {
        let error = Error::new(ErrorKind::Undefined, self.message.clone());
        match &self.hint {
            Some(hint) => error.with_hint(hint.clone()),
            None => error,
        }
    }
}

impl Value {
    /// A text.
    pub fn str(text: impl Into<Rc<str>>) -> Self {
        Self::Str(text.into())
    }

    pub fn list(items: Vec<Self>) -> Self {
        Self::List(List::new(items))
    }

    pub fn tuple(items: Vec<Self>) -> Self {
        Self::Tuple(Tuple::new(items))
    }

    /// A dictionary with text keys.
    pub fn dict<K: AsRef<str>>(entries: impl IntoIterator<Item = (K, Self)>) -> Self {
        let entries = entries.into_iter().map(|(key, value)| (Key::from(key.as_ref()), value));
        Self::Dict(Dict::new(entries.collect()))
    }

    /// A function of the embedding program. It gets positional and named arguments.
    pub fn function(
        name: &str,
        run: impl Fn(&[Self], &[(Rc<str>, Self)]) -> Result<Self> + 'static,
    ) -> Self {
        Self::Function(Rc::new(Function(Callable::Native {
            name: name.into(),
            run: Box::new(run),
        })))
    }

    /// The text, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Str(text) | Self::Markup(text) => Some(text),
            _ => None,
        }
    }

    pub fn is_undefined(&self) -> bool {
        matches!(self, Self::Undefined(_))
    }

    /// Can hold other values, so that dropping it may go deep.
    fn is_nested(&self) -> bool {
        !matches!(
            self,
            Self::None
                | Self::Bool(_)
                | Self::Int(_)
                | Self::Float(_)
                | Self::Str(_)
                | Self::Markup(_)
                | Self::Bytes(_)
        )
    }

    /// Python's name of the class, for messages.
    pub fn type_name(&self) -> &str {
        match self {
            Self::None => "NoneType",
            Self::Bool(_) => "bool",
            Self::Int(_) | Self::Big(_) => "int",
            Self::Float(_) => "float",
            Self::Str(_) => "str",
            Self::Markup(_) => "Markup",
            Self::Bytes(_) => "bytes",
            Self::List(_) => "list",
            Self::Tuple(_) => "tuple",
            Self::Dict(_) => "dict",
            Self::Set(_) => "set",
            Self::Range(_) => "range",
            Self::View(view) => view.type_name(),
            Self::Iter(_) => "iterator",
            Self::Function(_) => "function",
            Self::Type(_) => "type",
            Self::Object(object) => object.type_name(),
            Self::Loop(_) => "LoopContext",
            Self::Undefined(_) => "Undefined",
        }
    }

    /// Python's `bool(value)`; an undefined value is an error.
    pub fn truth(&self) -> Result<bool> {
        Ok(match self {
            Self::None => false,
            Self::Bool(value) => *value,
            Self::Int(value) => *value != 0,
            Self::Float(value) => *value != 0.0,
            Self::Str(text) | Self::Markup(text) => !text.is_empty(),
            Self::Bytes(bytes) => !bytes.is_empty(),
            Self::List(list) => !list.borrow().is_empty(),
            Self::Tuple(tuple) => !tuple.is_empty(),
            Self::Dict(dict) => !dict.borrow().is_empty(),
            Self::Set(set) => !set.borrow().is_empty(),
            Self::Range(range) => range.length() != 0,
            Self::View(view) => !view.dict.borrow().is_empty(),
            Self::Big(_)
            | Self::Iter(_)
            | Self::Function(_)
            | Self::Type(_)
            | Self::Object(_)
            | Self::Loop(_) => true,
            Self::Undefined(missing) if missing.empty => false,
            Self::Undefined(missing) => return Err(missing.error()),
        })
    }

    /// Python's `len(value)`.
    pub fn length(&self) -> Result<usize> {
        Ok(match self {
            Self::Str(text) | Self::Markup(text) => text.chars().count(),
            Self::Bytes(bytes) => bytes.len(),
            Self::List(list) => list.borrow().len(),
            Self::Tuple(tuple) => tuple.len(),
            Self::Dict(dict) => dict.borrow().len(),
            Self::Set(set) => set.borrow().len(),
            Self::Range(range) => range.length(),
            Self::View(view) => view.dict.borrow().len(),
            Self::Undefined(missing) if missing.empty => 0,
            Self::Undefined(missing) => return Err(missing.error()),
            other => {
                return Err(Error::type_error(format!(
                    "object of type '{}' has no len()",
                    other.type_name()
                )));
            }
        })
    }

    /// Reads a Python literal, as `ast.literal_eval` does, and `set()`.
    pub fn parse_literal(text: &str) -> Result<Self, LiteralError> {
        literal::parse(text)
    }

    /// Fails for an undefined value.
    pub(crate) fn defined(self) -> Result<Self> {
        match self {
            Self::Undefined(missing) => Err(missing.error()),
            value => Ok(value),
        }
    }
}

/// Python's equality; what Python refuses to compare is not equal.
impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        compare::same(self, other)
    }
}

/// Shows the value as Python's `repr` does.
impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.repr() {
            Ok(text) => f.write_str(&text),
            Err(_) => write!(f, "<{}>", self.type_name()),
        }
    }
}
