"""A database for those who ask or change it: questions, changes, and how a new file comes into its place."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import threading
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Required, TypedDict, cast

from traceql import given, rows
from traceql.errors import CatalogError, DatabaseError
from traceql.read import formats
from traceql.rows import Batches
from traceql.store import compact, create, empty, engine, failures, held, interrupts, permissions, trust
from traceql.store.engine import duckdb
from traceql.store.means import ALL
from traceql.store.sharing import MEMORY, NO_DATABASE, File, file_of
from traceql.store.waiting import WAIT_S, OvertakenError, Patience, log, seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
    from typing import Unpack

    import pyarrow as pa

    from traceql.questions.parameters import Value
    from traceql.store.definitions import Definitions
    from traceql.store.means import Means
    from traceql.store.outcomes import Compacted
    from traceql.store.sharing import Cursor, Keep, Mode

#: never; private: if something of the kind was removed; always.
Anew = Literal["never", "private", "always"]

# Words of statements that may undo what a cursor made earlier.
_UNDOING = ("rollback", "abort", "drop", "replace", "alter")

# Of a database file from this size on, answers may have millions of rows; pyarrow is worth its import then.
_LARGE_BYTES = 32 << 20
_ROWS_AT_ONCE = 122_880
# Types whose values look the same whatever stands in other rows.
_IN_PARTS = r"U?(TINY|SMALL|BIG)INT|U?INTEGER|BOOLEAN|DOUBLE|FLOAT|VARCHAR|JSON|(VARCHAR|BIGINT|DOUBLE)\[\]"


class Options(TypedDict, total=False):
    """How a store is used; all but the definitions can be left out.

    Attributes:
        allow_files: let SQL read and write other files and load extensions.
        definitions: views and macros that questions use; those in the database are never used.
        timeout_s: how long a statement may take; None for any time.
        wait_s: how long a question or a change waits for another process that has the file open.
        tell: is given a sentence when one waits, once.
        before_arrow: is called before pyarrow is needed, if anything is.
    """

    allow_files: bool
    definitions: Required[Definitions]
    timeout_s: float | None
    wait_s: float
    tell: Callable[[str], None]
    before_arrow: Callable[[], None] | None


class Store:
    """A database for those who ask or change it; the file is opened when it is first used.

    Args:
        path: of the DuckDB file; ``":memory:"`` for one that lasts as long as the object.
        **options: see `Options`.

    Raises:
        ValueError: `timeout_s` or `wait_s` is no number of seconds.
    """

    #: Statements that may write files, where that is not allowed.
    writing_words: tuple[str, ...] = ("copy", "export")
    #: Whether several traces had better come in one after the other than in one change.
    one_by_one = False

    def __init__(self, path: str, **options: Unpack[Options]) -> None:
        self.path = path
        timeout_s = options.get("timeout_s")
        self.timeout_s = None if timeout_s is None else seconds("timeout_s", timeout_s, zero=False)
        #: Absolute, so that no name is taken for the address of something else (sqlite:x, md:x), and that of
        #: the folder in which the object was made.
        self.place = path if path == MEMORY else str(given.real(path))
        self.definitions = options["definitions"]
        wait_s = seconds("wait_s", options.get("wait_s", WAIT_S), zero=True)
        self.patience = Patience(wait_s, options.get("tell", log))
        #: Is called before pyarrow is needed, if anything is.
        self.before_arrow = options.get("before_arrow") or _nothing
        self._asking: Mode = "files" if options.get("allow_files") else "read"
        # One in memory is this object's alone, and nobody else could open it.
        self._own = File(self._asking) if path == MEMORY else None
        self._held: File | None = None
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
        return self.path == MEMORY or Path(self.place).exists()

    @property
    def is_new(self) -> bool:
        """Whether the next change makes the file, which others have no use of before."""
        return self._own is None and not self.exists

    def close(self) -> None:
        """Let go of the file; it is closed if no other object has it, and opened again when it is needed."""
        self.unprepare()
        file, self._held = self._held, None
        if file is not None and (interrupts.left_behind() or interrupts.came()):
            # As soon as what was left behind ends: nobody waits for that, nor for its memory to be freed.
            threading.Thread(target=file.leave, args=(self,), daemon=True).start()
        elif file is not None:
            file.leave(self)

    def _used(self, mode: Mode, means: Means = ALL) -> contextlib.AbstractContextManager[Cursor]:
        # Held from the first use on: a file that only closed objects knew could not be let go of.
        self._held = file = self._own or file_of(self.place)
        return file.used(self, mode, means)

    # --- questions --------------------------------------------------------------------------------------

    def run(
        self,
        statement: str,
        params: Mapping[str, Value] | None = None,
        tables: Mapping[str, pa.Table] | None = None,
        narrowed: Mapping[str, str] | None = None,
        about: Sequence[str] = (),
        keep: Keep | None = None,
        *,
        plain: bool = False,
    ) -> pa.Table:
        """Run SQL and return the rows of its last statement.

        Args:
            statement: one or more statements; ``$name`` is a parameter.
            params: values of the parameters.
            tables: Arrow tables that the SQL knows by these names.
            narrowed: SELECTs over ``old.TABLE`` that stand in for tables, see `traceql.tables.window`.
            about: names of traces, where the answer hangs on no rows of others; none for all.
            keep: whose statement it is, where what several have in common is computed once, of one state of
                the database.
            plain: whether `Rows` do, which take no pyarrow; large answers are Arrow tables all the same.

        Raises:
            QueryError: DuckDB refuses the statement.
            DatabaseError: the database cannot be opened.
            TimeLimitError: it took too long.
        """
        if not self.exists:
            raise DatabaseError(f"{self.path}: no such database", NO_DATABASE)
        with interrupts.within(self.timeout_s):
            return interrupts.ended(
                lambda: self._run(statement, params, tables or {}, narrowed or {}, about, keep, plain=plain)
            )

    @contextlib.contextmanager
    def batches(
        self,
        statement: str,
        params: Mapping[str, Value] | None = None,
        narrowed: Mapping[str, str] | None = None,
        about: Sequence[str] = (),
    ) -> Iterator[Batches | None]:
        """The rows of a SELECT as they come, for whoever needs only some of them at a time.

        Args:
            statement: the SQL.
            params: values of the parameters.
            narrowed: as `run` has it.
            about: as `run` has it.

        Yields:
            The rows, in at least one part; None where they are to be asked for with `run`: of other
            statements, of a database that is not large, and where it takes all rows to tell what kind of
            numbers a column holds.

        Raises:
            QueryError: DuckDB refuses the statement, which it may do after some rows.
            DatabaseError: the database cannot be opened.
            TimeLimitError: it took too long.
        """
        if not self.is_large():
            yield None
            return
        parts = self._batches(statement, params, narrowed or {}, about)
        with interrupts.within(self.timeout_s):
            try:
                names = interrupts.ended(lambda: next(parts))
                yield names and Batches(
                    [str(name) for name in names],
                    iter(lambda: cast("pa.Table", interrupts.ended(lambda: next(parts, None))), None),
                )
            finally:
                # What was interrupted, and has not ended yet, closes itself.
                with contextlib.suppress(ValueError):
                    interrupts.ended(parts.close)

    def is_large(self) -> bool:
        """Whether answers may be too large to be fetched whole."""
        place = Path(self.place)
        return self._own is None and place.is_file() and place.stat().st_size >= _LARGE_BYTES

    def _batches(
        self,
        statement: str,
        params: Mapping[str, Value] | None,
        narrowed: Mapping[str, str],
        about: Sequence[str],
    ) -> Generator[Any, None, None]:
        """Names of the columns, or None where the rows are not to be had so; then the rows."""
        with self._cursor(statement, {}, narrowed, about, None) as (cursor, sql):
            if not sql.is_one_select():
                yield None
                return
            self._import_arrow()
            answer = cursor.connection.sql(statement, params=dict(params or {}) or None)
            if not all(re.fullmatch(_IN_PARTS, str(one)) for one in answer.types):
                yield None
                return
            reader = answer.to_arrow_reader(_ROWS_AT_ONCE)
            yield _apart(answer.columns)
            import pyarrow as pa

            is_first = True
            while True:
                try:
                    batch = next(reader, None)
                except (OSError, pa.ArrowException) as error:
                    # What DuckDB says, as Arrow hands it on.
                    raise duckdb.Error(str(error)) from error
                if batch is not None or is_first:
                    yield presentable(pa.Table.from_batches([batch] if batch else [], reader.schema))
                if batch is None:
                    return
                is_first = False

    def _run(
        self,
        statement: str,
        params: Mapping[str, Value] | None,
        tables: Mapping[str, pa.Table],
        narrowed: Mapping[str, str],
        about: Sequence[str],
        keep: Keep | None,
        *,
        plain: bool,
    ) -> pa.Table:
        with self._cursor(statement, tables, narrowed, about, keep) as (cursor, sql):
            found = self._answer(cursor.connection, sql, dict(params or {}) or None, plain=plain)
            if sql.does(_UNDOING):
                cursor.forget()
            return found

    @contextlib.contextmanager
    def _cursor(
        self,
        statement: str,
        tables: Mapping[str, pa.Table],
        narrowed: Mapping[str, str],
        about: Sequence[str],
        keep: Keep | None,
    ) -> Iterator[tuple[Cursor, failures.Parsed]]:
        """A cursor that knows what a statement mentions; an error in between is that of the statement."""
        with contextlib.ExitStack() as stack:
            cursor = stack.enter_context(self._used(self._asking))
            cursor = stack.enter_context(cursor.at(about, narrowed, keep))
            sql = failures.Parsed(cursor.connection, statement)
            try:
                # DuckDB alone would let COPY overwrite the database it has open.
                if not self.allows_files and sql.does(self.writing_words):
                    named = " and ".join(word.upper() for word in self.writing_words)
                    raise failures.no_files(f"Permission Error: {named} write files")
                cursor.define(self.definitions, sql)
                if tables:
                    engine.with_relations()
                for name, table in tables.items():
                    cursor.connection.register(name, table)
                yield cursor, sql
            except (duckdb.Error, CatalogError) as error:
                # A transaction that the SQL began ends with its error: later questions need an answer.
                with contextlib.suppress(duckdb.Error):
                    cursor.connection.execute("ROLLBACK")
                odd = cursor.out_of_range(self.definitions, statement, error)
                cursor.forget()
                if isinstance(error, CatalogError):
                    raise
                raise failures.query_error(error, statement, odd) from error
            finally:
                for name in tables:
                    cursor.connection.unregister(name)

    def _answer(
        self,
        connection: duckdb.DuckDBPyConnection,
        parsed: failures.Parsed,
        params: dict[str, Value] | None,
        *,
        plain: bool,
    ) -> pa.Table:
        """The rows of the last statement; `Rows` where these do, and it is the only one."""
        statement = parsed.text
        # A relation is planned twice, and its rows are copied once less: that counts where there are many.
        if parsed.is_one_select() and (plain or not self.is_large()):
            try:
                connection.execute(parsed.statements[0], params)
            except (duckdb.CatalogException, duckdb.BinderException, duckdb.PermissionException):
                # Nothing has run; a relation says it in the words that everybody else is told.
                engine.with_relations()
                connection.sql(statement, params=params)
                raise
            names, types = zip(*((one[0], str(one[1])) for one in connection.description or ()), strict=True)
            head: list[tuple[Any, ...]] = []
            exact = True
            if plain and rows.are_plain(types):
                head = connection.fetchmany(rows.MOST + 1)
                exact = rows.are_exact(types, head)
                if exact and len(head) <= rows.MOST:
                    return rows.of(_apart(names), types, head)
            # A decimal of Arrow has 38 digits in Python, a HUGEINT may have 39.
            if exact and not any("HUGEINT" in one for one in types):
                self._import_arrow()
                return presentable(_with_head(head, _rest(connection)))
            # Its rows are not all there yet, and nothing else runs before.
            connection.abort()
        self._import_arrow()
        import pyarrow as pa

        answer = connection.sql(statement, params=params)
        return presentable(answer.to_arrow_table()) if answer is not None else pa.table({})

    def _import_arrow(self) -> None:
        self.before_arrow()
        engine.with_relations()

    # --- changes ----------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def writing(
        self, what: str, *, new: bool = True, means: Means = ALL, anew: Anew = "never", aside: bool = False
    ) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection to change the database, in one transaction.

        Args:
            what: is to be stored, for the message if that fails.
            new: whether a database that is not there is made; else that is an error.
            means: what that may take.
            anew: when the file is written anew, without what was removed: never, if something ``private`` was
                removed, or always.
            aside: whether a database that is made for the change comes into its place when all of it is in:
                until then nobody sees it, nor waits for it.

        Raises:
            DatabaseError: the database cannot be written; it is as it was.
            OvertakenError: another process has made the database meanwhile; see `made_again`.
        """
        # Rows come in as Arrow tables.
        engine.with_relations()
        if aside and new and self.is_new and (made := self._made_aside()):
            with self._filled(made, what, means) as connection:
                yield connection
            return
        try:
            with contextlib.ExitStack() as stack:
                fresh, cursor = self._to_change(stack, new=new, means=means)
                file, connection = self._held, cursor.connection
                assert file is not None
                try:
                    connection.execute("BEGIN")
                    if self._own is None:
                        # Nobody else opens a database in memory: it is of this version, and stores no code.
                        create.upgrade(connection, self.definitions, self.path)
                    if self._own is not None or anew == "never":
                        yield connection
                        connection.execute("COMMIT")
                    else:
                        # A file that is written anew has the definitions that are committed.
                        connection.execute("COMMIT; BEGIN")
                        before = compact.private(connection)
                        yield connection
                        if anew == "always" or before - compact.private(connection):
                            with compact.written_anew(connection, self.place) as made:
                                file.give_way(made, self.place)
                        else:
                            connection.execute("COMMIT")
                except BaseException:
                    with contextlib.suppress(duckdb.Error):
                        connection.execute("ROLLBACK")
                    if self._own is None:
                        permissions.remove_empty_log(self.place)
                    raise
                finally:
                    # A first ingest that failed leaves nothing behind. Removed while it is locked, for
                    # another process may be waiting to store something.
                    if fresh and create.is_empty(connection):
                        _remove(self.place)
        except duckdb.Error as error:
            raise failures.storage_error(error, what, self.path) from error
        finally:
            self.unprepare()

    def number(
        self,
        kind: str,  # noqa: ARG002 - a lake keeps them apart
        taken: set[int],
        wanted: int | None = None,
        *,
        insist: bool = True,
    ) -> int:
        """A number that ids can begin with, for the change that is being made.

        Args:
            kind: what has the number: traces or runs.
            taken: numbers that are in use.
            wanted: the number that is preferred; None for the next one.
            insist: whether it must be that one.

        Raises:
            DatabaseError: it is taken, or none that an id can begin with.
        """
        # What only changes need is imported by them.
        from traceql.store.runs import free_number

        if wanted in taken and not insist:
            wanted = None
        return free_number(taken, wanted)

    def keep_to_owner(self) -> bool:
        """Before an environment is stored: the file is for its owner alone; whether others could read it."""
        return self._own is None and permissions.keep_to_owner(self.place)

    def compact(self) -> Compacted:
        """Write the file anew, without what was removed from it; nothing to do for one in memory.

        Raises:
            DatabaseError: there is none, or no room for it; the database is as it was.
        """
        from traceql.store.outcomes import Compacted

        if self._own is not None:
            return Compacted(0, 0)
        with self.writing("what remains", new=False, anew="always"):
            before = Path(self.place).stat().st_size
        return Compacted(before, Path(self.place).stat().st_size)

    def _to_change(self, stack: contextlib.ExitStack, *, new: bool, means: Means) -> tuple[bool, Cursor]:
        """Whether the file was made for this change, and the way into it, which `stack` closes."""
        if self._own is None:
            held.sweep(self.place)
        while True:
            fresh = not self.exists
            if fresh:
                if not new:
                    raise DatabaseError(f"{self.path}: no such database", NO_DATABASE)
                self._make()
            try:
                return fresh, stack.enter_context(self._used("write", means))
            except DatabaseError:
                # Gone while this one waited: somebody's first change failed, and took the file along.
                if not new or self.exists:
                    raise

    def prepare(self) -> None:
        """Make an empty database beside the path, if there is none, for the first change to put in place.

        Saves time when called while reports are being decoded. `unprepare` removes what was not needed.

        Raises:
            DatabaseError: the database cannot be written.
        """
        with self._making:
            if self.exists or self._prepared is not None:
                return
            folder = Path(self.place).parent
            if Path(self.place).is_symlink():
                # Else the place would be where it leads. It would be looked for without end.
                reason = f"{os.strerror(errno.EEXIST)}, a link that leads nowhere"
                raise DatabaseError(f"{self.path}: cannot be made ({reason})", "Check the path.")
            if not folder.is_dir():
                raise DatabaseError(
                    f"{self.path}: there is no folder {folder}",
                    "Check the path: make the folder first, or choose another place with --db.",
                )
            self._prepared = held.new_name(self.place)
            try:
                self._make_empty(self._prepared)
            except BaseException:
                # A half of one is none.
                self.unprepare()
                raise

    def unprepare(self) -> None:
        """Remove what `prepare` has made and no change has used."""
        with self._making:
            if self._prepared is not None:
                _remove(self._prepared)
                self._prepared = None

    def _make_empty(self, place: str) -> None:
        """Make an empty database at a place: a copy of the one that is kept, or the one to keep."""
        if empty.copy(place, self.definitions):
            return
        made = File()
        try:
            with made.used(self, "make", place=place) as cursor:
                create.create(cursor.connection, self.definitions)
        except duckdb.Error as error:
            raise failures.storage_error(error, "an empty database", self.path) from error
        finally:
            made.leave(self)
        empty.keep(place, self.definitions)

    def _make(self) -> None:
        """Put an empty database in place: killed at any moment, there is a whole one or none."""
        with self._making:
            self.prepare()
            if self._prepared is None:
                return
            try:
                # Unlike a plain rename, never in place of a database that another process made meanwhile.
                with contextlib.suppress(FileExistsError):
                    Path(self.place).hardlink_to(self._prepared)
            except OSError:
                # A file system without hard links.
                _copy(self._prepared, self.place)
            finally:
                self.unprepare()

    def _made_aside(self) -> str | None:
        """Where an empty database lies that can get the path's name; None if that is taken or cannot be."""
        held.sweep(self.place)
        with self._making:
            self.prepare()
            if self._prepared is not None:
                other = Path(held.new_name(self.place))
                # Not on every file system.
                with contextlib.suppress(OSError):
                    other.hardlink_to(self._prepared)
                    other.unlink()
                    # It is this change's alone.
                    made, self._prepared = self._prepared, None
                    return made
        return None

    @contextlib.contextmanager
    def _filled(self, made: str, what: str, means: Means) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection to fill a database that lies aside, in one transaction; it then gets its name."""
        file = File()
        try:
            try:
                with file.used(self, "make", means, made) as cursor:
                    connection = cursor.connection
                    trust.builtins_first(connection, trust.database_name(connection))
                    connection.execute("BEGIN")
                    yield connection
                    connection.execute("COMMIT")
            finally:
                # What was not committed goes with the file.
                file.leave(self)
            self._give_name(made, what)
        except duckdb.Error as error:
            raise failures.storage_error(error, what, self.path) from error
        finally:
            _remove(made)

    def _give_name(self, made: str, what: str) -> None:
        """Give a database that lies aside its name, if nobody else has taken that meanwhile."""
        why = "its log was not emptied"
        try:
            # What DuckDB cannot write when it closes a file it tells nobody.
            if not held.has_log(made):
                Path(self.place).hardlink_to(made)
                held.sync_folder(self.place)
                return
        except OSError as error:
            if isinstance(error, FileExistsError) and self.exists:
                raise OvertakenError from error
            why = os.strerror(error.errno or errno.EIO)
        raise DatabaseError(
            f"{self.path}: {what} could not be stored ({why})",
            "Make room there, or name another place with --db.",
        )


def presentable(table: pa.Table) -> pa.Table:
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
    return table.rename_columns(_apart(table.column_names))


def _apart(columns: Sequence[str]) -> list[str]:
    """Names of columns, each another."""
    names: list[str] = []
    for name in columns:
        numbered = (f"{name}_{n}" for n in range(1, len(columns) + 1))
        taken = {*names, *columns}
        names.append(name if name not in names else next(n for n in numbered if n not in taken))
    return names


def _rest(connection: duckdb.DuckDBPyConnection) -> pa.Table:
    """What was not fetched yet of the rows of a statement."""
    with warnings.catch_warnings():
        # Rows that are fetched one by one are copied once more: those of a large answer, which is shown.
        warnings.filterwarnings("ignore", "Arrow output on a DB-API result", UserWarning)
        return connection.to_arrow_table()


def _with_head(head: Sequence[tuple[Any, ...]], rest: pa.Table) -> pa.Table:
    """An Arrow table with rows in front of its own."""
    import pyarrow as pa

    if not head:
        return rest
    columns = zip(*head, strict=True)
    arrays = [
        # Maps are given as pairs.
        pa.array([list(v.items()) if isinstance(v, dict) else v for v in column], field.type)
        for column, field in zip(columns, rest.schema, strict=True)
    ]
    return pa.concat_tables([pa.Table.from_arrays(arrays, schema=rest.schema), rest])


def _nothing() -> None:
    """Do nothing."""


def _copy(made: str, place: str) -> None:
    """Copy a database, never in place of another. What makes it one comes last: a half is none."""
    content = memoryview(Path(made).read_bytes())
    begin = formats.HEAD_BYTES
    with contextlib.suppress(FileExistsError), Path(place).open("xb") as file:
        try:
            file.write(bytes(begin))
            file.write(content[begin:])
            file.flush()
            os.fsync(file.fileno())
            file.seek(0)
            file.write(content[:begin])
        except BaseException:
            Path(place).unlink(missing_ok=True)
            raise


def _remove(database: str) -> None:
    # The database last: from then on another process may make one, with a log of its own.
    for file in (f"{database}.wal", database):
        # Windows removes no open file: an empty database is then left, which is as good as none.
        with contextlib.suppress(PermissionError):
            Path(file).unlink(missing_ok=True)
