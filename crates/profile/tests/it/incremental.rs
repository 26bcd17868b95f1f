//! What has not changed is left alone.

use std::fs::File;

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
