//! Templates with their texts: the language as a table, checked against the real Jinja2 where there is one.

use crate::reference::{Case, Verdict, ask, compare, python, render};

/// Template and text.
const TABLE: &[(&str, &str)] = &[
    ("a{{ 1 + 2 }}b\n", "a3b"),
    ("{% if x is defined %}y{% else %}n{% endif %}", "n"),
    ("{% for i in range(3) %}{{ loop.index }}{{ ',' if not loop.last }}{% endfor %}", "1,2,3"),
    (
        "{% set x = 1 if false %}{{ x is defined }}{{ x|length }}{% if x %}{% endif %}{% for i in x %}{% endfor %}",
        "False0",
    ),
    ("{{ (1 if false).a }}", "!"),
    ("{% for i in [1] %}{% continue %}{% else %}else{% endfor %}", "else"),
    (
        "{% for a, b in {'x': 1, 'y': 2}.items() %}{{ a }}{{ b }} {% else %}none{% endfor %}",
        "x1 y2 ",
    ),
    ("{% for i in [] %}{% else %}none{% endfor %}", "none"),
    (
        "{% for i in range(9) if i % 2 %}{{ loop.index }}:{{ i }}/{{ loop.length }} {% endfor %}",
        "1:1/4 2:3/4 3:5/4 4:7/4 ",
    ),
    ("{% set x = 1 %}{% for i in [2] %}{% set x = i %}{{ x }}{% endfor %}{{ x }}", "21"),
    (
        "{% set ns = namespace(x=1) %}{% for i in [2] %}{% set ns.x = i %}{% endfor %}{{ ns.x }}",
        "2",
    ),
    ("{% set x %}a{{ 1 }}{% endset %}{{ x|upper }}", "A1"),
    ("{% set x | upper | replace('A', 'b') %}a{% endset %}{{ x }}", "b"),
    ("{% set a, b = 1, (2, 3) %}{{ a }}{{ b }}", "1(2, 3)"),
    (
        "{% set l = [] %}{% do l.append(3) %}{% do l.extend([1, 2]) %}{{ l }}{{ dumps(l) }}",
        "[3, 1, 2]!py![3, 1, 2]",
    ),
    (
        "{% macro f(a, b=2) %}{{ a }}{{ b }}{{ varargs }}{{ kwargs }}{% endmacro %}{{ f(1) }} {{ f(1, 3, 4, c=5) }}",
        "12(){} 13(4,){'c': 5}",
    ),
    (
        "{% macro f(x) %}<{{ caller(x) }}>{% endmacro %}{% call(y) f(2) %}{{ y }}!{% endcall %}",
        "<2!>",
    ),
    ("{% with a = 1, b = 2 %}{{ a }}{{ b }}{% endwith %}", "12"),
    ("{% filter upper %}a{{ 'b' }}{% endfilter %}", "AB"),
    ("{% raw %}{{ x }}{% endraw %}", "{{ x }}"),
    (
        "{% for i in range(5) %}{% if i == 1 %}{% continue %}{% elif i == 3 %}{% break %}{% endif %}{{ i }}{% endfor %}",
        "02",
    ),
    (
        "{{ 2 ** 3 ** 2 }} {{ -2 ** 2 }} {{ 7 // 2 }} {{ -7 // 2 }} {{ 7 / 2 }} {{ -7 % 3 }}",
        "64 4 3 -4 3.5 2",
    ),
    ("{{ 1 < 2 < 3 }} {{ 1 in [1] }} {{ 1 not in [1] }} {{ not 1 == 1 }}", "True True False False"),
    ("{{ 'a' ~ 1 ~ None ~ [1] }} {{ 'a' 'b' }}", "a1None[1] ab"),
    (
        "{{ 'abcdef'[1:4] }} {{ 'abc'[::-1] }} {{ [1, 2, 3][-2:] }} {{ 'abc'[-1] }}",
        "bcd cba [2, 3] c",
    ),
    ("{{ '%s-%05.1f %(x)s' % ('a', 1.25) }}", "!"),
    ("{{ '%s-%05.1f' % ('a', 1.25) }} {{ '%(x)s' % {'x': 1} }}", "a-001.2 1"),
    ("{{ '{0}-{name!r:>5}-{1[k]}'.format(1, {'k': 2}, name='x') }}", "1-  'x'-2"),
    ("{{ {'b': 1, 'a': 2}|dictsort }} {{ ['B', 'a']|sort|join(',') }}", "[('a', 2), ('b', 1)] a,B"),
    (
        "{{ [{'a': 1}, {'a': 2}]|map(attribute='a')|list }} {{ [1, 2]|select('odd')|list }}",
        "[1, 2] [1]",
    ),
    ("{{ {'b': [1, '<'], 'a': none}|tojson }}", r#"{"a": null, "b": [1, "\u003c"]}"#),
    ("{{ d.x.y }} {{ d['x'] }}", "!"),
    ("{{ '<&>' | escape }} {{ ('<'|e) + '>' }}", "&lt;&amp;&gt; &lt;&gt;"),
    ("{{ x|default('d') }} {{ ''|default('d', true) }}", "d d"),
    ("{% import 'lib' as lib %}{{ lib.f(1) }}{{ lib.c }}", "[1]7"),
    ("{% from 'lib' import f as g, c with context %}{{ g(2) }}{{ c }}", "[2]7"),
    ("{% set v = 5 %}{% include 'part' %}{{ v }}", "part 55"),
    ("{% include 'nothing' ignore missing %}x", "x"),
    ("{% include 'nothing' %}x", "!"),
    ("{{ loop }}", "!"),
    ("{{ 1 / 0 }}", "!"),
    ("{{ [1, 2].pop }}", "!"),
    ("{{ (1,) }}{{ () }}{{ 1, 2 }}{{ {} }}{{ {1: 'a'} }}", "(1,)()(1, 2){}{1: 'a'}"),
    (
        "{{ hex(255) }}{{ oct(8) }}{{ bin(2) }} {{ divmod(7, 2) }} {{ round(2.5) }} {{ pow(2, 3, 5) }}{{ assert(1) }}",
        "0xff0o100b10 (3, 1) 2 3",
    ),
    ("{% for k, v in six.iteritems({'a': 1}) %}{{ k }}{{ format(v, '03') }}{% endfor %}", "a001"),
    ("{%- if true -%} a {%- endif -%} b", "ab"),
    ("{# c #}{% set a = 'x' %}{{ a if a == 'x' else 'z' }}", "x"),
    (
        "{% for x in [1, 2, 2, 1] if x not in seen %}{% do seen.append(x) %}{{ x }}{% endfor %}",
        "12",
    ),
    (
        "{% for i in [1, 2] %}{% for j in 'ab' %}{{ loop.cycle('x', 'y') }}{{ j }}{% endfor %}{% endfor %}",
        "xaybxayb",
    ),
    (
        "{{ 'a,b,,c'.split(',') }} {{ ' a  b '.split() }} {{ 'a b c'.rsplit(None, 1) }}",
        "['a', 'b', '', 'c'] ['a', 'b'] ['a b', 'c']",
    ),
    (
        "{{ dict(a=1, **{'b': 2}) }} {{ [1, 2]|sum }} {{ 'x'.join(['a', 'b']) }}",
        "{'a': 1, 'b': 2} 3 axb",
    ),
    (
        "{{ 1e3 }} {{ 1_000 }} {{ 0x10 }} {{ 1.0 }} {{ 10 ** 20 }}",
        "1000.0 1000 16 1.0 100000000000000000000",
    ),
];

fn case(template: &str) -> Case {
    let mut case = Case::new(template);
    case.context.insert("d".into(), "{}".into());
    case.context.insert("seen".into(), "[]".into());
    case.files.insert(
        "lib".into(),
        "{% macro f(x) %}[{{ x }}]{% endmacro %}{% set c = 7 %}{% set _p = 1 %}".into(),
    );
    case.files.insert("part".into(), "part {{ v }}{% set v = 6 %}".into());
    case
}

#[test]
fn templates_give_their_texts() {
    for (template, expected) in TABLE {
        match render(&case(template)) {
            Ok(text) => assert_eq!(text, *expected, "{template}"),
            Err(error) => assert_eq!(*expected, "!", "{template}\n{}", error.report()),
        }
    }
}

#[test]
fn the_table_is_true_for_jinja2() {
    let Some(python) = python() else { return };
    let cases: Vec<Case> = TABLE.iter().map(|(template, _)| case(template)).collect();
    for (case, answer) in cases.iter().zip(ask(&python, &cases)) {
        let verdict = compare(case, &answer);
        // A bound method has no text with us: its address would differ each time.
        assert!(matches!(verdict, Verdict::Same | Verdict::Refused), "{verdict:?}");
    }
}

#[test]
fn what_is_not_supported_is_found_when_the_template_is_read() {
    let table = [
        ("{% extends 'a' %}", "template inheritance is not supported"),
        ("{% block a %}{% endblock %}", "template inheritance is not supported"),
        ("{% for i in x recursive %}{% endfor %}", "`recursive` is not supported"),
        (
            "{% if false %}{{ x|random }}{% endif %}",
            "the filter `random` of Jinja2 is not supported",
        ),
        ("{% if false %}{{ x|uper }}{% endif %}", "unknown filter `uper`"),
        ("{% iff x %}{% endif %}", "unknown tag `iff`"),
        ("{{ x is strng }}", "unknown test `strng`"),
        (
            "{{ 'a\\N{DASH}' }}",
            "`\\N{...}` is not supported; write the character itself or `\\u....`",
        ),
        (
            "{% if x %}",
            "unexpected the end of the template, expected `{% elif %}` or `{% else %}` or `{% endif %}`",
        ),
    ];
    for (template, message) in table {
        let error = render(&case(template)).unwrap_err();
        assert_eq!(error.message(), message);
        assert!(error.place().is_some());
    }
}

#[test]
fn errors_name_place_key_and_nearest_name() {
    let mut case = Case::new("first line\n  {{ config.hots }}");
    case.context.insert("config".into(), "{'host': 1, 'port': 2}".into());
    assert_eq!(
        render(&case).unwrap_err().report(),
        "template:2:13: the dictionary has no key 'hots'\n 2 |   {{ config.hots }}\n   |             ^\n\
         hint: did you mean `host`?"
    );
    case.template = "{{ confg }}".into();
    assert_eq!(
        render(&case).unwrap_err().report(),
        "template:1:4: `confg` is undefined\n 1 | {{ confg }}\n   |    ^\nhint: did you mean `config`?"
    );
    case.template = "{% include 'part' %}".into();
    case.files.insert("part".into(), "\n{{ 1 + 'a' }}".into());
    assert_eq!(
        render(&case).unwrap_err().to_string(),
        "part:2:6: unsupported operand type(s) for +: 'int' and 'str'"
    );
}
