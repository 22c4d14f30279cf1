"""Names and tags that somebody gives to traces and runs: what may be stored of them."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Real
from typing import TypeAlias

from traceql import given
from traceql.errors import ParameterError

#: What a tag may be: nobody quotes a batch size.
Tag: TypeAlias = str | float

_LOOK_LIKE = 'Tags look like {"gpu": "h200", "batch": 8}.'


def tags(wanted: Mapping[str, Tag] | None) -> dict[str, str]:
    """Tags as texts.

    Raises:
        ParameterError: they are no names with texts or numbers.

    >>> tags({"gpu": "h200", "batch": 8, "rate": 0.5})
    {'gpu': 'h200', 'batch': '8', 'rate': '0.5'}
    """
    if not isinstance(wanted, Mapping | None):
        raise ParameterError(f"tags are names with values, and no {type(wanted).__name__}", _LOOK_LIKE)
    found = {}
    for key, value in (wanted or {}).items():
        if not isinstance(key, str) or not key.strip():
            raise ParameterError(f"{given.said(key)} names no tag", _LOOK_LIKE)
        # True is a number to Python alone.
        if not isinstance(value, str | Real) or isinstance(value, bool):
            raise ParameterError(
                f"the tag {key!a} is {given.said(value)}, neither a text nor a number", _LOOK_LIKE
            )
        try:
            found[key] = str(value)
        except ValueError as problem:
            raise ParameterError(f"the tag {key!a} is {given.fault(problem)}", _LOOK_LIKE) from None
        if given.valid(key + found[key]) != key + found[key]:
            raise ParameterError(f"the tag {key!a} is {value!a}, and not Unicode", _LOOK_LIKE)
    return found


def name(wanted: str, of: str) -> str:
    """The name of a trace or of runs.

    Args:
        wanted: the name.
        of: whose it is, for the message.

    Raises:
        ParameterError: it is no text, or has nothing in it that could be seen.
    """
    if not isinstance(wanted, str) or given.valid(wanted) != wanted:
        raise ParameterError(
            f"{of} has a name, and {given.said(wanted)} is none", "Give it one that is a text."
        )
    if not wanted.strip():
        raise ParameterError(f"{of} has a name", "Give it one that is not empty.")
    return wanted
