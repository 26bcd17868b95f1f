//! The language against the oracle: zc.buildout with the rules of SlapOS's fork (`tests/oracle`).
//!
//! `SLAPOS_TEST_PYTHON` is a Python with the oracle's requirements; without it these tests only say so.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use camino::Utf8Path;
use serde_json::{Value, json};
use slapos_profile::{Annotated, annotate};

use crate::bench::{Bench, TableHost};
use crate::skip::skip;

/// The oracle, if it can run.
pub(crate) fn oracle() -> Option<Command> {
    let Some(python) = std::env::var_os("SLAPOS_TEST_PYTHON") else {
        skip("SLAPOS_TEST_PYTHON names no Python with the oracle's requirements");
        return None;
    };
    let mut command = Command::new(python);
    command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/oracle/oracle.py"));
    Some(command)
}

/// What the oracle makes of profiles: texts by section and option.
pub(crate) fn theirs(profiles: &[PathBuf]) -> Option<Vec<Value>> {
    let output = oracle()?.arg("merge").args(profiles).arg("--macros").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let answers = output.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let sections = |line| {
        let answer: Value = serde_json::from_slice(line).unwrap();
        assert_eq!(answer["errors"], json!({}));
        answer["sections"].clone()
    };
    Some(answers.map(sections).collect())
}

pub(crate) fn annotated(profile: &Path) -> Annotated {
    let profile = Utf8Path::from_path(profile).unwrap();
    annotate(profile.as_str(), profile, &mut TableHost::default())
        .unwrap_or_else(|error| panic!("{}", error.report()))
}

/// What we make of it, in the same form.
pub(crate) fn ours(profile: &Path) -> Value {
    let sections = annotated(profile).sections.into_iter().map(|(section, options)| {
        let options = options.into_iter().map(|(option, text)| (option, text.value.into()));
        (section, Value::Object(options.collect()))
    });
    Value::Object(sections.collect())
}

/// How two readings differ: a line for each of the first few options.
pub(crate) fn difference(ours: &Value, theirs: &Value) -> Option<String> {
    let names = |a: &Value, b: &Value| {
        let both = a.as_object().into_iter().chain(b.as_object());
        both.flat_map(|object| object.keys().cloned()).collect::<BTreeSet<_>>()
    };
    let mut told = Vec::new();
    for section in names(ours, theirs) {
        let (a, b) = (&ours[&section], &theirs[&section]);
        if a.is_null() || b.is_null() {
            told.push(format!("[{section}] ours: {a}, theirs: {b}"));
        }
        let options = names(a, b).into_iter().filter(|option| a[option] != b[option]);
        told.extend(options.map(|o| format!("{section}:{o} ours: {}, theirs: {}", a[&o], b[&o])));
    }
    told.truncate(8);
    Some(told.join("\n  ")).filter(|told| !told.is_empty())
}

/// One profile for each rule; `FILE:` begins another file.
const RULES: [&str; 16] = [
    "[s]\ninline = a\n   b\n\nblock =\n  if x:\n    y\n\n  z\n# gone\nlast = 1\nlast = 2\nhash = a # b\n  # c\n",
    "[s]\ntabs =\n\ta\n\t  b\nmixed =\n\ta\n  b\nempty =\n\nspaces =\n   \n  a\n   \n",
    "[ s ] ; comment\nx=1\n[t]\n[s] # more\ny= 2\nz =3\nx-y_z.w = a = b\n",
    "[s]\nx += 0\nx = 1\nx += 2\nx -= 1\ny = a\ny += b\ny += c\nnew+=d\nnone -= e\n",
    "[buildout]\nextends = one.cfg sub/two.cfg one.cfg\nparts += main\n\
     FILE:one.cfg\n[buildout]\nparts = one\n[s]\nx = 1\n\
     FILE:sub/two.cfg\n[buildout]\nextends = ../one.cfg\nparts += two\n[s]\nx += 2\n",
    "[buildout]\nextends = b.cfg\n[s]\no += 5\n[new]\no += 5\n[t]\no -=\n  a\n  c\n[both]\no += c\n  b\no -= b\n\
     FILE:b.cfg\n[s]\nk = 1\n[t]\no = a\n  b\n  c\n[both]\no = a\n  b\n",
    "[user]\n<= m1\n   m2\na = user\n[m1]\na = m1\nb = first\nc = one\n[m2]\n<= m1\nb = second\nc += two\nd = ${:a}\n",
    "[buildout]\nextends = b.cfg\n[user]\nc += three\nc -= one\nn += 1\n\
     FILE:b.cfg\n[m]\nc = one\n  two\n[user]\n<=\n  m\n",
    "[buildout]\nextends = b.cfg\n[user]\n<= m\n\
     FILE:b.cfg\n[m]\nc = one\n[user]\nc += two\n",
    "[m]\nrecipe = r\nx = 1\n[a]\n<= m\nrecipe =\n[b]\n<= m\nx =\n",
    "[buildout]\nextends = sub/a.cfg\n[user]\n<= m\n[own]\n<= m\nz = ${:_profile_base_location_}\n\
     FILE:sub/a.cfg\n[m]\nurl = ${:_profile_base_location_}/f\n[plain]\nx = 1\n",
    "[buildout]\nextends = sub/a.cfg\n[s]\ny += ${:_profile_base_location_}/b\n\
     FILE:sub/a.cfg\n[s]\ny = ${:_profile_base_location_}/a\n",
    "[no:python2]\nignored = 1\n  still\n[s]\no = plain\n[s:python3 and not pypy]\no += yes\n\
     [s:python_version < \"3\"]\no = never\n[s:sys.version_info > (3,) and \"\\x23\" != \"a\"]\np = 1\n",
    "[s:linux]\nx = 1\n[s:[int(q) for q in platform.release().split(\".\")[:2]]<[4,14]]\nx = 2\n\
     [s:os.path.isdir('/no') and 'x' in open('/no').read()]\nx = 3\n[s:multiarch.startswith(\"x\")]\ny = 1\n",
    "[s]\n=> b c\nx = 1\n",
    "[buildout]\noptional-extends = none.cfg b.cfg\n[s]\nx = é\nu = a\u{a0}b\nFILE:b.cfg\n[t]\ny = 1\n",
];

#[test]
fn every_rule_reads_as_the_oracle_reads_it() {
    let benches = RULES.map(|rule| {
        let mut files = rule.split("FILE:");
        let bench = Bench::new(files.next().unwrap());
        for file in files {
            let (name, text) = file.split_once('\n').unwrap();
            bench.file(name, text);
        }
        bench
    });
    let mains = benches.each_ref().map(|bench| bench.dir.join("instance.cfg").into_std_path_buf());
    let Some(theirs) = theirs(&mains) else { return };
    assert_eq!(theirs.len(), RULES.len());
    for ((rule, main), theirs) in RULES.iter().zip(&mains).zip(&theirs) {
        assert_eq!(difference(&ours(main), theirs), None, "{rule}");
    }
}

/// Its own tests hold where ours run: they say what the oracle is believed to do.
#[test]
fn the_oracle_is_what_it_says() {
    let Some(oracle) = oracle() else { return };
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/oracle/test_oracle.py");
    let output = Command::new(oracle.get_program()).arg(script).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
