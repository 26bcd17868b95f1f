//! Replays what was recorded between the unmodified Python client and its masters: our master must
//! answer every call so that the client sees the same (`crates/wire/tests/fixtures`, which has a
//! README). What is answered otherwise on purpose is in [`different`], with the reason; `different.txt` has
//! what exactly differs, and there a replay must find it.

mod compare;
mod different;
mod exchange;
mod hateoas;
mod json_rpc;
mod own;
mod production;

use slapos_core::policy::Policy;
use slapos_master::{FaceSettings, OtherMaster, OtherMasterSettings};

use self::{
    compare::{Memory, differences, is_read},
    different::Different,
    exchange::{Exchange, Request, Response, exchanges, send},
    hateoas::Addresses,
};
use crate::serving::{Running, start_with};

/// How the exchanges of one master are replayed.
struct Replay {
    different: &'static [Different],
    /// What must happen before an exchange.
    before: fn(u16) -> Vec<Request>,
    /// What differs in two marshalled documents, when clients would make something else of them.
    documents: fn(u16, &Response, &Response, &mut Memory) -> Vec<String>,
}

impl Replay {
    /// Replays exchanges in their order; the sentences say what was not as expected.
    async fn run(self, running: &Running, exchanges: Vec<Exchange>) -> Vec<String> {
        let url = format!("http://{}", running.address);
        let work = move || {
            let (mut memory, mut addresses) = (Memory::default(), Addresses::default());
            let one = |it: Exchange| self.one(&url, it, &mut memory, &mut addresses);
            exchanges.into_iter().flat_map(one).collect()
        };
        tokio::task::spawn_blocking(work).await.unwrap()
    }

    fn one(
        &self,
        url: &str,
        mut exchange: Exchange,
        memory: &mut Memory,
        addresses: &mut Addresses,
    ) -> Vec<String> {
        let number = exchange.number();
        prepare(url, &(self.before)(number));
        addresses.readdress(&mut exchange);
        let answer = send(url, &exchange.request);
        let differs = if exchange.request.path.starts_with("/hateoas") {
            addresses.differences(&exchange, &answer)
        } else if is_json(&exchange.request.path) {
            json_rpc::differences(&exchange, &answer)
        } else {
            let differs = differences(&exchange, &answer);
            let marshalled = exchange.response.body.starts_with("<marshal>") && is_read(&exchange);
            if differs.is_empty() && marshalled {
                (self.documents)(number, &exchange.response, &answer, memory)
            } else {
                differs
            }
        };
        let name = &exchange.name;
        match self.different.iter().find(|it| it.numbers.contains(&number)) {
            None if different::written(name).is_some() => {
                vec![format!("{name}: is not listed as different, but different.txt has it")]
            }
            None => differs.into_iter().map(|it| format!("{name}: {it}")).collect(),
            Some(it) if it.status != answer.status => {
                let Response { status, body, .. } = answer;
                vec![format!("{name}: {status} {body}, not {}: {}", it.status, it.why)]
            }
            Some(it) if differs.is_empty() => {
                vec![format!("{name}: is as recorded, but listed as different: {}", it.why)]
            }
            Some(_) => {
                let found = own::named(&differs.join("\n"), url);
                let is_written = different::written(name) == Some(found.trim_end());
                if is_written { vec![] } else { vec![format!("### {name}\n{found}")] }
            }
        }
    }
}

/// Whether answers are compared as JSON.
fn is_json(path: &str) -> bool {
    path.starts_with("/slapos.") || path.starts_with("/shacache/dir/")
}

fn prepare(url: &str, calls: &[Request]) {
    for call in calls {
        let answer = send(url, call);
        assert_eq!(answer.status, 200, "{}: {}", call.path, answer.body);
    }
}

fn check(found: &[String]) {
    assert!(found.is_empty(), "{} differences\n{}", found.len(), found.join("\n"));
}

fn faces() -> FaceSettings {
    let product = "https://software.example.com/hello/1.0/software.cfg".try_into().unwrap();
    FaceSettings { products: [("hello".to_owned(), product)].into(), ..FaceSettings::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_clients_asked_a_slapproxy_is_answered_as_by_it() {
    // another master, where everything has to wait
    let far = tempfile::TempDir::new().unwrap();
    let far = start_with(far.path(), Policy::default(), FaceSettings::default()).await;
    let url = format!("http://{}/", far.address);
    let settings = OtherMasterSettings { url: url.clone(), ..OtherMasterSettings::default() };
    let masters = vec![OtherMaster::new(settings).unwrap()];
    let mut exchanges = exchanges(&[
        "slapproxy-classic",
        "slapproxy-hateoas",
        "slapproxy-json-rpc",
        "slapproxy-networkcache",
    ]);
    for exchange in &mut exchanges {
        exchange.request.readdress("http://127.0.0.1:5002/", &url);
    }

    let data = tempfile::TempDir::new().unwrap();
    let policy = Policy::proxy("COMP-1".try_into().unwrap());
    let running = start_with(data.path(), policy, FaceSettings { masters, ..faces() }).await;
    let replay =
        Replay { different: different::PROXY, before: |_| vec![], documents: compare::documents };
    check(&replay.run(&running, exchanges).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_clients_asked_the_production_master_is_answered_in_its_form() {
    let (unknown, known): (Vec<_>, Vec<_>) = exchanges(&["production"])
        .into_iter()
        .partition(|it| production::UNKNOWN.contains(&it.number()));
    let documents = |number, recorded: &Response, ours: &Response, _: &mut Memory| {
        production::differences(number, recorded, ours)
    };
    let data = tempfile::TempDir::new().unwrap();
    let running = start_with(data.path(), Policy::default(), faces()).await;
    let replay = Replay { different: different::UNKNOWN, before: |_| vec![], documents };
    check(&replay.run(&running, unknown).await);

    let data = tempfile::TempDir::new().unwrap();
    let running = start_with(data.path(), Policy::default(), faces()).await;
    let url = format!("http://{}", running.address);
    tokio::task::spawn_blocking(move || prepare(&url, &production::world())).await.unwrap();
    let replay = Replay { different: different::PRODUCTION, before: production::before, documents };
    check(&replay.run(&running, known).await);
}
