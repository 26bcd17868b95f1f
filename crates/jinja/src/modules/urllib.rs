//! Python's `urllib.parse`.

use std::rc::Rc;

use super::url::{UrlParts, quote_bytes, unquote};
use super::{flag, functions, text_of};
use crate::error::{Error, Result};
use crate::eval::Machine;
use crate::functions::builtin;
use crate::value::{Args, Dict, Key, Object, Value};

/// `urllib`, with the names that Python 2 had at its top.
pub(super) fn package() -> Value {
    functions(
        "urllib",
        [
            ("parse", module()),
            ("quote", builtin("quote", quote)),
            ("quote_plus", builtin("quote_plus", quote_plus)),
            ("unquote", builtin("unquote", |_, args| plain(args, "unquote"))),
            ("unquote_plus", builtin("unquote_plus", unquote_plus)),
            ("urlencode", builtin("urlencode", urlencode)),
        ],
    )
}

pub(super) fn module() -> Value {
    functions(
        "urllib.parse",
        [
            ("parse_qs", builtin("parse_qs", parse_qs)),
            ("parse_qsl", builtin("parse_qsl", parse_qsl)),
            ("quote", builtin("quote", quote)),
            ("quote_plus", builtin("quote_plus", quote_plus)),
            ("unquote", builtin("unquote", |_, args| plain(args, "unquote"))),
            ("unquote_plus", builtin("unquote_plus", unquote_plus)),
            ("urlencode", builtin("urlencode", urlencode)),
            ("urlparse", builtin("urlparse", |_, args| parsed(args, "urlparse", UrlParts::of))),
            (
                "urlsplit",
                builtin("urlsplit", |_, args| parsed(args, "urlsplit", UrlParts::without_params)),
            ),
        ],
    )
}

fn parsed(args: Args, name: &str, split: fn(&str) -> Result<UrlParts>) -> Result<Value> {
    let [url] = args.bind(name, ["url"])?;
    let parts = split(text_of(&url.unwrap_or(Value::None), name)?)?;
    Ok(Value::Object(Rc::new(Parsed { parts, has_params: name == "urlparse" })))
}

/// What `urlparse` and `urlsplit` give.
struct Parsed {
    parts: UrlParts,
    has_params: bool,
}

impl Parsed {
    /// The parts in the order of Python's tuple.
    fn fields(&self) -> Vec<(&'static str, &String)> {
        let UrlParts { scheme, netloc, path, params, query, fragment } = &self.parts;
        let mut fields = vec![("scheme", scheme), ("netloc", netloc), ("path", path)];
        if self.has_params {
            fields.push(("params", params));
        }
        fields.extend([("query", query), ("fragment", fragment)]);
        fields
    }
}

impl Object for Parsed {
    fn type_name(&self) -> &str {
        if self.has_params { "ParseResult" } else { "SplitResult" }
    }

    fn attribute(&self, name: &str) -> Result<Option<Value>> {
        let maybe = |text: Option<&str>| text.map_or(Value::None, Value::from);
        Ok(Some(match name {
            "username" => maybe(self.parts.user().0),
            "password" => maybe(self.parts.user().1),
            "hostname" => self.parts.host().map_or(Value::None, Value::from),
            "port" => self.parts.port()?.map_or(Value::None, |port| Value::Int(port.into())),
            "geturl" => {
                let text = self.parts.text();
                Value::function("geturl", move |_, _| Ok(Value::from(text.as_str())))
            }
            _ => match self.fields().into_iter().find(|(field, _)| *field == name) {
                Some((_, text)) => Value::from(text.as_str()),
                None => return Ok(None),
            },
        }))
    }

    fn names(&self) -> Vec<Rc<str>> {
        let own = ["username", "password", "hostname", "port", "geturl"];
        let fields = self.fields().into_iter().map(|(field, _)| field);
        fields.chain(own).map(Rc::from).collect()
    }

    fn text(&self) -> Option<Result<String>> {
        let shown = |(name, text): (&str, &String)| {
            Ok(format!("{name}={}", Value::from(text.as_str()).repr()?))
        };
        let fields: Result<Vec<String>> = self.fields().into_iter().map(shown).collect();
        Some(fields.map(|fields| format!("{}({})", self.type_name(), fields.join(", "))))
    }

    fn item(&self, key: &Value) -> Option<Result<Value>> {
        let Value::Int(at) = key else { return None };
        let fields = self.fields();
        let at = if *at < 0 {
            usize::try_from(-at).ok().and_then(|back| fields.len().checked_sub(back))
        } else {
            usize::try_from(*at).ok()
        };
        let field = at.and_then(|at| fields.get(at));
        Some(
            field
                .map(|(_, text)| Value::from(text.as_str()))
                .ok_or_else(|| Error::new(crate::ErrorKind::Index, "tuple index out of range")),
        )
    }
}

fn quote(_: &mut Machine<'_>, args: Args) -> Result<Value> {
    let [text, safe] = args.bind("quote", ["string", "safe"])?;
    quoted(&text.unwrap_or(Value::None), safe.as_ref(), "/").map(Value::from)
}

fn quote_plus(_: &mut Machine<'_>, args: Args) -> Result<Value> {
    let [text, safe] = args.bind("quote_plus", ["string", "safe"])?;
    plus(&text.unwrap_or(Value::None), safe.as_ref()).map(Value::from)
}

fn quoted(text: &Value, safe: Option<&Value>, otherwise: &str) -> Result<String> {
    let safe = safe.map_or(Ok(otherwise), |safe| text_of(safe, "quote"))?;
    Ok(match text {
        Value::Bytes(bytes) => quote_bytes(bytes, safe),
        other => quote_bytes(text_of(other, "quote")?.as_bytes(), safe),
    })
}

/// A space becomes `+`.
fn plus(text: &Value, safe: Option<&Value>) -> Result<String> {
    let safe = safe.map_or(Ok(""), |safe| text_of(safe, "quote_plus"))?;
    Ok(quoted(text, Some(&Value::from(format!("{safe} "))), "")?.replace(' ', "+"))
}

fn plain(args: Args, name: &str) -> Result<Value> {
    let [text] = args.bind(name, ["string"])?;
    Ok(Value::from(unquote(text_of(&text.unwrap_or(Value::None), name)?)))
}

fn unquote_plus(_: &mut Machine<'_>, args: Args) -> Result<Value> {
    let [text] = args.bind("unquote_plus", ["string"])?;
    let text = text.unwrap_or(Value::None);
    Ok(Value::from(unquote(&text_of(&text, "unquote_plus")?.replace('+', " "))))
}

fn urlencode(_: &mut Machine<'_>, args: Args) -> Result<Value> {
    let [query, doseq, safe] = args.bind("urlencode", ["query", "doseq", "safe"])?;
    let pairs = match query.unwrap_or(Value::None).defined()? {
        Value::Dict(dict) => {
            let entries = dict.borrow();
            entries.iter().map(|(key, value)| (key.value().clone(), value.clone())).collect()
        }
        other => pairs(&other)?,
    };
    let doseq = flag(doseq, false)?;
    let part = |value: &Value| match value {
        Value::Bytes(_) => plus(value, safe.as_ref()),
        other => plus(&Value::Str(other.text()?), safe.as_ref()),
    };
    let mut written = Vec::new();
    for (name, value) in pairs {
        let several = doseq && !matches!(value, Value::Str(_) | Value::Markup(_) | Value::Bytes(_));
        let values = match value.iterate() {
            Ok(_) if several => value.to_vec()?,
            _ => vec![value],
        };
        for value in values {
            written.push(format!("{}={}", part(&name)?, part(&value)?));
        }
    }
    Ok(Value::from(written.join("&")))
}

fn pairs(items: &Value) -> Result<Vec<(Value, Value)>> {
    let pair = |item: Value| match <[Value; 2]>::try_from(item.to_vec()?) {
        Ok([name, value]) => Ok((name, value)),
        Err(_) => Err(Error::type_error("urlencode() takes a dictionary or pairs")),
    };
    items.to_vec()?.into_iter().map(pair).collect()
}

fn parse_qsl(_: &mut Machine<'_>, args: Args) -> Result<Value> {
    let found = query_pairs(args, "parse_qsl")?;
    Ok(Value::list(
        found
            .into_iter()
            .map(|(name, text)| Value::tuple(vec![name.into(), text.into()]))
            .collect(),
    ))
}

fn parse_qs(_: &mut Machine<'_>, args: Args) -> Result<Value> {
    let found = Dict::default();
    for (name, text) in query_pairs(args, "parse_qs")? {
        let mut entries = found.borrow_mut();
        let values =
            entries.entry(Key::from(name.as_str())).or_insert_with(|| Value::list(Vec::new()));
        if let Value::List(values) = values {
            values.borrow_mut().push(text.into());
        }
    }
    Ok(Value::Dict(found))
}

fn query_pairs(args: Args, name: &str) -> Result<Vec<(String, String)>> {
    let [query, blank, strict] = args.bind(name, ["qs", "keep_blank_values", "strict_parsing"])?;
    let (blank, strict) = (flag(blank, false)?, flag(strict, false)?);
    let query = query.unwrap_or(Value::None);
    let mut found = Vec::new();
    for field in text_of(&query, name)?.split('&') {
        if field.is_empty() && !strict {
            continue;
        }
        let (name, text) = match field.split_once('=') {
            Some(pair) => pair,
            None if strict => {
                return Err(Error::value_error(format!("bad query field: '{field}'")));
            }
            None if blank => (field, ""),
            None => continue,
        };
        if blank || !text.is_empty() {
            found.push((unquote(&name.replace('+', " ")), unquote(&text.replace('+', " "))));
        }
    }
    Ok(found)
}
