//! Runs the tree of a template.
//!
//! # Invariants
//! - Depth, steps and output are bounded: a hostile template ends with an error.
//! - Scopes that macros hold are emptied at the end of a rendering, so their circles are freed.

mod access;
mod call;
mod expression;
mod looping;
mod module;
mod scope;
mod statement;

use std::collections::HashMap;
use std::fmt;
use std::rc::Rc;

pub use looping::Loop;

pub(crate) use access::{plain_item, position, slice_positions};
pub(crate) use call::Closure;
pub(crate) use expression::compare;
pub(crate) use scope::Scope;

use crate::error::{Error, Result};
use crate::source::Source;
use crate::template::{Context, Limits, Options, Template};
use crate::value::Value;
use crate::work::{self, Metered};

/// Where a piece of a template runs.
#[derive(Clone)]
pub(crate) struct Frame {
    pub(crate) source: Rc<Source>,
    pub(crate) scope: Rc<Scope>,
}

impl Frame {
    /// A frame with a new scope inside of this one.
    fn inner(&self) -> Self {
        Self { source: self.source.clone(), scope: Scope::inside(&self.scope) }
    }
}

/// The steps that it takes to read a text once; nothing for other values.
pub(crate) fn reading(value: &Value) -> usize {
    match value {
        Value::Str(text) | Value::Markup(text) => text.len() / work::BYTES,
        Value::Bytes(bytes) => bytes.len() / work::BYTES,
        _ => 0,
    }
}

/// One rendering.
pub(crate) struct Machine<'a> {
    context: &'a Context,
    options: Options,
    limits: Limits,
    depth: usize,
    written: usize,
    /// Templates read so far, by name.
    templates: HashMap<Rc<str>, Template>,
    /// Templates imported without context, by name.
    modules: HashMap<Rc<str>, Value>,
    /// Scopes that macros hold.
    captured: Vec<Rc<Scope>>,
}

impl fmt::Debug for Machine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Machine").field("depth", &self.depth).finish_non_exhaustive()
    }
}

impl<'a> Machine<'a> {
    pub(crate) fn new(context: &'a Context, options: Options) -> Self {
        Self {
            context,
            options,
            limits: context.limits,
            depth: 0,
            written: 0,
            templates: HashMap::new(),
            modules: HashMap::new(),
            captured: Vec::new(),
        }
    }

    pub(crate) fn render(mut self, template: &Template) -> Result<String> {
        let _metered = Metered::start(self.limits.steps);
        let frame = Frame { source: template.source.clone(), scope: Scope::with_context() };
        let mut out = String::new();
        let result = self.run(&frame, &template.body, &mut out);
        self.modules.clear();
        for scope in self.captured.drain(..) {
            scope.clear();
        }
        result.map(|_| out)
    }

    /// Counts work; fails beyond the limit.
    pub(crate) fn step(&mut self, count: usize) -> Result<()> {
        work::spend(count)
    }

    /// Counts the work that a new value stands for.
    fn charge(&mut self, value: &Value) -> Result<()> {
        let size = match value {
            Value::Str(_) | Value::Markup(_) | Value::Bytes(_) => reading(value),
            Value::List(list) => list.borrow().len(),
            Value::Tuple(items) => items.len(),
            Value::Dict(dict) => dict.borrow().len(),
            Value::Set(set) => set.borrow().len(),
            _ => 0,
        };
        self.step(size)
    }

    /// Enters one level of nesting; left by [`Machine::leave`], also after an error (the rendering is over then).
    fn enter(&mut self) -> Result<()> {
        self.depth += 1;
        if self.depth > self.limits.depth {
            let limit = self.limits.depth;
            let error = Error::limit(format!("nested too deeply; {limit} levels are allowed"));
            return Err(error.with_hint("does a macro call itself without end?"));
        }
        Ok(())
    }

    fn leave(&mut self) {
        self.depth -= 1;
    }

    fn write(&mut self, out: &mut String, text: &str) -> Result<()> {
        self.written += text.len();
        if self.written > self.limits.output {
            let limit = self.limits.output;
            return Err(Error::limit(format!(
                "the text grows too long; {limit} bytes are allowed"
            )));
        }
        out.push_str(text);
        Ok(())
    }
}
