"""A lake as this process has it open for questions: views of its parts, in a database that holds nothing.

What entries hold lies in files that this process alone reads. When an entry changes the lake is opened anew,
as a file is that another process has changed.
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING

from traceql.questions import catalog
from traceql.read import temporary
from traceql.store import failures, trust
from traceql.store.definitions import Definition
from traceql.store.engine import duckdb
from traceql.store.lake import manifest, parts, scratch
from traceql.store.sharing import CONFIG, MEMORY, File, Inside, config_of
from traceql.tables import schema

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from traceql.store.lake.manifest import Manifest
    from traceql.store.lake.place import Place
    from traceql.store.means import Means
    from traceql.store.sharing import Mode

# The view of the names that all kernels have.
_NAMES = "kernel_full_names"
# Tables whose rows entries hold.
_OF_ENTRIES = ("traces", "runs")


class LakeFile(File):
    """A lake, in place of one file.

    Args:
        place: tells where it lies.
    """

    def __init__(self, place: Callable[[], Place]) -> None:
        super().__init__()
        self._where = place
        #: The entries as they were read last.
        self.known: Manifest | None = None

    def _moved(self, place: str) -> bool:  # noqa: ARG002
        """Whether entries have changed since it was opened."""
        return self.known is None or manifest.stamps(self._where()) != self.known.stamps

    def _open(self, given: str, path: str, mode: Mode, means: Means) -> None:  # noqa: ARG002
        spill, self._remove_spill = temporary.folder_of(self)
        place = self._where()
        try:
            self.known = manifest.read(place, self.known)
            # In memory, and without tables: SQL that would change them finds none.
            self._connection = duckdb.connect(MEMORY, config=config_of(spill))
            of_entries = _of_entries(self.known, given, spill)
            older = {**of_entries, **parts.views(place, _numbers(self.known))}
            of_traces = partial(_of_traces, place, self.known, of_entries)
            self._inside = Inside(trust.database_name(self._connection), older, of_traces=of_traces)
            folders = ", ".join(map(schema.literal, [str(spill), *place.directories]))
            self._connection.execute(f"SET allowed_directories = [{folders}]")
            if mode != "files":
                self._connection.execute("SET enable_external_access = false")
            self._connection.execute("SET lock_configuration = true")
        except duckdb.Error as error:
            self._close()
            raise failures.connection_error(error, given, given) from error
        except BaseException:
            self._close()
            raise
        self._mode = mode


def _numbers(known: Manifest) -> dict[str, list[int]]:
    return {table: known.parts(table) for table in parts.ALL}


def _of_traces(
    place: Place, known: Manifest, of_entries: Mapping[str, Definition], names: Sequence[str]
) -> dict[str, Definition]:
    """What stands in for tables where some traces are asked about: views of their parts alone.

    What kernels are called follows from all of them.
    """
    some = {row["trace_id"] for row in known.traces if row["trace"] in names}
    numbers = {
        table: there if table == parts.OF_RUNS else [number for number in there if number in some]
        for table, there in _numbers(known).items()
    }
    every = parts.all_of(place, "kernels", known.parts("kernels"))
    names_sql = re.sub(r"\bkernels\b", every.name, catalog.shipped().views[_NAMES].sql)
    return {
        **of_entries,
        **parts.views(place, numbers),
        every.name: every,
        _NAMES: Definition(_NAMES, "VIEW", "", names_sql, {}),
    }


def _of_entries(known: Manifest, given: str, spill: Path) -> dict[str, Definition]:
    """Views of the tables whose rows entries hold, which are written where this process alone reads them."""
    found = {}
    with duckdb.connect(MEMORY, config=CONFIG) as connection:
        for table in _OF_ENTRIES:
            connection.execute(schema.create_statement(schema.BY_NAME[table]))
        scratch.fill(connection, known, given)
        for table in _OF_ENTRIES:
            file = schema.literal(str(spill / f"{table}.parquet"))
            connection.execute(f"COPY {table} TO {file} (FORMAT parquet)")
            found[table] = Definition(table, "VIEW", "", f"SELECT * FROM read_parquet({file})", {})
    return found
