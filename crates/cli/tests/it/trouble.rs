//! What goes wrong, and what is said about it: place, cause, way out, exit code.

use std::{fs, net::TcpListener, process::Command};

use slapos_core::names::SupplyState;

use crate::cloud::{Cloud, PAGE_SOFTWARE, Said, eventually, network, release, slapos};
use crate::skip::skip;

fn write(path: &camino::Utf8Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    slapos_atomic::write(path, text.as_bytes(), 0o644).unwrap();
}

#[test]
fn unknown_things_are_named() {
    let cloud = Cloud::start();
    let table: &[(&[&str], i32, &str)] = &[
        (&["supply", "software/hello", "COMP-9"], 3, "COMP-9"),
        (&["computer", "info", "COMP-9"], 3, "COMP-9"),
        (&["service", "info", "nobody"], 1, "there is no instance `nobody`"),
        (&["request", "a", "b c"], 64, "b c"),
        (
            &["request", "a", "software/hello", "--state", "asleep"],
            64,
            "started, stopped or destroyed",
        ),
        (&["request", "a", "software/hello", "--parameters", "novalue"], 64, "KEY=VALUE"),
        (&["dance"], 64, "dance"),
    ];
    for (arguments, code, text) in table {
        let said = cloud.must(arguments, *code);
        assert!(said.err.contains(text), "{arguments:?}: {said:?}");
        assert!(said.out.is_empty(), "errors are no data: {said:?}");
    }
}

#[test]
fn without_a_master_there_is_no_answer_and_a_hint() {
    let directory = tempfile::tempdir().unwrap();
    let cfg = camino::Utf8Path::from_path(directory.path()).unwrap().join("client.cfg");
    write(&cfg, "[slapos]\nmaster_url = http://127.0.0.1:9\n");
    let said: Said =
        slapos().args(["--cfg", cfg.as_str(), "service", "list"]).output().unwrap().into();
    assert_eq!(said.code, 5);
    assert!(said.err.contains("http://127.0.0.1:9") && said.err.contains("hint"), "{said:?}");
}

#[test]
fn a_missing_configuration_is_wrong_usage() {
    let said: Said =
        slapos().args(["--cfg", "/nowhere/x.cfg", "service", "list"]).output().unwrap().into();
    assert_eq!(said.code, 64);
    assert!(said.err.contains("/nowhere/x.cfg"), "{said:?}");
}

#[test]
fn a_release_that_cannot_be_read_is_an_error_with_the_place() {
    let cloud = Cloud::start();
    for url in ["/nowhere/software.cfg", "http://127.0.0.1:9/software.cfg", "software/unknown"] {
        cloud.wish_release(url, "COMP-1");
        cloud.until("the error is told", |client| {
            let computer = client.computer(&"COMP-1".try_into().unwrap()).unwrap();
            computer.supplies.iter().any(|supply| {
                supply.software_release.as_str() == url
                    && supply.state == slapos_core::names::SupplyState::Error
                    && supply.text.as_deref().is_some_and(|text| text.contains("software.cfg"))
            })
        });
    }
    // Whoever requests it is told so.
    let said = cloud.must(&["request", "a", "software/unknown"], 2);
    assert!(said.out.contains("COMP-1"), "{said:?}");
}

#[test]
fn a_node_that_is_gone_is_told_to_whoever_waits_for_it() {
    let mut cloud = Cloud::start();
    let list = cloud.must(&["computer", "list"], 0).out;
    assert_eq!(list.matches(" now").count(), 2, "both nodes listen: {list}");
    cloud.kill_node("COMP-1");
    let idle = release("idle");
    cloud.must(&["supply", &idle, "COMP-1"], 0);
    cloud.must(&["request", "late", &idle], 2);
    cloud.until("the silence is told", |_| {
        let late = cloud.instance("late");
        late.waiting_code.as_deref() == Some("node-silent")
            && late.waiting_for.is_some_and(|why| why.contains("COMP-1 has not been heard of for"))
    });
    let info = cloud.must(&["computer", "info", "COMP-1"], 0).out;
    assert!(info.contains("last heard of: ") && info.contains(" ago"), "{info}");
    cloud.restart_node("COMP-1");
    cloud.until("it goes on", |_| cloud.instance("late").state == "started");
}

/// A release whose instances have one service, `bad`, and no promise.
fn with_service(cloud: &Cloud, command: &str) -> camino::Utf8PathBuf {
    let directory = cloud.path().join("services");
    write(
        &directory.join("software.cfg"),
        &format!(
            "[buildout]\nparts = instance.cfg\n\
             [instance.cfg]\nrecipe = slapos.recipe.template:jinja2\ninline =\n  \
             [buildout]\n  parts = bad\n  [bad]\n  recipe = slapos.cookbook:wrapper\n  \
             command-line = {command}\n  wrapper-path = $${{buildout:directory}}/etc/service/bad\n\
             output = ${{buildout:directory}}/instance.cfg\n"
        ),
    );
    directory.join("software.cfg")
}

#[test]
fn a_service_that_does_not_stay_up_is_an_error_also_without_a_promise() {
    let cloud = Cloud::start();
    let url = with_service(&cloud, "/bin/sh -c 'exit 3'");
    cloud.supply_url(url.as_str(), "COMP-1");
    cloud.run(&["request", "crashing", url.as_str()]);
    cloud.until("the error is told", |_| cloud.instance("crashing").state == "error");
    let told = cloud.instance("crashing").error.unwrap();
    assert!(told.starts_with("service bad does not stay up: ended "), "{told}");
    let log = cloud.path().join("COMP-1/var/log/slappart0/bad.log");
    for text in ["times in a row", "at last with exit code 3", log.as_str()] {
        assert!(told.contains(text), "{text} in {told}");
    }
    let said = cloud.must(&["service", "explain", "crashing"], 2).out;
    assert!(said.contains("service bad does not stay up"), "{said}");
    let verbs = cloud.client().history(Some(&"crashing".try_into().unwrap())).unwrap();
    assert!(verbs.iter().all(|entry| entry.change.verb != "publish"), "{verbs:#?}");
}

/// A release with a tool, and a service that is the tool.
fn with_tool(cloud: &Cloud, tool: &str) -> camino::Utf8PathBuf {
    let software = with_service(cloud, "/bin/sh ${tool:output}");
    let text = fs::read_to_string(&software).unwrap();
    let part = "[tool]\nrecipe = slapos.recipe.template\noutput = ${buildout:directory}/tool\n";
    write(&software, &format!("{text}{part}inline = {tool}\n"));
    software
}

#[test]
fn a_service_that_was_given_up_begins_anew_when_its_release_is_repaired() {
    let cloud = Cloud::start();
    let url = with_tool(&cloud, "exit 3");
    cloud.supply_url(url.as_str(), "COMP-1");
    cloud.run(&["request", "broken", url.as_str()]);
    cloud.until("it was given up", |_| cloud.instance("broken").state == "error");
    with_tool(&cloud, "exec sleep 10000");
    cloud.must(&["supply", "--again", url.as_str(), "COMP-1"], 0);
    cloud.until("it runs", |_| cloud.instance("broken").state == "started");
    // One that was merely tried again would have failed often.
    let cfg = cloud.node_cfg("COMP-1");
    let status = cloud.must(&["--cfg", cfg.as_str(), "node", "status", "--json"], 0);
    assert_eq!(status.json()["processes"][0]["failures"], 0, "{status:?}");
}

#[test]
fn a_check_ends_with_its_agent() {
    let mut cloud = Cloud::start();
    let directory = cloud.path().join("checks");
    write(
        &directory.join("software.cfg"),
        "[buildout]\nparts = instance.cfg\n\
         [instance.cfg]\nrecipe = slapos.recipe.template:jinja2\ninline =\n  \
         [buildout]\n  parts = slow\n  [slow]\n  recipe = slapos.cookbook:wrapper\n  \
         command-line = /bin/sh -c 'echo $$$$$$$$ > pid; sleep 600'\n  \
         wrapper-path = $${buildout:directory}/etc/promise/slow\n\
         output = ${buildout:directory}/instance.cfg\n",
    );
    let url = directory.join("software.cfg");
    cloud.supply_url(url.as_str(), "COMP-1");
    cloud.run(&["request", "checked", url.as_str()]);
    let file = cloud.path().join("COMP-1/instance/slappart0/pid");
    let pid = || fs::read_to_string(&file).ok()?.trim().parse::<u32>().ok();
    eventually("the check runs", || pid().is_some());
    let process = camino::Utf8PathBuf::from(format!("/proc/{}", pid().unwrap()));
    assert!(process.exists());
    cloud.kill_node("COMP-1");
    eventually("the check is gone", || !process.exists());
}

/// A release whose instances copy a file of it; where its profile is.
fn copier(cloud: &Cloud, part: &str) -> camino::Utf8PathBuf {
    let directory = cloud.path().join("copier");
    write(&directory.join("page.in"), "first");
    write(
        &directory.join("instance.cfg.in"),
        &format!(
            "[buildout]\nparts = page\n[page]\nrecipe = slapos.recipe.template:jinja2\n\
             url = {{{{ page }}}}\noutput = ${{buildout:directory}}/page\n{part}"
        ),
    );
    write(&directory.join("software.cfg"), PAGE_SOFTWARE);
    directory.join("software.cfg")
}

#[test]
fn an_edited_release_is_installed_again_when_that_is_asked_for() {
    let cloud = Cloud::start();
    let url = copier(&cloud, "");
    cloud.supply_url(url.as_str(), "COMP-1");
    cloud.must(&["request", "copy", url.as_str(), "--wait", "--timeout", "90"], 0);
    let page = cloud.partition(&cloud.instance("copy")).join("page");
    assert_eq!(fs::read_to_string(&page).unwrap(), "first");

    write(&url.with_file_name("page.in"), "second");
    let said = cloud.must(&["supply", url.as_str(), "COMP-1"], 0);
    assert!(said.err.contains("--again"), "{said:?}");
    cloud.must(&["supply", "--again", url.as_str(), "COMP-1"], 0);
    cloud.until("the instance has it", |_| {
        fs::read_to_string(&page).is_ok_and(|text| text == "second")
    });
    cloud.until_supply(url.as_str(), "COMP-1", SupplyState::Available);
    // Also what looks unchanged is installed again: not everything that it is made from is a file.
    let log = cloud.path().join("COMP-1.log");
    let installed = || fs::read_to_string(&log).unwrap().matches(": installing\n").count();
    let before = installed();
    let said = cloud.must(&["supply", "--again", "--wait", url.as_str(), "COMP-1"], 0);
    assert!(said.err.contains("is available on COMP-1"), "{said:?}");
    assert_eq!(installed(), before + 1);
    let failed = cloud.must(&["supply", "--wait", "http://127.0.0.1:9/software.cfg", "COMP-1"], 1);
    assert!(failed.err.contains("cannot fetch http://127.0.0.1:9/software.cfg"), "{failed:?}");
    assert_eq!(failed.err.matches("cannot fetch").count(), 1, "{failed:?}");
}

#[test]
fn a_repaired_release_is_taken_up_while_a_promise_of_the_old_one_is_red() {
    let cloud = Cloud::start();
    let promise = |program: &str| {
        copier(
            &cloud,
            &format!(
                "[promise]\nrecipe = slapos.cookbook:wrapper\ncommand-line = {program}\n\
                 wrapper-path = ${{buildout:directory}}/etc/promise/kept\n\
                 [buildout]\nparts += promise\n"
            ),
        )
    };
    let url = promise("/bin/false");
    cloud.supply_url(url.as_str(), "COMP-1");
    cloud.run(&["request", "copy", url.as_str()]);
    cloud.until("it is red", |_| cloud.instance("copy").promises.iter().any(|it| !it.ok));
    promise("/bin/true");
    cloud.must(&["supply", "--again", url.as_str(), "COMP-1"], 0);
    cloud.until("it is green", |_| cloud.instance("copy").state == "started");
    let errors = cloud.must(&["service", "history", "copy", "--errors", "--json"], 0).json();
    assert_eq!(errors, serde_json::json!([]), "nobody waited until the red promise was an error");
}

#[test]
fn a_fault_in_an_instance_profile_names_the_authors_file_and_the_way_out() {
    let cloud = Cloud::start();
    let url = copier(&cloud, "context = key name pge:output\n");
    cloud.supply_url(url.as_str(), "COMP-1");
    cloud.run(&["request", "faulty", url.as_str()]);
    cloud.until("the error is told", |_| cloud.instance("faulty").state == "error");
    let said = cloud.must(&["service", "explain", "faulty"], 2).out;
    let template = url.with_file_name("instance.cfg.in");
    assert!(said.contains(&format!("faulty is error: {template}, rendered as ")), "{said}");
    assert!(
        said.contains("instance.cfg:7:") && said.contains("hint: did you mean `page`?"),
        "{said}"
    );
}

#[test]
fn a_template_that_refers_to_a_missing_key_names_file_line_key_and_nearest_name() {
    let cloud = Cloud::start();
    let directory = cloud.path().join("faulty");
    write(&directory.join("page.in"), "one\n{{ server['hots'] }}\n");
    write(
        &directory.join("software.cfg"),
        concat!(
            "[buildout]\nparts = instance.cfg\n[page.in]\nrecipe = slapos.recipe.build:download\n",
            "url = ${:_profile_base_location_}/page.in\n[instance.cfg]\nrecipe = slapos.recipe.template:jinja2\n",
            "inline =\n  [buildout]\n  parts = page\n  [server]\n  host = h\n  [page]\n",
            "  recipe = slapos.recipe.template:jinja2\n  url = {{ page }}\n",
            "  output = $${buildout:directory}/page\n  context = section server server\n",
            "output = ${buildout:directory}/instance.cfg\ncontext = key page page.in:target\n",
        ),
    );
    let url = directory.join("software.cfg");
    cloud.must(&["supply", url.as_str(), "COMP-1"], 0);
    cloud.run(&["request", "faulty", url.as_str()]);
    cloud.until("the error is told", |_| cloud.instance("faulty").state == "error");
    let said = cloud.must(&["service", "info", "faulty"], 0);
    let told = cloud.instance("faulty").error.unwrap();
    for text in ["page.in:2", "hots", "host"] {
        assert!(told.contains(text), "{text} in {told}\n{said:?}");
    }
    let partition = cloud.partition(&cloud.instance("faulty"));
    assert!(!partition.join("page").exists(), "nothing is half-done");
}

#[test]
fn a_port_that_is_taken_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("master");
    let arguments =
        ["master", "serve", "--open", "--listen", &address, "--data", data.to_str().unwrap()];
    let said: Said = slapos().args(arguments).output().unwrap().into();
    assert_eq!(said.code, 1);
    assert!(said.err.contains(&address) && said.err.contains("hint"), "{said:?}");
    assert!(!data.exists(), "nothing is left behind");
}

#[test]
fn a_second_demo_whose_masters_address_is_taken_says_so_and_asks_nobody_there() {
    let directory = tempfile::tempdir_in("/tmp").unwrap();
    let place = camino::Utf8Path::from_path(directory.path()).unwrap();
    let taken = TcpListener::bind((format!("{}.1", network()), 5000)).unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let cfg = format!("[slapos]\nmaster_url = http://{address}\n");
    write(&place.join("etc/slapos-client.cfg"), &cfg);
    let said: Said =
        slapos().args(["demo", "--exit", "--dir", place.as_str()]).output().unwrap().into();
    assert_eq!(said.code, 1, "{said:?}");
    for text in [&address, "is taken", "hint: end what listens there", "--dir"] {
        assert!(said.err.contains(text), "{text} in {said:?}");
    }
    taken.set_nonblocking(true).unwrap();
    let asked = taken.accept().map(|_| ()).unwrap_err().kind();
    assert_eq!(asked, std::io::ErrorKind::WouldBlock, "a stranger was taken for the master");
}

#[test]
fn a_service_whose_port_is_taken_is_named_with_the_place_of_its_words() {
    let cloud = Cloud::start();
    let computers = cloud.client().computers().unwrap();
    let address = computers[0].partitions[0].addresses[0].to_string();
    let taken = TcpListener::bind((address.as_str(), 0)).unwrap();
    let port = taken.local_addr().unwrap().port();
    let listen = format!(
        r#"/usr/bin/perl -MIO::Socket::INET -e '($s = IO::Socket::INET->new(LocalAddr => "{address}", LocalPort => {port}, Listen => 1)) ? sleep : die "listen: $!\n"'"#
    );
    let url = with_service(&cloud, &listen);
    cloud.supply_url(url.as_str(), "COMP-1");
    cloud.run(&["request", "late", url.as_str()]);
    cloud.until("the error is told", |_| cloud.instance("late").state == "error");
    let log = cloud.path().join("COMP-1/var/log/slappart0/bad.log");
    let said = cloud.must(&["service", "explain", "late"], 2).out;
    assert!(said.contains("service bad does not stay up") && said.contains(log.as_str()), "{said}");
    let words = fs::read_to_string(&log).unwrap();
    assert!(words.contains("listen: Address already in use"), "{words}");
}

#[test]
fn open_and_not_loopback_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("master");
    let arguments =
        ["master", "serve", "--open", "--listen", "0.0.0.0:0", "--data", data.to_str().unwrap()];
    let said: Said = slapos().args(arguments).output().unwrap().into();
    assert_ne!(said.code, 0);
    assert!(said.err.contains("loopback"), "{said:?}");
}

#[test]
fn a_path_too_long_for_sockets_is_refused_before_anything_starts() {
    let directory = tempfile::tempdir_in("/tmp").unwrap();
    let long = directory.path().join("x".repeat(80));
    let said: Said =
        slapos().args(["demo", "--exit", "--dir", long.to_str().unwrap()]).output().unwrap().into();
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.err.contains("107 bytes") && said.err.contains("shorter"), "{said:?}");
}

#[test]
fn without_a_temporary_directory_the_demo_says_how_to_name_one() {
    let mut demo = slapos();
    let said: Said =
        demo.args(["demo", "--exit"]).env("TMPDIR", "/nowhere").output().unwrap().into();
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.err.contains("TMPDIR") && said.err.contains("--dir"), "{said:?}");
}

#[test]
fn a_release_in_use_is_not_removed() {
    let cloud = Cloud::start();
    cloud.supply("idle", "COMP-1");
    let idle = release("idle");
    cloud.must(&["request", "user", &idle, "--wait", "--timeout", "90"], 0);
    let said = cloud.must(&["remove", &idle, "COMP-1"], 3);
    assert!(said.err.contains("user"), "{said:?}");
    cloud.must(&["service", "destroy", "user"], 0);
    cloud.until("it is gone", |_| cloud.find("user").is_none());
    cloud.must(&["remove", &idle, "COMP-1"], 0);
    cloud.until("the release is gone", |client| {
        client.computer(&"COMP-1".try_into().unwrap()).unwrap().supplies.is_empty()
    });
}

#[test]
fn a_release_too_large_for_the_disk_is_told_and_installed_when_there_is_space() {
    let mut cloud = Cloud::master();
    let directory = cloud.path().join("large");
    let profile = "[buildout]\nparts = data\n[data]\nrecipe = slapos.recipe.build:download\n\
                   url = ${:_profile_base_location_}/data\n";
    write(&directory.join("software.cfg"), profile);
    write(&directory.join("data"), &"twelve bytes".repeat(1 << 20));
    let url = directory.join("software.cfg");
    let done = the_disk_is_too_small(&mut cloud, url.as_str(), ("8m", "32m"), "parts/data/data");
    if let Err(why) = done {
        skip(why);
    }
}

/// Installs a release on a disk of the first size, on which it finds no room for `part`; then on
/// one of the second. The error says why this machine cannot have such disks.
pub(crate) fn the_disk_is_too_small(
    cloud: &mut Cloud,
    url: &str,
    (small, large): (&str, &str),
    part: &str,
) -> Result<(), String> {
    cloud.start_node_on_disk("COMP-1", small)?;
    cloud.until("the node is formatted", |client| client.computers().unwrap().len() == 1);
    cloud.must(&["supply", url, "COMP-1"], 0);
    let told = cloud.until_supply(url, "COMP-1", SupplyState::Error);
    let seen = cloud.must(&["computer", "info", "COMP-1"], 0);
    let waits = cloud.must(&["request", "waits", url], 2);
    assert!(waits.out.contains("disk full"), "{waits:?}");
    cloud.must(&["service", "destroy", "waits"], 0);
    let place = "COMP-1/software/";
    for text in ["disk full", place, "free some space", &format!("slapos supply {url} COMP-1")] {
        assert!(told.contains(text), "{text} in {told}");
        assert!(seen.out.contains(text), "{text} in {seen:?}");
    }
    let release = cloud.releases("COMP-1").remove(0);
    for half_done in [".completed", part] {
        assert!(!release.join(half_done).exists(), "{half_done} is there");
    }
    let usage: Said = Command::new("du").args(["-sk", release.as_str()]).output().unwrap().into();
    let kilobytes = usage.out.split_whitespace().next().and_then(|text| text.parse::<u32>().ok());
    assert!(
        kilobytes.is_some_and(|kilobytes| kilobytes < 1024),
        "the space is free again: {usage:?}"
    );

    cloud.disk("COMP-1").resize(large);
    cloud.supply_url(url, "COMP-1");
    assert!(release.join(part).exists() && release.join(".completed").exists());
    Ok(())
}
