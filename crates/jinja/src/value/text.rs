//! Python's `repr` and `str`.

use std::rc::Rc;

use super::compare::Walk;
use super::number::float_text;
use super::{MAX_SIZE, Value};
use crate::error::{Error, Result};

impl Value {
    /// Python's `repr(value)`. Literals read back with [`Value::parse_literal`] as an equal value.
    ///
    /// Fails for undefined values, functions and other things whose text Python itself does not fix, and beyond
    /// the limits on size and depth.
    pub fn repr(&self) -> Result<String> {
        let mut writer = Writer { text: String::new(), walk: Walk::new(), open: Vec::new() };
        writer.value(self)?;
        Ok(writer.text)
    }

    /// Python's `str(value)`: texts as they are, everything else as `repr`.
    pub fn text(&self) -> Result<Rc<str>> {
        match self {
            Self::Str(text) | Self::Markup(text) => Ok(text.clone()),
            Self::Undefined(missing) if missing.empty => Ok("".into()),
            Self::Object(object) => match object.text() {
                Some(text) => Ok(text?.into()),
                None => Ok(self.repr()?.into()),
            },
            other => Ok(other.repr()?.into()),
        }
    }
}

/// The value as text; escaped text stays escaped.
pub(crate) fn string_of(value: &Value) -> Result<Value> {
    match value {
        Value::Str(_) | Value::Markup(_) => Ok(value.clone()),
        other => Ok(Value::Str(other.text()?)),
    }
}

struct Writer {
    text: String,
    walk: Walk,
    /// Addresses of the containers being written, to notice one within itself.
    open: Vec<usize>,
}

impl Writer {
    fn value(&mut self, value: &Value) -> Result<()> {
        if self.text.len() > MAX_SIZE {
            return Err(Error::limit("the text of a value is too long"));
        }
        match value {
            Value::None => self.text.push_str("None"),
            Value::Bool(true) => self.text.push_str("True"),
            Value::Bool(false) => self.text.push_str("False"),
            Value::Int(value) => self.text.push_str(&value.to_string()),
            Value::Big(value) => self.text.push_str(&value.to_string()),
            Value::Float(value) => self.text.push_str(&float_text(*value)),
            Value::Str(text) => self.text.push_str(&quote(text)),
            Value::Markup(text) => self.text.push_str(&format!("Markup({})", quote(text))),
            Value::Bytes(bytes) => self.text.push_str(&quote_bytes(bytes)),
            Value::List(list) => {
                let items = list.borrow().clone();
                self.sequence(list.address(), "[", &items, "]")?;
            }
            Value::Tuple(items) => {
                let close = if items.len() == 1 { ",)" } else { ")" };
                self.sequence(items.address(), "(", items, close)?;
            }
            Value::Dict(dict) => self.dict(dict)?,
            Value::Set(set) if set.borrow().is_empty() => self.text.push_str("set()"),
            Value::Set(set) => self.sequence(0, "{", &set.sorted(), "}")?,
            Value::Range(range) => self.text.push_str(&range.text()),
            Value::View(view) => {
                self.text.push_str(value.type_name());
                self.sequence(0, "([", &view.items(), "])")?;
            }
            Value::Type(kind) => self.text.push_str(&format!("<class '{}'>", kind.name())),
            Value::Undefined(missing) if missing.empty => self.text.push_str("Undefined"),
            Value::Undefined(missing) => return Err(missing.error()),
            Value::Iter(_) | Value::Function(_) | Value::Object(_) | Value::Loop(_) => {
                let name = value.type_name();
                let error = Error::type_error(format!(
                    "the text of a value of type '{name}' has no fixed form"
                ));
                return Err(error.with_hint(
                    "a function is called with `()`; an iterator becomes a list with `list`",
                ));
            }
        }
        Ok(())
    }

    fn enter(&mut self, address: usize) -> Result<bool> {
        if address != 0 && self.open.contains(&address) {
            return Ok(false);
        }
        self.walk.enter()?;
        self.open.push(address);
        Ok(true)
    }

    fn leave(&mut self) {
        self.walk.leave();
        self.open.pop();
    }

    fn sequence(&mut self, address: usize, open: &str, items: &[Value], close: &str) -> Result<()> {
        self.text.push_str(open);
        if self.enter(address)? {
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    self.text.push_str(", ");
                }
                self.value(item)?;
            }
            self.leave();
        } else {
            self.text.push_str("...");
        }
        self.text.push_str(close);
        Ok(())
    }

    fn dict(&mut self, dict: &super::Dict) -> Result<()> {
        let entries = dict.borrow().clone();
        self.text.push('{');
        if self.enter(dict.address())? {
            for (at, (key, value)) in entries.iter().enumerate() {
                if at > 0 {
                    self.text.push_str(", ");
                }
                self.value(key.value())?;
                self.text.push_str(": ");
                self.value(value)?;
            }
            self.leave();
        } else {
            self.text.push_str("...");
        }
        self.text.push('}');
        Ok(())
    }
}

/// A text as Python literal, in the quotes that need fewer escapes.
pub(crate) fn quote(text: &str) -> String {
    let mark = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut out = String::with_capacity(text.len() + 2);
    out.push(mark);
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c == mark => {
                out.push('\\');
                out.push(c);
            }
            c if is_printable(c) => out.push(c),
            c => out.push_str(&escape_char(c)),
        }
    }
    out.push(mark);
    out
}

/// `\x1f`, `\u200b` or `\U000e0001`.
pub(crate) fn escape_char(c: char) -> String {
    match u32::from(c) {
        code @ 0..=0xff => format!("\\x{code:02x}"),
        code @ 0x100..=0xffff => format!("\\u{code:04x}"),
        code => format!("\\U{code:08x}"),
    }
}

/// Whether Python's `repr` shows the character as it is. Rust's `escape_debug` follows the same rule of Unicode
/// behind another letter; at the start of a text it would escape combining marks, too.
pub(crate) fn is_printable(c: char) -> bool {
    match c {
        ' '..='~' => true,
        '\0'..='\u{a0}' | '\u{ad}' => false,
        c if c.is_whitespace() => false,
        c => !format!("a{c}").escape_debug().to_string().contains("\\u{"),
    }
}

fn quote_bytes(bytes: &[u8]) -> String {
    let mark = if bytes.contains(&b'\'') && !bytes.contains(&b'"') { '"' } else { '\'' };
    let mut out = format!("b{mark}");
    for &byte in bytes {
        match byte {
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            byte if char::from(byte) == mark => {
                out.push('\\');
                out.push(mark);
            }
            b' '..=b'~' => out.push(char::from(byte)),
            byte => out.push_str(&format!("\\x{byte:02x}")),
        }
    }
    out.push(mark);
    out
}

/// HTML's five special characters as references.
pub(crate) fn escape_html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\'' => out.push_str("&#39;"),
            '"' => out.push_str("&#34;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_quoted_as_in_python() {
        let table = [
            ("plain", "'plain'"),
            ("it's", "\"it's\""),
            ("both ' and \"", "'both \\' and \"'"),
            ("a\\b\n\t\r\0\x7f", "'a\\\\b\\n\\t\\r\\x00\\x7f'"),
            ("é\u{200b}\u{a0}\u{ad}日", "'é\\u200b\\xa0\\xad日'"),
            ("e\u{301}", "'e\u{301}'"),
        ];
        for (text, expected) in table {
            assert_eq!(quote(text), expected);
        }
    }

    #[test]
    fn a_list_within_itself_is_shown_with_dots() {
        let list = super::super::List::new(vec![Value::Int(1)]);
        list.borrow_mut().push(Value::List(list.clone()));
        assert_eq!(Value::List(list.clone()).repr().unwrap(), "[1, [...]]");
        list.borrow_mut().clear();
    }

    #[test]
    fn a_million_levels_are_an_error_and_drop_cleanly() {
        let mut value = Value::None;
        for _ in 0..1_000_000 {
            value = Value::list(vec![value]);
        }
        assert_eq!(value.repr().unwrap_err().kind(), crate::ErrorKind::Limit);
        drop(value);
    }
}
