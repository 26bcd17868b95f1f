//! The methods with the schemas of their inputs and outputs, which are in `schemas/`.

use std::{collections::BTreeMap, sync::LazyLock};

use serde_json::Value;

use self::About::{Computers, Instances};
use crate::http::schema;

/// What a method is about: the file that answers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum About {
    /// `instances.rs`
    Instances,
    /// `computers.rs`
    Computers,
}

/// Method, what it is about, and text of its schemas.
macro_rules! schemas {
    ($about:ident, $method:literal) => {
        ($method, $about, include_str!(concat!("schemas/", $method, ".json")))
    };
}

const METHODS: &[(&str, About, &str)] = &[
    schemas!(Instances, "slapos.post.v0.software_instance"),
    schemas!(Instances, "slapos.get.v0.software_instance"),
    schemas!(Computers, "slapos.get.v0.compute_partition"),
    schemas!(Instances, "slapos.get.v0.instance_tree"),
    schemas!(Instances, "slapos.get.v0.software_instance_certificate"),
    schemas!(Computers, "slapos.get.v0.compute_node_status"),
    schemas!(Instances, "slapos.get.v0.hateoas_url"),
    schemas!(Instances, "slapos.allDocs.v0.instance_tree_list"),
    schemas!(Computers, "slapos.allDocs.v0.compute_node_instance_list"),
    schemas!(Computers, "slapos.allDocs.v0.compute_node_software_installation_list"),
    schemas!(Instances, "slapos.allDocs.v0.instance_node_instance_list"),
    schemas!(Instances, "slapos.put.v0.software_instance_connection_parameter"),
    schemas!(Instances, "slapos.put.v0.software_instance_reported_state"),
    schemas!(Instances, "slapos.put.v0.software_instance_error"),
    schemas!(Instances, "slapos.put.v0.software_instance_bang"),
    schemas!(Instances, "slapos.put.v0.software_instance_title"),
    schemas!(Computers, "slapos.post.v0.software_installation"),
    schemas!(Computers, "slapos.put.v0.software_installation_reported_state"),
    schemas!(Computers, "slapos.put.v0.software_installation_error"),
    schemas!(Computers, "slapos.put.v0.compute_node_format"),
    schemas!(Computers, "slapos.put.v0.compute_node_bang"),
    schemas!(Computers, "slapos.post.v0.compute_node_usage"),
    schemas!(Computers, "slapos.post.v0.compute_node_certificate"),
    schemas!(Computers, "slapos.remove.v0.compute_node_certificate"),
    schemas!(Computers, "slapos.allDocs.WIP.compute_node_list"),
];

static COMMON: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(include_str!("schemas/common.json")).expect("it is JSON")
});

static SCHEMAS: LazyLock<BTreeMap<&str, Schemas>> = LazyLock::new(|| {
    let read = |(method, about, text): &(&'static str, About, &str)| {
        let mut both: Value = serde_json::from_str(text).expect("schemas are JSON");
        let (input, output) = (both["input"].take(), both["output"].take());
        (*method, Schemas { about: *about, input, output })
    };
    METHODS.iter().map(read).collect()
});

/// What goes into a method and what comes out of it.
#[derive(Debug)]
pub(super) struct Schemas {
    /// Where it is answered.
    pub(super) about: About,
    /// The schema of its input.
    pub(super) input: Value,
    /// The schema of its output.
    pub(super) output: Value,
}

/// The schemas of a method, if there is such a method.
pub(super) fn of(method: &str) -> Option<&'static Schemas> {
    SCHEMAS.get(method)
}

/// Checks an input or an output; the error names the place and the rule.
pub(super) fn check(value: &Value, schema: &Value) -> Result<(), String> {
    schema::check(value, schema, &COMMON)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn schemas_use_only_what_is_understood() {
        let both = SCHEMAS.values().flat_map(|it| [&it.input, &it.output]);
        for schema in both.chain(COMMON.as_object().unwrap().values()) {
            let mut words = schema::words(schema);
            words.retain(|word| !schema::WORDS.contains(word));
            assert!(words.is_empty(), "{words:?}");
        }
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
