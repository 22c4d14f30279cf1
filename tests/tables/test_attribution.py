"""Which range a call belongs to, and what a range caused on the GPU."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

import kept
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from made.nsys import Recording, graph, kernel
from made.store import store
from shipped import REPORTS, notes

import traceql
from traceql.cli import cli
from traceql.errors import QueryError
from traceql.questions import catalog
from traceql.tables import schema

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def ranges(database: traceql.Database, *columns: str) -> dict[str, object]:
    """Text of each range → the asked columns (one: its value, several: a tuple)."""
    rows = database.sql(f"SELECT text, {', '.join(columns)} FROM nvtx_ranges ORDER BY range_id").rows()
    return {row[0]: row[1] if len(columns) == 1 else row[1:] for row in rows}


def callers(database: traceql.Database) -> list[str | None]:
    """Text of the innermost range of every API call, in their order."""
    rows = database.sql(
        "SELECT text FROM api_calls LEFT JOIN nvtx_ranges USING (range_id) ORDER BY api_call_id"
    ).rows()
    return [row[0] for row in rows]


# --- by hand --------------------------------------------------------------------------------------------


def test_a_call_belongs_to_the_innermost_range_of_its_thread() -> None:
    database = (
        Recording()
        .range("step", 0, 100)
        .range("layer", 10, 50)
        .range("elsewhere", 0, 100, tid=2)
        .launch(5, 6)
        .launch(20, 21)
        .launch(60, 61)
        .launch(200, 201)
        .launch(20, 21, tid=2)
        .launch(20, 21, tid=3)
        .database()
    )
    assert callers(database) == ["step", "layer", "step", None, "elsewhere", None]
    assert ranges(database, "depth", "path") == {
        "step": (0, "step"),
        "layer": (1, "step/layer"),
        "elsewhere": (0, "elsewhere"),
    }


def test_equal_thread_numbers_of_two_processes_are_two_threads() -> None:
    database = (
        Recording()
        .range("one", 0, 100, pid=1)
        .range("two", 10, 90, pid=2)
        .launch(20, 21, pid=1)
        .launch(20, 21, pid=2)
        .database()
    )
    assert callers(database) == ["one", "two"]
    assert ranges(database, "parent_id") == {"one": None, "two": None}


def test_domains_share_the_stack_of_their_thread() -> None:
    database = (
        Recording()
        .range("step", 0, 100)
        .range("cub", 10, 20, domain="CCCL")
        .range("inner", 12, 15)
        .database()
    )
    assert ranges(database, "domain", "depth", "path") == {
        "step": ("", 0, "step"),
        "cub": ("CCCL", 1, "step/cub"),
        "inner": ("", 2, "step/cub/inner"),
    }


def test_a_range_holds_its_start_but_not_its_end() -> None:
    database = (
        Recording()
        .range("first", 0, 10)
        .range("second", 10, 20)
        .launch(0, 1)
        .launch(10, 11)
        .launch(20, 21)
        .database()
    )
    assert callers(database) == ["first", "second", None]
    assert ranges(database, "parent_id") == {"first": None, "second": None}


def test_of_ranges_with_one_start_the_longer_is_outside_and_of_equal_ones_the_first() -> None:
    database = (
        Recording()
        .range("short", 0, 10)
        .range("long", 0, 50)
        .range("twin a", 60, 70)
        .range("twin b", 60, 70)
        .launch(5, 6)
        .launch(20, 21)
        .launch(65, 66)
        .database()
    )
    assert ranges(database, "path") == {
        "short": "long/short",
        "long": "long",
        "twin a": "twin a",
        "twin b": "twin a/twin b",
    }
    assert callers(database) == ["short", "long", "twin b"]


def test_a_range_without_length_and_a_mark_lie_in_a_range_and_hold_nothing() -> None:
    database = (
        Recording()
        .range("step", 0, 10)
        .range("empty", 5, 5)
        .range("mark", 5, None, style="mark")
        .range("late", 10, 10)
        .launch(5, 6)
        .database()
    )
    assert callers(database) == ["step"]
    assert ranges(database, "depth", "path") == {
        "step": (0, "step"),
        "empty": (1, "step/empty"),
        "mark": (1, "step/mark"),
        "late": (0, "late"),
    }


def test_a_range_that_was_never_closed_lasts_to_the_end() -> None:
    database = (
        Recording()
        .range("open", 0, None)
        .range("inside", 10, 20)
        .launch(15, 16)
        .launch(500, 501, (600, 650))
        .database()
    )
    assert callers(database) == ["inside", "open"]
    assert ranges(database, "path", "gpu_busy_ns") == {"open": ("open", 50), "inside": ("open/inside", None)}


def kernels_of(database: traceql.Database) -> dict[str, list[int]]:
    """Text of each range → the start of each kernel that it holds."""
    rows = database.sql(
        "SELECT text, list(start_ns ORDER BY start_ns) FROM kernel_ranges JOIN kernels USING (kernel_id) GROUP BY text"
    ).rows()
    return dict(rows)


def test_ranges_of_two_domains_that_cross_hold_every_call_inside_them() -> None:
    database = (
        Recording()
        .range("left", 0, 10)
        .range("right", 5, 20, domain=5)
        .range("within right", 6, 12)
        .launch(3, 4, (30, 31))
        .launch(5, 6, (50, 52))
        .launch(7, 8, (70, 74))
        .launch(11, 11, (110, 118))
        .launch(15, 16, (150, 166))
        .launch(25, 26, (250, 282))
        .range("plain", 0, 10, tid=2)
        .launch(3, 4, (35, 36), tid=2)
        .database()
    )
    assert callers(database) == ["left", "right", "within right", "within right", "right", None, "plain"]
    assert ranges(database, "depth", "path", "gpu_operations", "launches", "gpu_busy_ns") == {
        "left": (0, "left", 3, 3, 7),
        "right": (0, "right", 4, 4, 30),
        "within right": (1, "right/within right", 2, 2, 12),
        "plain": (0, "plain", 1, 1, 1),
    }
    assert kernels_of(database) == {
        "left": [30, 50, 70],
        "right": [50, 70, 110, 150],
        "within right": [70, 110],
        "plain": [35],
    }


def test_a_call_that_outlasts_the_range_in_which_it_starts_belongs_to_the_one_that_holds_all_of_it() -> None:
    database = (
        Recording()
        .range("step", 0, 100)
        .range("layer", 10, 50)
        .range("mlp", 20, 30)
        .range("crossing", 25, 70, domain=5)
        .launch(21, 30, (200, 201))
        .launch(22, 31, (210, 212))
        .launch(28, 60, (220, 224))
        .launch(28, 80, (230, 238))
        .launch(28, 101, (240, 256))
        .range("alone", 0, 10, pid=2)
        .launch(9, 11, (300, 332), pid=2)
        .database()
    )
    assert callers(database) == ["mlp", "layer", "crossing", "step", None, None]
    assert kernels_of(database) == {
        "step": [200, 210, 220, 230],
        "layer": [200, 210],
        "mlp": [200],
        "crossing": [220],
    }
    assert ranges(database, "gpu_operations", "gpu_busy_ns") == {
        "step": (4, 15),
        "layer": (2, 3),
        "mlp": (1, 1),
        "crossing": (1, 4),
        "alone": (0, None),
    }


def test_the_shortest_range_that_holds_a_range_is_its_parent_and_others_hold_its_calls_all_the_same() -> None:
    database = (
        Recording()
        .range("short", 0, 20)
        .range("long", 10, 100, domain=5)
        .range("inner", 12, 18)
        .launch(14, 15, (40, 50))
        .database()
    )
    assert ranges(database, "path", "depth", "gpu_operations") == {
        "short": ("short", 0, 1),
        "long": ("long", 0, 1),
        "inner": ("short/inner", 1, 1),
    }
    assert database.sql("SELECT text FROM range_calls JOIN nvtx_ranges USING (range_id)").rows() == [
        ("long",)
    ]


def test_a_range_without_length_lies_in_the_shortest_of_those_that_cross_there() -> None:
    database = (
        Recording()
        .range("short", 0, 20)
        .range("long", 10, 100, domain=5)
        .range("empty", 15, 15)
        .mark("mark", 15)
        .range("later", 50, 50)
        .database()
    )
    assert ranges(database, "path", "depth") == {
        "short": ("short", 0),
        "long": ("long", 0),
        "empty": ("short/empty", 1),
        "mark": ("short/mark", 1),
        "later": ("long/later", 1),
    }


def test_time_of_kernels_that_overlap_counts_once_in_ranges_that_cross() -> None:
    database = (
        Recording()
        .range("left", 0, 10)
        .range("right", 5, 20, domain=5)
        .launch(1, 2, (30, 50))
        .launch(6, 7, (40, 60))
        .launch(8, 9, (45, 70))
        .launch(15, 16, (55, 80))
        .database()
    )
    assert ranges(database, "gpu_start_ns", "gpu_end_ns", "gpu_busy_ns") == {
        "left": (30, 70, 40),
        "right": (40, 80, 40),
    }


def test_ranges_that_all_cross_each_other_are_bounded_and_the_trace_says_so() -> None:
    recording = Recording()
    for n in range(300):
        recording.range(f"r{n}", n, 1000 + n, domain=n % 2)
    database = recording.launch(1290, 1291, (1400, 1500)).database()
    assert (
        database.sql("SELECT count(*) FROM nvtx_ranges WHERE parent_id IS NULL AND depth = 0").item() == 300
    )
    # Open at once are r291 … r299: few enough.
    assert sorted(kernels_of(database)) == [f"r{n}" for n in range(291, 300)]
    assert "More than 128 NVTX ranges cross" in database.sql("SELECT warnings[1] FROM traces").item()


def seconds_to_store(ranges: int, crossings: int) -> float:
    """Processor time of an ingest of ranges in a row, some of which a range of another domain crosses."""
    recording = Recording()
    for n in range(ranges):
        recording.range("op", 100 * n, 100 * n + 90)
    for n in range(crossings):
        recording.range("crossing", 200 * n + 50, 200 * n + 150, domain=7)
    report = recording.report()
    best = math.inf
    for _ in range(3):
        with traceql.open(":memory:") as database:
            began = time.process_time()
            store(database, report, "made", {})
            best = min(best, time.process_time() - began)
    return best


@pytest.mark.long
def test_time_is_linear_in_ranges_that_cross() -> None:
    # Sixteen times the time, if every pair were looked at.
    assert seconds_to_store(24_000, 12_000) < 8 * seconds_to_store(6_000, 3_000)
    assert seconds_to_store(24_000, 1) < 2.5 * seconds_to_store(24_000, 0)


def test_where_no_gpu_work_was_recorded_nobody_knows_what_a_range_launched() -> None:
    database = Recording().range("step", 0, 100).range("layer", 10, 40).database()
    assert ranges(database, "gpu_operations", "launches") == {"step": (None, None), "layer": (None, None)}
    for place in ({}, {"from_": 20}, {"to": 20}, {"within": "step"}):
        answer = database.ask("step_summary", step="layer", **place)
        assert answer.table["gpu_operations"].to_pylist() == [None]
        # Nor did other threads launch anything.
        assert "launched_elsewhere" not in {note.code for note in answer.notes}


def test_how_long_work_without_a_known_end_ran_is_known_of_no_range() -> None:
    database = (
        Recording()
        .range("step", 0, 100)
        .range("model.layers.0.mlp", 15, 50)
        .range("request", 0, 100, style="startend")
        .launch(20, 21, (60, 30))
        .database()
    )
    assert set(ranges(database, "gpu_operations", "gpu_busy_ns").values()) == {(1, None)}
    for place in ({}, {"by": "process"}, {"from_": 10}, {"from_": 10, "by": "process"}):
        rows = database.query("step_summary", step="step", **place)
        assert rows["gpu_busy_ns"].to_list() == [None]
        per_step = database.query("launches_per_step", step="step", **place)
        assert per_step["avg_gpu_busy_ns"].to_list() == [None]
        modules = database.query("layer_breakdown", **place)
        assert set(modules.select("gpu_busy_ns", "avg_gpu_busy_ns").rows()) == {(None, None)}


def test_work_of_other_threads_is_unknown_by_thread_and_a_note_says_how_to_count_it() -> None:
    database = (
        Recording()
        .range("step", 0, 100)
        .range("backward", 20, 40)
        .range("idle", 50, 60)
        .range("own", 70, 80)
        .range("of another process", 0, 100, pid=2)
        .launch(25, 26, (30, 40), tid=2)
        .launch(71, 72, (80, 95))
        .database()
    )
    assert ranges(database, "gpu_operations", "launches", "gpu_busy_ns") == {
        "step": (1, 1, 15),
        "backward": (None, None, None),
        "idle": (0, 0, None),
        "own": (1, 1, 15),
        "of another process": (0, 0, None),
    }
    by_thread = database.ask("range_launches", range="%a%")
    assert [note.code for note in by_thread.notes] == ["launched_elsewhere"]
    assert "1 range in made (backward)" in notes(by_thread)
    assert "--by process" in notes(by_thread)
    by_process = database.ask("range_launches", range="backward", by="process")
    assert by_process.notes == ()
    assert by_process.frame()["gpu_ns"].to_list() == [10]
    with pytest.raises(QueryError, match="by must be thread or process, not 'gpu'"):
        database.ask("range_launches", by="gpu")


@pytest.mark.long
def test_a_range_whose_own_thread_launches_at_the_time_holds_none_of_it_whatever_others_do() -> None:
    made = (
        Recording()
        .range("outlasted", 10, 20)
        .range("begun before", 40, 50)
        .range("waiting", 60, 70)
        .range("touched", 85, 90)
        .range("handed over", 10, 50, style="startend", end_tid=2)
        .launch(12, 25, (30, 40))
        .launch(38, 45, (50, 60))
        .call("cudaStreamSynchronize_v3020", 62, 68)
        .launch(80, 85, (90, 95))
    )
    alone = {"outlasted": 0, "begun before": 0, "waiting": 0, "touched": 0, "handed over": None}
    assert ranges(made.database(), "gpu_operations") == alone
    # Others call CUDA, and launch nothing.
    made.call("cudaMalloc_v3020", 15, 16, tid=2)
    assert ranges(made.database(), "gpu_operations") == alone
    for began in (14, 44, 64, 88):
        made.launch(began, began + 1, (began + 100, began + 101), tid=2)
    expected = alone | {"waiting": None, "touched": None}
    assert ranges(made.database(), "gpu_operations") == expected


def test_start_end_ranges_overlap_freely_and_are_no_part_of_the_stack() -> None:
    database = (
        Recording()
        .range("request 1", 0, 60, style="startend")
        .range("step", 10, 100)
        .range("request 2", 20, 200, style="startend")
        .range("handed over", 0, 100, style="startend", end_tid=2)
        .launch(30, 31, (40, 50))
        .launch(70, 71, (80, 95))
        .launch(150, 151, (160, 170))
        .launch(30, 31, (300, 400), tid=2)
        .database()
    )
    assert callers(database) == ["step", "step", None, None]
    assert ranges(
        database, "path", "depth", "gpu_start_ns", "gpu_end_ns", "gpu_busy_ns", "gpu_operations"
    ) == {
        "request 1": ("request 1", 0, 40, 50, 10, 1),
        "step": ("step", 0, 40, 95, 25, 2),
        "request 2": ("request 2", 0, 40, 170, 35, 3),
        # Of two threads, hence of none: nsys does not project it either. What there is may be its work.
        "handed over": ("handed over", 0, None, None, None, None),
    }
    inside = database.sql("SELECT text, count(*) FROM kernel_ranges GROUP BY text ORDER BY text").rows()
    assert inside == [("request 1", 1), ("request 2", 3), ("step", 2)]


def test_calls_that_start_together_are_all_before_or_all_inside_a_start_end_range() -> None:
    database = (
        Recording()
        .range("request", 6, 20, style="startend")
        .launch(5, 6, (30, 40))
        .launch(5, 6, (40, 50))
        .launch(7, 8, (50, 60))
        .launch(7, 8, (60, 70))
        .launch(20, 21, (70, 80))
        .database()
    )
    assert ranges(database, "gpu_start_ns", "gpu_end_ns", "gpu_operations") == {"request": (50, 70, 2)}


def test_gpu_time_of_overlapping_kernels_counts_once() -> None:
    database = (
        Recording()
        .range("step", 0, 100)
        .range("a", 10, 20)
        .range("b", 30, 40)
        .launch(11, 12, (100, 200))
        .launch(31, 32, (150, 250))
        .launch(33, 34, (160, 170))
        .launch(50, 51, (300, 310))
        .database()
    )
    assert ranges(database, "gpu_start_ns", "gpu_end_ns", "gpu_busy_ns", "gpu_operations") == {
        "step": (100, 310, 160, 4),
        "a": (100, 200, 100, 1),
        "b": (150, 250, 100, 2),
    }


def test_a_kernel_whose_end_cannot_be_takes_no_time_from_the_one_before_it() -> None:
    database = Recording().range("step", 0, 100).launch(1, 2, (10, 30)).launch(3, 4, (20, 15)).database()
    assert ranges(database, "gpu_start_ns", "gpu_end_ns", "gpu_busy_ns", "gpu_operations") == {
        "step": (10, 30, 20, 2)
    }


def test_operations_of_two_ranges_at_one_time_count_once_for_what_holds_both_and_fully_for_each() -> None:
    database = (
        Recording()
        .range("step", 0, 100)
        .range("a", 1, 10)
        .range("b", 11, 20)
        .launch(2, 3, (200, 230))
        .launch(12, 13, (220, 260))
        .database()
    )
    assert ranges(database, "gpu_busy_ns") == {"step": 60, "a": 30, "b": 40}


def test_the_nodes_of_a_graph_replay_are_one_launch() -> None:
    database = Recording().range("step", 0, 100).launch(10, 20, (30, 40), (40, 50), (60, 70)).database()
    assert ranges(database, "gpu_operations", "launches", "gpu_busy_ns") == {"step": (3, 1, 30)}


def test_a_graph_traced_as_a_whole_is_gpu_work_and_counts_of_kernels_say_that_they_miss_it() -> None:
    database = (
        Recording().range("step", 0, 100).call("cudaGraphLaunch_v10000", 10, 20, graph(30, 90)).database()
    )
    assert ranges(database, "gpu_start_ns", "gpu_end_ns", "gpu_busy_ns", "gpu_operations", "launches") == {
        "step": (30, 90, 60, 1, 1)
    }
    answer = database.ask("range_launches", range="step")
    assert "1 CUDA graph launch in made holds kernels" in notes(answer)
    assert answer.frame().select("instances", "kernels").rows() == [(1, 0)]
    assert database.query("graph_replays").select("mode", "instances", "kernels_per_instance").rows() == [
        ("graph", 1, None)
    ]


def test_endless_nesting_is_cut_and_the_trace_says_so() -> None:
    recording = Recording()
    for n in range(300):
        recording.range(f"r{n}", n, None)
    database = recording.launch(1000, 1001, (1100, 1200)).database()
    assert callers(database) == ["r299"]
    assert database.sql("SELECT max(depth), max(levels) FROM nvtx_ranges, range_ancestors").row(0) == (
        299,
        127,
    )
    assert "more than 128 deep" in database.sql("SELECT warnings[1] FROM traces").item()
    # What lies deeper than 128 climbs 16 levels, itself among them: endless nests take linear space.
    assert database.sql("SELECT count(*) FROM range_ancestors").item() == 128 * 129 // 2 + 172 * 16
    assert database.sql("SELECT path FROM nvtx_ranges WHERE text = 'r299'").item() == "/".join(
        ["…", *(f"r{n}" for n in range(284, 300))]
    )


def test_a_report_without_ranges_has_calls_and_kernels_all_the_same() -> None:
    database = Recording().launch(1, 2, (3, 4)).database()
    assert database.sql("SELECT range_id, api_call_id IS NOT NULL FROM kernels").rows() == [(None, True)]


# --- at random ------------------------------------------------------------------------------------------


def holding(stack: list[tuple[int, int]], at: int, end: int) -> list[int]:
    """Positions of the ranges that hold what goes from `at` to `end`."""
    return [n for n, (start, stop) in enumerate(stack) if start <= at < stop and end <= stop]


def innermost(stack: list[tuple[int, int]], at: int, end: int) -> int | None:
    """Position of the range that a call belongs to: of those that hold it the one that started last, or is shortest."""
    found = holding(stack, at, end)
    return max(found, key=lambda n: (stack[n][0], -stack[n][1]), default=None)


def parent(stack: list[tuple[int, int]], start: int, end: int) -> int | None:
    """Position of the range around a range: the shortest one, or of equally short ones the later one."""
    found = [n for n in holding(stack, start, end) if stack[n] != (start, end)]
    return min(found, key=lambda n: (stack[n][1] - stack[n][0], -stack[n][0]), default=None)


@st.composite
def nests(draw: st.DrawFn, low: int = 0, high: int = 200, depth: int = 4) -> list[tuple[int, int]]:
    """Properly nested, different ranges within [low, high]."""
    if depth == 0 or high - low < 2:
        return []
    cuts = sorted(draw(st.lists(st.integers(low, high), max_size=6, unique=True)))
    found = []
    for start, end in zip(cuts[::2], cuts[1::2], strict=False):
        found.append((start, end))
        found += [r for r in draw(nests(start, end, depth - 1)) if r != (start, end)]
    return found


CALLS = st.lists(
    st.tuples(
        st.integers(0, 200),
        st.one_of(st.just(1), st.integers(0, 60)),
        st.integers(0, 400),
        st.integers(1, 60),
    ).map(lambda t: ((t[0], t[0] + t[1]), (t[0] + t[2], t[0] + t[2] + t[3]))),
    max_size=12,
)
CROSSING = st.lists(
    st.tuples(st.integers(0, 60), st.integers(1, 60)).map(lambda t: (t[0], t[0] + t[1])),
    max_size=8,
    unique=True,
)


@pytest.mark.long
@settings(max_examples=25)
@given(st.lists(st.tuples(st.one_of(nests(), CROSSING), CALLS), min_size=1, max_size=8))
def test_attribution_equals_the_obvious_loop(
    threads: list[tuple[list[tuple[int, int]], list[tuple[tuple[int, int], tuple[int, int]]]]],
) -> None:
    recording = Recording()
    for tid, (stack, calls) in enumerate(threads):
        for position, (start, end) in enumerate(stack):
            recording.range(f"{tid}.{position}", start, end, pid=tid, tid=tid)
        for call, work in calls:
            recording.launch(*call, work, pid=tid, tid=tid)
    database = recording.database()

    def name(tid: int, position: int | None) -> str | None:
        return None if position is None else f"{tid}.{position}"

    want = [
        name(tid, innermost(stack, *call)) for tid, (stack, calls) in enumerate(threads) for call, _ in calls
    ]
    assert callers(database) == want

    parents = dict(
        database.sql(
            """
            SELECT inner_range.text, outer_range.text AS parent
            FROM nvtx_ranges AS inner_range
            LEFT JOIN nvtx_ranges AS outer_range ON outer_range.range_id = inner_range.parent_id
            """
        ).rows()
    )
    inside: dict[str, list[tuple[int, int]]] = {text: [] for text in parents}
    for tid, (stack, calls) in enumerate(threads):
        for position, (start, end) in enumerate(stack):
            assert parents[f"{tid}.{position}"] == name(tid, parent(stack, start, end))
        for call, work in calls:
            for position in holding(stack, *call):
                inside[f"{tid}.{position}"].append(work)
    rows = database.sql(
        "SELECT text, gpu_start_ns, gpu_end_ns, gpu_busy_ns, gpu_operations, depth, path FROM nvtx_ranges"
    ).rows()
    for text, first, last, busy, operations, depth, path in rows:
        work = inside[text]
        covered = {moment for start, end in work for moment in range(start, end)}
        # Where there is no call at all, nobody knows whether any would have been recorded.
        assert operations == (len(work) if want else None)
        assert first == min((start for start, _ in work), default=None)
        assert last == max((end for _, end in work), default=None)
        assert busy == (len(covered) if work else None)
        assert busy is None or busy <= last - first
        chain = [text]
        while parents[chain[-1]] is not None:
            chain.append(parents[chain[-1]])
        assert (depth, path) == (len(chain) - 1, "/".join(reversed(chain)))


# --- real reports ---------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def nsys(tmp_path_factory: pytest.TempPathFactory) -> Iterator[traceql.Database]:
    names = (
        "llama_eager",
        "llama_graph",
        "scv_baseline_off",
        "scv_baseline_vectorized",
        "scv_baseline_graph",
        "nsysai_2gpu_2026.2",
        "pipit_saxpy_2022.2",
        "fuser_h200_2025.1",
        "centerformer_titan_2022.4_large",
    )
    reports = [REPORTS / f"{name}.sqlite.xz" for name in names]
    path = kept.database("attribution", kept.store_all, reports, tmp_path_factory.mktemp("attribution"))
    with traceql.open(path) as database:
        yield database


@pytest.fixture(scope="session")
def ncu(tmp_path_factory: pytest.TempPathFactory) -> Iterator[traceql.Database]:
    modes = ("off", "vectorized", "graph")
    plain = {mode: REPORTS / f"scv_baseline_{mode}.ncu-rep.xz" for mode in modes}
    tagged = {f"tagged {mode}": REPORTS / f"scv_nwor_{mode}.ncu-rep.xz" for mode in modes}

    def fill(database: traceql.Database, _: list[Path]) -> None:
        for name, report in plain.items():
            database.ingest(report, name=name)
        for name, report in tagged.items():
            database.ingest(report, name=name, tags={"steps": "2"})

    reports = [*plain.values(), *tagged.values()]
    path = kept.database("modes", fill, reports, tmp_path_factory.mktemp("attribution"))
    with traceql.open(path) as database:
        yield database


MASK = ("trace", "instances", "kernels", "kernels_per_instance")


@pytest.mark.long
def test_the_mask_costs_193_launches_per_step_in_a_loop_and_one_vectorised_or_replayed(
    nsys: traceql.Database,
) -> None:
    found = [
        nsys.query("range_launches", range="scv_compute_mask", trace=f"scv_baseline_{mode}")
        .select(MASK)
        .row(0)[1:]
        for mode in ("off", "vectorized", "graph")
    ]
    assert found == [(20, 3860, 193.0), (20, 20, 1.0), (20, 20, 1.0)]


@pytest.mark.long
def test_an_ncu_report_knows_launches_and_only_its_tag_knows_the_steps(ncu: traceql.Database) -> None:
    found = ncu.query("range_launches", range="scv_compute_mask").select(MASK).rows()
    assert sorted(found) == [
        ("graph", None, 2, None),
        ("off", None, 386, None),
        ("tagged graph", 2, 2, 1.0),
        ("tagged off", 2, 386, 193.0),
        ("tagged vectorized", 2, 2, 1.0),
        ("vectorized", None, 2, None),
    ]


@pytest.mark.parametrize("before", [0, 2], ids=["first", "later"])
@pytest.mark.parametrize("outer_first", [True, False])
def test_of_calls_that_share_an_id_the_outer_one_launched_the_work(before: int, outer_first: bool) -> None:
    recording = Recording()
    for place in range(before):
        recording.launch(place, place + 1, (100 + place, 101 + place))
    outer = ("cudaLaunchKernel_v7000", 10, 20, "runtime")
    inner = ("cuLaunchKernel", 12, 18, "driver")
    for place, (name, start, end, layer) in enumerate((outer, inner) if outer_first else (inner, outer)):
        work = () if place == 0 else (kernel("shared", 200, 201),)
        recording.call(name, start, end, *work, layer=layer, nested=place > 0)
    recording.launch(30, 31, (300, 301))
    found = recording.database().sql(
        """
        SELECT kernels.start_ns, api_calls.name, api_calls.start_ns
        FROM kernels LEFT JOIN api_calls USING (api_call_id) ORDER BY ALL
        """
    )
    launched = [(100 + place, "cudaLaunchKernel", place) for place in range(before)]
    assert found.rows() == [*launched, (200, "cudaLaunchKernel", 10), (300, "cudaLaunchKernel", 30)]


def test_where_ids_of_two_processes_rise_together_each_has_its_own_calls() -> None:
    recording = Recording()
    for place in range(3):
        for pid in (1, 2):
            recording.launch(
                10 * place + pid, 10 * place + pid + 1, (100 * pid + place, 100 * pid + place + 1), pid=pid
            )
    found = recording.database().sql(
        """
        SELECT kernels.pid, kernels.start_ns, api_calls.pid, api_calls.start_ns
        FROM kernels JOIN api_calls USING (api_call_id) ORDER BY ALL
        """
    )
    assert found.rows() == [
        (pid, 100 * pid + place, pid, 10 * place + pid) for pid in (1, 2) for place in range(3)
    ]


def test_correlation_ids_of_two_processes_are_not_mixed(nsys: traceql.Database) -> None:
    row = nsys.query("coverage", trace="nsysai_2gpu_2026.2").row(0, named=True)
    assert (row["kernels"], row["kernels_with_launch"]) == (4010, 3986)
    assert (
        nsys.sql(
            """
        SELECT count(*)
        FROM kernels JOIN api_calls USING (trace_id, correlation_id) JOIN traces USING (trace_id)
        WHERE trace = 'nsysai_2gpu_2026.2' AND api_calls.layer <> 'other'
        """
        ).item()
        == 4280
    )
    wrong = nsys.sql(
        """
        SELECT count(*) FROM kernels JOIN nvtx_ranges USING (range_id)
        WHERE kernels.pid <> nvtx_ranges.pid OR kernels.trace_id <> nvtx_ranges.trace_id
        """
    )
    assert wrong.item() == 0


@pytest.mark.long
def test_kernels_of_a_replay_share_one_launch_and_its_time_counts_once(nsys: traceql.Database) -> None:
    row = nsys.query("graph_replays", trace="scv_baseline_graph").row(0, named=True)
    assert (row["mode"], row["instances"], row["kernels_per_instance"]) == ("node", 20, 1.0)
    steps = nsys.ask("launches_per_step", trace="llama_graph")
    assert "15 CUDA graph launches in llama_graph hold kernels" in notes(steps)
    decode = steps.frame().row(0, named=True)
    assert (decode["kernels_per_step"], decode["graph_replays_per_step"]) == (13.0, 1.0)
    assert nsys.query("graph_replays", trace="llama_graph").row(0, named=True)["kernels_per_instance"] is None


def test_steps_of_vllm_are_named_by_what_they_hold(nsys: traceql.Database) -> None:
    steps = nsys.query("step_summary", trace="llama_eager")
    assert steps.select("step", "phase", "context_tokens", "generation_tokens").head(2).rows() == [
        (0, "prefill", 4096, 0),
        (1, "decode", 0, 8),
    ]
    assert steps["phase"].to_list() == ["prefill"] + ["decode"] * 15
    assert (steps["gpu_busy_ns"] + steps["gpu_gaps_ns"]).to_list() == steps["gpu_span_ns"].to_list()
    assert nsys.query("step_summary", trace="scv_baseline_off", step="step")["phase"].null_count() == 20


def test_own_times_of_all_modules_add_up_to_the_time_inside_ranges(nsys: traceql.Database) -> None:
    modules = nsys.query("layer_breakdown", trace="llama_eager")
    coverage = nsys.query("coverage", trace="llama_eager").row(0, named=True)
    assert modules["gpu_own_ns"].sum() == coverage["gpu_in_ranges_ns"]
    assert modules["own_share_pct"].sum() == pytest.approx(100)


def test_layerwise_texts_are_read_and_their_outputs_left_out() -> None:
    def text(module: str, key: str = "Inputs") -> str:
        return f"{{'Module': '{module}', '{key}': [[2, 8]]}}"

    recording = Recording()
    for layer, start in ((0, 0), (1, 100)):
        recording.range(text(f"M.layers.{layer}"), start, start + 90)
        recording.range(text(f"M.layers.{layer}.mlp"), start + 10, start + 20)
        recording.range(text(f"M.layers.{layer}.mlp", "Outputs"), start + 20, start + 21)
        recording.launch(start + 11, start + 12, (start + 1000, start + 1010))
        recording.launch(start + 30, start + 31, (start + 1020, start + 1050))
    answer = recording.database().query("layer_breakdown")
    columns = (
        "module",
        "layers",
        "instances",
        "gpu_operations",
        "gpu_busy_ns",
        "gpu_own_ns",
        "own_share_pct",
    )
    assert answer.select(columns).rows() == [
        ("M.layers.*", 2, 2, 4, 80, 60, 75.0),
        ("M.layers.*.mlp", 2, 2, 2, 20, 20, 25.0),
    ]


def test_work_of_a_range_is_its_own_and_that_of_its_children(nsys: traceql.Database) -> None:
    wrong = nsys.sql(
        """
        WITH own AS (
            SELECT range_id, count(*) AS operations
            FROM (SELECT range_id FROM kernels UNION ALL SELECT range_id FROM memory_ops
                  UNION ALL SELECT range_id FROM graph_launches)
            GROUP BY range_id
        ),
        children AS (
            SELECT parent_id AS range_id, sum(gpu_operations) AS operations
            FROM nvtx_ranges
            GROUP BY parent_id
        )
        SELECT count(*)
        FROM nvtx_ranges
        LEFT JOIN own USING (range_id)
        LEFT JOIN children USING (range_id)
        WHERE style = 'pushpop'
          AND (gpu_operations <> coalesce(own.operations, 0) + coalesce(children.operations, 0)
               OR gpu_busy_ns > gpu_end_ns - gpu_start_ns)
        """
    )
    assert wrong.item() == 0


def test_gpu_work_in_ranges_equals_a_join_of_every_call_with_every_range(nsys: traceql.Database) -> None:
    """nsys's rule taken literally: the call lies in the range, from start to end, on its thread."""
    wrong = nsys.sql(
        """
        WITH work AS (
            SELECT trace_id, pid, api_call_id, start_ns, end_ns FROM kernels
            UNION ALL SELECT trace_id, pid, api_call_id, start_ns, end_ns FROM memory_ops
            UNION ALL SELECT trace_id, pid, api_call_id, start_ns, end_ns FROM graph_launches
        ),
        launched AS (
            SELECT work.*, tid, api_calls.start_ns AS call_start, api_calls.end_ns AS call_end
            FROM work JOIN api_calls USING (api_call_id)
        ),
        literal AS (
            SELECT range_id, count(*) AS operations,
                   min(launched.start_ns) AS first_ns, max(launched.end_ns) AS last_ns
            FROM nvtx_ranges
            JOIN launched ON launched.trace_id = nvtx_ranges.trace_id AND launched.pid = nvtx_ranges.pid
                AND launched.tid = nvtx_ranges.tid
                AND launched.call_start >= nvtx_ranges.start_ns AND launched.call_end <= nvtx_ranges.end_ns
            GROUP BY range_id
        )
        SELECT trace, count(*)
        FROM nvtx_ranges JOIN traces USING (trace_id) LEFT JOIN literal USING (range_id)
        WHERE gpu_operations <> coalesce(operations, 0)
           OR gpu_start_ns IS DISTINCT FROM first_ns OR gpu_end_ns IS DISTINCT FROM last_ns
        GROUP BY ALL
        """
    )
    assert wrong.rows() == []


def test_every_table_is_a_method_that_returns_a_lazy_frame(nsys: traceql.Database) -> None:
    for table in schema.TABLES:
        frame = getattr(nsys, "ranges" if table.name == "nvtx_ranges" else table.name)()
        assert frame.collect_schema().names() == [column.name for column in table.columns]
    named = nsys.ranges().filter(text="scv_compute_mask").select("gpu_operations").collect()
    assert sorted(set(named["gpu_operations"])) == [1, 193]


def test_info_shows_how_much_is_attributed(nsys: traceql.Database) -> None:
    nsys.close()  # DuckDB opens a file once per process; the next question opens it again
    answer = CliRunner().invoke(cli, ["info", "llama_eager", "--db", nsys.path, "--format", "csv"])
    assert answer.exit_code == 0, answer.output
    assert "in NVTX ranges: kernels,99.1 %" in answer.stdout
    assert "in NVTX ranges: GPU time,99.6 %" in answer.stdout


def test_every_query_of_these_topics_returns_the_columns_that_it_declares(nsys: traceql.Database) -> None:
    for query in catalog.shipped().queries.values():
        if query.topic not in ("nvtx", "ranges", "steps", "graphs"):
            continue
        values = {p.name: "layer" for p in query.params if p.required}
        bound = query.bind(values)
        described = nsys.sql(f"DESCRIBE {query.sql}", {p.name: bound[p.name] for p in query.in_sql})
        declared = [(column.name, column.type) for column in query.columns]
        assert described.select("column_name", "column_type").rows() == declared, query.name


@pytest.mark.parametrize("name", ["launched", "calls", "held", "chosen", "spans", "starts", "places"])
@pytest.mark.parametrize("by", ["thread", "process"])
def test_what_a_macro_is_given_may_have_any_name(name: str, by: str) -> None:
    database = (
        Recording()
        .range("step", 0, 10)
        .call("cudaLaunchKernel_v7000", 1, 2, kernel("k", 3, 4))
        .call("cudaLaunchKernel_v7000", 11, 12, kernel("k", 13, 14))
        .database()
    )
    found = database.sql(
        f"WITH {name} AS (FROM kernels) SELECT start_ns FROM work_in_ranges('nvtx_ranges', '{name}', '{by}')"
    )
    assert found["start_ns"].to_list() == [3]
