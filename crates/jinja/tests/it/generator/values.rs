//! Literals and variables of each kind.

use super::Kind;

const NUMBERS: &[&str] = &[
    "0",
    "1",
    "-1",
    "2",
    "7",
    "255",
    "1.5",
    "-0.25",
    "1e20",
    "1e-7",
    "100000000000000000000",
    "3.0",
    "True",
    "0.1",
    "-7",
    "1e16",
    "123456789.125",
    "-0.0",
    "2.5",
];
const TEXTS: &[&str] = &[
    "''",
    "'a'",
    "'Hello World'",
    "' pad  ded '",
    "'a,b,,c'",
    "'é日'",
    "\"it's\"",
    "'line\\nline\\n'",
    "'<b>&'",
    "'42'",
    "'-3.7'",
    "'tab\\t\\x00'",
    "'key'",
    "'MiXed case_words'",
    "'0x1f'",
    "'ß\u{1f40d}\u{130}'",
    "'\\\\ \\x7f\\u2028'",
    "'{} %s'",
    "'\\x1b\\x7f\\x80\\ufeff\"/'",
    "' 12_3 '",
    "'A-b.c d'",
];
const LISTS: &[&str] = &[
    "[]",
    "[1, 2, 3]",
    "['b', 'A', 'c']",
    "[3, 1, 2]",
    "(1, 'x', None)",
    "[[1, 2], [3, 4]]",
    "[{'a': 1}, {'a': 2}]",
    "[1.5, 2, True]",
    "('one',)",
    "['', 'x', '']",
    "[[], {}, ()]",
    "[1, 1, 2, 1]",
];
const DICTS: &[&str] = &[
    "{}",
    "{'a': 1, 'b': 2}",
    "{'key': 'value', 'n': None}",
    "{'z': [1, 2], 'a': {'b': 'c'}}",
    "{1: 'one', 'x': 2.5}",
    "{'B': 1, 'a': 2, 'C': 0}",
];
const TRUTHS: &[&str] = &["True", "False", "None"];

pub(super) fn literals(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Number => NUMBERS,
        Kind::Text => TEXTS,
        Kind::List => LISTS,
        Kind::Dict => DICTS,
        Kind::Truth => TRUTHS,
    }
}

/// Variables of the context, by kind.
pub(super) fn names(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Number => &["n1", "n2", "n3"],
        Kind::Text => &["s1", "s2", "s3"],
        Kind::List => &["l1", "l2"],
        Kind::Dict => &["d1", "d2"],
        Kind::Truth => &["t1", "none"],
    }
}
