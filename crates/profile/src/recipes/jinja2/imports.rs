//! `import-list`: what `{% import "alias" %}` means.

use camino::Utf8PathBuf;

use crate::engine::{Scope, Stop};
use crate::error::{Code, Error, Result};

/// One line of the list.
#[derive(Debug, Clone)]
pub(super) enum Import {
    File {
        alias: String,
        path: Utf8PathBuf,
    },
    /// Every file below the folder, under the alias and the parts of its path, with the delimiter between them.
    Folder {
        alias: String,
        delimiter: String,
        path: Utf8PathBuf,
    },
}

impl Import {
    /// The file that a name means, if it is one of these.
    pub(super) fn path(&self, name: &str) -> Option<Utf8PathBuf> {
        match self {
            Self::File { alias, path } => (alias == name).then(|| path.clone()),
            Self::Folder { alias, delimiter, path } => {
                let inner = name.strip_prefix(alias.as_str())?.strip_prefix(delimiter.as_str())?;
                let inner = inner.replace(delimiter.as_str(), "/");
                let escapes = inner.split('/').any(|part| part.is_empty() || part == "..");
                (!escapes).then(|| path.join(inner))
            }
        }
    }
}

/// Reads the lines *kind alias place*; `file` and `folder` name an option that holds the path.
pub(super) fn read(scope: &mut Scope<'_, '_>) -> Result<Vec<Import>, Stop> {
    let delimiter = scope.text("import-delimiter")?.unwrap_or_else(|| "/".to_owned());
    let mut found = Vec::new();
    for line in scope.lines("import-list")? {
        let import = import(scope, &line, delimiter.trim()).map_err(|stop| match stop {
            Stop::Error(error) => Stop::Error(scope.place_of(error, "import-list", &line)),
            waiting @ Stop::Waiting(_) => waiting,
        })?;
        found.push(import);
    }
    Ok(found)
}

fn import(scope: &mut Scope<'_, '_>, line: &str, delimiter: &str) -> Result<Import, Stop> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let &[kind, alias, place] = words.as_slice() else {
        return Err(
            Error::new(Code::BadOption, format!("`{line}` is not `kind alias place`")).into()
        );
    };
    let path = match kind {
        "rawfile" | "rawfolder" => place.to_owned(),
        "file" | "folder" => scope.reference(place)?.as_str().unwrap_or_default().to_owned(),
        other => {
            let error = Error::new(Code::BadOption, format!("`{other}` is no kind of import"));
            return Err(error.with_hint("known are rawfile, file, rawfolder, folder").into());
        }
    };
    let path = scope.path(&path);
    Ok(if kind.ends_with("file") {
        Import::File { alias: alias.to_owned(), path }
    } else {
        Import::Folder { alias: alias.to_owned(), delimiter: delimiter.to_owned(), path }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_to_files_and_never_out_of_a_folder() {
        let file = Import::File { alias: "lib".into(), path: "/p/lib.in".into() };
        let folder = |delimiter: &str| Import::Folder {
            alias: "all".into(),
            delimiter: delimiter.into(),
            path: "/p/all".into(),
        };
        let (folder, colons) = (folder("/"), folder(":"));
        let table = [
            (&file, "lib", Some("/p/lib.in")),
            (&file, "bib", None),
            (&folder, "all/a.in", Some("/p/all/a.in")),
            (&folder, "all/../b", None),
            (&folder, "all//etc/passwd", None),
            (&folder, "a.in", None),
            (&colons, "all:sub:f", Some("/p/all/sub/f")),
            (&colons, "all:..:f", None),
            (&colons, "all::etc:passwd", None),
            (&colons, "all/f", None),
        ];
        for (import, name, expected) in table {
            assert_eq!(import.path(name), expected.map(Utf8PathBuf::from), "{name}");
        }
    }
}
