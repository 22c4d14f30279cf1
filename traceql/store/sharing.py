"""One DuckDB file, as all objects of this process share it: for questions, or for one change at a time.

DuckDB shares a file that one process opens twice, but only with the same settings, and never for reading and
for writing at once; on POSIX any close of a file gives up the process's lock on it. So every file is opened
here, once: who wants it another way waits until nobody uses it, and then it is closed and opened anew.

Each thread asks through a cursor of its own: what it makes (temporary tables, an open transaction) is there
for its next question, and nobody else's, until the file is opened anew.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import threading
import weakref
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import duckdb

from traceql.errors import CatalogError, DatabaseError, QueryError
from traceql.store import create, failures, interrupts, trust
from traceql.store.definitions import Definition, words
from traceql.tables import migrations

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from traceql.store.connection import Store
    from traceql.store.definitions import Definitions

MEMORY = ":memory:"
NO_DATABASE = "Make one with: traceql ingest REPORT, or name another with --db"

#: read: questions; files: questions that may touch other files; write: one change; make: a new database.
Mode = Literal["read", "files", "write", "make"]
# Errors that a value can be the cause of.
_OF_VALUES = (duckdb.OutOfRangeException, duckdb.ConversionException, duckdb.InvalidInputException)
_CONFIG = {"autoinstall_known_extensions": "false", "python_enable_replacements": "false"}


@dataclass(frozen=True)
class Inside:
    """What is known of an open file.

    Attributes:
        database: what DuckDB calls it; empty for one in memory, which holds nothing of a stranger's.
        older: what stands in for tables of an older version.
        code: names of stored views and macros, where SQL may touch files.
    """

    database: str = ""
    older: Mapping[str, Definition] = field(default_factory=dict)
    code: frozenset[str] = frozenset()


class Cursor:
    """A thread's way into an open file, and the definitions that it has made there."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, inside: Inside) -> None:
        self.connection = connection
        self._inside = inside
        self._made: dict[str, Definition] = {}
        if inside.database:
            trust.builtins_first(connection, inside.database)

    def define(self, definitions: Definitions, statement: str) -> None:
        """Make the views and macros that a statement mentions, in place of stored ones of the same names.

        Raises:
            CatalogError: one of the user's own is wrong.
            QueryError: the statement may touch files, and uses code that the database holds.
        """
        if self._inside.database and failures.detaches(statement, self._inside.database):
            raise QueryError(
                f"the database {self._inside.database} cannot be detached", "It is what is asked here."
            )
        used = definitions.used_by(statement, self._inside.older)
        if self._inside.code:
            text = "\n".join([statement, *(definition.sql for definition in used if definition.own)])
            trust.refuse_code(text, self._inside.code, definitions.by_name, self._inside.database)
        for definition in used:
            if self._made.get(definition.name) != definition:
                self._make(definition)
                self._made[definition.name] = definition

    @contextlib.contextmanager
    def narrowed(self, selects: Mapping[str, str]) -> Iterator[Cursor]:
        """A way in of its own, for one statement, in which SELECTs over ``old.TABLE`` stand in for tables."""
        older = {name: definition.sql for name, definition in self._inside.older.items()}
        prefix = trust.prefix(self._inside.database or trust.database_name(self.connection))
        made = {name: migrations.over(sql, older, prefix) for name, sql in selects.items()}
        views = {name: Definition(name, "VIEW", "", sql, {}) for name, sql in made.items()}
        connection = self.connection.cursor()
        try:
            # In the order in which they can be made: those of older tables that are narrowed come later.
            kept = {name: one for name, one in self._inside.older.items() if name not in views}
            with interrupts.running(connection):
                yield Cursor(connection, replace(self._inside, older={**kept, **views}))
        finally:
            # Takes the views along: the next statement sees the tables.
            connection.close()

    def _make(self, definition: Definition) -> None:
        """Make one; what is the user's own may be wrong.

        Raises:
            CatalogError: it is; the message names the file.
        """
        if not definition.own:
            self.connection.execute(definition.create(temporary=True))
            return
        if definition.kind == "MACRO" and self._is_builtin(definition.name):
            raise CatalogError(
                f"{definition.own}: DuckDB has a function of the name, which others use", "Rename the file."
            )
        try:
            self.connection.execute(definition.create(temporary=True))
            if definition.kind == "VIEW":
                found = tuple(self.connection.table(definition.name).columns)
        except duckdb.Error as error:
            raise failures.definition_error(error, definition.own) from error
        if definition.kind == "VIEW" and found != definition.columns:
            raise CatalogError(
                f"{definition.own}: returns {', '.join(found)}, but declares {', '.join(definition.columns)}",
                "Let the @column lines of its header equal what its SQL selects.",
            )

    def _is_builtin(self, function: str) -> bool:
        names = "SELECT 1 FROM duckdb_functions() WHERE internal AND lower(function_name) = ? LIMIT 1"
        return self.connection.execute(names, [function]).fetchone() is not None

    def out_of_range(self, definitions: Definitions, statement: str, error: Exception) -> str:
        """What of the tables that a statement reads is out of range, if that can be why it failed."""
        if not self._inside.database or not isinstance(error, _OF_VALUES):
            return ""
        used = definitions.used_by(statement, self._inside.older)
        with contextlib.suppress(duckdb.Error):
            return trust.out_of_range(self.connection, words(statement).union(*(one.words for one in used)))
        return ""

    def forget(self) -> None:
        """Make everything anew when it is mentioned again: some of it may be gone."""
        self._made.clear()


class File:
    """One DuckDB file as this process has it open.

    Args:
        path: of the file, or ``":memory:"``.
        always: how it is opened whatever it is used for; by default as each use wants it.
    """

    def __init__(self, path: str, always: Mode | None = None) -> None:
        self._path = path
        self._always = always
        # Who waits for others to leave is next: those who come later stay behind.
        self._turn = threading.Lock()
        self._free = threading.Condition()
        self._users = 0
        self._changing = False
        self._holders: weakref.WeakSet[Store] = weakref.WeakSet()
        self._mode: Mode | None = None
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._cursors: weakref.WeakSet[Cursor] = weakref.WeakSet()
        self._own = threading.local()
        self._inside = Inside()
        self._remove_spill: weakref.finalize[..., File] | None = None

    @contextlib.contextmanager
    def used(self, store: Store, mode: Mode, threads: int | None = None) -> Iterator[Cursor]:
        """A way into the file, opened as `mode` says; waits for those who use it otherwise.

        Args:
            store: on whose behalf; it holds the file until it leaves.
            mode: what it is used for.
            threads: that compute, if it is opened for this; by default as many as there are processors.
        """
        wanted = self._always or mode
        with self._turn, self._free:
            while not self._fits(mode, wanted):
                self._free.wait()
            if self._connection is None or self._mode != wanted:
                self._close()
                self._open(store.path, wanted, threads)
            cursor = self._cursor(mode)
            self._holders.add(store)
            self._users += 1
            self._changing = self._changing or mode == "write"
        try:
            with interrupts.running(cursor.connection):
                yield cursor
        finally:
            if mode == "write":
                # Rolls back what was not committed, and takes the temporary tables along.
                cursor.connection.close()
            with self._free:
                self._users -= 1
                if mode == "write":
                    self._changing = False
                    if not self._always:
                        # Other processes may be waiting for the file.
                        self._close()
                self._free.notify_all()

    def leave(self, store: Store) -> None:
        """Close the file as soon as nobody uses it, unless another object holds it."""
        self._holders.discard(store)
        with self._turn, self._free:
            while self._users and not self._holders:
                self._free.wait()
            if not self._holders:
                self._close()

    def _fits(self, mode: Mode, wanted: Mode) -> bool:
        """Whether that use goes together with what the file is used for now."""
        if self._changing and mode == "write":
            return False
        if self._always:
            # In memory, who asks sees what was there before a change, or after it.
            return True
        return not self._users or (self._mode == wanted and mode != "write")

    def _cursor(self, mode: Mode) -> Cursor:
        assert self._connection is not None
        own: Cursor | None = getattr(self._own, "cursor", None)
        if mode == "write" or own is None or own not in self._cursors:
            own = Cursor(self._connection.cursor(), self._inside)
            self._cursors.add(own)
            if mode != "write":
                self._own.cursor = own
        return own

    def _open(self, given: str, mode: Mode, threads: int | None) -> None:
        path = self._path
        if path != MEMORY and mode != "make":
            if not Path(path).exists():
                # Gone since somebody looked; DuckDB would make an empty one.
                raise DatabaseError(f"{given}: no such database", NO_DATABASE)
            failures.check_magic(path, given)
        # A private folder for spilling: DuckDB lets SQL read and write the one it uses.
        spill = tempfile.mkdtemp(prefix="traceql-")
        self._remove_spill = weakref.finalize(self, shutil.rmtree, spill, ignore_errors=True)
        try:
            connection = duckdb.connect(
                path,
                read_only=mode in ("read", "files") and path != MEMORY,
                config={**_CONFIG, "temp_directory": spill, **({"threads": threads} if threads else {})},
            )
        except (duckdb.Error, RuntimeError) as error:
            self._close()
            raise failures.connection_error(error, given) from error
        self._connection = connection
        try:
            if path == MEMORY:
                create.tables(connection)
            elif mode != "make":
                self._inside = _inside(connection, given, mode)
            if mode != "files":
                connection.execute("SET enable_external_access = false")
            # SQL that a user typed or was given can change none of this.
            connection.execute("SET lock_configuration = true")
        except BaseException:
            self._close()
            raise
        self._mode = mode

    def _close(self) -> None:
        for cursor in self._cursors:
            cursor.connection.close()
        self._cursors.clear()
        if self._connection is not None:
            self._connection.close()
        self._connection, self._mode = None, None
        if self._remove_spill is not None:
            self._remove_spill()


def _inside(connection: duckdb.DuckDBPyConnection, given: str, mode: Mode) -> Inside:
    """What a file holds that is ours; refuses one that is not."""
    database = trust.database_name(connection)
    trust.builtins_first(connection, database)
    older = create.check(connection, given, database)
    return Inside(database, older, trust.code(connection) if mode == "files" else frozenset())


_FILES: weakref.WeakValueDictionary[str, File] = weakref.WeakValueDictionary()
_FILES_LOCK = threading.Lock()


def file_of(path: str) -> File:
    """The file of that absolute path, the same one for all of this process."""
    with _FILES_LOCK:
        return _FILES.setdefault(path, File(path))


def remove_spills() -> None:
    """Remove all folders for spilling: of a process that ends while the database computes."""
    with _FILES_LOCK:
        for file in _FILES.values():
            if file._remove_spill is not None:
                file._remove_spill()
