"""nsys exports of every version: nothing is lost on the way into the canonical tables."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from shipped import EXPORTS, REPORTS

from traceql.store import ingest

if TYPE_CHECKING:
    from collections.abc import Callable

    from traceql import Database

MASK = (1 << 64) - 1


class Source:
    """The source tables of an export, read without traceql."""

    def __init__(self, name: str, unpacked: Callable[[str], Path]) -> None:
        self.folder = REPORTS / name if not name.endswith(".xz") else None
        if self.folder is None:
            self.connection = sqlite3.connect(unpacked(name))
            self.connection.text_factory = lambda raw: raw.decode("utf-8", "replace")

    def rows(self, table: str, *columns: str) -> list[tuple[Any, ...]]:
        """Rows of the columns; a missing column is None, a missing table has no rows."""
        if self.folder is not None:
            return self._folder_rows(table, columns)
        known = {r[1] for r in self.connection.execute(f"PRAGMA table_info({table})")}
        if not known:
            return []
        chosen = ", ".join(f'"{c}"' if c in known else "NULL" for c in columns)
        return self.connection.execute(f"SELECT {chosen} FROM {table}").fetchall()

    def _folder_rows(self, table: str, columns: tuple[str, ...]) -> list[tuple[Any, ...]]:
        assert self.folder is not None
        parquet, arrow = self.folder / f"{table}.parquet", self.folder / f"{table}.arrow"
        if parquet.exists():
            data = pq.read_table(parquet)
        elif arrow.exists():
            data = pa.ipc.open_stream(arrow.read_bytes()).read_all()
        else:
            return []
        nothing = [None] * data.num_rows
        values = [data.column(c).to_pylist() if c in data.column_names else nothing for c in columns]
        return list(zip(*values, strict=True))


def pid(global_id: int) -> int:
    return (global_id & MASK) >> 24 & 0xFFFFFF


def tid(global_id: int) -> int:
    return global_id & 0xFFFFFF


def stored(corpus: Database, trace: str, table: str, *columns: str) -> list[tuple[Any, ...]]:
    chosen = ", ".join(f"{table}.{c}" for c in columns)
    rows = corpus._store.run(
        f"SELECT {chosen} FROM {table} JOIN traces USING (trace_id) WHERE trace = $t", {"t": trace}
    ).to_pylist()
    return [tuple(row.values()) for row in rows]


@pytest.fixture(params=EXPORTS)
def export(request: pytest.FixtureRequest, unpacked: Callable[[str], Path]) -> tuple[str, Source, int]:
    name = request.param
    source = Source(name, unpacked)
    # 2026 exports count on the target's clock; see normalise/nsys/clock.sql.
    clock = source.rows("TARGET_INFO_SESSION_START_TIME", "systemClockNs")
    return name, source, (clock[0][0] or 0) if clock else 0


def key(row: tuple[Any, ...]) -> tuple[str, ...]:
    return tuple(str(value) for value in row)


def assert_same(ours: list[tuple[Any, ...]], theirs: list[tuple[Any, ...]]) -> None:
    assert sorted(ours, key=key) == sorted(theirs, key=key)


def test_every_kernel_is_there(corpus: Database, export: tuple[str, Source, int]) -> None:
    name, source, origin = export
    strings = dict(source.rows("StringIds", "id", "value"))
    theirs = [
        (strings[short], strings[long], s - origin, e - origin, pid(p), device, stream, correlation, grid, block)
        for short, long, s, e, p, device, stream, correlation, grid, block in source.rows(
            "CUPTI_ACTIVITY_KIND_KERNEL", "shortName", "demangledName", "start", "end", "globalPid", "deviceId",
            "streamId", "correlationId", "gridX", "blockX",
        )
    ]  # fmt: skip
    columns = ("name", "demangled", "start_ns", "end_ns", "pid", "device_id", "stream_id", "correlation_id")
    assert_same(stored(corpus, name, "kernels", *columns, "grid_x", "block_x"), theirs)


def test_every_api_call_is_there(corpus: Database, export: tuple[str, Source, int]) -> None:
    name, source, origin = export
    strings = dict(source.rows("StringIds", "id", "value"))
    theirs = [
        (strings[n].rpartition("_v")[0] if strings[n].rpartition("_v")[2].isdigit() and "_v" in strings[n] else strings[n],
         s - origin, e - origin, e - s, pid(t), tid(t), c, r)
        for n, s, e, t, c, r, of_class in source.rows(
            "CUPTI_ACTIVITY_KIND_RUNTIME", "nameId", "start", "end", "globalTid", "correlationId", "returnValue",
            "eventClass",
        )
        # The call a second time, for its stack.
        if of_class != 67
    ]  # fmt: skip
    columns = ("name", "start_ns", "end_ns", "duration_ns", "pid", "tid", "correlation_id", "return_value")
    assert_same(stored(corpus, name, "api_calls", *columns), theirs)


def test_every_range_and_mark_is_there(corpus: Database, export: tuple[str, Source, int]) -> None:
    name, source, origin = export
    strings = dict(source.rows("StringIds", "id", "value"))
    events = source.rows(
        "NVTX_EVENTS", "eventType", "text", "textId", "start", "end", "globalTid", "domainId"
    )
    domains = {
        (pid(t), d): text if text is not None else strings[i]
        for kind, text, i, _, _, t, d in events
        if kind == 75
    }
    theirs = [
        ({34: "mark", 59: "pushpop", 60: "startend"}[kind],
         text if text is not None else strings.get(i), s - origin, None if e is None else e - origin, pid(t), tid(t),
         "" if not d else domains.get((pid(t), d), f"domain {d}"))
        for kind, text, i, s, e, t, d in events
        if kind in (34, 59, 60)
    ]  # fmt: skip
    columns = ("style", "text", "start_ns", "end_ns", "pid", "tid", "domain")
    assert_same(stored(corpus, name, "nvtx_ranges", *columns), theirs)


def test_every_copy_and_memset_is_there(corpus: Database, export: tuple[str, Source, int]) -> None:
    name, source, origin = export
    theirs = [
        # Migrations of managed memory belong to no context (0) and no stream.
        (operation, b, s - origin, e - origin, pid(p), stream if context else None, correlation)
        for operation, table in (("memcpy", "MEMCPY"), ("memset", "MEMSET"))
        for b, s, e, p, context, stream, correlation in source.rows(
            f"CUPTI_ACTIVITY_KIND_{table}",
            *("bytes", "start", "end", "globalPid", "contextId", "streamId", "correlationId"),
        )
    ]
    columns = ("kind", "bytes", "start_ns", "end_ns", "pid", "stream_id", "correlation_id")
    assert_same(stored(corpus, name, "memory_ops", *columns), theirs)


def test_copy_and_memory_kinds_carry_the_labels_of_the_exports_own_enumerations(
    corpus: Database, export: tuple[str, Source, int]
) -> None:
    name, source, origin = export
    operations = dict(source.rows("ENUM_CUDA_MEMCPY_OPER", "id", "label"))
    kinds = dict(source.rows("ENUM_CUDA_MEM_KIND", "id", "label"))
    ours = stored(corpus, name, "memory_ops", "copy_kind", "src_memory", "dst_memory", "start_ns")
    if operations:
        theirs = [
            (operations[c], kinds.get(a), kinds.get(b), s - origin)
            for c, a, b, s in source.rows(
                "CUPTI_ACTIVITY_KIND_MEMCPY", "copyKind", "srcKind", "dstKind", "start"
            )
        ] + [
            (None, None, kinds.get(kind), s - origin)
            for kind, s in source.rows("CUPTI_ACTIVITY_KIND_MEMSET", "memKind", "start")
        ]
        assert_same(ours, theirs)
    else:
        # Exports before 2022 hold the numbers only; the labels are CUPTI's.
        assert all(not (row[0] or "").startswith("Unknown") for row in ours)


ASKS_FOR = {
    "cudaStreamSynchronize": "Stream sync",
    "cudaStreamWaitEvent": "Stream wait sync",
    "cudaEventSynchronize": "Event sync",
    "cudaEventQuery": "Event sync",
    "cudaDeviceSynchronize": "Context sync",
    "cuCtxSynchronize": "Context sync",
}


def test_a_wait_is_of_the_kind_that_its_call_asks_for_in_every_version(corpus: Database) -> None:
    """The numbers of types do not say so: see the step."""
    rows = corpus.sql(
        """
        SELECT api_calls.name, sync_type, event_id IS NOT NULL AS of_event, count(*)
        FROM syncs JOIN api_calls USING (api_call_id) GROUP BY ALL
        """
    ).rows()
    told = [(name, kind, of_event, ASKS_FOR[name]) for name, kind, of_event, _ in rows if name in ASKS_FOR]
    assert {name for name, *_ in told} == ASKS_FOR.keys()
    for _, kind, of_event, asked in told:
        assert kind == asked
        assert of_event == (asked in ("Event sync", "Stream wait sync"))


def test_every_sync_graph_launch_and_graph_node_is_there(
    corpus: Database, export: tuple[str, Source, int]
) -> None:
    name, source, origin = export
    theirs = [
        (s - origin, e - origin, pid(p), c)
        for s, e, p, c in source.rows(
            "CUPTI_ACTIVITY_KIND_SYNCHRONIZATION", "start", "end", "globalPid", "correlationId"
        )
    ]
    assert_same(stored(corpus, name, "syncs", "start_ns", "end_ns", "pid", "correlation_id"), theirs)
    theirs = [
        (s - origin, e - origin, pid(p), g)
        for s, e, p, g in source.rows(
            "CUPTI_ACTIVITY_KIND_GRAPH_TRACE", "start", "end", "globalPid", "graphId"
        )
    ]
    assert_same(stored(corpus, name, "graph_launches", "start_ns", "end_ns", "pid", "graph_id"), theirs)
    # A clone has an event without its original, too.
    nodes: dict[int, tuple[int | None, int]] = {}
    for node, original, s in source.rows(
        "CUDA_GRAPH_NODE_EVENTS", "graphNodeId", "originalGraphNodeId", "start"
    ):
        known, created = nodes.get(node, (None, s - origin))
        nodes[node] = (original or known, min(created, s - origin))
    theirs = [(node, original is None, original, created) for node, (original, created) in nodes.items()]
    columns = ("graph_node_id", "is_original", "original_graph_node_id", "created_ns")
    assert_same(stored(corpus, name, "graph_nodes", *columns), theirs)


def test_every_os_call_is_there(corpus: Database, export: tuple[str, Source, int]) -> None:
    name, source, origin = export
    strings = dict(source.rows("StringIds", "id", "value"))
    theirs = [
        (strings[n], s - origin, e - origin, pid(t), tid(t))
        for n, s, e, t, kind in source.rows("OSRT_API", "nameId", "start", "end", "globalTid", "eventClass")
        if kind == 27
    ]
    assert_same(stored(corpus, name, "os_calls", "name", "start_ns", "end_ns", "pid", "tid"), theirs)


def test_the_corpus_covers_these_versions_and_all_tables(corpus: Database) -> None:
    versions = corpus.sql(
        "SELECT DISTINCT settings->>'export_schema' AS v FROM traces WHERE profiler = 'nsys'"
    )
    assert set(versions["v"]) == {
        None, "2.9.1", "3.0.0", "3.6.0", "3.7.2", "3.13.2", "3.16.1", "3.17.1", "3.20.3", "3.25.0",
    }  # fmt: skip
    for table in ("kernels", "api_calls", "memory_ops", "syncs", "graph_launches", "graph_nodes", "nvtx_ranges",
                  "os_calls", "diagnostics", "threads", "processes", "gpus"):  # fmt: skip
        assert (
            corpus.sql(f"SELECT count(*) FROM {table} JOIN traces USING (trace_id) WHERE has_timeline").item()
            > 0
        )


def test_a_correlation_id_links_within_one_process_only(corpus: Database) -> None:
    found = corpus.sql(
        """
        SELECT count(*) AS kernels, count(api_call_id) AS linked, count(DISTINCT kernels.pid) AS processes
        FROM kernels JOIN traces USING (trace_id) WHERE trace = 'nsysai_2gpu_2026.2.sqlite.xz'
        """
    )
    # On the id alone, 4,010 kernels would join 4,280 rows.
    assert found.rows() == [(4010, 3986, 2)]


def test_calls_and_kernels_that_are_linked_agree_on_process_and_id(corpus: Database) -> None:
    wrong = corpus.sql(
        """
        SELECT count(*) FROM kernels JOIN api_calls USING (api_call_id)
        WHERE kernels.pid <> api_calls.pid OR kernels.correlation_id <> api_calls.correlation_id
           OR kernels.trace_id <> api_calls.trace_id OR api_calls.layer = 'other'
        """
    )
    assert wrong.item() == 0


def test_times_of_a_2026_export_count_from_the_start_of_the_trace(corpus: Database) -> None:
    found = corpus.sql(
        """
        SELECT min(kernels.start_ns) AS first_ns, max(kernels.end_ns) AS last_ns, any_value(trace_duration_ns) AS duration_ns
        FROM kernels JOIN traces USING (trace_id) WHERE trace = 'nsysai_2gpu_2026.2.sqlite.xz'
        """
    ).row(0, named=True)
    # 60,111,513,113 on the target's clock, which showed 28,254,349,605 at the start.
    assert found["first_ns"] == 31_857_163_508
    assert found["last_ns"] <= found["duration_ns"]


@pytest.mark.parametrize("form", ["_pqtdir", "_arwdir"])
def test_all_forms_of_an_export_give_the_same_tables(corpus: Database, form: str) -> None:
    for table in ("kernels", "api_calls", "memory_ops", "syncs", "nvtx_ranges", "graph_nodes", "threads",
                  "processes", "gpus", "diagnostics"):  # fmt: skip
        columns = corpus.sql(
            f"SELECT string_agg(column_name, ', ') FROM duckdb_columns() WHERE table_name = '{table}' "
            "AND (NOT ends_with(column_name, '_id') OR column_name IN ('device_id', 'stream_id', 'correlation_id'))"
        ).item()
        rows = {
            name: corpus._store.run(
                f"SELECT {columns} FROM {table} WHERE trace_id = "
                f"(SELECT trace_id FROM traces WHERE trace = '{name}') ORDER BY ALL"
            ).to_pylist()
            for name in ("scv_baseline_graph.sqlite.xz", f"scv_baseline_graph{form}")
        }
        assert rows["scv_baseline_graph.sqlite.xz"] == rows[f"scv_baseline_graph{form}"], table


def test_text_that_is_not_utf8_comes_in_with_replacement_characters(
    unpacked: Callable[[str], Path], tmp_path: Path
) -> None:
    # On Windows nsys says who exported a report in Latin-1. That stays out of the database: look at the reader.
    from traceql.read import nsys_export

    export = tmp_path / "windows.sqlite"
    export.write_bytes(unpacked("extrap_windows_2022.1.sqlite.xz").read_bytes())
    with contextlib.closing(sqlite3.connect(export)) as connection:
        connection.execute(
            "UPDATE EXPORT_META_DATA SET value = CAST(? AS TEXT) WHERE name = 'EXPORT_USER'",
            ("Jürgen".encode("latin-1"),),
        )
        connection.commit()
    report = nsys_export.read(export, wanted=None, progress=lambda _done, _total: None)
    texts = report.tables["EXPORT_META_DATA"].select(["value"]).column("value").to_pylist()
    assert any("\N{REPLACEMENT CHARACTER}" in text for text in texts)


def test_foreign_tables_beside_those_of_nsys_change_nothing(corpus: Database) -> None:
    assert ingest.rows(corpus._store, "extrap_a100_2020.sqlite.xz")["kernels"] == 6
