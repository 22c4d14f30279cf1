"""How long a decode step takes, by batch size; then, if wanted, the same steps under nsys and ncu."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from collectors import engine, runner, sweep
from collectors.occupancy import Occupancy
from collectors.ranks import Ranks, joined
from collectors.stages import Point
from collectors.worker import Capture, each, median_ms, metric, spread

if TYPE_CHECKING:
    from collectors.runner import Options

#: Steps before the profiler's window: prefill, and the first decode steps, which may still compile.
_SKIPPED = 3


@click.command(
    epilog="""\b
Examples:
  traceql collect vllm-decode-sweep --dry-run
  traceql collect vllm-decode-sweep --nsys --out results/decode
  traceql import-runs results/decode/decode_sweep.csv && traceql query decode-sweep
""",
    context_settings={"help_option_names": ["-h", "--help"]},
)
@runner.options("decode")
@engine.model_options("llama-3.1-8b")
@runner.numbers("--batches", "1,2,4,8,16,32,64,128,256,512", "Sequences decoded together.")
@runner.count("--input-len", 128, "Tokens of a prompt.")
@runner.count("--output-len", 64, "Tokens to generate.", least=8)
@runner.count("--warmup", 1, "Runs that do not count.", least=0)
@runner.count("--repeats", 3, "Runs that count.")
@runner.count("--seed", 0, "Of the first run's prompts; each run adds one.", least=0)
@sweep.mode_option
@click.option("--nsys", is_flag=True, help="Then record decode steps of each batch size: a report for each.")
@click.option("--ncu", is_flag=True, help="Then count in one eager decode step of each, with few layers.")
@runner.count("--profiled-steps", 4, "Steps under nsys.")
@runner.count("--ncu-layers", 2, "Layers under ncu.")
def main(
    shared: Options,
    model: str,
    weights: str,
    arguments: str | None,
    batches: list[int],
    mode: str,
    nsys: bool,
    ncu: bool,
    **sizes: Any,
) -> None:
    """Measure decoding by batch size: ms_per_token is the median time of a decode step.

    Without a profiler first, into decode_sweep.csv, which traceql import-runs reads. prefill_ms is the step
    of the prompts, latency_ms_per_token the whole run divided by the tokens of a sequence. Prefix caching is
    off, prompts are random tokens, decode steps replay CUDA graphs, nothing is compiled.

    With --mode served the engine runs as vLLM serves: asynchronous, compiled, in a process of its own. Its
    steps overlap, so that ms_per_token is what each token beyond the first adds to a run's time, and
    prefill_ms the time of a run of one token.
    """
    lengths = {"input_len": str(sizes["input_len"]), "output_len": str(sizes["output_len"])}
    stages = sweep.stages(
        "decode",
        [Point(f"batch_{n}", {"batch_size": str(n), **lengths}) for n in batches],
        sizes,
        {"largest": max(batches), "graphs": batches},
        follows=("largest", "graphs"),
        counted={"graphs": [], "profiled_steps": 1},
        model=model,
        weights=weights,
        arguments=arguments,
        served=mode == "served",
        nsys=nsys,
        ncu=ncu,
    )
    runner.run("collectors.vllm_decode_sweep", stages, shared)


def work(plan: dict[str, Any]) -> None:
    """The worker: one engine for all batch sizes."""
    longest = plan["input_len"] + plan["output_len"] + 8
    model = sweep.model_of(plan)
    llm = engine.llm(
        model,
        random=plan["random"],
        graphs=plan["graphs"],
        served=plan["served"],
        **{
            "max_num_seqs": plan["largest"],
            # All prompts in one step: every later step is a decode step of the whole batch.
            "max_num_batched_tokens": max(plan["largest"] * plan["input_len"], 2048),
            "max_model_len": longest,
            **engine.kv_cache(engine.config_of(model), plan["largest"], longest),
            **plan["engine"],
        },
    )
    ranks = Ranks(llm)
    capture = Capture(plan["captured"], ranks)
    settled = ranks.settled()

    def measure(point: Any) -> list[dict[str, Any]]:
        batch = int(point["tags"]["batch_size"])
        if plan["served"]:
            measured = _served(llm, batch, plan)
        elif capture.mode == "no":
            measured = _timed(llm, ranks, batch, plan)
        else:
            measured = [*_recorded(llm, batch, plan, capture), *ranks.metrics()]
        return [*measured, *engine.graph_metric(batch, settled["capture_sizes"])]

    with capture.all():
        each(plan["points"], measure, capture, sweep.tags(llm, ranks, plan, settled))


def _timed(llm: Any, ranks: Ranks, batch: int, plan: dict[str, Any]) -> list[dict[str, Any]]:
    decode: list[list[float]] = []
    prefill: list[float] = []
    whole: list[float] = []
    gpu: list[list[float]] = []
    occupancy = Occupancy()
    for number in range(plan["warmup"] + plan["repeats"]):
        steps = engine.Steps(before=ranks.mark, after=ranks.mark, occupancy=occupancy)
        # New prompts each time: nothing can be left over from the last.
        prompts = engine.prompts(llm, batch, plan["input_len"], plan["seed"] + number)
        seconds = engine.generate(llm, prompts, plan["output_len"], steps)
        if len(steps.seconds) != plan["output_len"]:
            raise RuntimeError(
                f"{len(steps.seconds)} steps for {plan['output_len']} tokens: the KV cache or a step is too "
                "small for the whole batch"
            )
        taken = ranks.between_marks()
        if number >= plan["warmup"]:
            prefill.append(steps.seconds[0])
            decode.append(steps.seconds[1:])
            whole.append(seconds)
            gpu = joined(gpu, [times[1:] for times in taken])
    step = median_ms([seconds for run in decode for seconds in run])
    return [
        *_times(batch, step, [median_ms(run) for run in decode], prefill, whole, plan["output_len"]),
        *occupancy.metrics(),
        *ranks.metrics(gpu),
    ]


def _served(llm: Any, batch: int, plan: dict[str, Any]) -> list[dict[str, Any]]:
    """Steps overlap: what a step takes is the difference of two runs, divided by the steps between them."""
    first: list[float] = []
    whole: list[float] = []
    for number in range(plan["warmup"] + plan["repeats"]):
        prompts = engine.prompts(llm, batch, plan["input_len"], plan["seed"] + number)
        seconds = [engine.generate(llm, prompts, tokens) for tokens in (1, plan["output_len"])]
        if number >= plan["warmup"]:
            first.append(seconds[0])
            whole.append(seconds[1])
    beyond = plan["output_len"] - 1
    runs = [1e3 * (all_ - one) / beyond for one, all_ in zip(first, whole, strict=True)]
    step = (median_ms(whole) - median_ms(first)) / beyond
    return _times(batch, step, runs, first, whole, plan["output_len"])


def _times(
    batch: int, step_ms: float, runs_ms: list[float], first: list[float], whole: list[float], tokens: int
) -> list[dict[str, Any]]:
    """What both modes tell of a batch: a step, the time to the first token, the whole, the spread of runs."""
    return [
        metric("ms_per_token", "ms", step_ms),
        metric("tokens_per_s", "tokens/s", 1e3 * batch / step_ms),
        metric("prefill_ms", "ms", median_ms(first)),
        metric("latency_ms", "ms", median_ms(whole)),
        metric("latency_ms_per_token", "ms", median_ms(whole) / tokens),
        *spread("ms_per_token", "ms", runs_ms),
    ]


def _recorded(llm: Any, batch: int, plan: dict[str, Any], capture: Capture) -> list[dict[str, Any]]:
    """A few decode steps inside the profiler's window, each in an NVTX range."""
    profiled = range(_SKIPPED, _SKIPPED + plan["profiled_steps"])
    window = capture.point(f"decode_sweep/batch_size={batch}")

    def before(number: int) -> None:
        if number == profiled.start:
            window.__enter__()
        if number in profiled:
            capture.push("decode_step")

    def after(number: int) -> None:
        if number in profiled:
            capture.pop()
        if number == profiled.stop - 1:
            window.__exit__(None, None, None)

    steps = engine.Steps(before=before, after=after)
    prompts = engine.prompts(llm, batch, plan["input_len"], plan["seed"] + 1)
    try:
        # The prefill step gives the first token.
        engine.generate(llm, prompts, profiled.stop + 1, steps)
    finally:
        capture.stop()
    return [metric("profiled_ms_per_token", "ms", median_ms([steps.seconds[n] for n in profiled]))]


if __name__ == "__main__":
    runner.start(main, work)
