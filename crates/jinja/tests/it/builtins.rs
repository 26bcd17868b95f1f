//! Python's built-in functions, compared with Python itself.

use slapos_jinja::ErrorKind;

use crate::modules::refused_or_different;
use crate::reference::{Case, render};

const EXPRESSIONS: &[&str] = &[
    "bin(5) ~ bin(-6) ~ bin(true) ~ bin(0)",
    "bin(2 ** 70)",
    "bin(1.0)",
    "hex(255) ~ hex(-16)",
    "hex('ff')",
    "oct(8) ~ oct(-8)",
    "hex(nothing)",
    "hex is defined and round is defined and filter is defined and frozenset is defined and complex is defined",
    "[callable(len), callable(str), callable('x'), callable(itertools.chain), callable(six), callable(nothing)]",
    "divmod(7, 2) ~ divmod(-7, 2) ~ divmod(7.5, -2)",
    "divmod(1, 0)",
    "divmod('a', 1)",
    "list(filter(none, [0, 1, '', 'a']))",
    "list(filter(callable, [len, 1]))|length",
    "list(filter(str.upper, 'ab'))|length if false else 'x'",
    "filter(none)",
    "format(3.14159, '.2f') ~ format(255, 'x') ~ format('a', '>4') ~ format([1])",
    "format([1], '>4')",
    "format(1, 2)",
    "format()",
    "pow(2, 10) ~ pow(2, -1) ~ pow(2.0, 3) ~ pow(base=3, exp=2)",
    "pow(3, 200, 7) ~ pow(-3, 3, 5) ~ pow(3, 2, -5) ~ pow(2, 3, none)",
    "pow(2, 3, 0)",
    "pow(2.0, 3, 5)",
    "pow(2)",
    "round(2.5) ~ round(3.5) ~ round(-0.5) ~ round(7) ~ round(true)",
    "round(2.675, 2) ~ round(0.125, 2) ~ round(1e300, 400) ~ round(1.5, none)",
    "round(1234.5, -2) ~ round(-25, -1) ~ round(25.0, -1) ~ round(25.5, -1) ~ round(5, 3) ~ round(1, -400)",
    "round(number=1.25, ndigits=1)",
    "round('1')",
    "round(1e400)",
    "round(1.7e308, -308)",
    "round(1.5, 'a')",
    "1234.5|round(-2) ~ 25|round(-1) ~ 1234|round(-2, 'ceil') ~ 1234.5|round(-2, 'floor')",
    "'a'|round",
    "['%s' is odd, '%s' is even, '{} %d' is divisibleby(3), 3 is odd, 4 is even]",
    "'a' is odd",
    "assert(1) ~ assert('x', 'why')",
    "assert(0)",
    "assert(0, 'why', 2)",
    "assert()",
    "list(six.iteritems({'a': 1}))",
];

#[test]
fn functions_do_what_python_does() {
    let different = refused_or_different(EXPRESSIONS);
    assert!(different.is_empty(), "{}", different.join("\n"));
}

#[test]
fn what_templates_may_ask_for_but_not_use_is_refused_in_use() {
    let cases = ["complex(1, 2)", "frozenset([1])", "pow(2, -1, 5)"];
    for text in cases {
        let error = render(&Case::new(&format!("{{{{ {text} }}}}"))).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{text}");
    }
    let error = render(&Case::new("{{ pow(3, 2 ** 90000, 2 ** 90000 - 1) }}")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit);
    let error = render(&Case::new("{{ assert(0, 'why') }}")).unwrap_err();
    assert_eq!((error.kind(), error.message()), (ErrorKind::Assertion, "why"));
}
