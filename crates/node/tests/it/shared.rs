//! An instance that serves shared instances: the whole agent, its evaluations and its services.

use std::{collections::BTreeMap, fs, time::Duration};

use camino::{Utf8Path, Utf8PathBuf};
use slapos_core::names::{Generation, InstanceId, SoftwareUrl, WishedState};
use slapos_node::{
    agent,
    settings::{PartitionSettings, Settings},
};
use slapos_wire::v1::{Dictionary, InstanceReport, InstanceWish, SharedWish};
use tokio::{sync::oneshot, task::JoinHandle};

use crate::{
    bench::{Bench, GROUP, helper},
    stand_in::{COMPUTER, StandIn},
};

const SOFTWARE: &str = "
[buildout]
parts = instance.cfg

[instance.cfg]
recipe = slapos.recipe.template:jinja2
url = ${:_profile_base_location_}/instance.cfg.in
output = ${buildout:directory}/instance.cfg
";

/// Goes on with a profile that has a part for each shared instance.
const INSTANCE: &str = r#"
[buildout]
parts = switch

[slap-configuration]
recipe = slapos.cookbook:slapconfiguration

[guests.cfg]
recipe = slapos.recipe.template:jinja2
output = ${buildout:directory}/guests.cfg
context = key guests slap-configuration:slave-instance-list
inline =
  {% raw -%}
  [buildout]
  parts =
    server
  {%- for guest in guests %}
    {{ guest['slave_reference'] }}
  {%- endfor %}
  [server]
  recipe = slapos.cookbook:wrapper
  command-line = /bin/sleep 100000
  wrapper-path = $${buildout:directory}/etc/service/server
  {%- for guest in guests %}
  [file-{{ guest['slave_reference'] }}]
  recipe = slapos.recipe.template
  inline = {{ guest['word'] }}
  output = $${buildout:directory}/guests/{{ guest['slave_reference'] }}
  [{{ guest['slave_reference'] }}]
  recipe = slapos.cookbook:publish
  -slave-reference = {{ guest['slave_reference'] }}
  -publish = word
  word = {{ guest['word'] }}
  file = $${file-{{ guest['slave_reference'] }}:output}
  {%- endfor %}
  {%- endraw %}

[switch]
recipe = slapos.cookbook:switch-softwaretype
default = guests.cfg:output
"#;

/// An agent that runs until it is told to end.
pub(crate) struct Agent {
    end: oneshot::Sender<()>,
    running: JoinHandle<Result<(), agent::AgentError>>,
}

impl Agent {
    pub(crate) fn start(bench: &Bench, master: &StandIn) -> Self {
        let (end, ended) = oneshot::channel::<()>();
        let work = agent::run(settings(bench, master), async move {
            let _told_or_dropped = ended.await;
        });
        Self { end, running: tokio::spawn(work) }
    }

    pub(crate) async fn stop(self) {
        drop(self.end);
        self.running.await.unwrap().unwrap();
    }
}

fn settings(bench: &Bench, master: &StandIn) -> Settings {
    Settings {
        computer: COMPUTER.try_into().unwrap(),
        master_url: master.url.clone(),
        software_root: bench.place("software"),
        instance_root: bench.place("instance"),
        var_root: bench.base.clone(),
        cache_root: bench.place("cache"),
        shipped_root: bench.place("shipped"),
        partitions: vec![PartitionSettings {
            name: GROUP.try_into().unwrap(),
            addresses: vec!["127.0.0.1".parse().unwrap()],
            capabilities: Vec::new(),
        }],
        users: None,
        installations_max: 1,
        evaluations_max: 1,
        python: None,
        mirror: None,
        keyring: None,
        mirror_timeout_s: None,
        proxies: slapos_node::settings::Proxies::default(),
        program: helper().to_owned(),
    }
}

pub(crate) fn release(bench: &Bench) -> SoftwareUrl {
    let directory = bench.place("release");
    fs::create_dir(&directory).unwrap();
    for (name, text) in [("software.cfg", SOFTWARE), ("instance.cfg.in", INSTANCE)] {
        slapos_atomic::write(directory.join(name), text.as_bytes(), 0o644).unwrap();
    }
    directory.join("software.cfg").as_str().try_into().unwrap()
}

/// The host, when it serves these; each change of the list is news.
pub(crate) fn wish(release: &SoftwareUrl, news: u64, guests: &[(u64, &str)]) -> InstanceWish {
    let shared = guests.iter().map(|(number, word)| SharedWish {
        id: InstanceId(*number),
        title: format!("guest {number}").as_str().try_into().unwrap(),
        software_type: "default".try_into().unwrap(),
        parameters: [("word".to_owned(), (*word).to_owned())].into(),
    });
    InstanceWish {
        id: InstanceId(1),
        title: "host".try_into().unwrap(),
        root_title: "host".try_into().unwrap(),
        root: InstanceId(1),
        software_release: release.clone(),
        software_type: "default".try_into().unwrap(),
        state: WishedState::Started,
        generation: Generation(1),
        parameters: [].into(),
        news,
        shared: shared.collect(),
        connection: [].into(),
    }
}

fn words(guests: &[(u64, &str)]) -> BTreeMap<InstanceId, Dictionary> {
    let values = |word: &str| [("word".to_owned(), word.to_owned())].into();
    guests.iter().map(|(number, word)| (InstanceId(*number), values(word))).collect()
}

/// Takes the report that publishes just these.
pub(crate) fn tells(guests: &[(u64, &str)]) -> impl Fn(&InstanceReport) -> bool + Send + 'static {
    let wanted = words(guests);
    move |report| {
        report.state == slapos_core::names::ReportedState::Started && report.shared == wanted
    }
}

/// Where the node keeps what it remembers of the partition.
fn memory(bench: &Bench) -> Utf8PathBuf {
    bench.base.join("lib/partition").join(format!("{GROUP}.json"))
}

/// Waits until the node remembers that the master took its report.
async fn knows_that_it_was_heard(bench: &Bench) {
    loop {
        let text = fs::read_to_string(memory(bench)).unwrap();
        let remembered: serde_json::Value = serde_json::from_str(&text).unwrap();
        if !remembered["reported"].is_null() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn files(partition: &Utf8Path) -> Vec<String> {
    let entries = partition.join("guests").read_dir_utf8().unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().to_owned()).collect();
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_published_for_each_is_told_until_it_is_heard_and_forgotten_with_it() {
    let bench = Bench::new().await;
    let release = release(&bench);
    let master = StandIn::start(release.clone());
    let partition = bench.place("instance").join(GROUP);
    let node = Agent::start(&bench, &master);

    let two = [(7, "seven"), (8, "eight")];
    master.wish(&wish(&release, 1, &two));
    let report = master.report(false, tells(&two)).await;
    assert_eq!(report.connection, Some(Dictionary::new()), "theirs are not its own");
    assert_eq!(files(&partition), ["SOFTINST-7", "SOFTINST-8"]);
    let server = bench.pid("server").await;

    // A wish that came before the node knows would be begun with a report, which nobody hears then.
    knows_that_it_was_heard(&bench).await;

    // The node ends before anybody has heard of the change: the next one tells it, and all others.
    master.deaf(true);
    let changed = [(7, "seven"), (8, "ocho")];
    master.wish(&wish(&release, 2, &changed));
    master.report(true, tells(&changed)).await;
    node.stop().await;
    master.forget();
    master.deaf(false);
    let node = Agent::start(&bench, &master);
    master.report(false, tells(&changed)).await;

    // A node that starts again with nothing new remembers them.
    node.stop().await;
    master.forget();
    let node = Agent::start(&bench, &master);
    master.report(false, tells(&changed)).await;

    let one = [(7, "seven")];
    master.wish(&wish(&release, 3, &one));
    master.report(false, tells(&one)).await;
    assert_eq!(files(&partition), ["SOFTINST-7"]);
    assert_eq!(bench.pid("server").await, server, "the service went on");
    node.stop().await;
    let remembered = fs::read_to_string(memory(&bench)).unwrap();
    assert!(remembered.contains("seven") && !remembered.contains("ocho"), "{remembered}");
}
