//! Python's `json`.

use super::{flag, functions};
use crate::error::{Error, Result};
use crate::eval::Machine;
use crate::functions::builtin;
use crate::methods::integer;
use crate::value::{Args, JsonStyle, Value};

pub(super) fn module() -> Value {
    functions("json", [("dumps", builtin("dumps", dumps)), ("loads", builtin("loads", loads))])
}

fn loads(_: &mut Machine<'_>, args: Args) -> Result<Value> {
    let [text] = args.bind("loads", ["s"])?;
    let text = text.unwrap_or(Value::None).defined()?;
    let text = match &text {
        Value::Bytes(bytes) => std::str::from_utf8(bytes)
            .map_err(|_| Error::value_error("the bytes for loads() are not UTF-8"))?,
        other => super::text_of(other, "loads")?,
    };
    Value::from_json(text).map_err(|error| Error::value_error(error.to_string()))
}

fn dumps(_: &mut Machine<'_>, args: Args) -> Result<Value> {
    let names = ["obj", "indent", "sort_keys", "separators", "ensure_ascii"];
    if args.positional.len() > 1 {
        return Err(Error::type_error("dumps() takes 1 positional argument"));
    }
    let [value, indent, sort_keys, separators, ascii] = args.bind("dumps", names)?;
    let indent = match indent {
        None | Some(Value::None) => None,
        Some(Value::Str(text)) => Some(text.to_string()),
        Some(width) => {
            let width = usize::try_from(integer(&width)?).unwrap_or(0);
            Some(" ".repeat(width.min(1000)))
        }
    };
    let mut style = JsonStyle {
        sort_keys: flag(sort_keys, false)?,
        ascii: flag(ascii, true)?,
        ..JsonStyle::default()
    };
    if indent.is_some() {
        style.item_separator = ",".into();
    }
    style.indent = indent;
    if let Some(separators) = separators.filter(|separators| !matches!(separators, Value::None)) {
        let [item, key] = <[Value; 2]>::try_from(separators.to_vec()?)
            .map_err(|_| Error::value_error("separators are a pair of texts"))?;
        style.item_separator = super::text_of(&item, "dumps")?.into();
        style.key_separator = super::text_of(&key, "dumps")?.into();
    }
    let value = value.ok_or_else(|| Error::type_error("dumps() needs a value"))?.defined()?;
    value.to_json_styled(&style).map(Value::from)
}
