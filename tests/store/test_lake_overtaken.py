"""A lake that somebody else changes just while something is done with it, and one whose disk fails."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from made.nsys import Recording, kernel
from made.runs import Runs
from shipped import REPORTS

import traceql
from traceql.errors import DatabaseError, QueryError
from traceql.store import export, read_in
from traceql.store.lake import changes, folder, manifest, numbers, sweep

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from traceql import Database

SMALL = REPORTS / "extrap_a100_2020.3.ncu-rep.xz"


def recording(work: int = 1) -> Recording:
    """So many kernels."""
    made = Recording().gpu(0, "NVIDIA H100 80GB HBM3")
    for number in range(work):
        made.call(
            "cudaLaunchKernel", 10 * number, 10 * number + 2, kernel("add", 10 * number + 3, 10 * number + 8)
        )
    return made


def filled(path: Path, *traces: str) -> Database:
    """A lake with a recording under each name."""
    lake = traceql.open(path, lake=True)
    for work, name in enumerate(traces, 1):
        recording(work).store(lake, name)
    return lake


def once_before(patch: pytest.MonkeyPatch, owner: Any, name: str, deed: Callable[[], object]) -> None:
    """Let something happen the first time just before a function does its work."""
    real, left = getattr(owner, name), [deed]

    def late(*args: Any, **kwargs: Any) -> Any:
        if left:
            left.pop()()
        return real(*args, **kwargs)

    patch.setattr(owner, name, late)


@pytest.fixture
def no_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system without locks: changes are compared, and no more."""
    monkeypatch.setattr(folder, "_locked", lambda _: True)


# --- made again -----------------------------------------------------------------------------------------


@pytest.mark.usefixtures("no_locks")
@pytest.mark.parametrize(
    ("change", "there"),
    [
        (lambda lake: lake.tag("one", y="2"), [("one", {"x": "1", "y": "2"})]),
        (lambda lake: lake.rename("one", "new"), [("new", {"x": "1"})]),
        (lambda lake: lake.drop("one"), []),
    ],
    ids=["tag", "rename", "drop"],
)
def test_a_change_that_is_overtaken_is_made_on_what_is_there_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[Database], object], there: list[Any]
) -> None:
    lake = filled(tmp_path / "lake", "one")
    with traceql.open(tmp_path / "lake") as other:
        once_before(monkeypatch, changes, "_refuse_overtaken", lambda: other.tag("one", x="1"))
        change(lake)
    assert lake.sql("SELECT trace, tags FROM traces").rows() == there


@pytest.mark.usefixtures("no_locks")
def test_a_removal_of_runs_that_is_overtaken_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = traceql.open(tmp_path / "lake", lake=True)
    lake.import_runs(Runs({"ms": 1}).file("a"))
    lake.import_runs(Runs({"ms": 2}).file("b"))
    with traceql.open(tmp_path / "lake") as other:
        once_before(monkeypatch, changes, "_refuse_overtaken", lambda: other.drop_runs("b"))
        with pytest.raises(QueryError, match="no sweep is called 'b'"):
            lake.drop_runs("a", "b")
    assert lake.sql("SELECT sweep FROM runs").rows() == [("a",)]
