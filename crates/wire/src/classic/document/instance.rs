//! An instance in its partition: what [`super::Partition`] and [`super::Answer`] have in common.

use std::sync::Arc;

use slapos_core::{
    names::{SoftwareType, SoftwareUrl, Timestamp, Title, WishedState},
    world::Place,
};

use super::lists::{Address, Route};
use crate::{
    classic::{
        marshal::{Members, Value, Writer},
        read::{Fields, Misfit},
        words,
    },
    v1::Dictionary,
};

/// An instance in its partition. What is optional is always told by a master of ours, but not by
/// every slapproxy.
///
/// In dictionaries an empty text goes over the wire as nothing, and comes back as an empty text:
/// no master tells the two apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    /// Its identity, e.g. `SOFTINST-12`; other masters have other forms.
    pub id: Option<String>,
    /// What is wished for it.
    pub wished: Option<WishedState>,
    /// The release to deploy.
    pub software_release: SoftwareUrl,
    /// The entry of the release.
    pub software_type: SoftwareType,
    /// Its title.
    pub title: Option<Title>,
    /// The title of the root of its tree.
    pub root_title: Option<Title>,
    /// A short form of the root's title; may be empty.
    pub root_short_title: String,
    /// What its requester gave.
    pub parameters: Arc<Dictionary>,
    /// What it published.
    pub connection: Arc<Dictionary>,
    /// Where it may live, and what its requester tells its node.
    pub placement: Dictionary,
    /// The addresses of its partition.
    pub addresses: Vec<Address>,
    /// The addresses of its partition behind its tap interface.
    pub routes: Vec<Route>,
    /// The shared instances that it serves.
    pub shared: Vec<SharedInstance>,
    /// Changes with everything that its node must know; `None`: process it at every pass.
    pub timestamp: Option<Timestamp>,
}

/// A shared instance, as the instance that serves it sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedInstance {
    /// Its identity, with which the host publishes for it.
    pub id: String,
    /// Its title.
    pub title: Title,
    /// Its entry of the release.
    pub software_type: SoftwareType,
    /// Changes with it.
    pub timestamp: Option<Timestamp>,
    /// Its connection, and over it its parameters.
    pub values: Dictionary,
}

impl Instance {
    /// Writes what both documents have, in order of key; `place` is where it lives.
    pub(super) fn write<'k>(&'k self, place: &'k Place, members: &mut Members<'_, 'k>) {
        Route::write_all(&self.routes, members.key("full_ip_list"));
        write_name(members, "instance_title", self.title.as_ref().map(Title::as_str));
        Address::write_all(&self.addresses, members.key("ip_list"));
        members.key("root_instance_short_title").text(&self.root_short_title);
        write_name(members, "root_instance_title", self.root_title.as_ref().map(Title::as_str));
        members.key("slap_computer_id").text(place.computer.as_str());
        members.key("slap_computer_partition_id").text(place.partition.as_str());
        members.key("slap_software_release_url").text(self.software_release.as_str());
        members.key("slap_software_type").text(self.software_type.as_str());
        members.key("slave_instance_list").list(|writer| {
            self.shared.iter().for_each(|shared| shared.write(writer));
        });
        if let Some(timestamp) = self.timestamp {
            members.key("timestamp").int(timestamp.0);
        }
    }

    pub(super) fn write_id(&self, members: &mut Members<'_, '_>) {
        write_name(members, "_instance_guid", self.id.as_deref());
    }

    pub(super) fn write_wished(&self, members: &mut Members<'_, '_>) {
        write_name(members, "_requested_state", self.wished.map(words::of_wish));
    }

    /// Reads what [`Instance::write`] writes; the rest is still empty.
    pub(super) fn read(fields: &mut Fields) -> Result<Self, Misfit> {
        Ok(Self {
            id: None,
            wished: None,
            parameters: Arc::default(),
            connection: Arc::default(),
            placement: Dictionary::new(),
            software_release: fields.name("slap_software_release_url")?,
            software_type: fields.name("slap_software_type")?,
            title: fields.optional_name("instance_title")?,
            root_title: fields.optional_name("root_instance_title")?,
            root_short_title: fields
                .optional_text("root_instance_short_title")?
                .unwrap_or_default(),
            addresses: fields.list("ip_list", Address::read)?,
            routes: fields.list("full_ip_list", Route::read)?,
            shared: fields.list("slave_instance_list", SharedInstance::read)?,
            timestamp: timestamp(fields)?,
        })
    }

    /// Reads what both documents have outside of that.
    pub(super) fn read_outer(&mut self, fields: &mut Fields) -> Result<(), Misfit> {
        let wished = fields.optional_text("_requested_state")?;
        let wished = wished.map(|word| words::wish(&word)).transpose();
        self.wished = wished.map_err(|misfit| misfit.within("_requested_state"))?;
        self.id = fields.optional_text("_instance_guid")?;
        self.connection = Arc::new(fields.texts("_connection_dict")?);
        self.placement = fields.texts("_filter_dict")?;
        Ok(())
    }

    /// Takes the timestamp out of the parameters, where a slapproxy puts it in its answers.
    pub(super) fn take_timestamp_from_parameters(&mut self) {
        if self.timestamp.is_none() {
            let text = self.parameters.get("timestamp");
            self.timestamp = text.and_then(|text| microseconds(text)).map(Timestamp);
            if self.timestamp.is_some() {
                Arc::make_mut(&mut self.parameters).remove("timestamp");
            }
        }
    }
}

impl SharedInstance {
    fn write(&self, writer: &mut Writer) {
        writer.dictionary_over(self.values.iter(), |members| {
            members.key("slap_software_type").text(self.software_type.as_str());
            members.key("slave_reference").text(&self.id);
            members.key("slave_title").text(self.title.as_str());
            if let Some(timestamp) = self.timestamp {
                members.key("timestamp").int(timestamp.0);
            }
        });
    }

    fn read(value: Value) -> Result<Self, Misfit> {
        let mut fields = Fields::new(value)?;
        Ok(Self {
            id: fields
                .optional_text("slave_reference")?
                .ok_or_else(|| Misfit::new("is missing").within("slave_reference"))?,
            title: fields.name("slave_title")?,
            software_type: fields.name("slap_software_type")?,
            timestamp: timestamp(&mut fields)?,
            values: fields.rest(),
        })
    }
}

fn write_name(members: &mut Members<'_, '_>, key: &'static str, name: Option<&str>) {
    if let Some(name) = name {
        members.key(key).text(name);
    }
}

/// A timestamp: a number of microseconds, or, of a slapproxy, a text with seconds.
fn timestamp(fields: &mut Fields) -> Result<Option<Timestamp>, Misfit> {
    let found = match fields.value("timestamp") {
        Value::None => return Ok(None),
        Value::Int(number) => u64::try_from(number).ok(),
        Value::Text(text) if !text.contains('.') => text.parse().ok(),
        Value::Text(text) => microseconds(&text),
        other => return Err(Misfit::kind("a number", &other).within("timestamp")),
    };
    let found = found.ok_or_else(|| Misfit::new("is not a time").within("timestamp"))?;
    Ok(Some(Timestamp(found)))
}

/// Seconds with a fraction, e.g. `1795413272.037157`, as microseconds; what is finer is kept out.
fn microseconds(text: &str) -> Option<u64> {
    let (seconds, fraction) = text.split_once('.')?;
    let fraction: String = fraction.chars().chain("000000".chars()).take(6).collect();
    seconds.parse::<u64>().ok()?.checked_mul(1_000_000)?.checked_add(fraction.parse().ok()?)
}
