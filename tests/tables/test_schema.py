"""The tables explain themselves, and say the same in code and in the database."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
from helpers_robust import OWN_IDS

from traceql.questions import catalog
from traceql.read import formats
from traceql.store import steps
from traceql.tables import normalise, schema, sqlfiles

if TYPE_CHECKING:
    from traceql import Database


def test_every_table_and_view_is_commented_in_the_database(corpus: Database) -> None:
    found = corpus.sql(
        """
        SELECT table_name AS name, comment FROM duckdb_tables()
        UNION ALL SELECT view_name, comment FROM duckdb_views() WHERE NOT internal AND NOT temporary
        """
    )
    comments = dict(found.rows())
    assert comments.pop("traceql_meta")
    expected = {t.name: t.grain for t in (*schema.TABLES, *schema.SHIPPED.values())}
    expected |= {v.name: v.title for v in catalog.shipped().views.values()}
    assert comments == expected


def test_every_column_is_commented_in_the_database(corpus: Database) -> None:
    found = corpus.sql(
        """
        SELECT table_name, column_name, comment FROM duckdb_columns()
        WHERE NOT internal AND table_name <> 'traceql_meta' AND database_name NOT IN ('system', 'temp')
        """
    )
    expected = {
        (t.name, c.name): c.meaning for t in (*schema.TABLES, *schema.SHIPPED.values()) for c in t.columns
    }
    expected |= {(v.name, c.name): c.meaning for v in catalog.shipped().views.values() for c in v.columns}
    assert {(t, c): comment for t, c, comment in found.rows()} == expected


@pytest.mark.parametrize("table", schema.TABLES, ids=lambda t: t.name)
def test_numbers_carry_their_unit(table: schema.Table) -> None:
    """Every measured quantity ends in a unit; what does not is a count, a coordinate, a code or a text."""
    unitless = {
        "trace_id", "gpu_operations", "launches", "levels", "pid", "tid", "end_tid", "gpu_id", "device_id", "context_id", "stream_id", "correlation_id",
        "return_value", "memset_value", "depth", "sm_count", "max_warps_per_sm", "registers_per_thread",
        "src_device_id", "dst_device_id", "bytes", "color_argb", "value", "virtual_address", "source_line", "page_faults",
        "address", "pool_address", "instance_value", "focus_value", "marker_address", "marker_line", "frame_depth", "frame_line", "frame_address",
        "position", "sample", "events", "cpu_cores", "cpu_cycles", "mpi_rank", "switch_number", "owner_pid", "stream_priority",
        "message_place", "communicator_handle", "tag", "peer", "root_rank", "request", "buffer_address", "gangs", "workers", "vector_length", "iterations",
        "grid_x", "grid_y", "grid_z", "block_x", "block_y", "block_z",
        "cluster_x", "cluster_y", "cluster_z", "max_active_clusters", "max_cluster_blocks",
    }  # fmt: skip
    units = ("_ns", "_bytes", "_pct", "_hz", "_bytes_per_s", "_id")
    for column in table.columns:
        if column.type in ("BIGINT", "INTEGER", "DOUBLE"):
            assert column.name.endswith(units) or column.name in unitless, column.name


EVENTS = {"start_ns", "time_ns", "created_ns"}


def ids(table: schema.Table) -> set[str]:
    return {c.name for c in table.columns if c.name.endswith("_id") or c.name in ("pid", "tid")}


def are_linked(one: schema.Table, other: schema.Table) -> bool:
    """Whether rows of one say more about rows of the other, and one report can hold both."""
    said = bool(ids(one) & ids(other) - {"trace_id"}) or "traces" in (one.name, other.name)
    kinds_one, kinds_other = set(one.collected_by), set(other.collected_by)
    return said and (not kinds_one or not kinds_other or bool(kinds_one & kinds_other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(one, other, id=f"{one.name}-{other.name}")
        for one, other in itertools.combinations([t for t in schema.TABLES if t.of_trace], 2)
        if are_linked(one, other)
    ],
)
def test_a_natural_join_links_two_tables_by_ids_alone(one: schema.Table, other: schema.Table) -> None:
    """But events with each other: each has its own times and name, and views lay one beside the other."""
    of_one, of_other = ({column.name for column in table.columns} for table in (one, other))
    if not (of_one & EVENTS and of_other & EVENTS):
        assert of_one & of_other <= ids(one)


def test_a_natural_join_with_what_a_trace_has_keeps_every_kernel(corpus: Database) -> None:
    counted = "SELECT count(*), sum(duration_ns) FROM kernels"
    (whole,) = corpus.sql(counted).rows()
    assert whole[0] > 10_000
    for table in ("traces", "(SELECT DISTINCT trace_id, pid, process FROM processes)"):
        assert corpus.sql(f"{counted} NATURAL LEFT JOIN {table}").rows() == [whole]
    named = corpus.sql("SELECT count(trace), count(profiler) FROM kernels NATURAL JOIN traces").rows()
    assert named == [(whole[0], whole[0])]


@pytest.mark.parametrize("kind", ["nsys", "ncu"])
def test_every_step_fills_tables_of_the_schema(kind: formats.base.Kind) -> None:
    filled = {name for step in normalise.steps(kind) for name in step.fills}
    assert filled <= set(schema.BY_NAME)
    # Every table that a kind of trace can hold has a step that fills it.
    assert {t.name for t in schema.TABLES if kind in t.collected_by} <= filled


@pytest.mark.parametrize("table", [t for t in schema.TABLES if t.of_trace], ids=lambda t: t.name)
def test_an_id_is_the_number_of_the_trace_and_a_row_number(corpus: Database, table: schema.Table) -> None:
    for name in (column.name for column in table.columns if column.name in OWN_IDS):
        others = f"{name} IS NOT NULL AND ({name} >> 32 <> trace_id OR {name} & 4294967295 = 0)"
        assert corpus.sql(f"SELECT count(*) FROM {table.name} WHERE {others}").item() == 0, name
    # The table's own id counts its rows from 1.
    if table.columns[0].meaning == "unique in the database":
        own = table.columns[0].name
        rows = corpus.sql(
            f"SELECT count(*) AS n, count(DISTINCT {own}), max({own} & 4294967295) FROM {table.name} GROUP BY trace_id"
        ).rows()
        # No shipped report has events of plugins that are no counters.
        assert rows or table.name == "generic_events"
        assert all(n == distinct == last for n, distinct, last in rows)


def test_a_malformed_header_of_a_step_is_an_error_with_file_and_line() -> None:
    for line in ("@reads start BIGINT", "@raw A b:BIGINT", "@read start BIGINT"):
        file = sqlfiles.parse(f"-- Title.\n-- {line}\nSELECT 1", "normalise/nsys/x.sql")
        with pytest.raises(ValueError, match=r"normalise/nsys/x.sql:2: expected '@raw TABLE'"):
            normalise._step(file)


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        (["@only a > 1"], "x.sql:4: @only is of a table in pieces"),
        (["@finds found_id"], "x.sql:4: @finds is of a table in pieces"),
        # Those of another table are no pieces of this one.
        (["@pieces a", "@raw B", "@reads b BIGINT", "@only b > 1"], "x.sql:7: @only is of a table in pieces"),
        (["@only a > 1", "@raw B", "@reads b BIGINT", "@pieces b"], "x.sql:4: @only is of a table in pieces"),
        (["@pieces a", "@raw B", "@reads b BIGINT", "@pieces b"], "x.sql:7: @pieces is there already"),
        (["@pieces a", "@only a > 1", "@only a > 2"], "x.sql:6: @only is there already"),
        (["@numbers n", "@numbers m"], "x.sql:5: @numbers is there already"),
        (["@when t", "@when u"], "x.sql:5: @when is there already"),
        (["@raw A"], "x.sql:4: @raw is there already"),
    ],
)
def test_a_tag_of_a_step_that_would_not_be_read_is_an_error(lines: list[str], problem: str) -> None:
    header = "\n".join(f"-- {line}" for line in ["@raw A", "@reads a BIGINT", *lines])
    with pytest.raises(ValueError, match=problem):
        normalise._step(sqlfiles.parse(f"-- Title.\n{header}\nSELECT 1", "x.sql"))


def test_what_is_said_of_each_of_two_tables_is_no_repetition() -> None:
    header = (
        "-- @raw A\n-- @reads a BIGINT\n-- @numbers n\n-- @only a > 1\n-- @pieces a\n-- @raw B\n-- @numbers n"
    )
    views = normalise._step(sqlfiles.parse(f"-- Title.\n{header}\nSELECT 1", "x.sql")).views
    assert [(view.numbered, view.only, view.pieces) for view in views] == [
        ("n", "a > 1", "a"),
        ("n", None, None),
    ]


def test_a_step_is_made_for_rows_or_for_values_of_a_column_that_it_reads() -> None:
    header = "-- Title.\n-- @raw A|B\n-- @reads start BIGINT\n-- @raw C\n-- @reads id|ID BIGINT\n-- @of {}\nSELECT 1"

    def made_for(words: str) -> dict[str, str | None]:
        step = normalise._step(sqlfiles.parse(header.format(words), "x.sql"))
        return {view.name: column and column.names[0] for view, column in step.of.items()}

    assert made_for("A C") == {"raw_A": None, "raw_C": None}
    assert made_for("C.id") == {"raw_C": "id"}
    for wrong in ("B", "A.id", "C.ID", "D"):
        with pytest.raises(ValueError, match=r"x.sql:6: expected '@raw TABLE'"):
            made_for(wrong)


def test_a_step_has_nothing_to_do_without_a_value_in_the_column_that_it_is_made_for() -> None:
    rows = pa.table({"ID": pa.array([None, None], pa.int64()), "start": [1, 2]})

    def has(*names: str) -> bool:
        return steps._has_values(rows, normalise.RawColumn(names, "BIGINT"))

    assert not steps._has_values(None, None)
    assert not steps._has_values(rows.slice(0, 0), None)
    assert steps._has_values(rows, None)
    assert (has("id", "ID"), has("other"), has("begin", "start")) == (False, False, True)


def test_every_format_names_its_reader() -> None:
    for reader in formats.READERS:
        assert callable(reader.read)
        assert reader.magic or reader.member_suffix


def test_tables_lists_everything_with_its_rows(corpus: Database) -> None:
    found = {row["name"]: row for row in corpus.tables().to_dicts()}
    tables = {t.name for t in (*schema.TABLES, *schema.SHIPPED.values())}
    assert set(found) == tables | {v.name for v in catalog.shipped().views.values()}
    assert found["traces"]["rows"] == corpus.sql("SELECT count(*) FROM traces").item()
    assert found["dram"]["kind"] == "view"
