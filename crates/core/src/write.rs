//! What a decision changes: rows as they are afterwards. A journal of these is the truth.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{
    actor::Actor,
    names::{ComputerId, InstanceId, Revision, SoftwareUrl, Timestamp, Title},
    world::{
        Computer, Dictionary, Instance, Outcome, Partition, Place, Report, Supply, Token,
        TokenDigest,
    },
};

/// One row put or removed. Applying the same writes in the same order gives the same world.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Write {
    /// A computer as it is now.
    PutComputer(Computer),
    /// A partition as it is now.
    PutPartition(Partition),
    /// A partition is gone.
    RemovePartition(Place),
    /// A release on a computer as it is now.
    PutSupply(Supply),
    /// A release on a computer is gone.
    RemoveSupply {
        /// The computer.
        computer: ComputerId,
        /// The release.
        release: SoftwareUrl,
    },
    /// An instance as it is now.
    PutInstance(Box<Instance>),
    /// What came out of an instance as it is now; all else of its row is as it was.
    PutOutcome(Box<Outcome>),
    /// An instance is gone.
    RemoveInstance(InstanceId),
    /// A token can be used.
    PutToken(Token),
    /// A token was used, or has expired.
    RemoveToken(TokenDigest),
    /// The revisions between this one and that of the entry are given to nothing: see
    /// [`Entry::of_restore`].
    SkipRevisions {
        /// The revision of the entry before.
        after: Revision,
    },
}

impl Write {
    /// The instance whose row this puts, or the outcome in it.
    pub fn instance(&self) -> Option<InstanceId> {
        match self {
            Self::PutInstance(row) => Some(row.id),
            Self::PutOutcome(outcome) => Some(outcome.id),
            _ => None,
        }
    }

    /// About how many bytes of memory this takes: of texts, which callers choose, and little else.
    fn bytes(&self) -> usize {
        const ROW: usize = 512;
        let text = |text: &Option<Arc<str>>| text.as_ref().map_or(0, |it| it.len());
        let texts = |texts: &Dictionary| -> usize {
            texts.iter().map(|(key, value)| key.len() + value.len() + 64).sum()
        };
        let said = |report: &Option<Report>| {
            let report = report.iter();
            let each = report.map(|it| {
                let promises = it.promises.iter().map(|it| it.name.len() + it.message.len() + 64);
                text(&it.text) + promises.sum::<usize>()
            });
            each.sum::<usize>()
        };
        let unproven = |it: &Option<Arc<Dictionary>>| it.as_deref().map_or(0, texts);
        let texts = match self {
            Self::PutInstance(it) => {
                texts(&it.parameters)
                    + texts(&it.connection)
                    + unproven(&it.unproven)
                    + said(&it.report)
                    + text(&it.error)
            }
            Self::PutOutcome(it) => {
                texts(&it.connection) + unproven(&it.unproven) + said(&it.report) + text(&it.error)
            }
            Self::PutSupply(it) => it.text.as_ref().map_or(0, String::len),
            _ => 0,
        };
        ROW + texts
    }

    /// True when this puts all that another one put before.
    pub(crate) fn supersedes(&self, before: &Self) -> bool {
        let whole = |write: &Self| matches!(write, Self::PutInstance(_));
        self.instance().is_some()
            && self.instance() == before.instance()
            && (whole(self) || !whole(before))
    }
}

/// One commit of the journal: everything that one decision changed, and its story.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// The state after this entry is this revision; that before is [`Entry::after`].
    pub revision: Revision,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: Actor,
    /// From where the call came, e.g. an address.
    pub origin: String,
    /// What was decided, and about what.
    pub note: Note,
    /// What changed, in order.
    pub writes: Vec<Write>,
}

impl Entry {
    /// The revision of the state to which this entry applies.
    pub fn after(&self) -> Revision {
        let skipped = self.writes.iter().find_map(|write| match write {
            Write::SkipRevisions { after } => Some(*after),
            _ => None,
        });
        skipped.unwrap_or(Revision(self.revision.0.saturating_sub(1)))
    }

    /// About how many bytes of memory this takes.
    pub fn bytes(&self) -> usize {
        self.writes.iter().map(Write::bytes).sum()
    }

    /// The first entry after an older state, that of revision `after`, was put back, where
    /// `newest` is the newest revision that is known to have been given.
    ///
    /// Instances, computers, certificates, generations and news are numbered by revisions. Nodes
    /// remember what they were told after the backup was made; so that nothing new is taken for
    /// that, the numbers go on beyond all that can have been given, also where nobody knows any
    /// more how far that was: at the microseconds of now, since no change takes less than one.
    pub fn of_restore(after: Revision, newest: Revision, at: Timestamp) -> Self {
        let what = format!("the state of revision {} is put back from a backup", after.0);
        Self {
            revision: Revision(at.0.max(after.max(newest).0 + 1)),
            at,
            actor: Actor::Nobody,
            origin: "inside".into(),
            note: Note { verb: "restore".into(), what, instance: None, computer: None },
            writes: vec![Write::SkipRevisions { after }],
        }
    }
}

/// The story of a decision, for people and for whoever watches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// Verb, e.g. `request`, `publish`, `supply-report`.
    pub verb: String,
    /// One sentence. Never holds parameters or connection values.
    pub what: String,
    /// The instance, when it is about one.
    pub instance: Option<(InstanceId, Title)>,
    /// The computer, when it is about one.
    pub computer: Option<ComputerId>,
}
