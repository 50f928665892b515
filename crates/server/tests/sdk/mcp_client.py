"""What an agent does with the official MCP client: only the URL and the key are ours.

Called with the name of a scenario; MCP_URL and API_KEY say where and with what, MODE how
the client begins. An assertion that fails is an exit status that is not 0.
"""

import asyncio
import os
import sys

from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client


async def with_client(scenario):
    headers = {"Authorization": f"Bearer {os.environ['API_KEY']}"}
    async with create_mcp_http_client(headers=headers) as http:
        transport = streamable_http_client(os.environ["MCP_URL"], http_client=http)
        async with Client(transport, mode=os.environ["MODE"]) as client:
            await scenario(client)


async def call(client, tool, **arguments):
    answer = await client.call_tool(tool, arguments)
    assert not answer.is_error, answer
    return answer.structured_content


async def lists_models_and_manages_secrets(client):
    assert client.server_info.name == "keystile", client.server_info
    if os.environ["MODE"] == "auto":
        assert client.protocol_version == "2026-07-28", client.protocol_version
    tools = await client.list_tools()
    names = [tool.name for tool in tools.tools]
    assert names == ["list_models", "manage_secrets", "route_explain", "usage_summary"], names

    models = (await call(client, "list_models"))["models"]
    assert {"id": "openai/gpt-4o", "provider": "openai"} in models, models

    secret = {"name": "hook", "value": "first-0123456789"}
    made = await call(client, "manage_secrets", action="create", **secret)
    assert made["secret"]["name"] == "hook", made
    again = await client.call_tool("manage_secrets", {"action": "create", **secret})
    assert again.is_error, again
    assert again.structured_content["error"]["code"] == "conflict", again
    await call(client, "manage_secrets", action="rotate", name="hook", upload_link=True)
    listed = await call(client, "manage_secrets", action="list")
    assert "hook" in [it["name"] for it in listed["secrets"]], listed
    await call(client, "manage_secrets", action="delete", name="hook")


if __name__ == "__main__":
    asyncio.run(with_client(globals()[sys.argv[1]]))
