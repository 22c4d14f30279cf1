"""What all oracles count with: moments of time, groups, and numpy's statistics."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Sequence

T = TypeVar("T")
K = TypeVar("K", bound="Hashable")
Row = dict[str, Any]

# The statistics in the names of columns, as in avg_ns, with numpy's way to them.
_STATISTICS: dict[str, Callable[[Any], float]] = {
    "total": np.sum,
    "avg": np.mean,
    "q1": lambda values: np.quantile(values, 0.25),
    "median": np.median,
    "q3": lambda values: np.quantile(values, 0.75),
    "min": np.min,
    "max": np.max,
    "p90": lambda values: np.quantile(values, 0.9),
    "p99": lambda values: np.quantile(values, 0.99),
}


def grouped(items: Iterable[T], key: Callable[[T], K]) -> dict[K, list[T]]:
    """Key → the items that have it, in their order."""
    found: dict[K, list[T]] = defaultdict(list)
    for item in items:
        found[key(item)].append(item)
    return dict(found)


def spread(values: Sequence[float], thing: str = "ns") -> Row:
    """All statistics of values, as columns: total_ns, avg_ns …; a deviation needs two values, the others one."""
    numbers = np.array(values, float)
    row: Row = {
        f"{name}_{thing}": float(count(numbers)) if len(numbers) else None
        for name, count in _STATISTICS.items()
    }
    row[f"stddev_{thing}"] = float(np.std(numbers, ddof=1)) if len(numbers) > 1 else None
    return row


def percent(part: float, whole: float) -> float | None:
    """A share in percent; of nothing there is none."""
    return 100 * part / whole if whole else None


def per_second(amount: float, duration_ns: float) -> float | None:
    """A rate; what takes no time has none."""
    return 1e9 * amount / duration_ns if duration_ns else None


def mean(values: Iterable[float]) -> float | None:
    """The mean; of nothing there is none."""
    numbers = list(values)
    return float(np.mean(numbers)) if numbers else None


def moments(spans: Iterable[tuple[int, int]]) -> set[int]:
    """Every nanosecond in which at least one of the spans lasts."""
    return {moment for start, end in spans for moment in range(start, end)}
