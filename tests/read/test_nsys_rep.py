"""The native reader of .nsys-rep files: the same rows as NVIDIA's export, or a refusal."""

from __future__ import annotations

import lzma
import sqlite3
from pathlib import Path
from random import Random
from typing import Any

import flipped
import nsys_rep_file as rep
import pytest
from shipped import REPORTS

from traceql.errors import TruncatedReportError
from traceql.read import gathered
from traceql.read.base import RawReport, no_progress
from traceql.read.nsys_rep import decode, read

SUFFIXES = (".nsys-rep", ".qdrep")

RECORDED = sorted(
    path.name.removesuffix(".xz") for path in REPORTS.glob("*.xz") if path.stem.endswith(SUFFIXES)
)
PAIRS = [name for name in RECORDED if (REPORTS / f"{Path(name).stem}.sqlite.xz").exists()]
WITHOUT_EXPORT = [name for name in RECORDED if name not in PAIRS]

# About the export itself, about the machine (private), or lists of constants.
NOT_REBUILT = (
    "META_DATA_",
    "EXPORT_META_DATA",
    "TARGET_INFO_SYSTEM_ENV",
    "TARGET_INFO_NIC_INFO",
    "ENUM_",
    "UnwindMethodType",
    # Layouts of binary NVTX payloads: what is laid out so is compared, or not decoded.
    "NVTX_PAYLOAD_",
)

# Tables whose rows old reports hold as well, with the first version whose export is seen to write them.
EXPORTED_SINCE = {
    "ANALYSIS_FILE": (2024, 6),
    "DIAGNOSTIC_EVENT": (2024, 6),
    "TARGET_INFO_CUDA_DEVICE": (2025, 1),
}

# What only a report tells: about the machine (compared below), and the names of NVTX counters.
NOT_EXPORTED = {"TARGET_INFO_SYSTEM_ENV", "NVTX_COUNTERS", gathered.EVENTS}

# Numbers that a counter does not have just then, by report: the export writes the reason in their place.
WITHOUT_VALUE = {"nvtx_counters.nsys-rep": 1}


def unpacked(name: str, folder: Path) -> Path:
    """The fixture `name`, uncompressed in `folder`."""
    path = folder / name
    if not path.exists():
        path.write_bytes(lzma.decompress((REPORTS / f"{name}.xz").read_bytes()))
    return path


def decoded(name: str, folder: Path, **wanted: Any) -> RawReport:
    return read(unpacked(name, folder), wanted=wanted.get("wanted"), progress=no_progress)


def sqlite_value(value: Any) -> Any:
    """A decoded value as SQLite shows it: signed 64-bit integers, no booleans."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int) and value >> 63 == 1:
        return value - (1 << 64)
    return value


def exported_tables(path: Path) -> dict[str, tuple[list[str], list[tuple[Any, ...]]]]:
    """Table name → (columns, rows) of an export, without what no reader rebuilds."""
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
        database.text_factory = lambda raw: raw.decode("utf-8", "replace")
        names = [
            row[0]
            for row in database.execute("select name from sqlite_master where type = 'table' order by 1")
        ]
        found = {}
        for name in names:
            if name.startswith(NOT_REBUILT):
                continue
            columns = [row[1] for row in database.execute(f'pragma table_info("{name}")')]
            rows = database.execute(f'select * from "{name}" order by rowid').fetchall()
            if rows:
                found[name] = (columns, rows)
    database.close()
    return found


def with_content(
    columns: list[str], rows: list[tuple[Any, ...]], built: list[str]
) -> tuple[list[str], list[tuple[Any, ...]]]:
    """The columns and rows of an export without the columns, of other sources of events, that tell nothing here."""
    kept = [at for at, name in enumerate(columns) if name in built or {row[at] for row in rows} - {None, 0}]
    return [columns[at] for at in kept], [tuple(row[at] for at in kept) for row in rows]


@pytest.mark.parametrize("name", PAIRS)
def test_every_table_equals_the_export_row_by_row(name: str, tmp_path: Path) -> None:
    report = decoded(name, tmp_path)
    exported = exported_tables(unpacked(Path(name).stem + ".sqlite", tmp_path))
    version = tuple(map(int, (report.tool_version or "").split(".")[:2]))
    extra = {table for table, since in EXPORTED_SINCE.items() if version < since}
    # Most exports were written without --include-blobs=true, and have lost the tables of payloads' layouts.
    extra |= {table for table in report.tables if table.startswith("NVTX_PAYLOAD_")} - set(exported)
    assert set(report.tables) - extra - NOT_EXPORTED == set(exported)
    without_value = 0
    for table, (columns, rows) in exported.items():
        mine = report.tables[table]
        if table.startswith("GENERIC_EVENT"):
            columns, rows = with_content(columns, rows, mine.column_names)
        if table == "SYSCALL_CALLCHAINS":
            # Alone among the tables of chains, it has the depth at the second place.
            columns, rows = [*columns[:1], *columns[2:], columns[1]], [(*r[:1], *r[2:], r[1]) for r in rows]
        assert mine.column_names == columns, table
        values = [map(sqlite_value, mine.select([column])[column].to_pylist()) for column in columns]
        built = list(zip(*values, strict=True))
        assert len(built) == len(rows), table
        blob = columns.index("binaryData") if "binaryData" in columns else None
        if blob is not None and {row[blob] for row in rows} == {None}:
            built = [(*row[:blob], None, *row[blob + 1 :]) for row in built]
        if table == "UCP_WORKERS":
            # Of the thread a report does not tell.
            rows = [(row[0] & ~0xFFFFFF, *row[1:]) for row in rows]
        for position, (here, there) in enumerate(zip(built, rows, strict=True)):
            if table == "ANALYSIS_FILE" and str(there[1]).startswith("/scrubbed/"):
                # Removing private names from the exports gave equal contents one name.
                here, there = here[2:], there[2:]
            if table == "GENERIC_EVENT_DATA" and set(here[2:]) == {None}:
                without_value += 1
                here, there = here[:2], there[:2]
            assert here == there, (table, position, columns)
    assert without_value == WITHOUT_VALUE.get(name, 0)


@pytest.mark.parametrize("name", PAIRS)
def test_what_is_said_about_the_machine_equals_the_export(name: str, tmp_path: Path) -> None:
    mine = decoded(name, tmp_path).tables["TARGET_INFO_SYSTEM_ENV"]
    columns = ["globalVid", "devStateName", "nameEnum", "value"]
    built = [tuple(row.values()) for row in mine.select(columns).to_pylist()]
    export = unpacked(Path(name).stem + ".sqlite", tmp_path)
    with sqlite3.connect(f"file:{export}?mode=ro", uri=True) as database:
        query = f"select {', '.join(columns)} from TARGET_INFO_SYSTEM_ENV where nameEnum in (1, 13, 205, 611)"
        rows = database.execute(query).fetchall()
    database.close()
    assert len(rows) == 4
    assert sorted(built) == sorted(rows)


def test_there_are_pairs_of_every_generation() -> None:
    assert {name.partition("_20")[2][:2] for name in PAIRS} >= {"21", "22", "23", "24", "25"}
    assert len(PAIRS) == 48


# Reports without an export to compare with: rows by table.
NEWER: dict[str, dict[str, int]] = {
    "jax_gb200_2025.5_graphs.nsys-rep": {
        "CUPTI_ACTIVITY_KIND_RUNTIME": 44,
        "CUPTI_ACTIVITY_KIND_MEMCPY": 2,
        "CUPTI_ACTIVITY_KIND_GRAPH_TRACE": 1,
        "CUDA_GRAPH_EVENTS": 4,
        "OSRT_API": 1957,
        "TARGET_INFO_GPU": 4,
    },
    "jax_gh200_2025.5.nsys-rep": {
        "CUPTI_ACTIVITY_KIND_RUNTIME": 110,
        "CUPTI_ACTIVITY_KIND_KERNEL": 100,
        "CUPTI_ACTIVITY_KIND_MEMCPY": 3,
        "CUDA_GRAPH_NODE_EVENTS": 14,
        "TARGET_INFO_GPU": 1,
    },
}


@pytest.mark.parametrize("name", [name for name in WITHOUT_EXPORT if name not in NEWER])
def test_a_report_without_an_export_agrees_with_its_own_counts(name: str, tmp_path: Path) -> None:
    report = decoded(name, tmp_path)
    assert report.counts_agree and report.tool_version and report.tool_version.startswith("2025.3.1")
    if name == "killed.nsys-rep":
        # What the GPU did was lost with its process, and counted by nobody.
        assert "CUPTI_ACTIVITY_KIND_KERNEL" not in report.tables
        assert report.tables["NVTX_EVENTS"].num_rows == 17_965
    else:
        # The smallest has twelve steps of one kernel.
        assert report.tables["CUPTI_ACTIVITY_KIND_KERNEL"].num_rows >= 12


@pytest.mark.parametrize("name", NEWER)
def test_a_report_of_a_newer_version_is_read_with_a_warning(name: str, tmp_path: Path) -> None:
    report = decoded(name, tmp_path)
    rows = {table: report.tables[table].select([]).num_rows for table in NEWER[name]}
    assert rows == NEWER[name]
    # The report's own counts agree with these, so nothing is missing.
    assert report.complete
    assert report.tool_version == "2025.5.1.121-255136380782v0"
    assert "reading was tested up to version 2025.3" in report.warnings[0]
    assert not any("may be incomplete" in warning for warning in report.warnings)


@pytest.mark.parametrize("name", PAIRS)
def test_what_is_wanted_equals_the_same_columns_of_everything(name: str, tmp_path: Path) -> None:
    everything = decoded(name, tmp_path)
    wanted = {table: columns.column_names[::2] for table, columns in everything.tables.items()}
    wanted["NOT_A_TABLE"] = ["start"]
    wanted["CUPTI_ACTIVITY_KIND_KERNEL"] = ["end", "not_a_column"]
    some = decoded(name, tmp_path, wanted=wanted)
    assert set(some.tables) == set(everything.tables)
    for table, columns in some.tables.items():
        known = everything.tables[table].column_names
        expected = [column for column in known if column in wanted[table]]
        assert columns.column_names == expected
        assert columns.select(expected).equals(everything.tables[table].select(expected))
    assert (some.warnings, some.settings) == (everything.warnings, everything.settings)


@pytest.mark.parametrize("name", PAIRS)
def test_the_size_of_a_batch_changes_nothing(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = decoded(name, tmp_path)
    monkeypatch.setattr(decode, "_BATCH_BYTES", 1)
    in_parts = decoded(name, tmp_path)
    assert list(in_parts.tables) == list(whole.tables)
    for table, columns in whole.tables.items():
        names = columns.column_names
        assert in_parts.tables[table].select(names).equals(columns.select(names))
    assert (in_parts.warnings, in_parts.environment) == (whole.warnings, whole.environment)


@pytest.mark.parametrize(
    "name, mode",
    [
        ("llama_graph.nsys-rep", {"cuda_graph_trace": "graph"}),
        ("scv_nwor_graph.nsys-rep", {"cuda_graph_trace": "node"}),
        ("fuser_h200_2024.6.nsys-rep", {}),
    ],
)
def test_the_graph_trace_mode_is_inferred_from_the_events(
    name: str, mode: dict[str, str], tmp_path: Path
) -> None:
    report = decoded(name, tmp_path)
    assert report.settings == mode
    assert any("Collection options" in warning for warning in report.warnings)


def test_progress_ends_with_all_events(tmp_path: Path) -> None:
    calls: list[tuple[int, int | None]] = []
    path = unpacked("fuser_h200_2024.6.nsys-rep", tmp_path)
    read(path, wanted=None, progress=lambda done, total: calls.append((done, total)))
    assert calls[-1] == (1726, 1726)


def test_every_truncation_is_refused(tmp_path: Path) -> None:
    random = Random(1)
    for name, cuts in (("scv_nwor_off.nsys-rep", 500), ("mordred_rtx6000_2021.2.qdrep", 500)):
        content = unpacked(name, tmp_path).read_bytes()
        path = tmp_path / f"cut_{name}"
        for _ in range(cuts):
            path.write_bytes(content[: random.randrange(len(content))])
            with pytest.raises(TruncatedReportError):
                read(path, wanted=None, progress=no_progress)


def written_by_hand(folder: Path) -> Path:
    """A report with an event of every kind that can be written by hand."""
    events = [rep.process(rep.PID, "python3", (5, "python3"), (9, "serve.py"), (13, 1))]
    for number in range(10):
        events += [
            rep.api_call(10 * number, 10 * number + 5, correlation=number),
            rep.nvtx_range(10 * number, 10 * number + 9, f"step {number}"),
        ]
    events.append(rep.diagnostic("Number of CUDA events collected: \t10."))
    path = folder / BY_HAND
    path.write_bytes(rep.report(events, strings=["cudaLaunchKernel_v7000", "HOME=/home/me\0EMPTY="]))
    return path


BY_HAND = "made.nsys-rep"


# Most flips are in a small report that is written here: there each costs a tenth, and more of them hit structure.
@pytest.mark.long
@pytest.mark.parametrize(
    "name, flips",
    [
        (BY_HAND, 1400),
        ("jax_gh200_2025.5.nsys-rep", 200),
        ("fuser_h200_2024.6.nsys-rep", 300),
        ("mordred_rtx6000_2021.2.qdrep", 60),
        ("nevakrien_rtx4090_2023.4.nsys-rep", 40),
    ],
)
def test_flipped_bits_never_crash_hang_or_take_memory(name: str, flips: int, tmp_path: Path) -> None:
    good = written_by_hand(tmp_path) if name == BY_HAND else unpacked(name, tmp_path)
    memory, refusals, slowest = flipped.read_each("nsys_rep", good, flips)
    assert memory < 4
    assert slowest < 5
    # Many flips hit a value, which nothing can notice: the format has no checksum. Many others are noticed.
    assert refusals > flips / 10
