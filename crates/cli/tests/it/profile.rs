//! `slapos profile ...`: profiles on this machine, without a node or a master.

use std::{path::Path, process::Output};

use serde_json::{Value, json};
use slapos_node::sys;

/// A directory with `main.cfg`, which extends `base.cfg`.
fn files(main: &str, base: &str) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in [("main.cfg", main), ("base.cfg", base)] {
        let mut file = std::fs::File::create(directory.path().join(name)).unwrap();
        std::io::Write::write_all(&mut file, text.as_bytes()).unwrap();
    }
    directory
}

/// `slapos profile ARGUMENTS` in a directory.
fn profile(directory: &Path, arguments: &[&str]) -> Output {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_slapos"));
    command.current_dir(directory).arg("profile").args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn output_that_cannot_be_written_is_a_failure_and_a_reader_that_has_gone_is_none() {
    let files = files("[buildout]\nextends = base.cfg\n", "");
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_slapos"));
    command.current_dir(files.path()).args(["profile", "annotate", "main.cfg"]);
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let output = command.stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    assert!(said.contains("write the output") && said.contains("No space left"), "{said}");
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = command.stdout(writer).output().unwrap();
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), ""));
}

#[test]
fn a_release_may_have_any_name() {
    let files = files(
        "[buildout]\nparts = nginx\n[nginx]\nrecipe = slapos.recipe.cmmi\nurl = http://x/y\n",
        "",
    );
    let told = profile(files.path(), &["check", "main.cfg"]);
    assert_eq!(told.status.code(), Some(6), "an instance builds nothing: {}", text(&told.stdout));
    let told = profile(files.path(), &["check", "main.cfg", "--release"]);
    assert_eq!(told.status.code(), Some(0), "{}", text(&told.stdout));
}

#[test]
fn annotate_shows_values_and_the_files_they_come_from() {
    let files =
        files("[buildout]\nextends = base.cfg\n[s]\n<= m\nx += 2\n", "[m]\nx = 1\ny = ${:x}\n");
    let output = profile(files.path(), &["annotate", "main.cfg", "--json"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let annotated: Value = serde_json::from_slice(&output.stdout).unwrap();
    let here = files.path().canonicalize().unwrap();
    let (main, base) = (here.join("main.cfg"), here.join("base.cfg"));
    let expected = json!({
        "buildout": {},
        "m": {
            "x": {"value": "1", "origin": [&base]},
            "y": {"value": "${:x}", "origin": [&base]},
        },
        "s": {
            "x": {"value": "1\n2", "origin": [&base, &main]},
            "y": {"value": "${:x}", "origin": [&base]},
        },
    });
    assert_eq!(annotated["sections"], expected);
    let plain = profile(files.path(), &["annotate", "main.cfg"]);
    assert!(text(&plain.stdout).contains("x = 1\n    2\n    # "), "{}", text(&plain.stdout));
}

#[test]
fn annotate_tells_all_faults_at_once() {
    let files = files("[buildout]\nextends = base.cfg no.cfg\nbad\n", "[s]\nworse\n");
    let output = profile(files.path(), &["annotate", "main.cfg"]);
    assert_eq!(output.status.code(), Some(1));
    let told = text(&output.stderr);
    for place in ["main.cfg:2:20", "main.cfg:3:1", "base.cfg:2:1"] {
        assert!(told.contains(place), "{told}");
    }
}

#[test]
fn check_tells_faults_and_who_can_install_what() {
    let parts = "[a]\nrecipe = slapos.cookbook:wrapper\ncommand-line = x ${b:location}\nwrapper-path = w\n\
                 [b]\nrecipe = slapos.recipe.cmmi\n";
    let good = files("[buildout]\nparts = a\nextends = base.cfg\n", parts);
    let output = profile(good.path(), &["check", "main.cfg"]);
    let told = text(&output.stdout);
    assert_eq!(output.status.code(), Some(6), "{told}");
    assert!(told.contains("native: 1 part; this program installs them\n  a "), "{told}");
    assert!(
        told.contains("nobody: 1 part; ") && told.contains("takes their place\n  b "),
        "{told}"
    );
    let verdict = "0 faults, 2 parts; it cannot be installed here: nobody supplies 1 of them\n";
    assert!(told.ends_with(verdict), "{told}");
    let bad = files("[buildout]\nparts = a c\nextends = base.cfg\n", &parts.replace("b:l", "bb:l"));
    let output = profile(bad.path(), &["check", "main.cfg", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let checked: Value = serde_json::from_slice(&output.stdout).unwrap();
    let faults = checked["faults"].as_array().unwrap();
    let place = |fault: &Value| (fault["code"].clone(), fault["place"]["line"].clone());
    let codes: Vec<_> = faults.iter().map(place).collect();
    assert_eq!(codes, [("missing-section".into(), 3.into()), ("missing-section".into(), 2.into())]);
}

/// A release with a Python of its own.
const RELEASE: &str = "[buildout]\nparts = tool\n[versions]\nnetaddr = 0.7.19\nsix = 0.0.1\n\
                       [tool]\nrecipe = zc.recipe.egg\neggs = netaddr\ninterpreter = python\n";

#[test]
fn check_tells_which_eggs_come_at_other_versions() {
    let files = tempfile::tempdir().unwrap();
    slapos_atomic::write(files.path().join("software.cfg"), RELEASE.as_bytes(), 0o644).unwrap();
    let output = profile(files.path(), &["check", "software.cfg"]);
    let told = text(&output.stdout);
    let expected = "1 egg at other versions than it pins:\n  six 1.17.0 in place of 0.0.1\n";
    assert!(output.status.success() && told.contains(expected), "{told}");
}

/// Downloads the eggs, from where pip is configured to, and keeps them in a folder of `/tmp` for the next time.
#[test]
fn run_makes_the_python_of_a_release_once() {
    let files = tempfile::tempdir().unwrap();
    slapos_atomic::write(files.path().join("software.cfg"), RELEASE.as_bytes(), 0o644).unwrap();
    let downloads = format!("/tmp/slapos-test-downloads-by-hand-{}", sys::whoami());
    std::fs::create_dir_all(&downloads).unwrap();
    std::fs::create_dir(files.path().join("there")).unwrap();
    std::os::unix::fs::symlink(downloads, files.path().join("there/.cache")).unwrap();
    let run = || {
        let output = profile(files.path(), &["run", "software.cfg", "--directory", "there"]);
        assert!(output.status.success(), "{}", text(&output.stderr));
        files.path().join("there/eggs/bin/python").symlink_metadata().unwrap().modified().unwrap()
    };
    let made = run();
    assert_eq!(run(), made);
    let program = "import netaddr; print(netaddr.__version__)";
    let mut python = std::process::Command::new(files.path().join("there/bin/python"));
    let output = python.args(["-I", "-c", program]).output().unwrap();
    assert_eq!(text(&output.stdout).trim(), "0.7.19");
}

#[test]
fn check_tells_where_software_comes_from() {
    let parts = ["nginx", "dufs"].map(|part| format!("[{part}]\nrecipe = slapos.recipe.cmmi\n"));
    let files = files("[buildout]\nparts = nginx dufs\nextends = base.cfg\n", &parts.concat());
    let release = files.path().join("software.cfg");
    std::fs::rename(files.path().join("main.cfg"), release).unwrap();
    let output = profile(files.path(), &["check", "software.cfg"]);
    let told = text(&output.stdout);
    assert!(output.status.success(), "{told}");
    for line in ["  nginx  slapos.recipe.cmmi  Debian  ", "  dufs  slapos.recipe.cmmi  crates.io  "]
    {
        assert!(told.contains(line), "{told}");
    }
    assert!(told.ends_with("\n0 faults, 2 parts\n"), "{told}");
    let output = profile(files.path(), &["check", "software.cfg", "--json"]);
    let checked: Value = serde_json::from_slice(&output.stdout).unwrap();
    let word = |part: &Value| (part["means"].clone(), part["origin"].clone());
    let words: Vec<_> = checked["parts"].as_array().unwrap().iter().map(word).collect();
    let expected = [("supplied", "Debian"), ("built", "crates.io")];
    assert_eq!(words, expected.map(|(means, origin)| (means.into(), origin.into())));
}

#[test]
fn run_lays_out_a_directory_and_plan_tells_what_the_next_run_would_do() {
    let text = |port: &str| {
        format!(
            "[x]\nrecipe = slapos.recipe.template\noutput = etc/x\ninline =\n  port {port}\n  host h\n\
             [out]\nrecipe = slapos.cookbook:publish\nport = {port}\n"
        )
    };
    let files = files("[buildout]\nparts = x out\nextends = base.cfg\n", &text("1"));
    let call = |verb| profile(files.path(), &[verb, "main.cfg", "--directory", "partition"]);
    let first = call("run");
    assert!(first.status.success(), "{}", self::text(&first.stderr));
    assert!(self::text(&first.stdout).contains("published port = 1"));
    assert!(files.path().join("partition/.slapgrid/installed.json").exists());

    let base = files.path().join("base.cfg");
    std::fs::File::create(base)
        .and_then(|mut file| std::io::Write::write_all(&mut file, text("2").as_bytes()))
        .unwrap();
    let plan = call("plan");
    let told = self::text(&plan.stdout);
    for part in [
        "update x (slapos.recipe.template)",
        "-port 1",
        "+port 2",
        " host h",
        "option `port`: `1` → `2`",
    ] {
        assert!(told.contains(part), "{told}");
    }
    assert!(
        std::fs::read_to_string(files.path().join("partition/etc/x")).unwrap().contains("port 1")
    );
    assert!(call("run").status.success());
    let nothing = call("plan");
    assert!(
        self::text(&nothing.stdout).starts_with("parts that would change or wait: 0;"),
        "{}",
        self::text(&nothing.stdout)
    );
}

#[test]
fn run_ends_with_not_ready_when_a_part_waits() {
    let parts = "[db]\nrecipe = slapos.cookbook:request\nname = db\nsoftware-url = u\nreturn = host\n\
                 [out]\nrecipe = slapos.cookbook:publish\nhost = ${db:connection-host}\n";
    let files = files("[buildout]\nparts = out\nextends = base.cfg\n", parts);
    let output = profile(files.path(), &["run", "main.cfg", "--directory", "partition"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stdout).contains("wait for db"), "{}", text(&output.stdout));
    let output = profile(files.path(), &["run", "main.cfg", "--directory", "partition", "--json"]);
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    let words: Vec<_> =
        told["steps"].as_array().unwrap().iter().map(|step| &step["intent"]).collect();
    assert_eq!(words, ["wait", "wait"], "the words of a plan");
}
