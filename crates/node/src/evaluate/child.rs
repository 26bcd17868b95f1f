//! The child's side: runs the profile engine and speaks for it.

use std::io::{self, BufRead, BufReader, Read, Write};

use serde::Serialize;
use slapos_profile::{Eggs, Host, HostError, Progress, RequestAnswer, RequestAsk};

use super::protocol::{FromChild, LINE_BYTES_MAX, ToChild};
use super::{fetch, layout};
use crate::sys;

/// The hidden subcommand `node evaluate`: reads its job from standard input and answers on
/// standard output. Fails only when nobody is at the other end.
///
/// An agent that was killed can end nobody: when its end of our standard output is gone, this
/// process ends itself and all that the profile's commands started in its group.
pub fn child_main() -> io::Result<()> {
    std::thread::Builder::new()
        .name("agent".into())
        .spawn(|| sys::end_with_reader(&io::stdout()))?;
    let mut agent = Agent { from: BufReader::new(io::stdin()), to: io::stdout() };
    let ToChild::Job(job) = agent.listen()? else {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the first word must be the job"));
    };
    layout::before(&job)?;
    let last = match slapos_profile::run(&job, &mut agent) {
        Ok(outcome) => FromChild::Done(Box::new(outcome)),
        Err(error) => FromChild::Failed(error.report()),
    };
    agent.say(&last)
}

/// The other end.
struct Agent {
    from: BufReader<io::Stdin>,
    to: io::Stdout,
}

impl Agent {
    fn say(&mut self, word: &impl Serialize) -> io::Result<()> {
        let mut line = serde_json::to_vec(word)?;
        line.push(b'\n');
        self.to.write_all(&line)?;
        self.to.flush()
    }

    fn listen(&mut self) -> io::Result<ToChild> {
        let mut line = Vec::new();
        (&mut self.from).take(LINE_BYTES_MAX).read_until(b'\n', &mut line)?;
        Ok(serde_json::from_slice(&line)?)
    }

    fn ask(&mut self, question: &FromChild) -> io::Result<ToChild> {
        self.say(question)?;
        self.listen()
    }
}

impl Host for Agent {
    fn fetch(&mut self, url: &str) -> Result<Vec<u8>, HostError> {
        fetch(url)
    }

    fn request(&mut self, ask: &RequestAsk) -> Result<RequestAnswer, HostError> {
        match self.ask(&FromChild::Request(ask.clone())) {
            Ok(ToChild::Answer(answer)) => answer,
            other => Err(silent(other)),
        }
    }

    fn environment(&mut self, eggs: &Eggs) -> Result<(), HostError> {
        match self.ask(&FromChild::Environment(eggs.clone())) {
            Ok(ToChild::Made(made)) => made,
            other => Err(silent(other)),
        }
    }

    fn progress(&mut self, progress: &Progress) {
        // A lost line of progress harms nothing; a lost agent shows at the next word.
        let _lost = self.say(&FromChild::Progress(progress.clone()));
    }
}

/// The other end is gone, or says what was not asked.
fn silent(heard: io::Result<ToChild>) -> HostError {
    let why = heard.map_or_else(|error| error.to_string(), |_| "it says something else".into());
    HostError { message: format!("the node does not answer: {why}"), hint: None }
}
