//! Python's numbers: integers without bound, floats, and booleans that count as integers.

use std::cmp::Ordering;
use std::rc::Rc;

use num_bigint::{BigInt, Sign};

use super::Value;
use crate::error::{Error, ErrorKind, Result};

/// Integers with more bits than this are an error: no template needs them.
const MAX_BITS: u64 = 100_000;

/// A number apart from its value, with booleans as integers.
#[derive(Debug, Clone)]
pub(crate) enum Num {
    Small(i64),
    Large(Rc<BigInt>),
    Float(f64),
}

impl Num {
    pub(crate) fn of(value: &Value) -> Option<Self> {
        match value {
            Value::Bool(value) => Some(Self::Small(i64::from(*value))),
            Value::Int(value) => Some(Self::Small(*value)),
            Value::Big(value) => Some(Self::Large(value.clone())),
            Value::Float(value) => Some(Self::Float(*value)),
            _ => None,
        }
    }

    pub(crate) fn is_float(&self) -> bool {
        matches!(self, Self::Float(_))
    }

    /// The nearest float; infinite if too large.
    pub(crate) fn to_f64(&self) -> f64 {
        match self {
            #[expect(clippy::cast_precision_loss, reason = "Python rounds here, too")]
            Self::Small(value) => *value as f64,
            Self::Large(value) => value.to_string().parse().unwrap_or(f64::NAN),
            Self::Float(value) => *value,
        }
    }

    /// The float, or Python's error if it is too large for one.
    pub(crate) fn float(&self) -> Result<f64> {
        let value = self.to_f64();
        if value.is_infinite() && !self.is_float() {
            return Err(Error::new(ErrorKind::Overflow, "int too large to convert to float"));
        }
        Ok(value)
    }

    pub(crate) fn to_big(&self) -> Option<BigInt> {
        match self {
            Self::Small(value) => Some(BigInt::from(*value)),
            Self::Large(value) => Some((**value).clone()),
            Self::Float(_) => None,
        }
    }

    /// The number as integer if it is one, also when written as float.
    pub(super) fn to_integral(&self) -> Option<Self> {
        match self {
            Self::Float(value) if value.is_finite() && value.fract() == 0.0 => {
                Self::of(&int_from_float(*value).ok()?)
            }
            Self::Float(_) => None,
            other => Some(other.clone()),
        }
    }

    /// `None` if one of them is not a number (NaN).
    pub(super) fn compare(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Small(x), Self::Small(y)) => Some(x.cmp(y)),
            (Self::Float(x), Self::Float(y)) => x.partial_cmp(y),
            (Self::Float(x), y) => Some(compare_to_float(y, *x)?.reverse()),
            (x, Self::Float(y)) => compare_to_float(x, *y),
            (x, y) => Some(x.to_big()?.cmp(&y.to_big()?)),
        }
    }
}

/// Compares an integer with a float exactly, without rounding the integer.
fn compare_to_float(integer: &Num, float: f64) -> Option<Ordering> {
    if float.is_nan() {
        return None;
    }
    if float.is_infinite() {
        return Some(if float > 0.0 { Ordering::Less } else { Ordering::Greater });
    }
    let whole = Num::of(&int_from_float(float.floor()).ok()?)?.to_big()?;
    let found = integer.to_big()?.cmp(&whole);
    Some(if found == Ordering::Equal && float.fract() != 0.0 { Ordering::Less } else { found })
}

/// Python's `int(float)`: cuts towards zero.
pub(crate) fn int_from_float(value: f64) -> Result<Value> {
    if value.is_nan() {
        return Err(Error::value_error("cannot convert float NaN to integer"));
    }
    if value.is_infinite() {
        return Err(Error::new(ErrorKind::Overflow, "cannot convert float infinity to integer"));
    }
    let cut = value.trunc();
    if cut.abs() < 9e18 {
        #[expect(clippy::cast_possible_truncation, reason = "the range was checked")]
        return Ok(Value::Int(cut as i64));
    }
    let digits = format!("{cut:.0}");
    digits
        .parse::<BigInt>()
        .map_err(|_| Error::value_error("cannot convert float to integer"))
        .and_then(big)
}

/// A big integer as value, as small as it can be; fails beyond the limit.
pub(crate) fn big(value: BigInt) -> Result<Value> {
    if let Ok(small) = i64::try_from(&value) {
        return Ok(Value::Int(small));
    }
    if value.bits() > MAX_BITS {
        return Err(Error::limit(format!("an integer has more than {MAX_BITS} bits")));
    }
    Ok(Value::Big(Rc::new(value)))
}

/// Python's floor division and remainder of integers; `None` for a zero divisor.
pub(super) fn floor_divide_big(x: &BigInt, y: &BigInt) -> Option<(BigInt, BigInt)> {
    if y.sign() == Sign::NoSign {
        return None;
    }
    let (quotient, remainder) = (x / y, x % y);
    if remainder.sign() != Sign::NoSign && remainder.sign() != y.sign() {
        return Some((quotient - 1, remainder + y));
    }
    Some((quotient, remainder))
}

/// Python's `repr(float)`: the shortest digits that read back as the same number.
pub(crate) fn float_text(value: f64) -> String {
    if value.is_nan() {
        return "nan".into();
    }
    if value.is_infinite() {
        return if value > 0.0 { "inf" } else { "-inf" }.into();
    }
    let scientific = format!("{value:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..16).contains(&exponent) {
        let plain = format!("{value}");
        return if plain.contains('.') { plain } else { plain + ".0" };
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_print_as_in_python() {
        let table = [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1.0, "1.0"),
            (0.1 + 0.2, "0.30000000000000004"),
            (1e16, "1e+16"),
            (1e15, "1000000000000000.0"),
            (123_456_789_012_345_680.0, "1.2345678901234568e+17"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (1.5e300, "1.5e+300"),
            (f64::NAN, "nan"),
            (f64::NEG_INFINITY, "-inf"),
        ];
        for (value, expected) in table {
            assert_eq!(float_text(value), expected);
        }
    }

    #[test]
    fn integers_and_floats_compare_exactly() {
        let big = Num::Small(9_007_199_254_740_993);
        assert_eq!(big.compare(&Num::Float(9_007_199_254_740_992.0)), Some(Ordering::Greater));
        assert_eq!(Num::Small(-2).compare(&Num::Float(-1.5)), Some(Ordering::Less));
        assert_eq!(Num::Small(1).compare(&Num::Float(f64::NAN)), None);
    }
}
