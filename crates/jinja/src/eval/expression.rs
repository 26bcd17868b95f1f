//! Evaluates expressions.

use super::{Frame, Machine, reading};
use crate::ast::{Arguments, Comparison, Expr, ExprKind, FilterCall, Operator};
use crate::error::{Error, ErrorKind, Result};
use crate::format::percent;
use crate::value::{self, Args, Dict, Entries, Key, Missing, Value};

impl Machine<'_> {
    /// The value of an expression; an error gets the place of the innermost one.
    pub(super) fn eval(&mut self, frame: &Frame, expr: &Expr) -> Result<Value> {
        self.eval_placed(frame, expr).map_err(|error| frame.source.locate(error, expr.at))
    }

    fn eval_placed(&mut self, frame: &Frame, expr: &Expr) -> Result<Value> {
        match &expr.kind {
            ExprKind::Constant(value) => return Ok(value.clone()),
            ExprKind::Name(name) => return Ok(self.lookup(frame, name)),
            _ => {}
        }
        self.step(1)?;
        self.enter()?;
        let value = self.eval_inner(frame, &expr.kind)?;
        self.leave();
        Ok(value)
    }

    fn eval_inner(&mut self, frame: &Frame, kind: &ExprKind) -> Result<Value> {
        match kind {
            ExprKind::Constant(value) => Ok(value.clone()),
            ExprKind::Name(name) => Ok(self.lookup(frame, name)),
            ExprKind::Tuple(items) => Ok(Value::tuple(self.eval_all(frame, items)?)),
            ExprKind::List(items) => Ok(Value::list(self.eval_all(frame, items)?)),
            ExprKind::Dict(entries) => self.dict(frame, entries),
            ExprKind::Attribute(value, name) => {
                let value = self.eval(frame, value)?;
                self.attribute(&value, name)
            }
            ExprKind::Item(value, key) => {
                let value = self.eval(frame, value)?;
                let key = self.eval(frame, key)?;
                self.item(&value, &key)
            }
            ExprKind::Slice(value, parts) => self.slice(frame, value, parts),
            ExprKind::Call(function, arguments) => self.call_expression(frame, function, arguments),
            ExprKind::Filter(value, call) => {
                let value = self.eval(frame, value)?;
                self.filter(frame, &value, call)
            }
            ExprKind::Test(value, predicate, arguments) => {
                let value = self.eval(frame, value)?;
                let arguments = self.arguments(frame, arguments)?;
                self.step(reading(&value))?;
                Ok(Value::Bool((predicate.run)(self, &value, arguments)?))
            }
            ExprKind::Negative(value) => value::negate(&self.eval(frame, value)?),
            ExprKind::Positive(value) => value::positive(&self.eval(frame, value)?),
            ExprKind::Not(value) => Ok(Value::Bool(!self.eval(frame, value)?.truth()?)),
            ExprKind::And(a, b) => {
                let value = self.eval(frame, a)?;
                if value.truth()? { self.eval(frame, b) } else { Ok(value) }
            }
            ExprKind::Or(a, b) => {
                let value = self.eval(frame, a)?;
                if value.truth()? { Ok(value) } else { self.eval(frame, b) }
            }
            ExprKind::Binary(operator, a, b) => self.binary(frame, *operator, a, b),
            ExprKind::Compare(first, rest) => self.comparison(frame, first, rest),
            ExprKind::Concat(items) => self.concat(frame, items),
            ExprKind::Condition { test, then, otherwise } => {
                if self.eval(frame, test)?.truth()? {
                    return self.eval(frame, then);
                }
                match otherwise {
                    Some(otherwise) => self.eval(frame, otherwise),
                    None => Ok(Missing::no_else()),
                }
            }
        }
    }

    fn eval_all(&mut self, frame: &Frame, items: &[Expr]) -> Result<Vec<Value>> {
        items.iter().map(|item| self.eval(frame, item)).collect()
    }

    fn dict(&mut self, frame: &Frame, entries: &[(Expr, Expr)]) -> Result<Value> {
        let mut dict = Entries::with_capacity(entries.len());
        for (key, value) in entries {
            let at = key.at;
            let key = self.eval(frame, key)?;
            let value = self.eval(frame, value)?;
            dict.insert(Key::new(key).map_err(|error| frame.source.locate(error, at))?, value);
        }
        Ok(Value::Dict(Dict::new(dict)))
    }

    fn binary(&mut self, frame: &Frame, operator: Operator, a: &Expr, b: &Expr) -> Result<Value> {
        let a = self.eval(frame, a)?;
        let b = self.eval(frame, b)?;
        let value = match operator {
            Operator::Add => value::add(&a, &b),
            Operator::Subtract => value::subtract(&a, &b),
            Operator::Multiply => value::multiply(&a, &b),
            Operator::Divide => value::divide(&a, &b),
            Operator::FloorDivide => value::floor_divide(&a, &b),
            Operator::Remainder => match &a {
                Value::Str(format) => percent::format(format, &b).map(Value::from),
                Value::Markup(_) | Value::Bytes(_) => Err(Error::unsupported(format!(
                    "`%` on a value of type {} is not supported",
                    a.type_name()
                ))),
                _ => value::remainder(&a, &b),
            },
            Operator::Power => value::power(&a, &b),
        }?;
        self.charge(&value)?;
        Ok(value)
    }

    fn concat(&mut self, frame: &Frame, items: &[Expr]) -> Result<Value> {
        let mut out = String::new();
        for item in items {
            let text = self
                .eval(frame, item)?
                .text()
                .map_err(|error| frame.source.locate(error, item.at))?;
            value::check_size(out.len() + text.len())?;
            out.push_str(&text);
        }
        let value = Value::from(out);
        self.charge(&value)?;
        Ok(value)
    }

    fn comparison(
        &mut self,
        frame: &Frame,
        first: &Expr,
        rest: &[(Comparison, Expr)],
    ) -> Result<Value> {
        let mut left = self.eval(frame, first)?;
        for (comparison, right) in rest {
            let right = self.eval(frame, right)?;
            if !compare(*comparison, &left, &right)? {
                return Ok(Value::Bool(false));
            }
            left = right;
        }
        Ok(Value::Bool(true))
    }

    /// Applies a filter to a value.
    pub(super) fn filter(
        &mut self,
        frame: &Frame,
        value: &Value,
        call: &FilterCall,
    ) -> Result<Value> {
        let arguments = self.arguments(frame, &call.arguments)?;
        self.step(reading(value))?;
        let result = (call.filter.run)(self, value, arguments)
            .map_err(|error| frame.source.locate(error, call.at))?;
        self.charge(&result)?;
        Ok(result)
    }

    pub(super) fn arguments(&mut self, frame: &Frame, arguments: &Arguments) -> Result<Args> {
        let mut args =
            Args { positional: self.eval_all(frame, &arguments.positional)?, named: Vec::new() };
        for (name, value) in &arguments.named {
            args.named.push((name.clone(), self.eval(frame, value)?));
        }
        if let Some(star) = &arguments.star {
            args.positional.extend(self.eval(frame, star)?.to_vec()?);
        }
        if let Some(star_star) = &arguments.star_star {
            let Value::Dict(dict) = self.eval(frame, star_star)?.defined()? else {
                return Err(Error::type_error("the argument after ** must be a dictionary"));
            };
            for (key, value) in dict.borrow().iter() {
                let Some(name) = key.value().as_str() else {
                    return Err(Error::type_error("keywords must be strings"));
                };
                if args.named.iter().any(|(known, _)| **known == *name) {
                    let message = format!("got multiple values for keyword argument '{name}'");
                    return Err(Error::type_error(message));
                }
                args.named.push((name.into(), value.clone()));
            }
        }
        Ok(args)
    }
}

/// One comparison of two values.
pub(crate) fn compare(comparison: Comparison, a: &Value, b: &Value) -> Result<bool> {
    use std::cmp::Ordering::{Equal, Greater, Less};
    let ordered = |sign, allowed: &[std::cmp::Ordering]| {
        Ok(value::order(a, b, sign)?.is_some_and(|found| allowed.contains(&found)))
    };
    match comparison {
        Comparison::Equal => value::equal(a, b),
        Comparison::NotEqual => Ok(!value::equal(a, b)?),
        Comparison::Less => ordered("<", &[Less]),
        Comparison::LessOrEqual => ordered("<=", &[Less, Equal]),
        Comparison::Greater => ordered(">", &[Greater]),
        Comparison::GreaterOrEqual => ordered(">=", &[Greater, Equal]),
        Comparison::In => value::contains(b, a),
        Comparison::NotIn => Ok(!value::contains(b, a)?),
    }
}

/// The error of a call of something that is no function.
pub(super) fn not_callable(value: &Value) -> Error {
    match value {
        Value::Undefined(missing) => missing.error(),
        other => {
            Error::new(ErrorKind::Type, format!("'{}' object is not callable", other.type_name()))
        }
    }
}
