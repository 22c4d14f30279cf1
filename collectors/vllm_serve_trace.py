"""A served model under load: latency as its users see it, and a timeline of its engine."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, Any

import click

from collectors import engine, runner
from collectors.stages import Point, Stage
from collectors.worker import Capture, clock, each, metric

if TYPE_CHECKING:
    from collections.abc import Sequence

    from collectors.runner import Options


@click.command(
    epilog="""\b
Examples:
  traceql collect vllm-serve-trace --dry-run
  traceql collect vllm-serve-trace --rates 4,16 --requests 64 --out results/serve
  traceql ingest results/serve && traceql query step-summary
""",
    context_settings={"help_option_names": ["-h", "--help"]},
)
@runner.options("serve")
@engine.model_options("llama-3.1-8b")
@runner.numbers("--rates", "8", "Requests per second that arrive.")
@runner.count("--requests", 48, "Requests of a rate.", least=2)
@runner.count("--input-len", 256, "Mean tokens of a prompt.")
@runner.count("--output-len", 64, "Mean tokens to generate.", least=2)
@runner.count("--max-num-seqs", 64, "Sequences at a time.")
@click.option(
    "--eager/--graphs", default=False, show_default=True, help="Eager, or CUDA graphs for decode steps."
)
@click.option("--plain/--no-plain", default=True, show_default=True, help="Measure without a profiler first.")
@click.option("--nsys/--no-nsys", default=True, show_default=True, help="Record a report for each rate.")
def main(
    shared: Options,
    model: str,
    weights: str,
    arguments: str | None,
    rates: list[int],
    plain: bool,
    nsys: bool,
    **sizes: Any,
) -> None:
    """Serve a model to random requests: Poisson arrivals, lengths of half to one and a half times the mean.

    The engine is that of vllm serve, in a process of its own as there, without its HTTP: nothing but the GPU
    is needed. The same start and stop of the profiler as POST /start_profile and /stop_profile bound the
    recording, which begins when the engine is warm. Times to first token and per output token are in
    serve.csv.
    """
    runner.run(
        "collectors.vllm_serve_trace", _stages(model, weights, arguments, rates, plain, nsys, sizes), shared
    )


def _stages(
    model: str,
    weights: str,
    arguments: str | None,
    rates: list[int],
    plain: bool,
    nsys: bool,
    sizes: dict[str, Any],
) -> list[Stage]:
    lengths = {name: str(sizes[name]) for name in ("input_len", "output_len", "requests")}
    common: dict[str, Any] = {
        "points": [Point(f"rate_{rate}", {"request_rate": str(rate), **lengths}) for rate in rates],
        "settings": {
            **sizes,
            "model": model,
            "random": engine.random_weights(model, weights),
            "engine": engine.more_arguments(arguments),
        },
        # The engine has a process of its own: spawned, so that the profiler follows it from its start.
        "environment": [
            *(v for v in engine.environment(model) if not v.startswith("VLLM_ENABLE_V1_MULTIPROCESSING")),
            "VLLM_WORKER_MULTIPROC_METHOD=spawn",
        ],
        "model": engine.name_of(model),
        "tags": {"collector": "vllm_serve_trace"},
    }
    stages = []
    if plain:
        stages.append(Stage(name="serve", table="serve", **common))
    if nsys:
        profiler = {"follow_forks": True}
        stages.append(
            Stage(name="serve_nsys", tool="nsys", report_per_point=True, profiler=profiler, **common)
        )
    return stages


def work(plan: dict[str, Any]) -> None:
    """The worker: one server for all rates."""
    asyncio.run(_serve(plan))


async def _serve(plan: dict[str, Any]) -> None:
    from vllm.config import ProfilerConfig
    from vllm.engine.arg_utils import AsyncEngineArgs
    from vllm.v1.engine.async_llm import AsyncLLM

    longest = 2 * (plan["input_len"] + plan["output_len"])
    graphs = [] if plan["eager"] else [2**n for n in range(plan["max_num_seqs"].bit_length())]
    arguments = engine.llm_arguments(
        plan["model"],
        random=plan["random"],
        graphs=graphs,
        max_num_seqs=plan["max_num_seqs"],
        max_model_len=longest,
        **{
            **engine.kv_cache(engine.config_of(plan["model"]), plan["max_num_seqs"], longest),
            **plan["engine"],
        },
    )
    # A server prepares its next step while the GPU works.
    del arguments["async_scheduling"]
    arguments["profiler_config"] = ProfilerConfig(**arguments["profiler_config"])
    server = AsyncLLM.from_engine_args(AsyncEngineArgs(**arguments))
    # The server itself opens the profiler's windows; here they are counted.
    capture = Capture(plan["captured"])
    profiled = capture.mode != "no"
    loop = asyncio.get_running_loop()
    vocabulary = server.model_config.get_vocab_size()
    try:
        # Warm: every size of prompt and batch has run once.
        await _load(server, _requests(plan, 1_000.0, vocabulary, seed=1_000))

        async def one(point: Any) -> list[dict[str, Any]]:
            requests = _requests(plan, float(point["tags"]["request_rate"]), vocabulary, seed=1)
            if profiled:
                await server.start_profile()
                capture.windows += 1
            try:
                return _metrics(*await _load(server, requests))
            finally:
                if profiled:
                    await server.stop_profile()

        def measure(point: Any) -> list[dict[str, Any]]:
            return asyncio.run_coroutine_threadsafe(one(point), loop).result()

        await asyncio.to_thread(each, plan["points"], measure, capture)
    finally:
        server.shutdown()


def _requests(
    plan: dict[str, Any], rate: float, vocabulary: int, seed: int
) -> list[tuple[float, list[int], int]]:
    """Arrival in seconds, prompt and tokens to generate of every request; the same for the same seed."""
    draw = random.Random(seed)  # noqa: S311 - for a workload, not for secrets

    def around(mean: int) -> int:
        return draw.randint(max(1, mean // 2), max(2, 3 * mean // 2))

    arrival, requests = 0.0, []
    for _ in range(plan["requests"]):
        prompt = draw.choices(range(vocabulary), k=around(plan["input_len"]))
        requests.append((arrival, prompt, max(2, around(plan["output_len"]))))
        arrival += draw.expovariate(rate)
    return requests


async def _load(
    server: Any, requests: Sequence[tuple[float, list[int], int]]
) -> tuple[list[list[float]], float]:
    """Send requests when they are due; returns the seconds of each one's tokens since then, and of all."""
    from vllm import SamplingParams
    from vllm.sampling_params import RequestOutputKind

    began = clock()

    async def one(number: int, due: float, prompt: list[int], tokens: int) -> list[float]:
        await asyncio.sleep(max(0.0, due - (clock() - began)))
        sampling = SamplingParams(
            temperature=0,
            max_tokens=tokens,
            ignore_eos=True,
            detokenize=False,
            output_kind=RequestOutputKind.DELTA,
        )
        sent, times = clock(), []
        name = f"{number}-{began}"
        async for output in server.generate({"prompt_token_ids": prompt}, sampling, name):
            times += [clock() - sent] * len(output.outputs[0].token_ids)
        return times

    times = await asyncio.gather(*(one(number, *request) for number, request in enumerate(requests)))
    return list(times), clock() - began


def _metrics(times: list[list[float]], seconds: float) -> list[dict[str, Any]]:
    """What a user waits for: the first token, and each of the others."""
    first = sorted(1e3 * each_of[0] for each_of in times)
    later = sorted(1e3 * (each_of[-1] - each_of[0]) / (len(each_of) - 1) for each_of in times)
    tokens = sum(len(each_of) for each_of in times)

    def at(ordered: list[float], share: float) -> float:
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]

    return [
        metric("ttft_p50_ms", "ms", at(first, 0.5)),
        metric("ttft_p99_ms", "ms", at(first, 0.99)),
        metric("tpot_p50_ms", "ms", at(later, 0.5)),
        metric("tpot_p99_ms", "ms", at(later, 0.99)),
        metric("output_tokens_per_s", "tokens/s", tokens / seconds),
        metric("seconds", "s", seconds),
    ]


if __name__ == "__main__":
    runner.start(main, work)
