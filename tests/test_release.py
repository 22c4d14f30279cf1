"""What is released: a wheel that needs no clone, a source archive it can be built from, one version everywhere."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from shipped import REPORTS

from traceql import __version__

pytestmark = pytest.mark.long
ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and the source archive."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-d", str(folder)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    return folder


@pytest.fixture(scope="module")
def installed(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the package alone, as pip unpacks the wheel; what it needs is there already."""
    folder = tmp_path_factory.mktemp("site")
    (wheel,) = built.glob("*.whl")
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--no-index",
        "--target",
        str(folder),
    ]
    subprocess.run([*command, str(wheel)], check=True)
    return folder


def run(site: Path, place: Path, *arguments: str) -> str:
    """What a command of the installed package prints, in a folder of its own."""
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    ended = subprocess.run(
        [sys.executable, "-P", "-m", "traceql", *arguments],
        cwd=place,
        env={**environment, "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        check=True,
    )
    return ended.stdout


def test_the_wheel_holds_the_package_and_nothing_else(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    rooms = {name.split("/")[0] for name in names}
    assert rooms == {"traceql", f"traceql-{__version__}.dist-info"}
    assert any(name.startswith("traceql/queries/") for name in names)
    assert any(name.startswith("traceql/scripts/collectors/") for name in names)
    assert not [name for name in names if "test" in name.lower() and "latest" not in name.lower()]
    assert wheel.stat().st_size < 2_000_000


def test_the_source_archive_can_be_built(built: Path, tmp_path: Path) -> None:
    (source,) = built.glob("*.tar.gz")
    with tarfile.open(source) as archive:
        archive.extractall(tmp_path, filter="data")
    (folder,) = tmp_path.iterdir()
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=folder,
        check=True,
        capture_output=True,
    )
    (again,), (wheel,) = tmp_path.glob("*.whl"), built.glob("*.whl")
    assert zipfile.ZipFile(again).namelist() == zipfile.ZipFile(wheel).namelist()


def test_the_installed_package_reads_asks_and_judges_by_itself(installed: Path, tmp_path: Path) -> None:
    report = REPORTS / "scv_baseline_vectorized.ncu-rep.xz"
    assert f"version {__version__}" in run(installed, tmp_path, "--version")
    run(installed, tmp_path, "ingest", str(report), "--name", "run")
    (first, *_) = json.loads(run(installed, tmp_path, "query", "dram-traffic", "-f", "json"))
    assert first["trace"] == "run"
    assert "nwor" in run(installed, tmp_path, "check", "--list")
    assert "vllm-decode-sweep" in run(installed, tmp_path, "collect", "--list")
    assert "H200" in run(installed, tmp_path, "gpu")
    run(installed, tmp_path, "report", "run", "-o", "report.html")
    assert (tmp_path / "report.html").stat().st_size > 10_000


def test_one_version_is_told_everywhere() -> None:
    assert re.search(
        rf"^version: {re.escape(__version__)}$", (ROOT / "CITATION.cff").read_text("utf-8"), re.MULTILINE
    )
    for template in ("bug", "question"):
        told = (ROOT / ".github" / "ISSUE_TEMPLATE" / f"{template}.yml").read_text("utf-8")
        assert "traceql info" in told and "--version" in told
