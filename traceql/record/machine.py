"""The machine that records: its GPUs, and the versions of what runs on it."""

from __future__ import annotations

import csv
import json
import os
import re
from typing import TYPE_CHECKING, Any

from traceql.record.tools import said, tool_version

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from traceql.record.tools import Tool


def facts(tool: Tool | None, python: Sequence[str] | None, environment: Mapping[str, str]) -> dict[str, Any]:
    """Profiler, GPUs and versions, as they belong into a sidecar.

    Args:
        tool: the profiler.
        python: the command of the interpreter that runs the profiled program, which may know other packages
            than this one; None if none does.
        environment: of the profiled program.
    """
    found: dict[str, Any] = {"gpus": gpus(environment), "versions": packages(python, environment)}
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
# A driver 580.10 is none of 580.1.
_TEXTS = frozenset(("name", "driver", "compute_capability"))


def gpus(environment: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
    """The GPUs as nvidia-smi knows them: names, driver, clocks; empty without an NVIDIA driver.

    Args:
        environment: whose ``CUDA_VISIBLE_DEVICES`` says which GPUs are meant, and in which order; by default
            this process's.
    """
    answer = said(["nvidia-smi", f"--query-gpu={','.join(_GPU_FIELDS)}", "--format=csv,noheader,nounits"])
    rows = csv.reader((answer or "").splitlines(), skipinitialspace=True)
    found = [
        {
            name: value if name in _TEXTS else _number(value)
            for name, value in zip(_GPU_FIELDS.values(), row, strict=True)
            # "[N/A]": not known of this GPU.
            if not value.startswith("[")
        }
        for row in rows
        if len(row) == len(_GPU_FIELDS)
    ]
    visible = (os.environ if environment is None else environment).get("CUDA_VISIBLE_DEVICES")
    return found if visible is None else [found[place] for place in _places(visible, len(found))]


def indices(environment: Mapping[str, str]) -> set[int] | None:
    """The numbers by which nvidia-smi calls the GPUs that a program sees; None if it sees all."""
    visible = environment.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        return None
    count = len((said(["nvidia-smi", "--query-gpu=index", "--format=csv,noheader"]) or "").splitlines())
    return set(_places(visible, count))


def _places(visible: str, count: int) -> list[int]:
    """The numbers of the GPUs in ``CUDA_VISIBLE_DEVICES``; what follows one that is none is not seen."""
    known: dict[str, int] = {}
    places = []
    for text in (word.strip() for word in visible.split(",")):
        if re.fullmatch(r"\d{1,18}", text):
            place = int(text)
        else:
            known = known or _identifiers()
            place = next((number for name, number in known.items() if text and name.startswith(text)), count)
        if place >= count:
            break
        places.append(place)
    return list(dict.fromkeys(places))


def _identifiers() -> dict[str, int]:
    """The number of each GPU by its identifier and those of its parts (MIG)."""
    found, number = {}, -1
    for line in (said(["nvidia-smi", "-L"]) or "").splitlines():
        if match := re.match(r"GPU (\d+):", line):
            number = int(match[1])
        if match := re.search(r"UUID: ([^)]+)\)", line):
            found[match[1]] = number
    return found


def _number(value: str) -> str | float | int:
    if re.fullmatch(r"\d+", value):
        return int(value)
    return float(value) if re.fullmatch(r"\d+\.\d+", value) else value


_PACKAGES = ("torch", "vllm", "triton", "transformers")
_ASK_PACKAGES = f"""
import importlib.metadata as m, json, platform
found = {{"python": platform.python_version()}}
for name in {_PACKAGES!r}:
    try: found[name] = m.version(name)
    except m.PackageNotFoundError: pass
print(json.dumps(found))
"""


def packages(python: Sequence[str] | None, environment: Mapping[str, str]) -> dict[str, str]:
    """Versions of Python and of the packages that matter, as an interpreter knows them."""
    if python is None:
        return {}
    answer = said([*python, "-c", _ASK_PACKAGES], environment)
    try:
        found = json.loads((answer or "").strip().rpartition("\n")[2] or "{}")
    except ValueError:
        return {}
    return {str(name): str(version) for name, version in found.items()} if isinstance(found, dict) else {}


_FIND_PACKAGES = """
import importlib.util, json, sys
def is_there(name):
    found = importlib.util.find_spec(name)
    # A folder of that name, without a package in it, is none.
    return found is not None and found.origin is not None
print(json.dumps([name for name in sys.argv[1:] if not is_there(name)]))
"""


def lacking(names: Sequence[str], python: Sequence[str], environment: Mapping[str, str]) -> list[str]:
    """The packages that an interpreter does not find; none where it cannot be asked. Nothing is imported.

    Args:
        names: of the packages, as they are imported.
        python: the interpreter's command.
        environment: of the program that it will run.
    """
    answer = said([*python, "-c", _FIND_PACKAGES, *names], environment)
    found = json.loads(answer) if answer else []
    return [str(name) for name in found]
