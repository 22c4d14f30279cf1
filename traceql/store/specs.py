"""The views ``gpu_specs`` and ``gpu_architectures``: what the data file knows about GPUs, as rows."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any

from traceql.questions.question import Query, ResultColumn
from traceql.tables.schema import GPU_ARCHITECTURES, GPU_SPECS, SHIPPED, literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from traceql.predict.hardware import Architecture, Gpu
    from traceql.tables.schema import Table


@cache
def views() -> tuple[Query, ...]:
    """The views, as those of the catalogue."""
    from traceql.predict import hardware

    return (
        _view(GPU_ARCHITECTURES, map(_architecture, hardware.architectures())),
        _view(GPU_SPECS, map(_gpu, hardware.gpus())),
    )


def _view(table: Table, rows: Iterable[Mapping[str, Any]]) -> Query:
    """The rows as one text: DuckDB takes a fifth of the time for it that it takes for as many expressions."""
    row = json.dumps({column.name: column.type for column in table.columns})
    text = json.dumps([*rows], ensure_ascii=False)
    return Query.view(
        table.name,
        table.grain,
        tuple(ResultColumn(c.name, c.type, c.meaning) for c in table.columns),
        f"SELECT one.* FROM (SELECT unnest(from_json({literal(text)}, {literal(f'[{row}]')})) AS one)",
    )


def made_of() -> str:
    """Changes with the views: the data file as it is, for to understand it takes time."""
    from importlib import resources

    data = resources.files("traceql.predict") / "gpus.toml"
    return f"{[view.columns for view in SHIPPED.values()]}\n{data.read_text(encoding='utf-8')}"


def _architecture(one: Architecture) -> dict[str, Any]:
    return {
        "architecture": one.name,
        "compute_capabilities": one.compute_capability,
        "words": one.words,
        "own_memory": one.own_memory,
        "l1_bytes_per_clock_and_sm": one.l1_bytes_per_clock_and_sm,
        "flop_per_clock_and_sm": dict(one.flop_per_clock_and_sm),
        "source": one.source,
    }


def _gpu(one: Gpu) -> dict[str, Any]:
    from traceql.predict import hardware

    return {
        "gpu": one.name,
        "keys": sorted({hardware.key(name) for name in (*one.names, *one.short_names)}),
        "sm_count": one.sm_count,
        "sm_clock_hz": one.sm_clock_hz,
        "memory_bytes": int(one.memory_bytes),
        "memory_bandwidth_bytes_per_s": one.memory_bandwidth_bytes_per_s,
        "l2_bytes": one.l2_bytes,
        "l2_bandwidth_bytes_per_s": one.l2_bandwidth_bytes_per_s,
        "l1_bandwidth_bytes_per_s": one.bandwidths_bytes_per_s.get("l1"),
        "nvlink_bytes_per_s": one.nvlink_bytes_per_s,
        "pcie_bytes_per_s": one.pcie_bytes_per_s,
        "peak_flop_per_s": dict(one.peak_flop_per_s),
        "sources": dict(one.sources),
    }
