"""Tables of older versions → those of today: what they hold, said once, for reading and for upgrading.

A folder ``from_N`` holds a SQL file for each table that version N + 1 holds otherwise: a SELECT over
``old.TABLE``, the tables of version N. Read-only, the SELECT is a view in place of the table; an upgrade
fills the new table with its rows. Tables without a file are the same in both versions; those that the next
version does without are listed here, and those that are new in it, and of which the older one holds nothing.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from traceql.tables import rules, schema, sqlfiles

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

#: The oldest version that can still be read.
OLDEST = 1

#: Version → its tables that the next one does without.
DROPPED = MappingProxyType({1: ("gpu_specs",), 2: ("startend_kernels",)})

#: Version → tables of the next one that nothing in its own tells; those of which something does have a file.
NEW = MappingProxyType(
    {
        2: (
            *("memory_events", "metric_instances", "sass_instructions", "focus_metrics", "source_markers"),
            "launch_stacks",
        ),
        3: (
            *("cpu_samples", "python_samples", "thread_states", "call_stacks", "event_records"),
            *("memory_pool_events", "library_calls", "library_messages", "directives", "profiler_overhead"),
            *("counter_samples", "gpu_context_switches", "streams", "generic_events"),
        ),
        5: ("contexts", "graph_events"),
    }
)

# As the files say it of a table.
_NOT_STORED = " (not stored by an older traceql)"


def selects(version: int, prefix: str) -> dict[str, str]:
    """Table of today's version → a SELECT that makes it of a database of an older one; none for today's.

    Args:
        version: of the database.
        prefix: what names of tables of the database begin with, for example ``"traces".main.``.
    """
    made: dict[str, str] = {}
    for step in range(version, schema.SCHEMA_VERSION):
        # A table without rows is one of today from the start: nothing becomes of it in later steps.
        new = {name for earlier in range(version, step) for name in NEW.get(earlier, ())}
        made |= {name: over(sql, made, prefix) for name, sql in _files(step).items() if name not in new}
        made |= {name: _without_rows(schema.BY_NAME[name]) for name in NEW.get(step, ())}
    return made


def not_stored(unread: Iterable[str] | None) -> list[str]:
    """The tables that ``traces.unread`` names because the older version did not have them."""
    return [text.removesuffix(_NOT_STORED) for text in unread or () if text.endswith(_NOT_STORED)]


def recorded(unread: Iterable[str] | None) -> list[str]:
    """What else ``traces.unread`` names: what the report holds and is not read."""
    return [text for text in unread or () if not text.endswith(_NOT_STORED)]


def over(sql: str, earlier: Mapping[str, str], prefix: str) -> str:
    """A SELECT over what earlier ones make of the tables ``old.TABLE``, or over the tables themselves."""

    def old(match: re.Match[str]) -> str:
        return f"({earlier[match[1]]})" if match[1] in earlier else f"{prefix}{match[1]}"

    return re.sub(r"\bold\.(\w+)", old, sql)


def _without_rows(table: schema.Table) -> str:
    columns = ", ".join(f"NULL::{column.type} AS {column.name}" for column in table.columns)
    return f"SELECT {columns} WHERE false"


@cache
def _files(version: int) -> dict[str, str]:
    folder = Path(__file__).parent / f"from_{version}"
    there = folder.iterdir() if folder.is_dir() else ()
    files = sorted((f for f in there if f.name.endswith(".sql")), key=lambda f: f.name)
    parsed = {f.stem: sqlfiles.untagged(f, f"migrations/from_{version}/{f.name}") for f in files}
    return {name: rules.applied(sql) for name, sql in parsed.items()}
