"""Renders templates with the real Jinja2, for comparison.

Reads one JSON object per line, {"template": text, "context": {name: Python literal}, "files": {name: text}},
answers one JSON object per line: {"text": text} or {"error": class name}.
"""
import ast
import json
import sys

import jinja2


def literal(text):
    return eval(text, {"__builtins__": {}, "set": set})


NAMES = ("abs", "all", "any", "bool", "bytes", "chr", "dict", "enumerate", "float", "int", "isinstance", "iter",
         "len", "list", "map", "max", "min", "next", "ord", "range", "repr", "reversed", "set", "sorted", "str",
         "sum", "tuple", "zip")
BUILTINS = {name: getattr(__builtins__, name) for name in NAMES}
BUILTINS["dumps"] = lambda value: "!py!" + repr(value)


class Undefined(jinja2.StrictUndefined):
    """Like this crate, fails also where a list with an undefined value is printed."""

    __repr__ = jinja2.StrictUndefined._fail_with_undefined_error


environment = jinja2.Environment(
    undefined=Undefined,
    extensions=["jinja2.ext.do", "jinja2.ext.loopcontrols"],
    cache_size=0,
    optimized=False,  # folding constants raises errors in code that never runs
)
environment.globals.update(BUILTINS)


def answer(job):
    environment.loader = jinja2.DictLoader(job.get("files", {}))
    try:
        context = {name: literal(text) for name, text in job.get("context", {}).items()}
        return {"text": environment.from_string(job["template"]).render(context)}
    except Exception as error:
        return {"error": type(error).__name__, "message": str(error)}


for line in sys.stdin:
    print(json.dumps(answer(json.loads(line))), flush=True)
