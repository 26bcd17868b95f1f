//! `zc.recipe.egg`, `:scripts`, `:eggs`: programs from eggs, in the Python environment of the release. `:custom` and
//! `:develop`, which would build one egg, only name it.
//!
//! In: `eggs` (default: the part's name), `scripts` (`name` or `name=other`; default: all of these eggs),
//! `interpreter`, `entry-points` (`name=module:function`), `initialization` and `arguments` (Python text);
//! `depends`, which only refers. Out: `eggs` or `egg`. What it writes is in `[buildout] bin-directory`.

use std::collections::BTreeMap;

use camino::Utf8PathBuf;

use super::{Kind, OptionsOnly, Recipe};
use crate::eggs::{self, Means};
use crate::engine::{Scope, Stop, Work};
use crate::environment::Environment;
use crate::error::{Code, Result};
use crate::files::Mode;
use crate::job::Purpose;
use crate::supply::EGG_PROGRAMS;

pub(super) static KIND: Kind = Kind::new(&[], make);

/// Whether a part of that recipe asks for eggs.
pub(crate) fn is_egg(recipe: &str) -> bool {
    let rest = recipe.trim().strip_prefix("zc.recipe.egg");
    rest.is_some_and(|rest| {
        ["", ":scripts", ":script", ":eggs", ":custom", ":develop"].contains(&rest)
    })
}

/// Whether an option of such a part is looked at: not how one egg is built.
pub(crate) fn reads(recipe: &str, option: &str) -> bool {
    !builds_one(recipe) || ["recipe", "egg"].contains(&option)
}

fn builds_one(recipe: &str) -> bool {
    recipe.contains(":custom") || recipe.contains(":develop")
}

/// The eggs that nobody supplies.
pub(crate) fn lacking(scope: &mut Scope<'_, '_>) -> Result<Vec<String>, Stop> {
    let eggs = wanted(scope)?;
    Ok(eggs.into_iter().filter(|egg| eggs::means(egg) == Means::Nobody).collect())
}

fn wanted(scope: &mut Scope<'_, '_>) -> Result<Vec<String>, Stop> {
    let recipe = scope.required("recipe")?;
    let option = if builds_one(&recipe) { "egg" } else { "eggs" };
    if scope.option(option)?.is_none() {
        let name = scope.name().to_owned();
        scope.set(option, name);
    }
    scope.lines(option)
}

fn make(scope: &mut Scope<'_, '_>) -> Result<Box<dyn Recipe>, Stop> {
    let lacking = lacking(scope)?;
    if !lacking.is_empty() {
        let message = format!("nobody supplies the eggs {}", lacking.join(", "));
        let fault = scope.fault("eggs", Code::Unsupported, message);
        return Err(fault.with_hint("software/supply/README.md says how to add one").into());
    }
    let eggs = wanted(scope)?;
    let recipe = scope.required("recipe")?;
    if builds_one(&recipe) { Ok(Box::new(OptionsOnly)) } else { programs(scope, eggs) }
}

/// A part that is the programs of these eggs.
pub(super) fn programs(
    scope: &mut Scope<'_, '_>,
    eggs: Vec<String>,
) -> Result<Box<dyn Recipe>, Stop> {
    let eggs: Vec<String> =
        eggs.into_iter().filter(|egg| eggs::means(egg) == Means::Installed).collect();
    let interpreter = scope.text("interpreter")?;
    let entry_points = pairs(scope, "entry-points")?;
    if eggs.is_empty() && interpreter.is_none() && entry_points.is_empty() {
        return Ok(Box::new(OptionsOnly));
    }
    let Purpose::Software(_) = &scope.job().purpose else {
        let fault =
            scope.fault("recipe", Code::Unsupported, "eggs can only be installed by a release");
        return Err(fault.with_hint("move this part into software.cfg; if this is a release under another name, say so with --release").into());
    };
    scope.want_eggs()?;
    let scripts = match scope.option("scripts")? {
        Some(_) => Some(pairs(scope, "scripts")?),
        None => None,
    };
    let bin = scope.reference("buildout:bin-directory")?;
    let bin = scope.path(bin.as_str().unwrap_or_default());
    let mut own = BTreeMap::new();
    for (name, text) in &*EGG_PROGRAMS {
        own.insert(name.as_str(), scope.substitute("programs.toml", text)?);
    }
    Ok(Box::new(Programs {
        own,
        environment: Environment::of(scope.directory()),
        bin,
        eggs,
        scripts,
        entry_points,
        interpreter,
        initialization: scope.text("initialization")?.unwrap_or_default(),
        arguments: scope.text("arguments")?.unwrap_or_default(),
    }))
}

/// Lines `name` or `name=other`, or such words.
fn pairs(scope: &mut Scope<'_, '_>, option: &str) -> Result<Vec<(String, String)>, Stop> {
    let words = scope.words(option)?;
    let pair = |word: &String| match word.split_once('=') {
        Some((name, other)) => (name.to_owned(), other.to_owned()),
        None => (word.clone(), word.clone()),
    };
    Ok(words.iter().map(pair).collect())
}

struct Programs {
    /// What takes the place of some programs.
    own: BTreeMap<&'static str, String>,
    environment: Environment,
    bin: Utf8PathBuf,
    eggs: Vec<String>,
    /// Name in the egg, name of the file; `None`: all, under their own names.
    scripts: Option<Vec<(String, String)>>,
    /// Name, `module:function`.
    entry_points: Vec<(String, String)>,
    interpreter: Option<String>,
    initialization: String,
    arguments: String,
}

impl Recipe for Programs {
    fn install(&mut self, work: &mut Work<'_>) -> Result<()> {
        let mut known = self.entry_points.clone();
        for egg in &self.eggs {
            known.extend(self.environment.programs(egg)?);
        }
        let wanted = self.scripts.clone().unwrap_or_else(|| {
            known.iter().map(|(name, _)| (name.clone(), name.clone())).collect()
        });
        // Of the names those are passed over that are of no egg: parts inherit `scripts` of others.
        for (name, file) in wanted {
            if let Some((_, target)) = known.iter().find(|(known, _)| *known == name) {
                let own = self.own.get(name.as_str()).cloned();
                let text = own.unwrap_or_else(|| self.script(target));
                work.write(&self.bin.join(file.trim()), text.as_bytes(), Mode::Runnable)?;
            }
        }
        if let Some(name) = &self.interpreter {
            let text = format!("#!/bin/sh\nexec {} \"$@\"\n", self.environment.python());
            work.write(&self.bin.join(name.trim()), text.as_bytes(), Mode::Runnable)?;
        }
        Ok(())
    }
}

impl Programs {
    /// A program that calls `module:function`.
    fn script(&self, target: &str) -> String {
        let target = target.split(['[', ' ']).next().unwrap_or_default();
        let (module, function) = target.split_once(':').unwrap_or((target, "main"));
        let Self { initialization, arguments, .. } = self;
        format!(
            "#!{}\nimport sys\n{initialization}\nimport {module}\n\nif __name__ == '__main__':\n    \
             sys.exit({module}.{function}({arguments}))\n",
            self.environment.python()
        )
    }
}
