//! Who asks is told when there is news, and asks for nothing in between.

use super::verbs;
use crate::{
    cloud::{Cloud, release},
    recorder::{Loss, since},
};

#[test]
fn s18_the_node_is_woken_and_asks_for_nothing_in_between() {
    let (cloud, recorder) = Cloud::recorded();
    cloud.supply("idle", "COMP-1");
    // What the node itself said is no news to it: the watch that was open then still is.
    let before = recorder.calls();
    let waits = before.iter().rev().find_map(|call| since(call)).unwrap();
    let asked = cloud.must(&["request", "waker", &release("idle"), "--wait", "--timeout", "90"], 0);
    let calls = recorder.calls().split_off(before.len());
    assert!(
        calls.iter().filter_map(|call| since(call)).all(|known| known > waits),
        "it was woken by the call that it had made before, and not by another: {calls:#?}"
    );
    let told = |call: &&String| call.starts_with("POST") && call.ends_with("/report");
    assert!(calls.iter().any(|call| told(&call)), "{calls:#?}\n{asked:?}");
    let others: Vec<_> = calls.iter().filter(|call| since(call).is_none() && !told(call)).collect();
    assert!(others.is_empty(), "{others:#?}");
}

#[test]
fn s20_ask_wait_event_ask_answer() {
    let (cloud, recorder) = Cloud::recorded();
    cloud.supply("web", "COMP-1");
    cloud.supply("db", "COMP-2");
    let before = recorder.calls().len();
    cloud.connected();
    let order = verbs(&cloud);
    let asked = place(&order, "request database");
    let published = place(&order, "publish database");
    let connected = place(&order, "publish web");
    assert!(
        place(&order, "request web") < asked && asked < published && published < connected,
        "{order:#?}"
    );
    // What the node of the one that asks said and heard, in its own words.
    let calls = recorder.calls().split_off(before);
    let asks: Vec<_> =
        (0..calls.len()).filter(|place| calls[*place].ends_with("/request")).collect();
    assert_eq!(asks.len(), 2, "it asks, and asks again when there is news: {calls:#?}");
    let between = &calls[asks[0]..asks[1]];
    let told = between.iter().filter(|call| call.ends_with("/report")).count();
    let woken = between.iter().filter(|call| since(call).is_some()).count();
    assert!(told >= 1 && woken >= 1, "it says that it waits, and is woken: {calls:#?}");
    assert!(calls.last().is_some_and(|call| !call.ends_with("/request")));
}

fn place(order: &[String], what: &str) -> usize {
    order
        .iter()
        .position(|known| known == what)
        .unwrap_or_else(|| panic!("no {what} in {order:#?}"))
}

#[test]
fn s20_a_wake_up_that_is_lost_with_its_connection_is_made_good() {
    let calls = late(Loss::Cut).1;
    let asks_for_all = calls.iter().any(|call| since(call) == Some(0));
    assert!(asks_for_all, "it cannot know what it missed: {calls:#?}");
}

#[test]
fn s20_a_wake_up_that_is_lost_in_silence_is_made_good_by_the_next_poll() {
    let (waited, calls) = late(Loss::Silent);
    let mut polls = calls.iter().filter_map(|call| since(call));
    assert_eq!(polls.next(), Some(waited), "it asks again since what it knew: {calls:#?}");
    assert!(polls.all(|known| known > waited), "and is told then: {calls:#?}");
}

/// An instance is started though the wake-up for it is lost: since when the node had waited for it, and what it
/// asked from then on.
fn late(loss: Loss) -> (u64, Vec<String>) {
    let (cloud, recorder) = Cloud::recorded();
    cloud.supply("idle", "COMP-1");
    recorder.lose_next_wake_up(loss);
    let before = recorder.calls();
    let waited = before.iter().rev().find_map(|call| since(call)).unwrap();
    cloud.must(&["request", "late", &release("idle"), "--wait", "--timeout", "90"], 0);
    assert!(!recorder.still_loses());
    (waited, recorder.calls().split_off(before.len()))
}
