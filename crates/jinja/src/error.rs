//! One error type for reading and running templates.
//!
//! An error is born without a place (a method does not know where it was called) and gets one from the
//! innermost expression that it passes. It never changes its place afterwards.

use std::fmt;

/// Result of everything in this crate that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, after the Python exception that it stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The template cannot be read.
    Syntax,
    /// Legal in Jinja2 or Python, but not offered here.
    Unsupported,
    /// A name, attribute or key that does not exist was used.
    Undefined,
    /// `TypeError`.
    Type,
    /// `ValueError`.
    Value,
    /// `KeyError`.
    Key,
    /// `IndexError`.
    Index,
    /// `ZeroDivisionError`.
    Division,
    /// `OverflowError`.
    Overflow,
    /// `AssertionError`.
    Assertion,
    /// `StopIteration`.
    Exhausted,
    /// `RuntimeError`, e.g. a dictionary that grows while it is walked.
    Runtime,
    /// The loader knows no template of this name.
    NoTemplate,
    /// A limit on depth, steps or size was reached.
    Limit,
    /// A function of the embedding program failed.
    Host,
}

/// Where an error happened; lines and columns count from 1, columns in characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub template: String,
    pub line: usize,
    pub column: usize,
    /// The whole source line.
    pub text: String,
}

/// A line of a source with its number, and a caret below a column of it; both count from 1.
pub fn excerpt(line: usize, column: usize, text: &str) -> String {
    let before = text.chars().take(column.saturating_sub(1));
    let indent: String = before.map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
    let gutter = " ".repeat(line.to_string().len());
    format!(" {line} | {text}\n {gutter} | {indent}^")
}

/// An error of a template: kind, message, perhaps a place and a hint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error(Box<Fault>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Fault {
    kind: ErrorKind,
    message: String,
    hint: Option<String>,
    place: Option<Place>,
}

impl Error {
    /// An error without place; the interpreter adds it.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Fault { kind, message: message.into(), hint: None, place: None }))
    }

    pub(crate) fn type_error(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Type, message)
    }

    pub(crate) fn value_error(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Value, message)
    }

    pub(crate) fn limit(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Limit, message)
    }

    pub(crate) fn unsupported(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unsupported, message)
    }

    /// Adds what the author can do about it.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// Adds the place unless the error already has one.
    #[must_use]
    pub(crate) fn at(mut self, place: impl FnOnce() -> Place) -> Self {
        if self.0.place.is_none() {
            self.0.place = Some(place());
        }
        self
    }

    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    pub fn message(&self) -> &str {
        &self.0.message
    }

    pub fn hint(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    pub fn place(&self) -> Option<&Place> {
        self.0.place.as_ref()
    }

    /// The error for a person: place and message, the source line with a caret below, the hint.
    pub fn report(&self) -> String {
        let mut text = self.to_string();
        if let Some(place) = &self.0.place {
            text.push('\n');
            text.push_str(&excerpt(place.line, place.column, &place.text));
        }
        if let Some(hint) = &self.0.hint {
            text.push_str(&format!("\nhint: {hint}"));
        }
        text
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.0.place {
            write!(f, "{}:{}:{}: ", place.template, place.line, place.column)?;
        }
        f.write_str(&self.0.message)
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_points_at_the_place() {
        let place =
            || Place { template: "a.in".into(), line: 2, column: 4, text: "{{ x }}".into() };
        let error = Error::new(ErrorKind::Undefined, "`x` is undefined")
            .at(place)
            .with_hint("did you mean `y`?");
        assert_eq!(
            error.report(),
            "a.in:2:4: `x` is undefined\n 2 | {{ x }}\n   |    ^\nhint: did you mean `y`?"
        );
    }
}
