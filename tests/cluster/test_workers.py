"""Processes of this machine and workers of a Dask cluster do the same, and lose nothing when one is killed."""

from __future__ import annotations

import multiprocessing
import socket
import sys
import time
from multiprocessing import connection
from pathlib import Path
from typing import TYPE_CHECKING

import deeds
import pytest

from traceql.cluster.workers import Dask, Pool, Workers, workers
from traceql.errors import ClusterError, TimeLimitError
from traceql.store import interrupts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture(scope="module")
def dask() -> Iterator[str]:
    """The address of a cluster of two processes of this machine."""
    with deeds.cluster() as address:
        yield address


@pytest.fixture(scope="module", params=["local:2", "dask"])
def several(request: pytest.FixtureRequest) -> Iterator[Workers]:
    name = request.getfixturevalue("dask") if request.param == "dask" else request.param
    with workers(name) as found:
        yield found


@pytest.mark.long
def test_each_item_has_its_result_or_its_error(several: Workers) -> None:
    found = dict(several.each(deeds.doubled, range(-1, 7)))
    error = found.pop(0)
    assert isinstance(error, ValueError) and str(error) == "-1 is negative"
    assert found == {place: 2 * (place - 1) for place in range(1, 8)}


@pytest.mark.long
def test_no_more_is_taken_than_workers_can_have(several: Workers) -> None:
    taken = []

    def items() -> Iterator[int]:
        for number in range(50):
            taken.append(number)
            yield number

    results = several.each(deeds.doubled, items())
    next(results)
    assert len(taken) <= 2 * several.count + 2
    assert len(list(results)) == 49


@pytest.mark.long
def test_what_a_killed_worker_had_is_done_by_another(several: Workers, tmp_path: Path) -> None:
    jobs = [("wait", "0.05")] * 3 + [("once", str(tmp_path / "mark"))] + [("wait", "0.05")] * 3
    found = dict(several.each(deeds.either, jobs))
    assert found == {n: "done" if n == 3 else "waited" for n in range(7)}


@pytest.mark.long
def test_what_kills_every_worker_is_an_error_and_the_others_are_done(tmp_path: Path) -> None:
    jobs = [("wait", "0.01"), ("always", ""), ("wait", "0.01"), ("wait", "0.01")]
    found = dict(Pool(2).each(deeds.either, jobs))
    error = found.pop(1)
    assert isinstance(error, ClusterError) and "killed, twice" in str(error)
    assert found == {0: "waited", 2: "waited", 3: "waited"}


@pytest.mark.long
def test_processes_end_with_who_needs_them() -> None:
    before = set(multiprocessing.active_children())
    results = Pool(2).each(deeds.either, [("once", "/dev/null"), ("wait", "30")])
    assert next(results) == (0, "done")
    begun = set(multiprocessing.active_children()) - before
    assert len(begun) == 2
    # The pool's own thread waits for them, too, and only one of us is told by the system that one has ended.
    ends = {process.sentinel for process in begun}
    results.close()  # type: ignore[attr-defined]
    assert _within(10, lambda: set(connection.wait(ends, 0.1)) == ends)


@pytest.mark.long
def test_processes_of_others_go_on() -> None:
    results = Pool(1).each(deeds.either, [("once", "/dev/null"), ("wait", "30")])
    next(results)
    other = multiprocessing.get_context("spawn").Process(target=time.sleep, args=(60,))
    other.start()
    try:
        results.close()  # type: ignore[attr-defined]
        other.join(0.5)
        assert other.is_alive()
    finally:
        other.kill()
        other.join()


@pytest.mark.long
def test_what_processes_made_for_a_time_goes_with_them() -> None:
    found = dict(Pool(2).each(deeds.either, [("folder", "")] * 2))
    assert len(found) == 2
    assert not any(Path(str(made)).exists() for made in found.values())


@pytest.mark.long
def test_what_processes_made_for_a_time_goes_when_they_are_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Where they sweep nothing that others left.
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    told = tmp_path / "told"
    results = Pool(2).each(deeds.either, [("folder", str(told)), ("once", "/dev/null")])
    assert next(results) == (1, "done")
    assert _within(20, lambda: told.exists() and told.read_text() != "")
    made = Path(told.read_text())
    assert made.exists()
    results.close()  # type: ignore[attr-defined]
    assert _within(10, lambda: not made.exists())


def _within(seconds: float, holds: Callable[[], bool]) -> bool:
    until = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


@pytest.mark.long
def test_nobody_waits_for_workers_when_the_time_is_up(several: Workers) -> None:
    list(several.each(deeds.doubled, [1]))
    began = time.monotonic()
    with interrupts.within(3), pytest.raises(TimeLimitError, match="no answer within 3 s"):
        list(several.each(deeds.either, [("wait", "20")]))
    assert 2.9 < time.monotonic() - began < 10


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("local:0", "local:N for N"),
        ("tcp://127.0.0.1:1", "no scheduler answers"),
        ("nonsense", "no scheduler answers"),
    ],
)
def test_where_nobody_answers_is_said(word: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT", "500ms")
    with pytest.raises(ClusterError, match=said), workers(word):
        pass


@pytest.mark.long
def test_nobody_waits_long_for_a_scheduler_that_does_not_answer() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        began = time.monotonic()
        with (
            pytest.raises(ClusterError, match="no scheduler answers within 5s"),
            workers(f"tcp://127.0.0.1:{silent.getsockname()[1]}"),
        ):
            pass
    assert 4 < time.monotonic() - began < 10


def test_what_to_install_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ClusterError, match=r"traceql\[cluster\]"), workers("tcp://127.0.0.1:8786"):
        pass


class _Client:
    """A client of workers with the versions given."""

    def __init__(self, *versions: str) -> None:
        self._versions = versions

    def run(self, _: object) -> dict[str, str]:
        return {f"tcp://{number}": version for number, version in enumerate(self._versions)}


@pytest.mark.long
def test_workers_of_another_version_are_refused() -> None:
    with pytest.raises(ClusterError, match=r"traceql 0\.0\.1, here it is"):
        Dask(_Client("0.0.1"), "tcp://x")
    with pytest.raises(ClusterError, match="has no workers"):
        Dask(_Client(), "tcp://x")
