"""DuckDB as questions need it: connections, statements and errors.

What its package adds to that (relations, Arrow tables in and out, expressions) takes four times as long to
import as the engine itself, and an answer that is only shown needs none of it. `with_relations` adds it to
the connections that are there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb
else:
    try:
        # What the package is made of, and hands on under its own name.
        import _duckdb as duckdb
    except ImportError:
        import duckdb

__all__ = ["duckdb", "with_relations"]


def with_relations() -> None:
    """Let connections make relations, and take and give Arrow tables."""
    import duckdb  # noqa: F401
