//! Profiles that want more than any honest one: each ends with an error, soon, and not with the machine.

use std::fmt::Write as _;

use crate::bench::Bench;

#[test]
fn references_deeper_than_any_real_profile() {
    let mut profile = String::from("[buildout]\nparts = s0\n");
    for at in 0..5000 {
        let _infallible = writeln!(profile, "[s{at}]\nv = ${{s{}:v}}", at + 1);
    }
    assert!(Bench::new(&profile).report().contains("deeper than"));
}

#[test]
fn constructors_that_use_each_other_without_end() {
    let mut profile = String::from("[buildout]\nparts = s0\n");
    for at in 0..5000 {
        let next = at + 1;
        let _infallible =
            writeln!(profile, "[s{at}]\nrecipe = slapos.cookbook:publish\n-extends = s{next}");
    }
    assert!(Bench::new(&profile).report().contains("deeper than"));
}

#[test]
fn named_parts_without_end() {
    let mut profile = String::from("[buildout]\nparts = s0\n");
    for at in 0..5000 {
        let _infallible = writeln!(profile, "[s{at}]\n=> s{}", at + 1);
    }
    assert!(Bench::new(&profile).report().contains("deeper than"));
}

#[test]
fn values_that_double() {
    let mut profile = String::from("[buildout]\nparts = s\n[s]\nv0 = 0123456789\n");
    for at in 1..60 {
        let before = at - 1;
        let _infallible = writeln!(profile, "v{at} = ${{:v{before}}}${{:v{before}}}");
    }
    assert!(Bench::new(&profile).report().contains("[too-large]"));
}

#[test]
fn macros_that_double() {
    let mut profile = String::from("[buildout]\nparts = s60\n[s0]\nrecipe =\nx = 1\n");
    for at in 1..=60 {
        let before = at - 1;
        let _infallible = writeln!(profile, "[s{at}]\n<=\n  s{before}\n  s{before}");
    }
    Bench::new(&profile).ran();
}

#[test]
fn macros_of_macros_without_end() {
    let mut profile = String::from("[buildout]\nparts = s0\n");
    for at in 0..5000 {
        let _infallible = writeln!(profile, "[s{at}]\n<= s{}", at + 1);
    }
    assert!(Bench::new(&profile).report().contains("[too-large]"));
}

#[test]
fn files_without_end() {
    let device = Bench::new("[buildout]\nextends = /dev/zero\n").report();
    assert!(device.contains("it is no plain file"), "{device}");
}
