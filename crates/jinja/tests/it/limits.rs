//! Hostile templates end with an error, not with the machine. These run on the small stack of a test's thread.

use slapos_jinja::{ErrorKind, Limits};

use crate::reference::{Case, render, render_within};

fn limit_of(template: &str) -> ErrorKind {
    // Fewer steps than usual, since a debug build is slow; the depth is the real one.
    let limits = Limits { steps: 500_000, ..Limits::default() };
    render_within(&Case::new(template), limits).unwrap_err().kind()
}

#[test]
fn deep_nesting_is_an_error() {
    for (open, close) in [
        ("(", ")"),
        ("[", "]"),
        ("{1: ", "}"),
        ("-", ""),
        ("not ", ""),
        ("f(", ")"),
        ("x[", "]"),
        ("x|d(", ")"),
    ] {
        let template = format!("{{{{ {}1{} }}}}", open.repeat(100_000), close.repeat(100_000));
        assert_eq!(limit_of(&template), ErrorKind::Limit, "{open}");
    }
    for tail in [" + 1", "|abs", ".a", "[0]", "()", " ** 2", " and 1", " if 1 else 1"] {
        let template = format!("{{{{ 1{} }}}}", tail.repeat(100_000));
        assert_eq!(limit_of(&template), ErrorKind::Limit, "{tail}");
    }
    let blocks = "{% if 1 %}".repeat(100_000);
    assert_eq!(limit_of(&blocks), ErrorKind::Limit);
}

#[test]
fn the_deepest_allowed_nesting_runs() {
    for (open, close) in
        [("(", ")"), ("[", "]"), ("abs(", ")"), ("1|d(", ")"), ("1 + (2 * (", "))")]
    {
        let depth = if open.len() > 8 { 28 } else { 55 };
        let case = Case::new(&format!("{{{{ {}1{} }}}}", open.repeat(depth), close.repeat(depth)));
        assert!(render(&case).is_ok(), "{open}: {:?}", render(&case));
    }
    let case =
        Case::new(&format!("{}x{}", "{% for i in [1] %}".repeat(58), "{% endfor %}".repeat(58)));
    assert_eq!(render(&case).unwrap(), "x");
}

#[test]
fn a_macro_without_end_is_an_error() {
    for template in [
        "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
        "{% macro f(x) %}{% for i in [1] %}{% if 1 %}{% with a = 1 %}{{ [f(x + 1), (1, f(x))]|join }}{% endwith %}{% endif %}{% endfor %}{% endmacro %}{{ f(1) }}",
        "{% macro f() %}{% call f() %}{% endcall %}{{ caller }}{% endmacro %}{{ f() }}",
        "{% macro f() %}{% set a = f() %}{% filter upper %}{{ f() }}{% endfilter %}{% endmacro %}{{ f() }}",
    ] {
        assert_eq!(limit_of(template), ErrorKind::Limit, "{template}");
    }
    let mut case = Case::new("{% include 'a' %}");
    case.files.insert("a".into(), "{% include 'a' %}".into());
    assert_eq!(render(&case).unwrap_err().kind(), ErrorKind::Limit);
    case.files.insert("a".into(), "{% import 'a' as a %}".into());
    assert_eq!(render(&case).unwrap_err().kind(), ErrorKind::Limit);
}

#[test]
fn endless_work_is_an_error() {
    for template in [
        "{% for i in range(10 ** 15) %}{% endfor %}",
        "{% set l = [1] %}{% for i in l %}{% do l.append(i) %}{% endfor %}",
        "{{ range(10 ** 15)|list }}",
        "{{ 'x' * 10 ** 12 }}",
        "{{ '%1000000000d' % 1 }}",
        "{{ 'x'.ljust(10 ** 12) }}",
        "{{ 'aaaaaaaaaa'.replace('', 'x' * 10000000) }}",
        "{{ 10 ** (10 ** 10) }}",
        "{% for i in range(10 ** 6) %}{{ 'x' * 1000 }}{% endfor %}",
        "{% set ns = namespace(x='x') %}{% for i in range(100) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}",
        "{% set ns = namespace(x=[]) %}{% for i in range(100) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x }}",
        "{% set ns = namespace(x=[]) %}{% for i in range(100000) %}{% set ns.x = [ns.x] %}{% endfor %}{{ ns.x }}",
        "{% set l = [] %}{% for i in range(1000) %}{% do l.append('x' * 30000000) %}{% endfor %}",
    ] {
        assert_eq!(limit_of(template), ErrorKind::Limit, "{template}");
    }
}

#[test]
fn work_inside_of_one_step_counts() {
    for expression in [
        "s.count('b')",
        "s.find('b')",
        "s.replace('b', '')",
        "s.startswith('b')",
        "s == t",
        "[s] == [t]",
        "{1: s} == {1: t}",
        "s < t",
        "'b' in s",
        "s in [t]",
        "b in [s.encode()]",
        "d[s] is defined",
        "s|length",
        "s is lower",
        "len(s)",
        "re.search('b', s)",
        "json.dumps(s)|length",
        "[t, s]|sort",
        "l|sort",
        "l|last",
        "'x' in l",
        "set(l) <= set(l)",
    ] {
        // Each alone is within the limit, a thousand are not.
        let text = |rounds: usize| {
            format!(
                "{{% set s = '1' * 300000 %}}{{% set t = '1' * 299999 ~ '2' %}}{{% set b = t.encode() %}}\
                 {{% set d = {{1: 2, 2: 3}} %}}{{% set l = range(1000)|list * 8 %}}\
                 {{% for i in range({rounds}) %}}{{% set x = {expression} %}}{{% endfor %}}"
            )
        };
        let limits = Limits { steps: 500_000, ..Limits::default() };
        let once = render_within(&Case::new(&text(1)), limits);
        assert!(once.is_ok(), "{expression}: {once:?}");
        let many = render_within(&Case::new(&text(1000)), limits).map_err(|error| error.kind());
        assert_eq!(many, Err(ErrorKind::Limit), "{expression}");
    }
}

#[test]
fn deep_values_are_dropped_without_recursion() {
    let template = "{% set ns = namespace(x=[]) %}{% for i in range(300000) %}{% set ns.x = [ns.x] %}{% endfor %}ok";
    assert_eq!(render(&Case::new(template)).unwrap(), "ok");
    let template = "{% set ns = namespace(x=1) %}{% for i in range(100000) %}{% set p = ns.x %}\
                    {% macro m() %}{% endmacro %}{% set ns.x = m %}{% endfor %}ok";
    assert_eq!(render(&Case::new(template)).unwrap(), "ok");
}
