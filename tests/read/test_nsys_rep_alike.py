"""Events that are made alike are decoded as all others are."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import nsys_rep_file as rep
import numpy as np
import pytest
from test_nsys_rep import RECORDED, unpacked

from traceql.errors import ReportError
from traceql.read.base import RawReport, no_progress
from traceql.read.nsys_rep import alike, layout, read

_API_EVENT = 48


def both(path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[RawReport, RawReport]:
    """A report decoded by forms, from the first event on, and without them."""
    found = []
    for least in (1, 1 << 62):
        monkeypatch.setattr(alike, "_LEAST_EVENTS", least)
        found.append(read(path, wanted=None, progress=no_progress))
    return found[0], found[1]


def taken(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """What forms take: events of a batch, and how many of them are left to others."""
    counts: list[tuple[int, int]] = []
    take = alike.Forms.take

    def counted(self: alike.Forms, buffer: Any, starts: Any, ends: Any) -> alike.Alike:
        found = take(self, buffer, starts, ends)
        counts.append((starts.size, found.rest.size))
        return found

    monkeypatch.setattr(alike.Forms, "take", counted)
    return counts


@pytest.mark.long
@pytest.mark.parametrize("name", RECORDED)
def test_a_report_is_decoded_as_without_forms(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_forms, without = both(unpacked(name, tmp_path), monkeypatch)
    assert list(by_forms.tables) == list(without.tables)
    for table, rows in without.tables.items():
        assert by_forms.tables[table].select(rows.column_names).equals(rows.select(rows.column_names))
    assert (by_forms.warnings, by_forms.counts_agree, by_forms.environment, by_forms.settings) == (
        without.warnings,
        without.counts_agree,
        without.environment,
        without.settings,
    )


def test_most_events_of_a_recording_have_a_form(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counts = taken(monkeypatch)
    both(unpacked("llama_eager.nsys-rep", tmp_path), monkeypatch)
    (events, rest), *_ = counts
    assert events > 1_000 and rest < events // 20
    # Without forms all is left.
    assert counts[-1] == (events, events)


def number(rng: Random, bits: int) -> int:
    return rng.getrandbits(rng.randrange(bits) + 1)


def calls(rng: Random, count: int) -> list[dict[int, int]]:
    """API calls with numbers of one to ten bytes; some fields are missing here and there."""
    found = []
    for _ in range(count):
        one = {1: number(rng, 63), 2: number(rng, 63), 3: number(rng, 32), 6: 0, 7: 0, 13: number(rng, 64)}
        if rng.random() < 0.7:
            one[8] = rng.choice([0, 1, 200, 2**31 - 1, 2**64 - 1, 2**64 - 2**31])
        if rng.random() < 0.1:
            del one[3]
        found.append(one)
    return found


def events_of(found: list[dict[int, int]]) -> list[bytes]:
    return [rep.event(_API_EVENT, layout.TRACE, *sorted(one.items())) for one in found]


@pytest.mark.parametrize("seed", range(3))
def test_numbers_of_any_size_are_those_that_were_written(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = Random(seed)
    # Few forms with many events, and many with few.
    found = calls(rng, 60) + [{**one, 1: number(rng, 63)} for one in calls(rng, 5) for _ in range(70)]
    rng.shuffle(found)
    path = tmp_path / "run.nsys-rep"
    path.write_bytes(rep.report(events_of(found)))
    counts = taken(monkeypatch)
    for report in both(path, monkeypatch):
        table = report.tables["CUPTI_ACTIVITY_KIND_RUNTIME"]
        for field, column in {1: "start", 2: "end", 3: "correlationId", 13: "globalTid"}.items():
            assert table[column].to_pylist() == [one.get(field) for one in found]
        signed = [None if 8 not in one else int(np.uint64(one[8]).astype(np.int64)) for one in found]
        assert table["returnValue"].to_pylist() == signed
    # Some forms are too rare to be looked for.
    assert 0 < counts[0][1] < len(found)


def test_what_is_wrong_with_one_of_many_is_said_as_without_forms(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [{1: 1, 2: 2, 3: 3, 6: 0, 7: 0, 13: 1 << 24} for _ in range(100)]
    found[70][7] = 99
    path = tmp_path / "run.nsys-rep"
    path.write_bytes(rep.report(events_of(found)))
    said = []
    for least in (1, 1 << 62):
        monkeypatch.setattr(alike, "_LEAST_EVENTS", least)
        with pytest.raises(ReportError, match="refers to string 99") as refused:
            read(path, wanted=None, progress=no_progress)
        said.append(str(refused.value))
    assert said[0] == said[1]


def test_unknown_fields_are_counted_beside_events_of_known_forms(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [{1: 1, 2: 2, 3: 3, 6: 0, 7: 0, 13: 1 << 24} for _ in range(100)]
    for one in found[::10]:
        one[99] = 1
    path = tmp_path / "run.nsys-rep"
    path.write_bytes(rep.report(events_of(found)))
    by_forms, without = both(path, monkeypatch)
    assert by_forms.warnings == without.warnings
    assert any("unknown field 108.99" in warning and "10 times" in warning for warning in by_forms.warnings)
    assert by_forms.tables["CUPTI_ACTIVITY_KIND_RUNTIME"].equals(
        without.tables["CUPTI_ACTIVITY_KIND_RUNTIME"]
    )
