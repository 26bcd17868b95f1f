//! The input of a method, whose shape was checked: its fields as names and texts.

use serde_json::Value;
use slapos_core::{names::BadName, world::Dictionary};

use super::error::RpcError;
use crate::http::texts;

/// The input of one call.
pub(super) struct Input(pub(super) Value);

impl Input {
    /// A text that must be there; the schema saw to that.
    pub(super) fn text(&self, field: &str) -> &str {
        self.0[field].as_str().unwrap_or_default()
    }

    /// A text that need not be there.
    pub(super) fn optional(&self, field: &str) -> Option<&str> {
        self.0[field].as_str()
    }

    /// A name of its kind.
    pub(super) fn name<T>(&self, field: &str) -> Result<T, RpcError>
    where
        T: for<'t> TryFrom<&'t str, Error = BadName>,
    {
        name(field, self.text(field))
    }

    /// Texts by name. Other values become their JSON, nothing the empty text.
    pub(super) fn texts(&self, field: &'static str) -> Result<Dictionary, RpcError> {
        let members = self.0[field].as_object().into_iter().flatten();
        let text = |(name, value): (&String, &Value)| {
            let text = match value {
                Value::String(text) => text.clone(),
                Value::Null => String::new(),
                other => other.to_string(),
            };
            (name.clone(), text)
        };
        let texts = members.map(text).collect();
        texts::check(field, &texts).map_err(|error| RpcError::Input(error.to_string()))?;
        Ok(texts)
    }
}

/// A text as a name of its kind.
pub(super) fn name<T>(field: &str, text: &str) -> Result<T, RpcError>
where
    T: for<'t> TryFrom<&'t str, Error = BadName>,
{
    T::try_from(text).map_err(|error| RpcError::Input(format!("{field}: {error}")))
}
