//! How a computer was formatted, as its node tells it.

use std::net::IpAddr;

use slapos_core::names::{ComputerId, PartitionId};

use crate::classic::{
    document::Route,
    marshal::Value,
    read::{Fields, Misfit, text},
};

/// A computer and all its partitions. Of what its node sends, only what a master can use is
/// here: users, paths and storage stay the node's own affair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Configuration {
    /// The computer.
    pub computer: ComputerId,
    /// Its own address.
    pub address: Option<String>,
    /// Its operating system, a list of texts as JSON.
    pub operating_system: Option<String>,
    /// Version of the node's Python.
    pub python_version: Option<String>,
    /// Version of the node's program.
    pub slapos_version: Option<String>,
    /// All its partitions.
    pub partitions: Vec<PartitionConfiguration>,
}

/// One partition as its node formatted it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionConfiguration {
    /// Its name.
    pub partition: PartitionId,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
    /// Its tap interface.
    pub tap: Option<Tap>,
    /// Its capabilities.
    pub capabilities: Vec<String>,
}

/// A tap interface of a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tap {
    /// Its name, not empty.
    pub name: String,
    /// The IPv4 network behind it.
    pub ipv4: Option<TapNetwork>,
}

/// The network behind a tap interface; all are texts, the address is not empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TapNetwork {
    /// The partition's address in it.
    pub address: String,
    /// The mask.
    pub netmask: String,
    /// Where packets go.
    pub gateway: String,
    /// The network's own address.
    pub network: String,
}

impl Configuration {
    pub(super) fn read(value: Value) -> Result<Self, Misfit> {
        let mut fields = Fields::new(value)?;
        Ok(Self {
            computer: fields.name("reference")?,
            address: fields.optional_text("address")?,
            operating_system: fields.optional_text("os_type")?,
            python_version: fields.optional_text("python_version")?,
            slapos_version: fields.optional_text("slapos_version")?,
            partitions: fields.list("partition_list", PartitionConfiguration::read)?,
        })
    }
}

impl PartitionConfiguration {
    /// The interface that its addresses are said to be on.
    pub fn interface(&self) -> &str {
        self.tap.as_ref().map_or(self.partition.as_str(), |tap| &tap.name)
    }

    /// Its address behind its tap interface, if it has one.
    pub fn route(&self) -> Option<Route> {
        let tap = self.tap.as_ref()?;
        let TapNetwork { address, netmask, gateway, network } = tap.ipv4.clone()?;
        Some(Route { interface: format!("route_{}", tap.name), address, gateway, netmask, network })
    }

    fn read(value: Value) -> Result<Self, Misfit> {
        let mut fields = Fields::new(value)?;
        let tap = match fields.value("tap") {
            Value::None => None,
            value => Tap::read(value).map_err(|misfit| misfit.within("tap"))?,
        };
        Ok(Self {
            partition: fields.name("reference")?,
            addresses: fields.list("address_list", address)?,
            tap,
            capabilities: fields.list("capability_list", text)?,
        })
    }
}

impl Tap {
    fn read(value: Value) -> Result<Option<Self>, Misfit> {
        let mut fields = Fields::new(value)?;
        let mut text = |key| fields.optional_text(key).map(Option::unwrap_or_default);
        let name = text("name")?;
        if name.is_empty() {
            return Ok(None);
        }
        let ipv4 = TapNetwork {
            address: text("ipv4_addr")?,
            netmask: text("ipv4_netmask")?,
            gateway: text("ipv4_gateway")?,
            network: text("ipv4_network")?,
        };
        Ok(Some(Self { name, ipv4: Some(ipv4).filter(|ipv4| !ipv4.address.is_empty()) }))
    }
}

fn address(value: Value) -> Result<IpAddr, Misfit> {
    let text = Fields::new(value)?.optional_text("addr")?;
    let address = text.ok_or_else(|| Misfit::new("is missing"))?;
    address.parse().map_err(|_| Misfit::new("is not an IP address").within("addr"))
}
