//! Filters on texts.

use super::{Table, flag, size};
use crate::error::{Error, Result};
use crate::eval::Machine;
use crate::format::percent;
use crate::methods::{self, capitalized, lines, replaced};
use crate::value::{Args, Value, check_size, string_of};

pub(super) const FILTERS: Table = &[
    ("capitalize", |_, value, args| plain(value, args, capitalized)),
    ("center", |machine, value, args| {
        let [width] = args.bind("center", ["width"])?;
        let positional = vec![width.unwrap_or(Value::Int(80))];
        method(machine, value, "center", Args { positional, named: Vec::new() })
    }),
    ("format", format),
    ("indent", indent),
    ("lower", |_, value, args| plain(value, args, str::to_lowercase)),
    ("replace", |_, value, args| {
        let [old, new, count] = args.bind("replace", ["old", "new", "count"])?;
        let (Some(old), Some(new)) = (old, new) else {
            return Err(Error::type_error("the filter `replace` needs `old` and `new`"));
        };
        let count = match count {
            None | Some(Value::None) => None,
            Some(count) => usize::try_from(methods::integer(&count)?).ok(),
        };
        replaced(&value.text()?, &old.text()?, &new.text()?, count).map(Value::from)
    }),
    ("string", |_, value, args| {
        let [] = args.exactly("string")?;
        string_of(value)
    }),
    ("title", |_, value, args| plain(value, args, title)),
    ("trim", |machine, value, args| {
        let [chars] = args.bind("trim", ["chars"])?;
        let positional = vec![chars.unwrap_or(Value::None)];
        method(machine, value, "strip", Args { positional, named: Vec::new() })
    }),
    ("truncate", truncate),
    ("upper", |_, value, args| plain(value, args, str::to_uppercase)),
    ("wordcount", |_, value, args| {
        let [] = args.exactly("wordcount")?;
        let text = value.text()?;
        let words = text.split(|c: char| !(c.is_alphanumeric() || c == '_'));
        Ok(Value::from(words.filter(|word| !word.is_empty()).count()))
    }),
];

/// A change of the text; escaped text stays escaped only where the change cannot break it.
fn plain(value: &Value, args: Args, change: impl Fn(&str) -> String) -> Result<Value> {
    let [] = args.exactly("this filter")?;
    match value {
        Value::Markup(text) => Ok(Value::Markup(change(text).into())),
        other => Ok(Value::from(change(&other.text()?))),
    }
}

/// A method of `str` as filter.
fn method(machine: &mut Machine<'_>, value: &Value, name: &str, args: Args) -> Result<Value> {
    let escaped = matches!(value, Value::Markup(_));
    let text = Value::Str(value.text()?);
    let Some(method) = methods::find(&text, name)? else {
        return Err(Error::unsupported(format!("`{name}` is not supported")));
    };
    let result = (method.run)(machine, &text, args)?;
    Ok(if escaped { Value::Markup(result.text()?) } else { result })
}

fn format(_: &mut Machine<'_>, value: &Value, args: Args) -> Result<Value> {
    if matches!(value, Value::Markup(_)) {
        return Err(Error::unsupported("`format` of escaped text is not supported"));
    }
    let values = match (args.positional.is_empty(), args.named.is_empty()) {
        (false, false) => {
            return Err(Error::type_error(
                "can't handle positional and keyword arguments at the same time",
            ));
        }
        (true, false) => Value::dict(args.named),
        _ => Value::tuple(args.positional),
    };
    percent::format(&value.text()?, &values).map(Value::from)
}

fn indent(_: &mut Machine<'_>, value: &Value, args: Args) -> Result<Value> {
    let [width, first, blank] = args.bind("indent", ["width", "first", "blank"])?;
    let indention = match width {
        Some(Value::Str(text)) => text.to_string(),
        Some(Value::Markup(_)) => {
            let message = "the filter `indent` by a text that is HTML already is not supported";
            return Err(Error::unsupported(message));
        }
        Some(Value::Int(width)) if width < 0 => String::new(),
        width => {
            let width = size(width, 4)?;
            check_size(width)?;
            " ".repeat(width)
        }
    };
    let (first, blank) = (flag(first)?, flag(blank)?);
    let escaped = matches!(value, Value::Markup(_));
    let Some(text) = value.as_str() else {
        let name = value.clone().defined()?.type_name().to_string();
        return Err(Error::type_error(format!(
            "the filter `indent` needs a text, not a value of type {name}"
        )));
    };
    let text = format!("{text}\n");
    let found = lines(&text, false);
    check_size(text.len() + found.len() * indention.len())?;
    let mut out = if first { indention.clone() } else { String::new() };
    for (at, line) in found.iter().enumerate() {
        if at > 0 {
            out.push('\n');
            if blank || !line.is_empty() {
                out.push_str(&indention);
            }
        }
        out.push_str(line);
    }
    Ok(if escaped { Value::Markup(out.into()) } else { Value::from(out) })
}

/// Every word begins with a large letter; words are cut at spaces and some brackets.
fn title(text: &str) -> String {
    let mut out = String::new();
    let mut start = true;
    for c in text.chars() {
        let cuts = crate::lex::is_space(c) || "-({[<".contains(c);
        if cuts {
            out.push(c);
            start = true;
        } else if start {
            out.extend(c.to_uppercase());
            start = false;
        } else {
            out.extend(c.to_lowercase());
        }
    }
    out
}

fn truncate(_: &mut Machine<'_>, value: &Value, args: Args) -> Result<Value> {
    let [length, killwords, end, leeway] =
        args.bind("truncate", ["length", "killwords", "end", "leeway"])?;
    let (length, leeway) = (size(length, 255)?, size(leeway, 5)?);
    let end = end.map_or_else(|| Ok("...".into()), |end| end.text())?;
    let Value::Str(text) = value.clone().defined()? else {
        return Err(Error::unsupported(
            "the filter `truncate` of something else than a plain text is not supported",
        ));
    };
    let kept = length.checked_sub(end.chars().count());
    let kept = kept.ok_or_else(|| {
        Error::value_error(format!("`length` must not be less than that of `{end}`"))
    })?;
    if text.chars().count() <= length + leeway {
        return Ok(Value::Str(text));
    }
    let cut: String = text.chars().take(kept).collect();
    let cut = if flag(killwords)? {
        &cut
    } else {
        cut.rsplit_once(' ').map_or(cut.as_str(), |(before, _)| before)
    };
    Ok(Value::from(format!("{cut}{end}")))
}
