//! The `Release` document of a suite: which index files there are, and their hashes.

use std::collections::HashMap;
use std::time::SystemTime;

use crate::Error;
use crate::deb822;

/// What a verified `Release` says.
#[derive(Debug)]
pub(crate) struct Release {
    /// Index files may be fetched under their hash, so that an update never tears a download.
    pub(crate) by_hash: bool,
    /// Packages are taken only when no other suite has them (backports, experimental).
    pub(crate) not_automatic: bool,
    /// Packages for all architectures have an index of their own, and are in no other one.
    pub(crate) all_is_apart: bool,
    valid_until: Option<String>,
    files: HashMap<String, IndexFile>,
}

/// One index file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct IndexFile {
    /// Relative to the directory of the `Release`.
    pub(crate) path: String,
    pub(crate) size: u64,
    pub(crate) sha256: String,
}

impl Release {
    /// Reads a verified text. `name` is used in errors only.
    pub(crate) fn parse(name: &str, text: &str) -> Result<Self, Error> {
        let field = |wished| deb822::field(text, wished);
        let sums = field("SHA256").ok_or_else(|| Error::format(name, "it has no SHA256 sums"))?;
        let mut files = HashMap::new();
        for line in sums.lines() {
            if let [sha256, size, path] = line.split_whitespace().collect::<Vec<_>>()[..]
                && let Ok(size) = size.parse()
                && crate::lock::is_sha256(sha256)
            {
                let file = IndexFile { path: path.to_owned(), size, sha256: sha256.to_owned() };
                files.insert(path.to_owned(), file);
            }
        }
        Ok(Self {
            by_hash: field("Acquire-By-Hash") == Some("yes"),
            not_automatic: field("NotAutomatic") == Some("yes"),
            all_is_apart: field("Architectures")
                .is_some_and(|list| list.split(' ').any(|word| word == "all"))
                && field("No-Support-for-Architecture-all") != Some("Packages"),
            valid_until: field("Valid-Until").map(str::to_owned),
            files,
        })
    }

    /// Refuses a document that is older than it says it may be.
    pub(crate) fn check_date(&self, name: &str, now: SystemTime) -> Result<(), Error> {
        let Some(until) = &self.valid_until else {
            return Ok(());
        };
        let until_time = jiff::fmt::rfc2822::parse(&until.replace("UTC", "+0000"))
            .map_err(|error| Error::format(name, format!("Valid-Until: {error}")))?;
        if SystemTime::from(until_time.timestamp()) < now {
            return Err(Error::Expired { release: name.to_owned(), until: until.clone() });
        }
        Ok(())
    }

    /// The best form of an index: xz, then gzip, then plain.
    pub(crate) fn packages(&self, directory: &str) -> Option<&IndexFile> {
        [".xz", ".gz", ""]
            .iter()
            .find_map(|suffix| self.files.get(&format!("{directory}Packages{suffix}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn release(extra: &str) -> Release {
        let sum = "ab".repeat(32);
        let text = format!(
            "Origin: Debian\nAcquire-By-Hash: yes\n{extra}MD5Sum:\n 00 1 main/binary-amd64/Packages.xz\n\
             SHA256:\n {sum} 10 main/binary-amd64/Packages.gz\n {sum} 20 main/binary-amd64/Packages\n short 1 x\n"
        );
        Release::parse("r", &text).unwrap()
    }

    #[test]
    fn the_best_form_with_a_sha256_is_taken() {
        let seen = release("");
        let file = seen.packages("main/binary-amd64/").unwrap();
        assert_eq!((file.path.as_str(), file.size), ("main/binary-amd64/Packages.gz", 10));
        assert_eq!(seen.packages("contrib/binary-amd64/"), None);
        assert!(seen.by_hash && !seen.not_automatic);
        let table = [
            ("Architectures: amd64\n", false),
            ("Architectures: all amd64\n", true),
            ("Architectures: all amd64\nNo-Support-for-Architecture-all: Packages\n", false),
        ];
        for (fields, wished) in table {
            assert_eq!(release(fields).all_is_apart, wished, "{fields}");
        }
        assert!(Release::parse("r", "Origin: x\n").is_err());
    }

    #[test]
    fn an_old_document_is_refused() {
        let until = "Valid-Until: Sat, 18 Jul 2026 10:16:37 UTC\n";
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let table = [
            (until, 1_784_369_797, true),
            (until, 1_784_369_798, false),
            ("", u32::MAX.into(), true),
        ];
        for (field, now, wished) in table {
            assert_eq!(release(field).check_date("r", at(now)).is_ok(), wished, "{field}{now}");
        }
        assert!(release("Valid-Until: soon\n").check_date("r", at(0)).is_err());
    }
}
