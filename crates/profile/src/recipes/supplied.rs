//! Any recipe that would build software, for a part that a table of `software/supply/` answers. The options of the
//! part are not looked at. Out: `location`, `prefix`, and what the table says.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use slapos_debian::Request;

use super::{Kind, OptionsOnly, Recipe, cargo, debian, egg, npm, wheel};
use crate::engine::{Scope, Slow, Stop, Work};
use crate::error::{Code, Result};
use crate::files::{self, Mode};
use crate::supply::{self, Source, Supplied};

/// What takes the place of every recipe that builds software.
pub(super) static SUPPLIED: Kind = Kind::new(&[], make);

fn make(scope: &mut Scope<'_, '_>) -> Result<Box<dyn Recipe>, Stop> {
    let name = scope.name().to_owned();
    let Some(supplied) = supply::find(&name) else {
        let message = format!("nothing takes the place of [{name}]");
        return Err(scope.fault("recipe", Code::Unsupported, message).into());
    };
    let parts = scope.reference("buildout:parts-directory")?;
    let tree = scope.path(parts.as_str().unwrap_or_default()).join(&name);
    let place = tree.join(&supplied.location);
    let place = Utf8PathBuf::from(place.as_str().trim_end_matches('/'));
    for option in ["location", "prefix"] {
        scope.set(option, place.as_str());
    }
    for (option, text) in &supplied.options {
        scope.set(option, text.replace("${location}", place.as_str()));
    }
    let pins = supplied.source.pins();
    if !pins.is_empty() {
        let pins: Vec<_> = pins.iter().map(ToString::to_string).collect();
        scope.set("pins", pins.join("\n")); // with others it is another part
    }
    let files = texts(scope, supplied, &place)?;
    let base: Box<dyn Recipe> = match &supplied.source {
        Source::Debian { packages, without } => {
            let request = Request::new(packages.iter().map(String::as_str), tree.clone());
            debian::tree(scope, request.without(without.clone()), tree)?
        }
        Source::Own => Box::new(OptionsOnly),
        Source::Eggs(eggs) => egg::programs(scope, eggs.clone())?,
        Source::Crates(pins) => cargo::programs(scope, pins, tree)?,
        Source::Wheels(pins) => wheel::unpacked(scope, pins, tree)?,
        Source::Npm(pins) => npm::folder(scope, pins, tree)?,
    };
    Ok(Box::new(Adapted { base, place, links: &supplied.links, files }))
}

/// The programs of our own that belong to a part.
fn texts(
    scope: &mut Scope<'_, '_>,
    supplied: &Supplied,
    place: &Utf8Path,
) -> Result<Vec<(Utf8PathBuf, String)>, Stop> {
    let mut texts = Vec::new();
    for (path, text) in &supplied.files {
        if text.contains("${buildout:eggs-directory}") {
            scope.want_eggs()?; // it runs there
        }
        let table = format!("the table of supplies: {path}");
        let path = files::in_directory(place, &scope.substitute(&table, path)?);
        texts.push((path, scope.substitute(&table, text.trim_start())?));
    }
    Ok(texts)
}

/// What others made, with what profiles expect beside it.
struct Adapted {
    base: Box<dyn Recipe>,
    place: Utf8PathBuf,
    links: &'static BTreeMap<String, String>,
    files: Vec<(Utf8PathBuf, String)>,
}

impl Recipe for Adapted {
    fn slow(&mut self, same: bool) -> Option<Slow> {
        self.base.slow(same)
    }

    fn install(&mut self, work: &mut Work<'_>) -> Result<()> {
        self.base.install(work)?;
        self.adapt(work)
    }

    fn update(&mut self, work: &mut Work<'_>) -> Result<()> {
        self.base.update(work)?;
        self.adapt(work)
    }
}

impl Adapted {
    fn adapt(&self, work: &mut Work<'_>) -> Result<()> {
        for (link, target) in self.links {
            files::put_link(&self.place.join(link), Utf8Path::new(target))?;
        }
        self.merge_programs()?;
        let mut files = self.files.iter();
        files.try_for_each(|(path, text)| work.write(path, text.as_bytes(), Mode::Runnable))
    }

    /// Some packages have programs beside `usr`, where no profile looks for them.
    fn merge_programs(&self) -> Result<()> {
        let Some(above) = self.place.parent().filter(|_| self.place.ends_with("usr")) else {
            return Ok(());
        };
        for folder in ["bin", "sbin"] {
            let Ok(entries) = above.join(folder).read_dir_utf8() else { continue };
            for entry in entries.filter_map(std::result::Result::ok) {
                let link = self.place.join(folder).join(entry.file_name());
                if !link.as_std_path().exists() {
                    let target =
                        Utf8PathBuf::from(format!("../../{folder}")).join(entry.file_name());
                    files::put_link(&link, &target)?;
                }
            }
        }
        Ok(())
    }
}
