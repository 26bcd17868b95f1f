//! A run that is killed. The state of that moment is kept by a command of the profile and put back afterwards.

use std::fs;

use slapos_profile::{Intent, plan, run};

use crate::bench::{Bench, TableHost, actions};

const KEEP: &str = "mkdir -p kept && cp .installed.json* kept/";

fn profile(program: &str, command: &str) -> String {
    format!(
        "[buildout]\nparts = program slow last\n\
         [program]\nrecipe = slapos.recipe.template\ninline = x\noutput = etc/service/{program}\n\
         [slow]\nrecipe = plone.recipe.command\nlocation = ${{buildout:directory}}/made\n\
         command = mkdir ${{:location}} && {command}\n\
         stop-on-error = true\n\
         [last]\nrecipe = slapos.recipe.template\ninline = x\noutput = last\n"
    )
}

/// As if the run had been killed when the command had kept the state.
fn put_back(bench: &Bench) {
    let _none = fs::remove_file(bench.dir.join(".installed.json"));
    for name in bench.list("kept") {
        fs::rename(bench.dir.join("kept").join(&name), bench.dir.join(&name)).unwrap();
    }
}

#[test]
fn what_a_killed_first_run_has_made_is_known_to_the_next() {
    let mut bench = Bench::new(&profile("old", KEEP));
    bench.ran();
    assert!(!bench.exists(".installed.json.ledger"), "a whole run leaves none");
    put_back(&bench);
    fs::remove_file(bench.dir.join("last")).unwrap();
    let planned = plan(&bench.job(), &mut bench.host).unwrap();
    let intents: Vec<_> = planned.steps.iter().map(|step| step.intent).collect();
    assert_eq!(intents, [Intent::Keep, Intent::Update, Intent::Install]);
    assert!(planned.steps[1].reasons[0].contains("did not finish"), "{planned:?}");
    bench.file("instance.cfg", &profile("new", "true"));
    assert_eq!(actions(&bench.ran()), ["program updated", "slow updated", "last installed"]);
    assert_eq!(bench.list("etc/service"), ["new"]);
    assert_eq!(actions(&bench.ran()), ["program unchanged", "slow unchanged", "last unchanged"]);
}

#[test]
fn what_a_killed_run_has_changed_is_known_to_the_next() {
    let mut bench = Bench::new(&profile("old", "true"));
    bench.ran();
    bench.file("instance.cfg", &profile("new", KEEP));
    bench.ran();
    put_back(&bench);
    bench.file("etc/service/old", "x"); // it would have gone at the end
    bench.file("instance.cfg", &profile("old", "touch made/again"));
    assert_eq!(actions(&bench.ran()), ["program updated", "slow updated", "last unchanged"]);
    assert_eq!(bench.list("etc/service"), ["old"]);
    bench.file("instance.cfg", "[buildout]\nparts =\n");
    bench.ran();
    assert_eq!(bench.list("etc/service"), [] as [&str; 0]);
    assert!(!bench.exists("made") && !bench.exists("last"));
}

/// The name of such a program is only known when it is written, although its options are those of the last run.
#[test]
fn a_program_with_a_new_hash_is_known_before_it_is_written() {
    let profile = |text: &str, command: &str| {
        format!(
            "[buildout]\nparts = file program slow\n\
             [file]\nrecipe = slapos.recipe.template\ninline = {text}\noutput = file\n\
             [program]\nrecipe = slapos.cookbook:wrapper\nwrapper-path = etc/service/x\ncommand-line = x\n\
             hash-files = ${{buildout:directory}}/file\n\
             [slow]\nrecipe = plone.recipe.command\ncommand = {command}\n"
        )
    };
    let mut bench = Bench::new(&profile("1", "true"));
    bench.ran();
    bench.file("instance.cfg", &profile("2", KEEP));
    bench.ran();
    put_back(&bench);
    bench.file("instance.cfg", &profile("3", "true"));
    bench.ran();
    assert_eq!(bench.list("etc/service").len(), 1);
}

#[test]
fn what_python_was_about_to_make_is_known() {
    let mut bench = Bench::new(
        "[buildout]\nparts = a\n[a]\nrecipe = slapos.recipe.build\nlocation = ${buildout:directory}/made\n\
         install =\n  import os, subprocess\n  os.mkdir(options['location'])\n  \
         subprocess.run('mkdir kept && cp .installed.json* kept', shell=True)\n",
    );
    bench.ran();
    put_back(&bench);
    bench.file("instance.cfg", "[buildout]\nparts =\n");
    assert_eq!(actions(&bench.ran()), ["a removed"]);
    assert!(!bench.exists("made"));
}

#[test]
fn two_runs_in_one_directory_are_not_at_work_together() {
    let mut bench = Bench::new(
        "[buildout]\nparts = slow\n[slow]\nrecipe = plone.recipe.command\n\
         command = echo x >> begun; while test ! -e end; do sleep 0.01; done\n",
    );
    std::thread::scope(|threads| {
        let (job, dir) = (bench.job(), bench.dir.clone());
        let first = threads.spawn(move || run(&job, &mut TableHost::default()));
        while !dir.join("begun").exists() {
            std::thread::yield_now();
        }
        let report = bench.report();
        assert!(
            report.contains("another run is at work in") && report.contains("[busy]"),
            "{report}"
        );
        bench.file("end", "");
        first.join().unwrap().unwrap();
    });
    assert_eq!(bench.read("begun"), "x\n");
    bench.ran();
}
