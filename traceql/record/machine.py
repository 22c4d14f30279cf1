"""The machine that records: its GPUs, and the versions of what runs on it."""

from __future__ import annotations

import csv
import json
import re
import sys
from typing import TYPE_CHECKING, Any

from traceql.record.tools import said, tool_version

if TYPE_CHECKING:
    from collections.abc import Mapping

    from traceql.record.tools import Tool


def facts(tool: Tool | None, python: str | None, environment: Mapping[str, str]) -> dict[str, Any]:
    """Profiler, GPUs and versions, as they belong into a sidecar.

    Args:
        tool: the profiler.
        python: the interpreter that runs the profiled program, which may know other packages than this one.
        environment: of the profiled program.
    """
    found: dict[str, Any] = {"gpus": gpus(), "versions": packages(python, environment)}
    if tool is not None:
        found["profiler"] = {"name": tool, "version": tool_version(tool)}
    return found


_GPU_FIELDS = {
    "name": "name",
    "driver_version": "driver",
    "memory.total": "memory_mib",
    "clocks.sm": "sm_clock_mhz",
    "clocks.mem": "memory_clock_mhz",
    "clocks.max.sm": "max_sm_clock_mhz",
    "clocks.max.mem": "max_memory_clock_mhz",
    "power.limit": "power_limit_w",
    "temperature.gpu": "temperature_c",
    "compute_cap": "compute_capability",
}


def gpus() -> list[dict[str, Any]]:
    """The GPUs as nvidia-smi knows them: names, driver, clocks; empty without an NVIDIA driver."""
    answer = said(["nvidia-smi", f"--query-gpu={','.join(_GPU_FIELDS)}", "--format=csv,noheader,nounits"])
    if answer is None:
        return []
    rows = csv.reader(answer.splitlines(), skipinitialspace=True)
    return [
        {name: _number(value) for name, value in zip(_GPU_FIELDS.values(), row, strict=True)}
        for row in rows
        if len(row) == len(_GPU_FIELDS)
    ]


def _number(value: str) -> str | float | int:
    if re.fullmatch(r"\d+", value):
        return int(value)
    # A version such as 9.0 or 580.1 is a text; watts have two decimals.
    return float(value) if re.fullmatch(r"\d+\.\d\d", value) else value


_PACKAGES = ("torch", "vllm", "triton", "transformers")
_ASK_PACKAGES = f"""
import importlib.metadata as m, json, platform
found = {{"python": platform.python_version()}}
for name in {_PACKAGES!r}:
    try: found[name] = m.version(name)
    except m.PackageNotFoundError: pass
print(json.dumps(found))
"""


def packages(python: str | None, environment: Mapping[str, str]) -> dict[str, str]:
    """Versions of Python and of the packages that matter, as an interpreter knows them."""
    answer = said([python or sys.executable, "-c", _ASK_PACKAGES], environment)
    try:
        found = json.loads(answer or "{}")
    except ValueError:
        return {}
    return {str(name): str(version) for name, version in found.items()}
