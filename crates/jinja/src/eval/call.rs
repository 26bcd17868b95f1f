//! Calls of functions, methods, classes and macros.

use std::fmt;
use std::rc::Rc;

use super::expression::not_callable;
use super::{Frame, Machine, Scope, reading};
use crate::ast::{Arguments, Expr, Macro};
use crate::builtins;
use crate::error::{Error, Result};
use crate::value::{Args, Callable, Dict, Function, Missing, Value};

/// A macro with the scope in which it was defined.
pub(crate) struct Closure {
    pub(crate) definition: Rc<Macro>,
    pub(crate) frame: Frame,
}

impl fmt::Debug for Closure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Closure").field("name", &self.definition.name).finish_non_exhaustive()
    }
}

impl Machine<'_> {
    pub(super) fn call_expression(
        &mut self,
        frame: &Frame,
        function: &Expr,
        arguments: &Arguments,
    ) -> Result<Value> {
        let function = self.eval(frame, function)?;
        let args = self.arguments(frame, arguments)?;
        let value = self.call(&function, args)?;
        self.charge_call(&function, &value)?;
        Ok(value)
    }

    /// Calls anything that can be called.
    pub(crate) fn call(&mut self, function: &Value, args: Args) -> Result<Value> {
        if !matches!(function, Value::Function(function) if matches!(function.0, Callable::Macro(_)))
        {
            self.step(args.positional.iter().map(reading).sum())?;
        }
        match function {
            Value::Type(kind) => builtins::construct(*kind, args),
            Value::Function(function) => match &function.0 {
                Callable::Native { run, .. } => run(&args.positional, &args.named),
                Callable::Builtin { run, .. } => run(self, args),
                Callable::Closure { run, .. } => run(self, args),
                Callable::Bound { receiver, method } => {
                    self.step(reading(receiver))?;
                    (method.run)(self, receiver, args)
                }
                Callable::Macro(closure) => {
                    self.enter()?;
                    let value = self.call_macro(closure, args)?;
                    self.leave();
                    Ok(value)
                }
            },
            Value::Object(object) => match object.call(args) {
                Some(result) => result,
                None => Err(not_callable(function)),
            },
            other => Err(not_callable(other)),
        }
    }

    /// A method that gives back its own list has not made a new one.
    fn charge_call(&mut self, function: &Value, value: &Value) -> Result<()> {
        match (function, value) {
            (_, Value::Str(_) | Value::Bytes(_)) | (Value::Type(_), _) => self.charge(value),
            _ => Ok(()),
        }
    }

    /// A macro as value; its scope lives until the end of the rendering.
    pub(super) fn closure(&mut self, frame: &Frame, definition: &Rc<Macro>) -> Value {
        if !self.captured.last().is_some_and(|scope| Rc::ptr_eq(scope, &frame.scope)) {
            self.captured.push(frame.scope.clone());
        }
        let closure = Closure { definition: definition.clone(), frame: frame.clone() };
        Value::Function(Rc::new(Function(Callable::Macro(closure))))
    }

    fn call_macro(&mut self, closure: &Closure, args: Args) -> Result<Value> {
        let definition = &closure.definition;
        let inner = closure.frame.inner();
        self.bind(definition, &inner, args)?;
        let mut out = String::new();
        self.run(&inner, &definition.body, &mut out)?;
        // The text counts once more when it is printed.
        self.written -= out.len().min(self.written);
        Ok(Value::from(out))
    }

    /// Gives the parameters of a macro their values.
    fn bind(&mut self, definition: &Macro, inner: &Frame, args: Args) -> Result<()> {
        let Args { positional, mut named } = args;
        let mut positional = positional.into_iter();
        let parameters = &definition.parameters;
        for (name, default) in parameters {
            let given = positional.next().or_else(|| take_named(&mut named, name));
            let value = match (given, default) {
                (Some(value), _) => value,
                (None, Some(default)) => self.eval(inner, default)?,
                (None, None) => {
                    Missing::named(format!("parameter '{name}' was not provided"), "", [])
                }
            };
            inner.scope.set(name, value);
        }
        let (uses, name) = (definition.uses, &definition.name);
        if uses.caller {
            let caller = take_named(&mut named, "caller");
            let caller =
                caller.unwrap_or_else(|| Missing::named("No caller defined".into(), "", []));
            inner.scope.set(&"caller".into(), caller);
        }
        if uses.kwargs {
            let kwargs = Dict::default();
            for (name, value) in named {
                kwargs.set(&name, value);
            }
            inner.scope.set(&"kwargs".into(), Value::Dict(kwargs));
        } else if let Some((wrong, _)) = named.first() {
            let message = format!("macro '{name}' takes no keyword argument '{wrong}'");
            let known = parameters.iter().map(|(name, _)| &**name);
            return Err(match slapos_nearest::nearest(wrong, known) {
                Some(known) => {
                    Error::type_error(message).with_hint(format!("did you mean `{known}`?"))
                }
                None => Error::type_error(message),
            });
        }
        let rest: Vec<Value> = positional.collect();
        if uses.varargs {
            inner.scope.set(&"varargs".into(), Value::tuple(rest));
        } else if !rest.is_empty() {
            let count = parameters.len();
            return Err(Error::type_error(format!(
                "macro '{name}' takes not more than {count} argument(s)"
            )));
        }
        Ok(())
    }

    /// `{% call %}`: calls a macro and hands it a block as `caller`.
    pub(super) fn call_with_block(
        &mut self,
        frame: &Frame,
        function: &Expr,
        arguments: &Arguments,
        block: &Rc<Macro>,
    ) -> Result<Value> {
        let function = self.eval(frame, function)?;
        let mut args = self.arguments(frame, arguments)?;
        let caller = self.closure(frame, block);
        args.named.push(("caller".into(), caller));
        self.call(&function, args)
    }
}

fn take_named(named: &mut Vec<(Rc<str>, Value)>, name: &str) -> Option<Value> {
    let at = named.iter().position(|(known, _)| **known == *name)?;
    Some(named.remove(at).1)
}

impl Scope {
    /// The frame of a template's top.
    pub(super) fn frame(self: &Rc<Self>, source: &Rc<crate::source::Source>) -> Frame {
        Frame { source: source.clone(), scope: self.clone() }
    }
}
