"""What stands for names in all files of a call: numbers of paths, pseudonyms of kernels and ranges."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from typing import TYPE_CHECKING, Any, Final

from traceql.share.redact import removed as kinds
from traceql.share.redact.texts import Facts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from traceql.share.redact.removed import Removed

#: Options of ncu that select by names, as `traceql.read.ncu_rep.options` and a trace's settings call them.
FILTERS: Final = frozenset({"kernel_name", "nvtx_include", "nvtx_exclude", "range_filter"})

# Kind of name → what its pseudonyms begin with.
_PREFIX: Final = {kinds.KERNEL: "kernel_", kinds.RANGE: "range_", kinds.FUNCTION: "function_"}
_DIGITS: Final = 12
#: What the tools write where a function has no name: its address, or a word of theirs.
NAMELESS: Final = re.compile(r"0x[0-9a-fA-F]{1,16}|\[[\w. ]+\]|<Unknown>")


class Names:
    """The names of one call.

    Args:
        pseudonyms: whether names of kernels, ranges and functions are replaced at all.
        keep: patterns of names that stay: ``*`` or ``%`` stands for any characters, ``?`` for one.
        key: decides the pseudonyms, and the numbers of paths and UUIDs: the same in every call that is given
            it. None for pseudonyms and UUIDs of this call alone, and for numbers of paths from 1.
        drop: patterns of tables and options of an export that are left out if they are not nsys's.
        keep_source: whether source files, PTX and machine code stay; not with `pseudonyms`, whose names they
            tell.
    """

    def __init__(
        self,
        *,
        pseudonyms: bool = False,
        keep: Iterable[str] = (),
        key: str | None = None,
        drop: Iterable[str] = (),
        keep_source: bool = False,
    ) -> None:
        self.pseudonyms = pseudonyms
        self.keep_source = keep_source
        #: What the files of the call told so far of whom they are about.
        self.facts = Facts()
        self._kept = list(keep)
        self._keep = [_pattern(one) for one in self._kept]
        self._dropped = list(drop)
        self._drop = [_pattern(one) for one in self._dropped]
        self._key = secrets.token_bytes(32) if key is None else key.encode("utf-8", "surrogateescape")
        self._is_keyed = key is not None
        self._numbers: dict[str, int] = {}

    def state(self) -> dict[str, Any]:
        """All that they are, for another process."""
        facts = {name: sorted(told) for name, told in vars(self.facts).items()}
        return {
            "pseudonyms": self.pseudonyms,
            "keep_source": self.keep_source,
            "keep": self._kept,
            "drop": self._dropped,
            "key": self._key.hex(),
            "keyed": self._is_keyed,
            "numbers": self._numbers,
            "facts": facts,
        }

    def become(self, state: Mapping[str, Any]) -> None:
        """Be as those of another process are, which its `state` tells."""
        self.pseudonyms = state["pseudonyms"]
        self.keep_source = state["keep_source"]
        self._kept = state["keep"]
        self._keep = [_pattern(one) for one in self._kept]
        self._dropped = state["drop"]
        self._drop = [_pattern(one) for one in self._dropped]
        self._key = bytes.fromhex(state["key"])
        self._is_keyed = state["keyed"]
        self._numbers = state["numbers"]
        self.facts = Facts(**{name: set(told) for name, told in state["facts"].items()})

    def number(self, path: str) -> int:
        """The number of a path, of up to twelve digits.

        Without a key from 1, in the order in which they are met. With a key it follows from the path, so that
        reports of one job can be redacted one by one: what two of them name has one number, and nothing else
        has it but by a chance of less than one in a million among a thousand.
        """
        if path not in self._numbers:
            self._numbers[path] = self.identifier(path) if self._is_keyed else len(self._numbers) + 1
        return self._numbers[path]

    def identifier(self, known_by: str) -> int:
        """The number in a UUID, of up to twelve digits: of two calls with one key the same, else another.

        Not from 1 in any call, for reports meet in one database that were redacted in different ones: two
        GPUs with one number would be one.
        """
        return int(self._digest("number", known_by), 16) % 10**_DIGITS

    def pseudonym(self, name: str, kind: str, removed: Removed) -> str:
        """What a name is called instead.

        A name cannot be found from it without the key, and not be guessed by trying names either.

        Args:
            name: without what is private in it.
            kind: `removed.KERNEL`, `removed.RANGE` or `removed.FUNCTION`.
            removed: where it is counted.
        """
        if not self.pseudonyms or not name or self.keeps(name) or name.startswith(_PREFIX[kind]):
            return name
        if kind != kinds.RANGE and NAMELESS.fullmatch(name):
            return name
        removed.add(kind)
        return _PREFIX[kind] + self._digest("", name)[:_DIGITS]

    def _digest(self, of: str, text: str) -> str:
        message = f"{of}\0{text}" if of else text
        return hmac.new(self._key, message.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()

    def keeps(self, name: str) -> bool:
        """Whether one of the patterns says that a name stays."""
        return any(pattern.fullmatch(name) for pattern in self._keep)

    def drops(self, name: str) -> bool:
        """Whether one of the patterns says that a table or an option that is not nsys's is left out."""
        return any(pattern.fullmatch(name) for pattern in self._drop)


def _pattern(text: str) -> re.Pattern[str]:
    """A pattern as the questions have them."""
    parts = {"*": ".*", "%": ".*", "?": "."}
    return re.compile("".join(parts.get(letter) or re.escape(letter) for letter in text), re.DOTALL)
