//! Python's built-in functions on numbers.

use num_bigint::{BigInt, Sign};

use crate::error::{Error, ErrorKind, Result};
use crate::eval::Machine;
use crate::format::fixed;
use crate::methods;
use crate::value::{self, Args, Num, Value};

/// Digits behind the point beyond which no float has another one.
const DIGITS_MAX: i64 = 323;

/// `bin`, `oct`, `hex`: an integer in a base that is a power of two, with its prefix.
pub(super) fn based(args: Args, name: &str, prefix: &str, radix: u32) -> Result<Value> {
    let [number] = args.exactly(name)?;
    let (sign, magnitude) = whole(&number)?.into_parts();
    let sign = if sign == Sign::Minus { "-" } else { "" };
    Ok(Value::from(format!("{sign}{prefix}{}", magnitude.to_str_radix(radix))))
}

/// The integer; a float is none.
fn whole(value: &Value) -> Result<BigInt> {
    match Num::of(value).and_then(|number| number.to_big()) {
        Some(number) => Ok(number),
        None => methods::integer(value).map(BigInt::from),
    }
}

pub(super) fn divmod(_: &mut Machine<'_>, args: Args) -> Result<Value> {
    let [a, b] = args.exactly("divmod")?;
    Ok(Value::tuple(vec![value::floor_divide(&a, &b)?, value::remainder(&a, &b)?]))
}

pub(super) fn pow(machine: &mut Machine<'_>, args: Args) -> Result<Value> {
    let [base, exponent, modulus] = args.bind("pow", ["base", "exp", "mod"])?;
    let missing = || Error::type_error("pow() needs a base and an exponent");
    let (base, exponent) = (base.ok_or_else(missing)?, exponent.ok_or_else(missing)?);
    let Some(modulus) = modulus.filter(|modulus| !matches!(modulus, Value::None)) else {
        return value::power(&base, &exponent);
    };
    let (base, exponent, modulus) = (whole(&base)?, whole(&exponent)?, whole(&modulus)?);
    if modulus.sign() == Sign::NoSign {
        return Err(Error::value_error("pow() 3rd argument cannot be 0"));
    }
    if exponent.sign() == Sign::Minus {
        let message = "pow() with a negative exponent and a modulus is not supported";
        return Err(Error::unsupported(message));
    }
    let words = modulus.bits() / 64 + 1;
    let work = exponent.bits().saturating_mul(words * words) / 32;
    machine.step(usize::try_from(work).unwrap_or(usize::MAX))?;
    value::big(base.modpow(&exponent, &modulus))
}

pub(super) fn round(_: &mut Machine<'_>, args: Args) -> Result<Value> {
    let [number, digits] = args.bind("round", ["number", "ndigits"])?;
    let number = number.ok_or_else(|| Error::type_error("round() needs a number"))?;
    let digits = digits.filter(|digits| !matches!(digits, Value::None));
    rounded(&number, digits.as_ref().map(methods::integer).transpose()?)
}

/// Python's `round(number, digits)`: to the nearest, of two to the even one. Only without `digits` a float becomes an
/// integer.
pub(crate) fn rounded(number: &Value, digits: Option<i64>) -> Result<Value> {
    let Some(known) = Num::of(number) else {
        let number = number.clone().defined()?;
        let name = number.type_name();
        return Err(Error::type_error(format!("type {name} doesn't define __round__ method")));
    };
    match (known, digits) {
        (Num::Float(float), None) => value::int_from_float(float.round_ties_even()),
        (Num::Float(float), Some(digits)) => {
            if !float.is_finite() || digits > DIGITS_MAX {
                return Ok(number.clone());
            }
            let text = match usize::try_from(digits) {
                Ok(digits) => fixed(float, digits),
                Err(_) => {
                    let cut = whole(&value::int_from_float(float.abs())?)?;
                    let above = float.fract() != 0.0;
                    let sign = if float.is_sign_negative() { "-" } else { "" };
                    format!("{sign}{}", to_tens(&cut, above, digits.unsigned_abs()))
                }
            };
            let rounded: f64 = text.parse().unwrap_or(float);
            if rounded.is_infinite() {
                let message = "rounded value too large to represent";
                return Err(Error::new(ErrorKind::Overflow, message));
            }
            Ok(Value::Float(rounded))
        }
        (_, Some(digits @ ..0)) => {
            let whole = whole(number)?;
            let tens =
                to_tens(&BigInt::from(whole.magnitude().clone()), false, digits.unsigned_abs());
            value::big(if whole.sign() == Sign::Minus { -tens } else { tens })
        }
        _ => value::positive(number),
    }
}

/// A number that is not negative, rounded to a multiple of ten to the `power`; `above`: it has a fraction besides.
fn to_tens(number: &BigInt, above: bool, power: u64) -> BigInt {
    // 10 has more than 3 bits: such a power is more than twice the number.
    let power = match u32::try_from(power) {
        Ok(power) if u64::from(power) <= number.bits() / 3 + 2 => power,
        _ => return BigInt::ZERO,
    };
    let unit = BigInt::from(10).pow(power);
    let (quotient, rest) = (number / &unit, number % &unit);
    let twice = &rest * 2;
    let odd = quotient.bit(0);
    let up = twice > unit || twice == unit && (above || odd);
    (quotient + u32::from(up)) * unit
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_go_to_the_even_neighbour() {
        let table = [
            (Value::Float(2.5), None, "2"),
            (Value::Float(3.5), None, "4"),
            (Value::Float(0.5), Some(0), "0.0"),
            (Value::Float(25.0), Some(-1), "20.0"),
            (Value::Float(25.5), Some(-1), "30.0"),
            (Value::Float(-35.0), Some(-1), "-40.0"),
            (Value::Float(-4.0), Some(-400), "-0.0"),
            (Value::Int(-25), Some(-1), "-20"),
            (Value::Int(51), Some(-2), "100"),
            (Value::Int(50), Some(-2), "0"),
            (Value::Int(7), Some(i64::MIN), "0"),
            (Value::Bool(true), None, "1"),
        ];
        for (number, digits, expected) in table {
            assert_eq!(rounded(&number, digits).unwrap().repr().unwrap(), expected, "{number:?}");
        }
        assert!(rounded(&Value::Float(f64::MAX), Some(-308)).is_err());
    }
}
