"""Temporary folders go with their process, or with the next one that starts."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from traceql.read import temporary


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files are, as a process finds it that has just started."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    temporary._sweep.cache_clear()
    return tmp_path


_KILLED = """
import os, signal, sys
from traceql.read import temporary
with temporary.folder() as made:
    (made / "file").write_text("secret")
    print(made, flush=True)
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGKILL)
"""


def _process(place: Path) -> tuple[subprocess.Popen[str], Path]:
    """A process that has a folder, and is killed when its input ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", _KILLED],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, "TMPDIR": str(place)},
    )  # fmt: skip
    assert process.stdout is not None
    return process, Path(process.stdout.readline().strip())


def _names(place: Path) -> set[str]:
    return {path.name for path in place.iterdir()}


def test_a_folder_is_for_its_owner_alone_and_goes_with_the_block(place: Path) -> None:
    with temporary.folder() as made:
        (made / "file").write_text("x")
        assert made.parent == place
        assert made.stat().st_mode & 0o777 == 0o700
    assert not _names(place)


def test_a_folder_goes_with_its_owner(place: Path) -> None:
    class Owner:
        pass

    owner = Owner()
    made, remove = temporary.folder_of(owner)
    assert made.is_dir()
    remove()
    assert not made.exists()
    made, _ = temporary.folder_of(owner)
    del owner
    assert not _names(place)


def test_the_next_start_sweeps_what_a_killed_process_left_and_nothing_else(place: Path) -> None:
    killed, left = _process(place)
    with killed:
        killed.communicate()
    assert killed.returncode == -signal.SIGKILL
    assert (left / "file").exists()
    running, alive = _process(place)
    with running:
        # That start has swept already.
        assert not left.exists()
        left.mkdir()
        others = [
            # Of another machine or container, from before there were such names, and no folder.
            f"traceql-{'0' * 8}-{killed.pid}-1-abc",
            "traceql-0abcdefg",
            "something",
        ]
        for name in others:
            (place / name).mkdir()
        file = place / f"traceql-{temporary._machine()}-{killed.pid}-2-file"
        file.write_text("x")
        target = place / "target"
        target.mkdir()
        link = place / f"traceql-{temporary._machine()}-{killed.pid}-3-link"
        link.symlink_to(target)
        temporary._sweep.cache_clear()
        with temporary.folder() as own:
            assert _names(place) == {*others, alive.name, file.name, "target", link.name, own.name}
            assert (alive / "file").exists()
        running.communicate()


def test_a_process_of_the_number_of_a_dead_one_does_not_keep_its_folder(place: Path) -> None:
    made = place / f"traceql-{temporary._machine()}-{os.getpid()}-{temporary._start(os.getpid()) - 1}-x"
    made.mkdir()
    with temporary.folder():
        assert not made.exists()


def test_folders_of_other_users_stay(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    killed, left = _process(place)
    with killed:
        killed.communicate()
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    with temporary.folder():
        assert left.exists()


def test_a_place_that_cannot_be_looked_into_is_no_error(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: str) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "scandir", refuse)
    with temporary.folder() as made:
        assert made.parent == place
