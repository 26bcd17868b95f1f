//! Recipes that write files: jinja2, template, download, mkdirectory, symbolic.link.

use crate::bench::{Bench, actions, changed};

fn jinja2(options: &str) -> Bench {
    Bench::new(&format!(
        "[buildout]\nparts = x\n[x]\nrecipe = slapos.recipe.template:jinja2\noutput = out/file\n{options}"
    ))
}

#[test]
fn the_context_has_all_kinds() {
    let mut bench = jinja2(
        "url = t.in\ncontext =\n  raw text two words\n  key value data:list\n  key own :output\n  section data data\n  json number {\"a\": 3}\n  jsonkey parsed data:json\n[data]\nlist = !py![1, 2]\njson = [7]\n",
    );
    bench.file(
        "t.in",
        "{{ text }} {{ value }} {{ own }} {{ data['json'] }} {{ number['a'] }} {{ parsed }}\n",
    );
    bench.ran();
    let expected = format!("two words [1, 2] {}/out/file [7] 3 [7]", bench.dir);
    assert_eq!(bench.read("out/file"), expected);
}

#[test]
fn templates_have_pythons_functions_modules_and_statements() {
    let table = [
        ("{{ dumps([1, 'a']) }}", "!py![1, 'a']"),
        ("{{ len(items) }} {{ sorted(items) }} {{ '%s-%02d' % ('a', 3) }}", "2 [1, 2] a-03"),
        ("{{ assert(items) }}{% do items.append(3) %}{{ items }}", "[2, 1, 3]"),
        ("{{ json.loads(json.dumps({'a': None})) }}", "{'a': None}"),
        ("{{ os.path.join('/a', 'b') }}", "/a/b"),
    ];
    for (template, expected) in table {
        let mut bench = jinja2(
            "url = t.in\nextensions = jinja2.ext.do\ncontext =\n  json   items  [2, 1]\n  import json json\n  import os os\n",
        );
        bench.file("t.in", template);
        bench.ran();
        assert_eq!(bench.read("out/file"), expected, "{template}");
    }
}

#[test]
fn a_template_may_do_without_a_file_that_is_not_there() {
    let mut bench = jinja2("url = t.in\nimport-list =\n  rawfile x sub/x.in\n");
    bench.file("t.in", "<{% include 'x' ignore missing %}>");
    bench.ran();
    assert_eq!(bench.read("out/file"), "<>");
    bench.file("sub/x.in", "here");
    bench.ran();
    assert_eq!(bench.read("out/file"), "<here>");
    std::fs::remove_file(bench.dir.join("sub/x.in")).unwrap();
    bench.file("t.in", "{% include 'x' %}");
    let report = bench.report();
    assert!(report.contains("DIR/t.in:1:") && report.contains("DIR/sub/x.in is not"), "{report}");
}

#[test]
fn folders_of_imports_have_folders() {
    let mut bench = jinja2("url = t.in\nimport-delimiter = :\nimport-list =\n  rawfolder l lib\n");
    bench.file("t.in", "{% include 'l:sub:f' %}");
    bench.file("lib/sub/f", "deep");
    bench.ran();
    assert_eq!(bench.read("out/file"), "deep");
}

#[test]
fn another_encoding_is_refused() {
    jinja2("inline = x\nencoding = UTF-8\n").ran();
    let report = jinja2("inline = x\nencoding = latin-1\n").report();
    assert!(report.contains("not `latin-1` [unsupported]"), "{report}");
    assert!(report.contains("instance.cfg:"), "no place: {report}");
}

#[test]
fn templates_import_others_by_alias() {
    let mut bench = jinja2(
        "url = t.in\nimport-list =\n  rawfile lib sub/lib.in\n  folder all dir:path\n[dir]\npath = ${buildout:directory}/sub\n",
    );
    bench.file(
        "t.in",
        "{% import 'lib' as lib %}{{ lib.hi('a') }}{% from 'all/lib.in' import hi %}{{ hi('b') }}",
    );
    bench.file("sub/lib.in", "{% macro hi(x) %}<{{ x }}>{% endmacro %}");
    let outcome = bench.ran();
    assert_eq!(bench.read("out/file"), "<a><b>");
    assert!(outcome.inputs.iter().any(|input| input.path == bench.dir.join("sub/lib.in")));
    bench.file("sub/lib.in", "{% macro hi(x) %}\n{{ y }}{% endmacro %}");
    let report = bench.report();
    assert!(report.starts_with("DIR/sub/lib.in:2:4: "), "{report}");
}

#[test]
fn permissions_follow_option_and_interpreter() {
    let table = [
        ("inline = x\n", false, None),
        ("inline = #!/bin/sh\n", true, None),
        ("inline = #! /bin/sh -e\n", true, None),
        ("inline = #!/absent/sh\n", false, None),
        ("inline = #!/etc/passwd\n", false, None),
        ("inline = x\nmode = 0600\n", false, Some(0o600)),
        ("inline = x\nmode = 755\n", true, Some(0o755)),
    ];
    for (options, runnable, exact) in table {
        let mut bench = jinja2(options);
        bench.ran();
        let mode = bench.mode("out/file");
        assert_eq!(mode & 0o100 != 0, runnable, "{options} {mode:o}");
        assert!(exact.is_none_or(|exact| mode == exact), "{options} {mode:o}");
    }
}

#[test]
fn a_changed_template_rewrites_only_its_file() {
    let mut bench = jinja2("url = t.in\n");
    bench.file("t.in", "one");
    bench.ran();
    bench.file("t.in", "two");
    let outcome = bench.ran();
    assert_eq!(
        (actions(&outcome), changed(&bench, &outcome)),
        (vec!["x updated".to_owned()], vec!["out/file".to_owned()])
    );
}

#[test]
fn a_missing_key_in_a_template_has_a_place() {
    let mut bench = jinja2("url = t.in\ncontext = section server server\n[server]\nhost = h\n");
    bench.file("t.in", "first\nlisten {{ server['hots'] }}\n");
    let report = bench.report();
    assert!(report.starts_with("DIR/t.in:2:"), "{report}");
    assert!(report.contains("hots") && report.contains("while installing part [x]"), "{report}");
    assert!(report.ends_with("hint: did you mean `host`?"), "{report}");
    assert!(!bench.exists("out/file"));
}

#[test]
fn bad_lines_of_a_context_have_a_place() {
    let table = [
        (
            "context =\n  raw a 1\n  kye b x:output\n",
            "instance.cfg:8:3: `kye` is no type of a context line",
        ),
        ("context = raw\n", "instance.cfg:6:11: `raw` is not `type name expression`"),
        (
            "context =\n  raw a 1\n  raw a 2\n",
            "instance.cfg:8:3: `a` of the context is given twice",
        ),
        (
            "context = raw len 1\n",
            "instance.cfg:6:11: `len` of the context is a function that every template has",
        ),
        (
            "context = import six six\n",
            "instance.cfg:6:11: `six` of the context is a function that every template has",
        ),
        ("context =\n  key a x:outptu\n", "instance.cfg:7:3: section [x] has no option `outptu`"),
        (
            "context =\n  import re regex\n",
            "instance.cfg:7:3: the Python module `regex` is not offered",
        ),
        ("context =\n  json a {\n", "instance.cfg:7:3: `a` is not JSON"),
    ];
    for (options, expected) in table {
        let report = jinja2(&format!("{options}inline = x\n")).report();
        assert!(report.starts_with(&format!("DIR/{expected}")), "{report}");
    }
}

#[test]
fn every_template_has_the_functions_of_slapos() {
    let mut bench = jinja2("url = t.in\n");
    bench.file(
        "t.in",
        "{% for k, v in six.iteritems({'a': 255}) %}{{ k }}={{ hex(v) }}{% endfor %}{{ assert(1) }}",
    );
    bench.ran();
    assert_eq!(bench.read("out/file"), "a=0xff");
}

#[test]
fn once_writes_once() {
    let mut bench = jinja2("url = t.in\nonce = out/done\n");
    bench.file("t.in", "one");
    bench.ran();
    bench.file("t.in", "two");
    bench.ran();
    assert_eq!(bench.read("out/file"), "one");
    bench.file("instance.cfg", "[buildout]\nparts =\n");
    bench.ran();
    assert!(bench.exists("out/file"));
}

#[test]
fn a_template_of_references_is_filled_and_orders_parts() {
    let mut bench = Bench::new(
        "[buildout]\nparts = x\n[x]\nrecipe = slapos.recipe.template\nurl = t.in\noutput = x.cfg\n[a]\nrecipe = slapos.cookbook:mkdirectory\np = ${buildout:directory}/a\n",
    );
    bench.file("t.in", "[s]\npath = ${a:p}\nlater = $${b:c}\n");
    assert_eq!(actions(&bench.ran()), ["a installed", "x installed"]);
    assert_eq!(bench.read("x.cfg"), format!("[s]\npath = {}/a\nlater = ${{b:c}}\n", bench.dir));
    bench.file("t.in", "one\n  ${a:q}\n");
    assert!(
        bench.report().starts_with("DIR/t.in:2:3: section [a] has no option `q`"),
        "{}",
        bench.report()
    );
}

#[test]
fn a_download_is_a_checked_copy() {
    let profile = |options: &str| {
        format!(
            "[buildout]\nparts = publish\n[x.in]\nrecipe = slapos.recipe.build:download\nurl = ${{:_profile_base_location_}}/${{:_buildout_section_name_}}\n{options}\
         [publish]\nrecipe = slapos.cookbook:publish\nlocation = ${{x.in:location}}\ntarget = ${{x.in:target}}\n"
        )
    };
    let mut bench = Bench::new(&profile("md5sum = f97c5d29941bfb1b2fdab0874906ab82\n"));
    bench.file("x.in", "one");
    let connection = bench.ran().connection.unwrap();
    assert_eq!(connection["target"], bench.dir.join("parts/x.in/x.in"));
    assert_eq!(connection["location"], bench.dir.join("parts/x.in"));
    assert_eq!(bench.read("parts/x.in/x.in"), "one");
    bench.file("x.in", "two");
    assert!(
        bench.report().contains("the profile wants f97c5d29941bfb1b2fdab0874906ab82 [checksum]"),
        "{}",
        bench.report()
    );
    bench.file("instance.cfg", &profile("destination = elsewhere/y\n"));
    bench.ran();
    assert_eq!(bench.read("elsewhere/y"), "two");
    assert!(!bench.exists("parts/x.in/x.in"));
}

#[test]
fn folders_are_made_and_never_removed() {
    let mut bench = Bench::new(
        "[buildout]\nparts = x\n[x]\nrecipe = slapos.cookbook:mkdirectory\nhome = ${buildout:directory}\nmode = 0700\nlog = ${:home}/var/log\n",
    );
    let outcome = bench.ran();
    assert_eq!(changed(&bench, &outcome), ["var/log"]);
    assert_eq!(bench.mode("var/log"), 0o700);
    bench.file("instance.cfg", "[buildout]\nparts =\n");
    bench.ran();
    assert!(bench.exists("var/log"));
}

#[test]
fn links_by_base_name() {
    let mut bench = Bench::new(
        "[buildout]\nparts = x\n[x]\nrecipe = slapos.cookbook:symbolic.link\ntarget-directory = bin\nlink-binary =\n  /bin/sh\n  /bin/cat\n",
    );
    bench.ran();
    assert_eq!(bench.list("bin"), ["cat", "sh"]);
    assert_eq!(actions(&bench.ran()), ["x unchanged"]);
}
