//! What has not changed is left alone.

use std::fs::File;

use camino::Utf8Path;
use slapos_profile::unchanged;

use crate::bench::{Bench, actions, changed};

fn page(name: &str, context: &str) -> String {
    format!(
        "[{name}]\nrecipe = slapos.recipe.template:jinja2\nurl = ${{buildout:directory}}/{name}.in\n\
         output = etc/{name}\ncontext = key value {context}\n"
    )
}

fn bench() -> Bench {
    let mut bench = Bench::new(&format!(
        "[buildout]\nparts = a b service\n{}{}\
         [slap-configuration]\nrecipe = slapos.cookbook:slapconfiguration\n\
         configuration.a = 1\nconfiguration.b = 1\n\
         [service]\nrecipe = slapos.cookbook:wrapper\ncommand-line = serve ${{a:output}}\n\
         wrapper-path = etc/service\nhash-files = ${{a:output}}\n",
        page("a", "slap-configuration:configuration.a"),
        page("b", "slap-configuration:configuration.b"),
    ));
    for name in ["a", "b"] {
        bench.file(&format!("{name}.in"), "{{ value }}");
    }
    bench.ran();
    bench
}

/// Gives a file another text that looks the same: whoever reads it again is found out.
fn poison(bench: &Bench, name: &str) {
    let path = bench.dir.join(name);
    let modified = std::fs::metadata(&path).unwrap().modified().unwrap();
    let text = "!".repeat(bench.read(name).len());
    bench.file(name, &text);
    File::options().write(true).open(&path).unwrap().set_modified(modified).unwrap();
}

#[test]
fn a_pass_with_nothing_to_do_reads_no_template_and_writes_nothing() {
    let mut bench = bench();
    let state = std::fs::metadata(bench.dir.join(".installed.json")).unwrap().modified().unwrap();
    poison(&bench, "a.in");
    poison(&bench, "b.in");
    let outcome = bench.ran();
    assert!(actions(&outcome).iter().all(|action| action.ends_with(" unchanged")), "{outcome:?}");
    assert!(outcome.changed.is_empty());
    assert_eq!(
        std::fs::metadata(bench.dir.join(".installed.json")).unwrap().modified().unwrap(),
        state
    );
    assert!(slapos_profile::unchanged(&outcome.inputs));
    assert_eq!((bench.read("etc/a").as_str(), bench.read("etc/b").as_str()), ("1", "1"));
}

#[test]
fn what_looks_otherwise_is_read_again_and_only_that() {
    let mut bench = bench();
    poison(&bench, "b.in");
    bench.file("a.in", "a: {{ value }}");
    let outcome = bench.ran();
    let service =
        changed(&bench, &outcome).into_iter().filter(|path| path.starts_with("etc/service"));
    assert_eq!(service.count(), 2, "the new name of the service, and the old one");
    assert_eq!((bench.read("etc/a").as_str(), bench.read("etc/b").as_str()), ("a: 1", "1"));
    std::fs::remove_file(bench.dir.join("etc/b")).unwrap();
    bench.ran();
    assert_eq!(bench.read("etc/b"), "!".repeat(11), "what is missing is made again");
}

#[test]
fn a_parameter_renders_only_what_depends_on_it() {
    let mut bench = bench();
    poison(&bench, "b.in");
    bench.facts.parameters.insert("a".into(), "2".into());
    bench.ran();
    assert_eq!(bench.read("etc/a"), "2");
    assert_eq!(bench.read("etc/b"), "1", "b does not name the parameter, so it was not rendered");
}

#[test]
fn a_file_that_somebody_changed_is_put_right() {
    let mut bench = bench();
    bench.file("etc/a", "mine");
    let outcome = bench.ran();
    assert_eq!(changed(&bench, &outcome), ["etc/a"]);
    assert_eq!(bench.read("etc/a"), "1");
}

#[test]
fn a_template_of_a_url_is_fetched_at_every_pass() {
    let mut bench = Bench::new(
        "[buildout]\nparts = a\n[a]\nrecipe = slapos.recipe.template:jinja2\nurl = http://h/a\noutput = a\n",
    );
    for text in ["one", "two"] {
        bench.host.pages.insert("http://h/a".into(), text.into());
        bench.ran();
        assert_eq!(bench.read("a"), text);
    }
}

/// Renders `page`; `more` are options of the part.
fn page_of(template: &str, more: &str) -> Bench {
    Bench::new(&format!(
        "[buildout]\nparts = page\n[page]\nrecipe = slapos.recipe.template:jinja2\n\
         {template}\noutput = page\n{more}\n"
    ))
}

#[test]
fn a_template_behind_a_link_that_leads_elsewhere_is_rendered_again() {
    let mut bench = page_of("url = ${buildout:directory}/in", "");
    let link = bench.dir.join("in");
    for name in ["one", "two"] {
        bench.file(name, name);
        let file = File::options().write(true).open(bench.dir.join(name)).unwrap();
        file.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
        let _new = std::fs::remove_file(&link);
        std::os::unix::fs::symlink(name, &link).unwrap();
        bench.ran();
        assert_eq!(bench.read("page"), name);
    }
    bench.file("two", "longer");
    bench.ran();
    assert_eq!(bench.read("page"), "longer", "what is at its end counts");
}

#[test]
fn permissions_that_somebody_opened_are_closed_again() {
    use std::os::unix::fs::PermissionsExt as _;
    let mut bench = page_of("inline = secret", "mode = 0600");
    bench.ran();
    let open = std::fs::Permissions::from_mode(0o666);
    std::fs::set_permissions(bench.dir.join("page"), open).unwrap();
    bench.ran();
    assert_eq!(bench.mode("page"), 0o600);
}

#[test]
fn a_template_that_asks_whether_a_file_is_there_notices_when_it_comes() {
    let mut bench = page_of(
        "inline = {{ os.path.exists(file) }} {{ path.isfile(file) }}",
        "context =\n  import os os\n  import path os.path\n  raw file ${buildout:directory}/asked",
    );
    let first = bench.ran();
    assert_eq!(bench.read("page"), "False False");
    assert!(unchanged(&first.inputs));
    bench.file("asked", "");
    assert!(!unchanged(&first.inputs));
    bench.ran();
    assert_eq!(bench.read("page"), "True True");
}

/// Runs a profile, after which nothing is to be done until `change` was made.
fn notices(profile: &str, change: impl FnOnce(&Utf8Path)) -> Bench {
    let mut bench = Bench::new(profile);
    bench.ran();
    let seen = bench.ran();
    assert!(unchanged(&seen.inputs), "{profile}");
    change(&bench.dir);
    assert!(!unchanged(&seen.inputs), "{profile}");
    bench.ran();
    bench
}

#[test]
fn whatever_a_pass_depended_on_wakes_it() {
    let put = |name: &'static str, text: &'static str| {
        move |dir: &Utf8Path| {
            let mut file = File::create(dir.join(name)).unwrap();
            std::io::Write::write_all(&mut file, text.as_bytes()).unwrap();
        }
    };
    let gone =
        |name: &'static str| move |dir: &Utf8Path| std::fs::remove_file(dir.join(name)).unwrap();
    let bench = notices(
        "[buildout]\nparts = page\noptional-extends = more.cfg\n\
         [page]\nrecipe = slapos.recipe.template\ninline = one\noutput = page\n",
        put("more.cfg", "[more]\n"),
    );
    assert_eq!(bench.read("page"), "one");
    let page = |part: &str, value: &str| {
        format!(
            "[buildout]\nparts = page\n[s]\n{part}\n\
             [page]\nrecipe = slapos.recipe.template\ninline = ${{s:{value}}}\noutput = page\n"
        )
    };
    let line = "recipe = slapos.cookbook:readline\nstorage-path = line\nwhen-absent = absent";
    let bench = notices(&page(line, "readline"), put("line", "there"));
    assert_eq!(bench.read("page"), "there");
    let known = "recipe = slapos.cookbook:zero-knowledge.read\nfilename = known\nx = absent";
    let bench = notices(&page(known, "x"), put("known", "[s]\nx = there\n"));
    assert_eq!(bench.read("page"), "there");
    let password = "recipe = slapos.cookbook:generate.password\npasswd = given";
    let bench = notices(&page(password, "passwd"), gone("parts/s"));
    assert!(bench.exists("parts/s"), "it is kept again");
    let bench = notices(
        "[buildout]\nparts = d\n[d]\nrecipe = slapos.cookbook:mkdirectory\nd = ${buildout:directory}/srv\n",
        |dir| std::fs::remove_dir(dir.join("srv")).unwrap(),
    );
    assert!(bench.exists("srv"));
    let bench = notices(
        "[buildout]\nparts = l\n[l]\nrecipe = slapos.cookbook:symbolic.link\n\
         target-directory = ${buildout:directory}\nlink-binary = /bin/sh\n",
        |dir| {
            std::fs::remove_file(dir.join("sh")).unwrap();
            std::os::unix::fs::symlink("/bin/false", dir.join("sh")).unwrap();
        },
    );
    assert_eq!(bench.dir.join("sh").read_link_utf8().unwrap(), "/bin/sh");
}
