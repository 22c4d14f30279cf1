"""Tables that somebody brings to be asked: of polars, pandas or Arrow, or an answer; each by its name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from traceql.errors import QueryError
from traceql.present.values import printable
from traceql.tables import schema

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

    import pyarrow as pa

_TAKES = "Frames of polars and pandas, tables of Arrow and answers can be asked, and whatever else is Arrow."


def tables(frames: Mapping[str, Any], taken: Container[str]) -> dict[str, pa.Table]:
    """Arrow tables of frames, by name.

    Args:
        frames: what has ``__arrow_c_stream__``, the interface of Arrow for that, or is a lazy frame.
        taken: names of views and macros, beside those of tables.

    Raises:
        QueryError: a name is no word, or means something else already; or something is no table.
    """
    found = {}
    for name, frame in frames.items():
        if not name.isidentifier():
            raise QueryError(
                f"frame {printable(name)!r}: no name for a table", "Letters, digits and _ make one."
            )
        # DuckDB does not tell upper case from lower.
        lower = name.lower()
        if lower in schema.BY_NAME or lower in schema.SHIPPED or lower in taken:
            raise QueryError(
                f"frame {name}: traceql calls something else so",
                "Give it another name. All tables and views: traceql schema",
            )
        found[name] = _table(name, frame)
    return found


def _table(name: str, frame: Any) -> pa.Table:
    import polars as pl
    import pyarrow as pa

    if isinstance(frame, pl.LazyFrame):
        frame = frame.collect()
    if isinstance(frame, pl.DataFrame) and (objects := frame.select(pl.col(pl.Object)).columns):
        # Polars hands on where they lie in memory.
        raise QueryError(
            f"frame {name}: the column {printable(objects[0])} holds Python objects",
            "Leave it out, or cast it.",
        )
    if not hasattr(frame, "__arrow_c_stream__"):
        raise QueryError(f"frame {name}: {type(frame).__name__} is no table", _TAKES)
    try:
        return pa.table(frame)
    except (pa.ArrowException, pl.exceptions.PolarsError, TypeError, ValueError) as error:
        # A column of Python objects, or of mixed types.
        raise QueryError(
            f"frame {name}: Arrow has no form for it ({printable(str(error))})", _TAKES
        ) from error
