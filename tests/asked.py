"""Every question, asked of whatever databases hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from traceql.questions.question import Query

# Questions whose sides have a timeline.
_OF_TIMELINES = ("scv_delta",)
#: What is told where there is much, of little, too.
OF_LITTLE: dict[str, dict[str, Any]] = {"timeline_shares": {"max_events": 0}}


def given(query: Query, *, timeline: str, baseline: str, variant: str) -> dict[str, Any]:
    """A value for each parameter without a default: one trace of nsys, two of ncu; and what lets it answer."""
    if query.name in _OF_TIMELINES:
        baseline = variant = timeline
    values: dict[str, Any] = {
        "baseline": baseline,
        "variant": variant,
        "timeline": timeline,
        "counters": variant,
        "metric": "dram__bytes_write.sum",
        "x": "dram__bytes_write.sum",
        "y": "gpu__time_duration.sum",
        "kernel": "index_elementwise_kernel",
        "range": "step",
    }
    asked = {param.name: values[param.name] for param in query.params if param.required}
    return {**asked, **OF_LITTLE.get(query.name, {})}
