//! The check of a value against a JSON Schema. The schemas here use few words of that language; only
//! these are understood, and tests see to it that there are no others: a whole validator would bring
//! forty crates for them.

use serde_json::{Map, Value};

/// The words that are understood, and those that only describe.
#[cfg(test)]
pub(super) const WORDS: &[&str] = &[
    "$ref",
    "additionalProperties",
    "anyOf",
    "default",
    "description",
    "enum",
    "items",
    "maxLength",
    "properties",
    "required",
    "type",
];

/// Checks a value; the error names the place and the rule, and repeats no text of the value.
/// References are looked up in `root`.
pub(super) fn check(value: &Value, schema: &Value, root: &Value) -> Result<(), String> {
    at("", value, schema, root)
}

fn at(place: &str, value: &Value, schema: &Value, root: &Value) -> Result<(), String> {
    if let Some(name) = schema["$ref"].as_str() {
        let pointer = name.split_once('#').map_or(name, |(_, pointer)| pointer);
        let schema = root.pointer(pointer).expect("references lead somewhere");
        return at(place, value, schema, root);
    }
    if let Some(choices) = schema["anyOf"].as_array() {
        let mut failed = Err("there is no choice".to_owned());
        for choice in choices {
            failed = at(place, value, choice, root);
            if failed.is_ok() {
                break;
            }
        }
        return failed;
    }
    let here = if place.is_empty() { "the value" } else { place };
    let kind = schema["type"].as_str().unwrap_or_default();
    let fits = match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64(),
        _ => true,
    };
    if !fits {
        return Err(format!("{here} is not of type {kind}"));
    }
    match value {
        Value::String(text) => check_text(here, text, schema),
        Value::Array(items) => {
            let item = |(number, it)| at(&format!("{place}[{number}]"), it, &schema["items"], root);
            items.iter().enumerate().try_for_each(item)
        }
        Value::Object(members) => check_members(place, members, schema, root),
        _ => Ok(()),
    }
}

fn check_text(here: &str, text: &str, schema: &Value) -> Result<(), String> {
    if let Some(words) = schema["enum"].as_array()
        && !words.iter().any(|word| word == text)
    {
        let words: Vec<_> = words.iter().filter_map(Value::as_str).collect();
        return Err(format!("{here} is none of {}", words.join(", ")));
    }
    let longest = schema["maxLength"].as_u64().unwrap_or(u64::MAX);
    if text.chars().count() as u64 > longest {
        return Err(format!("{here} has more than {longest} characters"));
    }
    Ok(())
}

fn check_members(
    place: &str,
    members: &Map<String, Value>,
    schema: &Value,
    root: &Value,
) -> Result<(), String> {
    let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
    for name in required {
        if !members.contains_key(name) {
            return Err(format!("{} is missing", below(place, name)));
        }
    }
    let further = &schema["additionalProperties"];
    for (name, value) in members {
        match (&schema["properties"][name], further) {
            (Value::Null, Value::Bool(false)) => {
                let name: String = name.chars().take(80).collect();
                return Err(format!("{} is not known", below(place, &name)));
            }
            (Value::Null, Value::Object(_)) => at(&below(place, name), value, further, root)?,
            (Value::Null, _) => {}
            (known, _) => at(&below(place, name), value, known, root)?,
        }
    }
    Ok(())
}

fn below(place: &str, name: &str) -> String {
    if place.is_empty() { name.to_owned() } else { format!("{place}.{name}") }
}

/// Every word that a schema uses.
#[cfg(test)]
pub(super) fn words(schema: &Value) -> Vec<&str> {
    let members = schema.as_object().into_iter().flatten();
    members.flat_map(|(word, value)| below_word(word, value)).collect()
}

#[cfg(test)]
fn below_word<'s>(word: &'s str, value: &'s Value) -> Vec<&'s str> {
    let mut found = match word {
        "properties" => {
            value.as_object().into_iter().flatten().flat_map(|it| words(it.1)).collect()
        }
        "anyOf" => value.as_array().into_iter().flatten().flat_map(words).collect(),
        "items" | "additionalProperties" => words(value),
        _ => vec![],
    };
    found.push(word);
    found
}
