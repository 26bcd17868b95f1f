//! The text of a template, and places in it.

use std::rc::Rc;

use crate::error::{Error, Place};

/// A template's name and text; newlines are `\n`.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) name: Rc<str>,
    pub(crate) text: String,
}

impl Source {
    /// Normalises newlines; drops one final newline unless told to keep it.
    pub(crate) fn new(name: &str, text: &str, keep_trailing_newline: bool) -> Self {
        let mut text = text.replace("\r\n", "\n").replace('\r', "\n");
        if !keep_trailing_newline && text.ends_with('\n') {
            text.pop();
        }
        Self { name: name.into(), text }
    }

    /// The place of a byte offset.
    pub(crate) fn place(&self, at: usize) -> Place {
        let at = self.text.floor_char_boundary(at);
        let start = self.text[..at].rfind('\n').map_or(0, |newline| newline + 1);
        Place {
            template: self.name.to_string(),
            line: self.text[..at].matches('\n').count() + 1,
            column: self.text[start..at].chars().count() + 1,
            text: self.text[start..].lines().next().unwrap_or_default().to_string(),
        }
    }

    /// The error with this place, unless it already has one.
    pub(crate) fn locate(&self, error: Error, at: usize) -> Error {
        error.at(|| self.place(at))
    }
}
