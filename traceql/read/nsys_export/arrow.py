"""A table of an export as an Arrow stream: messages with a table's schema and its batches of rows.

Message by message, for a reader of whole streams unpacks what is compressed, turns the bytes of foreign
machines around and looks up dictionaries before anybody can look at them. nsys writes none of these.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from traceql.errors import ReportError
from traceql.read.nsys_export.values import EXPORT_AGAIN, check_types, checked, too_large

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pyarrow as pa

_END = b"\xff\xff\xff\xff\0\0\0\0"
# Fields of the tables in a message (Arrow's Message.fbs and Schema.fbs), counted from 0.
_HEADER = 2
_ENDIANNESS_OF_SCHEMA = 0
_COMPRESSION_OF_BATCH = 3


class ArrowFile:
    """One Arrow stream; its batches are read when columns are selected."""

    def __init__(self, path: Path, where: str) -> None:
        import pyarrow as pa

        self._path = path
        self._where = where
        with pa.memory_map(str(path)) as file:
            first = next(iter(pa.ipc.MessageReader.open_stream(file)), None)
            # Arrow takes any other message for a schema, too, and follows what is none.
            if first is None or first.type != "schema":
                raise pa.ArrowInvalid("it does not begin with a schema")
            self.schema: pa.Schema = pa.ipc.read_schema(first)
            # 0 is little-endian, and what is left out.
            if (at := _field(first, _ENDIANNESS_OF_SCHEMA)) and first.metadata.to_pybytes()[at] != 0:
                raise self._foreign("big-endian")

    def pieces(self, columns: list[str]) -> Iterator[pa.RecordBatch]:
        """The named columns, validated, some rows at a time.

        Raises:
            ReportError: nsys does not write such a file.
            pyarrow.ArrowException: it is damaged.
        """
        import pyarrow as pa

        check_types(self._where, self.schema, columns)
        for batch in self._batches():
            arrays = [checked(name, batch.column(self.schema.get_field_index(name))) for name in columns]
            yield pa.RecordBatch.from_arrays(arrays, names=columns)

    def _batches(self) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        with pa.memory_map(str(self._path)) as file:
            messages = iter(pa.ipc.MessageReader.open_stream(file))
            next(messages, None)
            # A bit is the least that a row takes; but a column of nothing but NULL has no buffers.
            rows_left = 8 * file.size()
            for message in messages:
                if message.type != "record batch":
                    raise self._foreign(f"a message {message.type}")
                if _field(message, _COMPRESSION_OF_BATCH):
                    raise self._foreign("compressed")
                batch = pa.ipc.read_record_batch(message, self.schema)
                rows_left -= batch.num_rows
                if rows_left < 0:
                    raise too_large(self._where, f"{batch.num_rows:,} rows in {file.size():,} bytes")
                if batch.num_rows:
                    yield batch
            end = file.tell()
            file.seek(end - len(_END))
            if file.read(len(_END)) != _END:
                raise pa.ArrowInvalid("it has no end")

    def _foreign(self, what: str) -> ReportError:
        return ReportError(f"{self._where}: {what}, which nsys does not write", EXPORT_AGAIN)


def _field(message: pa.ipc.Message, number: int) -> int:
    """Where a field of a message's header is; 0 if it is left out.

    Raises:
        pyarrow.ArrowInvalid: it points out of the message.
    """
    import pyarrow as pa

    data = message.metadata.to_pybytes()
    try:
        (root,) = struct.unpack_from("<I", data)
        header = _position(data, root, _HEADER)
        return _position(data, header + struct.unpack_from("<I", data, header)[0], number)
    except struct.error as error:
        raise pa.ArrowInvalid("a message ends too early") from error


def _position(data: bytes, table: int, number: int) -> int:
    """Where a table of a flatbuffer has a field, as the table of its offsets says."""
    offsets = table - struct.unpack_from("<i", data, table)[0]
    (size,) = struct.unpack_from("<H", data, offsets)
    at = 4 + 2 * number
    offset = struct.unpack_from("<H", data, offsets + at)[0] if at < size else 0
    return table + offset if offset else 0
