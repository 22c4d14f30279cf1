"""Columns of numpy as Arrow arrays: what pyarrow itself would make of them."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest

from traceql.read import arrays

# No first byte of a character.
BROKEN = b"\x80"


@pytest.mark.parametrize(
    "kind", [pa.int32(), pa.int64(), pa.uint32(), pa.uint64(), pa.float32(), pa.float64()]
)
@pytest.mark.parametrize("step", [1, 2], ids=["whole", "every other"])
def test_numbers_are_those_that_pyarrow_would_make(kind: pa.DataType, step: int) -> None:
    values = np.arange(20, dtype=kind.to_pandas_dtype())[::step]
    present = values % 3 != 1
    for kept in (None, present, np.ones(values.size, np.bool_)):
        made = arrays.of_numbers(values, kind, kept)
        made.validate(full=True)
        assert made.equals(pa.array(values, kind, mask=None if kept is None else ~kept))
    assert arrays.of_numbers(values[:0], kind).to_pylist() == []


@pytest.mark.parametrize("offset", [0, 3, 11])
def test_numbers_come_back_as_they_are(offset: int) -> None:
    told = [5, None, 7, -1, None, 2**40] * 3
    values, present = arrays.numbers_of(pa.array(told, pa.int64()).slice(offset))
    assert present is not None
    assert [int(v) if p else None for v, p in zip(values, present, strict=True)] == told[offset:]
    values, present = arrays.numbers_of(pa.array([1.5, 2.5, 3.5] * 5, pa.float32()).slice(offset, 2))
    assert values.tolist() == ([1.5, 2.5, 3.5] * 5)[offset : offset + 2]
    assert present is None


def test_of_two_arrays_the_first_says_what_it_can() -> None:
    first, second = pa.array([1, None, None, 4], pa.uint32()), pa.array([9, 8, None, 7], pa.uint32())
    assert arrays.either(first, second).equals(pa.array([1, 8, None, 4], pa.uint32()))
    assert arrays.either(second, first).equals(pa.array([9, 8, None, 7], pa.uint32()))
    assert arrays.either(first, pa.array([9, 8, 6, 7], pa.uint32())).null_count == 0


def test_some_rows_of_a_table_are_found_across_its_chunks() -> None:
    table = pa.table({"a": pa.chunked_array([[0, 1], [2, 3, 4]])})
    assert arrays.rows_at(table, np.array([1, 2, 4])) == [{"a": 1}, {"a": 2}, {"a": 4}]


def test_narrow_numbers_become_wide_ones() -> None:
    made = arrays.of_numbers(np.array([1, 255], np.uint8), pa.int64())
    assert (made.type, made.to_pylist()) == (pa.int64(), [1, 255])


def test_texts_follow_each_other_and_some_are_absent() -> None:
    sizes = np.array([2, 0, 0, 3], np.int64)
    present = np.array([True, False, True, True])
    for content in (b"ab\xe2\x82\xac", np.frombuffer(b"ab\xe2\x82\xac", np.uint8)):
        made = arrays.of_texts(content, sizes, present)
        assert (made.type, made.to_pylist()) == (pa.string(), ["ab", None, "", "€"])


def test_what_is_not_utf_8_is_replaced_in_its_own_text_only() -> None:
    made = arrays.of_texts(b"a" + BROKEN + b"b", np.array([1, 1, 1], np.int64), np.array([True, True, False]))
    assert made.to_pylist() == ["a", "\N{REPLACEMENT CHARACTER}", None]
    # Together the bytes are a character; cut apart they are none.
    halves = arrays.of_texts("é".encode(), np.array([1, 1], np.int64))
    assert halves.to_pylist() == ["\N{REPLACEMENT CHARACTER}"] * 2


def test_more_text_than_an_array_holds_is_an_error() -> None:
    with pytest.raises(MemoryError):
        arrays.of_texts(b"", np.array([2**31], np.int64))


def test_nothing_large_is_imported_for_it() -> None:
    code = """
import sys
import numpy as np
import pyarrow as pa
from traceql.read import arrays
arrays.of_numbers(np.arange(3), pa.int64(), np.arange(3) > 1)
arrays.of_texts(b"abc", np.ones(3, np.int64))
some = arrays.of_numbers(np.arange(3), pa.int64(), np.arange(3) > 1)
arrays.either(some, arrays.of_numbers(np.arange(3), pa.int64()))
arrays.rows_at(pa.Table.from_arrays([some], names=["a"]), np.arange(2))
print(sorted({"numpy.ma", "pyarrow.compute", "pandas"} & set(sys.modules)))
"""
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        == "[]\n"
    )
