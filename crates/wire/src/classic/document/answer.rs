//! The answer to a request that is fulfilled.

use std::sync::Arc;

use slapos_core::world::Place;

use super::{BadDocument, Instance, object_of};
use crate::classic::{
    marshal::{Class, Unwritable, document},
    read::Fields,
};

/// The answer to `requestComputerPartition`, once the instance is in a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Where it lives; for a shared instance, the partition of its host.
    pub place: Place,
    /// The instance, or the shared instance.
    pub instance: Instance,
}

impl Answer {
    /// Its document.
    ///
    /// # Errors
    /// When a text has a character that XML cannot hold.
    pub fn encode(&self) -> Result<String, Unwritable> {
        document(|writer| {
            writer.object(
                Class::Instance,
                |_| (),
                |members| {
                    members.key("_connection_dict").texts(&self.instance.connection);
                    members.key("_filter_dict").texts(&self.instance.placement);
                    self.instance.write_id(members);
                    members.key("_parameter_dict").texts(&self.instance.parameters);
                    self.instance.write_wished(members);
                    self.instance.write(&self.place, members);
                },
            );
        })
    }

    /// Reads such an answer.
    ///
    /// # Errors
    /// When it is no such document.
    pub fn decode(text: &str) -> Result<Self, BadDocument> {
        let mut fields = Fields::of(object_of(text, Class::Instance)?.state)?;
        let mut instance = Instance::read(&mut fields)?;
        instance.read_outer(&mut fields)?;
        instance.parameters = Arc::new(fields.texts("_parameter_dict")?);
        instance.take_timestamp_from_parameters();
        let place = Place {
            computer: fields.name("slap_computer_id")?,
            partition: fields.name("slap_computer_partition_id")?,
        };
        Ok(Self { place, instance })
    }
}
