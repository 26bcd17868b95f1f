//! Install, update, uninstall.

use crate::bench::{Bench, actions, changed};

fn template(name: &str, text: &str) -> String {
    format!("[{name}]\nrecipe = slapos.recipe.template\ninline = {text}\noutput = out/{name}\n")
}

#[test]
fn vanished_parts_are_uninstalled_and_user_data_stays() {
    let mut bench = Bench::new(&format!(
        "[buildout]\nparts = a b\n{}{}",
        template("a", "1"),
        template("b", "2")
    ));
    assert_eq!(actions(&bench.ran()), ["a installed", "b installed"]);
    bench.file("out/mine", "data");
    bench.file("instance.cfg", &format!("[buildout]\nparts = b\n{}", template("b", "3")));
    let outcome = bench.ran();
    assert_eq!(actions(&outcome), ["a removed", "b updated"]);
    assert_eq!(changed(&bench, &outcome), ["out/a", "out/b"]);
    assert_eq!(bench.list("out"), ["b", "mine"]);
    assert_eq!(bench.read("out/b"), "3");
}

#[test]
fn a_part_that_moves_removes_its_old_file() {
    let mut bench = Bench::new(
        "[buildout]\nparts = a\n[a]\nrecipe = slapos.recipe.template\ninline = x\noutput = one\n",
    );
    bench.ran();
    bench.file(
        "instance.cfg",
        "[buildout]\nparts = a\n[a]\nrecipe = slapos.recipe.template\ninline = x\noutput = two\n",
    );
    let outcome = bench.ran();
    assert_eq!(changed(&bench, &outcome), ["one", "two"]);
    assert!(!bench.exists("one") && bench.exists("two"));
}

#[test]
fn a_file_that_passes_to_another_part_is_not_removed() {
    let profile = |name: &str| {
        format!(
            "[buildout]\nparts = {name}\n[{name}]\nrecipe = slapos.recipe.template\ninline = x\noutput = one\n"
        )
    };
    let mut bench = Bench::new(&profile("a"));
    bench.ran();
    bench.file("instance.cfg", &profile("b"));
    let outcome = bench.ran();
    assert_eq!(actions(&outcome), ["a removed", "b installed"]);
    assert_eq!(changed(&bench, &outcome), [] as [&str; 0]);
}

#[test]
fn a_missing_file_is_made_again() {
    let mut bench = Bench::new(&format!("[buildout]\nparts = a\n{}", template("a", "1")));
    bench.ran();
    std::fs::remove_file(bench.dir.join("out/a")).unwrap();
    assert_eq!(actions(&bench.ran()), ["a updated"]);
    assert!(bench.exists("out/a"));
}

#[test]
fn a_change_below_reinstalls_what_is_above() {
    let profile = |value: &str| {
        format!(
            "[buildout]\nparts = above other\n\
             [below]\nrecipe = slapos.recipe.template\ninline = {value}\noutput = below\n\
             [data]\nfile = ${{below:output}}\n\
             [above]\nrecipe = plone.recipe.command\ncommand = cat ${{data:file}} >> log\n\
             [other]\nrecipe = plone.recipe.command\ncommand = echo once >> other\n"
        )
    };
    let mut bench = Bench::new(&profile("1"));
    bench.ran();
    bench.ran();
    assert_eq!(bench.read("log"), "1");
    bench.file("instance.cfg", &profile("2"));
    assert_eq!(actions(&bench.ran()), ["below updated", "above updated", "other unchanged"]);
    assert_eq!((bench.read("log").as_str(), bench.read("other").as_str()), ("12", "once\n"));
}

#[test]
fn a_failed_part_is_tried_again_and_the_others_are_kept() {
    let profile = |command: &str| {
        format!(
            "[buildout]\nparts = a b c\n{}[b]\nrecipe = plone.recipe.command\ncommand = {command}\nstop-on-error = true\n{}",
            template("a", "1"),
            template("c", "2")
        )
    };
    let mut bench = Bench::new(&profile("echo broken pipe; exit 3"));
    let report = bench.report();
    assert!(
        report.contains("broken pipe") && report.contains("while installing part [b]"),
        "{report}"
    );
    assert!(bench.exists("out/a") && !bench.exists("out/c"));
    bench.file("instance.cfg", &profile("true"));
    assert_eq!(actions(&bench.ran()), ["a unchanged", "b updated", "c installed"]);
}

/// Profiles that follow each other in one directory: each is installed, and what the last one says is there.
fn one_after_the_other(profiles: &[&str]) -> Bench {
    let mut bench = Bench::new(profiles[0]);
    bench.ran();
    for profile in &profiles[1..] {
        bench.file("instance.cfg", profile);
        bench.ran();
        let again = bench.ran();
        assert_eq!(
            changed(&bench, &again),
            [] as [&str; 0],
            "{profile}: a further run finds all done"
        );
    }
    bench
}

#[test]
fn what_a_run_wrote_outlives_the_record_of_the_run_before() {
    let password = |once: bool| {
        format!(
            "[buildout]\nparts = a\n[a]\nrecipe = slapos.cookbook:generate.password\ncreate-once = {once}\nstorage-path = secret\n"
        )
    };
    let mut bench = Bench::new(&password(false));
    bench.ran();
    let made = bench.read("secret");
    bench.file("instance.cfg", &password(true));
    bench.ran();
    bench.ran();
    assert_eq!(bench.read("secret"), made, "the password stays");

    let rendered = "[buildout]\nparts = a\n[a]\nrecipe = slapos.recipe.template:jinja2\ninline = text\noutput = out\n";
    let bench = one_after_the_other(&[rendered, &format!("{rendered}once = marker\n")]);
    assert!(bench.exists("out") && bench.exists("marker"));
}

#[test]
fn what_was_there_makes_room_for_what_comes() {
    let file = |output: &str| {
        format!(
            "[buildout]\nparts = a\n[a]\nrecipe = slapos.recipe.template\ninline = text\noutput = {output}\n"
        )
    };
    let bench = one_after_the_other(&[&file("p"), &file("p/q")]);
    assert_eq!(bench.read("p/q"), "text", "a folder where a file was");

    let link = "[buildout]\nparts = b\n[b]\nrecipe = slapos.cookbook:symbolic.link\n\
        target-directory = ${buildout:directory}\nlink-binary = /bin/sh\n";
    let bench = one_after_the_other(&[&file("sh"), link]);
    assert!(bench.dir.join("sh").is_symlink(), "a link where a file was");

    let folder = |name: &str| {
        format!(
            "[buildout]\nparts = {name}\n[{name}]\nrecipe = plone.recipe.command\nstop-on-error = true\n\
            location = ${{buildout:directory}}/made\ncommand = mkdir ${{:location}}\n"
        )
    };
    let bench = one_after_the_other(&[&folder("a"), &folder("b")]);
    assert!(bench.exists("made"), "a renamed part makes its folder again");

    let bench = one_after_the_other(&[&folder("a"), &file("made/file")]);
    assert_eq!(bench.list("made"), ["file"], "a file in the place of a former folder");

    let mut links = one_after_the_other(&["[buildout]\nparts =\n"]);
    for name in ["one", "two"] {
        links.file(name, "");
        links.file(
            "instance.cfg",
            &format!(
                "[buildout]\nparts = l\n[l]\nrecipe = cns.recipe.symlink\n\
            symlink = ${{buildout:directory}}/{name} = ${{buildout:directory}}/link\n"
            ),
        );
        links.ran();
        assert!(links.dir.join("link").read_link_utf8().unwrap().ends_with(name), "another source");
    }
}

#[test]
fn paths_outside_of_the_directory_are_never_removed() {
    let outside = tempfile::tempdir().unwrap();
    let path = outside.path().join("file");
    let mut bench = Bench::new(&format!(
        "[buildout]\nparts = a\n[a]\nrecipe = plone.recipe.command\nlocation = {}\n\
         command = touch ${{:location}}\n",
        path.display()
    ));
    bench.ran();
    bench.file("instance.cfg", "[buildout]\nparts =\n");
    assert_eq!(actions(&bench.ran()), ["a removed"]);
    assert!(path.exists());
}

#[test]
fn nothing_is_written_outside_of_the_directory() {
    let outside = tempfile::tempdir().unwrap();
    for output in ["../escaped", "way-out/escaped", "way-out/new/escaped"] {
        let mut bench = Bench::new(&format!(
            "[buildout]\nparts = a\n[a]\nrecipe = slapos.recipe.template\ninline = x\noutput = {output}\n"
        ));
        std::os::unix::fs::symlink(outside.path(), bench.dir.join("way-out")).unwrap();
        let report = bench.report();
        assert!(report.contains("lies outside of DIR"), "{report}");
        assert!(!bench.dir.join(output).exists(), "{output}");
    }
    let mut inside = Bench::new(
        "[buildout]\nparts = a\n[a]\nrecipe = slapos.recipe.template\ninline = x\noutput = link/new/file\n",
    );
    inside.file("folder/file", "");
    std::os::unix::fs::symlink("folder", inside.dir.join("link")).unwrap();
    inside.ran();
    assert_eq!(inside.read("folder/new/file"), "x");
}

#[test]
fn a_location_is_emptied_before_its_command_runs_again() {
    let profile = |text: &str| {
        format!(
            "[buildout]\nparts = a\n[a]\nrecipe = plone.recipe.command\nlocation = ${{buildout:directory}}/made\n\
             command = mkdir ${{:location}} && echo {text} > ${{:location}}/file\nupdate-command = echo again >> log\n\
             stop-on-error = true\n"
        )
    };
    let mut bench = Bench::new(&profile("1"));
    bench.ran();
    assert!(!bench.exists("log"));
    bench.ran();
    assert_eq!(bench.read("log"), "again\n");
    bench.file("instance.cfg", &profile("2"));
    bench.ran();
    assert_eq!(bench.read("made/file"), "2\n");
    bench.file("instance.cfg", "[buildout]\nparts =\n");
    bench.ran();
    assert!(!bench.exists("made"));
}

/// What a partition looks like that the Python engine left.
#[test]
fn the_state_of_buildout_is_taken_over_once() {
    let mut bench = Bench::new(&format!(
        "[buildout]\nparts = a port\n{}[port]\nrecipe = slapos.cookbook:free_port\nip = 127.0.0.1\n",
        template("a", "1")
    ));
    for name in ["out/a", "out/gone", "out/mine", "old/deep/file"] {
        bench.file(name, "old");
    }
    let dir = bench.dir.clone();
    bench.file(
        ".installed.cfg",
        &format!(
            "[buildout]\ninstalled_develop_eggs = \nparts = gone a port data\n\n\
             [gone]\n__buildout_installed__ = {dir}/out/gone\n\t{dir}/old\n\t/etc/hostname\n\
             __buildout_signature__ = egg-1\nrecipe = slapos.cookbook:gone\n\n\
             [a]\n__buildout_installed__ = {dir}/out/a\n__buildout_signature__ = egg-1\n\
             text = %(__buildout_space__)sx%(__buildout_space_n__)s\nrecipe = slapos.recipe.template\n\n\
             [port]\n__buildout_installed__ = \nport = !py!4242\nrecipe = slapos.cookbook:free_port\n\n\
             [data]\n__buildout_installed__ = \nrecipe = slapos.cookbook:mkdirectory\n"
        ),
    );
    let outcome = bench.ran();
    assert_eq!(actions(&outcome), ["data removed", "gone removed", "a updated", "port updated"]);
    assert_eq!(bench.list("out"), ["a", "mine"]);
    assert!(!bench.exists("old") && std::path::Path::new("/etc/hostname").exists());
    bench.file(".installed.cfg", "broken");
    assert_eq!(actions(&bench.ran()), ["a unchanged", "port unchanged"]);
    std::fs::remove_file(bench.dir.join(".installed.json")).unwrap();
    assert!(bench.report().contains("[bad-state]"));
}
