"""The command gpu: what GPUs can do."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import click

from traceql.cli import offers
from traceql.cli.common import note
from traceql.cli.output import output_options, write

if TYPE_CHECKING:
    from traceql.predict.hardware import Gpu


# Columns of all GPUs, and of one.
_OF_ALL = (
    *("gpu", "fp16_tflop_per_s", "dram_gb_per_s", "fp16_ridge_flop_per_byte", "dram_gb", "l2_mib"),
    "sm_count",
)
_OF_ONE = (
    *("gpu", "precision", "peak_tflop_per_s", "source", "level", "bandwidth_gb_per_s"),
    "ridge_flop_per_byte",
)


@click.command()
@click.argument("name", required=False, shell_complete=offers.gpu)
@partial(output_options, columns=lambda options: _OF_ONE if options.get("name") else _OF_ALL)
def gpu(name: str | None, format_: str | None, output: str | None) -> None:
    """Show what GPUs can do: dense peaks, bandwidths and ridge points.

    Without NAME one line per GPU, with the ridge point of fp16 at DRAM. With NAME, as a trace or a person
    writes it, one line per precision and memory level. Work with less FLOP/byte than the ridge point is
    limited by that memory. NVLink and PCIe count one direction; NULL is what NVIDIA does not publish. A peak
    that it does not print is computed: SMs × clock × FLOP per clock and SM of the architecture.

    \b
    Examples:
      traceql gpu
      traceql gpu "NVIDIA A100 80GB PCIe"
      traceql gpu H200 --format csv
    """
    from traceql.predict import hardware

    if name is None:
        write(rows_table([_overview(one) for one in hardware.gpus()]), format_, output)
        return
    found = find(name)
    rows: list[dict[str, Any]] = []
    for precision, peak in found.peak_flop_per_s.items():
        for level in ("l1", "l2", "dram", "nvlink", "pcie"):
            bandwidth = found.bandwidths_bytes_per_s.get(level)
            rows.append(
                {
                    "gpu": found.name,
                    "precision": precision,
                    "peak_tflop_per_s": peak / 1e12,
                    "source": "computed" if precision in found.computed else "printed",
                    "level": level,
                    "bandwidth_gb_per_s": None if bandwidth is None else bandwidth / 1e9,
                    "ridge_flop_per_byte": None if bandwidth is None else peak / bandwidth,
                }
            )
    write(rows_table(rows), format_, output)
    for kind, source in found.sources.items():
        note(f"{kind}: {source}")


def _overview(one: Gpu) -> dict[str, Any]:
    return {
        "gpu": one.name,
        "fp16_tflop_per_s": one.peak("fp16") / 1e12,
        "dram_gb_per_s": one.memory_bandwidth_bytes_per_s / 1e9,
        "fp16_ridge_flop_per_byte": one.ridge_flop_per_byte("fp16"),
        "dram_gb": one.memory_bytes / 1e9,
        "l2_mib": None if one.l2_bytes is None else one.l2_bytes / 2**20,
        "sm_count": one.sm_count,
    }


def find(name: str) -> Gpu:
    """The GPU of that name, with a note about what the name leaves open."""
    from traceql.predict import hardware

    found = hardware.find(name)
    if assumed := hardware.assumption(name):
        note(f"{assumed}.")
    return found


def rows_table(rows: list[dict[str, Any]]) -> Any:
    """Rows as the table that `write` takes."""
    import pyarrow as pa

    return pa.Table.from_pylist(rows)
