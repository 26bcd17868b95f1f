//! The rules in which one master differs from another: one value, given at the start.

use crate::names::ComputerId;

/// Which rules a master follows. The default is that of a production master.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    /// Where an instance may go.
    pub places: Places,
    /// What a request may do to the release of a root.
    pub root_release: RootRelease,
    /// What becomes of children that their requester no longer asks for.
    pub unrequested: Unrequested,
    /// Where instances go whose request names no computer; `None`: wherever there is room.
    pub default_computer: Option<ComputerId>,
    /// Which conditions of a request on its place count.
    pub conditions: Conditions,
    /// How far the bang of an old node reaches.
    pub old_bang: OldBang,
    /// By what old clients know instances.
    pub old_names: OldNames,
}

/// Where an instance may go.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Places {
    /// Where its release is supplied. While there is no such place it waits.
    #[default]
    Supplied,
    /// To any free partition. A request for which there is none is refused (the rule of the
    /// single-node proxy: protocol, section 15).
    Anywhere,
}

/// What a request may do to the release of an existing root.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RootRelease {
    /// Nothing: an [`Upgrade`](crate::decide::Upgrade) changes it.
    #[default]
    Upgraded,
    /// A request changes it.
    Requested,
}

/// What becomes of children that their requester did not ask for in a complete pass.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Unrequested {
    /// They are destroyed.
    #[default]
    Destroyed,
    /// They stay, and are listed as not requested.
    Listed,
}

/// Which conditions of a request on its place count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Conditions {
    /// All. A key that is not known is refused, and a partition that has capabilities serves only
    /// requests that name one of them.
    #[default]
    All,
    /// The computer and the host. Other keys, and the capabilities of partitions, have no effect.
    Named,
}

/// How far the bang of an old node reaches.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OldBang {
    /// The instance and those above it, that requested it.
    #[default]
    Requesters,
    /// Its whole tree.
    Tree,
}

/// By what old clients know instances.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OldNames {
    /// Their identity, `SOFTINST-7`.
    #[default]
    Identity,
    /// Where they live, `COMP-1-slappart0`; a shared one its root and its title, `app_tenant`.
    Place,
}

impl Policy {
    /// The rules of the single-node proxy with its one default computer.
    pub fn proxy(default_computer: ComputerId) -> Self {
        Self {
            places: Places::Anywhere,
            root_release: RootRelease::Requested,
            unrequested: Unrequested::Listed,
            default_computer: Some(default_computer),
            conditions: Conditions::Named,
            old_bang: OldBang::Tree,
            old_names: OldNames::Place,
        }
    }
}
