//! Leaves the results in the partition, where SlapOS's tools look for them:
//! `.slapgrid/promise/result/NAME.status.json`. Written only when something changed, so the time
//! of the file is the time of the change.

use std::{fs, io};

use camino::Utf8Path;
use serde::Serialize;

use super::{PromiseContext, PromiseResult};
use crate::files::write_atomically;

#[derive(Debug, Serialize)]
struct Status<'a> {
    title: &'a str,
    name: &'a str,
    result: Inner<'a>,
}

#[derive(Debug, Serialize)]
struct Inner<'a> {
    r#type: &'static str,
    failed: bool,
    message: &'a str,
}

/// A result that cannot be recorded is still reported: that is what counts.
pub(super) fn record_all(context: &PromiseContext, results: &[PromiseResult]) {
    let directory = context.directory.join(".slapgrid/promise/result");
    for result in results {
        if let Err(error) = record(&directory, result) {
            tracing::warn!(promise = result.name, %directory, %error, "a result was not recorded");
        }
    }
}

fn record(directory: &Utf8Path, result: &PromiseResult) -> io::Result<()> {
    let inner = Inner { r#type: "Test Result", failed: !result.ok, message: &result.message };
    let status = Status { title: &result.name, name: &result.name, result: inner };
    let text = serde_json::to_vec(&status)?;
    let path = directory.join(format!("{}.status.json", result.name));
    if fs::read(&path).is_ok_and(|known| known == text) {
        return Ok(());
    }
    fs::create_dir_all(directory)?;
    write_atomically(&path, &text, 0o640)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    #[test]
    fn an_unchanged_result_is_not_written_again() {
        let directory = tempfile::tempdir().unwrap();
        let directory = Utf8Path::from_path(directory.path()).unwrap().join("a/b");
        let mut result = PromiseResult { name: "web".into(), ok: true, message: "fine".into() };
        record(&directory, &result).unwrap();
        let path = directory.join("web.status.json");
        let first = fs::metadata(&path).unwrap().ino();
        record(&directory, &result).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().ino(), first);
        result.ok = false;
        record(&directory, &result).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(r#""failed":true"#), "{text}");
    }
}
