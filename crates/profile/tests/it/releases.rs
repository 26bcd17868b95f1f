//! The 75 releases of a checkout of the SlapOS profiles, against the oracle. `SLAPOS_PROFILES` names the checkout;
//! without it these tests only say so.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

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
        let (left, right) = releases.split_at(releases.len() / 2);
        let compare = |half: &[PathBuf]| half.iter().filter_map(|path| compared(path)).collect();
        let other = scope.spawn(move || -> Vec<String> { compare(right) });
        let mut all: Vec<String> = compare(left);
        all.extend(other.join().unwrap());
        all
    });
    assert!(different.is_empty(), "{}", different.join("\n"));
}

fn compared(profile: &Path) -> Option<String> {
    let ours = ours(profile);
    let told = difference(&ours, &theirs(profile)?)?;
    Some(format!("{}\n  {told}", profile.display()))
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
