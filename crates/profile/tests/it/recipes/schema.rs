//! slapconfiguration.jsonschema: parameters that a schema holds to, and its defaults.

use slapos_profile::Shared;

use crate::bench::Bench;

fn bench(options: &str, schema: &str) -> Bench {
    let bench = Bench::new(&format!(
        "[buildout]\nparts = publish\n[slap-configuration]\nrecipe = slapos.cookbook:slapconfiguration.jsonschema\njsonschema = rel/software.cfg.json\n{options}\
         [publish]\nrecipe = slapos.cookbook:publish.serialised\nall = ${{slap-configuration:configuration}}\n"
    ));
    bench.file(
        "rel/software.cfg.json",
        r#"{"serialisation": "json-in-xml", "software-type": {
            "default": {"request": "in.json"},
            "guest": {"request": "in.json", "software-type": "default", "shared": true}}}"#,
    );
    bench.file("rel/in.json", schema);
    bench.file("rel/parts.json", r#"{"$defs": {"port": {"type": "integer", "default": 80}}}"#);
    bench
}

const SCHEMA: &str = r##"{
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "additionalProperties": false,
    "required": ["name"],
    "properties": {
        "name": {"type": "string", "minLength": 2},
        "port": {"$ref": "parts.json#/$defs/port"},
        "on": {"type": "boolean"},
        "tree": {"type": "object", "default": {}, "properties": {"depth": {"type": "integer", "default": 3}}},
        "kind": {"oneOf": [
            {"properties": {"is": {"const": "a"}, "only-a": {"default": 1}}},
            {"properties": {"is": {"const": "b"}, "only-b": {"default": 2}}}
        ]}
    }
}"##;

fn all(bench: &mut Bench, parameters: &str) -> serde_json::Value {
    bench.facts.parameters = [("_".to_owned(), parameters.to_owned())].into();
    let connection = bench.ran().connection.unwrap();
    serde_json::from_str::<serde_json::Value>(&connection["_"]).unwrap()["all"].take()
}

#[test]
fn defaults_come_from_the_schemas_that_really_apply() {
    let mut with = bench("set-default = main\n", SCHEMA);
    assert_eq!(
        all(&mut with, r#"{"name": "me", "kind": {"is": "b"}}"#),
        serde_json::json!({"name": "me", "kind": {"is": "b", "only-b": 2}, "port": 80, "tree": {"depth": 3}})
    );
    let mut without = bench("", SCHEMA);
    assert_eq!(all(&mut without, r#"{"name": "me"}"#), serde_json::json!({"name": "me"}));
}

#[test]
fn wrong_parameters_fail_the_part_and_their_values_are_not_told() {
    let table = [
        ("{}", "name"),
        (r#"{"name": "me", "port": "s3cret"}"#, "`port`: "),
        (r#"{"name": "me", "other": 1}"#, "other"),
        ("{", "`_` does not hold JSON"),
    ];
    for (parameters, expected) in table {
        let mut bench = bench("", SCHEMA);
        bench.facts.parameters = [("_".to_owned(), parameters.to_owned())].into();
        let report = bench.report();
        assert!(report.contains(expected) && !report.contains("s3cret"), "{report}");
    }
    let mut nothing = bench("validate-parameters = none\n", SCHEMA);
    assert_eq!(all(&mut nothing, r#"{"port": "any"}"#), serde_json::json!({"port": "any"}));
    let report = bench("validate-parameters = some\n", SCHEMA).report();
    assert!(report.contains("wanted all, main, shared or none"), "{report}");
}

#[test]
fn texts_are_taken_for_what_they_show_where_that_is_wanted() {
    let mut bench = bench("unstringify = main\n", SCHEMA);
    let seen = all(&mut bench, r#"{"name": "17", "port": "8080", "on": "False"}"#);
    assert_eq!(seen, serde_json::json!({"name": "17", "port": 8080, "on": false}));
}

#[test]
fn shared_instances_are_sorted_by_whether_their_parameters_are_valid() {
    let mut bench = bench("set-default = shared\nvalidate-parameters = shared\n", SCHEMA);
    let text = bench.read("instance.cfg");
    bench.file("instance.cfg", &format!("{text}good = ${{slap-configuration:valid-shared-instance-list}}\nbad = ${{slap-configuration:invalid-shared-instance-list}}\n"));
    let guest = |number: u32, json: &str| Shared {
        reference: format!("SOFTINST-{number}"),
        title: "guest".into(),
        software_type: "default".into(),
        parameters: [("_".to_owned(), json.to_owned())].into(),
    };
    bench.facts.shared = vec![guest(1, r#"{"name": "ana"}"#), guest(2, "{}"), guest(3, "[")];
    let connection = bench.ran().connection.unwrap();
    let seen: serde_json::Value = serde_json::from_str(&connection["_"]).unwrap();
    let ana = serde_json::json!({"name": "ana", "port": 80, "tree": {"depth": 3}});
    assert_eq!(seen["good"], serde_json::json!([{"reference": "SOFTINST-1", "parameters": ana}]));
    let bad: Vec<_> = seen["bad"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["reference"].as_str().unwrap())
        .collect();
    assert_eq!(bad, ["SOFTINST-2", "SOFTINST-3"]);
    assert!(seen["bad"][0]["errors"].as_str().unwrap().contains("name"), "{seen}");
}
