//! Generated templates, rendered by this crate and by the real Jinja2.

use crate::generator;
use crate::reference::{Case, Verdict, ask, compare, python};

/// How many cases an ordinary run compares; `SLAPOS_TEST_CASES` asks for another number.
const CASES: u64 = 6000;

#[test]
fn generated_templates_agree_with_jinja2() {
    let Some(python) = python() else { return };
    let wanted =
        std::env::var_os("SLAPOS_TEST_CASES").and_then(|count| count.to_str()?.parse().ok());
    let cases: Vec<Case> = (0..wanted.unwrap_or(CASES)).map(generator::case).collect();
    let (mut texts, mut refused, mut different) = (0, 0, Vec::new());
    for ((case, answer), seed) in cases.iter().zip(ask(&python, &cases)).zip(0..) {
        texts += usize::from(answer.text.is_some());
        match compare(case, &answer) {
            Verdict::Same => {}
            Verdict::Refused => refused += 1,
            Verdict::Different(story) => different.push(format!("seed {seed}: {story}")),
        }
    }
    println!(
        "{} cases, {texts} with a text, {refused} refused, {} different",
        cases.len(),
        different.len()
    );
    assert!(
        different.is_empty(),
        "{} differ\n{}",
        different.len(),
        different[..different.len().min(40)].join("\n")
    );
    // Most cases must say something, else the comparison proves nothing.
    assert!(texts * 2 > cases.len(), "only {texts} templates have a text");
    assert!(refused * 20 < cases.len(), "{refused} templates are refused");
}
