"""What stands on a page: the questions whose headers say so, in their order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from traceql.questions.question import JOB

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from traceql.questions.catalog import Catalog
    from traceql.questions.parameters import Value
    from traceql.questions.question import Query, Section

#: Parameters that are given, by name; a tuple of texts is parsed as the command line's options are.
Given: TypeAlias = "Mapping[str, Value | tuple[str, ...]]"
#: Heading → what is asked under it.
Headings = list[tuple[str, list["Placed"]]]


@dataclass(frozen=True)
class Placed:
    """A question, and where its header puts it."""

    query: Query
    section: Section


def about(catalog: Catalog, trace: Mapping[str, Any]) -> Headings:
    """What is asked of one trace, a row of the table traces."""
    return _headings(
        one
        for one in _sections(catalog)
        if one.section.capability != JOB and fits(one.section.capability, trace)
    )


def of_job(catalog: Catalog) -> Headings:
    """What is asked of all traces of a job."""
    return _headings(one for one in _sections(catalog) if one.section.capability == JOB)


def between(catalog: Catalog, first: Mapping[str, Any], other: Mapping[str, Any]) -> Headings:
    """What is asked of two traces beside each other."""
    placed = (Placed(query, section) for query in catalog.queries.values() for section in query.compared)
    return _headings(
        one for one in placed if fits(one.section.capability, first) and fits(one.section.capability, other)
    )


def fits(capability: str, trace: Mapping[str, Any]) -> bool:
    """Whether a trace has what a section is about: a timeline, counters, or any."""
    return capability == "any" or bool(trace[f"has_{capability}"])


def own(query: Query, given: Given) -> dict[str, Value]:
    """Those of the given parameters that a question has; a tuple of texts becomes a value of its type.

    Raises:
        QueryError: a text stands for no value of the parameter.
    """
    known = {param.name: param for param in query.params}
    return {
        name: known[name].parse(*value) if isinstance(value, tuple) else value
        for name, value in given.items()
        if name in known
    }


def _sections(catalog: Catalog) -> Iterator[Placed]:
    return (Placed(query, section) for query in catalog.queries.values() for section in query.sections)


def _headings(placed: Iterable[Placed]) -> Headings:
    found: dict[str, list[Placed]] = {}
    for one in sorted(placed, key=lambda one: one.section.order):
        found.setdefault(one.section.title, []).append(one)
    return list(found.items())
