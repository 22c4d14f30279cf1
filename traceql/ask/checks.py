"""Verdicts: the criteria of a file, judged on the answers of questions.

A check passes when its condition is true for every judged row, and fails when it is false for one. It cannot
tell when a number is unknown (NULL, or divided by 0), no row is left to judge, or nothing that the question
reads was recorded. A gate is a check of every change that it is for: what became worse fails. Conditions are
expressions of DuckDB's SQL over the columns of the answer, aggregates included: they see nothing else, and
have `SECONDS` for their answer, and those that may make much of little a process of their own, with a limit
of memory (`traceql.store.apart`). The files: `check_files`.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from traceql.ask import compare, verdict
from traceql.ask.check_files import Check, CheckFile, at, used, value_of
from traceql.ask.expressions import expressions, is_plain, known, one_expression
from traceql.errors import CheckError, MissingDataError, ParameterError, QueryError, TimeLimitError
from traceql.store import apart, interrupts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pyarrow as pa

    from traceql.ask.answer import Asker
    from traceql.questions.catalog import Catalog
    from traceql.questions.parameters import Value
    from traceql.questions.question import Query

Outcome = Literal["pass", "fail", "cannot tell"]

# Outcome beside a gate → that of a check.
_OF_GATES: dict[str, Outcome] = {"worse": "fail", "cannot tell": "cannot tell"}

#: That one expression of a check may take: those that mean something take milliseconds.
SECONDS = 10.0


@dataclass(frozen=True)
class Verdict:
    """What became of one check.

    Attributes:
        name: of the check.
        outcome: pass, fail or cannot tell.
        evidence: what the check shows of the judged rows; of a check that does not pass, those to blame.
        notes: what the traces lack for the answer.
        message: of the check.
        reason: of a gate, why it cannot be told; else empty.
    """

    name: str
    outcome: Outcome
    evidence: tuple[Mapping[str, Any], ...]
    notes: tuple[str, ...]
    message: str
    reason: str = ""


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
        ParameterError: a check or a gate needs another side, or none takes what is given.
    """
    given = dict(parameters or {})
    try:
        used(given, file.checks, file.label, ask.catalog)
    except CheckError as error:
        # They are the caller's, not the file's.
        raise ParameterError(error.message, error.remedy) from None
    traces = {"baseline": baseline, "variant": variant}
    _needed(file, traces, ask.catalog)
    answers: dict[tuple[str, str], tuple[pa.Table | None, tuple[str, ...]]] = {}
    verdicts = []
    for check in file.checks:
        where = f"{file.label}: check {check.name!r}"
        bound = _bound(ask.catalog.find(check.query), file, check, traces, given, where)
        # A value may be a list or a map, which are no keys.
        key = (check.query, repr(bound))
        try:
            trees = [*one_expression(ask, check.condition), *one_expression(ask, check.rows)]
            if check.evidence:
                trees += expressions(ask, check.evidence, check.evidence)
            if key not in answers:
                answers[key] = _answer(ask, check.query, bound)
        except QueryError as error:
            raise at(where, error) from error
        answer, notes = answers[key]
        if answer is None:
            verdicts.append(Verdict(check.name, "cannot tell", (), notes, check.message))
            continue
        try:
            outcome, evidence = _judged(ask, check, answer, plain=is_plain(trees))
        except QueryError as error:
            columns = f"Columns of {check.query}: {', '.join(answer.column_names)}."
            raise at(where, QueryError(error.message, columns)) from error
        if outcome is None:
            # Where the answer has none, its notes may say so, with what to check.
            said = answer.num_rows == 0 and notes
            outcome, notes = "cannot tell", notes if said else (*notes, f"No row of {check.query} to judge.")
        verdicts.append(Verdict(check.name, outcome, evidence, notes, check.message))
    return [*verdicts, *_beside_gates(ask, file, baseline, variant)]


def _beside_gates(
    ask: Asker, file: CheckFile, baseline: str | None, variant: str | None
) -> Iterator[Verdict]:
    """What became of the gates of a file: of every change that one is for."""
    if not file.gates:
        return
    for side, trace in (("baseline", baseline), ("variant", variant)):
        if trace is None:
            raise ParameterError(f"{file.label}: its gates need a {side}", f"Name the trace with --{side}.")
    assert baseline is not None and variant is not None
    judgement = verdict.judge(ask, [baseline], [variant], file.gates)
    notes = (*compare.unlike(judgement.findings, ["differs"]), *judgement.notes)
    for one in judgement.judged:
        limit = f"Takes at most {one.gate.gate_pct:g} % longer" if one.gate else ""
        told = {name: one.effect[name] for name in ("effect_pct", "low_pct", "high_pct")}
        outcome = _OF_GATES.get(one.outcome or "same", "pass")
        yield Verdict(one.name, outcome, (told,), notes, limit, one.reason)
    if not judgement.judged:
        yield Verdict(file.label, "cannot tell", (), notes, "Nothing takes longer than its gate")


def _needed(file: CheckFile, traces: Mapping[str, str | None], catalog: Catalog) -> None:
    """Raise for a trace that no check would look at, so that the verdicts are not taken for its own."""
    queries = {check.query: catalog.find(check.query) for check in file.checks}
    names = list(dict.fromkeys(param.name for query in queries.values() for param in query.params))
    values = [file.parameters, *(check.parameters for check in file.checks)]
    meant = {value for given in values for value in given.values() if isinstance(value, str)}
    for side, trace in traces.items():
        if trace is not None and not file.gates and side not in names and f"${side}" not in meant:
            raise ParameterError(
                f"{file.label}: none of its checks takes a {side}",
                f"Its queries have the parameters {', '.join(names)}: --param NAME=VALUE.",
            )


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
                raise ParameterError(f"{where} needs a {trace}", f"Name the trace with --{trace}.")
        else:
            bound[name] = value_of(query, name, value, where)
    return bound


def _answer(ask: Asker, query: str, bound: dict[str, Value]) -> tuple[pa.Table | None, tuple[str, ...]]:
    """The answer, None if nothing that it reads was recorded; and notes about what is missing."""
    try:
        answer = ask(query, **bound)
    except MissingDataError as error:
        return None, (f"{error.message}. {error.remedy}",)
    return answer.table, tuple(note.text for note in answer.notes)


def _judged(
    ask: Asker, check: Check, answer: pa.Table, *, plain: bool
) -> tuple[Outcome | None, tuple[Mapping[str, Any], ...]]:
    """The outcome, None if no row is left to judge, and the evidence."""
    import pyarrow as pa

    judged = f"FROM answer WHERE (\n{check.rows}\n)"
    statements = [
        f"SELECT (\n{known(ask, check.condition)}\n) AS verdict {judged}",
        f"SELECT count(*) {judged}",
    ]
    shown = check.evidence or ", ".join(f'"{name}"' for name in _shown(check.condition, answer))
    if shown:
        statements.append(f"SELECT {shown} \n{judged}")
    verdicts, counted, *seen = _over(ask, answer, statements, plain=plain)
    found = verdicts.column(0)
    if not pa.types.is_boolean(found.type):
        raise QueryError(f"{check.condition.strip()}: neither true nor false, but {found.type}")
    if counted.column(0)[0].as_py() == 0:
        return None, ()
    held = found.to_pylist()
    evidence = [row for rows in seen for row in rows.to_pylist()]
    if len(evidence) == len(held) and not all(held):
        # Row by row: those that decided.
        decisive = False if False in held else None
        evidence = [row for row, verdict in zip(evidence, held, strict=True) if verdict is decisive]
    return "fail" if False in held else "pass" if all(held) else "cannot tell", tuple(evidence)


def _over(ask: Asker, answer: pa.Table, statements: list[str], *, plain: bool) -> list[pa.Table]:
    """What statements say of an answer."""
    began = time.monotonic()
    try:
        with interrupts.within(SECONDS):
            if plain:
                return [ask.store.run(statement, tables={"answer": answer}) for statement in statements]
            return apart.run(statements, answer, ask.store.definitions)
    except TimeLimitError as error:
        if time.monotonic() - began < SECONDS:
            # The time of all questions is up, not that of this condition.
            raise
        raise QueryError(f"not answered within {SECONDS:g} s", "Ask for less.") from error


def _shown(condition: str, answer: pa.Table) -> list[str]:
    """The columns that a condition mentions, and the trace where the answer is about several."""
    words = set(re.findall(r"\w+", condition))
    if "trace" in answer.column_names and len(answer["trace"].unique()) > 1:
        words.add("trace")
    return [name for name in answer.column_names if name in words]
