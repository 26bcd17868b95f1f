//! The names of things: one type per kind, checked once, where the text enters.
//!
//! A value of one of these types is valid for ever; no other code of `core` checks a name again.
//! Cloning is cheap (a counted reference): the world holds each text once.

use std::{fmt, marker::PhantomData, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A text that is not a name of the kind it was meant for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a valid {kind}: {rule}")]
pub struct BadName {
    /// What it was meant to be, e.g. `computer`.
    pub kind: &'static str,
    /// The text that was refused, cut to 80 characters.
    pub text: String,
    /// The rule that it breaks, as a phrase.
    pub rule: &'static str,
}

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident, $kind:literal, $rule:literal, $valid:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The text of the name.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<&str> for $name {
            type Error = BadName;

            fn try_from(text: &str) -> Result<Self, BadName> {
                let valid: fn(&str) -> bool = $valid;
                if valid(text) {
                    Ok(Self(text.into()))
                } else {
                    let text = text.chars().take(80).collect();
                    Err(BadName { kind: $kind, text, rule: $rule })
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = BadName;

            fn try_from(text: String) -> Result<Self, BadName> {
                Self::try_from(text.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = BadName;

            fn from_str(text: &str) -> Result<Self, BadName> {
                Self::try_from(text)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_str(Named(PhantomData))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }
    )*};
}

/// Reads a name out of a text where that lies. A journal is full of names, so that a copy of each
/// in between costs.
struct Named<T>(PhantomData<T>);

impl<T: for<'t> TryFrom<&'t str, Error = BadName>> de::Visitor<'_> for Named<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        T::try_from(text).map_err(E::custom)
    }
}

/// Letters, digits and `._-`, at most 64 of them, not beginning with a dot: safe as a file name.
fn plain(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 64
        && !text.starts_with('.')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
}

/// One line of text without control characters or what XML cannot hold, of a bounded length in bytes.
fn line(text: &str, longest: usize) -> bool {
    !text.trim().is_empty()
        && text.len() <= longest
        && !text.chars().any(|c| c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}'))
}

names! {
    /// Names one computer, e.g. `COMP-7`.
    ComputerId, "computer name",
        "use 1 to 64 letters, digits, `.`, `_` or `-`", plain;
    /// Names one partition of a computer, e.g. `slappart0`.
    PartitionId, "partition name",
        "use 1 to 64 letters, digits, `.`, `_` or `-`", plain;
    /// Names a person who acts.
    PersonId, "person name",
        "use 1 to 64 letters, digits, `.`, `_` or `-`", plain;
    /// The title of an instance, unique in its tree; for a root, unique for its person.
    Title, "title",
        "use one line of 1 to 256 bytes", |text| line(text, 256);
    /// Where the profile of a software release is: a URL, an absolute path,
    /// or `software/NAME` for a release that comes with the program.
    SoftwareUrl, "software release",
        "use a URL, an absolute path or software/NAME, without blanks, at most 2048 bytes",
        |text| line(text, 2048) && !text.contains(char::is_whitespace);
    /// An entry of a release, e.g. `default`.
    SoftwareType, "software type",
        "use one line of 1 to 128 bytes", |text| line(text, 128);
}

impl PersonId {
    /// Who is meant when a call names nobody, on a master without identities.
    pub fn admin() -> Self {
        Self("admin".into())
    }
}

impl SoftwareType {
    /// The type that is meant when a request names none.
    pub fn default_type() -> Self {
        Self("default".into())
    }
}

/// Identifies one instance for ever; shown as `SOFTINST-12`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InstanceId(pub u64);

impl fmt::Display for InstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SOFTINST-{}", self.0)
    }
}

impl TryFrom<&str> for InstanceId {
    type Error = BadName;

    fn try_from(text: &str) -> Result<Self, BadName> {
        let number = text.strip_prefix("SOFTINST-").and_then(|number| number.parse().ok());
        number.map(Self).ok_or_else(|| {
            let text = text.chars().take(80).collect();
            BadName { kind: "instance id", text, rule: "use SOFTINST- and a number" }
        })
    }
}

impl Serialize for InstanceId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for InstanceId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Named(PhantomData))
    }
}

/// Counts the commits of the master: the state after commit number N is revision N.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Revision(pub u64);

/// Tells the wishes about one thing (an instance, a supply) apart and in order: it is the number
/// of the revision that made the wish. A report that names an older generation is about an older
/// wish and changes nothing.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Generation(pub u64);

/// Microseconds since 1970 in UTC. Whole numbers, as old clients parse them.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Timestamp(pub u64);

impl From<Revision> for Generation {
    fn from(revision: Revision) -> Self {
        Self(revision.0)
    }
}

/// What is wished for an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WishedState {
    /// Deployed, its processes running.
    Started,
    /// Deployed, its processes stopped.
    Stopped,
    /// Removed, its partition free again.
    Destroyed,
}

/// What a node last said of an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReportedState {
    /// The node has begun to work on the wish.
    Starting,
    /// Some part of the profile waits for another instance.
    Waiting,
    /// Processes run and every promise is green.
    Started,
    /// Processes are stopped.
    Stopped,
    /// Nothing of it is left in the partition.
    Destroyed,
    /// The last pass failed; the text says why.
    Error,
}

impl ReportedState {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Waiting => "waiting",
            Self::Started => "started",
            Self::Stopped => "stopped",
            Self::Destroyed => "destroyed",
            Self::Error => "error",
        }
    }
}

/// What is wished for a release on a computer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SupplyWish {
    /// The release shall be installed.
    Available,
    /// The release shall be removed.
    Destroyed,
}

/// What a node last said of a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SupplyState {
    /// Nothing was heard yet.
    Requested,
    /// Installation runs.
    Building,
    /// Installed and complete.
    Available,
    /// Installation failed; the text says why.
    Error,
    /// Removed.
    Destroyed,
}

impl SupplyState {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Building => "building",
            Self::Available => "available",
            Self::Error => "error",
            Self::Destroyed => "destroyed",
        }
    }
}
