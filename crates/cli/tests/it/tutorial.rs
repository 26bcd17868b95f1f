//! docs/tutorial.md: what it shows of the releases is what they say, and what it lets a learner
//! type does what it says.

use std::{
    collections::BTreeSet,
    fs,
    io::{BufRead, BufReader, Write},
    os::unix::fs::symlink,
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use camino::Utf8PathBuf;

use crate::{
    cloud::eventually,
    demo::{Demo, directory, last_word},
    processes::assert_none_below,
};

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
/// that are left out, and `...` in a line for what is different every time.
fn has(file: &str, fragment: &str) -> bool {
    let lines: Vec<_> = file.lines().collect();
    (0..lines.len()).any(|start| rest(&lines[start..], fragment).is_some())
}

/// The lines after those of a fragment, which begins at the first of them.
fn rest<'a>(mut lines: &'a [&'a str], fragment: &str) -> Option<&'a [&'a str]> {
    let mut skipping = false;
    for wanted in fragment.lines() {
        if wanted == "..." {
            skipping = true;
            continue;
        }
        let at = lines.iter().position(|line| is_like(line, wanted))?;
        if at > 0 && !skipping {
            return None;
        }
        (lines, skipping) = (&lines[at + 1..], false);
    }
    Some(if skipping { &[] } else { lines })
}

fn is_like(line: &str, wanted: &str) -> bool {
    let wanted = wanted.replace("...", "*").replace("127.x.y.z", "127.*");
    let mut parts = wanted.split('*');
    let Some(mut left) = line.trim_end().strip_prefix(parts.next().unwrap_or_default()) else {
        return false;
    };
    let parts: Vec<_> = parts.collect();
    let Some((last, middle)) = parts.split_last() else {
        return left.is_empty();
    };
    for part in middle {
        let Some(at) = left.find(part) else { return false };
        left = &left[at + part.len()..];
    }
    left.ends_with(last)
}

/// The blocks of the lesson of these kinds, in order.
fn blocks(kinds: &[&str]) -> Vec<(String, String)> {
    let text = fs::read_to_string(root().join("docs/tutorial.md")).unwrap();
    let blocks = text.split("\n```").skip(1).step_by(2);
    let blocks = blocks.filter_map(|block| {
        let (kind, text) = block.split_once('\n').unwrap();
        kinds.contains(&kind).then(|| (kind.to_owned(), text.to_owned()))
    });
    blocks.collect()
}

/// A shell at which a learner types.
struct Terminal {
    shell: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Terminal {
    fn open(mut shell: Command) -> Self {
        let mut shell = shell.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (input, output) = (shell.stdin.take().unwrap(), shell.stdout.take().unwrap());
        let mut terminal = Self { shell, input, output: BufReader::new(output) };
        terminal.enter("exec 2>&1"); // both are seen, in order
        terminal
    }

    /// What a line printed, and the code with which it ended.
    fn enter(&mut self, line: &str) -> (String, i32) {
        writeln!(self.input, "{line}\nprintf '\\004%s\\n' $?").unwrap();
        let mut printed = Vec::new();
        self.output.read_until(4, &mut printed).unwrap();
        assert_eq!(printed.pop(), Some(4), "the shell has gone: {line}");
        let mut code = String::new();
        self.output.read_line(&mut code).unwrap();
        (String::from_utf8(printed).unwrap(), code.trim().parse().unwrap())
    }

    /// Enters a line until it prints what the lesson shows: once, unless it only looks at what
    /// changes by itself.
    fn until_shown(&mut self, line: &str, shown: &str) -> String {
        let looks = ["info", "tree", "explain", "list"].iter().any(|verb| line.contains(verb));
        let (mut said, mut code) = (String::new(), 0);
        let mut is_shown = || {
            (said, code) = self.enter(line);
            let lines: Vec<_> = said.lines().collect();
            let shown = rest(&lines, shown).is_some_and(<[_]>::is_empty);
            assert!(shown || looks, "{line}: not as it is shown:\n{said}");
            shown
        };
        eventually(&format!("{line} shows\n{shown}"), &mut is_shown);
        let explained = line.contains("explain") && said.contains("error");
        assert_eq!(code, if explained { 2 } else { 0 }, "{line}: {said}");
        said
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _gone = self.shell.kill();
        let _gone = self.shell.wait();
    }
}

fn write_program(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let path = Utf8PathBuf::try_from(path.to_owned()).unwrap();
    slapos_atomic::write(&path, text.as_bytes(), 0o755).unwrap();
}

/// Makes a fresh working copy as the lesson needs it, without a release build: `cargo run` runs the
/// program of this test.
fn working_copy(copy: &Path) {
    let program = env!("CARGO_BIN_EXE_slapos");
    let cargo = format!(
        "#!/bin/sh\n[ \"$1 $2 $3\" = 'run --release --' ] || exit 64\nshift 3\nexec {program} \"$@\"\n"
    );
    write_program(&copy.join("bin/cargo"), &cargo);
    // A learner who writes one word in the place of another.
    write_program(&copy.join("bin/editor"), "#!/bin/sh\nexec sed -i 's/Hello/Salut/' \"$1\"\n");
    fs::create_dir_all(copy.join("target/release")).unwrap();
    for (from, to) in
        [(program, "target/release/slapos"), (root().join("software").as_str(), "software")]
    {
        symlink(from, copy.join(to)).unwrap();
    }
}

/// A shell in a working copy.
fn shell(copy: &Path) -> Command {
    let mut shell = Command::new("sh");
    let path = format!("{}:/usr/bin:/bin", copy.join("bin").display());
    shell.current_dir(copy).env("PATH", path).env("EDITOR", "editor");
    for variable in ["SLAPOS_CLIENT_CONFIGURATION", "SLAPOS_CONFIGURATION"] {
        shell.env_remove(variable);
    }
    shell
}

fn page(url: &str) -> String {
    ureq::get(url).call().unwrap().body_mut().read_to_string().unwrap()
}

#[test]
fn s2_the_whole_lesson_can_be_typed_and_shows_what_it_says() {
    let place = directory();
    let copy = place.path().join("copy");
    working_copy(&copy);
    let below_place = |text: &str| text.replace("/tmp/", &format!("{}/", place.path().display()));
    let mut blocks = blocks(&["sh", "text"]).into_iter().peekable();
    let first = below_place(&blocks.next().unwrap().1);
    let mut demo = shell(&copy);
    demo.args(["-c", &format!("exec {first}")]);
    let mut demo = Demo::spawn(demo);
    demo.read_until("Ctrl-C stops everything");

    let mut terminal = Terminal::open(shell(&copy));
    let mut pages = Vec::new();
    while let Some((kind, lines)) = blocks.next() {
        assert_eq!(kind, "sh", "what does this show? {lines}");
        let shown = blocks.next_if(|(kind, _)| kind == "text").map(|(_, text)| below_place(&text));
        let lines = below_place(&lines);
        let (earlier, last) = lines.rsplit_once('\n').unwrap_or(("", &lines));
        for line in earlier.lines() {
            let (said, code) = terminal.enter(line);
            assert_eq!(code, 0, "{line}: {said}");
        }
        let said = terminal.until_shown(last, shown.as_deref().unwrap_or("..."));
        if let Some(line) = said.lines().find(|line| line.contains("url = ")) {
            pages.push((last_word(line), page(&last_word(line))));
        }
        if said.contains("did you mean") {
            let (url, before) = pages.last().unwrap();
            assert_eq!(page(url), *before, "the page that was there before is still served");
        }
    }
    let greetings = ["Hello, Ada!", "Hello, Grace!", "Salut, world!"];
    for ((url, page), greeting) in pages.iter().zip(greetings) {
        assert!(page.contains(greeting), "{greeting} at {url}: {page}");
    }
    assert_eq!(pages.len(), greetings.len());
    drop(terminal);
    assert_eq!(demo.interrupt(), 0);
    assert_none_below(place.path());
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
        ("[...]\nx = ...\ny = 2\n", true),
        ("[a]\nx = ...3\n", false),
    ] {
        assert_eq!(has(file, fragment), found, "{fragment}");
    }
}
