"""Decoding in a process of its own: crashes, leaks, endless memory and endless work stay there.

`child` is that process, and says in which form it is asked and answers. A subprocess rather than
`multiprocessing`, which would import the caller's main script again.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import threading
import time
from dataclasses import replace
from typing import IO, TYPE_CHECKING, Any, Final, Protocol

from traceql import errors
from traceql.read import processes
from traceql.read.arriving import Arriving
from traceql.read.base import RawReport
from traceql.read.child import FRAME, PLACE
from traceql.read.limits import limits, machine_bytes, sensible_bytes, sized

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    import pyarrow as pa

    from traceql.read.base import Progress, Wanted
    from traceql.read.formats import Reader
    from traceql.read.limits import Limits
    from traceql.read.processes import Process

# What is taken from a pipe at a time: each piece is progress.
_PIECE_BYTES: Final = 1 << 22
# Of reports after which a process is given another one.
_SMALL_BYTES: Final = 4_000_000
# How a process ends that the system's guard of memory ends.
_KILLED: Final = -9
# What libraries say when they are refused memory, and end the process.
_NO_MEMORY: Final = ("bad_alloc", "MemoryError", "annot allocate memory", "out of memory")


class Endable(Protocol):
    """What decodes in processes of its own."""

    def kill(self) -> None:
        """End it at once."""


class Watch:
    """Ends processes that show no sign of life for too long.

    Args:
        children: whom to end.
        idle_s: seconds.

    Attributes:
        ended: whether it has.
    """

    def __init__(self, children: Sequence[Endable], idle_s: float) -> None:
        self.ended = False
        self._children = children
        self._idle_s = idle_s
        self._idle = 0.0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def alive(self) -> None:
        """There was a sign of life."""
        self._idle = 0.0

    def _look(self) -> None:
        every = min(1.0, self._idle_s / 4)
        before = time.monotonic()
        while not self._over.wait(every):
            now = time.monotonic()
            # While all of it was stopped (Ctrl-Z, a laptop that slept) nobody was idle.
            self._idle += min(now - before, 2 * every)
            before = now
            if self._idle > self._idle_s:
                self.ended = True
                for child in self._children:
                    child.kill()
                return

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()


class Stop:
    """Ends a decoding that nobody waits for any more, from another thread."""

    def __init__(self) -> None:
        self.is_over = False
        self._children: Sequence[Endable] = ()

    def interrupt(self) -> None:
        """End its processes, and those that it starts later."""
        self.is_over = True
        for child in self._children:
            child.kill()

    def hold(self, children: Sequence[Endable]) -> None:
        """Note which these are."""
        self._children = children
        if self.is_over:
            self.interrupt()


def decode(
    reader: Reader,
    path: Path,
    *,
    wanted: Wanted | None,
    progress: Progress,
    parts: int = 1,
    within: Limits | None = None,
    stop: Stop | None = None,
    arriving: Arriving | None = None,
    begun: Callable[[], None] | None = None,
) -> RawReport:
    """Run a reader in child processes; the same contract as its ``read``.

    Args:
        reader: the format.
        path: the report.
        wanted: see `base.ReadFunction`.
        progress: see `base.ReadFunction`.
        parts: processes to share the report among, where the format can be divided, or streams and the system
            can.
        within: what all of them may take; by default what `limits` allows a report of its size.
        stop: ends them.
        arriving: takes the tables; by default they stay in memory, however large they are.
        begun: is called when the processes are at it; before pyarrow is needed.

    Raises:
        ReportError: whatever the reader raised, or that it crashed.
        LimitError: it needs more memory than it may take, or stands still.
    """
    # Who streams shares its work with copies of itself.
    at_once, parts = (1, parts) if reader.divisible else (parts, 1)
    within = within or limits(_size(path))
    memory = None if within.memory_bytes is None else within.memory_bytes // parts
    arriving = arriving or Arriving(None)
    reached = [(0, 0)] * parts

    def watch(part: int) -> Progress:
        def update(done: int, total: int | None) -> None:
            reached[part] = (done, total or 0)
            progress(sum(d for d, _ in reached), sum(t for _, t in reached) or None)

        return update

    children = [
        _start(reader, path, wanted, (part, parts), at_once, memory, arriving) for part in range(parts)
    ]
    try:
        if stop is not None:
            stop.hold(children)
        if begun is not None:
            begun()
        # While they start: it takes as long as they do.
        import pyarrow  # noqa: F401

        with Watch(children, within.idle_s) as guard:
            # Their answers wait in the pipes: progress of the first part is what is seen first.
            reports = [
                _answer(child, path, part, watch(part), guard, within, arriving, is_alone=parts == 1)
                for part, child in enumerate(children)
            ]
        # What a large report has left in memory would be another's.
        if _size(path) < _SMALL_BYTES and stop is not None and not stop.is_over:
            while children:
                processes.answered(children.pop())
    finally:
        for child in children:
            processes.end(child)
    return replace(reports[0], tables=arriving.tables())


def _size(path: Path) -> int:
    if path.is_dir():
        return sum(member.stat().st_size for member in path.iterdir() if member.is_file())
    return path.stat().st_size


def _start(
    reader: Reader,
    path: Path,
    wanted: Wanted | None,
    part: tuple[int, int],
    at_once: int,
    memory_bytes: int | None,
    arriving: Arriving,
) -> Process:
    file = arriving.file(part[0])
    request = {
        "module": reader.module,
        "divisible": reader.divisible,
        "streams": reader.streams,
        "path": str(path.absolute()),
        "wanted": wanted,
        "part": part,
        "at_once": at_once,
        "memory": memory_bytes,
        "file": None if file is None else str(file),
        "in_frames": arriving.in_memory_bytes,
    }
    child = processes.start()
    ask(child, request)
    return child


def ask(child: Process, request: Mapping[str, object]) -> None:
    """Give a process its request."""
    assert child.process.stdin is not None
    with contextlib.suppress(BrokenPipeError):
        # The pipe stays open: the child ends when it breaks, which is when this process does.
        child.process.stdin.write(json.dumps(request).encode() + b"\n")
        child.process.stdin.flush()


def _answer(
    child: Process,
    path: Path,
    part: int,
    progress: Progress,
    guard: Watch,
    within: Limits,
    arriving: Arriving,
    *,
    is_alone: bool,
) -> RawReport:
    name = ""
    told: dict[str, Any] = {}
    for tag, payload in frames(child, path, guard, within):
        if tag == b"P":
            done, total = json.loads(payload.to_pybytes())
            progress(done, total)
        elif tag == b"N":
            name = payload.to_pybytes().decode()
        elif tag == b"T":
            arriving.add(name, payload)
        elif tag == b"F":
            begins, ends = PLACE.unpack(payload)
            arriving.add_from(part, begins, ends, name)
        elif tag == b"W" and is_alone:
            arriving.whole(json.loads(payload.to_pybytes()))
        elif tag == b"H" and is_alone:
            arriving.told([(name, content) for name, content in json.loads(payload.to_pybytes())])
        elif tag == b"M":
            told = json.loads(payload.to_pybytes())
    return RawReport(tables={}, **told)


def frames(child: Process, path: Path, guard: Watch, within: Limits) -> Iterator[tuple[bytes, pa.Buffer]]:
    """What a process answers, as tags and payloads, up to the ``M`` that ends a success.

    Args:
        child: the process, which was asked.
        path: of the report, for errors.
        guard: is told of every sign of life.
        within: what the process may take.

    Raises:
        ReportError: what the process says, or that it crashed.
        LimitError: it needs more memory than it may take, or stood still.
    """
    answers = child.process.stdout
    assert answers is not None
    while (frame := _receive(answers, guard)) is not None:
        tag, payload = frame
        if tag == b"E":
            error = json.loads(payload.to_pybytes())
            raise getattr(errors, error["type"])(error["message"], error["remedy"])
        if tag == b"L":
            raise _too_large(path, within)
        yield frame
        if tag == b"M":
            return
    # No answer: let it say why.
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.process.wait(timeout=5)
    child.process.kill()
    status = child.process.wait()
    if guard.ended:
        raise errors.LimitError(
            f"{path.name}: decoding made no progress for {within.idle_s:,.0f} s and was ended",
            "The file is probably damaged: copy it again, or record it again.",
        )
    child.said.seek(0)
    said = child.said.read().decode("utf-8", "replace").strip().splitlines()
    reason = said[-1] if said else f"exit status {status}"
    if any(words in reason for words in _NO_MEMORY):
        raise _too_large(path, within)
    if status == _KILLED and not said:
        # Its own limit does not kill; the system does, when all memory is used.
        raise errors.ReportError(
            f"{path.name}: the decoder crashed (it was killed)",
            "The system does so when its memory is used up: read the report on a machine with more.",
        )
    raise errors.ReportError(
        f"{path.name}: the decoder crashed ({reason})",
        "The file is probably damaged: copy it again, or record it again.",
    )


def _too_large(path: Path, within: Limits) -> errors.LimitError:
    there = machine_bytes()
    if within.memory_bytes is None:
        return errors.LimitError(
            f"{path.name}: decoding needs more memory than there is", "Read it on a machine with more."
        )
    more = sized(sensible_bytes(2 * within.memory_bytes, _size(path))).replace(" ", "")
    has = f" (this machine has {sized(there)})" if there else ""
    return errors.LimitError(
        f"{path.name}: decoding needs more than {sized(within.memory_bytes)} of memory",
        f"If the file is whole, allow more with --memory {more}{has}.",
    )


def _receive(stream: IO[bytes], guard: Watch) -> tuple[bytes, pa.Buffer] | None:
    import pyarrow as pa

    head = stream.read(FRAME.size)
    if len(head) < FRAME.size:
        return None
    tag, length = FRAME.unpack(head)
    guard.alive()
    payload = pa.allocate_buffer(length)
    view, at = memoryview(payload), 0
    while at < length:
        piece = stream.readinto(view[at : at + _PIECE_BYTES])  # type: ignore[attr-defined]
        if not piece:
            return None
        at += piece
        guard.alive()
    return tag, payload
