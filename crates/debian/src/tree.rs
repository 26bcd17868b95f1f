//! Puts the entries of packages into one tree.
//!
//! Every path is resolved here, against what is known to lie in the tree, never by the kernel: a
//! link in the tree leads to another place in the tree or is refused.
//!
//! # Invariants
//! - Links are relative and do not leave the tree: their `..` parts come first, climb from a real
//!   directory, and are at most as many as its depth.
//! - A directory stays a directory; a package that ships a link there is overruled, as by dpkg.
//! - Entries are added in the order of packages, so the same packages make the same tree.

use std::collections::HashMap;

use camino::{Utf8Path, Utf8PathBuf};

use crate::Error;
use crate::unpack::{Entry, Kind};

/// As many links as the kernel would follow.
const MOST_LINKS: usize = 40;

/// A tree under construction.
#[derive(Debug)]
pub(crate) struct Tree {
    root: Utf8PathBuf,
    nodes: HashMap<String, Node>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Node {
    Directory,
    File {
        program: bool,
    },
    /// Leads to this path of the tree.
    Link(String),
}

impl Tree {
    /// An empty tree in the existing, empty directory `root`.
    pub(crate) fn new(root: &Utf8Path) -> Self {
        Self { root: root.to_owned(), nodes: HashMap::new() }
    }

    /// Adds the entries of `package`.
    pub(crate) fn add(&mut self, package: &str, entries: Vec<Entry>) -> Result<(), Error> {
        let refuse = |problem: String| Error::Archive { package: package.to_owned(), problem };
        let mut files: HashMap<String, String> = HashMap::new();
        for Entry { path, kind } in entries {
            if kind == Kind::Directory {
                self.directory(&path)?.map_err(refuse)?;
                continue;
            }
            let (parent, name) = path.rsplit_once('/').unwrap_or(("", &path));
            let parent = self.directory(parent)?.map_err(refuse)?;
            let place = join(&parent, name);
            let known = self.nodes.get(&place);
            if known == Some(&Node::Directory) {
                match kind {
                    Kind::Symlink(_) => continue,
                    _ => return Err(refuse(format!("{path} is a directory of another package"))),
                }
            }
            let at = self.root.join(&place);
            let node = match kind {
                Kind::File { staged, program } => {
                    std::fs::rename(&staged, &at)
                        .map_err(|error| Error::io("rename to", &at, error))?;
                    Node::File { program }
                }
                Kind::Hardlink(target) => {
                    let target = files.get(&target).ok_or_else(|| {
                        refuse(format!("{path} links to {target}, which it does not hold"))
                    })?;
                    let program = self.nodes.get(target) == Some(&Node::File { program: true });
                    replace(&at, known.is_some(), || {
                        std::fs::hard_link(self.root.join(target), &at)
                    })?;
                    Node::File { program }
                }
                Kind::Symlink(target) => {
                    let inner = resolve_link(&parent, &target).ok_or_else(|| {
                        refuse(format!("{path} leads out of the tree, to {target}"))
                    })?;
                    let text = relative(&parent, &inner);
                    replace(&at, known.is_some(), || std::os::unix::fs::symlink(&text, &at))?;
                    Node::Link(inner)
                }
                Kind::Directory => continue,
            };
            if matches!(node, Node::File { .. }) {
                files.insert(path, place.clone());
            }
            self.nodes.insert(place, node);
        }
        Ok(())
    }

    /// Paths of all programs, sorted.
    pub(crate) fn programs(&self) -> Vec<&str> {
        let programs = self.nodes.iter().filter(|(_, node)| **node == Node::File { program: true });
        let mut programs: Vec<&str> = programs.map(|(path, _)| path.as_str()).collect();
        programs.sort_unstable();
        programs
    }

    /// Where a path leads, if it is a file of the tree.
    pub(crate) fn file(&self, path: &str) -> Option<String> {
        let real = self.follow(path)?;
        matches!(self.nodes.get(&real), Some(Node::File { .. })).then_some(real)
    }

    /// Whether a path leads to a directory of the tree.
    pub(crate) fn has_directory(&self, path: &str) -> bool {
        self.follow(path).is_some_and(|real| self.nodes.get(&real) == Some(&Node::Directory))
    }

    /// The certificates that maintainer scripts would have put into one file, if there are any.
    pub(crate) fn concatenate_certificates(&mut self) -> Result<(), Error> {
        let is_certificate = |path: &&String| {
            path.starts_with("usr/share/ca-certificates/mozilla/") && path.ends_with(".crt")
        };
        let mut sources: Vec<String> = self.nodes.keys().filter(is_certificate).cloned().collect();
        if sources.is_empty() {
            return Ok(());
        }
        sources.sort_unstable();
        let mut bundle = String::new();
        for source in sources {
            let path = self.root.join(source);
            bundle +=
                &std::fs::read_to_string(&path).map_err(|error| Error::io("read", &path, error))?;
            if !bundle.ends_with('\n') {
                bundle.push('\n');
            }
        }
        let directory = "etc/ssl/certs";
        let real = self
            .directory(directory)?
            .map_err(|problem| Error::Archive { package: "ca-certificates".to_owned(), problem })?;
        crate::lock::write(&self.root.join(real).join("ca-certificates.crt"), bundle.as_bytes())
    }

    /// The real path of a directory, made if need be; the inner error says why it cannot be one.
    fn directory(&mut self, path: &str) -> Result<Result<String, String>, Error> {
        let mut real = String::new();
        let mut ahead: Vec<String> =
            path.rsplit('/').filter(|part| !part.is_empty()).map(str::to_owned).collect();
        let mut links = 0;
        while let Some(part) = ahead.pop() {
            let next = join(&real, &part);
            match self.nodes.get(&next) {
                Some(Node::Directory) => real = next,
                Some(Node::File { .. }) => {
                    return Ok(Err(format!("{path} passes through the file {next}")));
                }
                Some(Node::Link(target)) => {
                    links += 1;
                    if links > MOST_LINKS {
                        return Ok(Err(format!("{path} passes through too many links")));
                    }
                    ahead.extend(
                        target.rsplit('/').filter(|part| !part.is_empty()).map(str::to_owned),
                    );
                    real.clear();
                }
                None => {
                    let at = self.root.join(&next);
                    std::fs::create_dir(&at).map_err(|error| Error::io("create", &at, error))?;
                    self.nodes.insert(next.clone(), Node::Directory);
                    real = next;
                }
            }
        }
        Ok(Ok(real))
    }

    /// The real path behind `path`, if it exists.
    fn follow(&self, path: &str) -> Option<String> {
        let mut real = String::new();
        let mut ahead: Vec<&str> = path.rsplit('/').filter(|part| !part.is_empty()).collect();
        let mut links = 0;
        while let Some(part) = ahead.pop() {
            let next = join(&real, part);
            match self.nodes.get(&next)? {
                Node::Link(target) if links < MOST_LINKS => {
                    links += 1;
                    ahead.extend(target.rsplit('/').filter(|part| !part.is_empty()));
                    real.clear();
                }
                Node::Link(_) => return None,
                Node::Directory | Node::File { .. } => real = next,
            }
        }
        Some(real)
    }
}

/// Makes something at `at`, in place of what an earlier package put there.
fn replace(
    at: &Utf8Path,
    exists: bool,
    make: impl FnOnce() -> std::io::Result<()>,
) -> Result<(), Error> {
    let removed = if exists { std::fs::remove_file(at) } else { Ok(()) };
    removed.and_then(|()| make()).map_err(|error| Error::io("link", at, error))
}

fn join(parent: &str, name: &str) -> String {
    if parent.is_empty() { name.to_owned() } else { format!("{parent}/{name}") }
}

/// The path of the tree that a link in the real directory `parent` leads to; `None` if it leaves.
fn resolve_link(parent: &str, target: &str) -> Option<String> {
    let base = if target.starts_with('/') { "" } else { parent };
    let mut parts: Vec<&str> = base.split('/').filter(|part| !part.is_empty()).collect();
    for part in target.split('/') {
        match part {
            "" | "." => (),
            ".." => drop(parts.pop()?),
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

/// The relative text of a link in directory `parent` that leads to `inner`.
fn relative(parent: &str, inner: &str) -> String {
    let parts = |path: &'_ str| {
        path.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect::<Vec<_>>()
    };
    let (from, to) = (parts(parent), parts(inner));
    let common = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    let up = std::iter::repeat_n("..", from.len() - common);
    let text = up.chain(to[common..].iter().map(String::as_str)).collect::<Vec<_>>().join("/");
    if text.is_empty() { ".".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_stay_in_the_tree() {
        let table = [
            ("lib64", "/lib/x/ld.so", Some("../lib/x/ld.so")),
            ("usr/lib/x", "libz.so.1.2", Some("libz.so.1.2")),
            ("usr/lib/x", "../../../lib/x/a", Some("../../../lib/x/a")),
            ("usr/lib", "/usr/lib", Some(".")),
            ("usr/lib", "a/../../b", Some("../b")),
            ("usr/lib", "../../../etc", None),
            ("", "..", None),
            ("usr", "/../etc", None),
        ];
        for (parent, target, wished) in table {
            let seen = resolve_link(parent, target).map(|inner| relative(parent, &inner));
            assert_eq!(seen.as_deref(), wished, "{parent} {target}");
        }
    }

    fn directory(path: &str) -> Entry {
        Entry { path: path.to_owned(), kind: Kind::Directory }
    }

    fn link(path: &str, target: &str) -> Entry {
        Entry { path: path.to_owned(), kind: Kind::Symlink(target.to_owned()) }
    }

    #[test]
    fn entries_follow_links_of_other_packages_inside_the_tree() {
        let temporary = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(temporary.path()).unwrap();
        let mut tree = Tree::new(root);
        tree.add("a", vec![directory("usr/lib"), link("lib", "usr/lib"), link("etc", "/srv/etc")])
            .unwrap();
        tree.add("b", vec![directory("lib/x"), directory("etc/c"), link("usr", "nowhere")])
            .unwrap();
        assert!(root.join("usr/lib/x").is_dir() && tree.has_directory("lib/x"));
        assert!(root.join("srv/etc/c").is_dir());
        assert_eq!(root.join("etc").read_link_utf8().unwrap(), "srv/etc");
        assert!(root.join("usr").symlink_metadata().unwrap().is_dir());
    }

    #[test]
    fn circles_and_links_out_are_refused() {
        let table = [
            (vec![link("a", "b"), link("b", "a"), directory("a/x")], "too many links"),
            (vec![link("a", "../x")], "out of the tree"),
            (vec![link("d/e", "../../../etc/passwd")], "out of the tree"),
            (
                vec![Entry { path: "h".to_owned(), kind: Kind::Hardlink("etc/passwd".to_owned()) }],
                "does not hold",
            ),
        ];
        for (entries, wished) in table {
            let temporary = tempfile::tempdir().unwrap();
            let mut tree = Tree::new(Utf8Path::from_path(temporary.path()).unwrap());
            let problem = tree.add("p", entries).unwrap_err().to_string();
            assert!(problem.contains(wished), "{problem}");
        }
    }
}
