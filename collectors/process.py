"""One stage of a collector: its processes, from what is there already to its last point."""

from __future__ import annotations

import json
import re
import sys
import tempfile
import time
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from collectors import kept
from collectors.windows import Windows
from collectors.worker import BEGUN, MARK, SCRATCH
from traceql.present.values import counted
from traceql.record import (
    commands,
    environment,
    machine,
    offered,
    permissions,
    running,
    sampling,
    signals,
    staging,
    written,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from collectors.runner import Options
    from collectors.stages import Point, Stage
    from traceql.record.running import Outcome

ROOT = Path(__file__).resolve().parents[1]

# Numbers of a point on the terminal; all are in the table.
_MAX_SHOWN = 8

# Processes in a row that end without a result: the next one would, too.
_MAX_SILENT = 3


class Measured:
    """One stage, from what is there already to its last point."""

    def __init__(self, module: str, stage: Stage, shared: Options) -> None:
        self._module = module
        self._stage = stage
        self._shared = shared
        self._variables = variables_of(stage, shared)
        self._facts = {
            **machine.facts(stage.tool, [shared.python], self._variables),
            "environment": environment.told(self._variables),
        }
        by = kept.made_by(stage, shared.variables, self._variables, self._facts)
        self.kept = kept.Kept(shared.out, stage, by)
        self._points = {point.name: point for point in stage.points}
        self._failures: dict[str, str] = {}
        self._results: list[dict[str, Any]] = []
        self._begun: tuple[str, int] | None = None
        self._began = 0.0
        self._sampler = sampling.Sampler()
        self._windows: Windows | None = None
        self._outcome: Outcome | None = None

    def measure(self) -> list[str]:
        """Measure what is missing; returns the points that failed, with the reasons."""
        remaining = self._missing()
        if not remaining:
            return []
        self._progress = _Progress(self._stage, len(remaining))
        silent = 0
        with self._progress:
            while remaining:
                outcome = self._one_process(remaining)
                seen = {result["point"] for result in self._results}
                silent = 0 if seen else silent + 1
                unseen = [point for point in remaining if point.name not in seen]
                remaining = self._remaining(unseen, outcome, silent)
        return [f"{self._stage.name}: {name}: {why}" for name, why in self._failures.items()]

    def missing(self) -> list[Point]:
        """The points that are not measured yet."""
        return self.kept.missing(staging.ALL_SUFFIXES[self._stage.tool] if self._stage.tool else ())

    def _missing(self) -> list[Point]:
        name, stage = self._stage.name, self._stage
        if aside := self.kept.set_aside():
            click.echo(
                f"{name}: no results, as after a full disk: {counted(aside, 'lines')} of "
                f"{self.kept.path('.jsonl')}, now in {self.kept.path('.rejected')}",
                err=True,
            )
        if self._shared.redo:
            return list(stage.points)
        missing = self.missing()
        if missing:
            others, what = self.kept.others()
            if others:
                about = ", ".join(what[:8]) or "what was not written down"
                click.echo(
                    f"{name}: {counted(others, 'points')} measured with other {about}: once more", err=True
                )
        if not missing:
            click.echo(f"{name}: all points are there already", err=True)
        elif len(missing) < len(stage.points):
            click.echo(
                f"{name}: {counted(len(stage.points) - len(missing), 'points')} there already", err=True
            )
        return missing

    def _one_process(self, points: Sequence[Point]) -> Outcome:
        """Let one worker measure points; what it leaves is kept, whatever becomes of it."""
        self._results, self._begun, self._windows = [], None, None
        final = self._shared.out / self._stage.name
        with ExitStack() as stack:
            received = stack.enter_context(signals.noted())
            every_ms = self._shared.gpu_samples
            self._sampler = stack.enter_context(sampling.sampled(every_ms, self._variables))
            output = final if self._stage.tool is None else stack.enter_context(staging.staged(final))
            # What the worker leaves beside its results goes, however it ends.
            scratch = stack.enter_context(tempfile.TemporaryDirectory(prefix="traceql-worker-"))
            build = partial(command_of, self._module, self._stage, points, self._shared)
            if self._stage.tool is not None:
                self._windows = Windows(
                    self._stage,
                    self.kept,
                    output,
                    build(Path(staging.for_tool(final))),
                    self._facts,
                    {**self._stage.tags, **self._shared.tags},
                    datetime.now(UTC),
                )
            outcome = self._outcome = running.run(
                build(Path(staging.for_tool(output))),
                {**self._variables, SCRATCH: scratch},
                timeout_s=self._shared.timeout,
                on_line=self._take,
                log=self.kept.path(".log"),
                received=received,
            )
            if self._windows is not None:
                self._say_what_is_lost(self._windows.end(outcome), outcome, output, final)
        self._failures |= {r["point"]: r.get("error", "") for r in self._results if not r["ok"]}
        if received.numbers:
            left = (
                f"{self._stage.name}: interrupted; what was measured is kept, the next run goes on from there"
            )
            click.echo(left, err=True)
            raise SystemExit(128 + received.numbers[0])
        return outcome

    def _take(self, line: str) -> None:
        """Keep what a line says about a point, if it says anything."""
        if (begun := _marked(line, BEGUN)) is not None:
            self._begun = (str(begun.get("point")), int(begun.get("window", 0)))
            self._began = time.monotonic()
            if self._windows is not None:
                self._windows.begun(self._begun[1], self._begun[0])
        result = _result(line)
        if result is None or result.get("point") not in self._points or not kept.is_result(result):
            return
        if self._sampler.runs and result["metrics"]:
            result["metrics"] += sampling.summary(self._sampler.take(self._began))
        self._results.append(result)
        self.kept.add(result, self._points[result["point"]])
        if self._windows is not None:
            self._windows.measured(result)
        self._progress.advance(result)

    def _say_what_is_lost(self, points: Sequence[str], outcome: Outcome, output: Path, final: Path) -> None:
        unfinished = ", ".join(map(str, staging.unfinished(output, final)))
        if not points:
            return
        why = f"{self._stage.tool} wrote no report (status {outcome.status}), see {self.kept.path('.log')}"
        if unfinished:
            why = f"{self._stage.tool} made no report of {unfinished}. {staging.HOW_TO_IMPORT}"
        elif outcome.counters_refused:
            why = f"the driver refuses hardware counters. {permissions.remedy()}"
        self._failures |= dict.fromkeys(points, why)

    def _remaining(self, unseen: list[Point], outcome: Outcome, silent: int) -> list[Point]:
        """What a further process is to measure, when one has ended before all was."""
        if not unseen:
            return []
        why = f"the worker ended with status {outcome.status}"
        killed = self._begun[0] if self._begun and not outcome.timed_out else None
        if killed in {point.name for point in unseen}:
            self._failures[str(killed)] = f"{why} while it was measured"
            unseen = [point for point in unseen if point.name != killed]
        _complain(self._stage, outcome, self.kept)
        # A report that holds all points cannot be gone on with.
        alone = self._stage.tool is None or self._stage.report_per_point
        if outcome.timed_out or self._begun is None or not alone or silent == _MAX_SILENT:
            why = "its time was up" if outcome.timed_out else why
            self._failures |= dict.fromkeys((point.name for point in unseen), why)
            return []
        return unseen

    def finish(self) -> None:
        """Beside the table: all of its rows, also those of earlier runs."""
        if self._outcome is None or self._stage.tool is not None:
            return
        written.write_sidecar(
            self.kept.path(".csv").with_name(f"{self._stage.table or self._stage.name}.csv"),
            command_of(self._module, self._stage, self._stage.points, self._shared, self._shared.out),
            self._outcome,
            facts=self._facts,
            model=self._stage.model,
            tags={**self._stage.tags, **self._shared.tags},
            runs=[
                run
                for row in self.kept.rows()
                for run in kept.runs(
                    {**{n: row[n] for n in ("gpu", "model") if n in row}, **row["tags"]}, row["metrics"]
                )
            ],
        )


def _complain(stage: Stage, outcome: Outcome, where: kept.Kept) -> None:
    click.echo(f"{stage.name}: ended early; the end of {where.path('.log')}:", err=True)
    for line in outcome.said:
        click.echo(f"  {line}", err=True)


def command_of(
    module: str, stage: Stage, points: Sequence[Point], shared: Options, output: Path
) -> list[str]:
    """The command that measures points of a stage, its profiler around it."""
    plan = {**stage.settings, "points": [{"name": p.name, "tags": dict(p.tags)} for p in points]}
    # ncu puts all windows into one report, nsys each into its own.
    one_window = stage.tool == "nsys" and not stage.report_per_point
    plan["captured"] = "no" if stage.tool is None else "all" if one_window else "points"
    worker = [shared.python, "-m", module, "--worker", json.dumps(plan, separators=(",", ":"))]
    if stage.tool == "nsys":
        repeat = len(points) if stage.report_per_point else 1
        asked = {
            "capture": "profiler-api",
            "repeat": repeat,
            "overwrite": not shared.dry_run,
            "offered": offered.ask("nsys"),
            **stage.profiler,
        }
        return commands.nsys_command(worker, output, **asked)
    if stage.tool == "ncu":
        asked = {
            "capture": "profiler-api",
            "overwrite": not shared.dry_run,
            "offered": offered.ask("ncu"),
            **stage.profiler,
        }
        return commands.ncu_command(worker, output, **asked)
    return worker


def variables_of(stage: Stage, shared: Options) -> dict[str, str]:
    """The environment of a stage's worker."""
    variables = environment.clean_environment([*stage.environment, *shared.variables])
    # The worker is a module of this repository, wherever it is started.
    paths = [str(ROOT), *filter(None, variables.get("PYTHONPATH", "").split(":"))]
    return {**variables, "PYTHONPATH": ":".join(dict.fromkeys(paths)), "PYTHONUNBUFFERED": "1"}


def _result(line: str) -> dict[str, Any] | None:
    """What a worker says about a point; other lines are none of ours."""
    return _marked(line, MARK)


def _marked(line: str, mark: str) -> dict[str, Any] | None:
    """The object that follows a mark in a line; another process may have written behind it."""
    _, found, text = line.partition(mark)
    try:
        value, _ = json.JSONDecoder().raw_decode(text) if found else (None, 0)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


class _Progress:
    """A bar on a terminal, and a line for each point on standard output everywhere."""

    def __init__(self, stage: Stage, total: int) -> None:
        self._stage = stage
        self._total = total
        self._done = 0
        self._bar: Any = None

    def __enter__(self) -> _Progress:
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import Progress

            self._bar = Progress(console=Console(stderr=True), transient=True)
            self._bar.start()
            self._task = self._bar.add_task(self._stage.name, total=self._total)
        else:
            click.echo(f"{self._stage.name}: {counted(self._total, 'points')}", err=True)
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def advance(self, result: Mapping[str, Any]) -> None:
        self._done += 1
        if self._bar is not None:
            self._bar.advance(self._task)
        once = [metric for metric in kept.of_all(result["metrics"]) if metric.get("sample") is None]
        slowed = [m for m in once if m["name"] == "gpu_throttled_pct" and m["value"]]
        about = ", ".join(map(_shown, [*once[:_MAX_SHOWN], *slowed]))
        about = about if result["ok"] else f"FAILED: {result['error']}"
        about = f"skipped: {result['skipped']}" if "skipped" in result else about
        with suppress(BrokenPipeError):
            # Who was told has seen enough; what is measured is kept all the same.
            click.echo(f"{self._stage.name} {self._done}/{self._total} {result['point']}: {about}")


def _shown(metric: Mapping[str, Any]) -> str:
    value = "nan" if metric.get("value") is None else f"{metric['value']:.6g}"
    unit = metric.get("unit", "")
    unit = "" if re.search(rf"(^|_){re.escape(unit)}(_|$)", metric["name"]) else f" {unit}"
    return f"{metric['name']} {value}{unit}"
