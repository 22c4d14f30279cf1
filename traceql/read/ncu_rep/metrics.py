"""The metrics of workloads, thousands at a time.

A metric is { name: an index of the report's strings, value, instances repeated, category }. Instances, which
are most of the bytes, are what `instances` decodes of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from traceql.read.buffer import varints
from traceql.read.ncu_rep.instances import Instances
from traceql.read.ncu_rep.units import units
from traceql.read.ncu_rep.values import check, held, numbers_and_texts
from traceql.read.protobuf import WireError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from traceql.read.buffer import Buffer, Positions

# The tags of its fields.
_NAME_TAG, _VALUE_TAG, _AFTER_VALUE = 0x08, 0x12, (0x1A, 0x20)


class Metrics:
    """The columns of ``ncu_metrics``, filled some workloads at a time.

    Args:
        strings: of the report, which names refer to.

    Attributes:
        instances: of the metrics.
    """

    def __init__(self, strings: list[str]) -> None:
        # NVIDIA's library tells the metrics of a workload by name, in the order of bytes. A name that the
        # strings hold twice is one metric.
        self._names = sorted(set(strings))
        self.instances = Instances(self._names)
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
        values, texts = numbers_and_texts(buffer, kinds, bodies, sizes)
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
        self.instances.add(buffer, (bodies + sizes)[order], ends[order], actions[order], codes[order])

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
    """Of each metric: its name's id; its value's kind, place and size, see `held`."""
    check(buffer.bytes[starts] == _NAME_TAG, "a metric does not begin with its name", starts)
    found, after = varints(buffer, starts + 1, wanted=True)
    assert found is not None
    check(after <= ends, "a metric's name runs past its end", starts)
    check(found < 1 << 32, "a metric's name is a number above 32 bits", starts)
    kinds, bodies, sizes, next_at = held(buffer, after, ends, _VALUE_TAG, "a value")
    # What follows the value are instances and the category. A value behind them would be missed here.
    check(
        (next_at == ends) | np.isin(buffer.bytes[next_at], _AFTER_VALUE),
        "a metric has an unknown field",
        starts,
    )
    return found.astype(np.int64), kinds, bodies, sizes
