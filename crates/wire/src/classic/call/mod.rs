//! What is asked of a master: one typed [`Call`] for each endpoint.
//!
//! Unknown fields are passed over, as other masters do. The caller is never taken from here: who
//! may speak for a computer or a partition is for the HTTP face to know.

mod configuration;
mod endpoint;
mod form;
mod parse;
mod write;

use slapos_core::{
    names::{
        ComputerId, ReportedState, SoftwareType, SoftwareUrl, SupplyState, SupplyWish, Title,
        WishedState,
    },
    world::Place,
};

pub use configuration::{Configuration, PartitionConfiguration, Tap, TapNetwork};
pub use endpoint::{Endpoint, Method};
pub use form::{BadCall, Fault, Form};

use crate::v1::Dictionary;

/// One call, understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call {
    /// Where are the HATEOAS documents?
    HateoasUrl,
    /// What has this computer's node to do?
    Computer(ComputerId),
    /// What is in this partition?
    Partition(Place),
    /// The certificate of the instance in this partition.
    PartitionCertificate(Place),
    /// The addresses of all partitions of the tree of the instance in this partition.
    TreeAddresses(Place),
    /// What was last said of this computer?
    ComputerStatus(ComputerId),
    /// What was last said of the instance in this partition?
    PartitionStatus(Place),
    /// What was last said of this release on this computer?
    SupplyStatus {
        /// The computer.
        computer: ComputerId,
        /// The release.
        software_release: SoftwareUrl,
    },
    /// Which releases are there?
    Releases(ReleasesOf),
    /// These are the partitions of a computer.
    Format(Box<Configuration>),
    /// A release is wished on a computer, or not any more.
    Supply {
        /// The computer.
        computer: ComputerId,
        /// The release.
        software_release: SoftwareUrl,
        /// What is wished.
        wished: SupplyWish,
    },
    /// A node says how far a release is.
    SupplyReport {
        /// The computer.
        computer: ComputerId,
        /// The release.
        software_release: SoftwareUrl,
        /// How far it is.
        state: SupplyState,
        /// The error's text.
        text: Option<String>,
    },
    /// An instance is wished.
    Request(Box<Request>),
    /// An instance publishes its connection, or that of a shared instance that it serves.
    Publish {
        /// Where the instance lives.
        place: Place,
        /// The connection.
        connection: Dictionary,
        /// The shared instance, as it is named in its host's document.
        shared: Option<String>,
    },
    /// The titles that an instance requested in one pass: all of them.
    RelatedInstances {
        /// Where the instance lives.
        place: Place,
        /// The titles.
        titles: Vec<Title>,
    },
    /// A node says how an instance is.
    InstanceReport {
        /// Where the instance lives.
        place: Place,
        /// How it is: started, stopped, destroyed or error.
        state: ReportedState,
        /// The error's text.
        text: Option<String>,
        /// The shared instance that it is about, as it is named in its host's document.
        shared: Option<String>,
    },
    /// Process an instance again.
    InstanceBang {
        /// Where the instance lives.
        place: Place,
        /// Why.
        message: Option<String>,
    },
    /// An instance, or a shared instance that it serves, gets another title.
    Rename {
        /// Where the instance lives.
        place: Place,
        /// The new title.
        title: Title,
        /// The shared instance, as it is named in its host's document.
        shared: Option<String>,
    },
    /// What was used on a computer.
    Usage {
        /// The computer.
        computer: ComputerId,
        /// The report, an XML document that was not looked at; see [`super::usage`].
        report: String,
    },
    /// Process all instances of a computer again.
    ComputerBang {
        /// The computer.
        computer: ComputerId,
        /// Why.
        message: Option<String>,
    },
    /// A new certificate for a computer.
    IssueComputerCertificate(ComputerId),
    /// The certificate of a computer shall not count any more.
    RevokeComputerCertificate(ComputerId),
    /// A person wants a new computer, with this title.
    RequestComputer(Title),
    /// The holder of a token wants a new computer, with this title, and its certificate.
    RegisterComputer(Title),
    /// The holder of a token wants a person's certificate.
    PersonCertificate,
}

/// Which releases are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReleasesOf {
    /// Those of the product with this name.
    Product(String),
    /// Those of the product that has this release.
    Release(SoftwareUrl),
}

/// An instance is wished: found or made by its title.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Where the instance lives that asks; `None`: a person asks.
    pub requester: Option<Place>,
    /// The title.
    pub title: Title,
    /// The release.
    pub software_release: SoftwareUrl,
    /// The entry of the release.
    pub software_type: SoftwareType,
    /// What goes into the instance.
    pub parameters: Dictionary,
    /// Conditions on where it may live.
    pub placement: Dictionary,
    /// What is wished; `None`: the caller did not say.
    pub wished: Option<WishedState>,
    /// Whether a shared instance is wished.
    pub is_shared: bool,
    /// The project that it belongs to.
    pub project: Option<String>,
}
