//! What our master answers otherwise than was recorded, on purpose.

/// Of each such exchange what differs from the recording, as [`super::own`] names it: a heading with its name, then
/// the differences.
const WRITTEN: &str = include_str!("different.txt");

/// What shall differ in an exchange.
pub(super) fn written(name: &str) -> Option<&'static str> {
    let mut sections = WRITTEN.split("### ").filter_map(|section| section.split_once('\n'));
    sections.find(|(heading, _)| *heading == name).map(|(_, differences)| differences.trim_end())
}

/// Exchanges with another answer.
#[derive(Debug)]
pub(super) struct Different {
    /// Their places in the order of recording.
    pub(super) numbers: &'static [u16],
    /// The status that our master answers with.
    pub(super) status: u16,
    /// Why.
    pub(super) why: &'static str,
}

const fn differ(numbers: &'static [u16], status: u16, why: &'static str) -> Different {
    Different { numbers, status, why }
}

/// Those of the slapproxy.
pub(super) const PROXY: &[Different] = &[
    differ(&[10, 17], 404, "what is unknown is not found, which is no fault of the server"),
    differ(&[310, 311], 400, "a bad field is the caller's fault, and is named"),
    differ(
        &[1, 51, 57, 69, 188, 205, 206, 207, 209, 212, 312, 348],
        200,
        "the slapproxy lacks the call, or has a stub in its place",
    ),
    differ(&[21], 404, "the entry was there before the recording began"),
    differ(&[318], 200, "to remove a release that was never there leaves no trace"),
    differ(&[339], 200, "what was requested as destroyed was never made"),
    differ(&[353], 200, "the address is that of our documents"),
    differ(&[354], 200, "a computer was added by a call that the slapproxy lacks"),
    differ(&[45, 52, 64, 241, 347, 350], 200, "certificates and keys are real ones"),
    differ(&[158, 305], 408, "to destroy what does not exist creates nothing"),
    differ(
        &[166, 170],
        200,
        "what comes back after it was destroyed is new: it has no connection yet",
    ),
    differ(&[197], 200, "who sees another title now is told"),
    differ(
        &[219, 223, 244, 263],
        200,
        "a stop of the root reaches its whole tree at once, shared instances too",
    ),
    differ(&[278, 355], 200, "a request to destroy changes nothing else"),
    differ(
        &[280, 291, 299, 356],
        200,
        "the end of the root reaches its whole tree at once, and each partition is free as soon as \
         its node says so",
    ),
    differ(&[358], 403, "nobody lives there any more: the first report freed the partition"),
    differ(&[294, 302], 404, "nobody lives there any more: the first report freed the partition"),
    differ(&[303], 200, "a shared instance goes with the tree that requested it"),
    differ(&[314], 200, "the page is at the root itself"),
];

/// Those of the production master.
pub(super) const PRODUCTION: &[Different] = &[
    differ(&[9, 64], 200, "certificates and keys are real ones"),
    differ(&[72], 200, "a product has the one release that is set"),
    differ(&[22], 200, "callers need not say who they are"),
    differ(&[3], 200, "the address is that of our documents"),
    differ(&[46, 50, 53], 200, "the answers were made by hand, about a smaller world"),
    differ(&[2, 61], 403, "the token was never issued"),
    differ(&[66], 200, "computers are numbered otherwise"),
];

/// Those of the production master that concern what is unknown yet.
pub(super) const UNKNOWN: &[Different] =
    &[differ(&[4], 404, "a document is never still to be made; the computer is unknown")];
