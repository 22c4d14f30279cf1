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
import uuid
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import duckdb

from traceql.errors import CatalogError, DatabaseError
from traceql.store import create, empty, failures
from traceql.store.definitions import words

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pyarrow as pa

    from traceql.questions.parameters import Value
    from traceql.store.definitions import Definition, Definitions

MEMORY = ":memory:"
NO_DATABASE = "Make one with: traceql ingest REPORT, or name another with --db"

# read: questions; files: questions that may touch other files; write: one change; make: a new database.
_Mode = Literal["read", "files", "write", "make"]
# Statements that may undo what a cursor made earlier.
_UNDOING = frozenset({"rollback", "abort", "drop", "replace", "alter"})
_CONFIG = {"autoinstall_known_extensions": "false", "python_enable_replacements": "false"}


class Store:
    """A database for those who ask or change it; the file is opened when it is first used.

    Args:
        path: of the DuckDB file; ``":memory:"`` for one that lasts as long as the object.
        allow_files: let SQL read and write other files and load extensions.
        definitions: views and macros that questions use; those in the database are never used.
    """

    def __init__(self, path: str, *, allow_files: bool, definitions: Definitions) -> None:
        self.path = path
        # Absolute, so that no name is taken for the address of something else (sqlite:x, md:x), and that of
        # the folder in which the object was made.
        self._place = path if path == MEMORY else str(Path(path).absolute().resolve())
        self.definitions = definitions
        self._asking: _Mode = "files" if allow_files else "read"
        # One in memory is this object's alone, and nobody else could open it.
        self._own = _File(path, self._asking) if path == MEMORY else None
        self._held: _File | None = None
        # One thread at a time makes the file, and the others find it made.
        self._making = threading.RLock()
        self._prepared: str | None = None

    @property
    def allows_files(self) -> bool:
        """Whether SQL may touch other files."""
        return self._asking == "files"

    @property
    def exists(self) -> bool:
        """Whether there is anything to ask; a database in memory always is."""
        return self.path == MEMORY or Path(self._place).exists()

    def close(self) -> None:
        """Let go of the file; it is closed if no other object has it, and opened again when it is needed."""
        self._discard_prepared()
        held, self._held = self._held, None
        if held is not None:
            held.leave(self)

    def _used(self, mode: _Mode) -> contextlib.AbstractContextManager[_Cursor]:
        # Held from the first use on: a file that only closed objects knew could not be let go of.
        self._held = held = self._own or _file(self._place)
        return held.used(self, mode)

    # --- questions --------------------------------------------------------------------------------------

    def run(
        self,
        statement: str,
        params: Mapping[str, Value] | None = None,
        tables: Mapping[str, pa.Table] | None = None,
    ) -> pa.Table:
        """Run SQL and return the rows of its last statement.

        Args:
            statement: one or more statements; ``$name`` is a parameter.
            params: values of the parameters.
            tables: Arrow tables that the SQL knows by these names.

        Raises:
            QueryError: DuckDB refuses the statement.
            DatabaseError: the database cannot be opened.
        """
        import pyarrow as pa

        if not self.exists:
            raise DatabaseError(f"{self.path}: no such database", NO_DATABASE)
        with self._used(self._asking) as cursor:
            try:
                if not self.allows_files and failures.writes_files(statement):
                    raise failures.no_files("Permission Error: COPY and EXPORT write files")
                cursor.define(self.definitions, statement)
                for name, table in (tables or {}).items():
                    cursor.connection.register(name, table)
                answer = cursor.connection.sql(statement, params=dict(params) if params else None)
                rows = _presentable(answer.to_arrow_table()) if answer is not None else pa.table({})
                if words(statement) & _UNDOING:
                    cursor.forget()
                return rows
            except (duckdb.Error, CatalogError) as error:
                # A transaction that the SQL began ends with its error: later questions need an answer.
                with contextlib.suppress(duckdb.Error):
                    cursor.connection.execute("ROLLBACK")
                cursor.forget()
                if isinstance(error, CatalogError):
                    raise
                raise failures.query_error(error) from error
            except RuntimeError as error:
                raise failures.interrupt(error) from error
            finally:
                for name in tables or {}:
                    cursor.connection.unregister(name)

    # --- changes ----------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def writing(self, what: str, *, new: bool = True) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection to change the database, in one transaction.

        Args:
            what: is to be stored, for the message if that fails.
            new: whether a database that is not there is made; else that is an error.

        Raises:
            DatabaseError: the database cannot be written; it is as it was.
        """
        try:
            with contextlib.ExitStack() as stack:
                fresh, cursor = self._to_change(stack, new=new)
                connection = cursor.connection
                try:
                    connection.execute("BEGIN")
                    if self._own is None:
                        # Nobody else opens a database in memory: it is of this version, and stores no code.
                        create.upgrade(connection, self.definitions)
                    yield connection
                    connection.execute("COMMIT")
                except BaseException:
                    with contextlib.suppress(duckdb.Error):
                        connection.execute("ROLLBACK")
                    raise
                finally:
                    # A first ingest that failed leaves nothing behind. Removed while it is locked, for
                    # another process may be waiting to store something.
                    if fresh and create.is_empty(connection):
                        _remove(self._place)
        except duckdb.Error as error:
            raise failures.storage_error(error, what, self.path) from error
        except RuntimeError as error:
            raise failures.interrupt(error) from error
        finally:
            self._discard_prepared()

    def _to_change(self, stack: contextlib.ExitStack, *, new: bool) -> tuple[bool, _Cursor]:
        """Whether the file was made for this change, and the way into it, which `stack` closes."""
        while True:
            fresh = not self.exists
            if fresh:
                if not new:
                    raise DatabaseError(f"{self.path}: no such database", NO_DATABASE)
                self._make()
            try:
                return fresh, stack.enter_context(self._used("write"))
            except DatabaseError:
                # Gone while this one waited: somebody's first change failed, and took the file along.
                if not new or self.exists:
                    raise

    def prepare(self) -> None:
        """Make an empty database beside the path, if there is none, for the first change to put in place.

        Saves time when called while reports are being decoded. `close` removes what was not needed.

        Raises:
            DatabaseError: the database cannot be written.
        """
        with self._making:
            if self.exists or self._prepared is not None:
                return
            self._prepared = f"{self._place}.{uuid.uuid4().hex}.new"
            if empty.copy(self._prepared, self.definitions):
                return
            made = _File(self._prepared)
            try:
                with made.used(self, "make") as cursor:
                    create.create(cursor.connection, self.definitions)
            except duckdb.Error as error:
                self._discard_prepared()
                raise failures.storage_error(error, "an empty database", self.path) from error
            finally:
                made.leave(self)
            empty.keep(self._prepared, self.definitions)

    def _make(self) -> None:
        """Put an empty database in place: killed at any moment, there is a whole one or none."""
        with self._making:
            self.prepare()
            if self._prepared is None:
                return
            try:
                # Unlike a plain rename, never in place of a database that another process made meanwhile.
                with contextlib.suppress(FileExistsError):
                    Path(self._place).hardlink_to(self._prepared)
            except OSError:
                # A file system without hard links.
                Path(self._prepared).rename(self._place)
            finally:
                self._discard_prepared()

    def _discard_prepared(self) -> None:
        with self._making:
            if self._prepared is not None:
                _remove(self._prepared)
                self._prepared = None


class _Cursor:
    """A thread's way into an open file, and the definitions that it has made there."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, stored: Mapping[str, Definition]) -> None:
        self.connection = connection
        # What stands in for tables of an older version.
        self._stored = stored
        self._made: dict[str, Definition] = {}

    def define(self, definitions: Definitions, statement: str) -> None:
        """Make the views and macros that a statement mentions, in place of stored ones of the same names."""
        for definition in definitions.used_by(statement, self._stored):
            if self._made.get(definition.name) != definition:
                self._make(definition)
                self._made[definition.name] = definition

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

    def forget(self) -> None:
        """Make everything anew when it is mentioned again: some of it may be gone."""
        self._made.clear()


class _File:
    """One DuckDB file as this process has it open.

    Args:
        path: of the file, or ``":memory:"``.
        always: how it is opened whatever it is used for; by default as each use wants it.
    """

    def __init__(self, path: str, always: _Mode | None = None) -> None:
        self._path = path
        self._always = always
        # Who waits for others to leave is next: those who come later stay behind.
        self._turn = threading.Lock()
        self._free = threading.Condition()
        self._users = 0
        self._changing = False
        self._holders: weakref.WeakSet[Store] = weakref.WeakSet()
        self._mode: _Mode | None = None
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._cursors: weakref.WeakSet[_Cursor] = weakref.WeakSet()
        self._own = threading.local()
        self._older: Mapping[str, Definition] = {}
        self._remove_spill: weakref.finalize[..., _File] | None = None

    @contextlib.contextmanager
    def used(self, store: Store, mode: _Mode) -> Iterator[_Cursor]:
        """A way into the file, opened as `mode` says; waits for those who use it otherwise.

        Args:
            store: on whose behalf; it holds the file until it leaves.
            mode: what it is used for.
        """
        wanted = self._always or mode
        with self._turn, self._free:
            while not self._fits(mode, wanted):
                self._free.wait()
            if self._connection is None or self._mode != wanted:
                self._close()
                self._open(store.path, wanted)
            cursor = self._cursor(mode)
            self._holders.add(store)
            self._users += 1
            self._changing = self._changing or mode == "write"
        try:
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

    def _fits(self, mode: _Mode, wanted: _Mode) -> bool:
        """Whether that use goes together with what the file is used for now."""
        if self._changing and mode == "write":
            return False
        if self._always:
            # In memory, who asks sees what was there before a change, or after it.
            return True
        return not self._users or (self._mode == wanted and mode != "write")

    def _cursor(self, mode: _Mode) -> _Cursor:
        assert self._connection is not None
        own: _Cursor | None = getattr(self._own, "cursor", None)
        if mode == "write" or own is None or own not in self._cursors:
            own = _Cursor(self._connection.cursor(), self._older)
            self._cursors.add(own)
            if mode != "write":
                self._own.cursor = own
        return own

    def _open(self, given: str, mode: _Mode) -> None:
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
                config={**_CONFIG, "temp_directory": spill},
            )
        except (duckdb.Error, RuntimeError) as error:
            self._close()
            raise failures.connection_error(error, given) from error
        self._connection = connection
        try:
            if path == MEMORY:
                create.tables(connection)
            elif mode != "make":
                self._older = create.check(connection, given)
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


_FILES: weakref.WeakValueDictionary[str, _File] = weakref.WeakValueDictionary()
_FILES_LOCK = threading.Lock()


def _file(path: str) -> _File:
    """The file of that absolute path, the same one for all of this process."""
    with _FILES_LOCK:
        return _FILES.setdefault(path, _File(path))


def _presentable(table: pa.Table) -> pa.Table:
    """The table in types and with names that polars, CSV and JSON can carry.

    HUGEINT arrives as a decimal: back to 64-bit integers where all values fit. An interval becomes text. Of
    columns with one name (SELECT * over a join) the second is called name_1, the third name_2 …
    """
    import pyarrow as pa

    for index, column in enumerate(table.schema):
        if pa.types.is_decimal(column.type) and column.type.scale == 0:
            with contextlib.suppress(pa.ArrowInvalid):
                table = table.set_column(index, column.name, table.column(index).cast(pa.int64()))
        elif pa.types.is_interval(column.type):
            texts = [None if value is None else str(value) for value in table.column(index).to_pylist()]
            table = table.set_column(index, column.name, pa.array(texts, pa.string()))
    names: list[str] = []
    for name in table.column_names:
        numbered = (f"{name}_{n}" for n in range(1, table.num_columns + 1))
        taken = {*names, *table.column_names}
        names.append(name if name not in names else next(n for n in numbered if n not in taken))
    return table.rename_columns(names)


def _remove(database: str) -> None:
    for file in (database, f"{database}.wal"):
        # Windows removes no open file: an empty database is then left, which is as good as none.
        with contextlib.suppress(PermissionError):
            Path(file).unlink(missing_ok=True)
