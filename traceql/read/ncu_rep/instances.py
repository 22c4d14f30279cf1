"""Values of a metric below the workload: by instruction, opcode, moment or pass.

An instance is { id, value }, both like the value of a metric. What the id means depends on the metric: the
address of an instruction, an opcode, nanoseconds, a number.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from traceql.read.buffer import varints
from traceql.read.ncu_rep.values import ABSENT, TEXT, UINT32, UINT64, check, held, numbers_and_texts, texts_at
from traceql.read.protobuf import BYTES, WireError, varint

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from traceql.read.buffer import Buffer, Positions

#: The tag of an instance in a metric.
INSTANCE_TAG: Final = 3 << 3 | BYTES
_CATEGORY_TAG: Final = 0x20
_ID_TAG, _VALUE_TAG = 0x0A, 0x12
_LARGEST_ID: Final = (1 << 63) - 1

# Whose instances tell what was asked for and what the machine is like, workload for workload the same: how
# occupancy would change with registers, links between GPUs. They are most instances of reports that have
# hundreds of workloads, and no question needs them.
_OF_NO_MEASUREMENT: Final = (
    "launch__",
    "device__",
    "numa__",
    "nvlink__",
    "c2clink__",
    "sm__maximum_",
    "smsp__maximum_",
)
_FUNCTIONS: Final = "launch__function_pcs"

#: Counted and sampled by instruction: their ids are addresses.
BY_INSTRUCTION: Final = ("inst_executed", "smsp__pcsamp_sample_count")


def is_wanted(metric: str) -> bool:
    """Whether the instances of a metric are read.

    >>> [is_wanted(name) for name in ("inst_executed", "launch__occupancy_per_block_size")]
    [True, False]
    """
    return metric == _FUNCTIONS or not metric.startswith(_OF_NO_MEASUREMENT)


class Instances:
    """The columns of ``ncu_instances``, filled some workloads at a time.

    Args:
        names: of all metrics of the report, which codes refer to.
    """

    def __init__(self, names: list[str]) -> None:
        self._names = names
        self._wanted = np.array([is_wanted(name) for name in names], np.bool_)
        self._by_instruction = [code for code, name in enumerate(names) if name in BY_INSTRUCTION]
        self._actions: list[NDArray[np.int32]] = []
        self._codes: list[NDArray[np.int32]] = []
        self._ids: list[NDArray[np.int64]] = []
        self._values: list[NDArray[np.float64]] = []
        self._id_texts: dict[int, str] = {}
        self._texts: dict[int, str] = {}
        self._count = 0

    def add(
        self, buffer: Buffer, at: Positions, ends: Positions, actions: Positions, codes: Positions
    ) -> None:
        """Decode the instances of metrics.

        Args:
            buffer: holds them.
            at: where what follows the value of each metric begins.
            ends: where each metric ends.
            actions: the workload of each.
            codes: the name of each.

        Raises:
            WireError: an instance is damaged, or not as it is known.
        """
        rows = np.flatnonzero((at < ends) & (buffer.bytes[at] == INSTANCE_TAG) & self._wanted[codes])
        if not rows.size:
            return
        begins, stops, counts = _places(buffer.view, at[rows].tolist(), ends[rows].tolist())
        id_kinds, id_bodies, id_sizes, after = held(buffer, begins, stops, _ID_TAG, "an id")
        kinds, bodies, sizes, end = held(buffer, after, stops, _VALUE_TAG, "a value")
        check(end == stops, "an instance has an unknown field", begins)
        ids, id_texts = _ids(buffer, id_kinds, id_bodies, id_sizes)
        values, texts = numbers_and_texts(buffer, kinds, bodies, sizes)
        self._id_texts.update((self._count + row, text) for row, text in id_texts.items())
        self._texts.update((self._count + row, text) for row, text in texts.items())
        self._actions.append(np.repeat(actions[rows], counts).astype(np.int32))
        self._codes.append(np.repeat(codes[rows], counts).astype(np.int32))
        self._ids.append(ids)
        self._values.append(values)
        self._count += begins.size

    def columns(self) -> dict[str, Any]:
        """The columns, those of a dictionary as (codes, texts)."""
        if not self._count:
            return {"action": (), "metric": ((), ()), "id": (), "id_text": ((), ()), "value": (), "text": ()}
        codes = np.concatenate(self._codes)
        used = np.unique(codes)
        place = np.zeros(len(self._names), np.int32)
        place[used] = np.arange(used.size)
        # Opcodes: a few hundred texts, however many instances have them.
        opcodes = {text: code for code, text in enumerate(dict.fromkeys(self._id_texts.values()))}
        id_codes = np.full(self._count, -1, np.int32)
        id_codes[list(self._id_texts)] = [opcodes[text] for text in self._id_texts.values()]
        texts = np.full(self._count, None)
        texts[list(self._texts)] = list(self._texts.values())
        ids = np.concatenate(self._ids)
        return {
            "action": np.concatenate(self._actions),
            "metric": (place[codes], [self._names[code] for code in used]),
            "id": (ids, ids >= 0),
            "id_text": (id_codes, list(opcodes)),
            "value": np.concatenate(self._values),
            "text": texts,
        }

    def addresses(self) -> Iterable[tuple[int, NDArray[np.int64]]]:
        """Workload by workload, the addresses of its instructions, ascending."""
        if not self._count:
            return
        chosen = np.isin(np.concatenate(self._codes), self._by_instruction)
        actions = np.concatenate(self._actions)[chosen]
        ids = np.concatenate(self._ids)[chosen]
        if not ids.size:
            return
        # Workloads come one after the other.
        numbers, firsts = np.unique(actions, return_index=True)
        for action, found in zip(numbers.tolist(), np.split(ids, firsts[1:]), strict=True):
            yield action, np.unique(found[found >= 0])


def _places(
    data: memoryview, starts: list[int], ends: list[int]
) -> tuple[Positions, Positions, NDArray[np.int64]]:
    """Where each instance begins and ends, and how many each metric has."""
    begins: list[int] = []
    stops: list[int] = []
    counts: list[int] = []
    add_begin, add_stop = begins.append, stops.append
    for start, end in zip(starts, ends, strict=True):
        at, before = start, len(begins)
        # The hot loop: an instance mostly has less than 128 bytes.
        while at < end and data[at] == INSTANCE_TAG:
            begin = at + 2
            size = data[at + 1]
            if size >= 0x80:
                size, begin = varint(data, at + 1, end)
            at = begin + size
            add_begin(begin)
            add_stop(at)
        if at < end and data[at] == _CATEGORY_TAG:
            _, at = varint(data, at + 1, end)
        if at != end:
            raise WireError("a metric's instances run past its end, or something unknown follows them", start)
        counts.append(len(begins) - before)
    return np.array(begins, np.int64), np.array(stops, np.int64), np.array(counts, np.int64)


def _ids(
    buffer: Buffer, kinds: NDArray[np.uint8], bodies: Positions, sizes: Positions
) -> tuple[NDArray[np.int64], dict[int, str]]:
    """Ids (-1 where there is none), and row → text of those that are texts."""
    ids = np.full(kinds.size, -1, np.int64)
    rows = np.flatnonzero((kinds == UINT32) | (kinds == UINT64))
    numbers, after = varints(buffer, bodies[rows] + 1, wanted=True)
    assert numbers is not None
    check(after == bodies[rows] + sizes[rows], "an id is more than a number", bodies[rows])
    check(numbers <= _LARGEST_ID, "an id does not fit 63 bits", bodies[rows])
    ids[rows] = numbers
    texts = np.flatnonzero(kinds == TEXT)
    check(
        (kinds == ABSENT) | (kinds == UINT32) | (kinds == UINT64) | (kinds == TEXT),
        "an id is neither a number nor a text",
        bodies,
    )
    return ids, texts_at(buffer, texts, bodies, sizes)
