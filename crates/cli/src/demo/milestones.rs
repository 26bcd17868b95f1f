//! The entries of the master's journal that the story tells of, one a sentence.
//!
//! Pure: found by who did what in which order, not by the words of an entry.

use slapos_core::names::InstanceId;
use slapos_wire::v1::HistoryEntry;

/// From the request to the connection; what has not happened yet is missing.
#[derive(Debug, Default, Clone)]
pub(super) struct Milestones {
    /// A person requested the application.
    pub(super) requested: Option<HistoryEntry>,
    /// The application requested its database.
    pub(super) asked: Option<HistoryEntry>,
    /// The node of the application told that it waits.
    pub(super) waits: Option<HistoryEntry>,
    /// The node that the database was given to told that it has begun.
    pub(super) begun: Option<HistoryEntry>,
    /// The database published its connection.
    pub(super) published: Option<HistoryEntry>,
    /// The application published its own connection.
    pub(super) connected: Option<HistoryEntry>,
}

impl Milestones {
    /// Those of an application and its database in a history, oldest first.
    pub(super) fn of(
        history: &[HistoryEntry],
        application: InstanceId,
        database: InstanceId,
    ) -> Self {
        let first = |verb: &str, id: InstanceId, after: Option<&HistoryEntry>| {
            let after = after?.change.revision;
            let is_it = |entry: &&HistoryEntry| {
                let change = &entry.change;
                change.revision >= after
                    && change.verb == verb
                    && change.instance.as_ref().is_some_and(|instance| instance.id == id)
            };
            history.iter().find(is_it).cloned()
        };
        let asked = first("request", database, history.first());
        let published = first("publish", database, asked.as_ref());
        Self {
            requested: first("request", application, history.first()),
            waits: first("report", application, asked.as_ref()),
            begun: first("report", database, asked.as_ref()),
            connected: first("publish", application, published.as_ref()),
            published,
            asked,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_sentence_has_the_first_entry_that_follows_from_the_one_before() {
        let history: Vec<HistoryEntry> = [
            ("request", 1),
            ("report", 1), // it begins, and has asked for nothing yet
            ("request", 2),
            ("request", 3), // of somebody else
            ("report", 2),
            ("report", 1),
            ("publish", 3),
            ("report", 2), // it still comes up
            ("publish", 2),
            ("report", 1),
            ("publish", 1),
            ("publish", 2), // another password, later
        ]
        .iter()
        .zip(1u64..)
        .map(|((verb, id), revision)| {
            let instance = serde_json::json!({"id": format!("SOFTINST-{id}"), "title": "it"});
            let change = serde_json::json!({
                "revision": revision, "at": revision, "verb": verb, "what": "", "instance": instance, "computer": null
            });
            serde_json::from_value(serde_json::json!({"change": change, "who": "", "origin": ""}))
                .unwrap()
        })
        .collect();
        let found = Milestones::of(&history, InstanceId(1), InstanceId(2));
        let told = [
            found.requested,
            found.asked,
            found.begun,
            found.waits,
            found.published,
            found.connected,
        ];
        let revisions = told.map(|entry| entry.unwrap().change.revision.0);
        assert_eq!(revisions, [1, 3, 5, 6, 9, 11]);

        let begun = Milestones::of(&history[..5], InstanceId(1), InstanceId(2));
        assert!(begun.begun.is_some() && begun.waits.is_none() && begun.published.is_none());
        assert!(Milestones::of(&[], InstanceId(1), InstanceId(2)).requested.is_none());
    }
}
