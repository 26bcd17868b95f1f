//! Methods of `str` about letters: upper, lower, title, and the questions `is...`.

use super::integer;
use super::text::this;
use crate::error::{Error, Result};
use crate::eval::Machine;
use crate::value::{Args, Value, check_size, is_printable};

type Answer = Result<Value>;

fn no_arguments(args: Args, name: &str) -> Result<()> {
    let [] = args.exactly(name)?;
    Ok(())
}

fn is_cased(c: char) -> bool {
    c.is_lowercase() || c.is_uppercase()
}

pub(super) fn lower(_: &mut Machine<'_>, value: &Value, args: Args) -> Answer {
    no_arguments(args, "lower")?;
    Ok(Value::from(this(value)?.to_lowercase()))
}

pub(super) fn upper(_: &mut Machine<'_>, value: &Value, args: Args) -> Answer {
    no_arguments(args, "upper")?;
    Ok(Value::from(this(value)?.to_uppercase()))
}

/// Differs from `lower` in a few letters outside of ASCII, which are refused.
pub(super) fn casefold(machine: &mut Machine<'_>, value: &Value, args: Args) -> Answer {
    if !this(value)?.is_ascii() {
        return Err(Error::unsupported("`casefold` of text outside of ASCII is not supported")
            .with_hint("use `lower`"));
    }
    lower(machine, value, args)
}

pub(super) fn capitalize(_: &mut Machine<'_>, value: &Value, args: Args) -> Answer {
    no_arguments(args, "capitalize")?;
    Ok(Value::from(capitalized(this(value)?)))
}

/// The first letter large, the others small.
pub(crate) fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => initial(first).chain(letters.as_str().to_lowercase().chars()).collect(),
        None => String::new(),
    }
}

/// A letter at the beginning of a word: of what becomes several letters only the first is large.
fn initial(c: char) -> impl Iterator<Item = char> {
    let mut large = c.to_uppercase();
    large.next().into_iter().chain(large.flat_map(char::to_lowercase))
}

pub(super) fn title_method(_: &mut Machine<'_>, value: &Value, args: Args) -> Answer {
    no_arguments(args, "title")?;
    let mut out = String::new();
    let mut within = false;
    for c in this(value)?.chars() {
        if within {
            out.extend(c.to_lowercase());
        } else {
            out.extend(initial(c));
        }
        within = is_cased(c);
    }
    Ok(Value::from(out))
}

pub(super) fn swapcase(_: &mut Machine<'_>, value: &Value, args: Args) -> Answer {
    no_arguments(args, "swapcase")?;
    let swap = |c: char| -> String {
        if c.is_uppercase() { c.to_lowercase().collect() } else { c.to_uppercase().collect() }
    };
    Ok(Value::from(this(value)?.chars().map(swap).collect::<String>()))
}

pub(super) fn expandtabs(_: &mut Machine<'_>, value: &Value, args: Args) -> Answer {
    let [size] = args.bind("expandtabs", ["tabsize"])?;
    let size = usize::try_from(size.as_ref().map_or(Ok(8), integer)?).unwrap_or(0);
    let text = this(value)?;
    check_size(text.len().saturating_mul(size.max(1)))?;
    let (mut out, mut column) = (String::new(), 0);
    for c in text.chars() {
        match c {
            '\t' if size > 0 => {
                let width = size - column % size;
                out.push_str(&" ".repeat(width));
                column += width;
            }
            '\t' => {}
            c => {
                out.push(c);
                column = if matches!(c, '\n' | '\r') { 0 } else { column + 1 };
            }
        }
    }
    Ok(Value::from(out))
}

/// Whether the text has letters and all of them pass.
fn all(value: &Value, args: Args, name: &str, test: fn(char) -> bool) -> Answer {
    no_arguments(args, name)?;
    let text = this(value)?;
    Ok(Value::Bool(!text.is_empty() && text.chars().all(test)))
}

/// Rust and Python differ on rare digits of other scripts: these questions are answered for ASCII only.
fn ascii_only(value: &Value, name: &str) -> Result<()> {
    if this(value)?.chars().any(|c| !c.is_ascii() && !c.is_alphabetic()) {
        return Err(Error::unsupported(format!(
            "`{name}` of digits and signs outside of ASCII is not supported"
        )));
    }
    Ok(())
}

pub(super) fn isalnum(_: &mut Machine<'_>, value: &Value, args: Args) -> Answer {
    ascii_only(value, "isalnum")?;
    all(value, args, "isalnum", char::is_alphanumeric)
}

pub(super) fn isalpha(_: &mut Machine<'_>, value: &Value, args: Args) -> Answer {
    all(value, args, "isalpha", char::is_alphabetic)
}

pub(super) fn isascii(_: &mut Machine<'_>, value: &Value, args: Args) -> Answer {
    no_arguments(args, "isascii")?;
    Ok(Value::Bool(this(value)?.is_ascii()))
}

pub(super) fn isdecimal(_: &mut Machine<'_>, value: &Value, args: Args) -> Answer {
    ascii_only(value, "isdecimal")?;
    all(value, args, "isdecimal", |c| c.is_ascii_digit())
}

pub(super) fn isdigit(_: &mut Machine<'_>, value: &Value, args: Args) -> Answer {
    ascii_only(value, "isdigit")?;
    all(value, args, "isdigit", |c| c.is_ascii_digit())
}

pub(super) fn isnumeric(_: &mut Machine<'_>, value: &Value, args: Args) -> Answer {
    ascii_only(value, "isnumeric")?;
    all(value, args, "isnumeric", |c| c.is_ascii_digit())
}

pub(super) fn isprintable(_: &mut Machine<'_>, value: &Value, args: Args) -> Answer {
    no_arguments(args, "isprintable")?;
    Ok(Value::Bool(this(value)?.chars().all(is_printable)))
}

pub(super) fn isspace(_: &mut Machine<'_>, value: &Value, args: Args) -> Answer {
    all(value, args, "isspace", crate::lex::is_space)
}

pub(super) fn islower(_: &mut Machine<'_>, value: &Value, args: Args) -> Answer {
    no_arguments(args, "islower")?;
    Ok(Value::Bool(is_lower(this(value)?)))
}

pub(super) fn isupper(_: &mut Machine<'_>, value: &Value, args: Args) -> Answer {
    no_arguments(args, "isupper")?;
    Ok(Value::Bool(is_upper(this(value)?)))
}

/// Has small letters and no large ones.
pub(crate) fn is_lower(text: &str) -> bool {
    text.chars().any(char::is_lowercase) && !text.chars().any(char::is_uppercase)
}

/// Has large letters and no small ones.
pub(crate) fn is_upper(text: &str) -> bool {
    text.chars().any(char::is_uppercase) && !text.chars().any(char::is_lowercase)
}

pub(super) fn istitle(_: &mut Machine<'_>, value: &Value, args: Args) -> Answer {
    no_arguments(args, "istitle")?;
    let (mut within, mut any) = (false, false);
    for c in this(value)?.chars() {
        if c.is_uppercase() == within && is_cased(c) {
            return Ok(Value::Bool(false));
        }
        within = is_cased(c);
        any |= within;
    }
    Ok(Value::Bool(any))
}
