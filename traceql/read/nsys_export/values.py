"""The columns of an export: types that nsys writes, and arrays whose buffers are as long as they have to be.

Arrow hands out an array without a look at its offsets, indices or run ends: the first function that follows
them reads whatever lies there. So types that need more than buffers of numbers and text (views, dictionaries,
runs, unions, nested ones) are refused before a value is read; nsys writes none of them (2025.3 writes 32 and
64 bits, float, double, bool and large_string). All other arrays are validated in full.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from traceql.errors import ReportError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

#: What helps against a damaged export.
EXPORT_AGAIN = "Copy it again, or export the report again: nsys export --type sqlite|parquetdir REPORT"

#: Declared as text, but bytes that are none (written with --include-blobs=true).
BINARY = frozenset({"binaryData"})

_NUMBERS = {f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)} | {
    "float",
    "double",
    "bool",
}
# A column of nothing but NULL, written again by another program.
_NOTHING = {"null"}
_TEXTS = {"string", "large_string"}
_BYTES = {"binary", "large_binary"}

# A table may become so many bytes, and so many for each byte of its file. Tables of real exports have up to
# 9; 256 leave room for a table of samples, almost all of which repeat.
_DECODED_BYTES = 64 << 20
_DECODED_PER_BYTE = 256


def budget(file_bytes: int) -> int:
    """Bytes that a table may have in memory whose file has so many."""
    return _DECODED_BYTES + _DECODED_PER_BYTE * file_bytes


def too_large(where: str, what: str) -> ReportError:
    """The error for a table that claims more than its file can hold."""
    return ReportError(f"{where} claims more than its file can hold ({what})", EXPORT_AGAIN)


def is_text(column_type: pa.DataType) -> bool:
    """Whether values of the type vary in length: text or bytes."""
    return str(column_type) in _TEXTS | _BYTES


def width_bytes(column_type: pa.DataType) -> int:
    """Bytes of a value in memory; of one whose length varies, those of its offset."""
    if is_text(column_type):
        return 8
    # What holds nothing but NULL has no width.
    return 1 if str(column_type) == "null" else max(1, int(column_type.bit_width) // 8)


def check_types(where: str, schema: pa.Schema, columns: Sequence[str]) -> None:
    """See that each of the columns is there once, with a type that nsys writes.

    Raises:
        ReportError: one is not; it names the column and its type.
    """
    names = schema.names
    for column in columns:
        if names.count(column) != 1:
            raise ReportError(f"{where}: there are {names.count(column)} columns {column}", EXPORT_AGAIN)
        found = str(schema.field(names.index(column)).type)
        if found not in _NUMBERS | _NOTHING | _TEXTS | (_BYTES if column in BINARY else set()):
            raise ReportError(
                f"{where}: column {column} is of type {found[:100]}, which nsys does not write", EXPORT_AGAIN
            )


def checked(name: str, array: pa.Array) -> pa.Array:
    """The array, when all its buffers are as long as it needs; bytes as such, text with valid UTF-8 only.

    Bytes that are not UTF-8 are replaced where text belongs, in all forms of an export.

    Raises:
        pyarrow.ArrowInvalid: its buffers are too short, or its offsets point elsewhere.
    """
    import pyarrow as pa

    if not is_text(array.type):
        array.validate(full=True)
        return array
    large = str(array.type).startswith("large_")
    raw = array.view(pa.large_binary() if large else pa.binary())
    raw.validate(full=True)
    if name in BINARY:
        return raw
    text = raw.view(pa.large_string() if large else pa.string())
    try:
        text.validate(full=True)
    except pa.ArrowInvalid:
        values = [None if v is None else v.decode("utf-8", "replace") for v in raw.to_pylist()]
        return pa.array(values, text.type)
    return text


def array(name: str, values: Sequence[Any], wanted: pa.DataType) -> pa.Array:
    """Values of SQLite as an array of the wanted type: numbers as they are, text from bytes.

    Raises:
        pyarrow.ArrowException: a value does not fit.
    """
    import pyarrow as pa

    if is_text(wanted):
        return checked(name, pa.array(values, pa.binary()).view(wanted))
    # Given the type at once, pyarrow would cut the fraction off a REAL in an INTEGER column.
    found = pa.array(values)
    if pa.types.is_null(found.type):
        return pa.nulls(len(found), wanted)
    # A cast loads all of pyarrow's functions: only where one is needed.
    return found if found.type == wanted else found.cast(wanted)
