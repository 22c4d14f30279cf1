"""The part of every collector that plans, starts workers, and keeps what they measure.

A collector has stages (without a profiler, under nsys, under ncu); each stage is one child process, the
worker, that measures many points, so that a model is started once for all of them. The worker prints a line
for every point that is finished; the line is written to ``STAGE.jsonl`` at once and printed, so that a run
that is cut off keeps what it measured, and the next one goes on from there.
"""

from __future__ import annotations

import csv
import json
import re
import sys
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from collectors.worker import MARK
from traceql.errors import CollectError, TraceqlError
from traceql.record import commands, environment, machine, running, staging, tools, written

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from traceql.record.running import Outcome
    from traceql.record.tools import Tool

F = TypeVar("F", bound="Callable[..., Any]")

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Point:
    """One thing to measure.

    Attributes:
        name: unique within its stage, and fit for a file name: ``batch_8``.
        tags: what it is, under the names that the queries know: ``{"batch_size": "8"}``.
    """

    name: str
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Stage:
    """One process that measures points.

    Attributes:
        name: of its files.
        points: what it measures.
        settings: for the worker; must go through JSON.
        tool: the profiler around it, if any.
        profiler: arguments of `commands.nsys_command` or `commands.ncu_command`.
        report_per_point: nsys only: a report for each point, which the worker starts and stops.
        environment: ``NAME=VALUE`` for this stage.
        tags: for its reports.
        model: what is served.
        table: name of the CSV file of its points, without suffix; None for no table.
    """

    name: str
    points: Sequence[Point]
    settings: Mapping[str, Any] = field(default_factory=dict)
    tool: Tool | None = None
    profiler: Mapping[str, Any] = field(default_factory=dict)
    report_per_point: bool = False
    environment: Sequence[str] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    model: str | None = None
    table: str | None = None


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
    ingest: str | None


def options(default_out: str) -> Callable[[F], F]:
    """The options that all collectors share; the command gets them as one argument, `shared`."""

    def tag(_ctx: click.Context, _param: click.Parameter, values: Sequence[str]) -> dict[str, str]:
        pairs = [value.partition("=") for value in values]
        if bad := next((value for value, pair in zip(values, pairs, strict=True) if not pair[1]), None):
            raise click.BadParameter(f"{bad!r}. A tag looks like name=value.")
        return {name: text for name, _, text in pairs}

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


def run(module: str, stages: Sequence[Stage], shared: Options) -> None:
    """Run the stages one after the other; the exit status is 1 when a point failed.

    Args:
        module: of the collector, as ``python -m`` takes it.
        stages: in order.
        shared: what the user said.

    Raises:
        CollectError: a profiler is missing, or wrote nothing.
    """
    # Before hours are spent: does every profiler exist?
    for tool in {stage.tool for stage in stages if stage.tool and not shared.dry_run}:
        tools.find(tool)
    if not shared.dry_run:
        shared.out.mkdir(parents=True, exist_ok=True)
    failed = [point for stage in stages for point in _run_stage(module, stage, shared)]
    if shared.ingest and not shared.dry_run:
        _ingest(shared)
    for point in failed:
        click.echo(f"failed: {point}", err=True)
    if failed:
        sys.exit(1)


def _run_stage(module: str, stage: Stage, shared: Options) -> list[str]:
    """Measure what is missing of a stage; returns the points that failed."""
    kept = _Kept(shared.out, stage)
    remaining = list(stage.points) if shared.redo else kept.missing()
    if not remaining:
        click.echo(f"{stage.name}: all {len(stage.points)} points are there already", err=True)
        return []
    if not shared.redo and len(remaining) < len(stage.points):
        click.echo(f"{stage.name}: {len(stage.points) - len(remaining)} points are there already", err=True)
    variables = _environment(stage, shared)
    if shared.dry_run:
        command, _ = _command(module, stage, remaining, shared)
        click.echo(f"# {stage.name}: {', '.join(point.name for point in remaining)}", err=True)
        click.echo(commands.printed(command, variables))
        return []
    failures: dict[str, str] = {}
    facts = machine.facts(stage.tool, [shared.python], variables)
    with _Progress(stage, len(remaining)) as progress:
        while remaining:
            command, output = _command(module, stage, remaining, shared)
            # What a run that was cut off left would be taken for what this one records.
            for old in staging.reports(output, stage.tool).values() if stage.tool else []:
                old.unlink()
            results: list[dict[str, Any]] = []
            outcome = running.run(
                command,
                variables,
                timeout_s=shared.timeout,
                on_line=partial(_take, results, kept, facts, progress),
                log=kept.path(".log"),
            )
            kept.keep(command, outcome, facts, results, output, {**stage.tags, **shared.tags})
            failures |= {r["point"]: r["error"] for r in results if not r["ok"]}
            seen = {result["point"] for result in results}
            unseen = [point for point in remaining if point.name not in seen]
            if unseen and (outcome.timed_out or not seen or not _can_go_on(stage)):
                why = f"the worker ended with status {outcome.status}"
                why = "its time was up" if outcome.timed_out else why
                failures |= dict.fromkeys((point.name for point in unseen), why)
                _complain(stage, outcome, kept)
                break
            remaining = unseen
    return [f"{stage.name}: {name}: {why}" for name, why in failures.items()]


def _take(
    results: list[dict[str, Any]],
    kept: _Kept,
    facts: Mapping[str, Any],
    progress: _Progress,
    line: str,
) -> None:
    """Keep what a line says about a point, if it says anything."""
    if (result := _result(line)) is not None:
        results.append(result)
        kept.add(result, facts)
        progress.advance(result)


def _can_go_on(stage: Stage) -> bool:
    """Whether a worker that died can be started again for the rest: not when one report holds all points."""
    return stage.tool is None or stage.report_per_point


def _complain(stage: Stage, outcome: Outcome, kept: _Kept) -> None:
    click.echo(f"{stage.name}: ended early; the end of {kept.path('.log')}:", err=True)
    for line in outcome.said:
        click.echo(f"  {line}", err=True)


def _command(module: str, stage: Stage, points: Sequence[Point], shared: Options) -> tuple[list[str], Path]:
    plan = {**stage.settings, "points": [{"name": p.name, "tags": dict(p.tags)} for p in points]}
    # ncu puts all windows into one report, nsys each into its own.
    one_window = stage.tool == "nsys" and not stage.report_per_point
    plan["captured"] = "no" if stage.tool is None else "all" if one_window else "points"
    worker = [shared.python, "-m", module, "--worker", json.dumps(plan, separators=(",", ":"))]
    output = shared.out / stage.name
    if stage.tool == "nsys":
        repeat = len(points) if stage.report_per_point else 1
        return commands.nsys_command(
            worker, output, **{"capture": "profiler-api", "repeat": repeat, **stage.profiler}
        ), output
    if stage.tool == "ncu":
        return commands.ncu_command(worker, output, **{"capture": "profiler-api", **stage.profiler}), output
    return worker, output


def _environment(stage: Stage, shared: Options) -> dict[str, str]:
    variables = environment.clean_environment([*stage.environment, *shared.variables])
    # The worker is a module of this repository, wherever it is started.
    paths = [str(ROOT), *filter(None, variables.get("PYTHONPATH", "").split(":"))]
    return {**variables, "PYTHONPATH": ":".join(dict.fromkeys(paths)), "PYTHONUNBUFFERED": "1"}


def _result(line: str) -> dict[str, Any] | None:
    """What a worker says about a point; other lines are none of ours."""
    _, mark, text = line.partition(MARK)
    try:
        return dict(json.loads(text)) if mark else None
    except ValueError:
        return None


def results(out: Path, stage: str) -> list[dict[str, Any]]:
    """The last result of each point of a stage, as its worker printed it."""
    path = out / f"{stage}.jsonl"
    if not path.exists():
        return []
    found = (_result(MARK + line) for line in path.read_text(encoding="utf-8").splitlines())
    return list({result["point"]: result for result in found if result is not None}.values())


class _Kept:
    """The files of a stage."""

    def __init__(self, out: Path, stage: Stage) -> None:
        self._out = out
        self._stage = stage

    def path(self, suffix: str) -> Path:
        return self._out / f"{self._stage.name}{suffix}"

    def _report(self, point: Point) -> Path | None:
        if self._stage.tool is None:
            return None
        suffix = tools.SUFFIXES[self._stage.tool]
        return self.path(f"_{point.name}{suffix}" if self._stage.report_per_point else suffix)

    def missing(self) -> list[Point]:
        """The points not measured yet; a report that holds all of them is made again as a whole."""
        done = {result["point"] for result in self.results() if result["ok"]}
        missing = [
            point
            for point in self._stage.points
            if point.name not in done or ((report := self._report(point)) is not None and not report.exists())
        ]
        alone = self._stage.tool is None or self._stage.report_per_point
        return missing if alone or not missing else list(self._stage.points)

    def results(self) -> list[dict[str, Any]]:
        return results(self._out, self._stage.name)

    def add(self, result: Mapping[str, Any], facts: Mapping[str, Any]) -> None:
        with self.path(".jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(result, ensure_ascii=False) + "\n")
        if self._stage.table:
            self._write_table(facts)

    def _write_table(self, facts: Mapping[str, Any]) -> None:
        """A row for each point, in order: its tags, then what was measured once (not its samples)."""
        gpus = facts.get("gpus") or [{}]
        common = {"gpu": gpus[0].get("name"), "model": self._stage.model}
        order = {point.name: place for place, point in enumerate(self._stage.points)}
        measured = [result for result in self.results() if result["metrics"] and result["point"] in order]
        rows = [
            {
                **{name: value for name, value in common.items() if value is not None},
                **result["tags"],
                **{m["name"]: m["value"] for m in result["metrics"] if m.get("sample") is None},
            }
            for result in sorted(measured, key=lambda result: order[result["point"]])
        ]
        columns = list(dict.fromkeys(name for row in rows for name in row))
        with (self._out / f"{self._stage.table}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, columns, restval="", lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)

    def keep(
        self,
        command: Sequence[str],
        outcome: Outcome,
        facts: Mapping[str, Any],
        results: Sequence[Mapping[str, Any]],
        output: Path,
        tags: Mapping[str, str],
    ) -> None:
        """Give the reports their names and sidecars."""

        def sidecar(report: Path, of: Sequence[Mapping[str, Any]], more: Mapping[str, str]) -> None:
            runs = [{"tags": r["tags"], "metrics": r["metrics"]} for r in of if r["metrics"]]
            own = {**tags, **more}
            written.write_sidecar(
                report, command, outcome, facts=facts, model=self._stage.model, tags=own, runs=runs
            )

        if self._stage.tool is None:
            # Beside the table: all of its rows, also those of an earlier, interrupted run.
            sidecar(self._out / f"{self._stage.table or self._stage.name}.csv", self.results(), {})
            return
        made = list(staging.reports(output, self._stage.tool).values())
        if not self._stage.report_per_point:
            if not made:
                raise CollectError(
                    f"{self._stage.tool} wrote no report (status {outcome.status})",
                    f"See {self.path('.log')}.",
                )
            sidecar(made[0], results, {})
            return
        captured = [result for result in results if result.get("captured")]
        for report, result in zip(made, captured, strict=False):
            named = self.path(f"_{result['point']}{tools.SUFFIXES[self._stage.tool]}")
            report.replace(named)
            sidecar(named, [result], result["tags"])


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
        about = ", ".join(_shown(m) for m in result["metrics"] if m.get("sample") is None)
        about = about if result["ok"] else f"FAILED: {result['error']}"
        about = f"skipped: {result['skipped']}" if "skipped" in result else about
        click.echo(f"{self._stage.name} {self._done}/{self._total} {result['point']}: {about}")


def _shown(metric: Mapping[str, Any]) -> str:
    value = "nan" if metric["value"] is None else f"{metric['value']:.6g}"
    unit = (
        "" if re.search(rf"(^|_){re.escape(metric['unit'])}(_|$)", metric["name"]) else f" {metric['unit']}"
    )
    return f"{metric['name']} {value}{unit}"


def _ingest(shared: Options) -> None:
    """Bring reports and tables into a database; only here is more needed than click and rich."""
    from traceql.database import Database
    from traceql.read import runs

    with Database(shared.ingest or "") as database:
        for report in _reports(shared.out):
            click.echo(f"{report.name}: {database.ingest(report).status}", err=True)
        for table in sorted(shared.out.glob("*.csv")):
            status = database.import_runs(runs.read(table), replace=True).status
            click.echo(f"{table.name}: {status}", err=True)


def _reports(out: Path) -> Iterator[Path]:
    for suffix in tools.SUFFIXES.values():
        yield from sorted(out.glob(f"*{suffix}"))
