"""The server as agents meet it: the SDK's own client, over standard streams and over a port of this machine."""

from __future__ import annotations

import base64
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import anyio
import httpx2
import pytest
from made.nsys import Recording, kernel
from mcp import StdioServerParameters
from mcp.client.client import Client
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError

import traceql
from traceql.server import protocol, transport
from traceql.server.tools import Tools

pytestmark = pytest.mark.long
ROOT = Path(__file__).parent.parent.parent
TOKEN = "a-token"


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("served") / "traces.duckdb"
    with traceql.open(path) as made:
        Recording().work(kernel("gemm", 0, 7), kernel("copy", 8, 9)).store(made, "run")
    return path


def command(database: Path, *options: str) -> list[str]:
    return ["-m", "traceql", "mcp", "--db", str(database), *options]


def environment() -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HOME": os.environ.get("HOME", "/")}


@pytest.fixture(scope="module")
def port(database: Path) -> Iterator[str]:
    """The address of a server on a port."""
    with subprocess.Popen(
        [sys.executable, *command(database, "--port", "0", "--token", TOKEN)],
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    ) as process:
        assert process.stderr is not None
        line = process.stderr.readline()
        found = re.search(r"http://127\.0\.0\.1:\d+/mcp", line)
        assert found, line
        # A token that was given is not repeated.
        assert TOKEN not in line
        yield found[0]
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) in (0, 143)


def over_streams(database: Path) -> Any:
    return stdio_client(
        StdioServerParameters(command=sys.executable, args=command(database), env=environment())
    )


def talk(transport: Any, said: Callable[[Client], Any]) -> Any:
    async def session() -> Any:
        with anyio.fail_after(60):
            async with Client(transport) as client:
                return await said(client)

    return anyio.run(session)


def over_port(address: str, said: Callable[[Client], Any], token: str = TOKEN) -> Any:
    async def session() -> Any:
        headers = {"Authorization": f"Bearer {token}"}
        with anyio.fail_after(60):
            async with (
                httpx2.AsyncClient(headers=headers, timeout=30) as http,
                Client(streamable_http_client(address, http_client=http)) as client,
            ):
                return await said(client)

    return anyio.run(session)


async def everything(client: Client) -> dict[str, Any]:
    tools = await client.list_tools()
    rows = await client.call_tool("ask", {"question": "top_kernels", "parameters": {"trace": "run"}})
    wrong = await client.call_tool("ask", {"question": "osrt_sum"})
    unfit = await client.call_tool("ask", {"question": 7})
    picture = await client.call_tool("chart", {"question": "top_kernels"})
    there = await client.list_resources()
    templates = await client.list_resource_templates()
    trace = await client.read_resource("trace://run")
    with pytest.raises(MCPError):
        await client.read_resource("trace://nobody")
    return {
        "tools": {tool.name for tool in tools.tools},
        "read_only": all(tool.annotations and tool.annotations.read_only_hint for tool in tools.tools),
        "rows": rows.structured_content["rows"],
        "same": json.loads(rows.content[0].text) == rows.structured_content,
        "wrong": (wrong.is_error, wrong.structured_content["error"]["code"]),
        "unfit": (unfit.is_error, unfit.structured_content["error"]["code"]),
        "png": base64.b64decode(picture.content[1].data)[:4],
        "resources": {str(resource.uri) for resource in there.resources},
        "templates": {template.uri_template for template in templates.resource_templates},
        "trace": json.loads(trace.contents[0].text)["profiler"],
    }


def expected(found: dict[str, Any]) -> None:
    assert found["tools"] == {
        "list_traces", "questions", "describe", "ask", "sql", "why", "compare", "check", "chart", "predict",
    }  # fmt: skip
    assert found["read_only"] and found["same"]
    assert [row["kernel"] for row in found["rows"]] == ["gemm", "copy"]
    assert found["wrong"] == (True, "not_recorded") and found["unfit"] == (True, "arguments")
    assert found["png"] == b"\x89PNG"
    assert {"schema://tables", "trace://run", "question://top_kernels"} <= found["resources"]
    assert found["templates"] == {"question://{name}", "trace://{name}"}
    assert found["trace"] == "nsys"


def test_an_agent_asks_over_standard_streams(database: Path) -> None:
    expected(talk(over_streams(database), everything))


def test_an_agent_asks_over_a_port(port: str) -> None:
    expected(over_port(port, everything))


def test_who_is_told_the_address_is_not_refused(database: Path) -> None:
    class ToldError(Exception):
        """Ends what would go on serving."""

    def connect(address: str) -> None:
        there = urlsplit(address)
        socket.create_connection((there.hostname, there.port), 20).close()
        raise ToldError

    with traceql.open(database) as asked, pytest.raises(ToldError):
        transport.on_port(protocol.server(Tools(asked, ()), asked), 0, TOKEN, connect)


def test_several_agents_are_answered_at_once(port: str) -> None:
    async def many(client: Client) -> list[Any]:
        found: list[Any] = []

        async def one() -> None:
            found.append(await client.call_tool("sql", {"statement": "SELECT count(*) AS n FROM kernels"}))

        async with anyio.create_task_group() as group:
            for _ in range(8):
                group.start_soon(one)
        return found

    assert [reply.structured_content["rows"] for reply in over_port(port, many)] == [[{"n": 2}]] * 8


def status_of(request: Request) -> int:
    try:
        with urlopen(request) as reply:
            return int(reply.status)
    except HTTPError as error:
        with error:
            return error.code


BODY = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}).encode()
JSON = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Authorization": "Bearer wrong"}, 401),
        ({"Authorization": TOKEN}, 401),
        ({"Authorization": f"Bearer {TOKEN}", "Host": "evil.example"}, 421),
        ({"Authorization": f"Bearer {TOKEN}", "Origin": "http://evil.example"}, 403),
    ],
)
def test_who_has_no_token_or_comes_from_elsewhere_is_refused(
    port: str, headers: dict[str, str], status: int
) -> None:
    assert status_of(Request(port, BODY, JSON | headers)) == status


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff" * 100, b"[" * 100_000, b'{"jsonrpc": "2.0"}'])
def test_nonsense_is_refused_and_the_next_one_answered(port: str, body: bytes) -> None:
    assert 400 <= status_of(Request(port, body, JSON | {"Authorization": f"Bearer {TOKEN}"})) < 500

    async def ask(client: Client) -> Any:
        return await client.call_tool("list_traces", {})

    assert over_port(port, ask).structured_content["rows"][0]["trace"] == "run"


def test_a_port_that_is_taken_is_said(port: str, database: Path) -> None:
    taken = port.rpartition(":")[2].partition("/")[0]
    ended = subprocess.run(
        [sys.executable, *command(database, "--port", taken)],
        capture_output=True,
        text=True,
        env=environment(),
        timeout=60,
    )
    assert ended.returncode == 1 and f"port {taken}" in ended.stderr and "Traceback" not in ended.stderr


def test_a_server_without_a_database_says_so(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, *command(tmp_path / "nothing")],
        capture_output=True,
        text=True,
        env=environment(),
        timeout=60,
    )
    assert ended.returncode == 1 and "there is no database" in ended.stderr


def test_what_comes_on_standard_input_that_is_no_message_ends_nothing(database: Path) -> None:
    said = b'nonsense\n{"jsonrpc": "2.0", "id": 1, "method": "ping"}\n'
    ended = subprocess.run(
        [sys.executable, *command(database)], input=said, capture_output=True, env=environment(), timeout=60
    )
    # Nothing but messages is on standard output.
    for line in ended.stdout.splitlines():
        assert json.loads(line)["jsonrpc"] == "2.0"
    assert ended.returncode == 0
