//! An agent that was too slow for the supervisor's events looks at everything itself.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    os::unix::net::{UnixListener, UnixStream},
    sync::{Arc, Mutex},
    thread,
};

use crate::{
    bench::Bench,
    shared::{Agent, release, tells, wish},
    stand_in::StandIn,
};

/// Stands between an agent and its supervisor, and loses every event.
#[derive(Clone, Default)]
struct Lossy {
    subscribers: Arc<Mutex<Vec<UnixStream>>>,
}

impl Lossy {
    fn start(bench: &Bench) -> Self {
        let (face, behind) =
            (bench.base.join("run/supervisor.sock"), bench.base.join("run/behind.sock"));
        fs::rename(&face, &behind).unwrap();
        let listener = UnixListener::bind(&face).unwrap();
        let lossy = Self::default();
        let between = lossy.clone();
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let (between, supervisor) = (between.clone(), UnixStream::connect(&behind));
                thread::spawn(move || between.carry(&client, &supervisor.unwrap()));
            }
        });
        lossy
    }

    /// Carries one question and its answer; of what follows an answer, nothing.
    fn carry(&self, mut client: &UnixStream, mut supervisor: &UnixStream) {
        let mut ask = String::new();
        // Whoever ends a connection early has changed its mind.
        let _asked = BufReader::new(client).read_line(&mut ask);
        let _sent = supervisor.write_all(ask.as_bytes());
        let mut answers = BufReader::new(supervisor).lines();
        if let Some(Ok(answer)) = answers.next() {
            let _answered = client.write_all(format!("{answer}\n").as_bytes());
        }
        if ask.contains("subscribe") {
            self.subscribers.lock().unwrap().push(client.try_clone().unwrap());
            answers.for_each(drop);
        }
    }

    /// Says how many were lost, as a supervisor does to whoever has been too slow.
    fn tell(&self) {
        let subscribers = self.subscribers.lock().unwrap();
        let told = subscribers.iter().filter(|subscriber| {
            let mut subscriber: &UnixStream = subscriber;
            subscriber.write_all(b"{\"event\":\"missed\",\"count\":7}\n").is_ok()
        });
        assert_ne!(told.count(), 0, "nobody listens");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_missed_events_checks_all_partitions_and_reports_them() {
    let bench = Bench::new().await;
    let lossy = Lossy::start(&bench);
    let release = release(&bench);
    let master = StandIn::start(release.clone());
    let node = Agent::start(&bench, &master);
    let guests = [(7, "seven")];
    master.wish(&wish(&release, 1, &guests));
    master.report(false, tells(&guests)).await;

    master.forget();
    lossy.tell();
    master.report(false, tells(&guests)).await; // nothing else makes it report again
    node.stop().await;
}
