"""NWOR and SCV: what the deltas and the matrix say, on recorded pairs and on traces whose sums a reader can check."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import kept
import pytest
from made.ncu import Profile
from made.nsys import Recording, graph, kernel
from made.runs import Runs
from made.store import empty
from shipped import REPORTS, TABLES, notes

import traceql
from traceql.errors import QueryError
from traceql.read import runs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from traceql import Database

PAIR = {"step/kv_write": "step/nwor_commit"}
PAIRED = "step/kv_write = step/nwor_commit"
VECTORIZED = {
    "baseline": "scv_baseline_vectorized.ncu-rep.xz",
    "variant": "scv_nwor_vectorized.ncu-rep.xz",
}
# 32 requests × 8 drafts × 2 steps; of each step's 256 drafts, 136 are accepted, and each request has a bonus token.
DRAFTS, ACCEPTED, BONUS = 512, 272, 64
# A row of K and V in 28 layers, 2·8·128 values of 2 bytes each.
TOKEN_BYTES = 28 * 2 * 8 * 128 * 2


def traffic(
    write: float, read: float = 0, l2_write: float = 0, l2_read: float = 0
) -> dict[str, float | None]:
    return {"dram_write": write, "dram_read": read, "l2_write": l2_write, "l2_read": l2_read, "ns": 10}


def found(database: Database, query: str, **params: Any) -> dict[tuple[str, ...], dict[str, Any]]:
    """Rows of a query by their scope, path and measure, as far as it has them."""
    return {
        tuple(row[key] for key in ("scope", "path", "measure") if key in row): row
        for row in database.query(query, **params).to_dicts()
    }


@pytest.fixture
def memory() -> Database:
    return empty()


# --- nwor_delta -----------------------------------------------------------------------------------------


@pytest.mark.long
def test_nwor_saves_47_percent_of_the_dram_writes_and_adds_l2_writes(corpus: Database) -> None:
    rows = found(corpus, "nwor_delta", **VECTORIZED, pair=PAIR, exclude=["step/flush_l2"])
    writes = rows["pair", PAIRED, "dram_write_bytes"]
    assert (writes["baseline"], writes["variant"]) == (60_449_280, 32_058_112)
    assert (writes["delta"], round(writes["delta_pct"], 2)) == (-28_391_168, -46.97)
    l2 = rows["pair", PAIRED, "l2_write_sectors"]
    assert (l2["baseline"], l2["variant"], round(l2["delta_pct"], 2)) == (3_101_568, 3_641_980, 17.42)
    reads = rows["pair", PAIRED, "dram_read_bytes"]
    assert (reads["baseline"], reads["variant"]) == (2_459_648, 1_597_184)
    kernels = {key[:2]: (row["baseline"], row["variant"]) for key, row in rows.items() if key[2] == "kernels"}
    assert kernels == {
        ("pair", PAIRED): (56, 168),
        ("total", "total"): (58, 180),
        ("range", "step"): (None, 10),
        ("range", "step/scv_compute_mask"): (2, 2),
    }
    everything = found(corpus, "nwor_delta", **VECTORIZED)
    total = everything["total", "total", "kernels"]
    assert (total["baseline"], total["variant"]) == (60, 182)
    # Paths pair by name alone only where the change left the names alone.
    assert everything["range", "step/kv_write", "kernels"]["variant"] is None
    assert everything["range", "step/nwor_commit", "kernels"]["baseline"] is None


@pytest.mark.parametrize(
    "mask", ["vectorized", *(pytest.param(mask, marks=pytest.mark.long) for mask in ("off", "graph"))]
)
def test_ranges_add_up_to_the_total_in_every_recorded_pair(corpus: Database, mask: str) -> None:
    rows = corpus.query(
        "nwor_delta",
        baseline=f"scv_baseline_{mask}.ncu-rep.xz",
        variant=f"scv_nwor_{mask}.ncu-rep.xz",
        pair=PAIR,
    ).to_dicts()
    for measure in ("dram_write_bytes", "dram_read_bytes", "l2_write_sectors", "l2_read_sectors", "kernels"):
        for side in ("baseline", "variant"):
            of_measure = [row for row in rows if row["measure"] == measure]
            parts = sum(row[side] or 0 for row in of_measure if row["scope"] != "total")
            assert [parts] == [row[side] for row in of_measure if row["scope"] == "total"]
    # What a pair writes falls by what was rejected, 47 %, give or take what the cache kept.
    (pct,) = (r["delta_pct"] for r in rows if (r["scope"], r["measure"]) == ("pair", "dram_write_bytes"))
    assert -50 < pct < -46


def test_traffic_per_accepted_token_uses_the_tokens_that_parameters_tell(corpus: Database) -> None:
    rows = found(
        corpus,
        "nwor_delta",
        **VECTORIZED,
        pair=PAIR,
        exclude=["step/flush_l2"],
        accepted_tokens=ACCEPTED,
        draft_tokens=DRAFTS,
        bonus_tokens=BONUS,
    )
    per_token = rows["pair", PAIRED, "dram_write_bytes_per_token"]
    assert per_token["variant"] == 32_058_112 / ACCEPTED
    # That row is the least that a token can cost.
    assert TOKEN_BYTES < per_token["variant"] < 1.05 * TOKEN_BYTES
    assert rows["total", "total", "rejected_pct"]["variant"] == 46.875
    # Each request writes a row more than its drafts, which is never rejected.
    kept = rows["total", "total", "kv_rows"]
    assert (kept["baseline"], kept["variant"]) == (DRAFTS + BONUS, ACCEPTED + BONUS)
    assert rows["total", "total", "kv_row_bytes"]["remark"].startswith("bytes per token of scv_baseline")


@pytest.mark.parametrize(
    ("mask", "expected"),
    [
        ("vectorized", -42.44),
        pytest.param("off", -44.46, marks=pytest.mark.long),
        pytest.param("graph", -42.56, marks=pytest.mark.long),
    ],
)
def test_with_what_the_flush_writes_back_writes_fall_by_the_rows_that_are_not_written(
    corpus: Database, mask: str, expected: float
) -> None:
    names = [f"scv_{write}_{mask}.ncu-rep.xz" for write in ("baseline", "nwor")]
    tokens = {"accepted_tokens": ACCEPTED, "draft_tokens": DRAFTS, "bonus_tokens": BONUS}
    rows = found(
        corpus,
        "nwor_delta",
        baseline=names[0],
        variant=names[1],
        pair=PAIR,
        flush=["step/flush_l2"],
        token_bytes=TOKEN_BYTES,
        **tokens,
    )
    # The writes of all kernels of both traces, whatever their range.
    before, after = (
        corpus.sql("SELECT sum(dram_write_bytes) FROM dram WHERE trace = $trace", {"trace": name}).item()
        for name in names
    )
    row = rows["with_flush", "total and flush", "dram_write_bytes"]
    assert row["delta"] == after - before
    assert row["rows_pct"] == pytest.approx(100 * (after - before) / ((DRAFTS + BONUS) * TOKEN_BYTES))
    assert row["rows_pct"] == pytest.approx(expected, abs=0.005)
    assert rows["total", "total", "kv_rows"]["delta_pct"] == pytest.approx(-100 * 120 / 288)
    # What the flush writes itself is in neither side.
    assert row["baseline"] < 1.01 * rows["total", "total", "dram_write_bytes"]["baseline"]


def test_utilisation_of_the_bandwidth_is_weighted_by_time(corpus: Database) -> None:
    rows = found(corpus, "nwor_delta", **VECTORIZED, flush=["step/flush_l2"])
    metric = "dram__throughput.avg.pct_of_peak_sustained_elapsed"
    for side in ("baseline", "variant"):
        (expected,) = corpus.sql(
            """
            SELECT sum(value * kernels.duration_ns) / sum(kernels.duration_ns)
            FROM kernels
            JOIN metrics USING (trace_id, kernel_id)
            JOIN traces USING (trace_id)
            WHERE trace = $trace AND metric = $metric
                AND kernel_id NOT IN (SELECT kernel_id FROM ncu_ranges WHERE text = 'flush_l2')
            """,
            {"trace": VECTORIZED[side], "metric": metric},
        ).row(0)
        assert rows["total", "total", "dram_throughput_pct"][side] == pytest.approx(expected)


@pytest.mark.long
def test_of_two_small_traces_every_sum_is_right(memory: Database) -> None:
    (
        Profile(tags={"spec_num_accepted_tokens": "10", "spec_num_draft_tokens": "20"})
        .kernel("k", "step/kv_write", **traffic(100, 10, 4, 1))
        .kernel("k", "step/kv_write/inner", **traffic(50, 5, 2, 1))
        .kernel("k", "step/mask", **traffic(1, 1, 1, 1))
        .kernel("k", "step/flush", **traffic(9000))
        .kernel("k", "", **traffic(3))
        .store(memory, "before")
    )
    (
        Profile(tags={"spec_num_accepted_tokens": "5", "spec_num_draft_tokens": "20"})
        .kernel("k", "step/commit", **traffic(60, 10, 8, 1))
        .kernel("k", "step/mask", **traffic(1, 1, 1, 1))
        .kernel("k", "step/flush", **traffic(9000))
        .store(memory, "after")
    )
    asked = "step/kv_write = step/commit"
    rows = found(
        memory,
        "nwor_delta",
        baseline="before",
        variant="after",
        pair={"step/kv_write": "step/commit"},
        exclude=["%flush", "nothing"],
    )

    def numbers(*key: str) -> tuple[Any, ...]:
        return tuple(rows[key][column] for column in ("baseline", "variant", "delta", "delta_pct"))

    assert numbers("pair", asked, "dram_write_bytes") == (150, 60, -90, -60)
    assert numbers("pair", asked, "l2_write_sectors") == (6, 8, 2, pytest.approx(100 / 3))
    assert numbers("total", "total", "dram_write_bytes") == (154, 61, -93, pytest.approx(-100 * 93 / 154))
    assert numbers("range", "step/mask", "dram_write_bytes") == (1, 1, 0, 0)
    assert numbers("range", "(outside any range)", "kernels") == (1, None, None, None)
    # 15 and 12 bytes per accepted token: most of the saving is that fewer tokens were accepted.
    assert numbers("pair", asked, "dram_write_bytes_per_token") == (15, 12, -3, -20)
    assert numbers("total", "total", "acceptance_pct") == (50, 25, -25, -50)
    # Nothing to take a percentage of.
    assert numbers("pair", asked, "gpu_ns")[3] == -50
    assert {scope for scope, *_ in rows} == {"pair", "total", "range"}
    assert not any("flush" in path for _, path, _ in rows)


@pytest.mark.long
def test_a_counter_that_some_kernel_lacks_is_unknown_and_says_so(memory: Database) -> None:
    Profile().kernel("k", "step", **traffic(10)).kernel("k", "step", dram_write=5, ns=1).store(
        memory, "before"
    )
    Profile().kernel("k", "step", **{**traffic(10), "dram_write": None}).store(memory, "after")
    rows = found(memory, "nwor_delta", baseline="before", variant="after")
    writes = rows["total", "total", "dram_write_bytes"]
    assert (writes["baseline"], writes["variant"], writes["delta"]) == (15, None, None)
    assert writes["remark"] == "not measured for every kernel of after"
    reads = rows["total", "total", "dram_read_bytes"]
    assert (reads["baseline"], reads["variant"]) == (None, 0)
    per_token = rows["total", "total", "l2_read_sectors_per_token"]
    assert per_token["remark"] == (
        "not measured for every kernel of before; spec_num_accepted_tokens of after is not known"
    )


def test_no_token_to_divide_by_is_said(memory: Database) -> None:
    Profile().kernel("k", "step", **traffic(10)).store(memory, "a")
    rows = found(memory, "nwor_delta", baseline="a", variant="a", accepted_tokens=0, draft_tokens=8)
    row = rows["total", "total", "dram_write_bytes_per_token"]
    assert (row["variant"], row["remark"]) == (None, "no token was accepted in a; no token was accepted in a")
    assert rows["total", "total", "rejected_pct"]["variant"] == 100


def test_a_pair_of_ranges_that_a_trace_lacks_is_unknown_not_zero(memory: Database) -> None:
    Profile().kernel("k", "step", **traffic(10)).store(memory, "before")
    Profile().kernel("k", "step", **traffic(10)).store(memory, "after")
    rows = found(memory, "nwor_delta", baseline="before", variant="after", pair={"step": "stage"})
    row = rows["pair", "step = stage", "dram_write_bytes"]
    assert (row["baseline"], row["variant"], row["remark"]) == (10, None, "no kernel there in after")


def test_a_trace_beside_itself_does_not_change(corpus: Database) -> None:
    name = VECTORIZED["baseline"]
    rows = corpus.query("nwor_delta", baseline=name, variant=name, accepted_tokens=1, draft_tokens=2)
    # How many rows were written is not known.
    assert {row["measure"] for row in rows.to_dicts() if row["delta"] != 0} == {"kv_rows", "kv_row_bytes"}


def test_a_pair_that_names_no_second_path_is_refused(corpus: Database) -> None:
    with pytest.raises(QueryError, match=r"parameter pair: 'step/kv_write' is no MAP"):
        corpus.query("nwor_delta", **VECTORIZED, pair="step/kv_write")


# --- scv_delta ------------------------------------------------------------------------------------------


def test_scv_replaces_193_launches_per_step_by_one_replay(corpus: Database) -> None:
    rows = found(
        corpus, "scv_delta", baseline="scv_baseline_off.sqlite.xz", variant="scv_baseline_graph.sqlite.xz"
    )
    both = {
        measure: (row["baseline_per_instance"], row["variant_per_instance"])
        for (measure,), row in rows.items()
    }
    assert both["launches"] == (193, 0)
    assert both["graph_replays"] == (0, 1)
    assert both["kernels"] == (193, 1)
    assert both["syncs"] == (0, 0)
    # GPU time per step, 221 µs and 1.1 µs; a replay takes about 12 µs of the host's time.
    assert [round(ns, -2) for ns in both["gpu_ns"]] == [221_000, 1_100]
    assert round(both["graph_replay_ns"][1]) == 11_828
    assert rows["launch_ns",]["baseline"] == 25_582_882
    assert (rows["host_ns",]["baseline"], rows["host_ns",]["variant"]) == (76_511_285, 506_406)
    assert rows["warps",]["remark"].startswith("nsys records none")


@pytest.mark.long
def test_launches_through_the_driver_count_like_those_of_the_runtime(corpus: Database) -> None:
    rows = found(
        corpus,
        "scv_delta",
        baseline="scv_baseline_off.sqlite.xz",
        variant="scv_baseline_vectorized.sqlite.xz",
    )
    # cudaLaunchKernel by PyTorch, cuLaunchKernelEx by Triton.
    assert (rows["launches",]["baseline"], rows["launches",]["variant"]) == (3860, 20)
    assert rows["launch_ns",]["variant"] == 173_134


@pytest.mark.long
def test_host_calls_of_the_mask_equal_a_sum_over_times(corpus: Database) -> None:
    for trace in ("scv_baseline_off.sqlite.xz", "scv_nwor_graph.sqlite.xz", "llama_eager.sqlite.xz"):
        text = "layer" if trace.startswith("llama") else "scv_compute_mask"
        (other,) = corpus.sql(
            """
            SELECT
                count(*) FILTER (api_calls.name LIKE '%LaunchKernel%') AS launches,
                sum(api_calls.duration_ns) FILTER (api_calls.name LIKE '%LaunchKernel%')::BIGINT AS launch_ns,
                count(*) FILTER (api_calls.name LIKE '%GraphLaunch%') AS graph_replays,
                count(*) FILTER (api_calls.name LIKE '%Synchronize') AS syncs
            FROM nvtx_ranges
            JOIN traces USING (trace_id)
            JOIN api_calls ON api_calls.trace_id = nvtx_ranges.trace_id AND api_calls.tid = nvtx_ranges.tid
                AND api_calls.start_ns >= nvtx_ranges.start_ns AND api_calls.start_ns < nvtx_ranges.end_ns
            WHERE trace = $trace AND text = $text
            """,
            {"trace": trace, "text": text},
        ).to_dicts()
        mine = found(corpus, "scv_delta", baseline=trace, variant=trace, range=text)
        assert {name: value or 0 for name, value in other.items()} == {
            name: mine[name,]["variant"] for name in other
        }


@pytest.mark.long
def test_what_a_range_costs_by_hand(memory: Database) -> None:
    recording = (
        Recording()
        .range("mask", 0, 100)
        # In itself: no second instance, and no work twice.
        .range("mask", 10, 50)
        .range("mask", 200, 240)
        .call("cudaLaunchKernel_v7000", 20, 25, kernel("k", 30, 37))
        # The driver call inside, with the same id, is the same launch.
        .call("cuLaunchKernel", 21, 24, layer="driver", nested=True)
        .call("cudaGraphLaunch_v10000", 210, 213, graph(215, 225))
        .call("cudaStreamSynchronize_v3020", 220, 230)
        .call("cudaLaunchHostFunc_v10000", 231, 232)
        .call("cudaLaunchKernel_v7000", 300, 305, kernel("k", 310, 320))
    )
    recording.store(memory, "a")
    Recording().range("other", 0, 100).store(memory, "b")
    rows = found(memory, "scv_delta", baseline="a", variant="b", range="mask")
    assert notes(memory.ask("scv_delta", baseline="a", variant="b", range="mask"))
    assert {counter: row["baseline"] for (counter,), row in rows.items()} == {
        "instances": 2,
        "host_ns": 140,
        "launches": 1,
        "launch_ns": 5,
        "graph_replays": 1,
        "graph_replay_ns": 3,
        "replays_by_node": 0,
        "syncs": 1,
        "sync_ns": 10,
        # The graph was traced as a whole: what ran in it is not known.
        "kernels": None,
        "gpu_ns": None,
        "warps": None,
    }
    # The range did not run: that is known. What it would have cost is not.
    assert {measure: row["variant"] for (measure,), row in rows.items() if row["variant"] is not None} == {
        "instances": 0
    }
    assert rows["launches",]["remark"] == "no range mask in b"
    assert rows["kernels",]["remark"] == "kernels of CUDA graphs are not recorded in a; no range mask in b"


def test_a_range_without_recorded_calls_has_unknown_launches(memory: Database) -> None:
    Recording().range("mask", 0, 100).store(memory, "a")
    row = memory.sql("FROM range_costs").row(0, named=True)
    assert (row["instances"], row["host_ns"]) == (1, 100)
    unknown = {name for name, value in row.items() if value is None and not name.startswith("median_")}
    assert unknown == {
        "launches", "launch_ns", "graph_replays", "graph_replay_ns", "replays_by_node", "syncs", "sync_ns", "kernels",
        "gpu_ns", "warps",
    }  # fmt: skip
    assert {name for name, value in row.items() if name.startswith("median_") and value is not None} == {
        "median_host_ns"
    }


@pytest.mark.long
def test_ncu_tells_kernels_and_warps_of_the_mask(corpus: Database, memory: Database) -> None:
    rows = found(
        corpus, "scv_delta", baseline="scv_baseline_off.ncu-rep.xz", variant="scv_baseline_graph.ncu-rep.xz"
    )
    assert (rows["kernels",]["baseline"], rows["kernels",]["variant"]) == (386, 2)
    assert (rows["warps",]["baseline"], rows["warps",]["variant"]) == (271_872, 256)
    assert rows["host_ns",]["remark"].startswith("ncu records none (scv_baseline_off")
    first = Profile(tags={"steps": "2"}).kernel("k", "step/mask", ns=4, warps=8).kernel("k", "mask", ns=4)
    first.store(memory, "a")
    Profile().kernel("k", "mask", ns=4, warps=8).store(memory, "b")
    rows = found(memory, "scv_delta", baseline="a", variant="b", range="mask")
    assert (rows["kernels",]["baseline_per_instance"], rows["kernels",]["variant_per_instance"]) == (1, None)
    assert (rows["warps",]["baseline"], rows["warps",]["variant"]) == (None, 8)
    assert rows["instances",]["remark"] == "b does not tell: ingest it with --tag steps=N"


# --- tokens and latency ---------------------------------------------------------------------------------


def test_a_run_belongs_to_the_trace_that_it_names(memory: Database) -> None:
    Profile().kernel("k", "step", **traffic(10)).store(memory, "before")
    Profile(tags={"gpu": "H200"}).kernel("k", "step", **traffic(5)).store(memory, "after")
    staged = {"nwor_tokens_staged": 64, "nwor_tokens_committed": 16}
    Runs(
        {"trace": "before", "gpu": "H200", "latency_avg_s": 1.0},
        {"trace": "before", "gpu": "H200", "latency_avg_s": 3.0},
        {"trace": "after", "gpu": "H200", "latency_avg_s": 2.5, **staged},
        # Of another GPU: not the trace that it names.
        {"trace": "after", "gpu": "A100", "latency_avg_s": 9.0, **staged},
    ).store(memory, "runs")
    rows = found(memory, "run_delta", baseline="before", variant="after")
    latency = rows["latency_s",]
    assert (latency["baseline"], latency["variant"], latency["delta_pct"]) == (2.0, 2.5, 25)
    saved = rows["writes_saved_pct",]
    assert (saved["baseline"], saved["variant"]) == (None, 75)
    assert saved["remark"] == "not known of before (traceql import-runs FILE --tag trace=NAME)"


def test_runs_of_several_files_are_not_one_measurement(memory: Database) -> None:
    Profile().kernel("k", "step", **traffic(10)).store(memory, "before")
    for name in ("a", "b"):
        Runs({"trace": "before", "latency_s": 1.0}).store(memory, name)
    rows = found(memory, "run_delta", baseline="before", variant="before")
    assert rows["latency_s",]["baseline"] is None


def test_a_tag_of_the_trace_comes_before_its_runs(memory: Database) -> None:
    tags = {"spec_num_accepted_tokens": "5", "spec_num_draft_tokens": "nan"}
    Profile(tags=tags).kernel("k", "step", **traffic(10)).store(memory, "a")
    Runs({"trace": "a", "spec_num_accepted_tokens": 7, "spec_num_draft_tokens": 20}).store(memory, "runs")
    rows = found(memory, "run_delta", baseline="a", variant="a")
    assert rows["accepted_tokens",]["variant"] == 5
    # A tag that is no number says nothing.
    assert rows["draft_tokens",]["variant"] == 20


@pytest.mark.long
def test_runs_of_the_guides_layout_save_10_percent_of_the_dram_writes(memory: Database) -> None:
    for name in ("baseline", "nwor"):
        memory.import_runs(TABLES / f"small_{name}_t0.7.json")
    sides = {"baseline": "small_baseline_t0.7", "variant": "small_nwor_t0.7"}
    rows = found(memory, "nwor_delta", **sides)
    writes = rows["total", "total", "dram_write_bytes"]
    assert (writes["baseline"], writes["variant"]) == (1.25e9, 1.125e9)
    assert (writes["delta"], writes["delta_pct"]) == (-0.125e9, -10)
    bandwidth = rows["total", "total", "dram_throughput_pct"]
    assert (bandwidth["baseline"], bandwidth["variant"]) == (12.5, 11.8)
    # 4 drafts and a bonus token each: 100 + 25 rows become 90 + 25.
    assert rows["total", "total", "kv_rows"]["delta_pct"] == -8
    latency = found(memory, "run_delta", **sides)
    assert latency["latency_s",]["delta_pct"] == pytest.approx(2.5)
    assert latency["median_latency_s",]["variant"] == 1.025
    matrix = found(memory, "nwor_scv_matrix")["dram_write_bytes",]
    assert (matrix["off_off"], matrix["stage_off"], matrix["stage_off_pct"]) == (1.25e9, 1.125e9, -10)


@pytest.mark.long
def test_a_sweep_of_four_modes_is_a_matrix_and_its_modes_have_names(memory: Database) -> None:
    memory.import_runs(TABLES / "four_modes_latency.json")
    latency = found(memory, "nwor_scv_matrix")["latency_s",]
    assert [latency[mode] for mode in ("off_off", "stage_off", "off_graph", "stage_graph")] == [
        1.0, 1.025, 0.995, 1.024,
    ]  # fmt: skip
    sides = {"baseline": "four_modes_latency:off/off", "variant": "four_modes_latency:off/graph"}
    assert found(memory, "run_delta", **sides)["latency_s",]["delta_pct"] == pytest.approx(-0.5)
    with pytest.raises(
        QueryError, match="four_modes_latency means 4 runs, where one is compared: four_modes"
    ):
        memory.query("run_delta", **{**sides, "baseline": "four_modes_latency"})
    with pytest.raises(QueryError, match="no trace is called 'nope'"):
        memory.query("run_delta", **{**sides, "baseline": "nope"})
    # Questions about what only traces hold take no runs.
    with pytest.raises(QueryError, match="no trace is called"):
        memory.query("trace_summary", trace=sides["baseline"])


def test_a_trace_beside_runs_keeps_its_name(memory: Database) -> None:
    Profile(tags={"spec_num_accepted_tokens": "3"}).kernel("k", **traffic(10)).store(memory, "same")
    Runs({"spec_num_accepted_tokens": 5, "dram__bytes_write.sum": 7}).store(memory, "same")
    Runs({"spec_num_accepted_tokens": 6, "dram__bytes_write.sum": 8}).store(memory, "other")
    rows = found(memory, "nwor_delta", baseline="same", variant="other")
    writes = rows["total", "total", "dram_write_bytes"]
    assert (writes["baseline"], writes["variant"]) == (10, 8)
    tokens = rows["total", "total", "accepted_tokens"]
    assert (tokens["baseline"], tokens["variant"]) == (3, 6)


# --- nwor_scv_matrix ------------------------------------------------------------------------------------

MODES = {
    "off/off": "baseline_off",
    "stage/off": "nwor_off",
    "off/graph": "baseline_graph",
    "stage/graph": "nwor_graph",
}


def named(modes: Mapping[str, str]) -> dict[str, list[str]]:
    return {mode: [f"scv_{name}.ncu-rep.xz", f"scv_{name}.sqlite.xz"] for mode, name in modes.items()}


@pytest.mark.long
def test_the_four_modes_stand_side_by_side(corpus: Database) -> None:
    rows = found(corpus, "nwor_scv_matrix", mode=named(MODES), exclude=["step/flush_l2"])
    cells = {measure: tuple(row.values())[1:5] for (measure,), row in rows.items()}
    assert cells["dram_write_bytes"] == (60_290_816, 30_454_272, 60_744_448, 31_941_376)
    assert cells["launches"] == (193, 193, 0, 0)
    assert cells["graph_replays"] == (0, 0, 1, 1)
    assert cells["latency_s"] == (None, None, None, None)
    writes = rows["dram_write_bytes",]
    assert [round(writes[f"{mode}_pct"], 2) for mode in ("stage_off", "off_graph", "stage_graph")] == [
        -49.49,
        0.75,
        -47.02,
    ]
    assert (
        rows["latency_s",]["remark"] == "no imported run tells (off/graph, off/off, stage/graph, stage/off)"
    )
    # The two queries agree on what they both answer.
    delta = found(
        corpus,
        "nwor_delta",
        baseline="scv_baseline_off.ncu-rep.xz",
        variant="scv_nwor_off.ncu-rep.xz",
        exclude=["step/flush_l2"],
    )
    for measure in ("dram_write_bytes", "dram_read_bytes", "l2_write_sectors", "l2_read_sectors"):
        row = delta["total", "total", measure]
        assert cells[measure][:2] == (row["baseline"], row["variant"])


@pytest.mark.long
def test_a_mode_without_a_trace_is_unknown_and_says_which_is_missing(corpus: Database) -> None:
    rows = found(corpus, "nwor_scv_matrix", mode={"off/off": "scv_baseline_off.ncu-rep.xz"})
    writes = rows["dram_write_bytes",]
    assert writes["stage_graph"] is None
    assert writes["remark"] == "no ncu trace (off/graph, stage/graph, stage/off)"
    assert rows["launches",]["remark"] == "no nsys trace (off/graph, off/off, stage/graph, stage/off)"
    assert rows["dram_write_bytes_per_token",]["remark"].startswith("accepted tokens unknown (off/off)")


@pytest.mark.long
def test_tags_tell_the_modes_of_traces_and_of_imported_sweeps(tmp_path: Path) -> None:
    def fill(database: Database, _: Sequence[Path]) -> None:
        for mode, name in MODES.items():
            nwor, scv = mode.split("/")
            report, tags = REPORTS / f"scv_{name}.ncu-rep.xz", {"nwor_mode": nwor, "scv_mode": scv}
            database.ingest(report, name=name, tags=tags)
        database.import_runs(runs.read(TABLES / "nwor_sweep.json"))

    reports = [REPORTS / f"scv_{name}.ncu-rep.xz" for name in MODES.values()]
    path = kept.database("four-modes", fill, [*reports, TABLES / "nwor_sweep.json"], tmp_path)
    tagged = traceql.open(path)
    rows = found(tagged, "nwor_scv_matrix", exclude=["step/flush_l2"])
    assert rows["dram_write_bytes",]["stage_graph"] == 31_941_376
    # The sweep holds two modes, each with 34 accepted tokens; its batches are parts of them.
    latency = rows["latency_s",]
    assert (latency["off_off"], latency["stage_off"], latency["stage_graph"]) == (0.25, 0.26, None)
    assert latency["stage_off_pct"] == pytest.approx(4)
    assert rows["dram_write_bytes_per_token",]["stage_off"] == 30_454_272 / 34
    # A second trace of a mode leaves open which one is meant.
    Profile(tags={"nwor_mode": "stage", "scv_mode": "graph"}).kernel("k", "step", **traffic(1)).store(
        tagged, "again"
    )
    again = found(tagged, "nwor_scv_matrix")["dram_write_bytes",]
    assert again["stage_graph"] is None
    assert "more than one trace or run (stage/graph)" in again["remark"]


@pytest.mark.long
def test_a_range_that_a_mode_never_entered_is_absent_not_free(memory: Database) -> None:
    Recording(nwor_mode="off", scv_mode="off").range("other", 0, 100).store(memory, "a")
    launches = found(memory, "nwor_scv_matrix")["launches",]
    assert launches["off_off"] is None
    assert launches["remark"].startswith(
        "no nsys trace (off/graph, stage/graph, stage/off); no range scv_compute"
    )


@pytest.mark.long
def test_modes_that_name_no_trace_are_refused(corpus: Database) -> None:
    with pytest.raises(QueryError, match="no trace is called nope"):
        corpus.query("nwor_scv_matrix", mode={"off/off": "nope"})
    with pytest.raises(QueryError, match="mode must be one of off/off, stage/off, off/graph, stage/graph"):
        corpus.query("nwor_scv_matrix", mode={"off": "scv_baseline_off.ncu-rep.xz"})
