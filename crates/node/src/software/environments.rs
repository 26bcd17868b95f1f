//! The Python environments of releases: one for each set of eggs, shared by the releases that have these.
//!
//! ```text
//! software/environments/<digest>/     .complete is written last
//! software/<md5 of the URL>/eggs      a link there: this release uses it
//! ```
//!
//! Releases read environments and never write them: the agent makes each by itself, confined to its folder. One at a
//! time is made, given to a release or removed; the links alone say which are used.

use std::{collections::BTreeSet, fs, io, time::Duration};

use camino::{Utf8Path, Utf8PathBuf};
use rustix::{
    fs::{AtFlags, renameat, symlinkat, unlinkat},
    io::Errno,
};
use slapos_profile::{
    Eggs, HostError,
    environment::{HINT, IN_RELEASE, MARK, Making},
};
use tokio::task::block_in_place;

use super::chain;
use crate::{
    agent::Node,
    confine,
    files::{enter_below, insist, names_below, read_below, remove_below, write_below},
    format, sandbox,
    settings::Settings,
};

/// The longest that a step of making one may take.
const STEP_LIMIT: Duration = Duration::from_secs(30 * 60);

/// Has the release in `release` use the environment with these eggs, which is made if it is not there; then `begins` is
/// called first.
pub(crate) async fn provide(
    node: &Node,
    release: &Utf8Path,
    eggs: &Eggs,
    begins: impl FnOnce(),
) -> Result<(), HostError> {
    let settings = &node.settings;
    let failed = |message: String| HostError { message, hint: Some(HINT.into()) };
    let python =
        settings.python.as_ref().ok_or_else(|| failed("this node has no Python".into()))?;
    let making = Making::new(eggs, python).map_err(|error| failed(error.report()))?;
    let _alone = node.environments.lock().await;
    if !is_complete(settings, &making.name) {
        begins();
        Box::pin(make(settings, &making)).await.map_err(failed)?;
    }
    let linked = block_in_place(|| link(settings, release, &making.name));
    linked.map_err(|error| failed(format!("make the link {release}/{IN_RELEASE}: {error}")))
}

/// The environment that the release in that directory uses.
pub(crate) fn used_by(settings: &Settings, release: &Utf8Path) -> Option<Utf8PathBuf> {
    let target = fs::read_link(release.join(IN_RELEASE)).ok()?;
    let target = Utf8PathBuf::try_from(target).ok()?;
    // The link belongs to the user that installs, so it may say anything.
    let name = target.file_name().filter(|name| is_name(name))?;
    Some(settings.environments_root().join(name))
}

/// Removes the environments that no release uses.
pub(crate) async fn remove_unused(node: &Node) {
    let _alone = node.environments.lock().await;
    if let Err(error) = block_in_place(|| remove_others(&node.settings)) {
        let root = node.settings.environments_root();
        tracing::warn!(%error, "unused Python environments below {root} could not be removed");
    }
}

fn remove_others(settings: &Settings) -> io::Result<()> {
    let (releases, root) = (&settings.software_root, settings.environments_root());
    let names = names_below(releases, "".into())?;
    let releases = names.into_iter().filter_map(|name| Some(releases.join(name.to_str()?)));
    let used: BTreeSet<_> = releases.filter_map(|release| used_by(settings, &release)).collect();
    for name in names_below(&root, "".into())? {
        let Some(name) = name.to_str().filter(|name| !used.contains(&root.join(name))) else {
            continue;
        };
        tracing::info!(environment = name, "removing a Python environment that nothing uses");
        remove(&root, name)?;
    }
    Ok(())
}

fn is_name(name: &str) -> bool {
    name.len() == 32 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn is_complete(settings: &Settings, name: &str) -> bool {
    let mark = Utf8Path::new(name).join(MARK);
    read_below(&settings.environments_root(), &mark, 64).is_ok_and(|mark| mark == name.as_bytes())
}

async fn make(settings: &Settings, making: &Making) -> Result<(), String> {
    let (root, name) = (settings.environments_root(), Utf8Path::new(&making.name));
    let directory = root.join(name);
    let failed = |error: io::Error| format!("prepare {directory}: {error}");
    let user = settings.users.map(|users| users.software);
    block_in_place(|| {
        remove(&root, &making.name).map_err(failed)?; // of one that was half made
        format::directory_below(&root, &making.name, 0o755, user).map_err(|error| chain(&error))?;
        let mut lists = making.lists.iter();
        let write = |(list, text): &(&str, String)| {
            write_below(&root, &name.join(list), text.as_bytes(), 0o644)
        };
        lists.try_for_each(write).map_err(failed)
    })?;
    for command in making.commands(&directory, &settings.cache_root.join("pip")) {
        let spec = confine::environment_making(settings, &directory, command);
        let ran = sandbox::run(&settings.program, &spec, STEP_LIMIT).await;
        ran.map_err(|said| format!("{}: {said}", spec.command.join(" ")))?;
    }
    block_in_place(|| complete(&root, &making.name)).map_err(failed)
}

/// Marks one as complete, when all that the mark vouches for is on the disk.
fn complete(root: &Utf8Path, name: &str) -> io::Result<()> {
    rustix::fs::syncfs(fs::File::open(root)?)?;
    write_below(root, &Utf8Path::new(name).join(MARK), name.as_bytes(), 0o644)
}

/// Removes one, its mark first; that it is missing is fine.
fn remove(root: &Utf8Path, name: &str) -> io::Result<()> {
    let directory = root.join(name);
    let remove = || match fs::remove_dir_all(&directory) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    };
    remove_below(root, &Utf8Path::new(name).join(MARK))?;
    insist(&directory, remove)
}

/// The release uses that environment from now on. One of its own, as former versions made it, goes to those that nothing
/// uses.
fn link(settings: &Settings, release: &Utf8Path, name: &str) -> io::Result<()> {
    let root = settings.environments_root();
    let below = release.strip_prefix(&settings.software_root).map_err(io::Error::other)?;
    let folder = enter_below(&settings.software_root, below)?;
    let new = format!(".{IN_RELEASE}.new");
    match unlinkat(&folder, &new, AtFlags::empty()) {
        Err(error) if error != Errno::NOENT => return Err(error.into()),
        _ => symlinkat(root.join(name).as_str(), &folder, &new)?,
    }
    match renameat(&folder, &new, &folder, IN_RELEASE) {
        Err(Errno::ISDIR) => {
            let environments = enter_below(&root, "".into())?;
            renameat(&folder, IN_RELEASE, &environments, format!("{below}.former"))?;
            renameat(&folder, &new, &folder, IN_RELEASE)?;
        }
        other => other?,
    }
    folder.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// A node below a directory of its own, with the folders of two releases.
    fn node(base: &tempfile::TempDir) -> (Node, [Utf8PathBuf; 2]) {
        let settings = Settings::below(Utf8Path::from_path(base.path()).unwrap());
        let releases = ["one", "two"].map(|name| settings.software_root.join(name));
        for folder in releases.iter().chain([&settings.environments_root()]) {
            fs::create_dir_all(folder).unwrap();
        }
        (Node::new(settings), releases)
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_environment_is_removed_with_the_last_release_that_uses_it() {
        let base = tempfile::tempdir().unwrap();
        let (node, [one, two]) = node(&base);
        let (settings, name) = (&node.settings, "0".repeat(32));
        let environment = settings.environments_root().join(&name);
        fs::create_dir(&environment).unwrap();
        for release in [&one, &two] {
            link(settings, release, &name).unwrap();
            assert_eq!(used_by(settings, release), Some(environment.clone()));
        }
        fs::remove_dir_all(one).unwrap();
        remove_unused(&node).await;
        assert!(environment.exists());
        fs::remove_dir_all(two).unwrap();
        remove_unused(&node).await;
        assert!(!environment.exists());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_environment_of_the_release_itself_gives_way_to_a_shared_one() {
        let base = tempfile::tempdir().unwrap();
        let (node, [one, _]) = node(&base);
        let (settings, name) = (&node.settings, "0".repeat(32));
        fs::create_dir_all(one.join("eggs/bin")).unwrap();
        assert_eq!(used_by(settings, &one), None);
        for _ in 0..2 {
            link(settings, &one, &name).unwrap();
            assert_eq!(used_by(settings, &one), Some(settings.environments_root().join(&name)));
        }
        remove_unused(&node).await;
        assert_eq!(fs::read_dir(settings.environments_root()).unwrap().count(), 0);
    }

    #[test]
    fn an_environment_is_complete_by_a_mark_with_its_name() {
        let base = tempfile::tempdir().unwrap();
        let (node, _) = node(&base);
        let (root, [one, two]) =
            (node.settings.environments_root(), ["1", "2"].map(|n| n.repeat(32)));
        assert!(!is_complete(&node.settings, &one));
        complete(&root, &one).unwrap();
        assert!(is_complete(&node.settings, &one));
        fs::rename(root.join(&one), root.join(&two)).unwrap(); // its programs have the other path in them
        assert!(!is_complete(&node.settings, &two));
    }

    #[test]
    fn a_mark_is_written_when_the_environment_is_on_the_disk() {
        let test =
            "software::environments::tests::an_environment_is_complete_by_a_mark_with_its_name";
        let Some(calls) = crate::traced::calls(test) else { return };
        assert!(crate::traced::followed(&calls, ["syncfs", ""], "renameat("), "{calls:#?}");
    }

    #[test]
    fn a_link_that_leads_elsewhere_opens_nothing() {
        let base = tempfile::tempdir().unwrap();
        let (node, [one, _]) = node(&base);
        for elsewhere in ["/etc", "/", "..", "../.."] {
            symlink(elsewhere, one.join(IN_RELEASE)).unwrap();
            assert_eq!(used_by(&node.settings, &one), None, "{elsewhere}");
            fs::remove_file(one.join(IN_RELEASE)).unwrap();
        }
    }
}
