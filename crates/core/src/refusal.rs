//! Why a decision was refused: a stable code, a sentence, and what the asker can do.

use crate::{
    allocate::{TRAITS, known_keys},
    names::{ComputerId, InstanceId, PartitionId, SoftwareUrl, Title},
    world::Place,
};

/// So many instances may one instance request.
pub(crate) const CHILDREN_MAX: usize = 1000;

/// Who must act on a refusal. Faces translate it (HTTP statuses, exit codes).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RefusalKind {
    /// What was named does not exist.
    Unknown,
    /// The actor may not do this.
    Forbidden,
    /// The ask makes no sense in any world.
    Invalid,
    /// The ask contradicts what exists now.
    Conflict,
}

/// A decision that was not taken. Nothing has changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No computer of that name was ever formatted.
    #[error("computer `{computer}` is unknown")]
    UnknownComputer {
        /// What was asked.
        computer: ComputerId,
        /// The known name that looks most like it.
        nearest: Option<ComputerId>,
    },
    /// The computer has no such partition.
    #[error("computer {computer} has no partition `{partition}`")]
    UnknownPartition {
        /// The computer.
        computer: ComputerId,
        /// What was asked.
        partition: PartitionId,
    },
    /// Nobody lives in the partition that was said to act.
    #[error("no instance lives in partition {partition} of {computer}")]
    EmptyPartition {
        /// The computer.
        computer: ComputerId,
        /// The partition.
        partition: PartitionId,
    },
    /// Somebody else lives there.
    #[error("`{other}` lives in partition {place}")]
    BusyPartition {
        /// The partition.
        place: Place,
        /// Who lives there.
        other: Title,
    },
    /// The computer was never asked to have this release.
    #[error("`{release}` is not supplied to {computer}")]
    UnknownSupply {
        /// The computer.
        computer: ComputerId,
        /// The release.
        release: SoftwareUrl,
    },
    /// No such instance.
    #[error("instance {0} is unknown")]
    UnknownInstance(InstanceId),
    /// No root has this title.
    #[error("no instance tree is called `{0}`")]
    UnknownTree(Title),
    /// Default deny.
    #[error("{who} may not {deed}")]
    NotPermitted {
        /// The actor.
        who: String,
        /// What it wanted.
        deed: String,
    },
    /// A child asked for the root of its own tree.
    #[error("`{0}` is the root of this tree: only its person can request it")]
    RootRequested(Title),
    /// The child that was asked for has, in the end, asked for the requester.
    #[error("`{requester}` cannot request `{title}`, which itself requested `{requester}`")]
    Cycle {
        /// What was asked for.
        title: Title,
        /// Who asked.
        requester: Title,
    },
    /// What shall go does not come back.
    #[error("`{0}` is being destroyed; destroyed stays destroyed")]
    Leaves(Title),
    /// The requester is on its way out.
    #[error("`{0}` is being destroyed and can request nothing")]
    RequesterLeaves(Title),
    /// An ordinary request does not move an instance to another release.
    #[error("`{title}` runs `{from}`; a request cannot change it to `{to}`")]
    ReleaseChange {
        /// The instance.
        title: Title,
        /// What it runs.
        from: SoftwareUrl,
        /// What was asked.
        to: SoftwareUrl,
    },
    /// A placement key that nobody knows.
    #[error("placement key `{key}` is unknown")]
    UnknownPlacementKey {
        /// What was asked.
        key: String,
        /// The known key that looks most like it.
        nearest: Option<&'static str>,
    },
    /// A trait that computers cannot have.
    #[error("trait `{key}` is unknown")]
    UnknownTrait {
        /// What was asked.
        key: String,
        /// The known trait that looks most like it.
        nearest: Option<&'static str>,
    },
    /// A placement value that cannot be one.
    #[error("placement `{key}` cannot be `{value}`: {rule}")]
    BadPlacementValue {
        /// The key.
        key: String,
        /// What was asked.
        value: String,
        /// The rule that it breaks.
        rule: &'static str,
    },
    /// A release that instances use cannot be removed.
    #[error("`{release}` is used on {computer} by {}", list(titles))]
    ReleaseInUse {
        /// The computer.
        computer: ComputerId,
        /// The release.
        release: SoftwareUrl,
        /// Titles of the instances that use it.
        titles: Vec<Title>,
    },
    /// Whether an instance is shared is decided by its first request.
    #[error("`{title}` is {}, and stays so", if *shared { "a shared instance" } else { "not shared" })]
    SharedChange {
        /// The instance.
        title: Title,
        /// What it is.
        shared: bool,
    },
    /// Another instance of the tree, or another tree of the person, has this title.
    #[error("`{0}` is already the title of another")]
    TitleTaken(Title),
    /// What a child runs is decided by who requests it.
    #[error("`{0}` is not the root of its tree")]
    NotARoot(Title),
    /// One instance requests too many others.
    #[error("`{title}` has requested {CHILDREN_MAX} instances; there is no room for more")]
    TooManyChildren {
        /// The requester.
        title: Title,
    },
    /// The instance does not serve this shared one.
    #[error("`{host}` does not serve {guest}")]
    NotServed {
        /// The instance.
        host: Title,
        /// The shared one.
        guest: String,
    },
    /// Under rules where nobody waits: there is no place now.
    #[error("`{title}` has no place: {cause}")]
    NoPlace {
        /// What was requested.
        title: Title,
        /// Why there is none.
        cause: String,
    },
    /// Nobody holds this token, or not any more.
    #[error("this token is not valid: it was used, has expired, or never existed")]
    BadToken,
    /// Too many tokens wait to be used.
    #[error("too many tokens wait to be used")]
    TooManyTokens,
    /// Another computer has this title.
    #[error("a computer called `{0}` exists already")]
    ComputerTitleTaken(Title),
    /// A computer has one certificate at most.
    #[error("{0} has a certificate that counts")]
    CertificateActive(ComputerId),
    /// A format named one partition twice.
    #[error("partition `{0}` is named twice")]
    PartitionTwice(PartitionId),
}

impl Refusal {
    /// Stable machine-readable name.
    pub fn code(&self) -> &'static str {
        match self {
            Self::UnknownComputer { .. } => "unknown-computer",
            Self::UnknownPartition { .. } => "unknown-partition",
            Self::EmptyPartition { .. } => "empty-partition",
            Self::BusyPartition { .. } => "busy-partition",
            Self::UnknownSupply { .. } => "unknown-supply",
            Self::UnknownInstance(_) => "unknown-instance",
            Self::UnknownTree(_) => "unknown-tree",
            Self::NotPermitted { .. } => "not-permitted",
            Self::RootRequested(_) => "root-requested",
            Self::Cycle { .. } => "request-cycle",
            Self::Leaves(_) => "being-destroyed",
            Self::RequesterLeaves(_) => "requester-being-destroyed",
            Self::ReleaseChange { .. } => "release-change",
            Self::UnknownPlacementKey { .. } => "unknown-placement-key",
            Self::UnknownTrait { .. } => "unknown-trait",
            Self::BadPlacementValue { .. } => "bad-placement-value",
            Self::ReleaseInUse { .. } => "release-in-use",
            Self::PartitionTwice(_) => "partition-named-twice",
            Self::BadToken => "bad-token",
            Self::TooManyTokens => "too-many-tokens",
            Self::ComputerTitleTaken(_) => "computer-title-taken",
            Self::CertificateActive(_) => "certificate-active",
            Self::SharedChange { .. } => "shared-change",
            Self::TitleTaken(_) => "title-taken",
            Self::NotARoot(_) => "not-a-root",
            Self::TooManyChildren { .. } => "too-many-children",
            Self::NotServed { .. } => "not-served",
            Self::NoPlace { .. } => "no-place",
        }
    }

    /// Who must act on it.
    pub fn kind(&self) -> RefusalKind {
        match self {
            Self::UnknownComputer { .. }
            | Self::UnknownPartition { .. }
            | Self::UnknownSupply { .. }
            | Self::UnknownInstance(_)
            | Self::UnknownTree(_)
            | Self::NotServed { .. }
            | Self::NoPlace { .. } => RefusalKind::Unknown,
            Self::NotPermitted { .. } | Self::BadToken => RefusalKind::Forbidden,
            Self::UnknownPlacementKey { .. }
            | Self::UnknownTrait { .. }
            | Self::BadPlacementValue { .. }
            | Self::PartitionTwice(_) => RefusalKind::Invalid,
            Self::EmptyPartition { .. }
            | Self::BusyPartition { .. }
            | Self::RootRequested(_)
            | Self::Cycle { .. }
            | Self::Leaves(_)
            | Self::RequesterLeaves(_)
            | Self::ReleaseChange { .. }
            | Self::SharedChange { .. }
            | Self::TitleTaken(_)
            | Self::NotARoot(_)
            | Self::TooManyTokens
            | Self::ComputerTitleTaken(_)
            | Self::CertificateActive(_)
            | Self::TooManyChildren { .. }
            | Self::ReleaseInUse { .. } => RefusalKind::Conflict,
        }
    }

    /// What the asker can do next; `None` when there is nothing to advise.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::UnknownComputer { nearest: Some(nearest), .. } => {
                format!("did you mean `{nearest}`?")
            }
            Self::UnknownComputer { nearest: None, .. } => {
                "start its node first: a computer is known once its node has formatted it".into()
            }
            Self::UnknownPartition { .. } => "format the computer again".into(),
            Self::UnknownSupply { computer, release } => {
                format!("supply it: slapos supply {release} {computer}")
            }
            Self::UnknownTree(_) => "slapos service list shows all".into(),
            Self::RootRequested(_) => "choose another title".into(),
            Self::Cycle { .. } => "choose another title, or request it from elsewhere".into(),
            Self::ReleaseChange { .. } => "upgrade it: slapos service upgrade TITLE RELEASE".into(),
            Self::UnknownPlacementKey { nearest: Some(nearest), .. }
            | Self::UnknownTrait { nearest: Some(nearest), .. } => {
                format!("did you mean `{nearest}`?")
            }
            Self::UnknownPlacementKey { nearest: None, .. } => {
                format!("usable keys: {}", known_keys().collect::<Vec<_>>().join(", "))
            }
            Self::UnknownTrait { nearest: None, .. } => {
                format!("usable traits: {}", TRAITS.join(", "))
            }
            Self::SharedChange { .. } => "request it under another title".into(),
            Self::BadToken => "ask for a new one: slapos computer token".into(),
            Self::TooManyTokens => "use them, or wait until they expire".into(),
            Self::ComputerTitleTaken(_) => {
                "choose another name, or revoke the computer's certificate to replace it".into()
            }
            Self::CertificateActive(computer) => {
                format!("revoke it first: slapos computer revoke {computer}")
            }
            Self::NotARoot(_) => "change what its requester asks for".into(),
            Self::TitleTaken(_) => "choose another title".into(),
            Self::TooManyChildren { .. } => {
                "request some of them from another instance of the tree".into()
            }
            Self::NoPlace { .. } => "destroy an instance, or format more partitions".into(),
            Self::ReleaseInUse { .. } => "destroy these instances first".into(),
            Self::Leaves(_) => "request it again once it is gone".into(),
            Self::PartitionTwice(_) => "give each partition its own name".into(),
            Self::EmptyPartition { .. }
            | Self::BusyPartition { .. }
            | Self::UnknownInstance(_)
            | Self::NotPermitted { .. }
            | Self::RequesterLeaves(_)
            | Self::NotServed { .. }
            | Self::BadPlacementValue { .. } => return None,
        })
    }
}

/// At most five titles, quoted, and how many more.
fn list(titles: &[Title]) -> String {
    let shown: Vec<_> = titles.iter().take(5).map(|title| format!("`{title}`")).collect();
    match titles.len().saturating_sub(5) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
