//! Every template of the SlapOS profiles is read, or refused with a reason. `SLAPOS_PROFILES` names a checkout.

use std::path::{Path, PathBuf};

use slapos_jinja::{ErrorKind, Options, Template};

use crate::reference::{Case, ask, python};

/// Of the templates that Jinja2 reads, those that we refuse when they are read: file and reason.
const REFUSED: &[(&str, &str)] = &[];

#[test]
fn all_templates_of_the_profiles_are_read() {
    let Some(python) = python() else { return };
    let Some(checkout) = std::env::var_os("SLAPOS_PROFILES") else {
        println!("skipped: SLAPOS_PROFILES names no checkout of the SlapOS profiles");
        return;
    };
    let checkout = Path::new(&checkout);
    let files = templates(checkout);
    let cases: Vec<Case> =
        files.iter().map(|(_, text)| Case { parse: true, ..Case::new(text) }).collect();
    let (mut read, mut faults) = (0, Vec::new());
    for ((path, text), answer) in files.iter().zip(ask(&python, &cases)) {
        let name = path.strip_prefix(checkout).unwrap().display().to_string();
        let options = Options { do_statement: true, loop_controls: true, ..Options::default() };
        let known = REFUSED.iter().find(|(file, _)| *file == name).map(|(_, reason)| *reason);
        match (Template::compile(&name, text, options), answer.text, known) {
            (Ok(_), Some(_), None) => read += 1,
            // Other languages have braces too.
            (Err(error), None, None) if error.kind() != ErrorKind::Limit => {}
            (Err(error), Some(_), Some(reason)) if error.message().contains(reason) => {}
            (ours, theirs, _) => faults.push(format!(
                "{name}: {:?}; Jinja2: {:?}",
                ours.map(|_| "read").map_err(|error| error.to_string()),
                theirs.map_or(answer.message, |_| Some("read".into()))
            )),
        }
    }
    println!("{read} templates of {} files are read", files.len());
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(read > 300, "only {read} templates were found");
}

/// All files with braces of Jinja2, by path.
fn templates(checkout: &Path) -> Vec<(PathBuf, String)> {
    let (mut found, mut open) =
        (Vec::new(), vec![checkout.join("software"), checkout.join("stack")]);
    while let Some(folder) = open.pop() {
        for entry in folder.read_dir().unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if let Ok(text) = std::fs::read_to_string(&path)
                && (text.contains("{%") || text.contains("{{"))
            {
                found.push((path, text));
            }
        }
    }
    found.sort();
    found
}
