//! What is wrong with a profile, told as a compiler would: place, text, cause, way out, and how one came there.

use std::fmt::{self, Write as _};

use serde::{Deserialize, Serialize};

/// Result of everything in this crate that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Stable names of the kinds of faults: tests, documents and other programs may rely on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Code {
    /// A profile or template cannot be read.
    Unreadable,
    /// A line that is neither comment, header, option nor continuation.
    BadLine,
    /// An option before the first section.
    OptionOutside,
    /// The condition of a section cannot be evaluated.
    BadCondition,
    /// A file is not here and nothing may be fetched.
    Offline,
    /// `extends` comes back to a file that is being read.
    ExtendsCycle,
    /// A section that is not there was used.
    MissingSection,
    /// An option that is not there was used.
    MissingOption,
    /// `${...}` that is not `${section:option}`.
    BadReference,
    /// Options that refer to each other in a circle.
    OptionCycle,
    /// Sections that are each other's macros.
    MacroCycle,
    /// The profile is larger or deeper than any honest one.
    TooLarge,
    /// `!py!` followed by something that is not a literal.
    BadLiteral,
    /// A `recipe` that nobody knows.
    UnknownRecipe,
    /// An option of a known recipe that it does not offer here.
    Unsupported,
    /// An option has a value that its recipe cannot use.
    BadOption,
    /// A template cannot be read or rendered.
    Template,
    /// A file has another checksum than the profile says.
    Checksum,
    /// A command of the profile failed.
    Command,
    /// Python text of the profile, or a recipe written in Python, failed.
    Python,
    /// The file system refused.
    File,
    /// No space, or no quota, left.
    DiskFull,
    /// The program around (node, master, mirror) refused or failed.
    Host,
    /// The state file of earlier runs cannot be used.
    BadState,
    /// Another run is at work in the same directory.
    Busy,
}

impl Code {
    /// All of them.
    pub const ALL: [Self; 25] = [
        Self::Unreadable,
        Self::BadLine,
        Self::OptionOutside,
        Self::BadCondition,
        Self::Offline,
        Self::ExtendsCycle,
        Self::MissingSection,
        Self::MissingOption,
        Self::BadReference,
        Self::OptionCycle,
        Self::MacroCycle,
        Self::TooLarge,
        Self::BadLiteral,
        Self::UnknownRecipe,
        Self::Unsupported,
        Self::BadOption,
        Self::Template,
        Self::Checksum,
        Self::Command,
        Self::Python,
        Self::File,
        Self::DiskFull,
        Self::Host,
        Self::BadState,
        Self::Busy,
    ];

    /// The name as messages show it, such as `missing-option`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unreadable => "unreadable",
            Self::BadLine => "bad-line",
            Self::OptionOutside => "option-outside",
            Self::BadCondition => "bad-condition",
            Self::Offline => "offline",
            Self::ExtendsCycle => "extends-cycle",
            Self::MissingSection => "missing-section",
            Self::MissingOption => "missing-option",
            Self::BadReference => "bad-reference",
            Self::OptionCycle => "option-cycle",
            Self::MacroCycle => "macro-cycle",
            Self::TooLarge => "too-large",
            Self::BadLiteral => "bad-literal",
            Self::UnknownRecipe => "unknown-recipe",
            Self::Unsupported => "unsupported",
            Self::BadOption => "bad-option",
            Self::Template => "template",
            Self::Checksum => "checksum",
            Self::Python => "python",
            Self::Command => "command",
            Self::File => "file",
            Self::DiskFull => "disk-full",
            Self::Host => "host",
            Self::BadState => "bad-state",
            Self::Busy => "busy",
        }
    }
}

/// Where a fault is; line and column count from 1, columns in characters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Path or URL of the file.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// The whole line.
    pub text: String,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// Its kind.
    pub code: Code,
    /// What is wrong, one sentence.
    pub message: String,
    /// Where, if it has a place in a file.
    pub place: Option<Place>,
    /// What the author can do.
    pub hint: Option<String>,
    /// How the evaluation came here, innermost first, each beginning with "while".
    pub chain: Vec<String>,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(f, "{place}: ")?;
        }
        f.write_str(&self.message)
    }
}

/// One or more faults: a file tells all of its bad lines at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Error {
    first: Box<Fault>,
    more: Vec<Fault>,
}

impl Error {
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        let fault =
            Fault { code, message: message.into(), place: None, hint: None, chain: Vec::new() };
        Self { first: Box::new(fault), more: Vec::new() }
    }

    /// All faults together; `None` if there is none.
    pub(crate) fn of(faults: Vec<Self>) -> Option<Self> {
        let mut faults = faults.into_iter();
        let mut first = faults.next()?;
        for other in faults {
            first.more.push(*other.first);
            first.more.extend(other.more);
        }
        Some(first)
    }

    /// A file operation that failed: `step` is a verb phrase without the path.
    pub(crate) fn io(step: &str, path: impl fmt::Display, source: &std::io::Error) -> Self {
        match source.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
                Self::new(Code::DiskFull, format!("disk full: cannot {step} {path}"))
                    .with_hint("free some space and run again: what was finished is kept")
            }
            kind => {
                let error = Self::new(Code::File, format!("cannot {step} {path}: {source}"));
                if kind != std::io::ErrorKind::PermissionDenied {
                    return error;
                }
                let user = rustix::process::geteuid().as_raw();
                error.with_hint(format!(
                    "this runs as user {user}, who needs access to it and to the folders above it"
                ))
            }
        }
    }

    #[must_use]
    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.first.hint = Some(hint.into());
        self
    }

    #[must_use]
    pub(crate) fn with_nearest<'a>(
        self,
        wrong: &str,
        known: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        match slapos_nearest::nearest(wrong, known) {
            Some(name) => self.with_hint(format!("did you mean `{name}`?")),
            None => self,
        }
    }

    /// Sets the place unless the error already has one.
    #[must_use]
    pub(crate) fn at(mut self, place: impl FnOnce() -> Place) -> Self {
        if self.first.place.is_none() {
            self.first.place = Some(place());
        }
        self
    }

    /// Says which file is meant, when the place has only another name for it.
    #[must_use]
    pub(crate) fn in_file(mut self, file: &str) -> Self {
        if let Some(place) = &mut self.first.place {
            place.file = file.to_owned();
        }
        self
    }

    /// Adds one link to the way that led here.
    #[must_use]
    pub(crate) fn during(mut self, link: impl Into<String>) -> Self {
        let link = link.into();
        if self.first.chain.last() != Some(&link) {
            self.first.chain.push(link);
        }
        self
    }

    /// With each of its texts changed.
    #[must_use]
    pub(crate) fn with_texts(mut self, change: &dyn Fn(&mut String)) -> Self {
        for fault in std::iter::once(&mut *self.first).chain(&mut self.more) {
            change(&mut fault.message);
            fault.hint.iter_mut().chain(&mut fault.chain).for_each(change);
            fault.place.iter_mut().for_each(|place| change(&mut place.text));
        }
        self
    }

    /// The faults, at least one.
    pub fn faults(&self) -> impl Iterator<Item = &Fault> {
        std::iter::once(&*self.first).chain(&self.more)
    }

    /// Kind of the first fault.
    pub fn code(&self) -> Code {
        self.first.code
    }

    /// What the author can do about the first fault.
    pub fn hint(&self) -> Option<&str> {
        self.first.hint.as_deref()
    }

    /// The error for a person: each fault with place, source line, caret, chain and hint.
    pub fn report(&self) -> String {
        self.faults().map(Fault::report).collect::<Vec<_>>().join("\n")
    }
}

impl Fault {
    /// The fault for a person, several lines without a final newline.
    pub fn report(&self) -> String {
        let mut text = format!("{self} [{}]", self.code.name());
        if let Some(place) = &self.place {
            text.push('\n');
            text.push_str(&slapos_jinja::excerpt(place.line, place.column, &place.text));
        }
        for link in &self.chain {
            let _infallible = write!(text, "\n  {link}");
        }
        if let Some(hint) = &self.hint {
            let _infallible = write!(text, "\nhint: {hint}");
        }
        text
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.first)?;
        match self.more.len() {
            0 => Ok(()),
            more => write!(f, " (and {more} more)"),
        }
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_shows_place_chain_and_hint() {
        let place = || Place { file: "a.cfg".into(), line: 2, column: 3, text: "x = 1".into() };
        let error = Error::new(Code::BadLine, "nonsense")
            .at(place)
            .during("while reading")
            .with_hint("write sense");
        assert_eq!(
            error.report(),
            "a.cfg:2:3: nonsense [bad-line]\n 2 | x = 1\n   |   ^\n  while reading\nhint: write sense"
        );
    }

    #[test]
    fn a_full_disk_is_told_from_other_failures() {
        use std::io::ErrorKind::{PermissionDenied, QuotaExceeded, StorageFull};
        let table =
            [(StorageFull, "disk-full"), (QuotaExceeded, "disk-full"), (PermissionDenied, "file")];
        for (kind, code) in table {
            let report = Error::io("write", "/srv/x", &kind.into()).report();
            assert!(report.contains("/srv/x") && report.contains(code), "{report}");
            assert_eq!(report.contains("free some space"), code == "disk-full", "{report}");
            assert_eq!(report.contains("this runs as user"), code == "file", "{report}");
        }
    }

    #[test]
    fn the_name_of_a_code_is_its_json() {
        for code in Code::ALL {
            assert_eq!(serde_json::to_value(code).unwrap(), code.name());
        }
    }
}
