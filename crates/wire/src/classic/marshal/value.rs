//! The values that a marshalled document can hold.

use std::cmp::Ordering;

use super::python;

/// One value of a marshalled document, in the terms of the language that made it.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Nothing.
    None,
    /// True or false.
    Bool(bool),
    /// A whole number. The format has no bound; beyond 128 bits it is refused.
    Int(i128),
    /// A floating point number.
    Float(f64),
    /// A text.
    Text(String),
    /// A fixed number of values.
    Tuple(Vec<Self>),
    /// A list of values.
    List(Vec<Self>),
    /// A set of values, in the order in which they are written.
    Set(Vec<Self>),
    /// Keys with values. The order does not matter when it is written; what was decoded is in
    /// order of key, each key once.
    Dictionary(Vec<(Self, Self)>),
    /// An object of one of the classes that the protocol knows.
    Object(Box<Object>),
}

/// An object: what its class is called with, and the attributes it is then given.
#[derive(Debug, Clone, PartialEq)]
pub struct Object {
    /// Its class.
    pub class: Class,
    /// The arguments of its construction.
    pub arguments: Vec<Value>,
    /// Its attributes, as in [`Value::Dictionary`].
    pub state: Vec<(Value, Value)>,
}

/// The classes that the protocol knows, all others are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// A computer with its partitions and releases.
    Computer,
    /// A partition and the instance in it.
    Partition,
    /// A release that a computer shall have.
    SoftwareRelease,
    /// The answer to a request.
    Instance,
}

impl Class {
    const ALL: [Self; 4] = [Self::Computer, Self::Partition, Self::SoftwareRelease, Self::Instance];

    /// The module that the classes are in.
    pub const MODULE: &'static str = "slapos.slap.slap";

    /// Its name on the wire.
    pub fn wire_name(self) -> &'static str {
        match self {
            Self::Computer => "Computer",
            Self::Partition => "ComputerPartition",
            Self::SoftwareRelease => "SoftwareRelease",
            Self::Instance => "SoftwareInstance",
        }
    }

    /// The class of a name on the wire.
    pub fn from_wire_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.wire_name() == name)
    }
}

impl Value {
    /// What kind of value it is, for messages.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Bool(_) => "a bool",
            Self::Int(_) => "an int",
            Self::Float(_) => "a float",
            Self::Text(_) => "a text",
            Self::Tuple(_) => "a tuple",
            Self::List(_) => "a list",
            Self::Set(_) => "a set",
            Self::Dictionary(_) => "a dictionary",
            Self::Object(_) => "an object",
        }
    }

    /// The text, or what Python's `str()` makes of any other value.
    pub fn into_text(self) -> String {
        match self {
            Self::Text(text) => text,
            other => python::repr(&other),
        }
    }

    /// Whether it can be a key: what cannot change.
    pub(super) fn is_key(&self) -> bool {
        match self {
            Self::None | Self::Bool(_) | Self::Int(_) | Self::Float(_) | Self::Text(_) => true,
            Self::Tuple(items) => items.iter().all(Self::is_key),
            Self::List(_) | Self::Set(_) | Self::Dictionary(_) | Self::Object(_) => false,
        }
    }

    /// How much memory a copy takes, roughly, in units of one small value.
    pub(super) fn weight(&self) -> usize {
        let pairs = |pairs: &[(Self, Self)]| -> usize {
            pairs.iter().map(|(key, value)| key.weight() + value.weight()).sum()
        };
        1 + match self {
            Self::None | Self::Bool(_) | Self::Int(_) | Self::Float(_) => 0,
            Self::Text(text) => text.len() / size_of::<Self>(),
            Self::Tuple(items) | Self::List(items) | Self::Set(items) => {
                items.iter().map(Self::weight).sum()
            }
            Self::Dictionary(members) => pairs(members),
            Self::Object(object) => {
                object.arguments.iter().map(Self::weight).sum::<usize>() + pairs(&object.state)
            }
        }
    }
}

/// The order in which a dictionary is written: that of the keys, where they are all texts or all
/// numbers; otherwise that of their representations.
pub(super) fn order<'v>(keys: impl Iterator<Item = &'v Value>) -> fn(&Value, &Value) -> Ordering {
    let (mut texts, mut numbers) = (true, true);
    for key in keys {
        texts &= matches!(key, Value::Text(_));
        numbers &= number(key).is_some();
    }
    match (texts, numbers) {
        (true, _) => |a, b| match (a, b) {
            (Value::Text(a), Value::Text(b)) => a.cmp(b),
            _ => Ordering::Equal,
        },
        (_, true) => |a, b| match (a, b) {
            (Value::Int(a), Value::Int(b)) => a.cmp(b),
            _ => number(a).unwrap_or(0.0).total_cmp(&number(b).unwrap_or(0.0)),
        },
        _ => |a, b| python::repr(a).cmp(&python::repr(b)),
    }
}

#[expect(clippy::cast_precision_loss, reason = "only compares keys of different kinds")]
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Bool(truth) => Some(f64::from(u8::from(*truth))),
        Value::Int(number) => Some(*number as f64),
        Value::Float(number) => Some(*number),
        _ => None,
    }
}
