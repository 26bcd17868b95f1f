//! `plan`: what a run would do and why, with the texts; and that it does nothing.

use slapos_profile::{Intent, Plan, plan};

use crate::bench::{Bench, SWITCH};

fn planned(bench: &mut Bench) -> Plan {
    let job = bench.job();
    plan(&job, &mut bench.host).unwrap_or_else(|error| panic!("{}", error.report()))
}

/// `part intent: reason; reason` of each step that changes something.
fn told(bench: &Bench, plan: &Plan) -> Vec<String> {
    let steps = plan.steps.iter().filter(|step| step.intent != Intent::Keep);
    let line = |step: &slapos_profile::Step| {
        let intent = format!("{:?}", step.intent).to_lowercase();
        let reasons = step.reasons.join("; ").replace(bench.dir.as_str(), "DIR");
        format!("{} {intent}: {reasons}", step.part)
    };
    steps.map(line).collect()
}

fn profile(port: &str, parts: &str) -> String {
    format!(
        "[buildout]\nparts = {parts}\n\
         [config]\nrecipe = slapos.recipe.template\ninline = port {port}\n  end\noutput = etc/config\n\
         [text]\nrecipe = slapos.recipe.template:jinja2\nurl = ${{config:output}}\noutput = etc/copy\n\
         [run]\nrecipe = plone.recipe.command\ncommand = echo ${{config:output}} >> log\n\
         [other]\nrecipe = slapos.recipe.template\ninline = x\noutput = etc/other\n"
    )
}

#[test]
fn a_plan_tells_why_and_shows_texts_and_does_nothing() {
    let mut bench = Bench::new(&profile("1", "text run other"));
    let first = planned(&mut bench);
    let new = [
        "config install: it is new",
        "text install: it is new",
        "run install: it is new",
        "other install: it is new",
    ];
    assert_eq!(told(&bench, &first), new);
    let copy = &first.steps[1].files[0];
    assert_eq!((copy.before.as_deref(), copy.after.as_deref()), (None, Some("port 1\nend")));
    assert_eq!(bench.list("."), ["instance.cfg"]);

    bench.ran();
    let nothing = planned(&mut bench);
    assert_eq!(told(&bench, &nothing), [] as [&str; 0]);

    bench.file("instance.cfg", &profile("2", "text run"));
    let second = planned(&mut bench);
    let expected = [
        "other remove: it is no longer wanted",
        "config update: option `inline` has changed",
        "text update: part [config], to which it refers, has changed",
        "run update: part [config], to which it refers, has changed",
    ];
    assert_eq!(told(&bench, &second), expected);
    let config = second.steps.iter().find(|step| step.part == "config").unwrap();
    let texts = (config.files[0].before.as_deref(), config.files[0].after.as_deref());
    assert_eq!(texts, (Some("port 1\nend"), Some("port 2\nend")));
    let gone = &second.steps[0].files[0];
    assert_eq!((gone.path.file_name(), gone.after.as_deref()), (Some("other"), None));
    assert_eq!(bench.read("log").lines().count(), 1, "a plan runs no command");
    assert_eq!(bench.read("etc/config"), "port 1\nend");

    std::fs::remove_file(bench.dir.join("etc/other")).unwrap();
    bench.file("instance.cfg", &profile("1", "text run other"));
    let third = planned(&mut bench);
    assert_eq!(told(&bench, &third), ["other update: DIR/etc/other is not there any more"]);
}

#[test]
fn short_texts_are_shown_and_secrets_are_not() {
    let profile = |title: &str, bytes: &str| {
        format!(
            "[buildout]\nparts = x\n\
             [secret]\nrecipe = slapos.cookbook:generate.password\nbytes = {bytes}\nstorage-path =\n\
             [x]\nrecipe = slapos.recipe.template\ninline = a\noutput = {title}\nkey = ${{secret:passwd}}\n"
        )
    };
    let mut bench = Bench::new(&profile("one", "8"));
    bench.ran();
    bench.file("instance.cfg", &profile("two", "9"));
    let plan = planned(&mut bench);
    let x = told(&bench, &plan).pop().unwrap();
    assert!(x.contains("option `output`: `DIR/one` → `DIR/two`"), "{x}");
    assert!(x.contains("option `key` has changed"), "{x}");
}

#[test]
fn a_password_is_in_no_text_of_a_plan() {
    let profile = |user: &str| {
        format!(
            "[buildout]\nparts = x y\n\
             [kept]\nrecipe = slapos.cookbook:generate.password\nstorage-path = ${{buildout:directory}}/kept\n\
             [new]\nrecipe = slapos.cookbook:generate.password\nstorage-path =\n\
             [x]\nrecipe = slapos.recipe.template\noutput = x\ninline =\n  user {user}\n  pass ${{kept:passwd}}\n\
             [y]\nrecipe = slapos.recipe.template\noutput = y\ninline =\n  user {user}\n  pass ${{new:passwd}}\n"
        )
    };
    let mut bench = Bench::new(&profile("a"));
    bench.ran();
    bench.file("instance.cfg", &profile("b"));
    let plan = planned(&mut bench);
    let files: Vec<_> = plan.steps.iter().flat_map(|step| &step.files).collect();
    assert_eq!(files.len(), 2);
    for change in files {
        let texts = [&change.before, &change.after].map(|text| text.as_deref().unwrap().trim());
        assert_eq!(texts, ["user a\npass (hidden)", "user b\npass (hidden)"], "{}", change.path);
    }
    assert!(!bench.read("x").contains("hidden"), "a plan writes nothing");
}

#[test]
fn a_plan_goes_into_the_profile_of_the_type_and_tells_what_waits() {
    let mut bench = Bench::new(SWITCH);
    bench.file(
        "default.cfg",
        "[buildout]\nparts = page\n\
         [db]\nrecipe = slapos.cookbook:request\nname = db\nsoftware-url = u\nreturn = host\n\
         [page]\nrecipe = slapos.recipe.template\ninline = ${db:connection-host}\noutput = page\n",
    );
    let plan = planned(&mut bench);
    let told = told(&bench, &plan);
    let expected = [
        "slap-configuration install: it is new",
        "switch install: it is new",
        "switch/db wait: no partition runs `db` yet",
        "switch/page wait: no partition runs `db` yet",
    ];
    assert_eq!(told, expected);
}

#[test]
fn a_plan_runs_no_python_and_takes_what_it_set_before() {
    let profile = |more: &str| {
        format!(
            "[buildout]\nparts = page\n\
             [py]\nrecipe = slapos.recipe.build\ninit =\n  open('ran', 'a').write('x')\n  options['v'] = 'a$b'\n\
             [page]\nrecipe = slapos.recipe.template\ninline = ${{py:v}}{more}\noutput = page\n"
        )
    };
    let mut bench = Bench::new(&profile(""));
    let first = planned(&mut bench);
    let reason = "it is Python, which a plan does not run";
    assert_eq!(
        told(&bench, &first),
        [format!("py wait: {reason}"), format!("page wait: {reason}")]
    );
    if bench.job().python.is_none() {
        return crate::skip::skip("this computer has no Python");
    }
    bench.ran();
    bench.file("instance.cfg", &profile("!"));
    let second = planned(&mut bench);
    assert_eq!(second.steps[1].files[0].after.as_deref(), Some("a$b!"));
    assert_eq!(told(&bench, &second), ["page update: option `inline`: `a$b` → `a$b!`"]);
    assert_eq!(bench.read("ran"), "x");
}

#[test]
fn what_a_run_would_end_with_is_refused_among_the_other_steps() {
    let mut bench = Bench::new(
        "[buildout]
parts = good typo built page user
[good]
recipe = slapos.recipe.template
inline = x
output = good
[typo]
recipe = slapos.recipe.templat
[built]
recipe = slapos.recipe.cmmi
[page]
recipe = slapos.recipe.template:jinja2
inline = {{ nothing }}
output = page
[user]
recipe = slapos.recipe.template
inline = ${typo:v}
output = user
",
    );
    let plan = planned(&mut bench);
    assert!(plan.is_refused());
    let steps: Vec<_> = plan.steps.iter().map(|step| (step.part.as_str(), step.intent)).collect();
    let refused = ["typo", "built", "user", "page"].map(|part| (part, Intent::Refused));
    assert_eq!(steps[0], ("good", Intent::Install));
    assert_eq!(steps[1..], refused);
    let told = told(&bench, &plan);
    for (at, words) in [
        (
            1,
            "`slapos.recipe.templat`, which is not known here [unknown-recipe]; hint: did you mean",
        ),
        (2, "nothing takes its place [unsupported]; hint: "),
        (3, "[unknown-recipe]"),
        (4, "[template]"),
    ] {
        assert!(told[at].contains(words), "{told:?}");
    }
    assert!(bench.run().is_err());
}
