"""What is installed, and what is missing for which purpose: each check is a row."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from traceql.errors import CollectError
from traceql.record import machine, permissions, tools

if TYPE_CHECKING:
    from collections.abc import Iterator

#: What a check is for. Reading reports needs no GPU and none of NVIDIA's tools.
Purpose = Literal["reading", "reports that traceql refuses", "recording", "vllm collectors", "pictures"]

# Those of what is done with reports that are there.
_OF_READING = ("reading", "reports that traceql refuses", "pictures")
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

    @property
    def of_reading(self) -> bool:
        """Whether it is for reports that are there, and not for recording new ones."""
        return self.purpose in _OF_READING


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
    yield from _importer()
    gpus = machine.gpus()
    found = ", ".join(f"{gpu['name']} (driver {gpu['driver']})" for gpu in gpus) or None
    remedy = "" if gpus else "An NVIDIA GPU with its driver; nvidia-smi must list it."
    yield Check("gpu", "recording", bool(gpus), found, remedy)
    yield _counters(permissions.DRIVER_PARAMETERS, permissions.STATUS)


def _importer() -> Iterator[Check]:
    """What makes a report of what nsys recorded; installations for targets alone come without it."""
    name = "nsys importer"
    try:
        nsys = Path(tools.find("nsys")).resolve()
    except (CollectError, OSError):
        return
    # The program lies in a folder for targets, beside which there is one for hosts; nothing is known about an
    # nsys that lies elsewhere, for example behind a script.
    for folder in (*nsys.parents[:3], *_behind(nsys)):
        if not any(folder.glob("target-linux-*")):
            continue
        found = next(folder.glob("host-linux-*/QdstrmImporter"), None)
        remedy = (
            "" if found else "Install all of Nsight Systems; or import what it leaves (.qdstrm) elsewhere."
        )
        yield Check(name, "recording", found is not None, found.parent.name if found else None, remedy)
        return


def _behind(script: Path) -> list[Path]:
    """The installations that a script of the CUDA toolkit looks into."""
    try:
        with script.open("rb") as file:
            text = file.read(1 << 16)
    except OSError:
        return []
    if not text.startswith(b"#!"):
        return []
    found = re.findall(rb"/opt/nvidia/nsight-systems/[\w.-]+", text)
    return [Path(place.decode()) for place in dict.fromkeys(found)]


def _counters(parameters: Path, status: Path) -> Check:
    """Whether this user may read hardware counters, as ncu must."""
    name = "hardware counters"
    where = permissions.container()
    restricted = permissions.for_administrators(parameters)
    if restricted is None:
        remedy = "The NVIDIA driver is not loaded."
        if where:
            remedy = f"The NVIDIA driver is not seen in this container ({where}): start it with its GPUs."
        return Check(name, "recording", False, None, remedy)
    if not restricted:
        return Check(name, "recording", True, "for every user")
    # Root alone is not enough: in a container it may lack the capability.
    capabilities = permissions.capabilities(status)
    if capabilities:
        return Check(name, "recording", True, f"by {', '.join(capabilities)}")
    inside = f", and this container ({where}) has neither capability" if where else ""
    about = f"for administrators only (CAP_SYS_ADMIN; newer drivers: CAP_PERFMON){inside}"
    return Check(name, "recording", False, about, permissions.remedy(where or ""))


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
