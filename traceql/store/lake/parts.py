"""The parts of a lake: one Parquet file for each table and trace, written once, and read as our tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from traceql.errors import DatabaseError
from traceql.given import whole_number
from traceql.store import failures
from traceql.store.definitions import Definition
from traceql.store.engine import duckdb
from traceql.tables import schema

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from traceql.store.lake.place import Place

#: The tables that lie in parts: those of traces, and what runs measured. Entries hold the rows of the others.
OF_TRACES = tuple(table.name for table in schema.TABLES if table.of_trace and table.name != "traces")
OF_RUNS = "run_metrics"
ALL = (*OF_TRACES, OF_RUNS)
# Before the name of a table: the view that reads its parts.
_PREFIX = "lake_"


def folder_of(table: str, number: int) -> str:
    """Where the part of a trace lies (of runs: that of their number)."""
    return f"{table}/{'number' if table == OF_RUNS else 'trace_id'}={number}"


def path_of(table: str, number: int) -> str:
    """The part of a trace."""
    return f"{folder_of(table, number)}/part.parquet"


def number_of(folder: str) -> int | None:
    """The number that the name of a part's folder ends in; None if it is no such folder."""
    key, equals, number = folder.partition("=")
    return whole_number(number) if equals and key in ("trace_id", "number") else None


def _of_number(table: str, number: int) -> str:
    """The condition of rows that lie in a part."""
    return f"run_id >> 32 = {number}" if table == OF_RUNS else f"trace_id = {number}"


def count(connection: duckdb.DuckDBPyConnection, table: str, number: int) -> int:
    """How many rows a part has."""
    counted = connection.execute(f"SELECT count(*) FROM {table} WHERE {_of_number(table, number)}").fetchone()
    assert counted is not None
    return int(counted[0])


def write(connection: duckdb.DuckDBPyConnection, table: str, number: int, file: Path) -> None:
    """Write a part: in the order of the table, by which even the last digits of sums are those of a file."""
    columns = ", ".join(column.name for column in schema.BY_NAME[table].columns)
    connection.execute(
        f"COPY (SELECT {columns} FROM {table} WHERE {_of_number(table, number)} ORDER BY rowid) "
        f"TO {schema.literal(str(file))} (FORMAT parquet, COMPRESSION zstd)"
    )


@dataclass(frozen=True, kw_only=True)
class Parts(Definition):
    """A view of the parts of a table, which are looked at, or fetched, when it is first used.

    Attributes:
        place: where they lie.
        table: whose they are.
        paths: of the parts.
    """

    place: Place
    table: schema.Table
    paths: tuple[str, ...]

    @property
    def words(self) -> frozenset[str]:
        """None: names of folders are no words of SQL."""
        return frozenset()

    def make(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Make the view.

        Raises:
            DatabaseError: a part is none of ours.
        """
        try:
            connection.execute(f"CREATE OR REPLACE TEMP VIEW {self.name} AS {self._select()}")
        except duckdb.IOException:
            # Gone since the entries were read: who asks looks at them again.
            raise
        except duckdb.Error as error:
            raise DatabaseError(
                f"{self.place.given}: the parts of {self.table.name} are not ours "
                f"({failures.first_line(error)})",
                "The lake was damaged, or made by another program: ingest the reports again into a new one.",
            ) from error

    def _select(self) -> str:
        columns = self.table.columns
        if not self.paths:
            return f"SELECT {', '.join(f'NULL::{c.type} AS {c.name}' for c in columns)} WHERE false"
        names = ", ".join(f"{c.name}::{c.type} AS {c.name}" for c in columns)
        files = self.place.fetched(self.paths)
        # The number of a trace is that of its folder, whatever a part says. A folder around the lake that is
        # called name=value would be taken for a column.
        hive = "hive_partitioning = false"
        if self.table.of_trace and all(file.count("=") == 1 for file in files):
            hive = "hive_partitioning = true, hive_types = {'trace_id': BIGINT}"
        return f"SELECT {names} FROM read_parquet([{', '.join(map(schema.literal, files))}], {hive})"


def views(place: Place, numbers: Mapping[str, Sequence[int]]) -> dict[str, Definition]:
    """Views of the tables that lie in parts, by name, each after that of its parts.

    Args:
        place: where they lie.
        numbers: table → the numbers of its parts.
    """
    found: dict[str, Definition] = {}
    for table, some in numbers.items():
        of_parts = _of_parts(f"{_PREFIX}{table}", place, table, some)
        found[of_parts.name] = of_parts
        # What stands in for a table while a question is narrowed reads this, not the long list of files.
        found[table] = Definition(table, "VIEW", "", f"SELECT * FROM {of_parts.name}", {})
    return found


def all_of(place: Place, table: str, numbers: Sequence[int]) -> Parts:
    """A view of the parts of all traces, beside those of some."""
    return _of_parts(f"{_PREFIX}all_{table}", place, table, numbers)


def _of_parts(name: str, place: Place, table: str, numbers: Sequence[int]) -> Parts:
    paths = tuple(path_of(table, number) for number in numbers)
    return Parts(name, "VIEW", "", "", {}, place=place, table=schema.BY_NAME[table], paths=paths)
