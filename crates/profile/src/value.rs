//! Values of options after substitution, and the references in them.
//!
//! Inside the engine a value is text, a real Python value, or not there yet. Text still has its `$$`; it becomes `$`
//! when a recipe reads the option. Text that begins with `!py!` is a Python literal and reads as its value.

use std::cell::RefCell;
use std::rc::Rc;

use slapos_jinja::Value;

use crate::error::{Code, Error, Result};
use crate::outcome::Waiting;

/// Text that begins so is a Python literal.
pub(crate) const LITERAL: &str = "!py!";

/// A value of an option.
#[derive(Debug, Clone)]
pub(crate) enum Datum {
    /// Text with `$$` for `$`.
    Text(Rc<str>),
    /// A value that is not text. Never handed out without [`copied`], since its containers are shared.
    Typed(Value),
    /// Depends on what another instance has not given yet.
    Waiting(Rc<Waiting>),
}

/// A value and whether it may be seen.
#[derive(Debug, Clone)]
pub(crate) struct Cell {
    pub(crate) datum: Datum,
    /// Reaches neither state nor log.
    pub(crate) secret: bool,
}

impl Cell {
    pub(crate) fn new(datum: Datum) -> Self {
        Self { datum, secret: false }
    }

    /// What a recipe sets: reads back as it was.
    pub(crate) fn of(value: Value, secret: bool) -> Self {
        let datum = match value.as_str() {
            Some(text) => Datum::Text(escape(text).into()),
            None => Datum::Typed(value),
        };
        Self { datum, secret }
    }

    /// The text that stands for the value inside other texts; `None` while it waits.
    pub(crate) fn pasted(&self) -> Result<Option<Rc<str>>> {
        match &self.datum {
            Datum::Text(text) => Ok(Some(Rc::clone(text))),
            Datum::Typed(value) => Ok(Some(escape(&dumps(value)?).into())),
            Datum::Waiting(_) => Ok(None),
        }
    }
}

/// What a reader gets.
#[derive(Debug)]
pub(crate) enum Seen {
    Value(Value),
    Waiting(Rc<Waiting>),
}

impl Cell {
    /// The value as recipes read it.
    pub(crate) fn read(&self) -> Result<Seen> {
        Ok(match &self.datum {
            Datum::Text(text) => {
                let text = unescape(text);
                match text.strip_prefix(LITERAL) {
                    Some(literal) => Seen::Value(parse_literal(literal)?),
                    None => Seen::Value(Value::from(text)),
                }
            }
            Datum::Typed(value) => Seen::Value(copied(value)?),
            Datum::Waiting(waiting) => Seen::Waiting(Rc::clone(waiting)),
        })
    }
}

/// `$$` for `$`.
pub(crate) fn escape(text: &str) -> String {
    text.replace('$', "$$")
}

pub(crate) fn unescape(text: &str) -> String {
    text.replace("$$", "$")
}

/// The text form of a value, as the function `dumps` of templates gives it.
pub(crate) fn dumps(value: &Value) -> Result<String> {
    let literal = value.repr().map_err(|error| Error::new(Code::BadLiteral, error.message()))?;
    Ok(format!("{LITERAL}{literal}"))
}

/// A literal, or an expression of literals such as `'text'[3:]`.
pub(crate) fn parse_literal(text: &str) -> Result<Value> {
    let text = text.trim();
    match Value::parse_literal(text) {
        Ok(value) => Ok(value),
        Err(error) => expression(text).ok_or_else(|| {
            let message =
                format!("`!py!` is followed by something that is not a literal: {error}");
            Error::new(Code::BadLiteral, message)
                .with_hint("numbers, texts, lists, tuples, dictionaries, sets, None, True, False, slices and `+` are understood")
        }),
    }
}

/// The value of an expression without names, in the common part of Python and Jinja2.
fn expression(text: &str) -> Option<Value> {
    let mut options = slapos_jinja::Options::default();
    options.enable("jinja2.ext.do").ok()?;
    // Twice, between other brackets: a text that closes one does not close the other.
    let template = format!("{{% do give(({text}), [{text}]) %}}");
    let template = slapos_jinja::Template::compile("!py!", &template, options).ok()?;
    let given: Rc<RefCell<Option<Value>>> = Rc::default();
    let into = Rc::clone(&given);
    let mut context = slapos_jinja::Context::new();
    let give = Value::function("give", move |arguments, named| {
        if let ([value, list], []) = (arguments, named)
            && list.length().is_ok_and(|length| length == 1)
            && value.repr().is_ok()
        {
            *into.borrow_mut() = Some(value.clone());
        }
        Ok(Value::None)
    });
    context.set("give", give);
    template.render(&context).ok()?;
    given.take()
}

/// A copy that shares nothing with the original.
fn copied(value: &Value) -> Result<Value> {
    Ok(match value {
        Value::List(_) | Value::Tuple(_) | Value::Dict(_) | Value::Set(_) => {
            parse_literal(&dumps(value)?[LITERAL.len()..])?
        }
        plain => plain.clone(),
    })
}

/// A stretch of a text with references.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    Text(&'a str),
    Reference {
        /// Empty: the section that holds the text.
        section: &'a str,
        option: &'a str,
        /// Byte offset of `${` in the text.
        offset: usize,
    },
}

/// Splits a text at its references; `$$` stays in the text. The error is the byte offset and a sentence.
pub(crate) fn pieces(text: &str) -> Result<Vec<Piece<'_>>, (usize, String)> {
    let mut found = Vec::new();
    let (mut from, mut at) = (0, 0);
    while let Some(dollar) = text[at..].find('$').map(|next| at + next) {
        if text[dollar..].starts_with("$$") {
            at = dollar + 2;
        } else if text[dollar..].starts_with("${") {
            if from < dollar {
                found.push(Piece::Text(&text[from..dollar]));
            }
            let Some(end) = text[dollar..].find('}') else {
                return Err((dollar, "a reference without `}`".into()));
            };
            let (section, option) =
                reference(&text[dollar + 2..dollar + end]).map_err(|fault| (dollar, fault))?;
            found.push(Piece::Reference { section, option, offset: dollar });
            at = dollar + end + 1;
            from = at;
        } else {
            at = dollar + 1;
        }
    }
    if from < text.len() {
        found.push(Piece::Text(&text[from..]));
    }
    Ok(found)
}

fn reference(inside: &str) -> Result<(&str, &str), String> {
    let good = |name: &str| name.chars().all(|c| c.is_alphanumeric() || " ._-".contains(c));
    match inside.split_once(':') {
        Some((section, option)) if good(section) && good(option) && !option.is_empty() => {
            Ok((section, option))
        }
        _ => Err(format!("`${{{inside}}}` is not a reference `${{section:option}}`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reference(section: &'static str, option: &'static str, offset: usize) -> Piece<'static> {
        Piece::Reference { section, option, offset }
    }

    #[test]
    fn references_are_found_and_doubled_dollars_are_not() {
        let table = [
            ("plain $ text", vec![Piece::Text("plain $ text")]),
            ("${a:b}", vec![reference("a", "b", 0)]),
            ("x${:b}y", vec![Piece::Text("x"), reference("", "b", 1), Piece::Text("y")]),
            ("$${a:b}", vec![Piece::Text("$${a:b}")]),
            ("$$${a:b}", vec![Piece::Text("$$"), reference("a", "b", 2)]),
            ("", vec![]),
        ];
        for (text, expected) in table {
            assert_eq!(pieces(text).unwrap(), expected, "{text}");
        }
        for (text, offset) in
            [("a ${b}", 2), ("${a:b:c}", 0), ("${a:b", 0), ("${a/b:c}", 0), ("${a:}", 0)]
        {
            assert_eq!(pieces(text).unwrap_err().0, offset, "{text}");
        }
    }

    #[test]
    fn values_come_back_as_they_went() {
        let table = [
            Value::from("a $ b"),
            Value::from(7_i64),
            Value::dict([("a", Value::list(vec![Value::None, Value::from("${x:y}")]))]),
        ];
        for value in table {
            let cell = Cell::of(value.clone(), false);
            let Seen::Value(seen) = cell.read().unwrap() else { panic!("{value:?} waits") };
            assert_eq!(seen, value);
            let pasted = Cell::new(Datum::Text(cell.pasted().unwrap().unwrap()));
            let Seen::Value(seen) = pasted.read().unwrap() else { panic!("{value:?} waits") };
            assert_eq!(seen, value);
        }
    }

    #[test]
    fn a_reader_gets_its_own_copy() {
        let cell = Cell::of(Value::list(vec![Value::from(1_i64)]), false);
        let Seen::Value(Value::List(first)) = cell.read().unwrap() else { panic!("no list") };
        first.borrow_mut().clear();
        let Seen::Value(second) = cell.read().unwrap() else { panic!("no value") };
        assert_eq!(second.length().unwrap(), 1);
    }

    #[test]
    fn expressions_of_literals_have_values() {
        let table = [
            ("'[::1]:80'[1:-4]", Value::from("::1")),
            ("[1] + [2]", Value::list(vec![Value::from(1_i64), Value::from(2_i64)])),
            ("'%}' + 'b'", Value::from("%}b")),
            ("{'a': 1}['a']", Value::from(1_i64)),
        ];
        for (text, expected) in table {
            let cell = Cell::new(Datum::Text(format!("!py!{text}").into()));
            let Seen::Value(seen) = cell.read().unwrap() else { panic!("{text} waits") };
            assert_eq!(seen, expected, "{text}");
        }
        for text in ["name", "1) + (2", "1) %}{{ 2 }}{% do give(3", "", "open('x')"] {
            let cell = Cell::new(Datum::Text(format!("!py!{text}").into()));
            assert!(cell.read().is_err(), "{text}");
        }
    }

    #[test]
    fn a_bad_literal_is_an_error() {
        let cell = Cell::new(Datum::Text("!py!len('x')".into()));
        assert_eq!(cell.read().unwrap_err().code(), Code::BadLiteral);
    }
}
