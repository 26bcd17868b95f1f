//! The timeline: what happens when, and to whom.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    Defect,
    invariants::{Violation, Witness, at_rest},
    master::{Answered, Master, Unreadable},
    network::{Call, CallId, Caller, Dice, MS, Moment, Reply},
    node::{Deed, Node},
    person::Person,
};

const COMPUTERS: usize = 3;
const PARTITIONS: usize = 6;
const PEOPLE: usize = 2;
/// Faults end after this.
const FAULTS: Moment = 20_000 * MS;
/// People wish this and that until then; what failed because of a fault is known by then.
const WISHES: Moment = FAULTS + 10_000 * MS;
/// After the faults, the cloud has so long to come to rest.
const REST: Moment = 120_000 * MS;
/// A caller waits so long for an answer.
const PATIENCE: Moment = 3_000 * MS;
/// The master ends a watch after so long without news.
const WATCH: Moment = 10_000 * MS;

#[derive(Debug)]
enum Event {
    /// A call arrives at the master.
    Arrives(CallId, Caller, Call),
    /// An answer arrives at its caller.
    Answered(CallId, Caller, Reply),
    /// A caller has waited too long.
    GivesUp(CallId, Caller),
    /// A caller, in this life of its computer, has something to do.
    Elapsed(Caller, u64),
    /// What this life of the master wrote is on the disk.
    Written(u64),
    /// What a master that was taken over wrote arrives at the disk.
    WrittenLate,
    EndWatches,
    Check(usize),
    Fault,
    MasterStarts,
    NodeStarts(usize),
    LinkMended(usize),
}

/// What came out of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Story {
    /// Events on the timeline.
    pub events: u64,
    /// Revisions of the master.
    pub revisions: u64,
    /// Instances in the end.
    pub instances: usize,
    /// How often the master died.
    pub deaths: u64,
}

/// Runs the cloud of a seed until it has come to rest. The same seed gives the same run.
pub fn run(seed: u64, defect: Option<Defect>) -> Result<Story, Violation> {
    let mut cloud = Cloud::new(seed, defect);
    let mut events = 0;
    while let Some(((now, _), event)) = cloud.timeline.pop_first() {
        if now > FAULTS + REST {
            break;
        }
        cloud.now = now;
        cloud.dice.faults = now < FAULTS;
        events += 1;
        cloud.happen(event)?;
        cloud.witness.look(&cloud.master, &cloud.nodes)?;
    }
    at_rest(&cloud.master, &cloud.nodes)?;
    Ok(Story {
        events,
        revisions: cloud.master.world.revision().0,
        instances: cloud.master.world.instances().count(),
        deaths: cloud.master.life,
    })
}

struct Cloud {
    now: Moment,
    dice: Dice,
    timeline: BTreeMap<(Moment, u64), Event>,
    sequence: u64,
    master: Master,
    writing: bool,
    nodes: Vec<Node>,
    people: Vec<Person>,
    /// Links between a computer and the master that are cut.
    cut: BTreeSet<usize>,
    /// The call that each caller waits for.
    pending: BTreeMap<Caller, (CallId, Call)>,
    /// To whom the answer of a call goes, as the master sees it.
    callers: BTreeMap<CallId, Caller>,
    witness: Witness,
}

impl Cloud {
    fn new(seed: u64, defect: Option<Defect>) -> Self {
        let mut cloud = Self {
            now: 0,
            dice: Dice::new(seed),
            timeline: BTreeMap::new(),
            sequence: 0,
            master: Master::new(defect),
            writing: false,
            nodes: (0..COMPUTERS).map(|it| Node::new(it, PARTITIONS, defect)).collect(),
            people: (0..PEOPLE).map(|it| Person::new(it, COMPUTERS)).collect(),
            cut: BTreeSet::new(),
            pending: BTreeMap::new(),
            callers: BTreeMap::new(),
            witness: Witness::default(),
        };
        for node in 0..COMPUTERS {
            cloud.after(MS, Event::NodeStarts(node));
            cloud.after(30_000 * MS, Event::Check(node));
        }
        for person in 0..PEOPLE {
            cloud.after(100 * MS, Event::Elapsed(Caller::Person(person), 0));
        }
        cloud.after(WATCH, Event::EndWatches);
        cloud.after(500 * MS, Event::Fault);
        cloud
    }

    fn after(&mut self, delay: Moment, event: Event) {
        self.sequence += 1;
        self.timeline.insert((self.now + delay, self.sequence), event);
    }

    fn happen(&mut self, event: Event) -> Result<(), Violation> {
        match event {
            Event::Arrives(id, caller, call) => {
                if self.master.up {
                    self.callers.insert(id, caller);
                    let answers = self.master.take(self.now, id, &call);
                    self.answer(answers)?;
                    self.write();
                }
            }
            Event::Answered(id, caller, reply) => self.answered(id, &caller, reply),
            Event::GivesUp(id, caller) => {
                if self.pending.get(&caller).is_some_and(|(pending, _)| *pending == id)
                    && let Some((_, call)) = self.pending.remove(&caller)
                {
                    self.call(caller, call);
                }
            }
            Event::Elapsed(caller, life) => self.elapsed(caller, life),
            Event::Written(life) => {
                if life == self.master.life {
                    self.writing = false;
                    let answers = self.master.written();
                    self.answer(answers)?;
                }
            }
            Event::WrittenLate => {
                let answers = self.master.written_late();
                self.answer(answers)?;
            }
            Event::EndWatches => {
                if self.master.up {
                    let answers = self.master.end_watches();
                    self.answer(answers)?;
                }
                self.after(WATCH, Event::EndWatches);
            }
            Event::Check(node) => {
                let deeds = self.nodes[node].check();
                self.carry_out(node, deeds);
                self.after(30_000 * MS, Event::Check(node));
            }
            Event::Fault => self.fault()?,
            Event::MasterStarts => {
                self.master.start()?;
                self.witness.restart(&self.master)?;
            }
            Event::NodeStarts(node) => {
                let deeds = self.nodes[node].start();
                self.carry_out(node, deeds);
            }
            Event::LinkMended(node) => {
                self.cut.remove(&node);
            }
        }
        Ok(())
    }

    fn answered(&mut self, id: CallId, caller: &Caller, reply: Reply) {
        if self.pending.get(caller).is_none_or(|(pending, _)| *pending != id) {
            return; // an older try, or an older life
        }
        self.pending.remove(caller);
        if let Caller::Person(person) = caller {
            self.people[*person].answered(&reply);
            let pause = self.dice.between(50 * MS, 900 * MS);
            self.after(pause, Event::Elapsed(caller.clone(), 0));
        } else if let Some(node) = caller.computer() {
            let deeds = self.nodes[node].answered(caller, reply, &mut self.dice);
            self.carry_out(node, deeds);
        }
    }

    fn elapsed(&mut self, caller: Caller, life: u64) {
        if self.pending.contains_key(&caller) {
            return;
        }
        if let Caller::Person(person) = caller {
            let over = self.now > WISHES;
            if let Some(call) = self.people[person].next(&mut self.dice, over) {
                self.call(caller, call);
            }
        } else if let Some(node) = caller.computer()
            && self.nodes[node].life == life
        {
            let deeds = self.nodes[node].elapsed(&caller, &mut self.dice);
            self.carry_out(node, deeds);
        }
    }

    fn carry_out(&mut self, node: usize, deeds: Vec<Deed>) {
        for deed in deeds {
            match deed {
                Deed::Call(caller, call) => self.call(caller, call),
                Deed::Later(delay, caller) => {
                    let life = self.nodes[node].life;
                    self.after(delay, Event::Elapsed(caller, life));
                }
            }
        }
    }

    /// Sends a call on its way, perhaps twice, perhaps in vain.
    fn call(&mut self, caller: Caller, call: Call) {
        self.sequence += 1;
        let id = CallId(self.sequence);
        for _ in 0..self.copies(&caller) {
            let delay = self.dice.delay();
            self.after(delay, Event::Arrives(id, caller.clone(), call.clone()));
        }
        let patience = if matches!(call, Call::Watch(..)) { 2 * WATCH } else { PATIENCE };
        self.after(patience, Event::GivesUp(id, caller.clone()));
        self.pending.insert(caller, (id, call));
    }

    fn answer(&mut self, answers: Vec<Answered>) -> Result<(), Violation> {
        for Answered { call, reply, revision } in answers {
            self.witness.answer(&reply, revision, &self.master.world)?;
            let Some(caller) = self.callers.get(&call).cloned() else { continue };
            for _ in 0..self.copies(&caller) {
                let delay = self.dice.delay();
                self.after(delay, Event::Answered(call, caller.clone(), reply.clone()));
            }
        }
        Ok(())
    }

    /// How many copies of a message arrive.
    fn copies(&mut self, caller: &Caller) -> usize {
        if caller.computer().is_some_and(|it| self.cut.contains(&it)) {
            return 0;
        }
        if self.dice.mishap(3) { 0 } else { 1 + usize::from(self.dice.mishap(3)) }
    }

    fn write(&mut self) {
        if !self.writing && self.master.unwritten() > 0 {
            self.writing = true;
            let delay = self.dice.between(MS, 12 * MS);
            self.after(delay, Event::Written(self.master.life));
        }
    }

    fn fault(&mut self) -> Result<(), Violation> {
        if !self.dice.faults {
            return Ok(());
        }
        let node = self.dice.pick(&(0..COMPUTERS).collect::<Vec<_>>());
        let lasting = self.dice.between(10 * MS, 3_000 * MS);
        match self.dice.between(0, 7) {
            0 | 1 if self.master.up => {
                self.master.die(&mut self.dice);
                self.writing = false;
                self.callers.clear();
                self.after(lasting, Event::MasterStarts);
            }
            2 if self.nodes[node].up => {
                let computer = self.dice.chance(50);
                self.nodes[node].die(computer);
                self.pending.retain(|caller, _| caller.computer() != Some(node));
                self.after(lasting, Event::NodeStarts(node));
            }
            3 => {
                self.cut.insert(node);
                self.after(lasting, Event::LinkMended(node));
            }
            4 => {
                let deeds = self.nodes[node].lose_program(&mut self.dice);
                self.carry_out(node, deeds);
            }
            5 if self.master.up && self.master.unwritten() > 0 => {
                self.writing = false;
                if !self.master.fail_sync(&mut self.dice) {
                    self.callers.clear();
                    self.after(lasting, Event::MasterStarts);
                }
            }
            6 if self.master.up => {
                let answers = self.master.take_over(&mut self.dice)?;
                self.answer(answers)?;
                self.writing = false;
                self.witness.restart(&self.master)?;
                let late = self.dice.between(MS, 500 * MS);
                self.after(late, Event::WrittenLate);
            }
            _ => {
                let hour = 3_600_000_000;
                self.master.clock_offset += self.dice.pick(&[-hour, hour]);
            }
        }
        let next = self.dice.between(100 * MS, 1_500 * MS);
        self.after(next, Event::Fault);
        Ok(())
    }
}

impl From<Unreadable> for Violation {
    fn from(why: Unreadable) -> Self {
        Self { rule: "the journal can be replayed", what: why.to_string() }
    }
}
