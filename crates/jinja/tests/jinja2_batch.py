"""Renders templates with the real Jinja2, for comparison.

Reads one JSON object per line, {"template": text, "context": {name: Python literal}, "files": {name: text}},
answers one JSON object per line: {"text": text} or {"error": class name}. With "parse" true it only reads the
template, and the text is empty.
"""
import base64
import functools
import gc
import hashlib
import itertools
import json
import operator
import os.path
import re
import sys
import urllib.parse

import jinja2
import netaddr
import six


def literal(text):
    return eval(text, {"__builtins__": {}, "set": set})


NAMES = ("abs", "all", "any", "bin", "bool", "bytes", "callable", "chr", "complex", "dict", "divmod", "enumerate",
         "filter", "float", "format", "frozenset", "hex", "int", "isinstance", "iter", "len", "list", "map", "max",
         "min", "next", "oct", "ord", "pow", "range", "repr", "reversed", "round", "set", "sorted", "str", "sum",
         "tuple", "zip")
BUILTINS = {name: getattr(__builtins__, name) for name in NAMES}


def check(truth, *message):
    if not truth:
        raise AssertionError(*message)
    return ""


BUILTINS["assert"] = check
BUILTINS["dumps"] = lambda value: "!py!" + repr(value)


class Undefined(jinja2.StrictUndefined):
    """Like this crate, fails also where a list with an undefined value is printed."""

    __repr__ = jinja2.StrictUndefined._fail_with_undefined_error


environment = jinja2.Environment(
    undefined=Undefined,
    extensions=["jinja2.ext.do", "jinja2.ext.loopcontrols"],
    optimized=False,  # folding constants raises errors in code that never runs
)
environment.globals.update(BUILTINS)
environment.globals.update(
    base64=base64, functools=functools, hashlib=hashlib, itertools=itertools, json=json, netaddr=netaddr,
    operator=operator, os_path=os.path, re=re, six=six, urllib_parse=urllib.parse)


loader = environment.loader = jinja2.DictLoader({})
gc.set_threshold(100_000)  # what a template leaves behind is little


def answer(job):
    files = job.get("files", {})
    if loader.mapping != files:
        loader.mapping = files
        environment.cache.clear()
    try:
        if job.get("parse"):
            environment.parse(job["template"])
            return {"text": ""}
        context = {name: literal(text) for name, text in job.get("context", {}).items()}
        return {"text": environment.from_string(job["template"]).render(context)}
    except Exception as error:
        return {"error": type(error).__name__, "message": str(error)}


for line in sys.stdin:
    print(json.dumps(answer(json.loads(line))), flush=True)
