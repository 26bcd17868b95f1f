//! How many of the instance parts of the SlapOS profiles are native. `SLAPOS_PROFILES` names a checkout.
//!
//! Counted are sections with a recipe, their own or that of a macro, in every profile that an instance evaluates:
//! templates are read as text, without what stands between their tags. A section that is only ever a macro is no part.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use slapos_profile::is_native;

/// One section of a file.
#[derive(Default)]
struct Section {
    recipe: Option<String>,
    macros: Vec<String>,
}

type Sections = BTreeMap<String, Section>;

#[test]
fn most_instance_parts_are_native() {
    let Some(checkout) = std::env::var_os("SLAPOS_PROFILES") else {
        println!("skipped: SLAPOS_PROFILES names no checkout of the SlapOS profiles");
        return;
    };
    let files = profiles(Path::new(&checkout));
    let all: Vec<Sections> = files.iter().map(|(_, text)| sections(text)).collect();
    let mut by_name: BTreeMap<&str, &Section> = BTreeMap::new();
    for (name, section) in all.iter().flatten() {
        by_name.entry(name).or_insert(section);
    }
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for (sections, (_, text)) in all.iter().zip(&files) {
        for (name, section) in sections {
            if let Some(recipe) = recipe(section, sections, &by_name, 0)
                && !is_pure_macro(name, sections, text)
            {
                *counts.entry(recipe).or_default() += 1;
            }
        }
    }
    let total: usize = counts.values().sum();
    let native: usize = counts.iter().filter(|(recipe, _)| is_native(recipe)).map(|(_, n)| n).sum();
    let mut others: Vec<_> = counts.iter().filter(|(recipe, _)| !is_native(recipe)).collect();
    others.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    println!(
        "{native} of {total} parts in {} files are native; the others: {others:?}",
        files.len()
    );
    assert!(total > 1800, "only {total} parts were found");
    assert!(native * 100 >= total * 91, "{native} of {total}; the others: {others:?}");
}

/// Path and text of every profile of an instance.
fn profiles(checkout: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut open = vec![checkout.join("software"), checkout.join("stack")];
    while let Some(folder) = open.pop() {
        for entry in folder.read_dir().unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                let skipped = ["test", "tests"].iter().any(|name| path.ends_with(name));
                open.extend((!skipped).then_some(path));
                continue;
            }
            let Ok(text) = std::fs::read_to_string(&path) else { continue };
            if is_instance_profile(&path, &text) {
                found.push((path, text));
            }
        }
    }
    found.sort();
    found
}

/// By what it says, for names follow no rule: sections with recipes of instances, and no building of software.
fn is_instance_profile(path: &Path, text: &str) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let is_text =
        [".cfg", ".in", ".jinja2", ".jinja", ".libjinja2"].iter().any(|end| name.ends_with(end));
    let builds = ["slapos.recipe.cmmi", "zc.recipe.egg", "slapos.recipe.build:download"];
    let is_software = name.starts_with("software")
        || name.starts_with("buildout")
        || name.starts_with("common")
        || builds.iter().any(|recipe| text.contains(&format!("recipe = {recipe}")));
    is_text && !is_software && text.contains("recipe")
}

fn sections(text: &str) -> Sections {
    let mut found = Sections::new();
    let (mut current, mut in_macros) = (String::new(), false);
    for line in without_tags(text).lines() {
        if let Some(name) =
            line.strip_prefix('[').and_then(|line| line.split_once(']')).map(|(name, _)| name)
        {
            let name = name.split(':').next().unwrap_or_default().trim();
            current = name.to_owned();
            in_macros = false;
            found.entry(current.clone()).or_default();
            continue;
        }
        let Some(section) = found.get_mut(&current) else { continue };
        let squeezed: String = line.split_whitespace().collect::<Vec<_>>().join(" ");
        if let Some(names) = squeezed.strip_prefix("<=").or_else(|| squeezed.strip_prefix("< =")) {
            in_macros = true;
            section.macros.extend(names.split_whitespace().map(ToOwned::to_owned));
        } else if in_macros && line.starts_with(char::is_whitespace) {
            section.macros.extend(squeezed.split(' ').map(ToOwned::to_owned));
        } else {
            in_macros = false;
            let value =
                squeezed.strip_prefix("recipe =").or_else(|| squeezed.strip_prefix("recipe="));
            if let Some(recipe) = value.map(str::trim).filter(|recipe| !recipe.is_empty()) {
                section.recipe = Some(recipe.to_owned());
            }
        }
    }
    found
}

/// The text with `X` in the place of what is printed, and nothing in that of statements and comments.
fn without_tags(text: &str) -> String {
    let (mut out, mut rest) = (String::new(), text);
    while let Some(at) = ["{{", "{%", "{#"].iter().filter_map(|tag| rest.find(tag)).min() {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let (end, shown) = match &from[..2] {
            "{{" => ("}}", "X"),
            "{%" => ("%}", ""),
            _ => ("#}", ""),
        };
        let Some(length) = from.find(end) else {
            rest = &from[2..];
            continue;
        };
        out.push_str(shown);
        rest = &from[length + 2..];
    }
    out.push_str(rest);
    out
}

fn recipe(
    section: &Section,
    own: &Sections,
    all: &BTreeMap<&str, &Section>,
    depth: usize,
) -> Option<String> {
    if let Some(recipe) = &section.recipe {
        return Some(recipe.clone());
    }
    let inherited = |name: &String| {
        let used = own.get(name).or_else(|| all.get(name.as_str()).copied())?;
        if depth < 10 { recipe(used, own, all, depth + 1) } else { None }
    };
    section.macros.iter().rev().find_map(inherited)
}

/// Used as a macro in its file, and never otherwise.
fn is_pure_macro(name: &str, sections: &Sections, text: &str) -> bool {
    let is_macro = sections.values().any(|section| section.macros.iter().any(|used| used == name));
    let mentioned = text.contains(&format!("{{{name}:")) || text.contains(&format!(" {name}:"));
    is_macro && !mentioned && only_below_macros(name, text)
}

/// Whether every line that is just the name continues a `<=`.
fn only_below_macros(name: &str, text: &str) -> bool {
    let mut in_macros = false;
    for line in text.lines() {
        if !line.starts_with(char::is_whitespace) {
            in_macros = line.starts_with("<=") || line.starts_with("< =");
        } else if line.trim() == name && !in_macros {
            return false;
        }
    }
    true
}
