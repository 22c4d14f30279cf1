"""One recording: from a free name to reports with their sidecars."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from traceql.errors import CollectError
from traceql.record import environment, interpreter, machine, permissions, running, staging, tools, written

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from traceql.record.running import Outcome
    from traceql.record.signals import Received
    from traceql.record.tools import Tool


@dataclass(frozen=True)
class Wanted:
    """What is to be recorded.

    Attributes:
        tool: the profiler.
        program: what it runs: program and arguments.
        build: makes the profiler's command, given the report's path without suffix.
        names: those that the report may have, see `naming.names`.
        variables: the environment of the program.
        repeat: how many reports there will be.
        by_calls: whether the program says by cudaProfilerStart when recording begins.
        force: replace what has their names.
        timeout_s: seconds that it may take.
        model: what is served.
        tags: labels.
        metrics: numbers measured elsewhere.
    """

    tool: Tool
    program: Sequence[str]
    build: Callable[[Path], list[str]]
    names: Iterator[Path]
    variables: Mapping[str, str]
    repeat: int = 1
    by_calls: bool = False
    force: bool = False
    timeout_s: float | None = None
    model: str | None = None
    tags: Mapping[str, str] | None = None
    metrics: Sequence[Mapping[str, Any]] = ()


def free_name(wanted: Wanted) -> Path:
    """The first name that is not taken, or that may be replaced.

    Raises:
        CollectError: there is none.
    """
    taken = Path()
    for target in wanted.names:
        there = [path for path in _expected(wanted, target) if not staging.is_free(path)]
        if not there or wanted.force:
            return target
        taken = there[0]
    raise CollectError(
        f"{taken}: exists already, or its sidecar does",
        "Choose another --output, or --force to overwrite it.",
    )


def facts(wanted: Wanted) -> dict[str, Any]:
    """What of a sidecar is known before a recording."""
    python = interpreter.interpreter(wanted.program, wanted.variables)
    found = machine.facts(wanted.tool, python, wanted.variables)
    return {**found, "environment": environment.told(wanted.variables)}


def record(
    wanted: Wanted, known: Mapping[str, Any], received: Received, made: Callable[[Path], None]
) -> tuple[Outcome, list[Path]]:
    """Record a program; its reports get their sidecars and their names, however it ends.

    Args:
        wanted: what.
        known: see `facts`.
        received: signals, noted by the caller.
        made: called with each report.

    Returns:
        How it ended, and what nsys recorded and made no report of.

    Raises:
        CollectError: nothing can be recorded, or nothing was and nobody interrupted it.
    """
    target = free_name(wanted)
    with staging.staged(target) as output:
        for old in _expected(wanted, target):
            # Only if it may be replaced is there one; of an older suffix only when another comes.
            if old.suffix == tools.SUFFIXES[wanted.tool]:
                staging.remove(old)
        outcome = running.run(
            wanted.build(Path(staging.for_tool(output))),
            wanted.variables,
            timeout_s=wanted.timeout_s,
            received=received,
        )
        reports = list(staging.reports(output, wanted.tool).values())
        unfinished = staging.unfinished(output, target)
        if not reports and not received.numbers:
            raise _nothing(wanted, outcome, unfinished)
        for report in reports:
            ending = report.name.removeprefix(output.name)
            target = _published(wanted, report, target, ending, outcome, known)
            made(target.with_name(target.name + ending))
    return outcome, unfinished


def _published(
    wanted: Wanted, report: Path, target: Path, ending: str, outcome: Outcome, known: Mapping[str, Any]
) -> Path:
    """Give a report its sidecar and its name; returns the name without its ending.

    Where another recording was done first, of names that go on the next one is taken.
    """
    while True:
        place = target.with_name(target.name + ending)
        written.write_sidecar(
            report,
            wanted.build(Path(staging.for_tool(target))),
            outcome,
            facts=known,
            name=place.name,
            model=wanted.model,
            tags=wanted.tags,
            runs=[{"metrics": list(wanted.metrics)}] if wanted.metrics else [],
        )
        try:
            staging.publish(report, place, overwrite=wanted.force and place in _expected(wanted, target))
        except staging.TakenError:
            following = next(wanted.names, None)
            if following is None:
                raise
            target = following
        else:
            return target


def _expected(wanted: Wanted, target: Path) -> list[Path]:
    return staging.expected(target, wanted.tool, wanted.repeat)


def _nothing(wanted: Wanted, outcome: Outcome, unfinished: Sequence[Path]) -> CollectError:
    """Why there is no report."""
    message = f"{wanted.tool} wrote no report (status {outcome.status})"
    if unfinished:
        return CollectError(f"{message}, but {', '.join(map(str, unfinished))}", staging.HOW_TO_IMPORT)
    # What was printed on a terminal was not looked at.
    refused = wanted.tool == "ncu" and permissions.for_administrators() and permissions.capabilities() == []
    if outcome.counters_refused or refused:
        return CollectError(message, permissions.remedy())
    hint = " Did the program call cudaProfilerStart?" if wanted.by_calls else ""
    return CollectError(message, f"See what it said above.{hint}")
