//! Leaves the results in the partition, where SlapOS's tools look for them:
//! `.slapgrid/promise/result/NAME.status.json`, as SlapOS's runner writes them, for the partition's own monitoring
//! reads them. Written only when something changed, so their date is that of the change. The partition belongs to its user: no link in it is followed.

use std::io;

use camino::Utf8Path;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{PromiseContext, PromiseResult};
use crate::{
    clock::now_unix_seconds,
    files::{read_below, write_below},
};

/// Below the partition.
const DIRECTORY: &str = ".slapgrid/promise/result";
/// A longer one is not ours.
const BYTES_MAX: usize = 1 << 20;

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Status {
    title: String,
    name: String,
    path: String,
    execution_time: f64,
    result: Inner,
}

#[derive(Debug, Serialize, Deserialize)]
struct Inner {
    r#type: String,
    failed: bool,
    message: String,
    /// In UTC.
    date: String,
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
    let path = Utf8Path::new(DIRECTORY).join(format!("{}.status.json", result.name));
    let known = read_below(partition, &path, BYTES_MAX).ok();
    let known: Option<Status> = known.and_then(|text| serde_json::from_slice(&text).ok());
    let same =
        |Inner { failed, message, .. }: Inner| failed != result.ok && message == result.message;
    if known.is_some_and(|known| same(known.result)) {
        return Ok(());
    }
    let seconds = i64::try_from(now_unix_seconds()).unwrap_or_default();
    let date = Timestamp::from_second(seconds).unwrap_or_default();
    let status = Status {
        title: result.name.clone(),
        name: result.name.clone(),
        path: result.name.clone(),
        execution_time: 0.0, // is not measured
        result: Inner {
            r#type: "Test Result".into(),
            failed: !result.ok,
            message: result.message.clone(),
            date: date.strftime("%Y-%m-%dT%H:%M:%S+0000").to_string(),
        },
    };
    // Who is not of the partition cannot enter it, and its user is not the writer.
    write_below(partition, &path, &serde_json::to_vec(&status)?, 0o644)
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
        assert!(text.contains(r#""date":"20"#) && text.contains("+0000"), "{text}");
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o644);
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
