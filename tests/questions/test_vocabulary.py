"""One word for one thing: the vocabulary, and the names that went."""

from __future__ import annotations

import re
import tomllib
from collections import defaultdict
from pathlib import Path

import pytest

from traceql.questions import catalog
from traceql.tables import schema

ROOT = Path(__file__).parents[2]
VOCABULARY = (ROOT / "docs" / "vocabulary.md").read_text(encoding="utf-8")
RENAMES = tomllib.loads((ROOT / "tests" / "fixtures" / "renames.toml").read_text(encoding="utf-8"))

VIEWS = {view.name: view for view in catalog.shipped().views.values()}
TERMS = {
    term
    for row in VOCABULARY.partition("## Terms")[2].splitlines()
    if row.startswith("| `")
    for term in re.findall(r"`(\w+)`", row.split("|")[1])
}


def columns_of_everything() -> dict[str, dict[str, set[str]]]:
    """Column → its types → where it is."""
    found: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for query in (*catalog.shipped().queries.values(), *VIEWS.values()):
        for column in query.columns:
            found[column.name][column.type].add(query.name)
    for table in (*schema.TABLES, *schema.SHIPPED.values()):
        for column in table.columns:
            found[column.name][column.type].add(table.name)
    return found


def test_every_term_is_the_name_of_something() -> None:
    params = {param.name for query in catalog.shipped().queries.values() for param in query.params}
    # Measures name columns, some of which only views have; a prefix stands for what it begins.
    assert {term for term in TERMS if term not in params | set(columns_of_everything())} == set()


def test_what_three_answers_share_is_in_the_vocabulary() -> None:
    shared = defaultdict(set)
    for query in catalog.shipped().queries.values():
        for column in query.columns:
            shared[column.name].add(query.name)
    often = {name for name, queries in shared.items() if len(queries) >= 3}
    # Names that are made by the rules: a statistic, a side or a source of roofs, then a term.
    made = re.compile(r"(total|avg|q1|median|q3|min|max|stddev|p90|p99|accum)_\w+|(profiled|datasheet)_\w+")
    made_too = {
        "grid_y",
        "grid_z",
        "block_y",
        "block_z",
        "cpu_page_faults",
        "executed_per_useful",
        "name",
        "min",
        "max",
    }
    made_too |= {f"{level}_{rest}" for level in ("l1", "l2") for rest in ("bytes_per_s", "flop_per_byte")}
    made_too |= {"l1_metric", "l2_metric", "flop_by_precision"}
    assert {name for name in often if not made.fullmatch(name)} - TERMS - made_too == set()


def test_a_statistic_begins_a_name() -> None:
    last = re.compile(r"\w+_(avg|mean|median|min|max|stddev|sum|accum)(_ns|_bytes|_pct)?")
    wrong = {name for query in catalog.shipped().queries.values() for name in (c.name for c in query.columns)}
    # A side comes first.
    allowed = {"baseline_stddev", "variant_stddev"}
    assert {name for name in wrong if last.fullmatch(name)} == allowed


def test_a_name_has_one_type() -> None:
    """But for those that are texts or sums in one place, and maps, lists or exact numbers in another."""
    allowed = {
        "baseline",
        "variant",
        "virtual_address",
        "l2_bytes",
        "lacks",
        "tags",
        "peak_flop_per_s",
    }
    several = {name for name, types in columns_of_everything().items() if len(types) > 1}
    assert several == allowed | {"sm_clock_hz"}


@pytest.mark.parametrize("question", RENAMES["columns"])
def test_a_question_has_the_new_names_and_not_the_old_ones(question: str) -> None:
    renamed = RENAMES["columns"][question]
    names = {column.name for column in catalog.shipped().find(question).columns}
    assert set(renamed.values()) <= names
    assert (set(renamed) - set(renamed.values())) & names == set()


@pytest.mark.parametrize("question", RENAMES["parameters"])
def test_a_question_takes_the_new_parameters_and_not_the_old_ones(question: str) -> None:
    renamed = RENAMES["parameters"][question]
    names = {param.name for param in catalog.shipped().find(question).params}
    assert set(renamed.values()) <= names
    assert set(renamed) & names == set()


def test_views_and_tables_have_their_new_names() -> None:
    for old, new in RENAMES["views"].items():
        assert new in VIEWS and old not in VIEWS
    for view, renamed in RENAMES["view_columns"].items():
        names = {column.name for column in VIEWS[RENAMES["views"].get(view, view)].columns}
        assert set(renamed.values()) <= names
        assert (set(renamed) - set(renamed.values())) & names == set()
    for table, renamed in RENAMES["table_columns"].items():
        names = {column.name for column in schema.BY_NAME[table].columns}
        assert set(renamed.values()) <= names and not set(renamed) & names
