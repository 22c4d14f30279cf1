"""What a reader hands over: raw tables under the tool's own names, and what is known about the report.

A reader decodes and nothing else: no renaming, no unit conversion, no database.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeAlias, runtime_checkable

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

#: Raw table name → columns that normalisation reads from it. A reader may skip everything else.
Wanted: TypeAlias = Mapping[str, Sequence[str]]

#: Called with (events decoded so far, events in total or None when unknown).
Progress: TypeAlias = Callable[[int, int | None], None]


#: Rows that are handed over together: half of what the database engine stores together, so that it makes
#: nothing twice of rows that come so.
ROWS = 61_440


class Delivery(Protocol):
    """Takes a report while it is being decoded."""

    def take(self, name: str, rows: pa.RecordBatch, /) -> None:
        """Some rows of a raw table, behind those that came before."""
        ...

    def whole(self, names: Iterable[str], /) -> None:
        """Of these tables no more rows come; there is none of which none have come."""
        ...

    def told(self, environment: Sequence[tuple[str, str]], /) -> None:
        """Facts about processes, see `RawReport.named`, for which whoever stores texts waits."""
        ...


class RawTable(Protocol):
    """A table that is read when its columns are selected; ``pyarrow.Table`` is one."""

    @property
    def column_names(self) -> list[str]:
        """The columns that the report has, in its order."""
        ...

    def select(self, columns: Sequence[str], /) -> pa.Table:
        """Read the named columns (a subset of `column_names`)."""
        ...


@dataclass(frozen=True)
class RawReport:
    """One decoded report.

    Attributes:
        kind: the profiler that recorded it, see `traceql.read.kinds`.
        tables: raw tables by the tool's own name (``CUPTI_ACTIVITY_KIND_KERNEL``); one that the
            report does not hold is absent, never empty by invention.
        tool_version: of the profiler, as it prints it; None when the report does not say.
        settings: how the report was recorded (graph trace mode, clock control …), only options known
            to hold nothing private.
        environment: (name, value) pairs about the profiled process (command line, variables); private,
            stored on request only.
        named: such pairs about all processes that the report tells of, whose homes and users its texts may
            name; None where there are no others.
        complete: False when events are known to be missing.
        counts_agree: whether the event counts that the profiler wrote into the report equal what was decoded;
            None when it wrote none, or nobody compared.
        warnings: what a user should know about the content, one sentence each.
        unread: what the report holds and nobody reads, see `traceql.read.unread`.
    """

    kind: str
    tables: Mapping[str, RawTable]
    tool_version: str | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    environment: Sequence[tuple[str, str]] = ()
    named: Sequence[tuple[str, str]] | None = None
    complete: bool = True
    counts_agree: bool | None = None
    warnings: Sequence[str] = ()
    unread: Sequence[str] = ()


@runtime_checkable
class PiecedTable(RawTable, Protocol):
    """A table that can be read some rows at a time."""

    def pieces(self, columns: Sequence[str], /) -> Iterator[pa.RecordBatch]:
        """All rows, those behind each other that come together; nothing where there are none."""
        ...


class ReadFunction(Protocol):
    """The one function of a reader module, named ``read``."""

    def __call__(
        self,
        path: Path,
        *,
        wanted: Wanted | None,
        progress: Progress,
        deliver: Delivery | None = None,
        at_once: int = 1,
        **divided: tuple[int, int],
    ) -> RawReport:
        """Decode the report at `path`.

        Args:
            path: an uncompressed file, or a directory.
            wanted: the raw tables and columns that will be asked for; None means all.
            progress: to be called now and then on long work.
            deliver: takes tables while they are being decoded, their rows in their order; such tables are
                then absent from the report that is returned. Given to formats that stream only (see
                `Reader`); None for all tables at once.
            at_once: processes that may share the work, given to the same formats.
            **divided: ``part=(i, n)``, for divisible formats only (see `Reader`).

        Raises:
            ReportError: the report cannot be read; the message names the file.
        """
        ...


def no_progress(_done: int, _total: int | None) -> None:
    """The `Progress` of a caller that does not watch."""
