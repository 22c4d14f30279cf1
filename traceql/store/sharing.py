"""One DuckDB file, as all objects of this process share it: for questions, or for one change at a time.

DuckDB shares a file that one process opens twice, but only with the same settings, and never for reading and
for writing at once; on POSIX any close of a file gives up the process's lock on it. So every file is opened
here, once, under whatever names: who wants it another way waits until nobody uses it, and then it is closed
and opened anew. Who finds another process at it waits, too, and keeps none of this process from it meanwhile.

Who has a file open for a change may put another in its place, or remove it. So whoever has been given the
lock looks whether the path still leads to the file that was opened, and opens it again if not.

Each thread asks through a cursor of its own: what it makes (temporary tables, an open transaction) is there
for its next question, and nobody else's, until the file is opened anew.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import sys
import threading
import time
import weakref
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from traceql.errors import CatalogError, DatabaseError, QueryError
from traceql.read import formats, temporary
from traceql.store import compact, create, engine, failures, held, interrupts, trust
from traceql.store.definitions import Definition, words
from traceql.store.engine import duckdb
from traceql.store.means import ALL
from traceql.store.waiting import BusyError, Wait, pause_s
from traceql.tables import migrations, schema

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from traceql.store.connection import Store
    from traceql.store.definitions import Definitions
    from traceql.store.means import Means

MEMORY = ":memory:"
NO_DATABASE = "Make one with: traceql ingest REPORT, or name another with --db"

#: read: questions; files: questions that may touch other files; write: one change; make: a new database.
Mode = Literal["read", "files", "write", "make"]
_TABLES = frozenset(schema.BY_NAME)
# Names of traces, and SELECTs that stand in for tables.
_Place: TypeAlias = tuple[tuple[str, ...], tuple[tuple[str, str], ...]]
# Places of a page at which is kept what questions have in common: it goes from one trace to the next.
_MOST_KEPT = 3
# Errors that a value can be the cause of.
_OF_VALUES = (duckdb.OutOfRangeException, duckdb.ConversionException, duckdb.InvalidInputException)
# Where files have no second names, a database is copied into place: it takes no longer.
_MAKING_S = 1.0
#: Of every connection.
CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": "false",
    "python_enable_replacements": "false",
    # It takes loops over all pairs for shorter where it expects few rows, and can be wrong by millions.
    "asof_loop_join_threshold": "0",
}


def config_of(spill: Path, means: Means = ALL) -> dict[str, str | bool | int | float | list[str]]:
    """Settings of a connection that has a private folder for what does not fit into memory."""
    return {**CONFIG, "temp_directory": str(spill), **means.config}


@dataclass(frozen=True)
class Inside:
    """What is known of an open file.

    Attributes:
        database: what DuckDB calls it; empty for one in memory, which holds nothing of a stranger's.
        older: what stands in for tables of an older version.
        code: names of stored views and macros, where SQL may touch files.
        of_traces: what stands in for tables, and for views over all traces, where some are asked about; None
            where that saves nothing.
    """

    database: str = ""
    older: Mapping[str, Definition] = field(default_factory=dict)
    code: frozenset[str] = frozenset()
    of_traces: Callable[[Sequence[str]], Mapping[str, Definition]] | None = None


class Keep:
    """Whose statements find computed what they have in common: those of a page, as long as this is there."""


class Cursor:
    """A thread's way into an open file, and the definitions that it has made there.

    Args:
        connection: to the database.
        inside: what is known of it.
        computing: whether views that several statements read are computed once.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        inside: Inside,
        *,
        computing: bool = False,
    ) -> None:
        self.connection = connection
        self._inside = inside
        self._computing = computing
        # The traces that the next statement is about; none for all.
        self._asked: Sequence[str] = ()
        self._made: dict[str, Definition] = {}
        # About which traces, narrowed to what → the way in where that is computed; the last one is last.
        self._kept: weakref.WeakKeyDictionary[Keep, dict[_Place, Cursor]] = weakref.WeakKeyDictionary()
        if inside.database:
            trust.builtins_first(connection, inside.database)

    def define(self, definitions: Definitions, sql: failures.Parsed) -> None:
        """Make the views and macros that a statement mentions, in place of stored ones of the same names.

        Raises:
            CatalogError: one of the user's own is wrong.
            QueryError: the statement may touch files, and uses code that the database holds.
        """
        statement = sql.text
        if self._inside.database and sql.detaches(self._inside.database):
            raise QueryError(
                f"the database {self._inside.database} cannot be detached", "It is what is asked here."
            )
        used = definitions.used_by(statement, self._inside.older)
        if self._inside.code:
            text = "\n".join([statement, *(definition.sql for definition in used if definition.own)])
            trust.refuse_code(text, self._inside.code, definitions.by_name, self._inside.database)
        for found in used:
            definition = found.about(self._asked)
            if self._made.get(definition.name) != definition:
                self._make(definition)
                self._made[definition.name] = definition

    @contextlib.contextmanager
    def at(
        self, traces: Sequence[str], selects: Mapping[str, str], keep: Keep | None = None
    ) -> Iterator[Cursor]:
        """A way in for one statement.

        Args:
            traces: it reads no rows of others, if any are named.
            selects: SELECTs over ``old.TABLE`` that stand in for tables.
            keep: whose statement it is, if what it has in common with others is to be computed once.
        """
        older = self._inside.older
        if traces and self._inside.of_traces is not None:
            older = self._inside.of_traces(traces)
        if selects:
            older = self._narrowed(older, selects)
        # Where traces are added up, they have other names.
        asked = () if "traces" in selects else tuple(traces)
        if keep is not None and asked:
            one = self._computed(keep, (asked, tuple(selects.items())), older)
            with interrupts.running(one.connection):
                yield one
        elif older is self._inside.older:
            self._asked = asked
            yield self
        else:
            connection = self.connection.cursor()
            try:
                with interrupts.running(connection):
                    one = Cursor(connection, replace(self._inside, older=older))
                    one._asked = asked
                    yield one
            finally:
                # Takes the views along: the next statement sees the tables.
                connection.close()

    def _narrowed(self, older: Mapping[str, Definition], selects: Mapping[str, str]) -> dict[str, Definition]:
        """What stands in for tables where SELECTs over ``old.TABLE`` narrow them."""
        # Of all traces already.
        selects = {name: sql for name, sql in selects.items() if name not in older.keys() - _TABLES}
        prefix = trust.prefix(self._inside.database or trust.database_name(self.connection))
        stored = {name: definition.sql for name, definition in older.items()}
        made = {name: migrations.over(sql, stored, prefix) for name, sql in selects.items()}
        views = {name: Definition(name, "VIEW", "", sql, {}) for name, sql in made.items()}
        # In the order in which they can be made: those of older tables that are narrowed come later.
        return {**{name: one for name, one in older.items() if name not in views}, **views}

    def _computed(self, keep: Keep, place: _Place, older: Mapping[str, Definition]) -> Cursor:
        """The way in for statements at a place that find computed what they have in common."""
        kept = self._kept.setdefault(keep, {})
        one = kept.pop(place, None)
        if one is None:
            inside = replace(self._inside, older=older)
            one = Cursor(self.connection.cursor(), inside, computing=True)
            one._asked = place[0]
        kept[place] = one
        if len(kept) > _MOST_KEPT:
            kept.pop(next(iter(kept))).close()
        return one

    def close(self) -> None:
        """Close its connections."""
        for connection in self.connections():
            connection.close()

    def connections(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Its own connection, and those in which something is kept."""
        yield self.connection
        for kept in tuple(self._kept.values()):
            for one in kept.values():
                yield one.connection

    def _make(self, definition: Definition) -> None:
        """Make one; what is the user's own may be wrong.

        Raises:
            CatalogError: it is; the message names the file.
        """
        if not definition.own:
            self._make_as_it_is_kept(definition)
            return
        if definition.kind == "MACRO" and self._is_builtin(definition.name):
            raise CatalogError(
                f"{definition.own}: DuckDB has a function of the name, which others use", "Rename the file."
            )
        try:
            self._make_as_it_is_kept(definition)
            if definition.kind == "VIEW":
                engine.with_relations()
                found = tuple(self.connection.table(definition.name).columns)
        except duckdb.Error as error:
            raise failures.definition_error(error, definition.own) from error
        if definition.kind == "VIEW" and found != definition.columns:
            raise CatalogError(
                f"{definition.own}: returns {', '.join(found)}, but declares {', '.join(definition.columns)}",
                "Let the @column lines of its header equal what its SQL selects.",
            )

    def _make_as_it_is_kept(self, definition: Definition) -> None:
        if definition.once and self._computing:
            definition.compute(self.connection)
        else:
            definition.make(self.connection)

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
        always: how it is opened whatever it is used for, if it is in memory; else as each use wants it.
    """

    def __init__(self, always: Mode | None = None) -> None:
        self._always = always
        self._orphaned = False
        #: Of the file that is open, or was last; None before.
        self.identity: held.Identity | None = None
        self._begin()
        _ALL.add(self)

    def _begin(self) -> None:
        """Nobody has it open, uses it, or waits for it."""
        # Who waits for others to leave is next: those who come later stay behind.
        self._turn = threading.Lock()
        # Taken by itself: a signal must not come between it and the block it is taken for.
        self._lock = threading.Lock()
        self._free = threading.Condition(self._lock)
        # The thread of each.
        self._users: list[int] = []
        # The thread that changes the file.
        self._changing: int | None = None
        self._holders: weakref.WeakSet[Store] = weakref.WeakSet()
        self._mode: Mode | None = None
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._cursors: weakref.WeakSet[Cursor] = weakref.WeakSet()
        # Not before, so that other processes get in.
        self._next_change = 0.0
        self._own = threading.local()
        self._inside = Inside()
        self._remove_spill: weakref.finalize[..., object] | None = None
        self._let_go: weakref.finalize[..., File] | None = None
        # Lets go of the file that has taken this one's place, locked until this one is closed.
        self._let_go_of_successor: weakref.finalize[..., File] | None = None

    @contextlib.contextmanager
    def used(
        self, store: Store, mode: Mode, means: Means = ALL, place: str | None = None
    ) -> Iterator[Cursor]:
        """A way into the file, opened as `mode` says; waits for those who use it otherwise.

        Args:
            store: on whose behalf; it holds the file until it leaves.
            mode: what it is used for.
            means: what that may take, if it is opened for this.
            place: of the file, if it is another than the store's.

        Raises:
            DatabaseError: it cannot be opened, or another process had it all the time.
        """
        if mode == "write" and not self._always:
            time.sleep(max(0.0, self._next_change - time.monotonic()))
        wait: Wait | None = None
        with contextlib.ExitStack() as said:
            while True:
                try:
                    with interrupts.raising():
                        cursor = self._entered(store, mode, means, place or store.place)
                    break
                except BusyError as busy:
                    if wait is None:
                        wait = Wait(store.path, store.patience)
                        said.enter_context(interrupts.waiting(f"{store.path} is in use by {busy}"))
                    wait.go_on(busy)
        began, thread = time.monotonic(), threading.get_ident()
        try:
            with interrupts.running(cursor.connection):
                yield cursor
        finally:
            if mode == "write":
                # Rolls back what was not committed, and takes the temporary tables along.
                cursor.connection.close()
            with self._lock:
                # In a fork, which begins without users, it is none.
                if thread in self._users:
                    self._users.remove(thread)
                if mode == "write":
                    self._changing = None
                    if not self._always:
                        # Other processes may be waiting for the file.
                        self._close()
                        ended = time.monotonic()
                        self._next_change = ended + pause_s(ended - began)
                self._free.notify_all()

    def _entered(self, store: Store, mode: Mode, means: Means, place: str) -> Cursor:
        """A way into the file for one more user.

        Raises:
            BusyError: another process has it open.
            DatabaseError: this thread itself would have to let go of it.
        """
        wanted = self._always or mode
        with self._lock:
            # Before it waits for its turn, for who has that may be waiting for what this thread does.
            if self._waits_for_itself(mode, wanted, place):
                doing = "changes" if interrupts.asking() == self._changing else "is asking"
                raise DatabaseError(
                    f"{store.path}: this thread {doing} the database already, and would wait for itself",
                    "Use the connection of the change, or let it end first.",
                )
        with self._turn, self._lock:
            while not self._fits(mode, wanted, place):
                with interrupts.waiting(f"{store.path} is in use by this process itself"):
                    self._free.wait()
            if self._connection is None or self._mode != wanted or self._moved(place):
                self._close()
                self._open(store.path, place, wanted, means)
            cursor = self._cursor(mode)
            self._holders.add(store)
            self._users.append(threading.get_ident())
            if mode == "write":
                self._changing = interrupts.asking()
        return cursor

    def leave(self, store: Store) -> None:
        """Close the file as soon as nobody uses it, unless another object holds it.

        A thread that leaves does not wait for itself: what it used, an interruption kept it from giving back.
        """
        self._holders.discard(store)
        thread = threading.get_ident()
        with self._turn, self._lock:
            while any(user != thread for user in self._users) and not self._holders:
                self._free.wait()
            if not self._holders:
                if _staying is not None and self._mode == "read":
                    _staying.append(self)
                else:
                    self._close()

    def give_way(self, made: str, place: str) -> None:
        """Let a new file take the place of this one, which is open for a change that ends here.

        Other processes find the old file locked, or the new one, until this one is closed: in between nobody
        reads or writes what is about to go.
        """
        if sys.platform == "win32" or importlib.util.find_spec("fcntl") is None:
            # Windows moves no file over one that is open.
            self._close()
            os.replace(made, place)  # noqa: PTH105
            return
        import fcntl

        with held.opening():
            there, descriptor = held.identity(made), os.open(made, os.O_RDWR)
            assert there is not None
            # Nothing else in this process opens it, which would give up the lock.
            held.hold(there)
            self._let_go_of_successor = weakref.finalize(self, held.let_go, there, descriptor)
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.replace(made, place)  # noqa: PTH105
        held.sync_folder(place)

    def _fits(self, mode: Mode, wanted: Mode, place: str) -> bool:
        """Whether that use goes together with what the file is used for now."""
        if self._changing is not None and mode == "write":
            return False
        if self._always:
            # In memory, who asks sees what was there before a change, or after it.
            return True
        return not self._users or (self._mode == wanted and mode != "write" and not self._moved(place))

    def _waits_for_itself(self, mode: Mode, wanted: Mode, place: str) -> bool:
        """Whether that use is not free before this thread lets go of what it uses."""
        if self._fits(mode, wanted, place):
            return False
        if interrupts.asking() == self._changing:
            return True
        return not self._always and threading.get_ident() in self._users

    def _moved(self, place: str) -> bool:
        """Whether another file has come into the place of the one that is open."""
        return self._always is None and held.identity(place) != self.identity

    def _cursor(self, mode: Mode) -> Cursor:
        assert self._connection is not None
        own: Cursor | None = getattr(self._own, "cursor", None)
        if mode == "write" or own is None or own not in self._cursors:
            own = Cursor(self._connection.cursor(), self._inside)
            self._cursors.add(own)
            if mode != "write":
                self._own.cursor = own
        return own

    def _open(self, given: str, path: str, mode: Mode, means: Means) -> None:
        if self._orphaned:
            # DuckDB would hand out what the other process has open, without its threads and its lock.
            raise DatabaseError(
                f"{given}: was open when this process was forked from another, and cannot be used here",
                "Close databases before a fork, or start processes anew (multiprocessing: 'spawn').",
            )
        # A private folder for spilling: DuckDB lets SQL read and write the one it uses.
        spill, self._remove_spill = temporary.folder_of(self)
        config = config_of(spill, means)
        if mode == "make":
            # Nobody sees it yet: what is committed need not be written to a log first. And nothing in it is
            # older than this change: there is nothing to bring together.
            config |= {"checkpoint_threshold": "0B", "max_vacuum_tasks": "0"}
        try:
            if path == MEMORY:
                self._connection = duckdb.connect(path, config=config)
            else:
                with interrupts.raising():
                    while self._connection is None:
                        self._connection = self._connected(given, path, mode, config)
        except (duckdb.Error, RuntimeError) as error:
            self._close()
            if who := failures.holder(error):
                raise BusyError(who) from error
            raise failures.connection_error(error, given, path) from error
        except BaseException:
            self._close()
            raise
        connection = self._connection
        try:
            if path == MEMORY:
                create.tables(connection)
            elif mode != "make":
                self._inside = _inside(connection, given, mode)
            if mode == "write":
                compact.sweep(path)
                # What is written anew lies there.
                there = schema.literal(compact.folder(path))
                connection.execute(f"SET allowed_directories = [{there}]")
            if mode != "files":
                connection.execute("SET enable_external_access = false")
            # SQL that a user typed or was given can change none of this.
            connection.execute("SET lock_configuration = true")
        except BaseException:
            self._close()
            raise
        self._mode = mode

    def _connected(
        self, given: str, path: str, mode: Mode, config: dict[str, str | bool | int | float | list[str]]
    ) -> duckdb.DuckDBPyConnection | None:
        """A connection to the file that is at the path; None if there is another by now.

        Raises:
            duckdb.Error: DuckDB cannot open it.
            DatabaseError: there is none, or it is no database.
        """
        with held.opening(), contextlib.ExitStack() as if_not:
            before = held.identity(path)
            pinned = None
            if mode != "make":
                if before is None:
                    # Gone since somebody looked; DuckDB would make an empty one.
                    raise DatabaseError(f"{given}: no such database", NO_DATABASE)
                if not Path(path).is_file():
                    # A pipe would be waited for, in a way that no signal ends.
                    raise DatabaseError(f"{given}: cannot be opened (not a file)", NO_DATABASE)
                if held.holds(before):
                    raise BusyError("this process itself, under another name")
                pinned = held.pin(path)
                if pinned is not None:
                    if_not.callback(os.close, pinned)
                    before = held.identity(pinned)
                # Before DuckDB tries what it could be (it knows SQLite, too).
                head = held.head(path)
                if head is not None and not formats.is_duckdb(head):
                    if not any(head) and time.time() - Path(path).stat().st_mtime < _MAKING_S:
                        raise BusyError("another process, which makes it")
                    raise failures.no_database(given, empty=not any(head))
            try:
                connection = duckdb.connect(path, read_only=mode in ("read", "files"), config=config)
            except duckdb.Error:
                if mode != "make" and held.identity(path) != before:
                    return None
                raise
            there = held.identity(path)
            if there is not None and (there == before or before is None):
                self.identity = there
                held.hold(there)
                # Or when nobody knows this object any more.
                self._let_go = weakref.finalize(self, held.let_go, there, pinned)
                if_not.pop_all()
                return connection
            if mode == "write" and there is not None and create.is_bare(connection):
                # Made by DuckDB itself, for the path was free at that moment.
                Path(path).unlink(missing_ok=True)
            connection.close()
            return None

    def _close(self) -> None:
        for cursor in self._cursors:
            cursor.close()
        self._cursors.clear()
        if self._connection is not None:
            self._connection.close()
        if self._let_go is not None:
            self._let_go()
        self._connection, self._mode = None, None
        if self._let_go_of_successor is not None:
            self._let_go_of_successor()
        if self._remove_spill is not None:
            self._remove_spill()

    def forget(self) -> None:
        """In a forked process: leave alone what the other one has open.

        A connection that ends writes to the file; the locks and the threads are the other process's.
        """
        if self._connection is not None:
            import ctypes

            self._orphaned = True
            _ORPHANS.append(self)
            within = (connection for cursor in self._cursors for connection in cursor.connections())
            for connection in (self._connection, *within):
                # Not even when Python ends.
                ctypes.pythonapi.Py_IncRef(ctypes.py_object(connection))
        for at_end in (self._remove_spill, self._let_go, self._let_go_of_successor):
            if at_end is not None:
                at_end.detach()
        self._begin()


def _inside(connection: duckdb.DuckDBPyConnection, given: str, mode: Mode) -> Inside:
    """What a file holds that is ours; refuses one that is not."""
    database = trust.database_name(connection)
    trust.builtins_first(connection, database)
    older = create.check(connection, given, database)
    return Inside(database, older, trust.code(connection) if mode == "files" else frozenset())


_ALL: weakref.WeakSet[File] = weakref.WeakSet()
# What is not closed though nobody holds it, for the process ends soon; None where it goes on.
_staying: list[File] | None = None
# Nobody opens them anew.
_ORPHANS: list[File] = []
_FILES: weakref.WeakValueDictionary[str, File] = weakref.WeakValueDictionary()
_FILES_LOCK = threading.Lock()


def stay_open() -> None:
    """What is open for questions ends with the process: that takes no time, and closing it takes some."""
    global _staying
    _staying = _staying or []


def close_what_stays() -> None:
    """Close it all the same, for the process goes on until a person ends it, and others wait for the file."""
    global _staying
    staying, _staying = _staying or [], None
    for file in staying:
        with file._turn, file._lock:
            if not file._holders:
                file._close()


def file_of(path: str) -> File:
    """The file at that absolute path, the same one for all of this process and for all names that it has."""
    there = held.identity(path)
    with _FILES_LOCK:
        for file in _FILES.values():
            if there is not None and file.identity == there:
                return file
        file = _FILES.setdefault(path, File())
        file.identity = file.identity or there
        return file


def _forked() -> None:
    global _FILES_LOCK
    _FILES_LOCK = threading.Lock()
    for file in list(_ALL):
        file.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
