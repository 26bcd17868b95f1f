//! Eggs come at the versions that a release pins, and releases with the same versions share one Python environment.
//! They are downloaded from where pip is configured to, and kept in a folder of `/tmp` for the next time.

use std::{fs, os::unix::fs::MetadataExt, process::Command};

use camino::{Utf8Path, Utf8PathBuf};
use slapos_node::sys;

use crate::cloud::{Cloud, eventually, write_file};

/// A release with a Python, whose instances publish which netaddr the Python of their profile has. It pins `VERSIONS`.
const SOFTWARE: &str = "[buildout]
parts = tool instance.cfg
[versions]
VERSIONS
[tool]
recipe = zc.recipe.egg
eggs = netaddr
interpreter = python
[instance.cfg]
recipe = slapos.recipe.template:jinja2
output = ${buildout:directory}/instance.cfg
inline =
  [buildout]
  parts = published
  [asked]
  recipe = slapos.recipe.build
  init =
    import netaddr
    options['version'] = netaddr.__version__
  [published]
  recipe = slapos.cookbook:publish
  version = $${asked:version}
";

/// Python, which notes when it makes an environment in a file beside the downloads: it may write nowhere else.
const PYTHON: &str = "#!/bin/sh
case $* in *venv*) echo made >> NOTES;; esac
exec /usr/bin/python3 \"$@\"
";

struct Bench {
    cloud: Cloud,
    /// Has a line for each environment that was made.
    notes: Utf8PathBuf,
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _none = fs::remove_file(&self.notes);
    }
}

impl Bench {
    fn start() -> Self {
        let mut cloud = Cloud::master();
        let cache = format!("/tmp/slapos-test-downloads-{}", sys::whoami());
        let notes = Utf8Path::new(&cache).join(cloud.path().file_name().unwrap());
        let python = cloud.path().join("python/bin/python3");
        fs::create_dir_all(python.parent().unwrap()).unwrap();
        let text = PYTHON.replace("NOTES", notes.as_str());
        slapos_atomic::write(&python, text.as_bytes(), 0o755).unwrap();
        let settings = format!(
            "master_url = {}\ncache_root = {cache}\npython = {python}\ninstallations_max = 2\n",
            cloud.url
        );
        cloud.start_node_with("COMP-1", 1, &settings);
        cloud.until("the node is formatted", |client| client.computers().unwrap().len() == 1);
        Self { cloud, notes }
    }

    /// Writes a release that pins these versions, one a line.
    fn release(&self, name: &str, versions: &str) -> String {
        let profile = self.cloud.path().join(format!("releases/{name}/software.cfg"));
        fs::create_dir_all(profile.parent().unwrap()).unwrap();
        write_file(&profile, &SOFTWARE.replace("VERSIONS", versions));
        profile.into_string()
    }

    fn install(&self, url: &str) {
        self.cloud.must(&["supply", url, "COMP-1", "--wait"], 0);
    }

    /// Where a release that has been installed is.
    fn folder(&self, url: &str) -> Utf8PathBuf {
        let mut folders = self.cloud.releases("COMP-1").into_iter();
        let extends = format!("extends = {url}\n");
        let text = |folder: &Utf8PathBuf| fs::read_to_string(folder.join("buildout.cfg"));
        folders.find(|folder| text(folder).is_ok_and(|text| text.ends_with(&extends))).unwrap()
    }

    fn made(&self) -> usize {
        fs::read_to_string(&self.notes).unwrap().lines().count()
    }

    fn environments(&self) -> Vec<Utf8PathBuf> {
        let root = self.cloud.path().join("COMP-1/software/environments");
        root.read_dir_utf8().unwrap().map(|entry| entry.unwrap().into_path()).collect()
    }
}

fn environment(release: &Utf8Path) -> Utf8PathBuf {
    release.join("eggs").read_link_utf8().unwrap()
}

#[test]
fn releases_with_the_same_versions_of_eggs_share_one_environment() {
    let mut bench = Bench::start();
    let one = bench.release("one", "netaddr = 1.3.0");
    let two = bench.release("two", "six = 0.0.1\nNetAddr = 1.3.0:whl");
    bench.cloud.must(&["supply", &one, "COMP-1"], 0);
    // What is broken off in the middle is made anew.
    eventually("an environment is being made", || bench.notes.exists());
    bench.cloud.kill_node("COMP-1");
    bench.cloud.restart_node("COMP-1");
    // Two releases at the same time make it once.
    [&two, &one].iter().for_each(|url| bench.install(url));
    assert_eq!(bench.made(), 2);
    let (first, second) = (bench.folder(&one), bench.folder(&two));
    let shared = environment(&first);
    assert_eq!(environment(&second), shared);
    assert_eq!(bench.environments(), std::slice::from_ref(&shared));
    assert_eq!(netaddr(&second), "1.3.0");
    let log = fs::read_to_string(second.join(".log/versions.log")).unwrap();
    assert!(log.contains("\nsix 1.17.0  (the release pins 0.0.1)\n"), "{log}");
    assert!(log.contains("\nnetaddr 1.3.0\n"), "{log}");
    if sys::whoami() == 0 {
        let root = shared.parent().unwrap();
        assert_eq!(fs::metadata(root).unwrap().uid(), 0, "a release can put one into their folder");
    }

    let other = bench.release("other", "netaddr = 0.7.19");
    bench.install(&other);
    let third = bench.folder(&other);
    assert_eq!((bench.made(), bench.environments().len()), (3, 2));
    assert_eq!(netaddr(&third), "0.7.19");
    bench.cloud.must(&["request", "it", &other, "--wait"], 0);
    assert_eq!(bench.cloud.instance("it").connection["version"], "0.7.19");

    bench.cloud.must(&["remove", &one, "COMP-1"], 0);
    eventually("the first release is removed", || !first.exists());
    bench.cloud.must(&["remove", &two, "COMP-1"], 0);
    eventually("what nothing uses any more is removed", || !shared.exists());
    assert!(!second.exists(), "it was removed before the last release that uses it");
    assert_eq!(bench.environments(), [environment(&third)]);
}

/// The version of netaddr that the Python of a release has.
fn netaddr(release: &Utf8Path) -> String {
    let program = "import netaddr; print(netaddr.__version__)";
    let mut python = Command::new(release.join("bin/python"));
    let output = python.args(["-I", "-c", program]).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
