"""What a collector plans: stages, each a process that measures points."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from traceql.record.tools import Tool


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
        follows: names of settings that follow from which points are measured, and change no result: room for
            the largest of them.
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
    follows: Sequence[str] = ()
    tool: Tool | None = None
    profiler: Mapping[str, Any] = field(default_factory=dict)
    report_per_point: bool = False
    environment: Sequence[str] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    model: str | None = None
    table: str | None = None
