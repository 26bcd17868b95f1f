//! Runs statements.

use std::rc::Rc;

use super::{Frame, Loop, Machine};
use crate::ast::{Expr, FilterCall, For, Statement, Target};
use crate::error::{Error, Result};
use crate::value::Value;

/// How a block ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flow {
    Normal,
    Break,
    Continue,
}

impl Machine<'_> {
    /// Runs statements, appending their text to `out`.
    pub(super) fn run(
        &mut self,
        frame: &Frame,
        body: &[Statement],
        out: &mut String,
    ) -> Result<Flow> {
        self.enter()?;
        for statement in body {
            self.step(1)?;
            let flow = self.statement(frame, statement, out)?;
            if flow != Flow::Normal {
                self.leave();
                return Ok(flow);
            }
        }
        self.leave();
        Ok(Flow::Normal)
    }

    fn statement(
        &mut self,
        frame: &Frame,
        statement: &Statement,
        out: &mut String,
    ) -> Result<Flow> {
        match statement {
            Statement::Text(text) => self.write(out, text)?,
            Statement::Print(value) => self.print(frame, value, out)?,
            Statement::If { branches, otherwise } => {
                for (test, body) in branches {
                    if self.test(frame, test)? {
                        return self.run(frame, body, out);
                    }
                }
                return self.run(frame, otherwise, out);
            }
            Statement::For(statement) => self.for_loop(frame, statement, out)?,
            Statement::Do(value) => drop(self.eval(frame, value)?),
            Statement::Break => return Ok(Flow::Break),
            Statement::Continue => return Ok(Flow::Continue),
            Statement::With { bindings, body, at } => {
                let inner = frame.inner();
                for (target, value) in bindings {
                    let value = self.eval(frame, value)?;
                    self.assign(&inner, target, value, *at)?;
                }
                return self.run(&inner, body, out);
            }
            other => self.definition(frame, other, out)?,
        }
        Ok(Flow::Normal)
    }

    /// Statements that define names or run other templates.
    fn definition(&mut self, frame: &Frame, statement: &Statement, out: &mut String) -> Result<()> {
        match statement {
            Statement::Set { at, target, value } => {
                let value = self.eval(frame, value)?;
                self.assign(frame, target, value, *at)
            }
            Statement::SetBlock { at, target, filters, body } => {
                let value = self.captured_block(frame, body, filters)?;
                self.assign(frame, target, value, *at)
            }
            Statement::FilterBlock { filters, body } => {
                let value = self.captured_block(frame, body, filters)?;
                let text = value.text()?;
                self.write(out, &text)
            }
            Statement::Macro(definition) => {
                let value = self.closure(frame, definition);
                frame.scope.set(&definition.name, value);
                Ok(())
            }
            Statement::CallBlock { at, function, arguments, block } => {
                let result = self
                    .call_with_block(frame, function, arguments, block)
                    .and_then(|value| value.text());
                let text = result.map_err(|error| frame.source.locate(error, *at))?;
                self.write(out, &text)
            }
            Statement::Import { template, name, with_context } => {
                self.import(frame, template, name, *with_context)
            }
            Statement::FromImport { template, names, with_context } => {
                self.import_names(frame, template, names, *with_context)
            }
            Statement::Include { template, ignore_missing, with_context } => {
                self.include(frame, template, *ignore_missing, *with_context, out)
            }
            _ => Ok(()),
        }
    }

    fn print(&mut self, frame: &Frame, value: &Expr, out: &mut String) -> Result<()> {
        let text = self.eval(frame, value)?.text();
        let result = text.and_then(|text| self.write(out, &text));
        result.map_err(|error| frame.source.locate(error, value.at))
    }

    fn test(&mut self, frame: &Frame, test: &Expr) -> Result<bool> {
        self.eval(frame, test)?.truth().map_err(|error| frame.source.locate(error, test.at))
    }

    /// The text of a block in a scope of its own, through filters.
    fn captured_block(
        &mut self,
        frame: &Frame,
        body: &[Statement],
        filters: &[FilterCall],
    ) -> Result<Value> {
        let mut text = String::new();
        self.run(&frame.inner(), body, &mut text)?;
        self.written -= text.len().min(self.written);
        let mut value = Value::from(text);
        self.charge(&value)?;
        for filter in filters {
            value = self.filter(frame, &value, filter)?;
        }
        Ok(value)
    }

    fn for_loop(&mut self, frame: &Frame, statement: &Rc<For>, out: &mut String) -> Result<()> {
        let iterable = self.eval(frame, &statement.iterable)?;
        let state = Loop::new(statement, frame, iterable);
        let state =
            Rc::new(state.map_err(|error| frame.source.locate(error, statement.iterable.at))?);
        let loop_name: Rc<str> = "loop".into();
        // As in Jinja2, `else` also runs if every round ended early, by `continue` or `break`.
        let mut completed = false;
        loop {
            let next = state
                .advance(self)
                .map_err(|error| frame.source.locate(error, statement.iterable.at))?;
            let Some(value) = next else { break };
            let inner = frame.inner();
            inner.scope.set(&loop_name, Value::Loop(state.clone()));
            self.assign(&inner, &statement.target, value, statement.at)?;
            match self.run(&inner, &statement.body, out)? {
                Flow::Normal => completed = true,
                Flow::Continue => {}
                Flow::Break => break,
            }
        }
        if !completed {
            self.run(&frame.inner(), &statement.otherwise, out)?;
        }
        Ok(())
    }

    /// Gives a target its value; tuples are taken apart.
    pub(super) fn assign(
        &mut self,
        frame: &Frame,
        target: &Target,
        value: Value,
        at: usize,
    ) -> Result<()> {
        match target {
            Target::Name(name) => frame.scope.set(name, value),
            Target::Tuple(targets) => {
                let items = unpack(&value, targets.len())
                    .map_err(|error| frame.source.locate(error, at))?;
                for (target, item) in targets.iter().zip(items) {
                    self.assign(frame, target, item, at)?;
                }
            }
            Target::Attribute { at, name, attribute } => {
                let object = self.lookup(frame, name);
                let namespace = match &object {
                    Value::Object(object) => object.namespace(),
                    _ => None,
                };
                let Some(namespace) = namespace else {
                    let error = match &object {
                        Value::Undefined(missing) => missing.error(),
                        _ => Error::type_error(format!(
                            "cannot set the attribute `{attribute}` of `{name}`"
                        ))
                        .with_hint("only what `namespace()` makes has attributes that can be set"),
                    };
                    return Err(frame.source.locate(error, *at));
                };
                namespace.set(attribute, value);
            }
        }
        Ok(())
    }
}

/// Exactly `count` values of something iterable.
fn unpack(value: &Value, count: usize) -> Result<Vec<Value>> {
    let Ok(mut iter) = value.iterate() else {
        return Err(match value {
            Value::Undefined(missing) => missing.error(),
            other => Error::type_error(format!(
                "cannot unpack non-iterable {} object",
                other.type_name()
            )),
        });
    };
    let mut items = Vec::new();
    while let Some(item) = iter.next_value()? {
        if items.len() == count {
            return Err(Error::value_error(format!(
                "too many values to unpack (expected {count})"
            )));
        }
        items.push(item);
    }
    if items.len() < count {
        let got = items.len();
        return Err(Error::value_error(format!(
            "not enough values to unpack (expected {count}, got {got})"
        )));
    }
    Ok(items)
}
