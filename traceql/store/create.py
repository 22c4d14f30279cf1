"""A new database, whether one that is there is ours, and how an older one becomes one of this version."""

from __future__ import annotations

from typing import TYPE_CHECKING

from traceql import __version__
from traceql.errors import DatabaseError, SchemaVersionError
from traceql.store import failures, trust
from traceql.store.definitions import Definition
from traceql.store.engine import duckdb
from traceql.tables import migrations, schema

if TYPE_CHECKING:
    from collections.abc import Mapping

    from traceql.store.definitions import Definitions

# What is in the file itself, of all that DuckDB's functions list.
_OURS = "database_name = current_database() AND schema_name = 'main' AND NOT internal"


def create(connection: duckdb.DuckDBPyConnection, definitions: Definitions) -> None:
    """Make all tables, and all definitions for other clients, with their comments."""
    # One transaction: each one more waits for the disk.
    connection.execute("BEGIN")
    tables(connection)
    connection.execute("; ".join(schema.comment_statements()))
    _store_definitions(connection, definitions)
    connection.execute("COMMIT")
    # Now, for what cannot be written when the file is closed nobody is told of: it would hold nothing.
    connection.execute("CHECKPOINT")


def tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Make all tables. Comments are for other clients of a file: they take longer than all the rest."""
    connection.execute("; ".join([*_meta(), *(schema.create_statement(table) for table in schema.TABLES)]))


def check(connection: duckdb.DuckDBPyConnection, path: str, database: str) -> Mapping[str, Definition]:
    """Refuse a database of another program or of a newer version, and one whose tables are not ours.

    Args:
        connection: to the file, DuckDB's own names first.
        path: of it, for messages.
        database: what DuckDB calls it.

    Returns:
        Views that stand in for tables of an older version; empty for one of this version.
    """
    there = _stored(connection, path)
    version, writer = _version(connection, path, database)
    if version > schema.SCHEMA_VERSION or version < migrations.OLDEST:
        raise SchemaVersionError(
            f"{path}: schema version {version}, written by traceql {writer}; "
            f"this is {schema.SCHEMA_VERSION} (traceql {__version__})",
            "Update traceql: pip install --upgrade traceql"
            if version > schema.SCHEMA_VERSION
            else "Ingest the reports again into a new database: traceql ingest --db NEW REPORT…",
        )
    older = migrations.selects(version, trust.prefix(database))
    trust.check_tables(connection, there, database, path, older)
    trust.check_traces(connection, database, path, older)
    return {name: Definition(name, "VIEW", "", select, {}) for name, select in older.items()}


def upgrade(connection: duckdb.DuckDBPyConnection, definitions: Definitions, path: str) -> None:
    """Bring a database that is about to be changed to this version, definitions included.

    Raises:
        DatabaseError: something in it has a name of DuckDB's, or of the package's.
    """
    row = connection.execute("SELECT schema_version FROM traceql_meta").fetchone()
    assert row is not None
    is_old = row[0] != schema.SCHEMA_VERSION
    if not is_old:
        stored = connection.execute("SELECT definitions FROM traceql_meta").fetchall()
        if stored == [(definitions.fingerprint,)]:
            return
    trust.refuse_taken(connection, path)
    database = trust.database_name(connection)
    trust.database_first(connection)
    _drop_definitions(connection)
    if is_old:
        _migrate(connection, row[0], trust.prefix(database))
    _store_definitions(connection, definitions)
    trust.builtins_first(connection, database)


def _meta() -> list[str]:
    """Statements that say what the database is; its definitions are still to be stored."""
    return [
        "CREATE TABLE traceql_meta (schema_version INTEGER, traceql_version VARCHAR, definitions VARCHAR)",
        "COMMENT ON TABLE traceql_meta IS 'which traceql made this database'",
        f"INSERT INTO traceql_meta VALUES ({schema.SCHEMA_VERSION}, {schema.literal(__version__)}, '')",
    ]


def is_empty(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether a database holds neither traces nor runs."""
    return connection.execute("SELECT 1 FROM traces UNION ALL SELECT 1 FROM runs LIMIT 1").fetchone() is None


def is_bare(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether a database holds nothing at all, as one that DuckDB has just made."""
    things = "SELECT 1 FROM duckdb_tables() UNION ALL SELECT 1 FROM duckdb_views() WHERE NOT internal LIMIT 1"
    return connection.execute(things).fetchone() is None


def _stored(connection: duckdb.DuckDBPyConnection, path: str) -> Mapping[str, str]:
    """The tables of a database that says it is one of traceql."""
    try:
        there = trust.tables(connection)
    except duckdb.Error as error:
        raise failures.damaged(error, path) from error
    if not trust.is_ours(there):
        raise DatabaseError(
            f"{path}: a DuckDB database, but not one of traceql",
            "Choose another file with --db or TRACEQL_DB.",
        )
    return there


def _version(connection: duckdb.DuckDBPyConnection, path: str, database: str) -> tuple[int, str]:
    meta = f"{trust.prefix(database)}{trust.META}"
    try:
        rows = connection.execute(f"SELECT schema_version, traceql_version FROM {meta} LIMIT 2").fetchall()
    except duckdb.Error as error:
        raise failures.damaged(error, path) from error
    if len(rows) != 1 or None in rows[0]:
        what = "no row" if not rows else "two rows or more" if len(rows) > 1 else "NULL"
        raise DatabaseError(
            f"{path}: not one of traceql: {trust.META}, which says the version, holds {what}",
            "Choose another file with --db or TRACEQL_DB.",
        )
    return rows[0][0], rows[0][1]


def _store_definitions(connection: duckdb.DuckDBPyConnection, definitions: Definitions) -> None:
    """Store the package's views and macros: for other clients, we do not use them."""
    for name in _tables(connection) & {definition.name for definition in definitions.stored}:
        raise DatabaseError(
            f"the database has a table {name}, and traceql a view or macro of that name",
            "Rename the table, or drop it.",
        )
    made = [definition.create(temporary=False) for definition in definitions.stored]
    connection.execute("; ".join([*made, *definitions.comments()]))
    connection.execute(
        "UPDATE traceql_meta SET definitions = ?, traceql_version = ?", [definitions.fingerprint, __version__]
    )


def _drop_definitions(connection: duckdb.DuckDBPyConnection) -> None:
    """Remove stored views and macros that came with some traceql: theirs have comments, others stay."""
    views = f"SELECT view_name FROM duckdb_views() WHERE {_OURS} AND comment IS NOT NULL"
    for (name,) in connection.execute(views).fetchall():
        connection.execute(f"DROP VIEW IF EXISTS {trust.quoted(name)}")
    macros = f"""
        SELECT DISTINCT function_name, function_type FROM duckdb_functions()
        WHERE {_OURS} AND comment IS NOT NULL AND function_type IN ('macro', 'table_macro')
    """
    for name, kind in connection.execute(macros).fetchall():
        table = " TABLE" if kind == "table_macro" else ""
        connection.execute(f"DROP MACRO{table} IF EXISTS {trust.quoted(name)}")


def _migrate(connection: duckdb.DuckDBPyConnection, version: int, prefix: str) -> None:
    """Rewrite the tables of an older version, in the transaction of the change that comes."""
    selects = migrations.selects(version, prefix)
    there = _tables(connection)
    for name, select in selects.items():
        table = schema.BY_NAME[name]
        connection.execute(schema.create_statement(table, name=f"{name}_new"))
        connection.execute(f"INSERT INTO {name}_new BY NAME {select}")
    for step in range(version, schema.SCHEMA_VERSION):
        for name in migrations.DROPPED.get(step, ()):
            connection.execute(f"DROP TABLE IF EXISTS {name}")
    for name in selects:
        connection.execute(f"DROP TABLE IF EXISTS {name}")
        connection.execute(f"ALTER TABLE {name}_new RENAME TO {name}")
    for table in schema.TABLES:
        if table.name not in there and table.name not in selects:
            connection.execute(schema.create_statement(table))
    connection.execute(f"DROP TABLE traceql_meta; {'; '.join([*_meta(), *schema.comment_statements()])}")


def _tables(connection: duckdb.DuckDBPyConnection) -> set[str]:
    """The tables of the file."""
    found = connection.execute(f"SELECT table_name FROM duckdb_tables() WHERE {_OURS}").fetchall()
    return {name for (name,) in found}
