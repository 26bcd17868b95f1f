//! Recipes that write programs: wrapper, promise.plugin, check_port_listening.

use std::net::TcpListener;
use std::process::Command;

use crate::bench::{Bench, changed};

fn wrapper(options: &str) -> Bench {
    Bench::new(&format!(
        "[buildout]\nparts = x\n[x]\nrecipe = slapos.cookbook:wrapper\nwrapper-path = bin/run\n{options}"
    ))
}

fn output(bench: &Bench, name: &str, arguments: &[&str]) -> String {
    let ended = Command::new(bench.dir.join(name)).args(arguments).output().unwrap();
    assert!(
        ended.status.success(),
        "{name}: {} {}",
        ended.status,
        String::from_utf8_lossy(&ended.stderr)
    );
    String::from_utf8(ended.stdout).unwrap()
}

#[test]
fn a_wrapper_runs_its_command_with_its_environment() {
    let mut bench = wrapper(
        "command-line =\n  sh -c 'echo \"$GREETING\" \"$@\"' name\n  'two  words'\nenvironment =\n  GREETING=z\n  GREETING=it's $HOME\n  OTHER=\n",
    );
    bench.ran();
    assert_eq!(bench.mode("bin/run"), 0o700);
    assert_eq!(output(&bench, "bin/run", &["more"]), "it's $HOME two  words more\n");
}

#[test]
fn hash_files_name_another_service_when_they_change() {
    let profile = "command-line = true\nhash-files = ${file:output}\n[file]\nrecipe = slapos.recipe.template:jinja2\nurl = t.in\noutput = conf\n";
    let mut bench = wrapper(profile);
    bench.file("t.in", "one");
    bench.ran();
    let first = bench.list("bin");
    assert_eq!(first, ["run-529960531d36e27f781f9ac0a5ac54a6"]);
    bench.ran();
    assert_eq!(bench.list("bin"), first);
    bench.file("t.in", "other");
    let outcome = bench.ran();
    let second = bench.list("bin");
    assert_eq!(second.len(), 1);
    assert_ne!(second, first);
    assert_eq!(
        changed(&bench, &outcome),
        [&format!("bin/{}", second[0]), &format!("bin/{}", first[0]), "conf"]
            .map(|s| s.to_owned())
            .into_iter()
            .collect::<std::collections::BTreeSet<_>>()
            .into_iter()
            .collect::<Vec<_>>()
    );
}

#[test]
fn existing_files_are_hashed_too_and_missing_ones_are_told() {
    let mut bench = wrapper("command-line = true\nhash-existing-files = conf\n");
    assert!(bench.report().contains("cannot read DIR/conf"), "{}", bench.report());
    bench.file("conf", "one");
    bench.ran();
    assert_eq!(bench.list("bin"), ["run-529960531d36e27f781f9ac0a5ac54a6"]);
}

#[test]
fn a_pidfile_refuses_a_second_run_of_the_same_command_only() {
    let mut bench = wrapper("command-line = sleep 600\npidfile = pid\nwait-for-files = here\n");
    bench.file("here", "");
    bench.ran();
    bench.file("pid", &std::process::id().to_string()); // alive, and something else
    let mut first = Command::new(bench.dir.join("bin/run")).spawn().unwrap();
    let started = || {
        let command = std::fs::read_to_string(format!("/proc/{}/cmdline", first.id()));
        command.unwrap_or_default().starts_with("sleep\0")
    };
    while !started() {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    assert_eq!(bench.read("pid").trim(), first.id().to_string());
    let second = Command::new(bench.dir.join("bin/run")).output().unwrap();
    assert_eq!(second.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&second.stderr).contains("Already running with pid"));
    first.kill().unwrap();
    first.wait().unwrap();
}

#[test]
fn output_goes_to_files_that_may_be_moved_and_a_signal_is_handed_on() {
    let mut bench = wrapper(
        "command-line = sh -c 'trap \"echo got it; exit 7\" HUP; echo ready; echo bad >&2; while :; do sleep 0.05; done'\n\
         redirect-stdout = out\nredirect-stderr = err\nredirect-signal = HUP\n",
    );
    bench.ran();
    let mut running = Command::new(bench.dir.join("bin/run")).spawn().unwrap();
    let until = |name: &str, text: &str| {
        while !std::fs::read_to_string(bench.dir.join(name)).unwrap_or_default().contains(text) {
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    };
    until("out", "ready\n");
    until("err", "bad\n");
    std::fs::rename(bench.dir.join("out"), bench.dir.join("out.1")).unwrap();
    let sent = Command::new("kill").args(["-USR1", &running.id().to_string()]).status().unwrap();
    assert!(sent.success());
    assert_eq!(running.wait().unwrap().code(), Some(7));
    assert_eq!((bench.read("out"), bench.read("out.1")), ("got it\n".into(), "ready\n".into()));
}

#[test]
fn a_private_file_system_in_memory_is_seen_by_the_command_only() {
    let mut bench = wrapper(
        "command-line = sh -c 'echo $(id -u) \"$0\" $(stat -f -c %T tmp); touch tmp/inside' 'two words'\nprivate-tmpfs = 1M ${buildout:directory}/tmp\nsig-ign = USR1\n",
    );
    bench.ran();
    let ended = Command::new(bench.dir.join("bin/run")).current_dir(&bench.dir).output().unwrap();
    let (said, told) =
        (String::from_utf8(ended.stdout).unwrap(), String::from_utf8(ended.stderr).unwrap());
    let own = Command::new("id").arg("-u").output().unwrap();
    let own = String::from_utf8(own.stdout).unwrap();
    assert!(said.starts_with(&format!("{} two words ", own.trim())), "{said} {told}");
    // Where user name spaces are forbidden the folder is a plain one, and that is said.
    let private = said.trim().ends_with("tmpfs") && told.is_empty();
    assert!(private || told.contains("it is a plain folder"), "{said} {told}");
    assert_eq!(private, !bench.exists("tmp/inside"));
}

#[test]
fn hash_files_are_made_by_the_profile() {
    let mut bench = wrapper("command-line = true\nhash-files = /etc/passwd\n");
    let report = bench.report();
    assert!(report.contains("/etc/passwd is not made by this profile"), "{report}");
}

#[test]
fn what_a_wrapper_cannot_do_is_refused() {
    for (options, expected) in [
        ("command-line = a 'b\n", "a quote is opened and never closed"),
        ("command-line = a\nprivate-tmpfs = /tmp\n", "`/tmp` is not `size path`"),
        ("command-line = a\nredirect-signal = HUP\n", "`redirect-signal` means nothing without"),
        ("command-line = a\nsig-ign = hup;\n", "`hup;` is no name of a signal"),
        ("command-line = a\nenvironment = A\n", "`A` is not `name=value`"),
        ("command-line = a\nenvironment = A b=1\n", "`A b` cannot name a variable"),
        ("command-line = a\nenvironment =\n  A=1\n  1B=1\n", "`1B` cannot name a variable"),
        ("command-line = a\nenvironment = =1\n", "`` cannot name a variable"),
    ] {
        let report = wrapper(options).report();
        assert!(report.contains(expected), "{report}");
        assert!(report.contains("instance.cfg:"), "no place: {report}");
    }
}

#[test]
fn promises_with_dots_in_their_names_have_their_own_descriptions() {
    let part = |name: &str, port: &str| {
        format!(
            "[{name}]\nrecipe = slapos.cookbook:promise.plugin\nmodule = slapos.promise.plugin.check_socket_listening\n\
             output = etc/plugin/{name}\nconfig-host = 127.0.0.1\nconfig-port = {port}\n"
        )
    };
    let (one, two) = (part("p-1.2", "2"), part("p-1.3.py", "3"));
    let mut bench = Bench::new(&format!("[buildout]\nparts = p-1.2 p-1.3.py\n{one}{two}"));
    bench.ran();
    let port = |name: &str| {
        let text = bench.read(&format!("etc/plugin/{name}.json"));
        serde_json::from_str::<serde_json::Value>(&text).unwrap()["config"]["port"].clone()
    };
    assert_eq!((port("p-1.2"), port("p-1.3")), ("2".into(), "3".into()));
}

#[test]
fn a_promise_is_written_for_python_and_for_us() {
    let mut bench = Bench::new(
        "[buildout]\nparts = x y\n[x]\nrecipe = slapos.cookbook:promise.plugin\nmodule = slapos.promise.plugin.check_socket_listening\noutput = etc/plugin/listens.py\nconfig-host = 127.0.0.1\nconfig-port = !py!80\n\
         [y]\nrecipe = slapos.cookbook:promise.plugin\nmodule = mine.check\noutput = etc/plugin/mine.py\n",
    );
    bench.ran();
    assert_eq!(bench.list("etc/plugin"), ["listens.json", "listens.py", "mine.py"]);
    let description: serde_json::Value =
        serde_json::from_str(&bench.read("etc/plugin/listens.json")).unwrap();
    assert_eq!(
        description,
        serde_json::json!({
            "module": "slapos.promise.plugin.check_socket_listening",
            "class": "RunPromise",
            "config": {"host": "127.0.0.1", "port": 80},
        })
    );
    let python = bench.read("etc/plugin/listens.py");
    assert!(python.contains("extra_config_dict = {'host': '127.0.0.1', 'port': 80}"), "{python}");
    assert!(python.contains(
        "from slapos.promise.plugin.check_socket_listening import RunPromise as RunPromise"
    ));
}

#[test]
fn a_port_check_tells_whether_something_listens() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut bench = Bench::new(&format!(
        "[buildout]\nparts = x\n[x]\nrecipe = slapos.cookbook:check_port_listening\npath = check\nhostname = 127.0.0.1\nport = {port}\n"
    ));
    bench.ran();
    let check = || Command::new(bench.dir.join("check")).output().unwrap().status.code();
    assert_eq!(check(), Some(0));
    drop(listener);
    assert_eq!(check(), Some(127));
}
