//! Methods of `int` and `float`.

use super::Table;
use crate::value::{Num, Value};

pub(super) const INT_METHODS: Table = &[
    ("bit_length", |_, value, args| {
        let [] = args.exactly("bit_length")?;
        let bits =
            Num::of(value).and_then(|number| number.to_big()).map_or(0, |number| number.bits());
        Ok(Value::from(usize::try_from(bits).unwrap_or(usize::MAX)))
    }),
    ("is_integer", |_, _, args| {
        let [] = args.exactly("is_integer")?;
        Ok(Value::Bool(true))
    }),
];

pub(super) const FLOAT_METHODS: Table = &[("is_integer", |_, value, args| {
    let [] = args.exactly("is_integer")?;
    Ok(Value::Bool(matches!(value, Value::Float(number) if number.fract() == 0.0)))
})];
