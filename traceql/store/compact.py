"""What was removed is gone: the file is written anew, without it, in place of the one that held it.

DuckDB leaves the bytes of what is deleted where they are until something else needs their place. So a change
that removes something private is never committed: what a transaction sees after it is copied into a new file,
and that takes the place of the old one, which is whole until then. Killed at any moment, there is the old
database or the new one. A file that is half written lies in a folder of its own beside the database, for its
owner alone, and goes with the next change.

Private is what `ingest --keep-environment` lets in, and what people write: tags of traces and of runs. Who
only changes a tag or a name does not wait for that: what it was is gone with the next new file.
"""

from __future__ import annotations

import contextlib
import glob
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Final

from traceql.errors import DatabaseError
from traceql.store import interrupts, permissions, trust
from traceql.tables import schema

if TYPE_CHECKING:
    from collections.abc import Iterator

    import duckdb


# The new file, while it is attached.
_NAME: Final = "traceql_compact"
# As many rows as DuckDB keeps together.
_ROWS: Final = 122_880
_PRIVATE: Final = """
    SELECT 'environment', variable, content FROM environment
    UNION
    SELECT 'tag', tag.key, tag.value
    FROM (
        SELECT unnest(map_entries(tags)) AS tag FROM traces
        UNION ALL
        SELECT unnest(map_entries(tags)) FROM runs
    )
"""


def folder(database: str) -> str:
    """Where the new file of a database is written: beside it, for a file changes its place within a disk."""
    return f"{database}.compact"


def sweep(database: str) -> None:
    """Remove what a process left that was killed; for who holds the database for a change."""
    if os.path.lexists(folder(database)):
        shutil.rmtree(folder(database), ignore_errors=True)
    place = Path(database)
    if place.stat().st_nlink > 1:
        # A second name, which the file had when it came into its place.
        for other in place.parent.glob(f"{glob.escape(place.name)}.*.new"):
            if other.samefile(place):
                other.unlink(missing_ok=True)


def private(connection: duckdb.DuckDBPyConnection) -> set[tuple[str, str, str]]:
    """Everything private that the database tells: its kind, name and content."""
    return set(connection.execute(_PRIVATE).fetchall())


@contextlib.contextmanager
def written_anew(connection: duckdb.DuckDBPyConnection, database: str) -> Iterator[str]:
    """A new file with what a transaction sees, which is rolled back; it is to be moved from where it is.

    Raises:
        DatabaseError: there is not enough room for it, or the database has a second name.
    """
    if Path(database).stat().st_nlink > 1:
        raise DatabaseError(
            f"{database}: has a second name (a hard link), under which what is removed would stay",
            "Remove that name first; the database is as it was.",
        )
    place = Path(folder(database))
    beside = connection.cursor()
    try:
        place.mkdir(mode=0o700)
        made = place / "new"
        with interrupts.running(beside):
            _copy(connection, beside, str(made))
        _as_before(Path(database), made)
        connection.execute("ROLLBACK")
        # The new file would take the old one's log for its own.
        connection.execute(f"CHECKPOINT {trust.quoted(trust.database_name(connection))}")
        permissions.remove_empty_log(database)
        for log in (Path(f"{database}.wal"), Path(f"{made}.wal")):
            if log.exists():
                raise DatabaseError(f"{database}: its log {log.name} stays", "The database is as it was.")
        yield str(made)
    except OSError as error:
        raise DatabaseError(
            f"{database}: no new file can be made or put in its place ({error.strerror})",
            "What is removed is gone with a new file only; the database is as it was.",
        ) from error
    finally:
        beside.close()
        sweep(database)


def _copy(connection: duckdb.DuckDBPyConnection, beside: duckdb.DuckDBPyConnection, made: str) -> None:
    """Copy all that a transaction sees: definitions and tables of others as they are, ours as changed."""
    old = trust.database_name(connection)
    trust.builtins_first(beside, old)
    beside.execute(f"ATTACH {schema.literal(made)} AS {_NAME}")
    try:
        Path(made).chmod(0o600)
        # One transaction: half of a copy is of no use.
        beside.execute("BEGIN")
        beside.execute(f"COPY FROM DATABASE {trust.quoted(old)} TO {_NAME} (SCHEMA)")
        tables = """
            SELECT schema_name, table_name FROM duckdb_tables()
            WHERE database_name = $old AND NOT internal AND NOT temporary ORDER BY table_oid
        """
        for place, table in beside.execute(tables, {"old": old}).fetchall():
            name = f"{trust.quoted(place)}.{trust.quoted(table)}"
            if place != "main" or (table not in schema.BY_NAME and table != "traceql_meta"):
                beside.execute(f"INSERT INTO {_NAME}.{name} FROM {trust.quoted(old)}.{name}")
                continue
            # A transaction that has changed one file may not write another: the rows go from hand to hand.
            rows = connection.sql(f"FROM {trust.quoted(old)}.{name}").to_arrow_reader(_ROWS)
            beside.register("rows_of_table", rows)
            beside.execute(f"INSERT INTO {_NAME}.{name} FROM rows_of_table")
            beside.unregister("rows_of_table")
        # Which are not part of the schema that DuckDB copies, and would follow the changes above.
        triggers = (
            "SELECT schema_name, sql FROM duckdb_triggers() WHERE database_name = $old AND NOT temporary"
        )
        for place, trigger in beside.execute(triggers, {"old": old}).fetchall():
            beside.execute(f"SET search_path = {schema.literal(f'{_NAME}.{trust.quoted(place)}')}")
            beside.execute(trigger)
        beside.execute("COMMIT")
        beside.execute(f"CHECKPOINT {_NAME}")
    finally:
        with contextlib.suppress(Exception):
            beside.execute("ROLLBACK")
        trust.builtins_first(beside, old)
        beside.execute(f"DETACH {_NAME}")


def _as_before(old: Path, made: Path) -> None:
    """Let the same people use the new file, and have it on the disk."""
    status = old.stat()
    made.chmod(status.st_mode & 0o7777)
    if hasattr(os, "chown"):
        with contextlib.suppress(PermissionError):
            os.chown(made, status.st_uid, status.st_gid)
    descriptor = os.open(made, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
