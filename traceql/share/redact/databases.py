"""The tables of a traceql database without what is private in them; who copies a database asks for each.

Ingest leaves most of it out already. What it keeps on request goes (the environment), and texts follow the
same rules as in a report. Rows, ids and times stay; so do names of traces.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from traceql.share.redact import removed as kinds
from traceql.share.redact.names import FILTERS, NAMELESS
from traceql.share.redact.removed import unknown
from traceql.share.redact.strings import EVERYBODYS
from traceql.share.redact.texts import Facts, Texts
from traceql.share.redact.words import words
from traceql.tables import schema

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from traceql.share.redact.names import Names
    from traceql.share.redact.removed import Removed

_ENVIRONMENT: Final = "environment"

#: What becomes of a text → the columns with such texts. Words of traceql's or NVIDIA's own stay.
ACTIONS: Final[dict[str, frozenset[str]]] = {
    "word": words(
        "traces.profiler traces.format traces.sha256 traces.tool_version traces.gpu "
        "traces.driver_version traces.cuda_version traces.cpu traces.missing traces.unread gpus.gpu_name "
        "gpus.compute_capability kernels.workload kernels.launch_type api_calls.name "
        "kernel_clusters.scheduling_policy graph_events.event "
        "api_calls.layer memory_ops.kind memory_ops.copy_kind memory_ops.src_memory "
        "memory_ops.dst_memory memory_ops.migration_cause "
        "memory_events.operation memory_events.memory_kind syncs.sync_type "
        "memory_pool_events.operation memory_pool_events.pool_type library_calls.library "
        "library_calls.call_class directives.directive_kind directives.device_type "
        "profiler_overhead.overhead_type profiler_overhead.told_by "
        "nvtx_ranges.style um_gpu_page_faults.access_type gpu_samples.metric gpu_samples.unit "
        "counter_samples.source gpu_context_switches.switch_step streams.stream_type "
        "generic_events.source "
        "diagnostics.severity diagnostics.source doubts.table_name doubts.fault metrics.metric "
        "metrics.unit metrics.label metric_instances.instance_metric ncu_ranges.style advice.rule "
        "advice.section advice.kind advice.speedup_scope focus_metrics.focus_rule "
        "focus_metrics.focus_section focus_metrics.focus_metric focus_metrics.severity "
        "source_markers.marker_rule source_markers.marker_section source_markers.marker_kind "
        "launch_stacks.stack_kind cpu_samples.thread_state python_samples.thread_state "
        "thread_states.thread_state thread_states.wait_reason call_stacks.stack_kind "
        "runs.format runs.sha256 runs.gpu"
    ),
    "uuid": frozenset({"gpus.gpu_hash"}),
    "settings": frozenset({"traces.settings"}),
    "attributes": frozenset({"generic_events.attributes"}),
    "event": frozenset({"generic_events.name"}),
    "warning": frozenset({"doubts.text", "traces.warnings"}),
    "free": words(
        "traces.trace traces.file_name traces.tags diagnostics.text "
        "metrics.value_text metric_instances.instance_name metric_instances.instance_text "
        "advice.title advice.message focus_metrics.info source_markers.marker_message runs.sweep "
        "runs.file_name runs.tags run_metrics.metric"
    ),
    "name": words(
        "threads.thread streams.stream streams.context streams.device_name counter_samples.device "
        "counter_samples.metric counter_samples.unit memory_events.variable library_calls.name "
        "profiler_overhead.activity nvtx_ranges.domain nvtx_ranges.category nvtx_ranges.payload "
        "os_calls.name ncu_ranges.domain ncu_ranges.category ncu_ranges.payload run_metrics.unit"
    ),
    "program": frozenset({"processes.process"}),
    "path": words(
        "directives.source_file um_cpu_page_faults.source_file sass_instructions.source_file "
        "source_markers.marker_file launch_stacks.frame_file launch_stacks.frame_module "
        "call_stacks.frame_file call_stacks.frame_module"
    ),
    "source": frozenset({"sass_instructions.source_text", "sass_instructions.sass"}),
    "kernel": frozenset({"kernels.name", "kernels.demangled", "kernels.mangled", "directives.kernel"}),
    "range": frozenset({"nvtx_ranges.text", "ncu_ranges.text"}),
    "ranges": frozenset({"nvtx_ranges.path", "ncu_ranges.path"}),
    "function": words(
        "launch_stacks.frame_function call_stacks.frame_function directives.function "
        "directives.data_variable um_cpu_page_faults.instruction"
    ),
}
_ACTION_OF: Final = {column: action for action, columns in ACTIONS.items() for column in columns}

# The files of a lake.
_LAKE: Final = re.compile(
    r"lake\.json|lock|(?:traces|sweeps)/[^/]+\.json|numbers/\w+-\d+"
    rf"|(?:{'|'.join(schema.BY_NAME)})/\w+=\d+/[^/]+\.parquet"
)


def is_lake(folder: Path) -> bool:
    """Whether a folder is a lake, with nothing else in it."""
    members = [member for member in folder.rglob("*") if not member.is_dir() or member.is_symlink()]
    return not members or (
        (folder / "lake.json").is_file()
        and all(
            _LAKE.fullmatch(member.relative_to(folder).as_posix()) and not member.is_symlink()
            for member in members
        )
    )


def may_be_lake(place: Path) -> bool:
    """Whether a folder is read as a lake: the files of an export lie in its folder itself."""
    return place.is_dir() and not any(member.suffix in (".parquet", ".arrow") for member in place.iterdir())


# Tables whose rows may be of processes that were not profiled.
_OF_ALL_PROCESSES: Final = words(
    "processes threads cpu_samples thread_states generic_events profiler_overhead"
)
# Column → what its texts are called instead, with a number behind it.
_FOREIGN: Final = {
    "processes.process": "process",
    "threads.thread": "thread",
    "call_stacks.frame_function": "function",
    "call_stacks.frame_module": "file",
    "call_stacks.frame_file": "file",
}


# Events that a program labelled: whose name is the label, and the attribute that is one beside a function's.
_LABELLED: Final = "KHR_DEBUG_EVENTS"
_LABELS: Final = {"text": kinds.RANGE}
# A doubt about times of kernels or ranges, which names one of them.
_EXAMPLE: Final = re.compile(
    r"(?P<before>[\d,]+ of [\d,]+ (?P<table>kernels|nvtx_ranges) [^(]*\(for example )"
    r"(?!one without a name at )(?P<name>.*)(?P<after> at [-\d,.]+ ms\): [^()]*)",
    re.DOTALL,
)
# What ncu profiled as a whole is called as what it is.
_WORKLOADS: Final = frozenset({"range", "cmdlist", "graph"})


@dataclass(frozen=True)
class Foreign:
    """Whom the rows of a database are about that was not profiled.

    Attributes:
        processes: (trace, process).
        stacks: ids of stacks that nobody else was in.
    """

    processes: frozenset[tuple[int, int]] = frozenset()
    stacks: frozenset[int] = frozenset()

    @classmethod
    def of(cls, run: Callable[[str], pa.Table]) -> Foreign:
        """Those of a database.

        Args:
            run: answers a SELECT about it.
        """
        named = [
            table.name for table in schema.TABLES if {"process_id"} <= {one.name for one in table.columns}
        ]
        own = " UNION ".join(
            f"SELECT trace_id, process_id FROM {table}" for table in named if table not in _OF_ALL_PROCESSES
        )
        others = run(
            "SELECT trace_id, process_id FROM processes WHERE process_id IS NOT NULL "
            f"EXCEPT (SELECT * FROM ({own}))"
        )
        sampled = run(
            "SELECT DISTINCT stack_id, trace_id, process_id FROM cpu_samples WHERE stack_id IS NOT NULL"
        )
        processes = frozenset(zip(*(column.to_pylist() for column in others.columns), strict=True))
        stacks: dict[bool, set[int]] = {True: set(), False: set()}
        for stack, *process in zip(*(column.to_pylist() for column in sampled.columns), strict=True):
            stacks[tuple(process) in processes].add(stack)
        return cls(processes, frozenset(stacks[True] - stacks[False]))


class Tables:
    """The tables of one database.

    Args:
        file: its name, for errors.
        environment: (variable, content) that it keeps.
        names: what stands for names.
        removed: where it is counted what went.
        foreign: whom it is about that was not profiled.
    """

    def __init__(
        self,
        file: str,
        environment: Iterable[tuple[str, str]],
        names: Names,
        removed: Removed,
        foreign: Foreign = Foreign(),
    ) -> None:
        self._file = file
        self._foreign = foreign
        self._numbers: dict[tuple[str, str], int] = {}
        facts = Facts()
        for variable, content in environment:
            facts.environment(f"{variable}={content}")
            if variable == "WORKING_DIR":
                facts.folder(content)
            elif variable == "USER_NAME":
                facts.users.add(content)
        self._texts = Texts(facts, names, removed)
        self._removed = removed

    def redacted(self, name: str, rows: pa.Table) -> pa.Table:
        """The rows of a table as they may be shared.

        Raises:
            UnsupportedReportError: the table has a column of texts that is not known.
        """
        if name == _ENVIRONMENT:
            self._removed.add(kinds.ENVIRONMENT, rows.num_rows)
            return rows.slice(0, 0)
        if name not in schema.BY_NAME:
            raise unknown(self._file, "a table", name)
        changed = rows
        for index, column in enumerate(rows.schema):
            if _holds_texts(column.type):
                values = self._column(name, column.name, rows)
                if values is not None:
                    array = pa.chunked_array([pa.array(values, column.type)])
                    changed = changed.set_column(index, column, array)
        return changed

    def _column(self, table: str, column: str, rows: pa.Table) -> list[Any] | None:
        action = _ACTION_OF.get(f"{table}.{column}")
        if action is None:
            raise unknown(self._file, "a column of texts", f"{table}.{column}")
        if action == "word":
            return None
        values = rows[column].to_pylist()
        if f"{table}.{column}" in _FOREIGN:
            values = self._without_foreign(_FOREIGN[f"{table}.{column}"], rows, values)
        if action == "ranges":
            return self._paths(values, rows["text"].to_pylist())
        if action == "source" and not self._texts.names.keep_source:
            self._removed.add(kinds.CODE, sum(value not in (None, "") for value in values))
            return [None] * len(values)
        if action == "event":
            return self._events(values, rows["source"].to_pylist())
        change = self._change(action)
        known: dict[str, str] = {}

        def once(text: str) -> str:
            if text not in known:
                known[text] = change(text)
            return known[text]

        return [_each(value, once) for value in values]

    def _without_foreign(self, what: str, rows: pa.Table, texts: list[str | None]) -> list[str | None]:
        """The texts, but of what is about processes that were not profiled."""
        if "stack_id" in rows.column_names:
            strange = [stack in self._foreign.stacks for stack in rows["stack_id"].to_pylist()]
        else:
            processes = zip(rows["trace_id"].to_pylist(), rows["process_id"].to_pylist(), strict=True)
            strange = [process in self._foreign.processes for process in processes]
        return [
            self._nobody(what, text) if is_strange and text else text
            for text, is_strange in zip(texts, strange, strict=True)
        ]

    def _nobody(self, what: str, text: str) -> str:
        stays = {"file": EVERYBODYS.match, "function": NAMELESS.fullmatch}.get(what)
        if re.fullmatch(rf"{what}-\d+", text) or (stays and stays(text)):
            return text
        self._removed.add(kinds.FOREIGN)
        return f"{what}-{self._numbers.setdefault((what, text), len(self._numbers) + 1)}"

    def _change(self, action: str) -> Callable[[str], str]:
        texts = self._texts
        return {
            "free": texts.free,
            "name": texts.name,
            "program": texts.program,
            "path": texts.path,
            "source": texts.source,
            "kernel": lambda text: text if text in _WORKLOADS else self._called(text, kinds.KERNEL),
            "range": lambda text: self._called(text, kinds.RANGE),
            "uuid": self._uuid,
            "settings": lambda text: self._json(text, dict.fromkeys(FILTERS, kinds.KERNEL)),
            "warning": self._warning,
            "attributes": lambda text: self._json(text, _LABELS),
            "function": lambda text: self._called(text, kinds.FUNCTION),
        }[action]

    def _uuid(self, text: str) -> str:
        """The hash of a UUID that is nobody's: that of the GPU would tell it in other reports."""
        uuid = self._texts.numbered_uuid(text)
        return hashlib.md5(uuid.encode(), usedforsecurity=False).hexdigest()[:16]

    def _json(self, text: str, named: Mapping[str, str]) -> str:
        """What somebody's names may be in; `named` says under which keys names stand, and of what kind."""
        told = json.loads(text)
        if not isinstance(told, dict):
            raise unknown(self._file, "JSON", "no object")
        changed = {key: self._value(key, value, named) for key, value in told.items()}
        return text if changed == told else json.dumps(changed)

    def _value(self, key: str, value: Any, named: Mapping[str, str]) -> Any:
        if isinstance(value, str):
            return self._called(value, named[key]) if key in named else self._texts.free(value)
        if isinstance(value, list):
            return [self._value(key, one, named) for one in value]
        if isinstance(value, dict):
            return {self._texts.free(name): self._value(name, one, named) for name, one in value.items()}
        return value

    def _events(self, names: list[str | None], sources: list[str]) -> list[str | None]:
        """Names of functions and types stay; a label is what a program calls its work, as a range."""
        return [
            name and (self._called(name, kinds.RANGE) if source == _LABELLED else self._texts.name(name))
            for name, source in zip(names, sources, strict=True)
        ]

    def _warning(self, text: str) -> str:
        """A sentence, which may be about events, with one of them as an example."""
        if found := _EXAMPLE.fullmatch(text):
            kind = kinds.KERNEL if found["table"] == "kernels" else kinds.RANGE
            text = f"{found['before']}{self._called(found['name'], kind)}{found['after']}"
        return self._texts.free(text)

    def _called(self, text: str, kind: str) -> str:
        return self._texts.names.pseudonym(self._texts.name(text), kind, self._removed)

    def _paths(self, paths: list[str | None], texts: list[str | None]) -> list[str | None]:
        """Texts of ranges, from the outermost on: each is called as by itself."""
        known: dict[str, str] = {"": ""}
        pairs = {(path, text) for path, text in zip(paths, texts, strict=True) if path is not None}
        for path, text in sorted(pairs, key=lambda pair: (len(pair[0]), pair[0], pair[1] or "")):
            # A range without a text has a place in the path all the same.
            own = text or ""
            if path.endswith(f"/{own}"):
                outer = path[: len(path) - len(own) - 1]
                before = known.get(outer) or self._called(outer, kinds.RANGE)
                known[path] = f"{before}/{self._called(own, kinds.RANGE)}"
            else:
                known[path] = self._called(path, kinds.RANGE)
        return [None if path is None else known[path] for path in paths]


def _holds_texts(column_type: pa.DataType) -> bool:
    if pa.types.is_map(column_type):
        return True
    if pa.types.is_list(column_type) or pa.types.is_large_list(column_type):
        return _holds_texts(column_type.value_type)
    return not (
        pa.types.is_integer(column_type)
        or pa.types.is_floating(column_type)
        or pa.types.is_boolean(column_type)
        or pa.types.is_temporal(column_type)
        or pa.types.is_null(column_type)
    )


def _each(value: Any, change: Callable[[str], str]) -> Any:
    """A text, or all texts of a list or a map, changed; no two names of a map become one."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        names: dict[str, str] = {}
        for one in value:
            if isinstance(one, tuple):
                name = change(one[0])
                names[one[0]] = name if name not in names.values() else f"{name} {len(names) + 1}"
        return [
            (names[one[0]], _each(one[1], change)) if isinstance(one, tuple) else _each(one, change)
            for one in value
        ]
    return value
