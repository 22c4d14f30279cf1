"""Which reports a command will read, guessed from its words before all that it needs is imported."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# What is asked for with these needs no decoder, or another one, or one of another process.
_OTHERWISE: Final = ("-h", "--help", "--via", "--scheduler")
# What these are given is made, or sent elsewhere.
_NEVER: Final = frozenset({"collect", "completion", "mcp"})


def reports(words: Sequence[str]) -> list[str]:
    """The words of a command line that probably name reports to be decoded.

    All that ``ingest`` is given; else files that are called like reports, unless they were read before.

    Args:
        words: of the command line, the command first.
    """
    command, given = words[:1], [word for word in words[1:] if not word.startswith("-")]
    if not given or any(word.startswith(_OTHERWISE) for word in words) or _NEVER.intersection(command):
        return []
    if command == ["ingest"]:
        return given
    there = [word for word in given if os.path.isfile(word)]  # noqa: PTH113 - pathlib is not imported yet
    if not there:
        return []
    from traceql.read import formats, kept

    suffixes = tuple(suffix for reader in formats.READERS for suffix in reader.suffixes)
    named = [word for word in there if any(suffix in word.lower() for suffix in suffixes)]
    known = kept.names_of_reports() if named else ""
    return [word for word in named if not any(f'"{name}"' in known for name in _names(word))]


def _names(report: str) -> Iterator[str]:
    """What the trace of a report may be called: its file's name up to any dot, and all of it."""
    name = os.path.basename(report)  # noqa: PTH119
    yield name
    while "." in name:
        name = name.rpartition(".")[0]
        yield name
