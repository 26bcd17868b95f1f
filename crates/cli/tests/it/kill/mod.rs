//! The kill test: 10,000 mixed calls from 64 connections while the master is killed (`kill -9`) and
//! started again; then a checker looks through the recorded history. Rounds begin anew each.
//!
//! The long one: `SLAPOS_KILL_ROUNDS=200 cargo test -p slapos --test it kill:: -- --nocapture`, a quarter
//! of an hour. `SLAPOS_KILL_SEED` begins with another seed than 1.

mod history;
mod v1;

use std::{
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    thread::sleep,
    time::Duration,
};

use camino::Utf8PathBuf;
use slapos_wire::v1::Instance;

use self::{
    history::{Outcome, Record, Write, violations},
    v1::{Face, GONE, connection_of},
};
use crate::{
    cloud::{Said, slapos},
    master::Master,
};

const WORKERS: usize = 64;
const CALLS: usize = 10_000;
const KILLS: usize = 3;
const COMPUTERS: usize = 4;
/// Fewer than there are instances, so that some wait for others to go.
const PARTITIONS: usize = 32;
/// Instances that everybody requests.
const SHARED: usize = 20;
/// Instances of its own that a worker has at once.
const LIVE_MAX: usize = 2;

#[test]
fn nothing_acknowledged_is_lost_doubled_or_taken_back_however_often_the_master_is_killed() {
    let number = |name| std::env::var_os(name).and_then(|text| text.to_str()?.parse().ok());
    let (rounds, seed) = (number("SLAPOS_KILL_ROUNDS"), number("SLAPOS_KILL_SEED"));
    let first: u64 = seed.unwrap_or(1);
    for seed in first..first + rounds.unwrap_or(2) {
        let said = round(seed);
        println!("seed {seed}: {said}");
    }
}

/// One round; panics when something does not hold.
fn round(seed: u64) -> String {
    let directory = tempfile::Builder::new().prefix("slapos-test-").tempdir_in("/tmp").unwrap();
    let data = Utf8PathBuf::from_path_buf(directory.path().join("data")).unwrap();
    let mut master = Some(Master::on(&data));
    let url = master.as_ref().unwrap().url.clone();
    for number in 0..COMPUTERS {
        Face::new(&url).add_computer(&format!("COMP-{number}"), PARTITIONS);
    }
    let run = Run::default();
    std::thread::scope(|scope| {
        for worker in 0..WORKERS {
            let (run, url) = (&run, &url);
            scope.spawn(move || Worker::new(worker, seed, run, url).work());
        }
        let mut dice = Dice(seed);
        for kill in 0..KILLS {
            let at = (CALLS / KILLS) * kill + dice.below(CALLS / KILLS);
            while run.calls.load(Ordering::Relaxed) < at {
                sleep(Duration::from_millis(1));
            }
            run.down.store(true, Ordering::Relaxed);
            master.take().unwrap().kill();
            master = Some(Master::again(&data, &url));
            run.down.store(false, Ordering::Relaxed);
        }
    });
    master.take().unwrap().kill();
    let checked: Said = slapos().args(["master", "check", data.as_str()]).output().unwrap().into();
    assert_eq!(checked.code, 0, "seed {seed}: {checked:?}");
    let last = Master::again(&data, &url);
    run.call(None, || Face::new(&url).list(&run.titles.lock().unwrap().clone()));
    drop(last);

    let history = run.history.into_inner().unwrap();
    let found = violations(&history);
    assert!(
        found.is_empty(),
        "seed {seed}: {} violations: {:#?}",
        found.len(),
        &found[..found.len().min(20)]
    );
    let count =
        |wanted: fn(&Outcome) -> bool| history.iter().filter(|it| wanted(&it.outcome)).count();
    let (unknown, refused) =
        (count(|it| matches!(it, Outcome::Unknown)), count(|it| matches!(it, Outcome::Refused)));
    format!("{} calls, {unknown} without an answer, {refused} refused", history.len())
}

/// What the workers of a round share.
#[derive(Default)]
struct Run {
    stamps: AtomicU64,
    calls: AtomicUsize,
    down: AtomicBool,
    history: Mutex<Vec<Record>>,
    /// All titles that were ever requested.
    titles: Mutex<Vec<String>>,
}

impl Run {
    fn stamp(&self) -> u64 {
        self.stamps.fetch_add(1, Ordering::SeqCst)
    }

    /// Makes a call and records it.
    fn call(&self, write: Option<Write>, call: impl FnOnce() -> Outcome) {
        let began = self.stamp();
        let outcome = call();
        let ended = self.stamp();
        self.history.lock().unwrap().push(Record { began, ended, write, outcome });
    }
}

/// An instance that its worker alone changes.
struct Own {
    title: String,
    level: u64,
    published: u64,
    /// As it was last seen; `None` when that is not known.
    seen: Option<Box<Instance>>,
}

struct Worker<'a> {
    name: usize,
    dice: Dice,
    run: &'a Run,
    face: Face,
    made: usize,
    live: Vec<Own>,
}

impl<'a> Worker<'a> {
    fn new(name: usize, seed: u64, run: &'a Run, url: &str) -> Self {
        let dice = Dice(seed.wrapping_mul(1_000_003).wrapping_add(name as u64));
        Self { name, dice, run, face: Face::new(url), made: 0, live: Vec::new() }
    }

    fn work(mut self) {
        while self.run.calls.fetch_add(1, Ordering::Relaxed) < CALLS {
            while self.run.down.load(Ordering::Relaxed) {
                sleep(Duration::from_millis(1));
            }
            match self.dice.below(100) {
                0..30 => self.request(),
                30..40 => self.request_shared(),
                40..55 => self.publish(),
                55..63 => self.destroy(),
                63..90 => self.read(),
                90..93 => self.list(),
                _ => self.run.call(None, || self.face.health()),
            }
        }
    }

    fn request(&mut self) {
        if self.live.len() < LIVE_MAX {
            let title = format!("own-{}-{}", self.name, self.made);
            self.made += 1;
            self.run.titles.lock().unwrap().push(title.clone());
            self.live.push(Own { title, level: 0, published: 0, seen: None });
        }
        let chosen = self.dice.below(self.live.len());
        let (own, face) = (&mut self.live[chosen], &self.face);
        own.level += 1;
        let write = Write { register: own.title.clone(), level: own.level, last: false };
        self.run.call(Some(write), || {
            let (outcome, seen) = face.request(&own.title, own.level);
            own.seen = seen;
            outcome
        });
    }

    fn request_shared(&mut self) {
        let title = format!("shared-{}", self.dice.below(SHARED));
        let write = Write { register: title.clone(), level: 1, last: false };
        self.run.call(Some(write), || self.face.request(&title, 1).0);
    }

    /// Its node says that it runs, and publishes the next level.
    fn publish(&mut self) {
        let placed = |own: &Own| own.seen.as_ref().is_some_and(|it| it.partition.is_some());
        let Some(own) = self.live.iter_mut().find(|own| placed(own)) else { return self.read() };
        let Some(seen) = &own.seen else { return };
        own.published += 1;
        let register = connection_of(&own.title);
        let write = Write { register, level: own.published, last: false };
        self.run.call(Some(write), || self.face.report(seen, own.published));
    }

    /// Destroys the oldest; its node confirms.
    fn destroy(&mut self) {
        if self.live.len() < LIVE_MAX {
            return self.request();
        }
        let own = self.live.remove(0);
        let (run, face) = (self.run, &self.face);
        let write = Write { register: own.title.clone(), level: GONE, last: true };
        let mut seen = None;
        run.call(Some(write), || {
            let (outcome, shown) = face.destroy(&own.title);
            seen = shown;
            outcome
        });
        if let Some(seen) = seen.filter(|seen| seen.partition.is_some()) {
            run.call(None, || face.report(&seen, own.published));
        }
    }

    /// Reads an instance of anybody, or one of its own again.
    fn read(&mut self) {
        let own = self.live.iter_mut().find(|own| own.seen.is_none());
        if let Some(own) = own {
            return self.run.call(None, || {
                let (outcome, seen) = self.face.read(&own.title);
                own.seen = seen;
                outcome
            });
        }
        let title = {
            let titles = self.run.titles.lock().unwrap();
            // the newest are the ones that change
            let back = self.dice.below(2 * WORKERS);
            titles.iter().rev().nth(back).cloned()
        };
        let title = title.unwrap_or_else(|| "shared-0".into());
        self.run.call(None, || self.face.read(&title).0);
    }

    fn list(&mut self) {
        let titles = self.run.titles.lock().unwrap().clone();
        self.run.call(None, || self.face.list(&titles));
    }
}

/// Numbers that a seed determines (splitmix64).
struct Dice(u64);

impl Dice {
    /// A number below `end`.
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % end as u64).expect("it is below a usize")
    }
}
