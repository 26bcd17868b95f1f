//! From a profile to one set of sections: follows `extends`, each file once, and applies `=`, `+=`, `-=`.
//!
//! Files are merged one after the other into what is there so far, each before the file that extends it. Macros and
//! references are left alone. Reads files only through the function that it is given.

use std::collections::HashSet;
use std::rc::Rc;

use camino::{Utf8Path, Utf8PathBuf};
use indexmap::IndexMap;

use crate::error::{Code, Error, Result};
use crate::read::{Change, Layer, Line, Raw, Source, Spot, parse};

/// The option that says where the file of a section lies.
pub(crate) const BASE: &str = "_profile_base_location_";

/// The option that names the macros of a section.
pub(crate) const MACROS: &str = "<";

/// Reads the text of a file or URL.
pub(crate) type ReadText<'a> = dyn FnMut(&str) -> Result<String> + 'a;

/// Merges the profile at `main`, a path or URL.
pub(crate) fn load(main: &str, read: &mut ReadText<'_>) -> Result<Layer> {
    let mut loader = Loader { read, seen: HashSet::new(), open: Vec::new(), merged: Layer::new() };
    loader.file(main)?;
    Ok(loader.merged)
}

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
            camino::Utf8Component::CurDir => {}
            camino::Utf8Component::ParentDir
                if parts.file_name().is_some_and(|name| name != "..") =>
            {
                parts.pop();
            }
            other => parts.push(other),
        }
    }
    parts
}

struct Loader<'a, 'b> {
    read: &'a mut ReadText<'b>,
    seen: HashSet<String>,
    open: Vec<String>,
    merged: Layer,
}

impl Loader<'_, '_> {
    fn file(&mut self, place: &str) -> Result<()> {
        if let Some(from) = self.open.iter().position(|open| open == place) {
            let circle = self.open[from..]
                .iter()
                .map(String::as_str)
                .chain([place])
                .collect::<Vec<_>>()
                .join(" → ");
            return Err(Error::new(
                Code::ExtendsCycle,
                format!("files extend each other in a circle: {circle}"),
            ));
        }
        if !self.seen.insert(place.to_owned()) {
            return Ok(());
        }
        self.open.push(place.to_owned());
        let source = Source::new(place, (self.read)(place)?);
        let mut layer = parse(&source)?;
        let base = base_of(place);
        keep_base(&mut layer, base);
        let own = layer.get_mut("buildout");
        for raw in
            own.and_then(|own| own.shift_remove("extends")).and_then(|change| change.set).iter()
        {
            for line in &raw.lines {
                for name in line.text.split_whitespace() {
                    self.file(&join(base, name)).map_err(|error| blame(error, &line.spot))?;
                }
            }
        }
        self.open.pop();
        merge(&mut self.merged, layer);
        Ok(())
    }
}

/// An error without a place belongs to the line that names the file.
fn blame(error: Error, spot: &Spot) -> Error {
    error.at(|| spot.place()).during(format!("while reading what {} extends", spot.short()))
}

/// Gives the sections that mention the base its value.
fn keep_base(layer: &mut Layer, base: &str) {
    for options in layer.values_mut() {
        let mentions = |line: &Line| line.text.contains(BASE);
        let spot = options.values().find_map(|change| {
            let lines = change
                .set
                .iter()
                .flat_map(|raw| &raw.lines)
                .chain(&change.add)
                .chain(&change.remove);
            lines.into_iter().find(|line| mentions(line)).map(|line| line.spot.clone())
        });
        if let Some(spot) = spot {
            let set = Some(Raw::at(spot, &base.replace('$', "$$")));
            options.insert(BASE.into(), Change { set, ..Change::default() });
        }
    }
}

/// Merges one file into what is there.
pub(crate) fn merge(into: &mut Layer, layer: Layer) {
    for (name, new) in layer {
        let old = into.entry(name).or_default();
        let waits = old.contains_key(MACROS) || new.contains_key(MACROS);
        for (option, change) in new {
            merge_option(old, option, change, waits);
        }
    }
}

/// With `waits`, additions to an option that has no value here wait until the macros are known.
fn merge_option(
    options: &mut IndexMap<Rc<str>, Change>,
    option: Rc<str>,
    change: Change,
    waits: bool,
) {
    let old = options.entry(option).or_default();
    if change.set.is_some() {
        *old = change;
    } else {
        old.add.extend(change.add);
        old.remove.extend(change.remove);
    }
    if old.set.is_some() || !waits {
        let base = old.set.take();
        *old = Change { set: applied(base, old), ..Change::default() };
    }
}

/// The value after the additions and removals of `change`; `None` if there is nothing at all.
pub(crate) fn applied(base: Option<Raw>, change: &Change) -> Option<Raw> {
    let spot = match base.as_ref() {
        Some(raw) => raw.spot.clone(),
        None => change.add.first().or(change.remove.first())?.spot.clone(),
    };
    let mut lines = base.map(|raw| raw.lines).unwrap_or_default();
    lines.extend(change.add.iter().cloned());
    lines.retain(|line| !change.remove.iter().any(|gone| gone.text == line.text));
    if lines.is_empty() {
        lines.push(Line { text: "".into(), spot: spot.clone() });
    }
    Some(Raw { spot, lines })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Loads `a.cfg` of some files; each section's options as text.
    fn check(files: &[(&str, &str)], option: &str) -> String {
        let mut read = |place: &str| {
            let found = files.iter().find(|(name, _)| *name == place);
            found
                .map(|(_, text)| (*text).to_owned())
                .ok_or_else(|| Error::new(Code::Unreadable, format!("no {place}")))
        };
        match load(files[0].0, &mut read) {
            Ok(layer) => {
                let (section, option) = option.split_once(':').unwrap();
                layer[section][option].set.as_ref().map_or("pending".into(), Raw::text)
            }
            Err(error) => error.code().name().to_owned(),
        }
    }

    #[test]
    fn each_file_counts_once_at_its_first_mention() {
        let base = ("/p/base.cfg", "[buildout]\nparts = base\n");
        let other = ("/p/other.cfg", "[buildout]\nextends = base.cfg\nparts += other\n");
        let main = ("/p/a.cfg", "[buildout]\nextends = other.cfg\n  base.cfg\nparts +=\n  a\n");
        assert_eq!(check(&[main, base, other], "buildout:parts"), "base\nother\na");
    }

    #[test]
    fn signs() {
        let base = ("/b.cfg", "[s]\nx = 1\n  2\n  3\nempty =\n[m]\n<= n\n");
        let table = [
            ("x = 9\nx += 4\n", "s:x", "9\n4"),
            ("x += 4\n", "s:x", "1\n2\n3\n4"),
            ("x -= 2\n", "s:x", "1\n3"),
            ("x -=\n  1\n  4\nx +=\n  4\n  5\n", "s:x", "2\n3\n5"),
            ("new += 4\n", "s:new", "4"),
            ("new -= 4\n", "s:new", ""),
            ("empty += 4\n", "s:empty", "\n4"),
            ("[m]\nx += 4\n", "m:x", "pending"),
            ("[m]\nx += 4\nx = 3\n", "m:x", "3\n4"),
        ];
        for (text, option, expected) in table {
            let text = format!("[buildout]\nextends = b.cfg\n[s]\n{text}");
            assert_eq!(check(&[("/a.cfg", &text), base], option), expected, "{text}");
        }
    }

    #[test]
    fn the_base_is_an_option_only_where_it_is_mentioned() {
        let files = [
            (
                "http://h/d/a.cfg",
                "[buildout]\nextends = sub/b.cfg\n[s]\nx = ${:_profile_base_location_}/f\n",
            ),
            (
                "http://h/d/sub/b.cfg",
                "[s]\ny = 1\n[t]\nx = ${:_profile_base_location_}\n[u]\nx = 1\n",
            ),
        ];
        assert_eq!(check(&files, "s:_profile_base_location_"), "http://h/d");
        assert_eq!(check(&files, "t:_profile_base_location_"), "http://h/d/sub");
        let mut read =
            |place: &str| Ok(files.iter().find(|(name, _)| *name == place).unwrap().1.to_owned());
        assert!(!load(files[0].0, &mut read).unwrap()["u"].contains_key(BASE));
    }

    #[test]
    fn circles_and_missing_files_have_a_place() {
        let circle = [
            ("/a.cfg", "[buildout]\nextends = b.cfg\n"),
            ("/b.cfg", "[buildout]\nextends = a.cfg\n"),
        ];
        assert_eq!(check(&circle, "s:x"), "extends-cycle");
        let mut read = |place: &str| match place {
            "/a.cfg" => Ok("[buildout]\nextends =\n  b.cfg\n".to_owned()),
            _ => Err(Error::new(Code::Unreadable, "no such file")),
        };
        let error = load("/a.cfg", &mut read).unwrap_err();
        let place = error.faults().next().unwrap().place.clone().unwrap();
        assert_eq!((place.file.as_str(), place.line, place.column), ("/a.cfg", 3, 3));
    }

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
