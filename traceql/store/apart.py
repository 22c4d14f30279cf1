"""SQL over one table in a process of its own, where it can take no more memory than it is given.

For what strangers wrote: DuckDB's own limit of memory does not count what lists and texts take while they are
computed. The process, ``python -m traceql.store.apart``, is given a line of JSON and the table as an Arrow
stream, and answers in frames, as decoders do: ``T`` an Arrow stream for each statement, ``E`` what DuckDB
says against one, ``L`` that memory ran out. Of an answer no more is read than `_MORE_BYTES` above the
table's own: what that process may take is not for this one to take as well.
"""

from __future__ import annotations

import contextlib
import io
import json
import subprocess
import sys
import threading
from typing import IO, TYPE_CHECKING

from traceql.errors import QueryError
from traceql.read import processes
from traceql.read.child import FRAME, send
from traceql.read.limits import enforce, sensible_bytes, set_nothing_aside, sized
from traceql.store import interrupts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa

    from traceql.store.definitions import Definitions

# What the table is called.
_TABLE = "answer"
# What the rows of all statements may take above what the table does.
_MORE_BYTES = 32_000_000


def run(statements: Sequence[str], answer: pa.Table, definitions: Definitions) -> list[pa.Table]:
    """The rows of each of some SELECTs over the table ``answer``, which know macros and nothing else.

    Raises:
        QueryError: DuckDB refuses one, it takes more memory than `sensible_bytes` for the table, or the rows
            take much more than the table.
        TimeLimitError: they took longer than `interrupts.within` allows.
    """
    import pyarrow as pa

    from traceql.store.connection import presentable

    memory_bytes = sensible_bytes(0, answer.nbytes)
    macros = [
        definition.create(temporary=True)
        for definition in definitions.used_by("\n".join(statements), {})
        if definition.kind == "MACRO" and not definition.sql.startswith("TABLE ")
    ]
    request = {"memory": memory_bytes, "macros": macros, "statements": list(statements)}
    given = io.BytesIO(json.dumps(request).encode() + b"\n")
    given.seek(0, io.SEEK_END)
    with pa.ipc.new_stream(given, answer.schema) as writer:
        writer.write_table(answer)
    most = answer.nbytes + _MORE_BYTES
    said = _said(given.getvalue(), most + 1)
    if len(said) > most:
        raise QueryError(f"needs more than {sized(most)} for what it answers", "Ask for less.")
    frames = list(_frames(io.BytesIO(said)))
    if frames and frames[-1][0] == b"E":
        raise QueryError(frames[-1][1].decode())
    if len(frames) != len(statements) or frames[-1][0] != b"T":
        said_so = bool(frames) and frames[-1][0] == b"L"
        crashed = "" if said_so else "crashed: it probably "
        raise QueryError(f"{crashed}needs more than {sized(memory_bytes)} of memory", "Ask for less.")
    return [presentable(pa.ipc.open_stream(payload).read_all()) for _, payload in frames]


def _said(request: bytes, most: int) -> bytes:
    """What the process answers, so many bytes at most; a signal or the time limit ends it."""
    left_s = interrupts.left_s()
    with subprocess.Popen(
        [sys.executable, "-P", "-m", __name__],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=processes.environment(),
    ) as process:  # fmt: skip
        assert process.stdin is not None and process.stdout is not None
        giving = threading.Thread(target=_give, args=(process.stdin, request), daemon=True, name="request")
        over = None if left_s is None else threading.Timer(left_s, process.kill)
        try:
            with interrupts.running(_Ended(process)):
                giving.start()
                if over is not None:
                    over.start()
                said = process.stdout.read(most)
            # The limit has an error of its own.
            interrupts.left_s()
            return said
        finally:
            if over is not None:
                over.cancel()
            process.kill()
            # Nobody reads what it still gives.
            giving.join()


def _give(stream: IO[bytes], request: bytes) -> None:
    """Write the request, unless the process ends before it has read all of it."""
    with contextlib.suppress(OSError):
        stream.write(request)
    with contextlib.suppress(OSError):
        stream.close()


class _Ended:
    """Ends a process where connections are interrupted."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def interrupt(self) -> None:
        """End it."""
        self._process.kill()


def _frames(stream: IO[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """Each frame's tag and payload; what is cut off is none."""
    while len(head := stream.read(FRAME.size)) == FRAME.size:
        tag, length = FRAME.unpack(head)
        if len(payload := stream.read(length)) == length:
            yield tag, payload


# --- the process itself ---------------------------------------------------------------------------------


def main() -> None:
    """Answer one request; see the module's text."""
    set_nothing_aside()
    import duckdb
    import pyarrow as pa

    request = json.loads(sys.stdin.buffer.readline())
    answer = pa.ipc.open_stream(sys.stdin.buffer).read_all()
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": f"{request['memory']}B",
        "temp_directory": "",
        "threads": 1,
        "autoinstall_known_extensions": "false",
        "python_enable_replacements": "false",
    }
    connection = duckdb.connect(":memory:", config=config)
    for macro in request["macros"]:
        # One that reads tables, which are not here; whoever uses it is told.
        with contextlib.suppress(duckdb.Error):
            connection.execute(macro)
    connection.register(_TABLE, answer)
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    enforce(request["memory"])
    try:
        for statement in request["statements"]:
            rows = connection.sql(statement).to_arrow_table()
            with pa.BufferOutputStream() as sink, pa.ipc.new_stream(sink, rows.schema) as writer:
                writer.write_table(rows)
            send(sys.stdout.buffer, b"T", sink.getvalue().to_pybytes())
    except (MemoryError, duckdb.OutOfMemoryException):
        send(sys.stdout.buffer, b"L", b"")
    except duckdb.Error as error:
        send(sys.stdout.buffer, b"E", str(error).strip().encode())


if __name__ == "__main__":
    main()
