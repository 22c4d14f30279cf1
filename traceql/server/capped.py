"""As much of an answer as a reader without a screen can use; the rest is counted."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from traceql.present import formats

if TYPE_CHECKING:
    import pyarrow as pa

#: Rows that are told if nothing else is asked for, and at most.
ROWS, MOST_ROWS = 50, 1_000
#: Characters of all rows together, and of one text in them.
CHARACTERS, CELL_CHARACTERS = 60_000, 2_000


def rows(table: pa.Table, most: int = ROWS, total: int | None = None) -> dict[str, Any]:
    """The first rows of a table, and how many there are.

    Args:
        table: the rows.
        most: of them that are told.
        total: how many there are of which the table may be a part; None for those of the table.

    Returns:
        columns, rows, total_rows, and shown_rows with a hint where these are fewer.
    """
    told: list[dict[str, Any]] = []
    used = 0
    for text in formats.json_rows(table.slice(0, most)):
        row = {name: _cut(value) for name, value in json.loads(text).items()}
        used += len(json.dumps(row, ensure_ascii=False))
        if told and used > CHARACTERS:
            break
        told.append(row)
    there = table.num_rows if total is None else total
    found: dict[str, Any] = {"columns": table.column_names, "rows": told, "total_rows": there}
    if len(told) < there:
        hint = "Narrow it (parameters, WHERE, LIMIT), or add it up, rather than reading all rows."
        found |= {"shown_rows": len(told), "hint": hint}
    return found


def _cut(value: Any) -> Any:
    if isinstance(value, str) and len(value) > CELL_CHARACTERS:
        return f"{value[:CELL_CHARACTERS]}… ({len(value):,} characters)"
    if isinstance(value, list):
        return [_cut(one) for one in value]
    return {key: _cut(one) for key, one in value.items()} if isinstance(value, dict) else value
