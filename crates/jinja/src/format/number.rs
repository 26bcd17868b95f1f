//! Floats and integers as text, as C and Python lay them out.

use crate::error::{Error, Result};
use crate::value::Num;

/// More digits after the point than anything needs.
const MAX_PRECISION: usize = 2000;

/// How to write the digits of a float, after the letters of `printf`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FloatStyle {
    /// `e`
    Exponent,
    /// `f`
    Fixed,
    /// `g`
    General,
}

/// A number without sign, e.g. `1.50` or `1.5e+10`. `alternate` keeps the point and the zeros behind it.
pub(crate) fn float(
    value: f64,
    style: FloatStyle,
    precision: usize,
    alternate: bool,
) -> Result<String> {
    if precision > MAX_PRECISION {
        return Err(Error::limit(format!(
            "a precision of {precision} is too large; {MAX_PRECISION} is allowed"
        )));
    }
    let value = value.abs();
    if value.is_nan() || value.is_infinite() {
        return Ok(if value.is_nan() { "nan" } else { "inf" }.into());
    }
    Ok(match style {
        FloatStyle::Fixed => point(format!("{value:.precision$}"), alternate),
        FloatStyle::Exponent => exponent(value, precision, alternate),
        FloatStyle::General => general(value, precision.max(1), alternate),
    })
}

/// Digits before and after the point, with sign; `precision` must be small.
pub(crate) fn fixed(value: f64, precision: usize) -> String {
    format!("{value:.precision$}")
}

fn point(mut digits: String, alternate: bool) -> String {
    if alternate && !digits.contains('.') {
        digits.push('.');
    }
    digits
}

fn exponent(value: f64, precision: usize, alternate: bool) -> String {
    let text = format!("{value:.precision$e}");
    let (digits, power) = text.split_once('e').unwrap_or((&text, "0"));
    let power: i32 = power.parse().unwrap_or(0);
    let sign = if power < 0 { '-' } else { '+' };
    format!("{}e{sign}{:02}", point(digits.to_string(), alternate), power.abs())
}

fn general(value: f64, precision: usize, alternate: bool) -> String {
    let decimals = precision - 1;
    let scientific = format!("{value:.decimals$e}");
    let power: i64 =
        scientific.split_once('e').and_then(|(_, power)| power.parse().ok()).unwrap_or(0);
    let wide = i64::try_from(precision).unwrap_or(i64::MAX);
    if power < -4 || power >= wide {
        let text = exponent(value, decimals, alternate);
        let (digits, tail) = text.split_once('e').unwrap_or((&text, "+00"));
        return format!("{}e{tail}", strip_zeros(digits, alternate));
    }
    let decimals = usize::try_from(wide - 1 - power).unwrap_or(0);
    strip_zeros(&point(format!("{value:.decimals$}"), alternate), alternate).to_string()
}

fn strip_zeros(digits: &str, alternate: bool) -> &str {
    if alternate || !digits.contains('.') {
        digits
    } else {
        digits.trim_end_matches('0').trim_end_matches('.')
    }
}

/// The digits of an integer without sign, and whether it is negative. `None` for a float.
pub(super) fn integer(number: &Num, radix: u32) -> Option<(bool, String)> {
    let big = number.to_big()?;
    let text = big.to_str_radix(radix);
    Some(match text.strip_prefix('-') {
        Some(digits) => (true, digits.to_string()),
        None => (false, text),
    })
}

/// Puts `mark` between groups of digits, counted from the right.
pub(super) fn group(digits: &str, mark: char, size: usize) -> String {
    let length = digits.len();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (length - at).is_multiple_of(size) {
            out.push(mark);
        }
        out.push(digit);
    }
    out
}
