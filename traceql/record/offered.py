"""Which options the profiler at hand has: its help says so, for they differ from version to version."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from traceql.errors import CollectError
from traceql.record.tools import HOW_TO_GET, find, said, tool_version

if TYPE_CHECKING:
    from collections.abc import Mapping

    from traceql.record.tools import Tool

_ASK: dict[Tool, tuple[str, ...]] = {"nsys": ("profile", "--help"), "ncu": ("--help",)}
# "  -c [ --launch-count ] arg" of ncu, "\t-o, --output=" of nsys; what is said of it is indented further.
_HEADING = re.compile(r"^(?: {1,4}|\t)(?:-\w(?:, | \[ ))?(--[a-z][\w-]+)", re.MULTILINE)
# A value stands alone in its line, or in quotes; what else a paragraph says is prose.
_VALUE: dict[Tool, re.Pattern[str]] = {
    "nsys": re.compile(r"'([a-z][\w-]*)"),
    "ncu": re.compile(r"^\s+([a-z][\w-]*)(?: \(default\))?\s*$", re.MULTILINE),
}

# Of others, what stands in their paragraphs are examples, or takes further forms.
_CHOICES = frozenset(
    (
        "--cache-control",
        "--capture-range-end",
        "--clock-control",
        "--cuda-graph-trace",
        "--graph-profiling",
        "--replay-mode",
    )
)


@dataclass(frozen=True)
class Offered:
    """The options of one version.

    Attributes:
        tool: the profiler.
        version: its version; None if not known.
        values: option → the values that its help names; none where it names none.
    """

    tool: Tool
    version: str | None
    values: Mapping[str, frozenset[str]]

    def has(self, option: str) -> bool:
        """Whether it has an option, and the value if there is one among several.

        >>> values = {"--replay-mode": frozenset({"kernel", "application"}), "--nvtx": frozenset()}
        >>> old = Offered("ncu", "2020.2", values)
        >>> [old.has(option) for option in ("--replay-mode=range", "--nvtx", "--nvtx=on", "--import-sass=no")]
        [False, True, True, False]
        """
        name, _, value = option.partition("=")
        if name not in self.values:
            return False
        known = self.values[name] if name in _CHOICES else frozenset()
        # repeat:3 is a repeat.
        return not known or value.partition(":")[0] in known

    def lacks(self, option: str) -> CollectError:
        """What is said to whom asks for an option that it does not have."""
        return CollectError(
            f"{self.tool} {self.version or 'of this version'} has no {option}",
            f"Do without it, or install a newer version. {HOW_TO_GET[self.tool]}",
        )


def ask(tool: Tool) -> Offered | None:
    """The options of the profiler at hand; None where there is none, or its help says nothing."""
    try:
        return _asked(tool, find(tool))
    except CollectError:
        return None


@cache
def _asked(tool: Tool, place: str) -> Offered | None:
    text = said([place, *_ASK[tool]])
    return parsed(tool, text, tool_version(tool)) if text else None


def parsed(tool: Tool, text: str, version: str | None) -> Offered | None:
    """The options of a help text; None if it names none."""
    headings = list(_HEADING.finditer(text))
    values = {}
    for heading, following in itertools.zip_longest(headings, headings[1:]):
        paragraph = text[heading.end() : following.start() if following else len(text)]
        values[heading[1]] = frozenset(_VALUE[tool].findall(paragraph))
    return Offered(tool, version, values) if values else None
