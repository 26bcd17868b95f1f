//! Tells the story: asks, waits for what happens, says it in the words of the tutorial.
//!
//! Waits on the master's events; only the page itself, which has none, is asked until it answers.

use std::time::{Duration, Instant};

use camino::Utf8PathBuf;
use slapos_core::names::{ComputerId, SoftwareType, SoftwareUrl, SupplyWish, Title, WishedState};
use slapos_wire::{
    client::Client,
    v1::{AllocationScope, Computer, ComputerAsk, Instance, RequestAsk, SupplyAsk},
};

use super::{
    cloud::{COMPUTERS, Stage},
    curtain::Curtain,
    install::install,
    road::Road,
    timeline::Timeline,
    verify, wait_for_enter,
};
use crate::{
    error::{Exit, Failure},
    events::until,
    ui::Ui,
};

const WEB: &str = "software/phpmyadmin";
const DATABASE: &str = "software/mariadb";
const TITLE: &str = "phpmyadmin";

/// How to tell it.
#[derive(Debug, Clone)]
pub(super) struct Plot {
    /// Verify by itself.
    pub(super) exit: bool,
    /// A sentence a step, and Enter.
    pub(super) slow: bool,
    pub(super) ui: Ui,
    /// Falls when the demo is to end.
    pub(super) curtain: Curtain,
}

impl Plot {
    /// Begins a step: a headline, and when told slowly the tutorial's sentence.
    fn step(&self, headline: &str, sentence: &str) -> Result<(), Failure> {
        self.curtain.show(|_| {
            self.ui.say(format_args!("\n\x1b[1m{headline}\x1b[0m"));
            if self.slow {
                self.ui.say(format_args!("   {sentence}"));
            }
        })?;
        if self.slow {
            wait_for_enter()?;
        }
        Ok(())
    }
}

/// Tells the whole story on a cloud whose processes have been started at `began`.
pub(super) fn tell(plot: &Plot, stage: &Stage, began: Instant) -> Result<(), Failure> {
    let client = Client::new(&stage.master_url);
    let ui = plot.ui;
    let since = client.health()?.revision;
    let mut timeline = Timeline::new(since);

    plot.step(
        "1. A master and two computers with partitions",
        "The master is a special computer which knows what is going on. Two other computers, \
         each with some partitions, are connected to it.",
    )?;
    let computers = until(&client, "the nodes call", all_formatted)?;
    for computer in &computers {
        let (name, partitions) = (&computer.computer, &computer.partitions);
        ui.say(format_args!(
            "   {name}: {} partitions, one loopback address each",
            partitions.len()
        ));
        open(&client, computer, ui)?;
    }
    timeline.measured("master and both nodes are up", began.elapsed());

    plot.step(
        "2. The master tells each computer which software to install",
        "phpMyAdmin shall be available on COMP-1, MariaDB on COMP-2. Each comes from Debian \
         packages into a directory of its own; nothing is installed on the system.",
    )?;
    let releases = [(url(WEB)?, name(COMPUTERS[0])?), (url(DATABASE)?, name(COMPUTERS[1])?)];
    for (release, computer) in &releases {
        let (software_release, state) = (release.clone(), SupplyWish::Available);
        client.supply(computer, &SupplyAsk { software_release, state, again: false })?;
    }
    let supplied = Instant::now();
    install(&client, &releases, &plot.curtain, ui)?;
    timeline.measured("both releases are installed", supplied.elapsed());

    plot.step(
        "3. A person requests phpMyAdmin",
        "slap.request: the same call for a person and for a running instance, safe to repeat for \
         ever.",
    )?;
    let asked = Instant::now();
    let answer = client.request(&ask_for_web()?)?;
    let answered = asked.elapsed();
    if let Some(reason) = &answer.waiting_for {
        ui.say(format_args!("   answered in {}: please wait: {reason}", milliseconds(answered)));
    }
    timeline.measured("the request is answered", answered);

    let (web, database) = connect(plot, stage, &client, &mut timeline)?;
    let address = web.connection.get("url").cloned().unwrap_or_default();

    let connected = Instant::now();
    verify::await_page(&address)?;
    ui.say("   connected");
    timeline.measured("the page answers", connected.elapsed());

    look(plot, &address, &database, &mut timeline)?;
    show(ui, stage, &address, &database, &timeline);
    Ok(())
}

/// From the application's own request to its connection: a step for each sentence of the tutorial.
fn connect(
    plot: &Plot,
    stage: &Stage,
    client: &Client,
    timeline: &mut Timeline,
) -> Result<(Instance, Instance), Failure> {
    let mut road = Road::new(client, plot, stage, timeline.since(), title()?);
    plot.step(
        "4. PHP asks for MySQL, from its own partition",
        "The recipe of the PHP application requests a MySQL database: the partition connects to \
         the master and asks for one, with the same call as a person.",
    )?;
    road.tell("PHP asks for MySQL", |told| told.asked.as_ref())?;

    plot.step(
        "5. Please wait",
        "The first answer is \"please wait, I am processing\". PHP makes what needs no database, \
         and waits for the rest.",
    )?;
    road.tell("PHP waits", |told| told.waits.as_ref())?;

    plot.step(
        "6. The master has a database deployed",
        "The master looks for a free partition on a computer which has the proper software \
         installed, and tells that computer to deploy a database there.",
    )?;
    road.tell("a node begins with the database", |told| told.begun.as_ref())?;

    plot.step(
        "7. MySQL publishes its connection",
        "Once the database runs and its promises are green, its connection information is \
         published: host, port, user, password, database.",
    )?;
    road.tell("the database is connected", |told| told.published.as_ref())?;

    plot.step(
        "8. PHP's templates are rendered with the values",
        "PHP asks again, for its first request did not succeed. This time the master sends the \
         connection, and the templates of the PHP partition use it.",
    )?;
    let configured = road.until_configured()?;

    plot.step(
        "9. Connected",
        "What was configured anew starts, its promises turn green, and the application publishes \
         its own address.",
    )?;
    let (web, database) = road.until_connected()?;
    timeline.told_by_the_master(&road.milestones(web.id, database.id)?, configured);
    Ok((web, database))
}

/// The last step: a log-in over HTTP, or an invitation to look.
fn look(
    plot: &Plot,
    address: &str,
    database: &Instance,
    timeline: &mut Timeline,
) -> Result<(), Failure> {
    if !plot.exit {
        return plot.step(
            "10. What there is now",
            "The page shows how the two instances are connected and what the running processes are.",
        );
    }
    plot.step("10. Verify", "")?;
    let begun = Instant::now();
    let databases = verify::log_in(address, &database.connection)?.join(", ");
    let user = database.connection.get("user").cloned().unwrap_or_default();
    plot.ui.say(format_args!("   logged in to phpMyAdmin as `{user}`; databases: {databases}"));
    timeline.measured("a log-in shows the database", begun.elapsed());
    Ok(())
}

fn show(ui: Ui, stage: &Stage, address: &str, database: &Instance, timeline: &Timeline) {
    ui.say("");
    timeline.show(ui);
    let value = |key: &str| database.connection.get(key).cloned().unwrap_or_default();
    let cfg: &Utf8PathBuf = &stage.client_cfg;
    ui.say(format_args!("\n   phpMyAdmin        {address}"));
    ui.say(format_args!(
        "   log in as         {} with password {}",
        value("user"),
        value("password")
    ));
    ui.say(format_args!("   the master's page {}/", stage.master_url));
    ui.say(format_args!("   commands          export SLAPOS_CLIENT_CONFIGURATION={cfg}"));
    ui.say("                     slapos service tree phpmyadmin");
}

fn ask_for_web() -> Result<RequestAsk, Failure> {
    Ok(RequestAsk {
        title: title()?,
        software_release: url(WEB)?,
        software_type: SoftwareType::default_type(),
        parameters: None,
        placement: [].into(),
        shared: false,
        state: Some(WishedState::Started),
    })
}

/// Opens a computer that somebody closed or drained in an earlier run: the demo needs both.
fn open(client: &Client, computer: &Computer, ui: Ui) -> Result<(), Failure> {
    let ours = COMPUTERS.contains(&computer.computer.as_str());
    if ours && computer.allocation != AllocationScope::Open {
        let open = Some(AllocationScope::Open);
        let ask = ComputerAsk { allocation: open, ..ComputerAsk::default() };
        client.govern(&computer.computer, &ask)?;
        ui.say(format_args!("   {} was {}: opened", computer.computer, computer.allocation));
    }
    Ok(())
}

fn all_formatted(client: &Client) -> Result<Option<Vec<Computer>>, Failure> {
    let computers = client.computers()?;
    let formatted = |name: &str| {
        computers
            .iter()
            .any(|known| known.computer.as_str() == name && !known.partitions.is_empty())
    };
    Ok(COMPUTERS.iter().all(|name| formatted(name)).then_some(computers))
}

/// A duration for a person.
pub(super) fn milliseconds(duration: Duration) -> String {
    let milliseconds = duration.as_secs_f64() * 1000.0;
    if milliseconds < 10.0 {
        format!("{milliseconds:.1} ms")
    } else if milliseconds < 10_000.0 {
        format!("{milliseconds:.0} ms")
    } else {
        format!("{:.1} s", milliseconds / 1000.0)
    }
}

fn url(text: &str) -> Result<SoftwareUrl, Failure> {
    text.try_into().map_err(|error| Failure::from_error(Exit::Failed, &error))
}

fn name(text: &str) -> Result<ComputerId, Failure> {
    text.try_into().map_err(|error| Failure::from_error(Exit::Failed, &error))
}

fn title() -> Result<Title, Failure> {
    TITLE.try_into().map_err(|error| Failure::from_error(Exit::Failed, &error))
}
