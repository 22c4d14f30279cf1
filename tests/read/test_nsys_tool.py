"""An installed nsys as the decoder: stood in for by a script that behaves like `nsys export`."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import systems
from decoded import refusing
from shipped import REPORTS

import traceql
from traceql import Database
from traceql.errors import LimitError, ReportError, TruncatedReportError, UnsupportedReportError
from traceql.read import nsys_tool, worker

REPORT = REPORTS / "scv_nwor_graph.nsys-rep.xz"

SCRIPT = """#!/bin/bash
if [ "$1" = --version ]; then echo "NVIDIA Nsight Systems version {version}-abcdef"; exit 0; fi
echo "$@" >> "{log}"
while [ $# -gt 1 ]; do case "$1" in --type) type=$2;; --output) output=$2;; esac; shift; done
printf '[1%%  ]\\r[100%%]\\r' >&2
{action}
"""
EXPORT = """if [ "$type" = sqlite ]; then xz -dc "{reports}/scv_nwor_graph.sqlite.xz" > "$output"
else cp -r "{reports}/scv_baseline_graph_pqtdir" "$output"; fi"""


def gone(pid: int) -> bool:
    """Whether a process has ended, or does so within seconds."""
    until = time.monotonic() + 10
    while time.monotonic() < until:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        # A zombie that nobody waits for has ended, too.
        if Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()[0] == "Z":
            return True
        time.sleep(0.02)
    return False


class FakeNsys:
    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        systems.needs_posix("scripts of a shell")
        self.log = folder / "calls"
        self.program = folder / "nsys"
        monkeypatch.setenv("PATH", f"{folder}{os.pathsep}/usr/bin{os.pathsep}/bin")
        self.becomes("2025.3.2.0", EXPORT.format(reports=REPORTS))

    def becomes(self, version: str, action: str) -> None:
        self.program.write_text(SCRIPT.format(version=version, log=self.log, action=action))
        self.program.chmod(0o755)

    @property
    def calls(self) -> list[str]:
        return self.log.read_text().splitlines() if self.log.exists() else []


@pytest.fixture
def nsys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeNsys:
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    return FakeNsys(folder, monkeypatch)


def settings(db: Database) -> dict[str, str]:
    found = db.sql(
        "SELECT format, settings->>'exported_by' AS by, settings->>'cuda_graph_trace' AS graphs FROM traces"
    )
    return found.row(0, named=True)


@pytest.mark.long
def test_nsys_exports_when_asked_for(db: Database, nsys: FakeNsys) -> None:
    stored = db.ingest(REPORT, via="nsys")
    assert "--type parquetdir" in nsys.calls[0]
    assert settings(db) == {"format": "nsys-rep", "by": "nsys 2025.3.2.0", "graphs": "node"}
    assert stored.rows["kernels"] == 600


@pytest.mark.long
def test_what_nsys_exports_is_read_in_a_process_of_its_own(
    db: Database, nsys: FakeNsys, monkeypatch: pytest.MonkeyPatch
) -> None:
    # This process could not.
    monkeypatch.setattr("traceql.read.nsys_export.read", None)
    assert db.ingest(REPORT, via="nsys").rows["kernels"] == 600


@pytest.mark.long
def test_an_older_nsys_writes_sqlite_and_gives_the_native_tables(db: Database, nsys: FakeNsys) -> None:
    nsys.becomes("2022.4.2.1", EXPORT.format(reports=REPORTS))
    through_nsys = db.ingest(REPORT, via="nsys", name="through nsys")
    assert "--type sqlite" in nsys.calls[0]
    natively = db.ingest(REPORT, replace=True, via="native")
    assert through_nsys.rows == natively.rows
    assert len(nsys.calls) == 1


@pytest.mark.long
def test_temporary_exports_are_removed(db: Database, nsys: FakeNsys, tmp_path: Path) -> None:
    db.ingest(REPORT, via="nsys")
    assert not list(tmp_path.glob("traceql-*"))


def unknown_to_the_native_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    def something_new(path: Path) -> UnsupportedReportError:
        return UnsupportedReportError(f"{path.name}: something new (byte 12)", f"nsys export {path}")

    monkeypatch.setattr(worker, "decode", refusing("nsys-rep", something_new))


@pytest.mark.long
def test_nsys_steps_in_where_the_native_reader_refuses(
    db: Database, nsys: FakeNsys, monkeypatch: pytest.MonkeyPatch
) -> None:
    unknown_to_the_native_reader(monkeypatch)
    stored = db.ingest(REPORT)
    assert any("refused it: scv_nwor_graph.nsys-rep: something new (byte 12)" in w for w in stored.warnings)
    assert len(nsys.calls) == 1
    with pytest.raises(UnsupportedReportError, match="something new") as caught:
        db.ingest(REPORT, via="native", replace=True)
    # The remedy names the report, not the unpacked copy of it.
    assert caught.value.remedy == "nsys export scv_nwor_graph.nsys-rep"


def test_without_nsys_the_refusal_stands(
    db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unknown_to_the_native_reader(monkeypatch)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UnsupportedReportError, match="something new"):
        db.ingest(REPORT)
    with pytest.raises(UnsupportedReportError, match="no nsys on the PATH"):
        db.ingest(REPORT, via="nsys")
    assert not Path(db.path).exists()


def test_a_truncated_report_is_refused_whoever_is_there_to_read_it(
    db: Database, nsys: FakeNsys, tmp_path: Path
) -> None:
    import lzma

    whole = lzma.decompress(REPORT.read_bytes())
    (tmp_path / "cut.nsys-rep").write_bytes(whole[:-100])
    with pytest.raises(TruncatedReportError):
        db.ingest(tmp_path / "cut.nsys-rep")
    assert nsys.calls == []


def test_what_nsys_says_is_shown_when_it_fails(db: Database, nsys: FakeNsys) -> None:
    nsys.becomes("2022.4.2.1", 'echo "Exportation error: Version not supported: 36398880" >&2; exit 1')
    with pytest.raises(ReportError, match="Version not supported: 36398880") as caught:
        db.ingest(REPORT, via="nsys")
    assert "100%" not in str(caught.value)
    assert "This is Nsight Systems 2022.4.2.1" in caught.value.remedy


def test_an_nsys_that_stands_still_is_ended_with_all_that_it_started(nsys: FakeNsys, tmp_path: Path) -> None:
    nsys.becomes("2025.3.2.0", f'sleep 60 & echo $! > "{tmp_path}/pid"; wait')
    with pytest.raises(LimitError, match="made no progress for 1 s"):
        nsys_tool.export(tmp_path / "x.nsys-rep", tmp_path, idle_s=1)
    assert gone(int((tmp_path / "pid").read_text()))


@pytest.mark.parametrize("progress", ["printf . >&2", 'printf . >> "$output"'], ids=["says", "writes"])
def test_an_nsys_that_goes_on_has_time(progress: str, nsys: FakeNsys, tmp_path: Path) -> None:
    # Thrice as long as it may stand still.
    nsys.becomes("2022.4.2.1", f'for _ in 1 2 3 4 5 6; do {progress}; sleep 0.5; done; touch "$output"')
    assert nsys_tool.export(tmp_path / "x.nsys-rep", tmp_path, idle_s=1)[0].exists()


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_signal_ends_nsys_and_all_that_it_started(jobs: int, nsys: FakeNsys, tmp_path: Path) -> None:
    nsys.becomes(
        "2025.3.2.0",
        f'sleep 60 & echo $! > "{tmp_path}/pid.new"; mv "{tmp_path}/pid.new" "{tmp_path}/pid"; wait',
    )
    command = ["ingest", "--via", "nsys", "-j", str(jobs), str(REPORT), "--db", str(tmp_path / "t.duckdb")]
    with subprocess.Popen(
        [sys.executable, "-m", "traceql", *command], stderr=subprocess.PIPE, text=True
    ) as process:
        until = time.monotonic() + 60
        while not (tmp_path / "pid").exists() and time.monotonic() < until:
            time.sleep(0.02)
        process.terminate()
        _, said = process.communicate(timeout=30)
    assert process.returncode == 143, said
    assert gone(int((tmp_path / "pid").read_text()))
    assert not list(tmp_path.glob("traceql-*"))


@pytest.mark.long
def test_the_option_is_on_the_command_line(nsys: FakeNsys, tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "traceql", "ingest", "--via", "nsys", str(REPORT), "--db", str(tmp_path / "t.duckdb")],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "600 kernels" in result.stderr
    assert len(nsys.calls) == 1
    with traceql.open(tmp_path / "t.duckdb") as db:
        assert settings(db)["by"] == "nsys 2025.3.2.0"
