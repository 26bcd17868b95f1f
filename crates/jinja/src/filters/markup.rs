//! Filters for HTML, URLs and JSON.

use super::{Table, flag};
use crate::error::{Error, Result};
use crate::eval::Machine;
use crate::value::{Args, JsonStyle, Value, escape_html};

pub(super) const FILTERS: Table = &[
    ("e", escape),
    ("escape", escape),
    ("forceescape", |_, value, args| {
        let [] = args.exactly("forceescape")?;
        Ok(Value::Markup(escape_html(&value.text()?).into()))
    }),
    ("safe", |_, value, args| {
        let [] = args.exactly("safe")?;
        Ok(Value::Markup(value.text()?))
    }),
    ("tojson", tojson),
    ("urlencode", urlencode),
    ("xmlattr", xmlattr),
];

fn escape(_: &mut Machine<'_>, value: &Value, args: Args) -> Result<Value> {
    let [] = args.exactly("escape")?;
    escaped(value).map(Value::Markup)
}

fn escaped(value: &Value) -> Result<std::rc::Rc<str>> {
    match value {
        Value::Markup(text) => Ok(text.clone()),
        other => Ok(escape_html(&other.text()?).into()),
    }
}

/// JSON with sorted keys that can stand in HTML.
fn tojson(_: &mut Machine<'_>, value: &Value, args: Args) -> Result<Value> {
    let [indent] = args.bind("tojson", ["indent"])?;
    let indent = match indent {
        None | Some(Value::None) => None,
        Some(Value::Str(text)) => Some(text.to_string()),
        Some(width) => Some(" ".repeat(super::size(Some(width), 0)?.min(1000))),
    };
    let item_separator = if indent.is_some() { "," } else { ", " }.into();
    let style = JsonStyle { indent, item_separator, sort_keys: true, ..JsonStyle::default() };
    let text = value.to_json_styled(&style)?;
    let safe = text
        .replace('<', "\\u003c")
        .replace('>', "\\u003e")
        .replace('&', "\\u0026")
        .replace('\'', "\\u0027");
    Ok(Value::Markup(safe.into()))
}

/// Percent-encodes; `query` writes a space as `+` and encodes `/`.
fn quote(value: &Value, query: bool) -> Result<String> {
    let text;
    let bytes: &[u8] = if let Value::Bytes(bytes) = value {
        bytes
    } else {
        text = value.text()?;
        text.as_bytes()
    };
    let mut out = String::new();
    for &byte in bytes {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'.' | b'-' | b'~' => {
                out.push(char::from(byte));
            }
            b'/' if !query => out.push('/'),
            b' ' if query => out.push('+'),
            byte => out.push_str(&format!("%{byte:02X}")),
        }
    }
    Ok(out)
}

fn urlencode(_: &mut Machine<'_>, value: &Value, args: Args) -> Result<Value> {
    let [] = args.exactly("urlencode")?;
    let pairs = match value {
        Value::Str(_) | Value::Markup(_) => return quote(value, false).map(Value::from),
        Value::Dict(dict) => dict
            .borrow()
            .iter()
            .map(|(key, value)| vec![key.value().clone(), value.clone()])
            .collect::<Vec<_>>(),
        other => match other.iterate() {
            Err(_) => return quote(other, false).map(Value::from),
            Ok(mut pairs) => pairs.collect()?.iter().map(Value::to_vec).collect::<Result<_>>()?,
        },
    };
    let mut parts = Vec::new();
    for pair in pairs {
        let [key, value] = &pair[..] else {
            return Err(Error::value_error("the filter `urlencode` needs pairs"));
        };
        parts.push(format!("{}={}", quote(key, true)?, quote(value, true)?));
    }
    Ok(Value::from(parts.join("&")))
}

fn xmlattr(_: &mut Machine<'_>, value: &Value, args: Args) -> Result<Value> {
    let [autospace] = args.bind("xmlattr", ["autospace"])?;
    let autospace = match autospace {
        None => true,
        some => flag(some)?,
    };
    let Value::Dict(dict) = value.clone().defined()? else {
        return Err(Error::type_error("the filter `xmlattr` needs a dictionary"));
    };
    let mut parts = Vec::new();
    for (key, value) in dict.borrow().iter() {
        if matches!(value, Value::None | Value::Undefined(_)) {
            continue;
        }
        let Value::Str(key) = key.value() else {
            let kind = key.value().type_name();
            return Err(Error::type_error(format!(
                "the name of an attribute is a text, not {kind}"
            )));
        };
        if key.contains(|c: char| crate::lex::is_space(c) || matches!(c, '/' | '>' | '=')) {
            return Err(Error::value_error(format!(
                "Invalid character in attribute name: '{key}'"
            )));
        }
        parts.push(format!("{}=\"{}\"", escape_html(key), escaped(value)?));
    }
    let text = parts.join(" ");
    Ok(Value::from(if autospace && !text.is_empty() { format!(" {text}") } else { text }))
}
