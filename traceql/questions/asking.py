"""Questions that read the answers of others: the SQL of those in front, with their parameters."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from traceql.errors import CatalogError, QueryError
from traceql.tables import schema

if TYPE_CHECKING:
    from collections.abc import Mapping

    from traceql.questions.parameters import Value
    from traceql.questions.question import Asked, Query

# The order of the rows of an answer, where it is the last clause and no limit hangs on it.
_ORDER = r"(?i)\nORDER BY (?:(?!\b(?:LIMIT|OFFSET|FETCH|UNION|EXCEPT|INTERSECT)\b)[^();'\"]|\([^()]*\))*\Z"
# A parameter in SQL; what is quoted or a comment is passed over.
_PARAMETER = r"'(?:[^']|'')*'|\"[^\"]*\"|--[^\n]*|\$(?P<name>\w+)\b"


def whole(query: Query, others: Mapping[str, Query]) -> Query:
    """A question whose SQL begins with a WITH clause for each question that it asks.

    A parameter that neither the header gives nor the asking question has is the default of the asked one.

    Raises:
        CatalogError: an asked question is not there, asks itself, or has no such parameter.
    """
    if not query.asks:
        return query
    clauses = [f"{asked.name} AS (\n{_statement(query, asked, others)}\n)" for asked in query.asks]
    rest = re.sub(r"\AWITH\b\s*", "", query.sql)
    joint = ",\n" if rest != query.sql else "\n"
    return replace(query, sql="WITH " + ",\n".join(clauses) + joint + rest)


def _statement(query: Query, asked: Asked, others: Mapping[str, Query]) -> str:
    found = others.get(asked.question)
    if found is None or found.asks:
        known = "asks questions itself" if found else "is no question"
        raise CatalogError(
            f"{query.label}: {asked.question} {known}", "Ask one that reads tables: traceql query --list"
        )
    own = {param.name for param in query.in_sql}
    values: dict[str, str] = {}
    for param in found.in_sql:
        try:
            if param.name in asked.params:
                values[param.name] = _literal(param.parse(asked.params[param.name]))
            elif param.name not in own:
                if param.required:
                    raise QueryError(f"no value for {param.name}")
                values[param.name] = _literal(param.take(param.default))
        except QueryError as error:
            raise CatalogError(
                f"{query.label}: @asks {asked.name}: {error.message}", f"Write {param.name}=VALUE."
            ) from None
    if unknown := asked.params.keys() - values.keys():
        raise CatalogError(
            f"{query.label}: {found.name} has no parameter {', '.join(sorted(unknown))}",
            f"Parameters: {', '.join(param.name for param in found.in_sql) or 'none'}.",
        )
    # Whoever reads rows of a table reads them in no order: to sort them would be for nothing.
    unordered = re.sub(_ORDER, "", found.sql)
    return re.sub(_PARAMETER, lambda match: values.get(match["name"] or "", match[0]), unordered)


def _literal(value: Value) -> str:
    """A value in SQL: names and maps need casts where they stand, which the asked question has."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, str):
        return schema.literal(value)
    if isinstance(value, list):
        return f"[{', '.join(schema.literal(one) for one in value)}]"
    keys = ", ".join(f"{schema.literal(key)}: {_literal(one)}" for key, one in value.items())
    return f"MAP {{{keys}}}"
