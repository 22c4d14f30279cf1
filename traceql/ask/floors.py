"""The roofline's floors of a model for the steps of traces: of their products, and of their attention.

A step's rows and requests stand in its name (vLLM), or in the trace's tags (batch_size, input_len) where its
name tells whether it is prefill or decode. What is known in part makes a lower floor, which is one still:
prompts of one step count as equally long and as not cached before, contexts as long as the prompt.
"""

from __future__ import annotations

import shlex
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from traceql import given
from traceql.errors import MissingDataError, PredictionError
from traceql.predict import architectures, hardware, serving
from traceql.predict.config import known_dtype
from traceql.present.values import counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from traceql.ask.answer import Asker
    from traceql.predict.floors import Step
    from traceql.predict.hardware import Gpu
    from traceql.predict.models import Model
    from traceql.questions.parameters import Value

#: Parameters of rules that are about a model: floors in nanoseconds, by `key`.
PARAMS = ("gemm_floors_ns", "attention_floors_ns")
_OUTPUT = "output projection"
_GRAPHS = "SELECT 1 FROM graph_launches JOIN traces USING (trace_id) WHERE trace = $trace LIMIT 1"
_HIDDEN = (
    "Cannot tell how far those steps of {trace} are from their floors that replay CUDA graphs: their "
    "kernels are not recorded. Recorded by: nsys profile --cuda-graph-trace=node"
)
# Why a floor of some steps is not known.
_TOKENS = (
    "Cannot tell how far products and attention are from their floors in {steps} of {trace}: only names of "
    "vLLM's steps tell their tokens. Of ranges prefill* and decode* tags do: "
    "traceql tag {word} batch_size=8 input_len=512"
)
_CONTEXT = (
    "Cannot tell how far attention is from its floor in {steps} of {trace}: the lengths of contexts are not "
    "recorded. A tag tells the least: traceql tag {word} input_len=512"
)
_MIXED = (
    "Cannot tell how far attention is from its floor in {steps} of {trace}: they take prompts and decode at "
    "once."
)
_NO_STEPS = "no NVTX ranges tell its steps. Recorded by: nsys profile --trace=cuda,nvtx"


@dataclass(frozen=True)
class Floors:
    """Floors of the steps of traces.

    Attributes:
        params: `PARAMS` with their values: `key` of a step → nanoseconds, as text.
        unknown: what could not be told, with what records it.
    """

    params: Mapping[str, dict[str, str]]
    unknown: tuple[str, ...]

    @property
    def traces(self) -> frozenset[str]:
        """Those of which some floor is known."""
        return frozenset(one.partition("\n")[0] for of in self.params.values() for one in of)


def key(trace: str, text: str) -> str:
    """Under which a rule finds the floor of a step: its trace and its text, a line each."""
    return f"{trace}\n{text}"


def model_of(path: str | Path, *, quantised: bool = True) -> tuple[Model, str]:
    """The model that a config.json describes, and the file beside it that told the formats of its weights.

    Args:
        path: of the file.
        quantised: whether to look for the formats of weights; empty where there is no such file.

    Raises:
        PredictionError: it is no such file, or describes a model that is not known.
    """
    config = Path(path)
    content = _json(config)
    beside = config.parent / "hf_quant_config.json"
    told = ""
    if not quantised:
        content.pop("quantization_config", None)
    elif content.get("quantization_config") is None and beside.is_file():
        content["quantization_config"] = _json(beside)
        told = beside.name
    return architectures.from_config(content), told


def _json(path: Path) -> dict[str, Any]:
    remedy = "Is it a model's config.json?"
    try:
        content = given.from_json(given.decoded(given.content(path, str(path), PredictionError, remedy)))
    except (ValueError, RecursionError) as error:
        raise PredictionError(f"{path}: not JSON ({error})", remedy) from None
    if not isinstance(content, dict):
        raise PredictionError(f"{path}: not a JSON object", remedy)
    return content


def of_steps(ask: Asker, model: Model, traces: Sequence[str], window: Mapping[str, Value]) -> Floors:
    """The floors of all steps of traces whose work is known.

    Args:
        ask: the database that holds them.
        model: whose steps they are.
        traces: names.
        window: from, to and within, as the rules are asked.
    """
    floors: dict[str, dict[str, str]] = {param: {} for param in PARAMS}
    unknown: dict[str, None] = {}
    for trace in traces:
        try:
            tags = _tags(ask, trace)
            gpu = _gpu(ask, trace)
            share = _as_tagged(model, tags).on_one_of(_gpus(ask, trace, tags))
            steps = _steps(ask, trace, window)
            if ask.store.run(_GRAPHS, {"trace": trace}).num_rows:
                unknown[_HIDDEN.format(trace=trace)] = None
            times = Counter(step["range"] for step in steps)
            lacking: Counter[str] = Counter()
            for text, step in {step["range"]: step for step in steps}.items():
                of_step = _of_step(share, gpu, step, tags)
                # What both lack is said of both at once.
                lacking.update({floor: times[text] for floor in of_step if isinstance(floor, str)})
                for param, floor in zip(PARAMS, of_step, strict=True):
                    if not isinstance(floor, str):
                        floors[param][key(trace, text)] = str(floor)
            for said, count in lacking.items():
                which = f"{count:,} of {counted(len(steps), 'steps')}"
                unknown[said.format(trace=trace, word=shlex.quote(trace), steps=which)] = None
        except (MissingDataError, PredictionError) as error:
            unknown[f"Cannot tell how far {trace} is from the floors of the model: {error.message}"] = None
    return Floors(floors, tuple(unknown))


def _steps(ask: Asker, trace: str, window: Mapping[str, Value]) -> list[dict[str, Any]]:
    """The steps of a trace that have names, as these tell what is in them.

    Raises:
        PredictionError: there is none.
    """
    rows = ask("step_summary", trace=[trace], **window).table.to_pylist()
    named = [row for row in rows if row["range"] is not None]
    if not named:
        raise PredictionError(_NO_STEPS)
    return [row for row in named if row["phase"] != "empty"]


def _of_step(
    model: Model, gpu: Gpu, step: Mapping[str, Any], tags: Mapping[str, str]
) -> tuple[float | str, float | str]:
    """The floors of a step's products and of its attention, in nanoseconds; or why one is not known."""
    rows, requests = _rows(step, tags)
    if not rows or not requests:
        return _TOKENS, _TOKENS
    return _products_ns(model, gpu, rows, requests), _attention_ns(model, gpu, step, tags, rows, requests)


def _as_tagged(model: Model, tags: Mapping[str, str]) -> Model:
    """The model in the types that a trace's tags tell: it may be served in others than its configuration's.

    Raises:
        PredictionError: each GPU holds a part of it that is not known.
    """
    if (_number(tags, "pipeline_parallel_size", "pp") or 1) > 1:
        raise PredictionError("its GPUs hold some of the layers each (pipeline_parallel_size)")
    if (stored := tags.get("quantization")) and not model.quantised:
        raise PredictionError(
            f"its weights are quantised ({given.said(stored, 60)}), of which the configuration says nothing"
        )
    dtype = _type(tags, "dtype") or model.dtype
    return replace(model, dtype=dtype).in_types(kv_dtype=_type(tags, "kv_cache_dtype"))


def _type(tags: Mapping[str, str], name: str) -> str | None:
    if (text := tags.get(name)) is None:
        return None
    if (known := known_dtype(text)) is None:
        raise PredictionError(f"its tag {name} is {given.said(text, 60)}, which is no known type")
    return known


def _gpu(ask: Asker, trace: str) -> Gpu:
    found = ask.store.run(
        "SELECT DISTINCT gpu FROM gpu_products SEMI JOIN kernels USING (trace_id, gpu_id) "
        "WHERE trace = $trace ORDER BY gpu",
        {"trace": trace},
    )
    names = found.column(0).to_pylist()
    if (
        not names
        and not ask.store.run(
            "SELECT 1 FROM kernels JOIN traces USING (trace_id) WHERE trace = $trace LIMIT 1",
            {"trace": trace},
        ).num_rows
    ):
        raise PredictionError("it holds no kernels")
    if len(names) != 1:
        raise PredictionError("its GPU is none that traceql knows" if not names else "its GPUs are not alike")
    return hardware.find(names[0])


def _tags(ask: Asker, trace: str) -> dict[str, str]:
    (row,) = ask.store.run("SELECT tags FROM traces WHERE trace = $trace", {"trace": trace}).to_pylist(
        maps_as_pydicts="strict"
    )
    return row["tags"] or {}


def _gpus(ask: Asker, trace: str, tags: Mapping[str, str]) -> int:
    """How many GPUs share the model.

    Raises:
        PredictionError: they communicate, and no tag tells how many share it.
    """
    told = _number(tags, "tensor_parallel_size", "tp")
    if (
        told is None
        and ask.store.run(
            "SELECT 1 FROM kernels_communicating WHERE trace = $trace LIMIT 1",
            {"trace": trace},
            about=(trace,),
        ).num_rows
    ):
        raise PredictionError(
            "its GPUs communicate, and how many share the model is not known: "
            f"traceql tag {shlex.quote(trace)} tensor_parallel_size=2"
        )
    return told or 1


def _number(tags: Mapping[str, str], *names: str) -> int | None:
    """A tag that is a whole number from 1 on."""
    text = next((tags[name] for name in names if name in tags), "")
    return given.whole_number(text) or None


def _products_ns(model: Model, gpu: Gpu, rows: int, requests: int) -> float:
    """All weights times the rows of a step, the output projection times one of each request."""
    inside, outside = (
        serving.decode(model, gpu, batch=batch, context=0, precision=model.dtype)
        for batch in (rows, requests)
    )
    return 1e9 * (
        sum(one.floor_s for one in _of_weights(inside) if not one.part.startswith(_OUTPUT))
        + sum(one.floor_s for one in _of_weights(outside) if one.part.startswith(_OUTPUT))
    )


def _of_weights(steps: Iterable[Step]) -> list[Step]:
    return [one for one in steps if one.ridge_batch is not None]


def _rows(step: Mapping[str, Any], tags: Mapping[str, str]) -> tuple[int | None, int | None]:
    """How many tokens a step multiplies by the weights, and of how many requests they are."""
    if step["phase"] is not None:
        tokens = step["context_tokens"], step["generation_tokens"]
        requests = step["context_requests"] + step["generation_requests"]
        return (None if None in tokens else sum(tokens)), requests
    batch, length = _number(tags, "batch_size", "batch"), _number(tags, "input_len", "seq_len")
    if step["range"].startswith("prefill"):
        return (batch * length if batch and length else None), batch
    return (batch, batch) if step["range"].startswith("decode") else (None, None)


def _attention_ns(
    model: Model, gpu: Gpu, step: Mapping[str, Any], tags: Mapping[str, str], rows: int, requests: int
) -> float | str:
    """Attention over prompts, or over the contexts of tokens that are decoded."""
    if step["phase"] == "mixed":
        return _MIXED
    if step["phase"] == "prefill" or step["range"].startswith("prefill"):
        found = serving.prefill(model, gpu, tokens=rows // requests, batch=requests, precision=model.dtype)
        return 1e9 * sum(one.floor_s for one in found if one.part == "attention")
    if (context := _number(tags, "input_len", "seq_len")) is None:
        return _CONTEXT
    found = serving.decode(model, gpu, batch=requests, context=context, precision=model.dtype)
    return 1e9 * sum(one.floor_s for one in found if one.part == "attention over the KV cache")
