"""What questions answered, as sections: figures of what there is to see, else sentences on why not."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from traceql.errors import MissingDataError
from traceql.report import declared
from traceql.report.figures import figure
from traceql.report.page import Figure, Note, Section

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from traceql.ask.answer import Asker
    from traceql.questions.parameters import Value
    from traceql.report.declared import Given, Placed


def under(
    ask: Asker,
    heading: str,
    some: Sequence[Placed],
    about: Mapping[str, Value],
    given: Given,
    anchor: str,
    silent: list[Note],
) -> Iterator[Section]:
    """The section of a heading, where a question under it has an answer; the others are told to `silent`."""
    figures = []
    for placed in some:
        one = made(ask, placed, about, given, f"{anchor}-{placed.query.name}")
        if isinstance(one, Figure):
            figures.append(one)
        else:
            silent.append(one)
    if figures:
        yield Section(f"{anchor}-about-{slug(heading)}", heading, level=3, figures=tuple(figures))


def noted_once(parts: Iterable[Section]) -> tuple[list[Section], tuple[Note, ...]]:
    """Sections without the notes that several of their figures have, and these."""
    parts = list(parts)
    noted = Counter(note for part in parts for one in part.figures for note in one.notes)
    common = {note for note, times in noted.items() if times > 1}
    own = [
        replace(
            part,
            figures=tuple(
                replace(one, notes=tuple(note for note in one.notes if note not in common))
                for one in part.figures
            ),
        )
        for part in parts
    ]
    return own, tuple(note for note in noted if note in common)


def made(
    ask: Asker,
    placed: Placed,
    about: Mapping[str, Value],
    given: Given,
    anchor: str,
) -> Figure | Note:
    """A figure; or why there is none."""
    query, section = placed.query, placed.section
    try:
        shown = figure(
            ask,
            query.name,
            {**about, **section.params, **declared.own(query, given)},
            anchor=anchor,
            table=not section.chart,
            expanded=section.expanded,
        )
    except MissingDataError as error:
        return Note(f"{query.title} {error.message}. {error.remedy}", "missing")
    if shown.chart is None and (shown.table is None or section.drawn):
        return Note(f"{query.title} {' '.join(note.text for note in shown.notes)}")
    return shown


def differences(
    of: Callable[[str, str, Mapping[str, Value]], Figure], sides: Mapping[str, Value], anchor: str
) -> Iterator[Figure]:
    """What differs between two sides, topic by topic, as far as it was recorded.

    Args:
        of: makes the figure of a question, with an anchor and parameters.
        sides: baseline and variant.
        anchor: of the section.
    """
    for topic, heading in TOPICS.items():
        try:
            shown = of("diff", f"{anchor}-diff-{topic}", {**sides, "topic": topic})
        except MissingDataError:
            continue
        if shown.table is not None:
            yield replace(shown, about=heading, open=topic == "trace")


#: Topic of a comparison → how its figure is called.
TOPICS = {"trace": "in total", "kernel": "by kernel", "range": "by NVTX range"}


def slug(heading: str) -> str:
    """A heading as part of an anchor."""
    return re.sub(r"\W+", "-", heading.lower()).strip("-")
