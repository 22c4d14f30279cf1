"""Rows that wait until all events of a report are decoded: in memory while they are few, else in a file.

The file has no name, and is gone with the process. What stays in memory between the columns of batches that
come and go keeps the memory around it from being given back: a few bytes of each batch would keep hundreds
of megabytes.
"""

from __future__ import annotations

import tempfile
from typing import IO, TYPE_CHECKING, Final

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Iterator

_IN_MEMORY_BYTES: Final = 4 << 20


class Waiting:
    """Batches of one table, in their order."""

    def __init__(self) -> None:
        self._batches: list[pa.RecordBatch] = []
        self._bytes = 0
        self._file: IO[bytes] | None = None
        self._writer: pa.ipc.RecordBatchStreamWriter | None = None

    def add(self, rows: pa.RecordBatch) -> None:
        """Put rows behind those that are there.

        Raises:
            OSError: there is no room for a file.
        """
        self._batches.append(rows)
        self._bytes += rows.nbytes
        if self._writer is None and self._bytes > _IN_MEMORY_BYTES:
            self._file = tempfile.TemporaryFile(prefix="traceql-")  # noqa: SIM115 - it is there as long as this is
            self._writer = pa.ipc.new_stream(self._file, rows.schema)
        if self._writer is not None:
            for some in self._batches:
                self._writer.write_batch(some)
            self._batches.clear()

    def taken(self) -> Iterator[pa.RecordBatch]:
        """All of them, once.

        Raises:
            OSError: there is no room for a file.
        """
        if self._writer is not None and self._file is not None:
            self._writer.close()
            self._file.seek(0)
            with self._file, pa.ipc.open_stream(self._file) as reader:
                yield from reader
        while self._batches:
            yield self._batches.pop(0)
