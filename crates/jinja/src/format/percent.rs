//! `'%s and %(name)5.2f' % values`.

use std::iter::Peekable;
use std::str::Chars;

use super::number::{FloatStyle, float, integer};
use crate::error::{Error, ErrorKind, Result};
use crate::value::{Num, Value, check_size, escape_char, int_from_float};

/// Formats `values`, a tuple, a dictionary or a single value.
pub(crate) fn format(format: &str, values: &Value) -> Result<String> {
    let mut source = Values::new(values)?;
    let mut out = String::new();
    let mut rest = format.chars().peekable();
    while let Some(c) = rest.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        let conversion = Conversion::read(&mut rest, &mut source)?;
        out.push_str(&conversion);
        check_size(out.len())?;
    }
    source.finish()?;
    Ok(out)
}

/// The value of a condition without `else`, which counts as empty text.
fn is_empty(value: &Value) -> bool {
    matches!(value, Value::Undefined(missing) if missing.empty)
}

/// Where the values come from.
struct Values {
    positional: Vec<Value>,
    at: usize,
    mapping: Option<Value>,
}

impl Values {
    fn new(values: &Value) -> Result<Self> {
        // To Python whatever has `[...]` is a mapping, also what has no value.
        let mapping = matches!(
            values,
            Value::List(_)
                | Value::Dict(_)
                | Value::Bytes(_)
                | Value::Range(_)
                | Value::Undefined(_)
        );
        Ok(match values {
            Value::Tuple(items) => Self { positional: items.to_vec(), at: 0, mapping: None },
            other => Self {
                positional: vec![other.clone()],
                at: 0,
                mapping: mapping.then(|| other.clone()),
            },
        })
    }

    fn next(&mut self) -> Result<Value> {
        let value = self.positional.get(self.at).cloned();
        self.at += 1;
        let value =
            value.ok_or_else(|| Error::type_error("not enough arguments for format string"))?;
        if is_empty(&value) { Ok(value) } else { value.defined() }
    }

    fn named(&self, key: &str) -> Result<Value> {
        match &self.mapping {
            Some(Value::Undefined(missing)) => Err(missing.error()),
            Some(Value::Dict(dict)) => match dict.get(key) {
                Some(value) if is_empty(&value) => Ok(value),
                Some(value) => value.defined(),
                None => {
                    let entries = dict.borrow();
                    let known = entries.keys().filter_map(|key| key.value().as_str());
                    let error =
                        Error::new(ErrorKind::Key, format!("the dictionary has no key '{key}'"));
                    Err(match slapos_nearest::nearest(key, known) {
                        Some(known) => error.with_hint(format!("did you mean `{known}`?")),
                        None => error,
                    })
                }
            },
            Some(_) => Err(Error::type_error("indices must be integers or slices, not str")),
            None => Err(Error::type_error("format requires a mapping")),
        }
    }

    fn finish(self) -> Result<()> {
        if self.at < self.positional.len() && self.mapping.is_none() {
            return Err(Error::type_error("not all arguments converted during string formatting"));
        }
        Ok(())
    }
}

#[derive(Debug, Default)]
struct Conversion {
    left: bool,
    plus: bool,
    space: bool,
    alternate: bool,
    zero: bool,
    width: usize,
    precision: Option<usize>,
}

type Rest<'a> = Peekable<Chars<'a>>;

impl Conversion {
    /// Reads one conversion behind its `%` and gives its text.
    fn read(rest: &mut Rest<'_>, values: &mut Values) -> Result<String> {
        let incomplete = || Error::value_error("incomplete format");
        let mut conversion = Self::default();
        let key = if rest.next_if_eq(&'(').is_some() { Some(read_key(rest)?) } else { None };
        while let Some(flag) = rest.next_if(|c| "-+ #0".contains(*c)) {
            match flag {
                '-' => conversion.left = true,
                '+' => conversion.plus = true,
                ' ' => conversion.space = true,
                '#' => conversion.alternate = true,
                _ => conversion.zero = true,
            }
        }
        if let Some(width) = read_size(rest, values)? {
            conversion.left |= width < 0;
            conversion.width = usize::try_from(width.unsigned_abs()).unwrap_or(usize::MAX);
        }
        check_size(conversion.width)?;
        if rest.next_if_eq(&'.').is_some() {
            let precision = read_size(rest, values)?.unwrap_or(0);
            conversion.precision = Some(usize::try_from(precision).unwrap_or(0));
            check_size(conversion.precision.unwrap_or(0))?;
        }
        let _ = rest.next_if(|c| "hlL".contains(*c));
        let kind = rest.next().ok_or_else(incomplete)?;
        if kind == '%' {
            return Ok("%".into());
        }
        let value = match key {
            Some(key) => values.named(&key)?,
            None => values.next()?,
        };
        conversion.convert(kind, &value)
    }

    fn convert(&self, kind: char, value: &Value) -> Result<String> {
        match kind {
            's' => Ok(self.text(&value.text()?)),
            'r' => Ok(self.text(&value.repr()?)),
            'a' => Ok(self.text(&ascii(&value.repr()?))),
            'c' => Ok(self.pad("", &character(value)?, ' ')),
            'd' | 'i' | 'u' => self.decimal(kind, value),
            'x' | 'X' | 'o' => self.radix(kind, value),
            'e' | 'E' | 'f' | 'F' | 'g' | 'G' => self.float(kind, value),
            other => Err(Error::value_error(format!("unsupported format character '{other}'"))),
        }
    }

    fn text(&self, text: &str) -> String {
        match self.precision {
            Some(precision) => self.pad("", &text.chars().take(precision).collect::<String>(), ' '),
            None => self.pad("", text, ' '),
        }
    }

    fn sign(&self, negative: bool) -> &'static str {
        match (negative, self.plus, self.space) {
            (true, ..) => "-",
            (false, true, _) => "+",
            (false, false, true) => " ",
            (false, false, false) => "",
        }
    }

    /// Fills up to the width; zeros go between the sign and the digits.
    fn pad(&self, sign: &str, body: &str, fill: char) -> String {
        let missing = self.width.saturating_sub(sign.len() + body.chars().count());
        if self.left {
            return format!("{sign}{body}{}", " ".repeat(missing));
        }
        if fill == '0' {
            return format!("{sign}{}{body}", "0".repeat(missing));
        }
        format!("{}{sign}{body}", " ".repeat(missing))
    }

    fn fill(&self) -> char {
        if self.zero && !self.left { '0' } else { ' ' }
    }

    fn digits(&self, digits: &str) -> String {
        let missing = self.precision.unwrap_or(0).saturating_sub(digits.len());
        "0".repeat(missing) + digits
    }

    fn decimal(&self, kind: char, value: &Value) -> Result<String> {
        let number = match Num::of(value) {
            Some(Num::Float(value)) => Num::of(&int_from_float(value)?),
            other => other,
        };
        let Some((negative, digits)) = number.and_then(|number| integer(&number, 10)) else {
            let name = value.type_name();
            return Err(Error::type_error(format!(
                "%{kind} format: a real number is required, not {name}"
            )));
        };
        Ok(self.pad(self.sign(negative), &self.digits(&digits), self.fill()))
    }

    fn radix(&self, kind: char, value: &Value) -> Result<String> {
        let radix = if kind == 'o' { 8 } else { 16 };
        let Some((negative, digits)) = Num::of(value).and_then(|number| integer(&number, radix))
        else {
            let name = value.type_name();
            return Err(Error::type_error(format!(
                "%{kind} format: an integer is required, not {name}"
            )));
        };
        let prefix = if self.alternate { format!("0{kind}") } else { String::new() };
        let digits = if kind == 'X' { digits.to_uppercase() } else { digits };
        let sign = format!("{}{prefix}", self.sign(negative));
        Ok(self.pad(&sign, &self.digits(&digits), self.fill()))
    }

    fn float(&self, kind: char, value: &Value) -> Result<String> {
        let Some(number) = Num::of(value) else {
            return Err(Error::type_error(format!(
                "must be real number, not {}",
                value.type_name()
            )));
        };
        let value = number.float()?;
        let style = match kind {
            'e' | 'E' => FloatStyle::Exponent,
            'f' | 'F' => FloatStyle::Fixed,
            _ => FloatStyle::General,
        };
        let text = float(value, style, self.precision.unwrap_or(6), self.alternate)?;
        let text = if kind.is_ascii_uppercase() { text.to_uppercase() } else { text };
        let negative = value.is_sign_negative() && !value.is_nan();
        Ok(self.pad(self.sign(negative), &text, self.fill()))
    }
}

/// The name in `%(name)s`; parentheses within are paired.
fn read_key(rest: &mut Rest<'_>) -> Result<String> {
    let mut key = String::new();
    let mut open = 1;
    for c in rest.by_ref() {
        match c {
            '(' => open += 1,
            ')' => open -= 1,
            _ => {}
        }
        if open == 0 {
            return Ok(key);
        }
        key.push(c);
    }
    Err(Error::value_error("incomplete format key"))
}

/// A width or precision: digits, or `*` for the next value.
fn read_size(rest: &mut Rest<'_>, values: &mut Values) -> Result<Option<i64>> {
    if rest.next_if_eq(&'*').is_some() {
        return match values.next()? {
            Value::Int(size) => Ok(Some(size)),
            Value::Bool(size) => Ok(Some(i64::from(size))),
            _ => Err(Error::type_error("* wants int")),
        };
    }
    let mut digits = String::new();
    while let Some(digit) = rest.next_if(char::is_ascii_digit) {
        digits.push(digit);
    }
    if digits.is_empty() {
        return Ok(None);
    }
    digits.parse().map(Some).map_err(|_| Error::value_error("width too big"))
}

fn character(value: &Value) -> Result<String> {
    match value {
        Value::Int(_) | Value::Bool(_) => {
            let code = match Num::of(value) {
                Some(Num::Small(code)) => u32::try_from(code).ok(),
                _ => None,
            };
            let c = code.and_then(char::from_u32);
            c.map(String::from)
                .ok_or_else(|| Error::new(ErrorKind::Overflow, "%c arg not in range(0x110000)"))
        }
        Value::Str(text) if text.chars().count() == 1 => Ok(text.to_string()),
        _ => Err(Error::type_error("%c requires int or char")),
    }
}

/// Non-ASCII characters as escapes.
pub(crate) fn ascii(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii() { c.to_string() } else { escape_char(c) }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_gives_what_python_gives() {
        let table = [
            ("%s-%r", "('a', 'b')", "a-'b'"),
            ("%(a)s %(b)03d %%", "{'a': 1, 'b': 2}", "1 002 %"),
            ("%5d|%-5d|%05d|%+d|% d", "(1, 2, 3, 4, 5)", "    1|2    |00003|+4| 5"),
            ("%.3d %x %X %#x %o %#o", "(7, 255, 255, 255, 8, 8)", "007 ff FF 0xff 10 0o10"),
            ("%e %.2E", "(12345.678, 0.00012)", "1.234568e+04 1.20E-04"),
            ("%f %.0f %#.0f", "(1.5, 2.5, 2.5)", "1.500000 2 2."),
            ("%g %g %g %#g", "(0.00001, 1e10, 100000.0, 1.0)", "1e-05 1e+10 100000 1.00000"),
            ("%*d %.*f", "(4, 1, 2, 1.0)", "   1 1.00"),
            ("%c%c", "(65, 'B')", "AB"),
            ("%.2s|%5s|%-5s|", "('abc', 'x', 'y')", "ab|    x|y    |"),
            ("%d", "-3.9", "-3"),
            ("%s", "[1, 2]", "[1, 2]"),
            ("%a", "'é'", "'\\xe9'"),
            ("plain", "{}", "plain"),
            ("%-05d|", "3", "3    |"),
        ];
        for (template, values, expected) in table {
            let values = Value::parse_literal(values).unwrap();
            assert_eq!(format(template, &values).unwrap(), expected, "{template}");
        }
    }

    #[test]
    fn wrong_arguments_are_errors() {
        for (template, values) in [
            ("%s %s", "1"),
            ("%s", "(1, 2)"),
            ("plain", "1"),
            ("%d", "'1'"),
            ("%x", "1.5"),
            ("%(a)s", "1"),
            ("%(a)s", "{}"),
            ("%y", "1"),
            ("%", "1"),
            ("%999999999999d", "1"),
            ("%.99999f", "1.0"),
        ] {
            let values = Value::parse_literal(values).unwrap();
            assert!(format(template, &values).is_err(), "{template}");
        }
    }
}
