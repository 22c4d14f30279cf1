"""Speculative decoding: acceptance, latency and, if wanted, a timeline, for a baseline and its variants."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from collectors import engine, guide, runner
from collectors.kept import of_all
from collectors.ranks import Ranks
from collectors.stages import Point, Stage
from collectors.worker import Capture, each, metric

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from collectors.runner import Options

_WARM_SEED = 1_000_003

METHODS = ("off", "ngram", "synthetic")


@click.command(
    epilog="""\b
Examples:
  traceql collect vllm-specdec --dry-run
  traceql collect vllm-specdec --mode baseline=off --mode ngram=ngram --nsys --out results/specdec
  traceql import-runs results/specdec/specdec.json && traceql query runs --sweep specdec
\b
A vLLM with staged KV writes and a vectorised mask, as two modes of the same method:
  --mode baseline=synthetic,VLLM_NWOR_MODE=off,VLLM_SCV_MODE=off
  --mode nwor=synthetic,VLLM_NWOR_MODE=stage,VLLM_SCV_MODE=graph
""",
    context_settings={"help_option_names": ["-h", "--help"]},
)
@runner.options("specdec")
@engine.model_options("llama-3.1-8b")
@click.option(
    "--mode",
    "modes",
    multiple=True,
    default=("baseline=off", "ngram=ngram", "synthetic=synthetic"),
    show_default=True,
    metavar="NAME=METHOD[,VARIABLE=VALUE…]",
    help="off, ngram or synthetic, and environment variables for it; repeatable, each a process of its own.",
)
@runner.count("--requests", 32, "Sequences of a batch.")
@runner.count("--drafts", 4, "Draft tokens per step.")
@runner.count("--batches", 4, "Batches that count.")
@runner.count("--input-len", 128, "Tokens of a prompt.", least=2)
@runner.count("--output-len", 128, "Tokens to generate.", least=8)
@click.option(
    "--acceptance",
    default="0.8,0.6,0.4,0.2",
    show_default=True,
    help="Of synthetic: the share of steps that accept the first draft, the second …; one for each draft.",
)
@click.option(
    "--eager/--graphs",
    default=False,
    show_default=True,
    help="Eager, or CUDA graphs for steps of all batches, with and without drafts.",
)
@runner.count("--seed", 0, "Of the first batch's prompts; each batch adds one.", least=0)
@click.option("--nsys", is_flag=True, help="Then record a batch of each mode.")
def main(
    shared: Options,
    model: str,
    weights: str,
    arguments: str | None,
    modes: tuple[str, ...],
    acceptance: str,
    nsys: bool,
    **sizes: Any,
) -> None:
    """Run the same batches with and without speculative decoding, and write down what vLLM counts.

    ngram drafts what followed the last tokens earlier in the sequence; random weights accept little of it, so
    synthetic accepts drafts at given rates instead. Into specdec.json, in the form of NWOR/SCV sweeps, which
    traceql import-runs reads: drafts, accepted tokens and latency per mode and per batch. Counters of vLLM
    whose names begin with nwor come along.
    """
    stages = _stages(model, weights, arguments, modes, acceptance, nsys, sizes)
    measured = [stage for stage in stages if stage.tool is None]
    runner.run("collectors.vllm_specdec", stages, shared, partial(_write_sweep, shared.out, measured, sizes))


def _stages(
    model: str,
    weights: str,
    arguments: str | None,
    modes: Sequence[str],
    acceptance: str,
    nsys: bool,
    sizes: dict[str, Any],
) -> list[Stage]:
    rates = _rates(acceptance, sizes["drafts"])
    given = engine.more_arguments(arguments)
    profiler = engine.profiled("nsys", given) if nsys else {}
    plain, recorded = [], []
    for text in modes:
        name, method, variables = _mode(text)
        tags = {
            "collector": "vllm_specdec",
            "mode": name,
            "method": method,
            **{key: value for key, _, value in (item.partition("=") for item in variables)},
        }
        settings = {
            **sizes,
            "model": model,
            "random": engine.random_weights(model, weights),
            "engine": given,
            "speculative": _speculative(method, sizes["drafts"], rates),
        }
        common: dict[str, Any] = {
            "environment": [*engine.environment(model), *variables],
            "model": engine.name_of(model),
            "tags": tags,
            "settings": settings,
            "follows": ("batches",),
        }
        batches = [Point(f"batch_{n}", {"batch_index": str(n)}) for n in range(sizes["batches"])]
        plain.append(Stage(name=f"specdec_{name}", points=batches, **common))
        if nsys:
            recorded.append(
                Stage(
                    name=f"specdec_nsys_{name}",
                    points=[Point("batch", {})],
                    tool="nsys",
                    profiler=profiler,
                    **common,
                )
            )
    return plain + recorded


def _mode(text: str) -> tuple[str, str, list[str]]:
    """Name, method and variables of ``--mode``.

    >>> _mode("nwor=ngram,VLLM_NWOR_MODE=stage")
    ('nwor', 'ngram', ['VLLM_NWOR_MODE=stage'])
    """
    name, _, rest = text.partition("=")
    method, *variables = rest.split(",")
    wrong = not re.fullmatch(r"\w+", name) or method not in METHODS
    if wrong or not all(re.fullmatch(r"[A-Za-z_]\w*=.*", item) for item in variables):
        raise click.BadParameter(f"--mode {text!r}. It looks like name=ngram,VARIABLE=value.")
    return name, method, variables


def _rates(acceptance: str, drafts: int) -> list[float]:
    try:
        rates = [float(text) for text in acceptance.split(",")]
    except ValueError:
        raise click.BadParameter(f"--acceptance {acceptance!r}. Numbers, separated by commas.") from None
    if (
        len(rates) != drafts
        or sorted(rates, reverse=True) != rates
        or not all(0 <= rate <= 1 for rate in rates)
    ):
        raise click.BadParameter(
            f"--acceptance needs {drafts} numbers from 1 to 0, none larger than the one before"
        )
    return rates


def _speculative(method: str, drafts: int, rates: list[float]) -> dict[str, Any] | None:
    """The speculative_config of vLLM."""
    if method == "off":
        return None
    ngram = {
        "method": "ngram",
        "num_speculative_tokens": drafts,
        "prompt_lookup_max": 3,
        "prompt_lookup_min": 1,
    }
    if method == "ngram":
        return ngram
    return {**ngram, "rejection_sample_method": "synthetic", "synthetic_acceptance_rates": rates}


def work(plan: dict[str, Any]) -> None:
    """The worker: one mode."""
    longest = plan["input_len"] + plan["output_len"] + plan["drafts"] + 8
    # A step verifies the drafts of each sequence together with its last token.
    per_sequence = 1 + plan["drafts"] if plan["speculative"] else 1
    llm = engine.llm(
        plan["model"],
        random=plan["random"],
        graphs=[] if plan["eager"] else engine.every_batch(plan["requests"], per_sequence),
        **{
            "max_num_seqs": plan["requests"],
            "max_num_batched_tokens": max(plan["requests"] * plan["input_len"], 2048),
            "max_model_len": longest,
            "disable_log_stats": False,
            "speculative_config": plan["speculative"],
            **engine.kv_cache(engine.config_of(plan["model"]), plan["requests"], longest),
            **plan["engine"],
        },
    )
    ranks = Ranks(llm)
    capture = Capture(plan["captured"], ranks)
    settled = ranks.settled()
    how = {"engine": "offline", **settled["tags"], "warmup": "1", "repeats": "1", "seed": str(plan["seed"])}
    how["capture_sizes"] = " ".join(map(str, settled["capture_sizes"]))
    # What runs first compiles and tunes.
    engine.generate(llm, _prompts(llm, plan, seed=_WARM_SEED), plan["output_len"])

    def measure(point: Any) -> list[dict[str, Any]]:
        prompts = _prompts(llm, plan, plan["seed"] + int(point["tags"].get("batch_index", 0)))
        before = counted(llm)
        steps = engine.Steps(before=lambda _: capture.push("step"), after=lambda _: capture.pop())
        with capture.point("specdec"):
            seconds = engine.generate(llm, prompts, plan["output_len"], steps)
        numbers = {name: value - before.get(name, 0) for name, value in counted(llm).items()}
        tokens = plan["requests"] * plan["output_len"]
        return [
            metric("latency_s", "s", seconds),
            metric("engine_steps", "", len(steps.seconds)),
            metric("tokens_per_s", "tokens/s", tokens / seconds),
            *(metric(name, "tokens" if "token" in name else "", value) for name, value in numbers.items()),
            *engine.graph_metric(plan["requests"] * per_sequence, settled["capture_sizes"]),
            *steps.occupancy.metrics(),
            *ranks.metrics(),
        ]

    with capture.all():
        each(plan["points"], measure, capture, how)


def _prompts(llm: Any, plan: dict[str, Any], seed: int) -> list[dict[str, list[int]]]:
    """Prompts that repeat themselves, so that an n-gram finds what to draft: half a prompt twice."""
    half = engine.prompts(llm, plan["requests"], plan["input_len"] // 2, seed)
    return [{"prompt_token_ids": 2 * prompt["prompt_token_ids"]} for prompt in half]


def counted(llm: Any) -> dict[str, int]:
    """The counters of speculative decoding that vLLM keeps, under the names that NWOR/SCV sweeps use."""
    found: dict[str, int] = {}
    for item in llm.get_metrics():
        name = item.name.removeprefix("vllm:").replace("spec_decode_", "spec_")
        if re.match(r"spec_num_|nwor_", name):
            values = getattr(item, "values", None)
            if values is not None:
                found |= {f"{name}_{place}": int(value) for place, value in enumerate(values)}
            elif hasattr(item, "value"):
                found[name] = found.get(name, 0) + int(item.value)
    return found


def _write_sweep(
    out: Path,
    stages: Sequence[Stage],
    sizes: Mapping[str, Any],
    measured: Mapping[str, Sequence[Mapping[str, Any]]],
) -> None:
    """The results of all modes in the form of an NWOR/SCV sweep."""
    modes = {
        stage.name: [
            {**_labels(stage), **r["tags"], **{m["name"]: m["value"] for m in of_all(r["metrics"])}}
            for r in measured.get(stage.name, ())
            if r["ok"]
        ]
        for stage in stages
    }
    summed = [(batches, _sums(batches)) for batches in modes.values() if batches]
    guide.write(out / "specdec.json", sizes, summed)


def _sums(batches: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    each_ = [guide.counted(batch) for batch in batches]
    names = sorted({name for one in each_ for name in one})
    return {name: sum(one.get(name, 0) for one in each_) for name in names}


def _labels(stage: Stage) -> dict[str, str]:
    """A mode, with the names that the sweeps of the fork use for its variables."""
    known = {"VLLM_NWOR_MODE": "nwor_mode", "VLLM_SCV_MODE": "scv_mode"}
    model = {"model": stage.model} if stage.model else {}
    tags = {name: text for name, text in stage.tags.items() if name != "collector"}
    return {**model, **{known.get(name, name): text for name, text in tags.items()}}


if __name__ == "__main__":
    runner.start(main, work)
