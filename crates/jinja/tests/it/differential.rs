//! Generated templates and values, rendered by this crate and by the real Jinja2.

use std::num::NonZero;
use std::thread;

use crate::generator;
use crate::reference::{Case, Verdict, ask, compare, python};

/// How many cases an ordinary run compares; `SLAPOS_TEST_CASES` asks for another number.
const CASES: u64 = 20_000;

#[derive(Default)]
struct Sum {
    texts: usize,
    refused: usize,
    different: Vec<String>,
}

#[test]
fn generated_templates_agree_with_jinja2() {
    let Some(python) = python() else { return };
    let wanted =
        std::env::var_os("SLAPOS_TEST_CASES").and_then(|count| count.to_str()?.parse().ok());
    let (python, cases) = (python.as_str(), wanted.unwrap_or(CASES));
    let workers = thread::available_parallelism().map_or(1, NonZero::get) as u64;
    let all = thread::scope(|threads| {
        let work = |worker: u64| (worker..cases).step_by(workers.try_into().unwrap());
        let start = |worker| threads.spawn(move || compared(python, work(worker)));
        let running: Vec<_> = (0..workers).map(start).collect();
        running.into_iter().map(|worker| worker.join().unwrap()).fold(Sum::default(), Sum::and)
    });
    let Sum { texts, refused, different } = all;
    println!(
        "{cases} cases, {texts} with a text, {refused} refused, {} different",
        different.len()
    );
    assert!(
        different.is_empty(),
        "{} differ\n{}",
        different.len(),
        different[..different.len().min(40)].join("\n")
    );
    // Most cases must say something, else the comparison proves nothing.
    let cases = usize::try_from(cases).unwrap();
    assert!(texts * 2 > cases, "only {texts} templates have a text");
    assert!(refused * 15 < cases, "{refused} templates are refused");
}

/// Compares the cases of these seeds.
fn compared(python: &str, seeds: impl Iterator<Item = u64> + Clone) -> Sum {
    let cases: Vec<Case> = seeds.clone().map(generator::case).collect();
    let mut sum = Sum::default();
    for ((case, answer), seed) in cases.iter().zip(ask(python, &cases)).zip(seeds) {
        sum.texts += usize::from(answer.text.is_some());
        match compare(case, &answer) {
            Verdict::Same => {}
            Verdict::Refused => sum.refused += 1,
            Verdict::Different(story) => sum.different.push(format!("seed {seed}: {story}")),
        }
    }
    sum
}

impl Sum {
    fn and(self, other: Self) -> Self {
        Self {
            texts: self.texts + other.texts,
            refused: self.refused + other.refused,
            different: [self.different, other.different].concat(),
        }
    }
}
