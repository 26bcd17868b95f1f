//! The demo where packages cannot come from where they usually do.

use std::{fs, net::TcpListener, process::Command};

use camino::{Utf8Path, Utf8PathBuf};

use super::directory;
use crate::{
    cloud::{Said, slapos, write_file},
    processes::assert_none_below,
    skip::skip,
};

#[test]
fn a_mirror_that_does_not_answer_is_named() {
    let directory = directory();
    let dir = directory.path().to_str().unwrap();
    let said: Said = slapos()
        .args(["demo", "--exit", "--dir", dir, "--mirror", "http://127.0.0.1:9/debian"])
        .output()
        .unwrap()
        .into();
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.err.contains("127.0.0.1:9"), "{said:?}");
    assert_none_below(directory.path());
}

#[test]
fn a_mirror_that_takes_the_connection_and_stays_silent_is_given_up() {
    let directory = directory();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap(); // the kernel takes connections for it
    let address = silent.local_addr().unwrap().to_string();
    let mut demo = slapos();
    demo.args(["demo", "--exit", "--dir", directory.path().to_str().unwrap()]);
    demo.args(["--mirror", &format!("http://{address}/debian"), "--mirror-timeout", "1"]);
    let said: Said = demo.env("no_proxy", "127.0.0.1").output().unwrap().into();
    assert_eq!(said.code, 1, "{said:?}");
    let index = format!("fetch http://{address}/debian/dists/");
    for text in [&*index, "timeout", "is the network up?", "--mirror 'URL SUITE'"] {
        assert!(said.err.contains(text), "{text} in {said:?}");
    }
    assert_none_below(directory.path());
}

/// A host that is not Debian, as far as a process there can see: neither its name, nor sources of
/// packages, nor Debian's keys.
struct Stranger {
    release: Utf8PathBuf,
}

impl Stranger {
    /// The error says why this machine cannot have one.
    fn below(directory: &Utf8Path) -> Result<Self, String> {
        let release = directory.join("os-release");
        write_file(&release, "ID=other\nNAME=Other\n");
        let stranger = Self { release };
        let said: Said = stranger.runs(&Command::new("true")).output().unwrap().into();
        if said.code == 0 { Ok(stranger) } else { Err(format!("no mount namespace: {}", said.err)) }
    }

    /// The command, there.
    fn runs(&self, command: &Command) -> Command {
        const HIDE: &str = "set -e
            for directory in sources.list.d trusted.gpg.d; do
                mount -t tmpfs none /etc/apt/$directory
            done
            for file in sources.list trusted.gpg; do
                [ ! -e /etc/apt/$file ] || mount --bind /dev/null /etc/apt/$file
            done
            mount -t tmpfs none /usr/share/keyrings
            mount --bind \"$1\" /etc/os-release
            shift
            exec \"$@\"";
        let mut there = Command::new("unshare");
        there.arg("--mount");
        let user = slapos_node::sys::whoami();
        if user != 0 {
            there.args(["--user", "--map-root-user"]);
        }
        there.args(["sh", "-c", HIDE, "sh", self.release.as_str()]);
        if user != 0 {
            // Within the namespace the user passes for root; a node must not believe it.
            there.args(["unshare", "--user", &format!("--map-user={user}")]);
        }
        for (name, _) in command.get_envs() {
            there.env_remove(name);
        }
        there.arg(command.get_program()).args(command.get_args());
        there
    }
}

/// The host's own mirror as a person would name it: its address and the suite.
fn own_mirror() -> String {
    let request = slapos_debian::Request::new(["nginx"], "/nowhere");
    #[expect(clippy::disallowed_methods, reason = "a test is an edge")]
    let now = std::time::SystemTime::now();
    let settings = slapos_debian::Settings::new("/nowhere", now);
    let own = slapos_debian::sources::sources(&request, &settings).unwrap().remove(0);
    format!("{} {} {}", own.url, own.suite, own.components.join(" "))
}

#[test]
fn a_host_that_is_not_debian_needs_a_mirror_and_with_one_it_works() {
    let directory = directory();
    let place = Utf8Path::from_path(directory.path()).unwrap();
    let stranger = match Stranger::below(place) {
        Ok(stranger) => stranger,
        Err(why) => return skip(why),
    };
    let keys = place.join("keys.gpg");
    fs::copy("/usr/share/keyrings/debian-archive-keyring.gpg", &keys).unwrap();
    let cloud = place.join("cloud");
    let demo = |options: &[&str]| -> Said {
        let mut demo = slapos();
        demo.args(["demo", "--exit", "--dir", cloud.as_str()]).args(options);
        stranger.runs(&demo).output().unwrap().into()
    };

    let said = demo(&[]);
    assert_eq!(said.code, 1, "{said:?}");
    for text in
        ["no source of Debian packages: /etc/apt names none", "hint", "--mirror 'URL SUITE'"]
    {
        assert!(said.err.contains(text), "{text} in {said:?}");
    }
    let mirror = own_mirror();
    let (url, _) = mirror.split_once(' ').unwrap();
    let said = demo(&["--mirror", url]);
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.err.contains(&format!("which suite of the mirror {url}?")), "{said:?}");
    let said = demo(&["--mirror", &mirror]);
    assert_eq!(said.code, 1, "{said:?}");
    for text in ["no OpenPGP key to verify", "--keyring FILE"] {
        assert!(said.err.contains(text), "{text} in {said:?}");
    }

    let said = demo(&["--mirror", &mirror, "--keyring", keys.as_str()]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.err.contains("logged in to phpMyAdmin as `app`"), "{said:?}");
    assert_none_below(directory.path());
}
