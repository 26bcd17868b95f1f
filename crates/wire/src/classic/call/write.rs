//! A request as a form: for masters that pass it on to another.

use super::Request;
use crate::classic::{
    marshal::{Unwritable, Value, document},
    words,
};

impl Request {
    /// The body of the form, which [`super::Call::parse`] understands as this request.
    ///
    /// # Errors
    /// When a text has a character that XML cannot hold.
    pub fn encode(&self) -> Result<String, Unwritable> {
        let mut form = form_urlencoded::Serializer::new(String::new());
        if let Some(place) = &self.requester {
            form.append_pair("computer_id", place.computer.as_str());
            form.append_pair("computer_partition_id", place.partition.as_str());
        }
        let state = match self.wished {
            Some(state) => Value::Text(words::of_wish(state).to_owned()),
            None => Value::None,
        };
        form.append_pair("partition_reference", self.title.as_str())
            .append_pair("software_release", self.software_release.as_str())
            .append_pair("software_type", self.software_type.as_str())
            .append_pair(
                "partition_parameter_xml",
                &document(|writer| writer.texts(&self.parameters))?,
            )
            .append_pair("filter_xml", &document(|writer| writer.texts(&self.placement))?)
            .append_pair("state", &state.encode()?)
            .append_pair("shared_xml", &Value::Bool(self.is_shared).encode()?);
        if let Some(project) = &self.project {
            form.append_pair("project_reference", project);
        }
        Ok(form.finish())
    }
}
