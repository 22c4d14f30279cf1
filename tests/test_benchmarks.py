"""The generator of the benchmark's input writes files that the reader accepts."""

from __future__ import annotations

import importlib.util
import lzma
from pathlib import Path

from traceql.read.base import no_progress
from traceql.read.nsys_rep import read

ROOT = Path(__file__).parent.parent
FIXTURE = ROOT / "tests" / "fixtures" / "reports" / "scv_baseline_off.nsys-rep.xz"


def test_a_report_with_its_events_three_times_has_three_times_the_rows(tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location(
        "nsys_rep_decode", ROOT / "benchmarks" / "nsys_rep_decode.py"
    )
    assert spec is not None
    assert spec.loader is not None
    benchmark = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(benchmark)

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
