//! The input of a method, whose shape was checked: its fields as names and texts.

use serde_json::Value;
use slapos_core::{names::BadName, world::Dictionary};
use slapos_wire::is_forbidden;

use super::error::RpcError;

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
    pub(super) fn texts(&self, field: &str) -> Result<Dictionary, RpcError> {
        let members = self.0[field].as_object().into_iter().flatten();
        let text = |(name, value): (&String, &Value)| {
            let text = match value {
                Value::String(text) => text.clone(),
                Value::Null => String::new(),
                other => other.to_string(),
            };
            if let Some(c) = name.chars().chain(text.chars()).find(|c| is_forbidden(*c)) {
                let name = name.escape_debug();
                let code = u32::from(c);
                let why = format!("{field}.{name} holds U+{code:04X}, which XML cannot hold");
                return Err(RpcError::Input(why));
            }
            Ok((name.clone(), text))
        };
        members.map(text).collect()
    }
}

/// A text as a name of its kind.
pub(super) fn name<T>(field: &str, text: &str) -> Result<T, RpcError>
where
    T: for<'t> TryFrom<&'t str, Error = BadName>,
{
    T::try_from(text).map_err(|error| RpcError::Input(format!("{field}: {error}")))
}
