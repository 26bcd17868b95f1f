#!/usr/bin/env python3
"""Makes eggs.toml anew, with these versions besides those that are in it: eggs.py [NAME==VERSION ...]

Needs pip and the package `packaging`. An sdist is built by pip, which only copies; one that compiles is not taken.
Refuses a table of which two versions, whichever a release chooses, do not agree.
"""
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import tomllib

from packaging.requirements import Requirement

PYTHONS = ["3.11", "3.12", "3.13"]
# What eggs ask for and is not installed: every environment has pip, and only commands of slapos.core, which nobody
# calls here, use the others.
ABSENT = {"pip", "cliff", "netifaces", "erp5-util"}
TABLE = pathlib.Path(__file__).with_name("eggs.toml")


def normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def ask(egg, python, *sources):
    """What pip would install, or None."""
    with tempfile.TemporaryDirectory() as folder:
        report = pathlib.Path(folder, "report.json")
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed", "--no-deps",
                   "--target", folder, "--report", str(report), *sources, egg]
        if python:
            command += ["--python-version", python, "--only-binary", ":all:"]
        done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return json.loads(report.read_text())["install"][0] if done.returncode == 0 else None


def resolve(name, version):
    """The files of one version, and what it requires under each Python."""
    found = {python: ask(f"{name}=={version}", python) for python in PYTHONS}
    if not any(found.values()):
        found = dict.fromkeys(PYTHONS, ask(f"{name}=={version}", None))
    found = {python: item for python, item in found.items() if item}
    if not found:
        sys.exit(f"{name}=={version} is not to be had")
    entry = {"version": version, "pythons": list(found), "requires": {}}
    entry["sha256"] = sorted({item["download_info"]["archive_info"]["hashes"]["sha256"] for item in found.values()})
    for python, item in found.items():
        needs = map(Requirement, item["metadata"].get("requires_dist", []))
        facts = {"python_version": python, "python_full_version": python + ".0", "extra": ""}
        entry["requires"][python] = [need for need in needs if not need.marker or need.marker.evaluate(facts)]
    return entry


def disagreements(table):
    for python in PYTHONS:
        for name, entries in table.items():
            if not any(python in entry["pythons"] for entry in entries):
                yield f"Python {python} has no {name}"
            for entry in entries:
                for need in entry["requires"].get(python, []):
                    others = [other for other in table.get(normal(need.name), []) if python in other["pythons"]]
                    if not others and normal(need.name) not in ABSENT:
                        yield f"{name} {entry['version']} requires {need}, which is not in the table"
                    for other in others:
                        if not need.specifier.contains(other["version"], prereleases=True):
                            yield f"{name} {entry['version']} requires {need}, not {other['version']}"


def written(table):
    yield TABLE.read_text().split("\n\n")[0].rstrip() + "\n"
    for name, entries in sorted(table.items()):
        for entry in entries:
            yield f'\n[[{name}]]\nversion = "{entry["version"]}"\n'
            if entry["pythons"] != PYTHONS:
                yield f"pythons = {json.dumps(entry['pythons'])}\n"
            yield "sha256 = [\n" + "".join(f'  "{digest}",\n' for digest in entry["sha256"]) + "]\n"


wanted = [(name, entry["version"]) for name, entries in tomllib.loads(TABLE.read_text()).items() for entry in entries]
for egg in sys.argv[1:]:
    name, version = egg.split("==")
    if (normal(name), version) not in wanted:
        wanted.append((normal(name), version))
made = {}
for name, version in wanted:
    made.setdefault(name, []).append(resolve(name, version))
faults = sorted(set(disagreements(made)))
if faults:
    sys.exit("\n".join(faults))
TABLE.write_text("".join(written(made)))
