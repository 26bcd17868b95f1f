//! The known name that a wrong one was meant to be, for hints such as "did you mean `host`?".
//!
//! A crate of its own because those that give such hints must not see each other: decisions, templates, packages,
//! profiles. So one rule decides everywhere what is near.

/// The known name nearest to a wrong one, if it is near enough to be meant: at most a third of its letters differ. Two
/// letters that changed places differ as one; letter case does not count. Of equals, the first in order.
///
/// ```
/// # use slapos_nearest::nearest;
/// assert_eq!(nearest("hots", ["host", "port"]), Some("host"));
/// assert_eq!(nearest("colour", ["host", "port"]), None);
/// ```
pub fn nearest<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let folded = wrong.to_lowercase();
    let letters = folded.chars().count();
    let near = |far: usize, name: &str| 3 * far <= name.chars().count().max(3);
    known
        .into_iter()
        .filter(|name| *name != wrong && near(name.chars().count().abs_diff(letters), name))
        .map(|name| (strsim::osa_distance(&folded, &name.to_lowercase()), name))
        .filter(|(far, name)| near(*far, name))
        .min()
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_near_is_suggested() {
        let known = ["host", "port", "password", "computer_guid", "capability", "mode", "é"];
        let table = [
            ("hots", Some("host")),
            ("pasword", Some("password")),
            ("prt", Some("port")),
            ("Capability", Some("capability")),
            ("computer_gid", Some("computer_guid")),
            ("mod", Some("mode")),
            ("e", Some("é")),
            ("host", None),
            ("database", None),
        ];
        for (wrong, expected) in table {
            assert_eq!(nearest(wrong, known), expected, "{wrong}");
        }
    }
}
