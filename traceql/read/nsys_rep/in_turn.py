"""Batches that several processes decode in turn: this one, and copies of it, which have all that it has.

To decode waits for nothing, and takes as long as one processor needs. A copy is made where the system makes
it at once (Linux), when the file is open and all is imported. What it has decoded comes back through memory
that both see, behind the batches before it: rows, counts and errors are those of one process.
"""

from __future__ import annotations

import contextlib
import ctypes
import io
import os
import pickle
import signal
import socket
import struct
import sys
import warnings
from typing import TYPE_CHECKING, Any, Final, NamedTuple, NoReturn

import pyarrow as pa

from traceql import errors
from traceql.read.limits import ran_out, shared

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from traceql.read.nsys_rep.assemble import Batch

# Fewer are decoded by one process before another one has begun.
_LEAST_BATCHES: Final = 4
# Batches of a copy that may wait until they are taken.
_MOST_WAITING: Final = 2
# How many bytes of rows there are of a batch, and behind them of all else.
_SIZES: Final = struct.Struct("<QQ")
_TAKEN: Final = b"\0"
# Of sys/prctl.h: PR_SET_PDEATHSIG.
_WHEN_PARENT_ENDS: Final = 1


class _Told(NamedTuple):
    """What is told of a batch beside its rows.

    Attributes:
        batch: without rows.
        tables: table → the columns that there are, and how many bytes its rows take.
        error: type, message and remedy of what is wrong with it; None if it is right.
        ran_out: whether there was no memory for it.
    """

    batch: Batch | None = None
    tables: Sequence[tuple[str, list[str], int]] = ()
    error: tuple[str, str, str] | None = None
    ran_out: bool = False


def decoded(count: int, decode: Callable[[int], Batch], at_once: int) -> Iterator[Batch]:
    """Batches in order.

    Args:
        count: how many there are.
        decode: makes the one of a number; needs nothing of those before it.
        at_once: processes that take turns, if there are batches enough and the system can.

    Raises:
        ReportError: a batch, and none before it, cannot be decoded.
        MemoryError: likewise.
    """
    if at_once < 2 or count < _LEAST_BATCHES or not is_possible():
        yield from map(decode, range(count))
        return
    copies: list[_Copy] = []
    try:
        with shared(at_once):
            # What has been learned of how events are made is then known to the copies, too.
            yield decode(0)
            # It goes on while the copies begin; it has all rows to pass on, too.
            turns = (*range(at_once), *range(at_once), *range(1, at_once))
            whose = [turns[(number - 1) % len(turns)] for number in range(count)]
            numbers = ([at for at in range(1, count) if whose[at] == turn] for turn in range(1, at_once))
            copies.extend(_started(some, decode) for some in numbers)
            for number in range(1, count):
                turn = whose[number]
                yield copies[turn - 1].take() if turn else decode(number)
    finally:
        for copy in copies:
            copy.end()


def is_possible() -> bool:
    """Whether this system copies a process at once, without harm to what runs in it."""
    return sys.platform == "linux" and hasattr(os, "memfd_create")


class _Copy:
    """A copy of this process that decodes.

    Args:
        process: its number.
        count: of batches that it decodes.
        channel: tells of batches, and is told that they were taken.
        places: of batches, one after the other, and again.
    """

    def __init__(self, process: int, count: int, channel: socket.socket, places: Sequence[int]) -> None:
        self._process = process
        self._count = count
        self._channel = channel
        self._places = places
        self._taken = 0

    def take(self) -> Batch:
        """Its next batch."""
        assert sys.platform == "linux"
        message = b""
        with contextlib.suppress(ConnectionError):
            message = self._channel.recv(_SIZES.size)
        if not message:
            self._has_ended()
        of_rows, of_others = _SIZES.unpack(message)
        place = self._places[self._taken % len(self._places)]
        told: _Told = pickle.loads(os.pread(place, of_others, of_rows))  # noqa: S301 - of this very process
        # Of each table by itself: what waits for more of one does not keep the others.
        rows = [pa.allocate_buffer(size) for _, _, size in told.tables]
        if rows:
            os.preadv(place, rows, 0)
        self._taken += 1
        if self._taken == self._count:
            # It ends while others go on.
            self._channel.close()
        else:
            with contextlib.suppress(ConnectionError):
                self._channel.send(_TAKEN)
        if told.ran_out:
            raise MemoryError
        if told.error is not None:
            name, said, remedy = told.error
            raise getattr(errors, name)(said, remedy)
        assert told.batch is not None
        for (table, columns, _), content in zip(told.tables, rows, strict=True):
            (found,) = pa.ipc.open_stream(content)
            told.batch.pieces |= {(table, column): found.column(at) for at, column in enumerate(columns)}
        return told.batch

    def _has_ended(self) -> NoReturn:
        """It said why, or the system ended it: so it is with this process."""
        assert sys.platform == "linux"
        _, status = os.waitpid(self._process, 0)
        if os.WIFSIGNALED(status):
            with contextlib.suppress(OSError):
                # Some cannot be handled.
                signal.signal(os.WTERMSIG(status), signal.SIG_DFL)
            os.kill(os.getpid(), os.WTERMSIG(status))
        os._exit(1)

    def end(self) -> None:
        """End it, whatever it does."""
        assert sys.platform == "linux"
        self._channel.close()
        for place in self._places:
            os.close(place)
        with contextlib.suppress(ProcessLookupError, ChildProcessError):
            os.kill(self._process, signal.SIGKILL)
            os.waitpid(self._process, 0)


def _started(numbers: Sequence[int], decode: Callable[[int], Batch]) -> _Copy:
    # See `is_possible`.
    assert sys.platform == "linux"
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    places = [os.memfd_create("traceql") for _ in range(_MOST_WAITING)]
    parent = os.getpid()
    with warnings.catch_warnings():
        # That there are other threads: they wait for a request, or for rows, and hold nothing.
        warnings.simplefilter("ignore", DeprecationWarning)
        process = os.fork()
    if process:
        theirs.close()
        return _Copy(process, len(numbers), ours, places)
    try:
        _end_with(parent)
        _close_all_but({2, theirs.fileno(), *places})
        _tell(numbers, decode, theirs, places)
    except BrokenPipeError:
        # Nobody wants the rest.
        os._exit(0)
    except BaseException:  # noqa: BLE001 - a copy ends here
        sys.excepthook(*sys.exc_info())
        sys.stderr.flush()
        os._exit(1)
    os._exit(0)


def _end_with(parent: int) -> None:
    """End when that process does, however it ends."""
    assert sys.platform == "linux"
    ctypes.CDLL(None).prctl(_WHEN_PARENT_ENDS, int(signal.SIGKILL))
    if os.getppid() != parent:
        os._exit(1)


def _close_all_but(kept: set[int]) -> None:
    """What is open here would be open as long as this process is there."""
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208 - of no use as paths
        if int(name) not in kept:
            with contextlib.suppress(OSError):
                os.close(int(name))


def _tell(
    numbers: Sequence[int], decode: Callable[[int], Batch], channel: socket.socket, places: Sequence[int]
) -> None:
    """Decode batches, and say so of each; after an error there are no more."""
    for at, number in enumerate(numbers):
        told, tables = _Told(), []
        try:
            batch = decode(number)
            pieces, batch.pieces = batch.pieces, {}
            tables = _tables(pieces)
            told = _Told(batch)
        except (errors.TraceqlError, MemoryError) as error:
            if ran_out(error):
                told = _Told(ran_out=True)
            else:
                assert isinstance(error, errors.TraceqlError)
                told = _Told(error=(type(error).__name__, error.message, error.remedy))
        if at >= len(places) and not channel.recv(len(_TAKEN)):
            return
        with io.FileIO(places[at % len(places)], "wb", closefd=False) as file:
            file.seek(0)
            sizes = []
            for _, rows in tables:
                begins = file.tell()
                with pa.ipc.new_stream(file, rows.schema) as writer:
                    writer.write_batch(rows)
                sizes.append(file.tell() - begins)
            named = [
                (name, rows.schema.names, size) for (name, rows), size in zip(tables, sizes, strict=True)
            ]
            others = pickle.dumps(told._replace(tables=named))
            file.write(others)
        channel.send(_SIZES.pack(sum(sizes), len(others)))
        if told.batch is None:
            break
    # Who closes it with something unread takes with it what the other one has not read.
    while channel.recv(len(_TAKEN)):
        pass


def _tables(pieces: dict[tuple[str, str], Any]) -> list[tuple[str, pa.RecordBatch]]:
    columns: dict[str, dict[str, pa.Array]] = {}
    for (table, column), piece in pieces.items():
        columns.setdefault(table, {})[column] = piece
    return [
        (name, pa.RecordBatch.from_arrays(list(some.values()), names=list(some)))
        for name, some in columns.items()
    ]
