//! From a profile to one set of sections: follows `extends`, each file once, at its first mention.
//!
//! Files are merged one after the other into what is there so far, each before the file that extends it. A file that
//! cannot be read, or has bad lines, is told; the others are read all the same, so that all faults come at once.
//! Macros and references are left alone. Reads files only through the function that it is given.

use std::collections::HashSet;
use std::rc::Rc;

use camino::{Utf8Path, Utf8PathBuf};

use crate::error::{Code, Error, Result};
use crate::job::Options;
use crate::location::{base_of, join};
use crate::merge::merge;
use crate::read::{Change, Layer, Line, Raw, Source, Spot, parse};

/// The option that says where the file of a section lies.
pub(crate) const BASE: &str = "_profile_base_location_";

/// How many files a profile may have; ERP5 has 248.
const FILES_MAX: usize = 5_000;
/// How deep files may extend each other.
const DEPTH_MAX: usize = 100;
/// How long all files together may be, in bytes; ERP5 has 1 MB.
const BYTES_MAX: usize = 64 << 20;

/// How files of URLs are to be had, as `[buildout]` of the main file and the caller say.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Remote {
    /// Where their copies are kept.
    pub(crate) cache: Option<Utf8PathBuf>,
    /// Nothing may be fetched.
    pub(crate) offline: bool,
    /// A copy serves only when fetching fails.
    pub(crate) newest: bool,
}

/// Reads the text of a file or URL; `None` if it is not there and, as the last argument says, need not be.
pub(crate) type ReadText<'a> = dyn FnMut(&str, &Remote, bool) -> Result<Option<String>> + 'a;

/// Merges the profile at `main`, a path or URL. What `given` says of `[buildout]` goes before what the file says; its
/// `extends` is one place that the file extends without saying so. The cache of URLs is relative to `directory`.
pub(crate) fn load(
    main: &str,
    given: &Options,
    directory: &Utf8Path,
    read: &mut ReadText<'_>,
) -> Result<Layer> {
    let mut loader = Loader {
        read,
        given,
        directory,
        remote: Remote::default(),
        seen: HashSet::new(),
        open: Vec::new(),
        bytes: 0,
        merged: Layer::new(),
        faults: Vec::new(),
    };
    if let Err(error) = loader.file(main, false) {
        loader.faults.push(error);
    }
    match Error::of(loader.faults) {
        Some(error) => Err(error),
        None => Ok(loader.merged),
    }
}

struct Loader<'a, 'b> {
    read: &'a mut ReadText<'b>,
    given: &'a Options,
    directory: &'a Utf8Path,
    remote: Remote,
    seen: HashSet<String>,
    open: Vec<String>,
    bytes: usize,
    merged: Layer,
    faults: Vec<Error>,
}

impl Loader<'_, '_> {
    /// Reads one file with what it extends. An error is one that its mention has to blame; others are in `faults`.
    fn file(&mut self, place: &str, optional: bool) -> Result<()> {
        self.no_circle(place)?;
        if !self.seen.insert(place.to_owned()) {
            return Ok(());
        }
        self.within_limits()?;
        let Some(text) = (self.read)(place, &self.remote, optional)? else {
            self.seen.remove(place); // whoever cannot do without it shall be told
            return Ok(());
        };
        self.bytes += text.len();
        let source = Source::new(place, text);
        let mut bad_lines = Vec::new();
        let mut layer = parse(&source, &mut bad_lines);
        let bad_lines: Vec<_> = bad_lines.into_iter().map(|fault| self.blamed(fault)).collect();
        self.faults.extend(bad_lines);
        let base = base_of(place);
        keep_base(&mut layer, base);
        let is_main = self.open.is_empty();
        if is_main {
            self.remote = remote(&layer, self.given, self.directory)?;
        }
        self.open.push(place.to_owned());
        if let Some(base) = self.given.get("extends").filter(|_| is_main)
            && let Err(error) = self.file(base, false)
        {
            let blamed = self.blamed(error);
            self.faults.push(blamed);
        }
        for (line, optional) in extended(&mut layer, &mut self.faults) {
            for name in line.text.split_whitespace() {
                let place = join(base, name);
                if let Err(error) = self.file(&place, optional) {
                    let blamed = self.blamed(error.at(|| spot_of(&line, name).place()));
                    self.faults.push(blamed);
                }
            }
        }
        self.open.pop();
        merge(&mut self.merged, layer);
        Ok(())
    }

    fn no_circle(&self, place: &str) -> Result<()> {
        let Some(from) = self.open.iter().position(|open| open == place) else {
            return Ok(());
        };
        let circle = self.open[from..].iter().map(String::as_str).chain([place]);
        let circle = circle.collect::<Vec<_>>().join(" → ");
        let message = format!("files extend each other in a circle: {circle}");
        Err(Error::new(Code::ExtendsCycle, message))
    }

    fn within_limits(&self) -> Result<()> {
        let message = if self.seen.len() > FILES_MAX {
            format!("the profile has more than {FILES_MAX} files")
        } else if self.open.len() > DEPTH_MAX {
            format!("files extend each other more than {DEPTH_MAX} levels deep")
        } else if self.bytes > BYTES_MAX {
            format!("the files of the profile have more than {} MiB", BYTES_MAX >> 20)
        } else {
            return Ok(());
        };
        Err(Error::new(Code::TooLarge, message))
    }

    /// The error with the files that led to it, innermost first.
    fn blamed(&self, error: Error) -> Error {
        self.open
            .iter()
            .rev()
            .fold(error, |error, place| error.during(format!("while reading what {place} extends")))
    }
}

/// What a file extends, in order, and whether it may be missing. Takes the options away.
fn extended(layer: &mut Layer, faults: &mut Vec<Error>) -> Vec<(Line, bool)> {
    let Some(own) = layer.get_mut("buildout") else {
        return Vec::new();
    };
    let mut lines = Vec::new();
    for (option, optional) in [("extends", false), ("optional-extends", true)] {
        let Some(change) = own.shift_remove(option) else {
            continue;
        };
        lines.extend(change.set.into_iter().flat_map(|raw| raw.lines).map(|line| (line, optional)));
        lines.extend(change.add.into_iter().map(|line| (line, optional)));
    }
    for (line, _) in &lines {
        if let Some(at) = line.text.find("${") {
            let error = Error::new(Code::BadOption, "`extends` cannot contain references");
            let error = error.at(|| spot_at(line, at).place());
            faults.push(error.with_hint("files are read before any option has a value"));
        }
    }
    lines.retain(|(line, _)| !line.text.contains("${"));
    if let Some(change) = own.shift_remove("extended-by")
        && let Some(raw) = change.set
    {
        let error = Error::new(Code::Unsupported, "`extended-by` is not supported any more");
        faults.push(error.at(|| raw.spot.place()).with_hint("use `extends` in the other file"));
    }
    lines
}

fn spot_of(line: &Line, word: &str) -> Spot {
    spot_at(line, line.text.find(word).unwrap_or(0))
}

fn spot_at(line: &Line, at: usize) -> Spot {
    Spot { column: line.spot.column + line.text[..at].chars().count(), ..line.spot.clone() }
}

/// How URLs are read, by the main file's `[buildout]`.
fn remote(main: &Layer, given: &Options, directory: &Utf8Path) -> Result<Remote> {
    let own = main.get("buildout");
    let raw = |option: &str| own?.get(option)?.set.as_ref();
    let text = |option: &str| {
        given.get(option).cloned().or_else(|| Some(raw(option)?.text())).unwrap_or_default()
    };
    let cache = text("extends-cache");
    if cache.contains("${") {
        let error = Error::new(Code::BadOption, "`extends-cache` cannot contain references")
            .with_hint("files are read before any option has a value");
        return Err(match raw("extends-cache") {
            Some(raw) => error.at(|| raw.spot.place()),
            None => error,
        });
    }
    Ok(Remote {
        cache: Some(cache.trim())
            .filter(|cache| !cache.is_empty())
            .map(|cache| directory.join(cache)),
        offline: text("offline") == "true" || text("install-from-cache") == "true",
        newest: text("newest") != "false",
    })
}

/// Gives the sections that mention the base its value.
fn keep_base(layer: &mut Layer, base: &str) {
    for options in layer.values_mut() {
        let mentions = |line: &Line| line.text.contains(BASE);
        let spot = options.values().find_map(|change| {
            let set = change.set.iter().flat_map(|raw| &raw.lines);
            let mut lines = set.chain(&change.add).chain(&change.remove);
            lines.find(|line| mentions(line)).map(|line| line.spot.clone())
        });
        if let Some(spot) = spot {
            let set = Some(Raw::at(spot, &base.replace('$', "$$")));
            options.insert(Rc::from(BASE), Change { set, ..Change::default() });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load_from(files: &[(&str, &str)]) -> Result<Layer> {
        let mut read = |place: &str, _: &Remote, optional: bool| match files
            .iter()
            .find(|(name, _)| *name == place)
        {
            None if optional => Ok(None),
            None => Err(Error::new(Code::Unreadable, format!("no {place}"))),
            Some((_, text)) => Ok(Some((*text).to_owned())),
        };
        load(files[0].0, &Options::new(), Utf8Path::new("/d"), &mut read)
    }

    /// Loads the first of some files; an option as text, or the codes and places of the faults.
    fn check(files: &[(&str, &str)], option: &str) -> String {
        match load_from(files) {
            Ok(layer) => {
                let (section, option) = option.split_once(':').unwrap();
                layer[section][option].set.as_ref().map_or("pending".into(), Raw::text)
            }
            Err(error) => {
                let fault = |fault: &crate::Fault| match &fault.place {
                    Some(place) => format!("{} {place}", fault.code.name()),
                    None => fault.code.name().to_owned(),
                };
                error.faults().map(fault).collect::<Vec<_>>().join(", ")
            }
        }
    }

    #[test]
    fn each_file_counts_once_at_its_first_mention() {
        let base = ("/p/base.cfg", "[buildout]\nparts = base\n");
        let other = ("/p/other.cfg", "[buildout]\nextends = base.cfg\nparts += other\n");
        let main = (
            "/p/a.cfg",
            "[buildout]\nextends = other.cfg ../p/base.cfg\n  base.cfg\nparts +=\n  a\n",
        );
        assert_eq!(check(&[main, base, other], "buildout:parts"), "base\nother\na");
    }

    /// Subtree by subtree, `two` would extend a `parts` that it does not see.
    #[test]
    fn additions_reach_a_file_that_was_merged_before() {
        let files = [
            ("/a.cfg", "[buildout]\nextends = one.cfg two.cfg\n"),
            ("/base.cfg", "[buildout]\nparts = x\n"),
            ("/one.cfg", "[buildout]\nextends = base.cfg\nparts += y\n"),
            ("/two.cfg", "[buildout]\nextends = base.cfg\nparts += z\n"),
        ];
        assert_eq!(check(&files, "buildout:parts"), "x\ny\nz");
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
        assert!(!load_from(&files).unwrap()["u"].contains_key(BASE));
    }

    #[test]
    fn what_cannot_be_read_is_told_with_its_place_all_at_once() {
        let table: [(&[(&str, &str)], &str); 6] = [
            (
                &[
                    ("/a.cfg", "[buildout]\nextends = b.cfg\n"),
                    ("/b.cfg", "[buildout]\nextends = a.cfg\n"),
                ],
                "extends-cycle /b.cfg:2:11",
            ),
            (
                &[("/a.cfg", "[buildout]\nextends =\n  b.cfg c.cfg\nx\n")],
                "bad-line /a.cfg:4:1, unreadable /a.cfg:3:3, unreadable /a.cfg:3:9",
            ),
            (
                &[("/a.cfg", "[buildout]\nextends = b.cfg\n"), ("/b.cfg", "x = 1\n")],
                "option-outside /b.cfg:1:1",
            ),
            (&[("/a.cfg", "[buildout]\nextends = ${a:b}/c\n")], "bad-option /a.cfg:2:11"),
            (&[("/a.cfg", "[buildout]\nextended-by = b\n")], "unsupported /a.cfg:2:1"),
            (&[("/a.cfg", "[buildout]\nextends-cache = ${a:b}\n")], "bad-option /a.cfg:2:1"),
        ];
        for (files, expected) in table {
            assert_eq!(check(files, "s:x"), expected);
        }
        let optional = [("/a.cfg", "[buildout]\noptional-extends = no.cfg\nx = 1\n")];
        assert_eq!(check(&optional, "buildout:x"), "1");
    }

    #[test]
    fn the_chain_names_the_files_that_led_there() {
        let files = [
            ("/a.cfg", "[buildout]\nextends = b.cfg\n"),
            ("/b.cfg", "[buildout]\nextends = c.cfg\n"),
            ("/c.cfg", "bad\n"),
        ];
        let error = load_from(&files).unwrap_err();
        let chain = &error.faults().next().unwrap().chain;
        assert_eq!(
            chain,
            &["while reading what /b.cfg extends", "while reading what /a.cfg extends"]
        );
    }

    #[test]
    fn a_profile_without_end_ends() {
        let mut count = 0;
        let mut read = |_: &str, _: &Remote, _: bool| {
            count += 1;
            Ok(Some(format!("[buildout]\nextends = {count}.cfg\n")))
        };
        let error = load("/a.cfg", &Options::new(), Utf8Path::new("/d"), &mut read).unwrap_err();
        assert_eq!(error.code(), Code::TooLarge);
    }

    #[test]
    fn the_main_file_and_the_caller_say_how_urls_are_read() {
        let table = [
            ("", &[][..], Remote { newest: true, ..Remote::default() }),
            (
                "newest = false\noffline = true\n",
                &[],
                Remote { offline: true, ..Remote::default() },
            ),
            (
                "offline = true\n",
                &[("offline", "false")],
                Remote { newest: true, ..Remote::default() },
            ),
            (
                "extends-cache = c\n",
                &[("newest", "false")],
                Remote { cache: Some("/d/c".into()), ..Remote::default() },
            ),
        ];
        for (text, given, expected) in table {
            let main = format!("[buildout]\n{text}");
            let layer = parse(&Source::new("a", main), &mut Vec::new());
            let given = given.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
            assert_eq!(remote(&layer, &given, Utf8Path::new("/d")).unwrap(), expected, "{text}");
        }
    }
}
