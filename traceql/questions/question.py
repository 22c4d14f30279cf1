"""What a SQL file of the catalogue is: its header is the whole interface.

::

    -- How many kernels does each NVTX range launch?
    --
    -- @of      timeline               of which traces and when: gives the parameters of `parameters.PLACES`
    -- @param   range VARCHAR = '*'    only these ranges
    -- @param   by VARCHAR(a|b) = 'a'  one of these words, which the meaning says if they are not in it
    -- @column  range VARCHAR          NVTX message
    -- @title   range NVTX range       how pictures and pages call it, where its name does not tell
    -- @columns rooflines launches     here those of a view follow, from that one on
    -- @needs   kernels nvtx_ranges    tables (or views) without which there is no answer; a|b: one of them;
                                      timeline: events with times
    -- @metrics dram__bytes_read.sum   ncu metrics it reads; a|b: one of them
    -- @ncu     --set roofline         options that record these; by default --metrics with their names
    -- @empty   what to check when there is no row
    -- @unites  trace                every row is of one trace and follows from it alone, and those of a trace
                                      stand together, in the order of names: answers about different traces
                                      can be put together
    -- @counted gaps                   column that says in each row how many its trace has without the limit
    -- @note    SELECT … FROM answer   texts to note beside the rows, made of them
    -- @chart   bars x=range y=kernels
    -- @section timeline 30 Kernels | expanded   where it stands on the page about a trace or job: `Section`
    -- @compared counters 10 Traffic   where it stands in a comparison of two traces
    -- @card    any 10 Launches | of=launch   where its rows stand on the card of a kernel, see `Card`
    -- @asks    gaps gpu_gaps limit=NULL   the SQL may read the answer of that question as the table gaps

Questions of the topic findings have the columns of `FINDING_COLUMNS`, and say for each of their codes::

    -- @says    idle The GPU waits {idle_ns} in {gaps|gap|gaps} for {function}.   numbers, texts of the row:
                                      with what a number counts, of one and of others; [what] is said where
                                      nothing in it is 0, empty or unknown; a|b: of both, lines are joined
    -- @try     idle Capture the step in a CUDA graph: {query launches-per-step}.   what may help; in braces
                                      a question, as in @proof, of which the command is told
    -- @where   idle process {pid}   where it is, beside its range and time; all of it, if it has neither
    -- @unknown unmeasured In {trace} …   of a row that tells what the rule could not look at: said among what
                                      cannot be told, in place of notes about metrics that it reads
    -- @proof   idle top_kernels kernel={kernel}   what shows it; by default what is asked first; trace=* of
                                      all traces that were asked together

The stem is the name (``range_launches``, on the command line ``range-launches``), the folder the topic. Views
(in ``_views``) have columns and no parameters, and say ``@once page`` where a page had better compute them
once for all its questions; questions say ``@once question`` where what they read in several places had better
be computed once. Macros (in ``_macros``) have parameters ``name TYPE meaning``, and their SQL is an
expression, or a SELECT that makes them tables.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeVar

from traceql.errors import CatalogError, ParameterError, QueryError
from traceql.nearest import did_you_mean
from traceql.questions import parameters
from traceql.tables import schema

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from traceql.questions.parameters import Param, Value
    from traceql.tables.sqlfiles import SqlFile, Tag

_COLUMN = re.compile(r"(?P<name>\w+) (?P<type>\w+(?:\([^)]*\))?(?:\[\])?)\s+(?P<meaning>\S.*)")
_SECTION = re.compile(r"(?P<kind>\w+) (?P<order>\d+(?:\.\d+)?) (?P<title>[^|]+?)(?:\s*\|\s*(?P<options>.*))?")
# In a remedy: a question of which the command is told.
_COMMAND = re.compile(r"\{query ([^{}]+)\}")
# The end of SQL whose limit counts rows in the order in which they are told.
_FIRST_ROWS = re.compile(
    r"QUALIFY within_limit\( ?row_number\(\) OVER \( ?PARTITION BY trace ORDER BY (?P<order>.+?) ?\), "
    r"\$limit ?\) ORDER BY trace, (?P=order)\Z"
)
#: Every tag that a header may have.
TAGS = (
    "of",
    "param",
    "column",
    "columns",
    "title",
    "needs",
    "metrics",
    "ncu",
    "empty",
    "unites",
    "counted",
    "once",
    "note",
    "chart",
    "section",
    "compared",
    "card",
    "asks",
    "says",
    "try",
    "where",
    "unknown",
    "proof",
)
# Those of them that a view may have, and those of which there is one.
_OF_VIEWS = ("column", "columns", "needs", "metrics", "ncu", "once")
_SINGLE = ("unites", "once", "counted", "card")
# What a question can be of: of traces, in a window of time where that is a timeline (of times alone, where
# what a range leaves out would be missed), added up over them; of jobs, in a window of their clock.
_OF: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "traces": ("traces",),
        "timeline": ("traces", "window"),
        "times": ("traces", "times"),
        "totals": ("traces", "window", "totals"),
        "sums": ("traces", "totals"),
        "window": ("window",),
        "job": ("traces", "job"),
        "runs": (),
    }
)
#: Tag → the parameters that the page gives a value, and that its questions must have.
ASKED_WITH: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"section": ("trace",), "compared": ("baseline", "variant"), "card": ("trace", "kernel")}
)
#: Columns that hold a kernel's name, in questions that stand on its card.
KERNEL_COLUMNS = ("kernel", "group_name")
#: What a question of the page may ask of a trace: that it has a timeline, counters, or nothing.
CAPABILITIES = ("timeline", "counters", "any")
#: What a section can be about instead: the ranks of a job, which have a page of their own.
JOB = "job"
#: In ``@needs``: events with times, which reports of counters do not have.
TIMELINE = "timeline"


@dataclass(frozen=True)
class ResultColumn:
    """A column of a query's answer."""

    name: str
    type: str
    meaning: str


#: The topic whose questions return what is wrong with a trace, see `traceql.ask.findings`.
FINDINGS = "findings"
#: Folder of views.
VIEWS = "_views"
#: What each of them returns.
FINDING_COLUMNS = (
    ResultColumn("trace", "VARCHAR", "name of the trace"),
    ResultColumn("code", "VARCHAR", "what is wrong, in a word"),
    ResultColumn(
        "severity",
        "VARCHAR",
        "high, medium or low, see severity_of; doubt: other numbers hang on it; once: it is paid once",
    ),
    ResultColumn("saving_ns", "BIGINT", "time that it costs: no remedy saves more; NULL if nobody can tell"),
    ResultColumn("saving_pct", "DOUBLE", "of the time that was looked at"),
    ResultColumn(
        "numbers", "MAP(VARCHAR, DOUBLE)", "numbers of its rule's sentences, with units in their names"
    ),
    ResultColumn("texts", "MAP(VARCHAR, VARCHAR)", "names in its sentence"),
    ResultColumn("range", "VARCHAR", "NVTX range in which it is; NULL if it is in none"),
    ResultColumn("start_ns", "BIGINT", "start of the first such time"),
    ResultColumn("end_ns", "BIGINT", "end of the last such time"),
)


@dataclass(frozen=True)
class Asked:
    """A question whose answer another one reads, and with which parameters; `name` is the table's."""

    name: str
    question: str
    params: Mapping[str, str]


@dataclass(frozen=True)
class Saying:
    """What is said about a code of findings.

    Attributes:
        sentence: with names of numbers and texts in braces.
        remedy: what may help, likewise.
        place: where it is, beside the row's range and time, likewise; empty if these tell it.
        proof: the question that shows it.
        commands: questions of which the remedy tells the command, by what stands behind ``query`` in braces.
    """

    sentence: str
    remedy: str
    place: str
    proof: Asked
    commands: Mapping[str, Asked]


@dataclass(frozen=True)
class Picture:
    """How the answer of a query is drawn, as its header says.

    Attributes:
        kind: of chart, see `traceql.draw.charts`.
        channels: role in the chart → column of the answer.
        where: file and line that say so.
    """

    kind: str
    channels: Mapping[str, str]
    where: str


@dataclass(frozen=True)
class Section:
    """Where the answer of a question stands on a page.

    Attributes:
        capability: what the trace must have: timeline, counters or any; job where it is about all of a job.
        order: sections and their questions stand in this order.
        title: of the section; questions of one title share it.
        chart: whether the chart is all there is to see, without table.
        expanded: whether the numbers are shown without asking.
        drawn: whether there is nothing to see where it cannot be drawn.
        params: values of parameters, beside the trace.
    """

    capability: str
    order: float
    title: str
    chart: bool = False
    expanded: bool = False
    drawn: bool = False
    params: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True)
class Card:
    """Where the rows about one kernel stand on its card, each column as an item.

    Attributes:
        capability: what the trace must have: timeline, counters or any.
        order: questions stand in this order.
        title: of the part of the card.
        of: columns that say what a row is about, before the names of its other columns.
        note: column that says more about a row; empty for none.
        first: columns to know first, which a short card has alone; none for all.
        most: rows of one kernel at most; None for all.
        params: values of parameters, beside trace and kernel.
    """

    capability: str
    order: float
    title: str
    of: tuple[str, ...] = ()
    note: str = ""
    first: tuple[str, ...] = ()
    most: int | None = None
    params: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True)
class Query:
    """One question, or one view.

    Attributes:
        name: with underscores, as in Python.
        topic: folder that it lies in.
        title: the question in one line.
        body: what else the header says.
        params: in order; those of ``@of`` first.
        columns: exactly what the SQL returns.
        titles: column → what pictures and pages call it, where its name does not tell.
        needs: tables without which there is no answer.
        metrics: ncu metrics without which the answer has gaps.
        ncu: options that record them; empty for ``--metrics`` with their names.
        empty: what to tell when there is no row.
        counted: the column that says how many rows its trace has without the limit; empty for none.
        unites: whether answers about different traces, in the order of their names, are the answer about all.
        note: SQL over the table ``answer`` that returns texts to note; empty for none.
        pictures: how to draw the answer; the first is the query's chart.
        sections: where it stands on the page about a trace.
        compared: where it stands in a comparison of two traces.
        card: where it stands on the card of a kernel, if it does.
        sql: the statement, with ``$name`` for parameters.
        label: the file, for messages.
        of_runs: whether its baseline and variant may be runs, too, by the names of the view named_runs.
        asks: the questions whose answers its SQL reads.
        sayings: of findings: code → what is said about it.
        unknown: of findings: code → what is said of a row that tells what could not be looked at.
        once: of a view: whether a page computes it once for all its questions; of a question: whether it has
            such views computed once for itself.
    """

    name: str
    topic: str
    title: str
    body: str
    params: tuple[Param, ...]
    columns: tuple[ResultColumn, ...]
    titles: Mapping[str, str]
    needs: tuple[str, ...]
    metrics: tuple[str, ...]
    ncu: str
    empty: str
    unites: bool
    note: str
    pictures: tuple[Picture, ...]
    sections: tuple[Section, ...]
    compared: tuple[Section, ...]
    card: Card | None
    sql: str
    label: str
    of_runs: bool = False
    asks: tuple[Asked, ...] = ()
    sayings: Mapping[str, Saying] = field(default_factory=dict)
    unknown: Mapping[str, str] = field(default_factory=dict)
    once: bool = False
    counted: str = ""

    @property
    def in_sql(self) -> tuple[Param, ...]:
        """The parameters that the SQL reads: the others narrow its tables."""
        return tuple(param for param in self.params if param not in parameters.NARROWING)

    @cached_property
    def limits_rows(self) -> bool:
        """Whether its limit leaves the first rows of each trace, in the order of the answer."""
        return _FIRST_ROWS.search(" ".join(self.sql.split())) is not None

    @property
    def lists_events(self) -> bool:
        """Whether each row is an event, as of NVIDIA's tables of that name: to count them takes little."""
        return self.name.endswith("_trace") and all(param.name != "limit" for param in self.params)

    @classmethod
    def view(cls, name: str, title: str, columns: Sequence[ResultColumn], sql: str) -> Query:
        """A view that no file holds."""
        return cls(
            name,
            "",
            title,
            "",
            (),
            tuple(columns),
            {},
            (),
            (),
            "",
            "",
            False,
            "",
            (),
            (),
            (),
            None,
            sql,
            name,
        )

    def bind(self, values: Mapping[str, Value]) -> dict[str, Value]:
        """All parameters with their values: the given ones, defaults for the others.

        Raises:
            ParameterError: an unknown or a missing parameter.
        """
        known = {p.name: p for p in self.params}
        # from is a keyword of Python: from_ means the same.
        values = {name.removesuffix("_"): value for name, value in values.items()}
        for name in values:
            if name not in known:
                names = ", ".join(known) or "none"
                guess = did_you_mean(name, known)
                raise ParameterError(
                    f"query {self.name} has no parameter {name!r}", f"{guess}Parameters: {names}."
                )
        missing = [p.name for p in self.params if p.required and values.get(p.name) is None]
        if missing:
            raise ParameterError(
                f"query {self.name} needs a value for {', '.join(missing)}",
                f"See: traceql query {self.name.replace('_', '-')} --help",
            )
        return {p.name: p.take(values.get(p.name, p.default)) for p in self.params}


@dataclass(frozen=True)
class Macro:
    """A macro: `sql` is an expression over its parameters, or a SELECT."""

    name: str
    title: str
    params: tuple[ResultColumn, ...]
    sql: str
    label: str

    @property
    def signature(self) -> str:
        """Its parameters in parentheses."""
        return f"({', '.join(param.name for param in self.params)})"

    @property
    def body(self) -> str:
        """What stands behind AS in its definition."""
        is_table = re.match(r"(?:--[^\n]*\n|\s)*(?:WITH|SELECT|FROM)\b", self.sql, re.IGNORECASE)
        return f"TABLE {self.sql}" if is_table else f"({self.sql})"


def parse(file: SqlFile, topic: str, columns_of: Callable[[str], Sequence[ResultColumn]]) -> Query:
    """Make a query of a parsed file.

    Args:
        file: to read.
        topic: folder that it lies in.
        columns_of: the columns of a view; none of an unknown one.

    Raises:
        CatalogError: a header line is malformed; the message gives file and line.
    """
    params: list[Param] = []
    columns: list[ResultColumn] = list(FINDING_COLUMNS) if topic == FINDINGS else []
    pictures = []
    titles = {}
    sections: dict[str, list[Section]] = {"section": [], "compared": []}
    card = None
    counted = ""
    own = _own_by(file)
    for tag in file.tags:
        where = f"{file.label}:{tag.line}"
        if tag.name not in TAGS:
            raise CatalogError(f"{where}: unknown tag @{tag.name}", f"Known are @{', @'.join(TAGS)}.")
        if topic == VIEWS and tag.name not in _OF_VIEWS:
            raise CatalogError(
                f"{where}: @{tag.name} is for questions", f"Views have @{', @'.join(_OF_VIEWS)}."
            )
        if tag.name in _SINGLE and len(file.texts(tag.name)) > 1:
            raise CatalogError(f"{where}: @{tag.name} is there more than once", "Leave one of them.")
        if tag.name == "of":
            for param in _of(tag.text, where):
                if param.name not in own:
                    params.append(_unique(param, params, where))
        elif tag.name == "param":
            param = parameters.declared(tag.text, where)
            params.append(_unique(_with_tag(param) if param.name in own else param, params, where))
        elif tag.name == "column":
            columns.append(_unique(_column(tag, where, "column"), columns, where))
        elif tag.name == "columns":
            for column in _columns_of_view(tag.text, where, columns_of):
                columns.append(_unique(column, columns, where))
        elif tag.name == "unites" and tag.text != "trace":
            raise CatalogError(f"{where}: expected '@unites trace'")
        elif tag.name == "once" and tag.text != (word := "page" if topic == VIEWS else "question"):
            raise CatalogError(f"{where}: expected '@once {word}'")
        elif tag.name == "needs":
            _check_needs(tag.text, where, columns_of)
        elif tag.name == "ncu" and not file.texts("metrics"):
            raise CatalogError(f"{where}: there are no metrics to record", "Add '-- @metrics NAME …'.")
    for tag in file.tags:
        # What these mention may be declared below them.
        where = f"{file.label}:{tag.line}"
        if tag.name == "chart":
            pictures.append(_picture(tag.text, where, columns))
        elif tag.name == "title":
            name, _, text = tag.text.partition(" ")
            if name in titles:
                raise CatalogError(f"{where}: {name} has a title already", "Leave one of them.")
            titles[_declared(name, columns, where)] = text.strip()
        elif tag.name == "counted":
            if _declared("trace", columns, where) and not any(param.name == "limit" for param in params):
                raise CatalogError(
                    f"{where}: there is no limit", "Add '@param limit', or leave @counted out."
                )
            counted = _declared(tag.text, columns, where)
        elif tag.name in sections:
            section = _section(tag, where, params)
            if (section.chart or section.drawn) and not file.texts("chart"):
                raise CatalogError(f"{where}: there is no chart to show", "Add a line '-- @chart kind …'.")
            sections[tag.name].append(section)
        elif tag.name == "card":
            card = _card(tag, where, params, columns)
    return Query(
        name=file.stem,
        topic=topic,
        title=file.title,
        body=file.body,
        params=tuple(params),
        columns=tuple(columns),
        titles=MappingProxyType(titles),
        needs=_words(file, "needs"),
        metrics=_words(file, "metrics"),
        ncu=" ".join(file.texts("ncu")),
        empty=" ".join(file.texts("empty")),
        unites=bool(file.texts("unites")),
        note=" ".join(file.texts("note")),
        pictures=tuple(pictures),
        sections=tuple(sections["section"]),
        compared=tuple(sections["compared"]),
        card=card,
        sql=file.sql,
        label=file.label,
        of_runs="runs" in file.texts("of"),
        asks=(
            asks := tuple(_asked(tag, f"{file.label}:{tag.line}") for tag in file.tags if tag.name == "asks")
        ),
        sayings=MappingProxyType(_sayings(file, topic, asks)),
        unknown=MappingProxyType(_said(file, topic, "unknown")),
        once=bool(file.texts("once")),
        counted=counted,
    )


def parse_macro(file: SqlFile) -> Macro:
    """Make a macro of a parsed file; see `parse`."""
    params: list[ResultColumn] = []
    for tag in file.tags:
        where = f"{file.label}:{tag.line}"
        if tag.name != "param":
            raise CatalogError(f"{where}: unknown tag @{tag.name}", "Macros have @param lines only.")
        params.append(_unique(_column(tag, where, "param"), params, where))
    return Macro(file.stem, file.title, tuple(params), file.sql, file.label)


def _asked(tag: Tag, where: str) -> Asked:
    name, question, params = _question_asked(tag.text, f"@{tag.name} name question", where)
    return Asked(name, question, params)


def _question_asked(text: str, form: str, where: str) -> tuple[str, str, Mapping[str, str]]:
    words = text.split()
    pairs = [word.partition("=") for word in words[2:]]
    if len(words) < 2 or not all(name and equals for name, equals, _ in pairs):
        raise CatalogError(f"{where}: expected '{form} [parameter=value …]'")
    return words[0], words[1].replace("-", "_"), MappingProxyType({name: value for name, _, value in pairs})


def _of_findings(file: SqlFile, topic: str, name: str) -> Iterator[Tag]:
    """The tags of a name, which are for findings."""
    for tag in file.tags:
        if tag.name == name:
            if topic != FINDINGS:
                raise CatalogError(
                    f"{file.label}:{tag.line}: @{name} is for findings", f"Put the file into {FINDINGS}/."
                )
            yield tag


def _said(file: SqlFile, topic: str, name: str) -> dict[str, str]:
    """Code → what all tags of a name say of it, one behind the other."""
    said: dict[str, str] = {}
    for tag in _of_findings(file, topic, name):
        of, _, text = tag.text.partition(" ")
        if not text:
            raise CatalogError(f"{file.label}:{tag.line}: expected '@{name} code text'")
        for code in of.split("|"):
            said[code] = f"{said.get(code, '')} {text.strip()}".strip()
    return said


def _sayings(file: SqlFile, topic: str, asks: Sequence[Asked]) -> dict[str, Saying]:
    """What the header says about each code, and the question that shows it.

    Raises:
        CatalogError: a code lacks a sentence, a remedy or a proof.
    """
    said = {name: _said(file, topic, name) for name in ("says", "try", "where")}
    proofs: dict[str, Asked] = {}
    commands: dict[str, dict[str, Asked]] = {}
    for code, remedy in said["try"].items():
        for match in _COMMAND.finditer(remedy):
            _, question, params = _question_asked(f"{code} {match[1]}", "{query question", file.label)
            commands.setdefault(code, {})[match[1]] = Asked(code, question, params)
    for tag in _of_findings(file, topic, "proof"):
        where = f"{file.label}:{tag.line}"
        of, question, params = _question_asked(tag.text, "@proof code question", where)
        for code in of.split("|"):
            if code in proofs:
                raise CatalogError(f"{where}: {code} has a proof already", "Leave one of them.")
            proofs[code] = Asked(code, question, params)
    codes = {**said["says"], **said["try"], **said["where"], **proofs}
    for code in codes:
        proof = proofs.get(code) or next(iter(asks), None)
        if code not in said["says"] or code not in said["try"] or proof is None:
            raise CatalogError(
                f"{file.label}: {code} lacks a sentence, a remedy or a question that shows it",
                f"Add lines '-- @says {code} …', '-- @try {code} …', '-- @proof {code} question'.",
            )
        proofs[code] = proof
    if topic == FINDINGS and not codes:
        raise CatalogError(f"{file.label}: says nothing", "Add lines '-- @says code …', '-- @try code …'.")
    return {
        code: Saying(
            said["says"][code],
            said["try"][code],
            said["where"].get(code, ""),
            proofs[code],
            commands.get(code, {}),
        )
        for code in codes
    }


def _of(text: str, where: str) -> tuple[Param, ...]:
    if text not in _OF:
        raise CatalogError(f"{where}: expected '@of {'|'.join(_OF)}'")
    return tuple(param for word in _OF[text] for param in parameters.PLACES[word])


def _own_by(file: SqlFile) -> set[str]:
    """``by``, where a question that is added up over traces has one of its own: both are asked by that."""
    declared = {text.partition(" ")[0] for text in file.texts("param")}
    added_up = {param.name for param in parameters.PLACES["totals"]}
    return declared & added_up if any("totals" in _OF.get(text, ()) for text in file.texts("of")) else set()


def _with_tag(param: Param) -> Param:
    meaning = f"{param.meaning}; tag:NAME adds up traces that have the same value of a tag"
    return replace(param, takes_tag=True, meaning=meaning)


def _column(tag: Tag, where: str, name: str) -> ResultColumn:
    match = _COLUMN.fullmatch(tag.text)
    if match is None:
        raise CatalogError(f"{where}: expected '@{name} name TYPE meaning'")
    return ResultColumn(**match.groupdict())


def _columns_of_view(
    text: str, where: str, columns_of: Callable[[str], Sequence[ResultColumn]]
) -> list[ResultColumn]:
    name, _, first = text.partition(" ")
    columns = columns_of(name)
    position = next((i for i, column in enumerate(columns) if column.name == first), None)
    if position is None:
        raise CatalogError(f"{where}: expected '@columns view column', a column of that view")
    return list(columns[position:])


def _words(file: SqlFile, tag: str) -> tuple[str, ...]:
    # Alternatives that did not fit into a line go on behind their |.
    return tuple(word for text in file.texts(tag) for word in text.replace("| ", "|").split())


def _picture(text: str, where: str, columns: Sequence[ResultColumn]) -> Picture:
    kind, *words = text.split() or [""]
    pairs = [word.partition("=") for word in words]
    if not kind or not all(channel and column for channel, _, column in pairs):
        raise CatalogError(f"{where}: expected '@chart kind channel=column …'")
    channels = {channel: _declared(column, columns, where) for channel, _, column in pairs}
    return Picture(kind, MappingProxyType(channels), where)


def _section(tag: Tag, where: str, params: Sequence[Param]) -> Section:
    flags = {"chart": False, "expanded": False, "drawn": False}
    kinds = (*CAPABILITIES, JOB) if tag.name == "section" else CAPABILITIES
    match, words, values = _placed(tag, where, params, tuple(flags), kinds)
    if match["kind"] == JOB and not all(param.is_list for param in params if param.name == "trace"):
        raise CatalogError(f"{where}: a job has several traces", "Declare trace by a line '-- @of traces'.")
    for word in words:
        if word not in flags:
            raise _no_option(word, where, flags, params)
        flags[word] = True
    return Section(match["kind"], float(match["order"]), match["title"], params=values, **flags)


def _card(tag: Tag, where: str, params: Sequence[Param], columns: Sequence[ResultColumn]) -> Card:
    options = {"of": "", "note": "", "first": "", "most": ""}
    wanted = tuple(f"{name}=…" for name in options)
    match, words, values = _placed(tag, where, params, wanted, CAPABILITIES)
    for word in words:
        name, _, text = word.partition("=")
        if name not in options or not text:
            raise _no_option(word, where, wanted, params)
        options[name] = text
    if not any(column.name in KERNEL_COLUMNS for column in columns):
        raise CatalogError(f"{where}: no column holds the kernel", f"Declare {' or '.join(KERNEL_COLUMNS)}.")
    if not (options["most"] or "1").isdecimal():
        raise CatalogError(f"{where}: most={options['most']} is no number of rows")
    of, first = (
        tuple(_declared(name, columns, where) for name in options[option].split(",") if name)
        for option in ("of", "first")
    )
    return Card(
        match["kind"],
        float(match["order"]),
        match["title"],
        of=of,
        note=_declared(options["note"], columns, where) if options["note"] else "",
        first=first,
        most=int(options["most"]) if options["most"] else None,
        params=values,
    )


def _no_option(word: str, where: str, options: Iterable[str], params: Sequence[Param]) -> CatalogError:
    return CatalogError(
        f"{where}: {word!r} is neither an option nor a parameter",
        f"Options: {', '.join(options)}. Parameters: {', '.join(param.name for param in params) or 'none'}.",
    )


def _placed(
    tag: Tag, where: str, params: Sequence[Param], options: Sequence[str], kinds: Sequence[str]
) -> tuple[re.Match[str], list[str], dict[str, Value]]:
    """What a tag says of a place: the match, words that are no values of parameters, and these values."""
    match = _SECTION.fullmatch(tag.text)
    if match is None or match["kind"] not in kinds:
        raise CatalogError(
            f"{where}: expected '@{tag.name} {'|'.join(kinds)} ORDER TITLE [| option …]'",
            f"Options: {', '.join(options)}, and parameter=value.",
        )
    known = {param.name: param for param in params}
    values: dict[str, Value] = {}
    words = []
    for word in (match["options"] or "").split():
        name, equals, value = word.partition("=")
        if not equals or name not in known:
            words.append(word)
            continue
        try:
            values[name] = known[name].parse(value)
        except QueryError as error:
            raise CatalogError(
                f"{where}: {error.message}", error.remedy or "See the type that is declared."
            ) from None
    asked_with = ASKED_WITH[tag.name]
    if lacking := [name for name in asked_with if not _takes_one_trace(known.get(name))]:
        raise CatalogError(
            f"{where}: @{tag.name} needs a parameter {lacking[0]}",
            "Add a line '-- @of traces'."
            if lacking[0] == "trace"
            else "Add a line '-- @param name VARCHAR …'.",
        )
    given = {*asked_with, *values}
    if missing := [param.name for param in params if param.required and param.name not in given]:
        raise CatalogError(f"{where}: no value for {missing[0]}", f"Add an option: | {missing[0]}=VALUE")
    return match, words, values


def _takes_one_trace(param: Param | None) -> bool:
    """Whether the page can ask with one trace: by a list of one, too, if it stands for any number."""
    return param is not None and (not param.is_list or param.name in ("trace", *ASKED_WITH["compared"]))


_Named = TypeVar("_Named", "Param", ResultColumn)


def _unique(new: _Named, others: Sequence[_Named], where: str) -> _Named:
    if any(other.name == new.name for other in others):
        raise CatalogError(f"{where}: {new.name} is declared twice")
    return new


def _declared(name: str, columns: Sequence[ResultColumn], where: str) -> str:
    """The name of a column, which must be declared."""
    if all(column.name != name for column in columns):
        names = ", ".join(column.name for column in columns)
        raise CatalogError(f"{where}: no column is called {name!r}", f"Declared are {names or 'none'}.")
    return name


def _check_needs(text: str, where: str, columns_of: Callable[[str], Sequence[ResultColumn]]) -> None:
    for word in text.split():
        for name in word.split("|"):
            is_table = name in schema.BY_NAME or name in schema.SHIPPED
            if not is_table and word != TIMELINE and not (name == word and columns_of(name)):
                raise CatalogError(
                    f"{where}: there is no table or view {name!r}",
                    "Write names of tables or views, a|b for tables of which one is enough.",
                )
