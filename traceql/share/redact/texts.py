"""Texts without what is private in them: paths, names of machines and users, addresses, identifiers.

Two kinds of text are told apart. In a sentence, a path or a value whatever looks like a path is one. What a
program calls its work (kernels, ranges, functions) may look like one and be none, ``/model/layers.0/attn``:
there only folders go that are somebody's by their place, or that the file itself names as its own.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from traceql.share.redact import removed as kinds
from traceql.share.redact.words import words

if TYPE_CHECKING:
    from collections.abc import Iterable

    from traceql.share.redact.names import Names
    from traceql.share.redact.removed import Removed

#: Stands where a folder or file was, with a number that tells them apart.
PLACE: Final = "/redacted"
_REPLACED: Final = re.compile(rf"{PLACE}(?:/\d+)?")
#: An empty list in JSON, in Base64, as nsys keeps which functions of Python it annotates.
NO_ANNOTATIONS: Final = "W10="
NO_UUID: Final = "00000000-0000-0000-0000-000000000000"

# Folders of the system, and of NVIDIA's tools: the same on every machine.
_SYSTEM: Final = re.compile(
    r"/(?:usr/(?!home|people|src|local/(?!cuda|nvidia))|lib(?:32|64|x32)?/|s?bin/|sys/|etc/ld\.so|opt/nvidia/|"
    r"proc/(?!\d|(?:thread-)?self/(?:cwd|root|exe|fd))|"
    r"dev/(?:nvidia|null|zero|shm$|dri/)|SYSV)"
    r"|[A-Za-z]:[\\/](?:Windows|WINDOWS|Program Files(?: \(x86\))?)[\\/]"
)
# Which may hold somebody's home all the same.
_SOMEBODYS: Final = re.compile(r"(?i)[\\/](?:home|users|\.\.)[\\/]")
_PART: Final = r"[^\s\"'`<>|*?;,(){}\[\]\0]"
# Of files that programs and people have: what a relative path, or the last name with blanks, ends in.
_SOURCES: Final = "cuh?|cc|c|cpp|cxx|hh?|hpp|hxx|inl|py[cxi]?|ipynb|rs|go|java|jl|f90|so|dll"
_FILES: Final = (
    rf"(?:{_SOURCES}|ptx|cubin|fatbin|dylib|exe|lib|txt|log|csv|tsv|jsonl?|ya?ml|toml|cfg|ini|conf|xml|html?|md|sh"
    "|bat|ps1|sqlite|sql|db|duckdb|parquet|arrow|np[yz]|pth?|ckpt|safetensors|bin|gguf|onnx|h5|hdf5|pkl|pickle|tar"
    r"|gz|zip|xz|zst|whl|nsys-rep|qdrep|qdstrm|ncu-rep|pdf|docx?|xlsx|png|jpe?g|svg|env|pem|key)(?![\w-])"
)
# Names may have blanks and commas, if the path goes on behind them or ends as that of a file does; another
# path, an option and the next sentence begin no such name.
_NEXT: Final = r"(?<![.:,])(?:, ?| )(?![-~]|[A-Za-z]:[\\/])[^\s\"'`<>|*?;,(){}\[\]\0/\\:=]"
# What follows is said of a program's output in every report.
_LAST: Final = rf"(?:(?! and std(?:out|err)\.log)(?:{_NEXT}+){{0,4}}{_NEXT}*\.{_FILES})?"
_MORE: Final = rf"(?:(?:{_NEXT}+){{1,6}}/{_PART}*)*{_LAST}"
# One that begins nowhere: with the folder that it runs in, or with a file at its end. What everybody runs
# tells nothing.
_UP: Final = rf"(?<![\w.~/\\])(?:\.\.?/|\.\.\\){_PART}+"
_BEGIN: Final = (
    r"(?<![\w.~/\\%$@+-])(?!(?:[\w.-]*nvidia\.com|site-packages|torch\w*|vllm|transformers|triton|jax(?:lib)?|flax"
    r"|numpy|scipy|numba|cupy|tensorflow|keras|deepspeed|cutlass|cub|thrust|aten|c10)[\\/])"
)
_DOWN: Final = rf"{_BEGIN}[\w.+@%~$-]+(?:[\\/][\w.+@%~$-]+)*[\\/][\w.+@%~$-]*\."
# A path in quotes ends with them; any other at the next quote or bracket, and mostly at a blank.
_PATH: Final = re.compile(
    r"(?P<quote>['\"])(?P<quoted>(?:file:/|/|~[\w.-]*/|\.\.?/|[A-Za-z]:[\\/]|\\\\)[^'\"]*)(?P=quote)"
    r"|(?P<done>/redacted(?:/\d+)?(?![\w/.-]))"
    rf"|(?P<url>(?<![a-z])[a-z]+://(?!/){_PART}+)"
    rf"|(?:(?<![\w./~\\])|(?<=-[A-Z]))(?P<bare>(?P<first>(?:(?:file://)?/|~[\w.-]*/){_PART}+){_MORE}"
    # On Windows names may have other signs.
    rf"|(?:[A-Za-z]:[\\/]|\\\\){_PART}+"
    rf"(?:(?:(?:, ?| )(?![A-Za-z]:[\\/])[^\s\\/\"'<>|*?,;]+){{1,6}}[\\/]{_PART}*)*{_LAST})"
    rf"|(?P<relative>{_UP}|{_DOWN}{_FILES})"
)
# A text that is nothing but one path with blanks or commas in it.
_WHOLE: Final = re.compile(
    rf"(?P<first>(?:/|~[\w.-]*/|[A-Za-z]:[\\/]|\\\\){_PART}+)(?:{_NEXT}+(?:[\\/]{_PART}*)?)+"
)
# In what a program calls its work: places that are somebody's. Some of their names may be those of layers,
# unless they begin the path; behind an option of a compiler, a colon or an underscore it begins, too.
_SOMEWHERE: Final = (
    rf"/(?:home\d*|Users|mnt|p?scratch|lustre|gpfs|nfs|fsx|Volumes)/{_PART}+{_MORE}"
    rf"|(?:(?<![A-Za-z0-9.</])|(?<=-[A-Za-z]))/(?:root|work|farm|tmp|data\d*|raid|workspace|var|media|srv|private|"
    rf"global|content|kaggle|job|jobs|projects?|export|u|net)/{_PART}+{_MORE}|~/{_PART}+{_MORE}"
    rf"|(?<![A-Za-z0-9])[A-Za-z]:(?:\\+|/+(?=Users/|home/)){_PART}+|\\\\[\w.$-]+\\{_PART}+"
)
_PRIVATE: Final = rf"{_SOMEWHERE}|{_UP}|{_DOWN}(?:{_SOURCES})(?![\w-])"
# Where source is kept its files are called as before, behind a folder that has as many letters as its own.
_SOURCE_FILE: Final = re.compile(rf"(?P<folder>.*)(?P<name>[\\/][^\\/]+\.(?:{_SOURCES}|ptx))", re.DOTALL)
_AS_LONG: Final = re.compile(rf"{PLACE}(?:/\d+)?|/0\d*")
# In machine code: texts as C has them.
_C_TEXT: Final = re.compile(rb"[\x20-\x7e\x80-\xff]{4,}(?=\0)")
_URL: Final = rf"(?P<url>(?<![A-Za-z0-9+])[A-Za-z][A-Za-z0-9+]*://{_PART}+)"
# What rules call caches, and no path: L2/L1/TEX.
_CACHES: Final = re.compile(r"/(?:L1|L2|TEX|DRAM)(?:/(?:L1|L2|TEX|DRAM))*")
# Pages of NVIDIA's, which its rules and messages name.
_EVERYBODYS_URL: Final = re.compile(r"https?://(?:[\w-]+\.)*nvidia\.com(?:/|$)")
_IPV4: Final = re.compile(r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?!\d|\.\d)")
_IPV6: Final = re.compile(
    r"(?<![A-Za-z0-9:.])(?:::)?[0-9A-Fa-f]{1,4}(?::{1,2}[0-9A-Fa-f]{1,4}){1,7}(?:(?:\.\d{1,3}){3}|::)?(?![A-Za-z0-9:])"
)
_MAC: Final = re.compile(
    r"(?<![\w:-])[0-9A-Fa-f]{2}(?:([:-])[0-9A-Fa-f]{2})(?:\1[0-9A-Fa-f]{2}){4,6}(?![\w:-])"
)
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}")
_OF_EVERYBODY: Final = frozenset({"127.0.0.1", "0.0.0.0", "255.255.255.255"})  # noqa: S104 - nothing is bound

_VARIABLE: Final = re.compile(r"(?:^|[\0\n;])([A-Za-z_][A-Za-z0-9_]*)=([^\0\n]*)")
_SECRET: Final = re.compile(
    r"(?i)token|secret|passw|passphrase|credential|api_?key|_key$|^key$|auth|cookie|(?:^|_)pass$|_pwd$|(?:^|_)pat$"
    r"|_dsn$|database_url|connection_?string|webhook"
)
# A password in an address, and the folders of a search path: a colon parts them, unless a drive has it.
_PASSWORD: Final = re.compile(r"://[^/\s:@]*:([^@\s/]+)@")
_FOLDERS: Final = re.compile(r"(?:(?<![^;,:])[A-Za-z]:[\\/])?[^;:,]+")
_PLACES: Final = re.compile(r"(?:(?<![^;:])[A-Za-z]:[\\/])?[^;:]+")
_USERS: Final = frozenset({"USER", "LOGNAME", "USERNAME", "SUDO_USER"})
_HOSTS: Final = frozenset({"HOSTNAME", "HOST", "COMPUTERNAME", "SLURMD_NODENAME"})
# What machines and users are called everywhere.
_NOBODY: Final = words(
    "root user linux localhost ubuntu nvidia cuda test admin python runner home vm main common current "
    "host data default guest kernel model train trainer worker debian windows local device gpu node "
    "server"
)
_SHORTEST_SECRET: Final = 8
_SHORTEST_WORD: Final = 3
_LONGEST_PATH: Final = 1000


@dataclass
class Facts:
    """What a file tells of whom it is about; it must not be found in any other text.

    Attributes:
        hosts: names of machines.
        users: names of users.
        roots: folders: homes, working directories, those on search paths.
        secrets: contents of variables that are called so.
    """

    hosts: set[str] = field(default_factory=set)
    users: set[str] = field(default_factory=set)
    roots: set[str] = field(default_factory=set)
    secrets: set[str] = field(default_factory=set)

    def environment(self, text: str) -> None:
        """Take what a block of variables tells, ``NAME=value`` behind zeros or newlines."""
        for name, value in _VARIABLE.findall(text):
            if not value:
                continue
            if name in _USERS:
                self.users.add(value)
            elif name in _HOSTS:
                self.hosts.add(value)
            elif _SECRET.search(name) and len(value) >= _SHORTEST_SECRET and not value.isdigit():
                self.secrets.add(value)
            if name in ("HOME", "USERPROFILE"):
                self.users.add(re.split(r"[\\/]", value.rstrip("\\/"))[-1])
            self.secrets.update(one for one in _PASSWORD.findall(value) if len(one) >= _SHORTEST_SECRET)
            # Whole, too: a comma may be part of a name.
            for part in {*_FOLDERS.findall(value), *_PLACES.findall(value)}:
                self.folder(part)

    def update(self, other: Facts) -> None:
        """Take what another file tells."""
        self.hosts |= other.hosts
        self.users |= other.users
        self.roots |= other.roots
        self.secrets |= other.secrets

    def folder(self, path: str) -> None:
        """Take a folder, unless it is everybody's."""
        path = path.rstrip("\\/")
        if len(re.findall(r"[\\/]+", path)) >= 2 and is_path(path) and not is_system(path + "/"):
            self.roots.add(path)


def is_path(text: str) -> bool:
    """Whether a whole text is a path."""
    return re.match(r"(?:file:/)?/[^/\s(]|~[\w.-]*/|[A-Za-z]:[\\/]|\\\\\w", text) is not None


def is_system(path: str) -> bool:
    """Whether a path is the same on every machine."""
    return bool(_SYSTEM.match(path)) and not _SOMEBODYS.search(path)


def is_environment(text: str) -> bool:
    """Whether a text is a block of variables."""
    return "\0" in text or len(_VARIABLE.findall(text)) >= 3


class Texts:
    """The rules for the texts of one file.

    Args:
        facts: what the file tells of whom it is about; what the files before it told holds for it, too.
        names: numbers of paths, pseudonyms.
        removed: where it is counted.
    """

    def __init__(self, facts: Facts, names: Names, removed: Removed) -> None:
        self.names = names
        self.removed = removed
        names.facts.update(facts)
        facts = names.facts
        hosts = _words(facts.hosts)
        users = _words(facts.users)
        rules = (
            (_either(facts.secrets), "removed", kinds.PASSWORD),
            (_whole(hosts), "host", kinds.HOST),
            (_whole(users), "user", kinds.USER),
        )
        self._words = [(pattern, instead, kind) for pattern, instead, kind in rules if pattern is not None]
        self._in_code = _in_code(facts.secrets | hosts | users)
        self._bytes = [word.lower().encode("utf-8", "replace") for word in facts.secrets | hosts | users]
        roots = sorted(facts.roots, key=len, reverse=True)
        found = [re.escape(root) + rf"(?![\w-]){_PART}*{_MORE}" for root in roots]
        self._roots = re.compile("|".join([*found, _PRIVATE]))
        # Those that a path in a sentence would end in the middle of.
        odd = [one for root, one in zip(roots, found, strict=True) if not re.fullmatch(f"{_PART}+", root)]
        self._odd = re.compile("|".join(odd)) if odd else None
        self._named = re.compile(f"{_URL}|{self._roots.pattern}")
        # Which files source includes stays.
        self._placed = re.compile("|".join([*found, _SOMEWHERE]))

    def has_word(self, content: bytes) -> bool:
        """Whether bytes may hold one of the names that go."""
        lower = content.lower()
        return any(word in lower for word in self._bytes)

    def free(self, text: str) -> str:
        """A sentence, or a value of any kind."""
        if "/" in text or "\\" in text:
            if (whole := _WHOLE.fullmatch(text)) and not (is_system(whole["first"]) or is_system(text)):
                return self.place(text)
            if self._odd is not None:
                text = self._odd.sub(self._root_in, text)
            text = _PATH.sub(self._path_in, text)
            text = self._roots.sub(self._root_in, text)
        return self._rest(text)

    def name(self, text: str) -> str:
        """What a program calls its work."""
        if "/" in text or "\\" in text:
            text = self._named.sub(self._root_in, text)
        return self._rest(text)

    def source(self, text: str) -> str:
        """Source code that is kept."""
        if "/" in text or "\\" in text:
            text = self._placed.sub(self._root_in, text)
        return self._rest(text)

    def machine_code(self, content: bytes) -> bytes:
        """Machine code that is kept: as many bytes, with the texts in it changed."""

        def text(found: re.Match[bytes]) -> bytes:
            # A letter for each byte.
            before = found[0].decode("latin-1")
            after = before
            if "/" in before or "\\" in before:
                if is_path(before):
                    after = before if is_system(before) else self._as_long(before)
                else:
                    after = self._named.sub(lambda one: self._as_long(one[0]), before)
            told = after.encode("latin-1")
            if self._in_code is not None:
                told = self._in_code.sub(lambda one: b"x" * len(one[0]), told)
            self.removed.add(kinds.PATH, int(told != found[0]))
            return told

        return _C_TEXT.sub(text, content)

    def path(self, text: str) -> str:
        """A path as a whole; a plain name stays."""
        if is_path(text):
            return text if is_system(text) else self.place(text)
        if "/" in text or "\\" in text:
            return self.place(text)
        return self._rest(text)

    def program(self, text: str) -> str:
        """The name of a program without its folder and its arguments."""
        found = re.split(r"[\\/]", text)[-1]
        if found != text:
            self.removed.add(kinds.PATH)
        if " " in found.strip():
            found = found.split()[0]
            self.removed.add(kinds.COMMAND_LINE)
        return self._words_in(found)

    def uuid(self, text: str) -> str:
        """A text whose UUIDs are nobody's."""
        return _UUID.sub(self._uuid, text)

    def numbered_uuid(self, known_by: str) -> str:
        """A UUID that is nobody's, in place of the one that is known by a text."""
        self.removed.add(kinds.IDENTIFIER)
        return f"{NO_UUID[:-12]}{self.names.identifier(known_by):012d}"

    def emptied(self, text: str, kind: str, instead: str = "") -> str:
        """Nothing, or what stands for it."""
        if text not in ("", instead):
            self.removed.add(kind)
            return instead
        return text

    def _rest(self, text: str) -> str:
        if ":" in text or "-" in text:
            text = _IPV6.sub(self._ipv6, _MAC.sub(self._mac, _UUID.sub(self._uuid, text)))
        return self._words_in(_IPV4.sub(self._ipv4, text))

    def _words_in(self, text: str) -> str:
        for pattern, instead, kind in self._words:
            text, count = pattern.subn(instead, text)
            self.removed.add(kind, count)
        return text

    def _path_in(self, found: re.Match[str]) -> str:
        if found["quote"]:
            return found["quote"] + self._one(found["quoted"]) + found["quote"]
        if found["url"]:
            return found["url"] if _EVERYBODYS_URL.match(found["url"]) else self.place(found["url"])
        if found["done"]:
            return found["done"]
        path = found["bare"] or found["relative"]
        if found["first"] and found["first"] != path and is_system(found["first"] + "/"):
            # What follows that of the system is no part of it.
            return found["first"] + _PATH.sub(self._path_in, path[len(found["first"]) :])
        return self._up_to_its_end(path)

    def _root_in(self, found: re.Match[str]) -> str:
        if found.groupdict().get("url"):
            return found[0] if _EVERYBODYS_URL.match(found[0]) else self.place(found[0])
        # Where programs are on Windows has a blank in it.
        if _SYSTEM.match(found.string, found.start()) and not _SOMEBODYS.search(found.string, found.start()):
            return found[0]
        # In a path of everybody's, which stays, there may be folders of such names.
        begin = re.search(rf"{_PART}*$", found.string[max(0, found.start() - _LONGEST_PATH) : found.start()])
        if begin and begin[0]:
            if _EVERYBODYS_URL.match(begin[0]):
                return found[0]
            first = re.match(rf"{_PART}*", found[0])
            assert first is not None
            if is_path(begin[0]) and is_system(begin[0] + first[0]):
                return first[0] + self._roots.sub(self._root_in, found[0][first.end() :])
        return self._up_to_its_end(found[0])

    def _up_to_its_end(self, path: str) -> str:
        kept = path.rstrip(".:")
        return self._one(kept) + path[len(kept) :]

    def _one(self, path: str) -> str:
        if is_system(path) or not path.strip("/\\") or _CACHES.fullmatch(path):
            return path
        return self.place(path)

    def place(self, path: str) -> str:
        """What stands for a path, whatever it looks like."""
        if _REPLACED.fullmatch(path):
            return path
        if self.names.keep_source and _SOURCE_FILE.fullmatch(path):
            found = self._as_long(path)
            self.removed.add(kinds.PATH, int(found != path))
            return found
        self.removed.add(kinds.PATH)
        return f"{PLACE}/{self.names.number(path)}"

    def _as_long(self, path: str) -> str:
        """What stands for a path where it must have as many letters: a file of source is called as before."""
        found = _SOURCE_FILE.fullmatch(path)
        folder, name = (found["folder"], found["name"]) if found else (path, "")
        if _AS_LONG.fullmatch(folder):
            return path
        number = self.names.number(folder)
        begin = f"{PLACE}/" if len(folder) > len(PLACE) + len(str(number)) else "/"
        return (begin + str(number).zfill(len(folder) - len(begin)))[: len(folder)] + name

    def _ipv4(self, found: re.Match[str]) -> str:
        if found[0] in _OF_EVERYBODY or any(int(part) > 255 for part in found[0].split(".")):
            return found[0]
        self.removed.add(kinds.ADDRESS)
        return "0.0.0.0"  # noqa: S104 - nothing is bound

    def _ipv6(self, found: re.Match[str]) -> str:
        # A namespace may be written in the digits of an address, but begins with none; 1::2 is a slice.
        parts = found[0].split(":")
        numbered = any(part[:1].isdigit() for part in parts) and max(map(len, parts)) > 2
        if len(parts[0]) != 4 and not numbered and len(parts) < 6:
            return found[0]
        try:
            ipaddress.IPv6Address(found[0])
        except ValueError:
            return found[0]
        self.removed.add(kinds.ADDRESS)
        return "::"

    def _mac(self, found: re.Match[str]) -> str:
        instead = re.sub(r"[0-9A-Fa-f]", "0", found[0])
        if instead != found[0]:
            self.removed.add(kinds.ADDRESS)
        return instead

    def _uuid(self, found: re.Match[str]) -> str:
        if found[0].startswith(NO_UUID[:-12]):
            return found[0]
        return self.numbered_uuid(found[0].lower())


def _in_code(words: Iterable[str]) -> re.Pattern[bytes] | None:
    """Names among the bytes of texts, not within other words."""
    found = sorted(
        (re.escape(word.encode("utf-8", "replace")) for word in words), key=lambda one: (-len(one), one)
    )
    either = b"|".join(found)
    pattern = rb"(?<![A-Za-z0-9])(?:" + either + rb")(?![A-Za-z0-9])"
    return re.compile(pattern, re.IGNORECASE) if found else None


def _words(names: Iterable[str]) -> set[str]:
    """Names that tell whose they are, and the first part of those of a domain."""
    words = {name for name in names if name}
    words |= {name.split(".")[0] for name in words}
    return {
        word
        for word in words
        if len(word) >= _SHORTEST_WORD and not word.isdigit() and word.lower() not in _NOBODY
    }


def _either(words: Iterable[str]) -> re.Pattern[str] | None:
    ordered = sorted(map(re.escape, words), key=lambda word: (-len(word), word))
    return re.compile("|".join(ordered)) if ordered else None


def _whole(words: Iterable[str]) -> re.Pattern[str] | None:
    """Names however they are written, but not within other words."""
    either = _either(words)
    return either and re.compile(rf"(?<![A-Za-z0-9])(?:{either.pattern})(?![A-Za-z0-9])", re.IGNORECASE)
