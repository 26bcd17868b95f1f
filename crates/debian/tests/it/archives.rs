//! What archives may contain, and what they cannot do.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

use slapos_debian::{Error, install};
use tar::EntryType;

use crate::debs::{COMPRESSIONS, Entry, deb, file, link};
use crate::host::Host;
use crate::mirror::{Mirror, Package, new_key, publish};

fn package(name: &'static str, entries: &[Entry]) -> Package {
    Package::new(name, "1", "", entries)
}

#[test]
fn every_compression_of_debian_is_unpacked() {
    let (mirror, key) = (Mirror::start(), new_key());
    let host = Host::new(&mirror.url(), &key);
    for compression in COMPRESSIONS {
        let entries = [
            file("./usr/share/x/data", &"many words ".repeat(9000)),
            file("./usr/share/doc/x/README", "-"),
        ];
        let mut packed = package("x", &entries);
        packed.deb = deb(&entries, compression);
        publish(&mirror, &[packed], &key);
        let tree = host.install("tree", &["x"]).unwrap().tree;
        std::fs::remove_file(tree.join(".slapos-debian")).unwrap();
        assert_eq!(
            std::fs::read_to_string(tree.join("usr/share/x/data")).unwrap().len(),
            99_000,
            "{compression}"
        );
        assert!(!tree.join("usr/share/doc").exists());
        std::fs::remove_dir_all(tree).unwrap();
    }
}

#[test]
fn links_modes_and_times_are_kept_as_far_as_they_are_safe() {
    let (mirror, key) = (Mirror::start(), new_key());
    let host = Host::new(&mirror.url(), &key);
    let mut setuid = file("usr/bin/su", "#!");
    setuid.mode = 0o6777;
    let entries = [
        setuid,
        link("usr/bin/other", EntryType::Link, "./usr/bin/su"),
        link("usr/lib/abs", EntryType::Symlink, "/usr/bin/su"),
        link("usr/lib/rel", EntryType::Symlink, "../bin/su"),
        link("opt", EntryType::Symlink, "usr/lib"),
    ];
    publish(
        &mirror,
        &[package("x", &entries), package("y", &[file("opt/y/z", "through a link")])],
        &key,
    );
    let tree = host.install("tree", &["x", "y"]).unwrap().tree;
    let metadata = tree.join("usr/bin/su").metadata().unwrap();
    assert_eq!(metadata.permissions().mode() & 0o7777, 0o755);
    assert_eq!(metadata.mtime(), 1_000_000_000);
    assert_eq!(metadata.ino(), tree.join("usr/bin/other").metadata().unwrap().ino());
    for name in ["abs", "rel"] {
        assert_eq!(tree.join("usr/lib").join(name).read_link_utf8().unwrap(), "../bin/su");
    }
    assert!(tree.join("usr/lib/y/z").is_file());
}

#[test]
fn hostile_archives_write_nothing_outside() {
    let key = new_key();
    let device = |kind| Entry { name: "dev/x", kind, link: "", mode: 0o666, content: Vec::new() };
    let table: [(Vec<Entry>, &str); 13] = [
        (vec![file("/tmp/slapos-escape", "x")], "absolute"),
        (vec![file("usr/../../escape", "x")], "leads out"),
        (vec![file("../escape", "x")], "leads out"),
        (vec![link("l", EntryType::Symlink, "../../escape"), file("l/x", "x")], "out of the tree"),
        (vec![link("a/b/l", EntryType::Symlink, "../../../escape")], "out of the tree"),
        (vec![link("h", EntryType::Link, "../../cache")], "leads out"),
        (vec![link("h", EntryType::Link, "/etc/passwd")], "absolute"),
        (vec![link("h", EntryType::Link, "etc/passwd")], "does not hold"),
        (
            vec![link("l", EntryType::Symlink, "etc"), link("h", EntryType::Link, "l")],
            "does not hold",
        ),
        (vec![device(EntryType::Char)], "no package needs"),
        (vec![device(EntryType::Block)], "no package needs"),
        (vec![device(EntryType::Fifo)], "no package needs"),
        (vec![file("f", "x"), file("f/x", "x")], "passes through the file"),
    ];
    for (entries, wished) in table {
        let mirror = Mirror::start();
        let host = Host::new(&mirror.url(), &key);
        publish(&mirror, &[package("evil", &entries)], &key);
        let error = host.install("tree", &["evil"]).unwrap_err();
        assert!(
            matches!(error, Error::Archive { .. }) && error.to_string().contains(wished),
            "{error}"
        );
        assert_eq!(host.names(), ["cache", "etc", "usr"], "{error}");
    }
}

#[test]
fn links_are_followed_inside_the_tree_only() {
    let (mirror, key) = (Mirror::start(), new_key());
    let host = Host::new(&mirror.url(), &key);
    // `/` means the tree's root, so the file lands in the tree and not in the host's `/srv`.
    let entries = [link("l", EntryType::Symlink, "/srv"), file("l/inside", "x")];
    publish(&mirror, &[package("x", &entries)], &key);
    let tree = host.install("tree", &["x"]).unwrap().tree;
    assert!(tree.join("srv/inside").is_file());
}

#[test]
fn caps_hold() {
    let (mirror, key) = (Mirror::start(), new_key());
    let host = Host::new(&mirror.url(), &key);
    let mut zeros = file("usr/zeros", "");
    zeros.content = vec![0; 3 << 20];
    publish(&mirror, &[package("x", &[file("a", "1"), file("b", "2"), zeros])], &key);
    let check = |change: &dyn Fn(&mut slapos_debian::Limits)| {
        let mut settings = host.settings();
        change(&mut settings.limits);
        install(&host.request("tree", &["x"]), &settings, &mut |_| ())
            .map(drop)
            .map_err(|error| error.to_string())
    };
    assert!(check(&|limits| limits.entries = 2).unwrap_err().contains("too large"));
    assert!(check(&|limits| limits.unpacked_bytes = 1 << 20).unwrap_err().contains("too large"));
    assert!(
        check(&|limits| limits.deb_bytes = 100)
            .unwrap_err()
            .contains("more than a package may have")
    );
    assert!(check(&|limits| limits.index_bytes = 50).unwrap_err().contains("too large"));
    assert!(!host.path("tree").exists());
    check(&|_| ()).unwrap();
}

#[test]
fn archives_that_are_broken_are_refused() {
    let (mirror, key) = (Mirror::start(), new_key());
    let host = Host::new(&mirror.url(), &key);
    let whole = package("x", &[file("usr/a", &"text ".repeat(9000))]).deb;
    let mut damaged = whole.clone();
    let middle = damaged.len() - 60;
    damaged[middle] ^= 0xff;
    let table = [
        b"no deb".to_vec(),
        Vec::new(),
        whole[..200].to_vec(),
        whole[..whole.len() - 40].to_vec(),
        damaged,
    ];
    for content in table {
        let mut broken = package("x", &[]);
        broken.deb = content;
        publish(&mirror, &[broken], &key);
        let error = host.install("tree", &["x"]).unwrap_err();
        assert!(matches!(error, Error::Archive { .. }), "{error}");
        assert!(!host.path("tree").exists());
    }
}
