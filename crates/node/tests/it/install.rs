//! A release that is being installed: the whole agent, and a part that takes its time.

use std::{
    fs::{self, File},
    io::Write,
    time::Duration,
};

use camino::Utf8PathBuf;
use slapos_core::names::{SoftwareUrl, SupplyState};

use crate::{bench::Bench, shared::Agent, stand_in::StandIn};

/// Counts its starts, and waits until it is told to go on.
const SOFTWARE: &str = "
[buildout]
parts = slow

[slow]
recipe = plone.recipe.command
stop-on-error = true
command = mkfifo go; echo started >> starts; read word < go
";

fn release(bench: &Bench) -> SoftwareUrl {
    let path = bench.place("software.cfg");
    slapos_atomic::write(&path, SOFTWARE.as_bytes(), 0o644).unwrap();
    path.as_str().try_into().unwrap()
}

/// The directory of the one release, as soon as its part was started.
async fn begun(bench: &Bench) -> Utf8PathBuf {
    loop {
        let entries = bench.place("software").read_dir_utf8();
        let entries = entries.into_iter().flatten().map(|entry| entry.unwrap().into_path());
        if let Some(found) = entries.into_iter().find(|path| path.join("starts").exists()) {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_master_that_comes_back_hears_of_an_installation_and_does_not_interrupt_it() {
    let bench = Bench::new().await;
    let master = StandIn::start(release(&bench));
    let node = Agent::start(&bench, &master);
    let directory = begun(&bench).await;
    let told = |state| move |report: &slapos_wire::v1::SupplyReport| report.state == state;

    for _ in 0..3 {
        master.supply_report(told(SupplyState::Building)).await;
        master.forget();
        master.come_back();
    }
    master.supply_report(told(SupplyState::Building)).await;

    let go = directory.join("go");
    let going = tokio::task::spawn_blocking(move || {
        File::options().write(true).open(go).unwrap().write_all(b"on\n").unwrap();
    });
    going.await.unwrap();
    master.supply_report(told(SupplyState::Available)).await;
    assert_eq!(fs::read_to_string(directory.join("starts")).unwrap(), "started\n");
    node.stop().await;
}
