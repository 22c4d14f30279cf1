"""Runs measured outside the profilers, and what the data file knows about their GPUs, as rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from traceql.errors import UnknownGpuError
from traceql.predict import hardware

if TYPE_CHECKING:
    import duckdb

    from traceql.read.runs import RunFile


def store_runs(connection: duckdb.DuckDBPyConnection, file: RunFile, label: str) -> list[str]:
    """Insert the runs of a file, and return what was taken for granted about their GPUs."""
    row = connection.execute("SELECT coalesce(max(run_id) >> 32, 0) + 1 FROM runs").fetchone()
    assert row is not None
    first_id = int(row[0]) << 32
    warned: dict[str, None] = {}
    runs: list[tuple[object, ...]] = []
    metrics: list[tuple[object, ...]] = []
    for position, run in enumerate(file.runs, start=1):
        run_id = first_id + position
        gpu, note = _gpu_spec(run.tags.get("gpu"))
        if note:
            warned[note] = None
        facts = (label, position, file.format, file.file_name, file.sha256, gpu)
        runs.append((run_id, *facts, list(run.tags), list(run.tags.values())))
        metrics.extend((run_id, m.name, m.unit, m.sample, m.value) for m in run.metrics)
    if runs:
        connection.executemany("INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?, ?, map(?, ?))", runs)
    if metrics:
        connection.executemany("INSERT INTO run_metrics VALUES (?, ?, ?, ?, ?)", metrics)
    return list(warned)


def _gpu_spec(name: str | None) -> tuple[str | None, str]:
    """The GPU that a tag means, and what was taken for granted about it."""
    if name is None:
        return None, ""
    try:
        return hardware.find(name).name, hardware.assumption(name)
    except UnknownGpuError as error:
        return None, f"{error.message}: no floors and no ridge points for its runs"


def delete_runs(connection: duckdb.DuckDBPyConnection, sweep: str) -> None:
    """Remove the runs of a label."""
    connection.execute(
        "DELETE FROM run_metrics WHERE run_id IN (SELECT run_id FROM runs WHERE sweep = ?)", [sweep]
    )
    connection.execute("DELETE FROM runs WHERE sweep = ?", [sweep])


def fill_gpu_specs(connection: duckdb.DuckDBPyConnection) -> None:
    """Put the data file's GPUs in place of those that are there."""
    connection.execute("DELETE FROM gpu_specs")
    values: list[object] = []
    for gpu in hardware.gpus():
        values += [
            gpu.name,
            sorted({hardware.key(name) for name in (*gpu.names, *gpu.short_names)}),
            gpu.sm_count,
            gpu.sm_clock_hz,
            int(gpu.memory_bytes),
            gpu.memory_bandwidth_bytes_per_s,
            gpu.l2_bytes,
            gpu.l2_bandwidth_bytes_per_s,
            gpu.bandwidths_bytes_per_s["l1"],
            gpu.nvlink_bytes_per_s,
            gpu.pcie_bytes_per_s,
            list(gpu.peak_flop_per_s),
            list(gpu.peak_flop_per_s.values()),
            list(gpu.sources),
            list(gpu.sources.values()),
        ]
    # One statement for all: every new database runs it.
    row = "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, map(?, ?), map(?, ?))"
    rows = ", ".join(row for _ in hardware.gpus())
    connection.execute(f"INSERT INTO gpu_specs VALUES {rows}", values)
