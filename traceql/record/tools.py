"""nsys and ncu: where they are, and which version."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from traceql.errors import CollectError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Tool = Literal["nsys", "ncu"]

SUFFIXES: dict[Tool, str] = {"nsys": ".nsys-rep", "ncu": ".ncu-rep"}

# Where NVIDIA's installers put the tools, when they are not on the PATH; the newest version wins.
_PLACES: dict[Tool, tuple[str, ...]] = {
    "nsys": ("/usr/local/cuda*/bin/nsys", "/opt/nvidia/nsight-systems/*/bin/nsys"),
    "ncu": ("/usr/local/cuda*/bin/ncu", "/opt/nvidia/nsight-compute/*/ncu"),
}
#: What is said to whom lacks one.
HOW_TO_GET: dict[Tool, str] = {
    "nsys": "Install Nsight Systems: https://developer.nvidia.com/nsight-systems",
    "ncu": "Install Nsight Compute: https://developer.nvidia.com/nsight-compute",
}


def tool_version(tool: Tool) -> str | None:
    """The version that a profiler prints; None if it is not installed or prints none."""
    try:
        answer = said([find(tool), "--version"]) or ""
    except CollectError:
        return None
    match = re.search(r"[Vv]ersion (\d+\.\d+[.\d]*)", answer)
    return match[1] if match else None


def find(tool: str) -> str:
    """Where nsys or ncu is: on the PATH, or where NVIDIA's installers put it.

    Raises:
        CollectError: nowhere.
    """
    if (found := shutil.which(tool)) is not None:
        return found
    name: Tool = "nsys" if tool == "nsys" else "ncu"
    for pattern in _PLACES[name]:
        candidates = [path for path in Path("/").glob(pattern.lstrip("/")) if os.access(path, os.X_OK)]
        if candidates:
            return str(
                max(candidates, key=lambda path: [int(part) for part in re.findall(r"\d+", str(path))])
            )
    raise CollectError(f"no {tool} on the PATH", HOW_TO_GET[name])


def said(command: Sequence[str], environment: Mapping[str, str] | None = None) -> str | None:
    """What a command prints; None when it cannot be run or fails."""
    try:
        result = subprocess.run(
            list(command),
            env=dict(environment) if environment is not None else None,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=60,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return result.stdout if result.returncode == 0 else None
