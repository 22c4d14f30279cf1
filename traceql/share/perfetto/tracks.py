"""What stands where: processes and their threads, GPUs and their streams, and what lies below them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from traceql.share.perfetto import packets

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

# Numbers of processes whose own is taken, or not known: no system gives such.
_NO_PID = 1 << 30


class Key(NamedTuple):
    """What an event says of its track: columns of the SELECTs under ``sql/``."""

    place: str
    process_id: int | None
    tid: int | None
    gpu_id: int | None
    context_id: int | None
    stream_id: int | None
    track: str | None


class CounterKey(NamedTuple):
    """What a value says of its track: columns of the SELECTs under ``sql/counters``."""

    gpu_id: int | None
    track: str
    unit: str | None


class Names(NamedTuple):
    """What a trace calls its processes, threads, GPUs and streams (by process, context and number).

    Of a process: its pid, that as a text which no other has, and its name.
    """

    trace: str
    processes: Mapping[int, tuple[int, str, str | None]]
    threads: Mapping[tuple[int, int], str | None]
    gpus: Mapping[int, str | None]
    streams: Mapping[tuple[int, int, int], str]


class Tracks:
    """The tracks of a file: each is described before the first packet that means it.

    Args:
        write: takes the packets.
        several: whether the file holds several traces, so that names must tell them.
    """

    def __init__(self, write: Callable[[bytes], Any], *, several: bool) -> None:
        self._write = write
        self._several = several
        self._pids: set[int] = set()
        self._places: dict[tuple[object, ...], int] = {}
        # How to describe another one beside a track.
        self._named: dict[int, tuple[int, str]] = {}
        self.count = 0

    def of_event(self, names: Names, key: Key) -> int:
        """The track of events."""
        parent = self._stream(names, key) if key.place == "gpu" else self._thread(names, key)
        return parent if key.track is None else self._below(parent, key.track)

    def of_counter(self, names: Names, key: CounterKey) -> int:
        """The track of a counter of a GPU, or of one that is of none."""
        parent = self._counters(names) if key.gpu_id is None else self._gpu(names, key.gpu_id)
        name, unit = key.track, key.unit or ""
        return self._once(
            ("counter", parent, name, unit), lambda track: packets.counter(track, parent, track, name, unit)
        )

    def beside(self, track: int) -> int:
        """Another track of the same name: Perfetto's pages show both as one."""
        parent, name = self._named[track]
        return self._new(lambda new: packets.named(new, parent, track, name))

    def _thread(self, names: Names, key: Key) -> int:
        process, pid = self._process(names, key.process_id)
        tid = key.tid
        if tid is None:
            return process
        name = names.threads.get((key.process_id or 0, tid)) or f"thread {tid}"
        return self._once(
            ("thread", process, tid), lambda track: packets.thread(track, track, pid, tid, name)
        )

    def _process(self, names: Names, process_id: int | None) -> tuple[int, int]:
        known = ("process", names.trace, process_id)
        if known not in self._places:
            own, _, process = names.processes.get(process_id or 0, (None, None, None))
            pid = own if own is not None and own not in self._pids else _NO_PID + len(self._pids)
            self._pids.add(pid)
            said = process or "process"
            if own is not None and own != pid:
                said += f" (pid {own})"
            self._places[(*known, "pid")] = pid
            self._once(known, lambda track: packets.process(track, track, pid, self._of_trace(said, names)))
        return self._places[known], self._places[(*known, "pid")]

    def _counters(self, names: Names) -> int:
        said = self._of_trace("Counters", names)
        return self._once(("counters", names.trace), lambda track: packets.named(track, None, track, said))

    def _gpu(self, names: Names, gpu_id: int | None) -> int:
        model = names.gpus.get(gpu_id) if gpu_id is not None else None
        said = " ".join(filter(None, ["GPU", "?" if gpu_id is None else str(gpu_id), model]))
        return self._once(
            ("gpu", names.trace, gpu_id),
            lambda track: packets.named(track, None, track, self._of_trace(said, names)),
        )

    def _stream(self, names: Names, key: Key) -> int:
        gpu = self._gpu(names, key.gpu_id)
        said = "no stream" if key.stream_id is None else f"stream {key.stream_id}"
        named = names.streams.get((key.process_id or 0, key.context_id or 0, key.stream_id or 0))
        if named is not None:
            said = f"{named}, {said}"
        if key.context_id not in (None, 0, 1):
            said += f", context {key.context_id}"
        if len(names.processes) > 1:
            _, pid, process = names.processes.get(key.process_id or 0, (None, None, None))
            said += f", {process or 'process'} {pid or '?'}"
        place = ("stream", gpu, key.process_id, key.context_id, key.stream_id)
        return self._once(place, lambda track: packets.named(track, gpu, track, said), (gpu, said))

    def _below(self, parent: int, name: str) -> int:
        return self._once(
            ("below", parent, name), lambda track: packets.named(track, parent, track, name), (parent, name)
        )

    def _of_trace(self, said: str, names: Names) -> str:
        return f"{names.trace}: {said}" if self._several else said

    def _once(
        self,
        place: tuple[object, ...],
        describe: Callable[[int], bytes],
        named: tuple[int, str] | None = None,
    ) -> int:
        if place not in self._places:
            self._places[place] = self._new(describe)
            if named is not None:
                self._named[self._places[place]] = named
        return self._places[place]

    def _new(self, describe: Callable[[int], bytes]) -> int:
        self.count += 1
        self._write(describe(self.count))
        return self.count


def names_of(trace: str, rows: Sequence[Mapping[str, Any]]) -> Names:
    """The names of a trace out of the rows of ``sql/names.sql``."""
    of = {
        what: [row for row in rows if row["what"] == what] for what in ("process", "thread", "gpu", "stream")
    }
    return Names(
        trace,
        {row["process_id"]: (row["pid"], row["pid_text"], row["name"]) for row in of["process"]},
        {(row["process_id"], row["tid"]): row["name"] for row in of["thread"]},
        {row["gpu_id"]: row["name"] for row in of["gpu"]},
        {(row["process_id"], row["context_id"], row["stream_id"]): row["name"] for row in of["stream"]},
    )
