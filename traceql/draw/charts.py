"""Pictures of answers: each chart is drawn from what questions of the catalogue return.

A question's header says how it is drawn (``-- @chart kind channel=column …``), and its chart has its name.
The functions behind the kinds are marked with `registry.chart`, one module per family.
"""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

import altair as alt
import polars as pl
from altair.utils import schemapi

from traceql.ask.answer import is_shipped
from traceql.draw import (
    changes,
    comparisons,
    counters,
    distributions,
    hierarchies,
    hotspots,
    rooflines,
    stacks,
    sweeps,
    theme,
    timelines,
)
from traceql.draw.registry import KINDS, Drawing
from traceql.errors import CatalogError, QueryError, UnknownQueryError
from traceql.nearest import did_you_mean
from traceql.present import units, values
from traceql.questions.parameters import by_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from traceql.ask.answer import Answer, Asker
    from traceql.draw.registry import Kind
    from traceql.questions.catalog import Catalog
    from traceql.questions.parameters import Param, Value
    from traceql.questions.question import Picture, Query

#: The families; importing them registers their kinds.
FAMILIES = (
    changes,
    comparisons,
    counters,
    distributions,
    hierarchies,
    hotspots,
    rooflines,
    stacks,
    sweeps,
    timelines,
)

#: Charts that have a name of their own → the queries that they show, side by side.
ALIASES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "durations": ("cuda_gpu_kern_hist",),
        "gaps": ("gpu_gaps",),
        "kernels": ("top_kernels",),
        "launches": ("range_launches",),
        "roofline": ("kernel_roofline",),
        "sweeps": ("decode_sweep", "prefill_sweep"),
        "utilisation": ("cuda_gpu_time_util_map",),
    }
)
# Traces that are drawn below each other at most.
_MOST_TRACES = 8


def names(catalog: Catalog) -> dict[str, str]:
    """Every chart → the question that it answers.

    Raises:
        CatalogError: a question's chart cannot be told from another one, or cannot be drawn.
    """
    for query in catalog.queries.values():
        _check(query)
    found = {name: query.title for name, query in catalog.queries.items() if query.pictures}
    return found | {name: catalog.find(queries[0]).title for name, queries in ALIASES.items()}


def queries_of(catalog: Catalog, name: str) -> tuple[Query, ...]:
    """The queries whose answers a chart shows; hyphens count as underscores.

    Raises:
        UnknownQueryError: there is no such chart.
        CatalogError: the header of a question asks for one that cannot be drawn.
    """
    wanted = name.replace("-", "_")
    queries = ALIASES.get(wanted, (wanted,))
    if not all(query in catalog.queries for query in queries):
        known = sorted({*ALIASES, *(query.name for query in catalog.queries.values() if query.pictures)})
        guess = did_you_mean(wanted, known, lambda one: one.replace("_", "-"))
        raise UnknownQueryError(
            f"no chart is called {values.printable(name)!r}",
            f"{guess}All charts: traceql chart --list",
        )
    found = tuple(catalog.find(query) for query in queries)
    if not all(query.pictures for query in found):
        raise UnknownQueryError(f"the query {name} has no chart", "All charts: traceql chart --list")
    for query in found:
        _check(query)
    return found


def _check(query: Query) -> None:
    """Raise unless the charts of a question can be drawn, and told from those that have a name."""
    for shown in query.pictures:
        if shown.kind not in KINDS:
            raise CatalogError(
                f"{shown.where}: there is no kind of chart {shown.kind!r}", f"Known: {', '.join(KINDS)}."
            )
        required, optional = KINDS[shown.kind].channels
        for channel in shown.channels:
            if channel not in required | optional:
                raise CatalogError(
                    f"{shown.where}: {shown.kind} has no channel {channel!r}",
                    f"Channels: {', '.join(sorted(required))}; {', '.join(sorted(optional)) or 'no others'}.",
                )
        if missing := sorted(required - shown.channels.keys()):
            raise CatalogError(
                f"{shown.where}: {shown.kind} needs the channel {missing[0]}", f"Add {missing[0]}=COLUMN"
            )
        if query.name in ALIASES:
            raise CatalogError(
                f"{shown.where}: a chart has the name {query.name}", "Rename the file of the question."
            )


def params(catalog: Catalog, name: str) -> dict[str, Param]:
    """The parameters of a chart: those of its queries, with their defaults.

    Where the defaults of its queries differ, there is none.
    """
    found: dict[str, Param] = {}
    for param in (param for query in queries_of(catalog, name) for param in query.params):
        known = found.setdefault(param.name, param)
        if known.default != param.default:
            found[param.name] = replace(known, default=None)
    return found


def draw(ask: Asker, name: str, /, **values: Value) -> Drawing:
    """The chart of that name, with title and theme.

    Args:
        ask: the database.
        name: of a question, or one of `ALIASES`.
        values: of parameters of its questions.

    Raises:
        UnknownQueryError: there is no such chart.
        QueryError: a parameter is wrong, there is nothing to draw, or too much for one picture.
    """
    return of_answers(answers(ask, name, **values), ask)


def for_notebooks(ask: Asker, name: str, /, **given: Value) -> Drawing:
    """As `draw`, for whoever writes it into a script as it is."""
    with values.in_scripts():
        return draw(ask, name, **given)


def of_answers(given: Sequence[Answer], ask: Asker) -> Drawing:
    """Several answers side by side, with title and theme; see `picture`."""
    panels, refused = [], []
    for answer in given:
        try:
            panels.append(picture(answer, ask))
        except QueryError as error:
            # One of them alone is a picture, too.
            refused.append(error)
    if not panels:
        raise refused[0]
    return themed(panels[0] if len(panels) == 1 else alt.hconcat(*panels, spacing=40))


def answers(ask: Asker, name: str, /, **values: Value) -> list[Answer]:
    """The answers that a chart shows; see `draw`."""
    unknown = values.keys() - params(ask.catalog, name).keys()
    found = []
    for query in queries_of(ask.catalog, name):
        # What is not the other query's parameter either is an error, which the query itself words.
        own = {p.name for p in query.params} | unknown
        found.append(ask(query.name, **{key: value for key, value in values.items() if key in own}))
    return found


def of_answer(answer: Answer, ask: Asker) -> Drawing:
    """The chart of one answer, with title and theme; see `picture`."""
    return themed(picture(answer, ask))


def bare(answer: Answer, ask: Asker) -> Drawing:
    """The chart of one answer without theme; of what comes with traceql tests have validated the parts."""
    with schemapi.debug_mode(not is_shipped(answer.question)):
        return picture(answer, ask)


def picture(answer: Answer, ask: Asker) -> Drawing:
    """One answer, drawn as its question says, one below the other for several traces.

    Without theme, so that it can be part of something larger.

    Raises:
        UnknownQueryError: the question has no chart.
        QueryError: there is nothing to draw, or too much for one picture.
    """
    query, rows = answer.question, answer.frame()
    if not query.pictures:
        raise UnknownQueryError(f"the query {query.name} has no chart", "All charts: traceql chart --list")
    if rows.height == 0:
        raise QueryError(f"{query.name}: no rows, so there is nothing to draw", query.empty)
    _check(query)
    shown = query.pictures[0]
    kind = KINDS[shown.kind]
    # Ranks of a job are drawn together, whatever trace they are in.
    apart = next((name for name in ("job", "trace") if name in rows.columns), None)
    traces = rows[apart].unique().sort().to_list() if apart else []
    if kind.by_trace and len(traces) > _MOST_TRACES:
        raise QueryError(
            f"{query.name}: {len(traces)} traces are too many for one picture (at most {_MOST_TRACES})",
            "Choose fewer with the parameter trace (--trace NAME); traceql ls shows them.",
        )
    if kind.beside and not traces:
        raise CatalogError(
            f"{shown.where}: {shown.kind} also draws {', '.join(kind.beside)} of each trace",
            "Add a column trace.",
        )
    answered = {trace: [ask(name, trace=trace).frame() for name in kind.beside] for trace in traces}
    groups = [[trace] for trace in traces] if kind.by_trace and traces else [traces]
    if kind.together and not kind.by_trace:
        groups = kind.together(answered)
    found: list[tuple[list[str], Drawing]] = []
    refused: list[tuple[list[str], QueryError]] = []
    for group in groups:
        part = rows.filter(pl.col(apart).is_in(group)) if apart and group else rows
        beside = [pl.concat([answered[trace][place] for trace in group]) for place in range(len(kind.beside))]
        try:
            with (
                units.named(query.titles),
                theme.part_of(rows if len(groups) > 1 and not kind.together else None),
            ):
                chart = _drawn(kind, part, beside, shown)
        except QueryError as error:
            refused.append((group, error))
            continue
        found.append((group, theme.moving(chart, len(found)) if kind.moves else chart))
    if not found:
        first = refused[0][1]
        numbers = f"The numbers: traceql query {query.name.replace('_', '-')}"
        raise QueryError(first.message, first.remedy or numbers) from first
    lacking = [f"{', '.join(group)} is not drawn: {error.message}" for group, error in refused]
    if silent := _without_rows(answer, traces):
        lacking.append(f"no rows: {values.listed([values.drawn(trace) for trace in silent])}")
    if "total" not in shown.channels:
        # A chart that is told how many there are says so itself.
        said = theme.limited(len(answer), answer.total_rows)
        # It stands over the first of several traces.
        lacking += [f"in all, {said}" if said and len(groups) > 1 else said]
    drawn: list[Drawing] = []
    for group, chart in found:
        note = theme.notes(chart)
        # The question stands over the first chart, the traces over each.
        names = theme.names_of([values.drawn(name) for name in group]) if group else []
        if names and apart == "job":
            # One without a tag has the name of its first trace.
            names[0] = f"job {names[0]}"
        heading, lines = (
            (names if len(names) > 1 else names[0], note)
            if drawn
            else (theme.titled(query.title), [*filter(None, [*names, _window(answer), *note, *lacking])])
        )
        title = alt.TitleParams(heading, subtitle=lines) if lines else alt.TitleParams(heading)
        sized = {} if isinstance(chart, alt.VConcatChart) else {"width": theme.WIDTH}
        drawn.append(chart.properties(title=title, **sized))
    if len(drawn) == 1:
        return drawn[0]
    below = alt.vconcat(*drawn, spacing=30)
    if not kind.together:
        return below
    # Pictures of several traces each have legends of what is in them.
    return below.resolve_scale(
        color="independent", shape="independent", size="independent", strokeDash="independent"
    )


def _without_rows(answer: Answer, traces: Sequence[str]) -> list[str]:
    """Traces that were asked for by their names, or by a pattern, and of which the answer has none."""
    asked = answer.parameters.get("trace")
    summed = by_of(answer.parameters.get("by"))[1]
    if not answer.question.unites or summed or not isinstance(asked, list):
        return []
    return [trace for trace in asked if trace not in traces]


def _window(answer: Answer) -> str:
    """To which part of traces an answer is narrowed; empty if to none."""
    given = answer.parameters
    times = [
        f"{word} {units.text('_ns', at, 12)}"
        for word in ("from", "to")
        if isinstance(at := given.get(word), int)
    ]
    within = given.get("within")
    return " ".join([*times, *([f"within {values.drawn(str(within))}"] if within else [])])


def _drawn(kind: Kind, part: pl.DataFrame, beside: Sequence[pl.DataFrame], shown: Picture) -> Drawing:
    try:
        return kind.draw(*(_readable(rows) for rows in (part, *beside)), **shown.channels)
    except (TypeError, ValueError, AttributeError, LookupError, pl.exceptions.PolarsError) as error:
        # A number where a text is wanted, a column that the kind also reads: the header asks for it.
        raise CatalogError(
            f"{shown.where}: {shown.kind} cannot be drawn of these columns ({error})",
            "See how questions with such a chart declare theirs: traceql chart --list",
        ) from error


def _readable(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows with every text as it can be drawn."""
    texts = {name: rows[name] for name, kind in rows.schema.items() if kind == pl.String}
    return rows.with_columns(
        pl.Series(name, [None if one is None else values.drawn(one) for one in column], pl.String)
        for name, column in texts.items()
    )


def themed(chart: Drawing) -> Drawing:
    """The chart with the project's theme, ready to be shown."""
    return chart.configure(**theme.config())
