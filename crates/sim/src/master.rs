//! The master: real decisions, a journal that may lose its end, answers that wait for it.
//!
//! The rules R1 to R8 of the store are those that `slapos_master::store` names.

use slapos_core::{
    actor::Actor,
    decide::{Answer, Ask, DecideError, Requester, decide},
    names::{ComputerId, Revision, Timestamp, WishedState},
    world::World,
    write::Entry,
};
use slapos_master::documents;

use crate::{
    Defect,
    network::{Call, CallId, Dice, Moment, Reply},
};

/// An answer, and the revision that must be durable before it leaves.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) call: CallId,
    pub(crate) reply: Reply,
    pub(crate) revision: Revision,
}

#[derive(Debug)]
struct Watcher {
    call: CallId,
    computer: ComputerId,
    since: Revision,
}

/// The master, up or not.
#[derive(Debug)]
pub(crate) struct Master {
    pub(crate) up: bool,
    /// Counts its lives: what was begun in an older one is void.
    pub(crate) life: u64,
    pub(crate) world: World,
    /// The disk: entries, one a line.
    journal: Vec<u8>,
    /// The newest revision on the disk.
    durable: Revision,
    /// Entries on their way to the disk.
    buffer: Vec<Entry>,
    waiting: Vec<Answered>,
    watchers: Vec<Watcher>,
    /// What a master that was taken over has on its way to the disk, and who waits for that.
    deposed: Vec<(Vec<Entry>, Vec<Answered>)>,
    /// An answer that contradicts the world.
    pub(crate) contradiction: Option<String>,
    /// What its clock shows besides the time that passed.
    pub(crate) clock_offset: i64,
    defect: Option<Defect>,
}

/// A start that did not give back what had been acknowledged.
#[derive(Debug, thiserror::Error)]
#[error("the journal cannot be replayed: {0}")]
pub(crate) struct Unreadable(String);

impl Master {
    pub(crate) fn new(defect: Option<Defect>) -> Self {
        Self {
            up: true,
            life: 0,
            world: World::default(),
            journal: vec![],
            durable: Revision(0),
            buffer: vec![],
            waiting: vec![],
            watchers: vec![],
            deposed: vec![],
            contradiction: None,
            clock_offset: 1_700_000_000_000_000,
            defect,
        }
    }

    /// Takes a call; returns the answers that may leave now.
    pub(crate) fn take(&mut self, now: Moment, id: CallId, call: &Call) -> Vec<Answered> {
        match call {
            Call::Ask(ask, actor) => {
                let reply = self.decide(now, ask, actor);
                self.answer(id, reply);
                self.tell_news();
            }
            Call::Watch(computer, since) => {
                let (computer, since) = (computer.clone(), *since);
                self.watchers.push(Watcher { call: id, computer, since });
                self.tell_news();
            }
        }
        self.leave()
    }

    /// The number of entries that are on their way to the disk.
    pub(crate) fn unwritten(&self) -> usize {
        self.buffer.len()
    }

    /// Everything that was on its way is on the disk now; returns the answers that may leave.
    pub(crate) fn written(&mut self) -> Vec<Answered> {
        for entry in std::mem::take(&mut self.buffer) {
            self.append(&entry);
        }
        self.leave()
    }

    /// Ends every watch: each caller asks again.
    pub(crate) fn end_watches(&mut self) -> Vec<Answered> {
        for Watcher { call, computer, since } in std::mem::take(&mut self.watchers) {
            let reply = self.news(&computer, since).map_or(Reply::Refused, |it| it.0);
            self.answer(call, reply);
        }
        self.leave()
    }

    /// Dies. Of what was on its way some entries are whole on the disk, and the next one is torn.
    pub(crate) fn die(&mut self, dice: &mut Dice) {
        self.up = false;
        self.life += 1;
        self.waiting.clear();
        self.watchers.clear();
        let mut lost = std::mem::take(&mut self.buffer).into_iter();
        while let Some(entry) = lost.next().filter(|_| dice.chance(50)) {
            self.append(&entry);
        }
        if let Some(entry) = lost.next() {
            let whole = line(&entry);
            let torn = usize::try_from(dice.between(0, whole.len() as u64 - 1)).unwrap_or(0);
            self.journal.extend(&whole[..torn]);
        }
    }

    /// The disk fails a sync: whether what was on its way is there, nobody knows (R5). True when the
    /// master lives on.
    pub(crate) fn fail_sync(&mut self, dice: &mut Dice) -> bool {
        if self.defect == Some(Defect::GoOnAfterFailedSync) {
            self.buffer.clear();
            return true;
        }
        self.die(dice);
        false
    }

    /// Another master takes over, by raising the epoch. What the old one has on its way arrives
    /// before that, or too late. Returns the answers of the old one that may leave.
    pub(crate) fn take_over(&mut self, dice: &mut Dice) -> Result<Vec<Answered>, Unreadable> {
        let read_before =
            (self.defect == Some(Defect::ReadBeforeTakeover)).then(|| self.replayed());
        let answers = if dice.chance(50) { self.written() } else { vec![] };
        let late = (std::mem::take(&mut self.buffer), std::mem::take(&mut self.waiting));
        self.deposed.push(late);
        self.life += 1;
        self.watchers.clear();
        self.world = read_before.unwrap_or_else(|| self.replayed())?;
        self.durable = self.world.revision();
        Ok(answers)
    }

    /// What a master that was taken over wrote arrives at the disk, which has another epoch: the
    /// write fails as a whole, and nobody is answered (R1).
    pub(crate) fn written_late(&mut self) -> Vec<Answered> {
        let (entries, waiting) = self.deposed.pop().unwrap_or_default();
        if self.defect != Some(Defect::WriteWhenDeposed) {
            return vec![];
        }
        entries.iter().for_each(|entry| self.journal.extend(line(entry)));
        waiting
    }

    /// Starts from what is on the disk; a torn end is cut.
    pub(crate) fn start(&mut self) -> Result<(), Unreadable> {
        let whole = self.journal.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        self.journal.truncate(whole);
        self.world = self.replayed()?;
        self.durable = self.world.revision();
        self.up = true;
        Ok(())
    }

    /// The world that the journal on the disk tells of.
    pub(crate) fn replayed(&self) -> Result<World, Unreadable> {
        let mut world = World::default();
        for text in self.journal.split(|byte| *byte == b'\n').filter(|text| !text.is_empty()) {
            let entry: Entry =
                serde_json::from_slice(text).map_err(|why| Unreadable(why.to_string()))?;
            world.commit(&entry).map_err(|why| Unreadable(why.to_string()))?;
        }
        Ok(world)
    }

    /// The newest revision on the disk.
    pub(crate) fn durable(&self) -> Revision {
        self.durable
    }

    fn append(&mut self, entry: &Entry) {
        self.journal.extend(line(entry));
        self.durable = entry.revision;
    }

    fn decide(&mut self, now: Moment, ask: &Ask, actor: &Actor) -> Reply {
        let at = Timestamp(now.saturating_add_signed(self.clock_offset));
        match decide(&mut self.world, ask, actor, "simulation", at) {
            Ok((answer, entry)) => {
                self.buffer.extend(entry);
                let reply = self.show(&answer);
                self.check_destroyed(ask, &reply);
                reply
            }
            Err(DecideError::Refused(_)) => Reply::Refused,
            // The world is broken; the invariants say how.
            Err(DecideError::Broken(_)) => Reply::Refused,
        }
    }

    fn show(&self, answer: &Answer) -> Reply {
        let revision = self.world.revision();
        match answer {
            Answer::Done | Answer::Computer(_) | Answer::Person(_) => Reply::Done(revision),
            Answer::Stale => Reply::Stale(revision),
            Answer::Overtaken => Reply::Overtaken(revision),
            Answer::Absent if self.defect == Some(Defect::CallAbsentDone) => Reply::Done(revision),
            Answer::Absent => Reply::Absent,
            Answer::Instance(id) => self
                .world
                .instance(*id)
                .map_or(Reply::Absent, |it| Reply::Instance(*id, (*it.connection).clone())),
        }
    }

    /// "Done" is durable from a revision on, after which nothing of that name comes up; of what was
    /// not there, nobody can say that: the next caller may create it (R8).
    fn check_destroyed(&mut self, ask: &Ask, reply: &Reply) {
        let there = match ask {
            Ask::Wish(ask) if ask.state == WishedState::Destroyed => self.world.instance(ask.id),
            Ask::Request(ask) if ask.state == Some(WishedState::Destroyed) => {
                match &ask.requester {
                    Requester::Person(person) => self.world.root(person, &ask.title),
                    Requester::Instance(_) => return,
                }
            }
            _ => return,
        };
        if there.is_none() && matches!(reply, Reply::Done(_)) {
            self.contradiction = Some(format!("{reply:?} to {ask:?}"));
        }
    }

    fn answer(&mut self, call: CallId, reply: Reply) {
        self.waiting.push(Answered { call, reply, revision: self.world.revision() });
    }

    fn tell_news(&mut self) {
        let (mut quiet, mut told) = (vec![], vec![]);
        for watcher in std::mem::take(&mut self.watchers) {
            match self.news(&watcher.computer, watcher.since) {
                Some((_, false)) => quiet.push(watcher),
                Some((reply, true)) => told.push((watcher.call, reply)),
                None => told.push((watcher.call, Reply::Refused)),
            }
        }
        self.watchers = quiet;
        for (call, reply) in told {
            self.answer(call, reply);
        }
    }

    /// What a computer must hear, and whether that is anything; `None` for an unknown one.
    fn news(&self, computer: &ComputerId, since: Revision) -> Option<(Reply, bool)> {
        let site = self.world.site(computer).ok()?;
        let mut watch = documents::watch(&self.world, site, since, false);
        if self.defect == Some(Defect::ForgetNews) && !watch.complete {
            watch.partitions.clear();
        }
        let any = watch.complete || !watch.partitions.is_empty() || !watch.supplies.is_empty();
        Some((Reply::News(Box::new(watch)), any))
    }

    fn leave(&mut self) -> Vec<Answered> {
        let early = self.defect == Some(Defect::AnswerEarly);
        let durable = self.durable;
        self.waiting.extract_if(.., |it| early || it.revision <= durable).collect()
    }
}

fn line(entry: &Entry) -> Vec<u8> {
    let mut line = serde_json::to_vec(entry).expect("an entry is plain data");
    line.push(b'\n');
    line
}
