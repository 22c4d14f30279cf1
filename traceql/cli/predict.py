"""The command predict, with its subcommands: what theory expects before a run."""

from __future__ import annotations

import functools
import itertools
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from traceql.cli.gpu import find, rows_table
from traceql.cli.output import output_options, write
from traceql.errors import PredictionError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from traceql.predict.floors import Step
    from traceql.predict.hardware import Gpu
    from traceql.predict.models import Model

F = TypeVar("F", bound="Callable[..., Any]")


@click.group()
def predict() -> None:
    """Say what theory expects before a run: FLOP, bytes, which roof binds, and the floor of the time.

    Floors assume perfect caches and no overhead; measured times lie above them.

    \b
    Examples:
      traceql predict linear --in 1024 --out 4096 --batch 512 --gpu A100-SXM --relu
      traceql predict decode --config config.json --gpu H200 --batch 16 --context 4096
      traceql predict decode --weight-bytes 16e9 --gpu H200 --gpu L40S
      traceql predict prefill --config config.json --gpu H200 --tokens 4096
      traceql predict gemm --m 1792 --n 1792 --n 1793 --k 4096 --gpu A100-SXM
      traceql predict layers --config config.json --tokens 4096
    """


def _count(*names: str, **given: Any) -> Callable[[F], F]:
    """An option that takes a number from 1."""
    if "default" in given:
        given["show_default"] = True
    return click.option(*names, type=click.IntRange(1), **given)


def _prediction(function: Callable[..., Callable[[Gpu], Iterable[Mapping[str, Any]]]]) -> Callable[..., None]:
    """``--gpu`` (repeatable), ``--dtype`` and the options of the output, around what makes a GPU's rows."""

    @click.option(
        "--gpu",
        "gpu_names",
        multiple=True,
        required=True,
        metavar="NAME",
        help="GPU; repeatable. See: traceql gpu",
    )
    @click.option(
        "--dtype",
        default="bf16",
        show_default=True,
        help="Precision: fp64, fp32, tf32, bf16, fp16, fp8, int8.",
    )
    @output_options
    @functools.wraps(function)
    def command(
        gpu_names: tuple[str, ...], dtype: str, format_: str | None, output: str | None, **own: Any
    ) -> None:
        rows_of = function(dtype=dtype, **own)
        gpus = [find(name) for name in gpu_names]
        for one in gpus:
            # Before anything is predicted: does every one have a peak in that precision?
            one.peak(dtype)
        rows = [{"gpu": one.name, **row} for one in gpus for row in rows_of(one)]
        write(rows_table(rows), format_, output)

    return command


def _model_options(function: F) -> F:
    """``--config``, or the dimensions of a model of Llama's kind."""
    for option in (
        _count("--vocab", help="Entries of the vocabulary."),
        _count("--intermediate", help="Width of the feed-forward layers."),
        _count("--head-dim", help="Width of a head. [default: hidden ÷ heads]"),
        _count("--kv-heads", help="Key and value heads. [default: heads]"),
        _count("--heads", help="Query heads."),
        _count("--layers", help="Layers."),
        _count("--hidden", help="Width of the model."),
        click.option(
            "--config",
            type=click.Path(exists=True, dir_okay=False, path_type=Path),
            help="The model's config.json (of Llama's kind, or NemotronH).",
        ),
    ):
        function = option(function)
    return function


@predict.command()
@_count("--in", "in_features", required=True, help="Input features.")
@_count("--out", "out_features", required=True, help="Output features.")
@_count("--batch", default=1, help="Rows of the input.")
@click.option("--relu", is_flag=True, help="Also a ReLU after it, and what fusing it saves.")
@_prediction
def linear(in_features: int, out_features: int, batch: int, relu: bool, dtype: str) -> Any:
    """Predict a linear layer, nn.Linear(in, out).

    \b
    Examples:
      traceql predict linear --in 1024 --out 4096 --batch 512 --gpu A100-SXM
      traceql predict linear --in 1024 --out 4096 --batch 1 --gpu A100-SXM --relu
    """
    from traceql.predict import floors

    def steps(one: Gpu) -> Iterable[Step]:
        if relu:
            return floors.linear_relu(in_features, out_features, batch, one, dtype)
        return (floors.linear(in_features, out_features, batch, one, dtype),)

    return lambda one: _rows(one, dtype, steps(one))


@predict.command()
@_model_options
@click.option(
    "--weight-bytes",
    type=click.FloatRange(0, min_open=True),
    help="Only the size of the weights, such as 16e9.",
)
@_count("--batch", default=1, help="Sequences.")
@_count("--context", default=1, help="Tokens in each sequence's cache.")
@_prediction
def decode(
    config: Path | None,
    weight_bytes: float | None,
    batch: int,
    context: int,
    dtype: str,
    **dimensions: int | None,
) -> Any:
    """Predict one decode step: one more token for every sequence.

    \b
    Examples:
      traceql predict decode --config config.json --gpu H200 --batch 16 --context 4096
      traceql predict decode --weight-bytes 16e9 --gpu H200 --gpu "A100 PCIe"
    """
    from traceql.predict import serving

    if weight_bytes is not None:
        if config is not None or any(dimensions.values()):
            raise click.UsageError("Give --weight-bytes, or a model, not both.")
        return lambda one: _rows(one, dtype, [serving.decode_weights(weight_bytes, one, dtype, batch)])
    model = _model(config, dimensions)
    return lambda one: _rows(
        one, dtype, serving.decode(model, one, batch=batch, context=context, precision=dtype)
    )


@predict.command()
@_model_options
@_count("--tokens", required=True, help="Length of each prompt.")
@_count("--batch", default=1, help="Prompts.")
@_prediction
def prefill(config: Path | None, tokens: int, batch: int, dtype: str, **dimensions: int | None) -> Any:
    """Predict the prefill of prompts of which nothing is cached.

    \b
    Examples:
      traceql predict prefill --config config.json --gpu H200 --tokens 4096
      traceql predict prefill --hidden 4096 --layers 32 --heads 32 --kv-heads 8 \
        --intermediate 14336 --vocab 128256 --gpu H200 --tokens 4096
    """
    from traceql.predict import serving

    model = _model(config, dimensions)
    return lambda one: _rows(
        one, dtype, serving.prefill(model, one, tokens=tokens, batch=batch, precision=dtype)
    )


@predict.command()
@_count("--m", "ms", multiple=True, required=True, help="Rows of the output; repeatable.")
@_count("--n", "ns", multiple=True, required=True, help="Columns; repeatable.")
@_count("--k", "ks", multiple=True, required=True, help="Length of the sums; repeatable.")
@click.option("--tile", help="Tile of a thread block, such as 128x256. [default: those that cuBLAS uses]")
@_prediction
def gemm(ms: tuple[int, ...], ns: tuple[int, ...], ks: tuple[int, ...], tile: str | None, dtype: str) -> Any:
    """Predict which GEMM shapes waste SMs: tile and wave quantisation.

    One thread block per tile and SM at a time. One tile more than a multiple of the SMs costs a whole wave.

    \b
    Examples:
      traceql predict gemm --m 1792 --n 1792 --k 4096 --gpu A100-SXM
      traceql predict gemm --m 1792 --n 1792 --n 1793 --k 4096 --tile 256x128 --gpu A100-SXM
    """
    from traceql.predict import shapes

    tiles = shapes.TILES if tile is None else (_tile(tile),)

    def rows(one: Gpu) -> Iterable[dict[str, Any]]:
        for m, n, k in itertools.product(ms, ns, ks):
            for chosen in tiles:
                found = shapes.gemm(m, n, k, one, tile=chosen, precision=dtype)
                yield {
                    "m": m,
                    "n": n,
                    "k": k,
                    "tile": f"{found.tile_m}x{found.tile_n}",
                    "tiles": found.tiles,
                    "waves": found.waves,
                    "idle_sms": found.idle_sms,
                    "tile_efficiency_pct": found.tile_efficiency_pct,
                    "wave_efficiency_pct": found.wave_efficiency_pct,
                    "utilisation_pct": found.utilisation_pct,
                    "floor_us": found.floor_s * 1e6,
                    "aligned_bytes": found.aligned_bytes,
                }

    return rows


def _tile(text: str) -> tuple[int, int]:
    rows, _, columns = text.lower().partition("x")
    if not (rows.isdecimal() and columns.isdecimal() and int(rows) and int(columns)):
        raise click.BadParameter(f"{text!r}. A tile looks like 256x128.", param_hint="--tile")
    return int(rows), int(columns)


def _model(config: Path | None, dimensions: Mapping[str, int | None]) -> Model:
    from traceql.predict import models

    if config is not None:
        if any(dimensions.values()):
            raise click.UsageError("Give --config, or the dimensions, not both.")
        try:
            content = json.loads(config.read_text(encoding="utf-8"))
        except ValueError as error:
            raise PredictionError(f"{config}: not JSON ({error})", "Is it a model's config.json?") from None
        if not isinstance(content, dict):
            raise PredictionError(f"{config}: not a JSON object", "Is it a model's config.json?")
        return models.from_config(content)
    optional = ("kv_heads", "head_dim")
    missing = [name for name, value in dimensions.items() if value is None and name not in optional]
    if missing:
        options = ", ".join(f"--{name}" for name in missing)
        raise click.UsageError(f"Give --config, or the dimensions; missing: {options}.")
    return models.llama(**dimensions)  # type: ignore[arg-type]


def _rows(one: Gpu, dtype: str, steps: Iterable[Step]) -> list[dict[str, Any]]:
    return [
        {
            "part": found.part,
            "flop": float(found.flop),
            "dram_bytes": float(found.dram_bytes),
            "flop_per_byte": found.flop_per_byte,
            "ridge_flop_per_byte": one.ridge_flop_per_byte(dtype),
            "bound": found.bound,
            "floor_us": found.floor_s * 1e6,
        }
        for found in steps
    ]


@predict.command("layers")
@click.option(
    "--config",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The model's config.json (of Llama's kind, or NemotronH).",
)
@_count("--tokens", multiple=True, required=True, help="Length of a prompt; repeatable.")
@_count("--batch", default=1, help="Sequences.")
@_count("--chunk", help="Tokens of a prefill step: prefill is then the last chunk of a prompt.")
@output_options
def layers_(
    config: Path,
    tokens: tuple[int, ...],
    batch: int,
    chunk: int | None,
    format_: str | None,
    output: str | None,
) -> None:
    """Count the useful FLOP of one layer of each kind, in prefill and in a decode step.

    As a table of runs, which stands beside the executed FLOP of layer-roofline once it is imported.

    \b
    Examples:
      traceql predict layers --config config.json --tokens 512 --tokens 4096 -o useful.csv
      traceql import-runs useful.csv && traceql query layer-roofline
    """
    from traceql.predict import useful

    rows = useful.layers(_model(config, {}), tokens, batch=batch, chunk=chunk)
    write(rows_table(list(rows)), format_, output)
