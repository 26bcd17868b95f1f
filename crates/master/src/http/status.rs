//! What was last said of computers, instances and releases, as old clients read it (protocol,
//! sections 6 and 8.2). Pure but for the present time, to tell who is silent.

use slapos_core::{
    names::{ComputerId, ReportedState, SupplyState, Timestamp},
    world::{Instance, Place, Supply},
};
use slapos_wire::classic::document::{Status, Subject};

use super::texts;

/// What the node of a computer said by calling at a time.
pub(super) fn computer(computer: &ComputerId, seen_at: Timestamp) -> Status {
    Status {
        text: format!("#access {computer}"),
        is_silent_for_5_minutes: silent_for(seen_at, 5),
        is_silent_for_15_minutes: silent_for(seen_at, 15),
        ..said(Subject::Computer, computer.to_string(), computer, seen_at)
    }
}

/// What was said of an instance at a place; `None` while nothing was said about its present wish.
pub(super) fn instance(it: &Instance, place: &Place) -> Option<Status> {
    let state = it.current_report()?.state.as_str().to_owned();
    let said = said(Subject::Instance, it.id.to_string(), &place.computer, it.changed_at);
    Some(Status { text: instance_text(it), state, ..said })
}

/// What was said of a release on a computer.
pub(super) fn supply(row: &Supply) -> Status {
    let said = said(Subject::Supply, row.release.to_string(), &row.computer, row.changed_at);
    Status { text: supply_text(row), ..said }
}

/// What was last said of an instance. The first word decides whether an old node reports again
/// (protocol, section 6).
pub(super) fn instance_text(it: &Instance) -> String {
    match it.current_report() {
        None => format!("#error no data found for {}", it.id),
        Some(report) => match report.state {
            ReportedState::Started => "#access Instance correctly started".into(),
            ReportedState::Stopped => "#access Instance correctly stopped".into(),
            ReportedState::Destroyed => "#access Instance correctly destroyed".into(),
            ReportedState::Starting | ReportedState::Waiting => {
                "#access Instance is starting".into()
            }
            ReportedState::Error => {
                let text = report.text.as_deref().unwrap_or_default();
                let skipped = text.chars().count().saturating_sub(80);
                let tail: String = text.chars().skip(skipped).collect();
                format!("#error while instanciating: {}", texts::writable(&tail))
            }
        },
    }
}

fn supply_text(row: &Supply) -> String {
    let release = &row.release;
    match row.state {
        SupplyState::Requested => format!("#error no data found for {release}"),
        SupplyState::Building => format!("#building software release {release}"),
        SupplyState::Available => format!("#access software release {release} available"),
        SupplyState::Error => format!("#error while installing {release}"),
        SupplyState::Destroyed => format!("#access software release {release} destroyed"),
    }
}

/// What the node of a computer said at a time, still without a word.
fn said(subject: Subject, reference: String, by: &ComputerId, at: Timestamp) -> Status {
    Status {
        subject,
        reference,
        user: by.to_string(),
        text: String::new(),
        state: String::new(),
        created_at: at,
        since: at,
        is_silent_for_5_minutes: false,
        is_silent_for_15_minutes: false,
    }
}

fn silent_for(seen_at: Timestamp, minutes: u64) -> bool {
    crate::clock::now().0.saturating_sub(seen_at.0) > minutes * 60 * 1_000_000
}
