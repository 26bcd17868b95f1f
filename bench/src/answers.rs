//! What a master's answers mean.

use anyhow::{Context as _, Result, bail, ensure};

use crate::{
    fleet::Place,
    marshal::{Value, decode},
};

/// The answer to a request.
#[derive(Debug)]
pub(crate) struct Allocation {
    pub(crate) place: Place,
    /// What the instance published as one text, when it did.
    pub(crate) connection: Option<String>,
    /// True when it published anything.
    pub(crate) connected: bool,
}

/// One partition of a computer, as its node is told.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) partition: String,
    /// Of the instance there; `None`: free.
    pub(crate) title: Option<String>,
    pub(crate) connected: bool,
    pub(crate) shared: Vec<SharedSeen>,
}

/// A shared instance, as the node of its host is told.
#[derive(Debug)]
pub(crate) struct SharedSeen {
    pub(crate) reference: String,
    pub(crate) title: String,
}

/// # Errors
/// When it is no document, or names no partition.
pub(crate) fn allocation(document: &[u8]) -> Result<Allocation> {
    let value = decode(document)?;
    let (Some(computer), Some(partition)) =
        (value.get_text("slap_computer_id"), value.get_text("slap_computer_partition_id"))
    else {
        bail!("answer without slap_computer_id and slap_computer_partition_id");
    };
    let published = value.get("_connection_dict");
    Ok(Allocation {
        place: Place { computer: computer.to_owned(), partition: partition.to_owned() },
        connection: published.and_then(|dict| dict.get_text("_")).map(str::to_owned),
        connected: published.is_some_and(Value::has_entries),
    })
}

/// A computer's name and its partitions.
///
/// # Errors
/// When it is no document, or not one of a computer.
pub(crate) fn computer(document: &[u8]) -> Result<(String, Vec<Seen>)> {
    let value = decode(document)?;
    let name = value.get_text("_computer_id").context("computer without _computer_id")?.to_owned();
    let list = value.get("_computer_partition_list");
    let list = list.context("computer without _computer_partition_list")?;
    let partitions = list.items().iter().map(seen).collect::<Result<_>>()?;
    Ok((name, partitions))
}

fn seen(value: &Value<'_>) -> Result<Seen> {
    let text = |value: &Value<'_>, key| value.get_text(key).unwrap_or("").to_owned();
    let partition = value.get_text("_partition_id").context("partition without _partition_id")?;
    let parameters = value.get("_parameter_dict");
    let shared = parameters.and_then(|dict| dict.get("slave_instance_list"));
    let shared = shared.map_or(&[][..], Value::items).iter().map(|item| SharedSeen {
        reference: text(item, "slave_reference"),
        title: text(item, "slave_title"),
    });
    Ok(Seen {
        partition: partition.to_owned(),
        title: parameters.and_then(|dict| dict.get_text("instance_title")).map(str::to_owned),
        connected: value.get("_connection_dict").is_some_and(Value::has_entries),
        shared: shared.collect(),
    })
}

/// Insists that a document is about this computer and complete; `whole`: by reading all of it.
///
/// # Errors
/// When it is not.
pub(crate) fn check_computer(
    document: &[u8],
    name: &str,
    partitions: u64,
    whole: bool,
) -> Result<()> {
    let framed =
        document.starts_with(b"<marshal>") && document.trim_ascii_end().ends_with(b"</marshal>");
    ensure!(
        framed || whole,
        "answer is not a marshalled document: {:?}",
        String::from_utf8_lossy(&document[..document.len().min(200)])
    );
    if whole {
        let (found, seen) = computer(document)?;
        ensure!(found == name, "asked for {name}, got {found}");
        let count = seen.len() as u64;
        ensure!(count == partitions, "{name} has {count} partitions, expected {partitions}");
    }
    Ok(())
}

/// Insists that a document is about this partition and holds the instance of this title.
///
/// # Errors
/// When it is not.
pub(crate) fn check_partition(document: &[u8], place: &Place, title: &str) -> Result<()> {
    let value = decode(document)?;
    let partition = value.get_text("_partition_id").unwrap_or("");
    ensure!(partition == place.partition, "asked for {}, got {partition:?}", place.partition);
    let found = value.get("_parameter_dict").and_then(|dict| dict.get_text("instance_title"));
    ensure!(
        found == Some(title),
        "{}/{partition} holds {found:?}, expected {title:?}",
        place.computer
    );
    Ok(())
}
