//! What real profiles do with templates: Python 2 names, typed values, functions of the embedding program.

use slapos_jinja::{Context, ErrorKind, Module, Options, Template, Value, builtins};

fn context() -> Context {
    let mut context = Context::new();
    for name in builtins::NAMES {
        context.set_global(name, builtins::value(name).unwrap());
    }
    context.set(
        "parameters",
        Value::parse_literal("{'port': 80, 'names': ['a', 'b'], 'tls': True}").unwrap(),
    );
    context.set(
        "double",
        Value::function("double", |args, _| match args {
            [Value::Int(number)] => Ok(Value::Int(number * 2)),
            _ => Err(slapos_jinja::Error::new(ErrorKind::Host, "double() takes one integer")),
        }),
    );
    context.set("os", Module::value("os", [("sep", Value::from("/"))]));
    context
}

fn check(template: &str, expected: &str) {
    let options = Options { do_statement: true, loop_controls: true, keep_trailing_newline: false };
    let result =
        Template::compile("t", template, options).and_then(|template| template.render(&context()));
    match result {
        Ok(text) => assert_eq!(text, expected, "{template}"),
        Err(error) => assert_eq!(error.to_string(), expected, "{template}"),
    }
}

#[test]
fn templates_of_profiles_render() {
    let table = [
        ("{% for k, v in parameters.iteritems() %}{{ k }} {% endfor %}", "port names tls "),
        ("{{ parameters.has_key('port') }}", "True"),
        ("[section]\nport = {{ dumps(parameters.port) }}\n", "[section]\nport = !py!80"),
        (
            "{% set parts = [] %}{% for name in parameters['names'] -%}\n{% do parts.append('part-' ~ name) -%}\n{% endfor %}{{ parts | join('\\n  ') }}",
            "part-a\n  part-b",
        ),
        ("{{ double(21) }}{{ os.sep }}", "42/"),
        ("{{ double('x') }}", "t:1:10: double() takes one integer"),
        ("{{ os.spe }}", "t:1:7: a value of type os has no attribute `spe`"),
        ("{% do assert(parameters.port == 443, 'wrong port') %}", "t:1:13: wrong port"),
        (
            "{% do parameters.setdefault('extra', {}).update(x=1) %}{{ parameters }}",
            "{'port': 80, 'names': ['a', 'b'], 'tls': True, 'extra': {'x': 1}}",
        ),
        ("{{ parameters.get('nothing', 'default') }}", "default"),
        ("{{ next(iter([1])) }}{{ next(iter([])) }}", "t:1:29: the iterator has no more items"),
        ("{{ 'x'.encode('utf-8') }}{{ 'x'.encode().decode() }}", "b'x'x"),
        (
            "{{ ''.isidentifier is defined }}",
            "t:1:7: `isidentifier` of a value of type str is not supported",
        ),
        ("{{ {}.__class__ }}", "t:1:7: `__class__` of a value of type dict is not supported"),
    ];
    for (template, expected) in table {
        check(template, expected);
    }
}

#[test]
fn a_template_changes_the_values_of_its_context() {
    let context = context();
    let names = Value::list(Vec::new());
    let mut context = context;
    context.set("names", names.clone());
    let options = Options { do_statement: true, ..Options::default() };
    Template::compile("t", "{% do names.append(1) %}", options).unwrap().render(&context).unwrap();
    assert_eq!(names.repr().unwrap(), "[1]");
}

#[test]
fn extensions_are_named_as_in_jinja2() {
    let mut options = Options::default();
    options.enable("jinja2.ext.do").unwrap();
    assert!(options.do_statement);
    assert_eq!(options.enable("jinja2.ext.i18n").unwrap_err().kind(), ErrorKind::Unsupported);
    let error = Template::compile("t", "{% do x %}", Options::default()).unwrap_err();
    assert_eq!(error.hint(), Some("add the extension `jinja2.ext.do`"));
}
