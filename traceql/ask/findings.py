"""What is wrong with traces: at most so many sentences, those first that could save most time.

The rules are questions (``queries/findings``, and a folder findings of the user's own): each row of theirs
is a finding, and what is said about it stands in their headers (``@says``, ``@try``, ``@proof``). Nothing
found is an answer, and so is what could not be told because it was not recorded.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING, Any

from traceql.ask import place
from traceql.errors import CatalogError, MissingDataError, QueryError
from traceql.present import units, values
from traceql.questions.question import FINDINGS, TIMELINE
from traceql.store.ingest import meant, no_trace
from traceql.tables import schema

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import polars as pl
    import pyarrow as pa

    from traceql.ask.answer import Answer, Asker
    from traceql.questions.parameters import Value
    from traceql.questions.question import Query, Saying

#: Findings that are told, if nothing else is asked for.
MOST = 10
#: Said where there is none.
NOTHING = "Nothing wrong found."
_SEVERITIES = ("doubt", "high", "medium", "low")
# A name in braces, and the plural of what it counts.
_NAMED = re.compile(r"\{(\w+)\}(?: ([a-z]+s)\b)?")


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        trace: name of the trace.
        code: what it is, in a word.
        severity: high, medium or low; doubt where other numbers hang on it.
        saving_ns: time that it costs, which no remedy saves more of; None if nobody can tell.
        saving_pct: of the time that was looked at.
        sentence: in words, with its numbers.
        remedy: what may help.
        command: the question that shows it.
        range: NVTX range in which it is; None if it is in none.
        start_ns: start of the first such time, since the trace began; None if it is in no place.
        end_ns: end of the last one.
        numbers: those of the sentence, with units in their names.
        rule: name of the question that found it.
    """

    trace: str
    code: str
    severity: str
    saving_ns: int | None
    saving_pct: float | None
    sentence: str
    remedy: str
    command: str
    range: str | None
    start_ns: int | None
    end_ns: int | None
    numbers: Mapping[str, float | None]
    rule: str

    @property
    def where(self) -> str:
        """In words, where it is; empty if it is in no place."""
        between = [units.text("start_ns", at) for at in (self.start_ns, self.end_ns) if at is not None]
        return ", ".join(filter(None, [self.range and values.drawn(self.range), " to ".join(between)]))

    @property
    def saving(self) -> str:
        """In words, what it costs; empty if nobody can tell."""
        if self.saving_ns is None:
            return ""
        share = f", {units.text('saving_pct', self.saving_pct, 3)}" if self.saving_pct is not None else ""
        return f"at most {units.text('saving_ns', self.saving_ns)}{share}"


@dataclass(frozen=True)
class Findings:
    """What was found, what was looked at, and what could not be told.

    Attributes:
        found: what is wrong, the most important first.
        looked_at: the questions of the rules that were asked, by trace.
        unknown: what could not be told, with what records it.
        more: how many findings there are beside these.
    """

    found: tuple[Finding, ...]
    looked_at: Mapping[str, tuple[str, ...]]
    unknown: tuple[str, ...]
    more: int = 0
    titles: Mapping[str, str] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        """How many there are."""
        return len(self.found)

    def __iter__(self) -> Iterator[Finding]:
        """Each finding."""
        return iter(self.found)

    def table(self) -> pa.Table:
        """One row for each finding: its attributes, but for its numbers."""
        import pyarrow as pa

        kinds = {
            "saving_ns": pa.int64(),
            "saving_pct": pa.float64(),
            "start_ns": pa.int64(),
            "end_ns": pa.int64(),
        }
        return pa.table(
            {
                name: pa.array([getattr(one, name) for one in self.found], kinds.get(name, pa.string()))
                for name in _COLUMNS
            }
        )

    def frame(self) -> pl.DataFrame:
        """`table` as a polars frame."""
        import polars as pl

        return pl.DataFrame(pl.from_arrow(self.table()))

    def to_json(self) -> str:
        """All of it as JSON text: findings, more, looked_at, cannot_tell."""
        content = {
            "findings": [{name: getattr(one, name) for name in (*_COLUMNS, "numbers")} for one in self.found],
            "more": self.more,
            "looked_at": {trace: list(rules) for trace, rules in self.looked_at.items()},
            "cannot_tell": list(self.unknown),
        }
        return values.as_json(content)

    def questions(self) -> list[str]:
        """What was looked at, as the titles of the rules that were asked."""
        asked = dict.fromkeys(rule for rules in self.looked_at.values() for rule in rules)
        return [self.titles[rule] for rule in asked]

    def _repr_html_(self) -> str:
        items = "".join(
            f"<li><b>{escape(values.readable(one.sentence))}</b> "
            f"{escape(values.readable(one.trace))}, {escape(one.saving or one.severity)}"
            f"<br>{escape(values.readable(one.remedy))}"
            f"<br><code>{escape(values.readable(one.command))}</code></li>"
            for one in self.found
        )
        told = f"<ol>{items}</ol>" if items else f"<p>{NOTHING}</p>"
        looked = f"<p>Looked at: {escape(' '.join(self.questions()))}</p>"
        return told + looked + "".join(f"<p>{escape(values.readable(text))}</p>" for text in self.unknown)


_COLUMNS = (
    "trace",
    "code",
    "severity",
    "saving_ns",
    "saving_pct",
    "sentence",
    "remedy",
    "command",
    "range",
    "start_ns",
    "end_ns",
    "rule",
)


def why(
    ask: Asker, traces: Sequence[str], *, limit: int | None = MOST, window: Mapping[str, Value] | None = None
) -> Findings:
    """What is wrong with traces.

    Args:
        ask: the database that holds them.
        traces: names, patterns or tags.
        limit: most findings; None for all.
        window: from, to and within, for the rules that can be narrowed.

    Raises:
        QueryError: no trace, or one that does not exist; or the window is none.
        CatalogError: a rule returns a code of which its header says nothing.
    """
    if not traces:
        raise QueryError("findings are about one trace or more", "See which there are: traceql ls")
    there = place.traces(ask.store.run)
    names: dict[str, None] = {}
    for word in traces:
        if not (some := meant(there, word)):
            raise no_trace(word)
        names.update(dict.fromkeys(some))
    given = {name: value for name, value in (window or {}).items() if value is not None}
    recorded = {
        row["trace"]: row
        for row in ask.store.run("SELECT trace, profiler, has_timeline, has_counters FROM traces").to_pylist()
    }
    found: list[Finding] = []
    unknown: dict[str, None] = {}
    rules = [query for query in ask.catalog.queries.values() if query.topic == FINDINGS]
    looked_at: dict[str, list[str]] = {trace: [] for trace in names}
    for rule in rules:
        # Together, as some rules compare the traces of a job.
        able = [trace for trace in names if _applies(ask, rule, recorded[trace], given)]
        if not able:
            continue
        try:
            answer = ask(rule.name, trace=able, **given)
        except MissingDataError as error:
            unknown[f"Cannot tell: {rule.title} {error.message}. {error.remedy}".strip()] = None
            continue
        lacking = [note.text for note in answer.notes if note.code in ("not_recorded", "not_measured")]
        unknown |= dict.fromkeys(f"Cannot tell wholly: {rule.title} {text}" for text in lacking)
        for trace in able:
            looked_at[trace].append(rule.name)
        found += _of_answer(ask, answer, given)
    found.sort(key=_rank)
    kept = found if limit is None else found[:limit]
    return Findings(
        tuple(kept),
        {trace: tuple(asked) for trace, asked in looked_at.items()},
        tuple(unknown),
        len(found) - len(kept),
        {rule.name: rule.title for rule in rules},
    )


def _rank(one: Finding) -> tuple[Any, ...]:
    doubted = one.severity != "doubt"
    return (
        doubted,
        -(one.saving_ns or 0),
        _SEVERITIES.index(one.severity) if one.severity in _SEVERITIES else len(_SEVERITIES),
        one.trace,
        one.code,
        one.sentence,
    )


def _applies(ask: Asker, rule: Query, trace: Mapping[str, Any], given: Mapping[str, Value]) -> bool:
    """Whether a trace of its kind can tell, and the rule can be asked in the window."""
    if not given.keys() <= {param.name for param in rule.params}:
        return False
    for need in ask.catalog.needs(rule):
        if need == (TIMELINE,):
            if not trace["has_timeline"]:
                return False
            continue
        options = [
            kind for table in need if table in schema.BY_NAME for kind in schema.BY_NAME[table].collected_by
        ]
        if options and trace["profiler"] not in options:
            return False
    return bool(trace["has_counters"] or not ask.catalog.metrics(rule))


def _of_answer(ask: Asker, answer: Answer, given: Mapping[str, Value]) -> Iterable[Finding]:
    rule = answer.question
    for row in answer.table.to_pylist(maps_as_pydicts="strict"):
        saying = rule.sayings.get(row["code"])
        if saying is None:
            raise CatalogError(
                f"{rule.label}: returns {row['code']!r}, of which the header says nothing",
                f"Add lines '-- @says {row['code']} …' and '-- @try {row['code']} …'.",
            )
        numbers = row["numbers"] or {}
        pieces = {name: _number(name, value) for name, value in numbers.items()}
        texts = {name: text or "" for name, text in (row["texts"] or {}).items()}
        shown = pieces | {name: values.drawn(text) for name, text in texts.items()}
        yield Finding(
            **{name: row[name] for name in ("trace", "code", "severity", "saving_ns", "saving_pct")},
            **{name: row[name] for name in ("range", "start_ns", "end_ns")},
            sentence=_filled(saying.sentence, shown, rule),
            remedy=_filled(saying.remedy, {**shown, **texts}, rule),
            command=_command(ask, saying, row["trace"], texts, given),
            numbers=numbers,
            rule=rule.name,
        )


def _number(name: str, value: float | None) -> str:
    if value is not None and value.is_integer() and not units.suffix(name):
        return units.text(name, int(value))
    return units.text(name, value)


def _filled(text: str, pieces: Mapping[str, str], rule: Query) -> str:
    """A sentence with its pieces in it: strangers' texts, none of which is taken for a name in braces.

    Raises:
        CatalogError: it names one that the row does not have.
    """

    def piece(match: re.Match[str]) -> str:
        if match[1] not in pieces:
            raise CatalogError(
                f"{rule.label}: says {match[0]}, which its rows do not have",
                f"Numbers and texts are {', '.join(pieces) or 'none'}.",
            )
        if match[2] and pieces[match[1]] == "1":
            return values.counted(1, match[2])
        return match[0].replace(f"{{{match[1]}}}", pieces[match[1]])

    return _NAMED.sub(piece, text)


def _command(
    ask: Asker, saying: Saying, trace: str, texts: Mapping[str, str], given: Mapping[str, Value]
) -> str:
    """The command of the question that shows it, at the same place."""
    proof = ask.catalog.find(saying.proof.question)
    known = {param.name for param in proof.params}
    asked = {
        name: _NAMED.sub(lambda match: texts.get(match[1], ""), text)
        for name, text in saying.proof.params.items()
    }
    asked |= {name: str(value) for name, value in given.items()}
    words = ["traceql", "query", proof.name.replace("_", "-")]
    for name, text in ({"trace": trace} | asked).items():
        if name in known:
            words += [f"--{name.replace('_', '-')}", text]
    return shlex.join(words)
