"""Whoever changes what stored rows mean is asked what becomes of the databases that exist."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from typing import TYPE_CHECKING

from traceql.tables import fingerprint, normalise, schema

if TYPE_CHECKING:
    import pytest


def test_tables_and_steps_are_those_that_the_schema_version_was_given_to() -> None:
    assert fingerprint.today() == schema.FINGERPRINT, (
        "a table or a normalising step has changed. If rows of databases that exist now mean something else, or "
        "have other columns: raise SCHEMA_VERSION, say in tables/migrations/from_N how the old tables become the "
        "new ones, and run tests/fixtures/databases/make.py. In any case record the new one: "
        f'schema.FINGERPRINT = "{fingerprint.today()}"'
    )


def test_the_command_prints_it() -> None:
    command = [sys.executable, "-m", "traceql.tables.fingerprint"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert printed == f"{fingerprint.today()}\n"


def test_a_column_that_is_renamed_or_has_another_type_changes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    first, *others = schema.TABLES
    seen = {fingerprint.today()}
    for changes in ({"name": "other"}, {"type": "HUGEINT"}):
        column = dataclasses.replace(first.columns[0], **changes)
        table = dataclasses.replace(first, columns=(column, *first.columns[1:]))
        monkeypatch.setattr(schema, "TABLES", (table, *others))
        seen.add(fingerprint.today())
    assert len(seen) == 3


def test_sql_of_a_step_changes_it_and_its_comments_and_lines_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = normalise.steps("ncu")

    def of(sql: str) -> str:
        changed = (dataclasses.replace(steps[0], sql=sql), *steps[1:])
        monkeypatch.setattr(normalise, "steps", lambda kind: changed if kind == "ncu" else ())
        return fingerprint.today()

    same = {of("SELECT 1 FROM t"), of("SELECT 1 -- one\n\n   FROM t /* all */"), of("\nSELECT\t1\nFROM t\n")}
    assert len(same) == 1
    assert of("SELECT 2 FROM t") not in same
    assert of("SELECT '1 -- one' FROM t") != of("SELECT '1  -- one' FROM t")


def test_which_rows_count_changes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    steps, others = (normalise.steps(kind) for kind in ("nsys", "ncu"))
    ((place, calls),) = [one for one in enumerate(steps) if one[1].label.endswith("/api_calls.sql")]
    seen = {fingerprint.today()}
    for only in (None, "eventClass <> 67"):
        views = tuple(dataclasses.replace(view, only=only) for view in calls.views)
        changed = (*steps[:place], dataclasses.replace(calls, views=views), *steps[place + 1 :])
        both = {"nsys": changed, "ncu": others}
        monkeypatch.setattr(normalise, "steps", both.__getitem__)
        seen.add(fingerprint.today())
    assert len(seen) == 3


def test_what_a_step_is_made_for_changes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    step = normalise.steps("ncu")[0]
    other = normalise.RawView(("T",), (normalise.RawColumn(("a", "b"), "BIGINT"),))

    def of(**changes: object) -> str:
        changed = dataclasses.replace(step, **changes)
        monkeypatch.setattr(normalise, "steps", lambda kind: (changed,) if kind == "ncu" else ())
        return fingerprint.today()

    made_for = [{}, {other: None}, {other: other.columns[0]}]
    assert len({*(of(of=views) for views in made_for), of(when="t"), of(when="u")}) == 5


def test_a_meaning_that_is_only_said_better_does_not_change_it(monkeypatch: pytest.MonkeyPatch) -> None:
    first, *others = schema.TABLES
    before = fingerprint.today()
    column = dataclasses.replace(first.columns[0], meaning="said better")
    changed = dataclasses.replace(first, grain="better", columns=(column, *first.columns[1:]))
    monkeypatch.setattr(schema, "TABLES", (changed, *others))
    assert fingerprint.today() == before
