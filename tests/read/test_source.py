"""The hash of a report, which is computed while it is read."""

from __future__ import annotations

import hashlib
import threading
from concurrent.futures import CancelledError
from typing import TYPE_CHECKING

import pytest

from traceql.read import source

if TYPE_CHECKING:
    from pathlib import Path


def test_the_hash_is_that_of_the_bytes(tmp_path: Path) -> None:
    report = tmp_path / "run.nsys-rep"
    report.write_bytes(bytes(range(256)) * 5000)
    with source.open_source(report) as found:
        assert found.sha256 == hashlib.sha256(report.read_bytes()).hexdigest()
        assert found.size_bytes == 256 * 5000
    assert source.digest_of(report) == found.sha256


def test_a_folder_has_the_size_of_its_files_and_an_empty_one_none(tmp_path: Path) -> None:
    with source.open_source(tmp_path) as found:
        assert (found.size_bytes, found.sha256) == (0, hashlib.sha256().hexdigest())
    (tmp_path / "A.parquet").write_bytes(b"12345")
    (tmp_path / "B.parquet").write_bytes(b"678")
    with source.open_source(tmp_path) as found:
        assert found.size_bytes == 8 and found.sha256 == source.digest_of(tmp_path)


def test_the_hash_of_a_part_of_a_report_is_nobodys(tmp_path: Path) -> None:
    report = tmp_path / "run.nsys-rep"
    report.write_bytes(bytes(1000))
    over = threading.Event()
    over.set()
    with pytest.raises(CancelledError):
        source._hash(report, None, over)
