"""Redacts all reports of folders, and compares what traceql reads of them before and after.

    python tests/share/redact_all.py FOLDER… [--no-ingest]

Of each report: what was removed, or why it is refused; how long it takes; whether ingest has the same rows
(all tables but those of processes, threads and messages, whose names may be private, and of code, which
goes; in stacks, what is named differently has to be what was named differently before). Then the report again with pseudonyms: how many names of kernels and ranges are still somewhere in
its bytes (plain words such as "occupancy" aside, which ncu's own texts have). Ends with status 1 if rows
differ or a name is left.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from helpers_robust import contents
from planted_nsys import bytes_of

from traceql import Database
from traceql.errors import TraceqlError
from traceql.read.source import open_source, plain_name
from traceql.share.redact import Names, redact

_SUFFIXES = (".nsys-rep", ".qdrep", ".ncu-rep", ".nsight-cuprof-report", ".sqlite")
#: Tables whose texts may be private or which hold code.
_MAY_DIFFER = {
    "traces", "processes", "threads", "diagnostics", "environment", "gpus", "sass_instructions", "source_markers",
    "launch_stacks", "advice",
}  # fmt: skip
_SHORTEST = 8


def reports(folder: Path) -> list[Path]:
    """The reports in a folder and those in it."""
    files = [file for file in sorted(folder.rglob("*")) if plain_name(file.name).endswith(_SUFFIXES)]
    return files + [one for one in sorted(folder.rglob("*dir")) if one.is_dir()]


def stored(report: Path, place: Path) -> dict[str, list[str]]:
    """All rows of a report; of functions and files in stacks, where each is met first."""
    named = ("frame_function", "frame_module", "frame_file")
    first = (f"min((stack_id, frame_depth)) OVER (PARTITION BY {one}) AS {one}" for one in named)
    with Database(place) as database:
        database.ingest(report, name="one")
        stacks = database.sql(f"SELECT * REPLACE ({', '.join(first)}) FROM call_stacks")
    return {**(contents(place) or {}), "call_stacks": sorted(map(str, stacks.rows()))}


def names_of(place: Path) -> set[str]:
    """What a database calls its kernels and ranges."""
    with Database(place) as database:
        found = database.sql(
            "SELECT demangled AS one FROM kernels UNION SELECT mangled FROM kernels UNION SELECT text FROM nvtx_ranges "
            "WHERE style <> 'category' UNION SELECT text FROM ncu_ranges"
        )["one"].to_list()
    return {one for one in found if one and len(one) >= _SHORTEST and not re.fullmatch("[a-z]+", one)}


def said(path: Path) -> bytes:
    """All bytes of a file or folder, unpacked."""
    if path.is_dir():
        texts = []
        for file in path.iterdir():
            if file.suffix == ".parquet":
                texts.append(str(pq.read_table(file).to_pylist()))
            else:
                with pa.OSFile(str(file)) as opened:
                    texts.append(str(pa.ipc.open_stream(opened).read_all().to_pylist()))
        return "\n".join(texts).encode()
    return (
        bytes_of(path)
        if path.name.endswith(("-rep", "qdrep")) and b"Tegra" in path.read_bytes()[:40]
        else path.read_bytes()
    )


def stands_in(name: str, content: bytes) -> bool:
    """Whether a name stands in it by itself, and not as a part of another word."""
    return re.search(rb"(?<![\w ])" + re.escape(name.encode()) + rb"(?![\w ])", content) is not None


def one(report: Path, *, ingest: bool) -> tuple[bool, str]:
    """Whether all is as it has to be, and figures."""
    with tempfile.TemporaryDirectory() as folder, open_source(report) as source:
        place = Path(folder)
        clean, hidden = place / f"clean_{source.file_name}", place / f"hidden_{source.file_name}"
        begin = time.process_time()
        removed = redact(source.path, clean, Names())
        figures = f"{source.size_bytes:,} bytes, {time.process_time() - begin:.1f} s, {dict(removed)}"
        if not ingest:
            return True, figures
        before, after = stored(source.path, place / "before.duckdb"), stored(clean, place / "after.duckdb")
        differ = sorted(
            f"{table} ({sum((Counter(rows) - Counter(after[table])).values())} of {len(rows)} rows)"
            for table, rows in before.items()
            if table not in _MAY_DIFFER and rows != after[table]
        )
        redact(source.path, hidden, Names(pseudonyms=True))
        content = said(hidden)
        left = sorted(name for name in names_of(place / "before.duckdb") if stands_in(name, content))
        if differ:
            figures += f"; DIFFERENT ROWS: {', '.join(differ)}"
        if left:
            figures += f"; {len(left)} NAMES LEFT, such as {left[0][:80]!r}"
        return not differ and not left, figures


def main() -> int:
    """Redact all, and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--no-ingest", action="store_true")
    given = parser.parse_args()
    outcomes: Counter[str] = Counter()
    for report in [one_ for folder in given.folders for one_ in reports(folder)]:
        try:
            right, figures = one(report, ingest=not given.no_ingest)
            outcome = "right" if right else "WRONG"
        except TraceqlError as error:
            outcome, figures = "refused", error.message
        outcomes[outcome] += 1
        print(f"{report.name}: {outcome}. {figures}", flush=True)
    print(dict(outcomes))
    return int(outcomes["WRONG"] > 0)


if __name__ == "__main__":
    sys.exit(main())
