//! From the fields of a form to a [`Call`].

use slapos_core::{
    names::{ReportedState, SoftwareType, SupplyState, Title},
    world::Place,
};

use super::{
    BadCall, Call, Configuration, Endpoint, Fault, Form, ReleasesOf, Request, form::Fields,
};
use crate::{
    classic::{
        marshal::Value,
        read::{self, Misfit},
        words,
    },
    v1::Dictionary,
};

impl Call {
    /// Understands the fields of a query (GET) or of a body (POST).
    ///
    /// # Errors
    /// When a field is missing or wrong; the error names it.
    pub fn parse(endpoint: Endpoint, form: &Form<'_>) -> Result<Self, BadCall> {
        let fields = Fields { endpoint, form };
        Ok(match endpoint {
            Endpoint::HateoasUrl => Self::HateoasUrl,
            Endpoint::FullComputer | Endpoint::Computer => Self::Computer(fields.computer()?),
            Endpoint::Partition => {
                let place = fields.place_in("computer_reference", "computer_partition_reference");
                Self::Partition(place?)
            }
            Endpoint::PartitionCertificate => Self::PartitionCertificate(fields.place()?),
            Endpoint::TreeAddresses => Self::TreeAddresses(fields.place()?),
            Endpoint::ComputerStatus => Self::ComputerStatus(fields.computer()?),
            Endpoint::PartitionStatus => Self::PartitionStatus(fields.place()?),
            Endpoint::SupplyStatus => Self::SupplyStatus {
                computer: fields.computer()?,
                software_release: fields.name("url")?,
            },
            Endpoint::Releases => Self::Releases(releases_of(&fields)?),
            Endpoint::Format => Self::Format(Box::new(configuration(&fields)?)),
            Endpoint::Supply => Self::Supply {
                computer: fields.computer()?,
                software_release: fields.name("url")?,
                wished: words::supply(fields.text("state")?)
                    .map_err(|misfit| fields.bad("state", Fault::State(misfit)))?,
            },
            Endpoint::ReleaseBuilding => supply_report(&fields, SupplyState::Building)?,
            Endpoint::ReleaseAvailable => supply_report(&fields, SupplyState::Available)?,
            Endpoint::ReleaseDestroyed => supply_report(&fields, SupplyState::Destroyed)?,
            Endpoint::ReleaseError => supply_report(&fields, SupplyState::Error)?,
            Endpoint::Request => Self::Request(Box::new(request(&fields)?)),
            Endpoint::Publish => Self::Publish {
                place: fields.place()?,
                connection: dictionary(&fields, "connection_xml")?,
                shared: fields.optional_text("slave_reference"),
            },
            Endpoint::RelatedInstances => {
                Self::RelatedInstances { place: fields.place()?, titles: titles(&fields)? }
            }
            Endpoint::InstanceStarted => instance_report(&fields, ReportedState::Started)?,
            Endpoint::InstanceStopped => instance_report(&fields, ReportedState::Stopped)?,
            Endpoint::InstanceDestroyed => instance_report(&fields, ReportedState::Destroyed)?,
            Endpoint::InstanceError => instance_report(&fields, ReportedState::Error)?,
            Endpoint::InstanceBang => Self::InstanceBang {
                place: fields.place()?,
                message: fields.optional_text("message"),
            },
            Endpoint::Rename => Self::Rename {
                place: fields.place()?,
                title: fields.name("new_name")?,
                shared: fields.optional_text("slave_reference"),
            },
            Endpoint::Usage => Self::Usage {
                computer: fields.computer()?,
                report: fields.text("use_string")?.to_owned(),
            },
            Endpoint::ComputerBang => Self::ComputerBang {
                computer: fields.computer()?,
                message: fields.optional_text("message"),
            },
            Endpoint::IssueComputerCertificate => {
                Self::IssueComputerCertificate(fields.computer()?)
            }
            Endpoint::RevokeComputerCertificate => {
                Self::RevokeComputerCertificate(fields.computer()?)
            }
            Endpoint::RequestComputer => Self::RequestComputer(fields.name("computer_title")?),
            Endpoint::RegisterComputer => Self::RegisterComputer(fields.name("title")?),
            Endpoint::PersonCertificate => Self::PersonCertificate,
        })
    }
}

fn releases_of(fields: &Fields<'_, '_>) -> Result<ReleasesOf, BadCall> {
    match fields.optional_text("software_product_reference") {
        Some(product) => Ok(ReleasesOf::Product(product)),
        None => match fields.optional_name("software_release_url")? {
            Some(release) => Ok(ReleasesOf::Release(release)),
            None => Err(fields.bad("software_product_reference", Fault::Missing)),
        },
    }
}

fn configuration(fields: &Fields<'_, '_>) -> Result<Configuration, BadCall> {
    let value = fields.required_value("xml")?;
    Configuration::read(value).map_err(fields.shape("xml"))
}

fn titles(fields: &Fields<'_, '_>) -> Result<Vec<Title>, BadCall> {
    let value = fields.value("instance_reference_xml")?;
    read::list(value, read::name).map_err(fields.shape("instance_reference_xml"))
}

fn supply_report(fields: &Fields<'_, '_>, state: SupplyState) -> Result<Call, BadCall> {
    Ok(Call::SupplyReport {
        computer: fields.computer()?,
        software_release: fields.name("url")?,
        state,
        text: fields.optional_text("error_log"),
    })
}

fn instance_report(fields: &Fields<'_, '_>, state: ReportedState) -> Result<Call, BadCall> {
    Ok(Call::InstanceReport {
        place: fields.place()?,
        state,
        text: fields.optional_text("error_log"),
        shared: fields.optional_text("slave_reference"),
    })
}

fn request(fields: &Fields<'_, '_>) -> Result<Request, BadCall> {
    let software_type = fields.optional_name("software_type")?;
    Ok(Request {
        requester: requester(fields)?,
        title: fields.name("partition_reference")?,
        software_release: fields.name("software_release")?,
        software_type: software_type.unwrap_or_else(SoftwareType::default_type),
        parameters: dictionary(fields, "partition_parameter_xml")?,
        placement: dictionary(fields, "filter_xml")?,
        wished: match fields.value("state")? {
            Value::None => None,
            Value::Text(word) => Some(
                words::wish(&word).map_err(|misfit| fields.bad("state", Fault::State(misfit)))?,
            ),
            other => return Err(fields.shape("state")(Misfit::kind("a text or none", &other))),
        },
        is_shared: match fields.value("shared_xml")? {
            Value::None => false,
            Value::Bool(truth) => truth,
            Value::Int(number) => number != 0,
            other => return Err(fields.shape("shared_xml")(Misfit::kind("a bool", &other))),
        },
        project: fields.optional_text("project_reference"),
    })
}

/// The partition that asks: both its names are there, or neither.
fn requester(fields: &Fields<'_, '_>) -> Result<Option<Place>, BadCall> {
    let is_there = |field| fields.optional(field).is_some();
    if is_there("computer_id") || is_there("computer_partition_id") {
        fields.place().map(Some)
    } else {
        Ok(None)
    }
}

/// A dictionary of texts, which may be absent. Masters keep other values as the text that
/// Python's `str()` makes of them, `None` included.
fn dictionary(fields: &Fields<'_, '_>, field: &'static str) -> Result<Dictionary, BadCall> {
    match fields.value(field)? {
        Value::None => Ok(Dictionary::new()),
        Value::Dictionary(members) => {
            let texts = members.into_iter();
            Ok(texts.map(|(key, value)| (key.into_text(), value.into_text())).collect())
        }
        other => Err(fields.shape(field)(Misfit::kind("a dictionary", &other))),
    }
}
