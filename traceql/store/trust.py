"""What of a database is used: the rows of our tables, and nothing that anybody stored to be run.

A database may come from a stranger. DuckDB looks for a function, an operator, a type or a table of a name in
the database first: a stored macro ``+`` would add as it likes. So its own names come first here, before those
of the database; the package's views and macros come before both (`store.definitions`). What stands in for one
of our tables is refused, and so are tables that compute, check or fill in what we did not tell them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from traceql.errors import DatabaseError, QueryError
from traceql.store import failures
from traceql.store.engine import duckdb
from traceql.tables import schema, values

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_REMEDY = "The database was damaged, or made by another program: ingest the reports again into a new one."
# Of those out of range, that a message names.
_SHOWN_COLUMNS = 4
#: Of the table that says what a database is; later versions may have more columns.
META = "traceql_meta"
_META_BEGINS = f"CREATE TABLE {META}(schema_version INTEGER, traceql_version VARCHAR"
# What a table does beyond holding rows.
_DOES_MORE = re.compile(r"\b(?:GENERATED|DEFAULT|CHECK|NOT NULL|UNIQUE|PRIMARY|REFERENCES|COLLATE)\b")


def database_name(connection: duckdb.DuckDBPyConnection) -> str:
    """What DuckDB calls the file, which is nearly the file's name; it is the first of those attached."""
    ((name,),) = connection.execute(
        "SELECT database_name FROM system.main.duckdb_databases() WHERE NOT internal "
        "ORDER BY database_oid LIMIT 1"
    ).fetchall()
    return str(name)


def prefix(database: str) -> str:
    """What names of tables of the file begin with, whatever else has these names."""
    return f"{quoted(database)}.main."


def builtins_first(connection: duckdb.DuckDBPyConnection, database: str) -> None:
    """Let names mean what DuckDB means by them, then what the file does. Holds for this connection only."""
    rows = connection.execute(
        "SELECT database_name, schema_name FROM system.main.duckdb_schemas() WHERE NOT internal"
    ).fetchall()
    # Schemas of the user's own come last, so that they are known at all.
    own = sorted(name for there, name in rows if there == database and name != "main")
    path = ["system.main", *(f"{quoted(database)}.{quoted(name)}" for name in ("main", *own))]
    connection.execute(f"SET search_path = {schema.literal(','.join(path))}")


def database_first(connection: duckdb.DuckDBPyConnection) -> None:
    """Undo `builtins_first`: what is made is made in the file."""
    connection.execute("SET search_path = ''")


# --- tables ---------------------------------------------------------------------------------------------


def is_ours(there: Mapping[str, str]) -> bool:
    """Whether a database of these `tables` says of itself that it is one of traceql."""
    text = there.get(META, "")
    return text.startswith(_META_BEGINS) and not _DOES_MORE.search(text)


def check_tables(
    connection: duckdb.DuckDBPyConnection,
    there: Mapping[str, str],
    database: str,
    path: str,
    older: Mapping[str, str],
) -> None:
    """Refuse a database whose tables are not ours in kind, columns and types.

    Args:
        connection: to the file, DuckDB's own names first.
        there: its `tables`.
        database: what DuckDB calls it.
        path: of it, for messages.
        older: SELECTs that make tables of those of an older version, of which only the kind is known.

    Raises:
        DatabaseError: it names the table, and the column.
    """
    in_older = {name for sql in older.values() for name in _named(sql, prefix(database))}
    today = [] if in_older else schema.TABLES
    for name in (*sorted(in_older), *(table.name for table in today)):
        if name not in there:
            kind = "a view" if name in _views(connection) else "nothing"
            raise DatabaseError(f"{path}: where traceql has the table {name}, it has {kind}", _REMEDY)
        if name in in_older and (found := _DOES_MORE.search(there[name])):
            raise DatabaseError(
                f"{path}: the table {name} does more than hold rows ({found[0]}): {_first_that(there[name])}",
                _REMEDY,
            )
    for table in today:
        if _plain(there[table.name]) != expected(table):
            _say_what_differs(connection, database, path, table, there[table.name])
    for name, trigger in _triggers(connection):
        if name == META or name in in_older or (today and name in schema.BY_NAME):
            raise DatabaseError(
                f"{path}: the table {name} does more than hold rows (TRIGGER): {trigger}", _REMEDY
            )


def expected(table: schema.Table) -> str:
    """How DuckDB writes a table of ours, no name in quotes."""
    return f"CREATE TABLE {table.name}({', '.join(f'{c.name} {c.type}' for c in table.columns)});"


def _plain(text: str) -> str:
    """The text of a table without quotes around plain words; one with stranger names stays as it is."""
    return text if '""' in text else re.sub(r'"(\w+)"', r"\1", text)


def _say_what_differs(
    connection: duckdb.DuckDBPyConnection, database: str, path: str, table: schema.Table, text: str
) -> None:
    """Refuse a table by its first column that is not ours; DuckDB may only write it in another way."""
    rows = connection.execute(f"DESCRIBE {prefix(database)}{table.name}").fetchall()
    there = [(name, of) for name, of, *_ in rows]
    ours = [(column.name, column.type) for column in table.columns]
    names = {name for name, _ in there}
    for name, of in ours:
        if name not in names:
            raise DatabaseError(f"{path}: the table {table.name} has no column {name}", _REMEDY)
        if (name, of) not in there:
            raise DatabaseError(
                f"{path}: {table.name}.{name} is {dict(there)[name]}, where traceql has {of}", _REMEDY
            )
    for name, _ in there:
        if name not in dict(ours):
            raise DatabaseError(
                f"{path}: the table {table.name} has a column {name}, which traceql does not know",
                "Keep what is your own in a table of your own.",
            )
    if there != ours:
        raise DatabaseError(f"{path}: the columns of {table.name} are in another order", _REMEDY)
    if found := _DOES_MORE.search(text):
        raise DatabaseError(
            f"{path}: the table {table.name} does more than hold rows ({found[0]}): {_first_that(text)}",
            _REMEDY,
        )


def _first_that(text: str) -> str:
    """The part of a table's text that does more."""
    inside = text.partition("(")[2].removesuffix(");")
    return next((part for part in inside.split(", ") if _DOES_MORE.search(part)), inside)


def _named(sql: str, before: str) -> Iterable[str]:
    """Tables of the file that a SELECT reads."""
    return re.findall(rf"{re.escape(before)}(\w+)", sql)


def tables(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """The tables of the file: name → how DuckDB writes them. The first time takes a while."""
    rows = connection.execute(
        "SELECT table_name, sql, schema_name FROM system.main.duckdb_tables() WHERE NOT internal"
    ).fetchall()
    return {name: text for name, text, where in rows if where == "main"}


def _triggers(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    """Tables of the file that something stored follows the changes of, with its name."""
    rows = connection.execute(
        "SELECT table_name, trigger_name, schema_name FROM system.main.duckdb_triggers() ORDER BY ALL"
    ).fetchall()
    return [(table, trigger) for table, trigger, where in rows if where == "main"]


def _views(connection: duckdb.DuckDBPyConnection) -> set[str]:
    rows = connection.execute(
        "SELECT view_name, schema_name FROM system.main.duckdb_views() WHERE NOT internal"
    ).fetchall()
    return {name for name, where in rows if where == "main"}


# --- values ---------------------------------------------------------------------------------------------


def check_traces(
    connection: duckdb.DuckDBPyConnection, database: str, path: str, older: Mapping[str, str]
) -> None:
    """Refuse a database with traces that cannot be; for the arguments see `check_tables`.

    Raises:
        DatabaseError: it names the column.
    """
    source = f"({older['traces']})" if "traces" in older else f"{prefix(database)}traces"
    try:
        (counted,) = connection.execute(values.wrong_traces(source)).fetchall()
    except duckdb.Error as error:
        raise DatabaseError(
            f"{path}: its traces cannot be read ({failures.first_line(error)})", _REMEDY
        ) from error
    for (name, (wanted, _)), count in zip(values.TRACES.items(), counted, strict=True):
        if count:
            raise DatabaseError(
                f"{path}: traces.{name} is not {wanted} in {count:,} row{'s' if count > 1 else ''}", _REMEDY
            )


def out_of_range(connection: duckdb.DuckDBPyConnection, words: Iterable[str]) -> str:
    """Columns of the tables among some words that hold what cannot be, each with such a value.

    That is what is out of range, and what is the same in two rows that it should tell apart.

    Args:
        connection: on which the names of tables mean what they do in the question that failed.
        words: of the question and of all that it uses.
    """
    found = []
    for table in values.tables_of(words):
        if (statement := values.out_of_range(table, table.name)) is not None:
            answer = connection.execute(statement)
            names = [name for name, *_ in answer.description]
            (row,) = answer.fetchall()
            found += [
                f"{table.name}.{name} ({one})"
                for name, one in zip(names, row, strict=True)
                if one is not None
            ]
        if (statement := values.twice(table, table.name)) is not None:
            answer = connection.execute(statement)
            names = [name for name, *_ in answer.description]
            found += [
                f"{table.name}.{' and '.join(names)} ({', '.join(map(str, row))}, twice)"
                for row in answer.fetchall()
            ]
    return ", ".join(found[:_SHOWN_COLUMNS])


# --- stored code ----------------------------------------------------------------------------------------


def code(connection: duckdb.DuckDBPyConnection) -> frozenset[str]:
    """Names of all views and macros that a database holds, in whatever schema."""
    views = connection.execute("SELECT view_name FROM system.main.duckdb_views() WHERE NOT internal")
    names = {name for (name,) in views.fetchall()}
    macros = connection.execute("SELECT function_name FROM system.main.duckdb_functions() WHERE NOT internal")
    return frozenset(names | {name for (name,) in macros.fetchall()})


def refuse_code(text: str, stored: Iterable[str], ours: Iterable[str], database: str) -> None:
    """Refuse SQL that uses stored views or macros, where they could touch files.

    Those that are ours by name are made anew, and only the file's own name leads to the stored ones.

    Raises:
        QueryError: it does; the message names it.
    """
    known = {name.lower() for name in ours}
    for name in sorted(stored):
        # In quotes, a quote is written twice.
        word = rf"(?<!\w){re.escape(name).replace(chr(34), chr(34) * 2)}(?!\w)"
        if name.lower() in known:
            word = rf'(?<!\w){re.escape(quoted(database)[1:-1])}"?\s*\.\s*(?:"?main"?\s*\.\s*)?"?{word}'
        if re.search(word, text, re.IGNORECASE):
            raise QueryError(
                f"the database holds code called {name}, a view or macro, which does not run where files may "
                "be touched",
                "See what it is (FROM duckdb_views(), FROM duckdb_functions()), and write it into the "
                "statement, or ask without --allow-files (allow_files=True).",
            )


def refuse_taken(connection: duckdb.DuckDBPyConnection, path: str) -> None:
    """Refuse to change a database in which a name of DuckDB's means something else.

    Raises:
        DatabaseError: it holds a function or type of such a name.
    """
    functions = "SELECT lower(function_name) AS name, internal FROM system.main.duckdb_functions()"
    types = "SELECT lower(type_name) AS name, internal FROM system.main.duckdb_types()"
    for what, named in (("function", functions), ("type", types)):
        rows = connection.execute(named).fetchall()
        taken = {name for name, internal in rows if internal} & {
            name for name, internal in rows if not internal
        }
        if taken:
            raise DatabaseError(
                f"{path}: holds a {what} {min(taken)}, which is a name of DuckDB's",
                f"Drop it with the program that made it: DROP {'TYPE' if what == 'type' else 'MACRO'}.",
            )


def quoted(name: str) -> str:
    """A name as SQL takes it, whatever it holds."""
    return '"' + name.replace('"', '""') + '"'
