"""What every row says of how it was measured: the engine, the GPU, repeats, latencies."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import fake_profilers
import pytest

from collectors import engine, latencies, told, vllm_serve_trace, vllm_specdec
from collectors.latencies import Request
from collectors.occupancy import Occupancy, watcher
from collectors.ranks import Ranks
from collectors.worker import spread
from traceql.read.runs import unit_of
from traceql.record import machine, sampling

if TYPE_CHECKING:
    from collections.abc import Iterator

FAKE_GPU = Path(__file__).parent / "fake_gpu"


def values(metrics: list[dict[str, Any]]) -> dict[str, float]:
    return {metric["name"]: metric["value"] for metric in metrics if metric.get("sample") is None}


# --- the GPU --------------------------------------------------------------------------------------------


@pytest.fixture
def words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The file of words for the fakes, which are first on the path."""
    mode = fake_profilers.install(tmp_path)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    yield mode


def waited_for(sampler: sampling.Sampler) -> list[sampling.Sample]:
    found: list[sampling.Sample] = []
    deadline = time.monotonic() + 10
    while len(found) < 3 and time.monotonic() < deadline:
        time.sleep(0.01)
        found += sampler.take(0)
    return found


@pytest.mark.parametrize("driver", ["", "old"])
def test_a_gpu_is_sampled_while_something_runs_whatever_its_driver_calls_the_reasons(
    words: Path, driver: str
) -> None:
    words.write_text(f"hot {driver}", encoding="utf-8")
    with sampling.sampled(20, {}) as sampler:
        samples = waited_for(sampler)
    assert sampler.runs
    found = values(sampling.summary(samples))
    assert found.pop("gpu_samples") >= 3
    # 0x24: power and temperature; not set, not by hardware.
    assert found == {
        "gpu_sm_clock_min_mhz": 1410,
        "gpu_sm_clock_mean_mhz": 1410,
        "gpu_memory_clock_min_mhz": 2619,
        "gpu_memory_clock_mean_mhz": 2619,
        "gpu_power_mean_w": pytest.approx(699.8),
        "gpu_power_max_w": 699.8,
        "gpu_temperature_max_celsius": 84,
        "gpu_throttled_pct": 100,
        "gpu_power_cap_pct": 100,
        "gpu_thermal_pct": 100,
    }


def test_sampling_ends_with_what_is_sampled(words: Path) -> None:
    with sampling.sampled(20, {}) as sampler:
        waited_for(sampler)
    sampler.take(0)
    time.sleep(0.1)
    assert sampler.take(0) == []


def test_only_gpus_that_the_program_sees_are_sampled(words: Path) -> None:
    with sampling.sampled(20, {"CUDA_VISIBLE_DEVICES": "1"}) as sampler:
        time.sleep(0.2)
        assert sampler.take(0) == []
    assert machine.indices({"CUDA_VISIBLE_DEVICES": "0"}) == {0}
    assert machine.indices({}) is None


def test_without_a_driver_or_when_it_is_not_wanted_nothing_is_sampled(
    words: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with sampling.sampled(0, {}) as sampler:
        assert not sampler.runs
    monkeypatch.setenv("PATH", "/nowhere")
    with sampling.sampled(20, {}) as sampler:
        assert not sampler.runs


def test_what_no_sample_knows_is_absent_and_never_zero() -> None:
    sample, index = sampling.parsed("3, [N/A], 2619, [Not Supported], 40, [N/A]", 1.0)
    assert index == 3 and sample is not None
    assert sample.values == {"memory_clock_mhz": 2619, "temperature_celsius": 40}
    assert set(values(sampling.summary([sample]))) == {
        "gpu_samples",
        "gpu_memory_clock_min_mhz",
        "gpu_memory_clock_mean_mhz",
        "gpu_temperature_max_celsius",
    }
    # A point that is over before the first look: that nothing was seen is said, and nothing else.
    assert values(sampling.summary([])) == {"gpu_samples": 0}
    assert sampling.parsed("Unable to determine the device handle", 1.0)[0] is None


def test_idle_is_no_throttling_and_clocks_that_somebody_set_are_told_apart() -> None:
    looks = [sampling.Sample(0, {}, reasons) for reasons in (0x01, 0x02, 0x80, 0x00)]
    found = values(sampling.summary(looks))
    assert found == {
        "gpu_samples": 4,
        "gpu_throttled_pct": 25,
        "gpu_power_brake_pct": 25,
        "gpu_set_clocks_pct": 25,
    }


def test_units_of_what_is_sampled_come_from_its_names_too() -> None:
    sample = sampling.Sample(0, {"sm_clock_mhz": 1.0, "power_w": 1.0, "temperature_celsius": 1.0}, 0x04)
    for metric in sampling.summary([sample]):
        assert unit_of(metric["name"]) == metric["unit"], metric


# --- the engine -----------------------------------------------------------------------------------------


@pytest.fixture
def vllm(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The fake of vLLM."""
    before = {name for name in sys.modules if name.partition(".")[0] in ("vllm", "torch")}
    monkeypatch.syspath_prepend(str(FAKE_GPU))
    import vllm

    yield vllm
    for name in [name for name in sys.modules if name.partition(".")[0] in ("vllm", "torch")]:
        if name not in before:
            del sys.modules[name]


def test_an_engine_says_what_it_settled_on(vllm: Any) -> None:
    arguments = {"max_num_seqs": 8, "max_num_batched_tokens": 64, "max_model_len": 32}
    llm = engine.llm("llama-3.1-8b", random=True, graphs=[1, 8], **arguments)
    settled = Ranks(llm).settled()
    assert settled["tags"] == {
        "scheduling": "synchronous",
        "execution": "graphs",
        "cudagraph_mode": "FULL_DECODE_ONLY",
        "prefix_caching": "off",
        "chunked_prefill": "on",
        "dtype": "bfloat16",
        "kv_cache_dtype": "bfloat16",
        "block_size": "16",
        "tensor_parallel_size": "1",
        "pipeline_parallel_size": "1",
        "data_parallel_size": "1",
        "expert_parallel": "off",
        "attention_backend": "FLASH_ATTN",
    }
    assert settled["capture_sizes"] == [1, 8]
    assert settled["room"] == {name: str(value) for name, value in arguments.items()}
    other = vllm.resolved({"kv_cache_dtype": "fp8", "quantization": "awq", "tensor_parallel_size": 2})
    tags = told.settled(other)["tags"]
    assert (tags["execution"], tags["scheduling"], tags["prefix_caching"]) == (
        "compiled+graphs",
        "asynchronous",
        "on",
    )
    assert (tags["kv_cache_dtype"], tags["quantization"], tags["tensor_parallel_size"]) == ("fp8", "awq", "2")
    assert told.settled(vllm.resolved({"enforce_eager": True}))["tags"]["execution"] == "eager"


def test_every_batch_that_occurs_replays_a_graph() -> None:
    for largest in (1, 3, 32, 48, 64):
        sizes = engine.every_batch(largest)
        assert all(told.graph_batch(batch, sizes) is not None for batch in range(1, largest + 1))
        assert max(sizes) == largest
    # One step verifies four drafts and the last token of each sequence.
    sizes = engine.every_batch(6, tokens=5)
    assert sizes == [5, 10, 20, 30]
    assert engine.graph_metric(31, sizes) == []


def test_speculation_is_measured_with_graphs_as_what_it_is_compared_with(
    vllm: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = {
        "model": "llama-3.1-8b",
        "random": True,
        "engine": {},
        "eager": False,
        "captured": "no",
        "requests": 6,
        "drafts": 4,
        "input_len": 4,
        "output_len": 8,
        "seed": 0,
        "points": [{"name": "batch_0", "tags": {"batch_index": "0"}}],
    }
    for speculative, sizes in ((None, "1 2 4 6"), ({"method": "ngram"}, "5 10 20 30")):
        vllm_specdec.work({**plan, "speculative": speculative})
        result = json.loads(capsys.readouterr().out.splitlines()[-1].partition("@point ")[2])
        assert (result["tags"]["execution"], result["tags"]["capture_sizes"]) == ("graphs", sizes)
        assert values(result["metrics"])["graph_batch"] == int(sizes.split()[-1])
    vllm_specdec.work({**plan, "speculative": None, "eager": True})
    result = json.loads(capsys.readouterr().out.splitlines()[-1].partition("@point ")[2])
    assert result["tags"]["execution"] == "eager" and "graph_batch" not in values(result["metrics"])


def test_what_waits_and_how_full_the_cache_is_are_told_and_each_preemption_once() -> None:
    request = SimpleNamespace(request_id="a", num_preemptions=0)
    scheduler = SimpleNamespace(running=[1, 2], waiting=[], kv_cache_manager=SimpleNamespace(usage=0.5))
    core = SimpleNamespace(engine_core=SimpleNamespace(scheduler=scheduler))
    look, occupancy = watcher(SimpleNamespace(llm_engine=SimpleNamespace(engine_core=core))), Occupancy()
    look(occupancy)
    request.num_preemptions, scheduler.waiting, scheduler.running = 1, [request], [1]
    scheduler.kv_cache_manager.usage = 1.0
    look(occupancy)
    look(occupancy)
    request.num_preemptions = 2
    look(occupancy)
    assert values(occupancy.metrics()) == {
        "running_max": 2,
        "running_mean": 1.25,
        "waiting_max": 1,
        "waiting_mean": 0.75,
        "kv_cache_usage_max_pct": 100,
        "kv_cache_usage_mean_pct": 87.5,
        "preemptions": 2,
    }
    assert Occupancy().metrics() == []
    # An engine in another process is not seen, which is not an empty one.
    watcher(SimpleNamespace(llm_engine=SimpleNamespace(engine_core=object())))(elsewhere := Occupancy())
    assert elsewhere.metrics() == []


def test_one_run_has_no_spread() -> None:
    assert "stdev_run_ms" not in values(spread("ms", "ms", [2.0]))
    assert values(spread("ms", "ms", [2.0, 4.0]))["stdev_run_ms"] == pytest.approx(2**0.5)


# --- serving --------------------------------------------------------------------------------------------


def test_latencies_count_from_when_a_request_was_due() -> None:
    late = Request(due=1.0, sent=3.0, outputs=[(4.0, 1), (4.5, 2), (5.5, 1)])
    assert late.latencies() == {"ttft_ms": 3000, "e2e_ms": 4500, "tpot_ms": 500}
    assert late.gaps() == [500, 1000]
    found = values(latencies.served([late, late], 10.0, 0.4, {"ttft": 3000, "tpot": 499}))
    assert found["sent_late_max_ms"] == 2000
    assert (found["ttft_p50_ms"], found["ttft_mean_ms"], found["itl_p50_ms"]) == (3000, 3000, 750)
    # 2 in 10 s, half of what was asked for; none of them is good enough.
    assert (found["requests_per_s"], found["achieved_rate_pct"]) == (0.2, 50)
    assert (found["goodput_requests_per_s"], found["good_requests_pct"]) == (0, 0)
    assert found["output_tokens_per_s"] == 0.8
    good = values(latencies.served([late, late], 10.0, 0.4, {"tpot": 500}))
    assert (good["goodput_requests_per_s"], good["good_requests_pct"]) == (0.2, 100)
    assert "good_requests_pct" not in values(latencies.served([late], 10.0, 0.4, {}))


def test_a_client_that_is_busy_does_not_make_requests_faster(
    vllm: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = {
        "model": "llama-3.1-8b",
        "random": True,
        "engine": {},
        "eager": False,
        "captured": "no",
        "requests": 4,
        "input_len": 4,
        "output_len": 4,
        "max_num_seqs": 48,
        "vllm_defaults": False,
        "seed": 1,
        "goodput": "ttft:30",
        "points": [{"name": "rate_1000", "tags": {"request_rate": "1000"}}],
    }
    monkeypatch.setenv("VLLM_USE_V2_MODEL_RUNNER", "0")
    monkeypatch.setenv("FAKE_BUSY_S", "0.02")
    vllm_serve_trace.work(plan)
    result = json.loads(capsys.readouterr().out.splitlines()[-1].partition("@point ")[2])
    found = values(result["metrics"])
    # All are due within some milliseconds, and each keeps the client for 20 ms: the last waits for all.
    assert found["sent_late_max_ms"] > 40
    assert found["ttft_mean_ms"] > 40
    assert found["good_requests_pct"] < 100
    assert {name for name in found if name.startswith("ttft_p")} == {"ttft_p50_ms"}
    assert (found["kv_cache_usage_max_pct"], found["preemptions"]) == (25, 0)
    samples = [m["value"] for m in result["metrics"] if m["name"] == "due_s"]
    assert len(samples) == 4 and samples == sorted(samples) and samples[0] == 0
    tags = result["tags"]
    assert tags["capture_sizes"] == "1 2 4 8 16 32 48"
    assert (tags["engine"], tags["scheduling"], tags["seed"]) == ("served", "asynchronous", "1")
    assert (
        "no torch.compile; graphs FULL_DECODE_ONLY; no prefix caching; model runner V1"
        in tags["unlike_vllm_serve"]
    )


def test_what_vllm_serves_with_by_itself_is_left_to_it(vllm: Any, capsys: pytest.CaptureFixture[str]) -> None:
    plan = {
        "model": "llama-3.1-8b",
        "random": True,
        "engine": {},
        "eager": True,
        "captured": "no",
        "requests": 2,
        "input_len": 4,
        "output_len": 4,
        "max_num_seqs": 48,
        "vllm_defaults": True,
        "seed": 1,
        "goodput": "",
        "points": [{"name": "rate_1000", "tags": {"request_rate": "1000"}}],
    }
    vllm_serve_trace.work(plan)
    tags = json.loads(capsys.readouterr().out.splitlines()[-1].partition("@point ")[2])["tags"]
    assert (tags["execution"], tags["prefix_caching"]) == ("compiled+graphs", "on")
    assert tags["unlike_vllm_serve"] == "no HTTP; no tokenizer"


@pytest.mark.parametrize("defaults", [False, True])
def test_a_server_by_default_runs_on_the_model_runner_that_vllm_chooses(defaults: bool) -> None:
    sizes = {"input_len": 4, "output_len": 4, "requests": 2, "vllm_defaults": defaults}
    (stage,) = vllm_serve_trace._stages("llama-3.1-8b", "auto", None, [1], True, False, sizes)
    names = {variable.partition("=")[0] for variable in stage.environment}
    assert ("VLLM_USE_V2_MODEL_RUNNER" in names) is not defaults
    assert "VLLM_ENABLE_V1_MULTIPROCESSING" not in names


def test_a_percentile_needs_as_many_samples_as_it_tells_apart() -> None:
    for percent, needed in ((50, 2), (90, 10), (95, 20), (99, 100)):
        ordered = [float(n) for n in range(needed)]
        assert latencies.percentile(ordered[:-1], percent) is None
        assert latencies.percentile(ordered, percent) == pytest.approx((needed - 1) * percent / 100)
    names = {metric["name"] for metric in latencies.percentiles("ttft", [1.0] * 20)}
    assert names == {"ttft_p50_ms", "ttft_p90_ms", "ttft_p95_ms", "ttft_mean_ms"}
