"""Commands that need no trace: gpu, and predict with its subcommands."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from traceql.cli.common import note
from traceql.cli.output import output_options, write
from traceql.errors import PredictionError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from traceql.predict.floors import Model, Step
    from traceql.predict.hardware import Gpu

F = TypeVar("F", bound="Callable[..., Any]")


@click.command()
@click.argument("name", required=False)
@output_options
def gpu(name: str | None, format_: str | None, output: str | None) -> None:
    """Show what GPUs can do: dense peaks, bandwidths and ridge points.

    Without NAME one line per GPU, with the bf16 ridge point at DRAM. With NAME, as a trace or a person writes
    it, one line per precision and memory level. Work with less FLOP/byte than the ridge point is limited by
    that memory. NVLink and PCIe count one direction; NULL is what NVIDIA does not publish.

    \b
    Examples:
      traceql gpu
      traceql gpu "NVIDIA A100 80GB PCIe"
      traceql gpu H200 --format csv
    """
    from traceql.predict import hardware

    if name is None:
        write(_table([_overview(one) for one in hardware.gpus()]), format_, output)
        return
    found = _find(name)
    rows: list[dict[str, Any]] = []
    for precision, peak in found.peak_flop_per_s.items():
        for level in ("l1", "l2", "dram", "nvlink", "pcie"):
            bandwidth = found.bandwidths_bytes_per_s.get(level)
            rows.append(
                {
                    "gpu": found.name,
                    "precision": precision,
                    "peak_tflop_per_s": peak / 1e12,
                    "level": level,
                    "bandwidth_gb_per_s": None if bandwidth is None else bandwidth / 1e9,
                    "ridge_flop_per_byte": None if bandwidth is None else peak / bandwidth,
                }
            )
    write(_table(rows), format_, output)
    for kind, source in found.sources.items():
        note(f"{kind}: {source}")


def _overview(one: Gpu) -> dict[str, Any]:
    return {
        "gpu": one.name,
        "bf16_tflop_per_s": one.peak("bf16") / 1e12,
        "dram_gb_per_s": one.memory_bandwidth_bytes_per_s / 1e9,
        "bf16_ridge_flop_per_byte": one.ridge_flop_per_byte("bf16"),
        "dram_gb": one.memory_bytes / 1e9,
        "l2_mib": one.l2_bytes / 2**20,
        "sm_count": one.sm_count,
    }


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
    """


def _gpu_options(function: F) -> F:
    """``--gpu`` (repeatable) and ``--dtype``."""
    function = click.option(
        "--dtype",
        default="bf16",
        show_default=True,
        help="Precision: fp64, fp32, tf32, bf16, fp16, fp8, int8.",
    )(function)
    return click.option(
        "--gpu",
        "gpu_names",
        multiple=True,
        required=True,
        metavar="NAME",
        help="GPU; repeatable. See: traceql gpu",
    )(function)


def _model_options(function: F) -> F:
    """``--config``, or the dimensions of a model of Llama's kind."""
    for option in (
        click.option("--vocab", type=click.IntRange(1), help="Entries of the vocabulary."),
        click.option("--intermediate", type=click.IntRange(1), help="Width of the feed-forward layers."),
        click.option("--head-dim", type=click.IntRange(1), help="Width of a head. [default: hidden ÷ heads]"),
        click.option("--kv-heads", type=click.IntRange(1), help="Key and value heads. [default: heads]"),
        click.option("--heads", type=click.IntRange(1), help="Query heads."),
        click.option("--layers", type=click.IntRange(1), help="Layers."),
        click.option("--hidden", type=click.IntRange(1), help="Width of the model."),
        click.option(
            "--config",
            type=click.Path(exists=True, dir_okay=False, path_type=Path),
            help="The model's config.json (of Llama's kind, or NemotronH).",
        ),
    ):
        function = option(function)
    return function


@predict.command()
@click.option("--in", "in_features", type=click.IntRange(1), required=True, help="Input features.")
@click.option("--out", "out_features", type=click.IntRange(1), required=True, help="Output features.")
@click.option("--batch", type=click.IntRange(1), default=1, show_default=True, help="Rows of the input.")
@click.option("--relu", is_flag=True, help="Also a ReLU after it, and what fusing it saves.")
@_gpu_options
@output_options
def linear(
    in_features: int,
    out_features: int,
    batch: int,
    relu: bool,
    gpu_names: tuple[str, ...],
    dtype: str,
    format_: str | None,
    output: str | None,
) -> None:
    """Predict a linear layer, nn.Linear(in, out).

    \b
    Examples:
      traceql predict linear --in 1024 --out 4096 --batch 512 --gpu A100-SXM
      traceql predict linear --in 1024 --out 4096 --batch 1 --gpu A100-SXM --relu
    """
    from traceql.predict import floors as predictions

    def steps(one: Gpu) -> Iterable[Step]:
        if relu:
            return predictions.linear_relu(in_features, out_features, batch, one, dtype)
        return (predictions.linear(in_features, out_features, batch, one, dtype),)

    _write_steps(gpu_names, dtype, steps, format_, output)


@predict.command()
@_model_options
@click.option(
    "--weight-bytes",
    type=click.FloatRange(0, min_open=True),
    help="Only the size of the weights, such as 16e9.",
)
@click.option("--batch", type=click.IntRange(1), default=1, show_default=True, help="Sequences.")
@click.option(
    "--context", type=click.IntRange(1), default=1, show_default=True, help="Tokens in each sequence's cache."
)
@_gpu_options
@output_options
def decode(
    config: Path | None,
    weight_bytes: float | None,
    batch: int,
    context: int,
    gpu_names: tuple[str, ...],
    dtype: str,
    format_: str | None,
    output: str | None,
    **dimensions: int | None,
) -> None:
    """Predict one decode step: one more token for every sequence.

    \b
    Examples:
      traceql predict decode --config config.json --gpu H200 --batch 16 --context 4096
      traceql predict decode --weight-bytes 16e9 --gpu H200 --gpu "A100 PCIe"
    """
    from traceql.predict import floors as predictions

    if weight_bytes is not None:
        if config is not None or any(dimensions.values()):
            raise click.UsageError("Give --weight-bytes, or a model, not both.")
        size = weight_bytes
        _write_steps(
            gpu_names,
            dtype,
            lambda one: (predictions.decode_weights(size, one, dtype, batch),),
            format_,
            output,
        )
        return
    model = _model(config, dimensions)
    _write_steps(
        gpu_names,
        dtype,
        lambda one: predictions.decode(model, one, batch=batch, context=context, precision=dtype),
        format_,
        output,
    )


@predict.command()
@_model_options
@click.option("--tokens", type=click.IntRange(1), required=True, help="Length of each prompt.")
@click.option("--batch", type=click.IntRange(1), default=1, show_default=True, help="Prompts.")
@_gpu_options
@output_options
def prefill(
    config: Path | None,
    tokens: int,
    batch: int,
    gpu_names: tuple[str, ...],
    dtype: str,
    format_: str | None,
    output: str | None,
    **dimensions: int | None,
) -> None:
    """Predict the prefill of prompts of which nothing is cached.

    \b
    Examples:
      traceql predict prefill --config config.json --gpu H200 --tokens 4096
      traceql predict prefill --hidden 4096 --layers 32 --heads 32 --kv-heads 8 \
        --intermediate 14336 --vocab 128256 --gpu H200 --tokens 4096
    """
    from traceql.predict import floors as predictions

    model = _model(config, dimensions)
    _write_steps(
        gpu_names,
        dtype,
        lambda one: predictions.prefill(model, one, tokens=tokens, batch=batch, precision=dtype),
        format_,
        output,
    )


@predict.command()
@click.option(
    "--m", "ms", type=click.IntRange(1), multiple=True, required=True, help="Rows of the output; repeatable."
)
@click.option("--n", "ns", type=click.IntRange(1), multiple=True, required=True, help="Columns; repeatable.")
@click.option(
    "--k", "ks", type=click.IntRange(1), multiple=True, required=True, help="Length of the sums; repeatable."
)
@click.option("--tile", help="Tile of a thread block, such as 128x256. [default: those that cuBLAS uses]")
@_gpu_options
@output_options
def gemm(
    ms: tuple[int, ...],
    ns: tuple[int, ...],
    ks: tuple[int, ...],
    tile: str | None,
    gpu_names: tuple[str, ...],
    dtype: str,
    format_: str | None,
    output: str | None,
) -> None:
    """Predict which GEMM shapes waste SMs: tile and wave quantisation.

    One thread block per tile and SM at a time. One tile more than a multiple of the SMs costs a whole wave.

    \b
    Examples:
      traceql predict gemm --m 1792 --n 1792 --k 4096 --gpu A100-SXM
      traceql predict gemm --m 1792 --n 1792 --n 1793 --k 4096 --tile 256x128 --gpu A100-SXM
    """
    from traceql.predict import floors as predictions

    tiles = predictions.TILES if tile is None else (_tile(tile),)
    rows: list[dict[str, Any]] = []
    for one in _gpus(gpu_names, dtype):
        for m, n, k in ((m, n, k) for m in ms for n in ns for k in ks):
            for chosen in tiles:
                found = predictions.gemm(m, n, k, one, tile=chosen, precision=dtype)
                rows.append(
                    {
                        "gpu": one.name,
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
                )
    write(_table(rows), format_, output)


def _tile(text: str) -> tuple[int, int]:
    rows, _, columns = text.lower().partition("x")
    if not (rows.isdecimal() and columns.isdecimal() and int(rows) and int(columns)):
        raise click.BadParameter(f"{text!r}. A tile looks like 256x128.", param_hint="--tile")
    return int(rows), int(columns)


def _model(config: Path | None, dimensions: Mapping[str, int | None]) -> Model:
    from traceql.predict import floors as predictions

    if config is not None:
        if any(dimensions.values()):
            raise click.UsageError("Give --config, or the dimensions, not both.")
        try:
            content = json.loads(config.read_text(encoding="utf-8"))
        except ValueError as error:
            raise PredictionError(f"{config}: not JSON ({error})", "Is it a model's config.json?") from None
        if not isinstance(content, dict):
            raise PredictionError(f"{config}: not a JSON object", "Is it a model's config.json?")
        return predictions.from_config(content)
    optional = ("kv_heads", "head_dim")
    missing = [name for name, value in dimensions.items() if value is None and name not in optional]
    if missing:
        options = ", ".join(f"--{name}" for name in missing)
        raise click.UsageError(f"Give --config, or the dimensions; missing: {options}.")
    return predictions.llama(**dimensions)  # type: ignore[arg-type]


def _find(name: str) -> Gpu:
    from traceql.predict import hardware

    found = hardware.find(name)
    if assumed := hardware.assumption(name):
        note(f"{assumed}.")
    return found


def _gpus(names: Sequence[str], dtype: str) -> list[Gpu]:
    found = [_find(name) for name in names]
    for one in found:
        one.peak(dtype)
    return found


def _write_steps(
    gpu_names: Sequence[str],
    dtype: str,
    steps: Callable[[Gpu], Iterable[Step]],
    format_: str | None,
    output: str | None,
) -> None:
    rows: list[dict[str, Any]] = [
        {
            "gpu": one.name,
            "part": found.part,
            "flop": float(found.flop),
            "dram_bytes": float(found.dram_bytes),
            "flop_per_byte": found.flop_per_byte,
            "ridge_flop_per_byte": one.ridge_flop_per_byte(dtype),
            "bound": found.bound,
            "floor_us": found.floor_s * 1e6,
        }
        for one in _gpus(gpu_names, dtype)
        for found in steps(one)
    ]
    write(_table(rows), format_, output)


def _table(rows: list[dict[str, Any]]) -> Any:
    import pyarrow as pa

    return pa.Table.from_pylist(rows)
