//! Tells the story: asks, waits for what happens, says it in the words of the tutorial.
//!
//! Waits on the master's events; only the page itself, which has none, is asked until it answers.

use std::time::{Duration, Instant};

use camino::Utf8PathBuf;
use slapos_core::names::{
    ComputerId, Revision, SoftwareType, SoftwareUrl, SupplyState, SupplyWish, Title, WishedState,
};
use slapos_wire::{
    client::Client,
    v1::{Computer, Instance, RequestAsk, Supply, SupplyAsk},
};

use super::{
    cloud::{COMPUTERS, Stage},
    timeline::Timeline,
    verify, wait_for_enter,
};
use crate::{
    error::{Exit, Failure},
    ui::{Progress, Ui},
};

const WEB: &str = "software/phpmyadmin";
const DATABASE: &str = "software/mariadb";
const TITLE: &str = "phpmyadmin";

/// How to tell it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plot {
    /// Verify by itself.
    pub(super) exit: bool,
    /// A sentence a step, and Enter.
    pub(super) slow: bool,
    pub(super) ui: Ui,
}

impl Plot {
    /// Begins a step: a headline, and when told slowly the tutorial's sentence.
    fn step(self, headline: &str, sentence: &str) -> Result<(), Failure> {
        self.ui.say(format_args!("\n\x1b[1m{headline}\x1b[0m"));
        if self.slow {
            self.ui.say(format_args!("   {sentence}"));
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
    }
    timeline.measured("master and both nodes are up", began.elapsed());

    plot.step(
        "2. The master tells each computer which software to install",
        "phpMyAdmin shall be available on COMP-1, MariaDB on COMP-2. Each comes from Debian \
         packages into a directory of its own; nothing is installed on the system.",
    )?;
    for (release, computer) in [(WEB, COMPUTERS[0]), (DATABASE, COMPUTERS[1])] {
        let (software_release, state) = (url(release)?, SupplyWish::Available);
        let ask = SupplyAsk { software_release, state, again: false };
        client.supply(&name(computer)?, &ask)?;
    }
    let supplied = Instant::now();
    install(&client, ui)?;
    timeline.measured("both releases are installed", supplied.elapsed());

    plot.step(
        "3. A person requests phpMyAdmin",
        "slap.request: the same call for a person and for a running instance, safe to repeat for \
         ever. The first answer is \"please wait\".",
    )?;
    let asked = Instant::now();
    let answer = client.request(&ask_for_web()?)?;
    let answered = asked.elapsed();
    if let Some(reason) = &answer.waiting_for {
        ui.say(format_args!("   answered in {}: please wait: {reason}", milliseconds(answered)));
    }
    timeline.measured("the request is answered", answered);

    plot.step(
        "4. PHP asks for MySQL, from its own partition",
        "The recipe of the PHP application requests a MySQL database. The master looks for a free \
         partition on a computer which has the software, and tells that computer to deploy it. \
         Its connection information is handed to the PHP partition, whose templates use it.",
    )?;
    let (web, database) = connect(&client, plot, stage, since)?;
    timeline.told_by_the_master(&client, &web, &database, stage)?;
    let address = web.connection.get("url").cloned().unwrap_or_default();

    let connected = Instant::now();
    verify::await_page(&address)?;
    ui.say("   connected");
    timeline.measured("the page answers", connected.elapsed());

    look(*plot, &address, &database, &mut timeline)?;
    show(ui, stage, &address, &database, &timeline);
    Ok(())
}

/// The last step: a log-in over HTTP, or an invitation to look.
fn look(
    plot: Plot,
    address: &str,
    database: &Instance,
    timeline: &mut Timeline,
) -> Result<(), Failure> {
    if !plot.exit {
        return plot.step(
            "5. What there is now",
            "The page shows how the two instances are connected and what the running processes are.",
        );
    }
    plot.step("5. Verify", "")?;
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

/// Repeats `look` after each event of the master until it finds what it looks for.
fn until<T>(
    client: &Client,
    what: &str,
    mut look: impl FnMut(&Client) -> Result<Option<T>, Failure>,
) -> Result<T, Failure> {
    let mut events = client.events()?; // before the first look: nothing is missed in between
    loop {
        if let Some(found) = look(client)? {
            return Ok(found);
        }
        match events.next() {
            Some(event) => drop(event?),
            None => {
                return Err(Failure::new(
                    Exit::NoAnswer,
                    format!("the master ended before {what}"),
                ));
            }
        }
    }
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

/// Waits until both releases are there, with a bar for each.
fn install(client: &Client, ui: Ui) -> Result<(), Failure> {
    let mut bars = Progress::new();
    let mut said = Vec::new();
    until(client, "the releases are installed", |client| {
        let mut missing = 0;
        for computer in client.computers()? {
            for supply in &computer.supplies {
                if !observe_supply(&computer.computer, supply, &mut bars, &mut said)? {
                    missing += 1;
                }
            }
        }
        Ok((missing == 0).then_some(()))
    })?;
    drop(bars);
    for line in said {
        ui.say(line);
    }
    Ok(())
}

/// Shows one release; true when it is available.
fn observe_supply(
    computer: &ComputerId,
    supply: &Supply,
    bars: &mut Progress,
    said: &mut Vec<String>,
) -> Result<bool, Failure> {
    let release = &supply.software_release;
    let label = format!("{release} on {computer}");
    let text = supply.text.as_deref().unwrap_or_default();
    match supply.state {
        SupplyState::Available => {
            bars.end(&label);
            let line = format!("   {label}: available");
            if !said.contains(&line) {
                said.push(line);
            }
            Ok(true)
        }
        SupplyState::Error => {
            bars.end(&label);
            Err(Failure::new(Exit::Failed, format!("cannot install {label}:\n{text}")))
        }
        SupplyState::Requested | SupplyState::Building | SupplyState::Destroyed => {
            bars.show(&label, supply.percent, text);
            Ok(false)
        }
    }
}

/// Waits until PHP is connected, telling each change of what somebody waits for.
fn connect(
    client: &Client,
    plot: &Plot,
    stage: &Stage,
    since: Revision,
) -> Result<(Instance, Instance), Failure> {
    let mut bars = Progress::new();
    let mut told: Vec<String> = Vec::new();
    let root = title()?;
    let found = until(client, "phpMyAdmin is connected", |client| {
        let tree = client.tree(&root)?;
        for instance in &tree.instances {
            if let Some(line) = line_of(instance)
                && !told.contains(&line)
            {
                bars.line(format!("   {line}"));
                told.push(line);
                if let Some(needed) = needed(instance, stage) {
                    if plot.exit {
                        return Err(needed);
                    }
                    bars.line(format!("   hint: {}", needed.hint.unwrap_or_default()));
                }
            }
            match &instance.waiting_for {
                Some(reason) => bars.show(instance.title.as_str(), None, reason),
                None => bars.end(instance.title.as_str()),
            }
            // An error that an earlier run left is being mended already.
            if instance.state == "error" && instance.revision > since {
                let reason = instance.error.clone().unwrap_or_default();
                return Err(Failure::new(
                    Exit::Failed,
                    format!("{} failed:\n{reason}", instance.title),
                ));
            }
        }
        let web = tree.instances.iter().find(|instance| instance.requested_by.is_none());
        let database = tree.instances.iter().find(|instance| instance.requested_by.is_some());
        Ok(match (web, database) {
            (Some(web), Some(database))
                if web.waiting_for.is_none() && database.waiting_for.is_none() =>
            {
                Some((web.clone(), database.clone()))
            }
            _ => None,
        })
    })?;
    for title in [&found.0.title, &found.1.title] {
        bars.end(title.as_str());
    }
    Ok(found)
}

/// What a person has to do before an instance can go on, if it waits for that: an earlier run in
/// the same directory may have left a closed computer, or one that is full.
fn needed(instance: &Instance, stage: &Stage) -> Option<Failure> {
    let code = instance.waiting_code.as_deref()?;
    if !["allocation-closed", "no-capacity", "no-free-partition"].contains(&code) {
        return None;
    }
    let reason = instance.waiting_for.as_deref().unwrap_or_default();
    let failure = Failure::new(Exit::Failed, format!("`{}` waits: {reason}", instance.title));
    let (hint, cfg) = (instance.hint.as_deref().unwrap_or_default(), &stage.client_cfg);
    Some(failure.hint(format!("{hint} (with SLAPOS_CLIENT_CONFIGURATION={cfg})")))
}

/// What there is to say of an instance right now.
fn line_of(instance: &Instance) -> Option<String> {
    let title = &instance.title;
    if let Some(reason) = &instance.waiting_for {
        return Some(format!("{title}: please wait: {reason}"));
    }
    let (computer, partition) = (instance.computer.as_ref()?, instance.partition.as_ref()?);
    let keys: Vec<_> = instance.connection.keys().map(String::as_str).collect();
    Some(format!(
        "{title}: {} on {computer} {partition}, publishes {}",
        instance.state,
        keys.join(", ")
    ))
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
