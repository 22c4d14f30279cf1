"""What ``nsys export`` writes, without what is private in it: a SQLite file, or a folder of other files.

The three forms hold the same tables. Tables of events are numbers, most of them, and stay row for row;
texts are known by their table and column. Options of the recording lose rows: arguments and variables.
"""

from __future__ import annotations

import contextlib
import re
import sqlite3
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from traceql.errors import ReportError
from traceql.read import nsys_export, payload_parts
from traceql.read.nsys_export.sqlite import Table
from traceql.share.redact import export_fields as fields
from traceql.share.redact import removed as kinds
from traceql.share.redact.payloads import Domains, Entry, Layout
from traceql.share.redact.removed import unknown
from traceql.share.redact.strings import String, redacted
from traceql.share.redact.texts import Facts, Texts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from traceql.read.base import Progress, RawTable
    from traceql.share.redact.names import Names
    from traceql.share.redact.removed import Removed

_SAMPLED: Final = "SAMPLING_CALLCHAINS"
_RANGES: Final = (34, 59, 60)
# What nsys declares.
_TYPES: Final = frozenset({"INTEGER", "INT", "REAL", "TEXT", "BLOB", ""})
# Or a version of three numbers: four may be an address.
_DIGITS: Final = r"[-+]?(?:\d+(?:\.\d*){0,2}|\.\d+)(?:[eE][-+]?\d+)?"
_NUMBER: Final = re.compile(rf"(?:{_DIGITS})?|true|false|nan|-?inf|\[(?:{_DIGITS}|[, ])*\]")
_WORD: Final = re.compile(r"[A-Za-z]\w*")


def write(source: Path, target: Path, names: Names, removed: Removed, progress: Progress) -> None:
    """Write the export again, in its form.

    Args:
        source: the file or folder.
        target: a new one.
        names: what stands for names.
        removed: where it is counted what went.
        progress: called with (tables done, how many there are).

    Raises:
        ReportError: it cannot be read.
        UnsupportedReportError: it holds something that is not known.
    """
    try:
        _write(source, target, names, removed, progress)
    # The reader's own errors quote values.
    except (KeyError, ValueError, pa.ArrowException, sqlite3.IntegrityError) as error:
        raise unknown(source.name, "a table", "a column of it is missing or of another type") from error
    except sqlite3.Error as error:
        raise OSError(str(error)) from error
    except ReportError as error:
        if source.is_file() and isinstance(error.__cause__, pa.ArrowException):
            raise unknown(source.name, "a value", "it is not of its column's type") from error
        raise


def _write(source: Path, target: Path, names: Names, removed: Removed, progress: Progress) -> None:
    tables = nsys_export.tables_of(source)
    if source.is_dir():
        for member in sorted(source.iterdir()):
            if member.stem not in tables or member.suffix not in (".parquet", ".arrow"):
                raise unknown(source.name, "something that is no table", "the folder")
    export = _Export(source.name, tables, names, removed)
    if source.is_dir():
        target.mkdir()
        suffixes = {member.stem: member.suffix for member in source.iterdir()}
        for done, (name, table) in enumerate(export.redacted()):
            _write_member(target / (name + suffixes[name]), table)
            progress(done, len(tables))
    else:
        with contextlib.closing(sqlite3.connect(target)) as connection:
            for done, (name, table) in enumerate(export.redacted()):
                _write_table(connection, source.name, name, tables[name], table)
                progress(done, len(tables))
            connection.commit()


def is_one(folder: Path) -> bool:
    """Whether a folder holds tables of an export and nothing else."""
    return all(
        member.suffix in (".parquet", ".arrow") and fields.is_known(member.stem) and member.is_file()
        for member in folder.iterdir()
    )


def _write_member(place: Path, table: pa.Table) -> None:
    if place.suffix == ".parquet":
        import pyarrow.parquet as pq

        pq.write_table(table, place, compression="snappy")
        return
    with pa.OSFile(str(place), "wb") as file, pa.ipc.new_stream(file, table.schema) as writer:
        writer.write_table(table)


def _write_table(
    connection: sqlite3.Connection, file: str, name: str, declared: RawTable, table: pa.Table
) -> None:
    assert isinstance(declared, Table)
    if not set(map(str.upper, declared.types.values())) <= _TYPES:
        raise unknown(file, "a type of a column", f"table {name}")
    columns = [
        f'"{column}" {type_}{" PRIMARY KEY" if declared.keys == {column} else ""}'
        for column, type_ in declared.types.items()
    ]
    connection.execute(f'CREATE TABLE "{name}" ({", ".join(columns)})')
    marks = ", ".join("?" * len(columns))
    for batch in table.to_batches(max_chunksize=65_536):
        connection.executemany(
            f'INSERT INTO "{name}" VALUES ({marks})',
            zip(*(column.to_pylist() for column in batch.columns), strict=True),
        )


class _Export:
    """One export.

    Args:
        file: its name, for errors.
        tables: by name.
        names: what stands for names.
        removed: where it is counted what went.
    """

    def __init__(self, file: str, tables: Mapping[str, RawTable], names: Names, removed: Removed) -> None:
        self._file = file
        self._names = names
        self._tables = {name: table for name, table in tables.items() if not self._is_dropped(name)}
        removed.add(kinds.DROPPED, len(tables) - len(self._tables))
        for name, table in self._tables.items():
            if not fields.is_known(name):
                raise unknown(file, *_strange("table", name, f"its name has {len(name)} letters"))
            if not all(_WORD.fullmatch(column) for column in table.column_names):
                raise unknown(file, "a column", f"table {name}")
        self._uses: dict[int, set[str]] = {}
        self._profiled: set[int] = set()
        self._processes: dict[int, int] = {}
        for name, table in self._tables.items():
            self._refer(name, table)
        self._refer_payloads()
        self._texts = Texts(self._facts(), names, removed)
        self._removed = removed

    def redacted(self) -> Iterator[tuple[str, pa.Table]]:
        """Every table as it may be shared."""
        for name, table in self._tables.items():
            yield name, self._table(name, table.select(table.column_names))

    def _is_dropped(self, name: str) -> bool:
        return not fields.is_known(name) and self._names.drops(name)

    # --- what the rows refer to ---------------------------------------------------------------------------

    def _refer(self, name: str, table: RawTable) -> None:
        there = set(table.column_names)
        uses = {column: use for column, use in fields.USES.items() if column in there}
        owners = [] if name in fields.OF_ALL_PROCESSES else sorted({"globalPid", "globalTid"} & there)
        if name in ("PROCESSES", "ThreadNames", _SAMPLED):
            return
        is_nvtx = name == "NVTX_EVENTS" and {"textId", "eventType"} <= there
        read = table.select(sorted({*uses, *owners, *(["eventType"] if is_nvtx else [])}))
        for column, use in uses.items():
            ids = read[column]
            if is_nvtx and column == "textId":
                types = read["eventType"].to_numpy()
                is_range = pa.array(np.isin(types, _RANGES))
                self._use(ids.filter(is_range), use)
                self._use(ids.filter(pa.array(~np.isin(types, _RANGES))), "label")
            else:
                self._use(ids, use)
        for column in owners:
            self._profiled.update(_process(value) for value in read[column].unique().to_pylist() if value)

    def _refer_samples(self) -> None:
        """Whose functions and files the frames of samples name."""
        threads = self._rows("COMPOSITE_EVENTS", "id", "globalTid")
        process_of = {row["id"]: _process(row["globalTid"] or 0) for row in threads}
        for column, use in (("symbol", "function"), ("module", "file")):
            pairs = {(row["id"], row[column]) for row in self._rows(_SAMPLED, "id", column)}
            for chain, text in pairs:
                own = process_of.get(chain, 0) in self._profiled
                self._uses.setdefault(text, set()).add(use if own else f"foreign {use}")

    def _use(self, ids: pa.ChunkedArray, use: str) -> None:
        for one in ids.unique().to_pylist():
            if isinstance(one, int):
                self._uses.setdefault(one, set()).add(use)

    def _rows(self, name: str, *columns: str) -> list[dict[str, Any]]:
        table = self._tables.get(name)
        if table is None or not set(columns) <= set(table.column_names):
            return []
        found: list[dict[str, Any]] = table.select(list(columns)).to_pylist()
        return found

    def _facts(self) -> Facts:
        for row in self._rows("PROCESSES", "globalPid"):
            self._processes.setdefault(_process(row["globalPid"] or 0), len(self._processes) + 1)
        for row in self._rows("ThreadNames", "nameId", "globalTid"):
            own = _process(row["globalTid"] or 0) in self._profiled
            self._uses.setdefault(row["nameId"], set()).add("thread" if own else "foreign thread")
        self._refer_samples()
        facts = Facts()
        for row in self._rows("TARGET_INFO_SYSTEM_ENV", "name", "value"):
            if row["name"] == "Hostname":
                facts.hosts.add(row["value"] or "")
            elif row["name"] == "DeviceEnvironment":
                facts.environment(row["value"] or "")
                facts.environment((row["value"] or "").replace(";", "\n"))
        for table in ("META_DATA_CAPTURE", "META_DATA_EXPORT", "EXPORT_META_DATA"):
            for row in self._rows(table, "name", "value"):
                value = row["value"] or ""
                which = (row["name"] or "").split(":")[-1]
                if which == "ENVIRONMENT_VARIABLE":
                    facts.environment(value)
                elif which in ("USER_NAME", "EXPORT_USER"):
                    facts.users.add(value)
                elif which in ("DEVICE_DISPLAY_NAME", "EXPORT_HOST"):
                    facts.hosts.add(value)
                elif which == "WORKING_DIR":
                    facts.folder(value)
        for row in self._rows("StringIds", "id", "value"):
            if not self._uses.get(row["id"]):
                facts.environment(row["value"] or "")
        return facts

    def _refer_payloads(self) -> None:
        """A binary payload may hold texts: its layout has to say that it does not."""
        entries: dict[tuple[int, int], list[Entry]] = {}
        told = ("type", "flags", "offset", "arrayOrUnionDetail")
        for row in self._rows("NVTX_PAYLOAD_SCHEMA_ENTRIES", "domainId", "schemaId", "name", *told):
            of_schema = entries.setdefault((row["domainId"] or 0, row["schemaId"] or 0), [])
            of_schema.append(Entry._make([*(row[one] or 0 for one in told), row["name"] or ""]))
        found = Domains()
        sizes = {
            (row["domainId"] or 0, row["schemaId"] or 0): row["payloadSize"] or 0
            for row in self._rows("NVTX_PAYLOAD_SCHEMAS", "domainId", "schemaId", "payloadSize")
        }
        for (domain, number), of_schema in entries.items():
            layout = Layout(tuple(of_schema), sizes.get((domain, number), 0))
            found[domain].layouts[number].add(layout)
        for row in self._rows("NVTX_PAYLOAD_ENUMS", "domainId", "schemaId"):
            found[row["domainId"] or 0].enums.add(row["schemaId"])
        for domain, content in _of_domains(self._tables.get("NVTX_EVENTS")):
            if content:
                for part in payload_parts.parts(content):
                    found[domain].see(part.schema, content[part.begin : part.end])
                if any(payload_parts.beside(content)):
                    raise unknown(self._file, "more than payloads", "NVTX_EVENTS.binaryData")
        if fault := found.fault():
            raise unknown(self._file, fault, "NVTX_EVENTS.binaryData")
        for text, use in found.texts:
            self._uses.setdefault(text, set()).add(use)
        self._payloads = found

    # --- the tables ---------------------------------------------------------------------------------------

    def _table(self, name: str, table: pa.Table) -> pa.Table:
        if name in ("META_DATA_CAPTURE", "META_DATA_EXPORT", "EXPORT_META_DATA"):
            return self._options(name, table)
        if name == "TARGET_INFO_SYSTEM_ENV":
            return self._machine(table)
        if name == "TARGET_INFO_NIC_INFO":
            table = self._cards(table)
        for index, column in enumerate(table.schema):
            if not fields.is_text(column.type):
                continue
            changed = self._column(name, column.name, table)
            if changed is not None:
                table = table.set_column(index, column, pa.chunked_array([pa.array(changed, column.type)]))
        return table

    def _column(self, name: str, column: str, table: pa.Table) -> list[Any] | None:
        """The texts of a column, or its bytes; None if all of them stay."""
        if (name, column) == ("NVTX_EVENTS", "binaryData") and not self._payloads.has_blanks:
            # Numbers: `_refer_payloads` has seen to that.
            return None
        before = table[column].to_pylist()
        after = self._redacted(name, column, table, before)
        return None if after == before else after

    def _redacted(self, name: str, column: str, table: pa.Table, values: list[Any]) -> list[Any]:
        """The texts of a column as they may be shared, or its bytes."""
        if (name, column) == ("StringIds", "value"):
            ids = table["id"].to_pylist()
            return [
                value and redacted(String(number, value, frozenset(self._uses.get(number, ()))), self._texts)
                for number, value in zip(ids, values, strict=True)
            ]
        if (name, column) == ("PROCESSES", "name"):
            processes = [_process(one or 0) for one in table["globalPid"].to_pylist()]
            return [
                value and self._process_name(value, one) for value, one in zip(values, processes, strict=True)
            ]
        if (name, column) == ("NVTX_EVENTS", "text"):
            ranges = [type_ in _RANGES for type_ in table["eventType"].to_pylist()]
            return [value and self._nvtx(value, one) for value, one in zip(values, ranges, strict=True)]
        if (name, column) == ("NVTX_EVENTS", "binaryData"):
            return [content and self._blanked(domain, content) for domain, content in _of_domains(table)]
        action = fields.action_of(name, column)
        if action is None:
            if any(value and not (isinstance(value, str) and _NUMBER.fullmatch(value)) for value in values):
                raise unknown(self._file, "texts", f"{name}.{column}")
            return values
        change = self._change(action, f"{name}.{column}")
        known: dict[str, str] = {}
        for value in values:
            if value and value not in known:
                known[value] = change(value)
        return [value and known[value] for value in values]

    def _blanked(self, domain: int, content: bytes) -> bytes:
        after, payloads = bytearray(content), self._payloads[domain]
        for part in payload_parts.parts(content):
            after[part.begin : part.end] = payloads.blanked(part.schema, content[part.begin : part.end])
        return bytes(after)

    def _change(self, action: str, where: str) -> Callable[[str], str]:
        texts = self._texts

        def plain(text: str) -> str:
            if not fields.TIME.fullmatch(text):
                raise unknown(self._file, "a text", where)
            return text

        return {
            "free": lambda text: texts.free(texts.uuid(text)),
            "name": texts.name,
            "path": texts.path,
            "files": lambda text: texts.emptied(text, kinds.PATH),
            "output": lambda text: texts.emptied(text, kinds.OUTPUT),
            "time": plain,
        }[action]

    def _process_name(self, name: str, process: int) -> str:
        if process in self._profiled:
            return self._texts.program(name)
        return self._texts.emptied(name, kinds.FOREIGN, f"process-{self._processes[process]}")

    def _nvtx(self, text: str, is_range: bool) -> str:
        name = self._texts.name(text)
        return self._texts.names.pseudonym(name, kinds.RANGE, self._removed) if is_range else name

    def _cards(self, table: pa.Table) -> pa.Table:
        """The id of a network card is its MAC address."""
        for index, column in enumerate(table.schema):
            if column.name.lower() == "guid":
                self._removed.add(
                    kinds.ADDRESS, sum(one not in (None, 1, "1") for one in table[index].to_pylist())
                )
                one = "1" if fields.is_text(column.type) else 1
                ones = [None if before is None else one for before in table[index].to_pylist()]
                table = table.set_column(index, column, pa.chunked_array([pa.array(ones, column.type)]))
        return table

    def _options(self, name: str, table: pa.Table) -> pa.Table:
        kept: list[bool] = []
        values: list[str | None] = []
        for row in table.to_pylist():
            key, value = row["name"] or "", row["value"]
            if not fields.KEY.fullmatch(key):
                raise unknown(self._file, "the name of an option", name)
            # Counters of the system and of CPUs, as they were chosen, have a name each.
            which = key if fields.COUNTER.fullmatch(key) else key.split(":")[-1]
            changed = self._option(name, which, value) if value else value
            kept.append(changed is not None or value is None)
            values.append(changed)
        if set(table.column_names) != {"name", "value"}:
            raise unknown(self._file, "a column", name)
        at = table.column_names.index("value")
        table = table.set_column(
            at, table.schema.field(at), pa.chunked_array([pa.array(values, table.schema.field(at).type)])
        )
        return table.filter(pa.array(kept, pa.bool_()))

    def _option(self, table: str, which: str, value: str) -> str | None:
        texts = self._texts
        kind = fields.OPTIONS.get(re.sub(r"_\d+$", "", which))
        if kind == "arguments":
            texts.removed.add(kinds.COMMAND_LINE)
            return None
        if kind == "variables":
            texts.removed.add(kinds.ENVIRONMENT)
            return None
        if kind == "program":
            return texts.program(value)
        if kind == "device":
            return value if value == fields.LOCAL else texts.emptied(value, kinds.HOST, "device")
        if kind is not None:
            return texts.emptied(value, *fields.EMPTIED[kind])
        if which.startswith("EXPORT_") and which.endswith(("_FILE", "_PATH", "_ABS", "_DIR")):
            suffix = re.search(r"\.(?:nsys-rep|qdrep|sqlite|db|arrows|parquet)$", value)
            return texts.emptied(value, kinds.PATH, f"report{suffix[0] if suffix else ''}")
        if _NUMBER.fullmatch(value):
            return value
        if which in fields.TOLD or fields.COUNTER.fullmatch(which):
            return texts.free(value)
        if self._names.drops(which):
            texts.removed.add(kinds.DROPPED)
            return None
        raise unknown(self._file, *_strange("option", which, table))

    def _machine(self, table: pa.Table) -> pa.Table:
        values, devices = [], []
        for row in table.to_pylist():
            name, value, device = row["name"] or "", row["value"], row.get("devStateName")
            if not _WORD.fullmatch(name):
                raise unknown(self._file, "a property of the machine", "TARGET_INFO_SYSTEM_ENV")
            values.append(self._property(name, value) if value else value)
            devices.append(
                device
                if device in (None, "", fields.LOCAL)
                else self._texts.emptied(device, kinds.HOST, "device")
            )
        for column, changed in (("value", values), ("devStateName", devices)):
            at = table.column_names.index(column)
            field = table.schema.field(at)
            table = table.set_column(at, field, pa.chunked_array([pa.array(changed, field.type)]))
        return table

    def _property(self, name: str, value: str) -> str:
        texts = self._texts
        if name in fields.PROPERTIES_EMPTIED:
            return texts.emptied(value, *fields.PROPERTIES_EMPTIED[name])
        if name == "SoftwareReleaseVersion":
            return (re.match(r"\d+(\.\d+)*|", value) or [""])[0]
        if name == "NicInfo":
            value, count = re.subn(
                r'("(?:Guid|GUID|guid)":\s*(?:"|(?=[^"\s])))(?!1[",}])[^",}]*', r"\g<1>1", value
            )
            texts.removed.add(kinds.ADDRESS, count)
        if name in fields.PROPERTIES_TOLD:
            return texts.free(texts.uuid(value))
        if _NUMBER.fullmatch(value):
            return value
        raise unknown(self._file, "a property of the machine", f"TARGET_INFO_SYSTEM_ENV, {name}")


def _strange(what: str, name: str, where: str) -> tuple[str, str, str]:
    """What is not nsys's, where, and how to leave it out; a name in capital letters is told."""
    if re.fullmatch(r"[A-Z][A-Z0-9_]*", name):
        return f"the {what} {name}", where, f"--drop {name} leaves it out. "
    return f"a {what}", where, "--drop NAME leaves it out. "


def _process(global_id: int) -> int:
    """The process of a thread's or process's id, which SQLite has as a signed number."""
    return (global_id & (1 << 64) - 1) >> 24


def _of_domains(events: RawTable | None) -> Iterator[tuple[int, bytes | None]]:
    """(domain, payloads) of each event of NVTX, if its table has any: of none may nobody look at them."""
    if events is None or "binaryData" not in events.column_names:
        return
    has_domains = "domainId" in events.column_names
    table = events.select(["binaryData", *(["domainId"] if has_domains else [])])
    payloads = table["binaryData"].to_pylist()
    domains = table["domainId"].to_pylist() if has_domains else [0] * len(payloads)
    for domain, content in zip(domains, payloads, strict=True):
        yield domain or 0, content
