"""Checks: what shipped criteria say of recorded pairs, what a verdict means, and files that are refused."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import kept
import pytest
from click.testing import CliRunner
from command_line import ENVIRONMENT
from command_line import traceql as traceql_command
from made.nsys import Recording, graph, kernel
from made.store import empty
from shipped import REPORTS, RESULTS, TABLES

import traceql
from traceql.ask import check_files, checks
from traceql.cli import cli
from traceql.cli.check import CANNOT_TELL, FAILED
from traceql.errors import CheckError, ParameterError
from traceql.questions import catalog
from traceql.questions.parameters import TRACE_PARAMS
from traceql.read import runs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from traceql import Database

VECTORIZED = {
    "baseline": "scv_baseline_vectorized.ncu-rep.xz",
    "variant": "scv_nwor_vectorized.ncu-rep.xz",
}
GRAPH = {"baseline": "scv_baseline_off.sqlite.xz", "variant": "scv_baseline_graph.sqlite.xz"}
# Of 2 steps with 32 requests; a row of K and V has 2·8·128 values of 2 bytes in each of 28 layers.
TOKENS = {"accepted_tokens": 272, "draft_tokens": 512, "bonus_tokens": 64, "token_bytes": 28 * 4096}


def outcomes(verdicts: list[checks.Verdict]) -> dict[str, str]:
    return {verdict.name: verdict.outcome for verdict in verdicts}


def one(condition: str, **others: Any) -> check_files.CheckFile:
    """A file with one check of the traces in the corpus."""
    table = {"name": "c", "query": "trace_summary", "condition": condition, "message": "m", **others}
    lines = "\n".join(f"{key} = {json.dumps(value)}" for key, value in table.items() if key != "parameters")
    given = ", ".join(f"{name} = {json.dumps(value)}" for name, value in table.get("parameters", {}).items())
    return check_files.parse(
        f"[[check]]\n{lines}\nparameters = {{ {given} }}\n", "mine.toml", catalog.shipped()
    )


# --- shipped files --------------------------------------------------------------------------------------


@pytest.mark.long
def test_nwor_saves_writes_on_the_recorded_pair_but_changes_reads_and_l2(corpus: Database) -> None:
    verdicts = corpus.check("nwor", **VECTORIZED)
    assert outcomes(verdicts) == {
        "dram-writes-fall": "pass",
        "dram-writes-match-rows": "cannot tell",
        "dram-reads-unchanged": "fail",
        "l2-writes-follow": "fail",
        "bandwidth-falls": "pass",
        "latency-overhead": "cannot tell",
        "drafts-are-staged": "cannot tell",
        "accepted-are-committed": "cannot tell",
        "writes-saved": "cannot tell",
        "acceptance-kept": "cannot tell",
    }
    evidence = {verdict.name: verdict.evidence for verdict in verdicts}
    with_flush, pair, total = evidence["dram-writes-fall"]
    assert (pair["path"], pair["baseline"], pair["variant"]) == (
        "step/kv_write = step/nwor_commit",
        60_449_280,
        32_058_112,
    )
    assert [round(row["delta_pct"], 2) for row in (pair, total, with_flush)] == [-46.97, -46.89, -46.37]
    assert [round(row["delta_pct"], 2) for row in evidence["l2-writes-follow"]] == [-46.37, -46.89, 17.46]


@pytest.mark.long
def test_the_saved_share_matches_the_rows_that_are_not_written(corpus: Database) -> None:
    verdicts = corpus.check("nwor", **VECTORIZED, parameters=TOKENS)
    assert outcomes(verdicts)["dram-writes-match-rows"] == "pass"
    evidence = next(verdict.evidence for verdict in verdicts if verdict.name == "dram-writes-match-rows")
    # 576 rows, 64 of them of bonus tokens, become 336; 42.4 % of their bytes with what the flush writes back.
    shown = {(row["path"], row["measure"]): row for row in evidence}
    assert round(shown["total", "kv_rows"]["delta_pct"], 2) == -41.67
    assert round(shown["total and flush", "dram_write_bytes"]["rows_pct"], 2) == -42.44
    # Had every draft been accepted, nothing should have been saved.
    everything = corpus.check("nwor", **VECTORIZED, parameters={**TOKENS, "accepted_tokens": 512})
    assert outcomes(everything)["dram-writes-match-rows"] == "fail"
    # Without rows of bonus tokens, it would be another share.
    unknown = {name: value for name, value in TOKENS.items() if name != "bonus_tokens"}
    assert outcomes(corpus.check("nwor", **VECTORIZED, parameters=unknown))["dram-writes-match-rows"] == (
        "cannot tell"
    )


@pytest.mark.long
def test_writes_without_what_the_flush_writes_back_do_not_match_the_rows() -> None:
    database = empty()
    names = ("scv_ncu_baseline_vectorized", "scv_ncu_nwor_vectorized")
    for name in names:
        database.ingest(RESULTS / "data" / f"{name}.ncu-rep.xz", name=name)

    def told(**given: Any) -> str:
        parameters = {"token_bytes": TOKENS["token_bytes"], **given}
        verdicts = database.check("nwor", baseline=names[0], variant=names[1], parameters=parameters)
        return outcomes(verdicts)["dram-writes-match-rows"]

    # 48.5 %, where 41.7 % of the rows are not written; with the flush 40.4 %.
    assert told(flush=["nothing"], exclude=["step/flush_l2"]) == "fail"
    assert told() == "pass"


@pytest.mark.long
def test_without_the_ranges_of_our_workload_the_total_alone_is_judged(corpus: Database) -> None:
    verdicts = corpus.check("nwor", **VECTORIZED, parameters={"pair": {"a": "b"}})
    assert outcomes(verdicts)["dram-writes-fall"] == "pass"
    assert [row["path"] for row in verdicts[0].evidence] == ["total and flush", "total"]


@pytest.mark.long
def test_the_recorded_graph_tells_nothing_of_replays_as_its_nodes_were_traced_one_by_one(
    corpus: Database,
) -> None:
    verdicts = corpus.check("scv", **GRAPH)
    assert outcomes(verdicts) == {
        "range-visible": "pass",
        "fewer-launches": "pass",
        "less-launch-time": "pass",
        "less-host-time": "pass",
        # There was none before either.
        "one-sync": "cannot tell",
        "replay-under-1-us": "cannot tell",
        "kernel-time-similar": "fail",
        "more-warps": "cannot tell",
        "latency-neutral": "cannot tell",
    }
    (replay,) = next(v.evidence for v in verdicts if v.name == "replay-under-1-us")
    assert round(replay["avg_replay_ns"]) == 11_828
    (median,) = corpus.sql(
        "SELECT median(api_calls.duration_ns) FROM api_calls JOIN traces USING (trace_id) "
        "WHERE trace = $trace AND api_calls.name = 'cudaGraphLaunch'",
        {"trace": GRAPH["variant"]},
    ).row(0)
    assert replay["median_replay_ns"] == median
    assert (replay["graph_replays"], replay["replays_by_node"]) == (20, 20)
    assert "--cuda-graph-trace=graph" in replay["remark"]


@pytest.mark.long
@pytest.mark.parametrize(
    ("longest", "nodes", "verdict"),
    # Under 1 µs although nodes were traced, or without; over it, only without.
    [(900, True, "pass"), (900, False, "pass"), (1100, False, "fail"), (1100, True, "cannot tell")],
)
def test_a_replay_is_judged_by_its_median_and_not_where_tracing_may_have_made_it_long(
    longest: int, nodes: bool, verdict: str
) -> None:
    variant = Recording()
    # Two replays of the time asked for, and one that sets the graph up.
    for number, ns in enumerate((50_000, longest, longest)):
        start = 100_000 * number
        work = kernel("k", start + ns, start + ns + 5, node=1) if nodes else graph(start + ns, start + ns + 5)
        variant.range("scv_compute_mask", start, start + 60_000)
        variant.call("cudaGraphLaunch_v10000", start, start + ns, work)
    database = empty()
    Recording().range("scv_compute_mask", 0, 50).store(database, "before")
    variant.store(database, "after")
    told = outcomes(database.check("scv", baseline="before", variant="after"))
    assert told["replay-under-1-us"] == verdict


@pytest.mark.long
@pytest.mark.parametrize(
    ("before", "after", "verdict"), [(3, 1, "pass"), (3, 2, "fail"), (1, 1, "cannot tell")]
)
def test_one_wait_is_a_gain_only_where_there_were_more(before: int, after: int, verdict: str) -> None:
    database = empty()
    for name, waits in (("before", before), ("after", after)):
        recording = Recording().range("scv_compute_mask", 0, 100)
        for number in range(waits):
            recording.call("cudaStreamSynchronize_v3020", 10 * number, 10 * number + 5)
        recording.store(database, name)
    assert outcomes(database.check("scv", baseline="before", variant="after"))["one-sync"] == verdict


@pytest.mark.long
@pytest.mark.parametrize("by_node", ["before", "after"])
def test_time_that_tracing_by_node_made_longer_decides_only_what_it_cannot_have_changed(by_node: str) -> None:
    def mask(replay: int, nodes: bool) -> Recording:
        recording = Recording().range("scv_compute_mask", 0, replay + 100)
        work = kernel("k", replay, replay + 5, node=1) if nodes else graph(replay, replay + 5)
        return recording.call("cudaGraphLaunch_v10000", 0, replay, work)

    def told(before: int, after: int) -> set[str]:
        database = empty()
        mask(before, by_node == "before").store(database, "before")
        mask(after, by_node == "after").store(database, "after")
        verdicts = outcomes(database.check("scv", baseline="before", variant="after"))
        return {verdicts["less-launch-time"], verdicts["less-host-time"]}

    assert told(100_000, 9_000) == {"cannot tell" if by_node == "before" else "pass"}
    assert told(100_000, 99_000) == {"fail" if by_node == "before" else "cannot tell"}


@pytest.mark.long
def test_what_nwor_cannot_have_saved_is_no_success(tmp_path: Path) -> None:
    def told(accepted: int, writes: int, saved: float) -> tuple[str, str]:
        for name, mode, amount in (("before", "off", 1000), ("after", "stage", writes)):
            staged = 100 if mode == "stage" else None
            table = {
                "nwor_mode": mode,
                "dram__bytes_write.sum": amount,
                "draft_tokens": 4,
                "spec_num_draft_tokens": 100,
                "spec_num_accepted_tokens": accepted,
                "nwor_tokens_staged": staged,
                "nwor_tokens_committed": None if staged is None else staged - saved,
            }
            (tmp_path / f"{name}.json").write_text(json.dumps([table]))
        with traceql.open(":memory:") as database:
            for name in ("before", "after"):
                database.import_runs(tmp_path / f"{name}.json")
            verdicts = outcomes(database.check("nwor", baseline="before", variant="after"))
        return verdicts["dram-writes-match-rows"], verdicts["writes-saved"]

    # Of 100 drafts and 25 bonus tokens 10 rows are not written: 8 %, give or take a quarter.
    assert told(90, 900, 10) == ("pass", "pass")
    assert told(90, 895, 10) == ("fail", "pass")
    assert told(90, 940, 10) == ("pass", "pass")
    assert told(90, 945, 10) == ("fail", "pass")
    # 4 %, and DRAM saw nothing of it.
    assert told(95, 1000, 5) == ("fail", "pass")
    # Under 2 % is no change, and every row was committed here.
    assert told(98, 1000, 2) == ("cannot tell", "pass")
    assert told(95, 1000, 0) == ("cannot tell", "fail")
    assert told(100, 1000, 0) == ("cannot tell", "cannot tell")
    # Of rows, 1 % and none: what fell is not theirs.
    assert told(99, 900, 1) == ("fail", "pass")
    assert told(100, 900, 0) == ("fail", "cannot tell")


@pytest.mark.long
def test_launching_counts_replays_too_so_that_a_graph_saves_nothing_by_its_name() -> None:
    database = empty()
    before, after = (Recording().range("scv_compute_mask", 0, 100) for _ in range(2))
    before.call("cudaLaunchKernel_v7000", 0, 10, kernel("k", 20, 30))
    before.call("cudaLaunchKernel_v7000", 30, 40, kernel("k", 40, 50))
    for start in (0, 30):
        after.call("cudaGraphLaunch_v10000", start, start + 10, graph(start + 20, start + 25))
    before.store(database, "before")
    after.store(database, "after")
    told = outcomes(database.check("scv", baseline="before", variant="after"))
    assert (told["fewer-launches"], told["less-launch-time"]) == ("fail", "fail")


@pytest.mark.long
def test_a_range_that_is_absent_fails_to_be_visible_and_tells_nothing_else(corpus: Database) -> None:
    verdicts = corpus.check("scv", baseline=GRAPH["baseline"], variant="llama_eager.sqlite.xz")
    told = outcomes(verdicts)
    assert told.pop("range-visible") == "fail"
    assert set(told.values()) == {"cannot tell"}
    launches = next(verdict for verdict in verdicts if verdict.name == "fewer-launches")
    assert launches.evidence[0]["remark"] == "no range scv_compute_mask in llama_eager.sqlite.xz"
    assert launches.evidence[0]["variant_per_instance"] is None


@pytest.mark.long
def test_warps_are_judged_on_ncu_reports(corpus: Database) -> None:
    names = {"baseline": "scv_baseline_off.ncu-rep.xz", "variant": "scv_baseline_graph.ncu-rep.xz"}
    told = outcomes(corpus.check("scv", **names))
    assert (told["more-warps"], told["range-visible"], told["fewer-launches"]) == (
        "fail",
        "pass",
        "cannot tell",
    )


@pytest.mark.long
def test_latency_and_tokens_of_imported_runs_are_judged(home: Path, tmp_path: Path) -> None:
    database = copy_of(home, tmp_path)
    for name, report in zip(("before", "after"), VECTORIZED.values(), strict=True):
        database.rename(report.partition(".")[0], name)

    def told(variant: str) -> Mapping[str, str]:
        table = tmp_path / "runs.csv"
        table.write_text(
            "trace,latency_avg_s,nwor_tokens_staged,nwor_tokens_committed,"
            "spec_num_draft_tokens,spec_num_accepted_tokens\n"
            f"before,1.00,,,64,30\nafter,{variant}\n"
        )
        database.import_runs(runs.read(table), replace=True)
        return outcomes(database.check("nwor", baseline="before", variant="after"))

    good = told("1.03,64,30,64,30")
    assert [good[name] for name in ("latency-overhead", "drafts-are-staged", "accepted-are-committed")] == [
        "pass"
    ] * 3
    assert good["acceptance-kept"] == "pass"
    # 34 of 64 drafts are rejected, and so many writes saved.
    assert good["writes-saved"] == "pass"
    bad = told("1.04,60,29,64,28")
    names = (
        "latency-overhead",
        "drafts-are-staged",
        "accepted-are-committed",
        "acceptance-kept",
        "writes-saved",
    )
    assert {bad[name] for name in names} == {"fail"}


@pytest.mark.long
def test_runs_of_the_guides_layout_are_judged_without_a_trace_by_one_command(tmp_path: Path) -> None:
    sides = [TABLES / f"small_{name}_t0.7.json" for name in ("baseline", "nwor")]
    result = run(tmp_path, "nwor", "--baseline", sides[0], "--variant", sides[1], "-f", "json", status=0)
    rows = {row["check"]: row for row in json.loads(result.stdout)}
    assert {row["verdict"] for row in rows.values()} == {"pass"}
    assert rows["writes-saved"]["evidence"] == (
        "saved_pct 10, rejected_pct 10, guide_pct 100, remark the writes of rejected drafts are saved"
    )
    assert (
        "baseline 1,250,000,000, variant 1,125,000,000, delta_pct -10" in rows["dram-writes-fall"]["evidence"]
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.long
def test_runs_of_a_database_are_judged_by_their_names(tmp_path: Path) -> None:
    with traceql.open(tmp_path / "traces.duckdb") as database:
        database.import_runs(TABLES / "four_modes_latency.json")
        modes = {key: ["four_modes_latency"] for key in ("off/off", "stage/off", "off/graph", "stage/graph")}
        told = outcomes(database.check("nwor_scv", parameters={"mode": modes}))
    assert told["combined-overhead-is-that-of-nwor"] == "pass"
    names = [f"four_modes_latency:off/{scv}" for scv in ("off", "graph")]
    result = run(tmp_path, "scv", "--baseline", names[0], "--variant", names[1], status=CANNOT_TELL)
    assert "pass          latency-neutral" in result.stdout
    assert f"remark {names[0]} has no trace; {names[1]} has no trace" in result.stdout
    result = run(tmp_path, "nwor", "--baseline", names[0], "--variant", "four_modes_latency", status=1)
    assert "four_modes_latency means 4 runs, where one is compared: four_modes_latency:off/graph, " in (
        result.stderr
    )
    assert run(tmp_path, "nwor", "--baseline", names[0], "--variant", "nope", status=1).stderr.startswith(
        "error: nope: neither a trace or tag in traces.duckdb nor a file"
    )


@pytest.mark.long
def test_both_modes_are_judged_over_the_matrix(corpus: Database) -> None:
    modes = {
        "off/off": "baseline_off",
        "stage/off": "nwor_off",
        "off/graph": "baseline_graph",
        "stage/graph": "nwor_graph",
    }
    listed = {m: [f"scv_{n}.ncu-rep.xz", f"scv_{n}.sqlite.xz"] for m, n in modes.items()}
    verdicts = corpus.check("nwor-scv", parameters={"mode": listed})
    assert outcomes(verdicts) == {
        "both-save-dram-writes": "pass",
        "both-save-l2-writes": "fail",
        "both-use-less-bandwidth": "pass",
        "both-launch-less": "pass",
        "both-spare-the-host": "pass",
        "combined-overhead-is-that-of-nwor": "cannot tell",
    }


@pytest.mark.long
@pytest.mark.parametrize(
    ("by_node", "longer", "verdict"),
    [
        ("", 9_000, "fail"),
        ("before", 9_000, "fail"),
        ("after", 9_000, "cannot tell"),
        ("after", 90_000, "pass"),
    ],
)
def test_the_hosts_time_in_the_matrix_is_judged_as_that_of_a_pair(
    by_node: str, longer: int, verdict: str
) -> None:
    database = empty()
    for name, mode, ns in (("before", "off", 10_000 + longer), ("after", "stage", 10_000)):
        work = kernel("k", ns, ns + 5, node=1) if name == by_node else graph(ns, ns + 5)
        scv = "off" if mode == "off" else "graph"
        recording = Recording(nwor_mode=mode, scv_mode=scv).range("scv_compute_mask", 0, ns)
        recording.call("cudaGraphLaunch_v10000", 0, ns, work).store(database, name)
    assert outcomes(database.check("nwor_scv"))["both-spare-the-host"] == verdict


@pytest.mark.long
def test_modes_of_unlike_runs_are_not_judged(tmp_path: Path) -> None:
    database = empty()
    for name, scv, nwor, requests in (("a", "off", "off", 1), ("b", "graph", "stage", 512)):
        table = {
            "scv_mode": scv,
            "nwor_mode": nwor,
            "requests": requests,
            "dram__bytes_write.sum": 600 - requests,
        }
        (tmp_path / f"{name}.json").write_text(json.dumps([table]))
        database.import_runs(tmp_path / f"{name}.json")
    writes = next(v for v in database.check("nwor_scv") if v.name == "both-save-dram-writes")
    assert writes.outcome == "cannot tell"
    assert "not of the same requests (off/off, stage/graph)" in writes.evidence[0]["remark"]


@pytest.mark.long
def test_the_budget_holds_for_the_recorded_model_and_names_the_step_that_breaks_it(corpus: Database) -> None:
    budget = check_files.load("budget", catalog.shipped())
    assert set(outcomes(checks.run(corpus._asker, budget, variant="llama_eager.sqlite.xz")).values()) == {
        "pass"
    }
    tight = check_files.parse(
        budget.text.replace("<= 600", "<= 450").replace("<= 20", "<= 16"), "tight.toml", catalog.shipped()
    )
    launches, time = checks.run(corpus._asker, tight, variant="llama_eager.sqlite.xz")
    assert (launches.outcome, time.outcome) == ("fail", "fail")
    # Only the step that is over the limit: prefill.
    assert launches.evidence == (
        {"range": "execute_context_8(4096)_generation_0(0)", "launches_per_step": 506.0},
    )
    assert time.evidence[0]["steps"] == 15


def test_a_report_that_cannot_tell_says_what_would_record_it(corpus: Database) -> None:
    verdicts = corpus.check("budget", variant=VECTORIZED["variant"])
    assert {verdict.outcome for verdict in verdicts} == {"cannot tell"}
    assert "Recorded by: nsys profile --trace=cuda,nvtx" in verdicts[0].notes[0]


@pytest.mark.long
@pytest.mark.parametrize("name", catalog.shipped().checks)
def test_every_shipped_check_can_be_evaluated(corpus: Database, name: str) -> None:
    file = check_files.load(name, catalog.shipped())
    assert file.title
    sides = {"nwor_scv": (), "budget": ("variant",)}.get(name, ("baseline", "variant"))
    verdicts = checks.run(corpus._asker, file, **{side: VECTORIZED[side] for side in sides})
    told = [verdict.name for verdict in verdicts]
    assert told[: len(file.checks)] == [check.name for check in file.checks]
    assert bool(told[len(file.checks) :]) == bool(file.gates)
    # The command's help knows it.
    assert name in CliRunner().invoke(cli, ["check", "--help"]).output


# --- what a verdict means -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("condition", "rows", "outcome"),
    [
        ("kernels > 0", "trace = 'llama_eager.sqlite.xz'", "pass"),
        ("kernels > 1000000", "trace = 'llama_eager.sqlite.xz'", "fail"),
        # One row that fails is enough, one that is unknown leaves it open.
        ("duration_ns > 0", "trace IN ('llama_eager.sqlite.xz', 'scv_nwor_off.ncu-rep.xz')", "cannot tell"),
        ("duration_ns < 0", "trace IN ('llama_eager.sqlite.xz', 'scv_nwor_off.ncu-rep.xz')", "fail"),
        ("kernels > 0", "trace = 'nothing of that name'", "cannot tell"),
        ("kernels > 0", "NULL", "cannot tell"),
        ("NULL::BOOLEAN", "true", "cannot tell"),
        # Aggregates make one row of all.
        ("count(*) > 10", "true", "pass"),
        ("sum(kernels) < 10", "true", "fail"),
        ("max(duration_ns) > 0", "profiler = 'ncu'", "cannot tell"),
        # None of nothing is no evidence of absence.
        ("count(*) = 0", "trace = 'nothing of that name'", "cannot tell"),
        # A comment ends with its line.
        ("kernels > 0 -- or so", "trace = 'llama_eager.sqlite.xz' -- this one", "pass"),
    ],
)
def test_true_for_every_row_passes_and_unknown_is_neither(
    corpus: Database, condition: str, rows: str, outcome: str
) -> None:
    (verdict,) = checks.run(corpus._asker, one(condition, rows=rows))
    assert verdict.outcome == outcome


def test_evidence_is_by_default_what_the_condition_mentions(corpus: Database) -> None:
    (verdict,) = checks.run(corpus._asker, one("kernels > 0", parameters={"trace": "llama_eager.sqlite.xz"}))
    assert verdict.evidence == ({"kernels": 6896},)
    (verdict,) = checks.run(corpus._asker, one("true", parameters={"trace": "llama_eager.sqlite.xz"}))
    assert (verdict.outcome, verdict.evidence) == ("pass", ())


def test_rows_of_several_traces_are_told_apart() -> None:
    with traceql.open(":memory:") as database:
        for name, took in (("fast", 5), ("slow", 50)):
            Recording().work(kernel("k", 0, took)).store(database, name)
        told = {
            names: checks.run(
                database._asker, one("total_ns < 20", query="top_kernels", parameters={"trace": list(names)})
            )[0]
            for names in (("fast", "slow"), ("slow",))
        }
    # Those to blame, and whose they are where they are of several.
    assert told["fast", "slow"].evidence == ({"trace": "slow", "total_ns": 50},)
    assert told["slow",].evidence == ({"total_ns": 50},)


def test_gates_say_how_the_sides_differ_and_what_was_not_recorded() -> None:
    file = check_files.load("regression", catalog.shipped())
    with traceql.open(":memory:") as database:
        Recording().gpu(0, "NVIDIA H200").work(kernel("k", 0, 5)).store(database, "before")
        Recording().gpu(0, "NVIDIA A100-SXM4-80GB").range("step", 0, 5).store(database, "after")
        told = checks.run(database._asker, file, baseline="before", variant="after")
    assert [(one.outcome, one.reason) for one in told] == [("cannot tell", "only in the baseline")]
    (notes,) = {one.notes for one in told}
    assert any(text.startswith("differs: gpu (NVIDIA H200 | NVIDIA A100-SXM4-80GB)") for text in notes)
    assert any("in after: recorded by nsys profile --trace=cuda" in text for text in notes)


def test_what_to_check_where_an_answer_has_no_row_is_said_once() -> None:
    with traceql.open(":memory:") as database:
        Recording().range("a", 0, 5).store(database, "run")
        (told,) = checks.run(database._asker, one("step >= 0", query="step_summary"))
    (text,) = told.notes
    assert told.outcome == "cannot tell" and text.startswith("No rows. No step: ")


@pytest.mark.parametrize(
    ("condition", "outcome"),
    [
        ("kernels / api_calls > 1", "cannot tell"),
        ("0 / api_calls <= 1", "cannot tell"),
        ("NOT kernels / (api_calls - 0.0) > 1", "cannot tell"),
        ("sum(kernels) FILTER (kernels > 0) / sum(api_calls) > 1", "cannot tell"),
        ("kernels / 2 / (1 + api_calls) = 0.5  -- of one kernel", "pass"),
        ("CASE WHEN api_calls > 0 THEN kernels / api_calls > 1 ELSE true END", "pass"),
    ],
)
def test_what_is_divided_by_nothing_is_no_number_that_passes_or_fails(condition: str, outcome: str) -> None:
    with traceql.open(":memory:") as database:
        Recording().work(kernel("k", 0, 5)).store(database, "run")
        assert database.query("trace_summary").select("kernels", "api_calls").row(0) == (1, 0)
        (told,) = checks.run(database._asker, one(condition))
    assert told.outcome == outcome


def test_a_gate_for_nothing_is_said_to_be_and_what_is_never_measured_refused() -> None:
    gates = "".join(
        f"[[gate]]\ntopic = 'kernel'\ngate_pct = 3\nname = '{name}'\n" for name in ("*", "sofmax*")
    )
    file = check_files.parse(gates, "mine.toml", catalog.shipped())
    with traceql.open(":memory:") as database:
        for name in ("before", "after"):
            Recording().work(kernel("softmax", 0, 5)).store(database, name)
        (told, *_) = checks.run(database._asker, file, baseline="before", variant="after")
    assert "No kernel is called 'sofmax*': the gate of 3 % is for nothing." in told.notes
    with pytest.raises(CheckError) as refused:
        check_files.parse(
            "[[gate]]\ntopic = 'kernel'\ngate_pct = 3\nmeasure = 'pace_ns'\n", "mine.toml", catalog.shipped()
        )
    assert refused.value.message == "mine.toml: gate 1: pace_ns is not measured of a kernel"
    assert refused.value.remedy == "It has gpu_ns."


def test_no_row_to_judge_is_said(corpus: Database) -> None:
    (verdict,) = checks.run(corpus._asker, one("kernels > 0", rows="false"))
    assert verdict.notes == ("No row of trace_summary to judge.",)


def test_parameters_of_the_check_come_before_those_of_the_file_and_given_ones_before_both(
    corpus: Database,
) -> None:
    file = check_files.parse(
        """
        [parameters]
        limit = 1
        trace = "llama_eager.sqlite.xz"
        [[check]]
        name = "of the file"
        query = "top_kernels"
        condition = "count(*) = 1"
        message = "m"
        [[check]]
        name = "its own"
        query = "top_kernels"
        parameters = { limit = 2 }
        condition = "count(*) = 2"
        message = "m"
        """,
        "mine.toml",
        catalog.shipped(),
    )
    assert set(outcomes(checks.run(corpus._asker, file)).values()) == {"pass"}
    # As text, the way the command line gives it.
    given = outcomes(checks.run(corpus._asker, file, parameters={"limit": "3"}))
    assert set(given.values()) == {"fail"}


def test_a_check_that_compares_needs_its_traces(corpus: Database) -> None:
    with pytest.raises(ParameterError, match="check 'dram-writes-fall' needs a baseline") as caught:
        corpus.check("nwor", variant=VECTORIZED["variant"])
    assert "--baseline" in caught.value.remedy
    with pytest.raises(CheckError, match=r"nwor.toml: check 'dram-writes-fall': no trace is called 'nope'"):
        corpus.check("nwor", baseline="nope", variant="nope")


def test_a_side_that_no_check_takes_is_refused(corpus: Database, home: Path) -> None:
    with pytest.raises(ParameterError, match=r"nwor_scv.toml: none of its checks takes a baseline") as caught:
        corpus.check("nwor_scv", baseline=VECTORIZED["baseline"])
    assert "mode" in caught.value.remedy
    with pytest.raises(ParameterError, match=r"budget.toml: none of its checks takes a baseline"):
        corpus.check("budget", baseline=GRAPH["baseline"], variant=GRAPH["variant"])
    result = run(home, "nwor_scv", "--variant", "scv_nwor_vectorized", status=2)
    assert result.stderr.startswith("error: nwor_scv.toml: none of its checks takes a variant")
    assert "--param" in result.stderr


# --- files that are refused -----------------------------------------------------------------------------

GOOD = """
[[check]]
name = "c"
query = "trace_summary"
condition = "kernels > 0"
message = "m"
"""


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("name = ", "mine.toml: not TOML"),
        ("", "mine.toml: holds no checks"),
        ("check = 3", "mine.toml: check is not a list"),
        ("check = [3]", "mine.toml: check[0] is not a table"),
        ("chekc = 3", "mine.toml: unknown key 'chekc'"),
        ("title = 3" + GOOD, "mine.toml: title is not a text"),
        (GOOD + GOOD, "mine.toml: two checks are called 'c'"),
        (GOOD + "rwos = 'true'", "mine.toml: check 'c': unknown key 'rwos'"),
        (GOOD.replace('name = "c"\n', ""), "mine.toml: check 1: no name"),
        (GOOD.replace('condition = "kernels > 0"\n', ""), "mine.toml: check 'c': no condition"),
        (GOOD.replace('"kernels > 0"', "true"), "mine.toml: check 'c': condition is not a text"),
        (GOOD.replace('"kernels > 0"', '" "'), "mine.toml: check 'c': condition is empty"),
        (GOOD + "rows = true", "mine.toml: check 'c': rows is not a text"),
        (GOOD + "parameters = 3", "mine.toml: check 'c': parameters is not a table"),
        (GOOD.replace("trace_summary", "trace_sumary"), "check 'c': no query is called 'trace_sumary'"),
        (GOOD + "parameters = { tracee = 'x' }", "check 'c': query trace_summary has no parameter 'tracee'"),
        (GOOD + "parameters = { trace = 3 }", "check 'c': parameter trace: 3 is no VARCHAR"),
        ("[parameters]\nstep = 3" + GOOD, "mine.toml: none of its queries has a parameter 'step'"),
        ("[parameters]\ntrace = 3" + GOOD, "mine.toml: parameter trace: 3 is no VARCHAR"),
    ],
)
def test_a_file_that_makes_no_sense_is_refused_by_name_and_check(text: str, problem: str) -> None:
    with pytest.raises(CheckError) as caught:
        check_files.parse(text, "mine.toml", catalog.shipped())
    assert problem in caught.value.message
    assert caught.value.remedy


@pytest.mark.parametrize("value", ["many", True, 1.5])
def test_a_parameter_of_the_wrong_type_is_refused(value: object) -> None:
    with pytest.raises(CheckError, match="is no BIGINT"):
        one("true", query="top_kernels", parameters={"limit": value})


@pytest.mark.parametrize(
    ("condition", "problem"),
    [
        ("kernals > 0", "kernals"),
        ("kernels >", "syntax error"),
        ("$trace = 'a'", "parameter"),
        # Nothing but an expression.
        ("true); DROP TABLE kernels; --", "syntax error"),
        ("true); DROP TABLE kernels; SELECT (true", "Only SELECT statements"),
        ("true); SELECT (true", "not an expression"),
        ("true) FROM kernels WHERE (true", "not an expression"),
        ("true) FROM read_text('/etc/passwd') WHERE (true", "not an expression"),
        ("true) UNION ALL SELECT (false", "not an expression"),
        ("true) HAVING (true", "not an expression"),
        ("true) LIMIT (0", "not an expression"),
        ("true), (false", "not an expression"),
        ("(SELECT count(*) FROM traces) > 0", "not an expression"),
        ("EXISTS (FROM read_text('/etc/passwd'))", "not an expression"),
        ("kernels IN (SELECT 1)", "not an expression"),
        ("COLUMNS(*) > 0", "not an expression"),
        ("*", "expression"),
        ("true /*", "comment"),
    ],
)
@pytest.mark.parametrize("key", ["condition", "rows"])
def test_sql_that_is_no_condition_is_refused_by_name_and_check(
    corpus: Database, condition: str, problem: str, key: str
) -> None:
    file = one(condition) if key == "condition" else one("true", rows=condition)
    before = corpus.sql("SELECT count(*) FROM kernels").item()
    with pytest.raises(CheckError) as caught:
        checks.run(corpus._asker, file)
    assert caught.value.message.startswith("mine.toml: check 'c': ")
    assert problem in caught.value.message
    assert corpus.sql("SELECT count(*) FROM kernels").item() == before


@pytest.mark.parametrize(
    ("condition", "problem"),
    [
        ("kernels", "kernels: neither true nor false, but int64"),
        ("'yes'", "neither true nor false, but string"),
        ("NULL", "NULL: neither true nor false"),
        # Either every row, or all of them together.
        ("kernels > 0 AND count(*) > 0", "GROUP BY"),
    ],
)
def test_a_condition_that_cannot_hold_is_refused(corpus: Database, condition: str, problem: str) -> None:
    with pytest.raises(CheckError, match=f"mine.toml: check 'c': .*{problem}") as caught:
        checks.run(corpus._asker, one(condition))
    assert "\n" not in caught.value.message
    assert "Columns of trace_summary: trace, profiler" in caught.value.remedy


def test_evidence_is_as_confined_as_conditions(corpus: Database) -> None:
    for evidence in (
        "(SELECT 1)",
        "1 FROM traces",
        "kernels; DROP TABLE kernels",
        "content FROM read_text('a')",
    ):
        with pytest.raises(CheckError, match=r"mine.toml: check 'c': "):
            checks.run(corpus._asker, one("true", evidence=evidence))


def test_a_parameter_that_no_query_has_is_refused(corpus: Database) -> None:
    with pytest.raises(
        ParameterError, match=r"nwor.toml: none of its queries has a parameter 'pairs'"
    ) as caught:
        corpus.check("nwor", **VECTORIZED, parameters={"pairs": "a = b"})
    assert caught.value.remedy.startswith("Did you mean pair? They have ")


def test_an_unknown_name_lists_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(CheckError, match="nwro: no such file") as caught:
        check_files.load("nwro", catalog.shipped())
    assert "budget, regression, nwor, nwor_scv, scv" in caught.value.remedy
    latin = tmp_path / "latin.toml"
    latin.write_bytes('title = "ä"'.encode("latin-1"))
    with pytest.raises(CheckError, match="cannot be read"):
        check_files.load(latin, catalog.shipped())


# --- the command ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a database of the recorded pairs."""
    folder = tmp_path_factory.mktemp("home")
    reports = [REPORTS / name for name in (*VECTORIZED.values(), *GRAPH.values())]
    kept.database("traces", kept.store_all, reports, folder)
    return folder


def copy_of(home: Path, folder: Path) -> Database:
    """A database of the recorded pairs for one test to change."""
    return traceql.open(shutil.copy(home / "traces.duckdb", folder))


def run(home: Path, *arguments: object, status: int) -> subprocess.CompletedProcess[str]:
    result = traceql_command("check", *map(str, arguments), folder=home)
    assert result.returncode == status, result.stderr
    return result


@pytest.mark.long
def test_the_exit_status_tells_failure_doubt_and_success_apart(home: Path) -> None:
    names = ("--baseline", "scv_baseline_vectorized", "--variant", "scv_nwor_vectorized")
    result = run(home, "nwor", *names, status=FAILED)
    assert "pass          dram-writes-fall" in result.stdout
    assert "baseline 60,449,280, variant 32,058,112, delta_pct -46.97" in result.stdout
    assert result.stderr == "nwor.toml: 2 pass, 2 fail, 6 cannot tell\n"
    mine = home / "mine.toml"
    mine.write_text(GOOD)
    assert run(home, "mine.toml", status=0).stderr == "mine.toml: 1 pass\n"
    mine.write_text(GOOD.replace("kernels > 0", "duration_ns > 0"))
    assert "note" not in run(home, "mine.toml", status=CANNOT_TELL).stderr
    mine.write_text(GOOD.replace("kernels > 0", "no_column > 0"))
    assert "error: mine.toml: check 'c': " in run(home, "mine.toml", status=1).stderr
    assert "Missing argument 'FILE'" in run(home, status=2).stderr


@pytest.mark.long
def test_report_files_can_be_judged_without_a_database(home: Path, tmp_path: Path) -> None:
    names = [REPORTS / name for name in VECTORIZED.values()]
    result = run(tmp_path, "nwor", "--baseline", names[0], "--variant", names[1], "-f", "json", status=FAILED)
    rows = json.loads(result.stdout)
    assert [row["verdict"] for row in rows][:4] == ["pass", "cannot tell", "fail", "fail"]
    assert list(tmp_path.iterdir()) == []
    # One of the two is no place to take the other from.
    result = run(home, "nwor", "--baseline", "scv_baseline_vectorized", "--variant", names[1], status=1)
    assert "scv_baseline_vectorized is a trace in traces.duckdb, but not everything" in result.stderr
    result = run(home, "nwor", "--baseline", "scv_baseline_vectorized", "--variant", "nope", status=1)
    assert "nope: neither a trace or tag in traces.duckdb nor a file" in result.stderr


@pytest.mark.long
def test_a_tag_can_mean_a_trace_but_not_several(home: Path, tmp_path: Path) -> None:
    with copy_of(home, tmp_path) as database:
        database.tag(GRAPH["baseline"].partition(".")[0], scv="off", gpu="H200")
        database.tag(GRAPH["variant"].partition(".")[0], scv="graph", gpu="H200")
    result = run(tmp_path, "scv", "--baseline", "scv=off", "--variant", "scv=graph", status=FAILED)
    assert "replay_ns 11,828.35" in result.stdout
    result = run(tmp_path, "scv", "--baseline", "gpu=H200", "--variant", "scv=graph", status=2)
    assert "gpu=H200 means 2 traces: scv_baseline_graph, scv_baseline_off." in result.stderr


@pytest.mark.long
def test_files_can_be_judged_beside_a_damaged_database(tmp_path: Path) -> None:
    (tmp_path / "traces.duckdb").write_text("not a database")
    report = REPORTS / GRAPH["variant"]
    run(tmp_path, "scv", "--baseline", report, "--variant", report, status=FAILED)
    assert "not a DuckDB database" in run(tmp_path, "nwor-scv", status=1).stderr


@pytest.mark.long
def test_a_shipped_file_can_be_printed_and_made_ones_own(home: Path) -> None:
    shown = run(home, "budget", "--show", status=0).stdout
    assert shown == check_files.load("budget", catalog.shipped()).text
    (home / "budget.toml").write_text(shown)
    report = REPORTS / "llama_eager.sqlite.xz"
    assert "ms_per_token 16.84" in run(home, "budget.toml", "--variant", report, status=0).stdout
    result = run(home, "budget", "--variant", report, "--param", "step=nothing%", status=CANNOT_TELL)
    assert "No rows. No step: no range is like the one asked for" in result.stdout


@pytest.mark.long
def test_lists_and_maps_are_given_one_by_one(home: Path) -> None:
    names = ("--baseline", "scv_baseline_vectorized", "--variant", "scv_nwor_vectorized")
    pair = ("--param", "pair=step/kv_write=step/nwor_commit", "--param", "pair=step/mask=step/mask")
    nothing = ("--param", "exclude=step/flush_l2", "--param", "exclude=step/%")
    assert "path step/kv_write = step/nwor_commit, baseline 60,449,280" in (
        run(home, "nwor", *names, *pair, status=FAILED).stdout
    )
    assert "path step/kv_write" not in run(home, "nwor", *names, *nothing, status=CANNOT_TELL).stdout
    assert "parameter pair: 'step' is not A=B" in (
        run(home, "nwor", *names, "--param", "pair=step", status=2).stderr
    )


@pytest.mark.long
def test_what_counts_cannot_see_is_a_note_beside_the_verdict(home: Path) -> None:
    result = run(home, "budget", "--variant", REPORTS / "llama_graph.sqlite.xz", status=0)
    assert "note: 15 CUDA graph launches in llama_graph hold kernels that are not recorded" in result.stderr


@pytest.mark.parametrize(
    ("words", "expected"),
    [("traceql check nw", "plain,nwor"), ("traceql check nwor --variant scv_n", "plain,scv_nwor_vectorized")],
)
def test_names_are_completed(home: Path, words: str, expected: str) -> None:
    position = str(len(words.split()) - 1)
    asked = {"_TRACEQL_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": position}
    result = traceql_command(folder=home, environment=ENVIRONMENT | asked)
    assert expected in result.stdout.split()


def test_every_query_of_a_shipped_check_is_in_the_catalogue_with_the_traces_it_compares() -> None:
    for name in catalog.shipped().checks:
        for check in check_files.load(name, catalog.shipped()).checks:
            params = {param.name for param in catalog.shipped().find(check.query).params}
            assert params & {*TRACE_PARAMS, "mode"}
