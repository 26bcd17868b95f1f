//! Statements, with others inside.

use super::{Kind, Maker};

impl Maker {
    /// A statement with others inside, so deep at most.
    pub(super) fn statement(&mut self, depth: usize) -> String {
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
}
