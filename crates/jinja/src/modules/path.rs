//! Python's `os.path`: the functions that look at names only.

use super::{functions, text_of};
use crate::error::{Error, Result};
use crate::functions::builtin;
use crate::value::{Args, Value};

pub(super) fn module() -> Value {
    functions("os.path", attributes())
}

/// What `os.path` has without asking the file system.
pub fn attributes() -> [(&'static str, Value); 7] {
    [
        (
            "basename",
            builtin("basename", |_, args| one(args, "basename", |path| split(path).1.to_owned())),
        ),
        (
            "dirname",
            builtin("dirname", |_, args| one(args, "dirname", |path| split(path).0.to_owned())),
        ),
        (
            "isabs",
            builtin("isabs", |_, args| {
                let [path] = args.exactly("isabs")?;
                Ok(Value::Bool(text_of(&path, "isabs")?.starts_with('/')))
            }),
        ),
        ("join", builtin("join", |_, args| join(&args))),
        ("normpath", builtin("normpath", |_, args| one(args, "normpath", normal))),
        ("sep", Value::from("/")),
        (
            "splitext",
            builtin("splitext", |_, args| {
                let [path] = args.exactly("splitext")?;
                let (stem, extension) = split_extension(text_of(&path, "splitext")?);
                Ok(Value::tuple(vec![stem.into(), extension.into()]))
            }),
        ),
    ]
}

fn one(args: Args, name: &str, run: impl Fn(&str) -> String) -> Result<Value> {
    let [path] = args.exactly(name)?;
    Ok(Value::from(run(text_of(&path, name)?)))
}

fn join(args: &Args) -> Result<Value> {
    if args.positional.is_empty() || !args.named.is_empty() {
        return Err(Error::type_error("join() takes texts"));
    }
    let mut whole = String::new();
    for argument in &args.positional {
        let part = text_of(argument, "join")?;
        if part.starts_with('/') {
            whole.clear();
        } else if !whole.is_empty() && !whole.ends_with('/') {
            whole.push('/');
        }
        whole.push_str(part);
    }
    Ok(Value::from(whole))
}

/// Folder and name.
fn split(path: &str) -> (&str, &str) {
    let Some(at) = path.rfind('/') else {
        return ("", path);
    };
    let head = path[..at].trim_end_matches('/');
    (if head.is_empty() { &path[..=at] } else { head }, &path[at + 1..])
}

/// The name up to its last dot, and from there; a name that begins with dots has no extension of them.
fn split_extension(path: &str) -> (&str, &str) {
    let name = split(path).1;
    let dots = name.len() - name.trim_start_matches('.').len();
    match name[dots..].rfind('.') {
        None => (path, ""),
        Some(at) => path.split_at(path.len() - name.len() + dots + at),
    }
}

fn normal(path: &str) -> String {
    let slashes = match path.len() - path.trim_start_matches('/').len() {
        2 => 2, // means something of its own in POSIX
        0 => 0,
        _ => 1,
    };
    let mut kept: Vec<&str> = Vec::new();
    for part in path.split('/').filter(|part| !part.is_empty() && *part != ".") {
        match (part, kept.last()) {
            ("..", Some(last)) if *last != ".." => drop(kept.pop()),
            ("..", None) if slashes > 0 => {}
            _ => kept.push(part),
        }
    }
    let text = format!("{}{}", "/".repeat(slashes), kept.join("/"));
    if text.is_empty() { ".".into() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_split_as_in_python() {
        let table = [
            ("/a/b", ("/a", "b"), ("/a/b", "")),
            ("b.tar.gz", ("", "b.tar.gz"), ("b.tar", ".gz")),
            ("/b", ("/", "b"), ("/b", "")),
            ("/a/", ("/a", ""), ("/a/", "")),
            ("a.x//b", ("a.x", "b"), ("a.x//b", "")),
            ("a/..b", ("a", "..b"), ("a/..b", "")),
            ("..b.c", ("", "..b.c"), ("..b", ".c")),
        ];
        for (path, parts, extension) in table {
            assert_eq!((split(path), split_extension(path)), (parts, extension), "{path}");
        }
    }

    #[test]
    fn paths_are_normal_as_in_python() {
        let table = [
            ("", "."),
            ("a//b/./c/..", "a/b"),
            ("/../a", "/a"),
            ("../../a", "../../a"),
            ("//a", "//a"),
            ("///a", "/a"),
            ("a/..", "."),
        ];
        for (path, expected) in table {
            assert_eq!(normal(path), expected, "{path}");
        }
    }
}
