"""The queue and each task as resources, for clients that let a person attach them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from mcp.server.mcpserver.exceptions import ResourceError, ResourceNotFoundError

from claude_task_client.errors import AthenaError, NotFound
from claude_task_client.mcp import troubles
from claude_task_client.mcp.arguments import ID_MAX
from claude_task_client.mcp.tools.tasks import Tasks

if TYPE_CHECKING:
    from mcp.server.mcpserver import MCPServer
    from mcp.types import CallToolResult


def add(server: MCPServer[None], tasks: Tasks) -> None:
    """Offer both."""

    @server.resource("athena://queue", title="Athena's queue", mime_type="text/plain")
    async def queue() -> str:
        """What waits in the queue and what is being worked on."""
        return await _read(lambda: tasks.list_tasks(limit=100))

    @server.resource("athena://tasks/{id}", title="A task of Athena's", mime_type="text/plain")
    async def task(id: str) -> str:  # noqa: A002  the name in the address
        """One task: its description, where it stands, and what came of it."""
        digits = id.removeprefix("#")
        if not (digits.isascii() and digits.isdecimal() and 0 < int(digits[:20]) <= ID_MAX):
            raise ResourceNotFoundError("There is no such task: a number is wanted.")
        return await _read(lambda: tasks.show_task(task_id=int(digits)))


async def _read(call: Callable[[], Awaitable[CallToolResult]]) -> str:
    try:
        result = await call()
    except NotFound as error:
        raise ResourceNotFoundError(str(troubles.told(error))) from error
    except AthenaError as error:
        raise ResourceError(str(troubles.told(error))) from error
    return "\n".join(getattr(block, "text", "") for block in result.content)
