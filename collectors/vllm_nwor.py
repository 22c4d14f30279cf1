"""NWOR and SCV in vLLM, switched while one engine runs: the same tokens, latency, traffic, launches."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from collectors import counters, engine, guide, runner
from collectors.kept import of_all
from collectors.nwor import MODES, Patch
from collectors.ranks import Ranks
from collectors.stages import Point, Stage
from collectors.vllm_specdec import counted
from collectors.worker import Capture, clock, each, median_ms, metric, spread

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from collectors.runner import Options

TASKS = ("equal", "latency", "counters", "step-traffic", "timeline")

#: What an L2 is no larger than.
_FLUSH_BYTES = 256 << 20
#: Counted of a whole step, in one pass: the program runs once for each.
_OF_STEP = ("dram__bytes_write.sum", "dram__bytes_read.sum", "lts__t_sectors_op_write.sum")
#: By how much random weights grow where tokens are compared, from 0.001 at most to the size of trained ones.
_SHARPER = 40.0
#: Steps of a turn that do not count: the first copies what the pages mirror.
_SKIPPED = 1


@click.command(
    epilog="""\b
Examples:
  traceql collect vllm-nwor --dry-run
  traceql collect vllm-nwor --tasks equal --layers 2 --out results/nwor
  traceql collect vllm-nwor --tasks latency --points 32x512,16x16384 --out results/nwor
""",
    context_settings={"help_option_names": ["-h", "--help"]},
)
@runner.options("nwor")
@engine.model_options("llama-3.1-8b")
@click.option("--tasks", default=",".join(TASKS), show_default=True, help="What is recorded, in order.")
@click.option(
    "--method",
    type=click.Choice(["draft", "ngram"]),
    default="draft",
    show_default=True,
    help="Who drafts: the model's first layers, with weights of their own, or what followed earlier.",
)
@click.option(
    "--modes",
    default="off,nwor,scv_loop,scv_vectorized,scv_graph,nwor_scv_graph",
    show_default=True,
    help="Of them; off is vLLM as it is.",
)
@click.option(
    "--points",
    "shapes",
    default="1x512,8x512,32x512,128x512,32x4096,16x16384",
    show_default=True,
    help="Sequences x tokens of each prompt.",
)
@click.option(
    "--acceptance",
    default="0.5,0.7,0.9",
    show_default=True,
    help="Chances that a draft is accepted whose predecessors are; standard: what the model says. "
    "Under a profiler only the first.",
)
@runner.count("--layers", 0, "Layers of the model; 0 for all.", least=0)
@runner.count("--draft-layers", 1, "Layers of the draft model.")
@runner.count("--drafts", 4, "Draft tokens per step.")
@runner.count("--rounds", 3, "Of a latency: so often each mode has its turn.")
@runner.count("--steps", 4, "Steps of a turn, after one that does not count.")
@runner.count("--output-len", 64, "Tokens of each sequence when outputs are compared.")
@runner.count("--seed", 0, "Of prompts and of synthetic acceptance.", least=0)
@click.option(
    "--eager/--graphs", default=False, show_default=True, help="Eager, or CUDA graphs for decode steps."
)
def main(
    shared: Options,
    model: str,
    weights: str,
    arguments: str | None,
    tasks: str,
    method: str,
    modes: str,
    shapes: str,
    acceptance: str,
    **sizes: Any,
) -> None:
    """Patch staged KV writes (NWOR) and other verdicts (SCV) into vLLM and compare them with vLLM as it is.

    equal: every mode's tokens, and the logits of every step, bit for bit, are those of vLLM as it is, or the
    point fails; a mode that is broken on purpose has to differ. latency: modes take turns in one run, step by
    step. counters: every kernel of one eager step under ncu. step-traffic: whole steps under ncu, with the
    flush that writes back what the L2 holds. timeline: steps under nsys, each graph as a whole.
    """
    stages = _stages(
        model, weights, arguments, _chosen(tasks, TASKS), method, modes, shapes, acceptance, sizes
    )
    timed = [stage for stage in stages if stage.table]
    runner.run("collectors.vllm_nwor", stages, shared, partial(_write_sweeps, shared.out, timed, sizes))


def _chosen(text: str, known: Sequence[str]) -> list[str]:
    chosen = text.split(",")
    if unknown := [name for name in chosen if name not in known]:
        raise click.BadParameter(f"{unknown[0]!r} is none of {', '.join(known)}")
    return chosen


def _stages(
    model: str,
    weights: str,
    arguments: str | None,
    tasks: Sequence[str],
    method: str,
    modes: str,
    shapes: str,
    acceptance: str,
    sizes: Mapping[str, Any],
) -> list[Stage]:
    chosen = _chosen(modes, [*MODES])
    sized = [_shape(text) for text in shapes.split(",")]
    rates = (
        ["standard"] if acceptance == "standard" else [f"{_rate(text):g}" for text in acceptance.split(",")]
    )
    tags = {"collector": "vllm_nwor", "method": method, "drafts": str(sizes["drafts"])}
    config = engine.config_of(model)
    found = []
    for task in tasks:
        settings = {
            **sizes,
            "task": task,
            "method": method,
            "synthetic": rates != ["standard"],
            "model": model,
            "random": engine.random_weights(model, weights),
            "engine": engine.more_arguments(arguments),
            "modes": chosen,
            "largest": max(batch for batch, _ in sized),
            "tokens": max(batch * (length + _grown(sizes, chosen, rates)) for batch, length in sized),
            "longest": max(length for _, length in sized) + _grown(sizes, chosen, rates),
        }
        layers = sizes["layers"] or config.get("num_hidden_layers")
        common: dict[str, Any] = {
            "environment": engine.environment(model),
            "model": engine.name_of(model),
            "settings": settings,
            "follows": ("largest", "tokens", "longest"),
            "tags": {**tags, "layers": str(layers)},
        }
        if task == "counters":
            # A report for each mode, so that two of them can be compared.
            found += [
                Stage(
                    name=f"nwor_{method}_counters_{mode}",
                    points=list(_points([mode], sized, rates[:1])),
                    tool="ncu",
                    profiler={"metrics": counters.TRAFFIC, "cache_control": "none"},
                    **{
                        **common,
                        "settings": {**settings, "eager": True},
                        "tags": {**common["tags"], **_named(mode)},
                    },
                )
                for mode in chosen
            ]
            continue
        own: dict[str, dict[str, Any]] = {
            "equal": {},
            "latency": {"table": f"nwor_{method}_latency"},
            "step-traffic": {
                "tool": "ncu",
                "profiler": {"metrics": _OF_STEP, "cache_control": "none", "replay_mode": "app-range"},
            },
            "timeline": {"tool": "nsys", "report_per_point": True, "profiler": {"graph_trace": "graph"}},
        }
        of = [*chosen, "broken"] if task == "equal" else chosen
        kept = rates if task in ("equal", "latency") else rates[:1]
        found.append(
            Stage(
                name=f"nwor_{method}_{task.replace('-', '_')}",
                points=[*_points(of, sized, kept)],
                **own[task],
                **common,
            )
        )
    return found


def _shape(text: str) -> tuple[int, int]:
    """Sequences and tokens of ``--points``.

    >>> _shape("32x512")
    (32, 512)
    """
    batch, _, length = text.partition("x")
    if not batch.isdecimal() or not length.isdecimal() or int(batch) < 1 or int(length) < 8:
        raise click.BadParameter(f"--points {text!r}. It looks like 32x512, with 8 tokens or more.")
    return int(batch), int(length)


def _rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = -1
    if not 0 <= rate <= 1:
        raise click.BadParameter(f"--acceptance {text!r}. Numbers from 0 to 1, or standard.")
    return rate


def _grown(sizes: Mapping[str, Any], modes: Sequence[str], rates: Sequence[str]) -> int:
    """Tokens that a sequence may grow by, if every draft is accepted."""
    steps = len(rates) * len(modes) * int(sizes["rounds"]) * (int(sizes["steps"]) + _SKIPPED)
    return max((int(sizes["drafts"]) + 1) * (steps + 2 * len(MODES) + 40), int(sizes["output_len"])) + 32


def _named(mode: str) -> dict[str, str]:
    """A mode's name, and those of the guide."""
    nwor, scv = MODES[mode]
    return {"mode": mode, "nwor_mode": nwor, "scv_mode": scv}


def _points(modes: Sequence[str], shapes: Sequence[tuple[int, int]], rates: Sequence[str]) -> Iterator[Point]:
    for batch, length in shapes:
        for rate in rates:
            for mode in modes:
                yield Point(
                    f"{mode}_{batch}x{length}_{rate}",
                    {
                        **_named(mode),
                        "batch_size": str(batch),
                        "input_len": str(length),
                        "acceptance": rate,
                    },
                )


def _write_sweeps(
    out: Path,
    stages: Sequence[Stage],
    sizes: Mapping[str, Any],
    measured: Mapping[str, Sequence[Mapping[str, Any]]],
) -> None:
    """A sweep of all modes for each shape and acceptance, whose batches are the turns of a mode."""
    for stage in stages:
        sweeps: dict[tuple[str, ...], list[guide.Mode]] = {}
        for result in measured.get(stage.name, ()):
            if not result["ok"]:
                continue
            tags = {"model": str(stage.model), **result["tags"]}
            # The guide has two names for it, and one more would be another difference.
            tags.pop("mode")
            turns = [
                {**tags, "batch_index": str(m["sample"]), "latency_s": m["value"] / 1e3}
                for m in result["metrics"]
                if m["name"] == "run_ms_per_step"
            ]
            of_all_turns = guide.counted({m["name"]: m["value"] for m in of_all(result["metrics"])})
            key = tuple(tags[name] for name in ("batch_size", "input_len", "acceptance"))
            sweeps.setdefault(key, []).append((turns, of_all_turns))
        for (batch, length, rate), modes in sweeps.items():
            # The layers that there were, as reports are tagged, where 0 asked for all.
            config = {**sizes, "layers": int(stage.tags["layers"])}
            guide.write(out / f"{stage.name}_{batch}x{length}_{rate}.json", config, modes)


def work(plan: dict[str, Any]) -> None:
    """The worker: one engine for all points."""
    llm = _engine(plan)
    ranks = Ranks(llm)
    capture = Capture(plan["captured"], ranks)
    patch = Patch(llm, ranges=capture.mode != "no")
    token_bytes = patch.token_bytes
    how = {**ranks.settled()["tags"], "kv_token_bytes": str(token_bytes), "seed": str(plan["seed"])}
    if plan["task"] == "equal" and plan["random"]:
        patch.sharpen(_SHARPER)
    run = _Run(llm, patch, capture, plan)
    measure = {
        "equal": run.equal,
        "latency": run.latency,
        "counters": run.recorded,
        "step-traffic": run.recorded,
        "timeline": run.recorded,
    }[plan["task"]]
    run.warm()
    with capture.all():
        each(plan["points"], measure, capture, how)


def _engine(plan: dict[str, Any]) -> Any:
    model, drafts, requests = plan["model"], plan["drafts"], plan["largest"]
    if plan["layers"]:
        model = engine.changed_model(model, lambda config: engine.few_layers(config, plan["layers"]))
    config = engine.config_of(model)
    speculative: dict[str, Any] = {"method": "ngram", "prompt_lookup_max": 3, "prompt_lookup_min": 1}
    layers = config["num_hidden_layers"]
    if plan["method"] == "draft":
        few = plan["draft_layers"]
        small = engine.changed_model(plan["model"], lambda given: engine.few_layers(given, few))
        speculative = {"method": "draft_model", "model": small}
        layers += few
    speculative["num_speculative_tokens"] = drafts
    if plan["synthetic"]:
        speculative |= {
            "rejection_sample_method": "synthetic",
            "synthetic_acceptance_rates": [0.5**n for n in range(1, drafts + 1)],
        }
    # Room for the rows of the longest batch, a block more for each sequence, and two pages.
    cache = engine.kv_cache({**config, "num_hidden_layers": layers}, 1, plan["tokens"] + 64 * requests)
    return engine.llm(
        model,
        random=plan["random"],
        graphs=[] if plan["eager"] else engine.every_batch(requests, drafts + 1),
        **{
            "max_num_seqs": requests,
            "max_num_batched_tokens": 16384,
            "max_model_len": plan["longest"],
            "disable_log_stats": False,
            "speculative_config": speculative,
            **cache,
            **plan["engine"],
        },
    )


@dataclass
class _Batch:
    """Sequences that run until they are dropped."""

    names: list[str]
    #: Tokens that each has got.
    tokens: dict[str, int]


@dataclass
class _Generated:
    """What a mode gives: tokens of each sequence, a number for the logits of each step, what was counted."""

    tokens: list[list[int]]
    logits: list[int]
    counts: list[dict[str, Any]]


class _Run:
    """What the tasks do with an engine."""

    def __init__(self, llm: Any, patch: Patch, capture: Capture, plan: Mapping[str, Any]) -> None:
        self._llm, self._patch, self._capture, self._plan = llm, patch, capture, plan
        self._begun = 0
        self._expected: dict[tuple[str, ...], _Generated] = {}
        self._latencies: dict[tuple[str, ...], list[dict[str, Any]]] = {}
        self._flush: Any = None

    def warm(self) -> None:
        """Whatever compiles does it here: kernels, and the graph of the verdict."""
        batch = self._begin(1, 64)
        for mode in self._plan["modes"]:
            self._patch.mode(mode)
            for _ in range(2):
                self._step(batch)
        self._patch.mode("off")
        self._drop(batch)
        self._patch.counted()

    def equal(self, point: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The tokens of a mode and those of vLLM as it is."""
        tags = point["tags"]
        key = tuple(tags[name] for name in ("batch_size", "input_len", "acceptance"))
        if key not in self._expected:
            self._expected[key] = self._generated("off", tags)
            again = self._generated("off", tags)
            if (again.tokens, again.logits) != (self._expected[key].tokens, self._expected[key].logits):
                raise RuntimeError("vLLM as it is gives other tokens or logits when it runs again")
        wanted, found = self._expected[key], self._generated(tags["mode"], tags)
        pairs = [
            (one, other)
            for a, b in zip(wanted.tokens, found.tokens, strict=True)
            for one, other in zip(a, b, strict=True)
        ]
        same = sum(one == other for one, other in pairs)
        steps = max(len(wanted.logits), len(found.logits))
        equal = sum(one == other for one, other in zip(wanted.logits, found.logits, strict=False))
        if (same == len(pairs) and equal == steps) == (tags["mode"] == "broken"):
            raise RuntimeError(
                f"{same} of {len(pairs)} tokens, and the logits of {equal} of {steps} steps, "
                "are those of vLLM as it is"
            )
        return [
            metric("tokens_compared", "tokens", len(pairs)),
            metric("tokens_equal", "tokens", same),
            metric("tokens_distinct", "tokens", len({token for one in found.tokens for token in one})),
            metric("steps_compared", "", steps),
            metric("steps_with_equal_logits", "", equal),
            *found.counts,
        ]

    def _generated(self, mode: str, tags: Mapping[str, str]) -> _Generated:
        from vllm import SamplingParams

        self._accept(tags)
        self._patch.mode(mode)
        self._patch.counted()
        batch, length = int(tags["batch_size"]), int(tags["input_len"])
        # Of different lengths, so that rows begin at every place of a block.
        prompts = self._prompts(batch, length, self._plan["seed"])
        prompts = [{"prompt_token_ids": one["prompt_token_ids"][n % 16 :]} for n, one in enumerate(prompts)]
        self._patch.seed(self._plan["seed"])
        before = counted(self._llm)
        self._patch.seen = []
        sampling = SamplingParams(
            temperature=0, max_tokens=self._plan["output_len"], ignore_eos=True, detokenize=False
        )
        outputs = self._llm.generate(prompts, sampling, use_tqdm=False)
        counts = self._counts(before)
        self._patch.mode("off")
        logits, self._patch.seen = [int(one) for one in self._patch.seen], None
        return _Generated([list(output.outputs[0].token_ids) for output in outputs], logits, counts)

    def latency(self, point: Mapping[str, Any]) -> list[dict[str, Any]]:
        """A point of a shape; all modes and rates of the shape are measured with the first of them."""
        tags = point["tags"]
        shape = (tags["batch_size"], tags["input_len"])
        key = (*shape, tags["acceptance"], tags["mode"])
        if key not in self._latencies:
            rates = {
                p["tags"]["acceptance"]: p["tags"]
                for p in self._plan["points"]
                if (p["tags"]["batch_size"], p["tags"]["input_len"]) == shape
            }
            self._measure(shape, rates)
        return self._latencies[key]

    def _measure(self, shape: tuple[str, str], rates: Mapping[str, Mapping[str, str]]) -> None:
        batch = self._begin(int(shape[0]), int(shape[1]))
        modes = self._plan["modes"]
        for rate, tags in rates.items():
            self._accept(tags)
            seconds: dict[str, list[list[float]]] = {mode: [] for mode in modes}
            numbers: dict[str, dict[str, float]] = {mode: {} for mode in modes}
            for turn in range(self._plan["rounds"]):
                # Another one begins each time.
                for place in range(len(modes)):
                    mode = modes[(place + turn) % len(modes)]
                    self._patch.mode(mode)
                    # Each mode of a turn accepts as many drafts as the others.
                    self._patch.seed(self._plan["seed"] + turn)
                    for _ in range(_SKIPPED):
                        self._step(batch)
                    self._patch.counted()
                    before = counted(self._llm)
                    seconds[mode].append([self._step(batch) for _ in range(self._plan["steps"])])
                    for one in self._counts(before):
                        numbers[mode][one["name"]] = numbers[mode].get(one["name"], 0) + one["value"]
            for mode in modes:
                times = [one for turn in seconds[mode] for one in turn]
                step = median_ms(times)
                # Each request gets its accepted drafts and one more; n-grams propose none for some.
                accepted = numbers[mode].get("spec_num_accepted_tokens", 0)
                each_ = 1 + accepted / (int(shape[0]) * len(times))
                self._latencies[(*shape, rate, mode)] = [
                    metric("ms_per_step", "ms", step),
                    metric("latency_s", "s", sum(times) / len(times)),
                    metric("tokens_per_step", "tokens", each_),
                    metric("ms_per_token", "ms", step / each_),
                    *spread("ms_per_step", "ms", [median_ms(turn) for turn in seconds[mode]]),
                    *(metric(name, "tokens", value) for name, value in numbers[mode].items()),
                ]
        self._patch.mode("off")
        self._drop(batch)

    def recorded(self, point: Mapping[str, Any]) -> list[dict[str, Any]]:
        """A few steps of a mode inside the profiler's window, the flush of the L2 after each."""
        tags = point["tags"]
        batch = self._begin(int(tags["batch_size"]), int(tags["input_len"]))
        self._accept(tags)
        self._patch.mode(tags["mode"])
        for _ in range(_SKIPPED + 1):
            self._step(batch)
        steps = 1 if self._plan["task"] == "counters" else self._plan["steps"]
        flushed = self._plan["task"] != "timeline"
        if flushed:
            self._flush_l2()
        self._patch.seed(self._plan["seed"])
        self._patch.counted()
        before = counted(self._llm)
        seconds = []
        with self._capture.point(f"nwor/batch_size={tags['batch_size']}"):
            for _ in range(steps):
                self._capture.push("step")
                seconds.append(self._step(batch))
                if flushed:
                    self._capture.push("flush_l2")
                    self._flush_l2()
                    self._capture.pop()
                self._capture.pop()
        counts = self._counts(before)
        self._patch.mode("off")
        self._drop(batch)
        return [
            metric("steps", "", steps),
            metric("profiled_ms_per_step", "ms", median_ms(seconds)),
            *counts,
        ]

    def _flush_l2(self) -> None:
        """Read more than the L2 holds: what it has to write back, it writes, and nothing else is written."""
        import torch

        if self._flush is None:
            self._flush = torch.zeros(_FLUSH_BYTES // 4, device="cuda", dtype=torch.float32)
        self._flush.max()

    def _accept(self, tags: Mapping[str, str]) -> None:
        if tags["acceptance"] != "standard":
            self._patch.accept(float(tags["acceptance"]))

    def _prompts(self, batch: int, length: int, seed: int) -> list[dict[str, list[int]]]:
        """Half a prompt twice, so that an n-gram finds what to draft."""
        half = engine.prompts(self._llm, batch, length // 2, seed)
        return [{"prompt_token_ids": 2 * one["prompt_token_ids"]} for one in half]

    def _begin(self, count: int, length: int) -> _Batch:
        """Prompts, and their first tokens."""
        from vllm import SamplingParams
        from vllm.sampling_params import RequestOutputKind

        sampling = SamplingParams(
            temperature=0,
            max_tokens=self._plan["longest"] - length - self._plan["drafts"] - 1,
            ignore_eos=True,
            detokenize=False,
            output_kind=RequestOutputKind.DELTA,
        )
        self._begun += 1
        names = [f"{self._begun}-{n}" for n in range(count)]
        for name, prompt in zip(names, self._prompts(count, length, self._begun), strict=True):
            self._llm.llm_engine.add_request(name, prompt, sampling)
        batch = _Batch(names, dict.fromkeys(names, 0))
        self._patch.mode("off")
        while min(batch.tokens.values()) < 2:
            self._step(batch)
        return batch

    def _step(self, batch: _Batch) -> float:
        began = clock()
        outputs = self._llm.llm_engine.step()
        seconds = clock() - began
        for output in outputs:
            batch.tokens[output.request_id] += len(output.outputs[0].token_ids)
            if output.finished:
                raise RuntimeError("a sequence ended before its step: there is too little room for tokens")
        return seconds

    def _drop(self, batch: _Batch) -> None:
        self._llm.llm_engine.abort_request(batch.names)

    def _counts(self, before: Mapping[str, int]) -> list[dict[str, Any]]:
        """What vLLM and the patch counted since."""
        now = counted(self._llm)
        ours = self._patch.counted()
        found = {name: value - before.get(name, 0) for name, value in now.items()}
        return [metric(name, "tokens", value) for name, value in {**found, **ours}.items()]


if __name__ == "__main__":
    runner.start(main, work)
