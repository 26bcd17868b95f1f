//! From the request to the connection: waits for what happens on the way, and tells it.

use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use slapos_core::names::{InstanceId, Revision, Title};
use slapos_node::files;
use slapos_wire::{
    client::Client,
    v1::{HistoryEntry, Instance},
};

use super::{
    cloud::Stage,
    milestones::Milestones,
    story::{Plot, milliseconds},
};
use crate::{
    error::{Exit, Failure},
    events::until,
    ui::Progress,
};

/// No configuration of an application is longer, in bytes.
const CONFIGURATION_BYTES_MAX: usize = 1 << 20;

/// A requested application, the database that it requests, and what has been told of them.
pub(super) struct Road<'a> {
    client: &'a Client,
    plot: &'a Plot,
    stage: &'a Stage,
    /// What is later than this happened in this run.
    since: Revision,
    /// Title of the application.
    root: Title,
    told: Vec<String>,
}

/// A configuration file that holds a value of the connection.
#[derive(Debug, Clone)]
pub(super) struct Configured {
    /// Below the directory of the demo.
    path: Utf8PathBuf,
    /// When it was written, in microseconds since 1970.
    pub(super) at: u64,
}

impl<'a> Road<'a> {
    pub(super) fn new(
        client: &'a Client,
        plot: &'a Plot,
        stage: &'a Stage,
        since: Revision,
        root: Title,
    ) -> Self {
        Self { client, plot, stage, since, root, told: Vec::new() }
    }

    /// Waits for an entry of the journal, and tells it. A tree that an earlier run has connected
    /// may have none any more.
    pub(super) fn tell(
        &mut self,
        what: &str,
        pick: fn(&Milestones) -> Option<&HistoryEntry>,
    ) -> Result<(), Failure> {
        let (client, since) = (self.client, self.since);
        let line = self.follow(what, |web, database| {
            let Some(database) = database else { return Ok(None) };
            let milestones = milestones(client, web.id, database.id)?;
            let told = pick(&milestones).map(|entry| line_of_entry(entry, &milestones, since));
            let nothing = || {
                is_connected(web, database).then(|| format!("{} is connected already", web.title))
            };
            Ok(told.or_else(nothing))
        })?;
        self.plot.ui.say(format_args!("   {line}"));
        Ok(())
    }

    /// Waits until the application's configuration holds what the database has published.
    pub(super) fn until_configured(&mut self) -> Result<Option<Configured>, Failure> {
        let (client, stage) = (self.client, self.stage);
        let found = self.follow("the configuration is written", |web, database| {
            let Some(database) = database else { return Ok(None) };
            let published = milestones(client, web.id, database.id)?.published;
            let published = published.map_or(0, |entry| entry.change.at.0);
            let written = configured(stage, web, database).filter(|it| it.at >= published);
            let in_place = is_connected(web, database);
            Ok((written.is_some() || in_place).then_some(written))
        })?;
        if let Some(Configured { path, .. }) = &found {
            self.plot.ui.say(format_args!("   {path} has the address of the database"));
        }
        Ok(found)
    }

    /// Waits until both are up and handed out.
    pub(super) fn until_connected(&mut self) -> Result<(Instance, Instance), Failure> {
        self.follow("phpMyAdmin is connected", |web, database| {
            let database = database.filter(|database| is_connected(web, database));
            Ok(database.map(|database| (web.clone(), database.clone())))
        })
    }

    /// What the journal tells of the two.
    pub(super) fn milestones(
        &self,
        web: InstanceId,
        database: InstanceId,
    ) -> Result<Milestones, Failure> {
        milestones(self.client, web, database)
    }

    /// Waits until `reached` finds what it looks for in the application and its database, and
    /// tells meanwhile what somebody waits for, each thing once.
    fn follow<T>(
        &mut self,
        what: &str,
        reached: impl Fn(&Instance, Option<&Instance>) -> Result<Option<T>, Failure>,
    ) -> Result<T, Failure> {
        let (client, root, mut bars) = (self.client, self.root.clone(), Progress::new());
        let found = until(client, what, |client| {
            let tree = client.tree(&root)?;
            for instance in &tree.instances {
                self.observe(instance, &mut bars)?;
            }
            let web = tree.instances.iter().find(|instance| instance.requested_by.is_none());
            let database = tree.instances.iter().find(|instance| instance.requested_by.is_some());
            web.map_or(Ok(None), |web| reached(web, database))
        });
        bars.end_all();
        found
    }

    fn observe(&mut self, instance: &Instance, bars: &mut Progress) -> Result<(), Failure> {
        if let Some(line) = line_of(instance)
            && !self.told.contains(&line)
        {
            bars.line(format!("   {line}"));
            self.told.push(line);
            if let Some(needed) = needed(instance, self.stage) {
                if self.plot.exit {
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
        if instance.state == "error" && instance.revision > self.since {
            let reason = instance.error.clone().unwrap_or_default();
            let message = format!("{} failed:\n{reason}", instance.title);
            return Err(Failure::new(Exit::Failed, message));
        }
        Ok(())
    }
}

fn is_connected(web: &Instance, database: &Instance) -> bool {
    web.waiting_for.is_none() && database.waiting_for.is_none()
}

fn milestones(
    client: &Client,
    web: InstanceId,
    database: InstanceId,
) -> Result<Milestones, Failure> {
    Ok(Milestones::of(&client.history(None)?, web, database))
}

/// What happened, and how long after the request.
fn line_of_entry(entry: &HistoryEntry, told: &Milestones, since: Revision) -> String {
    let what = &entry.change.what;
    if entry.change.revision <= since {
        return format!("in an earlier run: {what}");
    }
    let requested = told.requested.as_ref().filter(|entry| entry.change.revision > since);
    let passed = requested.and_then(|it| entry.change.at.0.checked_sub(it.change.at.0));
    match passed {
        Some(micros) => {
            format!("{} after the request: {what}", milliseconds(Duration::from_micros(micros)))
        }
        None => what.clone(),
    }
}

/// The configuration of an application (what lies in its partition's `etc`, by SlapOS's habit)
/// that holds the host of its database.
fn configured(stage: &Stage, web: &Instance, database: &Instance) -> Option<Configured> {
    let host = database.connection.get("host").filter(|host| !host.is_empty())?;
    let (computer, partition) = (web.computer.as_ref()?, web.partition.as_ref()?);
    let partition = Utf8Path::new(computer.as_str()).join("instance").join(partition.as_str());
    let (root, etc) = (stage.directory.join(&partition), Utf8Path::new("etc"));
    let names = files::names_below(&root, etc).ok()?;
    let found = names.iter().filter_map(|name| {
        let path = etc.join(name.to_str()?);
        let content = files::read_below(&root, &path, CONFIGURATION_BYTES_MAX).ok()?;
        String::from_utf8_lossy(&content).contains(host.as_str()).then_some(())?;
        let written = files::look_below(&root, &path).ok()??.modified().ok()?;
        let since_1970 = written.duration_since(std::time::UNIX_EPOCH).ok()?;
        let at = u64::try_from(since_1970.as_micros()).ok()?;
        Some(Configured { path: partition.join(path), at })
    });
    found.max_by_key(|file| file.at)
}

/// What a person has to do before an instance can go on, if it waits for that: an earlier run in
/// the same directory may have left a closed computer, or one that is full.
fn needed(instance: &Instance, stage: &Stage) -> Option<Failure> {
    let code = instance.waiting_code.as_deref()?;
    if !["allocation-closed", "no-capacity", "no-free-partition"].contains(&code) {
        return None;
    }
    let reason = instance.waiting_for.as_deref().unwrap_or_default();
    let failure =
        Failure::new(Exit::Failed, format!("`{}` cannot go on: {reason}", instance.title));
    let (hint, cfg) = (instance.hint.as_deref().unwrap_or_default(), &stage.client_cfg);
    // By the time that somebody reads this the master has ended.
    let (listen, data) = (stage.master_url.trim_start_matches("http://"), &stage.directory);
    let serve = format!("slapos master serve --open --listen {listen} --data {data}/master");
    Some(failure.hint(format!(
        "{hint} (with SLAPOS_CLIENT_CONFIGURATION={cfg}, while the master runs: {serve})"
    )))
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
