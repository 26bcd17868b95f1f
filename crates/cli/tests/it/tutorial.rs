//! What docs/tutorial.md shows of the releases is what they say.

use std::{collections::BTreeSet, fs};

use camino::Utf8PathBuf;

fn root() -> Utf8PathBuf {
    Utf8PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// The files of a release.
fn files(release: &str) -> Vec<String> {
    let entries = root().join("software").join(release).read_dir_utf8().unwrap();
    entries.map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap()).collect()
}

/// The profile fragments below a headline.
fn fragments(headline: &str) -> Vec<String> {
    let text = fs::read_to_string(root().join("docs/tutorial.md")).unwrap();
    let (_, chapter) = text.split_once(&format!("\n## {headline}")).unwrap();
    let chapter = chapter.split("\n## ").next().unwrap();
    let blocks = chapter.split("```ini\n").skip(1);
    blocks.map(|block| block.split("```").next().unwrap().to_owned()).collect()
}

/// Whether a file has the lines of a fragment, one after the other. A line `...` stands for lines
/// that are left out.
fn has(file: &str, fragment: &str) -> bool {
    let lines: Vec<_> = file.lines().collect();
    (0..lines.len()).any(|start| has_from(&lines[start..], fragment))
}

fn has_from(mut lines: &[&str], fragment: &str) -> bool {
    let mut skipping = false;
    for wanted in fragment.lines() {
        if wanted == "..." {
            skipping = true;
            continue;
        }
        let Some(at) = lines.iter().position(|line| *line == wanted) else {
            return false;
        };
        if at > 0 && !skipping {
            return false;
        }
        (lines, skipping) = (&lines[at + 1..], false);
    }
    true
}

#[test]
fn what_the_lesson_shows_stands_in_the_release_and_no_line_is_left_out() {
    let (hello, shown) = (files("hello"), fragments("3. "));
    for fragment in &shown {
        assert!(hello.iter().any(|file| has(file, fragment)), "not in software/hello:\n{fragment}");
    }
    let lesson = fs::read_to_string(root().join("docs/tutorial.md")).unwrap();
    let lesson: BTreeSet<_> = lesson.lines().collect();
    for name in ["software.cfg", "instance.cfg.in", "nginx.conf.in", "index.html.in"] {
        let file = fs::read_to_string(root().join("software/hello").join(name)).unwrap();
        for line in file.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            assert!(lesson.contains(line), "{name}: not explained: {line}");
        }
    }
    let phpmyadmin = files("phpmyadmin");
    for fragment in fragments("5. ") {
        assert!(
            phpmyadmin.iter().any(|file| has(file, &fragment)),
            "not in software/phpmyadmin:\n{fragment}"
        );
    }
}

#[test]
fn a_fragment_is_found_only_where_all_its_lines_are() {
    let file = "[a]\nx = 1\ny = 2\nz =\n  long line\n";
    for (fragment, found) in [
        ("[a]\nx = 1\n", true),
        ("[a]\n...\nz =\n", true),
        ("z =\n  long line\n", true),
        ("[a]\ny = 2\n", false),
        ("[a]\nx = 2\n", false),
        ("[a]\n...\nw = 3\n", false),
    ] {
        assert_eq!(has(file, fragment), found, "{fragment}");
    }
}
