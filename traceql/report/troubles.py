"""What is wrong with a trace, or with the ranks of a job, as the first that their page says."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from traceql.ask import findings
from traceql.errors import MissingDataError
from traceql.present import values
from traceql.present.values import counted
from traceql.questions.parameters import PLACES
from traceql.report import declared
from traceql.report.page import Trouble

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from concurrent.futures import Executor

    from traceql.ask.answer import Asker, Once
    from traceql.ask.findings import Findings
    from traceql.questions.parameters import Value
    from traceql.questions.question import Query
    from traceql.report.declared import Given

# Which of several rules does not matter: those that can be narrowed to a range have the same parameters.
_NARROWED = "small_kernels"


def of_traces(ask: Asker, traces: Sequence[str], given: Given, anchor: str) -> dict[str, Any]:
    """The troubles of traces, asked together, and what was looked at, as a section of the page has them."""
    try:
        told = findings.why(ask, traces, window=_window(ask, given))
    except MissingDataError as error:
        # A range that other traces of the page have: what is asked about this one says so, too.
        return {"looked_at": f"nothing: {error.message}. {error.remedy}", "verdict": findings.NO_RULE}
    several = len(told.looked_at) > 1
    made = [
        Trouble(
            f"{anchor}-finding-{number}",
            one.sentence,
            one.saving or one.severity,
            # Its times are by the clock of its trace.
            ", ".join(filter(None, [f"in {values.drawn(one.trace)}" if several else "", one.where])),
            one.remedy,
            one.command,
            one.start_ns,
            one.end_ns,
        )
        for number, one in enumerate(told, start=1)
    ]
    looked_at = " ".join(told.questions()) or "nothing."
    return {
        "troubles": tuple(made),
        "looked_at": looked_at,
        "untold": (*told.notes, *told.unknown),
        "verdict": told.verdict,
        "more": _more(told, traces),
    }


def _more(told: Findings, traces: Sequence[str]) -> str:
    """How many findings the page leaves out, and how to see them."""
    if not told.more:
        return ""
    command = shlex.join(["traceql", "why", *traces, "--limit", "NULL"])
    return f"{counted(told.more, 'more findings')}: {command}"


def begin(
    ask: Once, threads: Executor, trace: Mapping[str, Any], given: Given, is_one: Callable[[Query], bool]
) -> None:
    """Have those rules asked in another thread that are to be, see `traceql.ask.findings.begin`."""
    findings.begin(ask, threads, trace, _window(ask, given), is_one)


def _window(ask: Asker, given: Given) -> dict[str, Value]:
    """What of the parameters narrows rules, without what narrows nothing."""
    names = {param.name for param in PLACES["window"]}
    narrowed = declared.own(ask.catalog.find(_NARROWED), given)
    return {name: value for name, value in narrowed.items() if name in names and value is not None}
