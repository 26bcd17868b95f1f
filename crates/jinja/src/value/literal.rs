//! Reads Python literals, as `ast.literal_eval` does.
//!
//! # Invariants
//! - Reads what [`Value::repr`] writes for values made of literals, and gives an equal value.
//! - Never evaluates: a name other than `None`, `True`, `False` and `set()` is an error.

use std::fmt;

use num_bigint::BigInt;

use super::{Dict, Entries, Key, Set, Value};
use crate::escapes;

/// Why a text is not a literal, and where (in characters from 0).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiteralError {
    pub message: String,
    pub position: usize,
}

impl fmt::Display for LiteralError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at character {}", self.message, self.position + 1)
    }
}

impl std::error::Error for LiteralError {}

type Result<T> = std::result::Result<T, LiteralError>;

const MAX_DEPTH: usize = 100;

pub(super) fn parse(text: &str) -> Result<Value> {
    let mut reader = Reader { text: text.chars().collect(), at: 0, depth: 0 };
    reader.skip_space();
    let value = reader.tuple_or_value(None)?;
    if reader.at < reader.text.len() {
        return reader.fail("expected the end of the literal");
    }
    Ok(value)
}

struct Reader {
    text: Vec<char>,
    at: usize,
    depth: usize,
}

impl Reader {
    fn fail<T>(&self, message: impl Into<String>) -> Result<T> {
        Err(LiteralError { message: message.into(), position: self.at })
    }

    fn peek(&self) -> Option<char> {
        self.text.get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while self.peek().is_some_and(|c| matches!(c, ' ' | '\t' | '\n' | '\r' | '\x0c')) {
            self.at += 1;
        }
    }

    /// Skips `mark` and the space behind it, if it is there.
    fn skip(&mut self, mark: char) -> bool {
        let found = self.peek() == Some(mark);
        if found {
            self.at += 1;
            self.skip_space();
        }
        found
    }

    /// One value, or a tuple without parentheses, up to `end`.
    fn tuple_or_value(&mut self, end: Option<char>) -> Result<Value> {
        let first = self.value()?;
        if !self.skip(',') {
            return Ok(first);
        }
        let mut items = vec![first];
        while self.peek() != end && self.peek().is_some() {
            items.push(self.value()?);
            if !self.skip(',') {
                break;
            }
        }
        Ok(Value::tuple(items))
    }

    fn value(&mut self) -> Result<Value> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return self.fail("the literal is nested too deeply");
        }
        let value = match self.peek() {
            Some('[') => self.list(),
            Some('(') => self.parenthesis(),
            Some('{') => self.brace(),
            Some('\'' | '"') => self.texts(),
            Some('-' | '+' | '0'..='9' | '.') => self.number(),
            Some(c) if c.is_alphabetic() || c == '_' => self.word(),
            Some(c) => self.fail(format!("unexpected `{c}`")),
            None => self.fail("the literal ends too early"),
        }?;
        self.depth -= 1;
        self.skip_space();
        Ok(value)
    }

    fn items(&mut self, end: char) -> Result<Vec<Value>> {
        let mut items = Vec::new();
        while !self.skip(end) {
            items.push(self.value()?);
            if !self.skip(',') && self.peek() != Some(end) {
                return self.fail(format!("expected `,` or `{end}`"));
            }
        }
        Ok(items)
    }

    fn list(&mut self) -> Result<Value> {
        self.skip('[');
        Ok(Value::list(self.items(']')?))
    }

    fn parenthesis(&mut self) -> Result<Value> {
        self.skip('(');
        if self.skip(')') {
            return Ok(Value::tuple(Vec::new()));
        }
        let value = self.tuple_or_value(Some(')'))?;
        if !self.skip(')') {
            return self.fail("expected `,` or `)`");
        }
        Ok(value)
    }

    fn brace(&mut self) -> Result<Value> {
        self.skip('{');
        if self.skip('}') {
            return Ok(Value::Dict(Dict::default()));
        }
        let first = self.value()?;
        if self.peek() != Some(':') {
            let mut items = vec![first];
            if self.skip(',') {
                items.extend(self.items('}')?);
            } else if !self.skip('}') {
                return self.fail("expected `,`, `:` or `}`");
            }
            return Set::of(items).map(Value::Set).or_else(|error| self.fail(error.message()));
        }
        let mut entries = Entries::new();
        let mut key = first;
        loop {
            if !self.skip(':') {
                return self.fail("expected `:`");
            }
            let value = self.value()?;
            entries.insert(Key::new(key).or_else(|error| self.fail(error.message()))?, value);
            let comma = self.skip(',');
            if self.skip('}') {
                return Ok(Value::Dict(Dict::new(entries)));
            }
            if !comma {
                return self.fail("expected `,` or `}`");
            }
            key = self.value()?;
        }
    }

    fn word(&mut self) -> Result<Value> {
        let start = self.at;
        while self.peek().is_some_and(|c| c.is_alphanumeric() || c == '_') {
            self.at += 1;
        }
        let word: String = self.text[start..self.at].iter().collect();
        if matches!(self.peek(), Some('\'' | '"')) && word.len() <= 2 {
            self.at = start;
            return self.texts();
        }
        self.skip_space();
        match word.as_str() {
            "None" => Ok(Value::None),
            "True" => Ok(Value::Bool(true)),
            "False" => Ok(Value::Bool(false)),
            "set" if self.skip('(') && self.skip(')') => Ok(Value::Set(Set::default())),
            _ => {
                self.at = start;
                self.fail(format!("`{word}` is not a literal"))
            }
        }
    }

    /// One or more texts (or bytes) in a row, which count as one.
    fn texts(&mut self) -> Result<Value> {
        let mut whole: Option<Value> = None;
        loop {
            let next = self.one_text()?;
            whole = Some(match (whole, next) {
                (None, next) => next,
                (Some(Value::Str(a)), Value::Str(b)) => Value::from(format!("{a}{b}")),
                (Some(Value::Bytes(a)), Value::Bytes(b)) => {
                    Value::Bytes([&*a, &*b].concat().into())
                }
                _ => return self.fail("cannot mix bytes and texts"),
            });
            self.skip_space();
            let rest = &self.text[self.at..];
            let marks = rest.iter().take(3).position(|c| matches!(c, '\'' | '"'));
            let prefixed = marks.is_some_and(|at| rest[..at].iter().all(|c| "bBrRuU".contains(*c)));
            if !prefixed {
                return whole.map_or_else(|| self.fail("expected a text"), Ok);
            }
        }
    }

    fn one_text(&mut self) -> Result<Value> {
        let (mut raw, mut bytes) = (false, false);
        while let Some(c) = self.peek().filter(|c| !matches!(c, '\'' | '"')) {
            match c {
                'r' | 'R' => raw = true,
                'b' | 'B' => bytes = true,
                'u' | 'U' => {}
                _ => return self.fail(format!("unknown prefix `{c}` of a text")),
            }
            self.at += 1;
        }
        let mark = self.text[self.at];
        let triple = self.text[self.at..].starts_with(&[mark; 3]);
        let width = if triple { 3 } else { 1 };
        let start = self.at + width;
        let mut end = start;
        loop {
            match self.text.get(end) {
                None => return self.fail("the text has no closing quote"),
                Some('\n') if !triple => {
                    return self.fail("the text has no closing quote on its line");
                }
                Some('\\') => end += 2,
                Some(_) if self.text[end..].starts_with(&[mark; 3][..width]) => break,
                Some(_) => end += 1,
            }
        }
        let body: String = self.text[start..end].iter().collect();
        let value = match (raw, bytes) {
            (true, false) => Ok(Value::from(body)),
            (false, false) => escapes::decode(&body).map(Value::from),
            (raw, true) => {
                escapes::decode_bytes(&body, raw).map(|bytes| Value::Bytes(bytes.into()))
            }
        };
        let value = value.or_else(|message| self.fail(message))?;
        self.at = end + width;
        Ok(value)
    }

    fn number(&mut self) -> Result<Value> {
        let mut negative = false;
        while let Some(sign @ ('-' | '+')) = self.peek() {
            negative ^= sign == '-';
            self.at += 1;
            self.skip_space();
        }
        let start = self.at;
        let mut previous = '0';
        while let Some(c) = self.peek() {
            let hexadecimal = self.text.get(start + 1).is_some_and(|c| matches!(c, 'x' | 'X'));
            let sign = matches!(c, '+' | '-') && matches!(previous, 'e' | 'E') && !hexadecimal;
            if !(c.is_ascii_alphanumeric() || matches!(c, '.' | '_') || sign) {
                break;
            }
            previous = c;
            self.at += 1;
        }
        let text: String = self.text[start..self.at].iter().collect();
        let Some(value) = number(&text) else {
            self.at = start;
            return self.fail(format!("`{text}` is not a number"));
        };
        if !negative {
            return Ok(value);
        }
        super::negate(&value).or_else(|error| self.fail(error.message()))
    }
}

/// A number as Python writes it, without sign; `None` if it is not one.
pub(crate) fn number(text: &str) -> Option<Value> {
    let underscores_between_digits = || {
        let bytes = text.as_bytes();
        (0..bytes.len()).filter(|at| bytes[*at] == b'_').all(|at| {
            let alike = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
            at > 0 && alike(bytes.get(at - 1)) && alike(bytes.get(at + 1))
        })
    };
    if !underscores_between_digits() {
        return None;
    }
    let digits = text.replace('_', "").to_ascii_lowercase();
    let radix = match digits.as_bytes() {
        [b'0', b'x', ..] => 16,
        [b'0', b'o', ..] => 8,
        [b'0', b'b', ..] => 2,
        _ => 10,
    };
    if radix != 10 {
        let digits = &digits[2..];
        let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        return BigInt::parse_bytes(digits.as_bytes(), radix)
            .filter(|_| plain)
            .and_then(|value| super::number::big(value).ok());
    }
    if digits.bytes().all(|byte| byte.is_ascii_digit()) {
        let zeros_only = digits.bytes().all(|byte| byte == b'0');
        if digits.is_empty() || digits.len() > 4300 || digits.starts_with('0') && !zeros_only {
            return None;
        }
        return super::number::big(digits.parse().ok()?).ok();
    }
    let float = digits
        .bytes()
        .all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'+' | b'-'));
    digits
        .parse()
        .ok()
        .filter(|_| float && digits.bytes().any(|byte| byte.is_ascii_digit()))
        .map(Value::Float)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_are_read_and_written_back() {
        let table = [
            ("None", "None"),
            (" [1, 'a', None,] ", "[1, 'a', None]"),
            ("(1)", "1"),
            ("(1,)", "(1,)"),
            ("1, 2", "(1, 2)"),
            ("()", "()"),
            ("{'a': 1, 'a': 2}", "{'a': 2}"),
            ("{1: {}, (1, 2): []}", "{1: {}, (1, 2): []}"),
            ("{1, 2}", "{1, 2}"),
            ("set()", "set()"),
            ("b'a\\xff'", "b'a\\xff'"),
            ("'a' \"b\"", "'ab'"),
            ("'''a\n'b''' ", "\"a\\n'b\""),
            ("r'\\n'", "'\\\\n'"),
            ("-1.5e3", "-1500.0"),
            ("0x1F", "31"),
            ("1_000", "1000"),
            ("123456789012345678901234567890", "123456789012345678901234567890"),
            ("-9223372036854775808", "-9223372036854775808"),
            ("'\\u00e9\\x41\\101\\\n'", "'éAA'"),
        ];
        for (text, expected) in table {
            let value = parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            let written = value.repr().unwrap();
            assert_eq!(written, expected, "{text}");
            assert_eq!(parse(&written).unwrap().repr().unwrap(), expected);
        }
    }

    #[test]
    fn what_is_no_literal_names_its_place() {
        let table = [
            ("", 0),
            ("foo", 0),
            ("[1, foo]", 4),
            ("1 2", 2),
            ("'a", 0),
            ("{[]: 1}", 7),
            ("set(1)", 0),
            ("012", 0),
            ("1__0", 0),
            ("__import__('os')", 0),
            ("(1", 2),
            ("-'a'", 1),
        ];
        for (text, position) in table {
            let error = parse(text).unwrap_err();
            if text != "{[]: 1}" {
                assert_eq!(error.position, position, "{text}: {error}");
            }
        }
        assert!(parse(&"[".repeat(100_000)).is_err());
    }
}
