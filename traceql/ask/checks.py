"""Verdicts: criteria in a TOML file, judged on the answers of queries.

::

    title = "What the file is about"

    [parameters]                         # for every query that has a parameter of that name
    full_names = true

    [[check]]
    name = "dram-writes-fall"
    query = "diff"
    parameters = { trace_a = "$baseline", trace_b = "$variant" }  # for this query; these mean the traces
    # SQL: which rows of the answer are judged; by default all
    rows = "topic = 'trace' AND measure = 'dram_write_bytes'"
    condition = "delta_pct <= -10"       # SQL: what must hold for each of them
    evidence = "measure, a, b"           # SQL: what to show; by default the columns in the condition
    message = "What the criterion says, and where it comes from"

Parameters called baseline and variant are the two traces. A check passes when its condition is true for every
judged row, and fails when it is false for one. It cannot tell when a number is unknown (NULL), no row is left
to judge, or nothing that the query reads was recorded. Conditions are expressions of DuckDB's SQL over the
columns of the answer, aggregates included: they see nothing else.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

from msgspec import Meta, Struct, structs

from traceql.declared import fitted, from_toml
from traceql.errors import CheckError, MissingDataError, QueryError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.resources.abc import Traversable

    import pyarrow as pa

    from traceql.ask.answer import Asker
    from traceql.questions.catalog import Catalog
    from traceql.questions.parameters import Value
    from traceql.questions.question import Query

Outcome = Literal["pass", "fail", "cannot tell"]

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
        text: the file as it is.
    """

    label: str
    title: str
    parameters: Mapping[str, Any]
    checks: tuple[Check, ...]
    text: str


@dataclass(frozen=True)
class Verdict:
    """What became of one check.

    Attributes:
        name: of the check.
        outcome: pass, fail or cannot tell.
        evidence: what the check shows of the judged rows; of a check that does not pass, those to blame.
        notes: what the traces lack for the answer.
        message: of the check.
    """

    name: str
    outcome: Outcome
    evidence: tuple[Mapping[str, Any], ...]
    notes: tuple[str, ...]
    message: str


# --- files ----------------------------------------------------------------------------------------------


def load(name: str | Path, catalog: Catalog) -> CheckFile:
    """Read a file of checks: a path, or the name of one of the catalogue.

    Raises:
        CheckError: there is none, or it cannot be understood; the message names the file and the check.
    """
    known = catalog.checks
    file: Traversable = Path(name)
    if not file.is_file():
        short = str(name).replace("-", "_")
        if short not in known:
            raise CheckError(f"{name}: no such file", f"Known are {', '.join(known)}. Or name a file.")
        file = known[short]
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CheckError(f"{name}: cannot be read ({error})", "A file of checks is TOML in UTF-8.") from None
    return parse(text, file.name, catalog)


def parse(text: str, label: str, catalog: Catalog) -> CheckFile:
    """Make a file of checks of its text; see `load`."""
    form = from_toml(text, _File, label, CheckError)
    if not form.check:
        raise CheckError(f"{label}: holds no checks", "A check is a table [[check]].")
    checks = tuple(
        _check(table, position, label, catalog) for position, table in enumerate(form.check, start=1)
    )
    names = [check.name for check in checks]
    for name in names:
        if names.count(name) > 1:
            raise CheckError(f"{label}: two checks are called {name!r}", "Give each its own name.")
    _used(form.parameters, checks, label, catalog)
    return CheckFile(label, form.title, form.parameters, checks, text)


class _File(Struct, forbid_unknown_fields=True):
    """The keys of a file; its checks are looked at one by one, so that messages can name them."""

    title: str = ""
    parameters: dict[str, Any] = {}
    check: list[dict[str, Any]] = []


def _check(table: dict[str, Any], position: int, label: str, catalog: Catalog) -> Check:
    where = f"{label}: check {table.get('name', position)!r}"
    check = fitted(table, Check, where, CheckError)
    try:
        query = catalog.find(check.query)
    except QueryError as error:
        raise _at(where, error) from None
    for name, value in check.parameters.items():
        _value(query, name, value, where)
    return structs.replace(check, query=query.name)


def _used(parameters: Mapping[str, Any], checks: tuple[Check, ...], label: str, catalog: Catalog) -> None:
    """Raise for parameters that no query has, or of a type that none of them takes."""
    for name, value in parameters.items():
        takers = [q for q in (catalog.find(c.query) for c in checks) if any(p.name == name for p in q.params)]
        if not takers:
            raise CheckError(f"{label}: none of its queries has a parameter {name!r}", "Is it spelt right?")
        for query in takers:
            _value(query, name, value, label)


def _value(query: Query, name: str, value: Any, where: str) -> Value:
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
        if param.repeatable:
            return param.take(value)
    except QueryError as error:
        raise _at(where, error) from None
    if param.type == "DOUBLE" and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if param.value_type is str or type(value) is not param.value_type:
        raise CheckError(f"{where}: parameter {name}: {value!r} is no {param.type}", param.meaning)
    return cast("Value", value)


def _at(where: str, error: QueryError) -> CheckError:
    # DuckDB's further lines quote the statement that was made of the check.
    return CheckError(f"{where}: {error.message.partition(chr(10))[0]}", error.remedy)


# --- verdicts -------------------------------------------------------------------------------------------


def run(
    ask: Asker,
    file: CheckFile,
    *,
    baseline: str | None = None,
    variant: str | None = None,
    parameters: Mapping[str, Any] | None = None,
) -> list[Verdict]:
    """Judge every check of a file.

    Args:
        ask: the database that holds the traces.
        file: from `load`.
        baseline: name of the trace before a change; None if no check compares with one.
        variant: name of the trace after it, or of the only one.
        parameters: instead of those of the file, for every query that has them; a tuple of texts is parsed
            as the command line's options are.

    Raises:
        CheckError: a check cannot be evaluated; the message names the file and the check.
    """
    given = dict(parameters or {})
    _used(given, file.checks, file.label, ask.catalog)
    traces = {"baseline": baseline, "variant": variant}
    answers: dict[tuple[str, str], tuple[pa.Table | None, tuple[str, ...]]] = {}
    verdicts = []
    for check in file.checks:
        where = f"{file.label}: check {check.name!r}"
        bound = _bound(ask.catalog.find(check.query), file, check, traces, given, where)
        # A value may be a list or a map, which are no keys.
        key = (check.query, repr(bound))
        try:
            for text in (check.condition, check.rows):
                _one_expression(ask, text)
            if check.evidence:
                _expressions(ask, check.evidence, check.evidence)
            if key not in answers:
                answers[key] = _answer(ask, check.query, bound)
        except QueryError as error:
            raise _at(where, error) from error
        answer, notes = answers[key]
        if answer is None:
            verdicts.append(Verdict(check.name, "cannot tell", (), notes, check.message))
            continue
        try:
            outcome, evidence = _judged(ask, check, answer)
        except QueryError as error:
            columns = f"Columns of {check.query}: {', '.join(answer.column_names)}."
            raise _at(where, QueryError(error.message, columns)) from error
        if outcome is None:
            outcome, notes = "cannot tell", (*notes, f"No row of {check.query} to judge.")
        verdicts.append(Verdict(check.name, outcome, evidence, notes, check.message))
    return verdicts


def _bound(
    query: Query,
    file: CheckFile,
    check: Check,
    traces: Mapping[str, str | None],
    given: Mapping[str, Any],
    where: str,
) -> dict[str, Value]:
    names = [param.name for param in query.params]
    sides = {name: f"${name}" for name in traces}
    # Later ones override earlier ones.
    values = {**sides, **file.parameters, **check.parameters, **given}
    bound: dict[str, Value] = {}
    for name, value in values.items():
        if name not in names:
            continue
        trace = str(value).removeprefix("$")
        if str(value).startswith("$") and trace in traces:
            bound[name] = traces[trace]
            if bound[name] is None:
                raise CheckError(f"{where} needs a {trace}", f"Name the trace with --{trace}.")
        else:
            bound[name] = _value(query, name, value, where)
    return bound


def _answer(ask: Asker, query: str, bound: dict[str, Value]) -> tuple[pa.Table | None, tuple[str, ...]]:
    """The answer, None if nothing that it reads was recorded; and notes about what is missing."""
    try:
        answer = ask(query, **bound)
    except MissingDataError as error:
        return None, (f"{error.message}. {error.remedy}",)
    return answer.table, tuple(note.text for note in answer.notes)


def _judged(
    ask: Asker, check: Check, answer: pa.Table
) -> tuple[Outcome | None, tuple[Mapping[str, Any], ...]]:
    """The outcome, None if no row is left to judge, and the evidence."""
    import pyarrow as pa

    def over(statement: str) -> pa.Table:
        return ask.store.run(statement, tables={"answer": answer})

    judged = f"FROM answer WHERE (\n{check.rows}\n)"
    found = over(f"SELECT (\n{check.condition}\n) AS verdict {judged}").column(0)
    if not pa.types.is_boolean(found.type):
        raise QueryError(f"{check.condition.strip()}: neither true nor false, but {found.type}")
    if over(f"SELECT count(*) {judged}").column(0)[0].as_py() == 0:
        return None, ()
    held = found.to_pylist()
    shown = check.evidence or ", ".join(f'"{name}"' for name in _mentioned(check.condition, answer))
    evidence = over(f"SELECT {shown} \n{judged}").to_pylist() if shown else []
    if len(evidence) == len(held) and not all(held):
        # Row by row: those that decided.
        decisive = False if False in held else None
        evidence = [row for row, verdict in zip(evidence, held, strict=True) if verdict is decisive]
    return "fail" if False in held else "pass" if all(held) else "cannot tell", tuple(evidence)


def _mentioned(condition: str, answer: pa.Table) -> list[str]:
    words = set(re.findall(r"\w+", condition))
    return [name for name in answer.column_names if name in words]


# --- the language ---------------------------------------------------------------------------------------


def _one_expression(ask: Asker, text: str) -> None:
    """Raise unless `text` is one expression over columns."""
    # On lines of their own: a comment in the text ends there.
    found = _expressions(ask, text, f"(\n{text}\n)")
    if len(found) != 1 or any(node.get("class") == "STAR" for node in _nodes(found)):
        raise _no_expression(text)


def _expressions(ask: Asker, text: str, selected: str) -> list[Any]:
    """The syntax trees of a list of expressions, as DuckDB parses them.

    Args:
        ask: the database whose parser it is.
        text: as written, for the message.
        selected: the same as it will be part of a statement.

    Raises:
        QueryError: it is something else than that, or asks for other data.
    """
    answer = ask.store.run("SELECT json_serialize_sql($sql) AS parsed", {"sql": f"SELECT {selected}"})
    parsed = json.loads(answer.column(0)[0].as_py())
    if parsed["error"]:
        raise QueryError(f"{text.strip()}: {parsed['error_message']}", "Write an expression of SQL.")
    nodes = [statement["node"] for statement in parsed["statements"]]
    if len(nodes) != 1 or nodes[0]["type"] != "SELECT_NODE" or nodes[0]["from_table"]["type"] != "EMPTY":
        raise _no_expression(text)
    found: list[Any] = nodes[0]["select_list"]
    clauses = ("where_clause", "having", "qualify", "sample", "group_expressions", "modifiers")
    if any(nodes[0][clause] for clause in clauses):
        raise _no_expression(text)
    if any(node.get("class") == "SUBQUERY" for node in _nodes(found)):
        raise _no_expression(text)
    return found


def _no_expression(text: str) -> QueryError:
    return QueryError(
        f"{text.strip()}: not an expression over the answer's columns",
        "Checks take expressions only: no statements, no subqueries, no stars.",
    )


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    """Every object of a JSON tree."""
    if isinstance(tree, dict):
        yield tree
    for child in tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ():
        yield from _nodes(child)
