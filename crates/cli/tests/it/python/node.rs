//! The unmodified Python node (slapgrid) against our master: it installs a release of zc.buildout's
//! language, deploys an instance that requests another one, and takes both away again.

use std::{
    fs,
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    process::Command,
};

use camino::{Utf8Path, Utf8PathBuf};

use super::python;
use crate::{
    cloud::{Said, write_file},
    master::Master,
};

/// A computer with its Python node. Its supervisord ends with this value.
struct Node {
    python: Utf8PathBuf,
    directory: Utf8PathBuf,
}

impl Node {
    /// Lays everything out: the release, the partitions, the configuration.
    fn new(python: &Utf8Path, directory: &Utf8Path, master_url: &str) -> Self {
        let files = Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/python/node");
        fs::create_dir(directory.join("recipe")).unwrap();
        for name in ["sitecustomize.py", "recipe/setup.py", "recipe/demo_recipe.py", "software.cfg"]
        {
            let text = fs::read_to_string(files.join(name)).unwrap();
            write_file(&directory.join(name), &text.replace("@here@", directory.as_str()));
        }
        fs::create_dir(directory.join("software")).unwrap();
        for partition in 0..3 {
            let path = directory.join(format!("instance/slappart{partition}"));
            fs::DirBuilder::new().recursive(true).mode(0o750).create(&path).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o750)).unwrap();
        }
        let text = format!(
            "[slapos]\ncomputer_id = COMP-1\nmaster_url = {master_url}\nroot_check = False\n\
             software_root = {directory}/software\ninstance_root = {directory}/instance\n\
             [slapformat]\ninput_definition_file = {directory}/computer.cfg\n\
             computer_xml = {directory}/computer.xml\nlog_file = {directory}/format.log\n\
             partition_amount = 3\nalter_user = False\nalter_network = False\ncreate_tap = False\n\
             [slapconsole]\n"
        );
        write_file(&directory.join("slapos.cfg"), &text);
        // so that no network interface is looked at or changed
        let partition = |number| {
            format!(
                "[partition_{number}]\npathname = slappart{number}\nuser = root\n\
                 address = 10.0.0.{}/255.255.255.255\nnetwork_interface = slaptap{number}\n",
                number + 1
            )
        };
        let computer = "[computer]\naddress = 10.0.0.9/255.255.255.0\n".to_owned();
        let text = (0..3).map(partition).fold(computer, |text, it| text + &it);
        write_file(&directory.join("computer.cfg"), &text);
        Self { python: python.to_owned(), directory: directory.to_owned() }
    }

    fn release(&self) -> String {
        self.directory.join("software.cfg").into_string()
    }

    /// Runs a command of the Python command line.
    fn slapos(&self, arguments: &[&str]) -> Said {
        let program = self.python.with_file_name("slapos");
        // It refuses to run anything as root, so root calls itself somebody else.
        let mut command = if slapos_node::sys::whoami() == 0 {
            let mut command = Command::new("unshare");
            command.args(["--user", "--map-user=65534", "--map-group=65534", program.as_str()]);
            command
        } else {
            Command::new(program)
        };
        let cfg = self.directory.join("slapos.cfg");
        command.args(arguments).args(["--cfg", cfg.as_str()]);
        if arguments[0] == "node" && arguments[1] != "format" {
            command.args(["--pidfile", self.directory.join("slapgrid.pid").as_str()]);
        }
        command.env("PYTHONPATH", &self.directory).current_dir(&self.directory);
        command.output().unwrap().into()
    }

    fn must(&self, arguments: &[&str]) {
        let said = self.slapos(arguments);
        assert_eq!(said.code, 0, "{arguments:?}: {said:?}");
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let pid = fs::read_to_string(self.directory.join("instance/var/run/supervisord.pid"));
        if let Ok(pid) = pid {
            let _gone = Command::new("kill").arg(pid.trim()).status();
        }
    }
}

#[test]
fn the_python_node_deploys_and_destroys_a_tree() {
    let Some(python) = python() else { return };
    let directory = tempfile::Builder::new().prefix("slapos-test-").tempdir_in("/tmp").unwrap();
    let path = Utf8Path::from_path(directory.path()).unwrap();
    let master = Master::on(&path.join("master"));
    let node = Node::new(&python, path, &master.url);
    let release = node.release();

    node.must(&["node", "format", "--now"]);
    node.must(&["supply", &release, "COMP-1"]);
    node.must(&["node", "software"]);
    node.must(&["request", "app", &release]);
    // the parent asks, the child publishes, the parent hears
    let mut said = node.slapos(&["node", "instance"]);
    for _ in 0..3 {
        if said.code == 0 {
            break;
        }
        assert!(said.err.contains("url not found"), "{said:?}");
        said = node.slapos(&["node", "instance"]);
    }
    assert_eq!(said.code, 0, "{said:?}");
    let client = master.client();
    let tree = || client.tree(&"app".try_into().unwrap()).unwrap().instances;
    let urls: Vec<_> = tree().iter().map(|it| it.connection["url"].clone()).collect();
    assert_eq!(urls, ["http://app/?mysql://10.0.0.2/wiki", "mysql://10.0.0.2/wiki"]);
    let states: Vec<_> = tree().into_iter().map(|it| it.state).collect();
    assert_eq!(states, ["started", "started"]);
    let asked = node.slapos(&["request", "app", &release]);
    assert!(asked.err.contains("http://app/?mysql://10.0.0.2/wiki"), "{asked:?}");

    // its child serves another one
    let shared = ["request", "tenant", &release, "--type", "db", "--slave"];
    let asked = node.slapos(&shared);
    assert!(asked.err.contains("Instance requested"), "{asked:?}");
    node.must(&["node", "instance"]);
    let asked = node.slapos(&shared);
    assert!(asked.err.contains("mysql://10.0.0.2/wiki/tenant"), "{asked:?}");

    for state in ["stopped", "started"] {
        node.must(&["request", "app", &release, "--state", state]);
        node.must(&["node", "instance"]);
        let states: Vec<_> = tree().into_iter().map(|it| it.state).collect();
        assert_eq!(states, [state, state]);
    }

    // there is nothing to do, and nothing is said
    node.must(&["node", "instance"]);
    let revision = client.health().unwrap().revision;
    node.must(&["node", "instance"]);
    assert_eq!(client.health().unwrap().revision, revision);

    let gone = node.slapos(&[&shared[..], &["--state", "destroyed"]].concat());
    assert_eq!(gone.code, 2, "what is gone at once is not ready: {gone:?}");
    node.must(&["request", "app", &release, "--state", "destroyed"]);
    node.must(&["node", "instance"]);
    node.must(&["node", "report"]);
    assert_eq!(client.instances(None).unwrap(), []);
    node.must(&["remove", &release, "COMP-1"]);
    node.must(&["node", "software"]);
    assert_eq!(client.computer(&"COMP-1".try_into().unwrap()).unwrap().supplies, []);
    let left = fs::read_dir(path.join("software")).unwrap().count();
    assert_eq!(left, 0, "the release is removed");
}
