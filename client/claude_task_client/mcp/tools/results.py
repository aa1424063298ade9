"""What came of tasks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from mcp.server.mcpserver import Context
from mcp.server.mcpserver.tools import Tool
from mcp.types import CallToolResult

from claude_task_client import wire
from claude_task_client.mcp import making, texts
from claude_task_client.mcp.arguments import Full, TaskId, Wait
from claude_task_client.mcp.desk import Desk
from claude_task_client.mcp.shapes import Outcome, ResultView
from claude_task_client.mcp.waits import slices


@dataclass(frozen=True, slots=True)
class Results:
    """The tool around them."""

    desk: Desk

    def tools(self) -> Sequence[Tool]:
        """All of them."""
        return (making.make(self.task_result, "Result of a task", making.LOOKS),)

    async def task_result(
        self,
        ctx: Context[None, Any],
        *,
        task_id: TaskId,
        wait_seconds: Wait = 0,
        full: Full = False,
    ) -> Annotated[CallToolResult, Outcome]:
        """Tell what came of a task; wait_seconds waits for its end, for 60 s at most.

        Where it has not ended by then, that is said; call again to go on waiting.
        """
        athena = self.desk.athena()
        result = None
        async for seconds in slices(ctx, wait_seconds, f"Waiting for the end of #{task_id}"):
            result = await athena.result(task_id, wait=seconds > 0, timeout=seconds)
            if result is not None:
                break
        return _outcome(task_id, result, full=full).said()


def _outcome(task_id: int, result: wire.Result | None, *, full: bool) -> Outcome:
    if result is None:
        return Outcome(
            summary=f"#{task_id} has not ended yet. Call again with wait_seconds to wait for it;"
            " show_task tells where it stands.",
            task_id=task_id,
            ended=False,
        )
    return Outcome(
        summary=f"#{task_id} has ended, {'with' if result.success else 'without'} success.",
        task_id=task_id,
        ended=True,
        caution=texts.CAUTION,
        result=ResultView.of(result, full=full),
    )
