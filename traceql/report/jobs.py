"""The sections about a job: what its ranks did together, and what sets the slowest apart from the fastest."""

from __future__ import annotations

import shlex
from collections import Counter
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from traceql.ask import compare, place
from traceql.errors import QueryError
from traceql.nearest import did_you_mean
from traceql.present import units
from traceql.report import asked, declared, troubles
from traceql.report.figures import figure
from traceql.report.page import Figure, Note, Section
from traceql.store.named import meant

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from traceql.ask.answer import Asker
    from traceql.questions.parameters import Value
    from traceql.report.declared import Given
    from traceql.report.drawing import Begun, Drawer

_ANCHOR = "job"
# Their times are those of each trace.
_WHOLE = "What is wrong is told of the whole job, not of the stretch of time."


@dataclass(frozen=True)
class Job:
    """A job: its name, and the words that mean its traces."""

    name: str
    traces: Sequence[str]


def named(ask: Asker, name: str) -> Job:
    """The job of a name.

    Raises:
        QueryError: there is none.
    """
    there = place.traces(ask.store.run)
    if tagged := [trace["trace"] for trace in there if (trace["tags"] or {}).get("job") == name]:
        return Job(name, _words(name, tagged, meant(there, f"job={name}")))
    rows = ask.store.run("SELECT DISTINCT trace FROM jobs WHERE job = $job ORDER BY trace", {"job": name})
    if not rows.num_rows:
        raise QueryError(
            f"no job is called {name!r}",
            f"{did_you_mean(name, compare.jobs(ask))}See which there are: traceql query job-summary. "
            "Make one: traceql tag TRACE… job=NAME",
        )
    return Job(name, rows.column(0).to_pylist())


def of_all(ask: Asker, traces: Sequence[Mapping[str, Any]]) -> Job | None:
    """The job that several traces, rows of the table traces, are the ranks of; None if they are of none."""
    if len(traces) < 2 or not all(trace["has_timeline"] for trace in traces):
        return None
    names = [trace["trace"] for trace in traces]
    found = {*of_each(ask, traces).values()}
    if len(found) != 1:
        return None
    (name,) = found
    return Job(name, _words(name, names, meant(place.traces(ask.store.run), f"job={name}")))


def of_each(ask: Asker, traces: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """The job of each of several traces that has a timeline; one that no other shares is its own."""
    names = [trace["trace"] for trace in traces if trace["has_timeline"]]
    if len(names) < 2:
        return {}
    rows = ask.store.run("SELECT DISTINCT trace, job FROM job_ranks($traces)", {"traces": names})
    return {row["trace"]: str(row["job"]) for row in rows.to_pylist()}


def _words(name: str, traces: Sequence[str], tagged: Sequence[str]) -> list[str]:
    """The tag where it means these traces, else their names."""
    return [f"job={name}"] if set(traces) == set(tagged) else list(traces)


def sections(ask: Asker, drawer: Drawer, job: Job, given: Given) -> Iterator[Section]:
    """All that is asked of a job, with its head. What several figures note is noted there, once."""
    parts, noted = asked.noted_once(
        asked.of_all(_answers(ask, drawer, job, given), _ANCHOR, "What this job does not tell")
    )
    yield Section(
        _ANCHOR,
        f"Job {job.name}",
        **troubles.of_traces(ask, job.traces, {}, _ANCHOR),
        facts=tuple(_facts(ask, job, given)),
        notes=(*([Note(_WHOLE)] if {"from", "to", "within"} & given.keys() else []), *noted),
    )
    yield from parts


def _answers(ask: Asker, drawer: Drawer, job: Job, given: Given) -> list[Begun[list[Section | Note]]]:
    about: dict[str, Value] = {"trace": list(job.traces)}
    return [
        *(
            asked.under(ask, drawer, heading, some, about, given, _ANCHOR)
            for heading, some in declared.of_job(ask.catalog)
        ),
        lambda: list(_slowest(ask, drawer, job, given)),
    ]


def _slowest(ask: Asker, drawer: Drawer, job: Job, given: Given) -> Iterator[Section | Note]:
    """What sets the slowest rank apart from the fastest."""
    try:
        own = declared.own(ask.catalog.find("diff"), given)
        asked_of = {name: own.pop(name, None) for name in ("from", "to", "within")}
        of_ranks, fastest, slowest = compare.ranks(ask, job.name, asked_of)
    except QueryError as error:
        yield Note(f"Slowest and fastest rank: {error.message}. {error.remedy}")
        return

    def of(name: str, anchor: str, params: Mapping[str, Value]) -> Figure:
        shown = figure(of_ranks, drawer, name, {**params, **own}, anchor=anchor)()
        command = ["traceql", "diff", "--job", job.name, "--topic", str(params["topic"])]
        for word, value in asked_of.items():
            command += [] if value is None else [f"--{word}", str(value)]
        narrowed = "" if of_ranks is ask else "-- of tables narrowed to what each rank did\n"
        return replace(shown, command=shlex.join(command), sql=narrowed + shown.sql)

    sides: dict[str, Value] = {"baseline": [fastest], "variant": [slowest]}
    if figures := tuple(asked.differences(of, sides, _ANCHOR)):
        lead = f"{fastest} is the fastest, as it waits most for others: the baseline. {slowest} waits least."
        yield Section(
            f"{_ANCHOR}-slowest", "The slowest rank against the fastest", level=3, lead=lead, figures=figures
        )


def _facts(ask: Asker, job: Job, given: Given) -> Iterator[tuple[str, str]]:
    """How many ranks there are, on what, how long, and what is missing."""
    own = declared.own(ask.catalog.find("job_summary"), given)
    ranks = ask("job_summary", trace=list(job.traces), **own).frame().to_dicts()
    known = {row["rank"] for row in ranks if row["rank"] is not None and row["rank"] >= 0}
    of = max(len(ranks), 1 + max(known, default=-1), *(row["communicator_ranks"] or 0 for row in ranks))
    yield "Ranks", f"{len(ranks)} of {of:,} recorded" if of > len(ranks) else f"{len(ranks)}"
    if hosts := {row["host"] for row in ranks if row["host"] is not None}:
        yield "Hosts", f"{len(hosts)}"
    gpus = Counter(row["gpu"] or "not recorded" for row in ranks if row["gpu_id"] is not None)
    none = "not recorded" if all(row["kernels"] is None for row in ranks) else "none at work"
    yield "GPUs", ", ".join(f"{count} × {gpu}" for gpu, count in sorted(gpus.items())) or none
    spans = [
        (row["start_ns"], row["start_ns"] + row["span_ns"])
        for row in ranks
        # Of operations that end before they start no end is known.
        if row["start_ns"] is not None and row["span_ns"] is not None
    ]
    if spans:
        starts, ends = zip(*spans, strict=True)
        yield "Span", units.text("span_ns", max(ends) - min(starts))
    missing = [f"rank {_called(row)}: {row['finding']}" for row in ranks if row["finding"]]
    if known and of > len(ranks):
        # A number that somebody gave may be large.
        unseen = (number for number in range(of) if number not in known)
        missing += [f"rank {number}: not recorded" for number in islice(unseen, _MOST_MISSING)]
        if (more := of - len(known) - _MOST_MISSING) > 0:
            missing.append(f"{more:,} more")
    yield "Missing", "; ".join(missing) or "nothing"


# Ranks that were not recorded that are named one by one.
_MOST_MISSING = 8


def _called(row: Mapping[str, Any]) -> str:
    return row["trace"] if row["rank"] is None else f"{row['rank']} ({row['trace']})"
