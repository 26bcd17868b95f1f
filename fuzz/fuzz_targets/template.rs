//! A template of somebody else: reading and rendering it ends, with a text or an error.

#![no_main]

use libfuzzer_sys::fuzz_target;
use slapos_jinja::{Context, Limits, Options, Template, Value, builtins, modules};

fuzz_target!(|text: &str| {
    let options = Options { do_statement: true, loop_controls: true, keep_trailing_newline: false };
    let Ok(template) = Template::compile("fuzz", text, options) else { return };
    let mut context = Context::new();
    // As deep as usual, but not as long: a fuzzer wants many cases, not long ones.
    context.limits = Limits { steps: 20_000, output: 1 << 20, ..Limits::default() };
    for name in builtins::NAMES {
        context.set_global(name, builtins::value(name).unwrap());
    }
    for name in modules::NAMES {
        context.set_global(&name.replace('.', "_"), modules::module(name).unwrap());
    }
    let known = "{'a': 1, 'l': [1, 2.5, 'x'], 's': 'text', 'd': {'k': None}, 'b': b'x', 't': (1,)}";
    let Ok(Value::Dict(known)) = Value::parse_literal(known) else { unreachable!() };
    for (name, value) in known.borrow().iter() {
        context.set(name.value().as_str().unwrap(), value.clone());
    }
    let own = text.to_owned();
    context.set_loader(move |name| Ok((name == "fuzz").then(|| own.clone())));
    drop(template.render(&context));
});
