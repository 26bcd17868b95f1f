//! An instance that serves shared instances: it gets their list, and publishes for each.

use std::collections::BTreeMap;

use slapos_profile::Shared;

use crate::bench::{Bench, changed};

type Texts = BTreeMap<String, String>;

fn map(entries: &[(&str, &str)]) -> Texts {
    entries.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
}

fn shared(number: u32, parameters: &[(&str, &str)]) -> Shared {
    Shared {
        reference: format!("SOFTINST-{number}"),
        title: format!("guest {number}"),
        software_type: "default".into(),
        parameters: map(parameters),
    }
}

/// What a real release does: its profile renders another one from the list, a part each, and goes
/// on with that. `name` of each guest goes into a file of its own.
fn host() -> Bench {
    let bench = Bench::new(
        "
[buildout]
parts = switch

[slap-configuration]
recipe = slapos.cookbook:slapconfiguration

[guests.cfg]
recipe = slapos.recipe.template:jinja2
url = ${buildout:directory}/guests.cfg.in
output = ${buildout:directory}/guests.cfg
context = key guests slap-configuration:slave-instance-list

[switch]
recipe = slapos.cookbook:switch-softwaretype
default = guests.cfg:output
",
    );
    bench.file(
        "guests.cfg.in",
        "
[buildout]
parts =
  service
  publish
{%- for guest in guests %}
  publish-{{ guest['slave_reference'] }}
{%- endfor %}

[service]
recipe = slapos.recipe.template:jinja2
inline = serves on ${slap-configuration:ipv4-random}
output = ${buildout:directory}/service

[publish]
recipe = slapos.cookbook:publish
url = http://host/
{%- for guest in guests %}

[file-{{ guest['slave_reference'] }}]
recipe = slapos.recipe.template:jinja2
inline = {{ guest['name'] }}
output = ${buildout:directory}/guests/{{ guest['slave_reference'] }}

[publish-{{ guest['slave_reference'] }}]
recipe = slapos.cookbook:publish
-slave-reference = {{ guest['slave_reference'] }}
-publish = url
url = http://host/{{ guest['name'] }}
file = ${file-{{ guest['slave_reference'] }}:output}
{%- endfor %}
",
    );
    bench
}

#[test]
fn each_guest_has_its_own_values_and_a_change_of_one_touches_only_one() {
    let mut bench = host();
    let own = Some(map(&[("url", "http://host/")]));
    let none = bench.ran();
    assert_eq!((none.connection, none.shared), (own.clone(), BTreeMap::new()));

    bench.facts.shared = vec![shared(7, &[("name", "seven")]), shared(8, &[("name", "eight")])];
    let two = bench.ran();
    let published = |name| map(&[("url", name)]);
    let expected = [("SOFTINST-7", "http://host/seven"), ("SOFTINST-8", "http://host/eight")]
        .map(|(reference, url)| (reference.to_owned(), published(url)));
    assert_eq!((&two.connection, &two.shared), (&own, &expected.into()));
    assert_eq!(bench.list("guests"), ["SOFTINST-7", "SOFTINST-8"]);
    let again = bench.ran();
    assert_eq!(changed(&bench, &again), [] as [&str; 0]);
    assert_eq!(again.shared, two.shared, "all values are told by each run");

    bench.facts.shared[1].parameters = map(&[("name", "ocho")]);
    let other = bench.ran();
    assert_eq!(changed(&bench, &other), ["guests.cfg", "guests/SOFTINST-8"]);
    assert_eq!(other.shared["SOFTINST-7"], two.shared["SOFTINST-7"]);
    assert_eq!(other.shared["SOFTINST-8"], published("http://host/ocho"));

    bench.facts.shared.remove(1);
    let one = bench.ran();
    assert_eq!(one.shared.keys().collect::<Vec<_>>(), ["SOFTINST-7"]);
    assert_eq!(changed(&bench, &one), ["guests.cfg", "guests/SOFTINST-8"]);
    assert_eq!(bench.list("guests"), ["SOFTINST-7"]);
}

#[test]
fn the_list_has_parameters_and_what_the_master_says_and_stays_out_of_the_state() {
    for recipe in ["slapconfiguration", "slapconfiguration.serialised"] {
        let mut bench = Bench::new(&format!(
            "[buildout]\nparts = publish\n[slap-configuration]\nrecipe = slapos.cookbook:{recipe}\n\
             [publish]\nrecipe = slapos.cookbook:publish.serialised\nlist = ${{slap-configuration:slave-instance-list}}\n"
        ));
        bench.facts.shared = vec![
            shared(7, &[("password", "s3cret"), ("slave_reference", "SOFTINST-8")]),
            shared(8, &[("_", "{\"size\": 1}")]),
        ];
        let json = &bench.ran().connection.unwrap()["_"];
        let seen: serde_json::Value = serde_json::from_str(json).unwrap();
        let expected = serde_json::json!({"list": [
            {
                "password": "s3cret",
                "slave_reference": "SOFTINST-7", // whatever its parameters pretend
                "slave_title": "guest 7",
                "slap_software_type": "default",
            },
            {
                "_": "{\"size\": 1}", // profiles read the JSON themselves
                "slave_reference": "SOFTINST-8",
                "slave_title": "guest 8",
                "slap_software_type": "default",
            },
        ]});
        assert_eq!(seen, expected, "{recipe}");
        assert!(!bench.read(".installed.json").contains("s3cret"));
    }
}

#[test]
fn values_for_a_guest_may_be_json() {
    let mut bench = Bench::new(
        "[buildout]\nparts = a\n[a]\nrecipe = slapos.cookbook:publish.serialised\n-slave-reference = SOFTINST-7\n\
         ports = !py![1, 2]\n",
    );
    bench.facts.shared = vec![shared(7, &[])];
    let outcome = bench.ran();
    assert_eq!(outcome.connection, None, "nothing of it is the host's own");
    assert_eq!(outcome.shared["SOFTINST-7"], map(&[("_", "{\"ports\": [1, 2]}")]));
}

#[test]
fn an_unknown_reference_is_an_error_with_its_place() {
    let table = [
        ("SOFTINST-71", "`SOFTINST-71` [bad-option]", "did you mean `SOFTINST-7`?"),
        ("elsewhere", "`elsewhere` [bad-option]", "slap-configuration:slave-instance-list"),
        ("", "`` [bad-option]", "slap-configuration:slave-instance-list"),
    ];
    for (reference, message, hint) in table {
        let mut bench = Bench::new(&format!(
            "[buildout]\nparts = a\n[a]\nrecipe = slapos.cookbook:publish\nurl = x\n-slave-reference = {reference}\n"
        ));
        bench.facts.shared = vec![shared(7, &[])];
        let report = bench.report();
        let place = "DIR/instance.cfg:6:";
        let text = format!("this instance serves no shared instance {message}");
        assert!(report.starts_with(place) && report.contains(&text), "{report}");
        assert!(report.lines().last().unwrap().contains(hint), "{report}");
    }
}
