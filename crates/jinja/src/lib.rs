//! Jinja2 templates with Python's values.
//!
//! Templates see lists, dictionaries, texts and numbers that behave as in Python: they can be changed, have
//! Python's methods, `%` formats, `repr` is Python's. What is not supported is an error, never another text.
//! Knows nothing of SlapOS; reads no file (a loader of the embedding program does).
//!
//! ```
//! use slapos_jinja::{Context, Options, Template, Value};
//!
//! let source = "{% do names.append('Ada') %}{{ names }} {{ 7 // -2 }}";
//! let mut options = Options::default();
//! options.enable("jinja2.ext.do")?;
//! let template = Template::compile("greeting", source, options)?;
//! let mut context = Context::new();
//! context.set("names", Value::list(vec![Value::from("Eve")]));
//! assert_eq!(template.render(&context)?, "['Eve', 'Ada'] -4");
//! # Ok::<(), slapos_jinja::Error>(())
//! ```

mod ast;
pub mod builtins;
mod error;
mod escapes;
mod eval;
mod filters;
mod format;
mod functions;
mod lex;
mod methods;
pub mod modules;
mod names;
mod parse;
mod predicates;
mod source;
mod template;
mod value;
mod work;

pub use error::{Error, ErrorKind, Place, Result, excerpt};
pub use eval::Loop;
pub use template::{Context, Limits, Loader, Options, Template};
pub use value::{
    Args, Dict, Entries, Function, Iter, JsonError, Key, List, LiteralError, Missing, Module,
    Namespace, Object, Set, Tuple, Type, Value,
};
