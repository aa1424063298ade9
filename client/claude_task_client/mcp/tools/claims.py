"""Claims: taking a task, telling how far it is, and ending it."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Final, Literal

import anyio
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.mcpserver.tools import Tool
from mcp.types import CallToolResult
from pydantic import Field

from claude_task_client.client import AsyncAthena
from claude_task_client.errors import AthenaError
from claude_task_client.mcp import making
from claude_task_client.mcp.arguments import Notes, TaskId
from claude_task_client.mcp.desk import Desk
from claude_task_client.mcp.shapes import Done, Taken, TaskDetails, TaskView
from claude_task_client.wire import Task

Phase = Literal["working", "auditing", "testing", "committing"]

# How long a claim that nobody waits for any more may take to be given back.
GIVE_BACK_SECONDS: Final = 1.0

_WHAT_NEXT: Final = (
    "Do what its description asks, tell report_progress at each step, and end it with"
    " complete_task, fail_task or release_task. ask_person asks a person."
)
# Sessions on one machine are one instance: Athena cannot tell them apart.
_HELD_BEFORE: Final = (
    "This machine held it already: unless that was you, another session here may be at work on it."
)


@dataclass(frozen=True, slots=True)
class Claims:
    """The tools around them."""

    desk: Desk

    def tools(self) -> Sequence[Tool]:
        """All of them."""
        return (
            making.make(self.take_next, "Take the next task", making.ADDS),
            making.make(self.claim_task, "Claim a task", making.REPEATABLE),
            making.make(self.report_progress, "Report progress", making.REPEATABLE),
            making.make(self.complete_task, "Complete a task", making.REPEATABLE),
            making.make(self.fail_task, "Give up an attempt", making.USES_UP),
            making.make(self.release_task, "Give a task back", making.ADDS),
        )

    async def take_next(
        self,
        project: Annotated[
            str, Field(description="Take only a task of this project, such as the folder's.")
        ] = "",
    ) -> Annotated[CallToolResult, Taken]:
        """Take the next task from the queue, and hold it: nobody else can take it meanwhile.

        Gives its whole description, which says what to do. Without a task in the queue it takes
        nothing and says so.
        """
        athena = await self.desk.introduce()
        task = await _claimed_next(athena, [project] if project else None)
        if task is None:
            where = f" of project {project}" if project else ""
            return Taken(
                summary=f"Nothing{where} can be taken now. list_tasks shows what waits."
            ).said()
        return Taken(summary=_in_hand(task), task=await self._taken(athena, task)).said()

    async def claim_task(self, *, task_id: TaskId) -> Annotated[CallToolResult, TaskView]:
        """Take this very task, and hold it: nobody else can take it meanwhile.

        Gives its whole description. Claiming what one holds already renews the hold.
        """
        athena = await self.desk.introduce()
        before = await self.desk.held(task_id)
        task = await athena.claim(task_id)
        again = f" {_HELD_BEFORE}" if before.attempt == task.attempt else ""
        return TaskView(summary=_in_hand(task) + again, task=await self._taken(athena, task)).said()

    async def report_progress(
        self,
        *,
        task_id: TaskId,
        message: Annotated[str, Field(description="What is being done now, in a line.")] = "",
        percent: Annotated[
            int | None, Field(ge=0, le=100, description="How much of it is done.")
        ] = None,
        phase: Annotated[Phase | None, Field(description="What kind of work it is now.")] = None,
    ) -> Annotated[CallToolResult, Done]:
        """Tell people how far the task in hand is, and keep the hold on it.

        Also gives what people have said about it meanwhile: heed it.
        """
        if not message and percent is None and phase is None:
            raise ToolError("Say at least one of message, percent and phase.")
        async with self.desk.holding(task_id) as held:
            task = await held.athena.progress(
                task_id,
                message=message or None,
                percent=percent,
                phase=phase,
                attempt=held.attempt,
            )
        news = await self.desk.news(held.athena, task_id)
        said = f"Told, and #{task_id} stays yours."
        heed = " People have said something about it: see messages." if news else ""
        return Done.of(task, said + heed, messages=news).said()

    async def complete_task(
        self,
        *,
        task_id: TaskId,
        notes: Notes = "",
        commit: Annotated[str, Field(description="The commit with the work.")] = "",
        branch: Annotated[str, Field(description="The branch with the work.")] = "",
        pull_request_url: Annotated[str, Field(description="The pull request.")] = "",
    ) -> Annotated[CallToolResult, Done]:
        """Say that the task in hand is done. People are told, with the notes.

        Only when it is really done and checked; otherwise fail_task or release_task.
        """
        places = {"branch": branch, "commit": commit, "pull_request_url": pull_request_url}
        known = {name: place for name, place in places.items() if place}
        result = {"success": True, **({"output": notes} if notes else {}), **known}
        async with self.desk.ending(task_id) as held:
            task = await held.athena.complete(
                task_id,
                notes=notes or None,
                result=result if known else None,
                attempt=held.attempt,
            )
        return Done.of(task, f"#{task_id} is completed. take_next takes another.").said()

    async def fail_task(
        self,
        *,
        task_id: TaskId,
        error: Annotated[
            str, Field(min_length=1, description="Why it failed, for the person who reads it.")
        ],
        retry: Annotated[
            bool, Field(description="Whether another attempt could succeed; false ends the task.")
        ] = True,
    ) -> Annotated[CallToolResult, Done]:
        """Say that this attempt at the task in hand failed.

        Athena tries again later, with whichever instance, while attempts are left. To give it back
        without a failure, use release_task.
        """
        async with self.desk.ending(task_id) as held:
            # The server's default is to try again.
            task = await held.athena.fail(
                task_id, error, retry=None if retry else False, attempt=held.attempt
            )
        then = "is tried again later" if task.status == "pending" else "has failed for good"
        return Done.of(task, f"#{task_id} {then}, and is no longer yours.").said()

    async def release_task(
        self,
        *,
        task_id: TaskId,
        notes: Annotated[
            str, Field(description="What the next one at it should know, for people too.")
        ] = "",
    ) -> Annotated[CallToolResult, Done]:
        """Give the task in hand back to the queue, without a failure: somebody else may take it."""
        async with self.desk.ending(task_id) as held:
            task = await held.athena.release(task_id, notes=notes or None, attempt=held.attempt)
        return Done.of(task, f"#{task_id} is back in the queue.").said()

    async def _taken(self, athena: AsyncAthena, task: Task) -> TaskDetails:
        await self.desk.remember(athena, task.id, task.attempt)
        news = await self.desk.news(athena, task.id)
        return TaskDetails.of(task, full=True, messages=news)


def _in_hand(task: Task) -> str:
    return f"You hold #{task.id} now. {_WHAT_NEXT}"


async def _claimed_next(athena: AsyncAthena, projects: Sequence[str] | None) -> Task | None:
    key = str(uuid.uuid4())
    try:
        return await athena.claim_next(projects=projects, idempotency_key=key)
    except anyio.get_cancelled_exc_class():
        # Athena may have given us a task that nobody will ever hear of: under the same key she
        # gives the same one again, and it goes back.
        with anyio.move_on_after(GIVE_BACK_SECONDS, shield=True):
            await _give_back(athena, projects, key)
        raise


async def _give_back(athena: AsyncAthena, projects: Sequence[str] | None, key: str) -> None:
    try:
        task = await athena.claim_next(projects=projects, idempotency_key=key)
        if task is not None:
            await athena.release(task)
    except AthenaError:
        return  # she is away, or has put it back by herself: the lease sees to the rest
