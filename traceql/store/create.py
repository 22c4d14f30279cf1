"""A new database, and whether one that is there is ours and of this version."""

from __future__ import annotations

import duckdb

from traceql import __version__
from traceql.errors import DatabaseError, SchemaVersionError
from traceql.questions import catalog
from traceql.store import failures, runs
from traceql.tables import schema


def create(connection: duckdb.DuckDBPyConnection) -> None:
    """Make all tables and views, with their comments."""
    connection.execute("BEGIN")
    connection.execute("CREATE TABLE traceql_meta (schema_version INTEGER, traceql_version VARCHAR)")
    connection.execute("COMMENT ON TABLE traceql_meta IS 'which traceql made this database'")
    connection.execute("INSERT INTO traceql_meta VALUES (?, ?)", [schema.SCHEMA_VERSION, __version__])
    for statement in schema.create_statements():
        connection.execute(statement)
    runs.fill_gpu_specs(connection)
    for view in catalog.views():
        connection.execute(f"CREATE VIEW {view.name} AS {view.sql}")
        connection.execute(f"COMMENT ON VIEW {view.name} IS {schema.literal(view.title)}")
        for column in view.columns:
            connection.execute(
                f"COMMENT ON COLUMN {view.name}.{column.name} IS {schema.literal(column.meaning)}"
            )
    connection.execute("COMMIT")


def check_schema(connection: duckdb.DuckDBPyConnection, path: str) -> None:
    """Refuse a database of another program or of another schema version."""
    try:
        row = connection.execute("SELECT schema_version, traceql_version FROM traceql_meta").fetchone()
    except duckdb.CatalogException:
        row = None
    except duckdb.Error as error:
        raise failures.damaged(error, path) from error
    if row is None:
        raise DatabaseError(
            f"{path}: a DuckDB database, but not one of traceql",
            "Choose another file with --db or TRACEQL_DB.",
        )
    version, writer = row
    if version != schema.SCHEMA_VERSION:
        newer = version > schema.SCHEMA_VERSION
        raise SchemaVersionError(
            f"{path}: schema version {version}, written by traceql {writer}; "
            f"this is {schema.SCHEMA_VERSION} (traceql {__version__})",
            "Update traceql: pip install --upgrade traceql"
            if newer
            else "Ingest the reports again into a new database: traceql ingest --db NEW REPORT…",
        )
