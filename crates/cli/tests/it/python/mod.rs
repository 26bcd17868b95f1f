//! The unmodified Python client against our master. Needs `slapos.core` in the Python that
//! `SLAPOS_TEST_PYTHON` names; `./test` makes one.

mod documents;
mod import;
mod joining;
mod masters;
mod networkcache;
mod node;
mod slapproxy;

use std::process::Command;

use camino::{Utf8Path, Utf8PathBuf};

use crate::cloud::{Cloud, Said, write_file};
use crate::skip::skip;

/// The Python with `slapos.core`, if there is one.
fn python() -> Option<Utf8PathBuf> {
    let python = std::env::var_os("SLAPOS_TEST_PYTHON").and_then(|path| path.into_string().ok());
    let python = python.map(Utf8PathBuf::from);
    let found = python.filter(|python| python.with_file_name("slapos").exists());
    if found.is_none() {
        skip("SLAPOS_TEST_PYTHON names no Python with slapos.core");
    }
    found
}

/// The client's own command line, with a configuration that names our master.
fn slapos(python: &Utf8Path, cloud: &Cloud, arguments: &[&str]) -> Said {
    let cfg = cloud.directory.path().join("python-client.cfg");
    let content = format!("[slapos]\nmaster_url = {}\n[slapconsole]\n", cloud.url);
    write_file(Utf8Path::from_path(&cfg).unwrap(), &content);
    let mut command = Command::new(python.with_file_name("slapos"));
    command.args(arguments).arg("--cfg").arg(cfg).output().unwrap().into()
}

#[test]
fn the_python_library_sees_what_it_expects() {
    let Some(python) = python() else { return };
    let cloud = Cloud::master();
    let script = Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/python/library.py");
    // below a prefix, as behind a proxy
    let url = format!("{}/below/a/prefix", cloud.url);
    let said = Said::from(Command::new(&python).arg(&script).arg(url).output().unwrap());
    let expected = "\
unknown computer: NotFoundError
not supplied: ResourceNotReady
placed: slappart0 started {'a': 'é<&>'}
the same again: slappart0 True
child: slappart1 {}
published: {'url': 'mysql://10.0.0.2:3306'}
shared: started tenant 1 True
published for it: {'url': 'for the tenant'}
renamed: slappart1 True
status: slappart0 started #access Instance correctly started
status: slappart1 started #error while instanciating: line 7: no such key
status: slappart2 destroyed None
own: app [('slaptap0', '10.0.0.1')] int
stop reaches: ['stopped', 'stopped', 'destroyed']
unknown partition: NotFoundError
freed: ['destroyed', 'destroyed', 'destroyed']
";
    assert_eq!(said.out, expected, "{}", said.err);
}

#[test]
fn the_python_command_line_orders_and_is_told_to_wait() {
    let Some(python) = python() else { return };
    let cloud = Cloud::master();
    let release = "http://releases.invalid/db/software.cfg";
    // arguments, exit code, a part of what is said
    let table: [(&[&str], i32, &str); 3] = [
        (&["supply", release, "COMP-1"], 1, "COMP-1"),
        (&["request", "db", release], 2, "Master is provisioning it"),
        (&["request", "db", release, "--state", "destroyed"], 2, "Master is provisioning it"),
    ];
    for (arguments, code, part) in table {
        let said = slapos(&python, &cloud, arguments);
        assert_eq!(said.code, code, "{arguments:?} {said:?}");
        assert!(said.err.contains(part) || said.out.contains(part), "{arguments:?} {said:?}");
    }
}
