//! A computer: an agent that may die, a disk and programs that outlive it.
//!
//! What a pass over a partition does is planned by the real node; here its steps are carried out on
//! a model. The profile of every release is the same: an instance requests as many others as its
//! parameters say, and publishes how often it was evaluated and what it was given.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use slapos_core::{
    actor::Actor,
    decide::{Ask, Format, FormatPartition, InstanceReport, Request, Requester, SupplyReport},
    names::{
        ComputerId, Generation, InstanceId, PartitionId, ReportedState, Revision, SoftwareType,
        SoftwareUrl, SupplyState, SupplyWish, Title, WishedState,
    },
    world::{Dictionary, Place},
};
use slapos_node::plan::{Inputs, Occupant, Seen, Step, plan};
use slapos_wire::v1::{self, InstanceWish, Watch};

use crate::{
    Defect,
    network::{Call, Caller, Dice, MS, Moment, Reply},
};

/// The release of instances that request others.
const DEEP: &str = "software/b";
/// The release of instances that request nothing.
const FLAT: &str = "software/c";

/// What the node wants next.
#[derive(Debug)]
pub(crate) enum Deed {
    /// Call the master; the answer comes back to the caller.
    Call(Caller, Call),
    /// Come back to this after a while.
    Later(Moment, Caller),
}

/// What is on the disk of a partition.
#[derive(Debug, Clone)]
pub(crate) struct Files {
    pub(crate) id: InstanceId,
    /// How often it was evaluated.
    count: u64,
    evaluated: Option<Evaluated>,
    reported: Option<(Generation, WishedState)>,
}

#[derive(Debug, Clone)]
struct Evaluated {
    inputs: Inputs,
    requested: Vec<Title>,
    waits: bool,
    connection: Dictionary,
    shared: BTreeMap<InstanceId, Dictionary>,
    /// What it was given by each that it requested.
    given: BTreeMap<InstanceId, Dictionary>,
}

/// A pass under way.
#[derive(Debug)]
struct Pass {
    wish: InstanceWish,
    inputs: Inputs,
    steps: VecDeque<Step>,
    /// The time that the present step takes has passed.
    rested: bool,
    to_request: VecDeque<Request>,
    given: BTreeMap<InstanceId, Dictionary>,
    waits: bool,
}

/// A computer.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) number: usize,
    pub(crate) computer: ComputerId,
    pub(crate) up: bool,
    /// Counts the lives of the agent.
    pub(crate) life: u64,
    partitions: Vec<PartitionId>,
    // what survives everything
    pub(crate) disk: BTreeMap<PartitionId, Files>,
    releases: BTreeSet<SoftwareUrl>,
    // what survives the agent
    programs: BTreeSet<PartitionId>,
    // what dies with the agent
    wishes: BTreeMap<PartitionId, Option<InstanceWish>>,
    supplies: BTreeMap<SoftwareUrl, v1::Supply>,
    /// What the master is being told of each release, or was told while it is being installed.
    building: BTreeMap<SoftwareUrl, (Generation, SupplyState)>,
    passes: BTreeMap<PartitionId, Pass>,
    heard: Revision,
    /// The answer that the next report of each partition and release follows.
    follows: BTreeMap<Caller, Revision>,
    /// What it was told that contradicts what it was told before.
    pub(crate) contradiction: Option<String>,
    defect: Option<Defect>,
}

/// The name of the computer with a number.
pub(crate) fn computer(number: usize) -> ComputerId {
    format!("COMP-{number}").try_into().expect("a good name")
}

impl Node {
    pub(crate) fn new(number: usize, partitions: usize, defect: Option<Defect>) -> Self {
        let name = |index| format!("slappart{index}").try_into().expect("a good name");
        Self {
            number,
            computer: computer(number),
            up: false,
            life: 0,
            partitions: (0..partitions).map(name).collect(),
            disk: BTreeMap::new(),
            releases: BTreeSet::new(),
            programs: BTreeSet::new(),
            wishes: BTreeMap::new(),
            supplies: BTreeMap::new(),
            building: BTreeMap::new(),
            passes: BTreeMap::new(),
            heard: Revision(0),
            follows: BTreeMap::new(),
            contradiction: None,
            defect,
        }
    }

    /// The agent starts, knowing nothing but the disk.
    pub(crate) fn start(&mut self) -> Vec<Deed> {
        self.up = true;
        self.wishes.clear();
        self.supplies.clear();
        self.building.clear();
        self.passes.clear();
        self.heard = Revision(0);
        self.follows.clear();
        let partition = |name: &PartitionId| FormatPartition {
            name: name.clone(),
            addresses: vec![],
            interface: None,
            route: None,
            capabilities: vec![],
        };
        let partitions = self.partitions.iter().map(partition).collect();
        let format = Format { computer: self.computer.clone(), partitions };
        vec![Deed::Call(Caller::Watch(self.number), self.say(Ask::Format(format)))]
    }

    /// The agent dies, or the whole computer.
    pub(crate) fn die(&mut self, computer: bool) {
        self.up = false;
        self.life += 1;
        if computer {
            self.programs.clear();
        }
    }

    /// Some program dies.
    pub(crate) fn lose_program(&mut self, dice: &mut Dice) -> Vec<Deed> {
        let running: Vec<_> = self.programs.iter().cloned().collect();
        if running.is_empty() {
            return vec![];
        }
        let partition = dice.pick(&running);
        self.programs.remove(&partition);
        self.look(&partition)
    }

    /// The slow periodic check.
    pub(crate) fn check(&mut self) -> Vec<Deed> {
        let partitions = self.partitions.clone();
        partitions.iter().flat_map(|it| self.look(it)).collect()
    }

    /// What is left to do, as far as it knows.
    pub(crate) fn unfinished(&self) -> Option<String> {
        let passes = self.passes.iter().map(|(name, it)| format!("{:?} in {name}", it.steps));
        let releases = self.building.keys().map(|url| format!("{url} is being installed"));
        let planned = self.partitions.iter().filter_map(|name| {
            let (wish, _, steps) = self.planned(name)?;
            Some(format!("{steps:?} in {name} for {}", wish.id))
        });
        passes.chain(releases).chain(planned).next()
    }

    /// What an instance on the disk was given, in its last evaluation, by those it requested.
    pub(crate) fn given(&self, files: &Files) -> Vec<(InstanceId, Dictionary)> {
        let evaluated = files.evaluated.as_ref();
        evaluated.map(|it| it.given.clone().into_iter().collect()).unwrap_or_default()
    }

    /// An answer came.
    pub(crate) fn answered(&mut self, caller: &Caller, reply: Reply, dice: &mut Dice) -> Vec<Deed> {
        if let Reply::Done(revision) | Reply::Stale(revision) | Reply::Overtaken(revision) = reply {
            self.follows.insert(caller.clone(), revision);
        }
        match (caller, reply) {
            (Caller::Watch(_), Reply::News(watch)) => self.hear(*watch),
            (Caller::Watch(_), Reply::Refused) => self.start(),
            (Caller::Watch(_), _) => vec![self.listen()],
            (Caller::Partition(_, name), reply) => self.go_on(&name.clone(), reply, dice),
            (Caller::Release(_, url), Reply::Overtaken(_)) => self.tell_again(&url.clone()),
            (Caller::Release(_, url), _) => self.build_on(&url.clone(), dice),
            (Caller::Person(_), _) => vec![],
        }
    }

    /// A while has passed.
    pub(crate) fn elapsed(&mut self, caller: &Caller, dice: &mut Dice) -> Vec<Deed> {
        match caller {
            Caller::Partition(_, name) => match self.passes.get_mut(name) {
                Some(pass) => {
                    pass.rested = true;
                    self.proceed(&name.clone(), dice)
                }
                None => self.look(&name.clone()),
            },
            Caller::Release(_, url) => self.built(&url.clone(), dice),
            Caller::Watch(_) | Caller::Person(_) => vec![],
        }
    }

    fn say(&self, ask: Ask) -> Call {
        Call::Ask(Box::new(ask), Actor::Computer(self.computer.clone()))
    }

    /// What the next report of a partition or release follows.
    fn follows(&self, caller: &Caller) -> Revision {
        *self.follows.get(caller).unwrap_or(&self.heard)
    }

    fn listen(&self) -> Deed {
        Deed::Call(Caller::Watch(self.number), Call::Watch(self.computer.clone(), self.heard))
    }

    fn hear(&mut self, watch: Watch) -> Vec<Deed> {
        if watch.revision < self.heard {
            let (heard, told) = (self.heard.0, watch.revision.0);
            self.contradiction = Some(format!("{} heard {heard}, then {told}", self.computer));
        }
        self.heard = watch.revision;
        let mut deeds = vec![self.listen()];
        if watch.complete {
            self.supplies.clear();
        }
        for supply in watch.supplies {
            let url = supply.software_release.clone();
            self.supplies.insert(url.clone(), supply);
            deeds.extend(self.build(&url));
        }
        for wish in watch.partitions {
            self.wishes.insert(wish.partition.clone(), wish.instance);
            deeds.extend(self.look(&wish.partition));
        }
        deeds
    }
}

// Releases: reported as building, installed after a while, then reported as available or failed.
impl Node {
    fn build(&mut self, url: &SoftwareUrl) -> Vec<Deed> {
        let Some(supply) = self.supplies.get(url) else { return vec![] };
        if self.building.contains_key(url) {
            return vec![]; // looks again when it is done
        }
        let (wanted, state) = match supply.wished {
            SupplyWish::Destroyed => (false, SupplyState::Destroyed),
            SupplyWish::Available if self.releases.contains(url) => (true, SupplyState::Available),
            SupplyWish::Available => (true, SupplyState::Building),
        };
        let told = state == supply.state && state != SupplyState::Building; // that may be from before a crash
        if told || supply.state == SupplyState::Error {
            return vec![]; // what failed is tried again when somebody asks again
        }
        if !wanted {
            self.releases.remove(url);
        }
        let generation = supply.generation;
        vec![self.tell_release(url, generation, state)]
    }

    fn tell_again(&mut self, url: &SoftwareUrl) -> Vec<Deed> {
        let told = self.building.get(url).copied();
        told.map(|(generation, state)| self.tell_release(url, generation, state))
            .into_iter()
            .collect()
    }

    /// The master was told how far a release is.
    fn build_on(&mut self, url: &SoftwareUrl, dice: &mut Dice) -> Vec<Deed> {
        let Some((generation, told)) = self.building.get(url).copied() else { return vec![] };
        let mut present = false;
        if let Some(supply) = self.supplies.get_mut(url)
            && supply.generation == generation
        {
            supply.state = told;
            present = true;
        }
        if present && told == SupplyState::Building {
            let caller = Caller::Release(self.number, url.clone());
            return vec![Deed::Later(dice.between(50 * MS, 900 * MS), caller)];
        }
        self.building.remove(url);
        let mut deeds = self.build(url);
        deeds.extend(self.check());
        deeds
    }

    /// A while after it was begun, an installation has ended.
    fn built(&mut self, url: &SoftwareUrl, dice: &mut Dice) -> Vec<Deed> {
        let Some((generation, _)) = self.building.get(url).copied() else { return vec![] };
        if dice.mishap(10) {
            return vec![self.tell_release(url, generation, SupplyState::Error)];
        }
        self.releases.insert(url.clone());
        vec![self.tell_release(url, generation, SupplyState::Available)]
    }

    fn tell_release(
        &mut self,
        url: &SoftwareUrl,
        generation: Generation,
        state: SupplyState,
    ) -> Deed {
        self.building.insert(url.clone(), (generation, state));
        let caller = Caller::Release(self.number, url.clone());
        let report = SupplyReport {
            computer: self.computer.clone(),
            release: url.clone(),
            generation,
            follows: Some(self.follows(&caller)),
            state,
            text: None,
            percent: None,
        };
        Deed::Call(caller, self.say(Ask::SupplyReport(report)))
    }
}

// Partitions: observe, plan, execute.
impl Node {
    fn look(&mut self, name: &PartitionId) -> Vec<Deed> {
        if !self.up || self.passes.contains_key(name) {
            return vec![]; // looks again when it is done
        }
        let Some((wish, inputs, steps)) = self.planned(name) else { return vec![] };
        let mut steps = VecDeque::from(steps);
        if self.defect == Some(Defect::ReportBeforeWipe) && steps.contains(&Step::Wipe) {
            steps = [Step::StopPrograms, Step::ReportDestroyed, Step::Wipe].into();
        }
        let given = BTreeMap::new();
        let (rested, waits, to_request) = (false, false, VecDeque::new());
        let pass = Pass { wish, inputs, steps, rested, to_request, given, waits };
        self.passes.insert(name.clone(), pass);
        vec![Deed::Later(MS / 10, Caller::Partition(self.number, name.clone()))]
    }

    /// What is to be done in a partition; `None` when that is nothing.
    fn planned(&self, name: &PartitionId) -> Option<(InstanceWish, Inputs, Vec<Step>)> {
        let wish = self.wishes.get(name)?.as_ref();
        let files = self.disk.get(name);
        let release_ready = wish.is_some_and(|it| self.releases.contains(&it.software_release));
        let occupant = |files: &Files| Occupant {
            id: Some(files.id),
            evaluated: files.evaluated.as_ref().map(|it| it.inputs.clone()),
            reported: files.reported,
        };
        let seen = Seen {
            occupant: files.map(occupant),
            release_ready,
            files_untouched: true,
            overdue: false,
            programs_run: self.programs.contains(name),
        };
        let wished = wish?;
        let inputs = Inputs {
            generation: wished.generation,
            news: wished.news,
            release: wished.software_release.to_string(),
        };
        let steps = plan(wish, &seen, &inputs);
        (!steps.is_empty()).then(|| (wished.clone(), inputs, steps))
    }

    /// Goes on with a pass as far as it goes without waiting.
    fn proceed(&mut self, name: &PartitionId, dice: &mut Dice) -> Vec<Deed> {
        let caller = Caller::Partition(self.number, name.clone());
        loop {
            let Some(pass) = self.passes.get_mut(name) else { return vec![] };
            let Some(step) = pass.steps.front().copied() else {
                self.passes.remove(name);
                return self.look(name);
            };
            let takes_time = matches!(step, Step::Evaluate | Step::AwaitPromises | Step::Wipe);
            if takes_time && !pass.rested {
                return vec![Deed::Later(dice.between(MS, 60 * MS), caller)];
            }
            match step {
                Step::StopPrograms => {
                    self.programs.remove(name);
                }
                Step::Wipe => {
                    self.disk.remove(name);
                }
                Step::RunPrograms => {
                    self.programs.insert(name.clone());
                }
                Step::RefuseOccupied => {
                    self.passes.remove(name);
                    return vec![Deed::Later(1_000 * MS, caller)];
                }
                Step::Evaluate => {
                    self.begin_evaluation(name);
                    return self.request_next(name, dice);
                }
                Step::AwaitPromises | Step::ReportStopped | Step::ReportDestroyed => {
                    let report = self.report(name, step);
                    return vec![Deed::Call(caller, self.say(Ask::Report(report)))];
                }
            }
            self.step_done(name);
        }
    }

    fn step_done(&mut self, name: &PartitionId) {
        if let Some(pass) = self.passes.get_mut(name) {
            pass.steps.pop_front();
            pass.rested = false;
        }
    }

    fn begin_evaluation(&mut self, name: &PartitionId) {
        let Some(pass) = self.passes.get_mut(name) else { return };
        pass.to_request = children(&pass.wish).into();
        let id = pass.wish.id;
        let kept = self.disk.remove(name).filter(|files| files.id == id);
        let count = kept.map_or(0, |files| files.count) + 1;
        self.disk.insert(name.clone(), Files { id, count, evaluated: None, reported: None });
    }

    fn request_next(&mut self, name: &PartitionId, dice: &mut Dice) -> Vec<Deed> {
        let caller = Caller::Partition(self.number, name.clone());
        let Some(pass) = self.passes.get_mut(name) else { return vec![] };
        if let Some(request) = pass.to_request.front() {
            let actor = Actor::Instance(pass.wish.id);
            let call = Call::Ask(Box::new(Ask::Request(request.clone())), actor);
            return vec![Deed::Call(caller, call)];
        }
        let Some(files) = self.disk.get_mut(name) else { return vec![] };
        let text = |id: &InstanceId| format!("{id}={}", count(&pass.given[id]));
        let given: Vec<_> = pass.given.keys().map(text).collect();
        let connection =
            [("count".to_owned(), files.count.to_string()), ("given".to_owned(), given.join(" "))];
        let for_guest = |guest: &v1::SharedWish| (guest.id, connection.clone().into());
        files.evaluated = Some(Evaluated {
            inputs: pass.inputs.clone(),
            requested: children(&pass.wish).into_iter().map(|it| it.title).collect(),
            waits: pass.waits,
            shared: pass.wish.shared.iter().map(for_guest).collect(),
            connection: connection.into(),
            given: std::mem::take(&mut pass.given),
        });
        self.step_done(name);
        self.proceed(name, dice)
    }

    fn report(&self, name: &PartitionId, step: Step) -> InstanceReport {
        let wish = &self.passes[name].wish;
        let evaluated = self.disk.get(name).and_then(|files| files.evaluated.clone());
        let mut report = InstanceReport {
            place: Place { computer: self.computer.clone(), partition: name.clone() },
            id: wish.id,
            generation: wish.generation,
            follows: Some(self.follows(&Caller::Partition(self.number, name.clone()))),
            state: ReportedState::Stopped,
            text: None,
            connection: None,
            shared: BTreeMap::new(),
            requested: None,
            promises: vec![],
        };
        match (step, evaluated) {
            (Step::ReportDestroyed, _) => report.state = ReportedState::Destroyed,
            (Step::AwaitPromises, Some(it)) if it.waits => report.state = ReportedState::Waiting,
            (Step::AwaitPromises, Some(it)) => {
                report.state = ReportedState::Started;
                report.connection = Some(it.connection);
                report.shared = it.shared;
                report.requested = Some(it.requested);
            }
            _ => {}
        }
        report
    }

    /// The master answered to the present step of a pass.
    fn go_on(&mut self, name: &PartitionId, reply: Reply, dice: &mut Dice) -> Vec<Deed> {
        let caller = Caller::Partition(self.number, name.clone());
        let Some(pass) = self.passes.get_mut(name) else { return vec![] };
        match (pass.steps.front(), reply) {
            (Some(Step::Evaluate), Reply::Instance(id, connection)) => {
                let request = pass.to_request.pop_front();
                let wanted = request.is_some_and(|it| it.state == Some(WishedState::Started));
                pass.waits |= connection.is_empty() && wanted;
                pass.given.insert(id, connection);
                self.request_next(name, dice)
            }
            (Some(_), Reply::Overtaken(_)) => self.proceed(name, dice),
            (Some(Step::ReportDestroyed), _) => {
                self.step_done(name);
                self.proceed(name, dice)
            }
            (Some(_), Reply::Done(_)) => self.accepted(name, dice),
            _ => {
                // Refused, or about an older wish: the pass is void.
                self.passes.remove(name);
                vec![Deed::Later(500 * MS, caller)]
            }
        }
    }

    fn accepted(&mut self, name: &PartitionId, dice: &mut Dice) -> Vec<Deed> {
        if let (Some(pass), Some(files)) = (self.passes.get(name), self.disk.get_mut(name)) {
            files.reported = Some((pass.wish.generation, pass.wish.state));
        }
        self.step_done(name);
        self.proceed(name, dice)
    }
}

/// How often an instance had been evaluated when it published this; 0 when it published nothing.
pub(crate) fn count(connection: &Dictionary) -> u64 {
    connection.get("count").and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// What an instance requests, by its parameters: one that requests further ones, one that requests
/// nothing and may host, one that is shared.
fn children(wish: &InstanceWish) -> Vec<Request> {
    let number = |key: &str| wish.parameters.get(key).and_then(|text| text.parse::<u64>().ok());
    let (depth, width) = (number("depth").unwrap_or(0), number("width").unwrap_or(0));
    let below = [("depth", depth.saturating_sub(1)), ("width", width)];
    let below = below.map(|(key, value)| (key.to_owned(), value.to_string()));
    let child = |index: u64| Request {
        requester: Requester::Instance(wish.id),
        title: format!("{}.{index}", wish.title).try_into().expect("a good title"),
        release: if index == 0 { DEEP } else { FLAT }.try_into().expect("a good name"),
        software_type: SoftwareType::default_type(),
        parameters: (index == 0).then(|| below.clone().into()),
        placement: Dictionary::new(),
        shared: index == 2,
        state: Some(WishedState::Started),
    };
    if depth == 0 { vec![] } else { (0..width).map(child).collect() }
}
