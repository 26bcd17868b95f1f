//! What an embedding program uses: templates, their options, and the context in which they run.

use std::collections::HashMap;
use std::fmt;
use std::rc::Rc;

use crate::ast::Body;
use crate::error::{Error, Result};
use crate::eval::Machine;
use crate::parse;
use crate::source::Source;
use crate::value::Value;

/// How templates are read. Blocks are never trimmed and nothing is escaped automatically.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Offer `{% do %}` (`jinja2.ext.do`).
    pub do_statement: bool,
    /// Offer `{% break %}` and `{% continue %}` (`jinja2.ext.loopcontrols`).
    pub loop_controls: bool,
    /// Keep one newline at the end of the source.
    pub keep_trailing_newline: bool,
}

impl Options {
    /// Switches on an extension by its name in Jinja2; fails for one that is not offered.
    pub fn enable(&mut self, extension: &str) -> Result<()> {
        match extension {
            "jinja2.ext.do" => self.do_statement = true,
            "jinja2.ext.loopcontrols" => self.loop_controls = true,
            // These are part of the language since Jinja2 2.9.
            "jinja2.ext.with_" | "jinja2.ext.autoescape" => {}
            other => {
                let error =
                    Error::unsupported(format!("the Jinja2 extension `{other}` is not supported"));
                return Err(error.with_hint("`jinja2.ext.do` and `jinja2.ext.loopcontrols` are"));
            }
        }
        Ok(())
    }
}

/// Bounds of one rendering. Reaching one is an error.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Expressions, loop rounds and produced text (one step for 32 bytes).
    pub steps: u64,
    /// Nested expressions, blocks and macro calls. The default fits a thread's stack of 2 MiB.
    pub depth: usize,
    /// Bytes of the result.
    pub output: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { steps: 20_000_000, depth: 400, output: 64 << 20 }
    }
}

/// Gives the source of another template by its name; `None` if there is none.
pub type Loader = Box<dyn Fn(&str) -> Result<Option<String>>>;

/// What templates can name and load.
#[derive(Default)]
pub struct Context {
    pub(crate) variables: HashMap<Rc<str>, Value>,
    pub(crate) globals: HashMap<Rc<str>, Value>,
    pub(crate) loader: Option<Loader>,
    pub limits: Limits,
}

impl Context {
    pub fn new() -> Self {
        Self::default()
    }

    /// A variable of the rendered template (and of those that it includes, or imports `with context`).
    pub fn set(&mut self, name: &str, value: Value) {
        self.variables.insert(name.into(), value);
    }

    /// A variable of every template, imported ones too.
    pub fn set_global(&mut self, name: &str, value: Value) {
        self.globals.insert(name.into(), value);
    }

    pub fn contains(&self, name: &str) -> bool {
        self.variables.contains_key(name) || self.globals.contains_key(name)
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.variables.keys().chain(self.globals.keys()).map(|name| &**name)
    }

    /// Answers `import` and `include`.
    pub fn set_loader(&mut self, loader: impl Fn(&str) -> Result<Option<String>> + 'static) {
        self.loader = Some(Box::new(loader));
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context").field("variables", &self.variables).finish_non_exhaustive()
    }
}

/// A template that was read without error.
#[derive(Debug, Clone)]
pub struct Template {
    pub(crate) source: Rc<Source>,
    pub(crate) body: Rc<Body>,
    pub(crate) options: Options,
}

impl Template {
    /// Reads a template. `name` appears in messages, e.g. the path of the file.
    pub fn compile(name: &str, source: &str, options: Options) -> Result<Self> {
        let source = Rc::new(Source::new(name, source, options.keep_trailing_newline));
        let body = Rc::new(parse::parse(&source, options)?);
        Ok(Self { source, body, options })
    }

    /// Runs the template and gives its text. Values of the context that the template changes stay changed.
    pub fn render(&self, context: &Context) -> Result<String> {
        Machine::new(context, self.options).render(self)
    }
}
