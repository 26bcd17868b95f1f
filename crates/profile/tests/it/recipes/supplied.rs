//! Parts that a release would build: a table answers them, and what they would need is not asked for.

use slapos_profile::{Means, check, run};

use crate::bench::Bench;

const RELEASE: &str = "
[buildout]
parts = nginx odd dufs template

[nginx]
recipe = slapos.recipe.cmmi
environment = ${zlib:location} ${no-such-section:location}

[zlib]
recipe = slapos.recipe.cmmi

[odd]
recipe = slapos.recipe.cmmi

[dufs]
recipe = slapos.recipe.cmmi

[template]
recipe = slapos.recipe.template
inline = ${nginx:location}/sbin/nginx ${nginx:prefix} ${python3:executable}
output = ${buildout:directory}/instance.cfg

[python3]
recipe = slapos.recipe.build
init = options['executable'] = find()
";

#[test]
fn a_check_tells_what_comes_from_packages_and_what_from_nowhere() {
    let mut bench = Bench::new(RELEASE);
    let checked = check(&bench.release(), &mut bench.host);
    assert_eq!(checked.faults, [], "how a supplied part would be built is not looked at");
    let seen: Vec<_> = checked.parts.iter().map(|part| (part.name.as_str(), part.means)).collect();
    assert_eq!(
        seen,
        [
            ("nginx", Means::Supplied),
            ("odd", Means::Nobody),
            ("dufs", Means::Built),
            ("python3", Means::Supplied),
            ("template", Means::Native),
        ]
    );
}

#[test]
fn a_release_that_builds_from_source_is_refused_with_the_list() {
    let parts = "[buildout]\nparts = a b\n[a]\nrecipe = slapos.recipe.cmmi\n[b]\nrecipe = zc.recipe.egg\neggs = no.such\n";
    let mut bench = Bench::new(parts);
    let report = run(&bench.release(), &mut bench.host).unwrap_err().report();
    assert!(report.contains("a (slapos.recipe.cmmi), b (zc.recipe.egg) [unsupported]"), "{report}");
    assert!(report.contains("slapos profile check"), "{report}");
}

#[test]
fn an_instance_is_supplied_with_nothing() {
    let mut bench = Bench::new("[buildout]\nparts = nginx\n[nginx]\nrecipe = slapos.recipe.cmmi\n");
    let checked = check(&bench.job(), &mut bench.host);
    assert_eq!(checked.parts[0].means, Means::Nobody);
}

/// Two parts that want Python, and pins of which one cannot be had.
const PINNED: &str = "
[buildout]
parts = one two
versions = pins

[pins]
NetAddr = 0.7.19:whl
six = 0.0.1
no.such.egg = 1

[one]
recipe = zc.recipe.egg
eggs = slapos.cookbook
interpreter = python-one

[two]
<= one
interpreter = python-two
";

#[test]
fn a_release_asks_once_for_eggs_at_the_versions_that_it_pins() {
    let mut bench = Bench::new(PINNED);
    run(&bench.release(), &mut bench.host).unwrap();
    let [eggs] = bench.host.eggs.as_slice() else {
        panic!("asked {} times", bench.host.eggs.len())
    };
    let eggs = serde_json::to_value(eggs).unwrap();
    assert_eq!(eggs["versions"]["netaddr"], "0.7.19");
    let log = bench.read("log/versions.log");
    let others: Vec<_> = log.lines().filter(|line| line.contains("pins")).collect();
    assert_eq!(others, ["six 1.17.0  (the release pins 0.0.1)"]);
    assert!(bench.read("bin/python-two").contains("/eggs/bin/python"));
}

#[test]
fn a_check_tells_which_eggs_come_at_other_versions_than_the_release_pins() {
    let mut bench = Bench::new(PINNED);
    let checked = check(&bench.release(), &mut bench.host);
    let others: Vec<_> = checked.eggs.iter().map(|other| (&*other.egg, &*other.pinned)).collect();
    assert_eq!((checked.faults.as_slice(), others.as_slice()), (&[][..], &[("six", "0.0.1")][..]));
    assert_eq!(bench.host.eggs, [], "a check has none made");
}

#[test]
fn an_environment_that_cannot_be_made_fails_the_release_with_the_reason() {
    let mut bench = Bench::new(PINNED);
    let job = slapos_profile::Job { python: None, ..bench.release() };
    let report = run(&job, &mut bench.host).unwrap_err().report();
    assert!(report.contains("eggs need Python, and this node has none"), "{report}");
}
