"""Hand-made ncu reports: a workload a line, with nothing in it but what the test is about.

>>> made = Profile().gpu("NVIDIA H200")
>>> _ = made.kernel("gemm", "step/mlp", ns=10, dram_write=64, pid=1, grid=(4, 1, 1))
>>> _ = made.kernel("copy", "step", ns=5, metrics={"sm__warps_launched.sum": None})
>>> sorted(made.report().tables)
['ncu_actions', 'ncu_devices', 'ncu_metrics', 'ncu_nvtx']
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

import pyarrow as pa

from made.store import store
from traceql.read.base import RawReport

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from traceql import Database

#: A number; a text; None for a metric without a value; nan for one that is not a number.
Value: TypeAlias = float | str | None

#: Short names of the metrics that most tests are about → (NVIDIA's name, unit).
SHORT = {
    "ns": ("gpu__time_duration.sum", "ns"),
    "dram_read": ("dram__bytes_read.sum", "byte"),
    "dram_write": ("dram__bytes_write.sum", "byte"),
    "dram_pct": ("dram__throughput.avg.pct_of_peak_sustained_elapsed", "%"),
    "l2_read": ("lts__t_sectors_op_read.sum", "sector"),
    "l2_write": ("lts__t_sectors_op_write.sum", "sector"),
    "warps": ("sm__warps_launched.sum", "warp"),
}

_TENSOR = "sm__ops_path_tensor_"
BF16 = f"{_TENSOR}src_bf16_dst_fp32.sum"
FFMA = "smsp__sass_thread_inst_executed_op_ffma_pred_on.sum"
#: What NVIDIA's roofline sections count at the caches: cycles in which L2 returned 32 bytes, and L1 128.
L2 = "lts__lts2xbar_cycles_active.sum"
L1 = "l1tex__lsu_writeback_active_mem_lgds.sum"
#: What ``--set roofline`` tells of a GPU at 1 GHz that works for 1 µs, which are 1,000 cycles. Peaks per cycle: DRAM
#: 10, L2 20 and L1 40 bytes, fp32 200 and bf16 1,000 FLOP (2,000 of structured sparsity, which nobody counts with).
_CLOCKS: Mapping[str, Value] = {
    "gpu__time_duration.sum": 1000.0,
    "smsp__cycles_elapsed.avg": 1000.0,
    **{f"{unit}__cycles_elapsed.avg.per_second": 1e9 for unit in ("sm", "dram", "lts", "l1tex")},
    "dram__bytes.sum.peak_sustained": 10.0,
    f"{L2}.peak_sustained": 20.0 / 32,
    f"{L1}.peak_sustained": 40.0 / 128,
    "sm__sass_thread_inst_executed_op_ffma_pred_on.sum.peak_sustained": 100.0,
    f"{_TENSOR}op_hgmma_src_bf16_dst_fp32_sparsity_off.sum.peak_sustained": 1000.0,
    f"{_TENSOR}op_hgmma_src_bf16_dst_fp32_sparsity_on.sum.peak_sustained": 2000.0,
    f"{_TENSOR}src_bf16_dst_fp32.sum.peak_sustained": 2000.0,
}
#: Instructions of the CUDA cores of a workload that executed none.
IDLE: Mapping[str, Value] = {
    f"smsp__sass_thread_inst_executed_op_{letter}{op}_pred_on.sum": 0.0
    for letter in "dfh"
    for op in ("add", "mul", "fma")
}


def roofline(
    *, bf16: float = 0, fp32: float = 0, dram: float = 0, l2: float = 0, l1: float = 0
) -> dict[str, Value]:
    """What ``--set roofline`` records: FLOP by precision, and bytes by memory level."""
    return {
        **_CLOCKS,
        **IDLE,
        BF16: bf16,
        FFMA: fp32 / 2,
        "dram__bytes.sum": dram,
        L2: l2 / 32,
        L1: l1 / 128,
    }


@dataclass
class Profile:
    """A report under construction; every method adds to it and returns it.

    Attributes:
        tags: labels given at ingest.
        settings: how it was recorded.
        tool_version: of the profiler.
        utc_s: when it was recorded, seconds since 1970.
    """

    tags: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)
    tool_version: str | None = None
    utc_s: int | None = None
    _tables: dict[str, list[dict[str, Any]]] = field(default_factory=dict, init=False, repr=False)

    def kernel(
        self,
        name: str = "k",
        path: str = "",
        *,
        demangled: str | None = None,
        workload: str = "kernel",
        pid: int | None = 1,
        device: int | None = 0,
        context: int | None = None,
        stream: int | None = None,
        grid: tuple[int, int, int] | None = None,
        block: tuple[int, int, int] | None = None,
        domains: Mapping[str, str] | None = None,
        startend: Iterable[str] = (),
        metrics: Mapping[str, Value | tuple[float, str]] | None = None,
        **short: Value,
    ) -> Profile:
        """A profiled workload.

        Args:
            name: function name; also the full one, unless `demangled` is given.
            path: texts of the push/pop ranges around it in the default domain, joined by /.
            demangled: full C++ name.
            workload: kernel, graph or range.
            pid: process; None where the report does not tell.
            device: CUDA device ordinal; None where the report does not tell.
            context: CUDA context.
            stream: CUDA stream.
            grid: blocks in x, y and z.
            block: threads in x, y and z.
            domains: NVTX domain → path of the push/pop ranges in it.
            startend: texts of the start/end ranges around it.
            metrics: NVIDIA's name → value, or (value, unit). What is not given was not asked for.
            **short: the same under the names of `SHORT`, with their units.
        """
        action = len(self._rows("ncu_actions"))
        self._rows("ncu_actions").append(
            {"action": action, "name": name, "demangled": demangled or name, "workload": workload, "pid": pid}
        )
        launch = {"device_id": device, "context_id": context, "stream_id": stream}
        for what, sizes in (("grid", grid), ("block", block)):
            launch |= {f"{what}_dim_{axis}": size for axis, size in zip("xyz", sizes or (), strict=False)}
        for key, number in launch.items():
            if number is not None:
                self._metric(action, f"launch__{key}", number, "")
        for key, value in short.items():
            self._metric(action, SHORT[key][0], value, SHORT[key][1])
        for metric, given in (metrics or {}).items():
            value, unit = given if isinstance(given, tuple) else (given, "")
            self._metric(action, metric, value, unit)
        for domain, whole in {"": path, **(domains or {})}.items():
            texts = whole.split("/") if whole else []
            for depth, text in enumerate(texts):
                self._range(action, domain, "pushpop", depth, text, "/".join(texts[: depth + 1]))
        for text in startend:
            self._range(action, "", "startend", 0, text, text)
        return self

    def graph(self, name: str = "graph", path: str = "", **rest: Any) -> Profile:
        """A CUDA graph that was profiled as a whole; see `kernel`."""
        return self.kernel(name, path, workload="graph", **rest)

    def range(self, name: str = "range", path: str = "", **rest: Any) -> Profile:
        """A range that was profiled as a whole (range replay); see `kernel`."""
        return self.kernel(name, path, workload="range", **rest)

    def rule(
        self,
        rule: str,
        message: str = "",
        *,
        kind: str = "optimization",
        section: str = "",
        title: str = "",
        speedup_pct: float | None = None,
        scope: str | None = None,
    ) -> Profile:
        """A result of a rule about the workload that was added last."""
        self._rows("ncu_rules").append(
            {
                "action": len(self._rows("ncu_actions")) - 1,
                "rule": rule,
                "section": section,
                "kind": kind,
                "title": title,
                "message": message,
                "estimated_speedup_pct": speedup_pct,
                "speedup_scope": scope,
            }
        )
        return self

    def focus(
        self, rule: str, metric: str, value: Value, *, severity: str = "high", section: str = ""
    ) -> Profile:
        """A metric that a rule looked at, about the workload that was added last."""
        self._rows("ncu_focus").append(
            {
                "action": len(self._rows("ncu_actions")) - 1,
                "rule": rule,
                "section": section,
                "metric": metric,
                "value": value,
                "severity": severity,
                "info": "",
            }
        )
        return self

    def marker(
        self,
        rule: str,
        message: str,
        *,
        address: int | None = None,
        file: str | None = None,
        line: int | None = None,
        kind: str = "optimization",
        section: str = "",
    ) -> Profile:
        """An instruction (address) or a source line that a rule means, of the workload that was added last."""
        self._rows("ncu_markers").append(
            {
                "action": len(self._rows("ncu_actions")) - 1,
                "rule": rule,
                "section": section,
                "kind": kind,
                "message": message,
                "address": address,
                "file": file,
                "line": line,
            }
        )
        return self

    def instances(self, metric: str, values: Mapping[int | str, Value]) -> Profile:
        """Values of a metric of the workload that was added last: address, moment, pass or opcode → value."""
        for key, value in values.items():
            self._rows("ncu_instances").append(
                {
                    "action": len(self._rows("ncu_actions")) - 1,
                    "metric": metric,
                    "id": None if isinstance(key, str) else key,
                    "id_text": key if isinstance(key, str) else None,
                    "value": None if value is None or isinstance(value, str) else float(value),
                    "text": value if isinstance(value, str) else None,
                }
            )
        return self

    def instruction(
        self,
        address: int,
        sass: str | None = None,
        *,
        file: str | None = None,
        line: int | None = None,
        source: str | None = None,
    ) -> Profile:
        """An instruction of the workload that was added last, whose code the report holds."""
        self._rows("ncu_instructions").append(
            {
                "action": len(self._rows("ncu_actions")) - 1,
                "address": address,
                "sass": sass,
                "file": file,
                "line": line,
                "source": source,
            }
        )
        return self

    def stack(self, kind: str, *frames: tuple[str | None, str | None, int | None, str | None]) -> Profile:
        """The calls that launched the workload added last: function, source file, line and module, innermost first.

        Args:
            kind: native or python.
            *frames: of the stack.
        """
        for depth, (function, file, line, module) in enumerate(frames):
            self._rows("ncu_stacks").append(
                {
                    "action": len(self._rows("ncu_actions")) - 1,
                    "kind": kind,
                    "depth": depth,
                    "function": function,
                    "file": file,
                    "line": line,
                    "module": module,
                    "address": None,
                }
            )
        return self

    def gpu(self, name: str, *, device: int = 0, **attributes: int) -> Profile:
        """A GPU; `attributes` under NVIDIA's names, such as ``multiprocessor_count``."""
        self._rows("ncu_devices").append({"device_id": device, "name": name, **attributes})
        return self

    def process(self, pid: int, name: str) -> Profile:
        """A profiled process and its executable."""
        self._rows("ncu_processes").append({"pid": pid, "name": name})
        return self

    def label(self, metric: str, label: str) -> Profile:
        """What a collected section calls a metric."""
        self._rows("ncu_labels").append({"metric": metric, "label": label})
        return self

    def report(self) -> RawReport:
        """What the reader would have made of it."""
        tables = {name: _table(rows) for name, rows in self._tables.items() if rows}
        if self.utc_s is not None:
            tables["ncu_session"] = pa.table({"created_utc_s": [self.utc_s]})
        return RawReport("ncu", tables, tool_version=self.tool_version, settings=self.settings)

    def store(self, database: Database, name: str) -> None:
        """Put it into `database`."""
        store(database, self.report(), name, self.tags)

    def _rows(self, table: str) -> list[dict[str, Any]]:
        return self._tables.setdefault(table, [])

    def _metric(self, action: int, metric: str, value: Value, unit: str) -> None:
        number, text = (None, value) if isinstance(value, str) else (value, None)
        if number is not None and not math.isfinite(number):
            number, text = None, str(number)
        self._rows("ncu_metrics").append(
            {
                "action": action,
                "metric": metric,
                "unit": unit,
                "value": None if number is None else float(number),
                "text": text,
            }
        )

    def _range(self, action: int, domain: str, style: str, depth: int, text: str, path: str) -> None:
        self._rows("ncu_nvtx").append(
            {"action": action, "domain": domain, "style": style, "depth": depth, "text": text, "path": path}
        )


def _table(rows: list[dict[str, Any]]) -> pa.Table:
    columns = dict.fromkeys(name for row in rows for name in row)
    return pa.table({name: [row.get(name) for row in rows] for name in columns})
