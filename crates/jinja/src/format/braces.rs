//! `'{} and {name.attribute[key]!r:>10}'.format(...)`.

use std::rc::Rc;

use super::{percent, spec};
use crate::error::{Error, ErrorKind, Result};
use crate::eval::Machine;
use crate::value::{Args, Value, check_size};

/// Python's `template.format(*args, **kwargs)`.
pub(crate) fn format(machine: &mut Machine<'_>, template: &str, args: &Args) -> Result<String> {
    let mut formatter = Formatter { machine, args, next: 0, numbered: None };
    formatter.format(template, 2)
}

struct Formatter<'a, 'm> {
    machine: &'a mut Machine<'m>,
    args: &'a Args,
    /// The next position for `{}`.
    next: usize,
    /// Whether fields are numbered by hand.
    numbered: Option<bool>,
}

impl Formatter<'_, '_> {
    fn format(&mut self, template: &str, depth: usize) -> Result<String> {
        if depth == 0 {
            return Err(Error::value_error("Max string recursion exceeded"));
        }
        let mut out = String::new();
        let mut rest = template;
        while let Some(at) = rest.find(['{', '}']) {
            out.push_str(&rest[..at]);
            let mark = &rest[at..=at];
            rest = &rest[at + 1..];
            if let Some(after) = rest.strip_prefix(mark) {
                out.push_str(mark);
                rest = after;
                continue;
            }
            if mark == "}" {
                return Err(Error::value_error("Single '}' encountered in format string"));
            }
            let end = field_end(rest)?;
            out.push_str(&self.field(&rest[..end], depth)?);
            check_size(out.len())?;
            rest = &rest[end + 1..];
        }
        out.push_str(rest);
        Ok(out)
    }

    /// One field, without its braces.
    fn field(&mut self, field: &str, depth: usize) -> Result<String> {
        let name_end = name_end(field);
        let (name, mut rest) = field.split_at(name_end);
        let mut value = self.value(name)?;
        if let Some(after) = rest.strip_prefix('!') {
            let conversion = after.chars().next().unwrap_or(' ');
            value = match conversion {
                's' => Value::Str(value.text()?),
                'r' => Value::from(value.repr()?),
                'a' => Value::from(percent::ascii(&value.repr()?)),
                other => {
                    return Err(Error::value_error(format!(
                        "Unknown conversion specifier {other}"
                    )));
                }
            };
            rest = &after[conversion.len_utf8()..];
        }
        match rest.strip_prefix(':') {
            Some(text) => {
                let text = self.format(text, depth - 1)?;
                spec::format(&value, &text)
            }
            None if rest.is_empty() => spec::format(&value, ""),
            None => Err(Error::value_error("expected ':' after conversion specifier")),
        }
    }

    /// The value that a field names, e.g. `0.attribute[key]`.
    fn value(&mut self, name: &str) -> Result<Value> {
        let end = name.find(['.', '[']).unwrap_or(name.len());
        let (first, mut path) = name.split_at(end);
        let mut value = self.argument(first)?;
        while !path.is_empty() {
            if let Some(rest) = path.strip_prefix('.') {
                let end = rest.find(['.', '[']).unwrap_or(rest.len());
                if matches!(value, Value::Dict(_)) {
                    return Err(Error::unsupported(
                        "an attribute of a dictionary in a format is not supported",
                    )
                    .with_hint("write `[key]` instead of `.key`"));
                }
                value = self.machine.attribute(&value, &Rc::from(&rest[..end]))?.defined()?;
                path = &rest[end..];
                continue;
            }
            let rest = &path[1..];
            let Some(end) = rest.find(']') else {
                return Err(Error::value_error("Missing ']' in format string"));
            };
            let key = &rest[..end];
            let digits = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_digit());
            let key = match key.parse::<i64>() {
                Ok(index) if digits => Value::Int(index),
                _ => Value::from(key),
            };
            let found = crate::eval::plain_item(&value, &key);
            value = found.ok_or_else(|| {
                Error::new(ErrorKind::Key, format!("no item {key:?} in the formatted value"))
            })?;
            path = &rest[end + 1..];
            if !path.is_empty() && !path.starts_with(['.', '[']) {
                return Err(Error::value_error(
                    "Only '.' or '[' may follow ']' in format field specifier",
                ));
            }
        }
        // The value of a condition without `else` counts as empty text.
        if matches!(&value, Value::Undefined(missing) if missing.empty) {
            Ok(value)
        } else {
            value.defined()
        }
    }

    fn argument(&mut self, name: &str) -> Result<Value> {
        let by_hand = name.bytes().all(|byte| byte.is_ascii_digit());
        if !by_hand {
            let found = self.args.named.iter().find(|(known, _)| **known == *name);
            return match found {
                Some((_, value)) => Ok(value.clone()),
                None => {
                    Err(Error::new(ErrorKind::Key, format!("format() has no argument '{name}'")))
                }
            };
        }
        let numbered = !name.is_empty();
        if self.numbered.is_some_and(|before| before != numbered) {
            return Err(Error::value_error("cannot mix automatic and manual field numbering"));
        }
        self.numbered = Some(numbered);
        let at = if numbered { name.parse().unwrap_or(usize::MAX) } else { self.next };
        self.next += usize::from(!numbered);
        let message = "Replacement index out of range for positional args tuple";
        self.args.positional.get(at).cloned().ok_or_else(|| Error::new(ErrorKind::Index, message))
    }
}

/// Where the field ends that begins at the start of `text`; braces within are paired.
fn field_end(text: &str) -> Result<usize> {
    let mut open = 1;
    for (at, c) in text.char_indices() {
        match c {
            '{' => open += 1,
            '}' => open -= 1,
            _ => {}
        }
        if open == 0 {
            return Ok(at);
        }
    }
    Err(Error::value_error("expected '}' before end of string"))
}

/// Where the name of a field ends: at `!` or `:` outside of brackets.
fn name_end(field: &str) -> usize {
    let mut bracket = false;
    for (at, c) in field.char_indices() {
        match c {
            '[' => bracket = true,
            ']' => bracket = false,
            '!' | ':' if !bracket => return at,
            _ => {}
        }
    }
    field.len()
}
