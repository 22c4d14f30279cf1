"""What is installed, and what is missing for which purpose: each check is a row."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from traceql.errors import CollectError
from traceql.record import machine, tools

if TYPE_CHECKING:
    from collections.abc import Iterator

#: What a check is for. Reading reports needs no GPU and none of NVIDIA's tools.
Purpose = Literal["reading", "reports that traceql refuses", "recording", "vllm collectors", "pictures"]

#: Where the driver says who may read hardware counters.
DRIVER_PARAMETERS = Path("/proc/driver/nvidia/params")

_COUNTERS = "https://developer.nvidia.com/ERR_NVGPUCTRPERM"
_READING = ("duckdb", "polars", "pyarrow", "altair")
# Reads what the native reader of .ncu-rep refuses; an extra of traceql.
_LIBRARY = "ncu-report"
_CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


@dataclass(frozen=True)
class Check:
    """One check.

    Attributes:
        name: what was looked for.
        purpose: what it is needed for.
        ok: whether it is there.
        version: its version, or what else there is to say about it; None when nothing is known.
        remedy: how to get it; empty when it is there.
    """

    name: str
    purpose: Purpose
    ok: bool
    version: str | None = None
    remedy: str = ""


def checks() -> list[Check]:
    """Look for everything that reading and recording reports can need; nothing is started but the tools."""
    return [*_reading(), *_recording(), *_vllm(), _chromium()]


def _reading() -> Iterator[Check]:
    for name in _READING:
        version = _package(name)
        yield Check(name, "reading", version is not None, version, "" if version else f"pip install {name}")
    version = _package(_LIBRARY)
    remedy = "" if version else "pip install 'traceql[ncu]' (Linux x86-64, macOS arm64, Windows)"
    yield Check(_LIBRARY, "reports that traceql refuses", version is not None, version, remedy)


def _recording() -> Iterator[Check]:
    for tool in tools.SUFFIXES:
        try:
            tools.find(tool)
        except CollectError as error:
            yield Check(tool, "recording", False, None, error.remedy)
        else:
            version = tools.tool_version(tool)
            remedy = "" if version else f"It does not run; see what it says: {tool} --version"
            yield Check(tool, "recording", version is not None, version, remedy)
    gpus = machine.gpus()
    found = ", ".join(f"{gpu['name']} (driver {gpu['driver']})" for gpu in gpus) or None
    remedy = "" if gpus else "An NVIDIA GPU with its driver; nvidia-smi must list it."
    yield Check("gpu", "recording", bool(gpus), found, remedy)
    yield _counters(DRIVER_PARAMETERS)


def _counters(parameters: Path) -> Check:
    """Whether this user may read hardware counters, as ncu must."""
    name = "hardware counters"
    try:
        text = parameters.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return Check(name, "recording", False, None, "The NVIDIA driver is not loaded.")
    if "RmProfilingAdminOnly: 1" not in text:
        return Check(name, "recording", True, "for every user")
    if os.name == "posix" and os.geteuid() == 0:
        return Check(name, "recording", True, "for root")
    remedy = f"The driver gives them to administrators only: run as root, or see {_COUNTERS}"
    return Check(name, "recording", False, "for administrators", remedy)


def _vllm() -> Iterator[Check]:
    for name in ("torch", "vllm"):
        version = _package(name)
        remedy = "" if version else f"pip install {name}, for {sys.executable}"
        yield Check(name, "vllm collectors", version is not None, version, remedy)


def _chromium() -> Check:
    found = next((path for name in _CHROMIUM if (path := shutil.which(name))), None)
    remedy = "" if found else "Install Chromium, for example: apt-get install chromium"
    return Check("chromium", "pictures", found is not None, found and Path(found).name, remedy)


def _package(name: str) -> str | None:
    try:
        version = importlib.metadata.version(name)
        # A damaged installation leaves its name behind.
        return version if importlib.util.find_spec(name.replace("-", "_")) else None
    except ImportError:
        return None
