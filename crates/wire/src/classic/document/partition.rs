//! One partition, free or with its instance: an item of [`super::Computer`], and the answer to
//! `registerComputerPartition`.

use std::sync::Arc;

use slapos_core::world::Place;

use super::{BadDocument, Instance, computer::write_release, object, object_of};
use crate::classic::{
    marshal::{Class, Object, Unwritable, Value, Writer, document},
    read::{Fields, Misfit},
};

/// One partition of a computer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partition {
    /// Where it is.
    pub place: Place,
    /// The instance that lives there; `None` when it is free.
    pub instance: Option<Instance>,
    /// What was last said of the instance, e.g. `#access Instance correctly started`. Told in the
    /// computer's document only; there it keeps a node from reporting at every pass.
    pub status: Option<String>,
    /// Told when the partition alone was asked for.
    pub is_synced: bool,
}

impl Partition {
    /// The document of this partition alone.
    ///
    /// # Errors
    /// When a text has a character that XML cannot hold.
    pub fn encode(&self) -> Result<String, Unwritable> {
        document(|writer| self.write(writer))
    }

    /// Reads the document of one partition.
    ///
    /// # Errors
    /// When it is no such document.
    pub fn decode(text: &str) -> Result<Self, BadDocument> {
        Ok(Self::read_state(object_of(text, Class::Partition)?)?)
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        let (computer, partition) = (self.place.computer.as_str(), self.place.partition.as_str());
        let arguments = |writer: &mut Writer| {
            writer.text(computer);
            writer.text(partition);
            writer.none();
        };
        writer.object(Class::Partition, arguments, |members| {
            if let (Some(status), Some(_)) = (&self.status, &self.instance) {
                members.key("_access_status").text(status);
            }
            members.key("_computer_id").text(computer);
            if let Some(instance) = &self.instance {
                members.key("_connection_dict").texts(&instance.connection);
                members.key("_filter_dict").texts(&instance.placement);
                instance.write_id(members);
            }
            members.key("_need_modification").int(u8::from(self.instance.is_some()));
            if let Some(instance) = &self.instance {
                let parameters = instance.parameters.iter();
                members.key("_parameter_dict").dictionary_over(parameters, |members| {
                    instance.write(&self.place, members);
                });
            }
            members.key("_partition_id").text(partition);
            members.key("_request_dict").none();
            match &self.instance {
                Some(instance) => {
                    instance.write_wished(members);
                    let writer = members.key("_software_release_document");
                    write_release(writer, computer, instance.software_release.as_str(), None);
                }
                // By these two a node knows a free partition.
                None => {
                    members.key("_requested_state").text("destroyed");
                    members.key("_software_release_document").none();
                }
            }
            if self.is_synced {
                members.key("_synced").bool(true);
            }
        });
    }

    pub(super) fn read(value: Value) -> Result<Self, Misfit> {
        Self::read_state(object(value, Class::Partition)?)
    }

    fn read_state(object: Object) -> Result<Self, Misfit> {
        let mut fields = Fields::of(object.state)?;
        let place = Place {
            computer: fields.name("_computer_id")?,
            partition: fields.name("_partition_id")?,
        };
        let status = fields.optional_text("_access_status")?;
        let is_synced = fields.value("_synced") == Value::Bool(true);
        let instance = match fields.value("_software_release_document") {
            Value::None => None,
            _ => Some(Self::read_instance(&mut fields)?),
        };
        Ok(Self { place, instance, status, is_synced })
    }

    fn read_instance(fields: &mut Fields) -> Result<Instance, Misfit> {
        let inside = |misfit: Misfit| misfit.within("_parameter_dict");
        let mut inner = Fields::new(fields.value("_parameter_dict")).map_err(inside)?;
        let mut instance = Instance::read(&mut inner).map_err(inside)?;
        instance.read_outer(fields)?;
        for told_above in ["slap_computer_id", "slap_computer_partition_id", "full_address_list"] {
            inner.value(told_above);
        }
        instance.parameters = Arc::new(inner.rest());
        Ok(instance)
    }
}
