"""Two traces side by side: sums that a reader can work out, NVIDIA's own sums, and what must not be compared."""

from __future__ import annotations

import itertools
import json
import math
import statistics
import warnings
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from made.ncu import Profile
from made.nsys import Recording, Work, copy, graph, kernel
from made.store import empty
from nsys_oracle import ask, expected
from scipy.stats import t as student_t
from scipy.stats import ttest_ind
from shipped import REPORTS, notes

import traceql
from traceql.ask import compare
from traceql.cli import cli
from traceql.errors import MissingDataError, QueryError
from traceql.store import ingest

if TYPE_CHECKING:
    from pathlib import Path

    from traceql import Database

A, B = "scv_baseline_off.sqlite.xz", "scv_nwor_vectorized.sqlite.xz"
PROFILED_A, PROFILED_B = "scv_baseline_vectorized.ncu-rep.xz", "scv_nwor_vectorized.ncu-rep.xz"
MODES = [f"scv_{writes}_{mask}" for writes in ("baseline", "nwor") for mask in ("off", "vectorized", "graph")]

CLOCK = "gpc__cycles_elapsed.avg.per_second"

Values = dict[tuple[str | None, str, str], tuple[float | None, float | None]]


def timelines(**traces: Recording) -> Database:
    """A database in memory of hand-made nsys traces."""
    database = empty()
    for name, recording in traces.items():
        recording.store(database, name)
    return database


def profile(*launches: tuple[str, str, str, float]) -> Profile:
    """A hand-made ncu trace: (path in the default domain, path in the domain lib, kernel, DRAM bytes written)."""
    made = Profile()
    for path, lib_path, name, written in launches:
        made.kernel(name, path, domains={"lib": lib_path}, pid=5, ns=10, dram_write=written)
    return made


def values(frame: pl.DataFrame, topic: str) -> Values:
    """(place, name, measure) → (a, b)."""
    rows = frame.filter(topic=topic).to_dicts()
    return {(r["path"], r["name"], r["measure"]): (r["baseline"], r["variant"]) for r in rows}


def diff(database: Database, a: str | list[str], b: str | list[str], **params: Any) -> pl.DataFrame:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return database.query("diff", baseline=a, variant=b, **params)


def before() -> Recording:
    # Busy from 20 to 50, as the two overlap, and from 60 to 64.
    return (
        Recording()
        .range("step", 0, 18)
        .range("copy", 19, 30)
        .call("cudaLaunchKernel_v7000", 0, 10, kernel("x", 20, 40))
        .call("cudaLaunchKernel_v7000", 10, 16, kernel("y", 30, 50))
        .call("cudaMemcpyAsync_v3020", 20, 25, copy("Host-to-Device", 60, 64, 100))
    )


def after() -> Recording:
    return Recording().range("step", 0, 12).call("cudaLaunchKernel_v7000", 5, 8, kernel("x", 20, 35))


# --- timelines ------------------------------------------------------------------------------------------


@pytest.mark.long
def test_a_timeline_is_compared_in_total_and_by_kernel_call_copy_and_range() -> None:
    found = diff(timelines(before=before(), after=after()), "before", "after")
    assert values(found, "trace") == {
        (None, None, "kernels"): (2, 1),
        (None, None, "kernel_ns"): (40, 15),
        (None, None, "copies"): (1, 0),
        (None, None, "copy_ns"): (4, 0),
        (None, None, "copy_bytes"): (100, 0),
        (None, None, "graphs"): (0, 0),
        (None, None, "graph_ns"): (0, 0),
        (None, None, "gpu_busy_ns"): (34, 15),
        (None, None, "gpu_idle_ns"): (10, 0),
        (None, None, "gaps"): (1, 0),
        (None, None, "longest_gap_ns"): (10, None),
    }
    assert values(found, "kernel") == {
        (None, "y", "instances"): (1, 0),
        (None, "y", "total_ns"): (20, 0),
        # No launch has no mean.
        (None, "y", "avg_ns"): (20, None),
        (None, "x", "instances"): (1, 1),
        (None, "x", "total_ns"): (20, 15),
        (None, "x", "avg_ns"): (20, 15),
    }
    assert values(found, "api_call") == {
        ("runtime", "cudaLaunchKernel", "calls"): (2, 1),
        ("runtime", "cudaLaunchKernel", "total_ns"): (16, 3),
        ("runtime", "cudaLaunchKernel", "avg_ns"): (8, 3),
        ("runtime", "cudaMemcpyAsync", "calls"): (1, 0),
        ("runtime", "cudaMemcpyAsync", "total_ns"): (5, 0),
        ("runtime", "cudaMemcpyAsync", "avg_ns"): (5, None),
    }
    assert values(found, "copy") == {
        (None, "memcpy Host-to-Device", "instances"): (1, 0),
        (None, "memcpy Host-to-Device", "bytes"): (100, 0),
        (None, "memcpy Host-to-Device", "total_ns"): (4, 0),
    }
    ranges = values(found, "range")
    assert ranges["step", "", "gpu_busy_ns"] == (30, 15)
    assert ranges["step", "", "total_ns"] == (18, 12)
    # A range that is not there is no range without work: that may be under another name.
    assert ranges["copy", "", "instances"] == (1, None)
    assert ranges["copy", "", "gpu_operations"] == (1, None)
    row = found.filter(topic="kernel", name="x", measure="total_ns").row(0, named=True)
    assert (row["delta"], row["delta_pct"], row["found_in"]) == (-5, -25, "both")
    # One run tells no spread.
    assert (row["baseline_runs"], row["baseline_stddev"], row["delta_low"]) == (1, None, None)
    assert found.filter(topic="kernel", name="y")["found_in"].unique().to_list() == ["baseline only"]


@pytest.mark.long
def test_kernels_come_in_the_order_of_the_time_that_changed() -> None:
    found = diff(timelines(before=before(), after=after()), "before", "after", topic="kernel")
    assert found["name"].unique(maintain_order=True).to_list() == ["y", "x"]


@pytest.mark.long
def test_a_kernel_that_may_hide_in_a_whole_graph_is_not_counted_as_absent() -> None:
    hidden = after().work(graph(50, 70))
    found = diff(timelines(before=before(), after=hidden), "before", "after")
    assert values(found, "kernel")[None, "y", "instances"] == (1, None)
    assert values(found, "trace")[None, None, "graphs"] == (0, 1)
    # Copies are not hidden.
    assert values(found, "copy")[None, "memcpy Host-to-Device", "instances"] == (1, 0)


@pytest.mark.long
def test_repeated_runs_have_means_with_spread_and_a_confidence_interval() -> None:
    def run(duration: int, *others: Work) -> Recording:
        return Recording().work(kernel("x", 0, duration), *others)

    db = timelines(
        a1=run(10), a2=run(12), a3=run(14, kernel("y", 900, 906)), b1=run(20), b2=run(22), b3=run(24)
    )
    found = diff(db, ["a1", "a2", "a3"], ["b1", "b2", "b3"], topic="kernel")
    rows = {(row["name"], row["measure"]): row for row in found.to_dicts()}
    x = rows["x", "total_ns"]
    assert (x["baseline"], x["variant"], x["delta"], x["baseline_runs"], x["variant_runs"]) == (
        12,
        22,
        10,
        3,
        3,
    )
    assert (x["baseline_stddev"], x["variant_stddev"]) == (2, 2)
    # Welch: standard error sqrt(4/3 + 4/3), 4 degrees of freedom.
    assert x["delta_low"] == pytest.approx(10 - student_t.ppf(0.975, 4) * math.sqrt(8 / 3))
    assert x["delta_high"] == pytest.approx(10 + student_t.ppf(0.975, 4) * math.sqrt(8 / 3))
    # The runs without the kernel count as zeros: (0 + 0 + 6) / 3.
    assert (rows["y", "total_ns"]["baseline"], rows["y", "total_ns"]["baseline_runs"]) == (2, 3)
    assert rows["y", "total_ns"]["baseline_stddev"] == pytest.approx(statistics.stdev([0, 0, 6]))
    # Without any spread the interval is a point.
    assert (rows["x", "instances"]["delta_low"], rows["x", "instances"]["delta_high"]) == (0, 0)


def test_two_runs_against_two_have_the_interval_of_their_own_degrees_of_freedom() -> None:
    runs = {"a1": 1000, "a2": 1010, "b1": 1100, "b2": 1112}
    db = timelines(**{name: Recording().work(kernel("x", 0, ns)) for name, ns in runs.items()})
    row = diff(db, ["a1", "a2"], ["b1", "b2"], topic="kernel").row(
        by_predicate=pl.col("measure") == "total_ns", named=True
    )
    # Variances 50 and 72, of means 25 and 36: (25 + 36)² / (25² + 36²) = 1.937 degrees of freedom.
    assert (round(row["delta_low"], 1), round(row["delta_high"], 1)) == (66.3, 135.7)


# How long one kernel takes in each run: from nearly alike to far apart.
RUNS = {f"run{n}": round(10 ** (n / 5)) + n for n in range(20)}


@pytest.fixture(scope="module")
def runs() -> Database:
    return timelines(**{name: Recording().work(kernel("x", 0, ns)) for name, ns in RUNS.items()})


# scipy warns where the runs of a side are equal.
SIDE = st.lists(st.sampled_from(sorted(RUNS)), min_size=2, max_size=5, unique=True)


@pytest.mark.long
@settings(max_examples=25, deadline=None)
@given(SIDE, SIDE)
def test_intervals_are_those_of_welch_as_scipy_has_them(
    runs: Database, before: list[str], after: list[str]
) -> None:
    found = diff(runs, before, after, topic="kernel").filter(measure="total_ns")
    theirs = ttest_ind(*([RUNS[name] for name in side] for side in (after, before)), equal_var=False)
    interval = theirs.confidence_interval(0.95)
    row = found.row(0, named=True)
    assert (row["delta_low"], row["delta_high"]) == pytest.approx(
        (interval.low, interval.high), rel=1e-8, abs=1e-4
    )


def test_the_quantiles_are_those_of_students_t() -> None:
    # Whole degrees of freedom and others, closer where the quantile is steep.
    degrees = [1 + (n / 100) ** 2 for n in range(1_001)] + [10.0**power for power in range(2, 9)]
    with traceql.open(":memory:") as db:
        quantiles = db.sql(f"SELECT t_quantile(df) AS t FROM (SELECT unnest({degrees}::DOUBLE[]) AS df)")[
            "t"
        ].to_list()
        assert db.sql("SELECT t_quantile(NULL) AS t")["t"].to_list() == [None]
    assert quantiles == pytest.approx(student_t.ppf(0.975, degrees).tolist(), rel=2e-10)


@pytest.mark.parametrize(
    ("topic", "report", "count", "time", "name"),
    [
        ("kernel", "cuda_gpu_kern_sum", "instances", "Total Time (ns)", "Name"),
        ("api_call", "cuda_api_sum", "calls", "Total Time (ns)", "Name"),
    ],
)
def test_both_sides_are_what_nsys_stats_sums_up(
    corpus: Database, topic: str, report: str, count: str, time: str, name: str
) -> None:
    found = values(diff(corpus, A, B, topic=topic, names="full"), topic)
    for side, trace in enumerate((A, B)):
        theirs: dict[str, tuple[int, int]] = {}
        for row in expected("nsys_stats", trace.removesuffix(".sqlite.xz"), report):
            key = row[name].rpartition("_v")[0] if topic == "api_call" and "_v" in row[name] else row[name]
            calls, total = theirs.get(key, (0, 0))
            theirs[key] = (calls + int(row.get("Instances") or row["Num Calls"]), total + int(row[time]))
        ours = {
            key[1]: (pair[side], found[key[0], key[1], "total_ns"][side])
            for key, pair in found.items()
            if key[2] == count and pair[side]
        }
        assert ours == theirs


def test_busy_and_idle_time_fill_the_span_of_the_gpu_work(corpus: Database) -> None:
    found = values(diff(corpus, A, "llama_eager.sqlite.xz", topic="trace"), "trace")
    for side, trace in enumerate((A, "llama_eager.sqlite.xz")):
        span, gaps, longest = (
            corpus.sql(
                "SELECT max(end_ns) - min(start_ns) FROM gpu_operations WHERE trace = $t",
                {"t": trace},
            ).item(),
            *corpus.query("gpu_gaps", trace=trace, min_gap_ns=0, limit=None)
            .select(pl.len(), pl.col("duration_ns").max())
            .row(0),
        )
        assert found[None, None, "gpu_busy_ns"][side] + found[None, None, "gpu_idle_ns"][side] == span
        assert found[None, None, "gaps"][side] == gaps
        assert found[None, None, "longest_gap_ns"][side] == longest


# --- profiled launches ----------------------------------------------------------------------------------


def test_launches_are_aligned_by_path_name_and_number_and_none_is_dropped() -> None:
    with traceql.open(":memory:") as db:
        profile(("s/w", "", "k", 8), ("s/w", "", "k", 9), ("s", "", "k", 1), ("s", "", "old", 4)).store(
            db, "a"
        )
        profile(("s/w", "", "k", 5), ("s", "scan", "k", 2), ("s", "", "k", 1), ("s", "", "k", 7)).store(
            db, "b"
        )
        found = diff(db, "a", "b", metric=["dram__bytes_write.sum"])
    launches = {
        (row["path"], row["name"], row["instance"]): (row["baseline"], row["variant"], row["found_in"])
        for row in found.filter(topic="launch").to_dicts()
    }
    assert launches == {
        ("s/w", "k", 1): (8, 5, "both"),
        ("s/w", "k", 2): (9, None, "baseline only"),
        ("s", "k", 1): (1, 1, "both"),
        ("s", "k", 2): (None, 7, "variant only"),
        ("s", "old", 1): (4, None, "baseline only"),
        # Another place, as the library's range is around it.
        ("s | lib: scan", "k", 1): (None, 2, "variant only"),
    }
    assert values(found, "trace")[None, None, "dram__bytes_write.sum"] == (22, 15)
    # What was not profiled is not known to be absent.
    assert values(found, "kernel")[None, "old", "instances"] == (1, None)
    assert values(found, "kernel")[None, "k", "dram__bytes_write.sum"] == (18, 15)


@pytest.mark.long
def test_repeated_profiles_are_averaged_launch_by_launch() -> None:
    with traceql.open(":memory:") as db:
        for name, first, second in (("a1", 1, 5), ("a2", 3, 5), ("b1", 4, 9), ("b2", 8, 9)):
            profile(("s", "", "k", first), ("s", "", "k", second)).store(db, name)
        profile(("s", "", "k", 6)).store(db, "b3")
        rows = diff(
            db, ["a1", "a2"], ["b1", "b2", "b3"], topic="launch", metric=["dram__bytes_write.sum"]
        ).to_dicts()
    # A launch that a run does not hold is no zero.
    assert [
        (r["instance"], r["baseline"], r["variant"], r["baseline_runs"], r["variant_runs"]) for r in rows
    ] == [
        (1, 2, 6, 2, 3),
        (2, 5, 9, 2, 2),
    ]
    assert rows[0]["variant_stddev"] == 2


def test_a_metric_without_a_value_stays_unknown() -> None:
    with traceql.open(":memory:") as db:
        profile(("s", "", "k", 8)).store(db, "a")
        profile(("s", "", "k", math.nan)).store(db, "b")
        rows = diff(db, "a", "b", topic="launch", metric=["dram__bytes_write.sum"]).to_dicts()
    assert [(r["found_in"], r["baseline"], r["variant"], r["delta"]) for r in rows] == [
        ("both", 8, None, None)
    ]


@pytest.mark.long
def test_the_nwor_pair_has_the_published_traffic(corpus: Database) -> None:
    found = corpus.compare([PROFILED_A], [PROFILED_B], names="short")
    kernel = values(found.differences, "kernel")
    # All of the baseline's writes are by one kernel, the variant gathers with another.
    assert kernel[None, "index_elementwise_kernel", "dram_write_bytes"][0] == 60_449_280
    written = [
        kernel[None, name, "dram_write_bytes"][1]
        for name in ("index_elementwise_kernel", "vectorized_gather_kernel")
    ]
    assert sum(value or 0 for value in written) == 32_058_112
    totals = corpus.query("nwor_delta", baseline=PROFILED_A, variant=PROFILED_B).filter(scope="total")
    trace = values(found.differences, "trace")
    # Per token and of tokens it knows nothing: no tag tells how many there were. Utilisation is no sum over kernels.
    for row in totals.drop_nulls("baseline").filter(pl.col("measure") != "dram_throughput_pct").to_dicts():
        measure = {"gpu_ns": "kernel_ns"}.get(row["measure"], row["measure"])
        assert trace[None, None, measure] == (row["baseline"], row["variant"])
    launches = found.differences.filter(topic="launch", measure="dram_write_bytes")
    assert dict(launches["found_in"].value_counts().iter_rows()) == {
        "both": 4,
        "baseline only": 56,
        "variant only": 178,
    }
    assert launches["baseline"].sum() == trace[None, None, "dram_write_bytes"][0]
    assert launches["variant"].sum() == trace[None, None, "dram_write_bytes"][1]


@pytest.mark.long
def test_any_metric_is_compared_and_one_that_was_not_measured_is_named(corpus: Database) -> None:
    metrics = ["sm__warps_launched.sum", "dram__throughput.avg.pct_of_peak_sustained_elapsed", "no_such.sum"]
    found = corpus.compare([PROFILED_A], [PROFILED_B], metrics=metrics)
    assert set(found.differences.filter(topic="launch")["measure"]) == set(metrics[:2])
    # Percentages do not add up.
    assert set(found.differences.filter(topic="trace")["measure"]) == {
        "kernels", "kernel_ns", "sm__warps_launched.sum",
    }  # fmt: skip
    assert "Not measured in baseline and variant: recorded by ncu --metrics no_such.sum." in found.notes


@pytest.mark.long
def test_a_trace_does_not_differ_from_itself(corpus: Database) -> None:
    for trace in (A, PROFILED_A):
        found = corpus.compare([trace], [trace])
        assert found.changed().is_empty()
        assert not found.differences.is_empty()
        assert f"{trace} is compared with itself" in found.notes


# --- whether they can be compared -----------------------------------------------------------------------


@pytest.mark.long
def test_recordings_are_compared_before_their_numbers(corpus: Database, tmp_path: Path) -> None:
    found = corpus.compare([PROFILED_A], ["esmm_a10g_2023.1.ncu-rep.xz"])
    rows = {row["property"]: row for row in found.findings.to_dicts()}
    assert (rows["gpu"]["baseline"], rows["gpu"]["variant"], rows["gpu"]["verdict"]) == (
        "NVIDIA H200", "NVIDIA A10G", "differs",
    )  # fmt: skip
    assert rows["gpu"]["meaning"] == "times and counters differ with the GPU, whatever else changed"
    assert rows["profiler"]["verdict"] == "same"
    assert rows["profiler"]["meaning"] is None
    assert rows["tool_version"]["verdict"] == "differs"
    assert rows["measured_sm_clock"]["verdict"] == "unknown"
    assert found.alike is False
    same = corpus.compare([PROFILED_A], [PROFILED_B])
    verdicts = dict(same.findings.select("property", "verdict").iter_rows())
    assert verdicts["setting: clock_control"] == verdicts["setting: cache_control"] == "same"
    # No tag says what ran, and no clock was measured.
    assert [name for name, verdict in verdicts.items() if verdict != "same"] == ["measured_sm_clock", "tags"]
    assert same.alike is None


@pytest.mark.parametrize(
    ("hertz", "verdict"), [((1.0e9, 1.01e9), "same"), ((1.0e9, 1.1e9), "differs"), ((1e9,), "unknown")]
)
def test_measured_clocks_within_two_percent_are_the_same(hertz: tuple[float, ...], verdict: str) -> None:
    with traceql.open(":memory:") as db:
        for name, value in itertools.zip_longest("ab", hertz):
            Profile().kernel(metrics={} if value is None else {CLOCK: value}).store(db, name)
        found = db.query("comparable", baseline="a", variant="b")
    assert found.filter(property="measured_sm_clock")["verdict"].item() == verdict


def test_a_timeline_tells_its_clock_if_gpu_metrics_were_sampled(corpus: Database) -> None:
    found = corpus.query("comparable", baseline="gpu_metrics.sqlite.xz", variant=A)
    # The GPU ran at its highest clock, and slower before and after the kernels.
    clock = found.filter(property="measured_sm_clock").row(0, named=True)
    assert (clock["baseline"], clock["variant"], clock["verdict"]) == ("1980 MHz", None, "unknown")
    assert found.filter(property="highest_sm_clock")["baseline"].item() == "1980 MHz"
    samples = "SELECT avg(value) FROM gpu_samples WHERE metric = 'GPC Clock Frequency'"
    assert corpus.sql(samples).item() < 1400


@pytest.mark.long
def test_a_tag_that_differs_is_named_but_is_no_reason_to_distrust() -> None:
    with traceql.open(":memory:") as db:
        for name, mode in (("a", "old"), ("b", "new")):
            made = Profile(tags={"mode": mode, "batch": "8"}, tool_version="1")
            made.gpu("G", multiprocessor_count=1, max_gpu_frequency_khz=1_000_000)
            made.kernel(dram_write=1, metrics={CLOCK: 1e9}).store(db, name)
        found = db.compare(["a"], ["b"], metrics=["dram__bytes_write.sum"])
    verdicts = dict(found.findings.select("property", "verdict").iter_rows())
    assert (verdicts["tag: mode"], verdicts["tag: batch"]) == ("differs", "same")
    assert found.alike is True


@pytest.mark.long
def test_what_cannot_be_compared_is_refused_with_a_way_out(corpus: Database, tmp_path: Path) -> None:
    with pytest.raises(QueryError, match="the baseline holds ncu traces, the variant nsys traces") as caught:
        corpus.compare([PROFILED_A], [A])
    assert f"--timeline {A} --counters {PROFILED_A}" in caught.value.remedy
    with pytest.raises(QueryError, match="no trace is called 'nope'"):
        corpus.compare([A], ["nope"])
    with pytest.raises(QueryError, match="a trace on each side"):
        corpus.compare([A], [])
    with pytest.raises(MissingDataError, match="no copy to compare"):
        corpus.compare([PROFILED_A], [PROFILED_B], topic="copy")


@pytest.mark.long
def test_a_comparison_survives_saving(corpus: Database, tmp_path: Path) -> None:
    found = corpus.compare([A], [B])
    found.save(tmp_path / "diff.json")
    again = compare.load(tmp_path / "diff.json")
    assert (again.baseline, again.variant, again.notes) == (found.baseline, found.variant, found.notes)
    assert again.findings.equals(found.findings)
    assert again.differences.equals(found.differences)
    (tmp_path / "other.json").write_text('{"a": []}')
    with pytest.raises(QueryError, match="not a saved comparison"):
        compare.load(tmp_path / "other.json")
    with pytest.raises(QueryError, match="No such file"):
        compare.load(tmp_path / "none.json")


# --- counters on a timeline -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "mode", [MODES[0], *(pytest.param(mode, marks=pytest.mark.long) for mode in MODES[1:])]
)
def test_every_profiled_launch_finds_itself_on_the_timeline(corpus: Database, mode: str) -> None:
    found = corpus.query("counters_on_timeline", timeline=f"{mode}.sqlite.xz", counters=f"{mode}.ncu-rep.xz")
    kernels = ingest.rows(corpus._store, f"{mode}.ncu-rep.xz")["kernels"]
    both = found.filter(found_in="both")
    # 20 steps were traced, 2 profiled.
    assert (found.height, both.height) == (10 * kernels, kernels)
    assert (found["timeline_matched_pct"][0], found["counters_matched_pct"][0]) == (10, 100)
    assert found["timeline_matched_time_pct"][0] == pytest.approx(
        100 * both["duration_ns"].sum() / found["duration_ns"].sum()
    )
    # What the key does not know tells that they are the same launches: full names, shapes, and their order.
    shape = "demangled, grid_x, grid_y, grid_z, block_x, block_y, block_z"
    of_launch = {row[0]: row[1:] for row in corpus.sql(f"SELECT kernel_id, {shape} FROM kernels").iter_rows()}
    assert all(
        of_launch[ours] == of_launch[theirs]
        for ours, theirs in both.select("kernel_id", "profiled_kernel_id").iter_rows()
    )
    assert both["profiled_kernel_id"].is_sorted()
    assert both["metric_unit"].unique().to_list() == ["%"]
    assert (
        both["dram_write_bytes"].sum()
        == corpus.query("dram_traffic", trace=f"{mode}.ncu-rep.xz")["dram_write_bytes"].sum()
    )


@pytest.mark.long
def test_recordings_of_another_version_and_gpu_are_joined_too(corpus: Database) -> None:
    # One program under nsys and ncu of 2020, without NVTX.
    found = ask(
        corpus,
        "counters_on_timeline",
        timeline="extrap_a100_2020.sqlite.xz",
        counters="extrap_a100_2020.3.ncu-rep.xz",
    )
    assert [(row["kernel"], row["instance"], row["found_in"]) for row in found] == [
        ("init_array", 1, "both"),
        ("init_array", 2, "both"),
        ("vector_add", 1, "both"),
        ("vector_add1", 1, "both"),
        ("vector_mul", 1, "both"),
        ("vector_dot", 1, "both"),
    ]
    profiled = [row["profiled_kernel_id"] for row in found]
    assert profiled == sorted(profiled)


@pytest.mark.long
def test_different_programs_have_nothing_in_common(corpus: Database) -> None:
    found = ask(corpus, "counters_on_timeline", timeline=A, counters="llama_roofline.ncu-rep.xz")
    assert {row["found_in"] for row in found} == {"timeline only", "counters only"}
    assert {(row["timeline_matched_pct"], row["counters_matched_pct"]) for row in found} == {(0, 0)}


def test_ranges_of_other_domains_are_found_however_they_nest() -> None:
    launch = "cudaLaunchKernel_v7000"
    db = timelines(
        line=Recording()
        .range("s", 0, 100)
        # nsys nests s/scan/w: scan is of a domain of its own, which ncu keeps apart from s/w.
        .range("scan", 10, 50, domain="lib")
        .range("w", 20, 40)
        .call(launch, 5, 6, kernel("k", 110, 120))
        # Launched before the next one, but it started later.
        .call(launch, 25, 26, kernel("k", 150, 160))
        .call(launch, 26, 27, kernel("k", 130, 140))
        .call(launch, 60, 61, kernel("k", 170, 180))
    )
    counters = profile(
        ("s", "", "k", 1), ("s/w", "scan", "k", 20), ("s/w", "scan", "k", 30), ("s/w", "", "k", 4)
    )
    counters.store(db, "counters")
    answer = db.ask("counters_on_timeline", timeline="line", counters="counters")
    assert "dram__bytes_read.sum" in notes(answer)
    found = answer.frame()
    columns = ("path", "instance", "found_in", "start_ns", "dram_write_bytes")
    assert found.select(columns).rows() == [
        ("s", 1, "both", 110, 1),
        ("s/w | lib: scan", 2, "both", 130, 30),
        ("s/w | lib: scan", 1, "both", 150, 20),
        ("s", 2, "timeline only", 170, None),
        ("s/w", 1, "counters only", None, 4),
    ]
    assert found.select(pl.col("^.*_pct$")).unique().rows() == [(75, 75, 75, 75, 75)]
    # Reads were not measured: no rate.
    assert found["dram_bytes_per_s"].is_null().all()


# --- the command ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a database of one tagged pair."""
    folder = tmp_path_factory.mktemp("home")
    with traceql.open(folder / "traces.duckdb") as db:
        for mode, name in (("old", PROFILED_A), ("new", PROFILED_B)):
            db.ingest(REPORTS / name, name=mode, tags={"mode": mode, "batch": "8"})
        db.ingest(REPORTS / A, name="line")
    return folder


def run(home: Path, *arguments: str | Path, status: int = 0) -> tuple[str, str]:
    result = CliRunner().invoke(
        cli, ["diff", *map(str, arguments), "--db", str(home / "traces.duckdb")], catch_exceptions=True
    )
    if status:
        assert isinstance(result.exception, traceql.errors.TraceqlError), result.output
        return "", str(result.exception)
    assert result.exit_code == 0, result.output
    return result.stdout, result.stderr


@pytest.mark.long
def test_the_command_says_first_whether_the_sides_are_comparable(home: Path) -> None:
    out, err = run(home, "old", "new", "--topic", "trace", "--vertical")
    notes = err.splitlines()
    assert notes[0] == (
        "note: old and new: not known to be recorded alike; same: ncu, 2025.3.1.0, NVIDIA H200, 1980 MHz"
    )
    assert "note: differs: tag: mode (old | new): what was changed on purpose, or another workload" in notes
    rows = [[line.split(None, 1) for line in row.splitlines()[1:] if line] for row in out.split("row ")]
    (kernels,) = (row for row in rows if ["measure", "kernels"] in row)
    told = [
        ["found_in", "both"],
        ["baseline", "60"],
        ["variant", "182"],
        ["delta", "122"],
        ["delta_pct", "203.33 %"],
    ]
    assert [one for one in kernels if one in told] == told


@pytest.mark.long
def test_traces_are_meant_by_tags_and_csv_holds_every_column(home: Path) -> None:
    out, err = run(home, "mode=old", "mode=new", "--format", "csv")
    frame = pl.read_csv(out.encode())
    assert frame.columns[:3] == ["topic", "path", "name"]
    assert "delta_low" in frame.columns
    assert "launches: 4 in both, 56 in baseline only, 178 in variant only" in err


@pytest.mark.long
def test_reports_are_compared_without_a_database(tmp_path: Path) -> None:
    _, err = run(tmp_path, REPORTS / A, REPORTS / A)
    assert "scv_baseline_off is compared with itself" in err
    # 11 in total, 3 of each of 9 kernels, 7 API functions and 1 kind of copy, 5 of each of 5 ranges.
    assert "note: no difference in 87 measures" in err
    assert not (tmp_path / "traces.duckdb").exists()
    everything, _ = run(tmp_path, REPORTS / A, REPORTS / A, "--all", "--format", "json")
    assert len(json.loads(everything)) == 87
    # A pattern means several runs.
    _, err = run(
        tmp_path,
        REPORTS / "scv_baseline_[ov]*.sqlite.xz",
        REPORTS / "scv_nwor_[gv]*.sqlite.xz",
        "--save",
        tmp_path / "d",
    )
    assert "complete (false | false)" in err
    saved = compare.load(tmp_path / "d")
    assert (len(saved.baseline), len(saved.variant)) == (2, 2)
    assert saved.differences.filter(measure="kernels")["delta_low"][0] is not None


def test_a_query_takes_several_traces(home: Path) -> None:
    sides = ["--baseline", "old", "--baseline", "new", "--variant", "new", "--topic", "trace"]
    database = ["--db", str(home / "traces.duckdb"), "--format", "json"]
    result = CliRunner().invoke(cli, ["query", "diff", *sides, *database])
    (kernels,) = (row for row in json.loads(result.stdout) if row["measure"] == "kernels")
    assert (kernels["baseline"], kernels["variant"], kernels["baseline_runs"], kernels["variant_runs"]) == (
        (60 + 182) / 2,
        182,
        2,
        1,
    )


@pytest.mark.long
def test_what_the_command_cannot_compare_it_names(home: Path) -> None:
    _, err = run(home, "old", "nope", status=1)
    assert err.startswith("nope: neither a trace or tag in ")
    _, err = run(home, "old", REPORTS / A, status=1)
    assert "old is a trace in" in err
    assert "traceql ingest REPORT" in err
    _, err = run(home, "old", "new", "--save", home / "none" / "d.json", status=1)
    assert "cannot be written" in err
    _, err = run(home, "old", "new", "--save", home / "traces.duckdb", status=1)
    assert "not overwritten" in err
    _, err = run(home, "old", "line", status=1)
    assert "counters-on-timeline --timeline line --counters old" in err


def test_the_coverage_of_the_timeline_is_said_with_what_has_none() -> None:
    db = timelines(
        line=Recording().work(kernel("gemm", 0, 60), kernel("gemm", 60, 80), kernel("norm", 80, 100))
    )
    profile(("", "", "gemm", 1), ("", "", "copy", 1)).store(db, "counters")
    answer = db.ask("counters_on_timeline", timeline="line", counters="counters")
    said = [note.text for note in answer.notes if note.code == "remark"]
    assert said == [
        "1 of 3 launches of the timeline have counters, 60.0 % of their time; 1 of 2 profiled launches are on it.",
        "Most of the time without counters, 20.0 % of the timeline's, is of gemm: traceql query ncu-command "
        "says how to profile a launch of it.",
    ]


def test_counters_without_the_ranges_of_the_timeline_are_said_to_lack_them() -> None:
    def is_said(line: Recording, path: str) -> bool:
        db = timelines(line=line)
        profile((path, "", "gemm", 1)).store(db, "counters")
        return "ncu --nvtx records them" in notes(
            db.ask("counters_on_timeline", timeline="line", counters="counters")
        )

    assert is_said(Recording().range("step", 0, 90).launch(1, 2, (3, 60)), "")
    assert not is_said(Recording().range("step", 0, 90).launch(1, 2, (3, 60)), "step")
    assert not is_said(Recording().launch(1, 2, (3, 60)), "")


@pytest.mark.long
def test_a_comparison_of_counters_says_what_moved_with_the_time() -> None:
    db = empty()
    Profile().kernel("k", ns=80, dram_read=300, dram_write=100).store(db, "before")
    Profile().kernel("k", ns=40, dram_read=100, dram_write=100).store(db, "after")
    said = db.compare("before", "after").notes
    moved = "with it moved DRAM bytes -50.0 %; more than it: bytes read from DRAM -66.7 %."
    assert f"All together: time -50.0 %; {moved}" in said
    assert f"k: time -50.0 %; {moved}" in said
    assert not any("moved" in note for note in db.compare("before", "before").notes)


def test_that_nothing_moved_with_the_time_is_said_only_where_no_finding_says_otherwise() -> None:
    db = empty()
    Profile().kernel("k", ns=80, dram_read=0, dram_write=100).store(db, "before")
    Profile().kernel("k", ns=40, dram_read=0, dram_write=100).store(db, "same")
    Profile().kernel("k", ns=40, dram_read=0, dram_write=80).store(db, "less")
    same, less = (
        [note.text for note in db.ask("moved_with", baseline="before", variant=name, kernel="k").notes]
        for name in ("same", "less")
    )
    assert "k: time -50.0 %; none of these counters moved with it." in same
    # ln(0.8) ÷ ln(0.5) = 0.32
    assert "k: time -50.0 %; in part: DRAM bytes -20.0 %, bytes written to DRAM -20.0 %." in less


@pytest.mark.long
@pytest.mark.parametrize("topic", [None, "kernel", "range"])
def test_of_timelines_nothing_is_said_to_have_moved_with_the_time(topic: str | None) -> None:
    db = timelines(
        **{name: Recording().range("r", 0, 9).work(kernel("k", 0, end)) for name, end in (("a", 9), ("b", 4))}
    )
    assert not any("with it moved" in note for note in db.compare("a", "b", topic=topic).notes)


def test_what_moved_with_the_time_of_two_real_reports_follows_from_their_sums(corpus: Database) -> None:
    sides = ["scv_baseline_vectorized.ncu-rep.xz", "scv_nwor_vectorized.ncu-rep.xz"]
    found = corpus.query("moved_with", baseline=sides[:1], variant=sides[1:], names="full", limit=None)
    wanted = {"dram_write_bytes": "dram__bytes_write.sum", "sm__warps_launched.sum": "sm__warps_launched.sum"}
    totals = []
    for side in sides:
        sums: dict[tuple[str | None, str], float] = {}
        for name, metric, value in corpus.sql(
            "SELECT demangled, metric, value FROM kernels JOIN metrics USING (trace_id, kernel_id) "
            "JOIN traces USING (trace_id) WHERE trace = $name",
            {"name": side},
        ).iter_rows():
            for group in (name, None):
                if metric in (*wanted.values(), "gpu__time_duration.sum"):
                    sums[group, metric] = sums.get((group, metric), 0) + value
        totals.append(sums)
    before, after = totals
    shared = {group for group, _ in before} & {group for group, _ in after}
    rows = {(row["group_name"], row["measure"]): row for row in found.to_dicts()}
    assert {group for group, _ in rows} == shared and len(shared) > 3
    for group in shared:
        times = before[group, "gpu__time_duration.sum"], after[group, "gpu__time_duration.sum"]
        for measure, metric in wanted.items():
            row, pair = rows[group, measure], (before[group, metric], after[group, metric])
            assert (row["baseline_ns"], row["variant_ns"]) == times
            assert (row["baseline"], row["variant"]) == pair
            if row["explained_pct"] is not None:
                time, amount = math.log(times[1] / times[0]), math.log(pair[1] / pair[0])
                assert row["explained_pct"] == pytest.approx(100 * amount / time)
                # What the amount does not make up, its rate does.
                rate = math.log(1 + row["rate_delta_pct"] / 100)
                assert amount - rate == pytest.approx(time)
