"""A model with the tools in hand: what it calls, and what comes back."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters
from mcp.types import CallToolResult, TextContent, TextResourceContents

from claude_task_client.mcp.desk import Desk
from claude_task_client.mcp.server import build
from claude_task_client.settings import Settings
from tests.client.conftest import Terminal

LEGACY, MODERN = "legacy", "auto"


@dataclass(frozen=True, slots=True)
class Told:
    """What a call gave: its text, its structured form, and whether it was refused."""

    text: str
    content: dict[str, Any]
    refused: bool

    @classmethod
    def of(cls, result: CallToolResult) -> Told:
        """Of the SDK's."""
        (block,) = result.content
        assert isinstance(block, TextContent)
        return cls(block.text, result.structured_content or {}, bool(result.is_error))


@dataclass(frozen=True, slots=True)
class Model:
    """Whoever calls the tools."""

    client: Client

    async def call(self, tool: str, **arguments: object) -> Told:
        """Call a tool that has to do what it is asked."""
        told = await self.tries(tool, **arguments)
        assert not told.refused, told.text
        return told

    async def tries(self, tool: str, **arguments: object) -> Told:
        """Call a tool."""
        return Told.of(await self.client.call_tool(tool, arguments))

    async def refusal(self, tool: str, **arguments: object) -> str:
        """What is said where a call must be refused."""
        told = await self.tries(tool, **arguments)
        assert told.refused, told.text
        assert not told.content
        return told.text

    async def attached(self, uri: str) -> str:
        """The text of a resource."""
        (content,) = (await self.client.read_resource(uri)).contents
        assert isinstance(content, TextResourceContents)
        return content.text


@asynccontextmanager
async def in_process(
    settings: Settings | Callable[[], Settings], mode: str = MODERN
) -> AsyncIterator[Model]:
    """A model whose server runs in this process."""
    load = settings if callable(settings) else lambda: settings
    async with Client(build(Desk(load)), mode=mode) as client:
        yield Model(client)


@asynccontextmanager
async def in_terminal(terminal: Terminal, mode: str = MODERN) -> AsyncIterator[Model]:
    """A model whose client starts `claude-task-client mcp`, as Claude Code does."""
    command, *arguments = terminal.command("mcp")
    assert command == sys.executable
    server = StdioServerParameters(command=command, args=arguments, env=terminal.environment())
    async with Client(server, mode=mode) as client:
        yield Model(client)
