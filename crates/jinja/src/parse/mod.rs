//! Builds the tree of a template from its tokens.
//!
//! Unknown filters and tests, tags that are not offered and nesting beyond the limit are found here, not when the
//! template runs.

mod expression;
mod statement;

use std::rc::Rc;

use crate::ast::{Body, MacroUses};
use crate::error::{Error, ErrorKind, Result};
use crate::lex::{Spanned, Token, tokens};
use crate::source::Source;
use crate::template::Options;

/// How deep expressions and blocks may be nested: keeps reading and running within a small stack.
const MAX_NESTING: usize = 60;
/// How high a tree of operators may grow, e.g. `a + b + c ...`.
const MAX_HEIGHT: usize = 120;

/// Reads a whole template.
pub(crate) fn parse(source: &Source, options: Options) -> Result<Body> {
    let tokens = tokens(source)?;
    let mut parser =
        Parser { source, options, tokens, at: 0, nesting: 0, macros: Vec::new(), loops: 0 };
    let (body, _) = parser.body(&[])?;
    Ok(body)
}

struct Parser<'a> {
    source: &'a Source,
    options: Options,
    tokens: Vec<Spanned>,
    at: usize,
    nesting: usize,
    /// The macros around the current place, inner last.
    macros: Vec<MacroUses>,
    /// The loops around the current place, within the innermost macro.
    loops: usize,
}

impl Parser<'_> {
    fn peek(&self) -> &Token {
        &self.tokens[self.at].token
    }

    fn peek_second(&self) -> &Token {
        &self.tokens[(self.at + 1).min(self.tokens.len() - 1)].token
    }

    /// Byte offset of the current token.
    fn offset(&self) -> usize {
        self.tokens[self.at].at
    }

    /// Moves past the current token; stays at the end.
    fn advance(&mut self) {
        if self.at + 1 < self.tokens.len() {
            self.at += 1;
        }
    }

    fn is_operator(&self, sign: &str) -> bool {
        matches!(self.peek(), Token::Operator(found) if *found == sign)
    }

    fn is_name(&self, name: &str) -> bool {
        matches!(self.peek(), Token::Name(found) if found == name)
    }

    fn skip_operator(&mut self, sign: &str) -> bool {
        let found = self.is_operator(sign);
        if found {
            self.advance();
        }
        found
    }

    fn skip_name(&mut self, name: &str) -> bool {
        let found = self.is_name(name);
        if found {
            self.advance();
        }
        found
    }

    fn error(&self, at: usize, message: impl Into<String>) -> Error {
        self.source.locate(Error::new(ErrorKind::Syntax, message), at)
    }

    /// An error about what Jinja2 knows and this crate does not.
    fn unsupported<T>(&self, at: usize, what: &str, hint: &str) -> Result<T> {
        let error = Error::unsupported(format!("{what} is not supported")).with_hint(hint);
        Err(self.source.locate(error, at))
    }

    fn unexpected(&self, expected: &str) -> Error {
        self.error(
            self.offset(),
            format!("unexpected {}, expected {expected}", self.peek().describe()),
        )
    }

    fn expect_operator(&mut self, sign: &str) -> Result<()> {
        if self.skip_operator(sign) { Ok(()) } else { Err(self.unexpected(&format!("`{sign}`"))) }
    }

    fn expect_name(&mut self, name: &str) -> Result<()> {
        if self.skip_name(name) { Ok(()) } else { Err(self.unexpected(&format!("`{name}`"))) }
    }

    fn expect_block_end(&mut self) -> Result<()> {
        if *self.peek() != Token::BlockEnd {
            return Err(self.unexpected("`%}`"));
        }
        self.advance();
        Ok(())
    }

    /// Any name.
    fn name(&mut self) -> Result<Rc<str>> {
        let Token::Name(name) = self.peek() else {
            return Err(self.unexpected("a name"));
        };
        let name = name.as_str().into();
        self.advance();
        Ok(name)
    }

    /// A name that can be assigned to.
    fn new_name(&mut self) -> Result<Rc<str>> {
        let at = self.offset();
        let name = self.name()?;
        match &*name {
            "true" | "false" | "none" | "True" | "False" | "None" => {
                Err(self.error(at, format!("cannot assign to `{name}`")))
            }
            "loop" => self.unsupported(at, "a variable called `loop`", "choose another name"),
            _ => Ok(name),
        }
    }

    /// Runs a reader one level deeper; fails beyond the limit.
    fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.nesting == MAX_NESTING {
            let message = format!("nested too deeply; {MAX_NESTING} levels are allowed");
            return Err(self.source.locate(Error::limit(message), self.offset()));
        }
        self.nesting += 1;
        let result = read(self);
        self.nesting -= 1;
        result
    }
}
