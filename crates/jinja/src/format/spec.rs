//! Format specifications such as `>10.2f`, behind the colon in `'{:>10.2f}'`.

use super::number::{FloatStyle, float, group, integer};
use crate::error::{Error, Result};
use crate::value::{Num, Value, check_size, float_text};

/// A specification taken apart.
#[derive(Debug, Default)]
struct Spec {
    fill: Option<char>,
    align: Option<char>,
    sign: Option<char>,
    alternate: bool,
    zero: bool,
    width: usize,
    grouping: Option<char>,
    precision: Option<usize>,
    kind: Option<char>,
}

/// Python's `format(value, spec)`.
pub(crate) fn format(value: &Value, spec: &str) -> Result<String> {
    if spec.is_empty() {
        return Ok(value.text()?.to_string());
    }
    match value {
        Value::Str(text) | Value::Markup(text) => Spec::read(spec, "str")?.text(text),
        Value::Bool(_) | Value::Int(_) | Value::Big(_) | Value::Float(_) => {
            let Some(number) = Num::of(value) else {
                return Err(Error::type_error("not a number"));
            };
            Spec::read(spec, value.type_name())?.number(&number, value.type_name())
        }
        Value::Undefined(missing) => Err(missing.error()),
        other => {
            let name = other.type_name();
            Err(Error::type_error(format!("unsupported format string passed to {name}.__format__")))
        }
    }
}

impl Spec {
    fn read(text: &str, type_name: &str) -> Result<Self> {
        let letters: Vec<char> = text.chars().collect();
        let mut spec = Self::default();
        let mut at = 0;
        let is_align = |c: Option<&char>| c.is_some_and(|c| "<>=^".contains(*c));
        if is_align(letters.get(1)) {
            spec.fill = Some(letters[0]);
            spec.align = Some(letters[1]);
            at = 2;
        } else if is_align(letters.first()) {
            spec.align = Some(letters[0]);
            at = 1;
        }
        let mut next_if = |allowed: &str| {
            let found = letters.get(at).copied().filter(|c| allowed.contains(*c));
            at += usize::from(found.is_some());
            found
        };
        spec.sign = next_if("+- ");
        spec.alternate = next_if("#").is_some();
        spec.zero = next_if("0").is_some();
        let number = |next_if: &mut dyn FnMut(&str) -> Option<char>| {
            let mut digits = String::new();
            while let Some(digit) = next_if("0123456789") {
                digits.push(digit);
            }
            (!digits.is_empty()).then(|| digits.parse::<usize>().unwrap_or(usize::MAX))
        };
        spec.width = number(&mut next_if).unwrap_or(0);
        spec.grouping = next_if(",_");
        if next_if(".").is_some() {
            let precision = number(&mut next_if);
            spec.precision = Some(
                precision
                    .ok_or_else(|| Error::value_error("Format specifier missing precision"))?,
            );
        }
        spec.kind = next_if("bcdeEfFgGnosxX%");
        if at < letters.len() {
            let message =
                format!("Invalid format specifier '{text}' for object of type '{type_name}'");
            return Err(Error::value_error(message));
        }
        check_size(spec.width)?;
        check_size(spec.precision.unwrap_or(0))?;
        Ok(spec)
    }

    fn unknown(&self, type_name: &str) -> Error {
        let kind = self.kind.unwrap_or(' ');
        Error::value_error(format!("Unknown format code '{kind}' for object of type '{type_name}'"))
    }

    fn text(&self, text: &str) -> Result<String> {
        if !matches!(self.kind, None | Some('s')) {
            return Err(self.unknown("str"));
        }
        if self.sign.is_some() {
            return Err(Error::value_error("Sign not allowed in string format specifier"));
        }
        if self.alternate || self.align == Some('=') {
            return Err(Error::value_error("this is not allowed in a string format specifier"));
        }
        if let Some(mark) = self.grouping {
            return Err(Error::value_error(format!("Cannot specify '{mark}' with 's'.")));
        }
        let cut: String = text.chars().take(self.precision.unwrap_or(usize::MAX)).collect();
        Ok(self.pad("", &cut, '<'))
    }

    fn pad(&self, sign: &str, body: &str, default: char) -> String {
        let missing = self.width.saturating_sub(sign.chars().count() + body.chars().count());
        let fill = self.fill.unwrap_or(if self.zero { '0' } else { ' ' });
        let zero_fill = self.zero && self.align.is_none() && default == '>';
        let filling = |count: usize| String::from(fill).repeat(count);
        match self.align.unwrap_or(if zero_fill { '=' } else { default }) {
            '<' => format!("{sign}{body}{}", filling(missing)),
            '^' => {
                format!("{}{sign}{body}{}", filling(missing / 2), filling(missing - missing / 2))
            }
            '=' => format!("{sign}{}{body}", filling(missing)),
            _ => format!("{}{sign}{body}", filling(missing)),
        }
    }

    fn sign(&self, negative: bool) -> String {
        match (negative, self.sign) {
            (true, _) => "-".into(),
            (false, Some(sign @ ('+' | ' '))) => sign.into(),
            (false, _) => String::new(),
        }
    }

    fn number(&self, number: &Num, type_name: &str) -> Result<String> {
        if self.grouping.is_some() && self.zero {
            return Err(Error::unsupported("a format with both `0` and grouping is not supported"));
        }
        match self.kind {
            Some('n') => Err(Error::unsupported("the format `n` depends on the machine's locale")),
            Some('s') => Err(self.unknown(type_name)),
            None | Some('d' | 'b' | 'o' | 'x' | 'X' | 'c') if !number.is_float() => {
                self.integer(number)
            }
            Some('d' | 'b' | 'o' | 'x' | 'X' | 'c') => Err(self.unknown("float")),
            _ => self.float(number),
        }
    }

    fn integer(&self, number: &Num) -> Result<String> {
        if self.precision.is_some() {
            return Err(Error::value_error("Precision not allowed in integer format specifier"));
        }
        if self.kind == Some('c') {
            return Err(Error::unsupported("the format `c` is not supported"));
        }
        let (radix, prefix) = match self.kind {
            Some('b') => (2, "0b"),
            Some('o') => (8, "0o"),
            Some('x') => (16, "0x"),
            Some('X') => (16, "0X"),
            _ => (10, ""),
        };
        let Some((negative, mut digits)) = integer(number, radix) else {
            return Err(self.unknown("float"));
        };
        if self.kind == Some('X') {
            digits.make_ascii_uppercase();
        }
        if let Some(mark) = self.grouping {
            if radix != 10 && mark == ',' {
                let kind = self.kind.unwrap_or('x');
                return Err(Error::value_error(format!("Cannot specify ',' with '{kind}'.")));
            }
            digits = group(&digits, mark, if radix == 10 { 3 } else { 4 });
        }
        let sign = self.sign(negative) + if self.alternate { prefix } else { "" };
        Ok(self.pad(&sign, &digits, '>'))
    }

    fn float(&self, number: &Num) -> Result<String> {
        let mut value = number.float()?;
        let precision = self.precision.unwrap_or(6);
        let mut text = match self.kind {
            Some('e' | 'E') => float(value, FloatStyle::Exponent, precision, self.alternate)?,
            Some('f' | 'F') => float(value, FloatStyle::Fixed, precision, self.alternate)?,
            Some('%') => {
                value *= 100.0;
                float(value, FloatStyle::Fixed, precision, self.alternate)? + "%"
            }
            Some(_) => float(value, FloatStyle::General, precision, self.alternate)?,
            None if self.alternate => {
                return Err(Error::unsupported("`#` without a type is not supported"));
            }
            None => match self.precision {
                None => float_text(value.abs()),
                Some(precision) => plain(value, precision)?,
            },
        };
        if self.kind.is_some_and(|kind| kind.is_ascii_uppercase()) {
            text.make_ascii_uppercase();
        }
        if let Some(mark) = self.grouping {
            let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
            text = group(&text[..end], mark, 3) + &text[end..];
        }
        let negative = value.is_sign_negative() && !value.is_nan();
        Ok(self.pad(&self.sign(negative), &text, '>'))
    }
}

/// A float with a precision but no type: like `g`, with at least one digit behind the point.
fn plain(value: f64, precision: usize) -> Result<String> {
    let precision = precision.max(1);
    let text = float(value, FloatStyle::General, precision, false)?;
    let decimals = precision - 1;
    let power = format!("{:.decimals$e}", value.abs());
    let power: usize = power.split_once('e').and_then(|(_, power)| power.parse().ok()).unwrap_or(0);
    if text.contains(['.', 'e', 'n']) {
        return Ok(text);
    }
    if power + 1 == precision {
        // No digit is left for behind the point: Python switches to an exponent.
        let text = float(value, FloatStyle::Exponent, decimals, false)?;
        let (digits, tail) = text.split_once('e').unwrap_or((&text, "+00"));
        let digits = if digits.contains('.') {
            digits.trim_end_matches('0').trim_end_matches('.')
        } else {
            digits
        };
        return Ok(format!("{digits}e{tail}"));
    }
    Ok(text + ".0")
}
