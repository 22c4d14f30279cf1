"""Files of checks: criteria in TOML, whose forms are declared.

::

    title = "What the file is about"

    [parameters]                         # for every query that has a parameter of that name
    names = "full"

    [[check]]
    name = "dram-writes-fall"
    query = "diff"
    parameters = { topic = "trace" }     # for this query; "$baseline" and "$variant" mean the traces
    # SQL: which rows of the answer are judged; by default all
    rows = "measure = 'dram__bytes_write.sum'"
    condition = "delta_pct <= -10"       # SQL: what must hold for each of them
    evidence = "measure, delta"          # SQL: what to show; by default the columns in the condition
    message = "What the criterion says, and where it comes from"

    [[gate]]                             # what may not take longer, see `traceql.ask.verdict`
    topic = "kernel"                     # trace, step, range, category, kernel or copy
    name = "*attention*"                 # by default all of them
    gate_pct = 2                         # by how many percent it may

Parameters called baseline and variant are the two traces. What changed between them is held against the
first gate that is for it.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from msgspec import Meta, Struct, structs

from traceql import given
from traceql.ask import verdict
from traceql.ask.verdict import Gate
from traceql.declared import fitted, from_toml
from traceql.errors import CheckError, QueryError
from traceql.nearest import did_you_mean
from traceql.store import held

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

    from traceql.questions.catalog import Catalog
    from traceql.questions.parameters import Value
    from traceql.questions.question import Query

# More than spaces.
_Text = Annotated[str, Meta(pattern=r"\S")]


class Check(Struct, frozen=True, forbid_unknown_fields=True):
    """One criterion; the attributes are the keys of its TOML table."""

    name: _Text
    query: _Text
    condition: _Text
    message: _Text
    rows: _Text = "true"
    evidence: _Text = ""
    parameters: Mapping[str, Any] = {}


@dataclass(frozen=True)
class CheckFile:
    """A file of checks.

    Attributes:
        label: its name, for messages.
        title: what it is about.
        parameters: for every query of the file that has them.
        checks: in order.
        gates: in order.
        text: the file as it is.
    """

    label: str
    title: str
    parameters: Mapping[str, Any]
    checks: tuple[Check, ...]
    gates: tuple[Gate, ...]
    text: str


def load(name: str | Path, catalog: Catalog) -> CheckFile:
    """Read a file of checks: a path, or the name of one of the catalogue.

    Raises:
        CheckError: there is none, or it cannot be understood; the message names the file and the check.
    """
    known = catalog.checks
    file: Traversable = Path(name)
    # For pathlib a number with thousands of digits is an error, not the name of no file.
    if not os.path.exists(name) or os.path.isdir(name):  # noqa: PTH110, PTH112
        short = str(name).replace("-", "_")
        if short not in known:
            raise CheckError(
                f"{name}: no such file",
                f"{did_you_mean(short, known)}Known are {', '.join(known)}. Or name a file.",
            )
        file = known[short]
    elif held.is_database(name):
        raise CheckError(f"{name}: a database, not a file of checks", "A file of checks is TOML in UTF-8.")
    remedy = "A file of checks is TOML in UTF-8."
    content = given.content(file, str(name), CheckError, remedy)
    try:
        text = given.decoded(content)
    except UnicodeDecodeError as error:
        raise CheckError(f"{name}: cannot be read ({error})", remedy) from None
    return parse(text, file.name, catalog)


def parse(text: str, label: str, catalog: Catalog) -> CheckFile:
    """Make a file of checks of its text; see `load`."""
    form = from_toml(text, _File, label, CheckError)
    if not form.check and not form.gate:
        raise CheckError(
            f"{label}: holds no checks", "A check is a table [[check]], a limit to changes a table [[gate]]."
        )
    checks = tuple(
        _check(table, position, label, catalog) for position, table in enumerate(form.check, start=1)
    )
    for name, times in Counter(check.name for check in checks).items():
        if times > 1:
            raise CheckError(f"{label}: two checks are called {name!r}", "Give each its own name.")
    used(form.parameters, checks, label, catalog)
    gates = tuple(
        _gate(table, f"{label}: gate {position}") for position, table in enumerate(form.gate, start=1)
    )
    return CheckFile(label, form.title, form.parameters, checks, gates, text)


class _File(Struct, forbid_unknown_fields=True):
    """The keys of a file; its checks and gates are looked at one by one, so that messages can name them."""

    title: str = ""
    parameters: dict[str, Any] = {}
    check: list[dict[str, Any]] = []
    gate: list[dict[str, Any]] = []


def gates(text: str | Path | float, catalog: Catalog) -> tuple[Gate, ...]:
    """What a gate says: a percentage for everything (``5%``), or the gates of a file, see `load`.

    Raises:
        CheckError: it is neither, or the file holds no gates.
    """
    if isinstance(text, int | float):
        return verdict.gates(verdict.percent(text, f"{given.said(text)}%"))
    percent = verdict.percent_of(str(text))
    if percent is not None:
        return verdict.gates(percent)
    if re.fullmatch(r"[-+]?[\d.]+", str(text)) and not os.path.exists(text):  # noqa: PTH110
        raise CheckError(f"{text}: neither a percentage nor a file of gates", "Percent have a sign: 5%.")
    file = load(text, catalog)
    if not file.gates:
        raise CheckError(
            f"{file.label}: holds no gates", "A gate is a table [[gate]]: traceql check regression --show"
        )
    return file.gates


def _gate(table: dict[str, Any], where: str) -> Gate:
    gate = fitted(table, Gate, where, CheckError)
    measures = verdict.MEASURES[gate.topic]
    if gate.measure is not None and gate.measure not in measures:
        raise CheckError(
            f"{where}: {gate.measure} is not measured of a {gate.topic}", f"It has {', '.join(measures)}."
        )
    return gate


def _check(table: dict[str, Any], position: int, label: str, catalog: Catalog) -> Check:
    where = f"{label}: check {given.said(table.get('name', position))}"
    check = fitted(table, Check, where, CheckError)
    try:
        query = catalog.find(check.query)
    except QueryError as error:
        raise at(where, error) from None
    for name, value in check.parameters.items():
        value_of(query, name, value, where)
    return structs.replace(check, query=query.name)


def used(parameters: Mapping[str, Any], checks: tuple[Check, ...], label: str, catalog: Catalog) -> None:
    """Raise for parameters that no query has, or of a type that none of them takes."""
    for name, value in parameters.items():
        takers = [q for q in (catalog.find(c.query) for c in checks) if any(p.name == name for p in q.params)]
        if not takers:
            known = {param.name: None for c in checks for param in catalog.find(c.query).params}
            raise CheckError(
                f"{label}: none of its queries has a parameter {name!r}",
                f"{did_you_mean(name, known)}They have {', '.join(known)}.",
            )
        for query in takers:
            value_of(query, name, value, label)


def value_of(query: Query, name: str, value: Any, where: str) -> Value:
    """A TOML value, or texts as on the command line, as what the query's parameter takes."""
    param = next((p for p in query.params if p.name == name), None)
    if param is None:
        known = ", ".join(p.name for p in query.params)
        raise CheckError(f"{where}: query {query.name} has no parameter {name!r}", f"Parameters: {known}.")
    try:
        if isinstance(value, str):
            return param.parse(value)
        if isinstance(value, tuple):
            return param.parse(*value)
        return param.take(value)
    except QueryError as error:
        raise at(where, error) from None


def at(where: str, error: QueryError) -> CheckError:
    """The error of a question as one of the check that asks it."""
    # DuckDB's further lines quote the statement that was made of the check.
    return CheckError(f"{where}: {error.message.partition(chr(10))[0]}", error.remedy)
