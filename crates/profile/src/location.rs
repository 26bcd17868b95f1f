//! What the names of files mean: URLs, and paths relative to the file that names them.

use camino::{Utf8Component, Utf8Path, Utf8PathBuf};

/// Has a scheme, such as `https:`; everything else is a path.
pub(crate) fn is_url(place: &str) -> bool {
    place.split_once("://").is_some_and(|(scheme, _)| {
        !scheme.is_empty() && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
    })
}

/// The folder or URL prefix of a file, without the last slash.
pub(crate) fn base_of(place: &str) -> &str {
    place.rfind('/').map_or(".", |at| if at == 0 { "/" } else { &place[..at] })
}

/// What `name`, written in a file that lies in `base`, means.
pub(crate) fn join(base: &str, name: &str) -> String {
    if is_url(name) {
        name.to_owned()
    } else if is_url(base) && !name.starts_with('/') {
        format!("{base}/{name}")
    } else {
        normal(&Utf8Path::new(base).join(name)).into_string()
    }
}

/// The path without `.` and, by its text, `..`.
pub(crate) fn normal(path: &Utf8Path) -> Utf8PathBuf {
    let mut parts = Utf8PathBuf::new();
    for part in path.components() {
        match part {
            Utf8Component::CurDir => {}
            Utf8Component::ParentDir if parts.file_name().is_some_and(|name| name != "..") => {
                parts.pop();
            }
            other => parts.push(other),
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_relative_to_the_file_that_names_them() {
        let table = [
            ("/a/b", "c.cfg", "/a/b/c.cfg"),
            ("/a/b", "../c.cfg", "/a/c.cfg"),
            ("/a/b", "/c.cfg", "/c.cfg"),
            ("/a/b", "http://h/c.cfg", "http://h/c.cfg"),
            ("http://h/x", "c.cfg", "http://h/x/c.cfg"),
            ("http://h/x", "/c.cfg", "/c.cfg"),
        ];
        for (base, name, expected) in table {
            assert_eq!(join(base, name), expected, "{base} {name}");
        }
    }
}
