//! Text to expression.

use super::value::Value;

/// How deep a condition may be nested.
const DEPTH_MAX: usize = 50;

#[derive(Debug)]
pub(super) enum Expression {
    Constant(Value),
    Name(String),
    Attribute(Box<Self>, String),
    Call(Box<Self>, Vec<Self>),
    Subscript(Box<Self>, Box<Self>),
    /// `a[:n]`
    Head(Box<Self>, Box<Self>),
    /// A tuple or list.
    Items(Vec<Self>),
    /// `[item for name in source]`
    Each {
        item: Box<Self>,
        name: String,
        source: Box<Self>,
    },
    /// `a < b <= c`: the first, then operators with what is right of them.
    Compare(Box<Self>, Vec<(String, Self)>),
    Not(Box<Self>),
    And(Box<Self>, Box<Self>),
    Or(Box<Self>, Box<Self>),
}

pub(super) fn parse(text: &str) -> Result<Expression, String> {
    let mut parser = Parser { tokens: tokens(text)?, at: 0, depth: 0 };
    let expression = parser.either()?;
    match parser.peek() {
        None => Ok(expression),
        Some(token) => Err(not_understood(token)),
    }
}

fn not_understood(token: &str) -> String {
    format!("the condition is not understood at `{token}`")
}

fn tokens(text: &str) -> Result<Vec<String>, String> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '"' | '\'' => {
                let end = rest[1..].find(first).ok_or("the condition has a text without end")?;
                end + 2
            }
            c if c.is_alphanumeric() || c == '_' => {
                rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len())
            }
            _ => ["==", "!=", "<=", ">="]
                .iter()
                .find(|op| rest.starts_with(**op))
                .map_or(first.len_utf8(), |op| op.len()),
        };
        tokens.push(rest[..length].to_owned());
        rest = rest[length..].trim_start();
    }
    Ok(tokens)
}

struct Parser {
    tokens: Vec<String>,
    at: usize,
    depth: usize,
}

impl Parser {
    fn peek(&self) -> Option<&str> {
        self.tokens.get(self.at).map(String::as_str)
    }

    fn next(&mut self) -> Result<String, String> {
        let token = self.peek().ok_or("the condition ends too early")?.to_owned();
        self.at += 1;
        Ok(token)
    }

    fn take(&mut self, token: &str) -> bool {
        let found = self.peek() == Some(token);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, token: &str) -> Result<(), String> {
        if self.take(token) { Ok(()) } else { Err(format!("the condition lacks a `{token}`")) }
    }

    fn either(&mut self) -> Result<Expression, String> {
        let mut left = self.both()?;
        while self.take("or") {
            left = Expression::Or(Box::new(left), Box::new(self.both()?));
        }
        Ok(left)
    }

    fn both(&mut self) -> Result<Expression, String> {
        let mut left = self.negation()?;
        while self.take("and") {
            left = Expression::And(Box::new(left), Box::new(self.negation()?));
        }
        Ok(left)
    }

    fn negation(&mut self) -> Result<Expression, String> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err("the condition is nested too deeply".into());
        }
        let expression = if self.take("not") {
            Expression::Not(Box::new(self.negation()?))
        } else {
            self.comparison()?
        };
        self.depth -= 1;
        Ok(expression)
    }

    fn comparison(&mut self) -> Result<Expression, String> {
        let first = self.postfix()?;
        let mut rest = Vec::new();
        while let Some(operator) =
            self.peek().filter(|op| ["==", "!=", "<", "<=", ">", ">=", "in", "not"].contains(op))
        {
            let operator = operator.to_owned();
            self.at += 1;
            if operator == "not" && !self.take("in") {
                return Err(not_understood("not"));
            }
            rest.push((operator, self.postfix()?));
        }
        Ok(if rest.is_empty() { first } else { Expression::Compare(Box::new(first), rest) })
    }

    /// An atom with attributes, calls and subscripts.
    fn postfix(&mut self) -> Result<Expression, String> {
        let mut left = self.atom()?;
        loop {
            left = if self.take(".") {
                Expression::Attribute(Box::new(left), self.next()?)
            } else if self.take("(") {
                Expression::Call(Box::new(left), self.items(")")?)
            } else if self.take("[") {
                let subscript = if self.take(":") {
                    Expression::Head(Box::new(left), Box::new(self.either()?))
                } else {
                    Expression::Subscript(Box::new(left), Box::new(self.either()?))
                };
                self.expect("]")?;
                subscript
            } else {
                return Ok(left);
            };
        }
    }

    fn atom(&mut self) -> Result<Expression, String> {
        let token = self.next()?;
        if token == "(" {
            return self.parenthesis();
        }
        if token == "[" {
            return self.list();
        }
        if let Some(text) = token.strip_prefix(['"', '\'']) {
            return Ok(Expression::Constant(Value::text(&text[..text.len() - 1])));
        }
        if let Ok(number) = token.parse() {
            return Ok(Expression::Constant(Value::Int(number)));
        }
        if token.starts_with(|c: char| c.is_alphabetic() || c == '_') {
            return Ok(Expression::Name(token));
        }
        Err(not_understood(&token))
    }

    fn parenthesis(&mut self) -> Result<Expression, String> {
        if self.take(")") {
            return Ok(Expression::Items(Vec::new()));
        }
        let first = self.either()?;
        if self.take(")") {
            return Ok(first);
        }
        self.expect(",")?;
        let mut items = vec![first];
        items.extend(self.items(")")?);
        Ok(Expression::Items(items))
    }

    fn list(&mut self) -> Result<Expression, String> {
        if self.take("]") {
            return Ok(Expression::Items(Vec::new()));
        }
        let first = self.either()?;
        if self.take("for") {
            let name = self.next()?;
            self.expect("in")?;
            let source = Box::new(self.postfix()?);
            self.expect("]")?;
            return Ok(Expression::Each { item: Box::new(first), name, source });
        }
        let mut items = vec![first];
        if !self.take("]") {
            self.expect(",")?;
            items.extend(self.items("]")?);
        }
        Ok(Expression::Items(items))
    }

    /// What stands between commas, to the closing bracket.
    fn items(&mut self, end: &str) -> Result<Vec<Expression>, String> {
        let mut items = Vec::new();
        while !self.take(end) {
            items.push(self.either()?);
            if !self.take(",") {
                self.expect(end)?;
                break;
            }
        }
        Ok(items)
    }
}
