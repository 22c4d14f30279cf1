"""The metrics of workloads, thousands at a time.

A metric is { name: an index of the report's strings, value, instances repeated, category }. Names and values
are decoded; instances, which are most of the bytes, are passed over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from traceql.read.buffer import varints
from traceql.read.ncu_rep.units import units
from traceql.read.protobuf import WireError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from traceql.read.buffer import Buffer, Positions

# The tags of its fields.
_NAME_TAG, _VALUE_TAG, _AFTER_VALUE = 0x08, 0x12, (0x1A, 0x20)
# The tag of a value tells its type.
_TEXT, _FLOAT, _DOUBLE, _UINT32, _UINT64 = 0x0A, 0x15, 0x19, 0x20, 0x28
_ABSENT: Final = 0


class Metrics:
    """The columns of ``ncu_metrics``, filled some workloads at a time.

    Args:
        strings: of the report, which names refer to.
    """

    def __init__(self, strings: list[str]) -> None:
        # NVIDIA's library tells the metrics of a workload by name, in the order of bytes. A name that the
        # strings hold twice is one metric.
        self._names = sorted(set(strings))
        rank = {name: place for place, name in enumerate(self._names)}
        self._code_of = np.array([rank[name] for name in strings], np.int64)
        self._actions: list[NDArray[np.int32]] = []
        self._codes: list[NDArray[np.int32]] = []
        self._values: list[NDArray[np.float64]] = []
        # Row → text: of texts, and of numbers that are not finite.
        self._texts: dict[int, str] = {}
        self._count = 0

    def add(self, buffer: Buffer, starts: Positions, ends: Positions, actions: Positions) -> None:
        """Decode the metrics of whole workloads.

        Args:
            buffer: holds them.
            starts: where each begins.
            ends: where each ends.
            actions: the workload of each, ascending.

        Raises:
            WireError: a metric is damaged, or not as it is known.
        """
        if not starts.size:
            return
        ids, kinds, bodies, sizes = _heads(buffer, starts, ends)
        if ids.max() >= self._code_of.size:
            wrong = int(ids.argmax())
            raise WireError(
                f"a metric's name is string {ids[wrong]} of {self._code_of.size}", int(starts[wrong])
            )
        values, texts = _values(buffer, kinds, bodies, sizes)
        codes = self._code_of[ids]
        keys = actions * len(self._names) + codes
        order = np.argsort(keys, kind="stable")
        keys = keys[order]
        # Of a metric that a workload has twice, the last one counts.
        order = order[np.append(keys[1:] != keys[:-1], True)]
        place = np.full(codes.size, -1)
        place[order] = np.arange(self._count, self._count + order.size)
        self._texts.update((int(place[row]), text) for row, text in texts.items() if place[row] >= 0)
        self._actions.append(actions[order].astype(np.int32))
        self._codes.append(codes[order].astype(np.int32))
        self._values.append(values[order])
        self._count += order.size

    def columns(self) -> tuple[dict[str, Any], list[str]]:
        """The columns, those of a dictionary as (codes, texts), and the metrics whose unit is not known."""
        if not self._count:
            return {"action": (), "metric": ((), ()), "unit": ((), ()), "value": (), "text": ()}, []
        codes = np.concatenate(self._codes)
        # In the order in which they are first met: units of some depend on it.
        first = np.full(len(self._names), codes.size)
        np.minimum.at(first, codes, np.arange(codes.size))
        used = np.argsort(first, kind="stable")[: np.count_nonzero(first < codes.size)]
        metrics = [self._names[code] for code in used]
        place = np.zeros(len(self._names), np.int32)
        place[used] = np.arange(used.size)
        codes = place[codes]
        found = units(metrics)
        distinct = list(dict.fromkeys(unit for unit in found if unit is not None))
        unit_of = np.array([-1 if unit is None else distinct.index(unit) for unit in found], np.int32)
        texts = np.full(self._count, None)
        texts[list(self._texts)] = list(self._texts.values())
        columns = {
            "action": np.concatenate(self._actions),
            "metric": (codes, metrics),
            "unit": (unit_of[codes], distinct),
            "value": np.concatenate(self._values),
            "text": texts,
        }
        return columns, [name for name, unit in zip(metrics, found, strict=True) if unit is None]


def _heads(
    buffer: Buffer, starts: Positions, ends: Positions
) -> tuple[Positions, NDArray[np.uint8], Positions, Positions]:
    """Of each metric: its name's id; its value's tag (`_ABSENT` without one), place and size."""
    _check(buffer.bytes[starts] == _NAME_TAG, "a metric does not begin with its name", starts)
    found, after = varints(buffer, starts + 1, wanted=True)
    assert found is not None
    _check(after <= ends, "a metric's name runs past its end", starts)
    _check(found < 1 << 32, "a metric's name is a number above 32 bits", starts)
    names = found.astype(np.int64)
    inside = after < ends
    tags = np.where(inside, buffer.bytes[after], 0)
    has_value = tags == _VALUE_TAG
    holders = np.flatnonzero(has_value)
    sizes_found, begins = varints(buffer, after[holders] + 1, wanted=True)
    assert sizes_found is not None
    room = ends[holders] - begins
    _check(
        (room >= 0) & (sizes_found <= np.maximum(room, 0).astype(np.uint64)),
        "a value runs past the end of its metric",
        starts[holders],
    )
    sizes = np.zeros(starts.size, np.int64)
    sizes[holders] = sizes_found
    bodies = after.copy()
    bodies[holders] = begins
    # What follows the value are instances and the category. A value behind them would be missed here.
    next_at = bodies + sizes
    next_tags = buffer.bytes[next_at]
    _check(
        (next_at == ends) | np.isin(next_tags, _AFTER_VALUE),
        "a metric has an unknown field",
        starts,
    )
    kinds = np.where(sizes > 0, buffer.bytes[bodies], _ABSENT).astype(np.uint8)
    return names, kinds, bodies, sizes


def _values(
    buffer: Buffer, kinds: NDArray[np.uint8], bodies: Positions, sizes: Positions
) -> tuple[NDArray[np.float64], dict[int, str]]:
    """Numbers (NaN where there is none), and row → text of what is no finite number."""
    values = np.full(kinds.size, np.nan)
    texts: dict[int, str] = {}
    known = kinds == _ABSENT
    for tag, size, dtype in ((_DOUBLE, 9, "<f8"), (_FLOAT, 5, "<f4")):
        rows = np.flatnonzero(kinds == tag)
        _check(sizes[rows] == size, "a value is more than a number", bodies[rows])
        word = buffer.words[bodies[rows] + 1]
        values[rows] = (word if size == 9 else (word & 0xFFFFFFFF).astype(np.uint32)).view(dtype)
        odd = rows[~np.isfinite(values[rows])]
        texts.update((int(row), str(float(values[row]))) for row in odd)
        values[odd] = np.nan
        known[rows] = True
    for tag, largest in ((_UINT32, (1 << 32) - 1), (_UINT64, (1 << 64) - 1)):
        rows = np.flatnonzero(kinds == tag)
        numbers, after = varints(buffer, bodies[rows] + 1, wanted=True)
        assert numbers is not None
        _check(after == bodies[rows] + sizes[rows], "a value is more than a number", bodies[rows])
        _check(numbers <= largest, "a value does not fit 32 bits", bodies[rows])
        values[rows] = numbers
        known[rows] = True
    rows = np.flatnonzero(kinds == _TEXT)
    lengths, begins = varints(buffer, bodies[rows] + 1, wanted=True)
    assert lengths is not None
    _check(
        lengths == (bodies[rows] + sizes[rows] - begins).astype(np.uint64),
        "a value is more than a text",
        bodies[rows],
    )
    for row, begin, length in zip(rows.tolist(), begins.tolist(), lengths.tolist(), strict=True):
        texts[row] = bytes(buffer.view[begin : begin + length]).decode("utf-8", "replace")
    known[rows] = True
    _check(known, "a value has an unknown type", bodies)
    return values, texts


def _check(good: NDArray[np.bool_], what: str, at: Positions) -> None:
    if not good.all():
        raise WireError(what, int(at[np.flatnonzero(~good)[0]]))
