//! Values as Python writes them in text, which some masters keep and some keys are sorted by.

use std::fmt::Write;

use super::value::Value;

/// Python's `repr()`. Of characters that cannot be printed only the controls are escaped.
pub(super) fn repr(value: &Value) -> String {
    let mut out = String::new();
    write(&mut out, value);
    out
}

fn write(out: &mut String, value: &Value) {
    match value {
        Value::None => out.push_str("None"),
        Value::Bool(true) => out.push_str("True"),
        Value::Bool(false) => out.push_str("False"),
        Value::Int(number) => out.push_str(&number.to_string()),
        Value::Float(number) => out.push_str(&float(*number)),
        Value::Text(text) => quoted(out, text),
        Value::Tuple(items) => {
            let end = if items.len() == 1 { ",)" } else { ")" };
            sequence(out, "(", items, end);
        }
        Value::List(items) => sequence(out, "[", items, "]"),
        Value::Set(items) if items.is_empty() => out.push_str("set()"),
        Value::Set(items) => sequence(out, "{", items, "}"),
        Value::Dictionary(members) => {
            out.push('{');
            for (number, (key, value)) in members.iter().enumerate() {
                if number > 0 {
                    out.push_str(", ");
                }
                write(out, key);
                out.push_str(": ");
                write(out, value);
            }
            out.push('}');
        }
        Value::Object(object) => {
            out.push('<');
            out.push_str(object.class.wire_name());
            out.push('>');
        }
    }
}

fn sequence(out: &mut String, begin: &str, items: &[Value], end: &str) {
    out.push_str(begin);
    for (number, item) in items.iter().enumerate() {
        if number > 0 {
            out.push_str(", ");
        }
        write(out, item);
    }
    out.push_str(end);
}

fn quoted(out: &mut String, text: &str) {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    out.push(quote);
    for character in text.chars() {
        match character {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            _ if character == quote => {
                out.push('\\');
                out.push(quote);
            }
            _ if character.is_control() => {
                // A control is below U+00A0: two digits are enough.
                let _written = write!(out, "\\x{:02x}", character as u32);
            }
            _ => out.push(character),
        }
    }
    out.push(quote);
}

/// The shortest text that reads back as the same number, with an exponent where Python has one.
pub(super) fn float(number: f64) -> String {
    if number.is_nan() {
        return "nan".into();
    }
    if number.is_infinite() {
        return if number > 0.0 { "inf" } else { "-inf" }.into();
    }
    let scientific = format!("{number:e}");
    let (digits, exponent) = scientific.split_once('e').expect("the format has an exponent");
    let exponent: i32 = exponent.parse().expect("the exponent is a small number");
    if (-4..16).contains(&exponent) {
        let plain = number.to_string();
        return if plain.contains('.') { plain } else { plain + ".0" };
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.unsigned_abs())
}
