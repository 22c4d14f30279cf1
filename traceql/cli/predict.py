"""The command predict, with its subcommands: what theory expects before a run."""

from __future__ import annotations

import functools
import itertools
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from traceql.cli.common import note
from traceql.cli.gpu import rows_table
from traceql.cli.output import output_options, write
from traceql.cli.predicted import not_absurd, prediction, sizes
from traceql.given import whole_number

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from traceql.predict.floors import Step
    from traceql.predict.hardware import Gpu
    from traceql.predict.models import Model

F = TypeVar("F", bound="Callable[..., Any]")

# So large clusters of thread blocks leave SMs of a GPU empty (see `traceql.predict.shapes`).
_LARGE_CLUSTER = 4


@click.group()
def predict() -> None:
    """Say what theory expects before a run: FLOP, bytes, which roof binds, and the floor of the time.

    Floors assume perfect caches and no overhead; measured times lie above them.

    \b
    Examples:
      traceql predict linear --in 1024 --out 4096 --batch 1,8,64,512 --gpu A100-SXM
      traceql predict linear --in 1024 --out 4096 --gpu H200 --solve compute-bound
      traceql predict decode --config config.json --gpu H200 --batch 16 --context 4096
      traceql predict decode --weight-bytes 16e9 --gpu H200 --gpu L40S
      traceql predict decode --config config.json --gpu H200 --kv-dtype fp8 --tensor-parallel 2
      traceql predict prefill --config config.json --gpu H200 --tokens 512,4096 --chunk 2048
      traceql predict throughput --config config.json --gpu H200 --context 4096 --latency-ms 10
      traceql predict capacity --config config.json --gpu H200 --context 4096
      traceql predict gemm --m 1792 --n 1792,1793 --k 4096 --gpu A100-SXM
      traceql predict layers --config config.json --tokens 4096
      traceql predict kinds --config config.json --batch 1,64,512 --context 128
    """


def _count(*names: str, least: int = 1, **given: Any) -> Callable[[F], F]:
    """An option that takes a number from 1."""
    if "default" in given:
        given["show_default"] = True
    return click.option(*names, type=click.IntRange(least), callback=not_absurd, **given)


_CONFIG_HELP = "The model's config.json (of Llama's kind, with experts, DeepSeek's, or NemotronH)."

_dtype_option = click.option(
    "--dtype",
    default="bf16",
    show_default=True,
    help="Precision: fp64, fp32, tf32, bf16, fp16, fp8, int8, fp4.",
)


_solve_option = click.option(
    "--solve",
    type=click.Choice(["compute-bound"]),
    help="From which size on each part is compute-bound, instead of floors; none: never.",
)
_memory_option = click.option(
    "--memory-pct",
    type=click.FloatRange(0, 100, min_open=True),
    callback=not_absurd,
    default=90,
    show_default=True,
    help="Share of the GPU's memory that weights and caches may take; vLLM's gpu_memory_utilization.",
)


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
    """What is computed and stored in which type, and by how many GPUs; the command gets it as `served`."""
    names = ("dtype", "weight_dtype", "kv_dtype", "ssm_dtype", "tensor_parallel_size")

    @functools.wraps(function)
    def gathered(**given: Any) -> Any:
        served = {name: given.pop(name) for name in names}
        return function(served=served, **given)

    found: Any = gathered
    for option in (
        _count(
            "--tensor-parallel-size",
            "--tensor-parallel",
            "tensor_parallel_size",
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
        found = option(found)
    return found  # type: ignore[no-any-return]


@predict.command()
@_dtype_option
@_count("--in", "in_features", required=True, help="Input features.")
@_count("--out", "out_features", required=True, help="Output features.")
@sizes("--batch", default=1, about="Rows of the input.")
@click.option("--relu", is_flag=True, help="Also a ReLU after it, and what fusing it saves.")
@_solve_option
@prediction("batch_size")
def linear(
    in_features: int, out_features: int, batch: tuple[int, ...], relu: bool, solve: str | None, dtype: str
) -> Any:
    """Predict a linear layer, nn.Linear(in, out).

    \b
    Examples:
      traceql predict linear --in 1024 --out 4096 --batch 512 --gpu A100-SXM
      traceql predict linear --in 1024 --out 4096 --batch 1 --gpu A100-SXM --relu
      traceql predict linear --in 1024 --out 4096 --batch 1,8,64,512 --gpu H100 -o linear.svg
      traceql predict linear --in 1024 --out 4096 --gpu H200 --solve compute-bound
    """
    from traceql.predict import floors

    def steps(one: Gpu, rows: int) -> Sequence[Step]:
        if relu:
            return floors.linear_relu(in_features, out_features, rows, one, dtype)
        return (floors.linear(in_features, out_features, rows, one, dtype),)

    def rows(one: Gpu) -> Iterable[dict[str, Any]]:
        if solve:
            return _solved(one, functools.partial(steps, one))
        return [
            {"batch_size": size, **row}
            for size in batch
            for row in _rows(one, steps(one, size), left_out=("precision", "ridge_batch"))
        ]

    return rows


@predict.command()
@_model_options
@click.option(
    "--weight-bytes",
    type=click.FloatRange(0, min_open=True),
    callback=not_absurd,
    help="Only the size of the weights, such as 16e9.",
)
@sizes("--batch", default=1, about="Sequences.")
@sizes("--context", least=0, default=1, about="Tokens in each sequence's cache, before the new one.")
@_solve_option
@_serving_options
@prediction("batch_size", "context")
def decode(
    config: Path | None,
    weight_bytes: float | None,
    batch: tuple[int, ...],
    context: tuple[int, ...],
    solve: str | None,
    served: Mapping[str, Any],
    **dimensions: int | None,
) -> Any:
    """Predict one decode step: one more token for every sequence.

    ridge_batch is the batch from which the weights of a part are compute-bound: FLOP/byte of the ridge point
    × bytes per weight ÷ 2.

    \b
    Examples:
      traceql predict decode --config config.json --gpu H200 --batch 16 --context 4096
      traceql predict decode --config config.json --gpu H200 --weight-dtype int4 --kv-dtype fp8
      traceql predict decode --config config.json --gpu H200 --context 4096 --solve compute-bound
      traceql predict decode --config config.json --gpu H200 --batch 1,64 --measured sweep.csv -o decode.svg
      traceql predict decode --weight-bytes 16e9 --gpu H200 --gpu "A100 PCIe"
    """
    from traceql.predict import serving

    if weight_bytes is not None:
        if config is not None or any(dimensions.values()):
            raise click.UsageError("Give --weight-bytes, or a model, not both.")
        if served["kv_dtype"] is not None or served["ssm_dtype"] is not None:
            raise click.UsageError(
                "--kv-dtype and --ssm-dtype are of a model; of --weight-bytes no cache is known."
            )

        stored, gpus = served["weight_dtype"], served["tensor_parallel_size"]
        used = "bf16" if served["dtype"] is None else served["dtype"]

        def weights_step(one: Gpu, size: int) -> Sequence[Step]:
            found = serving.decode_weights(weight_bytes / gpus, one, used, size, weight_dtype=stored)
            return (found,)

        def weights(one: Gpu) -> Iterable[dict[str, Any]]:
            _note_arithmetic(one, stored, (), used)
            _note_memory(one, weights_step(one, 1)[0].dram_bytes, "weights")
            if solve:
                return _solved(one, functools.partial(weights_step, one))
            return [
                {"batch_size": size, "tensor_parallel_size": gpus, **row}
                for size in batch
                for row in _rows(one, weights_step(one, size))
            ]

        return weights
    share, precision = _share(config, dimensions, **served)

    def steps(one: Gpu, tokens: int, size: int) -> Sequence[Step]:
        return serving.decode(share, one, batch=size, context=tokens, precision=precision)

    def rows(one: Gpu) -> Iterable[dict[str, Any]]:
        largest = max(batch)
        _note_limits(one, share, precision, batch=largest, tokens=max(context) + 1, rows=largest)
        return _gathered(one, share, steps, ("context", context), ("batch_size", batch), solve=solve)

    return rows


@predict.command()
@_model_options
@sizes("--tokens", about="Length of each prompt.")
@sizes("--batch", default=1, about="Prompts.")
@_count("--chunk", help="Tokens of each prompt in one step. [default: all]")
@_solve_option
@_serving_options
@prediction("tokens", "batch_size")
def prefill(
    config: Path | None,
    tokens: tuple[int, ...],
    batch: tuple[int, ...],
    chunk: int | None,
    solve: str | None,
    served: Mapping[str, Any],
    **dimensions: int | None,
) -> Any:
    """Predict the prefill of prompts of which nothing is cached.

    ridge_batch is the number of tokens, of all prompts together, from which the weights of a part are
    compute-bound; of the output projection the number of prompts. With --chunk the tokens are those of a
    step, and bytes are those of all steps: each reads the weights, and the keys and values before it.

    \b
    Examples:
      traceql predict prefill --config config.json --gpu H200 --tokens 4096
      traceql predict prefill --config config.json --gpu H200 --tokens 4096 --tensor-parallel 8
      traceql predict prefill --config config.json --gpu H200 --tokens 8192 --chunk 2048
      traceql predict prefill --config config.json --gpu H200 --solve compute-bound
      traceql predict prefill --hidden 4096 --layers 32 --heads 32 --kv-heads 8 \
        --intermediate 14336 --vocab 128256 --gpu H200 --tokens 4096
    """
    from traceql.predict import serving

    share, precision = _share(config, dimensions, **served)

    if solve and (tokens or chunk):
        raise click.UsageError(
            "--solve finds the tokens of a prompt in one step: leave out --tokens and --chunk."
        )
    if not solve and not tokens:
        raise click.UsageError("Missing option '--tokens'.")

    def steps(one: Gpu, prompts: int, length: int) -> Sequence[Step]:
        return serving.prefill(share, one, tokens=length, batch=prompts, precision=precision, chunk=chunk)

    def rows(one: Gpu) -> Iterable[dict[str, Any]]:
        longest, most = max(tokens, default=1), max(batch)
        _note_limits(one, share, precision, batch=most, tokens=longest, rows=most * longest)
        each = ("batch_size", batch), ("tokens", tokens)
        return _gathered(one, share, steps, *each, solve=solve, most=share.window)

    return rows


@predict.command()
@_model_options
@sizes("--batch", about="Sequences. [default: 1 to 512]")
@sizes("--context", least=0, default=1, about="Tokens in each sequence's cache, before the new one.")
@click.option(
    "--latency-ms",
    type=click.FloatRange(0, min_open=True),
    callback=not_absurd,
    help="The largest batch whose step takes no longer and that fits, instead of --batch.",
)
@_memory_option
@_serving_options
@prediction("batch_size", "context", time="ms_per_token", up="tokens_per_s")
def throughput(
    config: Path | None,
    batch: tuple[int, ...],
    context: tuple[int, ...],
    latency_ms: float | None,
    memory_pct: float,
    served: Mapping[str, Any],
    **dimensions: int | None,
) -> Any:
    """Predict throughput against latency of decoding: what a larger batch brings, and what a user waits.

    A step gives each sequence a token: tokens_per_s = batch ÷ time of a step, for work that nobody waits for
    (offline); a user of it (online) waits ms_per_token for the next. With --latency-ms limit says what keeps
    the batch from being larger. People read some 240 words a minute (Brysbaert, Journal of Memory and
    Language 109, 2019), with 3 words to 4 tokens about 5 tokens a second: --latency-ms 190.

    \b
    Examples:
      traceql predict throughput --config config.json --gpu H200 --context 4096
      traceql predict throughput --config config.json --gpu H200 --context 4096 --latency-ms 10
      traceql predict throughput --config config.json --gpu H200 --gpu A100-SXM -o throughput.svg
    """
    from traceql.predict import serving, solve

    if batch and latency_ms:
        raise click.UsageError("Give --batch, or --latency-ms, not both.")
    share, precision = _share(config, dimensions, **served)
    asked = batch or tuple(2**power for power in range(10))

    def row(one: Gpu, size: int, tokens: int) -> dict[str, Any]:
        found = serving.decode(share, one, batch=size, context=tokens, precision=precision)[-1]
        needed = serving.needed_bytes(share, batch=size, tokens=tokens + 1, precision=precision)
        return {
            "tensor_parallel_size": share.gpus,
            "context": tokens,
            "batch_size": size,
            "ms_per_token": found.floor_s * 1e3,
            "tokens_per_s": size / found.floor_s,
            "tokens_per_s_per_sequence": 1 / found.floor_s,
            "bound": found.bound,
            "memory_pct": 100 * needed / one.memory_bytes,
        }

    def rows(one: Gpu) -> Iterable[dict[str, Any]]:
        _note_limits(one, share, precision, batch=1, tokens=max(context) + 1, rows=1)
        if latency_ms is None:
            return [row(one, size, tokens) for tokens in context for size in asked]
        found = []
        for tokens in context:

            def floor_s(size: int, tokens: int = tokens) -> float:
                return serving.decode(share, one, batch=size, context=tokens, precision=precision)[-1].floor_s

            fast = solve.largest_within(latency_ms / 1e3, floor_s)
            fitting = solve.capacity(
                share, one, tokens=tokens + 1, precision=precision, memory_pct=memory_pct
            ).sequences
            limit = "memory" if fitting is not None and fitting < fast else "latency"
            size = fast if limit == "latency" or fitting is None else fitting
            if size:
                found.append({**row(one, size, tokens), "limit": limit})
            else:
                least = f"one takes {floor_s(1) * 1e3:,.2f} ms at least" if not fast else "not even one fits"
                note(f"{one.name}: no batch with a context of {tokens:,} does it: {least}.")
        return found

    return rows


@predict.command()
@_model_options
@sizes("--context", default=4096, about="Tokens of each sequence, the new one included.")
@_memory_option
@_serving_options
@prediction()
def capacity(
    config: Path | None,
    context: tuple[int, ...],
    memory_pct: float,
    served: Mapping[str, Any],
    **dimensions: int | None,
) -> Any:
    """Predict how many tokens and sequences the KV cache has room for beside the weights.

    Of one GPU; engines have less, as activations and workspaces take their part. max_tokens is of one
    sequence.

    \b
    Examples:
      traceql predict capacity --config config.json --gpu H200 --gpu H100 --context 1024,4096
      traceql predict capacity --config config.json --gpu H100 --tensor-parallel 2 --kv-dtype fp8
    """
    from traceql.predict import solve

    share, precision = _share(config, dimensions, **served)

    def rows(one: Gpu) -> Iterable[dict[str, Any]]:
        for tokens in context:
            found = solve.capacity(share, one, tokens=tokens, precision=precision, memory_pct=memory_pct)
            yield {
                "tensor_parallel_size": share.gpus,
                "context": tokens,
                "weight_bytes": found.weight_bytes,
                "cache_bytes": found.cache_bytes,
                "kv_bytes_per_token": found.kv_bytes_per_token,
                "state_bytes_per_sequence": found.state_bytes_per_sequence,
                "max_tokens": found.tokens,
                "max_sequences": found.sequences,
            }

    return rows


@predict.command()
@_dtype_option
@sizes("--m", "ms", required=True, about="Rows of the output.")
@sizes("--n", "ns", about="Columns. [default: as many as rows]")
@sizes("--k", "ks", required=True, about="Length of the sums.")
@click.option("--tile", help="Tile of a thread block, such as 128x256. [default: those that cuBLAS uses]")
@click.option(
    "--cluster", default="1x1", show_default=True, help="Thread blocks of a cluster, rows x columns of tiles."
)
@prediction("n", "m", "k")
def gemm(
    ms: tuple[int, ...],
    ns: tuple[int, ...],
    ks: tuple[int, ...],
    tile: str | None,
    cluster: str,
    dtype: str,
) -> Any:
    """Predict which GEMM shapes waste SMs: tile and wave quantisation.

    One thread block per tile and SM at a time. One tile more than a multiple of the SMs costs a whole wave.
    floor_us is that of the tile: a kernel with another may be faster. Of clusters of 4 and more, waves and
    floor_us are a lower bound.

    \b
    Examples:
      traceql predict gemm --m 1792 --n 1792 --k 4096 --gpu A100-SXM
      traceql predict gemm --m 1792 --n 1792,1793 --k 4096 --tile 256x128 --gpu A100-SXM
      traceql predict gemm --m 1024,2048,2056,4096 --k 4096 --tile 128x256 --gpu H100 -o gemm.svg
    """
    from traceql.predict import shapes

    tiles = shapes.TILES if tile is None else (_pair(tile, "--tile", "256x128"),)
    blocks = _pair(cluster, "--cluster", "2x1")
    if blocks[0] * blocks[1] >= _LARGE_CLUSTER:
        note(
            f"clusters of {blocks[0] * blocks[1]}: waves and floor_us are a lower bound, for they leave SMs "
            "without work (ncu: launch__cluster_max_active)."
        )

    def rows(one: Gpu) -> Iterable[dict[str, Any]]:
        for m, n, k in itertools.product(ms, ns, ks) if ns else ((m, m, k) for m in ms for k in ks):
            for chosen in tiles:
                found = shapes.gemm(m, n, k, one, tile=chosen, cluster=blocks, precision=dtype)
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


def _pair(text: str, option: str, like: str) -> tuple[int, int]:
    rows, _, columns = text.lower().partition("x")
    pair = whole_number(rows), whole_number(columns)
    if not (pair[0] and pair[1]):
        raise click.BadParameter(f"{text!r}. It looks like {like}.", param_hint=option)
    return pair[0], pair[1]


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


def _share(
    config: Path | None,
    dimensions: Mapping[str, int | None],
    *,
    dtype: str | None,
    weight_dtype: str | None,
    kv_dtype: str | None,
    ssm_dtype: str | None,
    tensor_parallel_size: int,
) -> tuple[Model, str]:
    """What one GPU holds of the model, in its types, and the precision of the arithmetic."""
    model = _model(config, dimensions, weight_dtype is None).in_types(weight_dtype, kv_dtype, ssm_dtype)
    return model.on_one_of(tensor_parallel_size), model.dtype if dtype is None else dtype


def _note_limits(one: Gpu, share: Model, precision: str, *, batch: int, tokens: int, rows: int) -> None:
    """Say what no run could do, and what the steps leave out."""
    from traceql.predict import serving

    if said := serving.too_long(share, tokens):
        note(said)
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


def _solved(
    one: Gpu, steps: Callable[[int], Sequence[Step]], most: int | None = None
) -> list[dict[str, Any]]:
    from traceql.predict import solve

    found = solve.compute_bound_from(steps, solve.MOST if most is None else most)
    precisions = {step.part: step.precision for step in steps(1)}
    return [
        {
            "part": part,
            "precision": precisions[part],
            "ridge_flop_per_byte": precisions[part] and one.ridge_flop_per_byte(str(precisions[part])),
            "compute_bound_from": rows,
        }
        for part, rows in found.items()
    ]


def _gathered(
    one: Gpu,
    share: Model,
    steps: Callable[[Gpu, int, int], Sequence[Step]],
    outer: tuple[str, Sequence[int]],
    inner: tuple[str, Sequence[int]],
    *,
    solve: str | None,
    most: int | None = None,
) -> list[dict[str, Any]]:
    """Rows of each of two sizes, or with `solve` of each of the outer one, of which the inner is found."""
    (of, several), (along, sizes_) = outer, inner
    if solve:
        return [
            {of: size, **row}
            for size in several
            for row in _solved(one, functools.partial(steps, one, size), most)
        ]
    return [
        # Batches stand first.
        {**dict(sorted({of: size, along: value}.items())), "tensor_parallel_size": share.gpus, **row}
        for size in several
        for value in sizes_
        for row in _rows(one, steps(one, size, value))
    ]


def _rows(one: Gpu, steps: Iterable[Step], left_out: Sequence[str] = ()) -> list[dict[str, Any]]:
    rows = [
        {
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
    return [{name: value for name, value in row.items() if name not in left_out} for row in rows]


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


@predict.command("kinds")
@_model_options
@sizes("--batch", default=1, about="Sequences.")
@sizes("--context", least=0, about="Decode steps: tokens in each sequence's cache, before the new one.")
@sizes("--tokens", about="Prefill in one step: length of each prompt.")
@output_options
def kinds_(
    config: Path | None,
    batch: tuple[int, ...],
    context: tuple[int, ...],
    tokens: tuple[int, ...],
    format_: str | None,
    output: str | None,
    **dimensions: int | None,
) -> None:
    """Count the useful FLOP of each kind of kernel in a decode step or a prefill.

    As a table of runs, which stands beside the executed FLOP of category-roofline once it is imported.
    Products (gemm), attention, experts (moe) and Mamba's scan; norms and other elementwise work are not
    counted. input_len is the length of the prompt or of the context.

    \b
    Examples:
      traceql predict kinds --config config.json --batch 1,8,64,512 --context 128 -o useful.csv
      traceql import-runs useful.csv && traceql query category-roofline
      traceql predict kinds --config config.json --tokens 512,4096
    """
    from traceql.predict import useful

    if not context and not tokens:
        raise click.UsageError("Give --context (decode steps), --tokens (prefill), or both.")
    model = _model(config, dimensions, quantised=True)
    rows = useful.kinds(model, batch=batch, tokens=tokens, context=context)
    write(rows_table(list(rows)), format_, output)
