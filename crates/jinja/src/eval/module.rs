//! `import`, `from ... import` and `include`.

use std::rc::Rc;

use super::{Frame, Machine, Scope};
use crate::ast::Expr;
use crate::error::{Error, ErrorKind, Result};
use crate::template::Template;
use crate::value::{Missing, Module, Value};

impl Machine<'_> {
    /// The template of this name; `None` if the loader knows none.
    fn load(&mut self, name: &Rc<str>) -> Result<Option<Template>> {
        if let Some(known) = self.templates.get(name) {
            return Ok(Some(known.clone()));
        }
        let Some(loader) = &self.context.loader else {
            return Ok(None);
        };
        let Some(source) = loader(name)? else {
            return Ok(None);
        };
        let template = Template::compile(name, &source, self.options)?;
        self.templates.insert(name.clone(), template.clone());
        Ok(Some(template))
    }

    /// The template that an expression names, or the first that exists of a list of names.
    fn named_template(&mut self, frame: &Frame, expr: &Expr) -> Result<Option<Template>> {
        let value = self.eval(frame, expr)?;
        let names = match &value {
            Value::Str(name) => vec![Value::Str(name.clone())],
            Value::List(_) | Value::Tuple(_) => value.to_vec()?,
            Value::Undefined(missing) => return Err(frame.source.locate(missing.error(), expr.at)),
            other => {
                let message =
                    format!("the name of a template is a text, not {}", other.type_name());
                return Err(frame.source.locate(Error::type_error(message), expr.at));
            }
        };
        for name in names {
            let Value::Str(name) = name else { continue };
            let found = self.load(&name).map_err(|error| frame.source.locate(error, expr.at))?;
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    fn required_template(&mut self, frame: &Frame, expr: &Expr) -> Result<Template> {
        let found = self.named_template(frame, expr)?;
        found.ok_or_else(|| {
            let error = Error::new(ErrorKind::NoTemplate, "there is no template of this name");
            frame.source.locate(error, expr.at)
        })
    }

    /// Runs a template for its names.
    fn module(&mut self, frame: &Frame, expr: &Expr, with_context: bool) -> Result<Value> {
        let template = self.required_template(frame, expr)?;
        let name = template.source.name.clone();
        if !with_context && let Some(known) = self.modules.get(&name) {
            return Ok(known.clone());
        }
        let scope =
            if with_context { Scope::inside(&frame.scope) } else { Scope::without_context() };
        let inner = scope.frame(&template.source);
        let mut text = String::new();
        self.run(&inner, &template.body, &mut text)?;
        self.written -= text.len().min(self.written);
        let module = Module::value(&name, inner.scope.exports());
        if !with_context {
            self.modules.insert(name, module.clone());
        }
        Ok(module)
    }

    pub(super) fn import(
        &mut self,
        frame: &Frame,
        expr: &Expr,
        name: &Rc<str>,
        with_context: bool,
    ) -> Result<()> {
        let module = self.module(frame, expr, with_context)?;
        frame.scope.set_imported(name, module);
        Ok(())
    }

    pub(super) fn import_names(
        &mut self,
        frame: &Frame,
        expr: &Expr,
        names: &[(Rc<str>, Rc<str>)],
        with_context: bool,
    ) -> Result<()> {
        let module = self.module(frame, expr, with_context)?;
        let Value::Object(object) = &module else {
            return Ok(());
        };
        for (name, alias) in names {
            let value = match object.attribute(name)? {
                Some(value) => value,
                None => {
                    let template = object.type_name();
                    let message = format!("the template `{template}` does not export `{name}`");
                    let known = object.names();
                    Missing::named(message, name, known.iter().map(|name| &**name))
                }
            };
            frame.scope.set_imported(alias, value);
        }
        Ok(())
    }

    pub(super) fn include(
        &mut self,
        frame: &Frame,
        expr: &Expr,
        ignore_missing: bool,
        with_context: bool,
        out: &mut String,
    ) -> Result<()> {
        let template = if ignore_missing {
            let Some(template) = self.named_template(frame, expr)? else {
                return Ok(());
            };
            template
        } else {
            self.required_template(frame, expr)?
        };
        let scope =
            if with_context { Scope::inside(&frame.scope) } else { Scope::without_context() };
        self.run(&scope.frame(&template.source), &template.body, out)?;
        Ok(())
    }
}
