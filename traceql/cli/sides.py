"""What a command compares: traces and runs of the database, or files that are read for this once."""

from __future__ import annotations

from glob import has_magic
from pathlib import Path
from typing import TYPE_CHECKING

from traceql.cli.common import database as open_database
from traceql.cli.common import is_there
from traceql.errors import DatabaseError, QueryError, ReportError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from contextlib import ExitStack

    from traceql.database import Database


# Tables of runs, where reports have other suffixes.
_TABLES = (".csv", ".json")


def opened(
    stack: ExitStack, db: str, given: Sequence[Sequence[str]], *, runs: bool = False
) -> tuple[Database, list[list[str]]]:
    """The database that holds what the words of each side mean, and the names of the traces there.

    A word is the name of a trace, a pattern of names, a tag such as ``mode=variant``, or a file, a folder or
    a pattern: reports go into a database in memory, which `stack` closes.

    Args:
        stack: closes the database.
        db: path of the database.
        given: words of each side.
        runs: whether a word may also be the name of runs (see the view named_runs), or a table of runs.

    Raises:
        QueryError: neither all of it is in the database nor all of it files.
    """
    database = stack.enter_context(open_database(db))
    words = [word for side in given for word in side]
    try:
        known = _known(database, words, runs) if is_there(db) else {}
    except DatabaseError:
        # Reports can be read whatever is the matter with the database beside them.
        if not all(Path(word).exists() for word in words):
            raise
        known = {}
    if all(word in known for word in words):
        return database, [[name for word in side for name in known[word]] for side in given]
    _refuse(db, given, known)
    memory = stack.enter_context(open_database(":memory:"))
    return memory, _read(memory, given, runs)


def _known(database: Database, words: Iterable[str], runs: bool) -> dict[str, list[str]]:
    """Word → the traces that it means, by name, pattern or tag; or itself where it names runs."""
    from traceql.ask import place
    from traceql.store import ingest

    traces = place.traces(database._store.run)
    # A sweep with several runs, too: the question says which there are.
    named = {
        word
        for name in (place.names_of_runs(database._store.run) if runs else ())
        for word in (name, name.partition(":")[0])
    }
    meant = {word: ingest.meant(traces, word) or [word] * (word in named) for word in words}
    return {word: names for word, names in meant.items() if names}


def _read(database: Database, given: Sequence[Sequence[str]], runs: bool) -> list[list[str]]:
    """Read the files that both sides mean, and return the names of traces and runs."""
    tables = {word for side in given for word in side if runs and Path(word).suffix.lower() in _TABLES}
    sweeps = {table: database.import_runs(table).sweep for table in sorted(tables)}
    reports = iter(_ingest(database, [[word for word in side if word not in sweeps] for side in given]))
    return [[*(sweeps[word] for word in side if word in sweeps), *next(reports)] for side in given]


def _ingest(database: Database, given: Sequence[Sequence[str]]) -> list[list[str]]:
    """Read the reports that both sides mean, and return the names of the traces."""
    from traceql.store import ingest
    from traceql.store.decode import decode_all, find_reports

    paths = [find_reports(side) for side in given]
    names = {}
    for path, decoded in decode_all(list(dict.fromkeys(path for side in paths for path in side))):
        if isinstance(decoded, ReportError):
            raise decoded
        try:
            names[path] = ingest.add(database._store, decoded).name
        finally:
            decoded.close()
    return [[names[path] for path in side] for side in paths]


def _refuse(db: str, given: Sequence[Sequence[str]], known: Mapping[str, object]) -> None:
    """What is neither all traces nor all reports cannot be compared."""
    for word in (word for side in given for word in side):
        if word not in known and not Path(word).exists() and not has_magic(word):
            raise QueryError(
                f"{word}: neither a trace or tag in {db} nor a file",
                "Traces: traceql ls. Files: check the path.",
            )
    stored = [word for side in given for word in side if word in known and not Path(word).exists()]
    if stored:
        raise QueryError(
            f"{stored[0]} is a trace in {db}, but not everything it is compared with is",
            "Bring the others in first: traceql ingest REPORT",
        )
