//! JSON, as Python's module `json` reads and writes it: order of keys kept, integers of any size, NaN.

use std::fmt;

use super::compare::Walk;
use super::number::float_text;
use super::{Dict, Entries, Key, List, MAX_SIZE, Value};
use crate::error::{Error, Result};

/// Why a text is not JSON, and where (in bytes from 0).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonError {
    pub message: String,
    pub position: usize,
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}", self.message, self.position + 1)
    }
}

impl std::error::Error for JsonError {}

/// How to write JSON; the default is `json.dumps(value)`.
#[derive(Debug, Clone)]
pub(crate) struct JsonStyle {
    pub indent: Option<String>,
    pub item_separator: String,
    pub key_separator: String,
    pub sort_keys: bool,
    pub ascii: bool,
}

impl Default for JsonStyle {
    fn default() -> Self {
        Self {
            indent: None,
            item_separator: ", ".into(),
            key_separator: ": ".into(),
            sort_keys: false,
            ascii: true,
        }
    }
}

impl Value {
    /// Reads JSON text, as `json.loads` does.
    pub fn from_json(text: &str) -> Result<Self, JsonError> {
        let mut reader = Reader { text, at: 0, depth: 0 };
        reader.skip_space();
        let value = reader.value()?;
        if reader.at < text.len() {
            return reader.fail("extra data");
        }
        Ok(value)
    }

    /// Writes JSON text, as `json.dumps(value)` does.
    pub fn to_json(&self) -> Result<String> {
        self.to_json_styled(&JsonStyle::default())
    }

    pub(crate) fn to_json_styled(&self, style: &JsonStyle) -> Result<String> {
        let mut writer = Writer { text: String::new(), walk: Walk::new(), style, level: 0 };
        writer.value(self)?;
        Ok(writer.text)
    }
}

impl From<&serde_json::Value> for Value {
    fn from(json: &serde_json::Value) -> Self {
        match json {
            serde_json::Value::Null => Self::None,
            serde_json::Value::Bool(value) => Self::Bool(*value),
            serde_json::Value::Number(number) => {
                let text = number.to_string();
                Self::from_json(&text).unwrap_or(Self::Float(number.as_f64().unwrap_or(f64::NAN)))
            }
            serde_json::Value::String(text) => Self::from(text.as_str()),
            serde_json::Value::Array(items) => Self::list(items.iter().map(Self::from).collect()),
            serde_json::Value::Object(map) => {
                Self::dict(map.iter().map(|(key, value)| (key, Self::from(value))))
            }
        }
    }
}

/// Fails for what JSON cannot hold: NaN, bytes, functions, keys that are not texts or numbers.
impl TryFrom<&Value> for serde_json::Value {
    type Error = Error;

    fn try_from(value: &Value) -> Result<Self> {
        serde_json::from_str(&value.to_json()?)
            .map_err(|error| Error::value_error(error.to_string()))
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl Reader<'_> {
    fn fail<T>(&self, message: impl Into<String>) -> Result<T, JsonError> {
        Err(JsonError { message: message.into(), position: self.at })
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn skip(&mut self, mark: u8) -> bool {
        let found = self.peek() == Some(mark);
        if found {
            self.at += 1;
            self.skip_space();
        }
        found
    }

    fn value(&mut self) -> Result<Value, JsonError> {
        self.depth += 1;
        if self.depth > Walk::DEPTH {
            return self.fail("nested too deeply");
        }
        let words = [
            ("null", Value::None),
            ("true", Value::Bool(true)),
            ("false", Value::Bool(false)),
            ("NaN", Value::Float(f64::NAN)),
            ("Infinity", Value::Float(f64::INFINITY)),
            ("-Infinity", Value::Float(f64::NEG_INFINITY)),
        ];
        let rest = &self.text[self.at..];
        let value = if let Some((word, value)) =
            words.into_iter().find(|(word, _)| rest.starts_with(word))
        {
            self.at += word.len();
            value
        } else {
            match self.peek() {
                Some(b'{') => self.object()?,
                Some(b'[') => self.array()?,
                Some(b'"') => Value::from(self.string()?),
                Some(b'-' | b'0'..=b'9') => self.number()?,
                _ => return self.fail("expected a value"),
            }
        };
        self.depth -= 1;
        self.skip_space();
        Ok(value)
    }

    fn array(&mut self) -> Result<Value, JsonError> {
        self.skip(b'[');
        let mut items = Vec::new();
        if self.skip(b']') {
            return Ok(Value::list(items));
        }
        loop {
            items.push(self.value()?);
            if self.skip(b']') {
                return Ok(Value::List(List::new(items)));
            }
            if !self.skip(b',') {
                return self.fail("expected `,` or `]`");
            }
        }
    }

    fn object(&mut self) -> Result<Value, JsonError> {
        self.skip(b'{');
        let mut entries = Entries::new();
        if self.skip(b'}') {
            return Ok(Value::Dict(Dict::default()));
        }
        loop {
            if self.peek() != Some(b'"') {
                return self.fail("expected a key in double quotes");
            }
            let key = self.string()?;
            self.skip_space();
            if !self.skip(b':') {
                return self.fail("expected `:`");
            }
            let value = self.value()?;
            entries.insert(Key::from(key.as_str()), value);
            if self.skip(b'}') {
                return Ok(Value::Dict(Dict::new(entries)));
            }
            if !self.skip(b',') {
                return self.fail("expected `,` or `}`");
            }
        }
    }

    fn string(&mut self) -> Result<String, JsonError> {
        let bytes = self.text.as_bytes();
        let mut end = self.at + 1;
        while let Some(byte) = bytes.get(end).filter(|byte| **byte != b'"') {
            end += if *byte == b'\\' { 2 } else { 1 };
        }
        if end >= bytes.len() {
            return self.fail("the text has no closing quote");
        }
        match serde_json::from_str(&self.text[self.at..=end]) {
            Ok(text) => {
                self.at = end + 1;
                Ok(text)
            }
            Err(error) => self.fail(format!("bad text: {error}")),
        }
    }

    fn number(&mut self) -> Result<Value, JsonError> {
        let rest = &self.text[self.at..];
        let end = rest
            .find(|c: char| !matches!(c, '0'..='9' | '-' | '+' | '.' | 'e' | 'E'))
            .unwrap_or(rest.len());
        let digits = &rest[..end];
        let valid = serde_json::from_str::<serde_json::Number>(digits).is_ok()
            || digits.contains(['e', 'E']);
        let value = match digits.strip_prefix('-') {
            _ if !valid => None,
            Some(digits) => {
                super::literal::number(digits).and_then(|value| super::negate(&value).ok())
            }
            None => super::literal::number(digits),
        };
        let Some(value) = value else {
            return self.fail(format!("`{digits}` is not a number"));
        };
        self.at += end;
        Ok(value)
    }
}

struct Writer<'a> {
    text: String,
    walk: Walk,
    style: &'a JsonStyle,
    level: usize,
}

impl Writer<'_> {
    fn value(&mut self, value: &Value) -> Result<()> {
        if self.text.len() > MAX_SIZE {
            return Err(Error::limit("the JSON text of a value is too long"));
        }
        match value {
            Value::None => self.text.push_str("null"),
            Value::Bool(value) => self.text.push_str(if *value { "true" } else { "false" }),
            Value::Int(_) | Value::Big(_) => self.text.push_str(&value.repr()?),
            Value::Float(value) => self.text.push_str(&json_float(*value)),
            Value::Str(text) | Value::Markup(text) => quote(text, self.style.ascii, &mut self.text),
            Value::List(list) => {
                let items = list.borrow().clone();
                self.array(&items)?;
            }
            Value::Tuple(items) => self.array(items)?,
            Value::Dict(dict) => self.object(dict)?,
            Value::Undefined(missing) => return Err(missing.error()),
            other => {
                let name = other.type_name();
                return Err(Error::type_error(format!(
                    "Object of type {name} is not JSON serializable"
                )));
            }
        }
        Ok(())
    }

    fn open(&mut self, mark: char) -> Result<()> {
        self.walk.enter()?;
        self.level += 1;
        self.text.push(mark);
        Ok(())
    }

    fn close(&mut self, mark: char, empty: bool) {
        self.walk.leave();
        self.level -= 1;
        if !empty {
            self.new_line();
        }
        self.text.push(mark);
    }

    fn new_line(&mut self) {
        if let Some(indent) = &self.style.indent {
            self.text.push('\n');
            self.text.push_str(&indent.repeat(self.level));
        }
    }

    fn before_item(&mut self, at: usize) {
        if at > 0 {
            self.text.push_str(&self.style.item_separator);
        }
        self.new_line();
    }

    fn array(&mut self, items: &[Value]) -> Result<()> {
        self.open('[')?;
        for (at, item) in items.iter().enumerate() {
            self.before_item(at);
            self.value(item)?;
        }
        self.close(']', items.is_empty());
        Ok(())
    }

    fn object(&mut self, dict: &Dict) -> Result<()> {
        let mut entries: Vec<(Value, Value)> =
            dict.borrow().iter().map(|(key, value)| (key.value().clone(), value.clone())).collect();
        if self.style.sort_keys {
            entries = super::sort_by(entries, &mut |a, b| super::compare_less(&a.0, &b.0))?;
        }
        self.open('{')?;
        for (at, (key, value)) in entries.iter().enumerate() {
            self.before_item(at);
            let key = key_text(key)?;
            quote(&key, self.style.ascii, &mut self.text);
            self.text.push_str(&self.style.key_separator);
            self.value(value)?;
        }
        self.close('}', entries.is_empty());
        Ok(())
    }
}

fn json_float(value: f64) -> String {
    if value.is_nan() {
        "NaN".into()
    } else if value.is_infinite() {
        if value > 0.0 { "Infinity" } else { "-Infinity" }.into()
    } else {
        float_text(value)
    }
}

fn key_text(key: &Value) -> Result<String> {
    Ok(match key {
        Value::Str(text) | Value::Markup(text) => text.to_string(),
        Value::None => "null".into(),
        Value::Bool(value) => value.to_string(),
        Value::Int(_) | Value::Big(_) => key.repr()?,
        Value::Float(value) => json_float(*value),
        other => {
            let name = other.type_name();
            return Err(Error::type_error(format!(
                "keys must be str, int, float, bool or None, not {name}"
            )));
        }
    })
}

fn quote(text: &str, ascii: bool, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\x08' => out.push_str("\\b"),
            '\x0c' => out.push_str("\\f"),
            '\0'..='\x1f' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            '\x7f'.. if ascii => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    out.push_str(&format!("\\u{unit:04x}"));
                }
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_read_and_written_as_in_python() {
        let table = [
            (r#"{"b": 1, "a": [true, null, 1.0]}"#, r#"{"b": 1, "a": [true, null, 1.0]}"#),
            (r#" "\u00e9\ud83d\ude00" "#, r#""\u00e9\ud83d\ude00""#),
            ("123456789012345678901234567890", "123456789012345678901234567890"),
            ("[NaN, -Infinity, -0.0, 1e5]", "[NaN, -Infinity, -0.0, 100000.0]"),
            ("[]", "[]"),
            ("\"\u{7f}\u{80}\"", r#""\u007f\u0080""#),
        ];
        for (text, expected) in table {
            assert_eq!(Value::from_json(text).unwrap().to_json().unwrap(), expected, "{text}");
        }
        for text in ["", "[1,]", "{1: 2}", "01", "'a'", "[", "\"a", "1 2", "nul"] {
            assert!(Value::from_json(text).is_err(), "{text}");
        }
        assert!(Value::from_json(&"[".repeat(100_000)).is_err());
    }
}
