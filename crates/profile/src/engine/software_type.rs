//! A type that nothing in a profile looks at is no type of its release: whoever requests it errs,
//! and would otherwise silently get what any other type gives.

use crate::error::{Code, Error, Result};
use crate::job::{Job, Purpose};
use crate::read::{Layer, Raw};

/// What a request that names no type means.
const USUAL: [&str; 3] = ["", "default", "RootSoftwareInstance"];

/// Refuses the instance's type when the profile, all files merged, is the same for every type.
pub(super) fn check(job: &Job, sections: &Layer) -> Result<()> {
    let Purpose::Instance(facts) = &job.purpose else { return Ok(()) };
    let wanted = facts.software_type.as_str();
    if USUAL.contains(&wanted) || distinguishes(sections) {
        return Ok(());
    }
    let error = Error::new(Code::BadOption, format!("this release has no type `{wanted}`"));
    Err(error.with_hint("its profile makes no difference between types: the only one is `default`"))
}

/// True when some option names the type, or hands all that is known of the instance on to a
/// template, which may look at it.
fn distinguishes(sections: &Layer) -> bool {
    let names_type = |text: &str| text.contains("software-type") || text.contains("softwaretype");
    let hands_on = |text: &str| {
        text.match_indices("slap-configuration")
            .any(|(at, name)| !text[at + name.len()..].starts_with(':'))
    };
    let told = |text: &str| names_type(text) || hands_on(text);
    sections.values().flatten().any(|(option, change)| {
        let set = change.set.iter().flat_map(|raw: &Raw| &raw.lines);
        names_type(option) || set.chain(&change.add).any(|line| told(&line.text))
    })
}
