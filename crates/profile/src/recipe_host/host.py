"""Runs recipes that only exist in Python, for an engine at the other end of two pipes.

One JSON document a line. The engine sends orders, {"do": "make" | "install" | "update", ...}; while an order is
carried out, this program may ask, {"ask": "section" | "set" | ...}, and the engine may give further orders before it
answers: a question about a section can need another Python part. Values travel as Python literals.

A recipe finds what it expects of buildout: `buildout[section][option]`, its own options, `zc.buildout.UserError`.
Sections are copied when they are first looked at; parts are only looked at while they are made, except [buildout] and
those that were looked at before.
"""
import ast
import contextlib
import hashlib
import importlib
import importlib.metadata
import json
import linecache
import logging
import os
import re
import shlex
import shutil
import subprocess
import sys
import tarfile
import tempfile
import traceback
import types
import zipfile
from base64 import b64decode
from collections.abc import Mapping, MutableMapping

UNPACKED_BYTES_MAX = 8 << 30

# The pipes of the engine; whatever a recipe prints goes to the log.
orders = os.fdopen(os.dup(0), "r", encoding="utf-8")
answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
os.dup2(2, 1)
logging.basicConfig(level=logging.INFO, format="%(name)s: %(message)s")


class Stopped(BaseException):
    """The engine cannot answer: the value is not there yet, or the profile has a fault that the engine tells."""


class UserError(Exception):
    """A fault of the profile, told without a traceback."""

    def __str__(self):
        return " ".join(map(str, self.args))


class Missing(UserError, KeyError):
    """A section or an option that is not there."""


def tell(message):
    answers.write(json.dumps(message) + "\n")
    answers.flush()


def ask(question, **arguments):
    tell({"ask": question, **arguments})
    for line in orders:
        message = json.loads(line)
        if "do" in message:
            carry_out(message)
        elif message.get("stopped"):
            raise Stopped
        elif "missing" in message:
            raise Missing(message["missing"])
        elif "refused" in message:
            raise UserError(message["refused"])
        else:
            return message["answer"]
    sys.exit(0)


def literal(value, what):
    """The Python literal of a value, which must be one of plain types."""
    if isinstance(value, Options):
        value = value.copy()
    text = repr(value)
    try:
        ast.literal_eval(text)
    except (ValueError, SyntaxError):
        raise UserError(f"{what} is {text}, which is neither text nor number nor a container of such") from None
    return text


class Options(MutableMapping):
    """The options of one section. Only those of the own part can be changed, and every change is told."""

    def __init__(self, part, name, values, own=False):
        self.part, self.name, self._own = part, name, own
        self._data = {option: ast.literal_eval(text) for option, text in values.items()}
        self._created = []

    def __getitem__(self, option):
        try:
            return self._data[option]
        except KeyError:
            if option == "_buildout_section_name_":
                return self.name
            raise Missing(f"section [{self.name}] has no option `{option}`") from None

    def __setitem__(self, option, value):
        self._only_own(option)
        ask("set", part=self.part, option=option, value=literal(value, f"`{option}` of [{self.name}]"))
        self._data[option] = value

    def __delitem__(self, option):
        self[option]
        self._only_own(option)
        ask("delete", part=self.part, option=option)
        del self._data[option]

    def _only_own(self, option):
        if not self._own:
            raise UserError(f"[{self.part}] cannot change `{option}` of [{self.name}], only its own options")

    def __iter__(self):
        return iter(self._data)

    def __len__(self):
        return len(self._data)

    def copy(self):
        return dict(self._data)

    def get_list(self, option, default=None):
        return self.get(option, default)

    def _sub(self, text, seen=None):
        return ask("substitute", part=self.part, text=text)

    def barrier(self):
        """Nothing to do: what was read before counts, which reinstalls once too often rather than never."""

    def created(self, *paths):
        self._created.extend(map(os.path.abspath, paths))
        return self._created


class Buildout(Mapping):
    """The profile, as one part sees it."""

    offline, newest = True, False
    _links, _allow_hosts = (), ("*",)

    def __init__(self, part, own, main):
        self.part, self._sections = part, {part: own, "buildout": Options(part, "buildout", main)}

    def __getitem__(self, name):
        if name not in self._sections:
            self._sections[name] = Options(self.part, name, ask("section", part=self.part, name=name))
        return self._sections[name]

    def __contains__(self, name):
        return name in self._sections or ask("has", part=self.part, name=name)

    def get(self, name, default=None):
        return self[name] if name in self else default

    def __iter__(self):
        return iter(ask("sections", part=self.part))

    def __len__(self):
        return len(ask("sections", part=self.part))

    def parse(self, text):
        ask("parse", part=self.part, text=text)


def is_true(value, default=False):
    return default if value is None else (value or "").strip().lower() in ("1", "on", "true", "yes")


def call(*arguments, **named):
    """Runs a command without standard input; its failure is an error."""
    subprocess.run(*arguments, check=True, stdin=subprocess.DEVNULL, **named)


def guessworkdir(path):
    """The only entry of a directory, or the directory itself."""
    entries = os.listdir(path)
    return os.path.join(path, entries[0]) if len(entries) == 1 else path


def check_size(sizes):
    if sum(sizes) > UNPACKED_BYTES_MAX:
        raise UserError(f"the archive unpacks to more than {UNPACKED_BYTES_MAX >> 30} GiB")


def checked(members):
    """The members of an archive, none of which leads out of the directory where it is unpacked.

    Links of the archive may be followed, but what comes after one is where that leads to: so no member lies behind a
    link, and no target climbs behind one.
    """
    links = {os.path.normpath(member.name) for member in members if member.issym()}
    for member in members:
        if not (member.isfile() or member.isdir() or member.issym() or member.islnk()):
            raise UserError(f"the archive holds `{member.name}`, which is neither file nor directory nor link")
        names = [member.name, member.linkname] if member.islnk() else [member.name]
        own_link = member.issym() and os.path.normpath(member.name)
        if (
            any(leads_out("", name, links - {own_link}, behind=False) for name in names)
            or member.issym()
            and leads_out(os.path.dirname(member.name), member.linkname, links, behind=True)
        ):
            raise UserError(f"the archive holds `{member.name}`, which leads out of its directory")
        member.mode &= 0o755
    return members


def leads_out(directory, path, links, behind):
    """Whether a path, relative to a directory of the archive, leads out; `behind` says whether it may go on after one
    of the links, though never upwards."""
    at = [part for part in directory.split(os.sep) if part not in ("", os.curdir)]
    follows = False
    for part in path.split(os.sep):
        if part == os.pardir:
            if follows or not at:
                return True
            at.pop()
        elif part not in ("", os.curdir):
            at.append(part)
            follows = follows or os.sep.join(at) in links
            if follows and not behind:
                return True
    return os.path.isabs(path)


class Inline:
    """slapos.recipe.build: Python text in `init`, `install`, `update`."""

    def __init__(self, buildout, name, options):
        self.buildout, self.name, self.options = buildout, name, options
        self.logger, self._own_files = logging.getLogger(name), []
        self.environ = os.environ.copy()
        for line in options.get("environment", "").splitlines():
            key, equals, value = line.partition("=")
            if equals:
                self.environ[key.strip()] = value.strip() % self.environ
        if not any(options.get(script) for script in ("init", "install", "update")):
            raise UserError("one of the options `init`, `install`, `update` is needed")
        if options.get("install") and not options.get("location"):
            options["location"] = os.path.join(buildout["buildout"]["parts-directory"], name)
        self._run("init")

    def install(self):
        self._run("install")
        if not self.options.get("install"):
            self._run("update")
            return []
        location = self.options["location"]
        for line in self.options.get("slapos_promise", "").splitlines():
            kind, _, path = line.strip().partition(":")
            if kind and not {"file": os.path.exists, "directory": os.path.isdir}.get(kind, lambda _: False)(
                os.path.join(location, path)
            ):
                raise UserError(f"the promise `{line.strip()}` of [{self.name}] is not kept")
        return [location] if location and os.path.lexists(location) else []

    def update(self):
        self._run("update")

    def _run(self, script):
        text = self.options.get(script)
        if not text:
            return
        place = f"{self.name}:{script}"
        linecache.cache[place] = len(text), None, text.splitlines(True), place
        names = {
            "self": self,
            "options": self.options,
            "location": self.options.get("location"),
            "call": call,
            "guessworkdir": guessworkdir,
            "is_true": is_true,
        }
        try:
            exec(compile(text, place, "exec"), names)
        finally:
            while self._own_files:
                path = self._own_files.pop()
                with contextlib.suppress(OSError):
                    shutil.rmtree(path) if os.path.isdir(path) and not os.path.islink(path) else os.unlink(path)

    def download(self, url=None, md5sum=None, **_):
        if url is None:
            url, md5sum = self.options["url"], self.options.get("md5sum")
        if not md5sum:
            raise UserError(f"{url} has no checksum: give `md5sum`")
        content = b64decode(ask("fetch", part=self.name, url=url))
        seen = hashlib.md5(content, usedforsecurity=False).hexdigest()
        if seen != md5sum.strip():
            raise UserError(f"{url} has checksum {seen}, wanted {md5sum.strip()}")
        path = os.path.join(self._directory(), os.path.basename(url.partition("#")[0].rstrip("/")) or "download")
        with open(path, "wb") as out:
            out.write(content)
        return path

    def extract(self, path):
        directory = self._directory()
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                check_size(info.file_size for info in archive.infolist())
                archive.extractall(directory)
        else:
            with tarfile.open(path) as archive:
                members = archive.getmembers()
                check_size(member.size for member in members)
                archive.extractall(directory, checked(members))
        return directory

    def _directory(self):
        self._own_files.append(tempfile.mkdtemp(prefix=".recipe-"))
        return self._own_files[-1]

    def copyTree(self, origin, destination, ignore_dir_list=()):
        shutil.copytree(origin, destination, symlinks=True, ignore=lambda *_: ignore_dir_list)

    def pipeCommand(self, commands, **named):
        text = " | ".join(map(shlex.join, commands))
        call(["/bin/bash", "-o", "pipefail", "-c", text], **named)

    def applyPatchList(self, patches, patch_options=None, patch_binary=None, cwd=None):
        for line in (patches or "").splitlines():
            if line.strip():
                url, md5sum, *own = line.split()
                options = own or shlex.split(patch_options or "")
                with open(self.download(url, md5sum), "rb") as patch:
                    program = (patch_binary or "patch").strip()
                    subprocess.run([program, *options], stdin=patch, cwd=cwd, check=True)


def provide_buildout():
    """What recipes import of buildout, unless the real one is installed."""
    try:
        module = importlib.import_module("zc.buildout")
    except ImportError:
        module = types.ModuleType("zc.buildout")
        sys.modules["zc"], sys.modules["zc.buildout"] = types.ModuleType("zc"), module
        sys.modules["zc"].buildout = module
    module.UserError = UserError
    if not hasattr(module, "easy_install"):
        module.easy_install = types.ModuleType("zc.buildout.easy_install")
        module.easy_install.install = install_eggs
        module.easy_install.working_set = lambda specs, *_, **__: install_eggs(specs)
        sys.modules["zc.buildout.easy_install"] = module.easy_install


def install_eggs(specs, *_, **__):
    """Nothing is installed while an instance is evaluated; what the Python of the release has is there."""
    missing = [spec for spec in specs if not has_egg(spec)]
    if missing:
        raise UserError(f"the Python of the release lacks the eggs {', '.join(missing)}")
    return importlib.import_module("pkg_resources").working_set


def has_egg(spec):
    try:
        return importlib.metadata.version(re.split(r"[^\w.-]", spec, maxsplit=1)[0])
    except importlib.metadata.PackageNotFoundError:
        return None


def recipe_class(recipe):
    package, _, entry = recipe.partition(":")
    if recipe in ("slapos.recipe.build", "slapos.recipe.build:default"):
        return Inline
    for point in importlib.metadata.entry_points(group="zc.buildout", name=entry or "default"):
        if point.dist and point.dist.name.replace("_", "-") == package.replace("_", "-"):
            return point.load()
    return None


parts = {}


def make(order):
    found = recipe_class(order["recipe"])
    if found is None:
        return {"unknown": True}
    name = order["part"]
    own = Options(name, name, order["options"], own=True)
    parts[name] = own, found(Buildout(name, own, order["buildout"]), name, own)
    return {"done": []}


def lay_out(order):
    own, recipe = parts[order["part"]]
    update = getattr(recipe, "update", None) if order["do"] == "update" else None
    paths = (update or recipe.install)()
    paths = [paths] if isinstance(paths, str) else list(paths or [])
    return {"done": paths + own._created, "keep": update is not None}


def carry_out(order):
    try:
        answer = make(order) if order["do"] == "make" else lay_out(order)
    except Stopped:
        answer = {"stopped": True}
    except UserError as error:
        answer = {"failed": str(error)}
    except BaseException as error:
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename != "recipe_host.py"]
        place = f" ({frames[-1].filename}, line {frames[-1].lineno}: {frames[-1].line})" if frames else ""
        answer = {"failed": f"{type(error).__name__}: {error}{place}"}
    tell(answer)


def main():
    directory = os.getcwd()
    tempfile.tempdir = os.path.join(directory, "tmp") if os.path.isdir(os.path.join(directory, "tmp")) else directory
    provide_buildout()
    for line in orders:
        carry_out(json.loads(line))


main()
