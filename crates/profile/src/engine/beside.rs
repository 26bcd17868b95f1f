//! Installs the parts of a release: those that do not refer to each other beside each other, a few at a time.
//!
//! Only long steps run on threads, and they touch nothing but what is their part's own; all else, and so whatever
//! parts share, is done here, one after the other. What is finished is in the state file before anything else begins.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use camino::Utf8Path;
use indexmap::IndexMap;

use super::installer::{Installer, Step};
use super::{Engine, Slow, Teller};
use crate::error::{Code, Error, Result};
use crate::files::settle;
use crate::host::{PartProgress, Progress};

/// More threads than processors, for most of them wait for the network, and fewer than any mirror minds.
const STEPS_MAX: usize = 4;
/// So much progress may be unheard; more is lost, which harms nothing.
const UNHEARD_MAX: usize = 64;

/// Who hears of progress may pass some of it over, but not for longer.
const TELL_AGAIN: Duration = Duration::from_secs(1);

/// What a thread says.
enum Word {
    Progress(PartProgress),
    End(String, Result<()>),
}

/// Installs all parts. After a failure no further part begins; those that run come to their end.
pub(super) fn install(
    installer: &mut Installer,
    engine: &mut Engine<'_>,
    logs: &Utf8Path,
) -> Result<()> {
    let (say, words) = sync_channel(UNHEARD_MAX);
    thread::scope(|threads| {
        let start = |name: String, slow: Slow| {
            let (say, log) = (say.clone(), logs.join(log_name(&name)));
            threads.spawn(move || {
                let result = catch_unwind(AssertUnwindSafe(|| labour(&name, slow, &log, &say)));
                let broken = |_| Err(Error::new(Code::Host, "this program broke off: a bug of it"));
                let result = result.unwrap_or_else(broken);
                let _nobody = say.send(Word::End(name, result));
            });
        };
        let total = engine.order.len() as u64;
        let run = Run {
            open: engine.order.clone(),
            waits: engine.predecessors(),
            running: IndexMap::new(),
            failed: Vec::new(),
            total,
            words,
        };
        run.through(installer, engine, &start)
    })
}

/// One long step on its thread.
fn labour(name: &str, slow: Slow, log: &Utf8Path, say: &SyncSender<Word>) -> Result<()> {
    let mut hear = |text: &str, done, total| {
        let (part, text) = (name.to_owned(), text.to_owned());
        let _lost = say.try_send(Word::Progress(PartProgress { part, text, done, total }));
    };
    let result = Teller::with_log(log, &mut hear).and_then(|mut teller| {
        let result = slow.run(&mut teller);
        let end = result.as_ref().map_or_else(Error::report, |()| "done".to_owned());
        teller.say(format!("{end}\n").as_bytes());
        result
    });
    result.map_err(|error| error.during(format!("while it worked beside others; its log is {log}")))
}

/// The name of a part's log: a section may have any name, and no two parts one log.
fn log_name(part: &str) -> String {
    format!("{}.log", part.replace('%', "%25").replace('/', "%2F"))
}

/// Which parts are where.
struct Run {
    /// Not begun, in their order.
    open: Vec<Rc<str>>,
    /// Parts that must be finished before.
    waits: HashMap<Rc<str>, Vec<Rc<str>>>,
    running: IndexMap<String, (Step, PartProgress)>,
    failed: Vec<Error>,
    total: u64,
    /// Goes away with this: whoever still speaks then is not heard, and does not wait.
    words: Receiver<Word>,
}

impl Run {
    fn through(
        mut self,
        installer: &mut Installer,
        engine: &mut Engine<'_>,
        start: &dyn Fn(String, Slow),
    ) -> Result<()> {
        loop {
            while let Some(name) = self.next() {
                let Some(mut step) = installer.begin(engine, &name) else { continue };
                let slow = step.slow();
                installer.announce(&step)?;
                let Some(slow) = slow else {
                    self.failed.extend(installer.end(engine, step, Ok(())).err());
                    continue;
                };
                let (part, text) = (name.to_string(), "begin".to_owned());
                let progress = PartProgress { part: part.clone(), text, done: 0, total: 0 };
                self.running.insert(part.clone(), (step, progress));
                // An interrupted step must not pass for a finished one.
                self.save(installer, engine)?;
                self.tell(engine);
                start(part, slow);
            }
            if self.running.is_empty() {
                return Error::of(self.failed).map_or(Ok(()), Err);
            }
            let Ok(word) = self.words.recv_timeout(TELL_AGAIN) else {
                self.tell(engine);
                continue;
            };
            match word {
                Word::Progress(progress) => {
                    if let Some((_, known)) = self.running.get_mut(&progress.part) {
                        *known = progress;
                        self.tell(engine);
                    }
                }
                Word::End(name, result) => {
                    let Some((step, _)) = self.running.shift_remove(&name) else { continue };
                    self.failed.extend(installer.end(engine, step, result).err());
                    settle(&engine.job.directory)?; // what the saved state vouches for
                    self.save(installer, engine)?;
                    self.tell(engine);
                }
            }
        }
    }

    /// The next part that can begin.
    fn next(&mut self) -> Option<Rc<str>> {
        if !self.failed.is_empty() || self.running.len() >= STEPS_MAX {
            return None;
        }
        let finished =
            |name: &Rc<str>| !self.open.contains(name) && !self.running.contains_key(&**name);
        let ready = |name: &Rc<str>| self.waits[name].iter().all(finished);
        let at = self.open.iter().position(ready)?;
        Some(self.open.remove(at))
    }

    fn save(&self, installer: &mut Installer, engine: &Engine<'_>) -> Result<()> {
        let steps = self.running.values().map(|(step, _)| step);
        installer.save(steps, &engine.job.state_file)
    }

    fn tell(&self, engine: &mut Engine<'_>) {
        let unfinished = (self.open.len() + self.running.len()) as u64;
        let running: Vec<_> = self.running.values().map(|(_, progress)| progress.clone()).collect();
        if !running.is_empty() {
            let finished = self.total.saturating_sub(unfinished);
            engine.host.progress(&Progress { running, finished, total: self.total });
        }
    }
}

impl Engine<'_> {
    /// For each part those before it to which it refers, directly or through sections without recipe. A part that
    /// refers back to one before it is in a circle, which the order has cut.
    fn predecessors(&self) -> HashMap<Rc<str>, Vec<Rc<str>>> {
        let waits = |at: usize, name: &Rc<str>| {
            let below = self.parts_below(name);
            self.order[..at].iter().filter(|part| below.contains(*part)).cloned().collect()
        };
        let order = self.order.iter().enumerate();
        order.map(|(at, name)| (Rc::clone(name), waits(at, name))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_parts_have_one_log() {
        let table = [
            ("apache", "apache.log"),
            ("a_b", "a_b.log"),
            ("a/b", "a%2Fb.log"),
            ("a%2Fb", "a%252Fb.log"),
        ];
        for (part, expected) in table {
            assert_eq!(log_name(part), expected);
        }
    }
}
