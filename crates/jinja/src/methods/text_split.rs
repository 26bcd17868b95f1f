//! Methods of `str` that take texts apart or strip them.

use super::integer;
use super::text::{part_of, this};
use crate::error::{Error, Result};
use crate::eval::Machine;
use crate::lex::is_space;
use crate::value::{Args, Value};

type Answer = Result<Value>;

/// The characters to strip; `None` for white space.
fn stripped(args: Args, name: &str) -> Result<Option<Vec<char>>> {
    let [chars] = args.bind(name, ["chars"])?;
    match chars {
        None | Some(Value::None) => Ok(None),
        Some(chars) => Ok(Some(part_of(&chars)?.chars().collect())),
    }
}

fn strip_sides(value: &Value, args: Args, name: &str, left: bool, right: bool) -> Answer {
    let chars = stripped(args, name)?;
    let drop = |c: char| chars.as_ref().map_or_else(|| is_space(c), |chars| chars.contains(&c));
    let mut text = this(value)?;
    if left {
        text = text.trim_start_matches(drop);
    }
    if right {
        text = text.trim_end_matches(drop);
    }
    Ok(Value::from(text))
}

pub(super) fn strip(_: &mut Machine<'_>, value: &Value, args: Args) -> Answer {
    strip_sides(value, args, "strip", true, true)
}

pub(super) fn lstrip(_: &mut Machine<'_>, value: &Value, args: Args) -> Answer {
    strip_sides(value, args, "lstrip", true, false)
}

pub(super) fn rstrip(_: &mut Machine<'_>, value: &Value, args: Args) -> Answer {
    strip_sides(value, args, "rstrip", false, true)
}

fn separator(value: &Value) -> Result<&str> {
    let separator = part_of(value)?;
    if separator.is_empty() { Err(Error::value_error("empty separator")) } else { Ok(separator) }
}

fn texts<'t>(parts: impl IntoIterator<Item = &'t str>) -> Value {
    Value::list(parts.into_iter().map(Value::from).collect())
}

/// Separator (`None` for white space) and greatest number of cuts (`None` for all).
fn split_arguments(args: Args, name: &str) -> Result<(Option<Value>, Option<usize>)> {
    let [separator, cuts] = args.bind(name, ["sep", "maxsplit"])?;
    let cuts = cuts.as_ref().map_or(Ok(-1), integer)?;
    Ok((separator.filter(|value| !matches!(value, Value::None)), usize::try_from(cuts).ok()))
}

pub(super) fn split(_: &mut Machine<'_>, value: &Value, args: Args) -> Answer {
    let (mark, cuts) = split_arguments(args, "split")?;
    let text = this(value)?;
    if let Some(mark) = mark {
        let mark = separator(&mark)?;
        return Ok(match cuts {
            Some(cuts) => texts(text.splitn(cuts.saturating_add(1), mark)),
            None => texts(text.split(mark)),
        });
    }
    Ok(texts(parts_of(text, cuts, false)))
}

/// Splits at white space, from the left or from the right; the uncut rest keeps its inner spaces.
fn parts_of(text: &str, cuts: Option<usize>, from_right: bool) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = if from_right {
        text.trim_end_matches(is_space)
    } else {
        text.trim_start_matches(is_space)
    };
    while !rest.is_empty() {
        if cuts.is_some_and(|cuts| parts.len() == cuts) {
            parts.push(rest);
            break;
        }
        if from_right {
            let start = rest
                .char_indices()
                .rfind(|(_, c)| is_space(*c))
                .map_or(0, |(at, c)| at + c.len_utf8());
            parts.push(&rest[start..]);
            rest = rest[..start].trim_end_matches(is_space);
        } else {
            let end = rest.find(is_space).unwrap_or(rest.len());
            parts.push(&rest[..end]);
            rest = rest[end..].trim_start_matches(is_space);
        }
    }
    if from_right {
        parts.reverse();
    }
    parts
}

pub(super) fn rsplit(_: &mut Machine<'_>, value: &Value, args: Args) -> Answer {
    let (mark, cuts) = split_arguments(args, "rsplit")?;
    let text = this(value)?;
    let Some(mark) = mark else {
        return Ok(texts(parts_of(text, cuts, true)));
    };
    let mark = separator(&mark)?;
    let mut parts: Vec<&str> = match cuts {
        Some(cuts) => text.rsplitn(cuts.saturating_add(1), mark).collect(),
        None => text.rsplit(mark).collect(),
    };
    parts.reverse();
    Ok(texts(parts))
}

fn triple(a: &str, b: &str, c: &str) -> Value {
    Value::tuple(vec![Value::from(a), Value::from(b), Value::from(c)])
}

pub(super) fn partition(_: &mut Machine<'_>, value: &Value, args: Args) -> Answer {
    let [mark] = args.exactly("partition")?;
    let (text, mark) = (this(value)?, separator(&mark)?);
    Ok(text.split_once(mark).map_or_else(|| triple(text, "", ""), |(a, b)| triple(a, mark, b)))
}

pub(super) fn rpartition(_: &mut Machine<'_>, value: &Value, args: Args) -> Answer {
    let [mark] = args.exactly("rpartition")?;
    let (text, mark) = (this(value)?, separator(&mark)?);
    Ok(text.rsplit_once(mark).map_or_else(|| triple("", "", text), |(a, b)| triple(a, mark, b)))
}

pub(super) fn splitlines(_: &mut Machine<'_>, value: &Value, args: Args) -> Answer {
    let [keep] = args.bind("splitlines", ["keepends"])?;
    let keep = keep.map_or(Ok(false), |keep| keep.truth())?;
    Ok(texts(lines(this(value)?, keep)))
}

/// Python's lines: more characters than `\n` end one.
pub(crate) fn lines(text: &str, keep_ends: bool) -> Vec<&str> {
    let is_end = |c: char| {
        matches!(
            c,
            '\n' | '\r' | '\x0b' | '\x0c' | '\x1c'..='\x1e' | '\u{85}' | '\u{2028}' | '\u{2029}'
        )
    };
    let (mut found, mut rest) = (Vec::new(), text);
    while !rest.is_empty() {
        let Some(at) = rest.find(is_end) else {
            found.push(rest);
            break;
        };
        let length = if rest[at..].starts_with("\r\n") {
            2
        } else {
            rest[at..].chars().next().map_or(1, char::len_utf8)
        };
        found.push(if keep_ends { &rest[..at + length] } else { &rest[..at] });
        rest = &rest[at + length..];
    }
    found
}
