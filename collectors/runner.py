"""The part of every collector that plans, starts workers, and keeps what they measure.

A collector has stages (without a profiler, under nsys, under ncu); each stage is one child process, the
worker, that measures many points, so that a model is started once for all of them. The worker prints a line
for every point that is finished; the line is written to ``STAGE.jsonl`` at once (`kept`) and printed, so that
a run that is cut off keeps what it measured, and the next one goes on from there.
"""

from __future__ import annotations

import json
import re
import sys
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from collectors import ingesting, kept, lock
from collectors.windows import Windows
from collectors.worker import BEGUN, MARK
from traceql.errors import CollectError, TraceqlError
from traceql.read import sidecar
from traceql.record import (
    commands,
    environment,
    machine,
    permissions,
    running,
    sampling,
    signals,
    staging,
    tools,
    written,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from collectors.stages import Point, Stage
    from traceql.record.running import Outcome

F = TypeVar("F", bound="Callable[..., Any]")

ROOT = Path(__file__).resolve().parents[1]

# Numbers of a point on the terminal; all are in the table.
_MAX_SHOWN = 8

# Processes in a row that end without a result: the next one would, too.
_MAX_SILENT = 3


@dataclass(frozen=True)
class Options:
    """What every collector is told."""

    out: Path
    dry_run: bool
    redo: bool
    timeout: float
    variables: tuple[str, ...]
    tags: dict[str, str]
    python: str
    gpu_samples: int
    ingest: str | None


def options(default_out: str) -> Callable[[F], F]:
    """The options that all collectors share; the command gets them as one argument, `shared`."""

    def tag(_ctx: click.Context, _param: click.Parameter, values: Sequence[str]) -> dict[str, str]:
        pairs = [value.partition("=") for value in values]
        if bad := next((value for value, pair in zip(values, pairs, strict=True) if not pair[1]), None):
            raise click.BadParameter(f"{bad!a}. A tag looks like name=value.")
        tags = {name: text for name, _, text in pairs}
        if why := sidecar.refusal(tags, [], None):
            raise click.BadParameter(f"{why}.")
        return tags

    declared = (
        click.option(
            "--out",
            type=click.Path(path_type=Path, file_okay=False),
            default=f"results/{default_out}",
            show_default=True,
            help="Folder of reports, tables and logs; what it holds already is not measured again.",
        ),
        click.option("--dry-run", is_flag=True, help="Print the commands, run nothing."),
        click.option("--redo", is_flag=True, help="Measure again what is there already."),
        click.option(
            "--timeout",
            type=click.FloatRange(0, min_open=True),
            default=1800,
            show_default=True,
            help="Seconds that one process may take.",
        ),
        click.option(
            "--env", "variables", multiple=True, metavar="NAME[=VALUE]", help="For the worker; repeatable."
        ),
        click.option(
            "--tag", "tags", multiple=True, callback=tag, metavar="NAME=VALUE", help="Label; repeatable."
        ),
        click.option(
            "--python", default=sys.executable, help="Interpreter with torch and vllm. [default: this one]"
        ),
        click.option(
            "--gpu-samples",
            type=click.IntRange(0),
            default=200,
            show_default=True,
            metavar="MS",
            help="Milliseconds between looks at clocks, power, temperature and throttling; 0 for none.",
        ),
        click.option(
            "--ingest", metavar="DB", help="Bring what was recorded into this database (needs duckdb)."
        ),
    )

    def decorate(function: F) -> F:
        def command(**given: Any) -> Any:
            shared = Options(**{name: given.pop(name) for name in Options.__dataclass_fields__})
            return function(shared=shared, **given)

        command.__doc__, command.__name__ = function.__doc__, function.__name__
        # Options that decorate the command itself come before the shared ones.
        command.__click_params__ = getattr(function, "__click_params__", [])  # type: ignore[attr-defined]
        for option in reversed(declared):
            command = option(command)
        params: list[Any] = command.__click_params__  # type: ignore[attr-defined]
        params[:] = params[len(params) - len(declared) :] + params[: len(params) - len(declared)]
        return command  # type: ignore[return-value]

    return decorate


def count(name: str, default: int, about: str, *, least: int = 1) -> Callable[[F], F]:
    """An option that takes a whole number."""
    return click.option(name, type=click.IntRange(least), default=default, show_default=True, help=about)


def numbers(name: str, default: str, about: str) -> Callable[[F], F]:
    """An option that takes several, such as ``--batches 1,2,4``: the command gets each once, in order."""
    return click.option(name, default=default, show_default=True, callback=_numbers, help=about)


def _numbers(_ctx: click.Context, _param: click.Parameter, value: str) -> list[int]:
    try:
        found = [int(text) for text in value.split(",")]
    except ValueError:
        raise click.BadParameter(f"{value!r}. Whole numbers, separated by commas.") from None
    if min(found) < 1:
        raise click.BadParameter(f"{value!r}. Numbers from 1.")
    return sorted(set(found))


def start(command: click.Command, work: Callable[[dict[str, Any]], None]) -> None:
    """What a collector's file does when it is run: the command, or the worker that the command starts."""
    if sys.argv[1:2] == ["--worker"]:
        work(json.loads(sys.argv[2]))
        return
    try:
        command.main()
    except TraceqlError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(1)


def run(
    module: str,
    stages: Sequence[Stage],
    shared: Options,
    finish: Callable[[Mapping[str, list[dict[str, Any]]]], None] | None = None,
) -> None:
    """Run the stages one after the other; the exit status is 1 when a point failed.

    Args:
        module: of the collector, as ``python -m`` takes it.
        stages: in order.
        shared: what the user said.
        finish: called at the end, however it comes, with the results of each stage that was come to.

    Raises:
        CollectError: a profiler is missing, the folder cannot be used, or another collector works in it.
    """
    if shared.dry_run:
        for stage in stages:
            _print_stage(module, stage, shared)
        return
    # Before hours are spent: does every profiler exist, and what --ingest needs?
    for tool in {stage.tool for stage in stages if stage.tool}:
        tools.find(tool)
    if shared.ingest:
        ingesting.check()
    signals.raised()
    try:
        shared.out.mkdir(parents=True, exist_ok=True)
        with lock.alone(shared.out):
            failed = _run_stages(module, stages, shared, finish)
            if shared.ingest:
                failed += ingesting.ingest(shared.out, shared.ingest)
    except OSError as error:
        raise CollectError(
            f"{error.filename or shared.out}: {error.strerror}", "Check the folder, or choose another --out."
        ) from error
    for point in failed:
        click.echo(f"failed: {point}", err=True)
    if failed:
        sys.exit(1)


def _run_stages(
    module: str,
    stages: Sequence[Stage],
    shared: Options,
    finish: Callable[[Mapping[str, list[dict[str, Any]]]], None] | None,
) -> list[str]:
    found: dict[str, list[dict[str, Any]]] = {}
    failed: list[str] = []
    try:
        for stage in stages:
            run = _Run(module, stage, shared)
            try:
                failed += run.measure()
            finally:
                run.finish()
                found[stage.name] = run.kept.results()
    finally:
        if finish is not None:
            finish(found)
    return failed


class _Run:
    """One stage, from what is there already to its last point."""

    def __init__(self, module: str, stage: Stage, shared: Options) -> None:
        self._module = module
        self._stage = stage
        self._shared = shared
        self._variables = _environment(stage, shared)
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
        return self.kept.missing(tools.SUFFIXES[self._stage.tool] if self._stage.tool else None)

    def _missing(self) -> list[Point]:
        name, stage = self._stage.name, self._stage
        if aside := self.kept.set_aside():
            click.echo(
                f"{name}: {aside} lines of {self.kept.path('.jsonl')} are no results, as after a full disk; "
                f"they are in {self.kept.path('.rejected')} now",
                err=True,
            )
        if self._shared.redo:
            return list(stage.points)
        missing = self.missing()
        if missing:
            others, what = self.kept.others()
            if others:
                about = ", ".join(what[:8]) or "what was not written down"
                click.echo(f"{name}: {others} points were measured with other {about}: once more", err=True)
        if not missing:
            click.echo(f"{name}: all {len(stage.points)} points are there already", err=True)
        elif len(missing) < len(stage.points):
            click.echo(f"{name}: {len(stage.points) - len(missing)} points are there already", err=True)
        return missing

    def _one_process(self, points: Sequence[Point]) -> Outcome:
        """Let one worker measure points; what it leaves is kept, whatever becomes of it."""
        self._results, self._begun, self._windows = [], None, None
        final = self._shared.out / self._stage.name
        with ExitStack() as stack:
            received = stack.enter_context(signals.noted())
            sampling_every = self._shared.gpu_samples
            self._sampler = stack.enter_context(sampling.sampled(sampling_every, self._variables))
            output = final if self._stage.tool is None else stack.enter_context(staging.staged(final))
            build = partial(_command, self._module, self._stage, points, self._shared)
            if self._stage.tool is not None:
                self._windows = Windows(
                    self._stage,
                    self.kept,
                    output,
                    build(final),
                    self._facts,
                    {**self._stage.tags, **self._shared.tags},
                    datetime.now(UTC),
                )
            outcome = self._outcome = running.run(
                build(Path(staging.for_tool(output))),
                self._variables,
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
        if not points:
            return
        why = f"{self._stage.tool} wrote no report (status {outcome.status}), see {self.kept.path('.log')}"
        if (unfinished := staging.unfinished(output, final)) is not None:
            why = f"{self._stage.tool} made no report of {unfinished}, see traceql doctor"
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
            _command(self._module, self._stage, self._stage.points, self._shared, self._shared.out),
            self._outcome,
            facts=self._facts,
            model=self._stage.model,
            tags={**self._stage.tags, **self._shared.tags},
            runs=[
                {
                    "tags": {**{n: row[n] for n in ("gpu", "model") if n in row}, **row["tags"]},
                    "metrics": row["metrics"],
                }
                for row in self.kept.rows()
            ],
        )


def _print_stage(module: str, stage: Stage, shared: Options) -> None:
    points = stage.points
    if (shared.out / f"{stage.name}.jsonl").exists() and not shared.redo:
        points = _Run(module, stage, shared).missing()
    if not points:
        click.echo(f"# {stage.name}: all {len(stage.points)} points are there already", err=True)
        return
    command = _command(module, stage, points, shared, shared.out / stage.name)
    click.echo(f"# {stage.name}: {', '.join(point.name for point in points)}", err=True)
    click.echo(commands.printed(command, _environment(stage, shared)))


def _complain(stage: Stage, outcome: Outcome, where: kept.Kept) -> None:
    click.echo(f"{stage.name}: ended early; the end of {where.path('.log')}:", err=True)
    for line in outcome.said:
        click.echo(f"  {line}", err=True)


def _command(module: str, stage: Stage, points: Sequence[Point], shared: Options, output: Path) -> list[str]:
    plan = {**stage.settings, "points": [{"name": p.name, "tags": dict(p.tags)} for p in points]}
    # ncu puts all windows into one report, nsys each into its own.
    one_window = stage.tool == "nsys" and not stage.report_per_point
    plan["captured"] = "no" if stage.tool is None else "all" if one_window else "points"
    worker = [shared.python, "-m", module, "--worker", json.dumps(plan, separators=(",", ":"))]
    if stage.tool == "nsys":
        repeat = len(points) if stage.report_per_point else 1
        return commands.nsys_command(
            worker, output, **{"capture": "profiler-api", "repeat": repeat, **stage.profiler}
        )
    if stage.tool == "ncu":
        return commands.ncu_command(worker, output, **{"capture": "profiler-api", **stage.profiler})
    return worker


def _environment(stage: Stage, shared: Options) -> dict[str, str]:
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
            click.echo(f"{self._stage.name}: {self._total} points", err=True)
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def advance(self, result: Mapping[str, Any]) -> None:
        self._done += 1
        if self._bar is not None:
            self._bar.advance(self._task)
        once = [metric for metric in result["metrics"] if metric.get("sample") is None]
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
