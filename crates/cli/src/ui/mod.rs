//! All printing. Data goes to standard output, everything else to standard error; progress only
//! to a terminal.

mod progress;
mod secrets;
mod times;

use std::{
    io::{self, IsTerminal, Write},
    sync::OnceLock,
};

use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;

pub(crate) use self::{
    progress::Progress,
    secrets::conceal,
    times::{ago, show_time},
};
use crate::error::Failure;

/// How to print.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ui {
    /// Data as JSON, for programs.
    pub(crate) json: bool,
}

impl Ui {
    /// Prints one line of data.
    pub(crate) fn data(self, line: impl std::fmt::Display) {
        if let Err(error) = writeln!(anstream::stdout(), "{line}") {
            UNWRITTEN.get_or_init(|| error);
        }
    }

    /// Prints one line for a person.
    pub(crate) fn say(self, line: impl std::fmt::Display) {
        let _gone = writeln!(anstream::stderr(), "{line}");
    }

    /// Prints a value as JSON, its times as texts.
    pub(crate) fn json(self, value: &impl Serialize) {
        let document = serde_json::to_value(value).map(times::readable);
        match document.and_then(|document| serde_json::to_string_pretty(&document)) {
            Ok(text) => self.data(text),
            Err(error) => self.say(format!("cannot print as JSON: {error}")),
        }
    }

    /// Prints a table for a person.
    pub(crate) fn table(self, head: &[&str], rows: &[Vec<String>]) {
        let mut table = Table::new();
        table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
        table.set_header(head.iter().map(|name| name.to_uppercase()));
        for row in rows {
            table.add_row(row);
        }
        for line in table.lines() {
            self.data(line.trim_end());
        }
    }

    /// Prints a list: a table, or the values themselves as JSON.
    pub(crate) fn list<T: Serialize>(
        self,
        values: &[T],
        head: &[&str],
        row: impl Fn(&T) -> Vec<String>,
    ) {
        if self.json {
            self.json(&values);
        } else {
            self.table(head, &values.iter().map(row).collect::<Vec<_>>());
        }
    }

    /// Prints an error with its causes and its hint.
    pub(crate) fn failure(self, failure: &Failure) {
        let bold = "\x1b[1;31m";
        let plain = "\x1b[0m";
        for (depth, text) in failure.chain.iter().enumerate() {
            match depth {
                0 => self.say(format_args!("{bold}error{plain}: {text}")),
                _ => self.say(format_args!("  caused by: {text}")),
            }
        }
        if let Some(hint) = &failure.hint {
            self.say(format_args!("\x1b[1;36mhint{plain}: {hint}"));
        }
    }
}

/// Why data could not be written, the first time.
static UNWRITTEN: OnceLock<io::Error> = OnceLock::new();

/// An error when data of this process could not be written, e.g. since a disk is full. A reader that has gone
/// (`| head`) is no reason to fail.
pub(crate) fn written() -> io::Result<()> {
    match UNWRITTEN.get() {
        Some(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(io::Error::new(error.kind(), error.to_string()))
        }
        _ => Ok(()),
    }
}

/// True when a person sits at the terminal that standard error goes to.
pub(crate) fn on_terminal() -> bool {
    std::io::stderr().is_terminal()
}
