//! Expression to value.

use std::collections::BTreeMap;

use super::machine;
use super::parse::Expression;
use super::value::Value;

/// Names that a condition gives itself.
type Locals = BTreeMap<String, Value>;

pub(super) fn evaluate(expression: &Expression, locals: &mut Locals) -> Result<Value, String> {
    match expression {
        Expression::Constant(value) => Ok(value.clone()),
        Expression::Name(_) | Expression::Attribute(..) => name(expression, locals),
        Expression::Call(function, arguments) => {
            let arguments = all(arguments, locals)?;
            call(function, &arguments, locals)
        }
        Expression::Subscript(whole, index) => {
            subscript(&evaluate(whole, locals)?, &evaluate(index, locals)?)
        }
        Expression::Head(whole, end) => match (evaluate(whole, locals)?, evaluate(end, locals)?) {
            (Value::Items(mut items), Value::Int(end)) => {
                items.truncate(usize::try_from(end).map_err(|_| "a slice ends before its begin")?);
                Ok(Value::Items(items))
            }
            _ => Err("the condition slices something that is no list".into()),
        },
        Expression::Items(items) => Ok(Value::Items(all(items, locals)?)),
        Expression::Each { item, name, source } => {
            let Value::Items(source) = evaluate(source, locals)? else {
                return Err("the condition loops over something that is no list".into());
            };
            let mut found = Vec::new();
            for value in source {
                locals.insert(name.clone(), value);
                found.push(evaluate(item, locals)?);
            }
            Ok(Value::Items(found))
        }
        Expression::Compare(first, rest) => compare(first, rest, locals),
        Expression::Not(inner) => Ok(Value::Bool(!evaluate(inner, locals)?.truth())),
        Expression::And(left, right) => {
            let left = evaluate(left, locals)?;
            if left.truth() { evaluate(right, locals) } else { Ok(left) }
        }
        Expression::Or(left, right) => {
            let left = evaluate(left, locals)?;
            if left.truth() { Ok(left) } else { evaluate(right, locals) }
        }
    }
}

fn all(expressions: &[Expression], locals: &mut Locals) -> Result<Vec<Value>, String> {
    expressions.iter().map(|expression| evaluate(expression, locals)).collect()
}

fn compare(
    first: &Expression,
    rest: &[(String, Expression)],
    locals: &mut Locals,
) -> Result<Value, String> {
    let mut left = evaluate(first, locals)?;
    for (operator, right) in rest {
        let right = evaluate(right, locals)?;
        if !left.compare(operator, &right)? {
            return Ok(Value::Bool(false));
        }
        left = right;
    }
    Ok(Value::Bool(true))
}

/// `a.b.c`, if it is nothing but names.
fn dotted(expression: &Expression) -> Option<String> {
    match expression {
        Expression::Name(name) => Some(name.clone()),
        Expression::Attribute(left, name) => Some(format!("{}.{name}", dotted(left)?)),
        _ => None,
    }
}

fn name(expression: &Expression, locals: &Locals) -> Result<Value, String> {
    let name = dotted(expression).ok_or("the condition asks for an attribute of a value")?;
    if let Some(value) = locals.get(&name) {
        return Ok(value.clone());
    }
    machine::name(&name).ok_or_else(|| unknown(&name))
}

fn unknown(name: &str) -> String {
    format!("the condition uses `{name}`, which is not known here")
}

fn call(function: &Expression, arguments: &[Value], locals: &mut Locals) -> Result<Value, String> {
    if let Some(name) = dotted(function)
        && let Some(result) = machine::call(&name, arguments)
    {
        return result;
    }
    let Expression::Attribute(left, method) = function else {
        return Err(unknown(&dotted(function).unwrap_or_default()));
    };
    match (evaluate(left, locals)?, method.as_str(), arguments) {
        (Value::Text(text), "read", []) => Ok(Value::Text(text)),
        (Value::Text(text), "strip", []) => Ok(Value::text(text.trim())),
        (Value::Text(text), "lower", []) => Ok(Value::Text(text.to_lowercase())),
        (Value::Text(text), "startswith", [Value::Text(part)]) => {
            Ok(Value::Bool(text.starts_with(part.as_str())))
        }
        (Value::Text(text), "endswith", [Value::Text(part)]) => {
            Ok(Value::Bool(text.ends_with(part.as_str())))
        }
        (Value::Text(text), "split", [Value::Text(between)]) if !between.is_empty() => {
            Ok(Value::Items(text.split(between.as_str()).map(Value::text).collect()))
        }
        _ => Err(unknown(&format!(".{method}()"))),
    }
}

fn subscript(whole: &Value, index: &Value) -> Result<Value, String> {
    let found = match (whole, index) {
        (Value::Items(items), Value::Int(at)) => {
            usize::try_from(*at).ok().and_then(|at| items.get(at)).cloned()
        }
        (Value::Table(table), Value::Text(key)) => table.get(key).map(Value::text),
        _ => None,
    };
    found.ok_or_else(|| "the condition takes an item that is not there".into())
}
