"""What is wrong with traces: at most so many sentences, those first that could save most time.

The rules are questions (``queries/findings``, and a folder findings of the user's own): each row of theirs
is a finding, and what is said about it stands in their headers (``@says``, ``@try``, ``@where``, ``@proof``).
Nothing found is an answer, and so is what could not be told because it was not recorded.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field
from functools import partial
from html import escape
from typing import TYPE_CHECKING, Any

from traceql.ask import floors, gaps, place
from traceql.ask.answer import Once
from traceql.errors import CatalogError, MissingDataError, ParameterError, QueryError
from traceql.given import said
from traceql.present import units, values
from traceql.questions.parameters import PLACES
from traceql.questions.question import FINDINGS, TIMELINE
from traceql.store.named import meant, no_trace
from traceql.tables import schema

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from concurrent.futures import Executor

    import polars as pl
    import pyarrow as pa

    from traceql.ask.answer import Answer, Asker
    from traceql.predict.models import Model
    from traceql.questions.parameters import Value
    from traceql.questions.question import Asked, Query

#: Findings that are told, if nothing else is asked for.
MOST = 10
#: Said where there is none, and where there was nothing to ask.
NOTHING = "Nothing wrong found."
NO_RULE = "No rule is about such traces, or can be asked so."
_NOTHING_ASKED_OF = "Nothing could be looked at in {}."
_SEVERITIES = ("doubt", "high", "medium", "low", "once")
# A name in braces; behind | with what it counts, as one is called and as others are; behind ? these words
# alone. Or the question of a command.
_NAMED = re.compile(
    r"\{(?:query (?P<query>[^{}]+)|(?P<name>\w+)(?:(?P<form>[|?])(?P<one>[^{}|]*)\|(?P<others>[^{}|]*))?)\}"
)
# Said where nothing in it is 0, empty or unknown.
_PART = re.compile(r"\[([^\[\]]*)\]")
# In a proof: all traces that were asked together, as one alone shows nothing.
_TOGETHER = "*"


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        trace: name of the trace.
        code: what it is, in a word.
        severity: high, medium or low; doubt where other numbers hang on it; once where it is paid once.
        saving_ns: time that it costs, which no remedy saves more of; None if nobody can tell.
        saving_pct: of the time that was looked at.
        sentence: in words, with its numbers.
        remedy: what may help.
        command: the question that shows it.
        commands: those of questions that the remedy tells.
        place: in words, in what it is beside range and time: a launch, a process; empty if these tell it.
        range: NVTX range in which it is; None if it is in none.
        start_ns: start of the first such time, since the trace began; None if it is in no place.
        end_ns: end of the last one.
        numbers: those of the sentence and the place, with units in their names.
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
    commands: tuple[str, ...]
    place: str
    range: str | None
    start_ns: int | None
    end_ns: int | None
    numbers: Mapping[str, float | None]
    rule: str

    @property
    def where(self) -> str:
        """In words, where it is; empty if nobody said."""
        named = self.range and values.drawn(self.range)
        return ", ".join(filter(None, [self.place, named, _between(self.start_ns, self.end_ns)]))

    @property
    def saving(self) -> str:
        """In words, what it costs; empty if nobody can tell."""
        if self.saving_ns is None:
            return ""
        share = f", {units.text('saving_pct', self.saving_pct, 3)}" if self.saving_pct is not None else ""
        return f"at most {units.text('saving_ns', self.saving_ns)}{share}"


@dataclass(frozen=True)
class Findings:
    """What was found, what was looked at, what is to be known about that, and what could not be told.

    Attributes:
        found: what is wrong, the most important first.
        looked_at: the questions of the rules that were asked, by trace.
        unknown: what could not be told, with what records it.
        more: how many findings there are beside these.
        notes: what the window does to the numbers.
        clean: those of several traces that were looked at, and in which nothing was found.
    """

    found: tuple[Finding, ...]
    looked_at: Mapping[str, tuple[str, ...]]
    unknown: tuple[str, ...]
    more: int = 0
    notes: tuple[str, ...] = ()
    titles: Mapping[str, str] = field(default_factory=dict, repr=False)
    clean: tuple[str, ...] = ()

    def __len__(self) -> int:
        """How many there are."""
        return len(self.found)

    def __iter__(self) -> Iterator[Finding]:
        """Each finding."""
        return iter(self.found)

    @property
    def verdict(self) -> str:
        """In words, that there is none, or that nothing was asked; of several traces in which ones.

        Empty where there is a finding in each.
        """
        unasked = [trace for trace, rules in self.looked_at.items() if not rules]
        if not (self.found or self.more):
            if not unasked:
                return NOTHING
            if len(unasked) == len(self.looked_at):
                return NO_RULE
        told = [f"{NOTHING[:-1]} in {values.listed(self.clean)}."] if self.clean else []
        return " ".join([*told, *([_NOTHING_ASKED_OF.format(values.listed(unasked))] if unasked else [])])

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
                for name in COLUMNS
            }
        )

    def frame(self) -> pl.DataFrame:
        """`table` as a polars frame."""
        import polars as pl

        return pl.DataFrame(pl.from_arrow(self.table()))

    def to_json(self) -> str:
        """All of it as JSON text: findings, more, looked_at, notes, cannot_tell."""
        content = {
            "findings": [{name: getattr(one, name) for name in (*COLUMNS, "numbers")} for one in self.found],
            "more": self.more,
            "looked_at": {trace: list(rules) for trace, rules in self.looked_at.items()},
            "notes": list(self.notes),
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
        told = f"<ol>{items}</ol>" if items else ""
        told += f"<p>{escape(values.readable(self.verdict))}</p>" if self.verdict else ""
        if self.more:
            told += f"<p>{len(self.found):,} of {len(self.found) + self.more:,} findings</p>"
        looked = f"<p>Looked at: {escape(' '.join(self.questions()))}</p>" if self.questions() else ""
        notes, unknown = (
            "".join(f"<p>{escape(values.readable(text))}</p>" for text in texts)
            for texts in (self.notes, self.unknown)
        )
        return told + notes + looked + unknown


#: Of the table of findings.
COLUMNS = (
    "trace",
    "code",
    "severity",
    "saving_ns",
    "saving_pct",
    "sentence",
    "remedy",
    "command",
    "place",
    "range",
    "start_ns",
    "end_ns",
    "rule",
)


def why(
    ask: Asker,
    traces: Sequence[str],
    *,
    limit: int | None = MOST,
    window: Mapping[str, Value] | None = None,
    model: Model | None = None,
) -> Findings:
    """What is wrong with traces.

    Args:
        ask: the database that holds them.
        traces: names, patterns or tags.
        limit: most findings, at least one; None for all.
        window: from, to and within, for the rules that can be narrowed.
        model: whose steps they are; without it, no rule is asked that needs floors.

    Raises:
        QueryError: no trace, or one that does not exist; or the limit or the window is none.
        MissingDataError: there is no such range.
        CatalogError: a rule returns a code of which its header says nothing.
    """
    if not traces:
        raise QueryError("findings are about one trace or more", "See which there are: traceql ls")
    if limit is not None and limit < 1:
        raise ParameterError(
            f"parameter limit: {said(limit)} is no number of findings", "From 1 on, or NULL for all."
        )
    # What several rules read is computed once, and what they ask of traces asked once.
    ask = ask if isinstance(ask, Once) else Once(ask)
    there = place.traces(partial(ask.store.run, plain=True))
    names: dict[str, None] = {}
    for word in traces:
        if not (some := meant(there, word)):
            raise no_trace(word, there)
        names.update(dict.fromkeys(some))
    given = {name: value for name, value in (window or {}).items() if value is not None}
    _check(ask, given, list(names))
    kinds = "SELECT trace, profiler, has_timeline, has_counters FROM traces"
    recorded = {row["trace"]: row for row in ask.store.run(kinds, plain=True).to_pylist()}
    found: list[Finding] = []
    unknown: dict[str, None] = {}
    rules = _rules(ask)
    about_model: dict[str, Value] = {}
    with_floors: frozenset[str] = frozenset()
    if model is not None:
        predicted = floors.of_steps(
            ask, model, [trace for trace in names if recorded[trace]["has_timeline"]], given
        )
        about_model |= predicted.params
        with_floors = predicted.traces
        unknown |= dict.fromkeys(predicted.unknown)
    notes: dict[str, None] = {}
    looked_at: dict[str, list[str]] = {trace: [] for trace in names}
    for rule in rules:
        # Together, as some rules compare the traces of a job.
        able = [trace for trace in names if _applies(ask, rule, recorded[trace])]
        params = {param.name for param in rule.params}
        if needs_model := params.intersection(floors.PARAMS):
            # What is not known of a trace has been told.
            able = [trace for trace in able if trace in with_floors]
        if not able:
            continue
        if refused := given.keys() - params:
            unknown[f"Cannot tell: {rule.title} {_not_so(refused)}"] = None
            continue
        try:
            floored = {name: about_model[name] for name in needs_model}
            answer = ask.answer(rule.name, {"trace": able, **given, **floored}, plain=True)
        except MissingDataError as error:
            unknown[f"Cannot tell: {rule.title} {error.message}. {error.remedy}".strip()] = None
            continue
        # A rule may tell by itself what of it was not measured.
        codes = ("not_recorded",) if rule.unknown else ("not_recorded", "not_measured")
        lacking = [note.text for note in answer.notes if note.code in codes]
        unknown |= dict.fromkeys(f"Cannot tell wholly: {rule.title} {text}" for text in lacking)
        notes |= dict.fromkeys(note.text for note in answer.notes if note.code == "window")
        others = _others(ask, rule, able, recorded)
        if others:
            whole = "wholly" if len(answer) else ""
            told = f"Cannot tell {whole}".strip()
            command = shlex.join(["traceql", "why", *sorted({*able, *others})])
            unknown[f"{told}: {rule.title} That takes the other ranks of its job: {command}"] = None
        if others and not len(answer):
            continue
        untold = _untold(answer)
        unknown |= dict.fromkeys(f"Cannot tell: {rule.title} {text}" for _, text in untold)
        without = {trace for trace, _ in untold}
        # Of traces that were asked together one may lack what others have.
        for trace in gaps.able(partial(ask.store.run, plain=True), ask.catalog, rule, able):
            if trace not in without:
                looked_at[trace].append(rule.name)
        found += _of_answer(ask, answer, given, able)
    found.sort(key=_rank)
    kept = found if limit is None else found[:limit]
    return Findings(
        tuple(kept),
        {trace: tuple(asked) for trace, asked in looked_at.items()},
        tuple(unknown),
        len(found) - len(kept),
        tuple(notes),
        {rule.name: rule.title for rule in rules},
        tuple(t for t, asked in looked_at.items() if asked and not any(one.trace == t for one in found)),
    )


def begin(
    ask: Once,
    threads: Executor,
    trace: Mapping[str, Any],
    window: Mapping[str, Value],
    is_one: Callable[[Query], bool],
) -> None:
    """Have rules asked in another thread, as `why` asks them about one trace in a window.

    Args:
        ask: the database.
        threads: in which.
        trace: its row of the table traces.
        window: from, to and within.
        is_one: whether a rule is to be asked so.
    """
    for rule in _rules(ask):
        names = {param.name for param in rule.params}
        is_asked = window.keys() <= names and names.isdisjoint(floors.PARAMS)
        if is_asked and is_one(rule) and _applies(ask, rule, trace):
            ask.begin(threads, rule.name, {"trace": [trace["trace"]], **window}, plain=True)


def _rules(ask: Asker) -> list[Query]:
    return [query for query in ask.catalog.queries.values() if query.topic == FINDINGS]


def _rank(one: Finding) -> tuple[Any, ...]:
    return (
        one.severity != "doubt",
        one.severity == "once",
        -(one.saving_ns or 0),
        _SEVERITIES.index(one.severity) if one.severity in _SEVERITIES else len(_SEVERITIES),
        one.trace,
        one.code,
        one.sentence,
    )


def _check(ask: Asker, given: Mapping[str, Value], names: Sequence[str]) -> None:
    """Raise for a window that is none, as every question does that is asked in it."""
    known = {param.name: param for param in PLACES["window"]}
    for name in given:
        if name not in known:
            raise QueryError(
                f"findings have no parameter {name!r}", f"Parameters: limit, {', '.join(known)}."
            )
    bound = {name: known[name].take(value) for name, value in given.items()}
    place.refuse_none(bound.get("from"), bound.get("to"))
    place.window_of(ask.store.run, bound, names)


def _not_so(refused: Iterable[str]) -> str:
    """Why a rule is not asked, and what to leave out."""
    where = "within a range" if "within" in refused else "between times"
    return f"That is not asked {where}: leave out {', '.join(f'--{name}' for name in sorted(refused))}."


def _others(
    ask: Asker, rule: Query, names: Sequence[str], recorded: Mapping[str, Mapping[str, Any]]
) -> list[str]:
    """The other traces of their jobs, where a rule compares these."""
    if not _compares(rule):
        return []
    # To find jobs takes the collectives of all traces: not where there is none, or nothing to compare with.
    if not any(trace["has_timeline"] for name, trace in recorded.items() if name not in names):
        return []
    chosen = place.of_chosen(names)
    asked = f"SELECT 1 FROM kernels_communicating WHERE {chosen} LIMIT 1"
    if not ask.store.run(asked, about=names, plain=True).num_rows:
        return []
    found: list[str] = (
        ask.store.run(
            f"SELECT DISTINCT trace FROM jobs WHERE NOT ({chosen}) AND job IN "
            f"(SELECT job FROM jobs WHERE {chosen}) ORDER BY trace",
            plain=True,
        )
        .column(0)
        .to_pylist()
    )
    return found


def _applies(ask: Asker, rule: Query, trace: Mapping[str, Any]) -> bool:
    """Whether a trace of its kind can tell."""
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


def _of_answer(
    ask: Asker, answer: Answer, given: Mapping[str, Value], together: Sequence[str]
) -> Iterable[Finding]:
    rule = answer.question
    # To find jobs takes the collectives of all traces.
    told = [asked for one in rule.sayings.values() for asked in (one.proof, *one.commands.values())]
    jobs = _jobs(ask, together) if len(answer) and any(map(_of_job, told)) else {}
    of_jobs = {one: [other for other in together if jobs.get(other) == jobs[one]] for one in jobs}
    for row in answer.table.to_pylist(maps_as_pydicts="strict"):
        if row["code"] in rule.unknown:
            continue
        saying = rule.sayings.get(row["code"])
        if saying is None:
            raise CatalogError(
                f"{rule.label}: returns {row['code']!r}, of which the header says nothing",
                f"Add lines '-- @says {row['code']} …' and '-- @try {row['code']} …'.",
            )
        numbers, texts = row["numbers"] or {}, _texts(row)
        shown = _shown(row)
        said = {match["name"] for match in _NAMED.finditer(saying.sentence + saying.place)}
        of_job = of_jobs.get(row["trace"], [row["trace"]])
        command = partial(_command, ask, trace=row["trace"], of_job=of_job, texts=texts, given=given)
        commands = {name: command(asked) for name, asked in saying.commands.items()}
        whole = partial(_said_of, {**numbers, **texts})
        advised = {**shown, **texts, **commands, "job": shlex.quote(jobs.get(row["trace"], row["trace"]))}
        yield Finding(
            **{name: row[name] for name in ("trace", "code", "severity", "saving_ns", "saving_pct")},
            **{name: row[name] for name in ("range", "start_ns", "end_ns")},
            sentence=_filled(whole(saying.sentence), shown, rule),
            remedy=_filled(whole(saying.remedy), advised, rule),
            place=_filled(whole(saying.place), shown, rule),
            command=command(saying.proof),
            commands=tuple(commands.values()),
            numbers={name: value for name, value in numbers.items() if name in said},
            rule=rule.name,
        )


def _untold(answer: Answer) -> list[tuple[str, str]]:
    """Traces, and what a rule says that it could not look at in them."""
    rule = answer.question
    return [
        (row["trace"], _filled(rule.unknown[row["code"]], {**_shown(row), "trace": row["trace"]}, rule))
        for row in answer.table.to_pylist(maps_as_pydicts="strict")
        if row["code"] in rule.unknown
    ]


def _texts(row: Mapping[str, Any]) -> dict[str, str]:
    return {name: text or "" for name, text in (row["texts"] or {}).items()}


def _shown(row: Mapping[str, Any]) -> dict[str, str]:
    """What stands in a sentence for the numbers and texts of a row."""
    numbers = {name: _number(name, value) for name, value in (row["numbers"] or {}).items()}
    return numbers | {name: values.drawn(text) for name, text in _texts(row).items()}


def _compares(rule: Query) -> bool:
    """Whether a rule compares the traces of a job."""
    return any(map(_of_job, (saying.proof for saying in rule.sayings.values())))


def _of_job(asked: Asked) -> bool:
    """Whether a question is asked about all of a job."""
    return asked.params.get("trace") == _TOGETHER


def _jobs(ask: Asker, traces: Sequence[str]) -> dict[str, str]:
    """The name of each trace's job."""
    rows = ask.store.run(
        f"SELECT DISTINCT trace, job FROM jobs WHERE {place.of_chosen(traces)} ORDER BY trace", plain=True
    ).to_pylist()
    return {row["trace"]: row["job"] for row in rows}


def _between(start_ns: int | None, end_ns: int | None) -> str:
    """In words, from when to when, as far as it is known, with as many digits as tell them apart."""
    if start_ns is None or end_ns is None:
        known = (("from", "start_ns", start_ns), ("until", "end_ns", end_ns))
        return "".join(f"{word} {units.text(name, at)}" for word, name, at in known if at is not None)
    for digits in range(4, 20):
        start, end = units.text("start_ns", start_ns, digits), units.text("end_ns", end_ns, digits)
        if start != end or start_ns == end_ns:
            break
    return f"{start} to {end}"


def _number(name: str, value: float | None) -> str:
    if value is not None and value.is_integer() and not units.suffix(name):
        return units.text(name, int(value))
    return units.text(name, value)


def _said_of(row: Mapping[str, float | str | None], text: str) -> str:
    """A sentence without its parts in brackets that name what is 0, empty or unknown in the row."""

    def part(match: re.Match[str]) -> str:
        return match[1] if all(row.get(one["name"], True) for one in _NAMED.finditer(match[1])) else ""

    return _PART.sub(part, text)


def _filled(text: str, pieces: Mapping[str, str], rule: Query) -> str:
    """A sentence with its pieces in it: strangers' texts, none of which is taken for a name in braces.

    Raises:
        CatalogError: it names one that the row does not have.
    """

    def piece(match: re.Match[str]) -> str:
        name = match["query"] or match["name"]
        if name not in pieces:
            raise CatalogError(
                f"{rule.label}: says {match[0]}, which its rows do not have",
                f"Numbers and texts are {', '.join(pieces) or 'none'}.",
            )
        shown, form = pieces[name], match["form"]
        words = match["one"] if shown == "1" else match["others"]
        return shown if form is None else words if form == "?" else f"{shown} {words}"

    return _NAMED.sub(piece, text)


def _command(
    ask: Asker,
    question: Asked,
    *,
    trace: str,
    of_job: Sequence[str],
    texts: Mapping[str, str],
    given: Mapping[str, Value],
) -> str:
    """The command of a question about a finding's trace, or all of its job, at the same place.

    Args:
        ask: knows the question.
        question: with the parameters that the header gives.
        trace: the finding's.
        of_job: those of its job that were asked, which trace=* asks about.
        texts: of the finding, which parameters may name.
        given: the window that was asked.
    """
    asks = ask.catalog.find(question.question)
    known = {param.name for param in asks.params}
    asked = {
        name: _NAMED.sub(lambda match: texts.get(match["name"], ""), text)
        for name, text in question.params.items()
    }
    asked |= {name: str(value) for name, value in given.items()}
    words = ["traceql", "query", asks.name.replace("_", "-")]
    traces = of_job if _of_job(question) else [trace]
    for one in traces if "trace" in known else ():
        words += ["--trace", ask.written.get(one, one)]
    for name, text in asked.items():
        if name in known and name != "trace":
            words += [f"--{name.replace('_', '-')}", text]
    return shlex.join(words)
