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
NO_UUID: Final = "00000000-0000-0000-0000-000000000000"

# Folders of the system, and of NVIDIA's tools: the same on every machine.
_SYSTEM: Final = re.compile(
    r"/(?:usr/(?!home|people|local/home)|lib(?:32|64|x32)?/|s?bin/|proc/(?!\d)|sys/|etc/ld\.so|opt/nvidia/|"
    r"dev/(?:nvidia|null|zero|shm$|dri/)|SYSV)"
    r"|[A-Za-z]:[\\/](?:Windows|WINDOWS|Program Files(?: \(x86\))?)[\\/]"
)
# Which may hold somebody's home all the same.
_SOMEBODYS: Final = re.compile(r"(?i)[\\/](?:home|users|\.\.)[\\/]")
_PART: Final = r"[^\s\"'`<>|*?;,(){}\[\]\0]"
# A path in quotes ends with them; any other at the next blank, quote or bracket.
_PATH: Final = re.compile(
    r"(?P<quote>['\"])(?P<quoted>(?:file:/|/|~/|[A-Za-z]:[\\/]|\\\\)[^'\"]*)(?P=quote)"
    rf"|(?P<url>[a-z]+://(?!/){_PART}+)|(?<![\w./~\\])(?P<bare>(?:file://)?/{_PART}+|~/{_PART}+"
    # On Windows names may have blanks, if the path goes on.
    rf"|(?:[A-Za-z]:[\\/]|\\\\){_PART}+(?: [^\s\\\"'<>|*?]*\\{_PART}*)*)"
)
# In what a program calls its work: places that are somebody's.
_PRIVATE: Final = re.compile(
    r"(?<![\w.<:/])/(?:home|root|Users|work|farm|tmp|mnt|data\d*|scratch|lustre|nfs|raid|workspace|var|media|srv|"
    rf"private|gpfs|pscratch|global|content|kaggle|job|jobs|projects?)/{_PART}+|~/{_PART}+"
    rf"|(?<!\w)[A-Za-z]:[\\/]+Users[\\/]+{_PART}+"
)
# What rules call caches, and no path: L2/L1/TEX.
_CACHES: Final = re.compile(r"/(?:L1|L2|TEX|DRAM)(?:/(?:L1|L2|TEX|DRAM))*")
# Pages of NVIDIA's, which its rules and messages name.
_EVERYBODYS_URL: Final = re.compile(r"https?://(?:[\w-]+\.)*nvidia\.com(?:/|$)")
_IPV4: Final = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w.]|\.\d)")
_IPV6: Final = re.compile(r"(?<![\w:.])[0-9A-Fa-f]{1,4}(?::{1,2}[0-9A-Fa-f]{1,4}){1,7}(?:::)?(?![\w:])")
_MAC: Final = re.compile(
    r"(?<![\w:-])[0-9A-Fa-f]{2}(?:([:-])[0-9A-Fa-f]{2})(?:\1[0-9A-Fa-f]{2}){4,6}(?![\w:-])"
)
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}")
_OF_EVERYBODY: Final = frozenset({"127.0.0.1", "0.0.0.0", "255.255.255.255"})  # noqa: S104 - nothing is bound

_VARIABLE: Final = re.compile(r"(?:^|[\0\n;])([A-Za-z_][A-Za-z0-9_]*)=([^\0\n]*)")
_SECRET: Final = re.compile(r"(?i)token|secret|passw|passphrase|credential|api_?key|_key$|^key$|auth|cookie")
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
            for part in re.split(r"[:;,]", value):
                self.folder(part)

    def folder(self, path: str) -> None:
        """Take a folder, unless it is everybody's."""
        path = path.rstrip("/")
        if path.count("/") >= 2 and is_path(path) and not is_system(path + "/"):
            self.roots.add(path)


def is_path(text: str) -> bool:
    """Whether a whole text is a path."""
    return re.match(r"(?:file:/)?/[^/\s(]|~/|[A-Za-z]:[\\/]|\\\\\w", text) is not None


def is_system(path: str) -> bool:
    """Whether a path is the same on every machine."""
    return bool(_SYSTEM.match(path)) and not _SOMEBODYS.search(path)


def is_environment(text: str) -> bool:
    """Whether a text is a block of variables."""
    return "\0" in text or len(_VARIABLE.findall(text)) >= 3


class Texts:
    """The rules for the texts of one file.

    Args:
        facts: what the file tells of whom it is about.
        names: numbers of paths, pseudonyms.
        removed: where it is counted.
    """

    def __init__(self, facts: Facts, names: Names, removed: Removed) -> None:
        self.names = names
        self.removed = removed
        hosts = _words(facts.hosts)
        self._words = [
            (pattern, instead, kind)
            for found, instead, kind in (
                (facts.secrets, "removed", kinds.PASSWORD),
                (hosts, "host", kinds.HOST),
                (_words(facts.users), "user", kinds.USER),
            )
            if (pattern := _either(found))
        ]
        self._bytes = [
            word.encode("utf-8", "replace") for word in facts.secrets | hosts | _words(facts.users)
        ]
        roots = sorted(facts.roots, key=len, reverse=True)
        self._roots = re.compile(
            "|".join([*(re.escape(root) + rf"(?![\w-]){_PART}*" for root in roots), _PRIVATE.pattern])
        )

    def has_word(self, content: bytes) -> bool:
        """Whether bytes may hold one of the names that go."""
        return any(word in content for word in self._bytes)

    def free(self, text: str) -> str:
        """A sentence, or a value of any kind."""
        if "/" in text or "\\" in text:
            text = _PATH.sub(self._path_in, text)
        return self._rest(text)

    def name(self, text: str) -> str:
        """What a program calls its work."""
        if "/" in text or "\\" in text:
            text = self._roots.sub(lambda found: self.place(found[0]), text)
        return self._words_in(_MAC.sub(self._mac, _IPV4.sub(self._ipv4, text)))

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
        path = found["bare"].rstrip(".:")
        return self._one(path) + found["bare"][len(path) :]

    def _one(self, path: str) -> str:
        if is_system(path) or not path.strip("/\\") or _CACHES.fullmatch(path):
            return path
        return self.place(path)

    def place(self, path: str) -> str:
        """What stands for a path, whatever it looks like."""
        if path.startswith(PLACE):
            return path
        self.removed.add(kinds.PATH)
        return f"{PLACE}/{self.names.number(path)}"

    def _ipv4(self, found: re.Match[str]) -> str:
        if found[0] in _OF_EVERYBODY or any(int(part) > 255 for part in found[0].split(".")):
            return found[0]
        self.removed.add(kinds.ADDRESS)
        return "0.0.0.0"  # noqa: S104 - nothing is bound

    def _ipv6(self, found: re.Match[str]) -> str:
        # A namespace of C++ may be written in the digits of an address.
        if len(found[0].split(":")[0]) != 4 and found[0].count(":") < 5:
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
        if found[0].startswith(NO_UUID[:-4]):
            return found[0]
        self.removed.add(kinds.IDENTIFIER)
        return f"{NO_UUID[:-4]}{self.names.number(found[0]) & 0xFFFF:04x}"


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
    ordered = sorted(map(re.escape, words), key=len, reverse=True)
    return re.compile(rf"(?<![A-Za-z0-9])(?:{'|'.join(ordered)})(?![A-Za-z0-9])") if ordered else None
