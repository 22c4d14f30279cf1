"""A report read natively and its export give the same canonical tables."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from helpers_robust import OWN_IDS
from shipped import REPORTS, report_names

import traceql
from traceql import Database
from traceql.read.source import plain_name
from traceql.store import ingest
from traceql.tables import schema

pytestmark = pytest.mark.long

REPORTS_WITH_EXPORT = [
    name
    for name in report_names(".nsys-rep", ".qdrep")
    if (REPORTS / f"{plain_name(name).rpartition('.')[0]}.sqlite.xz").exists()
]


@pytest.fixture(scope="module", params=REPORTS_WITH_EXPORT)
def both(request: pytest.FixtureRequest) -> Iterator[Database]:
    """A database with the trace ``native`` and the trace ``export``."""
    stem = plain_name(request.param).rpartition(".")[0]
    with traceql.open(":memory:") as db:
        db.ingest(REPORTS / request.param, name="native")
        db.ingest(REPORTS / f"{stem}.sqlite.xz", name="export")
        yield db


def difference(db: Database, table: schema.Table, columns: list[str]) -> list[tuple[object, ...]]:
    """Rows that one of the two has more often than the other, and how often each has them."""
    own = ", ".join(f"{table.name}.{column}" for column in columns)
    of = "count(*) FILTER (t.trace = '{}')"
    native, export = of.format("native"), of.format("export")
    return db.sql(
        f"SELECT {own}, {native}, {export} FROM {table.name} JOIN traces AS t USING (trace_id) "
        f"GROUP BY {own} HAVING {native} <> {export} LIMIT 5"
    ).rows()


def exported_payloads(db: Database) -> bool:
    """Whether the export has as many payloads as the report: those of structures are written on request."""
    return db.sql(
        "SELECT count(payload) FILTER (trace = 'export') = count(payload) FILTER (trace = 'native') "
        "FROM nvtx_ranges JOIN traces USING (trace_id)"
    ).item()


@pytest.fixture(scope="module")
def counted(both: Database) -> dict[str, dict[str, int]]:
    """Trace → table → rows."""
    return {trace: ingest.rows(both._store, trace) for trace in ("native", "export")}


@pytest.mark.parametrize(
    "table", [t for t in schema.TABLES if t.of_trace and t.name != "traces"], ids=lambda t: t.name
)
def test_every_table_is_the_same(
    both: Database, counted: dict[str, dict[str, int]], table: schema.Table
) -> None:
    rows = {trace: counted[trace][table.name] for trace in ("native", "export")}
    if table.name == "diagnostics" and rows["export"] == 0:
        # Exports before 2024.6 leave the messages out; the report has them.
        assert rows["native"] > 0
        return
    columns = [c.name for c in table.columns if c.name not in {"trace_id", *OWN_IDS}]
    if table.name == "nvtx_ranges" and not exported_payloads(both):
        # Exported without --include-blobs=true.
        columns.remove("payload")
    if table.name == "counter_samples":
        # Of NVTX counters the report alone tells units and devices; and that one has no value just then, of which
        # the export writes the reason in place of the value.
        columns = [name for name in columns if name not in ("device", "unit")]
        without = both.sql("SELECT count(*) FROM counter_samples WHERE value IS NULL").item()
        assert rows["native"] == rows["export"]
        assert len(difference(both, table, columns)) == 2 * without
        return
    assert rows["native"] == rows["export"]
    # Of no rows none differs, and a table of nothing but ids has its rows counted.
    assert not columns or rows["native"] == 0 or difference(both, table, columns) == []


def test_the_trace_itself_is_the_same(both: Database) -> None:
    columns = "profiler, captured_at, start_utc_ns, trace_duration_ns, gpu, driver_version, cuda_version, cpu, cpu_cores"
    rows = both.sql(f"SELECT {columns} FROM traces ORDER BY trace").rows()
    assert rows[0] == rows[1]


def test_the_reports_own_event_counts_agree(both: Database) -> None:
    found = both.sql("SELECT trace, counts_agree FROM traces ORDER BY trace").rows()
    assert found in ([("export", None), ("native", True)], [("export", None), ("native", None)])
    counts = both.sql(
        "SELECT count(*) FROM diagnostics WHERE text LIKE 'Number of % events collected:%'"
    ).item()
    assert (found[1][1] is True) == (counts > 0)


@pytest.mark.parametrize("name", ["jax_gb200_2025.5_graphs.nsys-rep.xz", "jax_gh200_2025.5.nsys-rep.xz"])
def test_a_newer_version_than_tested_comes_in_with_a_warning(name: str) -> None:
    with traceql.open(":memory:") as db:
        stored = db.ingest(REPORTS / name)
        assert any("reading was tested up to version 2025.3" in warning for warning in stored.warnings)
        assert db.sql("SELECT counts_agree FROM traces").item() is True
