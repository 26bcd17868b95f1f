//! Whether a partition is laid out as the oracle lays it out: zc.buildout with the recipes of SlapOS, asking the same
//! master for the same partition.
//!
//! Compared is every file that the oracle leaves behind. What may differ:
//! - the partition's path, and the hash in the name of a wrapper, which is made of texts with that path;
//! - where lines of a shell script are wrapped;
//! - a program that calls SlapOS's own package: ours says in another way what is in the texts it is called with;
//! - an executable promise of a recipe: ours says in other words how what it is set to is checked;
//! - of a promise, everything but the class, where it comes from and what it is configured with;
//! - what is made by chance ([`RANDOM`]): such a file must be there;
//! - the state of either engine ([`STATE`]), and what programs write when they run ([`WRITTEN`]).
//!
//! The services are ended first, so that the oracle finds the same ports free, and it gets the passwords that were
//! generated.

use std::process::Command;

use camino::{Utf8Path, Utf8PathBuf};
use slapos_wire::v1::Instance;

use crate::cloud::{Cloud, write_file};

/// Ends of the names of files with keys, certificates and passwords.
const RANDOM: [&str; 9] =
    [".cert", ".crt", ".csr", ".key", ".pem", ".pem.md5", ".pub", "-key", "htpasswd"];
/// Folders of what programs write.
const WRITTEN: [&str; 3] = ["srv/monitor", "srv/ssl", "srv/hugo/default/public"];
/// Names of files that only the engine itself reads.
const STATE: [&str; 2] = [".installed", "buildout.cfg"];

/// Prints what a promise is, from the file that makes it.
const PROMISE: &str = "
import ast, sys
for node in ast.parse(open(sys.argv[1]).read()).body:
  if isinstance(node, ast.Assign) and getattr(node.targets[0], 'id', None) == 'extra_config_dict':
    print(sorted(ast.literal_eval(node.value).items()))
  if isinstance(node, ast.ImportFrom):
    print(node.module, [name.name for name in node.names])
";

/// Fails with all differences. `passwords` are the files where generated ones are kept.
#[expect(clippy::print_stdout, reason = "says why it compares nothing")]
pub(super) fn compare(cloud: &Cloud, instance: &Instance, passwords: &[&str]) {
    let Some(python) = std::env::var_os("SLAPOS_TEST_PYTHON") else {
        return println!(
            "not compared: SLAPOS_TEST_PYTHON names no Python with the oracle's requirements"
        );
    };
    let ours = cloud.partition(instance);
    cloud.must(&["--cfg", cloud.node_cfg("COMP-1").as_str(), "node", "stop"], 0);
    let theirs = cloud.path().join(format!("oracle/{}", instance.title));
    for password in passwords {
        let copy = theirs.join(password);
        std::fs::create_dir_all(copy.parent().unwrap()).unwrap();
        std::fs::copy(ours.join(password), copy).unwrap();
    }
    run_oracle(cloud, instance, &ours, &theirs, &python);
    let mut files = Vec::new();
    list(&theirs, &mut files);
    assert!(!files.is_empty());
    let mut different = Vec::new();
    for file in files {
        let below = file.strip_prefix(&theirs).unwrap();
        let mine = find(&ours, below);
        let text = |path: &Utf8Path| normal(path, &theirs, &ours, &python);
        match mine {
            _ if WRITTEN.iter().any(|folder| below.starts_with(folder)) => {}
            _ if passwords.contains(&below.as_str()) => {}
            None => different.push(format!("{below} is missing")),
            Some(_) if RANDOM.iter().any(|end| below.as_str().ends_with(end)) => {}
            Some(mine) => {
                let (mine, file) = (text(&mine), text(&file));
                let promise = below.starts_with("etc/promise") && checks_the_same(&mine, &file);
                if mine != file && !promise && !says_the_same(&mine, &file) {
                    different.push(format!("{below}: ours\n{mine}\ntheirs\n{file}"));
                }
            }
        }
    }
    assert!(different.is_empty(), "{ours}: {}", different.join("\n"));
}

/// Whether a script says all that the other one, which is Python, calls a function of SlapOS with.
fn says_the_same(ours: &str, theirs: &str) -> bool {
    let Some((_, call)) = theirs.rsplit_once("sys.exit(slapos.recipe.") else { return false };
    let texts: Vec<&str> = call.split('\'').skip(1).step_by(2).collect();
    !texts.is_empty() && texts.iter().all(|text| ours.contains(text))
}

/// Whether a program has all that the other one, a promise of SlapOS's recipes, is set to at its beginning.
fn checks_the_same(ours: &str, theirs: &str) -> bool {
    let name = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let settings = theirs.lines().filter_map(|line| line.split_once('='));
    let settings = settings.filter(|(before, _)| name(before.trim_end()));
    let mut words = settings.flat_map(|(_, value)| value.split(['"', ',', ' '])).peekable();
    theirs.contains("operated by slapos node")
        && words.peek().is_some()
        && words.all(|word| ours.contains(word))
}

/// Lays the instance out once more, in `directory`.
fn run_oracle(
    cloud: &Cloud,
    instance: &Instance,
    ours: &Utf8Path,
    directory: &Utf8Path,
    python: &std::ffi::OsStr,
) {
    std::fs::create_dir_all(directory).unwrap();
    let release = ours.join("software_release").canonicalize_utf8().unwrap();
    std::os::unix::fs::symlink(&release, directory.join("software_release")).unwrap();
    let profile = std::fs::read_to_string(ours.join("buildout.cfg")).unwrap();
    let main = cloud.path().join(format!("{}.cfg", instance.title));
    let (computer, partition) =
        (instance.computer.as_ref().unwrap(), instance.partition.as_ref().unwrap());
    let told = format!(
        "\n[buildout]\nbin-directory = {directory}/sbin\noffline = true\n\
         executable = {release}/eggs/bin/python\n[slap-connection]\ncomputer-id = {computer}\n\
         partition-id = {partition}\nserver-url = {}\nsoftware-release-url = {}\nkey-file =\n\
         cert-file =\nrequested = started\nrequested-state = started\n",
        cloud.url, instance.software_release,
    );
    write_file(&main, &format!("{profile}{told}"));
    let script =
        Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join("../profile/tests/oracle/oracle.py");
    let output = Command::new(python)
        .args([script.as_str(), "run", main.as_str(), "--directory", directory.as_str()])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The files below a directory that are compared, sorted.
fn list(directory: &Utf8Path, files: &mut Vec<Utf8PathBuf>) {
    let mut entries: Vec<_> = directory.read_dir_utf8().unwrap().map(Result::unwrap).collect();
    entries.sort_by(|a, b| a.file_name().cmp(b.file_name()));
    for entry in entries {
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            list(entry.path(), files);
        } else if kind.is_file() && !STATE.iter().any(|name| entry.file_name().starts_with(name)) {
            files.push(entry.into_path());
        }
    }
}

/// The same file of ours; the hash in its name may be another one.
fn find(ours: &Utf8Path, below: &Utf8Path) -> Option<Utf8PathBuf> {
    let same = ours.join(below);
    if same.exists() {
        return Some(same);
    }
    let stem = without_hash(below.file_name()?)?;
    let folder = same.parent()?.read_dir_utf8().ok()?;
    let mut entries = folder.map(|entry| entry.unwrap().into_path());
    entries.find(|path| without_hash(path.file_name().unwrap()) == Some(stem))
}

fn without_hash(name: &str) -> Option<&str> {
    let (stem, hash) = name.rsplit_once('-')?;
    (hash.len() == 32 && hash.chars().all(|c| c.is_ascii_hexdigit())).then_some(stem)
}

/// What a file says, as far as both should say it.
fn normal(path: &Utf8Path, theirs: &Utf8Path, ours: &Utf8Path, python: &std::ffi::OsStr) -> String {
    let promise = path.parent().is_some_and(|folder| folder.ends_with("etc/plugin"));
    let text = if promise && path.extension() == Some("py") {
        let output = Command::new(python).args(["-c", PROMISE, path.as_str()]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    } else {
        String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned()
    };
    let text = text.replace(theirs.as_str(), ours.as_str());
    if !text.starts_with("#!/bin/sh") {
        return text;
    }
    text.replace("\\\n", " ").lines().map(words).collect::<Vec<_>>().join("\n")
}

fn words(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}
