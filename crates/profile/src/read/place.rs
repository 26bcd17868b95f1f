//! Texts that remember where they were written.

use std::fmt;
use std::rc::Rc;

use crate::error::Place;

/// A file that was read.
#[derive(Debug)]
pub(crate) struct Source {
    /// Path or URL.
    pub(crate) name: String,
    pub(crate) text: String,
    /// Values that stand in it are secrets.
    pub(crate) secret: bool,
}

impl Source {
    pub(crate) fn new(name: impl Into<String>, text: impl Into<String>) -> Rc<Self> {
        Rc::new(Self { name: name.into(), text: text.into(), secret: false })
    }

    /// Where a secret value comes from, without its text: errors show that.
    pub(crate) fn of_secret(name: impl Into<String>) -> Rc<Self> {
        Rc::new(Self { name: name.into(), text: String::new(), secret: true })
    }
}

/// A point in a file. Line and column count from 1, columns in characters.
#[derive(Clone)]
pub(crate) struct Spot {
    pub(crate) source: Rc<Source>,
    pub(crate) line: usize,
    pub(crate) column: usize,
}

impl Spot {
    /// The point for an error.
    pub(crate) fn place(&self) -> Place {
        let text = self
            .source
            .text
            .lines()
            .nth(self.line.saturating_sub(1))
            .unwrap_or_default()
            .to_owned();
        Place { file: self.source.name.clone(), line: self.line, column: self.column, text }
    }

    /// `file:line`, for chains.
    pub(crate) fn short(&self) -> String {
        format!("{}:{}", self.source.name, self.line)
    }
}

impl fmt::Debug for Spot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.source.name, self.line, self.column)
    }
}

/// One line of a value.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) text: Rc<str>,
    pub(crate) spot: Spot,
}

/// A value as written: its lines, each with its place, since one value may come from many files.
///
/// The empty value has one empty line.
#[derive(Debug, Clone)]
pub(crate) struct Raw {
    /// Where the option is named.
    pub(crate) spot: Spot,
    pub(crate) lines: Vec<Line>,
}

impl Raw {
    /// A value of one or more lines that all stand at `spot`.
    pub(crate) fn at(spot: Spot, text: &str) -> Self {
        let lines =
            text.split('\n').map(|line| Line { text: line.into(), spot: spot.clone() }).collect();
        Self { spot, lines }
    }

    pub(crate) fn text(&self) -> String {
        self.lines.iter().map(|line| &*line.text).collect::<Vec<_>>().join("\n")
    }

    /// Whether a line of it is a secret.
    pub(crate) fn is_secret(&self) -> bool {
        self.lines.iter().any(|line| line.spot.source.secret)
    }

    /// The place of the byte `offset` of [`Raw::text`].
    pub(crate) fn spot_at(&self, offset: usize) -> Spot {
        let mut rest = offset;
        for line in &self.lines {
            if rest <= line.text.len() {
                let characters = line.text.get(..rest).map_or(0, |before| before.chars().count());
                return Spot { column: line.spot.column + characters, ..line.spot.clone() };
            }
            rest -= line.text.len() + 1;
        }
        self.spot.clone()
    }
}
