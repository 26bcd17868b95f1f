//! What the program says: data on standard output, remarks on standard error, files.

use std::{
    fs,
    io::{self, Write as _},
    path::Path,
};

use anyhow::{Context as _, Result};

/// Writes data for whoever reads standard output.
///
/// # Errors
/// When standard output is closed or full.
pub(crate) fn data(text: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{}", text.trim_end()).context("write to standard output")
}

/// Says something to a person; when nobody can hear it, that is fine.
pub(crate) fn remark(text: &str) {
    drop(writeln!(io::stderr().lock(), "{text}"));
}

/// Replaces a file; a reader never sees half of it.
///
/// # Errors
/// When the file or its neighbour for the exchange cannot be written.
pub(crate) fn file(path: &Path, text: &str) -> Result<()> {
    let draft = path.with_extension("draft");
    let written = fs::File::create(&draft)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .and_then(|()| fs::rename(&draft, path));
    written.with_context(|| format!("write {}", path.display()))
}
