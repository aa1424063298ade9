"""Questions to a person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.mcpserver.tools import Tool
from mcp.types import CallToolResult
from pydantic import Field

from claude_task_client import wire
from claude_task_client.errors import Unreachable
from claude_task_client.mcp import making, texts
from claude_task_client.mcp.arguments import WAIT_SECONDS, QuestionId, TaskId, Wait
from claude_task_client.mcp.desk import Desk, Held
from claude_task_client.mcp.shapes import Reply
from claude_task_client.mcp.waits import slices


@dataclass(frozen=True, slots=True)
class Questions:
    """The tool around them."""

    desk: Desk

    def tools(self) -> Sequence[Tool]:
        """All of them."""
        return (making.make(self.ask_person, "Ask a person", making.ASKS),)

    async def ask_person(
        self,
        ctx: Context[None, Any],
        *,
        task_id: TaskId,
        question: Annotated[
            str, Field(description="What to ask; leave it out where question_id is given.")
        ] = "",
        choices: Annotated[
            list[str] | None, Field(description="Answers to choose from, where there are some.")
        ] = None,
        question_id: QuestionId = None,
        wait_seconds: Wait = WAIT_SECONDS,
    ) -> Annotated[CallToolResult, Reply]:
        """Ask a person about the task in hand, and wait a while for the answer.

        It is asked where people are: in Discord and on the dashboard. They may take hours. Where
        nobody has answered yet, call again with the question_id to go on waiting.
        """
        async with self.desk.holding(task_id) as held:
            number = question_id or await self._asked(held, question, choices)
            now = await self._settled(ctx, held, number, wait_seconds)
        if not now.is_open:
            self.desk.note_answered(number)
        return _reply(now).said()

    async def _asked(self, held: Held, question: str, choices: Sequence[str] | None) -> int:
        if not question.strip():
            raise ToolError("Say the question, or the question_id of one to go on waiting for.")
        known = self.desk.open_question(held.id, question)
        if known is not None:
            return known
        asked = await held.athena.ask(
            held.id,
            question,
            kind="choice" if choices else "text",
            choices=choices or None,
            attempt=held.attempt,
        )
        self.desk.note_asked(held.id, question, asked.id)
        return asked.id

    async def _settled(
        self, ctx: Context[None, Any], held: Held, number: int, seconds: float
    ) -> wire.Question:
        try:
            now = await held.athena.question(number)
            async for slice_seconds in slices(ctx, seconds, "Waiting for a person's answer"):
                if not now.is_open:
                    break
                # Waiting is a sign of life, too.
                await held.athena.renew(held.id, attempt=held.attempt)
                now = await held.athena.question(number, wait=slice_seconds)
            return now
        except Unreachable as error:
            raise ToolError(
                f"{texts.clean(str(error))} The question stands: call ask_person again in a minute"
                f" with task_id={held.id} and question_id={number}."
            ) from error


def _reply(question: wire.Question) -> Reply:
    return Reply(
        summary=_summary(question),
        question_id=question.id,
        status=question.status,
        answered_by=question.answered_by,
        answer=question.answer and texts.excerpt(question.answer, full=True),
        note=question.note and texts.excerpt(question.note, full=True),
    )


def _summary(question: wire.Question) -> str:
    if question.is_open:
        return (
            f"Nobody has answered question {question.id} yet. To go on waiting, call ask_person"
            f" with task_id={question.task_id} and question_id={question.id}; the task stays yours."
            " Or do meanwhile what needs no answer."
        )
    if question.answer is None:
        return f"Question {question.id} was withdrawn: nobody will answer it."
    return f"Question {question.id} is answered."
