"""Native reader of Nsight Compute reports (``.ncu-rep``, ``.nsight-cuprof-report``).

NVIDIA ships the definitions of the messages in the file with the tool; what is known of them, and what is
proven, is told by ``docs/ncu-rep-format.md``. Units are not in the file, see `units`. What this reader does
not know it refuses; `library` reads the same tables through NVIDIA's ``ncu_report``, which is right where the
two differ.

Raw tables:

- ``ncu_session``: one row; when and with which tool the report was recorded.
- ``ncu_processes``: one row per profiled process.
- ``ncu_devices``: one row per GPU.
- ``ncu_actions``: one row per profiled workload, in the report's order.
- ``ncu_metrics``: one row per (workload, metric); ``value`` is NULL where the report has none.
- ``ncu_instances``: one row per (workload, metric, instance): by instruction, opcode, moment …
- ``ncu_instructions``: one row per (workload, instruction of the instances), where its code is held.
- ``ncu_nvtx``: one row per (workload, NVTX domain, enclosing range), outermost at depth 0.
- ``ncu_rules``: one row per (workload, rule result).
- ``ncu_focus``: one row per (workload, rule result, metric that the rule looked at).
- ``ncu_markers``: one row per (workload, rule result, instruction or source line that the rule means).
- ``ncu_stacks``: one row per (workload, frame of the native or the Python stack that launched it).
- ``ncu_streams``: one row per workload whose context or stream has a name, given with NVTX.
- ``ncu_labels``: one row per metric that a collected section shows, with its label there.

============ ==========================================================================
`container`  the file: blocks and their headers
`labels`     what the tool's pages call metrics
`options`    what ncu's command line says about the measurement
`results`    the profiled workloads → columns
`metrics`    thousands of metrics at once; `units` tells their units, `values` decodes numbers and texts
`instances`  what metrics count or sample by instruction, opcode or moment
`sources`    the code of modules and the source files in the report; `cubin` tells the lines of code
`stacks`     the calls that launched a workload
`library`    the profiled workloads through NVIDIA's library, in a process of their own
`tables`     columns → Arrow tables
============ ==========================================================================

``.ncu-repz`` is what newer versions of the tool write when asked to compress; no sample was at hand.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from traceql.errors import UnsupportedReportError
from traceql.read.ncu_rep.container import walk
from traceql.read.ncu_rep.results import RefusedError, collect
from traceql.read.ncu_rep.tables import report, require_workloads

if TYPE_CHECKING:
    from pathlib import Path

    from traceql.read.base import Progress, RawReport, Wanted
    from traceql.read.ncu_rep.results import Collected

_NAMED = 3


def read(
    path: Path,
    *,
    wanted: Wanted | None,  # noqa: ARG001 - all tables are small
    progress: Progress,
) -> RawReport:
    """Decode the report at `path`; see `base.ReadFunction`.

    Args:
        path: the report.
        wanted: not used.
        progress: told about workloads.

    Raises:
        TruncatedReportError: the file is cut short.
        ReportError: the file is damaged or holds no profiled workload.
        UnsupportedReportError: a workload is damaged, or not as it is known here.
    """
    container = walk(path)
    require_workloads(container, path)
    try:
        collected = collect(path, container, progress)
    except RefusedError as refused:
        raise UnsupportedReportError(
            f"{path.name}: {refused.what} (byte {refused.at})",
            "If the file is whole, NVIDIA's package can read it. It exists for Linux x86-64, macOS arm64 and "
            "Windows: pip install 'traceql[ncu]', and ingest the report again.",
        ) from refused
    return report(container, collected.columns, warnings=_warnings(collected))


def _warnings(collected: Collected) -> list[str]:
    warnings = []
    if without := collected.without_unit:
        named = ", ".join(sorted(without)[:_NAMED]) + (", …" if len(without) > _NAMED else "")
        warnings.append(f"The unit of {len(without):,} metrics is not known here: {named}.")
    if unread := collected.without_lines:
        warnings.append(f"Source lines of {len(unread):,} modules are not known: {unread[0]}.")
    return warnings
