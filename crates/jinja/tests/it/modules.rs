//! Python's modules, compared with Python itself; and what they refuse.

use slapos_jinja::ErrorKind;

use crate::reference::{Case, Verdict, ask, compare, python, render};

const EXPRESSIONS: &[&str] = &[
    "json.dumps({'b': [1, None, True, 1.5, 'é'], 'a': {}}, indent=4, sort_keys=True)",
    "json.dumps('é', ensure_ascii=False)",
    "json.loads('{\"a\": [1e3, -0, \"\\\\u00e9\"]}')",
    "json.loads('{')",
    "urllib_parse.urlparse('https://me:p%40@[2001:DB8::1]:8443/a/b;c=1?q=1&r#frag')",
    "urllib_parse.urlparse('mysql://u:p@h:3306/db').port + 1",
    "urllib_parse.urlparse('http://Host.Example/x').hostname",
    "urllib_parse.urlparse('http://h:99999/').port",
    "urllib_parse.urlparse('http://h:x/').port",
    "urllib_parse.urlparse('http://[::1/').hostname",
    "urllib_parse.urlsplit('http://h/a;b').path",
    "urllib_parse.urlparse('http://h/a;b').params",
    "urllib_parse.urlparse('')",
    "urllib_parse.urlparse('/path:with:colons')",
    "urllib_parse.urlparse('//h/p').geturl()",
    "urllib_parse.urlparse('http://u@h/p?#')[1]",
    "urllib_parse.urlencode({'a b': 'c&d', 'e': [1, 2]}, doseq=True)",
    "urllib_parse.urlencode([('a', 'é'), ('b', 1)])",
    "urllib_parse.parse_qs('a=1&a=2&b=&c', keep_blank_values=True)",
    "urllib_parse.parse_qs('a=1&b', strict_parsing=True)",
    "urllib_parse.quote('/a b?é~')",
    "urllib_parse.quote_plus('a b&c/d')",
    "urllib_parse.unquote('%C3%A9%zz%4')",
    "hashlib.new('sha1', b'abc').hexdigest()",
    "hashlib.sha512(b'').hexdigest()",
    "hashlib.md5('text').hexdigest()",
    "base64.b64decode('YWJj')",
    "base64.urlsafe_b64encode(b'\\xfb\\xff')",
    "re.match('(?P<n>[0-9]+)-(x)?', '12-y').groupdict()",
    "re.match('a', 'ba')",
    "re.search('a', 'ba').span()",
    "re.fullmatch('a|ab', 'ab').group()",
    "re.sub('a(?=b)', '-', 'abac')",
    "re.sub('(.)\\\\1', '[\\\\1]', 'aabbc')",
    "re.sub('x*', '-', 'abxd')",
    "re.findall('a$', 'a\\n')",
    "re.split('(,)', 'a,b,c', 1)",
    "re.split('x*', 'axb')",
    "re.escape('a.b-c d_e/é')",
    "re.compile('[a-z]+', re.IGNORECASE).findall('aB 1 C')",
    "re.compile('^b', re.M).search('a\\nb').start()",
    "re.match('(', 'a')",
    "list(itertools.islice('abcdefg', 2, None, 2))",
    "itertools.count(8080).__next__()",
    "functools.partial(next, itertools.count(5))()",
    "functools.reduce(max, [3, 7, 5])",
    "sorted([{'a': 2}, {'a': 1}], key=operator.itemgetter('a'))",
    "operator.itemgetter(0, 2)('abc')",
    "str(netaddr.IPNetwork('1234::/71'))",
    "str(netaddr.IPNetwork('1234::/71')[-1])",
    "str(netaddr.IPNetwork('10.0.0.5/24').network)",
    "netaddr.IPNetwork('10.0.0.5/255.255.0.0').prefixlen",
    "str(netaddr.IPNetwork('10.0.0.0/24').ip)",
    "netaddr.IPNetwork('10.0.0.0/24').size",
    "str(netaddr.IPNetwork('10.0.0.0/24').broadcast)",
    "netaddr.IPNetwork('10.0.0.0/33')",
    "netaddr.valid_ipv4('10.0.0.1')",
    "netaddr.valid_ipv6('::g')",
    "os_path.splitext('/a.b/c.tar.gz')",
    "os_path.normpath('//a/./b/../../..')",
    "six.moves.urllib.parse.quote('a b')",
    "six.moves.shlex_quote(\"it's\")",
    "list(six.itervalues({'a': 1}))",
];

#[test]
fn modules_do_what_python_does() {
    let different = refused_or_different(EXPRESSIONS);
    assert!(different.is_empty(), "{}", different.join("\n"));
}

/// What is said of each expression that is not as in Python; nothing where there is no Python.
pub(crate) fn refused_or_different(expressions: &[&str]) -> Vec<String> {
    let Some(python) = python() else { return Vec::new() };
    let cases: Vec<Case> =
        expressions.iter().map(|text| Case::new(&format!("{{{{ {text} }}}}"))).collect();
    let mut different = Vec::new();
    for (case, answer) in cases.iter().zip(ask(&python, &cases)) {
        match compare(case, &answer) {
            Verdict::Same => {}
            Verdict::Refused => different.push(format!("{} is refused", case.template)),
            Verdict::Different(story) => different.push(story),
        }
    }
    different
}

#[test]
fn what_a_module_has_not_is_refused_with_what_it_has() {
    let table = [
        ("json.dump(1)", "`json.dump` is not supported", "did you mean `dumps`?"),
        (
            "itertools.permutations([1])",
            "`itertools.permutations` is not supported",
            "of `itertools` there are chain, count, islice, repeat",
        ),
        ("re.match('\\\\N{DASH}', '')", "`\\N` in a pattern is not supported", ""),
    ];
    for (text, message, hint) in table {
        let error = render(&Case::new(&format!("{{{{ {text} }}}}"))).unwrap_err();
        assert_eq!((error.kind(), error.message()), (ErrorKind::Unsupported, message));
        assert_eq!(error.hint().unwrap_or_default(), hint);
    }
}

#[test]
fn a_search_that_takes_for_ever_is_given_up() {
    let text = "a".repeat(40);
    let error =
        render(&Case::new(&format!("{{{{ re.match('(a*)*\\\\1b', '{text}') }}}}"))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit, "{error}");
}
