"""Decoding in a process of its own: crashes, leaks and the interpreter lock stay there.

The child is ``python -m traceql.read.worker``: the request is one line of JSON on its standard input,
which the parent keeps open for as long as it wants the answer: a child never outlives its parent. The
answer, on its standard output, is a row of frames: one tag byte, the payload's length (u64, little-endian),
the payload. ``P`` is progress, ``T`` a table (name, NUL, Arrow stream), ``M`` the metadata that ends a
success, ``E`` an error.

A subprocess rather than `multiprocessing`, which would import the caller's main script again.
"""

from __future__ import annotations

import contextlib
import json
import os
import struct
import subprocess
import sys
import tempfile
import threading
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from traceql import errors
from traceql.read import formats
from traceql.read.base import RawReport

if TYPE_CHECKING:
    import pyarrow as pa

    from traceql.read.base import Progress, RawTable, Wanted

_FRAME = struct.Struct("<cQ")
# Where this traceql was imported from.
_HOME = str(Path(__file__).parent.parent.parent)
#: Progress is reported at most this often, in events.
_PROGRESS_STEP = 16


@dataclass(frozen=True)
class _Child:
    """A decoding process, and the file that takes what it says on standard error."""

    process: subprocess.Popen[bytes]
    said: IO[bytes]


def decode(
    reader: formats.Reader, path: Path, *, wanted: Wanted | None, progress: Progress, parts: int = 1
) -> RawReport:
    """Run a reader in child processes; the same contract as its ``read``.

    Args:
        reader: the format.
        path: the report.
        wanted: see `base.ReadFunction`.
        progress: see `base.ReadFunction`.
        parts: processes to share the report among, where the format can be divided.

    Raises:
        ReportError: whatever the reader raised, or that it crashed.
    """
    parts = parts if reader.divisible else 1
    reached = [(0, 0)] * parts

    def watch(part: int) -> Progress:
        def update(done: int, total: int | None) -> None:
            reached[part] = (done, total or 0)
            progress(sum(d for d, _ in reached), sum(t for _, t in reached) or None)

        return update

    children = [_start(reader, path, wanted, (part, parts)) for part in range(parts)]
    # While they start: it takes as long as they do.
    import pyarrow as pa

    try:
        # Their answers wait in the pipes: progress of the first part is what is seen first.
        reports = [_answer(child, path, watch(part)) for part, child in enumerate(children)]
    finally:
        for child in children:
            _end(child)
    tables: dict[str, RawTable] = {
        name: pa.concat_tables([report.tables[name] for report in reports if name in report.tables])
        for name in dict.fromkeys(name for report in reports for name in report.tables)
    }
    return replace(reports[0], tables=tables)


def _start(reader: formats.Reader, path: Path, wanted: Wanted | None, part: tuple[int, int]) -> _Child:
    request = {"format": reader.format, "path": str(path.absolute()), "wanted": wanted, "part": part}
    # A file, not a pipe: nobody reads it until there is a reason to, and a full pipe would stop the child.
    said = tempfile.TemporaryFile()  # noqa: SIM115 - closed by _end
    child = subprocess.Popen(
        [sys.executable, "-P", "-m", "traceql.read.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=said,
        # The child finds the same traceql, wherever it was imported from, and (-P) nothing in the folder
        # that the user happens to stand in.
        env={**os.environ, "PYTHONPATH": os.pathsep.join([_HOME, *_given_paths()])},
    )
    assert child.stdin is not None
    with contextlib.suppress(BrokenPipeError):
        # The pipe stays open: the child ends when it breaks, which is when this process does.
        child.stdin.write(json.dumps(request).encode() + b"\n")
        child.stdin.flush()
    return _Child(child, said)


def _given_paths() -> list[str]:
    given = os.environ.get("PYTHONPATH")
    return [given] if given else []


def _answer(child: _Child, path: Path, progress: Progress) -> RawReport:
    import pyarrow as pa

    answers = child.process.stdout
    assert answers is not None
    tables: dict[str, RawTable] = {}
    while (frame := _receive(answers)) is not None:
        tag, payload = frame
        if tag == b"P":
            done, total = json.loads(payload)
            progress(done, total)
        elif tag == b"T":
            name, _, stream = payload.partition(b"\0")
            tables[name.decode()] = pa.ipc.open_stream(pa.py_buffer(stream)).read_all()
        elif tag == b"M":
            return RawReport(tables=tables, **json.loads(payload))
        elif tag == b"E":
            error = json.loads(payload)
            raise getattr(errors, error["type"])(error["message"], error["remedy"])
    # No answer: let it say why.
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.process.wait(timeout=5)
    child.process.kill()
    child.said.seek(0)
    said = child.said.read().decode("utf-8", "replace").strip().splitlines()
    reason = said[-1] if said else f"exit status {child.process.wait()}"
    raise errors.ReportError(
        f"{path.name}: the decoder crashed ({reason})",
        "The file is probably damaged: copy it again, or record it again.",
    )


def _end(child: _Child) -> None:
    child.process.kill()
    for stream in (child.process.stdin, child.process.stdout, child.said):
        if stream:
            with contextlib.suppress(BrokenPipeError):
                stream.close()
    child.process.wait()


def _receive(stream: IO[bytes]) -> tuple[bytes, bytes] | None:
    head = stream.read(_FRAME.size)
    if len(head) < _FRAME.size:
        return None
    tag, length = _FRAME.unpack(head)
    payload = stream.read(length)
    return (tag, payload) if len(payload) == length else None


def _send(stream: IO[bytes], tag: bytes, payload: bytes) -> None:
    stream.write(_FRAME.pack(tag, len(payload)))
    stream.write(payload)
    stream.flush()


def _serve(stream: IO[bytes], request: dict[str, Any]) -> None:
    def progress(done: int, total: int | None) -> None:
        if done % _PROGRESS_STEP == 0 or done == total:
            _send(stream, b"P", json.dumps([done, total]).encode())

    wanted: Wanted | None = request["wanted"]
    reader = formats.by_format(request["format"])
    divided = {"part": tuple(request["part"])} if reader.divisible else {}
    try:
        report = reader.read(Path(request["path"]), wanted=wanted, progress=progress, **divided)
        for name, table in report.tables.items():
            if wanted is None or name in wanted:
                columns = [c for c in table.column_names if wanted is None or c in wanted[name]]
                _send(stream, b"T", name.encode() + b"\0" + _ipc(table.select(columns)))
    except errors.TraceqlError as error:
        answer = {"type": type(error).__name__, "message": error.message, "remedy": error.remedy}
        _send(stream, b"E", json.dumps(answer).encode())
        return
    metadata = asdict(RawReport(**{**vars(report), "tables": {}}))
    del metadata["tables"]
    _send(stream, b"M", json.dumps(metadata).encode())


def _ipc(table: pa.Table) -> bytes:
    import pyarrow as pa

    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def _end_with_parent() -> None:
    sys.stdin.read()
    os._exit(1)


def main() -> None:
    """Answer one request; see the module's text."""
    # The native library may print: what it writes goes to stderr, the frames keep stdout to themselves.
    with os.fdopen(os.dup(1), "wb") as stream:
        os.dup2(2, 1)
        request = json.loads(sys.stdin.readline())
        threading.Thread(target=_end_with_parent, daemon=True).start()
        _serve(stream, request)
        stream.flush()
    # Skips the native library's teardown, which has nothing left to do and has been seen to be slow.
    os._exit(0)


if __name__ == "__main__":
    main()
