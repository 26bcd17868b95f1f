//! Looks at one partition: what is there, and what an evaluation would depend on now.
//!
//! Reads only. A pass that has nothing to do ends after this and the plan.

use std::time::Duration;

use slapos_wire::v1::InstanceWish;

use crate::{
    clock,
    instance::Memory,
    plan::{Inputs, Seen},
    settings::Settings,
    software::Completed,
};

/// What is in the partition, and what an evaluation would be made from.
pub(crate) fn observe(
    settings: &Settings,
    wish: Option<&InstanceWish>,
    memory: Option<&Memory>,
    programs_run: bool,
) -> (Seen, Inputs) {
    let completed =
        wish.and_then(|wish| Completed::of(&settings.release_directory(&wish.software_release)));
    let evaluated = memory.and_then(|memory| memory.evaluated.as_ref());
    let inputs = Inputs {
        generation: wish.map(|wish| wish.generation).unwrap_or_default(),
        news: wish.map(|wish| wish.news).unwrap_or_default(),
        release: completed
            .as_ref()
            .map(|completed| completed.installation.clone())
            .unwrap_or_default(),
    };
    let seen = Seen {
        occupant: memory.map(Memory::occupant),
        release_ready: completed.is_some(),
        files_untouched: evaluated
            .is_some_and(|evaluated| slapos_profile::unchanged(&evaluated.read)),
        overdue: evaluated.is_some_and(|evaluated| {
            evaluated.holds_for(clock::now_unix_seconds()) == Duration::ZERO
        }),
        programs_run,
    };
    (seen, inputs)
}
