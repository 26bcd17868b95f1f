//! Writes marshalled documents, byte for byte as the Python library does.
//!
//! A document writes itself into a [`Writer`]; no tree of values is built in between.

use std::{
    collections::{BTreeMap, btree_map},
    fmt::Write as _,
    iter::Peekable,
};

use super::{
    python,
    value::{Class, Value, order},
};
use crate::xml::is_forbidden;

/// A whole number from here on, up or down, has another element.
const FIRST_LONG: u128 = 1_000_000_000_000_000_000_000_000;

/// A text has a character that XML cannot hold, so the document does not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a text has the character U+{:04X}, which XML forbids", *.0 as u32)]
pub struct Unwritable(pub char);

/// A document with the one value that `write` writes.
///
/// # Errors
/// When a text has a character that XML cannot hold.
pub fn document(write: impl FnOnce(&mut Writer)) -> Result<String, Unwritable> {
    let mut writer = Writer { out: String::with_capacity(1024), ids: 1, forbidden: None };
    writer.out.push_str("<marshal>");
    write(&mut writer);
    writer.out.push_str("</marshal>");
    writer.forbidden.map_or(Ok(writer.out), |character| Err(Unwritable(character)))
}

/// Takes values, one after the other, and writes each as it comes.
#[derive(Debug)]
pub struct Writer {
    out: String,
    /// The last number given to a container; each gets its own when its tag opens.
    ids: u32,
    forbidden: Option<char>,
}

impl Writer {
    /// Writes nothing, as a value.
    pub fn none(&mut self) {
        self.out.push_str("<none/>");
    }

    /// Writes a truth value.
    pub fn bool(&mut self, truth: bool) {
        self.out.push_str(if truth { "<bool>1</bool>" } else { "<bool>0</bool>" });
    }

    /// Writes a whole number.
    pub fn int(&mut self, number: impl Into<i128>) {
        let number = number.into();
        let element = if number.unsigned_abs() < FIRST_LONG { "int" } else { "long" };
        self.push(format_args!("<{element}>{number}</{element}>"));
    }

    /// Writes a floating point number.
    pub fn float(&mut self, number: f64) {
        self.push(format_args!("<float>{}</float>", python::float(number)));
    }

    /// Writes a text.
    pub fn text(&mut self, text: &str) {
        self.out.push_str("<string>");
        self.escaped(text);
        self.out.push_str("</string>");
    }

    /// Writes a tuple of what `items` writes.
    pub fn tuple(&mut self, items: impl FnOnce(&mut Self)) {
        self.out.push_str("<tuple");
        self.inside("tuple", items);
    }

    /// Writes a list of what `items` writes.
    pub fn list(&mut self, items: impl FnOnce(&mut Self)) {
        self.open_with_id("list");
        self.inside("list", items);
    }

    /// Writes a set of what `items` writes.
    pub fn set(&mut self, items: impl FnOnce(&mut Self)) {
        self.open_with_id("set");
        self.inside("set", items);
    }

    /// Writes a dictionary with texts as keys.
    pub fn dictionary<'k>(&mut self, members: impl FnOnce(&mut Members<'_, 'k>)) {
        self.dictionary_over(btree_map::Iter::default(), members);
    }

    /// Writes a dictionary of texts. An empty text is written as nothing: that is how masters
    /// that keep dictionaries as XML read it back.
    pub fn texts(&mut self, texts: &BTreeMap<String, String>) {
        self.dictionary_over(texts.iter(), |_| ());
    }

    /// Writes a dictionary of texts, as [`Writer::texts`], with `members` added, which win.
    pub fn dictionary_over<'k>(
        &mut self,
        texts: btree_map::Iter<'k, String, String>,
        members: impl FnOnce(&mut Members<'_, 'k>),
    ) {
        self.open_with_id("dictionary");
        self.inside("dictionary", |writer| {
            let mut all = Members { writer, texts: texts.peekable(), last: None };
            members(&mut all);
            all.rest();
        });
    }

    /// Writes an object: the arguments of its construction, then its attributes.
    pub fn object<'k>(
        &mut self,
        class: Class,
        arguments: impl FnOnce(&mut Self),
        state: impl FnOnce(&mut Members<'_, 'k>),
    ) {
        self.open_object(class);
        self.inside("object", |writer| {
            writer.tuple(arguments);
            writer.dictionary(state);
        });
    }

    /// Writes any value.
    pub fn value(&mut self, value: &Value) {
        match value {
            Value::None => self.none(),
            Value::Bool(truth) => self.bool(*truth),
            Value::Int(number) => self.int(*number),
            Value::Float(number) => self.float(*number),
            Value::Text(text) => self.text(text),
            Value::Tuple(items) => self.tuple(|writer| writer.values(items)),
            Value::List(items) => self.list(|writer| writer.values(items)),
            Value::Set(items) => self.set(|writer| writer.values(items)),
            Value::Dictionary(members) => self.pairs(members),
            Value::Object(object) => {
                self.open_object(object.class);
                self.inside("object", |writer| {
                    writer.tuple(|writer| writer.values(&object.arguments));
                    writer.pairs(&object.state);
                });
            }
        }
    }

    fn values(&mut self, items: &[Value]) {
        items.iter().for_each(|item| self.value(item));
    }

    fn pairs(&mut self, members: &[(Value, Value)]) {
        let compare = order(members.iter().map(|(key, _)| key));
        let mut sorted: Vec<_> = members.iter().collect();
        sorted.sort_by(|(a, _), (b, _)| compare(a, b));
        self.open_with_id("dictionary");
        self.inside("dictionary", |writer| {
            for (key, value) in sorted {
                writer.value(key);
                writer.value(value);
            }
        });
    }

    fn open_with_id(&mut self, element: &str) {
        self.ids += 1;
        let number = self.ids;
        self.out.push('<');
        self.out.push_str(element);
        self.push(format_args!(" id=\"i{number}\""));
    }

    fn open_object(&mut self, class: Class) {
        self.open_with_id("object");
        for part in [" module=\"", Class::MODULE, "\" class=\"", class.wire_name(), "\""] {
            self.out.push_str(part);
        }
    }

    /// Ends the start tag, writes the content and the end tag; without content, the short form.
    fn inside(&mut self, element: &str, content: impl FnOnce(&mut Self)) {
        self.out.push('>');
        let start = self.out.len();
        content(self);
        if self.out.len() == start {
            self.out.truncate(start - 1);
            self.out.push_str("/>");
        } else {
            self.out.push_str("</");
            self.out.push_str(element);
            self.out.push('>');
        }
    }

    fn push(&mut self, text: std::fmt::Arguments<'_>) {
        self.out.write_fmt(text).expect("a text takes everything");
    }

    /// Writes a text escaped twice, in ASCII.
    fn escaped(&mut self, text: &str) {
        let bytes = text.as_bytes();
        let (mut from, mut at) = (0, 0);
        loop {
            at += plain(&bytes[at..]);
            if at == bytes.len() {
                break;
            }
            self.out.push_str(&text[from..at]);
            let character = text[at..].chars().next().expect("there is one at a boundary");
            match character {
                '&' => self.out.push_str("&amp;amp;"),
                '<' => self.out.push_str("&amp;lt;"),
                '>' => self.out.push_str("&amp;gt;"),
                _ if is_forbidden(character) => self.forbidden = Some(character),
                _ => self.push(format_args!("&#{};", character as u32)),
            }
            at += character.len_utf8();
            from = at;
        }
        self.out.push_str(&text[from..]);
    }
}

/// How many bytes at the beginning stand for themselves. Most texts are nothing else, so many
/// bytes are looked at in one go.
fn plain(bytes: &[u8]) -> usize {
    // without branches, so that one instruction looks at many bytes
    let is_plain = |b: u8| {
        (b.wrapping_sub(b' ') < 0x60) & (b != b'&') & (b != b'<') & (b != b'>')
            | (b == b'\t')
            | (b == b'\n')
    };
    let all = |chunk: &&[u8; 16]| chunk.iter().fold(true, |all, byte| all & is_plain(*byte));
    let clean = bytes.as_chunks().0.iter().take_while(all).count() * 16;
    clean + bytes[clean..].iter().take_while(|byte| is_plain(**byte)).count()
}

/// Takes the members of one dictionary, in order of key.
#[derive(Debug)]
pub struct Members<'w, 'k> {
    writer: &'w mut Writer,
    texts: Peekable<btree_map::Iter<'k, String, String>>,
    last: Option<&'k str>,
}

impl<'k> Members<'_, 'k> {
    /// Writes a key; the caller writes one value into what comes back. Keys come in the order of
    /// their characters, each once.
    pub fn key(&mut self, key: &'k str) -> &mut Writer {
        debug_assert!(self.last < Some(key), "{key} comes too late");
        self.last = Some(key);
        while let Some((name, text)) = self.texts.next_if(|(name, _)| name.as_str() <= key) {
            if name != key {
                self.pair(name, text);
            }
        }
        self.writer.text(key);
        self.writer
    }

    fn rest(&mut self) {
        while let Some((name, text)) = self.texts.next() {
            self.pair(name, text);
        }
    }

    fn pair(&mut self, name: &str, text: &str) {
        self.writer.text(name);
        if text.is_empty() {
            self.writer.none();
        } else {
            self.writer.text(text);
        }
    }
}
