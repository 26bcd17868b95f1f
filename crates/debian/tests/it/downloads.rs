//! What is downloaded when, and what an interruption leaves.

use slapos_debian::{Error, Lock, Origin, Ways, install};

use crate::debs::file;
use crate::host::Host;
use crate::mirror::{Mirror, Package, new_key, publish};

fn pair(version: &'static str) -> Vec<Package> {
    vec![
        Package::new("a", version, "b, perl", &[file("usr/bin/a", version)]),
        Package::new("b", "1", "", &[file("usr/lib/b", "b")]),
    ]
}

#[test]
fn nothing_is_downloaded_twice() {
    let (mirror, key) = (Mirror::start(), new_key());
    let host = Host::new(&mirror.url(), &key);
    publish(&mirror, &pair("1"), &key);
    let first = host.install("tree", &["a"]).unwrap();
    assert_eq!((first.origin, first.lock.debs.len()), (Origin::Index, 2));
    assert!(first.downloaded_bytes > 0);
    assert_eq!(mirror.take_log().len(), 4);

    let again = host.install("tree", &["a"]).unwrap();
    assert_eq!((again.origin, again.downloaded_bytes), (Origin::Present, 0));
    assert!(mirror.take_log().is_empty());

    let other = host.install("other", &["b"]).unwrap();
    assert_eq!((other.origin, other.downloaded_bytes), (Origin::Index, 0));
    assert_eq!(mirror.take_log(), ["/debian/dists/sid/InRelease"]);
}

#[test]
fn a_lock_needs_no_index_and_with_a_full_cache_no_mirror() {
    let (mirror, key) = (Mirror::start(), new_key());
    let host = Host::new(&mirror.url(), &key);
    publish(&mirror, &pair("1"), &key);
    let lock = host.install("tree", &["a"]).unwrap().lock;
    drop(mirror.take_log());

    let strange = Host::new(&mirror.url(), &key);
    let mut request = strange.request("tree", &["a"]);
    request.lock = Some(Lock::parse(&lock.to_string()).unwrap());
    let installed = install(&request, &strange.settings(), &mut |_| ()).unwrap();
    assert_eq!((installed.origin, &installed.lock), (Origin::Lock, &lock));
    let mut log = mirror.take_log();
    log.sort();
    assert_eq!(log, ["/debian/pool/a_1.deb", "/debian/pool/b_1.deb"]);

    drop(mirror);
    request.tree = strange.path("second");
    let installed = install(&request, &strange.settings(), &mut |_| ()).unwrap();
    assert_eq!((installed.origin, installed.downloaded_bytes), (Origin::Lock, 0));
}

#[test]
fn a_deb_that_is_gone_is_resolved_again_and_said() {
    let (mirror, key) = (Mirror::start(), new_key());
    let host = Host::new(&mirror.url(), &key);
    publish(&mirror, &pair("1"), &key);
    let lock = host.install("tree", &["a"]).unwrap().lock;
    mirror.remove("pool/a_1.deb");
    publish(&mirror, &pair("2"), &key);

    let later = Host::new(&mirror.url(), &key);
    let mut request = later.request("tree", &["a"]);
    request.lock = Some(lock.clone());
    let installed = install(&request, &later.settings(), &mut |_| ()).unwrap();
    assert!(
        matches!(&installed.origin, Origin::Renewed(why) if why.contains("a_1.deb")),
        "{:?}",
        installed.origin
    );
    assert_eq!(installed.lock.debs[0].version, "2");
    assert_eq!(std::fs::read_to_string(installed.tree.join("usr/bin/a")).unwrap(), "2");

    request.packages.push("b".to_owned());
    let installed = install(&request, &later.settings(), &mut |_| ()).unwrap();
    assert_eq!(installed.origin, Origin::Renewed("the lock answers another request".to_owned()));
}

#[test]
fn an_interrupted_installation_goes_on_where_it_was() {
    let (mirror, key) = (Mirror::start(), new_key());
    let host = Host::new(&mirror.url(), &key);
    publish(&mirror, &pair("1"), &key);
    mirror.cut("pool/a_1.deb", Some(10));
    let mut settings = host.settings();
    settings.downloads = 4;
    let problem =
        install(&host.request("tree", &["a"]), &settings, &mut |_| ()).unwrap_err().to_string();
    assert!(problem.contains("a_1.deb"), "{problem}");
    assert_eq!(host.names(), ["cache", "etc", "usr"]);
    assert_eq!(host.path("cache/debs").read_dir().unwrap().count(), 1);

    // What a killed process leaves while it unpacks, or between the two renames.
    host.write(".tree.building/usr/bin/half", "x");
    host.write(".tree.former/usr/bin/old", "x");
    mirror.cut("pool/a_1.deb", None);
    drop(mirror.take_log());
    let installed = host.install("tree", &["a"]).unwrap();
    assert_eq!(mirror.take_log(), ["/debian/dists/sid/InRelease", "/debian/pool/a_1.deb"]);
    assert!(!installed.tree.join("usr/bin/half").exists());
    assert_eq!(host.names(), ["cache", "etc", "tree", "usr"]);
}

#[test]
fn a_failed_change_leaves_the_former_tree() {
    let (mirror, key) = (Mirror::start(), new_key());
    let host = Host::new(&mirror.url(), &key);
    publish(&mirror, &pair("1"), &key);
    host.install("tree", &["b"]).unwrap();
    mirror.remove("pool/a_1.deb");
    let error = host.install("tree", &["a"]).unwrap_err();
    assert!(matches!(error, Error::NotFound { .. }), "{error}");
    assert!(host.path("tree/usr/lib/b").exists());
    mirror.put("pool/a_1.deb", pair("1").remove(0).deb);
    host.install("tree", &["a"]).unwrap();
    assert!(host.path("tree/usr/bin/a").exists());
}

#[test]
fn a_damaged_cache_costs_a_download_only() {
    let (mirror, key) = (Mirror::start(), new_key());
    let host = Host::new(&mirror.url(), &key);
    publish(&mirror, &pair("1"), &key);
    let first = host.install("tree", &["a"]).unwrap();
    host.write(&format!("cache/debs/{}", first.lock.debs[0].sha256), "damaged");
    let second = host.install("second", &["a"]).unwrap();
    assert_eq!(second.downloaded_bytes, first.lock.debs[0].size);
}

#[test]
fn many_may_install_at_the_same_time() {
    let (mirror, key) = (Mirror::start(), new_key());
    let host = Host::new(&mirror.url(), &key);
    publish(&mirror, &pair("1"), &key);
    let trees = ["one", "one", "two", "one", "three"];
    let origins: Vec<Origin> = std::thread::scope(|scope| {
        let run = |name| {
            let host = &host;
            scope.spawn(move || host.install(name, &["a"]).unwrap().origin)
        };
        let threads: Vec<_> = trees.into_iter().map(run).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(origins.iter().filter(|origin| **origin == Origin::Index).count(), 3, "{origins:?}");
    assert_eq!(host.names(), ["cache", "etc", "one", "three", "two", "usr"]);
}

#[test]
fn a_directory_of_others_is_never_replaced() {
    let (mirror, key) = (Mirror::start(), new_key());
    let host = Host::new(&mirror.url(), &key);
    publish(&mirror, &pair("1"), &key);
    host.write("tree/precious", "x");
    assert!(matches!(host.install("tree", &["a"]), Err(Error::NotOurs(_))));
    assert!(host.path("tree/precious").exists());
    host.write("plain", "x");
    assert!(matches!(host.install("plain", &["a"]), Err(Error::NotOurs(_))));
    std::fs::create_dir(host.path("empty")).unwrap();
    host.install("empty", &["a"]).unwrap();
}

#[test]
fn a_host_that_is_not_debian_is_told_the_setting() {
    let (mirror, key) = (Mirror::start(), new_key());
    let host = Host::new(&mirror.url(), &key);
    publish(&mirror, &pair("1"), &key);
    std::fs::remove_dir_all(host.path("etc")).unwrap();
    let error = host.install("tree", &["a"]).unwrap_err();
    assert!(matches!(error, Error::NoSources { .. }), "{error}");
    let ways = Ways { mirror: "--mirror URL", keyring: "--keyring FILE" };
    assert!(error.hint(&ways).unwrap().contains("--mirror URL"));

    let mut settings = host.settings();
    settings.mirror = Some(mirror.url().parse().unwrap());
    let error = install(&host.request("tree", &["a"]), &settings, &mut |_| ()).unwrap_err();
    assert!(matches!(error, Error::NoSuite { .. }), "{error}");
    settings.mirror = Some(format!("{} sid", mirror.url()).parse().unwrap());
    let error = install(&host.request("tree", &["a"]), &settings, &mut |_| ()).unwrap_err();
    assert!(matches!(error, Error::NoKey { .. }), "no key is trusted by itself: {error}");
    assert!(error.hint(&ways).unwrap().contains("--keyring FILE"));
    settings.keyring = Some(host.path("usr/share/keyrings/test.asc"));
    install(&host.request("tree", &["a"]), &settings, &mut |_| ()).unwrap();
}

#[test]
fn certificates_are_put_into_one_file() {
    let (mirror, key) = (Mirror::start(), new_key());
    let host = Host::new(&mirror.url(), &key);
    let entries = [
        file("usr/share/ca-certificates/mozilla/B.crt", "two\n"),
        file("usr/share/ca-certificates/mozilla/A.crt", "one"),
    ];
    publish(&mirror, &[Package::new("ca-certificates", "1", "", &entries)], &key);
    let tree = host.install("tree", &["ca-certificates"]).unwrap().tree;
    let bundle = std::fs::read_to_string(tree.join("etc/ssl/certs/ca-certificates.crt")).unwrap();
    assert_eq!(bundle, "one\ntwo\n");
}
