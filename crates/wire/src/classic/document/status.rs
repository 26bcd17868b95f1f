//! What was last said of something.

use serde_json::{Value, json};
use slapos_core::names::Timestamp;

use crate::classic::marshal::{Unwritable, document};

/// The answer to `getComputerStatus`, `getComputerPartitionStatus` and
/// `getSoftwareInstallationStatus`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// What kind of thing it is about.
    pub subject: Subject,
    /// The thing's name or identity.
    pub reference: String,
    /// Who said it.
    pub user: String,
    /// What was said; the first word tells how it is: `#access`, `#building`, `#error`, `#nodata`.
    pub text: String,
    /// The state that was reported with it; may be empty.
    pub state: String,
    /// When it was said.
    pub created_at: Timestamp,
    /// Since when the same is said.
    pub since: Timestamp,
    /// Nothing was heard for five minutes.
    pub is_silent_for_5_minutes: bool,
    /// Nothing was heard for fifteen minutes.
    pub is_silent_for_15_minutes: bool,
}

/// What a [`Status`] is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// A computer.
    Computer,
    /// An instance.
    Instance,
    /// A supply.
    Supply,
}

impl Subject {
    fn wire_name(self) -> &'static str {
        match self {
            Self::Computer => "Compute Node",
            Self::Instance => "Software Instance",
            Self::Supply => "Software Installation",
        }
    }
}

impl Status {
    /// Its document.
    ///
    /// # Errors
    /// When a text has a character that XML cannot hold.
    pub fn encode(&self) -> Result<String, Unwritable> {
        document(|writer| {
            writer.dictionary(|members| {
                members.key("created_at").text(&http_date(self.created_at));
                members
                    .key("no_data_since_15_minutes")
                    .int(u8::from(self.is_silent_for_15_minutes));
                members.key("no_data_since_5_minutes").int(u8::from(self.is_silent_for_5_minutes));
                members.key("portal_type").text(self.subject.wire_name());
                members.key("reference").text(&self.reference);
                members.key("since").text(&http_date(self.since));
                members.key("state").text(&self.state);
                members.key("text").text(&self.text);
                members.key("user").text(&self.user);
            });
        })
    }

    /// The same as JSON, as HATEOAS documents and the JSON-RPC face have it.
    pub fn to_json(&self) -> Value {
        json!({
            "created_at": http_date(self.created_at),
            "no_data_since_15_minutes": u8::from(self.is_silent_for_15_minutes),
            "no_data_since_5_minutes": u8::from(self.is_silent_for_5_minutes),
            "portal_type": self.subject.wire_name(),
            "reference": self.reference,
            "since": http_date(self.since),
            "state": self.state,
            "text": self.text,
            "user": self.user,
        })
    }
}

/// [`encode_no_status`] as JSON.
pub fn no_status_to_json(reference: &str) -> Value {
    json!({"no_data": 1, "text": no_data(reference)})
}

fn no_data(reference: &str) -> String {
    format!("#error no data found for {reference}")
}

/// The status of a thing of which nothing was said yet.
///
/// # Errors
/// When a text has a character that XML cannot hold.
pub fn encode_no_status(reference: &str) -> Result<String, Unwritable> {
    document(|writer| {
        writer.dictionary(|members| {
            members.key("no_data").int(1);
            members.key("text").text(&no_data(reference));
        });
    })
}

/// A time as headers and statuses have it, e.g. `Mon, 23 Nov 2026 06:05:07 GMT`.
pub fn http_date(time: Timestamp) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [(&str, u64); 12] = [
        ("Mar", 31),
        ("Apr", 30),
        ("May", 31),
        ("Jun", 30),
        ("Jul", 31),
        ("Aug", 31),
        ("Sep", 30),
        ("Oct", 31),
        ("Nov", 30),
        ("Dec", 31),
        ("Jan", 31),
        ("Feb", 29),
    ];
    let seconds = time.0 / 1_000_000;
    let days = seconds / 86_400;
    // Years from March on, so that the odd day is the last: from 1 March of the year 0, in cycles
    // of 400, 100, 4 and 1 years. The last century and the last year of a cycle are longer.
    let since_march = days + 719_468;
    let (cycles, rest) = (since_march / 146_097, since_march % 146_097);
    let centuries = (rest / 36_524).min(3);
    let rest = rest - centuries * 36_524;
    let (fours, rest) = (rest / 1_461, rest % 1_461);
    let ones = (rest / 365).min(3);
    let mut day = rest - ones * 365;
    let mut year = cycles * 400 + centuries * 100 + fours * 4 + ones;
    let mut month = 0;
    while day >= MONTHS[month].1 {
        day -= MONTHS[month].1;
        month += 1;
    }
    if month >= 10 {
        year += 1;
    }
    let (name, weekday) = (MONTHS[month].0, DAYS[usize::try_from(days % 7).unwrap_or(0)]);
    let (hour, minute, second) = (seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60);
    let day = day + 1;
    format!("{weekday}, {day:02} {name} {year:04} {hour:02}:{minute:02}:{second:02} GMT")
}
