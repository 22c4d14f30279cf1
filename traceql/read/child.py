"""The process that decodes: ``python -m traceql.read.child``, started by `worker`.

A request is one line of JSON on its standard input, which the parent keeps open for as long as it wants the
answer, or has more to ask: a child never outlives its parent. The answer, on its standard output, is a row
of frames: one tag byte, the payload's length (u64, little-endian), the payload. ``P`` is progress, ``N`` the
name of a table and ``T`` some of its rows, an Arrow stream, or ``F`` where such a stream begins and ends in
the file that the request names for it, ``W`` names of tables of which no more comes, ``H`` facts about
processes whose homes texts may name, ``M`` the metadata that ends a success, ``E`` an error, ``L`` that
memory ran out. Tables are sent while the report is being decoded; the first of them, and all where no file
is named, on the standard output. Without a request it ends in silence.

Before the request it imports what every reader needs, and the readers of files that are called like those in
its arguments, if there are any: the user waits for it.

`main` is that of other modules, too, whose work is another one in the same form.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import gc
import importlib
import json
import os
import queue
import struct
import sys
import threading
import time
from collections import Counter
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from traceql import errors
from traceql.read import formats, limits
from traceql.read.base import ROWS, PiecedTable
from traceql.read.beside import InOrder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    import pyarrow as pa

    from traceql.read.base import Progress, RawReport, RawTable, ReadFunction, Wanted

    Work = Callable[[IO[bytes], dict[str, Any], Progress], dict[str, Any]]

FRAME = struct.Struct("<cQ")
#: Where rows begin and end in a file.
PLACE = struct.Struct("<QQ")
# Of a table, sent at a time: enough that a frame costs little, few enough that it is never in memory twice.
_FRAME_BYTES = 16 << 20
# Of all tables, sent between two times that memory is given back.
_GIVE_BACK_BYTES = 64 << 20
# Of malloc.h: M_MMAP_THRESHOLD, M_TRIM_THRESHOLD, M_ARENA_MAX.
_MALLOPT = ((-3, 32 << 20), (-1, 256 << 20), (-8, 1))
# Frames that wait until those before them are written: rows of several tables come together.
_MOST_WAITING = 3
# Seconds between two reports of progress.
_PROGRESS_S = 0.05


# Rows are sent in a thread of their own, progress is not.
_one_frame = threading.Lock()


def send(stream: IO[bytes], tag: bytes, payload: bytes | pa.Buffer) -> None:
    """Write one frame."""
    with _one_frame:
        stream.write(FRAME.pack(tag, len(payload)))
        stream.write(payload)
        stream.flush()


def _at_once(action: Callable[[], None]) -> None:
    action()


class _Sender:
    """Sends rows of tables, so many at a time that it takes little memory and little time.

    Args:
        stream: takes the frames.
        do: has them written, one after the other; by default that is done at once.
        file: takes the rows behind the first ones: nobody waits for anybody, and they are written once, where
            they are read. None for all in frames.
        in_frames: bytes that these first ones have, at most.
        of: the report's name, for errors.
    """

    def __init__(
        self,
        stream: IO[bytes],
        do: Callable[[Callable[[], None]], None] = _at_once,
        file: Path | None = None,
        in_frames: int = 0,
        of: str = "",
    ) -> None:
        self._stream = stream
        self._do = do
        self._place = file
        self._file: pa.NativeFile | None = None
        self._left_in_frames = in_frames
        self._of = of
        self._waiting: dict[str, list[pa.RecordBatch]] = {}
        self._rows: Counter[str] = Counter()
        self._bytes: Counter[str] = Counter()
        self._until_given_back = _GIVE_BACK_BYTES
        #: Whether it is known whose homes texts may name.
        self.has_told = False

    def told(self, environment: Sequence[tuple[str, str]]) -> None:
        """Facts about processes; see `base.Delivery`."""
        self.has_told = True
        self._do(partial(send, self._stream, b"H", json.dumps(environment).encode()))

    def whole(self, names: Iterable[str]) -> None:
        """Of these tables no more rows come; see `base.Delivery`."""
        names = sorted(names)
        for name in names:
            if name in self._waiting:
                self._send(name)
        self._do(partial(send, self._stream, b"W", json.dumps(names).encode()))

    def take(self, name: str, rows: pa.RecordBatch) -> None:
        """Rows of a table, behind those before."""
        # What exactly they take is known, but to ask for it takes longer than all else here.
        width = rows.get_total_buffer_size() / max(1, rows.num_rows)
        while (room := ROWS - self._rows[name]) <= rows.num_rows:
            self._wait(name, rows.slice(0, room), width)
            self._send(name)
            rows = rows.slice(room)
            if not rows.num_rows:
                return
        self._wait(name, rows, width)
        if self._bytes[name] >= _FRAME_BYTES:
            self._send(name)

    def _wait(self, name: str, rows: pa.RecordBatch, width: float) -> None:
        self._waiting.setdefault(name, []).append(rows)
        self._rows[name] += rows.num_rows
        self._bytes[name] += int(rows.num_rows * width)

    def end(self) -> None:
        """Send what is waiting."""
        for name in tuple(self._waiting):
            self._send(name)

    def _send(self, name: str) -> None:
        batches = self._waiting.pop(name)
        self._rows[name] = self._bytes[name] = 0
        self._do(partial(self._write, name, batches))

    def _write(self, name: str, batches: list[pa.RecordBatch]) -> None:
        import pyarrow as pa

        rows = pa.Table.from_batches(batches).combine_chunks()
        batches.clear()
        size = rows.get_total_buffer_size()
        self._left_in_frames -= size
        if self._place is None or self._left_in_frames >= 0:
            sink = pa.BufferOutputStream()
            _write_stream(sink, rows)
            tag, payload = b"T", sink.getvalue()
        else:
            try:
                tag, payload = b"F", self._into_file(rows)
            except OSError as full:
                raise errors.LimitError(
                    f"{self._of}: its tables do not fit into the temporary folder "
                    f"({os.strerror(full.errno or errno.ENOSPC)})",
                    "Make room there, or name another one: TMPDIR=FOLDER.",
                ) from full
        send(self._stream, b"N", name.encode())
        send(self._stream, tag, payload)
        self._until_given_back -= size
        if self._until_given_back < 0:
            self._until_given_back = _GIVE_BACK_BYTES
            _give_back()

    def _into_file(self, rows: pa.Table) -> bytes:
        import pyarrow as pa

        if self._file is None:
            self._file = pa.OSFile(str(self._place), "wb")
        begins = self._file.tell()
        _write_stream(self._file, rows)
        return PLACE.pack(begins, self._file.tell())

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            self._file.close()


def _write_stream(sink: pa.NativeFile, rows: pa.Table) -> None:
    import pyarrow as pa

    with pa.ipc.new_stream(sink, rows.schema) as writer:
        writer.write_table(rows)


def _keep_memory() -> None:
    """Use memory again that was free, in all threads: glibc alone gives much of it back between columns."""
    if sys.platform == "linux":
        with contextlib.suppress(AttributeError, OSError):
            mallopt = ctypes.CDLL(None).mallopt
            for option, value in _MALLOPT:
                mallopt(option, value)


def _give_back() -> None:
    """Give memory back that is free but lies between what is in use: glibc alone would keep it for later."""
    if sys.platform == "linux":
        with contextlib.suppress(AttributeError, OSError):
            ctypes.CDLL(None).malloc_trim(0)


def _batches(table: RawTable, columns: list[str]) -> Iterator[pa.RecordBatch]:
    """Rows of a table, at least one batch, which may be empty."""
    if isinstance(table, PiecedTable):
        batches = table.pieces(columns)
        if (first := next(batches, None)) is not None:
            yield first
            yield from batches
            return
    chosen = table.select(columns)
    yield from chosen.to_batches(max_chunksize=ROWS)
    if not chosen.num_rows:
        import pyarrow as pa

        yield pa.RecordBatch.from_pylist([], schema=chosen.schema)


def _serve(stream: IO[bytes], request: dict[str, Any], work: Work) -> None:
    last = 0.0

    def progress(done: int, total: int | None) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= _PROGRESS_S or done == total:
            last = now
            send(stream, b"P", json.dumps([done, total]).encode())

    try:
        told = work(stream, request, progress)
    except (errors.TraceqlError, MemoryError, RuntimeError) as error:
        if limits.ran_out(error):
            _lift()
            send(stream, b"L", b"")
        elif isinstance(error, errors.TraceqlError):
            answer = {"type": type(error).__name__, "message": error.message, "remedy": error.remedy}
            send(stream, b"E", json.dumps(answer).encode())
        else:
            raise
        return
    send(stream, b"M", json.dumps(told).encode())


def _decode(stream: IO[bytes], request: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Read a report, send its tables."""
    wanted: Wanted | None = request["wanted"]
    more: dict[str, Any] = {"part": tuple(request["part"])} if request["divisible"] else {}
    read: ReadFunction = importlib.import_module(request["module"]).read
    # What was imported is not looked at again.
    gc.freeze()
    gc.enable()
    path, file = Path(request["path"]), request["file"]
    with contextlib.ExitStack() as resources:
        thread = InOrder(_MOST_WAITING)
        sender = _Sender(stream, thread.do, file and Path(file), request["in_frames"], path.name)
        resources.callback(sender.close)
        resources.enter_context(thread)
        if request["streams"]:
            more |= {"deliver": sender, "at_once": request["at_once"]}
        report = read(path, wanted=wanted, progress=progress, **more)
        if not sender.has_told:
            sender.told(report.environment if report.named is None else report.named)
        if wanted is None:
            chosen = {name: table.column_names for name, table in report.tables.items()}
        else:
            # In the order in which they are asked for.
            there = (name for name in wanted if name in report.tables)
            chosen = {
                name: [c for c in report.tables[name].column_names if c in wanted[name]] for name in there
            }
            if not request["streams"]:
                sender.whole(wanted.keys() - chosen.keys())
        for name, columns in chosen.items():
            for rows in _batches(report.tables[name], columns):
                sender.take(name, rows)
            sender.whole([name])
        sender.end()
    return _metadata(report)


def _metadata(report: RawReport) -> dict[str, Any]:
    return {
        name: dict(value) if name == "settings" else value
        for name, value in vars(report).items()
        if name != "tables"
    }


def _lift() -> None:
    """Leave room for saying that there was none."""
    if sys.platform == "linux":
        import resource

        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (hard, hard))


class _Without:
    """Finds none of some modules, wherever they are."""

    def __init__(self, *names: str) -> None:
        self._names = names

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:  # noqa: ARG002
        """As `importlib.abc.MetaPathFinder` has it: leaves all others to others."""
        if name in self._names:
            raise ModuleNotFoundError(f"{name} is not used here", name=name)


def _prepare(names: list[str]) -> None:
    """Import what reports of such names need; compressed ones go on behind the suffix."""
    importlib.import_module("pyarrow")
    for reader in formats.READERS:
        if any(suffix in name.lower() for suffix in reader.suffixes for name in names):
            importlib.import_module(reader.module)


def _requests() -> Iterator[dict[str, Any]]:
    """Requests as they come. The process ends when no more can: with its parent."""
    waiting: queue.SimpleQueue[str] = queue.SimpleQueue()
    asked = sys.stdin.readline()
    if not asked:
        os._exit(0)

    def listen() -> None:
        for line in sys.stdin:
            waiting.put(line)
        os._exit(1)

    threading.Thread(target=listen, daemon=True).start()
    while True:
        yield json.loads(asked)
        asked = waiting.get()


def main(work: Work = _decode) -> None:
    """Answer requests, one after the other; see the module's text.

    Args:
        work: is given where answers go, the request, and what is told of progress; returns what ends a
            success.
    """
    # What is imported stays: to look for garbage in between takes a twentieth of the time.
    gc.disable()
    limits.set_nothing_aside()
    _keep_memory()
    # pyarrow uses them where they are, and to import pandas takes longer than to decode most reports; these
    # are files of this machine.
    far = (f"pyarrow._{name}fs" for name in ("s3", "gcs", "azure", "hd"))
    sys.meta_path.insert(0, _Without("pandas", "cloudpickle", *far))
    # The native library may print: what it writes goes to stderr, the frames keep stdout to themselves.
    with os.fdopen(os.dup(1), "wb") as stream:
        os.dup2(2, 1)
        _prepare(sys.argv[1:])
        for request in _requests():
            limits.enforce(request["memory"])
            _serve(stream, request, work)
            stream.flush()


if __name__ == "__main__":
    main()
