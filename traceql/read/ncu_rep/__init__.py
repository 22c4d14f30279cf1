"""Nsight Compute reports (``.ncu-rep``, ``.ncu-repz``, ``.nsight-cuprof-report``) through ``ncu_report``.

``ncu_report`` never raises on bad files, hides truncation and keeps memory, so the blocks are walked first
(`ncu_container`) and the reader runs in a process of its own, one per report (`worker`).

Raw tables:

- ``ncu_session``: one row; when and with which tool the report was recorded.
- ``ncu_processes``: one row per profiled process.
- ``ncu_devices``: one row per GPU.
- ``ncu_actions``: one row per profiled workload, in the report's order.
- ``ncu_metrics``: one row per (workload, metric); ``value`` is NULL where the report has none.
- ``ncu_nvtx``: one row per (workload, NVTX domain, enclosing range), outermost at depth 0.
- ``ncu_rules``: one row per (workload, rule result).

``.ncu-repz`` is what newer versions of the tool write when asked to compress; no sample was at hand.
"""

from __future__ import annotations

import importlib.util
from math import isfinite
from typing import TYPE_CHECKING, Any

from traceql.errors import ReportError, TruncatedReportError, UnsupportedReportError
from traceql.read.base import RawReport
from traceql.read.ncu_rep.container import Container, walk

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

    from traceql.read.base import Progress, Wanted

_WORKLOADS = {"KERNEL": "kernel", "RANGE": "range", "CMDLIST": "cmdlist", "GRAPH": "graph"}
_MESSAGE_KINDS = {
    "NONE": "none",
    "OK": "ok",
    "OPTIMIZATION": "optimization",
    "WARNING": "warning",
    "ERR": "error",
}
_TOOL_COMPONENT = "Nsight Compute Target"


def read(
    path: Path,
    *,
    wanted: Wanted | None,  # noqa: ARG001 - all tables are small
    progress: Progress,
    part: tuple[int, int] = (0, 1),
) -> RawReport:
    """Decode the report at `path`; see `base.ReadFunction`.

    Args:
        path: the report.
        wanted: not used.
        progress: told about workloads.
        part: (i, n) to read the i-th of n parts of the workloads; the first part has all other tables.

    Raises:
        TruncatedReportError: the file is cut short.
        ReportError: the file is damaged or holds no profiled workload.
        UnsupportedReportError: ``ncu_report`` is not installed.
    """
    import pyarrow as pa

    container = walk(path)
    if container.results == 0:
        raise ReportError(
            f"{path.name}: the report holds no profiled workload",
            "Either ncu profiled nothing (check --kernel-name, --nvtx-include, --profile-from-start), or the "
            "file was cut right after its header.",
        )
    index, parts = part
    workloads = range(container.results * index // parts, container.results * (index + 1) // parts)
    collected = _collect(path, container.results, workloads, progress)
    version = container.versions.get(_TOOL_COMPONENT)
    session: dict[str, list[Any]] = {
        "created_utc_s": [container.created_utc_s],
        "cuda_version": [container.versions.get("CUDA Version")],
        "driver_version": [container.versions.get("Display Driver Version")],
    }
    # A result does not say which process it came from; with a single one there is no question.
    only_pid = next(iter(container.processes)) if len(container.processes) == 1 else None
    collected["ncu_actions"]["pid"] = [only_pid] * len(workloads)
    tables = {name: _table(pa, name, columns) for name, columns in collected.items()}
    if index > 0:
        return RawReport(kind="ncu", tables=tables)
    tables["ncu_session"] = _table(pa, "ncu_session", session)
    tables["ncu_processes"] = _table(
        pa,
        "ncu_processes",
        {"pid": list(container.processes), "name": list(container.processes.values())},
    )
    tables["ncu_devices"] = _table(pa, "ncu_devices", _devices(container))
    warnings = []
    if not container.settings:
        warnings.append(
            "The report does not say with which options it was recorded (clock control, replay mode)."
        )
    return RawReport(
        kind="ncu",
        tables={name: table for name, table in tables.items() if table.num_rows},
        # "2025.3.1.0 (build 36398880) (public-release)" → "2025.3.1.0"
        tool_version=version.split(" ")[0] if version else None,
        settings=container.settings,
        environment=container.environment,
        warnings=warnings,
    )


def _schema(pa: Any, name: str) -> pa.Schema:
    integer, real, text = pa.int64(), pa.float64(), pa.string()
    columns: dict[str, dict[str, pa.DataType]] = {
        "ncu_actions": {
            "action": integer,
            "name": text,
            "demangled": text,
            "mangled": text,
            "workload": text,
            "pid": integer,
        },
        "ncu_metrics": {
            "action": integer,
            "metric": pa.dictionary(pa.int32(), text),
            "unit": pa.dictionary(pa.int32(), text),
            "value": real,
            "text": text,
        },
        "ncu_nvtx": {
            "action": integer,
            "domain": text,
            "style": text,
            "depth": integer,
            "text": text,
            "path": text,
        },
        "ncu_rules": {
            "action": integer,
            "rule": text,
            "section": text,
            "kind": text,
            "title": text,
            "message": text,
            "estimated_speedup_pct": real,
            "speedup_scope": text,
        },
        "ncu_session": {"created_utc_s": integer, "cuda_version": text, "driver_version": text},
        "ncu_processes": {"pid": integer, "name": text},
        "ncu_devices": {
            "device_id": integer,
            "name": text,
            **dict.fromkeys(_DEVICE_ATTRIBUTES, integer),
        },
    }
    return pa.schema(columns[name])


_DEVICE_ATTRIBUTES = (
    "compute_capability_major",
    "compute_capability_minor",
    "multiprocessor_count",
    "max_gpu_frequency_khz",
    "max_mem_frequency_khz",
    "fb_bus_width",
    "l2_cache_size",
    "total_memory",
    "max_warps_per_multiprocessor",
)


def _devices(container: Container) -> dict[str, list[Any]]:
    names = ("device_id", "name", *_DEVICE_ATTRIBUTES)
    return {name: [device.get(name) for device in container.devices] for name in names}


def _table(pa: Any, name: str, columns: dict[str, list[Any]]) -> pa.Table:
    schema = _schema(pa, name)
    arrays = []
    for column in schema:
        values = columns[column.name]
        if pa.types.is_dictionary(column.type):
            # (codes, names): the few hundred names of a report are stored once.
            codes, names = values
            array = pa.DictionaryArray.from_arrays(pa.array(codes, pa.int32()), pa.array(names, pa.string()))
        else:
            array = pa.array(values, column.type)
        arrays.append(array)
    return pa.Table.from_arrays(arrays, schema=schema)


def _collect(
    path: Path, expected: int, workloads: range, progress: Progress
) -> dict[str, dict[str, list[Any]]]:
    if importlib.util.find_spec("ncu_report") is None:
        raise UnsupportedReportError(
            f"{path.name}: reading Nsight Compute reports needs NVIDIA's ncu-report package",
            "It exists for Linux x86-64, macOS arm64 and Windows: pip install ncu-report",
        )
    import ncu_report

    context = ncu_report.load_report(str(path))
    found = sum(context.range_by_idx(i).num_actions() for i in range(context.num_ranges()))
    if found != expected:
        raise TruncatedReportError(
            f"{path.name}: {expected:,} workloads are announced, {found:,} could be read",
            "Copy the file again, or record it again.",
        )
    rows = _Rows(ncu_report)
    places = (
        (r, a) for r in map(context.range_by_idx, range(context.num_ranges())) for a in range(r.num_actions())
    )
    for number, (in_range, index) in enumerate(places):
        if number not in workloads:
            continue
        action = in_range.action_by_idx(index)
        if action is None or action.name() is None:
            raise TruncatedReportError(
                f"{path.name}: workload {number + 1:,} of {expected:,} is damaged",
                "Copy the file again, or record it again.",
            )
        rows.add(number, action)
        progress(number - workloads.start + 1, len(workloads))
    return rows.columns()


class _Rows:
    """The columns of the per-workload tables, filled one workload at a time."""

    def __init__(self, ncu_report: Any) -> None:
        self._api = ncu_report
        metric = ncu_report.IMetric
        self._numbers = frozenset(
            (
                metric.ValueKind_DOUBLE,
                metric.ValueKind_FLOAT,
                metric.ValueKind_UINT32,
                metric.ValueKind_UINT64,
            )
        )
        self._string = metric.ValueKind_STRING
        action = ncu_report.IAction
        self._workloads = {
            getattr(action, f"WorkloadType_{name}"): label
            for name, label in _WORKLOADS.items()
            if hasattr(action, f"WorkloadType_{name}")
        }
        self._message_kinds = {
            getattr(ncu_report, f"MsgType_{n}"): label for n, label in _MESSAGE_KINDS.items()
        }
        self._metric_codes: dict[str, int] = {}
        self._metric_units: list[int] = []
        self._metric_is_number: list[bool] = []
        self._unit_codes: dict[str, int] = {}
        self._metric_action: list[int] = []
        self._metric_code: list[int] = []
        self._metric_value: list[float | None] = []
        self._metric_text: list[str | None] = []
        self._action_rows: list[tuple[Any, ...]] = []
        self._nvtx_rows: list[tuple[Any, ...]] = []
        self._rule_rows: list[tuple[Any, ...]] = []

    def add(self, number: int, action: Any) -> None:
        self._action_rows.append(
            (
                number,
                action.name(action.NameBase_FUNCTION),
                action.name(action.NameBase_DEMANGLED),
                action.name(action.NameBase_MANGLED),
                self._workloads.get(action.workload_type(), "unknown"),
            )
        )
        self._add_metrics(number, action)
        self._add_nvtx(number, action.nvtx_state())
        # Newer than the oldest supported ncu_report: without it there is no advice, but all the rest.
        rules = action.rule_results_as_dicts() if hasattr(action, "rule_results_as_dicts") else ()
        for rule in rules:
            self._add_rule(number, rule)

    def _add_metrics(self, number: int, action: Any) -> None:
        # The hot loop, hundreds to thousands of metrics per workload: a metric has one unit and one kind
        # throughout a report, and every call into the library costs as much as ten lines here.
        by_name = action.metric_by_name
        codes, is_number = self._metric_codes, self._metric_is_number
        add_code, add_value, add_text = (
            self._metric_code.append,
            self._metric_value.append,
            self._metric_text.append,
        )
        before = len(self._metric_code)
        for name in action.metric_names():
            metric = by_name(name)
            code = codes.get(name)
            if code is None:
                code = self._new_metric(name, metric)
            add_code(code)
            if is_number[code] and (value := metric.as_double()) and isfinite(value):
                add_value(value)
                add_text(None)
            else:
                value, text = self._value_or_text(metric)
                add_value(value)
                add_text(text)
        self._metric_action.extend([number] * (len(self._metric_code) - before))

    def _new_metric(self, name: str, metric: Any) -> int:
        code = self._metric_codes[name] = len(self._metric_codes)
        self._metric_is_number.append(metric.kind() in self._numbers)
        self._metric_units.append(self._unit_codes.setdefault(metric.unit() or "", len(self._unit_codes)))
        return code

    def _value_or_text(self, metric: Any) -> tuple[float | None, str | None]:
        # Without a value the library answers 0: absence must stay absence.
        if not metric.has_value():
            return None, None
        kind = metric.kind()
        if kind == self._string:
            return None, metric.as_string()
        if kind not in self._numbers:
            return None, None
        value = metric.as_double()
        return (value, None) if isfinite(value) else (None, str(value))

    def _add_nvtx(self, number: int, state: Any) -> None:
        if state is None:
            return
        for domain_id in state.domains():
            domain = state.domain_by_id(domain_id)
            name = domain.name()
            name = "" if name in (None, "<default domain>") else name
            path = ""
            for depth, text in enumerate(domain.push_pop_ranges()):
                path = f"{path}/{text}" if depth else text
                self._nvtx_rows.append((number, name, "pushpop", depth, text, path))
            # Start/end ranges do not nest: each is its own path.
            self._nvtx_rows.extend(
                (number, name, "startend", 0, text, text) for text in domain.start_end_ranges()
            )

    def _add_rule(self, number: int, rule: dict[str, Any]) -> None:
        message = rule.get("rule_message") or {}
        speedup = rule.get("speedup_estimation") or {}
        scope = {self._api.SpeedupType_LOCAL: "local", self._api.SpeedupType_GLOBAL: "global"}
        self._rule_rows.append(
            (
                number,
                rule.get("rule_identifier"),
                rule.get("section_identifier"),
                self._message_kinds.get(message.get("type"), "none"),
                message.get("title"),
                message.get("message"),
                speedup.get("speedup"),
                scope.get(speedup.get("type")),
            )
        )

    def columns(self) -> dict[str, dict[str, list[Any]]]:
        units = self._metric_units
        return {
            "ncu_actions": _transposed(
                ("action", "name", "demangled", "mangled", "workload"), self._action_rows
            ),
            "ncu_metrics": {
                "action": self._metric_action,
                "metric": [self._metric_code, list(self._metric_codes)],
                "unit": [[units[code] for code in self._metric_code], list(self._unit_codes)],
                "value": self._metric_value,
                "text": self._metric_text,
            },
            "ncu_nvtx": _transposed(("action", "domain", "style", "depth", "text", "path"), self._nvtx_rows),
            "ncu_rules": _transposed(
                (
                    "action",
                    "rule",
                    "section",
                    "kind",
                    "title",
                    "message",
                    "estimated_speedup_pct",
                    "speedup_scope",
                ),
                self._rule_rows,
            ),
        }


def _transposed(names: tuple[str, ...], rows: list[tuple[Any, ...]]) -> dict[str, list[Any]]:
    columns = zip(*rows, strict=True) if rows else ([] for _ in names)
    return {name: list(column) for name, column in zip(names, columns, strict=True)}
