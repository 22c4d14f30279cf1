"""The process that decodes: ``python -m traceql.read.child``, started by `worker`.

The request is one line of JSON on its standard input, which the parent keeps open for as long as it wants the
answer: a child never outlives its parent. The answer, on its standard output, is a row of frames: one tag
byte, the payload's length (u64, little-endian), the payload. ``P`` is progress, ``N`` the name of a table and
``T`` its Arrow stream, ``M`` the metadata that ends a success, ``E`` an error, ``L`` that memory ran out.
Without a request it ends in silence.

Before the request it imports what every reader needs, and the readers of files that are called like those in
its arguments, if there are any: the user waits for it.

`main` is that of other modules, too, whose work is another one in the same form.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import struct
import sys
import threading
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from traceql import errors
from traceql.read import formats, limits

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyarrow as pa

    from traceql.read.base import Progress, RawReport, ReadFunction, Wanted

    Work = Callable[[IO[bytes], dict[str, Any], Progress], dict[str, Any]]

FRAME = struct.Struct("<cQ")
# Seconds between two reports of progress.
_PROGRESS_S = 0.05


def send(stream: IO[bytes], tag: bytes, payload: bytes) -> None:
    """Write one frame."""
    stream.write(FRAME.pack(tag, len(payload)))
    stream.write(payload)
    stream.flush()


def _send_table(stream: IO[bytes], name: str, table: pa.Table) -> None:
    import pyarrow as pa

    # Written twice, the first time only to know how long it is: so it is never in memory twice.
    length = pa.MockOutputStream()
    with pa.ipc.new_stream(length, table.schema) as writer:
        writer.write_table(table)
    send(stream, b"N", name.encode())
    stream.write(FRAME.pack(b"T", length.size()))
    stream.flush()
    # pyarrow closes what it writes to.
    with (
        os.fdopen(os.dup(stream.fileno()), "wb") as copy,
        pa.PythonFile(copy, mode="w") as sink,
        pa.ipc.new_stream(sink, table.schema) as writer,
    ):
        writer.write_table(table)


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
        if _ran_out(error):
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
    divided = {"part": tuple(request["part"])} if request["divisible"] else {}
    read: ReadFunction = importlib.import_module(request["module"]).read
    gc.enable()
    report = read(Path(request["path"]), wanted=wanted, progress=progress, **divided)
    for name, table in report.tables.items():
        if wanted is None or name in wanted:
            columns = [c for c in table.column_names if wanted is None or c in wanted[name]]
            _send_table(stream, name, table.select(columns))
    return _metadata(report)


def _metadata(report: RawReport) -> dict[str, Any]:
    return {
        name: dict(value) if name == "settings" else value
        for name, value in vars(report).items()
        if name != "tables"
    }


def _ran_out(error: BaseException | None) -> bool:
    """Whether an error, or one that it was made of, says that there is no memory."""
    while error is not None:
        if isinstance(error, MemoryError) or "can't start new thread" in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False


def _lift() -> None:
    """Leave room for saying that there was none."""
    if sys.platform == "linux":
        import resource

        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (hard, hard))


def _prepare(names: list[str]) -> None:
    """Import what reports of such names need; compressed ones go on behind the suffix."""
    importlib.import_module("pyarrow")
    for reader in formats.READERS:
        if any(suffix in name.lower() for suffix in reader.suffixes for name in names):
            importlib.import_module(reader.module)


def _end_with_parent() -> None:
    sys.stdin.read()
    os._exit(1)


def main(work: Work = _decode) -> None:
    """Answer one request; see the module's text.

    Args:
        work: is given where answers go, the request, and what is told of progress; returns what ends a
            success.
    """
    # What is imported stays: to look for garbage in between takes a twentieth of the time.
    gc.disable()
    limits.set_nothing_aside()
    # The native library may print: what it writes goes to stderr, the frames keep stdout to themselves.
    with os.fdopen(os.dup(1), "wb") as stream:
        os.dup2(2, 1)
        _prepare(sys.argv[1:])
        asked = sys.stdin.readline()
        if not asked:
            os._exit(0)
        request = json.loads(asked)
        threading.Thread(target=_end_with_parent, daemon=True).start()
        limits.enforce(request["memory"])
        _serve(stream, request, work)
        stream.flush()
    # Skips the native library's teardown, which has nothing left to do and has been seen to be slow.
    os._exit(0)


if __name__ == "__main__":
    main()
