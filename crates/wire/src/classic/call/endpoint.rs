//! The endpoints of the classic protocol: name and method.

use std::fmt;

/// How an endpoint is asked. A GET has its fields in the query, a POST in the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Reads.
    Get,
    /// Asks or reports.
    Post,
}

impl Method {
    /// As HTTP writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
        }
    }
}

macro_rules! endpoints {
    ($($(#[$doc:meta])* $endpoint:ident, $method:ident, $name:literal;)*) => {
        /// One endpoint, which is one path below the master's URL.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Endpoint {
            $($(#[$doc])* $endpoint,)*
        }

        impl Endpoint {
            /// All endpoints, as a table to route by.
            pub const ALL: &[Self] = &[$(Self::$endpoint,)*];

            /// Its name on the wire: the path, without a slash.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$endpoint => $name,)*
                }
            }

            /// The only method that it answers to.
            pub fn method(self) -> Method {
                match self {
                    $(Self::$endpoint => Method::$method,)*
                }
            }

            /// The endpoint of a name on the wire.
            pub fn of_name(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self::$endpoint),)*
                    _ => None,
                }
            }
        }
    };
}

endpoints! {
    /// Where the HATEOAS documents are; plain text.
    HateoasUrl, Get, "getHateoasUrl";
    /// All that a node has to do.
    FullComputer, Get, "getFullComputerInformation";
    /// The same, for clients that were answered 404.
    Computer, Get, "getComputerInformation";
    /// One partition.
    Partition, Get, "registerComputerPartition";
    /// The certificate of the instance in a partition.
    PartitionCertificate, Get, "getComputerPartitionCertificate";
    /// The addresses of all partitions of an instance's tree.
    TreeAddresses, Get, "getHostingSubscriptionIpList";
    /// What was last said of a computer.
    ComputerStatus, Get, "getComputerStatus";
    /// What was last said of the instance in a partition.
    PartitionStatus, Get, "getComputerPartitionStatus";
    /// What was last said of a release on a computer.
    SupplyStatus, Get, "getSoftwareInstallationStatus";
    /// The releases of a product.
    Releases, Get, "getSoftwareReleaseListFromSoftwareProduct";
    /// These are a computer's partitions.
    Format, Post, "loadComputerConfigurationFromXML";
    /// A release is wished on a computer.
    Supply, Post, "supplySupply";
    /// A release is being installed.
    ReleaseBuilding, Post, "buildingSoftwareRelease";
    /// A release is installed.
    ReleaseAvailable, Post, "availableSoftwareRelease";
    /// A release is removed.
    ReleaseDestroyed, Post, "destroyedSoftwareRelease";
    /// A release could not be installed.
    ReleaseError, Post, "softwareReleaseError";
    /// An instance is wished.
    Request, Post, "requestComputerPartition";
    /// This is an instance's connection.
    Publish, Post, "setComputerPartitionConnectionXml";
    /// These instances were requested in one pass.
    RelatedInstances, Post, "updateComputerPartitionRelatedInstanceList";
    /// An instance runs.
    InstanceStarted, Post, "startedComputerPartition";
    /// An instance is stopped.
    InstanceStopped, Post, "stoppedComputerPartition";
    /// Nothing of an instance is left.
    InstanceDestroyed, Post, "destroyedComputerPartition";
    /// An instance has an error.
    InstanceError, Post, "softwareInstanceError";
    /// Process an instance again.
    InstanceBang, Post, "softwareInstanceBang";
    /// An instance gets another title.
    Rename, Post, "softwareInstanceRename";
    /// What was used on a computer.
    Usage, Post, "useComputer";
    /// Process all instances of a computer again.
    ComputerBang, Post, "computerBang";
    /// A computer gets a certificate.
    IssueComputerCertificate, Post, "generateComputerCertificate";
    /// A computer's certificate shall not count any more.
    RevokeComputerCertificate, Post, "revokeComputerCertificate";
    /// A new computer, asked for by a person.
    RequestComputer, Post, "requestComputer";
    /// A new computer with its certificate, asked for with a token.
    RegisterComputer, Post, "Person_requestComputer";
    /// A person's certificate, asked for with a token.
    PersonCertificate, Post, "Person_getCertificate";
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
