"""The shipped reports are the ones that the manifest describes, and hold nothing private."""

from __future__ import annotations

import lzma
import re
import tomllib
from pathlib import Path

import pytest
from conftest import EXPECTED, REPORTS

from traceql.readers.source import open_source

MANIFEST = tomllib.loads((REPORTS.parent / "MANIFEST.toml").read_text(encoding="utf-8"))
SHIPPED = sorted(REPORTS.iterdir())


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: p.name)
def test_a_report_is_the_one_in_the_manifest(path: Path) -> None:
    entry = MANIFEST[path.name]
    with open_source(path) as source:
        assert source.sha256 == entry["sha256"]
    assert {"tool", "gpu", "source", "licence", "content"} <= set(entry)


def test_the_manifest_describes_nothing_else() -> None:
    assert set(MANIFEST) == {path.name for path in SHIPPED}


# Paths of people's home folders and of machines, as they appear in environments and command lines. The one
# that ncu makes for its section files says nothing about anybody.
PRIVATE = re.compile(
    rb"/(?:home|root|Users|work|mnt|scratch)/(?!Documents/NVIDIA Nsight Compute/)[\w.-]+/"
    rb"|LD_LIBRARY_PATH=|HOSTNAME=|SSH_|API_KEY"
)


@pytest.mark.parametrize("path", SHIPPED + sorted(EXPECTED.rglob("*.xz")), ids=lambda p: p.name)
def test_a_fixture_holds_no_home_folder_and_no_environment(path: Path) -> None:
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    for file in files:
        content = lzma.decompress(file.read_bytes()) if file.suffix == ".xz" else file.read_bytes()
        assert (found := PRIVATE.search(content)) is None, found
