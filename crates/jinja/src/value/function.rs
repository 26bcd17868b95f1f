//! Functions as values, and their arguments.

use std::fmt;
use std::rc::Rc;

use super::Value;
use crate::ast::Named;
use crate::error::{Error, Result};
use crate::eval::{Closure as MacroClosure, Machine};
use crate::methods::Method;

/// The body of a function of the embedding program.
type Native = Box<dyn Fn(&[Value], &[(Rc<str>, Value)]) -> Result<Value>>;

type Builtin = fn(&mut Machine<'_>, Args) -> Result<Value>;

/// The body of one of our functions that remembers values.
type Remembering = Box<dyn Fn(&mut Machine<'_>, Args) -> Result<Value>>;

/// Something that can be called; made by [`Value::function`].
pub struct Function(pub(crate) Callable);

pub(crate) enum Callable {
    /// Given by the embedding program.
    Native { name: Rc<str>, run: Native },
    /// One of ours that needs the interpreter, e.g. to call another function.
    Builtin { name: &'static str, run: Builtin },
    /// Such a one that remembers values, e.g. a function with its first arguments.
    Closure { name: &'static str, run: Remembering },
    /// A method with its object.
    Bound { receiver: Value, method: Named<Method> },
    /// A macro of a template; lives as long as the rendering.
    Macro(MacroClosure),
}

/// The arguments of a call, positional before named.
#[derive(Debug, Clone, Default)]
pub struct Args {
    pub positional: Vec<Value>,
    pub named: Vec<(Rc<str>, Value)>,
}

impl Args {
    /// Sorts the arguments into the named parameters of `function`; all are optional here.
    ///
    /// Fails for an argument too many, an unknown name, or one given twice.
    pub(crate) fn bind<const N: usize>(
        self,
        function: &str,
        names: [&str; N],
    ) -> Result<[Option<Value>; N]> {
        let mut slots = [const { None }; N];
        let given = self.positional.len();
        if given > N {
            return Err(Error::type_error(format!(
                "{function}() takes at most {N} arguments ({given} given)"
            )));
        }
        for (slot, value) in slots.iter_mut().zip(self.positional) {
            *slot = Some(value);
        }
        for (name, value) in self.named {
            let Some(at) = names.iter().position(|known| **known == *name) else {
                return Err(Error::type_error(format!(
                    "{function}() got an unexpected keyword argument '{name}'"
                )));
            };
            if slots[at].replace(value).is_some() {
                return Err(Error::type_error(format!(
                    "{function}() got multiple values for argument '{name}'"
                )));
            }
        }
        Ok(slots)
    }

    /// The only arguments allowed are `N` positional ones.
    pub(crate) fn exactly<const N: usize>(self, function: &str) -> Result<[Value; N]> {
        let given = self.positional.len();
        if !self.named.is_empty() {
            return Err(Error::type_error(format!("{function}() takes no keyword arguments")));
        }
        self.positional.try_into().map_err(|_| {
            Error::type_error(format!("{function}() takes {N} arguments ({given} given)"))
        })
    }
}

impl Function {
    pub fn name(&self) -> &str {
        match &self.0 {
            Callable::Native { name, .. } => name,
            Callable::Builtin { name, .. } | Callable::Closure { name, .. } => name,
            Callable::Bound { method, .. } => method.name,
            Callable::Macro(closure) => &closure.definition.name,
        }
    }
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<function {}>", self.name())
    }
}
