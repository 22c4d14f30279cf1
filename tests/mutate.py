"""Would the cases notice a wrong number? Every numeric column of every question is tripled.

``python tests/mutate.py [--shard i/n] [QUESTION…]`` asks the cases of tests/ask/answers/ again with
``SELECT * REPLACE (column * 3 AS column)`` around the question's SQL: at least one of them must differ in that
column. A column that survives is NULL or 0 in all of them, so nothing says that its number is right; survivors are
printed, and the exit status is 1. Ids and codes are no numbers to be tripled.
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from made import case

from traceql.questions import catalog

if TYPE_CHECKING:
    from collections.abc import Iterable

    from made.case import Case

#: Numbers that name something.
_CODES = ("pid", "tid", "return_value")


def mutable(question: str) -> list[str]:
    """Columns of a question whose values are amounts; what is NULL in every row of findings says nothing."""
    query = catalog.shipped().find(question)
    return [
        column.name
        for column in query.columns
        if f"\n    NULL::{column.type} AS {column.name}" not in query.sql
        and case.is_numeric(column.type)
        and not column.name.endswith("_id")
        and column.name not in _CODES
    ]


def survivors(question: str, cases: Iterable[Case]) -> list[str]:
    """Columns of a question whose tripling no case notices."""
    alive = mutable(question)
    for one in cases:
        if not alive:
            break
        with one.database() as database:
            answer = case.ask_sql(database, _tripled(question, alive), question, one)
            noticed = {cell.column for cell in case.differences(question, one, answer)}
        alive = [column for column in alive if column not in noticed]
    return alive


def _tripled(question: str, columns: Iterable[str]) -> str:
    changed = ", ".join(f'"{column}" * 3 AS "{column}"' for column in columns)
    return f"SELECT * REPLACE ({changed}) FROM (\n{catalog.shipped().find(question).sql}\n)"


def shard(questions: Iterable[str], number: int, of: int) -> list[str]:
    """Every `of`-th question, from the `number`-th on (from 1)."""
    return sorted(questions)[number - 1 :: of]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--shard", default="1/1", metavar="I/N")
    parser.add_argument("questions", nargs="*", metavar="QUESTION")
    chosen = parser.parse_args()
    number, of = (int(part) for part in chosen.shard.split("/"))
    cases = case.load()
    found = 0
    asked = [catalog.shipped().find(name).name for name in chosen.questions]
    for question in shard(asked or catalog.shipped().queries, number, of):
        for column in survivors(question, cases.get(question, [])):
            print(f"{question}.{column}: no case notices that it is wrong")
            found += 1
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
