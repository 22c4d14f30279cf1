"""The reports of one process under a profiler: each is named after its point, by the number of its window."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from collectors import kept
from traceql.record import staging, written
from traceql.record.running import Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from collectors.kept import Kept
    from collectors.stages import Stage


class Windows:
    """What a profiler writes while a stage is measured.

    Args:
        stage: the stage.
        kept: where its reports belong.
        output: where the profiler writes them.
        command: as it is written down.
        facts: of machine and versions.
        tags: of the reports.
        started: when.
    """

    def __init__(
        self,
        stage: Stage,
        kept: Kept,
        output: Path,
        command: Sequence[str],
        facts: Mapping[str, Any],
        tags: Mapping[str, str],
        started: datetime,
    ) -> None:
        assert stage.tool is not None
        self._stage = stage
        self._tool = stage.tool
        self._kept = kept
        self._output = output
        self._command = command
        self._facts = {**facts, "digest": kept.digest}
        self._tags = tags
        self._so_far = Outcome(0, False, started, 0.0)
        self._points: dict[int, str] = {}
        self._results: dict[str, Mapping[str, Any]] = {}
        self._named: dict[str, Path] = {}

    def begun(self, window: int, point: str) -> None:
        """The next window is a point's."""
        self._points[window] = point

    def measured(self, result: Mapping[str, Any]) -> None:
        """A point is done; reports that are whole by now get their names."""
        self._results[result["point"]] = result
        if self._stage.report_per_point:
            # nsys begins a report when the one before is written.
            for window in list(staging.reports(self._output, self._tool))[:-1]:
                if window in self._points:
                    self._name(window, self._so_far)

    def end(self, outcome: Outcome) -> list[str]:
        """All reports get their names and sidecars; returns the points that have none."""
        # With how it ended.
        for point, report in self._named.items():
            self._sidecar(report, point, outcome)
        for window in staging.reports(self._output, self._tool):
            self._name(window, outcome)
        if not self._stage.report_per_point:
            return [] if self._named else list(self._results)
        return [point for point, result in self._results.items() if result["ok"] and not self._has(result)]

    def _has(self, result: Mapping[str, Any]) -> bool:
        return result["point"] in self._named or not result["metrics"]

    def _name(self, window: int, outcome: Outcome) -> None:
        report = staging.reports(self._output, self._tool)[window]
        # A window that nobody told of is kept, too, but is no point's.
        each = self._stage.report_per_point
        point = self._points.get(window, f"window_{window}") if each else None
        target = self._kept.report(point, report.suffix)
        self._sidecar(report, point, outcome, target.name)
        staging.publish(report, target, overwrite=True)
        self._named[point or ""] = target

    def _sidecar(self, report: Path, point: str | None, outcome: Outcome, name: str | None = None) -> None:
        of = [r for r in self._results.values() if not point or r["point"] == point]
        own = dict(of[0]["tags"]) if point and of else {}
        written.write_sidecar(
            report,
            self._command,
            outcome,
            facts=self._facts,
            name=name,
            model=self._stage.model,
            tags={**self._tags, **own},
            runs=[run for r in of if r["metrics"] for run in kept.runs(r["tags"], r["metrics"])],
        )
