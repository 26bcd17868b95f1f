//! Debian packages from a mirror of the test's own: what is wrong there is told at the master.

use std::fs;

use camino::{Utf8Path, Utf8PathBuf};
use slapos_core::names::SupplyState;

use crate::{
    cloud::{Cloud, write_file},
    debs::file,
    mirror::{Mirror, PACKAGES, Package, new_key, public, publish, sha256},
};

const DEB: &str = "pool/greeter_1.deb";

fn package() -> Package {
    Package::new("greeter", "1", "", &[file("usr/share/greeter/text", "hello")])
}

/// A cloud whose one node takes packages from `mirror`, and knows the key of `keys.asc`.
fn cloud(mirror: &str, key: &str) -> Cloud {
    let mut cloud = Cloud::master();
    let keys = cloud.path().join("keys.asc");
    write_file(&keys, key);
    let settings = format!("master_url = {}\nmirror = {mirror}\nkeyring = {keys}\n", cloud.url);
    cloud.start_node_with("COMP-1", 1, &settings);
    cloud.until("the node is there", |client| client.computers().unwrap().len() == 1);
    cloud
}

/// A release of one part with these lines.
fn release(cloud: &Cloud, name: &str, lines: &str) -> Utf8PathBuf {
    let profile = cloud.path().join(format!("{name}.cfg"));
    let part =
        "[buildout]\nparts = tree\n[tree]\nrecipe = slapos.recipe.debian\npackages = greeter\n";
    write_file(&profile, &format!("{part}{lines}"));
    profile
}

/// Supplies a release that cannot be installed: the text of its error.
fn refused(cloud: &Cloud, release: &Utf8Path) -> String {
    cloud.must(&["supply", release.as_str(), "COMP-1"], 0);
    let text = cloud.until_supply(release.as_str(), "COMP-1", SupplyState::Error);
    let said = cloud.must(&["computer", "info", "COMP-1"], 0).out;
    assert!(said.contains(text.lines().next().unwrap()), "{said}");
    text
}

/// Where the part of a release is on the node.
fn tree(cloud: &Cloud) -> Vec<Utf8PathBuf> {
    let releases = cloud.releases("COMP-1").into_iter();
    let trees = releases.map(|release| release.join("parts/tree"));
    trees.filter(|tree| tree.join("usr/share/greeter/text").exists()).collect()
}

#[test]
fn a_package_or_an_index_that_is_not_right_is_refused_with_its_name_and_both_hashes() {
    let (mirror, key) = (Mirror::start(), new_key());
    let cloud = cloud(&format!("{} sid", mirror.url()), &public(&key));
    let (package, release) = (package(), release(&cloud, "it", ""));
    publish(&mirror, &[self::package()], &new_key()); // of a stranger
    let text = refused(&cloud, &release);
    let index = format!("{}/dists/sid/InRelease", mirror.url());
    for part in [&*index, "is refused", "not trusted", "keyring = FILE"] {
        assert!(text.contains(part), "{part} in {text}");
    }

    publish(&mirror, &[self::package()], &key);
    let evil = vec![0; package.deb.len()];
    mirror.put(DEB, evil.clone());
    cloud.must(&["supply", release.as_str(), "COMP-1"], 0); // at once
    cloud.until("the wrong package is told", |client| {
        let computer = client.computer(&"COMP-1".try_into().unwrap()).unwrap();
        let text = computer.supplies[0].text.clone().unwrap_or_default();
        [DEB, "is refused", &sha256(&evil), &sha256(&package.deb)]
            .iter()
            .all(|it| text.contains(it))
    });
    assert_eq!(tree(&cloud), [""; 0]);

    mirror.put(DEB, package.deb);
    cloud.must(&["supply", release.as_str(), "COMP-1"], 0);
    cloud.until_supply(release.as_str(), "COMP-1", SupplyState::Available);
    assert_eq!(tree(&cloud).len(), 1);
}

#[test]
fn a_lock_and_a_suite_are_options_of_the_part() {
    let (mirror, key) = (Mirror::start(), new_key());
    let cloud = cloud(&mirror.url(), &public(&key));
    publish(&mirror, &[package()], &key);
    let first = release(&cloud, "first", "suite = sid\n");
    cloud.supply_url(first.as_str(), "COMP-1");
    let marker = tree(&cloud).remove(0).join(".slapos-debian");
    let lock = fs::read_to_string(marker).unwrap().split_once('\n').unwrap().1.to_owned();
    assert!(lock.contains("deb sid greeter 1 amd64"), "{lock}");

    // With the lock no index is needed: there is none any more.
    mirror.remove("dists/sid/InRelease");
    write_file(&cloud.path().join("greeter.lock"), &lock);
    let locked = "suite = sid\nlock = ${:_profile_base_location_}/greeter.lock\n";
    cloud.supply_url(release(&cloud, "locked", locked).as_str(), "COMP-1");
    assert_eq!(tree(&cloud).len(), 2);
    write_file(&cloud.path().join("greeter.lock"), "what a lock never says");
    let text = refused(&cloud, &release(&cloud, "broken", locked));
    assert!(text.contains("lock: does not begin with"), "{text}");
    assert!(text.contains("broken.cfg:7"), "the place: {text}");
}

#[test]
fn a_mirror_on_the_disk_is_read_wherever_it_lies() {
    let (mirror, key) = (Mirror::start(), new_key());
    publish(&mirror, &[package()], &key);
    let place = tempfile::Builder::new().prefix("slapos-mirror-").tempdir_in("/tmp").unwrap();
    let root = Utf8Path::from_path(place.path()).unwrap();
    crate::cloud::open_to_all(place.path());
    for path in ["dists/sid/InRelease", PACKAGES, DEB] {
        let mut answer = ureq::get(format!("{}/{path}", mirror.url())).call().unwrap();
        let (path, content) = (root.join(path), answer.body_mut().read_to_vec().unwrap());
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        slapos_atomic::write(&path, &content, 0o644).unwrap();
    }
    let cloud = cloud(&format!("file://{root} sid"), &public(&key));
    cloud.supply_url(release(&cloud, "it", "").as_str(), "COMP-1");
    assert_eq!(tree(&cloud).len(), 1);

    fs::remove_file(root.join("dists/sid/InRelease")).unwrap();
    let text = refused(&cloud, &release(&cloud, "other", "without = perl\n"));
    assert!(text.contains(&format!("file://{root}/dists/sid/InRelease: not found")), "{text}");
}
