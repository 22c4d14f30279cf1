"""The generators of the benchmarks' inputs write files that the reader accepts."""

from __future__ import annotations

import importlib.util
import lzma
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from traceql.read.base import no_progress
from traceql.read.nsys_export import read as read_export
from traceql.read.nsys_rep import read

if TYPE_CHECKING:
    from types import ModuleType

    from traceql.read.base import RawReport

ROOT = Path(__file__).parent.parent
FIXTURE = ROOT / "tests" / "fixtures" / "reports" / "scv_baseline_off.nsys-rep.xz"


def benchmark_called(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "benchmarks" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    benchmark = importlib.util.module_from_spec(spec)
    sys.modules[name] = benchmark
    spec.loader.exec_module(benchmark)
    return benchmark


def test_a_report_with_its_events_three_times_has_three_times_the_rows(tmp_path: Path) -> None:
    benchmark = benchmark_called("nsys_rep_decode")

    original, tripled = tmp_path / "once.nsys-rep", tmp_path / "thrice.nsys-rep"
    original.write_bytes(lzma.decompress(FIXTURE.read_bytes()))
    tripled.write_bytes(benchmark.repeated(original.read_bytes(), 3))
    once = read(original, wanted=None, progress=no_progress)
    thrice = read(tripled, wanted=None, progress=no_progress)

    for table in ("CUPTI_ACTIVITY_KIND_KERNEL", "CUPTI_ACTIVITY_KIND_RUNTIME", "NVTX_EVENTS"):
        names = once.tables[table].column_names
        rows = once.tables[table].select(names).to_pylist()
        assert thrice.tables[table].select(names).to_pylist() == rows * 3
    assert once.complete
    assert thrice.complete


LATER = ("CUPTI_ACTIVITY_KIND_KERNEL", "CUPTI_ACTIVITY_KIND_RUNTIME")


def assert_repeated_later(once: RawReport, thrice: RawReport) -> None:
    """Each repetition begins where the one before it ended, with ids of its own; all else is as it was."""
    (span_ns,) = once.tables["ANALYSIS_DETAILS"].select(["duration"]).to_pydict()["duration"]
    assert thrice.tables["ANALYSIS_DETAILS"].select(["duration"]).to_pydict() == {"duration": [3 * span_ns]}
    further = set()
    for name in LATER:
        columns = once.tables[name].column_names
        rows = once.tables[name].select(columns).to_pylist()
        more = thrice.tables[name].select(columns).to_pylist()
        assert len(more) == 3 * len(rows)
        for place, row in enumerate(more):
            before, later_ns = rows[place % len(rows)], place // len(rows) * span_ns
            further.add((place // len(rows), row["correlationId"] - before["correlationId"]))
            shifted = {"start": before["start"] + later_ns, "end": before["end"] + later_ns}
            assert row == {**before, **shifted, "correlationId": row["correlationId"]}
    ids = dict(further)
    assert len(further) == 3
    assert ids[0] == 0
    assert ids[2] == 2 * ids[1] > 0


def test_a_report_that_is_repeated_goes_on_with_new_times_and_ids(tmp_path: Path) -> None:
    original, tripled = tmp_path / "once.nsys-rep", tmp_path / "thrice.nsys-rep"
    original.write_bytes(lzma.decompress(FIXTURE.read_bytes()))
    benchmark_called("size").repeated_report(original, 3, tripled)
    once = read(original, wanted=None, progress=no_progress)
    thrice = read(tripled, wanted=None, progress=no_progress)
    assert_repeated_later(once, thrice)
    assert thrice.complete


def test_an_export_that_is_repeated_goes_on_with_new_times_and_ids(tmp_path: Path) -> None:
    original, tripled = FIXTURE.parent / "scv_baseline_graph_pqtdir", tmp_path / "thrice"
    benchmark_called("size").repeated_export(original, 3, tripled)
    once = read_export(original, wanted=None, progress=no_progress)
    assert_repeated_later(once, read_export(tripled, wanted=None, progress=no_progress))


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="memory of processes is read from /proc")
def test_storing_many_events_takes_what_it_may_take(tmp_path: Path) -> None:
    report = tmp_path / "run.nsys-rep"
    report.write_bytes(lzma.decompress(FIXTURE.read_bytes()))
    command = [sys.executable, str(ROOT / "benchmarks" / "size.py"), str(report), "0.3", "--check"]
    told = subprocess.run([*command, "--folder", str(tmp_path)], capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr
    head, line = told.stdout.splitlines()
    assert head.split()[:2] == ["events", "MB"]
    assert 250_000 < int(line.split()[0].replace(",", "")) < 350_000
    # What was made is gone.
    assert list(tmp_path.iterdir()) == [report]
