"""Generic events: messages whose layout the report itself describes. GPU metrics come as such.

A sample is { 1: type, 2: time, 3: bytes }; its type, in the index, lists { 1: name, 2: offset, 3: size } of
each number among the bytes. Names of GPU metrics end in a unit in brackets, ``GR Active [Throughput %]``;
generic events of other sources are counted and reported.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from traceql.read import protobuf
from traceql.read.nsys_rep import messages
from traceql.read.protobuf import BYTES, VARINT, WireError

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from traceql.read.buffer import Buffer, Positions
    from traceql.read.nsys_rep.container import Container
    from traceql.read.nsys_rep.messages import Unknown

_SHAPE: Final[messages.Shape] = {1: VARINT, 2: VARINT, 3: BYTES}
_TYPE, _TIME, _CONTENT = 1, 2, 3

# A number is read as one word.
_MOST_BYTES: Final = 8


@dataclass(frozen=True)
class Layout:
    """Where the numbers of one type of sample stand.

    Attributes:
        type_id: of the samples; its last byte is the GPU's id.
        names: of the metrics, by metric id; none where the samples are no numbers.
        offsets: of each number's first byte.
        sizes: of each number, in bytes.
    """

    type_id: int
    names: tuple[str, ...]
    offsets: tuple[int, ...]
    sizes: tuple[int, ...]

    @property
    def source_id(self) -> int:
        """Id of what produced the samples."""
        return self.type_id & ~0xFFFFFFFF


def layouts(container: Container) -> dict[int, Layout]:
    """The layouts of GPU metrics by type id.

    Raises:
        WireError: a layout is not valid, or refers to a string that does not exist.
    """
    found = {}
    for described in container.generic_types:
        numbers = [
            tuple(protobuf.number(field, number) or 0 for number in (1, 2, 3))
            for field in protobuf.submessages(described, 3)
        ]
        names = [container.string(name, "a GPU metric") for name, _, _ in numbers]
        # A type without fields describes layouts again; no table of the export has it.
        if not all(name.endswith("]") for name in names):
            continue
        if any(not 1 <= size <= _MOST_BYTES for _, _, size in numbers):
            raise WireError(f"a GPU metric has {max(size for _, _, size in numbers)} bytes", 0)
        type_id = protobuf.number(described, 1) or 0
        offsets, sizes = [offset for _, offset, _ in numbers], [size for _, _, size in numbers]
        found[type_id] = Layout(type_id, tuple(names), tuple(offsets), tuple(sizes))
    return found


def decode(
    buffer: Buffer,
    starts: Positions,
    ends: Positions,
    known: Mapping[int, Layout],
    *,
    unknown: Unknown,
    others: Counter[int],
) -> dict[str, NDArray[Any]]:
    """One value per metric and sample, as columns of ``GPU_METRICS``; empty without samples.

    Args:
        buffer: holds the messages.
        starts: where each begins.
        ends: where each ends.
        known: the layouts by type.
        unknown: where fields that are not known are counted.
        others: where events of types without layout are counted.

    Raises:
        WireError: a message is not valid, or shorter than its layout.
    """
    if starts.size == 0:
        return {}
    fields = messages.split(buffer, starts, ends, _SHAPE, unknown=unknown)
    if any(number not in fields or fields[number].rows is not None for number in _SHAPE):
        raise WireError("a generic event lacks its type, time or content", int(starts[0]))
    types = fields[_TYPE].values.astype(np.uint64)
    times = fields[_TIME].values.astype(np.uint64).view(np.int64)
    at, room = fields[_CONTENT].values, fields[_CONTENT].sizes
    assert room is not None
    pieces: list[tuple[Positions, dict[str, NDArray[Any]]]] = []
    for type_id in np.unique(types).tolist():
        rows = np.flatnonzero(types == type_id)
        layout = known.get(type_id)
        if layout is None:
            others[type_id] += rows.size
            continue
        if not layout.names:
            continue
        needed = max(offset + size for offset, size in zip(layout.offsets, layout.sizes, strict=True))
        if (room[rows] < needed).any():
            raise WireError("a GPU metrics sample is shorter than its layout", int(at[rows[0]]))
        pieces.append((rows, _values(buffer, layout, at[rows], times[rows])))
    return _in_order(pieces)


def _values(
    buffer: Buffer, layout: Layout, at: Positions, times: NDArray[np.int64]
) -> dict[str, NDArray[Any]]:
    count = len(layout.names)
    values = np.empty((at.size, count), np.int64)
    for metric, (offset, size) in enumerate(zip(layout.offsets, layout.sizes, strict=True)):
        # To the top of the word and back: what stands behind the number goes, its sign stays.
        shift = np.int64(64 - 8 * size)
        values[:, metric] = (buffer.words[at + offset] << shift.astype(np.uint64)).view(np.int64) >> shift
    return {
        "rawTimestamp": np.repeat(times, count),
        "timestamp": np.repeat(times, count),
        "typeId": np.full(at.size * count, layout.type_id, np.uint64),
        "metricId": np.tile(np.arange(count, dtype=np.uint64), at.size),
        "value": values.ravel(),
    }


def _in_order(pieces: Sequence[tuple[Positions, dict[str, NDArray[Any]]]]) -> dict[str, NDArray[Any]]:
    """The pieces of several GPUs, put back into the order of the file."""
    if len(pieces) <= 1:
        return pieces[0][1] if pieces else {}
    samples = np.concatenate([np.repeat(rows, piece["value"].size // rows.size) for rows, piece in pieces])
    order = np.argsort(samples, kind="stable")
    return {name: np.concatenate([piece[name] for _, piece in pieces])[order] for name in pieces[0][1]}
