//! Lines to sections: headers, options, continuations.
//!
//! A value whose first line has text is *inline*: further lines are stripped and joined. One whose first line is
//! empty is a *block*: its lines keep their indentation, less what is common to all.

use std::rc::Rc;

use indexmap::IndexMap;

use super::condition;
use super::place::{Line, Raw, Source, Spot};
use crate::error::{Code, Error};

/// What one file says about one option.
#[derive(Debug, Clone, Default)]
pub(crate) struct Change {
    /// `=`
    pub(crate) set: Option<Raw>,
    /// `+=`, applied before `remove`.
    pub(crate) add: Vec<Line>,
    /// `-=`
    pub(crate) remove: Vec<Line>,
}

/// Sections of one file, or of all files merged.
pub(crate) type Layer = IndexMap<Rc<str>, IndexMap<Rc<str>, Change>>;

/// The option that names the parts that a section needs, written `=> a b`.
pub(crate) const NEEDS: &str = "<part-dependencies>";

/// Reads one file; its bad lines are left out and told.
pub(crate) fn parse(source: &Rc<Source>, faults: &mut Vec<Error>) -> Layer {
    let mut parser =
        Parser { source, layer: Layer::new(), into: Into::Nothing, option: None, faults };
    for (index, line) in source.text.split('\n').enumerate() {
        parser.line(index + 1, line.strip_suffix('\r').unwrap_or(line));
    }
    parser.finish_option();
    parser.layer
}

/// Where options go.
enum Into {
    /// No section yet.
    Nothing,
    /// A section whose condition is false, or a faulty one.
    Skip,
    Section(Rc<str>),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Sign {
    Set,
    Add,
    Remove,
}

/// An option whose continuation lines are still coming.
struct Pending {
    name: Rc<str>,
    sign: Sign,
    spot: Spot,
    first: Line,
    rest: Vec<Line>,
}

struct Parser<'a> {
    source: &'a Rc<Source>,
    layer: Layer,
    into: Into,
    option: Option<Pending>,
    faults: &'a mut Vec<Error>,
}

impl Parser<'_> {
    fn line(&mut self, number: usize, line: &str) {
        if line.starts_with(['#', ';']) {
            return;
        }
        if line.trim().is_empty() || line.starts_with(char::is_whitespace) {
            self.continuation(number, line);
            return;
        }
        self.finish_option();
        if line.starts_with('[') {
            self.header(number, line);
        } else {
            self.option(number, line);
        }
    }

    fn continuation(&mut self, number: usize, line: &str) {
        let spot = self.spot(number, 1);
        match &mut self.option {
            Some(option) => option.rest.push(Line { text: line.into(), spot }),
            None if line.trim().is_empty() || matches!(self.into, Into::Skip) => {}
            None => {
                let column = first_column(line);
                let fault = self.fault(
                    number,
                    column,
                    Code::BadLine,
                    "an indented line that continues no option",
                );
                self.faults.push(fault.with_hint("headers and options begin at the first column"));
            }
        }
    }

    fn header(&mut self, number: usize, line: &str) {
        self.into = Into::Skip;
        let code = line.split(['#', ';']).next().unwrap_or_default().trim_end();
        let Some(inside) = code.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) else {
            let fault = self.fault(number, 1, Code::BadLine, "a section header without `]`");
            self.faults.push(fault.with_hint("write `[name]`; nothing but a comment may follow"));
            return;
        };
        let (name, condition) = match inside.split_once(':') {
            Some((name, condition)) => (name.trim(), Some(condition.trim())),
            None => (inside.trim(), None),
        };
        if name.is_empty() || name.contains(|c: char| c.is_whitespace() || "#[]:;{}".contains(c)) {
            let message = format!("`{name}` cannot name a section");
            self.faults.push(self.fault(number, 2, Code::BadLine, &message));
            return;
        }
        match condition.map_or(Ok(true), condition::evaluate) {
            Ok(true) => {
                let name: Rc<str> = name.into();
                self.layer.entry(Rc::clone(&name)).or_default();
                self.into = Into::Section(name);
            }
            Ok(false) => {}
            Err(message) => {
                let column = code.find(':').map_or(2, |at| code[..at].chars().count() + 2);
                self.faults.push(
                    self.fault(number, column, Code::BadCondition, &message)
                        .with_hint("names like python3, linux, bits64, platform.machine(), sys.version_info are known"),
                );
            }
        }
    }

    fn option(&mut self, number: usize, line: &str) {
        let Some((left, right)) = line.split_once('=') else {
            let fault = self.fault(
                number,
                1,
                Code::BadLine,
                "neither a section, nor an option, nor a comment",
            );
            self.faults.push(fault.with_hint("an option is written `name = value`"));
            return;
        };
        let (name, sign) = match left.chars().next_back() {
            _ if left.is_empty() && right.starts_with('>') => (NEEDS, Sign::Set),
            Some('+') => (left[..left.len() - 1].trim_end(), Sign::Add),
            Some('-') => (left[..left.len() - 1].trim_end(), Sign::Remove),
            _ => (left.trim_end(), Sign::Set),
        };
        let right = if name == NEEDS { &right[1..] } else { right };
        if name.is_empty() || name.contains(|c: char| c.is_whitespace() || "{}[]:".contains(c)) {
            let message = format!("`{name}` cannot name an option");
            self.faults.push(self.fault(number, 1, Code::BadLine, &message));
            return;
        }
        if matches!(self.into, Into::Nothing) {
            let message = format!("option `{name}` before any section");
            let fault = self.fault(number, 1, Code::OptionOutside, &message);
            self.faults.push(fault.with_hint("a profile begins with `[buildout]`"));
            return;
        }
        let column = line.chars().count() - right.chars().count() + first_column(right);
        let first = Line { text: right.trim().into(), spot: self.spot(number, column) };
        self.option = Some(Pending {
            name: name.into(),
            sign,
            spot: self.spot(number, 1),
            first,
            rest: Vec::new(),
        });
    }

    fn finish_option(&mut self) {
        let Some(Pending { name, sign, spot, first, rest }) = self.option.take() else {
            return;
        };
        let Into::Section(section) = &self.into else {
            return;
        };
        let lines = if first.text.is_empty() { block(first, &rest) } else { inline(first, rest) };
        let change = self.layer.entry(Rc::clone(section)).or_default().entry(name).or_default();
        match sign {
            // An assignment replaces what was added or removed before it.
            Sign::Set => {
                *change = Change { set: Some(Raw { spot, lines }), ..Change::default() };
            }
            Sign::Add => change.add.extend(lines),
            Sign::Remove => change.remove.extend(lines),
        }
    }

    fn spot(&self, line: usize, column: usize) -> Spot {
        Spot { source: Rc::clone(self.source), line, column }
    }

    fn fault(&self, line: usize, column: usize, code: Code, message: &str) -> Error {
        Error::new(code, message).at(|| self.spot(line, column).place())
    }
}

/// Column of the first character that is not white space.
fn first_column(text: &str) -> usize {
    text.chars().take_while(|c| c.is_whitespace()).count() + 1
}

fn inline(first: Line, rest: Vec<Line>) -> Vec<Line> {
    let stripped = rest.into_iter().filter(|line| !line.text.trim().is_empty()).map(|line| {
        let spot = Spot { column: first_column(&line.text), ..line.spot };
        Line { text: line.text.trim().into(), spot }
    });
    std::iter::once(first).chain(stripped).collect()
}

fn block(first: Line, rest: &[Line]) -> Vec<Line> {
    let filled = |line: &Line| !line.text.trim().is_empty();
    let (Some(from), Some(to)) = (rest.iter().position(filled), rest.iter().rposition(filled))
    else {
        return vec![first];
    };
    let rest = &rest[from..=to];
    let margin = margin(rest.iter().filter(|line| filled(line)).map(|line| &*line.text));
    rest.iter()
        .map(|line| {
            let text = line.text.trim_end().get(margin..).unwrap_or_default();
            Line { text: text.into(), spot: Spot { column: margin + 1, ..line.spot.clone() } }
        })
        .collect()
}

/// Length of the white space that all lines begin with, in bytes; white space is ASCII in practice.
fn margin<'a>(lines: impl Iterator<Item = &'a str>) -> usize {
    let spaces = |line: &'a str| &line[..line.len() - line.trim_start().len()];
    let common = |a: &'a str, b: &'a str| {
        let length = a.bytes().zip(b.bytes()).take_while(|(x, y)| x == y).count();
        &a[..length]
    };
    lines.map(spaces).reduce(common).unwrap_or_default().len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layer(text: &str) -> Layer {
        let mut faults = Vec::new();
        let layer = parse(&Source::new("t.cfg", text), &mut faults);
        assert!(faults.is_empty(), "{faults:?}");
        layer
    }

    fn value(text: &str) -> String {
        layer(text)["s"]["x"].set.as_ref().unwrap().text()
    }

    #[test]
    fn values_are_inline_or_block() {
        let table = [
            ("[s]\nx = a b \n", "a b"),
            ("[s]\nx=a\n   b\n\n   c\n", "a\nb\nc"),
            ("[s]\nx =\n   a\n     b\n\n   c \n\n", "a\n  b\n\nc"),
            ("[s]\nx =\n", ""),
            ("[s]\nx = a = b\n", "a = b"),
            ("[s]\nx = a # kept\n# dropped\n  ; kept\n", "a # kept\n; kept"),
            ("[s] # comment\nx = 1\nx = 2\n", "2"),
            ("[ s ]\nx = 1\n[t]\n[s]\ny = 1\n", "1"),
            ("[s]\r\nx = 1\r\n", "1"),
            ("[s]\nx =\n\ta\n\t  b\n", "a\n  b"),
            ("[s]\nx =\n\ta\n  b\n", "\ta\n  b"),
            ("[s]\nx =\n    \n  a\n \n  b\n", "a\n\nb"),
            ("[s]\nx += 0\nx = 1\n", "1"),
        ];
        for (text, expected) in table {
            assert_eq!(value(text), expected, "{text:?}");
        }
    }

    #[test]
    fn additions_stand_beside_the_value() {
        let layer = layer("[s]\nx = b\nx+=a\nx +=\n  c\n  d\nx -= e\n");
        let change = &layer["s"]["x"];
        let texts =
            |lines: &[Line]| lines.iter().map(|line| line.text.to_string()).collect::<Vec<_>>();
        assert_eq!(change.set.as_ref().unwrap().text(), "b");
        assert_eq!(texts(&change.add), ["a", "c", "d"]);
        assert_eq!(texts(&change.remove), ["e"]);
    }

    #[test]
    fn a_false_section_is_skipped() {
        let layer = layer("[s:python2]\nx = 1\n  more\n[s:python3]\ny = 2\n[t : not python3]\n");
        assert_eq!(layer["s"].keys().map(|key| &**key).collect::<Vec<_>>(), ["y"]);
        assert!(!layer.contains_key("t"));
    }

    #[test]
    fn all_bad_lines_of_a_file_are_told() {
        let text = "  [x]\na = 1\n[s\n[s t]\n[s]\nnonsense\nname: value\nx + = 1\n[u:foo(]\n";
        let mut faults = Vec::new();
        parse(&Source::new("t.cfg", text), &mut faults);
        let faults = Error::of(faults).unwrap();
        let seen: Vec<_> =
            faults.faults().map(|fault| (fault.place.as_ref().unwrap().line, fault.code)).collect();
        let expected = [
            (1, Code::BadLine),
            (2, Code::OptionOutside),
            (3, Code::BadLine),
            (4, Code::BadLine),
            (6, Code::BadLine),
            (7, Code::BadLine),
            (8, Code::BadLine),
            (9, Code::BadCondition),
        ];
        assert_eq!(seen, expected);
    }

    #[test]
    fn places_survive_joining() {
        let layer = layer("[s]\nx =\n    one\n    two ${a:b}\ny =  z\n   zz\n");
        let x = layer["s"]["x"].set.as_ref().unwrap();
        let at = |raw: &Raw, offset| (raw.spot_at(offset).line, raw.spot_at(offset).column);
        assert_eq!(at(x, x.text().find("${").unwrap()), (4, 9));
        let y = layer["s"]["y"].set.as_ref().unwrap();
        assert_eq!((at(y, 0), at(y, 3)), ((5, 6), (6, 5)));
    }
}
