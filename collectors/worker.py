"""The part of a collector's worker that needs no GPU: points in, a line of JSON for each out."""

from __future__ import annotations

import json
import statistics
import sys
import time
import traceback
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from collectors.ranks import Ranks

#: Begins the lines that the runner reads.
MARK = "@point "
#: Begins those that say which point is next, and the number of its window: should it be the last one, the
#: runner knows which it was.
BEGUN = "@begin "
#: The variable that names a folder for what is needed while the worker runs; the runner removes it.
SCRATCH = "TRACEQL_SCRATCH"
#: Exit status of a worker whose GPU context is lost: what remains needs a new process.
LOST = 3


class NotHereError(Exception):
    """The machine lacks what a point measures; the point is skipped, which is no failure."""


def metric(name: str, unit: str, value: float, sample: int | None = None) -> dict[str, Any]:
    """One number, as the sidecar has it."""
    found = {"name": name, "unit": unit, "value": value}
    return found if sample is None else {**found, "sample": sample}


def each(
    points: Sequence[Mapping[str, Any]],
    measure: Callable[[Mapping[str, Any]], list[dict[str, Any]]],
    capture: Capture | None = None,
    tags: Mapping[str, str] | None = None,
) -> None:
    """Measure the points one by one and print each result; one that fails does not stop the others.

    Args:
        points: as the runner wrote them.
        measure: returns the metrics of a point.
        capture: the profiler's window, if there is one.
        tags: facts about all points, known only now: the size of the weights.
    """
    for point in points:
        result: dict[str, Any] = {"point": point["name"]}
        before = capture.windows if capture else 0
        begun = {"point": point["name"], "window": before + 1}
        print(BEGUN + json.dumps(begun, ensure_ascii=False), flush=True)
        try:
            result |= {"ok": True, "metrics": measure(point)}
        except NotHereError as error:
            result |= {"ok": True, "metrics": [], "skipped": str(error)}
        except Exception as error:  # noqa: BLE001 - whatever it is, the next point may go well
            traceback.print_exc()
            first = (str(error).strip() or "no message").splitlines()[0]
            result |= {"ok": False, "metrics": [], "error": f"{type(error).__name__}: {first[:500]}"}
        # What was measured may have added to the point's own.
        result["tags"] = {**(tags or {}), **point["tags"]}
        print(MARK + json.dumps(result, ensure_ascii=False), flush=True)
        if not result["ok"] and _lost():
            sys.exit(LOST)


def _lost() -> bool:
    """Whether an error has taken the GPU context with it; memory that an error still holds is given back."""
    import gc

    import torch

    if not torch.cuda.is_available():
        return False
    try:
        torch.cuda.synchronize()
        gc.collect()
        torch.cuda.empty_cache()
    except RuntimeError:
        return True
    return False


class Here:
    """What a profiler is told in this process."""

    def synchronize(self) -> None:
        """Wait until all that was launched has run."""
        import torch

        torch.cuda.synchronize()

    def profiler(self, starts: bool) -> None:
        """Open or close its window."""
        import torch

        if starts:
            torch.cuda.profiler.start()
        else:
            torch.cuda.profiler.stop()

    def push(self, text: str) -> None:
        """Begin an NVTX range."""
        import torch

        torch.cuda.nvtx.range_push(text)

    def pop(self) -> None:
        """End it."""
        import torch

        torch.cuda.nvtx.range_pop()


class Capture:
    """The window that the profiler records, between cudaProfilerStart and cudaProfilerStop.

    Args:
        mode: ``no`` profiler; ``all`` points in one window, with an NVTX range around each; ``points``: a
            window for each.
        where: the work runs: this process, or the ranks of an engine.
    """

    def __init__(self, mode: str, where: Here | Ranks | None = None) -> None:
        self.mode = mode
        self._where = where or Here()
        self.windows = 0
        self._open = False

    def start(self) -> None:
        """Begin a window."""
        if self.mode == "no" or self._open:
            return
        self._where.synchronize()
        self._where.profiler(starts=True)
        self.windows += 1
        self._open = True

    def stop(self) -> None:
        """End the window when all that was launched in it has run."""
        if not self._open:
            return
        self._where.synchronize()
        self._where.profiler(starts=False)
        self._open = False

    def push(self, text: str) -> None:
        """Begin an NVTX range, if anybody looks."""
        if self.mode != "no":
            self._where.push(text)

    def pop(self) -> None:
        """End it."""
        if self.mode != "no":
            self._where.pop()

    @contextmanager
    def all(self) -> Iterator[None]:
        """Around all points: the window of mode ``all``."""
        if self.mode == "all":
            self.start()
        try:
            yield
        finally:
            self.stop()

    @contextmanager
    def point(self, text: str | None) -> Iterator[None]:
        """Around what is recorded of a point: its NVTX range, if any, and the window of mode ``points``."""
        if self.mode == "no":
            yield
            return
        if self.mode == "points":
            self.start()
        if text is not None:
            self._where.push(text)
        try:
            yield
        finally:
            self._where.synchronize()
            if text is not None:
                self._where.pop()
            if self.mode == "points":
                self.stop()


def spread(name: str, unit: str, runs: Sequence[float]) -> list[dict[str, Any]]:
    """What repeats say of a number beside their median: fastest, slowest, standard deviation, each run.

    >>> [(one["name"], one["value"]) for one in spread("ms", "ms", [1.0, 3.0])][:3]
    [('fastest_run_ms', 1.0), ('slowest_run_ms', 3.0), ('stdev_run_ms', 1.4142135623730951)]
    """
    found = [metric(f"fastest_run_{name}", unit, min(runs)), metric(f"slowest_run_{name}", unit, max(runs))]
    # One run tells no spread.
    if len(runs) > 1:
        found.append(metric(f"stdev_run_{name}", unit, statistics.stdev(runs)))
    return [*found, *(metric(f"run_{name}", unit, value, number) for number, value in enumerate(runs, 1))]


def median_ms(seconds: Sequence[float]) -> float:
    """The median of times, in milliseconds."""
    ordered = sorted(seconds)
    middle = len(ordered) // 2
    return 500 * (ordered[middle] + ordered[~middle])


def clock() -> float:
    """Seconds; differences are durations."""
    return time.perf_counter()


def elapsed_s(call: Callable[[], Any], times: int) -> float:
    """Seconds on the GPU of one of so many calls."""
    import torch

    begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    torch.cuda.synchronize()
    begin.record()
    for _ in range(times):
        call()
    end.record()
    torch.cuda.synchronize()
    return float(begin.elapsed_time(end)) / 1e3 / times
