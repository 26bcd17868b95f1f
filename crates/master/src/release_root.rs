//! The directory of local releases: when it is elsewhere than at the last start, the releases
//! below it have other paths.
//!
//! Where it was is kept in a file of the data directory, written after the releases have moved:
//! broken off in between, the next start finds nothing more to move.

use std::{
    collections::BTreeMap,
    io,
    path::{Component, Path, PathBuf},
};

use slapos_core::{
    actor::Actor,
    decide::{Ask, MoveReleases},
    names::{BadName, PersonId, SoftwareUrl},
};

use crate::{
    data_dir::DataDir,
    service::{Origin, Service, ServiceError},
};

/// The file with the directory of the last start.
pub(crate) const FILE: &str = "local_software_release_root";

/// Why releases could not be moved.
#[derive(Debug, thiserror::Error)]
pub enum ReleaseRootError {
    /// The file that says where they were cannot be read or written.
    #[error("cannot keep where the local releases are")]
    Keep(#[source] io::Error),
    /// A path is none that a release can have.
    #[error("the releases cannot move to {}", root.display())]
    Path {
        /// The new directory.
        root: PathBuf,
        /// Why.
        #[source]
        source: BadName,
    },
    /// The service did not take it.
    #[error("the releases cannot move")]
    Service(#[from] ServiceError),
}

/// Moves the releases of a master from where the directory of local releases was at its last start
/// to where it is now.
pub(crate) async fn follow(
    service: &Service,
    data: &DataDir,
    root: &Path,
) -> Result<(), ReleaseRootError> {
    let before = data.kept(FILE).map_err(ReleaseRootError::Keep)?.map(PathBuf::from);
    if before.as_deref() == Some(root) {
        return Ok(());
    }
    if let Some(before) = before {
        let releases = service.releases().await?;
        let mut moved = BTreeMap::new();
        for release in releases {
            if let Some(to) = elsewhere(Path::new(release.as_str()), &before, root) {
                let to = SoftwareUrl::try_from(to.to_string_lossy().as_ref());
                let bad = |source| ReleaseRootError::Path { root: root.to_owned(), source };
                moved.insert(release, to.map_err(bad)?);
            }
        }
        tracing::info!(
            releases = moved.len(),
            from = %before.display(),
            to = %root.display(),
            "the local releases have moved"
        );
        let operator = Actor::Operator(PersonId::admin());
        let ask = (Ask::MoveReleases(MoveReleases { moved }), operator);
        service.act(Origin::Inside, |_| Ok(ask), |_, _| ()).await?;
    }
    data.keep(FILE, &root.to_string_lossy()).map_err(ReleaseRootError::Keep)
}

/// Where a release is after its directory moved; `None` when it stays: it is not below the
/// directory, one directory holds the other, or it still exists at its old path alone.
fn elsewhere(release: &Path, before: &Path, now: &Path) -> Option<PathBuf> {
    if now.starts_with(before) || before.starts_with(now) || !release.is_absolute() {
        return None;
    }
    let below = release.strip_prefix(before).ok()?;
    if below.components().any(|part| part == Component::ParentDir) {
        return None;
    }
    let to = now.join(below);
    (to.is_file() || !release.is_file()).then_some(to)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_release_moves_with_its_directory_unless_it_stayed_behind() {
        let directory = tempfile::TempDir::new().unwrap();
        let at = |name: &str| directory.path().join(name);
        for name in ["old/kept/software.cfg", "new/both/software.cfg", "old/both/software.cfg"] {
            fs::create_dir_all(at(name).parent().unwrap()).unwrap();
            fs::File::create(at(name)).unwrap();
        }
        // release, directory before, directory now, where the release is then
        let table = [
            ("old/gone/software.cfg", "old", "new", Some("new/gone/software.cfg")),
            ("old/both/software.cfg", "old", "new", Some("new/both/software.cfg")),
            ("old/kept/software.cfg", "old", "new", None),
            ("older/software.cfg", "old", "new", None),
            ("old/gone/software.cfg", "old", "old/deeper", None),
            ("old/gone/software.cfg", "old/deeper", "old", None),
            ("old/../etc/software.cfg", "old", "new", None),
        ];
        for (release, before, now, expected) in table {
            let found = elsewhere(&at(release), &at(before), &at(now));
            assert_eq!(found, expected.map(at), "{release}: {before} -> {now}");
        }
        let url = Path::new("https://example.com/software.cfg");
        assert_eq!(elsewhere(url, Path::new("/old"), Path::new("/new")), None);
    }
}
