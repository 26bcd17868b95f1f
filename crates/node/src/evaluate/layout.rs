//! What profiles expect beside what they lay out themselves: `buildout.cfg`, and in a partition the link
//! `software_release`. They hash the one and reach the other's through the link.

use std::{fs, io};

use camino::Utf8Path;
use slapos_profile::{Job, Purpose};

/// Lays it out, as the user that evaluates the profile. Writes only what is different.
pub(super) fn before(job: &Job) -> io::Result<()> {
    let buildout = job.directory.join("buildout.cfg");
    match &job.purpose {
        Purpose::Software(_) => {
            put(&buildout, format!("[buildout]\nextends = {}\n", job.profile).as_bytes(), 0o644)
        }
        Purpose::Instance(_) => {
            let profile = Utf8Path::new(&job.profile);
            if let Ok(text) = fs::read(profile) {
                put(&buildout, &text, 0o640)?; // a profile that is missing is told by who evaluates it
            }
            let link = job.directory.join("software_release");
            link_to(&link, profile.parent().unwrap_or(Utf8Path::new("/")))
        }
    }
}

fn put(path: &Utf8Path, content: &[u8], mode: u32) -> io::Result<()> {
    if fs::read(path).is_ok_and(|found| found == content) {
        return Ok(());
    }
    slapos_atomic::write(path, content, mode)
}

fn link_to(link: &Utf8Path, target: &Utf8Path) -> io::Result<()> {
    if fs::read_link(link).is_ok_and(|found| found == target.as_std_path()) {
        return Ok(());
    }
    match fs::remove_file(link) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    std::os::unix::fs::symlink(target, link)
}
