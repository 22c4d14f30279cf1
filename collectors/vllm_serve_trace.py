"""A served model under load: latency as its users see it, and a timeline of its engine."""

from __future__ import annotations

import asyncio
import os
import random
from typing import TYPE_CHECKING, Any

import click

from collectors import engine, latencies, runner, told
from collectors.occupancy import Occupancy, stat_logger
from collectors.stages import Point, Stage
from collectors.worker import Capture, clock, each

if TYPE_CHECKING:
    from collections.abc import Sequence

    from collectors.runner import Options

_WARM_SEED = 1_000_003


def _bounds(_ctx: click.Context, _param: click.Parameter, value: str) -> str:
    """Callback of ``--goodput``."""
    try:
        latencies.bounds(value)
    except ValueError as error:
        raise click.BadParameter(f"{error}.") from None
    return value


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
@runner.count("--requests", 128, "Requests of a rate; p99 needs 100.", least=2)
@runner.count("--input-len", 256, "Mean tokens of a prompt.")
@runner.count("--output-len", 64, "Mean tokens to generate.", least=2)
@runner.count("--max-num-seqs", 64, "Sequences at a time.")
@click.option(
    "--eager/--graphs", default=False, show_default=True, help="Eager, or CUDA graphs for decode steps."
)
@click.option(
    "--vllm-defaults",
    is_flag=True,
    help="As vLLM without options: torch.compile, prefix caching, and the sizes of an engine in a program (a "
    "server's may be larger). --eager and --max-num-seqs then say nothing.",
)
@click.option(
    "--goodput",
    default="ttft:500,tpot:50",
    show_default=True,
    callback=_bounds,
    help="Milliseconds that a request may take to count: ttft, tpot, e2el; empty for no goodput.",
)
@runner.count("--seed", 1, "Of arrivals and prompts; the rate is added to it.", least=0)
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
    recording, which begins when the engine is warm. In serve.csv are times to the first token, between
    outputs, per output token and to the end, each from when a request was due; a percentile p needs
    100 / (100 - p) of them. unlike_vllm_serve says what differs from vllm serve without options.
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
        "environment": [
            v for v in engine.environment(model) if v.partition("=")[0] not in _not_served(sizes)
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


def _not_served(sizes: dict[str, Any]) -> tuple[str, ...]:
    """Variables of workers that a served engine does not get."""
    own = ("VLLM_ENABLE_V1_MULTIPROCESSING",)
    return (
        (*own, "VLLM_USE_V2_MODEL_RUNNER", "VLLM_USE_FLASHINFER_SAMPLER") if sizes["vllm_defaults"] else own
    )


def work(plan: dict[str, Any]) -> None:
    """The worker: one server for all rates."""
    asyncio.run(_serve(plan))


async def _serve(plan: dict[str, Any]) -> None:
    from vllm.engine.arg_utils import AsyncEngineArgs
    from vllm.v1.engine.async_llm import AsyncLLM

    arguments, asked = _arguments(plan)
    occupancy: list[Occupancy] = []
    logger = stat_logger(lambda *seen: occupancy[-1].seen(*seen) if occupancy else None)
    server = AsyncLLM.from_engine_args(AsyncEngineArgs(**arguments), stat_loggers=[logger])
    # The server itself opens the profiler's windows; here they are counted.
    capture = Capture(plan["captured"])
    profiled = capture.mode != "no"
    loop = asyncio.get_running_loop()
    vocabulary = server.model_config.get_vocab_size()
    try:
        # Warm: every size of prompt and batch has run once.
        await _load(server, _requests(plan, 1_000.0, vocabulary, _WARM_SEED))
        (settled, *_) = await server.collective_rpc("traceql_settled")

        async def one(point: Any) -> list[dict[str, Any]]:
            rate = float(point["tags"]["request_rate"])
            # Other prompts for each rate: nothing of one is cached for the next.
            requests = _requests(plan, rate, vocabulary, plan["seed"] + int(rate))
            occupancy.append(Occupancy())
            if profiled:
                await server.start_profile()
                capture.windows += 1
            try:
                answered, seconds = await _load(server, requests)
            finally:
                if profiled:
                    await server.stop_profile()
            bound = latencies.bounds(plan["goodput"])
            return [*latencies.served(answered, seconds, rate, bound), *occupancy[-1].metrics()]

        def measure(point: Any) -> list[dict[str, Any]]:
            return asyncio.run_coroutine_threadsafe(one(point), loop).result()

        await asyncio.to_thread(each, plan["points"], measure, capture, _tags(plan, settled, asked))
    finally:
        server.shutdown()


def _arguments(plan: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Arguments of the engine, and which of them bound what vLLM would choose itself."""
    from vllm.config import ProfilerConfig

    longest = 2 * (plan["input_len"] + plan["output_len"])
    arguments = engine.llm_arguments(
        plan["model"], random=plan["random"], graphs=[] if plan["eager"] else _graphs(plan)
    )
    # A server prepares its next step while the GPU works.
    del arguments["async_scheduling"]
    if plan["vllm_defaults"]:
        for name in ("dtype", "enable_prefix_caching", "enforce_eager", "compilation_config"):
            arguments.pop(name, None)
        bounding = dict(plan["engine"])
    else:
        bounding = {
            "max_num_seqs": plan["max_num_seqs"],
            "max_model_len": longest,
            **engine.kv_cache(engine.config_of(plan["model"]), plan["max_num_seqs"], longest),
            **plan["engine"],
        }
    arguments |= bounding
    arguments["profiler_config"] = ProfilerConfig(**arguments["profiler_config"])
    return arguments, list(bounding)


def _graphs(plan: dict[str, Any]) -> list[int]:
    return engine.every_batch(plan["max_num_seqs"])


def _tags(plan: dict[str, Any], settled: dict[str, Any], asked: list[str]) -> dict[str, str]:
    """What is true of all rates: the engine's configuration, its load, what a server has otherwise."""
    return {
        "engine": "served",
        **settled["tags"],
        **settled["room"],
        "capture_sizes": " ".join(map(str, settled["capture_sizes"])),
        "unlike_vllm_serve": told.unlike_vllm_serve(settled, os.environ, asked),
        "arrivals": "poisson",
        "seed": str(plan["seed"]),
        "warmup": "1",
        "repeats": "1",
        **({"goodput": plan["goodput"]} if plan["goodput"] else {}),
    }


def _requests(
    plan: dict[str, Any], rate: float, vocabulary: int, seed: int
) -> list[tuple[float, list[int], int]]:
    """When due in seconds, prompt and tokens to generate of every request; the same for the same seed."""
    draw = random.Random(seed)  # noqa: S311 - for a workload, not for secrets

    def around(mean: int) -> int:
        return draw.randint(max(1, mean // 2), max(2, 3 * mean // 2))

    due, requests = 0.0, []
    for _ in range(plan["requests"]):
        prompt = draw.choices(range(vocabulary), k=around(plan["input_len"]))
        requests.append((due, prompt, max(2, around(plan["output_len"]))))
        due += draw.expovariate(rate)
    return requests


async def _load(
    server: Any, requests: Sequence[tuple[float, list[int], int]]
) -> tuple[list[latencies.Request], float]:
    """Send requests when they are due; returns what came of each, and the seconds of all.

    A client that is late sends late, and its users wait for it: times count from when a request is due.
    """
    from vllm import SamplingParams
    from vllm.sampling_params import RequestOutputKind

    began = clock()

    async def one(number: int, due: float, prompt: list[int], tokens: int) -> latencies.Request:
        await asyncio.sleep(max(0.0, due - (clock() - began)))
        sampling = SamplingParams(
            temperature=0,
            max_tokens=tokens,
            ignore_eos=True,
            detokenize=False,
            output_kind=RequestOutputKind.DELTA,
        )
        request = latencies.Request(due, clock() - began)
        name = f"{number}-{began}"
        async for output in server.generate({"prompt_token_ids": prompt}, sampling, name):
            if count := len(output.outputs[0].token_ids):
                request.outputs.append((clock() - began, count))
        if request.tokens != tokens:
            raise RuntimeError(f"{tokens} tokens were asked for, but {request.tokens} came")
        return request

    answered = await asyncio.gather(*(one(number, *request) for number, request in enumerate(requests)))
    return list(answered), clock() - began


if __name__ == "__main__":
    runner.start(main, work)
