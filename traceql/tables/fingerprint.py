"""What the stored rows mean, in short: a hash of all tables and of the SQL that fills them.

``schema.FINGERPRINT`` records it: who changes a table or a normalising step is asked whether rows of
databases that exist still mean the same. ``python -m traceql.tables.fingerprint`` prints today's.
"""

from __future__ import annotations

import hashlib
import re
import sys
from typing import TYPE_CHECKING

from traceql.tables import normalise, schema

if TYPE_CHECKING:
    from collections.abc import Iterator

# Texts and quoted names stay as they are; comments are white space, and white space counts once.
_LEXED = re.compile(r"('[^']*'|\"[^\"]*\")|(?:--[^\n]*|/\*.*?\*/|\s)+", re.DOTALL)


def today() -> str:
    """The fingerprint of the tables and normalising steps as they are."""
    return hashlib.sha256("\n".join(_lines()).encode()).hexdigest()[:16]


def _lines() -> Iterator[str]:
    for table in schema.TABLES:
        yield f"{table.name}: {', '.join(f'{column.name} {column.type}' for column in table.columns)}"
    for kind in normalise.STEPS:
        for step in normalise.steps(kind):
            yield f"{step.label}: {plain(step.sql)}"
            # Without these a step leaves its tables as they are.
            needed = [
                f"{view.name}.{'|'.join(column.names) if column else '*'}" for view, column in step.of.items()
            ]
            needed += [step.when] if step.when else []
            yield f"of {' '.join(needed)}"
            for view in step.views:
                columns = [f"{'|'.join(column.names)} {column.type}" for column in view.columns]
                columns += [f"{view.numbered} number"] if view.numbered else []
                columns += [f"only {view.only}"] if view.only else []
                yield f"{'|'.join(view.tables)}: {', '.join(columns)}"


def plain(sql: str) -> str:
    r"""SQL without comments, and with one space where there was any white space.

    >>> plain("SELECT '--  x'  -- why\n  FROM t")
    "SELECT '--  x' FROM t"
    """
    return _LEXED.sub(lambda match: match[1] or " ", sql).strip()


if __name__ == "__main__":
    sys.stdout.write(f"{today()}\n")
