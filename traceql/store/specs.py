"""The view ``gpu_specs``: what the data file knows about GPUs, as rows."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

from traceql.questions.question import Query, ResultColumn
from traceql.tables.schema import GPU_SPECS, literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from traceql.predict.hardware import Gpu


@cache
def view() -> Query:
    """The view, as those of the catalogue."""
    from traceql.predict import hardware

    names = ", ".join(column.name for column in GPU_SPECS.columns)
    types = ", ".join(
        f"CAST({column.name} AS {column.type}) AS {column.name}" for column in GPU_SPECS.columns
    )
    rows = ",\n".join(f"({', '.join(_values(gpu))})" for gpu in hardware.gpus())
    return Query.view(
        GPU_SPECS.name,
        GPU_SPECS.grain,
        tuple(ResultColumn(c.name, c.type, c.meaning) for c in GPU_SPECS.columns),
        f"SELECT {types} FROM (VALUES {rows}) AS specs({names})",
    )


def made_of() -> str:
    """Changes with the view: the data file as it is, for to understand it takes time."""
    data = resources.files("traceql.predict") / "gpus.toml"
    return f"{GPU_SPECS.columns}\n{data.read_text(encoding='utf-8')}"


def _values(gpu: Gpu) -> Iterable[str]:
    from traceql.predict import hardware

    yield literal(gpu.name)
    keys = sorted({hardware.key(name) for name in (*gpu.names, *gpu.short_names)})
    yield f"[{', '.join(literal(key) for key in keys)}]"
    for number in (
        gpu.sm_count,
        gpu.sm_clock_hz,
        int(gpu.memory_bytes),
        gpu.memory_bandwidth_bytes_per_s,
        gpu.l2_bytes,
        gpu.l2_bandwidth_bytes_per_s,
        gpu.bandwidths_bytes_per_s["l1"],
        gpu.nvlink_bytes_per_s,
        gpu.pcie_bytes_per_s,
    ):
        yield "NULL" if number is None else repr(number)
    yield _map({precision: repr(float(peak)) for precision, peak in gpu.peak_flop_per_s.items()})
    yield _map({kind: literal(source) for kind, source in gpu.sources.items()})


def _map(entries: Mapping[str, str]) -> str:
    """A MAP of SQL expressions."""
    return f"MAP {{{', '.join(f'{literal(key)}: {value}' for key, value in entries.items())}}}"
