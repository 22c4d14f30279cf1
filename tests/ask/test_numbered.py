"""Ranges whose texts differ in numbers alone: asked to count together, they do as if they had one text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from made.ncu import Profile
from made.nsys import Recording, copy, kernel

import traceql
from traceql.questions import catalog

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from traceql import Database

LAUNCH = "cudaLaunchKernel_v7000"
#: Questions that put ranges of one text together, and can put together those that are alike.
QUESTIONS = sorted(
    query.name
    for query in catalog.shipped().queries.values()
    if any(param.name == "exact" and param.default is True for param in query.params)
)


def recorded(called: Callable[[str, int], str]) -> Recording:
    """Two steps of a program whose ranges are called so: what they are, and their number."""
    made = Recording().gpu(0, "NVIDIA H200", cuda=0).duration(1000)
    for number, at in enumerate((0, 400)):
        made.range(called("step #", number), at, at + 300)
        for operator in range(3):
            start = at + 10 + 90 * operator
            made.range(called("aten::mul, seq = #, op_id = #", 7 * number + operator), start, start + 80)
            # In itself, as operators that call others of their kind.
            made.range(called("aten::mul, seq = #, op_id = #", 50 + number), start + 5, start + 60)
            made.call(LAUNCH, start + 10, start + 12, kernel("k", start + 20, start + 30 + operator))
            made.call(LAUNCH, start + 14, start + 15, kernel("other", start + 40, start + 47 + 2 * number))
        made.call("cudaMemcpyAsync_v3020", at + 290, at + 292, copy("Host-to-Device", at + 295, at + 310, 8))
        # Of another thread, and of another style; their words have numbers that belong to them.
        made.range(called("conv2d #", number), at + 5, at + 200, tid=2)
        made.call(LAUNCH, at + 20, at + 21, kernel("k", at + 60, at + 66), tid=2)
        made.range(called("conv1d #", number), at + 210, at + 220, tid=2)
        made.range(called("request #", number), at + 1, at + 250, style="startend", domain="lib")
        made.allocated(at + 20, 100 * (number + 1), 64 * (number + 1))
    for at in range(0, 800, 7):
        made.sample("SMs Active [Throughput %]", at, at % 100)
        made.sample("DRAM Read", at, at % 31)
    return made


@pytest.fixture(scope="module")
def database() -> Iterator[Database]:
    with traceql.open(":memory:") as made:
        recorded(lambda what, number: what.replace("#", str(number))).store(made, "numbered")
        recorded(lambda what, _: what.replace("#", "*")).store(made, "alike")
        yield made


def told(database: Database, question: str, trace: str, **params: object) -> list[dict[str, object]]:
    rows = database.query(question, trace=trace, **params).to_dicts()
    # A range's number within its trace.
    return [
        {
            name: value % 2**32 if name.endswith("range_id") and value is not None else value
            for name, value in row.items()
            if name != "trace"
        }
        for row in rows
    ]


def asked(question: str) -> list[dict[str, object]]:
    query = catalog.shipped().queries[question]
    ways: list[dict[str, object]] = [{}]
    if any(param.name == "by" and "process" in param.words for param in query.params):
        ways.append({"by": "process"})
    if question == "range_instances":
        ways = [{**way, "ranges": None} for way in ways]
    if question == "nvtx_kern_sum":
        ways.append({"by_range": True})
    return ways


def test_all_sums_of_ranges_can_put_them_together() -> None:
    assert QUESTIONS == [
        "gpu_metrics_in_ranges",
        "memory_peaks",
        "nvtx_gpu_proj_sum",
        "nvtx_kern_sum",
        "nvtx_pushpop_sum",
        "nvtx_startend_sum",
        "nvtx_sum",
        "range_instances",
        "range_launches",
        "range_percentiles",
    ]


@pytest.mark.parametrize("question", QUESTIONS)
def test_ranges_that_differ_in_numbers_count_as_if_they_had_one_text(
    database: Database, question: str
) -> None:
    for params in asked(question):
        wanted = told(database, question, "alike", **params)
        assert told(database, question, "numbered", exact=False, **params) == wanted
        assert {"step *", "aten::mul, seq = *, op_id = *"} <= {row["range"] for row in wanted} or (
            question == "nvtx_startend_sum" and {row["range"] for row in wanted} == {"request *"}
        )
        # Otherwise each is a row of its own.
        apart = {row["range"] for row in told(database, question, "numbered", **params)}
        assert not any("*" in str(text) for text in apart)


def test_ranges_are_asked_for_by_their_whole_text(database: Database) -> None:
    (row,) = database.query("nvtx_sum", trace="numbered", exact=False).filter(range="step *").to_dicts()
    assert (row["instances"], row["total_ns"]) == (2, 600)
    (row,) = database.query("range_launches", trace="numbered", range="step 1", exact=False).to_dicts()
    assert (row["range"], row["instances"], row["kernels"]) == ("step *", 1, 6)


def test_ranges_of_ncu_count_together() -> None:
    profile = Profile().kernel("a", path="step 1").kernel("a", path="step 2/mul 3").kernel("b", path="step 2")
    with traceql.open(":memory:") as made:
        profile.store(made, "p")
        rows = made.query("range_launches", exact=False).select("range", "kernels").rows()
        assert sorted(rows) == [("mul *", 1), ("step *", 3)]


@pytest.mark.parametrize(
    ("text", "count", "is_told"),
    [
        ("aten::mul, op_id = {}", 1_000, True),
        ("aten::mul, op_id = {}", 999, False),
        ("layer{}", 1_000, False),
    ],
)
def test_who_gets_a_thousand_rows_of_numbers_is_told_how_to_get_few(
    text: str, count: int, is_told: bool
) -> None:
    recording = Recording()
    for number in range(count):
        recording.range(text.format(number), number * 10, number * 10 + 5)
    with traceql.open(":memory:") as made:
        recording.store(made, "p")
        notes = [str(note) for note in made.ask("nvtx_sum").notes]
        assert [note for note in notes if "--exact false" in note] == (
            [
                "1,000 rows, most of them of ranges with numbers in their texts, as PyTorch's operators have: "
                "--exact false puts together what differs in numbers alone."
            ]
            if is_told
            else []
        )
        assert not [str(note) for note in made.ask("nvtx_sum", exact=False).notes if "exact" in str(note)]
