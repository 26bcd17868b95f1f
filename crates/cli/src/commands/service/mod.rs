//! `slapos service ...`: instances.

pub(crate) mod destroy;
pub(crate) mod explain;
pub(crate) mod info;
pub(crate) mod list;
pub(crate) mod tree;

use slapos_core::names::Title;
use slapos_wire::{client::Client, v1::Instance};

use crate::{
    error::{Exit, Failure, Outcome},
    ui::Ui,
};

/// What to do with instances.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    /// List instances
    List,
    /// Show everything about an instance
    Info(One),
    /// Show a tree: who requested what, where it lives, its processes
    Tree(One),
    /// Say why an instance is not ready
    Explain(One),
    /// Destroy an instance and its data
    Destroy(One),
}

/// Names one instance.
#[derive(Debug, clap::Args)]
pub(crate) struct One {
    /// The title of the instance
    pub(crate) title: Title,
}

impl One {
    /// Finds the instance; a title that several trees use means the root's.
    pub(crate) fn find(&self, client: &Client) -> Result<Instance, Failure> {
        let found = client.instances(Some(&self.title))?;
        let root = found.iter().find(|instance| instance.requested_by.is_none()).cloned();
        root.or_else(|| found.into_iter().next()).ok_or_else(|| {
            Failure::new(Exit::Failed, format!("there is no instance `{}`", self.title))
                .hint("`slapos service list` shows all")
        })
    }
}

pub(crate) fn run(verb: &Verb, client: &Client, ui: Ui) -> Outcome {
    match verb {
        Verb::List => list::run(client, ui),
        Verb::Info(one) => info::run(one, client, ui),
        Verb::Tree(one) => tree::run(one, client, ui),
        Verb::Explain(one) => explain::run(one, client, ui),
        Verb::Destroy(one) => destroy::run(one, client, ui),
    }
}
