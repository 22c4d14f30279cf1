"""Databases from strangers: data that may be nonsense, and code that is never run.

``python tests/robust/test_stranger.py --cases 200 --start 1`` asks every question of so many databases whose values
are out of range, and says what came of it.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import random
import resource
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parent.parent))

import asked
import duckdb
import pytest

from traceql import Database, TraceqlError
from traceql.ask import check_files
from traceql.cli import output
from traceql.draw import charts
from traceql.questions import catalog
from traceql.tables import schema

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

REPORTS = Path(__file__).parent.parent / "fixtures" / "reports"
TIMELINE, BEFORE, AFTER = "timeline", "before", "after"

#: Type of a column → SQL of values that nothing should hold.
VALUES = {
    "BIGINT": ("NULL", "0", "-1", "9223372036854775807", "-9223372036854775808"),
    "INTEGER": ("NULL", "0", "-1", "2147483647", "-2147483648"),
    "DOUBLE": ("NULL", "'nan'", "'inf'", "'-inf'", "-1e308", "1e308"),
    "BOOLEAN": ("NULL", "true", "false"),
    "TIMESTAMP": (
        "NULL",
        "'infinity'",
        "'-infinity'",
        "'290000-01-01'",
        "'0001-01-01'",
        "'4000-01-01 (BC)'",
    ),
    "JSON": ("NULL", "'[1, 2]'", "'3'", "'null'", """'{"trace": {"a": [null]}}'""", "''"),
    "VARCHAR": ("NULL", "''", "'zzz'", "'a' || chr(0) || chr(27) || '[31m'", "repeat('%_', 5000)"),
    "VARCHAR[]": ("NULL", "[]", "[NULL]", "['nosuch', NULL]"),
    "MAP(VARCHAR, VARCHAR)": ("NULL", "map()", "map(['a', 'gpu'], [NULL, ''])", "map([''], ['x'])"),
}

#: Changes of whole tables.
WHOLE = (
    "DELETE FROM {table}",
    "INSERT INTO {table} FROM {table}",
    "UPDATE traces SET trace = 'one'",
    "UPDATE traces SET trace_id = 1",
    "UPDATE traces SET profiler = 'zzz'",
    "UPDATE kernels SET end_ns = start_ns - 5, duration_ns = -5",
    "UPDATE {table} SET trace_id = 77",
    "UPDATE run_metrics SET value = 'nan', unit = 'parsec'",
)
SLOW_S = 20.0


def make(path: Path) -> None:
    """A database of a timeline, two profiles and some runs."""
    with Database(path) as database:
        database.ingest(REPORTS / "scv_baseline_graph.sqlite.xz", name=TIMELINE, tags={"batch": "8"})
        database.ingest(REPORTS / "scv_baseline_graph.ncu-rep.xz", name=BEFORE)
        database.ingest(REPORTS / "scv_baseline_vectorized.ncu-rep.xz", name=AFTER)
        database.import_runs(REPORTS.parent / "tables" / "decode_sweep.csv")


def spoil(path: Path, seed: int) -> list[str]:
    """Change some values of a database to what they cannot be; returns the statements."""
    rng = random.Random(seed)
    done = []
    with contextlib.closing(duckdb.connect(str(path))) as connection:
        for _ in range(rng.choice((1, 1, 2, 4))):
            statement = _change(rng)
            # Some tables have no rows of a trace.
            with contextlib.suppress(duckdb.BinderException):
                connection.execute(statement)
                done.append(statement)
    return done


def _change(rng: random.Random) -> str:
    table = schema.BY_NAME["traces"] if rng.random() < 0.3 else rng.choice(schema.TABLES)
    if rng.random() < 0.15:
        return rng.choice(WHOLE).format(table=table.name)
    column = rng.choice(table.columns)
    value = rng.choice(VALUES[column.type])
    where = rng.choice(("true", f"hash(rowid + {rng.randrange(99)}) % 3 = 0"))
    return f"UPDATE {table.name} SET {column.name} = {value} WHERE {where}"


def uses(database: Database) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Everything that can be asked of a database, by name."""
    given = {"timeline": TIMELINE, "baseline": BEFORE, "variant": AFTER}
    found = catalog.shipped()
    for name, query in found.queries.items():
        values = asked.given(query, **given)
        yield name, lambda name=name, values=values: database.ask(name, **values).table
    for name in charts.names(found):
        values = asked.given(charts.queries_of(found, name)[0], **given)
        yield f"chart {name}", lambda name=name, values=values: database.chart(name, **values).to_dict()
    for trace in (TIMELINE, BEFORE):
        yield f"info {trace}", lambda trace=trace: database.info(trace)
    yield "ls", lambda: database._store.run("SELECT * FROM traces ORDER BY trace_id")
    yield "report", lambda: database.report(TIMELINE, BEFORE)
    yield "reports", lambda: database.report(BEFORE, AFTER)
    yield "compare", lambda: database.compare(BEFORE, AFTER)
    yield "tables", lambda: database.tables()
    yield "unanswerable", lambda: database.unanswerable()
    for file in found.checks:
        sides = {} if file == "nwor_scv" else {"baseline": BEFORE, "variant": AFTER}
        if file in ("scv", "budget"):
            sides = {"variant": TIMELINE} if file == "budget" else dict.fromkeys(sides, TIMELINE)
        yield f"check {file}", lambda file=file, sides=sides: database.check(file, **sides)


def shown(answer: Any, forms: Sequence[str] = ("table", "csv", "json", "md")) -> None:
    """Write an answer that is a table in several forms, as the command line does."""
    if hasattr(answer, "num_rows"):
        for form in forms:
            with tempfile.TemporaryDirectory() as folder:
                output.write(answer, form, f"{folder}/answer")


def outcome(use: Callable[[], Any]) -> tuple[str, str]:
    """What comes of a use: an answer, an error of ours, or one that nobody caught."""
    try:
        with contextlib.redirect_stderr(io.StringIO()):
            shown(use())
    except TraceqlError as error:
        return type(error).__name__, error.message
    except Exception as error:  # noqa: BLE001 - that is what is looked for
        return "uncaught", f"{type(error).__name__}: {error}"
    return "answer", ""


def main() -> None:
    """Ask everything of many spoilt databases, and say what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=20)
    parser.add_argument("--start", type=int, default=1)
    parser.add_argument("--part", type=float, default=1.0, help="of what can be asked")
    arguments = parser.parse_args()
    began, counted, bad, slowest = time.monotonic(), Counter[str](), Counter[str](), 0.0
    with tempfile.TemporaryDirectory() as folder:
        base, path = Path(folder) / "base", Path(folder) / "db"
        make(base)
        for seed in range(arguments.start, arguments.start + arguments.cases):
            shutil.copyfile(base, path)
            done = spoil(path, seed)
            rng = random.Random(seed)
            with Database(path, timeout_s=SLOW_S) as database:
                for name, use in uses(database):
                    if rng.random() >= arguments.part:
                        continue
                    start = time.monotonic()
                    kind, text = outcome(use)
                    slowest = max(slowest, time.monotonic() - start)
                    counted[kind] += 1
                    if kind in ("uncaught", "TimeLimitError") or (kind == "QueryError" and "Error:" in text):
                        bad[f"{kind} {text[:150]!r}"] += 1
                        print(f"seed {seed} {name}: {kind} {text[:300]!r} after {done}", flush=True)
    for text, count in bad.most_common(40):
        print(count, text)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    print(
        f"{arguments.cases} databases, {sum(counted.values()):,} uses in {time.monotonic() - began:.0f} s, slowest "
        f"{slowest:.1f} s, peak {peak} MB: {dict(counted)}"
    )


if __name__ == "__main__":
    main()
