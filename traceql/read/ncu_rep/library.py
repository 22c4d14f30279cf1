"""Nsight Compute reports through NVIDIA's library, ``ncu_report``.

It never raises on bad files, hides truncation and keeps memory, so the blocks are walked first (`container`),
and it is used in a process of its own, one per report (`worker`).
"""

from __future__ import annotations

import importlib.util
from math import isfinite
from typing import TYPE_CHECKING, Any

from traceql.errors import TruncatedReportError, UnsupportedReportError
from traceql.read.ncu_rep import labels
from traceql.read.ncu_rep.container import walk
from traceql.read.ncu_rep.instances import BY_INSTRUCTION, is_wanted
from traceql.read.ncu_rep.results import untold
from traceql.read.ncu_rep.sources import line_text, lines_of
from traceql.read.ncu_rep.tables import coded, range_paths, report, require_workloads, transposed
from traceql.read.protobuf import as_signed

if TYPE_CHECKING:
    from pathlib import Path

    from traceql.read.base import Progress, RawReport, Wanted
    from traceql.read.ncu_rep.tables import Columns

_WORKLOADS = {"KERNEL": "kernel", "RANGE": "range", "CMDLIST": "cmdlist", "GRAPH": "graph"}
_MESSAGE_KINDS = {
    "NONE": "none",
    "OK": "ok",
    "OPTIMIZATION": "optimization",
    "WARNING": "warning",
    "ERR": "error",
}

_SEVERITIES = ("DEFAULT", "LOW", "HIGH")


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
        TruncatedReportError: the file is cut short, or the library finds fewer workloads than it announces.
        ReportError: the file is damaged or holds no profiled workload.
        UnsupportedReportError: ``ncu_report`` is not installed.
    """
    container = walk(path)
    require_workloads(container, path)
    index, parts = part
    workloads = range(container.results * index // parts, container.results * (index + 1) // parts)
    collected = _collect(path, container.results, workloads, progress)
    if index == 0:
        collected["ncu_labels"] = labels.table(labels.of_report(path, container))
        collected |= untold(path, container)
    return report(container, collected, first=index == 0)


def _collect(path: Path, expected: int, workloads: range, progress: Progress) -> Columns:
    """The columns of the `workloads` of a report that announces `expected`."""
    if importlib.util.find_spec("ncu_report") is None:
        raise UnsupportedReportError(
            f"{path.name}: NVIDIA's ncu-report package is not installed",
            "It exists for Linux x86-64, macOS arm64 and Windows: pip install 'traceql[ncu]'. Or leave "
            "--via ncu_report away: traceql reads most reports itself.",
        )
    import ncu_report

    context = ncu_report.load_report(str(path.absolute()))
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
        self._severities = {
            getattr(ncu_report, f"FocusSeverity_{name}"): name.lower()
            for name in _SEVERITIES
            if hasattr(ncu_report, f"FocusSeverity_{name}")
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
        self._instance_rows: list[tuple[Any, ...]] = []
        self._instruction_rows: list[tuple[Any, ...]] = []
        self._focus_rows: list[tuple[Any, ...]] = []
        self._marker_rows: list[tuple[Any, ...]] = []
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
        self._add_instances(number, action)
        self._add_nvtx(number, action.nvtx_state())
        # Newer than the oldest supported ncu_report: without it there is no advice, but all the rest.
        rules = action.rule_results_as_dicts() if hasattr(action, "rule_results_as_dicts") else ()
        for rule in rules:
            self._add_rule(number, rule)
        for marker in action.source_markers() if hasattr(action, "source_markers") else ():
            self._add_marker(number, marker)

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

    def _add_instances(self, number: int, action: Any) -> None:
        addresses: set[int] = set()
        for name in filter(is_wanted, action.metric_names()):
            metric = action.metric_by_name(name)
            count = metric.num_instances()
            if not count:
                continue
            ids = metric.correlation_ids() if metric.has_correlation_ids() else None
            named = [ids.value(place) for place in range(count)] if ids is not None else [None] * count
            for place, key in enumerate(named):
                # has_value of an instance says anything; without one, its kind is none of those known.
                value = metric.value(place)
                text = value if isinstance(value, str) else None
                if isinstance(value, float) and not isfinite(value):
                    value, text = None, str(value)
                self._instance_rows.append(
                    (
                        number,
                        name,
                        key if isinstance(key, int) else None,
                        key if isinstance(key, str) else None,
                        None if isinstance(value, str) else value,
                        text,
                    )
                )
            if name in BY_INSTRUCTION:
                addresses.update(key for key in named if isinstance(key, int))
        if addresses:
            texts = {name: lines_of(content) for name, content in action.source_files().items() if content}
            for address in sorted(addresses):
                self._add_instruction(number, action, address, texts)

    def _add_instruction(self, number: int, action: Any, address: int, texts: dict[str, list[str]]) -> None:
        sass, info = action.sass_by_pc(address), action.source_info(address)
        if not sass and info is None:
            return
        file, line = (info.file_name(), info.line()) if info is not None else (None, None)
        text = line_text(texts, file, line) if file is not None and line is not None else None
        self._instruction_rows.append((number, address, sass or None, file, line, text))

    def _add_marker(self, number: int, marker: dict[str, Any]) -> None:
        place = marker.get("source_location") or {}
        self._marker_rows.append(
            (
                number,
                marker.get("rule_identifier"),
                marker.get("section_identifier"),
                self._message_kinds.get(marker.get("message_type"), "none"),
                marker.get("message"),
                marker.get("source_address"),
                place.get("file_name"),
                place.get("line"),
            )
        )

    def _add_nvtx(self, number: int, state: Any) -> None:
        if state is None:
            return
        for domain_id in state.domains():
            domain = state.domain_by_id(domain_id)
            name = domain.name()
            name = "" if name in (None, "<default domain>") else name
            stack = list(domain.push_pop_ranges())
            self._nvtx_rows.extend(
                (number, name, "pushpop", depth, text, path, *self._attributes(domain.push_pop_range(depth)))
                for depth, (text, path) in enumerate(zip(stack, range_paths(stack), strict=True))
            )
            # Start/end ranges do not nest: each is its own path.
            self._nvtx_rows.extend(
                (
                    *(number, name, "startend", 0, text, next(range_paths([text]))),
                    *self._attributes(domain.start_end_range(place)),
                )
                for place, text in enumerate(domain.start_end_ranges())
            )

    def _attributes(self, of: Any) -> tuple[str | None, int | None, str | None]:
        """Category, colour and payload of a range; of a category the library tells no name."""
        if of is None or not of.has_attributes():
            return None, None, None
        category, color = of.category(), of.color()
        return str(category) if category else None, color or None, self._payload(of)

    def _payload(self, of: Any) -> str | None:
        ranged, kind = self._api.INvtxRange, of.payload_type()
        if kind in (ranged.PayloadType_PAYLOAD_UINT64, ranged.PayloadType_PAYLOAD_UINT32):
            return str(of.payload_as_uint64())
        if kind in (ranged.PayloadType_PAYLOAD_INT64, ranged.PayloadType_PAYLOAD_INT32):
            return str(as_signed(of.payload_as_uint64()))
        if kind in (ranged.PayloadType_PAYLOAD_DOUBLE, ranged.PayloadType_PAYLOAD_FLOAT):
            return str(of.payload_as_double())
        return str(of.payload_as_string()) if kind == ranged.PayloadType_PAYLOAD_JSON else None

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
        self._focus_rows.extend(
            (
                number,
                rule.get("rule_identifier"),
                rule.get("section_identifier"),
                metric.get("name"),
                metric.get("value"),
                self._severities.get(metric.get("severity")),
                metric.get("info"),
            )
            for metric in rule.get("focus_metrics") or ()
        )

    def columns(self) -> Columns:
        units = self._metric_units
        return {
            "ncu_actions": transposed("ncu_actions", self._action_rows),
            "ncu_metrics": {
                "action": self._metric_action,
                "metric": (self._metric_code, list(self._metric_codes)),
                "unit": ([units[code] for code in self._metric_code], list(self._unit_codes)),
                "value": self._metric_value,
                "text": self._metric_text,
            },
            "ncu_instances": coded(transposed("ncu_instances", self._instance_rows), "metric", "id_text"),
            "ncu_instructions": transposed("ncu_instructions", self._instruction_rows),
            "ncu_nvtx": transposed("ncu_nvtx", self._nvtx_rows),
            "ncu_rules": transposed("ncu_rules", self._rule_rows),
            "ncu_focus": transposed("ncu_focus", self._focus_rows),
            "ncu_markers": transposed("ncu_markers", self._marker_rows),
        }
