"""Timelines of traces as one trace of Perfetto, which ui.perfetto.dev and its trace processor open.

What is an event, and what is said beside it, are SELECTs under ``sql/``: the columns that every one of them
has say where and when, and each further one is an argument of the event, called like it. Each file under
``sql/counters`` is a counter of GPUs, or several: ``gpu_id``, ``track``, ``unit``, ``time_ns``, and its
``value``, or, as a whole number, by how much it is to ``change`` from 0 on. All are asked stretch by stretch,
so that no more than some ten thousand events are in memory.

Times are nanoseconds since 1970 (UTC), those of a job's traces on the clock of its first one. What overlaps
on a track without lying within each other stands on lanes beside it. An arrow leads from each API call to
each work on a GPU that it launched, if the work began no earlier than the call.

============ ==========================================================================
`packets`    Perfetto's messages
`strings`    texts by number
`tracks`     what stands where
`lanes`      tracks side by side for what overlaps
`stretches`  times with so many events each that they can be in memory
============ ==========================================================================
"""

from __future__ import annotations

import gzip
from dataclasses import dataclass, field, replace
from functools import cache, partial
from importlib import resources
from typing import IO, TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np
import pyarrow as pa

from traceql.ask import gaps, place
from traceql.errors import MissingDataError
from traceql.read.protobuf_rows import ROWS
from traceql.share.perfetto import packets, stretches
from traceql.share.perfetto.lanes import Lanes
from traceql.share.perfetto.packets import Argument, Events
from traceql.share.perfetto.strings import Strings
from traceql.share.perfetto.tracks import CounterKey, Key, Names, Tracks, names_of
from traceql.tables import sqlfiles

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from traceql.ask.answer import Asker
    from traceql.ask.gaps import Note
    from traceql.questions.parameters import Value

K = TypeVar("K", Key, CounterKey)

#: What a file may be called.
SUFFIXES = (".pftrace", ".pftrace.gz")

# The question that is asked for the same stretch of the same traces, and lacks what the file lacks.
_LIKE = "timeline"
# Which are no arguments of an event.
_COLUMNS = ("number", "start_ns", "end_ns", "level", "event_id", "name")


class Kind(NamedTuple):
    """A kind of events: the SELECT under ``sql/``, what its category is called, and its arrows."""

    sql: str
    category: str
    lasts: bool = True
    begins_flows: bool = False
    # What is added to four times the event's id is the id of the arrow that ends at it.
    ends_flow: int | None = None


# Calls come before the work that arrows lead to.
_KINDS = (
    Kind("api_calls", "cuda api", begins_flows=True),
    Kind("os_calls", "os"),
    Kind("syncs", "synchronisation"),
    Kind("ranges", "nvtx"),
    Kind("marks", "nvtx", lasts=False),
    Kind("kernels", "kernel", ends_flow=0),
    Kind("memory_ops", "memory", ends_flow=1),
    Kind("graph_launches", "graph", ends_flow=2),
    Kind("projected", "nvtx on gpu"),
)
# What ncu counted of a launch on the timeline.
_PROFILED = ("profiled_ns", "dram_read_bytes", "dram_write_bytes", "l2_read_sectors", "l2_write_sectors")


@dataclass
class Written:
    """What a file holds.

    Attributes:
        slices, instants, values, flows, tracks: how many events that last, events that do not, values of
            counters, arrows and tracks.
        notes: what has to be known about them.
    """

    slices: int = 0
    instants: int = 0
    values: int = 0
    flows: int = 0
    tracks: int = 0
    notes: list[Note] = field(default_factory=list)


def write(
    ask: Asker, traces: Sequence[str], file: IO[bytes], *, compressed: bool = False, **where: Value
) -> Written:
    """Write timelines into one file.

    Args:
        ask: the database.
        traces: names, patterns or tags; those of ncu give the timelines' kernels their counters.
        file: takes the bytes, from the first to the last.
        compressed: whether they are compressed (gzip).
        **where: from, to and within, as questions have them: times of each trace.

    Raises:
        QueryError: there is no such trace; or the time is none.
        MissingDataError: no trace has a timeline, or none has such a range.
    """
    query = ask.catalog.find(_LIKE)
    bound = place.named(ask.store.run, query, query.bind({"trace": list(traces), **where}))
    about = partial(ask.store.run, about=place.about(bound))
    clocks = about(_sql("clocks"), {"trace": bound["trace"]}).to_pylist()
    if not clocks:
        raise MissingDataError(
            f"{', '.join(traces)}: no timeline", "Perfetto shows when things happened: name traces of nsys."
        )
    written = Written(notes=list(gaps.notes(about, ask.catalog, query, bound)))
    at = place.of(about, query, bound)
    written.notes += at.notes
    if not compressed:
        _write_all(ask, clocks, at, bound["trace"], file, written)
        return written
    # A better compression takes longer than all the rest.
    with gzip.GzipFile("", "wb", compresslevel=1, fileobj=file, mtime=0) as packed:
        _write_all(ask, clocks, at, bound["trace"], packed, written)
    return written


def _write_all(
    ask: Asker,
    clocks: Sequence[Mapping[str, Any]],
    at: place.Place,
    names: Value,
    file: IO[bytes] | gzip.GzipFile,
    written: Written,
) -> None:
    known = [row["utc_ns"] for row in clocks if row["utc_ns"] is not None]
    earliest = min(known, default=0)
    if unknown := [row["trace"] for row in clocks if row["utc_ns"] is None]:
        written.notes.append(
            gaps.Note(
                "remark",
                f"Not known when it began, so it stands at the first moment: {', '.join(unknown)}.",
            )
        )
    file.write(packets.first(earliest))
    tracks = Tracks(file.write, several=len(clocks) > 1)
    strings = Strings(file.write)
    for row in clocks:
        run = partial(ask.store.run, narrowed=at.narrowed, about=[row["trace"]])
        base = row["utc_ns"] if row["utc_ns"] is not None else earliest
        one = _Trace(run, row["trace_id"], row["trace"], base, file, tracks, strings, written)
        one.write(_profiled(ask, row["trace"], names))
    written.tracks = tracks.count


def _profiled(ask: Asker, trace: str, names: Value) -> pa.Table:
    """What the traces of ncu among those that were named say of kernels of a timeline."""
    columns = ", ".join(
        f"NULL::{'BIGINT' if name.endswith('_ns') else 'DOUBLE'} AS {name}" for name in _PROFILED
    )
    nothing = ask.store.run(f"SELECT 0::BIGINT AS kernel_id, {columns} LIMIT 0")
    counting = ask.store.run(
        "SELECT trace FROM chosen_traces($trace) WHERE has_counters ORDER BY trace_id", {"trace": names}
    )
    found = [nothing]
    for counters in counting.column("trace").to_pylist():
        answer = ask("counters_on_timeline", timeline=trace, counters=counters)
        found.append(
            ask.store.run(
                f"SELECT kernel_id, {', '.join(_PROFILED)} FROM answer WHERE found_in = 'both'"
                " AND kernel_id NOT IN (SELECT kernel_id FROM before)",
                tables={"answer": answer.table, "before": pa.concat_tables(found)},
            )
        )
    return pa.concat_tables(found)


@dataclass
class _Trace:
    """A trace that is being written."""

    run: Callable[..., pa.Table]
    trace_id: int
    trace: str
    utc_ns: int
    file: IO[bytes] | gzip.GzipFile
    tracks: Tracks
    strings: Strings
    written: Written

    def write(self, profiled: pa.Table) -> None:
        names = names_of(self.trace, self._ask(_sql("names")).to_pylist())
        flows = _Flows(self._ask(_sql("flows")))
        self.written.flows += flows.count
        for kind in _KINDS:
            self._events(kind, names, flows, {"profiled": profiled} if kind.sql == "kernels" else {})
        for name in _counters():
            self._values(_sql(name), names)

    def _ask(self, statement: str, tables: Mapping[str, pa.Table] | None = None, **params: int) -> pa.Table:
        return self.run(statement, {"trace_id": self.trace_id, **params}, tables)

    def _events(self, kind: Kind, names: Names, flows: _Flows, tables: Mapping[str, pa.Table]) -> None:
        lanes, count = Lanes(self.tracks.beside), 0
        in_order = "SELECT * FROM ({}) ORDER BY start_ns, end_ns DESC, level, event_id"
        of_key = partial(self.tracks.of_event, names)
        for found in self._stretches(_sql(kind.sql), Key, "start_ns", of_key, in_order, tables):
            for event in self._encoded(kind, found, lanes, flows):
                self.file.write(event)
            count += found.num_rows
        if kind.lasts:
            self.written.slices += count
        else:
            self.written.instants += count

    def _stretches(
        self,
        sql: str,
        key: type[K],
        time: str,
        number: Callable[[K], int],
        select: str,
        tables: Mapping[str, pa.Table],
    ) -> Iterator[pa.Table]:
        """What a SELECT finds, stretch by stretch.

        Args:
            sql: the SELECT.
            key: columns that tell the track, in whose place there is its ``number``.
            time: column by which it is cut.
            number: of the track of a key.
            select: what is asked of the rows of a stretch, in whose place stand braces.
            tables: further ones that the SELECT knows.
        """
        fields = ", ".join(key._fields)
        keys = self._ask(
            f"SELECT {fields}, count(*) AS rows, min({time}) AS first, max({time}) AS last"
            f" FROM ({sql}) GROUP BY {fields} ORDER BY ALL",
            tables,
        )
        if not keys.num_rows:
            return
        *columns, rows, first, last = (column.to_pylist() for column in keys.columns)
        numbers = [number(key(*row)) for row in zip(*columns, strict=True)]
        of_keys = keys.select(key._fields).append_column("number", pa.array(numbers, pa.int64()))
        inside = f"{time} >= $since AND {time} < $until"

        def counts(since: int, until: int, width: int) -> Iterator[tuple[int, int]]:
            found = self._ask(
                f"SELECT (({time}::HUGEINT - $since) // $width)::BIGINT AS part, count(*) AS rows"
                f" FROM ({sql}) WHERE {inside} GROUP BY part ORDER BY part",
                tables,
                since=since,
                until=until,
                width=width,
            )
            return zip(*(column.to_pylist() for column in found.columns), strict=True)

        same = " AND ".join(f"rows.{name} IS NOT DISTINCT FROM of_keys.{name}" for name in key._fields)
        statement = select.format(
            f"SELECT number, rows.* EXCLUDE ({fields}) FROM ({sql}) AS rows JOIN of_keys ON {same}"
            f" WHERE {inside}"
        )
        for since, until in stretches.of(counts, min(first), max(last) + 1, sum(rows)):
            yield self._ask(statement, {**tables, "of_keys": of_keys}, since=since, until=until)

    def _encoded(self, kind: Kind, found: pa.Table, lanes: Lanes, flows: _Flows) -> Iterator[bytes]:
        columns = {name: _array(found.column(name)) for name in found.column_names}
        starts, ends = (columns[name].to_numpy() for name in ("start_ns", "end_ns"))
        tracks = columns["number"].to_numpy()
        if kind.lasts:
            tracks = lanes.place(tracks, starts, ends)
        arguments = [self._argument(name, column) for name, column in columns.items() if name not in _COLUMNS]
        events = Events(
            self.strings.number(packets.CATEGORIES, kind.category),
            tracks,
            self._absolute(starts),
            self._absolute(ends) if kind.lasts else None,
            self._texts(packets.NAMES, columns["name"].fill_null(""))[0],
            [one for one in arguments if one is not None],
        )
        ids = columns["event_id"].to_numpy()
        for first in range(0, len(ids), ROWS):
            some = slice(first, first + ROWS)
            one = _rows(events, some)
            if kind.begins_flows:
                one = _with(one, flows=flows.of_calls(ids[some]))
            if kind.ends_flow is not None:
                one = _with(one, last_flows=flows.of_work(4 * ids[some] + kind.ends_flow))
            yield packets.slices(one) if kind.lasts else packets.instants(one)

    def _argument(self, name: str, column: pa.Array) -> Argument | None:
        if column.null_count == len(column):
            return None
        number = self.strings.number(packets.ARGUMENTS, name)
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            values, present = self._texts(packets.TEXTS, column)
            return Argument(number, values, present, is_text=True)
        present = column.is_valid().to_numpy(zero_copy_only=False) if column.null_count else None
        return Argument(number, column.fill_null(0).to_numpy(), present, is_text=False)

    def _texts(self, kind: int, column: pa.Array) -> tuple[NDArray[np.int64], NDArray[np.bool_] | None]:
        return self.strings.numbers(kind, column)

    def _absolute(self, times: NDArray[np.int64]) -> NDArray[np.int64]:
        # Nothing lies before 1970: of a trace that began nobody knows when, samples may.
        return np.maximum(times + self.utc_ns, 0)

    def _values(self, sql: str, names: Names) -> None:
        changes = "change" in self._ask(f"SELECT * FROM ({sql}) LIMIT 0").column_names
        in_order = (
            "SELECT number, time_ns, sum(change)::BIGINT AS value FROM ({}) GROUP BY number, time_ns"
            " HAVING sum(change) <> 0 ORDER BY time_ns, number"
            if changes
            else "SELECT number, time_ns, value FROM ({}) ORDER BY time_ns, number, value"
        )
        sums: dict[int, int] = {}
        of_key = partial(self.tracks.of_counter, names)
        for found in self._stretches(sql, CounterKey, "time_ns", of_key, in_order, {}):
            track, time, value = (_array(column).to_numpy() for column in found.columns)
            if changes:
                value = _summed(track, value, sums)
            for first in range(0, len(track), ROWS):
                some = slice(first, first + ROWS)
                self.file.write(packets.values(track[some], self._absolute(time[some]), value[some]))
            self.written.values += found.num_rows


class _Flows:
    """The arrows of a trace, by the call that they begin at and by their ids."""

    def __init__(self, rows: pa.Table) -> None:
        self._calls = _array(rows.column("api_call_id")).to_numpy()
        self._ids = _array(rows.column("flow_id")).to_numpy()
        self._sorted = np.sort(self._ids)
        self.count = rows.num_rows

    def of_calls(self, calls: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The ids of the arrows of calls, one behind the other, and how many each has."""
        first = np.searchsorted(self._calls, calls)
        counts = np.searchsorted(self._calls, calls, "right") - first
        within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        return self._ids[np.repeat(first, counts) + within], counts

    def of_work(self, ids: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """The ids as they are, and which of them are of an arrow."""
        at = np.searchsorted(self._sorted, ids)
        present = np.zeros(ids.size, np.bool_)
        inside = at < self._sorted.size
        present[inside] = self._sorted[at[inside]] == ids[inside]
        return ids, present


def _summed(
    tracks: NDArray[np.int64], changes: NDArray[np.int64], sums: dict[int, int]
) -> NDArray[np.float64]:
    """What the values of each track are after each of their changes, and in `sums` after all of them."""
    values = np.empty(len(tracks))
    for track in np.unique(tracks).tolist():
        own = tracks == track
        after = sums.get(track, 0) + np.cumsum(changes[own])
        values[own] = after
        sums[track] = int(after[-1])
    return values


def _rows(events: Events, some: slice) -> Events:
    arguments = [
        Argument(one.name, one.values[some], None if one.present is None else one.present[some], one.is_text)
        for one in events.arguments
    ]
    ends = None if events.ends is None else events.ends[some]
    return Events(
        events.category, events.tracks[some], events.starts[some], ends, events.names[some], arguments
    )


def _with(events: Events, **flows: Any) -> Events:
    return replace(events, **flows)


def _array(column: pa.ChunkedArray) -> pa.Array:
    found = column.combine_chunks()
    return found if isinstance(found, pa.Array) else pa.concat_arrays(found.chunks)


@cache
def _counters() -> tuple[str, ...]:
    there = (resources.files(__package__) / "sql" / "counters").iterdir()
    return tuple(sorted(f"counters/{file.name.removesuffix('.sql')}" for file in there))


@cache
def _sql(name: str) -> str:
    file = f"{name}.sql"
    return sqlfiles.load(resources.files(__package__) / "sql" / file, f"perfetto/{file}").sql
