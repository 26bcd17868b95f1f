//! Values that are made once and stay: publish-early, and hashes of passwords on demand.

use slapos_profile::plan;

use crate::bench::{Bench, SWITCH, actions};

const EARLY: &str = "
[buildout]
parts = publish

[publish-early]
recipe = slapos.cookbook:publish-early
-init =
  password gen-password:passwd
  hash gen-password:passwd-ldap-salted-sha1
  number gen-number:value

[gen-password]
recipe = slapos.cookbook:generate.password
storage-path =

[gen-number]
recipe = slapos.cookbook:random.integer
minimum = 1
maximum = 1000000000

[other]
<= slap-connection
recipe = slapos.cookbook:request
name = other
software-url = u
config-password = ${publish-early:password}
return = url

[publish]
recipe = slapos.cookbook:publish.serialised
-extends = publish-early
url = ${other:connection-url}
";

#[test]
fn early_values_are_published_before_the_requests_are_answered_and_never_change() {
    let mut bench = Bench::new(EARLY);
    let first = bench.ran();
    let early = first.connection.clone().unwrap();
    assert_eq!(early.keys().collect::<Vec<_>>(), ["hash", "number", "password"]);
    assert_eq!(bench.host.asked[0].parameters["password"], early["password"]);
    assert!(early["hash"].starts_with("{SSHA}"));
    assert_eq!(bench.mode("parts/publish-early"), 0o600);
    let state = bench.read(".installed.json");
    assert!(!state.contains(&early["password"]) && !state.contains(&early["hash"]), "{state}");

    let second = bench.ran();
    assert_eq!(second.connection, None, "nothing is new, and the rest waits");
    bench
        .host
        .connections
        .insert("other".into(), [("url".to_owned(), "http://o".to_owned())].into());
    let third: serde_json::Value =
        serde_json::from_str(&bench.ran().connection.unwrap()["_"]).unwrap();
    assert_eq!(third["password"], early["password"].as_str());
    assert_eq!(third["hash"], early["hash"].as_str());
    assert_eq!(third["number"].to_string(), early["number"]);
    assert_eq!(third["url"], "http://o");
    let fourth = bench.ran();
    assert!(
        actions(&fourth).iter().all(|action| action.ends_with("unchanged")),
        "{:?}",
        actions(&fourth)
    );
}

#[test]
fn a_lost_file_is_made_again_from_what_the_master_knows() {
    for serialised in [false, true] {
        let mut bench = Bench::new(EARLY);
        let early = bench.ran().connection.unwrap();
        std::fs::remove_dir_all(bench.dir.join("parts")).unwrap();
        bench.facts.connection = early.clone();
        if serialised {
            let json = serde_json::to_string(&early).unwrap();
            bench.facts.connection = [("_".to_owned(), json)].into();
        }
        let again = bench.ran();
        assert_eq!(bench.host.asked[0].parameters["password"], early["password"]);
        assert_eq!(again.connection, None, "nothing is new");
        bench.facts.connection.clear();
        bench.ran();
        assert_eq!(bench.host.asked[0].parameters["password"], early["password"], "it is kept");
    }
}

#[test]
fn a_fixed_value_takes_the_place_of_a_made_one() {
    let mut bench = Bench::new(&EARLY.replace("-init =", "password = fixed\n-init ="));
    bench.ran();
    assert_eq!(bench.host.asked[0].parameters["password"], "fixed");
}

#[test]
fn nobody_else_reads_what_is_published_early() {
    let mut bench = Bench::new(&format!("{EARLY}direct = ${{gen-password:passwd}}\n"));
    let report = bench.report();
    assert!(report.contains("[gen-password] is in use already"), "{report}");
    let mut late = Bench::new(&format!(
        "{EARLY}zdirect = ${{gen-password:passwd}}
"
    ));
    let report = late.report();
    assert!(report.contains("[gen-password] has no option `passwd`"), "{report}");
}

#[test]
fn hashes_of_a_password_are_made_on_demand_and_kept_with_it() {
    let profile = "[buildout]\nparts = publish\n[p]\nrecipe = slapos.cookbook:generate.password\nstorage-path = pw\n\
         [publish]\nrecipe = slapos.cookbook:publish\nhash = ${p:passwd-sha256-crypt}\nplain = ${p:passwd}\n";
    let mut bench = Bench::new(profile);
    let first = bench.ran().connection.unwrap();
    assert!(first["hash"].starts_with("$5$rounds=535000$"), "{}", first["hash"]);
    let stored: serde_json::Value = serde_json::from_str(&bench.read("pw")).unwrap();
    assert_eq!(
        stored,
        serde_json::json!({"": first["plain"], "passwd-sha256-crypt": first["hash"]})
    );
    assert_eq!(bench.ran().connection.unwrap(), first);
    assert!(!bench.read(".installed.json").contains("$5$"));
    bench.file("instance.cfg", &profile.replace("sha256-crypt", "sha265-crypt"));
    let report = bench.report();
    assert!(
        report.contains("cannot be hashed with `sha265-crypt`")
            && report.contains("did you mean `sha256-crypt`?"),
        "{report}"
    );
}

#[test]
fn a_password_that_cannot_be_read_is_never_replaced() {
    let profile = "[buildout]\nparts = p\n[p]\nrecipe = slapos.cookbook:generate.password\nstorage-path = pw\n";
    let mut bench = Bench::new(profile);
    for damaged in ["{\"\": \"se", "{\"\": \"\"}", "{}"] {
        bench.file("pw", damaged);
        let report = bench.report();
        assert!(report.contains("[bad-state]") && report.contains("hint: restore"), "{report}");
        assert!(report.contains("DIR/pw") && !report.contains("\"se"), "{report}");
        assert_eq!(bench.read("pw"), damaged);
    }
    std::fs::remove_file(bench.dir.join("pw")).unwrap();
    std::fs::create_dir(bench.dir.join("pw")).unwrap();
    assert!(bench.report().contains("no plain file"));
    std::fs::remove_dir(bench.dir.join("pw")).unwrap();
    for recipe in ["uuid\ncache-file", "generate.mac\nstorage-path"] {
        let other =
            format!("[buildout]\nparts = p\n[p]\nrecipe = slapos.cookbook:{recipe} = kept\n");
        let mut bench = Bench::new(&other);
        std::fs::create_dir(bench.dir.join("kept")).unwrap();
        let report = bench.report();
        assert!(report.contains("[bad-state]") && report.contains("hint: restore"), "{report}");
    }
    bench.file("pw", "");
    bench.ran();
    assert!(bench.read("pw").starts_with('{'));
}

/// The password that a bench's part `pw` made.
fn password(bench: &Bench) -> String {
    let forms: serde_json::Value = serde_json::from_str(&bench.read("parts/pw")).unwrap();
    forms[""].as_str().unwrap().to_owned()
}

#[test]
fn what_is_made_of_a_secret_is_in_no_state() {
    let mut bench = Bench::new(
        "[buildout]\nparts = url line page\n\
         [pw]\nrecipe = slapos.cookbook:generate.password\n\
         [url]\nrecipe = slapos.cookbook:urlparse\n\
         url = http://u:${pw:passwd}@h/${pw:passwd}?token=${pw:passwd}#${pw:passwd}\n\
         [line]\nrecipe = slapos.cookbook:readline\nstorage-path = none\nwhen-absent = ${pw:passwd}\n\
         [page]\nrecipe = slapos.recipe.template\noutput = page\n\
         inline = ${url:path} ${url:query} ${line:readline}\n",
    );
    bench.ran();
    let (password, state) = (password(&bench), bench.read(".installed.json"));
    assert_eq!(bench.read("page"), format!("{password} token={password} {password}"));
    assert!(!state.contains(&password), "{state}");
    assert!(state.contains(&format!("{}/page", bench.dir)), "a place is no secret: {state}");
}

#[test]
fn a_profile_that_is_switched_to_knows_what_is_secret() {
    let mut bench = Bench::new(SWITCH);
    bench.file(
        "default.cfg",
        "[buildout]\nparts = page\n[page]\nrecipe = slapos.recipe.template\noutput = page\n\
         inline = ${slap-configuration:slave-instance-list}\n",
    );
    bench.facts.shared.push(slapos_profile::Shared {
        reference: "SOFTINST-1".into(),
        title: "guest".into(),
        software_type: "default".into(),
        parameters: [("password".to_owned(), "of-the-guest".to_owned())].into(),
    });
    bench.ran();
    assert!(bench.read("page").contains("of-the-guest"));
    for state in bench.list(".").into_iter().filter(|name| name.ends_with(".json")) {
        assert!(!bench.read(&state).contains("of-the-guest"), "{state}: {}", bench.read(&state));
    }
}

#[test]
fn a_secret_is_in_no_error_and_in_no_plan() {
    let mut bench = Bench::new(
        "[buildout]\nparts = page cmd\n\
         [pw]\nrecipe = slapos.cookbook:generate.password\n\
         [page]\nrecipe = slapos.recipe.template\ninline = password=${pw:passwd}\noutput = page\n\
         [cmd]\nrecipe = plone.recipe.command\nstop-on-error = true\n\
         command = echo it is ${pw:passwd}; exit 1\n",
    );
    let job = bench.job();
    let planned = plan(&job, &mut bench.host).unwrap();
    let page = planned.steps.iter().find(|step| step.part == "page").unwrap();
    assert_eq!(page.files[0].after.as_deref(), Some("password=(hidden)"));
    let report = bench.report();
    assert!(!report.contains(&password(&bench)), "{report}");
    assert!(report.contains("it is (hidden)"), "{report}");
}
