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
    from concurrent.futures import Executor

    from traceql.ask.answer import Asker
    from traceql.questions.parameters import Value
    from traceql.report.declared import Given, Placed
    from traceql.report.drawing import Begun, Drawer


def under(
    ask: Asker,
    drawer: Drawer,
    heading: str,
    some: Sequence[Placed],
    about: Mapping[str, Value],
    given: Given,
    anchor: str,
) -> Begun[list[Section | Note]]:
    """The section of a heading, where a question under it has an answer; of each of the others a sentence."""
    asked = [made(ask, drawer, placed, about, given, f"{anchor}-{placed.query.name}") for placed in some]

    def drawn() -> list[Section | Note]:
        found = [one() for one in asked]
        silent: list[Section | Note] = [one for one in found if isinstance(one, Note)]
        figures = tuple(one for one in found if isinstance(one, Figure))
        if not figures:
            return silent
        return [Section(f"{anchor}-about-{slug(heading)}", heading, level=3, figures=figures), *silent]

    return drawn


def of_all(begun: Sequence[Begun[list[Section | Note]]], anchor: str, title: str) -> Iterator[Section]:
    """All sections, and at the end one of that name with the sentences, if there are any."""
    silent: list[Note] = []
    for one in begun:
        for part in one():
            if isinstance(part, Note):
                silent.append(part)
            else:
                yield part
    if silent:
        yield Section(f"{anchor}-about-nothing", title, level=3, notes=tuple(silent))


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


def begin(
    ask: Asker,
    drawer: Drawer,
    threads: Executor,
    placed: Placed,
    about: Mapping[str, Value],
    given: Given,
    anchor: str,
) -> None:
    """Have the question of a figure asked in another thread, and the figure drawn."""
    key = (anchor, placed.section.order)
    drawer.ahead(threads, key, _made, ask, drawer, placed, about, given, anchor)


def made(
    ask: Asker,
    drawer: Drawer,
    placed: Placed,
    about: Mapping[str, Value],
    given: Given,
    anchor: str,
) -> Begun[Figure | Note]:
    """A figure, also one that was begun; or why there is none."""
    taken = drawer.taken((anchor, placed.section.order))
    return taken or _made(ask, drawer, placed, about, given, anchor)


def _made(
    ask: Asker,
    drawer: Drawer,
    placed: Placed,
    about: Mapping[str, Value],
    given: Given,
    anchor: str,
) -> Begun[Figure | Note]:
    query, section = placed.query, placed.section
    try:
        begun = figure(
            ask,
            drawer,
            query.name,
            params(placed, about, given),
            anchor=anchor,
            table=not section.chart,
            expanded=section.expanded,
        )
    except MissingDataError as error:
        missing = Note(f"{query.title} {error.message}. {error.remedy}", "missing")
        return lambda: missing

    def drawn() -> Figure | Note:
        shown = begun()
        if not shown.chart and (shown.table is None or section.drawn):
            return Note(f"{query.title} {' '.join(note.text for note in shown.notes) or 'No rows.'}")
        return shown

    return drawn


def params(placed: Placed, about: Mapping[str, Value], given: Given) -> dict[str, Value]:
    """What a question on the page is asked with."""
    return {**about, **placed.section.params, **declared.own(placed.query, given)}


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
