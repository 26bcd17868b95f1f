//! Only what is signed and hashed right is installed.

use slapos_debian::{Error, Ways};

use crate::debs::file;
use crate::host::Host;
use crate::mirror::{Mirror, PACKAGES, Package, new_key, publish, publish_release, sign};

fn hello() -> Vec<Package> {
    vec![Package::new("hello", "1", "", &[file("usr/bin/hello", "hi")])]
}

#[test]
fn an_index_without_a_right_signature_is_refused() {
    let (mirror, key, stranger) = (Mirror::start(), new_key(), new_key());
    let host = Host::new(&mirror.url(), &key);
    let tamper = |text: &str| sign(text, &key).replace("Origin: Test", "Origin: Evil");
    let swap = |text: &str| sign(&format!("{text}X: y\n"), &key).replace("X: y", "X: z");
    type Maker<'a> = &'a dyn Fn(&str) -> String;
    let table: [(Maker<'_>, &str); 6] = [
        (&|text| sign(text, &stranger), "not trusted"),
        (&|text| text.to_owned(), "not a signed document"),
        (&tamper, "does not match"),
        (&swap, "does not match"),
        (&|text| format!("{}{text}", sign("Suite: sid\n", &key)), "not a signed document"),
        (&|_| String::new(), "not a signed document"),
    ];
    for (maker, wished) in table {
        publish_release(&mirror, &hello(), maker);
        let error = host.install("tree", &["hello"]).unwrap_err();
        assert!(
            matches!(error, Error::Signature { .. }) && error.to_string().contains(wished),
            "{error}"
        );
        assert!(error.hint(&Ways { mirror: "M", keyring: "K" }).unwrap().contains("keys: K"));
        assert!(!host.path("tree").exists());
    }
    publish(&mirror, &hello(), &key);
    host.install("tree", &["hello"]).unwrap();
}

#[test]
fn keys_that_are_missing_are_told() {
    let (mirror, key) = (Mirror::start(), new_key());
    let host = Host::new(&mirror.url(), &key);
    publish(&mirror, &hello(), &key);
    std::fs::remove_file(host.path("usr/share/keyrings/test.asc")).unwrap();
    assert!(matches!(host.install("tree", &["hello"]), Err(Error::NoKey { .. })));
    host.write("usr/share/keyrings/test.asc", "no key at all");
    assert!(matches!(host.install("tree", &["hello"]), Err(Error::NoKey { .. })));
}

#[test]
fn an_expired_index_is_refused_unless_the_host_wants_it() {
    let (mirror, key) = (Mirror::start(), new_key());
    let host = Host::new(&mirror.url(), &key);
    let old =
        |text: &str| sign(&format!("Valid-Until: Sat, 18 Jul 2020 10:16:37 UTC\n{text}"), &key);
    publish_release(&mirror, &hello(), old);
    assert!(matches!(host.install("tree", &["hello"]), Err(Error::Expired { .. })));
    host.write("etc/apt/apt.conf.d/99test", "Acquire::Check-Valid-Until \"false\";");
    host.install("tree", &["hello"]).unwrap();
}

#[test]
fn what_does_not_match_its_hash_is_refused() {
    let key = new_key();
    let other = hello().remove(0).deb.len();
    let table: [(&str, Vec<u8>, &str); 5] = [
        (PACKAGES, b"Package: evil".to_vec(), "cut off"),
        (PACKAGES, vec![0; 5000], "larger than"),
        ("pool/hello_1.deb", vec![0; other], "SHA256"),
        ("pool/hello_1.deb", vec![0; other + 1], "larger than"),
        ("pool/hello_1.deb", vec![0; other - 1], "cut off"),
    ];
    for (path, content, wished) in table {
        let mirror = Mirror::start();
        let host = Host::new(&mirror.url(), &key);
        publish(&mirror, &hello(), &key);
        mirror.put(path, content);
        let problem = host.install("tree", &["hello"]).unwrap_err().to_string();
        assert!(problem.contains(wished) && problem.contains(path), "{path}: {problem}");
        assert_eq!(host.names(), ["cache", "etc", "usr"], "{path}");
        assert_eq!(host.path("cache/debs").read_dir().unwrap().count(), 0);
        assert_eq!(host.path("cache/incoming").read_dir().unwrap().count(), 0);
    }
}
