"""Which traces a word means: by their names, by patterns of these, by tags."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from traceql.errors import QueryError
from traceql.nearest import did_you_mean
from traceql.questions.parameters import is_pattern, matches

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def meant(there: Iterable[Mapping[str, Any]], word: str) -> list[str]:
    """The names of the traces that a word means: one that has the name, or all that the pattern or tag fits.

    Args:
        there: name and tags of every trace.
        word: a name, a pattern of names, or ``TAG=VALUE``, whose value may be a pattern.
    """
    known = {trace["trace"]: trace["tags"] or {} for trace in there}
    if word in known:
        return [word]
    tag, equals, value = word.partition("=")
    if equals and any(tag in tags for tags in known.values()):
        return [name for name, tags in known.items() if tag in tags and matches(tags[tag], value)]
    return [name for name in known if is_pattern(word) and matches(name, word)]


def no_trace(word: str, there: Iterable[Mapping[str, Any]]) -> QueryError:
    """The error for a word that means no trace.

    Args:
        word: as for `meant`.
        there: name and tags of every trace.
    """
    known = {trace["trace"]: trace["tags"] or {} for trace in there}
    tag, equals, value = word.partition("=")
    tags = sorted({name for labels in known.values() for name in labels})
    all_of_them = "See which there are: traceql ls"
    if equals and tag in tags:
        values = sorted({labels[tag] for labels in known.values() if tag in labels})
        guess = did_you_mean(value, values, lambda one: f"{tag}={one}")
        return QueryError(f"no trace has the tag {word}", f"{guess}{all_of_them}")
    guess = did_you_mean(tag, tags, lambda one: f"{one}={value}") if equals else ""
    return QueryError(f"no trace is called {word!r}", f"{guess or did_you_mean(word, known)}{all_of_them}")
