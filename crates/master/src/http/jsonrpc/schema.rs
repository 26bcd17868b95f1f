//! The schemas of the methods' inputs and outputs, in `schemas/`, and the check of a value against
//! one. They are JSON Schema, draft 7, of which they use few words; only these are understood, and a
//! test sees to it that there are no others. A whole validator would bring forty crates for them.

use std::{collections::BTreeMap, sync::LazyLock};

use serde_json::{Map, Value};

/// Method and text of its schemas.
macro_rules! schemas {
    ($method:literal) => {
        ($method, include_str!(concat!("schemas/", $method, ".json")))
    };
}

const METHODS: &[(&str, &str)] = &[
    schemas!("slapos.post.v0.software_instance"),
    schemas!("slapos.get.v0.software_instance"),
    schemas!("slapos.get.v0.compute_partition"),
    schemas!("slapos.get.v0.instance_tree"),
    schemas!("slapos.get.v0.software_instance_certificate"),
    schemas!("slapos.get.v0.compute_node_status"),
    schemas!("slapos.get.v0.hateoas_url"),
    schemas!("slapos.allDocs.v0.instance_tree_list"),
    schemas!("slapos.allDocs.v0.compute_node_instance_list"),
    schemas!("slapos.allDocs.v0.compute_node_software_installation_list"),
    schemas!("slapos.allDocs.v0.instance_node_instance_list"),
    schemas!("slapos.put.v0.software_instance_connection_parameter"),
    schemas!("slapos.put.v0.software_instance_reported_state"),
    schemas!("slapos.put.v0.software_instance_error"),
    schemas!("slapos.put.v0.software_instance_bang"),
    schemas!("slapos.put.v0.software_instance_title"),
    schemas!("slapos.post.v0.software_installation"),
    schemas!("slapos.put.v0.software_installation_reported_state"),
    schemas!("slapos.put.v0.software_installation_error"),
    schemas!("slapos.put.v0.compute_node_format"),
    schemas!("slapos.put.v0.compute_node_bang"),
    schemas!("slapos.post.v0.compute_node_usage"),
    schemas!("slapos.post.v0.compute_node_certificate"),
    schemas!("slapos.remove.v0.compute_node_certificate"),
    schemas!("slapos.allDocs.WIP.compute_node_list"),
];

static COMMON: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(include_str!("schemas/common.json")).expect("it is JSON")
});

static SCHEMAS: LazyLock<BTreeMap<&str, Schemas>> = LazyLock::new(|| {
    let read = |(method, text): &(&'static str, &str)| {
        let mut both: Value = serde_json::from_str(text).expect("schemas are JSON");
        (*method, Schemas { input: both["input"].take(), output: both["output"].take() })
    };
    METHODS.iter().map(read).collect()
});

/// What goes into a method and what comes out of it.
#[derive(Debug)]
pub(super) struct Schemas {
    /// The schema of its input.
    pub(super) input: Value,
    /// The schema of its output.
    pub(super) output: Value,
}

/// The schemas of a method, if there is such a method.
pub(super) fn of(method: &str) -> Option<&'static Schemas> {
    SCHEMAS.get(method)
}

/// Checks a value; the error names the place and the rule, and repeats no text of the value.
pub(super) fn check(value: &Value, schema: &Value) -> Result<(), String> {
    at("", value, schema)
}

fn at(place: &str, value: &Value, schema: &Value) -> Result<(), String> {
    if let Some(name) = schema["$ref"].as_str() {
        let name = name.strip_prefix("common.json#").unwrap_or(name);
        return at(place, value, COMMON.pointer(name).expect("references lead somewhere"));
    }
    if let Some(choices) = schema["anyOf"].as_array() {
        let mut failed = Err("there is no choice".to_owned());
        for choice in choices {
            failed = at(place, value, choice);
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
            let item = |(number, it)| at(&format!("{place}[{number}]"), it, &schema["items"]);
            items.iter().enumerate().try_for_each(item)
        }
        Value::Object(members) => check_members(place, members, schema),
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

fn check_members(place: &str, members: &Map<String, Value>, schema: &Value) -> Result<(), String> {
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
            (Value::Null, Value::Object(_)) => at(&below(place, name), value, further)?,
            (Value::Null, _) => {}
            (known, _) => at(&below(place, name), value, known)?,
        }
    }
    Ok(())
}

fn below(place: &str, name: &str) -> String {
    if place.is_empty() { name.to_owned() } else { format!("{place}.{name}") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Every word that a schema uses.
    fn words(schema: &Value, seen: &mut Vec<String>) {
        for (word, value) in schema.as_object().into_iter().flatten() {
            seen.push(word.clone());
            match word.as_str() {
                "properties" => value.as_object().unwrap().values().for_each(|it| words(it, seen)),
                "anyOf" => value.as_array().unwrap().iter().for_each(|it| words(it, seen)),
                "items" | "additionalProperties" => words(value, seen),
                _ => {}
            }
        }
    }

    #[test]
    fn schemas_use_only_what_is_understood() {
        let understood = [
            "$ref",
            "additionalProperties",
            "anyOf",
            "default",
            "enum",
            "items",
            "maxLength",
            "properties",
            "required",
            "type",
        ];
        let mut seen = Vec::new();
        for schemas in SCHEMAS.values() {
            words(&schemas.input, &mut seen);
            words(&schemas.output, &mut seen);
        }
        COMMON.as_object().unwrap().values().for_each(|it| words(it, &mut seen));
        let unknown: Vec<_> = seen.iter().filter(|it| !understood.contains(&it.as_str())).collect();
        assert!(unknown.is_empty(), "{unknown:?}");
    }

    #[test]
    fn faults_name_place_and_rule() {
        let of = |method: &str| &SCHEMAS[method].input;
        let request = of("slapos.post.v0.software_instance");
        let asked = json!({"title": "x", "software_release_uri": "u", "software_type": "t"});
        let with = |name: &str, value: Value| {
            let mut asked = asked.clone();
            asked[name] = value;
            asked
        };
        let format = of("slapos.put.v0.compute_node_format");
        let partitions =
            |list: Value| json!({"computer_guid": "C", "compute_partition_list": list});
        let table = [
            (request, asked.clone(), None),
            (
                request,
                with("sla_parameters", json!({"region": "eu", "retention_delay": 1.5})),
                None,
            ),
            (request, json!({"title": 5}), Some("software_release_uri is missing")),
            (request, with("title", json!(5)), Some("title is not of type string")),
            (request, with("title", json!("x".repeat(201))), Some("title has more than 200 char")),
            (request, with("state", json!("gone")), Some("state is none of started, stopped, d")),
            (request, with("colour", json!("red")), Some("colour is not known")),
            (
                request,
                with("sla_parameters", json!({"region": 1})),
                Some("sla_parameters.region is"),
            ),
            (request, json!([]), Some("the value is not of type object")),
            (format, partitions(json!([{"partition_id": "p", "more": 1}])), None),
            (
                format,
                partitions(json!([{"partition_id": "p", "ip_list": [{}]}])),
                Some("compute_partition_list[0].ip_list[0].ip-address is missing"),
            ),
        ];
        for (schema, value, expected) in table {
            let found = check(&value, schema).err();
            match expected {
                None => assert_eq!(found, None, "{value}"),
                Some(part) => assert!(found.unwrap().starts_with(part), "{value}"),
            }
        }
    }
}
