//! What to do with one partition: from what is wished and what is seen to a list of steps.
//!
//! Pure: same wish, same sight, same steps. Boot, wake-up, a process that exited and the slow
//! periodic check all come here; the executor takes no decision of its own.

use slapos_core::names::{Generation, InstanceId, WishedState};
use slapos_wire::v1::InstanceWish;

/// What is in a partition right now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    /// The instance whose files are there; `None` when the partition is empty.
    pub occupant: Option<Occupant>,
    /// The release of the wish is complete on this computer.
    pub release_ready: bool,
    /// The files that the last evaluation read, and those that it wrote, look as they did then.
    pub files_untouched: bool,
    /// The last evaluation is so old that another is due, whatever it finds.
    pub overdue: bool,
    /// The set of programs that shall run is known to the supervisor and runs.
    pub programs_run: bool,
}

/// What the node remembers of the instance whose files are in a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Occupant {
    /// The instance; `None` when what the node remembers cannot be understood.
    pub id: Option<InstanceId>,
    /// What the last complete evaluation was made from, if there was one.
    pub evaluated: Option<Inputs>,
    /// What was last reported to the master and accepted.
    pub reported: Option<(Generation, WishedState)>,
}

/// What an evaluation depends on. Equal inputs give equal files.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Inputs {
    /// The generation of the wish: parameters, type, state, release.
    pub generation: Generation,
    /// What happened to the instances that it requested, and which shared ones it serves with
    /// what parameters.
    pub news: u64,
    /// Installation of the release that was evaluated.
    pub release: String,
}

/// One step of the executor. The order in which they are planned is the order of execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// End every process of the partition, in order, and forget its programs.
    StopPrograms,
    /// Remove everything from the partition.
    Wipe,
    /// Fail: the files are another's, or nobody knows whose, and only a person may choose to lose
    /// them.
    RefuseOccupied,
    /// Evaluate the release's instance profile: render files, request, collect what to publish.
    Evaluate,
    /// Hand the programs that the profile laid out to the supervisor, which starts and stops the
    /// difference.
    RunPrograms,
    /// Check until the promises are green and the services stay up, then report `started` with the
    /// connection.
    AwaitPromises,
    /// Report that processes are stopped.
    ReportStopped,
    /// Report that nothing is left.
    ReportDestroyed,
}

/// Plans one pass over a partition. `inputs` is what an evaluation would depend on now; it is
/// only looked at when the release is ready.
pub fn plan(wish: Option<&InstanceWish>, seen: &Seen, inputs: &Inputs) -> Vec<Step> {
    use Step::{
        AwaitPromises, Evaluate, RefuseOccupied, ReportDestroyed, ReportStopped, RunPrograms,
        StopPrograms, Wipe,
    };

    let Some(wish) = wish else {
        // An instance that shall go is wished destroyed until the node has confirmed it. Of one
        // that is here and not wished at all the master knows nothing, e.g. since it was put back
        // from an older backup: that is no reason to destroy anything.
        return vec![];
    };
    if wish.state == WishedState::Destroyed {
        return vec![StopPrograms, Wipe, ReportDestroyed];
    }
    let mine = seen.occupant.as_ref().filter(|occupant| occupant.id == Some(wish.id));
    match (&seen.occupant, mine) {
        (Some(Occupant { id: None, .. }), _) if wish.state == WishedState::Stopped => {
            return vec![StopPrograms, RefuseOccupied];
        }
        (Some(_), None) => return vec![RefuseOccupied],
        _ => {}
    }
    let mut steps = Vec::new();
    if !seen.release_ready {
        return steps; // the release's own task wakes this partition when it is complete
    }
    let evaluated = mine.and_then(|occupant| occupant.evaluated.as_ref());
    let fresh = evaluated == Some(inputs) && seen.files_untouched && !seen.overdue;
    if !fresh {
        steps.push(Evaluate);
    }
    let reported = mine.and_then(|occupant| occupant.reported);
    let told = fresh && reported == Some((wish.generation, wish.state));
    match wish.state {
        WishedState::Started if told && seen.programs_run => {}
        WishedState::Started => steps.extend([RunPrograms, AwaitPromises]),
        WishedState::Stopped if told && !seen.programs_run => {}
        WishedState::Stopped => steps.extend([StopPrograms, ReportStopped]),
        WishedState::Destroyed => {}
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::{Step::*, *};

    fn wish(state: WishedState) -> InstanceWish {
        InstanceWish {
            id: InstanceId(7),
            title: "db".try_into().unwrap(),
            root_title: "app".try_into().unwrap(),
            root: InstanceId(1),
            software_release: "software/mariadb".try_into().unwrap(),
            software_type: "default".try_into().unwrap(),
            state,
            generation: Generation(3),
            parameters: [].into(),
            news: 2,
            shared: Vec::new(),
            connection: [].into(),
        }
    }

    fn inputs() -> Inputs {
        Inputs { generation: Generation(3), news: 2, release: "r1".into() }
    }

    fn occupied(id: u64, evaluated: Option<Inputs>, reported: Option<WishedState>) -> Seen {
        let reported = reported.map(|state| (Generation(3), state));
        Seen {
            occupant: Some(Occupant { id: Some(InstanceId(id)), evaluated, reported }),
            release_ready: true,
            files_untouched: true,
            overdue: false,
            programs_run: false,
        }
    }

    #[test]
    fn the_steps_depend_on_wish_and_sight() {
        use WishedState::{Destroyed, Started, Stopped};
        let empty = Seen { release_ready: true, ..Seen::default() };
        let no_release = Seen::default();
        let done = Seen { programs_run: true, ..occupied(7, Some(inputs()), Some(Started)) };
        let crashed = Seen { programs_run: false, ..done.clone() };
        let untold = Seen { programs_run: true, ..occupied(7, Some(inputs()), None) };
        let older = Inputs { news: 1, ..inputs() };
        let behind = Seen { programs_run: true, ..occupied(7, Some(older), Some(Started)) };
        let touched = Seen { files_untouched: false, ..done.clone() };
        let overdue = Seen { overdue: true, ..done.clone() };
        let stranger = Seen { programs_run: true, ..occupied(6, Some(inputs()), Some(Started)) };
        let unknown = Seen {
            occupant: Some(Occupant { id: None, evaluated: None, reported: None }),
            ..empty.clone()
        };
        let stopped = occupied(7, Some(inputs()), Some(Stopped));
        let table: &[(Option<WishedState>, &Seen, &[Step])] = &[
            (None, &empty, &[]),
            (None, &done, &[]),
            (None, &unknown, &[]),
            (Some(Started), &unknown, &[RefuseOccupied]),
            (Some(Stopped), &unknown, &[StopPrograms, RefuseOccupied]),
            (Some(Destroyed), &unknown, &[StopPrograms, Wipe, ReportDestroyed]),
            (Some(Started), &no_release, &[]),
            (Some(Started), &empty, &[Evaluate, RunPrograms, AwaitPromises]),
            (Some(Started), &done, &[]),
            (Some(Started), &crashed, &[RunPrograms, AwaitPromises]),
            (Some(Started), &untold, &[RunPrograms, AwaitPromises]),
            (Some(Started), &behind, &[Evaluate, RunPrograms, AwaitPromises]),
            (Some(Started), &touched, &[Evaluate, RunPrograms, AwaitPromises]),
            (Some(Started), &overdue, &[Evaluate, RunPrograms, AwaitPromises]),
            (Some(Started), &stranger, &[RefuseOccupied]),
            (Some(Stopped), &stranger, &[RefuseOccupied]),
            (Some(Destroyed), &stranger, &[StopPrograms, Wipe, ReportDestroyed]),
            (Some(Stopped), &done, &[StopPrograms, ReportStopped]),
            (Some(Stopped), &empty, &[Evaluate, StopPrograms, ReportStopped]),
            (Some(Stopped), &stopped, &[]),
            (Some(Destroyed), &done, &[StopPrograms, Wipe, ReportDestroyed]),
            (Some(Destroyed), &no_release, &[StopPrograms, Wipe, ReportDestroyed]),
        ];
        for (wished, seen, steps) in table {
            let wish = wished.map(wish);
            assert_eq!(plan(wish.as_ref(), seen, &inputs()), *steps, "{wished:?} while {seen:?}");
        }
    }

    #[test]
    fn a_pass_after_a_pass_has_nothing_to_do() {
        let done =
            Seen { programs_run: true, ..occupied(7, Some(inputs()), Some(WishedState::Started)) };
        assert_eq!(plan(Some(&wish(WishedState::Started)), &done, &inputs()), []);
    }
}
