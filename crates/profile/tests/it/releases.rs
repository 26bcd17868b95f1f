//! The 75 releases of a checkout of the SlapOS profiles, against the oracle. `SLAPOS_PROFILES` names the checkout;
//! without it these tests only say so.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs::File;
use std::path::{Path, PathBuf};

use camino::Utf8Path;
use slapos_profile::{Checked, Job, Means, OtherVersion, Purpose, Supply, check};

use crate::bench::TableHost;
use crate::oracle::{annotated, difference, ours, theirs};

/// The main profile of each release, sorted.
pub(crate) fn releases() -> Vec<PathBuf> {
    let Some(checkout) = std::env::var_os("SLAPOS_PROFILES") else {
        println!("skipped: SLAPOS_PROFILES names no checkout of the SlapOS profiles");
        return Vec::new();
    };
    let mut found = Vec::new();
    for entry in Path::new(&checkout).join("software").read_dir().unwrap() {
        let names = ["software.cfg", "software-root.cfg"];
        let folder = entry.unwrap().path();
        found.extend(names.iter().map(|name| folder.join(name)).find(|path| path.exists()));
    }
    found.sort();
    assert_eq!(found.len(), 75, "the checkout has other releases than the figures here are about");
    found
}

#[test]
fn all_releases_load_as_the_oracle_loads_them() {
    let releases = releases();
    let different: Vec<String> = std::thread::scope(|scope| {
        let halves = releases.split_at(releases.len() / 2);
        let other = scope.spawn(move || different(halves.1));
        let mut all = different(halves.0);
        all.extend(other.join().unwrap());
        all
    });
    assert!(different.is_empty(), "{}", different.join("\n"));
}

/// The releases that the oracle reads otherwise, with the first differences.
fn different(releases: &[PathBuf]) -> Vec<String> {
    if releases.is_empty() {
        return Vec::new();
    }
    let Some(theirs) = theirs(releases) else { return Vec::new() };
    assert_eq!(theirs.len(), releases.len());
    let pairs = releases.iter().zip(&theirs);
    let told = pairs.filter_map(|(release, theirs)| {
        let told = difference(&ours(release), theirs)?;
        Some(format!("{}\n  {told}", release.display()))
    });
    told.collect()
}

#[test]
fn erp5_has_its_files_and_sections() {
    let releases = releases();
    let Some(erp5) = releases.iter().find(|path| path.ends_with("erp5/software.cfg")) else {
        return;
    };
    let annotated = annotated(erp5);
    let options = annotated.sections.values().flat_map(|options| options.values());
    let files: BTreeSet<&String> = options.flat_map(|option| &option.origin).collect();
    assert_eq!(annotated.sections.len(), 616);
    assert!((230..=248).contains(&files.len()), "{} files", files.len());
}

/// What the check says of each release, as `docs/compatibility.md` has it.
fn table(releases: &[PathBuf]) -> String {
    let mut text = String::from(HEAD);
    let mut lacking: BTreeMap<String, usize> = BTreeMap::new();
    let mut eggs: BTreeMap<String, usize> = BTreeMap::new();
    for release in releases {
        let checked = checked(release);
        let count = |means: Means| checked.parts.iter().filter(|part| part.means == means).count();
        let faults: Vec<_> = checked.faults.iter().map(|fault| fault.code.name()).collect();
        let loads = if faults.is_empty() { "yes".to_owned() } else { faults.join(", ") };
        let (native, host) = (count(Means::Native), count(Means::Host));
        let supplied = count(Means::Supplied) + count(Means::Built);
        let nobody = count(Means::Nobody);
        let share = 100 * native / checked.parts.len();
        let name = release.parent().unwrap().file_name().unwrap().to_str().unwrap();
        let proven = if PROVEN.lines().any(|proven| proven == name) { "yes" } else { "no" };
        let _infallible = writeln!(
            text,
            "| {name} | {loads} | {} | {native} ({share} %) | {host} | {supplied} | {nobody} | {proven} |",
            checked.parts.len()
        );
        for OtherVersion { egg, pinned, supplied } in &checked.eggs {
            *eggs.entry(format!("| {egg} | {pinned} | {supplied} |")).or_default() += 1;
        }
        for part in checked.parts.iter().filter(|part| part.means == Means::Nobody) {
            *lacking.entry(part.name.clone()).or_default() += 1;
        }
    }
    text.push_str(EGGS);
    for (row, count) in eggs {
        let _infallible = writeln!(text, "{row} {count} |");
    }
    text.push_str(LACKING);
    let mut lacking: Vec<_> = lacking.into_iter().collect();
    lacking.sort_by(|(a, n), (b, m)| m.cmp(n).then(a.cmp(b)));
    let common = lacking.iter().filter(|(_, count)| *count >= 10);
    let names: Vec<_> = common.map(|(name, count)| format!("{name} ({count})")).collect();
    let rest = lacking.len() - names.len();
    let list = format!("{}, and {rest} others in fewer than ten.", names.join(", "));
    let mut column = 0;
    for word in list.split_inclusive(", ") {
        if column + word.len() > 110 {
            text.truncate(text.trim_end().len());
            text.push('\n');
            column = 0;
        }
        column += word.len();
        text.push_str(word);
    }
    text.push('\n');
    text
}

const HEAD: &str = "\
# The 75 SlapOS releases

Made by the test `the_table_of_compatibility_is_true` out of a checkout of the SlapOS profiles at commit f878e13d27, which
`SLAPOS_PROFILES` names; with `SLAPOS_WRITE_TABLES` set it writes this file. What is counted are the parts of the
release itself (`software.cfg`), as `slapos profile check` counts them:

- *loads*: the profile, its templates and checksums have no fault, and `slapos profile annotate` says what zc.buildout with the rules
  of SlapOS's fork says; otherwise the codes of the faults.
- *native*: this program installs them. *host*: their recipe is Python and runs in the recipe host.
- *supplied*: their recipe would build software; Debian packages, eggs, packages of npm, programs of crates.io (which cargo
  builds) or small programs of our own take its place (`software/supply/`), and what only they would need to be built is not counted.
- *not supplied*: the release cannot be installed until something takes their place.
- *proven*: a test installs it, and its instance on a node publishes, has only green promises, and has the same files as one
  that zc.buildout and SlapOS's own recipes lay out (`crates/cli/tests/it/slapos_releases.rs`, which says what may differ).

What is proven, is so with these substitutes:

- Programs are Debian's, whatever versions the profiles name.
- Eggs have the versions that the release pins, with the exceptions below; one that it does not pin has the first version of
  `software/supply/eggs.toml`.
- Frontends (dufs, hugo, lamp-template): SlapOS's profiles name a release of the open internet for them. A small one of the tests takes its place,
  by which each site is reached at its own address.
- hugo shows nothing before somebody has made a site, so the test makes one.
- lamp-template leaves the application to be filled in, and the archive of one cannot be had: it is Debian's phpMyAdmin. The
  files of its database are not compared: the oracle would need an egg for them. ProxySQL and nxdtest, which it does not start, cannot be had at all.
- The user of ssh's partition must be known by name: OpenSSH refuses to run as another.
- The source of helloworld's three web servers cannot be had: they are programs of our own, one of Python and one of Ruby. The
  third would be of Go, and is the one of Python again.

| release | loads | parts | native | host | supplied | not supplied | proven |
| --- | --- | --- | --- | --- | --- | --- | --- |
";

const EGGS: &str = "
## Eggs at other versions

Eggs of which releases pin another version than they get on Python 3.11, and how many releases do. PyPI does not have the others, or
nobody has added them to `software/supply/eggs.toml`. `slapos profile check` tells this of one release for the node's Python, and an
installed release has the versions of all its eggs in `.log/versions.log`.

| egg | pinned | supplied | releases |
| --- | --- | --- | --- |
";

const LACKING: &str = "
## What is not supplied

Parts that build software from source, and in how many releases they are wanted:

";

/// Releases that tests of the program (`slapos_releases`) run from installation to green promises. They hold the list.
const PROVEN: &str = include_str!("../proven.txt");

fn checked(profile: &Path) -> Checked {
    let profile = Utf8Path::from_path(profile).unwrap();
    let directory = profile.with_file_name("(directory)");
    let job = Job {
        profile: profile.to_string(),
        state_file: directory.join(".installed.json"),
        directory,
        extra: BTreeMap::new(),
        secret: BTreeSet::new(),
        python: None,
        purpose: Purpose::Software(Supply::kept_in("/".into())),
    };
    check(&job, &mut TableHost::default())
}

#[test]
fn the_table_of_compatibility_is_true() {
    let releases = releases();
    if releases.is_empty() {
        return;
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/compatibility.md");
    let made = table(&releases);
    if std::env::var_os("SLAPOS_WRITE_TABLES").is_some() {
        std::io::Write::write_all(&mut File::create(&path).unwrap(), made.as_bytes()).unwrap();
    }
    assert!(std::fs::read_to_string(&path).unwrap() == made, "run it with SLAPOS_WRITE_TABLES=1");
}
