"""A lake for those who ask or change it: what `connection.Store` is for a file."""

from __future__ import annotations

import contextlib
import threading
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from traceql.errors import DatabaseError, QueryError
from traceql.store import failures
from traceql.store.connection import Anew, Store
from traceql.store.engine import duckdb
from traceql.store.lake import changes, manifest, numbers, place, scratch, sweep
from traceql.store.lake.place import not_one
from traceql.store.lake.reading import LakeFile
from traceql.store.means import ALL
from traceql.store.outcomes import Compacted
from traceql.store.sharing import NO_DATABASE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Unpack

    import pyarrow as pa

    from traceql.questions.parameters import Value
    from traceql.store.connection import Options
    from traceql.store.lake.place import Place
    from traceql.store.means import Means
    from traceql.store.sharing import Keep


class Lake(Store):
    """A lake for those who ask or change it; see `Store` for what is the same.

    Args:
        path: of the folder.
        **options: those of `Store`; `wait_s` is for another process that changes entries.
    """

    #: ATTACH would make a file among the parts.
    writing_words = ("attach", "copy", "export")
    one_by_one = True

    def __init__(self, path: str, **options: Unpack[Options]) -> None:
        super().__init__(path, **options)
        if place.is_address(path):
            # No path of this machine: workers elsewhere reach the same lake by it.
            self.place = path
        self._own = self._read = LakeFile(lambda: self._place)
        # Of the change that a thread makes.
        self._claims = threading.local()
        self._is_prepared = False

    @cached_property
    def _place(self) -> Place:
        """Where it lies; an object store is asked first when it is used."""
        return place.of(self.path, self.place)

    @property
    def is_new(self) -> bool:
        """Never: many may be storing into a lake at once."""
        return False

    @property
    def exists(self) -> bool:
        """Whether there is a lake to ask."""
        return self._place.exists()

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
        """Run SQL and return the rows of its last statement, see `Store.run`."""
        try:
            self._look()
            return super().run(statement, params, tables, narrowed, about, keep, plain=plain)
        except OSError as error:
            raise DatabaseError(
                f"{self.path}: cannot be read ({error.strerror or error})",
                "Check the path and who may use it.",
            ) from error
        except QueryError as error:
            known = self._read.known
            if not isinstance(error.__cause__, duckdb.IOException) or known is None:
                raise
            if manifest.stamps(self._place) == known.stamps:
                raise
            # A part was removed after the entries were read: what is there now answers.
            return super().run(statement, params, tables, narrowed, about, keep, plain=plain)

    def _look(self) -> None:
        """Whether there is a lake.

        Raises:
            DatabaseError: there is none.
        """
        if not self.exists:
            if Path(self.path).is_dir():
                raise not_one(self.path)
            raise DatabaseError(f"{self.path}: no such database", NO_DATABASE)

    def prepare(self) -> None:
        """Make the lake, if there is none.

        Raises:
            DatabaseError: something else is there.
        """
        self._is_prepared = True
        try:
            self._place.make()
        except OSError as error:
            raise DatabaseError(
                f"{self.path}: no lake can be made ({error.strerror or error})",
                "Choose another place with --db.",
            ) from error

    def unprepare(self) -> None:
        """Remove a lake that `prepare` has made, if nobody has stored anything in it."""
        if self._is_prepared:
            # What is to be told is why nothing was stored.
            with contextlib.suppress(OSError, DatabaseError):
                self._place.unmake(self.patience)

    def close(self) -> None:
        """See `Store.close`."""
        self.unprepare()
        super().close()

    @contextlib.contextmanager
    def writing(
        self,
        what: str,
        *,
        new: bool = True,
        means: Means = ALL,
        anew: Anew = "never",  # noqa: ARG002 - what is removed from a lake is a file, and gone
        aside: bool = False,  # noqa: ARG002 - nobody sees a part of a change
    ) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection to make a change on, which then goes into the lake; see `Store.writing`.

        It holds the rows of `traces` and `runs`, and of all other tables only what the change inserts.

        Raises:
            DatabaseError: the lake cannot be written; it is as it was.
            OvertakenError: somebody else has stored the same meanwhile, or under the name: to be done again.
        """
        if new:
            self.prepare()
        else:
            self._look()
        claims: list[str] = []
        self._claims.made = claims
        try:
            with contextlib.ExitStack() as stack:
                # What changes entries only takes no time; who stores a report holds up nobody meanwhile.
                if not new:
                    stack.enter_context(self._place.changing(self.patience))
                before = manifest.read(self._place, self._read.known)
                connection = stack.enter_context(scratch.opened(before, self.path, means))
                try:
                    yield connection
                except BaseException:
                    with contextlib.suppress(OSError):
                        changes.give_up(self._place, {"traces": set(), "runs": set()}, claims)
                    raise
                changing = (lambda: self._place.changing(self.patience)) if new else contextlib.nullcontext
                changes.commit(self._place, connection, before, claims, changing)
                self._place.keep()
        except duckdb.Error as error:
            raise failures.storage_error(error, what, self.path) from error
        except OSError as error:
            raise DatabaseError(
                f"{self.path}: {what} could not be stored ({error.strerror or error})",
                "The lake is as it was.",
            ) from error
        finally:
            self.unprepare()

    def number(self, kind: str, taken: set[int], wanted: int | None = None, *, insist: bool = True) -> int:
        """A number that ids can begin with, claimed for the change that is being made."""
        number, claim = numbers.claim(self._place, kind, taken, wanted, insist=insist)
        self._claims.made.append(claim)
        return number

    def keep_to_owner(self) -> bool:
        """Before an environment is stored: the lake is for its owner alone; whether others could read it."""
        return self._place.keep_to_owner()

    def compact(self) -> Compacted:
        """Remove what killed writers left, and give their numbers back.

        Raises:
            DatabaseError: there is no lake.
        """
        self._look()
        before = self._place.size_bytes()
        with self._place.changing(self.patience):
            sweep.sweep(self._place)
        return Compacted(before, self._place.size_bytes())
