//! `slapos service ...`: instances.

mod bang;
mod destroy;
mod explain;
mod history;
pub(crate) mod info;
mod list;
mod rename;
mod state;
mod tree;
mod upgrade;

use slapos_core::names::{Title, WishedState};
use slapos_wire::{
    client::Client,
    v1::{At, Instance},
};

use super::at::When;
use crate::{
    error::{Exit, Failure, Outcome},
    ui::Ui,
};

/// What to do with instances. The help of a verb is that of its arguments where it has its own.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    /// List instances
    List(When),
    Info(info::Args),
    /// Show a tree: who requested what, where it lives, its processes
    Tree(Seen),
    /// Say why an instance is not ready
    Explain(Seen),
    History(history::Args),
    /// Start an instance that was stopped
    Start(One),
    /// Stop an instance (a root: its whole tree); its data stays
    Stop(One),
    Bang(bang::Args),
    Rename(rename::Args),
    Upgrade(upgrade::Args),
    /// Destroy an instance and its data, and with it all that it requested
    Destroy(One),
}

/// Names one instance.
#[derive(Debug, clap::Args)]
pub(crate) struct One {
    /// The title of the instance; TREE/TITLE or SOFTINST-N when several have that title
    pub(crate) title: Title,
}

/// Names one instance, and when it is looked at.
#[derive(Debug, clap::Args)]
pub(crate) struct Seen {
    #[command(flatten)]
    pub(crate) one: One,
    #[command(flatten)]
    pub(crate) when: When,
}

impl Seen {
    /// Finds the instance as it was then.
    pub(crate) fn find(&self, client: &Client) -> Result<Instance, Failure> {
        self.one.find_at(client, self.when.at)
    }
}

impl One {
    /// Finds the instance.
    pub(crate) fn find(&self, client: &Client) -> Result<Instance, Failure> {
        self.find_at(client, None)
    }

    fn find_at(&self, client: &Client, at: Option<At>) -> Result<Instance, Failure> {
        let titled = client.instances_at(Some(&self.title), at)?;
        if !titled.is_empty() {
            return only(titled, &self.title);
        }
        let all = client.instances_at(None, at)?;
        let unknown = unknown(&self.title, &all, at);
        match named_otherwise(all, self.title.as_str()) {
            found if found.is_empty() => Err(unknown),
            found => only(found, &self.title),
        }
    }
}

/// Instances that a text names by their identity, or by the title of their tree and their own.
fn named_otherwise(all: Vec<Instance>, text: &str) -> Vec<Instance> {
    let in_tree = |it: &Instance| {
        let own = text.strip_prefix(it.root.title.as_str());
        own.and_then(|own| own.strip_prefix('/')) == Some(it.title.as_str())
    };
    all.into_iter().filter(|it| it.id.to_string() == text || in_tree(it)).collect()
}

/// The one instance that was found: a root before others, and never one of several.
fn only(found: Vec<Instance>, title: &Title) -> Result<Instance, Failure> {
    let roots: Vec<_> = found.iter().filter(|it| it.requested_by.is_none()).cloned().collect();
    let mut candidates = if roots.is_empty() { found } else { roots };
    if candidates.len() > 1 {
        let names: Vec<_> =
            candidates.iter().map(|it| format!("{}/{}", it.root.title, it.title)).collect();
        let message = format!("{} instances are called `{title}`", names.len());
        let hint = format!("say which one: {}", names.join(", "));
        return Err(Failure::new(Exit::Failed, message).hint(&hint));
    }
    candidates.pop().ok_or_else(|| unknown(title, &[], None))
}

/// Nothing has that name; perhaps one of these is meant.
pub(crate) fn unknown(title: &Title, all: &[Instance], at: Option<At>) -> Failure {
    let (message, list) = match at {
        None => ("there is no", "`slapos service list` shows all"),
        Some(_) => ("there was no", "`slapos service list --at TIME` shows all there were"),
    };
    let hint = match slapos_nearest::nearest(title.as_str(), all.iter().map(|it| it.title.as_str()))
    {
        Some(near) => format!("did you mean `{near}`? {list}"),
        None => list.to_owned(),
    };
    Failure::new(Exit::Failed, format!("{message} instance `{title}`")).hint(hint)
}

pub(crate) fn run(verb: &Verb, client: &Client, ui: Ui) -> Outcome {
    match verb {
        Verb::List(when) => list::run(*when, client, ui),
        Verb::Info(args) => info::run(args, client, ui),
        Verb::Tree(seen) => tree::run(seen, client, ui),
        Verb::Explain(seen) => explain::run(seen, client, ui),
        Verb::History(args) => history::run(args, client, ui),
        Verb::Start(one) => state::run(one, WishedState::Started, client, ui),
        Verb::Stop(one) => state::run(one, WishedState::Stopped, client, ui),
        Verb::Bang(args) => bang::run(args, client, ui),
        Verb::Rename(args) => rename::run(args, client, ui),
        Verb::Upgrade(args) => upgrade::run(args, client, ui),
        Verb::Destroy(one) => destroy::run(one, client, ui),
    }
}

/// Prints what became of a change: a sentence, or the instance as JSON.
fn changed(ui: Ui, instance: &Instance, sentence: impl std::fmt::Display) -> Outcome {
    if ui.json {
        ui.json(instance);
    } else {
        ui.say(sentence);
    }
    Ok(Exit::Done)
}

/// The state of an instance in a word or two.
fn state_of(instance: &Instance) -> String {
    let mark = if instance.unrequested { ", not requested" } else { "" };
    format!("{}{mark}", instance.state)
}

/// Where an instance lives, and who serves a shared one.
fn place_of(instance: &Instance) -> Option<String> {
    let (Some(computer), Some(partition)) = (&instance.computer, &instance.partition) else {
        return None;
    };
    let host = instance.host.as_ref().map(|host| format!(", served by {}", host.title));
    Some(format!("{computer} {partition}{}", host.unwrap_or_default()))
}

/// The titles of the shared instances that an instance serves, if it serves any.
fn serves(instance: &Instance) -> Option<String> {
    let titles: Vec<_> = instance.serves.iter().map(|guest| guest.title.as_str()).collect();
    (!titles.is_empty()).then(|| titles.join(", "))
}
