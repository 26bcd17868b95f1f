//! A computer, its partitions and its releases: all that its node has to do.

use slapos_core::names::{ComputerId, SoftwareUrl, SupplyWish};

use super::{BadDocument, Partition, object, object_of};
use crate::classic::{
    marshal::{Class, Unwritable, Value, Writer, document},
    read::{Fields, Misfit},
    words,
};

/// The answer to `getFullComputerInformation`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Computer {
    /// Its name.
    pub computer: ComputerId,
    /// All its partitions, free ones too, in the order in which its node shall process them.
    pub partitions: Vec<Partition>,
    /// Its releases.
    pub supplies: Vec<Supply>,
}

/// A release that a computer shall have, or shall be rid of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Supply {
    /// The release.
    pub software_release: SoftwareUrl,
    /// What is wished.
    pub wished: SupplyWish,
}

impl Computer {
    /// Its document.
    ///
    /// # Errors
    /// When a text has a character that XML cannot hold.
    pub fn encode(&self) -> Result<String, Unwritable> {
        let computer = self.computer.as_str();
        let partitions = |writer: &mut Writer| {
            self.partitions.iter().for_each(|partition| partition.write(writer));
        };
        let supplies = |writer: &mut Writer| {
            for supply in &self.supplies {
                let release = supply.software_release.as_str();
                write_release(writer, computer, release, Some(supply.wished));
            }
        };
        document(|writer| {
            writer.object(
                Class::Computer,
                |writer| writer.text(computer),
                |members| {
                    members.key("_computer_id").text(computer);
                    members.key("_computer_partition_list").list(partitions);
                    members.key("_software_release_list").list(supplies);
                },
            );
        })
    }

    /// Reads a computer's document.
    ///
    /// # Errors
    /// When it is no such document.
    pub fn decode(text: &str) -> Result<Self, BadDocument> {
        let mut fields = Fields::of(object_of(text, Class::Computer)?.state)?;
        Ok(Self {
            computer: fields.name("_computer_id")?,
            partitions: fields.list("_computer_partition_list", Partition::read)?,
            supplies: fields.list("_software_release_list", Supply::read)?,
        })
    }
}

impl Supply {
    fn read(value: Value) -> Result<Self, Misfit> {
        let mut fields = Fields::of(object(value, Class::SoftwareRelease)?.state)?;
        let software_release = fields.name("_software_release")?;
        let wished = match fields.optional_text("_requested_state")? {
            None => SupplyWish::Available,
            Some(word) => {
                words::supply(&word).map_err(|misfit| misfit.within("_requested_state"))?
            }
        };
        Ok(Self { software_release, wished })
    }
}

/// A release as an object; in a partition there is no wish for it.
pub(super) fn write_release(
    writer: &mut Writer,
    computer: &str,
    release: &str,
    wished: Option<SupplyWish>,
) {
    let arguments = |writer: &mut Writer| {
        writer.text(release);
        writer.text(computer);
    };
    writer.object(Class::SoftwareRelease, arguments, |members| {
        members.key("_computer_guid").text(computer);
        if let Some(wished) = wished {
            members.key("_requested_state").text(words::of_supply(wished));
        }
        members.key("_software_instance_list").list(|_| ());
        members.key("_software_release").text(release);
    });
}

/// The answer to `requestComputer`: the name of a new computer and nothing else.
///
/// # Errors
/// When a text has a character that XML cannot hold.
pub fn encode_new_computer(computer: &ComputerId) -> Result<String, Unwritable> {
    let computer = computer.as_str();
    document(|writer| {
        writer.object(
            Class::Computer,
            |writer| writer.text(computer),
            |members| {
                members.key("_computer_id").text(computer);
            },
        );
    })
}
