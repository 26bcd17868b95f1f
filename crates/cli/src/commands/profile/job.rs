//! What a profile is told that runs without a node.

use std::collections::BTreeMap;

use camino::Utf8Path;
use slapos_profile::{Facts, Job, Purpose};

/// A check: the directory that the profile would lay out does not exist.
pub(super) fn checked(profile: &str, folder: &Utf8Path) -> Job {
    let directory = folder.join("(directory)");
    Job {
        profile: profile.to_owned(),
        state_file: directory.join(".installed.json"),
        directory,
        extra: BTreeMap::new(),
        python: None, // nothing runs
        purpose: Purpose::Instance(Facts::default()),
    }
}
