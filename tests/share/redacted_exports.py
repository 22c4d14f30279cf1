"""Lets NVIDIA's nsys export reports as they are and redacted, and compares every table, row by row.

    python tests/share/redacted_exports.py NSYS REPORT… [--pseudonyms]

NSYS is the program; the reports (.nsys-rep, .qdrep, compressed or not, or folders of them) have to be of its version
or an older one. Of the columns that redaction changes (`MAY_DIFFER`) only those values may differ that had something
private in them: how many do is printed. Ends with status 1 if anything else differs, or a report cannot be exported.
"""

from __future__ import annotations

import argparse
import contextlib
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from traceql.errors import TraceqlError
from traceql.read.source import open_source, plain_name
from traceql.share.redact import Names, redact

#: Table → its columns with texts that may have been private.
MAY_DIFFER: dict[str, set[str]] = {
    "StringIds": {"value"},
    "PROCESSES": {"name"},
    "DIAGNOSTIC_EVENT": {"text"},
    "ANALYSIS_FILE": {"filename", "content"},
    "NVTX_EVENTS": {"text"},
    "TARGET_INFO_GPU": {"uuid", "ctxswDevPath", "ctrlDevPath"},
    "TARGET_INFO_NIC_INFO": {"GUID", "guid"},
    "TARGET_INFO_SYSTEM_ENV": {"value", "devStateName"},
    "CUDA_GPU_MEMORY_USAGE_EVENTS": {"name"},
}
#: Tables that lose rows: arguments and variables of the recording; and what is told of the export itself.
LOSE_ROWS = {"META_DATA_CAPTURE", "META_DATA_EXPORT", "EXPORT_META_DATA"}

Tables = dict[str, tuple[list[str], list[tuple[Any, ...]]]]


def tables_of(path: Path) -> Tables:
    """Name → columns and rows of each table, in their order."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.text_factory = lambda value: value.decode("utf-8", "replace")
        names = [
            name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        ]
        found: Tables = {}
        for name in names:
            cursor = connection.execute(f'SELECT * FROM "{name}"')
            found[name] = ([column[0] for column in cursor.description], cursor.fetchall())
        return found


def differences(before: Tables, after: Tables) -> tuple[list[str], dict[str, int]]:
    """What must not differ and does, as sentences; and how many values differ that may, by column."""
    faults = [f"only one has the table {name}" for name in sorted(before.keys() ^ after.keys())]
    differ: dict[str, int] = {}
    for name in sorted(before.keys() & after.keys()):
        (columns, rows), (others, changed) = before[name], after[name]
        if columns != others:
            faults.append(f"{name}: columns {columns} became {others}")
        elif len(rows) != len(changed):
            if name not in LOSE_ROWS:
                faults.append(f"{name}: {len(rows)} rows became {len(changed)}")
        elif name not in LOSE_ROWS:
            for at, column in enumerate(columns):
                count = sum(row[at] != other[at] for row, other in zip(rows, changed, strict=True))
                if count and column in MAY_DIFFER.get(name, ()):
                    differ[f"{name}.{column}"] = count
                elif count:
                    faults.append(f"{name}.{column}: {count} of {len(rows)} values differ")
    return faults, differ


def exported(nsys: str, report: Path, into: Path) -> Tables:
    """The tables that nsys makes of a report."""
    done = subprocess.run(
        [
            *(nsys, "export", "--type=sqlite", "--include-blobs=true", "--force-overwrite=true"),
            *("--output", str(into), str(report)),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode or not into.exists():
        raise RuntimeError((done.stderr or done.stdout).strip().splitlines()[-1:] or "no output")
    return tables_of(into)


def compared(nsys: str, report: Path, names: Names) -> tuple[list[str], str]:
    """What is wrong with a redacted report, and figures about it."""
    with tempfile.TemporaryDirectory() as folder, open_source(report) as source:
        place = Path(folder)
        plain = place / f"plain-{source.file_name}"
        plain.write_bytes(source.path.read_bytes())
        clean = place / f"clean-{source.file_name}"
        removed = redact(plain, clean, names)
        before, after = (
            exported(nsys, plain, place / "plain.sqlite"),
            exported(nsys, clean, place / "clean.sqlite"),
        )
        faults, differ = differences(before, after)
        rows = sum(len(found[1]) for found in before.values())
        return faults, f"{len(before)} tables, {rows:,} rows; removed {dict(removed)}; differ {differ}"


def main() -> int:
    """Compare all, and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("nsys")
    parser.add_argument("reports", nargs="+", type=Path)
    parser.add_argument("--pseudonyms", action="store_true")
    given = parser.parse_args()
    reports = [
        file
        for one in given.reports
        for file in (sorted(one.rglob("*")) if one.is_dir() else [one])
        if plain_name(file.name).endswith((".nsys-rep", ".qdrep"))
    ]
    names = Names(pseudonyms=given.pseudonyms, key="redacted_exports")
    wrong = 0
    for report in reports:
        try:
            faults, figures = compared(given.nsys, report, names)
        except (TraceqlError, RuntimeError) as error:
            faults, figures = [str(error)], ""
        wrong += bool(faults)
        print(f"{report.name}: {'; '.join(faults) or 'equal'}. {figures}", flush=True)
    print(f"{len(reports)} reports, {wrong} wrong")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
