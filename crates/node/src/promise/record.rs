//! Leaves the results in the partition, where SlapOS's tools look for them:
//! `.slapgrid/promise/result/NAME.status.json`. Written only when something changed, so the time
//! of the file is the time of the change. The partition belongs to its user: no link in it is followed.

use std::io;

use camino::Utf8Path;
use serde::Serialize;

use super::{PromiseContext, PromiseResult};
use crate::files::{read_below, write_below};

/// Below the partition.
const DIRECTORY: &str = ".slapgrid/promise/result";
/// A longer one is not ours.
const BYTES_MAX: usize = 1 << 20;

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
    let partition = &context.directory;
    for result in results {
        if let Err(error) = record(partition, result) {
            tracing::warn!(promise = result.name, %partition, %error, "a result was not recorded");
        }
    }
}

fn record(partition: &Utf8Path, result: &PromiseResult) -> io::Result<()> {
    let inner = Inner { r#type: "Test Result", failed: !result.ok, message: &result.message };
    let status = Status { title: &result.name, name: &result.name, result: inner };
    let text = serde_json::to_vec(&status)?;
    let path = Utf8Path::new(DIRECTORY).join(format!("{}.status.json", result.name));
    if read_below(partition, &path, BYTES_MAX).is_ok_and(|known| known == text) {
        return Ok(());
    }
    write_below(partition, &path, &text, 0o640)
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        os::unix::fs::{MetadataExt, symlink},
    };

    use super::*;

    #[test]
    fn an_unchanged_result_is_not_written_again() {
        let partition = tempfile::tempdir().unwrap();
        let partition = Utf8Path::from_path(partition.path()).unwrap();
        let mut result = PromiseResult { name: "web".into(), ok: true, message: "fine".into() };
        record(partition, &result).unwrap();
        let path = partition.join(DIRECTORY).join("web.status.json");
        let first = fs::metadata(&path).unwrap().ino();
        record(partition, &result).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().ino(), first);
        result.ok = false;
        record(partition, &result).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(r#""failed":true"#), "{text}");
    }

    #[test]
    fn a_directory_that_leads_elsewhere_gets_no_result() {
        let elsewhere = tempfile::tempdir().unwrap();
        let result = PromiseResult { name: "web".into(), ok: true, message: "fine".into() };
        for link in [".slapgrid", ".slapgrid/promise", ".slapgrid/promise/result"] {
            let partition = tempfile::tempdir().unwrap();
            let partition = Utf8Path::from_path(partition.path()).unwrap();
            let link = partition.join(link);
            fs::create_dir_all(link.parent().unwrap()).unwrap();
            symlink(elsewhere.path(), &link).unwrap();
            assert!(record(partition, &result).is_err(), "{link}");
        }
        assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 0);
    }
}
