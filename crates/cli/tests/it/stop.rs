//! `slapos node stop`: one command ends all that a node runs, also after its agent was killed.

use serde_json::Value;

use crate::{
    cloud::Cloud,
    processes::{assert_none_below, below},
};

fn status(cloud: &Cloud) -> Value {
    let cfg = cloud.node_cfg("COMP-1");
    cloud.must(&["--cfg", cfg.as_str(), "node", "status", "--json"], 0).json()
}

fn runs(status: &Value) -> bool {
    let processes = status["processes"].as_array().unwrap();
    !processes.is_empty() && processes.iter().all(|process| process["state"] == "running")
}

#[test]
fn a_stopped_node_leaves_no_process_and_starts_again_with_its_services() {
    let mut cloud = Cloud::with_releases();
    cloud.connected();
    let before = status(&cloud);
    assert!(runs(&before), "{before}");
    let cfg = cloud.node_cfg("COMP-1");
    let base = cloud.base("COMP-1");
    let stop = ["--cfg", cfg.as_str(), "node", "stop", "--json"];

    let stopped = cloud.must(&stop, 0).json();
    assert!(stopped["agent"].is_u64() && stopped["supervisor"] == before["supervisor"]);
    assert_none_below(base.as_std_path());
    let again = cloud.must(&["--cfg", cfg.as_str(), "node", "stop"], 0).err;
    assert!(again.contains("no agent ran; no services ran"), "{again}");

    cloud.restart_node("COMP-1");
    cloud.until("its services run again", |_| runs(&status(&cloud)));
    // The agent is killed: services go on, on purpose, until they are told.
    cloud.kill_node("COMP-1"); // the one that was stopped
    cloud.kill_node("COMP-1");
    assert!(runs(&status(&cloud)) && !below(base.as_std_path()).is_empty());
    let stopped = cloud.must(&stop, 0).json();
    assert!(stopped["agent"].is_null() && stopped["supervisor"].is_u64(), "{stopped}");
    assert_none_below(base.as_std_path());
}
