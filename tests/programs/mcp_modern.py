"""An MCP server of the modern era over Streamable HTTP, without sessions. Prints its address.

Argument: `json` to answer with bodies, `events` with streams.
"""

import socket
import sys
from typing import Annotated

import uvicorn
from mcp.server import MCPServer
from pydantic import BaseModel, Field

server = MCPServer("modern")


class Person(BaseModel):
    name: str
    email: str


@server.tool()
def person(name: str) -> Person:
    """Who that is."""
    return Person(name=name, email="ann@example.com")


@server.tool()
def region(where: Annotated[str, Field(json_schema_extra={"x-mcp-header": "Region"})]) -> str:
    """Where that is."""
    return f"in {where}"


@server.tool()
def secret() -> str:
    """What nobody may see."""
    return "secret"


app = server.streamable_http_app(stateless_http=True, json_response=sys.argv[1] == "json")
listener = socket.socket()
listener.bind(("127.0.0.1", 0))
print(f"http://127.0.0.1:{listener.getsockname()[1]}/mcp", flush=True)
uvicorn.Server(uvicorn.Config(app, log_level="error")).run(sockets=[listener])
