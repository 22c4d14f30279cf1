"""What users of a served model wait for, from when each request is due; percentiles that samples can bear.

A percentile p needs 100 ÷ (100 − p) samples: 2, 10, 20 and 100 for p50, p90, p95 and p99. With fewer it is
nothing but the largest sample, and is left out.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from collectors.worker import metric

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PERCENTS = (50, 90, 95, 99)
#: Names of what a goodput bounds, as vLLM's benchmark has them, and their meaning here.
BOUNDS = {"ttft": "ttft_ms", "tpot": "tpot_ms", "e2el": "e2e_ms"}
# Requests beyond these are in the percentiles and nowhere else: a sidecar has a largest size.
_MAX_SAMPLES = 200


@dataclass
class Request:
    """One request, in seconds since the first could be due.

    Attributes:
        due: when it was to be sent.
        sent: when it was.
        outputs: when tokens came, and how many at a time.
    """

    due: float
    sent: float
    outputs: list[tuple[float, int]] = field(default_factory=list)

    @property
    def tokens(self) -> int:
        """How many came."""
        return sum(count for _, count in self.outputs)

    def latencies(self) -> dict[str, float]:
        """Milliseconds since it was due: to the first token, to the end; and for each of the other tokens."""
        first, last = self.outputs[0][0], self.outputs[-1][0]
        found = {"ttft_ms": 1e3 * (first - self.due), "e2e_ms": 1e3 * (last - self.due)}
        later = self.tokens - self.outputs[0][1]
        return found | {"tpot_ms": 1e3 * (last - first) / later} if later else found

    def gaps(self) -> list[float]:
        """Milliseconds from one output to the next."""
        times = [time for time, _ in self.outputs]
        return [1e3 * (later - earlier) for earlier, later in itertools.pairwise(times)]


def percentile(ordered: Sequence[float], percent: float) -> float | None:
    """By linear interpolation, as numpy does it; None of fewer samples than it needs.

    >>> percentile([1.0, 2.0, 4.0], 50), percentile([1.0, 2.0, 4.0], 75)
    (2.0, None)
    """
    if len(ordered) * (100 - percent) < 100:
        return None
    place = (len(ordered) - 1) * percent / 100
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def percentiles(name: str, values: Sequence[float]) -> list[dict[str, Any]]:
    """``NAME_p50_ms`` … of milliseconds, as far as there are enough of them, and their mean."""
    if not values:
        return []
    ordered = sorted(values)
    known = ((percent, percentile(ordered, percent)) for percent in PERCENTS)
    found = [metric(f"{name}_p{percent}_ms", "ms", value) for percent, value in known if value is not None]
    return [*found, metric(f"{name}_mean_ms", "ms", sum(values) / len(values))]


def bounds(text: str) -> dict[str, float]:
    """The bounds of ``--goodput``, in milliseconds.

    >>> bounds("ttft:500,tpot:50")
    {'ttft': 500.0, 'tpot': 50.0}
    >>> bounds("ttft=500")
    Traceback (most recent call last):
    ValueError: 'ttft=500' looks like ttft:500; known are ttft, tpot, e2el
    """
    found = {}
    for part in filter(None, text.split(",")):
        match = re.fullmatch(r"(\w+):(\d+(?:\.\d+)?)", part)
        if match is None or match[1] not in BOUNDS:
            raise ValueError(f"{part!r} looks like ttft:500; known are {', '.join(BOUNDS)}")
        found[match[1]] = float(match[2])
    return found


def served(
    requests: Sequence[Request], seconds: float, rate: float, bound: Mapping[str, float]
) -> list[dict[str, Any]]:
    """A served load as metrics.

    Args:
        requests: all that were sent.
        seconds: from when the first could be due to the last token.
        rate: requests per second that were asked for.
        bound: milliseconds that a request may take to count for the goodput, see `bounds`.
    """
    each = [request.latencies() for request in requests]
    found: list[dict[str, Any]] = []
    for name in ("ttft", "tpot", "e2e"):
        found += percentiles(name, [one[f"{name}_ms"] for one in each if f"{name}_ms" in one])
    found += percentiles("itl", [gap for request in requests for gap in request.gaps()])
    good = [one for one in each if all(one.get(BOUNDS[name], 0.0) <= limit for name, limit in bound.items())]
    done = len(requests) / seconds
    found += [
        metric("requests_per_s", "requests/s", done),
        metric("achieved_rate_pct", "%", 100 * done / rate),
        metric("output_tokens_per_s", "tokens/s", sum(request.tokens for request in requests) / seconds),
        metric("duration_s", "s", seconds),
        # How late the client was: it is part of all latencies.
        metric("sent_late_max_ms", "ms", 1e3 * max(request.sent - request.due for request in requests)),
    ]
    if bound:
        found.append(metric("goodput_requests_per_s", "requests/s", len(good) / seconds))
        found.append(metric("good_requests_pct", "%", 100 * len(good) / len(requests)))
    for number, (request, one) in enumerate(zip(requests, each, strict=True), start=1):
        if number <= _MAX_SAMPLES:
            found.append(metric("due_s", "s", request.due, number))
            found += [metric(name.replace("_ms", "_of_request_ms"), "ms", one[name], number) for name in one]
    return found
