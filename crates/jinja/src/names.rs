//! Finds names that no one can give a value, before a template runs.
//!
//! A name that the template itself sets anywhere, or asks about anywhere (`is defined`, `default`), is none of these.
//! What only a test looks at is none either: most tests answer for an undefined value.

use std::collections::HashSet;
use std::rc::Rc;

use crate::ast::{Body, Expr, ExprKind, FilterCall, Macro, Statement, Target};
use crate::error::Error;
use crate::functions;
use crate::template::{Context, Template};
use crate::value::Missing;

/// Names that have a value in some places without being set.
const SPECIAL: [&str; 5] = ["caller", "kwargs", "loop", "self", "varargs"];

impl Template {
    /// One error for each name that neither the template nor the context gives a value, at the first place that
    /// uses it. Templates that this one imports or includes are not looked at.
    pub fn undefined_names(&self, context: &Context) -> Vec<Error> {
        let names = Names::of(&self.body);
        let mut told = HashSet::new();
        let unknown = names.free().filter(|(name, _)| {
            !context.contains(name) && functions::global(name).is_none() && told.insert(*name)
        });
        let error = |(name, at)| {
            let known = context.names().chain(names.excused.iter().copied());
            let missing = Missing::unknown(name, known.chain(functions::NAMES));
            self.source.locate(missing.error(), at)
        };
        unknown.map(error).collect()
    }
}

/// The names of one template.
#[derive(Default)]
struct Names<'t> {
    /// Each use with its byte offset, in the order of the text.
    uses: Vec<(&'t str, usize)>,
    /// Set by the template, or asked about.
    excused: HashSet<&'t str>,
}

impl<'t> Names<'t> {
    fn of(body: &'t Body) -> Self {
        let mut names = Self::default();
        names.body(body);
        names
    }

    /// The uses of names that only the context can give.
    fn free(&self) -> impl Iterator<Item = (&'t str, usize)> {
        let excused = |name: &str| self.excused.contains(name) || SPECIAL.contains(&name);
        self.uses.iter().copied().filter(move |(name, _)| !excused(name))
    }

    fn body(&mut self, body: &'t Body) {
        for statement in body {
            self.statement(statement);
        }
    }

    fn statement(&mut self, statement: &'t Statement) {
        match statement {
            Statement::Text(_) | Statement::Break | Statement::Continue => {}
            Statement::Print(value) | Statement::Do(value) => self.expression(value),
            Statement::If { branches, otherwise } => {
                for (test, body) in branches {
                    self.expression(test);
                    self.body(body);
                }
                self.body(otherwise);
            }
            Statement::For(each) => {
                self.target(&each.target);
                self.expression(&each.iterable);
                each.filter.iter().for_each(|filter| self.expression(filter));
                self.body(&each.body);
                self.body(&each.otherwise);
            }
            Statement::Set { target, value, .. } => {
                self.target(target);
                self.expression(value);
            }
            Statement::SetBlock { target, filters, body, .. } => {
                self.target(target);
                self.filters(filters);
                self.body(body);
            }
            Statement::Macro(definition) => {
                self.excused.insert(&definition.name);
                self.definition(definition);
            }
            Statement::CallBlock { function, arguments, block, .. } => {
                self.expression(function);
                arguments.children().for_each(|argument| self.expression(argument));
                self.definition(block);
            }
            Statement::Import { template, name, .. } => {
                self.expression(template);
                self.excused.insert(name);
            }
            Statement::FromImport { template, names, .. } => {
                self.expression(template);
                for (there, here) in names {
                    self.excused.extend([&**there, &**here]);
                }
            }
            Statement::Include { template, .. } => self.expression(template),
            Statement::With { bindings, body, .. } => {
                for (target, value) in bindings {
                    self.target(target);
                    self.expression(value);
                }
                self.body(body);
            }
            Statement::FilterBlock { filters, body } => {
                self.filters(filters);
                self.body(body);
            }
        }
    }

    fn definition(&mut self, definition: &'t Rc<Macro>) {
        for (name, default) in &definition.parameters {
            self.excused.insert(name);
            default.iter().for_each(|default| self.expression(default));
        }
        self.body(&definition.body);
    }

    fn target(&mut self, target: &'t Target) {
        match target {
            Target::Name(name) => {
                self.excused.insert(name);
            }
            Target::Tuple(targets) => targets.iter().for_each(|target| self.target(target)),
            Target::Attribute { at, name, .. } => self.uses.push((name, *at)),
        }
    }

    fn filters(&mut self, filters: &'t [FilterCall]) {
        for filter in filters {
            filter.arguments.children().for_each(|argument| self.expression(argument));
        }
    }

    fn expression(&mut self, value: &'t Expr) {
        match &value.kind {
            ExprKind::Name(name) => self.uses.push((name, value.at)),
            ExprKind::Test(asked, test, arguments) => {
                match &asked.kind {
                    ExprKind::Name(name) if ["defined", "undefined"].contains(&test.name) => {
                        self.excused.insert(name);
                    }
                    ExprKind::Name(_) => {}
                    _ => self.expression(asked),
                }
                arguments.children().for_each(|argument| self.expression(argument));
            }
            ExprKind::Filter(asked, call) if ["default", "d"].contains(&call.filter.name) => {
                match &asked.kind {
                    ExprKind::Name(name) => {
                        self.excused.insert(name);
                    }
                    _ => self.expression(asked),
                }
                call.arguments.children().for_each(|argument| self.expression(argument));
            }
            other => other.children().for_each(|child| self.expression(child)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Options, Value};

    fn undefined(source: &str) -> Vec<String> {
        let template = Template::compile("t", source, Options::default()).unwrap();
        let mut context = Context::new();
        context.set("server", Value::Int(1));
        template.undefined_names(&context).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn names_that_nobody_gives_are_found_wherever_they_are_used() {
        for source in [
            "{{ sever }}",
            "{% if 0 %}{{ [1, sever] }}{% endif %}",
            "{% for a in sever %}{% endfor %}",
            "{% macro f(a=sever) %}{% endmacro %}",
            "{% macro f() %}{{ sever.host }}{% endmacro %}",
            "{% set a = dict(x=sever) %}",
            "{{ 1|default(sever) }}",
            "{{ sever.host is defined }}",
            "{% include sever %}{{ sever }}",
        ] {
            let found = undefined(source);
            assert!(found.len() == 1 && found[0].contains("`sever` is undefined"), "{found:?}");
        }
        assert_eq!(undefined("\n{{ b }}{{ a }}{{ b }}").len(), 2);
    }

    #[test]
    fn names_that_are_set_or_asked_about_are_no_fault() {
        for source in [
            "{{ server }}{{ range(2) }}",
            "{% set x = 1 %}{{ x }}",
            "{% for a, (b, c) in [] %}{{ a }}{{ b }}{{ c }}{{ loop.index }}{% endfor %}",
            "{% macro f(x) %}{{ x }}{{ varargs }}{{ caller() }}{% endmacro %}{{ f(1) }}",
            "{% call(y) server() %}{{ y }}{% endcall %}",
            "{% if x is defined %}{{ x }}{% endif %}",
            "{{ x|default(1) }}{{ x }}",
            "{{ x is none }}",
            "{% import 'a' as b %}{% from 'a' import c, d as e %}{{ b }}{{ c }}{{ e }}",
            "{% with x = 1 %}{{ x }}{% endwith %}",
            "{% set ns = namespace(a=1) %}{% set ns.a = 2 %}",
        ] {
            assert_eq!(undefined(source), [""; 0], "{source}");
        }
    }
}
