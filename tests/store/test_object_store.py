"""A lake in an object store: moto's server stands for S3, gcp-storage-emulator for Google's."""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.fs
import pytest
from ask.test_order_of_rows import counted, of_equals
from command_line import traceql as run_command
from lakes import assert_same, content
from shipped import REPORTS

import traceql
from traceql.cluster import asking, ingesting
from traceql.errors import DatabaseError, ReportError
from traceql.store.lake import numbers, place
from traceql.store.lake.bucket import Bucket
from traceql.tables import schema

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.long

SMALL = REPORTS / "extrap_a100_2020.3.ncu-rep.xz"
_MOTO = "import sys; from moto.server import main; main(sys.argv[1:])"
#: Scheme → the command that serves it on a port of this machine, and a page that is there when it does.
SERVERS = {
    "s3": (["-c", _MOTO, "-H", "127.0.0.1", "-p"], "moto-api/data.json"),
    "gs": (
        ["-m", "gcp_storage_emulator", "start", "--host", "127.0.0.1", "--in-memory", "--port"],
        "storage/v1/b?project=traceql",
    ),
}


@contextlib.contextmanager
def served(scheme: str) -> Iterator[str]:
    """Host and port of a store."""
    command, page = SERVERS[scheme]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, *command, str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        for _ in range(300):
            with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/{page}"):
                break
            time.sleep(0.1)
        yield f"127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def servers() -> Iterator[dict[str, str]]:
    """Scheme → host and port."""
    with contextlib.ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "a-key")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "a-secret")
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        yield {scheme: stack.enter_context(served(scheme)) for scheme in SERVERS}


def lake_at(scheme: str, bucket: str, place: str) -> str:
    """The address of a lake in a bucket."""
    if scheme == "s3":
        return f"s3://{bucket}/some/lake?endpoint_override={place}&scheme=http&region=us-east-1"
    return f"gs://anonymous@{bucket}/some/lake?endpoint_override={place}&scheme=http&retry_limit_seconds=1"


@pytest.fixture(params=SERVERS)
def address(request: pytest.FixtureRequest, servers: dict[str, str], tmp_path: Path) -> str:
    """Of a lake that is not there yet, in a bucket of its own."""
    scheme, bucket = request.param, tmp_path.name.replace("_", "-").lower()[-40:].strip("-")
    address = lake_at(scheme, bucket, servers[scheme])
    if scheme == "s3":
        files, _ = pyarrow.fs.FileSystem.from_uri(f"{address}&allow_bucket_creation=true")
        files.create_dir(bucket)
    else:
        urllib.request.urlopen(
            urllib.request.Request(
                f"http://{servers[scheme]}/storage/v1/b?project=traceql",
                json.dumps({"name": bucket}).encode(),
                {"Content-Type": "application/json"},
            )
        ).close()
    return address


def test_a_lake_in_a_store_answers_as_a_file(address: str, tmp_path: Path) -> None:
    with traceql.open(tmp_path / "file.duckdb") as file, traceql.open(address) as lake:
        made = {"one": of_equals(), "counted": counted()}
        for database in (file, lake):
            for name, recording in made.items():
                recording.store(database, name)
            database.ingest(SMALL, tags={"batch": "8"})
            database.tag("one", gpu="h200")
            database.tag("one", gpu="h100")
            database.rename("counted", "profile")
        for table in schema.TABLES:
            of_file, of_lake = (content(database, table.name) for database in (file, lake))
            assert of_file.drop("sha256", strict=False).equals(of_lake.drop("sha256", strict=False)), (
                table.name
            )
        for question in ("top_kernels", "cuda_api_sum", "kernel_roofline", "nvtx_sum"):
            assert_same(file.ask(question), lake.ask(question))
        with traceql.open(address) as asked:
            assert asked.query("cuda_api_sum", trace="one").equals(file.query("cuda_api_sum", trace="one"))
            copies = asked._store._place._copies  # type: ignore[attr-defined]
            fetched = {part.parent.name for part in copies.rglob("*.parquet")}
            # Nothing of the others.
            assert fetched == {"trace_id=1"}
        # An address as a path, which has lost a slash.
        with traceql.open(Path(address)) as other:
            assert other.sql("SELECT count(*) FROM traces").item() == 3
            other.drop("one", "profile")
        assert lake.sql("SELECT trace FROM traces")["trace"].to_list() == ["extrap_a100_2020.3"]
        assert lake.ingest(SMALL).status == "unchanged"
        assert lake.ingest(SMALL, replace=True).status == "replaced"
        assert lake.sql("SELECT DISTINCT trace_id FROM kernels").item() == 4


def command(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """The command line, which has the keys."""
    return run_command(*arguments, environment=dict(os.environ))


def test_the_command_line_takes_an_address(address: str, tmp_path: Path) -> None:
    assert command("ingest", "-q", "--db", address, SMALL).returncode == 0
    assert "extrap_a100_2020.3" in command("ls", "--db", address).stdout
    assert "ncu" in command("info", "extrap_a100_2020.3", "--db", address).stdout
    asked = command("query", "top-kernels", "--db", address, "-f", "csv")
    assert command("export", address, "--db", tmp_path / "x.duckdb").returncode == 0
    assert (
        command("query", "top-kernels", "--db", tmp_path / "x.duckdb", "-f", "csv").stdout
        == asked.stdout
        != ""
    )
    again = address.replace("/some/lake", "/again")
    assert command("export", tmp_path / "x.duckdb", "--db", again).returncode == 0
    assert command("query", "top-kernels", "--db", again, "-f", "csv").stdout == asked.stdout


def test_nobody_else_has_a_number_that_was_claimed(address: str) -> None:
    places = [Bucket(address) for _ in range(8)]
    places[0].make()
    with ThreadPoolExecutor(8) as pool:
        claimed = list(
            pool.map(lambda p: numbers.claim(p, "traces", set(), None, insist=True)[0], places * 3)
        )
    assert len(set(claimed)) == len(claimed)
    # What was announced is gone.
    assert set(places[0].names("numbers")) == {f"traces-{number}" for number in claimed}


def test_what_a_killed_writer_left_is_swept_when_it_is_known_to_be_dead(address: str) -> None:
    with traceql.open(address) as lake:
        lake.ingest(SMALL)
        place = Bucket(address)
        assert place.create("numbers/traces-9", b"")
        place.write("kernels/trace_id=9/part.parquet", b"half")
        place.write("numbers/traces-10.0.00000000-1-1.new", b"")
        lake.compact()
        assert place.folders("kernels") == ["trace_id=1"]
        # Of a machine that is not known here, and young.
        assert "traces-10.0.00000000-1-1.new" in place.names("numbers")


def test_what_is_no_store_or_no_lake_is_an_error(address: str) -> None:
    with pytest.raises(DatabaseError, match="no such database"):
        traceql.open(address).query("top_kernels")
    place = Bucket(address)
    place.write("notes.txt", b"mine")
    with pytest.raises(DatabaseError, match="no lake of traceql"):
        traceql.open(address).ingest(SMALL)
    nowhere = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:1", address)
    with pytest.raises(DatabaseError, match="cannot be read"):
        traceql.open(nowhere).query("top_kernels")


@pytest.mark.parametrize("scheme", ["s3", "gs"])
@pytest.mark.parametrize("who", ["somebody:secret", "secret", "anonymous:secret"])
def test_no_message_tells_keys(scheme: str, who: str) -> None:
    with pytest.raises(DatabaseError, match="keys in it") as refused:
        traceql.open(f"{scheme}://{who}@bucket/lake").query("top_kernels")
    assert "secret" not in str(refused.value)


def test_a_store_that_cannot_be_reached_is_said_before_a_lake_is_made(address: str) -> None:
    nowhere = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:1", address)
    with pytest.raises(DatabaseError, match="no lake can be made") as refused:
        traceql.open(nowhere).ingest(SMALL)
    assert "(None)" not in str(refused.value)


def test_an_environment_is_kept_in_no_store(address: str) -> None:
    with traceql.open(address) as lake, pytest.raises(DatabaseError, match="who may read an object store"):
        lake._store._place.make()  # type: ignore[attr-defined]
        lake._store.keep_to_owner()


class Here:
    """Two workers, both of them this process."""

    count = 2

    def each(self, work: Any, items: Any) -> Iterator[tuple[int, Any]]:
        for number, item in enumerate(items):
            yield number, work(item)


def test_workers_reach_the_same_lake_by_its_address(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with traceql.open(address) as lake:
        at = lake._store.place
        reports = [SMALL, REPORTS / "kinds_basic.ncu-rep.xz"]
        came = dict(ingesting.ingest_all(Here(), reports, at, wait_s=1, options={}))
        assert [getattr(one, "status", one) for one in came.values()] == ["added", "added"]
        assert lake.sql("SELECT count(*) FROM traces").item() == 2
        assert_same(lake.ask("top_kernels"), lake.ask("top_kernels", scheduler=Here()))
    assert list(tmp_path.iterdir()) == []
    asking._opened.cache_clear()


def test_an_entry_that_is_too_large_is_not_taken_into_memory(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with traceql.open(address) as lake:
        lake.ingest(SMALL)
        monkeypatch.setattr(place, "_MOST_BYTES", 100)
        with traceql.open(address) as other, pytest.raises(DatabaseError, match="more than 100 bytes"):
            other.sql("FROM traces")


def test_a_lake_that_is_made_for_what_cannot_be_stored_is_gone_again(address: str, tmp_path: Path) -> None:
    (tmp_path / "bad.nsys-rep").write_bytes(b"no report at all")
    with traceql.open(address) as lake:
        with pytest.raises(ReportError):
            lake.ingest(tmp_path / "bad.nsys-rep")
        assert not Bucket(address).exists()
        lake.ingest(SMALL)
        with pytest.raises(ReportError):
            lake.ingest(tmp_path / "bad.nsys-rep")
    assert Bucket(address).exists()
