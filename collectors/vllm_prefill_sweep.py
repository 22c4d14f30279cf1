"""How long prefill takes, by length of the prompt; then, if wanted, the same step under nsys and ncu."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from collectors import engine, runner, sweep
from collectors.occupancy import Occupancy
from collectors.ranks import Ranks, joined
from collectors.stages import Point
from collectors.worker import Capture, each, median_ms, metric, spread

if TYPE_CHECKING:
    from collections.abc import Mapping

    from collectors.runner import Options


@click.command(
    epilog="""\b
Examples:
  traceql collect vllm-prefill-sweep --dry-run
  traceql collect vllm-prefill-sweep --nsys --out results/prefill
  traceql import-runs results/prefill/prefill_sweep.csv && traceql query prefill-sweep
""",
    context_settings={"help_option_names": ["-h", "--help"]},
)
@runner.options("prefill")
@engine.model_options("llama-3.1-8b")
@runner.numbers("--lengths", "64,128,256,512,1024,2048,4096", "Tokens of the prompt.")
@runner.count("--batch", 1, "Prompts at a time.")
@runner.count("--warmup", 2, "Runs that do not count.", least=0)
@runner.count("--repeats", 5, "Runs that count.")
@runner.count("--seed", 0, "Of the first run's prompts; each run adds one.", least=0)
@sweep.mode_option
@click.option("--nsys", is_flag=True, help="Then record the step of each length: a report for each.")
@click.option("--ncu", is_flag=True, help="Then count in the step of each length, with few layers.")
@runner.count("--ncu-layers", 2, "Layers under ncu.")
def main(
    shared: Options,
    model: str,
    weights: str,
    arguments: str | None,
    lengths: list[int],
    mode: str,
    nsys: bool,
    ncu: bool,
    **sizes: Any,
) -> None:
    """Measure prefill by prompt length: ms is the median time from prompt to first token.

    Without a profiler first, into prefill_sweep.csv, which traceql import-runs reads. step_ms is the engine's
    step alone, without what surrounds it. Every prompt is new and prefix caching off: nothing comes from a
    cache. A prompt is one step; steps are eager, as prefill steps are without torch.compile. With --mode
    served the engine runs as vLLM serves, asynchronous and compiled, and there is no step_ms.
    """
    batch = {"batch_size": str(sizes["batch"]), "output_len": "1"}
    stages = sweep.stages(
        "prefill",
        [Point(f"input_{n}", {"input_len": str(n), **batch}) for n in lengths],
        sizes,
        {"longest": max(lengths)},
        follows=("longest",),
        model=model,
        weights=weights,
        arguments=arguments,
        served=mode == "served",
        nsys=nsys,
        ncu=ncu,
    )
    runner.run("collectors.vllm_prefill_sweep", stages, shared)


def work(plan: dict[str, Any]) -> None:
    """The worker: one engine for all lengths."""
    model = sweep.model_of(plan)
    llm = engine.llm(
        model, random=plan["random"], served=plan["served"], **sizes(plan, engine.config_of(model))
    )
    ranks = Ranks(llm)
    capture = Capture(plan["captured"], ranks)
    settled = ranks.settled()

    def measure(point: Any) -> list[dict[str, Any]]:
        length = int(point["tags"]["input_len"])
        if plan["served"]:
            return _served(llm, length, plan)
        if capture.mode == "no":
            return _timed(llm, ranks, length, plan)
        # Once without the profiler: the first step of a size may compile or tune.
        batch = plan["batch"]
        engine.generate(llm, engine.prompts(llm, batch, length, plan["seed"]), 1)
        steps = engine.Steps()
        with capture.point(f"prefill_sweep/input_len={length}"):
            engine.generate(llm, engine.prompts(llm, batch, length, plan["seed"] + 1), 1, steps)
        return [metric("profiled_ms", "ms", 1e3 * sum(steps.seconds)), *ranks.metrics()]

    with capture.all():
        each(plan["points"], measure, capture, sweep.tags(llm, ranks, plan, settled))


def sizes(plan: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, Any]:
    """The engine's bounds, so that a prompt is one step: chunks would read the weights again for each.

    Args:
        plan: of the worker.
        config: of the model.

    As many sequences as are sent, for more would take memory for nothing. Not when it serves: from their
    number vLLM derives up to how many tokens a step replays CUDA graphs, and those of a server hold prompts.

    >>> plan = dict(batch=1, longest=512, served=False, engine={})
    >>> sizes(plan, {})
    {'max_num_batched_tokens': 2048, 'max_model_len': 520, 'max_num_seqs': 1}
    >>> "max_num_seqs" in sizes({**plan, "served": True}, {})
    False
    """
    batch, longest = plan["batch"], plan["longest"] + 8
    return {
        "max_num_batched_tokens": max(batch * plan["longest"], 2048),
        "max_model_len": longest,
        **({} if plan["served"] else {"max_num_seqs": batch}),
        **engine.kv_cache(config, batch, longest),
        **plan["engine"],
    }


def _timed(llm: Any, ranks: Ranks, length: int, plan: dict[str, Any]) -> list[dict[str, Any]]:
    whole: list[float] = []
    gpu: list[list[float]] = []
    stepped: list[float] = []
    occupancy = Occupancy()
    for number in range(plan["warmup"] + plan["repeats"]):
        steps = engine.Steps(before=ranks.mark, after=ranks.mark, occupancy=occupancy)
        prompts = engine.prompts(llm, plan["batch"], length, plan["seed"] + number)
        seconds = engine.generate(llm, prompts, 1, steps)
        if len(steps.seconds) != 1:
            raise RuntimeError(
                f"{len(steps.seconds)} steps for one token: the prompt does not fit into a step"
            )
        taken = ranks.between_marks()
        if number >= plan["warmup"]:
            gpu = joined(gpu, taken)
            whole.append(seconds)
            stepped.append(steps.seconds[0])
    return [
        metric("ms", "ms", median_ms(whole)),
        metric("step_ms", "ms", median_ms(stepped)),
        *spread("ms", "ms", [1e3 * seconds for seconds in whole]),
        *occupancy.metrics(),
        *ranks.metrics(gpu),
    ]


def _served(llm: Any, length: int, plan: dict[str, Any]) -> list[dict[str, Any]]:
    runs: list[float] = []
    for number in range(plan["warmup"] + plan["repeats"]):
        prompts = engine.prompts(llm, plan["batch"], length, plan["seed"] + number)
        seconds = engine.generate(llm, prompts, 1)
        if number >= plan["warmup"]:
            runs.append(seconds)
    return [metric("ms", "ms", median_ms(runs)), *spread("ms", "ms", [1e3 * run for run in runs])]


if __name__ == "__main__":
    runner.start(main, work)
