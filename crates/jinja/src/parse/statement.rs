//! Statements: what stands between `{%` and `%}`, and the texts between.

use std::mem::take;
use std::rc::Rc;

use super::Parser;
use crate::ast::{Body, ExprKind, For, Macro, MacroUses, Statement, Target};
use crate::error::Result;
use crate::lex::Token;

type Parameters = Vec<(Rc<str>, Option<crate::ast::Expr>)>;

const TAGS: [&str; 15] = [
    "if", "for", "set", "do", "macro", "call", "import", "from", "include", "with", "filter",
    "raw", "break", "continue", "endif",
];

impl Parser<'_> {
    /// Statements up to a tag named in `ends`, which is read as well, without the rest of its tag.
    /// Without `ends`: up to the end of the template.
    pub(super) fn body(&mut self, ends: &[&str]) -> Result<(Body, String)> {
        let mut body = Body::new();
        loop {
            let at = self.offset();
            match self.peek().clone() {
                Token::Text(text) => {
                    body.push(Statement::Text(text));
                    self.advance();
                }
                Token::PrintBegin => {
                    self.advance();
                    let value = self.tuple(true)?;
                    if *self.peek() != Token::PrintEnd {
                        return Err(self.unexpected("`}}`"));
                    }
                    self.advance();
                    body.push(Statement::Print(value));
                }
                Token::BlockBegin => {
                    self.advance();
                    let Token::Name(tag) = self.peek().clone() else {
                        return Err(self.unexpected("the name of a tag"));
                    };
                    self.advance();
                    if ends.contains(&tag.as_str()) {
                        return Ok((body, tag));
                    }
                    let statement = self.nested(|parser| parser.statement(&tag, at))?;
                    body.push(statement);
                    self.expect_block_end()?;
                }
                Token::End if ends.is_empty() => return Ok((body, String::new())),
                _ => {
                    let wanted =
                        ends.iter().map(|end| format!("`{{% {end} %}}`")).collect::<Vec<_>>();
                    return Err(self.unexpected(&wanted.join(" or ")));
                }
            }
        }
    }

    /// The body of a block tag whose own tag is not finished yet.
    fn block(&mut self, ends: &[&str]) -> Result<(Body, String)> {
        self.skip_operator(":");
        self.expect_block_end()?;
        self.body(ends)
    }

    fn statement(&mut self, tag: &str, at: usize) -> Result<Statement> {
        match tag {
            "if" => self.if_statement(),
            "for" => self.for_statement(at),
            "set" => self.set_statement(at),
            "do" if self.options.do_statement => Ok(Statement::Do(self.tuple(true)?)),
            "macro" => self.macro_statement(),
            "call" => self.call_block(at),
            "import" => self.import(),
            "from" => self.import_names(),
            "include" => self.include(),
            "with" => self.with_statement(at),
            "filter" => self.filter_block(),
            "break" | "continue" if self.options.loop_controls => {
                if self.loops == 0 {
                    return Err(self.error(at, format!("`{tag}` outside of a loop")));
                }
                Ok(if tag == "break" { Statement::Break } else { Statement::Continue })
            }
            "do" | "break" | "continue" => {
                let extension =
                    if tag == "do" { "jinja2.ext.do" } else { "jinja2.ext.loopcontrols" };
                let hint = format!("add the extension `{extension}`");
                self.unsupported(at, &format!("`{{% {tag} %}}` without its extension"), &hint)
            }
            "extends" | "block" => self.unsupported(
                at,
                "template inheritance",
                "use `include`, or macros with `import`",
            ),
            "autoescape" | "trans" | "debug" => self.unsupported(
                at,
                &format!("`{{% {tag} %}}`"),
                "escape with the filter `escape` where needed",
            ),
            _ => {
                let error = self.error(at, format!("unknown tag `{tag}`"));
                Err(match slapos_nearest::nearest(tag, TAGS) {
                    Some(known) => error.with_hint(format!("did you mean `{known}`?")),
                    None => error,
                })
            }
        }
    }

    fn if_statement(&mut self) -> Result<Statement> {
        let mut branches = Vec::new();
        loop {
            let test = self.tuple(false)?;
            let (body, end) = self.block(&["elif", "else", "endif"])?;
            branches.push((test, body));
            match end.as_str() {
                "elif" => {}
                "else" => {
                    let (otherwise, _) = self.block(&["endif"])?;
                    return Ok(Statement::If { branches, otherwise });
                }
                _ => {
                    return Ok(Statement::If { branches, otherwise: Body::new() });
                }
            }
        }
    }

    fn for_statement(&mut self, at: usize) -> Result<Statement> {
        let target = self.target(false)?;
        self.expect_name("in")?;
        let iterable = self.tuple(false)?;
        let filter = if self.skip_name("if") { Some(self.expression()?) } else { None };
        if self.is_name("recursive") {
            return self.unsupported(
                self.offset(),
                "`recursive`",
                "call a macro from within itself",
            );
        }
        self.loops += 1;
        let (body, end) = self.block(&["endfor", "else"])?;
        self.loops -= 1;
        let otherwise = if end == "else" { self.block(&["endfor"])?.0 } else { Body::new() };
        Ok(Statement::For(Rc::new(For { at, target, iterable, filter, body, otherwise })))
    }

    fn set_statement(&mut self, at: usize) -> Result<Statement> {
        let target = self.target(true)?;
        if self.skip_operator("=") {
            let value = self.tuple(true)?;
            return Ok(Statement::Set { at, target, value });
        }
        let mut filters = Vec::new();
        while self.skip_operator("|") {
            filters.push(self.filter_call()?);
        }
        let (body, _) = self.block(&["endset"])?;
        Ok(Statement::SetBlock { at, target, filters, body })
    }

    /// One target, or several with commas.
    fn target(&mut self, attributes: bool) -> Result<Target> {
        let first = self.one_target(attributes)?;
        if !self.is_operator(",") {
            return Ok(first);
        }
        let mut targets = vec![first];
        while self.skip_operator(",") {
            if matches!(self.peek(), Token::BlockEnd)
                || self.is_operator("=")
                || self.is_name("in")
                || self.is_operator(")")
            {
                break;
            }
            targets.push(self.one_target(attributes)?);
        }
        Ok(Target::Tuple(targets))
    }

    fn one_target(&mut self, attributes: bool) -> Result<Target> {
        let at = self.offset();
        if self.skip_operator("(") {
            let inner = self.nested(|parser| parser.target(attributes))?;
            self.expect_operator(")")?;
            return Ok(inner);
        }
        let name = self.new_name()?;
        if attributes && self.skip_operator(".") {
            let attribute = self.name()?;
            return Ok(Target::Attribute { at, name, attribute });
        }
        Ok(Target::Name(name))
    }

    fn parameters(&mut self) -> Result<Parameters> {
        let mut parameters = Parameters::new();
        self.expect_operator("(")?;
        while !self.skip_operator(")") {
            if !parameters.is_empty() {
                self.expect_operator(",")?;
            }
            let at = self.offset();
            let name = self.new_name()?;
            if matches!(&*name, "caller" | "varargs" | "kwargs") {
                return self.unsupported(
                    at,
                    &format!("a parameter called `{name}`"),
                    "choose another name",
                );
            }
            let default = if self.skip_operator("=") { Some(self.expression()?) } else { None };
            if default.is_none() && parameters.iter().any(|(_, default)| default.is_some()) {
                return Err(self.error(
                    at,
                    format!("`{name}` has no default, but follows a parameter that has one"),
                ));
            }
            if parameters.iter().any(|(known, _)| *known == name) {
                return Err(self.error(at, format!("the parameter `{name}` is there twice")));
            }
            parameters.push((name, default));
        }
        Ok(parameters)
    }

    /// The body of a macro or `call` block, with what it reads of the special names.
    fn macro_body(
        &mut self,
        name: Rc<str>,
        end: &str,
        parameters: Parameters,
    ) -> Result<Rc<Macro>> {
        self.macros.push(MacroUses::default());
        let loops = take(&mut self.loops);
        let result = self.block(&[end]);
        self.loops = loops;
        let uses = self.macros.pop().unwrap_or_default();
        Ok(Rc::new(Macro { name, parameters, body: result?.0, uses }))
    }

    fn macro_statement(&mut self) -> Result<Statement> {
        let name = self.new_name()?;
        let parameters = self.parameters()?;
        Ok(Statement::Macro(self.macro_body(name, "endmacro", parameters)?))
    }

    fn call_block(&mut self, at: usize) -> Result<Statement> {
        let parameters = if self.is_operator("(") { self.parameters()? } else { Parameters::new() };
        let call = self.expression()?;
        let ExprKind::Call(function, arguments) = call.kind else {
            return Err(self.error(call.at, "`call` needs a call of a macro"));
        };
        let block = self.macro_body("caller".into(), "endcall", parameters)?;
        Ok(Statement::CallBlock { at, function: *function, arguments, block })
    }

    /// `with context` or `without context`, if it is there.
    fn context_clause(&mut self) -> Option<bool> {
        let with = self.is_name("with");
        let follows = matches!(self.peek_second(), Token::Name(name) if name == "context");
        if !(with || self.is_name("without")) || !follows {
            return None;
        }
        self.advance();
        self.advance();
        Some(with)
    }

    fn import(&mut self) -> Result<Statement> {
        let template = self.expression()?;
        self.expect_name("as")?;
        let name = self.new_name()?;
        let with_context = self.context_clause().unwrap_or(false);
        Ok(Statement::Import { template, name, with_context })
    }

    fn import_names(&mut self) -> Result<Statement> {
        let template = self.expression()?;
        self.expect_name("import")?;
        let mut names = Vec::new();
        let mut with_context = None;
        loop {
            with_context = with_context.or(self.context_clause());
            if with_context.is_some() {
                break;
            }
            let at = self.offset();
            let name = self.new_name()?;
            if name.starts_with('_') {
                return Err(
                    self.error(at, format!("`{name}` begins with `_` and cannot be imported"))
                );
            }
            let alias = if self.skip_name("as") { self.new_name()? } else { name.clone() };
            names.push((name, alias));
            with_context = self.context_clause();
            if with_context.is_some() || !self.skip_operator(",") {
                break;
            }
        }
        Ok(Statement::FromImport { template, names, with_context: with_context.unwrap_or(false) })
    }

    fn include(&mut self) -> Result<Statement> {
        let template = self.expression()?;
        let missing = matches!(self.peek_second(), Token::Name(name) if name == "missing");
        let ignore_missing = self.is_name("ignore") && missing;
        if ignore_missing {
            self.advance();
            self.advance();
        }
        let with_context = self.context_clause().unwrap_or(true);
        Ok(Statement::Include { template, ignore_missing, with_context })
    }

    fn with_statement(&mut self, at: usize) -> Result<Statement> {
        let mut bindings = Vec::new();
        while !matches!(self.peek(), Token::BlockEnd) && !self.is_operator(":") {
            if !bindings.is_empty() {
                self.expect_operator(",")?;
            }
            let target = self.one_target(false)?;
            self.expect_operator("=")?;
            bindings.push((target, self.expression()?));
        }
        let (body, _) = self.block(&["endwith"])?;
        Ok(Statement::With { bindings, body, at })
    }

    fn filter_block(&mut self) -> Result<Statement> {
        let mut filters = vec![self.filter_call()?];
        while self.skip_operator("|") {
            filters.push(self.filter_call()?);
        }
        let (body, _) = self.block(&["endfilter"])?;
        Ok(Statement::FilterBlock { filters, body })
    }
}
