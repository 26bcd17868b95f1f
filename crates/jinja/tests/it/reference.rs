//! The real Jinja2, asked in batches.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::{Command, Stdio};

use slapos_jinja::{Context, ErrorKind, Limits, Options, Template, Value, builtins, modules};

use crate::skip::skip;

/// Python's modules by the names that templates have for them here.
const MODULES: [(&str, &str); 11] = [
    ("base64", "base64"),
    ("functools", "functools"),
    ("hashlib", "hashlib"),
    ("itertools", "itertools"),
    ("json", "json"),
    ("netaddr", "netaddr"),
    ("operator", "operator"),
    ("os_path", "os.path"),
    ("re", "re"),
    ("six", "six"),
    ("urllib_parse", "urllib.parse"),
];

/// A template with its context (names to Python literals) and the templates that it may load.
#[derive(Debug, Clone, Default, serde::Serialize)]
pub(crate) struct Case {
    pub(crate) template: String,
    pub(crate) context: BTreeMap<String, String>,
    pub(crate) files: BTreeMap<String, String>,
    /// Only read, not rendered.
    pub(crate) parse: bool,
}

impl Case {
    pub(crate) fn new(template: &str) -> Self {
        Self { template: template.into(), ..Self::default() }
    }
}

/// What the real Jinja2 says.
#[derive(Debug, serde::Deserialize)]
pub(crate) struct Answer {
    pub(crate) text: Option<String>,
    pub(crate) error: Option<String>,
    pub(crate) message: Option<String>,
}

/// The Python with Jinja2; without one, prints why a test is skipped.
pub(crate) fn python() -> Option<String> {
    let found = std::env::var_os("SLAPOS_TEST_PYTHON").and_then(|path| path.into_string().ok());
    if found.is_none() {
        skip("SLAPOS_TEST_PYTHON names no Python with jinja2");
    }
    found
}

/// One answer for each case, in order.
pub(crate) fn ask(python: &str, cases: &[Case]) -> Vec<Answer> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/jinja2_batch.py");
    let mut child = Command::new(python)
        .arg(script)
        .env("PYTHONHASHSEED", "0")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let lines: Vec<String> =
        cases.iter().map(|case| serde_json::to_string(case).unwrap()).collect();
    let writer = std::thread::spawn(move || {
        for line in lines {
            writeln!(input, "{line}").unwrap();
        }
    });
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let answers: Vec<Answer> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(answers.len(), cases.len(), "the script stopped early");
    answers
}

/// The same case, rendered by this crate.
pub(crate) fn render(case: &Case) -> Result<String, slapos_jinja::Error> {
    render_within(case, Limits::default())
}

/// The same, within limits.
pub(crate) fn render_within(case: &Case, limits: Limits) -> Result<String, slapos_jinja::Error> {
    let options = Options { do_statement: true, loop_controls: true, ..Options::default() };
    let template = Template::compile("template", &case.template, options)?;
    let mut context = Context::new();
    context.limits = limits;
    for name in builtins::NAMES {
        context.set_global(name, builtins::value(name).unwrap());
    }
    for (name, module) in MODULES {
        context.set_global(name, modules::module(module).unwrap());
    }
    for (name, literal) in &case.context {
        context.set(name, Value::parse_literal(literal).unwrap());
    }
    let files = case.files.clone();
    context.set_loader(move |name| Ok(files.get(name).cloned()));
    template.render(&context)
}

/// How one case compares.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Same,
    /// We say that we do not support it.
    Refused,
    Different(String),
}

/// Both give the same text, or both an error; what we refuse openly is no difference.
pub(crate) fn compare(case: &Case, answer: &Answer) -> Verdict {
    match (render(case), &answer.text) {
        (Ok(ours), Some(theirs)) if ours == *theirs => Verdict::Same,
        (Err(error), _) if matches!(error.kind(), ErrorKind::Unsupported | ErrorKind::Limit) => {
            Verdict::Refused
        }
        (Err(error), None) if error.place().is_some() => Verdict::Same,
        // Texts that Python itself does not fix, such as addresses.
        (Err(_), Some(theirs)) if theirs.contains(" at 0x") => Verdict::Refused,
        (ours, _) => Verdict::Different(format!(
            "{}\n  context {:?}\n  ours   {:?}\n  theirs {:?} {:?} {:?}",
            case.template,
            case.context,
            ours.map_err(|error| error.to_string()),
            answer.text,
            answer.error,
            answer.message
        )),
    }
}
