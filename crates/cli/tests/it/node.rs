//! What a node lives through: a master that forgot it, memory that is damaged, a `kill -9` in the
//! middle of an evaluation, values that nobody can take.

use std::{fs, process::Command};

use camino::Utf8PathBuf;
use slapos_core::names::SupplyState;

use crate::cloud::{Cloud, Said, eventually, release, slapos, write_file};
use crate::skip::skip;

/// The process of the only service on a computer.
fn process(cloud: &Cloud, computer: &str) -> Option<u64> {
    let cfg = cloud.node_cfg(computer);
    let status = cloud.must(&["--cfg", cfg.as_str(), "node", "status", "--json"], 0).json();
    status["processes"].as_array().unwrap().iter().find_map(|process| process["pid"].as_u64())
}

/// A cloud where `one`, of the idle release, is up on COMP-1; its process.
fn with_one() -> (Cloud, u64) {
    let cloud = Cloud::start();
    cloud.supply("idle", "COMP-1");
    cloud.must(&["request", "one", &release("idle"), "--wait", "--timeout", "90"], 0);
    let pid = process(&cloud, "COMP-1").unwrap();
    (cloud, pid)
}

fn data(cloud: &Cloud) -> Utf8PathBuf {
    cloud.path().join("master")
}

fn memory(cloud: &Cloud) -> Utf8PathBuf {
    cloud.path().join("COMP-1/var/lib/partition/slappart0.json")
}

#[test]
fn a_master_that_forgot_its_computers_gets_to_know_them_again_and_nothing_is_destroyed() {
    let (mut cloud, pid) = with_one();
    let partition = cloud.partition(&cloud.instance("one"));
    cloud.kill_master();
    fs::remove_dir_all(data(&cloud)).unwrap();
    cloud.start_master();
    cloud.until("both nodes have registered again", |client| {
        let computers = client.computers().unwrap();
        computers.iter().filter(|computer| computer.partitions.len() == 3).count() == 2
    });
    cloud.supply("idle", "COMP-1"); // an answer of the node: it has heard what is wished now
    assert_eq!(process(&cloud, "COMP-1"), Some(pid), "what the master does not know goes on");
    assert!(partition.join("etc/service").exists());

    // Only a person may choose to lose what is there.
    let idle = release("idle");
    cloud.must(&["request", "one", &idle], 2);
    cloud.until("it is told what is there", |_| {
        cloud.instance("one").error.is_some_and(|text| text.contains("partition-occupied"))
    });
    assert_eq!(process(&cloud, "COMP-1"), Some(pid));
    cloud.must(&["service", "destroy", "one"], 0);
    cloud.until("it is gone", |_| cloud.find("one").is_none());
    assert_eq!(process(&cloud, "COMP-1"), None);
    cloud.must(&["request", "one", &idle, "--wait", "--timeout", "90"], 0);
}

#[test]
fn a_master_that_was_put_back_is_told_again_what_it_has_forgotten() {
    let mut cloud = Cloud::start();
    cloud.supply("idle", "COMP-1");
    cloud.kill_node("COMP-1");
    cloud.must(&["request", "one", &release("idle")], 2);
    let (data, backup) = (data(&cloud), cloud.path().join("backup.sqlite"));
    cloud.must(&["master", "backup", data.as_str(), backup.as_str()], 0);
    cloud.restart_node("COMP-1");
    cloud.until("it is up", |_| cloud.instance("one").state == "started");
    let (before, pid) = (cloud.instance("one"), process(&cloud, "COMP-1"));
    cloud.kill_master();
    let arguments = ["master", "restore", "--replace", backup.as_str(), data.as_str()];
    let said: Said = slapos().args(arguments).output().unwrap().into();
    assert_eq!(said.code, 0, "{said:?}");
    cloud.start_master();
    cloud.until("it is known to be up", |_| cloud.instance("one").state == "started");
    assert_eq!(cloud.instance("one").connection, before.connection);
    assert_eq!(process(&cloud, "COMP-1"), pid, "and was up all the time");
}

/// Gives the memory of the partition another content.
fn damage(cloud: &Cloud, content: &[u8]) {
    slapos_atomic::write(memory(cloud), content, 0o600).unwrap();
}

#[test]
fn unreadable_memory_neither_ends_services_nor_is_overwritten() {
    let (mut cloud, pid) = with_one();
    let whole = fs::read(memory(&cloud)).unwrap();
    let half = &whole[..whole.len() / 2];
    cloud.kill_node("COMP-1");
    damage(&cloud, half);
    cloud.restart_node("COMP-1");
    cloud.until("it is told", |_| {
        cloud.instance("one").error.is_some_and(|text| text.contains("memory-unknown"))
    });
    let told = cloud.instance("one").error.unwrap();
    assert!(told.contains(memory(&cloud).as_str()) && told.contains("from a backup"), "{told}");
    assert_eq!(process(&cloud, "COMP-1"), Some(pid));
    assert_eq!(fs::read(memory(&cloud)).unwrap(), half);

    // The way out that the message names.
    cloud.kill_node("COMP-1");
    damage(&cloud, &whole);
    cloud.restart_node("COMP-1");
    cloud.until("it is known again", |_| cloud.instance("one").state == "started");
    assert_eq!(process(&cloud, "COMP-1"), Some(pid));

    // The other one.
    cloud.kill_node("COMP-1");
    damage(&cloud, b"");
    cloud.must(&["service", "destroy", "one"], 0);
    cloud.restart_node("COMP-1");
    cloud.until("it is gone", |_| cloud.find("one").is_none());
    assert_eq!(process(&cloud, "COMP-1"), None);
}

/// A release of one part.
fn profile(cloud: &Cloud, name: &str, text: &str) -> String {
    let directory = cloud.path().join(name);
    fs::create_dir_all(&directory).unwrap();
    write_file(&directory.join("software.cfg"), text);
    directory.join("software.cfg").into_string()
}

/// Whether a process runs whose command line has this word.
fn runs(word: &str) -> bool {
    let said = Command::new("pgrep").args(["--full", "--exact", word]).output().unwrap();
    said.status.success()
}

#[test]
fn an_evaluation_ends_with_its_agent_however_that_ended() {
    let mut cloud = Cloud::start();
    let word = format!("sleep 10{:05}", std::process::id() % 100_000);
    let text = format!(
        "[buildout]\nparts = a\n[a]\nrecipe = plone.recipe.command\ncommand = {word}; true\n"
    );
    let url = profile(&cloud, "slow", &text);
    cloud.must(&["supply", &url, "COMP-1"], 0);
    eventually("it is being installed", || runs(&word));
    cloud.kill_node("COMP-1");
    eventually("what it had started is gone", || !runs(&word));
}

#[test]
fn what_is_too_large_for_the_master_is_an_error_that_says_so() {
    let cloud = Cloud::start();
    let text = "[buildout]\nparts = instance.cfg\n[instance.cfg]\n\
                recipe = slapos.recipe.template:jinja2\noutput = ${buildout:directory}/instance.cfg\n\
                inline =\n  [buildout]\n  parts = publish\n  [publish]\n  \
                recipe = slapos.cookbook:publish\n  large = {{ 'x' * 1200000 }}\n";
    let url = profile(&cloud, "large", text);
    cloud.supply_url(&url, "COMP-1");
    cloud.must(&["request", "large", &url], 2);
    cloud.until("it is told", |_| cloud.instance("large").state == "error");
    let told = cloud.instance("large").error.unwrap();
    assert!(told.contains("report-too-large") && told.contains("publish less"), "{told}");
}

#[test]
fn installations_wait_for_their_turn_and_say_so() {
    let mut cloud = Cloud::master();
    let url = cloud.url.clone();
    cloud.start_node_with("COMP-1", 1, &format!("master_url = {url}\ninstallations_max = 1\n"));
    cloud.until("the node is formatted", |client| client.computers().unwrap().len() == 1);
    let wait = "[buildout]\nparts = a\n[a]\nrecipe = plone.recipe.command\ncommand = \
                while [ -e ${:_profile_base_location_}/hold ]; do sleep 0.02; done\n";
    let urls = ["first", "second"].map(|name| profile(&cloud, name, wait));
    let holds = ["first", "second"].map(|name| cloud.path().join(name).join("hold"));
    let said = |url: &String| cloud.until_supply(url, "COMP-1", SupplyState::Building);
    for (url, hold) in urls.iter().zip(&holds) {
        write_file(hold, "");
        cloud.must(&["supply", url, "COMP-1"], 0);
        said(url);
    }
    cloud.until("the second says that it waits", |_| said(&urls[1]).contains("waits for its turn"));
    assert!(!said(&urls[0]).contains("waits"));
    fs::remove_file(&holds[0]).unwrap();
    cloud.until_supply(&urls[0], "COMP-1", SupplyState::Available);
    cloud.until("it is its turn", |_| !said(&urls[1]).contains("waits"));
    fs::remove_file(&holds[1]).unwrap();
    cloud.until_supply(&urls[1], "COMP-1", SupplyState::Available);
}

#[test]
fn an_installation_that_was_killed_goes_on_where_it_was() {
    let mut cloud = Cloud::start();
    let directory = cloud.path().join("resumed");
    let hold = directory.join("hold");
    let part = |name: &str, command: &str| {
        format!(
            "[{name}]\nrecipe = plone.recipe.command\nstop-on-error = true\nlocation = ${{buildout:parts-directory}}/{name}\n\
             command = echo {name} >> ${{buildout:directory}}/count && mkdir ${{:location}} && {command}\n"
        )
    };
    let text = format!(
        "[buildout]\nparts = quick last\n{}{}{}=> slow\n",
        part("quick", "true"),
        part("slow", &format!("while [ -e {hold} ]; do sleep 0.02; done")),
        part("last", "true"),
    );
    let url = profile(&cloud, "resumed", &text);
    write_file(&hold, "");
    cloud.must(&["supply", &url, "COMP-1"], 0);
    let told = |cloud: &Cloud| cloud.until_supply(&url, "COMP-1", SupplyState::Building);
    cloud.until("one part is finished", |_| told(&cloud).contains("slow: begin (1 of 3 parts"));
    let release = cloud.releases("COMP-1").remove(0);
    eventually("it is in the middle", || release.join("parts/slow").exists());
    cloud.kill_node("COMP-1");
    assert!(!release.join(".completed").exists());
    cloud.restart_node("COMP-1");
    let counted = || fs::read_to_string(release.join("count")).unwrap();
    eventually("it begins again", || counted().lines().filter(|line| *line == "slow").count() == 2);
    fs::remove_file(&hold).unwrap();
    cloud.until_supply(&url, "COMP-1", SupplyState::Available);
    let mut parts: Vec<String> = counted().lines().map(ToOwned::to_owned).collect();
    parts.sort();
    assert_eq!(parts, ["last", "quick", "slow", "slow"]);
    assert!(release.join(".completed").exists());
}

#[test]
fn a_password_whose_file_is_removed_is_made_anew_and_reaches_who_uses_it() {
    let cloud = Cloud::start();
    cloud.supply("asker", "COMP-1");
    cloud.supply("secret", "COMP-2");
    cloud.must(&["request", "asker", &release("asker"), "--wait", "--timeout", "90"], 0);
    let page = cloud.partition(&cloud.instance("asker")).join("etc/page");
    let old = cloud.instance("secret").connection["password"].clone();
    assert_eq!(fs::read_to_string(&page).unwrap(), format!("the password is {old}"));
    let before = process(&cloud, "COMP-1");

    // Processing it again changes nothing as long as the file is there.
    cloud.must(&["service", "bang", "secret"], 0);
    cloud.until("it has been processed", |_| cloud.instance("secret").state == "started");
    assert_eq!(cloud.instance("secret").connection["password"], old);

    fs::remove_file(cloud.partition(&cloud.instance("secret")).join("etc/.password")).unwrap();
    cloud.must(&["service", "bang", "secret"], 0);
    cloud.until("the new one has arrived", |_| {
        let fresh = cloud.instance("secret").connection["password"].clone();
        let page = fs::read_to_string(&page).unwrap();
        fresh != old && page == format!("the password is {fresh}")
    });
    cloud.until("who uses it was started again", |_| {
        process(&cloud, "COMP-1").is_some_and(|pid| Some(pid) != before)
    });
}

#[test]
fn a_partition_reads_its_own_release_and_no_other() {
    if slapos_node::sandbox::report().landlock == slapos_node::sandbox::LandlockLayer::Absent {
        return skip("this kernel has no Landlock");
    }
    let cloud = Cloud::start();
    cloud.supply("idle", "COMP-1");
    let other = cloud.releases("COMP-1").remove(0);
    assert!(other.join("instance.cfg").exists());
    let text = format!(
        "[buildout]\nparts = instance.cfg\n[instance.cfg]\n\
         recipe = slapos.recipe.template:jinja2\noutput = ${{buildout:directory}}/instance.cfg\n\
         inline =\n  [buildout]\n  parts = promise publish\n  [directory]\n  \
         recipe = slapos.cookbook:mkdirectory\n  plugin = $${{buildout:directory}}/etc/plugin\n  \
         [promise]\n  recipe = slapos.cookbook:promise.plugin\n  \
         module = slapos.promise.plugin.check_command_execute\n  \
         output = $${{directory:plugin}}/peeks.py\n  config-command = \
         cat ${{buildout:directory}}/instance.cfg > /dev/null && ! cat {other}/instance.cfg\n  \
         [publish]\n  recipe = slapos.cookbook:publish\n  looked = yes\n"
    );
    let url = profile(&cloud, "peeks", &text);
    cloud.supply_url(&url, "COMP-1");
    cloud.must(&["request", "peeks", &url, "--wait", "--timeout", "60"], 0);
    let promises = cloud.instance("peeks").promises;
    assert!(promises.len() == 1 && promises[0].ok, "{promises:?}");
    assert!(promises[0].message.contains("Permission denied"), "{promises:?}");
}

#[test]
fn a_fault_in_the_file_that_names_the_nodes_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let place = camino::Utf8Path::from_path(directory.path()).unwrap();
    let client = place.join("client.cfg");
    let status = || {
        let mut status = slapos();
        status.args(["node", "status"]).env("SLAPOS_CLIENT_CONFIGURATION", &client);
        Said::from(status.output().unwrap())
    };
    let missing = status();
    let node = place.join("COMP-9.cfg");
    write_file(&client, &format!("[slapos]\nmaster_url = http://127.0.0.1:9\nnodes = {node}\n"));
    let without_node = status();
    write_file(&client, "[slapos\n");
    for (said, path) in [(missing, &client), (without_node, &node), (status(), &client)] {
        assert_eq!(said.code, 64, "{said:?}");
        assert!(said.err.contains(path.as_str()), "{path} in {said:?}");
    }
}
