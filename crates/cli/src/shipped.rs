//! The software releases that come with the program, laid out where a node reads them.

use std::fs;

use camino::Utf8Path;
use include_dir::{Dir, include_dir};

use crate::error::{Failure, Step};

static SOFTWARE: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../software");

/// The names of the shipped releases: `software/NAME` is one.
pub(crate) fn names() -> Vec<&'static str> {
    releases().filter_map(|release| release.path().to_str()).collect()
}

/// The folders with a profile; beside them are the tables of what releases may be supplied with.
fn releases() -> impl Iterator<Item = &'static Dir<'static>> {
    SOFTWARE.dirs().filter(|folder| folder.contains(folder.path().join("software.cfg")))
}

/// Writes every shipped release below `root`; a file that is already right is left alone.
pub(crate) fn lay_out(root: &Utf8Path) -> Result<(), Failure> {
    releases().try_for_each(|release| lay_out_below(release, root))
}

fn lay_out_below(directory: &Dir<'_>, root: &Utf8Path) -> Result<(), Failure> {
    for folder in directory.dirs() {
        lay_out_below(folder, root)?;
    }
    for file in directory.files() {
        let Some(relative) = Utf8Path::from_path(file.path()) else {
            continue;
        };
        let path = root.join(relative);
        if fs::read(&path).is_ok_and(|found| found == file.contents()) {
            continue;
        }
        let above = path.parent().unwrap_or(root);
        fs::create_dir_all(above).step(|| format!("cannot make {above}"))?;
        slapos_node::files::write_atomically(&path, file.contents(), 0o644)
            .step(|| format!("cannot write {path}"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shipped_release_has_its_profile() {
        let root = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(root.path()).unwrap();
        lay_out(root).unwrap();
        lay_out(root).unwrap();
        assert_eq!(names(), ["hello", "mariadb", "phpmyadmin"]);
        for name in names() {
            let text = fs::read_to_string(root.join(name).join("software.cfg")).unwrap();
            assert!(text.contains("[buildout]"), "{name}");
        }
    }
}
