//! Makes templates and values from a seed: the same seed gives the same case.
//!
//! Expressions are made for a wanted kind of value, so that most of them succeed; now and then the kind is wrong
//! on purpose.

use std::collections::BTreeMap;

use crate::reference::Case;

/// A small random generator (SplitMix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) >> 33).unwrap() % sides
    }

    fn pick<'t>(&mut self, items: &[&'t str]) -> &'t str {
        items[self.roll(items.len())]
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Number,
    Text,
    List,
    Dict,
    Truth,
}

const KINDS: [Kind; 5] = [Kind::Number, Kind::Text, Kind::List, Kind::Dict, Kind::Truth];

const NUMBERS: &[&str] = &[
    "0",
    "1",
    "-1",
    "2",
    "7",
    "255",
    "1.5",
    "-0.25",
    "1e20",
    "1e-7",
    "100000000000000000000",
    "3.0",
    "True",
];
const TEXTS: &[&str] = &[
    "''",
    "'a'",
    "'Hello World'",
    "' pad  ded '",
    "'a,b,,c'",
    "'é日'",
    "\"it's\"",
    "'line\\nline\\n'",
    "'<b>&'",
    "'42'",
    "'-3.7'",
    "'tab\\t\\x00'",
    "'key'",
    "'MiXed case_words'",
    "'0x1f'",
];
const LISTS: &[&str] = &[
    "[]",
    "[1, 2, 3]",
    "['b', 'A', 'c']",
    "[3, 1, 2]",
    "(1, 'x', None)",
    "[[1, 2], [3, 4]]",
    "[{'a': 1}, {'a': 2}]",
    "[1.5, 2, True]",
    "('one',)",
    "['', 'x', '']",
    "[[], {}, ()]",
    "[1, 1, 2, 1]",
];
const DICTS: &[&str] = &[
    "{}",
    "{'a': 1, 'b': 2}",
    "{'key': 'value', 'n': None}",
    "{'z': [1, 2], 'a': {'b': 'c'}}",
    "{1: 'one', 'x': 2.5}",
    "{'B': 1, 'a': 2, 'C': 0}",
];
const TRUTHS: &[&str] = &["True", "False", "None"];

fn literals(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Number => NUMBERS,
        Kind::Text => TEXTS,
        Kind::List => LISTS,
        Kind::Dict => DICTS,
        Kind::Truth => TRUTHS,
    }
}

/// Variables of the context, by kind.
fn names(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Number => &["n1", "n2", "n3"],
        Kind::Text => &["s1", "s2", "s3"],
        Kind::List => &["l1", "l2"],
        Kind::Dict => &["d1", "d2"],
        Kind::Truth => &["t1", "none"],
    }
}

/// The case of a seed.
pub(crate) fn case(seed: u64) -> Case {
    let mut maker = Maker { dice: Dice(seed.wrapping_mul(0x2545_f491_4f6c_dd1d)), fresh: 0 };
    let mut context = BTreeMap::new();
    for kind in KINDS {
        for name in names(kind).iter().filter(|name| **name != "none") {
            let literal = maker.dice.pick(literals(kind));
            context.insert((*name).to_string(), literal.to_string());
        }
    }
    let mut template = String::new();
    for _ in 0..=maker.dice.roll(4) {
        template.push_str(&maker.statement(3));
    }
    let library = "{% macro wrap(x, left='<', right='>') %}{{ left }}{{ x }}{{ right }}{% endmacro %}\
                   {% macro list_of() %}{{ varargs }}{{ kwargs }}{% endmacro %}{% set constant = [1, 2] %}";
    let mut files = BTreeMap::new();
    files.insert("library".to_string(), library.to_string());
    files.insert("part".to_string(), "[{{ n1 }}|{% set s1 = 'changed' %}{{ s1 }}]\n".to_string());
    Case { template, context, files, parse: false }
}

struct Maker {
    dice: Dice,
    fresh: usize,
}

impl Maker {
    fn name(&mut self) -> String {
        self.fresh += 1;
        format!("v{}", self.fresh)
    }

    fn kind(&mut self) -> Kind {
        KINDS[self.dice.roll(KINDS.len())]
    }

    fn statement(&mut self, depth: usize) -> String {
        let kind = self.kind();
        if depth == 0 {
            return format!("{{{{ {} }}}}", self.value(kind, 2));
        }
        let inner = depth - 1;
        let dash = self.dice.pick(&["", "", "", "-"]);
        match self.dice.roll(18) {
            0 => format!(
                "text {} \n",
                self.dice.pick(&[
                    "a",
                    "{# comment #}",
                    "{% raw %}{{ x }}{% endraw %}",
                    "\r\n",
                    " "
                ])
            ),
            1 => {
                let (test, yes, no) =
                    (self.value(Kind::Truth, 2), self.statement(inner), self.statement(inner));
                format!("{{%{dash} if {test} %}}{yes}{{% else %}} {no} {{%{dash} endif %}}\n")
            }
            2 | 3 => self.for_loop(inner, dash),
            4..=8 => self.change(inner, dash),
            9..=14 => self.block(inner),
            _ => format!("{{{{{dash} {} {dash}}}}} ", self.value(kind, 3)),
        }
    }

    /// A statement that sets or changes something.
    fn change(&mut self, inner: usize, dash: &str) -> String {
        let kind = self.kind();
        match self.dice.roll(5) {
            0 => {
                let (name, value) = (self.name(), self.value(kind, 2));
                format!("{{% set {name} = {value} {dash}%}} {{{{ {name} }}}}")
            }
            1 => {
                let (name, body) = (self.name(), self.statement(inner));
                let filter =
                    self.dice.pick(&["", " | upper", " | trim", " | replace('a', 'bb') | length"]);
                format!("{{% set {name}{filter} %}}{body}{{% endset %}}{{{{ {name} }}}}")
            }
            2 => {
                let value = self.value(kind, 2);
                let call = self.dice.pick(&[
                    "append(VALUE)",
                    "insert(0, VALUE)",
                    "extend([VALUE])",
                    "pop()",
                    "reverse()",
                ]);
                format!(
                    "{{% set l = [1, 2, 3] %}}{{% do l.{} %}}{{{{ l }}}}",
                    call.replace("VALUE", &value)
                )
            }
            3 => {
                let value = self.value(kind, 2);
                let call = self.dice.pick(&[
                    "update({'k': VALUE})",
                    "setdefault('a', VALUE)",
                    "__setitem__('q', VALUE)",
                    "pop('a', VALUE)",
                    "update(x=VALUE)",
                ]);
                format!(
                    "{{% set d = {{'a': 1}} %}}{{% do d.{} %}}{{{{ d }}}}",
                    call.replace("VALUE", &value)
                )
            }
            _ => {
                let (name, body, argument) =
                    (self.name(), self.statement(inner), self.value(kind, 2));
                format!(
                    "{{% macro {name}(p, q={argument}) %}}{{{{ p }}}}{{{{ q }}}}{body}{{% endmacro %}}{{{{ {name}({argument}) }}}}"
                )
            }
        }
    }

    /// A statement that imports, includes or wraps.
    fn block(&mut self, inner: usize) -> String {
        let kind = self.kind();
        match self.dice.roll(6) {
            0 => {
                let value = self.value(kind, 2);
                format!(
                    "{{% import 'library' as lib %}}{{{{ lib.wrap({value}) }}}}{{{{ lib.constant }}}}"
                )
            }
            1 => {
                let value = self.value(kind, 2);
                format!(
                    "{{% from 'library' import wrap, list_of as other %}}{{{{ wrap({value}, right='') }}}}{{{{ other({value}, k=1) }}}}"
                )
            }
            2 => "{% include 'part' %}{{ s1 }}".to_string(),
            3 => {
                let (value, body) = (self.value(kind, 2), self.statement(inner));
                format!("{{% with w = {value} %}}{{{{ w }}}}{body}{{% endwith %}}")
            }
            4 => {
                let value = self.value(kind, 2);
                format!(
                    "{{% set ns = namespace(a=1) %}}{{% for i in l1 %}}{{% set ns.a = {value} %}}{{% endfor %}}{{{{ ns.a }}}}"
                )
            }
            _ => {
                let body = self.statement(inner);
                format!(
                    "{{% filter {} %}}{body}{{% endfilter %}}",
                    self.dice.pick(&["upper", "indent(2)", "trim", "title"])
                )
            }
        }
    }

    fn for_loop(&mut self, depth: usize, dash: &str) -> String {
        let body = self.statement(depth);
        let (list, dict) = (self.value(Kind::List, 2), self.value(Kind::Dict, 1));
        let test = self.dice.pick(&["", "", " if i", " if i is not none", " if i in l1"]);
        let looped = self.dice.pick(&[
            "{{ loop.index }}",
            "{{ loop.last }}",
            "{{ loop.length }}",
            "{{ loop.revindex0 }}{{ loop.first }}",
            "{{ loop.cycle('a', 'b') }}",
            "{% if loop.index > 2 %}{% break %}{% endif %}",
            "{% if loop.first %}{% continue %}{% endif %}",
            "{{ loop.changed(i) }}",
            "",
            "{{ loop.previtem if not loop.first }}{{ loop.nextitem is defined }}",
        ]);
        match self.dice.roll(3) {
            0 => format!(
                "{{% for k, v in {dict}|dictsort %}}{{{{ k }}}}={{{{ v }}}};{body}{{% else %}}empty{{% endfor %}}"
            ),
            1 => format!("{{% for i in {dict} %}}{{{{ i }}}}{looped}{{% endfor %}}"),
            _ => format!(
                "{{% for i in {list}{test} {dash}%}} {{{{ i }}}}{looped}{body}{{%{dash} else %}}empty{{% endfor %}}"
            ),
        }
    }

    /// The pattern with an expression in place of each word in capitals.
    fn fill(&mut self, pattern: &str, depth: usize) -> String {
        let marks = [
            ("NUM", Some(Kind::Number)),
            ("TEXT", Some(Kind::Text)),
            ("LIST", Some(Kind::List)),
            ("DICT", Some(Kind::Dict)),
            ("BOOL", Some(Kind::Truth)),
            ("ANY", None),
        ];
        let mut out = String::new();
        let mut rest = pattern;
        while !rest.is_empty() {
            let Some((mark, kind)) = marks.iter().find(|(mark, _)| rest.starts_with(mark)) else {
                let c = rest.chars().next().unwrap();
                out.push(c);
                rest = &rest[c.len_utf8()..];
                continue;
            };
            let wrong = self.dice.roll(40) == 0;
            let kind = kind.filter(|_| !wrong).unwrap_or_else(|| self.kind());
            out.push_str(&self.value(kind, depth));
            rest = &rest[mark.len()..];
        }
        out
    }

    /// An expression that most likely has a value of this kind.
    fn value(&mut self, kind: Kind, depth: usize) -> String {
        if depth == 0 || self.dice.roll(6) == 0 {
            return if self.dice.roll(3) == 0 {
                self.dice.pick(literals(kind)).to_string()
            } else {
                self.dice.pick(names(kind)).to_string()
            };
        }
        let pattern = self.dice.pick(patterns(kind));
        self.fill(pattern, depth - 1)
    }
}

fn patterns(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Number => NUMBER_PATTERNS,
        Kind::Text => TEXT_PATTERNS,
        Kind::List => LIST_PATTERNS,
        Kind::Dict => DICT_PATTERNS,
        Kind::Truth => TRUTH_PATTERNS,
    }
}

const NUMBER_PATTERNS: &[&str] = &[
    "NUM + NUM",
    "NUM - NUM",
    "NUM * NUM",
    "NUM / NUM",
    "NUM // NUM",
    "NUM % NUM",
    "-NUM",
    "NUM ** 2",
    "(NUM)",
    "+NUM",
    "LIST|length",
    "TEXT|length",
    "TEXT|int",
    "NUM|int",
    "NUM|float",
    "TEXT|float(default=NUM)",
    "NUM|abs",
    "NUM|round",
    "NUM|round(1)",
    "NUM|round(1, 'floor')",
    "(TEXT).count(TEXT)",
    "(TEXT).find(TEXT)",
    "(LIST).count(ANY)",
    "len(LIST)",
    "NUM if BOOL else NUM",
    "min(NUM, NUM)",
    "max([NUM, NUM])",
    "sum([1, 2, NUM])",
    "int(NUM)",
    "TEXT|int(default=NUM, base=16)",
    "abs(NUM)",
    "LIST|sum",
    "(DICT).get('a', NUM)",
    "LIST|first|default(NUM)",
    "TEXT|wordcount",
    "(LIST)[0]",
    "(LIST).index(ANY)",
    "BOOL or NUM",
    "NUM and NUM",
];

const TEXT_PATTERNS: &[&str] = &[
    "TEXT + TEXT",
    "TEXT ~ ANY",
    "ANY ~ ANY ~ ANY",
    "TEXT * 2",
    "(TEXT)[NUM]",
    "(TEXT)[1:]",
    "(TEXT)[:2]",
    "(TEXT)[::-1]",
    "(TEXT)[-3:-1]",
    "TEXT|upper",
    "TEXT|lower",
    "TEXT|title",
    "TEXT|capitalize",
    "TEXT|trim",
    "TEXT|replace(TEXT, TEXT)",
    "TEXT|indent",
    "TEXT|indent(2, true)",
    "TEXT|center(20)",
    "TEXT|string",
    "ANY|string",
    "ANY|tojson",
    "ANY|tojson(indent=2)",
    "TEXT|escape",
    "TEXT|urlencode",
    "DICT|urlencode",
    "LIST|join(TEXT)",
    "LIST|join",
    "TEXT|default(TEXT)",
    "undefined_name|default(ANY)",
    "TEXT|truncate(8)",
    "TEXT|truncate(5, true, '.')",
    "(TEXT).upper()",
    "(TEXT).strip()",
    "(TEXT).replace(TEXT, TEXT)",
    "(TEXT).title()",
    "(TEXT).capitalize()",
    "(TEXT).swapcase()",
    "(TEXT).zfill(8)",
    "(TEXT).ljust(9, '.')",
    "(TEXT).rjust(9)",
    "(TEXT).center(8, '*')",
    "(TEXT).lstrip('a ')",
    "(TEXT).join(['x', TEXT])",
    "(TEXT).expandtabs(4)",
    "repr(ANY)",
    "str(ANY)",
    "dumps(ANY)",
    "'%s' % (ANY,)",
    "'%r|%5s|%-6s|' % (ANY, TEXT, TEXT)",
    "'%d %5d %-5d|' % (NUM, NUM, NUM)",
    "'%05.1f %e %g' % (NUM, NUM, NUM)",
    "'%x %o %X' % (NUM, 8, 255)",
    "'%(a)s' % DICT",
    "'%s' % ANY",
    "'%+d % d %03d' % (NUM, NUM, NUM)",
    "'{} {!r}'.format(ANY, ANY)",
    "'{0:>8}|{0:<8}|{0:^8}'.format(TEXT)",
    "'{:d} {:05d} {:x}'.format(1, 2, 255)",
    "'{:.2f} {:e} {:g}'.format(NUM, NUM, NUM)",
    "'{a}'.format(a=ANY)",
    "'{:,}'.format(NUM)",
    "'{:8.3}|'.format(TEXT)",
    "'{:>+9}'.format(NUM)",
    "TEXT if BOOL else TEXT",
    "TEXT if BOOL",
    "(TEXT).lower()",
    "NUM|filesizeformat",
    "(TEXT).removeprefix(TEXT)",
    "(TEXT).casefold()",
    "TEXT|reverse",
    "DICT|xmlattr",
    "TEXT|format(ANY)",
    "'%s'|format(ANY)",
    "(TEXT|e) ~ TEXT",
    "(TEXT|e) + TEXT",
    "TEXT|safe|escape",
    "TEXT|e|upper",
    "'%c%c' % (65, 'b')",
    "'%.3s|%*d' % (TEXT, 5, NUM)",
    "'%5.3d|%#x' % (NUM, 255)",
];

const LIST_PATTERNS: &[&str] = &[
    "LIST + LIST",
    "[ANY, ANY]",
    "[ANY]",
    "(ANY, ANY)",
    "LIST * 2",
    "(LIST)[1:]",
    "(LIST)[:-1]",
    "(LIST)[::2]",
    "(LIST)[::-1]",
    "LIST|list",
    "TEXT|list",
    "LIST|sort",
    "LIST|sort(reverse=true)",
    "LIST|unique|list",
    "LIST|map('string')|list",
    "LIST|map(attribute='a', default=NUM)|list",
    "LIST|select|list",
    "LIST|reject('none')|list",
    "LIST|select('string')|list",
    "LIST|selectattr('a')|list",
    "LIST|batch(2)|list",
    "LIST|slice(2)|list",
    "LIST|batch(2, 'x')|list",
    "DICT|dictsort",
    "DICT|dictsort(false, 'value')",
    "(DICT).keys()|list",
    "(DICT).values()|list",
    "(DICT).items()|list",
    "DICT|items|list",
    "(TEXT).split()",
    "(TEXT).split(',')",
    "(TEXT).split(TEXT)",
    "(TEXT).rsplit(None, 1)",
    "(TEXT).splitlines()",
    "(TEXT).splitlines(true)",
    "(TEXT).partition(',')",
    "(TEXT).rpartition(TEXT)",
    "range(4)|list",
    "list(range(1, 9, 3))",
    "list(range(5, 0, -2))",
    "sorted(LIST)",
    "list(enumerate(LIST))",
    "list(zip(LIST, LIST))",
    "list(TEXT)",
    "tuple(LIST)",
    "LIST|reverse|list",
    "LIST if BOOL else LIST",
    "(LIST).copy()",
    "sorted(DICT)",
    "sorted(set(LIST))",
    "list(reversed(LIST))",
    "LIST|groupby('a')",
    "(DICT).items()|sort",
    "LIST or LIST",
    "list(map(str, LIST))",
    "LIST|map('default', 'x')|list",
    "LIST|map('upper')|list",
    "sorted(LIST, reverse=true)",
    "range(3)",
    "(DICT).keys()",
    "(DICT).values()",
    "(DICT).items()",
];

const DICT_PATTERNS: &[&str] = &[
    "{'a': ANY, 'b': ANY}",
    "{TEXT: ANY}",
    "{NUM: ANY, 'x': NUM}",
    "dict(DICT)",
    "dict(DICT, z=ANY)",
    "dict(a=ANY, b=ANY)",
    "(DICT).copy()",
    "dict.fromkeys(LIST, 1)",
    "DICT if BOOL else DICT",
    "dict([('a', ANY), ('b', ANY)])",
    "{(LIST)[0]|string: 1}",
    "dict(zip(['p', 'q'], LIST))",
    "DICT or DICT",
];

const TRUTH_PATTERNS: &[&str] = &[
    "ANY == ANY",
    "ANY != ANY",
    "NUM < NUM",
    "NUM <= NUM < NUM",
    "TEXT > TEXT",
    "LIST < LIST",
    "ANY in LIST",
    "TEXT in TEXT",
    "ANY not in LIST",
    "TEXT in DICT",
    "not ANY",
    "BOOL and BOOL",
    "BOOL or BOOL",
    "ANY is string",
    "ANY is number",
    "ANY is mapping",
    "ANY is sequence",
    "ANY is iterable",
    "ANY is none",
    "ANY is defined",
    "nothing is defined",
    "nothing is undefined",
    "NUM is odd",
    "NUM is even",
    "NUM is divisibleby 3",
    "NUM is divisibleby(2)",
    "ANY is boolean",
    "ANY is integer",
    "ANY is float",
    "TEXT is upper",
    "TEXT is lower",
    "ANY is true",
    "ANY is false",
    "ANY is callable",
    "ANY is eq(ANY)",
    "ANY is in(LIST)",
    "NUM is gt(NUM)",
    "bool(ANY)",
    "isinstance(ANY, str)",
    "isinstance(ANY, (list, tuple))",
    "(TEXT).startswith(TEXT)",
    "(TEXT).endswith(('a', TEXT))",
    "(TEXT).isdigit()",
    "(TEXT).isalpha()",
    "(TEXT).isspace()",
    "(TEXT).istitle()",
    "(TEXT).isupper()",
    "any(LIST)",
    "all(LIST)",
    "(DICT).a is defined",
    "(LIST)[5] is defined",
    "DICT == DICT",
    "(TEXT).islower()",
    "ANY is not none",
    "ANY is sameas none",
    "(DICT).get('nothing')",
    "nothing",
    "(DICT).a",
    "LIST == LIST",
    "ANY is escaped",
    "NUM == NUM",
    "(TEXT).isalnum()",
];
