//! References, order, typed values, and what is said about faults.

use slapos_profile::{Code, annotate};

use crate::bench::{Bench, actions};

/// The values of `[x]`, published.
fn published(profile: &str) -> std::collections::BTreeMap<String, String> {
    let text = format!("[buildout]\nparts = x\n{profile}");
    Bench::new(&text).ran().connection.unwrap()
}

#[test]
fn references() {
    let table = [
        ("v = ${a:one}\n[a]\none = 1\n", "1"),
        ("v = <${a:two}>\n[a]\none = 1\ntwo = ${:one}2\n", "<12>"),
        ("v = ${:_buildout_section_name_}\n", "x"),
        ("v = $${a:one} costs 5$\n", "${a:one} costs 5$"),
        ("v = ${a:one}\n[a]\none = $${b}\n", "${b}"),
        ("v = ${a:list}\n[a]\nlist = !py![1, 'b']\n", "[1, 'b']"),
        ("v = has ${a:list}\n[a]\nlist = !py![1]\n", "has !py![1]"),
        ("v = ${a:name}\n[a]\n<= m\n[m]\nname = ${:_buildout_section_name_}\n", "a"),
        ("v = ${a:x}\n[a]\nx = 1\n  2\n", "1\n2"),
        ("v = !py!'${a:one}'\n[a]\none = 1\n", "1"),
    ];
    for (profile, expected) in table {
        let profile = format!("[x]\nrecipe = slapos.cookbook:publish\n{profile}");
        assert_eq!(published(&profile)["v"], expected, "{profile}");
    }
}

#[test]
fn the_caller_overrides_the_profile_and_its_values_are_taken_as_they_are() {
    let mut bench = Bench::new(
        "[buildout]\nparts = x\n[slap-connection]\nserver-url = mine\n[x]\nrecipe = slapos.cookbook:publish\nv = ${slap-connection:server-url}\n",
    );
    assert_eq!(bench.ran().connection.unwrap()["v"], "http://master/");
}

#[test]
fn what_is_referred_to_comes_first_and_ties_break_by_option_name() {
    let part = |name: &str, options: &str| {
        format!(
            "[{name}]\nrecipe = slapos.cookbook:mkdirectory\n{options}p = ${{buildout:directory}}/{name}\n"
        )
    };
    let profile = format!(
        "[buildout]\nparts = top last\n{}{}{}{}",
        part("top", "b = ${second:p}\na = ${first:p}\n"),
        part("first", ""),
        part("second", ""),
        part("last", ""),
    );
    let outcome = Bench::new(&profile).ran();
    assert_eq!(
        actions(&outcome),
        ["first installed", "second installed", "top installed", "last installed"]
    );
}

#[test]
fn an_empty_recipe_only_pulls_in_what_it_names() {
    let profile = "[buildout]\nparts = all\n[all]\nrecipe =\nx = ${a:p}\n[a]\nrecipe = slapos.cookbook:mkdirectory\np = ${buildout:directory}/a\n";
    assert_eq!(actions(&Bench::new(profile).ran()), ["a installed"]);
}

#[test]
fn annotate_leaves_open_what_a_node_gives() {
    let profile = "[mine]\n<= m\n   slap-connection\nx = 1\n[m]\ny = 2\n";
    let mut bench = Bench::new(profile);
    let job = bench.job();
    let annotated = annotate(&job.profile, &job.directory, &mut bench.host);
    let sections = annotated.unwrap_or_else(|error| panic!("{}", error.report())).sections;
    assert_eq!(sections.keys().collect::<Vec<_>>(), ["m", "mine"]);
    let values: Vec<_> =
        sections["mine"].iter().map(|(o, v)| (o.as_str(), v.value.as_str())).collect();
    assert_eq!(values, [("<", "slap-connection"), ("x", "1"), ("y", "2")]);

    bench.file("instance.cfg", &profile.replace("connection", "conection"));
    let refused =
        annotate(&job.profile, &job.directory, &mut bench.host).expect_err("no node gives it");
    assert_eq!(refused.code(), Code::MissingSection);
}

#[test]
fn extended_files_come_from_paths_and_urls() {
    let mut bench =
        Bench::new("[buildout]\nextends = sub/base.cfg\n  http://h/p/far.cfg\nparts = x\n");
    bench.file("sub/base.cfg", "[x]\nrecipe = slapos.cookbook:publish\nnear = ${:_profile_base_location_}\nfar = ${far:base}\n");
    bench
        .host
        .pages
        .insert("http://h/p/far.cfg".into(), "[far]\nbase = ${:_profile_base_location_}\n".into());
    let dir = bench.dir.clone();
    let connection = bench.ran().connection.unwrap();
    assert_eq!(connection["near"], dir.join("sub"));
    assert_eq!(connection["far"], "http://h/p");
    assert_eq!(connection.len(), 2);
}

#[test]
fn faults_name_place_cause_and_way_out() {
    let table = [
        (
            "[buildout]\nparts = x\n[x]\nv = ${databse:host}\n[database]\nhost = h\n",
            "DIR/instance.cfg:4:5: there is no section [databse] [missing-section]
 4 | v = ${databse:host}
   |     ^
  while evaluating x:v (DIR/instance.cfg:4)
  while using section [x]
hint: did you mean `database`?",
        ),
        (
            "[buildout]\nparts = x\n[x]\nv =\n  a\n  b ${y:w}\n[y]\nw = ${:hots}\nhost = 1\n",
            "DIR/instance.cfg:8:5: section [y] has no option `hots` [missing-option]
 8 | w = ${:hots}
   |     ^
  while evaluating y:w (DIR/instance.cfg:8)
  while using section [y]
  while evaluating x:v (DIR/instance.cfg:4)
  while using section [x]
hint: did you mean `host`?",
        ),
        (
            "[buildout]\nparts =\n  x\n  yy\n[x]\nrecipe =\n[y]\n",
            "DIR/instance.cfg:4:3: there is no section [yy] [missing-section]
 4 |   yy
   |   ^
hint: did you mean `y`?",
        ),
        (
            "[buildout]\nparts = x\n[x]\na = ${y:b}\n[y]\nb = ${x:a}\n",
            "DIR/instance.cfg:6:5: options refer to each other in a circle: x:a → y:b → x:a [option-cycle]
 6 | b = ${x:a}
   |     ^
  while evaluating y:b (DIR/instance.cfg:6)
  while using section [y]
  while evaluating x:a (DIR/instance.cfg:4)
  while using section [x]",
        ),
        (
            "[buildout]\nparts = x\n[x]\nrecipe = slapos.cookbook:wraper\n",
            "DIR/instance.cfg:4:10: part [x] needs recipe `slapos.cookbook:wraper`, which is not known here [unknown-recipe]
 4 | recipe = slapos.cookbook:wraper
   |          ^
  while using section [x]
hint: did you mean `slapos.cookbook:wrapper`?",
        ),
        (
            "[buildout]\nparts = x\n[x]\nrecipe = slapos.cookbook:wrapper\ncommand-lin = a\nwrapper-path = b\n",
            "DIR/instance.cfg:4:10: part [x] lacks option `command-line` [missing-option]
 4 | recipe = slapos.cookbook:wrapper
   |          ^
  while using section [x]
hint: did you mean `command-lin`?",
        ),
        (
            "[buildout]\nparts = x\n[x]\nv = 1 ${y}\n",
            "DIR/instance.cfg:4:7: `${y}` is not a reference `${section:option}` [bad-reference]
 4 | v = 1 ${y}
   |       ^
  while evaluating x:v (DIR/instance.cfg:4)
  while using section [x]
hint: a dollar sign before a brace that is no reference is written `$$`",
        ),
    ];
    for (profile, expected) in table {
        assert_eq!(Bench::new(profile).report(), expected, "{profile}");
    }
}

#[test]
fn a_return_that_is_not_named_is_explained() {
    let profile = "[buildout]\nparts = x\n[d]\nrecipe = slapos.cookbook:request\nname = d\nsoftware-url = u\nreturn = host\n[x]\nv = ${d:connection-port}\n";
    let mut bench = Bench::new(profile);
    bench
        .host
        .connections
        .insert("d".into(), std::collections::BTreeMap::from([("host".into(), "h".into())]));
    assert!(bench.report().ends_with("hint: add `port` to `return` of [d]"), "{}", bench.report());
}

#[test]
fn named_parts_come_first() {
    let part = |name: &str, more: &str| {
        format!(
            "[{name}]\nrecipe = slapos.cookbook:mkdirectory\n{more}p = ${{buildout:directory}}/{name}\n"
        )
    };
    let profile = format!(
        "[buildout]\nparts = top\n{}{}{}",
        part("top", "=> b a\n"),
        part("a", ""),
        part("b", "")
    );
    assert_eq!(
        actions(&Bench::new(&profile).ran()),
        ["b installed", "a installed", "top installed"]
    );
    let report = Bench::new("[buildout]\nparts = x\n[x]\n=> yy\n[y]\n").report();
    assert!(report.starts_with("DIR/instance.cfg:4:4: there is no section [yy]"), "{report}");
}

#[test]
fn copies_of_urls_serve_as_the_profile_says() {
    let page = "[x]\nrecipe = slapos.cookbook:publish\nv = 1\n";
    let main =
        |options: &str| format!("[buildout]\nparts = x\nextends = http://h/a.cfg\n{options}");
    let mut bench = Bench::new(&main(""));
    let fetched = |bench: &mut Bench, options: &str| {
        bench.file("instance.cfg", &main(options));
        bench.ran().connection.unwrap()["v"].clone()
    };
    bench.host.pages.insert("http://h/a.cfg".into(), page.into());
    assert_eq!(fetched(&mut bench, "extends-cache = cache\n"), "1");
    assert_eq!(bench.list("cache"), ["afa6bfc4b70ab46c103f00a14b72d8a4"]);
    bench.host.pages.insert("http://h/a.cfg".into(), page.replace('1', "2"));
    assert_eq!(fetched(&mut bench, "extends-cache = cache\nnewest = false\n"), "1");
    assert_eq!(fetched(&mut bench, "extends-cache = cache\noffline = true\n"), "1");
    assert_eq!(fetched(&mut bench, "extends-cache = cache\n"), "2");
    bench.host.pages.clear();
    assert_eq!(fetched(&mut bench, "extends-cache = cache\n"), "2");
    let report = |bench: &mut Bench, options: &str| {
        bench.file("instance.cfg", &main(options));
        bench.report()
    };
    let offline = report(&mut bench, "offline = true\n");
    assert!(offline.contains("there is no copy of http://h/a.cfg [offline]"), "{offline}");
    assert!(report(&mut bench, "").contains("cannot fetch http://h/a.cfg: 404 [host]"));
}
