//! Expressions, with the precedence of Jinja2 (which differs from Python's for unary minus and `**`).

use std::rc::Rc;

use super::{MAX_HEIGHT, Parser};
use crate::ast::{Arguments, Comparison, Expr, ExprKind, FilterCall, Operator};
use crate::error::{Error, ErrorKind, Result};
use crate::lex::Token;
use crate::value::Value;
use crate::{filters, predicates};

/// Precedence, low to high.
const OR: u8 = 1;
const AND: u8 = 2;
const NOT: u8 = 3;
const COMPARE: u8 = 4;
const SUM: u8 = 5;
const CONCAT: u8 = 6;
const PRODUCT: u8 = 7;
const POWER: u8 = 8;

impl Parser<'_> {
    /// An expression; several with commas make a tuple.
    pub(super) fn tuple(&mut self, with_condition: bool) -> Result<Expr> {
        let at = self.offset();
        let first = if with_condition {
            self.expression()?
        } else {
            self.nested(|parser| parser.binary(OR))?
        };
        if !self.is_operator(",") {
            return Ok(first);
        }
        let mut items = vec![first];
        while self.skip_operator(",") {
            let ended = matches!(self.peek(), Token::PrintEnd | Token::BlockEnd)
                || self.is_operator(")")
                || self.is_name("recursive");
            if ended {
                break;
            }
            let item = if with_condition {
                self.expression()?
            } else {
                self.nested(|parser| parser.binary(OR))?
            };
            items.push(item);
        }
        self.node(at, ExprKind::Tuple(items))
    }

    /// One expression, `a if b else c` included.
    pub(super) fn expression(&mut self) -> Result<Expr> {
        self.nested(Self::condition)
    }

    fn condition(&mut self) -> Result<Expr> {
        let at = self.offset();
        let mut value = self.binary(OR)?;
        while self.skip_name("if") {
            let test = Box::new(self.binary(OR)?);
            let otherwise =
                if self.skip_name("else") { Some(Box::new(self.expression()?)) } else { None };
            value =
                self.node(at, ExprKind::Condition { test, then: Box::new(value), otherwise })?;
        }
        Ok(value)
    }

    /// A node whose tree is not too high.
    fn node(&self, at: usize, kind: ExprKind) -> Result<Expr> {
        let height = 1 + kind.children().map(|child| child.height).max().unwrap_or(0);
        if height > MAX_HEIGHT {
            let message =
                format!("the expression is too long; {MAX_HEIGHT} operators in a row are allowed");
            let error = Error::limit(message).with_hint("split it with `set`");
            return Err(self.source.locate(error, at));
        }
        Ok(Expr { at, height, kind })
    }

    /// The operator at this place and its precedence.
    fn operator(&self) -> Option<(u8, Option<Operator>)> {
        Some(match self.peek() {
            Token::Name(name) => match name.as_str() {
                "or" => (OR, None),
                "and" => (AND, None),
                "in" => (COMPARE, None),
                "not" if matches!(self.peek_second(), Token::Name(next) if next == "in") => {
                    (COMPARE, None)
                }
                _ => return None,
            },
            Token::Operator(sign) => match *sign {
                "==" | "!=" | "<" | "<=" | ">" | ">=" => (COMPARE, None),
                "+" => (SUM, Some(Operator::Add)),
                "-" => (SUM, Some(Operator::Subtract)),
                "~" => (CONCAT, None),
                "*" => (PRODUCT, Some(Operator::Multiply)),
                "/" => (PRODUCT, Some(Operator::Divide)),
                "//" => (PRODUCT, Some(Operator::FloorDivide)),
                "%" => (PRODUCT, Some(Operator::Remainder)),
                "**" => (POWER, Some(Operator::Power)),
                _ => return None,
            },
            _ => return None,
        })
    }

    /// Operators of precedence `lowest` or higher; all group from the left.
    fn binary(&mut self, lowest: u8) -> Result<Expr> {
        let mut highest = POWER;
        let start = self.offset();
        let mut left = if lowest <= NOT && self.is_name("not") {
            self.advance();
            highest = AND;
            let inner = self.nested(|parser| parser.binary(NOT))?;
            self.node(start, ExprKind::Not(Box::new(inner)))?
        } else {
            self.unary(true)?
        };
        while let Some((level, operator)) =
            self.operator().filter(|(level, _)| (lowest..=highest).contains(level))
        {
            let at = self.offset();
            let kind = match level {
                COMPARE => {
                    highest = AND;
                    ExprKind::Compare(Box::new(left), self.comparisons()?)
                }
                CONCAT => {
                    let mut items = vec![left];
                    while self.skip_operator("~") {
                        items.push(self.binary(PRODUCT)?);
                    }
                    ExprKind::Concat(items)
                }
                _ => {
                    self.advance();
                    let (left, right) = (Box::new(left), Box::new(self.binary(level + 1)?));
                    match operator {
                        Some(operator) => ExprKind::Binary(operator, left, right),
                        None if level == OR => ExprKind::Or(left, right),
                        None => ExprKind::And(left, right),
                    }
                }
            };
            left = self.node(at, kind)?;
        }
        Ok(left)
    }

    fn comparisons(&mut self) -> Result<Vec<(Comparison, Expr)>> {
        let mut found = Vec::new();
        loop {
            let comparison = match self.peek() {
                Token::Operator("==") => Comparison::Equal,
                Token::Operator("!=") => Comparison::NotEqual,
                Token::Operator("<") => Comparison::Less,
                Token::Operator("<=") => Comparison::LessOrEqual,
                Token::Operator(">") => Comparison::Greater,
                Token::Operator(">=") => Comparison::GreaterOrEqual,
                Token::Name(name) if name == "in" => Comparison::In,
                Token::Name(name) if name == "not" && self.operator().is_some() => {
                    self.advance();
                    Comparison::NotIn
                }
                _ => return Ok(found),
            };
            self.advance();
            found.push((comparison, self.binary(SUM)?));
        }
    }

    fn unary(&mut self, with_filter: bool) -> Result<Expr> {
        let at = self.offset();
        let negative = self.is_operator("-");
        let mut value = if negative || self.is_operator("+") {
            self.advance();
            let inner = Box::new(self.nested(|parser| parser.unary(false))?);
            self.node(
                at,
                if negative { ExprKind::Negative(inner) } else { ExprKind::Positive(inner) },
            )?
        } else {
            self.primary()?
        };
        value = self.postfix(value)?;
        if !with_filter {
            return Ok(value);
        }
        loop {
            let at = self.offset();
            if self.skip_operator("|") {
                let call = self.filter_call()?;
                value = self.node(at, ExprKind::Filter(Box::new(value), call))?;
            } else if self.is_name("is") {
                value = self.test(value)?;
            } else if self.is_operator("(") {
                let arguments = self.arguments()?;
                value = self.node(at, ExprKind::Call(Box::new(value), arguments))?;
            } else {
                return Ok(value);
            }
        }
    }

    fn primary(&mut self) -> Result<Expr> {
        let at = self.offset();
        let constant = |value| ExprKind::Constant(value);
        let kind = match self.peek().clone() {
            Token::Name(name) => {
                self.advance();
                match name.as_str() {
                    "true" | "True" => constant(Value::Bool(true)),
                    "false" | "False" => constant(Value::Bool(false)),
                    "none" | "None" => constant(Value::None),
                    _ => {
                        self.note_use(&name);
                        ExprKind::Name(name.into())
                    }
                }
            }
            Token::Str(mut text) => {
                self.advance();
                while let Token::Str(more) = self.peek() {
                    text.push_str(more);
                    self.advance();
                }
                constant(Value::from(text))
            }
            Token::Number(value) => {
                self.advance();
                constant(value)
            }
            Token::Operator("(") => {
                self.advance();
                if self.skip_operator(")") {
                    return self.node(at, ExprKind::Tuple(Vec::new()));
                }
                let inner = self.tuple(true)?;
                self.expect_operator(")")?;
                return Ok(inner);
            }
            Token::Operator("[") => self.list()?,
            Token::Operator("{") => self.dict()?,
            _ => return Err(self.unexpected("an expression")),
        };
        self.node(at, kind)
    }

    /// Remembers for the macros around that they read a special name.
    fn note_use(&mut self, name: &str) {
        for uses in &mut self.macros {
            match name {
                "varargs" => uses.varargs = true,
                "kwargs" => uses.kwargs = true,
                "caller" => uses.caller = true,
                _ => {}
            }
        }
    }

    fn list(&mut self) -> Result<ExprKind> {
        self.expect_operator("[")?;
        let mut items = Vec::new();
        while !self.skip_operator("]") {
            items.push(self.expression()?);
            if !self.is_operator("]") {
                self.expect_operator(",")?;
            }
        }
        Ok(ExprKind::List(items))
    }

    fn dict(&mut self) -> Result<ExprKind> {
        self.expect_operator("{")?;
        let mut entries = Vec::new();
        while !self.skip_operator("}") {
            let key = self.expression()?;
            self.expect_operator(":")?;
            entries.push((key, self.expression()?));
            if !self.is_operator("}") {
                self.expect_operator(",")?;
            }
        }
        Ok(ExprKind::Dict(entries))
    }

    /// `.name`, `.0`, `[...]` and `(...)` behind a value.
    fn postfix(&mut self, mut value: Expr) -> Result<Expr> {
        loop {
            let at = self.offset();
            let kind = if self.skip_operator(".") {
                let attribute = self.offset();
                match self.peek().clone() {
                    Token::Name(name) => {
                        self.advance();
                        value = self
                            .node(attribute, ExprKind::Attribute(Box::new(value), name.into()))?;
                        continue;
                    }
                    Token::Number(index @ Value::Int(_)) => {
                        self.advance();
                        let index = self.node(attribute, ExprKind::Constant(index))?;
                        ExprKind::Item(Box::new(value), Box::new(index))
                    }
                    _ => return Err(self.unexpected("a name or a number")),
                }
            } else if self.skip_operator("[") {
                self.subscript(value)?
            } else if self.is_operator("(") {
                ExprKind::Call(Box::new(value), self.arguments()?)
            } else {
                return Ok(value);
            };
            value = self.node(at, kind)?;
        }
    }

    fn subscript(&mut self, value: Expr) -> Result<ExprKind> {
        let at = self.offset();
        let start = if self.is_operator(":") { None } else { Some(self.expression()?) };
        if !self.skip_operator(":") {
            let Some(mut index) = start else {
                return Err(self.unexpected("an index"));
            };
            if self.is_operator(",") {
                let mut items = vec![index];
                while self.skip_operator(",") {
                    items.push(self.expression()?);
                }
                index = self.node(at, ExprKind::Tuple(items))?;
            }
            self.expect_operator("]")?;
            return Ok(ExprKind::Item(Box::new(value), Box::new(index)));
        }
        let ended = |parser: &Self| parser.is_operator("]") || parser.is_operator(":");
        let stop = if ended(self) { None } else { Some(self.expression()?) };
        let step =
            if self.skip_operator(":") && !ended(self) { Some(self.expression()?) } else { None };
        self.expect_operator("]")?;
        Ok(ExprKind::Slice(Box::new(value), Box::new([start, stop, step])))
    }

    pub(super) fn arguments(&mut self) -> Result<Arguments> {
        self.expect_operator("(")?;
        let mut found = Arguments::default();
        while !self.skip_operator(")") {
            let at = self.offset();
            let misplaced =
                |parser: &Self| parser.error(at, "this argument cannot follow the ones before it");
            if found.star_star.is_some() {
                return Err(misplaced(self));
            }
            if self.skip_operator("*") {
                if found.star.is_some() {
                    return Err(misplaced(self));
                }
                found.star = Some(Box::new(self.expression()?));
            } else if self.skip_operator("**") {
                found.star_star = Some(Box::new(self.expression()?));
            } else if matches!(
                (self.peek(), self.peek_second()),
                (Token::Name(_), Token::Operator("="))
            ) {
                let name: Rc<str> = self.name()?;
                self.advance();
                if found.named.iter().any(|(known, _)| *known == name) {
                    return Err(self.error(at, format!("the argument `{name}` is given twice")));
                }
                found.named.push((name, self.expression()?));
            } else {
                if found.star.is_some() || !found.named.is_empty() {
                    return Err(misplaced(self));
                }
                found.positional.push(self.expression()?);
            }
            if !self.is_operator(")") {
                self.expect_operator(",")?;
            }
        }
        Ok(found)
    }

    /// The name and arguments of a filter, behind `|`.
    pub(super) fn filter_call(&mut self) -> Result<FilterCall> {
        let at = self.offset();
        let name = self.name()?;
        let Some(filter) = filters::find(&name) else {
            return Err(self.unknown(
                at,
                "filter",
                &name,
                filters::names().chain(filters::REFUSED),
            ));
        };
        let arguments =
            if self.is_operator("(") { self.arguments()? } else { Arguments::default() };
        Ok(FilterCall { at, filter, arguments })
    }

    fn unknown<'n>(
        &self,
        at: usize,
        what: &str,
        name: &str,
        known: impl Iterator<Item = &'n str>,
    ) -> Error {
        let known: Vec<&str> = known.collect();
        if known.contains(&name) {
            let message = format!("the {what} `{name}` of Jinja2 is not supported");
            return self.source.locate(Error::unsupported(message), at);
        }
        let error = self
            .source
            .locate(Error::new(ErrorKind::Syntax, format!("unknown {what} `{name}`")), at);
        match slapos_nearest::nearest(name, known) {
            Some(known) => error.with_hint(format!("did you mean `{known}`?")),
            None => error,
        }
    }

    fn test(&mut self, value: Expr) -> Result<Expr> {
        let start = self.offset();
        self.expect_name("is")?;
        let negated = self.skip_name("not");
        let at = self.offset();
        let name = self.name()?;
        let Some(predicate) = predicates::find(&name) else {
            return Err(self.unknown(at, "test", &name, predicates::names()));
        };
        let mut arguments = Arguments::default();
        let ends = self.is_name("else") || self.is_name("or") || self.is_name("and");
        let value_follows = matches!(
            self.peek(),
            Token::Name(_) | Token::Str(_) | Token::Number(_) | Token::Operator("[" | "{")
        );
        if self.is_operator("(") {
            arguments = self.arguments()?;
        } else if self.is_name("is") {
            return Err(self.error(self.offset(), "tests with `is` cannot be chained"));
        } else if value_follows && !ends {
            let argument = self.primary()?;
            arguments.positional.push(self.postfix(argument)?);
        }
        let test = self.node(start, ExprKind::Test(Box::new(value), predicate, arguments))?;
        if negated { self.node(start, ExprKind::Not(Box::new(test))) } else { Ok(test) }
    }
}
