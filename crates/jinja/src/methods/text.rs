//! Methods of `str`: looking, replacing, filling, encoding.

use super::{Table, clamped, integer, required, text_case, text_split, wrong_receiver};
use crate::error::{Error, Result};
use crate::eval::Machine;
use crate::format::braces;
use crate::value::{Args, Value, check_size};

pub(super) const METHODS: Table = &[
    ("capitalize", text_case::capitalize),
    ("casefold", text_case::casefold),
    ("center", |_, value, args| {
        fill(value, args, "center", |missing| (missing / 2, missing - missing / 2))
    }),
    ("count", count),
    ("encode", encode),
    ("endswith", |_, value, args| {
        affix(value, args, "endswith", |text, part| text.ends_with(part))
    }),
    ("expandtabs", text_case::expandtabs),
    ("find", |_, value, args| Ok(Value::Int(find(value, args, "find", false)?.unwrap_or(-1)))),
    ("format", |machine, value, args| {
        Ok(Value::from(braces::format(machine, this(value)?, &args)?))
    }),
    ("index", |_, value, args| {
        find(value, args, "index", false)?
            .map(Value::Int)
            .ok_or_else(|| Error::value_error("substring not found"))
    }),
    ("isalnum", text_case::isalnum),
    ("isalpha", text_case::isalpha),
    ("isascii", text_case::isascii),
    ("isdecimal", text_case::isdecimal),
    ("isdigit", text_case::isdigit),
    ("islower", text_case::islower),
    ("isnumeric", text_case::isnumeric),
    ("isprintable", text_case::isprintable),
    ("isspace", text_case::isspace),
    ("istitle", text_case::istitle),
    ("isupper", text_case::isupper),
    ("join", join),
    ("ljust", |_, value, args| fill(value, args, "ljust", |missing| (0, missing))),
    ("lower", text_case::lower),
    ("lstrip", text_split::lstrip),
    ("partition", text_split::partition),
    ("removeprefix", |_, value, args| {
        let [part] = args.exactly("removeprefix")?;
        let text = this(value)?;
        Ok(Value::from(text.strip_prefix(part_of(&part)?).unwrap_or(text)))
    }),
    ("removesuffix", |_, value, args| {
        let [part] = args.exactly("removesuffix")?;
        let text = this(value)?;
        Ok(Value::from(text.strip_suffix(part_of(&part)?).unwrap_or(text)))
    }),
    ("replace", replace),
    ("rfind", |_, value, args| Ok(Value::Int(find(value, args, "rfind", true)?.unwrap_or(-1)))),
    ("rindex", |_, value, args| {
        find(value, args, "rindex", true)?
            .map(Value::Int)
            .ok_or_else(|| Error::value_error("substring not found"))
    }),
    ("rjust", |_, value, args| fill(value, args, "rjust", |missing| (missing, 0))),
    ("rpartition", text_split::rpartition),
    ("rsplit", text_split::rsplit),
    ("rstrip", text_split::rstrip),
    ("split", text_split::split),
    ("splitlines", text_split::splitlines),
    ("startswith", |_, value, args| {
        affix(value, args, "startswith", |text, part| text.starts_with(part))
    }),
    ("strip", text_split::strip),
    ("swapcase", text_case::swapcase),
    ("title", text_case::title_method),
    ("upper", text_case::upper),
    ("zfill", zfill),
];

pub(super) fn this(value: &Value) -> Result<&str> {
    value.as_str().ok_or_else(|| wrong_receiver(value))
}

/// An argument as text.
pub(super) fn part_of(value: &Value) -> Result<&str> {
    match value {
        Value::Str(text) | Value::Markup(text) => Ok(text),
        Value::Undefined(missing) => Err(missing.error()),
        other => Err(Error::type_error(format!("must be str, not {}", other.type_name()))),
    }
}

/// The part of a text between two positions in characters, and where it starts. `None` if the start is beyond it.
fn window<'t>(
    text: &'t str,
    start: Option<&Value>,
    end: Option<&Value>,
) -> Result<Option<(&'t str, usize)>> {
    let length = text.chars().count();
    let bound = |value: Option<&Value>, default: usize| -> Result<usize> {
        Ok(match value {
            None | Some(Value::None) => default,
            Some(value) => {
                let index = clamped(value)?;
                let distance = usize::try_from(index.unsigned_abs()).unwrap_or(usize::MAX);
                if index < 0 { length.saturating_sub(distance) } else { distance }
            }
        })
    };
    let (start, end) = (bound(start, 0)?, bound(end, length)?.min(length));
    if start > end {
        return Ok(None);
    }
    let byte = |at: usize| text.char_indices().nth(at).map_or(text.len(), |(byte, _)| byte);
    Ok(Some((&text[byte(start)..byte(end)], start)))
}

fn find(value: &Value, args: Args, name: &str, last: bool) -> Result<Option<i64>> {
    let [part, start, end] = args.bind(name, ["sub", "start", "end"])?;
    let part = required(name, "sub", part)?;
    let part = part_of(&part)?;
    let Some((text, offset)) = window(this(value)?, start.as_ref(), end.as_ref())? else {
        return Ok(None);
    };
    let found = if last { text.rfind(part) } else { text.find(part) };
    Ok(found.and_then(|at| i64::try_from(text[..at].chars().count() + offset).ok()))
}

fn count(_: &mut Machine<'_>, value: &Value, args: Args) -> Result<Value> {
    let [part, start, end] = args.bind("count", ["sub", "start", "end"])?;
    let part = required("count", "sub", part)?;
    let part = part_of(&part)?;
    let Some((text, _)) = window(this(value)?, start.as_ref(), end.as_ref())? else {
        return Ok(Value::Int(0));
    };
    Ok(Value::from(if part.is_empty() {
        text.chars().count() + 1
    } else {
        text.matches(part).count()
    }))
}

fn affix(value: &Value, args: Args, name: &str, test: fn(&str, &str) -> bool) -> Result<Value> {
    let [part, start, end] = args.bind(name, ["prefix", "start", "end"])?;
    let part = required(name, "prefix", part)?;
    let Some((text, _)) = window(this(value)?, start.as_ref(), end.as_ref())? else {
        return Ok(Value::Bool(false));
    };
    let Value::Tuple(parts) = &part else {
        return Ok(Value::Bool(test(text, part_of(&part)?)));
    };
    for part in parts.iter() {
        if test(text, part_of(part)?) {
            return Ok(Value::Bool(true));
        }
    }
    Ok(Value::Bool(false))
}

fn join(_: &mut Machine<'_>, value: &Value, args: Args) -> Result<Value> {
    let [items] = args.exactly("join")?;
    let (separator, mut out) = (this(value)?, String::new());
    for (at, item) in items.to_vec()?.iter().enumerate() {
        if at > 0 {
            out.push_str(separator);
        }
        let Some(text) = item.as_str() else {
            let name = item.clone().defined()?.type_name().to_string();
            let message = format!("sequence item {at}: expected str instance, {name} found");
            return Err(
                Error::type_error(message).with_hint("the filter `join` takes values of any type")
            );
        };
        out.push_str(text);
        check_size(out.len())?;
    }
    Ok(Value::from(out))
}

fn replace(_: &mut Machine<'_>, value: &Value, args: Args) -> Result<Value> {
    let [old, new, count] = args.bind("replace", ["old", "new", "count"])?;
    let (old, new) = (required("replace", "old", old)?, required("replace", "new", new)?);
    let count = count.as_ref().map_or(Ok(-1), integer)?;
    replaced(this(value)?, part_of(&old)?, part_of(&new)?, usize::try_from(count).ok())
        .map(Value::from)
}

/// `text` with up to `count` times `new` instead of `old`.
pub(crate) fn replaced(text: &str, old: &str, new: &str, count: Option<usize>) -> Result<String> {
    let occurs = if old.is_empty() { text.chars().count() + 1 } else { text.matches(old).count() };
    let times = count.map_or(occurs, |count| count.min(occurs));
    check_size(text.len() + times.saturating_mul(new.len()))?;
    Ok(text.replacen(old, new, times))
}

fn fill(
    value: &Value,
    args: Args,
    name: &str,
    sides: fn(usize) -> (usize, usize),
) -> Result<Value> {
    let [width, filling] = args.bind(name, ["width", "fillchar"])?;
    let width = usize::try_from(integer(&required(name, "width", width)?)?).unwrap_or(0);
    check_size(width)?;
    let filling = filling.unwrap_or_else(|| Value::from(" "));
    let mark = part_of(&filling)?;
    if mark.chars().count() != 1 {
        return Err(Error::type_error("The fill character must be exactly one character long"));
    }
    let text = this(value)?;
    let length = text.chars().count();
    let (mut left, mut right) = sides(width.saturating_sub(length));
    if name == "center" && left != right && width % 2 == 1 {
        // Python puts the odd one to the left when the width is odd.
        (left, right) = (right, left);
    }
    Ok(Value::from(format!("{}{text}{}", mark.repeat(left), mark.repeat(right))))
}

fn zfill(_: &mut Machine<'_>, value: &Value, args: Args) -> Result<Value> {
    let [width] = args.exactly("zfill")?;
    let width = usize::try_from(integer(&width)?).unwrap_or(0);
    check_size(width)?;
    let text = this(value)?;
    let zeros = "0".repeat(width.saturating_sub(text.chars().count()));
    let sign = text.len() - text.strip_prefix(['+', '-']).unwrap_or(text).len();
    Ok(Value::from(format!("{}{zeros}{}", &text[..sign], &text[sign..])))
}

fn encode(_: &mut Machine<'_>, value: &Value, args: Args) -> Result<Value> {
    let [encoding, errors] = args.bind("encode", ["encoding", "errors"])?;
    if let Some(errors) = errors
        && part_of(&errors)? != "strict"
    {
        return Err(Error::unsupported(
            "`encode` with another treatment of errors than `strict` is not supported",
        ));
    }
    let (text, encoding) = (this(value)?, encoding.unwrap_or_else(|| Value::from("utf-8")));
    let limit = match codec(part_of(&encoding)?)? {
        Codec::Utf8 => return Ok(Value::from(text.as_bytes())),
        Codec::Ascii => 128,
        Codec::Latin1 => 256,
    };
    let bytes = text.chars().map(|c| u8::try_from(c).ok().filter(|byte| u32::from(*byte) < limit));
    let bytes: Option<Vec<u8>> = bytes.collect();
    bytes.map(|bytes| Value::Bytes(bytes.into())).ok_or_else(|| {
        let name = part_of(&encoding).unwrap_or_default().to_string();
        Error::value_error(format!("'{name}' codec can't encode the text"))
    })
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Codec {
    Utf8,
    Ascii,
    Latin1,
}

pub(super) fn codec(name: &str) -> Result<Codec> {
    match name.to_ascii_lowercase().replace('_', "-").as_str() {
        "utf-8" | "utf8" => Ok(Codec::Utf8),
        "ascii" | "us-ascii" => Ok(Codec::Ascii),
        "latin-1" | "latin1" | "iso-8859-1" => Ok(Codec::Latin1),
        other => Err(Error::unsupported(format!("the encoding `{other}` is not supported"))
            .with_hint("utf-8, ascii and latin-1 are")),
    }
}
