"""What stands for names in all files of a call: numbers of paths, pseudonyms of kernels and ranges."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from typing import TYPE_CHECKING, Final

from traceql.share.redact import removed as kinds
from traceql.share.redact.texts import Facts

if TYPE_CHECKING:
    from collections.abc import Iterable

    from traceql.share.redact.removed import Removed

#: Options of ncu that select by names, as `traceql.read.ncu_rep.options` and a trace's settings call them.
FILTERS: Final = frozenset({"kernel_name", "nvtx_include", "nvtx_exclude", "range_filter"})

# Kind of name → what its pseudonyms begin with.
_PREFIX: Final = {kinds.KERNEL: "kernel_", kinds.RANGE: "range_", kinds.FUNCTION: "function_"}
_DIGITS: Final = 12


class Names:
    """The names of one call.

    Args:
        pseudonyms: whether names of kernels, ranges and functions are replaced at all.
        keep: patterns of names that stay: ``*`` or ``%`` stands for any characters, ``?`` for one.
        key: decides the pseudonyms, the same in every call that is given it; None for one of this call alone.
    """

    def __init__(self, *, pseudonyms: bool = False, keep: Iterable[str] = (), key: str | None = None) -> None:
        self.pseudonyms = pseudonyms
        #: What the files of the call told so far of whom they are about.
        self.facts = Facts()
        self._keep = [_pattern(one) for one in keep]
        self._key = secrets.token_bytes(32) if key is None else key.encode("utf-8", "surrogateescape")
        self._numbers: dict[str, int] = {}

    def number(self, path: str) -> int:
        """The number of a path or identifier, from 1, in the order in which they are met."""
        return self._numbers.setdefault(path, len(self._numbers) + 1)

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
        removed.add(kind)
        digest = hmac.new(self._key, name.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()
        return _PREFIX[kind] + digest[:_DIGITS]

    def keeps(self, name: str) -> bool:
        """Whether one of the patterns says that a name stays."""
        return any(pattern.fullmatch(name) for pattern in self._keep)


def _pattern(text: str) -> re.Pattern[str]:
    """A pattern as the questions have them."""
    parts = {"*": ".*", "%": ".*", "?": "."}
    return re.compile("".join(parts.get(letter) or re.escape(letter) for letter in text), re.DOTALL)
