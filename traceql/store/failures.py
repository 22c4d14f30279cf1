"""What DuckDB says when something fails, in words that help; and statements that it must not be given."""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING

from traceql import given
from traceql.errors import CatalogError, DatabaseError, ParameterError, QueryError
from traceql.nearest import did_you_mean
from traceql.questions import catalog
from traceql.store.engine import duckdb
from traceql.tables import schema

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# What questions say by error() of a parameter's value: by must be kernel or range.
_VALUES = re.compile(
    r"Invalid Input Error: (?P<text>(?P<param>\w+) (?:must be|is [\w ]+, not) .*)", re.DOTALL
)
# What DuckDB proposes, in words of its own, and the name that it does not find.
_PROPOSED = re.compile(r'\s*(?:Candidate bindings: [^\n]*|Did you mean "[^\n]*\?)')
_MISSING = re.compile(
    r'(?P<kind>[Cc]olumn|Table|Function)(?: (?:with name|named))? "?(?P<name>\w+)"?[^\n]*'
    r" (?:does not exist|not found)"
    r'|does not have a column named "(?P<column>\w+)"'
)

# What DuckDB's Python says of a text with halves of surrogate pairs, as it is one made of bytes.
_NO_UNICODE = "cannot encode str as UTF-8"
_REMEDY_UNICODE = "Texts are UTF-8; in patterns, ? stands for any character."


def first_line(error: Exception) -> str:
    """The part of an error's text that says what went wrong."""
    return str(error).partition("\n")[0]


def query_error(error: duckdb.Error, statement: str, odd: str = "") -> QueryError:
    """The error of a question, with what the names in its statement are called here.

    Args:
        error: of DuckDB.
        statement: of the question.
        odd: columns that hold what is out of range.
    """
    text = str(error).strip()
    if odd:
        said = first_line(error).strip().rstrip(".")
        return QueryError(
            f"{said}: the database holds values that are out of range: {odd}",
            "It was damaged, or made by another program: ingest the reports again into a new one.",
        )
    if isinstance(error, duckdb.PermissionException):
        return no_files(text)
    if _NO_UNICODE in text:
        return ParameterError("a value is not Unicode", _REMEDY_UNICODE)
    if refused := _VALUES.fullmatch(text):
        # A question refuses the value of a parameter: no table or column has to do with it.
        return ParameterError(refused["text"], f"That is what --{refused['param']} takes.")
    if any(words in text for words in ("read-only mode", "in system catalog", "base table")):
        return QueryError(text, "Questions cannot change the database; use traceql ingest and traceql drop.")
    views = {view.name: [column.name for column in view.columns] for view in catalog.shipped().views.values()}
    from traceql.tables import elsewhere

    named = elsewhere.hints(text, statement, views)
    said, guess = _guessed(text, [*schema.BY_NAME, *schema.SHIPPED, *views])
    return QueryError(
        said, " ".join([*named, f"{'' if named else guess}The tables and their columns: traceql schema"])
    )


def _guessed(text: str, tables: Iterable[str]) -> tuple[str, str]:
    """What DuckDB says without the names that it proposes, and which of them a name may mean.

    Args:
        text: of the error.
        tables: names of all tables and views.
    """
    proposed = [name for match in _PROPOSED.finditer(text) for name in re.findall(r'"([^"]+)"', match[0])]
    said = _PROPOSED.sub("", text)
    missing = _MISSING.search(said)
    if missing is None:
        return text, ""
    kind, name = (missing["kind"] or "column").lower(), missing["name"] or missing["column"]
    known = [*proposed, *tables] if kind == "table" else proposed
    guess = did_you_mean(name, known)
    if not guess and kind == "column" and proposed:
        guess = f"There is, among others: {', '.join(proposed)}. "
    return said, guess


def definition_error(error: duckdb.Error, label: str) -> CatalogError:
    """The error of a view or macro of the user's own."""
    return CatalogError(
        f"{label}: {str(error).strip()}", "The tables and views that it may use: traceql schema"
    )


def no_files(text: str) -> QueryError:
    """The error of a question that touches other files."""
    return QueryError(text, "SQL may touch no other files; --allow-files (allow_files=True) permits it.")


class Parsed:
    """Some SQL as DuckDB takes it apart, which it does once, and only if somebody wants to know.

    Args:
        connection: to the database.
        text: the SQL.

    Raises:
        QueryError: DuckDB takes no such text.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, text: str) -> None:
        if given.valid(text) != text:
            raise QueryError("the SQL is not Unicode", _REMEDY_UNICODE)
        self._connection = connection
        self.text = text

    @cached_property
    def statements(self) -> Sequence[duckdb.Statement]:
        """Its statements, which can be executed."""
        return self._connection.extract_statements(self.text)

    def detaches(self, database: str) -> bool:
        """Whether it may let go of the database, which DuckDB forbids only for the first of its path."""
        return self.does(("detach",)) and database.lower() in self.text.lower()

    def is_one_select(self) -> bool:
        """Whether it is one SELECT, and nothing else."""
        return [_is_select(one) for one in self.statements] == [True]

    def does(self, words: Iterable[str]) -> bool:
        """Whether one that is no plain SELECT has one of some words.

        PREPARE, EXPLAIN ANALYZE and PIVOT can hide a statement: any word of its name counts.
        """
        if re.search(rf"\b(?:{'|'.join(words)})\b", self.text, re.IGNORECASE) is None:
            return False
        return not all(_is_select(one) for one in self.statements)


def storage_error(error: duckdb.Error, what: str, database: str) -> DatabaseError:
    """The error of storing `what`."""
    text = first_line(error)
    if "No space left" in str(error) or isinstance(error, duckdb.OutOfMemoryException):
        return DatabaseError(
            f"{database}: no room to store {what} ({text})",
            "Free some disk space or choose another place with --db; the database is as it was.",
        )
    return DatabaseError(f"{database}: {what} could not be stored ({text})", "The database is as it was.")


def no_database(given: str, *, empty: bool) -> DatabaseError:
    """The error for a file of another kind, or in which there is nothing."""
    if empty:
        return DatabaseError(
            f"{given}: not a DuckDB database but an empty file",
            "If whoever began to make it is gone, remove it; or choose another file with --db or TRACEQL_DB.",
        )
    return DatabaseError(f"{given}: not a DuckDB database", "Choose another file with --db or TRACEQL_DB.")


def damaged(error: Exception, path: str) -> DatabaseError:
    """The error of a database that DuckDB cannot read."""
    return DatabaseError(
        f"{path}: the database is damaged ({first_line(error)})",
        "Remove it and ingest the reports again, or choose another file with --db.",
    )


def holder(error: Exception) -> str | None:
    """Who has a file open that could not be opened for that reason; None if it was for another."""
    text = str(error)
    # "Conflicting lock is held in PROGRAM (PID 7)" on Linux and macOS; Windows words it differently.
    if "Conflicting lock is held" not in text and "used by another process" not in text:
        return None
    named = re.search(r"\(PID (\d+)\)", text)
    return f"another process (PID {named[1]})" if named else "another process"


def connection_error(error: Exception, path: str, opened: str) -> DatabaseError:
    """The error of opening a database.

    Args:
        error: of DuckDB.
        path: as the user knows it.
        opened: of the file; one that is being made has another name until it is whole.
    """
    text = str(error)
    if re.search("Could not read enough bytes|[Cc]hecksum|[Cc]orrupt|INTERNAL Error|WAL", text):
        return damaged(error, path)
    return DatabaseError(
        f"{path}: cannot be opened ({first_line(error).replace(opened, path)})",
        "Check the path and who may use it.",
    )


def _is_select(statement: duckdb.Statement) -> bool:
    try:
        return bool(statement.type == duckdb.StatementType.SELECT)
    except ValueError:
        # Of a kind that the package has no name for: UPDATE EXTENSIONS.
        return False
