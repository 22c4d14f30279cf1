"""One self-contained HTML page about traces, out of queries and charts."""

from __future__ import annotations

import warnings
from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from traceql.draw import charts
from traceql.errors import MissingDataError, MissingDataWarning, QueryError
from traceql.present import units
from traceql.questions import catalog
from traceql.report import page
from traceql.report.figures import figure
from traceql.report.page import Figure, Note, Page, Section

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from traceql.database import Database


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
    params: Mapping[str, catalog.Value]
    table: bool = True
    expanded: bool = False
    only_drawn: bool = False


def _ask(
    query: str,
    *,
    table: bool = True,
    expanded: bool = False,
    only_drawn: bool = False,
    **params: catalog.Value,
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


def of_traces(
    database: Database,
    traces: Sequence[str],
    *,
    title: str = "",
    pair: Mapping[str, str] = MappingProxyType({}),
    exclude: Sequence[str] = (),
) -> str:
    """A report on traces, and on what differs between them if there are several.

    Args:
        database: that holds them.
        traces: their names; the others are compared with the first.
        title: of the page; by default the names.
        pair: range paths that do the same work in two ncu traces, before → after (LIKE patterns).
        exclude: range paths to leave out of what two ncu traces are compared in (LIKE patterns).

    Raises:
        QueryError: no trace, or one that does not exist; pair or exclude without two ncu traces to compare.
    """
    if not traces:
        raise QueryError("a report is about one trace or more", "See which there are: traceql ls")
    # Asked first: a name that does not exist ends it here.
    recorded = [_recorded(database, name) for name in dict.fromkeys(traces)]
    compared = recorded[0]["kind"] == "ncu" and any(other["kind"] == "ncu" for other in recorded[1:])
    if (pair or exclude) and not compared:
        raise QueryError(
            "ranges are paired or left out where ncu traces are compared",
            "Name two ncu traces, or neither a pair nor a range to exclude.",
        )
    ranges: dict[str, catalog.Value] = {}
    if pair:
        ranges["pair"] = dict(pair)
    if exclude:
        ranges["exclude"] = list(exclude)
    sections = []
    if len(recorded) > 1:
        sections.append(_overview(database, recorded))
    sections += [
        _comparison(database, recorded[0], other, ranges, f"c{number}")
        for number, other in enumerate(recorded[1:], start=1)
    ]
    for number, trace in enumerate(recorded, start=1):
        sections += _about(database, trace, f"t{number}")
    made = datetime.now(UTC)
    return page.html(
        Page(
            title or f"Trace report: {', '.join(trace['name'] for trace in recorded)}",
            f"Made {made:%Y-%m-%d %H:%M} UTC.",
            tuple(sections),
        )
    )


def of_chart(database: Database, name: str, /, **params: catalog.Value) -> str:
    """One chart, its numbers and its queries as an HTML page.

    Raises:
        UnknownQueryError: there is no such chart.
        QueryError: a parameter is wrong.
        MissingDataError: no trace holds what its queries read.
    """
    figures = []
    params = charts.asked(name, **params)
    for query in charts.queries_of(name):
        own = {p.name for p in query.params}
        figures.append(figure(database, query.name, {k: v for k, v in params.items() if k in own}))
    title = f"Chart: {name.replace('_', '-')}"
    return page.html(Page(title, "", (Section("chart", "", figures=tuple(figures)),)))


def _recorded(database: Database, name: str) -> dict[str, Any]:
    found = database.arrow("SELECT * FROM traces WHERE name = $name", {"name": name}).to_pylist(
        maps_as_pydicts="strict"
    )
    if not found:
        raise QueryError(f"no trace is called {name!r}", "See which there are: traceql ls")
    trace: dict[str, Any] = found[0]
    return trace


def _overview(database: Database, traces: Sequence[Mapping[str, Any]]) -> Section:
    names = [trace["name"] for trace in traces]
    summary = figure(database, "trace_summary", {}, anchor="overview-traces")
    assert summary.table is not None
    kept = [row for row in summary.table.rows if row[0].text in names]
    kept.sort(key=lambda row: names.index(row[0].text))
    return Section(
        "overview",
        "The traces",
        figures=(replace(summary, table=replace(summary.table, rows=tuple(kept), left_out="")),),
    )


def _comparison(
    database: Database,
    first: Mapping[str, Any],
    other: Mapping[str, Any],
    ranges: Mapping[str, catalog.Value],
    anchor: str,
) -> Section:
    """Whether two traces were recorded alike, and what differs."""
    title = f"{first['name']} and {other['name']}"
    if first["kind"] != other["kind"]:
        text = "A timeline and hardware counters measure different things: their numbers are not compared."
        return Section(anchor, title, notes=(Note(text),))
    sides: dict[str, catalog.Value] = {"baseline": first["name"], "variant": other["name"]}
    alike = figure(database, "comparable", sides, anchor=f"{anchor}-comparable")
    figures = [alike]
    for topic in ("trace", "kernel", "range"):
        try:
            made = figure(database, "diff", sides | {"topic": topic}, anchor=f"{anchor}-diff-{topic}")
        except MissingDataError:
            continue
        if made.table is not None:
            figures.append(replace(made, about=_TOPICS[topic], open=topic == "trace"))
    delta = {"ncu": "nwor_delta", "nsys": "scv_delta"}[first["kind"]]
    asked = {**sides, **ranges} if delta == "nwor_delta" else sides
    try:
        made = figure(database, delta, asked, anchor=f"{anchor}-{delta}")
    except MissingDataError:
        pass
    else:
        # Where neither trace has the range it is about there is nothing to draw.
        if made.chart is not None:
            outside = _outside_pairs(database, asked) if delta == "nwor_delta" else ()
            figures.append(replace(made, notes=(*made.notes, *outside)))
    return Section(
        anchor, title, lead="The baseline is the first, the variant the second.", figures=tuple(figures)
    )


# A range that holds as much of all DRAM writes decides what the total says.
_DOMINATES_PCT = 20


def _outside_pairs(database: Database, params: Mapping[str, catalog.Value]) -> Iterator[Note]:
    """What to know of a delta of traffic: ranges that are in the total, in no pair, and most of it."""
    with warnings.catch_warnings():
        # The figure has noted what is missing.
        warnings.simplefilter("ignore", MissingDataWarning)
        answer = database.query("nwor_delta", **params)
    writes = [row for row in answer.to_dicts() if row["measure"] == "dram_write_bytes"]
    (total,) = (row for row in writes if row["scope"] == "total")
    found = []
    for row in writes:
        shares = [100 * row[s] / total[s] for s in ("baseline", "variant") if row[s] and total[s]]
        if row["scope"] == "range" and max(shares, default=0) >= _DOMINATES_PCT:
            found.append(f"{row['path']} ({max(shares):.0f} %)")
    if found:
        yield Note(
            f"In the total, and in no pair, are ranges with much of the DRAM writes: {', '.join(found)}. "
            "Pair those that do the same work (--pair BEFORE=AFTER), and leave out what is none of it, "
            "such as the flush of a cache (--exclude PATH)."
        )


_TOPICS = {"trace": "in total", "kernel": "by kernel", "range": "by NVTX range"}


def _about(database: Database, trace: Mapping[str, Any], anchor: str) -> Iterator[Section]:
    """The sections about one trace. What several figures note is noted once, at its head."""
    parts = list(_answers(database, trace, anchor))
    noted = Counter(note for part in parts for made in part.figures for note in made.notes)
    common = {note for note, times in noted.items() if times > 1}
    yield Section(
        anchor,
        trace["name"],
        facts=tuple(_facts(database, trace)),
        notes=(*_remarks(database, trace), *(note for note in noted if note in common)),
    )
    for part in parts:
        figures = (
            replace(made, notes=tuple(note for note in made.notes if note not in common))
            for made in part.figures
        )
        yield replace(part, figures=tuple(figures))


def _answers(database: Database, trace: Mapping[str, Any], anchor: str) -> Iterator[Section]:
    """What was asked of one trace, and what it could not tell."""
    name = trace["name"]
    silent: list[Note] = []
    for heading, questions in _QUESTIONS[trace["kind"]].items():
        figures = []
        for question in questions:
            made = _made(database, question, name, f"{anchor}-{question.query}")
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


def _made(database: Database, question: _Question, trace: str, anchor: str) -> Figure | Note:
    """A figure; or why there is none."""
    query = catalog.find(question.query)
    try:
        made = figure(
            database,
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


def _facts(database: Database, trace: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
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
    for table, count in database.rows(trace["name"]).items():
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


def _remarks(database: Database, trace: Mapping[str, Any]) -> Iterator[Note]:
    """What to know before trusting the numbers."""
    if trace["complete"] is False:
        yield Note("The profiler says that events may be missing.", "warning")
    if trace["counts_agree"] is False:
        yield Note("The profiler counted other numbers of events than the file holds.", "warning")
    for text in trace["warnings"] or ():
        yield Note(text, "warning")
    if missing := database.missing(trace["name"]):
        yield Note(
            "; ".join(f"{table} (recorded by {option})" for table, option in missing.items()), "missing"
        )
