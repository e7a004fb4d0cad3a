"""Lists the tools of an MCP server and calls two, with the Python SDK. Arguments: its command.

Prints one JSON object: the names of the tools, and the results of the calls.
"""

import asyncio
import json
import sys

from mcp import ClientSession, StdioServerParameters, stdio_client


async def main(command, arguments):
    server = StdioServerParameters(command=command, args=arguments)
    async with stdio_client(server) as (read, write), ClientSession(read, write) as session:
        await session.initialize()
        tools = await session.list_tools()
        echoed = await session.call_tool("echo", {"message": "hello"})
        denied = await session.call_tool("get-env", {})
    shown = {
        "tools": [tool.name for tool in tools.tools],
        "echo": echoed.model_dump(mode="json", by_alias=True, exclude_none=True),
        "get-env": denied.model_dump(mode="json", by_alias=True, exclude_none=True),
    }
    print(json.dumps(shown))


asyncio.run(main(sys.argv[1], sys.argv[2:]))
