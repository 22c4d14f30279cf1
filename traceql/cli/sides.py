"""What the words of a command mean: traces and runs of the database, or files that are read in its place.

A trace of that name wins; ./NAME is the file.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager, suppress
from glob import has_magic
from pathlib import Path
from typing import TYPE_CHECKING, Any

from traceql.cli.common import database as open_database
from traceql.cli.common import is_there, note
from traceql.errors import DatabaseError, QueryError, ReportError
from traceql.nearest import did_you_mean
from traceql.questions.parameters import TRACE_PARAMS
from traceql.read import formats

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from traceql.database import Database


# Tables of runs, where reports have other suffixes.
_TABLES = (".csv", ".json")
# What no trace is called.
_PATHS = ("./", "../", "/")


def opened(
    stack: ExitStack,
    db: str,
    given: Sequence[Sequence[str]],
    *,
    runs: bool = False,
    allow_files: bool = False,
) -> tuple[Database, list[list[str]]]:
    """The database that holds what the words of each side mean, and the names of the traces there.

    A word is the name of a trace, a pattern of names, a tag such as ``mode=variant``, or a file, a folder or
    a pattern: reports go into a database of their own, which `stack` closes.

    Args:
        stack: closes the database.
        db: path of the database.
        given: words of each side.
        runs: whether a word may also be the name of runs (see the view named_runs), or a table of runs.
        allow_files: let SQL read and write other files.

    Raises:
        QueryError: neither all of it is in the database nor all of it files.
    """
    database = stack.enter_context(open_database(db, allow_files=allow_files))
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
    _refuse(db, given, known, database)
    if runs and any(Path(word).suffix.lower() in _TABLES for word in words):
        memory = stack.enter_context(open_database(":memory:"))
        return memory, _read(memory, given)
    return _of_reports(stack, given, allow_files)


@contextmanager
def database_of(
    db: str, words: Sequence[str], *, allow_files: bool = False
) -> Iterator[tuple[Database, list[str]]]:
    """The database that holds what the words mean, and the words for it: names where they are files.

    Raises:
        QueryError: some are files, and others neither files nor all of it in the database.
    """
    with ExitStack() as stack:
        if any(_is_file(word) for word in words):
            database, (names,) = opened(stack, db, [words], allow_files=allow_files)
            yield database, names
        else:
            database = stack.enter_context(open_database(db, allow_files=allow_files))
            _refuse_missing_files(database, db, words)
            yield database, list(words)


@contextmanager
def database_for(db: str, params: Mapping[str, Any]) -> Iterator[tuple[Database, dict[str, Any]]]:
    """The same for the parameters of a question, some of which name traces.

    Args:
        db: path of the database.
        params: values as click has them: a text, or a tuple of them.
    """
    of_traces = {name: params[name] for name in TRACE_PARAMS if params.get(name)}
    given = [[value] if isinstance(value, str) else list(value) for value in of_traces.values()]
    with ExitStack() as stack:
        if not any(_is_file(word) for side in given for word in side):
            database = stack.enter_context(open_database(db))
            _refuse_missing_files(database, db, [word for side in given for word in side])
            yield database, dict(params)
            return
        database, sides = opened(stack, db, given)
        placed = dict(params)
        for (name, value), names in zip(of_traces.items(), sides, strict=True):
            if isinstance(value, str) and len(names) > 1:
                raise QueryError(
                    f"{value} means {len(names)} reports, where --{name} is one: {', '.join(names)}",
                    "Name one of them.",
                )
            placed[name] = names[0] if isinstance(value, str) else tuple(names)
        yield database, placed


def no_such_file(word: str) -> ReportError | None:
    """The error for a word that can only be a file, by its path or its suffix, and is none; else nothing."""
    path = Path(word)
    reader = _claimed(path.name)
    if _is_file(word) or has_magic(word) or not (reader or word.startswith(_PATHS)):
        return None
    beside: dict[str, str] = {}
    # What cannot be looked into holds nothing to be meant.
    with suppress(OSError, ValueError):
        there = [one.name for one in sorted(path.parent.iterdir()) if _claimed(one.name)]
        # Of two that differ by their kind only, the one of the kind that was named.
        for name in sorted(there, key=lambda name: _claimed(name) is not reader):
            beside.setdefault(_stem(name), word[: len(word) - len(path.name)] + name)
    guess = did_you_mean(_stem(path.name), beside, beside.__getitem__)
    return ReportError(f"{word}: no such file", f"{guess}Check the path.")


def neither(word: str, db: str, known: Sequence[str]) -> QueryError:
    """The error for a word that is neither a trace nor a file.

    Args:
        word: as it was given.
        db: path of the database.
        known: names of the traces that it holds.
    """
    if not is_there(db):
        return QueryError(
            f"{word}: no such file, and there is no database {db} in which it could be a trace",
            "Check the path, make a database with: traceql ingest REPORT, or name another with --db",
        )
    return QueryError(
        f"{word}: neither a trace or tag in {db} nor a file",
        f"{did_you_mean(word, known)}Traces: traceql ls. Files: check the path.",
    )


def _claimed(name: str) -> object:
    """The reader of a file of that name; None where there is none."""
    return formats.claimed(_plain(name))


def _stem(name: str) -> str:
    return Path(_plain(name)).stem


def _plain(name: str) -> str:
    # Most words name traces, or there are none.
    from traceql.read.source import plain_name

    return plain_name(name)


def _refuse_missing_files(database: Database, db: str, words: Sequence[str]) -> None:
    """Refuse a word that is written as a file, and is none nor a trace.

    Raises:
        ReportError: it is so.
    """
    errors = {word: error for word in words if (error := no_such_file(word))}
    if not errors:
        return
    known: Mapping[str, object] = {}
    with suppress(DatabaseError):
        known = _known(database, errors, runs=False) if is_there(db) else {}
    for word, error in errors.items():
        if word not in known:
            raise error


def _is_file(word: str) -> bool:
    """Whether there is a file or folder of that name."""
    # A name that no file can have is that of a trace.
    with suppress(OSError, ValueError):
        return bool(word) and Path(word).exists()
    return False


def _known(database: Database, words: Iterable[str], runs: bool) -> dict[str, list[str]]:
    """Word → the traces that it means, by name, pattern or tag; or itself where it names runs."""
    from traceql.ask import place
    from traceql.store.named import meant as of_word

    traces = place.traces(database._store.run)
    # A sweep with several runs, too: the question says which there are.
    named = {
        word
        for name in (place.names_of_runs(database._store.run) if runs else ())
        for word in (name, name.partition(":")[0])
    }
    meant = {word: of_word(traces, word) or [word] * (word in named) for word in words}
    return {word: names for word, names in meant.items() if names}


def _read(database: Database, given: Sequence[Sequence[str]]) -> list[list[str]]:
    """Read the files that both sides mean, tables of runs among them, and return the names of both."""
    tables = {word for side in given for word in side if Path(word).suffix.lower() in _TABLES}
    sweeps = {table: database.import_runs(table).sweep for table in sorted(tables)}
    reports = iter(_ingest(database, [[word for word in side if word not in sweeps] for side in given]))
    return [[*(sweeps[word] for word in side if word in sweeps), *next(reports)] for side in given]


def _ingest(database: Database, given: Sequence[Sequence[str]]) -> list[list[str]]:
    """Read the reports that both sides mean, and return the names of the traces."""
    from traceql.store import of_reports
    from traceql.store.decode import find_reports

    paths = [find_reports(side) for side in given]
    every = list(dict.fromkeys(path for side in paths for path in side))
    names = dict(zip(every, of_reports.fill(database._store, every), strict=True))
    return [[names[path] for path in side] for side in paths]


def _of_reports(
    stack: ExitStack, given: Sequence[Sequence[str]], allow_files: bool
) -> tuple[Database, list[list[str]]]:
    """A database of the reports that both sides mean, kept for the next time, and the names of the traces."""
    from traceql.store import of_reports
    from traceql.store.decode import find_reports

    paths = [find_reports(side) for side in given]
    every = list(dict.fromkeys(path for side in paths for path in side))
    entry = of_reports.place(every)
    names = None if entry is None else of_reports.names(entry)
    database = None
    if entry is not None and names is not None:
        database = stack.enter_context(
            open_database(str(of_reports.database(entry)), allow_files=allow_files)
        )
        try:
            database._store.run("SELECT trace FROM traces", plain=True)
        except DatabaseError:
            # Damaged, or just removed by another process.
            database.close()
            of_reports.forget(entry)
            names = None
    if entry is not None and names is None and of_reports.keep(entry, lambda new: _made(new, every)):
        names = of_reports.names(entry)
        database = stack.enter_context(
            open_database(str(of_reports.database(entry)), allow_files=allow_files)
        )
        read = every[0].name if len(every) == 1 else f"{len(every)} reports"
        note(f"{read}: read, and kept in {entry.parent} for the next time")
    if names is None or database is None:
        database = stack.enter_context(open_database(":memory:", allow_files=allow_files))
        names = of_reports.fill(database._store, every)
    called = dict(zip(every, names, strict=True))
    written = {called[path]: str(path) for path in every}
    for word in (word for side in given for word in side):
        if len(of_word := find_reports([word])) == 1:
            # As it was given: ./NAME is the file, whatever traces there are.
            written[called[of_word[0]]] = word
    database._asker.written = written
    return database, [[called[path] for path in side] for side in paths]


def _made(new: Path, reports: Sequence[Path]) -> list[str]:
    from traceql.store import of_reports

    with open_database(str(new)) as database:
        return of_reports.fill(database._store, reports)


def _names(database: Database, db: str) -> list[str]:
    from traceql.ask import place

    with suppress(DatabaseError):
        if is_there(db):
            return [trace["trace"] for trace in place.traces(database._store.run)]
    return []


def _refuse(db: str, given: Sequence[Sequence[str]], known: Mapping[str, object], database: Database) -> None:
    """What is neither all traces nor all reports cannot be compared."""
    for word in (word for side in given for word in side):
        if word not in known and not Path(word).exists() and not has_magic(word):
            if error := no_such_file(word):
                raise error
            raise neither(word, db, _names(database, db))
    stored = [word for side in given for word in side if word in known and not Path(word).exists()]
    if stored:
        raise QueryError(
            f"{stored[0]} is a trace in {db}, but not everything it is compared with is",
            "Bring the others in first: traceql ingest REPORT",
        )
