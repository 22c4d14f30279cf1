"""Who may read hardware counters: the driver's setting, the capabilities of this process, containers."""

from __future__ import annotations

import os
import re
from pathlib import Path

#: What profilers print when the driver refuses the counters.
COUNTERS_REFUSED = "ERR_NVGPUCTRPERM"
#: Where the driver says who may read them.
DRIVER_PARAMETERS = Path("/proc/driver/nvidia/params")
STATUS = Path("/proc/self/status")

_PAGE = f"https://developer.nvidia.com/{COUNTERS_REFUSED}"
# Bits of CapEff: the driver gives counters to those with either; older drivers know the first alone.
_CAPABILITIES = {"CAP_SYS_ADMIN": 21, "CAP_PERFMON": 38}
# What tells a container, by the tool that runs it.
_MARKS = {"/.dockerenv": "docker", "/run/.containerenv": "podman"}


def capabilities(status: Path | None = None) -> list[str] | None:
    """Which capabilities for counters this process has; None where they are not known (not on Linux)."""
    try:
        text = (status or STATUS).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    found = re.search(r"^CapEff:\s*([0-9a-fA-F]+)\s*$", text, re.MULTILINE)
    if found is None:
        return None
    return [name for name, bit in _CAPABILITIES.items() if int(found[1], 16) >> bit & 1]


def for_administrators(parameters: Path | None = None) -> bool | None:
    """Whether the driver gives counters to administrators alone; None where there is no driver."""
    try:
        text = (parameters or DRIVER_PARAMETERS).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    return "RmProfilingAdminOnly: 1" in text


def container() -> str | None:
    """The tool whose container this runs in; None outside of one."""
    for mark, tool in _MARKS.items():
        if Path(mark).exists():
            return tool
    if "KUBERNETES_SERVICE_HOST" in os.environ:
        return "kubernetes"
    # systemd-nspawn, LXC and others say so in this variable.
    return "apptainer" if "APPTAINER_NAME" in os.environ else os.environ.get("container")  # noqa: SIM112


def remedy(where: str | None = None) -> str:
    """How a user gets the counters that the driver refuses, in a container or outside of one."""
    where = where if where is not None else container()
    for_all = "or let an administrator load the driver with NVreg_RestrictProfilingToAdminUsers=0"
    if where == "kubernetes":
        how = 'Give the pod securityContext.capabilities.add: ["SYS_ADMIN"]'
    elif where in ("docker", "podman"):
        how = f"Start the container with {where} run --cap-add=SYS_ADMIN"
    else:
        how = "Run as root (sudo)"
    return f"{how}, {for_all}: {_PAGE}"
