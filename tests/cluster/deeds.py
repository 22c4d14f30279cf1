"""What workers are made to do in tests: functions of a module, which another process can import."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

from traceql.cluster import ingesting
from traceql.read import temporary

if TYPE_CHECKING:
    from collections.abc import Iterator

# Before a test puts ours in its place.
_INGEST = ingesting.ingest


def doubled(number: int) -> int:
    if number < 0:
        raise ValueError(f"{number} is negative")
    return 2 * number


def killed_once(mark: str) -> str:
    """Kills its process, the first time."""
    if not Path(mark).exists():
        Path(mark).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return "done"


def killed_always(_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def either(what: tuple[str, str]) -> object:
    """One of the above."""
    name, argument = what
    return (
        {"once": killed_once, "always": killed_always, "folder": folder}[name](argument)
        if name != "wait"
        else _wait(argument)
    )


def folder(file: str) -> str:
    """Makes a temporary folder that is there as long as its process, and computes on if a file is named."""
    made, _ = temporary.folder_of(folder)
    if file:
        Path(file).write_text(str(made), "utf-8")
        import duckdb

        with duckdb.connect(config={"threads": 1}) as connection:
            connection.execute("SET enable_progress_bar = false")
            # Meanwhile Python looks at no signal.
            connection.execute("SELECT sum(sin(n)) FROM range(100_000_000_000) AS _ (n)")
    return str(made)


def _wait(seconds: str) -> str:
    time.sleep(float(seconds))
    return "waited"


def slow(_: object) -> None:
    """What takes longer than any test."""
    time.sleep(60)


@contextlib.contextmanager
def cluster(count: int = 2) -> Iterator[str]:
    """A Dask cluster of processes of this machine, by its address."""
    import warnings

    with warnings.catch_warnings():
        # What Dask itself does with its sockets at the end is none of ours.
        warnings.simplefilter("ignore")
        from distributed import LocalCluster

        # A process for each, one thread, as `dask worker --nthreads 1` starts them; no dashboard.
        with LocalCluster(
            n_workers=count,
            threads_per_worker=1,
            processes=True,
            dashboard_address=None,
            silence_logs="CRITICAL",
        ) as found:
            yield found.scheduler_address


def ingest(job: ingesting.Job) -> object:
    """As it is, unless the report is the one that ``KILLED`` tells of: "NAME FILE" (the first time), or "NAME"."""
    name, _, once = os.environ["KILLED"].partition(" ")
    if Path(job.report).name == name and not (once and Path(once).exists()):
        if once:
            Path(once).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return _INGEST(job)
