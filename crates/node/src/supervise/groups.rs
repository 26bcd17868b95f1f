//! The groups of programs: carries out what clients declare.
//!
//! # Invariants
//! - Changes of one group follow one another; different groups never wait for each other.
//! - The wished set is durable before anything is started or stopped for it.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use camino::Utf8PathBuf;

use super::{
    Program,
    board::Board,
    difference::{difference, stem},
    keep::{Found, Gone, Unit, started},
    record::{ProcessRecord, State, Wished},
};

/// Why a request was refused. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    #[error("group {group:?} declares a program {program:?} twice or without a name")]
    Name { group: String, program: String },
    #[error("program {program} of group {group} has no command")]
    NoCommand { group: String, program: String },
    #[error("the supervisor is ending; try again when it has been started anew")]
    Ending,
    #[error("record the programs that shall run in {path}: {source}")]
    Record { path: Utf8PathBuf, source: io::Error },
}

/// The programs of one group by name. Locked during a change, which may take as long as the
/// grace of its programs.
type Group = Arc<tokio::sync::Mutex<BTreeMap<String, Unit>>>;

/// All groups.
#[derive(Debug)]
pub(super) struct Groups {
    board: Arc<Board>,
    launcher: Utf8PathBuf,
    shared: Mutex<Shared>,
}

#[derive(Debug)]
struct Shared {
    groups: BTreeMap<String, Group>,
    wished: Wished,
    ending: bool,
}

impl Groups {
    /// Begins with what is on disk: adopts what runs, starts what shall run and does not, ends
    /// what runs and shall not. Waits for none of it.
    pub(super) fn begin(
        board: Arc<Board>,
        launcher: Utf8PathBuf,
        wished: Wished,
        mut state: State,
    ) -> Self {
        let mut found = Vec::new();
        for (group, programs) in &wished {
            for program in programs {
                found.push((group, program, find(group, program, &mut state)));
            }
        }
        // What is left was being ended when the supervisor before us was killed.
        let leaving: Vec<(String, String, Gone)> = state
            .processes
            .into_iter()
            .map(|one| {
                let (group, name) = (one.group.clone(), one.program.name.clone());
                let found = process_of(&one);
                let unit =
                    Unit::begin(&board, launcher.clone(), &group, one.program, vec![], found);
                (group, name, unit.stop())
            })
            .collect();
        let mut groups: BTreeMap<String, BTreeMap<String, Unit>> = BTreeMap::new();
        for (group, program, found) in found {
            let same_service = |(of, name, _): &&(String, String, Gone)| {
                of == group && stem(name) == stem(&program.name)
            };
            let after =
                leaving.iter().filter(same_service).map(|(.., gone)| gone.clone()).collect();
            let (launcher, declared) = (launcher.clone(), program.clone());
            let unit = Unit::begin(&board, launcher, group, declared, after, found);
            groups.entry(group.clone()).or_default().insert(program.name.clone(), unit);
        }
        let groups = groups
            .into_iter()
            .map(|(name, units)| (name, Arc::new(tokio::sync::Mutex::new(units))))
            .collect();
        Self { board, launcher, shared: Mutex::new(Shared { groups, wished, ending: false }) }
    }

    /// Makes these and only these programs run in the group; returns when that has been done.
    pub(super) async fn apply(&self, name: &str, programs: Vec<Program>) -> Result<(), Refusal> {
        check(name, &programs)?;
        let group = self.group(name)?;
        let mut units = group.lock().await;
        let known = units.iter().map(|(name, unit)| (name.clone(), unit.program.clone())).collect();
        let difference = difference(&known, &programs);
        self.record(name, programs)?;

        let mut leaving: BTreeMap<String, Gone> = BTreeMap::new();
        for name in difference.stop {
            if let Some(unit) = units.remove(&name) {
                leaving.insert(name, unit.stop());
            }
        }
        let mut starts = Vec::new();
        for start in difference.start {
            let after = start.after.iter().filter_map(|old| leaving.get(old).cloned()).collect();
            let program = start.program;
            let unit = self.unit(name, program, after);
            starts.push(unit.first_start());
            units.insert(unit.program.name.clone(), unit);
        }
        for start in starts {
            started(start).await;
        }
        for gone in leaving.into_values() {
            gone.wait().await;
        }
        Ok(())
    }

    /// Ends every process. The wished sets stay recorded.
    pub(super) async fn end(&self) {
        let groups: Vec<Group> = {
            let mut shared = self.shared();
            shared.ending = true;
            shared.groups.values().cloned().collect()
        };
        let mut leaving = Vec::new();
        for group in &groups {
            // A change under way ends first: its programs would be started behind our back.
            let units = std::mem::take(&mut *group.lock().await);
            leaving.extend(units.into_values().map(|unit| unit.stop()));
        }
        for gone in leaving {
            gone.wait().await;
        }
    }

    fn unit(&self, group: &str, program: Program, after: Vec<Gone>) -> Unit {
        let launcher = self.launcher.clone();
        Unit::begin(&self.board, launcher, group, program, after, Found::Nothing)
    }

    fn group(&self, name: &str) -> Result<Group, Refusal> {
        let mut shared = self.shared();
        if shared.ending {
            return Err(Refusal::Ending);
        }
        Ok(Arc::clone(shared.groups.entry(name.to_owned()).or_default()))
    }

    /// Makes the wish durable, if it is another one. Synchronous on purpose: one small file.
    fn record(&self, name: &str, programs: Vec<Program>) -> Result<(), Refusal> {
        let mut shared = self.shared();
        if shared.ending {
            return Err(Refusal::Ending);
        }
        let mut wished = shared.wished.clone();
        if programs.is_empty() {
            wished.remove(name);
        } else {
            wished.insert(name.to_owned(), programs);
        }
        if wished != shared.wished {
            let records = self.board.records();
            records
                .save_wished(&wished)
                .map_err(|source| Refusal::Record { path: records.wished_path(), source })?;
            shared.wished = wished;
        }
        Ok(())
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes what is known of a program out of the recorded state. Another definition under the same
/// name is another program.
fn find(group: &str, program: &Program, state: &mut State) -> Found {
    let same = |of: &str, known: &Program| of == group && known == program;
    if let Some(place) = state.processes.iter().position(|one| same(&one.group, &one.program)) {
        return process_of(&state.processes.swap_remove(place));
    }
    match state.finished.iter().find(|one| same(&one.group, &one.program)) {
        Some(one) => Found::Finished(one.exit),
        None => Found::Nothing,
    }
}

fn process_of(one: &ProcessRecord) -> Found {
    Found::Process { pid: one.pid, started: one.started, failures: one.failures }
}

fn check(group: &str, programs: &[Program]) -> Result<(), Refusal> {
    let mut names = BTreeSet::new();
    for program in programs {
        let (group, name) = (group.to_owned(), program.name.clone());
        if group.is_empty() || name.is_empty() || !names.insert(&program.name) {
            return Err(Refusal::Name { group, program: name });
        }
        if program.command.is_empty() {
            return Err(Refusal::NoCommand { group, program: name });
        }
    }
    Ok(())
}
