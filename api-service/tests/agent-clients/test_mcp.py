"""MCP: the official client speaks to the started program, in both of its ways."""
import json
import logging
import unittest
from contextlib import AsyncExitStack

import httpx2
from mcp import Client, MCPError
from mcp.client.auth.utils import (build_protected_resource_metadata_discovery_urls,
                                   extract_resource_metadata_from_www_auth)
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import ProtectedResourceMetadata

from service import DIRECT, Service, token

WAYS = ("legacy", "auto")

# A step that takes long is no news here.
logging.getLogger("asyncio").setLevel(logging.ERROR)


class McpTest(unittest.IsolatedAsyncioTestCase):
    service: Service

    @classmethod
    def setUpClass(cls) -> None:
        cls.service = Service(AUTH_PUBLIC_URL="https://auth.example.com/")
        cls.addClassCleanup(cls.service.stop)
        cls.vault = cls.service.add("# Vault\n\nThe vault opens at nine.", "vault.md")
        cls.bridge = cls.service.add("The bridge is long.", "https://example.com/bridge.md")

    async def client(self, stack: AsyncExitStack, way: str, name: str = "ada") -> Client:
        headers = {"authorization": f"Bearer {token(name)}"}
        http = httpx2.AsyncClient(headers=headers, trust_env=False, timeout=60)
        http = await stack.enter_async_context(http)
        transport = streamable_http_client(f"{self.service.url}/mcp", http_client=http)
        return await stack.enter_async_context(Client(transport, mode=way))

    async def test_the_tools_are_listed_and_called(self) -> None:
        for way in WAYS:
            async with AsyncExitStack() as stack:
                client = await self.client(stack, way)
                self.assertEqual(client.server_info.name, "lectern")
                tools = (await client.list_tools()).tools
                self.assertEqual([tool.name for tool in tools], ["search", "fetch", "ask"])

                found = await client.call_tool("search", {"query": "When does the vault open?"})
                results = found.structured_content["results"]
                self.assertEqual(json.loads(found.content[0].text), {"results": results})
                self.assertEqual(results[0], {
                    "id": self.vault, "title": "Vault",
                    "url": f"{self.service.url}/v1/documents/{self.vault}/content"})
                status, _, content = self.service.ask("GET", results[0]["url"])
                self.assertEqual((status, content), (200, b"# Vault\n\nThe vault opens at nine."))

                read = await client.call_tool("fetch", {"id": self.vault})
                self.assertEqual(read.structured_content["text"],
                                 "Vault\n\nThe vault opens at nine.")
                read = await client.call_tool("fetch", {"id": self.bridge})
                self.assertEqual(read.structured_content["url"], "https://example.com/bridge.md")

                told = await client.call_tool("ask", {"question": "When does the vault open?"})
                answer = told.structured_content
                self.assertIn("The vault opens at nine. [1]", answer["answer"])
                self.assertEqual([cited["id"] for cited in answer["citations"]], [self.vault])
                more = {"question": "And the bridge?",
                        "conversation_id": answer["conversation_id"]}
                again = await client.call_tool("ask", more)
                self.assertEqual(again.structured_content["conversation_id"],
                                 answer["conversation_id"])

    async def test_the_documents_are_resources(self) -> None:
        for way in WAYS:
            async with AsyncExitStack() as stack:
                client = await self.client(stack, way)
                listed = (await client.list_resources()).resources
                self.assertEqual({one.title for one in listed}, {"Vault", "bridge"})
                [bridge] = [one for one in listed if one.title == "bridge"]
                read = await client.read_resource(bridge.uri)
                self.assertEqual(read.contents[0].text, "The bridge is long.")
                other = await self.client(stack, way, "ben")
                self.assertEqual((await other.list_resources()).resources, [])
                with self.assertRaises(MCPError):
                    await other.read_resource(bridge.uri)

    async def test_what_is_wrong_is_told(self) -> None:
        for way in WAYS:
            async with AsyncExitStack() as stack:
                client = await self.client(stack, way)
                for tool, arguments in [("delete", {}), ("search", {"query": 7}), ("ask", {})]:
                    with self.assertRaises(MCPError):
                        await client.call_tool(tool, arguments)
                failed = await client.call_tool("ask", {"question": " "})
                self.assertTrue(failed.is_error)
                self.assertEqual(failed.content[0].text, "The message is empty; send a question.")

    async def test_who_has_no_token_is_told_where_to_get_one(self) -> None:
        url = f"{self.service.url}/mcp"
        async with httpx2.AsyncClient(trust_env=False) as http:
            message = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
            refused = await http.post(url, json=message)
            self.assertEqual(refused.status_code, 401)
            told = extract_resource_metadata_from_www_auth(refused)
            self.assertIn(told, build_protected_resource_metadata_discovery_urls(None, url))
            with DIRECT.open(told) as response:
                metadata = ProtectedResourceMetadata.model_validate_json(response.read())
            self.assertEqual(str(metadata.resource), url)
            self.assertEqual([str(server) for server in metadata.authorization_servers],
                             ["https://auth.example.com"])
            page = {"authorization": f"Bearer {token('ada')}", "origin": "http://evil.example"}
            self.assertEqual((await http.post(url, json=message, headers=page)).status_code, 403)


if __name__ == "__main__":
    unittest.main()
