"""A database in memory that holds all our tables, empty, for what is made before it is stored elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from traceql.store import create, engine
from traceql.store.engine import duckdb
from traceql.store.sharing import MEMORY, config_of

if TYPE_CHECKING:
    from pathlib import Path

    from traceql.store.means import Means


def connected(spill: Path, means: Means) -> duckdb.DuckDBPyConnection:
    """A connection to a new one, which Arrow tables can be given to.

    Args:
        spill: a private folder for what does not fit into memory.
        means: what it may take.
    """
    engine.with_relations()
    connection = duckdb.connect(MEMORY, config=config_of(spill, means))
    try:
        create.tables(connection)
    except BaseException:
        connection.close()
        raise
    return connection
