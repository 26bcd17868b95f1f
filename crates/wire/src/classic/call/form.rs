//! The fields of one call, taken by name.

use std::borrow::Cow;

use slapos_core::{
    names::{BadName, ComputerId, PartitionId},
    world::Place,
};

use super::endpoint::Endpoint;
use crate::{
    classic::{
        marshal::{Value, decode},
        read::Misfit,
    },
    xml::BadXml,
};

/// More fields are not looked at; the protocol has ten at most.
const FIELDS_MAX: usize = 100;

/// The decoded fields of a query or of the body of a form.
#[derive(Debug, Default)]
pub struct Form<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'a> Form<'a> {
    /// Decodes `application/x-www-form-urlencoded`; never fails, as browsers do not.
    pub fn decode(encoded: &'a [u8]) -> Self {
        Self(form_urlencoded::parse(encoded).take(FIELDS_MAX).collect())
    }

    /// The text of a field; the first one counts.
    pub fn get(&self, field: &str) -> Option<&str> {
        self.0.iter().find(|(name, _)| name == field).map(|(_, text)| text.as_ref())
    }
}

/// A call that cannot be understood: one field is missing or wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the field `{field}` of `{endpoint}` is missing or wrong")]
pub struct BadCall {
    /// The endpoint that was called.
    pub endpoint: Endpoint,
    /// The field, as it is called on the wire.
    pub field: &'static str,
    /// What is wrong with it.
    #[source]
    pub fault: Fault,
}

/// What can be wrong with a field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It must be there, and is not.
    #[error("the field is missing")]
    Missing,
    /// It should hold marshalled XML, and does not.
    #[error("the field is not marshalled XML: {0}")]
    Xml(BadXml),
    /// It does, but the value in it has another shape.
    #[error("the value in the field does not fit: {0}")]
    Shape(Misfit),
    /// It should be a name, and is none.
    #[error(transparent)]
    Name(BadName),
    /// It should be the word for a state, and is none.
    #[error("the word in the field {0}")]
    State(Misfit),
}

impl BadCall {
    /// Stable machine-readable name of the error.
    pub fn code(&self) -> &'static str {
        match self.fault {
            Fault::Missing => "missing-field",
            Fault::Xml(_) => "not-marshalled",
            Fault::Shape(_) => "wrong-shape",
            Fault::Name(_) => "bad-name",
            Fault::State(_) => "unknown-state",
        }
    }

    /// What the caller can do about it.
    pub fn hint(&self) -> &'static str {
        match self.fault {
            Fault::Missing => "send the field",
            Fault::Xml(_) => "send what the marshaller of slapos.core writes",
            Fault::Shape(_) => "send the value that slapos.core 1.26 sends in this field",
            Fault::Name(_) => "send a name that follows the rule",
            Fault::State(_) => "send one of the words that the protocol has",
        }
    }
}

/// A form that belongs to an endpoint, which its errors name.
pub(super) struct Fields<'f, 'a> {
    pub(super) endpoint: Endpoint,
    pub(super) form: &'f Form<'a>,
}

impl Fields<'_, '_> {
    pub(super) fn bad(&self, field: &'static str, fault: Fault) -> BadCall {
        BadCall { endpoint: self.endpoint, field, fault }
    }

    pub(super) fn shape(&self, field: &'static str) -> impl Fn(Misfit) -> BadCall {
        let endpoint = self.endpoint;
        move |misfit| BadCall { endpoint, field, fault: Fault::Shape(misfit) }
    }

    /// A text that must be there, as it is.
    pub(super) fn text(&self, field: &'static str) -> Result<&str, BadCall> {
        self.form.get(field).ok_or_else(|| self.bad(field, Fault::Missing))
    }

    /// A text that may be absent. The client writes nothing as the text `None`.
    pub(super) fn optional(&self, field: &str) -> Option<&str> {
        self.form.get(field).filter(|text| !text.is_empty() && !text.eq_ignore_ascii_case("none"))
    }

    pub(super) fn optional_text(&self, field: &str) -> Option<String> {
        self.optional(field).map(str::to_owned)
    }

    /// A name that must be there.
    pub(super) fn name<T>(&self, field: &'static str) -> Result<T, BadCall>
    where
        T: for<'t> TryFrom<&'t str, Error = BadName>,
    {
        T::try_from(self.text(field)?).map_err(|error| self.bad(field, Fault::Name(error)))
    }

    /// A name that may be absent.
    pub(super) fn optional_name<T>(&self, field: &'static str) -> Result<Option<T>, BadCall>
    where
        T: for<'t> TryFrom<&'t str, Error = BadName>,
    {
        let name = self.optional(field).map(T::try_from).transpose();
        name.map_err(|error| self.bad(field, Fault::Name(error)))
    }

    /// A name that must be there and cannot be the text `None`.
    fn thing<T>(&self, field: &'static str) -> Result<T, BadCall>
    where
        T: for<'t> TryFrom<&'t str, Error = BadName>,
    {
        self.optional_name(field)?.ok_or_else(|| self.bad(field, Fault::Missing))
    }

    pub(super) fn computer(&self) -> Result<ComputerId, BadCall> {
        self.thing("computer_id")
    }

    pub(super) fn place(&self) -> Result<Place, BadCall> {
        self.place_in("computer_id", "computer_partition_id")
    }

    pub(super) fn place_in(
        &self,
        computer: &'static str,
        partition: &'static str,
    ) -> Result<Place, BadCall> {
        let partition: Result<PartitionId, _> = self.thing(partition);
        Ok(Place { computer: self.thing(computer)?, partition: partition? })
    }

    /// A marshalled value; an absent field is none.
    pub(super) fn value(&self, field: &'static str) -> Result<Value, BadCall> {
        match self.form.get(field) {
            None | Some("") => Ok(Value::None),
            Some(text) => decode(text).map_err(|error| self.bad(field, Fault::Xml(error))),
        }
    }

    /// A marshalled value that must be there.
    pub(super) fn required_value(&self, field: &'static str) -> Result<Value, BadCall> {
        self.text(field)?;
        self.value(field)
    }
}
