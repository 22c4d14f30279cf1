"""The shipped reports are the ones that the manifests describe; neither they nor the results hold anything private."""

from __future__ import annotations

import lzma
import re
import tomllib
from pathlib import Path

import pytest
from shipped import EXPECTED, REPORTS, RESULTS

from traceql.read.base import no_progress
from traceql.read.nsys_rep import read
from traceql.read.source import open_source

MANIFEST = tomllib.loads((REPORTS.parent / "MANIFEST.toml").read_text(encoding="utf-8"))
MANIFEST_OF_RESULTS = tomllib.loads((RESULTS / "data" / "MANIFEST.toml").read_text(encoding="utf-8"))
SHIPPED = sorted(REPORTS.iterdir())
RECORDED = sorted((RESULTS / "data").glob("*.xz"))


@pytest.mark.parametrize("path", SHIPPED + RECORDED, ids=lambda p: p.name)
def test_a_report_is_the_one_in_the_manifest(path: Path) -> None:
    entry = (MANIFEST if path in SHIPPED else MANIFEST_OF_RESULTS)[path.name]
    with open_source(path) as source:
        assert source.sha256 == entry["sha256"]
    assert {"tool", "gpu", "source", "licence", "content"} <= set(entry)


def test_the_manifest_describes_nothing_else() -> None:
    assert set(MANIFEST) == {path.name for path in SHIPPED}
    assert set(MANIFEST_OF_RESULTS) == {path.name for path in RECORDED}


# Paths of people's home folders and of machines, as they appear in environments and command lines. The one
# that ncu makes for its section files says nothing about anybody.
PRIVATE = re.compile(
    rb"/(?:home|root|Users|work|mnt|scratch)/(?!Documents/NVIDIA Nsight Compute/)[\w.-]+/"
    rb"|LD_LIBRARY_PATH=|HOSTNAME=|SSH_|API_KEY"
)


@pytest.mark.parametrize("path", SHIPPED + RECORDED + sorted(EXPECTED.rglob("*.xz")), ids=lambda p: p.name)
def test_a_fixture_holds_no_home_folder_and_no_environment(path: Path) -> None:
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    for file in files:
        content = lzma.decompress(file.read_bytes()) if file.suffix == ".xz" else file.read_bytes()
        assert (found := PRIVATE.search(content)) is None, found


# A path from the root, unless it belongs to a URL; the number of a process; an address (versions have four parts
# too, the first of which is a year).
OF_A_MACHINE = re.compile(
    r"(?<![\w.:/<~-])/(?:[\w.+-]+/)+[\w.+-]|\bpid[=:]\s*\d|\bprocess \d|\b(?!20\d\d)\d{1,4}\.\d+\.\d+\.\d+\b"
)


@pytest.mark.parametrize(
    "path",
    sorted(p for p in RESULTS.rglob("*") if p.is_file() and p.suffix not in (".xz", ".svg")),
    ids=lambda p: p.name,
)
def test_a_result_tells_nothing_about_the_machine_that_recorded_it(path: Path) -> None:
    content = path.read_text(encoding="utf-8")
    assert (found := PRIVATE.search(content.encode())) is None, found
    assert (machine := OF_A_MACHINE.search(content)) is None, machine


@pytest.mark.parametrize(
    "text", ["--out=/tmp/x/y", "see /opt/venv/bin/python", "pid=7", "process 12", "10.0.0.7"]
)
def test_what_tells_about_a_machine_is_recognised(text: str) -> None:
    assert OF_A_MACHINE.search(text)


PACKED = [
    p
    for p in RECORDED + SHIPPED
    if ".nsys-rep" in p.name
    and (p in RECORDED or p.name.startswith(("late_rank", "habit", "clocks", "repeat", "slowed")))
]


@pytest.mark.parametrize("path", PACKED, ids=lambda p: p.name)
def test_the_texts_packed_into_a_report_name_no_folder(path: Path, tmp_path: Path) -> None:
    """Most blocks of an .nsys-rep are compressed: only decoded do they show what they hold."""
    plain = tmp_path / path.stem
    plain.write_bytes(lzma.decompress(path.read_bytes()))
    report = read(plain, wanted=None, progress=no_progress)
    texts = {
        value
        for columns in report.tables.values()
        for name in columns.column_names
        for value in columns.select([name])[name].unique().to_pylist()
        if isinstance(value, str)
    }
    assert len(texts) > 100
    # Numbers that stand for paths, once for all that are the same.
    told = {re.sub(r"/redacted/\d+", "", text) for text in texts if not text.startswith("/scrubbed/")}
    assert not [text for text in told if OF_A_MACHINE.search(text)]
    assert report.environment == [("COMMAND_LINE", "python3")]
