"""Whatever is wrong with a file, redacting it ends in an error that says so, or in a file; never in anything else."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
from collections import namedtuple
from typing import TYPE_CHECKING

import damaged_redaction
import ncu_rep_file
import nsys_rep_file as rep
import planted
import planted_nsys
import pytest
import test_hostile_exports
from command_line import traceql
from helpers_robust import content
from planted import SECRET
from test_budgets import PACKERS

from traceql.errors import LimitError, ReportError
from traceql.share.redact import Names, check, redact

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

KINDS = ("cut", "flip", "garble", "swap")


def _nsys(folder: Path) -> Path:
    path = folder / "planted.nsys-rep"
    path.write_bytes(planted_nsys.report())
    return path


def _ncu(folder: Path) -> Path:
    of = ncu_rep_file.metric(0, ncu_rep_file.value(f"/home/{SECRET}"))
    path = folder / "planted.ncu-rep"
    path.write_bytes(
        ncu_rep_file.report(ncu_rep_file.block([ncu_rep_file.kernel((13, of))] * 3, strings=["launch__note"]))
    )
    return path


def _damaged(report: Path, *kinds: str, times: int, seed: int) -> dict[str, int]:
    """What becomes of a report that is damaged in many ways, in a process of its own."""
    harness = [sys.executable, damaged_redaction.__file__, str(report), *kinds]
    done = subprocess.run(
        [*harness, f"--times={times}", f"--seed={seed}"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, int] = json.loads(done.stdout)
    assert sum(found.values()) == times
    return found


@pytest.mark.long
@pytest.mark.parametrize("make", [_nsys, _ncu], ids=["nsys-rep", "ncu-rep"])
def test_a_damaged_report_is_refused_or_written(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    found = _damaged(make(tmp_path), *KINDS, times=400, seed=1)
    assert found["ReportError"] > 10 and found["TruncatedReportError"] > 10 and found["written"] > 10


@pytest.mark.long
@pytest.mark.parametrize("format_", ["sqlite", "parquetdir", "arrowdir"])
def test_a_damaged_export_is_refused_or_written(tmp_path: Path, format_: str) -> None:
    found = _damaged(planted.FORMATS[format_](tmp_path), *KINDS, times=12, seed=1)
    assert found.keys() <= {"ReportError", "UnsupportedReportError", "written"}


@pytest.mark.parametrize("make", [_nsys, _ncu], ids=["nsys-rep", "ncu-rep"])
def test_a_report_without_its_end_is_refused(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    report = make(tmp_path)
    whole = report.read_bytes()
    for size in (0, 1, 7, 8, 9, 40, len(whole) // 2, len(whole) - 9, len(whole) - 1):
        report.write_bytes(whole[:size])
        outcome = damaged_redaction.outcome(report, tmp_path)
        assert outcome.endswith("Error") and not outcome.startswith("RAISED"), (size, outcome)


def _within(rng: random.Random) -> bytes:
    """A report whose container is whole, with damage in what it holds."""

    def broken(part: bytes) -> bytes:
        return damaged_redaction.damaged(part, rng.choice(KINDS), rng)

    events = list(planted_nsys.EVENTS)
    one = rng.randrange(len(events))
    changed: dict[str, object] = {}
    match rng.randrange(4):
        case 0:
            events[one] = broken(events[one])
        case 1:
            changed["header"] = broken(planted_nsys.HEADER)
        case 2:
            changed["threads"] = broken(planted_nsys.THREADS)
        case 3:
            changed["extra_sections"] = {
                name: broken(section) for name, section in planted_nsys.SECTIONS.items()
            }
    return planted_nsys.report(raw_blocks=[rep.events_block(events)], index={5: 2, 1: len(events)}, **changed)


def test_damage_behind_a_whole_container_is_refused_or_written(tmp_path: Path) -> None:
    rng = random.Random(1)
    report = tmp_path / "within.nsys-rep"
    outcomes = set()
    for _ in range(60):
        report.write_bytes(_within(rng))
        outcomes.add(damaged_redaction.outcome(report, tmp_path))
    assert not [one for one in outcomes if one.startswith("RAISED")]
    assert {"ReportError", "written"} <= outcomes


@pytest.mark.long
@pytest.mark.parametrize("make", test_hostile_exports.REFUSED, ids=lambda make: make.__name__)
def test_exports_made_to_do_harm_are_refused_within_their_budget(
    tmp_path: Path, make: Callable[[Path], Path]
) -> None:
    (tmp_path / "from").mkdir()
    source = make(tmp_path / "from")
    with pytest.raises(ReportError) as refused:
        redact(source, tmp_path / "clean", Names(), memory_bytes=300_000_000)
    assert "crashed" not in str(refused.value)
    assert [path.name for path in tmp_path.iterdir()] == ["from"]


@pytest.mark.parametrize("suffix", PACKERS)
def test_a_report_that_unpacks_to_more_than_there_is_room_for_is_refused(
    tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed = tmp_path / f"bomb.sqlite.{suffix}"
    packed.write_bytes(PACKERS[suffix](content(planted.SQLITE)[:4096] + bytes(16 << 20)))
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(20 << 20, 10 << 20, 10_000_000))
    with pytest.raises(LimitError, match="of 10 MB that are free"):
        redact(packed, tmp_path / "clean.sqlite", Names())
    assert [path.name for path in tmp_path.iterdir()] == [packed.name]


@pytest.mark.parametrize("suffix", PACKERS)
def test_compressed_data_that_is_damaged_or_cut_short_is_refused(tmp_path: Path, suffix: str) -> None:
    whole = PACKERS[suffix](planted_nsys.report())
    packed = tmp_path / f"run.nsys-rep.{suffix}"
    for broken in (whole[: len(whole) // 2], whole[:40] + bytes(20) + whole[60:], whole[:3]):
        packed.write_bytes(broken)
        with pytest.raises(ReportError):
            check(packed, Names())


@pytest.mark.parametrize(
    "text",
    ["{", "[]", '{"format": 1}', "[" * 100_000, '{"a": ' * 5_000, "\0" * 1_000, '{"format": "\xff"}', ""],
)
def test_a_sidecar_that_is_none_is_an_error(tmp_path: Path, text: str) -> None:
    source = tmp_path / "run.nsys-rep.run.json"
    source.write_text(text, encoding="latin-1")
    answer = traceql("redact", source, "-o", tmp_path / "clean.json")
    assert answer.returncode == 1 and answer.stderr.startswith("error: ")
    assert [path.name for path in tmp_path.iterdir()] == [source.name]


@pytest.mark.parametrize("name", ["run.duckdb", "lake"])
def test_a_database_that_is_none_is_an_error(tmp_path: Path, name: str) -> None:
    source = tmp_path / name
    if name == "lake":
        (source / "traces").mkdir(parents=True)
        (source / "lake.json").write_text('{"traceql_lake": 1}\n')
        (source / "traces" / "1.json").write_text("{")
    else:
        source.write_bytes(bytes(8) + b"DUCK" + random.Random(1).randbytes(20_000))
    answer = traceql("redact", source, "-o", tmp_path / "clean")
    assert answer.returncode == 1 and answer.stderr.startswith("error: "), answer.stderr
    assert [path.name for path in tmp_path.iterdir()] == [source.name]
