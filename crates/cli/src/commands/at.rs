//! `--at TIME`: the moment of the past that is shown.

use jiff::{Span, Timestamp, civil::DateTime, tz::TimeZone};
use slapos_core::names;
use slapos_wire::v1::At;

/// Which moment is shown.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct When {
    /// Show the state as it was at a time, so long ago, or at a revision
    #[arg(
        long,
        value_name = "TIME",
        value_parser = moment,
        long_help = "Show the state as it was: at a time (2026-11-27T12:00:00Z, or \
                     '2026-11-27 12:00:00' in UTC), so long ago (10min, '2h 30min', 3days), or \
                     after a revision (rev:123, as `history` numbers them). Processes are not \
                     kept."
    )]
    pub(crate) at: Option<At>,
}

fn moment(text: &str) -> Result<At, String> {
    moment_seen_from(text, Timestamp::now())
}

/// The moment that a text means for somebody who says it now.
fn moment_seen_from(text: &str, now: Timestamp) -> Result<At, String> {
    if text.starts_with("rev:") {
        return At::try_from(text.to_owned()).map_err(|_| "use rev: and a number".into());
    }
    let time = text.parse::<Timestamp>().ok().or_else(|| utc(text)).or_else(|| ago(text, now));
    let microseconds = time.and_then(|time| u64::try_from(time.as_microsecond()).ok());
    let usage = || "use a time as 2026-11-27T12:00:00Z, how long ago as 10min, or rev:123".into();
    microseconds.map(|time| At::Time(names::Timestamp(time))).ok_or_else(usage)
}

fn utc(text: &str) -> Option<Timestamp> {
    let time = text.parse::<DateTime>().ok()?;
    Some(time.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

fn ago(text: &str, now: Timestamp) -> Option<Timestamp> {
    let span = text.parse::<Span>().ok()?.abs();
    Some(now.to_zoned(TimeZone::UTC).checked_sub(span).ok()?.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_time_so_long_ago_or_a_revision() {
        let now = "2026-11-27T12:00:00Z".parse().unwrap();
        let table = [
            ("2026-11-27T11:00:00Z", "2026-11-27T11:00:00Z"),
            ("2026-11-27T12:30:00.5+01:00", "2026-11-27T11:30:00.5Z"),
            ("2026-11-27 11:00:00", "2026-11-27T11:00:00Z"),
            ("2026-11-27", "2026-11-27T00:00:00Z"),
            ("10min", "2026-11-27T11:50:00Z"),
            ("10min ago", "2026-11-27T11:50:00Z"),
            ("2h 30min", "2026-11-27T09:30:00Z"),
            ("1 day", "2026-11-26T12:00:00Z"),
            ("PT90S", "2026-11-27T11:58:30Z"),
        ];
        for (text, expected) in table {
            let expected: Timestamp = expected.parse().unwrap();
            let micros = u64::try_from(expected.as_microsecond()).unwrap();
            assert_eq!(
                moment_seen_from(text, now),
                Ok(At::Time(names::Timestamp(micros))),
                "{text}"
            );
        }
        assert_eq!(moment_seen_from("rev:7", now), Ok(At::Revision(names::Revision(7))));
        for text in ["", "yesterday", "rev:", "rev:x", "10", "1900-01-01", "9999999h"] {
            assert!(moment_seen_from(text, now).is_err(), "{text}");
        }
    }
}
