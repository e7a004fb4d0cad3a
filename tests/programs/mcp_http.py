"""Lists the tools of an MCP server over Streamable HTTP and calls each, with the Python SDK.

Arguments: the server's address, which server it is, and perhaps a bearer token. Prints one JSON
object: the protocol's revision, the definitions of the tools, and of each call its result, or the
error.
"""

import asyncio
import json
import sys

import httpx2
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client

# Of each tool, and of one that the server does not have.
EVERYTHING = {
    "echo": {"message": "h\u00e9llo \u2028 w\u00f6rld"},
    "get-annotated-message": {"messageType": "error", "includeImage": True},
    "get-env": {},
    "get-resource-links": {"count": 3},
    "get-resource-reference": {"resourceType": "Text", "resourceId": 1},
    "get-structured-content": {"location": "Chicago"},
    "get-sum": {"a": 1, "b": 2},
    "get-tiny-image": {},
    "gzip-file-as-resource": {"name": "a.gz", "data": "data:text/plain,hello", "outputType": "resource"},
    "no-such-tool": {},
    "simulate-research-query": {"topic": "tests"},
    "toggle-simulated-logging": {},
    "toggle-subscriber-updates": {},
    "trigger-long-running-operation": {"duration": 0.2, "steps": 2},
}
MODERN = {
    "no-such-tool": {},
    "person": {"name": "Ann"},
    "region": {"where": "us"},
    "secret": {},
}
ARGUMENTS = {"everything": EVERYTHING, "modern": MODERN}


def shown(value):
    return value.model_dump(mode="json", by_alias=True, exclude_none=True)


async def main(url, server, token=None):
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    progress = []

    async def note(done, total, _message):
        progress.append([done, total])

    async with httpx2.AsyncClient(headers=headers) as http:
        async with Client(streamable_http_client(url, http_client=http)) as client:
            tools = await client.list_tools()
            results = {}
            for name, arguments in ARGUMENTS[server].items():
                try:
                    result = await client.call_tool(name, arguments, progress_callback=note)
                    results[name] = shown(result)
                except MCPError as error:
                    results[name] = {"error": error.error.code, "message": error.error.message}
            out = {
                "revision": client.protocol_version,
                "tools": [shown(tool) for tool in tools.tools],
                "results": results,
                "progress": progress,
            }
    print(json.dumps(out))


asyncio.run(main(*sys.argv[1:]))
