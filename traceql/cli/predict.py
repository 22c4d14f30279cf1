"""The command predict, with its subcommands: what theory expects before a run."""

from __future__ import annotations

import functools
import itertools
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from traceql.cli import offers
from traceql.cli.common import note
from traceql.cli.gpu import find, rows_table
from traceql.cli.output import output_options, write
from traceql.predict.config import LARGEST

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
      traceql predict decode --config config.json --gpu H200 --kv-dtype fp8 --tensor-parallel-size 2
      traceql predict prefill --config config.json --gpu H200 --tokens 4096
      traceql predict gemm --m 1792 --n 1792 --n 1793 --k 4096 --gpu A100-SXM
      traceql predict layers --config config.json --tokens 4096
    """


def _count(*names: str, least: int = 1, **given: Any) -> Callable[[F], F]:
    """An option that takes a number from 1."""
    if "default" in given:
        given["show_default"] = True
    return click.option(*names, type=click.IntRange(least), callback=_not_absurd, **given)


def _not_absurd(_context: click.Context, _parameter: click.Parameter, value: Any) -> Any:
    """Refuse numbers whose products overflow, and what is none."""
    for one in value if isinstance(value, tuple) else (value,):
        if one is None:
            continue
        if one > LARGEST:
            raise click.BadParameter(f"More than {LARGEST:,} is a slip.")
        if math.isnan(one):
            raise click.BadParameter("nan is not a number.")
    return value


_CONFIG_HELP = "The model's config.json (of Llama's kind, with experts, DeepSeek's, or NemotronH)."

_dtype_option = click.option(
    "--dtype",
    default="bf16",
    show_default=True,
    help="Precision: fp64, fp32, tf32, bf16, fp16, fp8, int8, fp4.",
)


def _prediction(function: Callable[..., Callable[[Gpu], Iterable[Mapping[str, Any]]]]) -> Callable[..., None]:
    """``--gpu`` (repeatable) and the options of the output, around what makes a GPU's rows."""

    @click.option(
        "--gpu",
        "gpu_names",
        multiple=True,
        required=True,
        metavar="NAME",
        shell_complete=offers.gpu,
        help="GPU; repeatable. See: traceql gpu",
    )
    @output_options
    @functools.wraps(function)
    def command(gpu_names: tuple[str, ...], format_: str | None, output: str | None, **own: Any) -> None:
        rows_of = function(**own)
        gpus = [find(name) for name in gpu_names]
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
            help=_CONFIG_HELP,
        ),
    ):
        function = option(function)
    return function


def _serving_options(function: F) -> F:
    """What is computed and stored in which type, and by how many GPUs."""
    for option in (
        _count(
            "--tensor-parallel-size",
            default=1,
            help="GPUs that share the model; the numbers are of one of them.",
        ),
        click.option("--ssm-dtype", help="Mamba's SSM state. [default: the configuration's, else fp32]"),
        click.option("--kv-dtype", help="The KV cache. [default: the configuration's, else --dtype]"),
        click.option(
            "--weight-dtype",
            help="All weights, such as fp8, int4 or fp4, instead of the configuration's quantisation.",
        ),
        click.option(
            "--dtype",
            help="Arithmetic, and all that has no type of its own: fp64, fp32, tf32, bf16, fp16, fp8, int8, "
            "fp4. [default: the configuration's, else bf16]",
        ),
    ):
        function = option(function)
    return function


@predict.command()
@_dtype_option
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

    return lambda one: _rows(one, steps(one))


@predict.command()
@_model_options
@click.option(
    "--weight-bytes",
    type=click.FloatRange(0, min_open=True),
    callback=_not_absurd,
    help="Only the size of the weights, such as 16e9.",
)
@_count("--batch", default=1, help="Sequences.")
@_count("--context", least=0, default=1, help="Tokens in each sequence's cache, before the new one.")
@_serving_options
@_prediction
def decode(
    config: Path | None,
    weight_bytes: float | None,
    batch: int,
    context: int,
    dtype: str | None,
    weight_dtype: str | None,
    kv_dtype: str | None,
    ssm_dtype: str | None,
    tensor_parallel_size: int,
    **dimensions: int | None,
) -> Any:
    """Predict one decode step: one more token for every sequence.

    ridge_batch is the batch from which the weights of a part are compute-bound: FLOP/byte of the ridge point
    × bytes per weight ÷ 2.

    \b
    Examples:
      traceql predict decode --config config.json --gpu H200 --batch 16 --context 4096
      traceql predict decode --config config.json --gpu H200 --weight-dtype int4 --kv-dtype fp8
      traceql predict decode --weight-bytes 16e9 --gpu H200 --gpu "A100 PCIe"
    """
    from traceql.predict import serving

    if weight_bytes is not None:
        if config is not None or any(dimensions.values()):
            raise click.UsageError("Give --weight-bytes, or a model, not both.")
        if kv_dtype or ssm_dtype:
            raise click.UsageError(
                "--kv-dtype and --ssm-dtype are of a model; of --weight-bytes no cache is known."
            )

        def weights(one: Gpu) -> Iterable[dict[str, Any]]:
            found = serving.decode_weights(
                weight_bytes / tensor_parallel_size,
                one,
                dtype or "bf16",
                batch,
                weight_dtype=weight_dtype,
            )
            _note_arithmetic(one, weight_dtype, (), dtype or "bf16")
            _note_memory(one, found.dram_bytes, "weights")
            return _serving_rows(one, [found], tensor_parallel_size)

        return weights
    model = _model(config, dimensions, weight_dtype is None).in_types(weight_dtype, kv_dtype, ssm_dtype)
    share = model.on_one_of(tensor_parallel_size)
    precision = dtype or model.dtype

    def rows(one: Gpu) -> Iterable[dict[str, Any]]:
        found = serving.decode(share, one, batch=batch, context=context, precision=precision)
        _note_limits(one, share, precision, batch=batch, tokens=context + 1, rows=batch)
        return _serving_rows(one, found, tensor_parallel_size)

    return rows


@predict.command()
@_model_options
@_count("--tokens", required=True, help="Length of each prompt.")
@_count("--batch", default=1, help="Prompts.")
@_serving_options
@_prediction
def prefill(
    config: Path | None,
    tokens: int,
    batch: int,
    dtype: str | None,
    weight_dtype: str | None,
    kv_dtype: str | None,
    ssm_dtype: str | None,
    tensor_parallel_size: int,
    **dimensions: int | None,
) -> Any:
    """Predict the prefill of prompts of which nothing is cached.

    ridge_batch is the number of tokens, of all prompts together, from which the weights of a part are
    compute-bound; of the output projection the number of prompts.

    \b
    Examples:
      traceql predict prefill --config config.json --gpu H200 --tokens 4096
      traceql predict prefill --config config.json --gpu H200 --tokens 4096 --tensor-parallel-size 8
      traceql predict prefill --hidden 4096 --layers 32 --heads 32 --kv-heads 8 \
        --intermediate 14336 --vocab 128256 --gpu H200 --tokens 4096
    """
    from traceql.predict import serving

    model = _model(config, dimensions, weight_dtype is None).in_types(weight_dtype, kv_dtype, ssm_dtype)
    share = model.on_one_of(tensor_parallel_size)
    precision = dtype or model.dtype

    def rows(one: Gpu) -> Iterable[dict[str, Any]]:
        found = serving.prefill(share, one, tokens=tokens, batch=batch, precision=precision)
        _note_limits(one, share, precision, batch=batch, tokens=tokens, rows=batch * tokens)
        return _serving_rows(one, found, tensor_parallel_size)

    return rows


@predict.command()
@_dtype_option
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


def _model(config: Path | None, dimensions: Mapping[str, int | None], quantised: bool) -> Model:
    from traceql.ask import floors
    from traceql.predict import architectures

    if config is not None:
        if any(dimensions.values()):
            raise click.UsageError("Give --config, or the dimensions, not both.")
        model, beside = floors.model_of(config, quantised=quantised)
        if beside:
            note(f"weights are quantised as {beside} beside the configuration says.")
        return model
    optional = ("kv_heads", "head_dim")
    missing = [name for name, value in dimensions.items() if value is None and name not in optional]
    if missing:
        options = ", ".join(f"--{name}" for name in missing)
        raise click.UsageError(f"Give --config, or the dimensions; missing: {options}.")
    return architectures.llama(**dimensions)  # type: ignore[arg-type]


def _note_limits(one: Gpu, share: Model, precision: str, *, batch: int, tokens: int, rows: int) -> None:
    """Say what no run could do, and what the steps leave out."""
    from traceql.predict import serving

    if share.max_tokens is not None and tokens > share.max_tokens:
        note(f"{tokens:,} tokens do not fit: max_position_embeddings is {share.max_tokens:,}.")
    _note_arithmetic(one, share.weight_dtype, serving.unpacked(share, one), precision)
    needed = serving.needed_bytes(share, batch=batch, tokens=tokens, precision=precision)
    _note_memory(one, needed, "weights and caches")
    if share.gpus > 1:
        count, sent, seconds = serving.all_reduces(share, one, rows=rows, precision=precision)
        link = "NVLink" if one.nvlink_bytes_per_s else "PCIe"
        least = "" if seconds is None else f", at least {seconds * 1e6:,.1f} µs over {link}"
        note(
            f"{one.name}: numbers are of one of {share.gpus} GPUs. Not counted are {count} all-reduces, "
            f"which send {sent / 1e6:,.1f} MB from each{least}."
        )


def _note_arithmetic(one: Gpu, stored: str | None, unpacked: Iterable[str], precision: str) -> None:
    """Say where weights are multiplied in another precision than the one they are stored in."""
    if stored is not None and stored != precision:
        lacking = "" if stored in one.peak_flop_per_s else f"no {stored} peak is known; "
        note(f"{one.name}: {lacking}weights of --weight-dtype {stored} are computed in {precision}.")
    for lacked in unpacked:
        note(f"{one.name}: no {lacked} peak is known; computed in {precision}.")


def _note_memory(one: Gpu, needed: float, what: str) -> None:
    if needed > one.memory_bytes:
        note(
            f"{one.name}: does not fit: {needed / 1e9:,.1f} GB of {what} per GPU, which has "
            f"{one.memory_bytes / 1e9:,.1f} GB."
        )


def _serving_rows(one: Gpu, steps: Iterable[Step], gpus: int) -> list[dict[str, Any]]:
    return [
        {
            "tensor_parallel_size": gpus,
            "part": found.part,
            "flop": float(found.flop),
            "dram_bytes": float(found.dram_bytes),
            "flop_per_byte": found.flop_per_byte,
            "precision": found.precision,
            "ridge_flop_per_byte": found.precision and one.ridge_flop_per_byte(found.precision),
            "ridge_batch": found.ridge_batch,
            "bound": found.bound,
            "floor_us": found.floor_s * 1e6,
        }
        for found in steps
    ]


def _rows(one: Gpu, steps: Iterable[Step]) -> list[dict[str, Any]]:
    return [
        {
            "part": found.part,
            "flop": float(found.flop),
            "dram_bytes": float(found.dram_bytes),
            "flop_per_byte": found.flop_per_byte,
            "ridge_flop_per_byte": found.precision and one.ridge_flop_per_byte(found.precision),
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
    help=_CONFIG_HELP,
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

    As a table of runs, which stands beside the executed FLOP of layer-roofline once it is imported. A layer
    with experts (moe) is its router, its shared experts and those that each token chooses.

    \b
    Examples:
      traceql predict layers --config config.json --tokens 512 --tokens 4096 -o useful.csv
      traceql import-runs useful.csv && traceql query layer-roofline
    """
    from traceql.predict import useful

    rows = useful.layers(_model(config, {}, quantised=True), tokens, batch=batch, chunk=chunk)
    write(rows_table(list(rows)), format_, output)
