//! Reads marshalled documents, also those that are written otherwise than ours.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
};

use super::value::{Class, Object, Value, order};
use crate::xml::{BadXml, Element, Event, Reader, is_blank};

/// How large a document may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Its length in bytes.
    pub bytes: usize,
    /// Elements inside each other.
    pub depth: usize,
    /// Values; a copy that a reference asks for counts with all that is in it.
    pub values: usize,
}

impl Default for Limits {
    /// Enough for a computer of ten thousand partitions.
    fn default() -> Self {
        Self { bytes: 64 << 20, depth: 64, values: 4_000_000 }
    }
}

/// The value of a marshalled document, within the usual [`Limits`].
///
/// A dictionary may also stand alone, without the element around it.
///
/// # Errors
/// When the document is not well-formed, breaks the rules of the format, or is too large.
pub fn decode(text: &str) -> Result<Value, BadXml> {
    decode_within(text, Limits::default())
}

/// The value of a marshalled document.
///
/// # Errors
/// As [`decode`].
pub fn decode_within(text: &str, limits: Limits) -> Result<Value, BadXml> {
    if text.len() > limits.bytes {
        let cause = format!("the document is longer than {} bytes", limits.bytes);
        return Err(BadXml { at: limits.bytes, cause });
    }
    let mut reader = Reader::new(text, limits.depth);
    let mut decoder =
        Decoder { shared: shared(text, limits)?, done: HashMap::new(), values: limits.values };
    let mut open: Vec<Frame> = Vec::new();
    let mut root = None;
    loop {
        match reader.next()? {
            Event::Open(element) => {
                let frame = decoder.open(&element, open.last());
                open.push(frame.map_err(|cause| reader.bad(cause))?);
            }
            Event::Text(text) => {
                let frame = open.last_mut().expect("the reader gives text inside elements only");
                frame.take(&text).map_err(|cause| reader.bad(cause))?;
            }
            Event::Close => {
                let frame = open.pop().expect("the reader closes only what it opened");
                let value = decoder.close(frame).map_err(|cause| reader.bad(cause))?;
                match open.last_mut() {
                    Some(parent) => parent.items.push(value),
                    None => root = Some(value),
                }
            }
            Event::End => return Ok(root.expect("a document ends after its element")),
        }
    }
}

/// The identifiers that references name. Only what carries one of them is kept for copying;
/// usual documents have none, although each of their containers has an identifier.
fn shared(text: &str, limits: Limits) -> Result<HashSet<String>, BadXml> {
    let mut shared = HashSet::new();
    if !text.contains("<reference") && !text.contains(":reference") {
        return Ok(shared);
    }
    let mut reader = Reader::new(text, limits.depth);
    loop {
        match reader.next()? {
            Event::Open(element) if element.name() == "reference" => {
                let id = element.attribute("id").map_err(|cause| reader.bad(cause))?;
                shared.extend(id);
            }
            Event::Open(_) | Event::Close | Event::Text(_) => {}
            Event::End => return Ok(shared),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Root,
    None,
    Bool,
    Int,
    Float,
    Text,
    Tuple,
    List,
    Set,
    Dictionary,
    Object(Class),
    Reference,
}

impl Kind {
    fn holds_values(self) -> bool {
        matches!(
            self,
            Self::Root | Self::Tuple | Self::List | Self::Set | Self::Dictionary | Self::Object(_)
        )
    }

    /// Which containers references can name.
    fn has_id(self) -> bool {
        matches!(
            self,
            Self::List | Self::Set | Self::Dictionary | Self::Object(_) | Self::Reference
        )
    }
}

/// An element that is still open.
struct Frame {
    kind: Kind,
    id: Option<String>,
    items: Vec<Value>,
    text: String,
}

impl Frame {
    fn take(&mut self, text: &str) -> Result<(), String> {
        match self.kind {
            Kind::Text | Kind::Int | Kind::Float | Kind::Bool => self.text.push_str(text),
            _ if is_blank(text) => {}
            _ => return Err("text between values".into()),
        }
        Ok(())
    }
}

struct Decoder {
    shared: HashSet<String>,
    /// The complete values that references may name.
    done: HashMap<String, Value>,
    /// How many more values there may be.
    values: usize,
}

impl Decoder {
    fn open(&mut self, element: &Element<'_>, parent: Option<&Frame>) -> Result<Frame, String> {
        let kind = match element.name() {
            "marshal" if parent.is_none() => Kind::Root,
            "none" => Kind::None,
            "bool" => Kind::Bool,
            "int" | "long" => Kind::Int,
            "float" => Kind::Float,
            "string" | "unicode" => Kind::Text,
            "tuple" => Kind::Tuple,
            "list" => Kind::List,
            "set" => Kind::Set,
            "dictionary" => Kind::Dictionary,
            "object" => Kind::Object(class(element)?),
            "reference" => Kind::Reference,
            name => return Err(format!("the element `{}` is unknown", brief(name))),
        };
        match parent {
            None if !matches!(kind, Kind::Root | Kind::Dictionary) => {
                return Err("the document is not a `marshal` element".into());
            }
            Some(parent) if !parent.kind.holds_values() => {
                return Err("an element inside a value that is only text".into());
            }
            _ => {}
        }
        self.spend(1)?;
        let id =
            if kind.has_id() && !self.shared.is_empty() { element.attribute("id")? } else { None };
        Ok(Frame { kind, id, items: Vec::new(), text: String::new() })
    }

    fn close(&mut self, frame: Frame) -> Result<Value, String> {
        let Frame { kind, id, mut items, text } = frame;
        let value = match kind {
            Kind::Root => {
                let value = items.pop().ok_or("the document has no value")?;
                return if items.is_empty() { Ok(value) } else { Err("two values".into()) };
            }
            Kind::None => Value::None,
            Kind::Bool => Value::Bool(whole(&text)? != 0),
            Kind::Int => Value::Int(whole(&text)?),
            Kind::Float => Value::Float(text.trim().parse().map_err(|_| "not a number")?),
            Kind::Text => Value::Text(unescaped(text)),
            Kind::Tuple => Value::Tuple(items),
            Kind::List => Value::List(items),
            Kind::Set => Value::Set(items),
            Kind::Dictionary => Value::Dictionary(members(items)?),
            Kind::Object(class) => object(class, items)?,
            Kind::Reference => return self.copy(id),
        };
        if let Some(id) = id
            && self.shared.contains(&id)
        {
            self.spend(value.weight())?;
            self.done.insert(id, value.clone());
        }
        Ok(value)
    }

    fn copy(&mut self, id: Option<String>) -> Result<Value, String> {
        let id = id.ok_or("a reference without `id`")?;
        let value = self.done.get(&id).ok_or("a reference to what is not there before it")?;
        let weight = value.weight();
        self.values = left(self.values, weight)?;
        Ok(value.clone())
    }

    fn spend(&mut self, values: usize) -> Result<(), String> {
        self.values = left(self.values, values)?;
        Ok(())
    }
}

fn left(values: usize, spent: usize) -> Result<usize, &'static str> {
    values.checked_sub(spent).ok_or("the document has too many values")
}

fn class(element: &Element<'_>) -> Result<Class, String> {
    let name = element.attribute("class")?.ok_or("an object without `class`")?;
    let module = element.attribute("module")?.ok_or("an object without `module`")?;
    let class = Class::from_wire_name(&name).filter(|_| module == Class::MODULE);
    class.ok_or_else(|| format!("the class `{}.{}` is not accepted", brief(&module), brief(&name)))
}

fn object(class: Class, items: Vec<Value>) -> Result<Value, String> {
    let [Value::Tuple(arguments), Value::Dictionary(state)] =
        <[Value; 2]>::try_from(items).map_err(|_| "an object without its two parts")?
    else {
        return Err("an object that is not a tuple and a dictionary".into());
    };
    Ok(Value::Object(Box::new(Object { class, arguments, state })))
}

/// The pairs of a dictionary, in order of key; of equal keys the last one counts.
fn members(items: Vec<Value>) -> Result<Vec<(Value, Value)>, String> {
    let mut members = Vec::with_capacity(items.len() / 2);
    let mut items = items.into_iter();
    while let Some(key) = items.next() {
        let value = items.next().ok_or("a dictionary that ends with a key without value")?;
        if !key.is_key() {
            return Err(format!("{} cannot be a key", key.kind()));
        }
        members.push((key, value));
    }
    let compare = order(members.iter().map(|(key, _)| key));
    members.sort_by(|(a, _), (b, _)| compare(a, b));
    members.dedup_by(|later, earlier| {
        let same = later.0 == earlier.0;
        if same {
            std::mem::swap(later, earlier);
        }
        same
    });
    Ok(members)
}

fn whole(text: &str) -> Result<i128, String> {
    text.trim().parse().map_err(|_| "not a whole number of at most 128 bits".into())
}

/// Takes away the second escape, which the first writer added; what has none stays as it is.
fn unescaped(text: String) -> String {
    if !text.contains('&') {
        return text;
    }
    text.replace("&gt;", ">").replace("&lt;", "<").replace("&amp;", "&")
}

/// The beginning of a name that a stranger chose.
fn brief(name: &str) -> Cow<'_, str> {
    match name.char_indices().nth(40) {
        Some((end, _)) => Cow::Owned(format!("{}…", &name[..end])),
        None => Cow::Borrowed(name),
    }
}
