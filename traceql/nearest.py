"""Names that a misspelt one may mean: one way to guess, for whatever has names."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

# So many are offered.
_MOST: Final = 3
# Characters that a name may hold by chance.
_FEW: Final = 2
# Of names with thousands of characters, these tell them apart.
_LONGEST: Final = 200
# As difflib counts, from 0 to 1: the share of characters that are in both, in the same order.
_ALIKE: Final = 0.6
# As much of the beginning of a name says less.
_ALIKE_IN_PART: Final = 0.8


def nearest(wanted: str, known: Iterable[str]) -> list[str]:
    """The names that a misspelt one may mean: those that hold it, else those that look most like it.

    Case does not matter, nor which of hyphen and underscore it is.

    Args:
        wanted: the name, or a pattern of names.
        known: the names that there are.

    >>> nearest("gather", ["vectorized_gather_kernel", "fill", "GATHER"])
    ['GATHER', 'vectorized_gather_kernel']
    >>> nearest("rms-nrom", ["rms_norm", "fill"])
    ['rms_norm']
    >>> nearest("nam", ["dynamic_shared_bytes", "name"])
    ['name']
    >>> nearest("execute_contxt", ["execute_context_0(0)_generation_8(8)", "forward"])
    ['execute_context_0(0)_generation_8(8)']
    >>> nearest("x", ["export"])
    []
    """
    word = _plain(wanted.strip("*%?"))
    by_plain: dict[str, str] = {}
    for name in known:
        by_plain.setdefault(_plain(name), name)
    holding = [name for name in by_plain if word in name] if len(word) > _FEW else []
    # Where a word begins, it is hardly there by chance.
    beginning = [name for name in holding if re.search(rf"(?<![a-z0-9]){re.escape(word)}", name)]
    if holding := beginning or holding:
        return [by_plain[name] for name in sorted(holding, key=lambda name: (len(name), name))[:_MOST]]
    # Whoever makes no mistake does without.
    import difflib

    close = difflib.get_close_matches(word, by_plain, n=_MOST, cutoff=_ALIKE)
    if not close and len(word) > _FEW:
        # Of long names, as with arguments behind them, people write the beginning.
        beginnings: dict[str, str] = {}
        for name in by_plain:
            beginnings.setdefault(name[: len(word)], name)
        found = difflib.get_close_matches(word, beginnings, n=_MOST, cutoff=_ALIKE_IN_PART)
        close = [beginnings[one] for one in found]
    return [by_plain[name] for name in close]


def did_you_mean(wanted: str, known: Iterable[str], shown: Callable[[str], str] = str) -> str:
    """The question with which a remedy begins, and a space behind it; empty where nothing is near.

    Args:
        wanted: the name that there is not.
        known: the names that there are.
        shown: how a name is written.

    >>> did_you_mean("quer", ["query", "ls"])
    'Did you mean query? '
    >>> did_you_mean("quer", ["ls"])
    ''
    """
    *others, last = [shown(name) for name in nearest(wanted, known)] or [""]
    names = f"{', '.join(others)} or {last}" if others else last
    return f"Did you mean {names}? " if names else ""


def _plain(name: str) -> str:
    return name[:_LONGEST].lower().replace("-", "_")
