"""The advice rules: equal to what nsys analyze prints, and to what a reader can work out from a few rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import pytest
from nsys_oracle import (
    TRACES,
    Columns,
    Row,
    ask,
    assert_printed,
    assert_same,
    expected,
    was_asked,
)
from shipped import EXPECTED

if TYPE_CHECKING:
    from traceql import Database
    from traceql.questions.parameters import Value


def _megabytes(row: Row) -> float:
    return float(row["bytes"] / 1e6)


_MEMORY_OP: Columns = {
    "Duration (ns)": ("duration_ns", None),
    "Start (ns)": ("start_ns", None),
    "Bytes (MB)": (_megabytes, 3),
    "PID": ("pid", None),
    "Device ID": ("device_id", None),
    "Context ID": ("context_id", None),
    "Stream ID": ("stream_id", None),
    "API Name": ("function", None),
}
_COPY: Columns = {**_MEMORY_OP, "Src Kind": ("src_memory", None), "Dst Kind": ("dst_memory", None)}

RULES: dict[str, Columns] = {
    "cuda_api_sync": {
        "Duration (ns)": ("duration_ns", None),
        "Start (ns)": ("start_ns", None),
        "PID": ("pid", None),
        "TID": ("tid", None),
        "API Name": ("function", None),
    },
    "cuda_memcpy_async": _COPY,
    "cuda_memcpy_sync": _COPY,
    "cuda_memset_sync": {**_MEMORY_OP, "Memory Kind": ("dst_memory", None)},
    "gpu_gaps": {
        "Duration (ns)": ("duration_ns", None),
        "Start (ns)": ("start_ns", None),
        "PID": ("pid", None),
        "Device ID": ("device_id", None),
    },
    "gpu_time_util": {
        "In-Use (%)": ("in_use_pct", 1),
        "Duration (ns)": ("duration_ns", None),
        "Start (ns)": ("start_ns", None),
        "PID": ("pid", None),
        "Device ID": ("device_id", None),
    },
}
#: Columns of NVIDIA's without a counterpart: the row's number; a context that none of the traces uses; and
#: for the two rules that speak of a device, the context, of which a device can have several.
LEFT_OUT = {"Row#", "Green Context ID", "Context ID"}


@pytest.mark.parametrize(
    ("rule", "trace"), [(r, t) for r in RULES for t in TRACES if was_asked("nsys_analyze", t, r)]
)
def test_a_rule_equals_that_of_nsys_analyze(corpus: Database, rule: str, trace: str) -> None:
    # nsys takes a CUDA graph that was traced as a whole for idle time, and looks at each process by itself.
    params: dict[str, Value] = {"graphs": False, "by": "process"} if rule.startswith("gpu_") else {}
    if rule == "gpu_gaps":
        params["min_gap_ns"] = 500_000_000
    theirs = expected("nsys_analyze", trace, rule)
    if theirs:
        assert set(theirs[0]) - LEFT_OUT == set(RULES[rule]) - LEFT_OUT
    order = next(iter(RULES[rule]))
    assert_same(ask(corpus, rule, trace=trace, **params), theirs, RULES[rule], order)


def test_low_use_equals_that_of_the_recipe(corpus: Database) -> None:
    theirs = pl.read_parquet(EXPECTED / "nsys_recipes" / "gpu_time_util" / "analysis.parquet")
    ours = ask(corpus, "gpu_time_util", trace="llama_eager")
    for row, other in zip(ours, theirs.to_dicts(), strict=True):
        assert_printed(row["in_use_pct"], other["In-Use"], 1)
        assert (row["start_ns"], row["duration_ns"]) == (other["Start"], other["Duration"])


def test_a_graph_traced_as_a_whole_is_no_idle_time(corpus: Database) -> None:
    # nsys reports one stretch of 112 ms with 4.1 % use; in 74 ms of it the GPU replays CUDA graphs.
    assert [r["duration_ns"] for r in ask(corpus, "gpu_time_util", trace="llama_graph", graphs=False)] == [
        112_517_587
    ]
    assert ask(corpus, "gpu_time_util", trace="llama_graph") == []
