"""How a server is reached: on standard input and output, or on a port of this machine alone, with a token."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

import anyio
from mcp.server.stdio import stdio_server
from mcp.server.transport_security import TransportSecuritySettings

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from mcp.server import Server

_HOST = "127.0.0.1"
#: Where on the port it is.
PATH = "/mcp"


async def on_standard_streams(server: Server[Any]) -> None:
    """Serve whoever writes to standard input, until it ends."""
    async with stdio_server() as (reading, writing):
        await server.run(reading, writing, server.create_initialization_options())


def on_port(server: Server[Any], port: int, token: str, ready: Callable[[str], None]) -> None:
    """Serve programs of this machine that know the token, until the process is ended.

    Args:
        server: of tools and resources.
        port: 0 for any that is free.
        token: that every request has to bring (``Authorization: Bearer``).
        ready: is told the address.

    Raises:
        OSError: the port is taken.
    """
    import socket

    import uvicorn

    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((_HOST, port))
        # Who is told the address may come before there is a server, and waits.
        listening.listen()
        taken = listening.getsockname()[1]
        # A page of a browser may reach the port under another name: that is refused.
        security = TransportSecuritySettings(
            enable_dns_rebinding_protection=True,
            allowed_hosts=[f"{_HOST}:{taken}", f"localhost:{taken}"],
            allowed_origins=[f"http://{_HOST}:{taken}", f"http://localhost:{taken}"],
        )
        app = server.streamable_http_app(streamable_http_path=PATH, transport_security=security)
        config = uvicorn.Config(_with_token(app, token), log_level="warning", lifespan="on")
        ready(f"http://{_HOST}:{taken}{PATH}")
        anyio.run(uvicorn.Server(config).serve, [listening])


def _with_token(app: Any, token: str) -> Callable[..., Awaitable[None]]:
    """The application behind a check of the token, which takes as long whatever is wrong with it."""
    wanted = f"Bearer {token}".encode()

    async def checked(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            given = dict(scope["headers"]).get(b"authorization", b"")
            if not secrets.compare_digest(given, wanted):
                headers = [(b"content-type", b"text/plain"), (b"www-authenticate", b"Bearer")]
                await send({"type": "http.response.start", "status": 401, "headers": headers})
                await send({"type": "http.response.body", "body": b"the token is missing or wrong"})
                return
        await app(scope, receive, send)

    return checked
