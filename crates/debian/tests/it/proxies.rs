//! Proxies are used as apt would use them. The mirror's own name does not exist, so that an answer
//! proves the way it took.

use slapos_debian::{Error, ProxyEnvironment, install};

use crate::debs::file;
use crate::host::Host;
use crate::mirror::{Mirror, Package, new_key, publish};

const NOWHERE: &str = "http://mirror.invalid/debian";

fn proxy_with_packages(key: &pgp::composed::SignedSecretKey) -> Mirror {
    let proxy = Mirror::start();
    publish(&proxy, &[Package::new("a", "1", "", &[file("usr/bin/a", "a")])], key);
    proxy
}

#[test]
fn a_proxy_of_apt_is_asked_in_absolute_form() {
    let key = new_key();
    let table = [
        "Acquire::http::Proxy \"http://PROXY\";",
        "Acquire { http { Proxy::mirror.invalid \"http://PROXY/\"; }; };",
    ];
    for conf in table {
        let proxy = proxy_with_packages(&key);
        let host = Host::new(NOWHERE, &key);
        host.write(
            "etc/apt/apt.conf.d/50proxy",
            &conf.replace("PROXY", &proxy.address.to_string()),
        );
        host.install("tree", &["a"]).unwrap();
        let log = proxy.take_log();
        assert!(log.len() == 3 && log.iter().all(|target| target.starts_with(NOWHERE)), "{log:?}");
    }
}

#[test]
fn the_environment_is_a_proxy_too_unless_the_host_is_excluded() {
    let key = new_key();
    let proxy = proxy_with_packages(&key);
    let host = Host::new(NOWHERE, &key);
    let mut settings = host.settings();
    settings.proxies = ProxyEnvironment {
        http_proxy: Some(format!("http://user:secret@{}", proxy.address)),
        ..ProxyEnvironment::default()
    };
    install(&host.request("tree", &["a"]), &settings, &mut |_| ()).unwrap();
    assert_eq!(proxy.take_log().len(), 3);

    settings.proxies.no_proxy = Some("x.invalid,.invalid".to_owned());
    let error = install(&host.request("other", &["a"]), &settings, &mut |_| ()).unwrap_err();
    assert!(matches!(error, Error::Fetch { .. }), "{error}");
    assert!(proxy.take_log().is_empty());
}
