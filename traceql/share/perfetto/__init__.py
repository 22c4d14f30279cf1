"""Timelines of traces as one trace of Perfetto, which ui.perfetto.dev and its trace processor open.

What is an event, and what is said beside it, are SELECTs under ``sql/``: the columns that every one of them
has say where and when, and each further one is an argument of the event, called like it. Each file under
``sql/counters`` is a counter of GPUs, or several: ``gpu_id``, ``track``, ``unit``, ``time_ns``, and its
``value``, or, as a whole number, by how much it is to ``change`` from 0 on. Of tables that a window does not
narrow they take what lies between ``since_ns`` and ``until_ns`` of the table ``shown``, NULL for all. All are
asked stretch by stretch, so that no more than some ten thousand events are in memory.

Times are nanoseconds since 1970 (UTC), those of a job's traces on the clock of its first one. What overlaps
on a track without lying within each other stands on lanes beside it. An arrow leads from each API call to
each work on a GPU that it launched, if the work began no earlier than the call.

============ ==========================================================================
`packets`    Perfetto's messages
`strings`    texts by number
`tracks`     what stands where
`lanes`      tracks side by side for what overlaps
`stretches`  times with so many events each that they can be in memory
`serving`    a file and a page on loopback, which hands it over to Perfetto's pages
============ ==========================================================================
"""

from __future__ import annotations

import gzip
from dataclasses import dataclass, field, replace
from functools import cache, partial
from importlib import resources
from types import MappingProxyType
from typing import IO, TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np
import pyarrow as pa

from traceql.ask import gaps, place
from traceql.errors import MissingDataError
from traceql.read.protobuf_rows import ROWS
from traceql.share import files
from traceql.share.perfetto import packets, stretches
from traceql.share.perfetto.lanes import Lanes
from traceql.share.perfetto.packets import Argument, Events
from traceql.share.perfetto.strings import Strings
from traceql.share.perfetto.tracks import CounterKey, Key, Names, Tracks, names_of
from traceql.tables import sqlfiles

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

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
    # Of which of the SELECT's events, if it has several kinds.
    params: Mapping[str, Value] = MappingProxyType({})


# Calls come before the work that arrows lead to.
_KINDS = (
    Kind("api_calls", "cuda api", begins_flows=True),
    Kind("os_calls", "os"),
    Kind("syncs", "synchronisation"),
    Kind("nvtx", "nvtx", params={"marks": False}),
    Kind("nvtx", "nvtx", lasts=False, params={"marks": True}),
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
        place: the time that from, to and within mean, in nanoseconds since 1970; None for all.
    """

    slices: int = 0
    instants: int = 0
    values: int = 0
    flows: int = 0
    tracks: int = 0
    notes: list[Note] = field(default_factory=list)
    place: tuple[int, int] | None = None


def write(
    ask: Asker,
    traces: Sequence[str],
    file: IO[bytes],
    *,
    compressed: bool = False,
    only: bool = True,
    **where: Any,
) -> Written:
    """Write timelines into one file.

    Args:
        ask: the database.
        traces: names, patterns or tags; none for all. Those of ncu give the timelines' kernels their
            counters.
        file: takes the bytes, from the first to the last.
        compressed: whether they are compressed (gzip).
        only: whether nothing is written but what lies in that time and range; else all is.
        **where: from, to and within, as questions have them: times of each trace.

    Raises:
        QueryError: there is no such trace; or the time is none.
        MissingDataError: no trace has a timeline, or none has such a range.
    """
    query = ask.catalog.find(_LIKE)
    bound = place.named(ask.store.run, query, query.bind({"trace": list(traces) or None, **where}))
    about = partial(ask.store.run, about=place.about(bound))
    clocks = about(_sql("clocks"), {"trace": bound["trace"]})
    if not clocks.num_rows:
        raise MissingDataError(
            f"{', '.join(traces) or ask.store.path}: no timeline",
            "Perfetto shows when things happened: name traces of nsys.",
        )
    written = Written(notes=list(gaps.notes(about, ask.catalog, query, bound)))
    at = place.of(about, query, bound)
    clocks = _begun(clocks, written.notes)
    places = _places(about, at.narrowed)
    written.place = _in_all(clocks, places)
    if only or written.place is None:
        written.notes += at.notes
    window = _Window(at.narrowed, places) if only else _Window({}, {})
    if not compressed:
        _write_all(ask, clocks, window, bound["trace"], file, written)
        return written
    # A better compression takes longer than all the rest.
    with gzip.GzipFile("", "wb", compresslevel=1, fileobj=file, mtime=0) as packed:
        _write_all(ask, clocks, window, bound["trace"], packed, written)
    return written


def write_file(ask: Asker, traces: Sequence[str], path: Path, **where: Any) -> Written:
    """Write timelines into a file of its own, compressed if it is called ``.gz``; see `write`.

    Raises:
        TraceqlError: the file is called otherwise than `SUFFIXES` say, or cannot be written.
    """
    is_packed = path.name.lower().endswith(".gz")
    return files.written(path, SUFFIXES, lambda file: write(ask, traces, file, compressed=is_packed, **where))


def _begun(clocks: pa.Table, notes: list[Note]) -> pa.Table:
    """The clocks, and a note on traces of which nobody knows when they began."""
    times = clocks.column("utc_ns")
    if unknown := clocks.filter(times.is_null()).column("trace").to_pylist():
        text = f"Not known when it began, so it stands at the first moment: {', '.join(unknown)}."
        notes.append(gaps.Note("remark", text))
    earliest = min((time for time in times.to_pylist() if time is not None), default=0)
    return clocks.set_column(clocks.column_names.index("utc_ns"), "utc_ns", times.fill_null(earliest))


class _Window(NamedTuple):
    """What is written of each trace.

    Attributes:
        narrowed: SELECTs that stand in for tables.
        places: number of a trace → from when to when that is.
    """

    narrowed: Mapping[str, str]
    places: Mapping[int, tuple[int, int]]

    def shown(self, trace_id: int) -> pa.Table:
        """The table ``shown``: of a trace of which nothing is, no time at all."""
        since, until = self.places.get(trace_id, (0, 0) if self.narrowed else (None, None))
        return pa.table(
            {"since_ns": pa.array([since], pa.int64()), "until_ns": pa.array([until], pa.int64())}
        )


def _places(run: Callable[..., pa.Table], narrowed: Mapping[str, str]) -> dict[int, tuple[int, int]]:
    """Where a window lies in each trace; nowhere if there is none."""
    if not narrowed:
        return {}
    rows = run(_sql("place"), narrowed=narrowed).to_pylist()
    return {row["trace_id"]: (row["since_ns"], row["until_ns"]) for row in rows}


def _in_all(clocks: pa.Table, places: Mapping[int, tuple[int, int]]) -> tuple[int, int] | None:
    """Where all places together lie, in nanoseconds since 1970."""
    begun = {row["trace_id"]: row["utc_ns"] for row in clocks.to_pylist()}
    there = [
        (begun[trace] + since, begun[trace] + until)
        for trace, (since, until) in places.items()
        if trace in begun
    ]
    return (min(since for since, _ in there), max(until for _, until in there)) if there else None


def _write_all(
    ask: Asker,
    clocks: pa.Table,
    window: _Window,
    names: Value,
    file: IO[bytes] | gzip.GzipFile,
    written: Written,
) -> None:
    rows = clocks.to_pylist()
    file.write(packets.first(min(row["utc_ns"] for row in rows)))
    tracks = Tracks(file.write, several=len(rows) > 1)
    strings = Strings(file.write)
    for row in rows:
        run = partial(ask.store.run, narrowed=window.narrowed, about=[row["trace"]])
        one = _Trace(run, row["trace_id"], row["trace"], row["utc_ns"], file, tracks, strings, written)
        one.write(_profiled(ask, row["trace"], names), window.shown(row["trace_id"]))
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

    def write(self, profiled: pa.Table, shown: pa.Table) -> None:
        names = names_of(self.trace, self._ask(_sql("names")).to_pylist())
        flows = _Flows(self._ask(_sql("flows")))
        self.written.flows += flows.count
        for kind in _KINDS:
            self._events(kind, names, flows, {"profiled": profiled} if kind.sql == "kernels" else {})
        for name in _counters():
            self._values(_sql(name), names, {"shown": shown})

    def _ask(self, statement: str, tables: Mapping[str, pa.Table] | None = None, **params: Value) -> pa.Table:
        return self.run(statement, {"trace_id": self.trace_id, **params}, tables)

    def _events(self, kind: Kind, names: Names, flows: _Flows, tables: Mapping[str, pa.Table]) -> None:
        lanes, count = Lanes(self.tracks.beside), 0
        in_order = "SELECT * FROM ({}) ORDER BY start_ns, end_ns DESC, level, event_id"
        of_key = partial(self.tracks.of_event, names)

        def ask(statement: str, known: Mapping[str, pa.Table], **params: Value) -> pa.Table:
            return self._ask(statement, known, **kind.params, **params)

        for found in _stretches(ask, _sql(kind.sql), Key, "start_ns", of_key, in_order, tables):
            for event in self._encoded(kind, found, lanes, flows):
                self.file.write(event)
            count += found.num_rows
        if kind.lasts:
            self.written.slices += count
        else:
            self.written.instants += count

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

    def _values(self, sql: str, names: Names, tables: Mapping[str, pa.Table]) -> None:
        changes = "change" in self._ask(f"SELECT * FROM ({sql}) LIMIT 0", tables).column_names
        in_order = (
            "SELECT number, time_ns, sum(change)::BIGINT AS value FROM ({}) GROUP BY number, time_ns"
            " HAVING sum(change) <> 0 ORDER BY time_ns, number"
            if changes
            else "SELECT number, time_ns, value FROM ({}) ORDER BY time_ns, number, value"
        )
        sums: dict[int, int] = {}
        of_key = partial(self.tracks.of_counter, names)
        for found in _stretches(self._ask, sql, CounterKey, "time_ns", of_key, in_order, tables):
            track, time, value = (_array(column).to_numpy() for column in found.columns)
            if changes:
                value = _summed(track, value, sums)
            for first in range(0, len(track), ROWS):
                some = slice(first, first + ROWS)
                self.file.write(packets.values(track[some], self._absolute(time[some]), value[some]))
            self.written.values += found.num_rows


def _stretches(
    ask: Callable[..., pa.Table],
    sql: str,
    key: type[K],
    time: str,
    number: Callable[[K], int],
    select: str,
    tables: Mapping[str, pa.Table],
) -> Iterator[pa.Table]:
    """What a SELECT finds, stretch by stretch.

    Args:
        ask: a statement, with tables and values of parameters.
        sql: the SELECT.
        key: columns that tell the track, in whose place there is its ``number``.
        time: column by which it is cut.
        number: of the track of a key.
        select: what is asked of the rows of a stretch, in whose place stand braces.
        tables: that the SELECT knows beside the database's.
    """
    fields = ", ".join(key._fields)
    keys = ask(
        f"SELECT {fields}, count(*) AS rows, min({time}) AS first, max({time}) AS last"
        f" FROM ({sql}) GROUP BY {fields} ORDER BY {fields}",
        tables,
    )
    if not keys.num_rows:
        return
    *columns, rows, first, last = (column.to_pylist() for column in keys.columns)
    numbers = [number(key(*row)) for row in zip(*columns, strict=True)]
    of_keys = keys.select(key._fields).append_column("number", pa.array(numbers, pa.int64()))
    inside = f"{time} >= $since AND {time} < $until"

    def counts(since: int, until: int, width: int) -> Iterator[tuple[int, int]]:
        part = f"(({time}::HUGEINT - $since) // $width)::BIGINT"
        parts = (
            f"SELECT {part} AS part, count(*) AS rows FROM ({sql}) WHERE {inside} GROUP BY part ORDER BY part"
        )
        found = ask(parts, tables, since=since, until=until, width=width)
        return zip(*(column.to_pylist() for column in found.columns), strict=True)

    same = " AND ".join(f"rows.{name} IS NOT DISTINCT FROM of_keys.{name}" for name in key._fields)
    statement = select.format(
        f"SELECT number, rows.* EXCLUDE ({fields}) FROM ({sql}) AS rows JOIN of_keys ON {same} WHERE {inside}"
    )
    for since, until in stretches.of(counts, min(first), max(last) + 1, sum(rows)):
        yield ask(statement, {**tables, "of_keys": of_keys}, since=since, until=until)


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
    return sqlfiles.untagged(resources.files(__package__) / "sql" / file, f"perfetto/{file}")
