//! The software releases that come with the program, laid out where a node reads them.

use std::fs;

use camino::Utf8Path;
use include_dir::{Dir, include_dir};
use slapos_core::names::SoftwareUrl;
use slapos_profile::schema;
use slapos_wire::v1::RequestAsk;

use crate::error::{Exit, Failure, Step};

static SOFTWARE: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../software");

/// The names of the shipped releases: `software/NAME` is one.
pub(crate) fn names() -> Vec<&'static str> {
    releases().filter_map(|release| release.path().to_str()).collect()
}

/// Refuses a release that no node could find, before any node looks for it.
///
/// # Errors
/// A path that is not absolute, or `software/NAME` of a release that does not come with slapos.
pub(crate) fn check_name(release: &SoftwareUrl) -> Result<(), Failure> {
    let text = release.as_str();
    if text.starts_with('/') || text.contains("://") || shipped(release).is_some() {
        return Ok(());
    }
    let known = names().iter().map(|name| format!("software/{name}")).collect::<Vec<_>>();
    let wrong = Failure::new(Exit::Usage, format!("there is no release `{text}`"));
    let hint = match camino::absolute_utf8(text).ok().filter(|path| path.is_file()) {
        Some(path) => format!("a file is named by its absolute path: {path}"),
        None => format!("use a URL, an absolute path, or one of {}", known.join(", ")),
    };
    Err(match slapos_nearest::nearest(text, known.iter().map(String::as_str)) {
        Some(near) => wrong.hint(format!("did you mean `{near}`? Otherwise {hint}")),
        None => wrong.hint(hint),
    })
}

/// Refuses parameters that a shipped release does not take, before the master is asked. Its
/// instance checks them again, whoever asked; of other releases only it can. No shipped release
/// demands a parameter, so to give none, which leaves them as they are, is never wrong.
///
/// # Errors
/// A type that the release does not have; a parameter that the schema of the release refuses.
pub(crate) fn check_parameters(ask: &RequestAsk) -> Result<(), Failure> {
    let Some(release) = shipped(&ask.software_release) else {
        return Ok(());
    };
    let mut read = |path: &Utf8Path| {
        let file = path.strip_prefix("/").ok().and_then(|path| SOFTWARE.get_file(path));
        let file = file.expect("a shipped release has the schemas it names");
        Ok(serde_json::from_slice(file.contents())
            .expect("the schemas of shipped releases are JSON"))
    };
    let name = release.path().to_str().expect("shipped releases have plain names");
    check_type(ask, &types(release))?;
    let parameters = ask.parameters.clone().unwrap_or_default();
    let file = Utf8Path::new("/").join(name).join("software.cfg.json");
    schema::Release::read(&file, ask.software_type.as_str(), &mut read)
        .and_then(|release| release.check(&parameters, ask.shared, &mut read))
        .map_err(|error| Failure {
            exit: Exit::Usage,
            // a person knows the release, and not where its schema lies
            chain: vec![error.to_string().replace(file.as_str(), ask.software_release.as_str())],
            hint: error.hint().map(ToOwned::to_owned),
        })
}

/// The types that a shipped release has, and those of its shared instances under other names.
fn types(release: &Dir<'_>) -> Vec<String> {
    let file = release.get_file(release.path().join("software.cfg.json"));
    let file = file.expect("a shipped release has a schema");
    let schema: serde_json::Value =
        serde_json::from_slice(file.contents()).expect("the schemas of shipped releases are JSON");
    let entries = schema["software-type"].as_object().into_iter().flatten();
    let name = |(name, entry): (&String, &serde_json::Value)| {
        entry["software-type"].as_str().unwrap_or(name).to_owned()
    };
    let mut names: Vec<_> = entries.map(name).collect();
    names.dedup();
    names
}

/// Refuses a type that a release does not have.
fn check_type(ask: &RequestAsk, types: &[String]) -> Result<(), Failure> {
    let wished = ask.software_type.as_str();
    if types.iter().any(|known| known == wished) {
        return Ok(());
    }
    let message = format!("`{}` has no type `{wished}`", ask.software_release);
    let list = format!("its types: {}", types.join(", "));
    let hint = match slapos_nearest::nearest(wished, types.iter().map(String::as_str)) {
        Some(near) => format!("did you mean `{near}`? {list}"),
        None => list,
    };
    Err(Failure::new(Exit::Usage, message).hint(hint))
}

/// The folder of a shipped release.
fn shipped(release: &SoftwareUrl) -> Option<&'static Dir<'static>> {
    let name = release.as_str().strip_prefix("software/")?;
    releases().find(|folder| folder.path().to_str() == Some(name))
}

/// The folders with a profile; beside them are the tables of what releases may be supplied with.
fn releases() -> impl Iterator<Item = &'static Dir<'static>> {
    SOFTWARE.dirs().filter(|folder| folder.contains(folder.path().join("software.cfg")))
}

/// Writes every shipped release below `root`; a file that is already right is left alone.
pub(crate) fn lay_out(root: &Utf8Path) -> Result<(), Failure> {
    releases().try_for_each(|release| lay_out_below(release, root))
}

fn lay_out_below(directory: &Dir<'_>, root: &Utf8Path) -> Result<(), Failure> {
    for folder in directory.dirs() {
        lay_out_below(folder, root)?;
    }
    for file in directory.files() {
        let Some(relative) = Utf8Path::from_path(file.path()) else {
            continue;
        };
        let path = root.join(relative);
        if fs::read(&path).is_ok_and(|found| found == file.contents()) {
            continue;
        }
        let above = path.parent().unwrap_or(root);
        fs::create_dir_all(above).step(|| format!("cannot make {above}"))?;
        slapos_atomic::write(&path, file.contents(), 0o644)
            .step(|| format!("cannot write {path}"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shipped_release_has_its_profile() {
        let root = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(root.path()).unwrap();
        lay_out(root).unwrap();
        lay_out(root).unwrap();
        assert_eq!(names(), ["hello", "mariadb", "phpmyadmin"]);
        for name in names() {
            let text = fs::read_to_string(root.join(name).join("software.cfg")).unwrap();
            assert!(text.contains("[buildout]"), "{name}");
        }
    }

    fn asked(release: &str, software_type: &str, parameter: &str, shared: bool) -> String {
        let ask = RequestAsk {
            title: "it".try_into().unwrap(),
            software_release: format!("software/{release}").as_str().try_into().unwrap(),
            software_type: software_type.try_into().unwrap(),
            parameters: Some([(parameter.to_owned(), "s3cret".to_owned())].into()),
            placement: [].into(),
            shared,
            state: None,
        };
        check_parameters(&ask).map_or_else(|wrong| wrong.chain.join(": "), |()| String::new())
    }

    #[test]
    fn parameters_are_held_to_the_schemas_that_releases_ship() {
        let table = [
            ("hello", "default", "name", false, ""),
            ("hello", "default", "nmae", false, "`nmae` (did you mean `name`?)"),
            ("hello", "defualt", "name", false, "`software/hello` has no type `defualt`"),
            ("mariadb", "default", "databse", false, "did you mean `database`?"),
            ("mariadb", "default", "colour", false, "it takes database, password, user"),
            ("mariadb", "default", "password", true, ""),
            ("mariadb", "default", "database", true, "there is no parameter `database`"),
            ("phpmyadmin", "default", "name", false, "`name` (it takes none)"),
            ("phpmyadmin", "default", "name", true, "software/phpmyadmin has no schema for shared"),
        ];
        for (release, software_type, parameter, shared, expected) in table {
            let said = asked(release, software_type, parameter, shared);
            assert_eq!(said.is_empty(), expected.is_empty(), "{release} {parameter}: {said}");
            assert!(said.contains(expected) && !said.contains("s3cret"), "{said}");
        }
    }
}
