"""What is redacted says nothing private, and everything else as before."""

from __future__ import annotations

import contextlib
import json
import lzma
import os
import re
import sqlite3
import stat
from typing import TYPE_CHECKING, Any

import ncu_rep_file
import nsys_rep_file as rep
import planted
import planted_nsys
import pyarrow as pa
import pytest
from command_line import traceql
from helpers_robust import REPORTS, content, contents
from planted import SECRET
from planted_nsys import said

from traceql import Database
from traceql import redact as redact_file
from traceql.errors import ReportError, TraceqlError, UnsupportedReportError
from traceql.read import ncu_rep, nsys_rep, payload_parts
from traceql.read.base import no_progress
from traceql.share.redact import Names, apart, check, exports, redact, writers
from traceql.share.redact.databases import ACTIONS, Tables, is_lake
from traceql.share.redact.removed import KINDS, Removed
from traceql.share.redact.strings import String
from traceql.share.redact.strings import redacted as redacted_text
from traceql.share.redact.texts import Facts, Texts
from traceql.tables import schema

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from traceql.read.source import Source


@pytest.fixture(autouse=True)
def _here(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is redacted, not where: a process for each would cost a second. `test_redact_apart` is about these."""

    def write(opened: Source, target: Path, names: Names, _: int | None) -> Removed:
        removed = Removed()
        writers.write(opened.path, opened.file_name, target, names, removed, no_progress)
        return removed

    monkeypatch.setattr(apart, "write", write)


#: Tables of a database that a redacted report fills with other rows: whose they are, and what was said of them.
_ABOUT = {"traces", "processes", "threads", "diagnostics", "environment"}


def _nsys(folder: Path) -> Path:
    path = folder / "planted.nsys-rep"
    path.write_bytes(planted_nsys.report())
    return path


def _known(make: Callable[[Path], Path]) -> Callable[[Path], Path]:
    """A planted export without what nobody knows, which is refused."""

    def made(folder: Path) -> Path:
        taken = {
            "META_DATA_CAPTURE": {"SOMETHING_NEW"},
            "TARGET_INFO_SYSTEM_ENV": {"EnvironmentVariables", "NetworkInterfaces"},
        }
        before = {name: planted.PLANTED[name] for name in taken}
        for name, unknown in taken.items():
            planted.PLANTED[name] = [row for row in before[name] if row["name"] not in unknown]
        try:
            return make(folder)
        finally:
            planted.PLANTED.update(before)

    return made


def _stacked(folder: Path) -> Path:
    """Secrets in the results of Nsight Compute: stacks, rules, sources, names, ranges."""
    frame = ncu_rep_file.message(
        (1, f"/home/{SECRET}/lib.so"), (2, 7), (3, f"/home/{SECRET}/model.py"), (4, "run_model")
    )
    marker = ncu_rep_file.message(
        (1, 1), (2, 7), (4, f"slow in /home/{SECRET}/k.cu"), (5, 2), (6, f"/srv/{SECRET}/k.cu")
    )
    rule = ncu_rep_file.message((1, "Rule"), (4, "Section"), (5, marker))
    ranges = ncu_rep_file.message(
        (2, ncu_rep_file.message(
            (1, ncu_rep_file.THREAD),
            (2, ncu_rep_file.message((1, 0), (3, ncu_rep_file.message((1, f"/home/{SECRET}/model.py: forward"))))),
        )),
    )  # fmt: skip
    source = ncu_rep_file.message(
        (1, 77), (3, f".file /home/{SECRET}/k.cu"), (4, f"ELF {SECRET}"), (5, 0), (6, 90), (7, 1),
        (8, ncu_rep_file.message((1, ncu_rep_file.message((1, f"/home/{SECRET}/k.cu"), (2, f"// {SECRET}"))))),
    )  # fmt: skip
    told = ncu_rep_file.metric(0, ncu_rep_file.value(3))
    kernel = ncu_rep_file.kernel(
        (13, told), (13, ncu_rep_file.metric(1, ncu_rep_file.value(f"/home/{SECRET}"))), (19, rule), (21, ranges),
        (32, ncu_rep_file.message((1, frame))), names=("gemm", f"gemm at /home/{SECRET}/k.cu", "_Z4gemm"),
    )  # fmt: skip
    path = folder / "stacked.ncu-rep"
    block = ncu_rep_file.block([kernel], strings=["dram__bytes_read.sum", "launch__note"], sources=[source])
    path.write_bytes(ncu_rep_file.report(block))
    return path


PLANTED: dict[str, Callable[[Path], Path]] = {
    "nsys-rep": _nsys,
    "ncu-rep": planted.ncu,
    "results": _stacked,
    **{name: _known(planted.FORMATS[name]) for name in ("sqlite", "parquetdir", "arrowdir")},
}


# A whole report of ncu takes a second.
FORMATS = [pytest.param(one, marks=pytest.mark.long) if one == "ncu-rep" else one for one in PLANTED]


def _redacted(source: Path, **how: Any) -> tuple[Path, Removed]:
    target = source.with_name("clean_" + source.name)
    return target, redact(source, target, Names(**how))


@pytest.mark.parametrize("format_", FORMATS)
def test_nothing_private_is_left_in_any_place_of_any_format(tmp_path: Path, format_: str) -> None:
    source = PLANTED[format_](tmp_path)
    before = said(source)
    assert before.count(SECRET.encode()) >= 5
    target, removed = _redacted(source)
    found = said(target)
    assert SECRET.encode() not in found
    for private in (
        b"4242:",
        b"10.20.30.40",
        b"fe80::42",
        b"0c:42:a1",
        b"1b2c3d4e",
        rep.varint(planted_nsys.CARD),
    ):
        assert private not in found, private
    assert removed.total() >= 5
    assert said(source) == before, "the input was changed"


def test_what_is_not_private_stays(tmp_path: Path) -> None:
    target, removed = _redacted(_nsys(tmp_path))
    found = planted_nsys.bytes_of(target)
    for public in (
        b"NVIDIA H200", b"Intel(R) Xeon(R) Processor", b"cudaLaunchKernel_v7000", b"gemm", b"step", b"train_step",
        b"/usr/lib/x86_64-linux-gnu/libc.so.6", b"2025.3.1.90-253135822126v0", b"2026-01-31T12:00:00", b"0000:00:06.0",
        b"python",
    ):  # fmt: skip
        assert public in found, public
    assert set(removed) == {
        "environment", "command line", "user", "host", "path", "address", "identifier", "password", "foreign process",
        "captured output", "unused text",
    }  # fmt: skip


@pytest.mark.parametrize("format_", FORMATS)
def test_redacting_twice_removes_nothing_more(tmp_path: Path, format_: str) -> None:
    target, _ = _redacted(PLANTED[format_](tmp_path))
    again, removed = _redacted(target)
    assert removed == Removed()
    if target.is_file() and target.suffix != ".sqlite":
        assert again.read_bytes() == target.read_bytes()


def test_the_decoded_events_are_those_of_before(tmp_path: Path) -> None:
    source = _nsys(tmp_path)
    before, after = (
        nsys_rep.read(one, wanted=None, progress=no_progress) for one in (source, _redacted(source)[0])
    )
    assert before.tables.keys() == after.tables.keys()
    for name in (
        "CUPTI_ACTIVITY_KIND_KERNEL",
        "CUPTI_ACTIVITY_KIND_RUNTIME",
        "OSRT_API",
        "OSRT_CALLCHAINS",
        "ThreadNames",
    ):
        assert before.tables[name].select(before.tables[name].column_names).num_rows >= 1
        assert before.tables[name] == after.tables[name], name
    times = ["start", "end", "eventType", "globalTid", "textId", "domainId"]
    assert before.tables["NVTX_EVENTS"].select(times) == after.tables["NVTX_EVENTS"].select(times)
    assert len(after.tables["StringIds"].select(["id"])) == len(planted_nsys.STRINGS)


# --- what stays -----------------------------------------------------------------------------------------------


def _stored(report: Path, folder: Path, **how: Any) -> dict[str, list[str]]:
    with Database(folder / f"{report.name}.db") as database:
        assert database.ingest(report, name="one", **how).status == "added"
    found = contents(folder / f"{report.name}.db")
    assert found is not None
    return found


def _without_names(rows: list[str]) -> list[str]:
    """Rows in which folders and files that were made nameless are numbered anew, in the order of the rows.

    Reports of the fixtures were scrubbed before: /scrubbed/3 becomes /redacted/2, whatever the number, but one place
    stays one place, and two stay two.
    """
    numbers: dict[str, int] = {}
    return [
        re.sub(
            r"/(?:scrubbed|redacted)/[^\s'\"]*", lambda at: f"/{numbers.setdefault(at[0], len(numbers))}", row
        )
        for row in rows
    ]


def _same_rows(report: str, folder: Path, **how: Any) -> dict[str, list[str]]:
    source = folder / report
    source.write_bytes(content(report))
    target, _ = _redacted(source)
    before, after = _stored(source, folder, **how), _stored(target, folder, **how)
    for table in before.keys() - _ABOUT:
        assert _without_names(after[table]) == _without_names(before[table]), table
    assert len(after["threads"]) == len(before["threads"])
    assert len(after["processes"]) == len(before["processes"])
    return before


@pytest.mark.long
@pytest.mark.parametrize("report", ["crossing_ranges.nsys-rep", "crossing_ranges.sqlite"])
def test_kernels_ranges_calls_and_times_are_those_of_before(tmp_path: Path, report: str) -> None:
    before = _same_rows(report, tmp_path)
    assert before["kernels"] and before["nvtx_ranges"] and before["api_calls"]


@pytest.mark.long
@pytest.mark.parametrize(
    "report",
    [
        "graph_nodes.nsys-rep", "nccl_rank0.nsys-rep", "gpu_metrics.nsys-rep", "memory_and_ranges.nsys-rep",
        "mordred_rtx6000_2021.2.qdrep", "jax_gb200_2025.5_graphs.nsys-rep", "llama_graph.sqlite", "nccl_rank0.sqlite",
        "sampled_loop.nsys-rep", "sampled_loop.sqlite",
    ],
)  # fmt: skip
def test_all_kinds_of_recordings_keep_their_rows(tmp_path: Path, report: str) -> None:
    _same_rows(report, tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("via", ["native", "ncu_report"])
@pytest.mark.parametrize(
    "report", ["app_range.ncu-rep", "roofline_counters.ncu-rep", "extrap_a100_2020.3.ncu-rep"]
)
def test_counters_are_those_of_before_for_this_reader_and_for_nvidias(
    tmp_path: Path, report: str, via: str
) -> None:
    before = _same_rows(report, tmp_path, via=via)
    assert before["kernels"] and before["metrics"]


@pytest.mark.long
def test_code_goes_and_counters_stay(tmp_path: Path) -> None:
    source = tmp_path / "kinds_source.ncu-rep"
    source.write_bytes(content(source.name))
    target, removed = _redacted(source)
    assert removed["code"] > 0
    before, after = _stored(source, tmp_path), _stored(target, tmp_path)
    for table in ("kernels", "metrics", "advice", "ncu_ranges"):
        assert after[table] == before[table], table


#: As long as the folder of the report's source: lengths in the report stay as they are.
FOLDER, USERS = b"/project", b"/u/xyzzy"


def _with_source(folder: Path) -> Path:
    source = folder / "kinds_source.ncu-rep"
    source.write_bytes(
        content(source.name)
        .replace(FOLDER, USERS)
        .replace(b"// Kernels with one known habit", b"// of /home/plugh7f3axyzzy/ab/c")
    )
    assert source.read_bytes().count(USERS) > 2
    return source


@pytest.mark.long
@pytest.mark.parametrize("via", ["native", "ncu_report"])
def test_source_that_is_kept_is_that_of_the_same_instructions(tmp_path: Path, via: str) -> None:
    source = _with_source(tmp_path)
    target, removed = _redacted(source, keep_source=True)
    assert removed["code"] == 0 and removed["path"] > 0
    said = target.read_bytes()
    assert USERS not in said and SECRET.encode() not in said
    before, after = _stored(source, tmp_path, via=via), _stored(target, tmp_path, via=via)
    for table in ("kernels", "metrics", "metric_instances", "ncu_ranges"):
        assert after[table] == before[table], table
    rows = []
    for one in (source, target):
        with Database(tmp_path / f"{one.name}.db") as database:
            rows.append(
                database.sql(
                    "SELECT * REPLACE (parse_filename(source_file) AS source_file) FROM sass_instructions ORDER BY ALL"
                ).rows()
            )
            files = database.sql(
                "SELECT DISTINCT source_file AS f FROM sass_instructions WHERE source_text <> ''"
            )
            folder = "/0000001" if one == target else USERS.decode()
            assert files["f"].to_list() == [f"{folder}/kernel_kinds.cu"]
    assert rows[0] == rows[1] and len(rows[0]) > 1_000


def test_kept_source_of_a_database_loses_what_is_private() -> None:
    tables = Tables("x.duckdb", [("USER", "alice")], Names(keep_source=True), Removed())
    rows = pa.table(
        {"source_file": ["/home/bob/k.cu"], "source_text": ["// by Alice, see /home/bob/plan.txt"]}
    )
    assert tables.redacted("sass_instructions", rows).to_pylist() == [
        {"source_file": "/00000001/k.cu", "source_text": "// by user, see /redacted/2"}
    ]


def test_kept_machine_code_has_as_many_bytes_and_tells_nothing() -> None:
    facts = Facts()
    facts.environment(
        "USER=j\u00f6rg\0HOSTNAME=node17\0HOME=/home/j\u00f6rg\0A_TOKEN=s3cr3tvalue\0PWD=/own/thing here"
    )
    texts = Texts(facts, Names(keep_source=True), Removed())
    private = (
        "/home/j\u00f6rg/proj", "k.cu", "built by j\u00f6rg on NODE17", "at /home/j\u00f6rg/x.cu:7", "s3cr3tvalue", "/own/thing here/y",
        "src/plan/k.cu", "..", "/home/j\u00f6rg/proj/k.cu",
    )  # fmt: skip
    public = ("_Z4gemmPf", "/usr/include/x.h", "\x7fELF", "%d of %d")
    code = b"\0".join(one.encode() for one in (*private, *public)) + bytes(range(256)) * 3
    found = texts.machine_code(code)
    assert len(found) == len(code)
    for word in ("j\u00f6rg", "node17", "s3cr3t", "thing", "plan"):
        assert word.encode() not in found.lower(), word
    for word in (*public, "k.cu"):
        assert word.encode() in found, word
    assert found.endswith(bytes(range(256)) * 3)
    # The same folder is called the same by itself and before its files, so that lines find their file.
    folder = found.split(b"\0")[0]
    assert folder + b"/k.cu" in found.split(b"\0")
    assert texts.path("/home/j\u00f6rg/proj/k.cu") != "/home/j\u00f6rg/proj/k.cu"
    assert texts.machine_code(found) == found


def test_machine_code_whose_texts_cannot_be_seen_is_refused(tmp_path: Path) -> None:
    def elf(flags: int) -> bytes:
        head = b"\x7fELF\2\1" + bytes(34) + (64).to_bytes(8, "little") + bytes(10)
        return (
            head
            + (64).to_bytes(2, "little")
            + (1).to_bytes(2, "little")
            + bytes(2 + 8)
            + flags.to_bytes(8, "little")
            + bytes(48)
        )

    def with_code(code: bytes) -> Path:
        source = tmp_path / "code.ncu-rep"
        of = ncu_rep_file.message((1, 77), (4, code), (5, 0), (6, 90), (7, 1))
        block = ncu_rep_file.block([ncu_rep_file.kernel()], strings=["a"], sources=[of])
        source.write_bytes(ncu_rep_file.report(block))
        return source

    target, _ = _redacted(with_code(elf(2)), keep_source=True)
    assert elf(2) in target.read_bytes()
    target.unlink()
    for code in (elf(0x800), elf(0)[:-1], f"LZ4 {SECRET}".encode()):
        with pytest.raises(UnsupportedReportError, match="no plain ELF"):
            _redacted(with_code(code), keep_source=True)


# --- what is not known ----------------------------------------------------------------------------------------

_TEXT = f"hello {SECRET}"
OWN = 1 << 24
# Layouts of payloads: one of another, which is of letters, and one of a number, which in another domain is of three.
SCHEMAS = rep.field(3, b"".join([
    *(
        rep.field(2, rep.message((1, OWN + number), (4, rep.message((1, type_))), (7, size)))
        for number, type_, size in ((1, OWN + 2, 8), (2, 1, 8), (3, 18, 8))
    ),
    rep.field(2, rep.message((1, OWN + 3), *((4, rep.message((1, 18))) for _ in range(3)), (7, 24), (9, 7))),
]))  # fmt: skip


def _with_payload(layout: int, content: bytes) -> bytes:
    payload = rep.field(9, rep.message((1, layout), (2, content)))
    return planted_nsys.report(rep.nvtx_range(1, 2, "payload", (8, payload)), schemas=SCHEMAS)


UNKNOWN_NSYS: dict[str, bytes] = {
    "field of an event": planted_nsys.report(rep.event(59, 102, (1, 59), (2, 1), (9, rep.TID), (10, 2), (14, 1), (99, _TEXT))),
    "event": planted_nsys.report(rep.message((1, 7777), (777, _TEXT))),
    "type of an event": planted_nsys.report(rep.message((1, 7777), (102, rep.message((1, 59), (2, 1), (14, 1))))),
    "text of the header": planted_nsys.report(header=planted_nsys.HEADER + rep.field(60, _TEXT)),
    "short text of the header": planted_nsys.report(header=planted_nsys.HEADER + rep.field(60, "Hi")),
    "text that is a message as well": planted_nsys.report(header=planted_nsys.HEADER + rep.field(60, rep.field(1, "alice-box"))),
    "another text that is one": planted_nsys.report(header=planted_nsys.HEADER + rep.field(60, rep.field(1, "ualex"))),
    "option": planted_nsys.report(header=rep.field(2, rep.field(333, _TEXT))),
    "property of the machine": planted_nsys.report(
        header=rep.field(1, rep.field(2, rep.field(1, rep.message((1, 4711), (2, _TEXT)))))
    ),
    "section": planted_nsys.report(extra_sections={"Something New": _TEXT.encode()}),
    "text about a thread": planted_nsys.report(threads=planted_nsys.THREADS + rep.field(1, rep.field(9, _TEXT)), index={5: 3}),
    "text about GPUs": planted_nsys.report(target=rep.field(77, _TEXT)),
    "text in an inner layout": _with_payload(OWN + 1, f"{SECRET}".encode().ljust(8)),
    "text behind the numbers of a payload": _with_payload(OWN + 3, bytes(8) + SECRET.encode().ljust(9)),
    "payload without a number of its layout": planted_nsys.report(
        rep.nvtx_range(1, 2, "payload", (8, rep.field(9, rep.field(2, _TEXT))))
    ),
    "address of the machine": planted_nsys.report(
        header=rep.field(1, rep.field(2, rep.field(1, rep.message((1, 4711), (2, "10.77.66.55")))))
    ),
    "binary payload": planted_nsys.report(
        rep.nvtx_range(1, 2, "payload", (8, rep.field(9, rep.message((1, 5), (2, _TEXT)))))
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", UNKNOWN_NSYS)
def test_what_nobody_knows_in_a_report_of_nsys_is_refused(tmp_path: Path, what: str) -> None:
    source = tmp_path / "new.nsys-rep"
    source.write_bytes(UNKNOWN_NSYS[what])
    _refused(source)


def test_a_payload_of_numbers_stays(tmp_path: Path) -> None:
    source = tmp_path / "numbers.nsys-rep"
    source.write_bytes(_with_payload(OWN + 3, b"\1\2\3\4\5\6\7\x08"))
    assert b"\1\2\3\4\5\6\7\x08" in said(_redacted(source)[0])


def test_a_name_of_a_machine_that_is_an_address_goes(tmp_path: Path) -> None:
    source = tmp_path / "named.nsys-rep"
    named = rep.field(1, rep.field(2, rep.field(1, rep.message((1, 619), (2, "10.77.66.55")))))
    source.write_bytes(planted_nsys.report(header=named))
    assert b"10.77.66.55" not in said(_redacted(source)[0])


def _ncu_with(*results: bytes, session: bytes | None = None) -> bytes:
    return ncu_rep_file.report(ncu_rep_file.block(list(results), strings=[], session=session))


def test_names_that_nvtx_gave_resources_stay_in_a_report_of_ncu_and_paths_in_them_go(tmp_path: Path) -> None:
    name, table = "decode of /home/alice/llama", "prefill of /home/alice/llama"
    # Type of the resource, and its names by handle.
    named = ncu_rep_file.message((1, 16), (2, ncu_rep_file.message((1, 93825), (2, table))))
    state = ncu_rep_file.message((1, ncu_rep_file.message((1, 0), (4, named))))
    source = tmp_path / "named.ncu-rep"
    source.write_bytes(_ncu_with(ncu_rep_file.kernel((21, state), (26, name), (27, name))))
    out = _redacted(source)[0].read_bytes()
    assert b"decode of " in out and b"prefill of " in out and b"alice" not in out


def _texts(report: Path) -> list[str]:
    table = ncu_rep.read(report, wanted=None, progress=no_progress).tables["ncu_nvtx"]
    return [str(text) for text in table["text"].to_pylist()]


def test_texts_of_ranges_are_replaced_wherever_a_report_of_ncu_has_them(tmp_path: Path) -> None:
    message, loose = (
        ncu_rep_file.message,
        ncu_rep_file.message((1, 9), (2, "loose words"), (3, ncu_rep_file.attributes(1, "loose words"))),
    )
    registered = [message((1, n), (2, text)) for n, text in ((76, "registered words"), (77, "unused words"))]
    ranges = [
        message((1, "own words"), (2, ncu_rep_file.attributes(1, "own words"))),
        message((1, ""), (2, ncu_rep_file.attributes(1, "message words"))),
        message((1, ""), (2, ncu_rep_file.attributes(3, 76))),
    ]
    state = message(
        (1, message((1, 0), (2, "<default domain>"), *((3, one) for one in registered))),
        (2, message((1, ncu_rep_file.THREAD), (2, message((1, 0), *((3, one) for one in ranges))))),
        (3, message((1, 0), (3, loose))),
    )
    source = tmp_path / "ranges.ncu-rep"
    source.write_bytes(ncu_rep_file.with_metrics({"dram__bytes_read.sum": 3}, (21, state)))
    assert _texts(source) == ["own words", "message words", "registered words", "loose words"]
    out, _ = _redacted(source, pseudonyms=True)
    found = _texts(out)
    assert all(text.startswith("range_") for text in found) and len({*found}) == 4
    assert b" words" not in out.read_bytes()


UNKNOWN_NCU: dict[str, bytes] = {
    "field of a kernel": _ncu_with(ncu_rep_file.kernel((99, _TEXT))),
    "field of the session": _ncu_with(ncu_rep_file.kernel(), session=ncu_rep_file.field(44, _TEXT)),
    "field of the machine": _ncu_with(
        ncu_rep_file.kernel(), session=ncu_rep_file.field(3, ncu_rep_file.field(44, _TEXT))
    ),
    "version": b"NVR\0" + ncu_rep_file.sized(ncu_rep_file.message((1, 99))),
}


@pytest.mark.parametrize("what", UNKNOWN_NCU)
def test_what_nobody_knows_in_a_report_of_ncu_is_refused(tmp_path: Path, what: str) -> None:
    source = tmp_path / "new.ncu-rep"
    source.write_bytes(UNKNOWN_NCU[what])
    _refused(source)


def _export_after(statement: str, folder: Path) -> Path:
    """The export with planted secrets, changed."""
    export = folder / "changed.sqlite"
    export.write_bytes(content(planted.SQLITE))
    with contextlib.closing(sqlite3.connect(export)) as connection:
        connection.execute(statement)
        connection.commit()
    return export


@pytest.mark.parametrize(
    "statement",
    [
        f"CREATE TABLE {SECRET} AS SELECT 1 AS a",
        f"CREATE TABLE CUDA_NEW_EVENTS AS SELECT '{_TEXT}' AS note",
        f"ALTER TABLE CUPTI_ACTIVITY_KIND_KERNEL ADD COLUMN note TEXT DEFAULT '{_TEXT}'",
        f"INSERT INTO META_DATA_CAPTURE (name, value) VALUES ('SOMETHING_NEW', '{_TEXT}')",
        f"INSERT INTO META_DATA_EXPORT (name, value) VALUES ('{SECRET}', '1')",
        f"INSERT INTO TARGET_INFO_SYSTEM_ENV VALUES (1, 'Local (CLI)', 'NewThing', 1, '{_TEXT}')",
        f"UPDATE TARGET_INFO_SESSION_START_TIME SET utcTime = '{_TEXT}'",
    ],
)
def test_what_nobody_knows_in_an_export_is_refused(tmp_path: Path, statement: str) -> None:
    _refused(_export_after(statement, tmp_path))


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE NVTX_EVENTS RENAME COLUMN eventType TO other",
        "ALTER TABLE TARGET_INFO_SYSTEM_ENV RENAME COLUMN name TO other",
        "ALTER TABLE META_DATA_CAPTURE RENAME COLUMN name TO other",
        f"UPDATE NVTX_EVENTS SET color = '{SECRET}'",
    ],
)
def test_a_table_of_another_form_is_refused_without_its_values(tmp_path: Path, statement: str) -> None:
    _refused(_export_after(statement, tmp_path))


def test_the_id_of_a_network_card_goes_also_as_a_text(tmp_path: Path) -> None:
    source = tmp_path / "cards.sqlite"
    source.write_bytes(content(planted.SQLITE))
    with contextlib.closing(sqlite3.connect(source)) as connection:
        connection.execute("DROP TABLE IF EXISTS TARGET_INFO_NIC_INFO")
        connection.execute("CREATE TABLE TARGET_INFO_NIC_INFO (GUID TEXT, name TEXT)")
        connection.execute(f"INSERT INTO TARGET_INFO_NIC_INFO VALUES ('{SECRET}', 'mlx5_0')")
        connection.commit()
    assert SECRET.encode() not in _redacted(source)[0].read_bytes()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('{"Nics":[{"GUID":"0x0c42a1","Name":"mlx5_0"}]}', '{"Nics":[{"GUID":"1","Name":"mlx5_0"}]}'),
        ('{"Nics":[{"Name":"mlx5_0","Guid": 88}]}', '{"Nics":[{"Name":"mlx5_0","Guid": 1}]}'),
        ('{"Nics":[{"GUID":"1"},{"GUID": 1}]}', '{"Nics":[{"GUID":"1"},{"GUID": 1}]}'),
    ],
)
def test_what_is_told_of_network_cards_stays_what_it_is_without_their_ids(
    tmp_path: Path, before: str, after: str
) -> None:
    source = tmp_path / "cards.sqlite"
    source.write_bytes(content(planted.SQLITE))
    with contextlib.closing(sqlite3.connect(source)) as connection:
        connection.execute(
            "UPDATE TARGET_INFO_SYSTEM_ENV SET name = 'NicInfo', value = ? WHERE rowid = 1", [before]
        )
        connection.commit()
    target, removed = _redacted(source)
    with contextlib.closing(sqlite3.connect(target)) as connection:
        rows = connection.execute(
            "SELECT value FROM TARGET_INFO_SYSTEM_ENV WHERE name = 'NicInfo'"
        ).fetchall()
    assert (after,) in rows
    assert removed["address"] == int(before != after)


def test_the_address_of_the_daemon_goes(tmp_path: Path) -> None:
    source = tmp_path / "daemon.sqlite"
    source.write_bytes(content(planted.SQLITE))
    with contextlib.closing(sqlite3.connect(source)) as connection:
        connection.execute(
            "INSERT INTO META_DATA_CAPTURE (name, value) VALUES ('DAEMON_ADDRESS', '10.77.66.55')"
        )
        connection.commit()
    assert b"10.77.66.55" not in _redacted(source)[0].read_bytes()


def test_a_full_disk_is_an_error_that_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    source = tmp_path / "run.sqlite"
    source.write_bytes(content(planted.SQLITE))
    monkeypatch.setattr(exports, "_write_table", full)
    answer = traceql("redact", source, "-o", tmp_path / "clean.sqlite")
    assert answer.returncode == 1
    assert "cannot be written (database or disk is full)" in answer.stderr


def test_a_damaged_head_of_a_report_of_ncu_is_an_error(tmp_path: Path) -> None:
    source = tmp_path / "head.ncu-rep"
    source.write_bytes(b"NVR\0\5\0\0\0\xff\xff\xff\xff\xff" + bytes(20))
    with pytest.raises(ReportError):
        _redacted(source)


def test_views_of_a_stranger_are_not_passed_on(tmp_path: Path) -> None:
    source = tmp_path / "viewed.sqlite"
    source.write_bytes(content(planted.SQLITE))
    with contextlib.closing(sqlite3.connect(source)) as connection:
        connection.execute(f"CREATE VIEW {SECRET} AS SELECT '{SECRET}'")
        connection.execute(f"CREATE INDEX i{SECRET} ON StringIds (value)")
        connection.commit()
    target, _ = _redacted(source)
    assert SECRET.encode() not in target.read_bytes()


@pytest.mark.parametrize("has_domains", [True, False])
def test_a_payload_that_only_another_domains_layout_of_the_number_is_long_enough_for_is_refused(
    tmp_path: Path, has_domains: bool
) -> None:
    source = tmp_path / "payloads.sqlite"
    source.write_bytes(content("nvtx_payloads.sqlite"))
    number, secret = OWN + 20, SECRET.encode().ljust(32)
    with contextlib.closing(sqlite3.connect(source)) as connection:
        layouts = "SELECT domainId, numEntries FROM NVTX_PAYLOAD_SCHEMAS WHERE schemaId = ? ORDER BY 1"
        assert connection.execute(layouts, [number]).fetchall() == [(1, 3), (2, 2)]
        payloads = payload_parts.joined([(number, secret)])
        domain = "domainId = 2 AND binaryData IS NOT NULL"
        connection.execute(f"UPDATE NVTX_EVENTS SET binaryData = ? WHERE {domain}", [payloads])
        if not has_domains:
            connection.execute("ALTER TABLE NVTX_EVENTS DROP COLUMN domainId")
        connection.commit()
    _refused(source)


def test_a_file_among_those_of_an_export_that_is_no_table_is_refused(tmp_path: Path) -> None:
    source = _known(planted.FORMATS["parquetdir"])(tmp_path)
    (source / "notes.txt").write_text(SECRET)
    _refused(source)


def _refused(source: Path) -> None:
    with pytest.raises(UnsupportedReportError, match="not known to traceql, and may be private") as refused:
        _redacted(source)
    assert SECRET not in str(refused.value)
    assert [path.name for path in source.parent.iterdir()] == [source.name]


# --- rules ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("see '/home/a b/x.log' for more", "see '/redacted/1' for more"),
        ("</opt/a>,/opt/b;~/c", "</redacted/1>,/redacted/2;/redacted/3"),
        ("path=/home/a/b, \\\\server\\share\\x", "path=/redacted/1, /redacted/2"),
        ('"C:\\Users\\Al B\\my files\\x.txt": denied', '"/redacted/1": denied'),
        ("C:\\Users\\Al B\\x.txt", "/redacted/1"),
        ("https://docs.nvidia.com/nsight and https://intern.example.org/a", "https://docs.nvidia.com/nsight and /redacted/1"),
        ("10.1.2.3:80, 127.0.0.1, 12.4.131, 2025.3.1.90", "0.0.0.0:80, 127.0.0.1, 12.4.131, 2025.3.1.90"),
        ("fe80::1ff:fe23:4567:890a, c10::add, 0000:3B:00.0", "::, c10::add, 0000:3B:00.0"),
        ("aa:bb:cc:dd:ee:ff", "00:00:00:00:00:00"),
        ("/usr/lib/libc.so, /usr/home/me/x", "/usr/lib/libc.so, /redacted/1"),
        ("alice's node17, malice", "user's host, malice"),
        ("the token s3cr3tvalue.", "the token removed."),
        ("L2/L1/TEX and 3 inst/cycle", "L2/L1/TEX and 3 inst/cycle"),
        ("connect to 10.1.2.3. ip_10.1.2.3, 10.1.2.3_8080", "connect to 0.0.0.0. ip_0.0.0.0, 0.0.0.0_8080"),
        ("64:ff9b::1, ::ffff:a01:203, ::ffff:10.1.2.3", "::, ::, ::"),
        ("at 12:30:45, x[1::2], std::a::b, c10::add", "at 12:30:45, x[1::2], std::a::b, c10::add"),
        ("Alice on NODE17", "user on host"),
        ("Xs3cr3tvalueY ourPassw0rd otherPa55", "XremovedY removed removed"),
        ("-I/home/bob/inc -L/opt/own", "-I/redacted/1 -L/redacted/2"),
        ("/usr/local/acme/x /usr/local/cuda/x", "/redacted/1 /usr/local/cuda/x"),
        ("/proc/self/cwd/x /proc/self/maps", "/redacted/1 /proc/self/maps"),
        ("https://docs.nvidia.com/home/x", "https://docs.nvidia.com/home/x"),
        ("/usr/share/mnt/x and httpd/home/bob/x", "/usr/share/mnt/x and httpd/redacted/1"),
        ("/redacted/home/bob, /redacted/7", "/redacted/1, /redacted/7"),
        ("read /home/bob/My Secret Dir/x.py and more", "read /redacted/1 and more"),
        ("read /home/bob/My Secret Dir/x", "read /redacted/1"),
        ("read /home/bob/plan, secret/x of them", "read /redacted/1 of them"),
        ("wrote /home/bob/My secret plan.txt: full", "wrote /redacted/1: full"),
        ("/home/bob/My Secret Dir", "/redacted/1"),
        ("/home/bob/My Secret, Dir", "/redacted/1"),
        ("at C:\\Users\\Al B\\my secret, plan.txt is", "at /redacted/1 is"),
        ("C:\\Users\\Al\\a, b\\c", "/redacted/1"),
        ("C:/Program Files/NVIDIA Corporation/x y/config.ini", "C:/Program Files/NVIDIA Corporation/x y/config.ini"),
        ("C:\\Program Files (x86)\\NVIDIA\\x.txt", "C:\\Program Files (x86)\\NVIDIA\\x.txt"),
        ("see /tmp/bob/stdout.log and stderr.log for output", "see /redacted/1 and stderr.log for output"),
        ("at /own/My Secret Dir. Then", "at /redacted/1. Then"),
        ("at /own/My Secret Dir/x y", "at /redacted/1 y"),
        ("from /home/bob/a. Use ncu/x", "from /redacted/1. Use ncu/x"),
        ("/usr/lib/libcuda.so and /usr/lib/x secret/plan.txt", "/usr/lib/libcuda.so and /usr/lib/x /redacted/1"),
        ("built src/bob/x.cu, ../bob/y and ./run", "built /redacted/1, /redacted/2 and /redacted/3"),
        ("..\\bob\\x, src\\bob\\x.cu:12", "/redacted/1, /redacted/2:12"),
        ("'../my secret/x' \"./a b\"", "'/redacted/1' \"/redacted/2\""),
        ("~bob/x, ~/y", "/redacted/1, /redacted/2"),
        ("torch/nn/modules/linear.py, docs.nvidia.com/a.html", "torch/nn/modules/linear.py, docs.nvidia.com/a.html"),
        ("read/write, and/or 1/2 GB/s, a.sum/b.sum, regex:.\\d/x", "read/write, and/or 1/2 GB/s, a.sum/b.sum, regex:.\\d/x"),
    ],
)  # fmt: skip
def test_sentences_lose_what_is_private(text: str, after: str) -> None:
    facts = Facts()
    facts.environment(
        "USER=alice\0HOSTNAME=node17.example.org\0HF_TOKEN=s3cr3tvalue\0DB_PASS=ourPassw0rd"
        "\0WHERE=postgres://us:otherPa55@db/x\0PWD=/own/My Secret Dir"
    )
    assert Texts(facts, Names(), Removed()).free(text) == after


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("/model/layers.0/attn", "/model/layers.0/attn"),
        ("/opt/own/venv/x.py(12): forward", "/redacted/1(12): forward"),
        ("/home/me/x.py", "/redacted/1"),
        ("void at::native::f<c10::Half>(int)", "void at::native::f<c10::Half>(int)"),
        ("void add::face<f16::a, 0::2>()", "void add::face<f16::a, 0::2>()"),
        ("model/data/attn/work/x", "model/data/attn/work/x"),
        ("2001:db8::1", "::"),
        ("get https://u:p@intra/x", "get /redacted/1"),
        ("postgres://u:pw@db", "/redacted/1"),
        ("load:/home/bob/d", "load:/redacted/1"),
        ("-I/home/bob/x", "-I/redacted/1"),
        ("-I/data/bob/x", "-I/redacted/1"),
        ("ckpt_/home/bob/x", "ckpt_/redacted/1"),
        ("at /fsx/bob/x /home2/b/x /export/b/x /u/b/x /net/b/x /Volumes/b/x", "at " + " ".join(f"/redacted/{n}" for n in range(1, 7))),
        ("D:\\work\\x", "/redacted/1"),
        ("\\\\srv\\share\\x", "/redacted/1"),
        ("in E:/own/code/x.py", "in /redacted/1"),
        ("/home/bob/My Secret Dir/x.py(12): forward", "/redacted/1(12): forward"),
        ("/home/bob/a, b/x.py(12): forward", "/redacted/1(12): forward"),
        ("/opt/own/venv/a b/x.py(12): forward", "/redacted/1(12): forward"),
        ("../bob/x at src/bob/k.cu:12", "/redacted/1 at /redacted/2:12"),
        ("torch/nn/modules/linear.py(116): forward", "torch/nn/modules/linear.py(116): forward"),
        ("a/b.weight x/y.bin step 1/2 loss./x", "a/b.weight x/y.bin step 1/2 loss./x"),
    ],
)  # fmt: skip
def test_names_lose_only_what_is_somebodys(text: str, after: str) -> None:
    facts = Facts()
    facts.environment("PATH=/opt/own/venv:/usr/bin\0HOME=/root\0OUT=E:/own/code;E:/own/more")
    assert Texts(facts, Names(), Removed()).name(text) == after


@pytest.mark.parametrize(
    "variable", ["DB_PASS", "GH_PAT", "MYSQL_PWD", "DATABASE_URL", "HF_TOKEN", "API_KEY"]
)
def test_contents_of_secret_variables_are_in_no_other_text(variable: str) -> None:
    facts = Facts()
    facts.environment(f"PWD=/opt/work/abc\0{variable}=s3cr3tvalue")
    assert facts.secrets == {"s3cr3tvalue"}


def test_the_folder_in_which_a_program_ran_is_in_no_name(tmp_path: Path) -> None:
    source = tmp_path / "ran.nsys-rep"
    ran = rep.process(rep.PID, "python", (8, f"/own/{SECRET}"))
    source.write_bytes(rep.report([ran, rep.nvtx_range(1, 2, f"at /own/{SECRET}/x.py")]))
    assert SECRET.encode() not in said(_redacted(source)[0])


# --- pseudonyms -----------------------------------------------------------------------------------------------


def _kernels(report: Path) -> list[tuple[Any, ...]]:
    with Database(":memory:") as database:
        database.ingest(report)
        return database.sql("SELECT demangled, start_ns, end_ns FROM kernels ORDER BY ALL").rows()


@pytest.mark.long
def test_pseudonyms_are_the_same_for_the_same_name_in_all_files_of_a_call(tmp_path: Path) -> None:
    names = Names(pseudonyms=True)
    found = []
    for name in ("crossing_ranges.nsys-rep", "crossing_ranges.sqlite"):
        source = tmp_path / name
        source.write_bytes(content(name))
        redact(source, tmp_path / f"clean_{name}", names)
        before, after = _kernels(source), _kernels(tmp_path / f"clean_{name}")
        assert [row[1:] for row in sorted(before, key=lambda row: row[1:])] == [
            row[1:] for row in sorted(after, key=lambda row: row[1:])
        ]
        assert len({row[0] for row in before}) == len({row[0] for row in after})
        assert all(row[0].startswith("kernel_") for row in after)
        for kernel in {row[0] for row in before}:
            assert kernel.encode() not in said(tmp_path / f"clean_{name}")
        found.append(after)
    assert found[0] == found[1]


def test_a_key_makes_the_same_pseudonyms_in_another_call() -> None:
    once, again, other = (
        Names(pseudonyms=True, key="k"),
        Names(pseudonyms=True, key="k"),
        Names(pseudonyms=True),
    )
    removed = Removed()
    assert once.pseudonym("gemm", "kernel name", removed) == again.pseudonym("gemm", "kernel name", removed)
    assert once.pseudonym("gemm", "kernel name", removed) != other.pseudonym("gemm", "kernel name", removed)
    assert removed == {"kernel name": 4}


def test_a_key_gives_paths_and_uuids_the_same_numbers_in_another_call() -> None:
    uuids = [f"GPU-1b2c3d4e-1111-2222-3333-{number:012x}" for number in range(64)]
    said = [f"{uuid} /home/bob/{uuid}" for uuid in uuids]

    def redacted(texts: list[str], key: str | None) -> list[str]:
        rules = Texts(Facts(), Names(key=key), Removed())
        return [rules.free(text) for text in texts]

    once, again = redacted(said, "k"), redacted(said[::-1], "k")[::-1]
    assert once == again
    assert len(set(once)) == len({one.split()[0] for one in once}) == len(said)
    assert not set(once) & set(redacted(said, "other"))
    # Without a key paths are counted in each call, and UUIDs are of the call alone.
    (one,), (other,) = redacted(said[:1], None), redacted(said[:1], None)
    assert re.fullmatch(r"GPU-00000000-0000-0000-0000-\d{12} /redacted/1", one)
    assert one.split()[0] != other.split()[0] and one.split()[1] == other.split()[1]


def test_what_a_key_has_numbered_stays_as_it_is() -> None:
    texts = Texts(Facts(), Names(key="k"), Removed())
    once = texts.free("GPU-1B2C3D4E-1111-2222-3333-444455556666 in /home/bob/x")
    assert once == texts.free("GPU-1b2c3d4e-1111-2222-3333-444455556666 in /home/bob/x")
    texts.removed.clear()
    assert texts.free(once) == once
    assert not texts.removed


def test_reports_of_one_job_that_are_redacted_one_by_one_agree_on_gpus(tmp_path: Path) -> None:
    source = _nsys(tmp_path)
    found = []
    for number in range(2):
        answer = traceql("redact", source, "-o", tmp_path / f"{number}.nsys-rep", "--key", "of the job")
        assert answer.returncode == 0, answer.stderr
        with Database(":memory:") as database:
            database.ingest(tmp_path / f"{number}.nsys-rep")
            found.append(database.sql("SELECT gpu_hash FROM gpus").rows())
    assert found[0] == found[1] != [(None,)]


def test_gpus_of_reports_that_are_redacted_apart_do_not_become_one(tmp_path: Path) -> None:
    """As those of two machines, whose ranks make one job."""
    with Database(":memory:") as database:
        for rank in range(2):
            redact(_nsys(tmp_path), tmp_path / f"rank{rank}.nsys-rep", Names())
            database.ingest(tmp_path / f"rank{rank}.nsys-rep")
        found = database.sql("SELECT trace_id, gpu_hash FROM gpus").rows()
    assert len({gpu for _, gpu in found if gpu}) == len(set(found)) > 1


def test_gpus_of_a_database_are_not_known_again(tmp_path: Path) -> None:
    """A hash of the UUID would tell a GPU in any other report."""

    def hashes(place: Path) -> set[str | None]:
        with Database(place) as database:
            return set(database.sql("SELECT gpu_hash FROM gpus").to_series())

    there = tmp_path / "there.duckdb"
    with Database(there) as database:
        database.ingest(_nsys(tmp_path))
    found = [hashes(there)]
    for name, key in (("none", []), ("again", []), ("keyed", ["--key", "k"]), ("same", ["--key", "k"])):
        answer = traceql("redact", there, "-o", tmp_path / f"{name}.duckdb", *key)
        assert answer.returncode == 0, answer.stderr
        found.append(hashes(tmp_path / f"{name}.duckdb"))
    before, *after = found
    assert before and None not in before
    assert all(len(one) == len(before) and not one & before for one in after)
    # Without a key nobody else has those of a call: another database may hold other GPUs.
    assert not after[0] & after[1] and after[2] == after[3]


def test_names_that_are_kept_stay() -> None:
    names = Names(pseudonyms=True, keep=["nccl*", "step ?"])
    assert names.pseudonym("ncclDevKernel_AllReduce", "kernel name", Removed()) == "ncclDevKernel_AllReduce"
    assert names.pseudonym("step 1", "range text", Removed()) == "step 1"
    assert names.pseudonym("step 10", "range text", Removed()).startswith("range_")


@pytest.mark.parametrize("format_", ["nsys-rep", "results"])
def test_with_pseudonyms_no_name_of_a_kernel_range_or_function_is_left(tmp_path: Path, format_: str) -> None:
    target, removed = _redacted(PLANTED[format_](tmp_path), pseudonyms=True)
    found = said(target)
    for name in (b"gemm", b"forward", b"train_step", b"registered", b"run_model"):
        assert name not in found, name
    assert removed["kernel name"] and removed["range text"] and removed["function name"]


@pytest.mark.parametrize("pseudonyms", [False, True])
def test_what_was_selected_by_name_is_told_unless_names_are_replaced(
    tmp_path: Path, pseudonyms: bool
) -> None:
    session = ncu_rep_file.field(11, f"ncu -k regex:gemm --nvtx-include=step/ --set full -o {SECRET} ./app")
    source = tmp_path / "filtered.ncu-rep"
    told = ncu_rep_file.kernel((13, ncu_rep_file.metric(0, ncu_rep_file.value(3))), names=("f", "f", "f"))
    block = ncu_rep_file.block([told], strings=["dram__bytes_read.sum"], session=session)
    source.write_bytes(ncu_rep_file.report(block))
    found = said(_redacted(source, pseudonyms=pseudonyms)[0])
    assert b"--set=full" in found
    assert [name in found for name in (b"gemm", b"step/")] == [not pseudonyms] * 2


# --- databases and sidecars -----------------------------------------------------------------------------------


def test_every_column_of_texts_has_its_rule() -> None:
    texts = {
        f"{table.name}.{column.name}"
        for table in schema.TABLES
        for column in table.columns
        if "VARCHAR" in column.type or column.type == "JSON"
    }
    ruled = [column for columns in ACTIONS.values() for column in columns]
    assert len(ruled) == len(set(ruled))
    assert texts - {"environment.variable", "environment.content"} == set(ruled)


@pytest.fixture
def private(tmp_path: Path) -> Path:
    """A database that tells somebody's environment, with a report that quotes it."""
    (tmp_path / "in").mkdir()
    report = tmp_path / "in" / "planted.nsys-rep"
    report.write_bytes(planted_nsys.report())
    with Database(tmp_path / "in" / "private.duckdb") as database:
        database.ingest(report, keep_environment=True, tags={"batch": "8", "where": f"/home/{SECRET}/x"})
    return tmp_path / "in" / "private.duckdb"


@pytest.mark.long
def test_a_database_loses_its_environment_and_keeps_its_rows(private: Path, tmp_path: Path) -> None:
    assert private.read_bytes().count(SECRET.encode()) > 3
    answer = traceql("redact", private, "-o", tmp_path / "clean.duckdb")
    assert answer.returncode == 0, answer.stderr
    assert SECRET.encode() not in (tmp_path / "clean.duckdb").read_bytes()
    before, after = contents(private), contents(tmp_path / "clean.duckdb")
    assert before and after and before.keys() == after.keys()
    for table, rows in before.items():
        assert len(after[table]) == (0 if table == "environment" else len(rows)), table
    with Database(tmp_path / "clean.duckdb") as database:
        assert database.sql("SELECT text FROM nvtx_ranges WHERE text = 'step'").height == 1
        assert database.sql("SELECT tags['batch'] AS b FROM traces").item() == "8"
        assert database.query("top_kernels").height == 1


@pytest.mark.long
def test_a_database_with_pseudonyms_names_no_kernel(private: Path, tmp_path: Path) -> None:
    answer = traceql("redact", private, "-o", tmp_path / "clean.duckdb", "--pseudonyms", "--keep", "step")
    assert answer.returncode == 0, answer.stderr
    with Database(tmp_path / "clean.duckdb") as database:
        paths = database.sql("SELECT path, text FROM nvtx_ranges WHERE depth = 1").rows()
        assert paths and all(path == f"step/{text}" and text.startswith("range_") for path, text in paths)
        assert database.sql("SELECT name FROM kernels").item().startswith("kernel_")


@pytest.mark.long
def test_a_lake_is_redacted_into_a_lake(private: Path, tmp_path: Path) -> None:
    assert traceql("export", private, "--db", f"{tmp_path}/lake/").returncode == 0
    answer = traceql("redact", tmp_path / "lake", "-o", tmp_path / "clean")
    assert answer.returncode == 0, answer.stderr
    files = [file for file in (tmp_path / "clean").rglob("*") if file.is_file()]
    assert files
    assert not [file for file in files if SECRET.encode() in file.read_bytes()]
    with Database(f"{tmp_path}/clean/") as database:
        assert database.sql("SELECT count(*) AS n FROM kernels").item() == 1
        assert database.sql("SELECT count(*) AS n FROM environment").item() == 0


SIDECAR = {
    "format": "traceql-run", "version": 1, "report": "run.nsys-rep", "report_bytes": 5,
    "command": ["nsys", SECRET], "environment": {"handed_on": [SECRET]}, "seconds": 1.5, "exit_status": 0,
    "gpus": [{"name": "NVIDIA H200", "driver": "580.1"}], "versions": {"torch": "2.11.0"}, "model": f"/home/{SECRET}/llama",
    "tags": {"batch": "8", "data": f"/data/{SECRET}"}, "runs": [{"tags": {}, "metrics": [{"name": "ms", "value": 2}]}],
}  # fmt: skip


def test_a_sidecar_keeps_what_was_measured(tmp_path: Path) -> None:
    source = tmp_path / "run.nsys-rep.run.json"
    source.write_text(json.dumps(SIDECAR))
    target, removed = _redacted(source)
    kept = json.loads(target.read_text())
    assert SECRET not in target.read_text()
    assert set(SIDECAR) - set(kept) == {"command", "environment", "report_bytes"}
    assert kept["tags"] == {"batch": "8", "data": "/redacted/2"}
    assert kept["runs"] == SIDECAR["runs"] and kept["gpus"] == SIDECAR["gpus"]
    assert removed == {"command line": 1, "environment": 1, "path": 2}


def test_whom_a_sidecars_environment_names_is_in_no_other_text_of_it(tmp_path: Path) -> None:
    source = tmp_path / "run.nsys-rep.run.json"
    environment = {"USER": "alice", "HOSTNAME": "gpubox7", "WANDB_API_KEY": f"{SECRET}99"}
    told = {"tags": {"alice": "on gpubox7", "k": f"{SECRET}99"}, "model": "alice-llama"}
    source.write_text(json.dumps({**SIDECAR, "environment": environment, **told}))
    kept = json.loads(_redacted(source)[0].read_text())
    assert kept["tags"] == {"user": "on host", "k": "removed"} and kept["model"] == "user-llama"


def test_what_one_file_tells_of_whom_it_is_about_holds_for_the_next(tmp_path: Path) -> None:
    names = Names()
    check(_nsys(tmp_path), names)
    source = tmp_path / "run.nsys-rep.run.json"
    source.write_text(json.dumps({**SIDECAR, "model": f"of {SECRET}host"}))
    redact(source, tmp_path / "clean.json", names)
    assert json.loads((tmp_path / "clean.json").read_text())["model"] == "of host"


def test_a_sidecar_with_half_a_letter_is_an_error(tmp_path: Path) -> None:
    source = tmp_path / "run.nsys-rep.run.json"
    source.write_text(json.dumps({**SIDECAR, "model": "\ud800"}))
    with pytest.raises(TraceqlError, match="not Unicode"):
        _redacted(source)


def test_settings_lose_what_is_private_however_deep_it_stands() -> None:
    tables = Tables("x.duckdb", [], Names(), Removed())
    rows = pa.table({"settings": ['{"a": ["/home/bob/x"], "b": {"c": "/home/bob/y"}, "n": 1}']})
    after = json.loads(tables.redacted("traces", rows)["settings"][0].as_py())
    assert after == {"a": ["/redacted/1"], "b": {"c": "/redacted/2"}, "n": 1}


def _pseudonyms(table: str, **columns: list[Any]) -> dict[str, list[Any]]:
    """Columns of a database's table whose names are replaced, with a key."""
    names = Names(pseudonyms=True, key="k")
    return Tables("x.duckdb", [], names, Removed()).redacted(table, pa.table(columns)).to_pydict()


def _called(name: str, kind: str) -> str:
    return Names(pseudonyms=True, key="k").pseudonym(name, kind, Removed())


def test_labels_of_other_events_are_called_as_ranges_and_functions_stay() -> None:
    after = _pseudonyms(
        "generic_events",
        source=["KHR_DEBUG_EVENTS", "VULKAN_API"],
        name=["acme frame", "vkQueueSubmit"],
        attributes=['{"id":1}', '{"text":"acme pass","a":"/home/bob/x"}'],
    )
    assert after["name"] == [_called("acme frame", "range text"), "vkQueueSubmit"]
    # What nothing goes from is as it was written.
    assert after["attributes"][0] == '{"id":1}'
    assert json.loads(after["attributes"][1]) == {
        "text": _called("acme pass", "range text"),
        "a": "/redacted/" + str(Names(key="k").number("/home/bob/x")),
    }


@pytest.mark.parametrize(
    ("table", "column"),
    [("directives", "function"), ("directives", "data_variable"), ("um_cpu_page_faults", "instruction")],
)
def test_functions_and_variables_that_a_report_names_as_such_have_pseudonyms(table: str, column: str) -> None:
    after = _pseudonyms(table, **{column: ["acme_step", None]})
    assert after[column] == [_called("acme_step", "function name"), None]


def test_the_example_of_a_doubt_has_the_name_that_stands_for_it() -> None:
    said = "1 of 3 {} end before they start (for example {} at 1.500000 ms): how long they took is not known."
    examples = [("kernels", "gemm (acme) at 1"), ("nvtx_ranges", "acme"), ("os_calls", "poll")]
    instead = ["kernel name", "range text"]
    texts = [said.format(*one) for one in (*examples, ("nvtx_ranges", "one without a name"))]
    expected = [said.format(t, _called(n, kind)) for (t, n), kind in zip(examples, instead, strict=False)]
    assert _pseudonyms("doubts", text=texts)["text"] == [*expected, *texts[2:]]
    assert _pseudonyms("traces", warnings=[texts])["warnings"] == [[*expected, *texts[2:]]]


def test_a_range_without_a_text_has_its_place_in_the_path() -> None:
    after = _pseudonyms("nvtx_ranges", text=["a", "", None, "b"], path=["a", "a/", "a/", "a//b"])
    a, b = _called("a", "range text"), _called("b", "range text")
    assert after == {"text": [a, "", None, b], "path": [a, f"{a}/", f"{a}/", f"{a}//{b}"]}


def test_names_of_tags_lose_what_is_private_and_stay_apart() -> None:
    tags = pa.array(
        [[("alice", "1"), ("ALICE", "of alice"), ("batch", "8"), ("/home/bob/x", None)]],
        pa.map_(pa.string(), pa.string()),
    )
    tables = Tables("x.duckdb", [("USER", "alice")], Names(), Removed())
    for table in ("traces", "runs"):
        after = tables.redacted(table, pa.table({"tags": tags}))["tags"].to_pylist()
        expected = [("user", "1"), ("user 2", "of user"), ("batch", "8"), ("/redacted/1", None)]
        assert after == [expected]


def test_what_ncu_profiled_as_a_whole_is_called_so() -> None:
    assert _pseudonyms("kernels", name=["range", "graph"], mangled=["cmdlist", "acme"]) == {
        "name": ["range", "graph"],
        "mangled": ["cmdlist", _called("acme", "kernel name")],
    }


def test_a_database_has_neither_source_lines_nor_machine_code_unless_they_are_kept() -> None:
    rows = pa.table({"sass": ["IMAD R1, R2"], "source_text": ["x = 1;"], "address": [16]})
    removed = Removed()
    after = Tables("x.duckdb", [], Names(), removed).redacted("sass_instructions", rows).to_pydict()
    assert after == {"sass": [None], "source_text": [None], "address": [16]} and removed["code"] == 2
    kept = Tables("x.duckdb", [], Names(keep_source=True), Removed()).redacted("sass_instructions", rows)
    assert kept.equals(rows)


@pytest.mark.parametrize(
    ("table", "column"), [("counter_samples", "unit"), ("run_metrics", "unit"), ("run_metrics", "metric")]
)
def test_units_lose_what_is_private_as_those_of_a_report_do(table: str, column: str) -> None:
    rows = pa.table({column: ["/home/bob/x", "token/s"]})
    after = Tables("x.duckdb", [], Names(), Removed()).redacted(table, rows).to_pydict()
    assert after == {column: ["/redacted/1", "token/s"]}


@pytest.mark.parametrize("text", ["0x7f12ab", "[Broken backtraces]", "<Unknown>"])
def test_a_function_without_a_name_gets_no_pseudonym(text: str) -> None:
    texts = Texts(Facts(), Names(pseudonyms=True), Removed())
    assert redacted_text(String(7, text, frozenset({"function", "file"})), texts) == text
    assert redacted_text(String(7, text, frozenset({"range"})), texts).startswith("range_")
    assert _pseudonyms("call_stacks", frame_function=[text], stack_id=[1])["frame_function"] == [text]


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("/usr/sbin/acme-agentd", "file-7"),
        ("/usr/local/acme/libpricing.so", "file-7"),
        ("acmed", "file-7"),
        ("/usr/lib/x86_64-linux-gnu/libc.so.6", "/usr/lib/x86_64-linux-gnu/libc.so.6"),
        ("[kernel.kallsyms]", "[kernel.kallsyms]"),
    ],
)
def test_files_of_foreign_processes_are_not_named(text: str, after: str) -> None:
    texts = Texts(Facts(), Names(), Removed())
    assert redacted_text(String(7, text, frozenset({"foreign file"})), texts) == after


@pytest.mark.parametrize(
    "more", [{"new": SECRET}, {"tags": {f"/home/{SECRET}": "1"}}, {"started_utc": f"at {SECRET}"}]
)
def test_what_nobody_knows_in_a_sidecar_is_refused(tmp_path: Path, more: dict[str, Any]) -> None:
    source = tmp_path / "run.nsys-rep.run.json"
    source.write_text(json.dumps({**SIDECAR, **more}))
    _refused(source)


# --- the command ----------------------------------------------------------------------------------------------


def test_check_says_what_would_go_without_values_and_writes_nothing(tmp_path: Path) -> None:
    source = _nsys(tmp_path)
    answer = traceql("redact", source, "--check", "--format", "json")
    assert answer.returncode == 0, answer.stderr
    rows = {row["kind"]: row for row in json.loads(answer.stdout)}
    assert int(rows["environment"]["places"]) >= 2
    assert rows.keys() <= KINDS.keys()
    assert SECRET not in answer.stdout + answer.stderr
    assert [path.name for path in tmp_path.iterdir()] == [source.name]
    assert Removed({kind: row["places"] for kind, row in rows.items()}) == check(source, Names())
    table = traceql("redact", source, "--check").stdout
    assert "would_go" in table and SECRET not in table


def test_where_nothing_private_was_found_there_is_no_table(tmp_path: Path) -> None:
    target, _ = _redacted(_nsys(tmp_path))
    answer = traceql("redact", target, "--check")
    assert answer.stdout == "" and "nothing private was found" in answer.stderr
    assert json.loads(traceql("redact", target, "--check", "--format", "json").stdout) == []


def test_nothing_is_overwritten_unless_it_is_asked_for(tmp_path: Path) -> None:
    source, target = _nsys(tmp_path), tmp_path / "clean.nsys-rep"
    target.write_text("mine")
    refused = traceql("redact", source, "-o", target)
    assert refused.returncode == 1
    assert "--force" in refused.stderr
    assert target.read_text() == "mine"
    assert traceql("redact", source, "-o", target, "--force", "--key", "k").returncode == 0
    assert target.read_bytes() == redact_bytes(source, tmp_path)
    assert traceql("redact", source, "-o", source, "--force").returncode == 1
    assert source.read_bytes() == planted_nsys.report()


def redact_bytes(source: Path, folder: Path) -> bytes:
    redact(source, folder / "again.nsys-rep", Names(key="k"))
    return (folder / "again.nsys-rep").read_bytes()


def test_what_is_refused_leaves_what_was_there(tmp_path: Path) -> None:
    source, target = tmp_path / "new.nsys-rep", tmp_path / "clean.nsys-rep"
    source.write_bytes(UNKNOWN_NSYS["section"])
    target.write_text("mine")
    answer = traceql("redact", source, "-o", target, "--force")
    assert answer.returncode == 1
    assert "not known to traceql" in answer.stderr
    assert target.read_text() == "mine"
    assert {path.name for path in tmp_path.iterdir()} == {source.name, target.name}


def test_what_is_refused_is_said_not_to_be_written_beside_others_that_are(tmp_path: Path) -> None:
    first, second = _nsys(tmp_path), tmp_path / "new.nsys-rep"
    second.write_bytes(UNKNOWN_NSYS["section"])
    answer = traceql("redact", first, second, "-o", tmp_path / "clean")
    assert answer.returncode == 1
    assert "It was not written" in answer.stderr and "Nothing" not in answer.stderr
    assert [path.name for path in (tmp_path / "clean").iterdir()] == [first.name]


def test_several_files_get_their_names_in_a_folder(tmp_path: Path) -> None:
    first, second = _nsys(tmp_path), tmp_path / "other.nsys-rep.xz"
    second.write_bytes(lzma.compress(planted_nsys.report()))
    folder = tmp_path / "clean"
    answer = traceql("redact", first, second, "-o", folder)
    assert answer.returncode == 0, answer.stderr
    assert {path.name for path in folder.iterdir()} == {"planted.nsys-rep", "other.nsys-rep"}
    assert "command line" in answer.stdout and SECRET not in answer.stdout + answer.stderr
    with pytest.raises(ReportError, match="not overwritten"):
        redact(first, folder / "planted.nsys-rep", Names())


def test_a_folder_is_replaced_as_a_whole(tmp_path: Path) -> None:
    source = _known(planted.FORMATS["arrowdir"])(tmp_path)
    target = tmp_path / "clean"
    assert traceql("redact", source, "-o", target).returncode == 0
    assert traceql("redact", source, "-o", target).returncode == 1
    assert traceql("redact", source, "-o", target, "--force").returncode == 0
    assert {path.name for path in tmp_path.iterdir()} == {source.name, target.name}


# --- what is never replaced -----------------------------------------------------------------------------------


def _replaces(source: Path, target: Path) -> None:
    with pytest.raises(ReportError) as refused:
        redact(source, target, Names(), force=True)
    assert SECRET not in str(refused.value)


def test_a_folder_with_anything_else_is_not_replaced(tmp_path: Path) -> None:
    source = _known(planted.FORMATS["arrowdir"])(tmp_path)
    target = tmp_path / "results"
    redact(source, target, Names())
    (target / "mine.txt").write_text("mine")
    _replaces(source, target)
    assert (target / "mine.txt").read_text() == "mine"


def test_neither_what_holds_the_input_nor_what_is_in_it_is_replaced(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    source = _known(planted.FORMATS["arrowdir"])(home)
    before = said(source)
    _replaces(source, home)
    _replaces(source, source / "within")
    assert said(source) == before
    assert [path.name for path in home.iterdir()] == [source.name]


def test_a_lake_with_anything_else_in_it_is_none_to_replace(tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    names = ("traces/ab.json", "kernels/trace_id=1/part.parquet", "numbers/traces-1", "lock")
    for name in (*names, "sweeps/ab.json", "run_metrics/number=1/part.parquet", "numbers/runs-1"):
        (lake / name).parent.mkdir(parents=True, exist_ok=True)
        (lake / name).write_text("")
    assert not is_lake(lake)
    (lake / "lake.json").write_text("")
    assert is_lake(lake)
    (lake / "kernels" / "mine.txt").write_text("mine")
    assert not is_lake(lake)


def test_the_folder_of_a_lake_is_not_replaced_by_it(tmp_path: Path) -> None:
    (tmp_path / "home" / "lake").mkdir(parents=True)
    (tmp_path / "home" / "lake" / "lake.json").write_text('{"traceql_lake": 1}\n')
    for place in (tmp_path / "home", tmp_path / "home" / "lake" / "x"):
        answer = traceql("redact", tmp_path / "home" / "lake", "-o", place, "--force")
        assert answer.returncode == 1
        assert "holds the other" in answer.stderr
    assert (tmp_path / "home" / "lake" / "lake.json").exists()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names")
def test_what_is_no_usual_file_is_not_replaced(tmp_path: Path) -> None:
    pipe, link = tmp_path / "pipe.nsys-rep", tmp_path / "link.nsys-rep"
    os.mkfifo(pipe)
    link.symlink_to(pipe)
    for target in (pipe, link):
        _replaces(_nsys(tmp_path), target)
    assert stat.S_ISFIFO(pipe.stat().st_mode) and link.is_symlink()


def test_what_has_no_suffix_gets_any_of_a_report(tmp_path: Path) -> None:
    source = _nsys(tmp_path).rename(tmp_path / "report")
    assert redact(source, tmp_path / "clean.nsys-rep", Names())


@pytest.mark.parametrize("name", ["x.nsys-rep.xz", "x.nsys-rep.zst", "x.csv", "x.sqlite", "x.ncu-rep"])
def test_the_suffix_of_the_result_is_that_of_its_form(tmp_path: Path, name: str) -> None:
    source = tmp_path / "planted.nsys-rep.xz"
    source.write_bytes(lzma.compress(planted_nsys.report()))
    _replaces(source, tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == [source.name]


@pytest.mark.long
def test_a_database_replaces_neither_a_link_unasked_nor_a_folder(private: Path, tmp_path: Path) -> None:
    link = tmp_path / "dang.duckdb"
    link.symlink_to(tmp_path / "missing")
    assert traceql("redact", private, "-o", link).returncode == 1
    assert link.is_symlink()
    (tmp_path / "dd" / private.name).mkdir(parents=True)
    (tmp_path / "dd" / private.name / "mine.txt").write_text("mine")
    assert traceql("redact", private, "-o", tmp_path / "dd", "--force").returncode == 1
    assert (tmp_path / "dd" / private.name / "mine.txt").read_text() == "mine"


@pytest.mark.long
def test_the_log_of_a_replaced_database_does_not_get_into_the_new_one(private: Path, tmp_path: Path) -> None:
    target, log = tmp_path / "t.duckdb", tmp_path / "t.duckdb.wal"
    log.write_text(SECRET)
    assert traceql("redact", private, "-o", target).returncode == 1
    assert log.exists()
    assert traceql("redact", private, "-o", target, "--force").returncode == 0
    assert target.exists() and not log.exists()


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--check", "-o", "x"],
        ["-o", "x", "--keep", "a"],
        ["-o", "x", "--key", ""],
        ["-o", "x", "--pseudonyms", "--keep-source"],
    ],
)
def test_what_makes_no_sense_is_wrong_usage(tmp_path: Path, arguments: list[str]) -> None:
    assert traceql("redact", _nsys(tmp_path), *arguments, folder=tmp_path).returncode == 2


def test_what_is_no_report_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("hello")
    for name in ("note.txt", "missing"):
        with pytest.raises(TraceqlError):
            check(tmp_path / name, Names())


# --- what is not nsys's ---------------------------------------------------------------------------------------


def _with_strangers(folder: Path) -> Path:
    """An export into which other programs put a table, and what they did."""
    export = folder / "strange.sqlite"
    export.write_bytes(content(planted.SQLITE))
    with contextlib.closing(sqlite3.connect(export)) as connection:
        connection.execute(f"CREATE TABLE EXTRAP_CALLPATHS AS SELECT 'at {SECRET}' AS callpath")
        connection.execute(f"CREATE TABLE of_{SECRET} AS SELECT 1 AS a")
        connection.execute(f"INSERT INTO META_DATA_EXPORT (name, value) VALUES ('DERIVED_BY', '{SECRET}.py')")
        connection.commit()
    return export


def test_what_is_not_nsyss_is_left_out_by_its_name(tmp_path: Path) -> None:
    source = _with_strangers(tmp_path)
    target, removed = _redacted(source, drop=["EXTRAP_*", "of_*", "DERIVED_BY"])
    assert removed["dropped"] == 3
    assert SECRET.encode() not in target.read_bytes()
    (tmp_path / "before.sqlite").write_bytes(content(planted.SQLITE))
    with Database(":memory:") as database:
        for name in ("before.sqlite", target.name):
            database.ingest(tmp_path / name, name=name)
        rows = "SELECT name, start_ns, end_ns FROM kernels WHERE trace = ? ORDER BY ALL"
        before, after = (
            database.sql(rows.replace("trace = ?", f"trace_id = {number}")).rows() for number in (1, 2)
        )
    assert before == after and before


@pytest.mark.parametrize(
    ("left", "told"),
    [
        (["of_*", "DERIVED_*"], "the table EXTRAP_CALLPATHS .*--drop EXTRAP_CALLPATHS leaves it out"),
        (["EXTRAP_*", "DERIVED_*"], "a table .*--drop NAME leaves it out"),
        (["EXTRAP_*", "of_*"], "the option DERIVED_BY .*--drop DERIVED_BY leaves it out"),
    ],
)
def test_what_is_not_left_out_is_refused_and_named_if_it_is_called_as_nsys_calls_things(
    tmp_path: Path, left: list[str], told: str
) -> None:
    source = _with_strangers(tmp_path)
    answer = traceql("redact", source, "-o", tmp_path / "clean.sqlite", *(f"--drop={one}" for one in left))
    assert answer.returncode == 1
    assert re.search(told, answer.stderr, re.DOTALL), answer.stderr
    assert SECRET not in answer.stderr


def test_what_is_nsyss_is_not_left_out(tmp_path: Path) -> None:
    source = tmp_path / "run.sqlite"
    source.write_bytes(content(planted.SQLITE))
    target, removed = _redacted(source, drop=["*"])
    assert removed["dropped"] == 0
    with contextlib.closing(sqlite3.connect(target)) as connection:
        assert connection.execute("SELECT count(*) FROM CUPTI_ACTIVITY_KIND_KERNEL").fetchone()[0] > 0


# --- Python ---------------------------------------------------------------------------------------------------


def test_python_redacts_reports_and_says_what_went(tmp_path: Path) -> None:
    source, target = _nsys(tmp_path), tmp_path / "clean.nsys-rep"
    would_go = redact_file(source)
    assert not target.exists()
    removed = redact_file(str(source), str(target), memory="2GB")
    assert removed == would_go and removed["path"] > 0
    assert SECRET.encode() not in said(target)
    with pytest.raises(ReportError, match="there already"):
        redact_file(source, target)
    redact_file(source, target, force=True, pseudonyms=True, keep=["step"], key="k")
    found = said(target)
    assert b"step" in found and b"gemm" not in found


@pytest.mark.parametrize(
    "how", [{"keep": ["a"]}, {"key": ""}, {"memory": "much"}, {"keep_source": True, "pseudonyms": True}]
)
def test_python_is_told_what_makes_no_sense(tmp_path: Path, how: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"keep|key|size"):
        redact_file(_nsys(tmp_path), **how)


@pytest.mark.long
def test_python_redacts_databases(private: Path, tmp_path: Path) -> None:
    with Database(private) as database:
        removed = database.redact(tmp_path / "clean.duckdb")
        assert removed["environment"] > 0
        with pytest.raises(ReportError, match="there already"):
            database.redact(tmp_path / "clean.duckdb")
        with pytest.raises(ReportError, match="itself"):
            database.redact(private, force=True)
    assert redact_file(private) == removed
    assert SECRET.encode() not in (tmp_path / "clean.duckdb").read_bytes()
    with Database(tmp_path / "clean.duckdb") as database:
        assert database.sql("SELECT count(*) AS n FROM kernels").item() == 1


def test_a_redacted_database_names_nobody_that_was_not_profiled(tmp_path: Path) -> None:
    with Database(":memory:") as database:
        database.ingest(_nsys(tmp_path), keep_environment=True)
        removed = database.redact(tmp_path / "clean.duckdb")
        rows = [database.sql(f"SELECT count(*) FROM {name}").item() for name in ("processes", "call_stacks")]
    assert removed["foreign process"] > 0
    assert SECRET.encode() not in (tmp_path / "clean.duckdb").read_bytes()
    with Database(tmp_path / "clean.duckdb") as database:
        assert [
            database.sql(f"SELECT count(*) FROM {name}").item() for name in ("processes", "call_stacks")
        ] == rows
        assert "python" in database.sql("SELECT process FROM processes")["process"].to_list()
        assert "train_step" in database.sql("SELECT frame_function AS f FROM call_stacks")["f"].to_list()
        with pytest.raises(ReportError, match="itself"):
            database.redact(tmp_path / "clean.duckdb", force=True)
        assert "foreign process" not in database.redact(tmp_path / "again.duckdb")


def test_python_redacts_a_database_in_memory(tmp_path: Path) -> None:
    with Database(":memory:") as database:
        database.ingest(_nsys(tmp_path), keep_environment=True)
        assert database.redact(tmp_path / "clean.duckdb")["environment"] > 0
    assert SECRET.encode() not in (tmp_path / "clean.duckdb").read_bytes()


@pytest.mark.parametrize("name", ["scv_baseline_graph_pqtdir", "scv_baseline_graph_arwdir"])
def test_columns_of_an_export_that_need_no_change_are_not_made_anew(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    redacted, made = exports._Export._column, []

    def column(export: exports._Export, of: str, one: str, table: pa.Table) -> list[Any] | None:
        after = redacted(export, of, one, table)
        if after is not None:
            made.append((of, one, after == table[one].to_pylist()))
        return after

    monkeypatch.setattr(exports._Export, "_column", column)
    redact(REPORTS / name, tmp_path / "once", Names())
    redact(tmp_path / "once", tmp_path / "again", Names())
    assert not [(of, one) for of, one, is_equal in made if is_equal]
