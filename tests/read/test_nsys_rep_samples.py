"""Generic events of .nsys-rep files: numbers where the report's own layout puts them, or a refusal."""

from __future__ import annotations

from collections import Counter

import pytest
from nsys_rep_file import field

from traceql.read.buffer import Buffer
from traceql.read.nsys_rep.blocks import events
from traceql.read.nsys_rep.messages import Unknown
from traceql.read.nsys_rep.samples import Layout, decode
from traceql.read.protobuf import WireError

# A percentage in one byte, a clock in four, something in three.
GPU_0 = Layout(1 << 32, ("SMs Active [%]", "Clock [MHz]", "Warps [Avg]"), (0, 1, 5), (1, 4, 3))
GPU_1 = Layout(1 << 32 | 1, ("SMs Active [%]",), (2,), (1,))
KNOWN = {layout.type_id: layout for layout in (GPU_0, GPU_1)}


def sample(type_id: int, time: int, content: bytes) -> bytes:
    return field(2, field(1, type_id) + field(2, time) + field(3, content))


def decoded(*messages: bytes, others: Counter[int] | None = None) -> list[tuple[int, int, int, int]]:
    buffer = Buffer([b"".join(messages)])
    starts, ends, generic = events(buffer)
    assert generic.all()
    counter: Counter[int] = Counter() if others is None else others
    found = decode(buffer, starts, ends, KNOWN, unknown=Unknown(), others=counter).get("GPU_METRICS", {})
    columns = ("timestamp", "typeId", "metricId", "value")
    return list(zip(*(found[name].tolist() for name in columns), strict=True)) if found else []


def test_each_number_stands_where_the_layout_says_and_keeps_its_sign() -> None:
    content = bytes([100]) + (1_980_000_000).to_bytes(4, "little") + (5).to_bytes(3, "little")
    negative = bytes([0x80]) + (0).to_bytes(4, "little") + b"\xff\xff\xff"
    assert decoded(sample(GPU_0.type_id, (1 << 64) - 7, content), sample(GPU_0.type_id, 9, negative)) == [
        (-7, GPU_0.type_id, 0, 100),
        (-7, GPU_0.type_id, 1, 1_980_000_000),
        (-7, GPU_0.type_id, 2, 5),
        (9, GPU_0.type_id, 0, -128),
        (9, GPU_0.type_id, 1, 0),
        (9, GPU_0.type_id, 2, -1),
    ]


def test_samples_of_several_gpus_stay_in_the_order_of_the_file() -> None:
    first, second = bytes(8), b"\0\0\x07"
    rows = decoded(
        sample(GPU_1.type_id, 1, second), sample(GPU_0.type_id, 2, first), sample(GPU_1.type_id, 3, second)
    )
    assert [row[0] for row in rows] == [1, 2, 2, 2, 3]
    assert [row[3] for row in rows] == [7, 0, 0, 0, 7]


def test_a_sample_shorter_than_its_layout_is_refused() -> None:
    with pytest.raises(WireError, match="shorter than its layout"):
        decoded(sample(GPU_0.type_id, 1, bytes(7)))


def test_events_of_another_source_are_counted() -> None:
    others: Counter[int] = Counter()
    assert decoded(sample(77, 1, b"abc"), others=others) == []
    assert others == {77: 1}
