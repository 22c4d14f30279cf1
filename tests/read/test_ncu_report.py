"""NVIDIA's library as a fallback and an authority: who decodes an .ncu-rep, and what is said about it."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import ncu_rep_file as rep
import pytest
from decoded import refusing
from shipped import REPORTS

import traceql
from traceql.errors import ReportError, TruncatedReportError, UnsupportedReportError
from traceql.read import worker
from traceql.read.base import no_progress
from traceql.read.ncu_rep import library

if TYPE_CHECKING:
    from pathlib import Path

REPORT = REPORTS / "scv_graph_as_graph.ncu-rep.xz"
METRICS = "SELECT kernel_id, metric, unit, value, value_text FROM metrics ORDER BY ALL"


@pytest.fixture
def unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    """The native reader does not know what any report holds."""

    def something_new(path: Path) -> UnsupportedReportError:
        return UnsupportedReportError(
            f"{path.name}: something new (byte 12)", f"Read {path} with the library."
        )

    monkeypatch.setattr(worker, "decode", refusing("ncu-rep", something_new))


@pytest.mark.long
def test_the_library_decodes_when_it_is_asked_to(request: pytest.FixtureRequest) -> None:
    with traceql.open(":memory:") as db:
        db.ingest(REPORT)
        natively = db.sql(METRICS).rows()
        request.getfixturevalue("unknown")
        stored = db.ingest(REPORT, via="ncu_report", replace=True)
        assert not any("refused" in warning for warning in stored.warnings)
        assert len(natively) == 16_592
        assert [row[1:] for row in db.sql(METRICS).rows()] == [row[1:] for row in natively]
        assert db.sql("SELECT format FROM traces").rows() == [("ncu-rep",)]


@pytest.mark.long
@pytest.mark.usefixtures("unknown")
def test_the_library_steps_in_where_the_native_reader_refuses() -> None:
    with traceql.open(":memory:") as db:
        stored = db.ingest(REPORT)
        said = "The native reader refused it: scv_graph_as_graph.ncu-rep: something new (byte 12)."
        assert said in stored.warnings
        assert db.sql("SELECT count(*) FROM metrics").item() == 16_592
        with pytest.raises(UnsupportedReportError, match="something new") as caught:
            db.ingest(REPORT, via="native", replace=True)
        # The remedy names the report, not the unpacked copy of it.
        assert caught.value.remedy == "Read scv_graph_as_graph.ncu-rep with the library."


@pytest.mark.long
def test_a_report_that_only_the_library_can_read_is_read(tmp_path: Path) -> None:
    # A field of metrics that nobody here knows.
    metric = rep.metric(0, rep.value(3), (9, 1))
    path = tmp_path / "newer.ncu-rep"
    path.write_bytes(rep.report(rep.block([rep.kernel((13, metric))], strings=["dram__bytes_read.sum"])))
    with traceql.open(":memory:") as db:
        stored = db.ingest(path)
        assert any("a metric has an unknown field" in warning for warning in stored.warnings)
        assert db.sql("SELECT value FROM metrics").rows() == [(3.0,)]


@pytest.mark.usefixtures("unknown")
def test_without_the_library_the_refusal_stands(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with traceql.open(":memory:") as db, pytest.raises(UnsupportedReportError, match="something new"):
        db.ingest(REPORT)
    path = tmp_path / "small.ncu-rep"
    path.write_bytes(rep.with_metrics({"dram__bytes_read.sum": 3}))
    with pytest.raises(UnsupportedReportError, match="not installed") as caught:
        library.read(path, wanted=None, progress=no_progress)
    assert "pip install 'traceql[ncu]'" in caught.value.remedy


@pytest.mark.parametrize("via", ["auto", "native", "ncu_report"])
def test_a_truncated_report_is_refused_whoever_is_there_to_read_it(via: str, tmp_path: Path) -> None:
    path = tmp_path / "cut.ncu-rep"
    path.write_bytes(rep.with_metrics({"dram__bytes_read.sum": 3})[:-1])
    with traceql.open(":memory:") as db, pytest.raises(TruncatedReportError):
        db.ingest(path, via=via)  # type: ignore[arg-type]


@pytest.mark.parametrize("via", ["native", "ncu_report"])
def test_a_report_without_workloads_is_refused_whoever_reads_it(via: str, tmp_path: Path) -> None:
    path = tmp_path / "none.ncu-rep"
    path.write_bytes(rep.report(rep.block([], strings=["dram__bytes_read.sum"])))
    with traceql.open(":memory:") as db, pytest.raises(ReportError, match="no profiled workload"):
        db.ingest(path, via=via)  # type: ignore[arg-type]


def run(code: str, *arguments: str | Path) -> str:
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stderr


@pytest.mark.long
def test_reports_are_read_where_the_library_is_not_installed(tmp_path: Path) -> None:
    code = "import sys; sys.modules['ncu_report'] = None; from traceql.cli import main; main()"
    said = run(code, "ingest", "--db", tmp_path / "t.duckdb", REPORT)
    assert "60 kernels" in said or "60 workloads" in said, said


@pytest.mark.long
def test_the_option_is_on_the_command_line(tmp_path: Path) -> None:
    path = tmp_path / "newer.ncu-rep"
    odd = rep.kernel((13, rep.metric(0, rep.value(3), (9, 1))))
    path.write_bytes(rep.report(rep.block([odd], strings=["dram__bytes_read.sum"])))
    code = "from traceql.cli import main; main()"
    said = run(code, "ingest", "--via", "ncu_report", "--db", tmp_path / "t.duckdb", path)
    assert "refused" not in said
    with pytest.raises(subprocess.CalledProcessError):
        run(code, "ingest", "--via", "native", "--db", tmp_path / "u.duckdb", path)
