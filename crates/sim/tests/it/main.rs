//! Many seeds, and for each defect one that finds it.
//!
//! `SLAPOS_SIM_SEEDS=FROM..TO` runs these seeds instead.

use std::ops::Range;

use slapos_sim::{Defect, run};

fn seeds(few: Range<u64>) -> Range<u64> {
    let Some(text) = std::env::var_os("SLAPOS_SIM_SEEDS") else { return few };
    let text = text.into_string().expect("SLAPOS_SIM_SEEDS is a text");
    let (from, to) = text.split_once("..").expect("SLAPOS_SIM_SEEDS is FROM..TO");
    let number = |text: &str| text.parse().expect("SLAPOS_SIM_SEEDS is FROM..TO");
    number(from)..number(to)
}

#[test]
fn every_cloud_keeps_its_promises_and_comes_to_rest() {
    let (mut deaths, mut instances) = (0, 0);
    for seed in seeds(0..150) {
        match run(seed, None) {
            Ok(story) => {
                deaths += story.deaths;
                instances += story.instances;
            }
            Err(why) => panic!("{why}\nagain: SLAPOS_SIM_SEEDS={seed}..{}", seed + 1),
        }
    }
    assert!(
        deaths > 0 && instances > 0,
        "nothing happened: {deaths} deaths, {instances} instances"
    );
}

#[test]
fn the_same_seed_gives_the_same_run() {
    assert_eq!(run(7, None), run(7, None));
    assert_ne!(run(7, None), run(8, None));
}

#[test]
fn every_defect_is_found() {
    let table = [
        (Defect::AnswerEarly, "what was acknowledged is kept"),
        (Defect::ReportBeforeWipe, "a partition is free only when it is empty"),
        (Defect::ForgetNews, "everything comes to what was wished"),
        (Defect::WriteWhenDeposed, "the journal can be replayed"),
        (Defect::GoOnAfterFailedSync, "the journal can be replayed"),
        (Defect::ReadBeforeTakeover, "what was acknowledged is kept"),
        (Defect::CallAbsentDone, "what is not there is called absent"),
    ];
    for (defect, rule) in table {
        let found = (0..100).filter_map(|seed| run(seed, Some(defect)).err());
        assert!(found.map(|it| it.rule).any(|it| it == rule), "{defect:?} is not found");
    }
}
