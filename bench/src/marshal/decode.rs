//! From a document to its value; strict: what is not exactly a document is refused.

use std::{borrow::Cow, collections::HashMap, fmt};

use memchr::{memchr, memmem};

use super::Value;

/// Why a document was refused, and at which byte of it.
#[derive(Debug)]
pub(crate) struct DecodeError {
    at: usize,
    what: &'static str,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "marshalled document: {} at byte {}", self.what, self.at)
    }
}

impl std::error::Error for DecodeError {}

type Result<T> = std::result::Result<T, DecodeError>;

/// How deep containers may be nested.
const DEPTH_MAX: usize = 64;

/// The value of a document.
///
/// # Errors
/// When it is malformed, or anything follows it.
pub(crate) fn decode(document: &[u8]) -> Result<Value<'_>> {
    let Ok(text) = std::str::from_utf8(document) else {
        return Err(DecodeError { at: 0, what: "not UTF-8" });
    };
    let seen = memmem::find(document, b"<reference ").map(|_| HashMap::new());
    let mut decoder = Decoder { text, at: 0, depth: 0, seen };
    decoder.skip_space();
    if decoder.rest().starts_with(b"<?") {
        match memmem::find(decoder.rest(), b"?>") {
            Some(end) => decoder.at += end + 2,
            None => return decoder.refuse("unterminated declaration"),
        }
    }
    let root = decoder.open()?;
    if root.name != "marshal" || root.empty {
        return decoder.refuse("not a marshalled document");
    }
    let value = decoder.value()?;
    decoder.close("marshal")?;
    decoder.skip_space();
    if decoder.at != document.len() {
        return decoder.refuse("trailing data");
    }
    Ok(value)
}

struct Decoder<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    /// Containers by id; only where the document holds references.
    seen: Option<HashMap<&'a str, Value<'a>>>,
}

struct Tag<'a> {
    name: &'a str,
    attributes: &'a str,
    empty: bool,
}

impl<'a> Tag<'a> {
    fn attribute(&self, name: &str) -> Option<&'a str> {
        let mut rest = self.attributes;
        while let Some((key, after)) = rest.split_once('=') {
            let after = after.trim_start();
            let quote = after.chars().next()?;
            let (value, further) = after[quote.len_utf8()..].split_once(quote)?;
            if key.trim() == name {
                return Some(value);
            }
            rest = further;
        }
        None
    }
}

impl<'a> Decoder<'a> {
    fn rest(&self) -> &'a [u8] {
        &self.text.as_bytes()[self.at..]
    }

    fn refuse<T>(&self, what: &'static str) -> Result<T> {
        Err(DecodeError { at: self.at, what })
    }

    fn skip_space(&mut self) {
        self.at += self.rest().iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    }

    /// Reads an opening or an empty tag.
    fn open(&mut self) -> Result<Tag<'a>> {
        self.skip_space();
        if self.rest().first() != Some(&b'<') {
            return self.refuse("expected a tag");
        }
        let start = self.at + 1;
        let Some(length) = memchr(b'>', &self.rest()[1..]) else {
            return self.refuse("unterminated tag");
        };
        self.at = start + length + 1;
        let inner = &self.text[start..start + length];
        let (inner, empty) = match inner.strip_suffix('/') {
            Some(inner) => (inner, true),
            None => (inner, false),
        };
        let end = inner.find(|c: char| c.is_ascii_whitespace()).unwrap_or(inner.len());
        Ok(Tag { name: &inner[..end], attributes: &inner[end..], empty })
    }

    fn close(&mut self, name: &str) -> Result<()> {
        self.skip_space();
        let after = self.rest().strip_prefix(b"</");
        let after = after.and_then(|rest| rest.strip_prefix(name.as_bytes()));
        if !after.is_some_and(|rest| rest.starts_with(b">")) {
            return self.refuse("mismatched closing tag");
        }
        self.at += name.len() + 3;
        Ok(())
    }

    fn text(&mut self, tag: &Tag<'_>) -> Result<&'a str> {
        if tag.empty {
            return Ok("");
        }
        let start = self.at;
        let Some(length) = memchr(b'<', self.rest()) else {
            return self.refuse("unterminated text");
        };
        self.at += length;
        self.close(tag.name)?;
        Ok(&self.text[start..start + length])
    }

    fn number<T: std::str::FromStr>(&mut self, tag: &Tag<'_>) -> Result<T> {
        let text = self.text(tag)?;
        text.trim().parse().or_else(|_| self.refuse("bad number"))
    }

    fn sequence(&mut self, tag: &Tag<'_>) -> Result<Vec<Value<'a>>> {
        let mut items = Vec::new();
        if tag.empty {
            return Ok(items);
        }
        if self.depth == DEPTH_MAX {
            return self.refuse("nested too deep");
        }
        self.depth += 1;
        loop {
            self.skip_space();
            if self.rest().starts_with(b"</") {
                break;
            }
            items.push(self.value()?);
        }
        self.depth -= 1;
        self.close(tag.name)?;
        Ok(items)
    }

    fn value(&mut self) -> Result<Value<'a>> {
        let tag = self.open()?;
        let value = match tag.name {
            "string" | "unicode" => Value::Text(unescape_twice(self.text(&tag)?)),
            "int" | "long" => Value::Int(self.number(&tag)?),
            "float" => Value::Float(self.number(&tag)?),
            "bool" => Value::Bool(self.text(&tag)?.trim() != "0"),
            "none" => {
                self.text(&tag)?;
                Value::None
            }
            "list" | "set" => Value::List(self.sequence(&tag)?),
            "tuple" => Value::Tuple(self.sequence(&tag)?),
            "dictionary" => self.dictionary(&tag)?,
            "object" => self.object(&tag)?,
            "reference" => return self.reference(&tag),
            _ => return self.refuse("unknown element"),
        };
        if let (Some(seen), Some(id)) = (&mut self.seen, tag.attribute("id")) {
            seen.insert(id, value.clone());
        }
        Ok(value)
    }

    fn dictionary(&mut self, tag: &Tag<'_>) -> Result<Value<'a>> {
        let mut flat = self.sequence(tag)?.into_iter();
        let mut entries = Vec::with_capacity(flat.len() / 2);
        while let Some(key) = flat.next() {
            let Some(value) = flat.next() else {
                return self.refuse("dictionary with an odd number of children");
            };
            entries.push((key, value));
        }
        Ok(Value::Dict(entries))
    }

    fn object(&mut self, tag: &Tag<'a>) -> Result<Value<'a>> {
        let parts: std::result::Result<[_; 2], _> = self.sequence(tag)?.try_into();
        let Ok([arguments, state]) = parts else {
            return self.refuse("object without arguments and state");
        };
        let class = tag.attribute("class").unwrap_or("").into();
        Ok(Value::Object { class, arguments: Box::new(arguments), state: Box::new(state) })
    }

    fn reference(&mut self, tag: &Tag<'a>) -> Result<Value<'a>> {
        if !tag.empty {
            self.close(tag.name)?;
        }
        let known = self.seen.as_ref().zip(tag.attribute("id"));
        match known.and_then(|(seen, id)| seen.get(id)) {
            Some(value) => Ok(value.clone()),
            None => self.refuse("dangling reference"),
        }
    }
}

fn unescape_twice(text: &str) -> Cow<'_, str> {
    if memchr(b'&', text.as_bytes()).is_none() {
        return Cow::Borrowed(text);
    }
    Cow::Owned(unescape(&unescape(text)))
}

fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        let entity = after.split_once(';').and_then(|(name, rest)| Some((character(name)?, rest)));
        match entity {
            Some((character, further)) => {
                out.push(character);
                rest = further;
            }
            None => {
                out.push('&');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

fn character(entity: &str) -> Option<char> {
    match entity {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let number = entity.strip_prefix('#')?;
            let code = match number.strip_prefix('x') {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)
        }
    }
}
