//! Debian itself, from the mirror that this host uses.

use std::process::Command;

use camino::Utf8Path;
use slapos_debian::{Error, Installed, Request, Settings, install};

use crate::host::now;
use crate::skip::skip;

/// Installs into a temporary directory; `None` if this host has no sources of packages.
fn install_real(packages: &[&str], directory: &Utf8Path) -> Option<Installed> {
    let request = Request::new(packages.iter().copied(), directory.join("tree"));
    match install(&request, &Settings::new(directory.join("cache"), now()), &mut |_| ()) {
        Err(error @ Error::NoSources { .. }) => {
            skip(error);
            None
        }
        other => Some(other.unwrap()),
    }
}

fn output(program: &Utf8Path, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(output.status.success(), "{program}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn programs_of_debian_run_from_their_tree() {
    let temporary = tempfile::tempdir().unwrap();
    let directory = Utf8Path::from_path(temporary.path()).unwrap();
    let packages = ["hello", "mariadb-server-core", "mariadb-client-core"];
    let Some(installed) = install_real(&packages, directory) else {
        return;
    };
    let tree = &installed.tree;
    assert!(output(&tree.join("usr/bin/hello"), &[]).contains("Hello, world!"));
    assert!(output(&tree.join("usr/sbin/mariadbd"), &["--version"]).contains("MariaDB"));
    assert!(output(&tree.join("usr/bin/mariadb"), &["--version"]).contains("MariaDB"));

    // Every library comes from the tree: ask the program's own loader.
    let listed = Command::new(tree.join("usr/sbin/mariadbd"))
        .arg("--version")
        .env("LD_TRACE_LOADED_OBJECTS", "1")
        .output()
        .unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    let paths: Vec<&str> = listed
        .lines()
        .filter_map(|line| line.split_whitespace().find(|word| word.starts_with('/')))
        .collect();
    assert!(paths.len() > 5, "{listed}");
    assert!(paths.iter().all(|path| path.starts_with(tree.as_str())), "{listed}");
}
