//! Python's arithmetic operators on values.

use std::rc::Rc;

use num_bigint::BigInt;

use super::compare::as_set;
use super::number::{big, floor_divide_big};
use super::{MAX_ITEMS, MAX_SIZE, Num, Set, Value};
use crate::error::{Error, ErrorKind, Result};

fn unsupported(sign: &str, a: &Value, b: &Value) -> Error {
    for value in [a, b] {
        if let Value::Undefined(missing) = value {
            return missing.error();
        }
    }
    let (a, b) = (a.type_name(), b.type_name());
    Error::type_error(format!("unsupported operand type(s) for {sign}: '{a}' and '{b}'"))
}

fn zero_division(message: &str) -> Error {
    Error::new(ErrorKind::Division, message)
}

/// Applies an integer operation to two numbers that are not floats: in `i64` if it fits, else with big integers.
fn integers(
    x: &Num,
    y: &Num,
    small: impl Fn(i64, i64) -> Option<i64>,
    large: impl Fn(BigInt, BigInt) -> Result<BigInt>,
) -> Option<Result<Value>> {
    if let (Num::Small(x), Num::Small(y)) = (x, y)
        && let Some(result) = small(*x, *y)
    {
        return Some(Ok(Value::Int(result)));
    }
    let (x, y) = (x.to_big()?, y.to_big()?);
    Some(large(x, y).and_then(big))
}

/// `a + b`
pub(crate) fn add(a: &Value, b: &Value) -> Result<Value> {
    if let (Some(x), Some(y)) = (Num::of(a), Num::of(b)) {
        return match integers(&x, &y, i64::checked_add, |x, y| Ok(x + y)) {
            Some(result) => result,
            None => Ok(Value::Float(x.float()? + y.float()?)),
        };
    }
    match (a, b) {
        (Value::Str(x), Value::Str(y)) => join_text(x, y).map(Value::Str),
        (Value::Markup(x), Value::Markup(y)) => join_text(x, y).map(Value::Markup),
        (Value::Markup(x), Value::Str(y)) => {
            join_text(x, &super::escape_html(y)).map(Value::Markup)
        }
        (Value::Str(x), Value::Markup(y)) => {
            join_text(&super::escape_html(x), y).map(Value::Markup)
        }
        (Value::Bytes(x), Value::Bytes(y)) => {
            check_size(x.len() + y.len())?;
            Ok(Value::Bytes([&**x, &**y].concat().into()))
        }
        (Value::List(x), Value::List(y)) => {
            let items = [x.borrow().as_slice(), y.borrow().as_slice()].concat();
            check_items(items.len())?;
            Ok(Value::list(items))
        }
        (Value::Tuple(x), Value::Tuple(y)) => {
            check_items(x.len() + y.len())?;
            Ok(Value::tuple([&**x, &**y].concat()))
        }
        (Value::Undefined(missing), _) | (_, Value::Undefined(missing)) => Err(missing.error()),
        (Value::Str(_) | Value::Markup(_), other) => {
            let name = other.type_name();
            Err(Error::type_error(format!("can only concatenate str (not \"{name}\") to str"))
                .with_hint("`~` joins values of any type as text"))
        }
        (Value::List(_), other) => {
            let name = other.type_name();
            Err(Error::type_error(format!("can only concatenate list (not \"{name}\") to list")))
        }
        _ => Err(unsupported("+", a, b)),
    }
}

fn join_text(a: &str, b: &str) -> Result<Rc<str>> {
    check_size(a.len() + b.len())?;
    Ok([a, b].concat().into())
}

/// Fails if a text or list of this size is beyond the limit.
pub(crate) fn check_size(size: usize) -> Result<()> {
    if size > MAX_SIZE {
        return Err(Error::limit(format!("a value has a size of {size}; {MAX_SIZE} are allowed")));
    }
    Ok(())
}

/// Fails if a list of this length is beyond the limit.
pub(crate) fn check_items(length: usize) -> Result<()> {
    if length > MAX_ITEMS {
        return Err(Error::limit(format!(
            "a list of {length} elements is too long; {MAX_ITEMS} are allowed"
        )));
    }
    Ok(())
}

/// `a - b`
pub(crate) fn subtract(a: &Value, b: &Value) -> Result<Value> {
    if let (Some(x), Some(y)) = (Num::of(a), Num::of(b)) {
        return match integers(&x, &y, i64::checked_sub, |x, y| Ok(x - y)) {
            Some(result) => result,
            None => Ok(Value::Float(x.float()? - y.float()?)),
        };
    }
    if let (Some(x), Some(y)) = (as_set(a)?, as_set(b)?) {
        let left = x.borrow().iter().filter(|key| !y.borrow().contains(*key)).cloned().collect();
        return Ok(Value::Set(Set::new(left)));
    }
    Err(unsupported("-", a, b))
}

/// `a * b`
pub(crate) fn multiply(a: &Value, b: &Value) -> Result<Value> {
    if let (Some(x), Some(y)) = (Num::of(a), Num::of(b)) {
        return match integers(&x, &y, i64::checked_mul, |x, y| Ok(x * y)) {
            Some(result) => result,
            None => Ok(Value::Float(x.float()? * y.float()?)),
        };
    }
    match (a, b) {
        (Value::Int(_) | Value::Bool(_) | Value::Big(_), sequence) => repeat(sequence, a, a, b),
        (sequence, Value::Int(_) | Value::Bool(_) | Value::Big(_)) => repeat(sequence, b, a, b),
        _ => Err(unsupported("*", a, b)),
    }
}

fn repeat(sequence: &Value, count: &Value, a: &Value, b: &Value) -> Result<Value> {
    let count = match Num::of(count) {
        Some(Num::Small(count)) => usize::try_from(count.max(0)).unwrap_or(usize::MAX),
        _ => usize::MAX,
    };
    let sized = |length: usize| check_size(length.saturating_mul(count));
    Ok(match sequence {
        Value::Str(text) => {
            sized(text.len())?;
            if text.is_empty() { sequence.clone() } else { Value::from(text.repeat(count)) }
        }
        Value::Markup(text) => {
            sized(text.len())?;
            if text.is_empty() {
                sequence.clone()
            } else {
                Value::Markup(text.repeat(count).into())
            }
        }
        Value::Bytes(bytes) => {
            sized(bytes.len())?;
            if bytes.is_empty() {
                sequence.clone()
            } else {
                Value::Bytes(bytes.repeat(count).into())
            }
        }
        Value::List(list) => {
            check_items(list.borrow().len().saturating_mul(count))?;
            Value::list(repeat_items(&list.borrow(), count))
        }
        Value::Tuple(items) => {
            check_items(items.len().saturating_mul(count))?;
            Value::tuple(repeat_items(items, count))
        }
        _ => return Err(unsupported("*", a, b)),
    })
}

fn repeat_items(items: &[Value], count: usize) -> Vec<Value> {
    items.iter().cycle().take(items.len() * count).cloned().collect()
}

/// `a / b`, always a float.
pub(crate) fn divide(a: &Value, b: &Value) -> Result<Value> {
    let (Some(x), Some(y)) = (Num::of(a), Num::of(b)) else {
        return Err(unsupported("/", a, b));
    };
    let (whole, divisor) = (!x.is_float() && !y.is_float(), y.to_f64());
    if divisor == 0.0 {
        return Err(zero_division(if whole {
            "division by zero"
        } else {
            "float division by zero"
        }));
    }
    let exact =
        |number: &Num| matches!(number, Num::Small(value) if value.unsigned_abs() <= 1 << 53);
    if whole && !(exact(&x) && exact(&y)) {
        return Err(Error::unsupported("`/` of integers beyond 2**53 is not supported")
            .with_hint("`//` divides integers of any size exactly"));
    }
    Ok(Value::Float(x.float()? / y.float()?))
}

/// Quotient and remainder with Python's signs: the remainder has the sign of the divisor.
fn divide_floats(x: f64, y: f64) -> (f64, f64) {
    let mut remainder = x % y;
    let mut quotient = (x - remainder) / y;
    if remainder == 0.0 {
        remainder = 0.0_f64.copysign(y);
    } else if (y < 0.0) != (remainder < 0.0) {
        remainder += y;
        quotient -= 1.0;
    }
    let floor = if quotient == 0.0 {
        0.0_f64.copysign(x / y)
    } else {
        let floor = quotient.floor();
        if quotient - floor > 0.5 { floor + 1.0 } else { floor }
    };
    (floor, remainder)
}

/// `a // b`
pub(crate) fn floor_divide(a: &Value, b: &Value) -> Result<Value> {
    let (Some(x), Some(y)) = (Num::of(a), Num::of(b)) else {
        return Err(unsupported("//", a, b));
    };
    let large = |x: BigInt, y: BigInt| match floor_divide_big(&x, &y) {
        Some((quotient, _)) => Ok(quotient),
        None => Err(zero_division("integer division or modulo by zero")),
    };
    if let Some(result) = integers(&x, &y, |_, _| None, large) {
        return result;
    }
    let (x, y) = (x.float()?, y.float()?);
    if y == 0.0 {
        return Err(zero_division("float floor division by zero"));
    }
    Ok(Value::Float(divide_floats(x, y).0))
}

/// `a % b` of numbers; formatting of texts is not done here.
pub(crate) fn remainder(a: &Value, b: &Value) -> Result<Value> {
    let (Some(x), Some(y)) = (Num::of(a), Num::of(b)) else {
        return Err(unsupported("%", a, b));
    };
    let large = |x: BigInt, y: BigInt| match floor_divide_big(&x, &y) {
        Some((_, remainder)) => Ok(remainder),
        None => Err(zero_division("integer modulo by zero")),
    };
    if let Some(result) = integers(&x, &y, |_, _| None, large) {
        return result;
    }
    let (x, y) = (x.float()?, y.float()?);
    if y == 0.0 {
        return Err(zero_division("float modulo by zero"));
    }
    Ok(Value::Float(divide_floats(x, y).1))
}

/// `a ** b`
pub(crate) fn power(a: &Value, b: &Value) -> Result<Value> {
    let (Some(x), Some(y)) = (Num::of(a), Num::of(b)) else {
        return Err(unsupported("** or pow()", a, b));
    };
    if let (Some(base), Num::Small(exponent @ 0..)) = (x.to_big(), &y) {
        let bits = base.bits().saturating_mul(exponent.unsigned_abs());
        return match u32::try_from(*exponent) {
            Ok(exponent) if bits <= 200_000 || base.bits() <= 1 => {
                let even = exponent % 2 == 0;
                big(if base.bits() <= 1 {
                    base.pow(if exponent == 0 { 0 } else { 1 + u32::from(even) })
                } else {
                    base.pow(exponent)
                })
            }
            _ => Err(Error::limit("the result of `**` is too large")),
        };
    }
    let (x, y) = (x.float()?, y.float()?);
    if x == 0.0 && y < 0.0 {
        return Err(zero_division("0.0 cannot be raised to a negative power"));
    }
    if x < 0.0 && x.is_finite() && y.is_finite() && y.fract() != 0.0 {
        return Err(Error::unsupported(
            "a negative number to a fraction is a complex number, which is not supported",
        ));
    }
    let result = x.powf(y);
    if result.is_infinite() && x.is_finite() && y.is_finite() {
        return Err(Error::new(ErrorKind::Overflow, "(34, 'Numerical result out of range')"));
    }
    Ok(Value::Float(result))
}

/// `-value`
pub(crate) fn negate(value: &Value) -> Result<Value> {
    match Num::of(value) {
        Some(Num::Float(number)) => Ok(Value::Float(-number)),
        Some(_) => subtract(&Value::Int(0), value),
        None => Err(bad_operand("-", value)),
    }
}

/// `+value`
pub(crate) fn positive(value: &Value) -> Result<Value> {
    match Num::of(value) {
        Some(Num::Float(number)) => Ok(Value::Float(number)),
        Some(_) => add(&Value::Int(0), value),
        None => Err(bad_operand("+", value)),
    }
}

fn bad_operand(sign: &str, value: &Value) -> Error {
    match value {
        Value::Undefined(missing) => missing.error(),
        other => {
            Error::type_error(format!("bad operand type for unary {sign}: '{}'", other.type_name()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Operator = fn(&Value, &Value) -> Result<Value>;

    #[test]
    fn operators_give_what_python_gives() {
        let int = Value::Int;
        let table: [(Operator, Value, Value, &str); 16] = [
            (add, int(1), Value::Bool(true), "2"),
            (add, int(i64::MAX), int(1), "9223372036854775808"),
            (add, Value::from("a"), Value::from("b"), "'ab'"),
            (subtract, int(1), Value::Float(0.5), "0.5"),
            (multiply, Value::from("ab"), int(-1), "''"),
            (multiply, int(2), Value::list(vec![int(1)]), "[1, 1]"),
            (divide, int(7), int(2), "3.5"),
            (divide, int(6), int(2), "3.0"),
            (floor_divide, int(-7), int(2), "-4"),
            (floor_divide, Value::Float(-7.0), int(2), "-4.0"),
            (remainder, int(-7), int(3), "2"),
            (remainder, int(7), int(-3), "-2"),
            (remainder, Value::Float(-7.5), int(2), "0.5"),
            (power, int(2), int(100), "1267650600228229401496703205376"),
            (power, int(2), int(-1), "0.5"),
            (power, int(-1), int(1_000_000_001), "-1"),
        ];
        for (operator, a, b, expected) in table {
            assert_eq!(operator(&a, &b).unwrap().repr().unwrap(), expected, "{a:?} {b:?}");
        }
    }

    #[test]
    fn what_would_fill_the_memory_is_an_error() {
        for error in [
            multiply(&Value::from("x"), &Value::Int(1 << 40)),
            multiply(&Value::list(vec![Value::None]), &Value::Int(i64::MAX)),
            power(&Value::Int(10), &Value::Int(1_000_000_000)),
        ] {
            assert_eq!(error.unwrap_err().kind(), ErrorKind::Limit);
        }
    }
}
