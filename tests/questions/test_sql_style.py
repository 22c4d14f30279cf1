"""Every SQL file of the project is written alike: width, header, keywords."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import traceql
from traceql.questions import catalog, folders, nvidia

if TYPE_CHECKING:
    from traceql.questions.question import Query

QUERIES = Path(str(folders.shipped("queries")))
VERTICALS = Path(str(folders.shipped("verticals")))
STEPS = Path(traceql.__file__).parent / "tables" / "normalise"
CATALOGUE = sorted([*QUERIES.rglob("*.sql"), *VERTICALS.rglob("*.sql")])
RULES = STEPS.parent / "rules"
SHARED = Path(traceql.__file__).parent / "share"
FILES = [
    *CATALOGUE,
    *sorted(STEPS.rglob("*.sql")),
    *sorted(RULES.rglob("*.sql")),
    *sorted(SHARED.rglob("*.sql")),
]

WIDTH = 110
# Where the text of a tag begins, in questions and views and in steps; that of a longer tag, one blank behind it.
TAG_TEXT = {
    QUERIES: len("-- @column "),
    VERTICALS: len("-- @column "),
    STEPS: len("-- @reads "),
    RULES: len("-- @column "),
    SHARED: len("-- @column "),
}
KEYWORDS = [
    "select",
    "from",
    "where",
    "join",
    "left",
    "full",
    "outer",
    "cross",
    "asof",
    "semi",
    "using",
    "group",
    "order",
    "by",
    "having",
    "qualify",
    "window",
    "over",
    "partition",
    "union",
    "all",
    "distinct",
    "insert",
    "update",
    "delete",
    "create",
    "temp",
    "table",
    "set",
    "values",
    "with",
    "case",
    "when",
    "then",
    "else",
    "end",
    "and",
    "or",
    "not",
    "in",
    "is",
    "null",
    "like",
    "ilike",
    "between",
    "exists",
    "filter",
    "exclude",
    "replace",
    "lateral",
    "unpivot",
    "rows",
    "limit",
]
_DECLARED = re.compile(
    r"(?P<declared>-- @(?:param|column) +\w+ \w+(?:\([^)]*\))?(?:\[\])?(?: = (?:'(?:[^']|'')*'|\S+))?)"
    r"(?P<gap> +)(?P<meaning>\S.*)"
)
# Literals, quoted names and comments.
_QUOTED = re.compile(r"'(?:[^']|'')*'|\"[^\"]*\"|--[^\n]*")

every_file = pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.stem}")


def header(file: Path) -> list[str]:
    lines = file.read_text(encoding="utf-8").splitlines()
    return lines[: next(i for i, line in enumerate(lines) if not line.startswith("--"))]


def statements(file: Path) -> str:
    """The SQL without what is quoted, and without comments."""
    return _QUOTED.sub("''", file.read_text(encoding="utf-8"))


def test_there_are_files_of_both_kinds() -> None:
    for folder in TAG_TEXT:
        assert any(folder in file.parents for file in FILES)


@every_file
def test_lines_fit_and_end_clean(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert text.endswith("\n") and not text.endswith("\n\n")
    assert "\t" not in text
    for number, line in enumerate(text.splitlines(), start=1):
        assert len(line) <= WIDTH, f"{file.name}:{number}: {len(line)} characters"
        assert line == line.rstrip(), f"{file.name}:{number}: blanks at the end"


@every_file
def test_a_header_begins_with_one_sentence_and_a_blank_line_ends_it(file: Path) -> None:
    lines = header(file)
    title = lines[0].removeprefix("-- ")
    assert title[0].isupper() or title[0].isdigit()
    assert title.endswith((".", "?"))
    assert not re.search(r"[.?] [A-Z]", title) or STEPS in file.parents
    assert file.read_text(encoding="utf-8").splitlines()[len(lines)] == ""


@every_file
def test_tags_and_meanings_are_aligned(file: Path) -> None:
    column = next(text for folder, text in TAG_TEXT.items() if folder in file.parents)
    meanings = []
    for line in header(file):
        match = re.match(r"-- @\w+ +", line)
        if match:
            assert match.end() == max(column, len(match[0].rstrip()) + 1), line
        if file in CATALOGUE and re.match(r"-- @(param|column) ", line):
            declared = _DECLARED.fullmatch(line)
            assert declared is not None, f"{file.name}: a name, a type and a meaning: {line}"
            meanings.append(declared)
    # One column for all, and two blanks where a name is too long for it.
    first = min((match.start("meaning") for match in meanings), default=0)
    for match in meanings:
        assert match.start("meaning") == max(first, len(match["declared"]) + 2), match[0]


@every_file
def test_statements_are_written_with_capitals_and_end_once(file: Path) -> None:
    sql = statements(file)
    assert not re.search(r";\s*;", sql)
    found = set(re.findall(r"(?<![.\w$@])(?:" + "|".join(KEYWORDS) + r")(?![\w(.])", sql))
    assert not found


def test_a_step_reads_one_column_a_line() -> None:
    for file in STEPS.rglob("*.sql"):
        for line in header(file):
            if line.startswith("-- @reads"):
                assert re.fullmatch(r"-- @reads [\w|]+ +[A-Z]+", line), f"{file.name}: {line}"


#: What a macro says once → how that looks where it is spelt out.
SPELT_OUT = {
    "chosen_traces": r"\$trace IS NULL|\btrace = \$trace\b",
    "compared_traces": r"\btrace = \$(?:baseline|variant)\b|list_contains\(\$(?:baseline|variant), [\w.]*trace\)",
    "is_like": r"\bLIKE \$",
    "is_like_in_any_case": r"\bILIKE \$",
    "is_asked_for": r"\$(\w+) IS NULL OR [\w.]+ = \$\1\b",
    "within_limit": r"\$limit IS NULL|<= \$limit\b",
    "percent": r"\b100(?:\.0)? \* [^,;]*/ nullif\(",
    "per_second": r"\b1e9 \* [^,;]*/ nullif\(",
    "kernels_called": r"\bCASE \$names\b",
    "counts_as_work": r"\$graphs OR\b",
    "busy_until": r"(?<!DESC, event ROWS )\bBETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING\b",
    "held_until": r"(?<=DESC, event ROWS )\bBETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING\b",
    "duration_spread": r"\bsum\(sum\([\w.]*duration_ns\)\) OVER",
}


@pytest.mark.parametrize("macro", SPELT_OUT)
def test_what_a_macro_says_is_said_nowhere_else(macro: str) -> None:
    found = [
        f"{file.parent.name}/{file.stem}: {match[0]}"
        for file in CATALOGUE
        for match in re.finditer(SPELT_OUT[macro], statements(file))
    ]
    assert len(found) == sum(line.startswith(f"_macros/{macro}: ") for line in found), found


#: Macros that read tables that they are given.
GIVEN_TABLES = "|".join(
    macro.name
    for macro in catalog.shipped().macros.values()
    if any(param.type == "TABLE" for param in macro.params)
)


@pytest.mark.parametrize("macro", sorted(catalog.shipped().macros))
def test_a_macro_reads_the_tables_that_it_is_given_before_it_names_its_own(macro: str) -> None:
    """Behind a clause of its own, a table of that name would be the clause: `_name` is left to macros."""
    read_by = catalog.shipped().macros[macro]
    sql = _QUOTED.sub("''", read_by.sql)
    clauses = [
        (match.start(), match[1])
        for match in re.finditer(
            r"(?m)^(?:WITH (?:RECURSIVE )?)?(\w+) AS (?:(?:NOT )?MATERIALIZED )?\($", sql
        )
    ]
    for name in (param.name for param in read_by.params if param.type == "TABLE"):
        for read in re.finditer(rf"\b(?:query_table|{GIVEN_TABLES})\([^()]*\b{name}\b", sql):
            before = [clause for at, clause in clauses if at < read.start()]
            # A clause that is no recursive one does not see itself.
            if (
                before
                and "RECURSIVE" not in sql
                and "\n)" not in sql[clauses[len(before) - 1][0] : read.start()]
            ):
                before.pop()
            assert all(clause.startswith("_") for clause in before), f"{name} behind {before}"


@pytest.mark.parametrize("macro", sorted(catalog.shipped().macros))
def test_every_macro_is_used(macro: str) -> None:
    asked = [statements(file) for file in CATALOGUE] + [nvidia.statement(name) for name in nvidia.HEADERS]
    asked += [query.note for query in catalog.shipped().queries.values()]
    assert any(re.search(rf"\b{macro}\(", statement) for statement in asked)


@pytest.mark.parametrize("query", catalog.shipped().queries.values(), ids=lambda query: query.name)
def test_answers_that_hang_on_other_ranks_are_not_put_together(query: Query) -> None:
    looks_at_others = (
        not catalog.shipped().names(query).isdisjoint({"job_members", "jobs", "compared_traces"})
    )
    assert not (query.unites and looks_at_others), query.label


@pytest.mark.parametrize("query", catalog.shipped().queries.values(), ids=lambda query: query.name)
def test_a_question_with_a_trace_leaves_it_to_a_macro_which_traces_are_meant(query: Query) -> None:
    for name in {"trace", "timeline", "counters"} & {param.name for param in query.params}:
        assert re.search(
            rf"\b(?:chosen_traces|range_spread|communication_called|gaps_before_launches|operations_by_owner|job_members|job_ranks|steps_with_work|delays_of_ranks)\(\${name}\b",
            query.sql,
        ), query.label
        assert len(re.findall(rf"(?<!\()\${name}\b", query.sql)) == 0, query.label
