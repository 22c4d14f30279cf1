"""NVTX questions against what nsys 2025.3.1 itself answers (nsys stats, nsys recipe) on the same reports."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from typing import TYPE_CHECKING

import kept
import nsys_oracle
import polars as pl
import pytest
from nsys_oracle import TRACES
from shipped import EXPECTED, REPORTS

import traceql

if TYPE_CHECKING:
    from collections.abc import Iterator

# Of the last one, only what its ranges did on the GPU was asked.
PROJECTED = (*TRACES, "graph_nodes")
RECIPES = EXPECTED / "nsys_recipes"


@pytest.fixture(scope="session")
def db(tmp_path_factory: pytest.TempPathFactory) -> Iterator[traceql.Database]:
    """Every nsys recording of ours in one database: questions must keep the traces apart."""
    reports = [REPORTS / f"{name}.sqlite.xz" for name in PROJECTED]
    path = kept.database("nvtx", kept.store_all, reports, tmp_path_factory.mktemp("nvtx"))
    with traceql.open(path) as database:
        yield database


@cache
def expected(trace: str, report: str) -> list[dict[str, str]]:
    return nsys_oracle.expected("nsys_stats", trace, report)


def recipe_table(name: str, file: str) -> pl.DataFrame:
    return pl.read_parquet(RECIPES / name / f"{file}.parquet")


def printed(value: object, column: str, like: str) -> str:
    """`value` with as many decimals as nsys prints, halves rounded up as SQLite does."""
    if value is None:
        # A single value has no standard deviation: NULL here, 0.0 there.
        return "0.0" if "StdDev" in column else ""
    if isinstance(value, float):
        return str(Decimal(value).quantize(Decimal(like), ROUND_HALF_UP))
    return str(value)


STYLES = {"pushpop": "PushPop", "startend": "StartEnd", "": ""}


def same(
    ours: pl.DataFrame, theirs: list[dict[str, str]], columns: dict[str, str], name: str = "Range"
) -> None:
    """Every row of `theirs` in `ours` and the other way round, whatever the order.

    `columns` maps theirs to ours; `name` is their column of the range, printed as domain:text.
    """

    def key(row: dict[str, str]) -> tuple[str, ...]:
        return tuple(row.values())

    want = sorted(({c: r[c] for c in (name, *columns)} for r in theirs), key=key)
    got = []
    sample = theirs[0] if theirs else {}
    for row in ours.iter_rows(named=True):
        text = "" if row["range"] is None else f"{row['domain']}:{row['range']}"
        got.append({name: text} | {c: printed(row[o], c, sample[c]) for c, o in columns.items()})
    if "Style" in columns:
        for r in got:
            r["Style"] = STYLES[r["Style"]]
    assert sorted(got, key=key) == want


SUMS = {
    "Total Time (ns)": "total_ns",
    "Time (%)": "share_pct",
    "Instances": "instances",
    "Avg (ns)": "avg_ns",
    "Med (ns)": "median_ns",
    "Min (ns)": "min_ns",
    "Max (ns)": "max_ns",
    "StdDev (ns)": "stddev_ns",
}


@pytest.mark.parametrize("trace", TRACES)
@pytest.mark.parametrize("report", ["nvtx_sum", "nvtx_pushpop_sum", "nvtx_startend_sum"])
def test_sums_of_range_times_are_those_of_nsys(db: traceql.Database, trace: str, report: str) -> None:
    columns = SUMS | ({"Style": "style"} if report == "nvtx_sum" else {})
    same(db.query(report, trace=trace), expected(trace, report), columns)


def with_graphs(trace: str, theirs: list[dict[str, str]]) -> list[dict[str, str]]:
    """GPU operations as counted here: a graph traced as a whole is one, one traced by nodes is all its nodes.

    nsys leaves the first out and counts the second once. In llama_graph every decode step replays one, whose
    span lies within that of the step's other work; in graph_nodes each of 5 replays has 7 nodes.
    """
    if trace == "graph_nodes":
        counts = {"Total GPU Ops": "35", "Avg GPU Ops": "7.0", "NumGPUOps": "7"}
        return [row | {c: n for c, n in counts.items() if c in row} for row in theirs]
    more = {"Total GPU Ops": 15, "Avg GPU Ops": Decimal(1), "NumGPUOps": 1}
    return [
        row | {c: str(type(n)(row[c]) + n) for c, n in more.items() if c in row}
        if trace == "llama_graph" and "generation_8" in row.get("Range", row.get("Name", ""))
        else row
        for row in theirs
    ]


def pushpop_nesting(theirs: list[dict[str, str]]) -> list[dict[str, str]]:
    """nsys lets start/end ranges hold push/pop ranges; here they overlap them, and only push/pop ranges nest."""
    startend = {row["RangeId"] for row in theirs if row["Style"] == "StartEnd"}
    found = []
    for row in theirs:
        above = [part for part in row["RangeStack"].split(":")[1:-1] if part not in startend]
        found.append(
            row
            | {
                "RangeStack": "".join(f":{part}" for part in (*above, row["RangeId"])),
                "ParentId": above[-1] if above else "",
                "Lvl": str(len(above)),
                "NumChild": "0" if row["RangeId"] in startend else row["NumChild"],
            }
        )
    return found


def averages_of_pushpop_nesting(trace: str, theirs: list[dict[str, str]]) -> list[dict[str, str]]:
    """The same for sums: mean level and mean number of children as the single ranges give them."""
    single = pushpop_nesting(expected(trace, "nvtx_gpu_proj_trace"))
    found = []
    for row in theirs:
        mine = [one for one in single if one["Name"] == row["Range"] and one["Style"] == row["Style"]]
        means = {
            mean: str(Decimal(sum(int(one[column]) for one in mine)) / len(mine) + Decimal("0.0"))
            for mean, column in (("Avg Range Lvl", "Lvl"), ("Avg Num Child", "NumChild"))
        }
        found.append(row | means)
    return found


@pytest.mark.parametrize("trace", PROJECTED)
def test_the_projection_sum_is_that_of_nsys(db: traceql.Database, trace: str) -> None:
    theirs = with_graphs(trace, expected(trace, "nvtx_gpu_proj_sum"))
    if any(row["Style"] == "StartEnd" for row in theirs):
        theirs = averages_of_pushpop_nesting(trace, theirs)
    same(
        db.query("nvtx_gpu_proj_sum", trace=trace),
        theirs,
        {
            "Style": "style",
            "Total Proj Time (ns)": "total_proj_ns",
            "Total Range Time (ns)": "total_range_ns",
            "Range Instances": "instances",
            "Proj Avg (ns)": "avg_proj_ns",
            "Proj Med (ns)": "median_proj_ns",
            "Proj Min (ns)": "min_proj_ns",
            "Proj Max (ns)": "max_proj_ns",
            "Proj StdDev (ns)": "stddev_proj_ns",
            "Total GPU Ops": "gpu_operations",
            "Avg GPU Ops": "avg_gpu_operations",
            "Avg Range Lvl": "avg_depth",
            "Avg Num Child": "avg_children",
        },
    )


def renumbered(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """Range numbers as positions by start: nsys counts rows of its table, we count ranges."""
    start = "Orig Start (ns)" if "Orig Start (ns)" in rows[0] else "Start (ns)"
    order = sorted(rows, key=lambda r: (int(r[start]), int(r["RangeId"])))
    place = {r["RangeId"]: str(n) for n, r in enumerate(order)}
    place[""] = ""
    return [
        r
        | {
            "RangeId": place[r["RangeId"]],
            "ParentId": place[r["ParentId"]],
            "RangeStack": ":".join(place[part] for part in r["RangeStack"].split(":")),
        }
        for r in order
    ]


def as_printed(ours: pl.DataFrame, columns: dict[str, str]) -> list[dict[str, str]]:
    rows = []
    for row in ours.iter_rows(named=True):
        printed_row = {c: "" if row[o] is None else str(row[o]) for c, o in columns.items()}
        if "Style" in printed_row:
            printed_row["Style"] = STYLES[row["style"]]
        rows.append(printed_row | {"Name": f"{row['domain']}:{row['range']}"})
    return rows


IDS = {"RangeId": "range_id", "ParentId": "parent_id", "RangeStack": "range_stack"}


@pytest.mark.parametrize("trace", PROJECTED)
def test_the_projection_of_every_range_is_that_of_nsys(db: traceql.Database, trace: str) -> None:
    columns = IDS | {
        "Projected Start (ns)": "projected_start_ns",
        "Projected Duration (ns)": "projected_duration_ns",
        "Orig Start (ns)": "start_ns",
        "Orig Duration (ns)": "duration_ns",
        "Style": "style",
        "PID": "pid",
        "TID": "tid",
        "NumGPUOps": "gpu_operations",
        "Lvl": "depth",
        "NumChild": "children",
    }
    theirs = pushpop_nesting(with_graphs(trace, expected(trace, "nvtx_gpu_proj_trace")))
    ours = as_printed(db.query("nvtx_gpu_proj_trace", trace=trace), columns)
    assert renumbered(ours) == renumbered([{c: r[c] for c in ours[0]} for r in theirs])


@pytest.mark.parametrize("trace", TRACES)
def test_every_push_pop_range_nests_as_nsys_says(db: traceql.Database, trace: str) -> None:
    columns = IDS | {
        "Start (ns)": "start_ns",
        "End (ns)": "end_ns",
        "Duration (ns)": "duration_ns",
        "DurChild (ns)": "children_ns",
        "DurNonChild (ns)": "own_ns",
        "PID": "pid",
        "TID": "tid",
        "Lvl": "depth",
        "NumChild": "children",
    }
    theirs = expected(trace, "nvtx_pushpop_trace")
    answer = db.query("nvtx_pushpop_trace", trace=trace)
    ours = as_printed(answer, columns)
    assert renumbered(ours) == renumbered([{c: r[c] for c in ours[0]} for r in theirs])
    trees = {r["Start (ns)"]: r["NameTree"] for r in theirs}
    for row in answer.iter_rows(named=True):
        assert trees[str(row["start_ns"])] == "--" * row["depth"] + f"{row['domain']}:{row['range']}"


@pytest.mark.parametrize("trace", TRACES)
def test_kernels_of_ranges_are_those_of_nsys(db: traceql.Database, trace: str) -> None:
    same(
        db.query("nvtx_kern_sum", trace=trace),
        expected(trace, "nvtx_kern_sum"),
        {
            "Style": "style",
            "PID": "pid",
            "TID": "tid",
            "NVTX Inst": "range_instances",
            "Kern Inst": "instances",
            "Total Time (ns)": "total_ns",
            "Avg (ns)": "avg_ns",
            "Med (ns)": "median_ns",
            "Min (ns)": "min_ns",
            "Max (ns)": "max_ns",
            "StdDev (ns)": "stddev_ns",
            "Kernel Name": "kernel",
        },
        name="NVTX Range",
    )


def test_pace_is_that_of_the_recipe(db: traceql.Database) -> None:
    for query, recipe in (("nvtx_pace", "nvtx_pace"), ("nvtx_gpu_proj_pace", "nvtx_gpu_proj_pace")):
        ours = db.query(query, range="layer", trace="llama_eager")
        for file, column in (
            ("pace_start", "start_ns"),
            ("pace_end", "end_ns"),
            ("pace_duration", "duration_ns"),
            ("pace_duration_accum", "accum_duration_ns"),
            ("pace_delta", "delta_ns"),
            ("pace_delta_accum", "accum_delta_ns"),
        ):
            theirs = recipe_table(recipe, file).to_series().cast(pl.Int64)
            assert ours[column].to_list() == theirs.to_list(), (query, column)


@pytest.mark.parametrize(
    ("query", "trace", "recipe", "total"),
    [
        ("nvtx_sum", "llama_eager", "all_stats", "total_ns"),
        ("nvtx_gpu_proj_sum", "llama_eager", "all_stats", "total_proj_ns"),
        ("nvtx_gpu_proj_sum", "crossing_ranges", "crossing_ranges_all_stats", "total_proj_ns"),
    ],
)
def test_sums_are_those_of_the_recipes(
    db: traceql.Database, query: str, trace: str, recipe: str, total: str
) -> None:
    infix = "proj_" if "proj" in query else ""
    columns = {
        "Text": "range",
        "Count": "instances",
        "Sum": total,
        "Mean": f"avg_{infix}ns",
        "Median (approx)": f"median_{infix}ns",
        "Min": f"min_{infix}ns",
        "Max": f"max_{infix}ns",
        "Std (approx)": f"stddev_{infix}ns",
    }
    if infix:
        columns["Sum of NVTX Ranges on CPU"] = "total_range_ns"
    theirs = recipe_table(query, recipe).select(*columns).sort("Text")
    ours = db.query(query, trace=trace).select(*columns.values()).sort("range")
    for theirs_column, ours_column in columns.items():
        got, want = ours[ours_column], theirs[theirs_column]
        if want.dtype == pl.Float64:
            got = got.cast(pl.Float64).round(1)
        assert got.to_list() == want.to_list(), theirs_column


def test_the_projection_of_every_range_is_that_of_the_recipe(db: traceql.Database) -> None:
    theirs = recipe_table("nvtx_gpu_proj_trace", "trace").sort("Start", "Range ID")
    ours = db.query("nvtx_gpu_proj_trace", trace="llama_eager").sort("projected_start_ns", "range_id")
    assert (ours["projected_start_ns"] + ours["projected_duration_ns"]).to_list() == theirs["End"].to_list()
    pairs = {
        "range": "Text",
        "projected_start_ns": "Start",
        "pid": "PID",
        "tid": "TID",
        "depth": "Stack Level",
        "children": "Children Count",
    }
    for column, name in pairs.items():
        assert ours[column].to_list() == theirs[name].to_list(), column


def test_the_projection_of_ranges_that_cross_is_that_of_the_recipe(db: traceql.Database) -> None:
    # Its stack is another one: it nests projections, by their time on the GPU.
    theirs = recipe_table("nvtx_gpu_proj_trace", "crossing_ranges_trace")
    ours = db.query("nvtx_gpu_proj_trace", trace="crossing_ranges")
    end = (pl.col("projected_start_ns") + pl.col("projected_duration_ns")).alias("projected_end_ns")
    assert sorted(ours.select("range", "projected_start_ns", end, "pid", "tid").iter_rows()) == sorted(
        theirs.select("Text", "Start", "End", "PID", "TID").iter_rows()
    )
