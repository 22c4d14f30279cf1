"""One self-contained HTML page about traces, out of answers and charts.

Owns what stands where on the page and how it looks. Which questions stand on it is said by their headers; it
asks them as everybody does, and draws nothing itself.

============ ==========================================================================
`asked`      sections out of what questions answered
`cards`      the cards of the kernels that took most time
`declared`   which questions stand where, as their headers say
`drawing`    what is drawn while the next question is being answered
`troubles`   what is wrong with a trace or a job, at its head
`headline`   key figures, and what became of a comparison
`figures`    an answer as chart and table, with the command and the SQL that ask again
`jobs`       the sections about the ranks of a job
`timeline`   the timeline of a trace, packed for the page's script
`page`       the page: its parts, template, style and scripts
============ ==========================================================================
"""

from __future__ import annotations

import shlex
from contextvars import copy_context
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from traceql.ask import cards as asked_cards
from traceql.ask import info, place
from traceql.ask.answer import Once
from traceql.errors import QueryError
from traceql.present import units
from traceql.present.values import listed
from traceql.read import kinds
from traceql.report import asked, cards, declared, drawing, headline, jobs, page, timeline, troubles
from traceql.report.figures import figure, of_answer
from traceql.report.page import Figure, Note, Page, Section
from traceql.store import ingest
from traceql.store.named import meant, no_trace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from concurrent.futures import Executor

    from traceql.ask.answer import Asker
    from traceql.questions.catalog import Catalog
    from traceql.questions.parameters import Value
    from traceql.questions.question import Query
    from traceql.report.declared import Given, Placed
    from traceql.report.drawing import Begun, Drawer
    from traceql.report.jobs import Job
    from traceql.report.page import Trouble


def about(
    ask: Asker,
    traces: Sequence[str],
    job: str | None = None,
    *,
    title: str = "",
    params: Given | None = None,
) -> str:
    """A report on traces, see `of_traces`, or on a job, see `of_job`.

    Raises:
        QueryError: both are named, or neither is there.
    """
    if job is None:
        return of_traces(ask, traces, title=title, params=params)
    if traces:
        raise QueryError("a report is about traces or about a job", "Name one of both.")
    return of_job(ask, job, title=title, params=params)


def of_traces(
    ask: Asker,
    traces: Sequence[str],
    *,
    title: str = "",
    params: Given | None = None,
) -> str:
    """A report on traces, and on what differs between them if there are several.

    Args:
        ask: the database that holds them.
        traces: their names, patterns or tags; each is compared with the first one of its profiler, unless
            they are the ranks of one job.
        title: of the page; by default the names.
        params: for every question of the page that has them; a tuple of texts is parsed as the command
            line's options are.

    Raises:
        QueryError: no trace, or one that does not exist; or no question has a parameter.
    """
    if not traces:
        raise QueryError("a report is about one trace or more", "See which there are: traceql ls")
    ask = Once(ask)
    with drawing.begun() as drawer, drawing.thread("asking") as ahead:
        # Asked first: a name that does not exist ends it here.
        there = place.traces(partial(ask.store.run, plain=True))
        names = [name for word in traces for name in meant(there, word) or [word]]
        recorded = [_recorded(ask, name) for name in dict.fromkeys(names)]
        given = {name.removesuffix("_"): value for name, value in (params or {}).items()}
        job = jobs.of_all(ask, recorded)
        _refuse_unknown(ask.catalog, recorded, given, job)
        sections: list[Section] = []
        if job is not None:
            sections += jobs.sections(ask, drawer, job, given)
        elif len(recorded) > 1:
            known = jobs.of_each(ask, recorded)
            for number, (first, other) in enumerate(_pairs(recorded), start=1):
                ranks = known.get(first["trace"], "") == known.get(other["trace"])
                sections += _comparison(ask, drawer, first, other, given, f"c{number}", ranks=ranks)
            sections.append(_overview(ask, recorded))
        for number, trace in enumerate(recorded, start=1):
            drawer.prepare()
            _ask_ahead(ask, drawer, ahead, trace, given, f"t{number}")
            sections += _about(ask, drawer, trace, given, f"t{number}")
    return _page(title or f"Trace report: {listed([trace['trace'] for trace in recorded])}", sections)


def of_job(
    ask: Asker,
    name: str,
    *,
    title: str = "",
    params: Given | None = None,
) -> str:
    """A report on a job: its ranks, who waits for whom, and what sets the slowest apart from the fastest.

    Args:
        ask: the database that holds its traces.
        name: of the job, see the view ``jobs``.
        title: of the page; by default the name.
        params: as in `of_traces`.

    Raises:
        QueryError: there is no such job, or no question has a parameter.
    """
    ask = Once(ask)
    job = jobs.named(ask, name)
    given = {word.removesuffix("_"): value for word, value in (params or {}).items()}
    _refuse_unknown(ask.catalog, [], given, job)
    with drawing.begun() as drawer:
        return _page(title or f"Job report: {name}", jobs.sections(ask, drawer, job, given))


def _page(title: str, sections: Iterable[Section]) -> str:
    return page.html(Page(title, f"Made {datetime.now(UTC):%Y-%m-%d %H:%M} UTC.", tuple(sections)))


def _refuse_unknown(
    catalog: Catalog, traces: Sequence[Mapping[str, Any]], given: Mapping[str, object], job: Job | None
) -> None:
    """Raise for a parameter that no question of the page has, beside those that the page itself gives."""
    if not given:
        return
    headings = [one for trace in traces for one in declared.about(catalog, trace)]
    found = []
    if job is not None:
        headings += declared.of_job(catalog)
        found.append(catalog.find("diff"))
    else:
        for first, other in _pairs(traces):
            if _comparable(first, other):
                headings += declared.between(catalog, first, other)
                found += [catalog.find(name) for name in ("comparable", "diff")]
    found += [placed.query for _, some in headings for placed in some]
    if any(declared.fits("timeline", trace) for trace in traces):
        found += [catalog.find(name) for name in timeline.QUESTIONS]
    names = {param.name for query in found for param in query.params} - _GIVEN_BY_THE_PAGE
    for name in given:
        if name not in names:
            raise QueryError(
                f"no question of this page has a parameter {name!r}",
                f"Parameters: {', '.join(sorted(names))}.",
            )


# Which traces a question is about, and which level of a comparison, is not to be said.
_GIVEN_BY_THE_PAGE = {"trace", "baseline", "variant", "topic"}


def of_chart(ask: Asker, name: str, /, **params: Value) -> str:
    """One chart, its numbers and its queries as an HTML page.

    Raises:
        UnknownQueryError: there is no such chart.
        QueryError: a parameter is wrong, there is nothing to draw, or too much for one picture.
        MissingDataError: no trace holds what its queries read.
    """
    from traceql.draw import charts

    figures = []
    answers = charts.answers(ask, name, **params)
    for answer in answers:
        own = {p.name for p in answer.question.params}
        given = {key: value for key, value in params.items() if key in own}
        figures.append(of_answer(answer, given))
    if all(not made.chart for made in figures):
        # Which says why.
        charts.of_answers(answers, ask)
    title = f"Chart: {name.replace('_', '-')}"
    return page.html(Page(title, "", (Section("chart", "", figures=tuple(figures)),)))


def of_kernel(ask: Asker, kernel: str, traces: Sequence[str] = (), names: str = "distinct") -> str:
    """The card of a kernel as an HTML page, trace by trace, with the charts that are about kernels.

    Args:
        ask: the database.
        kernel: name, or a pattern of names.
        traces: names, patterns or tags; none for all.
        names: how kernels are called: short, full or distinct.

    Raises:
        QueryError: there is no such kernel, or no such trace.
    """
    ask = Once(ask)
    found, notes = asked_cards.items(ask, kernel, traces, names)
    sections = []
    with drawing.begun() as drawer:
        for number, name in enumerate(dict.fromkeys(one.trace for one in found), start=1):
            anchor = f"t{number}"
            items = [one for one in found if one.trace == name]
            all_of_them = ask("top_kernels", trace=[name], names=names, limit=None).frame()
            known = dict(all_of_them.select("kernel", "share_pct").iter_rows())
            shares = {one.kernel: known.get(one.kernel) for one in items}
            made = cards.of_items(items, shares, anchor)
            sections.append(Section(anchor, name, cards=tuple(made)))
            about: dict[str, Value] = {"trace": name, "kernel": kernel}
            given: dict[str, Value | tuple[str, ...]] = {"names": names}
            begun = [
                asked.under(
                    ask, drawer, heading, [one for one in some if _is_of_kernels(one)], about, given, anchor
                )
                for heading, some in declared.about(ask.catalog, _recorded(ask, name))
            ]
            sections += [part for one in begun for part in one() if isinstance(part, Section)]
    sections[0] = replace(sections[0], notes=tuple(Note(text, "missing") for text in notes))
    return _page(f"Kernel card: {kernel}", sections)


def _is_of_kernels(placed: Placed) -> bool:
    return any(param.name == "kernel" for param in placed.query.params)


def _recorded(ask: Asker, name: str) -> dict[str, Any]:
    found = ask.store.run("SELECT * FROM traces WHERE trace = $trace", {"trace": name}, plain=True).to_pylist(
        maps_as_pydicts="strict"
    )
    if not found:
        raise no_trace(name, place.traces(ask.store.run))
    trace: dict[str, Any] = found[0]
    return trace


def _overview(ask: Asker, traces: Sequence[Mapping[str, Any]]) -> Section:
    about: dict[str, Value] = {"trace": [trace["trace"] for trace in traces]}
    summary = ask("trace_summary", **about)
    # In the order of the page.
    names = summary.table.column("trace").to_pylist()
    kept = summary.table.take([names.index(trace["trace"]) for trace in traces])
    made = of_answer(replace(summary, table=kept), about, anchor="overview-traces")
    return Section("overview", "The traces", figures=(made,))


def _pairs(
    traces: Sequence[Mapping[str, Any]],
) -> list[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """What is compared on a page: each trace but the first with the first one of its profiler.

    With the first of all where there is none before it, which says why their numbers are not compared.
    """
    firsts: dict[str, Mapping[str, Any]] = {}
    found = []
    for trace in traces:
        first = firsts.get(trace["profiler"])
        if firsts:
            found.append((first or traces[0], trace))
        firsts.setdefault(trace["profiler"], trace)
    return found


def _comparison(
    ask: Asker,
    drawer: Drawer,
    first: Mapping[str, Any],
    other: Mapping[str, Any],
    given: Given,
    anchor: str,
    *,
    ranks: bool,
) -> Iterator[Section]:
    """Whether two traces were recorded alike, and what differs; and whether they are ranks of one job."""
    title = f"{first['trace']} and {other['trace']}"
    if not _comparable(first, other):
        yield Section(anchor, title, notes=(Note(_apart(first, other)),))
        return

    def of(name: str, anchor: str, params: Mapping[str, Value]) -> Figure:
        own = declared.own(ask.catalog.find(name), given)
        return figure(ask, drawer, name, {**params, **own}, anchor=anchor)()

    sides: dict[str, Value] = {"baseline": [first["trace"]], "variant": [other["trace"]]}
    figures = (of("comparable", f"{anchor}-comparable", sides), *asked.differences(of, sides, anchor))
    yield Section(
        anchor,
        title,
        outcome=headline.of_sides(ask, sides, given),
        lead=f"{_SIDES} {_RANKS.format(_page_of(first, other))}" if ranks else _SIDES,
        figures=figures,
    )
    before_after: dict[str, Value] = {"baseline": first["trace"], "variant": other["trace"]}
    for heading, some in declared.between(ask.catalog, first, other):
        begun = [
            asked.made(ask, drawer, placed, before_after, given, f"{anchor}-{placed.query.name}")
            for placed in some
        ]
        # What does not tell of both is no news: the sections about each trace say what it lacks.
        if shown := tuple(made for one in begun if isinstance(made := one(), Figure)):
            yield Section(f"{anchor}-{asked.slug(heading)}", heading, level=3, figures=shown)


_SIDES = "The baseline is the first, the variant the second."
# Of two among other traces: what is done at the same time is no change.
_RANKS = "They are ranks of one job, whose page says who waits for whom: {}"


def _page_of(*traces: Mapping[str, Any]) -> str:
    return shlex.join(["traceql", "report", *(trace["trace"] for trace in traces)])


def _apart(first: Mapping[str, Any], other: Mapping[str, Any]) -> str:
    """Why the numbers of two traces are not compared, and what tells of both."""
    if declared.fits("counters", first) == declared.fits("counters", other):
        return "Different profilers recorded them: their numbers are not compared."
    words = ["traceql", "query", "counters-on-timeline"]
    for side in (first, other):
        words += ["--timeline" if declared.fits("timeline", side) else "--counters", side["trace"]]
    return (
        "A timeline and hardware counters measure different things: their numbers are not compared. "
        f"The counters beside the launches of the timeline: {shlex.join(words)}"
    )


def _comparable(first: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return bool(first["profiler"] == other["profiler"])


# What takes long to compute, once in each thread that reads it: one does.
_ORDERED = frozenset({"operations_in_order", "gaps_on_gpus"})


def _ask_ahead(
    ask: Once, drawer: Drawer, ahead: Executor, trace: Mapping[str, Any], given: Given, anchor: str
) -> None:
    """Have asked in another thread what reads gaps on GPUs, and then the rest of the sections from the end.

    They are wanted from the beginning: who gets to what the other thread has not begun yet asks it himself.
    """
    if not declared.fits("timeline", trace):
        return
    if not given:
        # While headers are read: what questions are there is not known yet.
        gaps = partial(ask.store.run, "SELECT 1 FROM gaps_on_gpus LIMIT 0", about=(trace["trace"],))
        ahead.submit(copy_context().run, partial(gaps, plain=True))

    def reads_gaps(query: Query) -> bool:
        return not _ORDERED.isdisjoint(ask.catalog.names(query))

    troubles.begin(ask, ahead, trace, given, reads_gaps)
    placed = [one for _, some in declared.about(ask.catalog, trace) for one in some]
    ordered = [one for one in placed if reads_gaps(one.query)]
    for one in (*ordered, *(one for one in reversed(placed) if one not in ordered)):
        about = {"trace": trace["trace"]}
        asked.begin(ask, drawer, ahead, one, about, given, f"{anchor}-{one.query.name}")


def _about(
    ask: Asker, drawer: Drawer, trace: Mapping[str, Any], given: Given, anchor: str
) -> Iterator[Section]:
    """The sections about one trace. What several figures note is noted once, at its head."""
    if declared.fits("timeline", trace):
        timeline.ask_first(ask, trace["trace"], given)
    wrong = troubles.of_traces(ask, [trace["trace"]], given, anchor)
    begun = list(_answers(ask, drawer, trace, given, anchor, wrong.get("troubles", ())))
    # Once all is answered: the head asks some of it again.
    parts, noted = asked.noted_once(asked.of_all(begun, anchor, "What this trace does not tell"))
    head = Section(
        anchor,
        trace["trace"],
        key=tuple(headline.of_trace(ask, trace, given)),
        **wrong,
        facts=tuple(_facts(ask, trace)),
        notes=tuple(_remarks(ask, trace)),
    )
    yield replace(head, notes=(*head.notes, *noted))
    yield from parts


def _answers(
    ask: Asker, drawer: Drawer, trace: Mapping[str, Any], given: Given, anchor: str, wrong: Sequence[Trouble]
) -> Iterator[Begun[list[Section | Note]]]:
    """What was asked of one trace, and what it could not tell."""
    name = trace["trace"]
    own: list[tuple[float, Callable[[], Begun[list[Section | Note]]]]] = []
    if declared.fits("timeline", trace):
        own.append((timeline.ORDER, lambda: timeline.of_trace(ask, drawer, name, given, anchor, wrong)))
    if declared.fits("counters", trace):
        # Asked first, of all kernels: what sections show is the beginning of that.
        of_cards = cards.of_trace(ask, name, anchor)
        own.append((cards.ORDER, lambda: lambda: [of_cards] if of_cards else []))
    for heading, some in declared.about(ask.catalog, trace):
        while own and some[0].section.order > own[0][0]:
            yield own.pop(0)[1]()
        yield asked.under(ask, drawer, heading, some, {"trace": name}, given, anchor)


def _facts(ask: Asker, trace: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What was recorded, and how."""
    yield (
        "Profiler",
        kinds.title(trace["profiler"]) + (f" {trace['tool_version']}" if trace["tool_version"] else ""),
    )
    yield "File", f"{trace['file_name']} ({trace['format']})"
    yield "GPU", trace["gpu"] or "not recorded"
    captured = trace["captured_at"]
    yield "Recorded", f"{captured:%Y-%m-%d %H:%M:%S} UTC" if captured else "time not recorded"
    if trace["trace_duration_ns"] is not None:
        yield "Length", units.text("trace_duration_ns", trace["trace_duration_ns"])
    for table, count in ingest.rows(ask.store, trace["trace"]).items():
        if count and table in _COUNTED:
            yield _COUNTED[table], f"{count:,}"
    for name, value in sorted((trace["tags"] or {}).items()):
        yield f"Tag {name}", value
    for name, value in sorted(info.settings(trace["settings"]).items()):
        yield f"Setting {name}", str(value)


_COUNTED = {
    "kernels": "Kernels",
    "api_calls": "CUDA API calls",
    "nvtx_ranges": "NVTX ranges",
    "memory_ops": "Copies and memsets",
    "graph_launches": "CUDA graphs as a whole",
    "metrics": "Counter values",
}


def _remarks(ask: Asker, trace: Mapping[str, Any]) -> Iterator[Note]:
    """What to know before trusting the numbers."""
    if trace["complete"] is False:
        yield Note("The profiler says that events may be missing.", "warning")
    if trace["counts_agree"] is False:
        yield Note("The profiler counted other numbers of events than the file holds.", "warning")
    for text in trace["warnings"] or ():
        yield Note(text, "warning")
    if missing := ingest.missing(ask.store, trace["trace"]):
        yield Note(
            "; ".join(f"{table} (recorded by {option})" for table, option in missing.items()), "missing"
        )
