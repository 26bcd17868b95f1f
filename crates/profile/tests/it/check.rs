//! `check`: all faults at once, no effects, and who can install what.

use std::collections::BTreeSet;

use slapos_profile::{Checked, Code, Means, check};

use crate::bench::Bench;

fn checked(bench: &mut Bench) -> Checked {
    let job = bench.job();
    check(&job, &mut bench.host)
}

/// `line:column code` of each fault.
fn faults(checked: &Checked) -> Vec<String> {
    let place = |fault: &slapos_profile::Fault| {
        let place = fault.place.as_ref().map(|place| format!("{}:{}", place.line, place.column));
        format!("{} {}", place.unwrap_or_default(), fault.code.name())
    };
    checked.faults.iter().map(place).collect()
}

#[test]
fn all_faults_are_told_at_once_with_their_chains() {
    let mut bench = Bench::new(
        "[buildout]
parts = x y nosuch
[x]
recipe = slapos.recipe.template
inline = ${:hots} ${databse:host} ${data:c1}
output = ${bad}
host = h
[y]
recipe = slapos.cookbook:wrapper
command-lin = a ${x:host}
wrapper-path = b
[data]
c1 = ${:c2}
c2 = ${data:c1}
[database]
",
    );
    let found = checked(&mut bench);
    let expected = [
        "5:10 missing-option",
        "5:19 missing-section",
        "14:6 option-cycle",
        "6:10 bad-reference",
        "9:10 missing-option",
        "2:13 missing-section",
    ];
    assert_eq!(
        faults(&found).iter().collect::<BTreeSet<_>>(),
        expected.map(String::from).iter().collect()
    );
    let cycle = found.faults.iter().find(|fault| fault.code == Code::OptionCycle).unwrap();
    let told = cycle.report().replace(bench.dir.as_str(), "DIR");
    assert_eq!(
        told,
        "DIR/instance.cfg:14:6: options refer to each other in a circle: data:c1 → data:c2 → data:c1 [option-cycle]
 14 | c2 = ${data:c1}
    |      ^
  while evaluating data:c2 (DIR/instance.cfg:14)
  while evaluating data:c1 (DIR/instance.cfg:13)
  while using section [data]
  while evaluating x:inline (DIR/instance.cfg:5)
  while using section [x]"
    );
    let hints: Vec<_> = found.faults.iter().filter_map(|fault| fault.hint.as_deref()).collect();
    for hint in ["did you mean `host`?", "did you mean `database`?", "did you mean `command-lin`?"]
    {
        assert!(hints.contains(&hint), "{hints:?}");
    }
}

#[test]
fn names_that_a_template_uses_and_nobody_gives_are_faults() {
    let mut bench = Bench::new(
        "[buildout]
parts = x
[x]
recipe = slapos.recipe.template:jinja2
url = ${buildout:directory}/t.in
output = out
context = raw server a
",
    );
    bench.file(
        "t.in",
        "{{ sever }}{{ server }}\n{% if port is defined %}{{ port }}{% endif %}{{ hots }}",
    );
    assert_eq!(faults(&checked(&mut bench)), ["1:4 template", "2:49 template"]);
}

#[test]
fn parts_are_sorted_by_who_can_install_them() {
    let mut bench = Bench::new(
        "[buildout]
parts = a b c d
[a]
recipe = slapos.cookbook:wrapper
command-line = ${c:location}/bin/x ${b:anything}
wrapper-path = w
[b]
recipe = slapos.recipe.build
init = options['anything'] = 1
[c]
recipe = slapos.recipe.cmmi
[d]
recipe = slapos.cookbook:wraper
",
    );
    let found = checked(&mut bench);
    let means: Vec<_> = found.parts.iter().map(|part| (part.name.as_str(), part.means)).collect();
    assert_eq!(
        means,
        [("c", Means::Nobody), ("b", Means::Host), ("a", Means::Native), ("d", Means::Host)]
    );
    assert_eq!(faults(&found), ["13:10 unknown-recipe"]);
    assert_eq!(found.faults[0].hint.as_deref(), Some("did you mean `wrapper`?"));
}

#[test]
fn what_only_a_run_can_tell_is_no_fault() {
    let mut bench = Bench::new(
        "[buildout]
parts = page more
[page]
recipe = slapos.recipe.template:jinja2
inline = {{ password }} {{ host }}
output = ${directory:etc}/page
context =
  key password secret:passwd
  key host db:connection-host
  key port db:connection-prot
  key title slap-configuration:configuration.title
[more]
recipe = slapos.cookbook:wrapper
command-line = ${slap-connection:server-url} ${given:x}
wrapper-path = ${directory:etc}/w
hash-existing-files = ${page:output}
[given]
recipe = slapos.toolbox:anything
[directory]
recipe = slapos.cookbook:mkdirectory
etc = ${buildout:directory}/etc
[secret]
recipe = slapos.cookbook:generate.password
[db]
recipe = slapos.cookbook:request
name = db
software-url = u
return = host port
",
    );
    let found = checked(&mut bench);
    assert_eq!(faults(&found), ["10:3 missing-option"], "only the name that `return` lacks");
    assert_eq!(found.faults[0].hint.as_deref(), Some("add `prot` to `return` of [db]"));
    assert!(bench.host.asked.is_empty(), "a check requests nothing");
    assert_eq!(bench.list("."), ["instance.cfg"], "a check writes nothing");
}

#[test]
fn a_recipe_that_no_egg_has_is_unknown_as_in_a_run() {
    let table = [
        ("slapos.recipe.templat:jinja2", Some("did you mean `slapos.recipe.template:jinja2`?")),
        ("slapos.recipe.template:jinja", Some("did you mean `slapos.recipe.template:jinja2`?")),
        ("own.egg:anything", None),
        ("sh", None),
        (":x", None),
    ];
    for (recipe, hint) in table {
        let mut bench = Bench::new(&format!("[buildout]\nparts = a\n[a]\nrecipe = {recipe}\n"));
        let found = checked(&mut bench);
        assert_eq!(faults(&found), ["4:10 unknown-recipe"], "{recipe}");
        if hint.is_some() {
            assert_eq!(found.faults[0].hint.as_deref(), hint);
        }
        let refused = bench.run().expect_err("a run refuses what a check does");
        assert_eq!(
            (refused.code(), refused.hint()),
            (Code::UnknownRecipe, found.faults[0].hint.as_deref())
        );
    }
}

#[test]
fn a_listed_part_needs_a_recipe() {
    let good = "[b]\nrecipe = slapos.recipe.template\ninline = x\noutput = b\n";
    let table = [
        ("parts = a b\n[a]\nx = 1\n", "2:9 missing-option", None),
        ("parts = a b\n[a]\nrecip = x\n", "2:9 missing-option", Some("did you mean `recip`?")),
        ("part = a b\n[a]\nx = 1\n", "2:1 missing-option", Some("did you mean `parts`?")),
    ];
    for (text, expected, hint) in table {
        let mut bench = Bench::new(&format!("[buildout]\n{text}{good}"));
        let found = checked(&mut bench);
        assert_eq!(faults(&found), [expected], "{text}");
        assert_eq!(found.faults[0].hint.as_deref(), hint, "{text}");
        let refused = bench.run().expect_err("a run refuses what a check does");
        assert_eq!(refused.code(), Code::MissingOption);
        assert_eq!(bench.list("."), ["instance.cfg"], "nothing is installed beside it");
    }
}

#[test]
fn a_template_is_parsed() {
    let mut bench = Bench::new(
        "[buildout]\nparts = x\n[x]\nrecipe = slapos.recipe.template:jinja2\nurl = ${buildout:directory}/page.in\noutput = o\n",
    );
    bench.file("page.in", "fine\n{% if %}\n");
    let found = checked(&mut bench);
    assert_eq!(faults(&found), ["2:7 template"]);
    assert!(found.faults[0].place.as_ref().unwrap().file.ends_with("page.in"));
}

/// Each code with the smallest run that has it.
#[test]
fn every_code_has_a_profile_that_shows_it() {
    let part = |options: &str| format!("[buildout]\nparts = x\n[x]\n{options}");
    let template = |options: &str| {
        part(&format!("recipe = slapos.recipe.template:jinja2\noutput = o\n{options}"))
    };
    let command = "recipe = plone.recipe.command\ncommand = false\nstop-on-error = true\n";
    let deep: String = (0..200).map(|at| format!("<= m{at}\n[m{at}]\n")).collect();
    let state = "[buildout]\nparts =\n[STATE]\n";
    let table = [
        (Code::File, "[buildout]\nextends = no.cfg\n".to_owned()),
        (Code::Unreadable, "[buildout]\nextends = latin.cfg\n".to_owned()),
        (Code::BadLine, "nonsense\n[s]\nnonsense\n".into()),
        (Code::OptionOutside, "x = 1\n".into()),
        (Code::BadCondition, "[s:what()]\n".into()),
        (Code::Offline, "[buildout]\noffline = true\nextends = http://h/x\n".into()),
        (Code::Host, "[buildout]\nextends = http://h/x\n".into()),
        (Code::ExtendsCycle, "[buildout]\nextends = instance.cfg\n".into()),
        (Code::MissingSection, part("v = ${y:z}\n")),
        (Code::MissingOption, part("v = ${:z}\n")),
        (Code::BadReference, part("v = ${z}\n")),
        (Code::OptionCycle, part("v = ${:v}\n")),
        (Code::MacroCycle, part("<= x\n")),
        (Code::TooLarge, part(&deep)),
        (Code::BadLiteral, template("inline = x\ncontext = key a :b\nb = !py!open()\n")),
        (Code::UnknownRecipe, part("recipe = no.such\n")),
        (Code::Unsupported, template("inline = x\nencoding = latin-1\n")),
        (Code::BadOption, template("inline = x\nmode = rwx\n")),
        (Code::Template, template("inline = {{ nothing }}\n")),
        (Code::Checksum, template("url = ${buildout:directory}/instance.cfg\nmd5sum = 0\n")),
        (Code::Command, part(command)),
        (Code::Python, part("recipe = slapos.recipe.build\ninstall = raise ValueError()\n")),
        (Code::BadState, state.into()),
    ];
    // shown by `error.rs` and `interrupted.rs`
    let mut shown = BTreeSet::from([Code::DiskFull.name(), Code::Busy.name()]);
    for (code, profile) in table {
        let bench = &mut Bench::new(&profile);
        let latin = std::fs::File::create(bench.dir.join("latin.cfg")).unwrap();
        std::io::Write::write_all(&mut &latin, b"[s]\nx = \xe9\n").unwrap();
        if profile.contains("STATE") {
            bench.file(".installed.json", "broken");
        }
        let error = bench.run().expect_err(code.name());
        assert_eq!(error.code(), code, "{}", error.report());
        shown.insert(code.name());
    }
    let all: BTreeSet<_> = Code::ALL.iter().map(|code| code.name()).collect();
    assert_eq!(shown, all);
}
