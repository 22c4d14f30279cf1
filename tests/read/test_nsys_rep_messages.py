"""Decoding many protobuf messages at once gives what decoding them one by one gives."""

from __future__ import annotations

from typing import Any
from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nsys_rep_file import field, message

from traceql.read import protobuf
from traceql.read.buffer import Buffer
from traceql.read.nsys_rep import messages
from traceql.read.nsys_rep.blocks import events
from traceql.read.nsys_rep.messages import Field, Unknown, split
from traceql.read.protobuf import BYTES, FIXED64, VARINT, WireError

SHAPE = {1: VARINT, 2: VARINT, 7: BYTES, 8: FIXED64, 101: BYTES, 300: VARINT}
REPEATED = {(7,)}

numbers = st.one_of(st.integers(0, 300), st.integers(0, 2**64 - 1))
values = {
    1: numbers,
    2: numbers,
    7: st.binary(max_size=200),
    8: st.floats(allow_nan=False),
    101: st.binary(max_size=5),
    300: numbers,
}


@st.composite
def fields_of_a_message(draw: st.DrawFn) -> list[tuple[int, Any]]:
    present = draw(st.lists(st.sampled_from([1, 2, 7, 7, 7, 8, 101, 300]), max_size=6))
    kept = [
        number for position, number in enumerate(present) if number == 7 or number not in present[:position]
    ]
    return [(number, draw(values[number])) for number in kept]


def placed(messages: list[bytes]) -> tuple[Buffer, Any, Any]:
    ends = np.cumsum([len(one) for one in messages], dtype=np.int64)
    starts = ends - np.array([len(one) for one in messages], np.int64)
    return Buffer([b"".join(messages)]), starts, ends


def raw_value(buffer: Buffer, column: Field, position: int) -> int | bytes:
    value = int(column.values[position])
    if column.sizes is None:
        return value
    return bytes(buffer.view[value : value + int(column.sizes[position])])


@pytest.mark.long
@given(st.lists(fields_of_a_message(), max_size=8))
def test_columns_hold_what_each_message_holds(contents: list[list[tuple[int, Any]]]) -> None:
    messages = [message(*content) for content in contents]
    buffer, starts, ends = placed(messages)
    unknown = Unknown()
    found = split(buffer, starts, ends, SHAPE, repeated=REPEATED, unknown=unknown)
    rebuilt: list[dict[int, list[Any]]] = [{} for _ in messages]
    for number, column in found.items():
        rows = range(len(messages)) if column.rows is None else column.rows.tolist()
        for position, row in enumerate(rows):
            rebuilt[row].setdefault(number, []).append(raw_value(buffer, column, position))
    assert rebuilt == [protobuf.message(one) for one in messages]
    assert unknown.fields == {}


@pytest.mark.long
@given(st.lists(fields_of_a_message(), max_size=8), st.binary(max_size=9))
def test_one_by_one_fields_are_what_they_are_in_steps(
    contents: list[list[tuple[int, Any]]], surplus: bytes
) -> None:
    messages_ = [message(*content, (33, 1), (33, 1)) for content in contents]
    buffer, starts, ends = placed([*messages_, surplus])
    told = []
    # The debt with which steps end before the first one.
    for debt in (messages._MOST_DEBT, -1_000_000):
        unknown = Unknown()
        with mock.patch.object(messages, "_MOST_DEBT", debt):
            try:
                found = split(buffer, starts, ends, SHAPE, repeated=REPEATED, unknown=unknown)
            except WireError:
                told.append(None)
                continue
        columns = {
            number: [
                (row, raw_value(buffer, column, position))
                for position, row in enumerate(
                    range(starts.size) if column.rows is None else column.rows.tolist()
                )
            ]
            for number, column in found.items()
        }
        told.append((columns, unknown.fields))
    assert told[0] == told[1]


@given(st.lists(st.tuples(st.booleans(), st.binary(max_size=300)), max_size=60))
def test_events_are_found_whatever_they_contain(contents: list[tuple[bool, bytes]]) -> None:
    buffer = Buffer([b"".join(field(2 if generic else 1, content) for generic, content in contents)])
    starts, ends, is_generic = events(buffer)
    found = [bytes(buffer.view[start:end]) for start, end in zip(starts.tolist(), ends.tolist(), strict=True)]
    assert list(zip(is_generic.tolist(), found, strict=True)) == contents


@given(st.lists(st.binary(max_size=40), min_size=1, max_size=6))
def test_any_bytes_are_decoded_or_refused(contents: list[bytes]) -> None:
    buffer, starts, ends = placed(contents)
    try:
        split(buffer, starts, ends, SHAPE, repeated=REPEATED, unknown=Unknown())
    except WireError as error:
        assert 0 <= error.at <= buffer.size


def test_events_that_contain_something_like_events_are_told_apart() -> None:
    contents = [
        b"\x08\x01" + field(7, b"\x0a\x02\x08\x01\x0a"),
        b"\x0a\x02\x08\x01",
        b"\x08" + b"\x0a" * 300,
        b"",
    ]
    buffer = Buffer([b"".join(field(1, content) for content in contents)])
    starts, ends, generic = events(buffer)
    assert not generic.any()
    found = [bytes(buffer.view[start:end]) for start, end in zip(starts.tolist(), ends.tolist(), strict=True)]
    assert found == contents


def test_a_field_that_is_not_known_is_counted() -> None:
    buffer, starts, ends = placed([message((1, 5), (9, 6)), message((9, 7)), message((1, 8), (9, b""))])
    unknown = Unknown()
    split(buffer, starts, ends, SHAPE, path=(102,), unknown=unknown)
    assert unknown.fields == {((102, 9), VARINT): 2, ((102, 9), BYTES): 1}


def test_a_length_near_the_largest_number_is_refused() -> None:
    buffer, starts, ends = placed([b"\x3a" + b"\xff" * 9 + b"\x01", b"\x3a\x00"])
    with pytest.raises(WireError, match="past the end"):
        split(buffer, starts, ends, SHAPE, unknown=Unknown())
