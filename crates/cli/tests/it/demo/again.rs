//! What somebody did in the directory of a demo does not keep the next one from its end.

use camino::Utf8Path;
use slapos_core::names::SupplyWish;
use slapos_wire::{
    client::Client,
    v1::{AllocationScope, ComputerAsk, SupplyAsk},
};

use super::{Demo, directory, last_word};
use crate::{
    cloud::{Said, slapos},
    processes::assert_none_below,
};

#[test]
fn a_release_that_nobody_finds_and_a_drained_computer_stop_no_later_demo() {
    let directory = directory();
    let dir = Utf8Path::from_path(directory.path()).unwrap();
    let mut demo = Demo::start(directory.path(), &[]);
    demo.read_until("2. The master tells");
    let cfg = std::fs::read_to_string(dir.join("etc/slapos-client.cfg")).unwrap();
    let master = cfg.lines().find(|line| line.starts_with("master_url")).unwrap();
    let client = Client::new(&last_word(master));
    let ask = SupplyAsk {
        software_release: "/tmp/nonexist/software.cfg".try_into().unwrap(),
        state: SupplyWish::Available,
        again: false,
    };
    client.supply(&"COMP-1".try_into().unwrap(), &ask).unwrap();
    let drained =
        ComputerAsk { allocation: Some(AllocationScope::Draining), ..ComputerAsk::default() };
    client.govern(&"COMP-2".try_into().unwrap(), &drained).unwrap();
    demo.interrupt();

    let said: Said =
        slapos().args(["demo", "--exit", "--dir", dir.as_str()]).output().unwrap().into();
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.err.contains("   COMP-2 was draining: opened"), "{said:?}");
    assert_none_below(directory.path());
}
