//! The past: what happened, and the state as it was. Both are read from the journal, in threads
//! that may block; nothing here holds the world's lock while it reads.
//!
//! Bounds: each reading ends by itself ([`READ_TIME_MAX`]), and when its caller hangs up; one state of the past is made at a
//! time, so that the past costs at most one more world; a page of the history is bounded in
//! entries and in bytes.

use std::{
    sync::{Arc, Weak},
    time::{Duration, Instant},
};

use slapos_core::{
    explain::roughly,
    names::{ComputerId, InstanceId, PersonId, Revision, Title},
    policy::Policy,
    refusal::Refusal,
    world::World,
    write::Entry,
};
use slapos_wire::v1::{self, At, HistoryAsk};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::spawn_blocking,
    time::timeout,
};

use super::{List, Piece, Service, ServiceError, read};
use crate::{clock::now, documents, store::Journal};

/// How long one reading may take, the waiting for its turn included. Less than a call may.
const READ_TIME_MAX: Duration = Duration::from_secs(20);
/// States of the past that are made at once.
const WORLDS_MAX: usize = 1;
/// Histories that are read at once.
const READERS_MAX: usize = 8;
/// Entries that are read from the journal in one go.
const STRIDE: usize = 256;
/// The most entries in one page of the history.
const ENTRIES_MAX: usize = 10_000;
/// Texts of errors in one page, in bytes; beyond that the page ends.
const TEXTS_MAX: usize = 16 << 20;
/// Entries about one title that are read by the index; beyond that the journal is searched.
const TITLED_MAX: usize = 1000;

/// Why the past cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum PastError {
    /// Nothing had happened yet.
    #[error("nothing is known of that time: the journal begins later, {} ago", roughly(*.0))]
    BeforeJournal(Duration),
    /// It is still to come.
    #[error("that is still to come: the newest revision is {}", .0.0)]
    NotYet(Revision),
    /// The journal is too long to be read so far in the time that one call may take.
    #[error("the journal is too long for that: after {} s the search was at revision {}", READ_TIME_MAX.as_secs(), .0.0)]
    TooFar(Revision),
}

impl PastError {
    /// Stable name of the error.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::BeforeJournal(_) => "before-journal",
            Self::NotYet(_) => "not-yet",
            Self::TooFar(_) => "too-far",
        }
    }

    /// What the asker can do.
    pub(crate) fn hint(&self) -> String {
        match self {
            Self::BeforeJournal(age) => {
                format!("ask for rev:1 or later, or for less than {} ago", roughly(*age))
            }
            Self::NotYet(newest) => format!("ask for rev:{} or earlier", newest.0),
            Self::TooFar(_) => "for a state, ask for an earlier time; for history, name a title, \
                                 or search older entries with `before`"
                .into(),
        }
    }
}

/// Whose turn it is to read the past.
#[derive(Debug)]
pub(super) struct Turns {
    worlds: Arc<Semaphore>,
    readers: Arc<Semaphore>,
}

impl Default for Turns {
    fn default() -> Self {
        let turns = |max| Arc::new(Semaphore::new(max));
        Self { worlds: turns(WORLDS_MAX), readers: turns(READERS_MAX) }
    }
}

impl Service {
    /// A page of the history, oldest first.
    pub async fn history(&self, ask: HistoryAsk) -> Result<Vec<v1::HistoryEntry>, ServiceError> {
        let (newest, _) = self.present().await?;
        let turns = &self.inner.turns.readers;
        self.reading(turns, newest, move |reading| reading.history(&ask)).await
    }

    /// What happened beyond a revision, oldest first: the next changes; none when there are none yet.
    pub(crate) async fn changes_since(
        &self,
        since: Revision,
    ) -> Result<Vec<v1::Change>, ServiceError> {
        let (newest, _) = self.present().await?;
        if since >= newest {
            return Ok(vec![]);
        }
        let work = move |reading: &Reading| {
            // of a state that a backup replaced, there may be no such entry
            let since = reading.journal.before(since, 0).map_err(ServiceError::Journal)?;
            Ok(reading.tail(since, STRIDE)?.iter().map(documents::change).collect())
        };
        self.reading(&self.inner.turns.readers, newest, work).await
    }

    /// Computers as they were, in order of name.
    pub async fn computers_at(
        &self,
        piece: Piece<ComputerId>,
        at: At,
    ) -> Result<List<v1::Computer>, ServiceError> {
        let show = move |world: &World| {
            Ok(piece.of(read::sites(world, &piece), |site| documents::computer(world, site)))
        };
        self.look_back(at, show).await
    }

    /// One computer as it was.
    pub async fn computer_at(
        &self,
        computer: ComputerId,
        at: At,
    ) -> Result<v1::Computer, ServiceError> {
        let show = move |world: &World| Ok(documents::computer(world, world.site(&computer)?));
        self.look_back(at, show).await
    }

    /// Instances as they were, oldest first: all, those of a title, or the one of an identity.
    pub async fn instances_at(
        &self,
        title: Option<Title>,
        id: Option<InstanceId>,
        piece: Piece<InstanceId>,
        at: At,
    ) -> Result<List<v1::Instance>, ServiceError> {
        let show = move |world: &World| {
            Ok(read::chosen(world, title.as_ref(), id, &piece, &documents::unheard))
        };
        self.look_back(at, show).await
    }

    /// The tree below the root of a title as it was, without processes.
    pub async fn tree_at(
        &self,
        person: PersonId,
        title: Title,
        at: At,
    ) -> Result<v1::Tree, ServiceError> {
        let show = move |world: &World| {
            let root = read::titled_root(world, &person, &title)?;
            let instances = documents::descend(world, root, &documents::unheard);
            Ok(v1::Tree { instances, processes: [].into() })
        };
        self.look_back(at, show).await
    }

    /// Shows something of the world as it was.
    async fn look_back<T: Send + 'static>(
        &self,
        at: At,
        show: impl FnOnce(&World) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, ServiceError> {
        let (newest, policy) = self.present().await?;
        let work = move |reading: &Reading| Ok(show(&reading.world(at, policy)?)?);
        self.reading(&self.inner.turns.worlds, newest, work).await
    }

    /// The newest revision, which is durable then, and the rules.
    async fn present(&self) -> Result<(Revision, Policy), ServiceError> {
        self.read(|world| Ok((world.revision(), world.policy().clone()))).await
    }

    /// Reads the journal in a thread that may block, when it is its turn.
    async fn reading<T: Send + 'static>(
        &self,
        turns: &Arc<Semaphore>,
        newest: Revision,
        work: impl FnOnce(&Reading) -> Result<T, ServiceError> + Send + 'static,
    ) -> Result<T, ServiceError> {
        let end = Instant::now() + READ_TIME_MAX;
        let turn = timeout(READ_TIME_MAX, Arc::clone(turns).acquire_owned()).await;
        let turn: OwnedSemaphorePermit =
            turn.map_err(|_| ServiceError::Busy)?.map_err(|_| ServiceError::Ending)?;
        let caller = Arc::new(());
        let journal = self.inner.journal.clone();
        let reading = Reading { journal, newest, end, caller: Arc::downgrade(&caller) };
        let work = move || {
            let _turn = turn; // its turn ends with the thread, whether or not the caller waited
            work(&reading)
        };
        let done = spawn_blocking(work).await;
        drop(caller);
        done.map_err(|_| ServiceError::Ending)?
    }
}

/// One reading of the journal. Blocks on the disk.
#[derive(Debug)]
struct Reading {
    journal: Journal,
    /// The newest revision of which anything may be shown.
    newest: Revision,
    end: Instant,
    /// Nobody waits for it any more when this is dead.
    caller: Weak<()>,
}

impl Reading {
    /// The world as it was: every entry up to there, applied in order.
    fn world(&self, at: At, policy: Policy) -> Result<World, ServiceError> {
        let to_come = match at {
            At::Time(time) => time > now(),
            At::Revision(revision) => revision > self.newest,
        };
        if to_come {
            return Err(PastError::NotYet(self.newest).into());
        }
        let later = |entry: &Entry| match at {
            At::Time(time) => entry.at > time,
            At::Revision(revision) => entry.revision > revision,
        };
        let mut world = World::default().with_policy(policy);
        'journal: loop {
            let entries = self.tail(world.revision(), STRIDE)?;
            if entries.is_empty() {
                break;
            }
            for entry in &entries {
                if later(entry) || entry.revision > self.newest {
                    break 'journal;
                }
                world.commit(entry).map_err(|error| ServiceError::Journal(error.into()))?;
            }
            self.in_time(world.revision())?;
        }
        if world.revision() == Revision(0) {
            let first = self.tail(Revision(0), 1)?.first().map_or_else(now, |entry| entry.at);
            let age = Duration::from_micros(now().0.saturating_sub(first.0));
            return Err(PastError::BeforeJournal(age).into());
        }
        Ok(world)
    }

    /// A page of the history: the newest entries that are asked for, oldest first.
    fn history(&self, ask: &HistoryAsk) -> Result<Vec<v1::HistoryEntry>, ServiceError> {
        let mut page = Page::new(ask);
        if let Some(title) = &ask.title {
            let titled = self.journal.history(Some(title), TITLED_MAX);
            let titled = titled.map_err(ServiceError::Journal)?;
            let complete = titled.len() < TITLED_MAX;
            if titled.iter().rev().any(|entry| page.take(entry)) || complete {
                return Ok(page.oldest_first());
            }
            page = Page::new(ask);
        }
        let mut newest = self.newest.0;
        if let Some(before) = ask.before {
            newest = newest.min(before.0.saturating_sub(1));
        }
        while newest > 0 {
            let stride = page.stride();
            let since = self.journal.before(Revision(newest), stride);
            let since = since.map_err(ServiceError::Journal)?;
            let entries = self.tail(since, stride)?;
            let mut newest_first = entries.iter().rev().filter(|entry| entry.revision.0 <= newest);
            if newest_first.any(|entry| page.take(entry)) {
                break;
            }
            newest = since.0;
            match self.in_time(since) {
                Err(error) if page.found.is_empty() => return Err(error),
                Err(_) => break,
                Ok(()) => {}
            }
        }
        Ok(page.oldest_first())
    }

    fn tail(&self, since: Revision, limit: usize) -> Result<Vec<Entry>, ServiceError> {
        self.journal.tail(since, limit).map_err(ServiceError::Journal)
    }

    fn in_time(&self, reached: Revision) -> Result<(), ServiceError> {
        // whoever hung up does not hear this
        let goes_on = Instant::now() < self.end && self.caller.strong_count() > 0;
        if goes_on { Ok(()) } else { Err(PastError::TooFar(reached).into()) }
    }
}

/// A page of the history while it is filled, newest entry first.
struct Page<'a> {
    ask: &'a HistoryAsk,
    limit: usize,
    found: Vec<v1::HistoryEntry>,
    text_bytes: usize,
}

impl<'a> Page<'a> {
    fn new(ask: &'a HistoryAsk) -> Self {
        let limit = ask.limit.unwrap_or(ENTRIES_MAX).min(ENTRIES_MAX);
        Self { ask, limit, found: Vec::new(), text_bytes: 0 }
    }

    /// Takes an entry if it is asked for; true when the page is full.
    fn take(&mut self, entry: &Entry) -> bool {
        if self.wants(entry) && self.found.len() < self.limit {
            let shown = documents::history(entry);
            self.text_bytes += shown.error.as_ref().map_or(0, String::len);
            self.found.push(shown);
        }
        self.found.len() >= self.limit || self.text_bytes >= TEXTS_MAX
    }

    fn wants(&self, entry: &Entry) -> bool {
        let HistoryAsk { title, computer, errors, before, limit: _ } = self.ask;
        let note = &entry.note;
        let titled = |title| note.instance.as_ref().is_some_and(|(_, it)| it == title);
        title.as_ref().is_none_or(titled)
            && computer.as_ref().is_none_or(|computer| note.computer.as_ref() == Some(computer))
            && before.is_none_or(|before| entry.revision < before)
            && (!errors || documents::told_error(entry).is_some())
    }

    /// How many entries to read next: no more than needed when each is taken.
    fn stride(&self) -> usize {
        let all = self.ask.title.is_none() && self.ask.computer.is_none() && !self.ask.errors;
        if all { STRIDE.min((self.limit - self.found.len()).max(1)) } else { STRIDE }
    }

    fn oldest_first(mut self) -> Vec<v1::HistoryEntry> {
        self.found.reverse();
        self.found
    }
}

#[cfg(test)]
mod tests {
    use slapos_core::{
        actor::Actor,
        decide::{Ask, Format, decide},
        names::Timestamp,
    };

    use super::*;
    use crate::store::Store;

    #[test]
    fn a_reading_whose_time_is_over_or_caller_gone_ends_with_what_it_found_or_where_it_was() {
        let data = tempfile::TempDir::new().unwrap();
        let (mut store, loaded) = Store::open(&data.path().join("master.sqlite")).unwrap();
        let mut world = loaded.world;
        let computer: ComputerId = "COMP-1".try_into().unwrap();
        let node = Actor::Computer(computer.clone());
        let ask = Ask::Format(Format { computer, partitions: vec![] });
        let decided = decide(&mut world, &ask, &node, "test", Timestamp(1)).unwrap();
        store.commit(&[decided.1.unwrap()]).unwrap();

        let (newest, caller) = (Revision(1), Arc::new(()));
        let reading = |end, caller| Reading { journal: store.journal(), newest, end, caller };
        let later = Instant::now() + Duration::from_secs(3600);
        let errors = HistoryAsk { errors: true, ..HistoryAsk::default() };
        let there = reading(later, Arc::downgrade(&caller));
        assert_eq!(there.history(&errors).unwrap(), [], "its caller waits");
        assert!(there.world(At::Revision(newest), Policy::default()).is_ok());
        let over = reading(Instant::now(), Arc::downgrade(&caller));
        let gone = reading(later, Weak::new());
        for reading in [over, gone] {
            assert_eq!(reading.history(&HistoryAsk::default()).unwrap().len(), 1);
            let searched = reading.history(&errors).map(|_| ());
            let made = reading.world(At::Revision(newest), Policy::default()).map(|_| ());
            for (outcome, reached) in [(searched, 0), (made, 1)] {
                let Err(ServiceError::Past(PastError::TooFar(revision))) = outcome else {
                    panic!("{outcome:?}");
                };
                assert_eq!(revision, Revision(reached));
            }
        }
    }
}
