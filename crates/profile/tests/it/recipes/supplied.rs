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
