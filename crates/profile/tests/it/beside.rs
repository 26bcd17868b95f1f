//! Parts of a release: beside each other when they do not refer to each other, and what is left after a failure.

use crate::{
    bench::{Bench, actions},
    traced,
};
use slapos_profile::run;

/// A part that runs a command.
fn part(name: &str, command: &str) -> String {
    format!("[{name}]\nrecipe = plone.recipe.command\nstop-on-error = true\ncommand = {command}\n")
}

/// A command that ends when another part has begun; without that, never.
fn until(own: &str, other: &str) -> String {
    format!("touch {own}; until [ -e {other} ]; do sleep 0.01; done")
}

#[test]
fn parts_run_beside_each_other_and_after_what_they_refer_to() {
    let mut bench = Bench::new(&format!(
        "[buildout]\nparts = both\n[data]\nx = ${{a:recipe}}\n\
         {}{}{}=> b data\n",
        part("a", &until("a-began", "b-began")),
        part("b", &until("b-began", "a-began")),
        part("both", "test -e a-began && test -e b-began && echo both >> ran"),
    ));
    let job = bench.release();
    let outcome = run(&job, &mut bench.host).unwrap();
    let mut done = actions(&outcome);
    assert_eq!(done.pop().unwrap(), "both installed");
    done.sort();
    assert_eq!(done, ["a installed", "b installed"]);
    let progress = &bench.host.progress;
    assert!(progress.iter().any(|told| told.running.len() == 2 && told.finished == 0));
    let last = progress.last().unwrap();
    assert_eq!((last.running[0].part.as_str(), last.finished, last.total), ("both", 2, 3));
    assert!(actions(&run(&job, &mut bench.host).unwrap()).iter().all(|a| a.ends_with("unchanged")));
    assert_eq!(bench.read("ran"), "both\n");
}

#[test]
fn only_a_few_run_at_a_time() {
    let names: Vec<String> = (0..12).map(|number| format!("p{number}")).collect();
    let parts: String = names.iter().map(|name| part(name, "true")).collect();
    let mut bench = Bench::new(&format!("[buildout]\nparts = {}\n{parts}", names.join(" ")));
    run(&bench.release(), &mut bench.host).unwrap();
    let most = bench.host.progress.iter().map(|told| told.running.len()).max();
    assert_eq!(most, Some(4));
}

#[test]
fn a_failure_leaves_what_is_finished_and_what_runs_and_names_its_log() {
    let profile = |command: &str| {
        format!(
            "[buildout]\nparts = good bad after\n{}{}{}=> bad\n",
            part("good", "echo good >> count; until [ -e bad-ended ]; do sleep 0.01; done"),
            part("bad", command),
            part("after", "echo after >> count"),
        )
    };
    let mut bench =
        Bench::new(&profile("echo first; seq 3 >&2; touch ${buildout:directory}/bad-ended; false"));
    let job = bench.release();
    let report = run(&job, &mut bench.host).unwrap_err().report();
    assert!(report.contains("while installing part [bad]"), "{report}");
    assert!(report.contains(bench.dir.join("log/bad.log").as_str()), "{report}");
    assert!(bench.read("log/bad.log").starts_with("first\n1\n2\n3\n"), "{report}");
    assert_eq!(
        (bench.read("count").as_str(), bench.read("log/good.log").as_str()),
        ("good\n", "done\n")
    );

    bench.file("instance.cfg", &profile("true"));
    let mut done = actions(&run(&job, &mut bench.host).unwrap());
    done.sort();
    assert_eq!(done, ["after installed", "bad updated", "good unchanged"]);
    let mut count: Vec<_> = bench.read("count").lines().map(ToOwned::to_owned).collect();
    count.sort();
    assert_eq!(count, ["after", "good"]);
}

#[test]
fn what_a_part_made_is_on_the_disk_before_the_state_says_so() {
    let test = "beside::parts_run_beside_each_other_and_after_what_they_refer_to";
    let Some(calls) = traced::calls(test) else { return };
    assert!(traced::followed(&calls, ["syncfs", ""], "renameat("), "{calls:#?}");
}
