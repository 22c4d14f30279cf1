"""One self-contained HTML page about traces, out of answers and charts.

Owns what stands where on the page and how it looks. Which questions stand on it is said by their headers; it
asks them as everybody does, and draws nothing itself.

============ ==========================================================================
`figures`    an answer as chart and table, with the command and the SQL that ask again
`page`       the page: its parts, template, style and script
============ ==========================================================================
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from traceql.draw import charts
from traceql.errors import MissingDataError, QueryError
from traceql.present import units
from traceql.report import page
from traceql.report.figures import figure, of_answer
from traceql.report.page import Figure, Note, Page, Section
from traceql.store import ingest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from traceql.ask.answer import Asker
    from traceql.questions.parameters import Value


@dataclass(frozen=True)
class _Question:
    """A query of a section.

    Attributes:
        query: its name.
        params: beside the trace.
        table: False where the chart is all there is to see.
        expanded: whether the numbers are shown without asking.
        only_drawn: whether there is nothing to see where it cannot be drawn.
    """

    query: str
    params: Mapping[str, Value]
    table: bool = True
    expanded: bool = False
    only_drawn: bool = False


def _ask(
    query: str,
    *,
    table: bool = True,
    expanded: bool = False,
    only_drawn: bool = False,
    **params: Value,
) -> _Question:
    return _Question(query, params, table, expanded, only_drawn)


# What is asked of each kind of trace, by section.
_QUESTIONS: Mapping[str, Mapping[str, tuple[_Question, ...]]] = {
    "nsys": {
        "Coverage": (_ask("coverage"),),
        "Timeline": (
            _ask("timeline", table=False, max_blocks=1_500),
            _ask("cuda_gpu_time_util_map", table=False, bins=120),
        ),
        "Kernels": (_ask("top_kernels", expanded=True), _ask("cuda_gpu_kern_hist", table=False)),
        "Where the time goes": (
            _ask("kernel_categories", expanded=True),
            _ask("step_summary"),
            _ask("layer_breakdown"),
            _ask("range_launches"),
            _ask("memory_summary"),
        ),
        "Gaps and launch overhead": (
            _ask("gpu_gaps", min_gap_ns=10_000),
            _ask("cpu_bound_gaps"),
            _ask("launch_overhead"),
            _ask("api_summary"),
        ),
    },
    "ncu": {
        "Coverage": (_ask("coverage"),),
        "Kernels": (_ask("top_kernels", expanded=True),),
        "Where the time goes": (_ask("kernel_categories", expanded=True), _ask("range_launches")),
        "Rooflines": (
            _ask("kernel_roofline", only_drawn=True),
            _ask("layer_roofline", only_drawn=True),
            _ask("range_roofline", only_drawn=True),
        ),
        "Memory traffic": (_ask("dram_traffic"), _ask("memory_hierarchy")),
    },
}


def of_traces(ask: Asker, traces: Sequence[str], *, title: str = "", **params: Value) -> str:
    """A report on traces, and on what differs between them if there are several.

    Args:
        ask: the database that holds them.
        traces: their names; the others are compared with the first.
        title: of the page; by default the names.
        params: for the questions about what differs that have them.

    Raises:
        QueryError: no trace, or one that does not exist.
    """
    if not traces:
        raise QueryError("a report is about one trace or more", "See which there are: traceql ls")
    # Asked first: a name that does not exist ends it here.
    recorded = [_recorded(ask, name) for name in dict.fromkeys(traces)]
    sections = []
    if len(recorded) > 1:
        sections.append(_overview(ask, recorded))
    sections += [
        _comparison(ask, recorded[0], other, params, f"c{number}")
        for number, other in enumerate(recorded[1:], start=1)
    ]
    for number, trace in enumerate(recorded, start=1):
        sections += _about(ask, trace, f"t{number}")
    made = datetime.now(UTC)
    return page.html(
        Page(
            title or f"Trace report: {', '.join(trace['name'] for trace in recorded)}",
            f"Made {made:%Y-%m-%d %H:%M} UTC.",
            tuple(sections),
        )
    )


def of_chart(ask: Asker, name: str, /, **params: Value) -> str:
    """One chart, its numbers and its queries as an HTML page.

    Raises:
        UnknownQueryError: there is no such chart.
        QueryError: a parameter is wrong.
        MissingDataError: no trace holds what its queries read.
    """
    figures = []
    for answer in charts.answers(ask, name, **params):
        own = {p.name for p in answer.question.params}
        given = {key: value for key, value in charts.asked(name, **params).items() if key in own}
        figures.append(of_answer(answer, given))
    title = f"Chart: {name.replace('_', '-')}"
    return page.html(Page(title, "", (Section("chart", "", figures=tuple(figures)),)))


def _recorded(ask: Asker, name: str) -> dict[str, Any]:
    found = ask.store.run("SELECT * FROM traces WHERE name = $name", {"name": name}).to_pylist(
        maps_as_pydicts="strict"
    )
    if not found:
        raise QueryError(f"no trace is called {name!r}", "See which there are: traceql ls")
    trace: dict[str, Any] = found[0]
    return trace


def _overview(ask: Asker, traces: Sequence[Mapping[str, Any]]) -> Section:
    names = [trace["name"] for trace in traces]
    summary = figure(ask, "trace_summary", {}, anchor="overview-traces")
    assert summary.table is not None
    kept = [row for row in summary.table.rows if row[0].text in names]
    kept.sort(key=lambda row: names.index(row[0].text))
    return Section(
        "overview",
        "The traces",
        figures=(replace(summary, table=replace(summary.table, rows=tuple(kept), left_out="")),),
    )


def _comparison(
    ask: Asker,
    first: Mapping[str, Any],
    other: Mapping[str, Any],
    params: Mapping[str, Value],
    anchor: str,
) -> Section:
    """Whether two traces were recorded alike, and what differs."""
    title = f"{first['name']} and {other['name']}"
    if first["kind"] != other["kind"]:
        text = "A timeline and hardware counters measure different things: their numbers are not compared."
        return Section(anchor, title, notes=(Note(text),))
    sides = {"trace_a": first["name"], "trace_b": other["name"]}
    alike = figure(ask, "comparable", sides, anchor=f"{anchor}-comparable")
    figures = [alike]
    for topic in ("trace", "kernel", "range"):
        try:
            made = figure(ask, "diff", sides | {"topic": topic}, anchor=f"{anchor}-diff-{topic}")
        except MissingDataError:
            continue
        if made.table is not None:
            figures.append(replace(made, about=_TOPICS[topic], open=topic == "trace"))
    before_after: dict[str, Value] = {"baseline": first["name"], "variant": other["name"]}
    delta = {"ncu": "nwor_delta", "nsys": "scv_delta"}[first["kind"]]
    if delta == "nwor_delta":
        before_after |= params
    try:
        made = figure(ask, delta, before_after, anchor=f"{anchor}-{delta}")
    except MissingDataError:
        pass
    else:
        # Where neither trace has the range it is about there is nothing to draw.
        if made.chart is not None:
            outside = _outside_pairs(ask, before_after) if delta == "nwor_delta" else ()
            figures.append(replace(made, notes=(*made.notes, *outside)))
    return Section(anchor, title, lead="A is the first, B the second.", figures=tuple(figures))


# A range that holds as much of all DRAM writes decides what the total says.
_DOMINATES_PCT = 20


def _outside_pairs(ask: Asker, params: Mapping[str, Value]) -> Iterator[Note]:
    """What to know of a delta of traffic: ranges that are in the total, in no pair, and most of it."""
    writes = [
        row for row in ask("nwor_delta", **params).frame().to_dicts() if row["counter"] == "dram_write_bytes"
    ]
    (total,) = (row for row in writes if row["scope"] == "total")
    found = []
    for row in writes:
        shares = [100 * row[s] / total[s] for s in ("baseline", "variant") if row[s] and total[s]]
        if row["scope"] == "range" and max(shares, default=0) >= _DOMINATES_PCT:
            found.append(f"{row['range']} ({max(shares):.0f} %)")
    if found:
        yield Note(
            f"In the total, and in no pair, are ranges with much of the DRAM writes: {', '.join(found)}. "
            "Pair those that do the same work (--pair BEFORE=AFTER), and leave out what is none of it, "
            "such as the flush of a cache (--exclude PATH)."
        )


_TOPICS = {"trace": "in total", "kernel": "by kernel", "range": "by NVTX range"}


def _about(ask: Asker, trace: Mapping[str, Any], anchor: str) -> Iterator[Section]:
    """The sections about one trace. What several figures note is noted once, at its head."""
    parts = list(_answers(ask, trace, anchor))
    noted = Counter(note for part in parts for made in part.figures for note in made.notes)
    common = {note for note, times in noted.items() if times > 1}
    yield Section(
        anchor,
        trace["name"],
        facts=tuple(_facts(ask, trace)),
        notes=(*_remarks(ask, trace), *(note for note in noted if note in common)),
    )
    for part in parts:
        figures = (
            replace(made, notes=tuple(note for note in made.notes if note not in common))
            for made in part.figures
        )
        yield replace(part, figures=tuple(figures))


def _answers(ask: Asker, trace: Mapping[str, Any], anchor: str) -> Iterator[Section]:
    """What was asked of one trace, and what it could not tell."""
    name = trace["name"]
    silent: list[Note] = []
    for heading, questions in _QUESTIONS[trace["kind"]].items():
        figures = []
        for question in questions:
            made = _made(ask, question, name, f"{anchor}-{question.query}")
            if isinstance(made, Figure):
                figures.append(made)
            else:
                silent.append(made)
        if figures:
            slug = heading.lower().replace(" ", "-")
            yield Section(f"{anchor}-about-{slug}", heading, level=3, figures=tuple(figures))
    if silent:
        yield Section(
            f"{anchor}-about-nothing", "What this trace does not tell", level=3, notes=tuple(silent)
        )


def _made(ask: Asker, question: _Question, trace: str, anchor: str) -> Figure | Note:
    """A figure; or why there is none."""
    query = ask.catalog.find(question.query)
    try:
        made = figure(
            ask,
            question.query,
            {"trace": trace, **question.params},
            anchor=anchor,
            table=question.table,
            expanded=question.expanded,
        )
    except MissingDataError as error:
        return Note(f"{query.title} {error.message}. {error.remedy}", "missing")
    if made.chart is None and (made.table is None or question.only_drawn):
        return Note(f"{query.title} {' '.join(note.text for note in made.notes)}")
    return made


def _facts(ask: Asker, trace: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What was recorded, and how."""
    yield (
        "Profiler",
        {"nsys": "Nsight Systems", "ncu": "Nsight Compute"}[trace["kind"]]
        + (f" {trace['tool_version']}" if trace["tool_version"] else ""),
    )
    yield "File", f"{trace['file_name']} ({trace['format']})"
    yield "GPU", trace["gpu"] or "not recorded"
    captured = trace["captured_at"]
    yield "Recorded", f"{captured:%Y-%m-%d %H:%M:%S} UTC" if captured else "time not recorded"
    if trace["duration_ns"] is not None:
        yield "Length", units.text("duration_ns", trace["duration_ns"])
    for table, count in ingest.rows(ask.store, trace["name"]).items():
        if count and table in _COUNTED:
            yield _COUNTED[table], f"{count:,}"
    for name, value in sorted((trace["tags"] or {}).items()):
        yield f"Tag {name}", value
    for name, value in sorted(_settings(trace["settings"]).items()):
        yield f"Setting {name}", value


_COUNTED = {
    "kernels": "Kernels",
    "api_calls": "CUDA API calls",
    "nvtx_ranges": "NVTX ranges",
    "memory_ops": "Copies and memsets",
    "graph_launches": "CUDA graphs as a whole",
    "metrics": "Counter values",
}


def _settings(text: str | None) -> dict[str, str]:
    import json

    return {str(key): str(value) for key, value in json.loads(text).items()} if text else {}


def _remarks(ask: Asker, trace: Mapping[str, Any]) -> Iterator[Note]:
    """What to know before trusting the numbers."""
    if trace["complete"] is False:
        yield Note("The profiler says that events may be missing.", "warning")
    if trace["counts_agree"] is False:
        yield Note("The profiler counted other numbers of events than the file holds.", "warning")
    for text in trace["warnings"] or ():
        yield Note(text, "warning")
    if missing := ingest.missing(ask.store, trace["name"]):
        yield Note(
            "; ".join(f"{table} (recorded by {option})" for table, option in missing.items()), "missing"
        )
