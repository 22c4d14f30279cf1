"""What is served is the file and the page, to one browser of this machine, and to nobody else."""

from __future__ import annotations

import contextlib
import http.client
import io
import json
import re
import signal
import socket
import stat
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import systems
from command_line import process, traceql
from made.nsys import Recording, kernel
from perfetto_file import parse
from shipped import REPORTS
from viewing import view

import traceql as package
from traceql import Database, TraceqlError
from traceql.cli.view import _has_screen
from traceql.share import perfetto
from traceql.share.perfetto import serving

if TYPE_CHECKING:
    from collections.abc import Iterator

UTC = 1_800_000_000_000_000_000
TRACE = b"\x0a\x00" * 1000


@contextlib.contextmanager
def serving_of(folder: Path, *, ui: Path | None = None) -> Iterator[serving.Server]:
    (folder / "run.pftrace").write_bytes(TRACE)
    with serving.Server(0, ui) as server:
        server.shown = serving.Shown(folder / "run.pftrace", "run", (UTC, UTC + 5))
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def ui(tmp_path: Path) -> Path:
    """A folder with pages, and a secret beside it."""
    (tmp_path / "ui" / "assets").mkdir(parents=True)
    for name in ("index.html", "a.js", "b.wasm", "c.css", "d.woff2", "e.png", "f.json", "g", "assets/h.JS"):
        (tmp_path / "ui" / name).write_text(name)
    (tmp_path / "secret.txt").write_text("secret")
    if sys.platform != "win32":
        (tmp_path / "ui" / "out.txt").symlink_to(tmp_path / "secret.txt")
        (tmp_path / "ui" / "up").symlink_to(tmp_path)
    return serving.folder_of_ui(tmp_path / "ui")


@pytest.fixture
def server(tmp_path: Path, ui: Path) -> Iterator[serving.Server]:
    with serving_of(tmp_path, ui=ui) as one:
        yield one


class Reply:
    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()


def asked(server: serving.Server, path: str, method: str = "GET", **headers: str | None) -> Reply:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    connection.putrequest(method, path, skip_host=True)
    for name, value in {"Host": f"127.0.0.1:{server.port}", **headers}.items():
        if value is not None:
            connection.putheader(name.replace("_", "-"), value)
    connection.endheaders()
    with contextlib.closing(connection):
        return Reply(connection.getresponse())


def opened(server: serving.Server) -> str:
    """The path that the first one is told."""
    reply = asked(server, server.address.partition(f":{server.port}")[2])
    assert reply.status == 303
    return reply.headers["Location"]


def test_the_address_is_good_for_once_and_leads_to_one_that_stays(server: serving.Server) -> None:
    first = server.address.partition(f":{server.port}")[2]
    path = opened(server)
    assert path != first
    again = asked(server, first)
    assert (again.status, again.headers["Location"]) == (410, None)
    assert b"good for once" in again.body
    for _ in range(2):
        assert b"page.js" in asked(server, path).body
        assert asked(server, f"{path}trace").body == TRACE


def test_of_many_who_open_it_at_the_same_time_one_is_let_in(server: serving.Server) -> None:
    first = server.address.partition(f":{server.port}")[2]
    found: list[int] = []
    threads = [threading.Thread(target=lambda: found.append(asked(server, first).status)) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [303, *[410] * 19]


def test_what_a_browser_fetches_ahead_does_not_count(server: serving.Server) -> None:
    first = server.address.partition(f":{server.port}")[2]
    assert asked(server, first, Sec_Purpose="prefetch;prerender").status == 403
    assert asked(server, first, Purpose="prefetch").status == 403
    assert opened(server)


def test_the_page_may_load_nothing_but_itself_and_perfettos_pages(tmp_path: Path) -> None:
    with serving_of(tmp_path) as server:
        path = opened(server)
        page = asked(server, path)
        policy = page.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; ")
        assert "frame-src https://ui.perfetto.dev;" in policy
        assert "unsafe" not in policy
        assert asked(server, f"{path}about.json").body.decode() == (
            f'{{"title": "run", "ui": "https://ui.perfetto.dev/#!/?visStart={UTC}&visEnd={UTC + 5}"}}'
        )
        assert asked(server, f"{path}ui/").status == 404


@pytest.mark.parametrize(
    "path", ["", "page.js", "page.css", "about.json", "trace", "ui/", "ui/a.js", "nothing"]
)
def test_no_reply_is_kept_guessed_at_or_lent_to_other_pages(server: serving.Server, path: str) -> None:
    reply = asked(server, f"{opened(server)}{path}", Origin=f"http://127.0.0.1:{server.port}")
    assert reply.status == (404 if path == "nothing" else 200)
    assert reply.headers["Cache-Control"] == "no-store"
    assert reply.headers["X-Content-Type-Options"] == "nosniff"
    assert reply.headers["Referrer-Policy"] == "no-referrer"
    assert reply.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert not [name for name in reply.headers if name.lower().startswith("access-control")]
    assert reply.headers["Server"] == "traceql"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("", "text/html; charset=utf-8"),
        ("a.js", "text/javascript; charset=utf-8"),
        ("a.js?v=1", "text/javascript; charset=utf-8"),
        ("b.wasm", "application/wasm"),
        ("c.css", "text/css; charset=utf-8"),
        ("d.woff2", "font/woff2"),
        ("e.png", "image/png"),
        ("f.json", "application/json"),
        ("g", "application/octet-stream"),
        ("assets/h.JS", "text/javascript; charset=utf-8"),
        ("assets/h%2EJS", "text/javascript; charset=utf-8"),
    ],
)
def test_perfettos_pages_are_served_as_what_they_are_and_reach_nothing_else(
    server: serving.Server, name: str, kind: str
) -> None:
    reply = asked(server, f"{opened(server)}ui/{name}")
    assert (reply.status, reply.headers["Content-Type"]) == (200, kind)
    assert reply.body.decode() == (name.partition("?")[0].replace("%2E", ".") or "index.html")
    policy = reply.headers["Content-Security-Policy"]
    assert not re.search(r"https?:|\*|connect-src", policy)
    assert policy.startswith("default-src 'self' ")


@pytest.mark.parametrize(
    "path",
    [
        "ui/../secret.txt",
        "ui/%2e%2e/secret.txt",
        "ui/..%2fsecret.txt",
        "ui/%2e%2e%2fsecret.txt",
        "ui/..\\secret.txt",
        "ui/..%5csecret.txt",
        "ui/assets/../../secret.txt",
        "ui//secret.txt",
        "ui/%2fetc/passwd",
        "ui//etc/passwd",
        "ui/./a.js",
        "ui/a.js%00",
        "ui/assets%2fh.JS",
        "ui/a.js/",
        "ui/C:%5cwindows",
        "ui/C:/windows",
        "ui/out.txt",
        "ui/up/secret.txt",
        "ui/up",
        # Folders are not listed.
        "ui",
        "ui/assets",
        "ui/assets/",
        "../secret.txt",
        "run.pftrace",
        "page.html",
        "ui/" + "x" * 5000,
        "ui/" + "a/" * 3000,
        "%ff%fe",
    ],
)
def test_nothing_else_of_the_disk_is_to_be_had(server: serving.Server, path: str) -> None:
    reply = asked(server, f"{opened(server)}{path}")
    assert (reply.status, reply.body) == (404, b"Not Found\n")


@pytest.mark.parametrize(
    "path", ["/", "/x/", "/x/trace", "/trace", "//", "/%00/", "/é/", "*", "", "http://127.0.0.1/"]
)
def test_without_the_word_nothing_is_there(server: serving.Server, path: str) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as one:
        one.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        reply = one.makefile("rb").read()
    assert re.match(rb"HTTP/1.0 40[04] |(Not Found|Forbidden)\n$", reply)


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:{}",
        "127.0.0.1.evil.example:{}",
        "127.0.0.1@evil.example",
        "localhost.evil:{}",
        "",
        "0.0.0.0:{}",
        None,
    ],
)
def test_under_a_name_that_others_have_given_it_nothing_is_there(
    server: serving.Server, host: str | None
) -> None:
    path = opened(server)
    named = None if host is None else host.format(server.port)
    assert asked(server, f"{path}trace", Host=named).status == 403
    assert asked(server, f"{path}trace", Host=f"localhost:{server.port}").body == TRACE
    # As an address that another machine forwards.
    assert asked(server, f"{path}trace", Host="127.0.0.1:8000").body == TRACE


def test_two_names_are_none(server: serving.Server) -> None:
    path = opened(server)
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as one:
        one.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: evil.example\r\n\r\n".encode())
        assert one.makefile("rb").read().startswith(b"HTTP/1.0 403 ")


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://127.0.0.1:1", "https://ui.perfetto.dev"]
)
def test_pages_from_elsewhere_are_told_nothing(server: serving.Server, origin: str) -> None:
    assert asked(server, f"{opened(server)}trace", Origin=origin).status == 403


@pytest.mark.parametrize(
    "method", ["POST", "PUT", "HEAD", "OPTIONS", "DELETE", "CONNECT", "TRACE", "get", "<b>"]
)
def test_nothing_can_be_sent(server: serving.Server, method: str) -> None:
    path = opened(server)
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as one:
        one.sendall(f"{method} {path}trace HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n\r\n".encode())
        reply = one.makefile("rb").read().decode()
    assert reply.startswith("HTTP/1.0 405 Method Not Allowed\r\n")
    assert "Allow: GET\r\n" in reply
    assert method == "get" or method not in reply.partition("\r\n\r\n")[2]


@pytest.mark.parametrize(
    "request_",
    [
        b"\r\n",
        b"\x16\x03\x01\x02\x00\x01\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /" + b"a" * 70000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 200 + b"\r\n",
    ],
)
def test_what_is_no_request_ends_nothing(server: serving.Server, request_: bytes) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as one:
        one.sendall(request_)
        one.shutdown(socket.SHUT_WR)
        with contextlib.suppress(ConnectionError):
            reply = one.makefile("rb").read()
            assert re.match(rb"HTTP/1.0 [45]\d\d |(Bad Request|HTTP Version Not Supported)\n$|$", reply)
    assert opened(server)


def test_who_says_nothing_keeps_nobody_waiting(server: serving.Server) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(50):
            stack.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=10))
        assert asked(server, f"{opened(server)}trace").body == TRACE


def test_only_this_machine_is_served_and_a_port_that_is_taken_is_said(server: serving.Server) -> None:
    assert server.server_address[0] == "127.0.0.1"
    with pytest.raises(TraceqlError, match=f"port {server.port}: cannot be used"):
        serving.Server(server.port)


def test_addresses_cannot_be_guessed(tmp_path: Path) -> None:
    with serving.Server(0) as one, serving.Server(0) as other:
        words = [
            re.fullmatch(r"http://127\.0\.0\.1:\d+/([\w-]{32})/", server.address) for server in (one, other)
        ]
        assert words[0] is not None and words[1] is not None
        assert words[0][1] != words[1][1]


# --- the command ----------------------------------------------------------------------------------------

NAME = """<b>"';\\ %00 ../é\u202e*?#&"""


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    made = (
        Recording()
        .session(utc_ns=UTC)
        .range("step", 0, 30)
        .call("cudaLaunchKernel", 5, 9, kernel("add", 20, 50))
    )
    export = made.export(folder / "run.sqlite")
    with Database(folder / "t.duckdb") as db:
        db.ingest(export, name="run")
        db.ingest(made.call("late", 60, 70).export(folder / "other.sqlite"), name=NAME)
    return folder / "t.duckdb"


def body(address: str, path: str = "") -> bytes:
    """What is at a path behind an address that was not opened before."""
    host, _, first = address.removeprefix("http://").partition("/")
    connection = http.client.HTTPConnection(host, timeout=10)
    with contextlib.closing(connection):
        connection.request("GET", f"/{first}")
        to = connection.getresponse().headers["Location"]
        connection.close()
        connection.request("GET", f"{to}{path}")
        return connection.getresponse().read()


@pytest.mark.long
@systems.posix("signals that end a process in order")
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_it_serves_what_export_writes_for_its_owner_alone_until_it_is_ended(
    stored: Path, tmp_path: Path, number: int, status: int
) -> None:
    temporary = {"TMPDIR": str(tmp_path)}
    with view("run", "--db", stored, "--no-browser", environment=temporary) as shown:
        (folder,) = tmp_path.iterdir()
        (file,) = folder.iterdir()
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        content = io.BytesIO()
        with Database(stored) as db:
            perfetto.write(db._asker, ["run"], content)
        assert body(shown.address, "trace") == content.getvalue()
        # Meanwhile the database is free.
        assert process("tag", "run", "seen=yes", "--db", stored).returncode == 0
        ended, said = shown.ended(number)
    assert ended == status
    assert "Traceback" not in said
    assert list(tmp_path.iterdir()) == []


@pytest.mark.long
@systems.posix("signals that end a process in order")
def test_it_ends_while_a_browser_takes_its_time(stored: Path) -> None:
    with view("run", "--db", stored, "--no-browser") as shown:
        host, port = shown.address.removeprefix("http://").partition("/")[0].split(":")
        with socket.create_connection((host, int(port)), timeout=10):
            began = time.monotonic()
            assert shown.ended()[0] == 130
            assert time.monotonic() - began < 10


@pytest.mark.long
def test_it_opens_at_the_place_that_is_named_whatever_the_trace_is_called(stored: Path) -> None:
    with view(NAME, "--db", stored, "--no-browser", "--within", "step") as shown:
        about = json.loads(body(shown.address, "about.json"))
    assert about == {"title": NAME, "ui": f"https://ui.perfetto.dev/#!/?visStart={UTC}&visEnd={UTC + 50}"}


@pytest.mark.long
def test_a_job_in_a_lake_is_served_as_one_in_a_file(tmp_path: Path) -> None:
    file, lake = tmp_path / "t.duckdb", tmp_path / "lake"
    with Database(file) as db:
        for rank in ("nccl_rank0", "nccl_rank1"):
            db.ingest(REPORTS / f"{rank}.nsys-rep.xz", name=rank, tags={"job": "train"})
        db.export(lake, lake=True)
    where = ["job=train", "--from", "1ms", "--to", "900ms"]
    with view(*where, "--db", lake, "--only", "--no-browser") as shown:
        found = body(shown.address, "trace")
    for db, name in ((file, "a.pftrace"), (lake, "b.pftrace")):
        assert traceql("export", *where, "--db", db, "-o", tmp_path / name).returncode == 0
    assert found == (tmp_path / "a.pftrace").read_bytes() == (tmp_path / "b.pftrace").read_bytes()
    parsed = parse(found)
    assert {one.path[0].partition(":")[0] for one in parsed.slices} == {"nccl_rank0", "nccl_rank1"}


@pytest.mark.long
@systems.posix("browsers that are scripts")
def test_the_browser_is_told_the_address(stored: Path, tmp_path: Path) -> None:
    browser = tmp_path / "browser"
    browser.write_text(
        f'#!/bin/sh\nprintf %s "$1" > "{tmp_path}/part" && mv "{tmp_path}/part" "{tmp_path}/told"\n'
    )
    browser.chmod(0o755)
    with view("run", "--db", stored, environment={"BROWSER": str(browser)}) as shown:
        for _ in range(600):
            if (tmp_path / "told").exists():
                break
            time.sleep(0.05)
        assert (tmp_path / "told").read_text() == shown.address


@systems.linux("browsers within a terminal")
@pytest.mark.parametrize("name", ["DISPLAY", "WAYLAND_DISPLAY", "BROWSER", None])
def test_without_a_screen_no_browser_takes_the_terminal(
    monkeypatch: pytest.MonkeyPatch, name: str | None
) -> None:
    for one in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"):
        monkeypatch.delenv(one, raising=False)
    if name is not None:
        monkeypatch.setenv(name, "1")
    assert _has_screen() == (name is not None)


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["nobody"], 1, "no trace is called 'nobody'"),
        (["run", "--within", "nothing"], 1, "is called 'nothing'"),
        (["run", "--from", "9", "--to", "5"], 2, "is none"),
        (["run", "--ui", "."], 1, "no copy of Perfetto's pages, for it has no index.html"),
        (["run", "--ui", "nowhere"], 2, "does not exist"),
        (["run", "--port", "65536"], 2, "65536"),
        ([], 2, "TRACE"),
    ],
)
def test_what_cannot_be_shown_is_said_and_nothing_is_left(
    stored: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    status: int,
    said: str,
) -> None:
    (tmp_path / "temporary").mkdir()
    (tmp_path / "here").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    result = traceql("view", *arguments, "--no-browser", "--db", stored, folder=tmp_path / "here")
    assert (result.returncode, result.stdout) == (status, "")
    assert said in result.stderr
    assert list((tmp_path / "temporary").iterdir()) == []


def test_a_port_that_is_taken_is_said(stored: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = traceql("view", "run", "--no-browser", "--port", str(port), "--db", stored)
    assert result.returncode == 1
    assert f"port {port}: cannot be used" in result.stderr
    assert "--port" in result.stderr


def test_more_than_a_browser_takes_is_refused_before_it_is_written(
    stored: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving._Bounded, "left", 500)
    with Database(stored) as db, pytest.raises(TraceqlError, match="more than 2 GB of trace") as refused:
        serving.write(db._asker, ["run"], tmp_path / "run.pftrace", only=False)
    assert "--only" in refused.value.remedy
    assert (tmp_path / "run.pftrace").stat().st_size <= 500


def test_a_file_that_cannot_be_written_is_said(stored: Path, tmp_path: Path) -> None:
    with Database(stored) as db, pytest.raises(TraceqlError, match="cannot be written"):
        serving.write(db._asker, ["run"], tmp_path / "nowhere" / "run.pftrace", only=True)


# --- from Python ----------------------------------------------------------------------------------------


@pytest.mark.long
def test_python_writes_what_the_command_writes(stored: Path, tmp_path: Path) -> None:
    with package.open(stored) as db:
        done = db.export_perfetto(tmp_path / "a.pftrace", "run", within="step")
        every = db.export_perfetto(tmp_path / "every.pftrace.gz")
    assert (done.slices, done.flows, done.place) == (4, 1, (UTC, UTC + 50))
    assert every.slices > done.slices
    assert (tmp_path / "every.pftrace.gz").read_bytes()[:2] == b"\x1f\x8b"
    assert (
        traceql("export", "run", "--db", stored, "--within", "step", "-o", tmp_path / "b.pftrace").returncode
        == 0
    )
    assert (tmp_path / "a.pftrace").read_bytes() == (tmp_path / "b.pftrace").read_bytes()


@pytest.mark.parametrize(
    ("name", "said"), [("a.json", r"must end in \.pftrace or"), ("nowhere/a.pftrace", "cannot be written")]
)
def test_what_python_cannot_write_leaves_no_file(stored: Path, tmp_path: Path, name: str, said: str) -> None:
    with package.open(stored) as db, pytest.raises(TraceqlError, match=said):
        db.export_perfetto(tmp_path / name, "run")
    assert list(tmp_path.iterdir()) == []
