"""What is wrong with a trace: recordings with one bad habit each, and rules of the user's own."""

from __future__ import annotations

import json
import re
import shlex
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import polars as pl
import pytest
from command_line import traceql as run
from made import case
from made.ncu import Profile
from made.nsys import Recording, kernel
from made.store import empty
from shipped import MODELS, REPORTS

import traceql
from traceql.ask import findings, floors
from traceql.errors import CatalogError, MissingDataError, QueryError
from traceql.predict import hardware, serving
from traceql.present import units
from traceql.questions import catalog
from traceql.questions.question import FINDINGS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from traceql import Database
    from traceql.ask.findings import Finding, Findings
    from traceql.questions.question import Query

#: Recording → the code of its first finding.
HABITS = {
    "tiny": "launch_bound",
    "pageable": "pageable_copies",
    "hostwork": "host_work",
    "tail": "long_tail",
    "alloc": "allocation",
}


#: Code → a recording that has it, and one that has not.
RECORDED = {
    "launch_bound": ("habit_tiny", "habit_good"),
    "sync": ("habit_sync", "habit_good"),
    "copy": ("cuda_libraries", "habit_good"),
    "host_work": ("habit_hostwork", "habit_tiny"),
    "allocation": ("habit_alloc", "habit_good"),
    "nothing_asked": ("sampled_loop", "habit_good"),
    "code_loading": ("fuser_h200_2025.1", "training"),
    "start_up": ("training", "llama_eager"),
    "no_cuda_graphs": ("llama_eager", "llama_graph"),
    "small_kernels": ("habit_tiny", "habit_good"),
    "pageable_copies": ("habit_pageable", "habit_good"),
    "synchronous_copies": ("memory_and_ranges", "habit_pageable"),
    "long_tail": ("habit_tail", "habit_sync"),
    "drift": ("habit_drift", "habit_tail"),
    "exposed_communication": ("nccl_two_gpus", "llama_eager"),
    "straggler": ("nccl_two_gpus", "llama_eager"),
    "spills": ("kinds_full", "precision"),
    "uncoalesced": ("kinds_full", "precision"),
    "low_occupancy": ("kinds_full", "precision"),
    "idle_warps": ("kinds_full", "precision"),
    "ncu_rule": ("kinds_basic", "roofline_counters"),
    "unattributed": ("pipit_saxpy_2022.2", "habit_good"),
    "throttled": ("clocks_throttled", "clocks_paused"),
    "kernel_drift": ("steady_drift", "clocks_paused"),
    "unclocked_drift": ("clocks_plain", "habit_good"),
    "lost_events": ("killed", "steady_drift"),
    "no_gpu_work": ("nevakrien_rtx4090_2023.4", "killed"),
    "cuda_core_products": ("habit_drift", "clocks_plain"),
    "idle_tensor_cores": ("precision", "kinds_full"),
}
#: Asked in the short run, too.
SHORT = {
    "throttled",
    "unclocked_drift",
    "cuda_core_products",
    "idle_tensor_cores",
    "kernel_drift",
    "lost_events",
}
#: Those that tests below take with --model.
ELSEWHERE = {"slow_products", "slow_attention"}


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    names = [f"habit_{habit}" for habit in (*HABITS, "sync", "drift", "good")]
    names += [
        "clocks_throttled",
        "clocks_paused",
        "clocks_plain",
        "precision",
        "kinds_full",
        "kinds_basic",
        "nccl_two_gpus",
        "llama_eager",
        "llama_graph",
        "late_rank0",
        "late_rank1",
        "jax_gh200_2025.5",
        "jax_training",
        *{name for both in RECORDED.values() for name in both},
    ]
    with traceql.open(tmp_path_factory.mktemp("findings") / "t.duckdb") as database:
        for name in sorted(set(names)):
            forms = (".nsys-rep.xz", ".ncu-rep.xz", ".sqlite.xz")
            path = next(p for suffix in forms if (p := REPORTS / f"{name}{suffix}").exists())
            database.ingest(path, name=name)
        yield database


@cache
def told_of(database: Database, *traces: str, **window: str) -> Findings:
    return database.why(list(traces), limit=None, **window)


def codes(database: Database, *traces: str, **window: str) -> list[str]:
    return [one.code for one in told_of(database, *traces, **window)]


@pytest.mark.long
@pytest.mark.parametrize("habit", HABITS)
def test_the_first_finding_is_the_habit_and_the_good_one_has_none_of_it(
    recorded: Database, habit: str
) -> None:
    assert codes(recorded, f"habit_{habit}")[0] == HABITS[habit]


@pytest.mark.long
def test_what_is_computed_on_the_wrong_cores_costs_more_than_to_wait_for_it(recorded: Database) -> None:
    assert codes(recorded, "habit_sync")[:2] == ["cuda_core_products", "sync"]


@pytest.mark.parametrize(
    "code", [code if code in SHORT else pytest.param(code, marks=pytest.mark.long) for code in RECORDED]
)
def test_a_recording_has_it_and_another_has_not(recorded: Database, code: str) -> None:
    has, has_not = RECORDED[code]
    assert code in codes(recorded, has)
    assert code not in codes(recorded, has_not)


def test_every_code_is_looked_for_in_recordings() -> None:
    told = {code for query in catalog.shipped().queries.values() for code in query.sayings}
    assert RECORDED.keys() | ELSEWHERE == told


@pytest.mark.long
def test_nothing_wrong_is_found_where_nothing_is(recorded: Database) -> None:
    told = recorded.why("habit_good")
    assert len(told) == 0 and told.unknown == ()
    assert {"waiting_gpu", "copies_that_wait", "uneven_steps"} < set(told.looked_at["habit_good"])
    assert "Nothing wrong found" in told._repr_html_()


@pytest.mark.long
def test_the_products_grow_behind_the_loading_of_their_code(recorded: Database) -> None:
    # The first new shape loads a library for 42 ms: before that, this is what the GPU waits for.
    assert codes(recorded, "habit_drift")[0] == "host_work"
    cores, first, *_ = recorded.why("habit_drift", from_="62.8ms")
    assert cores.code == "cuda_core_products"
    assert first.code == "drift" and first.command.endswith("--trace habit_drift --from 62.8ms")


@pytest.mark.long
def test_a_power_limit_is_told_by_the_clocks_and_pauses_let_them_be(recorded: Database) -> None:
    (told,) = (one for one in recorded.why("clocks_throttled") if one.code == "throttled")
    assert told.numbers["kernels"] == 1 and told.severity == "medium"
    launches = recorded.query("cuda_gpu_kern_pace", trace="clocks_throttled", kernel="nvjet*")["duration_ns"]
    # The seven fastest of 621 are a hundredth; clocks explain all that the others take longer.
    fast = launches.sort()[6]
    assert told.saving_ns == sum(max(one - fast, 0) for one in launches)
    samples = recorded.query("gpu_metric_util_sum", trace="clocks_throttled", metric="GPC Clock*")
    slow, quick = told.numbers["slow_clock_hz"], told.numbers["fast_clock_hz"]
    assert (
        slow and quick and slow == pytest.approx(1e6 * samples["median"][0], rel=0.02) and quick > 1.15 * slow
    )
    assert {"throttled", "kernel_drift", "unclocked_drift"}.isdisjoint(codes(recorded, "clocks_paused"))


@pytest.mark.long
def test_a_product_that_slows_down_at_clocks_that_stay_is_told_with_the_clocks(recorded: Database) -> None:
    (told,) = found(recorded, "kernel_drift")
    launches = recorded.query("cuda_gpu_kern_pace", trace="steady_drift", kernel="nvjet*")["duration_ns"]
    # The sixth fastest of 600 is the hundredth; what the others take longer is more than a percent of all.
    fast = launches.sort()[5]
    assert told.saving_ns == sum(max(one - fast, 0) for one in launches) and launches.max() > 4 * fast
    samples = recorded.query("gpu_metric_util_sum", trace="steady_drift", metric="GPC Clock*")
    assert samples["max"][0] < 1.1 * samples["median"][0]
    assert {"throttled", "unclocked_drift"}.isdisjoint(codes(recorded, "steady_drift"))


@pytest.mark.long
def test_a_program_that_is_killed_loses_its_kernels_and_that_is_said_first(recorded: Database) -> None:
    counts = recorded.sql(
        "SELECT counts_agree, (SELECT count(*) FROM nvtx_ranges WHERE trace_id = traces.trace_id) AS ranges, "
        "(SELECT count(*) FROM kernels WHERE trace_id = traces.trace_id) AS kernels "
        "FROM traces WHERE trace = 'killed'"
    ).row(0)
    # Its own counts agree, as nothing of it was counted.
    assert counts == (True, 17965, 0)
    first = told_of(recorded, "killed").found[0]
    assert (first.code, first.severity) == ("lost_events", "doubt")
    assert first.where == "the whole recording: what its process had not handed over at the end"
    assert "--cuda-flush-interval" in first.remedy


@pytest.mark.long
def test_what_takes_longer_at_clocks_that_nobody_recorded_is_told_to_record_them(recorded: Database) -> None:
    (told,) = (one for one in recorded.why("clocks_plain") if one.rule == "slowing_kernels")
    assert told.code == "unclocked_drift" and "whether the clocks fell was not recorded" in told.sentence
    assert "--gpu-metrics-devices=all" in told.remedy


@pytest.mark.long
def test_only_what_slows_down_is_told_to(recorded: Database) -> None:
    others = ("habit_*", "llama_*", "late_rank*", "nccl_two_gpus", "clocks_paused")
    assert not [one for one in recorded.why(*others, limit=None) if one.rule == "slowing_kernels"]


@pytest.mark.long
def test_products_on_the_wrong_cores_are_told_by_counters_and_by_names(recorded: Database) -> None:
    (told,) = (one for one in recorded.why("precision", limit=None) if one.code == "idle_tensor_cores")
    # Of three products of one shape the one in float32; on the tensor cores it takes an eighth of it.
    took = recorded.query("top_kernels", trace="precision", limit=None)
    assert told.numbers["gpu_ns"] == took["total_ns"][0] and "f32f32_f32f32_f32" in took["kernel"][0]
    assert (told.saving_ns or 0) > took["total_ns"][0] - took["total_ns"][1]
    assert "idle_tensor_cores" not in codes(recorded, "kinds_full")
    assert "cuda_core_products" in codes(recorded, "habit_drift")
    assert "cuda_core_products" not in codes(recorded, "habit_good", "llama_eager", "clocks_plain")


LLAMA = MODELS / "llama-3.1-8b.json"


@pytest.mark.long
def test_products_are_compared_with_the_floor_that_predict_gives(recorded: Database) -> None:
    told = recorded.why("llama_eager", model=LLAMA, limit=None)
    slow = [one for one in told if one.code == "slow_products"]
    prefill, decode = sorted(slow, key=lambda one: one.numbers["steps"] or 0)
    assert "(prefill, " in prefill.sentence and "(decode, " in decode.sentence
    model, h200 = floors.model_of(LLAMA)[0], hardware.find("H200")
    weights = [one for one in serving.decode(model, h200, batch=8, context=0) if one.ridge_batch is not None]
    assert decode.numbers["avg_floor_ns"] == pytest.approx(1e9 * sum(one.floor_s for one in weights))
    work = recorded.query("step_work", trace="llama_eager").filter(pl.col("category") == "gemm")
    assert decode.numbers["avg_work_ns"] == work.filter(pl.col("steps") == 15)["avg_gpu_ns"][0]
    assert decode.saving_ns == round(
        15 * ((decode.numbers["avg_work_ns"] or 0) - (decode.numbers["avg_floor_ns"] or 0))
    )
    # No name tells how long contexts are that are decoded, but that of prompts is known.
    assert any("traceql tag llama_eager input_len=512" in text for text in told.unknown)
    assert decode.command == "traceql query step-work --trace llama_eager"
    assert "above_the_floor" not in recorded.why("llama_eager").looked_at["llama_eager"]


@pytest.mark.long
def test_kernels_that_graphs_hide_and_gpus_that_share_a_model_cannot_be_compared(recorded: Database) -> None:
    graphs = recorded.why("llama_graph", model=LLAMA, limit=None)
    assert [one.numbers["steps"] for one in graphs if one.code == "slow_products"] == [1]
    assert any("--cuda-graph-trace=node" in text for text in graphs.unknown)
    shared = recorded.why("nccl_two_gpus", model=LLAMA, limit=None)
    assert any("traceql tag nccl_two_gpus tensor_parallel_size=2" in text for text in shared.unknown)


def serving_steps(*, tokens: int = 4, took: int = 10_000_000, gpu: str = "NVIDIA H200") -> Recording:
    """Two decode steps and one that takes a prompt, too: each a product and attention."""
    made = Recording().gpu(0, gpu, cuda=0)
    names = [f"execute_context_0(0)_generation_{tokens}({tokens})"] * 2
    for number, name in enumerate([*names, f"execute_context_1(8)_generation_{tokens}({tokens})"]):
        at = 100_000_000 * number
        made.range(name, at, at + 90_000_000)
        made.call("cudaLaunchKernel", at + 1, at + 5, kernel("nvjet_gemm", at + 10, at + 10 + took))
        made.call(
            "cudaLaunchKernel", at + 6, at + 9, kernel("flash_fwd_kernel", at + 20 + took, at + 30 + 2 * took)
        )
    return made


def of_model(made: Recording, **tags: str | int) -> Findings:
    with empty() as database:
        made.store(database, "made")
        if tags:
            database.tag("made", **tags)
        return database.why("made", model=LLAMA, limit=None)


def floors_unknown(told: Findings) -> list[str]:
    return [text for text in told.unknown if "floor" in text]


def test_what_is_not_known_of_steps_is_counted_and_told_once() -> None:
    told = of_model(serving_steps())
    assert floors_unknown(told) == [
        "Cannot tell how far attention is from its floor in 2 of 3 steps of made: the lengths of contexts are not "
        "recorded. A tag tells the least: traceql tag made input_len=512",
        "Cannot tell how far attention is from its floor in 1 of 3 steps of made: they take prompts and decode at once.",
    ]
    (tagged,) = floors_unknown(of_model(serving_steps(), input_len=512))
    assert "1 of 3 steps" in tagged
    made = Recording().gpu(0, "NVIDIA H200", cuda=0)
    for at in (0, 100, 200):
        made.range("forward", at, at + 50).call(
            "cudaLaunchKernel", at, at + 5, kernel("gemm", at + 10, at + 40)
        )
    told = of_model(made)
    assert floors_unknown(told) == [
        "Cannot tell how far products and attention are from their floors in 3 of 3 steps of made: only names of "
        "vLLM's steps tell their tokens. Of ranges prefill* and decode* tags do: traceql tag made batch_size=8 "
        "input_len=512"
    ]
    # Nothing was compared.
    assert "above_the_floor" not in told.looked_at["made"]


@pytest.mark.parametrize(
    ("made", "tags", "why"),
    [
        (serving_steps(), {"pipeline_parallel_size": 2}, "its GPUs hold some of the layers each"),
        (serving_steps(), {"quantization": "fp8"}, "its weights are quantised ('fp8'), of which the configuration"),
        (serving_steps(), {"kv_cache_dtype": "fp7"}, "its tag kv_cache_dtype is 'fp7', which is no known type"),
        (serving_steps(), {"tensor_parallel_size": 5}, "tensor_parallel_size 5 does not divide num_attention_heads 32"),
        (serving_steps(gpu="Voodoo 2"), {}, "its GPU is none that traceql knows"),
        (Recording().range("step", 0, 5), {}, "it holds no kernels"),
        (
            Recording().gpu(0, "NVIDIA H200", cuda=0).work(kernel("k", 0, 5)),
            {},
            "no NVTX ranges tell its steps. Recorded by: nsys profile --trace=cuda,nvtx",
        ),
    ],
    ids=["stages", "quantised", "type", "share", "GPU", "no kernels", "no steps"],
)  # fmt: skip
def test_why_no_floor_is_known_is_told(made: Recording, tags: dict[str, str | int], why: str) -> None:
    told = of_model(made, **tags)
    (text,) = floors_unknown(told)
    assert text.startswith(f"Cannot tell how far made is from the floors of the model: {why}")
    assert "above_the_floor" not in told.looked_at["made"]


def test_tags_say_in_which_types_a_model_ran() -> None:
    # 129 tokens of 8 heads of 128 in 32 layers, keys and values, of each of 4 requests: 2 bytes an element, or 1.
    cached_bytes = 129 * 8 * 128 * 32 * 2 * 4
    for tags, width in (({}, 2), ({"kv_cache_dtype": "fp8_e4m3"}, 1), ({"dtype": "float32"}, 4)):
        told = of_model(serving_steps(), input_len=128, **tags)
        (slow,) = (one for one in told if one.code == "slow_attention")
        assert slow.numbers["avg_floor_ns"] == pytest.approx(1e9 * cached_bytes * width / 4.8e12)
    # All weights but the embedding's, of which some rows are read, in 2 bytes each at least.
    weights = 32 * (4096 * 128 * (2 * 32 + 2 * 8) + 3 * 4096 * 14336) + 128256 * 4096
    (slow,) = (
        one for one in of_model(serving_steps()) if one.code == "slow_products" and "decode" in one.sentence
    )
    assert slow.numbers["avg_floor_ns"] == pytest.approx(1e9 * 2 * weights / 4.8e12)


def test_work_below_its_floor_is_told_to_be_another() -> None:
    told = of_model(serving_steps(took=1_000_000))
    assert not [one for one in told if one.rule == "above_the_floor"]
    decode, mixed = (text for text in floors_unknown(told) if "1 ms a step" in text)
    assert "Products in 2 steps of made (decode, execute_context_*(*)_generation_*(*))" in decode
    assert "where the model needs 3.127 ms at least. Another model ran, or in other types;" in decode
    assert "Products in 1 step of made (mixed, " in mixed
    assert "above_the_floor" not in told.looked_at["made"]


@pytest.mark.long
def test_host_work_is_placed_in_its_range(recorded: Database) -> None:
    (found,) = recorded.why("habit_hostwork")
    assert found.range == "tokenize"
    # 11 pauses of 5 ms between 12 steps.
    assert found.saving_ns is not None and 55e6 < found.saving_ns < 11 * 5.5e6
    assert found.numbers["gaps"] == 11


@pytest.mark.long
@pytest.mark.parametrize("name", ["training", "jax_training"])
def test_what_a_program_pays_once_comes_last_and_is_no_part_of_what_others_are_a_share_of(
    recorded: Database, name: str
) -> None:
    told = told_of(recorded, name)
    *steady, last = told
    assert last.code == "start_up" and last.severity == "once" and last.saving_pct > 98
    assert steady and "start_up" not in {one.code for one in steady}
    # Half of the time that is left is the GPU's, or told to be lost.
    assert max(one.saving_pct for one in steady if one.saving_pct is not None) > 30
    # All gaps until the first step behind warm-up, counted by themselves.
    steps = recorded.query("step_summary", trace=name).filter(pl.col("gpu_start_ns").is_not_null())
    firsts = steps.filter(~pl.col("is_warm_up")).group_by("pid").agg(first=pl.col("gpu_start_ns").min())
    gaps = recorded.query("gpu_gaps", trace=name, limit=None).join(firsts, on="pid")
    early = gaps.filter(pl.col("start_ns") + pl.col("duration_ns") <= pl.col("first"))
    assert last.saving_ns == early["duration_ns"].sum() and last.numbers["gaps"] == len(early)


@pytest.mark.long
def test_what_a_finding_costs_is_what_its_question_adds_up_to(recorded: Database) -> None:
    copies = recorded.query("cuda_memcpy_async", trace="habit_pageable", limit=None)
    assert recorded.why("habit_pageable").found[0].saving_ns == copies["duration_ns"].sum()
    gaps = recorded.query("cpu_bound_gaps", trace="habit_tiny", min_cpu_pct=0, limit=None)
    started = gaps.filter(gaps["before_call_ns"] + gaps["in_call_ns"] > 0)
    assert recorded.why("habit_tiny").found[0].saving_ns == started["duration_ns"].sum()


@pytest.mark.long
def test_eager_decoding_is_told_to_use_graphs_with_its_launches_and_decoding_by_graphs_is_not(
    recorded: Database,
) -> None:
    eager = {one.code: one for one in recorded.why("llama_eager", limit=None)}
    launches = recorded.query("launches_per_step", trace="llama_eager")["launches_per_step"].to_list()
    assert eager["no_cuda_graphs"].numbers["launches_per_step"] in launches
    assert "small_kernels" in eager
    assert {"no_cuda_graphs", "small_kernels"}.isdisjoint(codes(recorded, "llama_graph"))


@pytest.mark.long
def test_ranks_of_a_job_in_traces_of_their_own_are_compared(recorded: Database) -> None:
    late = codes(recorded, "late_rank0", "late_rank1")
    assert late.count("straggler") == 2 and late.count("exposed_communication") == 2
    assert {"straggler", "exposed_communication"} <= set(codes(recorded, "nccl_two_gpus"))
    assert {"straggler", "exposed_communication"}.isdisjoint(codes(recorded, "llama_eager"))


@pytest.mark.long
def test_collectives_of_all_kernels_of_a_rank_are_counted_and_the_command_shows_them(
    recorded: Database,
) -> None:
    for traces, collectives in ((("late_rank0", "late_rank1"), 24), (("nccl_two_gpus",), 18)):
        late = [one for one in recorded.why(*traces, limit=None) if one.code == "straggler"]
        assert [one.numbers["collectives"] for one in late] == [collectives] * len(traces)
        together = " ".join(f"--trace {trace}" for trace in traces)
        assert {one.command for one in late} == {f"traceql query nccl-straggler {together}"}
        rows = recorded.query("nccl_straggler", trace=list(traces))
        assert rows["waited_ns"].sum() == sum(one.saving_ns or 0 for one in late)


@pytest.mark.long
def test_a_rank_without_the_others_of_its_job_cannot_tell_who_is_late(recorded: Database) -> None:
    told = recorded.why("late_rank1")
    assert "stragglers" not in told.looked_at["late_rank1"]
    (text,) = told.unknown
    assert text.startswith("Cannot tell: How long do ranks wait in collectives for the one that comes last?")
    assert text.endswith("the other ranks of its job: traceql why late_rank0 late_rank1")


def test_a_step_that_waits_in_a_collective_is_not_told_to_work_more(recorded: Database) -> None:
    for traces in (("late_rank0", "late_rank1"), ("nccl_two_gpus",)):
        assert {"long_tail", "drift"}.isdisjoint(codes(recorded, *traces))


@pytest.mark.long
def test_what_other_work_fills_is_not_told_within_a_range(recorded: Database) -> None:
    told = recorded.why("llama_eager", within="attention", limit=None)
    assert {one.rule for one in told} == {"small_kernels", "uneven_steps"}
    for title in (
        "What keeps the GPU waiting?",
        "Which steps launch so much",
        "How long do GPUs communicate",
    ):
        (text,) = (text for text in told.unknown if text.startswith(f"Cannot tell: {title}"))
        assert text.endswith("That is not asked within a range: leave out --within.")


@pytest.mark.long
def test_a_window_that_is_none_is_refused_and_one_behind_the_end_is_noted(recorded: Database) -> None:
    with pytest.raises(MissingDataError, match="no range in llama_eager is called 'nothere'"):
        recorded.why("llama_eager", within="nothere")
    with pytest.raises(QueryError, match="the time from 9 ns to 5 ns is none"):
        recorded.why("llama_eager", from_=9, to=5)
    with pytest.raises(QueryError, match="no parameter 'range'"):
        recorded.why("llama_eager", range="attention")
    result = run("why", "llama_eager", "--within", "nothere", "--db", recorded.path)
    assert result.returncode == 1 and "no range in llama_eager is called" in result.stderr
    (note,) = recorded.why("llama_eager", from_="5s").notes
    assert note.startswith("The time lies outside of what was recorded: llama_eager lasts")
    said = run("why", "llama_eager", "--from", "5s", "--db", recorded.path).stdout
    assert said.startswith(f"Nothing wrong found.\n{note}\n")


@pytest.mark.parametrize("limit", [0, -1])
def test_a_limit_that_leaves_nothing_is_refused(recorded: Database, limit: int) -> None:
    with pytest.raises(QueryError, match=f"parameter limit: {limit} is no number of findings"):
        recorded.why("habit_good", limit=limit)
    assert run("why", "habit_good", "--limit", str(limit), "--db", recorded.path).returncode == 2


def test_nothing_is_called_right_where_no_rule_was_asked() -> None:
    with empty() as database:
        Profile().kernel("k", ns=5).store(database, "made")
        told = database.why("made", from_="1ms")
    assert told.looked_at == {"made": ()}
    assert told.verdict == "No rule is about such traces, or can be asked so."
    assert told.verdict in told._repr_html_() and "Nothing wrong" not in told._repr_html_()


@pytest.mark.long
def test_numbers_are_those_of_the_sentence(recorded: Database) -> None:
    rules = catalog.shipped().queries
    for one in recorded.why("habit_*", "llama_eager", "nccl_two_gpus", "kinds_full", limit=None):
        saying = rules[one.rule].sayings[one.code]
        assert set(one.numbers) <= set(re.findall(r"\{(\w+)", saying.sentence + saying.place)), one.code


@pytest.mark.long
def test_one_is_called_as_one(recorded: Database) -> None:
    (told,) = (one for one in recorded.why("late_rank0") if one.code == "exposed_communication")
    assert "on 1 GPU; 0 % of it" in told.sentence
    (told,) = (one for one in recorded.why("nccl_two_gpus") if one.code == "exposed_communication")
    assert "on 2 GPUs;" in told.sentence


@pytest.mark.long
def test_forms_for_programs_say_beside_them_what_could_not_be_told(recorded: Database) -> None:
    words = ("why", "llama_eager", "--within", "attention", "--limit", "1", "--db", recorded.path)
    for form in ("csv", "ndjson", "md"):
        result = run(*words, "--format", form)
        assert "note: Cannot tell: What keeps the GPU waiting?" in result.stderr
        assert "note: 1 more finding: --limit gives more, --limit NULL all." in result.stderr
        assert "Cannot tell" not in result.stdout
    assert run(*words[:4], "--limit", "NULL", *words[6:], "--format", "csv").stdout.count("llama_eager,") == 2


@pytest.mark.long
def test_kernels_with_one_habit_each_are_told_apart_by_ncus_rules(recorded: Database) -> None:
    found = {one.sentence.split()[0].rstrip(":"): one.code for one in recorded.why("kinds_full", limit=None)}
    assert found["spilling"] == "spills"
    assert found["many_registers"] == "low_occupancy"
    assert found["copy_strided"] == "uncoalesced"
    (idle,) = (one for one in recorded.why("kinds_full", limit=None) if one.code == "idle_warps")
    # As ncu's own text has it, of the first of two launches: "calculated theoretical (50.0%) and measured achieved
    # occupancy (12.9%)".
    assert "tiny_blocks runs, where its launch allows 50 %" in idle.sentence
    assert idle.numbers["achieved_pct"] == pytest.approx(12.9, abs=0.5)
    assert "copy_coalesced" not in found
    # Sections that tell of memory were not recorded.
    assert {"spills", "uncoalesced"}.isdisjoint(codes(recorded, "kinds_basic"))


def found(recorded: Database, code: str) -> list[Finding]:
    """The findings of that code in the recording that has it."""
    return [one for one in told_of(recorded, RECORDED[code][0]) if one.code == code]


@pytest.mark.parametrize(
    "code", [code if code in SHORT else pytest.param(code, marks=pytest.mark.long) for code in RECORDED]
)
def test_every_command_of_a_finding_answers_where_it_was_found(recorded: Database, code: str) -> None:
    """The one that shows it, and those that its remedy tells."""
    for one in found(recorded, code):
        told = [*one.commands, *re.findall(r"traceql diff [^)]+", one.remedy)]
        # No command is told in other words, so none is left out here.
        assert len(re.findall(r"traceql (?!collect )", one.remedy)) == len(told)
        for command in (one.command, *told):
            program, *words = shlex.split(command)
            assert program == "traceql"
            result = run(*words, "--db", recorded.path)
            assert result.returncode == 0 and result.stdout.count("\n") > 1, (command, result.stderr)


def test_what_is_to_be_recorded_is_a_command_that_can_be_typed(recorded: Database) -> None:
    (one,) = found(recorded, "unclocked_drift")
    (command,) = re.findall(r"traceql (collect .*) -- COMMAND", one.remedy)
    result = run(*shlex.split(command), "--dry-run", "--", "python", "train.py")
    assert result.returncode == 0 and "--gpu-metrics-devices=all" in result.stdout
    sayings = [saying for query in catalog.shipped().queries.values() for saying in query.sayings.values()]
    assert [one.remedy for one in sayings if "traceql collect" in one.remedy] != []
    assert all("-- COMMAND" in one.remedy for one in sayings if "traceql collect" in one.remedy)


@pytest.mark.long
def test_a_job_is_asked_about_by_its_ranks_and_by_its_name(recorded: Database) -> None:
    late = [one for one in recorded.why("late_rank*", "nccl_two_gpus", limit=None) if one.code == "straggler"]
    told = {one.trace: (one.command, one.commands, one.remedy) for one in late}
    both, alone = "--trace late_rank0 --trace late_rank1", "--trace nccl_two_gpus"
    for trace, asked, job in (
        ("late_rank0", both, "late_rank0"),
        ("late_rank1", both, "late_rank0"),
        ("nccl_two_gpus", alone, "nccl_two_gpus"),
    ):
        command, commands, remedy = told[trace]
        assert command == f"traceql query nccl-straggler {asked}"
        assert commands == (f"traceql query job-stragglers {asked}",)
        assert f"traceql diff --job {job})" in remedy


@pytest.mark.long
def test_commands_of_reports_that_are_in_no_database_name_the_files(tmp_path: Path) -> None:
    paths = [str(REPORTS / f"late_rank{rank}.nsys-rep.xz") for rank in (0, 1)]
    content = json.loads(run("why", *paths, "--format", "json", folder=tmp_path).stdout)
    (one,) = [
        one for one in content["findings"] if (one["code"], one["trace"]) == ("straggler", "late_rank1")
    ]
    asked = " ".join(f"--trace {path}" for path in paths)
    assert f"(traceql query job-stragglers {asked})" in one["remedy"]
    (command,) = re.findall(r"\(traceql (query [^)]+)\)", one["remedy"])
    assert run(*shlex.split(command), folder=tmp_path).returncode == 0


@pytest.mark.long
def test_a_command_is_copied_from_one_line(recorded: Database) -> None:
    said = run("why", "late_rank*", "--limit", "NULL", "--db", recorded.path).stdout
    shown = "traceql query job-stragglers --trace late_rank0 --trace late_rank1"
    assert sum(shown in line for line in said.splitlines()) == 2


# --- where it is ------------------------------------------------------------------------------------------


@pytest.mark.long
def test_every_finding_of_every_recording_has_a_place(recorded: Database) -> None:
    timelines = set(recorded.sql("SELECT trace FROM traces WHERE has_timeline")["trace"])
    for name in sorted({has for has, _ in RECORDED.values()}):
        for one in told_of(recorded, name):
            has_time = one.start_ns is not None and one.end_ns is not None and one.start_ns <= one.end_ns
            # When events were lost nobody knows, and what is not there has no time.
            timed = one.trace in timelines and one.code not in ("lost_events", "no_gpu_work")
            assert (has_time if timed else one.place) and one.where, one


def test_every_finding_of_every_case_has_a_place_or_says_of_what_all_of_it_is() -> None:
    rules = {name: query for name, query in catalog.shipped().queries.items() if query.topic == FINDINGS}
    cases = case.load()
    told = set()
    for name, rule in rules.items():
        for made in cases[name]:
            with made.database() as database:
                columns, rows = case.ask(database, name, made)
            for row in (dict(zip(columns, cells, strict=True)) for cells in rows):
                if row["code"] in rule.unknown:
                    continue
                told.add(row["code"])
                has_time = row["start_ns"] is not None and row["end_ns"] is not None
                assert has_time or rule.sayings[row["code"]].place, (name, row)
    assert told == {code for rule in rules.values() for code in rule.sayings}
    # Of what has no time: launches under ncu, one that nobody knows the time of, and what is not there.
    nowhere = {code for rule in rules.values() for code, one in rule.sayings.items() if "whole" in one.place}
    assert nowhere == {"lost_events", "no_gpu_work"}


@pytest.mark.long
def test_advice_of_ncu_names_the_launch_that_costs_most(recorded: Database) -> None:
    told = {one.code: one for one in recorded.why("kinds_full", limit=None) if "spilling" in one.sentence}
    rows = recorded.query("rules", trace="kinds_full", kernel="spilling", by="launch", limit=None)
    rows = rows.filter((pl.col("speedup_scope") == "global") & (pl.col("title").str.contains("Local Store")))
    costs = (rows["gpu_ns"] * rows["estimated_speedup_pct"]).to_list()
    launch = 1 + rows["kernel_id"].rank().to_list().index(1 + costs.index(max(costs)))
    assert told["spills"].place == f"launch {launch} of {len(costs)}"
    assert told["spills"].where == f"launch {launch} of {len(costs)}, round/occupancy"


@pytest.mark.long
def test_times_that_are_near_each_other_are_told_apart(recorded: Database) -> None:
    (one,) = (one for one in told_of(recorded, "jax_gh200_2025.5") if one.code == "sync")
    start, end = one.where.split(" to ")
    assert start != end and start.startswith("301.0") and end.startswith("301.0")


def test_of_times_the_one_that_is_known_is_told() -> None:
    assert findings._between(2_000, None) == "from 2 µs"
    assert findings._between(None, 2_000) == "until 2 µs"
    assert findings._between(None, None) == ""


# --- sentences --------------------------------------------------------------------------------------------

#: Numbers without a unit that count nothing.
NO_COUNTS = {
    "pid",
    "device_id",
    "times",
    "times_floor",
    "times_faster",
    "short_kernels",
    "slowest_step",
    "launch",
}
#: Of a sentence, all its counts being one, and two: codes of rules in which something is counted.
ONE_AND_TWO = {
    "slow_products": (
        "Products take 1 times their floor in 1 step (R): 1 ns a step where 1 ns would do, 1 % of the time of its"
        " kernels.",
        "Products take 2 times their floor in 2 steps (R): 2 ns a step where 2 ns would do, 2 % of the time of its"
        " kernels.",
    ),
    "pageable_copies": (
        "Copying from or to pageable memory takes 1 ns (1 copy of 1 B, at 1 B/s), and the CPU waits for it.",
        "Copying from or to pageable memory takes 2 ns (2 copies of 2 B, at 2 B/s), and the CPU waits for it.",
    ),
    "no_cuda_graphs": (
        "In 1 step (R) there is 1 launch, without CUDA graphs, and the GPU is idle for 1 % of the time.",
        "In 2 steps (R) there are 2 launches each, without CUDA graphs, and the GPU is idle for 2 % of the time.",
    ),
    "cuda_core_products": (
        "1 matrix product runs on the CUDA cores, for 1 ns, 1 % of the kernels' time, most of it R. The tensor cores"
        " could multiply 1 times as fast.",
        "2 matrix products run on the CUDA cores, for 2 ns, 2 % of the kernels' time, most of it R. The tensor cores"
        " could multiply 2 times as fast.",
    ),
    "exposed_communication": (
        "Communication takes 1 ns in which nothing is computed, on 1 GPU; 1 % of it runs beside computation.",
        "Communication takes 2 ns in which nothing is computed, on 2 GPUs; 2 % of it runs beside computation.",
    ),
    "throttled": (
        "The clocks fall to 1 Hz from the 1 Hz of the fastest launches: those of one shape take 1 % longer (1 kernel,"
        " R).",
        "The clocks fall to 2 Hz from the 2 Hz of the fastest launches: those of one shape take 2 % longer (2 kernels,"
        " most of it R).",
    ),
    "small_kernels": (
        "1 of 1 kernel execution is of kernels that take less than 1 ns: 1 ns together, R most of it.",
        "2 of 2 kernel executions are of kernels that take less than 2 ns: 2 ns together, R most of it.",
    ),
    "straggler": (
        "Ranks wait 1 ns in 1 collective for the one that comes last, most of it in R; process 1 on device 1 waits"
        " most.",
        "Ranks wait 2 ns in 2 collectives for the one that comes last, most of it in R; process 2 on device 2 waits"
        " most.",
    ),
    "long_tail": (
        "Of 1 step (R), 1 has GPU work for more than 1 times the median of 1 ns: for 1 ns.",
        "Of 2 steps (R), 2 have GPU work for more than 2 times the median of 2 ns, at most for 2 ns.",
    ),
    "drift": (
        "The GPU work of steps (R) grows from one to the next, by 1 % over 1 step, up to 1 ns.",
        "The GPU work of steps (R) grows from one to the next, by 2 % over 2 steps, up to 2 ns.",
    ),
    "launch_bound": (
        "The GPU waits 1 ns for launches, in 1 gap: the CPU launches slower than the GPU runs what it is given.",
        "The GPUs together wait 2 ns for launches, in 2 gaps: the CPU launches slower than the GPU runs what it is given.",
    ),
    "sync": (
        "The GPU waits 1 ns because the CPU waited for it first, in 1 gap after R.",
        "The GPUs together wait 2 ns because the CPU waited for them first, in 2 gaps after R.",
    ),
    "copy": (
        "The GPU waits 1 ns while copies are prepared (R), in 1 gap.",
        "The GPUs together wait 2 ns while copies are prepared (R), in 2 gaps.",
    ),
    "host_work": (
        "The GPU waits 1 ns while the CPU does other work, in 1 gap of 1 ns.",
        "The GPUs together wait 2 ns while the CPU does other work, in 2 gaps, the longest of 2 ns.",
    ),
    "code_loading": (
        "The GPU waits 1 ns in steps while code is compiled or loaded (R), in 1 gap of 1 ns.",
        "The GPUs together wait 2 ns in steps while code is compiled or loaded (R), in 2 gaps, the longest of 2 ns.",
    ),
    "start_up": (
        "The GPU waits 1 ns while the program R, in 1 gap of 1 ns: 1 ns of it while code is compiled or"
        " loaded.",
        "The GPUs together wait 2 ns while the program R, in 2 gaps, the longest of 2 ns: 2 ns of it while code is"
        " compiled or loaded.",
    ),
    "nothing_asked": (
        "The GPU waits 1 ns because nothing is asked of it: the launching thread waits in R, in 1 gap of 1 ns.",
        "The GPUs together wait 2 ns because nothing is asked of them: the launching thread waits in R, in 2 gaps, the longest of"
        " 2 ns.",
    ),
    "allocation": (
        "The GPU waits 1 ns for memory to be allocated or freed, in 1 gap with R.",
        "The GPUs together wait 2 ns for memory to be allocated or freed, in 2 gaps with R.",
    ),
}
#: Said in the same words.
ALIKE = {"slow_attention": "slow_products", "synchronous_copies": "pageable_copies"}


def sayings() -> dict[str, tuple[Query, str]]:
    """Code → its rule and its sentence."""
    rules = [query for query in catalog.shipped().queries.values() if query.topic == FINDINGS]
    return {code: (rule, saying.sentence) for rule in rules for code, saying in rule.sayings.items()}


@pytest.mark.parametrize("code", ONE_AND_TWO)
def test_a_sentence_agrees_with_its_numbers_whether_they_are_one_or_more(code: str) -> None:
    rule, sentence = sayings()[code]
    names = set(re.findall(r"\{(\w+)", sentence))
    for number, wanted in enumerate(ONE_AND_TWO[code], start=1):
        texts = {"range", "kernel", "function", "doing"}
        pieces = {name: "R" if name in texts else findings._number(name, float(number)) for name in names}
        whole = findings._said_of(dict.fromkeys(names, 1.0), sentence)
        assert findings._filled(whole, pieces, rule) == wanted


@pytest.mark.parametrize("loading", [0.0, None])
def test_a_part_of_a_sentence_that_is_nothing_or_unknown_is_not_said(loading: float | None) -> None:
    _, sentence = sayings()["start_up"]
    assert sentence.endswith("of {longest_ns}[: {loading_ns} of it while code is compiled or loaded].")
    assert findings._said_of({"loading_ns": loading}, sentence).endswith("of {longest_ns}.")
    assert findings._said_of({"loading_ns": 1.0}, sentence).endswith(
        "{loading_ns} of it while code is compiled or loaded."
    )
    # A name that no row has stays, and is refused.
    assert findings._said_of({}, "[{other}]") == "{other}"


def test_whatever_is_counted_in_a_sentence_stands_with_a_word_for_one_and_for_more() -> None:
    for code, (_, sentence) in sayings().items():
        counts = [name for name in re.findall(r"\{(\w+)\}", sentence) if not units.suffix(name)]
        texts = {"range", "kernel", "function", "functions", "title", "limiter", "doing"}
        assert set(counts) <= NO_COUNTS | texts, code
        if re.search(r"\{\w+[|?]", sentence):
            assert code in ONE_AND_TWO or code in ALIKE, code


def changed(tmp_path: Path, made: Recording, change: str) -> Database:
    """A database whose row of the recording says something else."""
    path = tmp_path / "t.duckdb"
    with traceql.open(path) as database:
        made.store(database, "made")
    with duckdb.connect(str(path)) as connection:
        connection.execute(f"UPDATE traces SET {change}")
    return traceql.open(path)


@pytest.mark.long
def test_what_was_not_recorded_is_said_with_the_option_that_records_it(tmp_path: Path) -> None:
    with changed(tmp_path, Recording().work(kernel("k", 0, 100)), "missing = ['api_calls']") as database:
        told = database.why("made")
        said = run("why", "made", "--db", database.path).stdout
    assert told.found == () and "waiting_gpu" not in told.looked_at["made"]
    assert "small_kernels" in told.looked_at["made"]
    (text,) = (text for text in told.unknown if "What keeps the GPU waiting?" in text)
    assert "holds no api_calls" in text and "Recorded by: nsys profile --trace=cuda" in text
    assert "Nothing wrong found.\n" in said and "Cannot tell: What keeps the GPU waiting?" in said


@pytest.mark.long
def test_lost_events_come_first(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    made = Recording().call("cudaLaunchKernel", 0, 5, kernel("a", 0, 10))
    made.call("cudaLaunchKernel", 60, 190, kernel("c", 200, 300))
    with changed(tmp_path, made, "counts_agree = false") as database:
        first, second = database.why("made").found[:2]
    assert (first.code, first.severity, first.saving) == ("lost_events", "doubt", "")
    assert second.code == "launch_bound"
    # nsys says of nearly every recording that events may be missing: its own counts tell better.
    with changed(tmp_path_factory.mktemp("whole"), made, "complete = false, counts_agree = true") as database:
        assert [one.code for one in database.why("made")] == ["launch_bound"]


@pytest.mark.long
def test_a_limit_leaves_out_what_costs_least_and_says_how_many(recorded: Database) -> None:
    every = recorded.why("habit_pageable", limit=None)
    first = recorded.why("habit_pageable", limit=1)
    assert first.found == every.found[:1] and first.more == len(every) - 1
    savings = [one.saving_ns for one in every if one.saving_ns is not None]
    assert savings == sorted(savings, reverse=True)


@pytest.mark.long
def test_a_frame_and_json_hold_every_finding(recorded: Database) -> None:
    told = recorded.why("habit_pageable")
    assert told.frame()["code"].to_list() == [one.code for one in told]
    content = json.loads(told.to_json())
    assert [one["numbers"] for one in content["findings"]] == [dict(one.numbers) for one in told]
    assert set(content) == {"findings", "more", "looked_at", "notes", "cannot_tell"}


@pytest.mark.long
def test_the_command_says_it_in_words_and_as_json(recorded: Database) -> None:
    text = run("why", "habit_sync", "--db", recorded.path).stdout
    assert "\n2. The GPU waits 18.01 ms" in text and "see: traceql query cpu-bound-gaps" in text
    content = json.loads(run("why", "habit_sync", "--db", recorded.path, "--format", "json").stdout)
    assert content["findings"][1]["code"] == "sync"
    floor = run("why", "llama_eager", "--db", recorded.path, "--limit", "NULL", "--model", LLAMA).stdout
    assert "Products take 1.276 times their floor in 15 steps" in floor
    assert run("why", "habit_good", "--db", recorded.path).stdout.startswith("Nothing wrong found.")


def test_no_trace_and_an_unknown_one_are_errors(recorded: Database) -> None:
    with pytest.raises(QueryError, match="one trace or more"):
        recorded.why([])
    with pytest.raises(QueryError, match="nowhere"):
        recorded.why("nowhere")


OWN = """-- Which kernel is too long?
--
-- saving_ns: its longest run.
-- @of     timeline
-- @asks   timed top_kernels limit=1
-- @says   too_long {kernel} takes {longest_ns}, in {runs|run|runs}.
-- @try    too_long Split {kernel}.
-- @proof  too_long top_kernels kernel={kernel}

SELECT trace, 'too_long' AS code, 'high' AS severity, max_ns AS saving_ns, NULL::DOUBLE AS saving_pct,
    MAP {'longest_ns': max_ns::DOUBLE, 'runs': instances::DOUBLE} AS numbers, MAP {'kernel': kernel} AS texts,
    NULL::VARCHAR AS range, NULL::BIGINT AS start_ns, NULL::BIGINT AS end_ns
FROM timed JOIN chosen_traces($trace) AS traces USING (trace)
"""


def own(tmp_path: Path, text: str) -> Database:
    (tmp_path / "findings").mkdir(exist_ok=True)
    (tmp_path / "findings" / "too_long.sql").write_text(text, encoding="utf-8")
    database = traceql.open(":memory:", queries=tmp_path)
    Recording().work(kernel("a {runs} b", 0, 7000)).store(database, "made")
    return database


@pytest.mark.long
def test_a_rule_of_ones_own_is_one_file(tmp_path: Path) -> None:
    with own(tmp_path, OWN) as database:
        (found,) = (one for one in database.why("made") if one.code == "too_long")
    # What a stranger called a kernel is no name of a number.
    assert found.sentence == "a {runs} b takes 7 µs, in 1 run."
    assert found.remedy == "Split a {runs} b."
    assert found.command == "traceql query top-kernels --trace made --kernel 'a {runs} b'"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("@asks   timed top_kernels", "@asks   timed top_kernel", "top_kernel is no question"),
        ("@asks   timed top_kernels limit=1", "@asks   timed top_kernels most=1", "no parameter most"),
        ("@asks   timed top_kernels", "@asks   kernels top_kernels", "kernels is the name of a table"),
        ("@asks   timed top_kernels limit=1", "@asks   timed cuda_gpu_kern_pace", "no value for kernel"),
        (
            "@asks   timed top_kernels",
            "@asks   timed slowing_kernels",
            "slowing_kernels asks questions itself",
        ),
        ("-- @try    too_long Split {kernel}.\n", "", "too_long lacks a sentence, a remedy"),
        ("@asks   timed top_kernels limit=1", "@asks   timed", "expected '@asks name question"),
        ("@proof  too_long", "@proof  other", "other lacks a sentence"),
    ],
)
def test_a_rule_that_cannot_be_asked_is_refused_by_name(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    with pytest.raises(CatalogError) as caught:
        own(
            tmp_path,
            OWN.replace(old, new).replace("timed=", "timed top_kernels limit")
            if "=" in new[-1:]
            else OWN.replace(old, new),
        )
    assert "too_long.sql" in caught.value.message
    assert message in caught.value.message


@pytest.mark.long
@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "'too_long' AS code",
            "'too_short' AS code",
            "returns 'too_short', of which the header says nothing",
        ),
        ("takes {longest_ns}", "takes {shortest_ns}", "says {shortest_ns}, which its rows do not have"),
    ],
)
def test_a_rule_that_returns_what_it_does_not_say_is_refused(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    with own(tmp_path, OWN.replace(old, new)) as database, pytest.raises(CatalogError) as caught:
        database.why("made")
    assert message in caught.value.message


@pytest.mark.long
def test_rules_about_timelines_are_not_asked_of_counters() -> None:
    with empty() as database:
        Profile().kernel("k", ns=5).store(database, "made")
        told = database.why("made")
    assert set(told.looked_at["made"]) == {"doubts", "idle_tensor_cores"}
    # There is no product whose pipes could have been measured.
    assert not any("tensor cores" in text for text in told.unknown)
    assert any("advice" in text for text in told.unknown)
    assert not any("waits" in text for text in told.unknown)


def test_products_whose_pipes_were_not_measured_are_told_and_they_alone(recorded: Database) -> None:
    """What ncu's --set roofline holds tells the tensor cores' work of some, and nothing of the CUDA cores'."""
    lacking = {}
    for name in ("roofline_counters", "precision", "kinds_full", "kinds_basic"):
        told = told_of(recorded, name)
        lacking[name] = [text for text in told.unknown if "tensor cores" in text]
        assert ("idle_tensor_cores" in told.looked_at[name]) is not bool(lacking[name])
    assert lacking.pop("roofline_counters") == [
        "Cannot tell: Which profiled products of matrices leave the tensor cores idle? In roofline_counters the "
        "pipes of 1 product were not measured: recorded by ncu --section ComputeWorkloadAnalysis."
    ]
    assert set(map(len, lacking.values())) == {0}


GUIDE = (Path(__file__).parents[2] / "docs" / "findings.md").read_text(encoding="utf-8")


@pytest.mark.long
def test_every_command_of_the_guide_works_and_says_what_is_shown(tmp_path: Path) -> None:
    (tmp_path / "tests").symlink_to(Path(__file__).parents[1])
    (tmp_path / "docs").symlink_to(Path(__file__).parents[2] / "docs")
    shown = re.findall(r"^\$ traceql (.*)\n((?:[^$`].*\n)*)", GUIDE, re.MULTILINE)
    assert len(shown) == 8
    for command, said in shown:
        result = run(*shlex.split(command), folder=tmp_path)
        # What is cut says so, and a command without output shows none of it.
        whole = said and not said.endswith("…\n")
        assert result.returncode == 0 and result.stdout.startswith(said.removesuffix("…\n")), command
        assert not whole or result.stdout == said, command


def test_the_guide_names_every_rule_and_every_code() -> None:
    rules = [query for query in catalog.shipped().queries.values() if query.topic == FINDINGS]
    for rule in rules:
        assert f"| `{rule.name}` |" in GUIDE
        assert all(f"`{code}`" in GUIDE for code in rule.sayings), rule.name


@pytest.mark.long
def test_a_page_begins_with_what_is_wrong_or_that_nothing_is(recorded: Database) -> None:
    wrong, right = (recorded.report(trace) for trace in ("habit_sync", "habit_good"))
    for page in (wrong, right):
        assert page.index('<div class="findings">') < page.index("<dl>")
    assert "because the CPU waited for it first" in wrong and "Nothing wrong found." not in wrong
    assert "traceql query cpu-bound-gaps --trace habit_sync --min-cpu-pct 0" in wrong
    assert "Nothing wrong found." in right


@pytest.mark.long
def test_a_page_within_a_range_says_of_traces_without_it_that_nothing_was_asked() -> None:
    with empty() as database:
        for name, range_ in (("with", "step"), ("without", "other")):
            made = Recording().range(range_, 0, 50)
            made.call("cudaLaunchKernel_v7000", 10, 12, kernel("k", 20, 60)).store(database, name)
        page = database.report("with", "without", within="step")
    assert "Nothing wrong found." in page and "No rule is about such traces, or can be asked so." in page
    assert "Looked at: nothing: no range in without is called &#39;step&#39;" in page
