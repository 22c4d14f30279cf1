"""Tools and resources as a server of the Model Context Protocol, by its own SDK.

Every call is worked on by a thread, one at a time, so that the server goes on listening meanwhile.
"""

from __future__ import annotations

import base64
import json
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio
import mcp_types as types
from mcp.server import Server
from mcp.shared.exceptions import MCPError

from traceql import __version__
from traceql.errors import TraceqlError
from traceql.server import resources
from traceql.server.contracts import refused

if TYPE_CHECKING:
    from traceql.database import Database
    from traceql.server.contracts import Reply, Tool
    from traceql.server.tools import Tools

_INSTRUCTIONS = (
    "Answers questions about reports of NVIDIA Nsight Systems and Nsight Compute that a database holds. "
    "Begin with list_traces, then why. Prefer questions of the catalogue (questions, describe, ask) to sql. "
    "NULL means unknown, never zero; the error code not_recorded comes with the option that records what is "
    "missing. Times are nanoseconds since the trace began; units are part of column names."
)


def server(tools: Tools, database: Database) -> Server[Any]:
    """The server that offers the tools of a database, and its resources."""
    # A database answers one question at a time.
    turn = anyio.CapacityLimiter(1)

    async def list_tools(_context: Any, _params: Any) -> types.ListToolsResult:
        return types.ListToolsResult(tools=[_as_offered(tool) for tool in tools.all.values()])

    async def call_tool(_context: Any, params: types.CallToolRequestParams) -> types.CallToolResult:
        reply = await anyio.to_thread.run_sync(
            partial(_called, tools, params.name, params.arguments or {}), limiter=turn
        )
        content: list[Any] = [
            types.TextContent(type="text", text=json.dumps(reply.content, ensure_ascii=False))
        ]
        if reply.png is not None:
            data = base64.b64encode(reply.png).decode()
            content.append(types.ImageContent(type="image", data=data, mime_type="image/png"))
        return types.CallToolResult(
            content=content, structured_content=reply.content, is_error=reply.is_error
        )

    async def list_resources(_context: Any, _params: Any) -> types.ListResourcesResult:
        found = await anyio.to_thread.run_sync(partial(resources.addresses, database), limiter=turn)
        return types.ListResourcesResult(
            resources=[
                types.Resource(uri=address, name=address, title=title, mime_type="application/json")
                for address, title in found.items()
            ]
        )

    async def list_templates(_context: Any, _params: Any) -> types.ListResourceTemplatesResult:
        return types.ListResourceTemplatesResult(
            resource_templates=[
                types.ResourceTemplate(
                    uri_template=address, name=address, title=title, mime_type="application/json"
                )
                for address, title in resources.TEMPLATES.items()
            ]
        )

    async def read_resource(
        _context: Any, params: types.ReadResourceRequestParams
    ) -> types.ReadResourceResult:
        address = str(params.uri)
        try:
            text = await anyio.to_thread.run_sync(partial(resources.read, database, address), limiter=turn)
        except TraceqlError as error:
            raise MCPError(types.INVALID_PARAMS, str(error)) from error
        return types.ReadResourceResult(
            contents=[types.TextResourceContents(uri=address, mime_type="application/json", text=text)]
        )

    return Server(
        "traceql",
        version=__version__,
        instructions=_INSTRUCTIONS,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
        on_list_resources=list_resources,
        on_list_resource_templates=list_templates,
        on_read_resource=read_resource,
    )


def _as_offered(tool: Tool) -> types.Tool:
    return types.Tool(
        name=tool.name,
        title=tool.title,
        description=tool.description,
        input_schema=tool.takes,
        annotations=types.ToolAnnotations(
            read_only_hint=not tool.changes, destructive_hint=False, open_world_hint=False
        ),
    )


def _called(tools: Tools, name: str, given: dict[str, Any]) -> Reply:
    try:
        return tools.call(name, given)
    except Exception as error:  # noqa: BLE001 - a fault of ours is told, and does not end the server
        return refused("fault", f"{name}: {type(error).__name__}: {error}", "Please report it.")
