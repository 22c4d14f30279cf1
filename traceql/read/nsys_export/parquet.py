"""A table of an export as a Parquet file.

What the file says of its rows, its columns' sizes and their compression is only a claim, but one that its
reader acts upon: it is held against the bytes that there are before the reader begins.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from traceql.errors import ReportError
from traceql.read.base import ROWS
from traceql.read.nsys_export.values import (
    EXPORT_AGAIN,
    budget,
    check_types,
    checked,
    is_text,
    too_large,
    width_bytes,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pyarrow as pa

# What nsys writes. Snappy makes at most 22 bytes of one (three are a copy of 64), others a thousand and more.
_COMPRESSIONS = frozenset({"SNAPPY", "UNCOMPRESSED"})
_SNAPPY_PER_BYTE = 22
# Others build values upon values: of a few bytes as many as one likes.
_ENCODINGS = frozenset({"PLAIN", "RLE", "RLE_DICTIONARY", "PLAIN_DICTIONARY", "BIT_PACKED"})


class ParquetFile:
    """One Parquet file; its metadata are read once."""

    def __init__(self, path: Path, where: str) -> None:
        import pyarrow.parquet as pq

        self._path = path
        self._where = where
        self._budget = budget(path.stat().st_size)
        self._size = path.stat().st_size
        self._file = pq.ParquetFile(path, pre_buffer=False)
        self.schema: pa.Schema = self._file.schema_arrow

    def pieces(self, columns: list[str]) -> Iterator[pa.RecordBatch]:
        """The named columns, validated, some rows at a time.

        Raises:
            ReportError: nsys does not write such a file, or it claims more than it can hold.
            pyarrow.ArrowException: it is damaged.
        """
        import pyarrow as pa

        check_types(self._where, self.schema, columns)
        if not columns:
            return
        rows, found = self._rows(columns), 0
        for batch in self._file.iter_batches(ROWS, columns=columns):
            found += batch.num_rows
            arrays = [checked(name, batch.column(name)) for name in columns]
            yield pa.RecordBatch.from_arrays(arrays, names=columns)
        if found != rows:
            raise pa.ArrowInvalid(f"{found:,} rows instead of {rows:,}")

    def _rows(self, columns: list[str]) -> int:
        """How many rows there are, when the columns can be read: their sizes fit the file's."""
        metadata = self._file.metadata
        groups = [metadata.row_group(i) for i in range(metadata.num_row_groups)]
        rows: int = metadata.num_rows
        width = sum(width_bytes(self._type(column)) for column in columns)
        if rows < 0 or rows * width > self._budget or sum(group.num_rows for group in groups) != rows:
            raise too_large(self._where, f"{rows:,} rows in {self._size:,} bytes")
        positions = {metadata.schema.column(i).path: i for i in range(metadata.num_columns)}
        longest = 0
        for group in groups:
            for column in columns:
                chunk = group.column(positions[column])
                self._check(column, chunk, group.num_rows)
                if is_text(self._type(column)):
                    longest += group.num_rows * _SNAPPY_PER_BYTE * chunk.total_compressed_size
        if longest > self._budget:
            self._check_texts([column for column in columns if is_text(self._type(column))])
        return rows

    def _type(self, column: str) -> pa.DataType:
        return self.schema.field(column).type

    def _check(self, column: str, chunk: Any, rows: int) -> None:
        if chunk.compression not in _COMPRESSIONS or not _ENCODINGS.issuperset(chunk.encodings):
            raise ReportError(
                f"{self._where}: column {column} is compressed as {chunk.compression}, encoded as "
                f"{', '.join(chunk.encodings)}: nsys writes SNAPPY and dictionaries",
                EXPORT_AGAIN,
            )
        if not (0 <= chunk.total_compressed_size <= self._size and chunk.num_values == rows >= 0):
            raise too_large(
                self._where,
                f"column {column}: {chunk.num_values:,} values in {chunk.total_compressed_size:,} bytes",
            )

    def _check_texts(self, columns: list[str]) -> None:
        """See how long the texts become, before they do: a dictionary holds one that a million rows name."""
        import pyarrow.parquet as pq

        packed = pq.ParquetFile(self._path, read_dictionary=columns).read(columns=columns)
        total = sum(_unpacked_bytes(chunk) for column in packed.columns for chunk in column.chunks)
        if total > self._budget:
            raise too_large(self._where, f"{total:,} bytes of text in {self._size:,} bytes")


def _unpacked_bytes(array: pa.Array) -> int:
    """Bytes of the texts of an array, also where its dictionary holds each of them once."""
    import numpy as np
    import pyarrow as pa

    from traceql.read.arrays import numbers_of

    array.validate(full=True)
    if not pa.types.is_dictionary(array.type):
        return int(array.nbytes)
    texts = array.dictionary
    numbers = np.dtype("int64" if str(texts.type).startswith("large_") else "int32")
    offsets = np.frombuffer(texts.buffers()[1], numbers)[texts.offset : texts.offset + len(texts) + 1]
    used, present = numbers_of(array.indices)
    if present is not None:
        used = used[present]
    return int(np.diff(offsets)[used].sum(dtype=np.int64))
