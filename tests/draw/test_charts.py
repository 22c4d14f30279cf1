"""Charts: every one is drawn from real reports, its marks carry the query's numbers, and it looks as agreed."""

from __future__ import annotations

import itertools
import json
import re
from functools import cache
from typing import TYPE_CHECKING, Any

import altair as alt
import polars as pl
import pytest
from made.nsys import TWIN, Recording
from made.runs import Runs
from made.store import empty
from shipped import REPORTS

from traceql.draw import changes, charts, comparisons, counters, hotspots, registry, render, theme, timelines
from traceql.errors import MissingDataError, QueryError, UnknownQueryError
from traceql.present import units
from traceql.questions import catalog
from traceql.questions.parameters import Value
from traceql.read import runs

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from traceql import Database

EAGER = "llama_eager.sqlite.xz"
BASELINE = "scv_baseline_vectorized.ncu-rep.xz"
VARIANT = "scv_nwor_vectorized.ncu-rep.xz"
ROOFLINE = "llama_roofline.ncu-rep.xz"

# Parameters with which a query of the shipped reports has something to draw.
PARAMS: dict[str, dict[str, Any]] = {
    "rank_steps": {"trace": "nccl_two_gpus.sqlite.xz"},
    "comparable": {"baseline": EAGER, "variant": "llama_graph.sqlite.xz"},
    "counters_on_timeline": {
        "timeline": "scv_baseline_off.sqlite.xz",
        "counters": "scv_baseline_off.ncu-rep.xz",
    },
    "diff": {"baseline": EAGER, "variant": "llama_graph.sqlite.xz"},
    "effects": {"baseline": EAGER, "variant": "llama_graph.sqlite.xz"},
    "moved_with": {"baseline": "scv_baseline_off.ncu-rep.xz", "variant": "scv_nwor_off.ncu-rep.xz"},
    **{
        name: {"trace": "kinds_full.ncu-rep.xz"}
        for name in (
            "memory_chart",
            "memory_tables",
            "occupancy",
            "occupancy_curves",
            "pipes",
            "rules",
            "scheduler",
            "speed_of_light",
            "warp_states",
        )
    },
    "instruction_mix": {"trace": "kinds_source.ncu-rep.xz"},
    "pm_sampling": {"trace": "kinds_pm.ncu-rep.xz"},
    "source_hotspots": {"trace": "kinds_source.ncu-rep.xz"},
    "kernel_roofline": {"trace": ROOFLINE},
    "layer_roofline": {"trace": ROOFLINE},
    "range_roofline": {"trace": ROOFLINE},
    "category_roofline": {"trace": ROOFLINE, "along": "seq_len"},
    "cpu_bound_gaps": {"trace": EAGER},
    "cuda_gpu_kern_pace": {"trace": EAGER, "kernel": "rms_norm_kernel"},
    "nwor_delta": {"baseline": BASELINE, "variant": VARIANT, "pair": {"%kv_write": "%nwor_commit"}},
    "nwor_scv_matrix": {
        "mode": {"off/off": "scv_baseline_off.ncu-rep.xz", "stage/graph": "scv_nwor_graph.ncu-rep.xz"}
    },
    "scv_delta": {"baseline": "scv_baseline_off.sqlite.xz", "variant": "scv_baseline_graph.sqlite.xz"},
    "dram_traffic": {"trace": BASELINE},
    "cpu_flame_graph": {"trace": "sampled_loop.sqlite.xz", "samples": "python"},
    "gpu_gaps": {"trace": EAGER},
    "metric": {"trace": BASELINE, "metric": "dram__bytes_write.sum"},
    "metric_pairs": {"trace": BASELINE, "x": "dram__bytes_write.sum", "y": "gpu__time_duration.sum"},
    "nvtx_gpu_proj_pace": {"trace": EAGER, "range": "layer"},
    "nvtx_gpu_proj_trace": {"trace": EAGER},
    "nvtx_pace": {"trace": EAGER, "range": "layer"},
    "timeline": {"trace": EAGER},
    # One rank of a job has nobody to be compared with.
    **{
        name: {"trace": ["nccl_rank0.sqlite.xz", "nccl_rank1.sqlite.xz"]}
        for name in ("clock_alignment", "collective_bandwidth")
    },
    "memory_hierarchy": {},
    "decode_sweep": {},
    "prefill_sweep": {},
}
TRACES = {
    **dict.fromkeys(
        (
            "job_summary",
            "job_stragglers",
            "rank_steps",
            "rank_balance",
            "job_critical_path",
            "job_timeline",
            "slowest_ranks",
            "communication_overlap",
            "communication_per_step",
        ),
        "nccl_two_gpus.sqlite.xz",
    ),
    "collectives": "nccl_two_gpus.sqlite.xz",
    "thread_activity": "sampled_loop.sqlite.xz",
    "slowest_steps": "sampled_loop.sqlite.xz",
    "cuda_memcpy_sync": None,
    "gpu_metric_util_sum": "gpu_metrics.sqlite.xz",
    "gpu_metrics_in_ranges": "gpu_metrics.sqlite.xz",
    "graph_replays": "llama_graph.sqlite.xz",
    "nccl_message_sum": "nccl_rank0.sqlite.xz",
    "nccl_straggler": "nccl_two_gpus.sqlite.xz",
    "nccl_gpu_overlap_trace": "nsysai_2gpu_2026.2.sqlite.xz",
    "nvtx_startend_sum": None,
    "osrt_sum": "mordred_rtx6000_2021.2.sqlite.xz",
}
DRAWN = sorted(name for name, query in catalog.shipped().queries.items() if query.pictures)
# No shipped report holds what they are about; their kinds of chart are drawn for others.
NOTHING_TO_DRAW = {
    "cuda_memset_sync",
    "collective_links",
    "link_bandwidth",
    "nccl_gpu_proj_sum",
    "nccl_sum",
    "openacc_sum",
    "run_delta",
    "um_sum",
    "um_total_sum",
}


def drawn(corpus: Database, name: str, /, **params: Value) -> dict[str, Any]:
    return corpus.chart(name, **params).to_dict()


def asked(corpus: Database, name: str, /, **params: Value) -> pl.DataFrame:
    return corpus.query(name, **params)


@pytest.fixture(scope="module")
def pictures(corpus: Database) -> Callable[[str], tuple[dict[str, Any], pl.DataFrame]]:
    """Question → specification of its chart and its answer, of parameters with which there is something to draw."""

    @cache
    def picture(name: str) -> tuple[dict[str, Any], pl.DataFrame]:
        params, answer = answered(corpus, name)
        return drawn(corpus, name, **params), answer

    return picture


def answered(corpus: Database, name: str) -> tuple[dict[str, Any], pl.DataFrame]:
    """Parameters with which the query answers something about one trace, and the answer."""
    if name in PARAMS:
        return PARAMS[name], asked(corpus, name, **PARAMS[name])
    names = [TRACES.get(name)] if TRACES.get(name) else [EAGER, ROOFLINE, BASELINE]
    names += asked(corpus, "trace_summary")["trace"].to_list()
    for trace in names:
        try:
            if (answer := asked(corpus, name, trace=trace)).height:
                return {"trace": trace}, answer
        except MissingDataError:
            continue
    raise AssertionError(f"no shipped report answers {name}")


def data(specification: dict[str, Any]) -> list[dict[str, Any]]:
    """Every row of every data set of a chart."""
    return [row for rows in specification["datasets"].values() for row in rows]


def rounded(value: float | None) -> str | None:
    """Without the last digits of a sum, which depend on the order that its parts are added in."""
    return None if value is None else f"{value:.12g}"


def encodings(specification: Any) -> list[dict[str, Any]]:
    found = []
    if isinstance(specification, dict):
        if "encoding" in specification:
            found.append(specification["encoding"])
        for value in specification.values():
            found += encodings(value)
    elif isinstance(specification, list):
        for value in specification:
            found += encodings(value)
    return found


@pytest.mark.parametrize("name", DRAWN)
def test_a_header_names_a_kind_of_chart_and_gives_it_columns_of_the_query(name: str) -> None:
    query = catalog.shipped().find(name)
    columns = {column.name for column in query.columns}
    for picture in query.pictures:
        required, optional = registry.KINDS[picture.kind].channels
        assert required <= set(picture.channels) <= required | optional
        assert set(picture.channels.values()) <= columns


@pytest.mark.long
@pytest.mark.parametrize("name", sorted(set(DRAWN) - NOTHING_TO_DRAW - {"um_cpu_page_faults_sum"}))
def test_a_chart_is_drawn_from_real_reports_and_carries_the_answers_numbers(
    pictures: Callable[[str], tuple[dict[str, Any], pl.DataFrame]], name: str
) -> None:
    specification, answer = pictures(name)
    shown = data(specification)
    assert shown
    assert json.loads(json.dumps(specification, allow_nan=False)) == specification
    picture = catalog.shipped().find(name).pictures[0]
    for channel, column in picture.channels.items():
        if channel not in ("x", "y", "y2", "a", "b") or not answer[column].dtype.is_numeric():
            continue
        numbers = {rounded(value) for value in answer[column].to_list()}
        # Roofs, ridges and elbows are in data of their own, without the other columns.
        of_answer = [row for row in shown if set(picture.channels.values()) <= row.keys()]
        assert of_answer
        assert {rounded(row[column]) for row in of_answer} <= numbers | {None}


@pytest.mark.long
@pytest.mark.parametrize("name", sorted(set(DRAWN) - NOTHING_TO_DRAW - {"um_cpu_page_faults_sum"}))
def test_every_axis_says_its_unit(
    pictures: Callable[[str], tuple[dict[str, Any], pl.DataFrame]], name: str
) -> None:
    specification, _ = pictures(name)
    for encoding in encodings(specification):
        for channel in ("x", "y"):
            shown = encoding.get(channel, {})
            # Places of a drawing have no axis at all.
            if shown.get("type") == "quantitative" and shown.get("axis"):
                title = shown["axis"]["title"]
                assert title.endswith(")"), title
                assert not title.endswith("()"), title


BARS = [name for name in DRAWN if catalog.shipped().find(name).pictures[0].kind == "bars"]


@pytest.mark.long
@pytest.mark.parametrize("name", sorted(set(BARS) - NOTHING_TO_DRAW - {"um_cpu_page_faults_sum"}))
def test_no_two_bars_of_a_picture_have_one_name(
    pictures: Callable[[str], tuple[dict[str, Any], pl.DataFrame]], name: str
) -> None:
    specification, _ = pictures(name)
    for named in (theme.NAME, theme.FEW):
        for rows in specification["datasets"].values():
            names = [row[named] for row in rows]
            assert len(set(names)) == len(names), [one for one in names if names.count(one) > 1]


RENDERED = (
    "kernels",
    "launches",
    "gaps",
    "durations",
    "utilisation",
    "timeline",
    "sweeps",
    "nwor_delta",
    "nwor_scv_matrix",
    "scv_delta",
    "memory_hierarchy",
    "metric_pairs",
    "step_summary",
    "nvtx_pace",
    "roofline",
    "layer_roofline",
    "speed_of_light",
    "occupancy_curves",
    "memory_chart",
    "source_hotspots",
    "job_summary",
    "rank_steps",
    "diff",
    "moved_with",
    "kernel_durations",
    "range_percentiles",
    "range_instances",
    "cpu_flame_graph",
)


def test_one_chart_of_every_kind_is_rendered() -> None:
    kinds = {
        query.pictures[0].kind for name in RENDERED for query in charts.queries_of(catalog.shipped(), name)
    }
    assert kinds == set(charts.KINDS)


def rendered(corpus: Database, name: str) -> alt.TopLevelMixin:
    query = charts.queries_of(catalog.shipped(), name)[0].name
    return corpus.chart(name, **PARAMS.get(query, {"trace": EAGER}))


@pytest.mark.long
@pytest.mark.parametrize("name", RENDERED)
def test_a_chart_becomes_svg_without_a_browser(corpus: Database, name: str) -> None:
    svg = render.to_svg(rendered(corpus, name))
    assert svg.startswith("<svg")
    assert svg.count("<path") > 5


# Pixels are made of the SVG, whatever is in it.
@pytest.mark.long
@pytest.mark.parametrize("name", ["kernels", "timeline", "sweeps", "roofline"])
def test_a_chart_becomes_png_without_a_browser(corpus: Database, name: str) -> None:
    png = render.to_png(rendered(corpus, name))
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    assert int.from_bytes(png[16:20]) > 600


@pytest.mark.long
def test_a_picture_does_not_say_how_to_move_what_is_in_it(corpus: Database) -> None:
    chart = corpus.chart("timeline", trace=EAGER)
    assert "drag to move" in render.to_json(chart)
    assert "drag to move" not in render.to_svg(chart)


@pytest.mark.long
def test_steps_are_points_that_no_line_joins(corpus: Database) -> None:
    specification = drawn(corpus, "step_summary", trace=EAGER)
    assert specification["mark"]["type"] == "point"
    assert specification["encoding"]["shape"]["field"] == "phase"


def test_hyphens_count_as_underscores_and_aliases_show_what_they_stand_for(corpus: Database) -> None:
    by_name = drawn(corpus, "top-kernels", trace=EAGER)
    assert drawn(corpus, "kernels", trace=EAGER) == by_name


@pytest.mark.long
def test_gaps_are_drawn_of_a_trace_that_never_idles_for_half_a_second(corpus: Database) -> None:
    specification = drawn(corpus, "gaps", trace=EAGER)
    every = asked(corpus, "gpu_gaps", trace=EAGER, limit=None)
    assert every["gaps"].unique().to_list() == [every.height]
    assert [row["duration_ns"] for row in data(specification)] == every["duration_ns"].head(50).to_list()
    assert f"the 50 longest of {every.height:,}" in specification["title"]["subtitle"]
    assert asked(corpus, "gpu_gaps", trace=EAGER, min_gap_ns=500_000_000).height == 0


def test_a_chart_and_the_page_ask_what_the_question_asks() -> None:
    found = catalog.shipped()
    for name, query in found.queries.items():
        defaults = {param.name: param.default for param in query.params}
        for place in (*query.sections, *query.compared):
            assert place.params == {}, name
        if query.pictures:
            assert {key: param.default for key, param in charts.params(found, name).items()} == defaults
    for alias, queries in charts.ALIASES.items():
        if len(queries) == 1:
            assert charts.params(found, alias) == charts.params(found, queries[0])


@pytest.mark.long
def test_two_panels_show_decoding_and_prefill_with_ridges_and_elbows(corpus: Database) -> None:
    specification = drawn(corpus, "sweeps")
    left, right = specification["hconcat"]
    answer = asked(corpus, "decode_sweep")
    (h200,) = answer.filter(pl.col("gpu") == "H200")["empirical_ridge_batch"].unique()
    elbows = [row for row in data(specification) if row.get("kind") == "fitted elbow"]
    assert h200 in [row.get("batch_size") for row in elbows if row["gpu"] == "H200"]
    for panel, ridge in ((left, "ridge_batch"), (right, "ridge_tokens")):
        rules, curves, points = panel["layer"]
        assert rules["mark"]["strokeDash"]
        assert rules["encoding"]["x"]["field"] == ridge
        assert (curves["mark"]["type"], points["mark"]["type"]) == ("line", "point")
        assert curves["encoding"]["x"]["scale"]["type"] == "log"
    by_eye = [row["input_len"] for row in data(specification) if row.get("kind") == "elbow read by eye"]
    # As the lab prints them: H200 and A100 at 512, H100 and L40S at 1,024 tokens.
    assert sorted(by_eye) == [512, 512, 1024, 1024]


def curves_of(panel: dict[str, Any], rows: list[dict[str, Any]], x: str, y: str) -> dict[str, list[float]]:
    """What each line of a sweep joins: its name in the legend, and the heights of its points from left to right."""
    rules, lines, marks = panel["layer"]
    (field,) = {layer["encoding"]["color"]["field"] for layer in (rules, lines, marks)}
    assert "detail" not in lines["encoding"]
    found: dict[str, list[float]] = {}
    for row in sorted((row for row in rows if "config" in row), key=lambda row: row[x]):
        found.setdefault(row[field], []).append(row[y])
    return found


def test_processes_of_one_pid_have_lines_of_their_own() -> None:
    made = Recording()
    for process, length in ((1, 10), (TWIN, 30)):
        for number in range(3):
            made.range("step", 100 * number, 100 * number + length, pid=process)
        for number in range(2):
            made.allocated(100 * number, length, 64 * number, pid=process)
    db = made.database("a")
    pace = data(db.chart("nvtx_pace", range="step").to_dict())
    assert {(row["line·number"], row["duration_ns"]) for row in pace} == {(0, 10), (1, 30)}
    used = db.chart("memory_over_time", parts=4).to_dict()
    assert "line·number" in {one["field"] for one in used["encoding"]["detail"]}
    assert {(row["line·number"], row["in_use_bytes"]) for row in data(used) if row["time_ns"] == 78} == {
        (0, 20),
        (1, 60),
    }
    # One process is one line.
    alone = (
        Recording().range("step", 0, 10).range("step", 20, 30).database("a").chart("nvtx_pace", range="step")
    )
    assert "line·number" not in data(alone.to_dict())[0]


@pytest.mark.long
def test_models_and_sweeps_of_one_gpu_are_lines_of_their_own() -> None:
    db = empty()
    times = {"8b": (5.8, 5.9, 6.4, 29), "70b": (40, 42, 60, 150)}
    points = [
        {"gpu": "H200", "model": model, "input_len": 128, "batch": 4**n, "ms_per_token": ms}
        for model, each in times.items()
        for n, ms in enumerate(each)
    ]
    Runs(*points).store(db, "first")
    picture = db.chart("decode_sweep").to_dict()
    # What all of them have is not in the name.
    assert curves_of(picture, data(picture), "batch_size", "ms_per_token") == {
        f"H200, model={model}": list(each) for model, each in times.items()
    }
    bends = {row["curve"]: row["gpu"] for row in data(picture) if row.get("kind") == "fitted elbow"}
    assert bends == {"H200, model=8b": "H200", "H200, model=70b": "H200"}
    # A second sweep of one of them; then one of another GPU, and one of none.
    Runs(*points[:4]).store(db, "second")
    Runs({"gpu": "L4", "batch": 1, "ms_per_token": 70}, {"batch": 1, "ms_per_token": 80}).store(db, "third")
    picture = db.chart("decode_sweep").to_dict()
    assert curves_of(picture, data(picture), "batch_size", "ms_per_token") == {
        "first: H200, input_len=128, model=8b": list(times["8b"]),
        "first: H200, input_len=128, model=70b": list(times["70b"]),
        "second: H200, input_len=128, model=8b": list(times["8b"]),
        "third: L4": [70],
        "third: no GPU": [80],
    }


def test_what_tells_two_curves_apart_stands_in_all_names() -> None:
    db = empty()
    Runs({"gpu": "H200", "batch": 1, "ms_per_token": 5}).store(db, "old")
    Runs(*({"gpu": "H200", "batch": 1, "model": name, "ms_per_token": 6} for name in ("8b", "70b"))).store(
        db, "new"
    )
    picture = db.chart("decode_sweep").to_dict()
    # Without the sweep, the first would seem to be of any.
    assert curves_of(picture, data(picture), "batch_size", "ms_per_token") == {
        "new: H200, model=70b": [6],
        "new: H200, model=8b": [6],
        "old: H200": [5],
    }


def test_points_over_the_peak_are_crossed_and_elbows_by_eye_stand_on_their_own_curve() -> None:
    db = empty()
    lab = [(64, 6.92), (512, 7.47), (1024, 8.56), (4096, 12.14)]
    mine = [(64, 16), (512, 16), (1024, 27), (4096, 105)]
    Runs(
        *({"gpu": "H200", "input_len": n, "ms": ms} for n, ms in lab),
        {"gpu": "H200", "elbow_by_eye_tokens": 512},
    ).store(db, "lab")
    Runs(*({"gpu": "H200", "input_len": n, "ms": ms} for n, ms in mine)).store(db, "mine")
    picture = db.chart("prefill_sweep").to_dict()
    assert curves_of(picture, data(picture), "input_len", "ms") == {
        f"{name}: H200": [ms for _, ms in points] for name, points in (("lab", lab), ("mine", mine))
    }
    marks = {
        kind: {(row["curve"], row["input_len"]) for row in data(picture) if row.get("kind") == kind}
        for kind in ("elbow read by eye", "faster than the hardware")
    }
    # 13.96 GFLOP a token: 1,024 take 14.4 ms of an H200 at least, 4,096 take 57.8.
    assert marks == {
        "elbow read by eye": {("lab: H200", 512)},
        "faster than the hardware": {("lab: H200", 1024), ("lab: H200", 4096)},
    }
    (shape,) = [layer["encoding"]["shape"] for layer in picture["layer"] if "shape" in layer["encoding"]]
    assert "faster than the hardware" in shape["scale"]["domain"]
    assert len(set(shape["scale"]["range"])) == len(shape["scale"]["domain"])


def test_bars_of_one_name_say_of_which_kernel_and_level_they_are() -> None:
    answer = pl.DataFrame(
        {"kernel": ["k", "l"], "level": ["L2", "DRAM"], "operation": ["read", "read"], "bytes": [1, 2]}
    )
    chart = comparisons.bars(answer, x="operation", y="bytes", part="level", group="kernel").to_dict()
    (rows,) = chart["datasets"].values()
    assert [row[theme.NAME] for row in rows] == ["DRAM read (l)", "L2 read (k)"]


def test_the_percentage_stands_at_each_pair_of_bars() -> None:
    answer = pl.DataFrame(
        {
            "measure": ["dram_write_bytes", "kernels", "dram_read_bytes", "l2_read_sectors"],
            "baseline": [200.0, 4.0, None, 0.0],
            "variant": [150.0, 8.0, 10.0, 5.0],
        }
    )
    chart = comparisons.paired_bars(answer, x="measure", y="baseline", y2="variant")
    rows = data(chart.to_dict())
    assert [row["change_pct"] for row in rows] == [-25.0, 100.0, None, None]
    assert [row["second_pct"] for row in rows] == [75.0, 200.0, None, None]
    texts = [row[theme.VALUE] for row in rows]
    assert texts[0] == "200 B → 150 B   -25.0 %"
    assert texts[1] == "4 → 8   +100.0 %"
    # What was not measured is not zero, and nothing is a percentage of nothing.
    assert texts[2] == "not measured → 10 B"
    assert texts[3] == "0 sectors → 5 sectors"


@pytest.mark.long
def test_where_no_kernel_ran_the_chart_says_so_and_not_that_it_was_not_measured(corpus: Database) -> None:
    texts = {}
    for other in ("step/kv_write", "step/nwor_commit"):
        exclude = ["step/flush_l2", other]
        rows = data(drawn(corpus, "nwor_delta", baseline=BASELINE, variant=VARIANT, exclude=exclude))
        texts |= {r["path"]: r[theme.VALUE] for r in rows if r["measure"] == "dram_write_bytes"}
    assert texts["step/kv_write"] == "60.45 MB → no kernel there"
    assert texts["step/nwor_commit"] == "no kernel there → 32.06 MB"


def test_all_four_modes_are_drawn_as_shares_of_the_first() -> None:
    answer = pl.DataFrame(
        {
            "measure": ["dram_write_bytes", "launches", "syncs"],
            "a": [200.0, 0.0, None],
            "b": [150.0, 4.0, None],
            "c": [None, 5.0, None],
            "d": [300.0, 6.0, None],
        },
        schema_overrides=dict.fromkeys("abcd", pl.Float64),
    )
    chart = comparisons.grouped_bars(answer, x="measure", y="a", y2="b", y3="c", y4="d")
    rows = [row for row in data(chart.to_dict()) if row["side"]]
    assert [row["share_pct"] for row in rows] == [100.0, 75.0, None, 150.0, None, None, None, None]
    assert [row[theme.VALUE] for row in rows[:4]] == [
        "200 B",
        "150 B (-25.0 %)",
        "not known",
        "300 B (+50.0 %)",
    ]
    assert [row[theme.VALUE] for row in rows[4:]] == ["0", "4", "5", "6"]
    assert chart.title.subtitle == ["1 known on no side is not shown"]


@pytest.mark.long
def test_a_bar_of_parts_is_as_long_as_they_are_together_and_says_so(corpus: Database) -> None:
    chart = drawn(corpus, "job_summary", trace="nccl_two_gpus.sqlite.xz")
    ranks = asked(corpus, "job_summary", trace="nccl_two_gpus.sqlite.xz").to_dicts()
    rows = data(chart)
    for row, rank in zip(rows, ranks, strict=True):
        parts = [row[part] for part in ("work_ns", "waiting_ns", "idle_ns")]
        assert all(part > 0 for part in parts) and sum(parts) == rank["span_ns"]
        assert row[theme.VALUE] == units.text("span_ns", rank["span_ns"])
    bars, *_ = chart["layer"]
    folded, *_ = bars["transform"]
    assert folded["fold"] == ["work_ns", "waiting_ns", "idle_ns"]
    assert bars["encoding"]["color"]["sort"] == ["Work", "Waiting", "Idle"]


def _ticks(chart: dict[str, Any]) -> list[int]:
    """Where the axis has labels; its line ends at the last one."""
    axes = [one["x"]["axis"] for one in encodings(chart) if one.get("x", {}).get("axis")]
    ends = [one["x2"]["datum"] for one in encodings(chart) if "x2" in one]
    assert all(axis["values"] == axes[0]["values"] and axis["domain"] is False for axis in axes)
    ticks: list[int] = axes[0]["values"]
    assert ends == ticks[-1:]
    return ticks


def test_shares_stand_side_by_side_below_their_name() -> None:
    answer = pl.DataFrame({"kernel": ["add", None], "compute_pct": [80.0, None], "memory_pct": [20.0, 150.0]})
    chart = comparisons.share_bars(answer, x="kernel", y="compute_pct", y2="memory_pct").to_dict()
    rows = data(chart)
    assert [row[theme.NAME] for row in rows if not row["side"]] == ["add", "(none)"]
    bars = [(row["side"], row["end_pct"], row[theme.VALUE]) for row in rows if row["side"]]
    assert bars == [
        ("Compute", 80, "80 %"),
        ("Memory", 20, "20 %"),
        ("Compute", 0, "not known"),
        ("Memory", 150, "150 %"),
    ]
    assert _ticks(chart) == [0, 25, 50, 75, 100, 125, 150]
    within = comparisons.share_bars(answer.head(1), x="kernel", y="compute_pct", y2="memory_pct").to_dict()
    assert _ticks(within) == [0, 25, 50, 75, 100]
    with pytest.raises(QueryError, match="compute_pct was not measured"):
        comparisons.share_bars(answer.with_columns(compute_pct=None), x="kernel", y="compute_pct")


def test_parts_stand_below_the_name_of_what_they_are_parts_of() -> None:
    answer = pl.DataFrame(
        {
            "kernel": [*("add" for _ in range(4)), *(f"k{n}" for n in range(13))],
            "kernel_id": [1, 1, 2, 2, *range(3, 16)],
            "state": ["wait", "drain", "wait", "misc", *("wait" for _ in range(13))],
            "share_pct": [60.0, 30.0, 50.0, None, *(10.0 for _ in range(13))],
        }
    )
    chart = comparisons.share_bars(answer, x="kernel", y="share_pct", part="state", group="kernel_id")
    rows = data(chart.to_dict())
    titles = [row[theme.NAME] for row in rows if not row["side"]]
    assert titles == ["add", "add", *(f"k{n}" for n in range(10))]
    assert [row[theme.VALUE] for row in rows if row["side"]][:4] == [
        "wait  60 %",
        "drain  30 %",
        "wait  50 %",
        "wait  10 %",
    ]
    assert chart.title.subtitle == ["the 12 first of 15"]


def _layers(chart: Any) -> list[tuple[Any, list[dict[str, Any]]]]:
    """The mark of each layer, and the rows that are its data."""
    specification = chart.to_dict()
    return [
        (layer["mark"], specification["datasets"][layer["data"]["name"]]) for layer in specification["layer"]
    ]


def _way(source: str, target: str | None, **known: float) -> dict[str, Any]:
    row = {"group_name": "k", "source": source, "target": target, "lacks": None}
    return {**row, **dict.fromkeys(("requests", "bytes", "hit_rate_pct", "throughput_pct")), **known}


MAP = {
    "source": "source",
    "target": "target",
    "requests": "requests",
    "bytes": "bytes",
    "hits": "hit_rate_pct",
    "share": "throughput_pct",
    "group": "group_name",
    "lacks": "lacks",
}


def test_the_memory_chart_draws_nothing_as_a_thin_line_and_what_is_not_known_as_a_broken_one() -> None:
    rows = pl.DataFrame(
        [
            _way("L2", None, hit_rate_pct=60.0, throughput_pct=30.0),
            _way("L2", "L1", requests=22_413_312.0, bytes=2_000_000, throughput_pct=12.5),
            _way("L1", "L2", requests=0.0, bytes=0),
            _way("DRAM", "L2", bytes=1_000_000),
            _way("constant", None, hit_rate_pct=90.0),
            _way("constant", "kernel", requests=557_056.0),
            _way("compression", None, bytes=4_000_000, hit_rate_pct=15.0),
        ],
        infer_schema_length=None,
    )
    drawn = counters.memory_map(rows, **MAP)
    data = {frozenset(rows[0]): rows for _, rows in _layers(drawn)}
    arrows = {row["way"]: row for row in next(rows for keys, rows in data.items() if "way" in keys)}
    assert arrows["L2 cache → L1/TEX cache"]["said"] == "2 MB, 22.4 M req., 12.5 %"
    assert arrows["L1/TEX cache → L2 cache"]["said"] == "0 B, 0 req."
    assert arrows["L2 cache → Device memory"]["said"] == "?"
    assert [
        arrows[f"{a} → {b}"]["known"]
        for a, b in (("L2 cache", "Device memory"), ("Device memory", "L2 cache"))
    ] == [
        False,
        True,
    ]
    widths = [
        arrows[way]["width"]
        for way in ("L2 cache → L1/TEX cache", "Device memory → L2 cache", "L1/TEX cache → L2 cache")
    ]
    assert widths == [7.2, 4.2, 1.2]
    words = [row["text"] for row in next(rows for keys, rows in data.items() if "side" in keys)]
    assert "60 % hit, 30 % of peak" in words
    assert "constants: 557 k req., 90 % hit" in words
    assert "compressed: 15 % of 4 MB" in words
    assert drawn.title.subtitle == ["k", "?: not recorded"]


def test_the_memory_chart_draws_the_first_group_and_says_how_many_there_are() -> None:
    rows = [_way("DRAM", "L2", bytes=5), {**_way("DRAM", "L2", bytes=7), "group_name": "other"}]
    drawn = counters.memory_map(pl.DataFrame(rows, infer_schema_length=None), **MAP)
    assert drawn.title.subtitle[:2] == ["k", "1 other is not drawn"]
    with pytest.raises(QueryError, match="nothing was counted on any way"):
        counters.memory_map(pl.DataFrame([_way("DRAM", "L2")], infer_schema_length=None), **MAP)


def test_a_curve_of_occupancy_has_a_level_for_each_step_and_a_ring_where_the_launch_is() -> None:
    step = {"kernel": "k", "gpu_ns": 5, "parameter": "registers_per_thread", "at": 40}
    rows = pl.DataFrame(
        [
            {**step, "first": 1, "last": 32, "warps": 64, "limiter": "warps"},
            {**step, "first": 33, "last": 255, "warps": 48, "limiter": "registers"},
            {**step, "kernel": "l", "first": 1, "last": 255, "warps": 8, "limiter": "blocks"},
        ]
    )
    channels = {"x": "first", "x2": "last", "y": "warps", "panel": "parameter", "color": "limiter"}
    drawn = counters.occupancy_steps(rows, **channels, mark="at", kernel="kernel")
    (data,) = drawn.to_dict()["datasets"].values()
    assert [(row["first"], row["end"], row["warps"]) for row in data] == [(1, 33, 64), (33, 256, 48)]
    called, carve_out, others = drawn.title.subtitle
    assert (called, others) == ("k; the ring is its launch", "1 other launch is not drawn")
    assert "stays as it was set for the launch" in carve_out
    with pytest.raises(QueryError, match="to compute with"):
        unknown = rows.head(1).with_columns(pl.lit(None, pl.String).alias("parameter"))
        counters.occupancy_steps(unknown, **channels, mark="at", kernel="kernel")


MOVED = {
    "group": "group",
    "before": "baseline_ns",
    "after": "variant_ns",
    "time": "time_delta_pct",
    "measure": "measure",
    "meaning": "meaning",
    "change": "delta_pct",
    "share": "explained_pct",
    "finding": "finding",
}


def _moved(group: str | None, measure: str, explained: float | None, finding: str | None) -> dict[str, Any]:
    return {
        "group": group,
        "baseline_ns": 4000.0,
        "variant_ns": 2000.0,
        "time_delta_pct": -50.0,
        "measure": measure,
        "meaning": None if measure == "asked.sum" else measure,
        "delta_pct": -42.5,
        "explained_pct": explained,
        "finding": finding,
    }


def test_what_moved_with_the_time_has_a_bar_below_the_change_of_time_that_it_makes_up() -> None:
    answer = pl.DataFrame(
        [
            _moved(None, "DRAM bytes", 80.0, "with the time"),
            _moved(None, "asked.sum", 552.0, "more"),
            _moved(None, "warps", -137.0, "against it"),
            _moved(None, "instructions", 1.0, None),
            _moved("", "launches", 30.0, "in part"),
            _moved("add", "cycles", None, None),
        ],
        infer_schema_length=None,
    )
    drawn = changes.moved_bars(answer, **MOVED).to_dict()
    rows = data(drawn)
    texts = sorted(
        (row[theme.ROW], row[theme.NAME], row[theme.VALUE])
        for row in rows
        if theme.HEAD in row and "end" not in row
    )
    assert texts == [
        (0, "All together: 4 µs → 2 µs", "-50.0 %"),
        (1, "DRAM bytes -42.5 %", "80 %"),
        (3, "asked.sum -42.5 %", "552 %"),
        (5, "warps -42.5 %", "-137 %"),
        (7, "Outside any range: 4 µs → 2 µs", "-50.0 %"),
        (8, "launches -42.5 %", "30 %"),
    ]
    bars = sorted((row[theme.ROW], row["end"], row["moved"]) for row in rows if "end" in row)
    assert bars == [
        (2, 80, "with the time"),
        (4, 200, "more"),
        (6, -100, "against it"),
        (9, 30, "in part"),
    ]
    assert drawn["title"]["subtitle"] == ["bars end at -100 and 200 %"]


def test_where_nothing_moved_with_the_time_the_chart_says_so() -> None:
    answer = pl.DataFrame([_moved(None, "warps", 1.0, None)], infer_schema_length=None)
    with pytest.raises(QueryError, match="no counter moved with the time"):
        changes.moved_bars(answer, **MOVED)


def _hot(kernel: str, samples: int | None, states: dict[str, int], **known: Any) -> dict[str, Any]:
    texts = ("sass", "file", "text")
    numbers = ("launch", "offset", "address", "line")
    row = dict.fromkeys((*texts, *numbers)) | {"kernel": kernel, "samples": samples, "share_pct": 12.5}
    return {**row, "states": [{"key": key, "value": value} for key, value in states.items()], **known}


def _hot_chart(*rows: dict[str, Any]) -> dict[str, Any]:
    names = ("samples", "states", "launch", "sass", "offset", "address", "file", "line", "text")
    answer = pl.DataFrame(rows, infer_schema_length=None)
    channels = {name: name for name in names} | {"share": "share_pct", "group": "kernel"}
    drawn: dict[str, Any] = hotspots.state_bars(answer, **channels).to_dict()
    return drawn


def test_a_place_in_the_code_has_a_bar_of_its_samples_in_parts_by_state() -> None:
    drawn = _hot_chart(
        _hot("gemm", 30, {"wait": 20, "barrier": 10}, offset=240, sass="FFMA R2", file="/src/k.cu", line=47),
        _hot("gemm", 10, {"barrier": 10}, address=4096, launch=None),
        _hot("gemm", 0, {}, offset=256),
        _hot("add", 5, {"wait": 5}, file="C:\\src\\k.cu", line=3, text="  x *= x;"),
        _hot("nop", None, {}),
    )
    rows = data(drawn)
    texts = [(row[theme.NAME], row[theme.VALUE]) for row in rows if theme.HEAD in row]
    # Panels and their data are in no order of their own.
    assert sorted(texts) == sorted(
        [
            ("gemm", ""),
            ("k.cu:47  +0xf0  FFMA R2", "30 (12 %)"),
            ("0x1000", "10 (12 %)"),
            ("add", ""),
            ("k.cu:3  x *= x;", "5 (12 %)"),
        ]
    )
    bars = [(row[theme.NAME], row["state"], row["start"], row["end"]) for row in rows if "state" in row]
    # The one that most of the drawn samples are in begins; kernels count alike.
    assert sorted(bars) == sorted(
        [
            ("k.cu:47  +0xf0  FFMA R2", "wait", 0, 20),
            ("k.cu:47  +0xf0  FFMA R2", "barrier", 20, 30),
            ("0x1000", "barrier", 0, 10),
            ("k.cu:3  x *= x;", "wait", 0, 5),
        ]
    )
    assert len(drawn["vconcat"]) == 2


def test_states_that_there_is_no_colour_for_are_drawn_as_one_and_what_is_left_out_is_said() -> None:
    many = {f"s{n}": 20 - n for n in range(9)}
    drawn = _hot_chart(
        *(_hot("gemm", sum(many.values()), many, offset=16 * n) for n in range(21)),
        *(_hot(f"k{n}", 1, {"s0": 1}, launch=n) for n in range(5)),
    )
    bars = [row for row in data(drawn) if "state" in row and row[theme.NAME] == "+0x0"]
    assert [row["state"] for row in bars] == ["s0", "s1", "s2", "s3", "s4", "s5", "other states"]
    assert (bars[-1]["start"], bars[-1]["end"]) == (sum(range(15, 21)), sum(range(12, 21)))
    assert drawn["title"]["subtitle"] == [
        "the 5 kernels of most samples of 6",
        "the 20 first places of each",
    ]
    assert "k0 (launch 0)" in {row[theme.NAME] for row in data(drawn)}


def test_a_line_that_is_not_known_and_code_that_no_warp_was_sampled_at_are_said() -> None:
    drawn = _hot_chart(_hot("gemm", 3, {"wait": 3}))
    assert "without a source line" in {row[theme.NAME] for row in data(drawn)}
    with pytest.raises(QueryError, match="no warp was sampled") as caught:
        _hot_chart(_hot("gemm", 0, {}), _hot("add", None, {}))
    assert "SourceCounters" in caught.value.remedy


def test_a_dumbbell_has_a_panel_for_each_unit_and_the_largest_differences_first() -> None:
    rows = [("kernel", None, f"k{n}", "total_ns", 10.0, 10.0 + n) for n in range(30)]
    rows += [("kernel", None, "k1", "launches", 4.0, 6.0), ("range", "a/b", None, "launches", 9.0, 2.0)]
    rows += [("kernel", None, "new", "launches", None, 6.0)]
    columns = ["topic", "place", "name", "measure", "a", "b"]
    answer = pl.DataFrame(rows, schema=columns, orient="row", infer_schema_length=None)
    chart = comparisons.dumbbell(
        answer, y="name", a="a", b="b", measure="measure", topic="topic", place="place"
    )
    times, counts = (panel.data for panel in chart.vconcat)
    assert times["name"].to_list()[:2] == ["k29", "k28"]
    assert counts[theme.NAME].to_list() == ["a/b · Launches (range)", "k1 · Launches (kernel)"]
    assert counts[theme.VALUE].to_list() == ["9 → 2", "4 → 6"]
    assert chart.title.subtitle == ["the 14 largest differences of 31"]


def test_no_line_joins_instances_of_two_threads_domains_or_devices() -> None:
    answer = pl.DataFrame(
        {
            "pid": [1] * 6,
            "tid": [10, 10, 11, 11, 11, 11],
            "domain": ["", "", "", "", "NCCL", "NCCL"],
            "device_id": [0, 0, 0, 0, 0, 1],
            "instance": [0, 1, 0, 1, 0, 0],
            "duration_ns": [5, 6, 50, 60, 500, 600],
        }
    )
    specification = timelines.lines(answer, x="instance", y="duration_ns", color="pid").to_dict()
    encoding = specification["encoding"]
    keys = [encoding["color"]["field"], *(one["field"] for one in encoding["detail"])]
    lines: dict[tuple[Any, ...], list[int]] = {}
    for row in data(specification):
        lines.setdefault(tuple(row[key] for key in keys), []).append(row["duration_ns"])
    assert list(lines.values()) == [[5, 6], [50, 60], [500], [600]]


def test_a_line_is_in_the_unit_that_the_answer_says_and_of_one_launch() -> None:
    answer = pl.DataFrame(
        {"kernel_id": [1, 1, 2, 2], "time_ns": [0, 1, 0, 1], "value": [5, 6, 50, 60], "unit": ["%"] * 4}
    )
    drawn = timelines.lines(answer, x="time_ns", y="value", apart="kernel_id", y_unit="unit").to_dict()
    assert drawn["encoding"]["y"]["axis"]["title"] == "Value (%)"
    assert [one["field"] for one in drawn["encoding"]["detail"]] == ["kernel_id"]


def test_launches_that_are_drawn_apart_have_a_panel_each_and_are_named() -> None:
    answer = pl.DataFrame(
        {
            "kernel": ["add", "add", *(f"k{n}" for n in range(6))],
            "kernel_id": [1, 1, *range(2, 8)],
            "time_ns": [0, 1, *(0 for _ in range(6))],
            "value": [5.0] * 8,
            "counter": ["dram__bytes.sum", "lts__sectors.sum", *("dram__bytes.sum" for _ in range(6))],
            "unit": ["%"] * 8,
        }
    )
    channels = {"x": "time_ns", "y": "value", "color": "counter", "apart": "kernel_id", "panel": "kernel"}
    one = timelines.lines(answer.head(2), **channels, y_unit="unit")
    # What all names end in is said once, so that the legend has room for the rest.
    assert one.title.subtitle == ["add", "all of them .sum"]
    assert {row["counter"] for row in data(one.to_dict())} == {"dram__bytes", "lts__sectors"}
    several = timelines.lines(answer, **channels, y_unit="unit").to_dict()
    assert [panel["title"]["text"][0] for panel in several["vconcat"]] == ["add", "k0", "k1", "k2", "k3"]
    assert several["title"]["subtitle"] == ["the 5 first of 7"]


def test_long_names_in_a_legend_have_a_line_each() -> None:
    answer = pl.DataFrame({"time_ns": [0, 0], "value": [1.0, 2.0], "counter": ["a", "b" * 40]})
    long, short = (
        timelines.lines(rows, x="time_ns", y="value", color="counter").to_dict()["encoding"]["color"]
        for rows in (answer, answer.head(1))
    )
    assert long["legend"]["columns"] == 1
    assert "columns" not in short["legend"]


def test_many_points_of_a_line_are_thinned_to_their_extremes() -> None:
    values = [5] * 20_000
    values[7_777] = 900
    values[12_345] = 1
    answer = pl.DataFrame({"instance": range(20_000), "duration_ns": values})
    shown = data(timelines.lines(answer, x="instance", y="duration_ns").to_dict())
    assert len(shown) <= 2_000
    assert {(7_777, 900), (12_345, 1)} <= {(row["instance"], row["duration_ns"]) for row in shown}


def test_what_is_too_much_for_one_picture_is_refused_with_a_remedy(corpus: Database) -> None:
    with pytest.raises(QueryError, match="traces are too many for one picture") as refused:
        drawn(corpus, "top_kernels")
    assert "--trace" in refused.value.remedy
    with pytest.raises(QueryError, match="rows are too many"):
        drawn(corpus, "metric", metric="%", trace=BASELINE)


def test_nothing_to_draw_is_said_not_drawn(corpus: Database) -> None:
    with pytest.raises(QueryError, match="nothing to draw"):
        drawn(corpus, "gpu_gaps", trace=EAGER, min_gap_ns=10**15)


def test_an_unknown_chart_and_a_query_without_one_are_errors(corpus: Database) -> None:
    with pytest.raises(UnknownQueryError, match="no chart is called"):
        corpus.chart("rooflin")
    with pytest.raises(UnknownQueryError, match="has no chart"):
        corpus.chart("coverage")
    with pytest.raises(QueryError, match="no parameter 'tarce'"):
        corpus.chart("sweeps", tarce=EAGER)


# --- rooflines ------------------------------------------------------------------------------------------

WORK = pl.DataFrame(
    {
        "trace": ["t"] * 4,
        "layer_kind": ["mlp", "mlp", "mlp", "attention"],
        "phase": ["prefill"] * 4,
        "seq_len": [1024, 256, 512, None],
        "gpu_ns": [40, 10, 20, 5],
        "dram_flop_per_byte": [400.0, 100.0, 200.0, 0.0],
        "flop_per_s": [8e14, 4e14, 6e14, 0.0],
    }
)
ROOFS = pl.DataFrame(
    [
        ("t", "compute", "bf16", "datasheet", None, 989e12, None),
        ("t", "compute", "bf16", "profiled", None, 900e12, None),
        ("t", "memory", "dram", "datasheet", None, None, 4.8e12),
        ("t", "memory", "dram", "profiled", None, None, 4.5e12),
        ("t", "memory", "l2", "profiled", "l1tex__m_xbar2l1tex_read_bytes.sum", None, 9e12),
    ],
    schema=["trace", "kind", "name", "source", "metric", "flop_per_s", "bytes_per_s"],
    orient="row",
)
CHANNELS = {"x": "dram_flop_per_byte", "y": "flop_per_s", "size": "gpu_ns", "color": "layer_kind"}


def roofline(roofs: pl.DataFrame = ROOFS, work: pl.DataFrame = WORK) -> dict[str, Any]:
    chart = charts.KINDS["roofline"].draw(work, roofs, shape="phase", trail="seq_len", **CHANNELS)
    return chart.to_dict()


def test_a_roof_of_memory_rises_with_its_bandwidth_until_it_meets_the_highest_peak() -> None:
    ends = [row for row in data(roofline()) if row.get("place") in ("dram", "l2")]
    for row in ends:
        rate = {
            "DRAM profiled": 4.5e12,
            "DRAM datasheet": 4.8e12,
            "L2 profiled l1tex__m_xbar2l1tex_read_bytes": 9e12,
        }[row["roof"]]
        assert row["flop_per_s"] == pytest.approx(rate * row["dram_flop_per_byte"])
        assert row["flop_per_s"] <= 989e12 * 1.000001
    assert max(row["flop_per_s"] for row in ends) == pytest.approx(989e12)


def test_a_roof_that_ends_left_of_all_points_is_not_drawn() -> None:
    # It meets 989 TFLOP/s at 9.9 FLOP/byte, and the axis begins at 10.
    fast = ROOFS.tail(1).with_columns(name=pl.lit("l1"), source=pl.lit("derived"), bytes_per_s=1e14)
    drawn_roofs = {row["place"] for row in data(roofline(pl.concat([ROOFS, fast]))) if "place" in row}
    assert drawn_roofs == {"compute", "dram", "l2"}


def test_a_ridge_point_is_peak_over_bandwidth_and_labelled() -> None:
    (ridge,) = [row for row in data(roofline()) if set(row) == {"dram_flop_per_byte", "flop_per_s", "label"}]
    # 900 TFLOP/s ÷ 4.5 TB/s; by the datasheet it would be 206.
    assert ridge == {"dram_flop_per_byte": 200.0, "flop_per_s": 900e12, "label": "200 FLOP/byte"}


def test_labels_of_memory_move_to_the_edge_where_the_chart_is_narrow() -> None:
    texts = [e for e in encodings(roofline()) if "condition" in e.get("text", {})]
    narrow, wide = (
        [e["x"] for e in texts if e["text"]["condition"]["test"] == f"(width < 400) === {is_narrow}"]
        for is_narrow in ("true", "false")
    )
    assert narrow == [{"value": 4}] * 2
    # The label of the L2 is longer than what is left of its end.
    assert wide[0]["field"] == "dram_flop_per_byte" and wide[1] == {"value": 4}
    assert {e["text"]["value"] for e in texts} == {""}


@pytest.mark.long
def test_roofs_of_each_source_are_drawn_apart_and_one_of_them_is_labelled() -> None:
    lines = {(row["roof"], row["label"]): row for row in data(roofline()) if row.get("roof")}
    assert {row["source"] for row in lines.values()} == {"peak at the clocks of the run", "datasheet"}
    assert ("bf16 profiled", "bf16 900 TFLOP/s") in lines
    assert not [label for roof, label in lines if roof == "bf16 datasheet" and label]
    dashes = [e["strokeDash"] for e in encodings(roofline()) if "strokeDash" in e]
    assert len({tuple(pattern) for pattern in dashes[0]["scale"]["range"]}) == 2
    published = roofline(ROOFS.filter(pl.col("source") == "datasheet"))
    assert {row["label"] for row in data(published) if row.get("roof")} >= {
        "bf16 989 TFLOP/s",
        "DRAM 4.8 TB/s",
    }


def test_work_without_flop_is_left_out_of_logarithmic_axes_and_counted() -> None:
    specification = roofline()
    points = [row for row in data(specification) if row.get("gpu_ns·text")]
    assert {row["dram_flop_per_byte"] for row in points} == {100.0, 200.0, 400.0}
    assert specification["title"]["subtitle"][0] == "1 without FLOP or DRAM traffic is not shown"


def test_points_of_work_that_was_counted_in_part_are_hollow() -> None:
    part = WORK.with_columns(at_least=pl.Series([False, True, None, False]))
    specification = charts.KINDS["roofline"].draw(part, ROOFS, hollow="at_least", **CHANNELS).to_dict()
    marks = {
        layer["mark"]["filled"]: {row["seq_len"] for row in specification["datasets"][layer["data"]["name"]]}
        for layer in specification["layer"]
        if layer["mark"]["type"] == "point" and "size" in layer["encoding"]
    }
    assert marks == {True: {1024, 512}, False: {256}}
    assert specification["title"]["subtitle"][1] == "hollow: at least so much, for not all was counted"


def test_traces_are_not_told_apart_by_dashes_where_each_trail_is_of_one() -> None:
    work = WORK.with_columns(
        trace=pl.Series(["t", "t", "u", "u"]),
        layer_kind=pl.Series(["mlp", "mlp", "attention", "attention"]),
        dram_flop_per_byte=pl.Series([400.0, 100.0, 200.0, 50.0]),
        flop_per_s=pl.Series([8e14, 4e14, 6e14, 2e14]),
        seq_len=pl.Series([1024, 256, 512, 128]),
    )

    def trail(drawn: pl.DataFrame) -> dict[str, Any]:
        (found,) = [e for e in encodings(roofline(work=drawn)) if "order" in e]
        return found

    assert "strokeDash" not in trail(work)
    assert trail(work.with_columns(layer_kind=pl.lit("mlp")))["strokeDash"]["field"] == "trace"


def test_useful_flop_are_drawn_solid_and_the_executed_ones_hollow_above_them() -> None:
    # Of the second no useful FLOP are known.
    known = WORK.with_columns(ratio=pl.Series([2.0, None, 4.0, None]))
    specification = charts.KINDS["roofline"].draw(known, ROOFS, useful="ratio", **CHANNELS).to_dict()
    drawn = {
        layer["mark"]["filled"]: {
            row["seq_len"]: (row["dram_flop_per_byte"], row["flop_per_s"])
            for row in specification["datasets"][layer["data"]["name"]]
        }
        for layer in specification["layer"]
        if layer["mark"]["type"] == "point" and "size" in layer["encoding"]
    }
    executed = {row["seq_len"]: (row["dram_flop_per_byte"], row["flop_per_s"]) for row in WORK[:3].to_dicts()}
    assert drawn[False] == executed
    assert drawn[True] == {
        row["seq_len"]: (row["dram_flop_per_byte"] / row["ratio"], row["flop_per_s"] / row["ratio"])
        for row in known.drop_nulls("ratio").to_dicts()
    }
    said = str(specification["title"]["subtitle"])
    assert "solid: the useful FLOP; hollow: those executed" in said
    assert "hollow alone" not in said


def test_trails_of_which_no_useful_flop_are_known_are_of_the_executed_ones() -> None:
    work = WORK[:3].with_columns(
        layer_kind=pl.Series(["mlp", "norm", "mlp"]), ratio=pl.Series([2.0, None, None])
    )
    specification = (
        charts.KINDS["roofline"].draw(work, ROOFS, useful="ratio", trail="seq_len", **CHANNELS).to_dict()
    )
    (trail,) = [layer for layer in specification["layer"] if "order" in layer["encoding"]]
    points = {
        (row["layer_kind"], row["seq_len"]): row["flop_per_s"]
        for row in specification["datasets"][trail["data"]["name"]]
    }
    first, norm, _ = work.rows(named=True)
    # The second of the MLP is known only as executed, and is no point of a trail of useful FLOP.
    assert points == {
        ("mlp", first["seq_len"]): first["flop_per_s"] / 2,
        ("norm", norm["seq_len"]): norm["flop_per_s"],
    }
    assert "hollow alone: the useful FLOP are not known" in str(specification["title"]["subtitle"])


@pytest.mark.long
def test_points_without_a_phase_have_the_shape_of_their_colour() -> None:
    told = {e["shape"]["field"] for e in encodings(roofline()) if "shape" in e}
    untold = WORK.with_columns(phase=pl.lit(None, pl.String))
    assert told == {"phase"}
    assert {e["shape"]["field"] for e in encodings(roofline(work=untold)) if "shape" in e} == {"layer_kind"}


def test_what_measured_roofs_and_points_of_prefill_mean_is_said() -> None:
    lasting = ROOFS.head(1).with_columns(source=pl.lit("measured"), flop_per_s=pl.lit(673e12))
    specification = roofline(pl.concat([ROOFS, lasting]))
    assert "measured, sustained" in {row.get("source") for row in data(specification)}
    _, short, prefill = specification["title"]["subtitle"]
    assert short.startswith("short launches may exceed a measured roof")
    assert "its last chunk" in prefill
    # Without them there is nothing to say.
    decode = roofline(work=WORK.with_columns(phase=pl.lit("decode")))
    assert len(decode["title"]["subtitle"]) == 1


def test_a_trail_joins_the_prompt_lengths_of_a_layer_in_their_order() -> None:
    (trail,) = [e for e in encodings(roofline()) if "order" in e]
    assert trail["order"]["field"] == "seq_len"
    assert (trail["color"]["field"], trail["detail"][0]["field"]) == ("layer_kind", "phase")
    assert "strokeDash" not in trail
    labels = [e["text"].get("field") for e in encodings(roofline()) if "text" in e]
    assert "seq_len" in labels


def test_trails_of_several_traces_are_not_joined_and_the_legend_tells_them_apart() -> None:
    two = pl.concat([WORK, WORK.with_columns(trace=pl.lit("other"))])
    specification = roofline(work=two)
    (trail,) = [e for e in encodings(specification) if "order" in e]
    assert (trail["strokeDash"]["field"], trail["strokeDash"]["title"]) == ("trace", "Trace")
    assert specification["resolve"]["scale"]["strokeDash"] == "independent"
    assert "trace" in [tip["field"] for e in encodings(specification) for tip in e.get("tooltip", [])]


def test_traces_tagged_as_one_point_each_make_one_trail() -> None:
    points = WORK.head(3).with_columns(trace=pl.Series(["a", "b", "c"]))
    (trail,) = [e for e in encodings(roofline(work=points)) if "order" in e]
    assert "strokeDash" not in trail


@pytest.mark.long
def test_a_trace_without_flop_is_told_how_to_record_them(corpus: Database) -> None:
    with pytest.raises(QueryError, match="no FLOP") as refused:
        drawn(corpus, "roofline", trace=BASELINE)
    assert "ncu --set roofline" in refused.value.remedy


@pytest.mark.long
def test_roofs_are_those_of_the_run_and_of_the_datasheet(corpus: Database) -> None:
    roofs = asked(corpus, "roofs", trace=ROOFLINE)
    kernels = asked(corpus, "kernel_roofline", trace=ROOFLINE, by="launch")
    found = {(row["name"], row["source"]): row for row in roofs.to_dicts()}
    assert found["dram", "profiled"]["bytes_per_s"] == kernels["profiled_dram_bytes_per_s"].max()
    bf16 = kernels.filter(pl.col("precision") == "bf16")
    assert found["bf16", "profiled"]["flop_per_s"] == bf16["profiled_flop_per_s"].max()
    # NVIDIA's H200 datasheet: 989 TFLOP/s dense in bf16, 4.8 TB/s; the ridge point is their quotient.
    published = found["bf16", "datasheet"]
    assert published["flop_per_s"] == pytest.approx(989e12, rel=0.001)
    assert found["dram", "datasheet"]["bytes_per_s"] == 4.8e12
    assert published["ridge_flop_per_byte"] == pytest.approx(published["flop_per_s"] / 4.8e12)


@pytest.mark.long
def test_what_a_benchmark_reached_is_a_roof_too(db: Database, tmp_path: Path) -> None:
    table = tmp_path / "roofs.csv"
    table.write_text("gpu,dram_bytes_per_s,bf16_flop_per_s,fp64_flop_per_s\nH200,4.2e12,7.9e14,6e13\n")
    db.ingest(REPORTS / ROOFLINE)
    db.import_runs(runs.read(table))
    measured = asked(db, "roofs").filter(pl.col("source") == "measured").drop("trace", "kind").rows()
    # The trace's kernels do no fp64.
    assert measured == [
        ("bf16", "measured", None, 7.9e14, None, 7.9e14 / 4.2e12),
        ("dram", "measured", None, None, 4.2e12, None),
    ]
    hierarchy = {
        row["level"]: row["measured_bytes_per_s"] for row in asked(db, "memory_hierarchy").to_dicts()
    }
    assert hierarchy["dram"] == 4.2e12
    assert hierarchy["nvlink"] is None


@pytest.mark.long
def test_roofs_of_caches_name_the_counter_whose_peak_they_are(corpus: Database) -> None:
    found = {
        row["name"]: (row["metric"], row["bytes_per_s"])
        for row in asked(corpus, "roofs", trace=ROOFLINE).to_dicts()
        if row["kind"] == "memory" and row["source"] == "profiled"
    }
    assert {name: counter for name, (counter, _) in found.items()} == {
        "dram": None,
        "l1": "derived__l1tex__lsu_writeback_bytes_mem_lgds.sum",
        "l2": "derived__lts__lts2xbar_bytes.sum",
    }
    kernels = asked(corpus, "kernel_roofline", trace=ROOFLINE, by="launch")
    for level in ("l1", "l2"):
        assert found[level][1] == kernels[f"profiled_{level}_bytes_per_s"].max()


def test_a_cache_with_two_counters_has_two_roofs_and_their_labels_name_them() -> None:
    other = ROOFS.tail(1).with_columns(metric=pl.lit("derived__lts__lts2xbar_bytes.sum"), bytes_per_s=5.5e12)
    measured = other.with_columns(source=pl.lit("measured"), metric=None)
    roofs = pl.concat([ROOFS, other, measured])
    labels = {row["label"] for row in data(roofline(roofs)) if row.get("place") == "l2"}
    assert labels == {"", "L2 (l1tex__m_xbar2l1tex_read_bytes) 9 TB/s", "L2 (lts2xbar_bytes) 5.5 TB/s"}


@pytest.mark.long
def test_a_level_without_a_published_bandwidth_shows_the_measured_one(db: Database, tmp_path: Path) -> None:
    table = tmp_path / "roofs.csv"
    table.write_text("gpu,l2_bytes_per_s\nH200,8.8e12\n")
    db.import_runs(runs.read(table))
    answer = asked(db, "memory_hierarchy", gpu="H200")
    (l2,) = answer.filter(pl.col("level") == "l2").to_dicts()
    # NVIDIA publishes no L2 bandwidth of an H200.
    assert (l2["bandwidth_bytes_per_s"], l2["measured_bytes_per_s"]) == (None, 8.8e12)
    assert l2["ridge_flop_per_byte"] is None
    rows = {row["level"]: row for row in data(drawn(db, "memory_hierarchy", gpu="H200"))}
    assert rows["l2"][theme.VALUE] == "8.8 TB/s measured"
    assert rows["l2"]["labelled_at"] == 8.8e12
    assert rows["l2"]["bandwidth_bytes_per_s·text"] == "not published"
    assert rows["dram"]["labelled_at"] == 4.8e12


@pytest.mark.long
def test_two_counters_of_a_kernel_stand_side_by_side(corpus: Database) -> None:
    pairs = asked(
        corpus, "metric_pairs", trace=BASELINE, x="dram__bytes_write.sum", y="gpu__time_duration.sum"
    )
    for axis, metric in (("x", "dram__bytes_write.sum"), ("y", "gpu__time_duration.sum")):
        single = corpus.query("metric", trace=BASELINE, metric=metric)
        assert pairs.select("kernel_id", f"{axis}_value").rows() == single.select("kernel_id", "value").rows()


# --- the timeline ---------------------------------------------------------------------------------------


@pytest.mark.long
def test_lanes_of_ranks_say_so_and_time_counts_from_the_jobs_beginning(corpus: Database) -> None:
    chart = drawn(corpus, "job_timeline", trace="nccl_two_gpus.sqlite.xz")
    lanes = chart["encoding"]["y"]["sort"]
    assert lanes == ["Rank 0", "Rank 1"]
    assert chart["encoding"]["x"]["axis"]["title"].startswith("Time since the first trace of the job began (")
    assert {row["state"] for row in data(chart)} == {"work", "idle", "waiting", "exchange"}


def test_a_small_timeline_has_a_block_for_every_event(corpus: Database) -> None:
    trace = "scv_baseline_graph.sqlite.xz"
    answer = asked(corpus, "timeline", trace=trace, max_blocks=100_000)
    counted = corpus.sql(
        """
        SELECT (SELECT count(*) FROM gpu_operations WHERE trace = $trace)
             + (SELECT count(*) FROM nvtx_ranges JOIN traces USING (trace_id)
                WHERE trace = $trace AND style <> 'mark') AS events
        """,
        {"trace": trace},
    )["events"][0]
    assert answer.height == counted
    assert answer["events"].unique().to_list() == [1]
    assert answer["hidden_gap_ns"].max() == 0


def test_a_thinned_timeline_holds_every_event_and_every_gap_longer_than_those_it_hides(
    corpus: Database,
) -> None:
    whole = asked(corpus, "timeline", trace=EAGER, max_blocks=1_000_000)
    thinned = asked(corpus, "timeline", trace=EAGER, max_blocks=500)
    assert thinned.height == 500
    assert thinned["events"].sum() == whole["events"].sum()

    def gaps(answer: pl.DataFrame) -> list[tuple[int, int, int]]:
        ordered = answer.sort("lane_number", "start_ns").with_columns(
            pl.col("end_ns").cum_max().over("lane_number").shift(1).over("lane_number").alias("until_ns")
        )
        found = ordered.filter(pl.col("start_ns") > pl.col("until_ns"))
        return found.select("lane_number", "until_ns", "start_ns").rows()

    hidden = thinned["hidden_gap_ns"].max()
    longer = [gap for gap in gaps(whole) if gap[2] - gap[1] > hidden]
    assert longer
    assert set(longer) <= set(gaps(thinned))
    # Time at work is the same, thinned or not; what overlaps in a lane counts once.
    ordered = whole.sort("lane_number", "start_ns", "end_ns").with_columns(
        pl.col("end_ns").cum_max().over("lane_number").shift(1).over("lane_number").alias("until_ns")
    )
    union = (pl.col("end_ns") - pl.max_horizontal("start_ns", "until_ns")).clip(0)
    assert thinned["busy_ns"].sum() == ordered.select(union.sum()).item()


def test_the_shade_of_a_block_is_its_busy_share_and_nothing_has_a_minimum_width() -> None:
    rows = pl.DataFrame(
        {
            "start_ns": [0, 999_999, 1_000_000],
            "end_ns": [900_000, 1_000_000, 2_000_000],
            "lane": ["stream"] * 3,
            "kind": ["kernel"] * 3,
            "busy_pct": [28.0, 100.0, 0.0],
        }
    )
    channels = {"x": "start_ns", "x2": "end_ns", "y": "lane", "color": "kind", "busy": "busy_pct"}
    chart = timelines.timeline(rows, **channels).properties(width=640)
    bars = re.findall(
        r'<path aria-label="start_ns: (\d+)[^>]* d="M[\d.]+,[\d.]+h([\d.e-]+)v[^>]* opacity="([\d.]+)"[^>]*>',
        render.to_svg(chart),
    )
    assert {start: float(opacity) for start, _, opacity in bars} == {"0": 0.28, "999999": 1, "1000000": 0}
    # A nanosecond of 2,000,000 on 640 pixels.
    assert float(bars[1][1]) == pytest.approx(640 / 2_000_000, rel=0.01)
    assert "stroke" not in json.dumps(chart.to_dict()["encoding"])


def test_a_stretch_of_the_timeline_can_be_asked_for(corpus: Database) -> None:
    answer = asked(corpus, "timeline", trace=EAGER, from_=100_000_000, to="120ms")
    assert answer["end_ns"].min() > 100_000_000
    assert answer["start_ns"].max() < 120_000_000


# --- colours --------------------------------------------------------------------------------------------

# Machado, Oliveira, Fernandes (2009), severity 1.0: linear RGB as seen with each kind of dichromacy.
VISION = {
    "normal": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protanopia": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "deuteranopia": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "tritanopia": (
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.303900),
    ),
}


def linear(color: str) -> tuple[float, ...]:
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    return tuple(p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)


def lab(rgb: tuple[float, ...]) -> tuple[float, float, float]:
    r, g, b = (min(1.0, max(0.0, part)) for part in rgb)
    x = (0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.9505
    y = 0.2126 * r + 0.7152 * g + 0.0722 * b
    z = (0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.089
    fx, fy, fz = (t ** (1 / 3) if t > 0.008856 else 7.787 * t + 16 / 116 for t in (x, y, z))
    return 116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)


def contrast(one: str, other: str) -> float:
    def luminance(color: str) -> float:
        r, g, b = linear(color)
        return 0.2126 * r + 0.7152 * g + 0.0722 * b

    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("colors", [theme.LIGHT, theme.DARK], ids=["light", "dark"])
@pytest.mark.parametrize("vision", VISION)
def test_any_two_colours_stay_apart_with_every_kind_of_colour_vision(
    colors: theme.Colors, vision: str
) -> None:
    def seen(color: str) -> tuple[float, float, float]:
        rgb = linear(color)
        return lab(tuple(sum(row[j] * rgb[j] for j in range(3)) for row in VISION[vision]))

    for one, other in itertools.combinations(colors.series, 2):
        distance = sum((a - b) ** 2 for a, b in zip(seen(one), seen(other), strict=True)) ** 0.5
        # Just noticeable is 2.3; for marks that do not touch several times that is needed.
        assert distance > 20, (one, other)


@pytest.mark.parametrize("colors", [theme.LIGHT, theme.DARK], ids=["light", "dark"])
def test_marks_and_texts_stand_out_from_the_background(colors: theme.Colors) -> None:
    assert all(contrast(color, colors.background) >= 3 for color in colors.series)
    assert contrast(colors.ink, colors.background) >= 7
    assert contrast(colors.muted, colors.background) >= 4.5


# --- units ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("column", "value", "text"),
    [
        ("duration_ns", 999, "999 ns"),
        ("duration_ns", 1_000, "1 µs"),
        ("duration_ns", 1_234_567, "1.235 ms"),
        ("duration_ns", 12_000_000_000, "12 s"),
        ("duration_ns", 0, "0 ns"),
        ("dram_bytes_per_s", 4.8e12, "4.8 TB/s"),
        ("flop_per_s", 989e12, "989 TFLOP/s"),
        ("delta_pct", -46.97, "-46.97 %"),
        ("launches", 1_234_567, "1,234,567"),
        ("range_id", 1_234_567, "1234567"),
        ("graph", 1_234_567, "1234567"),
        ("avg_ns", float("nan"), "not measured"),
    ],
)
def test_a_number_is_read_in_the_unit_that_fits(column: str, value: float, text: str) -> None:
    assert units.text(column, value) == text


def test_missing_and_infinite_values_are_no_numbers_in_a_chart() -> None:
    answer = pl.DataFrame({"kernel": ["a", "b", "c"], "total_ns": [1.0, float("nan"), float("inf")]})
    rows = data(charts.KINDS["bars"].draw(answer, x="kernel", y="total_ns").to_dict())
    found = {row["kernel"]: (row["total_ns"], row[theme.VALUE]) for row in rows}
    assert found["a"] == (1.0, "1 ns")
    assert found["b"] == (None, "not measured")


def test_drawing_leaves_the_users_altair_as_it_is(corpus: Database) -> None:
    before = (alt.theme.active, alt.data_transformers.active, dict(alt.data_transformers.options))
    drawn(corpus, "kernels", trace=EAGER)
    assert (alt.theme.active, alt.data_transformers.active, dict(alt.data_transformers.options)) == before
