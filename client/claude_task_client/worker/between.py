"""Whether a task was in other hands between two attempts of this instance.

A claim whose answer got lost, such as that of a worker that was killed while it asked, is taken
back by Athena and leaves a number of its own: what is kept here of the task is as good as before.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from claude_task_client import AsyncAthena
from claude_task_client.errors import Refused
from claude_task_client.worker.line import Line

# Of a history that has more, its own part is not looked for: the task begins anew.
PAGES_MAX: Final = 20
ATTEMPTS_MAX: Final = 100


async def was_elsewhere(
    athena: AsyncAthena, line: Line, task_id: int, *, after: int, until: int
) -> bool:
    """Whether any attempt behind `after`, up to `until`, was another's, or it cannot be told."""
    unknown = set(range(after + 1, until + 1))
    if not unknown:
        return until < after
    if len(unknown) > ATTEMPTS_MAX:
        return True
    cursor: str | None = None
    for _ in range(PAGES_MAX):
        try:
            page = await line.insist(partial(athena.history, task_id, cursor=cursor))
        except Refused:
            return True
        unknown -= {
            event.data.get("attempt")
            for event in page.events
            if event.type == "task.claimed" and event.data.get("instance") == athena.instance
        }
        cursor = page.next_cursor
        if not unknown or cursor is None:
            break
    return bool(unknown)
