//! Addresses and releases, as lists.

use slapos_core::names::SoftwareUrl;

use crate::classic::{
    marshal::{Unwritable, Value, Writer, document},
    read::{Misfit, list, text},
};

/// An address of a partition, on an interface of its computer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// The interface, e.g. `slaptap0`.
    pub interface: String,
    /// The address as text; a reader passes on what it was given.
    pub address: String,
}

impl Address {
    pub(super) fn write_all(addresses: &[Self], writer: &mut Writer) {
        writer.list(|writer| {
            for Self { interface, address } in addresses {
                writer.tuple(|writer| {
                    writer.text(interface);
                    writer.text(address);
                });
            }
        });
    }

    pub(super) fn read(value: Value) -> Result<Self, Misfit> {
        let [interface, address] = columns(value)?;
        Ok(Self { interface, address })
    }
}

/// An address of a partition behind its tap interface, and the way there. All are texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// `route_` and the name of the tap interface.
    pub interface: String,
    /// The address.
    pub address: String,
    /// Where packets go.
    pub gateway: String,
    /// The mask of the network.
    pub netmask: String,
    /// The network's own address.
    pub network: String,
}

impl Route {
    pub(super) fn write_all(routes: &[Self], writer: &mut Writer) {
        writer.list(|writer| {
            for Self { interface, address, gateway, netmask, network } in routes {
                writer.tuple(|writer| {
                    for column in [interface, address, gateway, netmask, network] {
                        writer.text(column);
                    }
                });
            }
        });
    }

    pub(super) fn read(value: Value) -> Result<Self, Misfit> {
        let [interface, address, gateway, netmask, network] = columns(value)?;
        Ok(Self { interface, address, gateway, netmask, network })
    }
}

fn columns<const N: usize>(value: Value) -> Result<[String; N], Misfit> {
    let columns = list(value, text)?;
    columns.try_into().map_err(|_| Misfit::new(format!("has not {N} members")))
}

/// The answer to `getHostingSubscriptionIpList`: the addresses of a tree.
///
/// # Errors
/// When a text has a character that XML cannot hold.
pub fn encode_addresses(addresses: &[Address]) -> Result<String, Unwritable> {
    document(|writer| Address::write_all(addresses, writer))
}

/// The answer to `getSoftwareReleaseListFromSoftwareProduct`: releases, the best one first.
///
/// # Errors
/// When a text has a character that XML cannot hold.
pub fn encode_releases(releases: &[SoftwareUrl]) -> Result<String, Unwritable> {
    document(|writer| {
        writer.list(|writer| releases.iter().for_each(|release| writer.text(release.as_str())));
    })
}
