"""Upstream zc.buildout 6.0.1, changed in this process to behave like the fork that SlapOS pins.

`apply()` patches; `load(file)` gives the merged sections. The letters (a to m) name the rows of
"What the fork adds" in README.md. Not here: f (signature read in a constructor), j (shared
parts: they are built as ordinary ones), k (patched eggs), l except `multiarch`, network caches of i.
"""
import collections
import copy
import hashlib
import io
import os
import re
import sysconfig
import tempfile
import types

import zc.buildout.buildout as B
import zc.buildout.configparser as parser
import zc.buildout.download
from zc.buildout import UserError

# --- d: typed values. An option is text; text that begins with !py! is a Python literal.

MAGIC = "!py!"
NAMES = {"__builtins__": {}, "set": set, "frozenset": frozenset, "OrderedDict": collections.OrderedDict}


def dumps(value):
    return MAGIC + repr(value)


def loads(text):
    return eval(text[len(MAGIC):], dict(NAMES)) if text.startswith(MAGIC) else text


def to_text(value):
    """What is stored for a value that a recipe sets: c, so that it reads back as it was."""
    return (value if isinstance(value, str) else dumps(value)).replace("$", "$$")


# --- a: each extended file once, at its first mention, merged one after the other.

HEADER_FIRST = re.compile(r"(?:\s*\n|[#;].*\n)*\[")


def parse(text, name):
    """Sections of one file. A file may begin with a false conditional section (upstream trips)."""
    guard = "guard" + hashlib.md5(text.encode()).hexdigest()
    if HEADER_FIRST.match(text):
        text = "[%s]\nx =\n%s" % (guard, text)
    sections = parser.parse(io.StringIO(text), name, condition_names)
    sections.pop(guard, None)
    return {section: normal_names(options) for section, options in sections.items()}


def condition_names():
    """l: `multiarch` in conditions of sections."""
    return dict(upstream_globals(), multiarch=sysconfig.get_config_var("MULTIARCH") or "")


def normal_names(options):
    """`x+=` is `x +=`: upstream takes the last two characters off a name to find its base."""
    result = {}
    for key, value in options.items():
        if key[-1] in "+-":
            key = key[:-1].rstrip() + " " + key[-1]
        result[key] = result[key] + "\n" + value if key in result else value
    return result


class Reader:
    """The files of a profile, `layers`, in the order in which they are merged."""

    def __init__(self, options, override):
        self.options, self.override = options, override
        self.seen, self.layers = set(), []

    def read(self, place, chain=()):
        if place in chain:
            raise UserError("Recursive file include", list(chain), place)
        if place in self.seen:
            return
        self.seen.add(place)
        sections = parse(self.text(place), place)
        base = place[:place.rfind("/")] if B._isurl(place) else os.path.dirname(place)
        for options in sections.values():
            # b: an option of the section, only if a value of it in this file mentions it.
            if any("_profile_base_location_" in value for value in options.values()):
                options["_profile_base_location_"] = base
        own = sections.get("buildout", {})
        extends, optional = own.pop("extends", ""), own.pop("optional-extends", "")
        if "extended-by" in own:
            raise UserError('No-longer supported "extended-by" option found in %s.' % place)
        sections = B._annotate(sections, place)
        if not chain:
            self.options = B._update_section(self.options, sections.get("buildout", {}))
        for name in extends.split():
            self.read(join(base, name), (*chain, place))
        for name in optional.split():
            if B._isurl(join(base, name)) or os.path.exists(join(base, name)):
                self.read(join(base, name), (*chain, place))
        self.layers.append(sections)

    def text(self, place):
        if not B._isurl(place):
            with open(place, encoding="utf-8") as file:
                return file.read()
        options = B._unannotate_section(B._update_section(self.options, self.override))
        cache = options.get("extends-cache")
        if cache and "${" in cache:
            raise ValueError("extends-cache %r may not contain ${section:variable} to expand." % cache)
        fetch = zc.buildout.download.Download(
            options, cache=cache, hash_name=True, fallback=options.get("newest") == "true")
        path, temporary = fetch(place)
        with open(path, encoding="utf-8") as file:
            text = file.read()
        if temporary:
            os.remove(path)
        return text


def join(base, name):
    if B._isurl(name):
        return name
    if B._isurl(base) and not os.path.isabs(name):
        return base + "/" + name
    return os.path.normpath(os.path.join(base, name))


def merge(into, layer):
    """Merge one file as upstream does, but in a section with macros let += and -= wait for them."""
    for name, new in layer.items():
        old = into.get(name)
        if "<" in new or old and "<" in old:
            into[name] = merge_waiting(old or {}, new)
        else:
            into.update(B._update({} if old is None else {name: old}, {name: new}))


def merge_waiting(old, new):
    result = copy.deepcopy(old)
    for key, value in sorted(new.items()):  # "x" before "x +" before "x -"
        if key[-2:] not in (" +", " -"):
            for waiting in key + " +", key + " -":
                result.pop(waiting, None)
            result[key] = copy.deepcopy(value)
        elif key[:-2] not in result:
            if key in result:
                result[key].addToValue(value.value, value.source)
            else:
                result[key] = copy.deepcopy(value)
        elif key[-1] == "+":
            result[key[:-2]].addToValue(value.value, value.source)
        else:
            result[key[:-2]].removeFromValue(value.value, value.source)
    return result


def open_profile(base, filename, seen, download_options, override, downloaded, user_defaults):
    """In place of upstream's _open."""
    reader = Reader(download_options, override)
    reader.read(join(base, filename))
    merged = copy.deepcopy(user_defaults)
    for layer in reader.layers:
        merge(merged, layer)
    return merged, {}


def load(path):
    """The sections of a profile after `extends` and merging, macros not expanded: {name: {option: text}}."""
    path = path if B._isurl(path) else os.path.abspath(path)
    return B._unannotate(open_profile(*os.path.split(path), [], {}, {}, set(), {})[0])


def expand(sections):
    """Sections with macros expanded, and {section: message} of those that cannot be."""
    options = object.__new__(Options)
    options.buildout = types.SimpleNamespace(_raw=sections)
    expanded, errors = {}, {}
    for name, data in sections.items():
        try:
            expanded[name] = options._do_extend_raw(name, data, [])
        except UserError as error:
            errors[name] = str(error)
    return expanded, errors


# --- c, d, e, g, m: reading and setting options, what a part depends on.

class Options(B.Options):

    def get(self, option, default=None, seen=None):
        if seen is not None:  # a substitution, which pastes the text
            return super().get(option, default, seen)
        text = super().get(option)
        return default if text is None else loads(text.replace("$$", "$"))

    def __getitem__(self, key):
        value = self.get(key, self)
        if value is self:
            raise B.MissingOption("Missing option: %s:%s" % (self.name, key))
        return value

    def __setitem__(self, option, value):
        self._data[option] = to_text(value)

    def __eq__(self, other):  # m: a replaced copy() hides volatile options also from comparison
        return self.copy() == other

    __hash__ = None

    def copy(self):
        return {key: self.get(key) for key in self.keys()}

    def _sub(self, template, seen):  # m: recipes give None
        return super()._sub(template, [] if seen is None else seen)

    def barrier(self):
        """g: what was read so far does not count for the signature."""
        self.buildout.__dict__.setdefault("_needs", {}).pop(self.name, None)


def get_section(self, name):
    """e: remember which section asked for which while it was initialised."""
    stack = self.__dict__.setdefault("_initialising", [])
    if stack and stack[-1] != name:
        self.__dict__.setdefault("_needs", {}).setdefault(stack[-1], set()).add(name)
    stack.append(name)
    try:
        return upstream_get_section(self, name)
    finally:
        stack.pop()


def set_section(self, name, data):
    """d: buildout[name] = {...} with values that are not text."""
    if name in self._raw:
        raise KeyError("Section already exists", name)
    self._raw[name] = {k: v if isinstance(v, str) else dumps(v) for k, v in data.items()}
    self[name]


def compute_signatures(self, parts):
    """e: a signature holds the hashes of the parts it refers to; a flat recipe name stands for eggs."""
    hashes = {}

    def needed(name, found):
        for other in self.__dict__.get("_needs", {}).get(name, ()):
            if other not in found and other != "buildout":
                found.add(other)
                needed(other, found)
        return found

    def own_hash(name):
        if name not in hashes:
            text = repr(sorted((k, repr(v)) for k, v in self[name].copy().items() if k != SIGNATURE))
            hashes[name] = hashlib.md5(text.encode()).hexdigest()
        return hashes[name]

    signatures = {}
    for part in parts:
        below = sorted(n for n in needed(part, set()) if n != part and self[n].get("recipe"))
        signatures[part] = " ".join([self[part]["recipe"], *("%s:%s" % (n, own_hash(n)) for n in below)])
    for part, text in signatures.items():
        self[part][SIGNATURE] = text


SIGNATURE = "__buildout_signature__"

# --- h: the state file is written through a temporary file, only if changed, with one [buildout].


def save_option(option, value, file):
    upstream_save_option(option, to_text(value), file)


def read_installed(self):
    self._state, exists = upstream_read_installed(self)
    return self._state, exists


def save_installed(self, state):
    path = self["buildout"]["installed"]
    if not path:
        return
    text = io.StringIO()
    B._save_options("buildout", state["buildout"], text)
    for part in state["buildout"]["parts"].split():
        text.write("\n")
        B._save_options(part, state[part], text)
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            if file.read() == text.getvalue():
                return
    with open(path + ".new", "w", encoding="utf-8") as file:
        file.write(text.getvalue())
    os.replace(path + ".new", path)


def update_installed(self, **options):
    self._state["buildout"].update(options)
    self._save_installed_options(self._state)


# --- i: downloads know another address, and put the file where they are told.

class Download(zc.buildout.download.Download):

    def __call__(self, url, md5sum=None, path=None, alternate_url=None):
        if path:
            os.makedirs(os.path.dirname(path), exist_ok=True)
        try:
            return super().__call__(url, md5sum, path)
        except (UserError, OSError):
            if not alternate_url:
                raise
            return super().__call__(alternate_url, md5sum, path)


class EmptyDownload(Download):
    """With stand-ins nothing is fetched: a remote file is an empty one."""

    def __call__(self, url, md5sum=None, path=None, alternate_url=None):
        if not B._isurl(url) or url.startswith("file:"):
            return super().__call__(url, md5sum, path)
        if path:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            open(path, "w").close()
            return path, False
        handle, path = tempfile.mkstemp()
        os.close(handle)
        return path, True


upstream_globals = B._default_globals
upstream_get_section = B.Buildout.__getitem__
upstream_read_installed = B.Buildout._read_installed_part_options
upstream_save_option = B._save_option
upstream_init = B.Buildout.__init__


def init(self, config_file, cloptions, *args, **keywords):  # m: recipes mix lists and tuples
    upstream_init(self, config_file, [tuple(option) for option in cloptions], *args, **keywords)


def apply(stand_ins=False):
    """Change zc.buildout. Before any recipe is imported: they look for `dumps`."""
    B.dumps, B.loads = dumps, loads
    B._open, B._save_option = open_profile, save_option
    buildout = B.Buildout
    buildout.__init__ = init
    buildout.Options = B.Options = Options
    buildout.__getitem__, buildout.__setitem__ = get_section, set_section
    buildout._compute_part_signatures = compute_signatures
    buildout._read_installed_part_options = read_installed
    buildout._save_installed_options = save_installed
    buildout._update_installed = update_installed
    buildout._maybe_upgrade = lambda self: None  # the oracle stays what it is
    buildout.dry_run = False
    B._buildout_default_options["eggs-directory-version"].value = ""
    zc.buildout.download.Download = EmptyDownload if stand_ins else Download
    if stand_ins:
        import standins
        B._install_and_load = standins.loader(B._install_and_load)
