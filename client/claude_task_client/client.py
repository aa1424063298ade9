"""The Python face of Athena: one method a thing that can be asked of it.

Every body is written once: in `asking`, `working`, `conversing`, `recording`, and here.
`sync.Athena` runs the same bodies over a transport that blocks.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from claude_task_client.asking import Asking
from claude_task_client.calls import query_of, told
from claude_task_client.conversing import Conversing
from claude_task_client.recording import Recording
from claude_task_client.transport import Call, Json, wrong_shape
from claude_task_client.wire import time_text
from claude_task_client.working import Working

DELETED_COUNT: Final = "x-deleted-count"


class AsyncAthena(Asking, Working, Conversing, Recording):
    """Athena, for asyncio.

    Where nothing is given, `ATHENA_API_URL`, `ATHENA_API_KEY` and `CLAUDE_INSTANCE` count, then
    what `claude-task-client login` wrote. Every method raises `Refused` where Athena says no and
    `Unreachable` where it does not answer; what can safely be sent again is, for `retry_seconds`.

    A task may be named by its id or given whole. Given whole, its `attempt` is sent along, so that
    nothing is done to a newer claim of the same task.
    """

    async def pause(self, *, project: str | None = None, instance: str | None = None) -> Json:
        """Give out nothing more of a project, to an instance, or at all. What runs goes on."""
        body = told(project=project, instance=instance)
        return await self._json(Call("POST", "/api/pause", body=body, repeatable=True))

    async def resume(self, *, project: str | None = None, instance: str | None = None) -> Json:
        """Undo the same `pause`."""
        body = told(project=project, instance=instance)
        return await self._json(Call("POST", "/api/resume", body=body, repeatable=True))

    async def purge(self, *, before: datetime | str, status: str | None = None) -> int:
        """Remove the tasks that ended before a time; `status` may name some of the three.

        Gives the number of those removed.
        """
        query = query_of(status=status, before=time_text(before))
        answer = await self._send(Call("DELETE", "/api/tasks", query, repeatable=True))
        count = answer.headers.get(DELETED_COUNT, "")
        if not (count.isascii() and count.isdecimal()):
            raise wrong_shape(self.url, DELETED_COUNT)
        return int(count)
