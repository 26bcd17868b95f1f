//! Python's `re`, on an engine with look-around and back-references that gives up on patterns that take for ever.

use std::rc::Rc;

use fancy_regex::{Regex, RegexBuilder};

use super::{functions, text_of};
use crate::error::{Error, Result};
use crate::eval::Machine;
use crate::functions::{builtin, closure};
use crate::methods::integer;
use crate::value::{Args, Object, Value};

/// The groups of one match in a text.
type Captures<'t> = fancy_regex::Captures<'t, str>;

/// Flags under their long and short names.
const FLAGS: [(&str, i64, &str); 8] = [
    ("IGNORECASE", 2, "i"),
    ("I", 2, "i"),
    ("MULTILINE", 8, "m"),
    ("M", 8, "m"),
    ("DOTALL", 16, "s"),
    ("S", 16, "s"),
    ("VERBOSE", 64, "x"),
    ("X", 64, "x"),
];
/// Steps back that a search may take.
const BACKTRACK_MAX: usize = 200_000;
/// Punctuation that `escape` leaves alone.
const PLAIN: &str = "_!\"%',/:;<=>@`";

pub(super) fn module() -> Value {
    let verbs = ["findall", "fullmatch", "match", "search", "split", "sub"];
    let verbs = verbs.map(|verb| {
        (
            verb,
            closure(verb, move |machine, args| {
                // The pattern comes first, its flags are named.
                let Args { mut positional, mut named } = args;
                if positional.is_empty() {
                    return Err(Error::type_error(format!("{verb}() needs a pattern")));
                }
                let pattern = positional.remove(0);
                let flags = named
                    .iter()
                    .position(|(name, _)| &**name == "flags")
                    .map(|at| named.remove(at).1);
                let pattern = Pattern::of(&pattern, flags.as_ref())?;
                pattern.run(machine, verb, Args { positional, named })
            }),
        )
    });
    let flags = FLAGS.map(|(name, bit, _)| (name, Value::Int(bit)));
    let own = [
        (
            "compile",
            builtin("compile", |_, args| {
                let [pattern, flags] = args.bind("compile", ["pattern", "flags"])?;
                let pattern = Pattern::of(&pattern.unwrap_or(Value::None), flags.as_ref())?;
                Ok(Value::Object(Rc::new(pattern)))
            }),
        ),
        (
            "escape",
            builtin("escape", |_, args| {
                let [text] = args.exactly("escape")?;
                Ok(Value::from(escape(text_of(&text, "escape")?)))
            }),
        ),
    ];
    functions("re", verbs.into_iter().chain(flags).chain(own))
}

fn escape(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if c.is_ascii()
            && !c.is_ascii_alphanumeric()
            && !PLAIN.contains(c)
            && (c > ' ' || "\t\n\r\x0b\x0c ".contains(c))
            && c != '\x7f'
        {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// A compiled pattern.
#[derive(Clone)]
struct Pattern {
    text: Rc<str>,
    flags: i64,
    /// Matches anywhere.
    regex: Rc<Regex>,
}

impl Pattern {
    /// From a text, or a pattern that was compiled before.
    fn of(pattern: &Value, flags: Option<&Value>) -> Result<Self> {
        if let Value::Object(object) = pattern
            && let Some(Value::Str(text)) = object.attribute("pattern")?
        {
            let Some(Value::Int(flags)) = object.attribute("flags")? else {
                return Err(Error::type_error("a pattern is a text"));
            };
            return Self::compile(&text, flags);
        }
        let flags = flags.map_or(Ok(0), integer)?;
        Self::compile(text_of(pattern, "compile")?, flags)
    }

    fn compile(text: &str, flags: i64) -> Result<Self> {
        let known = FLAGS.iter().fold(0, |all, (_, bit, _)| all | bit);
        if flags & !known != 0 {
            return Err(Error::unsupported(format!(
                "the flags {flags} of a pattern are not supported"
            )));
        }
        let mut letters: Vec<&str> =
            FLAGS.iter().filter(|(_, bit, _)| flags & bit != 0).map(|flag| flag.2).collect();
        letters.dedup();
        let multiline = letters.contains(&"m");
        let prefix =
            if letters.is_empty() { String::new() } else { format!("(?{})", letters.concat()) };
        let source = format!("{prefix}{}", translated(text, multiline)?);
        let regex = RegexBuilder::new(&source).backtrack_limit(BACKTRACK_MAX).build();
        let regex = regex.map_err(|error| {
            Error::value_error(format!("the pattern `{text}` cannot be used: {error}"))
        })?;
        Ok(Self { text: text.into(), flags, regex: Rc::new(regex) })
    }

    fn run(&self, machine: &mut Machine<'_>, verb: &str, args: Args) -> Result<Value> {
        match verb {
            "sub" => {
                let [replacement, text, count] = args.bind("sub", ["repl", "string", "count"])?;
                let (replacement, text) =
                    (replacement.unwrap_or(Value::None), text.unwrap_or(Value::None));
                let count = count.map_or(Ok(0), |count| integer(&count))?;
                self.sub(
                    machine,
                    &replacement,
                    text_of(&text, "sub")?,
                    usize::try_from(count).unwrap_or(0),
                )
            }
            "split" => {
                let [text, count] = args.bind("split", ["string", "maxsplit"])?;
                let count = count.map_or(Ok(0), |count| integer(&count))?;
                self.split(
                    text_of(&text.unwrap_or(Value::None), "split")?,
                    usize::try_from(count).unwrap_or(0),
                )
            }
            "findall" => {
                let [text] = args.bind("findall", ["string"])?;
                let text = text.unwrap_or(Value::None);
                let found = self.all(text_of(&text, "findall")?)?;
                Ok(Value::list(found.iter().map(listed).collect()))
            }
            verb => {
                let [text] = args.bind(verb, ["string"])?;
                let text = text.unwrap_or(Value::None);
                self.first(verb, text_of(&text, verb)?)
            }
        }
    }

    /// `search`, `match` (from the start) and `fullmatch` (all of it).
    fn first(&self, verb: &str, text: &str) -> Result<Value> {
        let regex = match verb {
            "search" => Rc::clone(&self.regex),
            "match" => self.anchored("")?,
            _ => self.anchored(r"\z")?,
        };
        let names = regex.capture_names().map(|name| name.map(Rc::from)).collect();
        Ok(match regex.captures(text).map_err(|error| gave_up(&error))? {
            None => Value::None,
            Some(captures) => Value::Object(Rc::new(Match::of(&captures, names, text))),
        })
    }

    fn anchored(&self, end: &str) -> Result<Rc<Regex>> {
        let source = format!(r"\A(?:{}){end}", self.regex.as_str());
        let regex = RegexBuilder::new(&source).backtrack_limit(BACKTRACK_MAX).build();
        regex.map(Rc::new).map_err(|error| Error::value_error(error.to_string()))
    }

    /// All matches, one after the other. As in Python an empty one may follow directly on one that is not.
    fn all<'t>(&self, text: &'t str) -> Result<Vec<Captures<'t>>> {
        let (mut found, mut at) = (Vec::new(), 0);
        while at <= text.len() {
            let captures = self.regex.captures_from_pos(text, at);
            let Some(captures) = captures.map_err(|error| gave_up(&error))? else { break };
            let Some(whole) = captures.get(0) else { break };
            let next = text[whole.end()..].chars().next();
            let step = if whole.end() > whole.start() { 0 } else { next.map_or(1, char::len_utf8) };
            at = whole.end() + step;
            found.push(captures);
        }
        Ok(found)
    }

    fn split(&self, text: &str, count: usize) -> Result<Value> {
        let (mut parts, mut from) = (Vec::new(), 0);
        for captures in self.all(text)?.iter().take(if count == 0 { usize::MAX } else { count }) {
            let Some(whole) = captures.get(0) else { continue };
            parts.push(Value::from(&text[from..whole.start()]));
            parts.extend((1..captures.len()).map(|group| captured(captures, group)));
            from = whole.end();
        }
        parts.push(Value::from(&text[from..]));
        Ok(Value::list(parts))
    }

    fn sub(
        &self,
        machine: &mut Machine<'_>,
        replacement: &Value,
        text: &str,
        count: usize,
    ) -> Result<Value> {
        let names: Vec<Option<Rc<str>>> =
            self.regex.capture_names().map(|name| name.map(Rc::from)).collect();
        let (mut out, mut from) = (String::new(), 0);
        for captures in self.all(text)?.iter().take(if count == 0 { usize::MAX } else { count }) {
            let Some(whole) = captures.get(0) else { continue };
            out.push_str(&text[from..whole.start()]);
            from = whole.end();
            match replacement {
                Value::Function(_) | Value::Type(_) => {
                    let found = Value::Object(Rc::new(Match::of(captures, names.clone(), text)));
                    let new = machine
                        .call(replacement, Args { positional: vec![found], named: Vec::new() })?;
                    out.push_str(text_of(&new, "sub")?);
                }
                other => expand(text_of(other, "sub")?, captures, &mut out)?,
            }
            crate::value::check_size(out.len())?;
        }
        out.push_str(&text[from..]);
        Ok(Value::from(out))
    }
}

/// Python's pattern in the engine's words. What would mean something else there is refused.
fn translated(text: &str, multiline: bool) -> Result<String> {
    let (mut out, mut letters, mut in_class) = (String::new(), text.chars().peekable(), false);
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => {
                let next = letters
                    .next()
                    .ok_or_else(|| Error::value_error("a pattern ends with a backslash"))?;
                match next {
                    'Z' => out.push_str(r"\z"),
                    'N' | 'z' | 'G' | 'K' | 'h' | 'H' | 'p' | 'P' | 'Q' | 'E' | 'X' | 'R' | 'e'
                    | 'O' => {
                        return Err(Error::unsupported(format!(
                            "`\\{next}` in a pattern is not supported"
                        )));
                    }
                    next => out.extend(['\\', next]),
                }
            }
            '[' if in_class => out.push_str(r"\["),
            '[' => {
                in_class = true;
                out.push('[');
                if letters.next_if_eq(&'^').is_some() {
                    out.push('^');
                }
                if letters.next_if_eq(&']').is_some() {
                    out.push_str(r"\]");
                }
            }
            ']' if in_class => {
                in_class = false;
                out.push(']');
            }
            '&' | '~' if in_class => out.extend(['\\', letter]),
            // Also before a line end that ends the text.
            '$' if !in_class && !multiline => out.push_str(r"(?=\n?\z)"),
            letter => out.push(letter),
        }
    }
    Ok(out)
}

fn gave_up(error: &fancy_regex::Error) -> Error {
    Error::limit(format!("the search takes too long: {error}"))
}

fn captured(captures: &Captures<'_>, group: usize) -> Value {
    captures.get(group).map_or(Value::None, |found| Value::from(found.as_str()))
}

/// What `findall` gives for a match: its only group, all its groups, or itself.
fn listed(captures: &Captures<'_>) -> Value {
    let text = |group: usize| Value::from(captures.get(group).map_or("", |found| found.as_str()));
    match captures.len() {
        1 => text(0),
        2 => text(1),
        count => Value::tuple((1..count).map(text).collect()),
    }
}

/// The replacement with `\1`, `\g<name>` and escapes.
fn expand(template: &str, captures: &Captures<'_>, out: &mut String) -> Result<()> {
    let mut letters = template.chars().peekable();
    while let Some(letter) = letters.next() {
        if letter != '\\' {
            out.push(letter);
            continue;
        }
        let group = match letters.next() {
            Some('n') => {
                out.push('\n');
                continue;
            }
            Some('t') => {
                out.push('\t');
                continue;
            }
            Some('r') => {
                out.push('\r');
                continue;
            }
            Some('\\') => {
                out.push('\\');
                continue;
            }
            Some('g') => {
                let name: String =
                    letters.by_ref().skip_while(|c| *c == '<').take_while(|c| *c != '>').collect();
                match name.parse::<usize>() {
                    Ok(number) => captures.get(number).filter(|_| number < captures.len()),
                    Err(_) => captures.name(&name),
                }
            }
            Some(digit) if digit.is_ascii_digit() && digit != '0' => {
                let mut number = digit.to_digit(10).unwrap_or(0) as usize;
                if let Some(second) = letters.next_if(char::is_ascii_digit) {
                    number = number * 10 + second.to_digit(10).unwrap_or(0) as usize;
                }
                if number >= captures.len() {
                    return Err(Error::value_error(format!("invalid group reference {number}")));
                }
                captures.get(number)
            }
            Some(other) if !other.is_ascii_alphanumeric() => {
                out.extend(['\\', other]);
                continue;
            }
            _ => return Err(Error::value_error("bad escape in the replacement of sub()")),
        };
        out.push_str(group.map_or("", |found| found.as_str()));
    }
    Ok(())
}

impl Object for Pattern {
    fn type_name(&self) -> &str {
        "Pattern"
    }

    fn attribute(&self, name: &str) -> Result<Option<Value>> {
        Ok(match name {
            "pattern" => Some(Value::Str(Rc::clone(&self.text))),
            "flags" => Some(Value::Int(self.flags)),
            "findall" | "fullmatch" | "match" | "search" | "split" | "sub" => {
                let (pattern, verb) = (self.clone(), name.to_owned());
                Some(closure("pattern", move |machine, args| pattern.run(machine, &verb, args)))
            }
            _ => None,
        })
    }

    fn names(&self) -> Vec<Rc<str>> {
        ["findall", "flags", "fullmatch", "match", "pattern", "search", "split", "sub"]
            .map(Rc::from)
            .to_vec()
    }
}

/// What was found.
struct Match {
    /// Text and place, in characters, of each group.
    groups: Vec<Option<(Rc<str>, [usize; 2])>>,
    names: Vec<Option<Rc<str>>>,
}

impl Match {
    fn of(captures: &Captures<'_>, names: Vec<Option<Rc<str>>>, text: &str) -> Self {
        let place = |byte: usize| text[..byte].chars().count();
        let group = |group: usize| {
            let found = captures.get(group)?;
            Some((found.as_str().into(), [place(found.start()), place(found.end())]))
        };
        Self { groups: (0..captures.len()).map(group).collect(), names }
    }

    /// The number of a group that is named by number or name.
    fn number(&self, group: &Value) -> Result<usize> {
        let number = match group.as_str() {
            Some(name) => self.names.iter().position(|known| known.as_deref() == Some(name)),
            None => {
                usize::try_from(integer(group)?).ok().filter(|number| *number < self.groups.len())
            }
        };
        number.ok_or_else(|| Error::new(crate::ErrorKind::Index, "no such group"))
    }

    fn value(&self, number: usize) -> Value {
        self.groups[number].as_ref().map_or(Value::None, |(text, _)| Value::Str(Rc::clone(text)))
    }
}

impl Object for Match {
    fn type_name(&self) -> &str {
        "Match"
    }

    fn attribute(&self, name: &str) -> Result<Option<Value>> {
        let whole = Self { groups: self.groups.clone(), names: self.names.clone() };
        Ok(Some(match name {
            "group" => Value::function("group", move |arguments, _| match arguments {
                [] => Ok(whole.value(0)),
                [group] => Ok(whole.value(whole.number(group)?)),
                groups => {
                    let values = groups.iter().map(|group| Ok(whole.value(whole.number(group)?)));
                    Ok(Value::tuple(values.collect::<Result<_>>()?))
                }
            }),
            "groups" => Value::function("groups", move |_, _| {
                Ok(Value::tuple(
                    (1..whole.groups.len()).map(|number| whole.value(number)).collect(),
                ))
            }),
            "groupdict" => Value::function("groupdict", move |_, _| {
                let named = whole.names.iter().enumerate();
                Ok(Value::dict(
                    named
                        .filter_map(|(number, name)| Some((name.as_deref()?, whole.value(number)))),
                ))
            }),
            "start" | "end" | "span" => {
                let what = name.to_owned();
                Value::function(name, move |arguments, _| {
                    let number = arguments.first().map_or(Ok(0), |group| whole.number(group))?;
                    let place =
                        whole.groups[number].as_ref().map(|(_, place)| place.map(Value::from));
                    let [start, end] = place.unwrap_or([Value::Int(-1), Value::Int(-1)]);
                    Ok(match what.as_str() {
                        "start" => start,
                        "end" => end,
                        _ => Value::tuple(vec![start, end]),
                    })
                })
            }
            _ => return Ok(None),
        }))
    }

    fn names(&self) -> Vec<Rc<str>> {
        ["end", "group", "groupdict", "groups", "span", "start"].map(Rc::from).to_vec()
    }

    fn item(&self, key: &Value) -> Option<Result<Value>> {
        Some(self.number(key).map(|number| self.value(number)))
    }
}
