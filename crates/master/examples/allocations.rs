//! How many allocations a second a master makes durable in process, without HTTP: as many callers
//! as told wait at once, each for one new instance after the other. `bench/run` takes its row
//! "allocations in process" from this.
//!
//! `cargo run --release -p slapos-master --example allocations -- --waiting 512 --data DIR`

use std::{path::PathBuf, sync::Arc, time::Instant};

use clap::Parser;
use slapos_core::{
    actor::Actor,
    decide::{Answer, Ask, Format, FormatPartition, Request, Requester, SupplyAsk},
    names::{ComputerId, SupplyWish},
    policy::Policy,
    world::{Dictionary, World},
};
use slapos_master::service::{Origin, Service};
use tokio::task::JoinSet;

type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

const RELEASE: &str = "https://lab.example.com/software/software-1/software.cfg";
const PARTITIONS: usize = 100;

#[derive(Debug, Parser)]
struct Args {
    /// How many callers wait at once
    #[arg(long, default_value_t = 512)]
    waiting: usize,
    /// How many instances are allocated
    #[arg(long, default_value_t = 50_000)]
    instances: usize,
    /// A directory on a real disk, without a master in it
    #[arg(long)]
    data: PathBuf,
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Outcome<()> {
    let args = Args::parse();
    let service = Service::open(&args.data.join("master.sqlite"), Policy::default())?;
    for number in 0..args.instances.div_ceil(PARTITIONS) {
        computer(&service, number).await?;
    }
    let parameters = Arc::new(Dictionary::from([("_".to_owned(), "z".repeat(500))]));
    let begun = Instant::now();
    let mut callers = JoinSet::new();
    for caller in 0..args.waiting {
        let (service, parameters) = (service.clone(), Arc::clone(&parameters));
        callers.spawn(async move {
            for number in (caller..args.instances).step_by(args.waiting) {
                allocate(&service, number, (*parameters).clone()).await?;
            }
            Outcome::Ok(())
        });
    }
    while let Some(caller) = callers.join_next().await {
        caller??;
    }
    let rate = args.instances as f64 / begun.elapsed().as_secs_f64();
    tokio::task::spawn_blocking(move || service.close()).await?;
    #[expect(clippy::print_stdout, reason = "this is the result")]
    {
        println!("{{\"rate_per_s\": {rate:.0}}}");
    }
    Ok(())
}

/// A computer with free partitions and the release.
async fn computer(service: &Service, number: usize) -> Outcome<()> {
    let computer = ComputerId::try_from(format!("COMP-{number}"))?;
    let partition = |number| -> Outcome<FormatPartition> {
        Ok(FormatPartition {
            name: format!("slappart{number}").try_into()?,
            addresses: vec!["10.0.0.1".parse()?, "2001:db8::1".parse()?],
            interface: None,
            route: None,
            capabilities: vec![],
        })
    };
    let partitions = (0..PARTITIONS).map(partition).collect::<Outcome<_>>()?;
    let format = Ask::Format(Format { computer: computer.clone(), partitions });
    let node = Actor::Computer(computer.clone());
    service.act(Origin::Inside, |_| Ok((format, node)), |_, _| ()).await?;
    let (release, wish) = (RELEASE.try_into()?, SupplyWish::Available);
    let supply = Ask::Supply(SupplyAsk { computer, release, wish, again: false });
    let operator = Actor::Operator("admin".try_into()?);
    service.act(Origin::Inside, |_| Ok((supply, operator)), |_, _| ()).await?;
    Ok(())
}

/// One new instance, which must get a partition.
async fn allocate(service: &Service, number: usize, parameters: Dictionary) -> Outcome<()> {
    let request = Request {
        requester: Requester::Person("admin".try_into()?),
        title: format!("instance-{number}").try_into()?,
        release: RELEASE.try_into()?,
        software_type: "default".try_into()?,
        parameters: Some(parameters),
        placement: Dictionary::new(),
        shared: false,
        state: None,
    };
    let operator = Actor::Operator("admin".try_into()?);
    let is_placed = |world: &World, answer: &Answer| {
        let Answer::Instance(id) = answer else { return false };
        world.instance(*id).is_some_and(|it| it.place.is_some())
    };
    let ask = Ask::Request(request);
    match service.act(Origin::Inside, |_| Ok((ask, operator)), is_placed).await? {
        true => Ok(()),
        false => Err(format!("instance-{number} got no partition").into()),
    }
}
