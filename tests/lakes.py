"""What tests of lakes share: a file and a lake that hold the same, and whether they answer the same."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

from traceql.errors import TraceqlError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import polars as pl

    from traceql import Answer, Database

# Numbers that are added up as floating-point ones differ in their last digits with the order in which the database's
# threads come to them: asked twice, one file of a million rows differs as much.
_RELATIVE = 1e-12


def outcome(ask: Callable[[], Any]) -> Any:
    """What asking returns, or the words in which it is refused."""
    try:
        return ask()
    except TraceqlError as error:
        return f"{type(error).__name__}: {error}"


def assert_same(one: Answer | str, other: Answer | str) -> None:
    """Both answers have the same rows in the same order, and the same is said about them."""
    if isinstance(one, str) or isinstance(other, str):
        assert one == other
        return
    assert [(note.code, note.text) for note in one.notes] == [(note.code, note.text) for note in other.notes]
    assert one.total_rows == other.total_rows
    assert one.table.schema == other.table.schema
    # Row by row in Python only where something differs, as numbers in their last digits may.
    if not one.table.equals(other.table):
        assert_rows_alike(one.table.to_pylist(), other.table.to_pylist())


def assert_rows_alike(rows: Sequence[Any], others: Sequence[Any]) -> None:
    """Equal values everywhere, but for the last digits of floating-point numbers."""
    assert len(rows) == len(others)
    for row, other in zip(rows, others, strict=True):
        assert alike(row, other), (row, other)


def alike(one: Any, other: Any) -> bool:
    """Whether two values are equal, but for the last digits of floating-point numbers in them."""
    if isinstance(one, float) and isinstance(other, float):
        return one == other or math.isclose(one, other, rel_tol=_RELATIVE) or (one != one and other != other)
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(alike(one[name], other[name]) for name in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(alike, one, other))
    return bool(one == other)


def pages_alike(one: str, other: str) -> bool:
    """Whether two pages are equal, but for when they were made and the last digits of floating-point numbers."""
    return alike(_taken_apart(one), _taken_apart(other))


def _taken_apart(page: str) -> list[str | float]:
    """Its text and, at every second place, the numbers in it; data are named after what they hold."""
    plain = re.sub(r"data-[0-9a-f]{32}", "data", re.sub(r"\d\d:\d\d UTC", "", page))
    found: list[str | float] = [*re.split(r"(?<![\w.])(-?\d+\.\d+(?:e[-+]?\d+)?)(?![\w.])", plain)]
    found[1::2] = map(float, found[1::2])
    return found


def content(database: Database, table: str) -> pl.DataFrame:
    """Every row of a table, in an order that does not hang on how they are stored."""
    columns = database.sql(f"FROM {table} LIMIT 0").columns
    return database.sql(f"FROM {table} ORDER BY {', '.join(f'{name}::VARCHAR' for name in columns)}")
