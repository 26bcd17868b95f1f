//! A request that is not answered makes its part wait, with all that refer to it; the others go on.

use std::collections::BTreeMap;

use slapos_profile::{HostError, unchanged};

use crate::bench::{Bench, actions, changed};

const PROFILE: &str = "
[buildout]
parts = greeting link publish

[database]
<= slap-connection
recipe = slapos.cookbook:request
name = db
software-url = software/mariadb
config-size = 3
sla-computer_guid = COMP-2
return = host password

[etc]
recipe = slapos.cookbook:mkdirectory
path = ${buildout:directory}/etc

[greeting]
recipe = slapos.recipe.template:jinja2
inline = hello {{ name }}
output = ${etc:path}/greeting
context = raw name world

[link]
recipe = slapos.recipe.template:jinja2
inline = {{ host }} {{ password }}
output = ${etc:path}/link
context =
  key host database:connection-host
  key password database:connection-password

[publish]
recipe = slapos.cookbook:publish
url = http://${database:connection-host}/
configured = ${link:output}
-publish = url
";

fn connection(host: &str, password: &str) -> BTreeMap<String, String> {
    BTreeMap::from([
        ("host".to_owned(), host.to_owned()),
        ("password".to_owned(), password.to_owned()),
    ])
}

#[test]
fn a_request_waits_and_is_answered_on_the_second_run() {
    let mut bench = Bench::new(PROFILE);
    let first = bench.ran();
    assert_eq!(
        actions(&first),
        [
            "etc installed",
            "greeting installed",
            "database waiting",
            "link waiting",
            "publish waiting"
        ]
    );
    assert_eq!(first.connection, None);
    assert_eq!(first.requested, ["db"]);
    assert_eq!(first.waiting.len(), 1);
    assert_eq!(first.waiting[0].part, "database");
    assert_eq!(first.waiting[0].reason, "no partition runs `db` yet");
    assert_eq!(changed(&bench, &first), ["etc", "etc/greeting"]);
    assert!(!bench.exists("etc/link"));
    let ask = &bench.host.asked[0];
    assert_eq!(
        (ask.title.as_str(), ask.software_type.as_str(), ask.state.as_str()),
        ("db", "default", "started")
    );
    assert_eq!(ask.parameters, BTreeMap::from([("size".to_owned(), "3".to_owned())]));
    assert_eq!(ask.placement, BTreeMap::from([("computer_guid".to_owned(), "COMP-2".to_owned())]));

    bench.host.connections.insert("db".into(), connection("10.0.0.1", "s3cret"));
    let second = bench.ran();
    assert_eq!(
        actions(&second),
        [
            "etc unchanged",
            "greeting unchanged",
            "database installed",
            "link installed",
            "publish installed"
        ]
    );
    assert_eq!(changed(&bench, &second), ["etc/link"]);
    assert_eq!(bench.read("etc/link"), "10.0.0.1 s3cret");
    assert_eq!(
        second.connection,
        Some(BTreeMap::from([("url".to_owned(), "http://10.0.0.1/".to_owned())]))
    );
    assert!(second.waiting.is_empty());
    assert!(!bench.read(".installed.json").contains("s3cret"), "secrets stay out of the state");

    let state = std::fs::metadata(bench.dir.join(".installed.json")).unwrap();
    let third = bench.ran();
    assert!(
        actions(&third).iter().all(|action| action.ends_with(" unchanged")),
        "{:?}",
        actions(&third)
    );
    assert_eq!(changed(&bench, &third), [] as [&str; 0]);
    assert_eq!(third.connection, second.connection);
    let again = std::fs::metadata(bench.dir.join(".installed.json")).unwrap();
    assert_eq!(
        std::os::unix::fs::MetadataExt::ino(&state),
        std::os::unix::fs::MetadataExt::ino(&again)
    );

    bench.host.connections.insert("db".into(), connection("10.0.0.1", "changed"));
    let fourth = bench.ran();
    assert_eq!(changed(&bench, &fourth), ["etc/link"]);
    assert_eq!(actions(&fourth)[1], "greeting unchanged");
    assert_eq!(bench.read("etc/link"), "10.0.0.1 changed");
}

#[test]
fn what_was_installed_stays_while_its_request_waits_again() {
    let mut bench = Bench::new(PROFILE);
    bench.host.connections.insert("db".into(), connection("10.0.0.1", "one"));
    bench.ran();
    bench.host.connections.clear();
    let outcome = bench.ran();
    assert_eq!(changed(&bench, &outcome), [] as [&str; 0]);
    assert_eq!(outcome.connection, None);
    assert!(bench.exists("etc/link"));
    bench.host.connections.insert("db".into(), connection("10.0.0.2", "two"));
    let outcome = bench.ran();
    assert_eq!(changed(&bench, &outcome), ["etc/link"]);
}

#[test]
fn a_missing_name_is_told_and_a_request_without_return_is_answered_at_once() {
    let mut bench = Bench::new(PROFILE);
    bench
        .host
        .connections
        .insert("db".into(), BTreeMap::from([("host".to_owned(), "h".to_owned())]));
    assert_eq!(bench.ran().waiting[0].reason, "`db` has not published password yet");

    let profile = "[buildout]\nparts = a\n[a]\nrecipe = slapos.cookbook:request\nname = x\nsoftware-url = u\n";
    let mut bench = Bench::new(profile);
    let outcome = bench.ran();
    assert_eq!(actions(&outcome), ["a installed"]);
    assert!(outcome.waiting.is_empty());
}

#[test]
fn an_option_that_only_just_misses_a_name_is_refused() {
    let table = [
        ("retrun = host", "`retrun`", "`return`"),
        ("software-typ = x", "`software-typ`", "`software-type`"),
        ("conifg-size = 3", "`conifg-size`", "`config-size`"),
        ("slaa-computer_guid = COMP-2", "`slaa-computer_guid`", "`sla-computer_guid`"),
        ("notification-id = own", "", ""),
        ("slap-software-release = own", "", ""),
    ];
    for (line, wrong, meant) in table {
        let section = "[database]\n<= slap-connection\n";
        let profile = PROFILE.replace(section, &format!("{section}{line}\n"));
        let mut bench = Bench::new(&profile);
        if wrong.is_empty() {
            bench.ran();
            continue;
        }
        let report = bench.report();
        assert!(report.contains(&format!("a request has no option {wrong}")), "{report}");
        assert!(report.contains(&format!("did you mean {meant}?")), "{report}");
        assert_eq!(bench.host.asked, [], "the master was not asked");
    }
}

#[test]
fn a_request_offers_how_its_instance_is() {
    let mut bench = Bench::new(
        "[buildout]\nparts = publish\n[db]\nrecipe = slapos.cookbook:requestoptional\nname = db\nsoftware-url = u\nreturn = url\n\
         [publish]\nrecipe = slapos.cookbook:publish\nstatus = ${db:instance-status}\n",
    );
    assert_eq!(bench.ran().connection.unwrap()["status"], "#error no partition runs `db` yet");
    let url = [("url".to_owned(), "http://db".to_owned())];
    bench.host.connections.insert("db".into(), url.into());
    assert_eq!(bench.ran().connection.unwrap()["status"], "#access Instance correctly started");
}

#[test]
fn a_request_says_whether_it_is_for_a_shared_instance() {
    let table = [
        ("", false),
        ("slave = true\n", true),
        ("shared = true\n", true),
        ("slave = false\n", false),
    ];
    for recipe in ["request", "requestoptional.serialised"] {
        for (options, shared) in table {
            let profile = format!(
                "[buildout]\nparts = a\n[a]\nrecipe = slapos.cookbook:{recipe}\nname = x\nsoftware-url = u\n{options}"
            );
            let mut bench = Bench::new(&profile);
            bench.ran();
            assert_eq!(bench.host.asked[0].shared, shared, "{recipe} {options}");
        }
    }
}

#[test]
fn an_optional_request_never_waits() {
    let profile = "
[buildout]
parts = file
[a]
recipe = slapos.cookbook:requestoptional
name = frontend
software-url = u
return = url
[file]
recipe = slapos.recipe.template:jinja2
inline = url={{ url }}
output = file
context = key url a:connection-url
";
    let mut bench = Bench::new(profile);
    let outcome = bench.ran();
    assert_eq!(actions(&outcome), ["a installed", "file installed"]);
    assert_eq!(bench.read("file"), "url=");
    bench.host.refuses = Some(HostError { message: "no".into(), hint: None });
    assert_eq!(actions(&bench.ran()), ["a updated", "file unchanged"]);
}

#[test]
fn serialised_values_keep_their_types() {
    let profile = "
[buildout]
parts = publish
[a]
recipe = slapos.cookbook:request.serialised
name = x
software-url = u
config-list = ${list:value}
return = ports
[list]
value = !py![1, {'a': None}]
[publish]
recipe = slapos.cookbook:publish.serialised
ports = ${a:connection-ports}
";
    let mut bench = Bench::new(profile);
    bench
        .host
        .connections
        .insert("x".into(), BTreeMap::from([("_".to_owned(), "{\"ports\": [1, 2]}".to_owned())]));
    let outcome = bench.ran();
    assert_eq!(bench.host.asked[0].parameters["_"], "{\"list\": [1, {\"a\": null}]}");
    assert_eq!(outcome.connection.unwrap()["_"], "{\"ports\": [1, 2]}");
}

#[test]
fn a_refused_request_fails_the_run_after_the_parts_before_it() {
    let mut bench = Bench::new(PROFILE);
    bench.host.refuses =
        Some(HostError { message: "unknown release".into(), hint: Some("supply it".into()) });
    let report = bench.report();
    assert!(
        report.starts_with(
            "DIR/instance.cfg:8:8: the request for `db` failed: unknown release [host]"
        ),
        "{report}"
    );
    assert!(report.ends_with("hint: supply it"), "{report}");
    assert!(bench.exists("etc/greeting"), "parts before it are installed");
}

#[test]
fn a_request_that_depends_on_a_waiting_one_still_names_its_title() {
    let profile = "
[buildout]
parts = second
[first]
recipe = slapos.cookbook:request
name = one
software-url = u
return = url
[second]
recipe = slapos.cookbook:request
name = two
software-url = u
config-url = ${first:connection-url}
";
    let mut bench = Bench::new(profile);
    let outcome = bench.ran();
    assert_eq!(outcome.requested, ["one", "two"]);
    assert_eq!(bench.host.asked.len(), 1);
    assert_eq!(outcome.waiting.len(), 1);
}

#[test]
fn inputs_tell_whether_another_run_is_needed() {
    let mut bench = Bench::new(
        "[buildout]\nparts = a\n[a]\nrecipe = slapos.recipe.template\nurl = t.in\noutput = t\n",
    );
    bench.file("t.in", "one");
    let outcome = bench.ran();
    assert!(unchanged(&outcome.inputs));
    type Change = fn(&Bench);
    let table: [(&str, Change); 3] = [
        ("template", |bench| bench.file("t.in", "three")),
        ("profile", |bench| bench.file("instance.cfg", "[buildout]\nparts =\n")),
        ("output", |bench| std::fs::remove_file(bench.dir.join("t")).unwrap()),
    ];
    for (what, change) in table {
        let outcome = bench.ran();
        assert!(unchanged(&outcome.inputs), "{what}");
        change(&bench);
        assert!(!unchanged(&outcome.inputs), "{what}");
        bench.file(
            "instance.cfg",
            "[buildout]\nparts = a\n[a]\nrecipe = slapos.recipe.template\nurl = t.in\noutput = t\n",
        );
    }
}
