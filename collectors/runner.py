"""The part of every collector that plans, starts workers (`process`), and keeps what they measure (`kept`).

A collector has stages (without a profiler, under nsys, under ncu); each stage is one child process, the
worker, that measures many points, so that a model is started once for all of them. The worker prints a line
for every point that is finished; the line is written to ``STAGE.jsonl`` at once and printed, so that
a run that is cut off keeps what it measured, and the next one goes on from there.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from collectors import ingesting, lock
from collectors.process import Measured, command_of, variables_of
from traceql.cli.common import Seconds
from traceql.errors import CollectError, TraceqlError
from traceql.read import sidecar
from traceql.record import commands, machine, signals, staging, tools

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from collectors.stages import Stage

F = TypeVar("F", bound="Callable[..., Any]")


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
    wait: float | None


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
            type=Seconds(),
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
        click.option(
            "--wait",
            type=Seconds(zero=True),
            help="Seconds to wait for that database while it is in use. [default: 60]",
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
    *,
    needs: Sequence[str] = ("torch", "vllm"),
) -> None:
    """Run the stages one after the other; the exit status is 1 when a point failed.

    Args:
        module: of the collector, as ``python -m`` takes it.
        stages: in order.
        shared: what the user said.
        finish: called at the end, however it comes, with the results of each stage that was come to.
        needs: the packages that its workers import.

    Raises:
        CollectError: a profiler or a package is missing, the folder cannot be used, or another collector
            works in it.
    """
    if shared.dry_run:
        for stage in stages:
            _print_stage(module, stage, shared)
        return
    # Before hours are spent: does every profiler exist, what the workers import, and what --ingest needs?
    for tool in {stage.tool for stage in stages if stage.tool}:
        tools.find(tool)
    _check_packages(needs, stages, shared)
    if shared.ingest:
        ingesting.check()
    signals.raised()
    try:
        shared.out.mkdir(parents=True, exist_ok=True)
        with lock.alone(shared.out):
            failed = _run_stages(module, stages, shared, finish)
            if shared.ingest:
                failed += ingesting.ingest(shared.out, shared.ingest, shared.wait)
    except OSError as error:
        raise CollectError(
            f"{error.filename or shared.out}: {error.strerror}", "Check the folder, or choose another --out."
        ) from error
    for point in failed:
        click.echo(f"failed: {point}", err=True)
    if failed:
        sys.exit(1)


def _check_packages(needs: Sequence[str], stages: Sequence[Stage], shared: Options) -> None:
    if lacking := machine.lacking(needs, [shared.python], variables_of(stages[0], shared)):
        raise CollectError(
            f"{shared.python} has no {' and no '.join(lacking)}, which the collector needs",
            "pip install 'traceql[collect]'; or name a Python that has both, and traceql: --python.",
        )


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
            run = Measured(module, stage, shared)
            try:
                failed += run.measure()
            finally:
                run.finish()
                found[stage.name] = run.kept.results()
    finally:
        if finish is not None:
            finish(found)
    return failed


def _print_stage(module: str, stage: Stage, shared: Options) -> None:
    points = stage.points
    if (shared.out / f"{stage.name}.jsonl").exists() and not shared.redo:
        points = Measured(module, stage, shared).missing()
    if not points:
        click.echo(f"# {stage.name}: all points are there already", err=True)
        return
    command = command_of(module, stage, points, shared, Path(staging.for_tool(shared.out / stage.name)))
    click.echo(f"# {stage.name}: {', '.join(point.name for point in points)}", err=True)
    click.echo(commands.printed(command, variables_of(stage, shared)))
