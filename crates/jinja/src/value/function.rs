//! Functions as values, and their arguments.

use std::fmt;
use std::rc::Rc;

use super::Value;
use crate::error::{Error, Result};

/// The body of a function of the embedding program.
type Native = Box<dyn Fn(&[Value], &[(Rc<str>, Value)]) -> Result<Value>>;

/// Something that can be called.
pub enum Function {
    /// Given by the embedding program.
    Native { name: Rc<str>, run: Native },
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
            return Err(Error::type_error(format!(
                "{function}() takes no keyword arguments"
            )));
        }
        self.positional.try_into().map_err(|_| {
            Error::type_error(format!("{function}() takes {N} arguments ({given} given)"))
        })
    }
}

impl Function {
    pub fn name(&self) -> &str {
        match self {
            Self::Native { name, .. } => name,
        }
    }
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<function {}>", self.name())
    }
}
