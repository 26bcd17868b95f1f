//! The values of conditions, compared as in Python.

use std::cmp::Ordering;
use std::collections::BTreeMap;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Bool(bool),
    Int(i64),
    Text(String),
    /// A dotted version, as in the markers `python_version` and `platform_release`.
    Version(Vec<i64>),
    /// A tuple or list; profiles never compare one with the other.
    Items(Vec<Self>),
    Table(BTreeMap<String, String>),
}

impl Value {
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    pub(super) fn truth(&self) -> bool {
        match self {
            Self::Bool(value) => *value,
            Self::Int(value) => *value != 0,
            Self::Text(text) => !text.is_empty(),
            Self::Version(_) => true,
            Self::Items(items) => !items.is_empty(),
            Self::Table(table) => !table.is_empty(),
        }
    }

    /// `left operator right`; `not` stands for `not in`.
    pub(super) fn compare(&self, operator: &str, right: &Self) -> Result<bool, String> {
        if let "in" | "not" = operator {
            let found = match (self, right) {
                (Self::Text(part), Self::Text(whole)) => whole.contains(part.as_str()),
                (Self::Text(key), Self::Table(table)) => table.contains_key(key),
                (item, Self::Items(items)) => items.contains(item),
                _ => {
                    return Err(
                        "the condition asks what is `in` something that holds nothing".into()
                    );
                }
            };
            return Ok(found == (operator == "in"));
        }
        let order = match (self, right) {
            (Self::Version(a), Self::Text(b)) => Some(versions(a, b)),
            (Self::Text(a), Self::Version(b)) => Some(versions(b, a).reverse()),
            _ => order(self, right),
        };
        Ok(match (operator, order) {
            ("==", order) => order == Some(Ordering::Equal),
            ("!=", order) => order != Some(Ordering::Equal),
            (_, None) => return Err("the condition compares things that have no order".into()),
            ("<", Some(order)) => order.is_lt(),
            ("<=", Some(order)) => order.is_le(),
            (">", Some(order)) => order.is_gt(),
            (_, Some(order)) => order.is_ge(),
        })
    }
}

fn versions(a: &[i64], text: &str) -> Ordering {
    let b: Vec<i64> = text.split('.').map(|part| part.parse().unwrap_or(0)).collect();
    let at = |parts: &[i64], i: usize| parts.get(i).copied().unwrap_or(0);
    (0..a.len().max(b.len()))
        .map(|i| at(a, i).cmp(&at(&b, i)))
        .find(|order| order.is_ne())
        .unwrap_or(Ordering::Equal)
}

fn order(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::Bool(a), Value::Bool(b)) => Some(a.cmp(b)),
        (Value::Int(a), Value::Int(b)) => Some(a.cmp(b)),
        (Value::Text(a), Value::Text(b)) => Some(a.cmp(b)),
        (Value::Items(a), Value::Items(b)) => {
            for (x, y) in a.iter().zip(b) {
                let found = order(x, y)?;
                if found.is_ne() {
                    return Some(found);
                }
            }
            Some(a.len().cmp(&b.len()))
        }
        _ => None,
    }
}
